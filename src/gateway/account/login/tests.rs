use super::*;
use crate::cloud::LoginReason;
use crate::mqtt;

fn lost() -> Input {
    Input::Lost(Lost { words: "it hung up".into(), advice: None })
}

/// How the cloud answers, until told otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    Up,
    Down,
    /// Says of every token that it is dead.
    Dead,
    /// 401 without the proof.
    Doubt,
    /// The same, and asked what the token is worth, nothing that can be judged.
    Mute,
    Challenge,
}

/// A cloud, a broker and a clock around the machine.
struct World {
    login: LoginMachine,
    now: Now,
    rest: Rest,
    /// Whether the broker takes the token.
    broker: bool,
    /// Whether a token can be found.
    token: bool,
    end: Option<Timestamp>,
    /// What a login with the password leads to.
    password: CallTrouble,
    /// It leads to a token, with nothing in between.
    logs_in: bool,
    link: Link,
    calls: Vec<(Duration, Call)>,
    connects: Vec<Duration>,
    told: Vec<News>,
    remembered: Warned,
    kept: LoginRecord,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    None,
    Up,
    Waiting,
    Held,
}

const DAY: Duration = Duration::from_secs(24 * 3600);
const MINUTE: Duration = Duration::from_secs(60);

fn failure(trouble: CallTrouble) -> CallOutcome {
    CallOutcome::Failed(Failure {
        trouble,
        pause: Duration::ZERO,
        words: format!("{trouble:?}"),
        advice: None,
    })
}

impl World {
    fn new(has_password: bool) -> Self {
        let wall: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        Self {
            login: LoginMachine::new(has_password, true, Warned::default(), LoginRecord::default()),
            now: Now { mono: Duration::ZERO, wall },
            rest: Rest::Up,
            broker: true,
            token: true,
            end: Some(wall + SignedDuration::from_hours(90 * 24)),
            password: CallTrouble::CodeWanted(CodeKind::Email),
            logs_in: false,
            link: Link::None,
            calls: Vec::new(),
            connects: Vec::new(),
            told: Vec::new(),
            remembered: Warned::default(),
            kept: LoginRecord::default(),
        }
    }

    fn started(has_password: bool) -> Self {
        let mut world = Self::new(has_password);
        world.give(Input::Start);
        world
    }

    fn reply(&self, call: Call) -> CallOutcome {
        match (call, self.rest) {
            (Call::Find, _) if !self.token => failure(CallTrouble::NoToken),
            (Call::Find, _) => CallOutcome::LoggedIn(self.end),
            (_, Rest::Down) => failure(CallTrouble::Later),
            (_, Rest::Challenge) => failure(CallTrouble::Blocked),
            (Call::Password, _) if self.logs_in => CallOutcome::LoggedIn(self.end),
            (Call::Password, _) => failure(self.password),
            (Call::RequestCode, _) => CallOutcome::CodeSent(CodeKind::Email),
            (Call::SubmitCode, _) => failure(CallTrouble::CodeWrong),
            (Call::List | Call::Judge, Rest::Dead) => failure(CallTrouble::Dead),
            (Call::List | Call::Judge, Rest::Doubt) | (Call::List, Rest::Mute) => failure(CallTrouble::Doubt),
            (Call::Judge, Rest::Mute) => CallOutcome::Judged(Verdict::Unknown),
            (Call::List, Rest::Up) => CallOutcome::Listed,
            (Call::Judge, Rest::Up) => CallOutcome::Judged(Verdict::Alive),
        }
    }

