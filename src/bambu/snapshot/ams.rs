//! AMS units: which there are, and what each measures (protocol 3.4 and 4.13).

use std::time::Duration;

use crate::bambu::report::{Module, Print, Unit};
use crate::bambu::wire::Hex;
use crate::printer::{Ams, AmsKind, Slot, Text};

use super::filament::slot;
use super::{Context, is_np};

/// Where a unit stands in `ams_exist_bits`, and its first slot in `tray_exist_bits` (protocol 3.4).
pub(super) fn bit_places(unit: u8) -> Option<(u32, u32)> {
    let unit = u32::from(unit);
    match unit {
        0..=3 => Some((unit, unit * 4)),
        // The Lite of an A2L.
        16 => Some((12, 24)),
        128..=135 => Some((unit - 128 + 4, unit - 128 + 16)),
        _ => None,
    }
}

/// Bits that count as many units as there are say nothing against one of them
/// (capture `x1c_misc`: the only unit is 128, the only bit is 0).
pub(super) fn counted(exist: Option<Hex>, units: usize) -> bool {
    exist.is_some_and(|bits| usize::try_from(bits.0.count_ones()) == Ok(units))
}

/// Forgets the units that the printer's bits say are gone; after a full report, which confirms it
/// (protocol 7.4).
pub(in crate::bambu) fn forget_unplugged(report: &mut Print) {
    let Some(ams) = report.ams.as_mut() else { return };
    let (Some(exist), Some(units)) = (ams.ams_exist_bits, ams.ams.as_mut()) else { return };
    if !counted(Some(exist), units.0.len()) {
        let place = |unit: &Unit| bit_places(u8::try_from(unit.id?).ok()?);
        units.0.retain(|unit| place(unit).is_none_or(|(bit, _)| exist.bit(bit)));
    }
}

/// A unit that is gone, as long as only a part of a report says so: nothing is known of it.
pub(super) fn unplugged(unit: &Ams) -> Ams {
    Ams {
        humidity_index: None,
        humidity: None,
        temperature: None,
        drying_remaining: None,
        active_slot: None,
        slots: vec![Slot::Unknown; unit.slots.len()],
        ..unit.clone()
    }
}

pub(super) fn ams(report: &Print, context: &Context<'_>) -> Vec<Ams> {
    let Some(ams) = report.ams.as_ref() else { return Vec::new() };
    let units = ams.ams.as_ref().map_or(&[][..], |units| &units.0);
    let exist = ams.ams_exist_bits;
    let counted = counted(exist, units.len());
    let remain_on = remaining_estimated(report);
    let (mut list, mut gone) = (Vec::new(), Vec::new());
    for unit in units {
        let Some(id) = unit.id.and_then(|id| u8::try_from(id).ok()) else { continue };
        let before = context.previous.ams.iter().find(|before| before.id == id);
        let places = bit_places(id);
        let listed = places.zip(exist).map(|((bit, _), bits)| bits.bit(bit));
        if listed == Some(false) && !counted {
            gone.extend(before.filter(|before| before.settled).map(unplugged));
            continue;
        }
        let slots = ams.tray_exist_bits.zip(places).filter(|_| listed == Some(true));
        let slots = slots.map(|(bits, (_, first))| Hex(bits.bits(first, 8)));
        list.push(one_ams(id, unit, context, before, slots, remain_on));
    }
    // One that only changed its place is not also where it was.
    gone.retain(|gone| gone.serial.is_none() || !list.iter().any(|unit| unit.serial == gone.serial));
    list.append(&mut gone);
    list.sort_by_key(|unit| unit.id);
    super::upgrade::offer(report, &mut list);
    list
}

/// Whether the printer estimates what is left on a spool; `remain` means nothing without it.
pub(super) fn remaining_estimated(report: &Print) -> bool {
    let np = report.cfg.filter(|_| is_np(report)).map(|cfg| cfg.bit(17));
    np.or(report.home_flag.map(|flags| flags.bit(7))).unwrap_or(true)
}

