//! The table of actions: one row each.

use printer::command::{AmsAnswer, Axis, Dry, Place, PrintFile, SpoolFilament, Step, Steps};
use printer::tools::Material;
use printer::{Command, Side, Source, Text};

use super::{Action, ActionError, ArgumentKind, Arguments, Member};

const fn must(name: &'static str, kind: ArgumentKind, about: &'static str) -> Member {
    Member { name, kind, required: true, about }
}

const fn may(name: &'static str, kind: ArgumentKind, about: &'static str) -> Member {
    Member { name, kind, required: false, about }
}

/// What any nozzle takes at most, °C; the printer's own limit is checked later.
const HOTTEST: u32 = 350;

const ANSWERS: [&str; 4] = ["resume", "reset", "pause", "done"];
const MATERIALS: [&str; 3] = ["stainless_steel", "hardened_steel", "tungsten_carbide"];
const DIAMETERS: [&str; 4] = ["0.2", "0.4", "0.6", "0.8"];
const SIDES: [&str; 2] = ["left", "right"];
const AXES: [&str; 3] = ["x", "y", "z"];
const STEPS: [&str; 7] =
    ["lidar", "bed_leveling", "vibration", "motor_noise", "nozzle_offset", "hot_bed", "nozzle_clump"];

/// Every action.
pub static ACTIONS: &[Action] = &[
    Action {
        name: "load",
        about: "Load filament from a slot. The printer heats by itself and takes one to three minutes.",
        example: r#"{"slot": "A1-3", "temperature": 220}"#,
        members: &[
            must("slot", ArgumentKind::Slot, "Where the filament is."),
            may(
                "temperature",
                ArgumentKind::Whole(170, HOTTEST),
                "Nozzle temperature for it, °C; else the middle of what the filament bears, or 220. With a Filament Track Switch the printer chooses it.",
            ),
            may(
                "nozzle",
                ArgumentKind::Word(&SIDES),
                "Into which one; with a Filament Track Switch, and only then.",
            ),
        ],
        make: |a| {
            let (source, celsius) = (a.slot("slot")?, a.whole("temperature"));
            Ok(Command::Load { source, celsius, side: side(a) })
        },
    },
    Action {
        name: "unload",
        about: "Take the filament out of the nozzle.",
        example: r#"{"id": "night"}"#,
        members: &[
            may(
                "nozzle",
                ArgumentKind::Word(&SIDES),
                "Which one, on a printer with two; else the one in use.",
            ),
            may(
                "temperature",
                ArgumentKind::Whole(170, HOTTEST),
                "Nozzle temperature for it, °C; else as for `load`.",
            ),
        ],
        make: |a| Ok(Command::Unload { side: side(a), celsius: a.whole("temperature") }),
    },
    Action {
        name: "set_filament",
        about: "Tell the printer what is in a slot. A spool with a tag tells it itself and cannot be overridden.",
        example: r##"{"slot": "A1-3", "filament_id": "GFL99", "type": "PLA", "color": "#00AE42", "temp_min": 190, "temp_max": 240}"##,
        members: &[
            must("slot", ArgumentKind::Slot, "Which slot."),
            must("filament_id", ArgumentKind::Text(16), "The vendor's id, `GFL99` for any PLA."),
            must("type", ArgumentKind::Text(16), "The material, as the vendor writes it: `PLA`, `PETG-CF`."),
            must("color", ArgumentKind::Color, "Its color, with the opacity as two more digits."),
            must("temp_min", ArgumentKind::Whole(150, HOTTEST), "Lowest nozzle temperature, °C."),
            must("temp_max", ArgumentKind::Whole(150, HOTTEST), "Highest nozzle temperature, °C."),
        ],
        make: |a| {
            let filament = SpoolFilament {
                id: text(a, "filament_id"),
                material: text(a, "type"),
                color: a.color("color").unwrap_or_default(),
                nozzle_min: a.whole("temp_min").unwrap_or_default(),
                nozzle_max: a.whole("temp_max").unwrap_or_default(),
            };
            Ok(Command::SetFilament(a.slot("slot")?, Box::new(filament)))
        },
    },
    Action {
        name: "reset_slot",
        about: "Forget what the printer was told of a slot.",
        example: r#"{"slot": "A1-3"}"#,
        members: &[must("slot", ArgumentKind::Slot, "Which slot.")],
        make: |a| Ok(Command::ResetSlot(a.slot("slot")?)),
    },
    Action {
        name: "read_rfid",
        about: "Read the tag of the spool in a slot that is not loaded.",
        example: r#"{"slot": "A1-3"}"#,
        members: &[must("slot", ArgumentKind::Slot, "Which slot of an AMS.")],
        make: |a| match a.slot("slot")? {
            Source::Ams { unit, slot } => Ok(Command::ReadRfid { unit, slot }),
            Source::External(_) | Source::Nothing => {
                Err(ActionError::Other("an external spool has no reader: name a slot of an AMS"))
            }
        },
    },
    Action {
        name: "ams_control",
        about: "Answer an AMS that waits for somebody: it could not load, or filament ran out.",
        example: r#"{"command": "resume"}"#,
        members: &[must(
            "command",
            ArgumentKind::Word(&ANSWERS),
            "`resume` tries again, `done` says that it was done by hand.",
        )],
        make: |a| {
            Ok(Command::AmsControl(match a.text("command") {
                Some("reset") => AmsAnswer::Reset,
                Some("pause") => AmsAnswer::Pause,
                Some("done") => AmsAnswer::Done,
                _ => AmsAnswer::Resume,
            }))
        },
    },
    Action {
        name: "dry",
        about: "Dry filament in an AMS 2 Pro or an AMS HT.",
        example: r#"{"ams": 128, "temperature": 55, "hours": 8, "filament": "PETG"}"#,
        members: &[
            must(
                "ams",
                ArgumentKind::Whole(0, 255),
                "The unit, by the number in its topics: 0 to 3, from 128 an AMS HT.",
            ),
            may(
                "temperature",
                ArgumentKind::Whole(45, 85),
                "°C; at most 65 in an AMS 2 Pro. Together with `hours`.",
            ),
            may(
                "hours",
                ArgumentKind::Whole(1, 24),
                "How long. Without both, as the filament in the unit says: the coolest and the longest.",
            ),
            may(
                "filament",
                ArgumentKind::Text(16),
                "What is dried, for the printer's screen; else what is in the unit.",
            ),
            may(
                "rotate",
                ArgumentKind::Flag,
                "Turn the spools meanwhile; only while none of them is loaded.",
            ),
        ],
        make: |a| {
            let plan = match (a.whole("temperature"), a.whole("hours")) {
                (Some(celsius), Some(hours)) => Some((celsius, hours)),
                (None, None) => None,
                _ => {
                    return Err(ActionError::Other(
                        "`temperature` and `hours` belong together: give both, or neither",
                    ));
                }
            };
            let filament = a.text("filament").map(Text::from);
            let rotate = a.flag("rotate").unwrap_or(false);
            let unit = a.whole("ams").unwrap_or_default();
            Ok(Command::Dry(Box::new(Dry { unit, plan, filament, rotate })))
        },
    },
    Action {
        name: "dry_stop",
        about: "End drying.",
        example: r#"{"ams": 128}"#,
        members: &[must("ams", ArgumentKind::Whole(0, 255), "The unit, by the number in its topics.")],
        make: |a| Ok(Command::StopDrying { unit: a.whole("ams").unwrap_or_default() }),
    },
    Action {
        name: "skip_objects",
        about: "Leave objects out of the print that is under way. Leaving all out ends it. The result has `objects`: \
                the number of each, and its name where that is known.",
        example: r#"{"objects": ["Cube.stl", 193]}"#,
        members: &[must(
            "objects",
            ArgumentKind::Objects(64),
            "Which ones, of those that are still printed: by the numbers or the names that *Printable objects* has \
             for a print from the cloud. For other prints the number is `identify_id` in `slice_info.config` of the \
             project. A name that several objects share is refused, with their numbers.",
        )],
        make: |a| a.objects("objects").map(Command::SkipObjects),
    },
    Action {
        name: "calibrate",
        about: "Calibrate. The printer moves by itself for some minutes.",
        example: r#"{"steps": ["bed_leveling", "vibration"]}"#,
        members: &[must(
            "steps",
            ArgumentKind::Words(&STEPS),
            "What to calibrate; not every printer has every step.",
        )],
        make: |a| {
            let wanted = |word: &str| Step::ALL.iter().find(|(_, known)| *known == word);
            let steps = a.texts("steps").filter_map(wanted);
            Ok(Command::Calibrate(steps.fold(Steps::default(), |steps, (step, _)| steps.with(*step))))
        },
    },
    Action {
        name: "clear_error",
        about: "Take the error off the printer's screen. What caused it stays.",
        example: "{}",
        members: &[],
        make: |_| Ok(Command::ClearError),
    },
    Action {
        name: "ignore_error",
        about: "Go on with a print that a check holds, as if it had found nothing. Look at the printer first.",
        example: "{}",
        members: &[],
        make: |_| Ok(Command::IgnoreError),
    },
    Action {
        name: "dismiss_error",
        about: "Close the question on the screen of a printer that holds no print.",
        example: "{}",
        members: &[may("forever", ArgumentKind::Flag, "Do not ask about it again; else yes, the next time.")],
        make: |a| Ok(Command::DismissError { forever: a.flag("forever").unwrap_or(false) }),
    },
    Action {
        name: "set_nozzle",
        about: "Tell the printer which nozzle was mounted; newer ones see it themselves.",
        example: r#"{"diameter": "0.4", "type": "hardened_steel"}"#,
        members: &[
            must("diameter", ArgumentKind::Word(&DIAMETERS), "mm."),
            must("type", ArgumentKind::Word(&MATERIALS), "What it is made of."),
        ],
        make: |a| {
            let tenths_mm = match a.text("diameter") {
                Some("0.2") => 2,
                Some("0.6") => 6,
                Some("0.8") => 8,
                _ => 4,
            };
            let material = match a.text("type") {
                Some("hardened_steel") => Material::HardenedSteel,
                Some("tungsten_carbide") => Material::TungstenCarbide,
                _ => Material::StainlessSteel,
            };
            Ok(Command::NozzleKind { tenths_mm, material })
        },
    },
    Action {
        name: "select_nozzle",
        about: "Work with the other nozzle, on a printer with two.",
        example: r#"{"nozzle": "left"}"#,
        members: &[must("nozzle", ArgumentKind::Word(&SIDES), "Which one.")],
        make: |a| Ok(Command::SelectNozzle(side(a).unwrap_or(Side::Right))),
    },
    Action {
        name: "home",
        about: "Find the ends of all axes. Take prints off the bed first.",
        example: "{}",
        members: &[],
        make: |_| Ok(Command::Home),
    },
    Action {
        name: "move",
        about: "Move along an axis, within the printer's own limits. Home it first.",
        example: r#"{"axis": "z", "distance": 10}"#,
        members: &[
            must("axis", ArgumentKind::Word(&AXES), "Which axis."),
            must(
                "distance",
                ArgumentKind::Tenths(-1000, 1000),
                "mm, as a person in front of the printer sees it.",
            ),
        ],
        make: |a| {
            let axis = match a.text("axis") {
                Some("x") => Axis::X,
                Some("y") => Axis::Y,
                _ => Axis::Z,
            };
            Ok(Command::Move(axis, a.tenths("distance").unwrap_or_default()))
        },
    },
    Action {
        name: "extrude",
        about: "Push filament through a nozzle that has at least 170 °C.",
        example: r#"{"distance": 10}"#,
        members: &[
            must("distance", ArgumentKind::Tenths(-100, 100), "mm; negative pulls it back."),
            may(
                "nozzle",
                ArgumentKind::Word(&SIDES),
                "Which one, on a printer with two; else the one in use.",
            ),
        ],
        make: |a| {
            let side = side(a).unwrap_or(a.snapshot.active_nozzle);
            Ok(Command::Extrude(side, a.tenths("distance").unwrap_or_default()))
        },
    },
    Action {
        name: "gcode",
        about: "Send G-code as it is, while the printer is at rest. It can damage the printer, so the \
                configuration must allow it (`controls.gcode`).",
        example: r#"{"lines": ["G28", "M400"]}"#,
        members: &[must(
            "lines",
            ArgumentKind::Lines(1000),
            "The lines. M109, M190 and M191 are refused, and homing single axes.",
        )],
        make: |a| Ok(Command::Gcode(a.texts("lines").map(|line| Text::from(line.trim())).collect())),
    },
    Action {
        name: "print",
        about: "Print a sliced project (`.3mf`) from the printer's card or stick, or from a server.",
        example: r#"{"file": "models/box.gcode.3mf", "plate": 1, "ams_mapping": ["A1-1", null, "A2-2"]}"#,
        members: &[
            may("file", ArgumentKind::Text(255), "Path on the card or stick. Either this or `url`."),
            may("url", ArgumentKind::Text(2048), "Address of the project, https only."),
            may("plate", ArgumentKind::Whole(1, 99), "Which plate; else the first."),
            may("name", ArgumentKind::Text(128), "What to call the job; else the file's name."),
            may(
                "ams_mapping",
                ArgumentKind::Slots,
                "For each filament of the sliced project, in its order, the slot that it comes from; `null` for \
                 one that the plate does not use.",
            ),
            may(
                "use_ams",
                ArgumentKind::Flag,
                "Take filament from AMS units; else if `ams_mapping` names one.",
            ),
            may("bed_type", ArgumentKind::Text(32), "Type of the build plate; else `auto`."),
            may("timelapse", ArgumentKind::Flag, "Record a time-lapse; else no."),
            may("bed_leveling", ArgumentKind::Flag, "Measure the bed first; else yes."),
            may("flow_cali", ArgumentKind::Flag, "Calibrate the flow first; else no."),
            may(
                "vibration_cali",
                ArgumentKind::Flag,
                "Calibrate vibrations first; else yes where the printer has it.",
            ),
            may(
                "layer_inspect",
                ArgumentKind::Flag,
                "Inspect the first layer with the lidar (X1 series); else no.",
            ),
            may(
                "nozzle_offset_cali",
                ArgumentKind::Flag,
                "Measure the way between two nozzles first; else no.",
            ),
            may(
                "md5",
                ArgumentKind::Text(32),
                "Checksum of the project, 32 hexadecimal digits; else it is not checked.",
            ),
        ],
        make: print,
    },
];

