//! What follows from a printer's jobs and stays true until something else is: for automations that must not
//! miss an edge (`docs/automations.md`). All of it stays readable while the printer is away.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use printer::command::permit::Class;
use printer::consumption::Share;
use printer::levels::Activity;
use printer::record::{Counters, JobRecord, JobResult};
use printer::{Command, Levels, Snapshot};

use super::super::entity::{Entity, Value, binary, button, seconds, sensor, words};
use super::super::event::{color, planned, rounded, taken};
use super::{DROP, flag, text};

fn is_printing(activity: Activity) -> bool {
    matches!(activity, Activity::Preparing | Activity::Printing | Activity::Paused)
}

fn last(s: &Snapshot) -> Option<&JobRecord> {
    s.known.levels.last.as_deref()
}

/// Whether something of the levels is another than before; mostly they are one and the same.
fn differ<T: PartialEq>(a: &Snapshot, b: &Snapshot, part: fn(&Levels) -> &T) -> bool {
    !Arc::ptr_eq(&a.known.levels, &b.known.levels) && part(&a.known.levels) != part(&b.known.levels)
}

/// Totals; unknown until something was counted or the printer has been seen. A total that is 0 for a moment
/// would be a new beginning to Home Assistant's statistics.
fn counted(s: &Snapshot) -> Option<&Counters> {
    let counters = &s.known.levels.counters;
    (s.known.levels.activity.is_some() || *counters != Counters::default()).then_some(counters)
}

fn total(count: u64) -> Value<'static> {
    Value::Int(i64::try_from(count).unwrap_or(i64::MAX))
}

/// Hours with one decimal.
#[allow(clippy::cast_precision_loss, reason = "a printer does not live that long")]
fn hours(seconds: u64) -> Value<'static> {
    // Downwards, so that an hour is not over before it is.
    Value::Tenths((seconds / 360) as f32 / 10.0)
}

/// Whole grams: a total that moves by less is not worth a row in anybody's database.
#[allow(clippy::cast_possible_truncation, reason = "grams of filament")]
fn grams(counters: &Counters) -> Value<'static> {
    Value::Int(counters.filament_g.values().sum::<f64>().round() as i64)
}

/// Prints that were finished among those that were finished or failed, in percent. One that somebody cancelled
/// is neither.
fn success_rate(s: &Snapshot) -> Option<Value<'_>> {
    let Counters { finished, failed, .. } = counted(s)?;
    let ended = finished.checked_add(*failed).filter(|ended| *ended > 0)?;
    Some(total((finished.saturating_mul(100) + ended / 2) / ended))
}

/// A job in a form that templates and programs read; what is not known is null.
pub(super) fn of_job(job: &JobRecord, named: bool) -> Map<String, Json> {
    let reason = job.reason.as_ref();
    let share = Share::of_job(job);
    let slots: Vec<Json> = job
        .slots
        .iter()
        .map(|slot| {
            json!({
                "slot": slot.source().label().as_deref(),
                "material": slot.material.as_deref(),
                "color": slot.color.as_deref().map(color),
                "weight_g": taken(share, slot.weight_g),
                "plan_g": planned(slot.weight_g),
            })
        })
        .collect();
    let map = json!({
        "name": job.name.as_deref().filter(|_| named),
        "result": job.result.map(JobResult::word),
        "started": job.started_at.map(seconds),
        "ended": job.ended_at.map(seconds),
        "duration_s": job.duration_s(),
        "paused_s": job.paused_s,
        "progress": job.progress,
        "layer": job.layer,
        "total_layers": job.total_layers,
        "filament_g": taken(share, job.planned_g),
        "filament_m": taken(share, job.planned_m),
        "filament_plan_g": planned(job.planned_g),
        "per_slot": slots,
        "energy_kwh": job.energy_kwh.map(|v| rounded(v, 3)),
        "cost": job.cost.map(|v| rounded(v, 2)),
        "reason": reason.map(|reason| reason.kind.as_str()).filter(|kind| !kind.is_empty()),
        "reason_code": reason.and_then(|reason| reason.code.as_deref()),
        "reason_text": reason.and_then(|reason| reason.text.as_deref()),
        "observed": job.observed,
    });
    match map {
        Json::Object(map) => map,
        _ => Map::new(),
    }
}

fn last_name(s: &Snapshot) -> Option<Value<'_>> {
    let job = last(s)?;
    // What became of it is no secret.
    if s.policy.privacy.job_names { text(job.name.as_ref()) } else { Some(job.result?.word().into()) }
}

fn last_job(s: &Snapshot) -> Json {
    let mut details = last(s).map(|job| of_job(job, s.policy.privacy.job_names)).unwrap_or_default();
    if !details.is_empty() {
        details.insert("event_id".into(), json!(s.known.levels.last_event.as_deref()));
    }
    details.into()
}

/// The last jobs, newest first; without the slots, since Home Assistant keeps attributes only up to 16 kB.
fn history(s: &Snapshot) -> Json {
    let job = |job: &Arc<JobRecord>| {
        let mut listed = of_job(job, s.policy.privacy.job_names);
        listed.remove("per_slot");
        if job.result.is_none() && !job.observed {
            // The cloud, which such a job comes from, has one word for both.
            listed.insert("result".into(), json!("failed_or_cancelled"));
        }
        Json::Object(listed)
    };
    json!({ "jobs": s.known.levels.recent.iter().map(job).collect::<Vec<_>>() })
}

