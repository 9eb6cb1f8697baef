//! One printer's protocol state machine: what happened goes in, what should be done comes out.
//!
//! It asks for what it needs (version, full report) within the printer's limits, merges, notices
//! silence, and sees each command through to an answer.
//! Time is an argument; nothing here waits.

mod authority;
mod budget;
mod commands;
mod refusal;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use printer::update::Boards;
use printer::{
    Command, Contact, Facts, Health, Identity, Levels, Now, Outcome, Prices, Reach, Serial, Snapshot, Status,
    Text, Texts,
};

use super::envelope::{self, Message};
use super::models::{self, Model};
use super::report::{Info, Module, Print};
use super::request::{self, Request};
use super::snapshot::{self, Context};
use super::wire::{Hex, Kind};

use authority::Authority;
pub use budget::Budget;
use commands::{Sent, Tag, Waiting};

/// Longest time between two reports of a printer that is working; then it is away (`entities.md` 4.7).
const SILENCE_ACTIVE: Duration = Duration::from_secs(90);
/// The same for a printer at rest: P1 and A1 are quiet then.
const SILENCE_AT_REST: Duration = Duration::from_secs(300);
/// How long a `client.disconnected` of the cloud waits for a contradiction.
const PRESENCE_HOLD: Duration = Duration::from_secs(10);
/// How long the last state stays when our own connection is gone.
const STALE: Duration = Duration::from_secs(600);
/// How long a version may take before the model is taken from elsewhere.
const VERSION_WAIT: Duration = Duration::from_secs(15);
/// Between two requests for an incomplete version; at most [`VERSION_TRIES`].
const VERSION_RETRY: Duration = Duration::from_secs(5);
const VERSION_TRIES: u8 = 3;
/// An unanswered request for everything is repeated once after this.
const PUSHALL_RETRY: Duration = Duration::from_secs(10);
/// Between two requests for everything, by class of printer (protocol 3.1).
const PUSHALL_SLOW: Duration = Duration::from_secs(300);
const PUSHALL_FAST: Duration = Duration::from_secs(30);
/// Longest wait for the answer to a command, and of a command for its turn.
const ANSWER: Duration = Duration::from_secs(10);
/// Between two commands to one printer.
const COMMAND_GAP: Duration = Duration::from_millis(250);
/// Commands that may wait.
const QUEUE: usize = 8;
/// A target above 0 with nothing to do: people preheat, so it is told only after this.
const HEATER_LEFT_ON: Duration = Duration::from_secs(600);
/// The time of the last report is kept so exactly and no more: it must not make every report a change.
const REPORT_AGE: i64 = 300;
/// How long one report without any tray or unit is not believed: printers send it when losing power.
const ZERO_HOLD: Duration = Duration::from_secs(10);

/// Names a command for its giver; opaque to us.
pub type CommandId = u64;

/// What can happen.
#[derive(Debug, Clone)]
pub enum Input<'a> {
    /// We are connected and subscribed.
    Connected,
    /// We are not any more.
    Disconnected,
    /// A message came on the printer's report topic.
    Message(&'a [u8]),
    /// Somebody wants something done.
    Command(CommandId, Command),
    /// The time of [`Session::deadline`] has come.
    Tick,
}

/// What should be done.
#[derive(Debug, PartialEq)]
pub enum Output {
    /// Send this to the printer.
    Send(Request),
    /// The printer is not as it was.
    Changed(Arc<Snapshot>),
    /// Tell the giver of a command.
    Reply(CommandId, Outcome),
    /// Worth a line in the log, once.
    Note(Note),
}

/// Things that the log should hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// A message could not be read; how many so far.
    Malformed(u64, String),
    /// The printer uses a word we do not know.
    UnknownState(Text),
    /// Print commands are refused for want of a signature.
    SignatureRequired,
    /// Commands bring neither an answer nor an effect, which may be the same.
    Unanswered,
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Malformed(count, error) => {
                write!(f, "a message could not be read ({error}; {count} so far); the state stays as it was")
            }
            Self::UnknownState(word) => write!(f, "the printer uses an unknown word for its state: {word}"),
            Self::SignatureRequired => f.write_str(
                "the printer takes print commands only from Bambu Lab's own programs (firmware with authorisation \
                 control); reading goes on, lamps and camera still work. LAN Only Mode with Developer Mode on the printer \
                 lifts it, and ends its cloud connection",
            ),
            Self::Unanswered => f.write_str(
                "two commands in a row brought neither an answer nor an effect, although the printer reports: its \
                 firmware may take them only from Bambu Lab's own programs. The controls stay; if none works, LAN \
                 Only Mode with Developer Mode on the printer is what lifts it",
            ),
        }
    }
}

