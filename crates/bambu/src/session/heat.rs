//! A heater that was left on: people preheat, so it is told only after a while.

use std::time::Duration;

/// How long a target above 0 with nothing to do is nobody's mistake.
const LEFT_ON: Duration = Duration::from_secs(600);

/// Since when a heater is on with nothing to do.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct HeatedAtRest {
    since: Option<Duration>,
}

impl HeatedAtRest {
    /// Takes whether one is on; `None` is that it cannot be told. Says whether it was left on.
    pub(super) fn evaluate(&mut self, now: Duration, hot: Option<bool>) -> Option<bool> {
        self.since = self.since.or(Some(now)).filter(|_| hot == Some(true));
        hot.map(|_| self.is_long(now))
    }

    /// Of one that is away nobody knows, and what is on when it is back was on for no longer.
    pub(super) fn forget(&mut self) {
        self.since = None;
    }

    /// Whether it is on for long.
    pub(super) fn is_long(&self, now: Duration) -> bool {
        self.since.is_some_and(|at| now >= at + LEFT_ON)
    }

    /// When it will be.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.since.map(|at| at + LEFT_ON)
    }
}
