//! Which job it is (`docs/automations.md`): by the numbers that the printer and the cloud give it, else by when
//! it began.

use std::time::Duration;

use crate::ledger::{Named, Phase};
use crate::record::{JobClass, JobRecord};
use crate::{JobIds, JobKind, Now, Status, Text};

use super::Tracker;
use super::holds::YOUNG;
use super::seen::Seen;
use super::states::Doing;

/// Both numbers, if it has one of them.
pub(super) fn pair(ids: &JobIds) -> Option<[Option<&str>; 2]> {
    let pair = [ids.task.as_deref(), ids.subtask.as_deref()];
    pair.iter().any(Option::is_some).then_some(pair)
}

/// The same of a record.
pub(super) fn recorded(record: &JobRecord) -> Option<[Option<&str>; 2]> {
    let pair = [record.task_id.as_deref(), record.subtask_id.as_deref()];
    pair.iter().any(Option::is_some).then_some(pair)
}

/// Whether the printer gives another number now than the record has. One that is missing is no other one:
/// some firmware forgets them at the end.
pub(super) fn differs(record: &JobRecord, ids: &JobIds) -> bool {
    let both = [(&record.task_id, &ids.task), (&record.subtask_id, &ids.subtask)];
    both.iter().any(|(old, new)| old.is_some() && new.is_some() && old != new)
}

/// Whether the cloud can know of it: numbers from the local network are short (3025, 9012 in the captures).
pub(super) fn is_of_cloud(record: &JobRecord) -> bool {
    let long = |id: &Option<Text>| id.as_ref().is_some_and(|id| id.len() >= 6);
    long(&record.task_id) || long(&record.subtask_id)
}

/// How names of the printer's own calibrations begin, on all series (protocol 20.3).
const OF_THE_PRINTER: &str = "auto_cali_for_user";
/// Names of the slicer's.
const CALIBRATIONS: [&str; 4] =
    ["auto_filament_cali", "extrusion_cali", "abs_flowcalib_cali", "user_cali_manual_pa"];
/// How names of the slicer's calibration prints end.
const CALIBRATION_MODE: &str = "_calib_mode";

/// What kind of job it is, by what the printer calls it, where its file lies and what that is called.
pub(super) fn class(seen: &Seen) -> JobClass {
    let is_calibration = |text: &Text| {
        let name = text.rsplit('/').next().unwrap_or_default();
        let stem = name.split_once(".gcode").map_or(name, |(stem, _)| stem).trim_end_matches(".3mf");
        text.starts_with("/usr/")
            || stem.starts_with(OF_THE_PRINTER)
            || CALIBRATIONS.contains(&stem)
            || stem.ends_with(CALIBRATION_MODE)
    };
    if seen.kind == Some(JobKind::System)
        || [&seen.file, &seen.name].into_iter().flatten().any(is_calibration)
    {
        JobClass::Calibration
    } else {
        JobClass::Print
    }
}

impl Tracker {
    /// What the printer called its last job: a new one that still has that has not got its own yet.
    fn old_names(&self) -> (Option<[Option<&str>; 2]>, Option<&str>) {
        let Named { task, subtask, name } = &self.ledger.told_of.rested;
        let pair = [task.as_deref(), subtask.as_deref()];
        (pair.iter().any(Option::is_some).then_some(pair), name.as_deref())
    }

    /// Keeps what the printer calls its job while it rests.
    pub(super) fn keep_names(&mut self, seen: &Seen) {
        let rested = &mut self.ledger.told_of.rested;
        let ids = &seen.ids;
        if (&rested.task, &rested.subtask, &rested.name) != (&ids.task, &ids.subtask, &seen.name) {
            *rested = Named { task: ids.task.clone(), subtask: ids.subtask.clone(), name: seen.name.clone() };
        }
    }

    /// The printer gives a number that the last job did not have.
    pub(super) fn has_new_ids(&self, seen: &Seen) -> bool {
        pair(&seen.ids).is_some_and(|new| self.old_names().0 != Some(new))
    }

    /// Numbers or name are not those of the last job.
    pub(super) fn is_fresh(&self, seen: &Seen) -> bool {
        self.has_new_ids(seen) || seen.name.as_deref().is_some_and(|name| self.old_names().1 != Some(name))
    }

    /// Whether the cloud can know the job that is open.
    pub(super) fn is_known_to_cloud(&self) -> bool {
        self.ledger.open.as_ref().is_some_and(is_of_cloud)
    }

