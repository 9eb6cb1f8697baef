//! The whole gateway between the emulated cloud and a local broker: what people see, and that it heals.

use std::time::Duration;

use bambu2mqtt::gateway::{Clock, Ended};
use bambu2mqtt::service::Signal;
use serde_json::{Value, json};
use simulator::Options;

use crate::support::world::{Eyes, Gateway, World, parse, soon};
use crate::support::{Broker, Kind, available};

const NOTHING: Value = Value::Null;

/// A gateway that has said that it and its printers are online, between a cloud and a broker.
struct Scene {
    world: World,
    broker: Broker,
    eyes: Eyes,
    gateway: Gateway,
}

impl Scene {
    async fn start(change: &Value) -> Self {
        Self::on(Kind::Embedded, Options::default(), change).await
    }

    async fn on(kind: Kind, options: Options, change: &Value) -> Self {
        let world = World::with(options).await;
        let broker = Broker::start(kind).await;
        let eyes = Eyes::open(broker.port).await;
        let gateway = Gateway::start(&world.configuration(broker.port, change));
        eyes.sees(&world.serials()).await;
        Self { world, broker, eyes, gateway }
    }

    /// The topics of the first, second and third printer: X1C, A1 mini and H2D.
    fn printer(&self, number: usize) -> String {
        format!("bambu2mqtt/{}", self.world.serials()[number])
    }

    fn device(&self, number: usize) -> String {
        format!("bambu2mqtt_{}", self.world.serials()[number])
    }
}

/// Every topic that discovery promises has a value.
fn missing(seen: &crate::support::world::Seen) -> Vec<String> {
    let mut missing = Vec::new();
    for (topic, payload) in &seen.values {
        if !(topic.starts_with("homeassistant/device/") && topic.ends_with("/config")) {
            continue;
        }
        let config = homeassistant::discovery::read(payload.as_bytes()).unwrap();
        let names = ["state_topic", "json_attributes_topic", "percentage_state_topic"];
        // What happens has no value that stays.
        let lasts = |c: &&Value| c["platform"] != "event";
        let components = config["components"].as_object().unwrap().values().filter(lasts);
        let promised = components.flat_map(|c| names.iter().filter_map(|name| c[*name].as_str()));
        let availability =
            config["availability"].as_array().unwrap().iter().filter_map(|a| a["topic"].as_str());
        let all = promised.chain(availability);
        missing.extend(all.filter(|topic| !seen.values.contains_key(*topic)).map(str::to_owned));
    }
    missing
}

#[tokio::test]
async fn all_that_discovery_promises_is_there_before_the_gateway_says_online() {
    let scene = Scene::start(&NOTHING).await;
    scene.eyes.look(|seen| {
        assert_eq!(missing(seen), Vec::<String>::new());
        for number in 0..3 {
            let config = seen.config(&scene.device(number)).unwrap();
            assert_eq!(config["device"]["via_device"], "bambu2mqtt_bridge");
            assert!(seen.is(&format!("{}/availability", scene.printer(number)), "online"));
        }
        let first =
            |wanted: &dyn Fn(&str, &str) -> bool| seen.messages.iter().position(|(t, p)| wanted(t, p));
        let said = |topic: &str, word| first(&|t, payload| t == topic && payload == word);
        let gateway = said("bambu2mqtt/bridge/availability", "online");
        for number in 0..3 {
            let [nozzle, own] =
                ["nozzle_temperature", "availability"].map(|key| format!("{}/{key}", scene.printer(number)));
            let value = first(&|topic, payload| topic == nozzle && payload != "None");
            assert!(value.is_some() && value < said(&own, "online"), "{nozzle} comes before `online`");
            let either = said(&own, "offline").into_iter().chain(said(&own, "online")).min();
            assert!(either < gateway, "{own} comes before the gateway's");
        }
        assert!(seen.is("bambu2mqtt/bridge/account", "connected"));
        assert!(seen.is("bambu2mqtt/bridge/printers_online", "3"));
    });
    assert!(matches!(scene.gateway.stop().await, Ended::Stopped));
    scene.eyes.holds("bambu2mqtt/bridge/availability", "offline").await;
}

