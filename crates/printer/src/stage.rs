//! The steps of a job, from the vendor's numbers (protocol 4.5).

/// A step of a job; a number we have no words for is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage(pub u16);

/// What a printer at rest is doing.
pub const IDLE: Stage = Stage(255);
/// The air is cleaned after a print.
pub const PURIFYING: Stage = Stage(66);

impl Stage {
    /// Words for it, or `None` when nobody knows them.
    pub fn name(self) -> Option<&'static str> {
        if self == IDLE { Some("idle") } else { NAMES.get(usize::from(self.0)).copied() }
    }

    /// Whether filament is being changed, taken out or put in, which printers also do at rest.
    pub fn changes_filament(self) -> bool {
        matches!(self.0, 4 | 22 | 24)
    }

    /// Whether it is a pause that the printer made because something is wrong; not one that a person, the
    /// file or its own M400 made.
    pub fn is_fault(self) -> bool {
        matches!(self.0, 6 | 17 | 20 | 21 | 23 | 26..=28 | 32..=35)
    }

    /// All words, for whoever must list them beforehand.
    pub fn names() -> impl Iterator<Item = &'static str> {
        std::iter::once("idle").chain(NAMES.iter().copied())
    }
}

/// Stage 0 first.
const NAMES: [&str; 78] = [
    "printing",
    "auto bed leveling",
    "heatbed preheating",
    "vibration compensation",
    "changing filament",
    "paused: M400",
    "paused: filament runout",
    "heating hotend",
    "calibrating extrusion",
    "scanning bed surface",
    "inspecting first layer",
    "identifying build plate",
    "calibrating micro lidar",
    "homing toolhead",
    "cleaning nozzle tip",
    "checking extruder temperature",
    "paused by user",
    "paused: front cover off",
    "calibrating micro lidar (2)",
    "calibrating extrusion flow",
    "paused: nozzle temperature fault",
    "paused: bed temperature fault",
    "unloading filament",
    "paused: skipped step",
    "loading filament",
    "calibrating motor noise",
    "paused: AMS lost",
    "paused: heat break fan slow",
    "paused: chamber temperature control",
    "cooling chamber",
    "paused by G-code",
    "motor noise showoff",
    "paused: nozzle covered",
    "paused: cutter error",
    "paused: first layer error",
    "paused: nozzle clog",
    "checking accuracy before calibration",
    "calibrating accuracy",
    "checking accuracy after calibration",
    "calibrating nozzle offset",
    "bed leveling at high temperature",
    "checking quick release",
    "checking door and cover",
    "calibrating laser",
    "checking platform",
    "checking bird's-eye camera position",
    "calibrating bird's-eye camera",
    "bed leveling phase 1",
    "bed leveling phase 2",
    "heating chamber",
    "cooling heatbed",
    "printing calibration lines",
    "checking material",
    "calibrating live-view camera",
    "waiting for bed temperature",
    "checking material position",
    "calibrating cutter offset",
    "measuring surface",
    "thermal preconditioning",
    "homing blade holder",
    "calibrating camera offset",
    "calibrating blade holder position",
    "testing hotend pick and place",
    "waiting for chamber temperature",
    "preparing hotend",
    "calibrating nozzle clumping detection",
    "purifying chamber air",
    "measuring rotary attachment",
    "moving toolhead to purge chute",
    "cooling nozzle",
    "moving toolhead to bed center",
    "arc fitting",
    "detecting hotend type",
    "detecting build plate alignment",
    "checking heatbed surface for foreign objects",
    "checking heatbed underside for foreign objects",
    "pre-extruding",
    "preparing AMS",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_number_has_words_of_its_own_and_unknown_ones_have_none() {
        let mut names: Vec<_> = Stage::names().collect();
        assert_eq!(names.len(), 79);
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 79);
        for number in 0..=100 {
            let word = Stage(number).name().unwrap_or_default();
            let chosen = ["paused by", "paused: M400"].iter().any(|choice| word.starts_with(choice));
            assert_eq!(Stage(number).is_fault(), word.starts_with("paused") && !chosen, "{number}");
        }
        assert_eq!(Stage(0).name(), Some("printing"));
        assert_eq!(Stage(22).name(), Some("unloading filament"));
        assert_eq!(Stage(54).name(), Some("waiting for bed temperature"));
        assert_eq!(Stage(77).name(), Some("preparing AMS"));
        assert_eq!(Stage(255).name(), Some("idle"));
        assert_eq!(Stage(78).name(), None);
    }
}
