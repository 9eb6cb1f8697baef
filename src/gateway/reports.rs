//! What is counted for the gateway's own device.

use std::time::Duration;

use printer::Now;

/// How often the rate of reports is told.
const RATE_EACH: Duration = Duration::from_secs(300);

/// Counts messages for the gateway's own device.
#[derive(Debug, Default)]
pub(super) struct Reports {
    since: Duration,
    count: u32,
    /// Messages a minute, once some minutes have passed.
    pub(super) rate: Option<u32>,
    /// How often a connection to the cloud was lost.
    pub(super) lost: u32,
}

impl Reports {
    pub(super) fn count(&mut self) {
        self.count = self.count.saturating_add(1);
    }

    /// Makes the rate anew when some minutes have passed; says whether that made it another.
    pub(super) fn look(&mut self, now: Now) -> bool {
        let passed = now.mono.saturating_sub(self.since);
        if passed < RATE_EACH {
            return false;
        }
        self.since = now.mono;
        let count = u64::from(std::mem::take(&mut self.count));
        let rate = u32::try_from(count * 60 / passed.as_secs().max(1)).unwrap_or(u32::MAX);
        self.rate.replace(rate) != Some(rate)
    }
}
