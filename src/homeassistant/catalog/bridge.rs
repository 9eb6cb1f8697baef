//! The rows of the gateway itself.

use serde_json::json;

use super::super::entity::{Entity, Value, binary, sensor, words};
use super::super::{Account, Bridge};

/// The gateway itself.
pub static BRIDGE: &[Entity<Bridge>] = &[
    binary::<Bridge>("cloud", "Cloud connection", |b| Some(Value::Flag(b.cloud_connected)))
        .class("connectivity")
        .diagnostic()
        .early(),
    words::<Bridge>("account", "Account", || Account::WORDS.to_vec(), |b| Some(b.account.word().into()))
        .icon("mdi:account-key")
        .diagnostic()
        .early(),
    sensor::<Bridge>("printers", "Printers", |b| Some(Value::Int(b.printers.into())))
        .icon("mdi:printer-3d")
        .diagnostic()
        .early(),
    sensor::<Bridge>("printers_online", "Printers online", |b| Some(Value::Int(b.printers_online.into())))
        .icon("mdi:printer-3d")
        .diagnostic()
        .early(),
    sensor::<Bridge>("printers_printing", "Printers printing", |b| {
        Some(Value::Int(b.printers_printing.into()))
    })
    .icon("mdi:printer-3d-nozzle")
    .measurement()
    .diagnostic()
    .early(),
    sensor::<Bridge>("printers_idle", "Printers idle", |b| Some(Value::Int(b.printers_idle.into())))
        .icon("mdi:printer-3d-nozzle-off")
        .measurement()
        .diagnostic()
        .early(),
    sensor::<Bridge>("printers_attention", "Printers needing attention", |b| {
        Some(Value::Int(b.printers_attention.into()))
    })
    .icon("mdi:printer-3d-nozzle-alert")
    .measurement()
    .diagnostic()
    .early(),
    sensor::<Bridge>("report_rate", "Reports per minute", |b| {
        b.report_rate.map(|rate| Value::Int(rate.into()))
    })
    .icon("mdi:counter")
    .measurement()
    .diagnostic()
    .early()
    .hidden(),
    sensor::<Bridge>("reconnects", "Lost cloud connections", |b| Some(Value::Int(b.reconnects.into())))
        .icon("mdi:connection")
        .counter()
        .diagnostic()
        .early()
        .hidden(),
    binary::<Bridge>("state_problem", "State directory", |b| Some(Value::Flag(b.state_problem.is_some())))
        .class("problem")
        .diagnostic()
        .early()
        .with(
            |a, b| a.state_problem != b.state_problem,
            |b| match &b.state_problem {
                Some(reason) => json!({"reason": reason}),
                None => json!({}),
            },
        ),
    sensor::<Bridge>("version", "Version", |b| Some(b.version.into())).icon("mdi:tag").diagnostic().early(),
];
