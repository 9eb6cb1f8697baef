//! What stays true until something else is.

use std::sync::Arc;

use crate::ledger::Phase;
use crate::levels::{Activity, Levels};
use crate::record::{JobClass, JobRecord};

use super::Tracker;
use super::seen::Seen;

impl Tracker {
    /// Makes the levels anew and says so when they differ.
    pub(super) fn evaluate_levels(&mut self, seen: Option<&Seen>) {
        let ledger = &self.ledger;
        let before = &self.levels;
        let same = |old: &Option<Arc<JobRecord>>, new: &Option<JobRecord>| match (old, new) {
            (Some(old), Some(new)) if **old == *new => Some(Arc::clone(old)),
            (_, new) => new.clone().map(Arc::new),
        };
        let print = ledger.open.as_ref().filter(|open| open.class == JobClass::Print);
        let subject = print.or(ledger.last.as_ref());
        let ends_at = seen.and_then(|seen| seen.ends_at).or(ledger.going.expected);
        let levels = Levels {
            activity: self.activity(),
            job: same(&before.job, &ledger.open),
            last: same(&before.last, &ledger.last),
            last_event: ledger.last_event.clone(),
            started_at: subject.and_then(|job| job.started_at),
            ends_at: ends_at.filter(|_| ledger.open.is_some()),
            safe_to_power_off: self.live.safe,
            bed_cooled: self.live.cooled,
            door_open_hot: self.live.door_hot,
            plate_occupied: ledger.plate_occupied,
            offline_while_printing: ledger.going.away_since.is_some() && print.is_some(),
            withheld: ledger.offer.withheld,
            counters: ledger.counters.clone(),
            recent: Arc::clone(&before.recent),
        };
        if levels != **before {
            self.levels = Arc::new(levels);
            self.effects.levels_changed = true;
        }
    }

    /// Whether its controls are offered, by what is known of that now.
    pub(super) fn evaluate_offer(&mut self, seen: &Seen) {
        let offer = self.ledger.offer.after(seen.control_reason, seen.identity.firmware.as_deref());
        self.effects.save |= offer != self.ledger.offer;
        self.ledger.offer = offer;
    }

    /// What it is about. It never depends on whether the printer can be reached.
    fn activity(&self) -> Option<Activity> {
        let Some(open) = &self.ledger.open else {
            return self.ledger.told_of.rest.filter(|_| self.ledger.known);
        };
        Some(match (open.class, self.ledger.going.phase) {
            (JobClass::Calibration, _) => Activity::Calibrating,
            (JobClass::Print, Phase::Prepare) => Activity::Preparing,
            (JobClass::Print, Phase::Running) => Activity::Printing,
            (JobClass::Print, Phase::Paused) => Activity::Paused,
        })
    }
}