    /// Gives one input, and lives on until nothing is left to do at this moment.
    fn give(&mut self, input: Input) {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            for action in self.login.handle(self.now, input) {
                match action {
                    Action::Call(call) => {
                        self.calls.push((self.now.mono, call));
                        inputs.push(Input::Done(self.reply(call)));
                    }
                    Action::Connect | Action::Retry if self.link != Link::Up => {
                        self.connects.push(self.now.mono);
                        self.link = if self.broker { Link::Up } else { Link::Waiting };
                        inputs.push(if self.broker { Input::Connected } else { Input::Refused });
                    }
                    Action::Connect | Action::Retry => {}
                    Action::Hold if self.link == Link::Up => {}
                    Action::Hold => self.link = Link::Held,
                    Action::Retire => self.token = false,
                    Action::Remember(warned) => self.remembered = warned,
                    Action::Keep(record) => self.kept = record,
                    Action::Tell(news) => self.told.push(news),
                }
            }
        }
    }

    /// Time passes, in the gateway's turns, or as the machine asks for.
    fn pass(&mut self, time: Duration) {
        let end = self.now.mono + time;
        while self.now.mono < end {
            let turn = self.now.mono + 10 * MINUTE;
            let next =
                self.login.deadline().unwrap_or(turn).clamp(self.now.mono + Duration::from_secs(1), turn);
            self.skip(next.min(end).saturating_sub(self.now.mono));
            self.give(Input::Tick);
        }
    }

    fn skip(&mut self, time: Duration) {
        self.now.mono += time;
        self.now.wall += SignedDuration::try_from(time).unwrap();
    }

    /// The broker ends the connection, and the link comes back by itself as far as it may.
    fn cut(&mut self) {
        self.link = Link::None;
        self.give(lost());
        self.connects.push(self.now.mono);
        self.link = if self.broker { Link::Up } else { Link::Waiting };
        self.give(if self.broker { Input::Connected } else { Input::Refused });
    }

    /// The cloud says that the token in use is dead.
    fn kill(&mut self) {
        if self.login.has_token() {
            self.login.busy = Some(Call::List);
            self.give(Input::Done(failure(CallTrouble::Dead)));
        }
    }

    /// The program is started again, with what it has kept.
    fn restart(&mut self) {
        let LoginMachine { has_password, named, .. } = self.login;
        self.login = LoginMachine::new(has_password, named, self.remembered, self.kept);
        self.link = Link::None;
        self.give(Input::Start);
    }

    fn reason(&self) -> String {
        self.login.words(self.now.wall).0
    }

    fn state(&self) -> State {
        self.login.state(self.now.wall)
    }

    fn count(&self, wanted: Call) -> usize {
        self.calls.iter().filter(|(_, call)| *call == wanted).count()
    }
}

#[test]
fn three_months_bring_three_warnings_an_expiry_and_a_renewal() {
    let mut world = World::started(false);
    assert_eq!(world.state(), State::Connected);
    world.pass(75 * DAY);
    assert_eq!((world.state(), world.told.as_slice()), (State::Connected, &[][..]));
    world.pass(2 * DAY);
    assert_eq!((world.state(), world.told.as_slice()), (State::TokenExpiring, &[News::Expiring(14)][..]));
    assert!(
        world.login.words(world.now.wall).0.contains("13 days"),
        "{:?}",
        world.login.words(world.now.wall)
    );
    // A restart does not repeat it.
    let (calls, told) = (std::mem::take(&mut world.calls), std::mem::take(&mut world.told));
    assert!(calls.len() < 77 * 24 + 3 && told.len() == 1, "the list once an hour, and nothing else");
    world.login = LoginMachine::new(false, true, world.remembered, world.kept);
    world.link = Link::None;
    world.give(Input::Start);
    world.pass(DAY);
    assert!(world.told.is_empty());
    world.pass(11 * DAY);
    assert_eq!(world.told, [News::Expiring(7), News::Expiring(1)]);
    world.pass(DAY / 2);
    assert_eq!(world.state(), State::TokenExpiring, "the end is the cloud's to say, not the clock's");

    world.rest = Rest::Dead;
    world.broker = false;
    world.cut();
    assert_eq!(world.state(), State::NeedsLogin);
    assert_eq!(world.told.last(), Some(&News::NeedsLogin));
    // Nothing is tried any more, however long it takes.
    let before = (world.calls.len(), world.connects.len());
    world.pass(30 * DAY);
    assert_eq!((world.calls.len(), world.connects.len()), before);
    assert_eq!(world.link, Link::Held);
    assert_eq!(world.told.iter().filter(|news| **news == News::NeedsLogin).count(), 1);

    (world.rest, world.broker, world.token) = (Rest::Up, true, true);
    world.end = Some(world.now.wall + SignedDuration::from_hours(90 * 24));
    world.give(Input::NewToken);
    assert_eq!(world.state(), State::Connected);
    assert_eq!(world.told.last(), Some(&News::Connected));
    assert_eq!(world.link, Link::Up);
    world.pass(77 * DAY);
    assert_eq!(world.told.last(), Some(&News::Expiring(14)), "another login, another warning");
}

