//! Movements and calibration (protocol 5.10).

use serde_json::json;

use printer::Side;
use printer::command::{Axis, Step, Steps};

use super::{Body, Dialect, extruder, gcode, print};

pub(super) fn calibrate(steps: Steps) -> Vec<Body> {
    let bit = |step: Step| match step {
        Step::Lidar => 1,
        Step::BedLeveling => 2,
        Step::Vibration => 4,
        Step::MotorNoise => 8,
        Step::NozzleOffset => 16,
        Step::HotBed => 32,
        Step::NozzleClump => 64,
    };
    let wanted = Step::ALL.iter().filter(|(step, _)| steps.has(*step));
    let mask: u32 = wanted.map(|(step, _)| bit(*step)).sum();
    print("calibration", json!({"option": mask}))
}

/// All axes: homing some of them can crash the nozzle into the bed.
pub(super) fn home(dialect: &Dialect) -> Vec<Body> {
    if dialect.typed_home { print("back_to_center", json!({})) } else { gcode("G28") }
}

pub(super) fn along(dialect: &Dialect, axis: Axis, tenths: i16) -> Vec<Body> {
    let (name, feed, turned) = match axis {
        Axis::X => ("X", 3000, false),
        Axis::Y => ("Y", 3000, true),
        Axis::Z => ("Z", 900, true),
    };
    // Where the bed moves, going back means the bed coming forward.
    let tenths = if turned && dialect.model.bed_slinger { -i32::from(tenths) } else { tenths.into() };
    let dir = if tenths < 0 { -1 } else { 1 };
    match tenths.unsigned_abs() {
        // The typed form knows two distances.
        step @ (10 | 100) if dialect.typed_axes => {
            print("xyz_ctrl", json!({"axis": name, "dir": dir, "mode": u8::from(step == 100)}))
        }
        // The end stops in software are on meanwhile, and everything is as before afterwards.
        _ => gcode(&format!(
            "M211 S\nM211 X1 Y1 Z1\nM1002 push_ref_mode\nG91 \nG1 {name}{} F{feed}\nM1002 pop_ref_mode\nM211 R",
            millimetres(tenths)
        )),
    }
}

pub(super) fn extrude(dialect: &Dialect, side: Side, tenths: i16) -> Vec<Body> {
    let tenths = i32::from(tenths);
    if dialect.dual_nozzle {
        // As a whole number where it is one: that is how the vendor's slicer sends it.
        let length = if tenths % 10 == 0 { json!(tenths / 10) } else { json!(f64::from(tenths) / 10.0) };
        print("set_extrusion_length", json!({"extruder_index": extruder(side), "length": length}))
    } else {
        gcode(&format!("M83 \nG0 E{} F900", millimetres(tenths)))
    }
}

fn millimetres(tenths: i32) -> String {
    let sign = if tenths < 0 { "-" } else { "" };
    format!("{sign}{}.{}", tenths.abs() / 10, tenths.abs() % 10)
}
