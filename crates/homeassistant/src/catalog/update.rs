//! Firmware, the age of what is known, and what was forgotten to be switched off.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use printer::cloud::Release;
use printer::update::is_newer;
use printer::{Command, Snapshot};

use super::super::entity::{Entity, Firmware, Value, binary, firmware, sensor};

/// In characters.
const LONGEST_SUMMARY: usize = 255;

fn installed(s: &Snapshot) -> Option<Value<'_>> {
    let installed = s.identity.firmware.as_deref()?;
    Some(Value::Firmware(Firmware {
        installed,
        latest: latest(s, installed),
        summary: summary(release(s)),
        title: "Bambu Lab firmware",
        page: s.update.page,
        progress: s.update.progress.map(|progress| progress.percent),
    }))
}

/// What the printer offers, else what the cloud does, if that is newer.
fn latest<'a>(s: &'a Snapshot, installed: &'a str) -> &'a str {
    let newer = |release: &&'a Release| is_newer(&release.version, installed) == Some(true);
    let released = || s.known.facts.release.as_ref().filter(newer).map(|release| release.version.as_str());
    s.update.latest.as_deref().or_else(released).unwrap_or(installed)
}

/// The release that the entity is about, if the cloud told of it.
fn release(s: &Snapshot) -> Option<&Release> {
    let installed = s.identity.firmware.as_deref()?;
    s.known.facts.release.as_ref().filter(|release| release.version == latest(s, installed))
}

/// As much of the notes as Home Assistant takes, in whole lines where that leaves enough.
pub(super) fn summary(release: Option<&Release>) -> Option<&str> {
    let notes = release?.notes.as_deref()?;
    let Some((end, _)) = notes.char_indices().nth(LONGEST_SUMMARY) else { return Some(notes) };
    let cut = notes.get(..end).unwrap_or_default();
    let lines = cut.rsplit_once('\n').map_or("", |(lines, _)| lines.trim_end());
    Some(if lines.len() * 2 > cut.len() { lines } else { cut })
}

fn notes(s: &Snapshot) -> Json {
    told(release(s))
}

/// What a release brings, whole.
pub(super) fn told(release: Option<&Release>) -> Json {
    json!({
        "notes": release.and_then(|release| release.notes.as_deref()),
        "compulsory": release.map(|release| release.forced),
    })
}

/// The printer's word; where it has none, a number that is offered says so.
fn offered(s: &Snapshot) -> Option<Value<'_>> {
    s.update.offered.or(s.update.latest.as_ref().map(|_| true)).map(Value::Flag)
}

/// Whether nothing that these rows read is another.
pub(super) fn same(a: &Snapshot, b: &Snapshot) -> bool {
    (a.is_stale(), a.last_report, a.heater_left_on) == (b.is_stale(), b.last_report, b.heater_left_on)
        && a.update == b.update
        && Arc::ptr_eq(&a.identity, &b.identity)
        && super::same_facts(a, b)
}

pub(super) static UPDATE: &[Entity<Snapshot>] = &[
    // Home Assistant has no word for a version that is not known: no entity before it is.
    firmware::<Snapshot>("firmware", "Firmware", installed)
        .installs(|()| Command::InstallFirmware)
        .needs(|c, s| c.job.update && s.identity.firmware.is_some())
        .with(
            |a, b| {
                a.known.facts.release != b.known.facts.release
                    || a.update.latest != b.update.latest
                    || a.identity != b.identity
            },
            notes,
        ),
    binary::<Snapshot>("firmware_update", "Firmware update", offered)
        .class("update")
        .diagnostic()
        .lasting()
        .hidden()
        .needs(|c, _| c.job.update),
    binary::<Snapshot>("stale", "Stale data", |s| Some(Value::Flag(s.is_stale())))
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
