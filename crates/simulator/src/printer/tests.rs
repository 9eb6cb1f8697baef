//! Reports, and the day of a printer; what it does when told is in `commands`.
use super::*;
use serde_json::json;

mod commands;
mod jobs;

const X1C: usize = 0;
const A1_MINI: usize = 1;
const H2D: usize = 2;
const SECOND: Duration = Duration::from_secs(1);

/// The printers of the models for which this holds.
fn numbers(holds: impl Fn(Model) -> bool) -> Vec<usize> {
    (0..Model::ALL.len()).filter(|number| holds(Model::ALL[*number])).collect()
}

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
fn big_printers_report_completely_each_second() {
    for number in numbers(|model| !model.is_terse()) {
        let reports = live(&mut printer(number), 10);
        assert_eq!(reports.len(), 10);
        assert!(reports.iter().all(|report| report.as_object().unwrap().len() >= 55));
    }
}

#[test]
fn small_printers_tell_only_changes_and_they_add_up() {
    for number in numbers(Model::is_terse) {
        changes_add_up(printer(number));
    }
}

fn changes_add_up(mut printer: Printer) {
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
                (group @ ("ams" | "device"), Some(members)) => {
                    for (name, value) in members.iter().filter(|(name, _)| *name != "ams") {
                        merged[group][name] = value.clone();
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
    for twin in ["mc_print_line_number", "percent", "remain_time", "3D", "device"] {
        if now.get(twin).is_some() {
            now[twin].take();
            merged[twin].take();
        }
    }
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
    live(&mut printer, 1);
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
    live(&mut printer, 1);
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
    for number in numbers(|_| true) {
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
        assert_eq!(report["stg_cur"], if printer.model().is_terse() { 255 } else { -1 });
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
    for number in numbers(|_| true) {
        let mut printer = printer(number);
        printer.set_signed_only(true);
        let ack = ask(&mut printer, &command(json!({"command": "pause", "param": ""})))["print"].take();
        if matches!(printer.model(), Model::X1 | Model::X1c | Model::X1e) {
            let known =
                json!({"command": "pause", "param": "", "err_code": 84_033_543, "sequence_id": "40010"});
            assert_eq!(ack, known);
        } else {
            assert_eq!(
                (&ack["result"], &ack["reason"]),
                (&json!("failed"), &json!("mqtt message verify failed"))
            );
        }
        let report = full(&mut printer);
        assert_ne!(report["gcode_state"], "PAUSE");
        assert_eq!(report["hms"], json!([{"attr": 83_887_360, "code": 65543}]));
        if !printer.model().is_terse() || printer.model() == Model::A2l {
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
    // Five of the fourteen models may leave out a second.
    assert!((2400..=3000).contains(&reports.len()), "{}", reports.len());
    assert!(reports.iter().all(|report| report.ends_with(b"}}")));
}

#[test]
fn no_two_printers_have_an_ams_of_one_serial() {
    let mut seen = Vec::new();
    for number in 0..2 * Model::ALL.len() {
        let mut printer = Printer::new(number, 1);
        let info = ask(&mut printer, &json!({"info": {"command": "get_version", "sequence_id": "1"}}));
        for module in info["info"]["module"].as_array().unwrap() {
            let name = module["name"].as_str().unwrap();
            if name.starts_with("ams") || name.starts_with("n3") {
                let serial = module["sn"].as_str().unwrap().to_owned();
                assert_eq!(serial.len(), 15, "{serial}");
                assert!(!seen.contains(&serial), "{serial}");
                seen.push(serial);
            }
        }
    }
    // One each, two at the H2D and the H2D Pro, none at the P1P.
    assert_eq!(seen.len(), 2 * 15);
}

/// The answer of a printer to `get_version`.
fn version(printer: &mut Printer) -> Value {
    ask(printer, &json!({"info": {"command": "get_version", "sequence_id": "1"}}))["info"].take()
}

#[test]
fn a_demo_begins_with_three_and_goes_through_all_models_again_and_again() {
    let names: Vec<_> = (0..17).map(|number| printer(number).name().to_owned()).collect();
    assert_eq!(names[..4], ["Demo X1 Carbon", "Demo A1 mini", "Demo H2D", "Demo X1"]);
    assert_eq!(names[14..], ["Demo X1 Carbon 2", "Demo A1 mini 2", "Demo H2D 2"]);
    let mut models = Model::ALL.to_vec();
    models.dedup();
    assert_eq!(models.len(), 14);
    for model in Model::ALL {
        assert_eq!(Model::of_serial(&format!("{}09D000000001", model.serial_prefix())), Some(model));
    }
    assert_eq!(Model::of_serial("99909D000000001"), None);
}

#[test]
fn each_model_names_itself_as_its_firmware_does() {
    for (number, model) in Model::ALL.into_iter().enumerate() {
        let info = version(&mut printer(number));
        let modules = info["module"].as_array().unwrap();
        let ota = &modules[0];
        match model {
            Model::X1 | Model::X1c | Model::X1e => {
                assert!(ota.get("product_name").is_none() && ota.get("project_name").is_none());
            }
            Model::A1 | Model::A1Mini => assert_eq!(ota["project_name"], model.code()),
            _ => assert_eq!(ota["product_name"], format!("Bambu Lab {}", model.product_name())),
        }
        let racks = modules.iter().filter(|module| module["name"].as_str().unwrap().starts_with("wtm/"));
        assert_eq!(racks.count(), if model == Model::H2c { 5 } else { 0 });
    }
}

#[test]
fn an_h2c_has_a_rack_with_one_gap() {
    let number = numbers(|model| model == Model::H2c)[0];
    let device = full(&mut printer(number))["device"].take();
    assert_eq!(device["nozzle"]["exist"], 0b10_1111 << 16 | 0b11);
    assert_eq!((&device["holder"]["pos"], &device["nozzle"]["src_id"]), (&json!(3), &json!(20)));
    assert_eq!(device["nozzle"]["info"].as_array().unwrap().len(), 7);
}

#[test]
fn a_p1p_prints_from_the_spool_outside() {
    let number = numbers(|model| model == Model::P1p)[0];
    let report = full(&mut printer(number));
    assert_eq!((&report["ams"]["ams"], &report["ams"]["tray_now"]), (&json!([]), &json!("254")));
    assert_eq!(report["vt_tray"]["tray_type"], "PETG");
}

#[test]
fn doors_open_where_there_are_some_and_faults_come_and_go() {
    for number in numbers(|_| true) {
        // Ten seconds pass between two reports.
        let mut printer = printer(number).with_speed(10.0);
        let model = printer.model();
        let quiet = live(&mut printer, 88);
        assert!(quiet.iter().all(|r| r["hms"] == Value::Null || r["hms"] == json!([])), "{model:?}");
        let open = |report: &Value| match report["stat"].as_str() {
            Some(stat) => u64::from_str_radix(stat, 16).unwrap() >> 23 & 1 == 1,
            None => report["home_flag"].as_i64().unwrap_or_default() >> 23 & 1 == 1,
        };
        let flags = u64::from_str_radix(full(&mut printer)["fun"].as_str().unwrap_or("0"), 16).unwrap();
        let door = flags >> 12 & 1 == 1 || matches!(model, Model::X1 | Model::X1c | Model::X1e);
        let (mut opened, mut faults) = (false, false);
        for _ in 0..40 {
            let reports = live(&mut printer, 60);
            opened |= reports.iter().any(open);
            faults |= reports.iter().any(|r| r["hms"].as_array().is_some_and(|hms| !hms.is_empty()));
            if opened == door && faults {
                break;
            }
        }
        assert_eq!((opened, faults), (door, true), "{model:?}");
        live(&mut printer, 60);
        let clear = (0..200).any(|_| {
            live(&mut printer, 1);
            full(&mut printer)["hms"] == json!([])
        });
        assert!(clear, "{model:?}");
    }
}
