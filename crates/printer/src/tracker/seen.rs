//! What was evaluated last: most reports change nothing that a job or a level is made of.

use std::sync::Arc;

use jiff::Timestamp;

use super::TrackerOptions;
use crate::{
    Ams, Contact, ControlReason, Facts, Health, Identity, JobIds, JobKind, Policy, PrintError, Reach, Shared,
    Snapshot, Source, Stage, Status, Text,
};

/// How far above a limit something must get to count as warm again, °C: sensors tremble.
const HYSTERESIS: f32 = 3.0;

/// What counts of a snapshot.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools, reason = "independent facts")]
pub(super) struct Seen {
    pub(super) status: Option<Status>,
    pub(super) stage: Option<Stage>,
    pub(super) reach: Reach,
    pub(super) contact: Contact,
    /// A question went unanswered.
    pub(super) stale: bool,
    /// Progress is that of the job before.
    pub(super) awaits_progress: bool,
    pub(super) progress: Option<u8>,
    pub(super) layer: Option<u32>,
    pub(super) total_layers: Option<u32>,
    pub(super) nothing_left: bool,
    pub(super) ends_at: Option<Timestamp>,
    pub(super) started_at: Option<Timestamp>,
    pub(super) kind: Option<JobKind>,
    pub(super) name: Option<Text>,
    pub(super) file: Option<Text>,
    pub(super) ids: Arc<JobIds>,
    pub(super) error: Option<PrintError>,
    pub(super) control_reason: ControlReason,
    pub(super) identity: Arc<Identity>,
    pub(super) health: Arc<Health>,
    pub(super) heat: Heat,
    pub(super) door_open: Option<bool>,
    pub(super) sources: [Option<Source>; 2],
    pub(super) ams: Shared<[Ams]>,
    pub(super) facts: Arc<Facts>,
    pub(super) policy: Arc<Policy>,
    pub(super) updating: bool,
    pub(super) offered: Option<Text>,
}

/// What is warm; `None` where it is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Heat {
    /// The bed is too warm to take a print off.
    pub(super) bed_warm: Option<bool>,
    /// The bed is too hot to cut the power.
    pub(super) bed_hot: Option<bool>,
    /// A nozzle is.
    pub(super) nozzle_hot: Option<bool>,
    /// Something is to become warm, or to stay so.
    pub(super) heated: bool,
}

impl Heat {
    /// Whether the bed or a nozzle is hot.
    pub(super) fn hot(self) -> Option<bool> {
        match (self.bed_hot, self.nozzle_hot) {
            (Some(bed), Some(nozzle)) => Some(bed || nozzle),
            (Some(true), _) | (_, Some(true)) => Some(true),
            _ => None,
        }
    }

    fn of(snapshot: &Snapshot, options: &TrackerOptions, before: Self) -> Self {
        let above = |actual: f32, limit: f32, before: Option<bool>| {
            actual > if before == Some(false) { limit + HYSTERESIS } else { limit }
        };
        let bed = snapshot.bed.actual;
        let [right, left] = snapshot.nozzles;
        let targets = [right.target, left.target, snapshot.bed.target, snapshot.chamber.target];
        let nozzle = right.actual.into_iter().chain(left.actual).reduce(f32::max);
        Self {
            bed_warm: bed.map(|bed| above(bed, options.bed_cool, before.bed_warm)),
            bed_hot: bed.map(|bed| above(bed, options.bed_safe, before.bed_hot)),
            heated: targets.into_iter().flatten().any(|target| target > 0.0),
            nozzle_hot: nozzle.map(|nozzle| above(nozzle, options.nozzle_safe, before.nozzle_hot)),
        }
    }
}

impl Seen {
    pub(super) fn of(snapshot: &Snapshot, options: &TrackerOptions, before: Heat) -> Self {
        let job = &snapshot.job;
        Self {
            status: snapshot.status,
            stage: snapshot.stage,
            reach: snapshot.reach,
            contact: snapshot.contact,
            stale: snapshot.stale,
            awaits_progress: job.awaits_progress,
            progress: job.progress,
            layer: job.layer,
            total_layers: job.total_layers,
            nothing_left: nothing_left(snapshot),
            ends_at: job.ends_at,
            started_at: job.started_at,
            kind: job.kind,
            name: job.name.clone(),
            file: job.file.clone(),
            ids: Arc::clone(&job.ids),
            error: snapshot.error,
            control_reason: snapshot.control_reason,
            identity: Arc::clone(&snapshot.identity),
            health: Arc::clone(&snapshot.known.health),
            heat: Heat::of(snapshot, options, before),
            door_open: snapshot.machine.door_open,
            sources: snapshot.sources,
            ams: snapshot.ams.clone(),
            facts: Arc::clone(&snapshot.known.facts),
            policy: Arc::clone(&snapshot.policy),
            updating: snapshot.update.progress.is_some(),
            offered: snapshot.update.latest.clone(),
        }
    }

    /// Whether a snapshot is like this one in all that counts; the cheap and the frequent first.
    pub(super) fn is_like(&self, snapshot: &Snapshot, options: &TrackerOptions) -> bool {
        let job = &snapshot.job;
        self.status == snapshot.status
            && self.progress == job.progress
            && self.layer == job.layer
            && self.awaits_progress == job.awaits_progress
            && self.stage == snapshot.stage
            && self.contact == snapshot.contact
            && self.reach == snapshot.reach
            && self.stale == snapshot.stale
            && self.ends_at == job.ends_at
            && self.nothing_left == nothing_left(snapshot)
            && self.total_layers == job.total_layers
            && self.sources == snapshot.sources
            && self.door_open == snapshot.machine.door_open
            && self.error == snapshot.error
            && self.control_reason == snapshot.control_reason
            && Arc::ptr_eq(&self.identity, &snapshot.identity)
            && Arc::ptr_eq(&self.health, &snapshot.known.health)
            && Arc::ptr_eq(&self.ids, &job.ids)
            && Arc::ptr_eq(&self.facts, &snapshot.known.facts)
            && Arc::ptr_eq(&self.policy, &snapshot.policy)
            && self.heat == Heat::of(snapshot, options, self.heat)
            && self.kind == job.kind
            && self.started_at == job.started_at
            && self.updating == snapshot.update.progress.is_some()
            && self.name == job.name
            && self.file == job.file
            && self.offered == snapshot.update.latest
            && self.ams.is(&snapshot.ams)
    }

    /// Whether what it says may be concluded from: it talks, we hear it, and nothing was missed since.
    pub(super) fn is_synced(&self) -> bool {
        self.contact.is_current() && self.reach == Reach::Online
    }
}

/// The estimate has come to its end; there is one only while a job is under way.
fn nothing_left(snapshot: &Snapshot) -> bool {
    snapshot.is_active() && snapshot.job.remaining.is_some_and(|left| left.is_zero())
}
