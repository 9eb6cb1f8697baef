//! What of the printers' jobs is on the disk: their ledgers, and the history.

use std::collections::{BTreeMap, BTreeSet};

use tracing::{debug, error, info, warn};

use super::Gateway;
use crate::config::{Disk, StateDir};
use crate::disk::{DiskEvent, FileName, Version, Writer};
use crate::history::{self, Entry};
use crate::ledger;
use printer::{JobRecord, Ledger, Now, Serial, Text};
use twin::{Disk as Written, Input, Recent};

/// What the gateway keeps of all printers' jobs.
pub(super) struct Records {
    writer: Writer,
    /// Whose ledger a file is.
    ledgers: BTreeMap<FileName, Serial>,
    /// What the history has of printers that are not used now.
    recent: BTreeMap<Text, Recent>,
    /// The disk takes nothing: why.
    refused: Option<String>,
    /// Other files that it does not take, of which that was said.
    unkept: BTreeSet<FileName>,
    /// What was wrong with a ledger that was met since the start.
    damaged: Option<String>,
}

impl Records {
    pub(super) fn new(state: &StateDir, writer: Writer) -> Self {
        let (recent, damaged) = history::recent(state).unwrap_or_else(|problem| {
            warn!("the history of jobs cannot be read: {problem}; jobs that end from now on are added to it");
            Default::default()
        });
        if damaged > 0 {
            let file = state.locate(history::FILE);
            warn!(file = %file.display(), "{damaged} lines of the history of jobs cannot be read and are passed over");
        }
        Self {
            writer,
            ledgers: BTreeMap::new(),
            recent,
            refused: None,
            unkept: BTreeSet::new(),
            damaged: None,
        }
    }

    /// Where a printer's ledger ended, and what the history has of it.
    pub(super) fn open(&mut self, serial: &Serial, name: &str, state: &StateDir) -> (Ledger, Recent) {
        // What is on its way to the disk is newer than what is there.
        let file = FileName::from(ledger::file_name(serial));
        let waiting = self.writer.last(&file).and_then(|bytes| ledger::read(serial, &bytes).ok());
        self.ledgers.insert(file, serial.clone());
        let kept = waiting.or_else(|| {
            let (kept, trouble) = ledger::load(state, serial);
            if let Some(trouble) = trouble {
                error!(printer = name, "{trouble}");
                self.damaged = Some(trouble.to_string());
            }
            kept
        });
        let ledger = kept.unwrap_or_else(|| Ledger { seed: fastrand::u64(..), ..Ledger::default() });
        (ledger, self.recent.remove(serial.as_str()).unwrap_or_default())
    }

    /// Takes back what the history has of a printer that is not used any more.
    pub(super) fn park(&mut self, serial: &Serial, recent: Recent) {
        self.recent.insert(serial.as_str().into(), recent);
    }

    /// Hands a ledger to the disk.
    pub(super) fn store(&self, serial: &Serial, ledger: &Ledger) -> Version {
        self.writer.store(&FileName::from(ledger::file_name(serial)), ledger::write(serial, ledger))
    }

    /// Adds a job that ended, or what became known of it later.
    pub(super) fn append(&self, serial: &Serial, printer: &str, job: JobRecord) {
        let entry = Entry { serial: serial.as_str().into(), printer: printer.into(), job };
        self.writer.append(entry.line());
    }

    /// What a person should know of the state directory.
    pub(super) fn problem(&self) -> Option<&str> {
        self.refused.as_deref().or(self.damaged.as_deref())
    }

    /// Writes what waits.
    pub(super) async fn close(&self) {
        self.writer.close().await;
        let cost = self.writer.cost();
        debug!(files = cost.files, lines = cost.lines, bytes = cost.bytes, "written since the start");
    }
}

impl Gateway {
    /// What became of something that was to be written.
    pub(super) fn on_disk(&mut self, now: Now, event: DiskEvent) {
        match event {
            DiskEvent::Stored(file, version) => {
                if let Some(serial) = self.records.ledgers.get(&file).cloned() {
                    self.give(now, &serial, Input::Disk(Written::Stored(version)));
                }
            }
            DiskEvent::Refused(file, version, why) => {
                if let Some(serial) = self.records.ledgers.get(&file).cloned() {
                    self.disk_refuses(&why);
                    self.give(now, &serial, Input::Disk(Written::Refused(version)));
                } else if self.records.unkept.insert(file) {
                    warn!(
                        "{why}; what is in it is in memory alone until then, and a restart may have to ask for it \
                         anew. It is tried again each half minute"
                    );
                }
            }
            DiskEvent::HistoryRefused(why) => self.disk_refuses(&why),
            DiskEvent::Healed => {
                let others = !std::mem::take(&mut self.records.unkept).is_empty();
                if self.records.refused.take().is_some() || others {
                    info!("the state directory takes files again; what waited is written");
                    self.view_changed = true;
                }
            }
        }
    }

    fn disk_refuses(&mut self, why: &str) {
        if self.records.refused.is_none() {
            error!(
                "{why}; until then events are told from memory alone, device triggers wait, and a restart may tell \
                 some events again or lose them. It is tried again each half minute"
            );
        }
        self.records.refused = Some(why.to_owned());
        self.view_changed = true;
    }
}
