//! A printer's twin in hand: time is moved, and what it wants done is kept. The disk takes everything at once, and so
//! does the broker.

use std::collections::VecDeque;
use std::sync::Arc;

use bambu::access::CLOUD;
use bambu::request::Request;
use bambu::session::{self, Budget};
use homeassistant::Publication;
use homeassistant::topic::Topics;
use printer::{Event, Now, Policy, Serial, Snapshot};
use twin::{Broker, Disk, Input, Note, Output, Place, Setup, Twin};

/// Where it is heard.
pub(crate) const HERE: Place = Place(0);

pub(crate) struct Player {
    pub(crate) twin: Twin,
    pub(crate) requests: Vec<Request>,
    pub(crate) published: Vec<Publication>,
    pub(crate) events: Vec<Event>,
    /// What was told on result topics.
    pub(crate) answers: Vec<Publication>,
    /// Pictures that were put on the broker.
    pub(crate) pictures: Vec<Vec<u8>>,
    pub(crate) notes: Vec<session::Note>,
    /// How often the snapshot was another one.
    pub(crate) changes: usize,
    /// How often the ledger was stored, and jobs went to the history.
    pub(crate) stores: usize,
    pub(crate) history: usize,
    budget: Budget,
    listening: bool,
}

impl Player {
    /// A printer that is connected, and has not said anything.
    pub(crate) fn new(now: Now, serial: &str, name: &str, topics: &Arc<Topics>) -> Self {
        let policy = Policy { name: name.into(), ..Policy::default() };
        Self::of(now, Setup::new(Serial::new(serial), ["", ""], policy, topics))
    }

    pub(crate) fn of(now: Now, setup: Setup<'_>) -> Self {
        let mut player = Self {
            twin: Twin::new(setup, &mut Vec::new()),
            requests: Vec::new(),
            published: Vec::new(),
            events: Vec::new(),
            answers: Vec::new(),
            pictures: Vec::new(),
            notes: Vec::new(),
            changes: 0,
            stores: 0,
            history: 0,
            budget: Budget::for_printers(1),
            listening: false,
        };
        for input in [Input::Join(HERE, &CLOUD), Input::Broker(Broker::Up), Input::Connected(HERE)] {
            player.handle(now, input);
        }
        player
    }

    pub(crate) fn handle(&mut self, now: Now, input: Input<'_>) {
        let mut inputs = VecDeque::from([input]);
        let mut unanswered = true;
        let mut outputs = Vec::new();
        while let Some(input) = inputs.pop_front() {
            self.twin.handle(now, input, &mut self.budget, &mut outputs);
            for output in outputs.drain(..) {
                match output {
                    Output::Request(_, request) => self.requests.push(request),
                    Output::Changed => self.changes += 1,
                    Output::Publish(publication) => self.published.push(publication),
                    Output::Event(number, _) => inputs.push_back(Input::Broker(Broker::Took(number))),
                    Output::Store => {
                        self.stores += 1;
                        let version = u64::try_from(self.stores).unwrap();
                        inputs.push_back(Input::Disk(Disk::Handed(version)));
                        inputs.push_back(Input::Disk(Disk::Stored(version)));
                    }
                    Output::History(_) => self.history += 1,
                    // Asked again at once, it would answer the same.
                    Output::AskCloud { .. } => {
                        inputs.extend(std::mem::take(&mut unanswered).then_some(Input::Tasks(Err(()))));
                    }
                    Output::Log(Note::Event(event)) => self.events.push(*event),
                    Output::Log(Note::Protocol(note)) => self.notes.push(note),
                    Output::Picture(_, bytes) => self.pictures.push(bytes),
                    Output::Tell(answer) => self.answers.push(answer),
                    Output::AskOlder | Output::Log(_) | Output::Trigger(_) => {}
                }
            }
        }
    }

    /// Takes a message of the printer's.
    pub(crate) fn hear(&mut self, now: Now, message: impl AsRef<[u8]>) {
        self.handle(now, Input::Message(HERE, message.as_ref()));
    }

    /// The owner wants something else.
    pub(crate) fn policy(&mut self, now: Now, change: impl FnOnce(&mut Policy)) {
        let mut policy = Policy::clone(&self.snapshot().policy);
        change(&mut policy);
        self.handle(now, Input::Policy(policy.into()));
    }

    pub(crate) fn snapshot(&self) -> &Snapshot {
        self.twin.snapshot()
    }

    /// What was published since the last look; at the first one the broker is told everything.
    pub(crate) fn look(&mut self, now: Now) -> Vec<Publication> {
        if !std::mem::replace(&mut self.listening, true) {
            self.handle(now, Input::Broker(Broker::Tell(None)));
        }
        std::mem::take(&mut self.published)
    }

    /// The broker may have forgotten everything.
    pub(crate) fn tell_again(&mut self, now: Now) {
        self.listening = true;
        self.handle(now, Input::Broker(Broker::Tell(None)));
    }

    /// What is published when the printer is not used any more.
    pub(crate) fn removed(self) -> Vec<Publication> {
        let mut outputs = Vec::new();
        let _ = self.twin.remove(&mut outputs);
        let publications = outputs.into_iter().filter_map(|output| match output {
            Output::Publish(publication) => Some(publication),
            _ => None,
        });
        publications.collect()
    }
}
