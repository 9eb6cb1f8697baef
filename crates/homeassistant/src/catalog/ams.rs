//! The rows of an AMS unit, of a slot and of an external spool.

use serde_json::{Value as Json, json};

use printer::cloud::Release;
use printer::command::Dry;
use printer::command::permit::Class;
use printer::{
    Ams, AmsKind, Color, Command, Content, DryingPhase, DryingState, ExternalSpool, Feeds, Filament, Slot,
    Source, Text,
};

use super::super::entity::{
    Entity, Firmware, Platform, SlotPlace, Value, binary, button, control, firmware, sensor, temperature,
    words,
};
use super::update::{summary, told};
use super::{DROP, celsius, percent, text};

/// An AMS unit.
pub static AMS: &[Entity<Ams>] = &[
    sensor::<Ams>("humidity", "Humidity", |a| percent(a.humidity))
        .class("humidity")
        .unit("%")
        .measurement()
        .lasting()
        // It wavers by one: 14 times in 34 seconds in h2d_stream.
        .deadband(2.0)
        .needs(|_, a| a.can.humidity),
    sensor::<Ams>("humidity_index", "Humidity index", |a| percent(a.humidity_index))
        .measurement()
        .icon("mdi:water-percent")
        .hidden()
        .with(|a, b| a.humidity_index != b.humidity_index, |a| json!({ "level": humidity_level(a) })),
    temperature::<Ams>("temperature", "Temperature", |a| celsius(a.temperature))
        .decimals(|_| 1)
        .needs(|_, a| a.can.temperature),
    sensor::<Ams>("drying_remaining", "Remaining drying time", |a| a.drying.remaining.map(Value::minutes))
        .class("duration")
        .unit("min")
        .needs(|_, a| a.can.dries),
    binary::<Ams>("drying", "Drying", |a| a.is_drying().map(Value::Flag))
        .class("running")
        .needs(|_, a| a.can.dries)
        .with(
            |a, b| {
                a.drying.hindrances != b.drying.hindrances
                    || a.drying.is_interrupted() != b.drying.is_interrupted()
            },
            |a| {
                json!({
                    "cannot_dry": a.drying.hindrances.iter().copied().map(hindrance).collect::<Vec<_>>(),
                    "interrupted": a.drying.is_interrupted(),
                })
            },
        ),
    temperature::<Ams>("drying_temperature", "Drying temperature", |a| {
        a.drying.temperature.map(|v| Value::Int(v.into()))
    })
    .hidden()
    .needs(|_, a| a.can.tells_drying),
    sensor::<Ams>("drying_duration", "Drying duration", |a| {
        a.drying.duration.and_then(|v| i64::try_from(v.as_secs() / 3600).ok()).map(Value::Int)
    })
    .class("duration")
    .unit("h")
    .hidden()
    .needs(|_, a| a.can.tells_drying),
    sensor::<Ams>("drying_filament", "Drying filament", |a| text(a.drying.filament.as_ref()))
        .icon(DROP)
        .hidden()
        .needs(|_, a| a.can.tells_drying),
    words::<Ams>("drying_status", "Drying status", || DRYING.map(|(_, word)| word).to_vec(), drying_status)
        .icon("mdi:heat-wave")
        .hidden()
        .needs(|_, a| a.can.dries && a.can.tells_state)
        .with(
            |a, b| (a.drying.state_code, a.drying.phase) != (b.drying.state_code, b.drying.phase),
            |a| json!({ "code": a.drying.state_code, "phase": a.drying.phase.map(DryingPhase::name) }),
        ),
    control::<Ams>(
        "drying",
        "Drying",
        Class::Dry,
        // How to dry is what the filament in the unit says; the action `dry` takes anything else.
        Platform::Switch(|unit, on| {
            if on {
                Command::Dry(Box::new(Dry { unit, plan: None, filament: None, rotate: false }))
            } else {
                Command::StopDrying { unit }
            }
        }),
        |a| a.is_drying().map(Value::Flag),
    )
    .icon("mdi:heat-wave")
    .needs(|c, a| a.can.dries && c.requests.remote_drying),
    binary::<Ams>("active", "Active", |a| Some(Value::Flag(a.active_slot.is_some()))).class("running"),
    words::<Ams>("extruder", "Extruder", || Feeds::WORDS.to_vec(), |a| Some(Value::from(a.feeds?.name())))
        .icon(DROP)
        .diagnostic()
        .hidden()
        .needs(|c, a| c.dual_nozzle && a.can.tells_state),
    sensor::<Ams>("firmware_version", "Firmware version", |a| text(a.firmware.as_ref()))
        .icon("mdi:chip")
        .diagnostic()
        .lasting()
        .hidden()
        .needs(|_, a| a.kind != AmsKind::Unknown),
    firmware::<Ams>("firmware", "Firmware", installed)
        .needs(|c, a| c.job.update && a.firmware.is_some())
        .with(
            |a, b| a.release != b.release || a.firmware != b.firmware || a.offered != b.offered,
            |a| told(release(a)),
        ),
];

