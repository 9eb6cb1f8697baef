//! What a printer would take now, as it is told to Home Assistant, and what becomes of what it does not take.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use homeassistant::command::parse;
use homeassistant::event::{Telling, message};
use homeassistant::{Kind, Mirror, Publication};
use printer::event::Kind as EventKind;
use printer::stage::PURIFYING;
use printer::tools::{Machine, ToolModule};
use printer::update::Progress;
use printer::{
    Command, Control, Event, Now, Policy, PrintError, Reach, Serial, Snapshot, Source, Stage, Status, permit,
};
use serde_json::{Value as Json, json};
use twin::{Ask, Input};

use crate::homeassistant::{Home, now, topics};
use crate::reports::MODELS;

/// What of a discovery message waits for permission: by the key in that message, the entity's key as it is
/// commanded.
fn waiting(config: &Json, permitted: &str) -> BTreeMap<String, String> {
    let below = permitted.strip_suffix("permitted").unwrap();
    let waits = |component: &Json| {
        let list = component["availability"].as_array()?;
        let entry = list.iter().find(|entry| entry["topic"] == permitted)?;
        let template = entry["value_template"].as_str().unwrap();
        let asked = template.strip_prefix("{{ 'online' if (value_json|default({})).get('").unwrap();
        let asked = asked.strip_suffix("') else 'offline' }}").unwrap().to_owned();
        let topic = component["command_topic"].as_str().unwrap();
        let key = topic.strip_prefix(below).unwrap().strip_suffix("/set").unwrap().to_owned();
        Some((asked, key))
    };
    config["components"].as_object().unwrap().values().filter_map(waits).collect()
}

/// Changes of a printer that decide about what it takes.
const CHANGES: [fn(&mut Snapshot); 11] = [
    |_| {},
    |s| s.stale = true,
    |s| s.update.progress = Some(Progress::default()),
    |s| s.stage = Some(Stage(22)),
    |s| s.stage = Some(PURIFYING),
    |s| s.error = Some(PrintError(0x0500_8051)),
    |s| s.error = Some(PrintError(0x0300_8010)),
    |s| s.sources = [Some(Source::Nothing); 2],
    |s| s.sources = [Some(Source::Ams { unit: 0, slot: 1 }), Some(Source::External(2))],
    |s| s.machine = Machine { tool: Some(ToolModule::Laser10), ..s.machine },
    |s| s.job.skipped = Some([146].into()),
];

const STATUSES: [Option<Status>; 9] = [
    None,
    Some(Status::Failed),
    Some(Status::Finish),
    Some(Status::Idle),
    Some(Status::Init),
    Some(Status::Pause),
    Some(Status::Prepare),
    Some(Status::Running),
    Some(Status::Slicing),
];

/// Every moment that decides about what a printer takes.
fn moments(plain: &Snapshot) -> impl Iterator<Item = Snapshot> {
    let mut all = Vec::new();
    for read_only in [false, true] {
        for control in [Control::Unknown, Control::Full, Control::Limited] {
            for reach in [Reach::Online, Reach::Offline] {
                for status in STATUSES {
                    for change in CHANGES {
                        let mut moment = plain.clone();
                        moment.policy = Policy { read_only, ..Policy::clone(&plain.policy) }.into();
                        (moment.control, moment.reach, moment.status) = (control, reach, status);
                        change(&mut moment);
                        all.push(moment);
                    }
                }
            }
        }
    }
    all.into_iter()
}

#[test]
fn what_is_told_is_what_permit_says_at_every_moment() {
    let mut seen = BTreeSet::new();
    for model in ["P1S", "X1C", "P2S", "H2D"] {
        let plain = Home::obeyed(model).player.snapshot().clone();
        let serial = plain.identity.serial.clone();
        let mut mirror = Mirror::new(topics(), serial.clone(), "test".into(), true);
        let topic = topics().permitted(&serial);
        let (mut last, mut keys) = (None, BTreeMap::new());
        for moment in moments(&plain) {
            let mut out = Vec::new();
            mirror.update(now(), &moment, &mut out);
            for Publication { topic: at, payload, kind } in out {
                assert_eq!(kind == Kind::Permitted, at == topic);
                match kind {
                    Kind::Permitted => {
                        assert_ne!(last, Some(payload.clone()), "{model}: told again");
                        last = Some(payload);
                    }
                    Kind::Discovery => {
                        keys.insert(
                            at,
                            waiting(&homeassistant::discovery::read(payload.as_bytes()).unwrap(), &topic),
                        );
                    }
                    _ => {}
                }
            }
            let told: BTreeMap<String, bool> = serde_json::from_str(last.as_ref().unwrap()).unwrap();
            for (key, commanded) in keys.values().flatten() {
                assert_eq!(key, commanded);
                let command = parse(&moment, key, b"PRESS").unwrap();
                let may = permit(&moment, &moment.policy, &command);
                assert_eq!(told[key], may.is_ok(), "{model} {key}: {may:?}");
                seen.insert((key.clone(), may.is_ok()));
            }
            let asked = keys.values().flat_map(BTreeMap::keys).map(String::as_str).chain(["skip_objects"]);
            assert_eq!(told.keys().map(String::as_str).collect::<BTreeSet<_>>(), asked.collect(), "{model}");
            let skip = permit(&moment, &moment.policy, &Command::SkipObjects(vec![409]));
            assert_eq!(told["skip_objects"], skip.is_ok(), "{model}: {skip:?}");
        }
    }
    let both = |key: &str| [true, false].map(|may| seen.contains(&(key.to_owned(), may))) == [true, true];
    for key in [
        "pause",
        "resume",
        "stop",
        "retry_filament",
        "done_filament",
        "clear_error",
        "ignore_error",
        "home",
        "unload_filament",
        "clear_plate",
        "ams/0/tray_1_load",
        "ams/0/tray_1_read_rfid",
        "external/1/load",
        "end_purification",
        "calibrate_bed_leveling",
    ] {
        assert!(both(key), "{key} was not both");
    }
}

