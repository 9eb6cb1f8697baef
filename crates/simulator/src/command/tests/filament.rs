//! Filament.
use super::*;

fn change(unit: u16, slot: u16, target: u16) -> Value {
    print(
        "ams_change_filament",
        json!({"ams_id": unit, "slot_id": slot, "target": target, "curr_temp": 215, "tar_temp": 235}),
    )
}

fn setting(unit: u16, tray: u16, slot: u16, code: &str, kind: &str, colour: &str) -> Value {
    print(
        "ams_filament_setting",
        json!({"ams_id": unit, "tray_id": tray, "slot_id": slot, "tray_info_idx": code, "tray_type": kind,
            "tray_color": colour, "nozzle_temp_min": 200, "nozzle_temp_max": 240}),
    )
}

fn rfid(unit: u16, slot: u16) -> Value {
    print("ams_get_rfid", json!({"ams_id": unit, "slot_id": slot}))
}

#[test]
fn filament_is_changed_while_no_print_runs() {
    let heating = [("/ams_status", json!(258)), ("/nozzle_target_temper", json!(235))];
    table(&[
        (Model::X1c, Idle, change(0, 1, 1), old(), 2, &heating),
        (
            Model::X1c,
            Idle,
            change(0, 1, 1),
            old(),
            45,
            &[("/ams_status", json!(0)), ("/ams/tray_now", json!("1"))],
        ),
        (Model::X1c, Paused, change(0, 2, 2), old(), 2, &heating),
        (Model::P1s, Idle, change(255, 254, 254), old(), 45, &[("/ams/tray_now", json!("254"))]),
        (
            Model::H2d,
            Idle,
            change(128, 0, 128),
            new(),
            45,
            &[("/device/extruder/info/0/snow", json!(128 << 8))],
        ),
        (
            Model::H2d,
            Idle,
            change(254, 0, 254),
            new(),
            45,
            &[
                ("/device/extruder/info/1/snow", json!(0xFE00)),
                ("/device/extruder/info/0/snow", json!(0xFFFF)),
            ],
        ),
        (
            Model::H2s,
            Idle,
            change(255, 0, 254),
            new(),
            45,
            &[("/device/extruder/info/0/snow", json!(0xFF00))],
        ),
        (
            Model::A2l,
            Idle,
            change(16, 3, 67),
            old(),
            45,
            &[("/device/extruder/info/0/snow", json!(16 << 8 | 3))],
        ),
        (
            Model::H2d,
            Idle,
            change(3, 0, 12),
            json!({"result": "fail", "reason": "", "errno": -1}),
            2,
            &[("/ams_status", json!(0))],
        ),
        (Model::H2d, Printing, change(128, 0, 128), no("printer is busy"), 2, &[]),
        (Model::A1Mini, Printing, change(0, 1, 1), no("printer is busy"), 2, &[]),
        (Model::H2d, Idle, print("unload_filament", json!({})), NOTHING, 2, &[]),
    ]);
    for (model, agreed, unload) in [
        (Model::X1c, old(), change(0, 255, 255)),
        (Model::P1s, old(), print("unload_filament", json!({}))),
        (Model::H2s, new(), change(0, 255, 255)),
    ] {
        let mut printer = printer(model, Idle);
        told(&mut printer, &change(0, 2, 2), &agreed, 45, &[("/ams/tray_now", json!("2"))]);
        told(
            &mut printer,
            &unload,
            &agreed,
            45,
            &[("/ams/tray_now", json!("255")), ("/ams_status", json!(0))],
        );
    }
}

#[test]
fn a_slot_holds_what_it_is_told() {
    let petg = |unit, tray, slot| setting(unit, tray, slot, "GFG99", "PETG", "0A0B0CFF");
    let seen = |tray: &str| {
        [
            ("tray_type", json!("PETG")),
            ("tray_info_idx", json!("GFG99")),
            ("tray_color", json!("0A0B0CFF")),
            ("nozzle_temp_max", json!("240")),
        ]
        .map(|(key, value)| (format!("{tray}/{key}"), value))
    };
    for (model, request, agreed, tray) in [
        (Model::X1c, petg(0, 3, 3), old(), "/ams/ams/0/tray/3"),
        (Model::A1Mini, petg(0, 3, 3), old(), "/ams/ams/0/tray/3"),
        (Model::P1p, petg(255, 254, 0), old(), "/vt_tray"),
        (Model::X1c, petg(255, 0, 0), old(), "/vt_tray"),
        (Model::A2l, petg(255, 254, 0), old(), "/vir_slot/0"),
        (Model::H2d, petg(254, 254, 0), new(), "/vir_slot/0"),
        (Model::H2d, petg(255, 255, 0), new(), "/vir_slot/1"),
    ] {
        let seen = seen(tray);
        let report: Vec<_> = seen.iter().map(|(path, value)| (path.as_str(), value.clone())).collect();
        told(&mut printer(model, Idle), &request, &agreed, 2, &report);
    }
    let bad = no("error string");
    table(&[
        (
            Model::X1c,
            Idle,
            setting(0, 3, 3, "", "", "00000000"),
            old(),
            2,
            &[("/ams/ams/0/tray/3/tray_type", json!(""))],
        ),
        (
            Model::H2s,
            Idle,
            setting(0, 3, 3, "", "", "00000000"),
            new(),
            2,
            &[("/ams/ams/0/tray/3/state", json!(9))],
        ),
        // It has a tag.
        (Model::X1c, Idle, petg(0, 0, 0), bad.clone(), 2, &[("/ams/ams/0/tray/0/tray_type", json!("PLA"))]),
        (Model::P1s, Idle, petg(255, 0, 0), bad.clone(), 2, &[]),
        (Model::X1c, Idle, petg(2, 0, 0), bad.clone(), 2, &[]),
        (Model::X1c, Idle, setting(0, 3, 3, "GFG99", "P\"", "0A0B0CFF"), bad.clone(), 2, &[]),
        (Model::X1c, Idle, setting(0, 3, 3, "GFG99", "PETG", "red"), bad, 2, &[]),
    ]);
}

