//! A merged report to a [`Snapshot`], field by field; a field that makes no sense is left out alone.
//!
//! The rules and figures are those of protocol 4; comments name the captures that settle disputes.

use std::sync::Arc;
use std::time::Duration;

use crate::printer::{
    Ams, AmsKind, Capabilities, Color, Control, ExternalSpool, Fan, Fans, Filament, Heater, Hms, Identity,
    Job, PrintError, Reach, Side, Slot, Snapshot, Source, Speed, Stage, Status, Text, stage,
};

use super::models::Model;
use super::report::{Light, Module, Print, Tag, Tray, Unit};
use super::wire::Hex;

/// What a projection needs besides the report.
pub struct Context<'a> {
    /// Who the printer is.
    pub identity: &'a Arc<Identity>,
    /// Its row in the model table.
    pub model: Option<&'static Model>,
    /// What it can do, once that is decided.
    pub capabilities: Option<Capabilities>,
    /// Whether it can be reached.
    pub reach: Reach,
    /// What we may do with it.
    pub control: Control,
    /// Its boards: the AMS units' serials and kinds.
    pub modules: &'a [Module],
    /// Whether the list of boards is complete, or will never be.
    pub boards_known: bool,
    /// The moment before: what is said rarely is kept from it.
    pub previous: &'a Snapshot,
}

/// Whether the printer speaks the newer protocol generation (protocol 4.1).
pub fn is_np(report: &Print) -> bool {
    report.cfg.is_some() && report.fun.is_some() && report.aux.is_some() && report.stat.is_some()
}

/// What a printer can do: from what its full report always has, and the model where that is silent.
pub fn capabilities(report: &Print, model: Option<&Model>) -> Capabilities {
    let device = report.device.as_ref();
    let extruders = device.and_then(|d| d.extruder.as_ref());
    let count = extruders.and_then(|e| e.state).map(|state| state & 0xF);
    let parts = device.and_then(|d| d.airduct.as_ref()?.parts.as_ref()).map(|parts| &parts.list.0);
    // An inventory of fans is one when it has the part fan; X1C 01.09 sends an empty list.
    let inventory = parts.filter(|parts| parts.iter().any(|part| part.id == Some(16)));
    let fan = |id: i64, by_model: bool| match inventory {
        Some(parts) => parts.iter().any(|part| part.id == Some(id)),
        None => by_model,
    };
    // The upgrade kit of a P1P brings both fans (protocol 4.9, bits 26 and 27).
    let kit = report.home_flag.is_some_and(|flags| flags.bit(26));
    let spools =
        report.vir_slot.as_ref().map_or(usize::from(report.vt_tray.is_some()), |slots| slots.0.len());
    Capabilities {
        known_model: model.is_some(),
        dual_nozzle: count.map_or(model.is_some_and(|m| m.dual_nozzle), |n| n >= 2),
        chamber_sensor: model.map_or(device.is_some_and(|d| d.ctc.is_some()), |m| m.chamber_sensor),
        chamber_heater: model.is_some_and(|m| m.chamber_heater),
        aux_fan: fan(32, kit || model.is_some_and(|m| m.aux_fan)),
        chamber_fan: fan(48, kit || model.is_some_and(|m| m.chamber_fan)),
        second_aux_fan: fan(160, false),
        heatbreak_fan: report.heatbreak_fan_speed.is_some(),
        chamber_light: lamp(report, "chamber_light").is_some() || model.is_some(),
        chamber_light_2: lamp(report, "chamber_light2").is_some(),
        work_light: lamp(report, "work_light").is_some(),
        timelapse: report.ipcam.as_ref().is_some_and(|camera| camera.timelapse.is_some()),
        prompt_sound: model.is_some_and(|m| m.prompt_sound),
        wifi: !wired(report),
        external_spools: u8::try_from(spools.clamp(1, 2)).unwrap_or(1),
        nozzle_max: model.map_or(300, |m| m.nozzle_max),
        bed_max: model.map_or(100, |m| m.bed_max),
    }
}

