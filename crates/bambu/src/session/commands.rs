//! The way of a command: queued, sent one at a time, answered, and confirmed by the report.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use printer::{Command, Observed, Outcome, Policy, Refusal, permit};

use super::super::access::Access;
use super::super::envelope::Reply;
use super::super::report::{Light, Print};
use super::super::request::{self, Dialect};
use super::super::wire::{Keyed, Kind, Object};
use super::budget::Funds;
use super::{CommandId, Session, Step, refusal};

/// Longest wait for the answer to a command, and of a command for its turn.
const ANSWER: Duration = Duration::from_secs(10);
/// Between two commands to one printer.
const COMMAND_GAP: Duration = Duration::from_millis(250);
/// Commands that may wait.
const QUEUE: usize = 8;

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
pub(super) struct RequestTag {
    category: &'static str,
    name: &'static str,
    sequence_id: u32,
}

impl RequestTag {
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
    tag: RequestTag,
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

/// The commands of one printer that have not come to an end.
#[derive(Default)]
pub(super) struct Commands {
    queue: VecDeque<Waiting>,
    /// What was sent, in order.
    sent: Vec<Sent>,
    /// The last one that came to an end without an answer.
    late: Option<RequestTag>,
    /// When the last one was sent.
    sent_at: Option<Duration>,
}

impl Session {
    pub(super) fn on_command(&mut self, step: &mut Step<'_>, id: CommandId, command: Command) {
        if let Err(refusal) = self.permit(step.policy, &command) {
            step.reply(id, Outcome::Refused(refusal.to_string()));
            return;
        }
        if !self.connected {
            let reason = format!("{} is not connected: try again later", self.access.name);
            step.reply(id, Outcome::Failed(reason));
            return;
        }
        if command == Command::Refresh {
            let outcome = self.refresh(step);
            step.reply(id, outcome);
            return;
        }
        self.commands.queue(step, id, command);
    }

    fn refresh(&mut self, step: &mut Step<'_>) -> Outcome {
        if let Some(left) = self.full_report.wait(step.now.mono, self.pushall_pause()) {
            let seconds = left.as_secs() + 1;
            let reason = format!("this printer may be asked for everything again in {seconds} s");
            return Outcome::Refused(reason);
        }
        self.ask_everything(step);
        Outcome::Accepted
    }

    pub(super) fn on_reply(&mut self, step: &mut Step<'_>, reply: &Reply) {
        let unsigned = refusal::wants_signature(reply);
        let of_print = self.commands.is_proven_by(reply);
        match reply.accepted {
            // Anybody's: the same would happen to us. A success is not, for the vendor's programs sign.
            _ if unsigned => self.authorisation.refused(),
            Some(true) if of_print => self.authorisation.accepted(),
            _ if of_print => self.authorisation.answered(),
            _ => {}
        }
        let of_stop = reply.category == "print" && reply.command.as_deref() == Some("stop");
        if of_stop && reply.accepted == Some(true) {
            // Anybody's: what ends after this was cancelled (capture `h2d_stream_pause_stop_failed_hms`, where
            // the code for that comes seconds after the end).
            self.contact.stops = self.contact.stops.wrapping_add(1);
        }
        if unsigned || of_print {
            self.project(step, Kind::Delta);
        }
        // The projection may have settled it.
        if let Some(mut sent) = self.commands.asked(reply).map(|at| self.commands.sent.remove(at)) {
            self.judge(step, reply, &mut sent);
            if sent.until > step.now.mono {
                self.commands.sent.push(sent);
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
                self.report.merge(Print { lights_report: lights, ..Print::default() }, Kind::Delta);
                self.project(step, Kind::Delta);
            }
        }
    }

