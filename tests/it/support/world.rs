//! What surrounds the gateway in tests: the emulated cloud with its lines counted, a configuration, the gateway
//! as a process or in this one, and eyes on the local broker.
//!
//! Nothing here sleeps to be in time: everything waits for something to be seen, with a deadline.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::Ipv4Addr;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bambu2mqtt::config::{Config, Source};
use bambu2mqtt::gateway::{self, Clock, Ended, Limits, Reload, Setup};
use bambu2mqtt::mqtt::backoff::Pace;
use bambu2mqtt::mqtt::{self, Event, Link, Message, Qos};
use bambu2mqtt::service::{Notifier, Signal};
use serde_json::{Value, json};
use simulator::{Cloud, Options};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::DEADLINE;
use super::secrets::{self, Secrets, Watched, Witness};

/// Waits for something that should happen soon.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(DEADLINE, future).await;
    done.unwrap_or_else(|_| panic!("{what} did not happen within {DEADLINE:?}"))
}

// --- the cloud ---------------------------------------------------------------------------------------

/// A line to a port of this machine that counts who comes.
pub(crate) struct Line {
    pub(crate) port: u16,
    count: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Line {
    pub(crate) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut outside, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                connections.spawn(async move {
                    if let Ok(mut inside) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
                        let _ = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
                    }
                });
            }
        });
        Self { port: own, count, task }
    }

    /// Connections so far.
    pub(crate) fn connections(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

/// The emulated cloud, with a counted line before each of its two doors, and a folder for the gateway's files.
pub(crate) struct World {
    pub(crate) cloud: Cloud,
    pub(crate) rest: Line,
    pub(crate) mqtt: Line,
    pub(crate) folder: TempDir,
    witness: Arc<Witness>,
    /// What else is secret here.
    secrets: Mutex<Vec<(&'static str, String)>>,
}

/// Whatever the test is about: in the end nothing secret may be found.
impl Drop for World {
    fn drop(&mut self) {
        let leaks = self.leaks();
        self.witness.leave();
        if !std::thread::panicking() {
            assert!(leaks.is_empty(), "{}", leaks.join("\n"));
        }
    }
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let cloud = Cloud::start(options).await.unwrap();
        let port = |url: &str| url.rsplit(':').next().unwrap().parse().unwrap();
        let rest = Line::to(port(&cloud.settings().api_url)).await;
        let mqtt = Line::to(port(&cloud.settings().mqtt_url)).await;
        Self {
            cloud,
            rest,
            mqtt,
            folder: tempfile::tempdir().unwrap(),
            witness: Witness::enter(),
            secrets: Mutex::default(),
        }
    }

    /// Nobody may find this word either, whatever kind of thing it is.
    pub(crate) fn keep_secret(&self, kind: &'static str, word: &str) {
        self.secrets.lock().unwrap().push((kind, word.to_owned()));
    }

    /// Where something secret of this cloud can be found: in logs, on the local broker, in files.
    pub(crate) fn leaks(&self) -> Vec<String> {
        let secrets = Secrets::of(&self.cloud, &self.secrets.lock().unwrap());
        let mut leaks = self.witness.leaks(&secrets);
        secrets.in_files(self.folder.path(), &mut leaks);
        leaks
    }

    /// The `bambu` section but for the login.
    pub(crate) fn address(&self) -> Value {
        json!({
            "api_url": format!("http://127.0.0.1:{}", self.rest.port),
            "mqtt_url": format!("mqtts://127.0.0.1:{}", self.mqtt.port),
            "ca_file": self.cloud.settings().ca_file,
        })
    }

    /// A configuration that works; `change` is merged into it, `null` takes a key away.
    pub(crate) fn configuration(&self, broker: u16, change: &Value) -> Value {
        let settings = self.cloud.settings();
        let mut document = json!({
            "state_dir": self.folder.path().join("state"),
            "bambu": self.address(),
            "mqtt": {"url": format!("mqtt://127.0.0.1:{broker}")},
        });
        merge(&mut document, &json!({"bambu": {"account": settings.account, "password": settings.password}}));
        if !change.is_null() {
            merge(&mut document, change);
        }
        document
    }

    /// Writes a configuration file; JSON is YAML.
    pub(crate) fn write(&self, document: &Value) -> String {
        let path = self.folder.path().join("config.yaml");
        std::fs::write(&path, document.to_string()).unwrap();
        path.display().to_string()
    }

    /// The printers' serial numbers, in their order.
    pub(crate) fn serials(&self) -> Vec<String> {
        self.cloud.serials()
    }
}

/// Merges like a patch: objects key by key, `null` takes away, anything else replaces.
pub(crate) fn merge(into: &mut Value, change: &Value) {
    match (into, change) {
        (Value::Object(into), Value::Object(change)) => {
            for (key, value) in change {
                if value.is_null() {
                    into.remove(key);
                } else {
                    merge(into.entry(key).or_insert(Value::Null), value);
                }
            }
        }
        (into, change) => *into = change.clone(),
    }
}

// --- the gateway in this process ------------------------------------------------------------------------

/// The gateway as a library. Dropping it is the death of its process.
pub(crate) struct Gateway {
    signals: mpsc::Sender<Signal>,
    task: JoinHandle<anyhow::Result<Ended>>,
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Gateway {
    pub(crate) fn start(document: &Value) -> Self {
        Self::reloading(document, None)
    }

    pub(crate) fn reloading(document: &Value, reload: Option<Reload>) -> Self {
        Self::at_speed(document, reload, 1)
    }

    /// One whose clock runs so many times as fast.
    pub(crate) fn at_speed(document: &Value, reload: Option<Reload>, speed: u32) -> Self {
        let config = parse(document);
        let (signals, mut heard) = mpsc::channel(4);
        let task = tokio::spawn(async move {
            let clock = Clock::start().at_speed(speed);
            let setup = Setup { config, reload, clock, limits: Limits::new(clock) };
            gateway::run(setup, &mut heard, &mut Notifier::new()).await
        });
        Self { signals, task }
    }

    pub(crate) async fn signal(&self, signal: Signal) {
        self.signals.send(signal).await.unwrap();
    }

    /// What it came back with, if it does so within a second; it goes on running otherwise.
    pub(crate) async fn ended_soon(&mut self) -> Option<Ended> {
        let ended = tokio::time::timeout(Duration::from_secs(1), &mut self.task).await.ok()?;
        Some(ended.unwrap().unwrap())
    }

    /// Stops it as a signal would.
    pub(crate) async fn stop(mut self) -> Ended {
        self.signal(Signal::Stop).await;
        soon("the end of the gateway", &mut self.task).await.unwrap().unwrap()
    }
}

pub(crate) fn parse(document: &Value) -> Config {
    let source = Source::Text { name: "config.yaml".into(), text: document.to_string() };
    Config::load(&source, []).unwrap().config
}

// --- the gateway as a process ----------------------------------------------------------------------------

/// The program itself, with everything it says. Killed when dropped.
pub(crate) struct Program {
    child: Child,
    /// Open while more may be typed.
    stdin: Option<ChildStdin>,
    said: watch::Receiver<String>,
    results: watch::Receiver<String>,
}

/// What a program left behind that has ended.
#[derive(Debug)]
pub(crate) struct Left {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Program {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_with(arguments, None, &[])
    }

    pub(crate) fn start_with(arguments: &[&str], input: Option<&str>, environment: &[(&str, &str)]) -> Self {
        let mut program = Self::start_open(arguments, environment);
        if let Some(mut stdin) = program.stdin.take() {
            let input = input.unwrap_or_default().to_owned();
            tokio::spawn(async move {
                // A program that does not read is right too.
                let _ = stdin.write_all(input.as_bytes()).await;
            });
        }
        program
    }

    /// A line on its standard input.
    pub(crate) async fn types(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("its standard input is open");
        stdin.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    /// With a standard input that stays open. Nothing of the tester's own configuration may play a part.
    pub(crate) fn start_open(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_bambu2mqtt"))
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("TMPDIR", std::env::temp_dir())
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let results = collect(child.stdout.take().unwrap());
        let said = collect(child.stderr.take().unwrap());
        secrets::watch(Watched::Said("standard output", results.clone()));
        secrets::watch(Watched::Said("standard error", said.clone()));
        let stdin = child.stdin.take();
        Self { child, stdin, said, results }
    }

    /// Waits until standard error holds this.
    pub(crate) async fn says(&mut self, text: &str) {
        let found = tokio::time::timeout(DEADLINE, self.said.wait_for(|said| said.contains(text))).await;
        let found = found.map(|found| found.is_ok());
        assert_eq!(found, Ok(true), "`{text}` was not said:\n{}", *self.said.borrow());
    }

    /// Waits until standard output holds this.
    pub(crate) async fn shows(&mut self, text: &str) {
        let found = tokio::time::timeout(DEADLINE, self.results.wait_for(|shown| shown.contains(text))).await;
        let found = found.is_ok_and(|found| found.is_ok());
        assert!(found, "`{text}` was not shown:\n{}", self.said());
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("the program runs")
    }

    /// All of standard error so far.
    pub(crate) fn said(&self) -> String {
        self.said.borrow().clone()
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.id().to_string();
        assert!(std::process::Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end.
    pub(crate) async fn end(mut self) -> Left {
        self.stdin = None;
        let status = soon("the end of the program", self.child.wait()).await.unwrap();
        // Until both pipes are closed.
        for pipe in [&mut self.said, &mut self.results] {
            soon("the end of its output", async { while pipe.changed().await.is_ok() {} }).await;
        }
        let take = |pipe: &watch::Receiver<String>| pipe.borrow().clone();
        Left { code: status.code(), stdout: take(&self.results), stderr: take(&self.said) }
    }
}

/// Runs the program to its end.
pub(crate) async fn run(arguments: &[&str]) -> Left {
    Program::start(arguments).end().await
}

fn collect(pipe: impl AsyncRead + Send + Unpin + 'static) -> watch::Receiver<String> {
    let (sender, receiver) = watch::channel(String::new());
    tokio::spawn(async move {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        while pipe.read_until(b'\n', &mut line).await.is_ok_and(|length| length > 0) {
            sender.send_modify(|all| all.push_str(&String::from_utf8_lossy(&line)));
            line.clear();
        }
    });
    receiver
}

// --- the local broker ------------------------------------------------------------------------------------

/// What was seen on the local broker.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The last payload of every topic that was not emptied.
    pub(crate) values: BTreeMap<String, String>,
    /// Everything in its order.
    pub(crate) messages: Vec<(String, String)>,
    connected: usize,
}

impl Seen {
    pub(crate) fn is(&self, topic: &str, payload: &str) -> bool {
        self.values.get(topic).is_some_and(|value| value == payload)
    }

    /// A discovery message.
    pub(crate) fn config(&self, device: &str) -> Option<Value> {
        homeassistant::discovery::read(
            self.values.get(&format!("homeassistant/device/{device}/config"))?.as_bytes(),
        )
    }
}

/// A client that sees everything on a local broker, also after the broker's restart.
pub(crate) struct Eyes {
    seen: Arc<Mutex<Seen>>,
    news: watch::Receiver<()>,
    link: Link,
    _tasks: JoinSet<mqtt::Ended>,
}

impl Eyes {
    pub(crate) async fn open(port: u16) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let options = mqtt::Options {
            name: "eyes".into(),
            host: "127.0.0.1".into(),
            port,
            tls: None,
            client_id: format!("eyes-{}", NUMBER.fetch_add(1, Ordering::SeqCst)),
            credentials: None,
            last_will: None,
            keep_alive: Duration::from_secs(30),
            pace: Pace::Local,
        };
        let (sender, mut inbox) = mpsc::channel(256);
        let mut tasks = JoinSet::new();
        let link = Link::start(&mut tasks, options, sender, |event| event);
        let outbox = Arc::clone(link.outbox());
        let seen = Arc::new(Mutex::new(Seen::default()));
        secrets::watch(Watched::Seen(Arc::clone(&seen)));
        let table = Arc::clone(&seen);
        let (tell, news) = watch::channel(());
        tokio::spawn(async move {
            while let Some(event) = inbox.recv().await {
                let mut seen = table.lock().unwrap();
                match event {
                    Event::Connected => {
                        seen.values.clear();
                        outbox.subscribe("#", Qos::AtLeastOnce);
                    }
                    Event::Subscribed { .. } => seen.connected += 1,
                    Event::Message { topic, payload, .. } => {
                        let payload = String::from_utf8_lossy(&payload).into_owned();
                        if payload.is_empty() {
                            seen.values.remove(&topic);
                        } else {
                            seen.values.insert(topic.clone(), payload.clone());
                        }
                        seen.messages.push((topic, payload));
                    }
                    _ => {}
                }
                drop(seen);
                tell.send_replace(());
            }
        });
        let eyes = Self { seen, news, link, _tasks: tasks };
        eyes.until("a subscription", |seen| (seen.connected > 0).then_some(())).await;
        eyes
    }

    /// Looks at what was seen so far.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&Seen) -> R) -> R {
        look(&self.seen.lock().unwrap())
    }

    /// Waits until `find` finds what it wants.
    pub(crate) async fn until<R>(&self, what: &str, mut find: impl FnMut(&Seen) -> Option<R>) -> R {
        let mut news = self.news.clone();
        let waiting = async {
            loop {
                news.borrow_and_update();
                if let Some(found) = self.look(&mut find) {
                    return found;
                }
                news.changed().await.unwrap();
            }
        };
        tokio::time::timeout(DEADLINE, waiting).await.unwrap_or_else(|_| {
            let last: Vec<_> = self.look(|seen| seen.messages.iter().rev().take(8).cloned().collect());
            panic!("{what} was not seen within {DEADLINE:?}; the last messages, newest first: {last:#?}")
        })
    }

    /// Waits for a payload on a topic.
    pub(crate) async fn holds(&self, topic: &str, payload: &str) {
        self.until(&format!("`{payload}` on {topic}"), |seen| seen.is(topic, payload).then_some(())).await;
    }

    /// Messages so far: a mark for [`since`](Self::since).
    pub(crate) fn mark(&self) -> usize {
        self.look(|seen| seen.messages.len())
    }

    /// Waits for a message on a topic, after the mark, that holds this.
    pub(crate) async fn hears(&self, mark: usize, topic: &str, part: &str) -> String {
        self.until(&format!("`{part}` on {topic}"), |seen| {
            let mut later = seen.messages.iter().skip(mark);
            later.find(|(t, p)| t == topic && p.contains(part)).map(|(_, p)| p.clone())
        })
        .await
    }

    pub(crate) fn publish(&self, topic: &str, payload: &str) {
        self.link.outbox().send(Message::new(topic, payload.to_owned()).at_least_once());
    }

    pub(crate) fn publish_retained(&self, topic: &str, payload: &str) {
        self.link.outbox().send(Message::new(topic, payload.to_owned()).retained().at_least_once());
    }

    /// Waits until the gateway and these printers are there.
    pub(crate) async fn sees(&self, serials: &[String]) {
        self.holds("bambu2mqtt/bridge/availability", "online").await;
        for serial in serials {
            self.holds(&format!("bambu2mqtt/{serial}/availability"), "online").await;
        }
    }

    /// Waits for the outcome of a command.
    pub(crate) async fn order(&self, topic: &str, payload: &str, outcome: &str) -> String {
        let mark = self.mark();
        self.publish(&format!("{topic}/set"), payload);
        self.hears(mark, &format!("{topic}/result"), outcome).await
    }
}