#[test]
fn how_the_login_ended_is_said_and_not_forgotten_at_a_restart() {
    let wall = |world: &World, days: i64| Some(world.now.wall + SignedDuration::from_hours(days * 24));
    for (days, words) in [
        (Some(0), "has expired, as"),
        (Some(60), "before it was expected"),
        (None, "has expired or was revoked"),
    ] {
        let mut world = World::new(false);
        world.end = days.and_then(|days| wall(&world, days));
        world.give(Input::Start);
        world.kill();
        assert_eq!(world.state(), State::NeedsLogin);
        assert!(world.reason().contains(words), "{}", world.reason());
        world.restart();
        assert!(world.reason().contains(words), "{}", world.reason());
        // A new one is a new one.
        world.token = true;
        world.give(Input::NewToken);
        assert_eq!(world.kept, LoginRecord::default());
        world.token = false;
        world.restart();
        assert_eq!((world.state(), world.reason().as_str()), (State::NeedsLogin, "NoToken"));
    }
}

#[test]
fn a_week_without_rest_costs_nothing_but_the_lists() {
    let mut world = World::started(true);
    let connects = world.connects.len();
    world.rest = Rest::Down;
    world.calls.clear();
    world.pass(7 * DAY);
    assert_eq!((world.state(), world.link), (State::Connected, Link::Up));
    assert!(world.token && world.told.is_empty());
    assert_eq!(world.connects.len(), connects);
    assert!(world.calls.len() <= 7 * 24 * 4 + 8, "{} calls", world.calls.len());
    assert_eq!(world.count(Call::Password), 0);
    // The connection is cut meanwhile, and the broker takes it again.
    world.cut();
    assert_eq!(world.state(), State::Connected);
    world.rest = Rest::Up;
    world.pass(DAY);
    assert_eq!(world.login.failures, 0);
}

#[test]
fn a_start_without_rest_connects_with_the_login_that_is_kept() {
    for rest in [Rest::Down, Rest::Challenge, Rest::Doubt] {
        let mut world = World::new(false);
        world.rest = rest;
        world.give(Input::Start);
        assert_eq!((world.state(), world.link), (State::Connected, Link::Up), "{rest:?}");
        assert!(world.told.is_empty(), "{rest:?}: {:?}", world.told);
    }
}

#[test]
fn a_broker_that_refuses_what_rest_accepts_is_asked_after_5_15_and_60_minutes() {
    let mut world = World::new(false);
    world.broker = false;
    world.give(Input::Start);
    assert_eq!(world.state(), State::Blocked);
    world.pass(4 * 60 * MINUTE);
    let minutes: Vec<u64> = world.connects.iter().map(|at| at.as_secs() / 60).collect();
    assert_eq!(minutes, [0, 5, 20, 80, 140, 200]);
    assert_eq!(world.count(Call::Judge), world.connects.len(), "each refusal is checked once");
    assert!(world.token, "and the token is kept");
    world.broker = true;
    world.pass(60 * MINUTE);
    assert_eq!(
        (world.state(), world.told.as_slice()),
        (State::Connected, &[News::Blocked, News::Connected][..])
    );
}

