//! Each way to a token, and each way that fails, with the program itself before the emulated cloud: what it
//! says, how it ends, and what it asked.

use serde_json::{Value, json};
use simulator::{Endpoint, Failure, Options};

use crate::support::world::{Left, Program, World};

/// Nothing is said to a local broker here.
const NO_BROKER: u16 = 1;

async fn world(options: Options) -> (World, String) {
    let world = World::with(Options { printers: 1, ..options }).await;
    let file = world.write(&world.configuration(NO_BROKER, &Value::Null));
    (world, file)
}

/// Without the password in the file.
async fn bare(options: Options) -> (World, String) {
    let (world, _) = world(options).await;
    let file = world.write(&world.configuration(NO_BROKER, &json!({"bambu": {"password": null}})));
    (world, file)
}

async fn login(file: &str, arguments: &[&str], input: &str) -> Left {
    let mut all = vec!["login", "-c", file];
    all.extend(arguments);
    Program::start_with(&all, Some(input), &[]).end().await
}

/// Ended so, and said this.
#[track_caller]
fn ended(left: &Left, code: i32, parts: &[&str]) {
    assert_eq!(left.code, Some(code), "{left:?}");
    let said = format!("{}{}", left.stdout, left.stderr);
    for part in parts {
        assert!(said.contains(part), "`{part}` is missing in:\n{said}");
    }
}

/// The token is kept and the cloud takes it; nothing secret was said.
async fn works(world: &World, file: &str, left: &Left) {
    ended(left, 0, &["logged in as", "the token is kept in"]);
    silent(world, left);
    let listed = Program::start(&["printers", "-c", file]).end().await;
    assert_eq!(listed.code, Some(0), "{listed:?}");
}

fn silent(world: &World, left: &Left) {
    let settings = world.cloud.settings();
    let mut secrets = vec![settings.password.clone(), settings.token.clone(), world.cloud.totp()];
    secrets.extend(world.cloud.mailed_code());
    secrets.extend(world.cloud.token());
    for secret in secrets {
        assert!(!left.stderr.contains(&secret) && !left.stdout.contains(&secret), "{left:?}");
    }
}

fn wrong(code: &str) -> String {
    let number: u32 = code.parse().unwrap();
    format!("{:06}", (number + 1) % 1_000_000)
}

fn asked(world: &World) -> Vec<Endpoint> {
    world.cloud.rest().requests()
}

#[tokio::test]
async fn a_password_is_enough_for_some() {
    let (world, file) = world(Options::default()).await;
    let left = login(&file, &[], "").await;
    assert_eq!(asked(&world), [Endpoint::Login, Endpoint::Preference]);
    works(&world, &file, &left).await;
    assert!(left.stdout.contains("lasts until 20"), "{left:?}");
}

#[tokio::test]
async fn a_mailed_code_is_typed_after_a_wrong_and_an_old_one() {
    let (world, file) = bare(Options { needs_code: true, ..Options::default() }).await;
    let password = world.cloud.settings().password.clone();
    let mut program = Program::start_open(&["login", "-vv", "-c", &file], &[]);
    program.types(&password).await;
    program.says("Bambu Lab sends you a code by e-mail").await;
    let first = world.cloud.mailed_code().unwrap();
    program.types("no digits").await;
    program.says("a code has digits only").await;
    program.types(&wrong(&first)).await;
    program.says("the code is wrong").await;
    world.cloud.expire_code();
    program.types(&first).await;
    program.says("another code comes by e-mail").await;
    let code = world.cloud.mailed_code().unwrap();
    program.types(&format!(" {} {} ", &code[..3], &code[3..])).await;
    let left = program.end().await;
    works(&world, &file, &left).await;
    assert!(!left.stderr.contains(&first) && !left.stderr.contains(&code));
    assert_eq!(
        asked(&world)[..7],
        [
            Endpoint::Login,
            Endpoint::MailCode,
            Endpoint::Login,
            Endpoint::Login,
            Endpoint::MailCode,
            Endpoint::Login,
            Endpoint::Preference
        ]
    );
}

#[tokio::test]
async fn a_person_may_ask_for_another_code_but_not_for_ever() {
    for another in ["", "new"] {
        let (world, file) = world(Options { needs_code: true, ..Options::default() }).await;
        let left = login(&file, &[], &format!("{another}\n{another}\n{another}\n{another}\n")).await;
        ended(&left, 1, &["too many attempts to log in", "the next one is possible in"]);
        assert_eq!(world.cloud.rest().asked(Endpoint::MailCode), 3);
        assert_eq!(world.cloud.rest().asked(Endpoint::Login), 1);
    }
}

