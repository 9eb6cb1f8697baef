//! What is kept on disk of what the cloud knows: firmware, tasks, names, and the pictures of current jobs, so
//! that all this is there when the cloud cannot be asked.
//!
//! No address of a picture is kept: these are signed, and so secret.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::config::StateDir;
use printer::cloud::{Names, Picture, Release, Task};
use printer::{Job, Now, Serial, Text};

const FILE: &str = "facts.json";
/// Between two writes: a memory card is not a database.
const WRITE_EACH: Duration = Duration::from_secs(180);
/// Answers come in bursts; the first write waits for the rest.
const GATHER: Duration = Duration::from_secs(2);

/// All of it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Kept {
    /// By serial number.
    pub(super) printers: BTreeMap<Text, KeptPrinter>,
    /// By what tells an account from others: its place in the configuration may become another one's.
    pub(super) accounts: BTreeMap<String, KeptAccount>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct KeptPrinter {
    pub(super) release: Option<Release>,
    pub(super) ams_releases: Vec<Arc<Release>>,
    pub(super) releases_at: Option<Timestamp>,
    pub(super) tasks: Option<Vec<Arc<Task>>>,
    /// Which job the rest is about.
    pub(super) job: Mark,
    /// The number of its task.
    pub(super) task: Option<Text>,
    /// The number of the task whose picture is kept, and on the local broker.
    pub(super) cover_of: Option<Text>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct KeptAccount {
    pub(super) names: Arc<Names>,
    pub(super) names_at: Option<Timestamp>,
    /// The highest number of a message that was seen.
    pub(super) message: Option<u64>,
}

/// What tells one job from another.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Mark {
    ids: [Option<Text>; 4],
    name: Option<Text>,
}

impl Mark {
    pub(super) fn of(job: &Job) -> Self {
        let ids = &job.ids;
        let ids = [&ids.task, &ids.subtask, &ids.job, &ids.project].map(Clone::clone);
        Self { ids, name: job.name.clone() }
    }
}

/// The file, and when it is written.
pub(super) struct Shelf {
    state: Arc<StateDir>,
    /// As it is on disk, or on its way there.
    written: Kept,
    next: Option<Duration>,
    not_before: Duration,
}

impl Shelf {
    /// Takes down what an earlier run has left. A file that cannot be read is one that is not there: all of
    /// it can be asked for again.
    pub(super) fn open(state: &Arc<StateDir>) -> (Self, Kept) {
        let kept = match state.read(FILE) {
            Ok(Some(bytes)) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                warn!(file = FILE, %error, "what was kept of the cloud's answers cannot be read; asking for it anew");
                Kept::default()
            }),
            Ok(None) => Kept::default(),
            Err(error) => {
                warn!(%error, "what was kept of the cloud's answers cannot be read; asking for it anew");
                Kept::default()
            }
        };
        let shelf =
            Self { state: Arc::clone(state), written: kept.clone(), next: None, not_before: Duration::ZERO };
        (shelf, kept)
    }

    /// Something is another than it was.
    pub(super) fn touch(&mut self, now: Now) {
        self.next.get_or_insert((now.mono + GATHER).max(self.not_before));
    }

    /// When to write.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.next
    }

    /// Writes when it is time, and not on the gateway's own task: a memory card may take its time.
    pub(super) fn tick(&mut self, now: Now, kept: Kept) {
        if self.next.take_if(|at| *at <= now.mono).is_none() {
            return;
        }
        if kept == self.written {
            return;
        }
        self.not_before = now.mono + WRITE_EACH;
        let state = Arc::clone(&self.state);
        if let Ok(bytes) = serde_json::to_vec(&kept) {
            tokio::task::spawn_blocking(move || {
                if let Err(error) = state.write(FILE, &bytes) {
                    warn!(%error, "what the cloud told cannot be kept; after a restart it is asked for anew");
                }
            });
        }
        self.written = kept;
    }

    /// Writes what was not written yet, at the end.
    pub(super) fn close(&self, kept: &Kept) {
        if self.next.is_some() && *kept != self.written {
            let written = serde_json::to_vec(kept).map(|bytes| self.state.write(FILE, &bytes));
            if let Ok(Err(error)) = written {
                warn!(%error, "what the cloud told cannot be kept; after a restart it is asked for anew");
            }
        }
    }

    /// The picture that was kept for a printer.
    pub(super) fn picture(&self, serial: &Serial) -> Option<Arc<Picture>> {
        let bytes = self.state.read(&picture_file(serial)).ok()??;
        Picture::new(bytes).map(Arc::new)
    }

    /// Keeps a picture in place of the one before, or none.
    pub(super) fn keep_picture(&self, serial: &Serial, picture: Option<Arc<Picture>>) {
        let (state, file) = (Arc::clone(&self.state), picture_file(serial));
        tokio::task::spawn_blocking(move || {
            let kept = match picture {
                Some(picture) => state.write(&file, &picture.bytes),
                None => state.remove(&file),
            };
            if let Err(error) = kept {
                warn!(%error, "the picture of a job cannot be kept; after a restart it is fetched anew");
            }
        });
    }
}

fn picture_file(serial: &Serial) -> String {
    format!("cover-{}", serial.as_str())
}
