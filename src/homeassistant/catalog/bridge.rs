//! The rows of the gateway itself.

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
    sensor::<Bridge>("version", "Version", |b| Some(b.version.into())).icon("mdi:tag").diagnostic().early(),
];
