//! What a third party may do with a printer, and how that is known (protocol 6).

use serde::{Deserialize, Serialize};

/// How it is known what we may do with a printer: its word is the attribute `reason` of `control_mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ControlReason {
    /// Nothing has told yet.
    #[default]
    NotKnown,
    /// The printer says that it takes commands without a signature: Developer Mode, or firmware without
    /// authorisation control.
    UnsignedAllowed,
    /// The printer says that it wants a signature.
    SignatureDemanded,
    /// It shows the health message of a refused signature (`HMS_0500_0500_0001_0007`).
    HealthMessage,
    /// It refused a command for want of a signature, in its answer or by its error.
    Refused,
    /// It took a command of ours.
    Accepted,
    /// Its firmware is older than authorisation control.
    OldFirmware,
    /// Its firmware has authorisation control, and over the cloud that is always on.
    NewFirmware,
    /// Two commands in a row brought neither an answer nor an effect, although it reports.
    Unanswered,
    /// Its owner wants it read only (configuration).
    Configuration,
}

impl ControlReason {
    /// As people and programs read it.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotKnown => "not_known",
            Self::UnsignedAllowed => "unsigned_allowed",
            Self::SignatureDemanded => "signature_demanded",
            Self::HealthMessage => "health_message",
            Self::Refused => "refused",
            Self::Accepted => "accepted",
            Self::OldFirmware => "old_firmware",
            Self::NewFirmware => "new_firmware",
            Self::Unanswered => "unanswered",
            Self::Configuration => "configuration",
        }
    }
}

/// Whether the controls that need the vendor's signature are offered, or what they would set is only shown.
///
/// It follows what is certain and nothing else, so that no entity comes and goes for a suspicion; it outlives the
/// program with the printer's ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Offer {
    /// They are not offered.
    pub withheld: bool,
    /// The printer itself has shown so; else it follows from the number of its firmware, or nothing is known.
    pub proven: bool,
}

impl Offer {
    /// As it is once this is known of the printer.
    #[must_use]
    pub fn after(self, reason: ControlReason) -> Self {
        use ControlReason as Because;
        match reason {
            Because::SignatureDemanded | Because::Refused => Self { withheld: true, proven: true },
            Because::UnsignedAllowed | Because::Accepted => Self { withheld: false, proven: true },
            Because::OldFirmware => Self::default(),
            Because::NewFirmware if !self.proven => Self { withheld: true, proven: false },
            Because::NewFirmware
            | Because::HealthMessage
            | Because::Unanswered
            | Because::NotKnown
            | Because::Configuration => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ControlReason::*;
    use super::*;

    #[test]
    fn controls_come_and_go_on_proof_alone() {
        for (reasons, withheld) in [
            (&[][..], false),
            (&[NotKnown], false),
            (&[HealthMessage], false),
            (&[Unanswered], false),
            (&[Configuration], false),
            (&[NewFirmware], true),
            (&[SignatureDemanded], true),
            (&[Refused], true),
            (&[OldFirmware], false),
            (&[OldFirmware, NewFirmware], true),
            (&[NewFirmware, OldFirmware], false),
            // What the printer did counts more than the number of its firmware, also after another connection.
            (&[NewFirmware, Accepted, NewFirmware], false),
            (&[Accepted, Refused, NotKnown], true),
            (&[SignatureDemanded, UnsignedAllowed], false),
            (&[UnsignedAllowed, SignatureDemanded], true),
            // A suspicion changes nothing, either way.
            (&[SignatureDemanded, Unanswered, NotKnown], true),
            (&[UnsignedAllowed, HealthMessage, Unanswered], false),
        ] {
            let offer = reasons.iter().fold(Offer::default(), |offer, reason| offer.after(*reason));
            assert_eq!(offer.withheld, withheld, "{reasons:?}");
        }
    }
}