/// One printer.
#[allow(clippy::struct_excessive_bools, reason = "independent facts, each with its own cause")]
pub struct Session {
    identity: Arc<Identity>,
    cloud_names: [Text; 2],
    model: Option<&'static Model>,
    modules: Vec<Module>,
    boards: Boards,
    report: Print,
    snapshot: Arc<Snapshot>,
    reach: Reach,
    sequence: u32,

    connected: bool,
    contact: Contact,
    full_seen: bool,
    heard: Option<Duration>,
    probed: u8,
    version_known: bool,
    /// When the boards were asked for, first and last.
    version_asked: Option<(Duration, Duration)>,
    version_tries: u8,
    pushall_sent: Option<Duration>,
    pushall_wanted: bool,
    pushall_retry: Option<Duration>,
    presence_lost: Option<Duration>,
    link_lost: Option<Duration>,
    /// Since when a report without any tray is in doubt, and what it says of the units.
    zero_since: Option<(Duration, Option<Hex>)>,
    /// When the last report came.
    reported: Option<Timestamp>,
    /// Since the printer was last heard, the connection was lost or it left a question unanswered.
    doubtful: bool,
    /// Since when a heater is on with nothing to do.
    hot_since: Option<Duration>,
    authority: Authority,
    malformed: u64,
    malformed_in_row: u8,
    unknown_state: Option<Text>,

    queue: VecDeque<Waiting>,
    /// What was sent and has not come to an end, in order.
    sent: Vec<Sent>,
    /// The last one that came to an end without an answer.
    late: Option<Tag>,
    command_sent: Option<Duration>,
    budget: Budget,
}

impl Session {
    /// A printer of the account: its serial, its name, and what the cloud calls its model.
    ///
    /// `sequence` is where its requests begin to count; other clients use 20000 to 29999.
    pub fn new(serial: Serial, name: &str, cloud_names: [&str; 2], sequence: u32) -> Self {
        let model = models::identify(&[], &cloud_names, serial.as_str());
        let identity = Arc::new(Identity {
            model: model.map_or_else(
                || {
                    cloud_names
                        .iter()
                        .find(|n| !n.is_empty())
                        .map_or("unknown model".into(), |n| Text::from(*n))
                },
                |m| m.name.into(),
            ),
            model_code: model.and_then(|m| m.codes.first()).map(|code| Text::from(*code)),
            name: name.into(),
            serial,
            firmware: None,
            hardware: None,
        });
        Self {
            snapshot: Arc::new(Snapshot::unheard(Arc::clone(&identity))),
            identity,
            cloud_names: cloud_names.map(Text::from),
            model,
            modules: Vec::new(),
            boards: Boards::default(),
            report: Print::default(),
            reach: Reach::Unheard,
            sequence,
            connected: false,
            contact: Contact::default(),
            full_seen: false,
            heard: None,
            probed: 0,
            version_known: false,
            version_asked: None,
            version_tries: 0,
            pushall_sent: None,
            pushall_wanted: false,
            pushall_retry: None,
            presence_lost: None,
            link_lost: None,
            zero_since: None,
            reported: None,
            doubtful: false,
            hot_since: None,
            authority: Authority::default(),
            malformed: 0,
            malformed_in_row: 0,
            unknown_state: None,
            queue: VecDeque::new(),
            sent: Vec::new(),
            late: None,
            command_sent: None,
            budget: Budget::default(),
        }
    }

    /// The printer as it is known now.
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// Whether it hears the printer's topic.
    pub fn is_connected(&self) -> bool {
        self.connected
    }

