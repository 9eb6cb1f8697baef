//! The physics and the working day of one simulated printer: heaters, fans, and a print on a loop.
//!
//! Pure: time is handed in, chance comes from a seed. Knows neither JSON nor MQTT.
use super::chances::{self, Chances};
use super::chores::{self, Chore};
use super::detectors::Detectors;
use super::job::{Ids, Job, Titles};
use super::model::Model;
use super::parts::{AMBIENT, Fan, Heater, count, whole};
use super::plan::{PREPARING, Plan, Step};
use super::print_options::PrintOptions;
use super::spool::Reel;
use super::task::{Status, Task};
use super::unit::Unit;
use std::collections::VecDeque;

mod closing;
mod filament;
pub(super) mod trouble;

use filament::Change;
use trouble::{Boot, CancelOrder, Fates};

/// What `print_error` says for a few seconds after someone stopped a print.
pub(super) const CANCELLED: u32 = 0x0300_400C;
/// The HMS entry of firmware that refused an unsigned command.
pub(super) const VERIFY_FAILED: (u32, u32) = (0x0500_0500, 0x0001_0007);
const CANCEL_SHOWN_SECONDS: f64 = 6.0;
/// How long each state at rest shows at least, the reader's seconds: a report a second or two shall have it,
/// however fast the day goes.
const REST_SHOWN_SECONDS: f64 = 3.0;
const VERIFY_SHOWN_SECONDS: f64 = 20.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Idle,
    Job,
    Finish,
    Failed,
}

/// What a command does when the printer gets to it.
pub(super) type Deed = Box<dyn FnOnce(&mut Machine) + Send>;

/// All that a report shows.
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of the real machine")]
pub(super) struct Machine {
    pub(super) model: Model,
    pub(super) serial: String,
    pub(super) signed_only: bool,
    pub(super) spools: Vec<Reel>,
    /// On the holders outside, as somebody told the printer.
    pub(super) externals: Vec<Reel>,
    /// The units that are plugged in.
    pub(super) units: Vec<Unit>,
    pub(super) phase: Phase,
    pub(super) paused: bool,
    /// Somebody cancelled it, and the state is still to follow.
    ending: bool,
    /// What the last job ended with.
    pub(super) fail_reason: u32,
    /// The order in which it tells of a cancelled job, if not the usual one.
    pub(super) cancel_order: Option<CancelOrder>,
    /// The HMS entry of a spool that ran out.
    pub(super) ran_out: Option<(u32, u32)>,
    boot: Option<Boot>,
    fates: Fates,
    pub(super) step: usize,
    left: f64,
    /// Seconds of printing done, of the plan's.
    pub(super) done: f64,
    /// The last layer is done and the job not yet at its end; what it tells as its stage meanwhile.
    closing: Option<i16>,
    turn: usize,
    pub(super) jobs: u32,
    pub(super) ids: Ids,
    /// What was told before the present job.
    pub(super) before: Titles,
    pub(super) tasks: VecDeque<Task>,
    /// The reader's seconds since it was made, and since it last began to rest or to close a job.
    pub(super) age: f64,
    rested: f64,
    change: Option<Change>,
    /// What it was told to do while it prints nothing.
    pub(super) chore: Option<Chore>,
    /// What it agreed to, and the reader's seconds until that shows.
    pending: Vec<(f64, Deed)>,
    /// The print that was sent; without one it is the plan's.
    pub(super) job: Option<Job>,
    /// It begins no print by itself.
    pub(super) resting: bool,
    /// It says that it is busy, whatever it does.
    pub(super) occupied: bool,
    /// The spool that feeds, by its number.
    pub(super) feeding: Option<usize>,
    pub(super) previous: Option<usize>,
    /// 0 right or only, 1 left; also who is in use where there are two.
    pub(super) nozzles: [Heater; 2],
    pub(super) active: usize,
    pub(super) bed: Heater,
    pub(super) chamber: Heater,
    pub(super) part_fan: Fan,
    pub(super) aux_fan: Fan,
    pub(super) chamber_fan: Fan,
    pub(super) second_aux_fan: Fan,
    pub(super) airduct: u8,
    pub(super) filtering: bool,
    pub(super) door_open: bool,
    /// What happens now and then.
    pub(super) chances: Chances,
    pub(super) light: &'static str,
    pub(super) light2: &'static str,
    pub(super) record: bool,
    pub(super) timelapse: bool,
    pub(super) resolution: &'static str,
    pub(super) options: PrintOptions,
    /// Diameter and type of the nozzle, as somebody told the printer.
    pub(super) nozzle_kind: (&'static str, &'static str),
    /// Whether it knows where its axes are, beside what a print finds out.
    pub(super) homed: bool,
    pub(super) speed: u8,
    pub(super) detectors: Detectors,
    pub(super) print_error: u32,
    error_left: f64,
    pub(super) hms: Vec<(u32, u32)>,
    verify_left: f64,
    pub(super) skipped: Vec<u64>,
    pub(super) wifi: i32,
    pub(super) sequence: u64,
    rng: fastrand::Rng,
}

