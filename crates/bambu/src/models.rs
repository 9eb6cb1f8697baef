//! One row per model: what cannot be read from a report (protocol 4.2 and 4.3).
//!
//! The report itself is asked first; this table only answers where it is silent.
//! Names, codes and prefixes are those of the vendor's own printer profiles and of `get_version` answers;
//! of X1, X1E and N8 no recording is public, so theirs rest on the profiles alone.

use super::report::Module;
use printer::command::{Step, Steps};

/// A model.
#[derive(Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "a row of a table of independent facts")]
pub struct Model {
    /// What people call it.
    pub name: &'static str,
    /// The vendor's codes for it, as in `project_name` and the cloud's `dev_model_name`.
    pub codes: &'static [&'static str],
    /// Its names after "Bambu Lab", in the spellings seen, compared without spaces and hyphens.
    pub product_names: &'static [&'static str],
    /// First three characters of its serial numbers.
    pub serial_prefix: &'static str,
    /// Highest nozzle target, °C.
    pub nozzle_max: u16,
    /// Highest bed target, °C, at any mains voltage.
    pub bed_max: u16,
    /// Two nozzles.
    pub dual_nozzle: bool,
    /// Measures the chamber; P1 and A series send a constant 5 instead.
    pub chamber_sensor: bool,
    /// Heats the chamber.
    pub chamber_heater: bool,
    /// Has an auxiliary fan, where the report has no inventory of fans.
    pub aux_fan: bool,
    /// Has a chamber fan, where the report has no inventory of fans.
    pub chamber_fan: bool,
    /// Highest chamber target, °C; 0 without a heater.
    pub chamber_max: u16,
    /// How it tells about its door.
    pub door: Door,
    /// Takes tool modules. X1C and P2S report the place for one, too, and nothing fits them.
    pub tool_module: bool,
    /// Prints with filament. Of another machine only the name is known, and it is offered nothing.
    pub filament: bool,
    /// Can be silenced.
    pub prompt_sound: bool,
    /// Answers slowly when asked for everything too often: five minutes between two requests.
    pub slow: bool,
    /// Tells fractions of degrees of its nozzle and its bed; the others tell whole ones (protocol 4.6).
    pub fractions: bool,
    /// First firmware that takes print commands only with the vendor's signature; empty: all.
    pub signed_from: Option<&'static str>,
    /// First firmware that has `ams_get_rfid`; empty: all (protocol 4.3).
    pub reads_rfid_from: Option<&'static str>,
    /// First firmware that has `ams_change_filament`; empty: all (protocol 4.3).
    pub loads_from: Option<&'static str>,
    /// Leaves objects out of a print without a bit that says so: those of the older generation learned it in
    /// the summer of 2023 (protocol 5.4).
    pub skips_objects: bool,
    /// Takes note of another nozzle; those of the newer generation see it themselves (protocol 4.12).
    pub told_of_nozzles: bool,
    /// Inspects first layers with a lidar (protocol 4.3).
    pub lidar: bool,
    /// Calibrates vibrations before a print when it is not told otherwise; a P2S must not (protocol 5.12).
    pub print_vibration: bool,
    /// What it can calibrate, beside what its report tells (protocol 5.10).
    pub calibrations: Steps,
    /// Sounds like a fire alarm (protocol 4.3).
    pub buzzer: bool,
    /// Has a lamp over the bed: H2D, H2D Pro and H2C; of an H2S it is disputed (protocol 5.7).
    pub heatbed_light: bool,
    /// The bed moves along Y, and the head along Z, against what a person sees of the part (protocol 5.10).
    pub bed_slinger: bool,
    /// Heats its chamber by G-code, where others have `set_ctt` (protocol 5.5).
    pub chamber_by_gcode: bool,
    /// What the address of a file in its own storage begins with (protocol 5.12).
    pub storage: &'static str,
}

/// Where a printer tells whether its door is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// In `home_flag` bit 23, from this firmware on; `stat` has something else there, it is set on every
    /// X1C that was recorded.
    HomeFlag(&'static str),
    /// In `stat` bit 23, if `fun` bit 12 says that there is a door at all.
    Stat,
}

