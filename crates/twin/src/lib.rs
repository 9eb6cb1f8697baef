//! The digital twin of a printer: one value, to which everything that happens to the printer is told, and which says
//! what should be done about it.
//!
//! A [`Twin`] puts the pure rooms together: a protocol [`Session`](bambu::session::Session) for each place where the
//! printer is heard, the [`Tracker`](printer::Tracker) of its jobs, the delivery of events, and the
//! [`Mirror`] of what Home Assistant was told. The gateway, `replay`, the benchmarks and the
//! tests all drive the same value.
//! Must not know: sockets, files, clocks, accounts, how a topic is formed.
#![forbid(unsafe_code)]

mod commands;
mod delivery;
mod io;
mod jobs;
mod note;
mod recent;
mod replay;
mod units;
mod way;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bambu::access::Access;
use bambu::session::{self, CommandId};
use homeassistant::Mirror;
use homeassistant::topic::Topics;
use printer::cloud::{Cover, Picture};
use printer::tracker::Effects;
use printer::{Command, Ledger, Now, Reach, Serial, Snapshot};

use commands::{Asked, Refusals};
pub use delivery::{Delivery, Due, Version};
pub use io::{Ask, Broker, Budgets, Disk, Input, Output, Setup};
use jobs::Jobs;
pub use note::{Level, Note};
pub use recent::Recent;
pub use replay::Replay;
pub use units::{Clash, UnitPlace, Units};
pub use way::Place;
use way::Ways;

/// What the local broker knows.
#[derive(Default)]
struct Listener {
    connected: bool,
    /// It was told everything since it came.
    told: bool,
    /// The pictures that it was given, or was told to forget: of the job, and of its objects.
    pictures: [Cover; 2],
}

/// What a printer counts as in the gateway's own device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// It talks.
    pub online: bool,
    /// It talks, and a job is under way.
    pub printing: bool,
    /// It talks, and a person should go and look.
    pub attention: bool,
}

/// One printer.
pub struct Twin {
    serial: Serial,
    cloud_names: [String; 2],
    sequence: u32,
    topics: Arc<Topics>,
    ways: Ways,
    snapshot: Snapshot,
    jobs: Jobs,
    mirror: Mirror,
    listener: Listener,
    asked: BTreeMap<CommandId, Asked>,
    refusals: Refusals,
    next_command: CommandId,
    /// The tracker wants the printer asked for everything.
    wants_everything: bool,
}

impl Twin {
    /// A printer that was not heard yet. What a program that was killed did not get done is put out at once.
    pub fn new(setup: Setup<'_>, out: &mut Vec<Output>) -> Self {
        let Setup { serial, cloud_names, policy, texts, ledger, recent, options, topics, slug, .. } = setup;
        let identity = bambu::identity(&serial, cloud_names);
        let mut snapshot = Snapshot::unheard("", identity);
        snapshot.policy = policy;
        snapshot.explain(&texts);
        if setup.named {
            snapshot.name_units(&Arc::default());
        }
        let jobs = Jobs::open(&serial, ledger, &snapshot.policy, options, recent, out);
        snapshot.follow(&jobs.levels());
        Self {
            mirror: Mirror::new(Arc::clone(&topics), serial.clone(), slug, setup.discovery)
                .with_names(setup.names)
                .with_document(setup.document),
            cloud_names: cloud_names.map(str::to_owned),
            sequence: setup.sequence,
            serial,
            topics,
            ways: Ways::default(),
            snapshot,
            jobs,
            listener: Listener::default(),
            asked: BTreeMap::new(),
            refusals: Refusals::default(),
            next_command: 0,
            wants_everything: false,
        }
    }

    /// The printer as it is known now.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Its jobs as they are to be stored.
    pub fn ledger(&self) -> &Ledger {
        self.jobs.ledger()
    }

    /// What Home Assistant was told, if it was told everything.
    pub fn told(&self) -> Option<&Mirror> {
        self.listener.told.then_some(&self.mirror)
    }

    /// Whether it announces this device.
    pub fn announces(&self, device: &str) -> bool {
        self.mirror.components(device).is_some()
    }

    /// Whether it hears the printer at a place.
    pub fn is_connected(&self, place: Place) -> bool {
        self.ways.get(place).is_some_and(session::Session::is_connected)
    }

    /// Whether it is heard and asked at a place.
    pub fn is_at(&self, place: Place) -> bool {
        self.ways.get(place).is_some()
    }

