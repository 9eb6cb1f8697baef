//! What leads from one state of a printer to another.
//!
//! Printers contradict themselves for some seconds at each edge: names come after states, codes before or after
//! the end they explain. So an edge opens a hold, and what is told is what is so when the hold ends.

use std::time::Duration;

use jiff::Timestamp;

use crate::event::{Kind, LATE};
use crate::ledger::Phase;
use crate::reason::Reason;
use crate::{Now, Status, stage};

use super::holds::{
    HOLD_CLOCK, HOLD_FAILED, HOLD_FINISH, HOLD_IDLE, LEAP, LEAPT, LOST, PAUSED, PRINTS, RENAMED, SETTLED,
    YOUNG,
};
use super::open::Beginning;
use super::seen::Seen;
use super::states::{Arming, Doing, Ending, Resolving};
use super::{Tracker, identity, reason, since};

impl Tracker {
    /// Makes one turn; says whether another one may follow at once.
    pub(super) fn advance(&mut self, now: Now, seen: &Seen, before: Option<&Seen>) -> bool {
        let synced = seen.is_synced();
        match self.doing {
            Doing::Unsynced if synced => self.settle(now, seen),
            Doing::Unsynced => self.give_up(now),
            Doing::Rest if synced => self.rest(now, seen, before),
            Doing::Arming(arming) if synced => self.arm(now, seen, before, arming),
            Doing::Active if synced => self.follow(now, seen),
            Doing::Ending(ending) => self.end(now, seen, ending),
            Doing::Resolving(resolving) => self.resolve(now, seen, resolving),
            Doing::Rest | Doing::Arming(_) | Doing::Active => false,
        }
    }

    /// Something may have been missed from now on.
    pub(super) fn lose_sync(&mut self, now: Now) {
        self.live.gone.clear();
        self.synced = false;
        self.unsure_since = Some(now.mono);
        self.live.pause = None;
        self.live.renamed = None;
        (self.live.prints, self.live.first_layer, self.live.second_layer) = (None, None, None);
        match self.doing {
            Doing::Ending(ending) if ending.how != Status::Idle => {}
            Doing::Resolving(_) => {}
            _ => self.doing = Doing::Unsynced,
        }
    }

    /// How long nobody looked.
    pub(super) fn gap(&self, now: Now) -> Duration {
        match (self.heard, self.ledger.seen_at) {
            (Some(heard), _) => now.mono.saturating_sub(heard.mono) + self.slept,
            (None, Some(seen_at)) => since(now.wall, seen_at),
            (None, None) => Duration::ZERO,
        }
    }

    /// The first moment after a gap.
    fn settle(&mut self, now: Now, seen: &Seen) -> bool {
        let Some(status) = seen.status.filter(|status| *status != Status::Init) else { return false };
        if !self.ledger.known {
            return self.meet_job(now, seen);
        }
        let gap = self.gap(now);
        let late = gap > LATE;
        if self.ledger.open.is_none() {
            self.doing = if status.is_active() {
                Doing::Arming(Arming { rested: self.ledger.seen_at, ..Arming::new(now, seen, None, late) })
            } else {
                if self.ledger.told_of.rest.is_none() || status == Status::Idle {
                    self.note_rest(seen);
                } else {
                    self.note_unseen(seen);
                }
                self.keep_names(seen);
                Doing::Rest
            };
            return true;
        }
        let age = self.ledger.going.counted_from.map(|from| since(now.wall, from));
        if let Some(age) = age.filter(|age| *age < YOUNG && self.live.young_until.is_none()) {
            self.live.young_until = Some(now.mono + YOUNG.saturating_sub(age));
        }
        let away = self.ledger.going.away_since.is_some();
        if let Some(at) =
            self.ledger.going.failed_at.filter(|_| !status.is_active() && status != Status::Finish)
        {
            self.doing = Doing::Ending(Ending { at, ..Ending::new(now, Status::Failed, false, late) });
        } else if self.is_replaced(seen, gap) {
            self.doing = Doing::Resolving(Resolving::new(now, status, true, away, gap));
        } else if status.is_active() {
            self.come_back(now);
            self.doing = Doing::Active;
        } else if status == Status::Idle && (away || late) {
            self.live.rebooted = away;
            self.doing = Doing::Resolving(Resolving::new(now, status, false, away, gap));
        } else {
            let asks = late && self.is_known_to_cloud();
            if asks {
                self.ask_to_decide();
            }
            self.end_leap(now);
            self.doing = Doing::Ending(Ending::new(now, status, asks, late));
        }
        true
    }

