//! Motion: calibration, homing, moving, extruding, the other nozzle.
use super::super::chores::{Chore, Work};
use super::super::generation::Generation;
use super::super::machine::Machine;
use super::super::model::Model;
use super::{Body, IS_BUSY, Refusal, Verdict, refused, switch, text, unseen, whole_number};
use serde_json::Value;

/// The bits of a calibration and the stage that each is told as.
const STEPS: [(u16, i16); 7] = [(1, 12), (2, 1), (4, 3), (8, 25), (16, 39), (32, 40), (64, 65)];
const HOMING: i16 = 13;
/// Below this filament does not melt, °C.
const COLD: f64 = 170.0;

pub(super) fn judge(m: &mut Machine, command: &str, request: &Body) -> Verdict {
    let two = m.model.nozzles() > 1;
    match command {
        "calibration" => calibrate(m, request),
        "back_to_center" if m.model.takes(32) => begin(m, Work::Home),
        "xyz_ctrl" if m.model.takes(38) => {
            let axis = matches!(text(request, "axis"), "X" | "Y" | "Z");
            let way = matches!(request.get("dir").and_then(Value::as_i64), Some(-1 | 1));
            let step = matches!(request.get("mode").and_then(Value::as_i64), Some(0 | 1));
            idle(m)?;
            // No report tells where the axes are.
            if axis && way && step { unseen() } else { refused("invalid param") }
        }
        "set_extrusion_length" if m.model.has_bit_fields() => {
            let index = usize::from(whole_number(request, "extruder_index")?);
            let length = request.get("length").and_then(Value::as_f64).filter(|length| length.abs() <= 50.0);
            idle(m)?;
            let nozzle = m.nozzles.get(index).filter(|_| index < m.model.nozzles());
            match (nozzle, length) {
                (Some(nozzle), Some(_)) if nozzle.now >= COLD => unseen(),
                (Some(_), Some(_)) => refused("nozzle is too cold"),
                _ => refused("invalid param"),
            }
        }
        "select_extruder" if two => match whole_number(request, "extruder_index")? {
            index @ 0..=1 => begin(m, Work::Turn(index.into())),
            _ => refused("invalid extruder_index"),
        },
        // It looks, and finds what it knew.
        "holder_nozzle_refresh" if m.model == Model::H2c => unseen(),
        _ => Err(Refusal::Silence),
    }
}

fn idle(m: &Machine) -> Result<(), Refusal> {
    if m.engaged() { Err(super::reason(IS_BUSY)) } else { Ok(()) }
}

fn begin(m: &Machine, work: Work) -> Verdict {
    idle(m)?;
    switch(|m| {
        if !m.engaged() {
            m.chore = Some(Chore::new(work));
        }
    })
}

/// The steps that a model has.
fn steps(m: &Machine) -> u16 {
    let facts = m.model.facts();
    let hums = facts.home_flag >> 21 & 1 == 1 || m.model.takes(10);
    let big = if m.model.has_lamp("chamber_light2") { 32 | 64 } else { 0 };
    let offset = if m.model.nozzles() > 1 { 16 } else { 0 };
    2 | 4 | u16::from(facts.generation == Generation::Complete) | u16::from(hums) << 3 | offset | big
}

fn calibrate(m: &Machine, request: &Body) -> Verdict {
    let wanted = whole_number(request, "option")?;
    if wanted == 0 || wanted & !steps(m) != 0 {
        return refused("invalid option");
    }
    let wanted = STEPS.iter().filter(|(bit, _)| wanted & bit != 0).map(|(_, stage)| *stage);
    let stages = [HOMING].into_iter().chain(wanted).collect();
    idle(m)?;
    switch(|m| {
        if !m.engaged() {
            m.calibrate(stages);
        }
    })
}
