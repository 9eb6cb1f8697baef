//! Orphans: what earlier runs of the gateway left on the local broker that nothing of this run stands behind.
//!
//! The broker itself is the record: retained discovery messages tell what was announced. A printer that was
//! unbound, an option that was turned off, a component that this version does not have any more: all are
//! found here after a start and cleared. Nothing is cleared that is not of a form that we build.
//! Must not know: how an entity is described.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tracing::info;

use crate::config::StateDir;
use crate::disk::{FileName, Writer};
use crate::mqtt::{Message, Outbox, Qos};
use homeassistant::discovery::{self, unnamed_keys};
use homeassistant::topic::{Incoming, Part, Topics};
use homeassistant::{GatewayMirror, Mirror, Publication};
use printer::{Now, Serial, Text};
use twin::UnitPlace;

/// A broker that has sent nothing retained for so long has sent all.
const QUIET: Duration = Duration::from_secs(2);
/// For longer than this nobody waits for a broker that does not answer the subscription.
const LONGEST: Duration = Duration::from_secs(15);

/// The file that has the discovery prefix below which everything is announced.
const PREFIX_FILE: &str = "discovery_prefix";

/// The topics of the last run, if that announced below another prefix. What the file says is written into topics, so it
/// must be fit for that.
pub(crate) fn earlier_topics(state: &StateDir, topics: &Topics) -> Option<Topics> {
    let bytes = state.read(PREFIX_FILE).ok()??;
    let prefix = std::str::from_utf8(&bytes).ok()?.trim();
    let fits = !prefix.is_empty() && prefix.len() < 200 && !prefix.contains(['+', '#', '\0', '\n']);
    (fits && prefix != topics.discovery).then(|| topics.announced_below(prefix))
}

/// Keeps the prefix for the next run, which may have another one.
pub(crate) fn keep_prefix(writer: &Writer, topics: &Topics) {
    writer.store(&FileName::from(PREFIX_FILE), topics.discovery.clone());
}

/// A printer of this run.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) serial: &'a Serial,
    /// What was told of it, once it has said what it is.
    pub(super) mirror: Option<&'a Mirror>,
    /// Whether it was heard for long enough to know its AMS units.
    pub(super) had_time: bool,
}

/// A device as an earlier run announced it; its topics are ours.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Device {
    name: String,
    via: Option<String>,
    /// What it and its components wait for to be available.
    availability: BTreeSet<String>,
    components: BTreeMap<String, Component>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Component {
    platform: String,
    topics: Vec<String>,
}

/// Collects what earlier runs announced, and clears what is orphaned.
pub(super) struct Orphans {
    topics: Arc<Topics>,
    discovery: bool,
    /// Whether each printer has a document of all values; no discovery message names it.
    documents: bool,
    /// When everything that the broker keeps counts as heard; `None` before the first connection.
    heard_at: Option<Duration>,
    subscribed: bool,
    devices: BTreeMap<String, Device>,
    /// Printers that have a document on the broker.
    documented: BTreeSet<Serial>,
    /// The topics of an earlier run that announced below another discovery prefix, until that is cleared.
    earlier: Option<Topics>,
}

impl Orphans {
    pub(super) fn new(
        topics: Arc<Topics>,
        earlier: Option<Topics>,
        discovery: bool,
        documents: bool,
    ) -> Self {
        Self {
            topics,
            discovery,
            documents,
            heard_at: None,
            subscribed: false,
            devices: BTreeMap::new(),
            documented: BTreeSet::new(),
            earlier,
        }
    }

    /// Begins to collect, on every connection: printers come and go also while the broker is away.
    pub(super) fn collect(&mut self, now: Now, outbox: &Outbox) {
        self.forget(now);
        outbox.subscribe(self.topics.all_configs(), Qos::AtMostOnce);
        outbox.subscribe(self.topics.all_states(), Qos::AtMostOnce);
        if let Some(earlier) = &self.earlier {
            outbox.subscribe(earlier.all_configs(), Qos::AtMostOnce);
        }
    }

    /// Whether this is a message of ours below a discovery prefix that is not used any more.
    pub(super) fn is_of_earlier_prefix(&mut self, now: Now, topic: &str, payload: &[u8]) -> bool {
        let Some(earlier) = &self.earlier else { return false };
        let Some(Incoming::Discovery { device }) = earlier.parse(topic) else { return false };
        self.heard_at = Some(now.mono + QUIET);
        earlier.owns(device, payload)
    }

