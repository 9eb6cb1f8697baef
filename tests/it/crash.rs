//! The program killed at the worst moments while simulated printers print: what the local broker was told by
//! then and afterwards is each job's beginning and end, once.
//!
//! A round starts the program and kills it: after some time, when the disk is about to get a ledger, or when
//! the broker has an event that it has not acknowledged. The broker is restarted now and then. Jobs wait for
//! what they should be told as before they go on, so a slow machine sees fewer of them and the same truth.
//! `BAMBU2MQTT_ROUNDS` says how many rounds.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bambu2mqtt::history;
use bambu2mqtt::ledger;
use mqtt5::broker::config::{StorageBackend, StorageConfig};
use mqtt5::broker::events::{BrokerEventHandler, ClientPublishEvent, PublishAction};
use mqtt5::broker::{BrokerConfig, BrokerShutdownHandle, MqttBroker};
use printer::{Ledger, Serial};
use serde_json::{Value, json};
use simulator::{JobSpec, Options, Printer};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::support::world::{Gateway, World};

/// How long a round lasts at most.
const ROUND: Duration = Duration::from_secs(3);
/// How long the last jobs may take to come to their end: an end that was not seen may ask the cloud for it.
const END: Duration = Duration::from_secs(200);
const TERMINAL: [&str; 4] = ["finished", "failed", "cancelled", "lost"];

/// What the local broker was told, and what kills the program when it hears an event.
struct Ear {
    heard: Mutex<Vec<Heard>>,
    news: watch::Sender<usize>,
    program: Mutex<Option<Child>>,
    /// The next event is the program's last.
    armed: AtomicBool,
}

#[derive(Debug, Clone)]
enum Heard {
    Event(String, Value),
    Trigger(String, String),
}

impl Ear {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            heard: Mutex::default(),
            news: watch::Sender::new(0),
            program: Mutex::default(),
            armed: AtomicBool::new(false),
        })
    }

    fn kill(&self) {
        if let Some(child) = self.program.lock().unwrap().as_mut() {
            let _ = child.start_kill();
        }
    }

    fn has(&self, serial: &str, job: &str, kinds: &[&str]) -> bool {
        self.heard.lock().unwrap().iter().any(|heard| match heard {
            Heard::Event(of, event) => of == serial && is(event, job, kinds),
            Heard::Trigger(..) => false,
        })
    }

    /// Waits until this was told of a job.
    async fn until(&self, serial: &str, job: &str, kinds: &[&str]) {
        let mut news = self.news.subscribe();
        news.wait_for(|_| self.has(serial, job, kinds)).await.unwrap();
    }
}

fn is(event: &Value, job: &str, kinds: &[&str]) -> bool {
    event["job"]["name"] == job && kinds.iter().any(|kind| event["event_type"] == *kind)
}

impl BrokerEventHandler for Ear {
    fn on_client_publish<'a>(
        &'a self,
        event: ClientPublishEvent,
    ) -> Pin<Box<dyn Future<Output = PublishAction> + Send + 'a>> {
        Box::pin(async move {
            let mut levels = event.topic.split('/').skip(1);
            let serial = levels.next().unwrap_or_default().to_owned();
            let payload = String::from_utf8_lossy(&event.payload).into_owned();
            let heard = match levels.next() {
                Some("event") => Heard::Event(serial, serde_json::from_str(&payload).unwrap()),
                Some("trigger") => Heard::Trigger(serial, payload),
                _ => return PublishAction::Continue,
            };
            self.heard.lock().unwrap().push(heard);
            self.news.send_modify(|count| *count += 1);
            if self.armed.swap(false, Ordering::SeqCst) {
                // Before the acknowledgement.
                self.kill();
                sleep(Duration::from_millis(20)).await;
            }
            PublishAction::Continue
        })
    }
}

/// A broker that forgets everything when it is stopped, behind a door that stays: a port that is given back may
/// be somebody else's before it is wanted again.
struct LocalBroker {
    port: u16,
    ear: Arc<Ear>,
    inside: Arc<Mutex<Option<(u16, CancellationToken)>>>,
    running: Option<(BrokerShutdownHandle, JoinHandle<()>)>,
    door: JoinHandle<()>,
}

impl Drop for LocalBroker {
    fn drop(&mut self) {
        self.door.abort();
        if let Some((shutdown, task)) = self.running.take() {
            shutdown.shutdown();
            task.abort();
        }
    }
}

