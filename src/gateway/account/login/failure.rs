//! What went wrong, sorted by what it means for the login, and said for people.

use std::time::Duration;

use crate::cloud::{self, CodeKind, LoginReason, Rest, advice};
use crate::mqtt;

/// What a call that did not work means for the login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::gateway::account) enum CallTrouble {
    /// The token is proven dead.
    Dead,
    /// A bare 401, which may pass.
    Doubt,
    /// There is no token, and the password is the next way.
    NoToken,
    /// Only a person helps.
    Person,
    /// The password is wrong, and would be the next time.
    PasswordRefused,
    /// The cloud wants a code.
    CodeWanted(CodeKind),
    /// A wrong code; the right one still works.
    CodeWrong,
    /// A code that has expired, or none is outstanding.
    CodeExpired,
    /// A page for browsers stands in the way.
    Blocked,
    /// The request did not reach the cloud.
    Unsent,
    /// Anything that gets better by waiting.
    Later,
}

/// A call that did not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::gateway::account) struct Failure {
    pub(in crate::gateway::account) trouble: CallTrouble,
    /// The least time until the next attempt.
    pub(super) pause: Duration,
    /// What happened, for people.
    pub(super) words: String,
    /// What they can do about it, where there is something.
    pub(super) advice: Option<&'static str>,
}

impl Failure {
    pub(in crate::gateway::account) fn of(error: &cloud::CloudError) -> Self {
        use cloud::CloudError as E;
        let trouble = match error {
            E::TokenExpired | E::TokenRejected { .. } => CallTrouble::Dead,
            E::Unauthorised { .. } => CallTrouble::Doubt,
            E::LoginNeeded { reason } => match reason {
                LoginReason::NoToken | LoginReason::RunOut => CallTrouble::NoToken,
                LoginReason::Code(kind) => CallTrouble::CodeWanted(*kind),
                _ => CallTrouble::Person,
            },
            E::CredentialsRefused { .. } => CallTrouble::PasswordRefused,
            E::CodeWrong | E::TotpWrong => CallTrouble::CodeWrong,
            E::CodeExpired => CallTrouble::CodeExpired,
            E::Challenge { .. } | E::Barred { .. } | E::Resting { rest: Rest::Challenge, .. } => {
                CallTrouble::Blocked
            }
            E::Resting { .. }
            | E::TooManyLogins { .. }
            | E::NameResolution { .. }
            | E::ClockWrong { .. }
            | E::Untrusted { .. }
            | E::Unreachable { .. }
            | E::Tls(_)
            | E::State(_) => CallTrouble::Unsent,
            error if error.needs_login() => CallTrouble::Person,
            _ => CallTrouble::Later,
        };
        // What follows is the next step for somebody at a command line; here there are other ways.
        let words = error.to_string();
        let words = words.split_once("; ").map_or(words.as_str(), |(words, _)| words).to_owned();
        Self { trouble, pause: error.retry_after().unwrap_or_default(), words, advice: error.advice() }
    }
}

/// Why there is no connection to the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::gateway::account) struct Lost {
    /// What happened, for people.
    pub(super) words: String,
    /// What they can do about it, where there is something.
    pub(super) advice: Option<&'static str>,
}

impl Lost {
    pub(in crate::gateway::account) fn of(error: &mqtt::Error) -> Self {
        use mqtt::Error as E;
        let advice = match error {
            E::ClockBehind { .. } => advice::SET_CLOCK,
            E::Tls { .. } => advice::MEND_TRUST,
            E::ConnectionRefused { .. } | E::TimedOut { .. } | E::Unreachable { .. } => {
                "if this lasts, see whether a firewall keeps the broker's port closed"
            }
            E::ClosedAgain { .. } => "see whether a second gateway runs with this configuration",
            E::PacketTooLarge { .. } | E::Protocol { .. } => advice::LOOK_FOR_NEWER,
            _ => return Self { words: error.to_string(), advice: None },
        };
        Self { words: error.to_string(), advice: Some(advice) }
    }
}
