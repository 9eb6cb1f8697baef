//! One component of a discovery message: what Home Assistant wants to know of an entity, platform by platform.

use printer::Capabilities;
use serde_json::{Map, Value as Json, json};

use crate::command;
use crate::entity::{CURRENCY, Effect, Entity, Platform, Subject};

/// The value topic carries the percentage; 0 is off.
const FAN_STATE: &str = "{{ 'OFF' if value == '0' else 'None' if value == 'None' else 'ON' }}";

/// A component while it is described.
pub(super) struct Component {
    /// Where its value is told.
    topic: String,
    members: Map<String, Json>,
}

impl Component {
    pub(super) fn new(platform: &str, topic: String) -> Self {
        let mut component = Self { topic, members: Map::new() };
        component.put("platform", platform);
        component
    }

    pub(super) fn put(&mut self, key: &str, value: impl Into<Json>) {
        self.members.insert(key.into(), value.into());
    }

    pub(super) fn into_json(self) -> Json {
        self.members.into()
    }

    /// What its row says of it.
    pub(super) fn describe<T: Subject>(
        &mut self,
        entity: &Entity<T>,
        can: &Capabilities,
        currency: &'static str,
    ) {
        let unit = entity.unit.map(|unit| if unit == CURRENCY { currency } else { unit });
        let words = [
            ("device_class", entity.device_class),
            ("unit_of_measurement", unit),
            ("state_class", entity.state_class),
            ("icon", entity.icon),
            ("entity_category", entity.category.name()),
        ];
        for (key, word) in words {
            if let Some(word) = word {
                self.put(key, word);
            }
        }
        if let Some(decimals) = entity.decimals.filter(|_| entity.platform.name() == "sensor") {
            self.put("suggested_display_precision", decimals(can));
        }
        if !entity.enabled || (entity.repeats)(can) {
            self.put("enabled_by_default", false);
        }
        if entity.attributes.is_some() {
            self.put("json_attributes_topic", format!("{}/attributes", self.topic));
        }
    }

    /// Where its value is read: beside its details, if it has any, so that a change of both is one message.
    pub(super) fn value<T: Subject>(&mut self, entity: &Entity<T>) {
        let beside = entity.attributes.is_some();
        let (topic, value) = if beside {
            (format!("{}/attributes", self.topic), "value_json.value")
        } else {
            (self.topic.clone(), "value")
        };
        self.put("state_topic", topic);
        let plain = match entity.platform {
            // It wants the document itself.
            Platform::Update(_) => "{{ VALUE | tojson if VALUE else '' }}",
            _ => "{{ VALUE }}",
        };
        if let Some(template) = entity.template.or(beside.then_some(plain)) {
            self.put("value_template", template.replace("VALUE", value));
        }
    }

    pub(super) fn commands(&mut self) {
        self.put("command_topic", self.set());
    }

    fn set(&self) -> String {
        format!("{}/set", self.topic)
    }

    pub(super) fn install(&mut self) {
        self.commands();
        self.put("payload_install", command::INSTALL);
    }

    pub(super) fn image(&mut self, topic: String, content_type: &str) {
        self.put("image_topic", topic);
        self.put("content_type", content_type);
    }

    pub(super) fn event(&mut self, types: Vec<&'static str>) {
        self.put("event_types", types);
        // Else the broker hands them on with less care than it takes them.
        self.put("qos", 1);
    }

    pub(super) fn code(&mut self, most: impl Into<Json>, pattern: &str) {
        self.commands();
        self.put("mode", "text");
        self.put("min", 0);
        self.put("max", most);
        self.put("pattern", pattern);
        // With a value of its own it need not show what was typed, and here that is always nothing.
        self.put("value_template", "{{ '' }}");
    }

    pub(super) fn number(&mut self, max: impl Into<Json>) {
        self.commands();
        self.put("min", 0);
        self.put("max", max);
        self.put("step", 1);
        self.put("mode", "box");
    }

    pub(super) fn select(&mut self, options: &[&'static str]) {
        self.commands();
        self.put("options", options);
    }

    pub(super) fn siren(&mut self, tones: &[&'static str]) {
        self.commands();
        self.put("available_tones", tones);
        self.put("support_duration", false);
        self.put("support_volume_set", false);
    }

    pub(super) fn fan(&mut self) {
        self.commands();
        self.put("percentage_command_topic", self.set());
        self.put("percentage_state_topic", self.topic.clone());
        self.put("state_value_template", FAN_STATE);
    }

    pub(super) fn effect<P: Copy>(&mut self, effect: Effect<P>) {
        self.put("effect_command_topic", self.set());
        self.put("effect_list", json!([effect.name]));
        self.put("effect_state_topic", self.topic.clone());
        // The printer does not tell flashing from burning, so none is ever shown as chosen.
        self.put("effect_value_template", "off");
        // On first, then the effect: the other way round, the lamp would just burn.
        self.put("on_command_type", "first");
    }
}
