//! Table rows to the message with which Home Assistant discovers a device.

mod component;
mod device;
mod short;

use serde_json::{Map, Value as Json, json};

use printer::command::permit::Condition;
use printer::{Ams, Capabilities, Control, ExternalSpool, Serial, Slot, Snapshot};

use super::GatewayView;
use super::catalog::{ACCOUNT, AMS, EXTERNAL, GATEWAY, PRINTER, SLOT};
use super::entity::{CURRENCY, Entity, Subject};
use super::event::TRIGGERS;
use super::names::Names;
use super::topic::{Part, Topics, slug};
use device::{Device, USUAL_PICTURE};
pub use short::read;

const GATEWAY_NAME: &str = "Bambu gateway";
const EXTERNAL_ONLY: &str = "External spool";
const EXTERNAL_LEFT: &str = "External spool left";
const EXTERNAL_RIGHT: &str = "External spool right";

/// What devices are called; `#` stands for the number of a unit (`printer::unit_label`).
#[cfg(test)]
pub(super) const DEVICE_NAMES: [&str; 7] =
    [GATEWAY_NAME, EXTERNAL_ONLY, EXTERNAL_LEFT, EXTERNAL_RIGHT, "AMS #", "AMS Lite #", "AMS HT #"];

/// Home Assistant's word for the platform of device triggers.
pub(super) const TRIGGER: &str = "device_automation";

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
pub(super) fn platform_of(component: &str) -> Option<&'static str> {
    PLATFORMS
        .into_iter()
        .find(|platform| component.strip_prefix(platform).is_some_and(|rest| rest.starts_with('_')))
}

/// What the pictures of its job and of the job's objects are: Home Assistant passes this on to browsers.
pub(super) fn picture_types(snapshot: &Snapshot) -> [&'static str; 2] {
    let facts = &snapshot.known.facts;
    [&facts.cover, &facts.pick]
        .map(|picture| picture.picture().map_or(USUAL_PICTURE, |picture| picture.kind.content_type()))
}

/// A device discovery message.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// The device's id.
    pub device: String,
    root: Map<String, Json>,
}

impl Message {
    /// Its payload, in the short form.
    pub fn payload(&self) -> String {
        written(&self.root)
    }

    /// Whether a topic stands in it, or a value is told on it whose attributes do: Home Assistant reads both there.
    pub(super) fn names(&self, topic: &str) -> bool {
        let components = self.root.get("components").and_then(Json::as_object);
        let lists = components.into_iter().flat_map(Map::values).chain(self.root.get("availability"));
        let is_it = |own: &str| own.strip_suffix("/attributes") == Some(topic) || own == topic;
        lists.into_iter().any(|part| any_text(part, &is_it))
    }

    /// The ids of its components.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.root
            .get("components")
            .and_then(Json::as_object)
            .into_iter()
            .flat_map(|c| c.keys())
            .map(String::as_str)
    }

    /// The same message, with components that shall go: Home Assistant forgets one that has a platform
    /// and nothing else, and keeps one that is only left out.
    pub fn without<'a>(&self, gone: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
        let mut root = self.root.clone();
        if let Some(components) = root.get_mut("components").and_then(Json::as_object_mut) {
            for (id, platform) in gone {
                components.insert(id.into(), json!({ "platform": platform }));
            }
        }
        written(&root)
    }
}

fn written(root: &Map<String, Json>) -> String {
    // Cannot fail: a map of strings to JSON values.
    serde_json::to_string(&short::shorten(root)).unwrap_or_default()
}

/// Whether one of the texts in a document is like that.
fn any_text(document: &Json, is_it: &impl Fn(&str) -> bool) -> bool {
    match document {
        Json::String(text) => is_it(text),
        Json::Array(list) => list.iter().any(|one| any_text(one, is_it)),
        Json::Object(members) => members.values().any(|one| any_text(one, is_it)),
        Json::Null | Json::Bool(_) | Json::Number(_) => false,
    }
}

/// Whether the printer has this entity: its value is told, whether it is announced or what shows the same.
pub(super) fn has(entity: &Entity<Snapshot>, snapshot: &Snapshot) -> bool {
    if is_private(entity, snapshot) {
        return false;
    }
    match snapshot.capabilities {
        Some(can) => offered(entity, snapshot) && (entity.needs)(&can, snapshot),
        None => entity.early && offered(entity, snapshot),
    }
}

/// Whether the owner keeps it off the broker.
pub(super) fn is_private(entity: &Entity<Snapshot>, snapshot: &Snapshot) -> bool {
    entity.private.is_some_and(|may_be_told| !may_be_told(snapshot.policy.privacy))
}

/// Whether a device below the printer has this entity.
pub(super) fn child_has<T: Subject>(entity: &Entity<T>, snapshot: &Snapshot, subject: &T) -> bool {
    let can = snapshot.capabilities.unwrap_or_default();
    offered(entity, snapshot) && (entity.needs)(&can, subject)
}

