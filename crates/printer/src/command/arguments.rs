//! What commands are about: a spool, a file, a way to dry.

use crate::{Source, Text};

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
