//! Table rows to the message with which Home Assistant discovers a device.

mod component;

use serde_json::{Map, Value as Json, json};

use printer::command::permit::Condition;
use printer::{Ams, Capabilities, Control, ExternalSpool, Serial, Slot, Snapshot};

use super::Bridge;
use super::catalog::{ACCOUNT, AMS, BRIDGE, EXTERNAL, PRINTER, SLOT};
use super::command;
use super::entity::{CURRENCY, Entity, Platform, Subject};
use super::event::{TRIGGERS, Trigger};
use super::topic::{self, Part, Topics, slug};
use component::Component;

/// A device as Home Assistant shall know it.
struct Device<'a> {
    topics: &'a Topics,
    /// Its id, and what the unique ids of its entities begin with.
    id: String,
    /// What its entity ids begin with, after the platform.
    slug: String,
    block: Map<String, Json>,
    /// Availability topics, the gateway's first.
    availability: Vec<String>,
    /// Where the printer's control mode is told, for what depends on it.
    control_mode: Option<String>,
    /// What costs are told in.
    currency: &'static str,
    /// The type of its pictures.
    picture: &'static str,
    /// Whether Home Assistant may offer to install firmware.
    installs: bool,
    components: Map<String, Json>,
}

impl<'a> Device<'a> {
    fn new(topics: &'a Topics, id: String, name: String, slug: String) -> Self {
        let mut block = Map::new();
        block.insert("identifiers".into(), json!([id]));
        block.insert("name".into(), name.into());
        let availability = vec![topics.bridge_availability()];
        Self {
            topics,
            id,
            slug,
            block,
            availability,
            control_mode: None,
            currency: CURRENCY,
            picture: USUAL_PICTURE,
            installs: false,
            components: Map::new(),
        }
    }

    fn fact(mut self, key: &str, value: Option<&str>) -> Self {
        if let Some(value) = value.filter(|v| !v.is_empty()) {
            self.block.insert(key.into(), value.into());
        }
        self
    }

    /// A device of a printer, or below one.
    fn of_printer(mut self, serial: &Serial) -> Self {
        self.availability.push(self.topics.availability(serial));
        self.control_mode = Some(self.topics.value(serial, Part::Printer, CONTROL_MODE));
        self
    }

    /// The availability of what cannot work while the printer takes no commands. The control mode is
    /// published anyhow, so a printer that changes it costs one message and no new discovery.
    fn controllable(&self) -> Option<Json> {
        let mode = json!({ "topic": self.control_mode.as_ref()?, "value_template": CONTROLLABLE });
        let topics = self.availability.iter().map(|topic| json!({ "topic": topic }));
        Some(topics.chain([mode]).collect())
    }

    /// Adds a component; `number` takes the place of `#`.
    fn add<T: Subject>(
        &mut self,
        entity: &Entity<T>,
        number: Option<usize>,
        can: &Capabilities,
        topic: &dyn Fn(&str) -> String,
    ) {
        let fill = |text: &str| number.map_or_else(|| text.to_owned(), |n| text.replace('#', &n.to_string()));
        self.add_as(entity, &fill(entity.key), fill(entity.name), can, topic);
    }

    /// Adds a component under a key and a name that are not just those of its row.
    fn add_as<T: Subject>(
        &mut self,
        entity: &Entity<T>,
        key: &str,
        name: String,
        can: &Capabilities,
        topic: &dyn Fn(&str) -> String,
    ) {
        let platform = entity.platform.name();
        let value_topic = match entity.platform {
            Platform::Event(_) => topic(&format!("event/{key}")),
            _ => topic(key),
        };
        let mut component = Component::new(platform, value_topic);
        component.put("unique_id", format!("{}_{key}", self.id));
        component.put("default_entity_id", format!("{platform}.{}_{key}", self.slug));
        // The main entity of a device carries the device's name alone.
        component.put("name", if name.is_empty() { Json::Null } else { name.into() });
        component.describe(entity, self.currency);
        if let Some(availability) = self.own_availability(entity) {
            component.put("availability", availability);
        }
        if !entity.platform.is_button() && !matches!(entity.platform, Platform::Image) {
            component.value();
        }
        match entity.platform {
            Platform::Update(Some(_)) if self.installs => component.install(),
            Platform::Sensor | Platform::BinarySensor | Platform::Update(_) => {}
            Platform::Image => component.image(topic(&topic::image(key)), self.picture),
            Platform::Enum(options) => component.put("options", options()),
            Platform::Event(types) => component.event(types()),
            Platform::Switch(_) | Platform::Light(_) | Platform::Button(_) | Platform::Press => {
                component.commands();
            }
            Platform::Code(most, pattern) => component.code(most, pattern),
            Platform::Number(..) => component.number(command::max(entity.platform, can)),
            Platform::Select(options, _) => component.select(options),
            Platform::Siren(tones, _) => component.siren(tones),
            Platform::Fan(_) => component.fan(),
        }
        if let Some(effect) = entity.effect {
            component.effect(effect);
        }
        self.components.insert(format!("{platform}_{key}"), component.into_json());
    }

