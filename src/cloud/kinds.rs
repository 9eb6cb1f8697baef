//! The kinds of things that the rooms of the cloud hand to each other, and to who asks them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error as ThisError;

use printer::cloud::{Plate, Release, Task};
use printer::{Serial, Text};

/// A printer of the account. Its access code, which the cloud sends along, is not kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundPrinter {
    /// Upper case, as topics want it.
    pub serial: String,
    /// What its owner calls it.
    pub name: String,
    /// The maker's code, such as `C12`; newer models give their trade name.
    pub model_code: Option<String>,
    /// The trade name, such as `P1S`.
    pub product_name: Option<String>,
    /// The cloud's opinion; false for printers in LAN-only mode. `None` where it has none.
    pub online: Option<bool>,
}

impl BoundPrinter {
    /// What the cloud calls its model: by its code, and by its name; empty where it does not.
    pub fn cloud_names(&self) -> [&str; 2] {
        [self.model_code.as_deref(), self.product_name.as_deref()].map(Option::unwrap_or_default)
    }

    /// Whether its serial number can be one: it becomes part of topics and of the names of files.
    pub fn has_serial(&self) -> bool {
        Serial::parse(&self.serial).is_some()
    }
}

/// What is offered for the boards of one printer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Releases {
    /// For the printer; `None` where nothing is offered.
    pub printer: Option<Release>,
    /// For its AMS units, as far as anything is offered.
    pub ams: Vec<Arc<Release>>,
}

/// How a code reaches its person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeKind {
    /// To the account's e-mail address.
    Email,
    /// To the account's phone number.
    Sms,
}

impl fmt::Display for CodeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Email => "e-mail",
            Self::Sms => "text message",
        })
    }
}

/// One page of a printer's tasks, newest first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Page {
    /// Those that could be read.
    pub tasks: Vec<Task>,
    /// What to ask for the page after it with; `None` when there is none.
    pub next: Option<Text>,
}

/// What the cloud told of a job's file.
#[derive(Clone, PartialEq, Default)]
pub struct Sliced {
    /// Its plates.
    pub plates: Vec<Arc<Plate>>,
    /// Where the picture of each plate's objects is; these addresses are signed, so they are secret.
    pub picks: BTreeMap<u16, String>,
}

impl fmt::Debug for Sliced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sliced({:?}, {} pictures)", self.plates, self.picks.len())
    }
}

/// How a request ended, as far as the next ones are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestOutcome {
    /// With what was asked for.
    Good,
    /// With a refusal that concerns this request alone.
    Refused,
    /// Too many requests, perhaps with the time to wait.
    TooMany(Option<Duration>),
    /// A fault of the cloud's own or on the way, perhaps with the time to wait.
    Fault(Option<Duration>),
    /// Cloudflare wants to see a browser.
    Challenge,
}

/// Why a request is held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub enum Rest {
    /// Cloudflare wanted to see a browser.
    #[error("Cloudflare wanted to see a browser a moment ago")]
    Challenge,
    /// The cloud said how long it wants to be left alone.
    #[error("it asked to be left alone")]
    Asked,
    /// There were too many requests.
    #[error("it asked for fewer requests")]
    TooMany,
    /// This kind of request failed.
    #[error("the same request failed a moment ago")]
    Fault,
    /// The same was answered a moment ago.
    #[error("the same was answered a moment ago")]
    Recent,
    /// As much was asked as we allow ourselves.
    #[error("it was asked as often as this program allows itself")]
    Budget,
}

/// Why only a person can log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub enum LoginReason {
    /// Nothing is stored and there is no password.
    #[error("there is no login for the Bambu account yet")]
    NoToken,
    /// The stored or configured token is past its end.
    #[error("the Bambu login has run out")]
    RunOut,
    /// A code has to be entered.
    #[error("the Bambu account asks for a code that comes by {0}")]
    Code(CodeKind),
    /// An authenticator is set up for the account.
    #[error("the Bambu account asks for the code of its authenticator")]
    Authenticator,
}