#[test]
fn a_bare_401_never_logs_out() {
    let mut world = World::started(true);
    world.rest = Rest::Doubt;
    world.pass(10 * DAY);
    assert_eq!((world.state(), world.token), (State::Connected, true));
    assert_eq!(world.count(Call::Password), 0);
    // Without the broker's word for it, two endpoints are enough to ask a person, and not to throw it away.
    world.link = Link::None;
    world.give(lost());
    assert_eq!((world.state(), world.token), (State::NeedsLogin, true));
    world.rest = Rest::Up;
    world.pass(61 * MINUTE);
    world.give(Input::Connected);
    assert_eq!(world.state(), State::Connected);

    let mut world = World::started(false);
    world.rest = Rest::Doubt;
    world.give(lost());
    world.pass(70 * MINUTE);
    assert_eq!(
        world.calls.iter().rev().take(2).map(|(_, call)| *call).collect::<Vec<_>>(),
        [Call::Judge, Call::List]
    );
}

/// Whatever REST and the broker did, and in which order: when all is well again, the list is read again.
#[test]
fn no_order_of_troubles_ends_the_lists() {
    let all = [Rest::Up, Rest::Down, Rest::Doubt, Rest::Mute, Rest::Challenge];
    let steps = || all.into_iter().flat_map(|rest| [(rest, false), (rest, true)]);
    for first in steps() {
        for second in steps() {
            for third in steps() {
                let mut world = World::started(false);
                let troubles = [first, second, third];
                // Into the middle of an hour, so that refusals and lists meet in other ways too.
                for (rest, cut) in troubles {
                    world.rest = rest;
                    world.broker = !cut;
                    if cut {
                        world.cut();
                    }
                    world.pass(61 * MINUTE);
                }
                (world.rest, world.broker) = (Rest::Up, true);
                let before = world.count(Call::List);
                world.pass(2 * 61 * MINUTE);
                assert!(world.count(Call::List) > before, "{troubles:?}");
                assert_eq!(world.login.doubts, 0, "{troubles:?}");
            }
        }
    }
}

#[test]
fn a_look_for_printers_without_a_login_does_not_forget_the_code_that_is_awaited() {
    let mut world = World::new(true);
    world.token = false;
    world.give(Input::Start);
    assert_eq!(world.state(), State::CodeRequired);
    let calls = world.calls.len();
    world.give(Input::ListSoon);
    // A connection that was on its way when the login died.
    world.give(Input::Connected);
    world.give(lost());
    world.pass(2 * 61 * MINUTE);
    assert_eq!((world.state(), world.calls.len()), (State::CodeRequired, calls), "{:?}", world.calls);
}

#[test]
fn with_a_password_one_attempt_is_made_and_asks_for_the_code() {
    let mut world = World::started(true);
    world.rest = Rest::Dead;
    world.pass(61 * MINUTE);
    assert_eq!(
        (world.state(), world.link),
        (State::CodeRequired, Link::Up),
        "what still flows is left to flow"
    );
    assert_eq!((world.count(Call::Password), world.count(Call::RequestCode)), (1, 1));
    world.pass(30 * DAY);
    assert_eq!((world.count(Call::Password), world.count(Call::RequestCode)), (1, 1));
    assert_eq!(world.told, [News::CodeRequired]);

    // A wrong code, then the button, then the right one.
    world.give(Input::Code);
    assert_eq!(
        (world.state(), world.login.words(world.now.wall).0.as_str()),
        (State::CodeRequired, "CodeWrong")
    );
    world.give(Input::RequestCode);
    assert_eq!(world.login.words(world.now.wall).0, "a code was sent by e-mail");
    world.rest = Rest::Up;
    world.login.busy = Some(Call::SubmitCode);
    world.give(Input::Done(CallOutcome::LoggedIn(world.end)));
    assert_eq!(world.state(), State::Connected);
    assert_eq!(world.told, [News::CodeRequired, News::Connected]);
}