#[tokio::test]
async fn three_wrong_codes_are_enough_also_over_several_runs() {
    let (world, file) = world(Options { needs_code: true, ..Options::default() }).await;
    let left = login(&file, &["--request-code"], "").await;
    ended(&left, 0, &["a code comes by e-mail", "login --code CODE"]);
    let bad = wrong(&world.cloud.mailed_code().unwrap());
    for _ in 0..3 {
        ended(&login(&file, &["--code", &bad], "").await, 1, &["the code is wrong"]);
    }
    let good = world.cloud.mailed_code().unwrap();
    ended(&login(&file, &["--code", &good], "").await, 1, &["too many attempts"]);
    assert_eq!(world.cloud.rest().asked(Endpoint::Login), 3, "the fourth was not sent");
}

#[tokio::test]
async fn a_code_asked_for_in_one_run_is_given_in_the_next() {
    let (world, file) = bare(Options { needs_code: true, ..Options::default() }).await;
    ended(&login(&file, &[], "").await, 77, &["password", "--request-code", "--token"]);
    ended(&login(&file, &["--code", "123456"], "").await, 1, &["expired", "--request-code"]);
    let password = format!("{}\n", world.cloud.settings().password);
    ended(&login(&file, &[], &password).await, 77, &["code that was sent by e-mail", "--code CODE"]);
    let code = world.cloud.mailed_code().unwrap();
    let left = login(&file, &["--code", &code], "").await;
    works(&world, &file, &left).await;
    ended(&login(&file, &["--code", &code], "").await, 1, &["expired or was used"]);
    ended(&login(&file, &["--code", "12ab"], "").await, 1, &["digits only"]);
}

#[tokio::test]
async fn an_account_without_a_password_gets_a_code() {
    let (world, file) = bare(Options { needs_code: true, ..Options::default() }).await;
    let mut program = Program::start_open(&["login", "-c", &file], &[]);
    program.types("").await;
    program.says("a code by e-mail").await;
    program.types(&world.cloud.mailed_code().unwrap()).await;
    let left = program.end().await;
    works(&world, &file, &left).await;
    assert_eq!(asked(&world)[..2], [Endpoint::MailCode, Endpoint::Login]);
}

#[tokio::test]
async fn a_phone_account_in_china_gets_a_text_message() {
    let phone = "13800000000".to_owned();
    let (world, _) = world(Options { needs_code: true, account: phone.clone(), ..Options::default() }).await;
    let file = world.write(&world.configuration(NO_BROKER, &json!({"bambu": {"region": "china"}})));
    let mut program = Program::start_open(&["login", "-c", &file], &[]);
    program.says("Bambu Lab sends you a code by text message").await;
    program.types(&world.cloud.mailed_code().unwrap()).await;
    let left = program.end().await;
    works(&world, &file, &left).await;
    assert_eq!(asked(&world)[..3], [Endpoint::Login, Endpoint::SmsCode, Endpoint::Login]);
    assert_eq!(world.cloud.rest().asked(Endpoint::MailCode), 0);
}

fn authenticator() -> Options {
    Options { authenticator: true, ..Options::default() }
}

#[tokio::test]
async fn an_authenticator_is_asked_at_the_api_first() {
    let (world, file) = world(authenticator()).await;
    let code = world.cloud.totp();
    let left = login(&file, &["--totp", &code], "").await;
    works(&world, &file, &left).await;
    assert_eq!(asked(&world)[..3], [Endpoint::Login, Endpoint::TfaApi, Endpoint::Preference]);
}

#[tokio::test]
async fn an_authenticators_wrong_code_is_asked_again_and_no_reason_for_another_way() {
    let (world, file) = world(authenticator()).await;
    let (bad, good) = (wrong(&world.cloud.totp()), world.cloud.totp());
    let left = login(&file, &[], &format!("{bad}\nnonsense\n{good}\n")).await;
    works(&world, &file, &left).await;
    assert_eq!(
        asked(&world)[..4],
        [Endpoint::Login, Endpoint::TfaApi, Endpoint::TfaApi, Endpoint::Preference]
    );
    assert!(left.stderr.contains("authenticator's code is wrong or too old"), "{left:?}");

    let (world, file) = self::world(authenticator()).await;
    let bad = wrong(&world.cloud.totp());
    let left = login(&file, &[], &format!("{bad}\n{bad}\n{bad}\n{bad}\n")).await;
    ended(&left, 1, &["wrong or too old", "one by e-mail: --request-code"]);
    assert_eq!(asked(&world), [Endpoint::Login, Endpoint::TfaApi, Endpoint::TfaApi, Endpoint::TfaApi]);
    ended(&login(&file, &["--totp", &bad], "").await, 1, &["too many attempts"]);
    ended(&login(&file, &["--totp", "x"], "").await, 1, &["digits only"]);
    assert_eq!(world.cloud.rest().asked(Endpoint::TfaApi), 3);
}

