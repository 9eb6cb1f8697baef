//! AMS units, spools and the filament on them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use compact_str::format_compact;

use super::cloud::Release;
use super::update::is_newer;
use super::{Facts, Observed, Shared, Side, Text};

/// A colour; its text is ready, because it is read far more often than it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Color {
    text: [u8; 7],
    /// How opaque it is: 255 entirely, 0 not at all.
    pub alpha: u8,
}

impl Color {
    /// From red, green, blue and opacity, a byte each, red in the highest.
    pub fn new(rgba: u32) -> Self {
        let [.., alpha] = rgba.to_be_bytes();
        let mut text = *b"#000000";
        for (place, shift) in text.iter_mut().skip(1).zip([28, 24, 20, 16, 12, 8]) {
            let digit = u8::try_from(rgba >> shift & 0xF).unwrap_or_default();
            *place = digit + if digit < 10 { b'0' } else { b'A' - 10 };
        }
        Self { text, alpha }
    }

    /// `#RRGGBB`; the opacity is left out, nobody's lamp can show it.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text).unwrap_or_default()
    }
}

/// Filament as the printer knows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filament {
    /// Material (`PLA`, `PETG-CF`).
    pub material: Text,
    /// What people call it (`Bambu PLA Matte`).
    pub name: Text,
    /// The name follows from the vendor's id, so the account has none of its own for it.
    pub catalogued: bool,
    /// The vendor's filament id (`GFA01`).
    pub id: Option<Text>,
    /// Its colour.
    pub color: Option<Color>,
    /// All colours of a multi-coloured one.
    pub colors: Vec<Color>,
    /// How several colours follow each other, the vendor's number: 0 one into the other, 1 side by side.
    pub color_type: Option<u8>,
    /// What is left, percent; the printer knows it only for spools with RFID.
    pub remaining: Option<u8>,
    /// Weight of the full spool, g.
    pub weight_g: Option<u32>,
    /// Nozzle range, °C.
    pub nozzle_min: Option<u16>,
    /// Nozzle range, °C.
    pub nozzle_max: Option<u16>,
    /// Bed temperature, °C.
    pub bed: Option<u16>,
    /// At what temperature it is to be dried, °C.
    pub drying_temperature: Option<u16>,
    /// For how long it is to be dried, h.
    pub drying_hours: Option<u16>,
    /// Pressure advance, as people write it (`0.020`).
    pub k: Option<Text>,
    /// Which of the printer's calibrations is used with it.
    pub calibration: Option<u16>,
    /// RFID tag of the spool.
    pub tag: Option<Text>,
    /// RFID identity of the filament.
    pub uuid: Option<Text>,
}

impl Filament {
    /// What is left on the spool, g; to the percent in which the printer tells it.
    pub fn remaining_g(&self) -> Option<u32> {
        Some(self.weight_g?.checked_mul(self.remaining?.into())? / 100)
    }
}

/// What is in a slot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Content {
    /// Something we know nothing of, or nothing we know of.
    #[default]
    Unknown,
    /// Nothing.
    Empty,
    /// Filament; shared between snapshots, for it rarely changes.
    Filament(Arc<Filament>),
}

/// A place for a spool: of an AMS unit, or outside.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(clippy::struct_excessive_bools, reason = "a set of independent facts")]
pub struct Slot {
    /// Its number in the unit, from 1.
    pub number: u8,
    /// What is in it.
    pub content: Content,
    /// Whether it feeds the nozzle in use.
    pub active: bool,
    /// The vendor's number for its state.
    pub state: Option<u8>,
    /// Whether the printer estimates what is left here.
    pub estimated: bool,
    /// Whether the printer tells the pressure advance of what is in it.
    pub tells_k: bool,
    /// What is known of the filament is from before: the printer says that a spool is there, and nothing of it.
    pub remembered: bool,
}

impl Slot {
    /// The filament in it, if it is known.
    pub fn filament(&self) -> Option<&Filament> {
        match &self.content {
            Content::Filament(filament) => Some(filament),
            Content::Unknown | Content::Empty => None,
        }
    }