    /// The merged reports, one a place, for those who want to see what a value came from.
    pub fn sessions(&self) -> impl Iterator<Item = &session::Session> {
        self.ways.sessions()
    }

    /// What it counts as in the gateway's own device.
    pub fn standing(&self) -> Standing {
        let online = self.snapshot.reach == Reach::Online;
        Standing {
            online,
            printing: online && self.snapshot.is_active(),
            attention: online && self.snapshot.reasons().next().is_some(),
        }
    }

    /// The next moment at which [`Input::Tick`] would change anything, on the steady clock.
    pub fn deadline(&self) -> Option<Duration> {
        let mirror = self.mirror.deadline().filter(|_| self.listens());
        [self.ways.deadline(), self.jobs.deadline(), mirror].into_iter().flatten().min()
    }

    /// Gives back what the history has of it, and takes it off the local broker: it is not used any more.
    pub fn remove(mut self, out: &mut Vec<Output>) -> Recent {
        let mut gone = Vec::new();
        self.mirror.remove(&mut gone);
        out.extend(gone.into_iter().map(Output::Publish));
        self.jobs.into_recent()
    }

    /// Takes one thing that happened and says what should be done about it. `budgets` pays for what is sent.
    pub fn handle(&mut self, now: Now, input: Input<'_>, budgets: &mut dyn Budgets, out: &mut Vec<Output>) {
        match input {
            Input::Join(place, access) => self.join(now, place, access, budgets, out),
            Input::Connected(place) => self.hear(now, place, session::Input::Connected, budgets, out),
            Input::Disconnected(place) => self.hear(now, place, session::Input::Disconnected, budgets, out),
            Input::Message(place, bytes) => {
                self.hear(now, place, session::Input::Message(bytes), budgets, out);
            }
            Input::Ask(ask) => self.ask(now, ask, budgets, out),
            Input::Policy(policy) => {
                self.snapshot.obey(policy);
                self.look(now, out);
            }
            Input::Facts(facts) => {
                self.snapshot.learn(&facts);
                self.look(now, out);
                self.tell_pictures(out);
            }
            Input::Tasks(answer) => {
                let effects = self.jobs.tasks(now, &self.serial, answer, out);
                self.follow(now, effects, out);
                self.tell(now, out);
            }
            Input::Older(tasks) => {
                self.jobs.fill(&self.serial, tasks, out);
                if self.snapshot.follow(&self.jobs.levels()) {
                    self.tell(now, out);
                }
            }
            Input::Namings(namings) => {
                self.snapshot.name_units(&namings);
                self.look(now, out);
            }
            Input::Announce(device) => {
                self.mirror.forget_device(device);
                self.tell(now, out);
            }
            Input::Texts(texts) => {
                self.snapshot.explain(&texts);
                self.look(now, out);
            }
            Input::Energy(kwh) => {
                let effects = self.jobs.tracker.energy(now, kwh);
                if effects.levels_changed {
                    self.follow(now, effects, out);
                    self.tell(now, out);
                }
            }
            Input::Disk(disk) => {
                self.jobs.on_disk(disk);
                self.tell_events(now, out);
            }
            Input::Broker(broker) => self.on_broker(now, broker, out),
            Input::Leave => self.jobs.leave(now, out),
            Input::Tick => self.tick(now, budgets, out),
        }
        if std::mem::take(&mut self.wants_everything)
            && let Some(place) = self.ways.choose().obeys
        {
            // Nobody waits for what becomes of this one.
            self.next_command += 1;
            let refresh = session::Input::Command(self.next_command, Command::Refresh);
            self.hear(now, place, refresh, budgets, out);
        }
    }

    fn join(
        &mut self,
        now: Now,
        place: Place,
        access: &'static Access,
        budgets: &mut dyn Budgets,
        out: &mut Vec<Output>,
    ) {
        if self.ways.get(place).is_some() {
            return;
        }
        if let Some(before) = self.ways.of(access) {
            // What was asked of it by the other way is not answered by this one; what is known of it stays.
            self.hear(now, before, session::Input::Disconnected, budgets, out);
            self.ways.rename(before, place);
        } else {
            let [code, name] = &self.cloud_names;
            self.ways.add(place, &self.serial, [code, name], access, self.sequence);
        }
    }

