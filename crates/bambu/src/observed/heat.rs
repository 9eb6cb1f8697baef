//! Temperatures and fans (protocol 4.6 and 4.7).

use crate::report::Print;
use crate::wire::{self, Hex};
use printer::{Beyond, Capabilities, Fan, Fans, Heater, Side};

/// A temperature that a sensor can have, °C.
pub(super) fn sane(celsius: f32) -> Option<f32> {
    (-50.0..=500.0).contains(&celsius).then_some(celsius)
}

/// Both halves of a packed temperature (protocol 4.6): 16056565 is 245 of 245 °C.
pub(super) fn unpack(packed: i64) -> Heater {
    let half = |shift: u32| Hex(packed.cast_unsigned()).bits(shift, 16);
    let celsius = |v: u64| u16::try_from(v).ok().map(f32::from).and_then(sane);
    Heater { actual: celsius(half(0)), target: celsius(half(16)) }
}

/// A value that may be packed; older firmware of the H2D packs where others send a plain number.
pub(super) fn plain_or_packed(value: f32) -> Heater {
    let packed = f64::from(value);
    match wire::nearest(packed) {
        Some(packed) if packed > 500 => unpack(packed),
        _ => Heater { actual: sane(value), target: None },
    }
}

/// A target outside `device`: a plain number, rounded down like the vendor does, or a packed one.
pub(super) fn flat_target(value: f32) -> Option<f32> {
    let Heater { actual, target } = plain_or_packed(value);
    target.or(actual.map(f32::floor))
}

pub(super) fn extruder_heater(report: &Print, id: i64) -> Option<Heater> {
    let info = report.device.as_ref()?.extruder.as_ref()?.info.as_ref()?;
    info.0.iter().find(|e| e.id == Some(id))?.temp.map(unpack)
}

pub(super) fn nozzles(report: &Print, can: &Capabilities) -> [Heater; 2] {
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

/// The targets that are above what the model is known to take, and were before.
pub(super) fn beyond(report: &Print, can: &Capabilities, before: Beyond) -> Beyond {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a target is within 0 to 500 here"
    )]
    let above = |target: Option<f32>, max: u16, before: u16| {
        let target = target.map_or(0, |celsius| celsius.clamp(0.0, 500.0).ceil() as u16);
        if target > max { before.max(target) } else { before }
    };
    let [right, left] = nozzles(report, can);
    let nozzle = above(right.target, can.nozzle_max, before.nozzle);
    Beyond {
        nozzle: above(left.target, can.nozzle_max, nozzle),
        bed: above(bed(report).target, can.bed_max, before.bed),
        chamber: above(
            chamber(report, can).target.filter(|_| can.chamber_max > 0),
            can.chamber_max,
            before.chamber,
        ),
    }
}

pub(super) fn active_nozzle(report: &Print) -> Option<Side> {
    let state = report.device.as_ref()?.extruder.as_ref()?.state?;
    // 15 means that it is being switched: the one before stays (protocol 4.12).
    match (state >> 4) & 0xF {
        0 => Some(Side::Right),
        1 => Some(Side::Left),
        _ => None,
    }
}

pub(super) fn bed(report: &Print) -> Heater {
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

pub(super) fn chamber(report: &Print, can: &Capabilities) -> Heater {
    let packed = report.device.as_ref().and_then(|d| d.ctc.as_ref()?.info.as_ref()?.temp).map(unpack);
    let flat = report.chamber_temper.map(plain_or_packed).unwrap_or_default();
    let heater = packed.unwrap_or(Heater { actual: flat.actual, target: flat.target });
    let target = heater.target.or(report.ctt).or(report.mc_target_cham).and_then(sane);
    Heater { actual: heater.actual, target: target.filter(|_| can.chamber_heater) }
}

/// Percent from the printer's 16 steps, as the apps show it: rounded up to the next ten, so that
/// it does not flicker (protocol 4.7).
pub(super) fn percent_of_15(step: i64) -> Option<u8> {
    let step = u8::try_from(step).ok().filter(|step| *step <= 15)?;
    Some((step * 10).div_ceil(15) * 10)
}

pub(super) fn fans(report: &Print, before: Fans) -> Fans {
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
