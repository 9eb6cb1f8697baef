//! What Home Assistant gets to see: discovery, values, and which of them changed.
//!
//! A [`Mirror`] remembers what was last published of one printer and turns a new
//! [`Snapshot`] into the publications that make the difference.
//! Must not know: Bambu's field names, sockets, retries.

pub mod action;
mod bridge;
pub mod catalog;
pub mod command;
pub mod discovery;
pub mod entity;
pub mod event;
mod publication;
pub mod topic;

use std::ops::Range;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use printer::{Ams, ExternalSpool, Now, Reach, Serial, Slot, Snapshot};

pub use bridge::{AccountNews, AccountState, AccountView, Bridge, BridgeCommand, BridgeMirror};
use catalog::{AMS, EXTERNAL, PRINTER, SLOT};
use discovery::TRIGGER;
pub use discovery::account_key;
use entity::{Entity, Platform, Published, Subject};
pub use publication::{Kind, Publication};
use topic::{Part, Topics};

/// What was last published of one row.
#[derive(Debug, Clone, Default)]
struct Cell {
    value: Published,
    /// When, for rows that may not be published often, in whole seconds.
    at: u32,
    /// Of its attributes only a hash, to know whether the next ones differ.
    attributes: u64,
}

fn hash(text: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// A printer that has said nothing new for so long is told exactly, without dead bands.
const SETTLED: Duration = Duration::from_secs(60);

/// Publishes what differs of one subject's rows.
struct Rows<'a, T: Subject + 'static> {
    table: &'static [Entity<T>],
    cells: &'a mut [Cell],
    topic: &'a dyn Fn(&str) -> String,
    /// When small differences count too.
    settles: Duration,
    /// When the first of what is held back is due.
    held: &'a mut Option<Duration>,
}

impl<T: Subject> Rows<'_, T> {
    fn publish(
        mut self,
        now: Now,
        subject: &T,
        before: Option<&T>,
        wanted: impl Fn(usize) -> bool,
        out: &mut Vec<Publication>,
    ) {
        for (index, (row, cell)) in self.table.iter().zip(std::mem::take(&mut self.cells)).enumerate() {
            if !wanted(index) {
                // The subject lost it: nothing of it stays on the broker.
                if cell.value != Published::Never {
                    cell.value = Published::Never;
                    let mut gone = Vec::new();
                    Self::topics(std::slice::from_ref(row), self.topic, &mut gone);
                    remove_topics(gone, out);
                }
                continue;
            }
            let value = (row.read)(subject);
            let first = cell.value == Published::Never;
            let deadband = if now.mono >= self.settles { 0.0 } else { row.deadband };
            if cell.value.differs(value.as_ref(), deadband) {
                let next = Duration::from_secs(cell.at.into()) + row.at_most_each;
                let early = !row.at_most_each.is_zero() && now.mono < next;
                if first || value.is_none() || !early {
                    cell.value = Published::from(value.as_ref());
                    cell.at = u32::try_from(now.mono.as_secs()).unwrap_or(u32::MAX);
                    out.push(Publication::new(Kind::Value, (self.topic)(row.key), cell.value.to_string()));
                } else {
                    self.hold(next);
                }
            } else if deadband > 0.0 && cell.value.differs(value.as_ref(), 0.0) {
                self.hold(self.settles);
            }
            if let Some(details) = &row.attributes
                && (first || before.is_none_or(|before| (details.differ)(before, subject)))
            {
                let payload = (details.make)(subject).to_string();
                let new = hash(&payload);
                if first || cell.attributes != new {
                    cell.attributes = new;
                    let topic = format!("{}/attributes", (self.topic)(row.key));
                    out.push(Publication::new(Kind::Attributes, topic, payload));
                }
            }
        }
    }

    /// Something is told then, and not now.
    fn hold(&mut self, until: Duration) {
        *self.held = Some(self.held.map_or(until, |held| held.min(until)));
    }

    /// Every topic that these rows have.
    fn topics(table: &[Entity<T>], topic: &dyn Fn(&str) -> String, out: &mut Vec<String>) {
        for row in table {
            if matches!(row.platform, Platform::Image) {
                out.push(topic(&topic::image(row.key)));
            }
            if !row.platform.has_value() {
                continue;
            }
            let value = topic(row.key);
            if row.attributes.is_some() {
                out.push(format!("{value}/attributes"));
            }
            out.push(value);
        }
    }
}

