//! A job ends, once.

use jiff::Timestamp;

use crate::consumption::{self, Share};
use crate::event::{EventSource, Kind, LATE};
use crate::ledger::{CancelMark, Going, Named, Phase};
use crate::levels::Activity;
use crate::reason::Reason;
use crate::record::{JobClass, JobRecord, JobResult};
use crate::{Now, Status};

use super::holds::{CODE_AFTER, CODE_BEFORE, EXPLAINS};
use super::seen::Seen;
use super::states::{Doing, Ending};
use super::telling::Telling;
use super::{Live, Tracker, reason, since};

/// How a job ended, and how that is known.
pub(super) struct End {
    pub(super) result: JobResult,
    pub(super) at: Timestamp,
    pub(super) reason: Option<Reason>,
    pub(super) inferred: bool,
    pub(super) late: bool,
    pub(super) source: EventSource,
}

impl End {
    pub(super) fn new(result: JobResult, at: Timestamp) -> Self {
        Self { result, at, reason: None, inferred: false, late: false, source: EventSource::Report }
    }

    /// The event that tells it.
    fn telling(self, kind: Kind, going: &Going, job: JobRecord) -> Telling {
        let Self { at, reason, inferred, late, source, result: _ } = self;
        let opened = going.opened;
        Telling { opened, late, inferred, source, job: Some(job), reason, ..Telling::new(kind, at) }
    }
}

impl Tracker {
    /// The sign that somebody wanted the job to end, if it explains an end at that time.
    pub(super) fn cancelled(&self, now: Now, at: Timestamp) -> Option<CancelMark> {
        let mark = self.ledger.going.cancel?;
        // On the steady clock where it was made in this run.
        let near = match self.live.cancel {
            Some(made) => {
                let ended = now.mono.saturating_sub(since(now.wall, at));
                made.saturating_sub(ended) <= CODE_AFTER && ended.saturating_sub(made) <= CODE_BEFORE
            }
            None => since(mark.at, at) <= CODE_AFTER && since(at, mark.at) <= CODE_BEFORE,
        };
        near.then_some(mark)
    }

    /// When it ended, as well as that is known: a late end by the printer's own estimate.
    pub(super) fn ended(&self, now: Now, at: Timestamp, late: bool) -> Timestamp {
        let expected = self.ledger.going.expected.filter(|_| late && since(now.wall, at) <= LATE);
        let unseen = |end: &Timestamp| *end <= at && self.ledger.seen_at.is_none_or(|seen| *end >= seen);
        expected.filter(unseen).unwrap_or(at)
    }

    pub(super) fn end_finished(&mut self, now: Now, ending: &Ending) {
        let at = self.ended(now, ending.at, ending.late);
        self.close(now, End { late: ending.late, ..End::new(JobResult::Finished, at) });
    }

    pub(super) fn end_failed(&mut self, now: Now, seen: &Seen, ending: &Ending) {
        let mark = self.cancelled(now, ending.at).or(self.ledger.going.cancel.filter(|_| ending.late));
        let at = self.ended(now, ending.at, ending.late);
        let end = match mark {
            Some(mark) => End { reason: Some(by(mark)), ..End::new(JobResult::Cancelled, at) },
            None => End { reason: self.why_failed(now, seen), ..End::new(JobResult::Failed, at) },
        };
        self.close(now, End { late: ending.late, ..end });
    }

    /// It went to rest without a word.
    pub(super) fn end_idle(&mut self, now: Now, ending: &Ending) {
        if let Some(mark) = self.cancelled(now, ending.at) {
            self.close(now, End { reason: Some(by(mark)), ..End::new(JobResult::Cancelled, ending.at) });
            return;
        }
        let end = if self.is_done() {
            End::new(JobResult::Finished, ending.at)
        } else {
            let reason = Some(reason::word("idle_without_result"));
            End { reason, ..End::new(JobResult::Cancelled, ending.at) }
        };
        self.close(now, End { inferred: true, source: EventSource::Timer, ..end });
    }

    /// Nobody knows what became of it.
    pub(super) fn lose_job(&mut self, now: Now) {
        let end = End { inferred: true, source: EventSource::Timer, ..End::new(JobResult::Lost, now.wall) };
        self.close(now, end);
        self.doing = Doing::Unsynced;
    }