    /// The availability of an entity that does not have just that of its device.
    fn own_availability<T: Subject>(&self, entity: &Entity<T>) -> Option<Json> {
        if entity.lasting && self.availability.len() > 1 {
            Some(json!([{ "topic": self.topics.bridge_availability() }]))
        } else if entity.needs_signature() {
            self.controllable()
        } else {
            None
        }
    }

    /// Adds a device trigger: what stands in the list of things that an automation may begin with.
    fn trigger(&mut self, trigger: &Trigger, topic: &str) {
        let component = json!({
            "platform": TRIGGER,
            "automation_type": "trigger",
            "topic": topic,
            "payload": trigger.name,
            "type": trigger.what,
            "subtype": trigger.subject,
            "qos": 1,
        });
        self.components.insert(format!("{TRIGGER}_{}", trigger.name), component);
    }

    fn message(mut self) -> Message {
        let availability: Vec<_> = self.availability.iter().map(|topic| json!({ "topic": topic })).collect();
        let mut root = Map::new();
        root.insert("device".into(), self.block.into());
        root.insert("origin".into(), json!({"name": "bambu2mqtt", "sw_version": env!("CARGO_PKG_VERSION")}));
        root.insert("availability".into(), availability.into());
        root.insert("availability_mode".into(), "all".into());
        root.insert("components".into(), std::mem::take(&mut self.components).into());
        Message { device: self.id, root }
    }
}

/// Home Assistant's word for the platform of device triggers.
pub(super) const TRIGGER: &str = "device_automation";

/// What the cloud's pictures are, as far as anybody has seen.
const USUAL_PICTURE: &str = "image/png";

/// What the picture of its job is: Home Assistant passes this on to browsers.
pub(super) fn picture_type(snapshot: &Snapshot) -> &'static str {
    snapshot.known.facts.cover.picture().map_or(USUAL_PICTURE, |cover| cover.kind.content_type())
}

/// The key of the printer's control mode.
const CONTROL_MODE: &str = "control_mode";
/// Controls that need a signature are there unless it is certain that they do not work.
const CONTROLLABLE: &str = "{{ 'offline' if value in ['limited', 'read_only'] else 'online' }}";

/// A device discovery message.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// The device's id.
    pub device: String,
    root: Map<String, Json>,
}

impl Message {
    /// Its payload.
    pub fn payload(&self) -> String {
        // Cannot fail: a map of strings to JSON values.
        serde_json::to_string(&self.root).unwrap_or_default()
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
        serde_json::to_string(&root).unwrap_or_default()
    }
}

/// Whether the printer has this entity.
pub(super) fn has(entity: &Entity<Snapshot>, snapshot: &Snapshot) -> bool {
    match snapshot.capabilities {
        Some(can) => offered(entity, snapshot) && (entity.needs)(&can, snapshot),
        None => entity.early && offered(entity, snapshot),
    }
}

