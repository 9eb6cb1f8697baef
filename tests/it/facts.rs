//! What the cloud knows beside what printers say, from its answers to the local broker: there when it answers,
//! kept for when it does not, and in nobody's way.

use simulator::{Endpoint, Failure};
use std::sync::Arc;
use std::time::Duration;

use homeassistant::topic::Topics;
use printer::cloud::{Names, Picture, PictureKind, Release};
use printer::{Facts, Now};
use serde_json::{Value, json};
use twin::Input;

use crate::support::player::Player;
use crate::support::world::{Eyes, Gateway, Seen, World, soon};
use crate::support::{Broker, Kind};

/// All that is asked for beside login and list.
const DATA: [Endpoint; 7] = [
    Endpoint::Tasks,
    Endpoint::Project,
    Endpoint::Version,
    Endpoint::Presets,
    Endpoint::Messages,
    Endpoint::Prints,
    Endpoint::Picture,
];

struct Scene {
    world: World,
    broker: Broker,
    eyes: Eyes,
}

impl Scene {
    async fn new() -> Self {
        let world = World::start().await;
        let broker = Broker::start(Kind::Embedded).await;
        let eyes = Eyes::open(broker.port).await;
        Self { world, broker, eyes }
    }

    fn gateway(&self) -> Gateway {
        Gateway::start(&self.world.configuration(self.broker.port, &Value::Null))
    }

    /// The topics of the first printer, an X1C that prints what the cloud sent.
    fn printer(&self) -> String {
        format!("bambu2mqtt/{}", self.world.serials()[0])
    }

    async fn value(&self, key: &str, fits: impl Fn(&str) -> bool) -> String {
        let topic = format!("{}/{key}", self.printer());
        let find = |seen: &Seen| seen.values.get(&topic).filter(|value| fits(value)).cloned();
        self.eyes.until(&topic, find).await
    }

    async fn document(&self, key: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
        parse(&self.value(key, |text| fits(&parse(text))).await)
    }

    /// The picture as it is kept for the next start; that is done beside the gateway.
    async fn kept_picture(&self) -> Vec<u8> {
        let file = format!("state/cover-{}", self.world.serials()[0]);
        let path = self.world.folder.path().join(file);
        let kept = async {
            loop {
                match std::fs::read(&path) {
                    Ok(bytes) => return bytes,
                    Err(_) => tokio::task::yield_now().await,
                }
            }
        };
        soon("a picture on disk", kept).await
    }
}

#[tokio::test]
async fn a_job_of_the_cloud_has_its_picture_its_weights_and_its_times() {
    let scene = Scene::new().await;
    let gateway = scene.gateway();
    let picture = scene.value("image/cover", |_| true).await;
    let weight = scene.value("filament_weight", |value| value != "None").await;
    assert!(weight.parse::<f32>().unwrap() > 0.0);
    let slots =
        scene.document("filament_weight/attributes", |slots| slots.get("AMS 1 Tray 1").is_some()).await;
    assert!(slots["AMS 1 Tray 1"].as_f64().unwrap() > 0.0, "{slots}");
    scene.value("bed_type", |value| value == "textured_plate").await;
    scene.value("start_time", |value| value.ends_with('Z')).await;
    scene.value("estimated_time", |value| value.parse::<u32>().is_ok_and(|minutes| minutes > 0)).await;
    scene.value("cloud_online", |value| value == "ON").await;
    let last = scene.document("last_tasks/attributes", |last| last["tasks"][0]["status"] == "running").await;
    assert_eq!(last["tasks"][0]["ended_at"], Value::Null, "what is under way has no end");

    // The newest firmware is one that the printer itself does not offer.
    let firmware = scene.document("firmware", |firmware| firmware["latest_version"] == "99.01.00.00").await;
    assert!(firmware["release_summary"].as_str().unwrap().starts_with("## New in this version"));
    let notes = scene.document("firmware/attributes", |notes| notes["notes"].is_string()).await;
    assert!(notes["notes"].as_str().unwrap().ends_with("switched off."));
    let other = format!("bambu2mqtt/{}/firmware", scene.world.serials()[1]);
    scene.eyes.look(|seen| {
        let firmware: Value = serde_json::from_str(&seen.values[&other]).unwrap();
        assert_eq!(firmware["latest_version"], firmware["installed_version"]);
        let device = seen.config(&format!("bambu2mqtt_{}", scene.world.serials()[0])).unwrap();
        let cover = &device["components"]["image_cover"];
        assert_eq!(cover["content_type"], "image/png");
        assert_eq!(cover["image_topic"], format!("{}/image/cover", scene.printer()));
        assert!(cover.get("state_topic").is_none());
    });

    // Every byte of it, which text would not show.
    let kept = scene.kept_picture().await;
    gateway.stop().await;
    assert_eq!(PictureKind::of(&kept), Some(PictureKind::Png));
    assert_eq!(picture, String::from_utf8_lossy(&kept));
    assert!(kept.ends_with(b"IEND\xAE\x42\x60\x82"), "to the last byte");
    // The addresses of pictures are signed, and a login is nothing for them: the demo's cloud refuses it.
    let state = std::fs::read_to_string(scene.world.folder.path().join("state/facts.json")).unwrap();
    assert!(!state.contains("sign=") && !state.contains("http"), "{state}");
    assert!(!state.contains(&scene.world.cloud.settings().token));
}

