//! What happened to a printer and its jobs: the words that automations are made of (`docs/automations.md`).
//!
//! An event is told at least once and always with the same id; the names of the triggers are for ever.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Text;
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
    FirmwareAvailable,
}

/// How it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
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

/// Why it happened.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Reason {
    /// In one word: `runout`, `user`, `door`, `power_loss`, `idle_without_result` and others; empty when it
    /// is not known.
    pub kind: Text,
    /// Error code as the printer's screen shows it.
    pub code: Option<Text>,
    /// What it means.
    pub text: Option<String>,
    /// Where the vendor explains it.
    pub url: Option<String>,
    /// In one word: how bad it is.
    pub severity: Option<Text>,
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
    /// It is told later than it happened, because nobody could tell it then.
    #[serde(default)]
    pub late: bool,
    /// It follows from other things than the printer's own word for it.
    #[serde(default)]
    pub inferred: bool,
    /// How it is known.
    #[serde(default)]
    pub source: Source,
    /// The job it belongs to, as it was then.
    #[serde(default)]
    pub job: Option<Box<JobRecord>>,
    /// Why.
    #[serde(default)]
    pub reason: Option<Reason>,
}
