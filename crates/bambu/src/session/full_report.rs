//! The request for everything (`pushall`), which slow printers take badly: it waits for its time (protocol 3.1).

use std::time::Duration;

/// An unanswered one is repeated once after this.
const RETRY: Duration = Duration::from_secs(10);

/// Whether everything is known, and when to ask for it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct FullReport {
    /// One has come, ever.
    seen: bool,
    wanted: bool,
    sent: Option<Duration>,
    retry: Option<Duration>,
}

impl FullReport {
    /// Everything is to be asked for as soon as that may be.
    pub(super) fn want(&mut self) {
        self.wanted = true;
    }

    /// The same, and what was asked before does not count.
    pub(super) fn want_anew(&mut self) {
        (self.wanted, self.retry) = (true, None);
    }

    /// It came.
    pub(super) fn came(&mut self) {
        (self.seen, self.wanted, self.retry) = (true, false, None);
    }

    /// The connection is gone, and with it the answer.
    pub(super) fn lost(&mut self) {
        self.retry = None;
    }

    /// Whether one has come, ever.
    pub(super) fn is_seen(&self) -> bool {
        self.seen
    }

    /// How long until it may be asked for again, if that is not now.
    pub(super) fn wait(&self, now: Duration, pause: Duration) -> Option<Duration> {
        self.sent.and_then(|at| (at + pause).checked_sub(now)).filter(|left| !left.is_zero())
    }

    /// Whether it is to be asked for now; then it counts as asked for.
    pub(super) fn take(&mut self, now: Duration, pause: Duration) -> bool {
        let retry = self.retry.is_some_and(|at| now >= at);
        let due = retry || (self.wanted && self.wait(now, pause).is_none());
        if due {
            // Unanswered, it is sent once more after ten seconds, then only at the pause's end.
            self.retry = (!retry).then(|| now + RETRY);
            (self.wanted, self.sent) = (true, Some(now));
        }
        due
    }

    /// When it is to be asked for.
    pub(super) fn deadline(&self, pause: Duration) -> Option<Duration> {
        let wanted = self.wanted.then(|| self.sent.map_or(Duration::ZERO, |at| at + pause));
        wanted.into_iter().chain(self.retry).min()
    }
}
