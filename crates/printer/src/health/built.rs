//! A text for every code that nobody wrote one for, made of what the code itself says: which part speaks, what is
//! usual of a part of that kind, and how bad it is.
//!
//! The parts were learnt from the vendor's public catalogue, as public projects have recorded it (protocol 4.10);
//! the words are ours.

use std::borrow::Cow;

use super::{Effect, Hms, Module, PrintError, Severity, Side};

/// What kind of part it is: the numbers of its messages mean the same wherever one is built in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Heater,
    Motor,
    Fan,
    Force,
    Cover,
    Any,
}

use Kind::{Any, Cover, Fan, Force, Heater, Motor};

/// The text of a health message.
pub(super) fn message(code: Hms) -> String {
    let (part, kind) = part(code);
    let what = usual(kind, code).unwrap_or(match code.severity() {
        Severity::Fatal => "a serious fault",
        Severity::Serious => "a fault",
        Severity::Common => "a warning",
        Severity::Info => "a note",
        Severity::Unknown => "a message",
    });
    format!("{part}: {what}")
}

/// The text of an error of the print.
pub(super) fn error(code: PrintError) -> String {
    let what = match code.effect() {
        Effect::Stop => "a fault that ends the job",
        Effect::Pause => "a fault that holds the print",
        Effect::Prompt => "a hint or a question",
    };
    format!("{}: {what}", subject(code))
}

/// What a message of such a part means, where that is the same for all.
fn usual(kind: Kind, code: Hms) -> Option<&'static str> {
    Some(match (kind, code.code & 0xFFFF) {
        (Heater, 0x1) => "the heater looks short-circuited",
        (Heater, 0x2) => "the heater looks disconnected",
        (Heater, 0x3) => "too hot",
        (Heater, 0x4 | 0x5 | 0x9 | 0xA | 0xB | 0xD) => "temperature control is faulty",
        (Heater, 0x6) => "the temperature sensor looks short-circuited",
        (Heater, 0x7) => "the temperature sensor looks disconnected",
        (Heater, 0x8) => "does not reach its temperature",
        (Heater, 0xC) => "has heated at full power for too long",
        (Heater, 0xE) => "switched off, the mains voltage is not the right one",
        (Motor, 0x1) => "disconnected or broken",
        (Motor, 0x2) => "short-circuited",
        (Motor, 0x3) => "its resistance is wrong, the motor may be broken",
        (Fan, 0x1) => "stopped or much too slow",
        (Fan, 0x2) => "slow; it may need cleaning",
        (Force, 0x1) => "too sensitive; something may touch it",
        (Force, 0x2) => "weak signal",
        (Force, 0x3) => "no usable signal; check its cable",
        (Force, 0x4) => "disturbed",
        (Force, 0x5) => "constant force; something may be stuck",
        (Cover, 0x1) if code.severity() <= Severity::Common => "open",
        (Cover, 0x1) => "open: the print is held",
        (Cover, 0x2 | 0x3) => "its sensor has a fault",
        (Cover, 0x4) => "not in its place",
        _ => return None,
    })
}

/// The part that speaks, for people.
fn part(code: Hms) -> (Cow<'static, str>, Kind) {
    let (number, part) = (code.attr >> 16 & 0xFF, code.attr >> 8 & 0xFF);
    let module = code.module();
    let any = |name: String| (name.into(), Any);
    match module {
        Module::MotionController => match found(MOTION, part) {
            Some((name, kind)) => (name.into(), kind),
            None => any(format!("Motion controller, part {part:02X}")),
        },
        Module::Mainboard => any(match (board_unit(number), found(BOARD, part)) {
            (Some(unit), _) => format!("{unit}, connection or firmware"),
            (None, Some((name, _))) => name.into(),
            (None, None) => format!("Main board, part {part:02X}"),
        }),
        Module::Camera => any(match found(CAMERA, part) {
            Some((name, _)) => name.into(),
            None => format!("Camera, part {part:02X}"),
        }),
        Module::Rack if (1..=6).contains(&(part & 0xF)) && matches!(part >> 4, 0 | 2) => {
            any(format!("Hotend rack, place {}", part & 0xF))
        }
        Module::Rack => any("Hotend rack".into()),
        Module::External(_) | Module::Extruder(_) => any(match part {
            0x80 => "Lift of the toolhead".into(),
            0x81 => "Switch between the extruders".into(),
            0xA0 => "Cleaning of the nozzle with filament".into(),
            _ => at_nozzle(module).into(),
        }),
        module if module.feeds() => any(of_unit(module, part)),
        module => any(capital(&module.to_string())),
    }
}

