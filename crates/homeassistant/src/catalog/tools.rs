//! What is mounted: nozzles, tool modules, the hotend rack; and the air around them.

use serde_json::{Value as Json, json};

use printer::tools::{
    AirductMode, Flow, HolderPosition, HolderState, Hotend, HotendCondition, HotendPlace, Material, Nozzle,
    ToolModule,
};
use printer::{Ams, Color, Inlet, Side, Snapshot, Source, Text};

use super::super::entity::{Entity, Value, binary, sensor, words};
use super::{DROP, flag};

fn diameter(nozzle: &Nozzle) -> Option<Value<'static>> {
    nozzle.diameter_mm.map(Value::Tenths)
}

fn material(nozzle: &Nozzle) -> Option<Value<'static>> {
    nozzle.material.map(|material| Value::from(material.name()))
}

fn materials() -> Vec<&'static str> {
    Material::ALL.map(Material::name).to_vec()
}

/// What more there is to say of a nozzle; the code also of a kind that has no word here.
fn details(nozzle: &Nozzle) -> Json {
    json!({"flow": nozzle.flow.map(Flow::name), "code": nozzle.code.as_deref()})
}

fn active(s: &Snapshot) -> &Nozzle {
    s.nozzle_kind(s.active_nozzle)
}

const TOOLS_MOUNTED: [&str; 4] = ["none", "laser10", "laser40", "cutter"];

fn tool(s: &Snapshot) -> Option<Value<'_>> {
    Some(Value::from(match s.machine.tool? {
        ToolModule::None => "none",
        ToolModule::Laser10 => "laser10",
        ToolModule::Laser40 => "laser40",
        ToolModule::Cutter => "cutter",
    }))
}

/// What is in the inlets of the switch, as slots are called elsewhere, and whether one can load through it.
fn switch_details(s: &Snapshot) -> Json {
    let of_unit = |source: &Source| matches!(source, Source::Ams { .. });
    let [a, b] = s.machine.track_switch.unwrap_or_default().inlets;
    let [a, b] = [a, b].map(|inlet| inlet.filter(of_unit)?.label());
    // The units by their numbers in topics.
    let unit = |unit: &Ams| (unit.id.to_string(), unit.inlet.map(Inlet::name).into());
    let units: serde_json::Map<_, _> = s.ams.iter().map(unit).collect();
    json!({"inlet_a": a, "inlet_b": b, "units": units, "ready": s.switch_ready()})
}

/// Whether filament is in an extruder.
fn filling(present: Option<bool>) -> Option<Value<'static>> {
    present.map(|present| if present { "loaded" } else { "empty" }.into())
}

fn fillings() -> Vec<&'static str> {
    vec!["loaded", "empty"]
}

const AIRDUCTS: [&str; 3] = ["cooling", "heating", "laser"];

fn airduct(s: &Snapshot) -> Option<Value<'_>> {
    Some(Value::from(match s.machine.airduct? {
        AirductMode::Cooling => "cooling",
        AirductMode::Heating => "heating",
        AirductMode::Laser => "laser",
    }))
}

impl Entity<Snapshot> {
    /// A nozzle's opening.
    const fn opening(self) -> Self {
        self.class("distance").unit("mm").decimals(|_| 1).icon(DROP).diagnostic().hidden()
    }
}

/// Whether nothing that these rows read is another.
pub(super) fn same(a: &Snapshot, b: &Snapshot) -> bool {
    a.nozzle_kinds == b.nozzle_kinds
        && a.active_nozzle == b.active_nozzle
        && a.machine == b.machine
        && a.ams.is(&b.ams)
}

