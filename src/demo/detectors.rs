//! The camera's watch over a print: which faults it looks for.
use super::facts::Family;
use super::model::Model;
use serde_json::{Map, Value};

/// Name, bit in `xcam.cfg` where the firmware has one, and whether an X1 has it too.
const NAMES: [(&str, Option<u32>, bool); 9] = [
    ("allow_skip_parts", None, true),
    ("buildplate_marker_detector", None, true),
    ("first_layer_inspector", None, true),
    ("printing_monitor", None, true),
    ("spaghetti_detector", Some(7), true),
    ("pileup_detector", Some(10), false),
    ("clump_detector", Some(13), false),
    ("airprint_detector", Some(16), false),
    ("plate_offset_switch", Some(20), false),
];

/// Which are on, and how soon the first of them halts a print.
pub(super) struct Detectors {
    on: [bool; NAMES.len()],
    pub(super) sensitivity: &'static str,
}

impl Default for Detectors {
    fn default() -> Self {
        Self { on: [false, true, true, true, true, true, true, true, true], sensitivity: "medium" }
    }
}

impl Detectors {
    /// Whether the detector of this name is on.
    pub(super) fn get(&self, wanted: &str) -> bool {
        NAMES.iter().zip(self.on).any(|((name, _, _), on)| *name == wanted && on)
    }

    /// The word that later firmware reports; sensitivities as the printer came.
    pub(super) fn cfg(&self) -> u32 {
        // Two bits after each enable bit: medium.
        let mut word = 1 << 8 | 1 << 11 | 1 << 14 | 1 << 17;
        for ((_, bit, _), on) in NAMES.iter().zip(self.on) {
            word |= bit.map_or(0, |bit| u32::from(on) << bit);
        }
        word
    }

    /// Takes a request; `None` when this model has no such detector.
    pub(super) fn set(&mut self, model: Model, request: &Map<String, Value>) -> Option<()> {
        let wanted = request.get("module_name")?.as_str()?;
        let on = request.get("control").or_else(|| request.get("enable"))?.as_bool()?;
        let known = |name: &str, x1: bool| match model.facts().family {
            Family::New => true,
            Family::X1 => x1,
            Family::Small => model.slings() && name == "buildplate_marker_detector",
        };
        let index = NAMES.iter().position(|(name, _, x1)| *name == wanted && known(name, *x1))?;
        *self.on.get_mut(index)? = on;
        if let Some(level) = request.get("halt_print_sensitivity").and_then(Value::as_str) {
            let levels = ["low", "medium", "high", "never_halt"];
            self.sensitivity = levels.into_iter().find(|known| *known == level).unwrap_or(self.sensitivity);
        }
        Some(())
    }
}