/// A part of an AMS, with its slot where it is one of a slot.
fn of_unit(unit: Module, part: u32) -> String {
    let lite = matches!(unit, Module::AmsLite(_));
    let slotted = match part >> 4 {
        0x1 => Some("motor"),
        0x2 if part < 0x24 => Some("filament"),
        0x3 if part < 0x34 => Some("tag reader"),
        0x6 => Some("spool"),
        0x7 if lite => Some("filament meter"),
        0x7 => Some("way to the toolhead"),
        0x8 if lite => Some("spool"),
        _ => None,
    };
    if let Some(name) = slotted.filter(|_| part & 0xF < 4) {
        return format!("{unit} slot {}, {name}", (part & 0xF) + 1);
    }
    match found(UNIT, part) {
        Some((name, _)) => format!("{unit}, {name}"),
        None => format!("{unit}, part {part:02X}"),
    }
}

/// The unit of which the main board speaks.
fn board_unit(number: u32) -> Option<String> {
    match number {
        0x01..=0x07 => Some(Module::Ams(u8::try_from(number + 1).ok()?).to_string()),
        0x10 => Some("AMS Lite".into()),
        0x80..=0x87 => Some(Module::AmsHt(u8::try_from(number - 0x7F).ok()?).to_string()),
        _ => None,
    }
}

/// What an error is about: the part or the step.
fn subject(code: PrintError) -> Cow<'static, str> {
    let (number, what) = (code.0 >> 16 & 0xFF, code.0 & 0xFFF);
    let of = |table: Ranges, rest: &'static str| {
        let found = table.iter().find(|(from, to, _)| (*from..=*to).contains(&what));
        Cow::from(found.map_or(rest, |(_, _, name)| *name))
    };
    match code.module() {
        Module::MotionController => of(MOTION_ERRORS, "Motors and heaters"),
        Module::Mainboard => match number {
            0xFE => "Left hotend".into(),
            0xFF => "Right hotend".into(),
            0x02 if !(0x096..=0x0A3).contains(&what) => "The printer refused something".into(),
            _ if (0x096..=0x0A3).contains(&what) && number != 0 => {
                let unit = board_unit(number).unwrap_or_else(|| "AMS".into());
                format!("{unit}, connection or firmware").into()
            }
            _ => of(BOARD_ERRORS, "Main board"),
        },
        Module::Camera => of(CAMERA_ERRORS, "Cameras"),
        Module::Rack => "Hotend rack".into(),
        Module::Settings => "Print settings".into(),
        module @ (Module::External(_) | Module::Extruder(_)) => {
            format!("{}, {}", at_nozzle(module), of(UNIT_ERRORS, "filament")).into()
        }
        module if module.feeds() => format!("{module}, {}", of(UNIT_ERRORS, "filament")).into(),
        module => capital(&module.to_string()).into(),
    }
}

/// A spool holder or an extruder, which each nozzle has; nothing of any other module.
pub(super) fn at_nozzle(module: Module) -> &'static str {
    match module {
        Module::External(Side::Right) => "External spool",
        Module::External(Side::Left) => "Left external spool",
        Module::Extruder(Side::Right) => "Right extruder",
        Module::Extruder(Side::Left) => "Left extruder",
        _ => "",
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

type Parts = &'static [(u32, &'static str, Kind)];
type Ranges = &'static [(u32, u32, &'static str)];

fn found(table: Parts, part: u32) -> Option<(&'static str, Kind)> {
    let at = table.binary_search_by_key(&part, |(part, ..)| *part).ok()?;
    table.get(at).map(|(_, name, kind)| (*name, *kind))
}

