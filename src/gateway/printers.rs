//! The table of printers: routes what happens to the twin that it concerns, carries out what that wants, and wakes
//! each when its time has come.
//!
//! Must not know: what any of it means to a printer.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use tracing::{debug, info, warn};

use super::account::Account;
use super::channel::Channel;
use super::fleet::Missed;
use super::{AccountId, Gateway, PRINTER_TIME, SHORTEST_TURN};
use crate::config::Raw;
use crate::mqtt::Message;
use bambu::session::Budget;
use homeassistant::Publication;
use printer::{Now, Serial};
use twin::{Broker, Budgets, Disk, Input, Level, Note, Output, Place, Standing, Twin};

/// One printer, and what the gateway has to remember of it.
pub(super) struct Printer {
    pub(super) twin: Twin,
    /// The account that it is used by.
    pub(super) account: AccountId,
    /// What it counts as in the gateway's own device.
    pub(super) standing: Standing,
    /// The cloud's lists do not have it any more; the next ones decide.
    pub(super) missed: Option<Missed>,
    /// Whether this connection's broker was asked for what an earlier run announced of it.
    pub(super) looked_up: bool,
    /// When all of it was heard for the first time.
    pub(super) whole_since: Option<Duration>,
    /// Its place in the queue of those who wait.
    wake: Option<(Duration, u64)>,
}

impl Printer {
    /// From when on an AMS that it does not list counts as gone.
    pub(super) fn judged_at(&self) -> Option<Duration> {
        self.whole_since.map(|since| since + PRINTER_TIME)
    }
}

/// All printers.
#[derive(Default)]
pub(super) struct Printers {
    /// Boxed: a map keeps room for eleven at a time, and one is kilobytes.
    map: BTreeMap<Serial, Box<Printer>>,
    /// Whose time comes when. The number makes those wait their turn who want the same moment, or the first would
    /// take every message that may be sent.
    queue: BTreeSet<(Duration, u64, Serial)>,
    next: u64,
}

impl Printers {
    pub(super) fn add(&mut self, serial: Serial, account: AccountId, twin: Twin) {
        let standing = Standing::default();
        let printer = Printer {
            twin,
            account,
            standing,
            missed: None,
            looked_up: false,
            whole_since: None,
            wake: None,
        };
        self.map.insert(serial, Box::new(printer));
    }

    pub(super) fn remove(&mut self, serial: &Serial) -> Option<Box<Printer>> {
        let printer = self.map.remove(serial)?;
        if let Some((at, number)) = printer.wake {
            self.queue.remove(&(at, number, serial.clone()));
        }
        Some(printer)
    }

    pub(super) fn get(&self, serial: &Serial) -> Option<&Printer> {
        self.map.get(serial).map(|printer| &**printer)
    }

    pub(super) fn get_mut(&mut self, serial: &Serial) -> Option<&mut Printer> {
        self.map.get_mut(serial).map(|printer| &mut **printer)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Serial, &Printer)> {
        self.map.iter().map(|(serial, printer)| (serial, &**printer))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&Serial, &mut Printer)> {
        self.map.iter_mut().map(|(serial, printer)| (serial, &mut **printer))
    }

    pub(super) fn len(&self) -> usize {
        self.map.len()
    }

    pub(super) fn serials(&self) -> Vec<Serial> {
        self.map.keys().cloned().collect()
    }

    /// Those that are heard at a place.
    pub(super) fn at(&self, place: Place) -> Vec<Serial> {
        let there = self.map.iter().filter(|(_, printer)| printer.twin.is_at(place));
        there.map(|(serial, _)| serial.clone()).collect()
    }

    /// How many count as something.
    pub(super) fn count(&self, so: impl Fn(&Standing) -> bool) -> usize {
        self.map.values().filter(|printer| so(&printer.standing)).count()
    }

    /// When the first of them wants to be looked at.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.queue.first().map(|(at, ..)| *at)
    }

    /// The next one whose time has come.
    fn pop_due(&mut self, now: Now) -> Option<Serial> {
        if self.deadline()? > now.mono {
            return None;
        }
        let (.., serial) = self.queue.pop_first()?;
        if let Some(printer) = self.map.get_mut(&serial) {
            printer.wake = None;
        }
        Some(serial)
    }

    /// Puts a printer where its deadline belongs.
    fn schedule(&mut self, now: Now, serial: &Serial) {
        let Some(printer) = self.map.get_mut(serial) else { return };
        let at = printer.twin.deadline().map(|at| at.max(now.mono + SHORTEST_TURN));
        if printer.wake.map(|(at, _)| at) == at {
            return;
        }
        if let Some((at, number)) = printer.wake.take() {
            self.queue.remove(&(at, number, serial.clone()));
        }
        if let Some(at) = at {
            self.next += 1;
            printer.wake = Some((at, self.next));
            self.queue.insert((at, self.next, serial.clone()));
        }
    }
}

/// The budgets of all channels.
struct Channels<'a> {
    accounts: &'a mut BTreeMap<AccountId, Account>,
    /// Of a place that is gone, where nothing can be sent.
    none: Budget,
}

impl Budgets for Channels<'_> {
    fn at(&mut self, place: Place) -> &mut Budget {
        channel_mut(self.accounts, place).map_or(&mut self.none, Channel::budget_mut)
    }
}

/// The channel to a place, of whatever kind it is: the one answer to where a place is.
pub(super) fn channel_mut(accounts: &mut BTreeMap<AccountId, Account>, place: Place) -> Option<&mut Channel> {
    accounts.get_mut(&place).map(|account| &mut account.channel)
}

