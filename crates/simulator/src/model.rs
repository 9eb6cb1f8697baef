//! The models that the demo plays, and what is asked of a model while it lives; the rows are in `facts`.
use super::facts::{self, AmsKind, Facts, Kit};
use super::generation::{Generation, complete, delta, packed};
use super::spool::Layout;

/// A kind of printer that the demo can play.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Model {
    /// X1 with an AMS.
    X1,
    /// X1 Carbon with an AMS: a complete report each second, as all of its generation.
    X1c,
    /// X1E with an AMS, on a cable.
    X1e,
    /// P1P that prints from the spool outside: complete reports only when asked, else what changed.
    P1p,
    /// P1S with an AMS.
    P1s,
    /// P2S with an AMS 2 Pro.
    P2s,
    /// A1 with an AMS Lite.
    A1,
    /// A1 mini with an AMS Lite: one complete report when asked, then only what changed.
    A1Mini,
    /// A2L with an AMS Lite: changes only, with bit fields.
    A2l,
    /// H2D with an AMS 2 Pro and an AMS HT: a complete report each second, with bit fields.
    H2d,
    /// H2D Pro with an AMS 2 Pro and an AMS HT, on a cable.
    H2dPro,
    /// H2S with an AMS 2 Pro, and a laser on its tool head.
    H2s,
    /// H2C with an AMS 2 Pro and a rack of hotends.
    H2c,
    /// X2D with an AMS 2 Pro.
    X2d,
}

/// Where a spool sits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Unit by its index, and slot.
    Unit(&'static Kit, usize),
    /// On the holder outside.
    External,
}

impl Model {
    /// All there are, in the order in which a demo takes them: first the three that differ most.
    pub const ALL: [Self; 14] = [
        Self::X1c,
        Self::A1Mini,
        Self::H2d,
        Self::X1,
        Self::X1e,
        Self::P1p,
        Self::P1s,
        Self::P2s,
        Self::A1,
        Self::A2l,
        Self::H2dPro,
        Self::H2s,
        Self::H2c,
        Self::X2d,
    ];

    /// The model of printer `number` of a demo, counted from 0.
    pub(super) fn of_number(number: usize) -> Self {
        Self::ALL.get(number % Self::ALL.len()).copied().unwrap_or(Self::X1c)
    }