#[tokio::test]
async fn an_authenticator_without_its_code_is_said() {
    let (world, file) = world(authenticator()).await;
    ended(&login(&file, &[], "").await, 77, &["the code of its authenticator", "--totp CODE"]);
    assert_eq!(asked(&world), [Endpoint::Login]);
}

#[tokio::test]
async fn where_the_api_does_not_know_authenticators_the_web_is_asked() {
    for failure in [Failure::Missing, Failure::Forbidden, Failure::Page, Failure::Empty, Failure::Challenge] {
        let (world, file) = world(authenticator()).await;
        world.cloud.rest().fail(Endpoint::TfaApi, failure.clone());
        // A missing half of the protection is no verdict about the code.
        if failure == Failure::Missing {
            world.cloud.rest().fail_next(Endpoint::TfaWeb, Failure::Csrf);
        }
        let code = world.cloud.totp();
        let left = login(&file, &["--totp", &code], "").await;
        let expected: &[Endpoint] = if failure == Failure::Missing {
            &[
                Endpoint::Login,
                Endpoint::TfaApi,
                Endpoint::Csrf,
                Endpoint::TfaWeb,
                Endpoint::Csrf,
                Endpoint::TfaWeb,
            ]
        } else {
            &[Endpoint::Login, Endpoint::TfaApi, Endpoint::Csrf, Endpoint::TfaWeb]
        };
        assert_eq!(&asked(&world)[..expected.len()], expected, "{failure:?}");
        if failure == Failure::Challenge {
            // Who it is has to wait until the challenge is over.
            ended(&left, 0, &["logged in, and the token is kept", "Cloudflare"]);
        } else {
            works(&world, &file, &left).await;
        }
    }
}

#[tokio::test]
async fn where_no_way_takes_the_authenticator_a_code_is_sent() {
    for (failure, posts) in [(Failure::Challenge, 1), (Failure::Csrf, 2), (Failure::Forbidden, 1)] {
        let (world, file) = world(authenticator()).await;
        world.cloud.rest().fail(Endpoint::TfaApi, Failure::Missing);
        world.cloud.rest().fail(Endpoint::TfaWeb, failure.clone());
        let code = world.cloud.totp();
        let mut program = Program::start_open(&["login", "--totp", &code, "-c", &file], &[]);
        program.says("going on with a code that is sent").await;
        program.says("Bambu Lab sends you a code by e-mail").await;
        assert_eq!(world.cloud.rest().asked(Endpoint::TfaWeb), posts, "{failure:?}");
        program.types(&world.cloud.mailed_code().unwrap()).await;
        let left = program.end().await;
        works(&world, &file, &left).await;
    }
    // The same by choice of the person.
    let (world, file) = world(authenticator()).await;
    ended(&login(&file, &[], "\n").await, 77, &["--code CODE"]);
    assert_eq!(asked(&world), [Endpoint::Login, Endpoint::MailCode]);
}

#[tokio::test]
async fn a_token_is_pasted_by_argument_pipe_file_and_environment() {
    let (world, file) = bare(Options::default()).await;
    let token = world.cloud.settings().token.clone();
    let paper = world.folder.path().join("token.txt");
    std::fs::write(&paper, format!("token={token}; other=1\n")).unwrap();
    let paper = paper.display().to_string();
    let state = world.folder.path().join("state");
    let piped = format!("\"{token}\"\n");
    let ways = [
        (&["--token", &token][..], "", None),
        (&["--token", "-"], &piped, None),
        (&["--token-file", &paper], "", None),
        (&[], "", Some(("BAMBU2MQTT_LOGIN_TOKEN", token.as_str()))),
    ];
    for (arguments, input, environment) in ways {
        let mut all = vec!["login", "-c", &file];
        all.extend(arguments);
        let left = Program::start_with(&all, Some(input), environment.as_slice()).end().await;
        works(&world, &file, &left).await;
        assert!(left.stdout.contains("lasts until 20"), "{left:?}");
        std::fs::remove_dir_all(&state).unwrap();
    }
    assert_eq!(world.cloud.rest().asked(Endpoint::Login), 0);
    assert_eq!(world.cloud.rest().asked(Endpoint::Preference), 4, "once for each");
}

