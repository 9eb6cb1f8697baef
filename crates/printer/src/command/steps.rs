//! The steps of a calibration, and sets of them.

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
