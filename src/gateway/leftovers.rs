//! What earlier runs of the gateway left on the local broker, and what of it must go.
//!
//! The broker itself is the record: retained discovery messages that name our availability topic
//! are ours. A printer that was unbound, an option that was turned off, a component that this version
//! does not have any more: all are found here after a start and taken away (home-assistant.md 6).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tracing::info;

use crate::mqtt::{Outbox, Qos};
use homeassistant::topic::Topics;
use homeassistant::{BridgeMirror, Mirror};
use printer::{Now, Serial, Snapshot};

/// Retained messages come right after the subscription; this is long enough for a slow broker.
const COLLECT: Duration = Duration::from_secs(2);

/// A device as an earlier run announced it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Device {
    name: String,
    via: Option<String>,
    availability: Vec<String>,
    components: BTreeMap<String, Component>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Component {
    platform: String,
    topics: Vec<String>,
}

/// Collects and clears what earlier runs left.
pub(super) struct Leftovers {
    topics: Arc<Topics>,
    discovery: bool,
    /// When collecting ends; `None` before the first connection.
    until: Option<Duration>,
    subscribed: bool,
    devices: BTreeMap<String, Device>,
    /// Whether each printer has a document of all values; no discovery message names it.
    documents: bool,
    /// Printers that have one on the broker.
    states: BTreeSet<Serial>,
}

impl Leftovers {
    pub(super) fn new(topics: Arc<Topics>, discovery: bool, documents: bool) -> Self {
        Self {
            topics,
            discovery,
            until: None,
            subscribed: false,
            devices: BTreeMap::new(),
            documents,
            states: BTreeSet::new(),
        }
    }

    /// Begins to collect, on every connection: printers come and go also while the broker is away.
    pub(super) fn begin(&mut self, now: Now, outbox: &Outbox) {
        self.devices.clear();
        self.states.clear();
        self.until = Some(now.mono + COLLECT);
        self.subscribed = true;
        outbox.subscribe(self.topics.all_configs(), Qos::AtMostOnce);
        outbox.subscribe(self.topics.all_states(), Qos::AtMostOnce);
    }

    /// Takes in that a printer's document of all values is on the broker.
    pub(super) fn saw_state(&mut self, serial: Serial) {
        self.states.insert(serial);
    }

    /// Takes in a retained discovery message.
    pub(super) fn saw(&mut self, device: &str, payload: &[u8]) {
        if let Some(found) = ours(&self.topics, payload) {
            self.devices.insert(device.to_owned(), found);
        }
    }

    /// Whether an earlier run announced the device; `None` while that may still turn up.
    pub(super) fn knows(&self, now: Now, device: &str) -> Option<bool> {
        if self.devices.contains_key(device) {
            return Some(true);
        }
        self.until.is_some_and(|until| now.mono >= until).then_some(false)
    }

