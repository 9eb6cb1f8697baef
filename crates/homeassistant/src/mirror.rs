//! What Home Assistant was told of one printer, and what makes the difference to a new snapshot.

mod announced;
mod children;
mod document;
mod permitted;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use printer::{Now, Reach, Serial, Snapshot};

use super::catalog::{GROUPS, PRINTER};
use super::discovery;
use super::entity::Entity;
use super::names::Names;
use super::publication::{Kind, Publication};
use super::rows::{Cell, Rows, publishing, remove_topics, say_the_same};
use super::topic::{Part, Topics};
use announced::{Announced, shape_differs};
use children::{Child, Look};
use document::Document;
use permitted::Permitted;

/// A printer that has said nothing new for so long is told exactly, without dead bands.
const SETTLED: Duration = Duration::from_secs(60);

/// Which rows of the printer's table publish a value.
static PUBLISHES: LazyLock<Vec<bool>> = LazyLock::new(|| publishing(&PRINTER));

/// What Home Assistant was told of one printer.
pub struct Mirror {
    topics: Arc<Topics>,
    serial: Serial,
    slug: String,
    discovery: bool,
    names: Names,
    earlier_known: bool,
    snapshot: Option<Snapshot>,
    /// When the snapshot last was another one.
    changed: Duration,
    /// When the first of what is held back of the printer's own rows is due, for each group.
    held: Box<[Option<Duration>]>,
    online: Option<bool>,
    announced: Option<Announced>,
    /// Which rows publish a value; another only with the shape.
    shown: Box<[bool]>,
    cells: Box<[Cell]>,
    children: Vec<Child>,
    permitted: Permitted,
    document: Option<Document>,
}

impl Mirror {
    /// A printer of which nothing was told yet; `slug` begins its entity ids.
    pub fn new(topics: Arc<Topics>, serial: Serial, slug: String, discovery: bool) -> Self {
        let cells = vec![Cell::default(); PRINTER.len()].into();
        Self {
            topics,
            serial,
            slug,
            discovery,
            names: Names::default(),
            earlier_known: false,
            snapshot: None,
            changed: Duration::ZERO,
            held: vec![None; GROUPS.len()].into(),
            online: None,
            announced: None,
            shown: Box::default(),
            cells,
            children: Vec::new(),
            permitted: Permitted::default(),
            document: None,
        }
    }

    /// Also tells all values as one JSON document (`json_state` of the configuration), or not.
    #[must_use]
    pub fn with_document(mut self, wanted: bool) -> Self {
        self.document = wanted.then(Document::default);
        self
    }

    /// Calls entities and devices by these names.
    #[must_use]
    pub fn with_names(mut self, names: Names) -> Self {
        self.names = names;
        self
    }

    /// When the next [`Mirror::update`] has something to tell though the printer may be the same: what is not told
    /// often, or only when nothing new comes, and a document that came too soon after the last one.
    pub fn deadline(&self) -> Option<Duration> {
        let document = self.document.as_ref().and_then(Document::deadline);
        let children = self.children.iter().filter_map(|child| child.held);
        self.held.iter().flatten().copied().chain(document).chain(children).min()
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
        let reshaped =
            self.announced.is_none() || before.is_none_or(|before| shape_differs(before, snapshot));
        if reshaped {
            self.shown = shown(snapshot).collect();
            self.announce(snapshot, out);
            for child in &mut self.children {
                child.stale = true;
            }
        }
        // After the announcement, so that no entity reads what is emptied.
        if before.is_none_or(|before| before.policy.privacy != snapshot.policy.privacy) {
            self.remove_private(snapshot, out);
        }
        debug_assert!(
            shown(snapshot).eq(self.shown.iter().copied()),
            "the shape decides which rows there are"
        );
        let look = Look { now, snapshot, before, settles };
        self.update_groups(&look, reshaped, out);
        self.update_children(&look, out);
        if let Some(payload) = self.permitted.differs(snapshot, before, reshaped) {
            out.push(Publication::new(Kind::Permitted, self.topics.permitted(&self.serial), payload));
        }
        let online = snapshot.reach == Reach::Online;
        if self.online != Some(online) {
            self.online = Some(online);
            let payload = if online { "online" } else { "offline" };
            out.push(Publication::new(Kind::Availability, self.topics.availability(&self.serial), payload));
        }
        self.update_document(now, first, out);
    }

