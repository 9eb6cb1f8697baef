//! What is kept on disk of what the cloud knows: firmware, tasks, names, and the pictures of current jobs, so
//! that all this is there when the cloud cannot be asked.
//!
//! No address of a picture is kept: these are signed, and so secret.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::disk::{FileName, Writer};
use printer::cloud::{Names, Picture, Project, Release, Task};
use printer::{Job, Now, Serial, Text};

const FILE: &str = "facts.json";
/// Between two writes: a memory card is not a database.
const WRITE_EACH: Duration = Duration::from_secs(180);
/// Answers come in bursts; the first write waits for the rest.
const GATHER: Duration = Duration::from_secs(2);

/// All of it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct CachedFacts {
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
    /// The file of the job that was last asked for; none is asked for twice.
    pub(super) project: Option<Arc<Project>>,
    /// What the picture of its objects is kept for.
    pub(super) pick_of: Option<Text>,
    /// What is still to be read of the tasks from before the first ones.
    pub(super) older: Option<Older>,
}

/// How far the older tasks of a printer were read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Older {
    /// What the next page comes after.
    pub(super) after: Text,
    /// Pages that were read.
    pub(super) pages: u32,
}

/// The pictures that are kept of each printer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// What is printed.
    Cover,
    /// Its objects, each in a colour of its own.
    Pick,
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
pub(super) struct Cache {
    writer: Writer,
    /// As it is on disk, or on its way there.
    written: CachedFacts,
    next: Option<Duration>,
    not_before: Duration,
}

impl Cache {
    /// Takes down what an earlier run has left. A file that cannot be read is one that is not there: all of
    /// it can be asked for again.
    pub(super) fn open(writer: &Writer) -> (Self, CachedFacts) {
        let kept = match writer.read(&FILE.into()) {
            Ok(Some(bytes)) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                warn!(file = FILE, %error, "what was kept of the cloud's answers cannot be read; asking for it anew");
                CachedFacts::default()
            }),
            Ok(None) => CachedFacts::default(),
            Err(error) => {
                warn!(%error, "what was kept of the cloud's answers cannot be read; asking for it anew");
                CachedFacts::default()
            }
        };
        let cache =
            Self { writer: writer.clone(), written: kept.clone(), next: None, not_before: Duration::ZERO };
        (cache, kept)
    }

    /// Something is another than it was.
    pub(super) fn touch(&mut self, now: Now) {
        self.next.get_or_insert((now.mono + GATHER).max(self.not_before));
    }

    /// The same of something that must not be asked for again, whatever ends the program.
    pub(super) fn touch_soon(&mut self, now: Now) {
        self.next = Some(self.next.map_or(now.mono + GATHER, |at| at.min(now.mono + GATHER)));
    }

    /// When to write.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.next
    }

    /// Writes when it is time.
    pub(super) fn tick(&mut self, now: Now, kept: CachedFacts) {
        if self.next.take_if(|at| *at <= now.mono).is_some() && kept != self.written {
            self.not_before = now.mono + WRITE_EACH;
            self.write(&kept);
            self.written = kept;
        }
    }

    /// Writes what was not written yet, at the end.
    pub(super) fn close(&self, kept: &CachedFacts) {
        if self.next.is_some() && *kept != self.written {
            self.write(kept);
        }
    }

    fn write(&self, kept: &CachedFacts) {
        if let Ok(bytes) = serde_json::to_vec(kept) {
            self.writer.store(&FILE.into(), bytes);
        }
    }

    /// The picture that was kept for a printer.
    pub(super) fn picture(&self, view: View, serial: &Serial) -> Option<Arc<Picture>> {
        let bytes = self.writer.read(&picture_file(view, serial)).ok()??;
        Picture::new(bytes.into()).map(Arc::new)
    }

    /// Keeps a picture in place of the one before, or none.
    pub(super) fn keep_picture(&self, view: View, serial: &Serial, picture: Option<Arc<Picture>>) {
        let file = picture_file(view, serial);
        match picture {
            // Not copied: it is large, and stays in memory anyhow as long as it is shown.
            Some(picture) => self.writer.store(&file, Bytes::from_owner(Shared(picture))),
            None => self.writer.remove(&file),
        };
    }
}

/// A picture as bytes.
struct Shared(Arc<Picture>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0.bytes
    }
}

fn picture_file(view: View, serial: &Serial) -> FileName {
    let name = match view {
        View::Cover => "cover",
        View::Pick => "pick",
    };
    format!("{name}-{}", serial.as_str()).into()
}
