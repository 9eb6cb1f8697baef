//! A model's payloads, made once from its generation's template and its row.
//!
//! `@name@` in a template is what the row says, filled in here; `$name$` is what a printer says, filled in with
//! each report.
use super::facts::{AmsKind, Facts, Naming};
use super::fields::COMMON;
use super::generation::{Generation, complete, delta, packed};
use super::model::Model;
use super::spool::Layout;
use super::template::{Fields, Template};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

/// Members that change, and the object they are in; without a name it is the report itself.
pub(super) struct Group {
    pub(super) name: &'static str,
    pub(super) members: Vec<(&'static str, Template)>,
}

/// All that printers of a model say.
pub(super) struct Sheet {
    /// The modules of the answer to `get_version`.
    pub(super) version: Template,
    pub(super) full: Template,
    /// For those who tell only what changed.
    pub(super) live: Vec<Group>,
}

const TABLES: &[Fields] = &[COMMON, complete::FIELDS, delta::FIELDS, packed::FIELDS];

static SHEETS: LazyLock<HashMap<Model, Sheet>> =
    LazyLock::new(|| Model::ALL.into_iter().map(|model| (model, Sheet::new(model))).collect());

impl Model {
    pub(super) fn sheet(self) -> &'static Sheet {
        SHEETS.get(&self).expect("every model has a sheet")
    }
}

