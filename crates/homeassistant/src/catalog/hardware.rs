//! The machine: its network, firmware and parts.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use printer::tools::{Space, Storage};
use printer::{Control, ControlReason, Outcome, Snapshot, Text};

use super::super::entity::{Entity, Value, binary, sensor, words};
use super::super::event::{exactly, keeps_words};
use super::{flag, text};

fn control_mode(s: &Snapshot) -> Option<Value<'_>> {
    Some(Value::from(match s.control {
        _ if s.policy.read_only => "read_only",
        Control::Full => "full",
        Control::Limited => "limited",
        Control::Unknown => return None,
    }))
}

fn control_reason(s: &Snapshot) -> ControlReason {
    if s.policy.read_only { ControlReason::Configuration } else { s.control_reason }
}

/// What the last command was, and what became of it.
fn last_command(s: &Snapshot) -> serde_json::Value {
    let command = s.known.last_command.as_deref();
    json!({
        "command": command.map(|command| command.key.as_str()),
        "reason": command.filter(|command| !keeps_words(s, &command.key))
            .and_then(|command| command.outcome.reason()),
        "time": command.map(|command| exactly(command.at)),
    })
}

/// The version of each board.
fn boards(s: &Snapshot) -> serde_json::Value {
    let board = |(name, version): &(Text, Text)| (name.to_string(), version.as_str().into());
    serde_json::Value::Object(s.update.boards.iter().map(board).collect())
}

const STORAGE: [&str; 4] = ["missing", "normal", "abnormal", "read_only"];

fn storage(s: &Snapshot) -> Option<Value<'_>> {
    Some(Value::from(match s.machine.storage? {
        Storage::Missing => "missing",
        Storage::Normal => "normal",
        Storage::Abnormal => "abnormal",
        Storage::ReadOnly => "read_only",
    }))
}

/// What is wrong with the memory card or stick: its own state, then what the printer says of it.
fn storage_faults(s: &Snapshot) -> impl Iterator<Item = &str> {
    let state = s.machine.storage.and_then(|storage| match storage {
        Storage::Missing if s.capabilities.is_some_and(|can| can.needs_card) => Some("missing"),
        // The others have a storage of their own beside it.
        Storage::Missing | Storage::Normal => None,
        Storage::Abnormal => Some("abnormal"),
        Storage::ReadOnly => Some("read_only"),
    });
    let health = &s.known.health;
    let messages = health.messages.iter().filter(|told| told.code.is_of_storage());
    let error = health.fault().filter(|told| told.code.is_of_storage());
    let told = messages.map(|told| told.text.as_str()).chain(error.map(|told| told.text.as_str()));
    state.into_iter().chain(told)
}

/// MiB.
fn mib(kib: u64) -> i64 {
    i64::try_from(kib / 1024).unwrap_or(i64::MAX)
}

fn free(space: Option<Space>) -> Option<Value<'static>> {
    space.map(|space| Value::Int(mib(space.free_kib)))
}

fn total(space: Option<Space>) -> Option<i64> {
    space.map(|space| mib(space.total_kib))
}

fn room(space: Option<Space>) -> serde_json::Value {
    json!({ "total": total(space) })
}

impl Entity<Snapshot> {
    /// Free room, MiB: it shrinks with each picture of a time-lapse.
    const fn room(self) -> Self {
        self.class("data_size")
            .unit("MiB")
            .measurement()
            .deadband(10.0)
            .at_most_each(Duration::from_secs(60))
            .diagnostic()
            .hidden()
    }
}

/// Whether nothing that the rows of the network read is another.
pub(super) fn same_network(a: &Snapshot, b: &Snapshot) -> bool {
    (a.wifi_dbm, a.ip, a.machine.wired) == (b.wifi_dbm, b.ip, b.machine.wired)
}

/// Its own group: a signal is another with most reports.
pub(super) static NETWORK: &[Entity<Snapshot>] = &[
    sensor::<Snapshot>("wifi_signal", "Wi-Fi signal", |s| s.wifi_dbm.map(|v| Value::Int(v.into())))
        .class("signal_strength")
        .unit("dBm")
        .measurement()
        .diagnostic()
        .deadband(3.0)
        .at_most_each(Duration::from_secs(60))
        .needs(|c, _| c.wifi),
    // Off until somebody asks for it: an address is nobody else's business.
    sensor::<Snapshot>("ip_address", "IP address", |s| s.ip.map(Value::Address))
        .icon("mdi:ip-network-outline")
        .private(|told| told.addresses)
        .diagnostic()
        .hidden()
        .needs(|c, _| c.ip),
    binary::<Snapshot>("wired", "Wired network", |s| flag(s.machine.wired))
        .icon("mdi:ethernet")
        .diagnostic()
        .hidden()
        .needs(|c, _| c.network),
];

