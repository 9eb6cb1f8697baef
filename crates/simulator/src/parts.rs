//! Heaters and fans, which take time to get where they are told to be.

/// The room's temperature, °C.
pub(super) const AMBIENT: f64 = 24.0;

/// Something that is heated, and cools by itself.
#[derive(Clone, Debug)]
pub(super) struct Heater {
    pub(super) now: f64,
    pub(super) target: u16,
    /// What the sensor shows beside the truth.
    noise: f64,
    /// °C a second when heating.
    rate: f64,
    /// Seconds in which the distance to the room's temperature falls to a third.
    cooling: f64,
}

impl Heater {
    pub(super) fn new(rate: f64, cooling: f64) -> Self {
        Self { now: AMBIENT, target: 0, noise: 0.0, rate, cooling }
    }

    pub(super) fn advance(&mut self, seconds: f64, room: f64) {
        let target = f64::from(self.target);
        if self.now < target {
            self.now = (self.now + self.rate * seconds).min(target);
        } else {
            let cooled = room + (self.now - room) * (-seconds / self.cooling).exp();
            self.now = cooled.max(target.min(self.now));
        }
    }

    /// What the sensor shows.
    pub(super) fn shown(&self) -> f64 {
        self.now + self.noise
    }

    /// A regulated heater never stands quite still: `chance` lies between 0 and 1.
    pub(super) fn waver(&mut self, chance: f64) {
        let regulated = self.target > 0 && (self.now - f64::from(self.target)).abs() < 0.5;
        self.noise = if regulated { (chance - 0.5) * 0.4 } else { 0.0 };
    }

    pub(super) fn ready(&self) -> bool {
        self.now >= f64::from(self.target) - 1.0
    }
}

/// A fan: what was ordered (0–255) and what turns.
#[derive(Clone, Debug, Default)]
pub(super) struct Fan {
    pub(super) set: u8,
    now: f64,
    /// Someone set it by hand: the print leaves it alone until its end.
    held: bool,
}

impl Fan {
    pub(super) fn hold(&mut self, speed: u8) {
        self.set = speed;
        self.held = true;
    }

    /// Gives the fan back to the print.
    pub(super) fn release(&mut self) {
        self.held = false;
    }

    /// What the print wants, unless someone said otherwise.
    pub(super) fn order(&mut self, speed: u8) {
        if !self.held {
            self.set = speed;
        }
    }

    pub(super) fn advance(&mut self, seconds: f64) {
        let step = 100.0 * seconds;
        self.now += (f64::from(self.set) - self.now).clamp(-step, step);
    }

    /// Measured, 0–15, rounded down: captures show 4 for 76 and 82, 11 for 201, 1 for 33.
    pub(super) fn gear(&self) -> u8 {
        whole(self.now / 17.0)
    }

    /// Ordered, percent.
    pub(super) fn order_percent(&self) -> u8 {
        whole((f64::from(self.set) / 2.55).round())
    }

    /// Measured, percent.
    pub(super) fn percent(&self) -> u8 {
        whole((self.now / 2.55).round())
    }
}

/// A small whole number out of a calculation that stays in range.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the range of the result"
)]
pub(super) fn whole(value: f64) -> u8 {
    value.clamp(0.0, 255.0) as u8
}

/// The same for figures such as layers and seconds.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the range of the result"
)]
pub(super) fn count(value: f64) -> u32 {
    value.clamp(0.0, f64::from(u32::MAX)) as u32
}
