//! What holds message by message while a printer prints, over recordings of whole prints.
//!
//! Each law is a function of a transcript, so that it can also be shown to fail.

use std::collections::{BTreeMap, BTreeSet};

use homeassistant::{Kind, Publication};
use serde_json::{Value, json};

use crate::replay::replay;
use crate::reports::Printer;
use crate::support::shared::shared;

/// A message and what is published with it; the last moment is the end, when a minute runs on.
#[derive(Clone)]
struct Moment {
    message: Value,
    out: Vec<Publication>,
}

type Law = fn(&[Moment]) -> Result<(), String>;

const LAWS: [(&str, Law); 5] = [
    ("nothing is unknown in between", steady),
    ("no slot is lost in a partial report", slots_stay),
    ("an empty list clears the HMS", hms_follow),
    ("nothing is told twice", nothing_twice),
    ("values and discovery name the same topics", discovered),
];

fn transcript<'a>(lines: impl IntoIterator<Item = &'a str> + Clone) -> Vec<Moment> {
    let payload = |line: &str| serde_json::from_str::<Value>(line).unwrap()["payload"].take();
    let messages: Vec<_> =
        lines.clone().into_iter().filter(|line| !line.trim().is_empty()).map(payload).collect();
    let mut moments = Vec::new();
    replay(lines, |number, mut out| {
        // What happens may happen again, and the broker keeps none of it: `traces` and `events` look at that.
        out.retain(|publication| publication.kind.is_retained());
        let message = number.checked_sub(1).map_or(Value::Null, |at| messages[at].clone());
        moments.push(Moment { message, out });
    });
    moments
}

/// The part of a topic below the printer, for values.
fn key(topic: &str) -> Option<&str> {
    topic.strip_prefix("bambu2mqtt/")?.split_once('/').map(|(_, key)| key)
}

/// A value that goes to unknown stays there, unless the printer's status changed at one of the two moments: a job
/// that begins or ends takes its values along. A device that gets another id, as when the serial number of an AMS
/// becomes known, takes its topics away and brings them back. The numbers of the slot in use have no word for
/// "none", which is what the nozzle has between two filaments.
fn steady(moments: &[Moment]) -> Result<(), String> {
    let mut unknown: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    let mut last: BTreeMap<&str, &str> = BTreeMap::new();
    let edge = |at: usize| {
        moments[at]
            .out
            .iter()
            .any(|p| matches!(key(&p.topic), Some("status" | "availability" | "connectivity")))
    };
    for (now, moment) in moments.iter().enumerate() {
        let moved = moment.out.iter().any(|p| p.kind == Kind::Withdrawn);
        for Publication { kind, topic, payload } in &moment.out {
            if key(topic).is_none() || *kind == Kind::Attributes {
                continue;
            }
            let before = last.insert(topic, payload);
            if payload.is_empty() && moved {
                unknown.remove(topic.as_str());
                last.remove(topic.as_str());
            } else if payload == "None" || payload.is_empty() {
                if let Some(before) = before {
                    unknown.insert(topic, (now, before));
                }
            } else if let Some((then, before)) = unknown.remove(topic.as_str())
                && !edge(then)
                && !edge(now)
            {
                return Err(format!(
                    "{topic} was {before}, unknown with message {}, and {payload} with message {}",
                    then + 1,
                    now + 1
                ));
            }
        }
    }
    Ok(())
}

