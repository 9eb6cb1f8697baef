//! What printers do when they are told.
use super::*;

/// Sends `request` to a running printer and wants it accepted; then, when fans and heaters had time to
/// follow, wants `value` at `path` of the report.
fn obeyed(number: usize, request: &Value, path: &str, value: &Value) {
    let mut printer = printer(number);
    live_until(&mut printer, "RUNNING");
    let ack = ask(&mut printer, request);
    let (category, sent) = request.as_object().unwrap().iter().next().unwrap();
    let ack = &ack[category];
    assert!(ack["result"].as_str().unwrap().eq_ignore_ascii_case("success"), "{request}: {ack}");
    assert_eq!(ack["sequence_id"], sent["sequence_id"]);
    // The A1 mini leaves the command out.
    assert_eq!(ack.get("command").is_none(), number == A1_MINI && category == "print", "{ack}");
    assert_eq!(ack.get("param"), sent.get("param"));
    // Until it is shown, and until a fan has followed.
    live(&mut printer, 8);
    assert_eq!(full(&mut printer).pointer(path), Some(value), "{request}");
}

fn refused(number: usize, request: &Value) {
    let mut printer = printer(number);
    let before = full(&mut printer);
    let ack = ask(&mut printer, request);
    let ack = ack.as_object().unwrap().values().next().unwrap();
    assert!(ack["result"].as_str().unwrap().starts_with("fail"), "{request}: {ack}");
    let mut after = full(&mut printer);
    after["sequence_id"] = before["sequence_id"].clone();
    assert_eq!(before, after, "{request}");
}

/// What a model has no word for.
fn unanswered(number: usize, request: &Value) {
    assert!(printer(number).handle(request.to_string().as_bytes()).is_empty(), "{request}");
}

fn gcode(line: &str) -> Value {
    command(json!({"command": "gcode_line", "param": line}))
}

#[test]
fn commands_of_all_models_take_effect() {
    for number in [X1C, A1_MINI, H2D] {
        obeyed(number, &command(json!({"command": "print_speed", "param": "3"})), "/spd_mag", &json!(124));
        obeyed(number, &command(json!({"command": "pause", "param": ""})), "/gcode_state", &json!("PAUSE"));
        obeyed(number, &command(json!({"command": "stop", "param": ""})), "/gcode_state", &json!("FAILED"));
        obeyed(
            number,
            &command(json!({"command": "skip_objects", "obj_list": [146]})),
            "/s_obj",
            &json!([146]),
        );
        obeyed(number, &gcode("M106 P1 S255\n"), "/cooling_fan_speed", &json!("15"));
        let light = led("chamber_light", "off");
        obeyed(number, &light, "/lights_report/0/mode", &json!("off"));
        let record =
            json!({"camera": {"sequence_id": "1", "command": "ipcam_record_set", "control": "disable"}});
        obeyed(number, &record, "/ipcam/ipcam_record", &json!("disable"));
        let timelapse =
            json!({"camera": {"sequence_id": "1", "command": "ipcam_timelapse", "control": "enable"}});
        obeyed(number, &timelapse, "/ipcam/timelapse", &json!("enable"));
        let plate = json!({"xcam": {
            "sequence_id": "1", "command": "xcam_control_set", "module_name": "buildplate_marker_detector",
            "control": false, "enable": false, "print_halt": true,
        }});
        obeyed(number, &plate, "/xcam/buildplate_marker_detector", &json!(false));
        let mut printer = printer(number);
        let before = full(&mut printer)["home_flag"].as_i64().unwrap();
        let recovery = command(json!({"command": "print_option", "auto_recovery": false, "option": 0}));
        ask(&mut printer, &recovery);
        live(&mut printer, 3);
        assert_eq!(before & !full(&mut printer)["home_flag"].as_i64().unwrap(), 1 << 4);
    }
}

#[test]
fn temperatures_and_fans_by_gcode() {
    obeyed(X1C, &gcode("M140 S70\n"), "/bed_target_temper", &json!(70));
    obeyed(X1C, &gcode("M106 P2 S255\n"), "/big_fan1_speed", &json!("15"));
    obeyed(X1C, &gcode("M106 P3 S0\n"), "/big_fan2_speed", &json!("0"));
    obeyed(X1C, &gcode("M106 P3 S0\n"), "/fan_gear", &json!(204));
    obeyed(H2D, &gcode("M104 T1 S200\n"), "/nozzle_target_temper", &json!(200.0));
    obeyed(H2D, &gcode("M145 P1\nM141 S50\n"), "/device/airduct/modeCur", &json!(1));
    obeyed(H2D, &gcode("M145 P1\nM141 S50\n"), "/device/ctc/state", &json!(2));
}

#[test]
fn an_h2d_takes_typed_commands() {
    let nozzle = json!({"command": "set_nozzle_temp", "extruder_index": 0, "target_temp": 180});
    let mut printer = printer(H2D);
    let ack = ask(&mut printer, &command(nozzle))["print"].take();
    assert_eq!((&ack["result"], &ack["err_code"]), (&json!("SUCCESS"), &json!(0)));
    live(&mut printer, 3);
    let right = full(&mut printer)["device"]["extruder"]["info"][0]["temp"].as_u64().unwrap();
    assert_eq!(right >> 16, 180);
    obeyed(H2D, &command(json!({"command": "set_bed_temp", "temp": 65})), "/bed_target_temper", &json!(65.0));
    let fan = json!({"command": "set_fan", "fan_index": 2, "speed": 60});
    obeyed(H2D, &command(fan.clone()), "/device/airduct/parts/1/state", &json!(60));
    obeyed(H2D, &command(fan), "/device/airduct/parts/1/tar_state", &json!(60));
    let heating = json!({"command": "set_airduct", "modeId": 1, "submode": -1});
    obeyed(H2D, &command(heating), "/device/airduct/modeCur", &json!(1));
    obeyed(
        H2D,
        &command(json!({"command": "print_option", "sound_enable": false})),
        "/cfg",
        &json!("10801807DA99"),
    );
}

