use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::*;
use crate::config::StateDir;

const FIRST: AccountId = twin::Place(0);
const SECOND: AccountId = twin::Place(1);
const SERIAL: &str = "01P00A000000001";

fn now(seconds: u64) -> Now {
    let wall: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    let mono = Duration::from_secs(seconds);
    Now { mono, wall: wall + mono }
}

fn messages(ids: &[u64]) -> Vec<domain::Message> {
    ids.iter().map(|id| domain::Message { id: id.to_string().into(), ..domain::Message::default() }).collect()
}

struct Scene {
    _folder: tempfile::TempDir,
    state: Arc<StateDir>,
    tasks: JoinSet<String>,
    writer: Writer,
    facts: Facts,
    serial: Serial,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = Arc::new(StateDir::open(&folder.path().join("state")).unwrap());
        let mut tasks = JoinSet::new();
        let writer = writer(&mut tasks, &state);
        let facts = Facts::open(&writer);
        Self { _folder: folder, state, tasks, writer, facts, serial: Serial::new(SERIAL) }
    }

    fn add(&mut self, id: AccountId, place: usize, label: &str) {
        self.facts.add(now(0), &self.serial, id, (place, label));
    }

    /// The numbers of the messages that are told.
    fn told(&mut self, id: AccountId, ids: &[u64]) -> Vec<String> {
        self.facts.on_messages(now(1), id, messages(ids)).into_iter().map(|m| m.id.to_string()).collect()
    }

    /// The program ends and starts again.
    async fn restart(&mut self) {
        self.facts.close();
        self.writer.close().await;
        self.writer = writer(&mut self.tasks, &self.state);
        self.facts = Facts::open(&self.writer);
    }
}

fn writer(tasks: &mut JoinSet<String>, state: &Arc<StateDir>) -> Writer {
    // Nobody listens.
    let (sender, _) = mpsc::channel(1);
    Writer::start(tasks, Arc::clone(state) as _, sender, |event| event)
}

fn picture(n: u8) -> Arc<Picture> {
    Arc::new(Picture::new(vec![0xFF, 0xD8, 0xFF, n]).unwrap())
}

#[tokio::test]
async fn of_two_pictures_in_a_hurry_the_last_is_kept() {
    let mut scene = Scene::new();
    let serial = scene.serial.clone();
    let kept = |scene: &Scene| scene.facts.cache.picture(View::Cover, &serial);
    for steps in [[Some(1), Some(2)], [Some(3), None], [None, Some(4)]] {
        for step in steps {
            scene.facts.cache.keep_picture(View::Cover, &serial, step.map(picture));
        }
        let last = steps[1].map(picture);
        assert_eq!(kept(&scene), last, "for whoever begins meanwhile");
        scene.restart().await;
        assert_eq!(kept(&scene), last, "and on the disk");
    }
}

#[tokio::test]
async fn an_account_that_is_begun_anew_tells_no_message_twice() {
    let mut scene = Scene::new();
    scene.add(FIRST, 0, "a");
    assert!(scene.told(FIRST, &[1, 2]).is_empty(), "the first look is at what was there before");
    assert_eq!(scene.told(FIRST, &[1, 2, 3]), ["3"]);
    scene.facts.keep_accounts(now(2), |_| false);
    scene.add(SECOND, 0, "a");
    assert_eq!(scene.told(SECOND, &[1, 2, 3, 4]), ["4"]);
}

#[tokio::test]
async fn what_is_known_of_an_account_is_its_own_wherever_it_stands_in_the_configuration() {
    let mut scene = Scene::new();
    scene.add(FIRST, 0, "a");
    scene.add(SECOND, 1, "b");
    scene.told(FIRST, &[5]);
    scene.told(SECOND, &[100]);
    scene.facts.accounts.get_mut(&SECOND).unwrap().kept.names =
        Arc::new(Names::from([("P8d19ba6".into(), "Mine".into())]));
    scene.restart().await;
    scene.add(FIRST, 0, "b");
    scene.add(SECOND, 1, "a");
    assert_eq!(scene.told(SECOND, &[5, 6]), ["6"]);
    assert!(scene.told(FIRST, &[100]).is_empty());
    assert_eq!(scene.facts.accounts[&FIRST].kept.names.len(), 1);
    assert!(scene.facts.accounts[&SECOND].kept.names.is_empty());
}

