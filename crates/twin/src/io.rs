//! What goes into a twin, and what comes out of it.

use std::sync::Arc;

use bambu::access::Access;
use bambu::request::Request;
use bambu::session::Budget;
use homeassistant::topic::{Topics, slug};
use homeassistant::{Names, Publication};
use printer::tracker::TrackerOptions;
use printer::{Facts, JobRecord, Ledger, Namings, Policy, Serial, Task, Texts};

use super::{Note, Place, Recent, Version};

/// What can happen to a printer.
#[derive(Debug)]
pub enum Input<'a> {
    /// It is heard and asked at this place from now on; at another one of the same kind no more.
    Join(Place, &'static Access),
    /// The connection at a place is up, and the printer's topic is subscribed to there.
    Connected(Place),
    /// It is not any more.
    Disconnected(Place),
    /// A message came on the printer's report topic at a place.
    Message(Place, &'a [u8]),
    /// Somebody wants something done.
    Ask(Ask<'a>),
    /// The owner wants something else of it.
    Policy(Arc<Policy>),
    /// What the account's cloud knows of it.
    Facts(Arc<Facts>),
    /// The cloud's answer to [`Output::AskCloud`], newest first; an error is that there was none.
    Tasks(Result<&'a [Arc<Task>], ()>),
    /// Tasks of the cloud from before those that it told first, newest first: for the history alone.
    Older(&'a [Arc<Task>]),
    /// How its AMS units are named, decided over all printers.
    Namings(Arc<Namings>),
    /// Another printer's announcement of this device stands on the broker, and the device is this printer's.
    Announce(&'a str),
    /// What errors are explained with.
    Texts(Arc<Texts>),
    /// What its energy meter shows, kWh.
    Energy(f64),
    /// What became of the ledger.
    Disk(Disk),
    /// What became of the local broker.
    Broker(Broker),
    /// Nobody will look at it for a while: the program ends, or the printer is not used any more.
    Leave,
    /// The time of [`Twin::deadline`](super::Twin::deadline) has come.
    Tick,
}

/// A message on one of the printer's command topics.
#[derive(Debug, Clone, Copy)]
pub enum Ask<'a> {
    /// To an entity, by its key.
    Set {
        /// The key, as it stands in topics.
        key: &'a str,
        /// What Home Assistant sends for that platform.
        payload: &'a [u8],
    },
    /// An action.
    Action {
        /// As it stands in topics.
        key: &'a str,
        /// Its name.
        name: &'a str,
        /// A JSON object.
        payload: &'a [u8],
    },
}

/// What became of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disk {
    /// The disk was handed the ledger as it is now, and calls it so.
    Handed(Version),
    /// It has this version, and thereby all before it.
    Stored(Version),
    /// It refused this version, which is tried again.
    Refused(Version),
}

/// What became of the local broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broker {
    /// It is there and may know nothing of the printer, or Home Assistant may have missed it: nothing more is told
    /// until [`Broker::Tell`].
    Up,
    /// It is gone.
    Down,
    /// Tell it everything. With it: whether it has announcements of an earlier run, if that was looked up.
    Tell(Option<bool>),
    /// It has acknowledged the event of this number.
    Took(u64),
}

/// What should be done, in this order.
#[derive(Debug)]
pub enum Output {
    /// Ask the printer at a place.
    Request(Place, Request),
    /// [`Twin::snapshot`](super::Twin::snapshot) is not what it was.
    Changed,
    /// Publish this, retained: its kind is none of a moment.
    Publish(Publication),
    /// Publish these bytes, retained; none take the topic off the broker.
    Picture(String, Vec<u8>),
    /// Publish this once, for whoever listens.
    Tell(Publication),
    /// Publish this once, and bring back [`Broker::Took`] with the number when the broker has acknowledged it.
    Event(u64, Publication),
    /// Publish this once, `QoS` 1.
    Trigger(Publication),
    /// Hand [`Twin::ledger`](super::Twin::ledger) to the disk, and bring back [`Disk::Handed`].
    Store,
    /// Append this job to the history.
    History(Box<JobRecord>),
    /// Ask the cloud for its list of tasks, and bring back [`Input::Tasks`], also when there is no answer.
    AskCloud {
        /// What is told of a job waits for the answer.
        decides: bool,
    },
    /// The history was begun with the cloud's list: bring what came before that as [`Input::Older`].
    AskOlder,
    /// Worth a line in the log.
    Log(Note),
}

/// Who pays for what is sent: each connection has a budget of its own.
pub trait Budgets {
    /// The budget of the connection at a place.
    fn at(&mut self, place: Place) -> &mut Budget;
}

impl Budgets for Budget {
    fn at(&mut self, _: Place) -> &mut Budget {
        self
    }
}

/// What a twin begins with.
#[derive(Debug)]
pub struct Setup<'a> {
    /// The serial number.
    pub serial: Serial,
    /// What the cloud calls the model: by its code, and by its name; may be empty.
    pub cloud_names: [&'a str; 2],
    /// Where its requests begin to count; other clients use 20000 to 29999.
    pub sequence: u32,
    /// What the owner wants of it.
    pub policy: Arc<Policy>,
    /// What errors are explained with.
    pub texts: Arc<Texts>,
    /// Where its ledger ended; an empty one is a printer that was never seen.
    pub ledger: Ledger,
    /// What the history has of it.
    pub recent: Recent,
    /// What the tracker is to hold to.
    pub options: TrackerOptions,
    /// The topics of the local broker.
    pub topics: Arc<Topics>,
    /// What its entity ids begin with.
    pub slug: String,
    /// What its entities are called.
    pub names: Names,
    /// Whether it is announced to Home Assistant.
    pub discovery: bool,
    /// Whether all values are also told as one document.
    pub document: bool,
    /// Whether somebody names the AMS units of all printers ([`Input::Namings`]); none is announced before that.
    pub named: bool,
}

impl<'a> Setup<'a> {
    /// A printer that nobody has met yet, announced under its name.
    pub fn new(serial: Serial, cloud_names: [&'a str; 2], policy: Policy, topics: &Arc<Topics>) -> Self {
        Self {
            serial,
            cloud_names,
            sequence: 40_000,
            slug: slug(&policy.name),
            policy: Arc::new(policy),
            texts: Texts::bundled(),
            ledger: Ledger::default(),
            recent: Recent::default(),
            options: TrackerOptions::default(),
            topics: Arc::clone(topics),
            names: Names::default(),
            discovery: true,
            document: false,
            named: false,
        }
    }
}
