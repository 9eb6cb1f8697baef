//! The wiring: owns every `Session` and `Mirror` and turns what they say into input and output.
//!
//! One task, one loop: it takes from its inbox, calls the core, fills the outboxes, and waits for
//! nothing else.
//! Must not know: how a report is decoded, how an entity is described.

mod account;
mod leftovers;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::{debug, error, info, warn};

use crate::bambu::session::{CommandId, Input, Note, Output, Session};
use crate::cloud::BoundPrinter;
use crate::config::{Config, Mode, StateDir};
use crate::homeassistant::topic::{Incoming, Topics, slug};
use crate::homeassistant::{Account as AccountState, Bridge, BridgeMirror, Mirror, Publication, command};
use crate::mqtt::backoff::Pace;
use crate::mqtt::{self, Link, Message, Qos};
use crate::printer::{Now, Outcome, Reach, Serial};
use crate::replay::{default_name, reporter};
use crate::service::{Notifier, Signal, watchdog_interval};
use crate::tls;

use account::{Account, AccountEvent};
pub(crate) use account::{cloud_options, log_in};
use leftovers::Leftovers;

/// Room for what comes in; a poller waits when it is full, so no report is lost.
const INBOX: usize = 256;
/// How many inputs are taken in one turn.
const BATCH: usize = 64;
/// Longest time between two turns: rows that may not be published often are looked at then.
const TURN: Duration = Duration::from_secs(10);
/// Shortest time between two looks at the printers' deadlines.
const SHORTEST_TURN: Duration = Duration::from_millis(100);
/// After this the gateway says that it is there, whether the printers have reported or not.
const START_GRACE: Duration = Duration::from_secs(15);
/// While more than this waits for the local broker no further printer is told from the start, so that a
/// thousand printers need the memory of a few.
const RESYNC_BELOW: usize = 400;
/// Home Assistant's restart is answered after a random time up to this, together with others that follow.
const BIRTH_DELAY: Duration = Duration::from_secs(3);
/// How long the outcome of a command can still come.
const COMMAND_MEMORY: Duration = Duration::from_secs(60);

/// Reads both clocks; the only place that does.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// Begins to count.
    #[allow(clippy::disallowed_methods, reason = "this is the one place that asks the clock")]
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// This moment.
    #[allow(clippy::disallowed_methods, reason = "this is the one place that asks the clock")]
    pub fn now(self) -> Now {
        Now { mono: self.start.elapsed(), wall: Timestamp::now() }
    }

    /// A moment of the steady clock, for a timer.
    fn at(self, mono: Duration) -> tokio::time::Instant {
        (self.start + mono).into()
    }
}

/// What comes in.
enum Event {
    Local(mqtt::Event),
    Cloud(AccountId, mqtt::Event),
    Account(AccountId, AccountEvent),
}

/// Why the gateway came back.
#[derive(Debug)]
pub enum Ended {
    /// A signal asked for it.
    Stopped,
    /// The configuration changed so much that everything begins anew.
    Restart(Box<Config>),
}

/// How the configuration is read again at SIGHUP.
pub type Reload = Box<dyn Fn() -> Result<Config, crate::config::Error> + Send>;

/// What the gateway runs with.
pub struct Setup {
    /// The configuration.
    pub config: Config,
    /// How to read it again.
    pub reload: Option<Reload>,
    /// Both clocks.
    pub clock: Clock,
}

#[allow(clippy::struct_excessive_bools, reason = "independent facts, none a state of its own")]
struct Printer {
    /// The account whose connection it is heard on.
    account: AccountId,
    session: Session,
    mirror: Mirror,
    /// Whether the local broker was told everything since it was last connected.
    told: bool,
    /// Counted as online in the gateway's own device.
    online: bool,
    /// The cloud's last list did not have it; the next one decides.
    missed: bool,
    /// Whether this connection's broker was asked for what an earlier run announced of it.
    looked_up: bool,
}

/// Names an account for as long as the program runs: events of one that was given up find nobody.
type AccountId = usize;

struct Pending {
    serial: Serial,
    key: String,
    since: Duration,
}

