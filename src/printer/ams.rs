//! AMS units, spools and the filament on them.

use std::time::Duration;

use super::Text;

/// A colour with transparency, as the vendor writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Color(pub u32);

impl std::fmt::Display for Color {
    /// `#RRGGBB`; the transparency is left out, nobody's lamp can show it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "#{:06X}", self.0 >> 8)
    }
}

/// Filament as the printer knows it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Filament {
    /// Material (`PLA`, `PETG-CF`).
    pub material: Option<Text>,
    /// The vendor's name for it (`PLA Matte`).
    pub brand: Option<Text>,
    /// The vendor's filament id (`GFA01`).
    pub id: Option<Text>,
    /// Its colour.
    pub color: Option<Color>,
    /// All colours of a multi-coloured one.
    pub colors: Vec<Color>,
    /// What is left, percent; the printer knows it only for spools with RFID.
    pub remaining: Option<u8>,
    /// Weight of the full spool, g.
    pub weight_g: Option<u32>,
    /// Length on the full spool, mm.
    pub length_mm: Option<u32>,
    /// Nozzle range, °C.
    pub nozzle_min: Option<u16>,
    /// Nozzle range, °C.
    pub nozzle_max: Option<u16>,
    /// RFID tag of the spool.
    pub tag: Option<Text>,
    /// RFID identity of the filament.
    pub uuid: Option<Text>,
}

impl Filament {
    /// What to call it: the brand's name, else the material.
    pub fn name(&self) -> Option<&Text> {
        self.brand.as_ref().or(self.material.as_ref())
    }
}

/// What is in a slot.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Slot {
    /// Something we know nothing of, or nothing we know of.
    #[default]
    Unknown,
    /// Nothing.
    Empty,
    /// Filament.
    Filament(Box<Filament>),
}

impl Slot {
    /// The filament in it, if it is known.
    pub fn filament(&self) -> Option<&Filament> {
        match self {
            Self::Filament(filament) => Some(filament),
            Self::Unknown | Self::Empty => None,
        }
    }
}

/// The kinds of AMS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "the names say it")]
pub enum AmsKind {
    /// Not told yet.
    #[default]
    Unknown,
    Ams,
    Lite,
    Pro2,
    Ht,
}

impl AmsKind {
    /// The vendor's name of the product.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown | Self::Ams => "AMS",
            Self::Lite => "AMS Lite",
            Self::Pro2 => "AMS 2 Pro",
            Self::Ht => "AMS HT",
        }
    }
}

/// An AMS unit.
#[derive(Debug, Clone, PartialEq, Default)]
#[allow(clippy::struct_excessive_bools, reason = "a set of independent facts")]
pub struct Ams {
    /// The printer's own number of it: 0 to 3, 128 and up for AMS HT, 16 for the Lite of an A2L.
    pub id: u8,
    /// What it is.
    pub kind: AmsKind,
    /// Its serial, once the printer told; history follows it.
    pub serial: Option<Text>,
    /// Its firmware.
    pub firmware: Option<Text>,
    /// Newer firmware that is offered for it.
    pub firmware_available: Option<Text>,
    /// Humidity index as the apps show it: 1 is dry, 5 is wet.
    pub humidity_index: Option<u8>,
    /// Relative humidity, percent.
    pub humidity: Option<u8>,
    /// Temperature, °C.
    pub temperature: Option<f32>,
    /// Drying time left.
    pub drying_remaining: Option<Duration>,
    /// Whether it measures relative humidity; an AMS Lite and older firmware do not.
    pub measures_humidity: bool,
    /// Whether it measures its temperature.
    pub measures_temperature: bool,
    /// Whether it dries filament.
    pub dries: bool,
    /// Whether its serial is known or will never be.
    pub settled: bool,
    /// Which slot feeds, if one of this unit does.
    pub active_slot: Option<u8>,
    /// The slots, in order.
    pub slots: Vec<Slot>,
}

impl Ams {
    /// Its number as people count: `1` for the first AMS, also for the first AMS HT.
    pub fn number(&self) -> u8 {
        let base = match self.id {
            128.. => 128,
            16.. => 16,
            _ => 0,
        };
        self.id - base + 1
    }

    /// Its name below the printer's: `AMS 1`, `AMS HT 1`.
    pub fn label(&self) -> String {
        let kind = if self.kind == AmsKind::Ht || self.id >= 128 { "AMS HT" } else { "AMS" };
        format!("{kind} {}", self.number())
    }

    /// The short name of one of its slots: `A1-3`, `HT1`.
    pub fn slot_label(&self, slot: u8) -> Text {
        if self.id >= 128 {
            compact_str::format_compact!("HT{}", self.number())
        } else {
            compact_str::format_compact!("A{}-{}", self.number(), slot + 1)
        }
    }
}

/// A spool outside any AMS.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ExternalSpool {
    /// 1 is the only or right one, 2 the left one.
    pub number: u8,
    /// What is on it.
    pub slot: Slot,
    /// Whether it feeds.
    pub active: bool,
}

/// Where the filament in a nozzle comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Nothing is loaded.
    Nothing,
    /// A slot of an AMS, by the printer's numbers.
    Ams {
        /// The unit.
        unit: u8,
        /// The slot in it, from 0.
        slot: u8,
    },
    /// An external spool: 1 is the only or right one, 2 the left one.
    External(u8),
}
