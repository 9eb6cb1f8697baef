//! The state machine of an account's login: when to log in, what a refusal is worth, when to warn, and when to stop.
//!
//! Pure: what happened comes in as an [`Input`] with the time, what shall be done goes out as [`Action`]s.
//! It never sees a token or a code, and does not know how either is sent.

mod failed;
mod failure;
mod record;
mod words;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::cloud::{self, CodeKind, Verdict};
use homeassistant::{AccountNews, AccountState as State};
use printer::Now;

pub(super) use failure::{CallTrouble, Failure, Lost};
use record::LoginEnd;
pub(super) use record::{LoginRecord, Warned};

/// Between two looks at the list of printers.
const LIST_EACH: Duration = Duration::from_secs(3600);
/// The same, when the last one lacked a printer that was there before (protocol 1.8 allows no less).
const LIST_SOON: Duration = Duration::from_secs(600);
/// The same, when a person asks for it; some seconds more than the thirty that count from the answer.
const LIST_ASKED: Duration = Duration::from_secs(35);
/// Between two attempts to log in or list, unless the cloud says otherwise; doubled up to [`SLOWEST`].
const AGAIN: Duration = Duration::from_secs(30);
const SLOWEST: Duration = Duration::from_secs(900);
/// When to try a token again that REST accepts and the broker refuses (protocol 2.1).
const REFUSED: [Duration; 3] =
    [Duration::from_secs(5 * 60), Duration::from_secs(15 * 60), Duration::from_secs(60 * 60)];
/// Pauses after a login with the password that got no clear answer. When they are used up a person is asked:
/// the login endpoint is where accounts get locked.
const UNANSWERED: [Duration; 2] = [Duration::from_secs(15 * 60), Duration::from_secs(60 * 60)];
/// How long a code that was asked for ahead of time is waited for, before the login that is there counts again.
const CODE_LASTS: Duration = Duration::from_secs(15 * 60);
/// A token that has lived for so long was a good one, and the password may be sent again when it dies.
const PROVEN: Duration = Duration::from_secs(24 * 3600);
/// A login is said to end when so many days are left, once each.
const WARN_DAYS: [i64; 3] = [1, 7, 14];

/// A call of the REST interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    /// Take the token of the configuration, or the one that is kept.
    Find,
    /// Log in with the password.
    Password,
    /// Read the list of printers.
    List,
    /// Ask what the token is worth.
    Judge,
    /// Have a code sent.
    RequestCode,
    /// Log in with the code that a person typed.
    SubmitCode,
}

/// What became of a call.
#[derive(Debug)]
pub(super) enum CallOutcome {
    /// There is a token, with its end where that is known.
    LoggedIn(Option<Timestamp>),
    /// The list of printers was read.
    Listed,
    /// What the token is worth.
    Judged(Verdict),
    /// The password is right, and a code of the account's authenticator is missing.
    Authenticator,
    /// A code is on its way.
    CodeSent(CodeKind),
    /// It did not work.
    Failed(Failure),
}

/// Something that happened.
#[derive(Debug)]
pub(super) enum Input {
    /// The program starts.
    Start,
    /// The call that was under way has ended.
    Done(CallOutcome),
    /// The broker let us in.
    Connected,
    /// The connection to the broker was lost, or did not come about.
    Lost(Lost),
    /// The broker refused the login.
    Refused,
    /// Something else was told that the token is dead.
    Doubted,
    /// Another token is there than the one in use.
    NewToken,
    /// A person says that something changed: look again, as if just started.
    Reload,
    /// A person wants a code.
    RequestCode,
    /// A person typed a code.
    Code,
    /// Look for printers sooner: the last list lacked one.
    ListSoon,
    /// Time passed.
    Tick,
}

/// Something that shall be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// Begin this call; none is under way.
    Call(Call),
    /// Connect to the broker with the token, or use it from the next connection on.
    Connect,
    /// Let a link that waits try again.
    Retry,
    /// Make no further connections: the token is dead.
    Hold,
    /// Take the token out of use.
    Retire,
    /// Keep this for the next start, once people were told.
    Remember(Warned),
    /// Keep this for the next start.
    Keep(LoginRecord),
    /// Tell people.
    Tell(News),
}

/// What people are told when it happens, and not again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::gateway) enum News {
    /// The login ends within so many days.
    Expiring(i64),
    NeedsLogin,
    CodeRequired,
    Blocked,
    /// All is well after one of the others.
    Connected,
}

