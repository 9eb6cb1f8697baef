//! Slots, spools and what feeds each nozzle (protocol 4.13 and 4.14).

use std::sync::Arc;

use crate::filaments;
use crate::report::{Print, Tag, Tray};
use printer::{
    Ams, Capabilities, Color, Content, ExternalSpool, Filament, Observed, Shared, Side, Slot, Source, Text,
};

/// What the printer's word for what is left on a spool is worth.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Estimate {
    /// Nothing: it does not estimate here.
    None,
    /// Something, unless it is 0: an AMS Lite says so of each of the seven spools in the A1 captures.
    NotZero,
    /// What it says.
    Any,
}

/// A slot; `exists` is what the printer's bits say of a spool in it.
pub(super) fn slot(
    number: u8,
    tray: &Tray,
    exists: Option<bool>,
    estimate: Estimate,
    before: Option<&Slot>,
) -> Slot {
    let material = text(tray.tray_type.as_ref());
    // Bit 0 of `state` is the spool; it equals the exist bit in all 913 captured trays that have both.
    // So 9 is a spool of which nothing is known, and a loaded slot only when there is filament data.
    let spool = exists.or(tray.state.map(|state| state & 1 == 1));
    let content = match (spool, material) {
        (Some(false), _) => Content::Empty,
        (_, None) => Content::Unknown,
        (_, Some(material)) => {
            let filament = filament(tray, material, estimate);
            match before.map(|before| &before.content) {
                // One and the same: comparing it, and keeping it, costs nothing.
                Some(Content::Filament(known)) if **known == filament => Content::Filament(Arc::clone(known)),
                _ => Content::Filament(Arc::new(filament)),
            }
        }
    };
    Slot {
        number,
        content,
        active: false,
        state: tray.state.and_then(|state| u8::try_from(state).ok()),
        estimated: estimate != Estimate::None,
        tells_k: false,
        remembered: false,
    }
}

fn text(text: Option<&Text>) -> Option<Text> {
    text.filter(|t| !t.trim().is_empty()).cloned()
}

fn filament(tray: &Tray, material: Text, estimate: Estimate) -> Filament {
    let tag = |t: Option<&Tag>| t.filter(|t| !t.is_none()).map(|t| t.0.clone());
    let positive = |v: Option<i64>| v.and_then(|v| u32::try_from(v).ok()).filter(|v| *v > 0);
    let up_to =
        |most: u16, v: Option<i64>| v.and_then(|v| u16::try_from(v).ok()).filter(|v| (1..=most).contains(v));
    let (id, brand) = (text(tray.tray_info_idx.as_ref()), text(tray.tray_sub_brands.as_ref()));
    let (tag, uuid) = (tag(tray.tag_uid.as_ref()), tag(tray.tray_uuid.as_ref()));
    // Without a tag nobody counted from the full spool; A1 01.05 says 100, X1C of 2023 says 0 then.
    let remaining = tray.remain.filter(|v| match estimate {
        Estimate::None => false,
        Estimate::NotZero => *v > 0,
        Estimate::Any => *v >= 0,
    });
    let remaining = remaining.filter(|_| tag.is_some() || uuid.is_some());
    Filament {
        name: filaments::display_name(id.as_deref(), brand.as_deref(), &material),
        catalogued: id.as_deref().and_then(filaments::name).is_some(),
        material,
        id,
        color: tray.tray_color.as_deref().and_then(color),
        colors: tray
            .cols
            .as_ref()
            .map_or_else(Vec::new, |cols| cols.0.iter().filter_map(|c| color(c)).collect()),
        color_type: tray.ctype.and_then(|v| u8::try_from(v).ok()),
        remaining: remaining.and_then(|v| u8::try_from(v.min(100)).ok()),
        weight_g: positive(tray.tray_weight),
        nozzle_min: up_to(500, tray.nozzle_temp_min),
        nozzle_max: up_to(500, tray.nozzle_temp_max),
        bed: up_to(200, tray.bed_temp),
        // Firmware on Linux and on ESP32 has different words for the same.
        drying_temperature: up_to(200, tray.drying_temp.or(tray.tray_temp)),
        drying_hours: up_to(99, tray.drying_time.or(tray.tray_time)),
        // 0.019999999552965164 is 0.020; below the third digit nobody tunes it, and 0 is none.
        k: tray.k.filter(|k| (0.0005..10.0).contains(k)).map(|k| compact_str::format_compact!("{k:.3}")),
        calibration: tray.cali_idx.and_then(|v| u16::try_from(v).ok()),
        tag,
        uuid,
    }
}

/// `RRGGBBAA`, or six digits without the last two.
pub(super) fn color(text: &str) -> Option<Color> {
    if !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let value = u32::from_str_radix(text, 16).ok()?;
    match text.len() {
        8 => Some(Color::new(value)),
        6 => Some(Color::new((value << 8) | 0xFF)),
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
fn by_snow(snow: i64, ams: &[Ams]) -> Option<Source> {
    let unit = u8::try_from(snow >> 8).ok()?;
    let slot = u8::try_from(snow & 0xFF).ok()?;
    match (unit, slot) {
        (255, 0) => Some(Source::External(1)),
        (254, 0) => Some(Source::External(2)),
        (_, 255) => Some(Source::Nothing),
        (0..=3 | 16 | 128..=135, _) => Some(Source::Ams { unit: local_unit(unit, ams), slot }),
        _ => None,
    }
}

/// A slot of an AMS in the newer coding.
pub(super) fn by_unit_and_slot(code: i64) -> Option<Source> {
    let unit = u8::try_from(code >> 8).ok()?;
    let slot = u8::try_from(code & 0xFF).ok()?;
    matches!(unit, 0..=3 | 16 | 128..=135).then_some(Source::Ams { unit, slot })
}

/// The Lite of an A2L has number 16, and its slots may be told without it.
fn local_unit(unit: u8, ams: &[Ams]) -> u8 {
    let has = |id: u8| ams.iter().any(|unit| unit.id == id);
    if unit == 0 && !has(0) && has(16) { 16 } else { unit }
}

/// The older coding: one number over all slots.
fn by_tray_now(number: i64, ams: &[Ams]) -> Option<Source> {
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
    before: &Observed,
) -> (Shared<[Ams]>, Shared<[ExternalSpool]>) {
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
        for (at, slot) in (0..).zip(&mut unit.slots) {
            slot.active = unit.active_slot == Some(at);
        }
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
        let before = before.external.iter().find(|before| before.number == number).map(|before| &before.slot);
        // No sensor sees an external spool: without filament data nobody knows whether one hangs there.
        // And none counts what is taken from it.
        let slot = tray.map(|tray| slot(1, tray, Some(true), Estimate::None, before)).unwrap_or_default();
        let tells_k =
            tray.is_some_and(|tray| tray.k.is_some()) || before.is_some_and(|before| before.tells_k);
        ExternalSpool {
            number,
            slot: Slot { number: 1, tells_k, active: feeding == Some(Source::External(number)), ..slot },
        }
    };
    let external = (1..=can.external_spools).map(of).collect();
    (ams.into(), external)
}