#[tokio::test]
async fn a_token_that_the_cloud_does_not_know_does_not_replace_one_that_works() {
    let (world, file) = world(Options::default()).await;
    works(&world, &file, &login(&file, &[], "").await).await;
    let left = login(&file, &["--token", "AAwrong"], "").await;
    ended(&left, 1, &["does not accept this token", "copy it anew"]);
    assert!(!left.stderr.contains("AAwrong"), "{left:?}");
    // Claims an end in 2001.
    let old = "e30.eyJ1c2VybmFtZSI6InVfMSIsImV4cCI6MTAwMDAwMDAwMH0.c2ln";
    ended(&login(&file, &["--token", old], "").await, 1, &["it has ended"]);
    ended(&login(&file, &["--token", "two words"], "").await, 1, &["no access token", "docs/cloud.md"]);
    ended(&login(&file, &["--token-file", "/nowhere/token"], "").await, 1, &["/nowhere/token"]);
    world.cloud.rest().fail_next(Endpoint::Preference, Failure::Fault(None));
    let token = world.cloud.settings().token.clone();
    ended(&login(&file, &["--token", &token], "").await, 69, &["fault of its own"]);
    let listed = Program::start(&["printers", "-c", &file]).end().await;
    assert_eq!(listed.code, Some(0), "{listed:?}");
    assert_eq!(world.cloud.rest().asked(Endpoint::Login), 1);
}

#[tokio::test]
async fn each_failure_has_a_cause_a_next_step_and_an_exit_code() {
    let cases: [(Failure, i32, &[&str]); 14] = [
        (Failure::Challenge, 69, &["Cloudflare", "browser on this network", "quarter of an hour"]),
        (Failure::ChallengeHeader, 69, &["Cloudflare"]),
        (Failure::Json(418, json!({})), 69, &["Cloudflare"]),
        (Failure::TooMany(None), 69, &["fewer requests", "in a few minutes"]),
        (Failure::TooMany(Some(90)), 69, &["fewer requests", "1m 30s"]),
        (Failure::Maintenance, 69, &["maintenance", "status 502"]),
        (Failure::Page, 69, &["something else than data", "status 200"]),
        (Failure::Empty, 69, &["is empty"]),
        (Failure::Cut, 69, &["broke off", "check the network"]),
        (Failure::Fault(None), 69, &["fault of its own", "status 500"]),
        (Failure::Redirect, 69, &["redirects", "bambu.api_url"]),
        (Failure::Flood, 69, &["too long", "bambu.api_url"]),
        (Failure::Forbidden, 1, &["refused the account name or password", "Resource forbidden"]),
        (Failure::Json(200, json!({"loginType": "passkey"})), 1, &["`passkey`", "--token -"]),
    ];
    for (failure, code, parts) in cases {
        let (world, file) = world(Options::default()).await;
        world.cloud.rest().fail(Endpoint::Login, failure.clone());
        let left = login(&file, &[], "").await;
        ended(&left, code, parts);
        silent(&world, &left);
        assert_eq!(asked(&world), [Endpoint::Login], "{failure:?} is not tried again");
    }
}

#[tokio::test]
async fn a_wrong_password_is_sent_once_and_a_restart_loop_stops() {
    let (world, _) = world(Options::default()).await;
    let wrong = json!({"bambu": {"password": "wrong-password-4711"}});
    let file = world.write(&world.configuration(NO_BROKER, &wrong));
    for _ in 0..3 {
        let left = login(&file, &[], "").await;
        ended(&left, 1, &["refused the account name or password", "region"]);
        assert!(!left.stderr.contains("4711"), "{left:?}");
    }
    ended(&login(&file, &[], "").await, 1, &["too many attempts"]);
    ended(&Program::start(&["printers", "-c", &file]).end().await, 69, &["too many attempts"]);
    assert_eq!(asked(&world), [Endpoint::Login; 3]);
}

