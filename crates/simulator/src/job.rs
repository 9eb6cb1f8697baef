//! A print that somebody sent, beside those that the demo repeats: what is told of it, and by which numbers.
use super::generation::Generation;
use super::machine::{Machine, Phase};
use super::model::Model;

/// Where a job comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Sent by the cloud, which keeps a task for it.
    Cloud,
    /// From the printer's own storage or the local network; the cloud knows nothing of it.
    Local,
    /// The printer measures itself.
    Calibration,
}

impl Origin {
    /// `print_type`.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Cloud => "cloud",
            Self::Local => "local",
            Self::Calibration => "system",
        }
    }
}

/// A job for a printer of the demo, to be begun by hand.
#[derive(Clone, Debug, PartialEq)]
pub struct JobSpec {
    pub(super) origin: Origin,
    pub(super) name: String,
    pub(super) plate: u32,
    pub(super) layers: u32,
    pub(super) seconds: f64,
    pub(super) weight_g: f64,
    pub(super) spools: Vec<(f64, usize)>,
}

impl JobSpec {
    fn new(origin: Origin, name: &str) -> Self {
        Self {
            origin,
            name: name.to_owned(),
            plate: 1,
            layers: 100,
            seconds: 960.0,
            weight_g: 27.0,
            spools: vec![(0.0, 0)],
        }
    }

    /// A print from the cloud.
    pub fn cloud(name: &str) -> Self {
        Self::new(Origin::Cloud, name)
    }

    /// A print from the card or the local network.
    pub fn local(name: &str) -> Self {
        Self::new(Origin::Local, name)
    }

    /// A calibration.
    pub fn calibration() -> Self {
        Self::new(Origin::Calibration, "")
    }

    /// So many simulated seconds of printing at normal speed, after the preparations.
    #[must_use]
    pub fn seconds(mut self, seconds: f64) -> Self {
        self.seconds = seconds;
        self
    }

    /// So many layers.
    #[must_use]
    pub fn layers(mut self, layers: u32) -> Self {
        self.layers = layers;
        self
    }

    /// So much filament in all, g.
    #[must_use]
    pub fn weight_g(mut self, weight_g: f64) -> Self {
        self.weight_g = weight_g;
        self
    }

    /// From which share of the job on (0 to 1) which spool feeds: counted through all units from 0, and then
    /// the one outside.
    #[must_use]
    pub fn spools(mut self, spools: &[(f64, usize)]) -> Self {
        self.spools = spools.to_vec();
        self
    }

    /// The plate of the file, from 1.
    #[must_use]
    pub fn plate(mut self, plate: u32) -> Self {
        self.plate = plate;
        self
    }

    pub(super) fn into_job(self, model: Model) -> Job {
        let file = if model.is_terse() {
            escaped(&format!("{}.3mf", self.name))
        } else {
            format!("/data/Metadata/plate_{}.gcode", self.plate)
        };
        Job {
            name: escaped(&self.name),
            file,
            kind: self.origin.word(),
            plate: self.plate,
            task: None,
            spools: self.spools,
            size: Some(Size { layers: self.layers, seconds: self.seconds, weight_g: self.weight_g }),
        }
    }
}

/// How large a print is; without it that is as the plan has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Size {
    pub(super) layers: u32,
    pub(super) seconds: f64,
    pub(super) weight_g: f64,
}

/// What is told of it; texts as they stand in JSON.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Job {
    pub(super) name: String,
    pub(super) file: String,
    /// `cloud`, `local` or `system`.
    pub(super) kind: &'static str,
    pub(super) plate: u32,
    /// The number that the sender gave it.
    pub(super) task: Option<u32>,
    /// From which share of the job on which spool feeds.
    pub(super) spools: Vec<(f64, usize)>,
    pub(super) size: Option<Size>,
}

impl Job {
    /// What a calibration is called: by the file that the printer keeps for it.
    pub(super) fn calibration() -> Self {
        Self {
            name: "auto_cali_for_user".to_owned(),
            file: "/usr/etc/print/auto_cali_for_user.gcode".to_owned(),
            kind: Origin::Calibration.word(),
            plate: 1,
            task: None,
            spools: Vec::new(),
            size: Some(Size { layers: 0, seconds: 1.0, weight_g: 0.0 }),
        }
    }
}

/// A text as it stands between the quotes of JSON.
pub(super) fn escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned()
}

/// The numbers of a job, 0 where it has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ids {
    /// `task_id`.
    pub task: u64,
    /// `subtask_id`.
    pub subtask: u64,
    /// `project_id`.
    pub project: u64,
    /// `profile_id`.
    pub profile: u64,
    /// `job_id`, on printers that tell it.
    pub job: u64,
}

