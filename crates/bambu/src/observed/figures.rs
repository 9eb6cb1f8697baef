//! Whose job the figures are (protocol 4.4): printers name a new job some messages before its progress and layers,
//! and until then show those of the last one.

use super::state::{prepares, rests, status};
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
    /// It went to rest out of a job, without saying how that ended.
    interrupted: bool,
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
        self.layer() && self.total.is_some()
    }

    /// Whether the time left is; it may come a message later than the progress.
    pub(super) fn remaining(&self) -> bool {
        self.remaining.is_some()
    }

    /// Keeps the figures if a message begins another job, before it is merged into the report; says whether it
    /// does so after a rest.
    pub(super) fn keep(&mut self, report: &Print, message: &Print) -> bool {
        let renumbers = renumbers(report, message);
        let begins = self.begins(report, message);
        if begins || renumbers || renames(report, message) {
            let figures = Figures::of(report);
            self.progress = figures.progress.filter(|percent| *percent != 0);
            self.layer = figures.layer;
            self.total = figures.total;
            self.remaining = figures.remaining;
        }
        self.unnumbered = (self.unnumbered || begins) && !renumbers;
        begins
    }

    /// Whether a message says that a printer at rest has begun something. One that says IDLE in the midst of a job
    /// and then goes on has not.
    fn begins(&mut self, report: &Print, message: &Print) -> bool {
        let (Some(old), Some(new)) = (&report.gcode_state, &message.gcode_state) else { return false };
        if old == new {
            return false;
        }
        let (old, new) = (status(old), status(new));
        let was_active = old.is_some_and(Status::is_active);
        match new {
            Some(Status::Idle) => self.interrupted |= was_active,
            Some(Status::Finish | Status::Failed) => self.interrupted = false,
            _ => {}
        }
        let goes_on = self.interrupted && matches!(new, Some(Status::Running | Status::Pause));
        let begins = rests(old) && new.is_some_and(Status::is_active);
        self.interrupted &= !begins;
        begins && !goes_on
    }

    /// Gives up what the printer has replaced, after a message is merged.
    pub(super) fn compare(&mut self, report: &Print) {
        if [self.progress, self.layer, self.remaining].iter().all(Option::is_none) {
            return;
        }
        let state = report.gcode_state.as_deref().and_then(status);
        // At rest what stands there is shown as it is, but for a job of another number that did not print.
        if state == Some(Status::Finish) || (rests(state) && self.unnumbered) {
            return self.release();
        }
        let figures = Figures::of(report);
        // No job is beyond its last layer: a P2S began one of 94 at layer 750.
        let beyond = figures.total.is_some_and(|total| figures.layer > Some(total));
        let same = self.layer.is_some() && figures.layer == self.layer;
        if self.layer.is_some() && !same && !beyond && figures.layer > Some(0) {
            // It lays down layers, and the rest is as new.
            return self.release();
        }
        self.layer = figures.layer.filter(|_| same || (beyond && self.layer.is_some()));
        self.total = self.total.filter(|old| figures.total == Some(*old));
        self.progress = self.progress.filter(|old| figures.progress == Some(*old));
        let advances = self.progress.is_none() && figures.progress > Some(0);
        self.remaining = self.remaining.filter(|old| !advances && figures.remaining == Some(*old));
    }

    fn release(&mut self) {
        *self = Self { unnumbered: self.unnumbered, interrupted: self.interrupted, ..Self::default() };
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

/// Whether a message calls the job by another number; "0" and nothing are none.
fn renumbers(report: &Print, message: &Print) -> bool {
    let number = |id: &Option<Text>| id.clone().filter(|id| !id.is_empty() && id != "0");
    let both = [(&report.task_id, &message.task_id), (&report.subtask_id, &message.subtask_id)];
    both.into_iter().any(|(old, new)| old != new && number(old).is_some() && number(new).is_some())
}

/// Whether a message gives another file or name to what is prepared: without a number that is all there is.
fn renames(report: &Print, message: &Print) -> bool {
    let other = |old: &Option<Text>, new: &Option<Text>| new.is_some() && old.is_some() && old != new;
    let renamed =
        other(&report.gcode_file, &message.gcode_file) || other(&report.subtask_name, &message.subtask_name);
    let state = message.gcode_state.as_ref().or(report.gcode_state.as_ref());
    renamed && prepares(state.and_then(|word| status(word)))
}
