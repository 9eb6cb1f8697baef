//! What may be asked of a printer.
//!
//! A [`Command`] says what a person wants, in the domain's words; how this printer wants to be told is
//! `bambu::request`'s work, and whether it may be told now is [`permit()`]'s.

pub mod outcome;
pub mod permit;

use std::time::Duration;

use super::ams::Color;
use super::options::{Sensitivity, Setting};
use super::tools::{AirductMode, Material};
use super::{FanKind, LightKind, Observed, Side, Source, Speed, Status, Text};

pub use outcome::Outcome;
pub use permit::{Class, Refusal, permit};

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
    /// Sound the buzzer.
    Buzzer(Buzzer),
    /// Load filament; where no temperature is given, that of the filament is taken.
    Load {
        /// From where.
        source: Source,
        /// Nozzle temperature for it, °C.
        celsius: Option<u16>,
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

/// What the buzzer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Buzzer {
    /// Nothing any more.
    Silent,
    /// It sounds like a fire alarm.
    Alarm,
    /// It beeps.
    Beep,
}

/// What to tell of the filament on a spool that has no tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpoolFilament {
    /// The vendor's id of it (`GFL99`).
    pub id: Text,
    /// Material (`PLA`).
    pub material: Text,
    /// Red, green, blue and opacity, a byte each.
    pub color: u32,
    /// Lowest nozzle temperature, °C.
    pub nozzle_min: u16,
    /// Highest nozzle temperature, °C.
    pub nozzle_max: u16,
}

/// What to answer an AMS that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AmsAnswer {
    /// Try again.
    Resume,
    /// Begin anew.
    Reset,
    /// Wait.
    Pause,
    /// It was done by hand.
    Done,
}

/// How to dry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dry {
    /// The unit, by the printer's number.
    pub unit: u8,
    /// Temperature and hours; `None` takes what suits everything that is in the unit.
    pub plan: Option<(u16, u8)>,
    /// What is dried; `None` is what is in the unit.
    pub filament: Option<Text>,
    /// Turn the spools meanwhile.
    pub rotate: bool,
}

/// Steps of a calibration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Steps(u8);

/// One step of a calibration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Of the lidar.
    Lidar,
    /// Of the bed's level.
    BedLeveling,
    /// Of vibrations.
    Vibration,
    /// Of the motors' noise.
    MotorNoise,
    /// Of the way between two nozzles.
    NozzleOffset,
    /// Of the bed when it is hot.
    HotBed,
    /// Of the place where clumps at the nozzle are looked for.
    NozzleClump,
}

impl Step {
    /// Every step with its word.
    pub const ALL: [(Self, &'static str); 7] = [
        (Self::Lidar, "lidar"),
        (Self::BedLeveling, "bed_leveling"),
        (Self::Vibration, "vibration"),
        (Self::MotorNoise, "motor_noise"),
        (Self::NozzleOffset, "nozzle_offset"),
        (Self::HotBed, "hot_bed"),
        (Self::NozzleClump, "nozzle_clump"),
    ];
}

impl Steps {
    /// Just one.
    pub const fn only(step: Step) -> Self {
        Self(1 << step as u8)
    }

    /// With one more.
    #[must_use]
    pub const fn with(self, step: Step) -> Self {
        Self(self.0 | 1 << step as u8)
    }

    /// With one more, if that is so.
    #[must_use]
    pub const fn with_if(self, step: Step, so: bool) -> Self {
        if so { self.with(step) } else { self }
    }

    /// Whether it is among them.
    pub const fn has(self, step: Step) -> bool {
        self.0 & 1 << step as u8 != 0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The first step that `allowed` does not have.
    pub fn beyond(self, allowed: Self) -> Option<&'static str> {
        let foreign = |(step, _): &&(Step, _)| self.has(*step) && !allowed.has(*step);
        Step::ALL.iter().find(foreign).map(|(_, word)| *word)
    }
}

/// A direction of movement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Axis {
    X,
    Y,
    Z,
}