struct Gateway {
    config: Config,
    clock: Clock,
    state: Arc<StateDir>,
    install: String,
    topics: Arc<Topics>,
    tasks: JoinSet<mqtt::Ended>,
    /// How many of them are about to end because we said so.
    ending: usize,
    inbox: mpsc::Sender<Event>,
    local: Link,
    local_connected: bool,
    accounts: BTreeMap<AccountId, Account>,
    next_account: AccountId,
    printers: BTreeMap<Serial, Printer>,
    bridge: Bridge,
    bridge_mirror: BridgeMirror,
    bridge_changed: bool,
    resync: VecDeque<Serial>,
    said_online: bool,
    birth_at: Option<Duration>,
    leftovers: Leftovers,
    pending: BTreeMap<CommandId, Pending>,
    next_command: CommandId,
    next_turn: Duration,
    last_report: Option<Duration>,
    out: Vec<Publication>,
}

/// Runs until a signal stops it or a new configuration wants a new start.
///
/// # Errors
/// When it cannot begin (state directory, TLS files), or a task ends that must not.
pub async fn run(
    setup: Setup,
    signals: &mut mpsc::Receiver<Signal>,
    notifier: &mut Notifier,
) -> anyhow::Result<Ended> {
    let Setup { config, reload, clock } = setup;
    let (sender, mut inbox) = mpsc::channel(INBOX);
    let mut gateway = Gateway::start(config, clock, sender)?;
    notifier.ready();
    let watchdog = watchdog_interval();
    let mut fed = Duration::ZERO;
    let mut events = Vec::with_capacity(BATCH);
    let timer = tokio::time::sleep_until(clock.at(gateway.next_turn));
    tokio::pin!(timer);
    let ended = loop {
        let outbox = Arc::clone(gateway.local.outbox());
        let waits = gateway.local_connected && !gateway.resync.is_empty() && outbox.len() >= RESYNC_BELOW;
        tokio::select! {
            biased;
            signal = signals.recv() => match signal {
                Some(Signal::Reload) => {
                    notifier.reloading();
                    let restart = reload.as_ref().and_then(|reload| gateway.reload(reload));
                    notifier.ready();
                    if let Some(config) = restart {
                        break Ended::Restart(config);
                    }
                }
                Some(Signal::Stop) | None => break Ended::Stopped,
            },
            ended = gateway.tasks.join_next() => {
                // The tasks of a connection that was given up end as they should.
                if gateway.ending > 0 {
                    gateway.ending -= 1;
                    continue;
                }
                let name = match ended {
                    Some(Ok(name)) => name,
                    Some(Err(error)) => error.to_string(),
                    None => "everything".into(),
                };
                anyhow::bail!("{name} ended by itself, which it must not");
            }
            count = inbox.recv_many(&mut events, BATCH) => {
                anyhow::ensure!(count > 0, "nothing is left that could bring news");
            }
            () = outbox.below(RESYNC_BELOW), if waits => {}
            () = &mut timer => {}
        }
        let now = clock.now();
        for event in events.drain(..) {
            gateway.on_event(now, event);
        }
        let timely = gateway.turn(now);
        if timer.deadline() != clock.at(gateway.next_turn) {
            timer.as_mut().reset(clock.at(gateway.next_turn));
        }
        if watchdog.is_some_and(|each| now.mono >= fed + each / 2) {
            fed = now.mono;
            notifier.watchdog();
        }
        if timely {
            notifier.status(&gateway.status(now));
        }
    };
    if matches!(ended, Ended::Stopped) {
        notifier.stopping();
        info!("stopping");
    }
    gateway.stop(inbox).await;
    Ok(ended)
}

impl Gateway {
    fn start(config: Config, clock: Clock, inbox: mpsc::Sender<Event>) -> anyhow::Result<Self> {
        let state = StateDir::open(&config.state_dir)?;
        let install = state.install_id()?;
        let topics = Arc::new(topics_of(&config));
        let mut tasks = JoinSet::new();
        let options = local_options(&config, &topics, &install)?;
        let local = Link::start(&mut tasks, options, inbox.clone(), Event::Local);
        let state = Arc::new(state);
        let now = clock.now();
        let mut next_account = 0;
        let accounts = start_accounts(&mut next_account, &config, &state, &install, &inbox, now)?;
        let discovery = config.homeassistant.discovery;
        let bridge = Bridge { version: env!("CARGO_PKG_VERSION"), ..Bridge::default() };
        Ok(Self {
            bridge_mirror: BridgeMirror::new(Arc::clone(&topics), discovery),
            leftovers: Leftovers::new(Arc::clone(&topics), discovery),
            config,
            clock,
            state,
            install,
            topics,
            tasks,
            ending: 0,
            inbox,
            local,
            local_connected: false,
            accounts,
            next_account,
            printers: BTreeMap::new(),
            bridge,
            bridge_changed: true,
            resync: VecDeque::new(),
            said_online: false,
            birth_at: None,
            pending: BTreeMap::new(),
            next_command: 0,
            next_turn: now.mono + TURN,
            last_report: None,
            out: Vec::new(),
        })
    }

