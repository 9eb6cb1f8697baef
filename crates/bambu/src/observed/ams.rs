//! AMS units: which there are, and what each measures (protocol 3.4 and 4.13).

use std::sync::Arc;
use std::time::Duration;

use crate::filaments;
use crate::report::{MOST_SLOTS, Module, Print, Tray, Unit};
use crate::wire::Hex;
use printer::{
    Ams, AmsAbilities, AmsKind, Content, Drying, DryingPhase, DryingState, Feeds, Inlet, Naming, Side, Slot,
    Text,
};

use super::context::Context;
use super::filament::{Estimate, slot};

/// Where a unit stands in the printer's bits (protocol 3.4).
#[derive(Clone, Copy)]
struct Places {
    /// Its bit in `ams_exist_bits`.
    unit: u32,
    /// Its first slot in `tray_exist_bits`.
    first: u32,
    /// How many slots have a bit there; the next one is another unit's.
    slots: u8,
}

fn bit_places(unit: u8) -> Option<Places> {
    let unit = u32::from(unit);
    match unit {
        0..=3 => Some(Places { unit, first: unit * 4, slots: 4 }),
        // The Lite of an A2L.
        16 => Some(Places { unit: 12, first: 24, slots: 4 }),
        128..=135 => Some(Places { unit: unit - 128 + 4, first: unit - 128 + 16, slots: 1 }),
        _ => None,
    }
}

/// What the printer's bits say of the spools in a unit.
#[derive(Clone, Copy)]
struct Spools {
    bits: Hex,
    places: Places,
}

impl Spools {
    /// Whether there is one in a slot, counted from 0; `None` for a slot without a bit.
    fn has(self, slot: u8) -> Option<bool> {
        (slot < self.places.slots).then(|| self.bits.bit(self.places.first + u32::from(slot)))
    }
}

/// Bits that count as many units as there are say nothing against one of them
/// (capture `x1c_misc`: the only unit is 128, the only bit is 0).
fn counted(exist: Option<Hex>, units: usize) -> bool {
    exist.is_some_and(|bits| usize::try_from(bits.0.count_ones()) == Ok(units))
}

/// Forgets the units that the printer's bits say are gone; after a full report, which confirms it
/// (protocol 7.4). Says whether there were any.
pub(crate) fn forget_unplugged(report: &mut Print) -> bool {
    let Some(ams) = report.ams.as_mut() else { return false };
    let (Some(exist), Some(units)) = (ams.ams_exist_bits, ams.ams.as_mut()) else { return false };
    let known = units.0.len();
    if !counted(Some(exist), units.0.len()) {
        let place = |unit: &Unit| bit_places(u8::try_from(unit.id?).ok()?);
        units.0.retain(|unit| place(unit).is_none_or(|places| exist.bit(places.unit)));
    }
    units.0.len() != known
}

/// A unit that is gone, as long as only a part of a report says so: nothing is known of it.
fn unplugged(unit: &Ams) -> Ams {
    Ams {
        humidity_index: None,
        humidity: None,
        temperature: None,
        drying: Drying::default(),
        active_slot: None,
        unplugged: true,
        slots: unit.slots.iter().map(|slot| unknown(slot.number, slot.tells_k)).collect(),
        ..unit.clone()
    }
}

/// A slot of which nothing is known.
fn unknown(number: u8, tells_k: bool) -> Slot {
    Slot { number, tells_k, ..Slot::default() }
}

