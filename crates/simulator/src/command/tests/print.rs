//! The job.
use super::*;

fn file(url: &str) -> Value {
    print(
        "project_file",
        json!({"param": "Metadata/plate_2.gcode", "url": url, "subtask_name": "A \"box\"", "task_id": "0",
            "use_ams": true, "ams_mapping": [-1, 2], "ams_mapping2": [{"ams_id": 255, "slot_id": 255},
            {"ams_id": 0, "slot_id": 2}]}),
    )
}

#[test]
fn a_job_is_held_and_ended() {
    let param = |command| print(command, json!({"param": ""}));
    table(&[
        (
            Model::X1c,
            Printing,
            param("pause"),
            old(),
            1,
            &[("/gcode_state", json!("PAUSE")), ("/stg_cur", json!(16))],
        ),
        (Model::A1Mini, Paused, param("resume"), old(), 2, &[("/gcode_state", json!("RUNNING"))]),
        (
            Model::H2d,
            Printing,
            param("stop"),
            new(),
            6,
            &[
                ("/gcode_state", json!("FAILED")),
                ("/print_error", json!(0x0300_400C)),
                ("/err", json!("360300400C")),
            ],
        ),
        (Model::X1c, Idle, param("pause"), no("invalid state"), 1, &[("/gcode_state", json!("IDLE"))]),
        (Model::H2d, Idle, param("stop"), no("invalid state"), 1, &[("/gcode_state", json!("IDLE"))]),
        (Model::P1s, Printing, param("resume"), no("invalid state"), 1, &[]),
        (
            Model::P1s,
            Printing,
            print("print_speed", json!({"param": "4"})),
            old(),
            2,
            &[("/spd_mag", json!(166))],
        ),
        (
            Model::P1s,
            Printing,
            print("print_speed", json!({"param": "5"})),
            no("invalid param"),
            2,
            &[("/spd_lvl", json!(2))],
        ),
        (
            Model::X2d,
            Printing,
            print("skip_objects", json!({"obj_list": [7, 9]})),
            new(),
            1,
            &[("/s_obj", json!([7, 9]))],
        ),
        (
            Model::X2d,
            Idle,
            print("skip_objects", json!({"obj_list": [7]})),
            no("invalid"),
            1,
            &[("/s_obj", json!([]))],
        ),
    ]);
}

#[test]
fn effects_show_no_sooner_than_on_a_real_printer() {
    let mut printer = printer(Model::H2s, Printing);
    told(&mut printer, &gcode("M140 S61\n"), &new(), 2, &[("/bed_target_temper", json!(70.0))]);
    live(&mut printer, 1);
    assert_eq!(full(&mut printer)["bed_target_temper"], 61.0);
}

#[test]
fn a_file_is_printed_under_its_name_from_the_spools_named() {
    let card = "file:///sdcard/models/box.gcode.3mf";
    let server = "ftp:///models/box.gcode.3mf";
    table(&[
        (
            Model::X1c,
            Idle,
            file(card),
            old(),
            2,
            &[
                ("/gcode_state", json!("PREPARE")),
                ("/subtask_name", json!("A \"box\"")),
                ("/gcode_file", json!("/data/Metadata/plate_2.gcode")),
                ("/print_type", json!("local")),
            ],
        ),
        (
            Model::P1s,
            Idle,
            file(card),
            old(),
            // It names the job some seconds after it has begun.
            7,
            &[("/gcode_state", json!("PREPARE")), ("/gcode_file", json!("box.gcode.3mf"))],
        ),
        (Model::A1Mini, Idle, file(server), old(), 3, &[("/gcode_state", json!("PREPARE"))]),
        (Model::H2c, Idle, file(server), new(), 2, &[("/plate_idx", json!(2)), ("/mapping", json!([2]))]),
        (
            Model::P2s,
            Idle,
            file("https://cloud.example/box.3mf?key=1"),
            new(),
            2,
            &[("/print_type", json!("cloud"))],
        ),
    ]);
    let mut printer = printer(Model::X1c, Idle);
    told(
        &mut printer,
        &file(card),
        &old(),
        300,
        &[("/gcode_state", json!("RUNNING")), ("/ams/tray_now", json!("2"))],
    );
}

#[test]
fn a_file_that_is_none_is_complained_of() {
    let bad = |code: u32| vec![("/print_error", json!(code)), ("/gcode_state", json!("IDLE"))];
    table(&[
        (Model::X1c, Idle, file("ftp:///box.3mf"), old(), 2, &bad(0x0500_4002)),
        (Model::H2d, Idle, file("file:///sdcard/box.3mf"), new(), 2, &bad(0x0500_4002)),
        (
            Model::X1c,
            Idle,
            print(
                "project_file",
                json!({"param": "box.gcode", "url": "file:///sdcard/a.3mf", "use_ams": false}),
            ),
            old(),
            2,
            &bad(0x0500_4003),
        ),
        (
            Model::X1c,
            Idle,
            print(
                "project_file",
                json!({"param": "Metadata/plate_1.gcode", "url": "file:///sdcard/a.3mf",
                "use_ams": true, "ams_mapping": [-1]}),
            ),
            old(),
            2,
            &bad(0x0700_8012),
        ),
        (
            Model::A1,
            Idle,
            print(
                "project_file",
                json!({"param": "Metadata/plate_1.gcode", "url": "file:///sdcard/a.3mf", "use_ams": 1}),
            ),
            no("error string"),
            2,
            &[("/gcode_state", json!("IDLE"))],
        ),
    ]);
}

#[test]
fn a_printer_that_prints_takes_no_second_job() {
    let card = "file:///sdcard/box.gcode.3mf";
    let busy = json!(0x0500_4004);
    table(&[
        (
            Model::X1c,
            Printing,
            file(card),
            no("printer is busy"),
            2,
            &[("/print_error", busy.clone()), ("/gcode_state", json!("RUNNING"))],
        ),
        (
            Model::P1s,
            Printing,
            file(card),
            old(),
            3,
            &[("/print_error", busy.clone()), ("/gcode_state", json!("RUNNING"))],
        ),
        (Model::H2d, Paused, file("ftp:///box.3mf"), no("printer is busy"), 2, &[("/print_error", busy)]),
        // This one makes room.
        (
            Model::A1Mini,
            Printing,
            file(card),
            old(),
            3,
            &[("/gcode_state", json!("PREPARE")), ("/subtask_name", json!("A \"box\""))],
        ),
        (
            Model::A1Mini,
            Idle,
            print("gcode_file", json!({"param": "/sdcard/a.gcode"})),
            no("error string"),
            1,
            &[],
        ),
    ]);
}

#[test]
fn an_error_is_cleared_by_its_number() {
    let mut printer = printer(Model::P1s, Idle);
    printer.raise_error(0x0500_4004);
    let clear = |code: u32| print("clean_print_error", json!({"subtask_id": "0", "print_error": code}));
    told(&mut printer, &clear(7), &old(), 2, &[("/print_error", json!(0x0500_4004))]);
    told(&mut printer, &clear(0x0500_4004), &old(), 2, &[("/print_error", json!(0))]);
    let close = json!({"system": {"command": "uiop", "name": "print_error", "action": "close", "source": 1,
        "type": "dialog", "err": "05004004"}});
    told(&mut printer, &close, &fine(), 1, &[]);
}
