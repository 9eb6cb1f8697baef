//! The demo's printers as the gateway takes them: each simulated model is recognised with all that it has, and any
//! recording can be played.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use homeassistant::topic::Topics;
use printer::{AmsKind, Control, Now, Observed, Policy, Reach, Serial, Snapshot};
use serde_json::{Value, json};
use simulator::{Model, Options, Printer, Recording};
use twin::{Input, Setup};

use crate::support::player::{HERE, Player};
use crate::support::shared::shared;
use crate::support::world::{Eyes, Gateway, Program, World, run};
use crate::support::{Broker, Kind};

/// A simulated printer and what listens to it, with time in hand.
fn at(mono: Duration) -> Now {
    let start: jiff::Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    Now { mono, wall: start + mono }
}

struct Pair {
    printer: Printer,
    player: Player,
    now: Duration,
}

impl Pair {
    fn new(number: usize) -> Self {
        let printer = Printer::new(number, 3);
        let model = printer.model();
        let names = [model.code(), model.product_name()];
        let topics = Topics { base: "b".into(), discovery: "h".into(), id_prefix: "b".into() };
        let policy = Policy { name: printer.name().into(), ..Policy::default() };
        let setup = Setup::new(Serial::new(printer.serial()), names, policy, &Arc::new(topics));
        let mut pair = Self { printer, player: Player::of(at(Duration::ZERO), setup), now: Duration::ZERO };
        pair.answer();
        pair
    }

    fn take(&mut self, input: Input<'_>) {
        self.player.handle(at(self.now), input);
        self.answer();
    }

    /// Lets the simulated printer answer what it was asked.
    fn answer(&mut self) {
        for request in std::mem::take(&mut self.player.requests) {
            for answer in self.printer.handle(request.payload.as_bytes()) {
                self.take(Input::Message(HERE, &answer));
            }
        }
    }

    fn live(&mut self, seconds: usize) {
        let mut reports = Vec::new();
        for _ in 0..seconds {
            self.now += Duration::from_secs(1);
            self.printer.tick(Duration::from_secs(1), &mut reports);
            for report in reports.drain(..) {
                self.take(Input::Message(HERE, &report));
            }
            if self.player.twin.deadline().is_some_and(|at| at <= self.now) {
                self.take(Input::Tick);
            }
        }
    }

    /// The connection is lost for so many seconds; the printer goes on.
    fn lose(&mut self, seconds: u32) {
        self.take(Input::Disconnected(HERE));
        for _ in 0..seconds {
            self.now += Duration::from_secs(1);
            self.printer.tick(Duration::from_secs(1), &mut Vec::new());
        }
        self.take(Input::Connected(HERE));
    }

    fn snapshot(&self) -> &Snapshot {
        self.player.snapshot()
    }
}

/// What the gateway calls a model, and the matrix of features: nozzles, chamber sensor and heater, fans
/// (auxiliary, chamber, second auxiliary), second chamber lamp, work light, sound, Wi-Fi, external spools, limits
/// of nozzle and bed, units.
type Row = (Model, &'static str, u8, [bool; 2], [bool; 3], [bool; 4], u8, [u16; 2], &'static [AmsKind]);

const ON: bool = true;
const NO: bool = false;

#[rustfmt::skip]
const MATRIX: [Row; 14] = [
    (Model::X1,     "X1",      1, [ON, NO], [ON, ON, NO], [NO, ON, NO, ON], 1, [300, 120], &[AmsKind::Ams]),
    (Model::X1c,    "X1C",     1, [ON, NO], [ON, ON, NO], [NO, ON, NO, ON], 1, [300, 120], &[AmsKind::Ams]),
    (Model::X1e,    "X1E",     1, [ON, ON], [ON, ON, NO], [NO, ON, NO, ON], 1, [320, 110], &[AmsKind::Ams]),
    (Model::P1p,    "P1P",     1, [NO, NO], [NO, NO, NO], [NO, NO, NO, ON], 1, [300, 100], &[]),
    (Model::P1s,    "P1S",     1, [NO, NO], [ON, ON, NO], [NO, NO, NO, ON], 1, [300, 100], &[AmsKind::Ams]),
    (Model::P2s,    "P2S",     1, [ON, NO], [ON, NO, NO], [NO, ON, ON, ON], 1, [300, 110], &[AmsKind::Pro2]),
    (Model::A1,     "A1",      1, [NO, NO], [NO, NO, NO], [NO, NO, ON, ON], 1, [300, 100], &[AmsKind::Lite]),
    (Model::A1Mini, "A1 mini", 1, [NO, NO], [NO, NO, NO], [NO, NO, ON, ON], 1, [300, 80], &[AmsKind::Lite]),
    (Model::A2l,    "A2L",     1, [NO, NO], [NO, NO, NO], [NO, NO, ON, ON], 1, [300, 80], &[AmsKind::Lite]),
    (Model::H2d,    "H2D",     2, [ON, ON], [ON, ON, NO], [ON, ON, ON, ON], 2, [350, 120],
        &[AmsKind::Pro2, AmsKind::Ht]),
    (Model::H2dPro, "H2D Pro", 2, [ON, ON], [ON, ON, NO], [ON, ON, ON, ON], 2, [350, 120],
        &[AmsKind::Pro2, AmsKind::Ht]),
    (Model::H2s,    "H2S",     1, [ON, ON], [ON, ON, NO], [ON, ON, ON, ON], 1, [350, 120], &[AmsKind::Pro2]),
    (Model::H2c,    "H2C",     2, [ON, ON], [ON, ON, NO], [ON, ON, ON, ON], 2, [350, 120], &[AmsKind::Pro2]),
    (Model::X2d,    "X2D",     2, [ON, ON], [ON, ON, ON], [NO, ON, ON, ON], 2, [300, 120], &[AmsKind::Pro2]),
];