    fn on_event(&mut self, now: Now, event: Event) {
        match event {
            Event::Cloud(account, event) => self.on_cloud(now, account, event),
            Event::Local(event) => self.on_local(now, event),
            Event::Account(account, event) => self.on_account(now, account, event),
        }
    }

    fn on_cloud(&mut self, now: Now, index: usize, event: mqtt::Event) {
        match event {
            mqtt::Event::Message { topic, payload, .. } => {
                let Some(serial) = reporter(&topic) else { return };
                if self.printers.get(&serial).is_some_and(|p| p.account == index) {
                    self.last_report = Some(now.mono);
                    self.handle(now, &serial, Input::Message(&payload));
                }
            }
            mqtt::Event::Connected => {
                let Some(account) = self.accounts.get_mut(&index) else { return };
                self.bridge_changed = true;
                account.on_connected(now);
                for (serial, printer) in &self.printers {
                    if printer.account == index {
                        account.subscribe(serial);
                    }
                }
            }
            mqtt::Event::Disconnected { error, retry_in, .. } => {
                let Some(account) = self.accounts.get_mut(&index) else { return };
                self.bridge_changed = true;
                account.on_disconnected(now, &error, retry_in, &self.inbox);
                let of_account: Vec<_> = self
                    .printers
                    .iter()
                    .filter(|(_, p)| p.account == index)
                    .map(|(s, _)| s.clone())
                    .collect();
                for serial in of_account {
                    self.handle(now, &serial, Input::Disconnected);
                }
            }
            mqtt::Event::Subscribed { topic } => {
                self.on_subscription_answer(index);
                if let Some(serial) = reporter(&topic) {
                    self.handle(now, &serial, Input::Connected);
                }
            }
            mqtt::Event::SubscriptionRefused { topic } => {
                self.on_subscription_answer(index);
                let printer = reporter(&topic).and_then(|serial| self.printers.get(&serial));
                let name = printer.map_or("a printer", |p| p.session.snapshot().identity.name.as_str());
                warn!(
                    printer = name,
                    "the cloud does not let this account listen to the printer; is it still bound?"
                );
            }
            mqtt::Event::Delivered(_) => {}
        }
    }

    fn on_subscription_answer(&mut self, id: AccountId) {
        self.bridge_changed = true;
        if let Some(account) = self.accounts.get_mut(&id) {
            account.on_answer();
        }
    }

    fn on_local(&mut self, now: Now, event: mqtt::Event) {
        match event {
            mqtt::Event::Connected => {
                self.local_connected = true;
                let outbox = self.local.outbox();
                outbox.subscribe(self.topics.commands(), Qos::AtLeastOnce);
                outbox.subscribe(self.topics.status(), Qos::AtMostOnce);
                self.leftovers.begin(now, outbox);
                for printer in self.printers.values_mut() {
                    printer.looked_up = false;
                }
                self.say_everything(now);
            }
            mqtt::Event::Disconnected { .. } => {
                self.local_connected = false;
                self.said_online = false;
                self.resync.clear();
            }
            mqtt::Event::Message { topic, payload, retain } => {
                self.on_local_message(now, &topic, &payload, retain);
            }
            mqtt::Event::SubscriptionRefused { topic } => {
                error!(topic, "the local broker refused a subscription: allow this user to read it");
            }
            mqtt::Event::Subscribed { .. } | mqtt::Event::Delivered(_) => {}
        }
    }

    fn on_local_message(&mut self, now: Now, topic: &str, payload: &[u8], retain: bool) {
        match self.topics.parse(topic) {
            Some(Incoming::Discovery { device }) => {
                if retain {
                    self.leftovers.saw(device, payload);
                }
            }
            Some(Incoming::Status) if payload == b"online" => {
                // Several in a row (a reload, a reconnect) are answered once.
                let delay = BIRTH_DELAY.mul_f64(fastrand::f64());
                let at = *self.birth_at.get_or_insert(now.mono + delay);
                self.next_turn = self.next_turn.min(at);
            }
            Some(Incoming::Set { serial, key }) => {
                if retain {
                    // A restart would press the button again.
                    warn!(key, "a retained command is ignored: publish commands without the retain flag");
                    return;
                }
                self.on_command(now, &serial, key, payload);
            }
            Some(Incoming::Status) | None => {}
        }
    }

