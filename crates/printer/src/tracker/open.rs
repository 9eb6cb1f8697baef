//! A job begins, and what is known of it grows.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::cloud::{Task, TaskStatus};
use crate::consumption;
use crate::event::{EventSource, Kind};
use crate::ledger::{Going, Phase};
use crate::record::{JobClass, JobRecord, JobResult};
use crate::{Now, Status, Text};

use super::holds::{CLOCK_AHEAD, POWER_ON, SENT, YOUNG};
use super::seen::Seen;
use super::states::{Arming, Doing};
use super::telling::Telling;
use super::{FirstSight, Tracker, id, identity, reason, since};

/// How a job began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beginning {
    /// When it was first seen.
    pub(super) at: Timestamp,
    /// When the printer was last seen at rest before.
    pub(super) rested: Option<Timestamp>,
    /// It was under way already when we looked.
    pub(super) late: bool,
}

impl Tracker {
    /// A printer that is seen for the first time ever. What it is at is no news.
    pub(super) fn meet_job(&mut self, now: Now, seen: &Seen) -> bool {
        self.ledger.known = true;
        self.effects.save = true;
        let active = seen.status.is_some_and(Status::is_active);
        if active && self.options.first_sight == FirstSight::AdoptSilently {
            let record = self.record(seen, self.start_told(now, seen, None));
            self.ledger.going =
                Going { opened: Some(now.wall), counted_from: Some(now.wall), ..Going::default() };
            self.ledger.open = Some(record);
            self.live.young_until = None;
            self.take_for_told(seen);
            self.take_pause_for_told(now, seen);
            self.effects.ask_cloud |= self.is_known_to_cloud();
            self.doing = Doing::Active;
        } else if active {
            self.doing = Doing::Arming(Arming::new(now, seen, None, true));
        } else {
            self.note_rest(seen);
            self.keep_names(seen);
            self.doing = Doing::Rest;
        }
        true
    }

    /// A job begins; `late` when it was under way already when we looked.
    pub(super) fn open(&mut self, now: Now, seen: &Seen, beginning: &Beginning) {
        let Beginning { at: began, rested, late } = *beginning;
        if late && self.reopen(now, seen, began) {
            return;
        }
        let told = self.start_told(now, seen, rested);
        let started_at = told.or((!late).then_some(began));
        let mut record = self.record(seen, started_at);
        consumption::begin(self.ledger.meter.filter(|_| !late), &mut record, now.wall);
        let replay = self.is_unattended_replay(now, seen);
        self.ledger.told.clear();
        let cancel = self.ledger.going.cancel.take();
        self.ledger.going =
            Going { opened: Some(began), cancel, counted_from: Some(began), ..Going::default() };
        let class = record.class;
        self.ledger.open = Some(record);
        self.live.young_until = (!late).then(|| now.mono + YOUNG.saturating_sub(since(now.wall, began)));
        self.live.fault = None;
        self.live.pause = None;
        if late {
            self.take_for_told(seen);
        }
        if class == JobClass::Print {
            self.ledger.plate_occupied = Some(false);
        }
        let kind = if class == JobClass::Print { Kind::Started } else { Kind::CalibrationStarted };
        let reason = replay.then(|| reason::word("unattended_replay"));
        self.learn_from(seen.facts.task.iter().chain(seen.facts.recent.iter().flat_map(|all| all.iter())));
        let job = self.ledger.open.clone();
        let known = job.as_ref().and_then(|job| job.started_at).filter(|at| self.may_begin(now, *at));
        let at = if late { known.unwrap_or(now.wall) } else { began };
        self.tell(now, Telling { job, reason, late, source: EventSource::Report, ..Telling::new(kind, at) });
        self.effects.ask_cloud |= self.is_known_to_cloud();
        self.effects.ask_everything |= class == JobClass::Print && seen.total_layers.unwrap_or_default() == 0;
        self.doing = Doing::Active;
    }

    /// When the printer says that its job began, where that can be: some have a clock that is hours off (bambuddy
    /// #1011), and a print from the local network may keep the time of the one before (ha-bambulab #84). `rested` is
    /// when it was last at rest, as far as that is known.
    fn start_told(&self, now: Now, seen: &Seen, rested: Option<Timestamp>) -> Option<Timestamp> {
        let ended = self.ledger.last.as_ref().and_then(|last| last.ended_at);
        let latest = now.wall.checked_add(CLOCK_AHEAD).unwrap_or(now.wall);
        let possible = |at: &Timestamp| *at <= latest && rested.max(ended).is_none_or(|rested| *at >= rested);
        seen.started_at.filter(possible)
    }

    /// Whether a job that was found may have begun then: not before the printer was seen at rest. The cloud counts
    /// from when it sent it.
    fn may_begin(&self, now: Now, at: Timestamp) -> bool {
        at <= now.wall && self.missed.is_none_or(|missed| since(missed.from, at) <= SENT)
    }

