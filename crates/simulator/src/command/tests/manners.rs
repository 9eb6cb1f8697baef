//! Printers that are slow, deaf, silent, busy, or want signatures.
use super::*;

fn stop() -> Value {
    json!({"print": {"command": "stop", "param": "", "sequence_id": "40010"}})
}

fn stopped(printer: &mut Printer) -> bool {
    full(printer)["gcode_state"] == "FAILED"
}

fn is_answer(message: &Value) -> bool {
    message["print"]["sequence_id"] == "40010" && message["print"]["result"] == "success"
}

#[test]
fn a_slow_answer_comes_after_the_effect() {
    let mut slow = printer(Model::X1c, Printing);
    slow.set_slow_answers(Duration::from_secs(5));
    assert!(answers(&mut slow, &stop()).is_empty());
    assert!(!live(&mut slow, 4).iter().any(is_answer));
    assert!(stopped(&mut slow));
    assert_eq!(live(&mut slow, 2).iter().filter(|message| is_answer(message)).count(), 1);
}

#[test]
fn a_lost_answer_leaves_the_effect_and_a_lost_command_nothing() {
    let mut silent = printer(Model::X1c, Printing);
    silent.set_answers_lost(true);
    assert!(answers(&mut silent, &stop()).is_empty());
    assert!(!live(&mut silent, 20).iter().any(is_answer) && stopped(&mut silent));
    let mut deaf = printer(Model::X1c, Printing);
    deaf.set_commands_lost(true);
    assert!(answers(&mut deaf, &stop()).is_empty());
    live(&mut deaf, 20);
    assert!(!stopped(&mut deaf));
    // What asks for something is answered.
    assert_eq!(answers(&mut deaf, &json!({"pushing": {"command": "pushall"}})).len(), 1);
    deaf.set_commands_lost(false);
    assert_eq!(answers(&mut deaf, &stop()).len(), 1);
}

#[test]
fn the_next_command_is_refused_with_the_reason_given() {
    let mut printer = printer(Model::H2d, Printing);
    printer.refuse_next("not today");
    told(
        &mut printer,
        &print("stop", json!({"param": ""})),
        &no("not today"),
        2,
        &[("/gcode_state", json!("RUNNING"))],
    );
    told(&mut printer, &print("stop", json!({"param": ""})), &new(), 2, &[("/gcode_state", json!("FAILED"))]);
}

#[test]
fn a_busy_printer_begins_nothing() {
    let mut busy = printer(Model::X1c, Idle);
    busy.set_busy(true);
    let file = print(
        "project_file",
        json!({"param": "Metadata/plate_1.gcode", "url": "file:///sdcard/a.3mf", "use_ams": false}),
    );
    told(&mut busy, &file, &no("printer is busy"), 2, &[("/print_error", json!(0x0500_4004))]);
    let load = print(
        "ams_change_filament",
        json!({"ams_id": 0, "slot_id": 1, "target": 1, "curr_temp": 220, "tar_temp": 220}),
    );
    told(&mut busy, &load, &no("printer is busy"), 2, &[("/ams_status", json!(0))]);
    told(&mut busy, &print("calibration", json!({"option": 2})), &no("printer is busy"), 2, &[]);
    busy.set_busy(false);
    told(&mut busy, &file, &old(), 2, &[("/gcode_state", json!("PREPARE")), ("/print_error", json!(0))]);
}

#[test]
fn unsigned_commands_are_refused_in_three_forms() {
    let line = gcode("M140 S60\n");
    let verify = json!([{"attr": 0x0500_0500, "code": 0x0001_0007}]);
    let hms = [("/hms", verify)];
    for (model, added) in [
        (Model::X1c, json!({"err_code": 84_033_543})),
        (
            Model::H2d,
            json!({"result": "failed", "reason": "mqtt message verify failed", "err_code": 84_033_543}),
        ),
    ] {
        let mut printer = printer(model, Idle);
        printer.set_signed_only(true);
        told(&mut printer, &line, &added, 4, &hms);
        let light = json!({"system": {"command": "ledctrl", "led_node": "chamber_light", "led_mode": "off",
            "led_on_time": 500, "led_off_time": 500, "loop_times": 0, "interval_time": 0}});
        told(&mut printer, &light, &fine(), 1, &[("/lights_report/0/mode", json!("off"))]);
    }
    let mut small = printer(Model::P1s, Idle);
    small.set_signed_only(true);
    let answer = answers(&mut small, &line);
    assert_eq!(
        answer,
        [
            json!({"print": {"command": "gcode_line", "result": "failed", "reason": "mqtt message verify failed"}})
        ]
    );
}

#[test]
fn a_printer_at_rest_begins_nothing_by_itself() {
    let mut printer = printer(Model::A1, Idle);
    live(&mut printer, 1000);
    assert_eq!(printer.state(), "IDLE");
}