/// Which rows of the printer's table publish a value: a control shares the topic of the sensor with
/// its key, buttons and events have none, and a picture is no text.
static PUBLISHES: LazyLock<Vec<bool>> = LazyLock::new(|| publishing(&PRINTER));
static AMS_KEYS: LazyLock<Vec<&str>> = LazyLock::new(|| AMS.iter().map(|row| row.key).collect());
static EXTERNAL_KEYS: LazyLock<Vec<&str>> = LazyLock::new(|| EXTERNAL.iter().map(|row| row.key).collect());
static AMS_PUBLISHES: LazyLock<Vec<bool>> = LazyLock::new(|| publishing(AMS));
static SLOT_PUBLISHES: LazyLock<Vec<bool>> = LazyLock::new(|| publishing(SLOT));
static EXTERNAL_PUBLISHES: LazyLock<Vec<bool>> = LazyLock::new(|| publishing(EXTERNAL));

fn publishing<T: Subject>(table: &[Entity<T>]) -> Vec<bool> {
    let with_value = |at| table.iter().take(at).filter(|earlier: &&Entity<T>| earlier.platform.has_value());
    let shared = |at: usize, key: &str| with_value(at).any(|earlier| earlier.key == key);
    let own = |(at, row): (usize, &Entity<T>)| row.platform.has_value() && !shared(at, row.key);
    table.iter().enumerate().map(own).collect()
}

/// A device below the printer: an AMS unit or an external spool.
struct Child {
    part: Part,
    device: String,
    announced: Option<Announced>,
    cells: Vec<Cell>,
    /// Cells of the slots, one table after the other.
    slot_cells: Vec<Cell>,
    slots: usize,
    /// Its rows must be gone through: the shape changed, or something of it shall be told again.
    stale: bool,
    /// When the first of what is held back of it is due.
    held: Option<Duration>,
}

/// What was last announced of a device, to see whether that changed and what must be taken back.
struct Announced {
    /// The component ids, space-separated: small to keep and rarely read.
    components: Box<str>,
    hash: u64,
}

impl Announced {
    fn of(message: &discovery::Message, payload: &str) -> Self {
        let components = message.components().collect::<Vec<_>>().join(" ");
        Self { components: components.into(), hash: hash(payload) }
    }
}

/// What Home Assistant was told of one printer.
pub struct Mirror {
    topics: Arc<Topics>,
    serial: Serial,
    slug: String,
    discovery: bool,
    earlier_known: bool,
    snapshot: Option<Snapshot>,
    /// When the snapshot last was another one.
    changed: Duration,
    /// When the first of what is held back of the printer's own rows is due.
    held: Option<Duration>,
    online: Option<bool>,
    announced: Option<Announced>,
    /// Which rows publish a value; another only with the shape.
    shown: Box<[bool]>,
    cells: Box<[Cell]>,
    children: Vec<Child>,
    document: Option<Document>,
}

/// The document of all values, where it is wanted.
#[derive(Default)]
struct Document {
    /// A value is another than in the last one.
    due: bool,
    /// When that was told.
    told: Option<Duration>,
}

/// Longest rate of the document of all values.
const DOCUMENT_EACH: Duration = Duration::from_secs(1);

impl Mirror {
    /// A printer of which nothing was told yet; `slug` begins its entity ids.
    pub fn new(topics: Arc<Topics>, serial: Serial, slug: String, discovery: bool) -> Self {
        let cells = vec![Cell::default(); PRINTER.len()].into();
        Self {
            topics,
            serial,
            slug,
            discovery,
            earlier_known: false,
            snapshot: None,
            changed: Duration::ZERO,
            held: None,
            online: None,
            announced: None,
            shown: Box::default(),
            cells,
            children: Vec::new(),
            document: None,
        }
    }

    /// Also tells all values as one JSON document (`json_state` of the configuration), or not.
    #[must_use]
    pub fn with_document(mut self, wanted: bool) -> Self {
        self.document = wanted.then(Document::default);
        self
    }