    /// The model of a printer, by how its serial number begins.
    pub fn of_serial(serial: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|model| serial.starts_with(model.serial_prefix()))
    }

    pub(super) fn facts(self) -> &'static Facts {
        match self {
            Self::X1 => &facts::X1,
            Self::X1c => &facts::X1C,
            Self::X1e => &facts::X1E,
            Self::P1p => &facts::P1P,
            Self::P1s => &facts::P1S,
            Self::P2s => &facts::P2S,
            Self::A1 => &facts::A1,
            Self::A1Mini => &facts::A1_MINI,
            Self::A2l => &facts::A2L,
            Self::H2d => &facts::H2D,
            Self::H2dPro => &facts::H2D_PRO,
            Self::H2s => &facts::H2S,
            Self::H2c => &facts::H2C,
            Self::X2d => &facts::X2D,
        }
    }

    /// How each serial number of this model begins.
    pub fn serial_prefix(self) -> &'static str {
        self.facts().prefix
    }

    /// The product name in the account's list of devices.
    pub fn product_name(self) -> &'static str {
        self.facts().name
    }

    /// The model code in the account's list of devices.
    pub fn code(self) -> &'static str {
        self.facts().code
    }

    /// Whether its bed moves to and fro below an open frame.
    pub(super) fn slings(self) -> bool {
        matches!(self, Self::A1 | Self::A1Mini | Self::A2l)
    }

    pub(super) fn structure(self) -> &'static str {
        if self.slings() { "I3" } else { "CoreXY" }
    }

    /// Whether it has the bit fields and `device` of the newer protocol (protocol 4.1), and takes typed commands.
    pub(super) fn has_bit_fields(self) -> bool {
        self.facts().generation == Generation::Packed || self == Self::A2l
    }

    /// Whether it tells only what changed.
    pub(super) fn is_terse(self) -> bool {
        self.facts().generation == Generation::Delta
    }

    pub(super) fn has_fan(self, part: u16) -> bool {
        self.facts().parts.iter().any(|(id, _)| *id == part)
    }

    pub(super) fn has_lamp(self, node: &str) -> bool {
        self.facts().lamps.contains(&node)
    }

    /// What `stg_cur` says when there is no stage.
    pub(super) fn no_stage(self) -> i16 {
        if self.is_terse() { 255 } else { -1 }
    }

    pub(super) fn nozzles(self) -> usize {
        self.facts().nozzles.iter().filter(|nozzle| nozzle.id < 2).count()
    }

    /// Where the spool with this number is: units one after another, then outside.
    pub(super) fn place(self, spool: usize) -> Place {
        let mut slot = spool;
        for kit in self.facts().units {
            if slot < kit.kind.slots() {
                return Place::Unit(kit, slot);
            }
            slot -= kit.kind.slots();
        }
        Place::External
    }

    /// The number of the spool outside, of the right one where there are two.
    pub(super) fn external(self) -> usize {
        self.facts().units.iter().map(|kit| kit.kind.slots()).sum()
    }

    /// The number of the spool outside that a request calls 254 or 255.
    pub(super) fn external_of(self, unit: u16) -> usize {
        self.external() + usize::from(unit == 254 && self.nozzles() > 1)
    }

    /// The ids of the holders outside.
    pub(super) fn holders(self) -> &'static [&'static str] {
        match (self.facts().generation, self.nozzles()) {
            (Generation::Packed, 2) => &["254", "255"],
            (Generation::Packed, _) => &["255"],
            _ if self == Self::A2l => &["255"],
            _ => &["254"],
        }
    }

    /// How it writes a tray.
    pub(super) fn layout(self) -> Layout {
        match self.facts().generation {
            Generation::Complete => complete::LAYOUT,
            Generation::Delta if self == Self::A2l => Layout::A2l,
            Generation::Delta => delta::LAYOUT,
            Generation::Packed => packed::LAYOUT,
        }
    }

    /// The bit of a spool's tray among all trays.
    pub(super) fn tray_bit(self, spool: usize) -> u32 {
        match self.place(spool) {
            Place::Unit(kit, slot) => 1 << (usize::from(kit.bits().1) + slot),
            Place::External => 0,
        }
    }

    /// Whether a bit of `fun` says that it takes a typed command.
    pub(super) fn takes(self, bit: u32) -> bool {
        self.has_bit_fields() && self.facts().fun >> bit & 1 == 1
    }

    /// Whether a bit of `fun2`, which not every model has, says that it can do something.
    pub(super) fn supports(self, bit: u32) -> bool {
        let word = u64::from_str_radix(self.facts().fun2, 16).unwrap_or_default();
        self.has_bit_fields() && word >> bit & 1 == 1
    }

    /// The number of the spool at a place.
    pub(super) fn spool_at(self, unit: u16, slot: usize) -> Option<usize> {
        let mut first = 0;
        for kit in self.facts().units {
            if kit.id == unit {
                return (slot < kit.kind.slots()).then_some(first + slot);
            }
            first += kit.kind.slots();
        }
        None
    }

    /// The nozzle that a spool feeds: 0 right or only, 1 left.
    pub(super) fn nozzle_of(self, spool: usize) -> usize {
        match self.place(spool) {
            Place::Unit(kit, _) => kit.nozzle,
            Place::External => usize::from(spool > self.external()),
        }
    }

    /// The unit that a spool lies in, by its index.
    pub(super) fn unit_of(self, spool: usize) -> Option<usize> {
        match self.place(spool) {
            Place::Unit(kit, _) => self.facts().units.iter().position(|other| other.id == kit.id),
            Place::External => None,
        }
    }

    /// The unit of this number that can dry, by its index, and how hot it gets.
    pub(super) fn dryer(self, unit: u16) -> Option<(usize, u16)> {
        let index = self.facts().units.iter().position(|kit| kit.id == unit)?;
        match self.facts().units.get(index)?.kind {
            AmsKind::Ams2Pro => Some((index, 65)),
            AmsKind::AmsHt => Some((index, 85)),
            AmsKind::Ams | AmsKind::Lite | AmsKind::LiteA2l => None,
        }
    }
}
