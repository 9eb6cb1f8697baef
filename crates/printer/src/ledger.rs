//! The ledger of one printer: what must outlive the program so that each job is told once.
//!
//! It holds no time of the steady clock, which begins anew with each start.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Text;
use super::consumption::Meter;
use super::control::Offer;
use super::event::Event;
use super::levels::Activity;
use super::reason::Reason;
use super::record::{Counters, JobRecord};

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
    /// Whether its controls are offered.
    pub offer: Offer,
    /// What the energy meter showed last.
    pub meter: Option<Meter>,
    /// When this was last brought up to date; some minutes old at most while a job is under way.
    pub seen_at: Option<Timestamp>,
}

impl Ledger {
    /// How far the job under way is, percent; 0 where it has not said, and without one.
    pub(crate) fn progress(&self) -> u8 {
        self.open.as_ref().and_then(|open| open.progress).unwrap_or_default()
    }
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
    /// The pauses in a row of which the first was told, until it is certain that they are over.
    pub row: Option<Row>,
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
    /// The highest layer of it that was looked at: what was named up to there is told, or old.
    pub layer: u32,
    /// It goes on after its end was told: the next end changes the record and is told to nobody.
    pub silent: bool,
}

/// Pauses in a row; one, as a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// When the last one began.
    pub since: Timestamp,
    /// When it went on after the last one.
    pub runs: Option<Timestamp>,
    /// How many there were.
    pub count: u32,
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
    /// The words with which error and health messages were told, so that they go with the words they came with.
    pub words: Vec<Reason>,
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