#[tokio::test]
async fn no_printer_waits_for_one_that_is_off() {
    let world = World::start().await;
    let broker = Broker::start(Kind::Embedded).await;
    let eyes = Eyes::open(broker.port).await;
    let serials = world.serials();
    let own = |number: usize| format!("bambu2mqtt/{}/availability", serials[number]);
    // As an earlier run left them: the one that is off was on, and of one more nothing is known any more.
    let lost = "bambu2mqtt/01P00A999999999/availability";
    for topic in [&own(0), lost] {
        eyes.publish_retained(topic, "online");
    }
    let config = json!({
        "availability": [{"topic": "bambu2mqtt/bridge/availability"}, {"topic": lost}],
        "components": {},
        "device": {"name": "Lost", "identifiers": ["bambu2mqtt_01P00A999999999"]},
    });
    eyes.publish_retained("homeassistant/device/bambu2mqtt_01P00A999999999/config", &config.to_string());
    world.cloud.power_off(&serials[0], 1);
    let clock = Clock::start();
    let gateway = Gateway::start(&world.configuration(broker.port, &NOTHING));
    eyes.sees(&serials[1..]).await;
    assert!(clock.now().mono < Duration::from_secs(15), "after {:?}", clock.now().mono);
    eyes.look(|seen| {
        let said = |topic: &str, word: &str| seen.messages.iter().position(|(t, p)| t == topic && p == word);
        let gateway = said("bambu2mqtt/bridge/availability", "online");
        assert!(said(&own(0), "offline") < gateway, "nothing of an earlier run looks fresh");
        assert!(seen.is(&own(0), "offline"));
    });
    // It is in no account, so it is taken off.
    eyes.until("the lost one is gone", |seen| (!seen.values.contains_key(lost)).then_some(())).await;
    world.cloud.power_on(&serials[0]);
    eyes.sees(&serials).await;
    gateway.stop().await;
}

#[tokio::test]
async fn a_command_of_each_platform_reaches_the_printer_and_comes_back() {
    let scene = Scene::start(&NOTHING).await;
    let eyes = &scene.eyes;
    let (x1c, a1, h2d) = (scene.printer(0), scene.printer(1), scene.printer(2));
    let orders = [
        (format!("{x1c}/bed_target"), "60", "60"),
        (format!("{a1}/nozzle_target"), "199.6", "200"),
        (format!("{h2d}/left_nozzle_target"), "230", "230"),
        (format!("{x1c}/chamber_light"), "OFF", "OFF"),
        (format!("{x1c}/speed_profile"), "ludicrous", "ludicrous"),
        (format!("{x1c}/part_fan"), "42", "40"),
        (format!("{x1c}/part_fan"), "OFF", "0"),
        (format!("{h2d}/chamber_fan"), "60", "60"),
        (format!("{a1}/timelapse"), "ON", "ON"),
        (format!("{a1}/prompt_sound"), "OFF", "OFF"),
    ];
    for (topic, payload, value) in &orders {
        eyes.order(topic, payload, "confirmed").await;
        eyes.holds(topic, value).await;
    }
    for (button, status) in [("pause", "pause"), ("resume", "running"), ("stop", "failed")] {
        eyes.order(&format!("{x1c}/{button}"), "PRESS", "confirmed").await;
        eyes.holds(&format!("{x1c}/status"), status).await;
    }
}

#[tokio::test]
async fn garbage_on_command_topics_is_refused_and_the_true_value_is_said_again() {
    let scene = Scene::start(&NOTHING).await;
    let (eyes, x1c) = (&scene.eyes, scene.printer(0));
    let bed = format!("{x1c}/bed_target");
    let true_value = eyes.look(|seen| seen.values[&bed].clone());
    for garbage in ["999", "-1", "1e300", "NaN", "warm", "{\"a\":1}", "\u{0}", &"9".repeat(100_000)] {
        let mark = eyes.mark();
        let result = eyes.order(&bed, garbage, "refused").await;
        let result: Value = serde_json::from_str(&result).unwrap();
        assert!(result["reason"].as_str().is_some_and(|reason| reason.len() < 300), "{result}");
        eyes.hears(mark, &bed, &true_value).await;
    }
    for (key, garbage) in
        [("speed_profile", "warp"), ("chamber_light", "on"), ("part_fan", "101"), ("pause", "x")]
    {
        eyes.order(&format!("{x1c}/{key}"), garbage, "refused").await;
    }
    for nowhere in ["status", "left_nozzle_target", "no_such_key"] {
        eyes.order(&format!("{x1c}/{nowhere}"), "1", "refused").await;
    }
    // Topics that are nobody's: they are passed over, and what follows is carried out.
    for topic in [
        "bambu2mqtt/NOBODY/bed_target/set",
        "bambu2mqtt/bridge/version/set",
        "bambu2mqtt//set",
        "homeassistant/status",
    ] {
        eyes.publish(topic, "garbage");
    }
    eyes.order(&bed, "61", "confirmed").await;
    eyes.holds(&bed, "61").await;
}