    fn on_command(&mut self, now: Now, serial: &Serial, key: &str, payload: &[u8]) {
        let Some(printer) = self.printers.get(serial) else {
            debug!(key, "a command for a printer that is not here");
            return;
        };
        match command::parse(printer.session.snapshot(), key, payload) {
            Ok(command) => {
                self.next_command += 1;
                let id = self.next_command;
                let pending = Pending { serial: serial.clone(), key: key.to_owned(), since: now.mono };
                self.pending.insert(id, pending);
                self.handle(now, serial, Input::Command(id, command));
            }
            Err(error) => self.tell_outcome(now, serial, key, &Outcome::Refused(error.to_string())),
        }
    }

    /// Tells the giver of a command what became of it, and the true value if that is not what was asked.
    fn tell_outcome(&mut self, now: Now, serial: &Serial, key: &str, outcome: &Outcome) {
        let Some(printer) = self.printers.get_mut(serial) else { return };
        let name = &printer.session.snapshot().identity.name;
        let (word, reason) = match outcome {
            Outcome::Accepted => ("accepted", None),
            Outcome::Confirmed => ("confirmed", None),
            Outcome::Refused(reason) => ("refused", Some(reason.as_str())),
            Outcome::Failed(reason) => ("failed", Some(reason.as_str())),
            Outcome::Superseded => ("refused", Some("a newer value came before it was sent")),
            Outcome::Timeout => ("timeout", Some("the printer did not answer within 10 s")),
        };
        // The newer value is on its way: the one before is not worth a warning, nor a jump back.
        let trouble = *outcome != Outcome::Superseded;
        if let Some(reason) = reason.filter(|_| trouble) {
            warn!(printer = %name, key, outcome = word, reason, "command");
        } else {
            debug!(printer = %name, key, outcome = word, "command");
        }
        let mut body = json!({ "outcome": word });
        if let (Some(reason), Some(body)) = (reason, body.as_object_mut()) {
            body.insert("reason".into(), reason.into());
        }
        self.local.outbox().send(Message::new(self.topics.result(serial, key), body.to_string()));
        if reason.is_some() && trouble && printer.told {
            printer.mirror.republish(now, key, &mut self.out);
            self.publish();
        }
    }

    fn on_account(&mut self, now: Now, id: AccountId, event: AccountEvent) {
        let Some(account) = self.accounts.get_mut(&id) else { return };
        if account.on_event(now, event, &self.state, &self.inbox, &mut self.tasks) {
            self.fit_printers(now);
            self.resubscribe(id);
        }
        self.bridge_changed = true;
    }

    /// A printer may have been bound so recently that the broker did not let us listen yet.
    fn resubscribe(&mut self, id: AccountId) {
        let Some(account) = self.accounts.get_mut(&id) else { return };
        let deaf = self.printers.iter().filter(|(_, p)| p.account == id && !p.session.is_connected());
        for (serial, _) in deaf {
            account.subscribe(serial);
        }
    }

    /// Makes the printers those that the accounts' last lists have and the configuration does not ignore.
    fn fit_printers(&mut self, now: Now) {
        let mut wanted: BTreeMap<Serial, (AccountId, BoundPrinter)> = BTreeMap::new();
        for (id, account) in &self.accounts {
            for printer in account.printers() {
                if self.config.printer(&printer.serial).is_some_and(|p| p.ignore) {
                    continue;
                }
                let serial = Serial::new(&printer.serial);
                // One that two accounts have stays with the one it is heard on.
                let current = self.printers.get(&serial).map(|p| p.account) == Some(*id);
                if current || !wanted.contains_key(&serial) {
                    wanted.insert(serial, (*id, printer.clone()));
                }
            }
        }
        self.remove_printers(now, &wanted);
        for (serial, (id, printer)) in wanted {
            if self.printers.contains_key(&serial) {
                self.keep_printer(now, &serial, id, &printer);
            } else {
                self.add_printer(serial, id, &printer);
            }
        }
    }

