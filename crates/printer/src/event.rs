//! What happened to a printer and its jobs: the words that automations are made of (`docs/automations.md`).
//!
//! An event is told at least once and always with the same id; the names of the triggers are for ever.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Text;
use super::reason::Reason;
use super::record::JobRecord;

/// Where events of one kind are told: a topic, and an `event` entity of Home Assistant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Group {
    /// Prints, and calibrations apart from them.
    Print,
    /// The error of the print.
    Error,
    /// Health messages.
    Hms,
    /// Filament and AMS units.
    Filament,
    /// The printer itself: reachable, cooled, firmware.
    Printer,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "`word` and `docs/automations.md` say it")]
pub enum Kind {
    Started,
    Printing,
    FirstLayer,
    /// Percent: 25, 50, 75 or 95.
    Progress(u8),
    /// One of the layers that were named.
    LayerReached,
    Paused,
    RunOut,
    Resumed,
    Finishing,
    Finished,
    Failed,
    Cancelled,
    Lost,
    OfflineWhilePrinting,
    Reconnected,
    /// The door, while it prints.
    DoorOpened,
    CalibrationStarted,
    CalibrationFinished,
    CalibrationFailed,
    ErrorRaised,
    ErrorCleared,
    HmsRaised,
    HmsCleared,
    DryingFinished,
    FilamentChanged,
    Online,
    Offline,
    SafeToPowerOff,
    BedCooled,
    /// The door is open, and the bed or a nozzle behind it is hot.
    DoorOpenHot,
    FirmwareAvailable,
    /// Somebody's command was refused.
    CommandRefused,
}

impl Group {
    /// All groups.
    pub const ALL: [Self; 5] = [Self::Print, Self::Error, Self::Hms, Self::Filament, Self::Printer];

    /// The word for it in topics and keys.
    pub fn word(self) -> &'static str {
        match self {
            Self::Print => "print",
            Self::Error => "error",
            Self::Hms => "hms",
            Self::Filament => "filament",
            Self::Printer => "printer",
        }
    }
}

impl Kind {
    /// All kinds, in the order in which a person would list them.
    pub const ALL: [Self; 35] = [
        Self::Started,
        Self::Printing,
        Self::FirstLayer,
        Self::Progress(25),
        Self::Progress(50),
        Self::Progress(75),
        Self::Progress(95),
        Self::LayerReached,
        Self::Paused,
        Self::RunOut,
        Self::Resumed,
        Self::Finishing,
        Self::Finished,
        Self::Failed,
        Self::Cancelled,
        Self::Lost,
        Self::OfflineWhilePrinting,
        Self::Reconnected,
        Self::DoorOpened,
        Self::CalibrationStarted,
        Self::CalibrationFinished,
        Self::CalibrationFailed,
        Self::ErrorRaised,
        Self::ErrorCleared,
        Self::HmsRaised,
        Self::HmsCleared,
        Self::DryingFinished,
        Self::FilamentChanged,
        Self::Online,
        Self::Offline,
        Self::SafeToPowerOff,
        Self::BedCooled,
        Self::DoorOpenHot,
        Self::FirmwareAvailable,
        Self::CommandRefused,
    ];

    /// Where it is told.
    pub fn group(self) -> Group {
        match self {
            Self::ErrorRaised | Self::ErrorCleared => Group::Error,
            Self::HmsRaised | Self::HmsCleared => Group::Hms,
            Self::DryingFinished | Self::FilamentChanged => Group::Filament,
            Self::Online
            | Self::Offline
            | Self::SafeToPowerOff
            | Self::BedCooled
            | Self::DoorOpenHot
            | Self::FirmwareAvailable
            | Self::CommandRefused => Group::Printer,
            _ => Group::Print,
        }
    }

