//! Energy meters: which plug tells on which topic, and what its messages say. What a reading means for a job is
//! the tracker's affair.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;
use tracing::{debug, warn};

use crate::config::{self, Config, Energy};
use crate::mqtt::Qos;
use bambu::filaments;
use printer::consumption::FilamentPrice;
use printer::{Now, Prices, Serial};
use twin::Input;

use super::Gateway;

/// More than a plug has to say.
const LONGEST: usize = 64 << 10;

/// The meters that were named, and what they cost.
pub(crate) struct Meters {
    /// Which printers hang on what tells on a topic.
    topics: BTreeMap<String, Vec<(Serial, Energy)>>,
    /// What is paid for what they tell.
    prices: Option<Arc<Prices>>,
    /// Meters that said something unreadable, which is told once.
    unreadable: BTreeSet<Serial>,
}

impl Meters {
    pub(crate) fn new(config: &Config) -> Self {
        let mut topics: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for printer in config.printers.iter().filter(|printer| !printer.ignore) {
            if let Some(energy) = &printer.energy {
                let entry = (Serial::new(&printer.serial), energy.clone());
                topics.entry(energy.topic.clone()).or_default().push(entry);
            }
        }
        let prices = config.prices.as_ref().map(|prices| Arc::new(of_config(prices)));
        Self { topics, prices, unreadable: BTreeSet::new() }
    }

    /// What the tracker and the entities of a printer have to know.
    pub(super) fn of(&self, serial: &Serial) -> (Option<&Arc<Prices>>, bool) {
        (self.prices.as_ref(), self.topics.values().flatten().any(|(of, _)| of == serial))
    }
}

/// Prices by what printers and the cloud call filaments: a name that is known stands for its ids.
fn of_config(prices: &config::Prices) -> Prices {
    let mut filaments = Vec::new();
    for (name, per_kg) in &prices.filaments {
        let ids = filaments::ids(name).map(Into::into);
        let names = std::iter::once(name.as_str().into()).chain(ids);
        filaments.extend(names.map(|filament| FilamentPrice { filament, per_kg: *per_kg }));
    }
    Prices { currency: prices.currency, filaments, energy_per_kwh: prices.energy_per_kwh }
}

/// What a meter shows, kWh; else what is wrong with its message.
fn read(energy: &Energy, payload: &[u8]) -> Result<f64, String> {
    let text = std::str::from_utf8(payload).ok().filter(|text| text.len() <= LONGEST);
    let text = text.ok_or("it is not text")?.trim();
    let figure = match &energy.value {
        None => text.parse::<f64>().map_err(|_| {
            "it is not a number; if it is JSON, `energy.value` must name where the figure stands".to_owned()
        })?,
        Some(path) => {
            let json: Value = serde_json::from_str(text).map_err(|_| {
                "it is not JSON; if the payload is the figure itself, leave out `energy.value`".to_owned()
            })?;
            let value = find(&json, path).ok_or_else(|| format!("there is no `{path}` in it"))?;
            let figure = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
            figure.ok_or_else(|| format!("`{path}` is not a number in it"))?
        }
    };
    if !figure.is_finite() || figure < 0.0 {
        return Err("a meter does not go below 0".to_owned());
    }
    Ok(energy.unit.to_kwh(figure))
}

/// A value by its key, by keys with dots between them, or by a JSON pointer.
fn find<'a>(json: &'a Value, path: &str) -> Option<&'a Value> {
    if path.starts_with('/') {
        return json.pointer(path);
    }
    let whole = json.get(path);
    whole.or_else(|| path.split('.').try_fold(json, |value, key| value.get(key)))
}

impl Gateway {
    /// Listens to the meters, after the local broker was found.
    pub(super) fn subscribe_meters(&self) {
        for topic in self.meters.topics.keys() {
            self.local.outbox().subscribe(topic.clone(), Qos::AtMostOnce);
        }
    }