#[tokio::test]
async fn the_objects_of_a_cloud_job_have_names_and_are_left_out_by_them() {
    let scene = Scene::new().await;
    let gateway = scene.gateway();
    scene.value("printable_objects", |count| count == "4").await;
    let listed = scene.document("printable_objects/attributes", |listed| listed["objects"].is_object()).await;
    let expected =
        json!({"10470": "Bracket.stl", "33525": "Pinion.stl", "46140": "Clip.stl", "56575": "Clip.stl"});
    assert_eq!(listed["objects"], expected);
    let pick = scene.value("image/pick", |_| true).await;
    assert_ne!(pick, scene.value("image/cover", |_| true).await);
    let weights = scene.document("filament_weight/attributes", |w| w["filaments"].is_array()).await;
    let first = &weights["filaments"][0];
    assert_eq!((&first["number"], first["color"].as_str().unwrap().len()), (&json!(1), 7), "{weights}");
    assert!(
        first["weight_g"].as_f64().unwrap() > 0.0 && first["length_m"].as_f64().unwrap() > 0.0,
        "{weights}"
    );

    // By name or by number, in one request; a name that two have is none.
    let act = async |request: Value, wanted: &str| -> Value {
        let id = request["id"].as_str().unwrap().to_owned();
        let topic = format!("{}/action/skip_objects", scene.printer());
        scene.eyes.publish(&topic, &request.to_string());
        let find = |seen: &Seen| {
            let results = seen.messages.iter().filter(|(told, _)| *told == format!("{topic}/result"));
            let mut results = results.filter_map(|(_, text)| serde_json::from_str::<Value>(text).ok());
            results.find(|result| result["id"] == id.as_str() && result["outcome"] == wanted)
        };
        scene.eyes.until(&format!("{wanted} for {id}"), find).await
    };
    let done = act(json!({"id": "named", "objects": ["bracket.STL", 33525]}), "confirmed").await;
    let objects = json!([{"id": 10470, "name": "Bracket.stl"}, {"id": 33525, "name": "Pinion.stl"}]);
    assert_eq!(done["objects"], objects, "{done}");
    let skipped =
        scene.document("skipped_objects/attributes", |s| s["objects"] == json!([10470, 33525])).await;
    assert_eq!(skipped["names"], json!({"10470": "Bracket.stl", "33525": "Pinion.stl"}));
    let several = act(json!({"id": "two", "objects": ["Clip.stl"]}), "refused").await;
    assert!(several["reason"].as_str().unwrap().ends_with("of 46140, 56575"), "{several}");
    let none = act(json!({"id": "none", "objects": ["Vase"]}), "refused").await;
    assert!(none["reason"].as_str().unwrap().contains("no object `Vase`; it has `Bracket.stl`"), "{none}");

    // Once for each job that is under way, also across a start, and no address is kept.
    let rest = scene.world.cloud.rest();
    let asked = rest.asked(Endpoint::Project);
    assert!(asked <= scene.world.serials().len(), "{asked}");
    gateway.stop().await;
    let state = std::fs::read_to_string(scene.world.folder.path().join("state/facts.json")).unwrap();
    assert!(state.contains("Pinion.stl") && !state.contains("http"), "{state}");
    let topics = ["image/pick", "printable_objects"].map(|key| format!("{}/{key}", scene.printer()));
    for topic in &topics {
        scene.eyes.publish_retained(topic, "");
        scene.eyes.until("an empty broker", |seen| (!seen.values.contains_key(topic)).then_some(())).await;
    }
    let gateway = scene.gateway();
    scene.value("printable_objects", |count| count == "4").await;
    scene.value("image/pick", |again| again == pick).await;
    // A look at the tasks is after what would be asked at a start.
    scene.value("status", |status| status == "running").await;
    gateway.stop().await;
    assert_eq!(rest.asked(Endpoint::Project), asked, "{:?}", rest.requests());
}

