//! The last jobs, as the gateway's own history has them.

use serde_json::{Value as Json, json};

use crate::printer::record::JobResult;
use crate::printer::{JobRecord, Snapshot};

use super::super::entity::{Entity, Value, sensor};
use super::super::event::rounded;

pub(super) static HISTORY: &[Entity<Snapshot>] = &[
    // When the last one ended: what a person looks for in a list, and it changes with each job.
    sensor::<Snapshot>("job_history", "Job history", |s| {
        s.levels.recent.first().and_then(|job| job.ended_at).map(Value::Time)
    })
    .class("timestamp")
    .icon("mdi:history")
    .diagnostic()
    .hidden()
    .lasting()
    .early()
    .with(|a, b| a.levels.recent != b.levels.recent, jobs),
];

fn jobs(s: &Snapshot) -> Json {
    json!({ "jobs": s.levels.recent.iter().map(|job| listed(job)).collect::<Vec<_>>() })
}

fn listed(job: &JobRecord) -> Json {
    json!({
        "name": job.name,
        // The cloud has one word for both.
        "result": job.result.map_or("failed_or_cancelled", JobResult::word),
        "started_at": job.started_at,
        "ended_at": job.ended_at,
        "duration_s": job.duration_s(),
        "progress": job.progress,
        "filament_g": job.planned_g.map(|weight| rounded(f64::from(weight), 1)),
        "cost": job.cost,
        "observed": job.observed,
    })
}
