//! Where the log goes and what is in it.

use std::io::{self, IsTerminal as _};
use std::sync::OnceLock;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, Registry, fmt, reload};

use crate::config::{Log, LogFormat};

/// What the command line says about it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Volume {
    pub(super) verbose: u8,
    pub(super) quiet: bool,
}

/// Changes the level of the running log.
static FILTER: OnceLock<reload::Handle<Targets, Registry>> = OnceLock::new();

fn filter(log: Option<Log>, volume: Volume) -> Targets {
    let level = match (volume, log.map(|log| log.level)) {
        (Volume { quiet: true, .. }, _) => LevelFilter::ERROR,
        (Volume { verbose: 1, .. }, _) => LevelFilter::DEBUG,
        (Volume { verbose: 2.., .. }, _) => LevelFilter::TRACE,
        (_, None) => LevelFilter::WARN,
        (_, Some(level)) => level.as_str().parse().unwrap_or(LevelFilter::INFO),
    };
    // The MQTT client logs topics with serials at debug, the verifier what our own errors already say.
    Targets::new()
        .with_default(LevelFilter::WARN)
        .with_target("bambu2mqtt", level)
        .with_target("mqtt5", LevelFilter::OFF)
        .with_target("rustls_platform_verifier", LevelFilter::OFF)
}

/// Starts logging to standard error.
pub(super) fn start(log: Option<Log>, volume: Volume) {
    let (filter, handle) = reload::Layer::new(filter(log, volume));
    let terminal = io::stderr().is_terminal();
    let color = terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    // journald stamps the time itself.
    let journal = std::env::var_os("JOURNAL_STREAM").is_some();
    let lines = fmt::layer().with_writer(io::stderr).with_target(false);
    let lines = match log.map(|log| log.format) {
        Some(LogFormat::Json) => lines.json().boxed(),
        Some(LogFormat::Auto) | None if journal && !terminal => lines.with_ansi(false).without_time().boxed(),
        _ => lines.with_ansi(color).boxed(),
    };
    // A second start (tests) keeps the first.
    if tracing_subscriber::registry().with(filter).with(lines).try_init().is_ok() {
        // Fails only when it was set before.
        let _ = FILTER.set(handle);
    }
}

/// Takes over the level of a configuration that was read again.
pub(super) fn change(log: Log, volume: Volume) {
    if let Some(handle) = FILTER.get() {
        // Fails only when the log is gone.
        let _ = handle.reload(filter(Some(log), volume));
    }
}
