//! The jobs that ended, as lines of JSON in the state directory: written for people and their scripts, read
//! by `bambu2mqtt jobs`, also while the gateway runs.
//!
//! The file gives way to a new one at a megabyte, and three old ones are kept: some thousand jobs. A line
//! that a power cut left unfinished is taken away by the next that is written, and passed over until then.
//! A job that is told again (its end became known later) replaces what was told of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::{Disk, DiskError};
use printer::{JobRecord, Text};
use twin::Recent;

/// The file that is written.
pub const FILE: &str = "jobs.jsonl";
/// How large it becomes.
const FULL: u64 = 1024 * 1024;
/// How many older ones are kept.
const OLD: u32 = 3;
/// Longer than any line: where the end of the file is looked at.
const LONGEST: u64 = 64 * 1024;

/// One job that ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The printer's serial number.
    pub serial: Text,
    /// Its name at that time.
    pub printer: Text,
    /// The job.
    #[serde(flatten)]
    pub job: JobRecord,
}

impl Entry {
    /// As it stands in the file, without its end.
    pub fn line(&self) -> Vec<u8> {
        // A record has nothing that JSON could not say.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// What the files hold.
#[derive(Debug, Default)]
pub struct History {
    /// The jobs, those that ended first before the others.
    pub entries: Vec<Entry>,
    /// Lines that could not be read.
    pub damaged: usize,
}

/// The name of an older file; 1 is the youngest of them.
fn older(number: u32) -> String {
    format!("jobs.{number}.jsonl")
}

/// Adds a line. The file is healed or put aside first, where it needs that.
pub fn append(disk: &dyn Disk, line: &[u8]) -> Result<(), DiskError> {
    append_up_to(disk, line, FULL)
}

fn append_up_to(disk: &dyn Disk, line: &[u8], full: u64) -> Result<(), DiskError> {
    let (mut length, end) = disk.tail(FILE, LONGEST)?;
    let mut bytes = Vec::with_capacity(line.len() + 2);
    let last = end.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    if !last.is_empty() {
        if serde_json::from_slice::<Entry>(last).is_ok() {
            // Whole but for its end.
            bytes.push(b'\n');
        } else {
            length -= last.len() as u64;
            disk.truncate(FILE, length)?;
        }
    }
    bytes.extend_from_slice(line);
    bytes.push(b'\n');
    if length > 0 && length + bytes.len() as u64 > full {
        for number in (1..OLD).rev() {
            disk.rename(&older(number), &older(number + 1))?;
        }
        disk.rename(FILE, &older(1))?;
        let whole = bytes.strip_prefix(b"\n").map(<[u8]>::to_vec);
        bytes = whole.unwrap_or(bytes);
    }
    disk.append(FILE, &bytes)
}

/// Reads everything that is kept.
pub fn read(disk: &dyn Disk) -> Result<History, DiskError> {
    // Newest first: a file that is put aside meanwhile is read twice, and none is missed.
    let mut files = vec![disk.read(FILE)?];
    for number in 1..=OLD {
        files.push(disk.read(&older(number))?);
    }
    let mut history = History::default();
    let mut places: BTreeMap<(Text, Text), usize> = BTreeMap::new();
    for file in files.into_iter().rev().flatten() {
        for line in file.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let Ok(entry) = serde_json::from_slice::<Entry>(line) else {
                history.damaged += 1;
                continue;
            };
            let name = (entry.serial.clone(), entry.job.key.clone());
            if let Some(known) = places.get(&name).and_then(|place| history.entries.get_mut(*place)) {
                *known = entry;
            } else {
                places.insert(name, history.entries.len());
                history.entries.push(entry);
            }
        }
    }
    // The cloud's list is read from its newest page to older ones.
    history.entries.sort_by_key(|entry| entry.job.ended_at.or(entry.job.started_at));
    Ok(history)
}

/// What the history has of each printer, by its serial number, and how many lines cannot be read.
pub fn recent(disk: &dyn Disk) -> Result<(BTreeMap<Text, Recent>, usize), DiskError> {
    let mut all: BTreeMap<Text, Recent> = BTreeMap::new();
    let mut damaged = 0;
    // One file at a time, oldest first.
    for name in (1..=OLD).rev().map(older).chain([FILE.to_owned()]) {
        let file = disk.read(&name)?.unwrap_or_default();
        for line in file.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            match serde_json::from_slice::<Entry>(line) {
                Ok(entry) => all.entry(entry.serial).or_default().add(entry.job),
                Err(_) => damaged += 1,
            }
        }
    }
    Ok((all, damaged))
}

#[cfg(test)]
mod tests;
