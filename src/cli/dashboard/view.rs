//! Announced devices to a dashboard: one view for each printer, of cards that every Home Assistant has.

use std::collections::BTreeMap;

use homeassistant::Names;
use serde_json::Value as Json;
use serde_yaml::{Mapping, Value as Yaml};

/// What to do with it.
pub(super) const HEAD: &str = "\
# In Home Assistant: Settings > Dashboards > Add dashboard > New dashboard from scratch. Open it, choose the pencil,
# then Raw configuration editor in the menu at the top right, and put this in the place of what is there.
# Entities that you renamed have other ids: change them here, too.";

/// A device as it is announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Device {
    pub(super) id: String,
    pub(super) name: String,
    /// The device that it hangs on.
    via: Option<String>,
    /// Its entities that are on: by the key, what Home Assistant calls it, and its name for people.
    entities: BTreeMap<String, Entity>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entity {
    id: String,
    name: String,
}

impl Device {
    /// Of a discovery message in its long form; `None` if it lacks what every one of ours has.
    pub(super) fn read(id: &str, config: &Json) -> Option<Self> {
        let block = config.get("device")?;
        let text = |value: &Json, key: &str| value.get(key).and_then(Json::as_str).map(str::to_owned);
        let prefix = format!("{id}_");
        let entity = |component: &Json| {
            let shown = component.get("enabled_by_default") != Some(&Json::Bool(false));
            let platform = text(component, "platform")?;
            let key = text(component, "unique_id")?.strip_prefix(&prefix)?.to_owned();
            let entity = Entity {
                id: text(component, "default_entity_id")?,
                name: text(component, "name").unwrap_or_default(),
            };
            // A sensor and a button may have one key: the platform tells them apart.
            shown.then(|| (format!("{platform}.{key}"), entity))
        };
        Some(Self {
            id: id.to_owned(),
            name: text(block, "name")?,
            via: text(block, "via_device"),
            entities: config.get("components")?.as_object()?.values().filter_map(entity).collect(),
        })
    }

    pub(super) fn is_called(&self, name: &str) -> bool {
        self.name.to_lowercase() == name.trim().to_lowercase()
    }

    fn entity(&self, key: &str) -> Option<&Entity> {
        self.entities.get(key)
    }

    /// The first of these that it has.
    fn first(&self, keys: &[&str]) -> Option<&Entity> {
        keys.iter().find_map(|key| self.entity(key))
    }

    /// The entities of its slots, in their order.
    fn slots(&self) -> impl Iterator<Item = &Entity> {
        (1..=32).map_while(|number| self.entity(&format!("sensor.tray_{number}")))
    }
}

/// The printers among the devices, by their names.
pub(super) fn printers<'a>(devices: &'a [Device], bridge: &str) -> Vec<&'a Device> {
    let mut printers: Vec<&Device> =
        devices.iter().filter(|device| device.via.as_deref() == Some(bridge)).collect();
    printers.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    printers
}

/// As text. Home Assistant's files are read as YAML 1.1, in which a bare `on` is no text but true.
pub(super) fn written(dashboard: &Yaml) -> Result<String, serde_yaml::Error> {
    Ok(serde_yaml::to_string(dashboard)?.replace(": on\n", ": \"on\"\n"))
}

/// A dashboard with a view for each of these printers.
pub(super) fn dashboard(printers: &[&Device], devices: &[Device], names: &Names) -> Yaml {
    let views = printers.iter().map(|printer| view(printer, devices, names)).collect();
    map([("views", Yaml::Sequence(views))])
}