    /// Takes away what is not wanted any more: what the owner ignores at once, what the cloud does not list
    /// when it has not listed it twice.
    fn remove_printers(&mut self, now: Now, wanted: &BTreeMap<Serial, (AccountId, BoundPrinter)>) {
        let listed = self.accounts.values().all(Account::is_listed);
        let mut gone = BTreeSet::new();
        for (serial, printer) in &mut self.printers {
            let ignored = self.config.printer(serial.as_str()).is_some_and(|p| p.ignore);
            let missing = !wanted.contains_key(serial) && listed;
            if ignored || (missing && printer.missed) {
                gone.insert(serial.clone());
            } else if missing {
                // One odd answer must not cost anybody the names of their entities.
                for account in self.accounts.values_mut() {
                    account.list_soon(now);
                }
            }
            printer.missed = missing;
        }
        for serial in gone {
            let Some(mut printer) = self.printers.remove(&serial) else { continue };
            info!(printer = %printer.session.snapshot().identity.name, "the printer is not used any more");
            if let Some(account) = self.accounts.get(&printer.account) {
                account.unsubscribe(&serial);
            }
            printer.mirror.remove(&mut self.out);
            self.publish();
        }
    }

    fn keep_printer(&mut self, now: Now, serial: &Serial, id: AccountId, bound: &BoundPrinter) {
        let name = self.configured_name(serial).or_else(|| given_name(bound));
        let read_only = self.config.controls_of(serial.as_str()) == Mode::ReadOnly;
        let Some(known) = self.printers.get_mut(serial) else { return };
        if known.account != id {
            known.account = id;
            if let Some(account) = self.accounts.get_mut(&id) {
                account.subscribe(serial);
            }
        }
        let renamed = name.is_some_and(|name| known.session.rename(&name));
        let other = known.session.snapshot().read_only != read_only;
        known.session.set_read_only(read_only);
        if (renamed || other) && known.told {
            known.mirror.update(now, known.session.snapshot(), &mut self.out);
            self.publish();
        }
    }

    fn add_printer(&mut self, serial: Serial, id: AccountId, bound: &BoundPrinter) {
        let codes =
            [bound.model_code.as_deref(), bound.product_name.as_deref()].map(Option::unwrap_or_default);
        let sequence = 40_000 + fastrand::u32(0..1_000_000);
        let mut session = Session::new(serial.clone(), "", codes, sequence);
        let model = session.snapshot().identity.model.clone();
        let name = self.configured_name(&serial).or_else(|| given_name(bound));
        session.rename(&name.unwrap_or_else(|| default_name(&model, &serial)));
        session.set_read_only(self.config.controls_of(serial.as_str()) == Mode::ReadOnly);
        let slug = self.free_slug(&session, &serial);
        info!(printer = %session.snapshot().identity.name, %model, "printer found");
        let discovery = self.config.homeassistant.discovery;
        let mirror = Mirror::new(Arc::clone(&self.topics), serial.clone(), slug, discovery);
        let printer = Printer {
            account: id,
            session,
            mirror,
            told: false,
            online: false,
            missed: false,
            looked_up: false,
        };
        self.printers.insert(serial.clone(), printer);
        if let Some(account) = self.accounts.get_mut(&id) {
            account.subscribe(&serial);
        }
        if self.local_connected {
            self.resync.push_back(serial);
        }
    }

    fn configured_name(&self, serial: &Serial) -> Option<String> {
        self.config.printer(serial.as_str()).and_then(|p| p.name.clone())
    }

    /// What a printer's entity ids begin with: its name, or model and last digits where that is empty or taken.
    fn free_slug(&self, session: &Session, serial: &Serial) -> String {
        let identity = &session.snapshot().identity;
        let wanted = slug(&identity.name);
        let taken = self.printers.values().any(|p| slug(&p.session.snapshot().identity.name) == wanted);
        if wanted.is_empty() || taken { slug(&default_name(&identity.model, serial)) } else { wanted }
    }

    fn handle(&mut self, now: Now, serial: &Serial, input: Input<'_>) {
        let Some(printer) = self.printers.get_mut(serial) else { return };
        let outputs = printer.session.handle(now, input);
        if let Some(at) = printer.session.deadline() {
            self.next_turn = self.next_turn.min(at.max(now.mono + SHORTEST_TURN));
        }
        if !outputs.is_empty() {
            self.carry_out(now, serial, outputs);
        }
    }

