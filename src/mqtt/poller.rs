//! The poller of a link: owns one connection after the other, and the pauses between them.
//!
//! It must not publish, and it must not know what a message means.

use std::collections::VecDeque;
use std::mem::Discriminant;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use rumqttc::{
    AsyncClient, ConnectionError, LastWill, MqttOptions, NetworkOptions, Outgoing, Packet,
    SubscribeReasonCode, TlsConfiguration, Transport,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{debug, error, info, trace, warn};

use super::inbox::{Gone, Inbox};
use super::writer::{Connection, masked};
use super::{
    Brokers, CONNECT_TIMEOUT, Ended, Error, Event, IN_FLIGHT, Login, MAX_INCOMING, Message, Options, Shared,
    Token, backoff, max_outgoing,
};

/// Requests on their way from the writer to the poller. Few, because what is in there no longer
/// folds, and large enough that the two tasks do not take turns for every message.
const CHANNEL: usize = 16;

/// A connection that the broker closes sooner than this was not a good one.
const SHORT: Duration = Duration::from_secs(10);

/// After this many short connections in a row it is worth guessing at the reason.
const SUSPICIOUS: u32 = 3;

/// From here on a message counts as large when guessing why a broker hangs up.
const LARGE: usize = 16 * 1024;

/// The poller: owns one connection after the other.
pub(super) struct Poller<T, W> {
    options: Options,
    broker: String,
    shared: Arc<Shared>,
    inbox: Inbox<T, W>,
    /// The attempts so far, of all links.
    brokers: Brokers,
    /// Failed attempts and lost connections since the last good one.
    failures: u32,
    /// Connections in a row that the broker closed within seconds.
    short: u32,
    /// The kind of trouble that was logged last; the same again is only counted.
    reported: Option<Discriminant<Error>>,
}

/// How one connection, or the attempt at one, ended.
enum End {
    /// We are asked to stop, or nobody listens any more.
    Stopped,
    /// Something went wrong.
    Failed { error: Error, lasted: Option<Duration> },
}

impl<T: Send + 'static, W: Fn(Event) -> T + Send> Poller<T, W> {
    pub(super) fn new(options: Options, shared: Arc<Shared>, brokers: Brokers, inbox: Inbox<T, W>) -> Self {
        let host = unbracketed(&options.host);
        let broker = if host.contains(':') {
            format!("[{host}]:{}", options.port)
        } else {
            format!("{host}:{}", options.port)
        };
        Self { options, broker, shared, inbox, brokers, failures: 0, short: 0, reported: None }
    }

    pub(super) async fn run(mut self) -> Ended {
        // Also when this task is dropped or panics: nobody may wait for it then.
        let _ended = self.shared.ended.clone().drop_guard();
        let mut number = 0;
        let mut login = self.shared.login.subscribe();
        while !self.shared.closing.is_cancelled() {
            number += 1;
            if self.await_permit().await.is_err() {
                break;
            }
            let end = self.connect_and_poll(number, &mut login).await;
            self.shared.outbox.shut();
            self.shared.set_current(None);
            match end {
                End::Stopped => break,
                End::Failed { .. } if self.shared.closing.is_cancelled() => break,
                End::Failed { error, lasted } => {
                    if self.pause_after(error, lasted, &mut login).await.is_err() {
                        break;
                    }
                }
            }
        }
        format!("poller of the {}", self.options.name)
    }

    /// Waits until one more attempt keeps the pace's limit, also when somebody brought a new login.
    async fn await_permit(&mut self) -> Result<(), Gone> {
        // Another link may have taken the place that was waited for.
        while let Err(wait) = self.brokers.permit(&self.broker, self.options.pace, now()) {
            info!(
                "the limit of the broker's connections is reached; the next attempt follows in {}s",
                wait.as_secs().max(1)
            );
            tokio::select! {
                biased;
                () = self.shared.closing.cancelled() => return Err(Gone),
                () = self.inbox.closed() => return Err(Gone),
                () = tokio::time::sleep(wait) => {}
            }
        }
        Ok(())
    }

    /// One attempt and, if it succeeds, the whole life of that connection.
    async fn connect_and_poll(&mut self, number: u64, login: &mut watch::Receiver<Login>) -> End {
        let options = self.client_options(login.borrow_and_update().credentials.as_ref());
        let (client, mut eventloop) = AsyncClient::new(options, CHANNEL);
        let mut network = NetworkOptions::new();
        network.set_connection_timeout(CONNECT_TIMEOUT.as_secs());
        // A button press should not wait for the acknowledgement of the temperature before it.
        network.set_tcp_nodelay(true);
        eventloop.set_network_options(network);
        let connection = Connection { number, client, sent: Arc::default() };
        debug!(attempt = self.failures + 1, "connecting");

        let shared = Arc::clone(&self.shared);
        let mut stopped = pin!(shared.stop.cancelled());
        let mut closing = pin!(shared.closing.cancelled());
        let mut acks = Acks::default();
        let mut since = None;
        loop {
            // The only way to leave `poll` early is to stop for good: a dropped poll would
            // begin a slow connect all over again.
            let polled = tokio::select! {
                biased;
                () = &mut stopped => return End::Stopped,
                // Before there is a connection there is nothing to say goodbye to.
                () = &mut closing, if since.is_none() => return End::Stopped,
                polled = eventloop.poll() => polled,
            };
            let handed = match polled {
                Ok(rumqttc::Event::Incoming(Packet::ConnAck(_))) => {
                    since = Some(now());
                    login.mark_unchanged();
                    shared.set_current(Some(connection.clone()));
                    shared.outbox.open(number);
                    self.log_connected();
                    self.inbox.hand(Event::Connected).await
                }
                Ok(rumqttc::Event::Incoming(Packet::Publish(publish))) => {
                    trace!(topic = masked(&publish.topic), bytes = publish.payload.len(), "message");
                    let rumqttc::Publish { topic, payload, retain, .. } = publish;
                    self.inbox.hand_message(topic, payload, retain).await
                }
                Ok(rumqttc::Event::Incoming(Packet::SubAck(ack))) => self.subscribed(&mut acks, &ack).await,
                Ok(rumqttc::Event::Incoming(Packet::PubAck(ack))) => match acks.published(ack.pkid) {
                    Some(token) => {
                        shared.acknowledged.send_modify(|newest| *newest = (*newest).max(Some(token)));
                        self.inbox.hand(Event::Delivered(token)).await
                    }
                    None => Ok(()),
                },
                Ok(rumqttc::Event::Outgoing(Outgoing::Subscribe(id))) => {
                    acks.subscriptions
                        .extend(connection.sent().subscriptions.pop_front().map(|topic| (id, topic)));
                    Ok(())
                }
                Ok(rumqttc::Event::Outgoing(Outgoing::Publish(id))) if id != 0 => {
                    acks.messages.extend(connection.sent().tokens.pop_front().map(|token| (id, token)));
                    Ok(())
                }
                Ok(_) => Ok(()),
                Err(error) => {
                    let lasted = since.map(|since| now() - since);
                    return End::Failed { error: self.explain(error, lasted, &connection), lasted };
                }
            };
            if handed.is_err() {
                return End::Stopped;
            }
        }
    }

    fn client_options(&self, credentials: Option<&(String, SecretString)>) -> MqttOptions {
        let Options { host, port, tls, client_id, last_will, keep_alive, pace, .. } = &self.options;
        let mut options = MqttOptions::new(client_id, unbracketed(host), *port);
        options.set_max_packet_size(MAX_INCOMING, max_outgoing(*pace));
        options.set_inflight(IN_FLIGHT);
        // Whole seconds in 16 bits on the wire; the library panics over less than one.
        options.set_keep_alive(
            (*keep_alive).clamp(Duration::from_secs(1), Duration::from_secs(u16::MAX.into())),
        );
        if let Some(tls) = tls {
            options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(Arc::clone(tls))));
        }
        if let Some((user, secret)) = credentials {
            options.set_credentials(user, secret.expose_secret());
        }
        if let Some(Message { topic, payload, retain, qos }) = last_will {
            options.set_last_will(LastWill::new(topic, payload.to_vec(), (*qos).into(), *retain));
        }
        options
    }

    async fn subscribed(&mut self, acks: &mut Acks, ack: &rumqttc::SubAck) -> Result<(), Gone> {
        let Some(topic) = acks.subscribed(ack.pkid) else { return Ok(()) };
        // One filter per SUBSCRIBE, but should a broker answer with more, one refusal is enough.
        if ack.return_codes.contains(&SubscribeReasonCode::Failure) {
            self.inbox.hand(Event::SubscriptionRefused { topic }).await
        } else {
            self.inbox.hand(Event::Subscribed { topic }).await
        }
    }

    /// Translates the library's error, and guesses when a broker keeps hanging up on us.
    fn explain(
        &mut self,
        error: ConnectionError,
        lasted: Option<Duration>,
        connection: &Connection,
    ) -> Error {
        let error = Error::from_client(&self.broker, CONNECT_TIMEOUT, MAX_INCOMING, error);
        let Some(lasted) = lasted else { return error };
        self.short = if lasted < SHORT && error.is_closed() { self.short.saturating_add(1) } else { 0 };
        if self.short < SUSPICIOUS {
            return error;
        }
        let largest = connection.sent().largest;
        Error::ClosedAgain {
            broker: self.broker.clone(),
            client_id: self.options.client_id.clone(),
            lasted,
            largest: (largest >= LARGE).then_some(largest),
        }
    }

    /// Reports the failure and waits for the next attempt's time, or for another login.
    async fn pause_after(
        &mut self,
        error: Error,
        lasted: Option<Duration>,
        login: &mut watch::Receiver<Login>,
    ) -> Result<(), Gone> {
        if lasted.is_some_and(|lasted| lasted >= backoff::GOOD_AFTER) {
            self.failures = 0;
            self.reported = None;
        }
        self.failures = self.failures.saturating_add(1);
        if lasted.is_some() {
            // What was brought while the connection lived is no reason to hurry now.
            login.mark_unchanged();
        }
        let pause = if login.borrow().held {
            None
        } else if error.is_refused() {
            self.options.pace.pause_after_refusal(fastrand::f64())
        } else {
            Some(self.options.pace.pause(self.failures, fastrand::f64()))
        };
        self.log_failure(&error, pause);
        let failures = self.failures;
        self.inbox.hand(Event::Disconnected { error, retry_in: pause, failures, lasted }).await?;

        let again = pause.map(|pause| now() + pause);
        loop {
            let held = login.borrow().held;
            let pause = async {
                match again.filter(|_| !held) {
                    Some(again) => tokio::time::sleep_until(again).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = self.shared.closing.cancelled() => return Ok(()),
                () = self.inbox.closed() => return Err(Gone),
                // Fails only when the sender is gone, and `shared` holds it.
                _ = login.changed() => if !login.borrow_and_update().held {
                    return Ok(());
                },
                () = pause => return Ok(()),
            }
        }
    }

    fn log_connected(&mut self) {
        let Self { broker, failures, short, .. } = self;
        // In a row of connections that do not hold, each new one is no news.
        if *short > 0 {
            debug!(broker, "connected");
        } else if *failures == 0 {
            info!(broker, "connected");
        } else {
            info!(broker, failures, "connected again");
        }
        if *short == 0 {
            self.reported = None;
        }
    }

    /// Logs trouble when it begins or changes, and then each time its count has doubled.
    fn log_failure(&mut self, error: &Error, pause: Option<Duration>) {
        let kind = std::mem::discriminant(error);
        let failures = self.failures;
        let next = match pause {
            Some(pause) => format!("trying again in {}s", pause.as_secs().max(1)),
            None => "waiting for a new login".to_owned(),
        };
        if self.reported == Some(kind) && !failures.is_power_of_two() {
            debug!(failures, "{error}; {next}");
        } else if error.is_refused() {
            error!(failures, "{error}; {next}");
        } else {
            warn!(failures, "{error}; {next}");
        }
        self.reported = Some(kind);
    }
}

