//! The rows of one subject: what was last published of each, and what differs from that.

use std::time::Duration;

use printer::Now;
use serde_json::Value as Json;

use super::entity::{Entity, Platform, Published, Subject};
use super::publication::{Kind, Publication};
use super::topic;

/// What was last published of one row.
#[derive(Debug, Clone, Default)]
pub(super) struct Cell {
    pub(super) value: Published,
    /// When, for rows that may not be published often, in whole seconds.
    at: u32,
    /// Of its attributes only a hash, to know whether the next ones differ.
    attributes: u64,
}

/// To find that a text is another one than before, in this run of the program. For texts as long as these the
/// standard hasher is several times as fast as FNV-1a.
pub(super) fn hash(text: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// Publishes what differs of one subject's rows.
pub(super) struct Rows<'a, T: Subject + 'static> {
    pub(super) table: &'static [Entity<T>],
    pub(super) cells: &'a mut [Cell],
    pub(super) topic: &'a dyn Fn(&str) -> String,
    /// When small differences count too.
    pub(super) settles: Duration,
    /// When the first of what is held back is due.
    pub(super) held: &'a mut Option<Duration>,
}

/// Whether none of these rows would say anything else of the second subject than of the first.
pub(super) fn say_the_same<T: Subject>(rows: &[Entity<T>], shown: &[bool], before: &T, after: &T) -> bool {
    rows.iter().zip(shown).filter(|(_, shown)| **shown).all(|(row, _)| {
        (row.read)(before) == (row.read)(after)
            && row.attributes.is_none_or(|details| !(details.differ)(before, after))
    })
}

/// Details with the value that they are of: Home Assistant reads both from one message, so a change is written once.
fn with_value(value: &Published, details: Json) -> Json {
    let Json::Object(mut details) = details else { return details };
    details.insert("value".into(), value.to_attribute());
    details.into()
}

impl<T: Subject> Rows<'_, T> {
    /// Tells what differs from what was told, of the rows that the subject has.
    pub(super) fn publish(
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
            let mut told = false;
            if cell.value.differs(value.as_ref(), deadband) {
                let next = Duration::from_secs(cell.at.into()) + row.at_most_each;
                let early = !row.at_most_each.is_zero() && now.mono < next;
                if first || value.is_none() || !early {
                    told = true;
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
                && (told || before.is_none_or(|before| (details.differ)(before, subject)))
            {
                let payload = with_value(&cell.value, (details.make)(subject)).to_string();
                let new = hash(&payload);
                if told || cell.attributes != new {
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
    pub(super) fn topics(table: &[Entity<T>], topic: &dyn Fn(&str) -> String, out: &mut Vec<String>) {
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

/// Which rows of a table publish a value: a control shares the topic of the sensor with its key, buttons and events
/// have none, and a picture is no text.
pub(super) fn publishing<T: Subject>(table: &[Entity<T>]) -> Vec<bool> {
    let with_value = |at| table.iter().take(at).filter(|earlier: &&Entity<T>| earlier.platform.has_value());
    let shared = |at: usize, key: &str| with_value(at).any(|earlier| earlier.key == key);
    let own = |(at, row): (usize, &Entity<T>)| row.platform.has_value() && !shared(at, row.key);
    table.iter().enumerate().map(own).collect()
}

/// Takes topics off the broker.
pub(super) fn remove_topics(topics: Vec<String>, out: &mut Vec<Publication>) {
    out.extend(topics.into_iter().map(Publication::removed));
}
