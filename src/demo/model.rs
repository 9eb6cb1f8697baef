//! What tells the three simulated models apart: names, limits, firmware, how a job of theirs runs.
use super::spool::Spool;

/// A kind of printer that the demo can play.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Model {
    /// X1 Carbon with an AMS: a complete report each second.
    X1c,
    /// A1 mini with an AMS Lite: one complete report when asked, then only what changed.
    A1Mini,
    /// H2D with an AMS 2 Pro and an AMS HT: a complete report of the new kind each second.
    H2d,
}

/// One stage before the first layer.
pub(super) struct Step {
    pub(super) stage: i16,
    pub(super) seconds: f64,
    /// Nozzle target during it; `None` is the job's own.
    pub(super) nozzle: Option<u16>,
    /// Whether the stage also lasts until bed and nozzle are there.
    pub(super) wait: bool,
}

/// A print that the demo repeats.
pub(super) struct Plan {
    pub(super) name: &'static str,
    pub(super) file: &'static str,
    pub(super) kind: &'static str,
    pub(super) layers: u32,
    pub(super) seconds: f64,
    pub(super) nozzle: u16,
    pub(super) bed: u16,
    /// From which share of the job on which spool feeds.
    pub(super) spools: &'static [(f64, usize)],
}

const fn step(stage: i16, seconds: f64, nozzle: Option<u16>, wait: bool) -> Step {
    Step { stage, seconds, nozzle, wait }
}

/// How many of the first steps a printer calls `PREPARE`.
pub(super) const PREPARING: usize = 2;

const X1C_STEPS: [Step; 5] = [
    step(-1, 6.0, Some(0), false),
    step(2, 8.0, Some(140), true),
    step(14, 14.0, None, true),
    step(1, 24.0, Some(140), false),
    step(8, 12.0, None, true),
];
const A1_MINI_STEPS: [Step; 6] = [
    step(255, 5.0, Some(0), false),
    step(2, 8.0, Some(140), true),
    step(13, 6.0, Some(140), false),
    step(3, 14.0, Some(170), false),
    step(14, 14.0, Some(140), false),
    step(1, 20.0, None, true),
];
const H2D_STEPS: [Step; 6] = [
    step(-1, 6.0, Some(0), false),
    step(2, 8.0, Some(140), true),
    step(13, 8.0, Some(140), false),
    step(14, 14.0, None, true),
    step(1, 24.0, Some(140), false),
    step(39, 12.0, None, true),
];

const fn plan(name: &'static str, file: &'static str, kind: &'static str, layers: u32) -> Plan {
    Plan { name, file, kind, layers, seconds: 960.0, nozzle: 220, bed: 60, spools: &[(0.0, 0)] }
}

const PLATE: &str = "/data/Metadata/plate_1.gcode";
const X1C_PLANS: [Plan; 3] = [
    Plan { spools: &[(0.0, 0), (0.43, 1)], bed: 55, ..plan("Modular shelf bracket", PLATE, "cloud", 128) },
    Plan {
        spools: &[(0.0, 2), (0.3, 1), (0.7, 2)],
        nozzle: 255,
        bed: 70,
        seconds: 1080.0,
        ..plan("Cable guide x4", PLATE, "local", 160)
    },
    Plan {
        spools: &[(0.0, 1)],
        seconds: 840.0,
        bed: 55,
        ..plan("Blumenübertopf klein", "/data/Metadata/plate_2.gcode", "cloud", 96)
    },
];
const A1_MINI_PLANS: [Plan; 2] = [
    Plan { spools: &[(0.0, 1), (0.5, 2)], bed: 65, ..plan("Name tag.3mf", "Name tag.3mf", "local", 75) },
    Plan { spools: &[(0.0, 0)], seconds: 900.0, bed: 65, ..plan("Würfel.3mf", "Würfel.3mf", "cloud", 110) },
];
const H2D_PLANS: [Plan; 2] = [
    Plan { spools: &[(0.0, 2), (0.55, 4)], bed: 55, ..plan("Planter with support", PLATE, "cloud", 140) },
    Plan {
        spools: &[(0.0, 4), (0.25, 0), (0.6, 4)],
        nozzle: 245,
        bed: 70,
        seconds: 1080.0,
        ..plan("Drill holder", PLATE, "local", 180)
    },
];

impl Model {
    /// How each serial number of this model begins.
    pub fn serial_prefix(self) -> &'static str {
        match self {
            Self::X1c => "00M",
            Self::A1Mini => "030",
            Self::H2d => "094",
        }
    }

    /// The product name in the account's list of devices.
    pub fn product_name(self) -> &'static str {
        match self {
            Self::X1c => "X1 Carbon",
            Self::A1Mini => "A1 mini",
            Self::H2d => "H2D",
        }
    }

    /// The model code in the account's list of devices.
    pub fn code(self) -> &'static str {
        match self {
            Self::X1c => "BL-P001",
            Self::A1Mini => "N1",
            Self::H2d => "O1D",
        }
    }

    pub(super) fn structure(self) -> &'static str {
        if self == Self::A1Mini { "I3" } else { "CoreXY" }
    }

    /// The last versions that take unsigned commands, or the first we know of that do not.
    pub(super) fn firmware(self, signed_only: bool) -> &'static str {
        match (self, signed_only) {
            (Self::X1c, false) => "01.08.02.00",
            (Self::X1c, true) => "01.09.00.01",
            (Self::A1Mini, false) => "01.04.00.00",
            (Self::A1Mini, true) => "01.07.02.00",
            (Self::H2d, false) => "01.00.02.00",
            (Self::H2d, true) => "01.03.00.00",
        }
    }

    pub(super) fn nozzle_max(self) -> u16 {
        if self == Self::H2d { 350 } else { 300 }
    }

    pub(super) fn bed_max(self) -> u16 {
        match self {
            Self::X1c | Self::H2d => 120,
            Self::A1Mini => 80,
        }
    }

    /// The highest chamber target; `None` has no heater there.
    pub(super) fn chamber_max(self) -> Option<u16> {
        (self == Self::H2d).then_some(65)
    }

    pub(super) fn steps(self) -> &'static [Step] {
        match self {
            Self::X1c => &X1C_STEPS,
            Self::A1Mini => &A1_MINI_STEPS,
            Self::H2d => &H2D_STEPS,
        }
    }

    pub(super) fn plans(self) -> &'static [Plan] {
        match self {
            Self::X1c => &X1C_PLANS,
            Self::A1Mini => &A1_MINI_PLANS,
            Self::H2d => &H2D_PLANS,
        }
    }

    /// What `stg_cur` says when there is no stage.
    pub(super) fn no_stage(self) -> i16 {
        if self == Self::A1Mini { 255 } else { -1 }
    }

    /// The nozzle that a spool feeds: 0 right or only, 1 left.
    pub(super) fn nozzle_of(self, spool: usize) -> usize {
        usize::from(self == Self::H2d && spool < 4)
    }

    pub(super) fn spools(self) -> Vec<Spool> {
        match self {
            Self::X1c => super::x1c::spools(),
            Self::A1Mini => super::a1mini::spools(),
            Self::H2d => super::h2d::spools(),
        }
    }
}
