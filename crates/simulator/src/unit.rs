//! A filament unit that can dry what is in it: AMS 2 Pro and AMS HT.
use super::parts::{AMBIENT, count};

/// How fast a unit warms up and cools down, °C a second.
const WARMING: f64 = 0.05;
/// Seconds in which drying takes one percent of humidity away, and the room gives it back.
const PERCENT_DRY: f64 = 300.0;
const PERCENT_BACK: f64 = 3600.0;

/// What is being dried.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Drying {
    pub(super) filament: String,
    pub(super) degrees: u16,
    pub(super) hours: u16,
    left: f64,
}

/// Air and heater of a unit.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    pub(super) now: f64,
    humidity: f64,
    resting: f64,
    pub(super) drying: Option<Drying>,
    /// It has a supply of its own; without one it cannot dry.
    pub(super) powered: bool,
}

impl Unit {
    pub(super) fn new(humidity: u8) -> Self {
        let humidity = f64::from(humidity);
        Self { now: AMBIENT, humidity, resting: humidity, drying: None, powered: true }
    }

    /// Starts to dry for so many hours.
    pub(super) fn dry(&mut self, filament: String, degrees: u16, hours: u16) {
        self.drying = Some(Drying { filament, degrees, hours, left: f64::from(hours) * 3600.0 });
    }

    pub(super) fn advance(&mut self, seconds: f64) {
        let target = self.drying.as_ref().map_or(AMBIENT + 1.5, |drying| f64::from(drying.degrees));
        self.now += (target - self.now).clamp(-WARMING * seconds, WARMING * seconds);
        if let Some(drying) = &mut self.drying {
            drying.left -= seconds;
            self.humidity = (self.humidity - seconds / PERCENT_DRY).max(8.0);
            if drying.left <= 0.0 {
                self.drying = None;
            }
        } else {
            self.humidity = (self.humidity + seconds / PERCENT_BACK).min(self.resting);
        }
    }

    /// Percent.
    pub(super) fn humidity(&self) -> u32 {
        count(self.humidity.round())
    }

    /// The printer's own scale: 5 is dry, 1 is wet.
    pub(super) fn index(&self) -> u32 {
        match self.humidity() {
            0..=19 => 5,
            20..=27 => 4,
            28..=39 => 3,
            40..=54 => 2,
            _ => 1,
        }
    }

    /// Minutes left, rounded up.
    pub(super) fn minutes(&self) -> u32 {
        self.drying.as_ref().map_or(0, |drying| count((drying.left / 60.0).ceil()))
    }

    /// The word of kind, state and place: `base` with what drying adds to it.
    pub(super) fn info(&self, base: u32) -> u32 {
        // State 2 is drying; both fans run; the heater is on.
        let busy = 2 << 4 | 1 << 18 | 1 << 20 | 1 << 22;
        base | if self.drying.is_some() { busy } else { 0 }
    }
}