    /// A job that was given up for lost goes on: its end was told.
    fn reopen(&mut self, now: Now, seen: &Seen, began: Timestamp) -> bool {
        let ids = identity::pair(&seen.ids);
        let back = |last: &mut JobRecord| {
            last.result == Some(JobResult::Lost) && ids.is_some() && identity::recorded(last) == ids
        };
        let Some(mut record) = self.ledger.last.take_if(back) else { return false };
        consumption::take_back(&mut self.ledger.counters, &record);
        record.result = None;
        record.reason = None;
        // Its time counts anew; what it was paused before is in the record and must not count against that.
        let from = began.checked_sub(Duration::from_secs(record.paused_s)).unwrap_or(began);
        self.ledger.open = Some(record);
        self.ledger.going = Going { counted_from: Some(from), silent: true, ..Going::default() };
        self.live.young_until = None;
        self.take_for_told(seen);
        self.take_pause_for_told(now, seen);
        self.effects.save = true;
        self.doing = Doing::Active;
        true
    }

    /// The record of the job that the printer shows.
    fn record(&mut self, seen: &Seen, started_at: Option<Timestamp>) -> JobRecord {
        self.ledger.epoch += 1;
        let own = self.has_new_ids(seen).then_some(&*seen.ids);
        let mut record = JobRecord {
            class: identity::class(seen),
            name: seen.name.clone(),
            file: seen.file.clone(),
            task_id: own.and_then(|ids| ids.task.clone()),
            subtask_id: own.and_then(|ids| ids.subtask.clone()),
            job_id: own.and_then(|ids| ids.job.clone()),
            project_id: own.and_then(|ids| ids.project.clone()),
            origin: seen.kind.map(|kind| Text::from(kind.word())),
            started_at,
            // Of one that is over already nobody knows whose they are.
            total_layers: seen.total_layers.filter(|_| seen.status.is_some_and(Status::is_active)),
            observed: true,
            ..JobRecord::default()
        };
        let epoch = self.ledger.epoch;
        // A ledger that was lost is followed by one that counts from the beginning, beside the old one's history.
        let mark = id::mark(self.serial.as_str(), self.ledger.seed);
        // Numbers come again: the local network's are small, and a printer may print a task once more.
        let numbers = [&record.task_id, &record.subtask_id].map(|id| id.as_deref().unwrap_or_default());
        let run = match numbers {
            ["", ""] => format!("e{epoch}"),
            [task, subtask] if subtask.is_empty() || task == subtask => format!("{task}.{epoch}"),
            [task, subtask] => format!("{task}-{subtask}.{epoch}"),
        };
        record.key = format!("{run}.{mark}").into();
        record
    }

    /// What the job has behind it already is no news.
    fn take_for_told(&mut self, seen: &Seen) {
        if let Some(open) = &mut self.ledger.open {
            open.progress = seen.progress;
            open.layer = seen.layer;
        }
        self.ledger.going.layer = seen.layer.unwrap_or_default();
        let measures = seen.stage.is_some_and(|stage| stage.0 != 0 && stage != crate::stage::IDLE);
        let printed = seen.layer.unwrap_or_default() >= 1;
        let prepares = matches!(seen.status, Some(Status::Prepare | Status::Slicing));
        if !prepares && (printed || !measures) {
            self.ledger.going.phase = Phase::Running;
            self.mark(Kind::Printing);
        }
        if self.ledger.going.phase == Phase::Running && seen.layer.unwrap_or_default() >= 2 {
            self.mark(Kind::FirstLayer);
        }
        for percent in [25, 50, 75, 95].into_iter().filter(|mark| seen.progress.unwrap_or_default() >= *mark)
        {
            self.mark(Kind::Progress(percent));
        }
    }

    /// That it is paused, too.
    fn take_pause_for_told(&mut self, now: Now, seen: &Seen) {
        if seen.status == Some(Status::Pause) {
            self.ledger.going.phase = Phase::Paused;
            self.ledger.going.paused_at = Some(now.wall);
            self.ledger.going.ran_out = reason::of_pause(&seen.health, seen.stage, None).kind == "runout";
        }
    }

    /// A printer that lost its power may print the last file again by itself when it comes back.
    fn is_unattended_replay(&self, now: Now, seen: &Seen) -> bool {
        let Some(back) = self.live.back_at.filter(|at| now.mono.saturating_sub(*at) < POWER_ON) else {
            return false;
        };
        let again =
            self.ledger.last.as_ref().is_some_and(|last| last.name.is_some() && last.name == seen.name);
        let power = now.wall.checked_sub(now.mono.saturating_sub(back)).unwrap_or(now.wall);
        let mut recent = seen.facts.recent.iter().flat_map(|all| all.iter());
        let sent = recent.any(|task| task.started_at.is_some_and(|at| at >= power));
        again && !sent
    }

