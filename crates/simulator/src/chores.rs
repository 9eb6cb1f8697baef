//! What a printer does on request while nothing is printed, and what takes its time: calibrating, homing,
//! reading a tag, changing the nozzle.
use super::machine::Machine;

/// Seconds of one stage of a calibration, of homing, of reading a tag, of the way to the other nozzle.
const STAGE: f64 = 20.0;
const HOMING: f64 = 12.0;
const READING: f64 = 10.0;
const TURNING: f64 = 6.0;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Work {
    /// The stages that are left, the present one first.
    Calibrate(Vec<i16>),
    Home,
    /// The number of the spool.
    ReadTag(usize),
    /// The nozzle to work with.
    Turn(usize),
}

/// Work, and seconds until it is done or until its next stage.
pub(super) struct Chore {
    pub(super) work: Work,
    left: f64,
}

impl Chore {
    pub(super) fn new(work: Work) -> Self {
        let left = match work {
            Work::Calibrate(_) => STAGE,
            Work::Home => HOMING,
            Work::ReadTag(_) => READING,
            Work::Turn(_) => TURNING,
        };
        Self { work, left }
    }
}

/// Goes on with what is to be done.
pub(super) fn advance(m: &mut Machine, seconds: f64) {
    let Some(chore) = &mut m.chore else { return };
    chore.left -= seconds;
    if chore.left > 0.0 {
        return;
    }
    if let Work::Calibrate(stages) = &mut chore.work
        && stages.len() > 1
    {
        stages.remove(0);
        chore.left += STAGE;
        return;
    }
    match m.chore.take().map(|chore| chore.work) {
        // Both begin with homing.
        Some(Work::Home) => m.homed = true,
        Some(Work::Calibrate(_)) => {
            m.homed = true;
            m.finish_calibration();
        }
        Some(Work::Turn(nozzle)) => m.active = nozzle,
        Some(Work::ReadTag(_)) | None => {}
    }
}

impl Machine {
    /// The stages of a calibration that is on.
    pub(super) fn calibrating(&self) -> Option<&[i16]> {
        match self.chore.as_ref().map(|chore| &chore.work) {
            Some(Work::Calibrate(stages)) => Some(stages),
            _ => None,
        }
    }

    /// The spool whose tag is read.
    pub(super) fn reading(&self) -> Option<usize> {
        match self.chore.as_ref().map(|chore| &chore.work) {
            Some(Work::ReadTag(spool)) => Some(*spool),
            _ => None,
        }
    }

    /// The nozzle that it turns to.
    pub(super) fn turning(&self) -> Option<usize> {
        match self.chore.as_ref().map(|chore| &chore.work) {
            Some(Work::Turn(nozzle)) => Some(*nozzle),
            _ => None,
        }
    }
}
