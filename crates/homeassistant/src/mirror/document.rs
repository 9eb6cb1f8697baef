//! The document of all values of a printer.

use std::time::Duration;

use printer::Now;
use serde_json::{Map, Value as Json};

use crate::catalog::{AMS, EXTERNAL, PRINTER, SLOT};
use crate::entity::{Entity, Published, Subject};
use crate::publication::{Kind, Publication};
use crate::rows::Cell;
use crate::topic::Part;

use super::Mirror;
use super::children::numbered;

/// The document of all values, where it is wanted.
#[derive(Default)]
pub(super) struct Document {
    /// A value is another than in the last one.
    pub(super) due: bool,
    /// When that was told.
    pub(super) told: Option<Duration>,
}

/// Longest rate of the document of all values.
const DOCUMENT_EACH: Duration = Duration::from_secs(1);

impl Document {
    /// When the next one may be told, where a value waits for it.
    pub(super) fn deadline(&self) -> Option<Duration> {
        Some(self.told.filter(|_| self.due)? + DOCUMENT_EACH)
    }
}

impl Mirror {
    /// Tells the document of all values, if one of those told since `first` is among them.
    pub(super) fn update_document(&mut self, now: Now, first: usize, out: &mut Vec<Publication>) {
        let Some(document) = self.document.as_mut() else { return };
        let shows = |p: &Publication| matches!(p.kind, Kind::Value | Kind::Availability | Kind::Removed);
        document.due |= out.iter().skip(first).any(shows);
        if document.due && document.told.is_none_or(|told| now.mono >= told + DOCUMENT_EACH) {
            *document = Document { due: false, told: Some(now.mono) };
            let values = self.values().to_string();
            out.push(Publication::new(Kind::Document, self.topics.state(&self.serial), values));
        }
    }

    /// All values as last published, under the levels of their topics.
    fn values(&self) -> Json {
        fn put<T: Subject>(
            rows: &[Entity<T>],
            cells: &[Cell],
            name: impl Fn(&str) -> String,
            into: &mut Map<String, Json>,
        ) {
            for (row, cell) in rows.iter().zip(cells).filter(|(_, cell)| cell.value != Published::Never) {
                into.insert(name(row.key), cell.value.to_json());
            }
        }
        let mut root = Map::new();
        let availability = if self.online == Some(true) { "online" } else { "offline" };
        root.insert("availability".into(), availability.into());
        put(&PRINTER, &self.cells, str::to_owned, &mut root);
        for child in &self.children {
            let mut values = Map::new();
            let (group, number) = match child.part {
                Part::Ams(unit) => ("ams", unit),
                Part::External(number) => ("external", number),
                Part::Printer => continue,
            };
            if group == "ams" {
                put(AMS, &child.cells, str::to_owned, &mut values);
            } else {
                put(EXTERNAL, &child.cells, str::to_owned, &mut values);
            }
            for (number, cells) in (1..).zip(child.slot_cells.chunks(SLOT.len())) {
                put(SLOT, cells, |key| numbered(key, number), &mut values);
            }
            let group = root.entry(group).or_insert_with(|| Map::new().into());
            if let Some(group) = group.as_object_mut() {
                group.insert(number.to_string(), values.into());
            }
        }
        root.into()
    }
}