/// What the update is to: the version that is offered, else the one that is installed.
fn latest(ams: &Ams) -> Option<&Text> {
    ams.firmware_available().or(ams.firmware.as_ref())
}

/// The release that the entity is about, if the cloud told of it.
fn release(ams: &Ams) -> Option<&Release> {
    ams.release.as_deref().filter(|release| Some(&release.version) == latest(ams))
}

fn installed(ams: &Ams) -> Option<Value<'_>> {
    Some(Value::Firmware(Firmware {
        installed: ams.firmware.as_deref()?,
        latest: latest(ams)?,
        summary: summary(release(ams)),
        title: "AMS firmware",
        page: None,
        progress: None,
    }))
}

/// A slot of an AMS unit.
pub static SLOT: &[Entity<Slot>] = &[
    sensor::<Slot>("tray_#", "Tray #", slot_name).icon(DROP).lasting().with(|a, b| a != b, slot_details),
    sensor::<Slot>("tray_#_type", "Tray # type", slot_type).icon("mdi:tag-outline").lasting().hidden(),
    sensor::<Slot>("tray_#_color", "Tray # color", slot_color).icon("mdi:palette").lasting().hidden(),
    sensor::<Slot>("tray_#_remaining", "Tray # remaining", |s| percent(s.filament()?.remaining))
        .unit("%")
        .measurement()
        .icon("mdi:chart-donut")
        .lasting()
        .hidden(),
    sensor::<Slot>("tray_#_remaining_weight", "Tray # remaining weight", |s| {
        s.filament()?.remaining_g().map(|grams| Value::Int(grams.into()))
    })
    .class("weight")
    .unit("g")
    .measurement()
    .lasting()
    .hidden(),
    sensor::<Slot>("tray_#_k_value", "Tray # K value", k_value)
        .icon("mdi:tune-variant")
        .lasting()
        .hidden()
        .needs(|_, s| s.tells_k),
    button::<Slot>("tray_#_load", "Load tray #", Class::Filament, |SlotPlace { unit, slot }| Command::Load {
        source: Source::Ams { unit, slot },
        celsius: None,
        side: None,
    })
    .icon("mdi:tray-arrow-down")
    .hidden()
    // With a Filament Track Switch somebody must choose the nozzle: the action `load` does.
    .needs(|c, _| c.requests.load && !c.track_switch),
    button::<Slot>("tray_#_read_rfid", "Read tag of tray #", Class::Filament, |SlotPlace { unit, slot }| {
        Command::ReadRfid { unit, slot }
    })
    .icon("mdi:nfc-search-variant")
    .hidden(),
];

/// An external spool.
pub static EXTERNAL: &[Entity<ExternalSpool>] = &[
    sensor::<ExternalSpool>("spool", "", |e| slot_name(&e.slot))
        .icon(DROP)
        .lasting()
        .with(|a, b| a.slot != b.slot, |e| spool_details(&e.slot)),
    sensor::<ExternalSpool>("type", "Type", |e| slot_type(&e.slot))
        .icon("mdi:tag-outline")
        .lasting()
        .hidden(),
    sensor::<ExternalSpool>("color", "Color", |e| slot_color(&e.slot)).icon("mdi:palette").lasting().hidden(),
    sensor::<ExternalSpool>("k_value", "K value", |e| k_value(&e.slot))
        .icon("mdi:tune-variant")
        .lasting()
        .hidden()
        .needs(|_, e| e.slot.tells_k),
    binary::<ExternalSpool>("active", "Active", |e| Some(Value::Flag(e.slot.active)))
        .class("running")
        .hidden(),
    button::<ExternalSpool>("load", "Load", Class::Filament, |number| Command::Load {
        source: Source::External(number),
        celsius: None,
        side: None,
    })
    .icon("mdi:tray-arrow-down")
    .hidden()
    // With a Filament Track Switch somebody must choose the nozzle: the action `load` does.
    .needs(|c, _| c.requests.load && !c.track_switch),
];