/// Whether it hangs on a cable; `home_flag` bit 18, which others read for it, is the sound.
fn wired(report: &Print) -> bool {
    report.net.as_ref().and_then(|net| net.conf).is_some_and(|conf| conf & 1 == 1)
}

/// Whether print commands need the vendor's signature (protocol 6.2), over a cloud connection.
pub fn control(report: &Print, model: Option<&Model>, firmware: Option<&str>) -> Control {
    // HMS_0500_0500_0001_0007, or the error of the same meaning: somebody's unsigned command was refused.
    let refused = |hms: &Hms| (hms.attr, hms.code) == (0x0500_0500, 0x0001_0007);
    let by_error = error(report).is_some_and(|error| matches!(error.0, 0x0502_4007 | 0x0502_4009));
    let by_fun = report.fun.map(|fun| fun.bit(29));
    let by_hms = (by_error || hms(report).iter().any(refused)).then_some(true);
    let by_version = || model.zip(firmware).and_then(|(model, firmware)| model.signs(firmware));
    match by_fun.or(by_hms).or_else(by_version) {
        None => Control::Unknown,
        Some(true) => Control::Limited,
        Some(false) => Control::Full,
    }
}

/// Projects a merged report.
pub fn project(report: &Print, context: &Context<'_>) -> Snapshot {
    let can = context.capabilities.unwrap_or_default();
    let before = context.previous;
    let status = report.gcode_state.as_deref().and_then(status);
    let active_nozzle = match active_nozzle(report) {
        _ if !can.dual_nozzle => Side::Right,
        Some(side) => side,
        None => before.active_nozzle,
    };
    let ams = ams(report, context);
    let sources = sources(report, &ams, &can);
    let (ams, external) = activated(ams, report, &can, sources, active_nozzle);
    Snapshot {
        identity: Arc::clone(context.identity),
        capabilities: context.capabilities,
        reach: context.reach,
        control: context.control,
        read_only: before.read_only,
        status,
        stage: stage(report, status),
        job: job(report, status, &before.job),
        nozzles: nozzles(report, &can),
        active_nozzle,
        bed: bed(report),
        chamber: if can.chamber_sensor { chamber(report, &can) } else { Heater::default() },
        fans: fans(report, before.fans),
        chamber_light: chamber_light(report),
        work_light: lamp(report, "work_light").and_then(burns),
        speed: speed(report).or(before.speed),
        speed_percent: report.spd_mag.and_then(|v| u16::try_from(v).ok()).filter(|v| (1..=300).contains(v)),
        wifi_dbm: wifi(report),
        timelapse: report.ipcam.as_ref().and_then(|camera| match camera.timelapse.as_deref()? {
            "enable" => Some(true),
            "disable" => Some(false),
            _ => None,
        }),
        prompt_sound: if is_np(report) {
            report.cfg.map(|cfg| cfg.bit(22))
        } else {
            report.home_flag.map(|flags| flags.bit(17))
        },
        error: error(report),
        hms: hms(report),
        ams,
        external,
        sources,
    }
}

/// The printer's word for what it is doing; `None` for a word we do not know.
pub(super) fn status(word: &str) -> Option<Status> {
    Some(match word.to_ascii_uppercase().as_str() {
        "FAILED" => Status::Failed,
        "FINISH" => Status::Finish,
        "IDLE" => Status::Idle,
        "INIT" => Status::Init,
        "PAUSE" => Status::Pause,
        "PREPARE" => Status::Prepare,
        "RUNNING" => Status::Running,
        "SLICING" => Status::Slicing,
        _ => return None,
    })
}

