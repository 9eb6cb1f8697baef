//! One row per simulated model: names, limits, parts, boards, and what is loaded. All that tells the models
//! apart within a generation stands here; its template reads it.
use super::generation::Generation;
use super::plan::{A1_STEPS, FOUR_SPOOLS, NEW_STEPS, ONE_SPOOL, P1_STEPS, SMALL, TWO_NOZZLES, X1_STEPS};
use super::plan::{Plan, Step};
use super::spool::{Spool, chipped, plain};

/// How the answer to `get_version` names the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Naming {
    /// Not at all.
    Nameless,
    /// By its code, in `project_name`.
    Project,
    /// As on the box, in `product_name`.
    Product,
}

/// The kinds of AMS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AmsKind {
    Ams,
    Lite,
    Ams2Pro,
    AmsHt,
    /// The AMS Lite of an A2L, which has a kind of its own there.
    LiteA2l,
}

impl AmsKind {
    pub(super) fn slots(self) -> usize {
        if self == Self::AmsHt { 1 } else { 4 }
    }

    /// The module's name up to the unit's number, its hardware, how its serial number begins, its product name,
    /// its firmware.
    pub(super) fn module(self) -> [&'static str; 5] {
        match self {
            Self::Ams => ["ams", "AMS08", "006A3D", "AMS (1)", "00.00.06.44"],
            Self::Lite => ["ams_f1", "AMS_F102", "03CB4E", "AMS Lite", "00.00.07.90"],
            Self::LiteA2l => ["ams_f1", "AMS_F102", "03CB4E", "AMS lite", "00.00.08.20"],
            Self::Ams2Pro => ["n3f", "N3F05", "19CD5A", "AMS 2 Pro (1)", "03.00.20.31"],
            Self::AmsHt => ["n3s", "N3S05", "19FD5A", "AMS HT (1)", "03.00.20.31"],
        }
    }

    /// What `info` says of the kind, and of what else stands still.
    pub(super) fn info(self) -> u32 {
        match self {
            Self::Ams => 0x1001,
            Self::Lite => 0x1002,
            Self::Ams2Pro => 0x1000_1003,
            Self::AmsHt => 0x1000_2004,
            Self::LiteA2l => 0x3000_1005,
        }
    }

    /// Percent of humidity when it rests; `None` has no sensor and says 0.
    pub(super) fn humidity(self) -> Option<u8> {
        match self {
            Self::Ams => Some(36),
            Self::Ams2Pro => Some(32),
            Self::AmsHt => Some(22),
            Self::Lite | Self::LiteA2l => None,
        }
    }
}

/// A unit that is plugged in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kit {
    pub(super) kind: AmsKind,
    pub(super) id: u16,
    /// The nozzle it feeds: 0 right or only, 1 left.
    pub(super) nozzle: usize,
}

/// A nozzle; numbers from 16 on stand in the rack.
pub(super) struct Nozzle {
    pub(super) id: u8,
    pub(super) diameter: &'static str,
    pub(super) code: &'static str,
    /// What it was last used with.
    pub(super) last: Option<(&'static str, &'static str)>,
}

