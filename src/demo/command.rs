//! What a simulated printer does when it is told something, and how it answers.
//!
//! Requests are obeyed as the model would: what the machine has no part for, or what lies beyond its range,
//! is refused.
use super::facts::Family;
use super::machine::Machine;
use super::model::Model;
use serde_json::{Map, Value, json};

/// The code that stands for "this command was not signed".
const NOT_SIGNED: u32 = 0x0502_4007;

/// Why a command is refused, as `reason` or `errno` say it.
#[derive(Debug)]
enum Refusal {
    /// Nothing of that name here.
    Unknown,
    Reason(String),
    Number(i32),
}

type Verdict = Result<(), Refusal>;

fn refused(reason: &str) -> Verdict {
    Err(Refusal::Reason(reason.to_owned()))
}

/// One thing that a command changes, checked before any of its line is carried out.
enum Effect {
    Nozzle(usize, u16),
    Bed(u16),
    Chamber(u16),
    /// Fan number (1 part, 2 auxiliary, 3 chamber) and speed of 255.
    Fan(u64, u8),
    Airduct(u8),
}

impl Effect {
    fn check(&self, m: &Machine) -> Verdict {
        let fits = match self {
            Self::Nozzle(index, target) => {
                *target <= m.model.facts().nozzle_max && *index < m.model.nozzles()
            }
            Self::Bed(target) => *target <= m.model.facts().bed_max,
            Self::Chamber(target) => m.model.facts().chamber_max.is_some_and(|most| *target <= most),
            Self::Fan(index, _) => (1..=3).contains(index) || *index == 10 && m.model.has_fan(160),
            // The laser's mode is there but not ours to choose.
            Self::Airduct(mode) => *mode <= 1 && m.model.facts().modes.iter().any(|(id, ..)| id == mode),
        };
        if fits { Ok(()) } else { refused("invalid param") }
    }

    fn apply(&self, m: &mut Machine) {
        match *self {
            Self::Nozzle(index, target) => m.nozzle_mut(index).target = target,
            Self::Bed(target) => m.bed.target = target,
            Self::Chamber(target) => m.chamber.target = target,
            Self::Fan(1, speed) => m.part_fan.hold(speed),
            // Who has no such fan takes the line all the same.
            Self::Fan(2, speed) if m.model.has_fan(32) => m.aux_fan.hold(speed),
            Self::Fan(3, speed) if m.model.has_fan(48) => m.chamber_fan.hold(speed),
            Self::Fan(10, speed) => m.second_aux_fan.hold(speed),
            Self::Fan(..) => {}
            Self::Airduct(mode) => m.airduct = mode,
        }
    }
}

fn whole_number(request: &Map<String, Value>, key: &str) -> Result<u16, Refusal> {
    let number = request.get(key).and_then(Value::as_u64).and_then(|value| u16::try_from(value).ok());
    number.ok_or_else(|| Refusal::Reason(format!("invalid {key}")))
}

/// The number behind a letter, as in `S220`.
fn word(line: &str, letter: char) -> Option<f64> {
    line.split_whitespace().skip(1).find_map(|word| word.strip_prefix(letter)?.parse().ok())
}

fn celsius(line: &str) -> Result<u16, Refusal> {
    let value = word(line, 'S').filter(|value| (0.0..=999.0).contains(value));
    let value = value.ok_or_else(|| Refusal::Reason("invalid gcode".to_owned()))?;
    Ok(u16::try_from(super::parts::count(value.round())).unwrap_or(u16::MAX))
}

/// What the lines of a `gcode_line` change; lines that only move or calibrate change nothing we show.
fn gcode(m: &Machine, lines: &str) -> Result<Vec<Effect>, Refusal> {
    let mut effects = Vec::new();
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let effect = match line.split_whitespace().next().unwrap_or_default() {
            "M104" | "M109" => {
                let nozzle = word(line, 'T').map_or(m.active, |tool| usize::from(tool > 0.0));
                Effect::Nozzle(nozzle, celsius(line)?)
            }
            "M140" | "M190" => Effect::Bed(celsius(line)?),
            "M141" => Effect::Chamber(celsius(line)?),
            "M106" => {
                let fan = word(line, 'P').map_or(1, |fan| u64::from(super::parts::count(fan)));
                let speed =
                    u8::try_from(celsius(line)?).map_err(|_| Refusal::Reason("invalid gcode".to_owned()))?;
                Effect::Fan(fan, speed)
            }
            "M145" if !m.model.facts().modes.is_empty() => {
                Effect::Airduct(u8::from(word(line, 'P') == Some(1.0)))
            }
            _ => continue,
        };
        effect.check(m)?;
        effects.push(effect);
    }
    Ok(effects)
}