    /// Whether the printer says that nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.content == Content::Empty
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

/// What an AMS unit is able to do; decides which entities it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::struct_excessive_bools, reason = "a set of independent abilities")]
pub struct AmsAbilities {
    /// Measures relative humidity; an AMS Lite and older firmware do not.
    pub humidity: bool,
    /// Measures its temperature.
    pub temperature: bool,
    /// Dries filament.
    pub dries: bool,
    /// Tells what it dries, and how.
    pub tells_drying: bool,
    /// Tells what its heater does, and which extruder it feeds.
    pub tells_state: bool,
    /// Has pressure advance per slot.
    pub tells_k: bool,
}

/// What the heater of an AMS unit does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum DryingState {
    Off,
    Checking,
    Drying,
    Cooling,
    Stopping,
    Error,
    /// It cannot be stopped from heating.
    OutOfControl,
    Testing,
}

/// What an AMS unit that dries is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DryingPhase {
    /// It becomes warm.
    Heating,
    /// It is warm, and the air goes out.
    Dehumidifying,
}

impl DryingPhase {
    /// A word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Heating => "heating",
            Self::Dehumidifying => "dehumidifying",
        }
    }
}

/// Which nozzle an AMS unit feeds, on a printer with two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feeds {
    /// This one.
    Only(Side),
    /// Either: a Filament Track Switch leads its filament to the one that wants it.
    Either,
}

impl Feeds {
    /// All words for it.
    pub const WORDS: [&'static str; 3] = ["right", "left", "either"];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Only(Side::Right) => "right",
            Self::Only(Side::Left) => "left",
            Self::Either => "either",
        }
    }
}

/// An inlet of a Filament Track Switch, as it is written on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Inlet {
    A,
    B,
}

impl Inlet {
    /// A word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
        }
    }
}

/// Drying in an AMS unit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Drying {
    /// Time left; zero when it does not dry.
    pub remaining: Option<Duration>,
    /// Temperature, °C.
    pub temperature: Option<u16>,
    /// How long it takes in all.
    pub duration: Option<Duration>,
    /// What is dried.
    pub filament: Option<Text>,
    /// What the heater does.
    pub state: Option<DryingState>,
    /// The vendor's number of that, also of one that we do not know.
    pub state_code: Option<u8>,
    /// How far that is.
    pub phase: Option<DryingPhase>,
    /// The time left has been the same for minutes.
    pub still: bool,
    /// Why drying cannot begin, the vendor's numbers.
    pub hindrances: Vec<u8>,
}

impl Drying {
    /// Whether there is time left that does not pass: it was interrupted, and nothing is dried.
    pub fn is_interrupted(&self) -> bool {
        let stopped = matches!(self.state, Some(DryingState::Off | DryingState::Error));
        self.remaining.is_some_and(|left| !left.is_zero()) && (self.still || stopped)
    }
}

/// What the device of an AMS unit is named after, as whoever knows all printers decides.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Naming {
    /// Its serial number, or its place where it has none.
    #[default]
    Serial,
    /// The serial number that was known of its place before, until the printer tells one.
    Remembered(Text),
    /// Its place: another unit has the same serial number.
    Place,
    /// Nothing: whose it is has not turned out yet, or it is another printer's by now. It is not announced.
    Held,
}

/// How the units of a printer are named, by their number; each holds for that serial number only.
pub type Namings = BTreeMap<u8, (Option<Text>, Naming)>;

/// An AMS unit.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ams {
    /// The printer's own number of it: 0 to 3, 128 and up for AMS HT, 16 for the Lite of an A2L.
    pub id: u8,
    /// What it is.
    pub kind: AmsKind,
    /// Its serial, once the printer told; history follows it.
    pub serial: Option<Text>,
    /// Its firmware.
    pub firmware: Option<Text>,
    /// What it is able to do.
    pub can: AmsAbilities,
    /// The newest firmware for it that the printer names, offered or installed.
    pub offered: Option<Text>,
    /// The same as the cloud tells it.
    pub release: Option<Arc<Release>>,
    /// Humidity index as the apps show it: 1 is dry, 5 is wet.
    pub humidity_index: Option<u8>,
    /// Relative humidity, percent.
    pub humidity: Option<u8>,
    /// Temperature, °C.
    pub temperature: Option<f32>,
    /// Drying.
    pub drying: Drying,
    /// Which nozzle it feeds, on a printer with two.
    pub feeds: Option<Feeds>,
    /// The inlet of the Filament Track Switch that it leads to, where there is one.
    pub inlet: Option<Inlet>,
    /// Whether its serial is known or will never be.
    pub settled: bool,
    /// The printer says that it is gone; a full report, which is to confirm that, is still to come.
    pub unplugged: bool,
    /// What its device is named after.
    pub naming: Naming,
    /// Which slot feeds, if one of this unit does, from 0.
    pub active_slot: Option<u8>,
    /// The slots, in order.
    pub slots: Vec<Slot>,
}

