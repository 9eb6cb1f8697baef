//! A printer at one moment, in three parts: what it says, what its owner wants of it, and what others know of it.

use std::net::Ipv4Addr;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;

use super::ams::with_names;
use super::command::LastCommand;
use super::health::Code;
use super::{
    Ams, Capabilities, Contact, Control, ControlReason, ExternalSpool, Facts, Fans, Health, Heater, Hms,
    Identity, Job, Levels, Machine, Namings, Nozzle, Options, Prices, PrintError, Rack, Reach, Shared, Side,
    Slot, Source, Speed, Stage, Status, Text, Texts, Update, stage,
};

/// A printer at one moment: all that the table of entities, the tracker and people look at.
///
/// It reads as what the printer says ([`Observed`]), but for the AMS units and spools, which bear the names that
/// the account gave its filaments. Cheap to clone: five pointers.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// What it says.
    pub observed: Arc<Observed>,
    /// What its owner wants of it.
    pub policy: Arc<Policy>,
    /// What others know of it.
    pub known: Arc<Known>,
    /// AMS units by their number, with what others know of their filament and firmware.
    pub ams: Shared<[Ams]>,
    /// External spools: right (or only), left; the same.
    pub external: Shared<[ExternalSpool]>,
}

/// What its owner wants of a printer: how it is called, what may be done with it, what it costs.
#[derive(Debug, Clone, PartialEq, Default)]
#[allow(clippy::struct_excessive_bools, reason = "independent wishes")]
pub struct Policy {
    /// Its name.
    pub name: Text,
    /// It takes no commands.
    pub read_only: bool,
    /// It takes G-code.
    pub gcode: bool,
    /// Firmware may be installed on it.
    pub firmware_install: bool,
    /// What filament and energy cost, where that was told.
    pub prices: Option<Arc<Prices>>,
    /// An energy meter was named for it.
    pub metered: bool,
    /// Health messages and errors that its owner does not want to hear of.
    pub ignored: Arc<[Code]>,
    /// What of it may be on the local broker.
    pub privacy: Privacy,
    /// Layers that its owner waits for, each told when a print reaches it; in ascending order.
    pub notify_layers: Arc<[u32]>,
}

/// What may be on the local broker, where everybody in the house can read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "settings such as `job_names`")]
pub struct Privacy {
    /// Names of jobs, of their files, plates and objects.
    pub job_names: bool,
    /// Pictures of jobs.
    pub pictures: bool,
    /// Addresses in the network.
    pub addresses: bool,
}

impl Default for Privacy {
    fn default() -> Self {
        Self { job_names: true, pictures: true, addresses: true }
    }
}

/// What others know of a printer.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// What the account's cloud knows of it.
    pub facts: Arc<Facts>,
    /// What follows from its jobs, for automations.
    pub levels: Arc<Levels>,
    /// What errors are explained with.
    pub texts: Arc<Texts>,
    /// What is told about its error and health messages, made when one of them or the texts change.
    pub health: Arc<Health>,
    /// How its AMS units are named, where somebody decides that over all printers; without them each has its serial
    /// number for itself.
    pub namings: Option<Arc<Namings>>,
    /// What became of the last command that somebody gave, since the program started.
    pub last_command: Option<Arc<LastCommand>>,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            facts: Arc::default(),
            levels: Arc::default(),
            texts: Texts::bundled(),
            health: Health::nothing(),
            namings: None,
            last_command: None,
        }
    }
}

impl Snapshot {
    /// A printer of which nothing is known but who it is and how it is called.
    pub fn unheard(name: &str, identity: Identity) -> Self {
        let policy = Policy { name: name.into(), ..Policy::default() };
        Self::of(Arc::new(Observed::unheard(identity.into())), policy.into(), Arc::default())
    }

    /// The three parts as one.
    pub fn of(observed: Arc<Observed>, policy: Arc<Policy>, known: Arc<Known>) -> Self {
        let (ams, external) = with_names(&observed, &known.facts, known.namings.as_deref());
        let mut snapshot = Self { observed, policy, known, ams, external };
        snapshot.tell_health();
        snapshot
    }

    /// Takes what the printer says now; what follows from it is made anew where it must.
    pub fn observe(&mut self, observed: &Arc<Observed>) {
        let before = std::mem::replace(&mut self.observed, Arc::clone(observed));
        if !before.ams.is(&observed.ams) || !before.external.is(&observed.external) {
            self.name_spools();
        }
        if before.error != observed.error || before.hms != observed.hms {
            self.tell_health();
        }
    }

    /// Takes what its owner wants of it from now on.
    pub fn obey(&mut self, policy: Arc<Policy>) {
        let before = std::mem::replace(&mut self.policy, policy);
        if before.ignored != self.policy.ignored {
            self.tell_health();
        }
    }

    /// Takes what the account's cloud knows.
    pub fn learn(&mut self, facts: &Arc<Facts>) {
        let before = std::mem::replace(&mut Arc::make_mut(&mut self.known).facts, Arc::clone(facts));
        if before.names != facts.names || before.ams_releases != facts.ams_releases {
            self.name_spools();
        }
    }

