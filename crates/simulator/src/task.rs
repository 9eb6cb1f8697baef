//! What the cloud keeps of the prints that it sent.
use super::job::Ids;
use super::machine::Machine;
use super::model::Place;
use super::parts::count;
use std::collections::VecDeque;

/// So many tasks are kept of each printer.
const MOST: usize = 20;
/// Seconds in an hour.
const HOUR: i64 = 3600;

/// `status` of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// 1: on its way to the printer.
    Created,
    /// 2.
    Finished,
    /// 3: failed or cancelled.
    Ended,
    /// 4.
    Running,
}

impl Status {
    /// Its number in the cloud's words.
    pub fn number(self) -> u8 {
        match self {
            Self::Created => 1,
            Self::Finished => 2,
            Self::Ended => 3,
            Self::Running => 4,
        }
    }
}

/// What one slot gives to a print.
#[derive(Clone, Debug, PartialEq)]
pub struct SlotUse {
    /// The unit's number; `None` is outside.
    pub unit: Option<u16>,
    /// The slot in it.
    pub slot: u8,
    /// 0 right or only, 1 left.
    pub nozzle: u8,
    /// `tray_info_idx`.
    pub filament_id: String,
    /// The material.
    pub material: String,
    /// RRGGBBAA.
    pub color: String,
    /// g.
    pub weight_g: f64,
}

/// A print that the cloud sent. Times are the reader's seconds since the printer was made, negative before.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// Its numbers in the printer's reports; the cloud lists it under [`Ids::listed`].
    pub ids: Ids,
    /// Its name.
    pub title: String,
    /// The plate, from 1.
    pub plate: u32,
    /// How it stands.
    pub status: Status,
    /// When it began.
    pub began: i64,
    /// When it ended.
    pub ended: Option<i64>,
    /// What the slicer thinks it takes, in the printer's own seconds.
    pub estimate_s: u32,
    /// g, as sliced for the whole of it.
    pub weight_g: f64,
    /// The same in cm.
    pub length_cm: u32,
    /// What each slot gives.
    pub slots: Vec<SlotUse>,
}

fn two_places(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// The text between the quotes of JSON.
fn plain(name: &str) -> String {
    serde_json::from_str(&format!("\"{name}\"")).unwrap_or_else(|_| name.to_owned())
}

#[allow(clippy::cast_possible_truncation, reason = "seconds of a demo")]
fn seconds(value: f64) -> i64 {
    value.floor() as i64
}

impl Machine {
    fn slot_use(&self, spool: usize, share: f64) -> SlotUse {
        let outside = spool.checked_sub(self.model.external());
        let reel = match outside {
            Some(holder) => self.externals.get(holder).or_else(|| self.externals.first()),
            None => self.spools.get(spool),
        };
        let (unit, slot) = match self.model.place(spool) {
            Place::Unit(kit, slot) => (Some(kit.id), slot),
            Place::External => (None, 0),
        };
        let [material, filament_id, color] =
            reel.map_or([""; 3], |reel| [reel.kind(), reel.code(), reel.colour()]).map(str::to_owned);
        SlotUse {
            unit,
            slot: u8::try_from(slot).unwrap_or_default(),
            nozzle: u8::try_from(self.model.nozzle_of(spool)).unwrap_or_default(),
            filament_id,
            material,
            color,
            weight_g: two_places(self.weight_g() * share),
        }
    }

    /// What each slot gives to the job, in the order in which they first feed.
    fn slot_uses(&self) -> Vec<SlotUse> {
        let feeds = self.job_spools();
        let ends = feeds.iter().skip(1).map(|(from, _)| *from).chain([1.0]);
        let mut shares: Vec<(usize, f64)> = Vec::new();
        for ((from, spool), to) in feeds.iter().zip(ends) {
            match shares.iter_mut().find(|(known, _)| known == spool) {
                Some((_, share)) => *share += to - from,
                None => shares.push((*spool, to - from)),
            }
        }
        shares.into_iter().map(|(spool, share)| self.slot_use(spool, share)).collect()
    }

    fn new_task(&self, began: i64, status: Status) -> Task {
        let ahead: f64 = self.model.facts().steps.iter().map(|step| step.seconds).sum();
        Task {
            ids: self.ids,
            title: plain(self.job_name()),
            plate: self.job_plate(),
            status,
            began,
            ended: None,
            estimate_s: count(ahead + self.seconds()),
            weight_g: two_places(self.weight_g()),
            // Some three metres of it weigh 9 g.
            length_cm: count(self.weight_g() * 33.5),
            slots: self.slot_uses(),
        }
    }

    /// The cloud makes a task for the job that begins, if it knows of it.
    pub(super) fn list_task(&mut self) {
        self.end_task(Status::Ended);
        if self.job_kind() == "cloud" {
            let task = self.new_task(seconds(self.age), Status::Created);
            self.tasks.push_front(task);
            self.tasks.truncate(MOST);
        }
    }

    /// The printer has begun with what it was sent.
    pub(super) fn run_task(&mut self) {
        if let Some(task) = self.tasks.front_mut().filter(|task| task.status == Status::Created) {
            task.status = Status::Running;
        }
    }

    /// The job ended.
    pub(super) fn end_task(&mut self, status: Status) {
        let now = seconds(self.age);
        if let Some(task) = self.tasks.front_mut().filter(|task| task.ended.is_none()) {
            task.status = status;
            task.ended = Some(now);
        }
    }

    /// The newest task began so long ago.
    pub(super) fn backdate_task(&mut self, by: f64) {
        let (began, running) = (seconds(self.age - by), self.busy());
        if let Some(task) = self.tasks.front_mut().filter(|task| running && task.ended.is_none()) {
            task.began = began;
            task.status = Status::Running;
        }
    }

    /// So many more prints from before those, an hour each, the last one two days ago.
    pub(super) fn remember_more(&mut self, prints: u32) {
        for number in 0..prints {
            let ended = 48 + 2 * i64::from(number);
            let mut task = self.new_task(-(ended + 1) * HOUR, Status::Finished);
            task.ids = task.ids.before(10 + u64::from(number));
            task.ended = Some(-ended * HOUR);
            task.title = format!("Earlier {}", number + 1);
            self.tasks.push_back(task);
        }
    }

    /// Prints of yesterday, as a printer that is not new has them.
    pub(super) fn remember_tasks(&mut self) {
        let past = [(Status::Finished, 3, 2), (Status::Ended, 9, 8), (Status::Finished, 27, 21)];
        let mut tasks = VecDeque::new();
        for (status, began, ended) in past {
            let mut task = self.new_task(-began * HOUR, status);
            let older = tasks.len() as u64 + 1;
            task.ids = task.ids.before(older);
            task.ended = Some(-ended * HOUR);
            task.title = format!("Yesterday {older}");
            tasks.push_back(task);
        }
        self.tasks = tasks;
    }
}
