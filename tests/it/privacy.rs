//! What its owner does not want on the local broker, where everybody in the house can read it.

use std::sync::Arc;

use homeassistant::Kind;
use homeassistant::event::{Telling, message};
use printer::cloud::{Cover, Facts, Picture, PictureKind, Plate, PlateObject, Presence, Task, TaskStatus};
use printer::{Policy, Privacy};
use serde_json::json;
use twin::{Ask, Input};

use crate::homeassistant::{Home, now, topics};

/// A name that stands in everything that has one.
const SECRET: &str = "Gift for Ada";
/// 192.168.7.9 as printers write it.
const ADDRESS: (u32, &str) = (0x0907_A8C0, "192.168.7.9");

/// All that was told of a print with that name, with what is retained at its end first.
fn told(privacy: Privacy) -> Vec<String> {
    let mut home = Home::new("P1S");
    home.player.policy(now(), |policy| policy.privacy = privacy);
    let task = Task {
        id: "111111".into(),
        title: Some(SECRET.into()),
        plate_name: Some(SECRET.into()),
        design: Some((SECRET.into(), "7".into())),
        status: Some(TaskStatus::Running),
        ..Task::default()
    };
    let picture = Picture { kind: PictureKind::Png, bytes: SECRET.into() };
    let plate = Plate { objects: vec![PlateObject { id: 3, name: SECRET.into() }], ..Plate::default() };
    let facts = Facts {
        task: Some(task.clone().into()),
        recent: Some(vec![Arc::new(task)].into()),
        cover: Cover::Is(picture.clone().into()),
        pick: Cover::Is(picture.into()),
        plate: Some(plate.into()),
        presence: Some(Presence { title: Some(SECRET.into()), ..Presence::default() }.into()),
        ..Facts::default()
    };
    home.player.handle(now(), Input::Facts(facts.into()));
    for members in [
        json!({"gcode_state": "PREPARE", "subtask_name": SECRET, "gcode_file": format!("{SECRET}.3mf"),
            "task_id": "111111", "subtask_id": "111111", "s_obj": [3],
            "net": {"conf": 0, "info": [{"ip": ADDRESS.0, "mask": 16_777_215}]}}),
        json!({"gcode_state": "RUNNING", "layer_num": 3, "mc_percent": 30}),
        json!({"gcode_state": "FINISH", "mc_percent": 100}),
    ] {
        home.printer.set(members);
        home.tell_all();
        home.look();
    }
    let at = |seconds: u64| printer::Now { mono: std::time::Duration::from_secs(seconds), ..now() };
    for second in [20, 40, 60] {
        home.player.handle(at(second), Input::Tick);
        home.look();
    }
    // What came of a command names objects, too.
    for (name, payload) in
        [("action/skip_objects", r#"{"objects": [3]}"#), ("action/skip_objects", r#"{"objects": ["x"]}"#)]
    {
        let (key, name) = (name, name.rsplit('/').next().unwrap());
        home.player.handle(now(), Input::Ask(Ask::Action { key, name, payload: payload.as_bytes() }));
        home.look();
    }
    let answers: Vec<String> = home.player.answers.iter().map(|p| p.payload.clone()).collect();
    assert_eq!(answers.len(), 2, "{answers:?}");
    let events = home.player.events.iter().map(|event| {
        message(&topics(), home.player.snapshot(), event, Telling { at: now().wall, again: false }).payload
    });
    let pictures = home.player.pictures.iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    home.broker.values().cloned().chain(events).chain(pictures).chain(answers).collect()
}

#[test]
fn what_is_kept_private_is_nowhere_and_the_rest_is() {
    let has = |told: &[String], text: &str| told.iter().filter(|payload| payload.contains(text)).count();
    let all = told(Privacy::default());
    assert!(has(&all, SECRET) > 10 && has(&all, ADDRESS.1) > 0, "{all:?}");
    let none = told(Privacy { job_names: false, pictures: false, addresses: false });
    assert_eq!((has(&none, SECRET), has(&none, ADDRESS.1)), (0, 0), "{none:?}");
    assert!(has(&none, "finished") > 0, "that it ended is told all the same");
    let only = told(Privacy { addresses: false, ..Privacy::default() });
    assert_eq!((has(&only, SECRET), has(&only, ADDRESS.1)), (has(&all, SECRET), 0));
}

#[test]
fn what_becomes_private_leaves_the_broker_with_what_an_earlier_run_told() {
    let mut home = Home::new("P1S");
    home.printer.set(json!({"subtask_name": SECRET, "gcode_file": "plate.gcode"}));
    home.tell_all();
    let topic = format!("bambu2mqtt/{}/job_name", home.printer.serial);
    assert_eq!(home.broker[&topic], SECRET);
    let private = |policy: &mut Policy| policy.privacy.job_names = false;
    home.player.policy(now(), private);
    home.look();
    let left = |home: &Home| home.broker.keys().filter(|key| key.contains("/job_name")).count();
    assert_eq!(left(&home), 0);
    let config = home.config(&home.own()).unwrap();
    assert!(config["components"].get("sensor_job_name").is_none());
    // A run that never told it takes it off, too: the one before did.
    let mut later = Home::of(home.printer, "P1S");
    later.player.policy(now(), private);
    let out = later.look();
    assert!(out.iter().any(|p| p.topic == topic && p.kind == Kind::Removed), "{out:?}");
}
