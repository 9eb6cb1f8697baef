//! Catalogues on the disk: one file a model and language, a line an entry, and beside it when it was last
//! looked for.

use std::fmt::Write as _;

use jiff::Timestamp;
use tracing::warn;

use crate::config::Disk;
use crate::disk::{FileName, Writer};
use printer::{Catalogue, Prefix};

/// What a file begins with; another number is another form.
const FORM: &str = "bambu2mqtt error texts 1";

/// What was kept.
pub(super) struct CachedTexts {
    pub(super) version: Option<String>,
    pub(super) catalogue: Catalogue,
    /// When the vendor was last asked.
    pub(super) checked: Option<Timestamp>,
}

fn name(language: &str, prefix: Prefix) -> String {
    format!("texts-{language}-{}", prefix.as_str())
}

fn checked_name(language: &str, prefix: Prefix) -> String {
    format!("{}.checked", name(language, prefix))
}

/// Reads what is there; a damaged file is one that is not there.
pub(super) fn read(disk: &dyn Disk, language: &str, prefix: Prefix) -> Option<CachedTexts> {
    let file = match disk.read(&name(language, prefix)) {
        Ok(bytes) => String::from_utf8(bytes?).ok()?,
        Err(error) => {
            warn!(%error, "kept error texts cannot be read");
            return None;
        }
    };
    let mut lines = file.lines();
    let head = lines.next()?.strip_prefix(FORM)?;
    let version = head.strip_prefix(' ').map(str::to_owned);
    let mut catalogue = Catalogue::new();
    let mut end = None;
    for line in lines {
        match line.split_once('\t') {
            Some((code, text)) => catalogue.push((u64::from_str_radix(code, 16).ok()?, text.to_owned())),
            None => end = line.strip_prefix("end ")?.parse().ok(),
        }
    }
    if end != Some(catalogue.len()) {
        return None;
    }
    let checked = disk.read(&checked_name(language, prefix)).ok().flatten();
    let checked = checked.and_then(|bytes| std::str::from_utf8(&bytes).ok()?.trim().parse().ok());
    Some(CachedTexts { version, catalogue, checked })
}

/// Replaces what is there.
pub(super) fn write(
    writer: &Writer,
    language: &str,
    prefix: Prefix,
    version: Option<&str>,
    catalogue: &Catalogue,
    now: Timestamp,
) {
    let mut file = FORM.to_owned();
    if let Some(word) = version {
        file.push(' ');
        file.push_str(word);
    }
    file.push('\n');
    for (code, text) in catalogue {
        // Writing to a string cannot fail.
        let _ = writeln!(file, "{code:X}\t{text}");
    }
    let _ = writeln!(file, "end {}", catalogue.len());
    writer.store(&FileName::from(name(language, prefix)), file);
    touch(writer, language, prefix, now);
}

/// Notes that the vendor was asked.
pub(super) fn touch(writer: &Writer, language: &str, prefix: Prefix, now: Timestamp) {
    writer.store(&FileName::from(checked_name(language, prefix)), now.to_string());
}