    fn carry_out(&mut self, now: Now, serial: &Serial, outputs: Vec<Output>) {
        for output in outputs {
            let Some(printer) = self.printers.get_mut(serial) else { return };
            match output {
                Output::Changed(snapshot) => {
                    let online = snapshot.reach == Reach::Online;
                    self.bridge_changed |= std::mem::replace(&mut printer.online, online) != online;
                    if printer.told && self.local_connected {
                        printer.mirror.update(now, &snapshot, &mut self.out);
                        self.publish();
                    }
                }
                Output::Send(request) => {
                    if let Some(account) = self.accounts.get(&printer.account) {
                        account.send(serial, request);
                    }
                }
                Output::Reply(id, outcome) => {
                    if let Some(pending) = self.pending.get(&id) {
                        let key = pending.key.clone();
                        self.tell_outcome(now, serial, &key, &outcome);
                    }
                    if outcome != Outcome::Accepted {
                        self.pending.remove(&id);
                    }
                }
                Output::Note(note) => log_note(&printer.session.snapshot().identity.name, &note),
            }
        }
    }

    /// Hands what is to be published to the local broker.
    fn publish(&mut self) {
        if !self.local_connected {
            self.out.clear();
            return;
        }
        let mut out = std::mem::take(&mut self.out);
        let outbox = self.local.outbox();
        let mut rest = out.drain(..).peekable();
        while let Some(Publication { topic, payload }) = rest.next() {
            if payload.is_empty() && self.is_announced(&topic) {
                // An AMS was plugged into another printer, whose device it is now.
                continue;
            }
            if rest.peek().is_some_and(|next| next.topic == topic) {
                // Both halves of a retraction must leave; set, the second would replace the first.
                outbox.send(Message::new(topic, payload).retained());
            } else {
                outbox.set(topic, payload);
            }
        }
        drop(rest);
        self.out = out;
    }

    /// Whether a printer announces its device, or a child's, on this topic.
    fn is_announced(&self, topic: &str) -> bool {
        match self.topics.parse(topic) {
            Some(Incoming::Discovery { device }) => {
                self.printers.values().any(|p| p.mirror.components(device).is_some())
            }
            _ => false,
        }
    }

    /// The broker may know nothing of us, or Home Assistant may have missed it.
    fn say_everything(&mut self, now: Now) {
        self.bridge_mirror.resend(now, &self.bridge, &mut self.out);
        self.publish();
        // An AMS that moved is announced by both printers while the one it left is off: the one that is on
        // has the last word.
        let (online, offline): (Vec<_>, Vec<_>) = self.printers.iter().partition(|(_, p)| p.online);
        self.resync = offline.into_iter().chain(online).map(|(serial, _)| serial.clone()).collect();
        for printer in self.printers.values_mut() {
            printer.told = false;
        }
    }

    /// Everything that is done once a turn; says whether it was one that time brought.
    fn turn(&mut self, now: Now) -> bool {
        let due = now.mono >= self.next_turn;
        if due {
            self.next_turn = now.mono + TURN;
            self.look_at_deadlines(now);
        }
        if self.bridge_changed {
            self.update_bridge(now);
        }
        if self.birth_at.is_some_and(|at| now.mono >= at) {
            self.birth_at = None;
            info!("Home Assistant has started; telling it everything again");
            self.say_everything(now);
            if self.said_online {
                self.say_online();
            }
        }
        self.resync(now);
        if !self.said_online && self.local_connected && self.resync.is_empty() && self.may_say_online(now) {
            self.said_online = true;
            self.say_online();
        }
        due
    }

