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
        self.words().map(|(name, _)| name)
    }

    /// The word that the ha-bambulab integration has for it (`CURRENT_STAGE_IDS` of its `pybambu/const.py`).
    pub fn slug(self) -> Option<&'static str> {
        self.words().map(|(_, slug)| slug)
    }

    fn words(self) -> Option<(&'static str, &'static str)> {
        if self == IDLE { Some(("idle", "idle")) } else { NAMES.get(usize::from(self.0)).copied() }
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
        std::iter::once("idle").chain(NAMES.iter().map(|(name, _)| *name))
    }
}

/// Stage 0 first: what people read, and the word that ha-bambulab has for it, which their automations know (typing
/// errors and what stands twice included).
const NAMES: [(&str, &str); 78] = [
    ("printing", "printing"),
    ("auto bed leveling", "auto_bed_leveling"),
    ("heatbed preheating", "heatbed_preheating"),
    ("vibration compensation", "sweeping_xy_mech_mode"),
    ("changing filament", "changing_filament"),
    ("paused: M400", "m400_pause"),
    ("paused: filament runout", "paused_filament_runout"),
    ("heating hotend", "heating_hotend"),
    ("calibrating extrusion", "calibrating_extrusion"),
    ("scanning bed surface", "scanning_bed_surface"),
    ("inspecting first layer", "inspecting_first_layer"),
    ("identifying build plate", "identifying_build_plate_type"),
    ("calibrating micro lidar", "calibrating_micro_lidar"),
    ("homing toolhead", "homing_toolhead"),
    ("cleaning nozzle tip", "cleaning_nozzle_tip"),
    ("checking extruder temperature", "checking_extruder_temperature"),
    ("paused by user", "paused_user"),
    ("paused: front cover off", "paused_front_cover_falling"),
    ("calibrating micro lidar (2)", "calibrating_micro_lidar"),
    ("calibrating extrusion flow", "calibrating_extrusion_flow"),
    ("paused: nozzle temperature fault", "paused_nozzle_temperature_malfunction"),
    ("paused: bed temperature fault", "paused_heat_bed_temperature_malfunction"),
    ("unloading filament", "filament_unloading"),
    ("paused: skipped step", "paused_skipped_step"),
    ("loading filament", "filament_loading"),
    ("calibrating motor noise", "calibrating_motor_noise"),
    ("paused: AMS lost", "paused_ams_lost"),
    ("paused: heat break fan slow", "paused_low_fan_speed_heat_break"),
    ("paused: chamber temperature control", "paused_chamber_temperature_control_error"),
    ("cooling chamber", "cooling_chamber"),
    ("paused by G-code", "paused_user_gcode"),
    ("motor noise showoff", "motor_noise_showoff"),
    ("paused: nozzle covered", "paused_nozzle_filament_covered_detected"),
    ("paused: cutter error", "paused_cutter_error"),
    ("paused: first layer error", "paused_first_layer_error"),
    ("paused: nozzle clog", "paused_nozzle_clog"),
    ("checking accuracy before calibration", "check_absolute_accuracy_before_calibration"),
    ("calibrating accuracy", "absolute_accuracy_calibration"),
    ("checking accuracy after calibration", "check_absolute_accuracy_after_calibration"),
    ("calibrating nozzle offset", "calibrate_nozzle_offset"),
    ("bed leveling at high temperature", "bed_level_high_temperature"),
    ("checking quick release", "check_quick_release"),
    ("checking door and cover", "check_door_and_cover"),
    ("calibrating laser", "laser_calibration"),
    ("checking platform", "check_plaform"),
    ("checking bird's-eye camera position", "check_birdeye_camera_position"),
    ("calibrating bird's-eye camera", "calibrate_birdeye_camera"),
    ("bed leveling phase 1", "bed_level_phase_1"),
    ("bed leveling phase 2", "bed_level_phase_2"),
    ("heating chamber", "heating_chamber"),
    ("cooling heatbed", "heated_bedcooling"),
    ("printing calibration lines", "print_calibration_lines"),
    ("checking material", "check_material"),
    ("calibrating live-view camera", "calibrating_live_view_camera"),
    ("waiting for bed temperature", "waiting_for_heatbed_temperature"),
    ("checking material position", "check_material_position"),
    ("calibrating cutter offset", "calibrating_cutter_model_offset"),
    ("measuring surface", "measuring_surface"),
    ("thermal preconditioning", "thermal_preconditioning"),
    ("homing blade holder", "homing_blade_holder"),
    ("calibrating camera offset", "calibrating_camera_offset"),
    ("calibrating blade holder position", "calibrating_blade_holder_position"),
    ("testing hotend pick and place", "hotend_pick_place_test"),
    ("waiting for chamber temperature", "waiting_chamber_temperature_equalize"),
    ("preparing hotend", "preparing_hotend"),
    ("calibrating nozzle clumping detection", "calibrating_detection_nozzle_clumping"),
    ("purifying chamber air", "purifying_chamber_air"),
    ("measuring rotary attachment", "measuring_rotary_attachment"),
    ("moving toolhead to purge chute", "moving_toolhead_above_purge_chute"),
    ("cooling nozzle", "cooling_nozzle"),
    ("moving toolhead to bed center", "moving_toolhead_to_center_of_heatbed"),
    ("arc fitting", "active_arc_fitting"),
    ("detecting hotend type", "hotend_type_detection"),
    ("detecting build plate alignment", "build_plate_alignment_detection"),
    ("checking heatbed surface for foreign objects", "heatbed_surface_foreign_object_detection"),
    ("checking heatbed underside for foreign objects", "heatbed_underside_foreign_object_detection"),
    ("pre-extruding", "pre_extrusion_before_printing"),
    ("preparing AMS", "preparing_ams"),
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
        let slug = |number| Stage(number).slug();
        assert_eq!(
            [slug(1), slug(77), slug(255), slug(78)],
            [Some("auto_bed_leveling"), Some("preparing_ams"), Some("idle"), None]
        );
    }
}