    /// The word for it within its group: the `event_type` of the message.
    pub fn word(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Printing => "printing",
            Self::FirstLayer => "first_layer",
            Self::Progress(percent) => match percent {
                ..=25 => "progress_25",
                26..=50 => "progress_50",
                51..=75 => "progress_75",
                _ => "progress_95",
            },
            Self::LayerReached => "layer_reached",
            Self::Paused => "paused",
            Self::RunOut => "runout",
            Self::Resumed => "resumed",
            Self::Finishing => "finishing",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Lost => "lost",
            Self::OfflineWhilePrinting => "offline_while_printing",
            Self::Reconnected => "reconnected",
            Self::DoorOpened => "door_opened_while_printing",
            Self::CalibrationStarted => "calibration_started",
            Self::CalibrationFinished => "calibration_finished",
            Self::CalibrationFailed => "calibration_failed",
            Self::ErrorRaised | Self::HmsRaised => "raised",
            Self::ErrorCleared | Self::HmsCleared => "cleared",
            Self::DryingFinished => "drying_finished",
            Self::FilamentChanged => "filament_changed",
            Self::Online => "online",
            Self::Offline => "offline",
            Self::SafeToPowerOff => "safe_to_power_off",
            Self::BedCooled => "bed_cooled",
            Self::DoorOpenHot => "door_open_while_hot",
            Self::FirmwareAvailable => "firmware_available",
            Self::CommandRefused => "command_refused",
        }
    }

    /// Names of all bare triggers that may leave with it; none for what is told as an event only.
    pub fn triggers(self) -> &'static [&'static str] {
        match self {
            Self::Started => &["print_started"],
            Self::Printing => &["print_printing"],
            Self::FirstLayer => &["print_first_layer"],
            Self::Progress(percent) => match percent {
                ..=25 => &["print_progress_25"],
                26..=50 => &["print_progress_50"],
                51..=75 => &["print_progress_75"],
                _ => &["print_progress_95"],
            },
            Self::LayerReached => &["layer_reached"],
            Self::Paused => &["print_paused", WANTED, UNWANTED],
            Self::RunOut => &["print_runout"],
            Self::Resumed => &["print_resumed"],
            Self::Finishing => &["print_finishing"],
            Self::Finished => &["print_finished", "print_ended"],
            Self::Failed => &["print_failed", "print_ended"],
            Self::Cancelled => &["print_cancelled", "print_ended"],
            Self::OfflineWhilePrinting => &["offline_while_printing"],
            Self::DoorOpened => &["door_opened_while_printing"],
            Self::CalibrationFinished => &["calibration_finished"],
            Self::CalibrationFailed => &["calibration_failed"],
            Self::ErrorRaised => &["error_raised"],
            Self::ErrorCleared => &["error_cleared"],
            Self::HmsRaised => &["hms_raised"],
            Self::HmsCleared => &["hms_cleared"],
            Self::DryingFinished => &["ams_drying_finished"],
            Self::FilamentChanged => &["filament_changed"],
            Self::Online => &["printer_online"],
            Self::Offline => &["printer_offline"],
            Self::SafeToPowerOff => &["safe_to_power_off"],
            Self::BedCooled => &["bed_cooled"],
            Self::DoorOpenHot => &["door_open_while_hot"],
            Self::FirmwareAvailable => &["firmware_available"],
            // What nobody will ever know is nothing to act upon, and the others only explain.
            Self::Lost | Self::Reconnected | Self::CalibrationStarted | Self::CommandRefused => &[],
        }
    }

    /// Whether a job ends with it.
    pub fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::Finished
                | Self::Failed
                | Self::Cancelled
                | Self::Lost
                | Self::CalibrationFinished
                | Self::CalibrationFailed
        )
    }
}

/// How it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventSource {
    /// The printer said so.
    #[default]
    Report,
    /// The cloud's list of tasks.
    Cloud,
    /// A command of ours.
    Command,
    /// Time passed.
    Timer,
}

/// Something that happened, once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// A ULID that is the same each time the event is told.
    pub id: Text,
    /// Counts the events of one printer, without gaps.
    pub seq: u64,
    /// What happened.
    pub kind: Kind,
    /// When it happened, as well as that is known.
    pub at: Timestamp,
    /// Where that is not known: since when it may have happened, because nobody looked.
    #[serde(default)]
    pub since: Option<Timestamp>,
    /// It was found later than it happened, because nobody looked then. What waited for the broker is late, too
    /// ([`Event::is_late`]).
    #[serde(default)]
    pub late: bool,
    /// It follows from other things than the printer's own word for it.
    #[serde(default)]
    pub inferred: bool,
    /// How it is known.
    #[serde(default)]
    pub source: EventSource,
    /// The job it belongs to, as it was then.
    #[serde(default)]
    pub job: Option<Box<JobRecord>>,
    /// Why.
    #[serde(default)]
    pub reason: Option<Reason>,
    /// Of a resumption: how many pauses it ends, where they came in a row too fast to tell each.
    #[serde(default)]
    pub count: Option<u32>,
}

/// The trigger of a pause that a person or the file asked for.
const WANTED: &str = "print_paused_wanted";
/// The trigger of any other.
const UNWANTED: &str = "print_paused_unwanted";

/// What is told later than this after it happened is late.
pub const LATE: Duration = Duration::from_secs(60);

impl Event {
    /// Whether it is late when it is told at that time: the local broker may have been away for longer than we.
    pub fn is_late(&self, at: Timestamp) -> bool {
        self.late || (at > self.at && at.duration_since(self.at).unsigned_abs() > LATE)
    }

    /// The earliest time at which it may have happened.
    pub fn earliest(&self) -> Timestamp {
        self.since.map_or(self.at, |since| since.min(self.at))
    }

    /// Where it is told.
    pub fn group(&self) -> Group {
        self.kind.group()
    }

    /// Names of the bare triggers that leave with it, if [`super::Tracker::may_trigger`] lets them.
    pub fn triggers(&self) -> &'static [&'static str] {
        match (self.kind, self.reason.as_ref().is_some_and(Reason::is_wanted)) {
            (Kind::Paused, true) => &["print_paused", WANTED],
            (Kind::Paused, false) => &["print_paused", UNWANTED],
            (kind, _) => kind.triggers(),
        }
    }
}
