//! Errors and health messages (protocol 4.10 and 4.11).

use crate::report::Print;
use crate::wire::Hex;
use printer::{Hms, PrintError};

pub(super) fn error(report: &Print) -> Option<PrintError> {
    let code = u32::try_from(Hex(report.print_error?.cast_unsigned()).bits(0, 32)).ok()?;
    // Smaller ones are noise of a running print (protocol 4.11).
    (code & 0xFFFF >= 0x4000).then_some(PrintError(code))
}

/// Internal to the printer; the vendor's own programs hide it (protocol 4.10).
pub(super) const INTERNAL: Hms = Hms { attr: 0x0500_0600, code: 0x0002_0070 };

pub(super) fn hms(report: &Print) -> Vec<Hms> {
    let list = report.hms.as_ref().map_or(&[][..], |list| &list.0);
    let mut hms: Vec<Hms> = list
        .iter()
        .filter_map(|entry| Some(Hms { attr: entry.attr?.0, code: entry.code?.0 }))
        .filter(|entry| entry.attr != 0 && entry.code != 0 && *entry != INTERNAL)
        .collect();
    // Printers send them in any order; two in another order are no change.
    hms.sort_unstable();
    hms.dedup();
    hms
}
