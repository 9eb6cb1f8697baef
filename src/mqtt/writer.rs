//! The writer of a link: from the outbox to whatever connection there is.
//!
//! It must not poll: a task that polls and publishes waits for itself.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rumqttc::{AsyncClient, ClientError};
use tracing::error;

use super::outbox::{Item, Token};
use super::{Ended, Qos, Shared};

/// One connection, seen by the writer.
#[derive(Clone)]
pub(super) struct Connection {
    pub(super) number: u64,
    pub(super) client: AsyncClient,
    pub(super) sent: Arc<Mutex<Sent>>,
}

/// What the writer has given away. The library names packet ids only afterwards, in the order of
/// its requests; the poller then takes these from the front.
#[derive(Default)]
pub(super) struct Sent {
    pub(super) subscriptions: VecDeque<String>,
    pub(super) tokens: VecDeque<Token>,
    /// Size of the largest message.
    pub(super) largest: usize,
}

impl Connection {
    pub(super) fn sent(&self) -> MutexGuard<'_, Sent> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives one item to the connection, waiting for room. An error says that it is lost.
    async fn give(&self, item: Item, max_outgoing: usize) -> Result<(), ClientError> {
        match item {
            Item::Publish(message, token) => {
                // The library would end the connection over either of these, and the same
                // message would end the next one.
                let size = message.topic.len() + message.payload.len() + PUBLISH_OVERHEAD;
                if size > max_outgoing {
                    error!(topic = masked(&message.topic), size, max_outgoing, "message too large, not sent");
                    return Ok(());
                }
                if message.topic.is_empty()
                    || message.topic.len() > usize::from(u16::MAX)
                    || !rumqttc::valid_topic(&message.topic)
                {
                    error!(topic = masked(&message.topic), "not a topic that can be published to, not sent");
                    return Ok(());
                }
                {
                    let mut sent = self.sent();
                    sent.largest = sent.largest.max(size);
                    if message.qos == Qos::AtLeastOnce {
                        sent.tokens.push_back(token);
                    }
                }
                // Unlike `try_publish` this copies neither topic nor payload, and it is ready at
                // once while there is room.
                self.client
                    .publish_bytes(message.topic, message.qos.into(), message.retain, message.payload)
                    .await
            }
            Item::Subscribe(topic, qos) => {
                if !rumqttc::valid_filter(&topic) {
                    error!(topic = masked(&topic), "not a topic that can be subscribed to");
                    return Ok(());
                }
                self.sent().subscriptions.push_back(topic.clone());
                self.client.subscribe(topic, qos.into()).await
            }
            Item::Unsubscribe(topic) => self.client.unsubscribe(topic).await,
            Item::Disconnect => self.client.disconnect().await,
        }
    }
}

/// Fixed header, topic length and packet id of a PUBLISH packet at their largest.
const PUBLISH_OVERHEAD: usize = 5 + 2 + 2;

/// The writer: from the outbox to whatever connection there is.
pub(super) async fn run(shared: Arc<Shared>, max_outgoing: usize, name: String) -> Ended {
    let mut batch = Vec::new();
    let mut connection: Option<Connection> = None;
    loop {
        let number = tokio::select! {
            biased;
            () = shared.ended.cancelled() => return format!("writer of the {name}"),
            number = shared.outbox.take(&mut batch) => number,
        };
        if connection.as_ref().is_none_or(|connection| connection.number != number) {
            connection = shared.current().filter(|connection| connection.number == number);
        }
        let Some(to) = &connection else {
            // The connection was lost between filling and taking.
            batch.clear();
            continue;
        };
        for item in batch.drain(..) {
            if to.give(item, max_outgoing).await.is_err() {
                break;
            }
        }
    }
}

/// A topic for the log: serial numbers are personal.
pub(super) fn masked(topic: &str) -> String {
    let mut shown = String::with_capacity(topic.len());
    for part in topic.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let word = part.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        if word.len() >= 12 && word.bytes().any(|b| b.is_ascii_digit()) {
            shown.push_str("***");
            shown.push_str(part.get(word.len()..).unwrap_or_default());
        } else {
            shown.push_str(part);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_logged_without_serial_numbers() {
        assert_eq!(masked("device/01P00A000000000/report"), "device/***/report");
        assert_eq!(
            masked("homeassistant/device/bambu2mqtt_01P00A000000000/config"),
            "homeassistant/device/bambu2mqtt_***/config"
        );
        assert_eq!(masked("bambu2mqtt/bridge/availability"), "bambu2mqtt/bridge/availability");
        assert_eq!(masked(""), "");
    }
}
