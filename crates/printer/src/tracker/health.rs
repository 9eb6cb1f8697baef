//! Errors and health messages: each is told when it comes and when it goes.
//!
//! What stands when a printer is seen for the first time ever is not news. After that only what differs from
//! what was told last is, also when the gateway did not run in between.

use crate::event::{EventSource, Kind};
use crate::health::{Hms, PrintError, Severity, Told};
use crate::ledger::ToldOf;
use crate::{Now, Reason, Status};

use super::holds::{EXPLAINS, GONE};
use super::seen::Seen;
use super::states::Doing;
use super::telling::Telling;
use super::{Tracker, reason};

/// A code that came while it was not known whether there is a job.
#[derive(Debug, Clone)]
pub(super) struct Held {
    what: Raised,
    at: Now,
    reason: Reason,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Raised {
    Error(PrintError),
    Message(Hms),
}

impl Tracker {
    /// The code by which a printer says that somebody ended the job.
    pub(super) fn evaluate_cancel(&mut self, now: Now, seen: &Seen) {
        if self.live.doubt {
            return;
        }
        let code = seen.error.filter(|error| error.is_cancel()).map(|error| error.0);
        let before = std::mem::replace(&mut self.ledger.told_of.cancel, code);
        if code.is_some() && code != before {
            self.mark_cancel(now, false);
        }
    }

    /// Tells what came and went. What comes while it is not known whether there is a job is held until then.
    pub(super) fn evaluate_health(&mut self, now: Now, seen: &Seen) {
        let holds = matches!(self.doing, Doing::Arming(_)) && seen.status.is_some_and(Status::is_active);
        self.evaluate_error(now, seen, holds);
        self.evaluate_messages(now, seen, holds);
    }

    fn evaluate_error(&mut self, now: Now, seen: &Seen, holds: bool) {
        // What was wanted is no error, and what the vendor hides stays hidden.
        let fault = seen.health.error.as_ref().filter(|error| !error.code.is_wanted());
        let code = fault.map(|fault| fault.code);
        let went = |held: &Held| matches!(held.what, Raised::Error(held) if Some(held) != code);
        if let Some(held) = self.take_held(went) {
            self.raise(now, held);
        }
        if let Some(told) = self.ledger.told_of.error.filter(|told| code.map(|code| code.0) != Some(*told)) {
            self.ledger.told_of.error = None;
            let told = PrintError(told);
            let mut bare = reason::word("error");
            bare.code = Some(told.to_string().into());
            bare.severity = Some(told.effect().word().into());
            let gone = self.words_of(bare);
            self.tell_of_health(now, now, Kind::ErrorCleared, gone);
        }
        if let Some(fault) = fault.filter(|fault| self.ledger.told_of.error != Some(fault.code.0)) {
            let what = Raised::Error(fault.code);
            self.hold_or_raise(now, Held { what, at: now, reason: reason::of_fault(fault) }, holds);
        }
    }

    fn evaluate_messages(&mut self, now: Now, seen: &Seen, holds: bool) {
        let stands = |id: u64| seen.health.messages.iter().any(|told| told.code.id() == id);
        let went = |held: &Held| matches!(held.what, Raised::Message(code) if !stands(code.id()));
        while let Some(held) = self.take_held(went) {
            self.raise(now, held);
        }
        for told in &seen.health.messages {
            let id = told.code.id();
            self.live.gone.retain(|(gone, _)| *gone != id);
            if !self.ledger.told_of.hms.contains(&id) {
                let what = Raised::Message(told.code);
                self.hold_or_raise(now, Held { what, at: now, reason: reason::hms(told, "hms") }, holds);
            }
        }
        for &id in &self.ledger.told_of.hms {
            if !stands(id) && !self.live.gone.iter().any(|(gone, _)| *gone == id) {
                self.live.gone.push((id, now));
            }
        }
        while let Some(at) = self.live.gone.iter().position(|(_, at)| now.mono >= at.mono + GONE) {
            let (id, since) = self.live.gone.remove(at);
            self.ledger.told_of.hms.retain(|told| *told != id);
            self.live.came.retain(|(came, _)| *came != id);
            let code = Hms::of(id);
            let mut bare = reason::word("hms");
            bare.code = Some(code.to_string().into());
            bare.severity = Some(code.severity().word().into());
            let gone = self.words_of(bare);
            self.tell_of_health(now, since, Kind::HmsCleared, gone);
        }
    }

    fn take_held(&mut self, which: impl Fn(&Held) -> bool) -> Option<Held> {
        let at = self.live.held.iter().position(which)?;
        Some(self.live.held.remove(at))
    }

    fn hold_or_raise(&mut self, now: Now, new: Held, holds: bool) {
        let held = self.take_held(|held| held.what == new.what).unwrap_or(new);
        if holds {
            self.live.held.push(held);
        } else {
            self.raise(now, held);
        }
    }

