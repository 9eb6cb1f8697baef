//! What became of a command.

use jiff::Timestamp;

use crate::Text;

/// What became of a command; for the person or program that gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The printer took it.
    Accepted,
    /// The printer's own report shows the effect.
    Confirmed,
    /// It was not sent, or the printer said no; why.
    Refused(String),
    /// It could not be sent; why.
    Failed(String),
    /// A newer command of the same kind took its place before it was seen to be done.
    Superseded,
    /// It was sent, and then the printer did not answer or did not show the effect in time; which of it.
    Timeout(String),
}

impl Outcome {
    /// The words for it, for ever.
    pub const WORDS: [&str; 5] = ["accepted", "confirmed", "refused", "failed", "timeout"];

    /// The word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Confirmed => "confirmed",
            Self::Refused(_) | Self::Superseded => "refused",
            Self::Failed(_) => "failed",
            Self::Timeout(_) => "timeout",
        }
    }

    /// Why it did not come to what was asked.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Accepted | Self::Confirmed => None,
            Self::Superseded => Some("a newer value took its place"),
            Self::Refused(reason) | Self::Failed(reason) | Self::Timeout(reason) => Some(reason),
        }
    }
}

/// The last command that came to an end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastCommand {
    /// The key of the entity it was for, as it stands in topics, or `action/` and the action's name.
    pub key: Text,
    /// What became of it.
    pub outcome: Outcome,
    /// When.
    pub at: Timestamp,
}
