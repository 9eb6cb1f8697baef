//! A channel: one connection to a place where printers are heard and asked, and what belongs to that connection
//! alone: the printers that it serves, its budget of messages, its subscriptions.
//!
//! It must not know which place that is, how one logs in there, or what printers say.

use std::collections::BTreeSet;

use secrecy::SecretString;
use tokio::sync::mpsc;
use tokio::task::{Id, JoinSet};

use crate::mqtt::{self, Brokers, Link, Message, Qos};
use bambu::access::Access;
use bambu::request::Request;
use bambu::session::Budget;
use bambu::topic;
use printer::Serial;

pub(super) struct Channel {
    /// How printers are reached there.
    access: &'static Access,
    /// `None` as long as nobody has opened it.
    link: Option<Link>,
    up: bool,
    /// Printers that it serves, whether there is a connection or not.
    printers: BTreeSet<Serial>,
    /// What may be sent to them over this connection.
    budget: Budget,
    /// Printers whose subscription the broker has not answered yet.
    unanswered: BTreeSet<Serial>,
    /// Printers that this connection's broker does not let us hear.
    refused: BTreeSet<Serial>,
}

impl Channel {
    /// One that is not opened yet.
    pub(super) fn new(access: &'static Access) -> Self {
        Self {
            access,
            link: None,
            up: false,
            printers: BTreeSet::new(),
            budget: Budget::for_printers(0),
            unanswered: BTreeSet::new(),
            refused: BTreeSet::new(),
        }
    }

