//! Whether a printer may be asked something now: one table, and what a table cannot say.
//!
//! [`TABLE`] has a row for each class of commands and a column for each condition that a printer can be
//! in. The rest is about values: what the printer has not got, what is too hot, which slot is loaded.

use std::fmt::Write as _;

use super::super::ams::AmsKind;
use super::super::options::Setting;
use super::super::tools::{AirductMode, ToolModule};
use super::super::{
    Ams, Capabilities, Control, FanKind, LightKind, Observed, Policy, Reach, Side, Source, Stage, Status,
};
use super::{Command, Dry, PrintFile};

/// A class of commands that are allowed under the same conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "`TABLE` says what belongs to each")]
pub enum Class {
    Ask,
    Light,
    Camera,
    Option,
    HeatOff,
    Pause,
    Resume,
    Stop,
    Adjust,
    Heat,
    Skip,
    Answer,
    Filament,
    Spool,
    Dry,
    Nozzle,
    Motion,
    Gcode,
    Print,
    Firmware,
    Note,
}

/// A condition that a printer can be in; several at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Idle, finished or failed.
    AtRest,
    /// Preparing or slicing a print.
    Preparing,
    /// Printing.
    Running,
    /// Paused.
    Paused,
    /// It did not say what it is doing, or is starting.
    UnknownState,
    /// What is known of it may not be so any more.
    Stale,
    /// It installs firmware.
    Updating,
    /// Its model is not known to us.
    UnknownModel,
    /// Its firmware takes print commands only with the vendor's signature.
    Limited,
    /// Its owner wants it to be read only.
    ReadOnly,
    /// It cannot be reached.
    Offline,
}

impl Condition {
    /// Every condition, in the order of the table's columns, with its heading.
    pub const ALL: [(Self, &'static str); 11] = [
        (Self::AtRest, "at rest"),
        (Self::Preparing, "preparing"),
        (Self::Running, "printing"),
        (Self::Paused, "paused"),
        (Self::UnknownState, "state unknown"),
        (Self::Stale, "stale"),
        (Self::Updating, "updating"),
        (Self::UnknownModel, "unknown model"),
        (Self::Limited, "signed only"),
        (Self::ReadOnly, "read-only"),
        (Self::Offline, "offline"),
    ];
}

/// A row: what belongs to the class, and under which conditions it is allowed.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The class.
    pub class: Class,
    /// What belongs to it.
    pub what: &'static str,
    allowed: [bool; 11],
}

const Y: bool = true;
const N: bool = false;

const fn row(class: Class, what: &'static str, allowed: [bool; 11]) -> Row {
    Row { class, what, allowed }
}

