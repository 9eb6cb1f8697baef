//! THE table of entities: a new one is a row here and a field in the snapshot.
//!
//! Names are those that people know from the ha-bambulab integration, where it has the same thing.
//! A key is for ever: changing one orphans a user's history.

mod ams;
mod cloud;
mod consumption;
mod control;
mod events;
mod filament;
mod gateway;
mod hardware;
mod health;
mod heat;
mod job;
mod levels;
mod options;
mod tools;
mod update;

use std::sync::LazyLock;

use printer::{Heater, Snapshot, Speed, Text};

use super::entity::{Entity, Subject, Value};

pub use ams::{AMS, EXTERNAL, SLOT};
pub use gateway::{ACCOUNT, GATEWAY};

/// The printer's rows by what they are about, in the order in which people look.
pub static GROUPS: &[(&str, &[Entity<Snapshot>])] = &[
    ("Job", job::JOB),
    ("Filament, energy and cost of a print", consumption::CONSUMPTION),
    ("For automations", levels::LEVELS),
    ("Events", events::EVENTS),
    ("Filament", filament::FILAMENT),
    ("Temperatures and fans", heat::HEAT),
    ("Health", health::HEALTH),
    ("Hardware", hardware::HARDWARE),
    ("Tools", tools::TOOLS),
    ("Hotend rack", tools::RACK),
    ("Settings", options::OPTIONS),
    ("From the cloud", cloud::CLOUD),
    ("Firmware", update::UPDATE),
    ("Controls", control::CONTROL),
];

/// The printer. Where a sensor and a control share a key, the sensor comes first and publishes.
pub static PRINTER: LazyLock<Vec<Entity<Snapshot>>> =
    LazyLock::new(|| GROUPS.iter().flat_map(|(_, rows)| rows.iter().copied()).collect());

const DROP: &str = "mdi:printer-3d-nozzle";

fn target(heater: Heater) -> Option<Value<'static>> {
    celsius(heater.target)
}

const SPEEDS: [&str; 4] = ["silent", "standard", "sport", "ludicrous"];

fn speed(s: &Snapshot) -> Option<Value<'_>> {
    Some(Value::from(match s.speed? {
        Speed::Silent => "silent",
        Speed::Standard => "standard",
        Speed::Sport => "sport",
        Speed::Ludicrous => "ludicrous",
    }))
}

fn celsius(value: Option<f32>) -> Option<Value<'static>> {
    value.map(Value::celsius)
}

fn percent(value: Option<u8>) -> Option<Value<'static>> {
    value.map(|v| Value::Int(v.into()))
}

fn flag(value: Option<bool>) -> Option<Value<'static>> {
    value.map(Value::Flag)
}

fn text(value: Option<&Text>) -> Option<Value<'_>> {
    value.map(|t| Value::from(t.as_str()))
}

impl<T: Subject> Entity<T> {
    /// A fan's speed.
    const fn fan(self) -> Self {
        self.unit("%").measurement().icon("mdi:fan")
    }

    /// A temperature to set.
    const fn heat(self) -> Self {
        self.class("temperature").unit("°C")
    }
}