/// The rows of a table that are announced, of those that the subject has. Of a control and a row that shows the same
/// exactly one is: the control where it works, with the row's details, else the row.
fn announced<T: Subject>(
    table: &[Entity<T>],
    snapshot: &Snapshot,
    has: impl Fn(&Entity<T>) -> bool,
) -> Vec<Entity<T>> {
    let withheld = |row: &Entity<T>| {
        row.platform.is_control() && snapshot.known.levels.withheld && row.needs_signature()
    };
    let had: Vec<&Entity<T>> = table.iter().filter(|row| has(row) && !withheld(row)).collect();
    let same = |key: &str, control: bool| {
        had.iter().find(|row| row.key == key && row.platform.is_control() == control).copied()
    };
    let announce = |row: &&Entity<T>| {
        if !row.platform.is_control() {
            return same(row.shown_by.unwrap_or(row.key), true).is_none().then_some(**row);
        }
        let details = same(row.key, false).and_then(|shown| shown.attributes);
        Some(Entity { attributes: row.attributes.or(details), ..**row })
    };
    had.iter().filter_map(announce).collect()
}

/// The keys of a printer's values that no entity may read: those of controls that are not offered, and of rows in
/// whose place there is a control. Who takes a printer off the broker by what is announced must think of them, too.
pub fn unnamed_keys() -> impl Iterator<Item = &'static str> {
    let control = |row: &Entity<Snapshot>| row.platform.is_control() && row.needs_signature();
    let rows = PRINTER.iter().filter(move |row| row.shown_by.is_some() || control(row));
    rows.filter(|row| row.platform.has_value()).map(|row| row.key)
}

/// Whether this printer is controlled that far. One that is read only still tells everything anew, and of
/// hardware that nobody knows only what holds, ends or lights a print is offered.
fn offered<T: Subject>(entity: &Entity<T>, snapshot: &Snapshot) -> bool {
    if !entity.platform.is_control() {
        return true;
    }
    let known = snapshot.capabilities.is_none_or(|can| can.known_model);
    if known && !snapshot.policy.read_only {
        return true;
    }
    let allows = |condition| entity.asks.is_some_and(|class| class.allows(condition));
    (known || allows(Condition::UnknownModel)) && (!snapshot.policy.read_only || allows(Condition::ReadOnly))
}

/// Whether Home Assistant may offer to install firmware: where the owner and the firmware let it be asked for.
pub(super) fn offers_install(s: &Snapshot) -> bool {
    let known = s.capabilities.is_some_and(|can| can.known_model);
    s.policy.firmware_install && known && !s.policy.read_only && s.control != Control::Limited
}

/// The currency that costs are told in.
pub(super) fn currency(s: &Snapshot) -> Option<&'static str> {
    s.policy.prices.as_ref().map(|prices| prices.currency)
}

/// How many entities a printer has in Home Assistant, with its AMS units and external spools.
pub fn entity_count(snapshot: &Snapshot) -> usize {
    let slot = |slot: &Slot| announced(SLOT, snapshot, |row| child_has(row, snapshot, slot)).len();
    let ams = |ams: &Ams| {
        announced(AMS, snapshot, |row| child_has(row, snapshot, ams)).len()
            + ams.slots.iter().map(slot).sum::<usize>()
    };
    let external =
        |spool: &ExternalSpool| announced(EXTERNAL, snapshot, |row| child_has(row, snapshot, spool)).len();
    announced(&PRINTER, snapshot, |row| has(row, snapshot)).len()
        + snapshot.ams.iter().map(ams).sum::<usize>()
        + snapshot.external.iter().map(external).sum::<usize>()
}

/// The printer's own device.
pub fn printer(topics: &Topics, names: &Names, slug: &str, snapshot: &Snapshot) -> Message {
    let who = &snapshot.identity;
    let serial = &who.serial;
    let mut device =
        Device::new(topics, names, topics.printer_id(serial), snapshot.name().to_string(), slug.into())
            .fact("manufacturer", Some("Bambu Lab"))
            .fact("model", Some(&who.model))
            .fact("model_id", who.model_code.as_deref())
            .fact("serial_number", Some(serial.as_str()))
            .fact("sw_version", who.firmware.as_deref())
            .fact("hw_version", who.hardware.as_deref())
            .fact("via_device", Some(&topics.bridge_id()))
            .of_printer(serial, Part::Printer);
    device.currency = currency(snapshot).unwrap_or(CURRENCY);
    device.pictures = picture_types(snapshot);
    device.installs = offers_install(snapshot);
    let can = snapshot.shown_capabilities().unwrap_or_default();
    for entity in announced(&PRINTER, snapshot, |row| has(row, snapshot)) {
        device.add(&entity, None, &can, &|key| topics.value(serial, Part::Printer, key));
    }
    let topic = topics.trigger(serial);
    for trigger in TRIGGERS.iter().filter(|trigger| trigger.fits(snapshot)) {
        device.trigger(trigger, &topic);
    }
    device.message()
}

