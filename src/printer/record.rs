//! The record of jobs: what must outlive the program so that each job is told once.
//!
//! It holds no time of the steady clock, which begins anew with each start.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Text;
use super::cloud::TaskSlot;
use super::event::{Event, Reason};

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
    /// Where it came from: `cloud`, `local`, `system`.
    pub origin: Option<Text>,
    /// When it began, as well as that is known.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How it ended; `None` while it is open.
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
    /// Events whose bare trigger has left, or must not leave any more.
    pub triggered: u64,
    /// A print lies on the plate.
    pub plate_occupied: bool,
}
