//! What stands in the file of a ledger. Pure.
//!
//! It begins with a line that names its form and the sum of the rest, so that one that was cut off, mixed up or
//! written by a later version is never half believed.

use thiserror::Error as ThisError;

use printer::fnv::fnv1a;
use printer::{Ledger, Serial};

/// What a file begins with, before its form and sum.
const HEAD: &str = "bambu2mqtt ledger ";
/// The form of the file; another number is another form.
const FORM: u32 = 1;

/// Why a ledger cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
pub enum Damage {
    /// It is not what was written.
    #[error("it is damaged: {0}")]
    Damaged(&'static str),
    /// Another version of the program wrote it.
    #[error("it has form {0}, which this version does not know: another version wrote it")]
    Foreign(u32),
}

/// The file of a printer. Serial numbers are personal, and paths are logged.
pub fn file_name(serial: &Serial) -> String {
    format!("ledger-{:016x}.json", fnv1a(serial.as_str().as_bytes()))
}

/// A ledger as it stands in its file.
pub fn write(serial: &Serial, ledger: &Ledger) -> Vec<u8> {
    let mut body = Vec::with_capacity(2048);
    // Writing to memory cannot fail, nor can a ledger be worded wrongly: its maps have text for keys.
    let _ = serde_json::to_writer(&mut body, &Kept { serial: serial.as_str(), ledger });
    let mut file = format!("{HEAD}{FORM} {:016x}\n", fnv1a(&body)).into_bytes();
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
    if format!("{:016x}", fnv1a(body.as_bytes())) != expected {
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

#[cfg(test)]
mod tests;
