//! One simulated printer: time in, reports out; requests in, answers out.
//!
//! Pure: no sockets, no clock. It speaks as its model does and shares nothing with our own decoder, so that a
//! mistake there is not hidden by the same mistake here.
use super::command::{obey, refuse};
use super::facts::Kit;
use super::generation::delta::Said;
use super::job::{Ids, JobSpec, Origin};
use super::machine::Machine;
use super::machine::trouble::{CancelOrder, Wake};
use super::model::Model;
use super::task::Task;
use serde_json::Value;
use std::time::Duration;

/// A printer of the demo.
pub struct Printer {
    name: String,
    machine: Machine,
    speed: f64,
    /// Seconds until the next report.
    due: f64,
    streaming: bool,
    said: Said,
    manners: Manners,
    /// Answers that come late, and the seconds until then.
    late: Vec<(f64, Vec<u8>)>,
}

/// How it treats commands; what asks it for something is always answered.
#[derive(Default)]
struct Manners {
    slow: f64,
    answers_get_lost: bool,
    commands_get_lost: bool,
    refuse_next: Option<String>,
}

impl Printer {
    /// Printer `number` of a demo, counted from 0. The same seed gives the same life.
    pub fn new(number: usize, seed: u64) -> Self {
        let kinds = Model::ALL.len();
        let model = Model::of_number(number);
        let serial = format!("{}09D{:09}", model.serial_prefix(), number + 1);
        let name = match number / kinds {
            0 => format!("Demo {}", model.product_name()),
            round => format!("Demo {} {}", model.product_name(), round + 1),
        };
        let mut machine = Machine::new(model, serial, seed.wrapping_add(number as u64));
        // The first three show at once what there is to see; the others are anywhere.
        match (number, model) {
            (0, _) => machine.jump(0, 0.425),
            (1, _) => machine.jump_to_heating(),
            (2, _) => machine.jump(0, 0.31),
            _ => {
                let turn = usize::try_from(machine.chance(6)).unwrap_or_default();
                let share = f64::from(machine.chance(98)) / 100.0;
                machine.jump(turn, share);
            }
        }
        let mut said = Said::default();
        said.delta(&machine, model.sheet());
        Self {
            name,
            machine,
            speed: 1.0,
            due: 0.0,
            streaming: true,
            said,
            manners: Manners::default(),
            late: Vec::new(),
        }
    }

    /// Lets the simulated day pass faster; reports keep their pace.
    #[must_use]
    pub fn with_speed(mut self, speed: f64) -> Self {
        self.speed = speed;
        self
    }

    /// The serial number, as in topics.
    pub fn serial(&self) -> &str {
        &self.machine.serial
    }

    /// Its serial number and those of its AMS units.
    pub(super) fn serials(&self) -> Vec<String> {
        let number = self.serial().get(6..).unwrap_or_default();
        let unit = |kit: &Kit| format!("{}{number}", kit.kind.module()[2]);
        let units = self.model().facts().units.iter().map(unit);
        units.chain([self.serial().to_owned()]).collect()
    }

    /// The name it has in the account.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its model.
    pub fn model(&self) -> Model {
        self.machine.model
    }

