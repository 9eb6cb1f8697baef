//! What is mounted: nozzles, the rack with hotends, tool modules; and what the machine senses of itself.

use super::{Color, Observed, Source, Text};

/// What a nozzle is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Material {
    StainlessSteel,
    HardenedSteel,
    TungstenCarbide,
    Brass,
}

impl Material {
    /// Every material.
    pub const ALL: [Self; 4] =
        [Self::StainlessSteel, Self::HardenedSteel, Self::TungstenCarbide, Self::Brass];

    /// A word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::StainlessSteel => "stainless_steel",
            Self::HardenedSteel => "hardened_steel",
            Self::TungstenCarbide => "tungsten_carbide",
            Self::Brass => "brass",
        }
    }
}

/// How much a nozzle lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Flow {
    Standard,
    High,
    TpuHigh,
}

impl Flow {
    /// A word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::High => "high_flow",
            Self::TpuHigh => "tpu_high_flow",
        }
    }
}

/// What kind of nozzle it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Nozzle {
    /// Of its opening, mm.
    pub diameter_mm: Option<f32>,
    /// What it is made of.
    pub material: Option<Material>,
    /// How much it lets through.
    pub flow: Option<Flow>,
    /// The vendor's word for the kind (`HS01`), also when we do not know it.
    pub code: Option<Text>,
}

/// A tool in the place of, or beside, the print head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum ToolModule {
    None,
    Laser10,
    Laser40,
    Cutter,
}

/// How the chamber's air is led.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum AirductMode {
    Cooling,
    Heating,
    Laser,
}

/// The memory card or stick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Storage {
    Missing,
    Normal,
    Abnormal,
    ReadOnly,
}

/// Where the hotend rack stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum HolderPosition {
    ATop,
    BTop,
    Centre,
}

impl HolderPosition {
    /// A word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ATop => "a_top",
            Self::BTop => "b_top",
            Self::Centre => "centre",
        }
    }
}

/// What the hotend rack is doing, by the vendor's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HolderState(u8);

impl HolderState {
    /// A word for each number from 0 on.
    pub const NAMES: [&'static str; 10] = [
        "idle",
        "hotend_centre",
        "toolhead_centre",
        "calibrate_hotend_rack",
        "cut_material",
        "unlock_hotend",
        "lift_hotend_rack",
        "place_hotend",
        "pick_hotend",
        "lock_hotend",
    ];

    /// What a number says, if we know it.
    pub fn new(number: i64) -> Option<Self> {
        u8::try_from(number).ok().filter(|n| usize::from(*n) < Self::NAMES.len()).map(Self)
    }

    /// A word for it.
    pub fn name(self) -> Option<&'static str> {
        Self::NAMES.get(usize::from(self.0)).copied()
    }
}

/// Where a hotend of the rack is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HotendPlace {
    /// In the print head.
    Mounted,
    /// In its slot.
    Docked,
    /// There is none.
    Empty,
}

impl HotendPlace {
    /// A word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mounted => "mounted",
            Self::Docked => "docked",
            Self::Empty => "empty",
        }
    }
}

/// How well a hotend is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum HotendCondition {
    Normal,
    Abnormal,
    Unknown,
}

impl HotendCondition {
    /// A word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Abnormal => "abnormal",
            Self::Unknown => "unknown",
        }
    }
}

/// A hotend of the rack.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Hotend {
    /// Where it is.
    pub place: Option<HotendPlace>,
    /// Its nozzle.
    pub nozzle: Nozzle,
    /// Its serial number.
    pub serial: Option<Text>,
    /// The hottest it may become, °C.
    pub max_celsius: Option<u16>,
    /// How worn it is, as the printer counts it.
    pub wear: Option<f32>,
    /// How well it is.
    pub condition: Option<HotendCondition>,
    /// Colour of the filament it had last.
    pub color: Option<Color>,
    /// The vendor's id of the filament it had last.
    pub filament_id: Option<Text>,
    /// What people call that.
    pub filament_name: Option<&'static str>,
}

/// A rack of hotends that the printer changes by itself.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rack {
    /// Where it stands.
    pub position: Option<HolderPosition>,
    /// What it is doing.
    pub state: Option<HolderState>,
    /// The hotends by their slots.
    pub hotends: [Hotend; 6],
}

/// A Filament Track Switch: it leads the filament of every AMS to either nozzle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TrackSwitch {
    /// Whether it is at work; `None` for a number that nobody explains.
    pub busy: Option<bool>,
    /// What is in its inlets A and B.
    pub inlets: [Option<Source>; 2],
}

impl Observed {
    /// Whether a Filament Track Switch can be worked with: each unit leads to one of its inlets, and there are as
    /// many units as nozzles (protocol 4.16). `None` without one.
    pub fn switch_ready(&self) -> Option<bool> {
        self.machine.track_switch?;
        let there = || self.ams.iter().filter(|unit| !unit.unplugged);
        Some(there().count() >= 2 && there().all(|unit| unit.inlet.is_some()))
    }
}

/// How much of a storage is free, and how much it holds in all, KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Space {
    pub free_kib: u64,
    pub total_kib: u64,
}

/// What the machine senses of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Machine {
    /// Whether its door is open.
    pub door_open: Option<bool>,
    /// Its memory card or stick.
    pub storage: Option<Storage>,
    /// Whether there is filament in the only or any nozzle, in the right one, in the left one.
    pub filament: FilamentSensors,
    /// How much room its own storage has.
    pub internal: Option<Space>,
    /// How much room the stick has.
    pub external: Option<Space>,
    /// What leads filament to either nozzle, if it is fitted.
    pub track_switch: Option<TrackSwitch>,
    /// Whether a fire extinguisher is connected.
    pub fire_extinguisher: Option<bool>,
    /// Whether a rotary attachment is connected.
    pub rotary: Option<bool>,
    /// The tool that is mounted.
    pub tool: Option<ToolModule>,
    /// How the chamber's air is led.
    pub airduct: Option<AirductMode>,
    /// Whether the air goes through the filter.
    pub filtering: Option<bool>,
    /// Whether the chamber is being heated, or kept warm.
    pub chamber_heating: Option<bool>,
    /// Whether all axes know where they are.
    pub homed: Option<bool>,
    /// Whether the mains have 220 V rather than 110 V.
    pub mains_220v: Option<bool>,
    /// Whether it hangs on a cable.
    pub wired: Option<bool>,
    /// Whether there is a camera.
    pub camera: Option<bool>,
    /// Whether the camera can be watched in the local network.
    pub live_view: Option<bool>,
    /// Whether the camera records at this moment.
    pub recording: Option<bool>,
    /// Whether it takes print commands only with the vendor's signature.
    pub signature_required: Option<bool>,
    /// Whether that was lifted by Developer Mode.
    pub developer_mode: Option<bool>,
}

/// Whether there is filament in the nozzles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FilamentSensors {
    /// In any.
    pub any: Option<bool>,
    /// In the right one.
    pub right: Option<bool>,
    /// In the left one.
    pub left: Option<bool>,
}