#[test]
fn the_authenticators_code_may_come_when_it_comes() {
    let mut world = World::new(true);
    world.token = false;
    world.login.busy = Some(Call::Password);
    world.give(Input::Done(CallOutcome::Authenticator));
    let asks = |world: &World| world.reason().contains("authenticator");
    assert!(world.state() == State::CodeRequired && asks(&world));
    // No restart logs in for it: that is done when the code is there.
    world.pass(DAY);
    world.restart();
    world.give(Input::Reload);
    assert!(world.state() == State::CodeRequired && asks(&world), "{}", world.reason());
    assert_eq!((world.count(Call::Password), world.count(Call::RequestCode)), (0, 0));
    // The account has none any more, and asks for a code that is sent.
    world.login.busy = Some(Call::SubmitCode);
    world.give(Input::Done(failure(CallTrouble::CodeWanted(CodeKind::Email))));
    assert_eq!((world.state(), world.count(Call::RequestCode)), (State::CodeRequired, 1));
    assert!(!world.kept.authenticator);
}

#[test]
fn a_wrong_password_is_tried_once() {
    let mut world = World::new(true);
    (world.token, world.password) = (false, CallTrouble::PasswordRefused);
    world.give(Input::Start);
    assert_eq!(world.state(), State::NeedsLogin);
    world.pass(30 * DAY);
    assert_eq!(world.calls.len(), 2, "{:?}", world.calls);
    // Neither a reload nor a restart sends it again, as long as it is the same.
    world.give(Input::Reload);
    world.restart();
    assert_eq!((world.state(), world.count(Call::Password)), (State::NeedsLogin, 1));
    assert!(world.reason().contains("refused"), "{}", world.reason());
    world.kept = world.kept.with_new_password();
    world.restart();
    assert_eq!(world.count(Call::Password), 2);
}

#[test]
fn a_code_that_is_in_the_mail_is_not_made_worthless_by_a_restart() {
    let mut world = World::new(true);
    world.token = false;
    world.give(Input::Start);
    let sent = |world: &World| (world.count(Call::Password), world.count(Call::RequestCode));
    for minutes in [0, 5, 9] {
        world.pass(minutes * MINUTE);
        world.restart();
        world.give(Input::Reload);
        assert_eq!((world.state(), sent(&world)), (State::CodeRequired, (1, 1)));
    }
    // It is not good any more, and whoever starts the program wants in.
    world.pass(2 * MINUTE);
    world.restart();
    assert_eq!((world.state(), sent(&world)), (State::CodeRequired, (2, 2)));
    // The clock was ahead when it was sent.
    world.now.wall -= SignedDuration::from_hours(24 * 365);
    world.restart();
    assert_eq!(sent(&world), (3, 3));

    // One that a person asked for, without a password.
    let mut world = World::new(false);
    world.token = false;
    world.give(Input::Start);
    world.give(Input::RequestCode);
    world.restart();
    assert_eq!((world.state(), sent(&world)), (State::CodeRequired, (0, 1)));
}

#[test]
fn a_login_without_a_clear_answer_is_tried_three_times_and_one_that_was_never_sent_until_it_is() {
    let mut world = World::new(true);
    (world.token, world.password) = (false, CallTrouble::Later);
    world.give(Input::Start);
    world.pass(30 * DAY);
    let minutes: Vec<u64> =
        world.calls.iter().filter(|(_, c)| *c == Call::Password).map(|(at, _)| at.as_secs() / 60).collect();
    assert_eq!(minutes, [0, 15, 75]);
    assert_eq!(world.state(), State::NeedsLogin);

    let mut world = World::new(true);
    (world.token, world.password) = (false, CallTrouble::Unsent);
    world.give(Input::Start);
    world.pass(DAY);
    assert_eq!(world.state(), State::Offline, "a network that is down is nobody's login");
    let hours = world.count(Call::Password) / 24;
    assert!((4..=5).contains(&hours), "{hours} an hour");
}

