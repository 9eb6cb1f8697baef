//! The words of the domain: a printer at one moment, what may be asked of it, and when.
//!
//! A [`Snapshot`] is all that the rest of the program knows of a printer.
//! `None` means that the printer never said, which is different from zero.
//! Must not know: JSON, MQTT, Home Assistant, the vendor's field names.

pub mod ams;
pub mod cloud;
pub mod command;
pub mod consumption;
pub mod control;
pub mod event;
pub mod fnv;
pub mod health;
pub mod job;
pub mod ledger;
pub mod levels;
pub mod options;
pub mod reason;
pub mod record;
mod shared;
mod snapshot;
pub mod stage;
pub mod text;
pub mod tools;
pub mod tracker;
pub mod update;

use std::time::Duration;

use compact_str::CompactString;
use jiff::Timestamp;

pub use ams::{
    Ams, AmsAbilities, AmsKind, Color, Content, Drying, DryingPhase, DryingState, ExternalSpool, Feeds,
    Filament, Inlet, Naming, Namings, Slot, Source, unit_label,
};
pub use cloud::{Facts, Task};
pub use command::{Command, Outcome, Refusal, Steps, permit};
pub use consumption::Prices;
pub use control::ControlReason;
pub use event::Event;
pub use health::{Catalogue, Health, Hms, Prefix, PrintError, Texts};
pub use job::{Job, JobAbilities, JobIds, JobKind};
pub use ledger::Ledger;
pub use levels::Levels;
pub use options::{Options, Setting, Settings};
pub use reason::Reason;
pub use record::JobRecord;
pub use shared::Shared;
pub use snapshot::{Beyond, Known, Observed, Policy, Privacy, Snapshot};
pub use stage::Stage;
pub use text::quoted;
pub use tools::{Machine, Nozzle, Rack};
pub use tracker::Tracker;
pub use update::Update;

/// Text from the printer; most of it is short enough to need no allocation.
pub type Text = CompactString;

/// One moment, told by two clocks; made once per turn of the program's loop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Now {
    /// Time since the program's start; never jumps, so every deadline is kept in it.
    pub mono: Duration,
    /// Time for people; a Raspberry Pi boots without it and jumps later.
    pub wall: Timestamp,
}

/// A printer's serial number, in upper case: it is part of topics, which are case-sensitive.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Serial(Text);

impl Serial {
    /// Takes a serial as people type it.
    pub fn new(text: &str) -> Self {
        Self(text.trim().to_ascii_uppercase().into())
    }

    /// Takes a serial from elsewhere if it is one: ASCII letters and digits, fifteen of them as a rule. Anything else
    /// would mean something of its own in a topic or in the name of a file.
    pub fn parse(text: &str) -> Option<Self> {
        let serial = Self::new(text);
        let plain = serial.0.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (plain && (10..=32).contains(&serial.0.len())).then_some(serial)
    }

    /// As it stands in topics.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Serial {
    /// Personal data: only the prefix, which names the model.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Serial({}…)", self.0.get(..3).unwrap_or_default())
    }
}

/// Who the printer is; changes only with firmware or hardware.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The serial number.
    pub serial: Serial,
    /// The model as people call it (`X1C`, `A1 mini`), or the printer's own words for an unknown one.
    pub model: Text,
    /// The vendor's model code (`C12`).
    pub model_code: Option<Text>,
    /// Firmware version as its screen shows it.
    pub firmware: Option<Text>,
    /// Version of its main board.
    pub hardware: Option<Text>,
}

impl Identity {
    /// A printer of which only these are known.
    pub fn new(serial: &str, model: &str) -> Self {
        Self {
            serial: Serial::new(serial),
            model: model.into(),
            model_code: None,
            firmware: None,
            hardware: None,
        }
    }
}

/// A name for a printer that has none.
pub fn default_name(model: &str, serial: &Serial) -> String {
    let serial = serial.as_str();
    let tail = serial.len().checked_sub(4).and_then(|at| serial.get(at..)).unwrap_or(serial);
    format!("{model} {tail}")
}

