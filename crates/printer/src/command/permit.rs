//! Whether a printer may be asked something now: the table, and what a table cannot say.
//!
//! The rest is about values: what the printer has not got, what is too hot, which slot is loaded.
//! Every command is named where something is decided about it: one that is added must say what may be asked.

use super::{Command, Dry, PrintFile, SpoolFilament, Steps};
use crate::ams::AmsKind;
use crate::options::{Choice, Setting};
use crate::tools::{AirductMode, ToolModule};
use crate::{
    Ams, Capabilities, Control, FanKind, LightKind, Observed, Policy, Reach, Side, Slot, Source, Stage,
    Status,
};

pub use super::table::{Class, Condition, Row, TABLE, markdown};

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
    #[error("this is possible only while the printer is {}; it is {state}", .class.states())]
    NotNow { class: Class, state: &'static str },
    #[error("{what} {value} °C is above {max} °C, the most this printer takes")]
    TooHot { what: &'static str, value: u16, max: u16 },
    #[error("drying at {value} °C is not possible in an {unit}: it takes {min} to {max} °C")]
    DryingTemperature { unit: &'static str, value: u16, min: u16, max: u16 },
    #[error("drying takes 1 to 24 hours, not {0}")]
    DryingTime(u8),
    #[error("there is no AMS unit {0} that dries: an AMS 2 Pro or an AMS HT does")]
    CannotDry(u8),
    #[error("this printer cannot be told to dry from here: start and end it at the printer")]
    DriesByHand,
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
    #[error("this slot is shown, and how the printer is told of it is not known: use the printer's screen")]
    UnknownSlot,
    #[error("there is nothing in that slot: put filament in first")]
    EmptySlot,
    #[error("that slot is loaded already")]
    LoadedAlready,
    #[error("that slot is loaded: unload it first, the tag is read by turning the spool")]
    Loaded,
    #[error("the nozzle is chosen only with a Filament Track Switch: leave `nozzle` out")]
    NoSwitch,
    #[error(
        "the Filament Track Switch is not set up: see at the printer that each AMS is assigned to one of its inlets"
    )]
    SwitchNotReady,
    #[error("with a Filament Track Switch name the nozzle: use the action `load` with `nozzle`")]
    WhichNozzle,
    #[error("that spool feeds the other nozzle only")]
    OtherNozzle,
    #[error("the printer has not told what is loaded: try again in a moment")]
    LoadedUnknown,
    #[error(
        "both nozzles are fed by the same AMS, and the printer is told no more than the AMS: unload at the printer"
    )]
    SameUnit,
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
    #[error("there is no error to answer")]
    NoError,
    #[error("the print is not held by a check that can be skipped: mend what is told, then use `resume`")]
    NothingToIgnore,
    #[error("a print is held by this error: use `ignore_error`, or mend what it says and use `resume`")]
    HoldsPrint,
    #[error("the printer says that this cannot be changed now")]
    Fixed,
    #[error("the filter works while the air cools the chamber: set the airduct mode to cooling first")]
    NotCooling,
    #[error("the air is not being cleaned")]
    NotPurifying,
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
    permit_as_such(observed, policy, command)?;
    // Before the printer has told what it can do, only what needs nothing of that gets here.
    observed.capabilities.map_or(Ok(()), |can| value(observed, &can, command))
}