fn carry_out(m: &mut Machine, effects: &[Effect]) -> Verdict {
    for effect in effects {
        effect.check(m)?;
    }
    for effect in effects {
        effect.apply(m);
    }
    Ok(())
}

fn print_speed(m: &mut Machine, request: &Map<String, Value>) -> Verdict {
    match request.get("param").and_then(Value::as_str).and_then(|level| level.parse().ok()) {
        Some(level @ 1..=4) => {
            m.speed = level;
            Ok(())
        }
        _ => refused("invalid param"),
    }
}

fn print_option(m: &mut Machine, request: &Map<String, Value>) -> Verdict {
    let option = |key| request.get(key).and_then(Value::as_bool);
    if let Some(on) = option("auto_recovery") {
        m.auto_recovery = on;
    } else if let Some(on) = option("sound_enable").filter(|_| m.model.facts().sound) {
        m.sound = on;
    } else {
        return refused("option not supported");
    }
    Ok(())
}

fn chamber(m: &mut Machine, request: &Map<String, Value>) -> Verdict {
    match whole_number(request, "ctt_val")? {
        // Below that the heater would never switch on.
        1..40 => Err(Refusal::Number(-4)),
        target => carry_out(m, &[Effect::Chamber(target)]),
    }
}

fn skip(m: &mut Machine, request: &Map<String, Value>) -> Verdict {
    let objects = request.get("obj_list").and_then(Value::as_array);
    let objects: Vec<u64> = objects.into_iter().flatten().filter_map(Value::as_u64).collect();
    if objects.is_empty() || !m.busy() {
        return refused("invalid");
    }
    for object in objects {
        if !m.skipped.contains(&object) {
            m.skipped.push(object);
        }
    }
    Ok(())
}

/// Loads or unloads: old firmware reads `target` alone, later ones unit and slot.
fn change_filament(m: &mut Machine, request: &Map<String, Value>) -> Verdict {
    let number = |key| whole_number(request, key);
    let to = if m.model.is_new() {
        match (number("ams_id")?, number("slot_id")?) {
            (_, 255) => None,
            (unit, slot) => Some(m.model.spool_at(unit, usize::from(slot)).ok_or(Refusal::Number(-1))?),
        }
    } else {
        match number("target")? {
            255 => None,
            slot @ 0..16 => {
                let spool = m.model.spool_at(slot / 4, usize::from(slot % 4));
                Some(spool.ok_or(Refusal::Number(-1))?)
            }
            // The spool outside, where that is what feeds.
            254 if m.model.facts().units.is_empty() => Some(0),
            _ => return Err(Refusal::Number(-1)),
        }
    };
    if m.change_by_hand(to) { Ok(()) } else { refused("printer is busy") }
}

fn dry(m: &mut Machine, request: &Map<String, Value>) -> Verdict {
    let Some((index, hottest)) = m.model.dryer(whole_number(request, "ams_id")?) else {
        return refused("invalid ams_id");
    };
    let Some(unit) = m.units.get_mut(index) else { return refused("invalid ams_id") };
    let filament = request.get("filament").and_then(Value::as_str).unwrap_or_default();
    match (whole_number(request, "mode")?, whole_number(request, "temp")?, whole_number(request, "duration")?)
    {
        (0, _, _) => unit.drying = None,
        // The name comes back in reports: only what needs no escape.
        (1, degrees, hours @ 1..=24)
            if (45..=hottest).contains(&degrees)
                && filament.len() <= 16
                && filament.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" -+".contains(&byte)) =>
        {
            unit.dry(filament.to_owned(), degrees, hours);
        }
        _ => return refused("invalid param"),
    }
    Ok(())
}