fn stage(report: &Print, status: Option<Status>) -> Option<Stage> {
    let number = report.stg_cur.or(report.stage.as_ref().and_then(|s| s.id))?;
    let at_rest = report.print_type.as_deref() == Some("idle") || !status.is_some_and(Status::is_active);
    match number {
        // After boot A1, P1 and A2L report 0 at rest, X1 too.
        0 if at_rest => Some(stage::IDLE),
        -1 => Some(stage::IDLE),
        other => u16::try_from(other).ok().map(Stage),
    }
}

fn job(report: &Print, status: Option<Status>, before: &Job) -> Job {
    let name = report.subtask_name.clone().filter(|name| !name.trim().is_empty());
    let layers = report.three_d.as_ref();
    let count = |v: Option<i64>| v.and_then(|v| u32::try_from(v).ok());
    let positive = |v: Option<i64>| count(v).filter(|total| *total > 0);
    let total = positive(report.total_layer_num).or_else(|| positive(layers?.total_layer_num));
    // P1 resets the total to 0 at the end: the last one of the same job stays.
    let total_layers =
        total.or_else(|| before.total_layers.filter(|_| name.is_some() && name == before.name));
    let layer = count(report.layer_num.or(layers.and_then(|l| l.layer_num)));
    let minutes = match status {
        Some(status) if status.is_active() => report.mc_remaining_time.map(|minutes| minutes.max(0)),
        Some(_) => Some(0),
        None => None,
    };
    Job {
        progress: report.mc_percent.and_then(|v| u8::try_from(v.clamp(0, 100)).ok()),
        // More than 60 days is a fault, not an estimate.
        remaining: minutes
            .and_then(|m| u64::try_from(m).ok())
            .filter(|m| *m <= 60 * 24 * 60)
            .map(|m| Duration::from_secs(m * 60)),
        ends_at: before.ends_at,
        layer: layer.map(|layer| total_layers.map_or(layer, |total| layer.min(total))),
        total_layers,
        name,
    }
}

/// A temperature that a sensor can have, °C.
fn sane(celsius: f32) -> Option<f32> {
    (-50.0..=500.0).contains(&celsius).then_some(celsius)
}

/// Both halves of a packed temperature (protocol 4.6): 16056565 is 245 of 245 °C.
fn unpack(packed: i64) -> Heater {
    let half = |shift: u32| Hex(packed.cast_unsigned()).bits(shift, 16);
    let celsius = |v: u64| u16::try_from(v).ok().map(f32::from).and_then(sane);
    Heater { actual: celsius(half(0)), target: celsius(half(16)) }
}

/// A value that may be packed; older firmware of the H2D packs where others send a plain number.
fn plain_or_packed(value: f32) -> Heater {
    let packed = f64::from(value);
    match super::wire::nearest(packed) {
        Some(packed) if packed > 500 => unpack(packed),
        _ => Heater { actual: sane(value), target: None },
    }
}

/// A target outside `device`: a plain number, rounded down like the vendor does, or a packed one.
fn flat_target(value: f32) -> Option<f32> {
    let Heater { actual, target } = plain_or_packed(value);
    target.or(actual.map(f32::floor))
}

fn extruder_heater(report: &Print, id: i64) -> Option<Heater> {
    let info = report.device.as_ref()?.extruder.as_ref()?.info.as_ref()?;
    info.0.iter().find(|e| e.id == Some(id))?.temp.map(unpack)
}

fn nozzles(report: &Print, can: &Capabilities) -> [Heater; 2] {
    let flat = Heater {
        actual: report.nozzle_temper.and_then(sane),
        target: report.nozzle_target_temper.and_then(flat_target),
    };
    if can.dual_nozzle {
        [0, 1].map(|id| extruder_heater(report, id).unwrap_or_default())
    } else {
        // The flat value has decimals, and on a single nozzle it is in every report.
        let packed = extruder_heater(report, 0).unwrap_or_default();
        let right = Heater { actual: flat.actual.or(packed.actual), target: flat.target.or(packed.target) };
        [right, Heater::default()]
    }
}

