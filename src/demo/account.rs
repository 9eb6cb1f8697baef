//! The one account of the emulated cloud: who it is, its token, and the code it may want by e-mail.
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How long a new token lasts, as the real cloud says it.
pub(super) const TOKEN_SECONDS: u64 = 7_776_000;

pub(super) struct Account {
    pub(super) uid: u32,
    pub(super) name: String,
    pub(super) password: String,
    pub(super) needs_code: bool,
    state: Mutex<State>,
}

struct State {
    token: Option<String>,
    code: Option<String>,
}

/// What became of an attempt to log in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Login {
    Token(String),
    CodeWanted,
    Refused,
    CodeExpired,
    CodeWrong,
}

fn new_token() -> String {
    let tail: String = (0..88).map(|_| fastrand::alphanumeric()).collect();
    format!("AADEMO{tail}")
}

impl Account {
    pub(super) fn new(name: String, password: String, needs_code: bool) -> Self {
        let state = State { token: Some(new_token()), code: None };
        Self {
            uid: fastrand::u32(100_000_000..999_999_999),
            name,
            password,
            needs_code,
            state: Mutex::new(state),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The name at the MQTT broker.
    pub(super) fn mqtt_user(&self) -> String {
        format!("u_{}", self.uid)
    }

    pub(super) fn token(&self) -> Option<String> {
        self.state().token.clone()
    }

    pub(super) fn revoke(&self) {
        self.state().token = None;
    }

    pub(super) fn accepts(&self, token: &str) -> bool {
        self.state().token.as_deref() == Some(token)
    }

    /// The code that was last "mailed".
    pub(super) fn code(&self) -> Option<String> {
        self.state().code.clone()
    }

    pub(super) fn send_code(&self, name: &str) -> bool {
        if name == self.name {
            self.state().code = Some(format!("{:06}", fastrand::u32(0..1_000_000)));
        }
        name == self.name
    }

    pub(super) fn log_in(&self, name: &str, password: Option<&str>, code: Option<&str>) -> Login {
        if name != self.name {
            return Login::Refused;
        }
        match (password, code) {
            (_, Some(given)) => {
                let mut state = self.state();
                match &state.code {
                    None => return Login::CodeExpired,
                    Some(code) if code != given => return Login::CodeWrong,
                    Some(_) => state.code = None,
                }
            }
            (Some(password), None) if password == self.password => {
                if self.needs_code {
                    return Login::CodeWanted;
                }
            }
            _ => return Login::Refused,
        }
        Login::Token(self.state().token.get_or_insert_with(new_token).clone())
    }
}