/// A machine of the X1 generation; the rows below say what differs.
const X1: Model = Model {
    name: "X1",
    codes: &["BL-P002", "3DPrinter-X1"],
    product_names: &["X1"],
    serial_prefix: "00W",
    nozzle_max: 300,
    bed_max: 120,
    dual_nozzle: false,
    chamber_sensor: true,
    chamber_heater: false,
    aux_fan: true,
    chamber_fan: true,
    chamber_max: 0,
    door: Door::HomeFlag("01.07.00.00"),
    tool_module: false,
    filament: true,
    prompt_sound: false,
    slow: false,
    fractions: false,
    signed_from: Some("01.08.05.00"),
    reads_rfid_from: Some("01.09.00.00"),
    loads_from: Some("01.05.06.01"),
    skips_objects: true,
    told_of_nozzles: true,
    lidar: true,
    print_vibration: true,
    calibrations: COMMON_STEPS.with(Step::Lidar),
    buzzer: false,
    heatbed_light: false,
    bed_slinger: false,
    chamber_by_gcode: false,
    storage: CARD,
};

/// What every printer can calibrate.
const COMMON_STEPS: Steps = Steps::only(Step::BedLeveling).with(Step::Vibration);
/// A file of an X1, a P1 or an A1.
const CARD: &str = "file:///sdcard/";
/// The same of all later models.
const STORAGE: &str = "ftp:///";

/// What holds of every machine that came after X1, P1 and A1.
const LATER: Model = Model {
    signed_from: Some(""),
    reads_rfid_from: Some(""),
    loads_from: Some(""),
    skips_objects: false,
    told_of_nozzles: false,
    lidar: false,
    calibrations: COMMON_STEPS,
    storage: STORAGE,
    ..X1
};

/// A machine of the P1 generation.
const P1: Model = Model {
    bed_max: 100,
    chamber_sensor: false,
    door: Door::Stat,
    slow: true,
    fractions: true,
    signed_from: Some("01.08.02.00"),
    reads_rfid_from: Some("01.08.01.00"),
    loads_from: Some("01.02.99.10"),
    lidar: false,
    calibrations: COMMON_STEPS,
    ..X1
};

/// A bed-slinger.
const A1: Model = Model {
    aux_fan: false,
    chamber_fan: false,
    prompt_sound: true,
    signed_from: Some("01.05.00.00"),
    reads_rfid_from: Some("01.06.00.00"),
    loads_from: Some(""),
    bed_slinger: true,
    ..P1
};

/// A machine of the H2 generation.
const H2: Model = Model {
    nozzle_max: 350,
    chamber_heater: true,
    chamber_max: 65,
    door: Door::Stat,
    tool_module: true,
    prompt_sound: true,
    calibrations: COMMON_STEPS.with(Step::HotBed).with(Step::NozzleClump),
    buzzer: true,
    ..LATER
};

/// What is taken for true of a model that is not in the table, where a request depends on it.
pub static UNKNOWN: Model = Model {
    name: "unknown model",
    codes: &[],
    product_names: &[],
    serial_prefix: "",
    chamber_sensor: false,
    aux_fan: false,
    chamber_fan: false,
    door: Door::Stat,
    slow: true,
    fractions: true,
    signed_from: None,
    // Nobody saw one that has it.
    reads_rfid_from: None,
    ..LATER
};

