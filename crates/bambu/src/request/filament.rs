//! Filament and AMS units (protocol 5.11).

use serde_json::json;

use printer::command::{AmsAnswer, Dry, SpoolFilament};
use printer::{Filament, Observed, Side, Source};

use super::{Body, Dialect, extruder, gcode, print};

/// Melts most of what people print, °C.
const USUAL: u16 = 220;

/// The middle of what a filament bears.
fn melting(filament: Option<&Filament>) -> Option<u16> {
    let filament = filament?;
    Some(u16::midpoint(filament.nozzle_min?, filament.nozzle_max?)).filter(|celsius| *celsius > 0)
}

fn filament_of(printer: &Observed, source: Option<Source>) -> Option<&Filament> {
    printer.slot(source?)?.filament()
}

fn two_spools(printer: &Observed) -> bool {
    printer.capabilities.is_some_and(|can| can.dual_nozzle)
}

/// The vendor's unit and slot of a place that filament comes from.
pub(super) fn place(printer: &Observed, source: Source) -> (u8, u8) {
    match source {
        Source::Ams { unit, slot } => (unit, slot),
        Source::External(2..) if two_spools(printer) => (254, 0),
        Source::External(_) | Source::Nothing => (255, 0),
    }
}

/// Where filament comes from, in one number: only the units that came first have their slots counted through.
fn target(dialect: &Dialect, (unit, slot): (u8, u8)) -> u8 {
    match unit {
        0..16 => unit * 4 + slot,
        // As the older generation calls it in its reports.
        255 if !dialect.newer => 254,
        _ => unit,
    }
}

pub(super) fn load(
    dialect: &Dialect,
    printer: &Observed,
    source: Source,
    celsius: Option<u16>,
    side: Option<Side>,
) -> Vec<Body> {
    let (unit, slot) = place(printer, source);
    let target = target(dialect, (unit, slot));
    if let Some(side) = side {
        // As the vendor's slicer sends it: the printer knows both temperatures.
        let new = celsius.map_or(-1, i32::from);
        let members = json!({"ams_id": unit, "slot_id": slot, "target": target, "curr_temp": -1,
            "tar_temp": new, "extruder_id": extruder(side)});
        return print("ams_change_filament", members);
    }
    let new = celsius.or_else(|| melting(filament_of(printer, Some(source)))).unwrap_or(USUAL);
    let old = melting(filament_of(printer, printer.source(printer.active_nozzle))).unwrap_or(new);
    change(unit, slot, target, old, new)
}

pub(super) fn unload(
    dialect: &Dialect,
    printer: &Observed,
    side: Option<Side>,
    celsius: Option<u16>,
) -> Vec<Body> {
    if !dialect.change_filament {
        return print("unload_filament", json!({}));
    }
    let source = printer.source(side.unwrap_or(printer.active_nozzle));
    let unit = source.map_or(255, |source| place(printer, source).0);
    let celsius = celsius.or_else(|| melting(filament_of(printer, source))).unwrap_or(USUAL);
    change(unit, 255, 255, celsius, celsius)
}

/// All five members always: older firmware reads only the last three.
fn change(unit: u8, slot: u8, target: u8, old: u16, new: u16) -> Vec<Body> {
    let members =
        json!({"ams_id": unit, "slot_id": slot, "target": target, "curr_temp": old, "tar_temp": new});
    print("ams_change_filament", members)
}

/// Unit, tray and slot as `ams_filament_setting` wants them: not as loading does.
fn spool(printer: &Observed, source: Source) -> (u8, u8, u8) {
    let (unit, slot) = place(printer, source);
    match source {
        Source::Ams { .. } => (unit, slot, slot),
        // A P1S refuses tray 0 here, and of two spools both are 254.
        Source::External(_) | Source::Nothing => (unit, 254, slot),
    }
}

pub(super) fn set(printer: &Observed, source: Source, filament: &SpoolFilament) -> Vec<Body> {
    let (unit, tray, slot) = spool(printer, source);
    let SpoolFilament { id, material, color, nozzle_min, nozzle_max } = filament;
    let mut members = json!({"ams_id": unit, "tray_id": tray, "slot_id": slot, "tray_info_idx": id.as_str(),
        "tray_color": format!("{color:08X}"), "tray_type": material.as_str(),
        "nozzle_temp_min": nozzle_min, "nozzle_temp_max": nozzle_max});
    // The vendor's own filaments have a preset of almost the same name.
    if let (Some(rest), Some(members)) = (id.strip_prefix("GF"), members.as_object_mut()) {
        members.insert("setting_id".into(), format!("GFS{rest}").into());
    }
    print("ams_filament_setting", members)
}

pub(super) fn reset(printer: &Observed, source: Source) -> Vec<Body> {
    let (unit, tray, slot) = spool(printer, source);
    print(
        "ams_filament_setting",
        json!({"ams_id": unit, "tray_id": tray, "slot_id": slot, "tray_info_idx": "", "tray_color": "00000000",
            "tray_type": "", "nozzle_temp_min": 0, "nozzle_temp_max": 0}),
    )
}

pub(super) fn read_rfid(dialect: &Dialect, unit: u8, slot: u8) -> Vec<Body> {
    if dialect.typed_rfid {
        print("ams_get_rfid", json!({"ams_id": unit, "slot_id": slot}))
    } else {
        let tray = if unit >= 128 { u16::from(unit) } else { u16::from(unit) * 4 + u16::from(slot) };
        gcode(&format!("M620 R{tray}"))
    }
}

pub(super) fn answer(answer: AmsAnswer) -> Vec<Body> {
    let word = match answer {
        AmsAnswer::Resume => "resume",
        AmsAnswer::Reset => "reset",
        AmsAnswer::Pause => "pause",
        AmsAnswer::Done => "done",
    };
    print("ams_control", json!({"param": word}))
}

pub(super) fn dry(printer: &Observed, dry: &Dry) -> Vec<Body> {
    let ams = printer.unit(dry.unit);
    let Some((celsius, hours)) = dry.plan.or_else(|| ams?.drying_plan()) else { return Vec::new() };
    let inside = ams.and_then(|ams| ams.slots.iter().find_map(|slot| slot.filament()));
    let filament = dry.filament.as_ref().or_else(|| inside.map(|filament| &filament.material));
    print(
        "ams_filament_drying",
        // A lower temperature to cool to makes some firmware ignore the whole.
        json!({"ams_id": dry.unit, "mode": 1, "temp": celsius, "duration": hours, "humidity": 0,
            "rotate_tray": dry.rotate, "cooling_temp": 45, "filament": filament.map_or("", |f| f.as_str()),
            "close_power_conflict": false}),
    )
}

pub(super) fn stop_drying(unit: u8) -> Vec<Body> {
    print(
        "ams_filament_drying",
        json!({"ams_id": unit, "mode": 0, "temp": 0, "duration": 0, "humidity": 0, "rotate_tray": false,
            "cooling_temp": 0, "filament": "", "close_power_conflict": false}),
    )
}