/// Ranges of unit numbers that are counted on their own: the first number, what its units are called, and what
/// their slots' names begin with (protocol 4.13).
const FAMILIES: [(u8, &str, &str); 3] = [(128, "AMS HT", "HT"), (16, "AMS Lite", "L"), (0, "AMS", "A")];

/// The range that a unit belongs to, and its number there as people count, from 1.
fn family(unit: u8) -> (&'static str, &'static str, u8) {
    let own = FAMILIES.into_iter().find(|(first, ..)| unit >= *first);
    let (first, name, letter) = own.unwrap_or((0, "AMS", "A"));
    (name, letter, unit - first + 1)
}

/// The name of a unit below its printer's, by the printer's number of it: `AMS 1`, `AMS Lite 1`, `AMS HT 1`. No two
/// units of a printer have the same one.
pub fn unit_label(unit: u8) -> Text {
    let (name, _, number) = family(unit);
    format_compact!("{name} {number}")
}

impl Ams {
    /// Whether it dries; `None` when it does not say.
    pub fn is_drying(&self) -> Option<bool> {
        self.drying.remaining.map(|left| !left.is_zero() && !self.drying.is_interrupted())
    }

    /// Newer firmware that is offered for it: by the printer, else by the cloud.
    pub fn firmware_available(&self) -> Option<&Text> {
        if let Some(offered) = &self.offered {
            return Some(offered).filter(|offered| self.firmware.as_ref() != Some(*offered));
        }
        let installed = self.firmware.as_ref()?;
        let released = self.release.as_ref().map(|release| &release.version);
        released.filter(|latest| is_newer(latest, installed) == Some(true))
    }

    /// Its serial number, where it is fit for ids: a garbled one would make a topic that no broker takes.
    pub fn serial_number(&self) -> Option<&Text> {
        self.serial.as_ref().filter(|own| own.len() <= 40 && own.bytes().all(|b| b.is_ascii_alphanumeric()))
    }

    /// The serial number that its device is named after; `None` where its place is.
    pub fn named_after(&self) -> Option<&Text> {
        match &self.naming {
            Naming::Serial | Naming::Held => self.serial_number(),
            Naming::Remembered(serial) => Some(serial),
            Naming::Place => None,
        }
    }

    /// Whether it is known well enough to be announced, and this printer's.
    pub fn is_announced(&self) -> bool {
        self.settled && self.naming != Naming::Held
    }

    /// Its name below the printer's: [`unit_label`].
    pub fn label(&self) -> Text {
        unit_label(self.id)
    }
}

/// A spool outside any AMS.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ExternalSpool {
    /// 1 is the only or right one, 2 the left one.
    pub number: u8,
    /// What is on it, and whether it feeds.
    pub slot: Slot,
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

impl Source {
    /// The short name that people give and are given everywhere: `A1-3`, `L1-2`, `HT1`, `Ext`, `Ext2`. No two places
    /// of a printer have the same one.
    pub fn label(self) -> Option<Text> {
        match self {
            Self::Nothing => None,
            Self::External(..=1) => Some(Text::const_new("Ext")),
            Self::External(number) => Some(format_compact!("Ext{number}")),
            Self::Ams { unit, slot } => {
                let (_, letter, number) = family(unit);
                // An AMS HT has one slot, which needs no number.
                let alone = letter == "HT" && slot == 0;
                let place = u16::from(slot) + 1;
                Some(if alone {
                    format_compact!("{letter}{number}")
                } else {
                    format_compact!("{letter}{number}-{place}")
                })
            }
        }
    }

    /// The slot that it is.
    pub fn find<'a>(self, ams: &'a [Ams], external: &'a [ExternalSpool]) -> Option<&'a Slot> {
        match self {
            Self::Nothing => None,
            Self::Ams { unit, slot } => ams.iter().find(|ams| ams.id == unit)?.slots.get(usize::from(slot)),
            Self::External(number) => {
                external.iter().find(|spool| spool.number == number).map(|spool| &spool.slot)
            }
        }
    }
}

