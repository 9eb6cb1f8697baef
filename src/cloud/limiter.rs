//! How often the cloud may be asked (`protocol.md` 1.8): one request at a time over all accounts, so many in
//! a minute and an hour, each kind with pauses of its own, and rest when the cloud wants it.
//!
//! [`Rules`] decides and is pure: time and chance are arguments. [`Limiter`] is what the clients of a process
//! share: it adds the clock and the turn. A request that may not be made now is refused with the time until
//! it may; nothing waits here.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::error::CloudError;
use super::kinds::{RequestOutcome, Rest};
use crate::window::Window;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// Requests in a minute, of all kinds together.
pub const PER_MINUTE: usize = 60;
/// Requests in an hour, of all kinds together.
pub const PER_HOUR: usize = 500;
/// Pauses after the first, second, … answer that there were too many requests, where it names none.
const TOO_MANY: [Duration; 5] =
    [MINUTE, Duration::from_secs(120), Duration::from_secs(300), Duration::from_secs(900), HOUR];
/// The pause after the first fault of the cloud's own; doubled up to [`SLOWEST`].
const FAULT: Duration = Duration::from_secs(30);
const SLOWEST: Duration = Duration::from_secs(15 * 60);
/// How far a pause after a fault is moved by chance, so that gateways do not come back as one.
const JITTER: f64 = 0.2;
/// The least rest after a challenge (`protocol.md` 1.9).
const CHALLENGED: Duration = Duration::from_secs(15 * 60);
/// Nobody is made to wait for longer.
const LONGEST_REST: Duration = Duration::from_secs(24 * 3600);
/// Pauses are forgotten when there are more than this and they are over.
const MOST_PAUSES: usize = 256;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum RequestKind {
    /// A token for a password or a code.
    Login,
    /// A code to be sent.
    Code,
    /// What the web's host wants to see again with an authenticator's code.
    Csrf,
    /// A token for an authenticator's code.
    Authenticator,
    /// Whose token this is.
    Preference,
    /// The list of printers.
    Devices,
    /// Firmware on offer, for one printer.
    Version,
    /// The last prints, of one printer.
    Tasks,
    /// The inbox.
    Messages,
    /// Presets, with filaments of one's own.
    Presets,
    /// What the cloud believes the printers do.
    Prints,
    /// The file of a job, with its plates.
    Project,
    /// A picture, from wherever it is kept.
    Picture,
}

impl RequestKind {
    /// A person waits for it, and may have it while data is held back.
    const fn is_login(self) -> bool {
        matches!(self, Self::Login | Self::Code | Self::Csrf | Self::Authenticator)
    }

    /// The least time between two answers about the same thing.
    const fn pause(self, demand: Demand) -> Duration {
        match (self, demand) {
            (Self::Devices | Self::Messages, Demand::Schedule)
            | (Self::Version | Self::Presets, Demand::Occasion) => Duration::from_secs(10 * 60),
            (Self::Version, Demand::Schedule) => Duration::from_secs(12 * 3600),
            (Self::Tasks | Self::Prints, Demand::Schedule) => Duration::from_secs(5 * 60),
            (Self::Presets, Demand::Schedule) => HOUR,
            (
                Self::Devices | Self::Version | Self::Tasks | Self::Messages | Self::Presets | Self::Prints,
                Demand::Person,
            )
            | (Self::Devices | Self::Messages | Self::Prints, Demand::Occasion) => FAULT,
            // A print's task appears some seconds after the print: asked for a few times then.
            (Self::Tasks, Demand::Occasion) => Duration::from_secs(3),
            _ => Duration::ZERO,
        }
    }
}

/// Why it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// It was time.
    Schedule,
    /// Something happened: a print began or ended, a printer has new firmware.
    Occasion,
    /// A person wants to know, or waits for what depends on it.
    Person,
}

/// One request, before it is made.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// What.
    pub kind: RequestKind,
    /// About what: a printer, an account. Pauses are per subject.
    pub subject: &'a str,
    /// Why.
    pub demand: Demand,
}

