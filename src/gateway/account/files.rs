//! The files of an account: what is kept of it, and those that a new login may come in, looked at now and then.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::disk::FileName;

/// What is kept of an account, by its label, in a file of its own.
pub(super) fn file_name(kind: &str, label: &str) -> FileName {
    format!("{kind}-{label}.json").into()
}

/// A file that a new login may come in, and when it last changed.
pub(super) struct Watched {
    path: PathBuf,
    changed: Option<SystemTime>,
}

impl Watched {
    pub(super) fn new(path: PathBuf) -> Self {
        let changed = changed(&path);
        Self { path, changed }
    }

    /// Whether it is another one than at the last look.
    pub(super) fn look(&mut self) -> bool {
        let now = changed(&self.path);
        now.is_some() && std::mem::replace(&mut self.changed, now) != now
    }
}

fn changed(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|metadata| metadata.modified()).ok()
}