/// AMS units and external spools as the account knows them: with its own names of filaments, and with the firmware
/// that the cloud has for the units, named as was decided over all printers. The printer's own lists where nobody
/// knows anything of them.
pub(crate) fn with_names(
    observed: &Observed,
    facts: &Facts,
    namings: Option<&Namings>,
) -> (Shared<[Ams]>, Shared<[ExternalSpool]>) {
    let naming = |unit: &Ams| match namings.map(|namings| namings.get(&unit.id)) {
        None => Naming::Serial,
        Some(Some((serial, naming))) if serial.as_ref() == unit.serial_number() => naming.clone(),
        Some(_) => Naming::Held,
    };
    let own = |slot: &Slot| {
        let filament = slot.filament().filter(|filament| !filament.catalogued)?;
        facts.names.get(filament.id.as_ref()?).cloned()
    };
    let named = |slot: &mut Slot| {
        if let (Some(name), Content::Filament(filament)) = (own(slot), &mut slot.content) {
            Arc::make_mut(filament).name = name;
        }
    };
    let mut ams = observed.ams.clone();
    if !facts.ams_releases.is_empty()
        || ams.iter().any(|unit| naming(unit) != unit.naming)
        || ams.iter().flat_map(|unit| &unit.slots).any(|slot| own(slot).is_some())
    {
        // A release that names no unit is for the only one.
        let alone = ams.len() == 1 && facts.ams_releases.len() == 1;
        let known = |unit: &Ams| {
            let mut unit = unit.clone();
            let meant = |release: &&Arc<Release>| release.unit.map_or(alone, |id| id == unit.id);
            unit.release = facts.ams_releases.iter().find(meant).cloned();
            unit.naming = naming(&unit);
            unit.slots.iter_mut().for_each(named);
            unit
        };
        ams = ams.iter().map(known).collect();
    }
    let mut external = observed.external.clone();
    if external.iter().any(|spool| own(&spool.slot).is_some()) {
        let known = |spool: &ExternalSpool| {
            let mut spool = spool.clone();
            named(&mut spool.slot);
            spool
        };
        external = external.iter().map(known).collect();
    }
    (ams, external)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn colours_are_written_as_people_write_them() {
        let check = |rgba, text: &str, alpha| {
            let color = Color::new(rgba);
            assert_eq!((color.as_str(), color.alpha), (text, alpha));
        };
        check(0x0000_0000, "#000000", 0);
        check(0xFFFF_FFFF, "#FFFFFF", 255);
        check(0x09AF_8080, "#09AF80", 128);
    }

    #[test]
    fn slots_have_names_that_are_theirs_alone() {
        let label = |unit, slot| Source::Ams { unit, slot }.label().unwrap();
        assert_eq!(label(0, 0), "A1-1");
        assert_eq!(label(3, 3), "A4-4");
        assert_eq!(label(0, 8), "A1-9", "an AMS 3H has nine");
        assert_eq!(label(16, 2), "L1-3");
        assert_eq!(label(128, 0), "HT1");
        assert_eq!(label(135, 0), "HT8");
        assert_eq!(Source::Nothing.label(), None);
        let of_unit = |unit| (0..=u8::MAX).map(move |slot| Source::Ams { unit, slot });
        let external = (1..=2).map(Source::External);
        let all: BTreeSet<_> = (0..=u8::MAX).flat_map(of_unit).chain(external).map(Source::label).collect();
        assert_eq!(all.len(), 256 * 256 + 2);
        let units: BTreeSet<_> = (0..=u8::MAX).map(unit_label).collect();
        assert_eq!(units.len(), 256);
        assert_eq!([0, 16, 128].map(unit_label), ["AMS 1", "AMS Lite 1", "AMS HT 1"]);
    }

    #[test]
    fn grams_need_both_figures() {
        let full = Filament { weight_g: Some(1000), remaining: Some(37), ..Filament::default() };
        assert_eq!(full.remaining_g(), Some(370));
        assert_eq!(Filament { remaining: None, ..full.clone() }.remaining_g(), None);
        assert_eq!(Filament { weight_g: None, ..full.clone() }.remaining_g(), None);
        assert_eq!(Filament { weight_g: Some(u32::MAX), ..full }.remaining_g(), None);
    }
}
