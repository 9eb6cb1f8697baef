//! The short form of discovery messages: Home Assistant's abbreviations for keys, and `~` for what the topics of a
//! component begin with. It is half as long, and the broker keeps and repeats it for each printer.

use serde_json::{Map, Value as Json};

/// Keys of a message and of its components (`abbreviations.py` of Home Assistant's MQTT integration).
const KEYS: &[(&str, &str)] = &[
    ("automation_type", "atype"),
    ("availability", "avty"),
    ("availability_mode", "avty_mode"),
    ("available_tones", "av_tones"),
    ("command_topic", "cmd_t"),
    ("components", "cmps"),
    ("content_type", "cont_type"),
    ("default_entity_id", "def_ent_id"),
    ("device", "dev"),
    ("device_class", "dev_cla"),
    ("effect_command_topic", "fx_cmd_t"),
    ("effect_list", "fx_list"),
    ("effect_state_topic", "fx_stat_t"),
    ("effect_value_template", "fx_val_tpl"),
    ("enabled_by_default", "en"),
    ("entity_category", "ent_cat"),
    ("event_types", "evt_typ"),
    ("icon", "ic"),
    ("image_topic", "img_t"),
    ("json_attributes_topic", "json_attr_t"),
    ("on_command_type", "on_cmd_type"),
    ("options", "ops"),
    ("origin", "o"),
    ("pattern", "ptrn"),
    ("payload", "pl"),
    ("payload_install", "pl_inst"),
    ("percentage_command_topic", "pct_cmd_t"),
    ("percentage_state_topic", "pct_stat_t"),
    ("platform", "p"),
    ("state_class", "stat_cla"),
    ("state_topic", "stat_t"),
    ("state_value_template", "stat_val_tpl"),
    ("subtype", "stype"),
    ("suggested_display_precision", "sug_dsp_prc"),
    ("support_duration", "sup_dur"),
    ("support_volume_set", "sup_vol"),
    ("topic", "t"),
    ("unique_id", "uniq_id"),
    ("unit_of_measurement", "unit_of_meas"),
    ("value_template", "val_tpl"),
];

/// Keys of the device's block.
const DEVICE: &[(&str, &str)] = &[
    ("configuration_url", "cu"),
    ("hw_version", "hw"),
    ("identifiers", "ids"),
    ("manufacturer", "mf"),
    ("model", "mdl"),
    ("model_id", "mdl_id"),
    ("serial_number", "sn"),
    ("suggested_area", "sa"),
    ("sw_version", "sw"),
];

/// Keys of the block that says what made the message.
const ORIGIN: &[(&str, &str)] = &[("support_url", "url"), ("sw_version", "sw")];

/// What stands for the beginning of a component's topics.
const BASE: &str = "~";

/// Renames the keys of an object.
fn rename(object: &Map<String, Json>, key: impl Fn(&str) -> String) -> Map<String, Json> {
    object.iter().map(|(name, value)| (key(name), value.clone())).collect()
}

fn shorter(keys: &'static [(&str, &str)]) -> impl Fn(&str) -> String {
    |key| keys.iter().find(|(long, _)| *long == key).map_or(key, |(_, short)| short).to_owned()
}

fn longer(keys: &'static [(&str, &str)]) -> impl Fn(&str) -> String {
    |key| keys.iter().find(|(_, short)| *short == key).map_or(key, |(long, _)| long).to_owned()
}

/// One direction: how the keys of a message, of its device and of its origin are called, and what becomes of a
/// component beside that.
struct Way<K, D, O> {
    keys: K,
    device: D,
    origin: O,
    component: fn(&mut Map<String, Json>),
}

impl<K: Fn(&str) -> String, D: Fn(&str) -> String, O: Fn(&str) -> String> Way<K, D, O> {
    fn message(&self, root: &Map<String, Json>) -> Map<String, Json> {
        let part = |(name, value): (&String, &Json)| {
            let value = match (name.as_str(), value) {
                ("device" | "dev", Json::Object(device)) => rename(device, &self.device).into(),
                ("origin" | "o", Json::Object(origin)) => rename(origin, &self.origin).into(),
                ("availability" | "avty", list) => self.availability(list),
                ("components" | "cmps", Json::Object(all)) => {
                    all.iter().map(|(id, component)| (id.clone(), self.component(component))).collect()
                }
                _ => value.clone(),
            };
            ((self.keys)(name), value)
        };
        root.iter().map(part).collect()
    }

    fn component(&self, component: &Json) -> Json {
        let Json::Object(members) = component else { return component.clone() };
        let mut members = members.clone();
        (self.component)(&mut members);
        let part = |(name, value): (&String, &Json)| {
            let list = matches!(name.as_str(), "availability" | "avty");
            ((self.keys)(name), if list { self.availability(value) } else { value.clone() })
        };
        members.iter().map(part).collect()
    }

