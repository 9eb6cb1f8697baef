//! `demo`: the real gateway between an emulated cloud and a broker, for people without an account.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use percent_encoding::percent_decode_str;
use serde_json::{Map, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::config::{Config, Source};
use crate::gateway::{self, Clock, Limits, Setup, local_options, topics_of};
use crate::mqtt::{Event, Link, Qos};
use crate::service::{Exit, Notifier, Signal};
use homeassistant::topic::Topics;
use simulator::{Broker, Cloud, Model, Options, Recording, broker, private_folder};

use super::say;

/// Base topic and ids, so that it never mixes with a real gateway.
const BASE_TOPIC: &str = "bambu2mqtt_demo";
/// Between two looks at the printers.
const LOOK: Duration = Duration::from_secs(5);
/// The demo knows its broker to be near, and nobody waits long for Ctrl-C.
const CLEAR_QUIET: Duration = Duration::from_millis(500);
/// More printers than one of each model are a load, not something to look at.
const SHOWN: usize = Model::ALL.len();
/// Printers when nobody says how many.
const PRINTERS: usize = 3;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Use this broker instead of the embedded one (`mqtt://user:password@host:1883`)
    #[arg(long, value_name = "URL")]
    mqtt_url: Option<String>,
    /// Where the embedded broker listens; any other address than loopback gets a password
    #[arg(long, value_name = "ADDR", default_value_t = broker::DEFAULT_ADDRESS, conflicts_with = "mqtt_url")]
    listen: SocketAddr,
    /// How many simulated printers; 14 is one of each model [default: 3, with --capture 0]
    #[arg(long, value_name = "N")]
    printers: Option<usize>,
    /// How many more are switched off, to see how they look [default: 1, without simulated printers 0]
    #[arg(long, value_name = "N")]
    off: Option<usize>,
    /// Play recorded messages as printers, over and over; commands are answered and change nothing
    #[arg(long, value_name = "FILE", num_args = 1..)]
    capture: Vec<PathBuf>,
    /// Let the simulated printers refuse unsigned commands, as firmware of 2025 and later does
    #[arg(long)]
    signed: bool,
    /// How fast their time goes
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    speed: f64,
    /// Let the login end after this time (`20s`), to see how it is renewed from the dashboard
    #[arg(long, value_name = "D", value_parser = super::duration)]
    login_ends: Option<Duration>,
    /// Stop after this time (`90s`)
    #[arg(long, value_name = "D", value_parser = super::duration)]
    duration: Option<Duration>,
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<Exit> {
    let printers = arguments.printers.unwrap_or(if arguments.capture.is_empty() { PRINTERS } else { 0 });
    anyhow::ensure!(printers > 0 || !arguments.capture.is_empty(), "--printers takes at least 1");
    anyhow::ensure!(
        arguments.speed.is_finite() && arguments.speed > 0.0,
        "--speed takes a number above 0, such as 10 for ten times as fast"
    );
    let recordings = Recording::load(&arguments.capture)?;
    let off = arguments.off.unwrap_or(usize::from(printers > 0));
    let what = Cast { printers, off, recordings: &recordings }.to_string();
    let mut remarks: Vec<String> = recordings.iter().filter_map(remark).collect();
    let (speed, signed) = (arguments.speed, arguments.signed);
    let needs_code = arguments.login_ends.is_some();
    let options = Options { printers, off, recordings, speed, signed, needs_code, ..Options::default() };
    let cloud = Arc::new(Cloud::start(options).await.context("the emulated cloud did not start")?);
    let absent = cloud.absent();
    remarks.extend(
        absent
            .iter()
            .map(|name| format!("({name} stays switched off, so you see how a printer that is away looks.)")),
    );
    let broker = match arguments.mqtt_url {
        Some(_) => None,
        None => Some(Broker::start(arguments.listen).await.context("the embedded broker did not start")?),
    };
    let folder = private_folder()?;
    let config = configuration(&arguments, &cloud, broker.as_ref(), folder.path())?;
    // Before anybody is told how to end it: then it ends in peace from the first moment on.
    let mut from_outside = super::forward_signals()?;
    introduce(&config, &arguments, &what, broker.as_ref())?;
    for remark in remarks {
        say(&remark)?;
    }
    say("")?;

    let (sender, mut signals) = mpsc::channel(4);
    let duration = arguments.duration;
    tokio::spawn(async move {
        let end = async {
            match duration {
                Some(duration) => tokio::time::sleep(duration).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(end);
        loop {
            let signal = tokio::select! {
                signal = from_outside.recv() => signal.unwrap_or(Signal::Stop),
                () = &mut end => Signal::Stop,
            };
            // There is no file to read again.
            if signal == Signal::Stop {
                let _ = sender.send(signal).await;
                return;
            }
        }
    });
    let lapse = arguments.login_ends.map(|after| tokio::spawn(end_login(Arc::clone(&cloud), after)));
    let viewer = tokio::spawn(view(config.clone()));
    let own_broker = broker.is_none().then(|| config.clone());
    let clock = Clock::start();
    let setup = Setup { config, reload: None, clock, limits: Limits::new(clock) };
    let ended = gateway::run(setup, &mut signals, &mut Notifier::new()).await;
    viewer.abort();
    if let Some(config) = own_broker {
        // The demo's devices shall not stay in anybody's Home Assistant.
        match super::purge::clear(&config, None, "demo", CLEAR_QUIET).await {
            Ok(topics) => say(&format!("took the demo's {topics} topics off {}", config.mqtt.broker))?,
            Err(error) => super::complain(&format!("the demo's topics stay on the broker: {error:#}")),
        }
    }
    if let Some(lapse) = lapse {
        lapse.abort();
        let _ = lapse.await;
    }
    if let Some(cloud) = Arc::into_inner(cloud) {
        cloud.stop().await;
    }
    if let Some(broker) = broker {
        broker.stop().await;
    }
    ended.map(|_| Exit::Done)
}

/// Makes the login worthless after some time, and stands for the mailbox that codes come into.
async fn end_login(cloud: Arc<Cloud>, after: Duration) -> anyhow::Result<()> {
    tokio::time::sleep(after).await;
    cloud.revoke_token();
    say("The login has ended. A code comes, and goes into \"Login code\" of the device \"Bambu gateway\".")?;
    let mut last = None;
    loop {
        let code = cloud.mailed_code();
        if let Some(code) = code.as_ref().filter(|_| code != last) {
            say(&format!("An e-mail brings the code {code}"))?;
        }
        last = code;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn configuration(
    arguments: &Arguments,
    cloud: &Cloud,
    broker: Option<&Broker>,
    folder: &Path,
) -> anyhow::Result<Config> {
    let settings = cloud.settings();
    let url = arguments.mqtt_url.clone().or_else(|| broker.map(Broker::url)).unwrap_or_default();
    let mut mqtt = Map::new();
    let mut put = |key: &str, value: &str| mqtt.insert(key.into(), value.into());
    put("base_topic", BASE_TOPIC);
    let given = reqwest::Url::parse(&url).ok().filter(|url| !url.username().is_empty());
    if let Some(mut given) = given {
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        put("username", &decoded(given.username()));
        put("password", &decoded(given.password().unwrap_or_default()));
        // Cannot fail: the URL has a host.
        let _ = given.set_username("");
        let _ = given.set_password(None);
        put("url", given.as_str().trim_end_matches('/'));
    } else {
        put("url", &url);
        if let Some(login) = broker.and_then(Broker::login) {
            put("username", &login.user);
            put("password", &login.password);
        }
    }
    // JSON is YAML, and quotes what it must.
    let mut document = json!({
        "state_dir": folder,
        "bambu": {"account": settings.account, "password": settings.password, "api_url": settings.api_url,
            "mqtt_url": settings.mqtt_url, "ca_file": settings.ca_file},
        "mqtt": mqtt,
    });
    if arguments.login_ends.is_some() {
        // Logged in to begin with: the code is for the end.
        let token = document.pointer_mut("/bambu").and_then(serde_json::Value::as_object_mut);
        token.map(|bambu| bambu.insert("token".into(), settings.token.clone().into()));
    }
    let source = Source::Text { name: "the demo's configuration".into(), text: document.to_string() };
    Ok(Config::load(&source, [])?.config)
}

/// The printers of a demo.
struct Cast<'a> {
    printers: usize,
    off: usize,
    recordings: &'a [Recording],
}

impl fmt::Display for Cast<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |number, what: &str| match number {
            0 => None,
            1 => Some(format!("a {what} printer")),
            n => Some(format!("{n} {what} printers")),
        };
        let off = match self.off {
            0 => None,
            1 => Some("one that is switched off".to_owned()),
            n => Some(format!("{n} that are switched off")),
        };
        let all = [count(self.recordings.len(), "recorded"), count(self.printers, "simulated"), off];
        let all: Vec<String> = all.into_iter().flatten().collect();
        match all.as_slice() {
            [first @ .., last] if !first.is_empty() => write!(f, "{} and {last}", first.join(", ")),
            _ => f.write_str(&all.concat()),
        }
    }
}

/// What someone should know who plays this recording.
fn remark(recording: &Recording) -> Option<String> {
    (!recording.is_complete()).then(|| {
        format!(
            "({}: no complete report of {} is in it, so most of what it has stays unknown.)",
            recording.source(),
            recording.name()
        )
    })
}

fn introduce(
    config: &Config,
    arguments: &Arguments,
    what: &str,
    broker: Option<&Broker>,
) -> anyhow::Result<()> {
    let address = &config.mqtt.broker;
    say(&format!("An emulated Bambu cloud with {what}, the real gateway, and an MQTT broker on {address}."))?;
    if broker.is_some_and(Broker::moved) {
        say(&format!(
            "(Port {} was taken, so the broker is on port {}.)",
            arguments.listen.port(),
            address.port
        ))?;
    }
    say("To see them in Home Assistant:")?;
    say("  1. Settings > Devices & services > Add integration > MQTT")?;
    let login = match broker.and_then(Broker::login) {
        Some(login) => format!("user name {}, password {}", login.user, login.password),
        None if config.mqtt.username.is_some() => "the user name and password of your broker".into(),
        None => "no user name or password".into(),
    };
    let host = match arguments.mqtt_url {
        None if !arguments.listen.ip().is_loopback() => "the address of this machine",
        _ => &address.host,
    };
    say(&format!("  2. Broker {host} port {}, {login}", address.port))?;
    let devices = "  3. The printers appear under Devices by themselves";
    match arguments.printers {
        None | Some(0) if !arguments.capture.is_empty() => {
            say(&format!("{devices}; recorded ones take commands and go their way"))?;
        }
        _ if arguments.signed => {
            say(&format!("{devices}; lamps and camera obey, the rest wants a signature"))?;
        }
        _ => say(&format!("{devices}; press, slide and switch: they obey"))?,
    }
    if broker.is_some() && arguments.listen.ip().is_loopback() {
        say("     (Home Assistant on another machine? Start again with --listen 0.0.0.0:1883)")?;
    }
    say("Ctrl-C ends it.")
}

/// Shows what a subscriber of the local broker sees of the printers.
async fn view(config: Config) {
    let topics = Arc::new(topics_of(&config));
    let Ok(mut options) = local_options(&config, &topics, "view") else { return };
    options.client_id = format!("{BASE_TOPIC}-view-{}", std::process::id());
    options.name = "viewer".into();
    // The gateway's own link complains of a broker that is not there; once is enough.
    while tokio::net::TcpStream::connect((options.host.as_str(), options.port)).await.is_err() {
        tokio::time::sleep(LOOK).await;
    }
    options.last_will = None;
    let (sender, mut inbox) = mpsc::channel(256);
    let mut tasks = JoinSet::new();
    let link = Link::start(&mut tasks, options, sender, |event| event);
    let mut shown = Shown::default();
    let mut look = tokio::time::interval(LOOK);
    look.tick().await;
    let mut lines = 0;
    loop {
        tokio::select! {
            event = inbox.recv() => match event {
                Some(Event::Connected) => {
                    for key in KEYS {
                        link.outbox().subscribe(format!("{}/+/{key}", topics.base), Qos::AtMostOnce);
                    }
                    link.outbox().subscribe(topics.all_configs(), Qos::AtMostOnce);
                }
                Some(Event::Message { topic, payload, .. }) => shown.take(&topics, &topic, &payload),
                Some(_) => {}
                None => return,
            },
            _ = look.tick() => lines = shown.tell(lines),
        }
    }
}

const KEYS: [&str; 9] = [
    "status",
    "stage",
    "progress",
    "remaining_time",
    "nozzle_temperature",
    "nozzle_target",
    "bed_temperature",
    "bed_target",
    "active_slot",
];

/// What a subscriber knows of the printers, by serial.
#[derive(Default)]
struct Shown {
    names: BTreeMap<String, String>,
    values: BTreeMap<String, BTreeMap<String, String>>,
}

impl Shown {
    fn take(&mut self, topics: &Topics, topic: &str, payload: &[u8]) {
        let own = topic.strip_prefix(&topics.base).and_then(|rest| rest.strip_prefix('/')?.split_once('/'));
        if let Some((serial, key)) = own {
            if self.values.contains_key(serial) || self.values.len() < SHOWN {
                let payload = String::from_utf8_lossy(payload).into_owned();
                self.values.entry(serial.to_owned()).or_default().insert(key.to_owned(), payload);
            }
        } else if let Some(config) = homeassistant::discovery::read(payload) {
            // A printer's own device; an AMS has a serial too, and hangs below it.
            let device = |key: &str| config.get("device")?.get(key)?.as_str().map(str::to_owned);
            let printer = device("via_device") == Some(topics.bridge_id());
            if let Some((serial, name)) = device("serial_number").zip(device("name")).filter(|_| printer) {
                self.names.insert(serial, name);
            }
        }
    }

    /// Writes a line per printer; on a terminal over the `before` lines of the last time.
    fn tell(&self, before: usize) -> usize {
        let mut out = io::stdout();
        let terminal = out.is_terminal();
        let mut text = String::new();
        if terminal && before > 0 {
            let _ = write!(text, "\x1b[{before}A");
        }
        for (serial, values) in &self.values {
            let line = line(self.names.get(serial).unwrap_or(serial), values);
            if terminal {
                text.push_str("\x1b[2K");
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        // A closed standard output ends the show, not the demo.
        let _ = out.write_all(text.as_bytes());
        self.values.len()
    }
}

/// What there is to see of a printer.
fn line(name: &str, values: &BTreeMap<String, String>) -> String {
    let get = |key: &str| values.get(key).map_or("?", String::as_str);
    let status = get("status");
    if status == "offline" {
        return format!("{name:<16} {status}");
    }
    format!(
        "{name:<16} {status:<8} {:>3} %  {:>4} min  nozzle {:>5}/{} °C  bed {:>4}/{} °C  {:<5} {}",
        get("progress"),
        get("remaining_time"),
        get("nozzle_temperature"),
        get("nozzle_target"),
        get("bed_temperature"),
        get("bed_target"),
        get("active_slot"),
        get("stage"),
    )
}