    fn look_at_deadlines(&mut self, now: Now) {
        let serials: Vec<Serial> = self.printers.keys().cloned().collect();
        for serial in &serials {
            if self
                .printers
                .get(serial)
                .is_some_and(|p| p.session.deadline().is_some_and(|at| at <= now.mono))
            {
                self.handle(now, serial, Input::Tick);
            }
            let Some(printer) = self.printers.get_mut(serial) else { continue };
            if printer.told && self.local_connected {
                printer.mirror.update(now, printer.session.snapshot(), &mut self.out);
            }
            if let Some(at) = printer.session.deadline() {
                self.next_turn = self.next_turn.min(at.max(now.mono + SHORTEST_TURN));
            }
        }
        self.publish();
        self.pending
            .retain(|_, p| now.mono < p.since + COMMAND_MEMORY && self.printers.contains_key(&p.serial));
        for account in self.accounts.values_mut() {
            let at = account.tick(now, &self.state, &self.inbox);
            self.next_turn = self.next_turn.min(at.max(now.mono + SHORTEST_TURN));
        }
        if let Some(at) = self.birth_at {
            self.next_turn = self.next_turn.min(at.max(now.mono + SHORTEST_TURN));
        }
        if self.local_connected {
            let complete = self.accounts.values().all(Account::is_sure);
            let outbox = self.local.outbox();
            let mirrors = || {
                self.printers
                    .iter()
                    .map(|(serial, p)| (serial, p.told.then_some(&p.mirror), p.session.snapshot()))
            };
            self.leftovers.settle(now, complete, mirrors, outbox);
            if !self.said_online {
                self.next_turn = self.next_turn.min(now.mono + Duration::from_secs(1));
            }
        }
    }

    /// Tells printers from the start, as many as the local broker can take for now.
    fn resync(&mut self, now: Now) {
        for _ in 0..self.resync.len() {
            if !self.local_connected || self.local.outbox().len() >= RESYNC_BELOW {
                return;
            }
            let Some(serial) = self.resync.pop_front() else { return };
            let Some(printer) = self.printers.get_mut(&serial) else { continue };
            if printer.session.snapshot().capabilities.is_none() && !printer.looked_up {
                let Some(known) = self.leftovers.knows(now, &self.topics.printer_id(&serial)) else {
                    // What the broker has kept of an earlier run may still come.
                    self.resync.push_back(serial);
                    self.next_turn = self.next_turn.min(now.mono + SHORTEST_TURN);
                    continue;
                };
                printer.looked_up = true;
                printer.mirror.trust_earlier_discovery(known);
            }
            printer.told = true;
            printer.mirror.forget();
            printer.mirror.update(now, printer.session.snapshot(), &mut self.out);
            self.publish();
        }
    }

    fn may_say_online(&self, now: Now) -> bool {
        let heard = |p: &Printer| p.session.snapshot().capabilities.is_some();
        let complete = self.accounts.values().all(Account::is_listed) && self.printers.values().all(heard);
        complete || now.mono >= START_GRACE
    }

    fn say_online(&self) {
        self.local.outbox().set(self.topics.bridge_availability(), "online");
    }

    fn update_bridge(&mut self, now: Now) {
        self.bridge_changed = false;
        let count = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
        let worst = self.accounts.values().map(Account::state).max_by_key(|state| match state {
            AccountState::Connected => 0,
            AccountState::Offline => 1,
            AccountState::Blocked => 2,
            AccountState::NeedsLogin => 3,
        });
        let bridge = Bridge {
            cloud_connected: self.accounts.values().all(Account::is_connected),
            account: worst.unwrap_or_default(),
            printers: count(self.printers.len()),
            printers_online: count(self.printers.values().filter(|p| p.online).count()),
            ..self.bridge.clone()
        };
        if bridge != self.bridge {
            self.bridge = bridge;
            if self.local_connected {
                self.bridge_mirror.update(now, &self.bridge, &mut self.out);
                self.publish();
            }
        }
    }

    fn status(&self, now: Now) -> String {
        let word = |up: bool| if up { "connected" } else { "not connected" };
        let age = match self.last_report {
            Some(at) if now.mono.saturating_sub(at) < Duration::from_secs(60) => {
                "reports are coming in".into()
            }
            Some(at) => format!("last report {} min ago", now.mono.saturating_sub(at).as_secs() / 60),
            None => "no report yet".into(),
        };
        format!(
            "cloud {}, local broker {}, {} of {} printers online, {age}",
            word(self.bridge.cloud_connected),
            word(self.local_connected),
            self.bridge.printers_online,
            self.bridge.printers,
        )
    }

