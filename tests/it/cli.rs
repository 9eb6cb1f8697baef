//! The program itself: what it prints, how it ends, and that it says what to do.

use std::fs;
use std::time::Duration;

use assert_cmd::Command;
use serde_json::{Value, json};

use crate::support::wire::refusing_port;
use crate::support::world::{Eyes, Left, Program, World, merge, run, soon};
use crate::support::{Broker, Kind};

/// For what talks to nobody.
fn bambu2mqtt() -> Command {
    let mut command = Command::cargo_bin("bambu2mqtt").unwrap();
    command.env_clear().env("PATH", "/usr/bin:/bin").env("TMPDIR", std::env::temp_dir());
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs with this configuration file, to an exit code and its messages.
fn with_file(content: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.yaml");
    fs::write(&path, content).unwrap();
    let output = bambu2mqtt().args(arguments).arg("-c").arg(&path).output().unwrap();
    (output.status.code(), text(&output.stderr))
}

const SUBCOMMANDS: [&str; 8] = ["run", "demo", "login", "check", "printers", "replay", "purge", "entities"];

#[test]
fn every_subcommand_has_help_and_the_program_a_version() {
    let help = bambu2mqtt().arg("--help").assert().code(0).get_output().clone();
    for name in SUBCOMMANDS {
        assert!(text(&help.stdout).contains(&format!("  {name} ")), "{name} is not listed");
        let own = bambu2mqtt().args([name, "--help"]).assert().code(0).get_output().clone();
        assert!(text(&own.stdout).contains("Usage: bambu2mqtt"), "{name}");
        assert!(own.stderr.is_empty(), "{name}");
    }
    let version = bambu2mqtt().arg("--version").assert().code(0).get_output().clone();
    assert_eq!(text(&version.stdout), format!("bambu2mqtt {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_usage_is_2_and_says_what_would_be_right() {
    for wrong in
        [&["fly"][..], &["demo", "--speed"], &["replay"], &["-v", "-q"], &["demo", "--duration", "soon"]]
    {
        let output = bambu2mqtt().args(wrong).assert().code(2).get_output().clone();
        let said = text(&output.stderr);
        assert!(said.starts_with("error: "), "{wrong:?}: {said}");
        assert!(output.stdout.is_empty(), "{wrong:?}");
    }
}

#[test]
fn a_typo_names_file_line_and_column() {
    let config = "bambu: {account: you@example.com}\nmqtt:\n  url: mqtt://127.0.0.1:1\n  usrname: me\n";
    for command in ["run", "check", "login", "printers", "purge"] {
        let (code, said) = with_file(config, &[command]);
        assert_eq!(code, Some(78), "{command}: {said}");
        assert!(said.starts_with("error: "), "{said}");
        for part in ["config.yaml line 4, column 3", "unknown field `usrname` in `mqtt`", "`username`"] {
            assert!(said.contains(part), "{command}: {part} is missing in {said}");
        }
    }
}

#[test]
fn all_that_makes_no_sense_is_said_at_once() {
    let config = "
bambu: {account: nobody}
mqtt: {url: 'http://127.0.0.1', base_topic: 'a/+/b'}
printers:
  - {serial: 01P00A000000001}
  - {serial: 01P00A000000001}
";
    let (code, said) = with_file(config, &["check"]);
    assert_eq!(code, Some(78), "{said}");
    for key in ["bambu.account", "mqtt.url", "mqtt.base_topic", "printers[1].serial"] {
        assert!(said.contains(&format!("config.yaml: {key}: ")), "{key} is missing in:\n{said}");
    }
    assert!(said.lines().all(|line| line.starts_with("error: ")), "{said}");
}

#[test]
fn no_configuration_says_where_one_is_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    let output = bambu2mqtt().arg("check").current_dir(&folder).assert().code(78).get_output().clone();
    let said = text(&output.stderr);
    for part in ["config.yaml", "/etc/bambu2mqtt/config.yaml", "-c FILE"] {
        assert!(said.contains(part), "{part} is missing in {said}");
    }
    let output =
        bambu2mqtt().args(["run", "-c", "/nowhere/at/all.yaml"]).assert().code(78).get_output().clone();
    assert!(text(&output.stderr).contains("/nowhere/at/all.yaml"));
}

#[test]
fn a_configuration_in_the_environment_is_enough() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.yaml");
    fs::write(&path, "bambu: {account: you@example.com}\nmqtt: {url: 'mqtt://127.0.0.1:1'}\n").unwrap();
    let output = bambu2mqtt()
        .arg("check")
        .env("BAMBU2MQTT_CONFIG", &path)
        .env("BAMBU2MQTT__MQTT__URL", "nonsense")
        .assert()
        .code(78)
        .get_output()
        .clone();
    assert!(
        text(&output.stderr).contains("BAMBU2MQTT__MQTT__URL") || text(&output.stderr).contains("mqtt.url")
    );
}

#[test]
fn the_catalogue_comes_as_text_markdown_and_json() {
    let run = |arguments: &[&str]| {
        let output = bambu2mqtt().arg("entities").args(arguments).assert().code(0).get_output().clone();
        text(&output.stdout)
    };
    let all: Vec<Value> = serde_json::from_str(&run(&["--json"])).unwrap();
    assert!(all.len() > 60);
    let kept = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/entities.md");
    assert!(
        run(&["--markdown"]) == fs::read_to_string(kept).unwrap(),
        "docs/entities.md is old: cargo run -- entities --markdown > docs/entities.md"
    );
    assert!(run(&[]).lines().count() >= all.len());
    let mini: Vec<Value> = serde_json::from_str(&run(&["--json", "--model", "a1 MINI"])).unwrap();
    assert!(mini.len() < all.len());
    assert!(!mini.iter().any(|row| row["key"] == "chamber_temperature"));
    let output = bambu2mqtt().args(["entities", "--model", "Prusa"]).assert().get_output().clone();
    assert_ne!(output.status.code(), Some(0));
    assert!(text(&output.stderr).contains("A1 mini"), "the known models are named");
}

/// A full report, which is told by its size, an empty line, and a delta.
fn reports() -> String {
    let mut full =
        json!({"command": "push_status", "msg": 0, "gcode_state": "RUNNING", "nozzle_temper": 219.8});
    for number in 0..60 {
        full[format!("filler_{number}")] = 0.into();
    }
    let delta = json!({"command": "push_status", "msg": 1, "nozzle_temper": 221.5});
    let line = |at: &str, print: Value| json!({"at": at, "topic": "device/01P00A000000001/report", "payload": {"print": print}});
    format!("{}\n\n{}\n", line("2026-01-31T12:00:00Z", full), line("2026-01-31T12:05:00Z", delta))
}

#[test]
fn replay_prints_publications_and_final_the_last_of_each() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("story.jsonl");
    fs::write(&path, reports()).unwrap();
    let run = |more: &[&str]| -> Vec<Value> {
        let output = bambu2mqtt().arg("replay").args(more).arg(&path).assert().code(0).get_output().clone();
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let nozzle = |lines: &[Value]| -> Vec<String> {
        let topic = "bambu2mqtt/01P00A000000001/nozzle_temperature";
        let of_it = lines.iter().filter(|line| line["topic"] == topic);
        of_it.map(|line| line["payload"].as_str().unwrap().to_owned()).collect()
    };
    let all = run(&[]);
    assert_eq!(nozzle(&all), ["219.8", "221.5"]);
    for line in &all {
        assert!(line["topic"].is_string() && line["payload"].is_string(), "{line}");
        assert!(line["retain"].is_boolean() && line["qos"].is_number(), "{line}");
    }
    let last = run(&["--final"]);
    assert_eq!(nozzle(&last), ["221.5"]);
    let topics: Vec<_> = last.iter().map(|line| line["topic"].as_str().unwrap().to_owned()).collect();
    assert!(topics.is_sorted());
    assert_eq!(run(&[]), all, "the same input gives the same output");
}

#[test]
fn a_broken_line_of_a_recording_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("story.jsonl");
    fs::write(&path, format!("{}{{\"topic\":\"device/x/report\"\n", reports())).unwrap();
    let output = bambu2mqtt().arg("replay").arg(&path).assert().code(1).get_output().clone();
    let said = text(&output.stderr);
    assert!(said.contains("story.jsonl line 4"), "{said}");
    let output = bambu2mqtt().args(["replay", "/nowhere.jsonl"]).assert().code(1).get_output().clone();
    assert!(text(&output.stderr).contains("/nowhere.jsonl"));
}

