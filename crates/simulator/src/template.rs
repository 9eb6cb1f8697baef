//! Payloads as prepared text: what stands still is copied, only what changes is formatted.
//!
//! A template is JSON with `$name$` where a value belongs. It may be laid out over several lines: line ends
//! and the blanks that open a line are dropped. Knows nothing of printers beyond handing one to the writers.
use super::machine::Machine;
use std::fmt::Arguments;
use std::io::Write as _;

/// Writes one value of a printer.
pub(super) type Writer = fn(&Machine, &mut Vec<u8>);

/// The names a template may use, with their writers.
pub(super) type Fields = &'static [(&'static str, Writer)];

/// Appends formatted text.
pub(super) fn put(out: &mut Vec<u8>, text: Arguments<'_>) {
    out.write_fmt(text).expect("a vector takes all bytes");
}

enum Part {
    Text(Vec<u8>),
    Value(Writer),
    /// The tray with the spool of this number; in a delta without what is left on it.
    Tray(usize, bool),
    /// The holder outside with this number.
    Outside(usize),
}

/// A payload with its gaps.
pub(super) struct Template {
    parts: Vec<Part>,
    size: usize,
}

impl Template {
    /// Takes a text apart. A name that no table knows is a mistake in this program, found by any test.
    pub(super) fn new(text: &str, tables: &[Fields]) -> Self {
        let text: String = text.lines().map(str::trim_start).collect();
        let mut parts = Vec::new();
        for (index, piece) in text.split('$').enumerate() {
            if index % 2 == 0 {
                parts.push(Part::Text(piece.as_bytes().to_vec()));
            } else if let Some(spool) = piece.strip_prefix("tray#") {
                parts.push(Part::Tray(spool.parse().expect("a spool has a number"), true));
            } else if let Some(spool) = piece.strip_prefix("still#") {
                parts.push(Part::Tray(spool.parse().expect("a spool has a number"), false));
            } else if let Some(holder) = piece.strip_prefix("outside#") {
                parts.push(Part::Outside(holder.parse().expect("a holder has a number")));
            } else {
                let writer = tables.iter().flat_map(|table| table.iter()).find(|(name, _)| *name == piece);
                parts.push(Part::Value(writer.unwrap_or_else(|| panic!("no value named {piece}")).1));
            }
        }
        Self { parts, size: text.len() + 256 }
    }

    /// Appends the payload for this printer.
    pub(super) fn write(&self, machine: &Machine, out: &mut Vec<u8>) {
        for part in &self.parts {
            match part {
                Part::Text(text) => out.extend_from_slice(text),
                Part::Value(write) => write(machine, out),
                Part::Tray(spool, left) => {
                    if let Some(reel) = machine.spools.get(*spool) {
                        reel.write(*left, out);
                    }
                }
                Part::Outside(holder) => {
                    if let Some(reel) = machine.externals.get(*holder) {
                        reel.write(true, out);
                    }
                }
            }
        }
    }

    /// The payload for this printer.
    pub(super) fn render(&self, machine: &Machine) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.size);
        self.write(machine, &mut out);
        out
    }
}