/// Every model.
pub static MODELS: &[Model] = &[
    X1,
    Model {
        name: "X1C",
        codes: &["BL-P001", "3DPrinter-X1-Carbon"],
        product_names: &["X1 Carbon", "X1C"],
        serial_prefix: "00M",
        ..X1
    },
    Model {
        name: "X1E",
        codes: &["C13"],
        product_names: &["X1E"],
        serial_prefix: "03W",
        nozzle_max: 320,
        bed_max: 110,
        chamber_heater: true,
        chamber_max: 60,
        door: Door::HomeFlag("01.01.02.00"),
        // Not known from any source; the `fun` bit decides (protocol 8, question 8).
        signed_from: None,
        // Nobody saw one that has it.
        reads_rfid_from: None,
        loads_from: Some(""),
        chamber_by_gcode: true,
        ..X1
    },
    Model {
        name: "X2D",
        codes: &["N6", "N6-V2"],
        product_names: &["X2D"],
        serial_prefix: "20P",
        dual_nozzle: true,
        chamber_heater: true,
        chamber_max: 65,
        door: Door::Stat,
        tool_module: true,
        prompt_sound: true,
        ..LATER
    },
    Model {
        name: "P1P",
        codes: &["C11"],
        product_names: &["P1P"],
        serial_prefix: "01S",
        // Both come with the upgrade kit only, which `home_flag` tells.
        aux_fan: false,
        chamber_fan: false,
        ..P1
    },
    Model { name: "P1S", codes: &["C12"], product_names: &["P1S"], serial_prefix: "01P", ..P1 },
    Model {
        name: "P2S",
        codes: &["N7", "N7-V2"],
        product_names: &["P2S"],
        serial_prefix: "22E",
        bed_max: 110,
        // Comes with a kit only, which the inventory of fans tells.
        chamber_fan: false,
        door: Door::Stat,
        prompt_sound: true,
        print_vibration: false,
        ..LATER
    },
    Model { name: "A1", codes: &["N2S"], product_names: &["A1"], serial_prefix: "039", ..A1 },
    Model {
        name: "A1 mini",
        codes: &["N1", "A1M"],
        product_names: &["A1 mini"],
        serial_prefix: "030",
        bed_max: 80,
        ..A1
    },
    Model {
        name: "A2L",
        codes: &["N9"],
        product_names: &["A2L"],
        serial_prefix: "26A",
        bed_max: 80,
        chamber_sensor: false,
        aux_fan: false,
        chamber_fan: false,
        door: Door::Stat,
        // A cutter and plotter.
        tool_module: true,
        prompt_sound: true,
        slow: true,
        fractions: true,
        bed_slinger: true,
        ..LATER
    },
    Model { name: "H2S", codes: &["O1S"], product_names: &["H2S"], serial_prefix: "093", ..H2 },
    Model {
        name: "H2D",
        codes: &["O1D"],
        product_names: &["H2D"],
        serial_prefix: "094",
        dual_nozzle: true,
        signed_from: Some("01.01.00.00"),
        heatbed_light: true,
        ..H2
    },
    Model {
        name: "H2D Pro",
        codes: &["O1E", "O2D"],
        product_names: &["H2D Pro"],
        serial_prefix: "239",
        dual_nozzle: true,
        heatbed_light: true,
        ..H2
    },
    Model {
        name: "H2C",
        codes: &["O1C2", "O1C"],
        product_names: &["H2C"],
        serial_prefix: "31B",
        dual_nozzle: true,
        heatbed_light: true,
        ..H2
    },
    // A laser machine, known by name alone: everything else here is what an unknown model gets.
    Model {
        name: "N8",
        codes: &["N8"],
        product_names: &["N8"],
        serial_prefix: "35F",
        filament: false,
        ..UNKNOWN
    },
];

/// What tells a model; the first that is known decides (protocol 4.2).
pub fn identify(modules: &[Module], cloud_names: &[&str], serial: &str) -> Option<&'static Model> {
    let module = |name: &str| modules.iter().find(|m| m.name.as_deref() == Some(name));
    let product = module("ota").and_then(|ota| ota.product_name.as_deref());
    let project = ["ota", "esp32", "ap", "ap2"]
        .iter()
        .find_map(|name| module(name)?.project_name.as_deref().and_then(by_code));
    // Only an X1E has AP02 on a module `ap` without any name (P2S has it on `ap2`).
    let nameless_x1e = module("ap").filter(|ap| ap.hw_ver.as_deref() == Some("AP02") && product.is_none());
    product
        .and_then(by_product)
        .or(project)
        .or_else(|| cloud_names.iter().find_map(|name| by_code(name).or_else(|| by_product(name))))
        .or_else(|| MODELS.iter().find(|m| serial.starts_with(m.serial_prefix)))
        .or_else(|| nameless_x1e.and_then(|_| by_product("X1E")))
}

