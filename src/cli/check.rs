//! `check` and `printers`: look at everything, say everything that is wrong, publish nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::cloud::{self, BoundPrinter, Client, Limiter};
use crate::config::{AccountConfig, Config, StateDir};
use crate::disk::Writer;
use crate::gateway::{Clock, Meters, cloud_options, local_options, log_in, setup, topics_of};
use crate::mqtt::{Event, Link, Message, Qos};
use crate::service::Exit;
use bambu::access::CLOUD;
use bambu::session::Budget;
use bambu::topic;
use homeassistant::entity_count;
use printer::{Control, Reach, Serial, Snapshot, default_name};
use twin::{Input, Output, Place, Twin};

use super::{complain, say};

const CONNECT: Duration = Duration::from_secs(20);
/// How long printers have to report.
const REPORT: Duration = Duration::from_secs(20);
const TICK: Duration = Duration::from_millis(500);

/// What was found out, as it is told.
#[derive(Default)]
struct Findings {
    lines: Vec<String>,
    printers: Vec<serde_json::Value>,
    problems: Vec<String>,
    worst: Option<Exit>,
}

impl Findings {
    fn problem(&mut self, text: String, exit: Exit) {
        self.problems.push(text);
        // A login that is needed is the one thing that waiting cannot heal.
        if self.worst != Some(Exit::NeedsLogin) {
            self.worst = Some(exit);
        }
    }

    fn tell(self, json: bool) -> anyhow::Result<Exit> {
        let Self { lines, printers, problems, worst } = self;
        if json {
            let document = json!({"ok": problems.is_empty(), "printers": printers, "problems": problems});
            say(&serde_json::to_string_pretty(&document)?)?;
        } else {
            for line in &lines {
                say(line)?;
            }
            for problem in &problems {
                complain(problem);
            }
            if problems.is_empty() {
                say("everything is right")?;
            }
        }
        Ok(worst.unwrap_or(Exit::Done))
    }
}

/// `printers`: the list that the cloud has.
pub(super) async fn printers(config: &Config, json: bool) -> anyhow::Result<Exit> {
    let state = StateDir::open(&config.state_dir)?;
    let writer = Writer::direct(Arc::new(state.clone()));
    let mut findings = Findings::default();
    let limiter = Limiter::new();
    for account in &config.accounts {
        match list(account, &writer, &limiter).await {
            Ok((_, printers)) => {
                for printer in printers {
                    let name = name_of(config, &printer);
                    let product = printer.product_name.or(printer.model_code).unwrap_or_default();
                    let online = match printer.online {
                        Some(true) => "online",
                        Some(false) => "offline",
                        None => "",
                    };
                    findings.lines.push(format!("{name:<24} {product:<12} {} {online}", printer.serial));
                    findings.printers.push(json!({"name": name, "model": product, "serial": printer.serial,
                        "online": printer.online}));
                }
            }
            Err(error) => findings.cloud_error(&error),
        }
    }
    if json {
        say(&serde_json::to_string_pretty(&findings.printers)?)?;
    } else {
        for line in &findings.lines {
            say(line.trim_end())?;
        }
    }
    if !json && findings.lines.is_empty() && findings.problems.is_empty() {
        say("no printer is bound to the account; bind one in Bambu Handy first")?;
    }
    for problem in &findings.problems {
        complain(problem);
    }
    Ok(findings.worst.unwrap_or(Exit::Done))
}

impl Findings {
    fn cloud_error(&mut self, error: &cloud::CloudError) {
        let exit = if error.needs_login() { Exit::NeedsLogin } else { Exit::Unreachable };
        self.problem(error.to_string(), exit);
    }
}

/// `check`: both brokers, the cloud, and each printer's own word.
pub(super) async fn run(config: &Config, json: bool) -> anyhow::Result<Exit> {
    let state = StateDir::open(&config.state_dir)?;
    let writer = Writer::direct(Arc::new(state.clone()));
    let mut findings = Findings::default();
    check_local(config, &state, &mut findings).await?;
    let limiter = Limiter::new();
    for (index, account) in config.accounts.iter().enumerate() {
        match list(account, &writer, &limiter).await {
            Ok((session, printers)) => {
                let count = printers.len();
                findings.lines.push(format!("the cloud accepts the login and lists {count} printers"));
                if count == 0 {
                    findings
                        .lines
                        .push("no printer is bound to the account; bind one in Bambu Handy first".into());
                }
                check_printers(config, index, account, &state, &session, &printers, &mut findings).await?;
            }
            Err(error) => findings.cloud_error(&error),
        }
    }
    findings.tell(json)
}

async fn list(
    account: &AccountConfig,
    writer: &Writer,
    limiter: &Arc<Limiter>,
) -> Result<(cloud::CloudLogin, Vec<BoundPrinter>), cloud::CloudError> {
    let client = Client::sharing(account, Arc::clone(limiter))?;
    log_in(&client, account, writer, Clock::start().now().wall).await
}

fn name_of(config: &Config, printer: &BoundPrinter) -> String {
    let configured = config.printer(&printer.serial).and_then(|p| p.name.clone());
    let fallback = || {
        let model = printer.product_name.as_deref().or(printer.model_code.as_deref()).unwrap_or("printer");
        default_name(model, &Serial::new(&printer.serial))
    };
    configured
        .or_else(|| Some(printer.name.trim().to_owned()).filter(|n| !n.is_empty()))
        .unwrap_or_else(fallback)
}

