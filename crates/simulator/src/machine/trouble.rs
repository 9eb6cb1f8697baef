//! How a job does not simply finish: filament runs out, it fails, somebody cancels it, the power goes.
use super::super::facts::AmsKind;
use super::super::generation::Generation;
use super::super::job::Job;
use super::super::model::Place;
use super::super::task::Status;
use super::{CANCEL_SHOWN_SECONDS, CANCELLED, Machine, Phase};

/// In which order a printer tells that a job was cancelled: its state, and the code that says by whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelOrder {
    /// Both in one message (X1C).
    Together,
    /// The code, and the state some seconds later (P1).
    CodeFirst,
    /// The code, which is gone when the state comes (A1 mini).
    CodeGone,
    /// The state, and four messages later the code (an H2D of 01.03).
    CodeLast,
    /// Straight to idle, without a code (a P1 of 2023).
    Idle,
}

/// What a printer does when its power comes back in the middle of a print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// It has forgotten the print.
    Idle,
    /// It goes on where it was, under the same numbers.
    Resume,
    /// It begins the same file anew, as another run.
    Replay,
}

/// A printer that starts up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Boot {
    left: f64,
    wake: Wake,
}

/// What will happen to a job of the demo's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    RunOut,
    Cancel,
    Fail,
}

/// The ends that the demo has in mind for its own jobs.
pub(crate) struct Fates {
    rng: fastrand::Rng,
    begun: u32,
    next: Option<(f64, Turn)>,
    /// Simulated seconds until somebody sees to a print that waits.
    attended: Option<f64>,
}

impl Fates {
    pub(super) fn new(seed: u64) -> Self {
        // Chance of its own, so that whatever happens leaves the rest of a life as it was.
        let rng = fastrand::Rng::with_seed(seed ^ 0x000F_A7E5);
        Self { rng, begun: 0, next: None, attended: None }
    }

    /// A job of the demo's own begins. The first two finish: who looks at a demo first wants to see that.
    fn draw(&mut self) {
        self.begun += 1;
        self.attended = None;
        let share = 0.2 + 0.6 * self.rng.f64();
        let turn = match self.rng.u32(0..100) {
            0..12 => Some(Turn::RunOut),
            12..20 => Some(Turn::Cancel),
            20..26 => Some(Turn::Fail),
            _ => None,
        };
        self.next = turn.filter(|_| self.begun > 2).map(|turn| (share, turn));
    }

    /// Whether it measures itself before the next print.
    fn calibrates(&mut self) -> bool {
        self.begun > 2 && self.rng.u32(0..8) == 0
    }
}

/// A heater's fault, which ends a print.
const HEATER_FAULT: u32 = 0x0300_8008;
/// Until somebody brings a new spool, simulated seconds.
const ATTENDED_AFTER: f64 = 60.0;
/// How long code and state of a cancelled print are apart, the reader's seconds.
const CODE_AHEAD: f64 = 3.0;
const CODE_BEHIND: f64 = 4.0;
/// A printer that starts says nothing of its state at first, and is at rest before it goes on.
const BOOT_SILENT: f64 = 2.0;
const BOOT_IDLE: f64 = 5.0;

impl Machine {
    /// How this model tells of a cancelled print.
    pub(super) fn usual_order(&self) -> CancelOrder {
        match self.model.facts().generation {
            Generation::Complete => CancelOrder::Together,
            Generation::Packed => CancelOrder::CodeLast,
            Generation::Delta if self.model.slings() => CancelOrder::CodeGone,
            Generation::Delta => CancelOrder::CodeFirst,
        }
    }

    /// Begins the job that is next in turn, or measures itself first.
    pub(super) fn go_on(&mut self) {
        if self.fates.calibrates() {
            self.calibrate(vec![13, 1, 3]);
        } else {
            self.start_job();
        }
    }

    /// A job of the demo's own begins.
    pub(super) fn draw_fate(&mut self, own: bool) {
        if own {
            self.fates.draw();
        } else {
            (self.fates.next, self.fates.attended) = (None, None);
        }
    }

    /// What this job has in store, once it is so far.
    pub(super) fn meet_fate(&mut self) {
        let share = self.share();
        match self.fates.next.take_if(|(at, _)| *at <= share) {
            Some((_, Turn::RunOut)) => {
                self.run_out();
                self.fates.attended = Some(ATTENDED_AFTER);
            }
            Some((_, Turn::Cancel)) => self.cancel(self.usual_order()),
            Some((_, Turn::Fail)) => self.fail(HEATER_FAULT),
            None => {}
        }
    }

    /// Somebody may come and see to a print that waits.
    pub(super) fn attend(&mut self, seconds: f64) {
        let Some(left) = &mut self.fates.attended else { return };
        *left -= seconds;
        if *left <= 0.0 {
            self.fates.attended = None;
            self.resume();
        }
    }