// --- with a cloud and a broker --------------------------------------------------------------------------

/// What must never be printed: the password, every token there was, and what is personal.
fn no_secret(world: &World, left: &Left, more: &[&str]) {
    let settings = world.cloud.settings();
    let token = world.cloud.token().unwrap_or_default();
    let mut secrets = vec![settings.password.as_str(), settings.token.as_str(), token.as_str()];
    secrets.extend(more);
    for secret in secrets.into_iter().filter(|secret| !secret.is_empty()) {
        assert!(!left.stdout.contains(secret), "a secret is in standard output:\n{}", left.stdout);
        assert!(!left.stderr.contains(secret), "a secret is in standard error:\n{}", left.stderr);
    }
}

#[tokio::test]
async fn check_looks_at_everything_and_publishes_nothing() {
    let world = World::start().await;
    let broker = Broker::start(Kind::Embedded).await;
    let eyes = Eyes::open(broker.port).await;
    let file = world.write(&world.configuration(broker.port, &Value::Null));
    let left = run(&["check", "-vv", "-c", &file]).await;
    assert_eq!(left.code, Some(0), "{left:?}");
    for part in
        ["local broker", "lists 3 printers", "Demo X1 Carbon: X1C", "Demo H2D: H2D", "everything is right"]
    {
        assert!(left.stdout.contains(part), "{part} is missing in:\n{}", left.stdout);
    }
    no_secret(&world, &left, &[]);
    let left = run(&["check", "--json", "-c", &file]).await;
    let document: Value = serde_json::from_str(&left.stdout).unwrap();
    assert_eq!(document["ok"], true);
    assert_eq!(document["printers"].as_array().unwrap().len(), 3);
    eyes.publish("fence", "here");
    eyes.holds("fence", "here").await;
    eyes.look(|seen| assert_eq!(seen.messages.len(), 1, "{:?}", seen.messages));
}