    /// Clears what can be judged by now. `complete` says that all accounts have told their printers; a printer
    /// comes with its mirror once that was told on.
    pub(super) fn settle<'a, I: Iterator<Item = (&'a Serial, Option<&'a Mirror>, &'a Snapshot)>>(
        &mut self,
        now: Now,
        complete: bool,
        printers: impl Fn() -> I,
        gateway: &BridgeMirror,
        outbox: &Outbox,
    ) {
        if self.until.is_none_or(|until| now.mono < until) {
            return;
        }
        if std::mem::take(&mut self.subscribed) {
            outbox.unsubscribe(self.topics.all_configs());
            outbox.unsubscribe(self.topics.all_states());
        }
        // They were asked for in an earlier run, or their printer is not in the account any more.
        let (topics, documents) = (&self.topics, self.documents);
        self.states.retain(|serial| {
            let stale = !documents || (complete && !printers().any(|(known, ..)| known == serial));
            if stale {
                outbox.set(topics.state(serial), "");
            }
            !stale && !complete
        });
        let bridge = self.topics.bridge_id();
        let mut out = Vec::new();
        self.devices.retain(|id, device| {
            if *id == bridge {
                if !self.discovery {
                    outbox.set(self.topics.config(id), "");
                    return false;
                }
                // An account that is not configured any more has left its entities.
                let gone: Vec<_> =
                    device.components.iter().filter(|(id, _)| !gateway.components().any(|known| known == id.as_str())).collect();
                if !gone.is_empty() {
                    let names: Vec<_> = gone.iter().map(|(id, c)| (id.as_str(), c.platform.as_str())).collect();
                    gateway.retract(&names, &mut out);
                    for topic in gone.iter().flat_map(|(_, c)| &c.topics) {
                        outbox.set(topic.as_str(), "");
                    }
                }
                return false;
            }
            let owner = |serial: &Serial| {
                let printer = self.topics.printer_id(serial);
                *id == printer || device.via.as_deref() == Some(printer.as_str())
            };
            let owner = printers().find(|(serial, ..)| owner(serial));
            match owner {
                _ if !self.discovery => {
                    outbox.set(self.topics.config(id), "");
                    false
                }
                // Nothing is decided before the printer has said what it is, and was told on.
                Some((_, None, _)) => true,
                Some((_, _, snapshot)) if snapshot.capabilities.is_none() => true,
                Some((_, Some(mirror), _)) => {
                    match mirror.components(id) {
                        Some(known) => {
                            let known: Vec<&str> = known.collect();
                            let gone: Vec<_> =
                                device.components.iter().filter(|(id, _)| !known.contains(&id.as_str())).collect();
                            if !gone.is_empty() {
                                let names: Vec<_> =
                                    gone.iter().map(|(id, c)| (id.as_str(), c.platform.as_str())).collect();
                                mirror.retract(id, &names, &mut out);
                                let kept: Vec<_> = device
                                    .components
                                    .iter()
                                    .filter(|(id, _)| known.contains(&id.as_str()))
                                    .flat_map(|(_, c)| &c.topics)
                                    .collect();
                                let stale = gone.iter().flat_map(|(_, c)| &c.topics).filter(|t| !kept.contains(t));
                                for topic in stale {
                                    outbox.set(topic.as_str(), "");
                                }
                            }
                        }
                        None if printers().any(|(_, other, _)| other.is_some_and(|m| m.components(id).is_some())) => {}
                        // Another unit may stand where this one stood, and its values are not to be wiped.
                        None => clear(&self.topics, id, device, outbox, |topic| mirror.has_topic(topic)),
                    }
                    false
                }
                None if complete => {
                    info!(device = %device.name, "taking a device off Home Assistant that is not in the account any more");
                    clear(&self.topics, id, device, outbox, |_| false);
                    false
                }
                None => true,
            }
        });
        for publication in out {
            // Both halves of a retraction must leave, so they do not fold.
            let message = crate::mqtt::Message::new(publication.topic, publication.payload).retained();
            outbox.send(message);
        }
    }
}

/// Takes a device, its states and its availability off the broker.
fn clear(topics: &Topics, id: &str, device: &Device, outbox: &Outbox, lives: impl Fn(&str) -> bool) {
    outbox.set(topics.config(id), "");
    let states = device.components.values().flat_map(|component| &component.topics);
    // A child shares the availability of its printer, which may live on.
    let availability =
        device.availability.iter().filter(|_| device.via.as_deref() == Some(&topics.bridge_id()));
    for topic in states.chain(availability).filter(|topic| !lives(topic)) {
        outbox.set(topic.as_str(), "");
    }
}

/// Reads a discovery message, if it is one of ours.
fn ours(topics: &Topics, payload: &[u8]) -> Option<Device> {
    if !topics.owns(payload) {
        return None;
    }
    let root: Value = serde_json::from_slice(payload).ok()?;
    let text = |v: &Value| v.as_str().map(str::to_owned);
    let availability: Vec<String> =
        root.get("availability")?.as_array()?.iter().filter_map(|a| text(a.get("topic")?)).collect();
    let bridge = topics.bridge_availability();
    let components = root.get("components").and_then(Value::as_object)?;
    let component = |c: &Value| {
        let platform = text(c.get("platform")?)?;
        let names = ["state_topic", "json_attributes_topic", "percentage_state_topic", "image_topic"];
        let topics = names.iter().filter_map(|name| text(c.get(name)?));
        // The broker keeps no event, and who listens to them shall not hear an empty one.
        Some(Component { topics: topics.filter(|_| platform != "event").collect(), platform })
    };
    let in_device = |key: &str| root.get("device").and_then(|d| text(d.get(key)?));
    Some(Device {
        name: in_device("name").unwrap_or_default(),
        via: in_device("via_device"),
        availability: availability.into_iter().filter(|topic| *topic != bridge).collect(),
        components: components.iter().filter_map(|(id, c)| Some((id.clone(), component(c)?))).collect(),
    })
}