/// When which class of commands is allowed.
///
/// Whatever could hurt wants to know the state for certain; what ends something (a heater, a print) does
/// not. Nothing moves by itself while a print is under way, and filament only while it is paused
/// (protocol 5.1). Limited: protocol 6.3.
pub static TABLE: &[Row] = &[
    //                                                      rest prep run  paus unkn stal upd  mod  lim  r-o  off
    row(Class::Ask, "asking for everything anew", /*     */ [Y, Y, Y, Y, Y, Y, Y, Y, Y, Y, Y]),
    row(Class::Light, "lamps", /*                        */ [Y, Y, Y, Y, Y, Y, N, Y, Y, N, N]),
    row(Class::Camera, "time-lapse, recording, detectors", [Y, Y, Y, Y, Y, Y, N, N, Y, N, N]),
    row(
        Class::Option,
        "print and AMS options, sound, buzzer, clearing an error",
        [Y, Y, Y, Y, Y, Y, N, N, N, N, N],
    ),
    row(Class::HeatOff, "a heater off, drying off", /*   */ [Y, Y, Y, Y, Y, Y, N, N, N, N, N]),
    row(Class::Pause, "pause", /*                        */ [N, N, Y, N, N, Y, N, Y, N, N, N]),
    row(Class::Resume, "resume", /*                      */ [N, N, N, Y, N, N, N, Y, N, N, N]),
    row(Class::Stop, "stop", /*                          */ [N, Y, Y, Y, N, Y, N, Y, N, N, N]),
    row(Class::Adjust, "speed, fans, air", /*            */ [Y, Y, Y, Y, N, N, N, N, N, N, N]),
    row(Class::Heat, "nozzle, bed, chamber targets", /*  */ [Y, Y, Y, Y, N, N, N, N, N, N, N]),
    row(Class::Skip, "leaving objects out", /*           */ [N, N, Y, Y, N, N, N, N, N, N, N]),
    row(Class::Answer, "answering an AMS that waits", /* */ [Y, Y, N, Y, N, N, N, N, N, N, N]),
    row(Class::Filament, "loading, unloading, reading a tag", [Y, N, N, Y, N, N, N, N, N, N, N]),
    row(Class::Spool, "telling what is in a slot", /*    */ [Y, N, Y, Y, N, N, N, N, N, N, N]),
    row(Class::Dry, "drying", /*                         */ [Y, N, Y, Y, N, N, N, N, N, N, N]),
    row(Class::Nozzle, "telling which nozzle is mounted", [Y, N, N, N, N, N, N, N, Y, N, N]),
    row(
        Class::Motion,
        "homing, moving, extruding, calibrating, changing the nozzle",
        [Y, N, N, N, N, N, N, N, N, N, N],
    ),
    row(Class::Gcode, "G-code, if the configuration allows it", [Y, N, N, N, N, N, N, N, N, N, N]),
    row(Class::Print, "starting a print", /*             */ [Y, N, N, N, N, N, N, N, N, N, N]),
    row(
        Class::Firmware,
        "installing firmware, if the configuration allows it",
        [Y, N, N, N, N, N, N, N, N, N, N],
    ),
    // Asks nothing of the printer.
    row(Class::Note, "telling that the plate is empty", /**/ [Y, N, N, N, Y, Y, Y, Y, Y, Y, Y]),
];

impl Row {
    /// Whether the class is allowed under a condition.
    pub fn allows(&self, condition: Condition) -> bool {
        self.allowed.get(condition as usize) == Some(&true)
    }
}

impl Class {
    /// Its row.
    pub fn row(self) -> Option<&'static Row> {
        TABLE.iter().find(|row| row.class == self)
    }

    /// Whether it is allowed under a condition.
    pub fn allows(self, condition: Condition) -> bool {
        self.row().is_some_and(|row| row.allows(condition))
    }
}