    /// What `gcode_state` says now.
    pub fn state(&self) -> &'static str {
        self.machine.gcode_state()
    }

    /// Takes only signed commands from now on, as firmware of 2025 and later does; `false` undoes it.
    pub fn set_signed_only(&mut self, on: bool) {
        self.machine.signed_only = on;
    }

    /// Answers commands so much later; what they do is not delayed.
    pub fn set_slow_answers(&mut self, by: Duration) {
        self.manners.slow = by.as_secs_f64();
    }

    /// Carries commands out and never says so.
    pub fn set_answers_lost(&mut self, on: bool) {
        self.manners.answers_get_lost = on;
    }

    /// Hears no commands: they are neither answered nor carried out.
    pub fn set_commands_lost(&mut self, on: bool) {
        self.manners.commands_get_lost = on;
    }

    /// Is busy with something that no report tells of: refuses what a printer refuses while it prints.
    pub fn set_busy(&mut self, on: bool) {
        self.machine.occupied = on;
    }

    /// Refuses the next command, whatever it is, with this reason.
    pub fn refuse_next(&mut self, reason: &str) {
        self.manners.refuse_next = Some(reason.to_owned());
    }

    /// Ends what it prints, is idle, and begins no more prints of its own.
    pub fn rest(&mut self) {
        self.machine.rest();
    }

    /// Has finished what it printed, and begins no more prints of its own.
    pub(super) fn retire(&mut self) {
        self.machine.retire();
    }

    /// Begins a job at once; one that is on ends without a word of it.
    pub fn start_job(&mut self, spec: JobSpec) {
        match spec.origin {
            Origin::Calibration => self.machine.calibrate(vec![13, 1, 3]),
            Origin::Cloud | Origin::Local => {
                let job = spec.into_job(self.model());
                self.machine.begin(Some(job));
            }
        }
    }

    /// Brings what is printed to this share of its end (0 to 1), past the preparations, as if time had passed.
    pub fn skip_to(&mut self, share: f64) {
        self.machine.skip_to(share);
    }

    /// Ends the job with an error, which stays until another begins or somebody clears it.
    pub fn fail_job(&mut self, code: u32) {
        self.machine.fail(code);
    }

    /// Somebody cancels the job at the printer.
    pub fn cancel_job(&mut self) {
        self.machine.stop();
    }

    /// From now on it tells of a cancelled job in this order; else as its family does.
    pub fn set_cancel_order(&mut self, order: CancelOrder) {
        self.machine.cancel_order = Some(order);
    }

    /// Somebody pauses the job at the printer.
    pub fn pause_job(&mut self) {
        self.machine.paused = self.machine.busy();
    }

    /// Somebody lets it go on; after a run-out he has brought filament.
    pub fn resume_job(&mut self) {
        self.machine.resume();
    }

    /// The spool that feeds is empty: pause, error and health entry until somebody lets the job go on.
    pub fn run_out(&mut self) {
        self.machine.run_out();
    }

    /// The power fails for a moment. It starts for 7 s, of which it tells no state for 2 and is idle for 5, and
    /// then does what `wake` says with a job that was on. To have it off the net meanwhile, see
    /// [`Cloud::power_off`](super::Cloud::power_off).
    pub fn power_cycle(&mut self, wake: Wake) {
        self.machine.power_cycle(wake);
    }

    /// The numbers of the job as its reports tell them now.
    pub fn job_ids(&self) -> Ids {
        self.machine.told_ids()
    }

    /// The cloud has so many more prints of it, from before those of yesterday.
    pub fn remember_more(&mut self, prints: u32) {
        self.machine.remember_more(prints);
    }

    /// What the cloud keeps of its prints, newest first.
    pub fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.machine.tasks.iter()
    }

    /// The newest of them: the job that is on, or was last, unless it came from the local network.
    pub fn task(&self) -> Option<&Task> {
        self.machine.tasks.front()
    }

    /// The reader's time since this printer was made, in which the times of tasks count.
    pub fn age(&self) -> Duration {
        Duration::from_secs_f64(self.machine.age)
    }

    /// Lets time pass while it has no power.
    pub(super) fn sleep(&mut self, time: Duration) {
        self.machine.age += time.as_secs_f64();
    }

    /// Gives a unit that can dry its own power supply, or takes it away.
    pub fn set_dryer_power(&mut self, unit: u16, on: bool) {
        let index = self.model().dryer(unit).map(|(index, _)| index);
        if let Some(unit) = index.and_then(|index| self.machine.units.get_mut(index)) {
            unit.powered = on;
        }
    }

    /// Shows an error until somebody clears it or a print begins.
    pub fn raise_error(&mut self, code: u32) {
        self.machine.complain(code);
    }

    /// Shows an HMS entry until it is taken away.
    pub fn raise_hms(&mut self, attr: u32, code: u32) {
        self.machine.hms.push((attr, code));
    }

    /// Takes all HMS entries away.
    pub fn clear_hms(&mut self) {
        self.machine.hms.clear();
    }

    /// What it is made of.
    pub(super) fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Lets time pass and adds the answers and reports that are due.
    pub fn tick(&mut self, time: Duration, reports: &mut Vec<Vec<u8>>) {
        let real = time.as_secs_f64();
        self.machine.advance(real * self.speed, real);
        self.late.retain_mut(|(left, answer)| {
            *left -= real;
            let due = *left <= 0.0;
            if due {
                reports.push(std::mem::take(answer));
            }
            !due
        });
        self.due -= real;
        if self.due > 0.0 || !self.streaming {
            return;
        }
        if self.model().is_terse() {
            self.due = 1.0 + f64::from(self.machine.chance(2));
            if let Some(delta) = self.said.delta(&self.machine, self.model().sheet()) {
                self.machine.sequence += 1;
                reports.push(delta);
            }
        } else {
            self.due = 1.0;
            reports.push(self.full());
        }
    }

    /// A complete report.
    pub fn full(&mut self) -> Vec<u8> {
        if self.model().is_terse() {
            // What is in it need not be said again.
            self.said.delta(&self.machine, self.model().sheet());
        }
        self.machine.sequence += 1;
        self.model().sheet().full.render(&self.machine)
    }

    fn version(&self, sequence: &Value) -> Vec<u8> {
        let mut out = br#"{"info":{"command":"get_version","module":["#.to_vec();
        self.model().sheet().version.write(&self.machine, &mut out);
        let outcome = if self.model().is_terse() { r#","result":"success","reason":"""# } else { "" };
        super::template::put(&mut out, format_args!(r#"],"sequence_id":{sequence}{outcome}}}}}"#));
        out
    }

    /// Takes a request as it came and says what goes back. What is not JSON gets no answer.
    pub fn handle(&mut self, request: &[u8]) -> Vec<Vec<u8>> {
        let Ok(Value::Object(categories)) = serde_json::from_slice(request) else { return Vec::new() };
        let mut answers = Vec::new();
        for (category, request) in &categories {
            let Value::Object(request) = request else { continue };
            let command = request.get("command").and_then(Value::as_str).unwrap_or_default();
            match (category.as_str(), command) {
                ("info", "get_version") => {
                    answers.push(self.version(request.get("sequence_id").unwrap_or(&Value::Null)));
                }
                ("pushing", "pushall") => answers.push(self.full()),
                ("pushing", "start") => self.streaming = true,
                ("pushing", "stop") => self.streaming = false,
                _ if self.manners.commands_get_lost => {}
                _ => {
                    let answer = match self.manners.refuse_next.take() {
                        Some(reason) => Some(refuse(&self.machine, category, request, reason)),
                        None => obey(&mut self.machine, category, request),
                    };
                    let answer = answer.filter(|_| !self.manners.answers_get_lost);
                    answers.extend(answer.and_then(|answer| self.hold_back(answer.to_string().into_bytes())));
                }
            }
        }
        answers
    }

    /// Answers that it still has to give.
    pub(super) fn owed(&self) -> usize {
        self.late.len()
    }

    /// Keeps an answer for later if this printer is slow.
    fn hold_back(&mut self, answer: Vec<u8>) -> Option<Vec<u8>> {
        if self.manners.slow <= 0.0 {
            return Some(answer);
        }
        self.late.push((self.manners.slow, answer));
        None
    }
}

#[cfg(test)]
mod tests;