fn presence() -> Presence {
    Presence { serial: SERIAL.into(), online: Some(true), ..Presence::default() }
}

#[tokio::test]
async fn what_an_account_said_is_forgotten_when_it_can_say_no_more() {
    let mut scene = Scene::new();
    scene.add(FIRST, 0, "a");
    let known = scene.facts.printers.get_mut(&scene.serial).unwrap();
    known.online = Some(true);
    known.presence = Some(Arc::new(presence()));
    scene.facts.changed.clear();
    scene.facts.on_silence(now(1), SECOND);
    assert!(scene.facts.changed.is_empty(), "another account's silence is none of it");
    scene.facts.on_silence(now(1), FIRST);
    let facts = scene.facts.printers[&scene.serial].facts(&Arc::default());
    assert_eq!((facts.online, facts.presence), (None, None));
    assert!(scene.facts.changed.contains(&scene.serial), "and its session hears of it");
}

#[tokio::test]
async fn presence_of_a_printer_does_not_outlive_its_return() {
    let mut scene = Scene::new();
    scene.add(FIRST, 0, "a");
    let serial = scene.serial.clone();
    let mut snapshot = Snapshot::unheard("", bambu::identity(&serial, ["C12", "P1S"]));
    snapshot.reach = Reach::Offline;
    scene.facts.observe(now(1), &serial, &snapshot);
    scene.facts.printers.get_mut(&serial).unwrap().presence = Some(Arc::new(presence()));
    for reach in [Reach::Online, Reach::Offline] {
        snapshot.reach = reach;
        scene.facts.observe(now(2), &serial, &snapshot);
        assert_eq!(scene.facts.printers[&serial].facts(&Arc::default()).presence, None, "{reach:?}");
    }
}

fn page(ids: std::ops::Range<u32>, next: Option<&str>) -> Page {
    let task = |id: u32| Task { id: id.to_string().into(), serial: SERIAL.into(), ..Task::default() };
    Page { tasks: ids.rev().map(task).collect(), next: next.map(Text::from) }
}

#[tokio::test]
async fn older_tasks_are_read_to_the_last_page_also_across_a_start() {
    let mut scene = Scene::new();
    scene.add(FIRST, 0, "a");
    let serial = scene.serial.clone();
    scene.facts.on_tasks(now(1), &serial, page(80..100, Some("80")), &Job::default());
    scene.facts.want_older(now(1), &serial);
    let older = |scene: &Scene| {
        let older = scene.facts.printers[&scene.serial].older.clone();
        older.map(|older| (older.after.to_string(), older.pages))
    };
    assert_eq!(older(&scene), Some(("80".into(), 1)));
    let told = scene.facts.on_older(now(2), &serial, &"80".into(), page(60..80, Some("60")));
    assert_eq!((told.len(), older(&scene)), (20, Some(("60".into(), 2))));
    scene.restart().await;
    scene.add(FIRST, 0, "a");
    assert_eq!(older(&scene), Some(("60".into(), 2)));
    assert!(scene.facts.accounts[&FIRST].plan.deadline().is_some());
    // The same answer twice is none to another question.
    assert!(scene.facts.on_older(now(3), &serial, &"80".into(), page(60..80, Some("60"))).is_empty());
    scene.facts.on_older(now(3), &serial, &"60".into(), page(55..60, None));
    assert_eq!(older(&scene), None);

    // A cloud that does not know pages gives the same again.
    scene.facts.on_tasks(now(4), &serial, page(80..100, Some("80")), &Job::default());
    scene.facts.want_older(now(4), &serial);
    scene.facts.on_older(now(5), &serial, &"80".into(), page(80..100, Some("80")));
    assert_eq!(older(&scene), None);
    // And there is an end in any case.
    scene.facts.want_older(now(6), &serial);
    let mut pages = 1;
    while let Some((after, _)) = older(&scene) {
        let next = (after.parse::<u32>().unwrap() - 1).to_string();
        scene.facts.on_older(now(6), &serial, &after.as_str().into(), page(0..0, Some(&next)));
        pages += 1;
    }
    assert_eq!(pages, PAGES);
}