/// The table for people, in Markdown.
pub fn markdown() -> String {
    let mut page = String::from("| what |");
    for (_, heading) in Condition::ALL {
        let _ = write!(page, " {heading} |");
    }
    page.push_str("\n| --- |");
    page.push_str(&" --- |".repeat(Condition::ALL.len()));
    for row in TABLE {
        let _ = write!(page, "\n| {} |", row.what);
        for (condition, _) in Condition::ALL {
            page.push_str(if row.allows(condition) { " ● |" } else { "  |" });
        }
    }
    page.push('\n');
    page
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
    #[error("the printer is installing firmware: wait until it has finished")]
    Updating,
    #[error("what is known of the printer may be out of date: wait until it reports again")]
    Stale,
    #[error("the printer has no such part")]
    Missing,
    #[error("only a running print can be paused; the printer is {0}")]
    NotRunning(&'static str),
    #[error("only a paused print can be resumed; the printer is {0}")]
    NotPaused(&'static str),
    #[error("there is no print to stop; the printer is {0}")]
    NoPrint(&'static str),
    #[error("this is possible only while the printer is {allowed}; it is {state}")]
    NotNow { allowed: String, state: &'static str },
    #[error("{what} {value} °C is above {max} °C, the most this printer takes")]
    TooHot { what: &'static str, value: u16, max: u16 },
    #[error("drying at {value} °C is not possible in an {unit}: it takes {min} to {max} °C")]
    DryingTemperature { unit: &'static str, value: u16, min: u16, max: u16 },
    #[error("drying takes 1 to 24 hours, not {0}")]
    DryingTime(u8),
    #[error("there is no AMS unit {0} that dries: an AMS 2 Pro or an AMS HT does")]
    CannotDry(u8),
    #[error(
        "what is in the AMS does not say how it wants to be dried: use the action `dry` with `temperature` \
         and `hours`"
    )]
    DryingUnknown,
    #[error("the filament of this AMS is in use: its spools cannot be turned, unload it first")]
    InUse,
    #[error("an AMS that is printed from cannot dry at the same time: wait for the end of the print")]
    PrintedFrom,
    #[error("there is no slot like that: see `active_slot` for how slots are called (`A1-3`, `HT1`, `Ext`)")]
    NoSlot,
    #[error("there is nothing in that slot: put filament in first")]
    EmptySlot,
    #[error("that slot is loaded already")]
    LoadedAlready,
    #[error("that slot is loaded: unload it first, the tag is read by turning the spool")]
    Loaded,
    #[error("nothing is loaded")]
    NothingLoaded,
    #[error("the spool in that slot has a tag, and the printer believes only that")]
    Tagged,
    #[error("the lowest nozzle temperature must not be above the highest")]
    Crossed,
    #[error("this firmware cannot be told to load: update it, or load at the printer")]
    CannotLoad,
    #[error("object {0} is left out already: name only new ones")]
    AlreadySkipped(u32),
    #[error("name at least one object")]
    NoObject,
    #[error("this printer has no calibration `{0}`")]
    NoCalibration(&'static str),
    #[error("name at least one step")]
    NoStep,
    #[error("there is no error to clear")]
    NoError,
    #[error("the printer has not told its other AMS settings yet, and takes them only together")]
    SettingsUnknown,
    #[error("the nozzle is colder than 170 °C: heat it first, cold filament damages the extruder")]
    TooCold,
    #[error("the printer does not know where its axes are: send `home` first")]
    NotHomed,
    #[error("the distance must not be 0")]
    NoDistance,
    #[error("a laser or a cutter is mounted: go on at the printer, where somebody can watch it")]
    Tool,
    #[error("the air goes out for the laser now: change that at the printer")]
    LaserAir,
    #[error("G-code is switched off in this gateway: set `controls.gcode` to true in the configuration")]
    GcodeOff,
    #[error(
        "installing firmware is switched off in this gateway: install it at the printer, or set \
         `controls.firmware_install` to true in the configuration"
    )]
    FirmwareOff,
    #[error("the printer offers no newer firmware: it was installed already, or was withdrawn")]
    NoFirmware,
    #[error("{0} waits until it is hot and blocks the printer meanwhile: use M104 or M140")]
    Waits(&'static str),
    #[error("{0}: homing single axes can crash the nozzle into the bed, use a bare G28")]
    PartialHoming(String),
    #[error("the printer is changing filament: wait until it has")]
    ChangingFilament,
    #[error("a print was sent to the printer and has not begun yet: wait until it has, or has failed")]
    PrintStarting,
    #[error("filament {0} of the project comes from no slot: name one, or leave `use_ams` off")]
    NoMapping(usize),
}

/// The printer's state in a word, for refusals.
fn state(observed: &Observed) -> &'static str {
    match observed.status {
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

/// Which column of the table the printer's state is.
fn condition(status: Option<Status>) -> Condition {
    match status {
        None | Some(Status::Init) => Condition::UnknownState,
        Some(Status::Failed | Status::Finish | Status::Idle) => Condition::AtRest,
        Some(Status::Prepare | Status::Slicing) => Condition::Preparing,
        Some(Status::Running) => Condition::Running,
        Some(Status::Pause) => Condition::Paused,
    }
}

/// Whether the printer may do this now.
///
/// # Errors
/// The reason why not.
pub fn permit(observed: &Observed, policy: &Policy, command: &Command) -> Result<(), Refusal> {
    use Condition as If;
    let class = command.class();
    if class == Class::Ask {
        return Ok(());
    }
    if class == Class::Note {
        let allowed = class.allows(condition(observed.status));
        return if allowed { Ok(()) } else { Err(wrong_state(class, observed)) };
    }
    let check = |so: bool, condition: If, refusal: Refusal| {
        if so && !class.allows(condition) { Err(refusal) } else { Ok(()) }
    };
    check(policy.read_only, If::ReadOnly, Refusal::ReadOnly)?;
    check(observed.reach != Reach::Online, If::Offline, Refusal::Offline)?;
    let can = observed.capabilities.ok_or(Refusal::NotReady)?;
    if class == Class::Gcode && !policy.gcode {
        return Err(Refusal::GcodeOff);
    }
    if class == Class::Firmware && !policy.firmware_install {
        return Err(Refusal::FirmwareOff);
    }
    check(observed.control == Control::Limited, If::Limited, Refusal::SignatureRequired)?;
    check(!can.known_model, If::UnknownModel, Refusal::UnknownModel)?;
    if !has_part(&can, command) {
        return Err(Refusal::Missing);
    }
    check(observed.update.progress.is_some(), If::Updating, Refusal::Updating)?;
    check(observed.stale, If::Stale, Refusal::Stale)?;
    let now = condition(observed.status);
    check(true, now, wrong_state(class, observed))?;
    let changing = observed.stage.is_some_and(Stage::changes_filament);
    if changing && matches!(class, Class::Motion | Class::Gcode | Class::Print | Class::Firmware) {
        return Err(Refusal::ChangingFilament);
    }
    value(observed, &can, command)
}

fn wrong_state(class: Class, observed: &Observed) -> Refusal {
    let now = state(observed);
    match class {
        Class::Pause => Refusal::NotRunning(now),
        Class::Resume => Refusal::NotPaused(now),
        Class::Stop => Refusal::NoPrint(now),
        _ => {
            let states = Condition::ALL.iter().take(4).filter(|(condition, _)| class.allows(*condition));
            let allowed = states.map(|(_, word)| *word).collect::<Vec<_>>().join(" or ");
            Refusal::NotNow { allowed, state: now }
        }
    }
}

/// Whether the part that the command is about is there.
fn has_part(can: &Capabilities, command: &Command) -> bool {
    match command {
        Command::NozzleTarget(Side::Left, _)
        | Command::Extrude(Side::Left, _)
        | Command::SelectNozzle(_)
        | Command::Unload { side: Some(Side::Left), .. } => can.dual_nozzle,
        Command::ChamberTarget(_) => can.chamber_heater,
        Command::Fan(FanKind::Aux, _) => can.aux_fan,
        Command::Fan(FanKind::Chamber, _) => can.chamber_fan,
        Command::Fan(FanKind::SecondAux, _) => can.second_aux_fan,
        Command::Airduct(AirductMode::Cooling) => can.airduct,
        Command::Airduct(AirductMode::Heating) => can.airduct && can.requests.airduct_heating,
        Command::Light(LightKind::Chamber, _) | Command::FlashLight => can.chamber_light,
        Command::Light(LightKind::Work, _) => can.work_light,
        Command::Light(LightKind::Heatbed, _) => can.requests.heatbed_light,
        Command::Timelapse(_) => can.timelapse,
        Command::PromptSound(_) => can.prompt_sound,
        // Nobody chooses the laser's air, and there is no request for keeping files.
        Command::Airduct(AirductMode::Laser) | Command::Setting(Setting::SaveToStorage, _) => false,
        Command::Sensitivity(Setting::AirPrintDetection, _) => can.requests.air_print_camera,
        Command::Setting(setting, _) | Command::Sensitivity(setting, _) => can.settings.has(*setting),
        Command::Buzzer(_) => can.requests.buzzer,
        Command::SkipObjects(_) => can.requests.skip_objects,
        Command::NozzleKind { .. } => can.requests.nozzle_kind,
        _ => true,
    }
}

/// What is wrong with the value, if the command as such is allowed.
fn value(observed: &Observed, can: &Capabilities, command: &Command) -> Result<(), Refusal> {
    let hot = |what, value, max| if value > max { Err(Refusal::TooHot { what, value, max }) } else { Ok(()) };
    match command {
        Command::NozzleTarget(_, value) => hot("nozzle target", *value, can.nozzle_max),
        Command::BedTarget(value) => hot("bed target", *value, can.bed_max),
        Command::ChamberTarget(value) => {
            hot("chamber target", *value, can.chamber_max)?;
            // Heating closes the way out.
            let laser = *value > 0 && observed.machine.airduct == Some(AirductMode::Laser);
            if laser { Err(Refusal::LaserAir) } else { Ok(()) }
        }
        Command::Resume if matches!(observed.machine.tool, Some(tool) if tool != ToolModule::None) => {
            Err(Refusal::Tool)
        }
        Command::Airduct(_) if observed.machine.airduct == Some(AirductMode::Laser) => Err(Refusal::LaserAir),
        Command::Setting(setting, _) if setting.is_of_ams() => {
            let all = [Setting::RfidOnInsert, Setting::RfidOnStartup, Setting::RemainingEstimate];
            let unknown = |other: &Setting| other != setting && observed.options.get(*other).is_none();
            if all.iter().any(unknown) { Err(Refusal::SettingsUnknown) } else { Ok(()) }
        }
        Command::Load { source, celsius } => {
            hot("nozzle temperature", celsius.unwrap_or(0), can.nozzle_max)?;
            load(observed, can, *source)
        }
        Command::Unload { side, celsius } => {
            hot("nozzle temperature", celsius.unwrap_or(0), can.nozzle_max)?;
            match observed.source(side.unwrap_or(observed.active_nozzle)) {
                Some(Source::Nothing) => Err(Refusal::NothingLoaded),
                _ => Ok(()),
            }
        }
        Command::ReadRfid { unit, slot } => {
            let source = Source::Ams { unit: *unit, slot: *slot };
            observed.slot(source).ok_or(Refusal::NoSlot)?;
            if is_loaded(observed, source) { Err(Refusal::Loaded) } else { Ok(()) }
        }
        Command::SetFilament(source, filament) => {
            hot("nozzle temperature", filament.nozzle_max, can.nozzle_max)?;
            if filament.nozzle_min > filament.nozzle_max {
                return Err(Refusal::Crossed);
            }
            untagged(observed, *source)
        }
        Command::ResetSlot(source) => untagged(observed, *source),
        Command::Dry(dry) => dryable(observed, dry),
        Command::StopDrying { unit } => {
            let ams = observed.unit(*unit).filter(|ams| ams.can.dries);
            ams.map(|_| ()).ok_or(Refusal::CannotDry(*unit))
        }
        Command::SkipObjects(ids) => {
            let skipped = observed.job.skipped.as_deref().unwrap_or_default();
            match ids.iter().find(|id| skipped.contains(&i64::from(**id))) {
                _ if ids.is_empty() => Err(Refusal::NoObject),
                Some(id) => Err(Refusal::AlreadySkipped(*id)),
                None => Ok(()),
            }
        }
        Command::Calibrate(steps) => match steps.beyond(can.requests.calibrations) {
            _ if steps.is_empty() => Err(Refusal::NoStep),
            Some(step) => Err(Refusal::NoCalibration(step)),
            None => Ok(()),
        },
        Command::ClearError if observed.error.is_none() => Err(Refusal::NoError),
        // What the cloud alone knows of, the printer has no address for.
        Command::InstallFirmware if observed.update.offered != Some(true) => Err(Refusal::NoFirmware),
        Command::Move(_, 0) | Command::Extrude(_, 0) => Err(Refusal::NoDistance),
        Command::Move(..) if observed.machine.homed != Some(true) => Err(Refusal::NotHomed),
        Command::Extrude(side, _) if observed.nozzle(*side).actual.is_none_or(|t| t < COLD) => {
            Err(Refusal::TooCold)
        }
        Command::Gcode(lines) => lines.iter().try_for_each(|line| harmless(line)),
        Command::Print(file) => print(observed, can, file),
        _ => Ok(()),
    }
}

/// Below this filament does not melt, °C.
const COLD: f32 = 170.0;

fn is_loaded(observed: &Observed, source: Source) -> bool {
    [Side::Right, Side::Left].into_iter().any(|side| observed.source(side) == Some(source))
}

fn load(observed: &Observed, can: &Capabilities, source: Source) -> Result<(), Refusal> {
    if !can.requests.load {
        return Err(Refusal::CannotLoad);
    }
    let slot = observed.slot(source).ok_or(Refusal::NoSlot)?;
    // An external spool has no sensor: what the printer says of it is what somebody told it.
    if slot.is_empty() && matches!(source, Source::Ams { .. }) {
        return Err(Refusal::EmptySlot);
    }
    if is_loaded(observed, source) { Err(Refusal::LoadedAlready) } else { Ok(()) }
}

fn untagged(observed: &Observed, source: Source) -> Result<(), Refusal> {
    let slot = observed.slot(source).ok_or(Refusal::NoSlot)?;
    if slot.filament().is_some_and(|filament| filament.tag.is_some()) { Err(Refusal::Tagged) } else { Ok(()) }
}

/// What temperatures a unit dries at, °C.
fn drying_range(ams: &Ams) -> Option<(u16, u16)> {
    match ams.kind {
        AmsKind::Pro2 => Some((45, 65)),
        AmsKind::Ht => Some((45, 85)),
        AmsKind::Unknown | AmsKind::Ams | AmsKind::Lite => None,
    }
}

impl Ams {
    /// How to dry everything that is in it: as cool as the most delicate filament wants it, for as long as
    /// the most patient one. `None` when not all of them say it.
    pub fn drying_plan(&self) -> Option<(u16, u8)> {
        let mut plan: Option<(u16, u8)> = None;
        for filament in self.slots.iter().filter_map(|slot| slot.filament()) {
            let celsius = filament.drying_temperature.filter(|t| *t > 0)?;
            let hours = u8::try_from(filament.drying_hours?).ok().filter(|h| *h > 0)?;
            plan = Some(plan.map_or((celsius, hours), |(t, h)| (t.min(celsius), h.max(hours))));
        }
        plan
    }
}

fn dryable(observed: &Observed, dry: &Dry) -> Result<(), Refusal> {
    let ams = observed.unit(dry.unit).ok_or(Refusal::CannotDry(dry.unit))?;
    let (min, max) = drying_range(ams).ok_or(Refusal::CannotDry(dry.unit))?;
    let (value, hours) = dry.plan.or_else(|| ams.drying_plan()).ok_or(Refusal::DryingUnknown)?;
    if !(min..=max).contains(&value) {
        return Err(Refusal::DryingTemperature { unit: ams.kind.name(), value, min, max });
    }
    if !(1..=24).contains(&hours) {
        return Err(Refusal::DryingTime(hours));
    }
    let loaded = ams.active_slot.is_some();
    match () {
        () if loaded && observed.is_active() => Err(Refusal::PrintedFrom),
        () if loaded && dry.rotate => Err(Refusal::InUse),
        () => Ok(()),
    }
}

/// Whether a line of G-code is not one of those that always do harm.
fn harmless(line: &str) -> Result<(), Refusal> {
    // `M109S220` is the same to a printer, and so is `N10 M 109 S220`.
    let bare: String = line.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_uppercase()).collect();
    let mut code = bare.as_str();
    while let Some(numbered) = code.strip_prefix('N') {
        code = numbered.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    let digits = code.get(1..).unwrap_or_default();
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let number = digits.get(..end).and_then(|digits| digits.parse::<u32>().ok());
    match (code.chars().next(), number) {
        (Some('M'), Some(109)) => Err(Refusal::Waits("M109")),
        (Some('M'), Some(190)) => Err(Refusal::Waits("M190")),
        (Some('M'), Some(191)) => Err(Refusal::Waits("M191")),
        (Some('G'), Some(28)) if digits.len() > end => Err(Refusal::PartialHoming(line.trim().to_owned())),
        _ => Ok(()),
    }
}

fn print(observed: &Observed, can: &Capabilities, file: &PrintFile) -> Result<(), Refusal> {
    let lidar = file.layer_inspect && !can.requests.lidar;
    let vibration = file.vibration_calibration == Some(true) && !can.requests.print_vibration;
    let offset = file.nozzle_offset_calibration && !can.dual_nozzle;
    if lidar || vibration || offset || (file.timelapse && !can.timelapse) {
        return Err(Refusal::Missing);
    }
    for source in file.mapping.iter().flatten() {
        let slot = observed.slot(*source).ok_or(Refusal::NoSlot)?;
        // As with loading, only an AMS sees what is there.
        if slot.is_empty() && matches!(source, Source::Ams { .. }) {
            return Err(Refusal::EmptySlot);
        }
    }
    let from_ams = |source: &Option<Source>| matches!(source, Some(Source::Ams { .. }));
    if file.use_ams && !file.mapping.iter().any(from_ams) {
        return Err(Refusal::NoMapping(1));
    }
    Ok(())
}
