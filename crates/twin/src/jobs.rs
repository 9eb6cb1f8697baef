//! The printer's jobs: the tracker, whose ledger is on the disk before anything that follows from it leaves.

use std::sync::Arc;
use std::time::Duration;

use homeassistant::event::{self, Telling};
use homeassistant::topic::Topics;
use homeassistant::{Kind, Publication};
use printer::record::JobClass;
use printer::tracker::{Effects, Tracker, TrackerOptions};
use printer::{Event, JobRecord, Ledger, Levels, Now, Policy, Serial, Snapshot, Task};

use super::delivery::{Delivery, Due};
use super::{Disk, Note, Output, Recent};

/// That the broker has an event is written with the next change, or after this: told again it says so, and a
/// memory card is spared half of the writes.
const DELIVERED_LATER: Duration = Duration::from_secs(20);

/// The jobs of one printer.
pub(crate) struct Jobs {
    pub(crate) tracker: Tracker,
    late_window: Duration,
    delivery: Delivery<u64>,
    recent: Recent,
    /// The same, as the levels have them.
    shown: Arc<[Arc<JobRecord>]>,
    /// Since when the disk does not know what the broker has.
    unwritten: Option<Duration>,
    /// It was said that too many events wait.
    overflowed: bool,
    /// The history has nothing of this printer: the cloud may, once the printer was met.
    unfilled: bool,
}

impl Jobs {
    /// Goes on where a ledger ends.
    pub(crate) fn open(
        serial: &Serial,
        ledger: Ledger,
        policy: &Arc<Policy>,
        options: TrackerOptions,
        recent: Recent,
        out: &mut Vec<Output>,
    ) -> Self {
        let mut jobs = Self {
            delivery: Delivery::new(ledger.seq),
            unwritten: None,
            overflowed: false,
            unfilled: recent.is_empty(),
            shown: Arc::from([]),
            recent,
            late_window: options.late_window,
            tracker: Tracker::new(serial.clone(), ledger, policy, options),
        };
        // A program that was killed between ledger and history lacks these there.
        let ledger = jobs.tracker.ledger();
        let ended = ledger.pending.iter().filter(|event| event.kind.is_terminal());
        let ended = ended.filter_map(|event| event.job.as_deref()).chain(ledger.last.as_ref());
        let ended: Vec<JobRecord> = ended.filter(|job| job.observed && is_print(job)).cloned().collect();
        for job in ended {
            jobs.add_if_new(job, out);
        }
        jobs.shown = jobs.recent.jobs().into();
        jobs
    }

    pub(crate) fn into_recent(self) -> Recent {
        self.recent
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        self.tracker.ledger()
    }

    /// What follows from the jobs, with the last ones.
    pub(crate) fn levels(&self) -> Arc<Levels> {
        let mut levels = Arc::clone(self.tracker.levels());
        if levels.recent != self.shown {
            Arc::make_mut(&mut levels).recent = Arc::clone(&self.shown);
        }
        levels
    }