    /// What an answer makes of the command that it is for.
    fn judge(&self, step: &mut Step<'_>, reply: &Reply, sent: &mut Sent) {
        let now = step.now.mono;
        let mut say = |outcome| step.reply(sent.id, outcome);
        let watch = if self.says_no_by_error(sent) { sent.at + ERROR_WATCH } else { now };
        let met = sent.command.is_met(&self.observed);
        let window = sent.command.confirmed_within();
        let patience = if self.is_slow() { LATE_REPORT } else { Duration::ZERO };
        (sent.phase, sent.until) = match (reply.accepted, window) {
            (Some(false), _) => {
                say(Outcome::Refused(refusal::of_reply(reply)));
                (Phase::Watched, now)
            }
            (Some(true), Some(_)) if met => {
                say(Outcome::Accepted);
                say(Outcome::Confirmed);
                (Phase::Watched, now)
            }
            (Some(true), Some(window)) => {
                say(Outcome::Accepted);
                (Phase::Accepted, now + window.max(patience))
            }
            (Some(true), None) => {
                say(Outcome::Accepted);
                (Phase::Watched, watch)
            }
            (None, Some(_)) if met && !sent.was_met => {
                say(Outcome::Confirmed);
                (Phase::Watched, now)
            }
            (None, window) => (Phase::Unclear, now + window.unwrap_or(ANSWER).max(patience)),
        };
    }

    /// Whether its firmware says no to this by an error in its next reports, more often than by an answer.
    fn says_no_by_error(&self, sent: &Sent) -> bool {
        self.is_slow() && sent.tag.category == "print"
    }

    /// Looks for the effects of what was sent; `before` is the moment before.
    pub(super) fn confirm(&mut self, step: &mut Step<'_>, before: &Observed) {
        self.commands.confirm(step, &self.observed);
        let new = self.observed.error.filter(|error| before.error != Some(*error) && !error.is_wanted());
        if let Some(error) = new {
            let now = step.now.mono;
            let blamed = |sent: &Sent| now <= sent.at + ERROR_WATCH && self.says_no_by_error(sent);
            if let Some(at) = self.commands.sent.iter().rposition(blamed) {
                let sent = self.commands.sent.remove(at);
                step.reply(sent.id, Outcome::Refused(refusal::of_error(error)));
            }
        }
    }

    /// Everything that time alone brings to commands.
    pub(super) fn tick_commands(&mut self, step: &mut Step<'_>) {
        let suspicious = self.commands.end_waiting(step, self.silence.last(), &self.observed);
        for _ in 0..suspicious {
            self.authorisation.unanswered();
        }
        if suspicious > 0 {
            self.project(step, Kind::Delta);
        }
        self.commands.drop_old(step);
        while self.commands.next_at(&step.budget.funds()).is_some_and(|at| step.now.mono >= at) {
            let Some(waiting) = self.commands.queue.pop_front() else { return };
            self.send_command(step, waiting);
        }
    }

    /// Whether it may be done now, as far as the reports and what was just sent tell.
    fn permit(&self, policy: &Policy, command: &Command) -> Result<(), Refusal> {
        permit(&self.observed, policy, command)?;
        // The printer says that it is at rest until it has fetched and read the file.
        let starts = |sent: &Sent| sent.phase != Phase::Watched && matches!(sent.command, Command::Print(_));
        let starting = self.commands.sent.iter().any(starts) && command.disturbs_a_start();
        if starting { Err(Refusal::PrintStarting) } else { Ok(()) }
    }

