//! One supervised MQTT 3.1.1 connection: connect, subscribe, deliver, notice, come back.
//!
//! The two links of the program (to the vendor's cloud and to the broker in the house) are
//! [`Link`]s. This module must not know what any payload means, and it is the only one that
//! knows the client library: replacing that is a change to this folder.
//!
//! A link is two tasks. The *poller* owns the connection and does nothing but poll it and hand
//! what it hears to the gateway's inbox, for which it may wait. The *writer* takes from the
//! [`Outbox`] and gives to the connection, for which it may wait too. They are apart because a
//! task that polls and publishes waits for itself as soon as the request channel is full.
//!
//! The client library is only trusted with a single connection: after an error it reconnects at
//! once, and what it remembers (packet ids, unacknowledged messages) can stall it for good. So
//! each attempt gets a fresh client and event loop, and pausing is done here.

pub mod backoff;
mod brokers;
mod error;
mod inbox;
pub mod outbox;
mod poller;
mod writer;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rumqttc::QoS;
use secrecy::SecretString;
use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, info_span};

use backoff::Pace;
pub use brokers::Brokers;
pub use error::{Error, Refusal};
use inbox::Inbox;
pub use inbox::Room;
pub use outbox::{Outbox, Token};
use poller::Poller;
use writer::Connection;

/// Name, TCP, TLS and login together. The library's five seconds are too few for a Raspberry Pi
/// that has just booted.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a clean goodbye may take, from its last message to the closed connection.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The largest packet we accept. The library's 10 KiB would end the connection at the first full
/// report, and again after each reconnect.
const MAX_INCOMING: usize = 1024 * 1024;

/// Packet ids in use at once. Above the number of subscriptions that a large account sends in
/// one go, because the library hands ids out in a circle without looking.
const IN_FLIGHT: u16 = 1024;

/// How a link connects.
pub struct Options {
    /// The name in logs: `local broker`, `Bambu cloud`.
    pub name: String,
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// TLS, if the connection is to be secure.
    pub tls: Option<Arc<rustls::ClientConfig>>,
    /// The client id: fixed, and no other connection's.
    pub client_id: String,
    /// User name and password.
    pub credentials: Option<(String, SecretString)>,
    /// What the broker says in our name when the connection is lost.
    pub last_will: Option<Message>,
    /// How often a silent connection is probed; a dead one is noticed after at most twice this.
    pub keep_alive: Duration,
    /// How patiently to come back, and which limits the other side is known to have.
    pub pace: Pace,
}

impl fmt::Debug for Options {
    /// Leaves out the credentials (the user name of the cloud is personal too) and the TLS
    /// configuration, which may hold a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("name", &self.name)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("client_id", &self.client_id)
            .field("pace", &self.pace)
            .finish_non_exhaustive()
    }
}

/// How hard a message tries to arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Qos {
    /// Not acknowledged; TCP keeps it in order while the connection lives.
    AtMostOnce,
    /// Acknowledged by the broker.
    AtLeastOnce,
}

impl From<Qos> for QoS {
    fn from(qos: Qos) -> Self {
        match qos {
            Qos::AtMostOnce => Self::AtMostOnce,
            Qos::AtLeastOnce => Self::AtLeastOnce,
        }
    }
}

/// A message that leaves.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Where to.
    pub topic: String,
    /// What.
    pub payload: Bytes,
    /// Whether the broker keeps it for those who subscribe later.
    pub retain: bool,
    /// How hard it tries.
    pub qos: Qos,
}

impl Message {
    /// A message that is not retained and leaves at most once.
    pub fn new(topic: impl Into<String>, payload: impl Into<Bytes>) -> Self {
        Self { topic: topic.into(), payload: payload.into(), retain: false, qos: Qos::AtMostOnce }
    }

    /// The same, retained.
    #[must_use]
    pub fn retained(self) -> Self {
        Self { retain: true, ..self }
    }

    /// The same, acknowledged by the broker.
    #[must_use]
    pub fn at_least_once(self) -> Self {
        Self { qos: Qos::AtLeastOnce, ..self }
    }
}

impl fmt::Debug for Message {
    /// Shows the size of the payload, not the payload: it may be personal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("topic", &self.topic)
            .field("bytes", &self.payload.len())
            .field("retain", &self.retain)
            .field("qos", &self.qos)
            .finish()
    }
}

