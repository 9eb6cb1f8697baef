//! THE table of entities: a new one is a row here and a field in the snapshot.
//!
//! Names are those that people know from the ha-bambulab integration, where it has the same thing.
//! A key is for ever: changing one orphans a user's history.

use std::time::Duration;

use serde_json::json;

use crate::printer::{
    Ams, AmsKind, Color, Command, Control, ExternalSpool, FanKind, Filament, Heater, LightKind, Reach, Side,
    Slot, Snapshot, Source, Speed, Stage, Status, Text,
};

use super::Bridge;
use super::entity::{Entity, Platform, Value, binary, button, control, sensor, temperature, words};

const DROP: &str = "mdi:printer-3d-nozzle";
const BED: &str = "mdi:radiator";

fn celsius(value: Option<f32>) -> Option<Value<'static>> {
    value.map(Value::celsius)
}

fn actual(heater: Heater) -> Option<Value<'static>> {
    celsius(heater.actual)
}

fn target(heater: Heater) -> Option<Value<'static>> {
    celsius(heater.target)
}

fn percent(value: Option<u8>) -> Option<Value<'static>> {
    value.map(|v| Value::Int(v.into()))
}

fn flag(value: Option<bool>) -> Option<Value<'static>> {
    value.map(Value::Flag)
}

fn text(value: Option<&Text>) -> Option<Value<'_>> {
    value.map(|t| Value::from(t.as_str()))
}

const STATUS: [&str; 9] =
    ["failed", "finish", "idle", "init", "offline", "pause", "prepare", "running", "slicing"];

fn status(s: &Snapshot) -> Option<Value<'_>> {
    if s.reach != Reach::Online {
        return Some("offline".into());
    }
    Some(Value::from(match s.status? {
        Status::Failed => "failed",
        Status::Finish => "finish",
        Status::Idle => "idle",
        Status::Init => "init",
        Status::Pause => "pause",
        Status::Prepare => "prepare",
        Status::Running => "running",
        Status::Slicing => "slicing",
    }))
}

fn stages() -> Vec<&'static str> {
    std::iter::once("offline").chain(Stage::names()).collect()
}

fn stage(s: &Snapshot) -> Option<Value<'_>> {
    if s.reach == Reach::Online { s.stage?.name().map(Value::from) } else { Some("offline".into()) }
}

const SPEEDS: [&str; 4] = ["silent", "standard", "sport", "ludicrous"];

fn speed(s: &Snapshot) -> Option<Value<'_>> {
    Some(Value::from(match s.speed? {
        Speed::Silent => "silent",
        Speed::Standard => "standard",
        Speed::Sport => "sport",
        Speed::Ludicrous => "ludicrous",
    }))
}

fn to_speed(index: usize) -> Option<Command> {
    [Speed::Silent, Speed::Standard, Speed::Sport, Speed::Ludicrous].get(index).copied().map(Command::Speed)
}

/// The short name of what feeds a nozzle: `A1-3`, `HT1`, `Ext`.
fn slot_label(s: &Snapshot, side: Side) -> Option<Value<'_>> {
    Some(match s.source(side)? {
        Source::Nothing => "none".into(),
        Source::External(1) => "Ext".into(),
        Source::External(number) => format!("Ext{number}").into(),
        Source::Ams { unit, slot } => {
            let known = s.ams.iter().find(|ams| ams.id == unit);
            known?.slot_label(slot).to_string().into()
        }
    })
}

/// What feeds a nozzle, by its name.
fn feeding(s: &Snapshot, side: Side) -> Option<Value<'_>> {
    match s.source(side)? {
        Source::Nothing => Some("none".into()),
        source => text(s.filament(source)?.name()),
    }
}

fn control_mode(s: &Snapshot) -> Option<Value<'_>> {
    Some(Value::from(match s.control {
        _ if s.read_only => "read_only",
        Control::Full => "full",
        Control::Limited => "limited",
        Control::Unknown => return None,
    }))
}

