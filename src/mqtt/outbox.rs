//! What waits to leave over one connection: the latest payload per state topic, and everything
//! else in the order it was said.
//!
//! Filling it never blocks and never fails; a slow broker makes states fold instead of pile up.
//! It must not know what a payload means, nor how bytes reach the broker.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

use super::{Message, Qos};

/// How many items the writer takes at once: few enough that states still fold while a slow
/// broker digests, enough that the lock is not taken for each of them.
const BATCH: usize = 32;

/// Room that an empty outbox keeps for the next burst; what a start with hundreds of printers
/// needed beyond it is given back.
const KEPT_CAPACITY: usize = 1024;

/// Names one message that was sent, so that its delivery can be recognised.
///
/// Tokens of one link only ever grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(u64);

/// The queue between the gateway and one connection.
///
/// While there is no connection everything said here is dropped, and so is what waits when a
/// connection is lost: after [`Event::Connected`](super::Event::Connected) the gateway says
/// everything again, and a request to a printer must never be replayed.
pub struct Outbox {
    state: Mutex<State>,
    hasher: RandomState,
    /// Wakes the writer.
    filled: Notify,
    /// Wakes those who wait for the outbox to drain.
    drained: Notify,
}

#[derive(Default)]
struct State {
    /// The connection that items are taken for; `None` while there is none.
    connection: Option<u64>,
    queue: VecDeque<Slot>,
    /// The sequence number of the first slot in `queue`.
    first: u64,
    /// Where the waiting payload of a state topic is: hash of the topic to sequence number.
    /// The topic itself is compared in the slot, so no second copy of it is kept.
    latest: HashMap<u64, u64>,
    tokens: u64,
}

struct Slot {
    /// Hash of the topic, for states only.
    state: Option<u64>,
    item: Item,
}

/// One thing for the writer to do.
#[derive(Debug)]
pub(super) enum Item {
    Publish(Message, Token),
    Subscribe(String, Qos),
    Unsubscribe(String),
    Disconnect,
}