#[test]
fn a_token_that_dies_at_once_does_not_make_a_loop_of_logins() {
    let mut world = World::new(true);
    (world.token, world.rest) = (false, Rest::Dead);
    world.give(Input::Start);
    for _ in 0..20 {
        world.login.busy = Some(Call::Password);
        if world.state() == State::NeedsLogin {
            break;
        }
        world.give(Input::Done(CallOutcome::LoggedIn(None)));
    }
    world.login.busy = None;
    let before = world.count(Call::Password);
    world.pass(30 * DAY);
    assert_eq!(world.count(Call::Password), before);
    assert!(before <= 3, "{before}");
}

/// Somebody else logs in and so ends our login, each time: a tug-of-war that the account would not survive.
#[test]
fn a_token_that_dies_within_hours_does_not_make_a_loop_of_logins_either() {
    let mut world = World::new(true);
    (world.token, world.logs_in) = (false, true);
    world.give(Input::Start);
    assert_eq!(world.state(), State::Connected);
    for _ in 0..20 {
        world.pass(3 * 60 * MINUTE);
        world.kill();
    }
    assert_eq!((world.state(), world.count(Call::Password)), (State::NeedsLogin, 3));

    // One that has lived for a day was a good one: the next may be got the same way.
    let mut world = World::new(true);
    (world.token, world.logs_in) = (false, true);
    world.give(Input::Start);
    for _ in 0..20 {
        world.pass(DAY + 2 * 60 * MINUTE);
        world.kill();
        assert_eq!(world.state(), State::Connected);
    }
}

#[test]
fn a_challenge_is_blocked_and_waits_a_quarter_of_an_hour() {
    let mut world = World::started(false);
    world.link = Link::None;
    world.give(lost());
    world.login.busy = Some(Call::List);
    let blocked = Failure {
        trouble: CallTrouble::Blocked,
        pause: 15 * MINUTE,
        words: "a browser is wanted".into(),
        advice: None,
    };
    world.give(Input::Done(CallOutcome::Failed(blocked)));
    assert_eq!(world.state(), State::Blocked);
    let (reason, step) = world.login.words(world.now.wall);
    assert!(reason.contains("browser") && step.contains("browser"), "{reason} {step}");
    assert_eq!(world.login.deadline(), Some(world.now.mono + 15 * MINUTE));
    world.give(Input::Connected);
    assert_eq!(world.state(), State::Connected, "the broker's word counts");
}

#[test]
fn a_clock_that_jumps_loses_no_login_and_no_warning() {
    let mut world = World::started(true);
    // Ahead by years, as after a flat battery: the cloud still takes the token.
    world.now.wall += SignedDuration::from_hours(10 * 365 * 24);
    world.pass(DAY);
    assert_eq!((world.state(), world.token), (State::TokenExpiring, true));
    assert_eq!((world.told.as_slice(), world.count(Call::Password)), (&[News::Expiring(1)][..], 0));
    assert!(world.login.words(world.now.wall).0.contains("clock"));
    world.now.wall -= SignedDuration::from_hours(10 * 365 * 24);
    world.pass(DAY);
    assert_eq!(world.state(), State::Connected);
    world.told.clear();
    world.pass(88 * DAY);
    assert_eq!(world.told, [News::Expiring(14), News::Expiring(7), News::Expiring(1)]);
    // Back to the beginning of time, as a small computer starts.
    let mut world = World::new(false);
    world.now.wall = Timestamp::UNIX_EPOCH;
    world.give(Input::Start);
    assert_eq!((world.state(), world.told.len()), (State::Connected, 0));
}

#[test]
fn a_code_asked_for_ahead_of_time_does_not_end_the_login_that_is_there() {
    let mut world = World::started(false);
    world.give(Input::RequestCode);
    assert_eq!((world.state(), world.link), (State::CodeRequired, Link::Up));
    world.give(Input::Code);
    assert_eq!(world.state(), State::CodeRequired);
    world.pass(16 * MINUTE);
    assert_eq!(world.state(), State::Connected);
    assert_eq!(world.told, [News::CodeRequired, News::Connected]);
}

