//! One printer's protocol state machine at one place: what happened goes in, what should be done comes out.
//!
//! It asks for what it needs (version, full report) within the printer's limits, merges, notices
//! silence, and sees each command through to an answer.
//! Time, what the owner allows, and the budget of the connection are arguments; nothing here waits.

mod air;
mod authorisation;
mod boot;
mod budget;
mod commands;
mod full_report;
mod heat;
mod note;
mod power_loss;
mod refusal;
mod silence;
mod version;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use printer::update::Boards;
use printer::{Command, Contact, Identity, Now, Observed, Outcome, Policy, Reach, Serial, Status, Text};

use super::access::Access;
use super::envelope::{self, Message};
use super::models::{self, Model};
use super::observed::{self, Context, Inherited};
use super::report::{Info, Module, Print};
use super::request::{self, Request};
use super::wire::Kind;

use air::{DryingTime, Humidity};
use authorisation::Authorisation;
use boot::Boot;
pub use budget::Budget;
use budget::Funds;
use commands::Commands;
use full_report::FullReport;
use heat::HeatedAtRest;
pub use note::Note;
use power_loss::PowerLoss;
use silence::Silence;
use version::Version;

/// Between two requests for everything, by class of printer (protocol 3.1).
const PUSHALL_SLOW: Duration = Duration::from_secs(300);
const PUSHALL_FAST: Duration = Duration::from_secs(30);
/// The time of the last report is kept so exactly and no more: it must not make every report a change.
const REPORT_AGE: i64 = 300;

/// A gap in which no printer ends one job and begins the next: it fetches, levels and heats before. Chosen.
const SHORT_GAP: Duration = Duration::from_secs(60);

/// The most unknown words for its state that are noted; who invents more than a new firmware has is not read any
/// more.
const UNKNOWN_STATES: usize = 8;

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
    Request(Request),
    /// [`Session::observed`] is not what it was.
    Changed,
    /// Tell the giver of a command.
    Reply(CommandId, Outcome),
    /// Worth a line in the log, once.
    Note(Note),
}

/// One call of [`Session::handle`]: what it borrows, and what comes of it.
struct Step<'a> {
    now: Now,
    policy: &'a Policy,
    budget: &'a mut Budget,
    out: Vec<Output>,
}

impl Step<'_> {
    /// Sends something; every message counts.
    fn send(&mut self, request: Request) {
        self.budget.take(self.now.mono);
        self.out.push(Output::Request(request));
    }

    fn reply(&mut self, id: CommandId, outcome: Outcome) {
        self.out.push(Output::Reply(id, outcome));
    }
}

/// One printer at one place.
pub struct Session {
    identity: Arc<Identity>,
    cloud_names: [Text; 2],
    access: &'static Access,
    model: Option<&'static Model>,
    modules: Vec<Module>,
    boards: Boards,
    report: Print,
    inherited: Inherited,
    observed: Arc<Observed>,
    reach: Reach,
    sequence: u32,

    connected: bool,
    contact: Contact,
    /// When the connection was lost, if what the printer did was known then.
    lost: Option<Now>,
    /// The last gap was a short one, and what the printer did before it was known.
    continues: bool,
    version: Version,
    full_report: FullReport,
    silence: Silence,
    power_loss: PowerLoss,
    boot: Boot,
    humidity: Humidity,
    drying: DryingTime,
    heat: HeatedAtRest,
    authorisation: Authorisation,
    /// When the last report came.
    reported: Option<Timestamp>,
    malformed: u64,
    malformed_in_row: u8,
    /// Unknown words for its state that were noted.
    unknown_states: Vec<Text>,

    commands: Commands,
    /// What the connection could pay for when it was last used.
    funds: Funds,
}