fn view(printer: &Device, devices: &[Device], names: &Names) -> Yaml {
    let mut children: Vec<&Device> =
        devices.iter().filter(|device| device.via.as_deref() == Some(&printer.id)).collect();
    children.sort_by(|a, b| a.name.cmp(&b.name));
    let spools = children.iter().filter_map(|child| filament(printer, child));
    let sections: Vec<Yaml> = [job(printer), temperatures(printer, names)]
        .into_iter()
        .flatten()
        .chain(spools)
        .chain(controls(printer))
        .collect();
    map([
        ("type", "sections".into()),
        ("title", printer.name.as_str().into()),
        ("path", homeassistant::topic::slug(&printer.name).into()),
        ("icon", "mdi:printer-3d".into()),
        ("max_columns", 3.into()),
        ("sections", Yaml::Sequence(sections)),
    ])
}

/// What it is doing, with its picture, and the buttons for it.
fn job(printer: &Device) -> Option<Yaml> {
    let mut cards = vec![heading(&printer.name, "mdi:printer-3d")];
    if let Some(attention) = printer.entity("binary_sensor.needs_attention") {
        cards.push(with(
            tile(attention),
            [
                ("color", "red".into()),
                ("visibility", list([condition(&attention.id, "on")])),
                ("grid_options", full()),
            ],
        ));
    }
    if let Some(cover) = printer.entity("image.cover") {
        cards.push(map([
            ("type", "picture-entity".into()),
            ("entity", cover.id.as_str().into()),
            ("show_name", false.into()),
            ("show_state", false.into()),
            ("fit_mode", "contain".into()),
            ("aspect_ratio", "16x9".into()),
        ]));
    }
    let main = ["sensor.activity", "sensor.stage", "sensor.job_name"];
    cards.extend(
        main.iter()
            .filter_map(|key| printer.entity(key))
            .map(|entity| with(tile(entity), [("grid_options", full())])),
    );
    let figures = ["sensor.progress", "sensor.remaining_time", "sensor.end_time", "sensor.layer"];
    cards.extend(figures.iter().filter_map(|key| printer.entity(key)).map(tile));
    for (key, asks) in [("button.pause", false), ("button.resume", false), ("button.stop", true)] {
        cards.extend(printer.entity(key).map(|button| pressed(button, asks)));
    }
    Some(section(cards)).filter(|_| !printer.entities.is_empty())
}

/// What is warm, now and in the last hours.
fn temperatures(printer: &Device, names: &Names) -> Option<Yaml> {
    let measured = [
        "sensor.nozzle_temperature",
        "sensor.left_nozzle_temperature",
        "sensor.right_nozzle_temperature",
        "sensor.bed_temperature",
        "sensor.chamber_temperature",
    ];
    let measured: Vec<&Entity> = measured.iter().filter_map(|key| printer.entity(key)).collect();
    if measured.is_empty() {
        return None;
    }
    let mut cards = vec![heading(names.get("Temperature"), "mdi:thermometer")];
    cards.extend(measured.iter().map(|entity| tile(entity)));
    for target in
        ["nozzle_target", "left_nozzle_target", "right_nozzle_target", "bed_target", "chamber_target"]
    {
        // A number to set where that works, else a sensor; both are shown by the same card.
        let keys = [format!("number.{target}"), format!("sensor.{target}")];
        cards.extend(keys.iter().find_map(|key| printer.entity(key)).map(tile));
    }
    let lines = measured
        .iter()
        .map(|entity| map([("entity", entity.id.as_str().into()), ("name", entity.name.as_str().into())]));
    cards.push(map([
        ("type", "history-graph".into()),
        ("hours_to_show", 6.into()),
        ("entities", Yaml::Sequence(lines.collect())),
        ("grid_options", full()),
    ]));
    Some(section(cards))
}