#[tokio::test]
async fn a_filament_of_ones_own_is_called_as_the_account_calls_it() {
    let scene = Scene::new().await;
    let _gateway = scene.gateway();
    let slot = "ams/0/tray_4";
    let before = scene.value(slot, |name| name != "None").await;
    assert_ne!(before, "Demo PETG Recycled");
    let request = json!({"print": {
        "command": "ams_filament_setting", "sequence_id": "1", "ams_id": 0, "tray_id": 3, "slot_id": 3,
        "tray_info_idx": "P8d19ba6", "tray_type": "PETG", "tray_color": "00FF00FF",
        "nozzle_temp_min": 230, "nozzle_temp_max": 260,
    }});
    let serial = scene.world.serials()[0].clone();
    scene.world.cloud.with_printer(&serial, |printer| printer.handle(request.to_string().as_bytes()));
    scene.value(slot, |name| name == "Demo PETG Recycled").await;
    scene.document(&format!("{slot}/attributes"), |slot| slot["filament_id"] == "P8d19ba6").await;
}

#[tokio::test]
async fn what_was_told_is_there_after_a_start_with_a_cloud_that_tells_nothing() {
    let scene = Scene::new().await;
    let gateway = scene.gateway();
    let picture = scene.value("image/cover", |_| true).await;
    let weight = scene.value("filament_weight", |value| value != "None").await;
    scene.document("firmware", |firmware| firmware["latest_version"] == "99.01.00.00").await;
    scene.kept_picture().await;
    gateway.stop().await;
    scene.eyes.publish_retained(&format!("{}/image/cover", scene.printer()), "");
    scene.eyes.publish_retained(&format!("{}/filament_weight", scene.printer()), "");
    let topic = format!("{}/filament_weight", scene.printer());
    scene.eyes.until("an empty broker", |seen| (!seen.values.contains_key(&topic)).then_some(())).await;

    let rest = scene.world.cloud.rest();
    let before: usize = DATA.iter().map(|endpoint| rest.asked(*endpoint)).sum();
    for endpoint in DATA {
        rest.fail(endpoint, Failure::Maintenance);
    }
    let _gateway = scene.gateway();
    scene.value("image/cover", |again| again == picture).await;
    scene.value("filament_weight", |again| again == weight).await;
    let firmware = scene.document("firmware", |firmware| firmware["latest_version"] == "99.01.00.00").await;
    assert!(!firmware["release_summary"].as_str().unwrap().is_empty());
    let after: usize = DATA.iter().map(|endpoint| rest.asked(*endpoint)).sum();
    assert!(after - before <= 4, "nothing of it was asked again, but the inbox: {:?}", rest.requests());
}