impl Session {
    /// A printer that nobody has heard yet: its serial, what the cloud calls its model, and how it is reached.
    ///
    /// `sequence` is where its requests begin to count; other clients use 20000 to 29999.
    pub fn new(serial: &Serial, cloud_names: [&str; 2], access: &'static Access, sequence: u32) -> Self {
        let model = models::identify(&[], &cloud_names, serial.as_str());
        let identity = Arc::new(super::identity(serial, cloud_names));
        Self {
            observed: Arc::new(Observed::unheard(Arc::clone(&identity))),
            identity,
            cloud_names: cloud_names.map(Text::from),
            access,
            model,
            modules: Vec::new(),
            boards: Boards::default(),
            report: Print::default(),
            inherited: Inherited::default(),
            reach: Reach::Unheard,
            sequence,
            connected: false,
            contact: Contact::default(),
            lost: None,
            continues: false,
            version: Version::default(),
            full_report: FullReport::default(),
            silence: Silence::default(),
            power_loss: PowerLoss::default(),
            boot: Boot::default(),
            humidity: Humidity::default(),
            drying: DryingTime::default(),
            heat: HeatedAtRest::default(),
            authorisation: Authorisation::default(),
            reported: None,
            malformed: 0,
            malformed_in_row: 0,
            unknown_states: Vec::new(),
            commands: Commands::default(),
            funds: Funds::default(),
        }
    }

    /// What the printer says, as it is known now.
    pub fn observed(&self) -> &Arc<Observed> {
        &self.observed
    }

    /// Whether it hears the printer's topic.
    pub fn is_connected(&self) -> bool {
        self.connected
    }

    /// The merged report, for those who want to see what a value came from.
    pub fn report(&self) -> &Print {
        &self.report
    }

    /// Takes one thing that happened and says what should be done about it.
    ///
    /// ```
    /// use std::time::Duration;
    /// use bambu::access::CLOUD;
    /// use bambu::session::{Budget, Input, Output, Session};
    /// use printer::{Now, Policy, Serial};
    ///
    /// let mut session = Session::new(&Serial::new("01P00A000000001"), ["C12", "P1S"], &CLOUD, 40_000);
    /// let now = Now { mono: Duration::ZERO, wall: jiff::Timestamp::UNIX_EPOCH };
    /// let (policy, mut budget) = (Policy::default(), Budget::default());
    /// let outputs = session.handle(now, Input::Connected, &policy, &mut budget);
    /// let Some(Output::Request(first)) = outputs.first() else { panic!("a request") };
    /// assert_eq!(first.payload, r#"{"info":{"command":"get_version","sequence_id":"40000"}}"#);
    ///
    /// let report = br#"{"print":{"command":"push_status","msg":1,"bed_temper":59.8}}"#;
    /// session.handle(now, Input::Message(report), &policy, &mut budget);
    /// assert_eq!(session.observed().bed.actual, Some(59.8));
    /// ```
    pub fn handle(
        &mut self,
        now: Now,
        input: Input<'_>,
        policy: &Policy,
        budget: &mut Budget,
    ) -> Vec<Output> {
        let mut step = Step { now, policy, budget, out: Vec::new() };
        match input {
            Input::Connected => self.on_connected(&mut step),
            Input::Disconnected => self.on_disconnected(&mut step),
            Input::Message(bytes) => self.on_message(&mut step, bytes),
            Input::Command(id, command) => self.on_command(&mut step, id, command),
            Input::Tick => {}
        }
        self.tick(&mut step);
        self.evaluate_age(&mut step);
        self.funds = step.budget.funds();
        step.out
    }

