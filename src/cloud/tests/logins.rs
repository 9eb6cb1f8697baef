use jiff::SignedDuration;

use super::*;
use crate::cloud::attempts::Attempt;
use crate::cloud::logins::{
    LoginSource, file, find, is_renewed, is_there, keep, label, permit_login, retire,
};
use crate::cloud::token::{self, Stored};
use crate::config::StateDir;
use crate::disk::Writer;

struct Place {
    server: MockServer,
    _folder: tempfile::TempDir,
    state: StateDir,
}

impl Place {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(&folder.path().join("state")).unwrap();
        Self { server: MockServer::start().await, _folder: folder, state }
    }

    fn writer(&self) -> Writer {
        Writer::direct(Arc::new(self.state.clone()))
    }

    async fn obtain(&self, settings: &str, now: Timestamp) -> Result<CloudLogin, CloudError> {
        let account = account_at(&self.server, settings);
        obtain(&client(&account), &account, &self.writer(), now).await
    }

    async fn requests(&self) -> usize {
        self.server.received_requests().await.unwrap().len()
    }
}

#[tokio::test]
async fn a_dead_token_in_the_file_does_not_stand_in_the_way_of_a_login() {
    let place = Place::new().await;
    answer(&place.server, LOGIN, 200, &format!(r#"{{"accessToken":"{JWT}"}}"#)).await;
    answer(&place.server, PREFERENCE, 200, r#"{"uid":9}"#).await;
    let settings = "account: a@b.c, password: pw, token: AAold";
    assert_eq!(place.obtain(settings, now()).await.unwrap().source, LoginSource::Configuration);
    retire(&account_at(&place.server, settings), &place.state, &secret("AAold")).unwrap();
    assert_eq!(place.obtain(settings, now()).await.unwrap().source, LoginSource::Password);
    assert_eq!(place.obtain(settings, now()).await.unwrap().source, LoginSource::StateDirectory);
    let replaced = settings.replace("AAold", "AAnew");
    assert_eq!(place.obtain(&replaced, now()).await.unwrap().source, LoginSource::Configuration);
}

const PASSWORD: &str = "account: a@b.c, password: pw";

#[tokio::test]
async fn a_configured_token_comes_first() {
    let place = Place::new().await;
    let login = place.obtain(&format!("token: {JWT}"), now()).await.unwrap();
    assert_eq!((login.source, login.user_name.as_str()), (LoginSource::Configuration, "u_1234567890"));
    assert_eq!(place.requests().await, 0, "a JWT says all there is to know");
    answer(&place.server, PREFERENCE, 200, r#"{"uid":9}"#).await;
    let login = place.obtain("token: AAopaque", now()).await.unwrap();
    let end = at("2026-05-30T12:00:00Z");
    assert_eq!((login.user_name.as_str(), login.expires_at), ("u_9", Some(end)), "ninety days are assumed");
    assert!(!login.ends_soon(now()));
    // It is known from then on, also to a start that cannot ask.
    let (before, later) = (place.requests().await, now() + SignedDuration::from_hours(80 * 24));
    let login = place.obtain("token: AAopaque", later).await.unwrap();
    assert_eq!((login.user_name.as_str(), login.expires_at), ("u_9", Some(end)));
    assert!(login.ends_soon(later) && place.requests().await == before);
    // Another one is not taken for it.
    let login = place.obtain("token: AAother", later).await.unwrap();
    assert_eq!(login.expires_at, Some(later + SignedDuration::from_hours(90 * 24)));
    assert_eq!(place.requests().await, before + 1);
    let late = place.obtain(&format!("token: {JWT}"), at("2100-01-01T00:00:00Z")).await;
    check!(late, Ok(_));
}

#[tokio::test]
async fn the_age_of_a_configured_token_counts_from_its_first_sight_whether_the_cloud_answered_or_not() {
    let place = Place::new().await;
    check!(place.obtain("token: AAopaque", now()).await, Err(CloudError::Refused { status: 404, .. }));
    answer(&place.server, PREFERENCE, 200, r#"{"uid":9}"#).await;
    let login = place.obtain("token: AAopaque", now() + SignedDuration::from_hours(24)).await.unwrap();
    assert_eq!(login.expires_at, Some(at("2026-05-30T12:00:00Z")));
    let kept = std::fs::read_dir(place.state.path()).unwrap().map(|entry| entry.unwrap().path());
    for file in kept {
        assert!(!std::fs::read_to_string(file).unwrap().contains("AAopaque"), "the configuration has it");
    }
}

#[tokio::test]
async fn a_password_login_is_kept_for_the_next_start() {
    let place = Place::new().await;
    answer(&place.server, LOGIN, 200, r#"{"accessToken":"AAtok","expiresIn":7776000}"#).await;
    answer(&place.server, PREFERENCE, 200, r#"{"uid":9}"#).await;
    let first = place.obtain(PASSWORD, now()).await.unwrap();
    assert_eq!((first.source, first.user_name.as_str()), (LoginSource::Password, "u_9"));
    let end = at("2026-05-30T12:00:00Z");
    assert_eq!(first.expires_at, Some(end));
    let second = place.obtain("account: A@b.c", now()).await.unwrap();
    assert_eq!((second.source, second.expires_at), (LoginSource::StateDirectory, Some(end)));
    assert_eq!(second.token.expose_secret(), "AAtok");
    assert_eq!(place.requests().await, 2);
    assert!(!second.ends_soon(at("2026-05-16T11:59:59Z")));
    assert!(second.ends_soon(at("2026-05-16T12:00:00Z")));
    // The end is the cloud's to say: a clock may be wrong.
    assert_eq!(place.obtain(PASSWORD, end).await.unwrap().source, LoginSource::StateDirectory);
    check!(
        place.obtain("account: other@b.c", now()).await,
        Err(CloudError::LoginNeeded { reason: LoginReason::NoToken })
    );
    let account = account_at(&place.server, "account: a@b.c");
    retire(&account, &place.state, &secret("another login")).unwrap();
    check!(place.obtain("account: a@b.c", now()).await, Ok(_));
    retire(&account, &place.state, &secret("AAtok")).unwrap();
    check!(
        place.obtain("account: a@b.c", now()).await,
        Err(CloudError::LoginNeeded { reason: LoginReason::NoToken })
    );
}

#[tokio::test]
async fn a_token_survives_a_cloud_that_fails_right_after() {
    let place = Place::new().await;
    answer(&place.server, LOGIN, 200, r#"{"accessToken":"AAtok"}"#).await;
    check!(place.obtain(PASSWORD, now()).await, Err(CloudError::Refused { status: 404, .. }));
    answer(&place.server, PREFERENCE, 200, r#"{"uid":9}"#).await;
    let login = place.obtain(PASSWORD, now()).await.unwrap();
    assert_eq!((login.source, login.user_name.as_str()), (LoginSource::StateDirectory, "u_9"));
    assert_eq!(login.expires_at, Some(at("2026-05-30T12:00:00Z")), "ninety days are assumed");
    check!(place.obtain("account: a@b.c", at("2027-01-01T00:00:00Z")).await, Ok(_));
}

#[tokio::test]
async fn an_account_that_wants_a_code_needs_a_person() {
    for (body, expected) in [
        (r#"{"loginType":"verifyCode"}"#, LoginReason::Code(CodeKind::Email)),
        (r#"{"loginType":"tfa","tfaKey":"k"}"#, LoginReason::Authenticator),
    ] {
        let place = Place::new().await;
        answer(&place.server, LOGIN, 200, body).await;
        let error = place.obtain(PASSWORD, now()).await.unwrap_err();
        check!(&error, CloudError::LoginNeeded { reason } if *reason == expected);
        assert!(error.needs_login() && error.to_string().contains("run `bambu2mqtt login`"), "{error}");
    }
}

#[tokio::test]
async fn a_restart_loop_does_not_lock_the_account() {
    let place = Place::new().await;
    answer(&place.server, LOGIN, 400, r#"{"code":2,"error":"wrong"}"#).await;
    for second in 0..3 {
        let error = place.obtain(PASSWORD, now() + SignedDuration::from_secs(second)).await;
        check!(error, Err(CloudError::CredentialsRefused { .. }));
    }
    let error = place.obtain(PASSWORD, now() + SignedDuration::from_secs(60)).await.unwrap_err();
    check!(&error, CloudError::TooManyLogins { wait } if wait.as_secs() == 540);
    assert!(error.to_string().ends_with("possible in 9m"), "{error}");
    assert_eq!(place.requests().await, 3);
    let account = account_at(&place.server, PASSWORD);
    permit_login(&place.state, &account, now() + SignedDuration::from_mins(10)).unwrap();
    permit_login(&place.state, &account, now() - SignedDuration::from_hours(24)).unwrap();
}

#[tokio::test]
async fn each_kind_of_attempt_is_counted_by_itself_and_an_old_count_is_read() {
    let place = Place::new().await;
    let account = account_at(&place.server, PASSWORD);
    let name = token::file_name("logins", &account);
    let old = r#"["2026-03-01T11:59:00Z","2026-03-01T11:59:30Z","2026-02-01T00:00:00Z"]"#;
    place.state.write(&name, old.as_bytes()).unwrap();
    let permit = |attempt, at| crate::cloud::attempts::permit(&place.state, &account, attempt, at);
    permit(Attempt::Password, now()).unwrap();
    check!(permit(Attempt::Password, now()), Err(CloudError::TooManyLogins { wait }) if wait.as_secs() == 540);
    for attempt in [Attempt::CodeRequest, Attempt::Code] {
        for _ in 0..3 {
            permit(attempt, now()).unwrap();
        }
        check!(permit(attempt, now()), Err(CloudError::TooManyLogins { wait }) if wait.as_secs() == 600);
    }
    permit(Attempt::Password, now() + SignedDuration::from_secs(540)).unwrap();
    place.state.write(&name, b"nonsense").unwrap();
    permit(Attempt::Code, now()).unwrap();
}

#[tokio::test]
async fn a_damaged_login_is_as_good_as_none() {
    let place = Place::new().await;
    let account = account_at(&place.server, "account: a@b.c");
    let name = token::file_name("token", &account);
    for damaged in ["", "{", "null", r#"{"token":"","obtained_at":"2026-03-01T12:00:00Z"}"#, r#"{"token":7}"#]
    {
        place.state.write(&name, damaged.as_bytes()).unwrap();
        check!(place.obtain("account: a@b.c", now()).await, Err(CloudError::LoginNeeded { .. }));
    }
}

#[tokio::test]
async fn nothing_secret_is_shown_or_part_of_a_file_name() {
    let place = Place::new().await;
    answer(&place.server, PREFERENCE, 200, r#"{"uid":98765}"#).await;
    let account = account_at(&place.server, "account: someone@b.c");
    let client = client(&account);
    let grant = TokenGrant { token: secret("hunter2"), expires_in: None };
    let login = keep(&client, &account, &place.writer(), grant, LoginSource::Person, now()).await.unwrap();
    let files: Vec<_> =
        std::fs::read_dir(place.state.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    let answer = login_answered(200, r#"{"accessToken":"hunter2"}"#).await;
    let shown = format!("{login:?} {client:?} {answer:?} {files:?}");
    for part in ["hunter2", "98765", "someone"] {
        assert!(!shown.contains(part), "{shown}");
    }
}

#[test]
fn the_broker_s_refusal_is_judged_by_the_cloud() {
    let (me, other) = (UserName::from_uid(1), UserName::from_uid(2));
    assert_eq!(verdict(&me, &Ok(me.clone())), Verdict::Alive);
    assert_eq!(verdict(&me, &Ok(other.clone())), Verdict::OtherUser(other));
    assert_eq!(verdict(&me, &Err(CloudError::TokenExpired)), Verdict::Dead);
    for unclear in [CloudError::Unauthorised { status: 401 }, CloudError::Challenge { status: 403 }] {
        assert_eq!(verdict(&me, &Err(unclear)), Verdict::Unknown);
    }
}

#[tokio::test]
async fn a_kept_token_that_the_cloud_calls_dead_makes_way_for_the_password() {
    let place = Place::new().await;
    let account = account_at(&place.server, PASSWORD);
    answer(&place.server, PREFERENCE, 401, r#"{"code":4,"error":"Please login.","message":""}"#).await;
    let kept = Stored { token: secret("AAold"), user_name: None, obtained_at: now(), expires_at: None };
    token::save(&place.writer(), &account, &kept).await.unwrap();
    let found = find(&client(&account), &account, &place.writer(), now()).await;
    check!(found, Err(CloudError::LoginNeeded { reason: LoginReason::RunOut }));
    assert!(token::load(&place.state, &account).unwrap().is_none(), "and is out of the way");
}

#[tokio::test]
async fn another_login_is_seen_and_its_own_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let state = StateDir::open(folder.path()).unwrap();
    let account = account("account: a@b.c");
    assert!(!is_renewed(&account, &state, None));
    let kept = Stored { token: secret("AAnew"), user_name: None, obtained_at: now(), expires_at: None };
    token::save(&Writer::direct(Arc::new(state.clone())), &account, &kept).await.unwrap();
    assert!(file(&account, &state).is_file());
    assert!(is_renewed(&account, &state, None) && is_renewed(&account, &state, Some(&secret("AAold"))));
    assert!(!is_renewed(&account, &state, Some(&secret("AAnew"))));
}

#[test]
fn labels_are_stable_and_show_nothing() {
    let (a, b) = (account("account: a@b.c"), account("account: b@b.c"));
    assert_ne!(label(&a), label(&b));
    assert_eq!(label(&a), label(&account("account: A@b.c, password: x")));
    assert!(label(&a).bytes().all(|byte| byte.is_ascii_hexdigit()), "{}", label(&a));
    assert_ne!(label(&account("token: x")), label(&account("token: y")));
}

#[tokio::test]
async fn accounts_without_a_name_do_not_take_each_other_s_login() {
    let place = Place::new().await;
    let folder = tempfile::tempdir().unwrap();
    let own = |file: &str, token: &str| {
        let path = folder.path().join(file);
        std::fs::write(&path, token).unwrap();
        account_at(&place.server, &format!("token_file: '{}'", path.display()))
    };
    let (first, second) = (own("first", JWT), own("second", "AAsecond"));
    let kept = Stored {
        token: secret("AAnew"),
        user_name: Some(UserName::from_uid(1)),
        obtained_at: now(),
        expires_at: None,
    };
    token::save(&place.writer(), &first, &kept).await.unwrap();
    assert!(token::load(&place.state, &second).unwrap().is_none());
    for account in [&first, &second] {
        assert!(is_there(account, &place.state));
        let token = account.token.clone().unwrap();
        retire(account, &place.state, &token).unwrap();
    }
    let found = find(&client(&first), &first, &place.writer(), now()).await.unwrap();
    assert_eq!(found.token.expose_secret(), "AAnew");
    let found = find(&client(&second), &second, &place.writer(), now()).await;
    check!(found, Err(CloudError::LoginNeeded { reason: LoginReason::RunOut }));
    assert!(is_there(&first, &place.state) && !is_there(&second, &place.state));
    // A new token in the same file makes no other account of it, nor does a place.
    assert_eq!(label(&own("second", "AAthird")), label(&second));
}

#[tokio::test]
async fn an_attempt_is_on_the_disk_before_it_is_sent() {
    let place = Place::new().await;
    let account = account_at(&place.server, "account: a@b.c");
    let file = place.state.path().join(token::file_name("logins", &account));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sent = Arc::clone(&seen);
    let answer = move |_: &Request| {
        sent.lock().unwrap().push(std::fs::read_to_string(&file).unwrap_or_default());
        ResponseTemplate::new(500)
    };
    Mock::given(path(LOGIN)).respond_with(answer).mount(&place.server).await;
    let (sender, _inbox) = tokio::sync::mpsc::channel(8);
    let mut tasks = tokio::task::JoinSet::new();
    let writer = Writer::start(&mut tasks, Arc::new(place.state.clone()), sender, |event| event);
    let client = client(&account);
    let person = LoginFlow { client: &client, account: &account, writer: &writer };
    person.code("123456", now()).await.unwrap_err();
    let seen = seen.lock().unwrap();
    let counted: serde_json::Value = serde_json::from_str(&seen[0]).unwrap();
    assert_eq!(counted["codes"].as_array().unwrap().len(), 1, "{counted}");
}

/// The gateway's loop and the login share one thread.
#[tokio::test]
async fn a_slow_disk_keeps_a_login_waiting_and_nobody_else() {
    let server = MockServer::start().await;
    answer(&server, LOGIN, 200, &format!(r#"{{"accessToken":"{JWT}"}}"#)).await;
    let account = account_at(&server, "account: a@b.c");
    let disk = Arc::new(crate::disk::tests::Memory::default());
    let (sender, _inbox) = tokio::sync::mpsc::channel(8);
    let mut tasks = tokio::task::JoinSet::new();
    let writer = Writer::start(&mut tasks, Arc::clone(&disk) as _, sender, |event| event);
    let client = client(&account);
    let person = LoginFlow { client: &client, account: &account, writer: &writer };
    disk.hold();
    let others = async {
        disk.until_held().await;
        assert!(server.received_requests().await.unwrap().is_empty(), "not before it is counted");
        disk.release();
    };
    let (session, ()) = tokio::join!(person.code("123456", now()), others);
    session.unwrap();
}
