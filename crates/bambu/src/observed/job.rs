//! The job, and what the printer is doing for it (protocol 4.4 and 4.5).

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::figures::{Figures, Inherited};
use super::state::{prepares, rests};
use crate::report::Print;
use crate::wire::{List, number};
use printer::{Job, JobAbilities, JobIds, JobKind, Observed, Speed, Stage, Status, Text, stage};

/// No printer of this vendor is older than 2020: what is before is a clock that was never set.
const FIRST_START: i64 = 1_577_836_800;

/// What a printer tells of its jobs: members that its full report has whether there is a job or not.
pub(super) fn abilities(report: &Print) -> JobAbilities {
    JobAbilities {
        kind: report.print_type.is_some(),
        download: report.gcode_file_prepare_percent.is_some() || report.prepare_per.is_some(),
        // Only older X1 have it; nothing is made up for the others.
        started: report.gcode_start_time.is_some(),
        plate: report.plate_idx.is_some(),
        skipped: report.s_obj.is_some(),
        queue: report.queue_number.is_some(),
        update: report.upgrade_state.is_some(),
    }
}

/// Forgets what was said of the last job when the next one begins, before the message that says so is taken in. Its
/// figures are kept aside ([`super::figures`]).
pub(super) fn forget_last_job(report: &mut Print) {
    // Present and empty: what a printer can tell is seen from its members.
    let empty = |slot: &mut Option<List<i64>>| *slot = slot.take().map(|_| List(Vec::new()));
    empty(&mut report.s_obj);
    let silent = |slot: &mut Option<Text>| *slot = slot.take().map(|_| Text::default());
    silent(&mut report.gcode_file_prepare_percent);
    silent(&mut report.gcode_start_time);
    report.prepare_per = report.prepare_per.map(|_| -1);
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

pub(super) fn job(report: &Print, status: Option<Status>, inherited: &Inherited, printer: &Observed) -> Job {
    let before = &printer.job;
    let filled = |text: &Option<Text>| text.clone().filter(|text| !text.trim().is_empty());
    let name = filled(&report.subtask_name);
    let figures = Figures::of(report);
    let count = |v: Option<i64>| v.and_then(|v| u32::try_from(v).ok());
    // P1 resets the total to 0 at the end: the last one of the same job stays.
    let begins = prepares(status) && rests(printer.status);
    let same = name.is_some() && name == before.name && !begins;
    let total_layers = count(figures.total).or_else(|| before.total_layers.filter(|_| same));
    let layer = count(figures.layer);
    // Layers before the first one are those of the last job, and so is their total.
    let old = (prepares(status) && layer.is_some_and(|layer| layer > 0)) || inherited.total();
    let total_layers = total_layers.filter(|_| !old);
    let progress = figures.progress.and_then(|percent| u8::try_from(percent.clamp(0, 100)).ok());
    let progress = progress.map(|percent| if inherited.progress() { 0 } else { percent });
    // No job is beyond its last layer before it began: a P2S was at layer 750 of 94.
    let beyond = total_layers.is_some() && layer > total_layers && progress == Some(0);
    // Layers are also counted while the printer calibrates itself before the first one (bambuddy #1837).
    let layer = layer.map(|layer| if prepares(status) || inherited.layer() || beyond { 0 } else { layer });
    let left = remaining(figures.remaining.filter(|_| !inherited.remaining()), status);
    // What has not begun is not at its end.
    let moves = progress.is_some_and(|percent| percent > 0) || layer.is_some_and(|layer| layer > 0);
    Job {
        file: filled(&report.gcode_file),
        kind: kind(report.print_type.as_deref(), status),
        plate: report.plate_idx.and_then(|v| u16::try_from(v).ok()).filter(|plate| *plate > 0),
        progress,
        download: download(report, status),
        started_at: report.gcode_start_time.as_deref().and_then(started),
        remaining: left.filter(|left| !left.is_zero() || moves || !status.is_some_and(Status::is_active)),
        ends_at: before.ends_at,
        layer: layer.map(|layer| total_layers.map_or(layer, |total| layer.min(total))),
        total_layers,
        awaits_progress: inherited.progress(),
        skipped: shared(report.s_obj.as_ref(), before.skipped.as_ref()),
        queue_position: count(report.queue_number),
        plan: shared(report.stg.as_ref(), before.plan.as_ref()),
        told_id: report.job_id.clone(),
        ids: ids(report, &before.ids),
        name,
    }
}

/// The time left, of its minutes. More than 60 days is a fault, not an estimate.
fn remaining(minutes: Option<i64>, status: Option<Status>) -> Option<Duration> {
    let minutes = if status?.is_active() { minutes?.max(0) } else { 0 };
    let minutes = u64::try_from(minutes).ok().filter(|minutes| *minutes <= 60 * 24 * 60)?;
    Some(Duration::from_secs(minutes * 60))
}

/// What the printer calls the job; as it was when it is the same, so that copying it costs nothing.
///
/// "0" and nothing are its words for none: prints from the card or the local network (protocol 4.4).
fn ids(report: &Print, before: &Arc<JobIds>) -> Arc<JobIds> {
    fn named(text: Option<&Text>) -> Option<&str> {
        text.map(|text| text.trim()).filter(|text| !text.is_empty() && *text != "0")
    }
    let now = [
        report.task_id.as_ref(),
        report.subtask_id.as_ref(),
        report.job_id.as_ref(),
        report.project_id.as_ref(),
        report.profile_id.as_ref(),
        report.design_id.as_ref(),
    ]
    .map(named);
    let JobIds { task, subtask, job, project, profile, design } = &**before;
    if now == [task, subtask, job, project, profile, design].map(Option::as_deref) {
        return Arc::clone(before);
    }
    let [task, subtask, job, project, profile, design] = now.map(|text| text.map(Text::from));
    Arc::new(JobIds { task, subtask, job, project, profile, design })
}

fn kind(word: Option<&str>, status: Option<Status>) -> Option<JobKind> {
    Some(match word? {
        "cloud" => JobKind::Cloud,
        "local" => JobKind::Local,
        "idle" => JobKind::Idle,
        "system" => JobKind::System,
        // The newer generation leaves it empty at rest (capture `h2d_ams_ams2_amsht_idle`).
        "" if status.is_some_and(|status| !status.is_active()) => JobKind::Idle,
        _ => return None,
    })
}

/// How far the printer's download of the file is. Only while it prepares: the figure stays where it was for
/// days after that, P1 even at 99 (protocol 4.4).
fn download(report: &Print, status: Option<Status>) -> Option<u8> {
    if !prepares(status) {
        return None;
    }
    let text = report.gcode_file_prepare_percent.as_deref();
    let percent = text.and_then(|text| text.trim().parse().ok()).or(report.prepare_per)?;
    u8::try_from(percent).ok().filter(|percent| *percent <= 100)
}

fn started(seconds: &str) -> Option<Timestamp> {
    let seconds = number(seconds).and_then(crate::wire::nearest)?;
    Timestamp::from_second(seconds).ok().filter(|_| seconds >= FIRST_START)
}

/// The list as it was when it is the same, so that copying it costs nothing.
fn shared(list: Option<&List<i64>>, before: Option<&Arc<[i64]>>) -> Option<Arc<[i64]>> {
    let list = list?.0.as_slice();
    Some(before.filter(|before| before.as_ref() == list).map_or_else(|| list.into(), Arc::clone))
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