impl Machine {
    pub(super) fn new(model: Model, serial: String, seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut machine = Self {
            model,
            serial,
            signed_only: false,
            spools: Reel::inside(model),
            externals: Reel::outside(model),
            units: model
                .facts()
                .units
                .iter()
                .map(|kit| Unit::new(kit.kind.humidity().unwrap_or(0)))
                .collect(),
            phase: Phase::Idle,
            paused: false,
            ending: false,
            fail_reason: 0,
            cancel_order: None,
            ran_out: None,
            boot: None,
            fates: Fates::new(seed),
            step: 0,
            left: 20.0,
            done: 0.0,
            closing: None,
            turn: 0,
            jobs: 1000 + rng.u32(0..8000),
            ids: Ids::default(),
            before: Titles::default(),
            tasks: VecDeque::new(),
            age: 0.0,
            rested: 0.0,
            change: None,
            chore: None,
            pending: Vec::new(),
            job: None,
            resting: false,
            occupied: false,
            feeding: None,
            previous: None,
            nozzles: [Heater::new(2.6, 70.0), Heater::new(2.6, 70.0)],
            active: 0,
            bed: Heater::new(0.9, 320.0),
            chamber: Heater::new(0.08, 600.0),
            part_fan: Fan::default(),
            aux_fan: Fan::default(),
            chamber_fan: Fan::default(),
            second_aux_fan: Fan::default(),
            airduct: 0,
            filtering: false,
            door_open: false,
            chances: Chances::default(),
            light: "on",
            light2: "on",
            record: true,
            timelapse: false,
            resolution: "1080p",
            options: PrintOptions::new(model),
            nozzle_kind: ("0.4", model.facts().nozzle_type),
            homed: false,
            speed: 2,
            detectors: Detectors::default(),
            print_error: 0,
            error_left: 0.0,
            hms: Vec::new(),
            verify_left: 0.0,
            skipped: Vec::new(),
            wifi: -48 - rng.i32(0..14),
            sequence: rng.u64(400..4000),
            rng,
        };
        machine.number_job();
        machine.remember_tasks();
        machine
    }

