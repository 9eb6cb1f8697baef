//! The wiring: takes what comes in, gives it to the twin of the printer that it concerns, and does what that wants
//! done.
//!
//! One task, one loop: it takes from its inbox, calls the core, fills the outboxes, and waits for
//! nothing else.
//! Must not know: what anything means to a printer.

mod account;
mod channel;
mod clock;
mod ending;
mod energy;
mod facts;
mod fleet;
mod local;
pub(crate) mod orphans;
mod printers;
mod records;
mod reports;
mod units;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::{debug, error, info};

use crate::cloud::Limiter;
use crate::config::{Config, Raw, StateDir};
use crate::disk::{DiskEvent, Writer};
use crate::mqtt::backoff::Pace;
use crate::mqtt::{self, Brokers, Link, Message, Token};
use crate::service::{Notifier, Signal, watchdog_interval};
use crate::texts::{self, Loader};
use crate::tls;
use bambu::topic::reporter;
use homeassistant::topic::Topics;
use homeassistant::{GatewayMirror, GatewayView, Names};
use printer::{Now, Prefix, Serial, Texts};
use twin::{Input, Output, Place, Units};

use account::{Account, AccountEvent, Around, News, Told};
pub(crate) use account::{cloud_options, log_in};
pub use clock::Clock;
use ending::Ending;
pub(crate) use energy::Meters;
use facts::Facts;
pub(crate) use fleet::setup;
use orphans::{Known, Orphans};
use printers::{Printers, channel_mut};
use records::Records;
use reports::Reports;

