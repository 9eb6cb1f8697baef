//! Everything that may be asked, of every model: what leaves, what is refused, and why.
//!
//! What is expected is written out here as the notes on the protocol have it, not made by the program.
#![allow(clippy::unnecessary_wraps, clippy::match_same_arms, reason = "a table of what leaves, or nothing")]

use std::sync::Arc;
use std::time::Duration;

use bambu::models;
use bambu::request::{self, Dialect};
use homeassistant::action::{self, ACTIONS};
use homeassistant::catalog::{AMS, EXTERNAL, PRINTER, SLOT};
use homeassistant::command;
use homeassistant::topic::Topics;
use printer::cloud::{Plate, PlateObject};
use printer::command::permit::{Class, Condition};
use printer::tools::AirductMode;
use printer::update::Progress;
use printer::{
    Command, Content, Control, Facts, Hms, Now, Policy, PrintError, Reach, Snapshot, Stage, Status, permit,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::reports::{MODELS, Printer};
use crate::support::player::Player;

const DUAL: [&str; 4] = ["X2D", "H2D", "H2D Pro", "H2C"];
const H2: [&str; 4] = ["H2S", "H2D", "H2D Pro", "H2C"];
/// The newer generation, as the invented printers are.
const NEWER: [&str; 8] = ["X1C", "P2S", "A2L", "H2S", "X2D", "H2D", "H2D Pro", "H2C"];

/// Those whose invented reports say that they can be told to dry (`fun2` bit 5, protocol 4.9).
const REMOTE_DRYING: [&str; 4] = ["X2D", "H2D", "H2D Pro", "H2C"];

/// A printer of this model that has everything a model can have and takes unsigned commands, at rest,
/// loaded from the first slot, with an untagged spool in the fourth.
struct Rig {
    player: Player,
    serial: String,
    firmware: String,
}

/// Of `fun`: what is supported (protocol 4.9), and that no signature is wanted (bit 29 is 0).
fn fun(model: &str) -> String {
    // The older generation has no such thing; here it only says that no signature is wanted.
    let mut bits = if NEWER.contains(&model) { vec![9, 10, 12, 13, 32, 49] } else { vec![] };
    match model {
        _ if bits.is_empty() => {}
        "X1C" => {}
        "H2D" | "H2D Pro" => bits.extend([42, 43, 44, 45, 46]),
        "X2D" => bits.extend([38, 39, 42, 43, 44, 45, 62]),
        _ => bits.extend([38, 39, 42, 43, 44, 45]),
    }
    format!("{:X}", bits.iter().map(|bit| 1_u64 << bit).sum::<u64>())
}

impl Rig {
    fn new(model: &str, status: &str) -> Self {
        Self::of(model, status, |_| {})
    }

    /// The same with something else in its report.
    fn of(model: &str, status: &str, change: impl FnOnce(&mut Printer)) -> Self {
        let mut printer = Printer::new(model);
        printer.set(json!({"gcode_state": status, "fun": fun(model), "home_flag": 0x222A_0087,
            "nozzle_temper": 215, "s_obj": [11]}));
        if NEWER.contains(&model) {
            let unit = if model == "A2L" { 0x1000 } else { 0 };
            let extruders: Vec<_> = [(0, unit), (1, 0xFEFF)]
                .into_iter()
                .take(if DUAL.contains(&model) { 2 } else { 1 })
                .map(|(id, snow)| json!({"id": id, "temp": 215, "snow": snow}))
                .collect();
            printer.set(json!({"device": {"extruder": {"info": extruders}}}));
        }
        if let Some(unit) = printer.report["ams"]["ams"][0]["tray"].as_array_mut() {
            unit[3]["tag_uid"] = "0000000000000000".into();
            unit[3]["tray_uuid"] = "00000000000000000000000000000000".into();
            for tray in unit {
                tray["drying_temp"] = "55".into();
                tray["drying_time"] = "8".into();
            }
        }
        change(&mut printer);
        let serial = printer.serial.clone();
        let now = Now { mono: Duration::ZERO, wall: jiff::Timestamp::UNIX_EPOCH };
        let topics = Topics { base: "b".into(), discovery: "h".into(), id_prefix: "b".into() };
        let mut player = Player::new(now, &serial, "Test", &Arc::new(topics));
        player.policy(now, |policy| policy.gcode = true);
        player.hear(now, printer.version());
        player.hear(now, printer.full());
        let firmware = player.snapshot().identity.firmware.as_deref().unwrap_or("").to_owned();
        Self { player, serial, firmware }
    }

    fn snapshot(&self) -> Snapshot {
        self.player.snapshot().clone()
    }

    /// What leaves for a command, or why nothing does.
    fn sent(&self, snapshot: &Snapshot, command: &Command) -> Result<Vec<Value>, String> {
        permit(snapshot, &snapshot.policy, command).map_err(|refusal| refusal.to_string())?;
        let model = models::identify(&[], &[&snapshot.identity.model], &self.serial);
        let can = snapshot.capabilities.unwrap();
        let dialect = Dialect::of(
            self.player.twin.sessions().next().unwrap().report(),
            model,
            Some(&self.firmware),
            &can,
        );
        let mut id = 40_000;
        let requests = request::of_command(command, &dialect, snapshot, || {
            id += 1;
            id
        });
        let body = |request: &request::Request| {
            let mut document: Value = serde_json::from_str(&request.payload).unwrap();
            let members = document[request.category].as_object_mut().unwrap();
            assert_eq!(members.remove("sequence_id"), Some(request.sequence_id.to_string().into()));
            assert_eq!(members["command"], request.command);
            assert_eq!(document.as_object().unwrap().len(), 1, "one category");
            document
        };
        Ok(requests.iter().map(body).collect())
    }

    /// What leaves when this comes on an entity's or an action's topic.
    fn ask(&self, snapshot: &Snapshot, topic: &str, payload: &str) -> Result<Vec<Value>, String> {
        let payload = &slots_of(&snapshot.identity.model, payload);
        let command = match topic.strip_prefix("action/") {
            Some(name) => action::read(snapshot, name, payload.as_bytes()).command.map_err(|e| e.to_string()),
            None => command::parse(snapshot, topic, payload.as_bytes()).map_err(|e| e.to_string()),
        };
        self.sent(snapshot, &command?)
    }
}

/// The same request of a printer whose only unit is the Lite of an A2L.
fn slots_of(model: &str, payload: &str) -> String {
    if model == "A2L" { payload.replace("A1-", "L1-") } else { payload.to_owned() }
}

fn print(command: &str, members: Value) -> Option<Vec<Value>> {
    let mut body = members;
    body["command"] = command.into();
    Some(vec![json!({ "print": body })])
}

fn line(text: &str) -> Option<Vec<Value>> {
    print("gcode_line", json!({ "param": text }))
}

fn option(members: Value) -> Option<Vec<Value>> {
    print("print_option", members)
}

fn lamp(node: &str, mode: &str, ms: u32) -> Value {
    json!({"system": {"command": "ledctrl", "led_node": node, "led_mode": mode, "led_on_time": ms,
        "led_off_time": ms, "loop_times": 0, "interval_time": 0}})
}

fn detector(module: &str, on: bool, sensitivity: Option<&str>) -> Option<Vec<Value>> {
    let mut body = json!({"command": "xcam_control_set", "module_name": module, "control": on, "enable": on,
        "print_halt": true});
    if let Some(word) = sensitivity {
        body["halt_print_sensitivity"] = word.into();
    }
    Some(vec![json!({ "xcam": body })])
}

fn change(unit: u32, slot: u32, target: u32, old: u32, new: u32) -> Option<Vec<Value>> {
    print(
        "ams_change_filament",
        json!({"ams_id": unit, "slot_id": slot, "target": target, "curr_temp": old, "tar_temp": new}),
    )
}

fn when(so: bool, requests: Option<Vec<Value>>) -> Option<Vec<Value>> {
    requests.filter(|_| so)
}

/// Something that is asked: topic, payload, the state it is asked in, and what leaves, by model.
type Ask = (&'static str, &'static str, &'static str, fn(&str) -> Option<Vec<Value>>);

/// A condition, and how a printer comes into it.
type Change = (Option<Condition>, fn(&mut Snapshot));

/// What is asked, and what leaves; `None` where the model has not got it.
#[rustfmt::skip]
const ASKS: &[Ask] = &[
    ("pause", "PRESS", "RUNNING", |_| print("pause", json!({"param": ""}))),
    ("resume", "PRESS", "PAUSE", |_| print("resume", json!({"param": ""}))),
    ("stop", "PRESS", "PAUSE", |_| print("stop", json!({"param": ""}))),
    ("speed_profile", "ludicrous", "RUNNING", |_| print("print_speed", json!({"param": "4"}))),
    ("nozzle_target", "220.4", "IDLE", |m| when(!DUAL.contains(&m), line("M104 S220\n"))),
    ("right_nozzle_target", "220", "IDLE", |m| when(DUAL.contains(&m),
        print("set_nozzle_temp", json!({"extruder_index": 0, "target_temp": 220})))),
    ("left_nozzle_target", "0", "IDLE", |m| when(DUAL.contains(&m),
        print("set_nozzle_temp", json!({"extruder_index": 1, "target_temp": 0})))),
    ("bed_target", "60", "IDLE", |m| match m {
        "P2S" | "A2L" | "H2S" | "H2C" | "X2D" => print("set_bed_temp", json!({"temp": 60})),
        _ => line("M140 S60\n"),
    }),
    ("chamber_target", "50", "IDLE", |m| match m {
        "X1E" => line("M141 S50\n"),
        "X2D" | "H2S" | "H2D" | "H2D Pro" | "H2C" => Some(vec![
            json!({"print": {"command": "set_ctt", "ctt_val": 50}}),
            json!({"print": {"command": "set_airduct", "modeId": 1, "submode": -1}}),
        ]),
        _ => None,
    }),
    ("chamber_target", "0", "RUNNING", |m| match m {
        "X1E" => line("M141 S0\n"),
        "X2D" | "H2S" | "H2D" | "H2D Pro" | "H2C" => Some(vec![
            json!({"print": {"command": "set_ctt", "ctt_val": 0}}),
            json!({"print": {"command": "set_airduct", "modeId": 0, "submode": -1}}),
        ]),
        _ => None,
    }),
    ("part_fan", "50", "IDLE", |m| if NEWER.contains(&m) {
        print("set_fan", json!({"fan_index": 1, "speed": 50}))
    } else {
        line("M106 P1 S128\n")
    }),
    ("aux_fan", "100", "IDLE", |m| match m {
        "X1" | "X1E" | "P1S" => line("M106 P2 S255\n"),
        "A1" | "A1 mini" | "P1P" => None,
        // The invented A2L lists one.
        _ => print("set_fan", json!({"fan_index": 2, "speed": 100})),
    }),
    ("chamber_fan", "OFF", "IDLE", |m| match m {
        "X1" | "X1E" | "P1S" => line("M106 P3 S0\n"),
        "A1" | "A1 mini" | "P1P" | "P2S" => None,
        _ => print("set_fan", json!({"fan_index": 3, "speed": 0})),
    }),
    ("airduct_mode", "heating", "IDLE", |m| when(NEWER.contains(&m) && m != "X1C" && m != "A2L",
        print("set_airduct", json!({"modeId": 1, "submode": -1})))),
    ("chamber_light", "ON", "IDLE", |_| Some(vec![lamp("chamber_light", "on", 500)])),
    ("chamber_light", "flash", "RUNNING", |_| Some(vec![lamp("chamber_light", "flashing", 500)])),
    ("work_light", "OFF", "IDLE", |m| when(!["A1", "A1 mini", "A2L", "P1P", "P1S"].contains(&m),
        Some(vec![lamp("work_light", "off", 500)]))),
    ("heatbed_light", "ON", "IDLE", |m| when(["H2D", "H2D Pro", "H2C"].contains(&m),
        Some(vec![lamp("heatbed_light", "on", 0)]))),
    ("buzzer", r#"{"state": "ON", "tone": "beep"}"#, "IDLE", |m| when(H2.contains(&m), Some(vec![
        json!({"print": {"command": "buzzer_ctrl", "mode": 0, "reason": ""}}),
        json!({"print": {"command": "buzzer_ctrl", "mode": 2, "reason": ""}})]))),
    ("buzzer", "alarm", "IDLE", |m| when(H2.contains(&m), print("buzzer_ctrl", json!({"mode": 1, "reason": ""})))),
    ("buzzer", "OFF", "IDLE", |m| when(H2.contains(&m), print("buzzer_ctrl", json!({"mode": 0, "reason": ""})))),
    ("timelapse", "ON", "IDLE", |_| Some(vec![json!({"camera": {"command": "ipcam_timelapse", "control": "enable"}})])),
    ("recording", "OFF", "IDLE", |_| Some(vec![json!({"camera": {"command": "ipcam_record_set", "control": "disable"}})])),
    ("prompt_sound", "OFF", "IDLE", |m| when(!["X1", "X1C", "X1E", "P1P", "P1S"].contains(&m),
        option(json!({"sound_enable": false})))),
    ("auto_recovery", "ON", "IDLE", |_| option(json!({"auto_recovery": true, "option": 1}))),
    ("filament_backup", "ON", "IDLE", |_| option(json!({"auto_switch_filament": true}))),
    ("tangle_detection", "OFF", "IDLE", |_| option(json!({"filament_tangle_detect": false}))),
    ("nozzle_blob_detection", "ON", "IDLE", |m| when(m != "A2L", option(json!({"nozzle_blob_detect": true})))),
    ("smart_blob_detection", "on", "IDLE", |m| when(m == "A2L", option(json!({"nozzle_blob_detect_v2": 1})))),
    ("air_purification", "inside", "IDLE", |m| when(DUAL.contains(&m), option(json!({"air_purification": 1})))),
    ("idle_heating_protection", "OFF", "IDLE", |m| when(m == "X2D",
        print("set_against_continued_heating_mode", json!({"enable": false})))),
    ("snapshot_at_end", "OFF", "RUNNING", |m| when(m == "X2D",
        Some(vec![json!({"camera": {"command": "ipcam_cap_pic_set", "control": "disable"}})]))),
    ("foreign_object_detector", "OFF", "IDLE", |m| when(m == "X2D", detector("fod_check", false, None))),
    ("movement_detector", "ON", "RUNNING", |m| when(m == "X2D", detector("model_movement_check", true, None))),
    ("door_open_check", "pause", "IDLE", |m| when(NEWER.contains(&m),
        Some(vec![json!({"system": {"command": "set_door_stat", "config": 2}})]))),
    ("save_to_storage", "ON", "IDLE", |m| when(NEWER.contains(&m),
        Some(vec![json!({"system": {"command": "print_cache_set", "config": true}})]))),
    ("cooling_filter", "ON", "RUNNING", |m| when(["H2D", "H2D Pro"].contains(&m),
        print("set_airduct", json!({"modeId": 0, "submode": 1})))),
    ("camera_resolution", "720p", "IDLE", |_| None),
    // In the invented reports `xcam.cfg` has medium for it.
    ("air_print_detection", "ON", "IDLE", |m| if NEWER.contains(&m) && m != "X1C" {
        detector("airprint_detector", true, Some("medium"))
    } else {
        option(json!({"air_print_detect": true}))
    }),
    ("spaghetti_detector", "OFF", "RUNNING", |m| match m {
        "X1" | "X1E" => detector("spaghetti_detector", false, Some("low")),
        "X1C" => detector("spaghetti_detector", false, Some("low")),
        "P1P" | "P1S" | "A1" | "A1 mini" | "A2L" => None,
        _ => detector("spaghetti_detector", false, Some("medium")),
    }),
    ("spaghetti_sensitivity", "high", "IDLE", |m| match m {
        "P1P" | "P1S" | "A1" | "A1 mini" | "A2L" => None,
        _ => detector("spaghetti_detector", true, Some("high")),
    }),
    ("buildplate_marker_detector", "OFF", "IDLE", |m| when(NEWER.contains(&m) && m != "X1C" && m != "A2L" || m.starts_with("A1"),
        detector("buildplate_marker_detector", false, None))),
    ("action/load", r#"{"slot": "Ext", "temperature": 230}"#, "PAUSE", |m| change(255, 0, if NEWER.contains(&m) { 255 } else { 254 }, 210, 230)),
    ("action/load", r#"{"slot": "Ext2"}"#, "IDLE", |m| when(DUAL.contains(&m), change(254, 0, 254, 210, 220))),
    ("action/load", r#"{"slot": "A1-4"}"#, "IDLE", |m| if m == "A2L" { change(16, 3, 16, 210, 210) } else { change(0, 3, 3, 210, 210) }),
    ("action/load", r#"{"slot": "HT1"}"#, "IDLE", |m| when(["H2D", "H2D Pro", "X2D"].contains(&m), change(128, 0, 128, 210, 210))),
    ("unload_filament", "PRESS", "PAUSE", |m| change(if m == "A2L" { 16 } else { 0 }, 255, 255, 210, 210)),
    ("action/unload", r#"{"temperature": 250}"#, "IDLE", |m| change(if m == "A2L" { 16 } else { 0 }, 255, 255, 250, 250)),
    ("action/set_filament", r##"{"slot": "A1-4", "filament_id": "GFL99", "type": "PLA", "color": "#00ae42", "temp_min": 190, "temp_max": 240}"##,
        "IDLE", |m| print("ams_filament_setting", json!({"ams_id": if m == "A2L" { 16 } else { 0 }, "tray_id": 3, "slot_id": 3,
            "tray_info_idx": "GFL99", "setting_id": "GFSL99", "tray_color": "00AE42FF", "tray_type": "PLA",
            "nozzle_temp_min": 190, "nozzle_temp_max": 240}))),
    ("action/set_filament", r#"{"slot": "Ext", "filament_id": "P1234567", "type": "PETG", "color": "11223380", "temp_min": 220, "temp_max": 260}"#,
        "RUNNING", |_| print("ams_filament_setting", json!({"ams_id": 255, "tray_id": 254, "slot_id": 0,
            "tray_info_idx": "P1234567", "tray_color": "11223380", "tray_type": "PETG",
            "nozzle_temp_min": 220, "nozzle_temp_max": 260}))),
    ("action/reset_slot", r#"{"slot": "Ext2"}"#, "IDLE", |m| when(DUAL.contains(&m),
        print("ams_filament_setting", json!({"ams_id": 254, "tray_id": 254, "slot_id": 0, "tray_info_idx": "", "tray_color": "00000000",
            "tray_type": "", "nozzle_temp_min": 0, "nozzle_temp_max": 0})))),
    ("action/read_rfid", r#"{"slot": "A1-3"}"#, "IDLE", |m| match m {
        "X1" | "X1E" | "P1P" | "A1" => line("M620 R2\n"),
        "A2L" => print("ams_get_rfid", json!({"ams_id": 16, "slot_id": 2})),
        _ => print("ams_get_rfid", json!({"ams_id": 0, "slot_id": 2})),
    }),
    ("retry_filament", "PRESS", "PAUSE", |_| print("ams_control", json!({"param": "resume"}))),
    ("done_filament", "PRESS", "IDLE", |_| print("ams_control", json!({"param": "done"}))),
    ("action/ams_control", r#"{"command": "reset"}"#, "IDLE", |_| print("ams_control", json!({"param": "reset"}))),
    ("action/dry", r#"{"ams": 128, "temperature": 55, "hours": 8, "filament": "PETG"}"#, "IDLE", |m| when(["H2D", "H2D Pro", "X2D"].contains(&m),
        print("ams_filament_drying", json!({"ams_id": 128, "mode": 1, "temp": 55, "duration": 8, "humidity": 0, "rotate_tray": false,
            "cooling_temp": 45, "filament": "PETG", "close_power_conflict": false})))),
    ("ams/0/drying", "ON", "IDLE", |m| when(REMOTE_DRYING.contains(&m),
        print("ams_filament_drying", json!({"ams_id": 0, "mode": 1, "temp": 55, "duration": 8, "humidity": 0, "rotate_tray": false,
            "cooling_temp": 45, "filament": "PLA", "close_power_conflict": false})))),
    ("action/dry_stop", r#"{"ams": 0}"#, "RUNNING", |m| when(REMOTE_DRYING.contains(&m),
        print("ams_filament_drying", json!({"ams_id": 0, "mode": 0, "temp": 0, "duration": 0, "humidity": 0, "rotate_tray": false,
            "cooling_temp": 0, "filament": "", "close_power_conflict": false})))),
    ("ams/0/tray_2_load", "PRESS", "IDLE", |m| when(m != "A2L", change(0, 1, 1, 210, 210))),
    ("ams/0/tray_2_read_rfid", "PRESS", "PAUSE", |m| match m {
        "A2L" => None,
        "X1" | "X1E" | "P1P" | "A1" => line("M620 R1\n"),
        _ => print("ams_get_rfid", json!({"ams_id": 0, "slot_id": 1})),
    }),
    ("external/1/load", "PRESS", "IDLE", |m| change(255, 0, if NEWER.contains(&m) { 255 } else { 254 }, 210, 220)),
    ("action/skip_objects", r#"{"objects": [146, 193]}"#, "RUNNING", |_| print("skip_objects", json!({"obj_list": [146, 193]}))),
    ("action/calibrate", r#"{"steps": ["bed_leveling", "vibration", "motor_noise"]}"#, "FINISH", |_| print("calibration", json!({"option": 14}))),
    ("calibrate_lidar", "PRESS", "IDLE", |m| when(["X1", "X1C", "X1E"].contains(&m), print("calibration", json!({"option": 1})))),
    ("calibrate_nozzle_offset", "PRESS", "IDLE", |m| when(DUAL.contains(&m), print("calibration", json!({"option": 16})))),
    ("action/set_nozzle", r#"{"diameter": "0.4", "type": "hardened_steel"}"#, "IDLE", |m| when(
        ["X1", "X1C", "X1E", "P1P", "P1S", "A1", "A1 mini"].contains(&m),
        Some(vec![json!({"system": {"command": "set_accessories", "accessory_type": "nozzle", "nozzle_diameter": 0.4,
            "nozzle_type": "hardened_steel"}})]))),
    ("refresh_rack", "PRESS", "IDLE", |m| when(m == "H2C", print("holder_nozzle_refresh", json!({"id": 255})))),
    ("action/select_nozzle", r#"{"nozzle": "left"}"#, "IDLE", |m| when(DUAL.contains(&m),
        print("select_extruder", json!({"extruder_index": 1})))),
    ("home", "PRESS", "IDLE", |m| if NEWER.contains(&m) { print("back_to_center", json!({})) } else { line("G28\n") }),
    ("action/move", r#"{"axis": "x", "distance": 10}"#, "IDLE", |m| if NEWER.contains(&m) && !["X1C", "H2D", "H2D Pro"].contains(&m) {
        print("xyz_ctrl", json!({"axis": "X", "dir": 1, "mode": 1}))
    } else {
        line("M211 S\nM211 X1 Y1 Z1\nM1002 push_ref_mode\nG91 \nG1 X10.0 F3000\nM1002 pop_ref_mode\nM211 R\n")
    }),
    ("action/move", r#"{"axis": "z", "distance": -2.5}"#, "IDLE", |m| line(if ["A1", "A1 mini", "A2L"].contains(&m) {
        "M211 S\nM211 X1 Y1 Z1\nM1002 push_ref_mode\nG91 \nG1 Z2.5 F900\nM1002 pop_ref_mode\nM211 R\n"
    } else {
        "M211 S\nM211 X1 Y1 Z1\nM1002 push_ref_mode\nG91 \nG1 Z-2.5 F900\nM1002 pop_ref_mode\nM211 R\n"
    })),
    ("action/extrude", r#"{"distance": -10}"#, "IDLE", |m| if DUAL.contains(&m) {
        print("set_extrusion_length", json!({"extruder_index": 0, "length": -10}))
    } else {
        line("M83 \nG0 E-10.0 F900\n")
    }),
    ("action/gcode", r#"{"lines": ["G28", "M400 "]}"#, "IDLE", |_| line("G28\nM400\n")),
];

