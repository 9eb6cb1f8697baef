//! The boards of a printer and their versions: asked for after each connect, and again while the answer is not
//! complete (protocol 3.1).

use std::time::Duration;

/// How long a version may take before the model is taken from elsewhere.
const WAIT: Duration = Duration::from_secs(15);
/// Between two requests for an incomplete version, [`TRIES`] in all.
const RETRY: Duration = Duration::from_secs(5);
const TRIES: u8 = 3;
/// Then nobody waits for it any more; it is asked for now and then, for an AMS may start later than its printer.
const LATER: Duration = Duration::from_secs(60);
const MOST: u8 = 10;

/// How far that has come.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Version {
    /// The answer was complete, or will never be.
    known: bool,
    /// It lacks something all the same: the board of a unit that the printer lists.
    lacking: bool,
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
        self.lacking = !complete;
    }

    /// Whether a unit that the printer lists is not in the answer.
    pub(super) fn lacks(&mut self, board: bool) {
        if self.known {
            self.lacking = board;
        }
    }

    /// Whether nothing more is to be expected of the printer itself.
    pub(super) fn is_settled(&self, now: Duration) -> bool {
        self.known || self.is_over(now)
    }

    /// Whether nothing more is to be expected of its units.
    pub(super) fn has_boards(&self, now: Duration) -> bool {
        (self.known && (!self.lacking || self.tries >= TRIES)) || self.is_over(now)
    }

    fn is_over(&self, now: Duration) -> bool {
        self.asked.is_some_and(|(first, _)| now >= first + WAIT)
    }

    /// When they are to be asked for again.
    fn retry_at(&self) -> Option<Duration> {
        let (_, last) = self.asked?;
        match self.tries {
            _ if self.known && !self.lacking => None,
            ..TRIES => Some(last + RETRY),
            TRIES..MOST if self.lacking => Some(last + LATER),
            _ => None,
        }
    }

    /// Whether they are to be asked for again now.
    pub(super) fn is_due(&self, now: Duration) -> bool {
        self.retry_at().is_some_and(|at| now >= at)
    }

    /// When time alone changes something; `awaited` says that something waits for them to be settled.
    pub(super) fn deadline(&self, awaited: bool) -> Option<Duration> {
        let open = awaited && (!self.known || self.lacking);
        let settled = self.asked.filter(|_| open).map(|(first, _)| first + WAIT);
        self.retry_at().into_iter().chain(settled).min()
    }
}
