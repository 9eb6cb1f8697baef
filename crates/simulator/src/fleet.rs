//! All printers of the demo in their places: gives each its turn once a second, hands it requests, and takes
//! it off the net when a test pulls its plug.
use super::model::Model;
use super::printer::Printer;
use super::recording::Player;
use mqtt5::QoS;
use mqtt5::broker::router::MessageRouter;
use mqtt5::packet::publish::PublishPacket;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// Turns in a second: printers take theirs in one of these, so that reports come evenly spread.
const TURNS: usize = 50;
const SECOND: Duration = Duration::from_secs(1);
/// What the demo takes for the time when it starts, in milliseconds since 1970; it then counts turns.
const EPOCH_MS: u64 = 1_780_000_000_000;

/// What the cloud says opens a printer in the house; as the real one, with a line break after it.
pub(super) const ACCESS_CODE: &str = "73519246";

/// A message on its way to the broker.
pub(super) type Outgoing = (Arc<str>, Vec<u8>);

/// Whether the cloud hears of a printer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    Online,
    /// Without power; in so many seconds the cloud notices.
    Lost(u32),
    Offline,
}

/// Who sits in a place.
enum Actor {
    Simulated(Box<Printer>),
    Recorded(Box<Player>),
}

impl Actor {
    fn serial(&self) -> &str {
        match self {
            Self::Simulated(printer) => printer.serial(),
            Self::Recorded(player) => player.serial(),
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Simulated(printer) => printer.name(),
            Self::Recorded(player) => player.name(),
        }
    }

    fn model(&self) -> Option<Model> {
        match self {
            Self::Simulated(printer) => Some(printer.model()),
            Self::Recorded(player) => player.model(),
        }
    }

    fn state(&self) -> String {
        match self {
            Self::Simulated(printer) => printer.state().to_owned(),
            Self::Recorded(player) => player.state(),
        }
    }

    /// Adds what it says in a second, and gives how much of that are reports.
    fn tick(&mut self, messages: &mut Vec<Vec<u8>>) -> usize {
        let before = messages.len();
        let answers = match self {
            Self::Simulated(printer) => {
                let owed = printer.owed();
                printer.tick(SECOND, messages);
                owed - printer.owed()
            }
            Self::Recorded(player) => {
                player.tick(SECOND, messages);
                0
            }
        };
        messages.len() - before - answers
    }

    /// A second without power.
    fn sleep(&mut self) {
        if let Self::Simulated(printer) = self {
            printer.sleep(SECOND);
        }
    }

    /// The number of its task in the cloud, 0 without one.
    fn task(&self) -> u64 {
        match self {
            Self::Simulated(printer) => printer.task().map_or(0, |task| task.ids.listed()),
            Self::Recorded(_) => 0,
        }
    }

    fn handle(&mut self, request: &[u8]) -> Vec<Vec<u8>> {
        match self {
            Self::Simulated(printer) => printer.handle(request),
            Self::Recorded(player) => player.handle(request),
        }
    }
}

struct Seat {
    actor: Actor,
    topic: Arc<str>,
    presence: Presence,
    /// Announce `client.connected` on the next turn.
    returned: bool,
}

/// The printers bound to the account.
pub(super) struct Fleet {
    seats: Mutex<Vec<Seat>>,
    places: HashMap<String, usize>,
    /// Printers that are bound to somebody else now, or to nobody.
    unbound: Mutex<HashSet<String>>,
    /// Names that their owner gave them since.
    names: Mutex<HashMap<String, String>>,
    turns: AtomicU64,
    reports: AtomicU64,
}

fn event(name: &str, key: &str, milliseconds: u64) -> Vec<u8> {
    json!({"event": {"event": name, key: milliseconds.to_string()}}).to_string().into_bytes()
}

impl Fleet {
    /// Recordings and printers, and those that have no power to begin with.
    pub(super) fn new(players: Vec<Player>, printers: Vec<Printer>, off: Vec<Printer>) -> Self {
        let simulated = |printer: Printer| Actor::Simulated(Box::new(printer));
        let players = players.into_iter().map(|player| Actor::Recorded(Box::new(player)));
        let online = players.chain(printers.into_iter().map(simulated));
        let offline = off.into_iter().map(simulated);
        let seats: Vec<Seat> = online
            .map(|actor| (actor, Presence::Online))
            .chain(offline.map(|actor| (actor, Presence::Offline)))
            .map(|(actor, presence)| Seat {
                topic: format!("device/{}/report", actor.serial()).into(),
                actor,
                presence,
                returned: false,
            })
            .collect();
        let places = seats.iter().enumerate().map(|(place, seat)| (seat.actor.serial().to_owned(), place));
        let places = places.collect();
        Self {
            seats: Mutex::new(seats),
            places,
            unbound: Mutex::default(),
            names: Mutex::default(),
            turns: AtomicU64::new(0),
            reports: AtomicU64::new(0),
        }
    }