fn active_nozzle(report: &Print) -> Option<Side> {
    let state = report.device.as_ref()?.extruder.as_ref()?.state?;
    // 15 means that it is being switched: the one before stays (protocol 4.12).
    match (state >> 4) & 0xF {
        0 => Some(Side::Right),
        1 => Some(Side::Left),
        _ => None,
    }
}

fn bed(report: &Print) -> Heater {
    let device = report.device.as_ref();
    let packed = device
        .and_then(|d| d.bed.as_ref()?.info.as_ref()?.temp.or(d.bed_temp))
        .or(device.and_then(|d| d.bed_temp))
        .map(unpack)
        .unwrap_or_default();
    Heater {
        actual: packed.actual.or(report.bed_temper.and_then(sane)),
        target: packed.target.or(report.bed_target_temper.and_then(flat_target)),
    }
}

fn chamber(report: &Print, can: &Capabilities) -> Heater {
    let packed = report.device.as_ref().and_then(|d| d.ctc.as_ref()?.info.as_ref()?.temp).map(unpack);
    let flat = report.chamber_temper.map(plain_or_packed).unwrap_or_default();
    let heater = packed.unwrap_or(Heater { actual: flat.actual, target: flat.target });
    let target = heater.target.or(report.ctt).or(report.mc_target_cham).and_then(sane);
    Heater { actual: heater.actual, target: target.filter(|_| can.chamber_heater) }
}

/// Percent from the printer's 16 steps, as the apps show it: rounded up to the next ten, so that
/// it does not flicker (protocol 4.7).
fn percent_of_15(step: i64) -> Option<u8> {
    let step = u8::try_from(step).ok().filter(|step| *step <= 15)?;
    Some((step * 10).div_ceil(15) * 10)
}

fn fans(report: &Print, before: Fans) -> Fans {
    let parts = report.device.as_ref().and_then(|d| d.airduct.as_ref()?.parts.as_ref());
    let part = |id: i64| {
        let state = parts?.list.0.iter().find(|p| p.id == Some(id))?.state?;
        u8::try_from(state & 0xFF).ok().filter(|v| *v <= 100)
    };
    let fan = |id: i64, step: Option<i64>, before: Fan| {
        let percent = part(id).or_else(|| step.and_then(percent_of_15));
        // A fan that spins down passes through speeds that nobody chose.
        let chosen = percent.filter(|p| *p > 0 && before.percent.is_none_or(|before| *p >= before));
        Fan { percent, last_on: chosen.or(before.last_on) }
    };
    Fans {
        part: fan(16, report.cooling_fan_speed, before.part),
        aux: fan(32, report.big_fan1_speed, before.aux),
        chamber: fan(48, report.big_fan2_speed, before.chamber),
        second_aux: fan(160, None, before.second_aux),
        heatbreak: report.heatbreak_fan_speed.and_then(percent_of_15),
    }
}

/// A lamp, if it is reported.
fn lamp<'a>(report: &'a Print, node: &str) -> Option<&'a Light> {
    report.lights_report.as_ref()?.0.iter().find(|light| light.node.as_deref() == Some(node))
}

/// Whether it burns, if it says so.
fn burns(light: &Light) -> Option<bool> {
    match light.mode.as_deref()? {
        "on" => Some(true),
        "off" => Some(false),
        // `work_light` flashes in every capture of every model, idle or not: it tells nothing.
        "flashing" if light.node.as_deref() != Some("work_light") => Some(true),
        _ => None,
    }
}

fn chamber_light(report: &Print) -> Option<bool> {
    match lamp(report, "chamber_light") {
        Some(light) => burns(light),
        None => report.cfg.map(|cfg| cfg.bit(7)),
    }
}

fn speed(report: &Print) -> Option<Speed> {
    // An A1 sends 253 in one delta before the end: anything else keeps the old one.
    match report.spd_lvl? {
        1 => Some(Speed::Silent),
        2 => Some(Speed::Standard),
        3 => Some(Speed::Sport),
        4 => Some(Speed::Ludicrous),
        _ => None,
    }
}