/// Whether a device below the printer has this entity.
pub(super) fn child_has<T: Subject>(entity: &Entity<T>, snapshot: &Snapshot, subject: &T) -> bool {
    let can = snapshot.capabilities.unwrap_or_default();
    offered(entity, snapshot) && (entity.needs)(&can, subject)
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

/// The printer's own device.
pub fn printer(topics: &Topics, slug: &str, snapshot: &Snapshot) -> Message {
    let who = &snapshot.identity;
    let serial = &who.serial;
    let mut device = Device::new(topics, topics.printer_id(serial), snapshot.name().to_string(), slug.into())
        .fact("manufacturer", Some("Bambu Lab"))
        .fact("model", Some(&who.model))
        .fact("model_id", who.model_code.as_deref())
        .fact("serial_number", Some(serial.as_str()))
        .fact("sw_version", who.firmware.as_deref())
        .fact("hw_version", who.hardware.as_deref())
        .fact("via_device", Some(&topics.bridge_id()))
        .of_printer(serial);
    device.currency = currency(snapshot).unwrap_or(CURRENCY);
    device.picture = picture_type(snapshot);
    device.installs = offers_install(snapshot);
    let can = snapshot.capabilities.unwrap_or_default();
    for entity in PRINTER.iter().filter(|entity| has(entity, snapshot)) {
        device.add(entity, None, &can, &|key| topics.value(serial, Part::Printer, key));
    }
    let topic = topics.trigger(serial);
    for trigger in TRIGGERS.iter().filter(|trigger| trigger.fits(snapshot)) {
        device.trigger(trigger, &topic);
    }
    device.message()
}

/// The id of an AMS unit's device: by its serial, so that history follows the unit, else by its place.
pub fn ams_id(topics: &Topics, serial: &Serial, ams: &Ams) -> String {
    // What is not a serial number, as from a garbled answer, would make a topic that no broker takes.
    match ams.serial.as_ref().filter(|own| own.len() <= 40 && own.bytes().all(|b| b.is_ascii_alphanumeric()))
    {
        Some(own) => format!("{}_ams_{own}", topics.id_prefix),
        None => format!("{}_ams_{}", topics.printer_id(serial), ams.id),
    }
}

/// An AMS unit's device.
pub fn ams(topics: &Topics, slug_of_printer: &str, snapshot: &Snapshot, ams: &Ams) -> Message {
    let serial = &snapshot.identity.serial;
    let label = ams.label();
    let mut device = child(topics, ams_id(topics, serial, ams), slug_of_printer, snapshot, &label)
        .fact("model", Some(ams.kind.name()))
        .fact("serial_number", ams.serial.as_deref())
        .fact("sw_version", ams.firmware.as_deref());
    let can = snapshot.capabilities.unwrap_or_default();
    let topic = |key: &str| topics.value(serial, Part::Ams(ams.id), key);
    for entity in AMS.iter().filter(|entity| child_has(entity, snapshot, ams)) {
        device.add(entity, None, &can, &topic);
    }
    for (number, slot) in (1..).zip(&ams.slots) {
        for entity in SLOT.iter().filter(|entity| child_has(entity, snapshot, slot)) {
            device.add::<Slot>(entity, Some(number), &can, &topic);
        }
    }
    device.message()
}

/// An external spool's device.
pub fn external(
    topics: &Topics,
    slug_of_printer: &str,
    snapshot: &Snapshot,
    spool: &ExternalSpool,
) -> Message {
    let serial = &snapshot.identity.serial;
    let label = match (snapshot.external.len(), spool.number) {
        (2.., 1) => "External spool right",
        (2.., _) => "External spool left",
        _ => "External spool",
    };
    let id = external_id(topics, serial, spool.number);
    let mut device =
        child(topics, id, slug_of_printer, snapshot, label).fact("model", Some("External spool"));
    let can = snapshot.capabilities.unwrap_or_default();
    for entity in EXTERNAL.iter().filter(|entity| child_has(entity, snapshot, spool)) {
        device.add(entity, None, &can, &|key| topics.value(serial, Part::External(spool.number), key));
    }
    device.message()
}

/// The id of an external spool's device.
pub fn external_id(topics: &Topics, serial: &Serial, number: u8) -> String {
    format!("{}_external_{number}", topics.printer_id(serial))
}

fn child<'a>(
    topics: &'a Topics,
    id: String,
    slug_of_printer: &str,
    of: &Snapshot,
    label: &str,
) -> Device<'a> {
    let serial = &of.identity.serial;
    let name = format!("{} {label}", of.name());
    Device::new(topics, id, name, format!("{slug_of_printer}_{}", slug(label)))
        .fact("manufacturer", Some("Bambu Lab"))
        .fact("via_device", Some(&topics.printer_id(serial)))
        .of_printer(serial)
}

/// The key of an account's entity: the first account's are plain, so that a second one changes nothing of them.
pub fn account_key(key: &str, number: usize) -> String {
    if number < 2 { key.to_owned() } else { format!("{key}_{number}") }
}

/// The name of an account's entity. Accounts are told apart by their number: their own names are personal.
fn account_name(name: &str, number: usize) -> String {
    match number {
        0 | 1 => name.to_owned(),
        // "Account" becomes "Account 2", "Account event" "Account 2 event", "Login expires" "Account 2 login expires".
        _ => match name.strip_prefix("Account") {
            Some(rest) => format!("Account {number}{rest}"),
            None => format!("Account {number} {}", name.to_lowercase()),
        },
    }
}

/// The gateway's own device; its entities tell of the cloud also while no printer is there.
pub fn bridge(topics: &Topics, bridge: &Bridge) -> Message {
    let mut device =
        Device::new(topics, topics.bridge_id(), "Bambu gateway".into(), slug(&topics.bridge_id()))
            .fact("manufacturer", Some("bambu2mqtt"))
            .fact("model", Some("Gateway"))
            .fact("sw_version", Some(bridge.version));
    for entity in BRIDGE {
        device.add(entity, None, &Capabilities::default(), &|key| topics.bridge(key));
    }
    for (number, login) in (1..).zip(&bridge.accounts) {
        for entity in ACCOUNT.iter().filter(|entity| (entity.needs)(&Capabilities::default(), login)) {
            let (key, name) = (account_key(entity.key, number), account_name(entity.name, number));
            device.add_as(entity, &key, name, &Capabilities::default(), &|key| topics.bridge(key));
        }
    }
    device.message()
}
