//! Which command goes first, which one waits, and which one takes another one's place.

use super::{Class, Command};
use crate::LightKind;

impl Command {
    /// Whether it goes before all others: somebody wants the printer to stop moving.
    pub fn is_urgent(&self) -> bool {
        self.class().urgency() > 0
    }

    /// Whether it may be sent although that one has not been answered.
    pub fn overtakes(&self, other: &Self) -> bool {
        self.class().urgency() > other.class().urgency()
    }

    /// Whether it must not come between a print that was sent and its beginning.
    pub fn disturbs_a_start(&self) -> bool {
        self.class().disturbs_a_start()
    }

    /// Whether a later command makes this one pointless: the slider moved on.
    ///
    /// Never for what adds up (movements) or is an order of its own (a print, a calibration).
    pub fn is_superseded_by(&self, later: &Self) -> bool {
        use Command as C;
        match self {
            C::NozzleTarget(side, _) => matches!(later, C::NozzleTarget(other, _) if other == side),
            C::BedTarget(_) => matches!(later, C::BedTarget(_)),
            C::ChamberTarget(_) => matches!(later, C::ChamberTarget(_)),
            C::Fan(kind, _) => matches!(later, C::Fan(other, _) if other == kind),
            C::Light(LightKind::Chamber, _) | C::FlashLight => {
                matches!(later, C::Light(LightKind::Chamber, _) | C::FlashLight)
            }
            C::Light(kind, _) => matches!(later, C::Light(other, _) if other == kind),
            C::Setting(setting, _) => matches!(later, C::Setting(other, _) if other == setting),
            C::Sensitivity(detector, _) => matches!(later, C::Sensitivity(other, _) if other == detector),
            C::SetFilament(place, _) | C::ResetSlot(place) => {
                matches!(later, C::SetFilament(other, _) | C::ResetSlot(other) if other == place)
            }
            C::Choose(choice) => matches!(later, C::Choose(other) if other.is_like(*choice)),
            C::CoolingFilter(_) => matches!(later, C::CoolingFilter(_)),
            C::Speed(_) => matches!(later, C::Speed(_)),
            C::Airduct(_) => matches!(later, C::Airduct(_)),
            C::Timelapse(_) => matches!(later, C::Timelapse(_)),
            C::PromptSound(_) => matches!(later, C::PromptSound(_)),
            C::Buzzer(_) => matches!(later, C::Buzzer(_)),
            C::Refresh => *later == C::Refresh,
            C::Pause
            | C::Resume
            | C::Stop
            | C::Load { .. }
            | C::Unload { .. }
            | C::ReadRfid { .. }
            | C::AmsControl(_)
            | C::Dry(_)
            | C::StopDrying { .. }
            | C::SkipObjects(_)
            | C::Calibrate(_)
            | C::ClearError
            | C::IgnoreError
            | C::DismissError { .. }
            | C::EndPurification
            | C::ReadRack
            | C::NozzleKind { .. }
            | C::SelectNozzle(_)
            | C::Home
            | C::Move(..)
            | C::Extrude(..)
            | C::Gcode(_)
            | C::Print(_)
            | C::InstallFirmware
            | C::ClearPlate => false,
        }
    }
}

impl Class {
    /// How much it hurries: a stop overtakes a pause, and a pause all else.
    fn urgency(self) -> u8 {
        match self {
            Self::Stop => 2,
            Self::Pause => 1,
            Self::Ask
            | Self::Light
            | Self::Camera
            | Self::Option
            | Self::HeatOff
            | Self::Resume
            | Self::Adjust
            | Self::Heat
            | Self::Skip
            | Self::Answer
            | Self::Filament
            | Self::Spool
            | Self::Dry
            | Self::Nozzle
            | Self::Motion
            | Self::Gcode
            | Self::Print
            | Self::Firmware
            | Self::Note => 0,
        }
    }

    fn disturbs_a_start(self) -> bool {
        match self {
            Self::Print | Self::Motion | Self::Gcode | Self::Filament | Self::Firmware => true,
            Self::Ask
            | Self::Light
            | Self::Camera
            | Self::Option
            | Self::HeatOff
            | Self::Pause
            | Self::Resume
            | Self::Stop
            | Self::Adjust
            | Self::Heat
            | Self::Skip
            | Self::Answer
            | Self::Spool
            | Self::Dry
            | Self::Nozzle
            | Self::Note => false,
        }
    }

    /// Whether it must wait while filament is changed.
    pub(super) fn disturbs_a_change_of_filament(self) -> bool {
        match self {
            Self::Motion | Self::Gcode | Self::Print | Self::Firmware => true,
            Self::Ask
            | Self::Light
            | Self::Camera
            | Self::Option
            | Self::HeatOff
            | Self::Pause
            | Self::Resume
            | Self::Stop
            | Self::Adjust
            | Self::Heat
            | Self::Skip
            | Self::Answer
            | Self::Filament
            | Self::Spool
            | Self::Dry
            | Self::Nozzle
            | Self::Note => false,
        }
    }
}