const DRYING: [(DryingState, &str); 8] = [
    (DryingState::Off, "off"),
    (DryingState::Checking, "checking"),
    (DryingState::Drying, "drying"),
    (DryingState::Cooling, "cooling"),
    (DryingState::Stopping, "stopping"),
    (DryingState::Error, "error"),
    (DryingState::OutOfControl, "out_of_control"),
    (DryingState::Testing, "testing"),
];

fn drying_status(ams: &Ams) -> Option<Value<'_>> {
    let state = ams.drying.state?;
    DRYING.iter().find(|(known, _)| *known == state).map(|(_, word)| Value::from(*word))
}

/// Why drying cannot begin (`DevAms::CannotDryReason` in BambuStudio's DevFilaSystem.h); a number that we
/// do not know stays one.
fn hindrance(code: u8) -> Json {
    match code {
        0 => "printer_busy".into(),
        1 => "power_insufficient".into(),
        2 => "ams_busy".into(),
        3 => "filament_at_outlet".into(),
        4 => "starting".into(),
        5 => "not_in_2d_mode".into(),
        6 => "already_drying".into(),
        7 => "updating".into(),
        8 => "power_adapter_needed".into(),
        9 => "unassigned".into(),
        10 => "filament_at_outlet_unload_by_hand".into(),
        other => other.into(),
    }
}

/// The letter that the slicer shows: A is dry, E is wet.
fn humidity_level(ams: &Ams) -> Option<&'static str> {
    ["A", "B", "C", "D", "E"].get(usize::from(ams.humidity_index?).checked_sub(1)?).copied()
}

fn slot_name(slot: &Slot) -> Option<Value<'_>> {
    match &slot.content {
        Content::Unknown => None,
        Content::Empty => Some("Empty".into()),
        Content::Filament(filament) => text(Some(&filament.name)),
    }
}

fn slot_type(slot: &Slot) -> Option<Value<'_>> {
    text(Some(&slot.filament()?.material))
}

fn slot_color(slot: &Slot) -> Option<Value<'_>> {
    slot.filament()?.color.as_ref().map(|color| color.as_str().into())
}

fn k_value(slot: &Slot) -> Option<Value<'_>> {
    text(slot.filament()?.k.as_ref())
}

/// The attributes of a slot, under the names they have in ha-bambulab, for people's cards and automations.
fn slot_details(slot: &Slot) -> Json {
    let mut details = spool_details(slot);
    if let Some(details) = details.as_object_mut() {
        details.insert("slot".into(), slot.number.into());
        details.insert("remembered".into(), slot.remembered.into());
    }
    details
}

/// The attributes of a spool, which has no number where it is the only one.
fn spool_details(slot: &Slot) -> Json {
    let mut details = filament_details(slot);
    if let Some(details) = details.as_object_mut() {
        details.insert("active".into(), slot.active.into());
        details.insert("empty".into(), matches!(slot.content, Content::Empty).into());
        details.insert("unknown".into(), matches!(slot.content, Content::Unknown).into());
        details.insert("state".into(), slot.state.into());
    }
    details
}

/// The attributes of the filament in a slot.
pub(super) fn filament_details(slot: &Slot) -> Json {
    let none = Filament::default();
    let f = slot.filament().unwrap_or(&none);
    let colors: Vec<_> = f.colors.iter().map(Color::as_str).collect();
    json!({
        "name": Some(f.name.as_str()).filter(|name| !name.is_empty()),
        "type": Some(f.material.as_str()).filter(|material| !material.is_empty()),
        "filament_id": f.id.as_deref(),
        "color": f.color.as_ref().map(Color::as_str),
        "alpha": f.color.map(|color| color.alpha),
        "cols": colors,
        "ctype": f.color_type,
        "remain": f.remaining,
        "remain_enabled": slot.estimated,
        "tray_weight": f.weight_g,
        "nozzle_temp_min": f.nozzle_min,
        "nozzle_temp_max": f.nozzle_max,
        "bed_temp": f.bed,
        "dry_temp": f.drying_temperature,
        "dry_time": f.drying_hours,
        "k_value": f.k.as_deref().and_then(|k| k.parse::<f64>().ok()),
        "cali_idx": f.calibration,
        "tag_uid": f.tag.as_ref().map(Text::as_str),
        "tray_uuid": f.uuid.as_deref(),
    })
}