fn print(m: &mut Machine, command: &str, request: &Map<String, Value>) -> Verdict {
    let new = m.model.is_new();
    match command {
        "pause" if m.gcode_state() == "RUNNING" => m.paused = true,
        "resume" if m.paused => m.paused = false,
        "stop" if m.busy() => m.stop(),
        "pause" | "resume" | "stop" => return refused("invalid state"),
        "print_speed" => return print_speed(m, request),
        "print_option" => return print_option(m, request),
        "skip_objects" => return skip(m, request),
        "clean_print_error" => m.print_error = 0,
        "gcode_line" => {
            let lines = request.get("param").and_then(Value::as_str).unwrap_or_default();
            let effects = gcode(m, lines)?;
            return carry_out(m, &effects);
        }
        "set_nozzle_temp" if new => {
            let nozzle = usize::from(whole_number(request, "extruder_index")?);
            return carry_out(m, &[Effect::Nozzle(nozzle, whole_number(request, "target_temp")?)]);
        }
        "set_bed_temp" if new => return carry_out(m, &[Effect::Bed(whole_number(request, "temp")?)]),
        "set_ctt" if new => return chamber(m, request),
        "set_fan" if new => {
            let speed = whole_number(request, "speed")?;
            if speed > 100 {
                return refused("invalid speed");
            }
            let speed = super::parts::whole((f64::from(speed) * 2.55).ceil());
            return carry_out(m, &[Effect::Fan(u64::from(whole_number(request, "fan_index")?), speed)]);
        }
        "set_airduct" if new => {
            let mode = u8::try_from(whole_number(request, "modeId")?).unwrap_or(u8::MAX);
            return carry_out(m, &[Effect::Airduct(mode)]);
        }
        "ams_change_filament" => return change_filament(m, request),
        "ams_filament_drying" if new => return dry(m, request),
        "back_to_center" | "xyz_ctrl" | "project_file" if m.busy() => {
            return refused("printer is busy");
        }
        // Sound and motion that no report shows.
        "buzzer_ctrl" | "back_to_center" | "xyz_ctrl" if new => {}
        // Whatever is sent to print, the demo prints what is next in turn.
        "project_file" => m.start_job(),
        _ => return Err(Refusal::Unknown),
    }
    Ok(())
}

fn light(m: &mut Machine, request: &Map<String, Value>) -> Verdict {
    let mode = match request.get("led_mode").and_then(Value::as_str) {
        Some("on") => "on",
        Some("off") => "off",
        Some("flashing") => "flashing",
        _ => return refused("invalid led_mode"),
    };
    for key in ["led_on_time", "led_off_time", "loop_times", "interval_time"] {
        whole_number(request, key)?;
    }
    match request.get("led_node").and_then(Value::as_str).unwrap_or_default() {
        "chamber_light" => m.light = mode,
        "chamber_light2" if m.model.has_lamp("chamber_light2") => m.light2 = mode,
        "heatbed_light" if m.model.has_lamp("chamber_light2") => {}
        "work_light" => {}
        other => return refused(&format!("did not find the valid led: {other}")),
    }
    Ok(())
}

fn camera(m: &mut Machine, command: &str, request: &Map<String, Value>) -> Verdict {
    let on = match request.get("control").and_then(Value::as_str) {
        Some("enable") => true,
        Some("disable") => false,
        _ => return refused("invalid control"),
    };
    match command {
        "ipcam_record_set" => m.record = on,
        "ipcam_timelapse" => m.timelapse = on,
        _ => return Err(Refusal::Unknown),
    }
    Ok(())
}

/// Obeys one command and says what goes back: the request again, with its outcome.
pub(super) fn obey(m: &mut Machine, category: &str, request: &Map<String, Value>) -> Option<Value> {
    let command = request.get("command").and_then(Value::as_str).unwrap_or_default();
    if m.signed_only && matches!(category, "print" | "upgrade") && command != "extrusion_cali_get" {
        m.show_verify_failed();
        let sequence = request.get("sequence_id").cloned().unwrap_or_default();
        let mut ack = json!({"command": command, "err_code": NOT_SIGNED, "sequence_id": sequence});
        if m.model.facts().family != Family::X1 {
            ack = json!({
                "command": command,
                "result": "failed",
                "reason": "mqtt message verify failed",
                "sequence_id": sequence
            });
        }
        return Some(json!({ category: ack }));
    }
    let verdict = match category {
        "print" => print(m, command, request),
        "system" if command == "ledctrl" => light(m, request),
        // A dialog on the screen is closed.
        "system" if command == "uiop" => Ok(()),
        "camera" => camera(m, command, request),
        "xcam" if command == "xcam_control_set" => m.detectors.set(m.model, request).ok_or(Refusal::Unknown),
        "system" | "xcam" | "upgrade" => Err(Refusal::Unknown),
        _ => return None,
    };
    let mut ack = request.clone();
    let (result, reason) = match verdict {
        Ok(()) if category != "print" => ("success", String::new()),
        Ok(()) if m.model.facts().family == Family::New => {
            ack.insert("err_code".to_owned(), 0.into());
            ("SUCCESS", "SUCCESS".to_owned())
        }
        Ok(()) => ("success", "success".to_owned()),
        Err(Refusal::Unknown) => ("failed", "unknown command".to_owned()),
        Err(Refusal::Reason(reason)) => ("fail", reason),
        Err(Refusal::Number(number)) => {
            ack.insert("errno".to_owned(), number.into());
            ("fail", String::new())
        }
    };
    if m.model == Model::A1Mini && category == "print" {
        ack.remove("command");
    }
    ack.insert("result".to_owned(), result.into());
    ack.insert("reason".to_owned(), reason.into());
    Some(json!({ category: ack }))
}