impl News {
    /// The word for it, in events.
    pub(in crate::gateway) fn word(self) -> &'static str {
        let news = match self {
            Self::Expiring(_) => AccountNews::Expiring,
            Self::NeedsLogin => AccountNews::NeedsLogin,
            Self::CodeRequired => AccountNews::CodeRequired,
            Self::Blocked => AccountNews::Blocked,
            Self::Connected => AccountNews::Connected,
        };
        news.word()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    Nothing,
    Login,
    /// Until then the code is worth waiting for, when there is another login meanwhile.
    Code {
        until: Duration,
    },
}

/// The state machine of one account.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "independent facts, none a state of its own")]
pub(super) struct LoginMachine {
    has_password: bool,
    /// Whether the account's name is known, so that a code can be asked for.
    named: bool,
    /// Whether there is a token to use, and its end where that is known.
    token: bool,
    end: Option<Timestamp>,
    /// Since when it is used.
    since: Duration,
    /// Whether the broker was ever given this token.
    linked: bool,
    connected: bool,
    lost: Option<Lost>,
    busy: Option<Call>,
    /// Calls that wait for the one that is under way.
    want_submit: bool,
    want_code: bool,
    want_find: bool,
    want_judge: bool,
    /// When to log in or list again.
    next: Option<Duration>,
    /// When the list was last asked for.
    listed: Option<Duration>,
    /// When to let the link try again.
    retry: Option<Duration>,
    failures: u32,
    refusals: usize,
    /// Logins with the password since the last token that lasted, see [`PROVEN`].
    passwords: usize,
    /// Different endpoints that answered a bare 401, one after the other.
    doubts: u8,
    /// REST asks for a browser, or the broker refuses what REST accepts.
    blocked: bool,
    need: Need,
    record: LoginRecord,
    warned: Warned,
    told: Option<News>,
    why: String,
    /// What a person can do about that, where it is not what the state says.
    advice: Option<&'static str>,
}

impl LoginMachine {
    pub(super) fn new(has_password: bool, named: bool, warned: Warned, record: LoginRecord) -> Self {
        Self {
            has_password,
            named,
            token: false,
            end: None,
            since: Duration::ZERO,
            linked: false,
            connected: false,
            lost: None,
            busy: None,
            want_submit: false,
            want_code: false,
            want_find: false,
            want_judge: false,
            next: None,
            listed: None,
            retry: None,
            failures: 0,
            refusals: 0,
            passwords: 0,
            doubts: 0,
            blocked: false,
            need: Need::Nothing,
            record,
            warned,
            told: None,
            why: "the cloud has not answered yet".into(),
            advice: None,
        }
    }

    /// Takes one thing that happened and says what shall be done.
    pub(super) fn handle(&mut self, now: Now, input: Input) -> Vec<Action> {
        let mut out = Vec::new();
        let before = self.record;
        match input {
            Input::Start | Input::NewToken => self.want_find = true,
            Input::Done(outcome) => {
                // What nothing was under way for answers nothing.
                if let Some(call) = self.busy.take() {
                    self.on_outcome(now, call, outcome, &mut out);
                }
            }
            Input::Connected => {
                self.connected = true;
                self.lost = None;
                self.blocked = false;
                self.refusals = 0;
                if self.token {
                    self.next.get_or_insert(now.mono + LIST_EACH);
                }
            }
            Input::Lost(lost) => {
                self.connected = false;
                self.lost = Some(lost);
            }
            Input::Refused => self.on_refused(now),
            Input::Doubted => self.want_judge |= self.token,
            Input::Reload => {
                self.want_find = true;
                self.failures = 0;
                self.passwords = 0;
            }
            Input::RequestCode => self.want_code = true,
            Input::Code => self.want_submit = true,
            // Without a token it would be one more look for a login, and end the wait for a code.
            Input::ListSoon if !self.token => {}
            Input::ListSoon => {
                let soon = now.mono + LIST_SOON;
                self.next = Some(self.next.map_or(soon, |next| next.min(soon)));
            }
            Input::Tick => {}
        }
        self.pass_time(now, &mut out);
        self.call_next(now, &mut out);
        if self.record != before {
            out.push(Action::Keep(self.record));
        }
        self.tell(now, &mut out);
        out
    }