    /// Whether an earlier discovery prefix was cleared just now; says it once.
    pub(super) fn forgets_earlier_prefix(&mut self, now: Now, outbox: &Outbox) -> bool {
        if !self.all_heard(now) {
            return false;
        }
        let Some(cleared) = self.earlier.take() else { return false };
        outbox.unsubscribe(cleared.all_configs());
        true
    }

    fn forget(&mut self, now: Now) {
        self.devices.clear();
        self.documented.clear();
        self.heard_at = Some(now.mono + LONGEST);
        self.subscribed = true;
    }

    /// The broker took a subscription: what it keeps follows.
    pub(super) fn on_subscribed(&mut self, now: Now, topic: &str) {
        if topic == self.topics.all_configs() {
            self.heard_at = Some(now.mono + QUIET);
        }
    }

    /// The broker refused a subscription: nothing follows.
    pub(super) fn on_refused(&mut self, now: Now, topic: &str) {
        if topic == self.topics.all_configs() {
            self.heard_at = Some(now.mono);
        }
    }

    /// Takes in a retained discovery message, whoever's it is.
    pub(super) fn on_config(&mut self, now: Now, device: &str, payload: &[u8]) {
        self.heard_at = Some(now.mono + QUIET);
        if let Some(found) = read(&self.topics, device, payload) {
            self.devices.insert(device.to_owned(), found);
        }
    }

    /// Takes in that a printer's document of all values is on the broker.
    pub(super) fn on_document(&mut self, serial: Serial) {
        self.documented.insert(serial);
    }

    /// Whether an earlier run announced the device; `None` while that may still turn up.
    pub(super) fn knows(&self, now: Now, device: &str) -> Option<bool> {
        if self.devices.contains_key(device) {
            return Some(true);
        }
        self.all_heard(now).then_some(false)
    }

    /// Whether everything that the broker keeps has come.
    pub(super) fn all_heard(&self, now: Now) -> bool {
        self.heard_at.is_some_and(|at| now.mono >= at)
    }

    /// Whether nothing is left that could not be judged yet.
    pub(super) fn is_done(&self) -> bool {
        self.devices.is_empty()
    }

    /// The AMS units that an earlier run announced: the serial number that a device is named after, if it is, and
    /// where the unit stood.
    pub(super) fn units(&self) -> impl Iterator<Item = (Option<Text>, UnitPlace)> {
        let unit = |(id, device): (&String, &Device)| {
            let place = device.topics().find_map(|topic| self.topics.unit_place(topic))?;
            Some((self.topics.unit_serial(id).map(Text::from), place))
        };
        self.devices.iter().filter_map(unit)
    }