    /// How printers are reached there.
    pub(super) fn access(&self) -> &'static Access {
        self.access
    }

    /// Begins to connect, and comes back by itself from then on.
    pub(super) fn open<T: Send + 'static>(
        &mut self,
        brokers: &Brokers,
        tasks: &mut JoinSet<mqtt::Ended>,
        options: mqtt::Options,
        inbox: mpsc::Sender<T>,
        wrap: impl Fn(mqtt::Event) -> T + Send + 'static,
    ) {
        self.link = Some(Link::start_among(brokers, tasks, options, inbox, wrap));
    }

    /// Uses another login from the next connection on; `false` when it is not open.
    pub(super) fn replace_credentials(&self, user: &str, secret: SecretString) -> bool {
        let Some(link) = &self.link else { return false };
        link.replace_credentials(user, secret);
        true
    }

    /// Makes no further connections with the login that it has.
    pub(super) fn hold(&self) {
        if let Some(link) = &self.link {
            link.hold();
        }
    }

    /// Connects at once where it waits to do so.
    pub(super) fn retry(&self) {
        if let Some(link) = &self.link {
            link.retry();
        }
    }

    /// The tasks of its connection.
    pub(super) fn tasks(&self) -> impl Iterator<Item = Id> + use<> {
        self.link.as_ref().map(Link::tasks).into_iter().flatten()
    }

    /// Ends its connection, and its tasks with it.
    pub(super) async fn close(&mut self) {
        if let Some(link) = self.link.take() {
            link.close(None).await;
        }
    }

    /// There is a new connection: its broker knows nothing of us, and its budget is whole, because connections are
    /// far apart (`mqtt::backoff`).
    pub(super) fn on_connected(&mut self) {
        self.up = true;
        self.budget = Budget::for_printers(self.printers.len());
        self.unanswered.clear();
        self.refused.clear();
        for serial in self.printers.clone() {
            self.subscribe(&serial);
        }
    }

    /// The connection is gone.
    pub(super) fn on_disconnected(&mut self) {
        self.up = false;
        self.unanswered.clear();
    }

    /// Serves this printer from now on, and asks to hear it: again, where it was asked before.
    pub(super) fn subscribe(&mut self, serial: &Serial) {
        if self.printers.insert(serial.clone()) {
            self.budget.serve(self.printers.len());
        }
        if self.up {
            self.unanswered.insert(serial.clone());
            if let Some(link) = &self.link {
                link.outbox().subscribe(topic::report(serial), Qos::AtMostOnce);
            }
        }
    }

    /// Serves this printer no more.
    pub(super) fn unsubscribe(&mut self, serial: &Serial) {
        if self.printers.remove(serial) {
            self.budget.serve(self.printers.len());
        }
        self.unanswered.remove(serial);
        if let Some(link) = self.link.as_ref().filter(|_| self.up) {
            link.outbox().unsubscribe(topic::report(serial));
        }
    }

    /// The broker granted or refused a subscription; says whether it is a refusal, and news.
    pub(super) fn on_answer(&mut self, serial: &Serial, granted: bool) -> bool {
        self.unanswered.remove(serial);
        if granted {
            self.refused.remove(serial);
            return false;
        }
        self.refused.insert(serial.clone())
    }

    /// Says something to a printer; `false` when there is no connection, and nothing was said.
    pub(super) fn send(&self, serial: &Serial, request: Request) -> bool {
        let Some(link) = &self.link else { return false };
        let message = Message::new(topic::request(serial), request.payload);
        link.outbox().send(if request.control { message.at_least_once() } else { message }).is_some()
    }

    /// What may be sent to its printers.
    pub(super) fn budget_mut(&mut self) -> &mut Budget {
        &mut self.budget
    }

    /// Whether there is a connection, whatever the subscriptions.
    pub(super) fn is_up(&self) -> bool {
        self.up
    }

    /// Whether we are heard and hear the printers: connected, and every subscription answered.
    pub(super) fn is_connected(&self) -> bool {
        self.up && self.unanswered.is_empty()
    }

    /// Whether its broker lets us hear the printer, as far as is known.
    pub(super) fn may_hear(&self, serial: &Serial) -> bool {
        !self.refused.contains(serial)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use bambu::access::CLOUD;

    const NOW: Duration = Duration::from_secs(1000);

    fn serials() -> [Serial; 3] {
        ["01P00A000000001", "01P00A000000002", "01P00A000000003"].map(Serial::new)
    }

    fn left(channel: &mut Channel) -> i64 {
        channel.budget_mut().left(NOW)
    }

    /// Of a connection that serves so many printers.
    fn whole(printers: usize) -> i64 {
        Budget::for_printers(printers).left(NOW)
    }

    #[test]
    fn the_budget_is_made_for_the_printers_that_the_connection_serves() {
        let mut channel = Channel::new(&CLOUD);
        let [first, second, third] = serials();
        channel.subscribe(&first);
        channel.subscribe(&second);
        channel.on_connected();
        assert_eq!(left(&mut channel), whole(2));

        // One that is found later is asked for its whole state, too, and must not take that from the others.
        channel.budget_mut().take(NOW);
        channel.subscribe(&third);
        assert_eq!(left(&mut channel), whole(3) - 1, "what was taken stays taken");
        channel.subscribe(&third);
        assert_eq!(left(&mut channel), whole(3) - 1, "asking again makes no more of it");
        channel.unsubscribe(&first);
        channel.unsubscribe(&second);
        assert_eq!(left(&mut channel), whole(1) - 1);

        channel.on_disconnected();
        channel.on_connected();
        assert_eq!(left(&mut channel), whole(1), "each connection begins with a whole one");
    }

    #[test]
    fn it_is_connected_when_every_subscription_is_answered() {
        let mut channel = Channel::new(&CLOUD);
        let [first, second, third] = serials();
        channel.subscribe(&first);
        channel.subscribe(&second);
        assert!(!channel.is_connected() && !channel.is_up());
        channel.on_connected();
        assert!(channel.is_up() && !channel.is_connected());
        assert!(!channel.on_answer(&first, true));
        assert!(!channel.is_connected());
        assert!(channel.on_answer(&second, false), "a refusal is news");
        assert!(channel.is_connected(), "a refusal is an answer");
        channel.subscribe(&second);
        assert!(!channel.is_connected());
        assert!(!channel.on_answer(&second, false), "the same again is none");
        // One that is not wanted any more is not waited for.
        channel.subscribe(&third);
        channel.unsubscribe(&third);
        assert!(channel.is_connected());
    }

    #[test]
    fn a_refusal_lasts_until_the_broker_says_otherwise() {
        let mut channel = Channel::new(&CLOUD);
        let [first, ..] = serials();
        channel.subscribe(&first);
        channel.on_connected();
        channel.on_answer(&first, false);
        assert!(!channel.may_hear(&first));
        channel.on_disconnected();
        assert!(!channel.may_hear(&first), "nobody has said anything else yet");
        channel.on_connected();
        assert!(channel.may_hear(&first));
        channel.on_answer(&first, false);
        channel.on_answer(&first, true);
        assert!(channel.may_hear(&first));
    }
}
