//! Why something happened, in a form that a person and an automation can both read.

use serde::{Deserialize, Serialize};

use super::Text;

/// Why it happened.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Reason {
    /// In one word: `runout`, `user`, `gateway`, `prepare`, `power_loss`, `idle_without_result`,
    /// `unattended_replay` and others; empty when it is not known. Of a command that was refused it is the key of
    /// what was commanded.
    pub kind: Text,
    /// Error code as the printer's screen shows it.
    pub code: Option<Text>,
    /// What it means.
    pub text: Option<String>,
    /// Where the vendor explains it.
    pub url: Option<String>,
    /// In one word: how bad it is.
    pub severity: Option<Text>,
}

impl Reason {
    /// Whether it is that a person or the file wanted it.
    pub fn is_wanted(&self) -> bool {
        is_wanted(&self.kind)
    }
}

/// The words for what was wanted.
pub(crate) fn is_wanted(kind: &str) -> bool {
    matches!(kind, "user" | "gateway" | "gcode")
}
