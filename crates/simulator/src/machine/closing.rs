//! What a printer does between the last layer and the end of the job: the head goes home and the filament is
//! pulled back (protocol 20.2).
use super::super::model::{Model, Place};
use super::Machine;

/// `stg_cur`: filament is taken out.
const UNLOADING: i16 = 22;
/// From the pulled-back filament to the end of the job, simulated seconds.
const PARKING_SECONDS: f64 = 8.0;
/// The same where no unit takes the filament back.
const HOMING_SECONDS: f64 = 20.0;

impl Machine {
    /// The last layer is done.
    pub(super) fn close(&mut self) {
        self.done = self.seconds();
        self.bed.target = 0;
        self.part_fan.order(0);
        self.aux_fan.order(0);
        self.rested = 0.0;
        let in_unit = self.feeding.is_some_and(|spool| matches!(self.model.place(spool), Place::Unit(..)));
        // An A1 takes the filament out without a word of it in its stage.
        let silent = matches!(self.model, Model::A1 | Model::A1Mini);
        self.closing = Some(if in_unit && !silent { UNLOADING } else { self.model.no_stage() });
        self.left = if in_unit { PARKING_SECONDS } else { HOMING_SECONDS };
        if in_unit {
            self.begin_change(None);
        }
    }

    /// Progress meanwhile: most printers are at 100 already, small ones only with the end.
    pub(super) fn closing_percent(&self) -> u8 {
        if self.model.is_terse() { 99 } else { 100 }
    }
}