/// Only a report that speaks of slots may empty one or take it away.
fn slots_stay(moments: &[Moment]) -> Result<(), String> {
    let mut last: BTreeMap<&str, &str> = BTreeMap::new();
    for (at, Moment { message, out }) in moments.iter().enumerate() {
        let before = last.clone();
        last.extend(out.iter().map(|p| (p.topic.as_str(), p.payload.as_str())));
        let print = &message["print"];
        let told =
            ["ams", "vir_slot", "vt_tray", "device", "cfg", "home_flag"].map(|name| !print[name].is_null());
        if print.is_null() || told.contains(&true) {
            continue;
        }
        for Publication { kind, topic, payload } in out {
            let slot = topic.contains("/tray_") || topic.contains("/external/");
            let gone = matches!(payload.as_str(), "" | "None" | "Empty");
            // A unit that is announced late, when nobody hopes for its serial any more, loses nothing.
            let taken = gone && before.contains_key(topic.as_str());
            if slot && taken && *kind != Kind::Attributes {
                return Err(format!("message {} says nothing of slots, and {topic} = {payload:?}", at + 1));
            }
            if *kind == Kind::Withdrawn {
                return Err(format!("message {} takes {topic} away", at + 1));
            }
        }
    }
    Ok(())
}

/// As many codes are shown as the last list had, from the first full report on.
fn hms_follow(moments: &[Moment]) -> Result<(), String> {
    let mut shown = None;
    let mut said: Option<&Vec<Value>> = None;
    for (at, Moment { message, out }) in moments.iter().enumerate() {
        said = message["print"]["hms"].as_array().or(said);
        for Publication { topic, payload, .. } in out {
            if key(topic) == Some("hms_codes") {
                shown = Some(payload.as_str());
            }
        }
        let (Some(shown), Some(said)) = (shown, said) else { continue };
        let count = if shown == "none" { 0 } else { shown.split(", ").count() };
        let distinct: BTreeSet<_> =
            said.iter().map(|hms| (hms["attr"].to_string(), hms["code"].to_string())).collect();
        if count != distinct.len() {
            return Err(format!("{shown} is shown after message {}, which left {}", at + 1, distinct.len()));
        }
    }
    Ok(())
}

/// A topic never gets the payload that it has.
fn nothing_twice(moments: &[Moment]) -> Result<(), String> {
    let mut last = BTreeMap::new();
    for (at, moment) in moments.iter().enumerate() {
        for Publication { topic, payload, .. } in &moment.out {
            if last.insert(topic, payload) == Some(payload) {
                return Err(format!("message {} tells {topic} = {payload} again", at + 1));
            }
        }
    }
    Ok(())
}

/// Whether a topic is a printer's, and not just whether it is there.
fn is_value(topic: &str) -> bool {
    key(topic).is_some_and(|key| key != "availability")
}

/// What is retained at the end is in discovery, and all that discovery names for reading is retained.
fn discovered(moments: &[Moment]) -> Result<(), String> {
    let mut retained = BTreeMap::new();
    for Publication { kind, topic, payload } in moments.iter().flat_map(|moment| &moment.out) {
        if payload.is_empty() {
            retained.remove(topic.as_str());
        } else {
            retained.insert(topic.as_str(), (*kind, payload.as_str()));
        }
    }
    let mut named = BTreeSet::new();
    for (topic, (kind, payload)) in &retained {
        if *kind != Kind::Discovery {
            continue;
        }
        let config =
            homeassistant::discovery::read(payload.as_bytes()).ok_or_else(|| format!("{topic}: no JSON"))?;
        for (_, component) in config["components"].as_object().into_iter().flatten() {
            // The topics of what happens have no value that stays.
            if matches!(component["platform"].as_str(), Some("event" | "device_automation")) {
                continue;
            }
            let topics = component.as_object().into_iter().flatten();
            // A picture is no text: the gateway publishes it beside the rows.
            let read = topics.filter(|(name, _)| {
                name.ends_with("topic") && !name.ends_with("command_topic") && *name != "image_topic"
            });
            // Who reads a value beside its details could read it alone as well.
            let alone = |topic: &str| topic.strip_suffix("/attributes").map(str::to_owned);
            let topics = read.filter_map(|(_, topic)| topic.as_str());
            named.extend(topics.flat_map(|topic| [topic.to_owned()].into_iter().chain(alone(topic))));
            let waits = component["availability"].as_array().into_iter().flatten();
            let waits = waits.filter_map(|entry| entry["topic"].as_str()).filter(|topic| is_value(topic));
            named.extend(waits.map(str::to_owned));
        }
    }
    let values = retained.keys().filter(|topic| is_value(topic));
    let values: BTreeSet<_> = values.map(|topic| (*topic).to_owned()).collect();
    // Of a control and what shows the same one is announced, and both are told.
    let twins: BTreeSet<_> = homeassistant::discovery::unnamed_keys().collect();
    let twin = |topic: &&String| topic.rsplit('/').next().is_some_and(|key| twins.contains(key));
    let strays: Vec<_> = values.symmetric_difference(&named).filter(|topic| !twin(topic)).collect();
    if strays.is_empty() { Ok(()) } else { Err(format!("only on one side: {strays:?}")) }
}

