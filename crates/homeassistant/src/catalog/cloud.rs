//! What the account's cloud knows of the job and of the printer.
//!
//! All of it is unknown for a job that the cloud has no task of, as a print from the local network.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use printer::cloud::{Plate, PlateFilament, PlateObject, Task, TaskSlot, TaskStatus};
use printer::{Snapshot, Text, unit_label};

use super::super::entity::{Entity, Value, binary, image, sensor};
use super::super::event::color;
use super::{DROP, text};

/// Tasks that are listed; Home Assistant keeps no attributes above 16 kB.
const LISTED: usize = 10;
/// Objects that are listed, for the same reason.
const OBJECTS: usize = 128;
/// And so many bytes of their names and numbers: names may be of any script.
const OBJECT_BYTES: usize = 12_000;

fn task(s: &Snapshot) -> Option<&Task> {
    s.known.facts.task.as_deref()
}

/// Whether another plate is printed, or more is known of it.
pub(super) fn other_plate(a: &Snapshot, b: &Snapshot) -> bool {
    let (a, b) = (&a.known.facts.plate, &b.known.facts.plate);
    match (a, b) {
        (Some(a), Some(b)) => !Arc::ptr_eq(a, b) && a != b,
        (None, None) => false,
        _ => true,
    }
}

fn plate(s: &Snapshot) -> Option<&Plate> {
    s.known.facts.plate.as_deref()
}

/// The names of the objects by their numbers.
fn objects(s: &Snapshot) -> Json {
    let objects = plate(s).map(|plate| plate.objects.as_slice()).unwrap_or_default();
    let mut room = OBJECT_BYTES;
    let fits = |object: &&PlateObject| {
        room = room.saturating_sub(object.name.len() + 16);
        room > 0
    };
    let named = objects.iter().take(OBJECTS).take_while(fits);
    let named: Map<_, _> = named.map(|object| (object.id.to_string(), json!(object.name))).collect();
    json!({ "more": objects.len() - named.len(), "objects": named })
}

/// The weights by slot, and what the plate takes of each filament.
fn weights(s: &Snapshot) -> Json {
    let mut weights = per_slot(s, |_, weight| Some(weight));
    let filament = |filament: &PlateFilament| {
        json!({
            "number": filament.number,
            "filament_id": filament.filament_id,
            "type": filament.material,
            "color": filament.color.as_deref().map(color),
            "weight_g": filament.weight_g.map(rounded),
            "length_m": filament.length_m.map(rounded),
        })
    };
    if let (Some(weights), Some(plate)) = (weights.as_object_mut(), plate(s))
        && !plate.filaments.is_empty()
    {
        weights.insert("filaments".into(), plate.filaments.iter().map(filament).collect());
    }
    weights
}

fn other_task(a: &Snapshot, b: &Snapshot) -> bool {
    a.known.facts.task != b.known.facts.task
}

/// What people call a slot, as the ha-bambulab integration names it in the attributes of its weights.
fn slot_name(slot: &TaskSlot) -> String {
    match slot.unit {
        Some(id) => {
            format!("{} Tray {}", unit_label(id), u16::from(slot.slot) + 1)
        }
        None if slot.slot == 0 => "External Spool".into(),
        None => format!("External Spool {}", u16::from(slot.slot) + 1),
    }
}

/// Amounts as people write them: 34.62, not the double that is nearest to the single.
fn rounded(amount: f32) -> Json {
    json!((f64::from(amount) * 100.0).round() / 100.0)
}

/// An amount for each slot; what two places of the job take from one slot is added up.
fn per_slot(s: &Snapshot, of: impl Fn(&Task, f32) -> Option<f32>) -> Json {
    let mut amounts: Vec<(String, f32)> = Vec::new();
    if let Some(task) = task(s) {
        for slot in &task.slots {
            let Some(amount) = slot.weight_g.and_then(|weight| of(task, weight)) else { continue };
            let name = slot_name(slot);
            match amounts.iter_mut().find(|(known, _)| *known == name) {
                Some((_, sum)) => *sum += amount,
                None => amounts.push((name, amount)),
            }
        }
    }
    amounts.into_iter().map(|(name, amount)| (name, rounded(amount))).collect::<Map<_, _>>().into()
}

/// The cloud tells the length for the whole job only: each slot has its share by weight.
fn share_of_length(task: &Task, weight: f32) -> Option<f32> {
    let all: f32 = task.slots.iter().filter_map(|slot| slot.weight_g).sum();
    Some(task.length_m? * weight / all).filter(|length| length.is_finite())
}

fn design(s: &Snapshot) -> Json {
    let design = task(s).and_then(|task| task.design.as_ref());
    let number = design.map(|(_, number)| number).or(s.job.ids.design.as_ref());
    json!({
        "design_id": number,
        "design_url": number.filter(|number| number.bytes().all(|b| b.is_ascii_digit()))
            .map(|number| format!("https://makerworld.com/models/{number}")),
        "project": s.job.ids.project.as_deref(),
        "profile": s.job.ids.profile.as_deref(),
    })
}