/// Whether nothing that the other rows read is another.
pub(super) fn same(a: &Snapshot, b: &Snapshot) -> bool {
    (a.control, a.control_reason, &a.machine, &a.update.boards)
        == (b.control, b.control_reason, &b.machine, &b.update.boards)
        && a.capabilities == b.capabilities
        && Arc::ptr_eq(&a.identity, &b.identity)
        && Arc::ptr_eq(&a.policy, &b.policy)
        && Arc::ptr_eq(&a.known.health, &b.known.health)
        && a.known.last_command == b.known.last_command
}

pub(super) static HARDWARE: &[Entity<Snapshot>] = &[
    sensor::<Snapshot>("firmware_version", "Firmware version", |s| text(s.identity.firmware.as_ref()))
        .icon("mdi:chip")
        .diagnostic()
        .lasting()
        .hidden()
        .with(|a, b| a.update.boards != b.update.boards, boards),
    words::<Snapshot>("control_mode", "Control mode", || vec!["full", "limited", "read_only"], control_mode)
        .icon("mdi:shield-lock-outline")
        .diagnostic()
        .lasting()
        .with(
            |a, b| control_reason(a) != control_reason(b),
            |s| json!({ "reason": control_reason(s).name(), "next_step": control_reason(s).next_step() }),
        ),
    words::<Snapshot>(
        "last_command",
        "Last command",
        || Outcome::WORDS.to_vec(),
        |s| s.known.last_command.as_deref().map(|command| command.outcome.word().into()),
    )
    .icon("mdi:message-reply-text-outline")
    .diagnostic()
    .lasting()
    .early()
    .with(|a, b| a.known.last_command != b.known.last_command, last_command),
    binary::<Snapshot>("door", "Enclosure door", |s| flag(s.machine.door_open))
        .class("door")
        .needs(|c, _| c.door),
    words::<Snapshot>("storage", "SD card status", || STORAGE.to_vec(), storage)
        .icon("mdi:micro-sd")
        .diagnostic()
        .hidden()
        .needs(|c, _| c.storage),
    binary::<Snapshot>("storage_problem", "Storage problem", |s| {
        let known = s.machine.storage.is_some() || storage_faults(s).next().is_some();
        known.then(|| Value::Flag(storage_faults(s).next().is_some()))
    })
    .class("problem")
    .diagnostic()
    .needs(|c, _| c.storage)
    .with(
        |a, b| !storage_faults(a).eq(storage_faults(b)),
        |s| json!({"reasons": storage_faults(s).collect::<Vec<_>>()}),
    ),
    sensor::<Snapshot>("internal_free", "Internal storage free", |s| free(s.machine.internal))
        .room()
        .needs(|c, _| c.internal_space)
        .with(|a, b| total(a.machine.internal) != total(b.machine.internal), |s| room(s.machine.internal)),
    sensor::<Snapshot>("external_free", "USB drive free", |s| free(s.machine.external))
        .room()
        .needs(|c, _| c.external_space)
        .with(|a, b| total(a.machine.external) != total(b.machine.external), |s| room(s.machine.external)),
    binary::<Snapshot>("fire_extinguisher", "Fire extinguisher", |s| flag(s.machine.fire_extinguisher))
        .class("connectivity")
        .icon("mdi:fire-extinguisher")
        .diagnostic()
        .hidden()
        .needs(|c, _| c.fire_extinguisher),
    binary::<Snapshot>("rotary", "Rotary attachment", |s| flag(s.machine.rotary))
        .class("connectivity")
        .icon("mdi:rotate-3d-variant")
        .diagnostic()
        .hidden()
        .needs(|c, _| c.rotary),
    binary::<Snapshot>("homed", "Homed", |s| flag(s.machine.homed))
        .icon("mdi:home-import-outline")
        .diagnostic()
        .hidden()
        .needs(|c, _| c.home_flags),
    binary::<Snapshot>("mains_220v", "220 V mains", |s| flag(s.machine.mains_220v))
        .icon("mdi:power-socket")
        .diagnostic()
        .hidden()
        .needs(|c, _| c.home_flags),
    binary::<Snapshot>("camera_fitted", "Camera fitted", |s| flag(s.machine.camera))
        .icon("mdi:camera-outline")
        .diagnostic()
        .hidden()
        .needs(|c, _| c.camera),
    // Where the picture is to be had is not told: some firmware puts the access code into that.
    binary::<Snapshot>("live_view", "LAN live view", |s| flag(s.machine.live_view))
        .icon("mdi:cctv")
        .diagnostic()
        .hidden()
        .needs(|c, _| c.live_view),
    binary::<Snapshot>("camera_recording", "Camera recording", |s| flag(s.machine.recording))
        .class("running")
        .icon("mdi:record-rec")
        .diagnostic()
        .hidden()
        .needs(|c, _| c.camera),
    binary::<Snapshot>("signed_commands_required", "Signed commands required", |s| {
        flag(s.machine.signature_required)
    })
    .icon("mdi:file-sign")
    .diagnostic()
    .hidden()
    .needs(|c, _| c.authorisation),
    binary::<Snapshot>("developer_mode", "Developer LAN mode", |s| flag(s.machine.developer_mode))
        .icon("mdi:code-braces")
        .diagnostic()
        .hidden()
        .needs(|c, _| c.authorisation),
];
