//! What a third party may do with a printer, and how that is known (protocol 6).

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
