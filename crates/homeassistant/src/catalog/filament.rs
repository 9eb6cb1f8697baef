//! What feeds the nozzles.

use serde_json::{Map, Value as Json, json};

use printer::{Side, Slot, Snapshot, Source};

use super::super::entity::{Entity, Value, sensor};
use super::ams::filament_details;
use super::{DROP, text};

/// The short name of what feeds a nozzle.
fn slot_label(s: &Snapshot, side: Side) -> Option<Value<'_>> {
    let source = s.source(side)?;
    if let Source::Ams { unit, .. } = source {
        s.unit(unit)?;
    }
    Some(source.label().map_or(Value::from("none"), |label| Value::Text(label.into_string().into())))
}

/// What feeds a nozzle, by its name.
fn feeding(s: &Snapshot, side: Side) -> Option<Value<'_>> {
    match s.source(side)? {
        Source::Nothing => Some("none".into()),
        source => text(Some(&s.slot(source)?.filament()?.name)),
    }
}

/// The numbers of the unit and the slot that feed a nozzle, under the names that they have in ha-bambulab: the unit as
/// in topics, slots counted from 0.
fn numbers(s: &Snapshot, side: Side) -> [(&'static str, Json); 2] {
    let (unit, slot) = match s.source(side) {
        Some(Source::Ams { unit, slot }) => (Some(unit), Some(slot)),
        _ => (None, None),
    };
    [("ams_index", json!(unit)), ("tray_index", json!(slot))]
}

/// The attributes of what feeds a nozzle, under the names they have in ha-bambulab.
fn details(s: &Snapshot, side: Side) -> Json {
    let none = Slot::default();
    let mut details = filament_details(s.source(side).and_then(|source| s.slot(source)).unwrap_or(&none));
    if let Some(details) = details.as_object_mut() {
        details.extend(numbers(s, side).map(|(name, number)| (name.to_owned(), number)));
    }
    details
}

/// The attributes of the slot that feeds a nozzle.
fn place(s: &Snapshot, side: Side) -> Json {
    numbers(s, side).into_iter().map(|(name, number)| (name.to_owned(), number)).collect::<Map<_, _>>().into()
}

/// Whether another slot feeds the nozzle.
fn other_slot(a: &Snapshot, b: &Snapshot, side_of: fn(&Snapshot) -> Side) -> bool {
    a.source(side_of(a)) != b.source(side_of(b))
}

/// Whether these attributes are other ones; a filament that did not change is one and the same.
fn other(a: &Snapshot, b: &Snapshot, side_of: fn(&Snapshot) -> Side) -> bool {
    let (now, then) = (a.source(side_of(a)), b.source(side_of(b)));
    now != then || now.and_then(|source| a.slot(source)) != then.and_then(|source| b.slot(source))
}

/// Whether nothing that these rows read is another.
pub(super) fn same(a: &Snapshot, b: &Snapshot) -> bool {
    (a.sources, a.active_nozzle) == (b.sources, b.active_nozzle)
        && a.ams.is(&b.ams)
        && a.external.is(&b.external)
}

pub(super) static FILAMENT: &[Entity<Snapshot>] = &[
    sensor::<Snapshot>("active_tray", "Active tray", |s| feeding(s, s.active_nozzle))
        .icon(DROP)
        .with(|a, b| other(a, b, |s| s.active_nozzle), |s| details(s, s.active_nozzle)),
    sensor::<Snapshot>("active_slot", "Active slot", |s| slot_label(s, s.active_nozzle))
        .icon(DROP)
        .with(|a, b| other_slot(a, b, |s| s.active_nozzle), |s| place(s, s.active_nozzle)),
    sensor::<Snapshot>("left_active_tray", "Left active tray", |s| feeding(s, Side::Left))
        .needs(|c, _| c.dual_nozzle)
        .hidden()
        .icon(DROP)
        .with(|a, b| other(a, b, |_| Side::Left), |s| details(s, Side::Left)),
    sensor::<Snapshot>("right_active_tray", "Right active tray", |s| feeding(s, Side::Right))
        .needs(|c, _| c.dual_nozzle)
        .hidden()
        .icon(DROP)
        .with(|a, b| other(a, b, |_| Side::Right), |s| details(s, Side::Right)),
    sensor::<Snapshot>("left_active_slot", "Left active slot", |s| slot_label(s, Side::Left))
        .needs(|c, _| c.dual_nozzle)
        .hidden()
        .icon(DROP)
        .with(|a, b| other_slot(a, b, |_| Side::Left), |s| place(s, Side::Left)),
    sensor::<Snapshot>("right_active_slot", "Right active slot", |s| slot_label(s, Side::Right))
        .needs(|c, _| c.dual_nozzle)
        .hidden()
        .icon(DROP)
        .with(|a, b| other_slot(a, b, |_| Side::Right), |s| place(s, Side::Right)),
];
