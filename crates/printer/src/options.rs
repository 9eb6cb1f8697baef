//! What can be switched on and off in the printer, and how it stands now.

/// Something that is either on or off in the printer's own settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Setting {
    /// Goes on by itself after lost steps.
    AutoRecovery,
    /// Estimates what is left on spools.
    RemainingEstimate,
    /// Goes on with a second spool of the same filament.
    FilamentBackup,
    /// Reads a spool's tag when it is inserted.
    RfidOnInsert,
    /// Reads the tags of all spools when it is switched on.
    RfidOnStartup,
    /// Notices a spool that is stuck.
    TangleDetection,
    /// Notices filament that gathers at the nozzle, by touch.
    NozzleBlobDetection,
    /// Notices that nothing comes out of the nozzle.
    AirPrintDetection,
    /// Keeps what was sent to it.
    SaveToStorage,
    /// Records prints.
    Recording,
    /// Watches the print as a whole.
    PrintingMonitor,
    /// Notices spaghetti.
    SpaghettiDetector,
    /// Notices that the purge chute is full.
    PileupDetector,
    /// Notices filament that gathers at the nozzle, by camera.
    ClumpDetector,
    /// Inspects the first layer.
    FirstLayerInspector,
    /// Tells the build plate by its marker.
    PlateMarkerDetector,
    /// Notices a build plate that lies askew.
    PlateOffsetDetector,
    /// Lets single parts of a print be given up.
    AllowSkipParts,
    /// Notices what does not belong on the plate.
    ForeignObjectDetector,
    /// Notices a print that came off and moves.
    MovementDetector,
    /// Switches heaters off that were left on with nothing to do.
    IdleHeatingProtection,
    /// Takes a picture of the print when it is done.
    SnapshotAtEnd,
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
                | Self::ForeignObjectDetector
                | Self::MovementDetector
                | Self::SnapshotAtEnd
        )
    }

    /// Whether it is one of the AMS units', which are told all at once.
    pub fn is_of_ams(self) -> bool {
        matches!(self, Self::RfidOnInsert | Self::RfidOnStartup | Self::RemainingEstimate)
    }
}

/// A set of settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settings(u32);

impl Settings {
    /// Whether it is in the set.
    pub const fn has(self, setting: Setting) -> bool {
        self.0 & (1 << setting as u32) != 0
    }

    /// Puts it in.
    pub const fn insert(&mut self, setting: Setting) {
        self.0 |= 1 << setting as u32;
    }

    /// Takes it out.
    pub const fn remove(&mut self, setting: Setting) {
        self.0 &= !(1 << setting as u32);
    }
}

/// How soon a detector stops a print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sensitivity {
    /// It tells, and the print goes on.
    NeverHalt,
    /// Late.
    Low,
    /// In between.
    Medium,
    /// Soon.
    High,
}

impl Sensitivity {
    /// A word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NeverHalt => "never_halt",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// What an open door does to a print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoorCheck {
    /// Nothing.
    Off,
    /// The printer says so.
    Warn,
    /// The print is paused.
    Pause,
}

impl DoorCheck {
    /// All of them, as people are offered them.
    pub const ALL: [Self; 3] = [Self::Off, Self::Warn, Self::Pause];

    /// A word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Warn => "warn",
            Self::Pause => "pause",
        }
    }
}

/// How the chamber's air is cleaned when a print is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purification {
    /// Not at all.
    Off,
    /// It goes round through the filter.
    Inside,
    /// It is blown out.
    Outside,
}

impl Purification {
    /// All of them, as people are offered them.
    pub const ALL: [Self; 3] = [Self::Off, Self::Inside, Self::Outside];

    /// A word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Inside => "inside",
            Self::Outside => "outside",
        }
    }
}

/// How newer firmware looks for filament that gathers at the nozzle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum BlobDetection {
    Off,
    On,
    /// The printer decides for each print.
    Auto,
}

impl BlobDetection {
    /// All of them, as people are offered them.
    pub const ALL: [Self; 3] = [Self::Off, Self::On, Self::Auto];

    /// A word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::On => "on",
            Self::Auto => "auto",
        }
    }
}

/// How large the camera's pictures are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Resolution {
    P720,
    P1080,
}

impl Resolution {
    /// All of them, as people are offered them.
    pub const ALL: [Self; 2] = [Self::P720, Self::P1080];