    /// It talks again, and its job goes on.
    pub(super) fn come_back(&mut self, now: Now) {
        let Some(away) = self.ledger.going.away_since.take() else { return };
        self.effects.save = true;
        let going = &mut self.ledger.going;
        // The time that it was away does not count.
        going.counted_from = going.counted_from.and_then(|from| from.checked_add(since(now.wall, away)).ok());
        let rebooted = std::mem::take(&mut self.live.rebooted);
        if self.is_print() {
            let why = rebooted.then(|| reason::word("power_loss_resume"));
            self.tell_of_job(now, Kind::Reconnected, why);
        }
    }

    /// A printer that stays away for two days has lost its job.
    fn give_up(&mut self, now: Now) -> bool {
        let away = self.ledger.going.away_since.filter(|_| self.ledger.open.is_some());
        if away.is_some_and(|at| since(now.wall, at) >= LOST) {
            self.lose_job(now);
            return true;
        }
        false
    }

    fn rest(&mut self, now: Now, seen: &Seen, before: Option<&Seen>) -> bool {
        if seen.status.is_some_and(Status::is_active) {
            let from = before.and_then(|before| before.status);
            let rested = self.heard.map(|heard| heard.wall);
            self.doing = Doing::Arming(Arming { rested, ..Arming::new(now, seen, from, false) });
            return true;
        }
        match before {
            Some(before) if before.status != seen.status => self.note_rest(seen),
            Some(_) => {}
            None => self.note_unseen(seen),
        }
        self.keep_names(seen);
        false
    }

    fn arm(&mut self, now: Now, seen: &Seen, before: Option<&Seen>, mut arming: Arming) -> bool {
        let same = |b: &Seen| b.ids == seen.ids && b.name == seen.name && b.file == seen.file;
        if before.is_some_and(|before| !same(before)) {
            arming.changed = now.mono;
        }
        arming.running |= matches!(seen.status, Some(Status::Running | Status::Pause));
        arming.paused = (seen.status == Some(Status::Pause)).then(|| arming.paused.unwrap_or(now));
        self.doing = Doing::Arming(arming);
        let fresh = self.is_fresh(seen);
        let Some(status) = seen.status.filter(|status| *status != Status::Init) else { return false };
        if status.is_active() {
            let settled = fresh && (arming.running || now.mono >= arming.changed + SETTLED);
            if settled || now.mono >= arming.since + arming.hold(fresh) {
                self.open_armed(now, seen, &arming);
                return true;
            }
            return false;
        }
        // Back at rest: for nothing, unless it ran, got a name, failed or made an error.
        let error = seen.error.map(|error| error.0);
        let told = error.is_some() && error != arming.error;
        let moved = status != Status::Idle && arming.from.is_some_and(|from| from != status);
        if arming.running || (fresh && self.has_new_ids(seen)) || told || moved {
            self.open_armed(now, seen, &arming);
        } else {
            self.ledger.going = crate::ledger::Going::default();
            self.doing = Doing::Rest;
            self.note_rest(seen);
        }
        true
    }

    /// What was suspected is a job.
    fn open_armed(&mut self, now: Now, seen: &Seen, arming: &Arming) {
        self.open(now, seen, &Beginning { at: arming.began, rested: arming.rested, late: arming.late });
        self.live.pause = arming.paused;
    }