#[test]
fn what_leaves_is_what_the_protocol_says() {
    let mut wrong = Vec::new();
    for model in MODELS.into_iter().filter(|model| *model != "Z9") {
        for (topic, payload, status, wanted) in ASKS {
            let rig = Rig::new(model, status);
            let result = rig.ask(&rig.snapshot(), topic, payload);
            let right = match wanted(model) {
                Some(wanted) => result == Ok(wanted),
                None => result.is_err(),
            };
            if !right {
                wrong.push(format!("{topic} {payload} of a {model}: {result:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_file_is_printed_with_all_that_was_chosen() {
    let payload = r#"{"file": "/models/box.gcode.3mf", "plate": 2, "ams_mapping": ["A1-1", null, "A1-4", "Ext"],
        "timelapse": true, "bed_leveling": false}"#;
    for model in MODELS.into_iter().filter(|model| *model != "Z9") {
        let rig = Rig::new(model, "FINISH");
        let sent = rig.ask(&rig.snapshot(), "action/print", payload).unwrap();
        let (unit, first, fourth) = if model == "A2L" { (16, 0, 3) } else { (0, 0, 3) };
        let url = match model {
            "X1" | "X1C" | "X1E" | "P1P" | "P1S" | "A1" | "A1 mini" => "file:///sdcard/models/box.gcode.3mf",
            _ => "ftp:///models/box.gcode.3mf",
        };
        let mut wanted = json!({"command": "project_file", "param": "Metadata/plate_2.gcode", "url": url, "file": "",
            "md5": "", "project_id": "0", "profile_id": "0", "task_id": "0", "subtask_id": "0",
            "subtask_name": "box", "bed_type": "auto", "timelapse": true, "bed_leveling": false,
            "bed_levelling": false, "flow_cali": false, "vibration_cali": model != "P2S", "layer_inspect": false,
            "use_ams": true, "ams_mapping": [first, -1, fourth, -1],
            "ams_mapping2": [{"ams_id": unit, "slot_id": 0}, {"ams_id": 255, "slot_id": 255},
                {"ams_id": unit, "slot_id": 3}, {"ams_id": 255, "slot_id": 0}]});
        if NEWER.contains(&model) {
            wanted["auto_bed_leveling"] = 0.into();
            wanted["extrude_cali_flag"] = 0.into();
        }
        if DUAL.contains(&model) {
            wanted["nozzle_offset_cali"] = 0.into();
        }
        assert_eq!(sent, [json!({ "print": wanted })], "{model}");
    }
    let rig = Rig::new("P1S", "IDLE");
    let web = r#"{"url": "https://example.org/a/lid.3mf?x=1", "md5": "0123456789abcdef0123456789abcdef"}"#;
    let sent = rig.ask(&rig.snapshot(), "action/print", web).unwrap();
    let body = &sent[0]["print"];
    assert_eq!(body["url"], "https://example.org/a/lid.3mf?x=1");
    assert_eq!((&body["subtask_name"], &body["use_ams"]), (&json!("lid"), &json!(false)));
    assert_eq!(body["md5"], "0123456789ABCDEF0123456789ABCDEF");
}

#[test]
fn a_spool_outside_is_unloaded_by_its_own_number() {
    for (model, loaded, unit) in [("H2D", 0xFE00, 254), ("H2D", 0xFF00, 255), ("P2S", 0xFF00, 255)] {
        let rig = Rig::of(model, "IDLE", |printer| {
            let state = if loaded == 0xFE00 { 0x12 } else { u32::from(DUAL.contains(&model)) + 1 };
            let nozzle = i32::from(loaded == 0xFE00);
            let mut extruders = vec![json!({"id": nozzle, "temp": 215, "snow": loaded})];
            if DUAL.contains(&model) {
                extruders.push(json!({"id": 1 - nozzle, "temp": 215, "snow": 0xFEFF}));
            }
            printer.set(json!({"device": {"extruder": {"state": state, "info": extruders}}}));
        });
        let sent = rig.ask(&rig.snapshot(), "unload_filament", "PRESS");
        assert_eq!(sent.ok(), change(unit, 255, 255, 220, 220), "{model} {loaded:X}");
    }
}

#[test]
fn a_slot_whose_number_nobody_knows_is_not_asked_for() {
    let rig = Rig::of("P2S", "IDLE", |printer| {
        let trays = printer.report["ams"]["ams"][0]["tray"].as_array_mut().unwrap();
        trays.extend((4..9).map(|id| crate::reports::tray(id, "PLA")));
    });
    let snapshot = rig.snapshot();
    assert_eq!(snapshot.ams[0].slots.len(), 9);
    let told = rig.ask(&snapshot, "ams/0/tray_9_load", "PRESS").unwrap_err();
    assert!(told.contains("use the printer's screen"), "{told}");
}

#[test]
fn what_cannot_be_told_to_dry_says_so() {
    // An X1C with an AMS 2 Pro dries when it is told at the printer, and not from here.
    let rig = Rig::new("X1C", "IDLE");
    let snapshot = rig.snapshot();
    assert!(snapshot.ams[0].can.dries);
    for (topic, payload) in
        [("action/dry", r#"{"ams": 0, "temperature": 55, "hours": 8}"#), ("action/dry_stop", r#"{"ams": 0}"#)]
    {
        let told = rig.ask(&snapshot, topic, payload).unwrap_err();
        assert!(told.contains("at the printer"), "{topic}: {told}");
    }
    assert!(rig.ask(&snapshot, "ams/0/drying", "ON").unwrap_err().contains("there is no control"));
}

#[test]
fn an_error_is_cleared_by_its_number() {
    let rig = Rig::new("X1C", "PAUSE");
    let mut snapshot = rig.snapshot();
    assert_eq!(rig.ask(&snapshot, "clear_error", "PRESS").unwrap_err(), "there is no error to answer");
    snapshot.error = Some(printer::PrintError(50_348_044));
    let sent = rig.ask(&snapshot, "clear_error", "PRESS").unwrap();
    let clear =
        json!({"print": {"command": "clean_print_error", "subtask_id": "0", "print_error": 50_348_044}});
    let close = json!({"system": {"command": "uiop", "name": "print_error", "action": "close", "source": 1,
        "type": "dialog", "err": "0300400C"}});
    assert_eq!(sent, [clear, close]);
}

#[test]
fn a_check_that_holds_a_print_is_ignored_by_its_number() {
    let rig = Rig::of("X2D", "PAUSE", |printer| printer.set(json!({"job_id": "0"})));
    let mut snapshot = rig.snapshot();
    assert_eq!(rig.ask(&snapshot, "ignore_error", "PRESS").unwrap_err(), "there is no error to answer");
    snapshot.error = Some(PrintError(0x0500_8051));
    // Decimal: hexadecimal digits are rejected without a word.
    let ignore = json!({"err": "83918929", "param": "reserve", "job_id": "0"});
    assert_eq!(rig.ask(&snapshot, "ignore_error", "PRESS").ok(), print("ignore", ignore.clone()));
    assert_eq!(rig.ask(&snapshot, "action/ignore_error", "{}").ok(), print("ignore", ignore));
    // What holds a print is not put aside, and the plain forms stay plain.
    let told = rig.ask(&snapshot, "action/dismiss_error", "{}").unwrap_err();
    assert!(told.contains("use `ignore_error`"), "{told}");
    assert_eq!(rig.ask(&snapshot, "resume", "PRESS").ok(), print("resume", json!({"param": ""})));
    assert_eq!(rig.ask(&snapshot, "stop", "PRESS").ok(), print("stop", json!({"param": ""})));
    // That a person paused is nothing to ignore, and a laser goes on where somebody looks.
    snapshot.error = Some(PrintError(0x0300_8001));
    assert!(rig.ask(&snapshot, "ignore_error", "PRESS").unwrap_err().contains("use `resume`"));
    snapshot.error = Some(PrintError(0x0500_8051));
    snapshot.machine.tool = Some(printer::tools::ToolModule::Laser10);
    assert!(rig.ask(&snapshot, "ignore_error", "PRESS").unwrap_err().contains("laser"));
    // At rest a question is closed, for once or for good; another job has no number.
    let mut snapshot = Rig::new("X2D", "IDLE").snapshot();
    snapshot.error = Some(PrintError(0x0500_8051));
    let dismiss = |forever: u8| print("idle_ignore", json!({"err": "83918929", "type": forever}));
    assert_eq!(rig.ask(&snapshot, "action/dismiss_error", "{}").ok(), dismiss(0));
    assert_eq!(rig.ask(&snapshot, "action/dismiss_error", r#"{"forever": true}"#).ok(), dismiss(1));
    assert!(rig.ask(&snapshot, "ignore_error", "PRESS").unwrap_err().contains("only a paused print"));
}

/// An H2C whose two units lead to a Filament Track Switch; the right nozzle has the first slot.
fn with_switch(inlets: [&str; 2], left: u32) -> Rig {
    Rig::of("H2C", "IDLE", |printer| {
        printer.ams(1, "n3f", "3", "27.5", "24");
        printer.set(json!({"aux": "20001000", "device": {"extruder": {"info": [
            {"id": 0, "temp": 215, "snow": 0}, {"id": 1, "temp": 215, "snow": left}]},
            "fila_switch": {"in": [-1, 0], "out": [14, 0], "stat": 0, "info": 1}}}));
        for (unit, inlet) in printer.report["ams"]["ams"].as_array_mut().unwrap().iter_mut().zip(inlets) {
            unit["info"] = format!("1{inlet}002E03").into();
        }
    })
}

#[test]
fn with_a_switch_the_nozzle_is_named_and_without_one_it_is_not() {
    let rig = with_switch(["1", "0"], 0xFEFF);
    let snapshot = rig.snapshot();
    let load =
        |slot: &str, more: &str| rig.ask(&snapshot, "action/load", &format!(r#"{{"slot": "{slot}"{more}}}"#));
    let wanted = |unit: u8, slot: u8, target: u8, side: u8, new: i32| {
        print(
            "ams_change_filament",
            json!({"ams_id": unit, "slot_id": slot, "target": target, "curr_temp": -1,
            "tar_temp": new, "extruder_id": side}),
        )
    };
    assert_eq!(load("A2-3", r#", "nozzle": "left""#).ok(), wanted(1, 2, 6, 1, -1));
    assert_eq!(load("A1-2", r#", "nozzle": "right", "temperature": 230"#).ok(), wanted(0, 1, 1, 0, 230));
    assert_eq!(load("Ext2", r#", "nozzle": "left""#).ok(), wanted(254, 0, 254, 1, -1));
    for (slot, more, reason) in [
        ("A2-3", "", "name the nozzle"),
        ("A1-1", r#", "nozzle": "left""#, "loaded already"),
        ("Ext", r#", "nozzle": "left""#, "the other nozzle"),
    ] {
        let told = load(slot, more).unwrap_err();
        assert!(told.contains(reason), "{slot}: {told}");
    }
    // What has no choice to offer is not offered.
    assert!(rig.ask(&snapshot, "ams/0/tray_2_load", "PRESS").unwrap_err().contains("there is no control"));
    assert!(rig.ask(&snapshot, "external/1/load", "PRESS").unwrap_err().contains("there is no control"));
    let inlet = |s: &Snapshot| s.unit(1).and_then(|unit| unit.inlet);
    assert_eq!(inlet(&snapshot), Some(printer::Inlet::B));
    let one = with_switch(["1", "F"], 0xFEFF);
    assert_eq!(inlet(&one.snapshot()), None);
    let told = one.ask(&one.snapshot(), "action/load", r#"{"slot": "A1-2", "nozzle": "left"}"#).unwrap_err();
    assert!(told.contains("not set up"), "{told}");
    let none = Rig::new("H2D", "IDLE");
    let told =
        none.ask(&none.snapshot(), "action/load", r#"{"slot": "A1-2", "nozzle": "left"}"#).unwrap_err();
    assert!(told.contains("leave `nozzle` out"), "{told}");
}

#[test]
fn with_a_switch_the_unit_that_feeds_is_unloaded() {
    let unload = |left: u32, payload: &str| {
        let rig = with_switch(["1", "0"], left);
        rig.ask(&rig.snapshot(), "action/unload", payload)
    };
    assert_eq!(unload(0x0102, r#"{"nozzle": "left"}"#).ok(), change(1, 255, 255, 210, 210));
    assert_eq!(unload(0x0102, "{}").ok(), change(0, 255, 255, 210, 210));
    assert_eq!(unload(0xFE00, r#"{"nozzle": "left"}"#).ok(), change(254, 255, 255, 220, 220));
    assert!(unload(0x0002, "{}").unwrap_err().contains("same AMS"));
    assert!(unload(0x4400, r#"{"nozzle": "left"}"#).unwrap_err().contains("has not told what is loaded"));
}

#[test]
fn what_stands_fixed_or_is_not_there_is_not_set() {
    // Its heaters are being serviced.
    let rig = Rig::of("X2D", "IDLE", |printer| printer.set(json!({"cfg": "A200420080"})));
    let told = rig.ask(&rig.snapshot(), "idle_heating_protection", "ON").unwrap_err();
    assert!(told.contains("cannot be changed now"), "{told}");
    let rig = Rig::new("H2D", "IDLE");
    let mut snapshot = rig.snapshot();
    snapshot.machine.airduct = Some(AirductMode::Heating);
    assert!(rig.ask(&snapshot, "cooling_filter", "ON").unwrap_err().contains("set the airduct mode"));
    // Pictures are made larger where the printer lists the sizes.
    let sizes = json!({"ipcam": {"resolution": "1080p", "resolution_supported": ["720p", "1080p"]}});
    let rig = Rig::of("H2D", "IDLE", |printer| printer.set(sizes));
    let sent = json!({"camera": {"command": "ipcam_resolution_set", "resolution": "720p"}});
    assert_eq!(rig.ask(&rig.snapshot(), "camera_resolution", "720p"), Ok(vec![sent]));
}

#[test]
fn cleaning_the_air_is_ended_while_it_goes_on() {
    let rig = Rig::new("X2D", "FINISH");
    let mut snapshot = rig.snapshot();
    assert!(rig.ask(&snapshot, "end_purification", "PRESS").unwrap_err().contains("not being cleaned"));
    snapshot.hms = vec![Hms::PURIFYING];
    assert_eq!(rig.ask(&snapshot, "end_purification", "PRESS").ok(), print("close_air_filt", json!({})));
    (snapshot.hms, snapshot.stage) = (Vec::new(), Some(Stage(66)));
    assert_eq!(rig.ask(&snapshot, "end_purification", "PRESS").ok(), print("close_air_filt", json!({})));
}

#[test]
fn ams_settings_go_together_or_not_at_all() {
    let rig = Rig::new("H2D", "IDLE");
    let snapshot = rig.snapshot();
    let sent = rig.ask(&snapshot, "rfid_on_startup", "ON").unwrap();
    // `cfg` 420080: neither tag is read; bit 17 is set, the estimate is on.
    let wanted = json!({"print": {"command": "ams_user_setting", "ams_id": -1, "startup_read_option": true,
        "tray_read_option": false, "calibrate_remain_flag": true}});
    assert_eq!(sent, [wanted]);
    let mut unknown = snapshot;
    unknown.options = printer::Options::default();
    assert!(rig.ask(&unknown, "rfid_on_startup", "ON").unwrap_err().contains("other AMS settings"));
}

#[test]
fn movements_are_not_delivered_twice() {
    let rig = Rig::new("H2D", "IDLE");
    let snapshot = rig.snapshot();
    let model = models::identify(&[], &["H2D"], "");
    let dialect = Dialect::of(
        rig.player.twin.sessions().next().unwrap().report(),
        model,
        Some("01.01.00.00"),
        &snapshot.capabilities.unwrap(),
    );
    let sure = |command: &Command| {
        request::of_command(command, &dialect, &snapshot, || 1).iter().map(|r| r.control).collect::<Vec<_>>()
    };
    assert_eq!(sure(&Command::Pause), [true]);
    assert_eq!(sure(&Command::ChamberTarget(50)), [true, false]);
    assert_eq!(sure(&Command::SkipObjects(vec![1])), [true]);
    assert_eq!(sure(&Command::Home), [false]);
}

/// What is refused whatever the model: topic, payload, and some words of the reason.
const WRONG: &[(&str, &str, &str)] = &[
    ("bed_target", "121", "outside 0 to"),
    ("bed_target", "NaN", "takes a number"),
    ("chamber_target", "66", ""),
    ("part_fan", "101", "outside 0 to 100"),
    ("airduct_mode", "laser", ""),
    ("buzzer", r#"{"state": "ON", "tone": "siren"}"#, ""),
    ("buzzer", r#"{"state": "ON", "volume_level": 1}"#, ""),
    ("spaghetti_sensitivity", "always", ""),
    // Only the monitor of the whole print looks on without stopping it.
    ("spaghetti_sensitivity", "never_halt", ""),
    ("ams/9/drying", "ON", "there is no control"),
    ("ams/x/drying", "ON", "there is no control"),
    ("ams/0/tray_5_load", "PRESS", "there is no control"),
    ("external/3/load", "PRESS", "there is no control"),
    ("action/nothing", "{}", "there is no action `nothing`"),
    ("action/load", "", "no JSON object"),
    ("action/load", "[]", "no JSON object"),
    ("action/load", "{}", "`slot` is missing: it is the name of a slot"),
    ("action/load", r#"{"slot": 3}"#, "`slot` is the name of a slot"),
    ("action/load", r#"{"slot": "A9-1"}"#, "there is no slot `A9-1` on this printer; there are `A1-1`"),
    ("action/load", r#"{"slot": "A1-1"}"#, "loaded already"),
    ("action/load", r#"{"slot": "A1-2", "temperature": 120}"#, "a whole number from 170 to 350, not 120"),
    ("action/load", r#"{"slot": "A1-2", "temperature": "220"}"#, "not \\\"220\\\""),
    (
        "action/load",
        r#"{"slot": "A1-2", "speed": 1}"#,
        "has no member `speed`; it takes `slot`, `temperature`, `nozzle`, `id`",
    ),
    ("action/load", r#"{"slot": "A1-2", "nozzle": "left"}"#, ""),
    ("action/load", r#"{"slot": "A1-2", "id": {}}"#, "`id` is text"),
    ("action/load", r#"{"slot": "A1-2", "id": 1.5}"#, "`id` is text"),
    (
        "action/set_filament",
        r#"{"slot": "A1-1", "filament_id": "GFL99", "type": "PLA", "color": "00AE42", "temp_min": 190, "temp_max": 240}"#,
        "has a tag",
    ),
    (
        "action/set_filament",
        r#"{"slot": "A1-4", "filament_id": "GFL99", "type": "PLA", "color": "green", "temp_min": 190, "temp_max": 240}"#,
        "is a color",
    ),
    (
        "action/set_filament",
        r#"{"slot": "A1-4", "filament_id": "GFL99", "type": "PLA", "color": "00AE42", "temp_min": 250, "temp_max": 240}"#,
        "must not be above",
    ),
    ("action/read_rfid", r#"{"slot": "A1-1"}"#, "is loaded: unload it first"),
    ("action/read_rfid", r#"{"slot": "Ext"}"#, "no reader"),
    ("action/dry", r#"{"ams": 7, "temperature": 50, "hours": 8}"#, "no AMS unit 7 that dries"),
    ("action/dry", r#"{"ams": 0, "temperature": 66, "hours": 8}"#, ""),
    ("action/dry", r#"{"ams": 0, "temperature": 50}"#, "belong together"),
    ("action/dry", r#"{"ams": 0, "temperature": 50, "hours": 25}"#, "from 1 to 24"),
    ("action/skip_objects", r#"{"objects": []}"#, "a list of 1 to 64"),
    ("action/skip_objects", r#"{"objects": [-1]}"#, "a list of 1 to 64"),
    ("action/skip_objects", r#"{"objects": [1.5]}"#, "a list of 1 to 64"),
    ("action/calibrate", r#"{"steps": []}"#, "a list of some of"),
    ("action/calibrate", r#"{"steps": ["everything"]}"#, "a list of some of"),
    ("action/set_nozzle", r#"{"diameter": "0.5", "type": "brass"}"#, "one of"),
    ("action/move", r#"{"axis": "x", "distance": 101}"#, "from -100 to 100"),
    ("action/move", r#"{"axis": "e", "distance": 1}"#, "one of `x`, `y`, `z`"),
    ("action/move", r#"{"axis": "x", "distance": 0}"#, "must not be 0"),
    ("action/extrude", r#"{"distance": 11}"#, "from -10 to 10"),
    ("action/gcode", r#"{"lines": ["m109 S220"]}"#, "M109 waits"),
    ("action/gcode", r#"{"lines": ["M190S60"]}"#, "M190 waits"),
    ("action/gcode", r#"{"lines": ["G28 Z"]}"#, "homing single axes"),
    ("action/gcode", r#"{"lines": ["G28Z"]}"#, "homing single axes"),
    ("action/gcode", r#"{"lines": ["M104 S1\nM109 S1"]}"#, "a list of lines"),
    ("action/gcode", r#"{"lines": "G28"}"#, "a list of lines"),
    ("action/print", r#"{"file": "../etc/x.3mf"}"#, "a path from the root"),
    ("action/print", r#"{"file": "x.gcode"}"#, "ends in `.3mf`"),
    ("action/print", r#"{"file": "x.3mf", "url": "https://a/x.3mf"}"#, "either `file` or `url`"),
    ("action/print", r#"{"url": "http://a/x.3mf"}"#, "begins with `https://`"),
    ("action/print", r#"{"url": "https:///x.3mf"}"#, "begins with `https://`"),
    ("action/print", r#"{"file": "x.3mf", "plate": 0}"#, "from 1 to 99"),
    ("action/print", r#"{"file": "x.3mf", "use_ams": 1}"#, "true or false"),
    ("action/print", r#"{"file": "x.3mf", "use_ams": true}"#, "comes from no slot"),
    ("action/print", r#"{"file": "x.3mf", "ams_mapping": ["A1-1", 3]}"#, "a list of names of slots"),
    ("action/print", r#"{"file": "x.3mf", "md5": "abc"}"#, "32 hexadecimal digits"),
];

#[test]
fn what_is_not_right_is_refused_with_what_would_be() {
    for model in MODELS.into_iter().filter(|model| *model != "Z9") {
        let rig = Rig::new(model, "IDLE");
        let snapshot = rig.snapshot();
        for (topic, payload, reason) in WRONG {
            // Skipping is not for a printer at rest; its members are looked at first.
            let told =
                rig.ask(&snapshot, topic, payload).expect_err(&format!("{topic} {payload} of a {model}"));
            assert!(told.contains(&slots_of(model, reason)), "{topic} {payload} of a {model}: {told}");
            assert!(told.len() < 500, "{told}");
        }
    }
}

#[test]
fn a_request_that_is_too_long_is_not_even_read() {
    let rig = Rig::new("P1S", "IDLE");
    let long = format!(r#"{{"lines": ["{}"]}}"#, "M400 ".repeat(4000));
    let told = rig.ask(&rig.snapshot(), "action/gcode", &long).unwrap_err();
    assert_eq!(told, format!("the request has {} bytes, and no action takes more than 16384", long.len()));
}

#[test]
fn the_sender_finds_its_request_again() {
    let rig = Rig::new("P1S", "IDLE");
    let id = |payload: &str| action::read(&rig.snapshot(), "home", payload.as_bytes()).id;
    assert_eq!(id(r#"{"id": "a1"}"#), Some(json!("a1")));
    assert_eq!(id(r#"{"id": 17}"#), Some(json!(17)));
    assert_eq!(id(r#"{"id": 17, "what": 1}"#), Some(json!(17)), "also of one that is refused");
    assert_eq!(id("{}"), None);
}

fn policy(snapshot: &mut Snapshot) -> &mut Policy {
    Arc::make_mut(&mut snapshot.policy)
}

#[test]
fn the_table_says_when() {
    let statuses = [
        (Some(Status::Idle), Condition::AtRest),
        (Some(Status::Finish), Condition::AtRest),
        (Some(Status::Failed), Condition::AtRest),
        (Some(Status::Prepare), Condition::Preparing),
        (Some(Status::Slicing), Condition::Preparing),
        (Some(Status::Running), Condition::Running),
        (Some(Status::Pause), Condition::Paused),
        (None, Condition::UnknownState),
        (Some(Status::Init), Condition::UnknownState),
    ];
    let changes: [Change; 7] = [
        (None, |_| {}),
        (Some(Condition::Stale), |s| s.stale = true),
        (Some(Condition::Updating), |s| s.update.progress = Some(Progress::default())),
        (Some(Condition::UnknownModel), |s| s.capabilities.as_mut().unwrap().known_model = false),
        (Some(Condition::Limited), |s| s.control = Control::Limited),
        (Some(Condition::ReadOnly), |s| policy(s).read_only = true),
        (Some(Condition::Offline), |s| s.reach = Reach::Offline),
    ];
    for model in ["H2D", "X1E", "A1"] {
        for (topic, payload, status, wanted) in ASKS {
            if wanted(model).is_none() {
                continue;
            }
            let rig = Rig::new(model, status);
            let before = rig.snapshot();
            let command = match topic.strip_prefix("action/") {
                Some(name) => action::read(&before, name, payload.as_bytes()).command.unwrap(),
                None => command::parse(&before, topic, payload.as_bytes()).unwrap(),
            };
            let class = command.class();
            for (status, state) in statuses {
                for (condition, change) in changes {
                    let mut snapshot = before.clone();
                    snapshot.status = status;
                    change(&mut snapshot);
                    let allowed = class.allows(state) && condition.is_none_or(|c| class.allows(c));
                    let told = permit(&snapshot, &snapshot.policy, &command);
                    // An AMS that is printed from does not dry, whatever the table says.
                    if class == Class::Dry && snapshot.is_active() {
                        continue;
                    }
                    assert_eq!(
                        told.is_ok(),
                        allowed,
                        "{topic} of a {model}, {status:?}, {condition:?}: {told:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn nothing_moves_while_a_print_is_under_way() {
    for class in [Class::Motion, Class::Gcode, Class::Print] {
        for condition in [Condition::Preparing, Condition::Running, Condition::Paused] {
            assert!(!class.allows(condition), "{class:?} {condition:?}");
        }
    }
    for condition in [Condition::Preparing, Condition::Running] {
        assert!(!Class::Filament.allows(condition));
    }
    for row in permit::TABLE {
        let harmless = matches!(row.class, Class::Ask | Class::Note);
        assert!(harmless || !row.allows(Condition::ReadOnly), "{:?}", row.class);
        assert!(harmless || !row.allows(Condition::Updating), "{:?}", row.class);
    }
}

#[test]
fn heat_and_motion_want_to_know_for_certain() {
    let rig = Rig::new("X1C", "IDLE");
    let ask = |change: fn(&mut Snapshot), topic: &str, payload: &str| {
        let mut snapshot = rig.snapshot();
        change(&mut snapshot);
        rig.ask(&snapshot, topic, payload)
    };
    let told =
        ask(|s| s.nozzles[0].actual = Some(169.0), "action/extrude", r#"{"distance": 1}"#).unwrap_err();
    assert!(told.contains("colder than 170"), "{told}");
    assert!(ask(|s| s.nozzles[0].actual = None, "action/extrude", r#"{"distance": 1}"#).is_err());
    let told =
        ask(|s| s.machine.homed = Some(false), "action/move", r#"{"axis": "x", "distance": 1}"#).unwrap_err();
    assert!(told.contains("send `home` first"), "{told}");
    let told = ask(|s| policy(s).gcode = false, "action/gcode", r#"{"lines": ["M400"]}"#).unwrap_err();
    assert!(told.contains("controls.gcode"), "{told}");
    // A heater can be put off even when the state is in doubt.
    assert!(ask(|s| s.stale = true, "bed_target", "0").is_ok());
    assert!(ask(|s| s.stale = true, "bed_target", "1").is_err());
}

/// What is not as it must be, and what is said of it.
type Refused = (fn(&mut Snapshot), &'static str);

#[test]
fn firmware_is_installed_only_where_that_was_wanted_and_is_offered() {
    let rig = Rig::new("X1C", "IDLE");
    let ask = |change: fn(&mut Snapshot)| {
        let mut snapshot = rig.snapshot();
        policy(&mut snapshot).firmware_install = true;
        snapshot.update.offered = Some(true);
        change(&mut snapshot);
        rig.ask(&snapshot, "firmware", "INSTALL")
    };
    let confirm = json!({"upgrade": {"command": "upgrade_confirm", "src_id": 1}});
    assert_eq!(ask(|_| {}), Ok(vec![confirm]));
    let refused: [Refused; 7] = [
        (|s| policy(s).firmware_install = false, "controls.firmware_install"),
        (|s| s.update.offered = Some(false), "offers no newer firmware"),
        (|s| s.update.offered = None, "offers no newer firmware"),
        (|s| s.update.progress = Some(Progress::default()), "installing firmware"),
        (|s| s.status = Some(Status::Running), "only while the printer is at rest"),
        (|s| policy(s).read_only = true, "read-only"),
        (|s| s.control = Control::Limited, "authorisation control"),
    ];
    for (change, reason) in refused {
        let told = ask(change).unwrap_err();
        assert!(told.contains(reason), "{told}");
    }
    let told = rig.ask(&rig.snapshot(), "firmware", "PRESS").unwrap_err();
    assert!(told.contains("INSTALL"), "{told}");
}

#[test]
fn the_chambers_heater_leaves_the_lasers_air_alone() {
    let rig = Rig::new("H2D", "IDLE");
    let mut snapshot = rig.snapshot();
    snapshot.machine.airduct = Some(AirductMode::Laser);
    let told = rig.ask(&snapshot, "chamber_target", "50").unwrap_err();
    assert!(told.contains("laser"), "{told}");
    let off = json!({"print": {"command": "set_ctt", "ctt_val": 0}});
    assert_eq!(rig.ask(&snapshot, "chamber_target", "0").unwrap(), [off]);
}

#[test]
fn a_move_wants_to_know_that_the_axes_are_homed() {
    let rig = Rig::new("X1C", "IDLE");
    let mut snapshot = rig.snapshot();
    snapshot.machine.homed = None;
    let told = rig.ask(&snapshot, "action/move", r#"{"axis": "z", "distance": -10}"#).unwrap_err();
    assert!(told.contains("send `home` first"), "{told}");
}

#[test]
fn a_number_or_a_blank_before_a_line_of_gcode_hides_nothing() {
    let rig = Rig::new("X1C", "IDLE");
    let snapshot = rig.snapshot();
    for line in ["N10 G28 Z", "n10G28 Z", "G 28 Z", "N1 M109 S220", "M 190 S60", "N1 N2 G28 X", "g28 z0"] {
        let told = rig.ask(&snapshot, "action/gcode", &json!({"lines": [line]}).to_string());
        assert!(told.is_err(), "{line}: {told:?}");
    }
    for line in ["N10 G28", "G28 ", "G1 X10 F3000", "M1002 push_ref_mode", "M104 S200", "T1"] {
        let told = rig.ask(&snapshot, "action/gcode", &json!({"lines": [line]}).to_string());
        assert!(told.is_ok(), "{line}: {told:?}");
    }
}

#[test]
fn nothing_moves_while_filament_is_changed_at_rest() {
    let rig = Rig::new("X1C", "IDLE");
    for stage in [4, 22, 24] {
        let mut snapshot = rig.snapshot();
        snapshot.stage = Some(Stage(stage));
        for (topic, payload) in [
            ("home", "PRESS"),
            ("action/move", r#"{"axis": "x", "distance": 10}"#),
            ("action/print", r#"{"file": "x.3mf"}"#),
            ("action/gcode", r#"{"lines": ["G28"]}"#),
        ] {
            let told = rig.ask(&snapshot, topic, payload);
            assert!(told.as_ref().is_err_and(|told| told.contains("changing filament")), "{topic}: {told:?}");
        }
        assert!(rig.ask(&snapshot, "nozzle_target", "0").is_ok());
    }
}

#[test]
fn nothing_is_printed_from_an_empty_slot() {
    let rig = Rig::new("X1C", "IDLE");
    let mut snapshot = rig.snapshot();
    let mut units = snapshot.observed.ams.to_vec();
    units[0].slots[1].content = Content::Empty;
    Arc::make_mut(&mut snapshot.observed).ams = units.into();
    let told = rig.ask(&snapshot, "action/print", r#"{"file": "x.3mf", "ams_mapping": ["A1-1", "A1-2"]}"#);
    assert!(told.as_ref().is_err_and(|told| told.contains("nothing in that slot")), "{told:?}");
}

#[test]
fn every_control_has_a_class_and_every_action_an_example_that_works() {
    let printer = PRINTER.iter().map(|row| (row.platform.is_control(), row.asks));
    let units = AMS.iter().map(|row| (row.platform.is_control(), row.asks));
    let slots = SLOT.iter().map(|row| (row.platform.is_control(), row.asks));
    let spools = EXTERNAL.iter().map(|row| (row.platform.is_control(), row.asks));
    for (_, class) in printer.chain(units).chain(slots).chain(spools).filter(|(control, _)| *control) {
        assert!(class.and_then(Class::row).is_some());
    }
    let rig = Rig::new("H2D", "IDLE");
    let mut snapshot = rig.snapshot();
    let mut second = snapshot.ams[0].clone();
    second.id = 1;
    snapshot.ams = [&snapshot.ams[..], &[second]].concat().into();
    let cube = PlateObject { id: 146, name: "Cube.stl".into() };
    let plate = Plate { objects: vec![cube], ..Plate::default() };
    snapshot.learn(&Arc::new(Facts { plate: Some(plate.into()), ..Facts::default() }));
    for action in ACTIONS {
        let request = action::read(&snapshot, action.name, action.example.as_bytes());
        assert!(request.command.is_ok(), "{}: {:?}", action.name, request.command);
        assert!(
            ASKS.iter().any(|(topic, ..)| topic.strip_prefix("action/") == Some(action.name))
                || ["print", "home", "clear_error", "ignore_error", "dismiss_error"].contains(&action.name),
            "{} is not tried",
            action.name
        );
    }
}

#[test]
fn the_page_of_the_actions_is_current() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/actions.md")).unwrap();
    assert_eq!(
        page.trim_end(),
        action::markdown().trim_end(),
        "make it with `bambu2mqtt actions --markdown`"
    );
}

proptest! {
    #[test]
    fn garbage_never_becomes_a_request(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        text in "[ -~]{0,60}",
        number in any::<f64>(),
    ) {
        let rig = Rig::new("H2D", "IDLE");
        let snapshot = rig.snapshot();
        for action in ACTIONS.iter().filter(|action| action.members.iter().any(|member| member.required)) {
            for payload in [&bytes[..], text.as_bytes(), format!(r#"{{"x": {number}}}"#).as_bytes()] {
                prop_assert!(action::read(&snapshot, action.name, payload).command.is_err());
            }
        }
        // A number may be one by chance; nothing else may.
        let numeric = |payload: &[u8]| std::str::from_utf8(payload).is_ok_and(|t| t.trim().parse::<f64>().is_ok());
        for row in PRINTER.iter().filter(|row| row.platform.is_control()) {
            for payload in [&bytes[..], text.as_bytes()] {
                prop_assert!(numeric(payload) || command::parse(&snapshot, row.key, payload).is_err());
            }
        }
    }
}