/// The printer.
pub static PRINTER: &[Entity<Snapshot>] = &[
    words::<Snapshot>("status", "Print status", || STATUS.to_vec(), status)
        .icon("mdi:printer-3d")
        .lasting()
        .early(),
    words::<Snapshot>("stage", "Current stage", stages, stage).icon("mdi:file-tree").lasting().early(),
    sensor::<Snapshot>("progress", "Print progress", |s| percent(s.job.progress))
        .unit("%")
        .measurement()
        .icon("mdi:progress-clock"),
    sensor::<Snapshot>("remaining_time", "Remaining time", |s| s.job.remaining.map(Value::minutes))
        .class("duration")
        .unit("min"),
    sensor::<Snapshot>("end_time", "End time", |s| s.job.ends_at.map(Value::Time)).class("timestamp"),
    sensor::<Snapshot>("layer", "Current layer", |s| s.job.layer.map(|v| Value::Int(v.into())))
        .measurement()
        .icon("mdi:layers"),
    sensor::<Snapshot>("total_layers", "Total layer count", |s| {
        s.job.total_layers.map(|v| Value::Int(v.into()))
    })
    .icon("mdi:layers-triple"),
    sensor::<Snapshot>("job_name", "Task name", |s| text(s.job.name.as_ref()))
        .icon("mdi:file-document-outline")
        .lasting()
        .with(|a, b| a.job.name != b.job.name, |s| json!({ "name": s.job.name.as_deref() })),
    temperature::<Snapshot>("nozzle_temperature", "Nozzle temperature", |s| {
        actual(s.nozzle(s.active_nozzle))
    })
    .icon(DROP),
    temperature::<Snapshot>("nozzle_target", "Nozzle target temperature", |s| {
        target(s.nozzle(s.active_nozzle))
    })
    .whole()
    .icon(DROP),
    temperature::<Snapshot>("left_nozzle_temperature", "Left nozzle temperature", |s| {
        actual(s.nozzle(Side::Left))
    })
    .needs(|c, _| c.dual_nozzle)
    .icon(DROP),
    temperature::<Snapshot>("left_nozzle_target", "Left nozzle target temperature", |s| {
        target(s.nozzle(Side::Left))
    })
    .whole()
    .needs(|c, _| c.dual_nozzle)
    .icon(DROP),
    temperature::<Snapshot>("right_nozzle_temperature", "Right nozzle temperature", |s| {
        actual(s.nozzle(Side::Right))
    })
    .needs(|c, _| c.dual_nozzle)
    .icon(DROP),
    temperature::<Snapshot>("right_nozzle_target", "Right nozzle target temperature", |s| {
        target(s.nozzle(Side::Right))
    })
    .whole()
    .needs(|c, _| c.dual_nozzle)
    .icon(DROP),
    temperature::<Snapshot>("bed_temperature", "Bed temperature", |s| actual(s.bed)).icon(BED),
    temperature::<Snapshot>("bed_target", "Bed target temperature", |s| target(s.bed)).whole().icon(BED),
    temperature::<Snapshot>("chamber_temperature", "Chamber temperature", |s| actual(s.chamber))
        .needs(|c, _| c.chamber_sensor),
    temperature::<Snapshot>("chamber_target", "Chamber target temperature", |s| target(s.chamber))
        .whole()
        .needs(|c, _| c.chamber_heater),
    sensor::<Snapshot>("active_filament", "Active filament", |s| feeding(s, s.active_nozzle))
        .icon("mdi:printer-3d-nozzle"),
    sensor::<Snapshot>("active_slot", "Active slot", |s| slot_label(s, s.active_nozzle))
        .icon("mdi:printer-3d-nozzle"),
    sensor::<Snapshot>("left_active_slot", "Left active slot", |s| slot_label(s, Side::Left))
        .needs(|c, _| c.dual_nozzle)
        .icon(DROP),
    sensor::<Snapshot>("right_active_slot", "Right active slot", |s| slot_label(s, Side::Right))
        .needs(|c, _| c.dual_nozzle)
        .icon(DROP),
    sensor::<Snapshot>("part_fan_speed", "Cooling fan speed", |s| percent(s.fans.part.percent))
        .fan()
        .hidden(),
    sensor::<Snapshot>("aux_fan_speed", "Aux fan speed", |s| percent(s.fans.aux.percent))
        .needs(|c, _| c.aux_fan)
        .fan()
        .hidden(),
    sensor::<Snapshot>("chamber_fan_speed", "Chamber fan speed", |s| percent(s.fans.chamber.percent))
        .needs(|c, _| c.chamber_fan)
        .fan()
        .hidden(),
    sensor::<Snapshot>("second_aux_fan_speed", "Secondary aux fan speed", |s| {
        percent(s.fans.second_aux.percent)
    })
    .needs(|c, _| c.second_aux_fan)
    .fan()
    .hidden(),
    sensor::<Snapshot>("heatbreak_fan_speed", "Heatbreak fan speed", |s| percent(s.fans.heatbreak))
        .needs(|c, _| c.heatbreak_fan)
        .fan()
        .hidden(),
    words::<Snapshot>("speed_profile", "Speed profile", || SPEEDS.to_vec(), speed)
        .icon("mdi:speedometer")
        .hidden(),
    sensor::<Snapshot>("speed_modifier", "Speed modifier", |s| s.speed_percent.map(|v| Value::Int(v.into())))
        .unit("%")
        .measurement()
        .icon("mdi:speedometer")
        .hidden(),
    sensor::<Snapshot>("wifi_signal", "Wi-Fi signal", |s| s.wifi_dbm.map(|v| Value::Int(v.into())))
        .class("signal_strength")
        .unit("dBm")
        .measurement()
        .diagnostic()
        .deadband(3.0)
        .at_most_each(Duration::from_secs(60))
        .needs(|c, _| c.wifi),
    binary::<Snapshot>("connectivity", "Online", |s| Some(Value::Flag(s.reach == Reach::Online)))
        .class("connectivity")
        .diagnostic()
        .lasting()
        .early(),
    binary::<Snapshot>("hms", "HMS errors", |s| Some(Value::Flag(!s.hms.is_empty())))
        .class("problem")
        .diagnostic()
        .lasting()
        .with(
            |a, b| a.hms != b.hms,
            |s| {
                let codes: Vec<_> = s.hms.iter().map(ToString::to_string).collect();
                json!({"count": codes.len(), "codes": codes})
            },
        ),
    sensor::<Snapshot>("hms_codes", "HMS codes", |s| {
        let codes: Vec<_> = s.hms.iter().map(ToString::to_string).collect();
        Some(if codes.is_empty() { "none".into() } else { codes.join(", ").into() })
    })
    .icon("mdi:alert-circle-outline")
    .diagnostic()
    .lasting(),
    binary::<Snapshot>("print_error", "Print error", |s| {
        Some(Value::Flag(s.error.is_some_and(|e| !e.is_cancel())))
    })
    .class("problem")
    .diagnostic(),
    sensor::<Snapshot>("print_error_code", "Print error code", |s| {
        Some(s.error.map_or("none".into(), |e| e.to_string().into()))
    })
    .icon("mdi:alert-circle-outline")
    .diagnostic(),
    sensor::<Snapshot>("firmware_version", "Firmware version", |s| text(s.identity.firmware.as_ref()))
        .icon("mdi:chip")
        .diagnostic()
        .lasting(),
    words::<Snapshot>("control_mode", "Control mode", || vec!["full", "limited", "read_only"], control_mode)
        .icon("mdi:shield-lock-outline")
        .diagnostic()
        .lasting(),
    control::<Snapshot>(
        "nozzle_target",
        "Nozzle target temperature",
        Platform::Number(|c| c.nozzle_max, |v| Command::NozzleTarget(Side::Right, v)),
        |s| target(s.nozzle(Side::Right)),
    )
    .heat()
    .needs(|c, _| !c.dual_nozzle),
    control::<Snapshot>(
        "left_nozzle_target",
        "Left nozzle target temperature",
        Platform::Number(|c| c.nozzle_max, |v| Command::NozzleTarget(Side::Left, v)),
        |s| target(s.nozzle(Side::Left)),
    )
    .heat()
    .needs(|c, _| c.dual_nozzle),
    control::<Snapshot>(
        "right_nozzle_target",
        "Right nozzle target temperature",
        Platform::Number(|c| c.nozzle_max, |v| Command::NozzleTarget(Side::Right, v)),
        |s| target(s.nozzle(Side::Right)),
    )
    .heat()
    .needs(|c, _| c.dual_nozzle),
    control::<Snapshot>(
        "bed_target",
        "Bed target temperature",
        Platform::Number(|c| c.bed_max, Command::BedTarget),
        |s| target(s.bed),
    )
    .heat(),
    control::<Snapshot>("part_fan", "Cooling fan", Platform::Fan(FanKind::Part), |s| {
        percent(s.fans.part.percent)
    }),
    control::<Snapshot>("aux_fan", "Aux fan", Platform::Fan(FanKind::Aux), |s| percent(s.fans.aux.percent))
        .needs(|c, _| c.aux_fan),
    control::<Snapshot>("chamber_fan", "Chamber fan", Platform::Fan(FanKind::Chamber), |s| {
        percent(s.fans.chamber.percent)
    })
    .needs(|c, _| c.chamber_fan),
    control::<Snapshot>("second_aux_fan", "Secondary aux fan", Platform::Fan(FanKind::SecondAux), |s| {
        percent(s.fans.second_aux.percent)
    })
    .needs(|c, _| c.second_aux_fan),
    control::<Snapshot>(
        "chamber_light",
        "Chamber light",
        Platform::Light(|on| Command::Light(LightKind::Chamber, on)),
        |s| flag(s.chamber_light),
    )
    .needs(|c, _| c.chamber_light),
    control::<Snapshot>(
        "work_light",
        "Work light",
        Platform::Light(|on| Command::Light(LightKind::Work, on)),
        |s| flag(s.work_light),
    )
    .needs(|c, _| c.work_light)
    .hidden(),
    control::<Snapshot>("speed_profile", "Printing speed", Platform::Select(&SPEEDS, to_speed), speed)
        .icon("mdi:speedometer"),
    control::<Snapshot>("timelapse", "Timelapse", Platform::Switch(Command::Timelapse), |s| {
        flag(s.timelapse)
    })
    .icon("mdi:camera")
    .config()
    .needs(|c, _| c.timelapse),
    control::<Snapshot>("prompt_sound", "Prompt sound", Platform::Switch(Command::PromptSound), |s| {
        flag(s.prompt_sound)
    })
    .icon("mdi:volume-high")
    .config()
    .needs(|c, _| c.prompt_sound),
    button::<Snapshot>("pause", "Pause printing", Command::Pause).icon("mdi:pause"),
    button::<Snapshot>("resume", "Resume printing", Command::Resume).icon("mdi:play"),
    button::<Snapshot>("stop", "Stop printing", Command::Stop).icon("mdi:stop"),
    button::<Snapshot>("refresh", "Force refresh data", Command::Refresh)
        .icon("mdi:refresh")
        .diagnostic()
        .lasting()
        .early(),
];

