//! Both clocks, and the only place that asks them.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use printer::Now;

/// Reads both clocks; the only place that does.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
    pub(super) speed: u32,
}

impl Clock {
    /// Begins to count.
    #[allow(clippy::disallowed_methods, reason = "this is the one place that asks the clock")]
    pub fn start() -> Self {
        Self { start: Instant::now(), speed: 1 }
    }

    /// The same, so many times as fast: for a test in which hours shall pass.
    #[must_use]
    pub fn at_speed(self, speed: u32) -> Self {
        Self { speed: speed.max(1), ..self }
    }

    /// This moment.
    #[allow(clippy::disallowed_methods, reason = "this is the one place that asks the clock")]
    pub fn now(self) -> Now {
        let elapsed = self.start.elapsed();
        let mono = elapsed * self.speed;
        let ahead = jiff::SignedDuration::try_from(mono.saturating_sub(elapsed)).unwrap_or_default();
        // Not counted from the beginning: people set clocks.
        let wall = Timestamp::now();
        Now { mono, wall: wall.checked_add(ahead).unwrap_or(wall) }
    }

    /// A moment of the steady clock, for a timer.
    pub(super) fn at(self, mono: Duration) -> tokio::time::Instant {
        (self.start + mono / self.speed).into()
    }
}