impl Sheet {
    fn new(model: Model) -> Self {
        let facts = model.facts();
        let groups = if model.is_terse() { delta::groups(model) } else { Vec::new() };
        // What only deltas tell has its place in a complete report already.
        let told = |list: &[delta::Live]| -> String {
            list.iter().map(|(name, text)| [r#"""#, name, r#"":"#, text, ","].concat()).collect()
        };
        let live = groups.iter().find(|(name, _)| name.is_empty());
        let report = match facts.generation {
            Generation::Complete => complete::REPORT,
            Generation::Delta => delta::REPORT,
            Generation::Packed => packed::REPORT,
        };
        let rest = if model == Model::A2l { delta::REST_PACKED } else { "" };
        let mut text = report
            .replace("@rest@", rest)
            .replace("@live@", &live.map(|(_, list)| told(list)).unwrap_or_default())
            .replace("@live_ams@", &told(delta::LIVE_AMS))
            .replace("@live_device@", &told(delta::LIVE_DEVICE));
        let pieces = pieces(model, facts);
        let fill = |mut text: String| {
            for (name, value) in &pieces {
                text = text.replace(&format!("@{name}@"), value);
            }
            text
        };
        text = fill(text);
        let template = |text: &str| Template::new(&fill(text.to_owned()), TABLES);
        Self {
            version: template(&modules(facts)),
            full: template(&text),
            live: groups
                .into_iter()
                .map(|(name, members)| Group {
                    name,
                    members: members.into_iter().map(|(name, text)| (name, template(text))).collect(),
                })
                .collect(),
        }
    }
}

fn list<T>(items: impl IntoIterator<Item = T>, write: impl Fn(T) -> String) -> String {
    items.into_iter().map(write).collect::<Vec<_>>().join(",")
}

/// What a row says in a report.
fn pieces(model: Model, facts: &Facts) -> Vec<(&'static str, String)> {
    let (ams, exist, chips) = bits(facts);
    let only = |on: bool, text: &str| if on { text.to_owned() } else { String::new() };
    let heads = || facts.nozzles.iter().filter(|nozzle| nozzle.id < 2);
    let rack = facts.nozzles.iter().any(|nozzle| nozzle.id >= 16);
    let laser = model.has_lamp("chamber_light2");
    let mut lamps = vec![r#"{"mode":"$light$","node":"chamber_light"}"#];
    if model.has_lamp("work_light") {
        lamps.push(r#"{"mode":"flashing","node":"work_light"}"#);
    }
    if laser {
        lamps.push(r#"{"mode":"$light2$","node":"chamber_light2"}"#);
    }
    let (tool, mounted) = facts.tool;
    vec![
        ("units", units(model, "tray#")),
        ("still_units", units(model, "still#")),
        ("ams_bits", format!("{ams:x}")),
        ("tray_bits", format!("{exist:x}")),
        ("chip_bits", format!("{chips:x}")),
        ("external", list(0..model.holders().len(), |holder| format!("$outside#{holder}$"))),
        ("net", net(facts)),
        ("lamps", format!("[{}]", lamps.join(","))),
        (
            "nozzles",
            list(facts.nozzles, |nozzle| {
                let (colour, filament) = nozzle.last.unwrap_or(("00000000", ""));
                format!(
                    concat!(
                        r#"{{"color_m":"{}","diameter":{},"fila_id":"{}","id":{},"sn":"N/A","stat":0,"#,
                        r#""tm":{},"type":"{}","wear":0.0}}"#
                    ),
                    colour,
                    nozzle.diameter,
                    filament,
                    nozzle.id,
                    if rack { 350 } else { 0 },
                    nozzle.code
                )
            }),
        ),
        ("nozzle_bits", facts.nozzles.iter().fold(0_u32, |bits, nozzle| bits | 1 << nozzle.id).to_string()),
        ("rack_gap", if rack { "20" } else { "0" }.to_owned()),
        (
            "holder",
            if rack { r#"{"info":1,"job":0,"pos":3,"stat":0,"step":[0]}"# } else { "null" }.to_owned(),
        ),
        (
            "tool",
            format!(
                concat!(r#"{{"calib":{},"low_prec":{},"mount":{},"mount_3d":{},"th_temp":{},"type":"{}"}}"#),
                if mounted { 0 } else { 2 },
                !mounted,
                u8::from(mounted),
                u8::from(!mounted && !tool.is_empty()),
                if mounted { 29 } else { 0 },
                tool
            ),
        ),
        (
            "modes",
            list(facts.modes, |(mode, on, off)| {
                let ids = |parts: &[u16]| list(parts, u16::to_string);
                format!(r#"{{"ctrl":[{}],"modeId":{mode},"off":[{}]}}"#, ids(on), ids(off))
            }),
        ),
        ("2d", only(model != Model::P2s, packed::OTHER_WORK)),
        ("fire", only(laser, packed::FIRE)),
        ("fun2", facts.fun2.to_owned()),
        ("no_colours", list(heads(), |_| r#""""#.to_owned())),
        ("diameters", list(heads(), |nozzle| nozzle.diameter.to_owned())),
        ("codes", list(heads(), |nozzle| format!(r#""{}""#, nozzle.code))),
        // Who has turned the live view over the local network off says so.
        (
            "rtsp",
            match model {
                Model::P2s | Model::X2d | Model::H2c => "disable".to_owned(),
                _ => "rtsps://192.168.7.$host$:322/streaming/live/1".to_owned(),
            },
        ),
        ("msg", only(model != Model::H2dPro, r#""msg":0,"#)),
        // These have storage of their own.
        ("sdcard", (model != Model::X2d).to_string()),
        ("storage", only(matches!(model, Model::X2d | Model::H2d), packed::STORAGE)),
        ("screen", only(model == Model::X2d, r#""fila_switch":null,"screen":{"backlight":-1},"#)),
        ("ext", only(laser, r#""ext":true,"#)),
    ]
}

/// The units, their trays, and the trays with a chip, as bits.
fn bits(facts: &Facts) -> (u32, u32, u32) {
    let (mut ams, mut trays, mut chips) = (0, 0, 0);
    let mut spools = facts.spools.iter();
    for kit in facts.units {
        let (unit, first) = kit.bits();
        ams |= 1 << unit;
        for (slot, spool) in spools.by_ref().take(kit.kind.slots()).enumerate() {
            trays |= 1 << (usize::from(first) + slot);
            chips |= u32::from(spool.has_chip()) << (usize::from(first) + slot);
        }
    }
    (ams, trays, chips)
}

/// The units with their trays, each by this name and its number.
fn units(model: Model, tray: &str) -> String {
    let mut first = 0;
    let mut units = Vec::new();
    for (index, kit) in model.facts().units.iter().enumerate() {
        let air = match (model.layout(), kit.kind) {
            (Layout::X1, _) => format!(r#""humidity":"4","id":"{}","temp":"$ams_temp$""#, kit.id),
            // An AMS Lite on firmware of 2024.
            (Layout::A1, AmsKind::Lite) => format!(r#""id":"{}","humidity":"5","temp":"0.0""#, kit.id),
            _ => format!("$unit{index}$"),
        };
        let next = first + kit.kind.slots();
        let trays = list(first..next, |spool| format!("${tray}{spool}$"));
        units.push(format!(r#"{{{air},"tray":[{trays}]}}"#));
        first = next;
    }
    units.join(",")
}

fn net(facts: &Facts) -> String {
    let this = r#"{"ip":$ip$,"mask":16777215}"#;
    let none = r#"{"ip":0,"mask":0}"#;
    match (facts.generation, facts.wired) {
        (Generation::Delta, _) => format!(r#"{{"conf":0,"info":[{this}]}}"#),
        (_, false) => format!(r#"{{"conf":16,"info":[{this},{none}]}}"#),
        (_, true) => format!(r#"{{"conf":17,"info":[{none},{this}]}}"#),
    }
}

/// The modules, as the answer to `get_version` lists them.
fn modules(facts: &Facts) -> String {
    let mut text = String::new();
    let mut module = |name: &str, product: &str, hardware: &str, serial: &str, version: &str| {
        let comma = if text.is_empty() { "" } else { "," };
        let ota = name == "ota";
        let flag = if ota { 3 } else { 0 };
        let _ = write!(
            text,
            r#"{comma}{{"flag":{flag},"hw_ver":"{hardware}","name":"{name}","sn":"{serial}","sw_ver":"{version}""#
        );
        let unit = name.contains('/') && product.starts_with("AMS");
        let _ = match facts.naming {
            Naming::Nameless => Ok(()),
            Naming::Project => {
                write!(text, r#","project_name":"{}""#, if unit { "" } else { facts.code })
            }
            Naming::Product => write!(
                text,
                r#","loader_ver":"00.00.00.00","product_name":"{product}","visible":{}"#,
                !product.is_empty()
            ),
        };
        text.push('}');
    };
    let terse = facts.generation == Generation::Delta;
    let product = format!("Bambu Lab {}", facts.name);
    let serial = if facts.naming == Naming::Nameless { "N/A" } else { "$serial$" };
    module("ota", &product, if terse { "OTA" } else { "N/A" }, serial, "$firmware$");
    for kit in facts.units {
        let [name, hardware, prefix, product, version] = kit.kind.module();
        module(&format!("{name}/{}", kit.id), product, hardware, &format!("{prefix}$number$"), version);
    }
    for (number, [name, product, hardware, prefix, version]) in (1..).zip(facts.boards) {
        let serial = match *prefix {
            "" => "$serial$".to_owned(),
            "N/A" => "N/A".to_owned(),
            prefix => format!("{prefix}06D5A15{number:05}"),
        };
        module(name, product, hardware, &serial, version);
    }
    text
}
