//! Lamps, camera, what the camera looks for, the nozzle that was mounted: what goes without a signature.
use super::super::detectors::Detectors;
use super::super::generation::Generation;
use super::super::machine::Machine;
use super::super::print_options::takes_pictures;
use super::{Body, Refusal, Verdict, refused, switch, text, unseen, whole_number};
use serde_json::Value;

pub(super) fn judge(m: &mut Machine, command: &str, request: &Body) -> Verdict {
    match command {
        "ledctrl" => light(m, request),
        // A dialog on the screen is closed.
        "uiop" => unseen(),
        // The later ones see for themselves, and pass this over.
        "set_accessories" if m.model.facts().generation != Generation::Packed => nozzle(request),
        "ipcam_record_set" => camera(request, |m, on| m.record = on),
        "ipcam_timelapse" => camera(request, |m, on| m.timelapse = on),
        "ipcam_cap_pic_set" if takes_pictures(m.model) => camera(request, |m, on| m.options.snapshot = on),
        "set_door_stat" if m.model.takes(12) => match whole_number(request, "config")? {
            way @ 0..=2 => switch(move |m| m.options.door = u8::try_from(way).unwrap_or_default()),
            _ => refused("invalid config"),
        },
        "print_cache_set" if m.model.has_bit_fields() => match request.get("config").and_then(Value::as_bool)
        {
            Some(on) => switch(move |m| m.options.keeps_files = on),
            None => refused("invalid config"),
        },
        "ipcam_resolution_set" => match text(request, "resolution") {
            "720p" => switch(|m| m.resolution = "720p"),
            "1080p" => switch(|m| m.resolution = "1080p"),
            _ => refused("invalid resolution"),
        },
        "xcam_control_set" => {
            let model = m.model;
            let index = Detectors::find(model, request).ok_or(Refusal::Silence)?;
            let Some(on) = Detectors::wish(model, request) else { return refused("invalid") };
            let level = request.get("halt_print_sensitivity").and_then(Value::as_str).map(str::to_owned);
            switch(move |m| m.detectors.set(model, index, on, level.as_deref()))
        }
        _ => Err(Refusal::Silence),
    }
}

fn light(m: &Machine, request: &Body) -> Verdict {
    let mode = match text(request, "led_mode") {
        "on" => "on",
        "off" => "off",
        "flashing" => "flashing",
        _ => return refused("invalid led_mode"),
    };
    for key in ["led_on_time", "led_off_time", "loop_times", "interval_time"] {
        whole_number(request, key)?;
    }
    let second = m.model.has_lamp("chamber_light2");
    match text(request, "led_node") {
        "chamber_light" => switch(move |m| m.light = mode),
        "chamber_light2" if second => switch(move |m| m.light2 = mode),
        // Only the answer tells of this one.
        "heatbed_light" if second && m.model.nozzles() > 1 => unseen(),
        // Reports call it flashing whatever it does.
        "work_light" => unseen(),
        other => Err(Refusal::Reason(format!("did not find the valid led: {other}"))),
    }
}

fn camera(request: &Body, set: fn(&mut Machine, bool)) -> Verdict {
    match text(request, "control") {
        "enable" => switch(move |m| set(m, true)),
        "disable" => switch(move |m| set(m, false)),
        _ => refused("invalid control"),
    }
}

fn nozzle(request: &Body) -> Verdict {
    if text(request, "accessory_type") != "nozzle" {
        return refused("invalid");
    }
    let tenths = request.get("nozzle_diameter").and_then(Value::as_f64).map(|value| (value * 10.0).round());
    let known = ["0.2", "0.4", "0.6", "0.8"].into_iter();
    let diameter = known.zip([2.0, 4.0, 6.0, 8.0]).find(|(_, known)| tenths == Some(*known));
    let kinds = ["stainless_steel", "hardened_steel", "tungsten_carbide"];
    let kind = kinds.into_iter().find(|kind| *kind == text(request, "nozzle_type"));
    match diameter.zip(kind) {
        Some(((diameter, _), kind)) => switch(move |m| m.nozzle_kind = (diameter, kind)),
        None => refused("invalid"),
    }
}
