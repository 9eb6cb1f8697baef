use super::*;
use serde_json::json;

const X1C: usize = 0;
const A1_MINI: usize = 1;
const H2D: usize = 2;
const SECOND: Duration = Duration::from_secs(1);

fn parse(payload: &[u8]) -> Value {
    serde_json::from_slice(payload)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(payload)))
}

fn printer(number: usize) -> Printer {
    Printer::new(number, 7)
}

/// The `print` object of a complete report.
fn full(printer: &mut Printer) -> Value {
    parse(&printer.full())["print"].take()
}

fn ask(printer: &mut Printer, request: &Value) -> Value {
    let answers = printer.handle(request.to_string().as_bytes());
    assert_eq!(answers.len(), 1, "{request}");
    parse(&answers[0])
}

/// Lets seconds pass and gives what was reported in them.
fn live(printer: &mut Printer, seconds: usize) -> Vec<Value> {
    let mut reports = Vec::new();
    for _ in 0..seconds {
        printer.tick(SECOND, &mut reports);
    }
    reports.iter().map(|report| parse(report)["print"].take()).collect()
}

fn live_until(printer: &mut Printer, state: &str) {
    let mut reports = Vec::new();
    for _ in 0..4000 {
        if printer.state() == state {
            return;
        }
        printer.tick(SECOND, &mut reports);
        reports.clear();
    }
    panic!("never {state}, at last {}", printer.state());
}

#[test]
fn complete_reports_have_the_members_and_types_of_their_model() {
    for (number, members, prefix) in [(X1C, 68, "00M"), (A1_MINI, 64, "030"), (H2D, 99, "094")] {
        let mut printer = printer(number);
        assert!(printer.serial().starts_with(prefix) && printer.serial().len() == 15);
        let report = full(&mut printer);
        assert_eq!(report.as_object().unwrap().len(), members, "{:?}", printer.model());
        assert_eq!(report["command"], "push_status");
        for text in [
            "sequence_id",
            "cooling_fan_speed",
            "mc_print_stage",
            "nozzle_diameter",
            "task_id",
            "wifi_signal",
        ] {
            assert!(report[text].is_string(), "{text}");
        }
        for figure in
            ["nozzle_temper", "bed_temper", "mc_percent", "layer_num", "spd_lvl", "home_flag", "print_error"]
        {
            assert!(report[figure].is_number(), "{figure}");
        }
        assert_eq!(report["hms"], json!([]));
        let units = report["ams"]["ams"].as_array().unwrap();
        for tray in units.iter().flat_map(|unit| unit["tray"].as_array().unwrap()) {
            assert!(
                tray["id"].is_string()
                    && tray["remain"].is_i64()
                    && tray["tray_uuid"].as_str().unwrap().len() == 32
            );
        }
    }
    assert_eq!(full(&mut printer(X1C)).get("msg"), None);
    assert_eq!(full(&mut printer(A1_MINI))["msg"], 0);
    assert_eq!(full(&mut printer(H2D))["msg"], 0);
}

/// A heater that is where it should be.
fn packed(degrees: u32) -> u32 {
    degrees * 0x1_0001
}

#[test]
fn an_h2d_packs_temperatures_and_says_which_nozzle_prints() {
    let report = full(&mut printer(H2D));
    let extruder = &report["device"]["extruder"];
    assert_eq!(extruder["state"], 33042);
    assert_eq!(extruder["info"][1]["temp"], packed(220));
    assert_eq!((&extruder["info"][1]["snow"], &extruder["info"][0]["snow"]), (&json!(2), &json!(65535)));
    assert_eq!(report["device"]["bed"]["info"]["temp"], packed(55));
    let fun = u64::from_str_radix(report["fun"].as_str().unwrap(), 16).unwrap();
    assert_eq!((fun >> 29 & 1, fun >> 39 & 1), (0, 1));
    let ids: Vec<_> = report["vir_slot"].as_array().unwrap().iter().map(|slot| slot["id"].clone()).collect();
    assert_eq!(ids, ["254", "255"]);
    let units: Vec<_> =
        report["ams"]["ams"].as_array().unwrap().iter().map(|unit| unit["id"].clone()).collect();
    assert_eq!(units, ["0", "128"]);
}

#[test]
fn x1_and_h2d_report_completely_each_second() {
    for number in [X1C, H2D] {
        let reports = live(&mut printer(number), 10);
        assert_eq!(reports.len(), 10);
        assert!(reports.iter().all(|report| report.as_object().unwrap().len() >= 55));
    }
}