#[test]
fn the_laws_hold_while_printers_print() {
    let Some(folder) = shared("captures") else { return };
    let mut streams = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.contains("_stream_") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let moments = transcript(text.lines());
        assert!(moments.len() > 30, "{name}");
        for (law, holds) in LAWS {
            holds(&moments).unwrap_or_else(|error| panic!("{name}: {law}: {error}"));
        }
        streams += 1;
    }
    assert!(streams >= 7, "{} has only {streams} streams", folder.display());
}

/// A printer with an error that warms up, and what partial reports say of it then.
fn story() -> Vec<Moment> {
    let mut printer = Printer::new("A1");
    printer.set(json!({"hms": [{"attr": 0x0300_0100, "code": 0x0001_0007}]}));
    let mut lines = printer.capture().to_vec();
    for members in [
        json!({"mc_percent": 43}),
        json!({"hms": []}),
        json!({"nozzle_temper": 230.5}),
        json!({"ams": {"tray_now": "1"}}),
        json!({"mc_percent": 44, "layer_num": 13}),
    ] {
        let mut report = json!({"command": "push_status", "msg": 1});
        crate::reports::overlay(&mut report, members);
        lines.push(printer.line(&json!({ "print": report }).to_string()));
    }
    let moments = transcript(lines.iter().map(String::as_str));
    assert_eq!(moments.len(), 8);
    moments
}

/// The story with one thing wrong breaks one law.
fn breaks(broken: &str, spoil: impl FnOnce(&mut Vec<Moment>)) {
    let mut moments = story();
    spoil(&mut moments);
    for (law, holds) in LAWS {
        assert_eq!(holds(&moments).is_err(), law == broken, "{law}: {:?}", holds(&moments));
    }
}

fn tell(moments: &mut [Moment], at: usize, key: &str, payload: &str) {
    let topic = format!("bambu2mqtt/03900X000000001/{key}");
    moments[at].out.push(Publication::new(Kind::Value, topic, payload));
}

#[test]
fn the_laws_hold_in_a_story() {
    breaks("none", |_| {});
}

#[test]
fn a_flicker_is_seen() {
    breaks("nothing is unknown in between", |story| {
        tell(story, 4, "nozzle_temperature", "None");
        tell(story, 6, "nozzle_temperature", "230.5");
    });
}

#[test]
fn a_lost_slot_is_seen() {
    breaks("no slot is lost in a partial report", |story| tell(story, 2, "ams/0/tray_1", "None"));
    breaks("no slot is lost in a partial report", |story| tell(story, 6, "ams/0/tray_2", "Empty"));
}

#[test]
fn hms_that_stay_are_seen() {
    breaks("an empty list clears the HMS", |story| {
        story[3].out.retain(|publication| !publication.topic.ends_with("/hms_codes"));
    });
}

#[test]
fn a_repetition_is_seen() {
    breaks("nothing is told twice", |story| tell(story, 6, "progress", "44"));
}

#[test]
fn a_value_that_is_not_discovered_is_seen() {
    breaks("values and discovery name the same topics", |story| tell(story, 6, "nobody_knows", "7"));
    breaks("values and discovery name the same topics", |story| {
        for moment in story {
            moment.out.retain(|publication| !publication.topic.ends_with("/ams/0/tray_3_color"));
        }
    });
}
