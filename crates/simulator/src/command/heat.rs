//! Heaters, fans and air ducts, typed and by G-code.
use super::super::chores::{Chore, Work};
use super::super::machine::Machine;
use super::super::parts::whole;
use super::{Body, Refusal, Verdict, figure, gcode, number, refused, switch, whole_number};

/// One thing that a command changes, checked before any of its line is carried out.
pub(super) enum Effect {
    Nozzle(usize, u16),
    Bed(u16),
    Chamber(u16),
    /// Fan number (1 part, 2 auxiliary, 3 chamber, 10 second auxiliary) and speed of 255.
    Fan(u64, u8),
    Airduct(u8),
    Work(Work),
    MotorsOff,
}

impl Effect {
    pub(super) fn check(&self, m: &Machine) -> Result<(), Refusal> {
        let fits = match self {
            Self::Nozzle(index, target) => {
                *target <= m.model.facts().nozzle_max && *index < m.model.nozzles()
            }
            Self::Bed(target) => *target <= m.model.facts().bed_max,
            Self::Chamber(target) => m.model.facts().chamber_max.is_some_and(|most| *target <= most),
            Self::Fan(index, _) => (1..=3).contains(index) || *index == 10 && m.model.has_fan(160),
            // The laser's mode is there but not ours to choose.
            Self::Airduct(mode) => *mode <= 1 && m.model.facts().modes.iter().any(|(id, ..)| id == mode),
            Self::Work(_) | Self::MotorsOff => true,
        };
        if fits { Ok(()) } else { Err(super::reason("invalid param")) }
    }

    pub(super) fn apply(self, m: &mut Machine) {
        match self {
            Self::Nozzle(index, target) => m.nozzle_mut(index).target = target,
            Self::Bed(target) => m.bed.target = target,
            Self::Chamber(target) => m.chamber.target = target,
            Self::Fan(1, speed) => m.part_fan.hold(speed),
            Self::Fan(2, speed) if m.model.has_fan(32) => m.aux_fan.hold(speed),
            Self::Fan(3, speed) if m.model.has_fan(48) => m.chamber_fan.hold(speed),
            Self::Fan(10, speed) => m.second_aux_fan.hold(speed),
            // With the laser on, the air goes out for it.
            Self::Airduct(_) if m.airduct == 2 => {}
            Self::Airduct(mode) => m.airduct = mode,
            Self::Work(work) if !m.engaged() || m.can_change() => m.chore = Some(Chore::new(work)),
            // Who has no such fan takes the line all the same; a machine at work goes on with it.
            Self::Fan(..) | Self::Work(_) => {}
            Self::MotorsOff => m.homed = false,
        }
    }
}

fn set(m: &Machine, effect: Effect) -> Verdict {
    effect.check(m)?;
    figure(|m| effect.apply(m))
}

/// Filament that softens in a heated chamber.
fn is_soft(kind: &str) -> bool {
    ["PLA", "PVA", "TPU", "BVOH"].iter().any(|soft| kind.starts_with(soft))
}

fn chamber(m: &Machine, request: &Body) -> Verdict {
    let target = whole_number(request, "ctt_val")?;
    // The heater of an X1E works at any target; those of later ones from 40 °C on.
    if m.model.has_bit_fields() && (1..40).contains(&target) {
        return Err(Refusal::Number(-4));
    }
    let fed = m.feeding.and_then(|spool| m.spools.get(spool));
    if target >= 40 && fed.is_some_and(|spool| is_soft(spool.kind())) {
        return Err(Refusal::Number(-2));
    }
    set(m, Effect::Chamber(target))
}

pub(super) fn judge(m: &mut Machine, command: &str, request: &Body) -> Verdict {
    let facts = m.model.facts();
    let ducts = m.model.has_bit_fields() && !facts.parts.is_empty();
    match command {
        "gcode_line" => gcode::judge(m, request),
        // Those with one nozzle know G-code alone.
        "set_nozzle_temp" if m.model.nozzles() > 1 => {
            let nozzle = usize::from(whole_number(request, "extruder_index")?);
            set(m, Effect::Nozzle(nozzle, whole_number(request, "target_temp")?))
        }
        "set_bed_temp" if m.model.takes(39) => set(m, Effect::Bed(whole_number(request, "temp")?)),
        "set_ctt" if facts.chamber_max.is_some() => chamber(m, request),
        "set_fan" if ducts => {
            let speed = whole_number(request, "speed")?;
            if speed > 100 {
                return refused("invalid speed");
            }
            let speed = whole((f64::from(speed) * 2.55).ceil());
            set(m, Effect::Fan(u64::from(whole_number(request, "fan_index")?), speed))
        }
        "set_airduct" if !facts.modes.is_empty() => {
            let effect = Effect::Airduct(u8::try_from(whole_number(request, "modeId")?).unwrap_or(u8::MAX));
            effect.check(m)?;
            // -1 leaves the filter as it is.
            let filter = number(request, "submode").filter(|_| m.model.takes(46));
            switch(move |m| {
                effect.apply(m);
                if let Some(filter @ 0..=1) = filter {
                    m.filtering = filter == 1;
                }
            })
        }
        _ => Err(Refusal::Silence),
    }
}