impl LocalBroker {
    async fn start(ear: Arc<Ear>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let inside: Arc<Mutex<Option<(u16, CancellationToken)>>> = Arc::default();
        let to = Arc::clone(&inside);
        let door = tokio::spawn(async move {
            while let Ok((mut outside, _)) = listener.accept().await {
                let Some((port, cut)) = to.lock().unwrap().clone() else { continue };
                tokio::spawn(async move {
                    if let Ok(mut inside) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
                        tokio::select! {
                            () = cut.cancelled() => {}
                            _ = tokio::io::copy_bidirectional(&mut outside, &mut inside) => {}
                        }
                    }
                });
            }
        });
        let mut broker = Self { port, ear, inside, running: None, door };
        broker.again().await;
        broker
    }

    async fn again(&mut self) {
        let config = BrokerConfig {
            bind_addresses: vec![(Ipv4Addr::LOCALHOST, 0).into()],
            storage_config: StorageConfig::new().with_backend(StorageBackend::Memory),
            client_channel_capacity: 100_000,
            sys_topics_enabled: false,
            event_handler: Some(Arc::clone(&self.ear) as _),
            ..BrokerConfig::default()
        };
        let mut broker = MqttBroker::with_config(config).await.unwrap();
        let port = broker.local_addr().unwrap().port();
        let shutdown = broker.shutdown_handle();
        let task = tokio::spawn(async move { broker.run().await.unwrap() });
        self.running = Some((shutdown, task));
        *self.inside.lock().unwrap() = Some((port, CancellationToken::new()));
    }

    async fn stop(&mut self) {
        if let Some((_, cut)) = self.inside.lock().unwrap().take() {
            cut.cancel();
        }
        let (shutdown, mut task) = self.running.take().unwrap();
        shutdown.shutdown();
        if timeout(Duration::from_secs(5), &mut task).await.is_err() {
            task.abort();
        }
    }
}

/// How a job of the test ends.
#[derive(Debug, Clone, Copy)]
enum Ending {
    Finish,
    Fail,
    Cancel,
}

/// One printer's day: a job after the other, each told as begun and as ended before the next.
async fn work(
    world: Arc<World>,
    ear: Arc<Ear>,
    serial: String,
    stop: Arc<AtomicBool>,
) -> Vec<(String, Ending)> {
    let mut jobs = Vec::new();
    while !stop.load(Ordering::SeqCst) {
        let name = format!("job {} of {serial}", jobs.len());
        let ending = [Ending::Finish, Ending::Fail, Ending::Cancel][jobs.len() % 3];
        // The file alone would tell nothing: each second job of a printer is the same one again.
        let spec = JobSpec::cloud(&name).seconds(1e6).layers(50);
        world.cloud.with_printer(&serial, |printer| printer.start_job(spec)).unwrap();
        ear.until(&serial, &name, &["started"]).await;
        let share = if matches!(ending, Ending::Finish) { 0.999_999 } else { 0.4 };
        world.cloud.with_printer(&serial, |printer| {
            printer.skip_to(share);
            match ending {
                Ending::Finish => {}
                Ending::Fail => printer.fail_job(0x0300_8008),
                Ending::Cancel => printer.cancel_job(),
            }
        });
        ear.until(&serial, &name, &TERMINAL).await;
        jobs.push((name, ending));
    }
    jobs
}