#[tokio::test]
async fn a_broker_that_forgot_everything_is_told_everything_again() {
    for kind in [Kind::Embedded, Kind::Mosquitto, Kind::Container] {
        if !available(kind) {
            continue;
        }
        let mut scene = Scene::on(kind, Options::default(), &NOTHING).await;
        let topics = |scene: &Scene| scene.eyes.look(|seen| seen.values.keys().cloned().collect::<Vec<_>>());
        // What the cloud is asked for comes when it comes.
        let cover = format!("{}/image/cover", scene.printer(0));
        scene.eyes.until("a picture", |seen| seen.values.contains_key(&cover).then_some(())).await;
        let before = topics(&scene);
        scene.broker.stop().await;
        scene.broker.again().await;
        scene
            .eyes
            .until("every topic of before", |seen| {
                let all = before.iter().filter(|topic| !topic.ends_with("/result"));
                let online = seen.is("bambu2mqtt/bridge/availability", "online");
                (online && all.clone().all(|topic| seen.values.contains_key(topic))).then_some(())
            })
            .await;
        assert_eq!(topics(&scene), before, "{kind}");
    }
}

#[tokio::test]
async fn home_assistants_birth_is_answered_with_everything() {
    let scene = Scene::start(&NOTHING).await;
    let mark = scene.eyes.mark();
    scene.eyes.publish("homeassistant/status", "online");
    for number in 0..3 {
        let config = format!("homeassistant/device/{}/config", scene.device(number));
        scene.eyes.hears(mark, &config, "cmps").await;
        scene.eyes.hears(mark, &format!("{}/status", scene.printer(number)), "").await;
    }
    scene.eyes.hears(mark, "bambu2mqtt/bridge/availability", "online").await;
}

#[tokio::test]
async fn a_birth_message_that_the_broker_kept_is_old_news() {
    const VERSION: &str = "bambu2mqtt/bridge/version";
    let world = World::start().await;
    let broker = Broker::start(Kind::Embedded).await;
    let eyes = Eyes::open(broker.port).await;
    eyes.publish_retained("homeassistant/status", "online");
    eyes.holds("homeassistant/status", "online").await;
    // So fast that its first five minutes are seconds here; an answer would come in the first three seconds.
    let _gateway = Gateway::at_speed(&world.configuration(broker.port, &NOTHING), None, 60);
    eyes.until("five minutes to be over", |seen| {
        seen.values.get("bambu2mqtt/bridge/report_rate").filter(|rate| *rate != "None").map(drop)
    })
    .await;
    let told = || eyes.look(|seen| seen.messages.iter().filter(|(topic, _)| topic == VERSION).count());
    assert_eq!(told(), 1, "a new broker is told everything once");
    let mark = eyes.mark();
    eyes.publish("homeassistant/status", "online");
    eyes.hears(mark, VERSION, "").await;
    assert_eq!(told(), 2);
}

#[tokio::test]
async fn a_lost_cloud_connection_comes_back_by_itself() {
    let scene = Scene::start(&NOTHING).await;
    let before = scene.world.mqtt.connections();
    scene.world.cloud.drop_connections();
    scene.eyes.holds("bambu2mqtt/bridge/cloud", "OFF").await;
    scene.eyes.holds("bambu2mqtt/bridge/cloud", "ON").await;
    assert_eq!(scene.world.mqtt.connections(), before + 1, "one attempt was enough");
    // Both ways: the A1 mini heats, and takes orders.
    let a1 = scene.printer(1);
    scene.eyes.hears(scene.eyes.mark(), &format!("{a1}/nozzle_temperature"), "").await;
    scene.eyes.order(&format!("{a1}/bed_target"), "58", "confirmed").await;
}

#[tokio::test]
async fn a_cloud_that_refuses_connections_is_not_hammered() {
    let scene = Scene::start(&NOTHING).await;
    let before = scene.world.mqtt.connections();
    scene.world.cloud.refuse_connections(true);
    scene.eyes.holds("bambu2mqtt/bridge/cloud", "OFF").await;
    // The first pause is ten seconds, so one attempt falls into a birth's answer of at most three.
    let mark = scene.eyes.mark();
    scene.eyes.publish("homeassistant/status", "online");
    scene.eyes.hears(mark, "bambu2mqtt/bridge/availability", "online").await;
    let attempts = scene.world.mqtt.connections() - before;
    assert!(attempts <= 1, "{attempts} attempts within seconds");
    scene.world.cloud.refuse_connections(false);
    scene.eyes.holds("bambu2mqtt/bridge/cloud", "ON").await;
}

