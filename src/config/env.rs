//! The environment over the file: `BAMBU2MQTT__SECTION__KEY` sets any scalar that is not in a list.
//!
//! One row per key, so that an unknown variable can be told from a known one, and so that a password of
//! digits stays text. It knows names and types, not what makes sense.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::Deserialize;
use serde::de::IntoDeserializer as _;
use serde::de::value::{Error as TextError, StrDeserializer};

use super::file::{AccountBlock, File};
use super::findings::Findings;

const PREFIX: &str = "BAMBU2MQTT__";

struct Key {
    path: &'static str,
    set: fn(&mut File, &str) -> Result<(), String>,
}

/// Every scalar key outside a list; a test holds it against `config.example.yaml`.
static KEYS: &[Key] = &[
    Key { path: "state_dir", set: |f, t| path(&mut f.state_dir, t) },
    Key { path: "language", set: |f, t| string(&mut f.language, t) },
    Key { path: "bambu.region", set: |f, t| value(&mut account(f)?.region, t) },
    Key { path: "bambu.account", set: |f, t| string(&mut account(f)?.account, t) },
    Key { path: "bambu.password", set: |f, t| secret(&mut account(f)?.password, t) },
    Key { path: "bambu.password_file", set: |f, t| path(&mut account(f)?.password_file, t) },
    Key { path: "bambu.token", set: |f, t| secret(&mut account(f)?.token, t) },
    Key { path: "bambu.token_file", set: |f, t| path(&mut account(f)?.token_file, t) },
    Key { path: "bambu.api_url", set: |f, t| string(&mut account(f)?.api_url, t) },
    Key { path: "bambu.mqtt_url", set: |f, t| string(&mut account(f)?.mqtt_url, t) },
    Key { path: "bambu.ca_file", set: |f, t| path(&mut account(f)?.ca_file, t) },
    Key { path: "mqtt.url", set: |f, t| value(&mut f.mqtt.url, t) },
    Key { path: "mqtt.username", set: |f, t| string(&mut f.mqtt.username, t) },
    Key { path: "mqtt.password", set: |f, t| secret(&mut f.mqtt.password, t) },
    Key { path: "mqtt.password_file", set: |f, t| path(&mut f.mqtt.password_file, t) },
    Key { path: "mqtt.ca_file", set: |f, t| path(&mut f.mqtt.ca_file, t) },
    Key { path: "mqtt.client_cert_file", set: |f, t| path(&mut f.mqtt.client_cert_file, t) },
    Key { path: "mqtt.client_key_file", set: |f, t| path(&mut f.mqtt.client_key_file, t) },
    Key { path: "mqtt.client_id", set: |f, t| string(&mut f.mqtt.client_id, t) },
    Key { path: "mqtt.base_topic", set: |f, t| value(&mut f.mqtt.base_topic, t) },
    Key { path: "mqtt.json_state", set: |f, t| flag(&mut f.mqtt.json_state, t) },
    Key { path: "mqtt.raw", set: |f, t| value(&mut f.mqtt.raw, t) },
    Key { path: "homeassistant.discovery", set: |f, t| flag(&mut f.homeassistant.discovery, t) },
    Key {
        path: "homeassistant.discovery_prefix",
        set: |f, t| value(&mut f.homeassistant.discovery_prefix, t),
    },
    Key { path: "controls.mode", set: |f, t| value(&mut f.controls.mode, t) },
    Key { path: "controls.firmware_install", set: |f, t| flag(&mut f.controls.firmware_install, t) },
    Key { path: "controls.gcode", set: |f, t| flag(&mut f.controls.gcode, t) },
    Key { path: "privacy.job_names", set: |f, t| flag(&mut f.privacy.job_names, t) },
    Key { path: "privacy.pictures", set: |f, t| flag(&mut f.privacy.pictures, t) },
    Key { path: "privacy.addresses", set: |f, t| flag(&mut f.privacy.addresses, t) },
    Key { path: "prices.currency", set: |f, t| string(&mut f.prices.currency, t) },
    Key { path: "prices.energy_per_kwh", set: |f, t| figure(&mut f.prices.energy_per_kwh, t) },
    Key { path: "log.level", set: |f, t| value(&mut f.log.level, t) },
    Key { path: "log.format", set: |f, t| value(&mut f.log.format, t) },
    Key { path: "http.listen", set: |f, t| string(&mut f.http.listen, t) },
];