#[tokio::test]
async fn with_a_cloud_that_tells_nothing_only_its_extras_are_missing() {
    let scene = Scene::new().await;
    for endpoint in DATA {
        scene.world.cloud.rest().fail(endpoint, Failure::Fault(None));
    }
    let _gateway = scene.gateway();
    scene.eyes.holds("bambu2mqtt/bridge/availability", "online").await;
    scene.value("status", |status| status == "running").await;
    scene.value("filament_weight", |weight| weight == "None").await;
    scene.value("cloud_online", |online| online == "ON").await;
    scene.eyes.look(|seen| {
        assert!(!seen.values.contains_key(&format!("{}/image/cover", scene.printer())));
        assert!(seen.is("bambu2mqtt/bridge/account", "connected"));
    });
    // And they come by themselves once it does; the pauses before that are the plan's own test.
    assert!(scene.world.cloud.rest().asked(Endpoint::Tasks) <= 3);
}

#[tokio::test]
async fn a_message_in_the_inbox_is_told_once_and_those_that_were_there_before_never() {
    const TOPIC: &str = "bambu2mqtt/bridge/event/message";
    let scene = Scene::new().await;
    let (cloud, serials) = (&scene.world.cloud, scene.world.serials());
    let start = || {
        // Ten minutes lie between two looks at the inbox.
        let document = scene.world.configuration(scene.broker.port, &Value::Null);
        Gateway::at_speed(&document, None, 60)
    };
    let end_job = |serial: &str| {
        cloud.with_printer(serial, |printer| {
            let title = printer.task().expect("a task of the cloud").title.clone();
            printer.cancel_job();
            title
        })
    };
    let told = || {
        scene.eyes.look(|seen| {
            let told = seen.messages.iter().filter(|(topic, _)| topic == TOPIC);
            told.map(|(_, payload)| serde_json::from_str(payload).unwrap()).collect::<Vec<Value>>()
        })
    };
    let tells = async |serial: &str| {
        let find = |seen: &Seen| {
            let mut told = seen.messages.iter().filter(|(topic, _)| topic == TOPIC);
            told.find(|(_, payload)| payload.contains(serial)).map(drop)
        };
        scene.eyes.until("a message of the printer", find).await;
    };

    // There are letters in the inbox from the beginning, of what has happened before.
    let gateway = start();
    scene.eyes.holds("bambu2mqtt/bridge/printers_online", "3").await;
    let looked = |_: &Seen| (cloud.rest().asked(Endpoint::Messages) > 0).then_some(());
    scene.eyes.until("a look at the inbox", looked).await;
    let title = end_job(&serials[0]).unwrap();
    tells(&serials[0]).await;
    gateway.stop().await;
    let first = told();
    assert_eq!(first.len(), 1, "{first:#?}");
    let mut message = first[0].clone();
    assert!(message["at"].take().as_str().unwrap().ends_with('Z'));
    assert!(message["message_id"].take().as_str().unwrap().parse::<u32>().unwrap() > 1000);
    assert!(message["task_id"].take().is_string());
    let expected = json!({
        "event_type": "message", "message_id": null, "type": 6, "at": null, "serial": serials[0],
        "printer": "Demo X1 Carbon", "task_id": null, "title": title, "status": "ended",
    });
    assert_eq!(message, expected);
    // As Home Assistant is told to look for it.
    scene.eyes.look(|seen| {
        let device = seen.config("bambu2mqtt_bridge").unwrap();
        let event = &device["components"]["event_message"];
        assert_eq!((&event["state_topic"], &event["event_types"]), (&json!(TOPIC), &json!(["message"])));
        assert!(!seen.messages.iter().any(|(topic, payload)| topic == TOPIC && payload.is_empty()));
    });

    // What comes while it is not there is told at the next start, and nothing else: older ones would come first.
    end_job(&serials[2]).unwrap();
    let gateway = start();
    tells(&serials[2]).await;
    gateway.stop().await;
    let both = told();
    assert_eq!((both.len(), &both[0]), (2, &first[0]), "{both:#?}");
    assert_eq!(both[1]["serial"], json!(serials[2]));
    // An event is of its moment: whoever subscribes later has heard nothing.
    let late = Eyes::open(scene.broker.port).await;
    late.publish("after/all", "that was kept");
    late.holds("after/all", "that was kept").await;
    late.look(|seen| {
        assert!(seen.is("bambu2mqtt/bridge/availability", "offline") && !seen.values.contains_key(TOPIC));
    });
}

