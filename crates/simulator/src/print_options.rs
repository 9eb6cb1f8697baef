//! What a person may switch on a printer for good, and the bits in which it tells.
use super::model::Model;

/// The options of a printer; each is told in `home_flag`, and by the newer generation in `cfg` too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of the real machine")]
pub(super) struct PrintOptions {
    pub(super) recovery: bool,
    pub(super) sound: bool,
    pub(super) tangle: bool,
    pub(super) blob: bool,
    pub(super) air_print: bool,
    /// Goes on with another spool of the same filament.
    pub(super) backup: bool,
    /// Estimates what is left of a spool.
    pub(super) estimate: bool,
    pub(super) read_on_insert: bool,
    pub(super) read_on_startup: bool,
    pub(super) idle_heating: bool,
    /// Keeps what was sent to it.
    pub(super) keeps_files: bool,
    /// Takes a picture when a print is done.
    pub(super) snapshot: bool,
    /// 0 off, 1 on, 2 as it likes.
    pub(super) blob_by_itself: u8,
    /// What an open door does: 0 nothing, 1 a warning, 2 a pause.
    pub(super) door: u8,
    /// 0 off; 1 and 2 are the ways to clean the chamber's air after a print.
    pub(super) purification: u8,
}

impl PrintOptions {
    /// As the model of the captures had them.
    pub(super) fn new(model: Model) -> Self {
        let home = |bit: u32| model.facts().home_flag >> bit & 1 == 1;
        Self {
            recovery: true,
            sound: model.facts().sound,
            tangle: home(20),
            blob: home(24),
            air_print: home(28),
            backup: home(10),
            estimate: home(7),
            read_on_insert: true,
            read_on_startup: false,
            idle_heating: false,
            keeps_files: home(11),
            snapshot: true,
            blob_by_itself: 2,
            door: 0,
            purification: 0,
        }
    }

    /// Bits of `home_flag`.
    pub(super) fn home_bits(&self) -> [(u32, bool); 8] {
        [
            (4, self.recovery),
            (7, self.estimate),
            (10, self.backup),
            (11, self.keeps_files),
            (17, self.sound),
            (20, self.tangle),
            (24, self.blob),
            (28, self.air_print),
        ]
    }

    /// Bits of `cfg`.
    pub(super) fn cfg_bits(&self, model: Model) -> [(u32, bool); 18] {
        // 3 is no picture at all; an A2L does not speak of it.
        let picture = match model {
            Model::A2l => 0,
            model if takes_pictures(model) => 1 + u8::from(self.snapshot),
            _ => 3,
        };
        let blob = if model.supports(15) { self.blob_by_itself } else { 0 };
        let has = |number: u8, bit: u8| number & bit == bit;
        [
            (0, self.read_on_insert),
            (1, self.read_on_startup),
            (16, self.recovery),
            (17, self.estimate),
            (18, self.backup),
            (19, self.keeps_files),
            (20, has(self.door, 1)),
            (21, has(self.door, 2)),
            (22, self.sound),
            (23, self.tangle),
            (24, self.blob),
            (32, self.idle_heating),
            (36, has(self.purification, 1)),
            (37, has(self.purification, 2)),
            (38, has(picture, 1)),
            (39, has(picture, 2)),
            (43, has(blob, 1)),
            (44, has(blob, 2)),
        ]
    }
}

/// Whether a model takes a picture when a print is done: those whose firmware is of 2026.
pub(super) fn takes_pictures(model: Model) -> bool {
    model.supports(14)
}

/// Whether a model has the option of a `print_option` key: `fun` tells it of the newer generation, `home_flag`
/// of the older one.
pub(super) fn has_option(model: Model, key: &str) -> bool {
    let fun = |bit: u32| model.has_bit_fields() && model.facts().fun >> bit & 1 == 1;
    let home = |bit: u32| model.facts().home_flag >> bit & 1 == 1;
    match key {
        "auto_recovery" => true,
        "sound_enable" => model.facts().sound,
        "filament_tangle_detect" => fun(9) || home(19),
        "nozzle_blob_detect" => fun(13) || home(25),
        "air_print_detect" => fun(45) || home(29),
        "auto_switch_filament" => !model.facts().units.is_empty(),
        "air_purification" => model.supports(4),
        "nozzle_blob_detect_v2" => model.supports(15),
        _ => false,
    }
}
