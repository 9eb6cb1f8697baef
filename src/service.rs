//! The process as a service: what systemd hears from us, which signals we hear, and how we leave.
//!
//! It must not know the domain; the gateway says when a turn is completed and what the status is.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::signal::unix::{self, SignalKind};
use tracing::{debug, warn};

/// What the service manager hears. Without one (on a terminal, in a container) all of it is
/// silently nothing.
#[derive(Debug)]
pub struct Notifier {
    status: String,
    /// A lost message is logged once; the service manager will say the rest.
    silent: bool,
}

impl Default for Notifier {
    fn default() -> Self {
        Self::new()
    }
}

impl Notifier {
    /// Says nothing yet.
    pub fn new() -> Self {
        Self { status: String::new(), silent: false }
    }

    /// The configuration is good and the tasks run. Not: the cloud has answered, because its
    /// outage is not our failure.
    pub fn ready(&mut self) {
        self.notify(&[NotifyState::Ready]);
    }

    /// The first line a user sees in `systemctl status`. The same again is not sent.
    pub fn status(&mut self, status: &str) {
        // A line break would begin another message of the protocol.
        let status = status.replace(['\n', '\r'], " ");
        if status != self.status {
            self.notify(&[NotifyState::Status(&status)]);
            self.status = status;
        }
    }

    /// Feeds the watchdog. Called after a completed turn of the gateway, at least as often as
    /// [`watchdog_interval`] says: a timer of its own would only prove that timers run.
    pub fn watchdog(&mut self) {
        self.notify(&[NotifyState::Watchdog]);
    }

    /// The configuration is being read again; [`ready`](Self::ready) ends that.
    pub fn reloading(&mut self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => self.notify(&[NotifyState::Reloading, now]),
            Err(error) => warn!(%error, "the service manager was not told of the reload"),
        }
    }

    /// A stop was asked for and is under way.
    pub fn stopping(&mut self) {
        self.notify(&[NotifyState::Stopping]);
    }

    fn notify(&mut self, states: &[NotifyState<'_>]) {
        match sd_notify::notify(states) {
            Ok(()) => self.silent = false,
            Err(error) if self.silent => debug!(%error, "the service manager does not listen"),
            Err(error) => {
                warn!(%error, "the service manager does not listen");
                self.silent = true;
            }
        }
    }
}

/// How often the watchdog must be fed, if there is one: half the time after which systemd
/// (`WATCHDOG_USEC`) takes us for dead.
pub fn watchdog_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled().filter(|limit| !limit.is_zero()).map(|limit| limit / 2)
}

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM or SIGINT: stop cleanly.
    Stop,
    /// SIGHUP: read configuration and token again.
    Reload,
}

/// The signals sent to this process, one after the other.
#[derive(Debug)]
pub struct Signals {
    terminate: unix::Signal,
    interrupt: unix::Signal,
    hang_up: unix::Signal,
}

impl Signals {
    /// Takes over SIGTERM, SIGINT and SIGHUP; from here on none of them ends the process by
    /// itself. Needs a tokio runtime.
    pub fn install() -> io::Result<Self> {
        Ok(Self {
            terminate: unix::signal(SignalKind::terminate())?,
            interrupt: unix::signal(SignalKind::interrupt())?,
            hang_up: unix::signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next signal; a branch for a `select!`. A stop goes before a reload.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => Signal::Stop,
            _ = self.interrupt.recv() => Signal::Stop,
            _ = self.hang_up.recv() => Signal::Reload,
        }
    }
}

/// How the process ends. The numbers are those that the README lists; those from 64 on follow
/// `sysexits.h`, which systemd knows by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Failed while running; systemd starts us again.
    Failed = 1,
    /// The command line was wrong.
    Usage = 2,
    /// A broker or the cloud cannot be reached (`check`, `login`, `printers`; `run` keeps trying).
    Unreachable = 69,
    /// The account needs a login (`check`, `printers`; `run` stays up and says so).
    NeedsLogin = 77,
    /// The configuration is wrong; the unit has `RestartPreventExitStatus=78`.
    Configuration = 78,
}

impl Exit {
    /// The number.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

impl std::process::Termination for Exit {
    fn report(self) -> ExitCode {
        self.into()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;
    use std::process::Command;

    use super::*;

    /// Runs the named test of this file in a process of its own, because what it talks to is
    /// chosen by environment variables, and those cannot be changed safely in this one.
    fn in_child(test: &str, environment: &[(&str, String)]) {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &format!("service::tests::{test}"), "--nocapture", "--test-threads=1"])
            .env("BAMBU2MQTT_TEST_CHILD", test)
            .env_remove("WATCHDOG_PID")
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }

    fn is_child(test: &str) -> bool {
        std::env::var("BAMBU2MQTT_TEST_CHILD").is_ok_and(|child| child == test)
    }

    #[test]
    fn the_service_manager_hears_each_step() {
        if is_child("the_service_manager_hears_each_step") {
            let mut notifier = Notifier::new();
            notifier.ready();
            notifier.status("cloud up\nREADY=0");
            notifier.status("cloud up\nREADY=0");
            notifier.watchdog();
            notifier.reloading();
            notifier.stopping();
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        in_child(
            "the_service_manager_hears_each_step",
            &[("NOTIFY_SOCKET", path.to_str().unwrap().to_owned())],
        );
        let mut heard = Vec::new();
        for _ in 0..5 {
            let mut buffer = [0; 256];
            let length = socket.recv(&mut buffer).unwrap();
            heard.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
        }
        assert_eq!(heard[0], "READY=1\n");
        assert_eq!(heard[1], "STATUS=cloud up READY=0\n");
        assert_eq!(heard[2], "WATCHDOG=1\n");
        assert!(heard[3].starts_with("RELOADING=1\nMONOTONIC_USEC="), "{}", heard[3]);
        assert_eq!(heard[4], "STOPPING=1\n");
    }

    #[test]
    fn the_watchdog_is_fed_twice_in_its_time() {
        if is_child("the_watchdog_is_fed_twice_in_its_time") {
            assert_eq!(watchdog_interval(), Some(Duration::from_secs(30)));
            return;
        }
        in_child("the_watchdog_is_fed_twice_in_its_time", &[("WATCHDOG_USEC", "60000000".to_owned())]);
    }

    #[test]
    fn signals_arrive_and_do_not_kill() {
        if is_child("signals_arrive_and_do_not_kill") {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut signals = Signals::install().unwrap();
                for (name, expected) in
                    [("HUP", Signal::Reload), ("TERM", Signal::Stop), ("INT", Signal::Stop)]
                {
                    let id = std::process::id().to_string();
                    assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
                    assert_eq!(signals.next().await, expected, "{name}");
                }
            });
            return;
        }
        in_child("signals_arrive_and_do_not_kill", &[]);
    }

    #[test]
    fn exit_codes_are_those_of_the_readme() {
        let codes =
            [Exit::Done, Exit::Failed, Exit::Usage, Exit::Unreachable, Exit::NeedsLogin, Exit::Configuration];
        assert_eq!(codes.map(Exit::code), [0, 1, 2, 69, 77, 78]);
    }
}
