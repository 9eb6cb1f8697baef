//! The gateway itself as a device of Home Assistant.

mod mirror;

use std::sync::Arc;

use jiff::Timestamp;
use secrecy::SecretString;

use super::discovery::account_key;
use super::topic::PURGE;

pub use mirror::GatewayMirror;

/// How an account stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum AccountState {
    /// Not decided yet, or the cloud cannot be reached.
    #[default]
    Offline,
    /// Logged in.
    Connected,
    /// Logged in, and the login ends within two weeks.
    TokenExpiring,
    /// A person must log in again.
    NeedsLogin,
    /// A code was sent, and waits for being typed.
    CodeRequired,
    /// The cloud refuses us for now.
    Blocked,
}

impl AccountState {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Connected,
        Self::TokenExpiring,
        Self::NeedsLogin,
        Self::CodeRequired,
        Self::Blocked,
        Self::Offline,
    ];

    /// All words for it.
    pub const WORDS: [&str; 6] =
        ["connected", "token_expiring", "needs_login", "code_required", "blocked", "offline"];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Connected => "connected",
            Self::TokenExpiring => "token_expiring",
            Self::NeedsLogin => "needs_login",
            Self::CodeRequired => "code_required",
            Self::Blocked => "blocked",
        }
    }

    /// Whether somebody should do something about it. A cloud that cannot be reached is nobody's to mend.
    pub fn is_problem(self) -> bool {
        !matches!(self, Self::Offline | Self::Connected)
    }

    /// Whether the printers of the account wait for a person.
    pub fn needs_person(self) -> bool {
        matches!(self, Self::NeedsLogin | Self::CodeRequired)
    }
}

/// What happens to an account, as `event_type` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccountNews {
    /// The login ends soon: told 14, 7 days and a day before.
    Expiring,
    /// A person must log in again.
    NeedsLogin,
    /// A code was sent, and waits for being typed.
    CodeRequired,
    /// The cloud refuses us for now.
    Blocked,
    /// All is well after one of the others.
    Connected,
}

impl AccountNews {
    /// All words for it.
    pub const WORDS: [&str; 5] = ["expiring", "needs_login", "code_required", "blocked", "connected"];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Expiring => "expiring",
            Self::NeedsLogin => "needs_login",
            Self::CodeRequired => "code_required",
            Self::Blocked => "blocked",
            Self::Connected => "connected",
        }
    }
}

/// One account, as far as people are to know of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccountView {
    /// How it stands.
    pub state: AccountState,
    /// When its login ends, where that is known.
    pub expires_at: Option<Timestamp>,
    /// Whole days until then; negative when it is past.
    pub days_left: Option<i32>,
    /// Whether its name is known, so that a code can be asked for.
    pub named: bool,
    /// Why it stands so, in words; empty when all is well.
    pub reason: Arc<str>,
    /// What to do about it, in words; empty when nothing.
    pub next_step: Arc<str>,
}

/// The gateway itself, as a device.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GatewayView {
    /// Version of the program.
    pub version: &'static str,
    /// Whether the cloud's broker is connected, for every account.
    pub cloud_connected: bool,
    /// The accounts, in the order of the configuration.
    pub accounts: Vec<AccountView>,
    /// Printers in the accounts.
    pub printers: u16,
    /// Those that can be reached.
    pub printers_online: u16,
    /// Those with a job under way.
    pub printers_printing: u16,
    /// Those that can be reached and have none.
    pub printers_idle: u16,
    /// Those that somebody should have a look at.
    pub printers_attention: u16,
    /// Messages of all printers a minute, over the last minutes; `None` before these have passed.
    pub report_rate: Option<u32>,
    /// How often the connection to the cloud was lost since the start.
    pub reconnects: u32,
    /// What is wrong with the state directory.
    pub state_problem: Option<String>,
}

/// What somebody asks of the gateway itself. Accounts are counted from 0.
#[derive(Debug)]
pub enum GatewayCommand {
    /// Have a code sent for this account.
    RequestCode(usize),
    /// The code that was sent for this account; `Debug` does not show it.
    LoginCode(usize, SecretString),
    /// Look at once which printers there are.
    RefreshPrinters,
}