impl<'a> Ask<'a> {
    /// A request because a person, or something, waits for it.
    pub const fn new(kind: RequestKind, subject: &'a str, demand: Demand) -> Self {
        Self { kind, subject, demand }
    }
}

/// Rest for one site.
#[derive(Debug, Default)]
struct Site {
    /// For everything.
    shut: Option<(Duration, Rest)>,
    /// For data alone, by our own caution: that does not concern a person who logs in. Kept apart, because a long
    /// one must not hide a short rest that the cloud asked a login for.
    held: Option<(Duration, Rest)>,
    /// Answers in a row that there were too many requests.
    too_many: usize,
}

/// Faults of one kind of request at one site.
#[derive(Debug, Default)]
struct Faults {
    count: u32,
    until: Duration,
}

/// What may be asked, and when. Time is any steady clock's.
#[derive(Debug)]
pub struct Rules {
    /// The requests that were made, as far as they count in a minute and in an hour.
    made: [Window; 2],
    /// When a subject was last answered.
    answered: HashMap<(RequestKind, String), Duration>,
    sites: HashMap<String, Site>,
    faults: HashMap<(String, RequestKind), Faults>,
    totals: BTreeMap<RequestKind, u64>,
}

impl Default for Rules {
    /// With nothing counted yet.
    fn default() -> Self {
        Self {
            made: [Window::new(PER_MINUTE, MINUTE), Window::new(PER_HOUR, HOUR)],
            answered: HashMap::new(),
            sites: HashMap::new(),
            faults: HashMap::new(),
            totals: BTreeMap::new(),
        }
    }
}

impl Rules {
    /// Counts a request that may be made now, or says how long it has to wait, and why.
    pub fn permit(&mut self, now: Duration, site: &str, ask: Ask<'_>) -> Result<(), (Duration, Rest)> {
        let Ask { kind, subject, demand } = ask;
        if let Some(Site { shut, held, .. }) = self.sites.get(site) {
            let rests = [*shut, held.filter(|_| !kind.is_login())];
            let longest = rests.into_iter().flatten().max_by_key(|(until, _)| *until);
            if let Some((until, rest)) = longest.filter(|(until, _)| *until > now) {
                return Err((until.saturating_sub(now), rest));
            }
        }
        if let Some(faults) = self.faults.get(&(site.to_owned(), kind))
            && faults.until > now
        {
            return Err((faults.until.saturating_sub(now), Rest::Fault));
        }
        let due = self
            .answered
            .get(&(kind, subject.to_owned()))
            .map_or(Duration::ZERO, |at| *at + kind.pause(demand));
        if due > now {
            return Err((due.saturating_sub(now), Rest::Recent));
        }
        let waits = self.made.iter().map(|window| window.wait(now));
        if let Some(wait) = waits.max().filter(|wait| !wait.is_zero()) {
            return Err((wait, Rest::Budget));
        }
        for window in &mut self.made {
            window.take(now);
        }
        *self.totals.entry(kind).or_default() += 1;
        Ok(())
    }

