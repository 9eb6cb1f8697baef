//! What is wrong with the printer.

/// A health message (protocol 4.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hms {
    /// Where.
    pub attr: u32,
    /// What, with the severity in the upper half.
    pub code: u32,
}

impl std::fmt::Display for Hms {
    /// As the vendor writes it: `HMS_0300_0100_0001_0007`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { attr, code } = self;
        write!(f, "HMS_{:04X}_{:04X}_{:04X}_{:04X}", attr >> 16, attr & 0xFFFF, code >> 16, code & 0xFFFF)
    }
}

/// The error that stops or holds a print (protocol 4.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrintError(pub u32);

impl PrintError {
    /// The job was cancelled by a person: no fault.
    pub fn is_cancel(self) -> bool {
        matches!(self.0, 0x0300_400C | 0x0500_400E)
    }
}

impl std::fmt::Display for PrintError {
    /// As the vendor writes it: `0700-8006`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04X}-{:04X}", self.0 >> 16, self.0 & 0xFFFF)
    }
}
