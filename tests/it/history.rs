//! Jobs on the disk: the ledger that survives everything, and the history that people read.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bambu::access::CLOUD;
use bambu::session::Budget;
use bambu2mqtt::config::StateDir;
use bambu2mqtt::disk::{DiskEvent, FileName, Writer};
use bambu2mqtt::gateway::Clock;
use bambu2mqtt::history::{self, Entry};
use bambu2mqtt::ledger;
use homeassistant::topic::Topics;
use printer::ledger::{Going, Phase};
use printer::record::JobClass;
use printer::{Event, JobRecord, Ledger, Now, Policy, Serial, event};
use serde_json::{Value, json};
use simulator::{Endpoint, Failure, JobSpec, Options, Printer};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use twin::{Disk, Input, Output, Place, Setup, Twin};

use crate::support::world::{Eyes, Gateway, World, run, soon};
use crate::support::{Broker, Kind};

/// A gateway whose printers rest, each of them met before.
struct Scene {
    world: World,
    broker: Broker,
    eyes: Eyes,
    gateway: Gateway,
    document: Value,
}

impl Scene {
    async fn start() -> Self {
        let options = Options { printers: 2, speed: 60.0, ..Options::default() };
        Self::with(World::with(options).await).await
    }

    async fn with(world: World) -> Self {
        for serial in world.serials() {
            world.cloud.with_printer(&serial, Printer::rest).unwrap();
        }
        let broker = Broker::start(Kind::Embedded).await;
        let eyes = Eyes::open(broker.port).await;
        let document = world.configuration(broker.port, &Value::Null);
        let gateway = Gateway::start(&document);
        eyes.sees(&world.serials()).await;
        Self { world, broker, eyes, gateway, document }
    }

    fn state(&self) -> PathBuf {
        self.world.folder.path().join("state")
    }

    fn topic(&self, number: usize, rest: &str) -> String {
        format!("bambu2mqtt/{}/{rest}", self.world.serials()[number])
    }

    fn kept(&self, number: usize) -> Option<Ledger> {
        kept(&self.state(), &self.world.serials()[number])
    }