/// An AMS with its slots in the colors of their filament, or an external spool.
fn filament(printer: &Device, child: &Device) -> Option<Yaml> {
    let own = child.name.strip_prefix(&printer.name).map_or(child.name.as_str(), str::trim);
    let mut cards = vec![heading(own, "mdi:printer-3d-nozzle")];
    let slots: Vec<&Entity> = child.slots().chain(child.entity("sensor.spool")).collect();
    if slots.is_empty() {
        return None;
    }
    cards.push(map([
        ("type", "markdown".into()),
        ("content", slots.iter().map(|slot| in_color(slot, own)).collect::<Vec<_>>().join("\n").into()),
        ("grid_options", full()),
    ]));
    let climate = ["sensor.humidity", "sensor.temperature", "sensor.drying_remaining"];
    cards.extend(climate.iter().filter_map(|key| child.entity(key)).map(tile));
    cards.extend(child.first(&["switch.drying", "binary_sensor.drying"]).map(tile));
    Some(section(cards))
}

/// A line of Markdown for a slot: its filament, in its color, and what is left of it.
fn in_color(slot: &Entity, device: &str) -> String {
    let name = if slot.name.is_empty() { device } else { &slot.name };
    let id = &slot.id;
    // White on white would not be seen.
    format!(
        "{{% set c = state_attr('{id}', 'color') or 'gray' %}}{{% set left = state_attr('{id}', 'remain') %}}\
         <font color=\"{{{{ 'darkgray' if c == '#FFFFFF' else c }}}}\"><ha-icon \
         icon=\"mdi:circle{{{{ '-outline' if c == '#FFFFFF' }}}}\"></ha-icon></font> **{name}** {{{{ states('{id}') }}}}\
         {{% if left is number and left >= 0 %}} ({{{{ left }}}} %){{% endif %}}\
         {{% if state_attr('{id}', 'active') %}} ◀{{% endif %}}<br>"
    )
}

/// Lamps, fans, speed and the like.
fn controls(printer: &Device) -> Option<Yaml> {
    let keys: &[&[&str]] = &[
        &["light.chamber_light"],
        &["select.speed_profile", "sensor.speed_profile"],
        &["fan.part_fan", "sensor.part_fan_speed"],
        &["fan.aux_fan", "sensor.aux_fan_speed"],
        &["fan.chamber_fan", "sensor.chamber_fan_speed"],
        &["binary_sensor.door"],
        &["binary_sensor.safe_to_power_off"],
        &["binary_sensor.bed_cooled"],
        &["sensor.control_mode"],
    ];
    let mut cards: Vec<Yaml> = keys.iter().filter_map(|keys| printer.first(keys)).map(tile).collect();
    if cards.is_empty() {
        return None;
    }
    cards.insert(0, heading(&printer.name, "mdi:tune"));
    Some(section(cards))
}

fn section(cards: Vec<Yaml>) -> Yaml {
    map([("type", "grid".into()), ("cards", Yaml::Sequence(cards))])
}

fn heading(text: &str, icon: &str) -> Yaml {
    map([("type", "heading".into()), ("heading", text.into()), ("icon", icon.into())])
}

fn tile(entity: &Entity) -> Yaml {
    let name = Some(entity.name.as_str()).filter(|name| !name.is_empty());
    let tile = map([("type", "tile".into()), ("entity", entity.id.as_str().into())]);
    with(tile, name.map(|name| ("name", name.into())))
}

/// A tile that presses a button; what cannot be taken back is asked for first.
fn pressed(button: &Entity, asks: bool) -> Yaml {
    let press = map([
        ("action", "perform-action".into()),
        ("perform_action", "button.press".into()),
        ("target", map([("entity_id", button.id.as_str().into())])),
    ]);
    let sure = asks.then(|| ("confirmation", map([("text", format!("{}?", button.name).into())])));
    // One that the printer would refuse now is not there.
    let offered = map([
        ("condition", "state".into()),
        ("entity", button.id.as_str().into()),
        ("state_not", "unavailable".into()),
    ]);
    with(
        tile(button),
        [
            ("hide_state", true.into()),
            ("tap_action", with(press, sure)),
            ("icon_tap_action", map([("action", "none".into())])),
            ("visibility", list([offered])),
        ],
    )
}

fn condition(entity: &str, state: &str) -> Yaml {
    map([("condition", "state".into()), ("entity", entity.into()), ("state", state.into())])
}

