//! What a configuration is made of, complete and checked.
//!
//! Must not know how it was written or what was wrong with it.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use reqwest::Url;
use secrecy::SecretString;
use serde::Deserialize;

use printer::Privacy;
use printer::health::Code;

use super::error::Problem;
use super::money::{Energy, Prices};
use super::secret;
use super::topic::slug;

/// The base topic, and the start of every id, of a gateway that was not told otherwise.
pub const DEFAULT_BASE_TOPIC: &str = "bambu2mqtt";

/// Everything a person can decide about the gateway.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where tokens and other small files live; not created yet, see [`StateDir::open`](super::StateDir::open).
    pub state_dir: PathBuf,
    /// The Bambu accounts; at least one.
    pub accounts: Vec<AccountConfig>,
    /// Settings for single printers; a bound printer without an entry is used all the same.
    pub printers: Vec<Printer>,
    /// The local broker.
    pub mqtt: Mqtt,
    /// Discovery.
    pub homeassistant: HomeAssistant,
    /// What may be commanded.
    pub controls: Controls,
    /// Health messages and errors that nobody wants to hear of.
    pub ignored: Arc<[Code]>,
    /// What may be on the local broker.
    pub privacy: Privacy,
    /// What filament and energy cost; without it nothing is said of costs.
    pub prices: Option<Prices>,
    /// Logging.
    pub log: Log,
    /// Language of names and of error texts.
    pub language: Language,
    /// Where the vendor's error texts are asked for; `None` in front of a cloud that is not the vendor's.
    pub texts_url: Option<Url>,
    /// Where health and metrics are served, if anywhere.
    pub http_listen: Option<SocketAddr>,
}

impl Config {
    /// What ids begin with: `bambu2mqtt`, or the slug of a base topic of one's own, so that two gateways
    /// share a broker in peace.
    pub fn id_prefix(&self) -> String {
        slug(&self.mqtt.base_topic)
    }

    /// What is set for the printer with this serial.
    pub fn printer(&self, serial: &str) -> Option<&Printer> {
        self.printers.iter().find(|printer| printer.serial.eq_ignore_ascii_case(serial))
    }

    /// Whether commands reach the printer with this serial.
    pub fn controls_of(&self, serial: &str) -> Mode {
        self.printer(serial).and_then(|printer| printer.controls).unwrap_or(self.controls.mode)
    }
}

/// A configuration that works, and what it asks for in vain.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Settings without effect in this version, to be logged at `warn`.
    pub warnings: Vec<Problem>,
}

/// Language of names and of error texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English, and only what the program brings along: nothing is fetched.
    Bundled,
    /// Names and the vendor's texts in this one, by the vendor's code for it; English where there are none.
    Of(&'static str),
}

/// Languages that the vendor has error texts in, by its codes: those that BambuStudio brings along in
/// `resources/hms`. It has none in Czech, Turkish or Ukrainian, where its program shows English ones.
pub(super) const TEXTS: &[&str] =
    &["en", "de", "es", "fr", "hu", "it", "ja", "ko", "nl", "pl", "pt", "pt-br", "ru", "sv", "zh-cn"];

impl Language {
    /// The code of the language of names.
    pub fn of_names(self) -> &'static str {
        match self {
            Self::Bundled => "en",
            Self::Of(code) => code,
        }
    }

    /// The code of the language that the vendor's error texts are asked for in, if they are.
    pub fn of_texts(self) -> Option<&'static str> {
        match self {
            Self::Bundled => None,
            Self::Of(code) => TEXTS.contains(&code).then_some(code).or(Some("en")),
        }
    }
}

/// One Bambu account.
#[derive(Debug, Clone)]
pub struct AccountConfig {
    /// Which of the two clouds it lives in.
    pub region: Region,
    /// Absent when only a token is given.
    pub account: Option<AccountName>,
    /// For a login without questions, where the account allows one.
    pub password: Option<SecretString>,
    /// An access token from elsewhere.
    pub token: Option<SecretString>,
    /// The file that it was read from, if it was one; a new one may be put there while the program runs.
    pub token_file: Option<PathBuf>,
    /// Base of the REST interface; https, or http on loopback.
    pub api_url: Url,
    /// The cloud's broker.
    pub mqtt: Broker,
    /// A root trusted in addition to the system's.
    pub ca_file: Option<PathBuf>,
}

impl PartialEq for AccountConfig {
    fn eq(&self, other: &Self) -> bool {
        let Self { region, account, password, token, token_file, api_url, mqtt, ca_file } = self;
        *region == other.region
            && *account == other.account
            && secret::same(password.as_ref(), other.password.as_ref())
            && secret::same(token.as_ref(), other.token.as_ref())
            && *token_file == other.token_file
            && *api_url == other.api_url
            && *mqtt == other.mqtt
            && *ca_file == other.ca_file
    }
}

impl AccountConfig {
    /// Reads the token's file again; `None` where there is none, or nothing in it.
    pub fn read_token_again(&self) -> Option<SecretString> {
        secret::read_again(self.token_file.as_deref()?)
    }
}

/// An e-mail address or phone number; personal, so `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct AccountName(pub(super) String);

