//! The record of one job, and the totals of all.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Text;
use super::cloud::{Task, TaskSlot, TaskStatus};
use super::reason::Reason;

/// What a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobClass {
    /// Somebody's print.
    #[default]
    Print,
    /// The printer measures itself.
    Calibration,
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum JobResult {
    Finished,
    Failed,
    Cancelled,
    /// Nobody will ever know.
    Lost,
}

impl JobResult {
    /// All words for it.
    pub const WORDS: [&'static str; 4] = ["finished", "failed", "cancelled", "lost"];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Lost => "lost",
        }
    }
}

/// One job, from its first sign to its end.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct JobRecord {
    /// Names it among the jobs of its printer, also across restarts.
    pub key: Text,
    /// What it is.
    pub class: JobClass,
    /// Its name.
    pub name: Option<Text>,
    /// The file it was printed from.
    pub file: Option<Text>,
    /// The sender's number of it.
    pub task_id: Option<Text>,
    /// The number of this run.
    pub subtask_id: Option<Text>,
    /// What else it is called by: older firmware has a number of its own for the job and one for the project,
    /// and it is under one of all these that the cloud lists it.
    pub job_id: Option<Text>,
    /// See there.
    pub project_id: Option<Text>,
    /// Where it came from: `cloud`, `local`, `system`.
    pub origin: Option<Text>,
    /// When it began, as well as that is known.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How it ended; `None` while it is open, and for one of the cloud's list that failed or was cancelled:
    /// the cloud does not tell these apart.
    pub result: Option<JobResult>,
    /// Why it ended like that.
    pub reason: Option<Reason>,
    /// Seconds in which it was paused.
    pub paused_s: u64,
    /// Percent done when it was last seen.
    pub progress: Option<u8>,
    /// Layer it was last seen at.
    pub layer: Option<u32>,
    /// Layers in all.
    pub total_layers: Option<u32>,
    /// Filament as the slicer reckoned, g, for the whole job.
    pub planned_g: Option<f32>,
    /// The same, m.
    pub planned_m: Option<f32>,
    /// What each slot was to give.
    pub slots: Vec<TaskSlot>,
    /// Energy, kWh, where a meter was named.
    pub energy_kwh: Option<f64>,
    /// What it cost, in the currency of the configuration.
    pub cost: Option<f64>,
    /// Seen from its beginning or adopted; `false` for what is known from the cloud's list alone.
    pub observed: bool,
}

impl JobRecord {
    /// How long it took, pauses not counted; `None` while one of its ends is not known.
    pub fn duration_s(&self) -> Option<u64> {
        let whole = self.ended_at?.as_second().checked_sub(self.started_at?.as_second())?;
        Some(u64::try_from(whole).ok()?.saturating_sub(self.paused_s))
    }

    /// A job that is known from the cloud's list alone: nobody saw it.
    pub fn from_task(task: &Task) -> Self {
        let over = matches!(task.status, Some(TaskStatus::Finished | TaskStatus::Ended));
        Self {
            key: task.id.clone(),
            name: task.title.clone(),
            task_id: Some(task.id.clone()),
            origin: task
                .mode
                .as_deref()
                .map(|mode| if mode.starts_with("lan") { "local" } else { "cloud" }.into()),
            started_at: task.started_at,
            ended_at: task.ended_at.filter(|_| over),
            result: (task.status == Some(TaskStatus::Finished)).then_some(JobResult::Finished),
            planned_g: task.weight_g,
            planned_m: task.length_m,
            slots: task.slots.clone(),
            ..Self::default()
        }
    }
}

/// Totals of one printer since the gateway first saw it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Counters {
    /// Prints that were finished.
    pub finished: u64,
    /// Prints that failed.
    pub failed: u64,
    /// Prints that were cancelled.
    pub cancelled: u64,
    /// Seconds of printing, pauses not counted.
    pub printing_s: u64,
    /// Seconds of calibrating.
    pub calibrating_s: u64,
    /// Filament, g, by material.
    pub filament_g: BTreeMap<Text, f64>,
}
