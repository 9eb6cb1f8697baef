//! What became of a command.

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