pub(super) static TOOLS: &[Entity<Snapshot>] = &[
    sensor::<Snapshot>("nozzle_diameter", "Nozzle size", |s| diameter(active(s)))
        .opening()
        .needs(|c, _| c.nozzle_kind),
    sensor::<Snapshot>("left_nozzle_diameter", "Left nozzle size", |s| diameter(s.nozzle_kind(Side::Left)))
        .opening()
        .needs(|c, _| c.nozzle_kind && c.dual_nozzle),
    sensor::<Snapshot>("right_nozzle_diameter", "Right nozzle size", |s| {
        diameter(s.nozzle_kind(Side::Right))
    })
    .opening()
    .needs(|c, _| c.nozzle_kind && c.dual_nozzle),
    words::<Snapshot>("nozzle_type", "Nozzle type", materials, |s| material(active(s)))
        .icon(DROP)
        .diagnostic()
        .hidden()
        .needs(|c, _| c.nozzle_kind)
        .with(|a, b| active(a) != active(b), |s| details(active(s))),
    words::<Snapshot>("left_nozzle_type", "Left nozzle type", materials, |s| {
        material(s.nozzle_kind(Side::Left))
    })
    .icon(DROP)
    .diagnostic()
    .hidden()
    .needs(|c, _| c.nozzle_kind && c.dual_nozzle)
    .with(
        |a, b| a.nozzle_kind(Side::Left) != b.nozzle_kind(Side::Left),
        |s| details(s.nozzle_kind(Side::Left)),
    ),
    words::<Snapshot>("right_nozzle_type", "Right nozzle type", materials, |s| {
        material(s.nozzle_kind(Side::Right))
    })
    .icon(DROP)
    .diagnostic()
    .hidden()
    .needs(|c, _| c.nozzle_kind && c.dual_nozzle)
    .with(
        |a, b| a.nozzle_kind(Side::Right) != b.nozzle_kind(Side::Right),
        |s| details(s.nozzle_kind(Side::Right)),
    ),
    words::<Snapshot>("filament_present", "Extruder filament state", fillings, |s| {
        filling(s.machine.filament.any)
    })
    .icon("mdi:printer-3d-nozzle-outline")
    .needs(|c, _| c.filament_sensor),
    words::<Snapshot>("left_filament_present", "Left extruder filament state", fillings, |s| {
        filling(s.machine.filament.left)
    })
    .icon("mdi:printer-3d-nozzle-outline")
    .hidden()
    .needs(|c, _| c.filament_sensor && c.dual_nozzle),
    words::<Snapshot>("right_filament_present", "Right extruder filament state", fillings, |s| {
        filling(s.machine.filament.right)
    })
    .icon("mdi:printer-3d-nozzle-outline")
    .hidden()
    .needs(|c, _| c.filament_sensor && c.dual_nozzle),
    words::<Snapshot>(
        "track_switch",
        "Filament track switch",
        || vec!["idle", "busy"],
        |s| Some(if s.machine.track_switch?.busy? { "busy" } else { "idle" }.into()),
    )
    .icon("mdi:source-branch")
    .needs(|c, _| c.track_switch)
    .with(
        |a, b| {
            (a.machine.track_switch, a.switch_ready(), a.ams.is(&b.ams))
                != (b.machine.track_switch, b.switch_ready(), true)
        },
        switch_details,
    ),
    words::<Snapshot>("tool_module", "Tool module", || TOOLS_MOUNTED.to_vec(), tool)
        .icon("mdi:toolbox-outline")
        .needs(|c, _| c.tool_module),
    words::<Snapshot>("airduct_mode", "Airduct mode", || AIRDUCTS.to_vec(), airduct)
        .icon("mdi:air-filter")
        .needs(|c, _| c.airduct)
        .with(
            |a, b| a.machine.filtering != b.machine.filtering,
            |s| json!({ "filtering": s.machine.filtering }),
        ),
    binary::<Snapshot>("cooling_filter", "Cooling filter", |s| flag(s.machine.filtering))
        .class("running")
        .icon("mdi:air-filter")
        .hidden()
        .needs(|c, _| c.requests.cooling_filter),
    binary::<Snapshot>("chamber_heater", "Chamber heater", |s| flag(s.machine.chamber_heating))
        .class("running")
        .icon("mdi:heat-wave")
        .diagnostic()
        .hidden()
        .needs(|c, _| c.chamber_heating),
];

fn positions() -> Vec<&'static str> {
    [HolderPosition::ATop, HolderPosition::BTop, HolderPosition::Centre].map(HolderPosition::name).to_vec()
}

fn places() -> Vec<&'static str> {
    [HotendPlace::Mounted, HotendPlace::Docked, HotendPlace::Empty].map(HotendPlace::name).to_vec()
}