    /// When the next [`Mirror::update`] has something to tell though the printer may be the same: what is not told
    /// often, or only when nothing new comes, and a document that came too soon after the last one.
    pub fn deadline(&self) -> Option<Duration> {
        let document = self.document.as_ref().filter(|document| document.due);
        let document = document.and_then(|document| Some(document.told? + DOCUMENT_EACH));
        let children = self.children.iter().filter_map(|child| child.held);
        self.held.into_iter().chain(document).chain(children).min()
    }

    /// Tells what changed, discovery first, then values, then availability.
    ///
    /// ```
    /// use std::{sync::Arc, time::Duration};
    /// use homeassistant::{Mirror, topic::Topics};
    /// use printer::{Identity, Now, Reach, Serial, Snapshot};
    ///
    /// let topics = Topics { base: "bambu2mqtt".into(), discovery: "homeassistant".into(), id_prefix: "bambu2mqtt".into() };
    /// let serial = Serial::new("01P00A000000001");
    /// let mut snapshot = Snapshot::unheard("Garage", Identity::new("01P00A000000001", "P1S"));
    /// snapshot.reach = Reach::Online;
    /// let mut mirror = Mirror::new(Arc::new(topics), serial, "garage".into(), true);
    /// let now = Now { mono: Duration::ZERO, wall: jiff::Timestamp::UNIX_EPOCH };
    /// let mut out = Vec::new();
    /// mirror.update(now, &snapshot, &mut out);
    /// assert!(out.iter().any(|p| p.topic == "bambu2mqtt/01P00A000000001/availability" && p.payload == "online"));
    ///
    /// out.clear();
    /// mirror.update(now, &snapshot, &mut out);
    /// assert!(out.is_empty(), "what did not change is not told again");
    /// ```
    pub fn update(&mut self, now: Now, snapshot: &Snapshot, out: &mut Vec<Publication>) {
        let first = out.len();
        let before = self.snapshot.replace(snapshot.clone());
        if before.as_ref().is_none_or(|before| !before.is(snapshot)) {
            self.changed = now.mono;
        }
        let settles = self.changed + SETTLED;
        let before = before.as_ref();
        if self.announced.is_none() || before.is_none_or(|before| shape_differs(before, snapshot)) {
            self.shown = shown(snapshot).collect();
            self.announce(snapshot, out);
            for child in &mut self.children {
                child.stale = true;
            }
        }
        debug_assert!(
            shown(snapshot).eq(self.shown.iter().copied()),
            "the shape decides which rows there are"
        );
        let (topics, serial) = (&self.topics, &self.serial);
        self.held = None;
        let rows = Rows {
            table: &PRINTER,
            cells: &mut self.cells,
            topic: &|key| topics.value(serial, Part::Printer, key),
            settles,
            held: &mut self.held,
        };
        let wanted = |index: usize| self.shown.get(index) == Some(&true);
        rows.publish(now, snapshot, before, wanted, out);
        self.update_children(now, snapshot, before, settles, out);
        let online = snapshot.reach == Reach::Online;
        if self.online != Some(online) {
            self.online = Some(online);
            let payload = if online { "online" } else { "offline" };
            out.push(Publication::new(Kind::Availability, self.topics.availability(&self.serial), payload));
        }
        self.update_document(now, first, out);
    }

    /// Tells the document of all values, if one of those told since `first` is among them.
    fn update_document(&mut self, now: Now, first: usize, out: &mut Vec<Publication>) {
        let Some(document) = self.document.as_mut() else { return };
        let shows = |p: &Publication| matches!(p.kind, Kind::Value | Kind::Availability | Kind::Removed);
        document.due |= out.iter().skip(first).any(shows);
        if document.due && document.told.is_none_or(|told| now.mono >= told + DOCUMENT_EACH) {
            *document = Document { due: false, told: Some(now.mono) };
            let values = self.values().to_string();
            out.push(Publication::new(Kind::Document, self.topics.state(&self.serial), values));
        }
    }

