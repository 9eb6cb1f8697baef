//! What a printer can do: from what its full report always has, and the model where that is silent.

use crate::models::{Door, Model};
use crate::report::{Part, Print};
use crate::request::requests;
use crate::wire::Hex;
use printer::Capabilities;
use printer::options::{Setting, Settings};

use super::ams;
use super::options::options;
use super::switches::lamp;
use super::tools;

/// What a printer can do: from what its full report always has, and the model where that is silent.
///
/// Bits and members that a full report always has decide, never a value that comes and goes.
pub fn capabilities(report: &Print, model: Option<&Model>, firmware: Option<&str>) -> Capabilities {
    let model = model.filter(|model| model.filament);
    let device = report.device.as_ref();
    let dual_nozzle = has_two_nozzles(report, model);
    // The upgrade kit of a P1P brings both fans (protocol 4.9, bits 26 and 27).
    let kit = report.home_flag.is_some_and(|flags| flags.bit(26));
    let camera = report.ipcam.as_ref();
    let net = report.net.as_ref();
    let door_bit = report.is_newer() && says(report.fun, 12);
    let chamber_heater = model.is_some_and(|m| m.chamber_heater);
    let chamber_state = device.and_then(|d| d.ctc.as_ref()?.state);
    let air_ways = device.and_then(|d| d.airduct.as_ref()?.mode_list.as_ref());
    Capabilities {
        known_model: model.is_some(),
        dual_nozzle,
        chamber_sensor: model.map_or(device.is_some_and(|d| d.ctc.is_some()), |m| m.chamber_sensor),
        chamber_heater,
        aux_fan: has_fan(report, 32, kit || model.is_some_and(|m| m.aux_fan)),
        chamber_fan: has_fan(report, 48, kit || model.is_some_and(|m| m.chamber_fan)),
        second_aux_fan: has_fan(report, 160, false),
        heatbreak_fan: report.heatbreak_fan_speed.is_some(),
        chamber_light: lamp(report, "chamber_light").is_some() || model.is_some(),
        chamber_light_2: lamp(report, "chamber_light2").is_some(),
        work_light: lamp(report, "work_light").is_some(),
        timelapse: camera.is_some_and(|camera| camera.timelapse.is_some()),
        // X1C 01.09 says that it has a sound and has none, so the bit decides for unknown models only.
        prompt_sound: model.map_or(says(report.home_flag, 18) || says(report.fun, 8), |m| m.prompt_sound),
        // A printer on a cable says something here, too; the value is unknown then, and the entity stays.
        wifi: report.wifi_signal.is_some(),
        door: match model.map(|model| model.door) {
            Some(Door::HomeFlag(from)) => door_bit || firmware.is_some_and(|now| Model::at_least(now, from)),
            Some(Door::Stat) | None => door_bit,
        },
        door_check: door_bit,
        fractions: model.is_none_or(|m| m.fractions),
        purification: says(report.fun2, 4),
        blob_detection: says(report.fun2, 15),
        // P1 leave it empty.
        resolution: camera.and_then(|c| c.resolution.as_ref()).is_some_and(|size| !size.is_empty()),
        airduct: air_ways.is_some_and(|ways| !ways.0.is_empty()),
        track_switch: ams::has_switch(report),
        internal_space: camera.is_some_and(|camera| camera.tl_internal_total_kb.is_some()),
        external_space: camera.is_some_and(|camera| camera.tl_external_total_kb.is_some()),
        fire_extinguisher: device.is_some_and(|d| d.fire_ext.is_some()),
        rotary: device.is_some_and(|d| d.fourth_axis.is_some()),
        tool_module: device.is_some_and(|d| d.ext_tool.is_some()) && model.is_none_or(|m| m.tool_module),
        hotend_rack: tools::has_rack(report),
        chamber_heating: chamber_heater && chamber_state.is_some(),
        storage: report.sdcard.is_some() || report.is_newer(),
        needs_card: model.map_or(!report.is_newer(), Model::needs_card),
        filament_sensor: report.hw_switch_state.is_some(),
        nozzle_kind: report.nozzle_diameter.is_some()
            || report.nozzle_type.is_some()
            || tools::nozzle(report, 0).is_some(),
        ip: net.and_then(|net| net.info.as_ref()).is_some_and(|info| !info.0.is_empty()),
        network: net.is_some_and(|net| net.conf.is_some()),
        home_flags: report.home_flag.is_some(),
        camera: camera.is_some_and(|camera| camera.ipcam_dev.is_some()),
        live_view: camera.is_some_and(|camera| camera.rtsp_url.is_some()),
        authorisation: report.fun.is_some(),
        settings: settings(report),
        external_spools: external_spools(report),
        nozzle_max: model.map_or(300, |m| m.nozzle_max),
        bed_max: model.map_or(100, |m| m.bed_max),
        chamber_max: model.map_or(0, |m| m.chamber_max),
        requests: requests(report, model, firmware, dual_nozzle),
        job: super::job::abilities(report),
    }
}

/// What can be switched on and off.
fn settings(report: &Print) -> Settings {
    let mut settings = options(report).known();
    // How it stands is not told at all times.
    if report.is_newer() && says(report.fun, 62) {
        settings.insert(Setting::IdleHeatingProtection);
    }
    settings
}

/// Whether there are two nozzles: by its extruders, else by the model.
fn has_two_nozzles(report: &Print, model: Option<&Model>) -> bool {
    let extruders = report.device.as_ref().and_then(|device| device.extruder.as_ref());
    let count = extruders.and_then(|extruder| extruder.state).map(|state| state & 0xF);
    count.map_or(model.is_some_and(|model| model.dual_nozzle), |count| count >= 2)
}

/// Whether there is a fan: by the inventory, else by the model.
fn has_fan(report: &Print, id: i64, by_model: bool) -> bool {
    let airduct = report.device.as_ref().and_then(|device| device.airduct.as_ref());
    let parts = airduct.and_then(|airduct| airduct.parts.as_ref()).map(|parts| &parts.list.0);
    let has = |parts: &[Part], id: i64| parts.iter().any(|part| part.id == Some(id));
    // An inventory of fans is one when it has the part fan; X1C 01.09 sends an empty list.
    match parts.filter(|parts| has(parts, 16)) {
        Some(parts) => has(parts, id),
        None => by_model,
    }
}

/// How many spools hang outside.
fn external_spools(report: &Print) -> u8 {
    let flat = usize::from(report.vt_tray.is_some());
    let spools = report.vir_slot.as_ref().map_or(flat, |slots| slots.0.len());
    u8::try_from(spools.clamp(1, 2)).unwrap_or(1)
}

/// Whether a bit field is there and has this bit.
fn says(field: Option<Hex>, bit: u32) -> bool {
    field.is_some_and(|field| field.bit(bit))
}