/// Room for what comes in; a poller waits when it is full, so no report is lost.
const INBOX: usize = 256;
/// How many inputs are taken in one turn.
const BATCH: usize = 64;
/// Longest time between two looks at the accounts, and at what earlier runs left.
const TURN: Duration = Duration::from_secs(10);
/// Shortest time between two looks at the same printer's deadline.
const SHORTEST_TURN: Duration = Duration::from_millis(100);
/// After this the gateway says that it is there, whether the cloud has told which printers there are or not.
const START_GRACE: Duration = Duration::from_secs(15);
/// A printer that starts may not know its AMS units yet, and their boards take longer still (half a minute, and a
/// quarter of one): before this time is over none of those that Home Assistant has is taken off.
const PRINTER_TIME: Duration = Duration::from_secs(50);
/// While more than this waits for the local broker no further printer is told from the start, so that a
/// thousand printers need the memory of a few.
const RESYNC_BELOW: usize = 400;
/// Home Assistant's restart is answered after a random time up to this, together with others that follow.
const BIRTH_DELAY: Duration = Duration::from_secs(3);
/// How long the last ledgers may take to reach the disk when the program ends.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// What comes in.
enum Event {
    Local(mqtt::Event),
    /// From where printers are heard and asked.
    Place(Place, mqtt::Event),
    Account(AccountId, AccountEvent),
    Texts(Arc<Texts>),
    Disk(DiskEvent),
    /// What the cloud was asked for beside the list of printers.
    Facts(AccountId, facts::CloudAnswer),
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
pub type Reload = Box<dyn Fn() -> Result<Config, crate::config::ConfigError> + Send>;

/// What a process may ask of the cloud, counted over all that it runs: a gateway that begins anew does not begin to
/// count anew, and rests as long as the cloud wanted the one before to.
#[derive(Debug, Clone)]
pub struct Limits {
    limiter: Arc<Limiter>,
    brokers: Brokers,
}

impl Limits {
    /// With nothing counted yet.
    pub fn new(clock: Clock) -> Self {
        Self { limiter: Limiter::at_speed(clock.speed), brokers: Brokers::new() }
    }
}

/// What the gateway runs with.
pub struct Setup {
    /// The configuration.
    pub config: Config,
    /// How to read it again.
    pub reload: Option<Reload>,
    /// Both clocks.
    pub clock: Clock,
    /// What the process has asked of the cloud so far.
    pub limits: Limits,
}

/// Names an account for as long as the program runs: events of one that was given up find nobody. It is the place
/// where printers are heard on the account's broker.
type AccountId = Place;

struct Gateway {
    config: Config,
    clock: Clock,
    state: Arc<StateDir>,
    /// What all accounts share.
    around: Around,
    topics: Arc<Topics>,
    tasks: JoinSet<mqtt::Ended>,
    /// Those of them that may end.
    ending: Ending,
    inbox: mpsc::Sender<Event>,
    local: Link,
    local_connected: bool,
    accounts: BTreeMap<AccountId, Account>,
    next_account: AccountId,
    printers: Printers,
    records: Records,
    /// Events that the local broker has not acknowledged: whose they are, and their number.
    flying: BTreeMap<Token, (Serial, u64)>,
    view: GatewayView,
    mirror: GatewayMirror,
    view_changed: bool,
    resync: VecDeque<Serial>,
    said_online: bool,
    birth_at: Option<Duration>,
    orphans: Orphans,
    /// Whose device each AMS unit is.
    units: Units,
    facts: Facts,
    /// The meters that printers hang on, and what they cost.
    meters: Meters,
    /// What errors are explained with.
    texts: Arc<Texts>,
    loader: Option<Loader>,
    /// What entities are called.
    names: Names,
    /// When the accounts, and what earlier runs left, are looked at again.
    look_at: Duration,
    next_turn: Duration,
    last_report: Option<Duration>,
    reports: Reports,
    /// Empty between two calls; kept because it has grown.
    outputs: Vec<Output>,
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
    let Setup { config, reload, clock, limits } = setup;
    let (sender, mut inbox) = mpsc::channel(INBOX);
    let mut gateway = Gateway::start(config, clock, limits, sender)?;
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
            ended = gateway.tasks.join_next_with_id() => {
                let Some(name) = gateway.ending.unexpected(ended) else { continue };
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
    fn start(
        config: Config,
        clock: Clock,
        limits: Limits,
        inbox: mpsc::Sender<Event>,
    ) -> anyhow::Result<Self> {
        let state = StateDir::open(&config.state_dir)?;
        let install = state.install_id()?;
        let topics = Arc::new(topics_of(&config));
        let mut tasks = JoinSet::new();
        let options = local_options(&config, &topics, &install)?;
        let local = Link::start(&mut tasks, options, inbox.clone(), Event::Local);
        let state = Arc::new(state);
        let writer = Writer::start(&mut tasks, Arc::clone(&state) as _, inbox.clone(), Event::Disk);
        let records = Records::new(&state, writer.clone());
        let now = clock.now();
        let mut next_account = Place(0);
        let Limits { limiter, brokers } = limits;
        let around = Around { writer: writer.clone(), limiter, brokers, install, inbox: inbox.clone() };
        let accounts = start_accounts(&mut next_account, &config, &around, now)?;
        let discovery = config.homeassistant.discovery;
        let earlier = orphans::earlier_topics(&state, &topics);
        if earlier.is_none() {
            orphans::keep_prefix(&writer, &topics);
        }
        let (texts, loader) = start_texts(&config, &writer, clock, &inbox);
        let names = Names::of(config.language.of_names());
        let view = GatewayView { version: env!("CARGO_PKG_VERSION"), ..GatewayView::default() };
        Ok(Self {
            mirror: GatewayMirror::new(Arc::clone(&topics), names.clone(), discovery),
            orphans: Orphans::new(Arc::clone(&topics), earlier, discovery, config.mqtt.json_state),
            units: Units::default(),
            facts: Facts::open(&writer),
            meters: Meters::new(&config),
            texts,
            loader,
            names,
            config,
            clock,
            state,
            around,
            topics,
            tasks,
            ending: Ending::default(),
            inbox,
            local,
            local_connected: false,
            accounts,
            next_account,
            printers: Printers::default(),
            records,
            flying: BTreeMap::new(),
            view,
            view_changed: true,
            resync: VecDeque::new(),
            said_online: false,
            birth_at: None,
            look_at: now.mono + TURN,
            next_turn: now.mono + TURN,
            last_report: None,
            reports: Reports::default(),
            outputs: Vec::new(),
        })
    }

    fn on_event(&mut self, now: Now, event: Event) {
        match event {
            Event::Place(place, event) => self.on_place(now, place, event),
            Event::Local(event) => self.on_local(now, event),
            Event::Account(account, event) => self.on_account(now, account, event),
            Event::Texts(texts) => self.on_texts(now, texts),
            Event::Disk(event) => self.on_disk(now, event),
            Event::Facts(account, answer) => self.on_answer(now, account, answer),
        }
    }

    fn on_place(&mut self, now: Now, place: Place, event: mqtt::Event) {
        match event {
            mqtt::Event::Message { topic, payload, .. } => {
                let Some(serial) = reporter(&topic) else { return };
                if self.printers.get(&serial).is_some_and(|printer| printer.twin.is_at(place)) {
                    self.last_report = Some(now.mono);
                    self.reports.count();
                    if self.config.mqtt.raw != Raw::Off {
                        self.mirror_raw(self.topics.raw_report(&serial), payload.clone());
                    }
                    self.give(now, &serial, Input::Message(place, &payload));
                }
            }
            mqtt::Event::Connected => {
                let Some(account) = self.accounts.get_mut(&place) else { return };
                account.on_connected(now, &mut self.tasks);
                self.facts.on_link(now, place, true);
                self.after_account(now, place);
            }
            mqtt::Event::Disconnected { error, retry_in, .. } => {
                let Some(account) = self.accounts.get_mut(&place) else { return };
                self.reports.lost += u32::from(account.channel.is_up());
                self.facts.on_link(now, place, false);
                account.on_disconnected(now, &error, retry_in, &mut self.tasks);
                self.look_at = now.mono;
                self.disconnect_printers(now, place);
                self.after_account(now, place);
            }
            mqtt::Event::Subscribed { topic } => self.on_subscription_answer(now, place, &topic, true),
            mqtt::Event::SubscriptionRefused { topic } => {
                self.on_subscription_answer(now, place, &topic, false);
            }
            mqtt::Event::Delivered(_) => {}
        }
    }

    fn on_subscription_answer(&mut self, now: Now, place: Place, topic: &str, granted: bool) {
        self.view_changed = true;
        let Some(serial) = reporter(topic) else { return };
        let Some(channel) = channel_mut(&mut self.accounts, place) else { return };
        if channel.on_answer(&serial, granted) {
            self.on_refused_printer(now, place, &serial);
        } else if granted {
            self.give(now, &serial, Input::Connected(place));
        }
    }

    /// Nothing is heard at a place any more.
    fn disconnect_printers(&mut self, now: Now, place: Place) {
        for serial in self.printers.at(place) {
            self.give(now, &serial, Input::Disconnected(place));
        }
    }

    fn on_account(&mut self, now: Now, id: AccountId, event: AccountEvent) {
        let Some(account) = self.accounts.get_mut(&id) else { return };
        let fresh = matches!(event, AccountEvent::LoggedIn(_));
        account.on_event(now, event, &mut self.tasks);
        // It may have another deadline now.
        self.look_at = now.mono;
        if fresh {
            self.facts.resume(now, id);
        }
        self.after_account(now, id);
    }

    /// Does what an account says that concerns the rest of the gateway.
    fn after_account(&mut self, now: Now, id: AccountId) {
        self.view_changed = true;
        let Some(account) = self.accounts.get_mut(&id) else { return };
        for told in account.take_told() {
            match told {
                Told::Listed => {
                    self.fit_printers(now);
                    self.resubscribe(id);
                    self.on_listed(now, id);
                }
                Told::Silent => self.facts.on_silence(now, id),
                Told::Outcome(key, outcome) => self.tell_bridge_outcome(
                    now,
                    id,
                    key,
                    outcome
                        .as_ref()
                        .map_or_else(|reason| ("failed", Some(reason.as_str())), |()| ("confirmed", None)),
                ),
                Told::News(news) => {
                    self.tell_account_event(now, id, news);
                    // Another account may have its printers too.
                    if matches!(news, News::NeedsLogin | News::CodeRequired | News::Blocked) {
                        self.fit_printers(now);
                    }
                }
            }
        }
    }

    fn on_texts(&mut self, now: Now, texts: Arc<Texts>) {
        debug!(language = texts.language(), bytes = texts.size(), "new error texts");
        self.give_all(now, || Input::Texts(Arc::clone(&texts)));
        self.texts = texts;
    }

    /// Tells the loader which models there are.
    fn want_texts(&self) {
        if let Some(loader) = &self.loader {
            loader.want(self.printers.iter().filter_map(|(serial, _)| Prefix::of(serial.as_str())).collect());
        }
    }

    /// Everything that is done once a turn; says whether it was one that time brought.
    fn turn(&mut self, now: Now) -> bool {
        let due = now.mono >= self.next_turn;
        self.wake_printers(now);
        if now.mono >= self.look_at {
            self.look_at_accounts(now);
        }
        // First what Home Assistant has is remembered, then what is left of it cleared.
        self.look_at_units(now);
        if due {
            self.clear_orphans(now);
        }
        self.look_at_facts(now);
        self.view_changed |= self.reports.look(now);
        if self.view_changed {
            self.update_bridge(now);
        }
        if self.birth_at.is_some_and(|at| now.mono >= at) {
            self.birth_at = None;
            info!("telling Home Assistant everything again: it has started, or was looked for printers");
            self.say_everything(now);
            if self.said_online {
                self.say_online();
            }
        }
        self.resync(now);
        self.say_online_at_last(now);
        self.next_turn = self.deadline(now);
        due
    }

    /// When there is something to do by time alone.
    fn deadline(&self, now: Now) -> Duration {
        let soon = now.mono + SHORTEST_TURN;
        // What the broker has kept of an earlier run may still come.
        let waits = !self.resync.is_empty() || !self.units.has_begun();
        let resync = (self.local_connected && waits).then_some(soon);
        // That it is there is said after a while, whatever the cloud does.
        let online = (self.local_connected && !self.said_online).then_some(now.mono + Duration::from_secs(1));
        let others = self.printers.deadline().into_iter().chain(self.birth_at).chain(resync).chain(online);
        let others = others.chain(self.units.deadline()).chain(self.next_judgement(now));
        others.chain([self.look_at, self.facts.next]).min().map_or(soon, |at| at.max(soon))
    }

    fn look_at_accounts(&mut self, now: Now) {
        self.look_at = now.mono + TURN;
        for id in self.accounts.keys().copied().collect::<Vec<_>>() {
            let Some(account) = self.accounts.get_mut(&id) else { continue };
            let at = account.tick(now, &mut self.tasks);
            self.look_at = self.look_at.min(at);
            // Also because days pass.
            self.after_account(now, id);
        }
    }

    /// Takes off the local broker what earlier runs left there, as far as it can be judged by now.
    fn clear_orphans(&mut self, now: Now) {
        if self.local_connected {
            let complete = self.accounts.values().all(Account::is_sure);
            let outbox = self.local.outbox();
            let printers = self.printers.iter().map(|(serial, printer)| {
                let twin = &printer.twin;
                let mirror = twin.told().filter(|_| twin.snapshot().capabilities.is_some());
                Known { serial, mirror, had_time: printer.judged_at().is_some_and(|at| now.mono >= at) }
            });
            self.orphans.clear(now, complete, printers, &self.mirror, outbox);
            if self.orphans.forgets_earlier_prefix(now, outbox) {
                orphans::keep_prefix(&self.around.writer, &self.topics);
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
        // What only a person can change comes first.
        let waits = self.view.accounts.iter().find(|login| login.state.needs_person());
        let waits =
            waits.map(|login| format!("{}: {}; {}", login.state.word(), login.reason, login.next_step));
        format!(
            "{}cloud {}, local broker {}, {} of {} printers online, {age}",
            waits.map(|waits| format!("{waits} · ")).unwrap_or_default(),
            word(self.view.cloud_connected),
            word(self.local_connected),
            self.view.printers_online,
            self.view.printers,
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
            texts_url: old.texts_url.clone(),
            http_listen: old.http_listen,
            ..config.clone()
        };
        if rest != *old {
            info!("the configuration changed: starting anew");
            return Some(Box::new(config));
        }
        let same_texts = config.texts_url == old.texts_url;
        if let Err(error) = self.replace_accounts(now, config) {
            error!("an account cannot be used, going on with the old ones: {error:#}");
            return None;
        }
        info!("the configuration was read again");
        if !same_texts {
            let (texts, loader) = start_texts(&self.config, &self.around.writer, self.clock, &self.inbox);
            self.loader = loader;
            self.on_texts(now, texts);
            self.want_texts();
        }
        self.replace_meters();
        // Names, controls, meters and what is ignored hold at once, whatever the cloud does.
        self.fit_printers(now);
        self.view_changed = true;
        None
    }

    /// Makes the accounts those of a configuration. One that did not change goes on, and looks for another login;
    /// printers keep what is known of them.
    fn replace_accounts(&mut self, now: Now, config: Config) -> anyhow::Result<()> {
        let mut new = BTreeMap::new();
        let mut kept = Vec::new();
        for (place, account) in config.accounts.iter().enumerate() {
            let running = self
                .accounts
                .iter()
                .find(|(id, old)| old.fits(account) && kept.iter().all(|(kept, _)| kept != *id));
            if let Some((id, _)) = running {
                kept.push((*id, place));
                continue;
            }
            let id = next_id(&mut self.next_account);
            let started = Account::start(id, place, account, &self.around, now)?;
            new.insert(id, started);
        }
        self.config = config;
        self.facts.keep_accounts(now, |id| new.contains_key(&id) || kept.iter().any(|(kept, _)| *kept == id));
        let mut gone = BTreeSet::new();
        for (id, mut account) in std::mem::replace(&mut self.accounts, new) {
            if let Some((_, place)) = kept.iter().find(|(kept, _)| *kept == id) {
                account.move_to(*place);
                account.reload(now, &mut self.tasks);
                self.accounts.insert(id, account);
            } else {
                gone.insert(id);
                self.ending.expect(account.channel.tasks());
                tokio::spawn(async move { account.channel.close().await });
            }
        }
        for place in gone {
            self.disconnect_printers(now, place);
        }
        Ok(())
    }

    async fn stop(mut self, mut inbox: mpsc::Receiver<Event>) {
        let now = self.clock.now();
        self.give_all(now, || Input::Leave);
        let Self { topics, local, accounts, mut tasks, records, facts, .. } = self;
        facts.close();
        // The pollers must not wait for a reader that is gone.
        inbox.close();
        let offline = Message::new(topics.bridge_availability(), "offline").retained().at_least_once();
        let mut closing = JoinSet::new();
        for (_, mut account) in accounts {
            closing.spawn(async move { account.channel.close().await });
        }
        let written = tokio::time::timeout(WRITE_TIMEOUT, records.close());
        let (written, ()) = tokio::join!(written, local.close(Some(offline)));
        if written.is_err() {
            error!(
                "the state directory is too slow: what happened to jobs in the last minutes may be told again"
            );
        }
        closing.join_all().await;
        tasks.shutdown().await;
    }
}

/// Names one more account.
fn next_id(next: &mut AccountId) -> AccountId {
    let id = *next;
    next.0 += 1;
    id
}

/// Starts every account of a configuration, or none.
fn start_accounts(
    next: &mut AccountId,
    config: &Config,
    around: &Around,
    now: Now,
) -> anyhow::Result<BTreeMap<AccountId, Account>> {
    let mut accounts = BTreeMap::new();
    for (place, account) in config.accounts.iter().enumerate() {
        let id = next_id(next);
        accounts.insert(id, Account::start(id, place, account, around, now)?);
    }
    Ok(accounts)
}

/// The texts to begin with, and the task that finds better ones.
fn start_texts(
    config: &Config,
    writer: &Writer,
    clock: Clock,
    inbox: &mpsc::Sender<Event>,
) -> (Arc<Texts>, Option<Loader>) {
    match (config.language.of_texts(), config.texts_url.clone()) {
        (Some(language), Some(url)) => {
            let options = texts::TextsOptions { language, url, pace: texts::Pace::default() };
            let loader =
                Loader::start(options, writer.clone(), move || clock.now(), inbox.clone(), Event::Texts);
            (Arc::new(Texts::new(language, [])), Some(loader))
        }
        _ => (Texts::bundled(), None),
    }
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
    let identity = mqtt
        .identity
        .as_ref()
        .map(|i| tls::ClientIdentity { cert_file: &i.cert_file, key_file: &i.key_file });
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
