//! A [`Command`] to the requests that this printer understands (protocol 5).
//!
//! One child per category of requests; [`Dialect`] says which form of each this printer takes.

mod device;
mod dialect;
mod filament;
mod file;
mod motion;
mod options;

use serde_json::{Value, json};

use printer::{Command, Observed, Speed};

pub use dialect::{Dialect, requests};

/// A message for a printer's request topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its top-level member.
    pub category: &'static str,
    /// Its command, for matching the answer.
    pub command: &'static str,
    /// Its number, for matching the answer.
    pub sequence_id: u32,
    /// The document to send.
    pub payload: String,
    /// Whether it goes at `QoS` 1, as the vendor's slicer sends it (protocol 5.1). Movements must not:
    /// a second delivery would move twice.
    pub control: bool,
}

/// What is sent at `QoS` 1.
const SURE: [&str; 7] =
    ["pause", "resume", "stop", "set_nozzle_temp", "set_ctt", "skip_objects", "project_file"];

/// Asks for boards and firmware.
pub fn get_version(sequence_id: u32) -> Request {
    request(sequence_id, "info", "get_version", json!({}))
}

/// Asks for the whole state.
pub fn pushall(sequence_id: u32) -> Request {
    request(sequence_id, "pushing", "pushall", json!({"version": 1, "push_target": 1}))
}

/// Asks to go on reporting, where another client stopped it.
pub fn start_pushing(sequence_id: u32) -> Request {
    request(sequence_id, "pushing", "start", json!({}))
}

/// A request without its number: category, command, members.
type Body = (&'static str, &'static str, Value);

/// One of category `print`, which most are.
fn print(command: &'static str, members: Value) -> Vec<Body> {
    vec![("print", command, members)]
}

/// Lines of G-code; without the last line end it is not executed.
fn gcode(lines: &str) -> Vec<Body> {
    print("gcode_line", json!({"param": format!("{lines}\n")}))
}

/// The requests for a command, in order; the answer to the first one counts.
///
/// Empty for [`Command::Refresh`], which is more than a request, for [`Command::ClearPlate`], which asks nothing
/// of the printer, and where there is nothing to name.
pub fn of_command(
    command: &Command,
    dialect: &Dialect,
    printer: &Observed,
    mut next_id: impl FnMut() -> u32,
) -> Vec<Request> {
    use Command as C;
    let param = |command| print(command, json!({"param": ""}));
    let bodies = match command {
        C::Refresh | C::ClearPlate => Vec::new(),
        C::Pause => param("pause"),
        C::Resume => param("resume"),
        C::Stop => param("stop"),
        C::Speed(speed) => print("print_speed", json!({"param": level(*speed)})),
        C::SkipObjects(ids) => print("skip_objects", json!({"obj_list": ids})),
        C::ClearError => options::clear_error(printer),
        C::IgnoreError => options::ignore_error(printer),
        C::DismissError { forever } => options::dismiss_error(printer, *forever),
        C::Choose(choice) => options::choose(*choice),
        C::CoolingFilter(on) => device::cooling_filter(*on),
        C::EndPurification => print("close_air_filt", json!({})),
        // All places of the rack.
        C::ReadRack => print("holder_nozzle_refresh", json!({"id": 255})),
        C::NozzleTarget(side, celsius) => device::nozzle(dialect, *side, *celsius),
        C::BedTarget(celsius) => device::bed(dialect, *celsius),
        C::ChamberTarget(celsius) => device::chamber(dialect, printer.machine.airduct, *celsius),
        C::Fan(kind, percent) => device::fan(dialect, *kind, *percent),
        C::Airduct(mode) => device::airduct(*mode),
        C::Light(kind, on) => device::light(dialect, *kind, *on),
        C::FlashLight => device::flash(dialect),
        C::Buzzer(buzzer) => device::buzzer(*buzzer),
        C::NozzleKind { tenths_mm, material } => device::nozzle_kind(*tenths_mm, *material),
        C::Timelapse(on) => options::camera("ipcam_timelapse", *on),
        C::PromptSound(on) => print("print_option", json!({"sound_enable": on})),
        C::Setting(setting, on) => options::setting(dialect, printer, *setting, *on),
        C::Sensitivity(detector, wanted) => {
            let on = printer.options.get(*detector).unwrap_or(true);
            options::detector(*detector, on, Some(*wanted))
        }
        C::Load { source, celsius, side } => filament::load(dialect, printer, *source, *celsius, *side),
        C::Unload { side, celsius } => filament::unload(dialect, printer, *side, *celsius),
        C::SetFilament(source, filament) => filament::set(printer, *source, filament),
        C::ResetSlot(source) => filament::reset(printer, *source),
        C::ReadRfid { unit, slot } => filament::read_rfid(dialect, *unit, *slot),
        C::AmsControl(answer) => filament::answer(*answer),
        C::Dry(dry) => filament::dry(printer, dry),
        C::StopDrying { unit } => filament::stop_drying(*unit),
        C::SelectNozzle(side) => print("select_extruder", json!({"extruder_index": extruder(*side)})),
        C::Calibrate(steps) => motion::calibrate(*steps),
        C::Home => motion::home(dialect),
        C::Move(axis, tenths) => motion::along(dialect, *axis, *tenths),
        C::Extrude(side, tenths) => motion::extrude(dialect, *side, *tenths),
        C::Gcode(lines) => gcode(&lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join("\n")),
        // The form in which it is confirmed at the printer: that names neither a version nor an address, so it can
        // install nothing but what the printer itself found (protocol 5.13).
        C::InstallFirmware => vec![("upgrade", "upgrade_confirm", json!({"src_id": 1}))],
        C::Print(file) => file::print_file(dialect, printer, file),
    };
    let sure = |command| SURE.contains(&command);
    let number = |(category, command, members)| Request {
        control: sure(command),
        ..request(next_id(), category, command, members)
    };
    bodies.into_iter().map(number).collect()
}

/// The vendor's number of a speed, as text.
fn level(speed: Speed) -> &'static str {
    match speed {
        Speed::Silent => "1",
        Speed::Standard => "2",
        Speed::Sport => "3",
        Speed::Ludicrous => "4",
    }
}

/// The vendor's number of a nozzle.
fn extruder(side: printer::Side) -> u8 {
    match side {
        printer::Side::Right => 0,
        printer::Side::Left => 1,
    }
}

fn request(sequence_id: u32, category: &'static str, command: &'static str, mut body: Value) -> Request {
    if let Some(members) = body.as_object_mut() {
        members.insert("command".into(), command.into());
        members.insert("sequence_id".into(), sequence_id.to_string().into());
    }
    let payload = json!({category: body}).to_string();
    Request { category, command, sequence_id, payload, control: false }
}