/// A board: name, product name, hardware, how its serial number begins (without one it is the printer's), firmware.
pub(super) type Board = [&'static str; 5];

/// A mode of the air ducts: number, which parts it lets one control, which it turns off.
pub(super) type Mode = (u8, &'static [u16], &'static [u16]);

/// A row.
pub(super) struct Facts {
    pub(super) name: &'static str,
    pub(super) code: &'static str,
    pub(super) prefix: &'static str,
    pub(super) generation: Generation,
    pub(super) naming: Naming,
    /// The last version that takes unsigned commands, and the first we know of that does not. Where all want
    /// signatures, both are the same: developer mode does without.
    pub(super) firmware: [&'static str; 2],
    pub(super) nozzle_max: u16,
    pub(super) bed_max: u16,
    /// The highest chamber target; `None` has no heater there.
    pub(super) chamber_max: Option<u16>,
    pub(super) door: bool,
    pub(super) sound: bool,
    pub(super) wired: bool,
    /// Nodes beside `chamber_light`.
    pub(super) lamps: &'static [&'static str],
    /// Fans and the like, with the part they play: 16 part, 32 auxiliary, 48 chamber, 96 heater, 160 second
    /// auxiliary.
    pub(super) parts: &'static [(u16, u8)],
    pub(super) modes: &'static [Mode],
    pub(super) nozzles: &'static [Nozzle],
    /// `nozzle_type`.
    pub(super) nozzle_type: &'static str,
    /// What is on the tool head beside the nozzle: its type, and whether it is mounted as a tool.
    pub(super) tool: (&'static str, bool),
    pub(super) units: &'static [Kit],
    pub(super) spools: &'static [Spool],
    pub(super) external: Spool,
    pub(super) boards: &'static [Board],
    pub(super) steps: &'static [Step],
    pub(super) plans: &'static [Plan],
    /// What stands still of `home_flag`, `fun` (without bit 29, signatures), `fun2`.
    pub(super) home_flag: u32,
    pub(super) fun: u64,
    pub(super) fun2: &'static str,
}

impl Kit {
    /// Its bit among the units, and that of its first slot among the trays.
    pub(super) fn bits(&self) -> (u16, u16) {
        match self.kind {
            AmsKind::LiteA2l => (12, 24),
            AmsKind::AmsHt => (self.id - 124, self.id - 112),
            _ => (self.id, self.id * 4),
        }
    }
}

const fn kit(kind: AmsKind, id: u16, nozzle: usize) -> Kit {
    Kit { kind, id, nozzle }
}

const fn nozzle(id: u8, diameter: &'static str, code: &'static str) -> Nozzle {
    Nozzle { id, diameter, code, last: None }
}

const WHITE: Spool =
    chipped(("PLA", "GFA00", "PLA Basic", "A00-W01"), "FFFFFFFF", (190, 230), "5A31C07E00000100", 64.0);
const GREY_PETG: Spool =
    chipped(("PETG", "GFG02", "PETG HF", "G02-D0"), "ADB1B2FF", (230, 260), "C2E6014D00000100", 37.0);
const X1_SPOOLS: &[Spool] = &[
    WHITE,
    chipped(("PLA", "GFA01", "PLA Matte", "A01-B3"), "0078BFFF", (190, 230), "7B90D21400000100", 88.0),
    GREY_PETG,
    plain("PLA", "GFL99", "161616FF", (190, 240)),
];
const A1_SPOOLS: &[Spool] = &[
    chipped(("PLA", "GFA01", "PLA Matte", "A01-R1"), "DE4343FF", (190, 230), "1C40E7B500000100", 71.0),
    chipped(("PLA", "GFA00", "PLA Basic", "A00-G6"), "00AE42FF", (190, 230), "E93B72AA00000100", 46.0),
    plain("PLA", "GFL99", "FFF144FF", (190, 240)),
    plain("PETG", "GFG99", "0ACC38FF", (220, 260)),
];
const H2_SPOOLS: &[Spool] = &[
    chipped(("PLA", "GFA00", "PLA Basic", "A00-W01"), "FFFFFFFF", (190, 230), "3D7710AB00000100", 92.0),
    chipped(("PETG", "GFG02", "PETG HF", "G02-K0"), "000000FF", (230, 260), "90AC5E1200000100", 55.0),
    chipped(("PLA", "GFA01", "PLA Matte", "A01-G1"), "61C680FF", (190, 230), "F80C6DD700000100", 73.0),
    plain("PLA", "GFL99", "F7D959FF", (190, 240)),
    chipped(
        ("PLA-S", "GFS05", "Support for PLA", "S05-C0"),
        "00000000",
        (190, 220),
        "B25D03EE00000100",
        81.0,
    ),
];
const NEW_SPOOLS: &[Spool] = &[
    WHITE,
    chipped(("ABS", "GFB00", "ABS", "B00-K0"), "000000FF", (240, 270), "4E0B92C100000100", 79.0),
    GREY_PETG,
    plain("PLA", "GFL99", "46A8F9FF", (190, 240)),
];
const NOTHING: Spool = plain("", "", "00000000", (0, 0));

// --- the X1 family -----------------------------------------------------------------------------------

pub(super) static X1: Facts = X1_FACTS;
const X1_FACTS: Facts = Facts {
    name: "X1",
    code: "BL-P002",
    prefix: "00W",
    generation: Generation::Complete,
    naming: Naming::Nameless,
    firmware: ["01.08.02.00", "01.09.00.01"],
    nozzle_max: 300,
    bed_max: 120,
    chamber_max: None,
    door: true,
    sound: false,
    wired: false,
    lamps: &["work_light"],
    parts: &[(16, 0), (32, 1), (48, 2)],
    modes: &[],
    nozzles: &[nozzle(0, "0.4", "HX00")],
    nozzle_type: "stainless_steel",
    tool: ("", false),
    units: &[kit(AmsKind::Ams, 0, 0)],
    spools: X1_SPOOLS,
    external: plain("TPU", "GFU99", "7A8B99FF", (200, 250)),
    boards: &[
        ["mc", "", "MC07", "002", "00.00.27.26"],
        ["sm", "", "SMC01", "N/A", "00.00.27.26"],
        ["th", "", "TH09", "003", "00.00.07.12"],
        ["ap", "", "AP05", "", "00.00.32.39"],
    ],
    steps: X1_STEPS,
    plans: FOUR_SPOOLS,
    home_flag: 0x0061_C508,
    fun: 0x0002_0011_830F_9CFB,
    fun2: "0",
};

pub(super) static X1C: Facts = Facts {
    name: "X1 Carbon",
    code: "BL-P001",
    prefix: "00M",
    nozzles: &[nozzle(0, "0.4", "HX01")],
    nozzle_type: "hardened_steel",
    ..X1_FACTS
};

pub(super) static X1E: Facts = Facts {
    name: "X1E",
    code: "C13",
    prefix: "03W",
    firmware: ["01.01.02.00", "01.02.00.00"],
    nozzle_max: 320,
    bed_max: 110,
    chamber_max: Some(60),
    wired: true,
    nozzles: &[nozzle(0, "0.4", "HX01")],
    nozzle_type: "hardened_steel",
    boards: &[
        ["mc", "", "MC07", "002", "00.00.27.26"],
        ["sm", "", "SMC01", "N/A", "00.00.27.26"],
        ["th", "", "TH09", "003", "00.00.07.12"],
        ["ap", "", "AP02", "", "00.00.32.39"],
    ],
    ..X1_FACTS
};

// --- the P1 and A series -----------------------------------------------------------------------------

pub(super) static P1P: Facts = Facts {
    name: "P1P",
    code: "C11",
    prefix: "01S",
    firmware: ["01.07.00.00", "01.08.02.00"],
    // Both other fans come with the upgrade kit.
    parts: &[(16, 0)],
    units: &[],
    spools: &[plain("PETG", "GFG99", "BCBCBCFF", (230, 270))],
    external: plain("PETG", "GFG99", "BCBCBCFF", (230, 270)),
    plans: ONE_SPOOL,
    nozzle_type: "stainless_steel",
    // Bit 26, the upgrade kit, is off.
    home_flag: 0x0961_4118,
    ..P1_FACTS
};

pub(super) static P1S: Facts = P1_FACTS;
const P1_FACTS: Facts = Facts {
    name: "P1S",
    code: "C12",
    prefix: "01P",
    generation: Generation::Delta,
    naming: Naming::Product,
    firmware: ["01.08.01.00", "01.08.02.00"],
    bed_max: 100,
    door: false,
    lamps: &[],
    external: plain("PLA", "GFL99", "368CF9FF", (190, 240)),
    boards: &[
        ["esp32", "", "AP04", "", "01.11.35.60"],
        ["mc", "", "MC07", "01D", "00.01.32.85"],
        ["th", "", "TH09", "01E", "00.00.09.95"],
    ],
    steps: P1_STEPS,
    plans: SMALL,
    home_flag: 0x0161_4518,
    ..X1_FACTS
};

pub(super) static A1: Facts = A1_FACTS;
const A1_FACTS: Facts = Facts {
    name: "A1",
    code: "N2S",
    prefix: "039",
    naming: Naming::Project,
    firmware: ["01.04.00.00", "01.07.00.00"],
    sound: true,
    parts: &[(16, 0)],
    nozzle_type: "stainless_steel",
    units: &[kit(AmsKind::Lite, 0, 0)],
    spools: A1_SPOOLS,
    external: plain("PLA", "GFA00", "FFFFFFFF", (190, 240)),
    boards: &[
        ["esp32", "", "AP05", "", "01.13.33.90"],
        ["mc", "", "MC02", "002", "00.01.29.83"],
        ["th", "", "TH01", "003", "00.00.07.69"],
    ],
    steps: A1_STEPS,
    home_flag: 0x327D_4588,
    ..P1_FACTS
};

pub(super) static A1_MINI: Facts = Facts {
    name: "A1 mini",
    code: "N1",
    prefix: "030",
    firmware: ["01.04.00.00", "01.07.02.00"],
    bed_max: 80,
    boards: &[
        ["esp32", "", "AP05", "", "01.12.31.60"],
        ["mc", "", "MC02", "002", "00.01.29.70"],
        ["th", "", "TH03", "003", "00.00.07.60"],
    ],
    ..A1_FACTS
};

pub(super) static A2L: Facts = Facts {
    name: "A2L",
    code: "N9",
    prefix: "26A",
    naming: Naming::Product,
    firmware: ["01.01.00.00", "01.01.00.00"],
    bed_max: 80,
    nozzles: &[nozzle(0, "0.4", "HA00")],
    units: &[kit(AmsKind::LiteA2l, 16, 0)],
    external: NOTHING,
    boards: &[
        ["ap", "", "AP03", "", "01.12.50.02"],
        ["mc", "", "MC04", "002", "01.01.90.49"],
        ["th", "", "TH03", "003", "01.01.27.00"],
        ["smc", "", "SMC03", "09S", "01.01.18.97"],
    ],
    fun: 0x0001_00D1_0200_2FBD,
    fun2: "1049560",
    ..A1_FACTS
};

// --- the newer ones ----------------------------------------------------------------------------------

const H2_MODES: &[Mode] = &[(0, &[16, 32, 48], &[96]), (1, &[16], &[32, 48]), (2, &[48], &[])];

const H2S_FACTS: Facts = Facts {
    name: "H2S",
    code: "O1S",
    prefix: "093",
    generation: Generation::Packed,
    naming: Naming::Product,
    firmware: ["01.01.00.00", "01.01.00.00"],
    nozzle_max: 350,
    chamber_max: Some(65),
    sound: true,
    lamps: &["work_light", "chamber_light2"],
    parts: &[(16, 0), (32, 1), (48, 2), (96, 4)],
    modes: H2_MODES,
    nozzles: &[nozzle(0, "0.4", "HS01")],
    nozzle_type: "HS01",
    // The laser of 10 W.
    tool: ("LB00", true),
    units: &[kit(AmsKind::Ams2Pro, 0, 0)],
    spools: NEW_SPOOLS,
    external: NOTHING,
    boards: &[
        ["ahb", "", "AHB02", "19Q", "02.03.04.10"],
        ["th", "", "TH08", "098", "03.00.16.20"],
        ["smc", "", "SMC09", "09S", "03.00.10.48"],
        ["mc", "", "MC09", "31E", "04.00.52.10"],
        ["ap", "", "AP05", "", "00.00.69.05"],
    ],
    steps: NEW_STEPS,
    home_flag: 0xC065_4580,
    fun: 0x0402_3FF1_8FFF_9CB3,
    fun2: "E",
    ..X1_FACTS
};
pub(super) static H2S: Facts = H2S_FACTS;

const H2D_FACTS: Facts = Facts {
    name: "H2D",
    code: "O1D",
    prefix: "094",
    firmware: ["01.00.02.00", "01.03.00.00"],
    nozzles: &[nozzle(0, "0.4", "HS01"), nozzle(1, "0.4", "HH01")],
    tool: ("", false),
    units: &[kit(AmsKind::Ams2Pro, 0, 1), kit(AmsKind::AmsHt, 128, 0)],
    spools: H2_SPOOLS,
    boards: &[
        ["ahb", "", "AHB02", "19Q", "02.03.04.10"],
        ["mc-sub", "", "N/A", "N/A", "00.00.00.00"],
        ["th", "", "TH08", "098", "03.00.16.20"],
        ["ext", "", "EXT07", "09W", "00.00.08.14"],
        ["smc", "", "SMC09", "09S", "03.00.10.48"],
        ["mc", "", "MC09", "31E", "04.00.52.10"],
        ["ap", "", "AP05", "", "00.00.69.05"],
    ],
    plans: TWO_NOZZLES,
    fun: 0x0002_7FF1_8FFF_9CB3,
    fun2: "10F7",
    ..H2S_FACTS
};
/// With what firmware of 2026 brings, so that it can be tried: no recording of an H2D has all of it.
pub(super) static H2D: Facts = Facts { fun: 0x4002_7FF1_8FFF_9CB3, fun2: "F0F7", ..H2D_FACTS };

pub(super) static H2D_PRO: Facts = Facts {
    name: "H2D Pro",
    code: "O1E",
    prefix: "239",
    firmware: ["01.01.00.00", "01.01.00.00"],
    wired: true,
    nozzles: &[nozzle(0, "0.4", "HS05"), nozzle(1, "0.4", "HS05")],
    nozzle_type: "HS05",
    tool: ("F000", false),
    boards: &[
        ["ahb", "", "AHB02", "19Q", "02.04.09.70"],
        ["mc-sub", "", "N/A", "N/A", "00.00.00.00"],
        ["th", "", "TH08", "098", "02.00.19.33"],
        ["ext", "", "EXT07", "09W", "00.00.08.18"],
        ["smc", "", "SMC09", "09S", "02.01.12.02"],
        ["mc", "", "MC09", "31E", "02.00.65.27"],
        ["ap", "", "AP01", "", "00.00.67.21"],
    ],
    fun: 0x0402_3FF1_8FFF_9CB3,
    ..H2D_FACTS
};

pub(super) static H2C: Facts = Facts {
    name: "H2C",
    code: "O1C2",
    prefix: "31B",
    firmware: ["01.01.00.00", "01.01.00.00"],
    // Place 20 is empty: its hotend is on the tool head.
    nozzles: &[
        Nozzle { last: Some(("688197FF", "GFG00")), ..nozzle(0, "0.4", "HS01") },
        nozzle(1, "0.4", "HS01"),
        nozzle(16, "0.2", "HS00"),
        Nozzle { last: Some(("00AE42FF", "GFG02")), ..nozzle(17, "0.4", "HS01") },
        nozzle(18, "0.6", "HS01"),
        nozzle(19, "0.4", "HH01"),
        nozzle(21, "0.8", "HS01"),
    ],
    nozzle_type: "HS01-0.4",
    tool: ("F000", false),
    units: &[kit(AmsKind::Ams2Pro, 0, 0)],
    spools: NEW_SPOOLS,
    boards: &[
        ["ahb", "", "AHB03", "19Q", "02.04.11.91"],
        ["mc-sub", "", "N/A", "N/A", "00.00.00.00"],
        ["th", "", "TH08", "098", "01.00.20.63"],
        ["ext", "", "EXT07", "09W", "00.00.08.18"],
        ["smc", "", "SMC09", "09S", "00.00.13.57"],
        ["wtm", "WTM", "WTM04", "0DW", "01.00.11.19"],
        ["wtm/16", "WTM", "WTM04", "0DW", "01.00.11.19"],
        ["wtm/17", "WTM", "WTM04", "0DW", "01.00.11.19"],
        ["wtm/18", "WTM", "WTM04", "0DW", "01.00.11.19"],
        ["wtm/19", "WTM", "WTM04", "0DW", "01.00.11.19"],
        ["wtm/21", "WTM", "WTM04", "0DW", "01.00.11.19"],
        ["tm", "", "TM03", "0DT", "00.00.12.26"],
        ["mc", "", "MC09", "31E", "02.00.71.23"],
        ["ap2", "", "AP05", "", "00.00.16.83"],
    ],
    plans: FOUR_SPOOLS,
    fun: 0x1402_3FF1_8FFF_9CB7,
    ..H2D_FACTS
};

pub(super) static X2D: Facts = Facts {
    name: "X2D",
    code: "N6",
    prefix: "20P",
    nozzle_max: 300,
    // The main nozzle is the left one.
    nozzles: &[nozzle(0, "0.4", "HS01"), nozzle(1, "0.4", "HS01")],
    lamps: &["work_light"],
    parts: &[(16, 0), (32, 5), (160, 6), (48, 2)],
    modes: &[(0, &[16, 32, 160, 48], &[]), (1, &[16, 160, 48], &[])],
    tool: ("", false),
    units: &[kit(AmsKind::Ams2Pro, 0, 1)],
    boards: &[
        ["ahb", "Filament Buffer - for X2", "AHB-N602", "19Q", "02.00.17.18"],
        ["eef", "Bambu Lab External Exhaust Fan", "EEF01", "33N", "00.00.13.35"],
        ["th", "", "TH06", "22D", "02.00.27.16"],
        ["smc", "", "SMC03", "22V", "02.00.18.23"],
        ["mc", "", "MC12", "22C", "02.00.90.74"],
        ["ap2", "", "AP04", "", "00.00.36.49"],
    ],
    fun: 0x4002_9FD1_930F_9CB7,
    fun2: "B7B77",
    ..H2S_FACTS
};

pub(super) static P2S: Facts = Facts {
    name: "P2S",
    code: "N7",
    prefix: "22E",
    firmware: ["01.02.00.00", "01.02.00.00"],
    nozzle_max: 300,
    bed_max: 110,
    chamber_max: None,
    lamps: &["work_light"],
    parts: &[(16, 0), (32, 6)],
    modes: &[(0, &[16, 32, 160], &[]), (1, &[16, 32], &[160])],
    tool: ("", false),
    boards: &[
        ["ahb", "Filament Buffer - for P2", "AHB-N703", "19Q", "01.00.11.61"],
        ["th", "", "TH03", "22D", "02.00.20.82"],
        ["smc", "", "SMC01", "22V", "02.00.13.93"],
        ["mc", "", "MC06", "22C", "01.00.69.85"],
        ["ap", "", "AP04", "", "00.00.69.32"],
    ],
    fun: 0x6002_9FD1_83FF_9CB7,
    fun2: "3973",
    ..H2S_FACTS
};