#[test]
fn a_new_token_that_is_no_good_leaves_the_one_in_use() {
    let mut world = World::started(false);
    world.token = false;
    world.give(Input::NewToken);
    assert_eq!((world.state(), world.link), (State::Connected, Link::Up));
    assert!(world.told.is_empty());
}

#[test]
fn a_person_may_ask_for_the_list_no_oftener_than_the_cloud_wants() {
    let mut world = World::started(false);
    assert_eq!(world.login.refresh(world.now), Err(LIST_ASKED));
    world.skip(LIST_ASKED);
    assert_eq!(world.login.refresh(world.now), Ok(()));
    world.give(Input::Tick);
    assert_eq!(world.count(Call::List), 2);
    assert!(world.login.refresh(world.now).is_err());
}

#[test]
fn what_a_person_asks_for_waits_for_the_call_under_way_and_goes_first() {
    let mut world = World::started(false);
    world.login.busy = Some(Call::List);
    world.give(Input::NewToken);
    world.give(Input::RequestCode);
    assert_eq!(world.calls.len(), 2, "one at a time");
    world.give(Input::Done(CallOutcome::Listed));
    let order: Vec<Call> = world.calls.iter().skip(2).map(|(_, call)| *call).collect();
    assert_eq!(order[..2], [Call::RequestCode, Call::Find]);
}

#[test]
fn only_the_network_and_the_cloud_itself_are_nothing_to_do_about() {
    use cloud::CloudError as E;
    let host = || "x".to_owned();
    let step = |call: Call, error: &E| {
        let mut world = World::new(false);
        world.token = false;
        world.give(Input::Start);
        world.login.need = Need::Nothing;
        world.login.busy = Some(call);
        world.login.handle(world.now, Input::Done(CallOutcome::Failed(Failure::of(error))));
        (world.state(), world.login.words(world.now.wall).1)
    };
    for patience in [
        E::Timeout { host: host() },
        E::NameResolution { host: host() },
        E::Unreachable { host: host(), detail: String::new() },
        E::Server { status: 500, retry_after: None },
        E::NotData { status: 502 },
        E::RateLimited { retry_after: None },
    ] {
        let told = step(Call::Find, &patience);
        assert_eq!(told, (State::Offline, "nothing: it is tried again by itself".to_owned()), "{patience}");
    }
    for (work, part) in [
        (E::ClockWrong { host: host() }, "clock"),
        (E::Untrusted { host: host(), detail: String::new() }, "bambu.ca_file"),
        (E::Redirected { status: 302 }, "bambu.api_url"),
        (E::Unexpected { missing: "x" }, "newer version"),
    ] {
        let (state, step) = step(Call::Find, &work);
        assert_eq!(state, State::Offline, "{work}");
        assert!(step.contains(part) && step.contains("tried again"), "{step}");
    }
    let (state, step) = step(Call::Password, &E::CredentialsRefused { message: String::new() });
    assert_eq!(state, State::NeedsLogin);
    assert!(step.contains("bambu.account") && step.contains("Request login code"), "{step}");

    let mut world = World::new(false);
    world.token = false;
    world.give(Input::Start);
    world.login.busy = Some(Call::RequestCode);
    let refusal = E::NoCodeSent { message: String::new() };
    world.give(Input::Done(CallOutcome::Failed(Failure::of(&refusal))));
    let (_, step) = world.login.words(world.now.wall);
    assert!(step.contains("bambu.region"), "{step}");
}