impl GatewayCommand {
    /// Reads what came to an entity of the gateway's own.
    ///
    /// # Errors
    /// What is wrong with it, in words that hold nothing of a code: it may be a right one, for another field.
    pub fn parse(gateway: &GatewayView, key: &str, payload: &[u8]) -> Result<Self, &'static str> {
        const UNKNOWN: &str = "the gateway has no such control";
        if key == PURGE {
            return Err("`bambu2mqtt purge` waits until this gateway is stopped");
        }
        let pressed = || if payload.trim_ascii() == b"PRESS" { Ok(()) } else { Err("a button takes PRESS") };
        if key == "refresh_printers" {
            return pressed().map(|()| Self::RefreshPrinters);
        }
        let of = |own: &str| (0..gateway.accounts.len()).find(|at| account_key(own, at + 1) == key);
        let named = |at: usize| match gateway.accounts.get(at) {
            Some(login) if login.named => Ok(at),
            _ => {
                Err("the account's name is not configured, so no code can be asked for: give it a new token")
            }
        };
        if let Some(at) = of("request_code") {
            return pressed().and_then(|()| named(at)).map(Self::RequestCode);
        }
        if let Some(at) = of("login_code") {
            let digits: String = payload
                .iter()
                .filter(|byte| !byte.is_ascii_whitespace())
                .map(|byte| char::from(*byte))
                .collect();
            let fits = (4..=8).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
            if !fits {
                return Err(
                    "a code has digits only, six as a rule: copy it from the message that brought it",
                );
            }
            return named(at).map(|at| Self::LoginCode(at, digits.into()));
        }
        Err(UNKNOWN)
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    pub(super) fn named() -> AccountView {
        AccountView { named: true, ..AccountView::default() }
    }

    pub(super) fn gateway(accounts: Vec<AccountView>) -> GatewayView {
        GatewayView { accounts, ..GatewayView::default() }
    }

    #[test]
    fn a_code_is_read_kindly_and_never_quoted() {
        let two = gateway(vec![named(), named()]);
        let read = |key: &str, payload: &str| GatewayCommand::parse(&two, key, payload.as_bytes());
        for (payload, digits) in [("123456", "123456"), (" 123 456\n", "123456"), ("12345678", "12345678")] {
            match read("login_code_2", payload) {
                Ok(GatewayCommand::LoginCode(1, code)) => assert_eq!(code.expose_secret(), digits),
                other => panic!("{other:?}"),
            }
        }
        for wrong in ["", "123", "123456789", "12a456", "PRESS", "１２３４５６"] {
            let why = read("login_code", wrong).unwrap_err();
            assert!(wrong.is_empty() || !why.contains(wrong), "{why}");
        }
        assert!(!format!("{:?}", read("login_code", "424242")).contains("424242"));
        assert!(matches!(read("request_code", "PRESS"), Ok(GatewayCommand::RequestCode(0))));
        assert!(matches!(read("refresh_printers", "PRESS"), Ok(GatewayCommand::RefreshPrinters)));
        for (key, payload) in
            [(PURGE, ""), ("request_code_3", "PRESS"), ("account", "x"), ("request_code", "1")]
        {
            assert!(read(key, payload).is_err(), "{key}");
        }
        let nameless = gateway(vec![AccountView::default()]);
        assert!(GatewayCommand::parse(&nameless, "login_code", b"123456").is_err());
        assert!(GatewayCommand::parse(&nameless, "request_code", b"PRESS").is_err());
    }

    #[test]
    fn every_state_and_every_event_has_its_word() {
        use AccountNews::{Blocked, CodeRequired, Connected, Expiring, NeedsLogin};
        assert_eq!(AccountState::ALL.map(AccountState::word), AccountState::WORDS);
        let news = [Expiring, NeedsLogin, CodeRequired, Blocked, Connected];
        assert_eq!(news.map(AccountNews::word), AccountNews::WORDS);
    }
}
