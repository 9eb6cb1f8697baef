//! The job, and what the printer is doing for it (protocol 4.4 and 4.5).

use std::time::Duration;

use crate::bambu::report::Print;
use crate::printer::{Job, Speed, Stage, Status, stage};

/// The printer's word for what it is doing; `None` for a word we do not know.
pub(in crate::bambu) fn status(word: &str) -> Option<Status> {
    Some(match word.to_ascii_uppercase().as_str() {
        "FAILED" => Status::Failed,
        "FINISH" => Status::Finish,
        "IDLE" => Status::Idle,
        "INIT" => Status::Init,
        "PAUSE" => Status::Pause,
        "PREPARE" => Status::Prepare,
        "RUNNING" => Status::Running,
        "SLICING" => Status::Slicing,
        _ => return None,
    })
}

pub(super) fn stage(report: &Print, status: Option<Status>) -> Option<Stage> {
    let number = report.stg_cur.or(report.stage.as_ref().and_then(|s| s.id))?;
    let at_rest = report.print_type.as_deref() == Some("idle") || !status.is_some_and(Status::is_active);
    match number {
        // After boot A1, P1 and A2L report 0 at rest, X1 too.
        0 if at_rest => Some(stage::IDLE),
        -1 => Some(stage::IDLE),
        other => u16::try_from(other).ok().map(Stage),
    }
}

pub(super) fn job(report: &Print, status: Option<Status>, before: &Job) -> Job {
    let name = report.subtask_name.clone().filter(|name| !name.trim().is_empty());
    let layers = report.three_d.as_ref();
    let count = |v: Option<i64>| v.and_then(|v| u32::try_from(v).ok());
    let positive = |v: Option<i64>| count(v).filter(|total| *total > 0);
    let total = positive(report.total_layer_num).or_else(|| positive(layers?.total_layer_num));
    // P1 resets the total to 0 at the end: the last one of the same job stays.
    let total_layers =
        total.or_else(|| before.total_layers.filter(|_| name.is_some() && name == before.name));
    let layer = count(report.layer_num.or(layers.and_then(|l| l.layer_num)));
    let minutes = match status {
        Some(status) if status.is_active() => report.mc_remaining_time.map(|minutes| minutes.max(0)),
        Some(_) => Some(0),
        None => None,
    };
    Job {
        progress: report.mc_percent.and_then(|v| u8::try_from(v.clamp(0, 100)).ok()),
        // More than 60 days is a fault, not an estimate.
        remaining: minutes
            .and_then(|m| u64::try_from(m).ok())
            .filter(|m| *m <= 60 * 24 * 60)
            .map(|m| Duration::from_secs(m * 60)),
        ends_at: before.ends_at,
        layer: layer.map(|layer| total_layers.map_or(layer, |total| layer.min(total))),
        total_layers,
        name,
    }
}

pub(super) fn speed(report: &Print) -> Option<Speed> {
    // An A1 sends 253 in one delta before the end: anything else keeps the old one.
    match report.spd_lvl? {
        1 => Some(Speed::Silent),
        2 => Some(Speed::Standard),
        3 => Some(Speed::Sport),
        4 => Some(Speed::Ludicrous),
        _ => None,
    }
}