fn start(file: &str, log: &std::path::Path) -> Child {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
    Command::new(env!("CARGO_BIN_EXE_bambu2mqtt"))
        .args(["run", "-c", file])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("TMPDIR", std::env::temp_dir())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// What ends a round.
#[derive(Debug, Clone, Copy)]
enum Moment {
    After(Duration),
    AtWrite,
    AtEvent,
}

async fn wait_for(moment: Moment, ear: &Ear, state: &std::path::Path) {
    match moment {
        Moment::After(time) => sleep(time).await,
        Moment::AtEvent => {
            ear.armed.store(true, Ordering::SeqCst);
            let mut news = ear.news.subscribe();
            news.mark_unchanged();
            let _ = timeout(ROUND, news.changed()).await;
            ear.armed.store(false, Ordering::SeqCst);
        }
        Moment::AtWrite => {
            let writing = async {
                loop {
                    let names = std::fs::read_dir(state).into_iter().flatten().flatten();
                    let mut names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
                    if names.any(|name| name.starts_with(".ledger")) {
                        return;
                    }
                    sleep(Duration::from_millis(1)).await;
                }
            };
            let _ = timeout(ROUND, writing).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_moment_it_tells_each_job_once() {
    let rounds: usize =
        std::env::var("BAMBU2MQTT_ROUNDS").ok().map_or(20, |text| text.parse().expect("a number of rounds"));
    let mut chance = fastrand::Rng::with_seed(4711);
    let world = Arc::new(World::with(Options { printers: 4, speed: 60.0, ..Options::default() }).await);
    let serials = world.serials();
    for serial in &serials {
        world.cloud.with_printer(serial, Printer::rest).unwrap();
    }
    let ear = Ear::new();
    let mut broker = LocalBroker::start(Arc::clone(&ear)).await;
    let token = json!({"bambu": {"account": null, "password": null, "token": world.cloud.settings().token}});
    let file = world.write(&world.configuration(broker.port, &token));
    let (state, log) = (world.folder.path().join("state"), world.folder.path().join("log"));

    // A printer that was never seen keeps its past for itself: the first sight is at rest.
    *ear.program.lock().unwrap() = Some(start(&file, &log));
    for serial in &serials {
        until_kept(&state, serial, |ledger| ledger.known).await;
    }

    let stop = Arc::new(AtomicBool::new(false));
    let work: Vec<_> = serials
        .iter()
        .map(|serial| {
            tokio::spawn(work(Arc::clone(&world), Arc::clone(&ear), serial.clone(), Arc::clone(&stop)))
        })
        .collect();
    let kills = AtomicUsize::new(0);
    let mut moments = BTreeMap::<&str, usize>::new();
    for round in 0..rounds {
        let moment = match chance.u8(0..10) {
            0..3 => Moment::After(Duration::from_millis(chance.u64(0..1500))),
            3..6 => Moment::AtWrite,
            _ => Moment::AtEvent,
        };
        let restart = chance.u8(0..10) == 0;
        if restart {
            broker.stop().await;
        }
        wait_for(moment, &ear, &state).await;
        ear.kill();
        let child = ear.program.lock().unwrap().take();
        if let Some(mut child) = child {
            let status = child.wait().await.unwrap();
            assert_eq!(status.code(), None, "round {round}: the program ended by itself:\n{}", tail(&log));
            kills.fetch_add(1, Ordering::SeqCst);
        }
        *moments
            .entry(match moment {
                Moment::After(_) => "after some time",
                Moment::AtWrite => "before a write",
                Moment::AtEvent => "before an acknowledgement",
            })
            .or_default() += 1;
        // Never unreadable, whenever it was killed.
        for serial in &serials {
            assert!(kept(&state, serial).is_some(), "round {round}, {moment:?}");
        }
        if restart {
            broker.again().await;
        }
        *ear.program.lock().unwrap() = Some(start(&file, &log));
    }
    stop.store(true, Ordering::SeqCst);
    let mut jobs = BTreeMap::new();
    for (serial, work) in serials.iter().zip(work) {
        let done = timeout(END, work).await;
        let done =
            done.unwrap_or_else(|_| panic!("a job's end is not told: {:#?}\n{}", told(&ear), tail(&log)));
        jobs.insert(serial.clone(), done.unwrap());
    }
    let count: usize = jobs.values().map(Vec::len).sum();
    println!(
        "{rounds} rounds, {count} jobs; killed {moments:?}; {} messages",
        ear.heard.lock().unwrap().len()
    );
    let log = std::fs::read_to_string(&log).unwrap();
    for word in ["panicked", "cannot be used", "cannot be read"] {
        assert!(!log.contains(word), "{word}:\n{log}");
    }
    check(&ear.heard.lock().unwrap(), &jobs);

    // The history has them too, each once.
    let program = ear.program.lock().unwrap().take();
    drop(program);
    let state = bambu2mqtt::config::StateDir::open(&state).unwrap();
    let history = history::read(&state).unwrap();
    assert_eq!(history.damaged, 0);
    for (serial, jobs) in &jobs {
        for (name, _) in jobs {
            let lines: Vec<_> = history
                .entries
                .iter()
                .filter(|entry| {
                    entry.serial == serial.as_str() && entry.job.name.as_deref() == Some(name.as_str())
                })
                .collect();
            assert_eq!(lines.len(), 1, "{name} in the history: {lines:#?}");
        }
    }
}

/// A printer's ledger as it lies there.
fn kept(state: &std::path::Path, serial: &str) -> Option<Ledger> {
    let serial = Serial::new(serial);
    let bytes = std::fs::read(state.join(ledger::file_name(&serial))).ok()?;
    Some(ledger::read(&serial, &bytes).expect("a ledger that can be read"))
}

async fn until_kept(state: &std::path::Path, serial: &str, wanted: impl Fn(&Ledger) -> bool) {
    let waiting = async {
        while !kept(state, serial).is_some_and(|ledger| wanted(&ledger)) {
            sleep(Duration::from_millis(10)).await;
        }
    };
    let done = timeout(crate::support::DEADLINE, waiting).await;
    assert!(done.is_ok(), "the ledger is {:?}", kept(state, serial));
}

#[tokio::test]
async fn a_broker_that_was_away_at_the_finish_hears_of_it_afterwards() {
    let world = World::with(Options { printers: 1, speed: 60.0, ..Options::default() }).await;
    let (serial, state) = (world.serials()[0].clone(), world.folder.path().join("state"));
    world.cloud.with_printer(&serial, Printer::rest).unwrap();
    let ear = Ear::new();
    let mut broker = LocalBroker::start(Arc::clone(&ear)).await;
    let gateway = Gateway::start(&world.configuration(broker.port, &Value::Null));
    until_kept(&state, &serial, |ledger| ledger.known).await;
    let spec = JobSpec::cloud("Vase").seconds(1e6).layers(50);
    world.cloud.with_printer(&serial, |printer| printer.start_job(spec)).unwrap();
    ear.until(&serial, "Vase", &["started"]).await;

    broker.stop().await;
    world.cloud.with_printer(&serial, |printer| printer.skip_to(0.999_999)).unwrap();
    let ended = |ledger: &Ledger| ledger.last.as_ref().is_some_and(|job| job.name.as_deref() == Some("Vase"));
    until_kept(&state, &serial, |ledger| ended(ledger) && !ledger.pending.is_empty()).await;
    assert!(!ear.has(&serial, "Vase", &TERMINAL));
    broker.again().await;
    timeout(crate::support::DEADLINE, ear.until(&serial, "Vase", &["finished"])).await.expect("told at last");
    // Stopped, it has told all, and the disk knows it.
    gateway.stop().await;
    let heard = ear.heard.lock().unwrap().clone();
    let jobs = BTreeMap::from([(serial.clone(), vec![("Vase".to_owned(), Ending::Finish)])]);
    check(&heard, &jobs);
    let again = heard.iter().any(|heard| match heard {
        Heard::Event(_, event) => is(event, "Vase", &["finished"]) && event["redelivered"] == true,
        Heard::Trigger(..) => false,
    });
    assert!(!again, "it was not told before");
}

/// Started on a disk that takes nothing: no file may become longer than nothing.
fn start_on_a_full_disk(file: &str) -> Child {
    Command::new("sh")
        .args([
            "-c",
            "trap '' XFSZ; ulimit -f 0; exec \"$0\" run -c \"$1\"",
            env!("CARGO_BIN_EXE_bambu2mqtt"),
            file,
        ])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn a_restart_on_a_full_disk_doubles_no_trigger_and_an_end_is_known_again() {
    let world = World::with(Options { printers: 1, speed: 60.0, ..Options::default() }).await;
    let (serial, state) = (world.serials()[0].clone(), world.folder.path().join("state"));
    world.cloud.with_printer(&serial, Printer::rest).unwrap();
    let ear = Ear::new();
    let broker = LocalBroker::start(Arc::clone(&ear)).await;
    let token = json!({"bambu": {"account": null, "password": null, "token": world.cloud.settings().token}});
    let document = world.configuration(broker.port, &token);
    let file = world.write(&document);
    let gateway = Gateway::start(&document);
    until_kept(&state, &serial, |ledger| ledger.known).await;
    let spec = JobSpec::cloud("Vase").seconds(1e6).layers(50);
    world.cloud.with_printer(&serial, |printer| printer.start_job(spec)).unwrap();
    ear.until(&serial, "Vase", &["started"]).await;
    gateway.stop().await;
    world.cloud.with_printer(&serial, |printer| printer.skip_to(0.999_999)).unwrap();

    let ends = || -> Vec<Value> {
        let heard = ear.heard.lock().unwrap();
        let ends = heard.iter().filter_map(|heard| match heard {
            Heard::Event(_, event) if is(event, "Vase", &TERMINAL) => Some(event.clone()),
            _ => None,
        });
        ends.collect()
    };
    let pulled = || {
        let heard = ear.heard.lock().unwrap();
        heard.iter().filter(|heard| matches!(heard, Heard::Trigger(_, name) if name == "print_ended")).count()
    };
    let wait = async |what: &dyn Fn() -> bool| {
        let mut news = ear.news.subscribe();
        timeout(crate::support::DEADLINE, news.wait_for(|_| what())).await.expect("it is told").unwrap();
    };
    let raised = |code: &str| {
        let heard = ear.heard.lock().unwrap();
        heard.iter().any(|heard| match heard {
            Heard::Event(_, event) => event["reason"]["code"].as_str().is_some_and(|of| of.contains(code)),
            Heard::Trigger(..) => false,
        })
    };
    for (life, (attr, code, shown)) in
        (1..).zip([(0x0300_0100, 0x0001_0007, "0300"), (0x0700_2000, 0x0002_0001, "0700")])
    {
        let mut program = start_on_a_full_disk(&file);
        wait(&|| ends().len() == life).await;
        // What is told afterwards shows that nothing else is on its way.
        world.cloud.with_printer(&serial, |printer| printer.raise_hms(attr, code)).unwrap();
        wait(&|| raised(shown)).await;
        program.kill().await.unwrap();
        assert!(kept(&state, &serial).unwrap().open.is_some(), "the disk took nothing");
        assert_eq!(pulled(), 0, "nobody could know later that it left");
    }
    let gateway = Gateway::start(&document);
    wait(&|| ends().len() == 3 && pulled() > 0).await;
    gateway.stop().await;
    assert_eq!(pulled(), 1);
    let ids: BTreeSet<_> = ends().iter().map(|end| end["event_id"].to_string()).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
}

fn told(ear: &Ear) -> Vec<String> {
    let heard = ear.heard.lock().unwrap();
    let line = |heard: &Heard| match heard {
        Heard::Event(serial, event) => {
            format!("{serial} {} {} {}", event["seq"], event["event_type"], event["job"]["name"])
        }
        Heard::Trigger(serial, name) => format!("{serial} {name}"),
    };
    heard.iter().rev().take(60).map(line).collect()
}

fn tail(log: &std::path::Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().rev().take(40).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}

/// One beginning and one end of each job; told again only with a word of it; nothing missing and in order.
fn check(heard: &[Heard], jobs: &BTreeMap<String, Vec<(String, Ending)>>) {
    for (serial, jobs) in jobs {
        let events: Vec<&Value> = heard
            .iter()
            .filter_map(|heard| match heard {
                Heard::Event(of, event) if of == serial => Some(event),
                _ => None,
            })
            .collect();
        let mut ids = BTreeMap::new();
        let mut last = 0;
        for event in &events {
            let (id, seq) = (event["event_id"].as_str().unwrap(), event["seq"].as_u64().unwrap());
            match ids.insert(id, seq) {
                None => {
                    assert_eq!(seq, last + 1, "nothing is missing and the order is kept: {event}");
                    last = seq;
                }
                Some(before) => {
                    assert_eq!(before, seq, "an id names one event: {event}");
                    assert_eq!(event["redelivered"], true, "told again without a word of it: {event}");
                }
            }
        }
        let of = |name: &str, kinds: &[&str]| -> BTreeSet<(&str, &str)> {
            let these = events.iter().filter(|event| is(event, name, kinds));
            these.map(|e| (e["event_id"].as_str().unwrap(), e["event_type"].as_str().unwrap())).collect()
        };
        for (name, ending) in jobs {
            let (started, over) = (of(name, &["started"]), of(name, &TERMINAL));
            assert_eq!(started.len(), 1, "{name}: {started:?}");
            assert_eq!(over.len(), 1, "{name} ({ending:?}): {over:?}");
            let word = over.first().unwrap().1;
            let possible: &[&str] = match ending {
                Ending::Finish => &["finished"],
                // A code that shows for seconds may show while the program is away.
                Ending::Fail | Ending::Cancel => &["failed", "cancelled"],
            };
            assert!(possible.contains(&word), "{name} ({ending:?}) is told as {word}");
        }
        for (wanted, kinds) in [("print_started", &["started"][..]), ("print_ended", &TERMINAL[..3])] {
            check_trigger(heard, serial, wanted, kinds);
        }
    }
}

/// A trigger says nothing but its name: it belongs to the event of its kind that was told last before it, because the
/// next one waits for the next job.
fn check_trigger(heard: &[Heard], serial: &str, wanted: &str, kinds: &[&str]) {
    let mut event: Option<&str> = None;
    let mut pulled = BTreeSet::new();
    for heard in heard {
        match heard {
            Heard::Event(of, told)
                if of == serial && kinds.iter().any(|kind| told["event_type"] == *kind) =>
            {
                event = told["event_id"].as_str();
            }
            Heard::Trigger(of, name) if of == serial && name == wanted => {
                let event = event.unwrap_or_else(|| panic!("{wanted} of {serial} leaves before its event"));
                assert!(pulled.insert(event), "{wanted} of {event} leaves twice");
            }
            _ => {}
        }
    }
}