fn status_word(status: TaskStatus) -> &'static str {
    match status {
        TaskStatus::Created => "created",
        TaskStatus::Finished => "finished",
        TaskStatus::Ended => "failed_or_cancelled",
        TaskStatus::Running => "running",
    }
}

fn listed(task: &Task, named: bool) -> Json {
    let running = matches!(task.status, Some(TaskStatus::Running | TaskStatus::Created));
    json!({
        "id": task.id,
        "title": task.title.as_ref().filter(|_| named),
        "status": task.status.map(status_word),
        "started_at": task.started_at.map(|at| at.to_string()),
        // While it runs that is no end but a time near the beginning (protocol 1.7.4).
        "ended_at": task.ended_at.filter(|_| !running).map(|at| at.to_string()),
        "weight_g": task.weight_g.map(rounded),
        "length_m": task.length_m.map(rounded),
        "plate": task.plate,
    })
}

fn last_tasks(s: &Snapshot) -> Json {
    let tasks = s.known.facts.recent.iter().flat_map(|tasks| tasks.iter()).take(LISTED);
    json!({ "tasks": tasks.map(|task| listed(task, s.policy.privacy.job_names)).collect::<Vec<_>>() })
}

fn presence(s: &Snapshot) -> Json {
    let said = s.known.facts.presence.as_deref();
    json!({
        "task": said.and_then(|said| said.title.as_deref()).filter(|_| s.policy.privacy.job_names),
        "status": said.and_then(|said| said.status.as_ref()).map(Text::to_ascii_lowercase),
        "progress": said.and_then(|said| said.progress),
    })
}

fn of_task(s: &Snapshot, member: fn(&Task) -> Option<&Text>) -> Option<Value<'_>> {
    text(member(task(s)?))
}

/// Whether nothing that these rows read is another.
pub(super) fn same(a: &Snapshot, b: &Snapshot) -> bool {
    super::same_facts(a, b) && a.job.ids == b.job.ids
}

pub(super) static CLOUD: &[Entity<Snapshot>] = &[
    image::<Snapshot>("cover", "Cover image").lasting().private(|told| told.pictures),
    image::<Snapshot>("pick", "Pick image").lasting().hidden().private(|told| told.pictures),
    sensor::<Snapshot>("printable_objects", "Printable objects", |s| {
        let objects = plate(s)?.objects.len();
        Some(Value::Int(i64::try_from(objects).unwrap_or(i64::MAX))).filter(|_| objects > 0)
    })
    .icon("mdi:cube-unfolded")
    .whole()
    .lasting()
    .hidden()
    .private(|told| told.job_names)
    .with(other_plate, objects),
    sensor::<Snapshot>("filament_weight", "Print weight", |s| {
        let grams = task(s).and_then(|task| task.weight_g).or_else(|| plate(s)?.weight_g)?;
        Some(Value::Tenths((grams * 10.0).round() / 10.0))
    })
    .class("weight")
    .unit("g")
    .decimals(|_| 1)
    .measurement()
    .hidden()
    .with(|a, b| other_task(a, b) || other_plate(a, b), weights),
    sensor::<Snapshot>("filament_length", "Print length", |s| {
        let metres = task(s).and_then(|task| task.length_m).or_else(|| plate(s)?.length_m())?;
        Some(Value::Tenths((metres * 10.0).round() / 10.0))
    })
    .class("distance")
    .unit("m")
    .decimals(|_| 1)
    .measurement()
    .hidden()
    .with(other_task, |s| per_slot(s, share_of_length)),
    sensor::<Snapshot>("estimated_time", "Estimated time", |s| {
        task(s).and_then(|task| task.estimate).or_else(|| plate(s)?.estimate).map(Value::minutes)
    })
    .class("duration")
    .unit("min")
    .hidden(),
    sensor::<Snapshot>("bed_type", "Print bed type", |s| of_task(s, |task| task.bed_type.as_ref()))
        .icon("mdi:square-outline")
        .hidden(),
    sensor::<Snapshot>("plate_name", "Plate name", |s| of_task(s, |task| task.plate_name.as_ref()))
        .private(|told| told.job_names)
        .icon("mdi:square-edit-outline")
        .hidden(),
    sensor::<Snapshot>("design_title", "Design", |s| {
        of_task(s, |task| task.design.as_ref().map(|(title, _)| title))
    })
    .icon(DROP)
    .hidden()
    .private(|told| told.job_names)
    .with(|a, b| other_task(a, b) || a.job.ids != b.job.ids, design),
    sensor::<Snapshot>("last_tasks", "Last tasks", |s| {
        let tasks = s.known.facts.recent.as_ref()?;
        Some(Value::Int(i64::try_from(tasks.len()).unwrap_or(i64::MAX)))
    })
    .icon("mdi:history")
    .whole()
    .diagnostic()
    .lasting()
    .hidden()
    .with(|a, b| a.known.facts.recent != b.known.facts.recent, last_tasks),
    // A second opinion: the printer's own word is its availability.
    binary::<Snapshot>("cloud_online", "Online in the cloud", |s| s.known.facts.online.map(Value::Flag))
        .class("connectivity")
        .diagnostic()
        .lasting()
        .early()
        .hidden()
        .with(|a, b| a.known.facts.presence != b.known.facts.presence, presence),
];