#[tokio::test]
async fn printers_lists_those_of_the_account() {
    let world = World::start().await;
    let file = world.write(&world.configuration(1, &Value::Null));
    let left = run(&["printers", "-c", &file]).await;
    assert_eq!(left.code, Some(0), "{left:?}");
    let left_json = run(&["printers", "--json", "-c", &file]).await;
    let list: Vec<Value> = serde_json::from_str(&left_json.stdout).unwrap();
    assert_eq!(list.len(), 3);
    for (serial, printer) in world.serials().iter().zip(&list) {
        assert_eq!(printer["serial"], serial.as_str());
        assert!(left.stdout.contains(serial.as_str()), "{}", left.stdout);
    }
}

#[tokio::test]
async fn an_unreachable_broker_is_69_in_check_and_names_it() {
    let world = World::start().await;
    let (_held, port) = refusing_port();
    let file = world.write(&world.configuration(port, &Value::Null));
    let left = run(&["check", "-c", &file]).await;
    assert_eq!(left.code, Some(69), "{left:?}");
    assert!(left.stderr.contains(&format!("127.0.0.1:{port}")), "{}", left.stderr);
    // Not the first thing that is wrong only: the cloud was looked at all the same.
    assert!(left.stdout.contains("lists 3 printers"), "{}", left.stdout);

    let nowhere = json!({"bambu": {"api_url": format!("http://127.0.0.1:{port}")}});
    let file = world.write(&world.configuration(port, &nowhere));
    let left = run(&["printers", "-c", &file]).await;
    assert_eq!(left.code, Some(69), "{left:?}");
    assert!(left.stderr.starts_with("error: "), "{}", left.stderr);
}

#[tokio::test]
async fn a_wrong_token_or_password_is_77_and_says_what_to_do() {
    let world = World::start().await;
    let broker = Broker::start(Kind::Embedded).await;
    for login in [
        json!({"account": null, "password": null, "token": "wrong-token-4711"}),
        json!({"password": "wrong-password-4711"}),
        json!({"password": null}),
    ] {
        let file = world.write(&world.configuration(broker.port, &json!({"bambu": login})));
        for command in ["check", "printers"] {
            let left = run(&[command, "-vv", "-c", &file]).await;
            assert_eq!(left.code, Some(77), "{command} {login}: {left:?}");
            assert!(left.stderr.contains("login") || left.stderr.contains("token"), "{}", left.stderr);
            no_secret(&world, &left, &["wrong-token-4711", "wrong-password-4711"]);
        }
    }
}

