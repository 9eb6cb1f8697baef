//! A [`Command`] to the requests that this printer understands (protocol 5).

use serde_json::{Value, json};

use crate::printer::{Command, FanKind, LightKind, Side, Speed};

use super::report::Print;
use super::snapshot::is_np;

/// A message for a printer's request topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its top-level member.
    pub category: &'static str,
    /// Its command, for matching the answer.
    pub command: &'static str,
    /// Its number, for matching the answer.
    pub sequence_id: u32,
    /// The document to send.
    pub payload: String,
    /// Whether it changes something, and so must arrive (`QoS` 1).
    pub control: bool,
}

/// Which forms of requests a printer understands; from its report, not from its model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::struct_excessive_bools, reason = "a set of independent abilities")]
pub struct Dialect {
    /// Two nozzles: targets are set by `set_nozzle_temp`.
    pub dual_nozzle: bool,
    /// `set_bed_temp` (`fun` bit 39).
    pub typed_bed: bool,
    /// `set_fan`: the fans are listed in `device.airduct`.
    pub airduct: bool,
    /// A second chamber lamp.
    pub second_light: bool,
}

impl Dialect {
    /// What a printer with this report understands.
    pub fn of(report: &Print, dual_nozzle: bool, second_light: bool) -> Self {
        let parts = report.device.as_ref().and_then(|d| d.airduct.as_ref()?.parts.as_ref());
        Self {
            dual_nozzle,
            typed_bed: report.fun.is_some_and(|fun| fun.bit(39)),
            airduct: is_np(report) && parts.is_some_and(|parts| !parts.list.0.is_empty()),
            second_light,
        }
    }
}

/// Asks for boards and firmware.
pub fn get_version(sequence_id: u32) -> Request {
    request(sequence_id, "info", "get_version", json!({}))
}

/// Asks for the whole state.
pub fn pushall(sequence_id: u32) -> Request {
    request(sequence_id, "pushing", "pushall", json!({"version": 1, "push_target": 1}))
}

/// Asks to go on reporting, where another client stopped it.
pub fn start_pushing(sequence_id: u32) -> Request {
    request(sequence_id, "pushing", "start", json!({}))
}

/// The requests for a command, in order; the answer to the first one counts.
///
/// Empty for [`Command::Refresh`], which is more than a request.
pub fn of_command(command: &Command, dialect: Dialect, mut next_id: impl FnMut() -> u32) -> Vec<Request> {
    let mut print = |name, body| vec![control(next_id(), "print", name, body)];
    match *command {
        Command::Refresh => Vec::new(),
        Command::Pause => print("pause", json!({"param": ""})),
        Command::Resume => print("resume", json!({"param": ""})),
        Command::Stop => print("stop", json!({"param": ""})),
        Command::Speed(speed) => {
            let number = match speed {
                Speed::Silent => "1",
                Speed::Standard => "2",
                Speed::Sport => "3",
                Speed::Ludicrous => "4",
            };
            print("print_speed", json!({"param": number}))
        }
        Command::NozzleTarget(side, celsius) if dialect.dual_nozzle => {
            let index = match side {
                Side::Right => 0,
                Side::Left => 1,
            };
            print("set_nozzle_temp", json!({"extruder_index": index, "target_temp": celsius}))
        }
        Command::NozzleTarget(_, celsius) => print("gcode_line", gcode(&format!("M104 S{celsius}"))),
        Command::BedTarget(celsius) if dialect.typed_bed => print("set_bed_temp", json!({"temp": celsius})),
        Command::BedTarget(celsius) => print("gcode_line", gcode(&format!("M140 S{celsius}"))),
        Command::Fan(kind, percent) => {
            let number = match kind {
                FanKind::Part => 1,
                FanKind::Aux => 2,
                FanKind::Chamber => 3,
                FanKind::SecondAux => 10,
            };
            if dialect.airduct {
                print("set_fan", json!({"fan_index": number, "speed": percent}))
            } else {
                let speed = (u32::from(percent) * 255).div_ceil(100);
                print("gcode_line", gcode(&format!("M106 P{number} S{speed}")))
            }
        }
        Command::PromptSound(on) => print("print_option", json!({"sound_enable": on})),
        Command::Light(LightKind::Work, on) => vec![light(next_id(), "work_light", on)],
        Command::Light(LightKind::Chamber, on) => {
            let mut requests = vec![light(next_id(), "chamber_light", on)];
            if dialect.second_light {
                requests.push(light(next_id(), "chamber_light2", on));
            }
            requests
        }
        Command::Timelapse(on) => {
            let word = if on { "enable" } else { "disable" };
            vec![control(next_id(), "camera", "ipcam_timelapse", json!({"control": word}))]
        }
    }
}

fn gcode(line: &str) -> Value {
    // Without the line end it is not executed.
    json!({"param": format!("{line}\n")})
}