/// The hotend of a slot, counted from 0.
fn hotend(s: &Snapshot, slot: usize) -> Option<&Hotend> {
    s.rack.as_ref()?.hotends.get(slot)
}

fn place(s: &Snapshot, slot: usize) -> Option<Value<'_>> {
    Some(Value::from(hotend(s, slot)?.place?.name()))
}

fn wear(s: &Snapshot, slot: usize) -> Option<Value<'_>> {
    // What its numbers mean is not known, so they get no unit and keep their decimals.
    let wear = hotend(s, slot)?.wear?;
    Some(if wear == 0.0 { Value::Int(0) } else { format!("{wear:.3}").into() })
}

fn hotend_details(s: &Snapshot, slot: usize) -> Json {
    let Some(hotend) = hotend(s, slot) else { return json!({}) };
    json!({
        "slot": slot + 1,
        "nozzle_type": hotend.nozzle.material.map(Material::name),
        "nozzle_diameter": hotend.nozzle.diameter_mm.map(|mm| json!(tenths(mm))),
        "flow": hotend.nozzle.flow.map(Flow::name),
        "code": hotend.nozzle.code.as_deref(),
        "serial": hotend.serial.as_deref(),
        "max_temp": hotend.max_celsius,
        "wear": hotend.wear,
        "status": hotend.condition.map(HotendCondition::name),
        "color": hotend.color.as_ref().map(Color::as_str),
        "filament_id": hotend.filament_id.as_ref().map(Text::as_str),
        "filament_name": hotend.filament_name,
    })
}

/// Without the binary fraction's tail: 0.4 and not 0.4000000059.
fn tenths(mm: f32) -> f64 {
    (f64::from(mm) * 10.0).round() / 10.0
}

/// The rows of one slot of the rack.
macro_rules! hotend {
    ($slot:literal, $key:literal, $name:literal) => {
        words::<Snapshot>($key, $name, places, |s| place(s, $slot))
            .icon(DROP)
            .needs(|c, _| c.hotend_rack)
            .with(|a, b| hotend(a, $slot) != hotend(b, $slot), |s| hotend_details(s, $slot))
    };
}

macro_rules! hotend_wear {
    ($slot:literal, $key:literal, $name:literal) => {
        sensor::<Snapshot>($key, $name, |s| wear(s, $slot))
            .icon(DROP)
            .measurement()
            .decimals(|_| 3)
            .diagnostic()
            .hidden()
            .needs(|c, _| c.hotend_rack)
    };
}

pub(super) static RACK: &[Entity<Snapshot>] = &[
    words::<Snapshot>("holder_position", "Hotend rack position", positions, |s| {
        Some(Value::from(s.rack.as_ref()?.position?.name()))
    })
    .icon("mdi:arrow-up-down")
    .diagnostic()
    .hidden()
    .needs(|c, _| c.hotend_rack),
    words::<Snapshot>(
        "holder_state",
        "Hotend rack state",
        || HolderState::NAMES.to_vec(),
        |s| s.rack.as_ref()?.state?.name().map(Value::from),
    )
    .icon("mdi:state-machine")
    .diagnostic()
    .hidden()
    .needs(|c, _| c.hotend_rack),
    hotend!(0, "hotend_1", "Hotend 1"),
    hotend!(1, "hotend_2", "Hotend 2"),
    hotend!(2, "hotend_3", "Hotend 3"),
    hotend!(3, "hotend_4", "Hotend 4"),
    hotend!(4, "hotend_5", "Hotend 5"),
    hotend!(5, "hotend_6", "Hotend 6"),
    hotend_wear!(0, "hotend_1_wear", "Hotend 1 wear"),
    hotend_wear!(1, "hotend_2_wear", "Hotend 2 wear"),
    hotend_wear!(2, "hotend_3_wear", "Hotend 3 wear"),
    hotend_wear!(3, "hotend_4_wear", "Hotend 4 wear"),
    hotend_wear!(4, "hotend_5_wear", "Hotend 5 wear"),
    hotend_wear!(5, "hotend_6_wear", "Hotend 6 wear"),
];
