//! What may be asked of a printer, and when.

use std::time::Duration;

use super::{Capabilities, Control, FanKind, LightKind, Reach, Side, Snapshot, Speed, Status};

/// Something to ask of a printer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Hold the print.
    Pause,
    /// Go on with it.
    Resume,
    /// Give it up.
    Stop,
    /// Tell everything again.
    Refresh,
    /// Print at another speed.
    Speed(Speed),
    /// Heat a nozzle, °C; 0 is off.
    NozzleTarget(Side, u16),
    /// Heat the bed, °C; 0 is off.
    BedTarget(u16),
    /// Set a fan, percent; 0 is off.
    Fan(FanKind, u8),
    /// Switch a lamp.
    Light(LightKind, bool),
    /// Record a time-lapse of prints.
    Timelapse(bool),
    /// Make sounds.
    PromptSound(bool),
}

impl Command {
    /// Whether firmware with authorisation control takes it only with a signature (protocol 6.3).
    pub fn needs_signature(&self) -> bool {
        !matches!(self, Self::Refresh | Self::Light(..) | Self::Timelapse(_))
    }

    /// Whether the printer's state shows that it was done.
    pub fn is_met(&self, by: &Snapshot) -> bool {
        let at =
            |target: Option<f32>, wanted: u16| target.is_some_and(|t| (t - f32::from(wanted)).abs() < 0.5);
        match *self {
            Self::Pause => by.status == Some(Status::Pause),
            Self::Resume => by.status == Some(Status::Running),
            Self::Stop => by.status.is_some_and(|s| !s.is_active()),
            Self::Refresh => false,
            Self::Speed(speed) => by.speed == Some(speed),
            Self::NozzleTarget(side, wanted) => at(by.nozzle(side).target, wanted),
            Self::BedTarget(wanted) => at(by.bed.target, wanted),
            Self::Fan(kind, percent) => by.fans.get(kind).percent == Some(percent),
            Self::Light(LightKind::Chamber, on) => by.chamber_light == Some(on),
            Self::Light(LightKind::Work, on) => by.work_light == Some(on),
            Self::Timelapse(on) => by.timelapse == Some(on),
            Self::PromptSound(on) => by.prompt_sound == Some(on),
        }
    }

    /// How long the printer may take from its answer until its reports show the effect; `None` when no
    /// report ever shows it, so that its answer is the last word.
    pub fn confirmed_within(&self) -> Option<Duration> {
        let seconds = match self {
            Self::Refresh => return None,
            // It finishes the move it is in, and lifts the nozzle.
            Self::Pause | Self::Resume | Self::Stop => 30,
            _ => 10,
        };
        Some(Duration::from_secs(seconds))
    }

    /// Whether it goes before all others: somebody wants the printer to stop moving.
    pub fn is_urgent(&self) -> bool {
        matches!(self, Self::Pause | Self::Stop)
    }

    /// Whether a later command makes this one pointless: the slider moved on.
    pub fn is_superseded_by(&self, later: &Self) -> bool {
        use Command as C;
        match (self, later) {
            (C::NozzleTarget(a, _), C::NozzleTarget(b, _)) => a == b,
            (C::Fan(a, _), C::Fan(b, _)) => a == b,
            (C::Light(a, _), C::Light(b, _)) => a == b,
            (C::BedTarget(_), C::BedTarget(_))
            | (C::Speed(_), C::Speed(_))
            | (C::Timelapse(_), C::Timelapse(_))
            | (C::PromptSound(_), C::PromptSound(_))
            | (C::Refresh, C::Refresh) => true,
            _ => false,
        }
    }
}

/// What became of a command; for the person or program that gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The printer took it.
    Accepted,
    /// The printer's own report shows the effect.
    Confirmed,
    /// It was not sent, or the printer said no; why.
    Refused(String),
    /// It could not be sent; why.
    Failed(String),
    /// A newer command of the same kind took its place before it was seen to be done.
    Superseded,
    /// It was sent, and then the printer did not answer or did not show the effect in time; which of it.
    Timeout(String),
}