#[test]
fn a_broker_that_is_out_of_reach_says_why_while_the_rest_answers() {
    use mqtt::Error as E;
    let broker = || "cloud:8883".to_owned();
    let told = |error: &E| {
        let mut world = World::started(false);
        world.give(Input::Lost(Lost::of(error)));
        assert_eq!(world.state(), State::Offline, "{error}");
        let (why, step) = world.login.words(world.now.wall);
        assert!(why.contains("cloud:8883"), "{why}");
        step
    };
    for (error, part) in [
        (E::ClockBehind { broker: broker() }, "clock"),
        (E::Tls { broker: broker(), reason: "unknown issuer".into() }, "bambu.ca_file"),
        (E::ConnectionRefused { broker: broker() }, "firewall"),
        (E::TimedOut { broker: broker(), seconds: 20 }, "firewall"),
    ] {
        let step = told(&error);
        assert!(step.contains(part) && step.ends_with("; it is tried again by itself"), "{error}: {step}");
    }
    assert_eq!(told(&E::Closed { broker: broker() }), "nothing: it is tried again by itself");

    // When nothing answers, that is the trouble.
    let mut world = World::started(false);
    world.give(lost());
    world.login.busy = Some(Call::List);
    let unreachable = cloud::CloudError::Unreachable { host: "api".into(), detail: String::new() };
    world.login.handle(world.now, Input::Done(CallOutcome::Failed(Failure::of(&unreachable))));
    assert!(world.login.words(world.now.wall).0.contains("api"));
    // And a connection makes all of that old.
    world.give(Input::Connected);
    assert_eq!(world.login.lost, None);
}

#[test]
fn every_error_of_the_cloud_is_worth_something() {
    use cloud::CloudError as E;
    let trouble = |error: &E| Failure::of(error).trouble;
    let host = || "x".to_owned();
    assert_eq!(trouble(&E::TokenExpired), CallTrouble::Dead);
    assert_eq!(trouble(&E::TokenRejected { code: 1002, message: String::new() }), CallTrouble::Dead);
    assert_eq!(trouble(&E::Unauthorised { status: 401 }), CallTrouble::Doubt);
    assert_eq!(trouble(&E::LoginNeeded { reason: LoginReason::NoToken }), CallTrouble::NoToken);
    let code = LoginReason::Code(CodeKind::Sms);
    assert_eq!(trouble(&E::LoginNeeded { reason: code }), CallTrouble::CodeWanted(CodeKind::Sms));
    assert_eq!(trouble(&E::LoginNeeded { reason: LoginReason::Authenticator }), CallTrouble::Person);
    assert_eq!(trouble(&E::CredentialsRefused { message: String::new() }), CallTrouble::PasswordRefused);
    assert_eq!(trouble(&E::TotpWrong), CallTrouble::CodeWrong);
    assert_eq!(trouble(&E::Challenge { status: 403 }), CallTrouble::Blocked);
    assert_eq!(trouble(&E::TooManyLogins { wait: MINUTE }), CallTrouble::Unsent);
    assert_eq!(trouble(&E::NameResolution { host: host() }), CallTrouble::Unsent);
    assert_eq!(trouble(&E::Unreachable { host: host(), detail: String::new() }), CallTrouble::Unsent);
    assert_eq!(trouble(&E::BrokenOff { host: host(), detail: String::new() }), CallTrouble::Later);
    assert_eq!(trouble(&E::Timeout { host: host() }), CallTrouble::Later);
    assert_eq!(trouble(&E::Server { status: 503, retry_after: None }), CallTrouble::Later);
    assert_eq!(trouble(&E::RateLimited { retry_after: Some(MINUTE) }), CallTrouble::Later);
    let failure = Failure::of(&E::RateLimited { retry_after: Some(7 * MINUTE) });
    assert_eq!(
        (failure.pause, failure.words.as_str()),
        (7 * MINUTE, "the Bambu cloud asks for fewer requests")
    );
}

#[test]
fn a_token_that_something_else_was_told_is_dead_is_judged_at_once() {
    let mut world = World::started(false);
    world.calls.clear();
    world.give(Input::Doubted);
    assert_eq!(world.calls, [(world.now.mono, Call::Judge)]);
    assert_eq!(world.state(), State::Connected, "it was another one");
    world.rest = Rest::Dead;
    world.token = false;
    world.give(Input::Doubted);
    assert_eq!(world.state(), State::NeedsLogin);
    world.calls.clear();
    world.give(Input::Doubted);
    assert!(world.calls.is_empty(), "there is nothing left to judge");
}