/// What a printer is able to do; decides which entities it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::struct_excessive_bools, reason = "a set of independent abilities")]
pub struct Capabilities {
    /// The model is one we know; an unknown one is read, and not sent what could hurt it.
    pub known_model: bool,
    /// Two nozzles, left and right.
    pub dual_nozzle: bool,
    /// Measures the chamber.
    pub chamber_sensor: bool,
    /// Heats the chamber.
    pub chamber_heater: bool,
    /// Tells fractions of degrees of its nozzles and its bed.
    pub fractions: bool,
    /// Auxiliary part fan.
    pub aux_fan: bool,
    /// Chamber or exhaust fan.
    pub chamber_fan: bool,
    /// Second auxiliary fan.
    pub second_aux_fan: bool,
    /// Reports the heat-break fan.
    pub heatbreak_fan: bool,
    /// Lamp in the chamber (on a bed-slinger: at the camera).
    pub chamber_light: bool,
    /// A second chamber lamp that is switched with the first.
    pub chamber_light_2: bool,
    /// Lamp at the tool head.
    pub work_light: bool,
    /// A camera that can make time-lapses.
    pub timelapse: bool,
    /// Can be silenced.
    pub prompt_sound: bool,
    /// Is on Wi-Fi rather than on a cable.
    pub wifi: bool,
    /// Notices whether its door is open.
    pub door: bool,
    /// Can be told what an open door does.
    pub door_check: bool,
    /// Cleans the air when a print is done.
    pub purification: bool,
    /// Can be told how to look for filament at the nozzle, in more ways than on and off.
    pub blob_detection: bool,
    /// Tells how large the camera's pictures are.
    pub resolution: bool,
    /// Leads the chamber's air in several ways.
    pub airduct: bool,
    /// A Filament Track Switch is fitted.
    pub track_switch: bool,
    /// Tells how much room its own storage has.
    pub internal_space: bool,
    /// Tells how much room its stick has.
    pub external_space: bool,
    /// Tells of a fire extinguisher.
    pub fire_extinguisher: bool,
    /// Tells of a rotary attachment.
    pub rotary: bool,
    /// Takes tool modules.
    pub tool_module: bool,
    /// Has a rack with hotends.
    pub hotend_rack: bool,
    /// Tells whether it heats the chamber at the moment.
    pub chamber_heating: bool,
    /// Tells about its memory card or stick.
    pub storage: bool,
    /// Has no storage of its own, so that it needs its memory card to print.
    pub needs_card: bool,
    /// Notices filament in the nozzle.
    pub filament_sensor: bool,
    /// Tells what kind of nozzle it has.
    pub nozzle_kind: bool,
    /// Tells its address in the network.
    pub ip: bool,
    /// Tells whether it hangs on a cable.
    pub network: bool,
    /// Tells about its axes and the mains.
    pub home_flags: bool,
    /// Tells whether there is a camera.
    pub camera: bool,
    /// Can show the camera's picture in the local network.
    pub live_view: bool,
    /// Tells whether print commands need the vendor's signature.
    pub authorisation: bool,
    /// What can be switched on and off, or at least seen.
    pub settings: Settings,
    /// Number of external spool holders.
    pub external_spools: u8,
    /// Highest nozzle target, °C.
    pub nozzle_max: u16,
    /// Highest bed target, °C.
    pub bed_max: u16,
    /// Highest chamber target, °C; 0 without a heater.
    pub chamber_max: u16,
    /// What else can be asked of it.
    pub requests: Requests,
    /// What it tells of its jobs and its firmware.
    pub job: JobAbilities,
}