    /// The merged report, for those who want to see what a value came from.
    pub fn report(&self) -> &Print {
        &self.report
    }

    /// Gives the printer the name it has now; says whether that changed anything.
    pub fn rename(&mut self, name: &str) -> bool {
        let changed = self.identity.name != name;
        if changed {
            Arc::make_mut(&mut self.identity).name = name.into();
            Arc::make_mut(&mut self.snapshot).identity = Arc::clone(&self.identity);
        }
        changed
    }

    /// Takes no commands from now on, or takes them again.
    pub fn set_read_only(&mut self, read_only: bool) {
        if self.snapshot.read_only != read_only {
            Arc::make_mut(&mut self.snapshot).read_only = read_only;
        }
    }

    /// Lends it the budget of the connection that it shares with other printers, for the next
    /// [`Session::handle`]; [`Session::budget`] is what is left of it after that.
    pub fn lend(&mut self, budget: Budget) {
        self.budget = budget;
    }

    /// What may be sent over the connection.
    pub fn budget(&self) -> Budget {
        self.budget
    }

    /// Explains errors with these texts from now on.
    pub fn set_texts(&mut self, texts: &Arc<Texts>) {
        if Arc::ptr_eq(&self.snapshot.texts, texts) {
            return;
        }
        let snapshot = Arc::make_mut(&mut self.snapshot);
        snapshot.texts = Arc::clone(texts);
        let (serial, error) = (self.identity.serial.as_str(), snapshot.error);
        snapshot.health = Health::tell(&snapshot.hms, error, texts, serial);
    }

    /// What the account's cloud tells of the printer; it is there in the next [`Session::snapshot`].
    pub fn set_facts(&mut self, facts: &Arc<Facts>) {
        if self.snapshot.facts != *facts {
            Arc::make_mut(&mut self.snapshot).facts = Arc::clone(facts);
        }
    }

    /// The same; what it makes another of the printer's own things, such as the names of spools, is told.
    pub fn learn(&mut self, now: Now, facts: &Arc<Facts>) -> Vec<Output> {
        let before = &self.snapshot.facts;
        let other = before.names != facts.names || before.ams_releases != facts.ams_releases;
        let mut out = Vec::new();
        self.set_facts(facts);
        if other && self.heard.is_some() {
            self.project(now, Kind::Delta, &mut out);
        }
        out
    }

    /// What follows from the printer's jobs; it is there in the next [`Session::snapshot`].
    pub fn set_levels(&mut self, levels: &Arc<Levels>) {
        if self.snapshot.levels != *levels {
            Arc::make_mut(&mut self.snapshot).levels = Arc::clone(levels);
        }
    }

    /// What filament and energy cost, and whether the printer's energy is measured.
    pub fn set_prices(&mut self, prices: Option<&Arc<Prices>>, metered: bool) {
        if self.snapshot.prices.as_ref() != prices || self.snapshot.metered != metered {
            let snapshot = Arc::make_mut(&mut self.snapshot);
            (snapshot.prices, snapshot.metered) = (prices.cloned(), metered);
        }
    }

    /// Takes G-code from now on, or does not any more.
    pub fn set_gcode(&mut self, gcode: bool) {
        if self.snapshot.gcode != gcode {
            Arc::make_mut(&mut self.snapshot).gcode = gcode;
        }
    }

    /// Lets firmware be installed from now on, or does not any more.
    pub fn set_firmware_install(&mut self, allowed: bool) {
        if self.snapshot.firmware_install != allowed {
            Arc::make_mut(&mut self.snapshot).firmware_install = allowed;
        }
    }