/// Why a command was not sent; the text is for the person who gave it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the texts say it")]
pub enum Refusal {
    #[error("the printer is read-only in this gateway: set `controls` to full in the configuration")]
    ReadOnly,
    #[error("the printer cannot be reached: switch it on, or wait until it reports again")]
    Offline,
    #[error("the printer has not reported its state yet: try again in a moment")]
    NotReady,
    #[error(
        "the printer takes this only from Bambu Lab's own programs (firmware with authorisation control); \
         LAN Only Mode with Developer Mode on the printer lifts it, and ends its cloud connection"
    )]
    SignatureRequired,
    #[error("this model is not known to the gateway, so it is read but not controlled")]
    UnknownModel,
    #[error("the printer has no such part")]
    Missing,
    #[error("only a running print can be paused; the printer is {0}")]
    NotRunning(&'static str),
    #[error("only a paused print can be resumed; the printer is {0}")]
    NotPaused(&'static str),
    #[error("there is no print to stop; the printer is {0}")]
    NoPrint(&'static str),
    #[error("{what} {value} °C is above {max} °C, the most this printer takes")]
    TooHot { what: &'static str, value: u16, max: u16 },
}

/// The printer's state in a word, for refusals.
fn state(snapshot: &Snapshot) -> &'static str {
    match snapshot.status {
        None => "in an unknown state",
        Some(Status::Failed) => "at rest after a failed print",
        Some(Status::Finish) => "at rest after a print",
        Some(Status::Idle) => "idle",
        Some(Status::Init) => "starting",
        Some(Status::Pause) => "paused",
        Some(Status::Prepare) => "preparing a print",
        Some(Status::Running) => "printing",
        Some(Status::Slicing) => "slicing",
    }
}

/// Whether the printer may do this now.
///
/// # Errors
/// The reason why not.
pub fn permit(snapshot: &Snapshot, command: &Command) -> Result<(), Refusal> {
    use Command as C;
    if matches!(command, C::Refresh) {
        return Ok(());
    }
    if snapshot.read_only {
        return Err(Refusal::ReadOnly);
    }
    if snapshot.reach != Reach::Online {
        return Err(Refusal::Offline);
    }
    let Some(can) = snapshot.capabilities else { return Err(Refusal::NotReady) };
    if snapshot.control == Control::Limited && command.needs_signature() {
        return Err(Refusal::SignatureRequired);
    }
    if !can.known_model && !matches!(command, C::Pause | C::Resume | C::Stop | C::Light(..)) {
        return Err(Refusal::UnknownModel);
    }
    if !has_part(&can, command) {
        return Err(Refusal::Missing);
    }
    match *command {
        C::Pause if snapshot.status != Some(Status::Running) => Err(Refusal::NotRunning(state(snapshot))),
        C::Resume if snapshot.status != Some(Status::Pause) => Err(Refusal::NotPaused(state(snapshot))),
        C::Stop if !snapshot.is_active() => Err(Refusal::NoPrint(state(snapshot))),
        C::NozzleTarget(_, value) if value > can.nozzle_max => {
            Err(Refusal::TooHot { what: "nozzle target", value, max: can.nozzle_max })
        }
        C::BedTarget(value) if value > can.bed_max => {
            Err(Refusal::TooHot { what: "bed target", value, max: can.bed_max })
        }
        _ => Ok(()),
    }
}

/// Whether the part that the command is about is there.
fn has_part(can: &Capabilities, command: &Command) -> bool {
    match *command {
        Command::NozzleTarget(Side::Left, _) => can.dual_nozzle,
        Command::Fan(FanKind::Aux, _) => can.aux_fan,
        Command::Fan(FanKind::Chamber, _) => can.chamber_fan,
        Command::Fan(FanKind::SecondAux, _) => can.second_aux_fan,
        Command::Light(LightKind::Chamber, _) => can.chamber_light,
        Command::Light(LightKind::Work, _) => can.work_light,
        Command::Timelapse(_) => can.timelapse,
        Command::PromptSound(_) => can.prompt_sound,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::Identity;
    use super::*;

    fn printing() -> Snapshot {
        let identity = Identity::new("01P00A000000001", "Garage", "P1S");
        let capabilities = Capabilities {
            known_model: true,
            chamber_light: true,
            nozzle_max: 300,
            bed_max: 100,
            ..Capabilities::default()
        };
        Snapshot {
            capabilities: Some(capabilities),
            reach: Reach::Online,
            status: Some(Status::Running),
            ..Snapshot::unheard(Arc::new(identity))
        }
    }

    #[test]
    fn the_state_decides_what_a_job_takes() {
        let at = |status| Snapshot { status: Some(status), ..printing() };
        for (command, allowed) in [
            (Command::Pause, &[Status::Running][..]),
            (Command::Resume, &[Status::Pause]),
            (Command::Stop, &[Status::Prepare, Status::Slicing, Status::Running, Status::Pause]),
        ] {
            for status in [
                Status::Failed,
                Status::Finish,
                Status::Idle,
                Status::Init,
                Status::Pause,
                Status::Prepare,
                Status::Running,
                Status::Slicing,
            ] {
                let permitted = permit(&at(status), &command).is_ok();
                assert_eq!(permitted, allowed.contains(&status), "{command:?} when {status:?}");
            }
        }
    }

    #[test]
    fn what_the_printer_cannot_take_is_refused_with_the_reason() {
        let refused = |snapshot: Snapshot, command| permit(&snapshot, &command).expect_err("refused");
        assert_eq!(
            refused(printing(), Command::BedTarget(101)).to_string(),
            "bed target 101 °C is above 100 °C, the most this printer takes"
        );
        assert_eq!(permit(&printing(), &Command::BedTarget(100)), Ok(()));
        assert_eq!(refused(printing(), Command::NozzleTarget(Side::Left, 200)), Refusal::Missing);
        assert_eq!(refused(printing(), Command::Fan(FanKind::Aux, 50)), Refusal::Missing);
        let offline = Snapshot { reach: Reach::Offline, ..printing() };
        assert_eq!(refused(offline, Command::Pause), Refusal::Offline);
        let unread = Snapshot { capabilities: None, ..printing() };
        assert_eq!(refused(unread, Command::Pause), Refusal::NotReady);
        let read_only = Snapshot { read_only: true, ..printing() };
        assert_eq!(refused(read_only.clone(), Command::Light(LightKind::Chamber, true)), Refusal::ReadOnly);
        assert_eq!(permit(&read_only, &Command::Refresh), Ok(()));
    }

    #[test]
    fn signed_firmware_still_takes_lamps() {
        let limited = Snapshot { control: Control::Limited, ..printing() };
        assert_eq!(permit(&limited, &Command::Pause), Err(Refusal::SignatureRequired));
        assert_eq!(permit(&limited, &Command::Light(LightKind::Chamber, true)), Ok(()));
    }

    #[test]
    fn an_unknown_model_is_not_heated() {
        let mut unknown = printing();
        unknown.capabilities.as_mut().expect("capabilities").known_model = false;
        assert_eq!(permit(&unknown, &Command::BedTarget(50)), Err(Refusal::UnknownModel));
        assert_eq!(permit(&unknown, &Command::Pause), Ok(()));
    }
}
