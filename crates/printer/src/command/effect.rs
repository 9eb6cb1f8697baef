//! How it is seen that a command was done, and how long that may take.
//!
//! Both name every command: one that is added must say so here.

use std::time::Duration;

use super::{Command, SpoolFilament};
use crate::ams::Color;
use crate::tools::Material;
use crate::{LightKind, Observed, Side, Source, Status};

impl Command {
    /// Whether the printer's state shows that it was done.
    ///
    /// Never for what its report does not show.
    pub fn is_met(&self, by: &Observed) -> bool {
        match self {
            Self::Pause => by.status == Some(Status::Pause),
            Self::Resume | Self::IgnoreError => by.status == Some(Status::Running),
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
            Self::Load { source, side: Some(side), .. } => by.source(*side) == Some(*source),
            Self::Load { source, side: None, .. } => by.is_loaded(*source),
            Self::Unload { side, .. } => by.source(side.unwrap_or(by.active_nozzle)) == Some(Source::Nothing),
            Self::SetFilament(source, wanted) => holds(by, *source, wanted),
            Self::ResetSlot(source) => by.slot(*source).is_some_and(|slot| slot.filament().is_none()),
            Self::Dry(dry) => by.unit(dry.unit).is_some_and(|ams| ams.is_drying() == Some(true)),
            Self::StopDrying { unit } => by.unit(*unit).is_some_and(|ams| ams.is_drying() == Some(false)),
            Self::SkipObjects(ids) => {
                let skipped = by.job.skipped.as_deref().unwrap_or_default();
                ids.iter().all(|id| skipped.contains(&i64::from(*id)))
            }
            Self::Choose(choice) => choice.is_met(&by.options),
            Self::CoolingFilter(on) => by.machine.filtering == Some(*on),
            Self::EndPurification => !by.purifies(),
            Self::ClearError | Self::DismissError { .. } => by.error.is_none(),
            Self::NozzleKind { tenths_mm, material } => has_nozzle(by, *tenths_mm, *material),
            Self::SelectNozzle(side) => by.active_nozzle == *side,
            Self::InstallFirmware => by.update.progress.is_some(),
            Self::Print(_) => matches!(by.status, Some(Status::Prepare | Status::Running)),
            // A lamp that flashes is reported like one that burns.
            Self::FlashLight
            | Self::ClearPlate
            | Self::Refresh
            | Self::Buzzer(_)
            | Self::ReadRfid { .. }
            | Self::ReadRack
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
            | Self::ClearPlate
            | Self::Refresh
            | Self::Buzzer(_)
            | Self::ReadRfid { .. }
            | Self::ReadRack
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
            | Self::IgnoreError
            | Self::Stop
            | Self::EndPurification
            | Self::SelectNozzle(_)
            | Self::Dry(_)
            | Self::StopDrying { .. } => 30,
            // Heating, cutting, pulling back, feeding (protocol 5.11).
            Self::Load { .. } | Self::Unload { .. } => 300,
            // A P1 fetches and checks the file for up to 135 s (protocol 5.1).
            Self::Print(_) => 150,
            // It looks the update up again and begins to load it.
            Self::InstallFirmware => 120,
            Self::Speed(_)
            | Self::NozzleTarget(..)
            | Self::BedTarget(_)
            | Self::ChamberTarget(_)
            | Self::Fan(..)
            | Self::Airduct(_)
            | Self::Light(..)
            | Self::Timelapse(_)
            | Self::PromptSound(_)
            | Self::Setting(..)
            | Self::Sensitivity(..)
            | Self::Choose(_)
            | Self::CoolingFilter(_)
            | Self::SetFilament(..)
            | Self::ResetSlot(_)
            | Self::SkipObjects(_)
            | Self::ClearError
            | Self::DismissError { .. }
            | Self::NozzleKind { .. } => 10,
        };
        Some(Duration::from_secs(seconds))
    }
}

fn at(target: Option<f32>, wanted: u16) -> bool {
    target.is_some_and(|target| (target - f32::from(wanted)).abs() < 0.5)
}

/// Whether this filament is in a slot.
fn holds(printer: &Observed, source: Source, wanted: &SpoolFilament) -> bool {
    let color = Color::new(wanted.color);
    printer.slot(source).and_then(|slot| slot.filament()).is_some_and(|filament| {
        filament.material == wanted.material
            && filament.id.as_ref() == Some(&wanted.id)
            && filament.color.is_some_and(|known| known.as_str() == color.as_str())
    })
}

/// Whether such a nozzle is mounted.
fn has_nozzle(printer: &Observed, tenths_mm: u8, material: Material) -> bool {
    let nozzle = printer.nozzle_kind(Side::Right);
    nozzle.material == Some(material) && at(nozzle.diameter_mm.map(|mm| mm * 10.0), tenths_mm.into())
}
