//! A job ended and nobody saw it: the cloud's list of tasks decides, else what is most likely.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::cloud::{Task, TaskStatus};
use crate::event::{EventSource, LATE};
use crate::record::{JobRecord, JobResult};
use crate::{Now, Status};

use super::close::{End, by};
use super::holds::{ASKS, PATIENCE, REST, RESUME};
use super::open::{Beginning, is_earlier, is_of, row_of};
use super::seen::Seen;
use super::states::{Doing, Ending, Resolving};
use super::{Tracker, reason};

impl Tracker {
    pub(super) fn resolve(&mut self, now: Now, seen: &Seen, mut it: Resolving) -> bool {
        let status = seen.status.filter(|status| seen.is_synced() && *status != Status::Init);
        if let Some(status) = status {
            let other = self.is_other(seen);
            if status.is_active() && !it.held {
                if it.replaced || other {
                    it.replaced = true;
                    it.held = true;
                    it.began = now.wall;
                } else {
                    self.come_back(now);
                    self.doing = Doing::Active;
                    return true;
                }
            } else if !it.replaced && !other && matches!(status, Status::Finish | Status::Failed) {
                let late = it.gap > LATE;
                let asks = late && self.is_known_to_cloud();
                self.doing = Doing::Ending(Ending::new(now, status, asks, late));
                if asks {
                    self.ask_to_decide();
                }
                return true;
            }
        }
        let asks = self.is_known_to_cloud();
        it.limit = match (it.replaced, it.away) {
            (false, true) => RESUME,
            (true, _) if !asks => Duration::ZERO,
            (false, false) if !asks => REST,
            _ => PATIENCE,
        };
        let passed = now.mono.saturating_sub(it.since);
        while asks && it.verdict.is_none() && ASKS.get(it.asked).is_some_and(|ask| passed >= *ask) {
            it.asked += 1;
            self.ask_to_decide();
        }
        if !asks {
            it.asked = ASKS.len();
        }
        self.doing = Doing::Resolving(it);
        let end = match it.verdict {
            Some((finished, at)) => self.by_cloud(now, &it, finished, at),
            None if passed >= it.limit => self.by_likelihood(now, &it),
            None => return false,
        };
        let late = it.gap > LATE;
        self.close(now, End { late: end.late || late, ..end });
        if it.held {
            self.open(now, seen, &Beginning { at: it.began, rested: None, late });
        }
        true
    }

    fn by_cloud(&self, now: Now, it: &Resolving, finished: bool, at: Option<Timestamp>) -> End {
        let at = at.unwrap_or_else(|| self.ended(now, it.found, it.gap > LATE));
        let end = if finished {
            End::new(JobResult::Finished, at)
        } else if it.away && !it.replaced {
            self.power_loss(now)
        } else {
            // The cloud has one word for both.
            let whole = self.ledger.open.as_ref().is_some_and(|open| open.progress == Some(100));
            let failed = self.ledger.going.fault || whole;
            let result = if failed { JobResult::Failed } else { JobResult::Cancelled };
            let reason = self.ledger.going.cancel.filter(|_| !failed).map(by);
            End { reason, inferred: true, ..End::new(result, at) }
        };
        End { source: EventSource::Cloud, ..end }
    }

    fn by_likelihood(&self, now: Now, it: &Resolving) -> End {
        let going = &self.ledger.going;
        let ended = self.ended(now, it.found, it.gap > LATE);
        let over = going.expected.is_some_and(|end| end <= it.began);
        let nearly = self.ledger.open.as_ref().is_some_and(|open| open.progress.unwrap_or_default() >= 99);
        let done = self.is_done();
        let likely = !going.fault && (nearly || over);
        let mark =
            going.cancel.map(|mark| End { reason: Some(by(mark)), ..End::new(JobResult::Cancelled, ended) });
        let end = if it.away && !it.replaced {
            if done { End::new(JobResult::Finished, ended) } else { self.power_loss(now) }
        } else if done && it.replaced {
            // Whatever happened on the way, it came to its end.
            End::new(JobResult::Finished, ended)
        } else if let Some(cancelled) = mark {
            cancelled
        } else if likely {
            End::new(JobResult::Finished, ended)
        } else if it.replaced {
            End::new(JobResult::Lost, ended)
        } else {
            End { reason: Some(reason::word("idle_without_result")), ..End::new(JobResult::Cancelled, ended) }
        };
        End { inferred: true, source: EventSource::Timer, ..end }
    }

    fn power_loss(&self, now: Now) -> End {
        let at = self.ledger.going.away_since.unwrap_or(now.wall);
        End { reason: Some(reason::word("power_loss")), ..End::new(JobResult::Failed, at) }
    }

    /// Takes the cloud's list.
    pub(super) fn learn(&mut self, now: Now, answer: Result<&[Arc<Task>], ()>) {
        let serial = self.serial.as_str();
        let ours: Vec<_> = answer
            .unwrap_or_default()
            .iter()
            .filter(|task| task.serial.is_empty() || task.serial.as_str() == serial)
            .collect();
        self.learn_from(ours.iter().copied());
        let over = |task: &Task| matches!(task.status, Some(TaskStatus::Finished | TaskStatus::Ended));
        let open = self.ledger.open.as_ref();
        let began = self.began();
        // An earlier run of the same task decides nothing.
        let of_run = ours.iter().copied().filter(|task| !is_earlier(task, began));
        let task = open.and_then(|open| row_of(of_run, open, began)).filter(|task| over(task));
        let ended = task.and_then(|task| task.ended_at).filter(|end| *end <= now.wall);
        match &mut self.doing {
            Doing::Ending(ending) if ending.asks => {
                ending.asks = false;
                ending.at = ended.unwrap_or(ending.at);
            }
            Doing::Resolving(it) => {
                it.verdict =
                    task.map(|task| (task.status == Some(TaskStatus::Finished), ended)).or(it.verdict);
            }
            _ => {}
        }
        // The job that is open becomes the last one when it ends here.
        let own = |task: &Task| self.ledger.open.as_ref().is_some_and(|open| is_of(task, open));
        if self.ledger.known
            && self.ledger.last.is_none()
            && let Some(task) = ours.iter().find(|task| over(task) && !own(task))
        {
            self.ledger.last = Some(JobRecord::from_task(task));
            self.effects.save = true;
        }
    }
}