    /// Takes in how a request ended. `chance` is between -1 and 1.
    pub fn answered(
        &mut self,
        now: Duration,
        site: &str,
        ask: Ask<'_>,
        outcome: RequestOutcome,
        chance: f64,
    ) {
        let Ask { kind, subject, .. } = ask;
        let state = self.sites.entry(site.to_owned()).or_default();
        if !matches!(outcome, RequestOutcome::TooMany(_)) {
            state.too_many = 0;
        }
        let (rest, pause) = match outcome {
            RequestOutcome::Good | RequestOutcome::Refused => {
                self.faults.remove(&(site.to_owned(), kind));
                if outcome == RequestOutcome::Good {
                    if self.answered.len() >= MOST_PAUSES {
                        self.answered.retain(|(kind, _), at| *at + kind.pause(Demand::Schedule) > now);
                    }
                    self.answered.insert((kind, subject.to_owned()), now);
                }
                return;
            }
            RequestOutcome::Challenge => (Rest::Challenge, CHALLENGED),
            RequestOutcome::TooMany(Some(asked)) | RequestOutcome::Fault(Some(asked)) => (Rest::Asked, asked),
            RequestOutcome::TooMany(None) => {
                let pause = TOO_MANY.get(state.too_many).or(TOO_MANY.last()).copied().unwrap_or(HOUR);
                state.too_many += 1;
                (Rest::TooMany, pause)
            }
            // Nobody knows what its answer looks like, and nobody asks for it without a person's code.
            RequestOutcome::Fault(None) if kind == RequestKind::Csrf => return,
            RequestOutcome::Fault(None) => {
                let faults = self.faults.entry((site.to_owned(), kind)).or_default();
                let doubled = FAULT.saturating_mul(2_u32.saturating_pow(faults.count.min(10))).min(SLOWEST);
                faults.count = faults.count.saturating_add(1);
                faults.until = now + doubled.mul_f64(1.0 + JITTER * chance.clamp(-1.0, 1.0));
                return;
            }
        };
        let until = now + pause.clamp(SECOND, LONGEST_REST);
        let cautious = rest == Rest::TooMany && !kind.is_login();
        let slot = if cautious { &mut state.held } else { &mut state.shut };
        // An answer that was under way does not shorten a rest.
        if slot.is_none_or(|(before, _)| before <= until) {
            *slot = Some((until, rest));
        }
    }

    /// Requests so far, of each kind that there was.
    pub fn totals(&self) -> &BTreeMap<RequestKind, u64> {
        &self.totals
    }
}

/// The rules with a clock and the one turn; shared by all clients of a process.
#[derive(Debug)]
pub struct Limiter {
    rules: Mutex<Rules>,
    turn: tokio::sync::Mutex<()>,
    start: Instant,
    speed: u32,
    clock_told: AtomicBool,
}

/// Leave to make one request, while which nobody else makes one.
#[must_use]
pub(super) struct Pass<'a> {
    limiter: &'a Limiter,
    site: &'a str,
    ask: Ask<'a>,
    done: bool,
    _turn: tokio::sync::MutexGuard<'a, ()>,
}

impl Limiter {
    /// One that has counted nothing yet.
    pub fn new() -> Arc<Self> {
        Self::at_speed(1)
    }

    /// The same with a clock so many times as fast: for a test in which hours shall pass.
    #[allow(clippy::disallowed_methods, reason = "the edge; the rules themselves get the time")]
    pub fn at_speed(speed: u32) -> Arc<Self> {
        Arc::new(Self {
            speed,
            rules: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            start: Instant::now(),
            clock_told: AtomicBool::new(false),
        })
    }

    /// Requests so far, of each kind that there was.
    pub fn totals(&self) -> BTreeMap<RequestKind, u64> {
        self.rules().totals().clone()
    }

    fn now(&self) -> Duration {
        self.start.elapsed() * self.speed
    }

    /// Waits for the turn, then asks the rules.
    pub(super) async fn pass<'a>(&'a self, site: &'a str, ask: Ask<'a>) -> Result<Pass<'a>, CloudError> {
        let turn = self.turn.lock().await;
        let permitted = self.rules().permit(self.now(), site, ask);
        permitted.map_err(|(wait, rest)| CloudError::Resting { wait, rest })?;
        Ok(Pass { limiter: self, site, ask, done: false, _turn: turn })
    }

    /// Whether nobody has said yet that the clock is wrong.
    pub(super) fn may_tell_of_the_clock(&self) -> bool {
        !self.clock_told.swap(true, Ordering::Relaxed)
    }

    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass<'_> {
    /// Says how it ended.
    pub(super) fn ended(mut self, outcome: RequestOutcome) {
        self.note(outcome);
    }

    fn note(&mut self, outcome: RequestOutcome) {
        self.done = true;
        let (now, chance) = (self.limiter.now(), fastrand::f64() * 2.0 - 1.0);
        self.limiter.rules().answered(now, self.site, self.ask, outcome, chance);
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        // Given up on the way: no answer is no good sign either.
        if !self.done {
            self.note(RequestOutcome::Fault(None));
        }
    }
}
