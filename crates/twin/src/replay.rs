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
use homeassistant::topic::{Incoming, Topics};
use homeassistant::{Kind, Publication};
use jiff::Timestamp;
use printer::{Namings, Now, Policy, Serial, Snapshot, default_name};

use super::{Broker, Disk, Input, Note, Output, Place, Setup, Twin, Units, Version};

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
        let setup = Setup { named: true, ..Setup::new(serial.clone(), ["", ""], policy, topics) };
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
    units: Units,
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
        // The broker has nothing of an earlier run.
        let mut units = Units::default();
        units.begin(now);
        Self { topics: topics.into(), printers: BTreeMap::new(), units, now, first: true, notes: Vec::new() }
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
        if !self.printers.contains_key(&serial) {
            self.printers.insert(serial.clone(), Player::new(&serial, &self.topics, self.now));
            self.units.add(&serial);
        }
        self.give(&serial, Input::Message(RECORDING, &capture.payload), out);
    }

    /// Gives something to a printer, and tells all what that makes of their AMS units.
    fn give(&mut self, serial: &Serial, input: Input<'_>, out: &mut Vec<Publication>) {
        let Some(player) = self.printers.get_mut(serial) else { return };
        let mut own = Vec::new();
        player.handle(self.now, input, &mut self.notes, &mut own);
        self.units.look(self.now, player.twin.snapshot());
        // Others first: what this one takes back is then theirs already.
        let named = self.name_units(Some(serial), out);
        self.publish(own, out);
        if let Some(namings) = named {
            self.name(serial, namings, out);
        }
    }

    fn name(&mut self, serial: &Serial, namings: Arc<Namings>, out: &mut Vec<Publication>) {
        let Some(player) = self.printers.get_mut(serial) else { return };
        let mut own = Vec::new();
        player.handle(self.now, Input::Namings(namings), &mut self.notes, &mut own);
        self.publish(own, out);
    }

    /// Tells the printers how their units are named, but for one that is not ready, whose names are given back.
    fn name_units(&mut self, busy: Option<&Serial>, out: &mut Vec<Publication>) -> Option<Arc<Namings>> {
        let mut own = None;
        for (serial, namings) in self.units.changed() {
            if Some(&serial) == busy {
                own = Some(namings);
            } else {
                self.name(&serial, namings, out);
            }
        }
        own
    }

    /// Publishes what a printer tells, but for devices that it takes back and another one has.
    fn publish(&mut self, publications: Vec<Publication>, out: &mut Vec<Publication>) {
        for publication in publications {
            let taken_back = match self.topics.parse(&publication.topic) {
                Some(Incoming::Discovery { device }) if publication.kind == Kind::Withdrawn => Some(device),
                _ => None,
            };
            let other = taken_back.and_then(|device| {
                self.printers.values_mut().find(|player| player.twin.announces(device)).zip(Some(device))
            });
            match other {
                Some((player, device)) => {
                    player.handle(self.now, Input::Announce(device), &mut self.notes, out);
                }
                None => out.push(publication),
            }
        }
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
            let next = self.printers.values().filter_map(|player| player.twin.deadline());
            let next = next.chain(self.units.deadline()).min();
            let Some(at) = next.filter(|at| *at <= watched) else { break };
            // A deadline in the past is due now.
            self.now = later(self.now, at.saturating_sub(self.now.mono));
            self.units.tick(self.now);
            self.name_units(None, out);
            for serial in self.printers.keys().cloned().collect::<Vec<_>>() {
                let deadline = self.printers.get(&serial).and_then(|player| player.twin.deadline());
                if deadline.is_some_and(|at| at <= self.now.mono) {
                    self.give(&serial, Input::Tick, out);
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