#[test]
fn an_a1_mini_tells_only_changes_and_they_add_up() {
    let mut printer = printer(A1_MINI);
    let mut merged = parse(&printer.handle(br#"{"pushing":{"command":"pushall"}}"#)[0])["print"].take();
    assert_eq!(merged["msg"], 0);
    let deltas = live(&mut printer, 1500);
    assert!((750..=1500).contains(&deltas.len()), "{}", deltas.len());
    let members: usize = deltas.iter().map(|delta| delta.as_object().unwrap().len()).sum();
    assert!(members / deltas.len() < 15, "a delta is small");
    for delta in deltas {
        assert_eq!(delta["msg"], 1);
        for (name, value) in delta.as_object().unwrap() {
            match (name.as_str(), value.as_object()) {
                ("ams", Some(ams)) => {
                    for (name, value) in ams {
                        merged["ams"][name] = value.clone();
                    }
                }
                _ => merged[name] = value.clone(),
            }
        }
    }
    // A tick between two deltas may hold changes that are not told yet.
    while live(&mut printer, 1).is_empty() {}
    let mut now = full(&mut printer);
    for passing in
        ["msg", "sequence_id", "wifi_signal", "nozzle_temper", "bed_temper", "ams", "cooling_fan_speed"]
    {
        assert!(now[passing].take() != Value::Null);
        merged[passing].take();
    }
    for other in
        ["big_fan1_speed", "big_fan2_speed", "mc_percent", "mc_remaining_time", "layer_num", "fan_gear"]
    {
        now[other].take();
        merged[other].take();
    }
    now["mc_print_line_number"].take();
    merged["mc_print_line_number"].take();
    assert_eq!(now, merged);
}

#[test]
fn version_lists_the_modules_of_each_model() {
    let request = json!({"info": {"sequence_id": "40001", "command": "get_version"}});
    for (number, firmware, unit) in
        [(X1C, "01.08.02.00", "ams/0"), (A1_MINI, "01.04.00.00", "ams_f1/0"), (H2D, "01.00.02.00", "n3s/128")]
    {
        let mut printer = printer(number);
        let info = ask(&mut printer, &request)["info"].take();
        assert_eq!((&info["command"], &info["sequence_id"]), (&json!("get_version"), &json!("40001")));
        let modules = info["module"].as_array().unwrap();
        assert_eq!((&modules[0]["name"], &modules[0]["sw_ver"]), (&json!("ota"), &json!(firmware)));
        assert!(modules.iter().any(|module| module["name"] == unit));
        assert!(modules.iter().any(|module| module["sn"] == printer.serial()));
    }
}

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
    live(&mut printer, 4);
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

fn command(mut members: Value) -> Value {
    members["sequence_id"] = json!("40010");
    json!({"print": members})
}

fn led(node: &str, mode: &str) -> Value {
    json!({"system": {
        "sequence_id": "1", "command": "ledctrl", "led_node": node, "led_mode": mode,
        "led_on_time": 500, "led_off_time": 500, "loop_times": 0, "interval_time": 0,
    }})
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
        assert_eq!(before & !full(&mut printer)["home_flag"].as_i64().unwrap(), 1 << 4);
    }
}

#[test]
fn temperatures_and_fans_by_gcode() {
    for number in [X1C, A1_MINI] {
        obeyed(number, &gcode("M104 S210\n"), "/nozzle_target_temper", &json!(210));
        obeyed(number, &gcode("M140 S70\n"), "/bed_target_temper", &json!(70));
    }
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
    let right = full(&mut printer)["device"]["extruder"]["info"][0]["temp"].as_u64().unwrap();
    assert_eq!(right >> 16, 180);
    obeyed(H2D, &command(json!({"command": "set_bed_temp", "temp": 65})), "/bed_target_temper", &json!(65.0));
    let fan = json!({"command": "set_fan", "fan_index": 2, "speed": 60});
    obeyed(H2D, &command(fan.clone()), "/device/airduct/parts/1/state", &json!(60));
    obeyed(H2D, &command(fan), "/device/airduct/parts/1/tar_state", &json!(60));
    obeyed(H2D, &command(json!({"command": "set_ctt", "ctt_val": 45})), "/device/ctc/state", &json!(2));
    let heating = json!({"command": "set_airduct", "modeId": 1, "submode": -1});
    obeyed(H2D, &command(heating), "/device/airduct/modeCur", &json!(1));
    obeyed(
        H2D,
        &command(json!({"command": "print_option", "sound_enable": false})),
        "/cfg",
        &json!("C01807DA99"),
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
    assert_eq!(unit(&mut printer)["dry_setting"]["dry_temperature"], -1);
    ask(&mut printer, &dry(1, 55, 1));
    live(&mut printer, 3601);
    assert_eq!(unit(&mut printer)["dry_time"], 0);
    refused(H2D, &dry(1, 90, 1));
    refused(X1C, &dry(1, 55, 1));
}

#[test]
fn a_job_that_is_sent_starts_the_next_print() {
    let mut printer = printer(X1C);
    let send = command(json!({"command": "project_file", "param": "Metadata/plate_1.gcode"}));
    assert_eq!(ask(&mut printer, &send)["print"]["result"], "fail");
    live_until(&mut printer, "IDLE");
    assert_eq!(ask(&mut printer, &send)["print"]["result"], "success");
    assert_eq!(printer.state(), "PREPARE");
}

#[test]
fn what_a_machine_cannot_do_is_refused() {
    for number in [X1C, A1_MINI, H2D] {
        refused(number, &command(json!({"command": "resume", "param": ""})));
        refused(number, &command(json!({"command": "make_coffee"})));
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
    refused(X1C, &command(json!({"command": "set_bed_temp", "temp": 60})));
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

#[test]
fn nonsense_gets_no_answer() {
    for nonsense in
        [&b""[..], b"{", b"[]", b"null", b"\xff\xfe", br#"{"print":3}"#, br#"{"other":{"command":"x"}}"#]
    {
        assert!(printer(X1C).handle(nonsense).is_empty());
    }
}

#[test]
fn a_stopped_print_shows_its_code_for_a_few_seconds() {
    let mut printer = printer(X1C);
    ask(&mut printer, &command(json!({"command": "stop", "param": ""})));
    assert_eq!(full(&mut printer)["print_error"], 50_348_044);
    live(&mut printer, 8);
    let report = full(&mut printer);
    assert_eq!((&report["gcode_state"], &report["print_error"]), (&json!("FAILED"), &json!(0)));
    assert_eq!(report["fail_reason"], "50348044");
}

#[test]
fn a_paused_print_stands_still_until_resumed() {
    let mut printer = printer(H2D);
    ask(&mut printer, &command(json!({"command": "pause", "param": ""})));
    let before = full(&mut printer);
    live(&mut printer, 100);
    let after = full(&mut printer);
    assert_eq!(
        (&before["layer_num"], &before["mc_remaining_time"]),
        (&after["layer_num"], &after["mc_remaining_time"])
    );
    assert_eq!((&after["stg_cur"], &after["state"]), (&json!(16), &json!(5)));
    ask(&mut printer, &command(json!({"command": "resume", "param": ""})));
    live(&mut printer, 100);
    assert!(full(&mut printer)["layer_num"].as_i64() > before["layer_num"].as_i64());
}

#[test]
fn a_day_goes_from_print_to_print() {
    for number in [X1C, A1_MINI, H2D] {
        let mut printer = printer(number);
        live_until(&mut printer, "RUNNING");
        let first = full(&mut printer)["subtask_name"].clone();
        live_until(&mut printer, "FINISH");
        let report = full(&mut printer);
        assert_eq!((&report["mc_percent"], &report["mc_remaining_time"]), (&json!(100), &json!(0)));
        assert_eq!(report["layer_num"], report["total_layer_num"]);
        let hot = report["nozzle_temper"].as_f64().unwrap();
        live_until(&mut printer, "IDLE");
        let report = full(&mut printer);
        assert!(report["nozzle_temper"].as_f64().unwrap() < hot - 50.0, "it cools down");
        assert_eq!(report["stg_cur"], if number == A1_MINI { 255 } else { -1 });
        live_until(&mut printer, "PREPARE");
        live_until(&mut printer, "RUNNING");
        let report = full(&mut printer);
        assert_ne!(report["subtask_name"], first);
        assert!(report["stg_cur"].as_i64().unwrap() > 0, "first come the preparations");
    }
}

#[test]
fn a_print_goes_forward_and_changes_its_filament() {
    let reports = live(&mut printer(X1C), 300);
    let figures =
        |key: &str| -> Vec<i64> { reports.iter().map(|report| report[key].as_i64().unwrap()).collect() };
    assert!(figures("mc_percent").is_sorted() && figures("layer_num").is_sorted());
    assert!(figures("mc_remaining_time").is_sorted_by(|earlier, later| earlier >= later));
    let mut trays: Vec<_> =
        reports.iter().map(|report| report["ams"]["tray_now"].as_str().unwrap()).collect();
    trays.dedup();
    assert_eq!(trays, ["0", "255", "1"]);
    let mut steps = figures("ams_status");
    steps.dedup();
    assert_eq!(steps, [768, 258, 260, 261, 262, 263, 768]);
}

#[test]
fn an_h2d_changes_the_nozzle_within_a_print() {
    let mut printer = printer(H2D);
    let states: Vec<_> =
        live(&mut printer, 500).iter().map(|r| r["device"]["extruder"]["state"].clone()).collect();
    assert!(states.contains(&json!(33042)) && states.contains(&json!(32770)));
    let extruder = full(&mut printer)["device"]["extruder"].take();
    let right = &extruder["info"][0];
    assert_eq!((&right["snow"], &right["temp"]), (&json!(128 << 8), &json!(packed(220))));
    assert_eq!(extruder["info"][1]["temp"].as_u64().unwrap() >> 16, 0);
}

#[test]
fn firmware_that_wants_signatures_refuses_control_and_says_so() {
    for number in [X1C, A1_MINI, H2D] {
        let mut printer = printer(number);
        printer.set_signed_only(true);
        let ack = ask(&mut printer, &command(json!({"command": "pause", "param": ""})))["print"].take();
        if number == X1C {
            assert_eq!(ack, json!({"command": "pause", "err_code": 84_033_543, "sequence_id": "40010"}));
        } else {
            assert_eq!(
                (&ack["result"], &ack["reason"]),
                (&json!("failed"), &json!("mqtt message verify failed"))
            );
        }
        let report = full(&mut printer);
        assert_ne!(report["gcode_state"], "PAUSE");
        assert_eq!(report["hms"], json!([{"attr": 83_887_360, "code": 65543}]));
        if number != A1_MINI {
            let fun = u64::from_str_radix(report["fun"].as_str().unwrap(), 16).unwrap();
            assert_eq!(fun >> 29 & 1, 1);
        }
        // Lights need no signature.
        let light = led("chamber_light", "off");
        assert_eq!(ask(&mut printer, &light)["system"]["result"], "success");
        live(&mut printer, 25);
        assert_eq!(full(&mut printer)["hms"], json!([]));
    }
}

#[test]
fn faults_can_be_shown() {
    let mut printer = printer(H2D);
    printer.raise_hms(0x0300_0100, 0x0001_0007);
    assert_eq!(full(&mut printer)["hms"], json!([{"attr": 50_331_904, "code": 65543}]));
    printer.clear_hms();
    assert_eq!(full(&mut printer)["hms"], json!([]));
}

#[test]
fn the_stream_can_be_stopped_and_started() {
    let mut printer = printer(X1C);
    assert!(printer.handle(br#"{"pushing":{"command":"stop"}}"#).is_empty());
    assert!(live(&mut printer, 5).is_empty());
    printer.handle(br#"{"pushing":{"command":"start"}}"#);
    assert_eq!(live(&mut printer, 5).len(), 5);
}

#[test]
fn speed_compresses_the_day_but_not_the_reports() {
    let mut printer = printer(H2D).with_speed(60.0);
    let reports = live(&mut printer, 30);
    assert_eq!(reports.len(), 30);
    assert!(reports.iter().any(|report| report["gcode_state"] == "FINISH"));
}

#[test]
fn one_seed_is_one_life() {
    let lives = [7, 7, 8].map(|seed| live(&mut Printer::new(4, seed), 60));
    assert!(lives[0] == lives[1] && lives[0] != lives[2]);
}

#[test]
fn a_thousand_printers_share_their_templates_and_report_in_turn() {
    let mut printers: Vec<Printer> = (0..1000).map(|number| Printer::new(number, 1)).collect();
    let mut serials: Vec<_> = printers.iter().map(|printer| printer.serial().to_owned()).collect();
    serials.sort_unstable();
    serials.dedup();
    assert_eq!(serials.len(), 1000);
    let mut reports = Vec::new();
    for _ in 0..3 {
        for printer in &mut printers {
            printer.tick(SECOND, &mut reports);
        }
    }
    // Each third is an A1 mini, which may leave out a second.
    assert!((2400..=3000).contains(&reports.len()), "{}", reports.len());
    assert!(reports.iter().all(|report| report.ends_with(b"}}")));
}
