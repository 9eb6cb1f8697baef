//! The machine: its network, firmware and parts.

use std::time::Duration;

use serde_json::json;

use crate::printer::{Control, ControlReason, Snapshot};

use super::super::entity::{Entity, Value, sensor, words};
use super::text;

fn control_mode(s: &Snapshot) -> Option<Value<'_>> {
    Some(Value::from(match s.control {
        _ if s.read_only => "read_only",
        Control::Full => "full",
        Control::Limited => "limited",
        Control::Unknown => return None,
    }))
}

fn control_reason(s: &Snapshot) -> ControlReason {
    if s.read_only { ControlReason::Configuration } else { s.control_reason }
}

pub(super) static HARDWARE: &[Entity<Snapshot>] = &[
    sensor::<Snapshot>("wifi_signal", "Wi-Fi signal", |s| s.wifi_dbm.map(|v| Value::Int(v.into())))
        .class("signal_strength")
        .unit("dBm")
        .measurement()
        .diagnostic()
        .deadband(3.0)
        .at_most_each(Duration::from_secs(60))
        .needs(|c, _| c.wifi),
    sensor::<Snapshot>("firmware_version", "Firmware version", |s| text(s.identity.firmware.as_ref()))
        .icon("mdi:chip")
        .diagnostic()
        .lasting(),
    words::<Snapshot>("control_mode", "Control mode", || vec!["full", "limited", "read_only"], control_mode)
        .icon("mdi:shield-lock-outline")
        .diagnostic()
        .lasting()
        .with(
            |a, b| control_reason(a) != control_reason(b),
            |s| json!({ "reason": control_reason(s).name() }),
        ),
];