async fn check_local(config: &Config, state: &StateDir, findings: &mut Findings) -> anyhow::Result<()> {
    let topics = topics_of(config);
    let mut options = match local_options(config, &topics, &state.install_id()?) {
        Ok(options) => options,
        Err(error) => {
            findings.problem(format!("{error:#}"), Exit::Configuration);
            return Ok(());
        }
    };
    // Beside a gateway that runs: another client, and no last will that would tell of its end.
    options.client_id.push_str("-check");
    options.last_will = None;
    let (sender, mut inbox) = mpsc::channel(16);
    let mut tasks = JoinSet::new();
    let link = Link::start(&mut tasks, options, sender, |event| event);
    match connected(&mut inbox).await {
        Ok(()) => findings.lines.push(format!("the local broker {} accepts us", config.mqtt.broker)),
        Err(text) => {
            let hint = "check `url`, `username` and `password` in `mqtt`";
            findings.problem(format!("{text}; {hint}"), Exit::Unreachable);
        }
    }
    link.close(None).await;
    Ok(())
}

async fn connected(inbox: &mut mpsc::Receiver<Event>) -> Result<(), String> {
    match timeout(CONNECT, inbox.recv()).await {
        Ok(Some(Event::Connected)) => Ok(()),
        Ok(Some(Event::Disconnected { error, .. })) => Err(error.to_string()),
        _ => Err("the broker does not answer: check host, port and TLS".into()),
    }
}

/// Listens to the printers until each has told what it is, or the time is over.
async fn check_printers(
    config: &Config,
    index: usize,
    account: &AccountConfig,
    state: &StateDir,
    login: &cloud::CloudLogin,
    printers: &[BoundPrinter],
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let mut options = cloud_options(account, &format!("{}-{index}-check", state.install_id()?))?;
    options.credentials = Some((login.user_name.as_str().to_owned(), login.token.clone()));
    let (sender, mut inbox) = mpsc::channel(256);
    let mut tasks = JoinSet::new();
    let link = Link::start(&mut tasks, options, sender, |event| event);
    if let Err(text) = connected(&mut inbox).await {
        findings.problem(text, Exit::Unreachable);
        link.close(None).await;
        return Ok(());
    }
    findings.lines.push(format!("the cloud's broker {} accepts us", account.mqtt));
    let clock = Clock::start();
    let (place, mut budget) = (Place::default(), Budget::for_printers(printers.len()));
    let (meters, topics) = (Meters::new(config), Arc::new(topics_of(config)));
    let mut twins = BTreeMap::new();
    let mut out = Vec::new();
    for printer in printers.iter().filter(|p| !config.printer(&p.serial).is_some_and(|p| p.ignore)) {
        let serial = Serial::new(&printer.serial);
        let mut twin = Twin::new(setup(config, &meters, &topics, printer), &mut out);
        twin.handle(clock.now(), Input::Join(place, &CLOUD), &mut budget, &mut out);
        link.outbox().subscribe(topic::report(&serial), Qos::AtMostOnce);
        twins.insert(serial, twin);
    }
    let listen = async {
        while twins.values().any(|twin| twin.snapshot().capabilities.is_none()) {
            // Ticks repeat what was asked for, as the gateway does.
            let event = tokio::select! {
                event = inbox.recv() => event,
                () = tokio::time::sleep(TICK) => None,
            };
            let heard = match &event {
                Some(Event::Subscribed { topic }) => {
                    topic::reporter(topic).zip(Some(Input::Connected(place)))
                }
                Some(Event::Message { topic, payload, .. }) => {
                    topic::reporter(topic).zip(Some(Input::Message(place, payload)))
                }
                _ => None,
            };
            let mut give = |serial: &Serial, twin: &mut Twin, input| {
                twin.handle(clock.now(), input, &mut budget, &mut out);
                for output in out.drain(..) {
                    if let Output::Request(_, request) = output {
                        link.outbox().send(Message::new(topic::request(serial), request.payload));
                    }
                }
            };
            match heard {
                Some((serial, input)) => {
                    if let Some(twin) = twins.get_mut(&serial) {
                        give(&serial, twin, input);
                    }
                }
                None => twins.iter_mut().for_each(|(serial, twin)| give(serial, twin, Input::Tick)),
            }
        }
    };
    // Time over: what was heard until then is told.
    let _ = timeout(REPORT, listen).await;
    link.close(None).await;
    for twin in twins.values() {
        tell_printer(twin.snapshot(), findings);
    }
    Ok(())
}

fn tell_printer(snapshot: &Snapshot, findings: &mut Findings) {
    let who = &snapshot.identity;
    let firmware = who.firmware.as_deref().unwrap_or("unknown");
    let control = match (snapshot.reach, snapshot.control) {
        _ if snapshot.policy.read_only => "read only, as configured",
        (Reach::Online, Control::Full) => "reading and control work",
        (Reach::Online, Control::Limited) => {
            "reading works; its firmware takes print commands only from Bambu Lab's own programs, lights and camera \
             still work (see \"What to expect\" in the README)"
        }
        (Reach::Online, Control::Unknown) => "reading works; whether it takes commands is not known yet",
        _ => "did not report: is it switched on and online in Bambu Handy?",
    };
    let entities = entity_count(snapshot);
    findings.lines.push(format!(
        "{}: {}, firmware {firmware}, {} AMS, {entities} entities; {control}",
        snapshot.name(),
        who.model,
        snapshot.ams.len()
    ));
    findings.printers.push(json!({
        "name": snapshot.name().as_str(), "model": who.model.as_str(), "serial": who.serial.as_str(),
        "firmware": who.firmware.as_deref(), "online": snapshot.reach == Reach::Online,
        "ams": snapshot.ams.len(), "entities": entities, "control": control,
    }));
}
