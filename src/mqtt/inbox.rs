//! The way from a link to the gateway: what was heard waits there for room, in messages and in bytes.
//!
//! It must not know what a message means.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::{Event, MAX_INCOMING};

/// The most bytes of one link's messages that the gateway has not dealt with yet. The largest report in a capture
/// has 16 kB (`h2d_6ams_extspool_running`), so as many of these as the inbox holds, 256, have room; of the largest
/// messages that we accept it is four.
const WAITING: usize = 4 * MAX_INCOMING;

/// The room that a message takes on its way; free again when the gateway drops it with the message.
#[derive(Default)]
pub struct Room(
    #[allow(dead_code, reason = "held, and given back when it is dropped")] Option<OwnedSemaphorePermit>,
);

impl Clone for Room {
    /// A copy of a message is not on its way any more.
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Room {
    /// It is no part of what a message says.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Room {}

/// The gateway's inbox is closed: there is nobody to work for.
pub(super) struct Gone;

/// The gateway's inbox, for one link.
pub(super) struct Inbox<T, W> {
    sender: mpsc::Sender<T>,
    wrap: W,
    room: Arc<Semaphore>,
    /// While the gateway is closing it may no longer read, so what does not fit is dropped then.
    closing: CancellationToken,
}

impl<T: Send + 'static, W: Fn(Event) -> T + Send> Inbox<T, W> {
    pub(super) fn new(sender: mpsc::Sender<T>, wrap: W, closing: CancellationToken) -> Self {
        Self { sender, wrap, room: Arc::new(Semaphore::new(WAITING)), closing }
    }

    /// Waits until nobody reads it any more.
    pub(super) async fn closed(&mut self) {
        self.sender.closed().await;
    }

    /// Puts a message in and waits for room.
    pub(super) async fn hand_message(
        &mut self,
        topic: String,
        payload: Bytes,
        retain: bool,
    ) -> Result<(), Gone> {
        let bytes = u32::try_from((topic.len() + payload.len()).min(WAITING)).unwrap_or(u32::MAX);
        let room = if let Ok(room) = Arc::clone(&self.room).try_acquire_many_owned(bytes) {
            room
        } else {
            tokio::select! {
                biased;
                () = self.closing.cancelled() => return Ok(()),
                room = Arc::clone(&self.room).acquire_many_owned(bytes) => room.map_err(|_| Gone)?,
            }
        };
        self.hand(Event::Message { topic, payload, retain, room: Room(Some(room)) }).await
    }

    /// Puts an event in and waits for room.
    pub(super) async fn hand(&mut self, event: Event) -> Result<(), Gone> {
        match self.sender.try_send((self.wrap)(event)) {
            Ok(()) => Ok(()),
            Err(TrySendError::Closed(_)) => {
                if self.closing.is_cancelled() {
                    Ok(())
                } else {
                    Err(Gone)
                }
            }
            Err(TrySendError::Full(event)) => tokio::select! {
                biased;
                () = self.closing.cancelled() => Ok(()),
                sent = self.sender.send(event) => sent.map_err(|_| Gone),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    use super::*;

    /// One that changes no event.
    type Plain = Inbox<Event, fn(Event) -> Event>;

    fn inbox() -> (Plain, mpsc::Receiver<Event>) {
        let (sender, receiver) = mpsc::channel(256);
        (Inbox::new(sender, std::convert::identity, CancellationToken::new()), receiver)
    }

    /// Goes on with it as far as it goes without waiting.
    fn go_on<F: Future>(work: Pin<&mut F>) -> Option<F::Output> {
        match work.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(done) => Some(done),
            Poll::Pending => None,
        }
    }

    fn is_in<F: Future<Output = Result<(), Gone>>>(work: Pin<&mut F>) -> bool {
        go_on(work).is_some_and(|handed| handed.is_ok())
    }

    /// The largest message that we accept.
    async fn hand_largest(inbox: &mut Inbox<Event, fn(Event) -> Event>) -> Result<(), Gone> {
        inbox.hand_message("t".to_owned(), vec![0; MAX_INCOMING - 1].into(), false).await
    }

    #[test]
    fn as_many_messages_wait_as_there_are_bytes_for() {
        let (mut inbox, mut receiver) = inbox();
        for _ in 0..4 {
            assert!(is_in(pin!(hand_largest(&mut inbox))));
        }
        // What is no message takes no room.
        assert!(is_in(pin!(inbox.hand(Event::Connected))));
        let mut fifth = pin!(hand_largest(&mut inbox));
        assert!(!is_in(fifth.as_mut()));
        assert_eq!(receiver.len(), 5);
        let taken = receiver.try_recv().expect("a message");
        assert!(!is_in(fifth.as_mut()), "the gateway still has it in its hands");
        drop(taken);
        assert!(is_in(fifth.as_mut()), "nothing is lost");
        assert_eq!(receiver.len(), 5);
    }

    #[test]
    fn reports_of_real_printers_find_room_until_the_inbox_is_full() {
        let (mut inbox, mut receiver) = inbox();
        let report = Bytes::from(vec![0; 16_000]);
        let topic = || "device/00M00A000000000/report".to_owned();
        for _ in 0..256 {
            assert!(is_in(pin!(inbox.hand_message(topic(), report.clone(), false))));
        }
        let mut next = pin!(inbox.hand_message(topic(), report.clone(), false));
        assert!(!is_in(next.as_mut()));
        drop(receiver.try_recv());
        assert!(is_in(next.as_mut()));
    }

    #[test]
    fn nobody_waits_for_a_gateway_that_is_gone_or_closing() {
        let (mut gone, receiver) = inbox();
        let (mut closing, _receiver) = inbox();
        for _ in 0..4 {
            assert!(is_in(pin!(hand_largest(&mut gone))));
            assert!(is_in(pin!(hand_largest(&mut closing))));
        }
        let mut waiting = pin!(hand_largest(&mut gone));
        assert!(!is_in(waiting.as_mut()));
        drop(receiver);
        assert!(go_on(waiting.as_mut()).is_some_and(|handed| handed.is_err()));
        closing.closing.cancel();
        assert!(is_in(pin!(hand_largest(&mut closing))));
    }
}