    /// Hands something to the session of a place, and does what comes of it.
    fn hear(
        &mut self,
        now: Now,
        place: Place,
        input: session::Input<'_>,
        budgets: &mut dyn Budgets,
        out: &mut Vec<Output>,
    ) {
        let Some(session) = self.ways.get_mut(place) else { return };
        let outputs = session.handle(now, input, &self.snapshot.policy, budgets.at(place));
        for output in outputs {
            match output {
                session::Output::Request(request) => out.push(Output::Request(place, request)),
                session::Output::Changed => self.observe(now, out),
                session::Output::Reply(id, outcome) => self.on_outcome(now, id, &outcome, out),
                session::Output::Note(note) => out.push(Output::Log(Note::Protocol(note))),
            }
        }
    }

    /// A session has other news of the printer: what the place says that speaks now is how it is.
    fn observe(&mut self, now: Now, out: &mut Vec<Output>) {
        let speaks = self.ways.choose().speaks;
        let Some(session) = speaks.and_then(|place| self.ways.get(place)) else { return };
        if !Arc::ptr_eq(&self.snapshot.observed, session.observed()) {
            self.snapshot.observe(session.observed());
            self.look(now, out);
        }
    }

    /// Lets the tracker and Home Assistant see the printer as it is now.
    fn look(&mut self, now: Now, out: &mut Vec<Output>) {
        let effects = self.jobs.tracker.observe(now, &self.snapshot);
        self.follow(now, effects, out);
        out.push(Output::Changed);
        self.tell(now, out);
    }

    /// Does what the tracker wants done.
    fn follow(&mut self, now: Now, effects: Effects, out: &mut Vec<Output>) {
        self.wants_everything |= effects.ask_everything;
        if self.jobs.follow(now, effects, self.listener.connected, out) {
            self.snapshot.follow(&self.jobs.levels());
        }
    }

    fn tick(&mut self, now: Now, budgets: &mut dyn Budgets, out: &mut Vec<Output>) {
        for place in self.ways.due(now.mono) {
            self.hear(now, place, session::Input::Tick, budgets, out);
        }
        self.jobs.write_late(now, out);
        if self.jobs.tracker.deadline().is_some_and(|at| at <= now.mono) {
            self.look(now, out);
        } else if self.mirror.deadline().is_some_and(|at| at <= now.mono) {
            self.tell(now, out);
        }
        self.asked.retain(|_, asked| asked.is_awaited(now));
    }

    fn listens(&self) -> bool {
        self.listener.connected && self.listener.told
    }

    /// Tells Home Assistant what is different.
    fn tell(&mut self, now: Now, out: &mut Vec<Output>) {
        if self.listens() {
            let mut publications = Vec::new();
            self.mirror.update(now, &self.snapshot, &mut publications);
            out.extend(publications.into_iter().map(Output::Publish));
        }
    }

    /// Puts the pictures of the job on the local broker, where they are not that already.
    fn tell_pictures(&mut self, out: &mut Vec<Output>) {
        if !self.listens() {
            return;
        }
        let facts = &self.snapshot.known.facts;
        let now = [("cover", &facts.cover), ("pick", &facts.pick)];
        let shown = self.snapshot.policy.privacy.pictures;
        for ((name, picture), told) in now.into_iter().zip(&mut self.listener.pictures) {
            let picture = if shown { picture } else { &Cover::Gone };
            if *picture != Cover::Unknown && picture != told {
                let bytes = picture.picture().map_or_else(Vec::new, |picture| Picture::clone(picture).bytes);
                out.push(Output::Picture(self.topics.image(&self.serial, name), bytes));
                told.clone_from(picture);
            }
        }
    }

    fn on_broker(&mut self, now: Now, broker: Broker, out: &mut Vec<Output>) {
        match broker {
            Broker::Up => (self.listener.connected, self.listener.told) = (true, false),
            Broker::Down => {
                self.listener.connected = false;
                self.jobs.disconnected();
            }
            Broker::Took(number) => self.jobs.delivered(now, number),
            Broker::Tell(earlier) => {
                if let Some(known) = earlier {
                    self.mirror.trust_earlier_discovery(known);
                }
                self.listener =
                    Listener { connected: self.listener.connected, told: true, ..Listener::default() };
                self.mirror.forget();
                self.tell(now, out);
                self.tell_pictures(out);
                // What waited follows, so that who acts on an event finds the states behind it.
                self.jobs.mark_waiting(now, out);
                self.tell_events(now, out);
            }
        }
    }

    /// Tells the events that may leave.
    fn tell_events(&mut self, now: Now, out: &mut Vec<Output>) {
        if self.listens() {
            self.jobs.tell(now, &self.topics, &self.snapshot, out);
        }
    }
}