#[test]
fn each_simulated_model_is_recognised_with_all_that_it_has() {
    for (number, model) in Model::ALL.into_iter().enumerate() {
        let (_, name, nozzles, chamber, fans, rest, spools, limits, units) =
            *MATRIX.iter().find(|(of, ..)| *of == model).unwrap();
        let mut pair = Pair::new(number);
        pair.live(20);
        let seen = pair.snapshot();
        assert_eq!(seen.identity.model, name);
        let can = seen.capabilities.unwrap_or_else(|| panic!("{name} is not ready"));
        assert_eq!(u8::from(can.dual_nozzle) + 1, nozzles, "{name}");
        assert_eq!([can.chamber_sensor, can.chamber_heater], chamber, "{name}: chamber");
        assert_eq!([can.aux_fan, can.chamber_fan, can.second_aux_fan], fans, "{name}: fans");
        assert_eq!([can.chamber_light_2, can.work_light, can.prompt_sound, can.wifi], rest, "{name}");
        assert_eq!((can.external_spools, [can.nozzle_max, can.bed_max]), (spools, limits), "{name}");
        assert!(can.chamber_light && can.timelapse && can.heatbreak_fan, "{name}");
        let kinds: Vec<_> = seen.ams.iter().map(|ams| ams.kind).collect();
        assert_eq!(kinds, units, "{name}");
        assert!(
            seen.reach == Reach::Online && pair.player.notes.is_empty(),
            "{name}: {:?}",
            pair.player.notes
        );
    }
}

#[test]
fn simulated_printers_say_what_a_print_needs_and_their_source_is_known() {
    for number in 0..Model::ALL.len() {
        let mut pair = Pair::new(number);
        pair.live(240);
        let seen = pair.snapshot();
        let name = &seen.identity.model;
        assert!(seen.status.is_some() && seen.identity.firmware.is_some(), "{name}");
        assert!(seen.nozzles[0].actual.is_some() && seen.bed.actual.is_some(), "{name}");
        let job = &seen.job;
        assert!(
            job.progress.is_some() && (job.total_layers.is_some() || !seen.is_active()),
            "{name}: {job:?}"
        );
        assert!(seen.sources[0].is_some(), "{name}: {:?}", seen.sources);
        // Nobody knows from which version on an X1E wants signatures.
        let expected = if name == "X1E" { Control::Unknown } else { Control::Full };
        assert_eq!(seen.control, expected, "{name}");
        let name = name.clone();
        let fed = |pair: &Pair| {
            let seen = pair.snapshot();
            let filament = |source: &_| seen.slot(*source).is_some_and(|slot| slot.filament().is_some());
            seen.is_active() && seen.sources.iter().flatten().any(filament)
        };
        let printed = (0..150).any(|_| {
            pair.live(10);
            fed(&pair)
        });
        assert!(printed, "{name} prints from nowhere: {:?}", pair.snapshot().sources);
        assert!(pair.player.notes.is_empty(), "{name}: {:?}", pair.player.notes);
    }
}