impl Gateway {
    /// Tells a printer's twin of something, and carries out what it wants done.
    pub(super) fn give(&mut self, now: Now, serial: &Serial, input: Input<'_>) {
        let mut outputs = std::mem::take(&mut self.outputs);
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let Some(printer) = self.printers.get_mut(serial) else { break };
            let mut channels = Channels { accounts: &mut self.accounts, none: Budget::default() };
            printer.twin.handle(now, input, &mut channels, &mut outputs);
            self.carry_out(now, serial, &mut outputs, &mut inputs);
        }
        self.outputs = outputs;
        self.printers.schedule(now, serial);
    }

    /// The same for all printers.
    pub(super) fn give_all(&mut self, now: Now, input: impl Fn() -> Input<'static>) {
        for serial in self.printers.serials() {
            self.give(now, &serial, input());
        }
    }

    /// Wakes those whose time has come.
    pub(super) fn wake_printers(&mut self, now: Now) {
        while let Some(serial) = self.printers.pop_due(now) {
            self.give(now, &serial, Input::Tick);
        }
    }

    /// Does what a twin wants done; what comes of it at once goes into `answers`.
    pub(super) fn carry_out(
        &mut self,
        now: Now,
        serial: &Serial,
        outputs: &mut Vec<Output>,
        answers: &mut VecDeque<Input<'_>>,
    ) {
        let mut publications = Vec::new();
        for output in outputs.drain(..) {
            if let Output::Publish(publication) = output {
                publications.push(publication);
                continue;
            }
            // In the order in which they are wanted.
            self.publish_of(now, publications.drain(..));
            match output {
                Output::Publish(_) => {}
                Output::Request(place, request) => self.request(serial, place, request),
                Output::Changed => self.on_changed(now, serial, answers),
                Output::Picture(topic, bytes) => self.local.outbox().set(topic, bytes),
                Output::Tell(Publication { topic, payload, .. }) => {
                    self.local.outbox().send(Message::new(topic, payload));
                }
                Output::Event(number, Publication { topic, payload, .. }) => {
                    let message = Message::new(topic, payload).at_least_once();
                    if let Some(token) = self.local.outbox().send(message) {
                        self.flying.insert(token, (serial.clone(), number));
                    }
                }
                Output::Trigger(Publication { topic, payload, .. }) => {
                    self.local.outbox().send(Message::new(topic, payload).at_least_once());
                }
                Output::Store => {
                    if let Some(printer) = self.printers.get(serial) {
                        let version = self.records.store(serial, printer.twin.ledger());
                        answers.push_back(Input::Disk(Disk::Handed(version)));
                    }
                }
                Output::History(job) => {
                    let name =
                        self.printers.get(serial).map(|printer| printer.twin.snapshot().name().clone());
                    self.records.append(serial, &name.unwrap_or_default(), *job);
                }
                Output::AskCloud { decides } => self.facts.want_tasks(now, serial, decides),
                Output::AskOlder => self.facts.want_older(now, serial),
                Output::Log(note) => {
                    if let Some(printer) = self.printers.get(serial) {
                        log(printer.twin.snapshot().name(), &note);
                    }
                }
            }
        }
        self.publish_of(now, publications.drain(..));
    }

    fn request(&mut self, serial: &Serial, place: Place, request: bambu::request::Request) {
        let Some(channel) = channel_mut(&mut self.accounts, place) else { return };
        let payload = (self.config.mqtt.raw == Raw::Full).then(|| request.payload.clone());
        let sent = channel.send(serial, request);
        if let Some(payload) = payload.filter(|_| sent) {
            self.mirror_raw(self.topics.raw_request(serial), payload);
        }
    }

    /// A printer is not as it was.
    fn on_changed(&mut self, now: Now, serial: &Serial, answers: &mut VecDeque<Input<'_>>) {
        let Some(printer) = self.printers.get_mut(serial) else { return };
        let standing = printer.twin.standing();
        self.view_changed |= std::mem::replace(&mut printer.standing, standing) != standing;
        let snapshot = printer.twin.snapshot();
        if snapshot.contact.whole {
            printer.whole_since.get_or_insert(now.mono);
        }
        self.facts.observe(now, serial, snapshot);
        self.units.look(now, snapshot);
        answers.extend(self.name_units(now, Some(serial)));
    }

    /// The local broker may know nothing of the printers, or Home Assistant may have missed them.
    pub(super) fn tell_printers_again(&mut self, now: Now) {
        self.give_all(now, || Input::Broker(Broker::Up));
        // An AMS that moved is announced by both printers while the one it left is off: the one that is on
        // has the last word.
        let (online, offline): (Vec<_>, Vec<_>) = self.printers.iter().partition(|(_, p)| p.standing.online);
        self.resync = offline.into_iter().chain(online).map(|(serial, _)| serial.clone()).collect();
    }
}

fn log(printer: &str, note: &Note) {
    let level = note.level();
    match note {
        Note::Event(event) => {
            let job = event.job.as_ref().and_then(|job| job.name.as_deref()).unwrap_or_default();
            let what = event.kind.word();
            if level == Level::Info {
                info!(printer, job, late = event.late, "print {what}");
            } else {
                debug!(printer, job, "{what}");
            }
        }
        Note::Outcome { key, word, reason: Some(reason) } => {
            warn!(printer, key, outcome = word, reason, "command");
        }
        Note::Outcome { key, word, reason: None } => debug!(printer, key, outcome = word, "command"),
        Note::Protocol(_) | Note::Overflow if level == Level::Warn => warn!(printer, "{note}"),
        Note::Protocol(_) | Note::Overflow => debug!(printer, "{note}"),
    }
}