    /// Everything of it was printed, as far as its figures go.
    pub(super) fn is_done(&self) -> bool {
        let Some(open) = &self.ledger.open else { return false };
        let layers =
            open.layer.zip(open.total_layers).is_some_and(|(layer, total)| total > 0 && layer >= total);
        (open.progress == Some(100) || layers) && self.ledger.going.phase != Phase::Prepare
    }

    fn why_failed(&self, now: Now, seen: &Seen) -> Option<Reason> {
        let recent = self.live.fault.as_ref().filter(|(at, _)| now.mono.saturating_sub(*at) <= EXPLAINS);
        let mut why = reason::of_failure(&seen.health).or_else(|| recent.map(|(_, reason)| reason.clone()));
        if self.ledger.going.phase == Phase::Prepare && !self.was_told(Kind::Printing.word()) {
            why.get_or_insert_default().kind = "prepare".into();
        }
        why
    }

    /// Ends the open job: seals its record, forgets what belongs to it alone, and tells how it ended.
    pub(super) fn close(&mut self, now: Now, end: End) {
        self.end_row(now);
        let Some(record) = self.seal(now, &end) else { return };
        let told = self.was_told(Kind::Printing.word());
        let printed = told || record.layer.is_some_and(|layer| layer > 0);
        let going = self.leave_job(&record, end.late);
        if record.class == JobClass::Calibration {
            self.close_calibration(now, end, &going, record);
            return;
        }
        if printed {
            self.ledger.plate_occupied = Some(true);
        }
        self.close_print(now, end, &going, record);
    }

    /// Takes the open job's record and completes it.
    fn seal(&mut self, now: Now, end: &End) -> Option<JobRecord> {
        let paused = self.ledger.going.paused_at.take();
        self.add_pause(paused, end.at);
        self.count(end.at);
        let mut record = self.ledger.open.take()?;
        record.ended_at = (end.result != JobResult::Lost).then_some(end.at);
        record.result = Some(end.result);
        record.reason.clone_from(&end.reason);
        if end.result == JobResult::Finished {
            record.progress = Some(100);
            record.layer = record.total_layers.or(record.layer);
        }
        self.reckon(now, &mut record);
        Some(record)
    }

    /// Goes to rest and forgets what belongs to the ended job alone; returns how far that was.
    fn leave_job(&mut self, record: &JobRecord, late: bool) -> Going {
        self.ledger.told.clear();
        self.ledger.told_of.rested = Named {
            task: record.task_id.clone(),
            subtask: record.subtask_id.clone(),
            name: record.name.clone(),
        };
        self.live = Live {
            sources: self.live.sources,
            gone: std::mem::take(&mut self.live.gone),
            absent_at: self.live.absent_at,
            back_at: self.live.back_at,
            first_layer: self.live.first_layer,
            second_layer: self.live.second_layer,
            safe: self.live.safe,
            cooled: self.live.cooled,
            ..Live::default()
        };
        self.doing = Doing::Rest;
        // What follows at once from an end in a gap, as that the bed is cool, is as old.
        self.finding |= late;
        self.effects.save = true;
        std::mem::take(&mut self.ledger.going)
    }

    /// A calibration is told, and is neither counted nor shown as the last job.
    fn close_calibration(&mut self, now: Now, mut end: End, going: &Going, record: JobRecord) {
        self.ledger.told_of.rest = Some(Activity::Idle);
        let kind = match end.result {
            JobResult::Finished => Kind::CalibrationFinished,
            JobResult::Failed | JobResult::Cancelled | JobResult::Lost => Kind::CalibrationFailed,
        };
        let lost = (end.result == JobResult::Lost).then(|| reason::word("lost"));
        end.reason = end.reason.or(lost);
        self.tell(now, end.telling(kind, going, record));
    }

