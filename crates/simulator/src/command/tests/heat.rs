//! Heaters, fans, air ducts.
use super::*;

fn typed_bed(celsius: u16) -> Value {
    print("set_bed_temp", json!({ "temp": celsius }))
}

fn typed_nozzle(index: u8, celsius: u16) -> Value {
    print("set_nozzle_temp", json!({"extruder_index": index, "target_temp": celsius}))
}

fn chamber(celsius: u16) -> Value {
    print("set_ctt", json!({ "ctt_val": celsius }))
}

#[test]
fn targets_are_set_in_the_form_of_the_model() {
    table(&[
        (Model::X1, Idle, gcode("M104 S210\n"), old(), 3, &[("/nozzle_target_temper", json!(210))]),
        (Model::P1p, Idle, gcode("M140 S70\n"), old(), 4, &[("/bed_target_temper", json!(70))]),
        (Model::H2s, Idle, gcode("M104 S210\n"), new(), 3, &[("/nozzle_target_temper", json!(210.0))]),
        (Model::X1c, Idle, typed_bed(60), NOTHING, 3, &[("/bed_target_temper", json!(0))]),
        (Model::A1, Idle, typed_bed(60), NOTHING, 4, &[]),
        (Model::A2l, Idle, typed_bed(60), old(), 4, &[("/bed_target_temper", json!(60))]),
        (Model::P2s, Idle, typed_bed(111), no("invalid param"), 3, &[("/bed_target_temper", json!(0.0))]),
        (Model::H2s, Idle, typed_nozzle(0, 200), NOTHING, 3, &[]),
        (Model::X2d, Idle, typed_nozzle(2, 200), no("invalid param"), 3, &[]),
        (Model::X1e, Idle, gcode("M141 S50\n"), old(), 3, &[("/ctt", json!(50))]),
        (Model::X1e, Idle, chamber(30), old(), 3, &[("/ctt", json!(30))]),
        (Model::P1s, Idle, chamber(45), NOTHING, 4, &[]),
        (Model::P2s, Idle, chamber(45), NOTHING, 3, &[]),
        (Model::H2d, Idle, chamber(45), new(), 3, &[("/device/ctc/state", json!(2))]),
        (Model::H2d, Idle, chamber(66), no("invalid param"), 3, &[("/device/ctc/state", json!(0))]),
        (Model::H2d, Idle, chamber(39), json!({"result": "fail", "reason": "", "errno": -4}), 3, &[]),
        // It prints PLA.
        (Model::H2d, Printing, chamber(45), json!({"result": "fail", "reason": "", "errno": -2}), 3, &[]),
        (Model::H2d, Printing, chamber(0), new(), 3, &[]),
        // Without its end a line is not carried out.
        (Model::X1c, Idle, gcode("M140 S60"), old(), 4, &[("/bed_target_temper", json!(0))]),
        (
            Model::X1c,
            Idle,
            gcode("M104 S200\nM140 S999\n"),
            no("invalid param"),
            4,
            &[("/nozzle_target_temper", json!(0))],
        ),
    ]);
    let mut h2d = printer(Model::H2d, Idle);
    told(&mut h2d, &typed_nozzle(1, 190), &new(), 3, &[]);
    assert_eq!(full(&mut h2d)["device"]["extruder"]["info"][1]["temp"].as_u64().unwrap() >> 16, 190);
}

#[test]
fn fans_turn_and_air_is_led() {
    let fan = |index: u8, speed: u8| print("set_fan", json!({"fan_index": index, "speed": speed}));
    let air = |mode: u8| print("set_airduct", json!({"modeId": mode, "submode": -1}));
    table(&[
        (
            Model::P1s,
            Idle,
            gcode("M106 P3 S128\n"),
            old(),
            8,
            &[("/fan_gear", json!(128 << 16)), ("/big_fan2_speed", json!("7"))],
        ),
        (
            Model::X2d,
            Idle,
            gcode("M106 P10 S255\n"),
            new(),
            8,
            &[("/device/airduct/parts/2/state", json!(100))],
        ),
        (Model::H2d, Idle, fan(2, 60), new(), 8, &[("/device/airduct/parts/1/state", json!(60))]),
        (Model::X2d, Idle, fan(10, 30), new(), 8, &[("/device/airduct/parts/2/tar_state", json!(30))]),
        (Model::H2d, Idle, fan(10, 30), no("invalid param"), 4, &[]),
        (Model::X1c, Idle, fan(1, 60), NOTHING, 4, &[]),
        (Model::A2l, Idle, fan(1, 100), old(), 8, &[("/device/airduct/parts/0/state", json!(100))]),
        (Model::P2s, Idle, air(1), new(), 1, &[("/device/airduct/modeCur", json!(1))]),
        (Model::H2c, Idle, air(2), no("invalid param"), 1, &[("/device/airduct/modeCur", json!(0))]),
        (Model::A1, Idle, air(1), NOTHING, 2, &[]),
    ]);
}