    /// Takes one thing that happened and says what should be done about it.
    ///
    /// ```
    /// use std::time::Duration;
    /// use bambu::session::{Input, Output, Session};
    /// use printer::{Now, Serial};
    ///
    /// let mut session = Session::new(Serial::new("01P00A000000001"), "Garage", ["C12", "P1S"], 40_000);
    /// let now = Now { mono: Duration::ZERO, wall: jiff::Timestamp::UNIX_EPOCH };
    /// let outputs = session.handle(now, Input::Connected);
    /// let Some(Output::Send(first)) = outputs.first() else { panic!("a request") };
    /// assert_eq!(first.payload, r#"{"info":{"command":"get_version","sequence_id":"40000"}}"#);
    ///
    /// let report = br#"{"print":{"command":"push_status","msg":1,"bed_temper":59.8}}"#;
    /// session.handle(now, Input::Message(report));
    /// assert_eq!(session.snapshot().bed.actual, Some(59.8));
    /// ```
    pub fn handle(&mut self, now: Now, input: Input<'_>) -> Vec<Output> {
        let mut out = Vec::new();
        match input {
            Input::Connected => self.on_connected(now, &mut out),
            Input::Disconnected => self.on_disconnected(now, &mut out),
            Input::Message(bytes) => self.on_message(now, bytes, &mut out),
            Input::Command(id, command) => self.on_command(now, id, command, &mut out),
            Input::Tick => {}
        }
        self.tick(now, &mut out);
        self.look_at_age(now, &mut out);
        out
    }