impl Ids {
    /// The numbers of the `run`th job of a printer. Recordings show three ways: older ones have different
    /// numbers for all (an X1C of 01.09, an H2D of 01.01, a P1P), newer ones one for all but the profile (an
    /// A1, an X2D, an H2C), and prints that the cloud does not know have none, or a small one of the printer's
    /// own (an H2D, a P2S).
    fn new(model: Model, origin: &str, run: u32, sent: Option<u32>, serial: &str) -> Self {
        if let Some(task) = sent.map(u64::from) {
            return Self { task, subtask: task, ..Self::default() };
        }
        let printer: u64 = serial.get(6..).and_then(|number| number.parse().ok()).unwrap_or_default();
        let number = 700_000_000 + printer * 100_000 + u64::from(run) * 3;
        match (origin, model.facts().generation) {
            ("cloud", Generation::Complete) => Self::different(number, true),
            ("cloud", Generation::Packed) if matches!(model, Model::H2d | Model::H2dPro | Model::H2s) => {
                Self::different(number, true)
            }
            ("cloud", _) if matches!(model, Model::P1p | Model::P1s) => Self::different(number, false),
            ("cloud", _) => Self {
                task: number,
                subtask: number,
                project: number,
                profile: number - 100_894_000,
                job: number,
            },
            ("local", Generation::Complete | Generation::Packed) => {
                Self { task: run.into(), ..Self::default() }
            }
            _ => Self::default(),
        }
    }

    fn different(number: u64, tells_job: bool) -> Self {
        Self {
            task: number,
            subtask: number + 1,
            project: number / 2,
            profile: number / 2 - 29_189_300,
            job: if tells_job { number / 2 + 22_070_900 } else { 0 },
        }
    }

    /// Numbers of a print from before this one.
    pub(super) fn before(self, prints: u64) -> Self {
        let less = |number: u64| number.saturating_sub(prints * 3);
        Self {
            task: less(self.task),
            subtask: less(self.subtask),
            project: less(self.project),
            profile: less(self.profile),
            job: less(self.job),
        }
    }

    /// The number under which the cloud lists it.
    pub fn listed(self) -> u64 {
        if self.job > 0 { self.job } else { self.task }
    }
}

/// How a report calls a job.
#[derive(Clone, Debug, Default)]
pub(super) struct Titles {
    pub(super) ids: Ids,
    pub(super) name: String,
}

/// A printer of the P1 series tells its state first, and the job's name and numbers seconds later.
const NAMELESS_SECONDS: f64 = 4.0;
/// A bed-slinger tells the name of a local print while it still calls itself idle.
const NAMED_BEFORE_SECONDS: f64 = 1.5;

impl Machine {
    pub(super) fn job_name(&self) -> &str {
        self.job.as_ref().map_or(self.plan().name, |job| &job.name)
    }

    pub(super) fn job_file(&self) -> &str {
        self.job.as_ref().map_or(self.plan().file, |job| &job.file)
    }

    pub(super) fn job_kind(&self) -> &'static str {
        self.job.as_ref().map_or(self.plan().kind, |job| job.kind)
    }

    pub(super) fn job_plate(&self) -> u32 {
        self.job.as_ref().map_or(1, |job| job.plate)
    }

    pub(super) fn layers(&self) -> u32 {
        self.size().map_or(self.plan().layers, |size| size.layers)
    }

    /// Seconds of printing in all.
    pub(super) fn seconds(&self) -> f64 {
        self.size().map_or(self.plan().seconds, |size| size.seconds)
    }

    /// Filament in all, g.
    pub(super) fn weight_g(&self) -> f64 {
        self.size().map_or_else(|| f64::from(self.plan().layers) * 0.27, |size| size.weight_g)
    }

    fn size(&self) -> Option<Size> {
        self.job.as_ref().and_then(|job| job.size)
    }

    /// Gives the job that begins its numbers.
    pub(super) fn number_job(&mut self) {
        self.jobs += 1;
        let sent = self.job.as_ref().and_then(|job| job.task);
        self.ids = Ids::new(self.model, self.job_kind(), self.jobs, sent, &self.serial);
    }

    /// From which share of the job on which spool feeds.
    pub(super) fn job_spools(&self) -> &[(f64, usize)] {
        match &self.job {
            Some(job) if !job.spools.is_empty() => &job.spools,
            _ => self.plan().spools,
        }
    }

    /// Whether there is a job to tell of.
    pub(super) fn has_job(&self) -> bool {
        self.phase != Phase::Idle || self.calibrating().is_some()
    }

    fn starts_for_less_than(&self, seconds: f64) -> bool {
        self.since_begin().is_some_and(|since| since < seconds)
    }

    /// Whether its file is told: while it is on.
    pub(super) fn tells_file(&self) -> bool {
        (self.busy() || self.calibrating().is_some()) && !self.nameless()
    }

    /// The state is told, and the name and numbers are still those of what was before.
    pub(super) fn nameless(&self) -> bool {
        matches!(self.model, Model::P1p | Model::P1s) && self.starts_for_less_than(NAMELESS_SECONDS)
    }

    /// The name is told, and the state is still that of what was before.
    pub(super) fn named_before(&self) -> bool {
        let slings = matches!(self.model, Model::A1 | Model::A1Mini);
        slings && self.job_kind() == "local" && self.starts_for_less_than(NAMED_BEFORE_SECONDS)
    }

    pub(super) fn told_ids(&self) -> Ids {
        match (self.has_job(), self.nameless()) {
            (false, _) => Ids::default(),
            (true, true) => self.before.ids,
            (true, false) => self.ids,
        }
    }

    pub(super) fn told_name(&self) -> &str {
        match (self.has_job(), self.nameless()) {
            (false, _) => "",
            (true, true) => &self.before.name,
            (true, false) => self.job_name(),
        }
    }
}