fn text(a: &Arguments<'_>, name: &str) -> Text {
    a.text(name).unwrap_or_default().into()
}

fn side(a: &Arguments<'_>) -> Option<Side> {
    match a.text("nozzle")? {
        "left" => Some(Side::Left),
        _ => Some(Side::Right),
    }
}

fn print(a: &Arguments<'_>) -> Result<Command, ActionError> {
    let place = match (a.text("file"), a.text("url")) {
        (Some(path), None) => Place::Storage(storage(path)?),
        (None, Some(url)) if is_web(url) => Place::Web(url.into()),
        (None, Some(_)) => return Err(ActionError::Other("`url` is an address that begins with `https://`")),
        _ => return Err(ActionError::Other("give either `file` or `url`")),
    };
    let address = match &place {
        Place::Storage(address) | Place::Web(address) => address,
    };
    let file = address.split(['?', '#']).next().and_then(|path| path.rsplit('/').next()).unwrap_or_default();
    let stem = file.strip_suffix(".3mf").unwrap_or(file);
    let stem = stem.strip_suffix(".gcode").unwrap_or(stem);
    let name = a.text("name").map_or_else(|| Text::from(stem), Text::from);
    let md5 = a.text("md5").map(str::to_ascii_uppercase);
    if md5.as_ref().is_some_and(|md5| md5.len() != 32 || !md5.bytes().all(|b| b.is_ascii_hexdigit())) {
        return Err(ActionError::Other("`md5` is 32 hexadecimal digits"));
    }
    let mapping = a.slots("ams_mapping")?;
    let from_ams = mapping.iter().any(|source| matches!(source, Some(Source::Ams { .. })));
    Ok(Command::Print(Box::new(PrintFile {
        place,
        plate: a.whole("plate").unwrap_or(1),
        name,
        bed_type: a.text("bed_type").unwrap_or("auto").into(),
        md5: md5.map(Text::from),
        timelapse: a.flag("timelapse").unwrap_or(false),
        bed_leveling: a.flag("bed_leveling").unwrap_or(true),
        flow_calibration: a.flag("flow_cali").unwrap_or(false),
        vibration_calibration: a.flag("vibration_cali"),
        layer_inspect: a.flag("layer_inspect").unwrap_or(false),
        nozzle_offset_calibration: a.flag("nozzle_offset_cali").unwrap_or(false),
        use_ams: a.flag("use_ams").unwrap_or(from_ams),
        mapping,
    })))
}

/// A path on the printer's storage, from its root, that stays below it.
fn storage(path: &str) -> Result<Text, ActionError> {
    let path = path.trim_start_matches('/');
    let strange = path.split('/').any(|part| matches!(part, "" | "." | "..")) || path.contains(['\\', ':']);
    match path.to_ascii_lowercase().ends_with(".3mf") {
        _ if strange => Err(ActionError::Other(
            "`file` is a path from the root of the card or stick, such as `models/box.gcode.3mf`",
        )),
        false => Err(ActionError::Other("`file` is a sliced project, its name ends in `.3mf`")),
        true => Ok(path.into()),
    }
}

fn is_web(url: &str) -> bool {
    let host = url.strip_prefix("https://").and_then(|rest| rest.split(['/', '?', '#']).next());
    host.is_some_and(|host| !host.is_empty()) && !url.contains(char::is_whitespace)
}