/// The width of the section.
fn full() -> Yaml {
    map([("columns", "full".into())])
}

fn list(items: impl IntoIterator<Item = Yaml>) -> Yaml {
    Yaml::Sequence(items.into_iter().collect())
}

fn map<'a>(members: impl IntoIterator<Item = (&'a str, Yaml)>) -> Yaml {
    with(Yaml::Mapping(Mapping::new()), members)
}

/// The same mapping with these members at its end.
fn with<'a>(mut mapping: Yaml, members: impl IntoIterator<Item = (&'a str, Yaml)>) -> Yaml {
    if let Yaml::Mapping(own) = &mut mapping {
        own.extend(members.into_iter().map(|(key, value)| (Yaml::from(key), value)));
    }
    mapping
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn device(id: &str, name: &str, via: &str, entities: &[(&str, &str, &str, bool)]) -> Device {
        let component = |(platform, key, name, on): &(&str, &str, &str, bool)| {
            let mut component = json!({"platform": platform, "unique_id": format!("{id}_{key}"), "name": name,
                "default_entity_id": format!("{platform}.test_{key}")});
            if !on {
                component["enabled_by_default"] = json!(false);
            }
            (format!("{platform}_{key}"), component)
        };
        let components: serde_json::Map<_, _> = entities.iter().map(component).collect();
        let config = json!({"device": {"name": name, "via_device": via}, "components": components});
        Device::read(id, &config).unwrap()
    }

    fn house() -> Vec<Device> {
        vec![
            device("b_bridge", "Bambu gateway", "", &[("sensor", "account", "Account", true)]),
            device(
                "b_S1",
                "Garage",
                "b_bridge",
                &[
                    ("sensor", "activity", "Activity", true),
                    ("sensor", "layer", "Current layer", false),
                    ("binary_sensor", "needs_attention", "Needs attention", true),
                    ("button", "pause", "Pause printing", true),
                    ("button", "stop", "Stop printing", true),
                    ("sensor", "bed_temperature", "Bed temperature", true),
                    ("number", "bed_target", "Bed target temperature", true),
                ],
            ),
            device("b_S2", "Attic", "b_bridge", &[("sensor", "activity", "Aktivität", true)]),
            device(
                "b_ams_X",
                "Garage AMS 1",
                "b_S1",
                &[("sensor", "tray_1", "Tray 1", true), ("sensor", "tray_2", "Tray 2", true)],
            ),
        ]
    }

    #[test]
    fn a_view_has_what_its_printer_has_and_nothing_that_is_off() {
        let house = house();
        let printers = printers(&house, "b_bridge");
        assert_eq!(printers.iter().map(|printer| &*printer.name).collect::<Vec<_>>(), ["Attic", "Garage"]);
        let garage: Vec<&Device> =
            printers.into_iter().filter(|printer| printer.is_called(" garage ")).collect();
        let text = written(&dashboard(&garage, &house, &Names::default())).unwrap();
        let back: Yaml = serde_yaml::from_str(&text).unwrap();
        assert_eq!(back["views"].as_sequence().unwrap().len(), 1);
        for part in [
            "entity: sensor.test_activity",
            "entity: number.test_bed_target",
            "state_attr('sensor.test_tray_2', 'color')",
            "heading: AMS 1",
            "state: \"on\"",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
        assert!(!text.contains("layer") && !text.contains("sensor.test_account"), "{text}");
        // What ends a print is asked for first, and only that.
        assert_eq!(text.matches("confirmation").count(), 1);
        assert!(text.contains("text: Stop printing?"));
    }

    #[test]
    fn names_are_those_that_were_announced() {
        let house = house();
        let attic: Vec<&Device> = printers(&house, "b_bridge").into_iter().take(1).collect();
        let text = written(&dashboard(&attic, &house, &Names::default())).unwrap();
        assert!(text.contains("name: Aktivität") && !text.contains("Garage"), "{text}");
    }
}