    pub(super) fn plan(&self) -> &'static Plan {
        let plans = self.model.facts().plans;
        plans.get(self.turn % plans.len()).expect("the remainder is below the length")
    }

    fn current_step(&self) -> Option<&'static Step> {
        (self.phase == Phase::Job).then(|| self.model.facts().steps.get(self.step)).flatten()
    }

    /// Whether the job is past its preparations.
    pub(super) fn printing(&self) -> bool {
        self.phase == Phase::Job && self.step >= self.model.facts().steps.len()
    }

    /// Whether a job is on, paused or not.
    pub(super) fn busy(&self) -> bool {
        self.phase == Phase::Job
    }

    /// Whether something keeps it from beginning what needs the whole machine.
    pub(super) fn engaged(&self) -> bool {
        self.busy() || self.occupied || self.change.is_some() || self.chore.is_some()
    }

    pub(super) fn gcode_state(&self) -> &'static str {
        if let Some(state) = self.booting() {
            return state;
        }
        match self.phase {
            Phase::Idle if self.calibrating().is_some() => "RUNNING",
            Phase::Idle => "IDLE",
            Phase::Finish => "FINISH",
            Phase::Failed => "FAILED",
            Phase::Job if self.named_before() => "IDLE",
            Phase::Job if self.paused => "PAUSE",
            Phase::Job if self.step < PREPARING => "PREPARE",
            Phase::Job => "RUNNING",
        }
    }

    /// `stg_cur`.
    pub(super) fn stage(&self) -> i16 {
        match (self.phase, self.current_step()) {
            (Phase::Job, _) if self.boot.is_some() => self.model.no_stage(),
            (Phase::Job, _) if self.paused && self.ran_out.is_some() => 6,
            (Phase::Job, _) if self.paused => 16,
            (Phase::Job, Some(step)) => step.stage,
            (Phase::Job, None) if self.change.is_some() && self.closing.is_none() => 4,
            (Phase::Job, None) => self.closing.unwrap_or(0),
            _ => self
                .calibrating()
                .and_then(|stages| stages.first().copied())
                .unwrap_or_else(|| self.model.no_stage()),
        }
    }

    fn share(&self) -> f64 {
        self.done / self.seconds()
    }

    /// Progress as printers count it: 100 stays until the next job.
    pub(super) fn percent(&self) -> u8 {
        match self.phase {
            Phase::Finish => 100,
            Phase::Job if self.closing.is_some() => self.closing_percent(),
            Phase::Idle => 0,
            Phase::Job | Phase::Failed => whole(self.share() * 100.0).min(99),
        }
    }

    /// Minutes, rounded up as the printer's screen does.
    pub(super) fn minutes_left(&self) -> u32 {
        if self.phase != Phase::Job {
            return 0;
        }
        let ahead: f64 = self.model.facts().steps.iter().skip(self.step).map(|step| step.seconds).sum();
        let printing = (self.seconds() - self.done) * 100.0 / f64::from(self.speed_percent());
        count(((ahead + printing) / 60.0).ceil())
    }

    pub(super) fn layer(&self) -> u32 {
        match self.phase {
            Phase::Job if self.printing() => {
                (1 + count(self.share() * f64::from(self.layers()))).min(self.layers())
            }
            Phase::Finish => self.layers(),
            Phase::Failed => count(self.share() * f64::from(self.layers())),
            _ => 0,
        }
    }

    pub(super) fn total_layers(&self) -> u32 {
        if self.phase == Phase::Idle { 0 } else { self.layers() }
    }

    pub(super) fn speed_percent(&self) -> u8 {
        match self.speed {
            1 => 50,
            3 => 124,
            4 => 166,
            _ => 100,
        }
    }

    /// Download of the job's file, percent.
    pub(super) fn downloaded(&self) -> u8 {
        match self.phase {
            Phase::Job if self.step == 0 => whole(100.0 - self.left / 6.0 * 100.0),
            Phase::Idle => 0,
            _ => 100,
        }
    }

    /// The fan at the heat break runs whenever a nozzle is warm; 0–15.
    pub(super) fn heatbreak(&self) -> u8 {
        if self.nozzles.iter().any(|nozzle| nozzle.now > 50.0) { 13 } else { 0 }
    }

    /// Nozzle in use.
    pub(super) fn nozzle(&self) -> &Heater {
        let [right, left] = &self.nozzles;
        if self.active == 1 { left } else { right }
    }

    pub(super) fn nozzle_mut(&mut self, index: usize) -> &mut Heater {
        let [right, left] = &mut self.nozzles;
        if index == 1 { left } else { right }
    }

    fn fans(&mut self) -> [&mut Fan; 4] {
        [&mut self.part_fan, &mut self.aux_fan, &mut self.chamber_fan, &mut self.second_aux_fan]
    }

    /// Begins the job that is next in turn.
    pub(super) fn start_job(&mut self) {
        self.begin(None);
    }

    /// Begins a job, sent or its own.
    pub(super) fn begin(&mut self, job: Option<Job>) {
        self.note_before();
        self.draw_fate(job.is_none());
        self.job = job;
        self.chore = None;
        self.hms.retain(|entry| Some(*entry) != self.ran_out);
        self.ran_out = None;
        self.fail_reason = 0;
        self.print_error = 0;
        self.phase = Phase::Job;
        self.change = None;
        self.closing = None;
        self.done = 0.0;
        self.number_job();
        self.list_task();
        self.paused = false;
        self.ending = false;
        self.skipped.clear();
        for fan in self.fans() {
            fan.release();
        }
        self.enter_step(0);
    }

    /// What is told now, for a printer that tells the name of the next job late.
    fn note_before(&mut self) {
        self.before = Titles { ids: self.told_ids(), name: self.told_name().to_owned() };
    }

    /// Simulated seconds since the job began, while it is in its first step.
    pub(super) fn since_begin(&self) -> Option<f64> {
        self.current_step().filter(|_| self.step == 0).map(|step| step.seconds - self.left)
    }

    fn enter_step(&mut self, index: usize) {
        self.step = index;
        if index > 0 {
            self.run_task();
        }
        let plan = self.plan();
        let first = self.job_spools().first().map_or(0, |(_, spool)| *spool);
        self.active = self.model.nozzle_of(first);
        let active = self.active;
        if let Some(step) = self.model.facts().steps.get(index) {
            self.left = step.seconds;
            self.nozzle_mut(active).target = step.nozzle.unwrap_or(plan.nozzle);
            self.bed.target = if index == 0 { 0 } else { plan.bed };
        } else {
            self.nozzle_mut(active).target = plan.nozzle;
            self.bed.target = plan.bed;
            self.load(first);
            self.chamber_fan.order(if self.model.has_fan(48) { 77 } else { 0 });
        }
    }

    /// Does something after so many seconds of the reader's.
    pub(super) fn agree(&mut self, seconds: f64, deed: Deed) {
        self.pending.push((seconds, deed));
    }

    fn do_what_was_agreed(&mut self, real: f64) {
        for (left, _) in &mut self.pending {
            *left -= real;
        }
        if self.pending.iter().all(|(left, _)| *left > 0.0) {
            return;
        }
        let (due, later) = std::mem::take(&mut self.pending).into_iter().partition(|(left, _)| *left <= 0.0);
        self.pending = later;
        for (_, deed) in Vec::from_iter::<Vec<(f64, Deed)>>(due) {
            deed(self);
        }
    }

    /// Ends what it prints, and begins nothing more by itself.
    pub(super) fn rest(&mut self) {
        self.end(Phase::Idle);
        self.job = None;
        self.turn += 1;
        self.resting = true;
    }

    /// Has finished what it printed, and begins nothing more by itself.
    pub(super) fn retire(&mut self) {
        self.end(Phase::Finish);
        self.resting = true;
    }

    /// Shows an error until somebody clears it or a print begins.
    pub(super) fn complain(&mut self, code: u32) {
        self.print_error = code;
        self.error_left = f64::INFINITY;
    }

    /// Jumps to a moment of a job, as if it had run up to there.
    pub(super) fn jump(&mut self, turn: usize, share: f64) {
        self.turn = turn;
        self.start_job();
        self.reach(share);
        self.backdate_task(self.done + 75.0);
    }

    /// Is at this share of the job, as if it had run up to there.
    fn reach(&mut self, share: f64) {
        self.enter_step(self.model.facts().steps.len());
        self.change = None;
        self.closing = None;
        self.done = self.seconds() * share;
        self.feeding = self.wanted_spool();
        self.active = self.feeding.map_or(0, |spool| self.model.nozzle_of(spool));
        let (plan, active) = (self.plan(), self.active);
        self.nozzle_mut(active).now = f64::from(plan.nozzle);
        self.nozzle_mut(active).target = plan.nozzle;
        self.bed.now = f64::from(plan.bed);
        self.chamber.now = 33.0;
        self.part_fan.order(204);
        for fan in [&mut self.part_fan, &mut self.chamber_fan] {
            fan.advance(60.0);
        }
    }

    /// Puts an idle printer some seconds into its preparations.
    pub(super) fn jump_to_heating(&mut self) {
        self.start_job();
        self.enter_step(1);
    }

    /// Lets time pass: `seconds` of the simulated day, `real` seconds of the reader's.
    pub(super) fn advance(&mut self, seconds: f64, real: f64) {
        self.age += real;
        self.rested += real;
        self.wake_up(real);
        self.do_what_was_agreed(real);
        let mut left = seconds;
        while left > 0.0 {
            let step = left.min(1.0);
            left -= step;
            self.advance_slice(step);
        }
        for heater in self.nozzles.iter_mut().chain([&mut self.bed]) {
            heater.waver(self.rng.f64());
        }
        chances::happen(self, seconds);
        self.wifi = (self.wifi + self.rng.i32(-2..=2)).clamp(-72, -40);
        self.error_left -= real;
        if self.error_left <= 0.0 {
            self.print_error = 0;
        }
        self.verify_left -= real;
        if self.verify_left <= 0.0 {
            self.hms.retain(|entry| *entry != VERIFY_FAILED);
        }
    }

    fn advance_slice(&mut self, seconds: f64) {
        let room = if self.model.slings() { AMBIENT } else { AMBIENT.midpoint(self.chamber.now) };
        for heater in self.nozzles.iter_mut().chain([&mut self.bed]) {
            heater.advance(seconds, room);
        }
        // The bed warms the chamber: up to a fifth of its own excess.
        self.chamber.advance(seconds, AMBIENT + (self.bed.now - AMBIENT) / 5.0);
        for fan in self.fans() {
            fan.advance(seconds);
        }
        for unit in &mut self.units {
            unit.advance(seconds);
        }
        if self.change.is_some() {
            // Whatever else is due waits for it.
            return self.advance_change(seconds);
        }
        if self.chore.is_some() {
            return chores::advance(self, seconds);
        }
        self.left -= seconds;
        let rested = self.left <= 0.0
            && self.rested >= REST_SHOWN_SECONDS
            && self.boot.is_none()
            && self.pending.is_empty();
        match self.phase {
            Phase::Idle if rested && !self.resting => self.go_on(),
            Phase::Job if self.ending || self.boot.is_some() => self.left += seconds,
            Phase::Job if self.paused => {
                self.left += seconds;
                self.attend(seconds);
            }
            Phase::Job if self.closing.is_some() => {
                if rested {
                    self.end(Phase::Finish);
                }
            }
            Phase::Job if self.printing() => self.print(seconds),
            Phase::Job => {
                let ready = self.nozzle().ready() && self.bed.ready();
                let wait = self.current_step().is_some_and(|step| step.wait && !ready);
                if self.left <= 0.0 && !wait {
                    self.enter_step(self.step + 1);
                }
            }
            // Left alone it goes on showing how its last job ended, as a real one does.
            Phase::Finish | Phase::Failed if rested && !self.resting => {
                self.phase = Phase::Idle;
                self.rested = 0.0;
                if self.job.take().is_none_or(|job| job.kind != "system") {
                    self.turn += 1;
                }
                self.left = 40.0 + 20.0 * self.rng.f64();
            }
            Phase::Idle | Phase::Finish | Phase::Failed => {}
        }
    }

    fn print(&mut self, seconds: f64) {
        if !self.nozzle().ready() {
            return;
        }
        let layer = self.layer();
        self.done += seconds * f64::from(self.speed_percent()) / 100.0;
        if let Some(spool) = self.feeding.and_then(|spool| self.spools.get_mut(spool))
            && spool.remain > 0.0
        {
            spool.remain = (spool.remain - seconds / 240.0).max(1.0);
        }
        if self.done >= self.seconds() {
            return self.close();
        }
        if let Some(spool) = self.wanted_spool().filter(|spool| self.feeding != Some(*spool)) {
            self.load(spool);
        } else if self.layer() != layer {
            // The first layers go without a fan; later ones breathe with their length.
            let speed = if layer < 2 { 0 } else { self.rng.u8(150..=255) };
            self.part_fan.order(speed);
            let old = self.model.has_fan(32) && !self.model.has_bit_fields();
            self.aux_fan.order(if old && layer > 2 { 153 } else { 0 });
        }
        self.meet_fate();
    }

    fn end(&mut self, phase: Phase) {
        if self.busy() {
            self.end_task(if phase == Phase::Finish { Status::Finished } else { Status::Ended });
        }
        self.phase = phase;
        self.left = 90.0;
        self.rested = 0.0;
        self.paused = false;
        self.ending = false;
        self.change = None;
        self.closing = None;
        self.bed.target = 0;
        for nozzle in &mut self.nozzles {
            nozzle.target = 0;
        }
        for fan in self.fans() {
            fan.release();
            fan.order(0);
        }
        self.previous = self.feeding.take();
        self.speed = 2;
    }

    /// A calibration is through.
    pub(super) fn finish_calibration(&mut self) {
        self.phase = Phase::Finish;
        self.left = 20.0;
        self.rested = 0.0;
    }

    /// Someone stopped the print.
    pub(super) fn stop(&mut self) {
        self.cancel(self.cancel_order.unwrap_or_else(|| self.usual_order()));
    }

    /// An unsigned command was refused: the printer shows an HMS entry for a while.
    pub(super) fn show_verify_failed(&mut self) {
        if !self.hms.contains(&VERIFY_FAILED) {
            self.hms.push(VERIFY_FAILED);
        }
        self.verify_left = VERIFY_SHOWN_SECONDS;
    }

    /// A whole number drawn from this printer's own chance.
    pub(super) fn chance(&mut self, below: u32) -> u32 {
        self.rng.u32(0..below)
    }
}