#[tokio::test]
async fn run_with_a_wrong_token_stays_says_so_once_and_leaves_the_cloud_alone() {
    let world = World::start().await;
    let broker = Broker::start(Kind::Embedded).await;
    let eyes = Eyes::open(broker.port).await;
    let wrong = json!({"bambu": {"account": null, "password": null, "token": "wrong-token-4711"}});
    let file = world.write(&world.configuration(broker.port, &wrong));
    let mut program = Program::start(&["run", "-vv", "-c", &file]);
    program.says("the account needs a login").await;
    eyes.holds("bambu2mqtt/bridge/account", "needs_login").await;
    let before = (world.rest.connections(), world.mqtt.connections());
    assert!(before.0 <= 3 && before.1 <= 1, "{before:?}");
    // It is there for Home Assistant all the same, and answers; meanwhile nothing is tried.
    eyes.holds("bambu2mqtt/bridge/availability", "online").await;
    let mark = eyes.mark();
    eyes.publish("homeassistant/status", "online");
    eyes.hears(mark, "bambu2mqtt/bridge/availability", "online").await;
    assert_eq!((world.rest.connections(), world.mqtt.connections()), before);
    assert_eq!(program.said().matches("the account needs a login").count(), 1, "{}", program.said());
    assert!(program.is_running());
    program.signal("TERM");
    let left = program.end().await;
    assert_eq!(left.code, Some(0), "{left:?}");
    no_secret(&world, &left, &["wrong-token-4711"]);
}

#[tokio::test]
async fn a_login_while_it_runs_is_taken_up_at_sighup() {
    let world = World::start().await;
    let broker = Broker::start(Kind::Embedded).await;
    let eyes = Eyes::open(broker.port).await;
    let file = world.write(&world.configuration(broker.port, &json!({"bambu": {"password": null}})));
    let mut program = Program::start(&["-c", &file]);
    program.says("the account needs a login").await;

    let settings = world.cloud.settings();
    let wrong = Program::start_with(&["login", "-c", &file], Some("not-the-password\n"), &[]).end().await;
    assert_eq!(wrong.code, Some(1), "{wrong:?}");
    let input = format!("{}\n", settings.password);
    let left = Program::start_with(&["login", "-vv", "-c", &file], Some(&input), &[]).end().await;
    assert_eq!(left.code, Some(0), "{left:?}");
    no_secret(&world, &left, &[]);

    program.signal("HUP");
    eyes.holds("bambu2mqtt/bridge/account", "connected").await;
    eyes.holds("bambu2mqtt/bridge/printers_online", "3").await;
    program.signal("TERM");
    assert_eq!(program.end().await.code, Some(0));
}

#[tokio::test]
async fn a_mailed_code_is_asked_for_and_taken() {
    use simulator::Options;
    let world = World::with(Options { needs_code: true, ..Options::default() }).await;
    let file = world.write(&world.configuration(1, &json!({"bambu": {"password": null}})));
    let input = format!("{}\n", world.cloud.settings().password);
    let left = Program::start_with(&["login", "-c", &file], Some(&input), &[]).end().await;
    assert_ne!(left.code, Some(0), "without the code: {left:?}");
    let code = world.cloud.mailed_code().expect("a code was mailed");
    let left = run(&["login", "--code", &code, "-c", &file]).await;
    assert_eq!(left.code, Some(0), "{left:?}");
    let left = run(&["printers", "-c", &file]).await;
    assert_eq!(left.code, Some(0), "{left:?}");
}

#[tokio::test]
async fn sigterm_leaves_offline_behind_within_two_seconds() {
    let world = World::start().await;
    let broker = Broker::start(Kind::Embedded).await;
    let eyes = Eyes::open(broker.port).await;
    let file = world.write(&world.configuration(broker.port, &Value::Null));
    for signal in ["TERM", "INT"] {
        let program = Program::start(&["run", "-vv", "-c", &file]);
        eyes.holds("bambu2mqtt/bridge/availability", "online").await;
        program.signal(signal);
        let left = tokio::time::timeout(Duration::from_secs(2), program.end()).await;
        let left = left.unwrap_or_else(|_| panic!("SIG{signal} did not end it within 2 s"));
        assert_eq!(left.code, Some(0), "{}", left.stderr);
        eyes.holds("bambu2mqtt/bridge/availability", "offline").await;
        // Kept by the broker, for those who come later.
        Eyes::open(broker.port).await.holds("bambu2mqtt/bridge/availability", "offline").await;
        no_secret(&world, &left, &[]);
        assert!(!left.stderr.contains("panicked"), "{}", left.stderr);
    }
}