    /// Waits until the printer's ledger is as it should be.
    async fn until_kept(&self, number: usize, wanted: impl Fn(&Ledger) -> bool) {
        let waiting = async {
            while !self.kept(number).is_some_and(|ledger| wanted(&ledger)) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let done = tokio::time::timeout(crate::support::DEADLINE, waiting).await;
        assert!(done.is_ok(), "the ledger is {:?}", self.kept(number));
    }

    fn begin(&self, number: usize, name: &str) {
        let spec = JobSpec::cloud(name).seconds(1e6).layers(50);
        self.world.cloud.with_printer(&self.world.serials()[number], |p| p.start_job(spec)).unwrap();
    }

    fn finish(&self, number: usize) {
        self.world.cloud.with_printer(&self.world.serials()[number], |p| p.skip_to(0.999_999)).unwrap();
    }

    /// Waits for an event of a print, after the mark.
    async fn hears(&self, mark: usize, number: usize, kind: &str) -> Value {
        let part = format!("\"event_type\":\"{kind}\"");
        let text = self.eyes.hears(mark, &self.topic(number, "event/print"), &part).await;
        serde_json::from_str(&text).unwrap()
    }

    /// The events of a kind so far.
    fn heard(&self, number: usize, kind: &str) -> Vec<Value> {
        let topic = self.topic(number, "event/print");
        self.eyes.look(|seen| {
            let events = seen.messages.iter().filter(|(of, _)| *of == topic);
            let events = events.map(|(_, text)| serde_json::from_str::<Value>(text).unwrap());
            events.filter(|event| event["event_type"] == kind).collect()
        })
    }
}

fn kept(state: &Path, serial: &str) -> Option<Ledger> {
    let serial = Serial::new(serial);
    let bytes = std::fs::read(state.join(ledger::file_name(&serial))).ok()?;
    ledger::read(&serial, &bytes).ok()
}

/// Whether the last job is this one.
fn ended(ledger: &Ledger, name: &str) -> bool {
    ledger.last.as_ref().is_some_and(|job| job.name.as_deref() == Some(name))
}

#[tokio::test]
async fn a_print_that_finished_is_listed_while_the_gateway_runs() {
    let world = World::with(Options { printers: 2, speed: 60.0, ..Options::default() }).await;
    let file = world.write(&world.configuration(1, &Value::Null));
    let left = run(&["jobs", "-c", &file]).await;
    assert_eq!((left.code, left.stdout.as_str()), (Some(0), ""), "{left:?}");
    assert!(left.stderr.contains("jobs.jsonl") && left.stderr.contains("state_dir"), "{}", left.stderr);
    assert!(!world.folder.path().join("state").exists(), "looking makes nothing");

    let scene = Scene::with(world).await;
    scene.until_kept(0, |ledger| ledger.known).await;
    scene.begin(0, "Bracket, left");
    scene.hears(0, 0, "started").await;
    scene.finish(0);
    let event = scene.hears(0, 0, "finished").await;
    assert_eq!(event["job"]["name"], "Bracket, left");
    assert_eq!(event["redelivered"], false);
    scene.eyes.hears(0, &scene.topic(0, "trigger"), "print_finished").await;
    scene.until_kept(0, |ledger| ended(ledger, "Bracket, left")).await;

    // Beside what the cloud's list had of the time before.
    let listed = async || loop {
        let left = run(&["jobs", "--json", "-c", &file]).await;
        let mut jobs: Vec<Value> = serde_json::from_str(&left.stdout).unwrap();
        jobs.retain(|job| job["observed"] == true);
        if !jobs.is_empty() {
            return jobs;
        }
    };
    let jobs = listed().await;
    assert_eq!(jobs.len(), 1);
    assert_eq!((&jobs[0]["name"], &jobs[0]["result"]), (&json!("Bracket, left"), &json!("finished")));
    assert_eq!(jobs[0]["serial"], scene.world.serials()[0]);
    let table = run(&["jobs", "-c", &file, "--since", "1h", "--last", "5"]).await.stdout;
    assert!(table.contains("Bracket, left") && table.contains("finished"), "{table}");
    let csv = run(&["jobs", "-c", &file, "--csv"]).await.stdout;
    assert!(csv.lines().any(|line| line.contains("\"Bracket, left\"")), "{csv}");
    let none = run(&["jobs", "-c", &file, "--printer", "nobody"]).await;
    assert!(none.stdout.is_empty() && none.stderr.contains("--printer"), "{none:?}");
    let wrong = run(&["jobs", "-c", &file, "--since", "yesterday"]).await;
    assert_eq!(wrong.code, Some(2), "{wrong:?}");

    // Another start finds nothing new to tell, and forgets nothing.
    let Scene { world, broker, eyes, gateway, document } = scene;
    gateway.stop().await;
    let mark = eyes.mark();
    let gateway = Gateway::start(&document);
    eyes.hears(mark, "bambu2mqtt/bridge/availability", "online").await;
    gateway.stop().await;
    eyes.look(|seen| {
        let events = seen.messages.iter().skip(mark).filter(|(topic, _)| topic.ends_with("/event/print"));
        assert_eq!(events.collect::<Vec<_>>(), Vec::<&(String, String)>::new());
    });
    drop((world, broker));
}

/// What happens between two runs is dated by this: a restart of five seconds is no gap of an hour.
#[tokio::test]
async fn a_gateway_that_stops_notes_until_when_it_looked() {
    let scene = Scene::start().await;
    scene.until_kept(0, |ledger| ledger.known).await;
    scene.begin(0, "Hook");
    scene.hears(0, 0, "started").await;
    // The other one rests: nothing but the stop writes its ledger.
    scene.until_kept(1, |ledger| ledger.known).await;
    let before = Clock::start().now().wall;
    let kept = [scene.kept(0), scene.kept(1)];
    assert!(kept.iter().all(|kept| kept.as_ref().unwrap().seen_at.unwrap() < before));
    let (state, serials) = (scene.state(), scene.world.serials());
    scene.gateway.stop().await;
    for serial in &serials[..2] {
        let seen_at = self::kept(&state, serial).unwrap().seen_at.unwrap();
        assert!(seen_at >= before, "{seen_at} is before {before}");
    }
}

#[tokio::test]
async fn a_directory_that_takes_nothing_is_said_and_events_are_told_all_the_same() {
    let scene = Scene::start().await;
    scene.until_kept(0, |ledger| ledger.known).await;
    let problem = "bambu2mqtt/bridge/state_problem";
    scene.eyes.holds(problem, "OFF").await;
    // Nothing can take the place of a directory that is not empty: it refuses as a full disk does.
    let place = scene.state().join(ledger::file_name(&Serial::new(&scene.world.serials()[0])));
    std::fs::remove_file(&place).unwrap();
    std::fs::create_dir_all(place.join("in the way")).unwrap();
    scene.begin(0, "Hook");
    scene.hears(0, 0, "started").await;
    scene.eyes.holds(problem, "ON").await;
    scene.eyes.hears(0, "bambu2mqtt/bridge/state_problem/attributes", "state directory").await;
    std::fs::remove_dir_all(&place).unwrap();
    scene.finish(0);
    scene.hears(0, 0, "finished").await;
    scene.eyes.holds(problem, "OFF").await;
    scene.until_kept(0, |ledger| ended(ledger, "Hook")).await;
    assert_eq!((scene.heard(0, "started").len(), scene.heard(0, "finished").len()), (1, 1));
}

#[tokio::test]
async fn of_a_ledger_that_cannot_be_read_nothing_is_invented() {
    let world = World::with(Options { printers: 2, speed: 60.0, ..Options::default() }).await;
    let serials = world.serials();
    let state = StateDir::open(&world.folder.path().join("state")).unwrap();
    let serial = Serial::new(&serials[0]);
    let mut good = Ledger { known: true, seq: 7, ..Ledger::default() };
    good.counters.finished = 3;
    let bytes = ledger::write(&serial, &good);
    state.write(&ledger::file_name(&serial), &bytes[..bytes.len() / 2]).unwrap();
    // It comes up beside a print that is under way, of which it knows nothing.
    world.cloud.with_printer(&serials[0], |p| p.start_job(JobSpec::cloud("Old").seconds(1e6))).unwrap();
    world.cloud.with_printer(&serials[1], Printer::rest).unwrap();
    let broker = Broker::start(Kind::Embedded).await;
    let eyes = Eyes::open(broker.port).await;
    let gateway = Gateway::start(&world.configuration(broker.port, &Value::Null));
    eyes.holds("bambu2mqtt/bridge/availability", "online").await;
    eyes.holds("bambu2mqtt/bridge/state_problem", "ON").await;
    let reason = eyes.hears(0, "bambu2mqtt/bridge/state_problem/attributes", "ledger").await;
    assert!(reason.contains(".bad") && !reason.contains(serials[0].as_str()), "{reason}");
    let scene = Scene { document: Value::Null, world, broker, eyes, gateway };
    scene.until_kept(0, |ledger| ledger.known && ledger.open.is_some()).await;
    assert!(scene.state().join(format!("{}.bad", ledger::file_name(&serial))).is_file());
    // The print that was met is told when it ends, and had no beginning.
    scene.finish(0);
    scene.hears(0, 0, "finished").await;
    assert_eq!(scene.heard(0, "started").len(), 0);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_calibration_is_not_in_the_list_of_prints() {
    let world = World::with(Options { printers: 1, speed: 10.0, ..Options::default() }).await;
    let serials = world.serials();
    world.cloud.with_printer(&serials[0], Printer::rest).unwrap();
    // The program was killed when both had ended, before anybody heard of it.
    let state = StateDir::open(&world.folder.path().join("state")).unwrap();
    let serial = Serial::new(&serials[0]);
    let at = Clock::start().now().wall;
    let event = |seq: u64, kind, class, name: &str| Event {
        id: format!("01JZZZZZZZZZZZZZZZZZZZZZZ{seq}").into(),
        seq,
        kind,
        at,
        since: None,
        late: false,
        inferred: false,
        source: event::EventSource::Report,
        job: Some(Box::new(JobRecord {
            key: format!("e{seq}").into(),
            class,
            name: Some(name.into()),
            ended_at: Some(at),
            observed: true,
            ..JobRecord::default()
        })),
        reason: None,
        count: None,
    };
    let pending = VecDeque::from([
        event(1, event::Kind::Finished, JobClass::Print, "Lid"),
        event(2, event::Kind::CalibrationFinished, JobClass::Calibration, "auto_cali"),
    ]);
    let ledger = Ledger { known: true, epoch: 2, seq: 2, pending, ..Ledger::default() };
    state.write(&ledger::file_name(&serial), &ledger::write(&serial, &ledger)).unwrap();
    let broker = Broker::start(Kind::Embedded).await;
    let eyes = Eyes::open(broker.port).await;
    let document = world.configuration(broker.port, &Value::Null);
    let gateway = Gateway::start(&document);
    let topic = format!("bambu2mqtt/{}/event/print", serials[0]);
    eyes.hears(0, &topic, "calibration_finished").await;
    // What is written by then is written for good.
    gateway.stop().await;
    let left = run(&["jobs", "--json", "-c", &world.write(&document)]).await;
    let mut jobs: Vec<Value> = serde_json::from_str(&left.stdout).unwrap();
    jobs.retain(|job| job["observed"] == true);
    let names: Vec<_> = jobs.iter().map(|job| &job["name"]).collect();
    assert_eq!(names, ["Lid"], "{}", left.stdout);
}

#[tokio::test]
async fn the_history_of_a_new_printer_is_filled_page_by_page() {
    let world = World::with(Options { printers: 1, speed: 10.0, ..Options::default() }).await;
    let serials = world.serials();
    world
        .cloud
        .with_printer(&serials[0], |printer| {
            printer.rest();
            printer.remember_more(45);
        })
        .unwrap();
    let broker = Broker::start(Kind::Embedded).await;
    let document = world.configuration(broker.port, &Value::Null);
    let gateway = Gateway::at_speed(&document, None, 60);
    let state = StateDir::open(&world.folder.path().join("state")).unwrap();
    let jobs = || history::read(&state).unwrap().entries;
    let filled = async {
        while !jobs().iter().any(|entry| entry.job.name.as_deref() == Some("Earlier 45")) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    soon("the oldest print", filled).await;
    gateway.stop().await;
    let entries = jobs();
    // Those of yesterday are there, too, and none is there twice.
    let names: Vec<_> = entries.iter().filter_map(|entry| entry.job.name.as_deref()).collect();
    let earlier: Vec<_> = (1..=45).rev().map(|number| format!("Earlier {number}")).collect();
    assert_eq!(names[..45], earlier, "those that ended first before the others");
    assert!(names[45..].iter().all(|name| !name.starts_with("Earlier")) && names.len() >= 48, "{names:?}");
    let asked = world.cloud.rest().asked(Endpoint::Tasks);

    // Another start begins no second filling.
    let gateway = Gateway::at_speed(&document, None, 60);
    let eyes = Eyes::open(broker.port).await;
    eyes.holds("bambu2mqtt/bridge/printers_online", "1").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    gateway.stop().await;
    assert_eq!(jobs(), entries);
    assert!(world.cloud.rest().asked(Endpoint::Tasks) <= asked + 2, "{:?}", world.cloud.rest().requests());
}

#[tokio::test]
async fn how_an_unseen_print_ended_is_asked_until_the_cloud_knows() {
    let world = World::with(Options { printers: 1, speed: 10.0, ..Options::default() }).await;
    let serials = world.serials();
    world.cloud.with_printer(&serials[0], Printer::rest).unwrap();
    let state = StateDir::open(&world.folder.path().join("state")).unwrap();
    let serial = Serial::new(&serials[0]);
    let ago = |minutes: u64| Clock::start().now().wall - Duration::from_secs(60 * minutes);
    let open = JobRecord {
        key: "57009999.1".into(),
        name: Some("Vase".into()),
        task_id: Some("57009999".into()),
        started_at: Some(ago(180)),
        progress: Some(40),
        observed: true,
        ..JobRecord::default()
    };
    let going = Going { phase: Phase::Running, counted_from: Some(ago(180)), ..Going::default() };
    let seen_at = Some(ago(120));
    let ledger =
        Ledger { known: true, epoch: 1, seq: 7, open: Some(open), going, seen_at, ..Ledger::default() };
    state.write(&ledger::file_name(&serial), &ledger::write(&serial, &ledger)).unwrap();
    // Tasks appear late in its list.
    let rest = world.cloud.rest();
    let list = |hits: Value| Failure::Json(200, json!({"total": 1, "hits": hits}));
    rest.fail(Endpoint::Tasks, list(json!([])));
    let broker = Broker::start(Kind::Embedded).await;
    let eyes = Eyes::open(broker.port).await;
    let gateway = Gateway::at_speed(&world.configuration(broker.port, &Value::Null), None, 10);
    let asked = async {
        while rest.asked(Endpoint::Tasks) < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    soon("a second question", asked).await;
    rest.fail(
        Endpoint::Tasks,
        list(json!([{"id": 57_009_999, "title": "Vase", "deviceId": serials[0], "status": 2,
            "startTime": ago(180).to_string(), "endTime": ago(60).to_string()}])),
    );
    let topic = format!("bambu2mqtt/{}/event/print", serials[0]);
    let event: Value = serde_json::from_str(&eyes.hears(0, &topic, "\"job\"").await).unwrap();
    assert_eq!((&event["event_type"], &event["source"]), (&json!("finished"), &json!("cloud")), "{event}");
    assert_eq!((&event["late"], &event["inferred"]), (&json!(true), &json!(false)), "{event}");
    gateway.stop().await;
}

/// What a print of three hours costs an SD card.
#[tokio::test]
async fn a_print_of_three_hours_costs_the_disk_little() {
    let folder = tempfile::tempdir().unwrap();
    let state = Arc::new(StateDir::open(folder.path()).unwrap());
    let (sender, mut inbox) = mpsc::channel(10_000);
    let mut tasks = JoinSet::new();
    let writer = Writer::start(&mut tasks, state, sender, |report| report);

    let mut printer = Printer::new(1, 7);
    printer.rest();
    let serial = Serial::new(printer.serial());
    let file = FileName::from(ledger::file_name(&serial));
    let topics = Topics { base: "b".into(), discovery: "h".into(), id_prefix: "b".into() };
    let policy = Policy { name: "A1".into(), ..Policy::default() };
    let mut twin =
        Twin::new(Setup::new(serial.clone(), ["", ""], policy, &Arc::new(topics)), &mut Vec::new());
    let (place, mut budget) = (Place::default(), Budget::for_printers(1));
    let mut now = Now { mono: Duration::ZERO, wall: "2026-03-01T00:00:00Z".parse().unwrap() };
    let (mut saves, mut events, mut lines) = (0, 0, 0);
    let (mut said, mut outputs) = (Vec::new(), Vec::new());
    let mut begun = false;
    for second in 0..4 * 3600_u32 {
        now = Now { mono: now.mono + Duration::from_secs(1), wall: now.wall + Duration::from_secs(1) };
        if second == 60 {
            printer.start_job(JobSpec::cloud("Three hours").seconds(3.0 * 3600.0).layers(400));
            begun = true;
        }
        printer.tick(Duration::from_secs(1), &mut said);
        let mut inputs = VecDeque::from([Input::Tick]);
        if second == 0 {
            inputs.extend([Input::Join(place, &CLOUD), Input::Connected(place)]);
            inputs.extend([Input::Broker(twin::Broker::Up), Input::Broker(twin::Broker::Tell(None))]);
        }
        let heard = std::mem::take(&mut said);
        inputs.extend(heard.iter().map(|payload| Input::Message(place, payload)));
        while let Some(input) = inputs.pop_front() {
            twin.handle(now, input, &mut budget, &mut outputs);
            for output in outputs.drain(..) {
                match output {
                    Output::Request(_, request) => said.extend(printer.handle(request.payload.as_bytes())),
                    Output::Store => {
                        saves += 1;
                        let version = writer.store(&file, ledger::write(&serial, twin.ledger()));
                        inputs.push_back(Input::Disk(Disk::Handed(version)));
                        inputs.push_back(Input::Disk(Disk::Stored(version)));
                        while !matches!(inbox.recv().await, Some(DiskEvent::Stored(_, stored)) if stored >= version)
                        {
                        }
                    }
                    Output::History(job) => {
                        lines += 1;
                        let entry = Entry { serial: serial.as_str().into(), printer: "A1".into(), job: *job };
                        writer.append(entry.line());
                    }
                    Output::Event(number, _) => {
                        events += 1;
                        inputs.push_back(Input::Broker(twin::Broker::Took(number)));
                    }
                    _ => {}
                }
            }
        }
    }
    writer.close().await;
    let cost = writer.cost();
    println!(
        "a print of 3 h on an A1: {events} events, {saves} saves, {} ledgers and {} lines written, {} bytes, {} syncs",
        cost.files, cost.lines, cost.bytes, cost.syncs
    );
    assert!(begun && lines == 1, "{lines} jobs");
    assert!(cost.files < 100 && cost.bytes < 300_000, "{cost:?}");
}
