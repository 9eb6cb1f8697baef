//! Temperatures and fans.

use printer::{Capabilities, Heater, Side, Snapshot};

use super::super::entity::{Entity, Value, sensor, temperature};
use super::{DROP, celsius, percent, target};

/// Decimals of what most printers tell in whole degrees.
fn tenths(can: &Capabilities) -> u8 {
    can.fractions.into()
}

const BED: &str = "mdi:radiator";

/// A nozzle that holds its temperature wavers by half a degree either way, for the whole of a print.
const NOZZLE_DEADBAND: f32 = 1.0;

fn actual(heater: Heater) -> Option<Value<'static>> {
    celsius(heater.actual)
}

/// Whether nothing that these rows read is another.
pub(super) fn same(a: &Snapshot, b: &Snapshot) -> bool {
    (a.nozzles, a.active_nozzle, a.bed, a.chamber, a.fans)
        == (b.nozzles, b.active_nozzle, b.bed, b.chamber, b.fans)
}

pub(super) static HEAT: &[Entity<Snapshot>] = &[
    temperature::<Snapshot>("nozzle_temperature", "Nozzle temperature", |s| {
        actual(s.nozzle(s.active_nozzle))
    })
    .decimals(tenths)
    .deadband(NOZZLE_DEADBAND)
    .repeats(|c| c.dual_nozzle)
    .icon(DROP),
    temperature::<Snapshot>("nozzle_target", "Nozzle target temperature", |s| {
        target(s.nozzle(s.active_nozzle))
    })
    .repeats(|c| c.dual_nozzle)
    .icon(DROP),
    temperature::<Snapshot>("left_nozzle_temperature", "Left nozzle temperature", |s| {
        actual(s.nozzle(Side::Left))
    })
    .needs(|c, _| c.dual_nozzle)
    .deadband(NOZZLE_DEADBAND)
    .icon(DROP),
    temperature::<Snapshot>("left_nozzle_target", "Left nozzle target temperature", |s| {
        target(s.nozzle(Side::Left))
    })
    .needs(|c, _| c.dual_nozzle)
    .icon(DROP),
    temperature::<Snapshot>("right_nozzle_temperature", "Right nozzle temperature", |s| {
        actual(s.nozzle(Side::Right))
    })
    .needs(|c, _| c.dual_nozzle)
    .deadband(NOZZLE_DEADBAND)
    .icon(DROP),
    temperature::<Snapshot>("right_nozzle_target", "Right nozzle target temperature", |s| {
        target(s.nozzle(Side::Right))
    })
    .needs(|c, _| c.dual_nozzle)
    .icon(DROP),
    temperature::<Snapshot>("bed_temperature", "Bed temperature", |s| actual(s.bed))
        .decimals(tenths)
        .icon(BED),
    temperature::<Snapshot>("bed_target", "Bed target temperature", |s| target(s.bed)).icon(BED),
    temperature::<Snapshot>("chamber_temperature", "Chamber temperature", |s| actual(s.chamber))
        .needs(|c, _| c.chamber_sensor),
    temperature::<Snapshot>("chamber_target", "Chamber target temperature", |s| target(s.chamber))
        .needs(|c, _| c.chamber_heater),
    sensor::<Snapshot>("part_fan_speed", "Cooling fan speed", |s| percent(s.fans.part.percent))
        .fan()
        .shown_by("part_fan"),
    sensor::<Snapshot>("aux_fan_speed", "Aux fan speed", |s| percent(s.fans.aux.percent))
        .needs(|c, _| c.aux_fan)
        .fan()
        .shown_by("aux_fan"),
    sensor::<Snapshot>("chamber_fan_speed", "Chamber fan speed", |s| percent(s.fans.chamber.percent))
        .needs(|c, _| c.chamber_fan)
        .fan()
        .shown_by("chamber_fan"),
    sensor::<Snapshot>("secondary_aux_fan_speed", "Secondary aux fan speed", |s| {
        percent(s.fans.second_aux.percent)
    })
    .needs(|c, _| c.second_aux_fan)
    .fan()
    .shown_by("secondary_aux_fan"),
    sensor::<Snapshot>("heatbreak_fan_speed", "Heatbreak fan speed", |s| percent(s.fans.heatbreak))
        .needs(|c, _| c.heatbreak_fan)
        .fan()
        .hidden(),
];
