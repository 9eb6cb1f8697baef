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
            purification: 0,
        }
    }

    /// Bits of `home_flag`.
    pub(super) fn home_bits(&self) -> [(u32, bool); 7] {
        [
            (4, self.recovery),
            (7, self.estimate),
            (10, self.backup),
            (17, self.sound),
            (20, self.tangle),
            (24, self.blob),
            (28, self.air_print),
        ]
    }

    /// Bits of `cfg`.
    pub(super) fn cfg_bits(&self) -> [(u32, bool); 11] {
        [
            (0, self.read_on_insert),
            (1, self.read_on_startup),
            (16, self.recovery),
            (17, self.estimate),
            (18, self.backup),
            (22, self.sound),
            (23, self.tangle),
            (24, self.blob),
            (32, self.idle_heating),
            (36, self.purification & 1 == 1),
            (37, self.purification & 2 == 2),
        ]
    }
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
        // `fun2` has a bit for it, and not every model has `fun2`.
        "air_purification" => {
            model.has_bit_fields()
                && u64::from_str_radix(model.facts().fun2, 16).is_ok_and(|word| word >> 4 & 1 == 1)
        }
        _ => false,
    }
}
