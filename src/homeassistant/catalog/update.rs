//! Firmware, the age of what is known, and what was forgotten to be switched off.

use crate::printer::Snapshot;

use super::super::entity::{Entity, Firmware, Value, binary, firmware, sensor};

fn installed(s: &Snapshot) -> Option<Value<'_>> {
    let installed = s.identity.firmware.as_deref()?;
    Some(Value::Firmware(Firmware {
        installed,
        latest: s.update.latest.as_deref().unwrap_or(installed),
        title: "Bambu Lab firmware",
        page: s.update.page,
        progress: s.update.progress.map(|progress| progress.percent),
    }))
}

/// The printer's word; where it has none, a number that is offered says so.
fn offered(s: &Snapshot) -> Option<Value<'_>> {
    s.update.offered.or(s.update.latest.as_ref().map(|_| true)).map(Value::Flag)
}

pub(super) static UPDATE: &[Entity<Snapshot>] = &[
    // Home Assistant has no word for a version that is not known: no entity before it is.
    firmware::<Snapshot>("firmware", "Firmware", installed)
        .needs(|c, s| c.job.update && s.identity.firmware.is_some()),
    binary::<Snapshot>("firmware_update", "Firmware update", offered)
        .class("update")
        .diagnostic()
        .lasting()
        .hidden()
        .needs(|c, _| c.job.update),
    binary::<Snapshot>("stale", "Stale data", |s| Some(Value::Flag(s.stale)))
        .class("problem")
        .diagnostic()
        .hidden(),
    // Some minutes exact, and as it is once there are no more: the session sees to that.
    sensor::<Snapshot>("last_report", "Last report", |s| s.last_report.map(Value::Time))
        .class("timestamp")
        .diagnostic()
        .lasting()
        .hidden(),
    binary::<Snapshot>("heater_left_on", "Heater left on", |s| s.heater_left_on.map(Value::Flag))
        .class("problem")
        .icon("mdi:radiator")
        .hidden(),
];
