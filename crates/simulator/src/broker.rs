//! The embedded local broker: what Home Assistant and the gateway meet at when there is no other.
use anyhow::{Context as _, Result, bail};
use mqtt5::Result as MqttResult;
use mqtt5::broker::config::{StorageBackend, StorageConfig};
use mqtt5::broker::{AuthProvider, AuthResult, BrokerConfig, BrokerShutdownHandle, MqttBroker};
use mqtt5::packet::connect::ConnectPacket;
use mqtt5::types::ReasonCode;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// Where Home Assistant looks first.
pub const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1883);
/// How many ports after the wanted one are tried.
const PORTS_TRIED: u16 = 100;
/// Messages that may wait for one client. What a subscription finds retained waits all at once, and whatever
/// is beyond this number is lost without a word.
const MOST_WAITING: usize = 250_000;
/// Bytes of the largest packet that MQTT knows. The library's default is one more, and told that, the one of Home
/// Assistant (paho) drops the connection.
const LARGEST_PACKET: usize = 268_435_455;

/// Name and password for a broker that others can reach.
#[derive(Clone)]
pub struct Credentials {
    /// The user's name.
    pub user: String,
    /// The password.
    pub password: String,
}

/// A running broker that keeps everything in memory. Dropping it stops it too, without waiting.
pub struct Broker {
    address: SocketAddr,
    moved: bool,
    login: Option<Credentials>,
    shutdown: BrokerShutdownHandle,
    task: Option<JoinHandle<()>>,
}

impl Broker {
    /// Listens on that address, or on the next free port of it; port 0 takes any.
    ///
    /// On anything but loopback a user and a password are made up.
    pub async fn start(wanted: SocketAddr) -> Result<Self> {
        let login = (!wanted.ip().is_loopback()).then(|| Credentials {
            user: "bambu2mqtt".to_owned(),
            password: (0..20).map(|_| fastrand::alphanumeric()).collect(),
        });
        let address = free_address(wanted)?;
        let config = BrokerConfig {
            bind_addresses: vec![address],
            storage_config: StorageConfig::new()
                .with_backend(StorageBackend::Memory)
                .with_max_queued_messages_per_client(MOST_WAITING),
            client_channel_capacity: MOST_WAITING,
            max_packet_size: LARGEST_PACKET,
            sys_topics_enabled: false,
            ..BrokerConfig::default()
        };
        let mut broker = MqttBroker::with_config(config)
            .await
            .with_context(|| format!("start the embedded broker on {address}"))?
            .with_auth_provider(Arc::new(Door(login.clone())));
        let address = broker.local_addr().context("the embedded broker has no address")?;
        let shutdown = broker.shutdown_handle();
        let mut ready = broker.ready_receiver();
        let task = tokio::spawn(async move {
            if let Err(error) = broker.run().await {
                tracing::error!(%error, "the embedded broker ended");
            }
        });
        ready.wait_for(|ready| *ready).await.context("the embedded broker did not start")?;
        let moved = wanted.port() != 0 && wanted.port() != address.port();
        Ok(Self { address, moved, login, shutdown, task: Some(task) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `mqtt.url` for a gateway on this machine.
    pub fn url(&self) -> String {
        let ip = self.address.ip();
        let port = self.address.port();
        if ip.is_unspecified() {
            format!("mqtt://127.0.0.1:{port}")
        } else {
            format!("mqtt://{}", self.address)
        }
    }

    /// Whether the wanted port was taken, so that it listens on a later one: worth telling.
    pub fn moved(&self) -> bool {
        self.moved
    }

    /// What to log in with; `None` lets everyone on this machine in.
    pub fn login(&self) -> Option<&Credentials> {
        self.login.as_ref()
    }

    /// Stops and waits for the end.
    pub async fn stop(mut self) {
        self.shutdown.shutdown();
        if let Some(task) = self.task.take() {
            let _ = task.await;
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.shutdown.shutdown();
    }
}

/// The wanted address if it is free, else the next port that is.
fn free_address(wanted: SocketAddr) -> Result<SocketAddr> {
    if wanted.port() == 0 {
        return Ok(wanted);
    }
    for port in wanted.port()..=wanted.port().saturating_add(PORTS_TRIED) {
        let address = SocketAddr::new(wanted.ip(), port);
        match TcpListener::bind(address) {
            Ok(_) => return Ok(address),
            Err(error) if matches!(error.kind(), ErrorKind::AddrInUse | ErrorKind::PermissionDenied) => {}
            Err(error) => return Err(error).with_context(|| format!("listen on {address}")),
        }
    }
    bail!("no free port from {wanted} on for the embedded broker")
}

/// Asks for the login, if there is one.
struct Door(Option<Credentials>);

type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl AuthProvider for Door {
    fn authenticate<'a>(
        &'a self,
        connect: &'a ConnectPacket,
        _: SocketAddr,
    ) -> Pending<'a, MqttResult<AuthResult>> {
        let welcome = self.0.as_ref().is_none_or(|login| {
            connect.username.as_deref() == Some(&login.user)
                && connect.password.as_deref() == Some(login.password.as_bytes())
        });
        Box::pin(async move {
            Ok(if welcome {
                AuthResult::success()
            } else {
                AuthResult::fail(ReasonCode::BadUsernameOrPassword)
            })
        })
    }

    fn authorize_publish<'a>(&'a self, _: &str, _: Option<&'a str>, _: &'a str) -> Pending<'a, bool> {
        Box::pin(async { true })
    }

    fn authorize_subscribe<'a>(&'a self, _: &str, _: Option<&'a str>, _: &'a str) -> Pending<'a, bool> {
        Box::pin(async { true })
    }
}

#[cfg(test)]
mod tests;