#[test]
fn every_button_waits_for_permission_but_the_one_that_is_never_refused() {
    for model in MODELS {
        let home = Home::new(model);
        let permitted = topics().permitted(&Serial::new(&home.printer.serial));
        let availability = format!("bambu2mqtt/{}/availability", home.printer.serial);
        for device in home.devices() {
            let config = home.config(&device).unwrap();
            for (id, component) in config["components"].as_object().unwrap() {
                let list = component["availability"].as_array().cloned().unwrap_or_default();
                let waits = list.iter().any(|entry| entry["topic"] == permitted.as_str());
                assert_eq!(waits, id.starts_with("button_") && id != "button_refresh", "{model} {id}");
                let printer_too = list.iter().any(|entry| entry["topic"] == availability.as_str());
                // The plate can be told empty while the printer is off.
                assert_eq!(waits && !printer_too, id == "button_clear_plate", "{model} {id}");
                if waits {
                    assert_eq!(list[0], json!({"topic": "bambu2mqtt/bridge/availability"}));
                }
            }
        }
    }
}

fn says(home: &Home) -> Json {
    serde_json::from_str(&home.broker[&format!("bambu2mqtt/{}/permitted", home.printer.serial)]).unwrap()
}

#[test]
fn pause_resume_and_stop_follow_the_print_and_are_told_only_when_they_change() {
    let mut home = Home::new("X1C");
    let fun = r#"{"print":{"command":"push_status","msg":1,"gcode_state":"IDLE","fun":"3EC18FFF9CFF"}}"#;
    home.hear(fun);
    let topic = format!("bambu2mqtt/{}/permitted", home.printer.serial);
    let told = |out: Vec<Publication>| out.iter().filter(|p| p.topic == topic).count();
    let buttons = |home: &Home| ["pause", "resume", "stop", "home"].map(|key| says(home)[key] == true);
    assert_eq!(buttons(&home), [false, false, false, true]);
    let hear = |home: &mut Home, report: &str| {
        told(home.hear(&format!(r#"{{"print":{{"command":"push_status","msg":1,{report}}}}}"#)))
    };
    assert_eq!(hear(&mut home, r#""gcode_state":"RUNNING""#), 1);
    assert_eq!(buttons(&home), [true, false, true, false]);
    for percent in 1..20 {
        assert_eq!(hear(&mut home, &format!(r#""mc_percent":{percent},"bed_temper":{percent}"#)), 0);
    }
    assert_eq!(hear(&mut home, r#""gcode_state":"PAUSE""#), 1);
    assert_eq!(buttons(&home), [false, true, true, false]);
    assert_eq!(hear(&mut home, r#""gcode_state":"FINISH""#), 1);
    assert_eq!(buttons(&home), [false, false, false, true]);
}

#[test]
fn it_is_told_again_after_a_reconnect_and_goes_with_the_printer() {
    let mut home = Home::new("H2D");
    let topic = format!("bambu2mqtt/{}/permitted", home.printer.serial);
    let before = home.broker[&topic].clone();
    home.broker.clear();
    home.player.tell_again(now());
    let out = home.look();
    let told: Vec<_> = out.iter().filter(|p| p.topic == topic).collect();
    assert_eq!(told, [&Publication::new(Kind::Permitted, topic.clone(), before)]);
    assert!(told[0].kind.is_retained() && told[0].kind.may_be_replaced());
    let place = |topic: &str| out.iter().position(|p| p.topic == topic).unwrap();
    let online = format!("bambu2mqtt/{}/availability", home.printer.serial);
    assert!(place(&topic) < place(&online), "nothing is available before it is known what may be done");
    // Nobody commands it, and a clean-up knows it.
    assert_eq!(topics().parse(&topic), None);
    assert!(topics().is_ours(&topic));
    let gone = home.player.removed();
    assert!(gone.contains(&Publication::removed(topic)));
}

fn later(seconds: u64) -> Now {
    let past = Duration::from_secs(seconds);
    Now { mono: now().mono + past, wall: now().wall + past }
}

impl Home {
    /// Asks for something, and takes what is published.
    fn ask(&mut self, now: Now, key: &str, payload: &str) {
        self.player.handle(now, Input::Ask(Ask::Set { key, payload: payload.as_bytes() }));
        self.look();
    }

    /// The last command: its outcome, and the details.
    fn last_command(&self) -> (&str, Json) {
        let topic = format!("bambu2mqtt/{}/last_command", self.printer.serial);
        let details = serde_json::from_str(&self.broker[&format!("{topic}/attributes")]).unwrap();
        (&self.broker[&topic], details)
    }

    fn refusals(&self) -> Vec<&Event> {
        self.player.events.iter().filter(|event| event.kind == EventKind::CommandRefused).collect()
    }
}

#[test]
fn a_refused_press_is_told_where_a_person_looks() {
    let mut home = Home::new("A1");
    let nothing = json!({"value": null, "command": null, "reason": null, "time": null});
    assert_eq!(home.last_command(), ("None", nothing), "nothing was asked since the start");
    home.hear(r#"{"print":{"command":"push_status","msg":1,"gcode_state":"IDLE","fun":"3EC18FFF9CFF"}}"#);
    home.ask(later(5), "pause", "PRESS");
    let why = "only a running print can be paused; the printer is idle";
    let details =
        json!({"value": "refused", "command": "pause", "reason": why, "time": "2026-01-01T00:00:05Z"});
    assert_eq!(home.last_command(), ("refused", details));
    let [event] = home.refusals()[..] else { panic!("{:?}", home.refusals()) };
    let told = message(&topics(), home.player.snapshot(), event, Telling { at: later(5).wall, again: false });
    assert_eq!(told.topic, format!("bambu2mqtt/{}/event/printer", home.printer.serial));
    let told: Json = serde_json::from_str(&told.payload).unwrap();
    assert_eq!(told["event_type"], "command_refused");
    assert_eq!(told["message"], format!("Test A1: `pause` was refused: {why}"));
    assert_eq!(
        (&told["source"], &told["late"], &told["job"]),
        (&json!("command"), &json!(false), &Json::Null)
    );
    assert_eq!((&told["reason"]["kind"], &told["reason"]["text"]), (&json!("pause"), &json!(why)));
    assert_eq!(event.triggers(), [""; 0], "nothing is to be done about it by itself");

    // Again and again: the last command has each of them, the logbook one a minute.
    home.ask(later(20), "pause", "PRESS");
    assert_eq!(home.last_command().1["time"], "2026-01-01T00:00:20Z");
    assert_eq!(home.refusals().len(), 1);
    home.ask(later(21), "stop", "PRESS");
    assert_eq!(home.refusals().len(), 2, "that is another one");
    home.ask(later(66), "pause", "PRESS");
    assert_eq!(home.refusals().len(), 3);
    let stored = home.player.stores;
    for degrees in 500..600 {
        home.ask(later(67), "bed_target", &degrees.to_string());
    }
    assert_eq!(home.last_command().1["reason"], "`bed_target`: 599 is outside 0 to 100");
    assert!(
        home.refusals().len() <= 13 && home.player.stores - stored <= 20,
        "an automation that has gone mad"
    );
}

#[test]
fn the_last_command_is_the_last_that_came_to_its_end() {
    let mut home = Home::new("X1C");
    home.hear(r#"{"print":{"command":"push_status","msg":1,"gcode_state":"RUNNING","fun":"3EC18FFF9CFF"}}"#);
    home.ask(later(1), "pause", "PRESS");
    assert_eq!(home.last_command().0, "None", "it is not known yet");
    home.player.handle(later(2), Input::Tick);
    let sequence_id = home.player.requests.last().unwrap().sequence_id;
    let answer =
        json!({"print": {"command": "pause", "result": "success", "sequence_id": sequence_id.to_string()}});
    home.player.hear(later(3), answer.to_string());
    home.look();
    assert_eq!(home.last_command().0, "None", "the report will show it");
    home.player.hear(later(4), r#"{"print":{"command":"push_status","msg":1,"gcode_state":"PAUSE"}}"#);
    home.look();
    let details =
        json!({"value": "confirmed", "command": "pause", "reason": null, "time": "2026-01-01T00:00:04Z"});
    assert_eq!(home.last_command(), ("confirmed", details));
    assert_eq!(home.refusals().len(), 0);

    // Nobody knows the key: it is shown, but neither endless nor with what belongs into no line.
    home.ask(later(5), &format!("x\u{1b}{}", "y".repeat(9000)), "1");
    assert_eq!(home.last_command().0, "refused");
    assert_eq!(home.last_command().1["command"], format!("x{}", "y".repeat(63)));
    // A print is on the plate, and the gateway itself says so.
    home.ask(later(6), "clear_plate", "PRESS");
    let why = "this is possible only while the printer is at rest; it is paused";
    assert_eq!((home.last_command().0, &home.last_command().1["reason"]), ("refused", &json!(why)));
}