/// A host as the library wants it: it splits `host:port` at the last colon and checks
/// certificates against the host alone, so a literal IPv6 address comes without brackets.
fn unbracketed(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// What the broker has not acknowledged yet, by packet id. Brokers answer in order, so the
/// search ends at the first entry.
#[derive(Default)]
struct Acks {
    subscriptions: VecDeque<(u16, String)>,
    messages: VecDeque<(u16, Token)>,
}

impl Acks {
    fn subscribed(&mut self, id: u16) -> Option<String> {
        take_first(&mut self.subscriptions, id)
    }

    fn published(&mut self, id: u16) -> Option<Token> {
        take_first(&mut self.messages, id)
    }
}

fn take_first<V>(waiting: &mut VecDeque<(u16, V)>, id: u16) -> Option<V> {
    let position = waiting.iter().position(|(waiting, _)| *waiting == id)?;
    waiting.remove(position).map(|(_, value)| value)
}

/// The one place where a link asks the clock: to know how long a connection held.
#[allow(clippy::disallowed_methods, reason = "the edge; how long a connection held is measured here")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acknowledgements_are_matched_also_when_ids_come_round_again() {
        let mut acks = Acks::default();
        for n in 0..2100_u16 {
            acks.subscriptions.push_back((n % IN_FLIGHT + 1, n.to_string()));
        }
        assert_eq!(acks.subscribed(1).as_deref(), Some("0"));
        assert_eq!(acks.subscribed(1).as_deref(), Some("1024"));
        assert_eq!(acks.subscribed(2).as_deref(), Some("1"));
        assert_eq!(acks.subscribed(IN_FLIGHT + 1), None);
    }
}
