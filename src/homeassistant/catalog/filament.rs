//! What feeds the nozzles.

use crate::printer::{Side, Snapshot, Source};

use super::super::entity::{Entity, Value, sensor};
use super::{DROP, text};

/// The short name of what feeds a nozzle: `A1-3`, `HT1`, `Ext`.
fn slot_label(s: &Snapshot, side: Side) -> Option<Value<'_>> {
    Some(match s.source(side)? {
        Source::Nothing => "none".into(),
        Source::External(1) => "Ext".into(),
        Source::External(number) => format!("Ext{number}").into(),
        Source::Ams { unit, slot } => {
            let known = s.ams.iter().find(|ams| ams.id == unit);
            known?.slot_label(slot).to_string().into()
        }
    })
}

/// What feeds a nozzle, by its name.
fn feeding(s: &Snapshot, side: Side) -> Option<Value<'_>> {
    match s.source(side)? {
        Source::Nothing => Some("none".into()),
        source => text(s.filament(source)?.name()),
    }
}

pub(super) static FILAMENT: &[Entity<Snapshot>] = &[
    sensor::<Snapshot>("active_filament", "Active filament", |s| feeding(s, s.active_nozzle))
        .icon("mdi:printer-3d-nozzle"),
    sensor::<Snapshot>("active_slot", "Active slot", |s| slot_label(s, s.active_nozzle))
        .icon("mdi:printer-3d-nozzle"),
    sensor::<Snapshot>("left_active_slot", "Left active slot", |s| slot_label(s, Side::Left))
        .needs(|c, _| c.dual_nozzle)
        .icon(DROP),
    sensor::<Snapshot>("right_active_slot", "Right active slot", |s| slot_label(s, Side::Right))
        .needs(|c, _| c.dual_nozzle)
        .icon(DROP),
];