/// A file to print, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "independent choices of a person")]
pub struct PrintFile {
    /// Where it is.
    pub place: Place,
    /// Which plate of it, from 1.
    pub plate: u8,
    /// What to call the job.
    pub name: Text,
    /// Type of the build plate; `auto` for what the file says.
    pub bed_type: Text,
    /// Checksum of the file, where it shall be checked.
    pub md5: Option<Text>,
    /// Record a time-lapse.
    pub timelapse: bool,
    /// Measure the bed first.
    pub bed_leveling: bool,
    /// Calibrate the flow first.
    pub flow_calibration: bool,
    /// Calibrate vibrations first; `None` is what this model is used to.
    pub vibration_calibration: Option<bool>,
    /// Inspect the first layer with the lidar.
    pub layer_inspect: bool,
    /// Calibrate the way between two nozzles first.
    pub nozzle_offset_calibration: bool,
    /// Take filament from AMS units.
    pub use_ams: bool,
    /// Where each filament of the sliced project comes from, in its order; `None` is not used.
    pub mapping: Vec<Option<Source>>,
}

/// Where a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// On the printer's card or stick: the path.
    Storage(Text),
    /// On a server: the address.
    Web(Text),
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
            Self::Timelapse(_) | Self::Sensitivity(..) => Class::Camera,
            Self::Setting(setting, _) => {
                if setting.is_of_camera() {
                    Class::Camera
                } else {
                    Class::Option
                }
            }
            Self::PromptSound(_) | Self::Buzzer(_) | Self::ClearError => Class::Option,
            Self::Pause => Class::Pause,
            Self::Resume => Class::Resume,
            Self::Stop => Class::Stop,
            Self::NozzleTarget(_, 0)
            | Self::BedTarget(0)
            | Self::ChamberTarget(0)
            | Self::StopDrying { .. } => Class::HeatOff,
            Self::NozzleTarget(..) | Self::BedTarget(_) | Self::ChamberTarget(_) => Class::Heat,
            Self::Speed(_) | Self::Fan(..) | Self::Airduct(_) => Class::Adjust,
            Self::SkipObjects(_) => Class::Skip,
            Self::Load { .. } | Self::Unload { .. } | Self::ReadRfid { .. } => Class::Filament,
            Self::AmsControl(_) => Class::Answer,
            Self::SetFilament(..) | Self::ResetSlot(_) => Class::Spool,
            Self::Dry(_) => Class::Dry,
            Self::NozzleKind { .. } => Class::Nozzle,
            Self::SelectNozzle(_) | Self::Home | Self::Move(..) | Self::Extrude(..) | Self::Calibrate(_) => {
                Class::Motion
            }
            Self::Gcode(_) => Class::Gcode,
            Self::Print(_) => Class::Print,
            Self::InstallFirmware => Class::Firmware,
        }
    }

    /// The same of this AMS unit, for a row of the table that cannot know which unit it is asked of.
    #[must_use]
    pub fn of_unit(self, unit: u8) -> Self {
        match self {
            Self::StopDrying { .. } => Self::StopDrying { unit },
            Self::Dry(dry) => Self::Dry(Box::new(Dry { unit, ..*dry })),
            other => other,
        }
    }

    /// The same of this place for a spool, for a row of the table that cannot know which one it is asked of.
    #[must_use]
    pub fn of_source(self, place: Source) -> Self {
        match (self, place) {
            (Self::Load { celsius, .. }, source) => Self::Load { source, celsius },
            (Self::ReadRfid { .. }, Source::Ams { unit, slot }) => Self::ReadRfid { unit, slot },
            (other, _) => other,
        }
    }

    /// Whether the printer's state shows that it was done.
    ///
    /// Never for what its report does not show.
    pub fn is_met(&self, by: &Observed) -> bool {
        let at =
            |target: Option<f32>, wanted: u16| target.is_some_and(|t| (t - f32::from(wanted)).abs() < 0.5);
        match self {
            Self::Pause => by.status == Some(Status::Pause),
            Self::Resume => by.status == Some(Status::Running),
            Self::Stop => by.status.is_some_and(|s| !s.is_active()),
            Self::Speed(speed) => by.speed == Some(*speed),
            Self::NozzleTarget(side, wanted) => at(by.nozzle(*side).target, *wanted),
            Self::BedTarget(wanted) => at(by.bed.target, *wanted),
            Self::ChamberTarget(wanted) => at(by.chamber.target, *wanted),
            Self::Fan(kind, percent) => by.fans.get(*kind).percent == Some(*percent),
            Self::Airduct(mode) => by.machine.airduct == Some(*mode),
            Self::Light(LightKind::Chamber, on) => by.chamber_light == Some(*on),
            Self::Light(LightKind::Work, on) => by.work_light == Some(*on),
            Self::Light(LightKind::Heatbed, on) => by.heatbed_light == Some(*on),
            Self::Timelapse(on) => by.timelapse == Some(*on),
            Self::PromptSound(on) => by.prompt_sound == Some(*on),
            Self::Setting(setting, on) => by.options.get(*setting) == Some(*on),
            Self::Sensitivity(setting, wanted) => by.options.sensitivity(*setting) == Some(*wanted),
            Self::Load { source, .. } => {
                [Side::Right, Side::Left].into_iter().any(|side| by.source(side) == Some(*source))
            }
            Self::Unload { side, .. } => by.source(side.unwrap_or(by.active_nozzle)) == Some(Source::Nothing),
            Self::SetFilament(source, wanted) => {
                by.slot(*source).and_then(|slot| slot.filament()).is_some_and(|f| {
                    let color = Color::new(wanted.color);
                    f.material == wanted.material
                        && f.id.as_ref() == Some(&wanted.id)
                        && f.color.is_some_and(|known| known.as_str() == color.as_str())
                })
            }
            Self::ResetSlot(source) => by.slot(*source).is_some_and(|slot| slot.filament().is_none()),
            Self::Dry(dry) => by.unit(dry.unit).is_some_and(|ams| ams.is_drying() == Some(true)),
            Self::StopDrying { unit } => by.unit(*unit).is_some_and(|ams| ams.is_drying() == Some(false)),
            Self::SkipObjects(ids) => {
                let skipped = by.job.skipped.as_deref().unwrap_or_default();
                ids.iter().all(|id| skipped.contains(&i64::from(*id)))
            }
            Self::ClearError => by.error.is_none(),
            Self::NozzleKind { tenths_mm, material } => {
                let nozzle = by.nozzle_kind(Side::Right);
                nozzle.material == Some(*material)
                    && at(nozzle.diameter_mm.map(|mm| mm * 10.0), (*tenths_mm).into())
            }
            Self::SelectNozzle(side) => by.active_nozzle == *side,
            Self::InstallFirmware => by.update.progress.is_some(),
            Self::Print(_) => matches!(by.status, Some(Status::Prepare | Status::Running)),
            // A lamp that flashes is reported like one that burns.
            Self::FlashLight
            | Self::ClearPlate
            | Self::Refresh
            | Self::Buzzer(_)
            | Self::ReadRfid { .. }
            | Self::AmsControl(_)
            | Self::Calibrate(_)
            | Self::Home
            | Self::Move(..)
            | Self::Extrude(..)
            | Self::Gcode(_) => false,
        }
    }

    /// How long the printer may take from its answer until its reports show the effect; `None` when no
    /// report ever shows it, so that its answer is the last word.
    pub fn confirmed_within(&self) -> Option<Duration> {
        let seconds = match self {
            Self::FlashLight
            | Self::Refresh
            | Self::Buzzer(_)
            | Self::ReadRfid { .. }
            | Self::AmsControl(_)
            | Self::Calibrate(_)
            | Self::Home
            | Self::Move(..)
            | Self::Extrude(..)
            | Self::Gcode(_) => return None,
            // It finishes the move it is in, and lifts the nozzle; nozzles change places; the heater of an
            // AMS is checked first.
            Self::Pause
            | Self::Resume
            | Self::Stop
            | Self::SelectNozzle(_)
            | Self::Dry(_)
            | Self::StopDrying { .. } => 30,
            // Heating, cutting, pulling back, feeding (protocol 5.11).
            Self::Load { .. } | Self::Unload { .. } => 300,
            // A P1 fetches and checks the file for up to 135 s (protocol 5.1).
            Self::Print(_) => 150,
            // It looks the update up again and begins to load it.
            Self::InstallFirmware => 120,
            _ => 10,
        };
        Some(Duration::from_secs(seconds))
    }

    /// Whether it goes before all others: somebody wants the printer to stop moving.
    pub fn is_urgent(&self) -> bool {
        matches!(self, Self::Pause | Self::Stop)
    }

    /// Whether it may be sent although that one has not been answered.
    pub fn overtakes(&self, other: &Self) -> bool {
        match self {
            Self::Stop => *other != Self::Stop,
            Self::Pause => !other.is_urgent(),
            _ => false,
        }
    }

    /// Whether it must not come between a print that was sent and its beginning.
    pub fn disturbs_a_start(&self) -> bool {
        matches!(
            self.class(),
            Class::Print | Class::Motion | Class::Gcode | Class::Filament | Class::Firmware
        )
    }

    /// Whether a later command makes this one pointless: the slider moved on.
    ///
    /// Never for what adds up (movements) or is an order of its own (a print, a calibration).
    pub fn is_superseded_by(&self, later: &Self) -> bool {
        use Command as C;
        match (self, later) {
            (C::NozzleTarget(a, _), C::NozzleTarget(b, _)) => a == b,
            (C::Fan(a, _), C::Fan(b, _)) => a == b,
            (C::Light(a, _), C::Light(b, _)) => a == b,
            (C::Setting(a, _), C::Setting(b, _)) | (C::Sensitivity(a, _), C::Sensitivity(b, _)) => a == b,
            (C::SetFilament(a, _) | C::ResetSlot(a), C::SetFilament(b, _) | C::ResetSlot(b)) => a == b,
            (C::Light(LightKind::Chamber, _), C::FlashLight)
            | (C::FlashLight, C::Light(LightKind::Chamber, _) | C::FlashLight)
            | (C::BedTarget(_), C::BedTarget(_))
            | (C::ChamberTarget(_), C::ChamberTarget(_))
            | (C::Speed(_), C::Speed(_))
            | (C::Airduct(_), C::Airduct(_))
            | (C::Timelapse(_), C::Timelapse(_))
            | (C::PromptSound(_), C::PromptSound(_))
            | (C::Buzzer(_), C::Buzzer(_))
            | (C::Refresh, C::Refresh) => true,
            _ => false,
        }
    }
}

impl Setting {
    /// Whether it is the camera's: what it records and what it looks for. Firmware with authorisation
    /// control takes these without a signature.
    pub fn is_of_camera(self) -> bool {
        matches!(
            self,
            Self::Recording
                | Self::PrintingMonitor
                | Self::SpaghettiDetector
                | Self::PileupDetector
                | Self::ClumpDetector
                | Self::FirstLayerInspector
                | Self::PlateMarkerDetector
                | Self::PlateOffsetDetector
                | Self::AllowSkipParts
        )
    }

    /// Whether it is one of the AMS units', which are told all at once.
    pub fn is_of_ams(self) -> bool {
        matches!(self, Self::RfidOnInsert | Self::RfidOnStartup | Self::RemainingEstimate)
    }
}