    /// A job under way.
    fn follow(&mut self, now: Now, seen: &Seen) -> bool {
        match self.identify(now, seen) {
            Whose::Its => {}
            // Nothing of it is known to be this job's.
            Whose::InDoubt => return false,
            Whose::Another => return true,
        }
        let Some(status) = seen.status else { return false };
        match status {
            Status::Init => return false,
            Status::Finish | Status::Failed if self.is_other(seen) => {
                // The end of another one, which nobody saw under way.
                self.doing = Doing::Resolving(Resolving::new(now, status, true, false, Duration::ZERO));
                return true;
            }
            Status::Finish | Status::Failed | Status::Idle => {
                if status == Status::Failed {
                    self.ledger.going.failed_at = Some(now.wall);
                    self.effects.save = true;
                }
                self.end_leap(now);
                self.doing = Doing::Ending(Ending::new(now, status, false, false));
                return true;
            }
            Status::Prepare | Status::Slicing | Status::Running | Status::Pause => {}
        }
        // One that prepares again is perhaps another, of which the printer has said nothing else yet.
        let again =
            matches!(status, Status::Prepare | Status::Slicing) && self.ledger.going.phase != Phase::Prepare;
        if !again {
            self.note_figures(now, seen);
        }
        self.evaluate_pause(now, seen, status);
        if self.is_print() && status == Status::Running {
            self.evaluate_milestones(now, seen);
        } else {
            self.live.prints = None;
            // Only while it prints may a single report be wrong.
            (self.live.leap, self.live.progress) = (None, self.ledger.progress());
            if status == Status::Running && self.ledger.going.phase == Phase::Prepare {
                self.ledger.going.phase = Phase::Running;
            }
        }
        false
    }

    fn evaluate_pause(&mut self, now: Now, seen: &Seen, status: Status) {
        if status != Status::Pause {
            (self.live.pause, self.live.ran_out) = (None, None);
            if self.is_in_row() {
                self.go_on(now);
            }
            return;
        }
        let told = self.is_in_row();
        if told {
            self.pause_on(now);
            if self.ledger.going.ran_out {
                return;
            }
        }
        let why = reason::of_pause(&seen.health, seen.stage, self.news(now, seen));
        if why.kind == "runout" {
            self.live.ran_out.get_or_insert(now);
        }
        if told {
            // The code may come long after the pause.
            return self.evaluate_runout(now, why);
        }
        let began = *self.live.pause.get_or_insert(now);
        if now.mono < began.mono + PAUSED {
            return;
        }
        self.count(began.wall);
        self.ledger.going.paused_at = Some(began.wall);
        self.ledger.going.phase = Phase::Paused;
        self.begin_row(began.wall);
        self.effects.save = true;
        self.finding |= self.was_found(began.mono);
        if self.is_print() {
            self.tell_of_job_at(now, began.wall, Kind::Paused, Some(why.clone()));
            self.evaluate_runout(now, why);
        }
    }

    /// That filament ran out is told of a pause once, whenever it is known.
    fn evaluate_runout(&mut self, now: Now, why: Reason) {
        let Some(at) = self.live.ran_out.filter(|_| why.kind == "runout") else { return };
        if !self.ledger.going.ran_out && self.is_print() {
            self.ledger.going.ran_out = true;
            self.effects.save = true;
            self.tell_of_job_at(now, at.wall, Kind::RunOut, Some(why));
        }
    }

    /// Keeps since when the printer lays down layers.
    pub(super) fn note_layers(&mut self, now: Now, seen: &Seen) {
        let layer = seen.layer.filter(|_| seen.status == Some(Status::Running) && prints(seen));
        let at =
            |least: u32, before: Option<Now>| layer.filter(|layer| *layer >= least).and(before.or(Some(now)));
        self.live.first_layer = at(1, self.live.first_layer);
        self.live.second_layer = at(2, self.live.second_layer);
    }

    /// When the open job was seen to come so far: not before it began.
    fn in_job(&self, at: Now) -> Timestamp {
        self.ledger.going.opened.map_or(at.wall, |opened| at.wall.max(opened))
    }