    fn availability(&self, list: &Json) -> Json {
        let Json::Array(list) = list else { return list.clone() };
        let topic = |one: &Json| match one {
            Json::Object(one) => rename(one, &self.keys).into(),
            other => other.clone(),
        };
        list.iter().map(topic).collect()
    }
}

/// The short form of a message.
pub(super) fn shorten(root: &Map<String, Json>) -> Map<String, Json> {
    let keys = shorter(KEYS);
    Way { keys, device: shorter(DEVICE), origin: shorter(ORIGIN), component: put_base }.message(root)
}

/// The long form of a discovery message, whichever form it has; `None` if it is no JSON object.
pub fn read(payload: &[u8]) -> Option<Json> {
    let Json::Object(root) = serde_json::from_slice(payload).ok()? else { return None };
    let keys = longer(KEYS);
    Some(
        Way { keys, device: longer(DEVICE), origin: longer(ORIGIN), component: take_base }
            .message(&root)
            .into(),
    )
}

/// What all topics of a component begin with is written once, where it stands more than once.
fn put_base(component: &mut Map<String, Json>) {
    let topics =
        || component.iter().filter(|(key, _)| key.ends_with("topic")).filter_map(|(_, v)| v.as_str());
    let Some(base) = topics().min_by_key(|topic| topic.len()) else { return };
    let base = base
        .rsplit_once('/')
        .filter(|(_, last)| matches!(*last, "attributes" | "set"))
        .map_or(base, |(base, _)| base);
    if topics().count() < 2 || !topics().all(|topic| topic.starts_with(base)) {
        return;
    }
    let base = base.to_owned();
    for (_, value) in component.iter_mut().filter(|(key, _)| key.ends_with("topic")) {
        if let Some(rest) = value.as_str().and_then(|topic| topic.strip_prefix(&base)) {
            *value = format!("{BASE}{rest}").into();
        }
    }
    component.insert(BASE.into(), base.into());
}

/// The other way round, in a component of either form, as Home Assistant does it.
fn take_base(component: &mut Map<String, Json>) {
    let Some(Json::String(base)) = component.remove(BASE) else { return };
    let full = longer(KEYS);
    for (key, value) in component.iter_mut() {
        if full(key).ends_with("topic")
            && let Some(rest) = value.as_str().and_then(|topic| topic.strip_prefix(BASE))
        {
            *value = format!("{base}{rest}").into();
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_short_reads_as_it_was() {
        let long = json!({
            "device": {"identifiers": ["b_1"], "name": "Garage", "sw_version": "1", "serial_number": "S"},
            "origin": {"name": "bambu2mqtt", "sw_version": "2"},
            "availability": [{"topic": "b/bridge/availability"}],
            "components": {
                "number_bed": {"platform": "number", "command_topic": "b/S/bed/set",
                    "state_topic": "b/S/bed/attributes", "json_attributes_topic": "b/S/bed/attributes",
                    "availability": [{"topic": "b/S/control_mode", "value_template": "{{ value }}"}]},
                "sensor_layer": {"platform": "sensor", "state_topic": "b/S/layer"},
                "gone": {"platform": "light"},
            },
        });
        let short = shorten(long.as_object().unwrap());
        assert_eq!(
            short["cmps"]["number_bed"],
            json!({"p": "number", "~": "b/S/bed", "cmd_t": "~/set",
            "stat_t": "~/attributes", "json_attr_t": "~/attributes",
            "avty": [{"t": "b/S/control_mode", "val_tpl": "{{ value }}"}]})
        );
        // One topic alone is not shorter with a beginning of its own.
        assert_eq!(short["cmps"]["sensor_layer"], json!({"p": "sensor", "stat_t": "b/S/layer"}));
        assert_eq!(short["dev"], json!({"ids": ["b_1"], "name": "Garage", "sw": "1", "sn": "S"}));
        let short = Json::Object(short).to_string();
        assert_eq!(read(short.as_bytes()).unwrap(), long);
        assert_eq!(read(long.to_string().as_bytes()).unwrap(), long, "a message of an earlier version");
        assert_eq!(read(b"[]"), None);
    }

    #[test]
    fn no_key_is_short_for_two_and_none_is_another_one() {
        for keys in [KEYS, DEVICE, ORIGIN] {
            for (at, (long, short)) in keys.iter().enumerate() {
                let others = || keys.iter().enumerate().filter(|(other, _)| *other != at);
                assert!(others().all(|(_, (other, _))| other != short && other != long), "{long}");
                assert!(others().all(|(_, (_, other))| other != short && other != long), "{short}");
            }
        }
    }
}