    /// All values as last published, under the levels of their topics.
    fn values(&self) -> serde_json::Value {
        use serde_json::{Map, Value as Json};
        fn put<T: Subject>(
            rows: &[Entity<T>],
            cells: &[Cell],
            name: impl Fn(&str) -> String,
            into: &mut Map<String, Json>,
        ) {
            for (row, cell) in rows.iter().zip(cells).filter(|(_, cell)| cell.value != Published::Never) {
                into.insert(name(row.key), cell.value.to_json());
            }
        }
        let mut root = Map::new();
        let availability = if self.online == Some(true) { "online" } else { "offline" };
        root.insert("availability".into(), availability.into());
        put(&PRINTER, &self.cells, str::to_owned, &mut root);
        for child in &self.children {
            let mut values = Map::new();
            let (group, number) = match child.part {
                Part::Ams(unit) => ("ams", unit),
                Part::External(number) => ("external", number),
                Part::Printer => continue,
            };
            if group == "ams" {
                put(AMS, &child.cells, str::to_owned, &mut values);
            } else {
                put(EXTERNAL, &child.cells, str::to_owned, &mut values);
            }
            for (number, cells) in (1..).zip(child.slot_cells.chunks(SLOT.len())) {
                put(SLOT, cells, |key| numbered(key, number), &mut values);
            }
            let group = root.entry(group).or_insert_with(|| Map::new().into());
            if let Some(group) = group.as_object_mut() {
                group.insert(number.to_string(), values.into());
            }
        }
        root.into()
    }

    /// Forgets what was told: the next update tells everything.
    pub fn forget(&mut self) {
        if let Some(document) = self.document.as_mut() {
            *document = Document { due: true, told: None };
        }
        self.snapshot = None;
        self.online = None;
        self.announced = None;
        self.cells.fill(Cell::default());
        for child in &mut self.children {
            child.announced = None;
            child.cells.fill(Cell::default());
            child.slot_cells.fill(Cell::default());
        }
    }

    /// Whether the broker has discovery messages of an earlier run. They are left as they are until the
    /// printer has reported: that run knew more of it than we do now, and its entities shall stay.
    pub fn trust_earlier_discovery(&mut self, known: bool) {
        self.earlier_known = known;
    }

    /// Whether this topic is one of a child that the printer has now.
    pub fn has_topic(&self, topic: &str) -> bool {
        let below = |child: &Child| topic.starts_with(&self.topics.value(&self.serial, child.part, ""));
        self.children.iter().any(below)
    }

    /// Tells one value again, because somebody's command to it came to nothing.
    pub fn republish(&mut self, now: Now, key: &str, out: &mut Vec<Publication>) {
        let Some(snapshot) = self.snapshot.clone() else { return };
        for (row, cell) in PRINTER.iter().zip(&mut self.cells) {
            if row.key == key {
                *cell = Cell::default();
            }
        }
        for child in &mut self.children {
            let (topics, serial) = (&self.topics, &self.serial);
            // `ams/0/drying`, as it stands in topics.
            let wanted = topics.value(serial, Part::Printer, key);
            let topic = |key: &str| topics.value(serial, child.part, key);
            let (table, cells): (&[&str], _) = match child.part {
                Part::Ams(_) => (&AMS_KEYS, &mut child.cells),
                Part::External(_) => (&EXTERNAL_KEYS, &mut child.cells),
                Part::Printer => continue,
            };
            for (key, cell) in table.iter().zip(cells) {
                if topic(key) == wanted {
                    *cell = Cell::default();
                    child.stale = true;
                }
            }
        }
        self.update(now, &snapshot, out);
    }

    /// Takes the printer off Home Assistant and off the broker.
    pub fn remove(&mut self, out: &mut Vec<Publication>) {
        for child in std::mem::take(&mut self.children) {
            self.remove_config(&child.device, out);
            remove_topics(self.child_topics(child.part, 0..child.slots), out);
        }
        let (topics, serial) = (&self.topics, &self.serial);
        out.push(Publication::withdrawn(topics.config(&topics.printer_id(serial))));
        let mut gone = vec![topics.availability(serial)];
        Rows::topics(&PRINTER, &|key| topics.value(serial, Part::Printer, key), &mut gone);
        if self.document.is_some() {
            gone.push(topics.state(serial));
        }
        gone.sort_unstable();
        gone.dedup();
        remove_topics(gone, out);
        self.snapshot = None;
        self.announced = None;
    }

    /// The ids of the devices that are announced now.
    pub fn devices(&self) -> Vec<String> {
        let own = self.announced.is_some().then(|| self.topics.printer_id(&self.serial));
        own.into_iter().chain(self.children.iter().map(|child| child.device.clone())).collect()
    }