    /// Tells that something came, at the time when it did.
    fn raise(&mut self, now: Now, held: Held) {
        let Held { what, at, reason } = held;
        let of_job = self.ledger.open.is_some() && !self.live.doubt;
        let (kind, grave) = match what {
            Raised::Error(code) => {
                self.ledger.told_of.error = Some(code.0);
                (Kind::ErrorRaised, true)
            }
            Raised::Message(code) => {
                self.ledger.told_of.hms.push(code.id());
                self.live.came.push((code.id(), at.mono));
                (Kind::HmsRaised, code.severity() >= Severity::Serious)
            }
        };
        self.ledger.going.fault |= grave && of_job;
        if kind == Kind::ErrorRaised || (grave && self.ledger.told_of.error.is_none()) {
            self.live.fault = Some((at.mono, reason.clone()));
        }
        self.ledger.told_of.words.push(reason.clone());
        self.tell_of_health(now, at, kind, reason);
    }

    /// The words with which a code was told, which are not needed any more; of one that an earlier version told,
    /// only the code.
    fn words_of(&mut self, bare: Reason) -> Reason {
        let words = &mut self.ledger.told_of.words;
        let at = words.iter().position(|told| told.code == bare.code);
        at.map(|at| words.swap_remove(at)).unwrap_or(bare)
    }

    /// The worst message that came shortly before, or since: where nothing else says why a print is held, it does.
    pub(super) fn news<'a>(&self, now: Now, seen: &'a Seen) -> Option<&'a Told<Hms>> {
        let is_new = |id| {
            let came = self.live.came.iter().find(|(came, _)| *came == id);
            came.is_some_and(|(_, at)| now.mono.saturating_sub(*at) <= EXPLAINS)
        };
        let bad = |told: &&Told<Hms>| told.code.severity() >= Severity::Serious;
        seen.health.messages.iter().filter(bad).find(|told| is_new(told.code.id()))
    }

    fn tell_of_health(&mut self, now: Now, at: Now, kind: Kind, reason: Reason) {
        let job = self.ledger.open.clone().filter(|_| !self.live.doubt);
        let source = EventSource::Report;
        let found = self.was_found(at.mono) || (self.finding && at.mono == now.mono);
        let finding = std::mem::replace(&mut self.finding, found);
        self.tell(now, Telling { job, source, reason: Some(reason), ..Telling::new(kind, at.wall) });
        self.finding = finding;
    }

    /// Takes everything that stands for told: a printer that is met for the first time.
    pub(super) fn meet(&mut self, now: Now, seen: &Seen) {
        if self.ledger.known {
            return;
        }
        let cancel = seen.error.filter(|error| error.is_cancel()).map(|error| error.0);
        let fault = seen.health.error.as_ref().filter(|error| !error.code.is_wanted());
        let messages = seen.health.messages.iter().map(|told| reason::hms(told, "hms"));
        self.ledger.told_of = ToldOf {
            online: Some(true),
            error: fault.map(|fault| fault.code.0),
            cancel,
            hms: seen.health.messages.iter().map(|told| told.code.id()).collect(),
            words: fault.map(reason::of_fault).into_iter().chain(messages).collect(),
            firmware: seen.offered.clone(),
            ..ToldOf::default()
        };
        // It stays unknown for as long as it does not say what it is doing in a word that we know.
        let first = self.ledger.seen_at.replace(now.wall).is_none();
        self.effects.save |= first;
        // Its last job, for whoever asks what it was.
        self.effects.ask_cloud |= first && !seen.status.is_some_and(Status::is_active);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use crate::tracker::{Tracker, TrackerOptions};
    use crate::{Contact, Identity, Ledger, Now, Reach, Snapshot};

    #[test]
    fn of_a_printer_in_no_known_state_the_cloud_is_asked_once() {
        let mut printer = Snapshot::unheard("Garage", Identity::new("01P00A000000001", "P1S"));
        printer.reach = Reach::Online;
        printer.contact = Contact { linked: true, whole: true, ..Contact::default() };
        let serial = printer.identity.serial.clone();
        let mut tracker = Tracker::new(serial, Ledger::default(), &printer.policy, TrackerOptions::default());
        let now = Now { mono: Duration::ZERO, wall: Timestamp::UNIX_EPOCH };
        let met = tracker.observe(now, &printer);
        assert!(met.ask_cloud && met.save);
        // An answer must not ask again: whoever answers at once would never end.
        assert!(!tracker.tasks(now, Err(())).ask_cloud);
        printer.contact.stops += 1;
        let again = tracker.observe(now, &printer);
        assert!(!again.ask_cloud && !again.save);
    }
}