/// What a link tells the gateway.
#[derive(Clone, PartialEq, Eq)]
pub enum Event {
    /// There is a new connection, and the broker knows nothing of us: subscribe again and say
    /// everything again.
    Connected,
    /// The connection was lost or did not come about. The link has logged it.
    Disconnected {
        /// Why.
        error: Error,
        /// When the next attempt follows. `None`: the link waits for
        /// [`replace_credentials`](Link::replace_credentials) or [`retry`](Link::retry).
        retry_in: Option<Duration>,
        /// How many attempts have failed since the last good connection, this one included.
        failures: u32,
        /// How long the connection held; `None` if there was none.
        lasted: Option<Duration>,
    },
    /// A message came.
    Message {
        /// On this topic.
        topic: String,
        /// With this payload.
        payload: Bytes,
        /// Whether the broker had kept it.
        retain: bool,
        /// What it takes of the inbox until it is dropped.
        room: Room,
    },
    /// The broker accepted a subscription.
    Subscribed {
        /// To this topic or filter.
        topic: String,
    },
    /// The broker refused a subscription (SUBACK 0x80). The connection lives on.
    SubscriptionRefused {
        /// To this topic or filter.
        topic: String,
    },
    /// The broker acknowledged a message with [`Qos::AtLeastOnce`].
    Delivered(Token),
}

impl fmt::Debug for Event {
    /// Leaves out payloads, which may be personal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected => f.write_str("Connected"),
            Self::Disconnected { error, retry_in, failures, lasted } => f
                .debug_struct("Disconnected")
                .field("error", error)
                .field("retry_in", retry_in)
                .field("failures", failures)
                .field("lasted", lasted)
                .finish(),
            Self::Message { topic, payload, retain, .. } => f
                .debug_struct("Message")
                .field("topic", topic)
                .field("bytes", &payload.len())
                .field("retain", retain)
                .finish(),
            Self::Subscribed { topic } => f.debug_struct("Subscribed").field("topic", topic).finish(),
            Self::SubscriptionRefused { topic } => {
                f.debug_struct("SubscriptionRefused").field("topic", topic).finish()
            }
            Self::Delivered(token) => f.debug_tuple("Delivered").field(token).finish(),
        }
    }
}

/// The handle of one supervised connection. Its tasks live in the `JoinSet` given to
/// [`start`](Self::start) and end after [`close`](Self::close), or when that set is dropped.
pub struct Link {
    shared: Arc<Shared>,
    tasks: [Id; 2],
}

/// What handle, poller and writer have in common.
struct Shared {
    outbox: Arc<Outbox>,
    login: watch::Sender<Login>,
    /// The connection that the writer gives to.
    current: Mutex<Option<Connection>>,
    /// The newest acknowledged message.
    acknowledged: watch::Sender<Option<Token>>,
    /// The gateway is leaving: no reconnecting, and no waiting for its inbox.
    closing: CancellationToken,
    /// Stop at once, whatever is going on.
    stop: CancellationToken,
    /// The poller has ended.
    ended: CancellationToken,
}

/// The credentials of the next attempt. That the value was touched at all is what wakes a
/// waiting link.
struct Login {
    credentials: Option<(String, SecretString)>,
    /// No attempts until another login comes: the one that is here is known to be dead.
    held: bool,
}

/// What a task of a link returns when it ends: its name, for the process to say which one it was.
pub type Ended = String;