/// Parts of the motion controller.
static MOTION: Parts = &[
    (0x01, "Heatbed", Heater),
    (0x02, "Nozzle", Heater),
    (0x03, "Hotend fan", Fan),
    (0x04, "Part cooling fan", Fan),
    (0x05, "Motor driver", Any),
    (0x06, "Motor A", Motor),
    (0x07, "Motor B", Motor),
    (0x08, "Motor of the Z axis", Motor),
    (0x09, "Extruder motor", Motor),
    (0x0A, "Heatbed force sensor 1", Force),
    (0x0B, "Heatbed force sensor 2", Force),
    (0x0C, "Heatbed force sensor 3", Force),
    (0x0D, "Homing of the heatbed, or how the build plate lies", Any),
    (0x0F, "Accelerometer", Any),
    (0x10, "Belt of the X axis", Any),
    (0x11, "Belt of the Y axis", Any),
    (0x12, "Front cover of the toolhead", Any),
    (0x13, "Current sensor of motor A", Any),
    (0x14, "Current sensor of motor B", Any),
    (0x15, "Current sensor of the Z axis", Any),
    (0x16, "Current sensor of the extruder motor", Any),
    (0x17, "Hotend fan", Fan),
    (0x18, "Extrusion force sensor", Any),
    (0x1A, "Nozzle", Any),
    (0x1B, "Acceleration sensor of the heatbed", Any),
    (0x1C, "Driver of the extruder motor", Any),
    (0x1D, "Position sensor of the extruder motor", Any),
    (0x1E, "Left nozzle", Heater),
    (0x20, "Homing of the X and Y axes", Any),
    (0x25, "Force sensor of the right extruder", Any),
    (0x26, "Force sensor of the left extruder", Any),
    (0x27, "Calibration of the nozzle offset", Any),
    (0x28, "Cutting module", Any),
    (0x29, "Vision encoder plate", Any),
    (0x2B, "Air flap", Any),
    (0x2C, "Space below the heatbed", Any),
    (0x2D, "Bed leveling", Any),
    (0x2E, "Calibration of motor noise", Any),
    (0x31, "Part cooling fan", Fan),
    (0x32, "Auxiliary fan", Fan),
    (0x33, "Chamber exhaust fan", Fan),
    (0x35, "Fan of the motion controller", Fan),
    (0x36, "Chamber heating fan", Fan),
    (0x39, "Extra fan of the toolhead", Fan),
    (0x3A, "Left auxiliary fan", Fan),
    (0x40, "Serial link", Any),
    (0x41, "Supply voltage", Any),
    (0x42, "Power of the toolhead", Any),
    (0x90, "Chamber heating", Any),
    (0x91, "Chamber heater 1", Heater),
    (0x92, "Chamber heater 2", Heater),
    (0x93, "Temperature sensors of the chamber", Any),
    (0x94, "Chamber temperature", Any),
    (0x95, "Laser module", Any),
    (0x96, "Front door", Cover),
    (0x97, "Top cover", Cover),
    (0x98, "Left side window", Cover),
    (0x99, "Right side window", Cover),
    (0x9B, "Emergency stop or safety key", Any),
    (0x9C, "Air pump", Any),
    (0x9D, "Focus of the laser", Any),
    (0x9E, "Check of the door", Any),
    (0xA1, "Chamber temperature", Any),
    (0xA2, "Temperature of the motion controller", Any),
    (0xA4, "Too hot, or a temperature sensor", Any),
    (0xA5, "Flame sensor", Any),
    (0xA6, "Extra fan of the toolhead", Any),
    (0xA7, "Chamber temperature", Any),
    (0xA8, "Power of the AMS", Any),
    (0xAB, "Heat break of the right hotend", Any),
    (0xAC, "Heat break of the left hotend", Any),
    (0xAD, "Chamber filter", Any),
    (0xC0, "Air flaps", Any),
    (0xC1, "Air flow", Any),
    (0xC2, "Position sensor of the air flaps", Any),
    (0xC3, "Current sensor of the air flaps", Any),
    (0xD0, "Cutting module", Any),
    (0xD1, "Motor of the fire extinguisher", Motor),
    (0xD3, "Fire extinguisher", Any),
    (0xD4, "Sensors of the fire extinguisher", Any),
    (0xD5, "Cylinder of the fire extinguisher", Any),
    (0xD6, "Motor of the fire extinguisher", Any),
    (0xD7, "Rotary attachment", Any),
    (0xD8, "Motor of the rotary attachment", Motor),
    (0xD9, "Link to the rotary attachment", Any),
    (0xDA, "Laser module and hotend rack", Any),
    (0xDB, "Laser module and nozzle", Any),
    (0xE0, "Motor of the hotend rack", Motor),
    (0xE1, "Current sensor of the hotend rack", Any),
    (0xE2, "Link to the hotend rack", Any),
    (0xE3, "Motor driver of the hotend rack", Any),
];

/// Parts of the main board.
static BOARD: Parts = &[
    (0x01, "Live-view camera or storage", Any),
    (0x02, "Network, cloud or live view", Any),
    (0x03, "A module of the printer", Any),
    (0x04, "Job, firmware or a connected module", Any),
    (0x05, "Identity or firmware of a module", Any),
    (0x06, "A camera's place or connection", Any),
    (0x07, "Internal check", Any),
    (0x1A, "Filament feeder", Any),
    (0x40, "Serial number of a tool module", Any),
];

