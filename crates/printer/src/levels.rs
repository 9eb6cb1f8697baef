//! What follows from a printer's jobs and stays true until something else is: for automations that must not
//! miss an edge.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::record::{Counters, JobRecord};

/// What a printer is about, as people see it; unlike the printer's own word it knows how a job ended, and it
/// does not change with the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Activity {
    #[default]
    Idle,
    Preparing,
    Printing,
    Paused,
    Calibrating,
    Finished,
    Failed,
    Cancelled,
}

impl Activity {
    /// All words for it.
    pub const WORDS: [&'static str; 8] =
        ["idle", "preparing", "printing", "paused", "calibrating", "finished", "failed", "cancelled"];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Preparing => "preparing",
            Self::Printing => "printing",
            Self::Paused => "paused",
            Self::Calibrating => "calibrating",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What follows from a printer's jobs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Levels {
    /// What it is about; `None` before its first full report.
    pub activity: Option<Activity>,
    /// The job that is under way.
    pub job: Option<Arc<JobRecord>>,
    /// The job that ended last.
    pub last: Option<Arc<JobRecord>>,
    /// Id of the last job's terminal event, to know whether one has been dealt with.
    pub last_event: Option<super::Text>,
    /// When the job under way, or the last one, began.
    pub started_at: Option<Timestamp>,
    /// When the job under way will end, kept steady against the estimate's jitter.
    pub ends_at: Option<Timestamp>,
    /// Nothing would suffer from a cut of the power: at rest, cool, no drying, no update, no job.
    pub safe_to_power_off: Option<bool>,
    /// The bed is cool enough to take the print off.
    pub bed_cooled: Option<bool>,
    /// The door is open, and the bed or a nozzle behind it is hot.
    pub door_open_hot: Option<bool>,
    /// A print lies on the plate.
    pub plate_occupied: Option<bool>,
    /// The printer went away with a job under way.
    pub offline_while_printing: bool,
    /// Its controls that need the vendor's signature are not offered: what they would set is only shown.
    pub withheld: bool,
    /// Totals.
    pub counters: Counters,
    /// The last jobs, newest first, as the history has them.
    pub recent: Arc<[Arc<JobRecord>]>,
}