    /// The next moment at which [`Input::Tick`] would change anything, on the steady clock.
    pub fn deadline(&self) -> Option<Duration> {
        let silence = self.silence_limit();
        let heard = self.heard.filter(|_| self.connected && self.snapshot.reach == Reach::Online);
        let probe = heard.map(|heard| match self.probed {
            0 => heard + silence / 2,
            1 => heard + silence * 3 / 4,
            _ => heard + silence,
        });
        let version = self.version_asked.filter(|_| self.connected && !self.version_known);
        let version_retry =
            version.filter(|_| self.version_tries < VERSION_TRIES).map(|(_, last)| last + VERSION_RETRY);
        let unready = version.filter(|_| self.full_seen && self.unsettled()).map(|(first, _)| first);
        let funded = self.budget.when(1);
        let pushall = (self.pushall_wanted && self.connected)
            .then(|| self.pushall_sent.map_or(Duration::ZERO, |at| at + self.pushall_pause()));
        [
            probe,
            version_retry,
            unready.map(|at| at + VERSION_WAIT),
            pushall.map(|at| at.max(funded)),
            self.pushall_retry.filter(|_| self.connected).map(|at| at.max(funded)),
            self.presence_lost.map(|at| at + PRESENCE_HOLD),
            self.link_lost.filter(|_| self.snapshot.reach == Reach::Online).map(|at| at + STALE),
            self.zero_since.map(|(at, _)| at + ZERO_HOLD),
            self.hot_since
                .filter(|_| self.snapshot.heater_left_on == Some(false))
                .map(|at| at + HEATER_LEFT_ON),
            self.commands_deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn next_id(&mut self) -> u32 {
        let id = self.sequence;
        // Below 2^31, as some firmware reads it as a signed number.
        self.sequence = if id >= 0x7FFF_FFFF { 40_000 } else { id + 1 };
        id
    }

    fn silence_limit(&self) -> Duration {
        if self.snapshot.is_active() { SILENCE_ACTIVE } else { SILENCE_AT_REST }
    }

    /// Whether it is a P1 or an A1. An unknown model is treated as the kind that suffers.
    fn is_slow(&self) -> bool {
        self.model.is_none_or(|m| m.slow)
    }

    fn pushall_pause(&self) -> Duration {
        if self.is_slow() { PUSHALL_SLOW } else { PUSHALL_FAST }
    }

    /// Sends something; every message counts.
    fn send(&mut self, now: Now, request: Request, out: &mut Vec<Output>) {
        self.budget.take(now.mono);
        out.push(Output::Send(request));
    }

    fn on_connected(&mut self, now: Now, out: &mut Vec<Output>) {
        self.connected = true;
        self.link_lost = None;
        self.heard = self.heard.map(|_| now.mono);
        self.probed = 0;
        self.authority.forget();
        self.contact.linked = true;
        self.begin_anew();
        self.ask_everything(now, out);
    }

    /// What was heard and what will be heard are not of one piece: something may have been missed.
    fn begin_anew(&mut self) {
        self.contact.whole = false;
        self.contact.gaps = self.contact.gaps.wrapping_add(1);
    }

    fn on_disconnected(&mut self, now: Now, out: &mut Vec<Output>) {
        if !self.connected {
            return;
        }
        self.connected = false;
        self.contact.linked = false;
        self.contact.whole = false;
        self.doubtful = true;
        self.link_lost = Some(now.mono);
        self.pushall_retry = None;
        self.lose_commands(out);
    }

    /// The exchange after every connect, ours or the printer's (protocol 3.1).
    fn ask_everything(&mut self, now: Now, out: &mut Vec<Output>) {
        self.version_tries = 0;
        self.version_known = false;
        self.version_asked = None;
        self.ask_version(now, out);
        self.pushall_wanted = true;
        self.pushall_retry = None;
    }

    fn ask_version(&mut self, now: Now, out: &mut Vec<Output>) {
        self.version_asked = Some((self.version_asked.map_or(now.mono, |(first, _)| first), now.mono));
        self.version_tries += 1;
        let id = self.next_id();
        self.send(now, request::get_version(id), out);
    }

    fn on_message(&mut self, now: Now, bytes: &[u8], out: &mut Vec<Output>) {
        let message = match envelope::read(bytes) {
            Ok(message) => message,
            Err(envelope::Error::Empty) => return,
            Err(error) => {
                self.malformed += 1;
                self.malformed_in_row = self.malformed_in_row.saturating_add(1);
                out.push(Output::Note(Note::Malformed(self.malformed, error.to_string())));
                // One lost message may have been a change: ask again, but not for every one.
                self.pushall_wanted |= self.malformed_in_row == 3;
                return;
            }
        };
        self.malformed_in_row = 0;
        match message {
            Message::Other => self.alive(now),
            Message::Presence(false) => self.presence_lost = Some(now.mono),
            Message::Presence(true) => {
                self.presence_lost = None;
                self.authority.forget();
                self.begin_anew();
                if self.connected {
                    self.ask_everything(now, out);
                }
            }
            Message::Version(info) => {
                self.alive(now);
                self.on_version(now, info, out);
            }
            Message::Reply(reply) => {
                self.alive(now);
                self.on_reply(now, &reply, out);
            }
            Message::Report { print, kind } => {
                self.alive(now);
                self.on_report(now, print, kind, out);
            }
        }
    }

    fn alive(&mut self, now: Now) {
        self.heard = Some(now.mono);
        self.probed = 0;
        self.doubtful = false;
        self.presence_lost = None;
    }

    fn on_version(&mut self, now: Now, info: Info, out: &mut Vec<Output>) {
        let Some(modules) = info.module.map(|list| list.0) else { return };
        let has_ota = modules.iter().any(|m| m.name.as_deref() == Some("ota"));
        // Right after boot modules come without serials, or not at all: asked again, thrice at most.
        let nameless = |m: &Module| {
            m.name.as_deref().is_some_and(|n| n.contains('/')) && m.sn.as_deref().is_none_or(str::is_empty)
        };
        let complete = has_ota && !modules.iter().any(nameless);
        self.version_known = complete || self.version_tries >= VERSION_TRIES;
        self.boards = snapshot::boards(&modules);
        self.modules = modules;
        self.reach = Reach::Online;
        let found = |name: &str| self.modules.iter().find(|m| m.name.as_deref() == Some(name));
        let text = |t: Option<&Text>| t.filter(|t| !t.is_empty() && *t != "N/A").cloned();
        let cloud_names = self.cloud_names.each_ref().map(Text::as_str);
        let model = models::identify(&self.modules, &cloud_names, self.identity.serial.as_str());
        let firmware = found("ota").and_then(|m| text(m.sw_ver.as_ref()));
        // A model that is too new for us keeps the name it gives itself.
        let unknown = found("ota")
            .and_then(|m| text(m.product_name.as_ref()).or_else(|| text(m.project_name.as_ref())))
            .map(|name| Text::from(name.trim_start_matches("Bambu Lab ")));
        let board = ["ap", "ap2", "rv1126", "esp32"].iter().find_map(|name| found(name));
        let identity = Identity {
            model: model.map_or_else(|| unknown.unwrap_or(self.identity.model.clone()), |m| m.name.into()),
            model_code: model.and_then(|m| m.codes.first()).map(|c| Text::from(*c)),
            hardware: board.and_then(|m| text(m.hw_ver.as_ref())).or(self.identity.hardware.clone()),
            firmware: firmware.or(self.identity.firmware.clone()),
            ..(*self.identity).clone()
        };
        self.model = model.or(self.model);
        let signs = self.model.zip(identity.firmware.as_deref()).and_then(|(m, firmware)| m.signs(firmware));
        let another = self.identity.firmware.is_some() && identity.firmware != self.identity.firmware;
        self.authority.firmware(signs, another);
        if identity != *self.identity {
            self.identity = Arc::new(identity);
        }
        self.project(now, Kind::Full, out);
    }

    fn on_report(&mut self, now: Now, mut print: Box<Print>, kind: Kind, out: &mut Vec<Output>) {
        let topology = self.topology();
        let upgrade = self.report.upgrade_state.as_ref().and_then(|u| u.dis_state);
        // It may have been switched off in between without the cloud telling: a delta would be put upon
        // yesterday's state.
        if self.connected && self.reach == Reach::Offline {
            self.authority.forget();
            self.begin_anew();
            self.ask_everything(now, out);
        }
        self.reach = Reach::Online;
        self.reported = Some(now.wall);
        self.hold_zero(now, &mut print);
        let spools = snapshot::absorb(&mut self.report, print, kind);
        if kind == Kind::Full {
            self.full_seen = true;
            self.contact.whole = self.connected;
            self.pushall_wanted = false;
            self.pushall_retry = None;
        }
        // What is plugged in changed, or an update ended: the boards are not what they were.
        let changed = topology.iter().zip(self.topology()).any(|(old, new)| old.is_some() && new != *old);
        let upgrade_now = self.report.upgrade_state.as_ref().and_then(|u| u.dis_state);
        let upgraded = upgrade_now == Some(3) && upgrade.is_some() && upgrade != upgrade_now;
        if self.connected && (changed || upgraded) {
            self.ask_everything(now, out);
        }
        self.note_unknown_state(out);
        self.project_part(now, kind, spools, out);
    }

    /// What changes when something is plugged in or out.
    fn topology(&self) -> [Option<i64>; 2] {
        let version = self.report.online.as_ref().and_then(|o| o.version);
        let units = self.report.ams.as_ref().and_then(|a| a.ams_exist_bits);
        [version, units.map(|bits| bits.0.cast_signed())]
    }

    /// Holds back the one report without any unit or tray that printers send while losing power.
    fn hold_zero(&mut self, now: Now, print: &mut Print) {
        let Some(ams) = print.ams.as_mut() else { return };
        let known = self.report.ams.as_ref();
        let had = known.and_then(|a| a.tray_exist_bits).is_some_and(|bits| bits.0 != 0);
        let zero = ams.tray_exist_bits.is_some_and(|bits| bits.0 == 0);
        if !zero {
            // A report that has the bits and shows trays ends the doubt.
            self.zero_since = self.zero_since.filter(|_| ams.tray_exist_bits.is_none());
        } else if had && self.zero_since.is_none() {
            ams.tray_exist_bits = None;
            self.zero_since = Some((now.mono, ams.ams_exist_bits.take()));
            ams.ams = None;
        } else {
            self.zero_since = None;
        }
    }

    fn note_unknown_state(&mut self, out: &mut Vec<Output>) {
        let Some(word) = self.report.gcode_state.as_ref() else { return };
        let silent = matches!(word.as_str(), "" | "UNKNOWN" | "OFFLINE");
        if !silent && snapshot::status(word).is_none() && self.unknown_state.as_ref() != Some(word) {
            self.unknown_state = Some(word.clone());
            out.push(Output::Note(Note::UnknownState(word.clone())));
        }
    }

    fn context(&self, now: Now) -> Context<'_> {
        Context {
            identity: &self.identity,
            model: self.model,
            capabilities: self.snapshot.capabilities,
            reach: self.reach,
            control: self.snapshot.control,
            control_reason: self.snapshot.control_reason,
            modules: &self.modules,
            boards: &self.boards,
            boards_known: self.version_settled(now),
            previous: &self.snapshot,
            spools_anew: true,
        }
    }

    /// Makes the snapshot anew and tells if it differs.
    fn project(&mut self, now: Now, kind: Kind, out: &mut Vec<Output>) {
        self.project_part(now, kind, true, out);
    }

    /// The same, with the AMS units and spools as they were where nothing new was said of them.
    fn project_part(&mut self, now: Now, kind: Kind, spools: bool, out: &mut Vec<Output>) {
        let unsigned = self.authority.observe(&self.report, self.full_seen);
        let mut context = self.context(now);
        (context.control, context.control_reason) = self.authority.verdict();
        if self.ready(now) && (kind == Kind::Full || context.capabilities.is_none()) {
            let firmware = self.identity.firmware.as_deref();
            context.capabilities = Some(snapshot::capabilities(&self.report, self.model, firmware));
        }
        context.spools_anew = spools;
        let mut new = snapshot::project(&self.report, &context);
        debug_assert_eq!(
            new,
            snapshot::project(&self.report, &Context { spools_anew: true, ..context }),
            "what is kept is what would be made anew"
        );
        new.contact = self.contact;
        new.job.ends_at = ends_at(now.wall, &new, self.snapshot.job.ends_at);
        self.age(now, &mut new);
        self.adopt(now, new, out);
        if unsigned {
            self.refuse_unsigned(out);
        }
        out.extend(self.authority.news().map(Output::Note));
    }

    /// What time alone makes another: how old what is known is, and for how long a heater has been on.
    fn age(&mut self, now: Now, new: &mut Snapshot) {
        new.stale = self.doubtful && new.reach == Reach::Online;
        let exact = new.reach != Reach::Online || new.stale;
        let old = new.last_report.map_or(i64::MIN, Timestamp::as_second);
        if let Some(second) = self.reported.map(Timestamp::as_second)
            && (second.saturating_sub(old) >= REPORT_AGE || exact)
        {
            new.last_report = Timestamp::from_second(second).ok();
        }
        let hot = new.heated_at_rest();
        self.hot_since = self.hot_since.or(Some(now.mono)).filter(|_| hot == Some(true));
        let long = self.hot_since.is_some_and(|at| now.mono >= at + HEATER_LEFT_ON);
        new.heater_left_on = hot.map(|_| long);
    }

    /// The same when nothing was reported.
    fn look_at_age(&mut self, now: Now, out: &mut Vec<Output>) {
        let stale = self.doubtful && self.reach == Reach::Online;
        let long = self.hot_since.is_some_and(|at| now.mono >= at + HEATER_LEFT_ON);
        let told = self.contact == self.snapshot.contact;
        if !told || stale != self.snapshot.stale || (long && self.snapshot.heater_left_on == Some(false)) {
            let mut new = (*self.snapshot).clone();
            new.contact = self.contact;
            self.age(now, &mut new);
            self.adopt(now, new, out);
        }
    }

    fn adopt(&mut self, now: Now, new: Snapshot, out: &mut Vec<Output>) {
        if new == *self.snapshot {
            return;
        }
        let before = std::mem::replace(&mut self.snapshot, Arc::new(new));
        out.push(Output::Changed(Arc::clone(&self.snapshot)));
        self.confirm(now, &before, out);
    }

    fn set_reach(&mut self, now: Now, reach: Reach, out: &mut Vec<Output>) {
        self.reach = reach;
        if self.snapshot.reach != reach {
            let mut new = (*self.snapshot).clone();
            new.reach = reach;
            new.contact = self.contact;
            new.stale = false;
            // Of one that is away nobody knows, and what is on when it is back was on for no longer.
            self.hot_since = None;
            // From now on it is the last one for long.
            let last = self.reported.map(Timestamp::as_second);
            new.last_report = last.and_then(|second| Timestamp::from_second(second).ok());
            self.adopt(now, new, out);
        }
    }

    /// Whether what the printer is and can do is settled (protocol 3.1, step 5).
    fn ready(&self, now: Now) -> bool {
        self.full_seen && self.version_settled(now)
    }

    fn version_settled(&self, now: Now) -> bool {
        self.version_known || self.version_asked.is_some_and(|(first, _)| now.mono >= first + VERSION_WAIT)
    }

    /// Whether something waits for the boards to be known.
    fn unsettled(&self) -> bool {
        self.snapshot.capabilities.is_none() || self.snapshot.ams.iter().any(|unit| !unit.settled)
    }

    /// Everything that time alone brings.
    fn tick(&mut self, now: Now, out: &mut Vec<Output>) {
        let due = |at: Option<Duration>, after: Duration| at.is_some_and(|at| now.mono >= at + after);
        if due(self.presence_lost, PRESENCE_HOLD) {
            self.presence_lost = None;
            self.set_reach(now, Reach::Offline, out);
        }
        if due(self.link_lost, STALE) {
            self.link_lost = None;
            self.set_reach(now, Reach::Offline, out);
        }
        if let Some((_, units)) = self.zero_since.take_if(|(since, _)| due(Some(*since), ZERO_HOLD)) {
            // Nothing contradicted it for long enough; a later report with zeros is believed.
            self.pushall_wanted = true;
            if let Some(ams) = self.report.ams.as_mut() {
                ams.tray_exist_bits = Some(Hex(0));
                // Without its unit a slot is not empty but unknown.
                ams.ams_exist_bits = units.or(ams.ams_exist_bits);
            }
            self.project(now, Kind::Delta, out);
        }
        if self.connected {
            self.tick_connected(now, out);
        }
    }

    fn tick_connected(&mut self, now: Now, out: &mut Vec<Output>) {
        self.watch_silence(now, out);
        let version_late = self.version_asked.is_some_and(|(_, last)| now.mono >= last + VERSION_RETRY);
        if version_late && !self.version_known && self.version_tries < VERSION_TRIES {
            self.ask_version(now, out);
        }
        if self.unsettled() && self.ready(now) {
            self.project(now, Kind::Full, out);
        }
        let pause = self.pushall_pause();
        let allowed = self.pushall_sent.is_none_or(|at| now.mono >= at + pause);
        let retry = self.pushall_retry.is_some_and(|at| now.mono >= at);
        let funded = self.budget.left(now.mono) > 0;
        if funded && ((self.pushall_wanted && allowed) || retry) {
            // Unanswered, it is sent once more after ten seconds, then only at the pause's end.
            self.pushall_retry = (!retry).then(|| now.mono + PUSHALL_RETRY);
            self.pushall_wanted = true;
            self.pushall_sent = Some(now.mono);
            let id = self.next_id();
            self.send(now, request::pushall(id), out);
        }
        self.tick_commands(now, out);
    }

    /// Silence: at half of the limit ask to go on, at three quarters ask the cheapest question, then
    /// believe it.
    fn watch_silence(&mut self, now: Now, out: &mut Vec<Output>) {
        let Some(heard) = self.heard.filter(|_| self.snapshot.reach == Reach::Online) else { return };
        let silence = self.silence_limit();
        let silent = now.mono.saturating_sub(heard);
        if silent >= silence && self.probed >= 2 {
            self.set_reach(now, Reach::Offline, out);
        } else if silent >= silence * 3 / 4 && self.probed == 1 {
            self.probed = 2;
            self.doubtful = true;
            let id = self.next_id();
            self.send(now, request::get_version(id), out);
        } else if silent >= silence / 2 && self.probed == 0 {
            self.probed = 1;
            let id = self.next_id();
            self.send(now, request::start_pushing(id), out);
        }
    }
}

/// When the job will end, to the minute; steady against an estimate that jitters by one.
fn ends_at(wall: Timestamp, new: &Snapshot, before: Option<Timestamp>) -> Option<Timestamp> {
    let remaining = new.job.remaining.filter(|_| new.is_active())?;
    // While heating up there is no estimate yet.
    if remaining.is_zero() && new.status != Some(Status::Running) {
        return None;
    }
    let end = wall.as_second() + i64::try_from(remaining.as_secs()).ok()?;
    let end = Timestamp::from_second((end + 30).div_euclid(60) * 60).ok()?;
    Some(before.filter(|before| (end.as_second() - before.as_second()).abs() < 120).unwrap_or(end))
}
