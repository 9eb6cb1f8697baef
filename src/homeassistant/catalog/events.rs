//! What happens to a printer, one row per group; the words are those of `homeassistant::event`.

use crate::printer::Snapshot;
use crate::printer::event::Group;

use super::super::entity::{Entity, event};

pub(super) static EVENTS: &[Entity<Snapshot>] = &[
    event::<Snapshot>("print", "Print event", || Group::Print.words()).icon("mdi:printer-3d"),
    event::<Snapshot>("error", "Error event", || Group::Error.words()).icon("mdi:alert-circle-outline"),
    event::<Snapshot>("hms", "HMS event", || Group::Hms.words()).icon("mdi:alert-circle-outline"),
    event::<Snapshot>("filament", "Filament event", || Group::Filament.words()).icon("mdi:printer-3d-nozzle"),
    event::<Snapshot>("printer", "Printer event", || Group::Printer.words()).icon("mdi:power"),
];