    fn seats(&self) -> MutexGuard<'_, Vec<Seat>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with_seat<R>(&self, serial: &str, act: impl FnOnce(&mut Seat) -> R) -> Option<R> {
        let place = *self.places.get(serial)?;
        self.seats().get_mut(place).map(act)
    }

    /// Whether a printer of this serial is bound to the account.
    pub(super) fn has(&self, serial: &str) -> bool {
        self.places.contains_key(serial) && !self.unbound().contains(serial)
    }

    fn unbound(&self) -> MutexGuard<'_, HashSet<String>> {
        self.unbound.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn names(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a printer out of the account.
    pub(super) fn unbind(&self, serial: &str) {
        self.unbound().insert(serial.to_owned());
    }

    /// Puts it back.
    pub(super) fn bind(&self, serial: &str) {
        self.unbound().remove(serial);
    }

    /// Gives it another name in the account.
    pub(super) fn rename(&self, serial: &str, name: &str) {
        self.names().insert(serial.to_owned(), name.to_owned());
    }

    pub(super) fn serials(&self) -> Vec<String> {
        self.seats().iter().map(|seat| seat.actor.serial().to_owned()).collect()
    }

    /// Reports sent so far.
    pub(super) fn reports(&self) -> u64 {
        self.reports.load(Ordering::Relaxed)
    }

    /// The serial in a topic of a printer bound here, when the topic ends like that.
    pub(super) fn serial_of<'a>(&self, topic: &'a str, end: &str) -> Option<&'a str> {
        let serial = topic.strip_prefix("device/")?.strip_suffix(end)?;
        self.has(serial).then_some(serial)
    }

    /// Looks at a simulated printer or changes it.
    pub(super) fn with_printer<R>(&self, serial: &str, act: impl FnOnce(&mut Printer) -> R) -> Option<R> {
        self.with_seat(serial, |seat| match &mut seat.actor {
            Actor::Simulated(printer) => Some(act(printer)),
            Actor::Recorded(_) => None,
        })?
    }

    /// The names of the printers of which the cloud hears nothing.
    pub(super) fn absent(&self) -> Vec<String> {
        let seats = self.seats();
        let absent = seats.iter().filter(|seat| seat.presence == Presence::Offline);
        absent.map(|seat| seat.actor.name().to_owned()).collect()
    }

    /// Pulls the plug; the cloud notices after so many seconds.
    pub(super) fn power_off(&self, serial: &str, noticed_after: u32) {
        self.with_seat(serial, |seat| seat.presence = Presence::Lost(noticed_after));
    }

    pub(super) fn power_on(&self, serial: &str) {
        self.with_seat(serial, |seat| {
            seat.returned = seat.presence != Presence::Online;
            seat.presence = Presence::Online;
        });
    }

    /// The account's list of devices.
    pub(super) fn devices(&self) -> Vec<Value> {
        let names = self.names();
        let describe = |seat: &Seat| {
            let model = seat.actor.model();
            json!({
                "dev_id": seat.actor.serial(),
                "name": names.get(seat.actor.serial()).map_or(seat.actor.name(), String::as_str),
                "online": seat.presence != Presence::Offline,
                "print_status": match seat.actor.state().as_str() {
                    "FINISH" => "SUCCESS",
                    "PREPARE" => "RUNNING",
                    other => other,
                },
                "dev_model_name": model.map_or("", Model::code),
                "dev_product_name": model.map_or("", Model::product_name),
                "dev_access_code": format!("{ACCESS_CODE}\n"),
                "nozzle_diameter": 0.4,
                "print_job": seat.actor.task(),
                "dev_structure": model.map_or("", Model::structure),
            })
        };
        self.seats().iter().filter(|seat| self.has(seat.actor.serial())).map(describe).collect()
    }

    /// One turn, a fiftieth of a second: the printers whose turn it is live through their last second.
    pub(super) fn turn(&self, messages: &mut Vec<Outgoing>) {
        let turn = self.turns.fetch_add(1, Ordering::Relaxed);
        let now = EPOCH_MS + turn * 1000 / TURNS as u64;
        let mut payloads = Vec::new();
        // A stride that shares no factor with the number of turns spreads neighbours out.
        let mine = |place: usize| place * 17 % TURNS == usize::try_from(turn).unwrap_or_default() % TURNS;
        for (_, seat) in self.seats().iter_mut().enumerate().filter(|(place, _)| mine(*place)) {
            if seat.presence != Presence::Online {
                seat.actor.sleep();
            }
            match seat.presence {
                Presence::Online => {
                    if std::mem::take(&mut seat.returned) {
                        payloads.push(event("client.connected", "connected_at", now));
                    }
                    let reports = seat.actor.tick(&mut payloads);
                    self.reports.fetch_add(reports as u64, Ordering::Relaxed);
                }
                Presence::Lost(0) => {
                    seat.presence = Presence::Offline;
                    payloads.push(event("client.disconnected", "disconnected_at", now));
                }
                Presence::Lost(seconds) => seat.presence = Presence::Lost(seconds - 1),
                Presence::Offline => {}
            }
            messages.extend(payloads.drain(..).map(|payload| (Arc::clone(&seat.topic), payload)));
        }
    }

    /// Hands a request to a printer, if it has power.
    pub(super) fn request(&self, serial: &str, request: &[u8], messages: &mut Vec<Outgoing>) {
        self.with_seat(serial, |seat| {
            if seat.presence == Presence::Online {
                let answers = seat.actor.handle(request);
                messages.extend(answers.into_iter().map(|answer| (Arc::clone(&seat.topic), answer)));
            }
        });
    }
}

/// Lets the printers live and speak until told to stop.
pub(super) async fn run(
    fleet: Arc<Fleet>,
    router: Arc<MessageRouter>,
    mut requests: UnboundedReceiver<(String, Vec<u8>)>,
    stop: CancellationToken,
) {
    let mut interval = tokio::time::interval(SECOND / u32::try_from(TURNS).unwrap_or(1));
    interval.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut messages = Vec::new();
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            Some((serial, request)) = requests.recv() => fleet.request(&serial, &request, &mut messages),
            _ = interval.tick() => fleet.turn(&mut messages),
        }
        for (topic, payload) in messages.drain(..) {
            let packet = PublishPacket::new_v311(&*topic, payload, QoS::AtMostOnce);
            router.route_message(&packet, None).await;
        }
    }
}
