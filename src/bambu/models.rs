//! One row per model: what cannot be read from a report (protocol 4.2 and 4.3).
//!
//! The report itself is asked first; this table only answers where it is silent.

use super::report::Module;

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
    /// Can be silenced.
    pub prompt_sound: bool,
    /// Answers slowly when asked for everything too often: five minutes between two requests.
    pub slow: bool,
    /// First firmware that takes print commands only with the vendor's signature; empty: all.
    pub signed_from: Option<&'static str>,
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
    prompt_sound: false,
    slow: false,
    signed_from: Some("01.08.05.00"),
};

/// A machine of the P1 generation.
const P1: Model =
    Model { bed_max: 100, chamber_sensor: false, slow: true, signed_from: Some("01.08.02.00"), ..X1 };

/// A bed-slinger.
const A1: Model =
    Model { aux_fan: false, chamber_fan: false, prompt_sound: true, signed_from: Some("01.05.00.00"), ..P1 };

/// A machine of the H2 generation.
const H2: Model =
    Model { nozzle_max: 350, chamber_heater: true, prompt_sound: true, signed_from: Some(""), ..X1 };

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
        // Not known from any source; the `fun` bit decides (protocol 8, question 8).
        signed_from: None,
        ..X1
    },
    Model {
        name: "X2D",
        codes: &["N6", "N6-V2"],
        product_names: &["X2D"],
        serial_prefix: "20P",
        dual_nozzle: true,
        chamber_heater: true,
        prompt_sound: true,
        signed_from: Some(""),
        ..X1
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
        chamber_fan: false,
        prompt_sound: true,
        signed_from: Some(""),
        ..X1
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
        signed_from: Some(""),
        ..A1
    },
    Model { name: "H2S", codes: &["O1S"], product_names: &["H2S"], serial_prefix: "093", ..H2 },
    Model {
        name: "H2D",
        codes: &["O1D"],
        product_names: &["H2D"],
        serial_prefix: "094",
        dual_nozzle: true,
        signed_from: Some("01.01.00.00"),
        ..H2
    },
    Model {
        name: "H2D Pro",
        codes: &["O1E", "O2D"],
        product_names: &["H2D Pro"],
        serial_prefix: "239",
        dual_nozzle: true,
        ..H2
    },
    Model {
        name: "H2C",
        codes: &["O1C2", "O1C"],
        product_names: &["H2C"],
        serial_prefix: "31B",
        dual_nozzle: true,
        ..H2
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

impl Model {
    /// Whether this firmware takes print commands only with the vendor's signature, where the
    /// report does not say so itself.
    pub fn signs(&self, firmware: &str) -> Option<bool> {
        // Community firmware of the X1 calls itself 99 and is of an older make.
        self.signed_from.map(|from| !firmware.starts_with("99.") && version_at_least(firmware, from))
    }
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
    fn versions_compare_number_by_number() {
        assert!(version_at_least("01.10.00.00", "01.09.00.00"));
        assert!(version_at_least("01.08.05.00", "01.08.05.00"));
        assert!(!version_at_least("01.08.02.00", "01.08.05.00"));
        assert!(version_at_least("01.08.02.0b1", "01.08.02.00"));
        let x1c = identify(&[], &["BL-P001"], "").expect("a model");
        assert_eq!(x1c.signs("01.09.00.01"), Some(true));
        assert_eq!(x1c.signs("99.00.00.00"), Some(false));
        assert_eq!(identify(&[], &["O1S"], "").expect("a model").signs("01.00.00.00"), Some(true));
    }
}