#[test]
fn pictures_are_told_by_their_first_bytes() {
    let kind = |bytes: &[u8]| Picture::new(bytes.to_vec()).map(|picture| picture.kind);
    assert_eq!(kind(b"\x89PNG\r\n\x1A\n...."), Some(PictureKind::Png));
    assert_eq!(kind(b"\xFF\xD8\xFF\xE0...."), Some(PictureKind::Jpeg));
    assert_eq!(kind(b"RIFF\x10\0\0\0WEBPVP8 "), Some(PictureKind::Webp));
    assert_eq!((kind(b"<Error>AccessDenied</Error>"), kind(b""), kind(b"GIF89a")), (None, None, None));
    let shown = format!("{:?}", Picture::new(b"\xFF\xD8\xFFsecret".to_vec()));
    assert!(!shown.contains("secret") && shown.contains("9 bytes"), "{shown}");
}

#[test]
fn names_and_firmware_that_come_late_are_told_at_once_and_kept() {
    let now = Now { mono: Duration::from_secs(60), wall: "2026-03-01T12:00:00Z".parse().unwrap() };
    let topics = Topics { base: "b".into(), discovery: "h".into(), id_prefix: "b".into() };
    let mut player = Player::new(now, "01P00A000000001", "Garage", &Arc::new(topics));
    let version = json!({"info": {"command": "get_version", "module": [
        {"name": "ota", "sw_ver": "01.07.00.00", "sn": "01P00A000000001", "hw_ver": "OTA"},
        {"name": "ams/0", "sw_ver": "00.00.06.40", "sn": "00600A000000001", "hw_ver": "AMS08"}]}});
    let report = json!({"print": {"command": "push_status", "msg": 0, "gcode_state": "IDLE", "ams": {
        "ams": [{"id": "0", "humidity": "4", "temp": "20.0", "tray": [
            {"id": "0", "tray_type": "PETG", "tray_info_idx": "P8d19ba6", "tray_color": "00FF00FF", "cols": []}]}],
        "ams_exist_bits": "1", "tray_exist_bits": "1", "tray_now": "255"}}});
    for message in [&version, &report] {
        player.hear(now, message.to_string());
    }
    let name = |player: &Player| player.snapshot().ams[0].slots[0].filament().unwrap().name.to_string();
    assert_eq!(name(&player), "PETG", "a number says nothing to anybody");
    assert_eq!(player.snapshot().ams[0].firmware_available(), None);

    let notes = Some("Dries at night.".to_owned());
    let release = |version: &str| {
        Arc::new(Release {
            version: version.into(),
            unit: Some(0),
            notes: notes.clone(),
            ..Release::default()
        })
    };
    let facts = |version: &str| {
        let names = Names::from([("P8d19ba6".into(), "Mine".into())]);
        Arc::new(Facts { names: Arc::new(names), ams_releases: vec![release(version)], ..Facts::default() })
    };
    player.look(now);
    player.handle(now, Input::Facts(facts("00.00.06.49")));
    let told: Vec<_> = player.look(now).into_iter().map(|p| p.topic).collect();
    assert!(told.contains(&"b/01P00A000000001/ams/0/tray_1".to_owned()), "{told:?}");
    assert_eq!(name(&player), "Mine");
    assert_eq!(player.snapshot().ams[0].firmware_available().map(printer::Text::as_str), Some("00.00.06.49"));
    player.handle(now, Input::Facts(facts("00.00.06.49")));
    assert!(player.look(now).is_empty(), "the same again is nothing new");
    player.handle(now, Input::Facts(facts("00.00.06.10")));
    assert_eq!(player.snapshot().ams[0].firmware_available(), None, "what is older is none that is offered");
    player.hear(now, report.to_string());
    assert_eq!(name(&player), "Mine", "the next report takes nothing away");
}
