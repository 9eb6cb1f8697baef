//! The devices below a printer: AMS units with their slots, and external spools.

use std::ops::Range;
use std::sync::LazyLock;
use std::time::Duration;

use printer::{Ams, ExternalSpool, Now, Slot, Snapshot};

use crate::catalog::{AMS, EXTERNAL, SLOT};
use crate::discovery;
use crate::entity::{Entity, Subject};
use crate::publication::Publication;
use crate::rows::{Cell, Rows, publishing, remove_topics};
use crate::topic::Part;

use super::Mirror;
use super::announced::Announced;

static AMS_PUBLISHES: LazyLock<Vec<bool>> = LazyLock::new(|| publishing(AMS));
static SLOT_PUBLISHES: LazyLock<Vec<bool>> = LazyLock::new(|| publishing(SLOT));
static EXTERNAL_PUBLISHES: LazyLock<Vec<bool>> = LazyLock::new(|| publishing(EXTERNAL));

/// A device below the printer: an AMS unit or an external spool.
pub(super) struct Child {
    pub(super) part: Part,
    pub(super) device: String,
    pub(super) announced: Option<Announced>,
    pub(super) cells: Vec<Cell>,
    /// Cells of the slots, one table after the other.
    pub(super) slot_cells: Vec<Cell>,
    pub(super) slots: usize,
    /// Its rows must be gone through: the shape changed, or something of it shall be told again.
    pub(super) stale: bool,
    /// When the first of what is held back of it is due.
    pub(super) held: Option<Duration>,
}

/// What the children are looked at for.
pub(super) struct Look<'a> {
    pub(super) now: Now,
    pub(super) snapshot: &'a Snapshot,
    pub(super) before: Option<&'a Snapshot>,
    /// When small differences count too.
    pub(super) settles: Duration,
}

impl Look<'_> {
    /// Whether this row of a table publishes a value of this subject.
    fn shows<T: Subject>(&self, table: &[Entity<T>], publishes: &[bool], at: usize, subject: &T) -> bool {
        publishes.get(at) == Some(&true)
            && table.get(at).is_some_and(|row| discovery::child_has(row, self.snapshot, subject))
    }
}

impl Child {
    /// Whether something of it is to be told though it may be the same.
    fn is_due(&self, now: Now) -> bool {
        self.stale || self.held.is_some_and(|at| now.mono >= at)
    }

    /// Forgets what was told of it.
    pub(super) fn forget(&mut self) {
        self.announced = None;
        self.cells.fill(Cell::default());
        self.slot_cells.fill(Cell::default());
    }

    /// Forgets what was told of its rows, but those of slots, with keys like that.
    pub(super) fn forget_value(&mut self, is_wanted: impl Fn(&str) -> bool) {
        let keys: Vec<&str> = match self.part {
            Part::Ams(_) => AMS.iter().map(|row| row.key).collect(),
            Part::External(_) => EXTERNAL.iter().map(|row| row.key).collect(),
            Part::Printer => Vec::new(),
        };
        for (_, cell) in keys.into_iter().zip(&mut self.cells).filter(|(key, _)| is_wanted(key)) {
            *cell = Cell::default();
            self.stale = true;
        }
    }

    /// Tells what differs of an AMS unit and its slots.
    fn publish_unit(
        &mut self,
        look: &Look<'_>,
        (old, ams): (Option<&Ams>, &Ams),
        topic: &dyn Fn(&str) -> String,
        out: &mut Vec<Publication>,
    ) {
        let Look { now, settles, .. } = *look;
        self.held = None;
        let (cells, held) = (&mut *self.cells, &mut self.held);
        let shows = |at: usize| look.shows(AMS, &AMS_PUBLISHES, at, ams);
        Rows { table: AMS, cells, topic, settles, held: &mut *held }.publish(now, ams, old, shows, out);
        let cells = self.slot_cells.chunks_mut(SLOT.len());
        for (number, (slot, cells)) in ams.slots.iter().zip(cells).enumerate() {
            let old: Option<&Slot> = old.and_then(|old| old.slots.get(number));
            let topic = |key: &str| topic(&numbered(key, number + 1));
            let shows = |at: usize| look.shows(SLOT, &SLOT_PUBLISHES, at, slot);
            Rows { table: SLOT, cells, topic: &topic, settles, held: &mut *held }
                .publish(now, slot, old, shows, out);
        }
    }

    /// Tells what differs of an external spool.
    fn publish_spool(
        &mut self,
        look: &Look<'_>,
        (old, spool): (Option<&ExternalSpool>, &ExternalSpool),
        topic: &dyn Fn(&str) -> String,
        out: &mut Vec<Publication>,
    ) {
        self.held = None;
        let (cells, held) = (&mut *self.cells, &mut self.held);
        let shows = |at: usize| look.shows(EXTERNAL, &EXTERNAL_PUBLISHES, at, spool);
        Rows { table: EXTERNAL, cells, topic, settles: look.settles, held }
            .publish(look.now, spool, old, shows, out);
    }
}