    /// Follows a configuration that was read again.
    pub(super) fn replace_meters(&mut self) {
        let old = std::mem::replace(&mut self.meters, Meters::new(&self.config));
        for topic in old.topics.keys().filter(|topic| !self.meters.topics.contains_key(*topic)) {
            self.local.outbox().unsubscribe(topic.clone());
        }
        self.subscribe_meters();
    }

    /// Takes what a meter says; false when the topic is none of a meter.
    pub(super) fn on_meter(&mut self, now: Now, topic: &str, payload: &[u8]) -> bool {
        let Some(meters) = self.meters.topics.get(topic) else { return false };
        for (serial, energy) in meters.clone() {
            match read(&energy, payload) {
                Ok(kwh) => {
                    self.meters.unreadable.remove(&serial);
                    self.give(now, &serial, Input::Energy(kwh));
                }
                Err(why) => {
                    let Some(printer) = self.printers.get(&serial) else { continue };
                    let name = printer.twin.snapshot().name();
                    if self.meters.unreadable.insert(serial) {
                        warn!(printer = %name, topic, "the message of the energy meter cannot be used: {why}");
                    } else {
                        debug!(printer = %name, topic, why, "the message of the energy meter");
                    }
                }
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::EnergyUnit;

    fn meter(value: Option<&str>, unit: EnergyUnit) -> Energy {
        Energy { topic: "plug".to_owned(), value: value.map(str::to_owned), unit }
    }

    #[test]
    fn plugs_of_each_kind_are_understood() {
        let (kwh, wh, wmin) = (EnergyUnit::KilowattHours, EnergyUnit::WattHours, EnergyUnit::WattMinutes);
        for (value, unit, payload, expected) in [
            // Zigbee2MQTT.
            (Some("energy"), kwh, r#"{"current":0.41,"energy":12.34,"power":88,"state":"ON"}"#, Some(12.34)),
            // Tasmota, tele/PLUG/SENSOR.
            (Some("ENERGY.Total"), kwh, r#"{"Time":"x","ENERGY":{"Total":3.125,"Power":90}}"#, Some(3.125)),
            (Some("/ENERGY/Total"), kwh, r#"{"ENERGY":{"Total":"3.125"}}"#, Some(3.125)),
            // One with several outlets.
            (Some("/ENERGY/Total/1"), kwh, r#"{"ENERGY":{"Total":[1.0,2.5]}}"#, Some(2.5)),
            // Shelly Plus, PLUG/status/switch:0.
            (
                Some("aenergy.total"),
                wh,
                r#"{"id":0,"aenergy":{"total":2500.0,"by_minute":[1,2]}}"#,
                Some(2.5),
            ),
            (Some("a.b"), kwh, r#"{"a.b":1.5}"#, Some(1.5)),
            // Shelly of the first generation, shellies/PLUG/relay/0/energy.
            (None, wmin, "600000", Some(10.0)),
            (None, kwh, " 7.25\n", Some(7.25)),
            (None, kwh, "0", Some(0.0)),
            (None, kwh, r#"{"energy":1}"#, None),
            (None, kwh, "unavailable", None),
            (None, kwh, "-1", None),
            (None, kwh, "NaN", None),
            (None, kwh, "", None),
            (Some("energy"), kwh, "12", None),
            (Some("energy"), kwh, r#"{"power":88}"#, None),
            (Some("energy"), kwh, r#"{"energy":null}"#, None),
            (Some("energy"), kwh, r#"{"energy":"unknown"}"#, None),
            (Some("energy"), kwh, "\u{0}", None),
        ] {
            assert_eq!(read(&meter(value, unit), payload.as_bytes()).ok(), expected, "{payload}");
        }
        assert!(read(&meter(None, kwh), b"\xff").is_err());
    }

    #[test]
    fn a_name_stands_for_its_ids() {
        let prices = config::Prices {
            currency: "EUR",
            filaments: vec![("bambu pla matte".to_owned(), 25.0), ("PLA".to_owned(), 20.0)],
            energy_per_kwh: None,
        };
        let named: Vec<_> =
            of_config(&prices).filaments.iter().map(|price| price.filament.to_string()).collect();
        assert_eq!(named, ["bambu pla matte", "GFA01", "PLA"]);
    }
}
