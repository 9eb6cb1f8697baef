//! The request for everything (`pushall`), which slow printers take badly: it waits for its time (protocol 3.1).

use std::time::Duration;

/// An unanswered one is repeated once after this.
const RETRY: Duration = Duration::from_secs(10);

/// After a reconnect it is asked for sooner than the pause allows: what is known is of two moments until it comes.
/// Chosen: what makes printers slow is being asked again and again (protocol 3.1).
const HURRY: Duration = Duration::from_secs(60);
/// So often in a day at most, for a connection that is lost each few minutes. Chosen.
const HURRIES: u8 = 24;
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Whether everything is known, and when to ask for it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct FullReport {
    /// One has come, ever.
    seen: bool,
    wanted: bool,
    sent: Option<Duration>,
    retry: Option<Duration>,
    /// It need not wait for the whole pause.
    hurry: bool,
    /// Since when it was hurried how often.
    hurried: (Duration, u8),
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

    /// Something may have been missed: the next one is asked for soon.
    pub(super) fn hurry(&mut self) {
        self.hurry = true;
    }

    /// It came.
    pub(super) fn came(&mut self) {
        (self.seen, self.wanted, self.retry, self.hurry) = (true, false, None, false);
    }

    /// How long after the last one it may be asked for.
    fn pause(&self, pause: Duration) -> Duration {
        let (since, count) = self.hurried;
        // One that is over a day ago does not count any more when the next is sent.
        let may = count < HURRIES || self.sent.is_some_and(|at| at + HURRY >= since + DAY);
        if self.hurry && may { pause.min(HURRY) } else { pause }
    }

    /// Counts one that is sent before the pause is over.
    fn count(&mut self, now: Duration) {
        let (since, count) = self.hurried;
        self.hurried =
            if count == 0 || now >= since + DAY { (now, 1) } else { (since, count.saturating_add(1)) };
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
        self.sent.and_then(|at| (at + self.pause(pause)).checked_sub(now)).filter(|left| !left.is_zero())
    }

    /// Whether it is to be asked for now; then it counts as asked for.
    pub(super) fn take(&mut self, now: Duration, pause: Duration) -> bool {
        let retry = self.retry.is_some_and(|at| now >= at);
        let due = retry || (self.wanted && self.wait(now, pause).is_none());
        if due {
            if !retry && self.sent.is_some_and(|at| now < at + pause) {
                self.count(now);
            }
            self.hurry &= retry;
            // Unanswered, it is sent once more after ten seconds, then only at the pause's end.
            self.retry = (!retry).then(|| now + RETRY);
            (self.wanted, self.sent) = (true, Some(now));
        }
        due
    }

    /// When it is to be asked for.
    pub(super) fn deadline(&self, pause: Duration) -> Option<Duration> {
        let wanted = self.wanted.then(|| self.sent.map_or(Duration::ZERO, |at| at + self.pause(pause)));
        wanted.into_iter().chain(self.retry).min()
    }
}