/// By the vendor's code.
fn by_code(code: &str) -> Option<&'static Model> {
    MODELS.iter().find(|m| m.codes.iter().any(|c| c.eq_ignore_ascii_case(code)))
}

/// By the name on the box.
fn by_product(name: &str) -> Option<&'static Model> {
    let plain = |s: &str| s.to_ascii_lowercase().replace(['-', ' '], "");
    let wanted = plain(name.strip_prefix("Bambu Lab").unwrap_or(name));
    MODELS.iter().find(|m| m.product_names.iter().any(|n| plain(n) == wanted))
}

/// Whether version `a` is at least `b`, number by number; letters in a number end it (`0b1` is 0).
pub fn version_at_least(a: &str, b: &str) -> bool {
    let numbers = |v: &str| -> Vec<u32> {
        v.split('.')
            .map(|part| {
                let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
                part.get(..end).and_then(|digits| digits.parse().ok()).unwrap_or(0)
            })
            .collect()
    };
    numbers(a) >= numbers(b)
}

/// Community firmware of the X1 calls itself 99 and is made from this one (protocol 4.2).
const COMMUNITY: &str = "01.08.02.00";

impl Model {
    /// Whether it keeps files on a memory card alone: X1, P1, A1 and A1 mini. Recordings of healthy later ones often
    /// have no stick (`x2d_ams2pro_running_hms`, `h2c_ams2pro_failed_drying`).
    pub fn needs_card(&self) -> bool {
        self.storage == CARD
    }

    /// Whether this firmware takes print commands only with the vendor's signature, where the
    /// report does not say so itself.
    pub fn signs(&self, firmware: &str) -> Option<bool> {
        self.signed_from.map(|from| Self::at_least(firmware, from))
    }

    /// Whether this firmware has `ams_get_rfid`.
    pub fn reads_rfid(&self, firmware: Option<&str>) -> bool {
        since(firmware, self.reads_rfid_from)
    }

    /// Whether this firmware has `ams_change_filament`.
    pub fn loads(&self, firmware: Option<&str>) -> bool {
        since(firmware, self.loads_from)
    }

    /// Whether this firmware is of the make of `from` or a later one.
    pub fn at_least(firmware: &str, from: &str) -> bool {
        let firmware = if firmware.starts_with("99.") { COMMUNITY } else { firmware };
        version_at_least(firmware, from)
    }
}

