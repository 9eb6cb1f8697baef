//! The states of a printer with respect to its jobs.

use std::time::Duration;

use jiff::Timestamp;

use crate::{Now, Status};

use super::holds::{ARMED, ASKS, HOLD_CLOCK, HOLD_FAILED, HOLD_FINISH, HOLD_IDLE, PATIENCE, UNNAMED};
use super::seen::Seen;

/// What is going on.
#[derive(Debug, Clone, Copy)]
pub(super) enum Doing {
    /// Nothing may be concluded: something was missed, and no full report came since.
    Unsynced,
    /// No job.
    Rest,
    /// Perhaps a new one.
    Arming(Arming),
    /// One is under way.
    Active,
    /// Its end was said, and may yet be said better.
    Ending(Ending),
    /// It ended unseen.
    Resolving(Resolving),
}

/// A job that begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arming {
    pub(super) since: Duration,
    pub(super) began: Timestamp,
    /// What the printer did before.
    pub(super) from: Option<Status>,
    /// When names or numbers changed last.
    pub(super) changed: Duration,
    /// It was seen doing more than preparing.
    pub(super) running: bool,
    /// Since when it pauses.
    pub(super) paused: Option<Now>,
    /// An error came since.
    pub(super) error: Option<u32>,
    pub(super) late: bool,
    /// When the printer was last seen at rest.
    pub(super) rested: Option<Timestamp>,
}

/// A job whose end was said.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ending {
    pub(super) since: Duration,
    pub(super) at: Timestamp,
    pub(super) how: Status,
    /// It happened while nobody looked: the cloud may know when.
    pub(super) asks: bool,
    pub(super) late: bool,
}

/// A job whose end was not seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Resolving {
    pub(super) since: Duration,
    /// When that was found: it ended before, or then.
    pub(super) found: Timestamp,
    /// When the one that took its place was seen under way.
    pub(super) began: Timestamp,
    /// Another job took its place.
    pub(super) replaced: bool,
    /// That one was seen under way.
    pub(super) held: bool,
    /// The printer could not be reached.
    pub(super) away: bool,
    pub(super) gap: Duration,
    /// How often the cloud was asked.
    pub(super) asked: usize,
    pub(super) limit: Duration,
    /// What the cloud says of it.
    pub(super) verdict: Option<(bool, Option<Timestamp>)>,
}

impl Arming {
    pub(super) fn new(now: Now, seen: &Seen, from: Option<Status>, late: bool) -> Self {
        Self {
            since: now.mono,
            began: now.wall,
            from,
            changed: now.mono,
            running: false,
            paused: None,
            error: seen.error.map(|error| error.0),
            late,
            rested: None,
        }
    }

    /// How long until it is believed in any case; `fresh` when it has a name or number of its own.
    pub(super) fn hold(&self, fresh: bool) -> Duration {
        if fresh || self.running { ARMED } else { UNNAMED }
    }
}

impl Ending {
    pub(super) fn new(now: Now, how: Status, asks: bool, late: bool) -> Self {
        Self { since: now.mono, at: now.wall, how, asks, late }
    }

    pub(super) fn hold(&self) -> Duration {
        match self.how {
            _ if self.asks => HOLD_CLOCK,
            Status::Finish => HOLD_FINISH,
            Status::Failed => HOLD_FAILED,
            _ => HOLD_IDLE,
        }
    }
}

impl Resolving {
    pub(super) fn new(now: Now, status: Status, replaced: bool, away: bool, gap: Duration) -> Self {
        let held = replaced && status.is_active();
        Self {
            since: now.mono,
            found: now.wall,
            began: now.wall,
            replaced,
            held,
            away,
            gap,
            asked: 0,
            limit: PATIENCE,
            verdict: None,
        }
    }

    /// The next moment that brings something by itself.
    pub(super) fn deadline(&self) -> Duration {
        let end = self.since + self.limit;
        ASKS.get(self.asked).map_or(end, |ask| (self.since + *ask).min(end))
    }
}
