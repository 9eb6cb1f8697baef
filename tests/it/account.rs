//! The life of a login as people see it: it ends, it is renewed, from the dashboard or a shell, and nothing needs
//! a restart. Several accounts in one gateway, and printers that come and go.

use bambu2mqtt::service::Signal;
use serde_json::{Value, json};
use simulator::{Endpoint, Failure, Options};

use crate::gateway::login;
use crate::support::world::{Eyes, Gateway, Line, Program, World, parse, soon};
use crate::support::{Broker, Kind};

const ACCOUNT: &str = "bambu2mqtt/bridge/account";
const BUTTON: &str = "bambu2mqtt/bridge/request_code";
const CODE: &str = "bambu2mqtt/bridge/login_code";
const REFRESH: &str = "bambu2mqtt/bridge/refresh_printers";

/// How fast the gateway's clock runs where minutes have to pass.
const FAST: u32 = 10;

async fn town() -> (World, Broker, Eyes) {
    with(Options::default()).await
}

async fn with(options: Options) -> (World, Broker, Eyes) {
    let world = World::with(options).await;
    let broker = Broker::start(Kind::Embedded).await;
    let eyes = Eyes::open(broker.port).await;
    (world, broker, eyes)
}

/// The account's name and a token, but no password.
fn token_only(world: &World) -> Value {
    json!({"bambu": {"password": null, "token": world.cloud.settings().token}})
}

/// A command reaches the printer, and its report comes back. With a fast clock an answer may count as late, and
/// a printer that has just come back may not be ready yet: then it is given again.
async fn obeys(eyes: &Eyes, topic: &str, value: &str) {
    let mut results = Vec::new();
    for _ in 0..20 {
        let mark = eyes.mark();
        eyes.publish(&format!("{topic}/set"), value);
        let result = eyes
            .until("a result", |seen| {
                let mut told =
                    seen.messages.iter().skip(mark).filter(|(t, _)| *t == format!("{topic}/result"));
                told.find(|(_, result)| !result.contains("accepted")).map(|(_, result)| result.clone())
            })
            .await;
        if result.contains("confirmed") || eyes.look(|seen| seen.is(topic, value)) {
            return;
        }
        results.push(result);
        // Until it says something: what it answered before was by then known to be old.
        let device = topic.trim_end_matches("bed_target");
        eyes.until("a report", |seen| {
            let mut later = seen.messages.iter().skip(mark).filter(|(t, _)| !t.starts_with(topic));
            later.find(|(t, _)| t.starts_with(device)).map(drop)
        })
        .await;
    }
    panic!("{topic} is not obeyed: {results:#?}");
}

/// The account's attributes say this, in words for people.
async fn explains(eyes: &Eyes, attribute: &str, part: &str) {
    eyes.until(&format!("`{part}` as {attribute}"), |seen| {
        let told: Value = serde_json::from_str(seen.values.get(&format!("{ACCOUNT}/attributes"))?).unwrap();
        told[attribute].as_str().filter(|words| words.contains(part)).map(drop)
    })
    .await;
}