/// Lays the variables of ours over the file; whatever else is in the environment is none of our business.
pub(super) fn apply(file: &mut File, env: &[(String, String)], findings: &mut Findings) {
    // An empty variable is what a compose file makes of one that is not set.
    let ours = || {
        env.iter()
            .filter(|(_, text)| !text.is_empty())
            .filter_map(|(name, text)| Some((name, name.strip_prefix(PREFIX)?, text)))
    };
    for (_, rest, _) in ours() {
        make_way(file, &key_path(rest));
    }
    for (name, rest, text) in ours() {
        let wanted = key_path(rest);
        let set = match KEYS.iter().find(|key| key.path == wanted) {
            // Written by `config::environment` for bytes that are not UTF-8.
            Some(_) if text.contains('\u{FFFD}') => Err("is not valid UTF-8".to_owned()),
            Some(key) => (key.set)(file, text),
            None => Err(unknown(&wanted)),
        };
        if let Err(problem) = set {
            findings.problem(name, problem);
        }
    }
}

fn key_path(rest: &str) -> String {
    rest.to_ascii_lowercase().replace("__", ".")
}

/// A secret from the environment replaces the file's, in whichever of its two forms either is given.
fn make_way(file: &mut File, wanted: &str) {
    match wanted.strip_suffix("_file").unwrap_or(wanted) {
        "bambu.password" => {
            if let Ok(block) = account(file) {
                (block.password, block.password_file) = (None, None);
            }
        }
        "bambu.token" => {
            if let Ok(block) = account(file) {
                (block.token, block.token_file) = (None, None);
            }
        }
        "mqtt.password" => (file.mqtt.password, file.mqtt.password_file) = (None, None),
        _ => {}
    }
}

fn account(file: &mut File) -> Result<&mut AccountBlock, String> {
    if file.bambu.listed {
        return Err("`bambu` is a list in the file, so its keys can only be set there".to_owned());
    }
    if file.bambu.blocks.is_empty() {
        file.bambu.blocks.push(AccountBlock::default());
    }
    file.bambu.blocks.first_mut().ok_or_else(|| "there is no `bambu` block".to_owned())
}

fn unknown(wanted: &str) -> String {
    let section = wanted.split_once('.').map(|(section, _)| section);
    if section.unwrap_or(wanted).starts_with("printers") {
        return "`printers` is a list, so its keys can only be set in the file".to_owned();
    }
    let inside: Vec<&str> = KEYS
        .iter()
        .filter_map(|key| key.path.split_once('.').filter(|(of, _)| Some(*of) == section))
        .map(|(_, name)| name)
        .collect();
    match section {
        Some(section) if !inside.is_empty() => {
            format!("is not a setting; `{section}` has `{}`", inside.join("`, `"))
        }
        _ => "is not a setting; variables are named BAMBU2MQTT__SECTION__KEY, such as BAMBU2MQTT__MQTT__URL"
            .to_owned(),
    }
}

fn value<'a, T: Deserialize<'a>>(slot: &mut T, text: &'a str) -> Result<(), String> {
    let deserializer: StrDeserializer<'a, TextError> = text.into_deserializer();
    *slot = T::deserialize(deserializer).map_err(|error| error.to_string())?;
    Ok(())
}

#[allow(clippy::unnecessary_wraps, reason = "a setter like the others of the table")]
fn string(slot: &mut Option<String>, text: &str) -> Result<(), String> {
    *slot = Some(text.to_owned());
    Ok(())
}

#[allow(clippy::unnecessary_wraps, reason = "a setter like the others of the table")]
fn path(slot: &mut Option<PathBuf>, text: &str) -> Result<(), String> {
    *slot = Some(PathBuf::from(text));
    Ok(())
}

#[allow(clippy::unnecessary_wraps, reason = "a setter like the others of the table")]
fn secret(slot: &mut Option<SecretString>, text: &str) -> Result<(), String> {
    *slot = Some(SecretString::from(text));
    Ok(())
}

fn figure(slot: &mut Option<f64>, text: &str) -> Result<(), String> {
    *slot = Some(text.parse().map_err(|_| format!("`{text}` is not a number"))?);
    Ok(())
}

fn flag(slot: &mut bool, text: &str) -> Result<(), String> {
    *slot = text.parse().map_err(|_| format!("`{text}` is not `true` or `false`"))?;
    Ok(())
}

/// The key paths that the environment can set, for the test of the example file.
#[cfg(test)]
pub(super) fn known() -> impl Iterator<Item = &'static str> {
    KEYS.iter().map(|key| key.path)
}