    /// Whether one of the devices is announced on this topic now.
    pub fn announces_on(&self, topic: &str) -> bool {
        let announces =
            |device: &str| self.components(device).is_some() && self.topics.config(device) == topic;
        self.devices().iter().any(|device| announces(device))
    }

    /// The component ids that a device has now, if it is one of this printer's.
    pub fn components(&self, device: &str) -> Option<impl Iterator<Item = &str>> {
        let announced = if device == self.topics.printer_id(&self.serial) {
            self.announced.as_ref()
        } else {
            self.children.iter().find(|child| child.device == device)?.announced.as_ref()
        };
        Some(announced?.components.split(' '))
    }

    /// Takes components off a device that an earlier run of the program announced: once with nothing but their
    /// platform, then without them. Home Assistant keeps one that is only left out.
    pub fn remove_components<'a>(
        &self,
        device: &str,
        gone: &[(&'a str, &'a str)],
        out: &mut Vec<Publication>,
    ) {
        let Some(snapshot) = self.snapshot.as_ref() else { return };
        let message = self.messages(snapshot).into_iter().find(|message| message.device == device);
        if let Some(message) = message {
            let topic = self.topics.config(device);
            let parting = message.without(gone.iter().copied());
            out.push(Publication::new(Kind::Parting, topic.clone(), parting));
            out.push(Publication::new(Kind::Discovery, topic, message.payload()));
        }
    }

    fn messages(&self, snapshot: &Snapshot) -> Vec<discovery::Message> {
        let (topics, slug) = (&*self.topics, &*self.slug);
        let ams = snapshot.ams.iter().filter(|ams| ams.settled);
        let mut all = vec![discovery::printer(topics, slug, snapshot)];
        all.extend(ams.map(|ams| discovery::ams(topics, slug, snapshot, ams)));
        all.extend(snapshot.external.iter().map(|spool| discovery::external(topics, slug, snapshot, spool)));
        all
    }

    /// Announces what is new or different, and takes back what is gone.
    fn announce(&mut self, snapshot: &Snapshot, out: &mut Vec<Publication>) {
        if self.earlier_known && snapshot.capabilities.is_none() {
            return;
        }
        self.fit_children(snapshot, out);
        for message in self.messages(snapshot) {
            let known = if message.device == self.topics.printer_id(&self.serial) {
                &mut self.announced
            } else if let Some(child) = self.children.iter_mut().find(|child| child.device == message.device)
            {
                &mut child.announced
            } else {
                continue;
            };
            let payload = message.payload();
            let new = Announced::of(&message, &payload);
            if known.as_ref().is_some_and(|known| known.hash == new.hash) {
                continue;
            }
            if self.discovery {
                let topic = self.topics.config(&message.device);
                let lost: Vec<(&str, &str)> = known
                    .iter()
                    .flat_map(|known| known.components.split(' '))
                    .filter(|id| !id.is_empty() && !new.components.split(' ').any(|kept| kept == *id))
                    .filter_map(|id| Some((id, platform_of(id)?)))
                    .collect();
                if !lost.is_empty() {
                    out.push(Publication::new(Kind::Parting, topic.clone(), message.without(lost)));
                }
                out.push(Publication::new(Kind::Discovery, topic, payload));
            }
            *known = Some(new);
        }
    }

    /// Makes the list of children that of the snapshot.
    fn fit_children(&mut self, snapshot: &Snapshot, out: &mut Vec<Publication>) {
        let (topics, serial) = (&self.topics, &self.serial);
        let ams = snapshot
            .ams
            .iter()
            .filter(|ams| ams.settled)
            .map(|ams| (Part::Ams(ams.id), discovery::ams_id(topics, serial, ams), ams.slots.len()));
        let external = snapshot.external.iter().map(|spool| {
            (Part::External(spool.number), discovery::external_id(topics, serial, spool.number), 0)
        });
        let wanted: Vec<_> = ams.chain(external).collect();
        let keeps = |child: &Child| {
            wanted.iter().any(|(part, device, _)| *part == child.part && *device == child.device)
        };
        let (kept, mut gone): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.children).into_iter().partition(keeps);
        self.children = kept;
        for child in &gone {
            // A device that only moved is announced anew, never taken back in between.
            if !wanted.iter().any(|(_, device, _)| *device == child.device) {
                self.remove_config(&child.device, out);
            }
            remove_topics(self.child_topics(child.part, 0..child.slots), out);
        }
        for (part, device, slots) in wanted {
            if let Some(at) = self.children.iter().position(|child| child.part == part) {
                let lost = self.children.get(at).map_or(0..0, |child| slots..child.slots);
                if !lost.is_empty() {
                    remove_topics(self.slot_topics(part, lost), out);
                }
                if let Some(child) = self.children.get_mut(at) {
                    child.slots = slots;
                    child.slot_cells.resize(slots * SLOT.len(), Cell::default());
                }
                continue;
            }
            let rows = if matches!(part, Part::Ams(_)) { AMS.len() } else { EXTERNAL.len() };
            let moved = gone.iter_mut().find(|child| child.device == device);
            self.children.push(Child {
                part,
                device,
                announced: moved.and_then(|child| child.announced.take()),
                cells: vec![Cell::default(); rows],
                slot_cells: vec![Cell::default(); slots * SLOT.len()],
                slots,
                stale: true,
                held: None,
            });
        }
    }

    fn remove_config(&self, device: &str, out: &mut Vec<Publication>) {
        if self.discovery {
            out.push(Publication::withdrawn(self.topics.config(device)));
        }
    }

    /// The topics of a child and of these of its slots.
    fn child_topics(&self, part: Part, slots: Range<usize>) -> Vec<String> {
        let topic = |key: &str| self.topics.value(&self.serial, part, key);
        let mut topics = Vec::new();
        match part {
            Part::Ams(_) => Rows::topics(AMS, &topic, &mut topics),
            Part::External(_) => Rows::topics(EXTERNAL, &topic, &mut topics),
            Part::Printer => {}
        }
        topics.extend(self.slot_topics(part, slots));
        topics.sort_unstable();
        topics.dedup();
        topics
    }

    fn slot_topics(&self, part: Part, slots: Range<usize>) -> Vec<String> {
        let mut topics = Vec::new();
        for slot in slots {
            let topic = |key: &str| self.topics.value(&self.serial, part, &numbered(key, slot + 1));
            Rows::topics(SLOT, &topic, &mut topics);
        }
        topics
    }

    fn update_children(
        &mut self,
        now: Now,
        snapshot: &Snapshot,
        before: Option<&Snapshot>,
        settles: Duration,
        out: &mut Vec<Publication>,
    ) {
        let exact = now.mono >= settles;
        let same = before.is_some_and(|b| b.ams == snapshot.ams && b.external == snapshot.external);
        let due = |child: &Child| child.stale || child.held.is_some_and(|at| now.mono >= at);
        if same && !exact && !self.children.iter().any(due) {
            return;
        }
        for child in &mut self.children {
            let part = child.part;
            let (topics, serial) = (&self.topics, &self.serial);
            let topic = |key: &str| topics.value(serial, part, key);
            let stale = due(child);
            child.stale = false;
            match part {
                Part::Ams(id) => {
                    let find = |s: &'_ Snapshot| s.ams.iter().position(|ams| ams.id == id);
                    let Some(ams) = find(snapshot).and_then(|at| snapshot.ams.get(at)) else { continue };
                    let old: Option<&Ams> = before.and_then(|b| b.ams.get(find(b)?));
                    if old == Some(ams) && !stale && !exact {
                        continue;
                    }
                    child.held = None;
                    let held = &mut child.held;
                    let has = |at: usize| {
                        AMS_PUBLISHES.get(at) == Some(&true)
                            && AMS.get(at).is_some_and(|row| discovery::child_has(row, snapshot, ams))
                    };
                    Rows { table: AMS, cells: &mut child.cells, topic: &topic, settles, held: &mut *held }
                        .publish(now, ams, old, has, out);
                    let cells = child.slot_cells.chunks_mut(SLOT.len());
                    for (number, (slot, cells)) in ams.slots.iter().zip(cells).enumerate() {
                        let old: Option<&Slot> = old.and_then(|old| old.slots.get(number));
                        let topic = |key: &str| topic(&numbered(key, number + 1));
                        let has = |at: usize| {
                            SLOT_PUBLISHES.get(at) == Some(&true)
                                && SLOT.get(at).is_some_and(|row| discovery::child_has(row, snapshot, slot))
                        };
                        Rows { table: SLOT, cells, topic: &topic, settles, held: &mut *held }
                            .publish(now, slot, old, has, out);
                    }
                }
                Part::External(number) => {
                    let find = |s: &Snapshot| s.external.iter().position(|spool| spool.number == number);
                    let Some(spool) = find(snapshot).and_then(|at| snapshot.external.get(at)) else {
                        continue;
                    };
                    let old: Option<&ExternalSpool> = before.and_then(|b| b.external.get(find(b)?));
                    if old == Some(spool) && !stale && !exact {
                        continue;
                    }
                    child.held = None;
                    let held = &mut child.held;
                    let has = |at: usize| {
                        EXTERNAL_PUBLISHES.get(at) == Some(&true)
                            && EXTERNAL.get(at).is_some_and(|row| discovery::child_has(row, snapshot, spool))
                    };
                    Rows { table: EXTERNAL, cells: &mut child.cells, topic: &topic, settles, held }
                        .publish(now, spool, old, has, out);
                }
                Part::Printer => {}
            }
        }
    }
}

