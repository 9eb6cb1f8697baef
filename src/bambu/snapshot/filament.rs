//! Slots, spools and what feeds each nozzle (protocol 4.13 and 4.14).

use crate::bambu::report::{Print, Tag, Tray};
use crate::printer::{Ams, Capabilities, Color, ExternalSpool, Filament, Side, Slot, Source, Text};

/// A slot; `exists` is what the printer's bits say of a spool in it.
pub(super) fn slot(tray: &Tray, exists: Option<bool>, remain_on: bool) -> Slot {
    let text = |t: Option<&Text>| t.filter(|t| !t.trim().is_empty()).cloned();
    let material = text(tray.tray_type.as_ref());
    // Bit 0 of `state` is the spool; it equals the exist bit in all 913 captured trays that have both.
    let spool = exists.or(tray.state.map(|state| state & 1 == 1));
    match (spool, material) {
        (Some(false), _) => Slot::Empty,
        (_, None) => Slot::Unknown,
        (_, Some(material)) => Slot::Filament(Box::new(filament(tray, material, remain_on))),
    }
}

pub(super) fn filament(tray: &Tray, material: Text, remain_on: bool) -> Filament {
    let text = |t: Option<&Text>| t.filter(|t| !t.trim().is_empty()).cloned();
    let tag = |t: Option<&Tag>| t.filter(|t| !t.is_none()).map(|t| t.0.clone());
    let positive = |v: Option<i64>| v.and_then(|v| u32::try_from(v).ok()).filter(|v| *v > 0);
    let celsius = |v: Option<i64>| v.and_then(|v| u16::try_from(v).ok()).filter(|v| (1..=500).contains(v));
    Filament {
        material: Some(material),
        brand: text(tray.tray_sub_brands.as_ref()),
        id: text(tray.tray_info_idx.as_ref()),
        color: tray.tray_color.as_deref().and_then(color),
        colors: tray
            .cols
            .as_ref()
            .map_or_else(Vec::new, |cols| cols.0.iter().filter_map(|c| color(c)).collect()),
        remaining: tray.remain.filter(|v| *v >= 0 && remain_on).and_then(|v| u8::try_from(v.min(100)).ok()),
        weight_g: positive(tray.tray_weight),
        length_mm: positive(tray.total_len),
        nozzle_min: celsius(tray.nozzle_temp_min),
        nozzle_max: celsius(tray.nozzle_temp_max),
        tag: tag(tray.tag_uid.as_ref()),
        uuid: tag(tray.tray_uuid.as_ref()),
    }
}

/// `RRGGBBAA`, or six digits without the last two.
pub(super) fn color(text: &str) -> Option<Color> {
    if !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let value = u32::from_str_radix(text, 16).ok()?;
    match text.len() {
        8 => Some(Color(value)),
        6 => Some(Color((value << 8) | 0xFF)),
        _ => None,
    }
}

/// What feeds each nozzle (protocol 4.14).
pub(super) fn sources(report: &Print, ams: &[Ams], can: &Capabilities) -> [Option<Source>; 2] {
    let extruders = report.device.as_ref().and_then(|d| d.extruder.as_ref()?.info.as_ref());
    let sources = match extruders {
        Some(extruders) => {
            let of =
                |id: i64| extruders.0.iter().find(|e| e.id == Some(id)).and_then(|e| by_snow(e.snow?, ams));
            [of(0), if can.dual_nozzle { of(1) } else { None }]
        }
        None => [report.ams.as_ref().and_then(|a| by_tray_now(a.tray_now?, ams)), None],
    };
    // A slot that nobody has is not known, whatever the number says.
    let exists = |source: &Source| match *source {
        Source::Ams { unit, slot } => {
            ams.iter().any(|known| known.id == unit && usize::from(slot) < known.slots.len())
        }
        Source::Nothing | Source::External(_) => true,
    };
    sources.map(|source| source.filter(exists))
}

/// The newer coding: unit in the upper, slot in the lower byte.
pub(super) fn by_snow(snow: i64, ams: &[Ams]) -> Option<Source> {
    let unit = u8::try_from(snow >> 8).ok()?;
    let slot = u8::try_from(snow & 0xFF).ok()?;
    match (unit, slot) {
        (255, 0) => Some(Source::External(1)),
        (254, 0) => Some(Source::External(2)),
        (_, 255) => Some(Source::Nothing),
        (0..=3, _) if ams.len() == 1 => Some(Source::Ams { unit: local_unit(unit, ams), slot }),
        (0..=3 | 16 | 128..=135, _) => Some(Source::Ams { unit, slot }),
        _ => None,
    }
}

/// The Lite of an A2L has number 16, and its slots may be told without it.
pub(super) fn local_unit(unit: u8, ams: &[Ams]) -> u8 {
    ams.first().map(|only| only.id).filter(|id| *id == 16).unwrap_or(unit)
}

/// The older coding: one number over all slots.
pub(super) fn by_tray_now(number: i64, ams: &[Ams]) -> Option<Source> {
    let number = u8::try_from(number).ok()?;
    match number {
        255 => Some(Source::Nothing),
        254 => Some(Source::External(1)),
        128..=135 => Some(Source::Ams { unit: number, slot: 0 }),
        0..=15 => Some(Source::Ams { unit: local_unit(number / 4, ams), slot: number % 4 }),
        _ => None,
    }
}

/// Marks what feeds the nozzle in use (on two nozzles: either), and lists the external spools.
pub(super) fn activated(
    mut ams: Vec<Ams>,
    report: &Print,
    can: &Capabilities,
    sources: [Option<Source>; 2],
    active: Side,
) -> (Vec<Ams>, Vec<ExternalSpool>) {
    let [right, left] = sources;
    let feeding = match active {
        Side::Right => right,
        Side::Left => left,
    };
    for unit in &mut ams {
        unit.active_slot = match feeding {
            Some(Source::Ams { unit: id, slot }) if id == unit.id => Some(slot),
            _ => None,
        };
    }
    let trays = report.vir_slot.as_ref().map(|slots| &slots.0);
    let of = |number: u8| {
        let tray = match (trays, can.external_spools, number) {
            (Some(trays), 2, 1) => trays.iter().find(|t| t.id == Some(255)),
            (Some(trays), 2, _) => trays.iter().find(|t| t.id == Some(254)),
            (Some(trays), ..) => trays.first(),
            (None, _, 1) => report.vt_tray.as_ref(),
            (None, ..) => None,
        };
        ExternalSpool {
            number,
            // No sensor sees an external spool: without filament data nobody knows whether one hangs there.
            slot: tray.map(|tray| slot(tray, Some(true), false)).unwrap_or_default(),
            active: feeding == Some(Source::External(number)),
        }
    };
    let external = (1..=can.external_spools).map(of).collect();
    (ams, external)
}