    /// The printers that an earlier run announced, but for those that are used: what is told of them is as old as that
    /// run.
    pub(super) fn unused<'a>(&self, used: impl Iterator<Item = &'a Serial>) -> BTreeSet<Serial> {
        let used: BTreeSet<&Serial> = used.collect();
        // A child has the topic of its printer, which may have been taken off already.
        let devices = self.devices.values().filter(|device| !device.is_child(&self.topics));
        devices
            .flat_map(|device| device.printers(&self.topics))
            .filter(|serial| !used.contains(serial))
            .collect()
    }

    /// Clears what can be judged by now. `complete` says that all accounts have told their printers.
    pub(super) fn clear<'a>(
        &mut self,
        now: Now,
        complete: bool,
        printers: impl Iterator<Item = Known<'a>>,
        gateway: &GatewayMirror,
        outbox: &Outbox,
    ) {
        if !self.all_heard(now) {
            return;
        }
        if std::mem::take(&mut self.subscribed) {
            outbox.unsubscribe(self.topics.all_configs());
            outbox.unsubscribe(self.topics.all_states());
        }
        if self.devices.is_empty() && self.documented.is_empty() {
            return;
        }
        let printers: Vec<_> = printers.collect();
        let mut out = Vec::new();
        self.clear_documents(complete, &printers, &mut out);
        let mut devices = std::mem::take(&mut self.devices);
        devices.retain(|id, device| {
            let judged = if !self.discovery {
                out.push(Publication::withdrawn(self.topics.config(id)));
                true
            } else if *id == self.topics.bridge_id() {
                clear_of_gateway(device, gateway, &mut out);
                true
            } else {
                self.clear_device(id, device, complete, &printers, &mut out)
            };
            !judged
        });
        self.devices = devices;
        for Publication { topic, payload, .. } in out {
            // Nothing of it folds: where a component is removed, both messages must leave.
            outbox.send(Message::new(topic, payload).retained());
        }
    }

    /// Clears documents that were asked for in an earlier run, or whose printer is not in the account any more.
    fn clear_documents(&mut self, complete: bool, printers: &[Known<'_>], out: &mut Vec<Publication>) {
        self.documented.retain(|serial| {
            let unbound = complete && !printers.iter().any(|printer| printer.serial == serial);
            let orphaned = unbound || !self.documents;
            if orphaned {
                out.push(Publication::removed(self.topics.state(serial)));
            }
            !orphaned && !complete
        });
    }

    /// Clears a printer's device, or one below it, or what it has lost; says whether it could be judged.
    fn clear_device(
        &self,
        id: &str,
        device: &Device,
        complete: bool,
        printers: &[Known<'_>],
        out: &mut Vec<Publication>,
    ) -> bool {
        let is_owner = |serial: &Serial| {
            let printer = self.topics.printer_id(serial);
            id == printer || device.via.as_deref() == Some(&printer)
        };
        let owner = printers.iter().find(|printer| is_owner(printer.serial));
        // Nothing is decided before the printer has said what it is, nor before it is known to be gone.
        if owner.map_or(!complete, |owner| owner.mirror.is_none()) {
            return false;
        }
        let mirrors = || printers.iter().filter_map(|printer| printer.mirror);
        // Another unit may stand where this one stood, and its values are not to be wiped.
        let lives = |topic: &str| mirrors().any(|mirror| mirror.has_topic(topic));
        if let Some(mirror) = mirrors().find(|mirror| mirror.components(id).is_some()) {
            let mut lost = device.lost(mirror.components(id).into_iter().flatten());
            if !lost.components.is_empty() {
                mirror.remove_components(id, &lost.components, out);
            }
            if device.is_child(&self.topics) {
                // It may hang on another printer now, or stand at another place.
                lost.topics.extend(device.topics().filter(|topic| !lives(topic)));
            }
            // One of another printer's may stand where this unit stood.
            let unnamed =
                mirrors().fold(lost.topics.into_iter().collect(), |left: Vec<&str>, own| own.unnamed(left));
            out.extend(unnamed.into_iter().map(Publication::removed));
            return true;
        }
        // An AMS may have moved to a printer that has not said yet what it has, or its own may still be starting.
        if device.moves(id, &self.topics) && !printers.iter().all(|p| p.mirror.is_some() && p.had_time) {
            return false;
        }
        if owner.is_some_and(|owner| !owner.had_time) && device.is_child(&self.topics) {
            return false;
        }
        if owner.is_none() {
            info!(device = %printer::quoted(&device.name), "taking a device off Home Assistant that is not in the account any more");
        }
        out.push(Publication::withdrawn(self.topics.config(id)));
        let mut gone: BTreeSet<&str> = device.topics().filter(|topic| !lives(topic)).collect();
        // A child shares the availability of its printer, which may live on.
        if !device.is_child(&self.topics) {
            gone.extend(device.availability.iter().map(String::as_str));
            for serial in device.printers(&self.topics) {
                let unnamed = unnamed_keys().map(|key| self.topics.value(&serial, Part::Printer, key));
                out.extend(unnamed.map(Publication::removed));
            }
        }
        out.extend(gone.into_iter().map(Publication::removed));
        true
    }
}

/// Clears what the gateway's own device has lost: an account that is not configured any more left its entities.
fn clear_of_gateway(device: &Device, gateway: &GatewayMirror, out: &mut Vec<Publication>) {
    let lost = device.lost(gateway.components());
    if !lost.components.is_empty() {
        gateway.remove_components(&lost.components, out);
    }
    out.extend(lost.topics.into_iter().map(Publication::removed));
}

/// What a device had that it does not have any more.
struct Lost<'a> {
    /// Ids and platforms.
    components: Vec<(&'a str, &'a str)>,
    /// Those that no component has that is still there.
    topics: BTreeSet<&'a str>,
}