fn wifi(report: &Print) -> Option<i16> {
    let dbm = report.wifi_signal.filter(|_| !wired(report))?;
    i16::try_from(dbm.0).ok().filter(|dbm| (-120..0).contains(dbm))
}

fn error(report: &Print) -> Option<PrintError> {
    let code = u32::try_from(Hex(report.print_error?.cast_unsigned()).bits(0, 32)).ok()?;
    // Smaller ones are noise of a running print (protocol 4.11).
    (code & 0xFFFF >= 0x4000).then_some(PrintError(code))
}

/// Internal to the printer; the vendor's own programs hide it (protocol 4.10).
const INTERNAL: Hms = Hms { attr: 0x0500_0600, code: 0x0002_0070 };

fn hms(report: &Print) -> Vec<Hms> {
    let list = report.hms.as_ref().map_or(&[][..], |list| &list.0);
    let mut hms: Vec<Hms> = list
        .iter()
        .filter_map(|entry| Some(Hms { attr: entry.attr?.0, code: entry.code?.0 }))
        .filter(|entry| entry.attr != 0 && entry.code != 0 && *entry != INTERNAL)
        .collect();
    // Printers send them in any order; two in another order are no change.
    hms.sort_unstable();
    hms.dedup();
    hms
}

/// Where a unit stands in `ams_exist_bits`, and its first slot in `tray_exist_bits` (protocol 3.4).
fn bit_places(unit: u8) -> Option<(u32, u32)> {
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
fn counted(exist: Option<Hex>, units: usize) -> bool {
    exist.is_some_and(|bits| usize::try_from(bits.0.count_ones()) == Ok(units))
}

/// Forgets the units that the printer's bits say are gone; after a full report, which confirms it
/// (protocol 7.4).
pub(super) fn forget_unplugged(report: &mut Print) {
    let Some(ams) = report.ams.as_mut() else { return };
    let (Some(exist), Some(units)) = (ams.ams_exist_bits, ams.ams.as_mut()) else { return };
    if !counted(Some(exist), units.0.len()) {
        let place = |unit: &Unit| bit_places(u8::try_from(unit.id?).ok()?);
        units.0.retain(|unit| place(unit).is_none_or(|(bit, _)| exist.bit(bit)));
    }
}

/// A unit that is gone, as long as only a part of a report says so: nothing is known of it.
fn unplugged(unit: &Ams) -> Ams {
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

fn ams(report: &Print, context: &Context<'_>) -> Vec<Ams> {
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
    list
}

/// Whether the printer estimates what is left on a spool; `remain` means nothing without it.
fn remaining_estimated(report: &Print) -> bool {
    let np = report.cfg.filter(|_| is_np(report)).map(|cfg| cfg.bit(17));
    np.or(report.home_flag.map(|flags| flags.bit(7))).unwrap_or(true)
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

fn one_ams(
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

/// A slot; `exists` is what the printer's bits say of a spool in it.
fn slot(tray: &Tray, exists: Option<bool>, remain_on: bool) -> Slot {
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

fn filament(tray: &Tray, material: Text, remain_on: bool) -> Filament {
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
fn color(text: &str) -> Option<Color> {
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
fn sources(report: &Print, ams: &[Ams], can: &Capabilities) -> [Option<Source>; 2] {
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
        (0..=3, _) if ams.len() == 1 => Some(Source::Ams { unit: local_unit(unit, ams), slot }),
        (0..=3 | 16 | 128..=135, _) => Some(Source::Ams { unit, slot }),
        _ => None,
    }
}

/// The Lite of an A2L has number 16, and its slots may be told without it.
fn local_unit(unit: u8, ams: &[Ams]) -> u8 {
    ams.first().map(|only| only.id).filter(|id| *id == 16).unwrap_or(unit)
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
fn activated(
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