    /// When something is due by time alone.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        let write = self.unwritten.map(|since| since + DELIVERED_LATER);
        self.tracker.deadline().into_iter().chain(write).min()
    }

    fn add(&mut self, job: JobRecord, out: &mut Vec<Output>) {
        self.recent.add(job.clone());
        out.push(Output::History(Box::new(job)));
    }

    fn add_if_new(&mut self, job: JobRecord, out: &mut Vec<Output>) {
        if !self.recent.has(&job) {
            self.add(job, out);
        }
    }

    fn store(&mut self, out: &mut Vec<Output>) {
        self.unwritten = None;
        out.push(Output::Store);
    }

    /// Does what the tracker wants done; says whether the levels are other ones. `listening` is that the local broker
    /// is there.
    pub(crate) fn follow(
        &mut self,
        now: Now,
        effects: Effects,
        listening: bool,
        out: &mut Vec<Output>,
    ) -> bool {
        let Effects {
            mut save,
            events,
            closed,
            mut ask_cloud,
            decides,
            ask_everything: _,
            mut levels_changed,
            dropped,
        } = effects;
        out.extend(events.iter().map(|event| Output::Log(Note::Event(Box::new(event.clone())))));
        if dropped > 0 && !std::mem::replace(&mut self.overflowed, true) {
            out.push(Output::Log(Note::Overflow));
        }
        if self.ledger().known && std::mem::take(&mut self.unfilled) {
            ask_cloud = true;
        }
        // A step may end two jobs: one that was missed, and one that was over before it was seen.
        let ended = events.iter().filter(|event| event.kind.is_terminal());
        let mut ended: Vec<JobRecord> =
            ended.filter_map(|event| event.job.as_deref().cloned()).filter(is_print).collect();
        if let Some(job) = &closed {
            ended.retain(|other| other.key != job.key);
        }
        ended.extend(closed);
        if !ended.is_empty() {
            for job in ended {
                self.add(job, out);
            }
            self.shown = self.recent.jobs().into();
            levels_changed = true;
        }
        if listening && !events.is_empty() {
            save |= self.mark_triggers(now);
        }
        if save {
            self.store(out);
        }
        if ask_cloud {
            out.push(Output::AskCloud { decides });
        }
        levels_changed
    }

    /// Takes the cloud's list of tasks, newest first; an error is that there is none.
    pub(crate) fn tasks(
        &mut self,
        now: Now,
        serial: &Serial,
        answer: Result<&[Arc<Task>], ()>,
        out: &mut Vec<Output>,
    ) -> Effects {
        let first = self.recent.is_empty();
        if let (true, Ok(tasks)) = (first, answer) {
            self.fill(serial, tasks, out);
            if !self.recent.is_empty() {
                out.push(Output::AskOlder);
            }
        }
        let mut effects = self.tracker.tasks(now, answer);
        effects.levels_changed |= first && answer.is_ok();
        effects
    }

    /// Takes prints of the cloud's list into the history that nobody has seen here; the list has the newest first.
    pub(crate) fn fill(&mut self, serial: &Serial, tasks: &[Arc<Task>], out: &mut Vec<Output>) {
        let before_us = |task: &&Arc<Task>| task.serial == serial.as_str() && !self.saw(task);
        let jobs = tasks.iter().rev().filter(before_us).map(|task| JobRecord::from_task(task));
        let jobs: Vec<JobRecord> = jobs.filter(|job| job.ended_at.is_some()).collect();
        for job in jobs {
            self.add_if_new(job, out);
        }
        self.shown = self.recent.jobs().into();
    }

    /// Whether a task of the cloud's list is a job that the tracker knows: it tells of that one itself.
    fn saw(&self, task: &Task) -> bool {
        let ledger = self.ledger();
        let ids =
            |job: &JobRecord| [&job.task_id, &job.subtask_id].into_iter().flatten().any(|id| *id == task.id);
        // The list may name it by another number; but no printer prints two at a time.
        let after = |job: &JobRecord| match (job.started_at, task.ended_at) {
            (Some(began), Some(ended)) => ended > began,
            _ => job.name == task.title,
        };
        let own = ledger.open.iter().chain(&ledger.last).filter(|job| job.observed);
        own.into_iter().any(|job| ids(job) || after(job))
    }

    /// Leaves the printer: what the disk does not know yet is handed to it, and until when it was looked at.
    pub(crate) fn leave(&mut self, now: Now, out: &mut Vec<Output>) {
        // What was never met has nothing to keep.
        if self.ledger().known {
            // It has nothing to tell, and what is stored next holds all that it changes.
            let Effects { .. } = self.tracker.leave(now);
            self.store(out);
        }
    }

    /// Marks the triggers of what waits; says whether there were any.
    fn mark_triggers(&mut self, now: Now) -> bool {
        let marked = self.ledger().triggered;
        let new: Vec<Event> =
            self.ledger().pending.iter().filter(|event| event.seq > marked).cloned().collect();
        for event in &new {
            if self.tracker.may_trigger(now, event) {
                self.delivery.grant(event, event.triggers());
            }
        }
        self.ledger().triggered != marked
    }

    /// The local broker has just been told everything: the triggers of what waits may leave, once that is stored.
    pub(crate) fn mark_waiting(&mut self, now: Now, out: &mut Vec<Output>) {
        self.overflowed = false;
        if self.mark_triggers(now) {
            self.store(out);
        }
    }

    pub(crate) fn on_disk(&mut self, disk: Disk) {
        match disk {
            Disk::Handed(version) => self.delivery.handed(version, self.tracker.ledger().seq),
            Disk::Stored(version) => self.delivery.stored(version),
            Disk::Refused(version) => self.delivery.refused(version),
        }
    }

    /// Tells what may leave.
    pub(crate) fn tell(&mut self, now: Now, topics: &Topics, printer: &Snapshot, out: &mut Vec<Output>) {
        let Self { tracker, delivery, .. } = self;
        let oldest = now.wall.checked_sub(self.late_window).unwrap_or(now.wall);
        let mut left = Vec::new();
        for due in delivery.due(&tracker.ledger().pending, oldest) {
            match due {
                Due::Event(event, again) => {
                    let told = event::message(topics, printer, event, Telling { at: now.wall, again });
                    out.push(Output::Event(event.seq, told));
                    left.push(event);
                }
                Due::Trigger(name) => {
                    let topic = topics.trigger(&printer.identity.serial);
                    out.push(Output::Trigger(Publication::new(Kind::Moment, topic, name)));
                }
            }
        }
        for event in left {
            delivery.left(event, event.seq);
        }
    }

    /// The connection to the local broker is gone.
    pub(crate) fn disconnected(&mut self) {
        self.delivery.disconnected();
    }

    /// The local broker has acknowledged the event of this number.
    pub(crate) fn delivered(&mut self, now: Now, number: u64) {
        let Some(id) = self.delivery.delivered(number) else { return };
        if self.tracker.delivered(&id).save {
            self.unwritten.get_or_insert(now.mono);
        }
    }

    /// Stores that the broker has events, when that has waited for long enough.
    pub(crate) fn write_late(&mut self, now: Now, out: &mut Vec<Output>) {
        if self.unwritten.is_some_and(|since| since + DELIVERED_LATER <= now.mono) {
            self.store(out);
        }
    }
}

/// The history is a list of prints: what a printer does to itself is told by events alone.
fn is_print(job: &JobRecord) -> bool {
    job.class == JobClass::Print
}