/// The id of an AMS unit's device: by its serial, so that history follows the unit, else by its place, as where a
/// clone has the same serial.
pub fn ams_id(topics: &Topics, serial: &Serial, ams: &Ams) -> String {
    match ams.named_after() {
        Some(own) => format!("{}_ams_{own}", topics.id_prefix),
        None => format!("{}_ams_{}", topics.printer_id(serial), ams.id),
    }
}

/// An AMS unit's device.
pub fn ams(topics: &Topics, names: &Names, slug_of_printer: &str, snapshot: &Snapshot, ams: &Ams) -> Message {
    let serial = &snapshot.identity.serial;
    let label = ams.label();
    let part = Part::Ams(ams.id);
    let mut device = child(topics, names, ams_id(topics, serial, ams), slug_of_printer, snapshot, &label)
        .of_printer(serial, part)
        .fact("model", Some(ams.kind.name()))
        .fact("serial_number", ams.serial.as_deref())
        .fact("sw_version", ams.firmware.as_deref());
    let can = snapshot.capabilities.unwrap_or_default();
    let topic = |key: &str| topics.value(serial, part, key);
    for entity in announced(AMS, snapshot, |row| child_has(row, snapshot, ams)) {
        device.add(&entity, None, &can, &topic);
    }
    for (number, slot) in (1..).zip(&ams.slots) {
        for entity in announced(SLOT, snapshot, |row| child_has(row, snapshot, slot)) {
            device.add::<Slot>(&entity, Some(number), &can, &topic);
        }
    }
    device.message()
}

/// An external spool's device.
pub fn external(
    topics: &Topics,
    names: &Names,
    slug_of_printer: &str,
    snapshot: &Snapshot,
    spool: &ExternalSpool,
) -> Message {
    let serial = &snapshot.identity.serial;
    let label = match (snapshot.external.len(), spool.number) {
        (2.., 1) => EXTERNAL_RIGHT,
        (2.., _) => EXTERNAL_LEFT,
        _ => EXTERNAL_ONLY,
    };
    let id = external_id(topics, serial, spool.number);
    let part = Part::External(spool.number);
    let mut device = child(topics, names, id, slug_of_printer, snapshot, label)
        .of_printer(serial, part)
        .fact("model", Some(EXTERNAL_ONLY));
    let can = snapshot.capabilities.unwrap_or_default();
    for entity in announced(EXTERNAL, snapshot, |row| child_has(row, snapshot, spool)) {
        device.add(&entity, None, &can, &|key| topics.value(serial, part, key));
    }
    device.message()
}

/// The id of an external spool's device.
pub fn external_id(topics: &Topics, serial: &Serial, number: u8) -> String {
    format!("{}_external_{number}", topics.printer_id(serial))
}

fn child<'a>(
    topics: &'a Topics,
    names: &'a Names,
    id: String,
    slug_of_printer: &str,
    of: &Snapshot,
    label: &str,
) -> Device<'a> {
    let serial = &of.identity.serial;
    let name = format!("{} {}", of.name(), names.numbered(label));
    Device::new(topics, names, id, name, format!("{slug_of_printer}_{}", slug(label)))
        .fact("manufacturer", Some("Bambu Lab"))
        .fact("via_device", Some(&topics.printer_id(serial)))
}

/// The key of an account's entity: the first account's are plain, so that a second one changes nothing of them.
pub fn account_key(key: &str, number: usize) -> String {
    if number < 2 { key.to_owned() } else { format!("{key}_{number}") }
}

/// The name of an account's entity. Accounts are told apart by their number: their own names are personal.
fn account_name(names: &Names, name: &str, number: usize) -> String {
    match number {
        0 | 1 => names.get(name).to_owned(),
        _ if !names.are_english() => format!("{} ({number})", names.get(name)),
        // "Account" becomes "Account 2", "Account event" "Account 2 event", "Login expires" "Account 2 login expires".
        _ => match name.strip_prefix("Account") {
            Some(rest) => format!("Account {number}{rest}"),
            None => format!("Account {number} {}", name.to_lowercase()),
        },
    }
}

/// The gateway's own device; its entities tell of the cloud also while no printer is there.
pub fn gateway(topics: &Topics, names: &Names, gateway: &GatewayView) -> Message {
    let name = names.get(GATEWAY_NAME).to_owned();
    let mut device = Device::new(topics, names, topics.bridge_id(), name, slug(&topics.bridge_id()))
        .fact("manufacturer", Some("bambu2mqtt"))
        .fact("model", Some("Gateway"))
        .fact("sw_version", Some(gateway.version));
    for entity in GATEWAY {
        device.add(entity, None, &Capabilities::default(), &|key| topics.bridge(key));
    }
    for (number, login) in (1..).zip(&gateway.accounts) {
        for entity in ACCOUNT.iter().filter(|entity| (entity.needs)(&Capabilities::default(), login)) {
            let (key, name) = (account_key(entity.key, number), account_name(names, entity.name, number));
            device.add_as(entity, &key, name, &Capabilities::default(), &|key| topics.bridge(key));
        }
    }
    device.message()
}
