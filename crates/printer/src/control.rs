//! What a third party may do with a printer, and how that is known (protocol 6).

use serde::{Deserialize, Serialize};

use crate::Text;

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
    /// What its owner can do about it, in plain words; `None` where there is nothing to do.
    pub fn next_step(self) -> Option<&'static str> {
        match self {
            Self::SignatureDemanded | Self::Refused | Self::HealthMessage | Self::NewFirmware => Some(
                "use Bambu Handy, Bambu Studio or the printer's screen for what is missing here; docs/control.md says \
                 what Developer Mode changes",
            ),
            Self::Unanswered => Some("look whether the printer obeys Bambu Handy, then try again"),
            Self::Configuration => Some("set `controls` to full in the configuration of the gateway"),
            Self::NotKnown | Self::UnsignedAllowed | Self::Accepted | Self::OldFirmware => None,
        }
    }

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
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Offer {
    /// They are not offered.
    pub withheld: bool,
    /// The printer itself has shown so; else it follows from the number of its firmware, or nothing is known.
    pub proven: bool,
    /// The firmware that the proof is of; another one may behave in another way.
    pub firmware: Text,
}

impl Offer {
    /// As it is once this is known of the printer, which runs this firmware.
    #[must_use]
    pub fn after(&self, reason: ControlReason, firmware: Option<&str>) -> Self {
        use ControlReason as Because;
        let firmware = firmware.map_or_else(|| self.firmware.clone(), Text::from);
        let same = self.firmware.is_empty() || self.firmware == firmware;
        let proven = self.proven && same;
        let (withheld, proven) = match reason {
            Because::SignatureDemanded | Because::Refused => (true, true),
            Because::UnsignedAllowed | Because::Accepted => (false, true),
            // What it did counts more than the number of its firmware.
            Because::OldFirmware if !proven => (false, false),
            Because::NewFirmware if !proven => (true, false),
            Because::OldFirmware
            | Because::NewFirmware
            | Because::HealthMessage
            | Because::Unanswered
            | Because::NotKnown
            | Because::Configuration => (self.withheld, proven),
        };
        Self { withheld, proven, firmware }
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
            let offer =
                reasons.iter().fold(Offer::default(), |offer, reason| offer.after(*reason, Some("1")));
            assert_eq!(offer.withheld, withheld, "{reasons:?}");
        }
        let of = |offer: &Offer, reason, firmware| offer.after(reason, Some(firmware));
        let refused = of(&Offer::default(), Refused, "1");
        assert!(of(&refused, OldFirmware, "1").withheld, "after a reconnect nothing else is known of it");
        assert!(!of(&refused, OldFirmware, "2").withheld, "another firmware");
        let accepted = of(&Offer::default(), Accepted, "1");
        assert!(!of(&accepted, NewFirmware, "1").withheld);
        assert!(of(&accepted, NewFirmware, "2").withheld, "it was updated");
        assert!(!of(&accepted, NotKnown, "2").withheld, "nothing is known of the new one yet");
    }
}
