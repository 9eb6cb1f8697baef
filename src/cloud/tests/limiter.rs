use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::cloud::kinds::RequestOutcome;
use crate::cloud::limiter::{PER_HOUR, PER_MINUTE, Rules};

const API: &str = "api";
const KINDS: [RequestKind; 12] = [
    RequestKind::Login,
    RequestKind::Code,
    RequestKind::Csrf,
    RequestKind::Authenticator,
    RequestKind::Preference,
    RequestKind::Devices,
    RequestKind::Version,
    RequestKind::Tasks,
    RequestKind::Messages,
    RequestKind::Presets,
    RequestKind::Prints,
    RequestKind::Picture,
];

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn ask(kind: RequestKind, demand: Demand) -> Ask<'static> {
    Ask::new(kind, "", demand)
}

const WHO: Ask<'static> = Ask::new(RequestKind::Preference, "", Demand::Person);
const LOGIN_ASK: Ask<'static> = Ask::new(RequestKind::Login, "", Demand::Person);

/// One who asks again and again.
#[derive(Debug, Clone)]
struct Step {
    wait: Duration,
    site: &'static str,
    kind: RequestKind,
    subject: &'static str,
    demand: Demand,
    outcome: RequestOutcome,
    chance: f64,
}

fn step() -> impl Strategy<Value = Step> {
    let seconds = 0..5_000_u64;
    let outcome = prop_oneof![
        30 => Just(RequestOutcome::Good),
        3 => Just(RequestOutcome::Refused),
        1 => Just(RequestOutcome::TooMany(None)),
        1 => seconds.clone().prop_map(|s| RequestOutcome::TooMany(Some(secs(s)))),
        2 => Just(RequestOutcome::Fault(None)),
        1 => seconds.prop_map(|s| RequestOutcome::Fault(Some(secs(s)))),
        1 => Just(RequestOutcome::Challenge),
    ];
    let wait = prop_oneof![10 => 0..2_000_u64, 2 => 0..100_000_u64, 1 => 0..5_000_000_u64];
    let names = (prop::sample::select(vec![API, "web"]), prop::sample::select(vec!["", "a", "b"]));
    let demand = prop::sample::select(vec![Demand::Schedule, Demand::Occasion, Demand::Person]);
    (wait, names, prop::sample::select(KINDS.to_vec()), demand, outcome, -1.0..1.0_f64).prop_map(
        |(wait, (site, subject), kind, demand, outcome, chance)| Step {
            wait: Duration::from_millis(wait),
            site,
            kind,
            subject,
            demand,
            outcome,
            chance,
        },
    )
}

/// The most requests in any such span; they are in the order of time.
fn most_within(made: &[Duration], span: Duration) -> usize {
    let mut first = 0;
    let mut most = 0;
    for (last, at) in made.iter().enumerate() {
        while made[first] + span <= *at {
            first += 1;
        }
        most = most.max(last + 1 - first);
    }
    most
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn budgets_and_rests_hold_whatever_happens(steps in prop::collection::vec(step(), 1..1500)) {
        let mut rules = Rules::default();
        let mut now = Duration::ZERO;
        let mut made = Vec::new();
        // By site: until when nobody at all may ask.
        let mut shut: std::collections::HashMap<&str, Duration> = std::collections::HashMap::new();
        for step in steps {
            now += step.wait;
            let ask = Ask::new(step.kind, step.subject, step.demand);
            let closed = shut.get(step.site).copied().unwrap_or_default();
            match rules.permit(now, step.site, ask) {
                Ok(()) => {
                    prop_assert!(now >= closed, "asked {} s too early", closed.saturating_sub(now).as_secs());
                    made.push(now);
                    rules.answered(now, step.site, ask, step.outcome, step.chance);
                    let rest = match step.outcome {
                        RequestOutcome::TooMany(Some(rest)) | RequestOutcome::Fault(Some(rest)) => rest,
                        RequestOutcome::Challenge => secs(900),
                        _ => Duration::ZERO,
                    };
                    let closed = shut.entry(step.site).or_default();
                    *closed = (*closed).max(now + rest);
                }
                Err((wait, rest)) => {
                    prop_assert!(!wait.is_zero());
                    // What it says is the whole wait for this reason, and others end, too.
                    let (mut later, mut reason) = (now + wait, rest);
                    for _ in 0..4 {
                        match rules.permit(later, step.site, ask) {
                            Ok(()) => {
                                made.push(later);
                                rules.answered(later, step.site, ask, RequestOutcome::Refused, 0.0);
                                now = later;
                                break;
                            }
                            Err((wait, rest)) => {
                                prop_assert!(rest != reason || rest == Rest::Budget, "{rest:?} again");
                                (later, reason) = (later + wait, rest);
                            }
                        }
                    }
                    prop_assert_eq!(now, later, "some end there is");
                }
            }
        }
        prop_assert!(most_within(&made, secs(60)) <= PER_MINUTE);
        prop_assert!(most_within(&made, secs(3600)) <= PER_HOUR);
        prop_assert_eq!(rules.totals().values().sum::<u64>(), made.len() as u64);
    }
}