    /// Names the AMS units in this way from now on.
    pub fn name_units(&mut self, namings: &Arc<Namings>) {
        Arc::make_mut(&mut self.known).namings = Some(Arc::clone(namings));
        self.name_spools();
    }

    fn name_spools(&mut self) {
        let (ams, external) = with_names(&self.observed, &self.known.facts, self.known.namings.as_deref());
        // What is equal stays one and the same, which is found out sooner.
        if self.ams != ams {
            self.ams = ams;
        }
        if self.external != external {
            self.external = external;
        }
    }

    /// Explains errors with these texts from now on.
    pub fn explain(&mut self, texts: &Arc<Texts>) {
        if !Arc::ptr_eq(&self.known.texts, texts) {
            Arc::make_mut(&mut self.known).texts = Arc::clone(texts);
            self.tell_health();
        }
    }

    /// Takes what follows from its jobs; says whether that is new.
    pub fn follow(&mut self, levels: &Arc<Levels>) -> bool {
        let new = !Arc::ptr_eq(&self.known.levels, levels) && self.known.levels != *levels;
        if new {
            Arc::make_mut(&mut self.known).levels = Arc::clone(levels);
        }
        new
    }

    /// Takes what became of a command.
    pub fn end_command(&mut self, command: LastCommand) {
        Arc::make_mut(&mut self.known).last_command = Some(command.into());
    }

    fn tell_health(&mut self) {
        let (hms, error) = (&self.observed.hms, self.observed.error);
        let serial = self.observed.identity.serial.as_str();
        let health = Health::heeding(hms, error, &self.known.texts, serial, &self.policy.ignored);
        if self.known.health != health {
            Arc::make_mut(&mut self.known).health = health;
        }
    }

    /// Its name.
    pub fn name(&self) -> &Text {
        &self.policy.name
    }

    /// Whether what is known of it may not be so any more: nobody confirms it, or it was not all told since a gap.
    pub fn is_stale(&self) -> bool {
        let gap = self.capabilities.is_some() && !self.contact.whole;
        self.reach == Reach::Online && (self.stale || gap)
    }

    /// The slot that a source is, with the names that the account gave.
    pub fn slot(&self, source: Source) -> Option<&Slot> {
        source.find(&self.ams, &self.external)
    }

    /// Whether it is one and the same as another, which is sooner found out than whether it is equal.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.observed, &other.observed)
            && Arc::ptr_eq(&self.policy, &other.policy)
            && Arc::ptr_eq(&self.known, &other.known)
            && self.ams.is(&other.ams)
            && self.external.is(&other.external)
    }
}

impl Deref for Snapshot {
    type Target = Observed;

    fn deref(&self) -> &Observed {
        &self.observed
    }
}

/// For those who make up a moment.
impl DerefMut for Snapshot {
    fn deref_mut(&mut self) -> &mut Observed {
        Arc::make_mut(&mut self.observed)
    }
}

/// What a printer says, at one moment: made by a source from its reports and the moment before, and from nothing
/// else.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::struct_excessive_bools, reason = "independent facts")]
pub struct Observed {
    /// Who it is.
    pub identity: Arc<Identity>,
    /// What it can do; `None` until its first full report.
    pub capabilities: Option<Capabilities>,
    /// Whether it can be reached.
    pub reach: Reach,
    /// How well it is heard.
    pub contact: Contact,
    /// What we may do with it.
    pub control: Control,
    /// How that is known.
    pub control_reason: ControlReason,
    /// What it is doing.
    pub status: Option<Status>,
    /// Which step of it.
    pub stage: Option<Stage>,
    /// The job.
    pub job: Job,
    /// Nozzles: right (or only), left.
    pub nozzles: [Heater; 2],
    /// The nozzle in use.
    pub active_nozzle: Side,
    /// Heatbed.
    pub bed: Heater,
    /// Chamber.
    pub chamber: Heater,
    /// Fans.
    pub fans: Fans,
    /// Chamber lamp.
    pub chamber_light: Option<bool>,
    /// Tool head lamp.
    pub work_light: Option<bool>,
    /// Bed lamp; the printer tells of it only when it is switched.
    pub heatbed_light: Option<bool>,
    /// Speed profile.
    pub speed: Option<Speed>,
    /// Speed in percent of the standard one.
    pub speed_percent: Option<u16>,
    /// Wi-Fi signal, dBm.
    pub wifi_dbm: Option<i16>,
    /// Time-lapse of the next or current print.
    pub timelapse: Option<bool>,
    /// Sounds.
    pub prompt_sound: Option<bool>,
    /// The other settings.
    pub options: Options,
    /// What the machine senses of itself.
    pub machine: Machine,
    /// Its address in the network.
    pub ip: Option<Ipv4Addr>,
    /// What kinds of nozzles there are: right (or only), left.
    pub nozzle_kinds: [Nozzle; 2],
    /// The rack with hotends.
    pub rack: Option<Arc<Rack>>,
    /// Error of the print; `None` when there is none.
    pub error: Option<PrintError>,
    /// Health messages.
    pub hms: Vec<Hms>,
    /// The highest targets that were seen where they are above what its model is known to take.
    pub beyond: Beyond,
    /// AMS units by their number.
    pub ams: Shared<[Ams]>,
    /// External spools: right (or only), left.
    pub external: Shared<[ExternalSpool]>,
    /// What feeds each nozzle: right (or only), left. `None` when not known.
    pub sources: [Option<Source>; 2],
    /// Firmware and its updates.
    pub update: Update,
    /// A heater has been left on with nothing to do; `None` when no target is known.
    pub heater_left_on: Option<bool>,
    /// Since it was last heard, the connection was lost or a question went unanswered: what is known
    /// may not be so any more.
    pub stale: bool,
    /// When it last reported, to some minutes: a snapshot must not differ with each report.
    pub last_report: Option<Timestamp>,
}