    /// Whether another job took the place of the open one while nobody looked.
    pub(super) fn is_replaced(&self, seen: &Seen, gap: Duration) -> bool {
        let Some(open) = &self.ledger.open else { return false };
        let long = gap > super::LATE;
        let active = seen.status.is_some_and(Status::is_active);
        match (recorded(open), pair(&seen.ids)) {
            (Some(_), Some(_)) => differs(open, &seen.ids),
            // Numbers that come late are its own; after a long time they are another's.
            (None, Some(new)) => {
                let old = self.old_names().0 == Some(new);
                let young =
                    self.ledger.going.phase == Phase::Prepare && open.progress.unwrap_or_default() == 0;
                long && !old && !young
            }
            (Some(_), None) => {
                long && active && open.name.is_some() && seen.name.is_some() && open.name != seen.name
            }
            (None, None) => {
                active && ((long && falls(open, seen)) || (renamed(open, seen) && falls(open, seen)))
            }
        }
    }

    /// Whether what the printer says may be about another job than the open one.
    pub(super) fn is_in_doubt(&self, seen: &Seen) -> bool {
        match self.doing {
            Doing::Active | Doing::Ending(_) => self.is_other(seen) || self.is_another(seen),
            Doing::Resolving(resolving) => resolving.replaced,
            Doing::Unsynced | Doing::Rest | Doing::Arming(_) => false,
        }
    }

    /// The same while it is watched.
    pub(super) fn is_another(&self, seen: &Seen) -> bool {
        let Some(open) = &self.ledger.open else { return false };
        if recorded(open).is_some() {
            return differs(open, &seen.ids) && seen.status.is_some_and(Status::is_active);
        }
        if pair(&seen.ids).is_none() {
            return renamed(open, seen) && falls(open, seen) && seen.status.is_some_and(Status::is_active);
        }
        // Its own number came before it began, and looked like the last one's.
        let advanced =
            open.progress.is_some_and(|percent| percent > 0) || open.layer.is_some_and(|layer| layer > 0);
        (advanced || self.ledger.going.phase != Phase::Prepare)
            && self.old_names().0.is_some()
            && self.has_new_ids(seen)
    }

    /// Takes names and numbers that come later than the job: an A1 and a P1 need some messages for them.
    pub(super) fn adopt_names(&mut self, now: Now, seen: &Seen) {
        let new = self.has_new_ids(seen);
        // A job under way that gets another name, and keeps it while its figures go on, is the same one.
        let retitled =
            self.ledger.open.as_ref().is_some_and(|open| renamed(open, seen) && !falls(open, seen));
        self.live.retitled = retitled.then(|| self.live.retitled.unwrap_or(now.mono));
        let lasts = self.live.retitled.is_some_and(|since| now.mono >= since + YOUNG);
        let young = self.is_young(now) || lasts;
        let Some(open) = self.ledger.open.as_mut() else { return };
        let mut changed = false;
        if new && (recorded(open).is_none() || !differs(open, &seen.ids)) {
            let ids = &seen.ids;
            for (slot, id) in [
                (&mut open.task_id, &ids.task),
                (&mut open.subtask_id, &ids.subtask),
                (&mut open.job_id, &ids.job),
                (&mut open.project_id, &ids.project),
            ] {
                if slot.is_none() && id.is_some() {
                    slot.clone_from(id);
                    changed = true;
                }
            }
        }
        for (slot, name) in [(&mut open.name, &seen.name), (&mut open.file, &seen.file)] {
            if name.is_some() && slot != name && (young || slot.is_none()) {
                slot.clone_from(name);
                changed = true;
            }
        }
        if changed {
            self.effects.save = true;
            self.effects.ask_cloud |= new && self.is_known_to_cloud();
        }
    }
}

/// Another name, or another file: plates of one project have one name.
fn renamed(open: &JobRecord, seen: &Seen) -> bool {
    let other = |new: &Option<Text>, old: &Option<Text>| new.is_some() && old.is_some() && new != old;
    other(&seen.name, &open.name) || other(&seen.file, &open.file)
}

/// Progress and layers only rise within one job.
fn falls(open: &JobRecord, seen: &Seen) -> bool {
    let percent = open.progress.zip(seen.progress).is_some_and(|(old, new)| new.saturating_add(5) < old);
    percent || open.layer.zip(seen.layer).is_some_and(|(old, new)| new < old)
}