impl Device {
    fn topics(&self) -> impl Iterator<Item = &str> {
        self.components.values().flat_map(|component| &component.topics).map(String::as_str)
    }

    /// The printers whose availability it has: its own.
    fn printers(&self, topics: &Topics) -> impl Iterator<Item = Serial> {
        self.availability.iter().filter_map(|topic| topics.available(topic))
    }

    /// What is not among the components that the device has now.
    fn lost<'a>(&self, now: impl Iterator<Item = &'a str>) -> Lost<'_> {
        let now: Vec<&str> = now.collect();
        let (kept, gone): (Vec<_>, Vec<_>) =
            self.components.iter().partition(|(id, _)| now.contains(&id.as_str()));
        let kept: BTreeSet<_> = kept.into_iter().flat_map(|(_, component)| &component.topics).collect();
        let topics = gone.iter().flat_map(|(_, component)| &component.topics);
        Lost {
            topics: topics.filter(|topic| !kept.contains(topic)).map(String::as_str).collect(),
            components: gone.iter().map(|(id, c)| (id.as_str(), c.platform.as_str())).collect(),
        }
    }

    /// Whether it is a device below a printer.
    fn is_child(&self, topics: &Topics) -> bool {
        self.via.as_ref().is_some_and(|via| *via != topics.bridge_id())
    }

    /// Whether it goes from printer to printer: an AMS that has a serial number is not named after its printer.
    fn moves(&self, id: &str, topics: &Topics) -> bool {
        self.is_child(topics) && self.via.as_ref().is_some_and(|via| !id.starts_with(via.as_str()))
    }
}

/// Reads a discovery message, if it is one of ours. Only topics are taken from it that are ours too.
fn read(topics: &Topics, device: &str, payload: &[u8]) -> Option<Device> {
    if !topics.owns(device, payload) {
        return None;
    }
    let root = discovery::read(payload)?;
    let text = |v: &Value| v.as_str().map(str::to_owned);
    let bridge = topics.bridge_availability();
    let components = root.get("components").and_then(Value::as_object)?;
    let lists = std::iter::once(&root).chain(components.values()).filter_map(|c| c.get("availability"));
    let availability = lists.filter_map(Value::as_array).flatten().filter_map(|a| text(a.get("topic")?));
    let component = |c: &Value| {
        let platform = text(c.get("platform")?)?;
        let names = ["state_topic", "json_attributes_topic", "percentage_state_topic", "image_topic"];
        // The broker keeps no event, and who listens to them shall not hear an empty one.
        let kept = names.iter().filter_map(|name| text(c.get(name)?)).filter(|_| platform != "event");
        let told: BTreeSet<String> = kept.flat_map(with_value).collect();
        Some(Component { topics: told.into_iter().filter(|topic| topics.is_ours(topic)).collect(), platform })
    };
    let in_device = |key: &str| root.get("device").and_then(|d| text(d.get(key)?));
    Some(Device {
        name: in_device("name").unwrap_or_default(),
        via: in_device("via_device"),
        availability: availability.filter(|topic| *topic != bridge && topics.is_ours(topic)).collect(),
        components: components.iter().filter_map(|(id, c)| Some((id.clone(), component(c)?))).collect(),
    })
}