/// What looks.
static CAMERA: Parts = &[
    (0x01, "A camera or the lidar", Any),
    (0x02, "Measuring lasers", Any),
    (0x03, "Inspection by camera", Any),
    (0x04, "Cameras for laser and cutting", Any),
];

/// Parts of an AMS that are not one of a slot.
static UNIT: Parts = &[
    (0x01, "assist motor", Any),
    (0x02, "filament meter", Any),
    (0x24, "cover", Any),
    (0x25, "power for drying", Any),
    (0x26, "power for drying", Any),
    (0x35, "temperature and humidity sensor", Any),
    (0x40, "filament buffer", Any),
    (0x45, "filament cutter", Any),
    (0x50, "connection", Any),
    (0x51, "switched off", Any),
    (0x52, "number or kind of units", Any),
    (0x55, "setting up", Any),
    (0x56, "cooling after drying", Any),
    (0x80, "heater 1", Any),
    (0x81, "heater 2", Any),
    (0x90, "exhaust valve 1", Any),
    (0x91, "exhaust valve 2", Any),
    (0x92, "fan of heater 1", Any),
    (0x93, "fan of heater 2", Any),
    (0x94, "temperature sensor of heater 1", Any),
    (0x95, "temperature sensor of heater 2", Any),
    (0x96, "drying", Any),
    (0x97, "temperature", Any),
    (0x98, "power adapter", Any),
    (0xF0, "choice of the hotend", Any),
    (0xF1, "choice of the hotend", Any),
    (0xF2, "choice of the hotend", Any),
    (0xF3, "choice of the hotend", Any),
    (0xF4, "choice of the hotend", Any),
    (0xF5, "choice of the hotend", Any),
];

static MOTION_ERRORS: Ranges = &[
    (0x014, 0x015, "Homing, or detection of a clumped nozzle"),
    (0x016, 0x016, "Cleaning of the nozzle"),
    (0x01C, 0x01E, "Extruder motor"),
    (0x01F, 0x020, "Hotend or nozzle"),
    (0x021, 0x021, "Sensor of the nozzle offset"),
    (0x022, 0x022, "Space below the heatbed"),
    (0x023, 0x027, "Hotend rack"),
    (0x028, 0x028, "Sensor of the nozzle offset"),
    (0x029, 0x02B, "Hotend rack"),
    (0x030, 0x038, "Homing, leveling or calibration"),
    (0x041, 0x04F, "Laser or cutting"),
    (0x050, 0x050, "Laser module or camera calibration"),
    (0x051, 0x055, "Laser or cutting"),
    (0x056, 0x056, "Laser module or fire"),
    (0x057, 0x059, "Rotary attachment or a lost step"),
    (0x061, 0x061, "Air flow"),
    (0x062, 0x065, "Temperature of the chamber or the electronics"),
    (0x066, 0x068, "Accuracy of motion"),
    (0x06E, 0x070, "Heaters"),
    (0x071, 0x071, "Extra fan of the toolhead"),
    (0x07D, 0x082, "Fire extinguisher"),
    (0x084, 0x084, "Heat break of the right hotend"),
];

static BOARD_ERRORS: Ranges = &[
    (0x007, 0x013, "Firmware update"),
    (0x017, 0x02C, "Network and login of the printer"),
    (0x02D, 0x02D, "Printer's system"),
    (0x030, 0x035, "Firmware or a module"),
    (0x036, 0x03E, "Tool module or the job's settings"),
    (0x040, 0x043, "Power and drying"),
    (0x044, 0x044, "Camera for laser and cutting"),
    (0x046, 0x047, "Print file"),
    (0x048, 0x049, "Tool module or filament feeder"),
    (0x04A, 0x04F, "Drying"),
    (0x050, 0x05F, "Hotends, plates and mats"),
    (0x060, 0x068, "Plates and mats"),
    (0x069, 0x06A, "Hotends"),
    (0x06B, 0x07E, "Plates, mats and material"),
    (0x080, 0x081, "Hotends"),
    (0x082, 0x083, "Material on the plate"),
    (0x084, 0x092, "Cameras"),
    (0x093, 0x093, "Silicone sock of the nozzle"),
    (0x094, 0x095, "Hotend or build plate"),
    (0x096, 0x0A7, "A connected module"),
    (0x0A8, 0x0BF, "Firmware"),
    (0x0C0, 0x0C0, "Connection to an AMS"),
];