#[test]
fn a_demo_shows_that_a_print_is_about_to_finish() {
    for (number, stage) in [(0, "unloading filament"), (1, "idle"), (2, "unloading filament")] {
        let mut pair = Pair::new(number);
        pair.printer.rest();
        pair.live(120);
        pair.printer.start_job(simulator::JobSpec::cloud("gear"));
        pair.live(30);
        pair.printer.skip_to(0.5);
        pair.live(90);
        pair.printer.skip_to(0.99);
        pair.live(2);
        pair.player.events.clear();
        let name = pair.snapshot().identity.model.clone();
        let told = |pair: &Pair, word: &str| pair.player.events.iter().any(|event| event.kind.word() == word);
        let begun = (0..60).any(|_| {
            pair.live(1);
            told(&pair, "finishing")
        });
        assert!(begun && !told(&pair, "finished"), "{name}: {:?}", pair.player.events);
        let seen = pair.snapshot();
        assert_eq!(seen.status, Some(printer::Status::Running), "{name}");
        assert_eq!(seen.stage.and_then(printer::Stage::name), Some(stage), "{name}");
        pair.live(60);
        assert!(told(&pair, "finished"), "{name}: {:?}", pair.player.events);
    }
}

#[test]
fn changes_alone_lead_where_a_complete_report_does() {
    let terse = [Model::P1p, Model::P1s, Model::A1, Model::A1Mini, Model::A2l];
    for (number, model) in Model::ALL.into_iter().enumerate().filter(|(_, model)| terse.contains(model)) {
        let mut pair = Pair::new(number);
        pair.live(900);
        // The printer may owe the last second's changes.
        let mut reports = Vec::new();
        while reports.is_empty() {
            pair.printer.tick(Duration::from_secs(1), &mut reports);
        }
        for report in &reports {
            pair.take(Input::Message(HERE, report));
        }
        let told = Observed::clone(&pair.snapshot().observed);
        let full = pair.printer.full();
        pair.take(Input::Message(HERE, &full));
        let mut after = Observed::clone(&pair.snapshot().observed);
        // What is left of a spool comes with complete reports only.
        after.ams.clone_from(&told.ams);
        // A speed that is told twice counts as chosen.
        assert_eq!(told.fans.part.percent, after.fans.part.percent, "{model:?}");
        after.fans = told.fans;
        assert_eq!(told, after, "{model:?}");
    }
}

#[tokio::test]
async fn one_of_each_model_is_there_at_once() {
    let world = World::with(Options { printers: Model::ALL.len(), ..Options::default() }).await;
    let broker = Broker::start(Kind::Embedded).await;
    let eyes = Eyes::open(broker.port).await;
    let gateway = Gateway::start(&world.configuration(broker.port, &Value::Null));
    eyes.holds("bambu2mqtt/bridge/printers_online", "14").await;
    eyes.holds("bambu2mqtt/bridge/availability", "online").await;
    eyes.look(|seen| {
        for serial in world.serials() {
            assert!(seen.is(&format!("bambu2mqtt/{serial}/availability"), "online"), "{serial}");
            let config = seen.config(&format!("bambu2mqtt_{serial}")).unwrap();
            let name = config["device"]["name"].as_str().unwrap();
            assert!(name.starts_with("Demo "), "{name}");
            assert!(config["components"].as_object().unwrap().len() > 20, "{name}");
        }
    });
    gateway.stop().await;
}

/// Home Assistant speaks MQTT 5 unless told otherwise, and its library drops the connection at a `Maximum Packet Size`
/// above the largest packet that there can be (2.2.2.2 and 3.2.2.3.6 of the standard).
#[tokio::test]
async fn the_demos_own_broker_welcomes_home_assistant() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let broker = simulator::Broker::start("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let mut stream = tokio::net::TcpStream::connect(broker.address()).await.unwrap();
    // CONNECT: MQTT 5, clean start, 60 s, no properties, client id "h".
    let connect = [0x10, 14, 0, 4, b'M', b'Q', b'T', b'T', 5, 2, 0, 60, 0, 0, 1, b'h'];
    stream.write_all(&connect).await.unwrap();
    let mut head = [0; 5];
    stream.read_exact(&mut head).await.unwrap();
    let [kind, _, _, reason, length] = head;
    assert_eq!((kind, reason), (0x20, 0), "CONNACK, success");
    let mut properties = vec![0; usize::from(length)];
    stream.read_exact(&mut properties).await.unwrap();
    let mut rest = properties.as_slice();
    let mut limit = None;
    while let [id, value @ ..] = rest {
        let size = match id {
            0x24 | 0x25 | 0x28..=0x2A => 1,
            0x13 | 0x21 | 0x22 => 2,
            0x11 | 0x27 => 4,
            0x12 | 0x15 | 0x1A | 0x1C | 0x1F => 2 + usize::from(u16::from_be_bytes([value[0], value[1]])),
            other => panic!("property {other:#x} of {properties:x?}"),
        };
        if *id == 0x27 {
            limit = Some(u32::from_be_bytes(value[..4].try_into().unwrap()));
        }
        rest = &value[size..];
    }
    assert!(limit.is_none_or(|limit| (1..=268_435_455).contains(&limit)), "{limit:?}");
}