#[test]
fn a_thousand_at_once_are_sixty_a_minute_and_five_hundred_an_hour() {
    let mut rules = Rules::default();
    let permitted = |rules: &mut Rules, seconds: std::ops::Range<u64>| {
        seconds.flat_map(|s| [s; 10]).filter(|s| rules.permit(secs(*s), API, WHO).is_ok()).count()
    };
    assert_eq!(permitted(&mut rules, 0..60), 60);
    assert_eq!(permitted(&mut rules, 60..3600), 440);
    assert_eq!(rules.permit(secs(3599), API, WHO), Err((secs(1), Rest::Budget)));
    assert_eq!(permitted(&mut rules, 3600..3660), 60, "and the oldest are forgotten");
}

#[test]
fn each_kind_has_its_pause() {
    for (kind, demand, pause) in [
        (RequestKind::Devices, Demand::Schedule, 600),
        (RequestKind::Devices, Demand::Person, 30),
        (RequestKind::Version, Demand::Schedule, 12 * 3600),
        (RequestKind::Version, Demand::Person, 30),
        (RequestKind::Tasks, Demand::Schedule, 300),
        (RequestKind::Tasks, Demand::Occasion, 3),
        (RequestKind::Presets, Demand::Schedule, 3600),
        (RequestKind::Messages, Demand::Schedule, 600),
    ] {
        let mut rules = Rules::default();
        let ask = ask(kind, demand);
        rules.permit(secs(5), API, ask).unwrap();
        rules.answered(secs(5), API, ask, RequestOutcome::Refused, 0.0);
        rules.permit(secs(6), API, ask).expect("only an answer counts");
        rules.answered(secs(6), API, ask, RequestOutcome::Good, 0.0);
        assert_eq!(rules.permit(secs(6), API, ask), Err((secs(pause), Rest::Recent)), "{kind:?} {demand:?}");
        rules.permit(secs(6), API, Ask::new(kind, "another printer", demand)).unwrap();
        rules.permit(secs(6 + pause), API, ask).unwrap();
    }
}

#[test]
fn a_long_rest_for_data_hides_no_short_one_that_a_login_was_asked_for() {
    let mut rules = Rules::default();
    let (data, login) =
        (ask(RequestKind::Devices, Demand::Schedule), ask(RequestKind::Login, Demand::Person));
    rules.permit(secs(0), API, data).unwrap();
    rules.answered(secs(0), API, data, RequestOutcome::TooMany(None), 0.0);
    rules.permit(secs(1), API, login).expect("a person may log in meanwhile");
    rules.answered(secs(1), API, login, RequestOutcome::Fault(Some(secs(45))), 0.0);
    assert_eq!(rules.permit(secs(2), API, login), Err((secs(44), Rest::Asked)));
    assert_eq!(rules.permit(secs(2), API, data), Err((secs(58), Rest::TooMany)));
}

#[test]
fn too_many_without_a_time_means_one_two_five_fifteen_and_sixty_minutes() {
    let mut rules = Rules::default();
    let mut now = Duration::ZERO;
    for minutes in [1, 2, 5, 15, 60, 60] {
        rules.permit(now, API, WHO).unwrap();
        rules.answered(now, API, WHO, RequestOutcome::TooMany(None), 1.0);
        let devices = ask(RequestKind::Devices, Demand::Person);
        assert_eq!(rules.permit(now, API, devices), Err((secs(minutes * 60), Rest::TooMany)));
        rules.permit(now, "web", WHO).expect("another host is another matter");
        now += secs(minutes * 60);
    }
    rules.permit(now, API, WHO).unwrap();
    rules.answered(now, API, WHO, RequestOutcome::Good, 0.0);
    rules.answered(now, API, WHO, RequestOutcome::TooMany(None), 0.0);
    assert_eq!(rules.permit(now, API, WHO), Err((secs(60), Rest::TooMany)), "from the start again");
}

#[test]
fn faults_double_up_to_a_quarter_of_an_hour_and_concern_their_kind() {
    for chance in [-1.0, 0.0, 1.0] {
        let mut rules = Rules::default();
        let mut now = Duration::ZERO;
        for pause in [30, 60, 120, 240, 480, 900, 900] {
            rules.permit(now, API, WHO).unwrap();
            rules.answered(now, API, WHO, RequestOutcome::Fault(None), chance);
            let (wait, rest) = rules.permit(now, API, WHO).unwrap_err();
            let expected = secs(pause).mul_f64(1.0 + 0.2 * chance);
            assert_eq!((wait, rest), (expected, Rest::Fault));
            rules.permit(now, API, ask(RequestKind::Tasks, Demand::Occasion)).unwrap();
            now += wait;
        }
        rules.permit(now, API, WHO).unwrap();
        rules.answered(now, API, WHO, RequestOutcome::Good, chance);
        rules.permit(now, API, WHO).unwrap();
    }
}

