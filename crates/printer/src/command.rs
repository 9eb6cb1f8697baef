//! What may be asked of a printer.
//!
//! A [`Command`] says what a person wants, in the domain's words; how this printer wants to be told is
//! `bambu::request`'s work, and whether it may be told now is [`permit()`]'s.

mod arguments;
mod effect;
mod order;
pub mod outcome;
pub mod permit;
mod steps;
mod table;

use super::options::{Choice, Sensitivity, Setting};
use super::tools::{AirductMode, Material};
use super::{FanKind, LightKind, Side, Source, Speed, Text};

pub use arguments::{AmsAnswer, Axis, Buzzer, Dry, Place, PrintFile, SpoolFilament};
pub use outcome::{LastCommand, Outcome};
pub use permit::{Class, Refusal, permit};
pub use steps::{Step, Steps};

/// Something to ask of a printer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Hold the print.
    Pause,
    /// Go on with it.
    Resume,
    /// Give it up.
    Stop,
    /// Tell everything again.
    Refresh,
    /// Print at another speed.
    Speed(Speed),
    /// Heat a nozzle, °C; 0 is off.
    NozzleTarget(Side, u16),
    /// Heat the bed, °C; 0 is off.
    BedTarget(u16),
    /// Heat the chamber, °C; 0 is off.
    ChamberTarget(u16),
    /// Set a fan, percent; 0 is off.
    Fan(FanKind, u8),
    /// Lead the chamber's air.
    Airduct(AirductMode),
    /// Switch a lamp.
    Light(LightKind, bool),
    /// Let the chamber's lamp flash until it is switched on or off.
    FlashLight,
    /// Record a time-lapse of prints.
    Timelapse(bool),
    /// Make sounds.
    PromptSound(bool),
    /// Switch a setting.
    Setting(Setting, bool),
    /// How soon a detector stops a print.
    Sensitivity(Setting, Sensitivity),
    /// Set a setting of more than two ways.
    Choose(Choice),
    /// Lead the air through the filter while it cools.
    CoolingFilter(bool),
    /// Stop cleaning the air for this time.
    EndPurification,
    /// Sound the buzzer.
    Buzzer(Buzzer),
    /// Load filament; where no temperature is given, that of the filament is taken.
    Load {
        /// From where.
        source: Source,
        /// Nozzle temperature for it, °C.
        celsius: Option<u16>,
        /// Into which nozzle; only with a Filament Track Switch there is a choice, and no default.
        side: Option<Side>,
    },
    /// Take the filament out of a nozzle, by default the one in use.
    Unload {
        /// Of which nozzle.
        side: Option<Side>,
        /// Nozzle temperature for it, °C.
        celsius: Option<u16>,
    },
    /// Tell what is in a slot.
    SetFilament(Source, Box<SpoolFilament>),
    /// Forget what was told of a slot.
    ResetSlot(Source),
    /// Read the tag of the spool in a slot.
    ReadRfid {
        /// The unit, by the printer's number.
        unit: u8,
        /// The slot, from 0.
        slot: u8,
    },
    /// Answer an AMS that waits for a person.
    AmsControl(AmsAnswer),
    /// Dry filament.
    Dry(Box<Dry>),
    /// End that.
    StopDrying {
        /// In which unit.
        unit: u8,
    },
    /// Leave objects out of the print from now on.
    SkipObjects(Vec<u32>),
    /// Calibrate.
    Calibrate(Steps),
    /// Take the error off the printer's screen.
    ClearError,
    /// Go on with a print although a check found something.
    IgnoreError,
    /// Close an error's question at rest.
    DismissError {
        /// Do not ask about it again.
        forever: bool,
    },
    /// Look at all hotends of the rack anew.
    ReadRack,
    /// Tell which nozzle was mounted.
    NozzleKind {
        /// Of its opening, tenths of a millimetre.
        tenths_mm: u8,
        /// What it is made of.
        material: Material,
    },
    /// Work with the other nozzle.
    SelectNozzle(Side),
    /// Find the ends of all axes.
    Home,
    /// Move along an axis, tenths of a millimetre, as a person in front of the printer sees it.
    Move(Axis, i16),
    /// Push filament through a nozzle, tenths of a millimetre; negative pulls it back.
    Extrude(Side, i16),
    /// Lines of G-code.
    Gcode(Box<[Text]>),
    /// Print a file.
    Print(Box<PrintFile>),
    /// Install the firmware that the printer offers.
    InstallFirmware,
    /// Take note that the print was taken off the plate. Nothing of it reaches the printer.
    ClearPlate,
}

impl Command {
    /// Whether firmware with authorisation control takes it only with a signature (protocol 6.3).
    pub fn needs_signature(&self) -> bool {
        !self.class().allows(permit::Condition::Limited)
    }

    /// The class whose row of the table says when it may be done.
    pub fn class(&self) -> Class {
        match self {
            Self::Refresh => Class::Ask,
            Self::ClearPlate => Class::Note,
            Self::Light(..) | Self::FlashLight => Class::Light,
            Self::Timelapse(_) | Self::Sensitivity(..) | Self::Choose(Choice::Resolution(_)) => Class::Camera,
            Self::Setting(setting, _) => {
                if setting.is_of_camera() {
                    Class::Camera
                } else {
                    Class::Option
                }
            }
            Self::PromptSound(_)
            | Self::Buzzer(_)
            | Self::ClearError
            | Self::DismissError { .. }
            | Self::Choose(_)
            | Self::EndPurification => Class::Option,
            Self::Pause => Class::Pause,
            Self::Resume | Self::IgnoreError => Class::Resume,
            Self::Stop => Class::Stop,
            Self::NozzleTarget(_, 0)
            | Self::BedTarget(0)
            | Self::ChamberTarget(0)
            | Self::StopDrying { .. } => Class::HeatOff,
            Self::NozzleTarget(..) | Self::BedTarget(_) | Self::ChamberTarget(_) => Class::Heat,
            Self::Speed(_) | Self::Fan(..) | Self::Airduct(_) | Self::CoolingFilter(_) => Class::Adjust,
            Self::SkipObjects(_) => Class::Skip,
            Self::Load { .. } | Self::Unload { .. } | Self::ReadRfid { .. } => Class::Filament,
            Self::AmsControl(_) => Class::Answer,
            Self::SetFilament(..) | Self::ResetSlot(_) => Class::Spool,
            Self::Dry(_) => Class::Dry,
            Self::NozzleKind { .. } => Class::Nozzle,
            Self::SelectNozzle(_)
            | Self::ReadRack
            | Self::Home
            | Self::Move(..)
            | Self::Extrude(..)
            | Self::Calibrate(_) => Class::Motion,
            Self::Gcode(_) => Class::Gcode,
            Self::Print(_) => Class::Print,
            Self::InstallFirmware => Class::Firmware,
        }
    }
}
