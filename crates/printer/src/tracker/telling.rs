//! How an event is made.

use std::time::Duration;

use jiff::Timestamp;

use crate::event::{Event, EventSource, Kind, LATE};
use crate::reason::Reason;
use crate::record::JobRecord;
use crate::{Now, Text};

use super::{Tracker, id, since};

/// What an event is made of.
pub(super) struct Telling {
    pub(super) kind: Kind,
    pub(super) at: Timestamp,
    /// The job ends with it, which was opened then.
    pub(super) opened: Option<Timestamp>,
    /// That is its time, whenever it was found.
    pub(super) dated: bool,
    pub(super) late: bool,
    pub(super) inferred: bool,
    pub(super) source: EventSource,
    pub(super) job: Option<JobRecord>,
    pub(super) reason: Option<Reason>,
    /// How many of it there were.
    pub(super) count: Option<u32>,
}

impl Telling {
    pub(super) fn new(kind: Kind, at: Timestamp) -> Self {
        let source = EventSource::Report;
        Self {
            kind,
            at,
            opened: None,
            dated: false,
            late: false,
            inferred: false,
            source,
            job: None,
            reason: None,
            count: None,
        }
    }
}

impl Tracker {
    /// Whether something that has stood since then was found after a gap.
    pub(super) fn was_found(&self, since: Duration) -> bool {
        self.missed.is_some_and(|missed| missed.found.mono == since)
    }

    /// Whether what is told now may have happened at any time in the gap.
    pub(super) fn is_found(&self, kind: Kind) -> bool {
        self.finding
            && match kind {
                // What a printer that was away says at its return is news then; what it said while we were away
                // is not.
                Kind::Online
                | Kind::ErrorRaised
                | Kind::ErrorCleared
                | Kind::HmsRaised
                | Kind::HmsCleared => !self.returned,
                // These happen now, or are news whenever they are found; of a job's beginning more is known, and
                // so of its end.
                Kind::Offline
                | Kind::OfflineWhilePrinting
                | Kind::Reconnected
                | Kind::FirmwareAvailable
                | Kind::Started
                | Kind::CalibrationStarted
                | Kind::CommandRefused => false,
                kind => !kind.is_terminal(),
            }
    }

    /// Makes an event: it waits in the ledger, which is to be stored, until the broker has it.
    pub(super) fn tell(&mut self, now: Now, what: Telling) -> Text {
        self.ledger.seq += 1;
        let seq = self.ledger.seq;
        let (serial, seed) = (self.serial.as_str(), self.ledger.seed);
        let id = match (what.opened, &what.job) {
            (Some(opened), Some(job)) => id::of_end(opened, serial, seed, &job.key),
            _ => id::ulid(what.at, serial, seed, seq),
        };
        let late = what.late || self.is_found(what.kind);
        // Found at once, or not at all: a time before that is known from elsewhere.
        let missed = self.missed.filter(|missed| late && !what.dated && what.at >= missed.found.wall);
        let event = Event {
            id: id.clone(),
            seq,
            kind: what.kind,
            at: what.at,
            since: missed.map(|missed| missed.from),
            late: late || since(now.wall, what.at) > LATE,
            inferred: what.inferred,
            source: what.source,
            job: what.job.map(Box::new),
            reason: what.reason,
            count: what.count,
        };
        self.ledger.pending.push_back(event.clone());
        while self.ledger.pending.len() > self.options.pending.max(1) {
            let pending = &mut self.ledger.pending;
            let at = pending.iter().position(|event| !event.kind.is_terminal()).unwrap_or(0);
            pending.remove(at);
            self.effects.dropped += 1;
        }
        self.effects.events.push(event);
        self.effects.save = true;
        id
    }

    /// Tells something of the job that is open, which happens now.
    pub(super) fn tell_of_job(&mut self, now: Now, kind: Kind, reason: Option<Reason>) {
        self.tell_of_job_at(now, now.wall, kind, reason);
    }

    /// The same of something that was shown before and had to last.
    pub(super) fn tell_of_job_at(&mut self, now: Now, at: Timestamp, kind: Kind, reason: Option<Reason>) {
        let job = self.ledger.open.clone();
        let reason = reason.filter(|reason| *reason != Reason::default());
        self.tell(now, Telling { job, reason, ..Telling::new(kind, at) });
    }

    /// Tells something of the printer.
    pub(super) fn tell_of_printer(
        &mut self,
        now: Now,
        kind: Kind,
        source: EventSource,
        reason: Option<Reason>,
    ) {
        self.tell(now, Telling { source, reason, ..Telling::new(kind, now.wall) });
    }
}