/// A recording of two printers, of which one has told everything.
fn recording() -> tempfile::NamedTempFile {
    let mut known = Printer::new(3, 1);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let mut line = |serial: &str, payload: &[u8]| {
        let payload: Value = serde_json::from_slice(payload).unwrap();
        let topic = format!("device/{serial}/report");
        writeln!(file, "{}", json!({"topic": topic, "payload": payload})).unwrap();
    };
    let version = known.handle(br#"{"info":{"command":"get_version","sequence_id":"1"}}"#);
    line("00W09A200000001", &version[0]);
    for _ in 0..3 {
        line("00W09A200000001", &known.full());
    }
    line("01P09A200000002", br#"{"print":{"command":"push_status","hms":[]}}"#);
    file
}

#[tokio::test]
async fn the_demo_plays_recordings_beside_simulated_printers() {
    let file = recording();
    let path = file.path().to_str().unwrap();
    let listen = ["--listen", "127.0.0.1:0", "--duration", "8s"];
    let left = run(&[&["demo", "--capture", path, path, "--printers", "1"][..], &listen].concat()).await;
    assert_eq!(left.code, Some(0), "{left:?}");
    assert!(
        left.stdout.contains("4 recorded printers, a simulated printer and one that is switched off"),
        "{}",
        left.stdout
    );
    assert!(left.stdout.contains("no complete report of P1S 0002 is in it"), "{}", left.stdout);
    for name in ["X1 0001", "Demo X1 Carbon"] {
        assert!(left.stdout.contains(name), "{name} is missing in:\n{}", left.stdout);
    }
    let left = run(&[&["demo", "--capture", path][..], &listen].concat()).await;
    assert!(left.stdout.contains("with 2 recorded printers, the real"), "{}", left.stdout);
    assert!(!left.stdout.contains("switched off"), "{}", left.stdout);
    let left =
        run(&[&["demo", "--printers", "1", "--off", "2"][..], &listen[..2], &["--duration", "1s"]].concat())
            .await;
    assert!(left.stdout.contains("with a simulated printer and 2 that are switched off"), "{}", left.stdout);
    assert!(left.stdout.contains("(Demo P1S 2 stays switched off"), "{}", left.stdout);
    let left = run(&[&["demo", "--off", "0"][..], &listen[..2], &["--duration", "1s"]].concat()).await;
    assert!(left.stdout.contains("with 3 simulated printers, the real gateway"), "{}", left.stdout);
}

#[tokio::test]
async fn the_demo_has_a_printer_that_is_away_and_says_so() {
    let broker = Broker::start(Kind::Embedded).await;
    let eyes = Eyes::open(broker.port).await;
    let url = format!("mqtt://127.0.0.1:{}", broker.port);
    let mut demo = Program::start(&["demo", "--mqtt-url", &url]);
    demo.shows("with 3 simulated printers and one that is switched off, the real gateway").await;
    demo.shows("(Demo P1S stays switched off").await;
    eyes.holds("bambu2mqtt_demo/bridge/printers", "4").await;
    eyes.holds("bambu2mqtt_demo/bridge/printers_online", "3").await;
    let base = "bambu2mqtt_demo/01P09D000000007";
    for (key, value) in
        [("availability", "offline"), ("status", "offline"), ("connectivity", "OFF"), ("cloud_online", "OFF")]
    {
        eyes.holds(&format!("{base}/{key}"), value).await;
    }
    demo.shows("Demo P1S         offline").await;
    eyes.look(|seen| {
        let config = seen.config("bambu2mqtt_demo_01P09D000000007").unwrap();
        assert_eq!(
            (&config["device"]["name"], &config["device"]["model"]),
            (&json!("Demo P1S"), &json!("P1S"))
        );
        assert!(!seen.values.contains_key(&format!("{base}/nozzle_temperature")));
    });
    demo.signal("INT");
    assert_eq!(demo.end().await.code, Some(0));
}

/// Keys and the token lie there for the time of the demo.
#[tokio::test]
async fn the_demos_files_are_its_users_alone_and_gone_in_the_end() {
    let temporary = tempfile::tempdir().unwrap();
    let inside = || -> Vec<_> { std::fs::read_dir(&temporary).unwrap().map(Result::unwrap).collect() };
    let listen = ["demo", "--listen", "127.0.0.1:0"];
    let environment = [("TMPDIR", temporary.path().to_str().unwrap())];
    let mut demo = Program::start_with(&listen, None, &environment);
    demo.shows("Ctrl-C ends it.").await;
    let folders = inside();
    assert!(!folders.is_empty());
    for folder in folders {
        let name = folder.file_name().into_string().unwrap();
        let mode = folder.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{name}");
        assert!(!name.ends_with(&format!("-{}", demo.id())), "anybody can know {name} before");
    }
    demo.signal("INT");
    assert_eq!(demo.end().await.code, Some(0));
    assert_eq!(inside().len(), 0, "{:?}", inside());

    // So they are where nobody reads what it says.
    let mut demo = Command::new(env!("CARGO_BIN_EXE_bambu2mqtt"))
        .args(listen)
        .envs(environment)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(demo.stdout.take());
    assert!(demo.wait().unwrap().success());
    assert_eq!(inside().len(), 0, "{:?}", inside());
}

#[tokio::test]
async fn a_recording_that_cannot_be_played_ends_the_demo_with_a_word() {
    let left = run(&["demo", "--capture", "/nowhere/x.jsonl"]).await;
    assert_eq!(left.code, Some(1), "{left:?}");
    assert!(left.stderr.contains("cannot read /nowhere/x.jsonl"), "{}", left.stderr);
    let left = run(&["demo", "--printers", "0"]).await;
    assert_eq!(left.code, Some(1), "{left:?}");
}

#[tokio::test]
async fn every_recording_of_a_real_printer_can_be_played() {
    let Some(folder) = shared("captures") else { return };
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e.to_string_lossy().ends_with("jsonl")));
    files.sort();
    let recordings = Recording::load(&files).unwrap();
    let complete: Vec<_> = recordings.iter().map(Recording::is_complete).collect();
    assert!(complete.iter().filter(|complete| **complete).count() >= 25, "{}", recordings.len());

    let options = Options { printers: 0, recordings, speed: 5.0, ..Options::default() };
    let world = World::with(options).await;
    let serials = world.serials();
    let mut distinct = serials.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!((distinct.len(), serials.len()), (complete.len(), complete.len()));

    let broker = Broker::start(Kind::Embedded).await;
    let eyes = Eyes::open(broker.port).await;
    let gateway = Gateway::start(&world.configuration(broker.port, &Value::Null));
    for (serial, _) in serials.iter().zip(&complete).filter(|(_, complete)| **complete) {
        eyes.holds(&format!("bambu2mqtt/{serial}/availability"), "online").await;
        eyes.until("its temperature", |seen| {
            seen.values.contains_key(&format!("bambu2mqtt/{serial}/bed_temperature")).then_some(())
        })
        .await;
    }
    gateway.stop().await;
}