#[test]
fn small_printers_tell_of_a_changed_slot_by_themselves() {
    for (request, path) in [
        (setting(0, 3, 3, "GFG99", "ABS", "0A0B0CFF"), "/print/ams/ams/0/tray/3/tray_type"),
        (setting(255, 254, 0, "GFG99", "ABS", "0A0B0CFF"), "/print/vt_tray/tray_type"),
    ] {
        let mut printer = printer(Model::A1, Idle);
        printer.full();
        answers(&mut printer, &request);
        let deltas = live(&mut printer, 6);
        assert!(deltas.iter().any(|delta| delta.pointer(path) == Some(&json!("ABS"))), "{deltas:?}");
    }
}

#[test]
fn tags_are_read_where_no_filament_feeds() {
    table(&[
        (
            Model::P1s,
            Idle,
            rfid(0, 2),
            old(),
            3,
            &[("/ams_status", json!(512)), ("/ams/tray_reading_bits", json!("4"))],
        ),
        (
            Model::P1s,
            Idle,
            rfid(0, 2),
            old(),
            15,
            &[("/ams_status", json!(0)), ("/ams/tray_reading_bits", json!("0"))],
        ),
        (
            Model::H2d,
            Idle,
            rfid(128, 0),
            new(),
            3,
            &[("/ams_status", json!(512)), ("/ams/tray_reading_bits", json!("10000"))],
        ),
        // Older firmware knows the G-code alone.
        (Model::X1c, Idle, rfid(0, 2), NOTHING, 3, &[("/ams_status", json!(0))]),
        (Model::X1c, Idle, gcode("M620 R2\n"), old(), 4, &[("/ams_status", json!(512))]),
        (Model::H2d, Printing, rfid(128, 0), no("printer is busy"), 3, &[]),
        (Model::H2d, Idle, rfid(5, 0), no("error string"), 3, &[]),
    ]);
    let mut printer = printer(Model::P1s, Idle);
    told(&mut printer, &change(0, 2, 2), &old(), 45, &[]);
    told(&mut printer, &rfid(0, 2), &no("slot is loaded"), 3, &[("/ams_status", json!(0))]);
}

#[test]
fn the_units_options_are_told_and_a_stop_is_answered() {
    let user = print(
        "ams_user_setting",
        json!({"ams_id": -1, "startup_read_option": true, "tray_read_option": false, "calibrate_remain_flag": true}),
    );
    let flags = [("/ams/insert_flag", json!(false)), ("/ams/power_on_flag", json!(true))];
    let control = |param: &str| print("ams_control", json!({ "param": param }));
    table(&[
        (Model::X1c, Idle, user.clone(), old(), 2, &flags),
        (Model::A1, Idle, user.clone(), old(), 3, &flags),
        (Model::H2d, Idle, user, new(), 2, &flags),
        (
            Model::X1c,
            Idle,
            print("ams_user_setting", json!({"ams_id": -1, "startup_read_option": true})),
            no("invalid"),
            2,
            &[],
        ),
        (Model::X1c, Paused, control("resume"), old(), 2, &[("/gcode_state", json!("RUNNING"))]),
        (Model::X1c, Idle, control("done"), old(), 1, &[]),
        (Model::X1c, Idle, control("dance"), no("invalid param"), 1, &[]),
        (Model::H2c, Idle, print("refresh_nozzle", json!({})), new(), 1, &[]),
    ]);
}

#[test]
fn filament_is_dried_where_there_is_power_for_it() {
    let dry = |unit: u16, cooling: u16, temp: u16, turn: bool| {
        print(
            "ams_filament_drying",
            json!({"ams_id": unit, "mode": 1, "temp": temp, "duration": 2, "humidity": 0, "rotate_tray": turn,
                "cooling_temp": cooling, "filament": "PLA", "close_power_conflict": false}),
        )
    };
    let time = |minutes: u16| [("/ams/ams/0/dry_time", json!(minutes))];
    table(&[
        (Model::H2s, Idle, dry(0, 45, 55, false), new(), 2, &time(120)),
        (Model::H2s, Idle, dry(0, 20, 55, false), new(), 2, &time(0)),
        (Model::H2s, Idle, dry(0, 45, 66, false), no("invalid param"), 2, &time(0)),
        (Model::H2s, Idle, dry(1, 45, 55, false), no("invalid ams_id"), 2, &time(0)),
        (Model::H2s, Printing, dry(0, 45, 55, true), no("error string"), 2, &time(0)),
        (Model::X1c, Idle, dry(0, 45, 55, false), NOTHING, 2, &[]),
    ]);
    let mut h2s = printer(Model::H2s, Idle);
    h2s.set_dryer_power(0, false);
    told(&mut h2s, &dry(0, 45, 55, false), &new(), 10, &time(0));
}
