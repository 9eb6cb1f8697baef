//! The subcommands, each a few lines over the library.
//!
//! Results go to standard output, progress and logs to standard error.

mod check;
mod dashboard;
#[cfg(feature = "demo")]
mod demo;
#[cfg(any(test, not(feature = "demo")))]
#[cfg_attr(feature = "demo", allow(dead_code, reason = "here for its tests"))]
mod demo_program;
mod entities;
mod jobs;
mod logging;
mod login;
mod purge;
mod replay;

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use tokio::sync::mpsc;
use tracing::{error, info, warn};

#[cfg(not(feature = "demo"))]
use demo_program as demo;

use crate::config::{self, Config, Loaded, Source};
use crate::gateway::{self, Clock, Ended, Limits, Setup};
use crate::service::{Exit, Notifier, Signal, Signals};

/// Bambu Lab printers in Home Assistant: from the Bambu cloud to MQTT discovery, and back.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    config: ConfigArg,
    /// Say more (twice: everything)
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    verbose: u8,
    /// Say only what is wrong
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
}

#[derive(Debug, Args, Clone)]
struct ConfigArg {
    /// Configuration file [default: config.yaml beside you, else /etc/bambu2mqtt/config.yaml]
    #[arg(short, long, value_name = "FILE", env = "BAMBU2MQTT_CONFIG", global = true)]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway (this is what happens without a subcommand)
    Run,
    /// Show it without an account: an emulated cloud with simulated printers, and the real gateway
    Demo(demo::Arguments),
    /// Log in to the Bambu account and keep the token
    Login(login::Arguments),
    /// Look whether everything is right: configuration, cloud, brokers, printers; publishes nothing
    Check {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// List the printers of the account
    Printers {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// List the jobs that ended, newest first; works while the gateway runs
    Jobs(jobs::Arguments),
    /// Print what would be published for recorded messages
    Replay(replay::Arguments),
    /// Print a Home Assistant dashboard of the printers that the gateway has announced
    Dashboard(dashboard::Arguments),
    /// Take everything of this gateway off the local broker; stop the gateway first
    Purge,
    /// List the entities that printers get in Home Assistant
    Entities(entities::Arguments),
    /// List the actions, with what they take and when they are allowed
    #[command(hide = true)]
    Actions {
        /// As the page of the documentation
        #[arg(long)]
        markdown: bool,
    },
}

/// Runs a command line to its exit code.
pub fn main() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are results, not mistakes. A closed pipe is nobody's fault.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Done };
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    runtime.block_on(run(cli))
}

async fn run(cli: Cli) -> Exit {
    let Cli { command, config, verbose, quiet } = cli;
    let volume = logging::Volume { verbose, quiet };
    let result = match command {
        // As a task of its own: the runtime looks for news between two turns of its root future.
        None | Some(Command::Run) => {
            return tokio::spawn(run_gateway(config, volume)).await.unwrap_or(Exit::Failed);
        }
        #[cfg(feature = "demo")]
        Some(Command::Demo(arguments)) => {
            logging::start(None, volume);
            demo::run(arguments).await
        }
        #[cfg(not(feature = "demo"))]
        Some(Command::Demo(_)) => demo::run(),
        Some(Command::Replay(arguments)) => {
            logging::start(None, volume);
            replay::run(&arguments)
        }
        Some(Command::Entities(arguments)) => entities::run(&arguments),
        Some(Command::Actions { markdown }) => actions(markdown),
        Some(other) => {
            logging::start(None, volume);
            let config = match load(&config) {
                Ok(config) => config,
                Err(error) => return wrong_configuration(&error),
            };
            match other {
                Command::Login(arguments) => login::run(&config, arguments).await,
                Command::Check { json } => check::run(&config, json).await,
                Command::Printers { json } => check::printers(&config, json).await,
                Command::Jobs(arguments) => jobs::run(&config, &arguments),
                Command::Purge => purge::run(&config).await,
                Command::Dashboard(arguments) => dashboard::run(&config, &arguments).await,
                _ => Ok(Exit::Usage),
            }
        }
    };
    result.unwrap_or_else(|error| failed(&error))
}

/// Runs the gateway until a signal stops it.
async fn run_gateway(argument: ConfigArg, volume: logging::Volume) -> Exit {
    let loaded = match load_with_warnings(&argument) {
        Ok(loaded) => loaded,
        Err(error) => return wrong_configuration(&error),
    };
    logging::start(Some(loaded.config.log), volume);
    warn_of(&loaded);
    info!(version = env!("CARGO_PKG_VERSION"), "bambu2mqtt starts");
    let mut signals = match forward_signals() {
        Ok(signals) => signals,
        Err(error) => return failed(&error.into()),
    };
    let mut notifier = Notifier::new();
    let clock = Clock::start();
    let limits = Limits::new(clock);
    let mut config = loaded.config;
    loop {
        let argument = argument.clone();
        let reload = Box::new(move || {
            let loaded = load_with_warnings(&argument)?;
            logging::change(loaded.config.log, volume);
            warn_of(&loaded);
            Ok(loaded.config)
        });
        let setup = Setup { config, reload: Some(reload), clock, limits: limits.clone() };
        match gateway::run(setup, &mut signals, &mut notifier).await {
            Ok(Ended::Restart(new)) => config = *new,
            Ok(Ended::Stopped) => return Exit::Done,
            Err(error) => {
                error!("{error:#}");
                return Exit::Failed;
            }
        }
    }
}

/// Signals as messages, so that others can send them too.
fn forward_signals() -> io::Result<mpsc::Receiver<Signal>> {
    let mut signals = Signals::install()?;
    let (sender, receiver) = mpsc::channel(4);
    tokio::spawn(async move {
        loop {
            let signal = signals.next().await;
            if sender.send(signal).await.is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}

fn load_with_warnings(argument: &ConfigArg) -> Result<Loaded, config::ConfigError> {
    let environment = config::environment();
    let path = config::locate(argument.config.clone(), environment.clone())?;
    Config::load(&Source::File(path), environment)
}

fn load(argument: &ConfigArg) -> Result<Config, config::ConfigError> {
    let loaded = load_with_warnings(argument)?;
    warn_of(&loaded);
    Ok(loaded.config)
}

fn warn_of(loaded: &Loaded) {
    for problem in &loaded.warnings {
        warn!("{}: {}", problem.key, problem.text);
    }
}

fn wrong_configuration(error: &config::ConfigError) -> Exit {
    for line in error.lines() {
        complain(&line);
    }
    Exit::Configuration
}

fn failed(error: &anyhow::Error) -> Exit {
    if error.is::<Unread>() {
        return Exit::Done;
    }
    complain(&format!("{error:#}"));
    Exit::Failed
}

/// Says on standard error what is wrong.
fn complain(text: &str) {
    // Where standard error is closed nobody wants to know.
    let _ = writeln!(io::stderr(), "error: {text}");
}

/// A reader that went away (`| head`) ends the program without fuss.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads the output any more")]
struct Unread;

/// Writes a result.
fn say(text: &str) -> anyhow::Result<()> {
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Unread.into()),
        result => Ok(result?),
    }
}

/// Reads a duration as people write it.
#[cfg(feature = "demo")]
fn duration(text: &str) -> Result<std::time::Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{error}; write `90s` or `5m`"))
}

/// The actions: their names, or the page that explains them.
fn actions(markdown: bool) -> anyhow::Result<Exit> {
    use homeassistant::action;
    if markdown {
        say(action::markdown().trim_end())?;
    } else {
        for action in action::ACTIONS {
            say(&format!("{:<14} {}", action.name, action.about))?;
        }
    }
    Ok(Exit::Done)
}