pub(super) fn ams(report: &Print, context: &Context<'_>) -> Vec<Ams> {
    let Some(ams) = report.ams.as_ref() else { return Vec::new() };
    let units = ams.ams.as_ref().map_or(&[][..], |units| &units.0);
    let exist = ams.ams_exist_bits;
    let counted = counted(exist, units.len());
    let common = Common { around: around(report), tells_k: tells_k(report, context) };
    let (mut list, mut gone) = (Vec::new(), Vec::new());
    for unit in units {
        let Some(id) = unit.id.and_then(|id| u8::try_from(id).ok()) else { continue };
        let before = context.previous.ams.iter().find(|before| before.id == id);
        let places = bit_places(id);
        let listed = places.zip(exist).map(|(places, bits)| bits.bit(places.unit));
        if listed == Some(false) && !counted {
            gone.extend(before.filter(|before| before.settled).map(unplugged));
            continue;
        }
        let slots = ams.tray_exist_bits.zip(places).filter(|_| listed == Some(true));
        let slots = slots.map(|(bits, places)| Spools { bits, places });
        list.push(one_ams(id, unit, context, before, slots, common));
    }
    // One that only changed its place is not also where it was.
    gone.retain(|gone| gone.serial.is_none() || !list.iter().any(|unit| unit.serial == gone.serial));
    list.append(&mut gone);
    list.sort_by_key(|unit| unit.id);
    super::upgrade::offer(report, &mut list);
    list
}

/// What the printer says elsewhere that decides how its units are read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Around {
    /// It estimates what is left on a spool; `remain` means nothing without it.
    estimates: bool,
    /// A Filament Track Switch is fitted.
    has_switch: bool,
    /// It can be told to dry; what units say of how they dry means nothing without it.
    dries: bool,
}

pub(super) fn around(report: &Print) -> Around {
    let np = report.cfg.filter(|_| report.is_newer()).map(|cfg| cfg.bit(17));
    Around {
        estimates: np.or(report.home_flag.map(|flags| flags.bit(7))).unwrap_or(true),
        has_switch: has_switch(report),
        dries: dries_remotely(report),
    }
}

/// Whether a Filament Track Switch is fitted; an object about one proves nothing (protocol 4.16).
pub(crate) fn has_switch(report: &Print) -> bool {
    report.aux.is_some_and(|aux| aux.bit(29))
}

/// Whether the printer can be told to dry (protocol 4.9).
pub(crate) fn dries_remotely(report: &Print) -> bool {
    report.fun2.is_some_and(|fun2| fun2.bit(5))
}

