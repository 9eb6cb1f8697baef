//! What can be wrong with a configuration, worded for the person who wrote it.

use std::fmt;
use std::io;
use std::path::PathBuf;

use thiserror::Error as ThisError;

/// Why there is no configuration.
///
/// `Display` puts every problem on a line of its own; [`ConfigError::lines`] gives them one by one.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum ConfigError {
    /// There is no file where one is looked for.
    #[error(
        "no configuration found: looked for {}; \
         write one (config.example.yaml shows every key) or name it with -c FILE",
        listed(looked_for)
    )]
    NotFound {
        /// The places, in the order in which they were tried.
        looked_for: Vec<PathBuf>,
    },
    /// The file is there (or was named), and cannot be read.
    #[error("cannot read the configuration {}: {cause}; check the path and its permissions", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// A typo, a wrong type or broken YAML.
    #[error("{file}{}: {text}", at(*line, *column))]
    Shape {
        /// The file, as the user named it.
        file: String,
        /// Line from 1, and 0 where it is not known.
        line: usize,
        /// Column from 1.
        column: usize,
        /// What is wrong and what was expected.
        text: String,
    },
    /// Well-formed, but it cannot work; all that is wrong, not just the first.
    #[error("{}", prefixed(file, problems))]
    Sense {
        /// The file, as the user named it.
        file: String,
        /// Never empty.
        problems: Vec<Problem>,
    },
}

/// One thing that is wrong, or that has no effect, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key path (`printers[1].serial`) or the environment variable.
    pub key: String,
    /// What is wrong and what to do.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.text)
    }
}

impl ConfigError {
    /// Every problem as a line of its own.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Sense { file, problems } => {
                problems.iter().map(|problem| format!("{file}: {problem}")).collect()
            }
            other => vec![other.to_string()],
        }
    }

    /// Turns serde's words into ours: the section leaves the front of the message, the place its end.
    pub(super) fn shape(file: &str, error: &serde_yaml::Error) -> Self {
        let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
        let full = error.to_string();
        let message = full.rfind(" at line ").and_then(|end| full.get(..end)).unwrap_or(&full);
        Self::Shape { file: file.to_owned(), line, column, text: reword(message) }
    }
}

fn reword(message: &str) -> String {
    const UNKNOWN: &str = "unknown field `";
    let (section, rest) = match message.find(UNKNOWN) {
        Some(0) => ("", message),
        Some(start) => {
            let (before, rest) = message.split_at(start);
            (before.trim_end_matches(": "), rest)
        }
        None => return message.to_owned(),
    };
    let Some((field, expected)) = rest.get(UNKNOWN.len()..).and_then(|rest| rest.split_once('`')) else {
        return message.to_owned();
    };
    let place = if section.is_empty() { String::new() } else { format!(" in `{section}`") };
    let expected = expected.trim_start_matches(", ");
    let expected = expected.strip_prefix("expected one of ").or(expected.strip_prefix("expected "));
    match expected {
        Some(names) => format!("unknown field `{field}`{place}; expected {names}"),
        None => format!("unknown field `{field}`{place}"),
    }
}

fn at(line: usize, column: usize) -> String {
    if line == 0 { String::new() } else { format!(" line {line}, column {column}") }
}

fn listed(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" and ")
}

fn prefixed(file: &str, problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("{file}: {problem}")).collect::<Vec<_>>().join("\n")
}
