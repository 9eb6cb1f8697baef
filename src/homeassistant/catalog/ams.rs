//! The rows of an AMS unit, of a slot and of an external spool.

use serde_json::json;

use crate::printer::{Ams, AmsKind, Color, ExternalSpool, Filament, Slot, Text};

use super::super::entity::{Entity, Firmware, Value, binary, firmware, sensor, temperature};
use super::{celsius, percent, text};

/// An AMS unit.
pub static AMS: &[Entity<Ams>] = &[
    sensor::<Ams>("humidity", "Humidity", |a| percent(a.humidity))
        .class("humidity")
        .unit("%")
        .measurement()
        .lasting()
        .needs(|_, a| a.measures_humidity),
    sensor::<Ams>("humidity_index", "Humidity index", |a| percent(a.humidity_index))
        .measurement()
        .icon("mdi:water-percent")
        .hidden(),
    temperature::<Ams>("temperature", "Temperature", |a| celsius(a.temperature))
        .needs(|_, a| a.measures_temperature),
    sensor::<Ams>("drying_remaining", "Remaining drying time", |a| a.drying_remaining.map(Value::minutes))
        .class("duration")
        .unit("min")
        .needs(|_, a| a.dries),
    binary::<Ams>("drying", "Drying", |a| a.drying_remaining.map(|left| Value::Flag(!left.is_zero())))
        .class("running")
        .needs(|_, a| a.dries),
    binary::<Ams>("active", "Active", |a| Some(Value::Flag(a.active_slot.is_some()))).class("running"),
    sensor::<Ams>("firmware_version", "Firmware version", |a| text(a.firmware.as_ref()))
        .icon("mdi:chip")
        .diagnostic()
        .lasting()
        .hidden()
        .needs(|_, a| a.kind != AmsKind::Unknown),
    firmware::<Ams>("firmware", "Firmware", installed).needs(|c, a| c.job.update && a.firmware.is_some()),
];

fn installed(ams: &Ams) -> Option<Value<'_>> {
    let installed = ams.firmware.as_deref()?;
    Some(Value::Firmware(Firmware {
        installed,
        latest: ams.firmware_available.as_deref().unwrap_or(installed),
        title: "AMS firmware",
        page: None,
        progress: None,
    }))
}

/// A slot of an AMS unit.
pub static SLOT: &[Entity<Slot>] = &[
    sensor::<Slot>("tray_#", "Tray #", slot_name)
        .icon("mdi:printer-3d-nozzle")
        .lasting()
        .with(|a, b| a != b, slot_details),
    sensor::<Slot>("tray_#_type", "Tray # type", |s| text(s.filament()?.material.as_ref()))
        .icon("mdi:tag-outline")
        .lasting(),
    sensor::<Slot>("tray_#_color", "Tray # color", |s| s.filament()?.color.map(|c| c.to_string().into()))
        .icon("mdi:palette")
        .lasting(),
    sensor::<Slot>("tray_#_remaining", "Tray # remaining", |s| percent(s.filament()?.remaining))
        .unit("%")
        .measurement()
        .icon("mdi:chart-donut")
        .lasting(),
];

/// An external spool.
pub static EXTERNAL: &[Entity<ExternalSpool>] = &[
    sensor::<ExternalSpool>("spool", "", |e| slot_name(&e.slot))
        .icon("mdi:printer-3d-nozzle")
        .lasting()
        .with(|a, b| a.slot != b.slot, |e| slot_details(&e.slot)),
    sensor::<ExternalSpool>("type", "Type", |e| text(e.slot.filament()?.material.as_ref()))
        .icon("mdi:tag-outline")
        .lasting(),
    sensor::<ExternalSpool>("color", "Color", |e| e.slot.filament()?.color.map(|c| c.to_string().into()))
        .icon("mdi:palette")
        .lasting(),
    binary::<ExternalSpool>("active", "Active", |e| Some(Value::Flag(e.active))).class("running"),
];

fn slot_name(slot: &Slot) -> Option<Value<'_>> {
    match slot {
        Slot::Unknown => None,
        Slot::Empty => Some("Empty".into()),
        Slot::Filament(filament) => text(filament.name()),
    }
}

/// The attributes of a spool, under the names they have in ha-bambulab, for people's cards and automations.
fn slot_details(slot: &Slot) -> serde_json::Value {
    let none = Filament::default();
    let f = slot.filament().unwrap_or(&none);
    let colors: Vec<_> = f.colors.iter().map(Color::to_string).collect();
    json!({
        "empty": matches!(slot, Slot::Empty),
        "unknown": matches!(slot, Slot::Unknown),
        "name": f.name().map(Text::as_str),
        "type": f.material.as_deref(),
        "filament_id": f.id.as_deref(),
        "color": f.color.map(|c| c.to_string()),
        "cols": colors,
        "remain": f.remaining,
        "tray_weight": f.weight_g,
        "nozzle_temp_min": f.nozzle_min,
        "nozzle_temp_max": f.nozzle_max,
        "tag_uid": f.tag.as_deref(),
        "tray_uuid": f.uuid.as_deref(),
    })
}
