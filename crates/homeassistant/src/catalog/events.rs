//! What happens to a printer, one row per group; the words are those of `homeassistant::event`.

use printer::Snapshot;
use printer::event::Group;

use super::super::entity::{Entity, event};
use super::super::event::words;

pub(super) static EVENTS: &[Entity<Snapshot>] = &[
    event::<Snapshot>("print", "Print event", || words(Group::Print)).icon("mdi:printer-3d"),
    event::<Snapshot>("error", "Error event", || words(Group::Error))
        .icon("mdi:alert-circle-outline")
        .hidden(),
    event::<Snapshot>("hms", "HMS event", || words(Group::Hms)).icon("mdi:alert-circle-outline").hidden(),
    event::<Snapshot>("filament", "Filament event", || words(Group::Filament))
        .icon("mdi:printer-3d-nozzle")
        .hidden(),
    // Shown, because it tells of commands that were refused.
    event::<Snapshot>("printer", "Printer event", || words(Group::Printer)).icon("mdi:power").diagnostic(),
];