/// A topic, and that of the value whose attributes are told on it.
fn with_value(topic: String) -> impl Iterator<Item = String> {
    let value = topic.strip_suffix("/attributes").map(str::to_owned);
    std::iter::once(topic).chain(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIGS: &str = "homeassistant/device/+/config";
    const OURS: &[u8] = br#"{"availability": [{"topic": "b/bridge/availability"}], "components": {}}"#;

    fn after(seconds: u64) -> Now {
        Now { mono: Duration::from_secs(seconds), wall: jiff::Timestamp::UNIX_EPOCH }
    }

    /// Just connected.
    fn orphans() -> Orphans {
        let topics = Topics { base: "b".into(), discovery: "homeassistant".into(), id_prefix: "b".into() };
        let mut orphans = Orphans::new(Arc::new(topics), None, true, false);
        assert_eq!(orphans.knows(after(0), "b_01P00A000000001"), None, "no broker");
        orphans.forget(after(0));
        orphans
    }

    #[test]
    fn a_device_is_unknown_only_once_a_slow_broker_has_sent_all_that_it_keeps() {
        let mut orphans = orphans();
        orphans.on_subscribed(after(8), "b/+/state");
        assert_eq!(orphans.knows(after(8), "b_01P00A000000001"), None, "another subscription");
        orphans.on_subscribed(after(9), CONFIGS);
        assert_eq!(orphans.knows(after(10), "b_01P00A000000001"), None);
        for second in 10..30 {
            orphans.on_config(after(second), "another", b"{}");
            assert_eq!(orphans.knows(after(second + 1), "b_01P00A000000001"), None);
        }
        orphans.on_config(after(30), "b_01P00A000000001", OURS);
        assert_eq!(orphans.knows(after(30), "b_01P00A000000001"), Some(true));
        assert_eq!(orphans.knows(after(31), "b_01P00A000000002"), None);
        assert_eq!(orphans.knows(after(32), "b_01P00A000000002"), Some(false));
        orphans.forget(after(40));
        assert_eq!(orphans.knows(after(40), "b_01P00A000000001"), None, "another connection");
    }

    #[test]
    fn a_broker_that_says_nothing_or_no_is_not_waited_for_for_ever() {
        let mut silent = orphans();
        assert_eq!(silent.knows(after(14), "b_01P00A000000001"), None);
        assert_eq!(silent.knows(after(15), "b_01P00A000000001"), Some(false));
        silent.forget(after(20));
        silent.on_refused(after(20), CONFIGS);
        assert_eq!(silent.knows(after(20), "b_01P00A000000001"), Some(false));
    }

    #[test]
    fn printers_that_nobody_has_told_of_yet_are_known() {
        let mut orphans = orphans();
        for number in [1, 2] {
            let payload = format!(
                r#"{{"availability": [{{"topic": "b/bridge/availability"}}, {{"topic": "b/01P00A00000000{number}/availability"}}],
                    "components": {{"button_pause": {{"platform": "button", "availability": [
                        {{"topic": "b/01P00A00000000{number}/permitted"}}]}}}}}}"#
            );
            orphans.on_config(after(9), &format!("b_01P00A00000000{number}"), payload.as_bytes());
        }
        let child = r#"{"device": {"via_device": "b_01P00A000000003"}, "components": {},
            "availability": [{"topic": "b/bridge/availability"}, {"topic": "b/01P00A000000003/availability"}]}"#;
        orphans.on_config(after(9), "b_01P00A000000003_ams_0", child.as_bytes());
        let used = Serial::new("01P00A000000001");
        let unused: Vec<_> = orphans.unused([&used].into_iter()).into_iter().collect();
        assert_eq!(unused, [Serial::new("01P00A000000002")]);
    }

    #[test]
    fn of_a_discovery_message_only_what_is_ours_is_taken() {
        let orphans = orphans();
        let payload = r#"{"device": {"name": "Garage", "via_device": "b_bridge"},
            "availability": [{"topic": "b/bridge/availability"}, {"topic": "b/01P00A000000001/availability"},
                {"topic": "zigbee2mqtt/bridge/state"}],
            "components": {
                "sensor_status": {"platform": "sensor", "state_topic": "b/01P00A000000001/status"},
                "fan_x": {"platform": "fan", "state_topic": "z/fan", "percentage_state_topic": "b/x/y"},
                "event_print": {"platform": "event", "state_topic": "b/01P00A000000001/event/print"},
                "button_pause": {"platform": "button", "availability": [{"topic": "b/bridge/availability"},
                    {"topic": "b/01P00A000000001/permitted", "value_template": "{{ value }}"}]},
                "sensor_none": {"platform": "sensor"}}}"#;
        let device = read(&orphans.topics, "b_01P00A000000001", payload.as_bytes()).unwrap();
        assert_eq!(device.topics().collect::<Vec<_>>(), ["b/01P00A000000001/status"]);
        let availability: Vec<_> = device.availability.iter().map(String::as_str).collect();
        assert_eq!(availability, ["b/01P00A000000001/availability", "b/01P00A000000001/permitted"]);
        let lost = device.lost(["sensor_status"].into_iter());
        let wanted = [
            ("button_pause", "button"),
            ("event_print", "event"),
            ("fan_x", "fan"),
            ("sensor_none", "sensor"),
        ];
        assert_eq!(lost.components, wanted);
        assert!(lost.topics.is_empty());
        assert_eq!(read(&orphans.topics, "shelf", payload.as_bytes()), None);
    }
}