#[test]
fn filament_is_loaded_and_unloaded_when_no_print_runs() {
    let load = |ams, slot, target| {
        command(json!({"command": "ams_change_filament", "ams_id": ams, "slot_id": slot, "target": target,
            "curr_temp": 220, "tar_temp": 220}))
    };
    for number in [X1C, A1_MINI, H2D] {
        refused_when_busy(number, &load(0, 1, 1));
        let mut printer = printer(number);
        live_until(&mut printer, "FINISH");
        ask(&mut printer, &load(0, 3, 3));
        live(&mut printer, 2);
        let report = full(&mut printer);
        assert_eq!((&report["ams_status"], &report["ams"]["tray_tar"]), (&json!(258), &json!("3")));
        assert!(report["nozzle_target_temper"].as_f64().unwrap() > 200.0);
        live(&mut printer, 45);
        let report = full(&mut printer);
        assert_eq!((&report["ams_status"], &report["ams"]["tray_now"]), (&json!(0), &json!("3")));
        ask(&mut printer, &load(0, 255, 255));
        live(&mut printer, 45);
        let report = full(&mut printer);
        assert_eq!((&report["ams"]["tray_now"], &report["ams"]["tray_pre"]), (&json!("255"), &json!("3")));
        assert_eq!(report["nozzle_target_temper"].as_f64(), Some(0.0));
    }
}

fn refused_when_busy(number: usize, request: &Value) {
    let mut printer = printer(number);
    live_until(&mut printer, "RUNNING");
    let ack = ask(&mut printer, request)["print"].take();
    assert_eq!((&ack["result"], &ack["reason"]), (&json!("fail"), &json!("printer is busy")));
}

#[test]
fn an_ams_dries_until_it_is_told_to_stop_or_the_time_is_over() {
    let dry = |mode, temp, duration| {
        command(json!({
            "command": "ams_filament_drying", "ams_id": 128, "mode": mode, "temp": temp, "duration": duration,
            "humidity": 0, "cooling_temp": 45, "rotate_tray": false, "filament": "PLA",
        }))
    };
    let mut printer = printer(H2D);
    let unit = |printer: &mut Printer| full(printer)["ams"]["ams"][1].take();
    assert_eq!(
        (&unit(&mut printer)["dry_time"], &unit(&mut printer)["info"]),
        (&json!(0), &json!("10002004"))
    );
    ask(&mut printer, &dry(1, 55, 2));
    live(&mut printer, 61);
    let busy = unit(&mut printer);
    assert_eq!((&busy["dry_time"], &busy["dry_setting"]["dry_filament"]), (&json!(119), &json!("PLA")));
    assert_eq!(u64::from_str_radix(busy["info"].as_str().unwrap(), 16).unwrap() >> 4 & 15, 2);
    ask(&mut printer, &dry(0, 0, 0));
    live(&mut printer, 2);
    assert_eq!(unit(&mut printer)["dry_setting"]["dry_temperature"], -1);
    ask(&mut printer, &dry(1, 55, 1));
    live(&mut printer, 3603);
    assert_eq!(unit(&mut printer)["dry_time"], 0);
    refused(H2D, &dry(1, 90, 1));
    unanswered(X1C, &dry(1, 55, 1));
}

#[test]
fn what_a_machine_cannot_do_is_refused() {
    for number in [X1C, A1_MINI, H2D] {
        refused(number, &command(json!({"command": "resume", "param": ""})));
        unanswered(number, &command(json!({"command": "make_coffee"})));
        refused(number, &command(json!({"command": "print_speed", "param": "5"})));
        refused(number, &command(json!({"command": "print_speed", "param": 2})));
        refused(number, &gcode("M104 S400\n"));
        refused(number, &gcode("M140 S130\n"));
        refused(number, &gcode("M106 P1 S256\n"));
        let light = led("disco", "on");
        refused(number, &light);
    }
    refused(A1_MINI, &gcode("M140 S90\n"));
    refused(X1C, &gcode("M141 S50\n"));
    unanswered(X1C, &command(json!({"command": "set_bed_temp", "temp": 60})));
    refused(X1C, &command(json!({"command": "print_option", "sound_enable": true})));
    refused(H2D, &command(json!({"command": "set_ctt", "ctt_val": 66})));
    refused(H2D, &command(json!({"command": "set_nozzle_temp", "extruder_index": 2, "target_temp": 100})));
    refused(H2D, &command(json!({"command": "set_fan", "fan_index": 2, "speed": 101})));
    refused(H2D, &command(json!({"command": "set_airduct", "modeId": 2, "submode": -1})));
    let low = ask(&mut printer(H2D), &command(json!({"command": "set_ctt", "ctt_val": 30})));
    assert_eq!(low["print"]["errno"], -4);
}

#[test]
fn one_bad_line_leaves_the_others_undone() {
    refused(X1C, &gcode("M104 S200\nM140 S999\n"));
}