    /// What is told once, while it prints.
    fn evaluate_milestones(&mut self, now: Now, seen: &Seen) {
        let layer = seen.layer.unwrap_or_default();
        let began = prints(seen) && !seen.awaits_progress && seen.stage.is_some_and(|stage| stage.0 == 0);
        self.live.prints = began.then(|| self.live.prints.unwrap_or(now));
        if self.ledger.going.phase == Phase::Prepare {
            let long = self.live.prints.filter(|at| now.mono >= at.mono + PRINTS);
            let Some(began) = self.live.first_layer.or(long) else { return };
            self.ledger.going.phase = Phase::Running;
            self.once(now, self.in_job(began), Kind::Printing);
        }
        if let Some(done) = self.live.second_layer {
            self.once(now, self.in_job(done), Kind::FirstLayer);
        }
        self.evaluate_layers(now, seen);
        if seen.awaits_progress {
            return;
        }
        let percent = seen.progress.unwrap_or_default();
        self.note_progress(now, percent);
        if self.leaps(now, percent) {
            return;
        }
        self.tell_progress(now);
        let total = seen.total_layers.filter(|total| *total > 0);
        let last = total.is_some_and(|total| layer >= total) || percent >= 99;
        let ends = last && (seen.nothing_left || seen.stage.is_some_and(|stage| stage.0 == 22));
        self.live.finishes = ends.then(|| self.live.finishes.unwrap_or(now));
        if let Some(began) = self.live.finishes.filter(|_| !self.is_young(now)) {
            self.once(now, began.wall, Kind::Finishing);
        }
    }

    /// Whether the progress is one that may be gone with the next report: almost at the end, from far below.
    fn leaps(&mut self, now: Now, percent: u8) -> bool {
        let leap = percent >= LEAPT && self.live.progress < 75;
        let since = leap.then(|| self.live.leap.unwrap_or(now.mono));
        self.live.leap = since.filter(|at| now.mono < *at + LEAP);
        if self.live.leap.is_none() {
            self.live.progress = percent;
        }
        self.live.leap.is_some()
    }

    /// The job goes with the progress that it has: whether that falls again does not turn out any more. The record
    /// has it, also after a restart.
    fn end_leap(&mut self, now: Now) {
        self.live.leap = None;
        let reached = self.ledger.progress();
        if reached >= LEAPT && self.is_print() && self.ledger.going.phase != Phase::Prepare {
            self.note_progress(now, reached);
            self.tell_progress(now);
        }
    }

    /// Keeps which mark was passed, and when.
    fn note_progress(&mut self, now: Now, percent: u8) {
        let passed = [95, 75, 50, 25].into_iter().find(|mark| percent >= *mark);
        self.live.passed = passed.map(|mark| match self.live.passed {
            Some((old, at)) if old == mark => (mark, at),
            _ => (mark, now),
        });
    }

    /// Tells the mark that was passed; after a leap only the highest is news.
    fn tell_progress(&mut self, now: Now) {
        if let Some((mark, at)) = self.live.passed.filter(|_| !self.is_young(now)) {
            for lower in [25, 50, 75].into_iter().filter(|lower| *lower < mark) {
                self.mark(Kind::Progress(lower));
            }
            self.once(now, at.wall, Kind::Progress(mark));
        }
    }