    /// The printer's own rows, of the groups that read something that is another, or of which something is due.
    fn update_groups(&mut self, look: &Look<'_>, reshaped: bool, out: &mut Vec<Publication>) {
        let Look { now, snapshot, before, settles } = *look;
        let (topics, serial) = (&self.topics, &self.serial);
        let (mut cells, mut shown) = (&mut *self.cells, &*self.shown);
        for (group, held) in GROUPS.iter().zip(&mut self.held) {
            let (Some((own, cells_left)), Some((wanted, shown_left))) =
                (cells.split_at_mut_checked(group.rows.len()), shown.split_at_checked(group.rows.len()))
            else {
                return;
            };
            (cells, shown) = (cells_left, shown_left);
            let due = reshaped || held.is_some_and(|at| at <= now.mono);
            if let Some(before) = before.filter(|before| !due && (group.same)(before, snapshot)) {
                debug_assert!(
                    say_the_same(group.rows, wanted, before, snapshot),
                    "{} reads more than it says",
                    group.title
                );
                continue;
            }
            *held = None;
            let topic = &|key: &str| topics.value(serial, Part::Printer, key);
            let rows = Rows { table: group.rows, cells: own, topic, settles, held };
            rows.publish(now, snapshot, before, |index| wanted.get(index) == Some(&true), out);
        }
    }

    /// Takes off the broker what shall not be there any more, also if an earlier run told it.
    fn remove_private(&self, snapshot: &Snapshot, out: &mut Vec<Publication>) {
        let private = PRINTER.iter().filter(|row| discovery::is_private(row, snapshot));
        let topic = |key: &str| self.topics.value(&self.serial, Part::Printer, key);
        let mut gone = Vec::new();
        private.for_each(|row| Rows::topics(std::slice::from_ref(row), &topic, &mut gone));
        remove_topics(gone, out);
    }

    /// Forgets what was told: the next update tells everything.
    pub fn forget(&mut self) {
        if let Some(document) = self.document.as_mut() {
            *document = Document { due: true, told: None };
        }
        self.snapshot = None;
        self.online = None;
        self.announced = None;
        self.permitted = Permitted::default();
        self.cells.fill(Cell::default());
        for child in &mut self.children {
            child.forget();
        }
    }

    /// Whether the broker has discovery messages of an earlier run. They are left as they are until the
    /// printer has reported: that run knew more of it than we do now, and its entities shall stay.
    pub fn trust_earlier_discovery(&mut self, known: bool) {
        self.earlier_known = known;
    }

    /// Announces a device anew with the next update, if it is one of this printer's: somebody else's word of it
    /// stands on the broker.
    pub fn forget_device(&mut self, device: &str) {
        if let Some(child) = self.children.iter_mut().find(|child| child.device == device) {
            child.announced = None;
            self.snapshot = None;
        }
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
        self.held.fill(Some(now.mono));
        // `ams/0/drying`, as it stands in topics.
        let wanted = self.topics.value(&self.serial, Part::Printer, key);
        for child in &mut self.children {
            let part = child.part;
            child.forget_value(|key| self.topics.value(&self.serial, part, key) == wanted);
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
        let mut gone = vec![topics.availability(serial), topics.permitted(serial)];
        Rows::topics(&PRINTER, &|key| topics.value(serial, Part::Printer, key), &mut gone);
        if self.document.is_some() {
            gone.push(topics.state(serial));
        }
        gone.sort_unstable();
        gone.dedup();
        remove_topics(gone, out);
        self.snapshot = None;
        self.announced = None;
        self.permitted = Permitted::default();
    }
}

/// What is told of a printer that an earlier run announced and of which this one knows nothing yet: what stays readable
/// while it is away is unknown.
pub fn unknown_levels(topics: &Topics, serial: &Serial) -> Vec<Publication> {
    let stays = |row: &&Entity<Snapshot>| {
        row.lasting && row.early && row.private.is_none() && row.platform.has_value()
    };
    let told = |row: &Entity<Snapshot>| {
        let topic = topics.value(serial, Part::Printer, row.key);
        let details = row
            .attributes
            .map(|_| Publication::new(Kind::Attributes, format!("{topic}/attributes"), r#"{"value":null}"#));
        [Some(Publication::new(Kind::Value, topic, "None")), details]
    };
    PRINTER.iter().filter(stays).flat_map(told).flatten().collect()
}

/// Which rows of the printer's table publish a value of this printer.
fn shown(snapshot: &Snapshot) -> impl Iterator<Item = bool> {
    PRINTER.iter().zip(PUBLISHES.iter()).map(|(row, own)| *own && discovery::has(row, snapshot))
}
