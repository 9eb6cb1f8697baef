//! Events as they are told on the local broker and announced to Home Assistant.

use std::collections::BTreeSet;
use std::sync::Arc;

use homeassistant::catalog::PRINTER;
use homeassistant::entity::Platform;
use homeassistant::event::{self, TRIGGERS, Telling};
use homeassistant::topic::Topics;
use jiff::Timestamp;
use printer::cloud::TaskSlot;
use printer::event::{Event, EventSource, Group, Kind};
use printer::levels::{Activity, Levels};
use printer::reason::Reason;
use printer::record::{Counters, JobClass, JobRecord, JobResult};
use printer::{Identity, Snapshot, command, permit};
use serde_json::{Value as Json, json};

use crate::homeassistant::Home;
use crate::reports::MODELS;

fn topics() -> Topics {
    Topics { base: "bambu2mqtt".into(), discovery: "homeassistant".into(), id_prefix: "bambu2mqtt".into() }
}

fn who() -> Snapshot {
    Snapshot::unheard("Garage", Identity::new("01P00A000000001", "P1S"))
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn failed() -> Event {
    let slots = vec![
        TaskSlot {
            unit: Some(0),
            slot: 2,
            material: Some("PETG".into()),
            weight_g: Some(12.344),
            ..TaskSlot::default()
        },
        TaskSlot { unit: Some(128), nozzle: Some(1), ..TaskSlot::default() },
        TaskSlot { nozzle: Some(1), ..TaskSlot::default() },
        TaskSlot::default(),
    ];
    let job = JobRecord {
        key: "7001/7002".into(),
        class: JobClass::Print,
        name: Some("Box for screws".into()),
        task_id: Some("7001".into()),
        subtask_id: Some("7002".into()),
        origin: Some("cloud".into()),
        started_at: Some(at("2026-03-01T10:00:00Z")),
        ended_at: Some(at("2026-03-02T16:30:00Z")),
        result: Some(JobResult::Failed),
        paused_s: 1800,
        progress: Some(61),
        layer: Some(80),
        total_layers: Some(130),
        planned_g: Some(12.3),
        planned_m: Some(4.1),
        slots,
        cost: Some(0.456_7),
        observed: true,
        ..JobRecord::default()
    };
    let reason = Reason {
        kind: "prepare".into(),
        code: Some("0300_8001".into()),
        text: Some("Something is in the way.".into()),
        ..Reason::default()
    };
    Event {
        id: "01JNAT0000000000000000000A".into(),
        seq: 42,
        kind: Kind::Failed,
        at: at("2026-03-02T16:30:00Z"),
        since: None,
        late: true,
        inferred: false,
        source: EventSource::Cloud,
        job: Some(Box::new(job)),
        reason: Some(reason),
        count: None,
    }
}

fn told(event: &Event, again: bool) -> (String, Json) {
    let telling = Telling { at: at("2026-03-02T17:00:00Z"), again };
    let publication = event::message(&topics(), &who(), event, telling);
    assert!(publication.payload.starts_with(r#"{"event_type":""#), "{}", publication.payload);
    (publication.topic, serde_json::from_str(&publication.payload).unwrap())
}

#[test]
fn an_event_says_what_who_when_and_why() {
    let (topic, payload) = told(&failed(), false);
    assert_eq!(topic, "bambu2mqtt/01P00A000000001/event/print");
    let wanted = json!({
        "event_type": "failed",
        "event_id": "01JNAT0000000000000000000A",
        "seq": 42,
        "ts": "2026-03-02T17:00:00Z",
        "at": "2026-03-02T16:30:00Z",
        "late": true,
        "redelivered": false,
        "inferred": false,
        "source": "cloud",
        "message": "Garage: Box for screws failed after 30 h: Something is in the way",
        "printer": {"serial": "01P00A000000001", "name": "Garage", "model": "P1S"},
        "job": {
            "key": "7001/7002",
            "class": "print",
            "name": "Box for screws",
            "result": "failed",
            "task_id": "7001",
            "subtask_id": "7002",
            "print_type": "cloud",
            "started_at": "2026-03-01T10:00:00Z",
            "ended_at": "2026-03-02T16:30:00Z",
            "duration_s": 108_000,
            "paused_s": 1800,
            "progress": 61,
            "layer": 80,
            "total_layers": 130,
            "filament_g": 7.57,
            "filament_m": 2.52,
            "filament_plan_g": 12.3,
            "per_slot": [
                {"slot": "A1-3", "filament_id": null, "material": "PETG", "color": null, "weight_g": 7.6, "plan_g": 12.34},
                {"slot": "HT1", "filament_id": null, "material": null, "color": null, "weight_g": null, "plan_g": null},
                {"slot": "Ext2", "filament_id": null, "material": null, "color": null, "weight_g": null, "plan_g": null},
                {"slot": "Ext", "filament_id": null, "material": null, "color": null, "weight_g": null, "plan_g": null},
            ],
            "energy_kwh": null,
            "cost": 0.46,
        },
        "reason": {
            "kind": "prepare",
            "code": "0300_8001",
            "text": "Something is in the way.",
            "url": null,
            "severity": null,
        },
        "count": null,
    });
    assert_eq!(payload, wanted);
    let (_, again) = told(&failed(), true);
    assert_eq!(again["redelivered"], true);
    assert_eq!(again["event_id"], payload["event_id"]);
}

#[test]
fn what_waited_for_the_broker_is_late_by_its_age() {
    let event = Event { late: false, ..failed() };
    let late = |moment: &str| {
        let telling = Telling { at: at(moment), again: false };
        let payload = event::message(&topics(), &who(), &event, telling).payload;
        serde_json::from_str::<Json>(&payload).unwrap()["late"].clone()
    };
    assert_eq!(late("2026-03-02T16:30:01Z"), false);
    assert_eq!(late("2026-03-02T16:31:00Z"), false);
    assert_eq!(late("2026-03-02T16:31:01Z"), true);
    assert_eq!(late("2026-03-03T00:30:00Z"), true, "a broker that was away for eight hours");
    assert_eq!(late("2026-03-02T16:00:00Z"), false, "a clock that was set back");
}

#[test]
fn what_has_no_job_and_no_reason_has_the_same_keys() {
    let bare = Event { kind: Kind::Online, job: None, reason: None, ..failed() };
    let (topic, payload) = told(&bare, false);
    assert!(topic.ends_with("/event/printer"));
    let keys = |json: &Json| json.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(keys(&payload), keys(&told(&failed(), false).1));
    assert_eq!((&payload["job"], &payload["reason"]), (&Json::Null, &Json::Null));
    assert_eq!(payload["message"], "Garage: came online");
}

#[test]
fn every_kind_makes_a_sentence() {
    for kind in Kind::ALL {
        for event in [Event { kind, ..failed() }, Event { kind, job: None, reason: None, ..failed() }] {
            let (_, payload) = told(&event, false);
            let message = payload["message"].as_str().unwrap();
            assert!(message.starts_with("Garage: ") && message.len() > 15, "{message}");
            assert!(!message.contains("  ") && !message.ends_with([':', ' ', '.']), "{message}");
        }
    }
}

#[test]
fn triggers_are_bare_names() {
    assert_eq!(failed().triggers(), ["print_failed", "print_ended"]);
    let lost = Event { kind: Kind::Lost, ..failed() };
    assert_eq!(lost.triggers(), [""; 0], "nobody knows what to do about it");
}

#[test]
fn each_group_is_an_entity_that_knows_its_words() {
    for group in Group::ALL {
        let row =
            PRINTER.iter().find(|row| matches!(row.platform, Platform::Event(_)) && row.key == group.word());
        let row = row.unwrap_or_else(|| panic!("{group:?} is no entity"));
        assert_eq!(row.platform.words(), event::words(group));
        assert!(row.lasting, "{group:?}: that a printer goes must be told");
    }
}

#[test]
fn every_model_announces_the_triggers_it_can_have() {
    let topic_of = |home: &Home| format!("bambu2mqtt/{}/trigger", home.printer.serial);
    for model in MODELS {
        let home = Home::new(model);
        let config = home.config(&home.own()).unwrap();
        let components = config["components"].as_object().unwrap();
        let mut names = BTreeSet::new();
        for component in components.values().filter(|c| c["platform"] == "device_automation") {
            assert_eq!(component["automation_type"], "trigger");
            assert_eq!(component["topic"], topic_of(&home));
            assert_eq!(component["qos"], 1);
            names.insert(component["payload"].as_str().unwrap().to_owned());
        }
        // Which units a printer of these tests has is their own matter.
        let units = home.player.snapshot().ams.clone();
        for trigger in TRIGGERS {
            let wanted = match trigger.name {
                "ams_drying_finished" => units.iter().any(|ams| ams.can.dries),
                "filament_changed" => !units.is_empty(),
                // Nobody named one.
                "layer_reached" => false,
                "door_opened_while_printing" | "door_open_while_hot" => {
                    home.player.snapshot().capabilities.unwrap().door
                }
                _ => true,
            };
            assert_eq!(names.contains(trigger.name), wanted, "{} of {model}", trigger.name);
        }
        let events = components.values().filter(|c| c["platform"] == "event");
        let mut topics = BTreeSet::new();
        for event in events {
            assert_eq!(event["qos"], 1);
            assert_eq!(event["availability"].as_array().unwrap().len(), 1, "the gateway's only");
            topics.insert(event["state_topic"].as_str().unwrap().to_owned());
        }
        let wanted: BTreeSet<_> = Group::ALL
            .iter()
            .map(|g| format!("bambu2mqtt/{}/event/{}", home.printer.serial, g.word()))
            .collect();
        assert_eq!(topics, wanted);
    }
}

// Levels.

fn read(snapshot: &Snapshot, key: &str) -> Option<String> {
    let row = PRINTER.iter().find(|row| row.key == key && row.platform.has_value());
    let value = (row.unwrap_or_else(|| panic!("no {key}")).read)(snapshot)?;
    Some(format!("{value:?}"))
}

fn with(levels: Levels) -> Snapshot {
    let mut printer = who();
    printer.follow(&Arc::new(levels));
    printer
}

#[test]
fn what_was_never_counted_is_unknown_and_not_zero() {
    for key in ["activity", "printing", "safe_to_power_off", "bed_cooled", "plate_occupied", "last_result"] {
        assert_eq!(read(&with(Levels::default()), key), None, "{key}");
    }
    for key in ["prints_finished", "prints_failed", "usage_hours", "filament_total", "success_rate"] {
        assert_eq!(read(&with(Levels::default()), key), None, "{key}");
    }
    let seen = with(Levels { activity: Some(Activity::Idle), ..Levels::default() });
    assert_eq!(read(&seen, "prints_finished").as_deref(), Some("Int(0)"));
    assert_eq!(read(&seen, "success_rate"), None, "of none");
}

#[test]
fn totals_are_in_the_units_of_people() {
    let counters = Counters {
        finished: 8,
        failed: 1,
        cancelled: 5,
        printing_s: 30 * 3600 + 359,
        filament_g: [("PLA".into(), 100.4), ("PETG".into(), 20.2)].into(),
        ..Counters::default()
    };
    let printer = with(Levels { counters, ..Levels::default() });
    assert_eq!(read(&printer, "success_rate").as_deref(), Some("Int(89)"), "a cancelled print is no failure");
    assert_eq!(read(&printer, "usage_hours").as_deref(), Some("Tenths(30.0)"));
    assert_eq!(read(&printer, "filament_total").as_deref(), Some("Int(121)"));
    let row = PRINTER.iter().find(|row| row.key == "filament_total").unwrap();
    assert_eq!((row.attributes.as_ref().unwrap().make)(&printer), json!({"PETG": 20.2, "PLA": 100.4}));
}

#[test]
fn a_paused_print_is_printing_and_a_calibration_is_not() {
    let wanted = [
        (Activity::Idle, false),
        (Activity::Preparing, true),
        (Activity::Printing, true),
        (Activity::Paused, true),
        (Activity::Calibrating, false),
        (Activity::Finished, false),
        (Activity::Failed, false),
        (Activity::Cancelled, false),
    ];
    for (activity, printing) in wanted {
        let printer = with(Levels { activity: Some(activity), ..Levels::default() });
        assert_eq!(read(&printer, "printing"), Some(format!("Flag({printing})")), "{activity:?}");
        assert!(Activity::WORDS.contains(&activity.word()));
    }
}

#[test]
fn the_last_print_is_told_with_what_a_template_wants_of_it() {
    let job = *failed().job.unwrap();
    let printer = with(Levels {
        last: Some(Arc::new(JobRecord { reason: failed().reason, ..job })),
        last_event: Some("01JNAT0000000000000000000A".into()),
        ..Levels::default()
    });
    assert_eq!(read(&printer, "last_result").as_deref(), Some(r#"Text("failed")"#));
    assert_eq!(read(&printer, "last_ended").as_deref(), Some("Time(2026-03-02T16:30:00Z)"));
    let row = PRINTER.iter().find(|row| row.key == "last_job").unwrap();
    let details = (row.attributes.as_ref().unwrap().make)(&printer);
    for (key, value) in [
        ("result", json!("failed")),
        ("duration_s", json!(108_000)),
        ("reason", json!("prepare")),
        ("reason_text", json!("Something is in the way.")),
        ("event_id", json!("01JNAT0000000000000000000A")),
        ("observed", json!(true)),
    ] {
        assert_eq!(details[key], value, "{key}");
    }
    assert_eq!((row.attributes.as_ref().unwrap().make)(&with(Levels::default())), json!({}));
}

#[test]
fn a_printer_that_went_away_while_printing_needs_attention() {
    let printer = with(Levels { offline_while_printing: true, ..Levels::default() });
    let words: Vec<_> = printer.reasons().map(printer::health::Attention::word).collect();
    assert_eq!(words, ["offline_while_printing"]);
}

#[test]
fn that_the_plate_is_empty_is_told_to_the_gateway_alone() {
    let home = Home::new("P1S");
    let mut snapshot = home.player.snapshot().clone();
    let ask = |snapshot: &Snapshot| {
        let command = homeassistant::command::parse(snapshot, "clear_plate", b"PRESS").unwrap();
        assert_eq!(command, command::Command::ClearPlate);
        permit(snapshot, &snapshot.policy, &command).map_err(|refusal| refusal.to_string())
    };
    snapshot.status = Some(printer::Status::Finish);
    Arc::make_mut(&mut snapshot.policy).read_only = true;
    snapshot.reach = printer::Reach::Offline;
    assert_eq!(ask(&snapshot), Ok(()));
    snapshot.status = Some(printer::Status::Running);
    assert!(ask(&snapshot).unwrap_err().contains("at rest"), "there is something on it");
}