    /// The vendor's word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::P720 => "720p",
            Self::P1080 => "1080p",
        }
    }
}

/// A setting of more than two ways, and the way that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// What an open door does to a print.
    DoorCheck(DoorCheck),
    /// How the air is cleaned when a print is done.
    Purification(Purification),
    /// How filament at the nozzle is looked for.
    BlobDetection(BlobDetection),
    /// How large the camera's pictures are.
    Resolution(Resolution),
}

impl Choice {
    /// Whether it stands so.
    pub fn is_met(self, options: &Options) -> bool {
        match self {
            Self::DoorCheck(wanted) => options.door_check == Some(wanted),
            Self::Purification(wanted) => options.purification == Some(wanted),
            Self::BlobDetection(wanted) => options.blob_detection == Some(wanted),
            Self::Resolution(wanted) => options.resolution == Some(wanted),
        }
    }

    /// Whether it is about the same setting.
    pub fn is_like(self, other: Self) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }
}

/// The settings as they stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    known: Settings,
    on: Settings,
    /// What an open door does to a print.
    pub door_check: Option<DoorCheck>,
    /// How the air is cleaned when a print is done.
    pub purification: Option<Purification>,
    /// How filament at the nozzle is looked for.
    pub blob_detection: Option<BlobDetection>,
    /// How large the camera's pictures are.
    pub resolution: Option<Resolution>,
    /// How soon [`Setting::PrintingMonitor`] stops a print.
    pub monitor_sensitivity: Option<Sensitivity>,
    /// How soon [`Setting::SpaghettiDetector`] does.
    pub spaghetti_sensitivity: Option<Sensitivity>,
    /// How soon [`Setting::PileupDetector`] does.
    pub pileup_sensitivity: Option<Sensitivity>,
    /// How soon [`Setting::ClumpDetector`] does.
    pub clump_sensitivity: Option<Sensitivity>,
    /// How soon [`Setting::AirPrintDetection`] does.
    pub air_print_sensitivity: Option<Sensitivity>,
}

impl Options {
    /// Whether it is on; `None` when the printer did not say.
    pub fn get(&self, setting: Setting) -> Option<bool> {
        self.known.has(setting).then(|| self.on.has(setting))
    }

    /// Notes how one stands, if that is known.
    pub fn set(&mut self, setting: Setting, on: Option<bool>) {
        if let Some(on) = on {
            self.known.insert(setting);
            if on {
                self.on.insert(setting);
            } else {
                self.on.remove(setting);
            }
        }
    }

    /// How soon a detector stops a print.
    pub fn sensitivity(&self, detector: Setting) -> Option<Sensitivity> {
        match detector {
            Setting::PrintingMonitor => self.monitor_sensitivity,
            Setting::SpaghettiDetector => self.spaghetti_sensitivity,
            Setting::PileupDetector => self.pileup_sensitivity,
            Setting::ClumpDetector => self.clump_sensitivity,
            Setting::AirPrintDetection => self.air_print_sensitivity,
            _ => None,
        }
    }

    /// Notes how soon a detector stops a print.
    pub fn set_sensitivity(&mut self, detector: Setting, wanted: Sensitivity) {
        let known = match detector {
            Setting::PrintingMonitor => &mut self.monitor_sensitivity,
            Setting::SpaghettiDetector => &mut self.spaghetti_sensitivity,
            Setting::PileupDetector => &mut self.pileup_sensitivity,
            Setting::ClumpDetector => &mut self.clump_sensitivity,
            Setting::AirPrintDetection => &mut self.air_print_sensitivity,
            _ => return,
        };
        *known = Some(wanted);
    }

    /// The settings of which the printer says how they stand.
    pub fn known(&self) -> Settings {
        self.known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn off_and_not_said_are_two_things() {
        let mut options = Options::default();
        options.set(Setting::AutoRecovery, Some(true));
        options.set(Setting::Recording, Some(false));
        options.set(Setting::AllowSkipParts, None);
        assert_eq!(options.get(Setting::AutoRecovery), Some(true));
        assert_eq!(options.get(Setting::Recording), Some(false));
        assert_eq!(options.get(Setting::AllowSkipParts), None);
        assert!(options.known().has(Setting::Recording));
        assert!(!options.known().has(Setting::AllowSkipParts));
        options.set(Setting::AutoRecovery, Some(false));
        assert_eq!(options.get(Setting::AutoRecovery), Some(false), "the last word counts");
    }
}
