//! Where the log goes and what is in it.

use std::io::{self, IsTerminal as _};
use std::sync::OnceLock;

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry, fmt, reload};

use crate::config::{Log, LogFormat, LogLevel};

/// What the command line says about it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Volume {
    pub(super) verbose: u8,
    pub(super) quiet: bool,
}

/// Changes the level of the running log.
static FILTER: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

fn filter(log: Option<Log>, volume: Volume) -> EnvFilter {
    let configured = log.map_or("warn", |log| LogLevel::as_str(log.level));
    let level = match volume {
        Volume { quiet: true, .. } => "error",
        Volume { verbose: 0, .. } => configured,
        Volume { verbose: 1, .. } => "debug",
        Volume { .. } => "trace",
    };
    // The MQTT client logs topics with serials at debug, the verifier what our own errors already say.
    EnvFilter::new(format!("warn,bambu2mqtt={level},rumqttc=warn,mqtt5=off,rustls_platform_verifier=off"))
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
