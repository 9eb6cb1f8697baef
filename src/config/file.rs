//! The configuration file as it is written: every key, its default, nothing resolved yet.
//!
//! Only serde looks in here; what a value means is decided in `check`.

use std::fmt;
use std::path::PathBuf;

use secrecy::SecretString;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::kinds::{Controls, DEFAULT_BASE_TOPIC, HomeAssistant, Log, Mode, Raw, Region};
use printer::Privacy;

use super::money::{EnergyBlock, PricesBlock};

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a mapping of settings")]
pub(super) struct File {
    pub(super) state_dir: Option<PathBuf>,
    #[serde(deserialize_with = "section")]
    pub(super) bambu: Accounts,
    #[serde(deserialize_with = "section")]
    pub(super) printers: Vec<PrinterBlock>,
    #[serde(deserialize_with = "section")]
    pub(super) mqtt: MqttBlock,
    #[serde(deserialize_with = "section")]
    pub(super) homeassistant: HomeAssistant,
    #[serde(deserialize_with = "section")]
    pub(super) controls: Controls,
    #[serde(deserialize_with = "section")]
    pub(super) alerts: AlertsBlock,
    #[serde(deserialize_with = "section")]
    pub(super) privacy: Privacy,
    #[serde(deserialize_with = "section")]
    pub(super) prices: PricesBlock,
    #[serde(deserialize_with = "section")]
    pub(super) log: Log,
    pub(super) language: Option<String>,
    #[serde(deserialize_with = "section")]
    pub(super) http: HttpBlock,
}

/// `bambu`: one block, or a list of them.
///
/// Not an untagged enum: that would answer a typo with "data did not match any variant" and no line.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    pub(super) blocks: Vec<AccountBlock>,
    /// Written as a list, so that key paths carry an index and the environment cannot reach in.
    pub(super) listed: bool,
}

impl Accounts {
    /// How messages name the block with this index.
    pub(super) fn key(&self, index: usize) -> String {
        if self.listed { format!("bambu[{index}]") } else { "bambu".to_owned() }
    }
}

impl<'de> Deserialize<'de> for Accounts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;

        impl<'de> Visitor<'de> for OneOrMany {
            type Value = Accounts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an account's settings, or a list of them")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Accounts, A::Error> {
                let block = AccountBlock::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Accounts { blocks: vec![block], listed: false })
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Accounts, A::Error> {
                let blocks = Vec::deserialize(SeqAccessDeserializer::new(seq))?;
                Ok(Accounts { blocks, listed: true })
            }
        }

        deserializer.deserialize_any(OneOrMany)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "an account's settings")]
pub(super) struct AccountBlock {
    pub(super) region: Region,
    pub(super) account: Option<String>,
    pub(super) password: Option<SecretString>,
    pub(super) password_file: Option<PathBuf>,
    pub(super) token: Option<SecretString>,
    pub(super) token_file: Option<PathBuf>,
    pub(super) api_url: Option<String>,
    pub(super) mqtt_url: Option<String>,
    pub(super) ca_file: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a printer's settings")]
pub(super) struct PrinterBlock {
    pub(super) serial: Option<String>,
    pub(super) name: Option<String>,
    pub(super) ignore: bool,
    pub(super) controls: Option<Mode>,
    pub(super) energy: Option<EnergyBlock>,
    #[serde(deserialize_with = "section")]
    pub(super) notify_layers: Vec<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "settings such as `url`")]
pub(super) struct MqttBlock {
    pub(super) url: String,
    pub(super) username: Option<String>,
    pub(super) password: Option<SecretString>,
    pub(super) password_file: Option<PathBuf>,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) client_cert_file: Option<PathBuf>,
    pub(super) client_key_file: Option<PathBuf>,
    pub(super) client_id: Option<String>,
    pub(super) base_topic: String,
    pub(super) json_state: bool,
    pub(super) raw: Raw,
}

impl Default for MqttBlock {
    fn default() -> Self {
        Self {
            url: "mqtt://127.0.0.1:1883".to_owned(),
            username: None,
            password: None,
            password_file: None,
            ca_file: None,
            client_cert_file: None,
            client_key_file: None,
            client_id: None,
            base_topic: DEFAULT_BASE_TOPIC.to_owned(),
            json_state: false,
            raw: Raw::Off,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "settings such as `ignore`")]
pub(super) struct AlertsBlock {
    #[serde(deserialize_with = "section")]
    pub(super) ignore: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "settings such as `listen`")]
pub(super) struct HttpBlock {
    pub(super) listen: Option<String>,
}

/// A section whose keys are all commented out is `null` to YAML, and means the defaults.
fn section<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}