/// Takes topics off the broker.
fn remove_topics(topics: Vec<String>, out: &mut Vec<Publication>) {
    out.extend(topics.into_iter().map(Publication::removed));
}

/// How many entities a printer has in Home Assistant, with its AMS units and external spools.
pub fn entity_count(snapshot: &Snapshot) -> usize {
    let slot = |slot: &Slot| SLOT.iter().filter(|row| discovery::child_has(row, snapshot, slot)).count();
    let ams = |ams: &Ams| {
        AMS.iter().filter(|row| discovery::child_has(row, snapshot, ams)).count()
            + ams.slots.iter().map(slot).sum::<usize>()
    };
    let external = |spool: &ExternalSpool| {
        EXTERNAL.iter().filter(|row| discovery::child_has(row, snapshot, spool)).count()
    };
    PRINTER.iter().filter(|row| discovery::has(row, snapshot)).count()
        + snapshot.ams.iter().map(ams).sum::<usize>()
        + snapshot.external.iter().map(external).sum::<usize>()
}

/// The platforms that components have.
const PLATFORMS: [&str; 14] = [
    "binary_sensor",
    "sensor",
    "update",
    "image",
    "switch",
    "light",
    "number",
    "select",
    "fan",
    "button",
    "siren",
    "text",
    "event",
    TRIGGER,
];

