//! What the printer is doing.

use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};

use printer::{JobKind, Reach, Snapshot, Stage, Status};

use super::super::entity::{Entity, Value, sensor, words};
use super::cloud::other_plate;
use super::{SPEEDS, percent, same_facts, same_levels, speed, text};

const STATUS: [&str; 9] =
    ["failed", "finish", "idle", "init", "offline", "pause", "prepare", "running", "slicing"];

fn status(s: &Snapshot) -> Option<Value<'_>> {
    if s.reach != Reach::Online {
        return Some("offline".into());
    }
    Some(Value::from(match s.status? {
        Status::Failed => "failed",
        Status::Finish => "finish",
        Status::Idle => "idle",
        Status::Init => "init",
        Status::Pause => "pause",
        Status::Prepare => "prepare",
        Status::Running => "running",
        Status::Slicing => "slicing",
    }))
}

fn stages() -> Vec<&'static str> {
    std::iter::once("offline").chain(Stage::names()).collect()
}

/// The steps ahead, in words; the number of one that nobody knows.
fn planned(s: &Snapshot) -> Option<Vec<serde_json::Value>> {
    let word = |number: &i64| u16::try_from(*number).ok().and_then(|number| Stage(number).name());
    let step = |number: &i64| word(number).map_or_else(|| json!(number), |word| json!(word));
    Some(s.job.plan.as_ref()?.iter().map(step).collect())
}

/// By the cloud's task, else by the printer, else as it was seen here.
fn started(s: &Snapshot) -> Option<Timestamp> {
    let told = s.known.facts.task.as_ref().and_then(|task| task.started_at);
    told.or(s.job.started_at).or(s.known.levels.started_at)
}

fn stage(s: &Snapshot) -> Option<Value<'_>> {
    if s.reach == Reach::Online { s.stage?.name().map(Value::from) } else { Some("offline".into()) }
}

/// Steadier where somebody tracks the jobs; that there is none to end is then their word, too.
fn ends_at(s: &Snapshot) -> Option<jiff::Timestamp> {
    if s.known.levels.activity.is_some() { s.known.levels.ends_at } else { s.job.ends_at }
}

/// The objects that are left out; with names, where the cloud has told any.
fn skipped(s: &Snapshot) -> Json {
    let numbers = s.job.skipped.as_deref();
    let plate = s.known.facts.plate.as_ref().filter(|_| s.policy.privacy.job_names);
    let name = |id: &i64| Some((id.to_string(), plate?.name(*id)?.as_str().into()));
    let names: Map<String, Json> = numbers.unwrap_or_default().iter().filter_map(name).collect();
    if names.is_empty() {
        json!({ "objects": numbers })
    } else {
        json!({ "objects": numbers, "names": names })
    }
}

/// Whether nothing that these rows read is another.
pub(super) fn same(a: &Snapshot, b: &Snapshot) -> bool {
    a.job == b.job
        && (a.reach, a.status, a.stage, a.speed, a.speed_percent)
            == (b.reach, b.status, b.stage, b.speed, b.speed_percent)
        && same_levels(a, b)
        && same_facts(a, b)
}

pub(super) static JOB: &[Entity<Snapshot>] = &[
    words::<Snapshot>("status", "Print status", || STATUS.to_vec(), status)
        .icon("mdi:printer-3d")
        // *Activity* is what people look at: it is steady, and stays while the printer is away.
        .diagnostic()
        .lasting()
        .early(),
    words::<Snapshot>("stage", "Current stage", stages, stage).icon("mdi:file-tree").lasting().early().with(
        |a, b| a.stage != b.stage || a.job.plan != b.job.plan,
        |s| {
            let slug = s.stage.and_then(Stage::slug);
            json!({ "stage_id": s.stage.map(|stage| stage.0), "slug": slug, "planned": planned(s) })
        },
    ),
    sensor::<Snapshot>("progress", "Print progress", |s| percent(s.job.progress))
        .unit("%")
        .measurement()
        .icon("mdi:progress-clock"),
    sensor::<Snapshot>("remaining_time", "Remaining time", |s| s.job.remaining.map(Value::minutes))
        .class("duration")
        .unit("min"),
    sensor::<Snapshot>("end_time", "End time", |s| ends_at(s).map(Value::Time)).class("timestamp"),
    sensor::<Snapshot>("layer", "Current layer", |s| s.job.layer.map(|v| Value::Int(v.into())))
        .measurement()
        .icon("mdi:layers"),
    sensor::<Snapshot>("total_layers", "Total layer count", |s| {
        s.job.total_layers.map(|v| Value::Int(v.into()))
    })
    .icon("mdi:layers-triple")
    .whole(),
    sensor::<Snapshot>("job_name", "Task name", |s| text(s.job.name.as_ref()))
        .icon("mdi:file-document-outline")
        .lasting()
        .private(|told| told.job_names)
        .with(|a, b| a.job.name != b.job.name, |s| json!({ "name": s.job.name.as_deref() })),
    words::<Snapshot>(
        "print_type",
        "Print type",
        || JobKind::WORDS.to_vec(),
        |s| s.job.kind.map(|kind| kind.word().into()),
    )
    .icon("mdi:cloud-print-outline")
    .hidden()
    .needs(|c, _| c.job.kind),
    sensor::<Snapshot>("gcode_file", "Gcode filename", |s| text(s.job.file.as_ref()))
        .icon("mdi:file")
        .hidden()
        .private(|told| told.job_names)
        .with(|a, b| a.job.file != b.job.file, |s| json!({ "file": s.job.file.as_deref() })),
    sensor::<Snapshot>("plate", "Plate", |s| s.job.plate.map(|plate| Value::Int(plate.into())))
        .whole()
        .icon("mdi:square-outline")
        .hidden()
        .needs(|c, _| c.job.plate),
    // Unknown but for the minute in which the printer fetches the file: see the snapshot's own words.
    sensor::<Snapshot>("download_progress", "Download progress", |s| percent(s.job.download))
        .unit("%")
        .measurement()
        .icon("mdi:download")
        .deadband(5.0)
        .hidden()
        .needs(|c, _| c.job.download),
    // The tracker knows it of every printer, also of those that do not tell.
    sensor::<Snapshot>("start_time", "Start time", |s| {
        s.known.levels.started_at.or_else(|| started(s)).map(Value::Time)
    })
    .class("timestamp")
    .hidden()
    .lasting(),
    sensor::<Snapshot>("skipped_objects", "Skipped objects", |s| {
        s.job.skipped.as_ref().map(|list| Value::Int(i64::try_from(list.len()).unwrap_or(i64::MAX)))
    })
    .icon("mdi:debug-step-over")
    .whole()
    .hidden()
    .needs(|c, _| c.job.skipped)
    .with(|a, b| a.job.skipped != b.job.skipped || other_plate(a, b), skipped),
    sensor::<Snapshot>("queue_position", "Queue position", |s| {
        s.job.queue_position.map(|place| Value::Int(place.into()))
    })
    .icon("mdi:tray-full")
    .whole()
    .hidden()
    .needs(|c, _| c.job.queue),
    words::<Snapshot>("speed_profile", "Speed profile", || SPEEDS.to_vec(), speed)
        .icon("mdi:speedometer")
        .with(|a, b| a.speed_percent != b.speed_percent, |s| json!({ "modifier": s.speed_percent })),
    sensor::<Snapshot>("speed_modifier", "Speed modifier", |s| s.speed_percent.map(|v| Value::Int(v.into())))
        .unit("%")
        .measurement()
        .icon("mdi:speedometer")
        .hidden(),
];
