//! Lamps, camera, detectors, options, the nozzle.
use super::*;

fn lamp(node: &str, mode: &str) -> Value {
    json!({"system": {"command": "ledctrl", "led_node": node, "led_mode": mode, "led_on_time": 500,
        "led_off_time": 500, "loop_times": 0, "interval_time": 0}})
}

fn option(members: Value) -> Value {
    print("print_option", members)
}

fn detector(name: &str, on: bool, level: &str) -> Value {
    json!({"xcam": {"command": "xcam_control_set", "module_name": name, "control": on, "enable": on,
        "print_halt": true, "halt_print_sensitivity": level}})
}

fn bit(value: &Value, bit: u32) -> u64 {
    let word = match value.as_str() {
        Some(text) => u64::from_str_radix(text, 16).unwrap(),
        None => value.as_i64().unwrap().cast_unsigned(),
    };
    word >> bit & 1
}

#[test]
fn lamps_are_switched_where_there_are_some() {
    let unknown = |node: &str| no(&format!("did not find the valid led: {node}"));
    table(&[
        (
            Model::A1,
            Idle,
            lamp("chamber_light", "off"),
            fine(),
            2,
            &[("/lights_report/0/mode", json!("off"))],
        ),
        (
            Model::H2s,
            Idle,
            lamp("chamber_light2", "off"),
            fine(),
            1,
            &[("/lights_report/2/mode", json!("off"))],
        ),
        (Model::X1c, Idle, lamp("chamber_light2", "off"), unknown("chamber_light2"), 1, &[]),
        (
            Model::X1c,
            Idle,
            lamp("chamber_light", "flashing"),
            fine(),
            1,
            &[("/lights_report/0/mode", json!("flashing"))],
        ),
        // Agreed, and never told.
        (Model::A1Mini, Idle, lamp("work_light", "off"), fine(), 2, &[]),
        (Model::H2d, Idle, lamp("heatbed_light", "on"), fine(), 1, &[]),
        (Model::P2s, Idle, lamp("heatbed_light", "on"), unknown("heatbed_light"), 1, &[]),
        (Model::P2s, Idle, lamp("chamber_light", "dim"), no("invalid led_mode"), 1, &[]),
    ]);
}

#[test]
fn the_camera_records_and_watches() {
    let camera = |command: &str, word: &str| json!({"camera": {"command": command, "control": word}});
    let low = |word: u32| [("/xcam/cfg", json!(word))];
    // All on, each at medium; then spaghetti at low, and clumps off at high.
    let all = 0x0073_2480 | 1 << 8 | 1 << 11 | 1 << 14 | 1 << 17;
    table(&[
        (
            Model::P1s,
            Idle,
            camera("ipcam_record_set", "disable"),
            fine(),
            2,
            &[("/ipcam/ipcam_record", json!("disable"))],
        ),
        (
            Model::H2d,
            Idle,
            camera("ipcam_timelapse", "enable"),
            fine(),
            1,
            &[("/ipcam/timelapse", json!("enable"))],
        ),
        (Model::H2d, Idle, camera("ipcam_timelapse", "on"), no("invalid control"), 1, &[]),
        (
            Model::H2d,
            Idle,
            camera("ipcam_cap_pic_set", "disable"),
            fine(),
            1,
            &[("/cfg", json!("10401847DA99"))],
        ),
        (Model::H2s, Idle, camera("ipcam_cap_pic_set", "disable"), NOTHING, 1, &[]),
        (Model::H2d, Idle, detector("fod_check", false, "low"), fine(), 1, &low(all & !(1 << 21))),
        (Model::H2d, Idle, detector("model_movement_check", false, "low"), fine(), 1, &low(all & !(1 << 22))),
        (Model::P2s, Idle, detector("model_movement_check", true, "low"), NOTHING, 1, &[]),
        (Model::H2s, Idle, detector("fod_check", true, "low"), NOTHING, 1, &[]),
        (
            Model::X1c,
            Idle,
            json!({"camera": {"command": "ipcam_resolution_set", "resolution": "720p"}}),
            fine(),
            1,
            &[("/ipcam/resolution", json!("720p"))],
        ),
        (Model::H2d, Idle, detector("spaghetti_detector", true, "medium"), fine(), 1, &low(all)),
        (Model::H2d, Idle, detector("spaghetti_detector", true, "low"), fine(), 1, &low(all & !(3 << 8))),
        (
            Model::H2d,
            Idle,
            detector("clump_detector", false, "high"),
            fine(),
            1,
            &low((all ^ 1 << 13) + (1 << 14)),
        ),
        (
            Model::X1c,
            Idle,
            detector("spaghetti_detector", false, "high"),
            fine(),
            1,
            &[("/xcam/spaghetti_detector", json!(false)), ("/xcam/halt_print_sensitivity", json!("high"))],
        ),
        (Model::X1c, Idle, detector("clump_detector", true, "low"), NOTHING, 1, &[]),
        (Model::P1s, Idle, detector("spaghetti_detector", true, "low"), NOTHING, 1, &[]),
        (
            Model::A1,
            Idle,
            detector("buildplate_marker_detector", false, "low"),
            fine(),
            2,
            &[("/xcam/buildplate_marker_detector", json!(false))],
        ),
    ]);
}

