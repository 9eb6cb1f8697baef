//! One simulated printer: time in, reports out; requests in, answers out.
//!
//! Pure: no sockets, no clock. It speaks as its model does and shares nothing with our own decoder, so that a
//! mistake there is not hidden by the same mistake here.
use super::command::obey;
use super::esp::Said;
use super::facts::Kit;
use super::machine::Machine;
use super::model::Model;
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
}

impl Printer {
    /// Printer `number` of a demo, counted from 0. The same seed gives the same life.
    pub fn new(number: usize, seed: u64) -> Self {
        let kinds = Model::ALL.len();
        let model = Model::ALL.get(number % kinds).copied().unwrap_or(Model::X1c);
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
        Self { name, machine, speed: 1.0, due: 0.0, streaming: true, said }
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

    /// Shows an HMS entry until it is taken away.
    pub fn raise_hms(&mut self, attr: u32, code: u32) {
        self.machine.hms.push((attr, code));
    }

    /// Takes all HMS entries away.
    pub fn clear_hms(&mut self) {
        self.machine.hms.clear();
    }

    /// Lets time pass and adds the reports that are due.
    pub fn tick(&mut self, time: Duration, reports: &mut Vec<Vec<u8>>) {
        let real = time.as_secs_f64();
        self.machine.advance(real * self.speed, real);
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
                _ => {
                    let ack = obey(&mut self.machine, category, request);
                    answers.extend(ack.map(|ack| ack.to_string().into_bytes()));
                }
            }
        }
        answers
    }
}

#[cfg(test)]
mod tests;
