//! What happens to a printer now and then, after its first quarter of an hour: somebody opens the door, it
//! complains and is content again, damp filament is dried.
use super::machine::Machine;

/// The first look at a demo shall be a quiet one, simulated seconds.
const QUIET: f64 = 900.0;
const BETWEEN: f64 = 600.0;
const DOOR_SECONDS: f64 = 25.0;
const FAULT_SECONDS: f64 = 60.0;
/// "The build plate may not be properly placed": harmless, and told by every model.
const FAULT: (u32, u32) = (0x0300_0D00, 0x0002_0001);

/// Simulated seconds until the next thing happens, and until what happened is over.
pub(super) struct Chances {
    next: f64,
    door: f64,
    fault: f64,
}

impl Default for Chances {
    fn default() -> Self {
        Self { next: QUIET, door: 0.0, fault: 0.0 }
    }
}

/// Lets so many simulated seconds pass.
pub(super) fn happen(m: &mut Machine, seconds: f64) {
    let passed = |left: &mut f64| {
        let before = *left;
        *left -= seconds;
        before > 0.0 && *left <= 0.0
    };
    if passed(&mut m.chances.door) {
        m.door_open = false;
    }
    if passed(&mut m.chances.fault) {
        m.hms.retain(|entry| *entry != FAULT);
    }
    if !passed(&mut m.chances.next) {
        return;
    }
    m.chances.next = BETWEEN + f64::from(m.chance(600));
    match m.chance(3) {
        0 if m.model.facts().door => {
            m.door_open = true;
            m.chances.door = DOOR_SECONDS;
        }
        1 => dry(m),
        _ => {
            m.hms.push(FAULT);
            m.chances.fault = FAULT_SECONDS;
        }
    }
}

/// Dries the dampest unit that can, unless one is at it.
fn dry(m: &mut Machine) {
    let dryers = m.model.facts().units.iter().filter_map(|kit| m.model.dryer(kit.id));
    let idle = m.units.iter().all(|unit| unit.drying.is_none());
    let dampest = dryers.max_by_key(|(index, _)| m.units.get(*index).map(super::unit::Unit::humidity));
    if let Some(unit) = dampest.filter(|_| idle).and_then(|(index, _)| m.units.get_mut(index)) {
        unit.dry("PLA".to_owned(), 45, 4);
    }
}
