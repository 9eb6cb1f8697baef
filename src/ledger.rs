//! The jobs' ledger of each printer on the disk: one small file a printer, replaced as a whole.
//!
//! One that cannot be used is moved aside, and the printer is met as if for the first time, of which nobody is
//! told.
//! Must not know: how a job is tracked, what is told to whom.

mod form;

use std::path::PathBuf;

use crate::config::{Disk, DiskError};
use printer::{Ledger, Serial};

pub use form::{Damage, file_name, read, write};

/// A ledger that was not taken over.
#[derive(Debug)]
pub struct LostLedger {
    /// Its file.
    pub file: PathBuf,
    /// Where it lies now; `None` when it could not be moved, and is replaced by the next that is written.
    pub moved: Option<PathBuf>,
    /// Why.
    pub why: Why,
}

/// Why a ledger was not taken over.
#[derive(Debug, thiserror::Error)]
pub enum Why {
    /// The system does not give it out.
    #[error(transparent)]
    Unreadable(#[from] DiskError),
    /// What it gives out is no ledger of this printer.
    #[error(transparent)]
    Damaged(#[from] Damage),
}

impl std::fmt::Display for LostLedger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { file, moved, why } = self;
        write!(f, "the jobs' ledger {} cannot be used: {why}; ", file.display())?;
        match moved {
            Some(moved) => write!(f, "it is kept as {}", moved.display())?,
            None => write!(f, "it cannot be moved aside either, so check who owns the state directory")?,
        }
        write!(
            f,
            "; counters begin anew and what happened meanwhile is not told; put a backup in its place to have them"
        )
    }
}

/// The ledger of a printer as it was written last. `None` says that there is none, or none that can be used.
pub fn load(disk: &dyn Disk, serial: &Serial) -> (Option<Ledger>, Option<LostLedger>) {
    let name = file_name(serial);
    let why = match disk.read(&name) {
        Ok(None) => return (None, None),
        Ok(Some(bytes)) => match read(serial, &bytes) {
            Ok(ledger) => return (Some(ledger), None),
            Err(damage) => damage.into(),
        },
        Err(error) => Why::from(error),
    };
    let aside = format!("{name}.bad");
    let moved = disk.rename(&name, &aside).is_ok().then(|| disk.locate(&aside));
    (None, Some(LostLedger { file: disk.locate(&name), moved, why }))
}

#[cfg(test)]
mod tests;