#[tokio::test]
async fn a_lapsed_login_is_renewed_from_the_dashboard_and_nothing_secret_is_left_anywhere() {
    let (world, broker, eyes) = town().await;
    let mut document = world.configuration(broker.port, &token_only(&world));
    document["log"] = json!({"level": "trace"});
    let file = world.write(&document);
    let mut program = Program::start(&["run", "-c", &file]);
    eyes.holds("bambu2mqtt/bridge/printers_online", "3").await;
    eyes.holds(ACCOUNT, "connected").await;
    eyes.holds("bambu2mqtt/bridge/login_problem", "OFF").await;

    world.cloud.revoke_token();
    eyes.holds(ACCOUNT, "needs_login").await;
    eyes.holds("bambu2mqtt/bridge/login_problem", "ON").await;
    explains(&eyes, "reason", "before it was expected to").await;
    explains(&eyes, "next_step", "Request login code").await;
    program.says("the account needs a login").await;
    let event = eyes.hears(0, "bambu2mqtt/bridge/event/account", "needs_login").await;
    let event: Value = serde_json::from_str(&event).unwrap();
    assert_eq!((&event["event_type"], &event["account"]), (&json!("needs_login"), &json!(1)));
    // What was last known stays to be read, and says that it is old.
    let x1c = format!("bambu2mqtt/{}", world.serials()[0]);
    eyes.holds(&format!("{x1c}/availability"), "online").await;
    eyes.holds(&format!("{x1c}/stale"), "ON").await;
    // What the cloud said of it is no news any more.
    eyes.holds(&format!("{x1c}/cloud_online"), "None").await;
    let before = (world.rest.connections(), world.mqtt.connections());

    eyes.order(BUTTON, "PRESS", "confirmed").await;
    eyes.holds(ACCOUNT, "code_required").await;
    let wrong = if world.cloud.mailed_code().unwrap() == "000001" { "000002" } else { "000001" };
    world.keep_secret("wrong code", wrong);
    let refused = eyes.order(CODE, wrong, "failed").await;
    assert!(refused.contains("wrong") && !refused.contains(wrong), "{refused}");
    explains(&eyes, "reason", "wrong").await;
    eyes.holds(ACCOUNT, "code_required").await;
    eyes.order(CODE, "not a code", "refused").await;

    world.cloud.expire_code();
    let expired = eyes.order(CODE, wrong, "failed").await;
    assert!(expired.contains("expired"), "{expired}");
    explains(&eyes, "next_step", "sends a new one").await;
    assert_eq!(world.mqtt.connections(), before.1, "the broker is left alone");
    eyes.order(BUTTON, "PRESS", "confirmed").await;
    let code = world.cloud.mailed_code().unwrap();
    let mark = eyes.mark();
    eyes.order(CODE, &code, "confirmed").await;
    eyes.hears(mark, CODE, "None").await;
    eyes.holds(ACCOUNT, "connected").await;
    eyes.holds("bambu2mqtt/bridge/cloud", "ON").await;
    eyes.holds(&format!("{x1c}/stale"), "OFF").await;
    obeys(&eyes, &format!("{x1c}/bed_target"), "57").await;
    eyes.until("its end", |seen| {
        seen.values.get("bambu2mqtt/bridge/token_expires").filter(|end| end.ends_with('Z')).map(drop)
    })
    .await;

    program.signal("TERM");
    let left = program.end().await;
    assert_eq!(left.code, Some(0), "{left:?}");
}

#[tokio::test]
async fn with_a_password_only_the_code_is_asked_for_and_only_once() {
    let (world, broker, eyes) = with(Options { needs_code: true, ..Options::default() }).await;
    let token = json!({"bambu": {"token": world.cloud.settings().token}});
    let gateway = Gateway::start(&world.configuration(broker.port, &token));
    eyes.holds(ACCOUNT, "connected").await;
    let asked = || (world.cloud.rest().asked(Endpoint::Login), world.cloud.rest().asked(Endpoint::MailCode));
    assert_eq!(asked(), (0, 0));
    world.cloud.revoke_token();
    eyes.holds(ACCOUNT, "code_required").await;
    eyes.until("a code", |_| world.cloud.mailed_code()).await;
    assert_eq!(asked(), (1, 1));
    eyes.order(CODE, &world.cloud.mailed_code().unwrap(), "confirmed").await;
    eyes.holds(ACCOUNT, "connected").await;
    eyes.holds("bambu2mqtt/bridge/printers_online", "3").await;
    assert_eq!(asked(), (2, 1));
    gateway.stop().await;
}

