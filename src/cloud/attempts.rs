//! How often it was tried to log in, kept on disk: it is the restarts that make many attempts out of one.
//!
//! Three passwords, three requests for a code and three codes in ten minutes (`protocol.md` 1.8), whoever
//! makes them. It does not know how an attempt ended.

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::error::CloudError;
use super::token;
use crate::config::{AccountConfig, Disk};
use crate::window::Window;

/// At most this many of each kind …
const MOST: usize = 3;
/// … in this time.
const WITHIN: Duration = Duration::from_secs(10 * 60);

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// To log in with a password.
    Password,
    /// To have a code sent.
    CodeRequest,
    /// To log in with a code, a sent one or an authenticator's.
    Code,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Attempts {
    passwords: Vec<Timestamp>,
    code_requests: Vec<Timestamp>,
    codes: Vec<Timestamp>,
}

impl Attempts {
    fn load(disk: &dyn Disk, account: &AccountConfig) -> Result<Self, CloudError> {
        Ok(Self::read(&disk.read(&token::file_name("logins", account))?.unwrap_or_default()))
    }

    fn save(self, disk: &dyn Disk, account: &AccountConfig) -> Result<(), CloudError> {
        let Self { passwords, code_requests, codes } = self;
        let written = json!({ "passwords": passwords, "code_requests": code_requests, "codes": codes });
        Ok(disk.replace(&token::file_name("logins", account), written.to_string().as_bytes())?)
    }

    fn read(bytes: &[u8]) -> Self {
        // Version 0.1.0 wrote a plain list, of everything.
        let plain =
            |bytes| Self { passwords: serde_json::from_slice(bytes).unwrap_or_default(), ..Self::default() };
        serde_json::from_slice(bytes).unwrap_or_else(|_| plain(bytes))
    }

    fn of(&mut self, attempt: Attempt) -> &mut Vec<Timestamp> {
        match attempt {
            Attempt::Password => &mut self.passwords,
            Attempt::CodeRequest => &mut self.code_requests,
            Attempt::Code => &mut self.codes,
        }
    }
}

/// Counts an attempt that is about to be made, or says that it has to wait.
pub fn permit(
    disk: &dyn Disk,
    account: &AccountConfig,
    attempt: Attempt,
    now: Timestamp,
) -> Result<(), CloudError> {
    let mut all = Attempts::load(disk, account)?;
    for attempt in [Attempt::Password, Attempt::CodeRequest, Attempt::Code] {
        // A clock that was ahead must not lock anyone out: the future does not count.
        all.of(attempt).retain(|at| *at <= now && now.duration_since(*at).unsigned_abs() < WITHIN);
    }
    let made = all.of(attempt);
    made.sort();
    let mut window = Window::new(MOST, WITHIN);
    for at in &*made {
        window.take(since_epoch(*at));
    }
    window.permit(since_epoch(now)).map_err(|wait| CloudError::TooManyLogins { wait })?;
    made.push(now);
    all.save(disk, account)
}

fn since_epoch(at: Timestamp) -> Duration {
    Duration::try_from(at.as_duration()).unwrap_or_default()
}

/// Takes back the last one, which was not made after all.
pub(super) fn forgive(disk: &dyn Disk, account: &AccountConfig, attempt: Attempt) -> Result<(), CloudError> {
    let mut all = Attempts::load(disk, account)?;
    all.of(attempt).pop();
    all.save(disk, account)
}