    /// What the printer says of its progress. Some firmware sets it to nothing when a job is cancelled.
    pub(super) fn note_figures(&mut self, now: Now, seen: &Seen) {
        let young = self.is_young(now);
        let counted = self.ledger.going.counted_from;
        let start = self.start_told(now, seen, counted.and_then(|from| from.checked_sub(CLOCK_AHEAD).ok()));
        let Some(open) = &mut self.ledger.open else { return };
        open.started_at = open.started_at.or(start);
        if let Some(percent) =
            seen.progress.filter(|percent| young || *percent > 0 || open.progress.is_none())
        {
            open.progress = Some(percent);
        }
        if let Some(layer) = seen.layer.filter(|layer| young || *layer > 0 || open.layer.is_none()) {
            open.layer = Some(layer);
        }
        // Fewer than were laid down are those of the next job, of which the printer tells before its number.
        let own = seen.total_layers.filter(|total| open.layer.is_none_or(|layer| layer <= *total));
        open.total_layers = own.or(open.total_layers);
        if open.origin.is_none() || young {
            open.origin = seen.kind.map(|kind| Text::from(kind.word())).or(open.origin.take());
        }
        self.ledger.going.expected = seen.ends_at.or(self.ledger.going.expected);
        if !Arc::ptr_eq(&seen.facts, self.seen.as_ref().map_or(&Arc::default(), |before| &before.facts)) {
            self.learn_from(
                seen.facts.task.iter().chain(seen.facts.recent.iter().flat_map(|all| all.iter())),
            );
        }
    }

    /// Takes from the cloud what the printer does not know of its job.
    pub(super) fn learn_from<'a>(&mut self, tasks: impl Iterator<Item = &'a Arc<Task>>) {
        let silent = self.ledger.going.silent;
        let from = self.began();
        let Some(open) = &mut self.ledger.open else { return };
        let Some(task) = row_of(tasks, open, from) else { return };
        let old = (open.planned_g, open.planned_m, open.slots.len(), open.started_at);
        open.planned_g = task.weight_g.or(open.planned_g);
        open.planned_m = task.length_m.or(open.planned_m);
        if !task.slots.is_empty() {
            open.slots.clone_from(&task.slots);
        }
        // The cloud knows when it sent the job; what it says of one that only waits there is nothing yet.
        let own = !silent && task.status != Some(TaskStatus::Created) && !is_earlier(task, from);
        let began = task.started_at.filter(|_| own);
        if let Some(began) = began
            && open.started_at.is_none_or(|own| began < own && since(own, began) < SENT)
        {
            open.started_at = Some(began);
        }
        self.effects.save |= old != (open.planned_g, open.planned_m, open.slots.len(), open.started_at);
    }

    /// Tells something of the job the first time only.
    pub(super) fn once(&mut self, now: Now, at: Timestamp, kind: Kind) {
        if self.mark(kind) {
            self.tell_of_job_at(now, at, kind, None);
        }
    }

    /// Notes that something is told; says whether it was not before.
    pub(super) fn mark(&mut self, kind: Kind) -> bool {
        let word = kind.word();
        let new = !self.was_told(word);
        if new {
            self.ledger.told.push(word.into());
            self.effects.save = true;
        }
        new
    }

    /// Whether it was told of this job.
    pub(super) fn was_told(&self, word: &str) -> bool {
        self.ledger.told.iter().any(|told| told == word)
    }

    /// Whether the figures may still be those of the job before.
    pub(super) fn is_young(&self, now: Now) -> bool {
        self.live.young_until.is_some_and(|until| now.mono < until)
    }

    /// When the open job began, or when it was met: it did not end before.
    pub(super) fn began(&self) -> Option<Timestamp> {
        let open = self.ledger.open.as_ref()?;
        open.started_at.or(self.ledger.going.counted_from)
    }

    /// Whether the open job is somebody's print.
    pub(super) fn is_print(&self) -> bool {
        self.ledger.open.as_ref().is_some_and(|open| open.class == JobClass::Print)
    }
}

/// The row of a job in the cloud's list. A task that is printed again keeps its number, so rows of earlier runs
/// may have it too: one of this run is better, and the number of the run better than that of the task.
pub(super) fn row_of<'a>(
    tasks: impl Iterator<Item = &'a Arc<Task>>,
    job: &JobRecord,
    since: Option<Timestamp>,
) -> Option<&'a Arc<Task>> {
    let run = |task: &Task| job.subtask_id.as_ref() == Some(&task.id);
    // Of equals the first, which is the newest.
    tasks.filter(|task| is_of(task, job)).min_by_key(|task| (is_earlier(task, since), !run(task)))
}

/// Whether a task was over before a job began.
pub(super) fn is_earlier(task: &Task, began: Option<Timestamp>) -> bool {
    let over = matches!(task.status, Some(TaskStatus::Finished | TaskStatus::Ended));
    over && task.ended_at.zip(began).is_some_and(|(ended, began)| ended < began)
}

/// Whether a task of the cloud is this job.
pub(super) fn is_of(task: &Task, job: &JobRecord) -> bool {
    let id = Some(&task.id).filter(|id| !id.is_empty());
    let ids = [&job.task_id, &job.subtask_id, &job.job_id, &job.project_id];
    id.is_some() && ids.into_iter().any(|own| own.as_ref() == id)
}
