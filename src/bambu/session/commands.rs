//! The way of a command: queued, sent one at a time, answered, and confirmed by the report.

use std::sync::Arc;

use crate::printer::{Command, Now, Outcome, Refusal, permit};

use super::super::envelope::Reply;
use super::super::report::{Light, Print};
use super::super::request::{self, Dialect};
use super::super::wire::{Keyed, Kind, Object};
use super::{CommandId, InFlight, Note, Output, QUEUE, Session, Waiting};

impl Session {
    pub(super) fn on_command(&mut self, now: Now, id: CommandId, command: Command, out: &mut Vec<Output>) {
        if let Err(refusal) = permit(&self.snapshot, &command) {
            out.push(Output::Reply(id, Outcome::Refused(refusal.to_string())));
            return;
        }
        if !self.connected {
            out.push(Output::Reply(
                id,
                Outcome::Failed("the cloud is not connected: try again later".into()),
            ));
            return;
        }
        if command == Command::Refresh {
            let outcome = self.refresh(now, out);
            out.push(Output::Reply(id, outcome));
            return;
        }
        let superseded = self.queue.iter().position(|w| w.command.is_superseded_by(&command));
        if let Some(old) = superseded.and_then(|at| self.queue.remove(at)) {
            out.push(Output::Reply(old.id, Outcome::Superseded));
        }
        if self.queue.len() >= QUEUE {
            let reason = "too many commands are waiting for this printer: try again in a few seconds";
            out.push(Output::Reply(id, Outcome::Refused(reason.into())));
            return;
        }
        self.queue.push_back(Waiting { id, command, since: now.mono });
    }

    pub(super) fn refresh(&mut self, now: Now, out: &mut Vec<Output>) -> Outcome {
        let pause = self.pushall_pause();
        if let Some(left) =
            self.pushall_sent.and_then(|at| (at + pause).checked_sub(now.mono)).filter(|l| !l.is_zero())
        {
            let seconds = left.as_secs() + 1;
            let reason = format!("this printer may be asked for everything again in {seconds} s");
            return Outcome::Refused(reason);
        }
        self.ask_everything(now, out);
        Outcome::Accepted
    }

    pub(super) fn on_reply(&mut self, now: Now, reply: &Reply, out: &mut Vec<Output>) {
        if let Some((node, mode)) = reply.lamp.clone().filter(|_| reply.accepted != Some(false)) {
            // The printer's own screen echoes here too; some lamps are told nowhere else.
            let light = Light { node: Some(node), mode: Some(mode) };
            let known =
                self.report.lights_report.as_ref().is_some_and(|l| l.0.iter().any(|k| k.node == light.node));
            // The lamp of the bed is in no report.
            if known || light.node.as_deref() == Some("heatbed_light") {
                let lights = Some(Keyed(vec![light]));
                self.report.absorb(Print { lights_report: lights, ..Print::default() }, Kind::Delta);
                self.project(now, Kind::Delta, out);
            }
        }
        let refused_signature = matches!(reply.code, Some(0x0502_4007 | 0x0502_4009))
            || reply.reason.as_deref().is_some_and(|r| r.to_ascii_lowercase().contains("verify failed"));
        if refused_signature && !self.signature_refused {
            self.signature_refused = true;
            out.push(Output::Note(Note::SignatureRequired));
            self.project(now, Kind::Delta, out);
        }
        let ours = self.in_flight.as_ref().is_some_and(|f| {
            f.category == reply.category
                && reply.command.as_deref().is_none_or(|command| command == f.name)
                && reply.sequence_id.as_deref().and_then(|id| id.parse().ok()) == Some(f.sequence_id)
        });
        let Some(in_flight) = self.in_flight.take_if(|_| ours) else { return };
        let Waiting { id, command, .. } = in_flight.waiting;
        if reply.accepted == Some(false) {
            let reason =
                if refused_signature { Refusal::SignatureRequired.to_string() } else { refusal_text(reply) };
            out.push(Output::Reply(id, Outcome::Refused(reason)));
            return;
        }
        out.push(Output::Reply(id, Outcome::Accepted));
        if command.is_met(&self.snapshot) {
            out.push(Output::Reply(id, Outcome::Confirmed));
        } else {
            self.unconfirmed.push(Waiting { id, command, since: now.mono });
        }
    }

    pub(super) fn send_command(&mut self, now: Now, waiting: Waiting, out: &mut Vec<Output>) {
        // The state may have changed while it waited.
        if let Err(refusal) = permit(&self.snapshot, &waiting.command) {
            out.push(Output::Reply(waiting.id, Outcome::Refused(refusal.to_string())));
            return;
        }
        let can = self.snapshot.capabilities.unwrap_or_default();
        let firmware = self.identity.firmware.as_deref();
        let dialect = Dialect::of(&self.report, self.model, firmware, &can);
        let printer = Arc::clone(&self.snapshot);
        let requests = request::of_command(&waiting.command, &dialect, &printer, || self.next_id());
        if let Some(first) = requests.first() {
            let (category, name, sequence_id) = (first.category, first.command, first.sequence_id);
            self.in_flight = Some(InFlight { waiting, category, name, sequence_id });
            self.sent_at = Some(now.mono);
        }
        out.extend(requests.into_iter().map(Output::Send));
    }
}

/// Why the printer said no, in words.
fn refusal_text(reply: &Reply) -> String {
    let reason = reply.reason.as_deref().map(str::trim).filter(|r| !r.is_empty());
    match (reason, reply.code) {
        (Some(reason), _) => format!("the printer refused: {reason}"),
        (None, Some(0x0500_4004)) => "the printer refused: it is busy with a print".into(),
        (None, Some(code)) if code > 0 => format!("the printer refused with error {code:08X}"),
        (None, Some(code)) => format!("the printer refused with error {code}"),
        (None, None) => "the printer refused without a reason".into(),
    }
}