#[tokio::test]
async fn a_code_that_cannot_be_sent_is_explained() {
    for (failure, code, part) in [
        (Failure::Json(400, json!({"code": 2, "error": "Incorrect account"})), 1, "sends no code"),
        (Failure::Challenge, 69, "Cloudflare"),
        (Failure::TooMany(Some(60)), 69, "try again in 1m"),
        (Failure::Maintenance, 69, "maintenance"),
    ] {
        let (world, file) = world(Options { needs_code: true, ..Options::default() }).await;
        world.cloud.rest().fail(Endpoint::MailCode, failure);
        ended(&login(&file, &["--request-code"], "").await, code, &[part]);
        assert_eq!(asked(&world), [Endpoint::MailCode]);
    }
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_told_once() {
    let (world, file) = world(Options::default()).await;
    world.cloud.rest().tell_time(Some("Wed, 21 Oct 2015 07:28:00 GMT".to_owned()));
    let left = login(&file, &[], "").await;
    works(&world, &file, &left).await;
    let said = left.stderr.matches("the clock of this machine is").count();
    assert_eq!(said, 1, "two answers, one word: {left:?}");
    assert!(left.stderr.contains("ahead of the Bambu cloud's") && left.stderr.contains("NTP"), "{left:?}");
}

#[tokio::test]
async fn one_of_several_accounts_is_named_or_numbered() {
    let (world, _) = world(Options { needs_code: true, ..Options::default() }).await;
    let mut other = world.address();
    other["account"] = "other@example.com".into();
    let mut mine = world.address();
    mine["account"] = world.cloud.settings().account.clone().into();
    let document = world.configuration(NO_BROKER, &Value::Null);
    let mut document = document;
    document["bambu"] = json!([other, mine]);
    let file = world.write(&document);
    let left = login(&file, &["--request-code"], "").await;
    ended(&left, 2, &["--account", "other@example.com", "demo@example.com"]);
    ended(&login(&file, &["--account", "third@x.y"], "").await, 2, &["no account `third@x.y`"]);
    assert_eq!(asked(&world), []);
    for name in ["DEMO@example.com", "2"] {
        ended(&login(&file, &["--account", name, "--request-code"], "").await, 0, &["a code comes by"]);
    }
    let code = world.cloud.mailed_code().unwrap();
    let left = login(&file, &["--account", "2", "--code", &code], "").await;
    ended(&left, 0, &["logged in as demo@example.com"]);
    // An account that the cloud does not know gets no code.
    ended(&login(&file, &["--account", "1", "--request-code"], "").await, 1, &["sends no code"]);
}

#[tokio::test]
async fn what_contradicts_itself_is_wrong_usage() {
    let (world, file) = world(Options::default()).await;
    for arguments in [
        &["--code", "1", "--totp", "1"][..],
        &["--token", "a", "--token-file", "b"],
        &["--request-code", "--code", "1"],
        &["--token"],
    ] {
        assert_eq!(login(&file, arguments, "").await.code, Some(2), "{arguments:?}");
    }
    assert_eq!(asked(&world), []);
}

#[tokio::test]
async fn an_account_without_a_name_is_told_the_way_that_it_has() {
    let (world, _) = world(Options::default()).await;
    let own = json!({"bambu": {"account": null, "password": null, "token": world.cloud.settings().token}});
    let file = world.write(&world.configuration(NO_BROKER, &own));
    ended(&login(&file, &[], "").await, 0, &["`bambu2mqtt login --token -` takes another token"]);
    world.cloud.revoke_token();
    let listed = Program::start(&["printers", "-c", &file]).end().await;
    assert_eq!(listed.code, Some(77), "{listed:?}");
    ended(&login(&file, &[], "").await, 77, &["has run out", "`bambu2mqtt login --token -`"]);
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_system_without_certificate_authorities_is_told_what_to_install() {
    // Where the certificate store is looked for; nothing else is looked at then.
    let empty = [("SSL_CERT_FILE", "/nowhere"), ("SSL_CERT_DIR", "/nowhere")];
    let (world, own_root) = world(Options::default()).await;
    let left = Program::start_with(&["login", "-c", &own_root], Some(""), &empty).end().await;
    ended(&left, 0, &["logged in as"]);

    let asked_before = asked(&world).len();
    let no_root = world.write(&world.configuration(NO_BROKER, &json!({"bambu": {"ca_file": null}})));
    let left = Program::start_with(&["login", "-c", &no_root], Some(""), &empty).end().await;
    ended(&left, 1, &["no certificate authorities to trust", "install the package ca-certificates"]);
    assert_eq!(asked(&world).len(), asked_before);
}
