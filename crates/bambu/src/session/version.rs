//! The boards of a printer and their versions: asked for after each connect, and again while the answer is not
//! complete (protocol 3.1).

use std::time::Duration;

/// How long a version may take before the model is taken from elsewhere.
const WAIT: Duration = Duration::from_secs(15);
/// Between two requests for an incomplete version; at most [`TRIES`].
const RETRY: Duration = Duration::from_secs(5);
const TRIES: u8 = 3;

/// How far that has come.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Version {
    /// The answer was complete, or will never be.
    known: bool,
    /// When they were asked for, first and last.
    asked: Option<(Duration, Duration)>,
    tries: u8,
}

impl Version {
    /// They are asked for.
    pub(super) fn asked(&mut self, now: Duration) {
        self.asked = Some((self.asked.map_or(now, |(first, _)| first), now));
        self.tries += 1;
    }

    /// An answer came.
    pub(super) fn answered(&mut self, complete: bool) {
        self.known = complete || self.tries >= TRIES;
    }

    /// Whether nothing more is to be expected.
    pub(super) fn is_settled(&self, now: Duration) -> bool {
        self.known || self.asked.is_some_and(|(first, _)| now >= first + WAIT)
    }

    /// When they are to be asked for again.
    fn retry_at(&self) -> Option<Duration> {
        let (_, last) = self.asked.filter(|_| !self.known && self.tries < TRIES)?;
        Some(last + RETRY)
    }

    /// Whether they are to be asked for again now.
    pub(super) fn is_due(&self, now: Duration) -> bool {
        self.retry_at().is_some_and(|at| now >= at)
    }

    /// When time alone changes something; `awaited` says that something waits for them to be settled.
    pub(super) fn deadline(&self, awaited: bool) -> Option<Duration> {
        let settled = self.asked.filter(|_| awaited && !self.known).map(|(first, _)| first + WAIT);
        self.retry_at().into_iter().chain(settled).min()
    }
}
