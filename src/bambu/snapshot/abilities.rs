//! What a printer can do: from what its full report always has, and the model where that is silent.

use crate::bambu::models::Model;
use crate::bambu::report::Print;
use crate::printer::Capabilities;

use super::switches::lamp;

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
pub(super) fn wired(report: &Print) -> bool {
    report.net.as_ref().and_then(|net| net.conf).is_some_and(|conf| conf & 1 == 1)
}
