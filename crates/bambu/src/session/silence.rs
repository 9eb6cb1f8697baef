//! Silence: when a printer was heard, what is done about it, and when it is believed to be away (protocol 20.7).

use std::time::Duration;

/// Longest time between two reports of a printer that is working; then it is away.
const ACTIVE: Duration = Duration::from_secs(90);
/// The same for a printer at rest: P1 and A1 are quiet then.
const AT_REST: Duration = Duration::from_secs(300);
/// How long a `client.disconnected` of the broker waits for a contradiction.
const PRESENCE_HOLD: Duration = Duration::from_secs(10);
/// How long the last state stays when our own connection is gone.
const STALE: Duration = Duration::from_secs(600);

/// What to do about silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Ask the printer to go on reporting.
    StartPushing,
    /// Ask the cheapest question.
    Version,
    /// Believe that it is away.
    Away,
}

/// How long nothing was heard.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Silence {
    heard: Option<Duration>,
    /// How many questions it left unanswered since.
    probed: u8,
    /// Since it was last heard, the connection was lost or it left a question unanswered.
    doubtful: bool,
    presence_lost: Option<Duration>,
    link_lost: Option<Duration>,
}

fn limit(active: bool) -> Duration {
    if active { ACTIVE } else { AT_REST }
}

impl Silence {
    /// The printer said something.
    pub(super) fn heard(&mut self, now: Duration) {
        *self = Self { heard: Some(now), link_lost: self.link_lost, ..Self::default() };
    }

    /// When it last did.
    pub(super) fn last(&self) -> Option<Duration> {
        self.heard
    }

    /// Whether what is known may not be so any more.
    pub(super) fn is_doubtful(&self) -> bool {
        self.doubtful
    }

    /// The connection is there: silence begins now.
    pub(super) fn connected(&mut self, now: Duration) {
        (self.heard, self.probed, self.link_lost) = (self.heard.map(|_| now), 0, None);
    }

    /// The connection is gone.
    pub(super) fn disconnected(&mut self, now: Duration) {
        (self.doubtful, self.link_lost) = (true, Some(now));
    }

    /// The broker says that the printer left.
    pub(super) fn left(&mut self, now: Duration) {
        self.presence_lost = Some(now);
    }

    /// The broker says that it is back.
    pub(super) fn returned(&mut self) {
        self.presence_lost = None;
    }

    /// Whether somebody's word, or the lack of any connection, says for long enough now that it is away.
    pub(super) fn is_gone(&mut self, now: Duration) -> bool {
        let left = self.presence_lost.take_if(|since| now >= *since + PRESENCE_HOLD).is_some();
        let unheard = self.link_lost.take_if(|since| now >= *since + STALE).is_some();
        left || unheard
    }

    /// What to do about it now: at half of the limit ask to go on, at three quarters ask the cheapest question,
    /// then believe it.
    pub(super) fn step(&mut self, now: Duration, active: bool) -> Option<Remedy> {
        let silent = now.saturating_sub(self.heard?);
        let limit = limit(active);
        if silent >= limit && self.probed >= 2 {
            return Some(Remedy::Away);
        }
        let (after, step) = match self.probed {
            0 => (limit / 2, Remedy::StartPushing),
            1 => (limit * 3 / 4, Remedy::Version),
            _ => return None,
        };
        if silent < after {
            return None;
        }
        self.probed += 1;
        self.doubtful |= step == Remedy::Version;
        Some(step)
    }

    /// When time alone changes something; `watched` says that there is a connection and that the printer counts as
    /// online on it, `online` that it counts as online.
    pub(super) fn deadline(&self, active: bool, watched: bool, online: bool) -> Option<Duration> {
        let limit = limit(active);
        let probe = self.heard.filter(|_| watched).map(|heard| match self.probed {
            0 => heard + limit / 2,
            1 => heard + limit * 3 / 4,
            _ => heard + limit,
        });
        let left = self.presence_lost.map(|at| at + PRESENCE_HOLD);
        let unheard = self.link_lost.filter(|_| online).map(|at| at + STALE);
        [probe, left, unheard].into_iter().flatten().min()
    }
}
