//! What of a login a restart must not forget.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::CODE_LASTS;

/// The last warning that a login ends, kept so that a restart does not repeat it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(in crate::gateway::account) struct Warned {
    /// The end that was told.
    pub(super) end: Option<Timestamp>,
    /// The days that were left then, one of `WARN_DAYS`.
    pub(super) days: i64,
}

impl Warned {
    pub(in crate::gateway::account) fn days(self) -> i64 {
        self.days
    }

    /// The end that was told.
    pub(in crate::gateway::account) fn end(self) -> Option<Timestamp> {
        self.end
    }
}

/// How a login ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum LoginEnd {
    Expired,
    Revoked,
    /// Nobody said how long it would last.
    Unknown,
}

impl LoginEnd {
    pub(super) fn words(self) -> String {
        let words = match self {
            Self::Expired => "the login has expired, as each does after about three months",
            Self::Revoked => {
                "the login ended before it was expected to: it was older than it seemed, the password was changed, or all \
                 devices were signed out"
            }
            Self::Unknown => "the login has expired or was revoked",
        };
        words.to_owned()
    }
}

/// What a restart must not forget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::gateway::account) struct LoginRecord {
    /// How the last login ended, while there is no other.
    pub(super) ended: Option<LoginEnd>,
    /// When a code was sent that nobody has typed yet. Another one would make it worthless.
    pub(super) code_sent: Option<Timestamp>,
    /// The authenticator's code is awaited, for which there is no hurry: a login begins when it is typed.
    pub(super) authenticator: bool,
    /// The cloud refused the password, and has not seen another one since.
    pub(super) password_refused: bool,
}

impl LoginRecord {
    /// The same with another password.
    pub(in crate::gateway::account) fn with_new_password(self) -> Self {
        Self { password_refused: false, ..self }
    }

    pub(in crate::gateway::account) fn is_refused(self) -> bool {
        self.password_refused
    }

    /// How long the code that was sent is still good.
    pub(super) fn code_lasts(self, now: Timestamp) -> Option<Duration> {
        // A clock that was ahead must not keep anyone waiting.
        let age = Duration::try_from(now.duration_since(self.code_sent?)).ok()?;
        CODE_LASTS.checked_sub(age).filter(|rest| !rest.is_zero())
    }
}
