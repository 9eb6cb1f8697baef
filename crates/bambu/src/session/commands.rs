//! The way of a command: queued, sent one at a time, answered, and confirmed by the report.

use std::sync::Arc;
use std::time::Duration;

use printer::{Command, Now, Outcome, Refusal, Snapshot, permit};

use super::super::envelope::Reply;
use super::super::report::{Light, Print};
use super::super::request::{self, Dialect};
use super::super::wire::{Keyed, Kind, Object};
use super::budget::RESERVE;
use super::{ANSWER, COMMAND_GAP, CommandId, Output, QUEUE, Session, refusal};

/// The shortest time until an effect is missed on printers whose reports come late: a setpoint shows after
/// 3 to 5 s, on a P1 after up to 5 s more (protocol 5.1).
const LATE_REPORT: Duration = Duration::from_secs(15);
/// How long after a command a new error is the printer's way to say no, on a P1 or A1 (protocol 5.1).
const ERROR_WATCH: Duration = Duration::from_secs(5);

/// A command that was not sent yet.
pub(super) struct Waiting {
    pub(super) id: CommandId,
    pub(super) command: Command,
    pub(super) since: Duration,
}

/// What an answer is told by. Other clients see and cause answers too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tag {
    category: &'static str,
    name: &'static str,
    sequence_id: u32,
}

impl Tag {
    fn is_of(&self, reply: &Reply) -> bool {
        self.category == reply.category
            // An A1 mini leaves the command out.
            && reply.command.as_deref().is_none_or(|command| command == self.name)
            && reply.sequence_id.as_deref().and_then(|id| id.parse().ok()) == Some(self.sequence_id)
    }
}

/// How far a command that was sent has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The printer has not answered.
    Asked,
    /// It took it; the effect is awaited.
    Accepted,
    /// It answered, and said neither yes nor no.
    Unclear,
    /// All is told; only an error may still come of it.
    Watched,
}

/// A command that was sent, until the last word on it.
pub(super) struct Sent {
    id: CommandId,
    command: Command,
    tag: Tag,
    phase: Phase,
    at: Duration,
    /// When waiting ends.
    until: Duration,
    /// The state was as wanted before, so it proves nothing.
    was_met: bool,
}

impl Sent {
    /// Whether an answer to it tells something of signatures.
    fn proves(&self) -> bool {
        self.tag.category == "print" && self.command.needs_signature()
    }
}