#[tokio::test]
async fn an_authenticators_code_is_typed_into_the_same_field() {
    let (world, broker, eyes) = with(Options { authenticator: true, ..Options::default() }).await;
    let gateway = Gateway::start(&world.configuration(broker.port, &Value::Null));
    eyes.holds(ACCOUNT, "code_required").await;
    explains(&eyes, "reason", "authenticator").await;
    eyes.order(CODE, &world.cloud.totp(), "confirmed").await;
    eyes.holds(ACCOUNT, "connected").await;
    gateway.stop().await;
}

#[tokio::test]
async fn an_authenticators_code_is_taken_long_after_the_login_was_begun() {
    use simulator::Endpoint;
    let (world, broker, eyes) = with(Options { authenticator: true, ..Options::default() }).await;
    let document = world.configuration(broker.port, &Value::Null);
    let gateway = Gateway::start(&document);
    eyes.holds(ACCOUNT, "code_required").await;
    gateway.stop().await;
    // Nothing is begun again before there is a code to end it with.
    let mark = eyes.mark();
    let gateway = Gateway::start(&document);
    eyes.hears(mark, ACCOUNT, "code_required").await;
    assert_eq!(world.cloud.rest().asked(Endpoint::Login), 1);
    let wrong = if world.cloud.totp() == "000001" { "000002" } else { "000001" };
    let refused = eyes.order(CODE, wrong, "failed").await;
    assert!(refused.contains("authenticator"), "{refused}");
    explains(&eyes, "next_step", "the authenticator's next code").await;
    // Each attempt has a login of its own: nobody says for how many codes one is good.
    eyes.order(CODE, &world.cloud.totp(), "confirmed").await;
    eyes.holds(ACCOUNT, "connected").await;
    assert_eq!(world.cloud.rest().asked(Endpoint::Login), 3);
    gateway.stop().await;
}

#[tokio::test]
async fn a_login_at_a_shell_is_seen_without_a_signal() {
    let (world, broker, eyes) = town().await;
    let document = world.configuration(broker.port, &json!({"bambu": {"password": null}}));
    let gateway = Gateway::at_speed(&document, None, FAST);
    eyes.holds(ACCOUNT, "needs_login").await;
    let file = world.write(&document);
    let input = format!("{}\n", world.cloud.settings().password);
    let left = Program::start_with(&["login", "-c", &file], Some(&input), &[]).end().await;
    assert_eq!(left.code, Some(0), "{left:?}");
    eyes.holds(ACCOUNT, "connected").await;
    eyes.holds("bambu2mqtt/bridge/printers_online", "3").await;
    gateway.stop().await;
}

#[tokio::test]
async fn a_new_token_in_its_file_is_seen_and_a_bad_one_changes_nothing() {
    let (world, broker, eyes) = town().await;
    let path = world.folder.path().join("token.txt");
    std::fs::write(&path, &world.cloud.settings().token).unwrap();
    let own = json!({"bambu": {"account": null, "password": null, "token_file": path}});
    let gateway = Gateway::at_speed(&world.configuration(broker.port, &own), None, FAST);
    eyes.holds(ACCOUNT, "connected").await;
    // Nobody can be sent a code whose name is not known.
    let config = eyes.look(|seen| seen.config("bambu2mqtt_bridge").unwrap());
    assert!(config["components"].get("text_login_code").is_none());
    world.cloud.revoke_token();
    eyes.holds(ACCOUNT, "needs_login").await;
    explains(&eyes, "next_step", "bambu.token").await;
    let replace = |token: &str| {
        let new = path.with_extension("new");
        std::fs::write(&new, format!("{token}\n")).unwrap();
        std::fs::rename(&new, &path).unwrap();
    };
    replace(&login(&world).await);
    eyes.holds(ACCOUNT, "connected").await;
    let mark = eyes.mark();
    replace("no-token-at-all");
    eyes.until("the question what it is worth", |_| {
        world.cloud.rest().asked(Endpoint::Preference).gt(&2).then_some(())
    })
    .await;
    obeys(&eyes, &format!("bambu2mqtt/{}/bed_target", world.serials()[0]), "51").await;
    eyes.look(|seen| {
        let said: Vec<_> = seen.messages.iter().skip(mark).filter(|(topic, _)| topic == ACCOUNT).collect();
        assert!(said.iter().all(|(_, state)| state == "connected"), "{said:?}");
    });
    gateway.stop().await;
}