/// Targets above what a model is known to take, °C; 0 where there was none. A file, or a hotend of somebody else,
/// may set them. What was seen once stays, so that no range is too narrow for a value that is still shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Beyond {
    /// Of a nozzle.
    pub nozzle: u16,
    /// Of the bed.
    pub bed: u16,
    /// Of the chamber.
    pub chamber: u16,
}

impl Observed {
    /// What it can do, with ranges that hold every target that it was seen to have: for showing, not for permitting.
    pub fn shown_capabilities(&self) -> Option<Capabilities> {
        let can = self.capabilities?;
        Some(Capabilities {
            nozzle_max: can.nozzle_max.max(self.beyond.nozzle),
            bed_max: can.bed_max.max(self.beyond.bed),
            chamber_max: can.chamber_max.max(self.beyond.chamber),
            ..can
        })
    }

    /// A printer of which nothing is known but who it is.
    pub fn unheard(identity: Arc<Identity>) -> Self {
        Self {
            identity,
            capabilities: None,
            reach: Reach::Unheard,
            contact: Contact::default(),
            control: Control::Unknown,
            control_reason: ControlReason::NotKnown,
            status: None,
            stage: None,
            job: Job::default(),
            nozzles: [Heater::default(); 2],
            active_nozzle: Side::Right,
            bed: Heater::default(),
            chamber: Heater::default(),
            fans: Fans::default(),
            chamber_light: None,
            work_light: None,
            heatbed_light: None,
            speed: None,
            speed_percent: None,
            wifi_dbm: None,
            timelapse: None,
            prompt_sound: None,
            options: Options::default(),
            machine: Machine::default(),
            ip: None,
            nozzle_kinds: Default::default(),
            rack: None,
            error: None,
            hms: Vec::new(),
            beyond: Beyond::default(),
            ams: Shared::default(),
            external: Shared::default(),
            sources: [None; 2],
            update: Update::default(),
            heater_left_on: None,
            stale: false,
            last_report: None,
        }
    }

    /// One of the nozzles.
    pub fn nozzle(&self, side: Side) -> Heater {
        let [right, left] = self.nozzles;
        match side {
            Side::Right => right,
            Side::Left => left,
        }
    }

    /// What kind of nozzle it is.
    pub fn nozzle_kind(&self, side: Side) -> &Nozzle {
        let [right, left] = &self.nozzle_kinds;
        match side {
            Side::Right => right,
            Side::Left => left,
        }
    }

    /// What feeds a nozzle.
    pub fn source(&self, side: Side) -> Option<Source> {
        let [right, left] = self.sources;
        match side {
            Side::Right => right,
            Side::Left => left,
        }
    }

    /// Whether it feeds a nozzle.
    pub fn is_loaded(&self, source: Source) -> bool {
        self.sources.contains(&Some(source))
    }

    /// The slot that a source is.
    pub fn slot(&self, source: Source) -> Option<&Slot> {
        source.find(&self.ams, &self.external)
    }

    /// An AMS unit, by the printer's number.
    pub fn unit(&self, id: u8) -> Option<&Ams> {
        self.ams.iter().find(|ams| ams.id == id)
    }

    /// Whether a job is under way.
    pub fn is_active(&self) -> bool {
        self.status.is_some_and(Status::is_active)
    }

    /// Whether it cleans the air after a print.
    pub fn purifies(&self) -> bool {
        self.stage == Some(stage::PURIFYING) || self.hms.contains(&Hms::PURIFYING)
    }

    /// Whether a heater is on that nobody needs: no job, no filament being changed or dried. `None` when
    /// that cannot be told.
    pub fn heated_at_rest(&self) -> Option<bool> {
        let busy = self.status?.is_active()
            || self.stage.is_some_and(|stage| stage != stage::IDLE)
            || self.ams.iter().any(|ams| ams.is_drying() == Some(true));
        let [right, left] = self.nozzles;
        let targets = [right, left, self.bed, self.chamber].map(|heater| heater.target);
        targets.iter().any(Option::is_some).then(|| !busy && targets.into_iter().flatten().any(|t| t > 0.0))
    }
}
