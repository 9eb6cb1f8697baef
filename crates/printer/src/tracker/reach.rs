//! Whether the printer is there. Our own connection's end says nothing of it.

use std::time::Duration;

use crate::event::{EventSource, Kind};
use crate::record::JobClass;
use crate::{Now, Reach};

use super::holds::{AFTER_LINK, AFTER_START, AFTER_START_PRINTING, LOST};
use super::seen::Seen;
use super::states::Doing;
use super::{Tracker, since};

impl Tracker {
    pub(super) fn evaluate_reach(&mut self, now: Now, seen: &Seen) {
        if seen.reach == Reach::Online {
            self.live.absent_at = None;
            if self.ledger.told_of.online.replace(true) == Some(false) {
                self.live.back_at = Some(now.mono);
                self.returned = self.linked.is_some_and(|at| now.mono >= at + AFTER_LINK);
                self.tell_of_printer(now, Kind::Online, EventSource::Report, None);
            }
            return;
        }
        // It has to be our connection that shows its absence.
        if !seen.contact.linked {
            self.live.absent_at = None;
            return;
        }
        let open = self.ledger.open.is_some();
        let away = self.ledger.going.away_since;
        if self.ledger.told_of.online == Some(false) && (!open || away.is_some()) {
            // Everything was told; what is left to wait for is the end of all hope for its job.
            self.live.absent_at = away.map(|at| now.mono + LOST.saturating_sub(since(now.wall, at)));
            return;
        }
        let before = self.seen.as_ref();
        let watched = before.is_some_and(|b| b.contact.linked && b.reach == Reach::Online);
        let grace = match seen.reach {
            Reach::Offline if watched => Duration::ZERO,
            Reach::Unheard if open => AFTER_START_PRINTING,
            Reach::Unheard => AFTER_START,
            _ => AFTER_LINK,
        };
        if now.mono < *self.live.absent_at.get_or_insert(now.mono + grace) {
            return;
        }
        self.live.absent_at = None;
        if self.ledger.told_of.online == Some(true) {
            self.ledger.told_of.online = Some(false);
            self.live.back_at = None;
            self.tell_of_printer(now, Kind::Offline, EventSource::Timer, None);
        }
        self.miss(now);
    }

    /// It went away; with a job under way that is worth telling, once.
    fn miss(&mut self, now: Now) {
        let ends = matches!(self.doing, Doing::Ending(_) | Doing::Resolving(_));
        let Some(open) = self.ledger.open.as_ref().filter(|_| !ends) else { return };
        if self.ledger.going.away_since.is_none() {
            let class = open.class;
            self.count(now.wall);
            self.ledger.going.away_since = Some(now.wall);
            self.effects.save = true;
            if class == JobClass::Print {
                self.tell_of_job(now, Kind::OfflineWhilePrinting, None);
            }
        }
    }
}