    /// The spool that feeds is empty: the print waits.
    pub(crate) fn run_out(&mut self) {
        if !self.busy() {
            return;
        }
        self.paused = true;
        let spool = self.feeding.or_else(|| self.wanted_spool()).unwrap_or_default();
        // Module and unit, as health codes have them: AMS 07, AMS HT 18, AMS Lite 12, outside 07FF.
        let (module, slot) = match self.model.place(spool) {
            Place::Unit(kit, slot) => {
                let module = match kit.kind {
                    AmsKind::AmsHt => 0x1800 | u32::from(kit.id),
                    AmsKind::Lite | AmsKind::LiteA2l => 0x1200,
                    _ => 0x0700 | u32::from(kit.id),
                };
                (module, u32::try_from(slot).unwrap_or_default())
            }
            Place::External => (0x07FF, 0),
        };
        self.complain(module << 16 | 0x8011);
        self.ran_out = Some((module << 16 | 0x2000 | slot << 8, 0x0002_0001));
        self.hms.extend(self.ran_out);
        if let Some(reel) = self.spools.get_mut(spool).filter(|reel| reel.remain > 0.0) {
            reel.remain = 1.0;
        }
    }

    /// Goes on after a pause; whatever it complained of is seen to.
    pub(crate) fn resume(&mut self) {
        self.paused = false;
        if let Some(entry) = self.ran_out.take() {
            self.hms.retain(|other| *other != entry);
            self.print_error = 0;
            if let Some(reel) = self.feeding.and_then(|spool| self.spools.get_mut(spool))
                && reel.remain > 0.0
            {
                reel.remain = 100.0;
            }
        }
    }

    /// The job ends with this error, which stays.
    pub(crate) fn fail(&mut self, code: u32) {
        if self.busy() {
            self.end(Phase::Failed);
            self.complain(code);
            self.fail_reason = code;
        }
    }

    fn show_cancelled(&mut self) {
        self.print_error = CANCELLED;
        self.error_left = CANCEL_SHOWN_SECONDS;
        self.fail_reason = CANCELLED;
    }

    /// Does something later, if the job is still the same.
    fn later(&mut self, seconds: f64, deed: impl FnOnce(&mut Self) + Send + 'static) {
        let job = self.jobs;
        self.agree(
            seconds,
            Box::new(move |m: &mut Self| {
                if m.jobs == job {
                    deed(m);
                }
            }),
        );
    }

    /// Somebody cancels the job.
    pub(crate) fn cancel(&mut self, order: CancelOrder) {
        if self.calibrating().is_some() {
            self.chore = None;
            self.phase = Phase::Job;
        }
        if !self.busy() || self.ending {
            return;
        }
        match order {
            CancelOrder::Together => {
                self.end(Phase::Failed);
                self.show_cancelled();
            }
            CancelOrder::CodeFirst | CancelOrder::CodeGone => {
                self.ending = true;
                self.show_cancelled();
                self.later(CODE_AHEAD, move |m| {
                    m.end(Phase::Failed);
                    if order == CancelOrder::CodeGone {
                        m.print_error = 0;
                    }
                });
            }
            CancelOrder::CodeLast => {
                self.end(Phase::Failed);
                self.print_error = 0;
                self.later(CODE_BEHIND, Self::show_cancelled);
            }
            CancelOrder::Idle => {
                self.end(Phase::Idle);
                self.print_error = 0;
                self.job = None;
                self.left = 60.0;
            }
        }
    }

    /// The power fails and is back at once; who wants it away for longer takes the printer off the net.
    pub(crate) fn power_cycle(&mut self, wake: Wake) {
        let wake = if self.busy() { wake } else { Wake::Idle };
        (self.chore, self.print_error, self.homed, self.ending) = (None, 0, false, false);
        self.pending.clear();
        self.hms.clear();
        self.ran_out = None;
        self.boot = Some(Boot { left: BOOT_SILENT + BOOT_IDLE, wake });
        match wake {
            Wake::Idle => {
                let was_busy = self.busy();
                self.end(Phase::Idle);
                self.turn += usize::from(was_busy);
                self.job = None;
                self.left = 60.0;
            }
            Wake::Resume => {
                self.paused = false;
                self.cool();
            }
            Wake::Replay => self.cool(),
        }
    }

    fn cool(&mut self) {
        self.bed.target = 0;
        for nozzle in &mut self.nozzles {
            nozzle.target = 0;
        }
    }

    /// Starts up.
    pub(super) fn wake_up(&mut self, real: f64) {
        let Some(boot) = &mut self.boot else { return };
        boot.left -= real;
        if boot.left > 0.0 {
            return;
        }
        let wake = boot.wake;
        self.boot = None;
        match wake {
            Wake::Idle => {}
            Wake::Resume => {
                let (plan, active) = (self.plan(), self.active);
                self.nozzle_mut(active).target = plan.nozzle;
                self.bed.target = plan.bed;
            }
            Wake::Replay => {
                let job = self.job.take();
                self.end_task(Status::Ended);
                self.begin(job);
            }
        }
    }

    /// What it calls its state while it starts.
    pub(super) fn booting(&self) -> Option<&'static str> {
        self.boot.map(|boot| if boot.left > BOOT_IDLE { "" } else { "IDLE" })
    }

    /// Brings a job to this share of its end, past the preparations.
    pub(crate) fn skip_to(&mut self, share: f64) {
        if self.busy() {
            self.reach(share);
        }
    }

    /// Measures itself, stage after stage.
    pub(crate) fn calibrate(&mut self, stages: Vec<i16>) {
        self.note_before();
        self.phase = Phase::Idle;
        self.job = Some(Job::calibration());
        self.print_error = 0;
        self.fail_reason = 0;
        self.number_job();
        self.list_task();
        self.chore = Some(super::super::chores::Chore::new(super::super::chores::Work::Calibrate(stages)));
    }
}
