//! One printer's jobs: what its moments say goes in, what happened comes out, each once.
//!
//! A [`Tracker`] decides on jobs, not on states: it keeps one record a job in a [`Ledger`], and an event is a
//! thing that the ledger did not have before. Whoever runs it stores the ledger first and tells second; with
//! that, a program that is killed anywhere tells everything once, or again under the same id.
//! Must not know: files, the local broker, the clock.

use std::sync::Arc;
use std::time::Duration;

use super::cloud::Task;
use super::event::Event;
use super::levels::Levels;
use super::record::{JobRecord, Ledger};
use super::{Now, Serial, Snapshot};

/// What becomes of a job that is under way when a printer is seen for the first time ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FirstSight {
    /// It is recorded, and nobody is told that it began.
    #[default]
    AdoptSilently,
    /// It is told like any other.
    Tell,
}

/// What a tracker is to hold to; the defaults are those of `docs/automations.md`.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// What becomes of a job at first sight.
    pub first_sight: FirstSight,
    /// How old an event may be for its bare trigger to leave.
    pub late_window: Duration,
    /// At which temperature the bed is cool enough to take a print off, °C.
    pub bed_cool: f32,
    /// Below which a nozzle makes no trouble without its fan, °C.
    pub nozzle_safe: f32,
    /// The same for the bed, °C.
    pub bed_safe: f32,
    /// Events that wait for the broker, at most.
    pub pending: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            first_sight: FirstSight::AdoptSilently,
            late_window: Duration::from_secs(15 * 60),
            bed_cool: 40.0,
            nozzle_safe: 50.0,
            bed_safe: 45.0,
            pending: 200,
        }
    }
}

/// What should be done, in this order.
#[derive(Debug, Clone, PartialEq, Default)]
#[allow(clippy::struct_excessive_bools, reason = "independent wishes")]
pub struct Effects {
    /// Store [`Tracker::ledger`], before anything below leaves.
    pub save: bool,
    /// Tell these, in their order; they wait in [`Ledger::pending`] until [`Tracker::delivered`].
    pub events: Vec<Event>,
    /// Append this to the history.
    pub closed: Option<JobRecord>,
    /// Ask the cloud for its list of tasks, and give the answer to [`Tracker::tasks`], also that there is none.
    pub ask_cloud: bool,
    /// Ask the printer for everything.
    pub ask_everything: bool,
    /// [`Tracker::levels`] are not what they were.
    pub levels_changed: bool,
    /// So many waiting events were dropped, oldest first, because too many wait.
    pub dropped: u32,
}

/// One printer's jobs and what else happens to it.
pub struct Tracker {
    serial: Serial,
    options: Options,
    ledger: Ledger,
    levels: Arc<Levels>,
}

impl Tracker {
    /// Goes on where a ledger ends; an empty one is a printer that was never seen.
    pub fn new(serial: Serial, ledger: Ledger, options: Options) -> Self {
        Self { serial, options, ledger, levels: Arc::default() }
    }

    /// Takes the printer as it is now: after each change of its snapshot, and at [`Tracker::deadline`].
    pub fn observe(&mut self, _now: Now, _snapshot: &Snapshot) -> Effects {
        let _ = (&self.serial, &self.options);
        Effects::default()
    }

    /// Takes the cloud's answer to [`Effects::ask_cloud`], newest first.
    pub fn tasks(&mut self, _now: Now, _answer: Result<&[Arc<Task>], ()>) -> Effects {
        Effects::default()
    }

    /// A stop of ours was acknowledged.
    pub fn stop_sent(&mut self, _now: Now) {}

    /// The broker has acknowledged an event.
    pub fn delivered(&mut self, id: &str) -> Effects {
        let before = self.ledger.pending.len();
        self.ledger.pending.retain(|event| event.id != id);
        Effects { save: self.ledger.pending.len() != before, ..Effects::default() }
    }

    /// Whether the bare triggers of an event may leave, asked when the event itself leaves; they may once,
    /// and not when it is too old. The ledger is to be stored before they do.
    pub fn may_trigger(&mut self, now: Now, event: &Event) -> bool {
        if event.seq <= self.ledger.triggered {
            return false;
        }
        self.ledger.triggered = event.seq;
        let age = Duration::try_from(now.wall.duration_since(event.at)).unwrap_or_default();
        !event.triggers().is_empty() && age <= self.options.late_window
    }

    /// What the energy meter that was named shows.
    pub fn energy(&mut self, _now: Now, _kwh: f64) {}

    /// The next moment at which [`Tracker::observe`] would change anything by time alone, on the steady clock.
    pub fn deadline(&self) -> Option<Duration> {
        None
    }

    /// To be stored as it is.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What follows from the jobs.
    pub fn levels(&self) -> &Arc<Levels> {
        &self.levels
    }

    /// A person took the print off.
    pub fn clear_plate(&mut self, _now: Now) -> Effects {
        Effects::default()
    }
}
