//! What is wrong.

use serde_json::json;

use crate::printer::{Reach, Snapshot};

use super::super::entity::{Entity, Value, binary, sensor};

pub(super) static HEALTH: &[Entity<Snapshot>] = &[
    binary::<Snapshot>("connectivity", "Online", |s| Some(Value::Flag(s.reach == Reach::Online)))
        .class("connectivity")
        .diagnostic()
        .lasting()
        .early(),
    binary::<Snapshot>("hms", "HMS errors", |s| Some(Value::Flag(!s.hms.is_empty())))
        .class("problem")
        .diagnostic()
        .lasting()
        .with(
            |a, b| a.hms != b.hms,
            |s| {
                let codes: Vec<_> = s.hms.iter().map(ToString::to_string).collect();
                json!({"count": codes.len(), "codes": codes})
            },
        ),
    sensor::<Snapshot>("hms_codes", "HMS codes", |s| {
        let codes: Vec<_> = s.hms.iter().map(ToString::to_string).collect();
        Some(if codes.is_empty() { "none".into() } else { codes.join(", ").into() })
    })
    .icon("mdi:alert-circle-outline")
    .diagnostic()
    .lasting(),
    binary::<Snapshot>("print_error", "Print error", |s| {
        Some(Value::Flag(s.error.is_some_and(|e| !e.is_cancel())))
    })
    .class("problem")
    .diagnostic(),
    sensor::<Snapshot>("print_error_code", "Print error code", |s| {
        Some(s.error.map_or("none".into(), |e| e.to_string().into()))
    })
    .icon("mdi:alert-circle-outline")
    .diagnostic(),
];