fn by_material(s: &Snapshot) -> Json {
    let grams = s.known.levels.counters.filament_g.iter();
    Json::Object(grams.map(|(material, g)| (material.to_string(), json!(rounded(*g, 1)))).collect())
}

/// In this order: what an automation begins with comes last, so that it finds the rest as it is now.
pub(super) static LEVELS: &[Entity<Snapshot>] = &[
    words::<Snapshot>(
        "last_result",
        "Last result",
        || JobResult::WORDS.to_vec(),
        |s| Some(last(s)?.result?.word().into()),
    )
    .icon("mdi:flag-checkered")
    .diagnostic()
    .hidden()
    .lasting()
    .early(),
    sensor::<Snapshot>("last_job", "Last print", last_name)
        .icon("mdi:file-check-outline")
        .diagnostic()
        .lasting()
        .early()
        .with(
            |a, b| differ(a, b, |levels| &levels.last) || differ(a, b, |levels| &levels.last_event),
            last_job,
        ),
    sensor::<Snapshot>("last_ended", "Last print ended", |s| Some(Value::Time(last(s)?.ended_at?)))
        .class("timestamp")
        .diagnostic()
        .lasting()
        .early(),
    sensor::<Snapshot>("job_history", "Last prints", |s| {
        (s.known.levels.activity.is_some() || !s.known.levels.recent.is_empty())
            .then(|| Value::Int(i64::try_from(s.known.levels.recent.len()).unwrap_or(i64::MAX)))
    })
    .icon("mdi:history")
    .whole()
    .diagnostic()
    .hidden()
    .lasting()
    .early()
    .with(|a, b| differ(a, b, |levels| &levels.recent), history),
    sensor::<Snapshot>("prints_finished", "Prints finished", |s| Some(total(counted(s)?.finished)))
        .icon("mdi:check-circle-outline")
        .counter()
        .diagnostic()
        .hidden()
        .lasting()
        .early(),
    sensor::<Snapshot>("prints_failed", "Prints failed", |s| Some(total(counted(s)?.failed)))
        .icon("mdi:close-circle-outline")
        .counter()
        .diagnostic()
        .hidden()
        .lasting()
        .early(),
    sensor::<Snapshot>("prints_cancelled", "Prints cancelled", |s| Some(total(counted(s)?.cancelled)))
        .icon("mdi:cancel")
        .counter()
        .diagnostic()
        .hidden()
        .lasting()
        .early(),
    sensor::<Snapshot>("success_rate", "Success rate", success_rate)
        .unit("%")
        .measurement()
        .icon("mdi:percent-outline")
        .diagnostic()
        .hidden()
        .lasting()
        .early(),
    sensor::<Snapshot>("usage_hours", "Total usage", |s| Some(hours(counted(s)?.printing_s)))
        .class("duration")
        .unit("h")
        .decimals(|_| 1)
        .counter()
        .diagnostic()
        .lasting()
        .early(),
    sensor::<Snapshot>("filament_total", "Total filament", |s| Some(grams(counted(s)?)))
        .class("weight")
        .unit("g")
        .counter()
        .icon(DROP)
        .diagnostic()
        .lasting()
        .early()
        .with(|a, b| differ(a, b, |levels| &levels.counters.filament_g), by_material),
    words::<Snapshot>(
        "activity",
        "Activity",
        || Activity::WORDS.to_vec(),
        |s| Some(s.known.levels.activity?.word().into()),
    )
    .icon("mdi:printer-3d")
    .lasting()
    .early(),
    binary::<Snapshot>("printing", "Printing", |s| flag(s.known.levels.activity.map(is_printing)))
        .class("running")
        .hidden()
        .lasting()
        .early(),
    // Early, so that what an earlier run has told is taken back before the gateway calls itself online: the printer
    // may have begun to print meanwhile, and may not be heard for long.
    binary::<Snapshot>("safe_to_power_off", "Safe to power off", |s| flag(s.known.levels.safe_to_power_off))
        .icon("mdi:power-plug-off")
        .lasting()
        .early(),
    binary::<Snapshot>("bed_cooled", "Bed cooled down", |s| flag(s.known.levels.bed_cooled))
        .icon("mdi:snowflake-thermometer")
        .lasting()
        .early(),
    binary::<Snapshot>("door_open_while_hot", "Door open while hot", |s| flag(s.known.levels.door_open_hot))
        .class("safety")
        .hidden()
        .needs(|c, _| c.door),
    binary::<Snapshot>("plate_occupied", "Plate occupied", |s| flag(s.known.levels.plate_occupied))
        .class("occupancy")
        .icon("mdi:tray")
        .hidden()
        .lasting()
        .early(),
    button::<Snapshot>("clear_plate", "Plate is empty", Class::Note, |()| Command::ClearPlate)
        .icon("mdi:tray-remove")
        .hidden()
        .lasting()
        .early(),
];
