//! `print_option`, one key a message, and what is switched beside it.
use super::super::machine::Machine;
use super::super::print_options::{PrintOptions, has_option};
use super::{Body, Refusal, Verdict, refused, switch, unseen};
use serde_json::Value;

type Switch = fn(&mut PrintOptions, bool);

const OPTIONS: [(&str, Switch); 6] = [
    ("auto_recovery", |options, on| options.recovery = on),
    ("sound_enable", |options, on| options.sound = on),
    ("filament_tangle_detect", |options, on| options.tangle = on),
    ("nozzle_blob_detect", |options, on| options.blob = on),
    ("air_print_detect", |options, on| options.air_print = on),
    ("auto_switch_filament", |options, on| options.backup = on),
];

pub(super) fn judge(m: &mut Machine, command: &str, request: &Body) -> Verdict {
    match command {
        "print_option" => option(m, request),
        "set_against_continued_heating_mode" if m.model.takes(62) => {
            match request.get("enable").and_then(Value::as_bool) {
                Some(on) => switch(move |m| m.options.idle_heating = on),
                None => refused("invalid enable"),
            }
        }
        // It never has anything to clean.
        "close_air_filt" if m.model.supports(4) => unseen(),
        // No report tells what is heard.
        "buzzer_ctrl" if m.model.has_lamp("chamber_light2") => match super::whole_number(request, "mode")? {
            0..=2 => unseen(),
            _ => refused("invalid mode"),
        },
        _ => Err(Refusal::Silence),
    }
}

fn option(m: &Machine, request: &Body) -> Verdict {
    let has = |key: &str| has_option(m.model, key);
    for (key, set) in OPTIONS {
        if let Some(on) = request.get(key).and_then(Value::as_bool).filter(|_| has(key)) {
            return switch(move |m| set(&mut m.options, on));
        }
    }
    let way = request.get("air_purification").and_then(Value::as_u64).filter(|_| has("air_purification"));
    if let Some(way @ 0..=2) = way.and_then(|way| u8::try_from(way).ok()) {
        return switch(move |m| m.options.purification = way);
    }
    let blob = request.get("nozzle_blob_detect_v2").and_then(Value::as_u64);
    match blob.filter(|_| has("nozzle_blob_detect_v2")).and_then(|way| u8::try_from(way).ok()) {
        Some(way @ 0..=2) => switch(move |m| m.options.blob_by_itself = way),
        _ => refused("option not supported"),
    }
}