#[tokio::test]
async fn a_revoked_token_asks_for_a_login_once_and_a_new_one_goes_on() {
    let world = World::start().await;
    let broker = Broker::start(Kind::Embedded).await;
    let eyes = Eyes::open(broker.port).await;
    let with = |token: &str| {
        let login = json!({"bambu": {"account": null, "password": null, "token": token}});
        world.configuration(broker.port, &login)
    };
    let next = std::sync::Arc::new(std::sync::Mutex::new(with(&world.cloud.settings().token)));
    let first = next.lock().unwrap().clone();
    let source = std::sync::Arc::clone(&next);
    let reload = move || Ok(parse(&source.lock().unwrap()));
    let mut gateway = Gateway::reloading(&first, Some(Box::new(reload.clone())));
    eyes.holds("bambu2mqtt/bridge/availability", "online").await;

    world.cloud.revoke_token();
    eyes.holds("bambu2mqtt/bridge/account", "needs_login").await;
    // The account stays visible, and the cloud is left alone from here on.
    let count = |world: &World| (world.rest.connections(), world.mqtt.connections());
    let before = count(&world);
    assert!(before.1 <= 3, "{before:?}");
    let mark = eyes.mark();
    eyes.publish("homeassistant/status", "online");
    eyes.hears(mark, "bambu2mqtt/bridge/availability", "online").await;
    assert_eq!(count(&world), before, "nothing is tried with a dead token");

    // A person logs in elsewhere, puts the token into the file, and reloads.
    let token = login(&world).await;
    *next.lock().unwrap() = with(&token);
    gateway.signal(Signal::Reload).await;
    if let Some(Ended::Restart(config)) = gateway.ended_soon().await {
        assert_eq!(config.accounts.len(), 1);
        gateway = Gateway::reloading(&next.lock().unwrap().clone(), Some(Box::new(reload)));
    }
    eyes.holds("bambu2mqtt/bridge/account", "connected").await;
    eyes.holds("bambu2mqtt/bridge/printers_online", "3").await;
    drop(gateway);
}