impl<T> Entity<T> {
    /// A fan's speed.
    const fn fan(self) -> Self {
        self.unit("%").measurement().icon("mdi:fan")
    }

    /// A temperature to set.
    const fn heat(self) -> Self {
        self.class("temperature").unit("°C")
    }
}

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
];

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

/// The gateway itself.
pub static BRIDGE: &[Entity<Bridge>] = &[
    binary::<Bridge>("cloud", "Cloud connection", |b| Some(Value::Flag(b.cloud_connected)))
        .class("connectivity")
        .diagnostic()
        .early(),
    words::<Bridge>(
        "account",
        "Account",
        || super::Account::WORDS.to_vec(),
        |b| Some(b.account.word().into()),
    )
    .icon("mdi:account-key")
    .diagnostic()
    .early(),
    sensor::<Bridge>("printers", "Printers", |b| Some(Value::Int(b.printers.into())))
        .icon("mdi:printer-3d")
        .diagnostic()
        .early(),
    sensor::<Bridge>("printers_online", "Printers online", |b| Some(Value::Int(b.printers_online.into())))
        .icon("mdi:printer-3d")
        .diagnostic()
        .early(),
    sensor::<Bridge>("version", "Version", |b| Some(b.version.into())).icon("mdi:tag").diagnostic().early(),
];