impl Link {
    /// Starts the link. Its events go to `inbox`, each wrapped in the gateway's own type; the
    /// poller waits while that is full or too many bytes wait in it, so nothing is dropped.
    ///
    /// A task that ends before [`close`](Self::close) was called is a fault of this program.
    pub fn start<T: Send + 'static>(
        tasks: &mut JoinSet<Ended>,
        options: Options,
        inbox: mpsc::Sender<T>,
        wrap: impl Fn(Event) -> T + Send + 'static,
    ) -> Self {
        Self::start_among(&Brokers::new(), tasks, options, inbox, wrap)
    }

    /// The same for one of several links whose attempts are counted together.
    pub fn start_among<T: Send + 'static>(
        brokers: &Brokers,
        tasks: &mut JoinSet<Ended>,
        mut options: Options,
        inbox: mpsc::Sender<T>,
        wrap: impl Fn(Event) -> T + Send + 'static,
    ) -> Self {
        let shared = Arc::new(Shared {
            outbox: Arc::new(Outbox::new()),
            login: watch::Sender::new(Login { credentials: options.credentials.take(), held: false }),
            current: Mutex::default(),
            acknowledged: watch::Sender::new(None),
            closing: CancellationToken::new(),
            stop: CancellationToken::new(),
            ended: CancellationToken::new(),
        });
        let span = info_span!("link", name = %options.name);
        let max_outgoing = max_outgoing(options.pace);
        let writer = tasks.spawn(
            writer::run(Arc::clone(&shared), max_outgoing, options.name.clone()).instrument(span.clone()),
        );
        let inbox = Inbox::new(inbox, wrap, shared.closing.clone());
        let poller = Poller::new(options, Arc::clone(&shared), brokers.clone(), inbox);
        let poller = tasks.spawn(poller.run().instrument(span));
        Self { shared, tasks: [writer.id(), poller.id()] }
    }

    /// Its tasks, which end when it is closed.
    pub fn tasks(&self) -> [Id; 2] {
        self.tasks
    }

    /// Where to say what should leave.
    pub fn outbox(&self) -> &Arc<Outbox> {
        &self.shared.outbox
    }

    /// Uses another login from the next attempt on. A link that waits or has stopped trying
    /// makes that attempt at once, or as soon as its pace permits; a living connection is left alone.
    pub fn replace_credentials(&self, user: impl Into<String>, secret: SecretString) {
        let user = user.into();
        let secret = Some((user, secret));
        self.shared.login.send_modify(|login| *login = Login { credentials: secret, held: false });
    }

    /// Makes no attempt any more until [`replace_credentials`](Self::replace_credentials) or
    /// [`retry`](Self::retry). A living connection is left alone.
    pub fn hold(&self) {
        self.shared.login.send_modify(|login| login.held = true);
    }

    /// Makes a link that waits or has stopped trying connect at once, or as soon as its pace permits.
    pub fn retry(&self) {
        self.shared.login.send_modify(|login| login.held = false);
    }

    /// Says goodbye: everything that waits leaves, then `last`, then the connection ends. Takes
    /// two seconds at most; a broker too slow for that publishes our last will instead.
    ///
    /// `last` should be [`at_least_once`](Message::at_least_once), or nobody knows that it
    /// arrived. Afterwards the link does nothing any more.
    pub async fn close(&self, last: Option<Message>) {
        let shared = &self.shared;
        shared.closing.cancel();
        let goodbye = async {
            if let Some(last) = last {
                let awaited = last.qos == Qos::AtLeastOnce;
                if let Some(token) = shared.outbox.send(last)
                    && awaited
                {
                    let mut acknowledged = shared.acknowledged.subscribe();
                    // Fails only when the sender is gone, and `shared` holds it.
                    let _ =
                        acknowledged.wait_for(|newest| newest.is_some_and(|newest| newest >= token)).await;
                }
            }
            shared.outbox.disconnect();
            // The broker closes the connection after our DISCONNECT, which ends the poller.
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = shared.ended.cancelled() => {}
            () = tokio::time::sleep(CLOSE_TIMEOUT) => debug!("the broker was too slow for a clean goodbye"),
            () = goodbye => {}
        }
        shared.stop.cancel();
        shared.ended.cancelled().await;
    }
}

impl Shared {
    fn current(&self) -> Option<Connection> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_current(&self, connection: Option<Connection>) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = connection;
    }
}

/// The largest packet we send. Device discovery of a large catalogue passes 100 kB; nothing we
/// ask of a printer comes near the cloud's limit.
const fn max_outgoing(pace: Pace) -> usize {
    match pace {
        Pace::Local => 1024 * 1024,
        Pace::Cloud => 256 * 1024,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_shows_a_secret_or_a_payload() {
        let options = Options {
            name: "Bambu cloud".to_owned(),
            host: "cloud.example".to_owned(),
            port: 8883,
            tls: None,
            client_id: "bambu2mqtt-1".to_owned(),
            credentials: Some(("u_1234567".to_owned(), SecretString::from("t0ken"))),
            last_will: None,
            keep_alive: Duration::from_secs(30),
            pace: Pace::Cloud,
        };
        let message = Message::new("a", "private");
        let room = Room::default();
        let event = Event::Message { topic: "a".to_owned(), payload: "private".into(), retain: false, room };
        let shown = format!("{options:?} {message:?} {event:?}");
        for secret in ["u_1234567", "t0ken", "private"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