    /// A print is counted, told, and kept as the last job.
    fn close_print(&mut self, now: Now, end: End, going: &Going, record: JobRecord) {
        let counters = &mut self.ledger.counters;
        let (kind, rest) = match end.result {
            JobResult::Finished => {
                counters.finished += 1;
                (Kind::Finished, Activity::Finished)
            }
            JobResult::Failed => {
                counters.failed += 1;
                (Kind::Failed, Activity::Failed)
            }
            JobResult::Cancelled => {
                counters.cancelled += 1;
                (Kind::Cancelled, Activity::Cancelled)
            }
            JobResult::Lost => (Kind::Lost, Activity::Idle),
        };
        self.ledger.told_of.rest = Some(rest);
        if !going.silent {
            let id = self.tell(now, end.telling(kind, going, record.clone()));
            self.ledger.last_event = Some(id);
        }
        self.ledger.last = Some(record.clone());
        self.effects.closed = Some(record);
    }

    /// Adds up what an ended job took.
    fn reckon(&mut self, now: Now, record: &mut JobRecord) {
        consumption::end(self.ledger.meter, record, now.wall);
        if let Some(prices) = &self.policy.prices {
            let share = Share::of_job(record);
            record.cost = consumption::cost(record, share, self.policy.metered, prices, &self.names).total;
        }
        consumption::count(&mut self.ledger.counters, record);
    }

    /// Adds a pause that is over.
    pub(super) fn add_pause(&mut self, began: Option<Timestamp>, ended: Timestamp) {
        if let (Some(open), Some(began)) = (&mut self.ledger.open, began) {
            open.paused_s += since(ended, began).as_secs();
        }
    }

    /// Brings the totals of time up to a moment.
    pub(super) fn count(&mut self, until: Timestamp) {
        let going = &mut self.ledger.going;
        let (Some(open), Some(from)) = (&self.ledger.open, going.counted_from) else { return };
        // Of one that is away nobody knows whether it prints; when it is back its time begins anew.
        let until = going.away_since.map_or(until, |away| away.min(until));
        let paused = going.paused_at.map_or(0, |at| since(until, at).as_secs()) + open.paused_s;
        let whole = since(until, from).as_secs().saturating_sub(paused);
        let more = whole.saturating_sub(going.counted_s);
        going.counted_s += more;
        match open.class {
            JobClass::Print => self.ledger.counters.printing_s += more,
            JobClass::Calibration => self.ledger.counters.calibrating_s += more,
        }
    }

    /// What the printer is about while it rests: its own word, and for FAILED what we know of that.
    pub(super) fn note_rest(&mut self, seen: &Seen) {
        let last = self.ledger.last.as_ref().and_then(|last| last.result);
        self.ledger.told_of.rest = Some(match shown_end(seen) {
            Some(Activity::Failed) if last == Some(JobResult::Cancelled) => Activity::Cancelled,
            Some(end) => end,
            None if seen.status == Some(Status::Idle) => Activity::Idle,
            None => return,
        });
    }

    /// A whole job may have run while nobody looked: then the printer shows another one's names, or an end that
    /// the last one did not have, and what is known of the last one says nothing of it.
    pub(super) fn note_unseen(&mut self, seen: &Seen) {
        let rest = self.ledger.told_of.rest;
        let Some(word) = shown_end(seen) else { return };
        let finished = word == Activity::Finished;
        let other_end = match rest {
            Some(Activity::Finished) => !finished,
            Some(Activity::Failed | Activity::Cancelled) => finished,
            // After a calibration any word of the printer's is old.
            _ => false,
        };
        if other_end || self.is_fresh(seen) {
            let print = super::identity::class(seen) == JobClass::Print;
            self.ledger.told_of.rest = Some(if print { word } else { Activity::Idle });
            self.effects.save = true;
        }
    }
}

/// How the last job of a printer at rest ended, as the printer shows it.
fn shown_end(seen: &Seen) -> Option<Activity> {
    match seen.status? {
        Status::Finish => Some(Activity::Finished),
        Status::Failed if seen.error.is_some_and(crate::PrintError::is_cancel) => Some(Activity::Cancelled),
        Status::Failed => Some(Activity::Failed),
        _ => None,
    }
}

/// Who wanted it.
pub(super) fn by(mark: CancelMark) -> Reason {
    reason::word(if mark.by_us { "gateway" } else { "user" })
}