static CAMERA_ERRORS: Ranges = &[
    (0x001, 0x001, "First layer"),
    (0x003, 0x003, "First layer"),
    (0x004, 0x004, "Spaghetti"),
    (0x005, 0x006, "Filament in the waste chute"),
    (0x009, 0x00B, "Marker of the build plate or the heatbed"),
    (0x015, 0x018, "Things on the build plate"),
    (0x033, 0x033, "Lever of the tool module"),
    (0x03D, 0x03D, "Vision encoder plate"),
    (0x03E, 0x03E, "Calibration of the nozzle offset"),
    (0x03F, 0x03F, "Clumped nozzle"),
    (0x040, 0x040, "Printing without filament"),
    (0x042, 0x042, "Spaghetti"),
    (0x043, 0x043, "Clumped nozzle"),
    (0x053, 0x054, "Rotary attachment"),
];

static UNIT_ERRORS: Ranges = &[
    (0x010, 0x010, "spool or motor"),
    (0x014, 0x015, "filament in the toolhead"),
    (0x018, 0x018, "assignment of hotends"),
    (0x020, 0x020, "change of the extruder"),
    (0x021, 0x021, "setting up"),
    (0x024, 0x024, "calibration of the extruder"),
    (0x025, 0x025, "cleaning of the nozzle with filament"),
    (0x030, 0x037, "change of the hotend"),
    (0x069, 0x06E, "drying"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_and_ranges_do_not_overlap() {
        for table in [MOTION, BOARD, CAMERA, UNIT] {
            assert!(table.windows(2).all(|pair| pair[0].0 < pair[1].0));
        }
        for table in [MOTION_ERRORS, BOARD_ERRORS, CAMERA_ERRORS, UNIT_ERRORS] {
            assert!(table.iter().all(|(from, to, _)| from <= to));
            assert!(table.windows(2).all(|pair| pair[0].1 < pair[1].0));
        }
    }

    #[test]
    fn a_code_says_who_speaks_what_is_usual_of_it_and_how_bad_it_is() {
        for (attr, code, text) in [
            (0x0300_1E00, 0x0001_0007, "Left nozzle: the temperature sensor looks disconnected"),
            (0x0300_9200, 0x0001_0008, "Chamber heater 2: does not reach its temperature"),
            (0x0300_3600, 0x0002_0002, "Chamber heating fan: slow; it may need cleaning"),
            (0x0300_9800, 0x0003_0001, "Left side window: open"),
            (0x0300_9800, 0x0001_0001, "Left side window: open: the print is held"),
            (0x0300_7700, 0x0004_0001, "Motion controller, part 77: a note"),
            (0x0503_0500, 0x0001_0010, "AMS 4, connection or firmware: a serious fault"),
            (0x0580_0400, 0x0001_0045, "AMS HT 1, connection or firmware: a serious fault"),
            (0x0703_2200, 0x0002_0057, "AMS 4 slot 3, filament: a fault"),
            (0x1200_7100, 0x0001_0001, "AMS Lite 1 slot 2, filament meter: a serious fault"),
            (0x1800_9100, 0x0002_0001, "AMS HT 1, exhaust valve 2: a fault"),
            (0x07FE_8100, 0x0002_0001, "Switch between the extruders: a fault"),
            (0x0C00_0400, 0x0003_0001, "Cameras for laser and cutting: a warning"),
            (0x1A00_2300, 0x0002_0001, "Hotend rack, place 3: a fault"),
            (0x1A00_E000, 0x0001_0005, "Hotend rack: a serious fault"),
            (0x0800_0100, 0x0000_0001, "Toolhead: a message"),
        ] {
            assert_eq!(message(Hms { attr, code }), text);
        }
        for (code, text) in [
            (0x0300_8044, "Laser or cutting: a fault that holds the print"),
            (0x0501_409D, "AMS 2, connection or firmware: a fault that ends the job"),
            (0x05FE_8080, "Left hotend: a fault that holds the print"),
            (0x1A00_4007, "Hotend rack: a fault that ends the job"),
            (0x0701_8034, "AMS 2, change of the hotend: a fault that holds the print"),
            (0x07FF_C011, "External spool, filament: a hint or a question"),
            (0x1001_8003, "Print settings: a fault that holds the print"),
            (0x0900_C001, "Module 09: a hint or a question"),
        ] {
            assert_eq!(error(PrintError(code)), text);
        }
    }
}
