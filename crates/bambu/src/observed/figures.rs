//! Whose job the figures are (protocol 4.4): printers name a new job some messages before its progress and layers,
//! and until then show those of the last one.

use super::job::{rests, status};
use crate::report::Print;
use printer::{Status, Text};

/// The last job's figures, for as long as the printer shows them of the next one. One that changes is the new job's
/// own from then on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Inherited {
    progress: Option<i64>,
    /// Also 0, which hides nothing: the next one may still not be beyond the last layer.
    layer: Option<i64>,
    total: Option<i64>,
    remaining: Option<i64>,
    /// The job began, and the printer may still call it by the last one's numbers.
    unnumbered: bool,
}

impl Inherited {
    /// Whether progress is the last job's.
    pub(super) fn progress(&self) -> bool {
        self.progress.is_some()
    }

    /// Whether the layer is.
    pub(super) fn layer(&self) -> bool {
        self.layer.is_some_and(|layer| layer != 0)
    }

    /// Whether the number of layers is: an A1 that prints the same file again does not repeat it for minutes
    /// (capture `a1_stream_local_single_color`), so it is the new job's once the layer is.
    pub(super) fn total(&self) -> bool {
        self.layer.is_some() && self.total.is_some()
    }

    /// Whether the time left is.
    pub(super) fn remaining(&self) -> bool {
        self.remaining.is_some() && (self.progress() || self.layer())
    }

    /// Keeps the figures if a message begins another job, before it is merged into the report; says whether it
    /// does so after a rest.
    pub(super) fn keep(&mut self, report: &Print, message: &Print) -> bool {
        let begins = begins(report, message);
        let renumbers = renumbers(report, message);
        if begins || renumbers {
            let figures = Figures::of(report);
            *self = Self {
                progress: figures.progress.filter(|percent| *percent != 0),
                layer: figures.layer,
                total: figures.total,
                remaining: figures.remaining,
                unnumbered: self.unnumbered,
            };
        }
        self.unnumbered = (self.unnumbered || begins) && !renumbers;
        begins
    }

    /// Gives up what the printer has replaced, after a message is merged.
    pub(super) fn compare(&mut self, report: &Print) {
        if self.progress.is_none() && self.layer.is_none() {
            return;
        }
        let state = report.gcode_state.as_deref().and_then(status);
        // At rest what stands there is shown as it is, but for a job of another number that did not print.
        if state == Some(Status::Finish) || (rests(state) && self.unnumbered) {
            *self = Self::default();
            return;
        }
        let figures = Figures::of(report);
        // No job is beyond its last layer: a P2S began one of 94 at layer 750.
        let beyond = figures.total.is_some_and(|total| figures.layer > Some(total));
        let same = self.layer.is_some() && figures.layer == self.layer;
        if self.layer.is_some() && !same && !beyond && figures.layer > Some(0) {
            // It lays down layers, and its progress is as new.
            *self = Self { unnumbered: self.unnumbered, ..Self::default() };
            return;
        }
        self.layer = figures.layer.filter(|_| same || (beyond && self.layer.is_some()));
        self.progress = self.progress.filter(|old| figures.progress == Some(*old));
        self.total = self.total.filter(|old| figures.total == Some(*old));
        self.remaining = self.remaining.filter(|old| figures.remaining == Some(*old));
    }
}

/// What a report says of the job's progress, as it stands there.
#[derive(Clone, Copy)]
pub(super) struct Figures {
    pub(super) progress: Option<i64>,
    pub(super) layer: Option<i64>,
    pub(super) total: Option<i64>,
    /// Minutes.
    pub(super) remaining: Option<i64>,
}

impl Figures {
    pub(super) fn of(report: &Print) -> Self {
        let layers = report.three_d.as_ref();
        let positive = |v: Option<i64>| v.filter(|v| *v > 0);
        Self {
            progress: report.mc_percent.or(report.percent),
            layer: report.layer_num.or_else(|| layers?.layer_num),
            total: positive(report.total_layer_num).or_else(|| positive(layers?.total_layer_num)),
            remaining: report.mc_remaining_time.or(report.remain_time),
        }
    }
}

/// Whether a message says that a printer at rest has begun something.
fn begins(report: &Print, message: &Print) -> bool {
    let (Some(old), Some(new)) = (&report.gcode_state, &message.gcode_state) else { return false };
    old != new && rests(status(old)) && status(new).is_some_and(Status::is_active)
}

/// Whether a message calls the job by another number; "0" and nothing are none.
fn renumbers(report: &Print, message: &Print) -> bool {
    let number = |id: &Option<Text>| id.clone().filter(|id| !id.is_empty() && id != "0");
    let both = [(&report.task_id, &message.task_id), (&report.subtask_id, &message.subtask_id)];
    both.into_iter().any(|(old, new)| old != new && number(old).is_some() && number(new).is_some())
}
