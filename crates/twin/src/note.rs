//! What the log should hear of a printer.

use std::fmt;

use printer::Event;
use printer::event::Kind;

/// How much a line of the log matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Something is not as it should be, or was refused.
    Warn,
    /// One of a handful of lines a day.
    Info,
    /// For those who look closer.
    Debug,
}

/// Worth a line in the log.
#[derive(Debug, Clone, PartialEq)]
pub enum Note {
    /// What the protocol's session noticed.
    Protocol(bambu::session::Note),
    /// Something happened.
    Event(Box<Event>),
    /// What became of a command.
    Outcome {
        /// To which entity or action, as it stands in topics.
        key: String,
        /// The word for it.
        word: &'static str,
        /// Why it came to nothing.
        reason: Option<String>,
    },
    /// Events had to be dropped.
    Overflow,
}

impl Note {
    /// How much it matters.
    pub fn level(&self) -> Level {
        match self {
            // A printer that sends garbage does so many times.
            Self::Protocol(bambu::session::Note::Malformed(count, _)) if !count.is_power_of_two() => {
                Level::Debug
            }
            Self::Protocol(_) | Self::Overflow | Self::Outcome { reason: Some(_), .. } => Level::Warn,
            Self::Event(event) if event.kind == Kind::Started || event.kind.is_terminal() => Level::Info,
            Self::Event(_) | Self::Outcome { reason: None, .. } => Level::Debug,
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol(note) => note.fmt(f),
            Self::Event(event) => {
                let late = if event.late { " (found out late)" } else { "" };
                write!(f, "print {}{late}", event.kind.word())?;
                match event.job.as_ref().and_then(|job| job.name.as_deref()) {
                    Some(job) => write!(f, ": {}", printer::quoted(job)),
                    None => Ok(()),
                }
            }
            Self::Outcome { key, word, reason: None } => write!(f, "command to {key}: {word}"),
            Self::Outcome { key, word, reason: Some(reason) } => write!(f, "command to {key}: {word}: {reason}"),
            Self::Overflow => f.write_str(
                "too many events wait for the local broker; the oldest are dropped, ends of jobs last of all. Is the \
                 broker running? The history of jobs is complete all the same",
            ),
        }
    }
}