/// Whether firmware is new enough; of one that is not known yet the older form is taken.
fn since(firmware: Option<&str>, from: Option<&str>) -> bool {
    from.is_some_and(|from| from.is_empty() || firmware.is_some_and(|now| Model::at_least(now, from)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(name: &str, product: Option<&str>, project: Option<&str>, hw: &str) -> Module {
        Module {
            name: Some(name.into()),
            product_name: product.map(Into::into),
            project_name: project.map(Into::into),
            hw_ver: Some(hw.into()),
            ..Module::default()
        }
    }

    fn name(modules: &[Module], cloud: &[&str], serial: &str) -> Option<&'static str> {
        identify(modules, cloud, serial).map(|m| m.name)
    }

    #[test]
    fn prefixes_and_codes_are_unique() {
        let mut seen: Vec<&str> =
            MODELS.iter().flat_map(|m| m.codes.iter().copied().chain([m.serial_prefix])).collect();
        let all = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), all);
    }

    #[test]
    fn the_printers_own_name_wins_over_everything() {
        let ota = module("ota", Some("Bambu Lab X1-Carbon"), Some("C12"), "OTA");
        assert_eq!(name(&[ota], &["A1M"], "030"), Some("X1C"));
        let old = [module("ota", None, None, "OTA"), module("esp32", None, Some("N2S"), "AP05")];
        assert_eq!(name(&old, &["C12"], "01P"), Some("A1"));
    }

    #[test]
    fn the_exhaust_fan_of_a_p2s_is_not_its_name() {
        let modules = [
            module("eef", Some("Bambu Lab External Exhaust Fan"), None, "EEF"),
            module("ap", None, None, "AP04"),
        ];
        assert_eq!(name(&modules, &[], "22E00A000000001"), Some("P2S"));
    }

    #[test]
    fn the_cloud_and_the_serial_answer_when_the_printer_does_not() {
        assert_eq!(name(&[], &["", "A1M"], "xxx"), Some("A1 mini"));
        assert_eq!(name(&[], &["H2D Pro"], "xxx"), Some("H2D Pro"));
        assert_eq!(name(&[], &[], "00M00A000000001"), Some("X1C"));
        assert_eq!(name(&[module("ap", None, None, "AP02")], &[], "???"), Some("X1E"));
        assert_eq!(name(&[], &["Z9"], "ZZZ"), None);
    }

    #[test]
    fn every_model_is_found_by_each_of_its_marks() {
        for model in MODELS {
            for code in model.codes {
                assert_eq!(name(&[module("ota", None, Some(code), "OTA")], &[], "?"), Some(model.name));
                assert_eq!(name(&[], &[code], "?"), Some(model.name), "{code} in the cloud's list");
            }
            for product in model.product_names {
                let ota = module("ota", Some(&format!("Bambu Lab {product}")), None, "OTA");
                assert_eq!(name(&[ota], &[], "?"), Some(model.name));
                assert_eq!(name(&[], &[product], "?"), Some(model.name));
            }
            let serial = format!("{}00A000000001", model.serial_prefix);
            assert_eq!(name(&[], &[], &serial), Some(model.name));
            assert_eq!(model.chamber_heater, model.chamber_max > 0, "{}", model.name);
        }
        // As recorded: an X1C 01.08.02 has no names at all, old A1 and P1 have a project on the ESP32.
        let nameless = [module("ota", Some(""), Some(""), "OTA"), module("rv1126", None, None, "AP05")];
        assert_eq!(name(&nameless, &[], "00M"), Some("X1C"));
        let esp = module("esp32", None, Some("C11"), "AP04");
        assert_eq!(name(&[module("ota", None, None, "OTA"), esp], &[], "01P"), Some("P1P"));
    }

    #[test]
    fn older_firmware_and_one_that_is_not_known_have_the_older_forms() {
        let by_name = |name: &str| by_product(name).unwrap_or(&UNKNOWN);
        for (name, rfid, loads) in [
            ("X1C", "01.09.00.00", "01.05.06.01"),
            ("P1S", "01.08.01.00", "01.02.99.10"),
            ("A1 mini", "01.06.00.00", ""),
            ("H2D", "", ""),
        ] {
            let model = by_name(name);
            for (from, has) in
                [(rfid, Model::reads_rfid as fn(&Model, Option<&str>) -> bool), (loads, Model::loads)]
            {
                assert!(has(model, Some(if from.is_empty() { "00.00.00.01" } else { from })), "{name}");
                assert_eq!(has(model, Some("00.09.00.00")), from.is_empty(), "{name}");
                assert_eq!(has(model, None), from.is_empty(), "{name}");
            }
        }
        for name in ["X1E", "Z9"] {
            assert!(!by_name(name).reads_rfid(Some("09.00.00.00")), "{name}");
            assert!(by_name(name).loads(None), "{name}");
        }
    }

    #[test]
    fn versions_compare_number_by_number() {
        assert!(version_at_least("01.10.00.00", "01.09.00.00"));
        assert!(version_at_least("01.08.05.00", "01.08.05.00"));
        assert!(!version_at_least("01.08.02.00", "01.08.05.00"));
        assert!(version_at_least("01.08.02.0b1", "01.08.02.00"));
        let x1c = identify(&[], &["BL-P001"], "").expect("a model");
        assert_eq!(x1c.signs("01.09.00.01"), Some(true));
        assert_eq!(x1c.signs("99.00.00.00"), Some(false));
        assert!(Model::at_least("99.00.00.00", "01.07.00.00"));
        assert_eq!(identify(&[], &["O1S"], "").expect("a model").signs("01.00.00.00"), Some(true));
    }
}
