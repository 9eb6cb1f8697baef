//! Errors and health messages: each is told when it comes and when it goes.
//!
//! What stands when a printer is seen for the first time ever is not news. After that only what differs from
//! what was told last is, also when the gateway did not run in between.

use crate::event::{EventSource, Kind};
use crate::health::{Hms, Severity, Told};
use crate::ledger::ToldOf;
use crate::{Now, Reason, Status};

use super::holds::{EXPLAINS, GONE};
use super::seen::Seen;
use super::states::Doing;
use super::telling::Telling;
use super::{Tracker, reason};

impl Tracker {
    /// The code by which a printer says that somebody ended the job.
    pub(super) fn evaluate_cancel(&mut self, now: Now, seen: &Seen) {
        let code = seen.error.filter(|error| error.is_cancel()).map(|error| error.0);
        let before = std::mem::replace(&mut self.ledger.told_of.cancel, code);
        if code.is_some() && code != before {
            self.mark_cancel(now, false);
        }
    }

    /// Tells what came and went, after the job that it belongs to.
    pub(super) fn evaluate_health(&mut self, now: Now, seen: &Seen) {
        if matches!(self.doing, Doing::Arming(_)) && seen.status.is_some_and(Status::is_active) {
            // Whether there is a job will be known in some seconds.
            self.note_codes(now, seen);
            return;
        }
        self.evaluate_error(now, seen);
        self.evaluate_messages(now, seen);
        self.live.noted.clear();
    }

    /// Keeps when codes were first seen that are told later.
    fn note_codes(&mut self, now: Now, seen: &Seen) {
        let messages = seen.health.messages.iter().map(|told| told.code.id());
        for code in seen.error.iter().map(|error| error.0.into()).chain(messages) {
            if !self.live.noted.iter().any(|(noted, _)| *noted == code) {
                self.live.noted.push((code, now));
            }
        }
    }

    /// When a code that stands now was first seen.
    fn noted(&self, now: Now, code: u64) -> Now {
        let mut noted = self.live.noted.iter();
        noted.find(|(noted, _)| *noted == code).map_or(now, |(_, at)| *at)
    }

    fn evaluate_error(&mut self, now: Now, seen: &Seen) {
        // What was wanted is no error, and what the vendor hides stays hidden.
        let fault = seen.health.error.as_ref().filter(|error| !error.code.is_wanted());
        let code = fault.map(|fault| fault.code);
        let told = self.ledger.told_of.error;
        if told == code.map(|code| code.0) {
            return;
        }
        self.ledger.told_of.error = code.map(|code| code.0);
        if let Some(told) = told {
            let told = crate::PrintError(told);
            let mut bare = reason::word("error");
            bare.code = Some(told.to_string().into());
            bare.severity = Some(told.effect().word().into());
            let gone = self.words_of(bare);
            self.tell_of_health(now, now, Kind::ErrorCleared, gone);
        }
        if let Some(fault) = fault {
            let reason = reason::of_fault(fault);
            if self.ledger.open.is_some() {
                self.ledger.going.fault = true;
            }
            let at = self.noted(now, fault.code.0.into());
            self.live.fault = Some((at.mono, reason.clone()));
            self.ledger.told_of.words.push(reason.clone());
            self.tell_of_health(now, at, Kind::ErrorRaised, reason);
        }
    }

    fn evaluate_messages(&mut self, now: Now, seen: &Seen) {
        for told in &seen.health.messages {
            let id = told.code.id();
            self.live.gone.retain(|(gone, _)| *gone != id);
            if self.ledger.told_of.hms.contains(&id) {
                continue;
            }
            self.ledger.told_of.hms.push(id);
            self.live.came.push((id, self.noted(now, id).mono));
            let reason = reason::hms(told, "hms");
            let at = self.noted(now, id);
            self.ledger.told_of.words.push(reason.clone());
            if told.code.severity() >= Severity::Serious {
                self.ledger.going.fault |= self.ledger.open.is_some();
                if seen.error.is_none() {
                    self.live.fault = Some((at.mono, reason.clone()));
                }
            }
            self.tell_of_health(now, at, Kind::HmsRaised, reason);
        }
        for &id in &self.ledger.told_of.hms {
            let stands = seen.health.messages.iter().any(|told| told.code.id() == id);
            if !stands && !self.live.gone.iter().any(|(gone, _)| *gone == id) {
                self.live.gone.push((id, now));
            }
        }
        while let Some(at) = self.live.gone.iter().position(|(_, at)| now.mono >= at.mono + GONE) {
            let (id, since) = self.live.gone.remove(at);
            let found = self.was_found(since.mono);
            let finding = std::mem::replace(&mut self.finding, found);
            self.ledger.told_of.hms.retain(|told| *told != id);
            self.live.came.retain(|(came, _)| *came != id);
            let code = crate::Hms::of(id);
            let mut bare = reason::word("hms");
            bare.code = Some(code.to_string().into());
            bare.severity = Some(code.severity().word().into());
            let gone = self.words_of(bare);
            self.tell_of_health(now, since, Kind::HmsCleared, gone);
            self.finding = finding;
        }
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
        let job = self.ledger.open.clone();
        let source = EventSource::Report;
        self.tell(now, Telling { job, source, reason: Some(reason), ..Telling::new(kind, at.wall) });
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