/// A printer that prints a file of the cloud's, or something else.
fn printing(project: &str, kind: printer::JobKind) -> Snapshot {
    let mut snapshot = Snapshot::unheard("", bambu::identity(&Serial::new(SERIAL), ["C12", "P1S"]));
    snapshot.capabilities = Some(printer::Capabilities::default());
    snapshot.status = Some(printer::Status::Running);
    snapshot.job.kind = Some(kind);
    let ids = printer::JobIds {
        task: Some(project.into()),
        project: Some(project.into()),
        profile: Some("7".into()),
        ..printer::JobIds::default()
    };
    snapshot.job.ids = Arc::new(ids);
    snapshot
}

#[tokio::test]
async fn the_file_of_a_job_is_asked_for_once_and_shown_for_that_job_alone() {
    let cloud = printer::JobKind::Cloud;
    let mut scene = Scene::new();
    scene.add(FIRST, 0, "a");
    let serial = scene.serial.clone();
    // What is due, and settled as an answer settles it.
    let wanted = |scene: &mut Scene, at: u64| {
        let plan = &mut scene.facts.accounts.get_mut(&FIRST).unwrap().plan;
        let mut keys = Vec::new();
        while let Some(want) = plan.next(Duration::from_secs(at)) {
            plan.done(Duration::from_secs(at), &want, crate::cloud::plan::AskOutcome::Answered, 1.0);
            keys.extend(match want {
                Want::Project(_, key) => Some(key),
                _ => None,
            });
        }
        keys
    };
    let plate = |name: &str| {
        let object = domain::PlateObject { id: 146, name: name.into() };
        let plate = Plate { index: 1, objects: vec![object], ..Plate::default() };
        Sliced { plates: vec![Arc::new(plate)], picks: [(1, "https://x/?sign=1".to_owned())].into() }
    };
    let shown = |scene: &Scene| {
        let facts = scene.facts.printers[&scene.serial].facts(&Arc::default());
        let name = facts.plate.map(|plate| plate.objects[0].name.to_string());
        (name, facts.pick.picture().is_some())
    };
    scene.facts.observe(now(1), &serial, &printing("1", cloud));
    let keys = wanted(&mut scene, 10);
    assert_eq!(keys.len(), 1);
    scene.facts.on_project(now(10), &serial, keys[0].clone(), plate("Cube"));
    scene.facts.on_pick(now(11), &serial, "1/7/1".into(), Picture::clone(&picture(1)));
    assert_eq!(shown(&scene), (Some("Cube".into()), true));
    scene.facts.on_pick(now(11), &serial, "1/7/2".into(), Picture::clone(&picture(2)));
    scene.restart().await;
    assert!(!std::fs::read_to_string(scene.state.path().join("facts.json")).unwrap().contains("sign"));
    scene.add(FIRST, 0, "a");
    scene.facts.observe(now(12), &serial, &printing("1", cloud));
    assert_eq!(wanted(&mut scene, 60), [], "once for a job, also after a start");
    assert_eq!(shown(&scene), (Some("Cube".into()), true));
    // The next one comes from the local network, whatever numbers it still shows.
    scene.facts.observe(now(61), &serial, &printing("1", printer::JobKind::Local));
    assert_eq!((shown(&scene), wanted(&mut scene, 120)), ((None, false), vec![]));
    // Of another one the cloud tells nothing: that is not asked again either, nor is a late answer another job's.
    scene.facts.observe(now(121), &serial, &printing("2", cloud));
    let keys = wanted(&mut scene, 130);
    assert_eq!(keys.len(), 1);
    scene.facts.observe(now(131), &serial, &printing("3", cloud));
    scene.facts.on_project(now(132), &serial, keys[0].clone(), plate("Vase"));
    assert_eq!(shown(&scene), (None, false));
    let keys = wanted(&mut scene, 140);
    scene.facts.on_project(now(140), &serial, keys[0].clone(), Sliced::default());
    scene.restart().await;
    scene.add(FIRST, 0, "a");
    scene.facts.observe(now(141), &serial, &printing("3", cloud));
    assert_eq!((shown(&scene), wanted(&mut scene, 200)), ((None, false), vec![]));
}