    /// The printer as it will be when the settings that were sent show in its reports: a request that tells
    /// several at once must not undo the one before it.
    fn expected(&self) -> Arc<Observed> {
        let mut printer = Arc::clone(&self.observed);
        for sent in self.commands.sent.iter().filter(|sent| sent.phase != Phase::Watched) {
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

    fn send_command(&mut self, step: &mut Step<'_>, waiting: Waiting) {
        let Waiting { id, command, .. } = waiting;
        // The state may have changed while it waited.
        if let Err(refusal) = self.permit(step.policy, &command) {
            step.reply(id, Outcome::Refused(refusal.to_string()));
            return;
        }
        let can = self.observed.capabilities.unwrap_or_default();
        let firmware = self.identity.firmware.as_deref();
        let dialect = Dialect::of(&self.report, self.model, firmware, &can);
        let printer = self.expected();
        let requests = request::of_command(&command, &dialect, &printer, || self.next_id());
        let Some(first) = requests.first() else { return };
        // What the one before was to bring about will not be seen any more.
        self.commands.sent.retain(|sent| {
            let old = sent.phase != Phase::Watched && sent.command.is_superseded_by(&command);
            if old {
                step.reply(sent.id, Outcome::Superseded);
            }
            !old
        });
        let tag =
            RequestTag { category: first.category, name: first.command, sequence_id: first.sequence_id };
        let was_met = command.is_met(&self.observed);
        let at = step.now.mono;
        self.commands.sent.push(Sent {
            id,
            command,
            tag,
            phase: Phase::Asked,
            at,
            until: at + ANSWER,
            was_met,
        });
        self.commands.sent_at = Some(at);
        for request in requests {
            step.send(request);
        }
    }
}

impl Commands {
    /// Takes one more; it may take the place of another.
    fn queue(&mut self, step: &mut Step<'_>, id: CommandId, command: Command) {
        let superseded = self.queue.iter().position(|w| w.command.is_superseded_by(&command));
        if let Some(old) = superseded.and_then(|at| self.queue.remove(at)) {
            step.reply(old.id, Outcome::Superseded);
        }
        let urgent = command.is_urgent();
        if self.queue.len() >= QUEUE {
            let last = self.queue.iter().rposition(|w| !w.command.is_urgent()).filter(|_| urgent);
            let Some(other) = last.and_then(|at| self.queue.remove(at)) else {
                let reason = "too many commands are waiting for this printer: try again in a few seconds";
                step.reply(id, Outcome::Refused(reason.into()));
                return;
            };
            let reason = "it was not sent, to make room for one that cannot wait: try again";
            step.reply(other.id, Outcome::Failed(reason.into()));
        }
        let waiting = Waiting { id, command, since: step.now.mono };
        let place =
            if urgent { self.queue.iter().take_while(|w| w.command.is_urgent()).count() } else { QUEUE };
        self.queue.insert(place.min(self.queue.len()), waiting);
    }

    /// Which of those that were sent an answer is for.
    fn asked(&self, reply: &Reply) -> Option<usize> {
        self.sent.iter().position(|sent| sent.phase == Phase::Asked && sent.tag.is_of(reply))
    }

    /// Whether an answer to something of ours tells something of signatures; one that comes too late for an outcome
    /// is still a proof.
    fn is_proven_by(&mut self, reply: &Reply) -> bool {
        let late = self.late.take_if(|tag| tag.is_of(reply)).is_some();
        self.asked(reply).and_then(|at| self.sent.get(at)).map_or(late, Sent::proves)
    }

    /// Tells of those whose effect shows.
    fn confirm(&mut self, step: &mut Step<'_>, observed: &Observed) {
        let mut late = None;
        self.sent.retain(|sent| {
            let proof = matches!(sent.phase, Phase::Accepted) || !sent.was_met;
            let done = sent.phase != Phase::Watched && proof && sent.command.is_met(observed);
            if done {
                step.reply(sent.id, Outcome::Confirmed);
                let unanswered = sent.phase == Phase::Asked && sent.proves();
                late = unanswered.then(|| sent.tag.clone()).or(late.take());
            }
            !done
        });
        self.late = late.or(self.late.take());
    }

    /// The printer has just shown that it refused somebody's command for want of a signature: whatever it
    /// has not answered was that, too.
    pub(super) fn refuse_unsigned(&mut self, step: &mut Step<'_>) {
        self.sent.retain(|sent| {
            let open = matches!(sent.phase, Phase::Asked | Phase::Unclear);
            let refused = open && sent.command.needs_signature();
            if refused {
                let reason = Refusal::SignatureRequired.to_string();
                step.reply(sent.id, Outcome::Refused(reason));
            }
            !refused
        });
    }

    /// Ends what was waited for long enough. Says how many brought neither an answer nor an effect though the
    /// printer, which was `heard` then, reports.
    fn end_waiting(&mut self, step: &mut Step<'_>, heard: Option<Duration>, observed: &Observed) -> u8 {
        let mut suspicious = 0;
        while let Some(at) = self.sent.iter().position(|sent| step.now.mono >= sent.until) {
            let sent = self.sent.remove(at);
            let heard = heard.is_some_and(|heard| heard > sent.at);
            let outcome = match sent.phase {
                Phase::Watched => continue,
                // The state was as wanted before, and a report since says that it still is.
                Phase::Asked | Phase::Unclear if heard && sent.command.is_met(observed) => Outcome::Confirmed,
                Phase::Asked => Outcome::Timeout(format!(
                    "the printer did not answer within {} s, and its reports do not show the effect",
                    ANSWER.as_secs()
                )),
                Phase::Accepted => Outcome::Timeout(format!(
                    "the printer took it, and its reports did not show the effect within {} s",
                    sent.until.saturating_sub(sent.at).as_secs()
                )),
                Phase::Unclear => Outcome::Timeout(
                    "the printer answered without a yes or no, and its reports did not show the effect"
                        .into(),
                ),
            };
            if sent.phase == Phase::Asked && outcome != Outcome::Confirmed && sent.proves() {
                // Without reports it is the connection, not the firmware.
                suspicious += u8::from(heard);
                self.late = Some(sent.tag);
            }
            step.reply(sent.id, outcome);
        }
        suspicious
    }

    /// Ends what waited for its turn for too long.
    fn drop_old(&mut self, step: &mut Step<'_>) {
        while let Some(at) = self.queue.iter().position(|w| step.now.mono >= w.since + ANSWER) {
            let reason = "it waited too long behind other commands and was not sent: try again";
            if let Some(old) = self.queue.remove(at) {
                step.reply(old.id, Outcome::Failed(reason.into()));
            }
        }
    }

    /// When the next of the queue may be sent; `None` while it must wait for an answer first.
    fn next_at(&self, funds: &Funds) -> Option<Duration> {
        let next = &self.queue.front()?.command;
        let urgent = next.is_urgent();
        // One at a time; only what cannot wait overtakes an answer that is still missing.
        let blocked =
            self.sent.iter().any(|sent| sent.phase == Phase::Asked && !next.overtakes(&sent.command));
        let paced = self.sent_at.map_or(Duration::ZERO, |at| at + COMMAND_GAP);
        let funded = if urgent { funds.one } else { funds.ordinary };
        (!blocked).then(|| paced.max(funded))
    }

    /// When time alone will do something.
    pub(super) fn deadline(&self, funds: &Funds) -> Option<Duration> {
        let settled = self.sent.iter().map(|sent| sent.until).min();
        let dropped = self.queue.iter().map(|waiting| waiting.since + ANSWER).min();
        [settled, dropped, self.next_at(funds)].into_iter().flatten().min()
    }

    /// The connection is gone: nothing is sent again after it, for nobody expects a command to work minutes
    /// later.
    pub(super) fn lose(&mut self, access: &Access, step: &mut Step<'_>) {
        let lost = format!("the connection to {} was lost", access.name);
        for sent in self.sent.drain(..).filter(|sent| sent.phase != Phase::Watched) {
            let reason = match sent.phase {
                Phase::Accepted => "before the effect was seen",
                _ => "before the printer answered; it is not sent again",
            };
            step.reply(sent.id, Outcome::Timeout(format!("{lost} {reason}")));
        }
        for waiting in self.queue.drain(..) {
            let reason = format!("{lost} before it was sent: try again later");
            step.reply(waiting.id, Outcome::Failed(reason));
        }
        self.late = None;
    }
}