#[test]
fn a_person_may_log_in_while_data_is_held_back_but_not_against_the_clouds_word() {
    let after = |kind: RequestKind, outcome: RequestOutcome| {
        let mut rules = Rules::default();
        rules.answered(secs(1), API, ask(kind, Demand::Person), outcome, 0.0);
        rules.permit(secs(1), API, LOGIN_ASK)
    };
    assert_eq!(after(RequestKind::Tasks, RequestOutcome::TooMany(None)), Ok(()));
    assert_eq!(after(RequestKind::Tasks, RequestOutcome::Fault(None)), Ok(()));
    assert_eq!(after(RequestKind::Code, RequestOutcome::TooMany(None)), Err((secs(60), Rest::TooMany)));
    assert_eq!(
        after(RequestKind::Tasks, RequestOutcome::TooMany(Some(secs(90)))),
        Err((secs(90), Rest::Asked))
    );
    assert_eq!(
        after(RequestKind::Tasks, RequestOutcome::Fault(Some(secs(90)))),
        Err((secs(90), Rest::Asked))
    );
    assert_eq!(after(RequestKind::Tasks, RequestOutcome::Challenge), Err((secs(900), Rest::Challenge)));
    let day = Duration::from_secs(24 * 3600);
    assert_eq!(after(RequestKind::Tasks, RequestOutcome::TooMany(Some(day * 30))), Err((day, Rest::Asked)));
}

#[tokio::test]
async fn one_request_is_under_way_whoever_asks() {
    let limiter = Limiter::new();
    let first = limiter.pass(API, WHO).await.unwrap();
    tokio::select! {
        biased;
        _ = limiter.pass("web", LOGIN_ASK) => panic!("two at once"),
        () = tokio::task::yield_now() => {}
    }
    first.ended(RequestOutcome::Good);
    let second = limiter.pass("web", LOGIN_ASK).await.unwrap();
    // Given up on the way, which is no good sign.
    drop(second);
    check!(
        limiter.pass("web", LOGIN_ASK).await.map(drop),
        Err(CloudError::Resting { rest: Rest::Fault, .. })
    );
    assert_eq!(
        limiter.totals().into_iter().collect::<Vec<_>>(),
        [(RequestKind::Login, 1), (RequestKind::Preference, 1)]
    );
}

#[tokio::test]
async fn what_the_cloud_asks_for_is_honoured_by_all_clients() {
    let server = MockServer::start().await;
    let wait = ResponseTemplate::new(429).insert_header("retry-after", "120").set_body_string("{}");
    Mock::given(path(PREFERENCE)).respond_with(wait).mount(&server).await;
    let account = account_at(&server, "account: a@b.c");
    let limiter = Limiter::new();
    let make = || Client::sharing(&account, Arc::clone(&limiter));
    let (Ok(one), Ok(other)) = (make(), make()) else {
        println!("left out: this system has no roots");
        return;
    };
    check!(one.preference(&secret("t")).await, Err(CloudError::RateLimited { retry_after: Some(_) }));
    check!(other.printers(&secret("t")).await, Err(CloudError::Resting { rest: Rest::Asked, wait }) if wait.as_secs() > 100);
    let error = other.login(&secret("pw")).await.unwrap_err();
    assert!(!error.needs_login() && error.retry_after().unwrap().as_secs() > 100);
    assert!(error.to_string().contains("it asked to be left alone; possible again in 1m"), "{error}");
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_attempt_that_is_held_back_is_none() {
    let server = MockServer::start().await;
    answer(&server, LOGIN, 403, CHALLENGE).await;
    let account = account_at(&server, "account: a@b.c");
    let folder = tempfile::tempdir().unwrap();
    let state = crate::config::StateDir::open(folder.path()).unwrap();
    let writer = crate::disk::Writer::direct(Arc::new(state));
    let client = client(&account);
    let flow = LoginFlow { client: &client, account: &account, writer: &writer };
    check!(flow.code("123456", now()).await, Err(CloudError::Challenge { .. }));
    for _ in 0..5 {
        check!(flow.code("123456", now()).await, Err(CloudError::Resting { rest: Rest::Challenge, .. }));
    }
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn pages_of_maintenance_may_say_how_long() {
    let server = MockServer::start().await;
    let page = ResponseTemplate::new(503).insert_header("retry-after", "600").set_body_string("<html>soon");
    Mock::given(path(PREFERENCE)).respond_with(page).mount(&server).await;
    let client = client(&account_at(&server, "account: a@b.c"));
    check!(client.preference(&secret("t")).await, Err(CloudError::NotData { status: 503 }));
    check!(client.printers(&secret("t")).await, Err(CloudError::Resting { rest: Rest::Asked, .. }));
}