    /// Reads the configuration again. What concerns accounts and printers is applied at once; anything else
    /// is a new start, which is returned.
    fn reload(&mut self, reload: &Reload) -> Option<Box<Config>> {
        let now = self.clock.now();
        let config = match reload() {
            Ok(config) => config,
            Err(error) => {
                error!(%error, "the configuration is wrong; going on with the old one");
                return None;
            }
        };
        let old = &self.config;
        // What the rest is made of needs a new start.
        let rest = Config {
            accounts: old.accounts.clone(),
            printers: old.printers.clone(),
            controls: old.controls,
            log: old.log,
            language: old.language.clone(),
            http_listen: old.http_listen,
            ..config.clone()
        };
        if rest != *old {
            info!("the configuration changed: starting anew");
            return Some(Box::new(config));
        }
        let same_accounts = config.accounts == old.accounts;
        if same_accounts {
            self.config = config;
            for account in self.accounts.values_mut() {
                account.reload(now, &self.state, &self.inbox);
            }
        } else if let Err(error) = self.replace_accounts(now, config) {
            error!("an account cannot be used, going on with the old ones: {error:#}");
            return None;
        }
        info!("the configuration was read again");
        // Names, controls and what is ignored hold at once, whatever the cloud does.
        self.fit_printers(now);
        self.bridge_changed = true;
        None
    }

    /// Gives up the connections to the cloud and makes new ones; printers keep what is known of them.
    fn replace_accounts(&mut self, now: Now, config: Config) -> anyhow::Result<()> {
        let new =
            start_accounts(&mut self.next_account, &config, &self.state, &self.install, &self.inbox, now)?;
        self.config = config;
        for (_, mut account) in std::mem::replace(&mut self.accounts, new) {
            self.ending += account.tasks();
            tokio::spawn(async move { account.close().await });
        }
        let serials: Vec<Serial> = self.printers.keys().cloned().collect();
        for serial in &serials {
            self.handle(now, serial, Input::Disconnected);
        }
        Ok(())
    }

    async fn stop(self, mut inbox: mpsc::Receiver<Event>) {
        let Self { topics, local, accounts, mut tasks, .. } = self;
        // The pollers must not wait for a reader that is gone.
        inbox.close();
        let offline = Message::new(topics.bridge_availability(), "offline").retained().at_least_once();
        let mut closing = JoinSet::new();
        for (_, mut account) in accounts {
            closing.spawn(async move { account.close().await });
        }
        local.close(Some(offline)).await;
        closing.join_all().await;
        tasks.shutdown().await;
    }
}

/// What its owner calls a printer.
fn given_name(printer: &BoundPrinter) -> Option<String> {
    Some(printer.name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// Starts every account of a configuration, or none.
fn start_accounts(
    next: &mut AccountId,
    config: &Config,
    state: &Arc<StateDir>,
    install: &str,
    inbox: &mpsc::Sender<Event>,
    now: Now,
) -> anyhow::Result<BTreeMap<AccountId, Account>> {
    let mut accounts = BTreeMap::new();
    for (place, account) in config.accounts.iter().enumerate() {
        let id = *next;
        *next += 1;
        accounts.insert(id, Account::start(id, place, account, state, install, inbox, now)?);
    }
    Ok(accounts)
}

/// The topics that a configuration chooses.
pub(crate) fn topics_of(config: &Config) -> Topics {
    Topics {
        base: config.mqtt.base_topic.clone(),
        discovery: config.homeassistant.discovery_prefix.clone(),
        id_prefix: config.id_prefix(),
    }
}

/// How the local broker is reached.
pub(crate) fn local_options(
    config: &Config,
    topics: &Topics,
    install: &str,
) -> anyhow::Result<mqtt::Options> {
    let mqtt = &config.mqtt;
    let identity =
        mqtt.identity.as_ref().map(|i| tls::Identity { cert_file: &i.cert_file, key_file: &i.key_file });
    let tls = mqtt.broker.tls.then(|| tls::client_config(mqtt.ca_file.as_deref(), identity)).transpose();
    let tls = tls.context("TLS to the local broker")?;
    let offline = Message::new(topics.bridge_availability(), "offline").retained().at_least_once();
    Ok(mqtt::Options {
        name: "local broker".into(),
        host: mqtt.broker.host.clone(),
        port: mqtt.broker.port,
        tls,
        client_id: mqtt.client_id.clone().unwrap_or_else(|| format!("{}-{install}", config.id_prefix())),
        credentials: mqtt.username.clone().map(|user| (user, mqtt.password.clone().unwrap_or_default())),
        last_will: Some(offline),
        keep_alive: Duration::from_secs(30),
        pace: Pace::Local,
    })
}

/// A printer that sends garbage does so many times.
fn log_note(printer: &str, note: &Note) {
    match note {
        Note::Malformed(count, _) if !count.is_power_of_two() => debug!(printer, "{note}"),
        _ => warn!(printer, "{note}"),
    }
}