    /// The next moment at which [`Input::Tick`] would change anything, on the steady clock.
    pub fn deadline(&self) -> Option<Duration> {
        let online = self.observed.reach == Reach::Online;
        let watched = self.connected && online;
        let awaited = self.full_report.is_seen() && self.unsettled();
        let heated = self.observed.heater_left_on == Some(false);
        let paid = |at: Duration| at.max(self.funds.one);
        [
            self.silence.deadline(self.observed.is_active(), watched, online),
            self.version.deadline(awaited).filter(|_| self.connected),
            self.full_report.deadline(self.pushall_pause()).filter(|_| self.connected).map(paid),
            self.power_loss.deadline(),
            self.boot.deadline(),
            self.humidity.deadline(),
            self.heat.deadline().filter(|_| heated),
            self.commands.deadline(&self.funds),
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

    /// Whether it is a P1 or an A1. An unknown model is treated as the kind that suffers.
    fn is_slow(&self) -> bool {
        self.model.is_none_or(|m| m.slow)
    }

    fn pushall_pause(&self) -> Duration {
        if self.is_slow() { PUSHALL_SLOW } else { PUSHALL_FAST }
    }

    fn on_connected(&mut self, step: &mut Step<'_>) {
        self.connected = true;
        self.silence.connected(step.now.mono);
        self.authorisation.forget();
        self.contact.linked = true;
        self.begin_anew(step.now);
        // By both clocks: the steady one does not count while the machine sleeps.
        let short = |at: Now| step.now.mono <= at.mono + SHORT_GAP && step.now.wall <= at.wall + SHORT_GAP;
        self.continues = self.lost.take().is_some_and(short);
        self.ask_everything(step);
    }

    /// What was heard and what will be heard are not of one piece: something may have been missed.
    fn begin_anew(&mut self, now: Now) {
        self.boot.begun(now.mono, &self.report);
        self.drying.forget(now.mono);
        self.humidity.forget();
        self.full_report.hurry();
        (self.contact.followed, self.continues) = (false, false);
        self.contact.whole = false;
        self.contact.gaps = self.contact.gaps.wrapping_add(1);
    }

    fn on_disconnected(&mut self, step: &mut Step<'_>) {
        if !self.connected {
            return;
        }
        self.connected = false;
        self.lost = self.contact.is_current().then_some(step.now);
        (self.contact.linked, self.contact.whole, self.contact.followed) = (false, false, false);
        self.silence.disconnected(step.now.mono);
        self.full_report.lost();
        self.commands.lose(self.access, step);
    }

    /// The exchange after every connect, ours or the printer's (protocol 3.1).
    fn ask_everything(&mut self, step: &mut Step<'_>) {
        self.version = Version::default();
        self.ask_version(step);
        self.full_report.want_anew();
    }

    fn ask_version(&mut self, step: &mut Step<'_>) {
        self.version.asked(step.now.mono);
        step.send(request::get_version(self.next_id()));
    }

    fn on_message(&mut self, step: &mut Step<'_>, bytes: &[u8]) {
        let message = match envelope::read(bytes) {
            Ok(message) => message,
            Err(envelope::Error::Empty) => return,
            Err(error) => {
                self.malformed += 1;
                self.malformed_in_row = self.malformed_in_row.saturating_add(1);
                step.out.push(Output::Note(Note::Malformed(self.malformed, error.to_string())));
                // One lost message may have been a change: ask again, but not for every one.
                if self.malformed_in_row == 3 {
                    self.full_report.want();
                }
                return;
            }
        };
        self.malformed_in_row = 0;
        if !matches!(message, Message::Presence(_)) {
            self.silence.heard(step.now.mono);
        }
        match message {
            Message::Other => {}
            Message::Presence(false) => self.silence.left(step.now.mono),
            Message::Presence(true) => {
                self.silence.returned();
                self.authorisation.forget();
                self.begin_anew(step.now);
                if self.connected {
                    self.ask_everything(step);
                }
            }
            Message::Version(info) => self.on_version(step, info),
            Message::Reply(reply) => self.on_reply(step, &reply),
            Message::Report { print, kind } => self.on_report(step, print, kind),
        }
    }

    fn on_version(&mut self, step: &mut Step<'_>, info: Info) {
        let Some(modules) = info.module.map(|list| list.0) else { return };
        let has_ota = modules.iter().any(|m| m.name.as_deref() == Some("ota"));
        // Right after boot modules come without serials, or not at all: asked again, thrice at most.
        let nameless = |m: &Module| {
            m.name.as_deref().is_some_and(|n| n.contains('/')) && m.sn.as_deref().is_none_or(str::is_empty)
        };
        let complete = has_ota && !modules.iter().any(nameless);
        self.version.answered(complete);
        if complete {
            self.version.lacks(observed::lacks_board(&self.report, &modules));
        }
        self.boards = observed::boards(&modules);
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
            .map(|name| printer::text::name(name.trim_start_matches("Bambu Lab ")));
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
        // Where Developer Mode can be on, what the firmware can demand is not what it demands.
        self.authorisation.firmware(signs.filter(|_| !self.access.developer_mode), another);
        if identity != *self.identity {
            self.identity = Arc::new(identity);
        }
        self.project(step, Kind::Full);
    }

    fn on_report(&mut self, step: &mut Step<'_>, mut print: Box<Print>, kind: Kind) {
        let topology = self.topology();
        let upgrade = self.report.upgrade_state.as_ref().and_then(|u| u.dis_state);
        // It may have been switched off in between without the cloud telling: a delta would be put upon
        // yesterday's state.
        if self.connected && self.reach == Reach::Offline {
            self.authorisation.forget();
            self.begin_anew(step.now);
            self.ask_everything(step);
        }
        self.reach = Reach::Online;
        self.reported = Some(step.now.wall);
        self.contact.followed |= self.connected && self.continues && print.gcode_state.is_some();
        self.boot.hold(step.now.mono, &mut print);
        self.power_loss.hold(step.now.mono, &self.report, &mut print);
        self.humidity.hold(step.now.mono, &self.report, &mut print);
        let mut spools = observed::merge(&mut self.report, &mut self.inherited, print, kind);
        spools |= self.drying.look(step.now.mono, &self.report);
        if kind == Kind::Full {
            self.full_report.came();
            self.contact.whole = self.connected;
            self.contact.followed &= !self.contact.whole;
        }
        // What is plugged in changed, or an update ended: the boards are not what they were.
        let changed = topology.iter().zip(self.topology()).any(|(old, new)| old.is_some() && new != *old);
        let upgrade_now = self.report.upgrade_state.as_ref().and_then(|u| u.dis_state);
        let upgraded = upgrade_now == Some(3) && upgrade.is_some() && upgrade != upgrade_now;
        if self.connected && (changed || upgraded) {
            self.ask_everything(step);
        }
        if spools && !self.modules.is_empty() && observed::lacks_board(&self.report, &self.modules) {
            self.version.lacks(true);
        }
        self.note_unknown_state(step);
        self.project_part(step, kind, spools);
    }

    /// What changes when something is plugged in or out.
    fn topology(&self) -> [Option<i64>; 2] {
        let version = self.report.online.as_ref().and_then(|o| o.version);
        let units = self.report.ams.as_ref().and_then(|a| a.ams_exist_bits);
        [version, units.map(|bits| bits.0.cast_signed())]
    }

    fn note_unknown_state(&mut self, step: &mut Step<'_>) {
        let Some(word) = self.report.gcode_state.as_ref() else { return };
        let silent = matches!(word.as_str(), "" | "UNKNOWN" | "OFFLINE");
        let noted = self.unknown_states.len() >= UNKNOWN_STATES || self.unknown_states.contains(word);
        if !silent && observed::status(word).is_none() && !noted {
            self.unknown_states.push(word.clone());
            step.out.push(Output::Note(Note::UnknownState(word.clone())));
        }
    }

    fn context(&self, now: Now) -> Context<'_> {
        Context {
            identity: &self.identity,
            model: self.model,
            capabilities: self.observed.capabilities,
            reach: self.reach,
            control: self.observed.control,
            control_reason: self.observed.control_reason,
            modules: &self.modules,
            boards: &self.boards,
            boards_known: self.version.has_boards(now.mono),
            inherited: self.inherited,
            previous: &self.observed,
            drying_still: self.drying.still(),
            spools_anew: true,
        }
    }

    /// Makes what is observed anew and tells if it differs.
    fn project(&mut self, step: &mut Step<'_>, kind: Kind) {
        self.project_part(step, kind, true);
    }

    /// The same, with the AMS units and spools as they were where nothing new was said of them.
    fn project_part(&mut self, step: &mut Step<'_>, kind: Kind, spools: bool) {
        let unsigned = self.authorisation.observe(&self.report, self.full_report.is_seen());
        let mut context = self.context(step.now);
        (context.control, context.control_reason) = self.authorisation.verdict();
        if self.ready(step.now) && (kind == Kind::Full || context.capabilities.is_none()) {
            let firmware = self.identity.firmware.as_deref();
            context.capabilities = Some(observed::capabilities(&self.report, self.model, firmware));
        }
        context.spools_anew = spools;
        let mut new = observed::project(&self.report, &context);
        debug_assert_eq!(
            new,
            observed::project(&self.report, &Context { spools_anew: true, ..context }),
            "what is kept is what would be made anew"
        );
        new.contact = self.contact;
        new.job.ends_at = ends_at(step.now.wall, &new, self.observed.job.ends_at);
        self.age(step.now, &mut new);
        self.adopt(step, new);
        if unsigned {
            self.commands.refuse_unsigned(step);
        }
        step.out.extend(self.authorisation.news().map(Output::Note));
    }

    /// What time alone makes another: how old what is known is, and for how long a heater has been on.
    fn age(&mut self, now: Now, new: &mut Observed) {
        new.stale = self.silence.is_doubtful() && new.reach == Reach::Online;
        let exact = new.reach != Reach::Online || new.stale;
        let old = new.last_report.map_or(i64::MIN, Timestamp::as_second);
        if let Some(second) = self.reported.map(Timestamp::as_second)
            && (second.saturating_sub(old) >= REPORT_AGE || exact)
        {
            new.last_report = Timestamp::from_second(second).ok();
        }
        new.heater_left_on = self.heat.evaluate(now.mono, new.heated_at_rest());
    }

    /// The same when nothing was reported.
    fn evaluate_age(&mut self, step: &mut Step<'_>) {
        let stale = self.silence.is_doubtful() && self.reach == Reach::Online;
        let long = self.heat.is_long(step.now.mono);
        let told = self.contact == self.observed.contact;
        if !told || stale != self.observed.stale || (long && self.observed.heater_left_on == Some(false)) {
            let mut new = (*self.observed).clone();
            new.contact = self.contact;
            self.age(step.now, &mut new);
            self.adopt(step, new);
        }
    }

    fn adopt(&mut self, step: &mut Step<'_>, new: Observed) {
        if new == *self.observed {
            return;
        }
        let before = std::mem::replace(&mut self.observed, Arc::new(new));
        step.out.push(Output::Changed);
        self.confirm(step, &before);
    }

    fn set_reach(&mut self, step: &mut Step<'_>, reach: Reach) {
        self.reach = reach;
        if self.observed.reach != reach {
            let mut new = (*self.observed).clone();
            new.reach = reach;
            new.contact = self.contact;
            new.stale = false;
            self.heat.forget();
            // From now on it is the last one for long.
            let last = self.reported.map(Timestamp::as_second);
            new.last_report = last.and_then(|second| Timestamp::from_second(second).ok());
            self.adopt(step, new);
        }
    }

    /// Whether what the printer is and can do is settled (protocol 3.1, step 5).
    fn ready(&self, now: Now) -> bool {
        self.full_report.is_seen() && self.version.is_settled(now.mono)
    }

    /// Whether something waits for the boards to be known.
    fn unsettled(&self) -> bool {
        self.observed.capabilities.is_none() || self.observed.ams.iter().any(|unit| !unit.settled)
    }

    /// Everything that time alone brings.
    fn tick(&mut self, step: &mut Step<'_>) {
        let now = step.now.mono;
        if self.silence.is_gone(now) {
            self.set_reach(step, Reach::Offline);
        }
        let believed = self.boot.believe(now, &mut self.report);
        if self.power_loss.believe(now, &mut self.report) || believed {
            self.full_report.want();
            self.project(step, Kind::Delta);
        }
        if self.humidity.believe(now, &mut self.report) {
            self.project(step, Kind::Delta);
        }
        if self.connected {
            self.tick_connected(step);
        }
    }

    fn tick_connected(&mut self, step: &mut Step<'_>) {
        let now = step.now.mono;
        self.watch_silence(step);
        if self.version.is_due(now) {
            self.ask_version(step);
        }
        if self.unsettled() && self.ready(step.now) {
            self.project(step, Kind::Full);
        }
        if step.budget.left(now) > 0 && self.full_report.take(now, self.pushall_pause()) {
            step.send(request::pushall(self.next_id()));
        }
        self.tick_commands(step);
    }

    fn watch_silence(&mut self, step: &mut Step<'_>) {
        if self.observed.reach != Reach::Online {
            return;
        }
        match self.silence.step(step.now.mono, self.observed.is_active()) {
            None => {}
            Some(silence::Remedy::StartPushing) => step.send(request::start_pushing(self.next_id())),
            Some(silence::Remedy::Version) => step.send(request::get_version(self.next_id())),
            Some(silence::Remedy::Away) => self.set_reach(step, Reach::Offline),
        }
    }
}

/// When the job will end, to the minute; steady against an estimate that jitters by one.
fn ends_at(wall: Timestamp, new: &Observed, before: Option<Timestamp>) -> Option<Timestamp> {
    let remaining = new.job.remaining.filter(|_| new.is_active())?;
    // While heating up there is no estimate yet.
    if remaining.is_zero() && new.status != Some(Status::Running) {
        return None;
    }
    let end = wall.as_second() + i64::try_from(remaining.as_secs()).ok()?;
    let end = Timestamp::from_second((end + 30).div_euclid(60) * 60).ok()?;
    Some(before.filter(|before| (end.as_second() - before.as_second()).abs() < 120).unwrap_or(end))
}