/// A login as an app would do it; the new token.
pub(crate) async fn login(world: &World) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let settings = world.cloud.settings();
    let body = json!({"account": settings.account, "password": settings.password}).to_string();
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", world.rest.port)).await.unwrap();
    let head = format!(
        "POST /v1/user-service/user/login HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).await.unwrap();
    let mut answer = String::new();
    soon("the answer to a login", stream.read_to_string(&mut answer)).await.unwrap();
    let reply: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    reply["accessToken"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_printer_that_is_switched_off_goes_offline_and_comes_back() {
    let scene = Scene::start(&NOTHING).await;
    let (serial, x1c) = (scene.world.serials()[0].clone(), scene.printer(0));
    scene.world.cloud.power_off(&serial, 0);
    scene.eyes.holds(&format!("{x1c}/availability"), "offline").await;
    scene.eyes.holds(&format!("{x1c}/status"), "offline").await;
    scene.eyes.holds(&format!("{x1c}/connectivity"), "OFF").await;
    scene.eyes.holds("bambu2mqtt/bridge/printers_online", "2").await;
    let refused = scene.eyes.order(&format!("{x1c}/bed_target"), "50", "refused").await;
    assert!(refused.contains("reason"), "{refused}");
    assert!(scene.eyes.look(|seen| seen.is(&format!("{}/availability", scene.printer(1)), "online")));
    scene.world.cloud.power_on(&serial);
    scene.eyes.holds(&format!("{x1c}/availability"), "online").await;
    scene
        .eyes
        .until("its status again", |seen| {
            seen.values.get(&format!("{x1c}/status")).filter(|status| *status != "offline").map(drop)
        })
        .await;
}

#[tokio::test]
async fn a_printer_unbound_while_the_gateway_was_away_is_taken_off() {
    let first = Scene::start(&NOTHING).await;
    let serial = first.world.serials()[2].clone();
    let of_it = |seen: &crate::support::world::Seen| -> Vec<String> {
        seen.values.keys().filter(|topic| topic.contains(&serial)).cloned().collect()
    };
    assert!(first.eyes.look(|seen| of_it(seen).len()) > 50);
    first.gateway.stop().await;

    let world = World::with(Options { printers: 2, ..Options::default() }).await;
    let gateway = Gateway::at_speed(&world.configuration(first.broker.port, &NOTHING), None, 5);
    first.eyes.until("its topics to be cleared", |seen| of_it(seen).is_empty().then_some(())).await;
    first.eyes.holds("bambu2mqtt/bridge/printers", "2").await;
    // Its AMS units and spools hang below it and have ids of their own.
    first.eyes.look(|seen| {
        assert_eq!(missing(seen), Vec::<String>::new());
        let parent = format!("bambu2mqtt_{serial}");
        assert!(!seen.values.values().any(|payload| payload.contains(&parent)), "a child of it is left");
    });
    gateway.stop().await;
    // Really gone, and not only from these eyes.
    let fresh = Eyes::open(first.broker.port).await;
    fresh.holds("bambu2mqtt/bridge/availability", "offline").await;
    fresh.look(|seen| assert_eq!(of_it(seen), Vec::<String>::new()));
}

/// A discovery message of a device that goes with the gateway, with sensors that read these topics.
fn config(via: &str, topics: &[&str]) -> String {
    let sensor = |topic: &&str| {
        (format!("sensor_{}", topic.replace('/', "_")), json!({"platform": "sensor", "state_topic": topic}))
    };
    json!({
        "device": {"name": "Test", "via_device": via},
        "availability": [{"topic": "bambu2mqtt/bridge/availability"}],
        "components": topics.iter().map(sensor).collect::<serde_json::Map<_, _>>(),
    })
    .to_string()
}

#[tokio::test]
async fn what_others_keep_beside_ours_is_there_when_the_orphans_are_gone() {
    let world = World::start().await;
    let broker = Broker::start(Kind::Embedded).await;
    let eyes = Eyes::open(broker.port).await;
    let gone = "bambu2mqtt/01P00A999999999/status";
    let orphan = "homeassistant/device/bambu2mqtt_01P00A999999999/config";
    eyes.publish_retained(gone, "running");
    eyes.publish_retained(orphan, &config("bambu2mqtt_bridge", &[gone, "zigbee2mqtt/plug"]));
    let theirs = [
        ("homeassistant/device/a_shelf/config", config("zigbee2mqtt", &["zigbee2mqtt/shelf"])),
        ("zigbee2mqtt/shelf", "21".to_owned()),
        ("zigbee2mqtt/plug", "ON".to_owned()),
        ("bambu2mqtt/KITCHEN/state", "warm".to_owned()),
        ("bambu2mqtt/01P00A999999999/notes/of/theirs", "x".to_owned()),
    ];
    for (topic, payload) in &theirs {
        eyes.publish_retained(topic, payload);
        eyes.holds(topic, payload).await;
    }
    let _gateway = Gateway::start(&world.configuration(broker.port, &NOTHING));
    eyes.until("the orphans to be cleared", |seen| {
        (!seen.values.contains_key(orphan) && !seen.values.contains_key(gone)).then_some(())
    })
    .await;
    // What is cleared leaves in one go, before the outcome of a command.
    eyes.order(&format!("bambu2mqtt/{}/bed_target", world.serials()[0]), "61", "confirmed").await;
    for (topic, payload) in &theirs {
        assert!(eyes.look(|seen| seen.is(topic, payload)), "{topic}");
    }
}

#[tokio::test]
async fn an_ams_is_no_orphan_while_a_printer_may_have_it() {
    let Scene { world, broker, eyes, gateway } = Scene::start(&NOTHING).await;
    let (x1c, h2d) = (world.serials()[0].clone(), world.serials()[2].clone());
    let (moved, mut of_ams) = eyes.look(|seen| {
        let configs = seen.values.iter().filter(|(topic, _)| topic.contains("/bambu2mqtt_ams_"));
        let mut configs = configs.map(|(topic, payload)| {
            (topic.clone(), homeassistant::discovery::read(payload.as_bytes()).unwrap())
        });
        configs
            .find(|(_, config): &(_, Value)| config["device"]["via_device"] == format!("bambu2mqtt_{h2d}"))
            .unwrap()
    });
    gateway.stop().await;
    // While the gateway is away, one moves from a printer that is unbound to one that is off for now, and one
    // is taken off a printer.
    of_ams["device"]["via_device"] = "bambu2mqtt_01P00A999999999".into();
    eyes.publish_retained(&moved, &of_ams.to_string());
    of_ams["device"]["via_device"] = format!("bambu2mqtt_{x1c}").into();
    let lost = "homeassistant/device/bambu2mqtt_ams_006999999999999/config";
    eyes.publish_retained(lost, &of_ams.to_string());
    let orphan = format!("homeassistant/device/bambu2mqtt_{x1c}_external_9/config");
    eyes.publish_retained(&orphan, &config(&format!("bambu2mqtt_{x1c}"), &[]));
    eyes.until("the last of them", |seen| seen.values.get(&orphan).map(drop)).await;
    world.cloud.power_off(&h2d, 0);

    let mark = eyes.mark();
    // A printer has twenty seconds to name its units; here they are ten.
    let _gateway = Gateway::at_speed(&world.configuration(broker.port, &NOTHING), None, 2);
    eyes.until("an orphan to be cleared", |seen| (!seen.values.contains_key(&orphan)).then_some(())).await;
    eyes.order(&format!("bambu2mqtt/{x1c}/bed_target"), "61", "confirmed").await;
    let both = eyes.look(|seen| seen.values.contains_key(&moved) && seen.values.contains_key(lost));
    assert!(both, "the printer that is off may have them");

    world.cloud.power_on(&h2d);
    eyes.until("the lost one to be cleared", |seen| (!seen.values.contains_key(lost)).then_some(())).await;
    eyes.order(&format!("bambu2mqtt/{h2d}/bed_target"), "61", "confirmed").await;
    eyes.look(|seen| {
        let emptied =
            seen.messages.iter().skip(mark).any(|(topic, payload)| *topic == moved && payload.is_empty());
        assert!(!emptied, "taken back in between");
        let config = homeassistant::discovery::read(seen.values[&moved].as_bytes()).unwrap();
        assert_eq!(config["device"]["via_device"], format!("bambu2mqtt_{h2d}"));
        assert_eq!(missing(seen), Vec::<String>::new());
    });
}

#[tokio::test]
async fn other_programs_get_the_document_and_the_messages_and_both_end_with_the_option() {
    let scene = Scene::start(&json!({"mqtt": {"json_state": true, "raw": "full"}})).await;
    let (eyes, x1c) = (&scene.eyes, scene.printer(0));
    let bed = format!("{x1c}/bed_target");
    eyes.order(&bed, "61", "confirmed").await;
    eyes.until("the new target in the document", |seen| {
        let document: Value = serde_json::from_str(seen.values.get(&format!("{x1c}/state"))?).unwrap();
        (document["bed_target"] == 61.0 && document["ams"].is_object()).then_some(())
    })
    .await;
    let report = eyes.hears(0, &format!("{x1c}/raw/report"), "push_status").await;
    assert!(serde_json::from_str::<Value>(&report).is_ok(), "as it came");
    for request in ["get_version", "pushall", "M140"] {
        eyes.hears(0, &format!("{x1c}/raw/request"), request).await;
    }
    // What is said to printers holds nothing of the login.
    let folder = scene.world.folder.path().join("state");
    let mut kept = Vec::new();
    for file in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).filter(|p| p.is_file())
    {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        kept.extend(text.split('"').map(str::trim).filter(|word| word.len() > 20).map(str::to_owned));
    }
    let settings = scene.world.cloud.settings();
    kept.extend([settings.account.clone(), settings.password.clone()]);
    eyes.look(|seen| {
        for (topic, payload) in seen.messages.iter().filter(|(topic, _)| topic.ends_with("/raw/request")) {
            for secret in &kept {
                assert!(!payload.contains(secret.as_str()), "{topic}: {payload}");
            }
        }
    });
    // Nothing is read from there.
    eyes.publish(&format!("{x1c}/raw/request"), r#"{"print":{"command":"stop"}}"#);
    eyes.publish(&format!("{x1c}/raw/request/set"), "x");
    eyes.order(&bed, "62", "confirmed").await;
    eyes.look(|seen| assert!(!seen.is(&format!("{x1c}/status"), "failed")));

    let Scene { world, broker, gateway, .. } = scene;
    gateway.stop().await;
    let fresh = Eyes::open(broker.port).await;
    fresh.until("the document that is kept", |seen| seen.values.get(&format!("{x1c}/state")).map(drop)).await;
    fresh.look(|seen| assert!(!seen.values.keys().any(|topic| topic.contains("/raw/")), "not retained"));
    let gateway = Gateway::start(&world.configuration(broker.port, &NOTHING));
    fresh
        .until("the documents to be cleared", |seen| {
            (!seen.values.keys().any(|topic| topic.ends_with("/state"))).then_some(())
        })
        .await;
    gateway.stop().await;
}

#[tokio::test]
async fn read_only_takes_the_controls_away_and_their_values_stay() {
    let first = Scene::start(&NOTHING).await;
    let controls = |config: &Value| -> Vec<String> {
        let platforms = ["switch", "light", "number", "select", "fan", "button"];
        let components = config["components"].as_object().unwrap();
        let is_control =
            |c: &Value| platforms.iter().any(|p| c["platform"] == *p) && c.get("unique_id").is_some();
        components.iter().filter(|(_, c)| is_control(c)).map(|(id, _)| id.clone()).collect()
    };
    let (device, bed) = (first.device(0), format!("{}/bed_target", first.printer(0)));
    assert!(first.eyes.look(|seen| controls(&seen.config(&device).unwrap()).len()) > 8);
    first.gateway.stop().await;

    let document = first.world.configuration(first.broker.port, &json!({"controls": {"mode": "read_only"}}));
    let mark = first.eyes.mark();
    let gateway = Gateway::start(&document);
    let left = first
        .eyes
        .until("a discovery message without controls", |seen| {
            let left = controls(&seen.config(&device)?);
            (left.len() < 3).then_some(left)
        })
        .await;
    assert!(
        left.iter().all(|id| ["button_refresh", "button_clear_plate"].contains(&id.as_str())),
        "{left:?}"
    );
    // Home Assistant forgets a component only when it is told so; leaving it out is not enough.
    let config = format!("homeassistant/device/{device}/config");
    first.eyes.hears(mark, &config, r#""number_bed_target":{"p":"number"}"#).await;
    first.eyes.sees(&first.world.serials()).await;
    // Its result leaves after whatever is cleared.
    first.eyes.order(&bed.replace("bed_target", "chamber_light"), "OFF", "refused").await;
    first.eyes.look(|seen| {
        assert!(seen.values.contains_key(&bed), "the sensor of the same key stays");
        assert_eq!(missing(seen), Vec::<String>::new());
    });
    gateway.stop().await;
}

#[tokio::test]
async fn two_printers_of_one_name_keep_their_entities_apart() {
    let world = World::start().await;
    let serials = world.serials();
    let broker = Broker::start(Kind::Embedded).await;
    let eyes = Eyes::open(broker.port).await;
    let twin = json!({"printers": [{"serial": serials[0], "name": "Demo A1 mini"}]});
    let gateway = Gateway::start(&world.configuration(broker.port, &twin));
    eyes.holds("bambu2mqtt/bridge/availability", "online").await;
    eyes.look(|seen| {
        let mut ids = std::collections::BTreeMap::new();
        for (topic, payload) in &seen.values {
            if topic.starts_with("homeassistant/device/") {
                let config = homeassistant::discovery::read(payload.as_bytes()).unwrap();
                for component in config["components"].as_object().unwrap().values() {
                    // A device trigger is no entity.
                    let Some(id) = component["default_entity_id"].as_str().map(str::to_owned) else {
                        continue;
                    };
                    if let Some(other) = ids.insert(id.clone(), topic.clone()) {
                        panic!("{id} is claimed by {other} and {topic}");
                    }
                }
            }
        }
        assert!(ids.len() > 100);
    });
    gateway.stop().await;
}

#[tokio::test]
async fn actions_are_carried_out_or_refused_with_the_id_of_their_request() {
    let scene = Scene::start(&NOTHING).await;
    let (eyes, x1c) = (&scene.eyes, scene.printer(0));
    let act = async |name: &str, body: &str, outcome: &str| -> Value {
        let (topic, mark) = (format!("{x1c}/action/{name}"), eyes.mark());
        eyes.publish(&topic, body);
        serde_json::from_str(&eyes.hears(mark, &format!("{topic}/result"), outcome).await).unwrap()
    };
    let done = act("skip_objects", r#"{"id": "first", "objects": [409]}"#, "confirmed").await;
    assert_eq!(done["id"], "first");
    let moved = act("move", r#"{"id": 7, "axis": "x", "distance": 10}"#, "refused").await;
    assert_eq!(moved["id"], 7);
    assert!(moved["reason"].as_str().unwrap().contains("print"), "{moved}");
    let odd = act("skip_objects", r#"{"id": "odd", "objects": [410], "colour": 1}"#, "refused").await;
    assert!(odd["reason"].as_str().unwrap().contains("colour"), "{odd}");
    for garbage in ["", "[]", "PRESS", "\u{0}"] {
        act("skip_objects", garbage, "refused").await;
    }
    let long = format!(r#"{{"id": "long", "objects": [{}1]}}"#, "1,".repeat(20_000));
    let long = act("skip_objects", &long, "refused").await;
    assert!(long["reason"].as_str().unwrap().len() < 300, "{long}");
    let unknown = act("explode", "{}", "refused").await;
    assert!(
        unknown["reason"].as_str().unwrap().contains("skip_objects"),
        "the known ones are named: {unknown}"
    );
}

#[tokio::test]
async fn what_the_broker_kept_from_before_is_no_command() {
    let world = World::with(Options::default()).await;
    let broker = Broker::start(Kind::Embedded).await;
    let eyes = Eyes::open(broker.port).await;
    let x1c = format!("bambu2mqtt/{}", world.serials()[0]);
    let (action, button) = (format!("{x1c}/action/skip_objects"), format!("{x1c}/pause"));
    eyes.publish_retained(&action, r#"{"id": "old", "objects": [409]}"#);
    eyes.publish_retained(&format!("{button}/set"), "PRESS");
    eyes.holds(&action, r#"{"id": "old", "objects": [409]}"#).await;
    let mark = eyes.mark();
    let _gateway = Gateway::start(&world.configuration(broker.port, &NOTHING));
    eyes.holds("bambu2mqtt/bridge/availability", "online").await;
    // One that is carried out shows that the kept ones have been seen by then.
    eyes.order(&format!("{x1c}/chamber_light"), "OFF", "confirmed").await;
    eyes.look(|seen| {
        let results = [format!("{action}/result"), format!("{button}/result")];
        assert!(!seen.messages.iter().skip(mark).any(|(topic, _)| results.contains(topic)), "carried out");
    });
    eyes.holds(&format!("{x1c}/status"), "running").await;
}

#[tokio::test]
async fn a_device_that_was_deleted_in_home_assistant_comes_back_when_it_is_looked_for() {
    let scene = Scene::start(&NOTHING).await;
    let config = format!("homeassistant/device/{}/config", scene.device(0));
    // Home Assistant deletes a device by emptying its discovery message.
    scene.eyes.publish_retained(&config, "");
    scene
        .eyes
        .until("the end of the message", |seen| (!seen.values.contains_key(&config)).then_some(()))
        .await;
    // Whether the account may be asked again so soon is another question.
    scene.eyes.publish("bambu2mqtt/bridge/refresh_printers/set", "PRESS");
    scene.eyes.until("the device to be back", |seen| seen.values.contains_key(&config).then_some(())).await;
}

#[tokio::test]
async fn another_discovery_prefix_takes_the_place_of_the_last_one() {
    let Scene { world, broker, eyes, gateway } = Scene::start(&NOTHING).await;
    gateway.stop().await;
    let of = |prefix: &str| {
        let serial = &world.serials()[0];
        [
            format!("{prefix}/device/bambu2mqtt_{serial}/config"),
            format!("{prefix}/device/bambu2mqtt_bridge/config"),
        ]
    };
    let has = |topics: [String; 2]| {
        move |seen: &crate::support::world::Seen| topics.iter().all(|topic| seen.values.contains_key(topic))
    };
    assert!(eyes.look(has(of("homeassistant"))));
    // Somebody else's device stays.
    eyes.publish_retained("homeassistant/device/shelf/config", r#"{"device": {"name": "Shelf"}}"#);
    let change = json!({"homeassistant": {"discovery_prefix": "second"}});
    let gateway = Gateway::start(&world.configuration(broker.port, &change));
    eyes.sees(&world.serials()).await;
    eyes.until("the new ones", |seen| has(of("second"))(seen).then_some(())).await;
    let ours = |seen: &crate::support::world::Seen| {
        seen.values.keys().filter(|topic| topic.starts_with("homeassistant/device/bambu2mqtt_")).count()
    };
    eyes.until("the old ones to go", |seen| (ours(seen) == 0).then_some(())).await;
    eyes.look(|seen| assert!(seen.values.contains_key("homeassistant/device/shelf/config")));
    // Home Assistant still says where it always did that it came up.
    let mark = eyes.mark();
    eyes.publish("homeassistant/status", "online");
    eyes.hears(mark, &of("second")[0], "cmps").await;
    gateway.stop().await;
    // `purge` of a configuration that has yet another prefix takes off what the last run announced.
    let change = json!({"homeassistant": {"discovery_prefix": "third"}});
    let file = world.write(&world.configuration(broker.port, &change));
    let left = crate::support::world::run(&["purge", "-c", &file]).await;
    assert_eq!(left.code, Some(0), "{left:?}");
    let ours =
        |seen: &crate::support::world::Seen| seen.values.keys().any(|topic| topic.contains("bambu2mqtt"));
    eyes.until("nothing of ours", |seen| (!ours(seen)).then_some(())).await;
}