impl AccountName {
    /// The name as the cloud wants it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// An e-mail address; otherwise it is a phone number.
    pub fn is_email(&self) -> bool {
        self.0.contains('@')
    }
}

impl fmt::Debug for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_email() { "AccountName(e-mail)" } else { "AccountName(phone)" })
    }
}

/// The two clouds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Region {
    /// Every country but mainland China.
    #[default]
    Global,
    /// Mainland China.
    China,
}

impl Region {
    /// The word the configuration uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::China => "china",
        }
    }

    /// The catalogue of error texts (protocol.md 1.1 and 4.10).
    pub(super) const fn texts_url(self) -> &'static str {
        match self {
            Self::Global => "https://e.bambulab.com/query.php",
            Self::China => "https://e.bambulab.cn/query.php",
        }
    }

    pub(super) const fn api_url(self) -> &'static str {
        match self {
            Self::Global => "https://api.bambulab.com",
            Self::China => "https://api.bambulab.cn",
        }
    }

    // The Chinese broker stays in the .com domain, unlike every other Chinese host (protocol.md 1.1).
    pub(super) const fn mqtt_url(self) -> &'static str {
        match self {
            Self::Global => "mqtts://us.mqtt.bambulab.com:8883",
            Self::China => "mqtts://cn.mqtt.bambulab.com:8883",
        }
    }
}

/// Where a broker is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    /// Name or address; an IPv6 address without brackets.
    pub host: String,
    /// Never 0.
    pub port: u16,
    /// Whether to speak TLS.
    pub tls: bool,
}

impl fmt::Display for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// What is set for one printer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printer {
    /// Upper case.
    pub serial: String,
    /// Takes the place of the name it has in the account.
    pub name: Option<String>,
    /// Leave it alone altogether.
    pub ignore: bool,
    /// Overrides the global mode.
    pub controls: Option<Mode>,
    /// The energy meter that it hangs on.
    pub energy: Option<Energy>,
    /// Layers that are told when a print reaches them, in ascending order.
    pub notify_layers: Arc<[u32]>,
}

/// The local broker and what is said there.
#[derive(Debug, Clone)]
pub struct Mqtt {
    /// Where it is.
    pub broker: Broker,
    /// User name, if it asks for one.
    pub username: Option<String>,
    /// Password of that user.
    pub password: Option<SecretString>,
    /// A root trusted in addition to the system's.
    pub ca_file: Option<PathBuf>,
    /// What we show a broker that asks who we are.
    pub identity: Option<Identity>,
    /// Absent: one made from the install id.
    pub client_id: Option<String>,
    /// First level or levels of every topic of ours.
    pub base_topic: String,
    /// One JSON document per printer besides the plain values.
    pub json_state: bool,
    /// Mirror of the printers' messages.
    pub raw: Raw,
}

impl PartialEq for Mqtt {
    fn eq(&self, other: &Self) -> bool {
        let Self { broker, username, password, ca_file, identity, client_id, base_topic, json_state, raw } =
            self;
        *broker == other.broker
            && *username == other.username
            && secret::same(password.as_ref(), other.password.as_ref())
            && *ca_file == other.ca_file
            && *identity == other.identity
            && *client_id == other.client_id
            && *base_topic == other.base_topic
            && *json_state == other.json_state
            && *raw == other.raw
    }
}

/// A client certificate and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// PEM, the certificate first and its chain after it.
    pub cert_file: PathBuf,
    /// PEM.
    pub key_file: PathBuf,
}

/// How much of the printers' own messages is mirrored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Raw {
    /// Nothing.
    #[default]
    Off,
    /// What printers say.
    Reports,
    /// And what we say to them.
    Full,
}

impl Raw {
    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Reports => "reports",
            Self::Full => "full",
        }
    }
}

/// Discovery of Home Assistant.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "settings such as `discovery`")]
pub struct HomeAssistant {
    /// Whether to announce entities.
    pub discovery: bool,
    /// The topic below which Home Assistant listens.
    pub discovery_prefix: String,
}

impl Default for HomeAssistant {
    fn default() -> Self {
        Self { discovery: true, discovery_prefix: "homeassistant".to_owned() }
    }
}

/// What may be commanded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "settings such as `mode`")]
pub struct Controls {
    /// For printers without a mode of their own.
    pub mode: Mode,
    /// Raw G-code.
    pub gcode: bool,
    /// Installing the firmware that a printer offers.
    pub firmware_install: bool,
}

/// Whether commands reach a printer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Everything the printer allows.
    #[default]
    Full,
    /// Nothing: values only.
    ReadOnly,
}

/// Logging.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "settings such as `level`")]
pub struct Log {
    /// The least that is written.
    pub level: LogLevel,
    /// The form it is written in.
    pub format: LogFormat,
}

/// Levels of logging, from the quietest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// Someone must act.
    Error,
    /// Degraded, will heal or was refused.
    Warn,
    /// A handful of lines a day.
    #[default]
    Info,
    /// Each decision.
    Debug,
    /// Payloads, with personal data masked.
    Trace,
}

impl LogLevel {
    /// The word the configuration and the log filter use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// Forms of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// By what standard error is: a terminal, journald, a file.
    #[default]
    Auto,
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}
