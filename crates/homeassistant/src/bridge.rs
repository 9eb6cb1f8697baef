//! The gateway itself as a device of Home Assistant.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;

use printer::{Capabilities, Now};

use super::catalog::{ACCOUNT, BRIDGE};
use super::discovery::{Message, account_key};
use super::topic::{PURGE, Topics};
use super::{Cell, Kind, Publication, Rows, discovery, remove_topics};

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
pub struct Bridge {
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
pub enum BridgeCommand {
    /// Have a code sent for this account.
    RequestCode(usize),
    /// The code that was sent for this account; `Debug` does not show it.
    LoginCode(usize, SecretString),
    /// Look at once which printers there are.
    RefreshPrinters,
}

impl BridgeCommand {
    /// Reads what came to an entity of the gateway's own.
    ///
    /// # Errors
    /// What is wrong with it, in words that hold nothing of a code: it may be a right one, for another field.
    pub fn parse(bridge: &Bridge, key: &str, payload: &[u8]) -> Result<Self, &'static str> {
        const UNKNOWN: &str = "the gateway has no such control";
        if key == PURGE {
            return Err("`bambu2mqtt purge` waits until this gateway is stopped");
        }
        let pressed = || if payload.trim_ascii() == b"PRESS" { Ok(()) } else { Err("a button takes PRESS") };
        if key == "refresh_printers" {
            return pressed().map(|()| Self::RefreshPrinters);
        }
        let of = |own: &str| (0..bridge.accounts.len()).find(|at| account_key(own, at + 1) == key);
        let named = |at: usize| match bridge.accounts.get(at) {
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

/// What Home Assistant was told of the gateway itself.
pub struct BridgeMirror {
    topics: Arc<Topics>,
    discovery: bool,
    announced: Option<Message>,
    /// Whether each account's name is known: what, with their number, decides which entities there are.
    shape: Vec<bool>,
    cells: Vec<Cell>,
    accounts: Vec<Vec<Cell>>,
}

impl BridgeMirror {
    /// A gateway of which nothing was told yet.
    pub fn new(topics: Arc<Topics>, discovery: bool) -> Self {
        let cells = vec![Cell::default(); BRIDGE.len()];
        Self { topics, discovery, announced: None, shape: Vec::new(), cells, accounts: Vec::new() }
    }

    /// Tells what changed.
    pub fn update(&mut self, now: Now, bridge: &Bridge, out: &mut Vec<Publication>) {
        self.announce(bridge, out);
        let topics = &self.topics;
        let shows = |at: usize| BRIDGE.get(at).is_some_and(|row| row.platform.has_value());
        Rows {
            table: BRIDGE,
            cells: &mut self.cells,
            topic: &|key| topics.bridge(key),
            settles: Duration::ZERO,
            held: &mut None,
        }
        .publish(now, bridge, None, shows, out);
        for (number, (login, cells)) in (1..).zip(bridge.accounts.iter().zip(&mut self.accounts)) {
            let wanted = |at: usize| ACCOUNT.get(at).is_some_and(|row| has(row, login));
            let topic = |key: &str| topics.bridge(&account_key(key, number));
            Rows { table: ACCOUNT, cells, topic: &topic, settles: Duration::ZERO, held: &mut None }
                .publish(now, login, None, wanted, out);
        }
    }

    /// Announces the device when the accounts are others than before, and takes back what those had that are gone.
    fn announce(&mut self, bridge: &Bridge, out: &mut Vec<Publication>) {
        let shape: Vec<bool> = bridge.accounts.iter().map(|login| login.named).collect();
        if self.announced.is_some() && shape == self.shape {
            return;
        }
        let message = discovery::bridge(&self.topics, bridge);
        if self.discovery {
            let topic = self.topics.config(&message.device);
            let kept: Vec<&str> = message.components().collect();
            let lost: Vec<(&str, &str)> = self
                .announced
                .iter()
                .flat_map(Message::components)
                .filter(|id| !kept.contains(id))
                .filter_map(|id| Some((id, super::platform_of(id)?)))
                .collect();
            if !lost.is_empty() {
                out.push(Publication::new(Kind::Parting, topic.clone(), message.without(lost)));
            }
            out.push(Publication::new(Kind::Discovery, topic, message.payload()));
        }
        for number in bridge.accounts.len() + 1..=self.accounts.len() {
            let mut gone = Vec::new();
            Rows::topics(ACCOUNT, &|key| self.topics.bridge(&account_key(key, number)), &mut gone);
            remove_topics(gone, out);
        }
        self.accounts.resize(bridge.accounts.len(), vec![Cell::default(); ACCOUNT.len()]);
        self.announced = Some(message);
        self.shape = shape;
    }

    /// Tells everything again.
    pub fn resend(&mut self, now: Now, bridge: &Bridge, out: &mut Vec<Publication>) {
        self.announced = None;
        self.cells.fill(Cell::default());
        self.accounts.clear();
        self.update(now, bridge, out);
    }

    /// Tells one value again, because somebody's command to it came to nothing, or because what they typed shall
    /// not stay.
    pub fn republish(&mut self, now: Now, key: &str, bridge: &Bridge, out: &mut Vec<Publication>) {
        for (number, cells) in (1..).zip(&mut self.accounts) {
            for (row, cell) in ACCOUNT.iter().zip(cells) {
                if account_key(row.key, number) == key {
                    *cell = Cell::default();
                }
            }
        }
        self.update(now, bridge, out);
    }

    /// The ids of the components that the device has now.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.announced.iter().flat_map(Message::components)
    }

    /// Takes components off the device that an earlier run of the program announced.
    pub fn remove_components<'a>(&self, gone: &[(&'a str, &'a str)], out: &mut Vec<Publication>) {
        if let Some(message) = &self.announced {
            let topic = self.topics.config(&message.device);
            let parting = message.without(gone.iter().copied());
            out.push(Publication::new(Kind::Parting, topic.clone(), parting));
            out.push(Publication::new(Kind::Discovery, topic, message.payload()));
        }
    }
}

/// Whether an account publishes this row.
fn has(row: &super::Entity<AccountView>, login: &AccountView) -> bool {
    row.platform.has_value() && (row.needs)(&Capabilities::default(), login)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use secrecy::ExposeSecret as _;

    use super::*;

    fn named() -> AccountView {
        AccountView { named: true, ..AccountView::default() }
    }

    fn bridge(accounts: Vec<AccountView>) -> Bridge {
        Bridge { accounts, ..Bridge::default() }
    }

    fn mirror() -> BridgeMirror {
        let topics = Topics { base: "b".into(), discovery: "homeassistant".into(), id_prefix: "b".into() };
        BridgeMirror::new(Arc::new(topics), true)
    }

    const NOW: Now = Now { mono: Duration::ZERO, wall: Timestamp::UNIX_EPOCH };

    #[test]
    fn a_code_is_read_kindly_and_never_quoted() {
        let two = bridge(vec![named(), named()]);
        let read = |key: &str, payload: &str| BridgeCommand::parse(&two, key, payload.as_bytes());
        for (payload, digits) in [("123456", "123456"), (" 123 456\n", "123456"), ("12345678", "12345678")] {
            match read("login_code_2", payload) {
                Ok(BridgeCommand::LoginCode(1, code)) => assert_eq!(code.expose_secret(), digits),
                other => panic!("{other:?}"),
            }
        }
        for wrong in ["", "123", "123456789", "12a456", "PRESS", "１２３４５６"] {
            let why = read("login_code", wrong).unwrap_err();
            assert!(wrong.is_empty() || !why.contains(wrong), "{why}");
        }
        assert!(!format!("{:?}", read("login_code", "424242")).contains("424242"));
        assert!(matches!(read("request_code", "PRESS"), Ok(BridgeCommand::RequestCode(0))));
        assert!(matches!(read("refresh_printers", "PRESS"), Ok(BridgeCommand::RefreshPrinters)));
        for (key, payload) in
            [(PURGE, ""), ("request_code_3", "PRESS"), ("account", "x"), ("request_code", "1")]
        {
            assert!(read(key, payload).is_err(), "{key}");
        }
        let nameless = bridge(vec![AccountView::default()]);
        assert!(BridgeCommand::parse(&nameless, "login_code", b"123456").is_err());
        assert!(BridgeCommand::parse(&nameless, "request_code", b"PRESS").is_err());
    }

    #[test]
    fn a_second_account_has_entities_of_its_own_and_loses_them_with_it() {
        let (mut mirror, mut out) = (mirror(), Vec::new());
        mirror.update(NOW, &bridge(vec![named()]), &mut out);
        let first: Vec<String> = mirror.components().map(str::to_owned).collect();
        assert!(
            first.iter().any(|id| id == "text_login_code") && first.iter().any(|id| id == "sensor_account")
        );
        out.clear();
        mirror.update(NOW, &bridge(vec![named(), AccountView::default()]), &mut out);
        let has = |id: &str| mirror.components().any(|known| known == id);
        assert!(has("sensor_account_2") && has("sensor_token_expires_2") && has("sensor_account"));
        assert!(!has("text_login_code_2"), "nobody can ask for a code without a name");
        let config = out.iter().find(|p| p.kind == Kind::Discovery).unwrap();
        assert!(config.payload.contains(r#""name":"Account 2 login expires""#), "{}", config.payload);
        assert!(out.iter().any(|p| p.topic == "b/bridge/account_2" && p.payload == "offline"));
        out.clear();
        mirror.update(NOW, &bridge(vec![named()]), &mut out);
        assert!(out[0].payload.contains(r#""sensor_account_2":{"platform":"sensor"}"#), "{out:?}");
        assert!(!out[1].payload.contains("account_2"));
        assert!(out.iter().any(|p| p.topic == "b/bridge/account_2" && p.payload.is_empty()));
        assert!(mirror.components().map(str::to_owned).eq(first));
    }

    #[test]
    fn what_was_typed_is_cleared_by_telling_the_value_again() {
        let (mut mirror, mut out) = (mirror(), Vec::new());
        let one = bridge(vec![named()]);
        mirror.update(NOW, &one, &mut out);
        out.clear();
        mirror.update(NOW, &one, &mut out);
        assert!(out.is_empty());
        mirror.republish(NOW, "login_code", &one, &mut out);
        assert_eq!(out, [Publication::new(Kind::Value, "b/bridge/login_code", "None")]);
    }

    #[test]
    fn every_state_and_every_event_has_its_word() {
        use AccountNews::{Blocked, CodeRequired, Connected, Expiring, NeedsLogin};
        assert_eq!(AccountState::ALL.map(AccountState::word), AccountState::WORDS);
        let news = [Expiring, NeedsLogin, CodeRequired, Blocked, Connected];
        assert_eq!(news.map(AccountNews::word), AccountNews::WORDS);
    }
}
