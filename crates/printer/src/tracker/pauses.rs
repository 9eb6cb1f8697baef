//! Pauses that come and go: a printer may say PAUSE and RUNNING in turn, every few seconds, for minutes.
//!
//! Of such a row the first pause is told, and one resumption when it stays at work, with how many pauses it were.
//! A pause that lasted ends at once. The level of a pause that stands alone ends at once, too; in a row it stays.

use std::time::Duration;

use jiff::Timestamp;

use crate::Now;
use crate::event::Kind;
use crate::ledger::{Phase, Row};

use super::holds::{FLAPS, STAYS};
use super::telling::Telling;
use super::{Tracker, since};

impl Tracker {
    /// A pause that was told.
    pub(super) fn begin_row(&mut self, began: Timestamp) {
        self.ledger.going.row = Some(Row { since: began, runs: None, count: 1 });
    }

    /// It is paused, and that was told; or that it works again is not yet.
    pub(super) fn is_in_row(&self) -> bool {
        self.ledger.going.phase == Phase::Paused || self.ledger.going.row.is_some()
    }

    /// It works, after a pause that was told.
    pub(super) fn go_on(&mut self, now: Now) {
        let row = self.ledger.going.row;
        let runs = row.and_then(|row| row.runs).unwrap_or(now.wall);
        let paused = self.ledger.going.paused_at.take();
        self.effects.save |= paused.is_some();
        self.add_pause(paused, runs);
        let Some(row) = row.filter(|row| since(runs, row.since) < FLAPS) else {
            return self.resume(now, runs, row.map_or(1, |row| row.count));
        };
        if since(now.wall, runs) >= STAYS {
            return self.resume(now, runs, row.count);
        }
        self.ledger.going.row = Some(Row { runs: Some(runs), ..row });
        if row.count == 1 {
            self.work_on();
        }
    }

    /// The job ends: that it worked after a pause turns out to be so.
    pub(super) fn end_row(&mut self, now: Now) {
        if let Some((row, runs)) = self.ledger.going.row.and_then(|row| Some((row, row.runs?))) {
            self.resume(now, runs, row.count);
        }
    }

    /// It still pauses, or again.
    pub(super) fn pause_on(&mut self, now: Now) {
        if let Some(row) = self.ledger.going.row.filter(|row| row.runs.is_some()) {
            self.count(now.wall);
            self.ledger.going.paused_at = Some(now.wall);
            self.ledger.going.row = Some(Row { since: now.wall, runs: None, count: row.count + 1 });
            self.ledger.going.phase = Phase::Paused;
            self.effects.save = true;
        }
    }

    /// When it is known whether it stays at work.
    pub(super) fn row_deadline(&self, now: Now) -> Option<Duration> {
        let runs = self.ledger.going.row?.runs?;
        Some(now.mono + STAYS.saturating_sub(since(now.wall, runs)))
    }

    fn resume(&mut self, now: Now, at: Timestamp, count: u32) {
        self.ledger.going.row = None;
        self.ledger.going.ran_out = false;
        self.effects.save = true;
        self.work_on();
        if self.is_print() {
            let job = self.ledger.open.clone();
            self.tell(now, Telling { job, count: Some(count), ..Telling::new(Kind::Resumed, at) });
        }
    }

    /// It is no longer paused.
    fn work_on(&mut self) {
        if self.ledger.going.phase == Phase::Paused {
            self.ledger.going.phase = if self.was_told("printing") { Phase::Running } else { Phase::Prepare };
            self.effects.save = true;
        }
    }
}
