//! What waits for the disk. Pure.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use bytes::Bytes;

use crate::config::Disk;
use printer::fnv::fnv1a;

/// Lines of the history that are kept while the disk refuses them.
const MOST_LINES: usize = 1000;

/// The name of a file in the state directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileName(Arc<str>);

impl From<&str> for FileName {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl From<String> for FileName {
    fn from(name: String) -> Self {
        Self(name.into())
    }
}

impl Deref for FileName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

/// Counts what was handed over; a larger one is newer.
pub type Version = u64;

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DiskEvent {
    /// The disk has this version, and thereby all before it of the same file.
    Stored(FileName, Version),
    /// The disk refused it: why. It is tried again.
    Refused(FileName, Version, String),
    /// The disk refused a line of the history: why. It is tried again.
    HistoryRefused(String),
    /// It takes everything again.
    Healed,
}

/// What was written since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// Files, each time that one was written.
    pub files: u64,
    /// Lines of the history.
    pub lines: u64,
    /// Bytes of both.
    pub bytes: u64,
    /// How often the disk was asked to finish: twice for a file, itself and the directory.
    pub syncs: u64,
}

impl Cost {
    pub(super) fn add(&mut self, more: Self) {
        let Self { files, lines, bytes, syncs } = more;
        self.files += files;
        self.lines += lines;
        self.bytes += bytes;
        self.syncs += syncs;
    }
}

/// What a file is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    Bytes(Bytes),
    /// There is to be none.
    Gone,
}

impl Content {
    /// Tells it from another one without keeping it.
    fn mark(&self) -> Option<u64> {
        match self {
            Self::Bytes(bytes) => Some(fnv1a(bytes)),
            Self::Gone => None,
        }
    }
}

/// Something that somebody waits for.
pub(super) type Work = Box<dyn FnOnce(&dyn Disk) + Send>;

/// What waits, and what is being written until it is known to be there.
#[derive(Default)]
pub(super) struct Queue {
    version: Version,
    /// By when they were handed over; no name twice.
    files: BTreeMap<Version, (FileName, Content)>,
    work: VecDeque<(Version, Work)>,
    lines: VecDeque<Vec<u8>>,
    /// What was handed over last of each file.
    last: BTreeMap<FileName, (Version, Option<u64>)>,
    pub(super) cost: Cost,
    /// Nobody takes anything any more.
    ended: bool,
}

/// What is brought to the disk in one go.
pub(super) struct Batch {
    pub(super) files: BTreeMap<Version, (FileName, Content)>,
    pub(super) work: VecDeque<(Version, Work)>,
    pub(super) lines: VecDeque<Vec<u8>>,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty() && self.work.is_empty() && self.lines.is_empty()
    }
}

impl Queue {
    /// Takes a file in place of what waits for the same name.
    pub(super) fn put(&mut self, name: &FileName, content: Content) -> Version {
        let mark = content.mark();
        if let Some((version, last)) = self.last.get(name) {
            if *last == mark {
                // It is there or on its way, and was answered or will be.
                return *version;
            }
            self.files.remove(version);
        }
        self.version += 1;
        self.files.insert(self.version, (name.clone(), content));
        self.last.insert(name.clone(), (self.version, mark));
        self.version
    }

    pub(super) fn append(&mut self, line: Vec<u8>) {
        if self.lines.len() >= MOST_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// Takes something that somebody waits for, or gives it back when nobody would do it.
    pub(super) fn work(&mut self, work: Work) -> Option<Work> {
        if self.ended {
            return Some(work);
        }
        self.version += 1;
        self.work.push_back((self.version, work));
        None
    }

    /// What a file is about to be, if that is not on the disk yet.
    pub(super) fn waiting(&self, name: &FileName) -> Option<Content> {
        let (version, _) = self.last.get(name)?;
        self.files.get(version).map(|(_, content)| content.clone())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty() && self.work.is_empty() && self.lines.is_empty()
    }

    /// What is to be brought to the disk now. Files stay until they are there.
    pub(super) fn batch(&mut self) -> Batch {
        Batch {
            files: self.files.clone(),
            work: std::mem::take(&mut self.work),
            lines: std::mem::take(&mut self.lines),
        }
    }

    /// The disk has this version of a file.
    pub(super) fn stored(&mut self, version: Version) {
        self.files.remove(&version);
    }

    /// Lines that the disk refused come before those that were appended meanwhile.
    pub(super) fn give_back(&mut self, lines: VecDeque<Vec<u8>>) {
        for line in lines.into_iter().rev() {
            self.lines.push_front(line);
        }
    }

    /// Takes nothing more from now on that somebody waits for; unless there still is something.
    pub(super) fn try_end(&mut self) -> bool {
        self.ended = self.work.is_empty();
        self.ended
    }

    /// Takes nothing more from now on; who waits is told by getting no answer.
    pub(super) fn end(&mut self) {
        self.ended = true;
        self.work.clear();
    }
}