/// The module of an AMS unit: its name is a kind and the unit's number.
pub(super) fn ams_module(modules: &[Module], id: u8) -> Option<(AmsKind, &Module)> {
    modules.iter().find_map(|module| {
        let (kind, number) = module.name.as_deref()?.split_once('/')?;
        let kind = match kind {
            "ams" => AmsKind::Ams,
            "ams_f1" => AmsKind::Lite,
            "n3f" => AmsKind::Pro2,
            "n3s" => AmsKind::Ht,
            _ => return None,
        };
        (number.parse() == Ok(id)).then_some((kind, module))
    })
}

pub(super) fn one_ams(
    id: u8,
    unit: &Unit,
    context: &Context<'_>,
    before: Option<&Ams>,
    exist: Option<Hex>,
    remain_on: bool,
) -> Ams {
    let module = ams_module(context.modules, id);
    let by_info = unit.info.map(|info| match info.bits(0, 4) {
        1 => AmsKind::Ams,
        2 | 5 => AmsKind::Lite,
        3 => AmsKind::Pro2,
        4 => AmsKind::Ht,
        _ => AmsKind::Unknown,
    });
    let by_info = by_info.filter(|kind| *kind != AmsKind::Unknown);
    let kind = by_info.or(module.map(|(kind, _)| kind)).unwrap_or(if id >= 128 {
        AmsKind::Ht
    } else {
        AmsKind::Unknown
    });
    let sealed = kind != AmsKind::Lite;
    let known = |text: Option<&Text>| text.filter(|t| !t.is_empty() && *t != "N/A").cloned();
    let mut slots = Vec::new();
    for tray in unit.tray.iter().flat_map(|trays| &trays.0) {
        // A slot is told by its number, never by its place in the list.
        let Some(number) = tray.id.and_then(|id| u8::try_from(id).ok()).filter(|n| *n < 8) else { continue };
        let at = usize::from(number);
        slots.resize(slots.len().max(at + 1), Slot::Unknown);
        if let Some(place) = slots.get_mut(at) {
            *place = slot(tray, exist.map(|bits| bits.bit(number.into())), remain_on);
        }
    }
    let percent = |v: i64| u8::try_from(v).ok().filter(|v| (1..=100).contains(v));
    Ams {
        id,
        kind,
        // An incomplete list of boards takes nothing back.
        serial: module.and_then(|(_, m)| known(m.sn.as_ref())).or_else(|| before?.serial.clone()),
        firmware: module.and_then(|(_, m)| known(m.sw_ver.as_ref())).or_else(|| before?.firmware.clone()),
        firmware_available: None,
        // As sent, 5 is dry; the apps show it the other way round.
        humidity_index: unit.humidity.filter(|v| (1..=5).contains(v)).and_then(|v| u8::try_from(6 - v).ok()),
        humidity: unit.humidity_raw.and_then(percent).filter(|_| sealed),
        temperature: unit.temp.filter(|t| *t > 0.0 && *t <= 100.0 && sealed),
        drying_remaining: unit
            .dry_time
            .filter(|_| matches!(kind, AmsKind::Pro2 | AmsKind::Ht))
            .and_then(|m| u64::try_from(m).ok())
            .map(|minutes| Duration::from_secs(minutes * 60)),
        // A constant 0 is no sensor (AMS Lite, P1 before 01.07.50); the field is in every full report.
        measures_humidity: sealed && unit.humidity_raw.is_some(),
        measures_temperature: sealed
            && unit.temp.is_some()
            && (unit.humidity_raw.is_some() || context.model.is_some_and(|m| !m.slow)),
        dries: matches!(kind, AmsKind::Pro2 | AmsKind::Ht) && unit.dry_time.is_some(),
        // Once announced it stays so while the boards are asked for anew.
        settled: context.boards_known
            || module.is_some_and(|(_, m)| known(m.sn.as_ref()).is_some())
            || before.is_some_and(|before| before.settled),
        active_slot: None,
        slots,
    }
}