/// The module of an AMS unit: its name is a kind and the unit's number.
fn ams_module(modules: &[Module], id: u8) -> Option<(AmsKind, &Module)> {
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

/// Whether a unit that the printer lists is not among its boards yet (protocol 3.1).
pub(crate) fn lacks_board(report: &Print, modules: &[Module]) -> bool {
    let Some(ams) = report.ams.as_ref() else { return false };
    let units = ams.ams.as_ref().map_or(&[][..], |units| &units.0);
    let plugged = |id: u8| {
        let bit = bit_places(id).zip(ams.ams_exist_bits).map(|(places, bits)| bits.bit(places.unit));
        bit.unwrap_or(true)
    };
    let ids = units.iter().filter_map(|unit| u8::try_from(unit.id?).ok());
    ids.filter(|id| plugged(*id)).any(|id| ams_module(modules, id).is_none())
}

/// What is the same for all units of a printer.
#[derive(Clone, Copy)]
struct Common {
    around: Around,
    tells_k: bool,
}

/// Whether the printer has a pressure advance per slot: A1, A2L and P1 do. Where there is a `vt_tray` it
/// always has it; an A2L has it in loaded slots only, so what was seen once stays.
fn tells_k(report: &Print, context: &Context<'_>) -> bool {
    let units = report.ams.as_ref().and_then(|ams| ams.ams.as_ref()).map_or(&[][..], |units| &units.0);
    let mut trays = units.iter().flat_map(|unit| unit.tray.iter().flat_map(|trays| &trays.0));
    report.vt_tray.as_ref().is_some_and(|tray| tray.k.is_some())
        || trays.any(|tray| tray.k.is_some())
        || context.previous.ams.iter().any(|before| before.can.tells_k)
}

fn one_ams(
    id: u8,
    unit: &Unit,
    context: &Context<'_>,
    before: Option<&Ams>,
    exist: Option<Spools>,
    common: Common,
) -> Ams {
    let module = ams_module(context.modules, id);
    let kind = kind(id, unit, module.map(|(kind, _)| kind));
    // An AMS Lite is open: what it says of its air is a constant 0.
    let sealed = kind != AmsKind::Lite;
    let dries = matches!(kind, AmsKind::Pro2 | AmsKind::Ht) && unit.dry_time.is_some();
    let known = |text: Option<&Text>| text.filter(|t| !t.is_empty() && *t != "N/A").cloned();
    let percent = |v: i64| u8::try_from(v).ok().filter(|v| (1..=100).contains(v));
    let dual = context.capabilities.is_some_and(|can| can.dual_nozzle);
    // Another unit at the same place has other spools.
    let named = module.and_then(|(_, module)| known(module.sn.as_ref()));
    let same = |before: &Ams| named.is_none() || before.serial.is_none() || before.serial == named;
    Ams {
        id,
        kind,
        // An incomplete list of boards takes nothing back.
        serial: module.and_then(|(_, m)| known(m.sn.as_ref())).or_else(|| before?.serial.clone()),
        firmware: module.and_then(|(_, m)| known(m.sw_ver.as_ref())).or_else(|| before?.firmware.clone()),
        can: AmsAbilities {
            // A constant 0 is no sensor (AMS Lite, P1 before 01.07.50); the field is in every full report.
            humidity: sealed && unit.humidity_raw.is_some(),
            temperature: sealed
                && unit.temp.is_some()
                && (unit.humidity_raw.is_some() || context.model.is_some_and(|m| !m.slow)),
            dries,
            // The Lite of an A2L has the settings, too, and nothing to dry with.
            tells_drying: dries && common.around.dries,
            tells_state: unit.info.is_some(),
            tells_k: common.tells_k,
        },
        offered: None,
        release: None,
        // As sent, 5 is dry; the apps show it the other way round.
        humidity_index: unit.humidity.filter(|v| (1..=5).contains(v)).and_then(|v| u8::try_from(6 - v).ok()),
        humidity: unit.humidity_raw.and_then(percent).filter(|_| sealed),
        temperature: unit.temp.filter(|t| *t > 0.0 && *t <= 100.0 && sealed),
        drying: if dries {
            drying(unit, common.around, context.drying_still.contains(&id))
        } else {
            Drying::default()
        },
        feeds: unit.info.filter(|_| dual).and_then(|info| match info.bits(8, 4) {
            0 => Some(Feeds::Only(Side::Right)),
            1 => Some(Feeds::Only(Side::Left)),
            NO_NOZZLE if common.around.has_switch => Some(Feeds::Either),
            _ => None,
        }),
        inlet: unit.info.and_then(|info| inlet(info, common.around)),
        // Once announced it stays so while the boards are asked for anew.
        settled: context.boards_known
            || module.is_some_and(|(_, m)| known(m.sn.as_ref()).is_some())
            || before.is_some_and(|before| before.settled),
        unplugged: false,
        naming: Naming::default(),
        active_slot: None,
        slots: slots(id, unit, kind, before.filter(|before| same(before)), exist, common),
    }
}

/// A slot of which the printer says that a spool is in it, and nothing of the spool, as an AMS HT does at rest
/// (bambuddy #2594): what was known of it before is still the best that anybody knows. A spool that was changed shows
/// as an empty slot in between.
fn remembered(told: Slot, tray: &Tray, before: Option<&Slot>) -> Slot {
    let silent = told.content == Content::Unknown && tray.state.is_some() && tray.tray_type.is_none();
    match before.map(|before| &before.content) {
        Some(Content::Filament(known)) if silent => {
            Slot { content: Content::Filament(Arc::clone(known)), remembered: true, ..told }
        }
        _ => told,
    }
}

/// What stands for the nozzle of a unit that is tied to none.
const NO_NOZZLE: u64 = 14;

/// The inlet of the switch that a unit leads to. Without a switch there is something else in these bits
/// (capture `x2d_ams2pro_running_hms`).
fn inlet(info: Hex, around: Around) -> Option<Inlet> {
    match info.bits(24, 4) {
        _ if !around.has_switch || info.bits(8, 4) != NO_NOZZLE => None,
        0 => Some(Inlet::B),
        1 => Some(Inlet::A),
        _ => None,
    }
}

/// What a unit is: by its own word, else by its board's, else by its number.
fn kind(id: u8, unit: &Unit, by_board: Option<AmsKind>) -> AmsKind {
    let by_info = unit.info.and_then(|info| match info.bits(0, 4) {
        1 => Some(AmsKind::Ams),
        2 | 5 => Some(AmsKind::Lite),
        3 => Some(AmsKind::Pro2),
        4 => Some(AmsKind::Ht),
        _ => None,
    });
    by_info.or(by_board).unwrap_or(if id >= 128 { AmsKind::Ht } else { AmsKind::Unknown })
}

/// Drying; absent is not zero, so that nobody hears of an end that was none.
fn drying(unit: &Unit, around: Around, still: bool) -> Drying {
    let setting = unit.dry_setting.as_ref().filter(|_| around.dries);
    let positive =
        |v: Option<i64>, most| v.and_then(|v| u16::try_from(v).ok()).filter(|v| (1..=most).contains(v));
    let code = unit.info.and_then(|info| u8::try_from(info.bits(4, 4)).ok());
    Drying {
        // More than 60 days is a fault, not a time.
        remaining: unit
            .dry_time
            .and_then(|m| u64::try_from(m).ok())
            .filter(|m| *m <= 60 * 24 * 60)
            .map(|m| Duration::from_secs(m * 60)),
        temperature: positive(setting.and_then(|s| s.dry_temperature), 150),
        duration: positive(setting.and_then(|s| s.dry_duration), 99)
            .map(|hours| Duration::from_secs(u64::from(hours) * 3600)),
        filament: setting
            .and_then(|s| s.dry_filament.as_ref())
            .filter(|t| !t.trim().is_empty())
            .map(|text| filaments::name(text).map_or_else(|| text.clone(), Text::const_new)),
        state: code.and_then(|code| {
            Some(match code {
                0 => DryingState::Off,
                1 => DryingState::Checking,
                2 => DryingState::Drying,
                3 => DryingState::Cooling,
                4 => DryingState::Stopping,
                5 => DryingState::Error,
                6 => DryingState::OutOfControl,
                7 => DryingState::Testing,
                _ => return None,
            })
        }),
        state_code: code,
        still,
        phase: unit.info.filter(|_| around.dries).and_then(|info| match info.bits(22, 2) {
            1 => Some(DryingPhase::Heating),
            2 => Some(DryingPhase::Dehumidifying),
            _ => None,
        }),
        hindrances: unit.dry_sf_reason.as_ref().filter(|_| around.dries).map_or_else(Vec::new, |list| {
            list.0.iter().filter_map(|code| u8::try_from(*code).ok()).collect()
        }),
    }
}

/// The slots: as many as such a unit has, and more if it says so.
fn slots(
    id: u8,
    unit: &Unit,
    kind: AmsKind,
    before: Option<&Ams>,
    exist: Option<Spools>,
    common: Common,
) -> Vec<Slot> {
    let usual = if id >= 128 { 1 } else { 4 };
    let mut slots: Vec<_> = (1..=usual).map(|number| unknown(number, common.tells_k)).collect();
    let estimate = match kind {
        _ if !common.around.estimates => Estimate::None,
        AmsKind::Lite => Estimate::NotZero,
        _ => Estimate::Any,
    };
    for tray in unit.tray.iter().flat_map(|trays| &trays.0) {
        // A slot is told by its number, never by its place in the list.
        let Some(at) = tray.id.and_then(|id| u8::try_from(id).ok()).filter(|n| *n < MOST_SLOTS) else {
            continue;
        };
        while slots.len() <= usize::from(at) {
            slots.push(unknown(u8::try_from(slots.len() + 1).unwrap_or(u8::MAX), common.tells_k));
        }
        let before = before.and_then(|before| before.slots.get(usize::from(at)));
        if let Some(place) = slots.get_mut(usize::from(at)) {
            let exists = exist.and_then(|spools| spools.has(at));
            let told = Slot { tells_k: common.tells_k, ..slot(at + 1, tray, exists, estimate, before) };
            *place = remembered(told, tray, before);
        }
    }
    slots
}