#[test]
fn print_options_are_told_in_their_bits() {
    for (model, members, home, cfg) in [
        (Model::X1c, json!({"auto_recovery": false, "option": 0}), Some(4), None),
        (Model::A1, json!({"sound_enable": false}), Some(17), None),
        (Model::A1, json!({"filament_tangle_detect": false}), Some(20), None),
        (Model::A1, json!({"nozzle_blob_detect": true}), Some(24), None),
        (Model::A1, json!({"air_print_detect": false}), Some(28), None),
        (Model::H2d, json!({"auto_switch_filament": false}), Some(10), Some(18)),
        (Model::A2l, json!({"filament_tangle_detect": false}), Some(20), Some(23)),
        (Model::A2l, json!({"nozzle_blob_detect": true}), Some(24), Some(24)),
        (Model::H2d, json!({"sound_enable": false}), Some(17), Some(22)),
        (Model::H2d, json!({"nozzle_blob_detect_v2": 1}), None, Some(43)),
        (Model::H2d, json!({"air_purification": 2}), None, Some(37)),
    ] {
        let mut printer = printer(model, Idle);
        let before = full(&mut printer);
        let agreed = if model == Model::H2d { new() } else { old() };
        told(&mut printer, &option(members.clone()), &agreed, 2, &[]);
        let after = full(&mut printer);
        for (member, number) in [("home_flag", home), ("cfg", cfg)] {
            if let Some(number) = number {
                assert_ne!(bit(&before[member], number), bit(&after[member], number), "{member} {members}");
            }
        }
    }
    table(&[
        (Model::X1c, Idle, option(json!({"sound_enable": true})), no("option not supported"), 1, &[]),
        (Model::P1p, Idle, option(json!({"auto_switch_filament": true})), no("option not supported"), 1, &[]),
        (Model::X2d, Idle, option(json!({"air_purification": 2})), new(), 1, &[]),
        (Model::H2s, Idle, option(json!({"air_purification": 1})), no("option not supported"), 1, &[]),
        (Model::H2d, Idle, print("buzzer_ctrl", json!({"mode": 2, "reason": ""})), new(), 1, &[]),
        (Model::X2d, Idle, option(json!({"nozzle_blob_detect_v2": 1})), no("option not supported"), 1, &[]),
        (
            Model::H2d,
            Idle,
            print("set_airduct", json!({"modeId": 0, "submode": 1})),
            new(),
            1,
            &[("/device/airduct/subMode", json!(1))],
        ),
        (
            Model::H2d,
            Idle,
            json!({"system": {"command": "set_door_stat", "config": 2}}),
            fine(),
            1,
            &[("/cfg", json!("10801867DA99"))],
        ),
        (
            Model::H2d,
            Idle,
            json!({"system": {"command": "print_cache_set", "config": true}}),
            fine(),
            1,
            &[("/cfg", json!("1080184FDA99"))],
        ),
        (Model::P2s, Idle, print("buzzer_ctrl", json!({"mode": 2, "reason": ""})), NOTHING, 1, &[]),
    ]);
}

#[test]
fn a_nozzle_is_told_where_the_printer_cannot_see_it() {
    let nozzle = json!({"system": {"command": "set_accessories", "accessory_type": "nozzle",
        "nozzle_diameter": 0.6, "nozzle_type": "hardened_steel"}});
    let seen = [("/nozzle_diameter", json!("0.6")), ("/nozzle_type", json!("hardened_steel"))];
    table(&[
        // The answer says neither yes nor no.
        (Model::X1c, Idle, nozzle.clone(), json!({}), 2, &seen),
        (Model::A1Mini, Idle, nozzle.clone(), json!({}), 3, &seen),
        (Model::H2d, Idle, nozzle, NOTHING, 2, &[("/nozzle_diameter", json!("0.4"))]),
    ]);
}
