//! The one account of the emulated cloud: who it is, its token, and the codes it may want.
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How long a new token lasts, as the real cloud says it.
pub(super) const TOKEN_SECONDS: u64 = 7_776_000;

pub(super) struct Account {
    pub(super) uid: u32,
    pub(super) name: String,
    pub(super) password: String,
    pub(super) needs_code: bool,
    /// Whether a login with the password also needs the code of an authenticator.
    pub(super) authenticator: bool,
    /// What the web's host wants to see twice.
    pub(super) csrf: String,
    codes: Mutex<Codes>,
}

struct Codes {
    token: Option<String>,
    code: Option<String>,
    /// Stands for a login with the right password that an authenticator's code completes.
    tfa_key: Option<String>,
    /// What the authenticator shows.
    totp: String,
    /// All of these that there ever were, and what each is.
    given: Vec<(&'static str, String)>,
}

impl Codes {
    fn give(&mut self, kind: &'static str, word: String) -> String {
        self.given.push((kind, word.clone()));
        word
    }

    /// The token that is valid, or a new one.
    fn token(&mut self) -> String {
        if let Some(token) = &self.token {
            return token.clone();
        }
        let token = self.give("token", new_token());
        self.token.insert(token).clone()
    }
}

/// What became of an attempt to log in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Token(String),
    CodeWanted,
    AuthenticatorWanted(String),
    Refused,
    CodeExpired,
    CodeWrong,
}

fn letters(count: usize) -> String {
    (0..count).map(|_| fastrand::alphanumeric()).collect()
}

fn new_token() -> String {
    format!("AADEMO{}", letters(88))
}

fn new_code() -> String {
    format!("{:06}", fastrand::u32(0..1_000_000))
}

impl Account {
    pub(super) fn new(name: String, password: String, needs_code: bool) -> Self {
        let mut codes = Codes { token: None, code: None, tfa_key: None, totp: new_code(), given: Vec::new() };
        codes.token();
        Self {
            uid: fastrand::u32(100_000_000..999_999_999),
            name,
            password,
            needs_code,
            authenticator: false,
            csrf: letters(32),
            codes: Mutex::new(codes),
        }
    }

    /// Makes logins with the password need an authenticator's code.
    pub(super) fn with_authenticator(mut self, wanted: bool) -> Self {
        self.authenticator = wanted;
        if wanted {
            let mut codes = self.codes();
            let totp = codes.totp.clone();
            codes.give("code", totp);
        }
        self
    }

    fn codes(&self) -> MutexGuard<'_, Codes> {
        self.codes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The name at the MQTT broker.
    pub(super) fn mqtt_user(&self) -> String {
        format!("u_{}", self.uid)
    }

    pub(super) fn token(&self) -> Option<String> {
        self.codes().token.clone()
    }

    pub(super) fn revoke(&self) {
        self.codes().token = None;
    }

    pub(super) fn accepts(&self, token: &str) -> bool {
        self.codes().token.as_deref() == Some(token)
    }

    /// The code that was last "mailed".
    pub(super) fn code(&self) -> Option<String> {
        self.codes().code.clone()
    }

    pub(super) fn send_code(&self, name: &str) -> bool {
        if name == self.name {
            let mut codes = self.codes();
            codes.code = Some(codes.give("code", new_code()));
        }
        name == self.name
    }

    /// The code that was sent is worthless from now on.
    pub(super) fn forget_code(&self) {
        self.codes().code = None;
    }

    /// All that was secret about it so far.
    pub(super) fn secrets(&self) -> Vec<(&'static str, String)> {
        let own = [("password", self.password.clone()), ("user id", self.uid.to_string())];
        own.into_iter().chain(self.codes().given.iter().cloned()).collect()
    }

    /// What the authenticator shows.
    pub(super) fn totp(&self) -> String {
        self.codes().totp.clone()
    }

    /// A token for the key of a login that was begun and the authenticator's code. A wrong code leaves the key
    /// as good as it was.
    pub(super) fn authenticate(&self, key: &str, code: &str) -> Option<String> {
        let mut codes = self.codes();
        if codes.tfa_key.as_deref() != Some(key) || codes.totp != code {
            return None;
        }
        codes.tfa_key = None;
        Some(codes.token())
    }

    pub(super) fn log_in(&self, name: &str, password: Option<&str>, code: Option<&str>) -> Outcome {
        if name != self.name {
            return Outcome::Refused;
        }
        match (password, code) {
            (_, Some(given)) => {
                let mut codes = self.codes();
                match &codes.code {
                    None => return Outcome::CodeExpired,
                    Some(code) if code != given => return Outcome::CodeWrong,
                    Some(_) => codes.code = None,
                }
            }
            (Some(password), None) if password == self.password => {
                if self.authenticator {
                    let mut codes = self.codes();
                    let key = codes.give("key of a login", letters(24));
                    codes.tfa_key = Some(key.clone());
                    return Outcome::AuthenticatorWanted(key);
                }
                if self.needs_code {
                    return Outcome::CodeWanted;
                }
            }
            _ => return Outcome::Refused,
        }
        Outcome::Token(self.codes().token())
    }
}
