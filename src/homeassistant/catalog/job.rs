//! What the printer is doing.

use serde_json::json;

use crate::printer::{Reach, Snapshot, Stage, Status};

use super::super::entity::{Entity, Value, sensor, words};
use super::{SPEEDS, percent, speed, text};

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

fn stage(s: &Snapshot) -> Option<Value<'_>> {
    if s.reach == Reach::Online { s.stage?.name().map(Value::from) } else { Some("offline".into()) }
}

pub(super) static JOB: &[Entity<Snapshot>] = &[
    words::<Snapshot>("status", "Print status", || STATUS.to_vec(), status)
        .icon("mdi:printer-3d")
        .lasting()
        .early(),
    words::<Snapshot>("stage", "Current stage", stages, stage).icon("mdi:file-tree").lasting().early(),
    sensor::<Snapshot>("progress", "Print progress", |s| percent(s.job.progress))
        .unit("%")
        .measurement()
        .icon("mdi:progress-clock"),
    sensor::<Snapshot>("remaining_time", "Remaining time", |s| s.job.remaining.map(Value::minutes))
        .class("duration")
        .unit("min"),
    sensor::<Snapshot>("end_time", "End time", |s| s.job.ends_at.map(Value::Time)).class("timestamp"),
    sensor::<Snapshot>("layer", "Current layer", |s| s.job.layer.map(|v| Value::Int(v.into())))
        .measurement()
        .icon("mdi:layers"),
    sensor::<Snapshot>("total_layers", "Total layer count", |s| {
        s.job.total_layers.map(|v| Value::Int(v.into()))
    })
    .icon("mdi:layers-triple"),
    sensor::<Snapshot>("job_name", "Task name", |s| text(s.job.name.as_ref()))
        .icon("mdi:file-document-outline")
        .lasting()
        .with(|a, b| a.job.name != b.job.name, |s| json!({ "name": s.job.name.as_deref() })),
    words::<Snapshot>("speed_profile", "Speed profile", || SPEEDS.to_vec(), speed)
        .icon("mdi:speedometer")
        .hidden(),
    sensor::<Snapshot>("speed_modifier", "Speed modifier", |s| s.speed_percent.map(|v| Value::Int(v.into())))
        .unit("%")
        .measurement()
        .icon("mdi:speedometer")
        .hidden(),
];
