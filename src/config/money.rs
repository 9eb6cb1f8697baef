//! Prices, and the meters that printers hang on: what was written, and whether it can work.

use serde::Deserialize;

use super::currency;
use super::findings::Findings;
use super::topic::exact_topic;

/// What filament and energy cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Prices {
    /// Code after ISO 4217.
    pub currency: &'static str,
    /// By what is written: an id, a name, a material, or `other`.
    pub filaments: Vec<(String, f64)>,
    /// One kWh.
    pub energy_per_kwh: Option<f64>,
}

/// The energy meter of one printer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Energy {
    /// Where it tells on the local broker.
    pub topic: String,
    /// Where in its JSON the figure stands; without it the payload is the figure.
    pub value: Option<String>,
    /// What it counts.
    pub unit: EnergyUnit,
}

/// What a meter counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
pub enum EnergyUnit {
    /// Most plugs.
    #[default]
    #[serde(rename = "kWh")]
    KilowattHours,
    /// Shelly of the second generation.
    #[serde(rename = "Wh")]
    WattHours,
    /// Shelly of the first generation.
    #[serde(rename = "Wmin")]
    WattMinutes,
}

impl EnergyUnit {
    /// A figure in kWh.
    pub fn to_kwh(self, figure: f64) -> f64 {
        match self {
            Self::KilowattHours => figure,
            Self::WattHours => figure / 1000.0,
            Self::WattMinutes => figure / 60_000.0,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "settings such as `currency`")]
pub(super) struct PricesBlock {
    pub(super) currency: Option<String>,
    pub(super) energy_per_kwh: Option<f64>,
    pub(super) filaments: Vec<FilamentBlock>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a filament and its price")]
pub(super) struct FilamentBlock {
    pub(super) filament: Option<String>,
    pub(super) per_kg: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "settings such as `topic`")]
pub(super) struct EnergyBlock {
    pub(super) topic: Option<String>,
    pub(super) value: Option<String>,
    pub(super) unit: EnergyUnit,
}

/// A price that can be one.
fn price(key: &str, value: f64, findings: &mut Findings) -> Option<f64> {
    if value.is_finite() && value >= 0.0 {
        return Some(value);
    }
    findings.problem(key, format!("`{value}` is not a price; write a number from 0 on, such as 19.99"));
    None
}

pub(super) fn prices(block: PricesBlock, findings: &mut Findings) -> Option<Prices> {
    let PricesBlock { currency, energy_per_kwh, filaments } = block;
    let written = energy_per_kwh.is_some() || !filaments.is_empty();
    let energy_per_kwh = energy_per_kwh.and_then(|value| price("prices.energy_per_kwh", value, findings));
    let mut known: Vec<(String, f64)> = Vec::new();
    for (index, block) in filaments.into_iter().enumerate() {
        let here = format!("prices.filaments[{index}]");
        let name = block.filament.unwrap_or_default().trim().to_owned();
        let name_key = format!("{here}.filament");
        if name.is_empty() {
            let text = "missing; give a material such as PLA, a name such as Bambu PLA Matte, an id such as \
                        GFA01, or `other` for all that are not listed";
            findings.problem(&name_key, text.to_owned());
        } else if known.iter().any(|(other, _)| other.eq_ignore_ascii_case(&name)) {
            findings.problem(&name_key, format!("`{name}` already has a price above"));
        }
        let price_key = format!("{here}.per_kg");
        match block.per_kg {
            Some(value) => {
                known.extend(price(&price_key, value, findings).map(|per_kg| (name, per_kg)));
            }
            None => findings.problem(&price_key, "missing; the price of one kilogram".to_owned()),
        }
    }
    let Some(code) = currency else {
        if written {
            let text = "missing; give the code of your currency, such as EUR or USD";
            findings.problem("prices.currency", text.to_owned());
        }
        return None;
    };
    let Some(currency) = currency::find(&code) else {
        let text = format!("`{code}` is not the code of a currency; write it as EUR, USD or GBP");
        findings.problem("prices.currency", text);
        return None;
    };
    Some(Prices { currency, filaments: known, energy_per_kwh })
}

pub(super) fn energy(key: &str, block: EnergyBlock, findings: &mut Findings) -> Option<Energy> {
    let topic_key = format!("{key}.topic");
    let Some(topic) = block.topic else {
        let text = "missing; the topic on the local broker on which the printer's plug tells its meter";
        findings.problem(&topic_key, text.to_owned());
        return None;
    };
    let value = block.value.map(|value| value.trim().to_owned());
    if value.as_deref() == Some("") {
        let text = "is empty; leave it out where the payload is the figure itself";
        findings.problem(&format!("{key}.value"), text.to_owned());
    }
    exact_topic(&topic_key, &topic, findings).then_some(Energy { topic, value, unit: block.unit })
}
