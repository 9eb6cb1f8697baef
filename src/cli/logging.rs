//! Where the log goes and what is in it.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat, LogLevel};

/// What the command line says about it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Volume {
    pub(super) verbose: u8,
    pub(super) quiet: bool,
}

/// Starts logging to standard error.
pub(super) fn start(log: Option<&Log>, volume: Volume) {
    let configured = log.map_or("warn", |log| LogLevel::as_str(log.level));
    let level = match volume {
        Volume { quiet: true, .. } => "error",
        Volume { verbose: 0, .. } => configured,
        Volume { verbose: 1, .. } => "debug",
        Volume { .. } => "trace",
    };
    // The MQTT client logs topics with serials at debug, the verifier what our own errors already say.
    let filter = format!("warn,bambu2mqtt={level},rumqttc=warn,mqtt5=off,rustls_platform_verifier=off");
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(io::stderr)
        .with_target(false);
    let terminal = io::stderr().is_terminal();
    let color = terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    // journald stamps the time itself.
    let journal = std::env::var_os("JOURNAL_STREAM").is_some();
    let format = log.map(|log| log.format);
    // A second start (tests) keeps the first.
    let _ = match format {
        Some(LogFormat::Json) => subscriber.json().try_init(),
        Some(LogFormat::Auto) | None if journal && !terminal => {
            subscriber.with_ansi(false).without_time().try_init()
        }
        _ => subscriber.with_ansi(color).try_init(),
    };
}