    /// A person wants the list now; `Err` says how long they have to wait.
    pub(super) fn refresh(&mut self, now: Now) -> Result<(), Duration> {
        let since = self.listed.map(|at| now.mono.saturating_sub(at));
        if let Some(wait) =
            since.and_then(|since| LIST_ASKED.checked_sub(since)).filter(|wait| !wait.is_zero())
        {
            return Err(wait);
        }
        if self.token {
            self.next = Some(now.mono);
        }
        Ok(())
    }

    /// When [`Input::Tick`] would next change something that cannot wait for the next turn.
    pub(super) fn deadline(&self) -> Option<Duration> {
        let next = self.next.filter(|_| self.busy.is_none());
        [next, self.retry].into_iter().flatten().min()
    }

    /// The call that is under way.
    pub(super) fn busy(&self) -> Option<Call> {
        self.busy
    }

    /// Whether what a person types is the authenticator's code, and not one that was sent.
    pub(super) fn awaits_authenticator(&self) -> bool {
        self.has_password && self.record.authenticator
    }

    pub(super) fn has_token(&self) -> bool {
        self.token
    }

    pub(super) fn end(&self) -> Option<Timestamp> {
        self.end.filter(|_| self.token)
    }

    /// Whole days until the login ends; negative when that is past.
    pub(super) fn days_left(&self, now: Timestamp) -> Option<i64> {
        self.end().map(|end| end.duration_since(now).as_secs().div_euclid(24 * 3600))
    }

    fn ends_within(&self, now: Timestamp, days: i64) -> bool {
        self.end().is_some_and(|end| end.duration_since(now) <= SignedDuration::from_hours(days * 24))
    }

    fn on_outcome(&mut self, now: Now, call: Call, outcome: CallOutcome, out: &mut Vec<Action>) {
        self.advice = None;
        match outcome {
            CallOutcome::LoggedIn(end) => self.on_login(now, call, end),
            CallOutcome::Listed => {
                self.failures = 0;
                self.doubts = 0;
                if now.mono >= self.since + PROVEN {
                    self.passwords = 0;
                    // However this login was got, the account is in order.
                    self.record.password_refused = false;
                }
                self.next = Some(now.mono + LIST_EACH);
                self.why = "the cloud's broker is not connected".into();
                self.connect(out);
            }
            CallOutcome::Judged(verdict) => self.on_verdict(now, &verdict, out),
            CallOutcome::CodeSent(kind) => {
                self.record.code_sent = Some(now.wall);
                self.record.authenticator = false;
                self.need = Need::Code { until: now.mono + CODE_LASTS };
                self.why = format!("a code was sent by {kind}");
            }
            CallOutcome::Authenticator => {
                self.record.authenticator = true;
                self.await_authenticator(now);
            }
            CallOutcome::Failed(failure) => self.on_failure(now, call, failure, out),
        }
    }

    fn on_login(&mut self, now: Now, call: Call, end: Option<Timestamp>) {
        if call == Call::Password {
            // Until the token has shown that it is worth something.
            self.passwords = self.passwords.saturating_add(1);
            self.record.password_refused = false;
        }
        self.token = true;
        self.linked = false;
        self.end = end;
        self.since = now.mono;
        self.record.ended = None;
        self.record.code_sent = None;
        self.record.authenticator = false;
        self.need = Need::Nothing;
        self.doubts = 0;
        self.refusals = 0;
        self.retry = None;
        self.blocked = false;
        self.why = "the cloud has not answered yet".into();
        self.next = Some(now.mono);
    }

    fn await_authenticator(&mut self, now: Now) {
        self.passwords = usize::MAX;
        self.need = Need::Code { until: now.mono + CODE_LASTS };
        self.why = "the account asks for the code of its authenticator".into();
    }

    fn on_verdict(&mut self, now: Now, verdict: &Verdict, out: &mut Vec<Action>) {
        match verdict {
            Verdict::Dead => self.give_up(now, out),
            Verdict::OtherUser(_) => {
                self.linked = false;
                self.connect(out);
            }
            Verdict::Alive if self.retry.is_some() => {
                self.blocked = true;
                self.why = "the cloud accepts the login and its broker refuses it".into();
            }
            Verdict::Alive => {
                self.doubts = 0;
                self.next = Some(now.mono + SLOWEST);
            }
            // Nothing that can be judged: the doubt stays, and is looked into again.
            _ => self.next = Some(now.mono + self.doubled()),
        }
        if self.token {
            // Where this took the place of a look at the list, another one follows.
            self.next.get_or_insert(now.mono + LIST_EACH);
        }
    }