#[test]
fn a_print_that_ends_after_a_reconnect_is_told_at_once_and_nothing_old_looks_fresh() {
    let mut terse = 0;
    for number in 0..12 {
        let mut pair = Pair::new(number);
        if !["P1S", "A1", "A1 mini"].contains(&pair.snapshot().identity.model.as_str()) {
            continue;
        }
        terse += 1;
        let model = pair.snapshot().identity.model.clone();
        pair.printer.rest();
        pair.live(60);
        pair.player.events.clear();
        pair.printer.start_job(simulator::JobSpec::cloud("gear"));
        pair.live(20);
        pair.printer.skip_to(0.5);
        pair.live(60);
        assert!(pair.snapshot().is_active(), "{model}");
        // The first loss has everything asked for anew, so that the second one is told nothing for a minute.
        pair.lose(5);
        pair.live(2);
        assert!(!pair.snapshot().is_stale(), "{model}: all of it was told");
        pair.lose(10);
        assert!(pair.snapshot().is_stale(), "{model}");
        pair.live(5);
        pair.printer.skip_to(1.0);
        let mut seconds = 0;
        while pair.snapshot().status != Some(printer::Status::Finish) {
            assert!(pair.snapshot().is_stale(), "{model}: it was asked for everything a moment ago");
            pair.live(1);
            seconds += 1;
            assert!(seconds < 40, "{model}");
        }
        pair.live(2);
        let finished = || pair.player.events.iter().filter(|event| event.kind.word() == "finished").count();
        assert_eq!((finished(), pair.snapshot().is_stale()), (1, true), "{model}");
        pair.live(60);
        assert!(!pair.snapshot().is_stale(), "{model}: a minute after the last time");
        let finished = pair.player.events.iter().filter(|event| event.kind.word() == "finished").count();
        assert_eq!(finished, 1, "{model}");
    }
    assert!(terse >= 2, "{terse}");
}
