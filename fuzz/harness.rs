//! What must hold for any bytes: shared by the fuzz target and by a test that runs it with a fixed seed.

use std::collections::BTreeMap;

use capture::Capture;
use homeassistant::event::TRIGGERS;
use homeassistant::{Kind, Publication};
use twin::Replay;

/// Nothing that a printer says may make the gateway hold or tell more than this many bytes at once. The largest
/// real printer (`h2d_6ams_extspool_running`, eight devices) has a tenth of it.
const MOST: usize = 4 << 20;

/// How many long things are put in.
pub(crate) const LONG: usize = 4;

/// What stands for something long: bytes that no message has, for what a fuzzer makes by itself is short.
pub(crate) const MARKS: [u8; 4] = [1, 2, 3, 4];

/// A JSON value that is longer than any that a printer has sent.
fn long(mark: u8) -> Option<String> {
    let list = |item: fn(u32) -> String| format!("[{}]", (0..10_000).map(item).collect::<Vec<_>>().join(","));
    Some(match mark {
        1 => format!("\"{}\"", "é".repeat(50_000)),
        2 => list(|n| n.to_string()),
        3 => list(|n| format!(r#"{{"id":"{n}","node":"{n}","name":"ams/{n}","sn":"{n}","tray_type":"A"}}"#)),
        4 => format!("{}1{}", r#"{"a":["#.repeat(20_000), "]}".repeat(20_000)),
        _ => return None,
    })
}

/// The same with something long in the place of the first marks.
fn stretched(lines: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(lines.len());
    let mut left = LONG;
    for byte in lines {
        match long(*byte).filter(|_| left > 0) {
            Some(value) => {
                left -= 1;
                out.extend(value.into_bytes());
            }
            None => out.push(*byte),
        }
    }
    out
}

/// Each line is a message of one printer, a second after the one before; the last minute runs on.
fn publications(lines: &[u8]) -> Vec<Publication> {
    let mut replay = Replay::default();
    let mut out = Vec::new();
    for line in lines.split(|byte| *byte == b'\n') {
        let topic = "device/09400X000000001/report".to_owned();
        replay.feed(&Capture { topic, payload: line.to_vec(), at: None }, &mut out);
    }
    replay.finish(&mut out);
    out
}

/// Panics when these bytes do what no bytes may do.
pub(crate) fn check(lines: &[u8]) {
    let lines = &stretched(lines);
    let out = publications(lines);
    let mut retained: BTreeMap<&str, &str> = BTreeMap::new();
    for publication in &out {
        sound(publication);
        // What happens may happen again.
        if !publication.kind.is_retained() {
            continue;
        }
        let Publication { topic, payload, .. } = publication;
        let before = retained.insert(topic, payload);
        // Taking away what is away does no harm, nor do two texts that differ only beyond what a state can hold.
        let alike = payload.is_empty() || payload == "None" || payload.chars().count() == 255;
        assert!(before != Some(payload) || alike, "told again: {topic} = {payload}");
    }
    let bytes: usize = retained.iter().map(|(topic, payload)| topic.len() + payload.len()).sum();
    assert!(bytes < MOST, "{bytes} bytes are held for one printer");
    assert!(out == publications(lines), "the same messages gave something else");
}

/// A topic that a broker takes with a payload that Home Assistant understands.
pub(crate) fn sound(Publication { kind, topic, payload }: &Publication) {
    let odd = |c: char| c.is_control() || matches!(c, '+' | '#');
    assert!(
        !topic.is_empty() && topic.len() < 200 && topic.is_ascii() && !topic.contains(odd),
        "the topic {topic:?}"
    );
    let object = || serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(payload).is_ok();
    let trigger = || TRIGGERS.iter().any(|trigger| trigger.name == payload);
    let sound = match kind {
        Kind::Removed | Kind::Withdrawn => payload.is_empty(),
        Kind::Discovery | Kind::Parting | Kind::Attributes | Kind::Document | Kind::Permitted => object(),
        Kind::Moment => object() || trigger(),
        Kind::Availability => matches!(payload.as_str(), "online" | "offline"),
        // An `update` entity's value is a document.
        Kind::Value if topic.ends_with("/firmware") => payload == "None" || object(),
        Kind::Value => payload.chars().count() <= 255,
    };
    assert!(sound, "{kind:?} on {topic} with {} characters: {payload:.300}", payload.chars().count());
}
