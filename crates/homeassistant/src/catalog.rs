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

use std::sync::{Arc, LazyLock};

use printer::{Heater, Snapshot, Speed, Text};

use super::entity::{Entity, Subject, Value};

pub use ams::{AMS, EXTERNAL, SLOT};
pub use gateway::{ACCOUNT, GATEWAY};

/// Rows of the printer that are about one thing.
pub struct Group {
    /// What they are about.
    pub title: &'static str,
    /// The rows.
    pub rows: &'static [Entity<Snapshot>],
    /// Whether nothing that any of them reads is another in the second snapshot: then none of them is looked at.
    /// Most reports change a temperature or two, and to read every row for that would be most of a report's work.
    pub same: fn(&Snapshot, &Snapshot) -> bool,
}

/// The printer's rows by what they are about, in the order in which people look.
pub static GROUPS: &[Group] = &[
    Group { title: "Job", rows: job::JOB, same: job::same },
    Group {
        title: "Filament, energy and cost of a print",
        rows: consumption::CONSUMPTION,
        same: consumption::same,
    },
    Group { title: "For automations", rows: levels::LEVELS, same: same_levels },
    Group { title: "Events", rows: events::EVENTS, same: |_, _| true },
    Group { title: "Filament", rows: filament::FILAMENT, same: filament::same },
    Group { title: "Temperatures and fans", rows: heat::HEAT, same: heat::same },
    Group { title: "Health", rows: health::HEALTH, same: health::same },
    Group { title: "Network", rows: hardware::NETWORK, same: hardware::same_network },
    Group { title: "Hardware", rows: hardware::HARDWARE, same: hardware::same },
    Group { title: "Tools", rows: tools::TOOLS, same: tools::same },
    Group { title: "Hotend rack", rows: tools::RACK, same: |a, b| a.rack == b.rack },
    Group { title: "Settings", rows: options::OPTIONS, same: options::same },
    Group { title: "From the cloud", rows: cloud::CLOUD, same: cloud::same },
    Group { title: "Firmware", rows: update::UPDATE, same: update::same },
    Group { title: "Controls", rows: control::CONTROL, same: control::same },
];

/// The printer. Where a sensor and a control share a key, the sensor comes first and publishes.
pub static PRINTER: LazyLock<Vec<Entity<Snapshot>>> =
    LazyLock::new(|| GROUPS.iter().flat_map(|group| group.rows.iter().copied()).collect());

/// Whether the same follows from its jobs.
fn same_levels(a: &Snapshot, b: &Snapshot) -> bool {
    Arc::ptr_eq(&a.known.levels, &b.known.levels)
}

/// Whether its account's cloud knows the same.
fn same_facts(a: &Snapshot, b: &Snapshot) -> bool {
    Arc::ptr_eq(&a.known.facts, &b.known.facts)
}

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