fn unit_of(snapshot: &Snapshot, id: u8) -> Option<&Ams> {
    snapshot.ams.iter().find(|ams| ams.id == id)
}

fn spool_of(snapshot: &Snapshot, number: u8) -> Option<&ExternalSpool> {
    snapshot.external.iter().find(|spool| spool.number == number)
}

impl Mirror {
    /// Makes the list of children that of the snapshot.
    pub(super) fn fit_children(&mut self, snapshot: &Snapshot, out: &mut Vec<Publication>) {
        let (topics, serial) = (&self.topics, &self.serial);
        let ams = snapshot
            .ams
            .iter()
            .filter(|ams| ams.is_announced())
            .map(|ams| (Part::Ams(ams.id), discovery::ams_id(topics, serial, ams), ams.slots.len()));
        let external = snapshot.external.iter().map(|spool| {
            (Part::External(spool.number), discovery::external_id(topics, serial, spool.number), 0)
        });
        let wanted: Vec<_> = ams.chain(external).collect();
        let keeps = |child: &Child| {
            wanted.iter().any(|(part, device, _)| *part == child.part && *device == child.device)
        };
        let (kept, mut gone): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.children).into_iter().partition(keeps);
        self.children = kept;
        for child in &gone {
            // A device that only moved is announced anew, never taken back in between.
            if !wanted.iter().any(|(_, device, _)| *device == child.device) {
                self.remove_config(&child.device, out);
            }
            remove_topics(self.child_topics(child.part, 0..child.slots), out);
        }
        for (part, device, slots) in wanted {
            if let Some(at) = self.children.iter().position(|child| child.part == part) {
                let lost = self.children.get(at).map_or(0..0, |child| slots..child.slots);
                if !lost.is_empty() {
                    remove_topics(self.slot_topics(part, lost), out);
                }
                if let Some(child) = self.children.get_mut(at) {
                    child.slots = slots;
                    child.slot_cells.resize(slots * SLOT.len(), Cell::default());
                }
                continue;
            }
            let rows = if matches!(part, Part::Ams(_)) { AMS.len() } else { EXTERNAL.len() };
            let moved = gone.iter_mut().find(|child| child.device == device);
            self.children.push(Child {
                part,
                device,
                announced: moved.and_then(|child| child.announced.take()),
                cells: vec![Cell::default(); rows],
                slot_cells: vec![Cell::default(); slots * SLOT.len()],
                slots,
                stale: true,
                held: None,
            });
        }
    }

    /// The topics of a child and of these of its slots.
    pub(super) fn child_topics(&self, part: Part, slots: Range<usize>) -> Vec<String> {
        let topic = |key: &str| self.topics.value(&self.serial, part, key);
        let mut topics = Vec::new();
        match part {
            Part::Ams(_) => Rows::topics(AMS, &topic, &mut topics),
            Part::External(_) => Rows::topics(EXTERNAL, &topic, &mut topics),
            Part::Printer => {}
        }
        topics.extend(self.slot_topics(part, slots));
        topics.sort_unstable();
        topics.dedup();
        topics
    }

    fn slot_topics(&self, part: Part, slots: Range<usize>) -> Vec<String> {
        let mut topics = Vec::new();
        for slot in slots {
            let topic = |key: &str| self.topics.value(&self.serial, part, &numbered(key, slot + 1));
            Rows::topics(SLOT, &topic, &mut topics);
        }
        topics
    }

    /// Tells what differs of the devices below the printer.
    pub(super) fn update_children(&mut self, look: &Look<'_>, out: &mut Vec<Publication>) {
        let Look { now, snapshot, before, settles } = *look;
        let exact = now.mono >= settles;
        let same = before.is_some_and(|b| b.ams == snapshot.ams && b.external == snapshot.external);
        if same && !exact && !self.children.iter().any(|child| child.is_due(now)) {
            return;
        }
        let (topics, serial) = (&self.topics, &self.serial);
        for child in &mut self.children {
            let part = child.part;
            let topic = |key: &str| topics.value(serial, part, key);
            let due = exact || child.is_due(now);
            child.stale = false;
            match part {
                Part::Ams(id) => {
                    let Some(ams) = unit_of(snapshot, id) else { continue };
                    let old = before.and_then(|before| unit_of(before, id));
                    if due || old != Some(ams) {
                        child.publish_unit(look, (old, ams), &topic, out);
                    }
                }
                Part::External(number) => {
                    let Some(spool) = spool_of(snapshot, number) else { continue };
                    let old = before.and_then(|before| spool_of(before, number));
                    if due || old != Some(spool) {
                        child.publish_spool(look, (old, spool), &topic, out);
                    }
                }
                Part::Printer => {}
            }
        }
    }
}

/// A key of a slot's row, with the slot's number.
pub(super) fn numbered(key: &str, number: usize) -> String {
    key.replace('#', &number.to_string())
}