/// What can be asked of a printer besides what its parts show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::struct_excessive_bools, reason = "a set of independent abilities")]
pub struct Requests {
    /// To lead warm air through the chamber.
    pub airduct_heating: bool,
    /// To light the bed.
    pub heatbed_light: bool,
    /// To sound a buzzer.
    pub buzzer: bool,
    /// To leave objects out of a print.
    pub skip_objects: bool,
    /// To take note of another nozzle; newer printers see it themselves.
    pub nozzle_kind: bool,
    /// To load from a slot that is named; older firmware only unloads.
    pub load: bool,
    /// To look for air prints with the camera, as soon as that is chosen.
    pub air_print_camera: bool,
    /// To inspect first layers with a lidar.
    pub lidar: bool,
    /// To calibrate vibrations before a print.
    pub print_vibration: bool,
    /// To keep what was sent to it.
    pub save_to_storage: bool,
    /// To make the camera's pictures larger or smaller.
    pub resolution: bool,
    /// To lead the air through the filter while it cools.
    pub cooling_filter: bool,
    /// To dry filament; other firmware says that it will and does not.
    pub remote_drying: bool,
    /// To calibrate these.
    pub calibrations: Steps,
}

/// Whether the printer can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// It has not said anything yet.
    #[default]
    Unheard,
    /// It talks.
    Online,
    /// It went away.
    Offline,
}

/// How well a printer is heard: what may be concluded from what is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Contact {
    /// Our own connection stands; while it does not, silence says nothing of the printer.
    pub linked: bool,
    /// A full report came since the last gap, so what is known is of one moment.
    pub whole: bool,
    /// Its state was heard since a gap that was short: a full report is still to come, but what it does is known, and
    /// that it is no other job than before.
    pub followed: bool,
    /// How often contact began anew: our connection's, or the printer's.
    pub gaps: u32,
    /// How often the printer took an order to stop its job, from us or from anybody.
    pub stops: u32,
}

impl Contact {
    /// Whether what the printer does may be concluded from: nothing was missed, or nothing that matters.
    pub fn is_current(&self) -> bool {
        self.linked && (self.whole || self.followed)
    }
}

/// What a third party may do with this printer over this connection (protocol 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Control {
    /// Not known yet.
    #[default]
    Unknown,
    /// Everything.
    Full,
    /// The firmware takes print commands only from the vendor's own programs; lamps and camera still work.
    Limited,
}

/// What the printer is doing, in its own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Status {
    Failed,
    Finish,
    Idle,
    Init,
    Pause,
    Prepare,
    Running,
    Slicing,
}

impl Status {
    /// Whether a job is under way.
    pub fn is_active(self) -> bool {
        matches!(self, Self::Prepare | Self::Slicing | Self::Running | Self::Pause)
    }
}

/// The speed profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Speed {
    Silent,
    Standard,
    Sport,
    Ludicrous,
}

/// A thing with a temperature and a target, °C.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Heater {
    /// Measured.
    pub actual: Option<f32>,
    /// Wanted; 0 is off.
    pub target: Option<f32>,
}

/// Which nozzle; a printer with one has a right one only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The only or right nozzle, the vendor's number 0.
    Right,
    /// The left nozzle, the vendor's number 1.
    Left,
}

/// A fan, in percent, with the speed that a bare "on" gives back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fan {
    /// Speed now; 0 is off.
    pub percent: Option<u8>,
    /// The last speed above 0.
    pub last_on: Option<u8>,
}

/// Which fan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum FanKind {
    Part,
    Aux,
    Chamber,
    SecondAux,
}

/// Which lamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum LightKind {
    Chamber,
    Work,
    Heatbed,
}

/// The fans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fans {
    /// Part cooling.
    pub part: Fan,
    /// Auxiliary.
    pub aux: Fan,
    /// Chamber or exhaust.
    pub chamber: Fan,
    /// Second auxiliary.
    pub second_aux: Fan,
    /// Heat break; not controllable, percent.
    pub heatbreak: Option<u8>,
}

impl Fans {
    /// One of the fans that can be set.
    pub fn get(&self, kind: FanKind) -> Fan {
        match kind {
            FanKind::Part => self.part,
            FanKind::Aux => self.aux,
            FanKind::Chamber => self.chamber,
            FanKind::SecondAux => self.second_aux,
        }
    }
}