impl Session {
    pub(super) fn on_command(&mut self, now: Now, id: CommandId, command: Command, out: &mut Vec<Output>) {
        if let Err(refusal) = self.permit(&command) {
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
        let urgent = command.is_urgent();
        if self.queue.len() >= QUEUE {
            let last = self.queue.iter().rposition(|w| !w.command.is_urgent()).filter(|_| urgent);
            let Some(other) = last.and_then(|at| self.queue.remove(at)) else {
                let reason = "too many commands are waiting for this printer: try again in a few seconds";
                out.push(Output::Reply(id, Outcome::Refused(reason.into())));
                return;
            };
            let reason = "it was not sent, to make room for one that cannot wait: try again";
            out.push(Output::Reply(other.id, Outcome::Failed(reason.into())));
        }
        let waiting = Waiting { id, command, since: now.mono };
        let place =
            if urgent { self.queue.iter().take_while(|w| w.command.is_urgent()).count() } else { QUEUE };
        self.queue.insert(place.min(self.queue.len()), waiting);
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
        let unsigned = refusal::wants_signature(reply);
        let ours = self.sent.iter().position(|s| s.phase == Phase::Asked && s.tag.is_of(reply));
        // Too late for an outcome, and still a proof.
        let late = self.late.take_if(|tag| tag.is_of(reply)).is_some();
        let of_print = ours.and_then(|at| self.sent.get(at)).map_or(late, Sent::proves);
        match reply.accepted {
            // Anybody's: the same would happen to us. A success is not, for the vendor's programs sign.
            _ if unsigned => self.authority.refused(),
            Some(true) if of_print => self.authority.accepted(),
            _ if of_print => self.authority.answered(),
            _ => {}
        }
        let stop = reply.category == "print" && reply.command.as_deref() == Some("stop");
        if stop && reply.accepted == Some(true) {
            // Anybody's: what ends after this was cancelled (capture `h2d_stream_pause_stop_failed_hms`, where
            // the code for that comes seconds after the end).
            self.contact.stops = self.contact.stops.wrapping_add(1);
        }
        if unsigned || of_print {
            self.project(now, Kind::Delta, out);
        }
        // The projection may have settled it.
        let ours = self.sent.iter().position(|s| s.phase == Phase::Asked && s.tag.is_of(reply));
        if let Some(mut sent) = ours.map(|at| self.sent.remove(at)) {
            self.judge(now, reply, &mut sent, out);
            if sent.until > now.mono {
                self.sent.push(sent);
            }
        }
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
    }

    /// What an answer makes of the command that it is for.
    fn judge(&self, now: Now, reply: &Reply, sent: &mut Sent, out: &mut Vec<Output>) {
        let mut say = |outcome| out.push(Output::Reply(sent.id, outcome));
        let watch = if self.says_no_by_error(sent) { sent.at + ERROR_WATCH } else { now.mono };
        let met = sent.command.is_met(&self.snapshot);
        let window = sent.command.confirmed_within();
        let patience = if self.is_slow() { LATE_REPORT } else { Duration::ZERO };
        (sent.phase, sent.until) = match (reply.accepted, window) {
            (Some(false), _) => {
                say(Outcome::Refused(refusal::of_reply(reply)));
                (Phase::Watched, now.mono)
            }
            (Some(true), Some(_)) if met => {
                say(Outcome::Accepted);
                say(Outcome::Confirmed);
                (Phase::Watched, now.mono)
            }
            (Some(true), Some(window)) => {
                say(Outcome::Accepted);
                (Phase::Accepted, now.mono + window.max(patience))
            }
            (Some(true), None) => {
                say(Outcome::Accepted);
                (Phase::Watched, watch)
            }
            (None, Some(_)) if met && !sent.was_met => {
                say(Outcome::Confirmed);
                (Phase::Watched, now.mono)
            }
            (None, window) => (Phase::Unclear, now.mono + window.unwrap_or(ANSWER).max(patience)),
        };
    }

    /// Whether its firmware says no to this by an error in its next reports, more often than by an answer.
    fn says_no_by_error(&self, sent: &Sent) -> bool {
        self.is_slow() && sent.tag.category == "print"
    }

    /// Looks for the effects of what was sent; `before` is the moment before.
    pub(super) fn confirm(&mut self, now: Now, before: &Snapshot, out: &mut Vec<Output>) {
        let snapshot = &self.snapshot;
        let mut late = None;
        self.sent.retain(|sent| {
            let proof = matches!(sent.phase, Phase::Accepted) || !sent.was_met;
            let done = sent.phase != Phase::Watched && proof && sent.command.is_met(snapshot);
            if done {
                out.push(Output::Reply(sent.id, Outcome::Confirmed));
                let unanswered = sent.phase == Phase::Asked && sent.proves();
                late = unanswered.then(|| sent.tag.clone()).or(late.take());
            }
            !done
        });
        self.late = late.or(self.late.take());
        let new = self.snapshot.error.filter(|error| before.error != Some(*error) && !error.is_of_a_person());
        if let Some(error) = new {
            let blamed = |sent: &Sent| now.mono <= sent.at + ERROR_WATCH && self.says_no_by_error(sent);
            if let Some(sent) = self.sent.iter().rposition(blamed).map(|at| self.sent.remove(at)) {
                out.push(Output::Reply(sent.id, Outcome::Refused(refusal::of_error(error))));
            }
        }
    }

    /// The printer has just shown that it refused somebody's command for want of a signature: whatever it
    /// has not answered was that, too.
    pub(super) fn refuse_unsigned(&mut self, out: &mut Vec<Output>) {
        self.sent.retain(|sent| {
            let open = matches!(sent.phase, Phase::Asked | Phase::Unclear);
            let refused = open && sent.command.needs_signature();
            if refused {
                let reason = Refusal::SignatureRequired.to_string();
                out.push(Output::Reply(sent.id, Outcome::Refused(reason)));
            }
            !refused
        });
    }

    /// Everything that time alone brings to commands.
    pub(super) fn tick_commands(&mut self, now: Now, out: &mut Vec<Output>) {
        let mut suspicious = false;
        while let Some(at) = self.sent.iter().position(|sent| now.mono >= sent.until) {
            let sent = self.sent.remove(at);
            let heard = self.heard.is_some_and(|heard| heard > sent.at);
            let reason = match sent.phase {
                Phase::Watched => continue,
                // The state was as wanted before, and a report since says that it still is.
                Phase::Asked | Phase::Unclear if heard && sent.command.is_met(&self.snapshot) => {
                    out.push(Output::Reply(sent.id, Outcome::Confirmed));
                    continue;
                }
                Phase::Asked => {
                    // Without reports it is the connection, not the firmware.
                    if heard && sent.proves() {
                        suspicious = true;
                        self.authority.unanswered();
                    }
                    if sent.proves() {
                        self.late = Some(sent.tag);
                    }
                    let seconds = ANSWER.as_secs();
                    format!(
                        "the printer did not answer within {seconds} s, and its reports do not show the effect"
                    )
                }
                Phase::Accepted => {
                    let seconds = sent.until.saturating_sub(sent.at).as_secs();
                    format!("the printer took it, and its reports did not show the effect within {seconds} s")
                }
                Phase::Unclear => {
                    "the printer answered without a yes or no, and its reports did not show the \
                                   effect"
                        .into()
                }
            };
            out.push(Output::Reply(sent.id, Outcome::Timeout(reason)));
        }
        if suspicious {
            self.project(now, Kind::Delta, out);
        }
        while let Some(at) = self.queue.iter().position(|w| now.mono >= w.since + ANSWER) {
            let reason = "it waited too long behind other commands and was not sent: try again";
            let outcome = Outcome::Failed(reason.into());
            out.extend(self.queue.remove(at).map(|old| Output::Reply(old.id, outcome)));
        }
        while self.next_command_at().is_some_and(|at| now.mono >= at) {
            let Some(waiting) = self.queue.pop_front() else { return };
            self.send_command(now, waiting, out);
        }
    }

    /// When the next of the queue may be sent; `None` while it must wait for an answer first.
    pub(super) fn next_command_at(&self) -> Option<Duration> {
        let next = &self.queue.front()?.command;
        let urgent = next.is_urgent();
        // One at a time; only what cannot wait overtakes an answer that is still missing.
        let blocked =
            self.sent.iter().any(|sent| sent.phase == Phase::Asked && !next.overtakes(&sent.command));
        let paced = self.command_sent.map_or(Duration::ZERO, |at| at + COMMAND_GAP);
        let funded = self.budget.when(if urgent { 1 } else { RESERVE + 1 });
        (!blocked).then(|| paced.max(funded))
    }

    /// When time alone will do something to commands.
    pub(super) fn commands_deadline(&self) -> Option<Duration> {
        let settled = self.sent.iter().map(|sent| sent.until).min();
        let dropped = self.queue.iter().map(|waiting| waiting.since + ANSWER).min();
        [settled, dropped, self.next_command_at()].into_iter().flatten().min()
    }

    /// Whether it may be done now, as far as the reports and what was just sent tell.
    fn permit(&self, command: &Command) -> Result<(), Refusal> {
        permit(&self.snapshot, command)?;
        // The printer says that it is at rest until it has fetched and read the file.
        let starts = |sent: &Sent| sent.phase != Phase::Watched && matches!(sent.command, Command::Print(_));
        let starting = self.sent.iter().any(starts) && command.disturbs_a_start();
        if starting { Err(Refusal::PrintStarting) } else { Ok(()) }
    }

    /// The printer as it will be when the settings that were sent show in its reports: a request that tells
    /// several at once must not undo the one before it.
    fn expected(&self) -> Arc<Snapshot> {
        let mut printer = Arc::clone(&self.snapshot);
        for sent in self.sent.iter().filter(|sent| sent.phase != Phase::Watched) {
            match sent.command {
                Command::Setting(setting, on) => {
                    Arc::make_mut(&mut printer).options.set(setting, Some(on));
                }
                Command::Sensitivity(detector, wanted) => {
                    Arc::make_mut(&mut printer).options.set_sensitivity(detector, wanted);
                }
                _ => {}
            }
        }
        printer
    }

    fn send_command(&mut self, now: Now, waiting: Waiting, out: &mut Vec<Output>) {
        let Waiting { id, command, .. } = waiting;
        // The state may have changed while it waited.
        if let Err(refusal) = self.permit(&command) {
            out.push(Output::Reply(id, Outcome::Refused(refusal.to_string())));
            return;
        }
        let can = self.snapshot.capabilities.unwrap_or_default();
        let firmware = self.identity.firmware.as_deref();
        let dialect = Dialect::of(&self.report, self.model, firmware, &can);
        let printer = self.expected();
        let requests = request::of_command(&command, &dialect, &printer, || self.next_id());
        let Some(first) = requests.first() else { return };
        // What the one before was to bring about will not be seen any more.
        self.sent.retain(|sent| {
            let old = sent.phase != Phase::Watched && sent.command.is_superseded_by(&command);
            if old {
                out.push(Output::Reply(sent.id, Outcome::Superseded));
            }
            !old
        });
        let tag = Tag { category: first.category, name: first.command, sequence_id: first.sequence_id };
        let was_met = command.is_met(&self.snapshot);
        let until = now.mono + ANSWER;
        self.sent.push(Sent { id, command, tag, phase: Phase::Asked, at: now.mono, until, was_met });
        self.command_sent = Some(now.mono);
        for request in requests {
            self.send(now, request, out);
        }
    }

    /// The connection is gone: nothing is sent again after it, for nobody expects a command to work minutes
    /// later.
    pub(super) fn lose_commands(&mut self, out: &mut Vec<Output>) {
        for sent in self.sent.drain(..).filter(|sent| sent.phase != Phase::Watched) {
            let reason = match sent.phase {
                Phase::Accepted => "the connection to the cloud was lost before the effect was seen",
                _ => "the connection to the cloud was lost before the printer answered; it is not sent again",
            };
            out.push(Output::Reply(sent.id, Outcome::Timeout(reason.into())));
        }
        for waiting in self.queue.drain(..) {
            let reason = "the connection to the cloud was lost before it was sent: try again later";
            out.push(Output::Reply(waiting.id, Outcome::Failed(reason.into())));
        }
        self.late = None;
    }
}
