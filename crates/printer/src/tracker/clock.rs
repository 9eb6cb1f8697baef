//! A wall clock that is set, and a machine that sleeps.

use std::time::Duration;

use jiff::Timestamp;

use crate::Now;

use super::Tracker;
use super::holds::{CLOCK_SET_MS, LONGEST_SLEEP_MS};

impl Tracker {
    /// Moves what was stamped by a wall clock that has been set since: a Raspberry Pi boots without the time.
    pub(super) fn mend_clock(&mut self, now: Now) {
        let mono = i64::try_from(now.mono.as_millis()).unwrap_or(i64::MAX);
        let clock = now.wall.as_millisecond().saturating_sub(mono);
        let Some(before) = self.clock.replace(clock) else { return };
        let moved = clock.saturating_sub(before);
        if moved.abs() < CLOCK_SET_MS {
            self.clock = Some(before);
            return;
        }
        // The steady clock stands still while the machine sleeps, and the print goes on meanwhile. Only what began
        // a moment ago was more likely stamped by a clock that had not been set yet.
        if (0..=LONGEST_SLEEP_MS).contains(&moved) && !self.is_young(now) {
            self.slept += Duration::from_millis(moved.unsigned_abs());
            return;
        }
        let shift = |at: &mut Option<Timestamp>| {
            *at =
                at.and_then(|at| Timestamp::from_millisecond(at.as_millisecond().saturating_add(moved)).ok());
        };
        let going = &mut self.ledger.going;
        shift(&mut going.paused_at);
        if let Some(row) = &mut going.row {
            let mut at = Some(row.since);
            shift(&mut at);
            row.since = at.unwrap_or(row.since);
            shift(&mut row.runs);
        }
        shift(&mut going.away_since);
        shift(&mut going.counted_from);
        if let Some(mark) = &mut going.cancel {
            let mut at = Some(mark.at);
            shift(&mut at);
            mark.at = at.unwrap_or(mark.at);
        }
        if let Some(open) = self.ledger.open.as_mut().filter(|_| self.live.young_until.is_some()) {
            shift(&mut open.started_at);
        }
        if let Some(heard) = &mut self.heard {
            let mut at = Some(heard.wall);
            shift(&mut at);
            heard.wall = at.unwrap_or(heard.wall);
        }
    }
}
