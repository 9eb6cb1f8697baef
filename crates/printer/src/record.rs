//! The record of jobs: what must outlive the program so that each job is told once.
//!
//! It holds no time of the steady clock, which begins anew with each start.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Text;
use super::cloud::{Task, TaskSlot, TaskStatus};
use super::consumption::Meter;
use super::event::{Event, Reason};
use super::levels::Activity;

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

/// What is kept on disk of one printer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Ledger {
    /// Whether the printer was seen before: its first sight is told to nobody.
    pub known: bool,
    /// Number of the last event.
    pub seq: u64,
    /// Counts the jobs that have no number of their own.
    pub epoch: u64,
    /// The job that is under way.
    pub open: Option<JobRecord>,
    /// Marks of the open job: which of its events were made (`printing`, `first_layer`, `progress_50`, …).
    pub told: Vec<Text>,
    /// The job that ended last.
    pub last: Option<JobRecord>,
    /// Totals.
    pub counters: Counters,
    /// Events that the broker has not acknowledged, oldest first.
    pub pending: VecDeque<Event>,
    /// Events whose bare trigger has left, or must not leave any more: all up to this number.
    pub triggered: u64,
    /// A print lies on the plate; `None` while nobody knows.
    pub plate_occupied: Option<bool>,
    /// Drawn once by whoever makes the ledger, so that the ids of two gateways' events differ.
    pub seed: u64,
    /// How far the open job is, for whoever continues it.
    pub going: Going,
    /// What was told of the printer last, so that only what differs is told.
    pub told_of: ToldOf,
    /// Id of the event with which the last job ended.
    pub last_event: Option<Text>,
    /// What the energy meter showed last.
    pub meter: Option<Meter>,
    /// When this was last brought up to date; some minutes old at most while a job is under way.
    pub seen_at: Option<Timestamp>,
}

/// The steps of a job that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Heating, measuring, fetching the file.
    #[default]
    Prepare,
    /// Printing.
    Running,
    /// Held, and that was told.
    Paused,
}

/// How far the open job is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Going {
    /// When its record was opened, by the clock of that time.
    pub opened: Option<Timestamp>,
    /// Its step.
    pub phase: Phase,
    /// Since when it is paused.
    pub paused_at: Option<Timestamp>,
    /// That filament ran out was told of this pause.
    pub ran_out: bool,
    /// Somebody wanted it to end.
    pub cancel: Option<CancelMark>,
    /// Since when the printer is away; that was told.
    pub away_since: Option<Timestamp>,
    /// When it would end, as the printer said last.
    pub expected: Option<Timestamp>,
    /// From when on its time counts for the totals, and how many seconds of it are in them already.
    pub counted_from: Option<Timestamp>,
    /// See there.
    pub counted_s: u64,
    /// A fault was seen while it was under way.
    pub fault: bool,
    /// The printer said that it failed, then; it is waited for a sign that it was cancelled.
    pub failed_at: Option<Timestamp>,
    /// It goes on after its end was told: the next end changes the record and is told to nobody.
    pub silent: bool,
}

/// What a printer calls a job.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Named {
    /// The number of the sender's task.
    pub task: Option<Text>,
    /// The number of this run of it.
    pub subtask: Option<Text>,
    /// Its name.
    pub name: Option<Text>,
}

/// A sign that somebody wanted a job to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelMark {
    /// When.
    pub at: Timestamp,
    /// It was a command of ours.
    pub by_us: bool,
}

/// What was told of a printer last. It is only told again when it differs from this.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ToldOf {
    /// Whether it was there.
    pub online: Option<bool>,
    /// Its error.
    pub error: Option<u32>,
    /// The code of a cancelled job that stood last: it counts when it comes, not while it stands.
    pub cancel: Option<u32>,
    /// What it called its job while it rested: what a new one still has of that is old.
    pub rested: Named,
    /// Its health messages, both halves in one number.
    pub hms: Vec<u64>,
    /// Units that dry, and when each will be done.
    pub drying: BTreeMap<u8, Timestamp>,
    /// Whether its power could be cut.
    pub safe: Option<bool>,
    /// Whether its bed was cool.
    pub cooled: Option<bool>,
    /// The firmware that was offered.
    pub firmware: Option<Text>,
    /// What it was about at rest.
    pub rest: Option<Activity>,
}