/// The platform in a component's id: `binary_sensor` in `binary_sensor_hms`.
fn platform_of(component: &str) -> Option<&'static str> {
    PLATFORMS
        .into_iter()
        .find(|platform| component.strip_prefix(platform).is_some_and(|rest| rest.starts_with('_')))
}

fn numbered(key: &str, number: usize) -> String {
    key.replace('#', &number.to_string())
}

/// Which rows of the printer's table publish a value of this printer.
fn shown(snapshot: &Snapshot) -> impl Iterator<Item = bool> {
    PRINTER.iter().zip(PUBLISHES.iter()).map(|(row, own)| *own && discovery::has(row, snapshot))
}

/// Whether anything that the discovery messages are made of is another than before, or anything that decides
/// which entities there are.
fn shape_differs(before: &Snapshot, now: &Snapshot) -> bool {
    let ams = |ams: &Ams| (ams.id, ams.kind, ams.settled, ams.slots.len(), ams.can);
    // First as a whole: mostly they are one and the same.
    let other_units = || {
        before.ams.len() != now.ams.len()
            || before
                .ams
                .iter()
                .zip(now.ams.iter())
                .any(|(a, b)| ams(a) != ams(b) || a.serial != b.serial || a.firmware != b.firmware)
    };
    let other_external = || {
        before.external.len() != now.external.len()
            || before.external.iter().zip(now.external.iter()).any(|(a, b)| a.slot.tells_k != b.slot.tells_k)
    };
    before.identity != now.identity
        || before.policy.name != now.policy.name
        || before.capabilities != now.capabilities
        || before.policy.read_only != now.policy.read_only
        || before.policy.metered != now.policy.metered
        || discovery::currency(before) != discovery::currency(now)
        || (before.external != now.external && other_external())
        || discovery::offers_install(before) != discovery::offers_install(now)
        || discovery::picture_type(before) != discovery::picture_type(now)
        || (before.ams != now.ams && other_units())
}
