//! The jobs' ledger of each printer on the disk: one small file a printer, replaced as a whole.
//!
//! A file begins with a line that names its form and the sum of the rest, so that one that was cut off, mixed
//! up or written by a later version is never half believed: it is moved aside, and the printer is met as if
//! for the first time, of which nobody is told.
//! Must not know: how a job is tracked, what is told to whom.

mod writer;

use std::path::PathBuf;

use thiserror::Error as ThisError;

use crate::config::{Disk, DiskError};
use printer::{Ledger, Serial};

pub use twin::Version;
pub use writer::{Cost, Report, Writer};

/// What a file begins with, before its form and sum.
const HEAD: &str = "bambu2mqtt ledger ";
/// The form of the file; another number is another form.
const FORM: u32 = 1;

/// Why a ledger was not taken over.
#[derive(Debug, ThisError)]
pub enum Damage {
    /// The system does not give it out.
    #[error(transparent)]
    Unreadable(#[from] DiskError),
    /// It is not what was written.
    #[error("it is damaged: {0}")]
    Damaged(&'static str),
    /// Another version of the program wrote it.
    #[error("it has form {0}, which this version does not know: another version wrote it")]
    Foreign(u32),
}

/// A ledger that was not taken over.
#[derive(Debug)]
pub struct Trouble {
    /// Its file.
    pub file: PathBuf,
    /// Where it lies now; `None` when it could not be moved, and is replaced by the next that is written.
    pub moved: Option<PathBuf>,
    /// What is wrong with it.
    pub damage: Damage,
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { file, moved, damage } = self;
        write!(f, "the jobs' ledger {} cannot be used: {damage}; ", file.display())?;
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

/// The file of a printer. Serial numbers are personal, and paths are logged.
pub fn file_name(serial: &Serial) -> String {
    format!("ledger-{:016x}.json", sum(serial.as_str().as_bytes()))
}

/// The ledger of a printer as it was written last. `None` says that there is none, or none that can be used.
pub fn load(disk: &dyn Disk, serial: &Serial) -> (Option<Ledger>, Option<Trouble>) {
    let name = file_name(serial);
    let damage = match disk.read(&name) {
        Ok(None) => return (None, None),
        Ok(Some(bytes)) => match read(serial, &bytes) {
            Ok(ledger) => return (Some(ledger), None),
            Err(damage) => damage,
        },
        Err(error) => Damage::Unreadable(error),
    };
    let aside = format!("{name}.bad");
    let moved = disk.rename(&name, &aside).is_ok().then(|| disk.locate(&aside));
    (None, Some(Trouble { file: disk.locate(&name), moved, damage }))
}

/// A ledger as it stands in its file.
pub fn write(serial: &Serial, ledger: &Ledger) -> Vec<u8> {
    let mut body = Vec::with_capacity(2048);
    // Writing to memory cannot fail, nor can a ledger be worded wrongly: its maps have text for keys.
    let _ = serde_json::to_writer(&mut body, &Kept { serial: serial.as_str(), ledger });
    let mut file = format!("{HEAD}{FORM} {:016x}\n", sum(&body)).into_bytes();
    file.extend(body);
    file.push(b'\n');
    file
}

/// Reads what [`write()`] wrote, and nothing else.
pub fn read(serial: &Serial, file: &[u8]) -> Result<Ledger, Damage> {
    let damaged = Damage::Damaged;
    let text = std::str::from_utf8(file).map_err(|_| damaged("it is not text"))?;
    let (head, body) = text.split_once('\n').ok_or(damaged("it has no first line"))?;
    let head = head.strip_prefix(HEAD).ok_or(damaged("it does not begin as a ledger does"))?;
    let (form, expected) = head.split_once(' ').ok_or(damaged("its first line is cut off"))?;
    let form: u32 = form.parse().map_err(|_| damaged("its form has no number"))?;
    if form != FORM {
        return Err(Damage::Foreign(form));
    }
    let body = body.strip_suffix('\n').ok_or(damaged("its end is missing"))?;
    if format!("{:016x}", sum(body.as_bytes())) != expected {
        return Err(damaged("its content is not what was written"));
    }
    let kept: Owned = serde_json::from_str(body).map_err(|_| damaged("it has words that are not known"))?;
    if Serial::new(&kept.serial) != *serial {
        return Err(damaged("it is another printer's"));
    }
    Ok(kept.ledger)
}

#[derive(serde::Serialize)]
struct Kept<'a> {
    serial: &'a str,
    ledger: &'a Ledger,
}

#[derive(serde::Deserialize)]
struct Owned {
    serial: String,
    ledger: Ledger,
}

/// FNV-1a: finds accidents, which is all that happens to a file in a private directory.
fn sum(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests;
