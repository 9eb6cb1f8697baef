//! The typed configuration: what the file and the environment say, checked and complete.
//!
//! Loading has two stages. *Shape* is serde's: an unknown key or a wrong type ends it with file, line and
//! column. *Sense* is ours: it collects everything that cannot work and tells it at once. What leaves
//! here needs no further checking. Must not know anything that runs.

mod check;
mod currency;
mod env;
mod error;
mod file;
mod findings;
mod kinds;
mod money;
mod secret;
pub mod state_dir;
mod topic;

use std::path::{Path, PathBuf};

pub(crate) use check::is_loopback;
pub use error::{ConfigError, Problem};
pub use kinds::{
    AccountConfig, AccountName, Broker, Config, Controls, DEFAULT_BASE_TOPIC, HomeAssistant, Identity,
    Language, Loaded, Log, LogFormat, LogLevel, Mode, Mqtt, Printer, Raw, Region,
};
pub use money::{Energy, EnergyUnit, Prices};
pub use state_dir::{Disk, DiskError, StateDir};

const FILE_NAME: &str = "config.yaml";
const SYSTEM_FILE: &str = "/etc/bambu2mqtt/config.yaml";
const CONFIG_VARIABLE: &str = "BAMBU2MQTT_CONFIG";

/// Where the YAML comes from.
#[derive(Debug, Clone)]
pub enum Source {
    /// A file; relative paths inside it are relative to its folder.
    File(PathBuf),
    /// Text made by the program itself.
    Text {
        /// How messages name it.
        name: String,
        /// The YAML.
        text: String,
    },
}

impl Config {
    /// Reads, overlays with the environment and checks.
    pub fn load(
        source: &Source,
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Loaded, ConfigError> {
        let read;
        let (name, text, folder) = match source {
            Source::File(path) => {
                read = std::fs::read_to_string(path)
                    .map_err(|cause| ConfigError::Read { path: path.clone(), cause })?;
                (path.display().to_string(), &read, path.parent().unwrap_or(Path::new("")))
            }
            Source::Text { name, text } => (name.clone(), text, Path::new("")),
        };
        // An empty file is YAML's null: nothing but defaults and the environment.
        let file = serde_yaml::from_str::<Option<file::File>>(text)
            .map_err(|error| ConfigError::shape(&name, &error))?
            .unwrap_or_default();
        let env: Vec<(String, String)> = env.into_iter().collect();
        check::resolve(file, &env, folder).map_err(|problems| ConfigError::Sense { file: name, problems })
    }
}

/// The file to load: the one named, else `config.yaml` beside you, else the system's.
pub fn locate(
    arg: Option<PathBuf>,
    env: impl IntoIterator<Item = (String, String)>,
) -> Result<PathBuf, ConfigError> {
    locate_among(arg, env, &[Path::new(FILE_NAME), Path::new(SYSTEM_FILE)])
}

fn locate_among(
    arg: Option<PathBuf>,
    env: impl IntoIterator<Item = (String, String)>,
    places: &[&Path],
) -> Result<PathBuf, ConfigError> {
    let named = arg.or_else(|| {
        let mut env = env.into_iter();
        env.find(|(name, value)| name == CONFIG_VARIABLE && !value.is_empty()).map(|(_, value)| value.into())
    });
    if let Some(path) = named {
        return Ok(path);
    }
    let found = places.iter().find(|path| path.is_file()).map(|path| path.to_path_buf());
    found.ok_or_else(|| ConfigError::NotFound {
        looked_for: places.iter().map(|path| path.to_path_buf()).collect(),
    })
}

/// The environment of this process for [`Config::load`] and [`locate`].
///
/// `std::env::vars` panics over bytes that are not UTF-8, wherever they come from. Ours are kept, marked
/// with U+FFFD, so that loading can refuse them by name.
pub fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            match value.into_string() {
                Ok(value) => Some((name, value)),
                Err(value) if name.starts_with("BAMBU2MQTT") => {
                    Some((name, value.to_string_lossy().into_owned()))
                }
                Err(_) => None,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;
