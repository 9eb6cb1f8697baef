//! What is wrong.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use printer::health::{Attention, Severity, Told};
use printer::{Health, Hms, Reach, Snapshot};

use super::super::entity::{Entity, Value, binary, sensor, words};

const ALERT: &str = "mdi:alert-circle-outline";

/// So many messages are explained in attributes, the worst ones, and as long as these bytes last: Home
/// Assistant records attributes up to 16 kB. The rest is counted.
const EXPLAINED: usize = 16;
const EXPLAINED_BYTES: usize = 12_000;
/// So many codes are listed.
const LISTED: usize = 64;

/// Whether it is known that somebody should have a look, or that nobody need. Before a printer was heard, that
/// nothing is known against it is no news, and a part of a report is not enough; that it went away in the middle
/// of a job is known all the same.
fn is_known(s: &Snapshot) -> bool {
    s.capabilities.is_some() || s.known.levels.offline_while_printing
}

/// Whether nothing that these rows read is another.
pub(super) fn same(a: &Snapshot, b: &Snapshot) -> bool {
    let told = |s: &Snapshot| (s.reach, s.status, s.stage, s.error, s.capabilities.is_some());
    told(a) == told(b)
        && a.hms == b.hms
        && Arc::ptr_eq(&a.known.health, &b.known.health)
        && super::same_levels(a, b)
}

pub(super) static HEALTH: &[Entity<Snapshot>] = &[
    binary::<Snapshot>("connectivity", "Online", |s| Some(Value::Flag(s.reach == Reach::Online)))
        .class("connectivity")
        .diagnostic()
        .lasting()
        .early(),
    // A level that stays readable: an automation must not see it end because a printer was switched off.
    binary::<Snapshot>("needs_attention", "Needs attention", |s| {
        is_known(s).then(|| Value::Flag(s.reasons().next().is_some()))
    })
    .class("problem")
    .lasting()
    .early()
    .with(
        |a, b| is_known(a) != is_known(b) || !a.reasons().eq(b.reasons()),
        |s| json!({"reasons": s.reasons().filter(|_| is_known(s)).map(Attention::word).collect::<Vec<_>>()}),
    ),
    binary::<Snapshot>("hms", "HMS errors", |s| {
        Some(Value::Flag(s.known.health.messages.iter().any(Told::counts)))
    })
    .class("problem")
    .diagnostic()
    .lasting()
    .with(
        |a, b| {
            (&a.known.health.messages, &a.known.health.hidden)
                != (&b.known.health.messages, &b.known.health.hidden)
        },
        details,
    ),
    sensor::<Snapshot>("hms_text", "HMS message", |s| {
        Some(s.known.health.messages.first().map_or("none", |message| &message.text).into())
    })
    .icon(ALERT)
    .diagnostic()
    .hidden()
    .lasting()
    .with(
        |a, b| a.known.health.messages != b.known.health.messages,
        |s| match s.known.health.messages.first() {
            Some(message) => explained(message),
            None => json!({}),
        },
    ),
    sensor::<Snapshot>("hms_count", "HMS message count", |s| {
        Some(Value::Int(i64::try_from(s.known.health.messages.len()).unwrap_or(i64::MAX)))
    })
    .whole()
    .icon(ALERT)
    .diagnostic()
    .hidden()
    .lasting(),
    words::<Snapshot>(
        "hms_worst_severity",
        "HMS worst severity",
        || [&["none"], &Severity::WORDS[..]].concat(),
        |s| Some(s.known.health.worst().map_or("none", Severity::word).into()),
    )
    .icon(ALERT)
    .diagnostic()
    .hidden()
    .lasting(),
    sensor::<Snapshot>("hms_codes", "HMS codes", |s| {
        Some(if s.hms.is_empty() { "none" } else { s.known.health.codes.as_str() }.into())
    })
    .icon(ALERT)
    .diagnostic()
    .hidden()
    .lasting()
    .with(
        |a, b| a.hms != b.hms,
        |s| json!({"codes": s.hms.iter().take(LISTED).map(ToString::to_string).collect::<Vec<_>>()}),
    ),
    binary::<Snapshot>("print_error", "Print error", |s| Some(Value::Flag(s.known.health.fault().is_some())))
        .class("problem")
        .diagnostic()
        .with(
            |a, b| a.known.health.error != b.known.health.error,
            |s| match &s.known.health.error {
                Some(Told { code, text, wiki, .. }) => json!({
                    "code": code.to_string().replace('-', "_"),
                    "error": text,
                    "effect": code.effect().word(),
                    "module": code.module().to_string(),
                    "wiki": wiki,
                }),
                None => json!({}),
            },
        ),
    sensor::<Snapshot>("print_error_code", "Print error code", |s| {
        Some(s.error.map_or("none".into(), |e| e.to_string().into()))
    })
    .icon(ALERT)
    .diagnostic()
    .hidden(),
    sensor::<Snapshot>("print_error_text", "Print error message", |s| {
        Some(s.known.health.error.as_ref().map_or("none", |error| &error.text).into())
    })
    .icon(ALERT)
    .diagnostic()
    .hidden()
    .with(
        |a, b| a.known.health.error != b.known.health.error,
        |s| json!({"text": s.known.health.error.as_ref().map(|error| &error.text)}),
    ),
];

fn explained(message: &Told<Hms>) -> Json {
    let Told { code, text, wiki, .. } = message;
    json!({
        "code": code.to_string(),
        "text": text,
        "severity": code.severity().word(),
        "module": code.module().to_string(),
        "wiki": wiki,
    })
}

/// The messages that there is room to explain. Each stands in the attributes twice, with its keys.
fn explainable(health: &Health) -> impl Iterator<Item = &Told<Hms>> {
    let mut left = EXPLAINED_BYTES;
    health.messages.iter().take(EXPLAINED).take_while(move |message| {
        let bytes = 2 * (message.text.len() + message.wiki.len()) + 200;
        left.checked_sub(bytes).inspect(|rest| left = *rest).is_some()
    })
}

/// The names with capitals and numbers are those of the ha-bambulab integration: people have automations
/// and cards that read them. The list says the same for a program.
fn details(s: &Snapshot) -> Json {
    let health = &s.known.health;
    let mut details = Map::new();
    details.insert("Count".into(), health.messages.len().into());
    for (index, message) in explainable(health).enumerate() {
        let Told { code, text, wiki, .. } = message;
        let mut put = |key: &str, value: String| {
            details.insert(format!("{}-{key}", index + 1), value.into());
        };
        put("Code", code.to_string());
        put("Error", text.clone());
        put("Wiki", wiki.clone());
        put("Severity", code.severity().word().into());
    }
    let messages: Vec<Json> = explainable(health).map(explained).collect();
    details.insert("messages".into(), messages.into());
    if !health.hidden.is_empty() {
        let hidden: Vec<String> = health.hidden.iter().take(LISTED).map(ToString::to_string).collect();
        details.insert("hidden".into(), hidden.into());
    }
    details.into()
}