#[tokio::test]
async fn logs_name_printers_and_not_serials_or_addresses() {
    let world = World::start().await;
    let broker = Broker::start(Kind::Embedded).await;
    let eyes = Eyes::open(broker.port).await;
    let file = world.write(&world.configuration(broker.port, &Value::Null));
    let program = Program::start(&["run", "-vv", "-c", &file]);
    eyes.holds("bambu2mqtt/bridge/availability", "online").await;
    program.signal("TERM");
    let left = program.end().await;
    assert!(left.stderr.contains("Demo X1 Carbon"), "{}", left.stderr);
    let settings = world.cloud.settings();
    let serials = world.serials();
    let personal =
        serials.iter().map(String::as_str).chain([settings.account.as_str(), settings.mqtt_user.as_str()]);
    for word in personal {
        assert!(!left.stderr.contains(word), "{word} is in the log:\n{}", left.stderr);
    }
}

#[tokio::test]
async fn a_broken_file_at_sighup_is_said_and_the_old_one_goes_on() {
    let world = World::start().await;
    let broker = Broker::start(Kind::Embedded).await;
    let eyes = Eyes::open(broker.port).await;
    let good = world.configuration(broker.port, &Value::Null);
    let file = world.write(&good);
    let mut program = Program::start(&["run", "-c", &file]);
    eyes.holds("bambu2mqtt/bridge/availability", "online").await;

    let mut typo = good.clone();
    merge(&mut typo, &json!({"mqtt": {"usrname": "x"}}));
    world.write(&typo);
    program.signal("HUP");
    program.says("unknown field `usrname`").await;
    let bed = format!("bambu2mqtt/{}/bed_target", world.serials()[0]);
    eyes.order(&bed, "57", "confirmed").await;

    // The corrected file is taken up without losing the local connection.
    let serial = &world.serials()[0];
    let mut corrected = good;
    merge(&mut corrected, &json!({"printers": [{"serial": serial, "name": "Garage"}]}));
    world.write(&corrected);
    let mark = eyes.mark();
    program.signal("HUP");
    eyes.hears(mark, &format!("homeassistant/device/bambu2mqtt_{serial}/config"), r#""name":"Garage""#).await;
    eyes.look(|seen| {
        let went = seen.messages.iter().skip(mark).any(|(_, payload)| payload == "offline");
        assert!(!went, "a new name is no reason to go offline");
    });
    program.signal("TERM");
    assert_eq!(program.end().await.code, Some(0));
}

#[tokio::test]
async fn a_broker_that_is_not_there_yet_is_waited_for() {
    let world = World::start().await;
    let mut broker = Broker::start(Kind::Embedded).await;
    broker.stop().await;
    let file = world.write(&world.configuration(broker.port, &Value::Null));
    let mut program = Program::start(&["run", "-c", &file]);
    program.says(&format!("127.0.0.1:{}", broker.port)).await;
    assert!(program.is_running());
    broker.again().await;
    let eyes = Eyes::open(broker.port).await;
    eyes.holds("bambu2mqtt/bridge/availability", "online").await;
    program.signal("TERM");
    assert_eq!(program.end().await.code, Some(0));
}

#[tokio::test]
async fn purge_takes_everything_off_and_nothing_else() {
    let world = World::start().await;
    let broker = Broker::start(Kind::Embedded).await;
    let eyes = Eyes::open(broker.port).await;
    eyes.publish_retained("homeassistant/device/other/config", r#"{"device":{}}"#);
    eyes.publish_retained("bambu2mqtt_other/x", "theirs");
    // Below our base, and a device of somebody's that goes with the gateway.
    eyes.publish_retained("bambu2mqtt/shelf/notes", "theirs");
    let goes_with_us = r#"{"device": {}, "availability": [{"topic": "bambu2mqtt/bridge/availability"}]}"#;
    eyes.publish_retained("homeassistant/device/shelf/config", goes_with_us);
    let file = world.write(&world.configuration(broker.port, &Value::Null));
    let program = Program::start(&["run", "-c", &file]);
    eyes.holds("bambu2mqtt/bridge/availability", "online").await;
    program.signal("TERM");
    assert_eq!(program.end().await.code, Some(0));

    let left = run(&["purge", "-c", &file]).await;
    assert_eq!(left.code, Some(0), "{left:?}");
    assert!(left.stdout.contains("topics"), "{}", left.stdout);
    let fresh = Eyes::open(broker.port).await;
    fresh.publish("fence", "here");
    fresh.holds("fence", "here").await;
    let topics: Vec<_> = fresh.look(|seen| seen.values.keys().cloned().collect());
    let theirs = [
        "bambu2mqtt/shelf/notes",
        "bambu2mqtt_other/x",
        "fence",
        "homeassistant/device/other/config",
        "homeassistant/device/shelf/config",
    ];
    assert_eq!(topics, theirs);

    let (_held, port) = refusing_port();
    let file = world.write(&world.configuration(port, &Value::Null));
    let left = run(&["purge", "-c", &file]).await;
    assert_ne!(left.code, Some(0));
    assert!(left.stderr.contains(&format!("127.0.0.1:{port}")), "{}", left.stderr);
}

#[tokio::test]
async fn purge_refuses_beside_a_gateway_that_runs_and_takes_nothing() {
    let world = World::start().await;
    let broker = Broker::start(Kind::Embedded).await;
    let eyes = Eyes::open(broker.port).await;
    let file = world.write(&world.configuration(broker.port, &Value::Null));
    let program = Program::start(&["run", "-c", &file]);
    eyes.holds("bambu2mqtt/bridge/availability", "online").await;
    // One that is not online yet, or was taken for gone, answers all the same.
    for availability in ["online", "offline"] {
        eyes.publish_retained("bambu2mqtt/bridge/availability", availability);
        eyes.holds("bambu2mqtt/bridge/availability", availability).await;
        let mark = eyes.mark();
        let left = run(&["purge", "-c", &file]).await;
        assert_eq!(left.code, Some(1), "{left:?}");
        assert!(left.stderr.contains("systemctl stop bambu2mqtt"), "{}", left.stderr);
        assert_eq!(left.stdout, "");
        // Whatever it published is here before this.
        eyes.publish("fence", availability);
        eyes.holds("fence", availability).await;
        eyes.look(|seen| {
            let emptied =
                |(topic, payload): &&(String, String)| payload.is_empty() && !topic.ends_with("/set");
            assert_eq!(seen.messages.iter().skip(mark).find(emptied), None, "{availability}");
        });
    }
    program.signal("TERM");
    assert_eq!(program.end().await.code, Some(0));
}

#[tokio::test]
async fn purge_believes_no_broker_that_kept_online_of_a_gateway_that_is_gone() {
    let world = World::start().await;
    let broker = Broker::start(Kind::Embedded).await;
    let eyes = Eyes::open(broker.port).await;
    // As after a power cut: nobody was there to tell of the gateway's end.
    eyes.publish_retained("bambu2mqtt/bridge/availability", "online");
    eyes.publish_retained("bambu2mqtt/01P00A000000001/status", "running");
    eyes.holds("bambu2mqtt/01P00A000000001/status", "running").await;
    let file = world.write(&world.configuration(broker.port, &Value::Null));
    let left = run(&["purge", "-c", &file]).await;
    assert_eq!(left.code, Some(0), "{left:?}");
    assert!(left.stdout.contains("took 2 topics"), "{}", left.stdout);
    eyes.until("an empty broker", |seen| seen.values.is_empty().then_some(())).await;
}

#[tokio::test]
async fn the_demo_moves_on_from_an_occupied_port_and_says_so() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let left =
        run(&["demo", "--listen", &format!("127.0.0.1:{port}"), "--duration", "8s", "--speed", "5"]).await;
    assert_eq!(left.code, Some(0), "{left:?}");
    assert!(left.stdout.contains(&format!("Port {port} was taken")), "{}", left.stdout);
    for name in ["Demo X1 Carbon", "Demo A1 mini", "Demo H2D"] {
        assert!(left.stdout.contains(name), "{name} is missing in:\n{}", left.stdout);
    }
    assert!(left.stderr.is_empty(), "{}", left.stderr);
}

#[tokio::test]
async fn the_demo_of_a_broker_that_refuses_says_so_and_goes_on() {
    let (_held, port) = refusing_port();
    let url = format!("mqtt://127.0.0.1:{port}");
    let mut program = Program::start(&["demo", "--mqtt-url", &url]);
    program.says(&format!("127.0.0.1:{port}")).await;
    program.signal("INT");
    let left = program.end().await;
    assert_eq!(left.code, Some(0), "{left:?}");
}

#[tokio::test]
async fn a_reader_that_goes_away_is_nobodys_fault() {
    let mut child = tokio::process::Command::new(env!("CARGO_BIN_EXE_bambu2mqtt"))
        .args(["entities", "--json"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = soon("its end", child.wait_with_output()).await.unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stderr), "");
}
