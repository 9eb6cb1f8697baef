//! The camera's watch over a print: which faults it looks for.
use super::generation::Generation;
use super::model::Model;
use serde_json::{Map, Value};

/// Name, bit in `xcam.cfg` where the firmware has one, and whether an X1 has it too.
const NAMES: [(&str, Option<u32>, bool); 11] = [
    ("allow_skip_parts", None, true),
    ("buildplate_marker_detector", None, true),
    ("first_layer_inspector", None, true),
    ("printing_monitor", None, true),
    ("spaghetti_detector", Some(7), true),
    ("pileup_detector", Some(10), false),
    ("clump_detector", Some(13), false),
    ("airprint_detector", Some(16), false),
    ("plate_offset_switch", Some(20), false),
    ("fod_check", Some(21), false),
    ("model_movement_check", Some(22), false),
];

/// The words for how soon one halts a print; the first three stand in `xcam.cfg` as 0, 1 and 2.
const LEVELS: [&str; 4] = ["low", "medium", "high", "never_halt"];
/// Those of them with a sensitivity in `xcam.cfg`.
const GRADED: [u32; 4] = [7, 10, 13, 16];

/// Which are on, and how soon they halt a print.
pub(super) struct Detectors {
    on: [bool; NAMES.len()],
    /// By the same numbers, each of 0 to 2.
    levels: [u32; NAMES.len()],
    /// The only one that the first generation has.
    pub(super) sensitivity: &'static str,
}

impl Default for Detectors {
    fn default() -> Self {
        let on = std::array::from_fn(|index| index > 0);
        Self { on, levels: [1; NAMES.len()], sensitivity: "medium" }
    }
}

impl Detectors {
    /// Whether the detector of this name is on.
    pub(super) fn get(&self, wanted: &str) -> bool {
        NAMES.iter().zip(self.on).any(|((name, _, _), on)| *name == wanted && on)
    }

    /// The word that later firmware reports: a bit for each, and two for its sensitivity after it.
    pub(super) fn cfg(&self, model: Model) -> u32 {
        let mut word = 0;
        for ((_, bit, _), (on, level)) in NAMES.iter().zip(self.on.into_iter().zip(self.levels)) {
            let Some(bit) = bit.filter(|bit| *bit < 21 || model.supports(bit - 8)) else { continue };
            word |= u32::from(on) << bit;
            if GRADED.contains(&bit) {
                word |= level << (bit + 1);
            }
        }
        word
    }

    /// The number of the detector that a request is about; `None` when this model has no such detector.
    pub(super) fn find(model: Model, request: &Map<String, Value>) -> Option<usize> {
        let wanted = request.get("module_name")?.as_str()?;
        let known = |name: &str, x1: bool| match model.facts().generation {
            Generation::Packed => match name {
                "fod_check" => model.supports(13),
                "model_movement_check" => model.supports(14),
                _ => true,
            },
            Generation::Complete => x1,
            Generation::Delta => model.slings() && name == "buildplate_marker_detector",
        };
        NAMES.iter().position(|(name, _, x1)| *name == wanted && known(name, *x1))
    }

    /// Whether a request turns it on: older firmware reads `control`, newer `enable`.
    pub(super) fn wish(model: Model, request: &Map<String, Value>) -> Option<bool> {
        let (first, second) =
            if model.has_bit_fields() { ("enable", "control") } else { ("control", "enable") };
        request.get(first).or_else(|| request.get(second))?.as_bool()
    }

    /// Turns one on or off, and tells it how soon to halt a print.
    pub(super) fn set(&mut self, model: Model, index: usize, on: bool, level: Option<&str>) {
        if let Some(switch) = self.on.get_mut(index) {
            *switch = on;
        }
        let Some(number) = level.and_then(|level| LEVELS.iter().position(|known| *known == level)) else {
            return;
        };
        // On later firmware the old word stays as it was delivered.
        if model.facts().generation == Generation::Complete {
            self.sensitivity = LEVELS.get(number).copied().unwrap_or(self.sensitivity);
        }
        if let (Some(level), Ok(number @ 0..=2)) = (self.levels.get_mut(index), u32::try_from(number)) {
            *level = number;
        }
    }
}
