//! What would be published for recorded messages: a pure function of them.
//!
//! Time comes from `at`, else it is a fixed start plus a second a message, and it runs on for a minute at the end, so
//! that everything that waits comes out. The disk takes everything at once, the broker acknowledges everything at
//! once, and there is no cloud to ask.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bambu::access::CLOUD;
use bambu::session::{Budget, Session};
use bambu::topic;
use capture::Capture;
use homeassistant::Publication;
use homeassistant::topic::Topics;
use jiff::Timestamp;
use printer::{Now, Policy, Serial, Snapshot, default_name};

use super::{Broker, Disk, Input, Note, Output, Place, Setup, Twin, Version};

/// When a recording without times begins.
const START: &str = "2026-01-01T00:00:00Z";
/// How long time runs on after the last message.
const RUN_ON: Duration = Duration::from_secs(60);
/// The part of a pause between two messages in which what time alone brings is looked at moment by moment. A clock
/// that was not set makes pauses of millennia, and a printer that does not answer is asked again for ever.
const WATCHED: Duration = Duration::from_secs(7 * 24 * 3600);
/// Where all printers are heard.
const RECORDING: Place = Place(0);

/// A printer of a recording.
struct Player {
    twin: Twin,
    budget: Budget,
    version: Version,
    told: bool,
}

impl Player {
    fn new(serial: &Serial, topics: &Arc<Topics>, now: Now) -> Self {
        let name = default_name(&bambu::identity(serial, ["", ""]).model, serial);
        // An empty ledger: the ids of events follow from what was recorded alone.
        let policy = Policy { name: name.into(), ..Policy::default() };
        let setup = Setup::new(serial.clone(), ["", ""], policy, topics);
        let twin = Twin::new(setup, &mut Vec::new());
        let mut player = Self { twin, budget: Budget::default(), version: 0, told: false };
        for input in [Input::Join(RECORDING, &CLOUD), Input::Broker(Broker::Up), Input::Connected(RECORDING)]
        {
            player.twin.handle(now, input, &mut player.budget, &mut Vec::new());
        }
        player
    }

    /// Gives something to the twin, and answers whatever it asks for.
    fn handle(&mut self, now: Now, input: Input<'_>, notes: &mut Vec<Note>, out: &mut Vec<Publication>) {
        let mut outputs = Vec::new();
        let mut answers = VecDeque::from([input]);
        let mut unanswered = true;
        while let Some(input) = answers.pop_front() {
            self.twin.handle(now, input, &mut self.budget, &mut outputs);
            for output in outputs.drain(..) {
                match output {
                    Output::Publish(publication) | Output::Trigger(publication) => out.push(publication),
                    Output::Event(number, publication) => {
                        out.push(publication);
                        answers.push_back(Input::Broker(Broker::Took(number)));
                    }
                    Output::Store => {
                        self.version += 1;
                        answers.push_back(Input::Disk(Disk::Handed(self.version)));
                        answers.push_back(Input::Disk(Disk::Stored(self.version)));
                    }
                    // That it cannot be asked is an answer, too; asked again at once, it would be the same.
                    Output::AskCloud { .. } => {
                        answers.extend(std::mem::take(&mut unanswered).then_some(Input::Tasks(Err(()))));
                    }
                    Output::Log(note) => notes.push(note),
                    Output::Changed if !self.told => {
                        self.told = true;
                        answers.push_front(Input::Broker(Broker::Tell(None)));
                    }
                    // Nobody is there to be asked, and nobody has asked.
                    Output::Request(..)
                    | Output::Changed
                    | Output::Picture(..)
                    | Output::Tell(_)
                    | Output::AskOlder
                    | Output::History(_) => {}
                }
            }
        }
    }
}

/// The gateway without its edges, fed by hand.
pub struct Replay {
    topics: Arc<Topics>,
    printers: BTreeMap<Serial, Player>,
    now: Now,
    first: bool,
    notes: Vec<Note>,
}

impl Default for Replay {
    fn default() -> Self {
        let topics = Topics {
            base: "bambu2mqtt".into(),
            discovery: "homeassistant".into(),
            id_prefix: "bambu2mqtt".into(),
        };
        let wall = START.parse().unwrap_or_default();
        let now = Now { mono: Duration::ZERO, wall };
        Self { topics: topics.into(), printers: BTreeMap::new(), now, first: true, notes: Vec::new() }
    }
}

impl Replay {
    /// Takes the next message; says what is published by then.
    pub fn feed(&mut self, capture: &Capture, out: &mut Vec<Publication>) {
        let tick = Duration::from_secs(u64::from(!self.first));
        let next = capture.at.unwrap_or_else(|| later(self.now, tick).wall);
        if self.first {
            self.now.wall = next;
            self.first = false;
        }
        // Time never goes back, whatever a recording says.
        let step = Duration::try_from(next.duration_since(self.now.wall)).unwrap_or_default();
        self.pass(step, out);
        let Some(serial) = topic::reporter(&capture.topic) else { return };
        let (topics, now) = (&self.topics, self.now);
        let printers = self.printers.entry(serial);
        let player = printers.or_insert_with_key(|serial| Player::new(serial, topics, now));
        player.handle(now, Input::Message(RECORDING, &capture.payload), &mut self.notes, out);
    }

    /// Lets the last minute pass.
    pub fn finish(&mut self, out: &mut Vec<Publication>) {
        self.pass(RUN_ON, out);
    }

    /// What the log would have heard of the protocol.
    pub fn notes(&self) -> impl Iterator<Item = &bambu::session::Note> {
        self.notes.iter().filter_map(|note| match note {
            Note::Protocol(note) => Some(note),
            _ => None,
        })
    }

    /// The printers seen, as they are known now.
    pub fn printers(&self) -> impl Iterator<Item = &Snapshot> {
        self.printers.values().map(|player| player.twin.snapshot())
    }

    /// Their merged reports.
    pub fn sessions(&self) -> impl Iterator<Item = &Session> {
        self.printers.values().flat_map(|player| player.twin.sessions())
    }

    /// Lets time pass, stopping wherever a printer's deadline lies.
    fn pass(&mut self, step: Duration, out: &mut Vec<Publication>) {
        let end = later(self.now, step);
        let watched = self.now.mono + step.min(WATCHED);
        loop {
            let next = self.printers.values().filter_map(|player| player.twin.deadline()).min();
            let Some(at) = next.filter(|at| *at <= watched) else { break };
            // A deadline in the past is due now.
            self.now = later(self.now, at.saturating_sub(self.now.mono));
            let now = self.now;
            for player in self.printers.values_mut() {
                if player.twin.deadline().is_some_and(|at| at <= now.mono) {
                    player.handle(now, Input::Tick, &mut self.notes, out);
                }
            }
        }
        self.now = end;
    }
}

/// A later moment; the calendar ends with the year 9999, and stays there.
fn later(now: Now, by: Duration) -> Now {
    Now { mono: now.mono.saturating_add(by), wall: now.wall.checked_add(by).unwrap_or(Timestamp::MAX) }
}