fn light(sequence_id: u32, node: &str, on: bool) -> Request {
    // The times must be there even for on and off (protocol 5.7).
    let body = json!({"led_node": node, "led_mode": if on { "on" } else { "off" },
        "led_on_time": 500, "led_off_time": 500, "loop_times": 0, "interval_time": 0});
    control(sequence_id, "system", "ledctrl", body)
}

fn control(sequence_id: u32, category: &'static str, command: &'static str, body: Value) -> Request {
    Request { control: true, ..request(sequence_id, category, command, body) }
}

fn request(sequence_id: u32, category: &'static str, command: &'static str, mut body: Value) -> Request {
    if let Some(members) = body.as_object_mut() {
        members.insert("command".into(), command.into());
        members.insert("sequence_id".into(), sequence_id.to_string().into());
    }
    let payload = json!({category: body}).to_string();
    Request { category, command, sequence_id, payload, control: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(command: &Command, dialect: Dialect) -> Vec<Value> {
        let mut id = 40_000;
        let mut next = || {
            id += 1;
            id
        };
        let requests = of_command(command, dialect, &mut next);
        requests.iter().map(|r| serde_json::from_str(&r.payload).expect("json")).collect()
    }

    #[test]
    fn older_printers_take_g_code() {
        let old = Dialect::default();
        let line = |text: &str| {
            vec![json!({"print": {"sequence_id": "40001", "command": "gcode_line", "param": text}})]
        };
        assert_eq!(sent(&Command::NozzleTarget(Side::Right, 220), old), line("M104 S220\n"));
        assert_eq!(sent(&Command::BedTarget(60), old), line("M140 S60\n"));
        assert_eq!(sent(&Command::Fan(FanKind::Part, 50), old), line("M106 P1 S128\n"));
        assert_eq!(sent(&Command::Fan(FanKind::Aux, 100), old), line("M106 P2 S255\n"));
        assert_eq!(sent(&Command::Fan(FanKind::Chamber, 0), old), line("M106 P3 S0\n"));
    }

    #[test]
    fn newer_printers_take_typed_requests() {
        let new = Dialect { dual_nozzle: true, typed_bed: true, airduct: true, second_light: true };
        let print = |body: Value| vec![json!({ "print": body })];
        assert_eq!(
            sent(&Command::NozzleTarget(Side::Left, 220), new),
            print(
                json!({"sequence_id": "40001", "command": "set_nozzle_temp", "extruder_index": 1, "target_temp": 220})
            )
        );
        assert_eq!(
            sent(&Command::BedTarget(60), new),
            print(json!({"sequence_id": "40001", "command": "set_bed_temp", "temp": 60}))
        );
        assert_eq!(
            sent(&Command::Fan(FanKind::SecondAux, 60), new),
            print(json!({"sequence_id": "40001", "command": "set_fan", "fan_index": 10, "speed": 60}))
        );
        let lights = sent(&Command::Light(LightKind::Chamber, true), new);
        let nodes: Vec<_> = lights.iter().map(|l| l["system"]["led_node"].clone()).collect();
        assert_eq!(nodes, ["chamber_light", "chamber_light2"]);
    }

    #[test]
    fn the_rest_is_the_same_for_all() {
        let any = Dialect::default();
        let print = |body: Value| vec![json!({ "print": body })];
        for (command, name) in
            [(Command::Pause, "pause"), (Command::Resume, "resume"), (Command::Stop, "stop")]
        {
            assert_eq!(
                sent(&command, any),
                print(json!({"sequence_id": "40001", "command": name, "param": ""}))
            );
        }
        assert_eq!(
            sent(&Command::Speed(Speed::Sport), any),
            print(json!({"sequence_id": "40001", "command": "print_speed", "param": "3"}))
        );
        assert_eq!(
            sent(&Command::Light(LightKind::Work, false), any),
            [
                json!({"system": {"sequence_id": "40001", "command": "ledctrl", "led_node": "work_light", "led_mode": "off",
                "led_on_time": 500, "led_off_time": 500, "loop_times": 0, "interval_time": 0}})
            ]
        );
        assert_eq!(
            sent(&Command::Timelapse(true), any),
            [json!({"camera": {"sequence_id": "40001", "command": "ipcam_timelapse", "control": "enable"}})]
        );
        assert_eq!(
            sent(&Command::PromptSound(false), any),
            print(json!({"sequence_id": "40001", "command": "print_option", "sound_enable": false}))
        );
        assert_eq!(
            get_version(1).payload,
            json!({"info": {"sequence_id": "1", "command": "get_version"}}).to_string()
        );
        assert_eq!(
            serde_json::from_str::<Value>(&pushall(2).payload).expect("json"),
            json!({"pushing": {"sequence_id": "2", "command": "pushall", "version": 1, "push_target": 1}})
        );
    }
}