impl Outbox {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::default(),
            hasher: RandomState::new(),
            filled: Notify::new(),
            drained: Notify::new(),
        }
    }

    /// Says what is true now about `topic` (retained, at most once).
    ///
    /// A payload of the same topic that still waits is replaced where it stands.
    pub fn set(&self, topic: impl AsRef<str> + Into<String>, payload: impl Into<Bytes>) {
        let payload = payload.into();
        let hash = self.hasher.hash_one(topic.as_ref());
        let mut state = self.lock();
        if state.connection.is_none() {
            return;
        }
        if let Some(waiting) = state.waiting(hash, topic.as_ref()) {
            waiting.payload = payload;
            return;
        }
        let sequence = state.next_sequence();
        state.latest.insert(hash, sequence);
        let message = Message { topic: topic.into(), payload, retain: true, qos: Qos::AtMostOnce };
        let token = state.next_token();
        self.push(state, Some(hash), Item::Publish(message, token));
    }

    /// Sends a message of its own: an event, a result, a request. It never folds, and leaves
    /// after everything that was said before it.
    ///
    /// The token comes back in [`Event::Delivered`](super::Event::Delivered) when the broker has
    /// acknowledged a message with [`Qos::AtLeastOnce`]. `None` says that there is no connection
    /// and that the message was dropped.
    pub fn send(&self, message: Message) -> Option<Token> {
        let hash = self.hasher.hash_one(&message.topic);
        let mut state = self.lock();
        state.connection?;
        // A state set from now on must not slip in before this message.
        if state.waiting(hash, &message.topic).is_some() {
            state.latest.remove(&hash);
        }
        let token = state.next_token();
        self.push(state, None, Item::Publish(message, token));
        Some(token)
    }

    /// Asks the broker for a topic. The answer is [`Event::Subscribed`](super::Event::Subscribed)
    /// or [`Event::SubscriptionRefused`](super::Event::SubscriptionRefused).
    pub fn subscribe(&self, topic: impl Into<String>, qos: Qos) {
        self.push_if_connected(Item::Subscribe(topic.into(), qos));
    }

    /// Ends a subscription.
    pub fn unsubscribe(&self, topic: impl Into<String>) {
        self.push_if_connected(Item::Unsubscribe(topic.into()));
    }

    /// How many items wait.
    pub fn len(&self) -> usize {
        self.lock().queue.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits until fewer than `limit` items wait, which is also so when the connection is lost.
    ///
    /// Made for a branch of the gateway's `select!`: it lets a thousand printers' discovery leave
    /// in portions, with bounded memory. Dropping the future loses nothing.
    pub async fn below(&self, limit: usize) {
        loop {
            let mut drained = pin!(self.drained.notified());
            drained.as_mut().enable();
            if self.len() < limit {
                return;
            }
            drained.await;
        }
    }

    /// Begins to take items, for this connection.
    pub(super) fn open(&self, connection: u64) {
        let mut state = self.lock();
        state.clear();
        state.connection = Some(connection);
    }

    /// Drops what waits and what is said from now on.
    pub(super) fn shut(&self) {
        let mut state = self.lock();
        state.connection = None;
        state.clear();
        drop(state);
        self.drained.notify_waiters();
    }

    /// Ends the connection in good order once everything that waits has left.
    pub(super) fn disconnect(&self) {
        self.push_if_connected(Item::Disconnect);
    }

    /// Waits for something to do and moves up to a batch of it to `batch`, for the returned
    /// connection.
    pub(super) async fn take(&self, batch: &mut Vec<Item>) -> u64 {
        loop {
            if let Some(connection) = self.take_now(batch) {
                return connection;
            }
            self.filled.notified().await;
        }
    }

    fn take_now(&self, batch: &mut Vec<Item>) -> Option<u64> {
        let mut state = self.lock();
        let connection = state.connection?;
        let count = state.queue.len().min(BATCH);
        if count == 0 {
            return None;
        }
        for _ in 0..count {
            state.pop(batch);
        }
        if state.queue.is_empty() {
            state.queue.shrink_to(KEPT_CAPACITY);
            state.latest.shrink_to(KEPT_CAPACITY);
        }
        drop(state);
        self.drained.notify_waiters();
        Some(connection)
    }

    fn push_if_connected(&self, item: Item) {
        let state = self.lock();
        if state.connection.is_some() {
            self.push(state, None, item);
        }
    }

    fn push(&self, mut state: MutexGuard<'_, State>, hash: Option<u64>, item: Item) {
        let was_empty = state.queue.is_empty();
        state.queue.push_back(Slot { state: hash, item });
        drop(state);
        // The writer sleeps only on an empty queue, so one wake covers the whole burst.
        if was_empty {
            self.filled.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here can panic half way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The state of this topic that still waits. Two topics with one hash do not find each
    /// other; the second then leaves unfolded, which costs a message and no truth.
    fn waiting(&mut self, hash: u64, topic: &str) -> Option<&mut Message> {
        let sequence = *self.latest.get(&hash)?;
        let index = usize::try_from(sequence.checked_sub(self.first)?).ok()?;
        match self.queue.get_mut(index) {
            Some(Slot { item: Item::Publish(message, _), .. }) if message.topic == topic => Some(message),
            _ => None,
        }
    }

    fn pop(&mut self, batch: &mut Vec<Item>) {
        let Some(slot) = self.queue.pop_front() else { return };
        if let Some(hash) = slot.state
            && self.latest.get(&hash) == Some(&self.first)
        {
            self.latest.remove(&hash);
        }
        self.first += 1;
        batch.push(slot.item);
    }

    fn clear(&mut self) {
        self.first = self.next_sequence();
        self.queue = VecDeque::new();
        self.latest = HashMap::new();
    }

    fn next_sequence(&self) -> u64 {
        // A queue that fits into memory has a length that fits into 64 bits.
        self.first.saturating_add(u64::try_from(self.queue.len()).unwrap_or(u64::MAX))
    }

    fn next_token(&mut self) -> Token {
        self.tokens += 1;
        Token(self.tokens)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open() -> Outbox {
        let outbox = Outbox::new();
        outbox.open(1);
        outbox
    }

    /// Everything that waits, as short text: `topic=payload`, `+topic` and `-topic`.
    fn drain(outbox: &Outbox) -> Vec<String> {
        let mut batch = Vec::new();
        while outbox.take_now(&mut batch).is_some() {}
        batch
            .into_iter()
            .map(|item| match item {
                Item::Publish(m, _) => format!("{}={}", m.topic, String::from_utf8_lossy(&m.payload)),
                Item::Subscribe(topic, _) => format!("+{topic}"),
                Item::Unsubscribe(topic) => format!("-{topic}"),
                Item::Disconnect => "end".to_owned(),
            })
            .collect()
    }

    #[test]
    fn a_newer_state_takes_the_place_of_the_waiting_one() {
        let outbox = open();
        outbox.set("a", "1");
        outbox.set("b", "1");
        outbox.set(String::from("a"), String::from("2"));
        assert_eq!(outbox.len(), 2);
        assert_eq!(drain(&outbox), ["a=2", "b=1"]);
    }

    #[test]
    fn a_state_that_has_left_does_not_fold() {
        let outbox = open();
        outbox.set("a", "1");
        assert_eq!(drain(&outbox), ["a=1"]);
        outbox.set("a", "2");
        outbox.set("a", "3");
        assert_eq!(drain(&outbox), ["a=3"]);
    }

    #[test]
    fn messages_do_not_fold_and_keep_their_order() {
        let outbox = open();
        outbox.set("a", "1");
        outbox.send(Message::new("e", "1"));
        outbox.subscribe("s", Qos::AtMostOnce);
        outbox.send(Message::new("e", "2"));
        outbox.unsubscribe("s");
        outbox.set("b", "1");
        assert_eq!(drain(&outbox), ["a=1", "e=1", "+s", "e=2", "-s", "b=1"]);
    }

    #[test]
    fn a_state_set_after_a_message_on_its_topic_leaves_after_it() {
        let outbox = open();
        outbox.set("availability", "online");
        outbox.send(Message::new("availability", "offline").retained().at_least_once());
        outbox.set("availability", "online");
        assert_eq!(drain(&outbox), ["availability=online", "availability=offline", "availability=online"]);
    }

    #[test]
    fn states_are_retained_and_sent_at_most_once() {
        let outbox = open();
        outbox.set("a", "1");
        let mut batch = Vec::new();
        outbox.take_now(&mut batch);
        assert!(
            matches!(&batch[..], [Item::Publish(m, _)] if m.retain && m.qos == Qos::AtMostOnce),
            "{batch:?}"
        );
    }

    #[test]
    fn without_a_connection_everything_is_dropped() {
        let outbox = Outbox::new();
        outbox.set("a", "1");
        assert_eq!(outbox.send(Message::new("e", "1")), None);
        outbox.subscribe("s", Qos::AtMostOnce);
        outbox.open(1);
        assert!(outbox.is_empty());

        outbox.set("a", "1");
        assert!(outbox.send(Message::new("e", "1")).is_some());
        outbox.shut();
        assert!(outbox.is_empty());
        assert_eq!(outbox.send(Message::new("e", "1")), None);
        outbox.open(2);
        assert_eq!(drain(&outbox), Vec::<String>::new());
        outbox.set("a", "2");
        assert_eq!(drain(&outbox), ["a=2"]);
    }

    #[test]
    fn folding_finds_its_place_again_after_many_turns() {
        let outbox = open();
        let mut seen = HashMap::new();
        let mut batch = Vec::new();
        for round in 0..500_u32 {
            for topic in 0..37_u32 {
                if (round * 7 + topic * 3) % 5 != 0 {
                    outbox.set(format!("t{topic}"), round.to_string());
                }
            }
            if round % 3 == 0 {
                outbox.take_now(&mut batch);
            }
            assert!(outbox.len() <= 37);
        }
        while outbox.take_now(&mut batch).is_some() {}
        for item in batch {
            let Item::Publish(message, _) = item else { continue };
            seen.insert(message.topic, message.payload);
        }
        for topic in 0..37_u32 {
            let last = (0..500_u32).rev().find(|round| (round * 7 + topic * 3) % 5 != 0).unwrap();
            assert_eq!(seen[&format!("t{topic}")], last.to_string().as_bytes(), "t{topic}");
        }
    }

    #[test]
    fn tokens_grow() {
        let outbox = open();
        let first = outbox.send(Message::new("e", "1")).unwrap();
        let second = outbox.send(Message::new("e", "2")).unwrap();
        outbox.shut();
        outbox.open(2);
        let third = outbox.send(Message::new("e", "3")).unwrap();
        assert!(first < second && second < third);
    }

    #[tokio::test]
    async fn the_writer_wakes_for_a_burst_and_names_its_connection() {
        let outbox = std::sync::Arc::new(open());
        let taker = tokio::spawn({
            let outbox = outbox.clone();
            async move {
                let mut batch = Vec::new();
                let connection = outbox.take(&mut batch).await;
                (connection, batch.len())
            }
        });
        tokio::task::yield_now().await;
        outbox.set("a", "1");
        outbox.set("b", "1");
        assert_eq!(taker.await.unwrap(), (1, 2));
    }

    #[tokio::test]
    async fn below_waits_for_the_writer_or_the_end_of_the_connection() {
        for lost in [false, true] {
            let outbox = std::sync::Arc::new(open());
            for n in 0..100 {
                outbox.send(Message::new("e", n.to_string()));
            }
            let waiting = tokio::spawn({
                let outbox = outbox.clone();
                async move { outbox.below(40).await }
            });
            tokio::task::yield_now().await;
            let mut batch = Vec::new();
            outbox.take_now(&mut batch);
            tokio::task::yield_now().await;
            assert!(!waiting.is_finished(), "68 still wait");
            if lost {
                outbox.shut();
            } else {
                outbox.take_now(&mut batch);
            }
            waiting.await.unwrap();
        }
    }
}
