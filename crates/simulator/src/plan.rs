//! How jobs of the demo run: the stages before the first layer, and the prints that it repeats.

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

pub(super) const X1_STEPS: &[Step] = &[
    step(-1, 6.0, Some(0), false),
    step(2, 8.0, Some(140), true),
    step(14, 14.0, None, true),
    step(1, 24.0, Some(140), false),
    step(8, 12.0, None, true),
];
pub(super) const P1_STEPS: &[Step] = &[
    step(255, 6.0, Some(0), false),
    step(2, 8.0, Some(140), true),
    step(13, 6.0, Some(140), false),
    step(14, 14.0, None, true),
    step(1, 24.0, Some(140), true),
];
pub(super) const A1_STEPS: &[Step] = &[
    step(255, 5.0, Some(0), false),
    step(2, 8.0, Some(140), true),
    step(13, 6.0, Some(140), false),
    step(3, 14.0, Some(170), false),
    step(14, 14.0, Some(140), false),
    step(1, 20.0, None, true),
];
pub(super) const NEW_STEPS: &[Step] = &[
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

/// For one unit of four spools.
pub(super) const FOUR_SPOOLS: &[Plan] = &[
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
/// For printers that name a job by its file.
pub(super) const SMALL: &[Plan] = &[
    Plan { spools: &[(0.0, 1), (0.5, 2)], bed: 65, ..plan("Name tag.3mf", "Name tag.3mf", "local", 75) },
    Plan { spools: &[(0.0, 0)], seconds: 900.0, bed: 65, ..plan("Würfel.3mf", "Würfel.3mf", "cloud", 110) },
];
/// The same, from the spool outside.
pub(super) const ONE_SPOOL: &[Plan] = &[
    Plan { bed: 55, ..plan("Hook, wall.3mf", "Hook, wall.3mf", "local", 88) },
    Plan { seconds: 900.0, bed: 55, ..plan("Lid 80 mm.3mf", "Lid 80 mm.3mf", "cloud", 120) },
];
/// For a unit of four spools at the left nozzle and one spool at the right one.
pub(super) const TWO_NOZZLES: &[Plan] = &[
    Plan { spools: &[(0.0, 2), (0.55, 4)], bed: 55, ..plan("Planter with support", PLATE, "cloud", 140) },
    Plan {
        spools: &[(0.0, 4), (0.25, 0), (0.6, 4)],
        nozzle: 245,
        bed: 70,
        seconds: 1080.0,
        ..plan("Drill holder", PLATE, "local", 180)
    },
];
