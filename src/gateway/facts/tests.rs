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
    let kept = |scene: &Scene| scene.facts.cache.picture(&serial);
    for steps in [[Some(1), Some(2)], [Some(3), None], [None, Some(4)]] {
        for step in steps {
            scene.facts.cache.keep_picture(&serial, step.map(picture));
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