/// Whether the printer may do something of this kind now, with values that fit: what is known of a command before
/// somebody gives its values.
///
/// # Errors
/// The reason why not.
pub fn permit_as_such(observed: &Observed, policy: &Policy, command: &Command) -> Result<(), Refusal> {
    use Condition as If;
    let class = command.class();
    let now = condition(observed.status);
    match class {
        Class::Ask => return Ok(()),
        Class::Note if class.allows(now) => return Ok(()),
        Class::Note => return Err(wrong_state(class, observed)),
        _ => {}
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
    check(true, now, wrong_state(class, observed))?;
    let changing = observed.stage.is_some_and(Stage::changes_filament);
    if changing && class.disturbs_a_change_of_filament() {
        return Err(Refusal::ChangingFilament);
    }
    Ok(())
}

/// Whether two moments say the same of everything that is asked before a command is taken which has no value: then
/// the answers are the same, too. Temperatures, which change with nearly every report, are none of it.
pub fn same_grounds(a: &Observed, b: &Observed) -> bool {
    (a.reach, a.stale, a.control, a.status, a.stage) == (b.reach, b.stale, b.control, b.status, b.stage)
        && (a.error, a.sources, a.active_nozzle) == (b.error, b.sources, b.active_nozzle)
        && a.ams.is(&b.ams)
        && a.external.is(&b.external)
        && (&a.machine, &a.update, &a.hms) == (&b.machine, &b.update, &b.hms)
        && a.capabilities == b.capabilities
}

fn wrong_state(class: Class, observed: &Observed) -> Refusal {
    let now = state(observed);
    match class {
        Class::Pause => Refusal::NotRunning(now),
        Class::Resume => Refusal::NotPaused(now),
        Class::Stop => Refusal::NoPrint(now),
        class => Refusal::NotNow { class, state: now },
    }
}

/// Whether the part that the command is about is there.
fn has_part(can: &Capabilities, command: &Command) -> bool {
    match command {
        Command::NozzleTarget(Side::Left, _)
        | Command::Load { side: Some(_), .. }
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
        // Nobody chooses the laser's air.
        Command::Airduct(AirductMode::Laser) => false,
        Command::Setting(Setting::SaveToStorage, _) => can.requests.save_to_storage,
        Command::Choose(choice) => match choice {
            Choice::DoorCheck(_) => can.door_check,
            Choice::Purification(_) => can.purification,
            Choice::BlobDetection(_) => can.blob_detection,
            Choice::Resolution(_) => can.requests.resolution,
        },
        Command::CoolingFilter(_) => can.requests.cooling_filter,
        Command::EndPurification => can.purification,
        Command::ReadRack => can.hotend_rack,
        Command::Sensitivity(Setting::AirPrintDetection, _) => can.requests.air_print_camera,
        Command::Setting(setting, _) | Command::Sensitivity(setting, _) => can.settings.has(*setting),
        Command::Buzzer(_) => can.requests.buzzer,
        Command::SkipObjects(_) => can.requests.skip_objects,
        Command::NozzleKind { .. } => can.requests.nozzle_kind,
        // Every printer has what these are about, or their values say it (`value`).
        Command::Pause
        | Command::Resume
        | Command::Stop
        | Command::Refresh
        | Command::Speed(_)
        | Command::NozzleTarget(Side::Right, _)
        | Command::BedTarget(_)
        | Command::Fan(FanKind::Part, _)
        | Command::Load { side: None, .. }
        | Command::Unload { side: None | Some(Side::Right), .. }
        | Command::SetFilament(..)
        | Command::ResetSlot(_)
        | Command::ReadRfid { .. }
        | Command::AmsControl(_)
        | Command::Dry(_)
        | Command::StopDrying { .. }
        | Command::Calibrate(_)
        | Command::ClearError
        | Command::IgnoreError
        | Command::DismissError { .. }
        | Command::Home
        | Command::Move(..)
        | Command::Extrude(Side::Right, _)
        | Command::Gcode(_)
        | Command::Print(_)
        | Command::InstallFirmware
        | Command::ClearPlate => true,
    }
}

/// What is wrong with the value, if the command as such is allowed.
fn value(observed: &Observed, can: &Capabilities, command: &Command) -> Result<(), Refusal> {
    match command {
        Command::NozzleTarget(_, value) => not_above("nozzle target", *value, can.nozzle_max),
        Command::BedTarget(value) => not_above("bed target", *value, can.bed_max),
        Command::ChamberTarget(value) => chamber(observed, can, *value),
        Command::Resume => nobody_watches(observed),
        Command::IgnoreError => ignorable(observed),
        Command::Airduct(_) => no_laser(observed),
        Command::Setting(setting, _) if setting.is_of_ams() => others_known(observed, *setting),
        Command::Load { source, celsius, side } => load(observed, can, *source, *celsius, *side),
        Command::Unload { side, celsius } => unload(observed, can, *side, *celsius),
        Command::ReadRfid { unit, slot } => read_rfid(observed, Source::Ams { unit: *unit, slot: *slot }),
        Command::SetFilament(source, filament) => set_filament(observed, can, *source, filament),
        Command::ResetSlot(source) => untagged(observed, *source),
        Command::Dry(dry) => dryable(observed, can, dry),
        Command::StopDrying { unit } => dries(observed, can, *unit),
        Command::SkipObjects(ids) => skip(observed, ids),
        Command::Calibrate(steps) => calibrate(can, *steps),
        Command::ClearError | Command::DismissError { .. } if observed.error.is_none() => {
            Err(Refusal::NoError)
        }
        Command::DismissError { .. } if observed.status == Some(Status::Pause) => Err(Refusal::HoldsPrint),
        Command::Setting(setting, _) if observed.options.get(*setting).is_none() => Err(Refusal::Fixed),
        Command::CoolingFilter(_) if observed.machine.airduct != Some(AirductMode::Cooling) => {
            Err(Refusal::NotCooling)
        }
        Command::EndPurification if !observed.purifies() => Err(Refusal::NotPurifying),
        // What the cloud alone knows of, the printer has no address for.
        Command::InstallFirmware if observed.update.offered != Some(true) => Err(Refusal::NoFirmware),
        Command::Move(_, 0) | Command::Extrude(_, 0) => Err(Refusal::NoDistance),
        Command::Move(..) if observed.machine.homed != Some(true) => Err(Refusal::NotHomed),
        Command::Extrude(side, _) if observed.nozzle(*side).actual.is_none_or(|t| t < COLD) => {
            Err(Refusal::TooCold)
        }
        Command::Gcode(lines) => lines.iter().try_for_each(|line| harmless(line)),
        Command::Print(file) => print(observed, can, file),
        // The table has said all there is to say.
        Command::Pause
        | Command::Stop
        | Command::Refresh
        | Command::Speed(_)
        | Command::Choose(_)
        | Command::CoolingFilter(_)
        | Command::EndPurification
        | Command::Fan(..)
        | Command::Light(..)
        | Command::FlashLight
        | Command::Timelapse(_)
        | Command::PromptSound(_)
        | Command::Setting(..)
        | Command::Sensitivity(..)
        | Command::Buzzer(_)
        | Command::AmsControl(_)
        | Command::ClearError
        | Command::DismissError { .. }
        | Command::ReadRack
        | Command::NozzleKind { .. }
        | Command::SelectNozzle(_)
        | Command::Home
        | Command::Move(..)
        | Command::Extrude(..)
        | Command::InstallFirmware
        | Command::ClearPlate => Ok(()),
    }
}

fn not_above(what: &'static str, value: u16, max: u16) -> Result<(), Refusal> {
    if value > max { Err(Refusal::TooHot { what, value, max }) } else { Ok(()) }
}

/// A laser or a cutter goes on only where somebody looks at it.
fn nobody_watches(observed: &Observed) -> Result<(), Refusal> {
    match observed.machine.tool {
        Some(tool) if tool != ToolModule::None => Err(Refusal::Tool),
        _ => Ok(()),
    }
}

/// Checks of the plate and of what lies on it, which are wrong now and then and which the vendor's programs let people
/// skip: wrong plate, its marks, a foreign object, an offset (protocol 5.4). A fault of a heater, or filament that has
/// run out, is none.
const IGNORABLE: [u32; 4] = [0x0500_8051, 0x0500_8062, 0x0500_806E, 0x0500_808C];

/// Whether a print is held by something that a person may overrule.
fn ignorable(observed: &Observed) -> Result<(), Refusal> {
    nobody_watches(observed)?;
    let error = observed.error.ok_or(Refusal::NoError)?;
    if IGNORABLE.contains(&error.0) { Ok(()) } else { Err(Refusal::NothingToIgnore) }
}

fn chamber(observed: &Observed, can: &Capabilities, celsius: u16) -> Result<(), Refusal> {
    not_above("chamber target", celsius, can.chamber_max)?;
    // Heating closes the way out.
    if celsius > 0 { no_laser(observed) } else { Ok(()) }
}

fn no_laser(observed: &Observed) -> Result<(), Refusal> {
    if observed.machine.airduct == Some(AirductMode::Laser) { Err(Refusal::LaserAir) } else { Ok(()) }
}

/// Whether the other settings of the AMS units are known, which are told with this one.
fn others_known(observed: &Observed, setting: Setting) -> Result<(), Refusal> {
    let all = [Setting::RfidOnInsert, Setting::RfidOnStartup, Setting::RemainingEstimate];
    let unknown = |other: &Setting| *other != setting && observed.options.get(*other).is_none();
    if all.iter().any(unknown) { Err(Refusal::SettingsUnknown) } else { Ok(()) }
}

fn skip(observed: &Observed, ids: &[u32]) -> Result<(), Refusal> {
    let skipped = observed.job.skipped.as_deref().unwrap_or_default();
    match ids.iter().find(|id| skipped.contains(&i64::from(**id))) {
        _ if ids.is_empty() => Err(Refusal::NoObject),
        Some(id) => Err(Refusal::AlreadySkipped(*id)),
        None => Ok(()),
    }
}

/// Below this filament does not melt, °C.
const COLD: f32 = 170.0;

fn calibrate(can: &Capabilities, steps: Steps) -> Result<(), Refusal> {
    match steps.beyond(can.requests.calibrations) {
        _ if steps.is_empty() => Err(Refusal::NoStep),
        Some(step) => Err(Refusal::NoCalibration(step)),
        None => Ok(()),
    }
}

/// A slot that requests have a number for: how the slots of an AMS with more than four are called is not known.
fn slot_of(observed: &Observed, source: Source) -> Result<&Slot, Refusal> {
    match observed.slot(source) {
        None => Err(Refusal::NoSlot),
        Some(_) if matches!(source, Source::Ams { slot: 4.., .. }) => Err(Refusal::UnknownSlot),
        Some(slot) => Ok(slot),
    }
}

fn load(
    observed: &Observed,
    can: &Capabilities,
    source: Source,
    celsius: Option<u16>,
    side: Option<Side>,
) -> Result<(), Refusal> {
    not_above("nozzle temperature", celsius.unwrap_or(0), can.nozzle_max)?;
    if !can.requests.load {
        return Err(Refusal::CannotLoad);
    }
    let slot = slot_of(observed, source)?;
    // An external spool has no sensor: what the printer says of it is what somebody told it.
    if slot.is_empty() && matches!(source, Source::Ams { .. }) {
        return Err(Refusal::EmptySlot);
    }
    if observed.is_loaded(source) {
        return Err(Refusal::LoadedAlready);
    }
    match (observed.switch_ready(), side) {
        (None, None) => Ok(()),
        // A wrong one would heat the wrong nozzle.
        (None, Some(_)) => Err(Refusal::NoSwitch),
        (Some(false), _) => Err(Refusal::SwitchNotReady),
        // The printer drops what does not name one, without a word (protocol 5.11).
        (Some(true), None) => Err(Refusal::WhichNozzle),
        (Some(true), Some(side)) => match source {
            Source::External(number) if (number == 1) != (side == Side::Right) => Err(Refusal::OtherNozzle),
            _ => Ok(()),
        },
    }
}

fn unload(
    observed: &Observed,
    can: &Capabilities,
    side: Option<Side>,
    celsius: Option<u16>,
) -> Result<(), Refusal> {
    not_above("nozzle temperature", celsius.unwrap_or(0), can.nozzle_max)?;
    let source = observed.source(side.unwrap_or(observed.active_nozzle));
    if source == Some(Source::Nothing) {
        return Err(Refusal::NothingLoaded);
    }
    // With a switch the unit alone says which nozzle is meant, so both must be known.
    let unit = |source: &Option<Source>| match source {
        Some(Source::Ams { unit, .. }) => Some(*unit),
        _ => None,
    };
    let [right, left] = observed.sources.each_ref().map(unit);
    match observed.machine.track_switch {
        Some(_) if observed.sources.iter().any(Option::is_none) => Err(Refusal::LoadedUnknown),
        Some(_) if right.is_some() && right == left => Err(Refusal::SameUnit),
        _ => Ok(()),
    }
}

fn read_rfid(observed: &Observed, source: Source) -> Result<(), Refusal> {
    slot_of(observed, source)?;
    if observed.is_loaded(source) { Err(Refusal::Loaded) } else { Ok(()) }
}

fn set_filament(
    observed: &Observed,
    can: &Capabilities,
    source: Source,
    filament: &SpoolFilament,
) -> Result<(), Refusal> {
    not_above("nozzle temperature", filament.nozzle_max, can.nozzle_max)?;
    if filament.nozzle_min > filament.nozzle_max {
        return Err(Refusal::Crossed);
    }
    untagged(observed, source)
}

fn untagged(observed: &Observed, source: Source) -> Result<(), Refusal> {
    let slot = slot_of(observed, source)?;
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

fn dries(observed: &Observed, can: &Capabilities, unit: u8) -> Result<(), Refusal> {
    observed.unit(unit).filter(|ams| ams.can.dries).ok_or(Refusal::CannotDry(unit))?;
    if can.requests.remote_drying { Ok(()) } else { Err(Refusal::DriesByHand) }
}

fn dryable(observed: &Observed, can: &Capabilities, dry: &Dry) -> Result<(), Refusal> {
    dries(observed, can, dry.unit)?;
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
        let slot = slot_of(observed, *source)?;
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
