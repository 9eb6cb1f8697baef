//! Whether the printer takes commands without the vendor's signature: what is known of it, and from what
//! (protocol 6.2 and 6.3).

use crate::report::Print;
use crate::wire::Hex;
use printer::{Control, ControlReason};

use super::Note;

/// Unanswered commands in a row that make us suspect the firmware.
const SUSPICIOUS: u8 = 2;

/// Whether this error says that a signature is missing.
pub(super) fn is_signature(code: i64) -> bool {
    matches!(code, 0x0502_4007 | 0x0502_4009)
}

/// What is known of one printer.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "independent facts, each with its own cause")]
pub(super) struct Authorisation {
    /// The printer's own bit: it demands a signature. Absent from old firmware, which proves nothing.
    fun: Option<bool>,
    /// A whole report was seen, so that an absent bit is one that the printer does not send.
    complete: bool,
    /// The health message of a refused signature is shown: somebody's command was refused, perhaps ours.
    health: bool,
    /// It was shown, and went.
    health_gone: bool,
    /// The error of a refused signature is shown.
    error: bool,
    /// Whether the firmware has authorisation control.
    firmware: Option<bool>,
    /// What the last answer to a command proved.
    proved: Option<bool>,
    unanswered: u8,
    told_limited: bool,
    told_suspicion: bool,
}

impl Authorisation {
    /// Looks at a merged report, of which everything was seen or not; says whether a refusal has appeared
    /// in it.
    pub(super) fn observe(&mut self, report: &Print, complete: bool) -> bool {
        self.complete = complete;
        self.fun = report.fun.map(|fun| fun.bit(29));
        let hms = report.hms.as_ref().map_or(&[][..], |list| &list.0);
        let of_signature = |attr: u32, code: u32| (attr, code) == (0x0500_0500, 0x0001_0007);
        let health = hms.iter().any(|h| h.attr.zip(h.code).is_some_and(|(a, c)| of_signature(a.0, c.0)));
        let error = report.print_error.is_some_and(|code| {
            // Its 32 bits may come as a negative number.
            is_signature(Hex(code.cast_unsigned()).bits(0, 32).cast_signed())
        });
        self.health_gone = !health && (self.health_gone || self.health);
        let (new_health, new_error) = (health && !self.health, error && !self.error);
        (self.health, self.error) = (health, error);
        if new_error {
            // It stays until the next job whatever is done about it, so it counts like an answer: when it
            // comes.
            self.proved = Some(false);
        } else if new_health {
            // It goes when it is dealt with, so it counts while it is shown, and ends an older proof.
            self.proved = self.proved.filter(|accepted| !accepted);
        }
        new_health || new_error
    }

    /// The firmware is another one, or it is known now.
    pub(super) fn firmware(&mut self, signs: Option<bool>, changed: bool) {
        self.firmware = signs;
        if changed {
            self.forget();
        }
    }

    /// A new connection, ours or the printer's: its mode may have been changed in between.
    pub(super) fn forget(&mut self) {
        self.proved = None;
        self.unanswered = 0;
        self.health_gone = false;
    }

    /// It refused a command for want of a signature, ours or another client's.
    pub(super) fn refused(&mut self) {
        self.unanswered = 0;
        self.proved = Some(false);
    }

    /// It took a command of ours that firmware with authorisation control does not take.
    pub(super) fn accepted(&mut self) {
        self.unanswered = 0;
        self.proved = Some(true);
    }

    /// It answered such a command in some other way.
    pub(super) fn answered(&mut self) {
        self.unanswered = 0;
    }

    /// It did not answer such a command, nor do it, and reports all the same.
    pub(super) fn unanswered(&mut self) {
        self.unanswered = self.unanswered.saturating_add(1);
    }

    /// What we may do, and why we think so.
    pub(super) fn verdict(&self) -> (Control, ControlReason) {
        use ControlReason as Because;
        match (self.fun, self.proved, self.firmware.filter(|_| self.complete)) {
            (Some(true), ..) => (Control::Limited, Because::SignatureDemanded),
            (Some(false), ..) => (Control::Full, Because::UnsignedAllowed),
            (_, Some(false), _) => (Control::Limited, Because::Refused),
            // Suspected only: the controls stay.
            (_, proved, firmware)
                if self.unanswered >= SUSPICIOUS
                    && !self.health
                    && (proved.is_some() || firmware != Some(true)) =>
            {
                (Control::Unknown, Because::Unanswered)
            }
            (_, Some(true), _) => (Control::Full, Because::Accepted),
            _ if self.health => (Control::Limited, Because::HealthMessage),
            (.., Some(true)) => (Control::Limited, Because::NewFirmware),
            // The firmware is not what its number makes believe.
            _ if self.health_gone => (Control::Unknown, Because::NotKnown),
            (.., Some(false)) => (Control::Full, Because::OldFirmware),
            (.., None) => (Control::Unknown, Because::NotKnown),
        }
    }

    /// What the log should hear of the verdict, once.
    pub(super) fn news(&mut self) -> Option<Note> {
        match self.verdict() {
            (Control::Limited, _) if !self.told_limited => {
                self.told_limited = true;
                Some(Note::SignatureRequired)
            }
            (_, ControlReason::Unanswered) if !self.told_suspicion => {
                self.told_suspicion = true;
                Some(Note::Unanswered)
            }
            (_, ControlReason::UnsignedAllowed | ControlReason::Accepted) => {
                (self.told_limited, self.told_suspicion) = (false, false);
                None
            }
            _ => None,
        }
    }
}
