//! A device while it is described: its block, its availability, and one component after the other.

use serde_json::{Map, Value as Json, json};

use printer::{Capabilities, Serial};

use crate::command;
use crate::entity::{CURRENCY, Entity, Platform, Subject};
use crate::event::Trigger;
use crate::names::Names;
use crate::topic::{self, Part, Topics};

use super::component::Component;
use super::{Message, TRIGGER};

/// The key of the picture of a job's objects.
const PICK: &str = "pick";
/// What the cloud's pictures are, as far as anybody has seen.
pub(super) const USUAL_PICTURE: &str = "image/png";

/// The key of the printer's control mode.
const CONTROL_MODE: &str = "control_mode";
/// Controls that need a signature are there unless it is certain that they do not work.
const CONTROLLABLE: &str = "{{ 'offline' if value in ['limited', 'read_only'] else 'online' }}";

/// The printer that a device belongs to.
struct Owner {
    /// Which device of the printer's it is.
    part: Part,
    /// Where the printer's control mode is told, for what depends on it.
    control_mode: String,
    /// Where it is told what the printer would take now.
    permitted: String,
}

/// What made the message; with the address of its home, if there is one.
fn origin(home: &str) -> Json {
    let mut origin = Map::new();
    origin.insert("name".into(), "bambu2mqtt".into());
    origin.insert("sw_version".into(), env!("CARGO_PKG_VERSION").into());
    if !home.is_empty() {
        origin.insert("support_url".into(), home.into());
    }
    origin.into()
}

/// A device as Home Assistant shall know it.
pub(super) struct Device<'a> {
    topics: &'a Topics,
    names: &'a Names,
    /// Its id, and what the unique ids of its entities begin with.
    id: String,
    /// What its entity ids begin with, after the platform.
    slug: String,
    block: Map<String, Json>,
    /// Availability topics, the gateway's first.
    availability: Vec<String>,
    /// The gateway's own device has none.
    owner: Option<Owner>,
    /// What costs are told in.
    pub(super) currency: &'static str,
    /// The types of its pictures: of its job, and of the job's objects.
    pub(super) pictures: [&'static str; 2],
    /// Whether Home Assistant may offer to install firmware.
    pub(super) installs: bool,
    components: Map<String, Json>,
}

impl<'a> Device<'a> {
    pub(super) fn new(topics: &'a Topics, names: &'a Names, id: String, name: String, slug: String) -> Self {
        let mut block = Map::new();
        block.insert("identifiers".into(), json!([id]));
        block.insert("name".into(), name.into());
        let availability = vec![topics.bridge_availability()];
        Self {
            topics,
            names,
            id,
            slug,
            block,
            availability,
            owner: None,
            currency: CURRENCY,
            pictures: [USUAL_PICTURE; 2],
            installs: false,
            components: Map::new(),
        }
    }

    pub(super) fn fact(mut self, key: &str, value: Option<&str>) -> Self {
        if let Some(value) = value.filter(|v| !v.is_empty()) {
            self.block.insert(key.into(), value.into());
        }
        self
    }

    /// A device of a printer, or below one.
    pub(super) fn of_printer(mut self, serial: &Serial, part: Part) -> Self {
        self.availability.push(self.topics.availability(serial));
        let control_mode = self.topics.value(serial, Part::Printer, CONTROL_MODE);
        self.owner = Some(Owner { part, control_mode, permitted: self.topics.permitted(serial) });
        self
    }

    /// Adds a component; `number` takes the place of `#`.
    pub(super) fn add<T: Subject>(
        &mut self,
        entity: &Entity<T>,
        number: Option<usize>,
        can: &Capabilities,
        topic: &dyn Fn(&str) -> String,
    ) {
        let fill = |text: &str| number.map_or_else(|| text.to_owned(), |n| text.replace('#', &n.to_string()));
        self.add_as(entity, &fill(entity.key), fill(self.names.get(entity.name)), can, topic);
    }

    /// Adds a component under a key and a name that are not just those of its row.
    pub(super) fn add_as<T: Subject>(
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
        component.describe(entity, can, self.currency);
        if let Some(availability) = self.own_availability(entity, key) {
            component.put("availability", availability);
        }
        if !entity.platform.is_button() && !matches!(entity.platform, Platform::Image) {
            component.value(entity);
        }
        match entity.platform {
            Platform::Update(Some(_)) if self.installs => component.install(),
            Platform::Sensor | Platform::BinarySensor | Platform::Update(_) => {}
            Platform::Image => {
                let [job, objects] = self.pictures;
                component.image(topic(&topic::image(key)), if key == PICK { objects } else { job });
            }
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

    /// The availability of an entity that does not have just that of its device. What it waits for beside that is
    /// published for the whole printer, so a printer that changes costs one message and no new discovery.
    fn own_availability<T: Subject>(&self, entity: &Entity<T>, key: &str) -> Option<Json> {
        let owner = self.owner.as_ref()?;
        let condition = if entity.needs_permission() {
            // It counts the control mode in. A key that is not there yet, or a topic that is taken off, is no reason
            // for a line in Home Assistant's log.
            let key = owner.part.key(key);
            let template =
                format!("{{{{ 'online' if (value_json|default({{}})).get('{key}') else 'offline' }}}}");
            Some(json!({ "topic": owner.permitted, "value_template": template }))
        } else if entity.needs_signature() {
            Some(json!({ "topic": owner.control_mode, "value_template": CONTROLLABLE }))
        } else {
            None
        };
        if condition.is_none() && !entity.lasting {
            return None;
        }
        let device = self.availability.iter().take(if entity.lasting { 1 } else { usize::MAX });
        Some(device.map(|topic| json!({ "topic": topic })).chain(condition).collect())
    }

    /// Adds a device trigger: what stands in the list of things that an automation may begin with.
    pub(super) fn trigger(&mut self, trigger: &Trigger, topic: &str) {
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

    pub(super) fn message(mut self) -> Message {
        let availability: Vec<_> = self.availability.iter().map(|topic| json!({ "topic": topic })).collect();
        let mut root = Map::new();
        root.insert("device".into(), self.block.into());
        root.insert("origin".into(), origin(env!("CARGO_PKG_HOMEPAGE")));
        root.insert("availability".into(), availability.into());
        root.insert("availability_mode".into(), "all".into());
        root.insert("components".into(), std::mem::take(&mut self.components).into());
        Message { device: self.id, root }
    }
}