    /// A job whose end was said.
    fn end(&mut self, now: Now, seen: &Seen, mut ending: Ending) -> bool {
        let synced = seen.is_synced();
        let status = seen.status.filter(|status| synced && *status != Status::Init);
        let held = now.mono.saturating_sub(ending.since);
        if ending.asks && held < HOLD_CLOCK {
            return false;
        }
        match (ending.how, status) {
            (Status::Failed | Status::Idle, Some(Status::Finish)) => {
                ending.how = Status::Finish;
                ending.since = now.mono;
                self.doing = Doing::Ending(ending);
                true
            }
            (Status::Idle, Some(Status::Failed)) => {
                ending.how = Status::Failed;
                ending.since = now.mono;
                self.doing = Doing::Ending(ending);
                true
            }
            // It was only said to be at rest.
            (Status::Idle, Some(status)) if status.is_active() => {
                if self.is_other(seen) {
                    self.end_idle(now, &ending);
                } else {
                    self.doing = Doing::Active;
                }
                true
            }
            (Status::Finish, status) => {
                let over = status.is_some_and(|status| status != Status::Finish);
                if over || held >= HOLD_FINISH {
                    self.end_finished(now, &ending);
                    return true;
                }
                false
            }
            (Status::Failed, status) => {
                let over = status.is_some_and(Status::is_active);
                if over || held >= HOLD_FAILED || self.cancelled(now, ending.at).is_some() {
                    self.end_failed(now, seen, &ending);
                    return true;
                }
                false
            }
            _ => {
                if held >= HOLD_IDLE || self.cancelled(now, ending.at).is_some() {
                    self.end_idle(now, &ending);
                    return true;
                }
                false
            }
        }
    }

    /// Whether it is another job that is under way now.
    pub(super) fn is_other(&self, seen: &Seen) -> bool {
        self.ledger.open.as_ref().is_some_and(|open| identity::differs(open, &seen.ids))
    }

    /// When time alone leads on.
    pub(super) fn doing_deadline(&self, now: Now, seen: &Seen) -> Option<Duration> {
        match self.doing {
            Doing::Arming(arming) if seen.is_synced() => {
                let fresh = self.is_fresh(seen);
                let settled = fresh.then_some(arming.changed + SETTLED);
                let armed = arming.since + arming.hold(fresh);
                // While it says nothing that we know, there is nothing to wait for.
                let known = seen.status.is_some_and(Status::is_active);
                known.then(|| settled.map_or(armed, |settled| settled.min(armed)))
            }
            Doing::Unsynced | Doing::Rest | Doing::Arming(_) => None,
            Doing::Active => {
                let pausing = self.live.pause.filter(|_| self.ledger.going.phase != Phase::Paused);
                let printing = self.live.prints.filter(|_| self.ledger.going.phase == Phase::Prepare);
                // Progress is evaluated when the job is no longer young.
                let renamed = self.live.renamed.map(|since| since.mono + RENAMED);
                [
                    pausing.map(|since| since.mono + PAUSED),
                    printing.map(|at| at.mono + PRINTS),
                    self.live.young_until,
                    self.live.leap.map(|at| at + LEAP),
                    renamed,
                    self.row_deadline(now),
                ]
                .into_iter()
                .flatten()
                .filter(|at| *at > now.mono)
                .min()
            }
            Doing::Ending(ending) => Some(ending.since + ending.hold()),
            Doing::Resolving(resolving) => Some(resolving.deadline()),
        }
    }

    /// Follows the names of the job under way.
    fn identify(&mut self, now: Now, seen: &Seen) -> Whose {
        if !self.is_another(seen) {
            self.live.renamed = None;
            self.adopt_names(now, seen);
            return Whose::Its;
        }
        let since = *self.live.renamed.get_or_insert(now);
        if now.mono < since.mono + RENAMED {
            return Whose::InDoubt;
        }
        self.live.renamed = None;
        self.end_leap(now);
        let status = seen.status.unwrap_or(Status::Running);
        self.doing = Doing::Resolving(Resolving::new(since, status, true, false, Duration::ZERO));
        Whose::Another
    }
}

/// Whether it lays filament down. Layers are also counted while it measures (bambuddy #1837); the end of a print has
/// no stage.
fn prints(seen: &Seen) -> bool {
    seen.stage.is_none_or(|stage| stage.0 == 0 || stage == stage::IDLE)
}

/// Which job a report is about, beside the one that is open.
enum Whose {
    Its,
    /// Another name or number, which must last before it is believed.
    InDoubt,
    Another,
}
