//! Motion.
use super::*;

fn calibrate(option: u16) -> Value {
    print("calibration", json!({ "option": option }))
}

#[test]
fn calibrations_go_from_stage_to_stage() {
    table(&[
        (
            Model::X1c,
            Idle,
            calibrate(1 | 2 | 4),
            old(),
            2,
            &[("/stg_cur", json!(13)), ("/stg", json!([13, 12, 1, 3]))],
        ),
        (
            Model::X1c,
            Idle,
            calibrate(1 | 2 | 4),
            old(),
            22,
            &[("/stg_cur", json!(12)), ("/stg", json!([12, 1, 3]))],
        ),
        (Model::X1c, Idle, calibrate(2), old(), 42, &[("/stg_cur", json!(-1)), ("/stg", json!([]))]),
        (Model::A1, Idle, calibrate(8), old(), 25, &[("/stg_cur", json!(25))]),
        (Model::H2d, Idle, calibrate(16 | 64), new(), 22, &[("/stg_cur", json!(39))]),
        (Model::P1s, Idle, calibrate(1), no("invalid option"), 3, &[("/stg_cur", json!(255))]),
        (Model::P2s, Idle, calibrate(16), no("invalid option"), 3, &[]),
        (Model::P2s, Idle, calibrate(0), no("invalid option"), 3, &[]),
        (Model::X1c, Printing, calibrate(2), no("printer is busy"), 3, &[("/gcode_state", json!("RUNNING"))]),
    ]);
}

#[test]
fn axes_are_homed_and_moved_while_nothing_is_printed() {
    let center = print("back_to_center", json!({}));
    let along = |axis: &str| print("xyz_ctrl", json!({"axis": axis, "dir": -1, "mode": 1}));
    let flags = |printer: &mut Printer| full(printer)["home_flag"].as_i64().unwrap() & 7;
    for (model, request, agreed) in [(Model::X1c, gcode("G28\n"), old()), (Model::H2d, center.clone(), new())]
    {
        let mut printer = printer(model, Idle);
        assert_eq!(flags(&mut printer), 0);
        told(&mut printer, &request, &agreed, 20, &[]);
        assert_eq!(flags(&mut printer), 7);
        told(&mut printer, &gcode("M84\n"), &agreed, 4, &[]);
        assert_eq!(flags(&mut printer), 0);
    }
    table(&[
        (Model::H2d, Idle, along("Z"), new(), 1, &[]),
        (Model::H2d, Idle, along("E"), no("invalid param"), 1, &[]),
        (Model::H2d, Printing, along("Z"), no("printer is busy"), 1, &[]),
        (Model::H2d, Printing, center.clone(), no("printer is busy"), 1, &[]),
        (Model::P1s, Idle, along("Z"), NOTHING, 1, &[]),
        (Model::P1s, Idle, center, NOTHING, 1, &[]),
    ]);
}

#[test]
fn filament_is_pushed_through_a_hot_nozzle_and_nozzles_are_changed() {
    let push = print("set_extrusion_length", json!({"extruder_index": 0, "length": 10}));
    let turn = |index: u8| print("select_extruder", json!({ "extruder_index": index }));
    let used = |word: u32| [("/device/extruder/state", json!(word))];
    table(&[
        (Model::H2d, Idle, push.clone(), no("nozzle is too cold"), 1, &[]),
        (Model::X1c, Idle, push.clone(), NOTHING, 1, &[]),
        (Model::H2d, Printing, turn(0), no("printer is busy"), 1, &[]),
        (Model::H2s, Idle, turn(1), NOTHING, 1, &[]),
        (Model::H2d, Idle, turn(2), no("invalid extruder_index"), 1, &[]),
    ]);
    let mut h2d = printer(Model::H2d, Idle);
    told(
        &mut h2d,
        &print("set_nozzle_temp", json!({"extruder_index": 0, "target_temp": 220})),
        &new(),
        120,
        &[],
    );
    told(&mut h2d, &push, &new(), 1, &[]);
    told(&mut h2d, &turn(0), &new(), 20, &used(0x8002));
    told(&mut h2d, &turn(1), &new(), 2, &used(0xA1F2));
    live(&mut h2d, 10);
    assert_eq!(full(&mut h2d)["device"]["extruder"]["state"], 0x8112);
}
