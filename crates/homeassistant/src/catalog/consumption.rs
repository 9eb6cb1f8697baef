//! What prints take: filament, energy, money. Of the print that is under way, else of the last one; all of it
//! stays readable while the printer is away.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use printer::Snapshot;
use printer::cloud::TaskSlot;
use printer::consumption::{self, Cost, Share};
use printer::record::{JobClass, JobRecord};

use super::super::entity::{CURRENCY, Entity, Value, sensor};
use super::DROP;

/// The print that these rows are about, and how much of it is printed. While it is under way the printer's own
/// report is fresher than the record.
fn subject(s: &Snapshot) -> Option<(&JobRecord, Option<Share>)> {
    let under_way = s.known.levels.job.as_deref().filter(|job| job.class == JobClass::Print);
    match under_way {
        Some(job) => {
            let live =
                || s.job.progress.zip(s.job.layer).filter(|(percent, layer)| *percent > 0 && *layer > 0);
            let share = match live().filter(|_| s.is_active()) {
                Some((percent, layer)) => {
                    Share::of(Some(percent), Some(layer), s.job.total_layers.or(job.total_layers))
                }
                None => Share::of_job(job),
            };
            Some((job, share))
        }
        None => s.known.levels.last.as_deref().map(|job| (job, Share::of_job(job))),
    }
}

fn filament_used(s: &Snapshot) -> Option<Value<'_>> {
    let (job, share) = subject(s)?;
    Some(Value::Decimal(share?.times(job.planned_g?), 1))
}

fn cost(s: &Snapshot) -> Option<Cost> {
    let prices = s.policy.prices.as_deref()?;
    let (job, share) = subject(s)?;
    Some(consumption::cost(job, share, s.policy.metered, prices, &s.known.facts.names))
}

fn money(value: Option<f64>) -> Option<Value<'static>> {
    value.map(|value| Value::Decimal(value, 2))
}

/// Whether what is told of the print may be other than before.
fn differ(a: &Snapshot, b: &Snapshot) -> bool {
    !same_figures(a, b) || costs_differ(a, b)
}

/// Whether the print is as far.
fn same_figures(a: &Snapshot, b: &Snapshot) -> bool {
    let figures = |s: &Snapshot| (s.job.progress, s.job.layer, s.job.total_layers, s.status);
    figures(a) == figures(b)
}

fn costs_differ(a: &Snapshot, b: &Snapshot) -> bool {
    let jobs =
        |s: &Snapshot| [&s.known.levels.job, &s.known.levels.last].map(|job| job.as_ref().map(Arc::as_ptr));
    jobs(a) != jobs(b) || a.policy.prices != b.policy.prices || a.policy.metered != b.policy.metered
}

fn places(value: f64, places: i32) -> f64 {
    let factor = 10_f64.powi(places);
    (value * factor).round() / factor
}

fn of_slot(slot: &TaskSlot, share: Option<Share>, s: &Snapshot) -> Json {
    let grams = share.zip(slot.weight_g).map(|(share, weight)| share.times(weight));
    let per_kg = s.policy.prices.as_deref().and_then(|prices| prices.per_kg(slot, &s.known.facts.names));
    let mut told = json!({
        "slot": slot.source().label().as_deref(),
        "material": slot.material.as_deref(),
        "used_g": grams.map(|grams| places(grams, 1)),
        "planned_g": slot.weight_g.map(|weight| places(weight.into(), 1)),
    });
    if let (Some(_), Some(told)) = (&s.policy.prices, told.as_object_mut()) {
        let cost = grams.zip(per_kg).map(|(grams, per_kg)| places(grams / 1000.0 * per_kg, 2));
        told.insert("cost".into(), json!(cost));
    }
    told
}

fn details(s: &Snapshot) -> Json {
    let (job, share) = match subject(s) {
        Some((job, share)) => (Some(job), share),
        None => (None, None),
    };
    let slots = job.map(|job| &*job.slots).unwrap_or_default();
    json!({
        "estimate": share.map(|share| share.estimate.word()),
        "planned_g": job.and_then(|job| job.planned_g).map(|weight| places(weight.into(), 1)),
        "per_slot": slots.iter().map(|slot| of_slot(slot, share, s)).collect::<Vec<_>>(),
    })
}

fn cost_details(s: &Snapshot) -> Json {
    let cost = cost(s).unwrap_or_default();
    let slots = subject(s).map(|(job, _)| &*job.slots).unwrap_or_default();
    let without: Vec<&str> = slots
        .iter()
        .filter(|slot| {
            s.policy
                .prices
                .as_deref()
                .is_some_and(|prices| prices.per_kg(slot, &s.known.facts.names).is_none())
        })
        .map(|slot| slot.material.as_deref().unwrap_or("unknown"))
        .collect();
    json!({
        "filament": cost.filament.map(|value| places(value, 2)),
        "energy": cost.energy.map(|value| places(value, 2)),
        "complete": cost.total.is_some(),
        "without_price": without,
    })
}

/// Whether nothing that these rows read is another.
pub(super) fn same(a: &Snapshot, b: &Snapshot) -> bool {
    same_figures(a, b)
        && Arc::ptr_eq(&a.policy, &b.policy)
        && super::same_levels(a, b)
        && super::same_facts(a, b)
}

pub(super) static CONSUMPTION: &[Entity<Snapshot>] = &[
    sensor::<Snapshot>("filament_used", "Filament used", filament_used)
        .class("weight")
        .unit("g")
        .decimals(|_| 1)
        .counter()
        .icon(DROP)
        .lasting()
        .early()
        .with(differ, details),
    sensor::<Snapshot>("job_cost", "Print cost", |s| money(cost(s)?.total))
        .class("monetary")
        .unit(CURRENCY)
        .decimals(|_| 2)
        .lasting()
        .needs(|_, s| s.policy.prices.is_some())
        .with(differ, cost_details),
    sensor::<Snapshot>("filament_cost", "Filament cost", |s| money(cost(s)?.filament))
        .class("monetary")
        .unit(CURRENCY)
        .decimals(|_| 2)
        .lasting()
        .hidden()
        .needs(|_, s| s.policy.prices.is_some()),
    sensor::<Snapshot>("job_energy", "Print energy", |s| Some(Value::Decimal(subject(s)?.0.energy_kwh?, 3)))
        .class("energy")
        .unit("kWh")
        .decimals(|_| 2)
        .counter()
        .lasting()
        .needs(|_, s| s.policy.metered),
];