#[tokio::test]
async fn a_start_while_rest_is_down_has_the_printers_of_the_last_run() {
    let (world, broker, eyes) = town().await;
    let document = world.configuration(broker.port, &Value::Null);
    let gateway = Gateway::start(&document);
    eyes.holds("bambu2mqtt/bridge/printers_online", "3").await;
    gateway.stop().await;
    world.cloud.rest().fail_all(Failure::Fault(None));
    let mark = eyes.mark();
    let gateway = Gateway::start(&document);
    eyes.hears(mark, "bambu2mqtt/bridge/printers_online", "3").await;
    eyes.holds(ACCOUNT, "connected").await;
    eyes.order(&format!("bambu2mqtt/{}/bed_target", world.serials()[0]), "51", "confirmed").await;
    gateway.stop().await;
}

/// The one file in the state directory whose name begins so.
fn state_file(world: &World, start: &str) -> Option<std::path::PathBuf> {
    let files = std::fs::read_dir(world.folder.path().join("state")).ok()?;
    let mut files = files.map(|file| file.unwrap().path());
    files.find(|path| path.file_name().unwrap().to_str().unwrap().starts_with(start))
}

#[tokio::test]
async fn a_warning_that_is_due_before_the_local_broker_is_there_is_told_when_it_is_and_once() {
    let (world, broker, eyes) = town().await;
    let mut document = world.configuration(broker.port, &Value::Null);
    let gateway = Gateway::start(&document);
    eyes.holds(ACCOUNT, "connected").await;
    gateway.stop().await;
    let path = state_file(&world, "token-").unwrap();
    let mut kept: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let obtained: jiff::Timestamp = kept["obtained_at"].as_str().unwrap().parse().unwrap();
    kept["expires_at"] = json!((obtained + jiff::SignedDuration::from_hours(100)).to_string());
    std::fs::write(&path, kept.to_string()).unwrap();

    // A broker that comes later than the cloud.
    let later = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    document["mqtt"]["url"] = json!(format!("mqtt://{later}"));
    let before = world.mqtt.connections();
    let gateway = Gateway::start(&document);
    soon("the cloud's connection", async {
        while world.mqtt.connections() == before {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    })
    .await;
    assert!(state_file(&world, "warned-").is_none(), "nobody has heard of it yet");
    let mark = eyes.mark();
    let listener = tokio::net::TcpListener::bind(later).await.unwrap();
    let line = tokio::spawn(async move {
        let (mut outside, _) = listener.accept().await.unwrap();
        let mut inside = tokio::net::TcpStream::connect(("127.0.0.1", broker.port)).await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
        broker
    });
    let event = eyes.hears(mark, "bambu2mqtt/bridge/event/account", "expiring").await;
    assert_eq!(serde_json::from_str::<Value>(&event).unwrap()["days_left"], 4);
    soon("a note of it", async {
        while state_file(&world, "warned-").is_none() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    })
    .await;
    gateway.stop().await;
    let broker = line.await.unwrap();

    let mark = eyes.mark();
    let gateway = Gateway::start(&world.configuration(broker.port, &Value::Null));
    eyes.hears(mark, ACCOUNT, "token_expiring").await;
    eyes.hears(mark, "bambu2mqtt/bridge/printers_online", "3").await;
    gateway.stop().await;
    eyes.look(|seen| {
        let mut later = seen.messages.iter().skip(mark);
        assert!(later.all(|(topic, _)| topic != "bambu2mqtt/bridge/event/account"), "told once");
    });
}

#[tokio::test]
async fn a_token_of_the_configuration_needs_no_rest_once_the_cloud_has_said_whose_it_is() {
    use simulator::{Endpoint, Failure};
    let (world, broker, eyes) = town().await;
    let own = json!({"bambu": {"account": null, "password": null, "token": world.cloud.settings().token}});
    let document = world.configuration(broker.port, &own);
    let gateway = Gateway::start(&document);
    eyes.holds("bambu2mqtt/bridge/printers_online", "3").await;
    // Nobody says how long it lasts, so three months are assumed from the first sight of it.
    let end = eyes
        .until("its end", |seen| {
            seen.values.get("bambu2mqtt/bridge/token_expires").filter(|end| end.ends_with('Z')).cloned()
        })
        .await;
    gateway.stop().await;
    let asked = world.cloud.rest().asked(Endpoint::Preference);
    world.cloud.rest().fail_all(Failure::Unauthorised);
    let mark = eyes.mark();
    let gateway = Gateway::start(&document);
    eyes.hears(mark, "bambu2mqtt/bridge/printers_online", "3").await;
    eyes.hears(mark, "bambu2mqtt/bridge/token_expires", &end).await;
    eyes.holds(ACCOUNT, "connected").await;
    eyes.order(&format!("bambu2mqtt/{}/bed_target", world.serials()[0]), "51", "confirmed").await;
    assert_eq!(world.cloud.rest().asked(Endpoint::Preference), asked, "it is known whose it is");
    gateway.stop().await;
}

#[tokio::test]
async fn a_start_that_cannot_ask_whose_token_it_is_shows_no_old_values_as_live() {
    use simulator::Failure;
    let (world, broker, eyes) = town().await;
    let own = |token: &str| {
        let own = json!({"bambu": {"account": null, "password": null, "token": token}});
        world.configuration(broker.port, &own)
    };
    let gateway = Gateway::start(&own(&world.cloud.settings().token));
    eyes.holds("bambu2mqtt/bridge/printers_online", "3").await;
    gateway.stop().await;
    let document = own(&login(&world).await);
    world.cloud.rest().fail_all(Failure::Fault(None));
    let mark = eyes.mark();
    let gateway = Gateway::start(&document);
    let x1c = format!("bambu2mqtt/{}", world.serials()[0]);
    eyes.hears(mark, &format!("{x1c}/availability"), "offline").await;
    eyes.holds("bambu2mqtt/bridge/printers", "3").await;
    gateway.stop().await;
}

/// A second account that has the same printers: the same seed makes the same ones.
async fn neighbours() -> (World, World, Broker, Eyes, Value) {
    let (first, broker, eyes) = town().await;
    let second = World::with(Options { account: "second@example.com".into(), ..Options::default() }).await;
    assert_eq!(first.serials(), second.serials());
    let mut document = first.configuration(broker.port, &Value::Null);
    let settings = second.cloud.settings();
    let mut other = second.address();
    other["account"] = json!(settings.account);
    other["token"] = json!(settings.token);
    let own = document["bambu"].take();
    document["bambu"] = json!([own, other]);
    (first, second, broker, eyes, document)
}

/// Starts a gateway with both accounts, so that the printers are heard through `chosen`: when they come, the list
/// of `other` cannot be read yet. Returns when both lists were read.
async fn heard_through(chosen: &World, other: &World, eyes: &Eyes, document: &Value) -> Gateway {
    other.cloud.rest().fail(Endpoint::Devices, Failure::Fault(None));
    let gateway = Gateway::at_speed(document, None, FAST);
    eyes.holds("bambu2mqtt/bridge/printers_online", "3").await;
    assert_eq!(chosen.cloud.connections(), 1);
    other.cloud.rest().heal();
    let state = document["state_dir"].as_str().unwrap();
    eyes.until("both lists", |_| {
        let files = std::fs::read_dir(state).unwrap().map(|file| file.unwrap().file_name());
        let lists = files.filter(|name| name.to_string_lossy().starts_with("printers-"));
        (lists.count() == 2).then_some(())
    })
    .await;
    eyes.holds(ACCOUNT, "connected").await;
    eyes.holds("bambu2mqtt/bridge/account_2", "connected").await;
    eyes.holds("bambu2mqtt/bridge/cloud", "ON").await;
    eyes.holds("bambu2mqtt/bridge/printers", "3").await;
    gateway
}

#[tokio::test]
async fn a_printer_in_two_accounts_is_there_once_and_moves_without_a_gap() {
    let (first, second, _broker, eyes, document) = neighbours().await;
    let gateway = heard_through(&first, &second, &eyes, &document).await;
    let serial = first.serials()[0].clone();
    let x1c = format!("bambu2mqtt/{serial}");
    let mark = eyes.mark();
    first.cloud.unbind(&serial);
    // Until the account that had it has looked.
    let looks = first.cloud.rest().asked(Endpoint::Devices);
    while first.cloud.rest().asked(Endpoint::Devices) == looks {
        look_for_printers(&eyes).await;
    }
    // Through the second account from here on.
    eyes.hears(mark, &format!("{x1c}/stale"), "ON").await;
    eyes.holds(&format!("{x1c}/stale"), "OFF").await;
    obeys(&eyes, &format!("{x1c}/bed_target"), "52").await;
    eyes.look(|seen| {
        for (topic, payload) in seen.messages.iter().skip(mark) {
            assert!(!(topic.contains(&serial) && payload.is_empty()), "{topic} was taken away");
            assert!(!(*topic == format!("{x1c}/availability") && payload == "offline"), "it was never gone");
        }
    });
    eyes.holds("bambu2mqtt/bridge/printers", "3").await;

    // Trouble of one account is its own.
    second.cloud.revoke_token();
    eyes.holds("bambu2mqtt/bridge/account_2", "needs_login").await;
    eyes.holds(ACCOUNT, "connected").await;
    eyes.holds(&format!("{x1c}/stale"), "ON").await;
    obeys(&eyes, &format!("bambu2mqtt/{}/bed_target", first.serials()[1]), "53").await;
    renew_second(&eyes, &second).await;
    // Every subscription is answered again.
    eyes.holds("bambu2mqtt/bridge/cloud", "ON").await;
    eyes.holds(&format!("{x1c}/stale"), "OFF").await;
    gateway.stop().await;
}

/// Renews the second account's login by a code.
async fn renew_second(eyes: &Eyes, second: &World) {
    eyes.order("bambu2mqtt/bridge/request_code_2", "PRESS", "confirmed").await;
    eyes.order("bambu2mqtt/bridge/login_code_2", &second.cloud.mailed_code().unwrap(), "confirmed").await;
    eyes.holds("bambu2mqtt/bridge/account_2", "connected").await;
}

#[tokio::test]
async fn a_printer_that_one_account_may_not_hear_any_more_is_heard_through_the_other() {
    let (first, second, _broker, eyes, document) = neighbours().await;
    let gateway = heard_through(&first, &second, &eyes, &document).await;
    let serial = first.serials()[0].clone();
    let x1c = format!("bambu2mqtt/{serial}");
    // The list that was read still has it; the broker knows better.
    first.cloud.unbind(&serial);
    first.cloud.drop_connections();
    eyes.holds(&format!("{x1c}/stale"), "ON").await;
    eyes.holds(&format!("{x1c}/stale"), "OFF").await;
    obeys(&eyes, &format!("{x1c}/bed_target"), "52").await;
    eyes.holds("bambu2mqtt/bridge/cloud", "ON").await;
    gateway.stop().await;
}

#[tokio::test]
async fn a_printer_comes_back_from_an_account_that_may_not_hear_it() {
    let (first, second, _broker, eyes, document) = neighbours().await;
    let gateway = heard_through(&second, &first, &eyes, &document).await;
    let serial = first.serials()[0].clone();
    let (x1c, a1) = (format!("bambu2mqtt/{serial}"), format!("bambu2mqtt/{}", first.serials()[1]));
    // Its list still has it, so it seems to be a way when the other one's login is gone.
    first.cloud.unbind(&serial);
    let mark = eyes.mark();
    second.cloud.revoke_token();
    eyes.holds("bambu2mqtt/bridge/account_2", "needs_login").await;
    eyes.hears(mark, &format!("{a1}/stale"), "ON").await;
    eyes.holds(&format!("{a1}/stale"), "OFF").await;
    eyes.holds(&format!("{x1c}/stale"), "ON").await;
    renew_second(&eyes, &second).await;
    eyes.holds(&format!("{x1c}/stale"), "OFF").await;
    obeys(&eyes, &format!("{x1c}/bed_target"), "52").await;
    gateway.stop().await;
}

#[tokio::test]
async fn a_printer_in_two_accounts_is_heard_on_the_one_that_the_broker_lets_in() {
    let (mut first, second, _broker, eyes, document) = neighbours().await;
    let serial = first.serials()[0].clone();
    second.cloud.unbind(&serial);
    let gateway = Gateway::at_speed(&document, None, FAST);
    eyes.holds("bambu2mqtt/bridge/printers_online", "3").await;
    eyes.holds(ACCOUNT, "connected").await;
    eyes.holds("bambu2mqtt/bridge/account_2", "connected").await;
    // It was the first account's before it was the other's as well.
    second.cloud.bind(&serial);
    look_for_printers(&eyes).await;
    let x1c = format!("bambu2mqtt/{serial}");
    // Its broker is gone for good, while its REST interface goes on.
    first.mqtt = Line::to(1).await;
    eyes.holds(ACCOUNT, "offline").await;
    eyes.holds(&format!("{x1c}/stale"), "ON").await;
    look_for_printers(&eyes).await;
    eyes.holds(&format!("{x1c}/stale"), "OFF").await;
    obeys(&eyes, &format!("{x1c}/bed_target"), "54").await;
    gateway.stop().await;
}

/// Presses the button until it is not too soon, and the cloud has answered.
async fn look_for_printers(eyes: &Eyes) {
    soon("a look for printers", async {
        loop {
            let mark = eyes.mark();
            eyes.publish(&format!("{REFRESH}/set"), "PRESS");
            let result = eyes
                .until("a result", |seen| {
                    let mut results =
                        seen.messages.iter().skip(mark).filter(|(t, _)| *t == format!("{REFRESH}/result"));
                    results.find(|(_, result)| !result.contains("accepted")).map(|(_, result)| result.clone())
                })
                .await;
            if result.contains("confirmed") {
                return;
            }
            assert!(result.contains("wait") || result.contains("moment ago"), "{result}");
        }
    })
    .await;
}

#[tokio::test]
async fn printers_come_and_go_and_change_their_names_while_it_runs() {
    let (world, broker, eyes) = town().await;
    let (first, last) = (world.serials()[0].clone(), world.serials()[2].clone());
    world.cloud.unbind(&last);
    let gateway = Gateway::at_speed(&world.configuration(broker.port, &Value::Null), None, FAST);
    eyes.holds("bambu2mqtt/bridge/printers_online", "2").await;
    let device =
        |seen: &crate::support::world::Seen, serial: &str| seen.config(&format!("bambu2mqtt_{serial}"));
    let ids = |config: &Value| -> Vec<String> {
        let all = config["components"].as_object().unwrap().values();
        all.map(|c| format!("{} {}", c["unique_id"], c["default_entity_id"])).collect()
    };
    let before = eyes.look(|seen| device(seen, &first).unwrap());

    world.cloud.bind(&last);
    world.cloud.rename(&first, "Cellar");
    look_for_printers(&eyes).await;
    eyes.holds("bambu2mqtt/bridge/printers_online", "3").await;
    let after = eyes
        .until("its new name", |seen| {
            device(seen, &first).filter(|config| config["device"]["name"] == "Cellar")
        })
        .await;
    assert_eq!(ids(&before), ids(&after), "the ids are for ever");

    // Gone after two lists that lack it, not after one.
    world.cloud.unbind(&last);
    look_for_printers(&eyes).await;
    eyes.look(|seen| assert!(device(seen, &last).is_some(), "one odd answer is none"));
    look_for_printers(&eyes).await;
    eyes.until("its end", |seen| (!seen.values.keys().any(|topic| topic.contains(&last))).then_some(()))
        .await;
    eyes.holds("bambu2mqtt/bridge/printers", "2").await;
    gateway.stop().await;
}

#[tokio::test]
async fn a_printer_that_changes_hands_keeps_its_entities_however_late_the_other_account_lists_it() {
    use simulator::{Endpoint, Failure};
    let (first, second, _broker, eyes, document) = neighbours().await;
    let serial = first.serials()[0].clone();
    second.cloud.unbind(&serial);
    let gateway = Gateway::at_speed(&document, None, FAST);
    eyes.holds("bambu2mqtt/bridge/printers_online", "3").await;
    eyes.holds("bambu2mqtt/bridge/account_2", "connected").await;
    let lists = |world: &World| world.cloud.rest().asked(Endpoint::Devices);
    let mark = eyes.mark();
    first.cloud.unbind(&serial);
    second.cloud.rest().fail(Endpoint::Devices, Failure::Fault(None));
    let (of_first, of_second) = (lists(&first), lists(&second));
    soon("two lists that lack it", async {
        while lists(&first) < of_first + 3 {
            let mark = eyes.mark();
            eyes.publish(&format!("{REFRESH}/set"), "PRESS");
            eyes.hears(mark, &format!("{REFRESH}/result"), "outcome").await;
        }
    })
    .await;
    assert!(lists(&second) > of_second, "and the second account was asked");
    second.cloud.bind(&serial);
    second.cloud.rest().heal();
    let x1c = format!("bambu2mqtt/{serial}");
    eyes.holds(&format!("{x1c}/stale"), "OFF").await;
    obeys(&eyes, &format!("{x1c}/bed_target"), "52").await;
    eyes.look(|seen| {
        for (topic, payload) in seen.messages.iter().skip(mark) {
            assert!(!(topic.contains(&serial) && payload.is_empty()), "{topic} was taken away");
        }
    });
    eyes.holds("bambu2mqtt/bridge/printers", "3").await;
    gateway.stop().await;
}

#[tokio::test]
async fn a_reload_touches_only_the_account_that_changed() {
    let (first, second, _broker, eyes, document) = neighbours().await;
    let mut alone = document.clone();
    let own = alone["bambu"][0].take();
    alone["bambu"] = own;
    let next = alone.clone();
    let mut gateway = Gateway::reloading(&document, Some(Box::new(move || Ok(parse(&next)))));
    eyes.holds("bambu2mqtt/bridge/account_2", "connected").await;
    eyes.holds("bambu2mqtt/bridge/printers_online", "3").await;
    let before = first.mqtt.connections();
    gateway.signal(Signal::Reload).await;
    assert!(gateway.ended_soon().await.is_none(), "no new start");
    eyes.until("the second account's end", |seen| {
        let left = seen.values.keys().any(|t| t.starts_with("bambu2mqtt/bridge/") && t.contains("_2"));
        (!left && second.cloud.connections() == 0).then_some(())
    })
    .await;
    eyes.holds(ACCOUNT, "connected").await;
    assert_eq!(first.mqtt.connections(), before, "the first goes on as it was");
    let config = eyes.look(|seen| seen.config("bambu2mqtt_bridge").unwrap());
    assert!(config["components"].get("sensor_account_2").is_none());
    gateway.stop().await;
}