    /// The token may be dead, or the clock wrong, or the account blocked: REST knows.
    fn on_refused(&mut self, now: Now) {
        self.connected = false;
        if !self.token {
            return;
        }
        let pause = REFUSED.get(self.refusals).or(REFUSED.last()).copied().unwrap_or(AGAIN);
        self.refusals += 1;
        self.retry = Some(now.mono + pause);
        self.want_judge = true;
    }

    fn connect(&mut self, out: &mut Vec<Action>) {
        if self.token && !self.linked {
            self.linked = true;
            out.push(Action::Connect);
        }
    }

    /// The token is proven dead; the next step is another source of one.
    fn give_up(&mut self, now: Now, out: &mut Vec<Action>) {
        let end = match self.end {
            Some(end) if end <= now.wall => LoginEnd::Expired,
            Some(_) => LoginEnd::Revoked,
            None => LoginEnd::Unknown,
        };
        self.record.ended = Some(end);
        out.extend([Action::Hold, Action::Retire]);
        self.token = false;
        self.end = None;
        self.doubts = 0;
        self.retry = None;
        self.want_judge = false;
        self.next = None;
        self.want_find = true;
        self.why = end.words();
    }

    /// Nothing is tried again from here on: only a person, a new token or a reload helps.
    fn needs_login(&mut self, now: Now, words: String, out: &mut Vec<Action>) {
        if self.token {
            // What somebody gave was no good; the token in use stays.
            self.next = Some(now.mono + LIST_SOON);
            return;
        }
        out.push(Action::Hold);
        self.need = Need::Login;
        self.next = None;
        self.why = words;
    }

    fn doubled(&mut self) -> Duration {
        self.failures += 1;
        (AGAIN * 2_u32.saturating_pow(self.failures.saturating_sub(1).min(5))).min(SLOWEST)
    }

    fn pass_time(&mut self, now: Now, out: &mut Vec<Action>) {
        if self.retry.is_some_and(|at| now.mono >= at) {
            self.retry = None;
            out.push(Action::Retry);
        }
        if let Need::Code { until } = self.need
            && self.token
            && now.mono >= until
        {
            self.need = Need::Nothing;
        }
        let Some(end) = self.end() else { return };
        let within = |days: i64| self.ends_within(now.wall, days);
        // The clock was ahead when the last one was said.
        let again = self.warned.end == Some(end) && !within(self.warned.days + 1);
        let due = WARN_DAYS.into_iter().find(|days| within(*days));
        if again {
            self.warned = Warned::default();
        }
        let Some(days) = due else { return };
        if self.warned.end != Some(end) || days < self.warned.days {
            self.warned = Warned { end: Some(end), days };
            out.extend([Action::Remember(self.warned), Action::Tell(News::Expiring(days))]);
        }
    }

    /// Begins the next call, when none is under way: what a person waits for first.
    fn call_next(&mut self, now: Now, out: &mut Vec<Action>) {
        if self.busy.is_some() {
            return;
        }
        let due = self.next.is_some_and(|at| now.mono >= at);
        let call = if std::mem::take(&mut self.want_submit) {
            Call::SubmitCode
        } else if std::mem::take(&mut self.want_code) {
            Call::RequestCode
        } else if std::mem::take(&mut self.want_find) {
            Call::Find
        } else if std::mem::take(&mut self.want_judge) {
            Call::Judge
        } else if due && !self.token {
            Call::Find
        } else if due && self.doubts == 1 {
            Call::Judge
        } else if due {
            Call::List
        } else {
            return;
        };
        if matches!(call, Call::Find | Call::List | Call::Judge) && due {
            self.next = None;
        }
        if call == Call::List {
            self.listed = Some(now.mono);
        }
        self.busy = Some(call);
        out.push(Action::Call(call));
    }

    /// Tells what became of the account, once.
    fn tell(&mut self, now: Now, out: &mut Vec<Action>) {
        let news = match self.state(now.wall) {
            State::NeedsLogin => News::NeedsLogin,
            State::CodeRequired => News::CodeRequired,
            State::Blocked => News::Blocked,
            State::Connected | State::TokenExpiring if self.told.is_some() => News::Connected,
            _ => return,
        };
        if self.told == Some(news) {
            return;
        }
        self.told = (news != News::Connected).then_some(news);
        out.push(Action::Tell(news));
    }
}

#[cfg(test)]
mod tests;
