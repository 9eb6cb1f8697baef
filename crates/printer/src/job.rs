//! The job in the printer, or the last one.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::Text;

/// The job in the printer, or the last one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Job {
    /// Its name.
    pub name: Option<Text>,
    /// The file it is printed from.
    pub file: Option<Text>,
    /// Where it came from.
    pub kind: Option<JobKind>,
    /// The plate of the file, from 1.
    pub plate: Option<u16>,
    /// Percent done.
    pub progress: Option<u8>,
    /// Percent of the file that the printer has fetched; only while it prepares.
    pub download: Option<u8>,
    /// When it began, where the printer says so.
    pub started_at: Option<Timestamp>,
    /// Time left, as the printer estimates it.
    pub remaining: Option<Duration>,
    /// When it will end, kept steady against the estimate's jitter.
    pub ends_at: Option<Timestamp>,
    /// Layer being printed.
    pub layer: Option<u32>,
    /// Layers in all.
    pub total_layers: Option<u32>,
    /// The printer has not told the progress of this job yet, only that of the one before; what stands here is 0.
    pub awaits_progress: bool,
    /// Numbers of the objects that are left out; shared, because it changes once a day and is copied
    /// with each report.
    pub skipped: Option<Arc<[i64]>>,
    /// Its place in the cloud's queue; 0 when it does not wait there.
    pub queue_position: Option<u32>,
    /// The steps that the printer plans for it, by their numbers.
    pub plan: Option<Arc<[i64]>>,
    /// Its number as the printer writes it, `0` too: its questions are answered with it.
    pub told_id: Option<Text>,
    /// What it is called by its numbers; shared, because it changes with the job.
    pub ids: Arc<JobIds>,
}

/// What the printer and the cloud call a job; each `None` where it has no such name, as a print from the
/// printer's own storage has none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JobIds {
    /// The task of the job's sender; small numbers for prints from the local network.
    pub task: Option<Text>,
    /// This run of the task; another one when the same is printed again.
    pub subtask: Option<Text>,
    /// The newer generation's number of the job.
    pub job: Option<Text>,
    /// The project in the cloud.
    pub project: Option<Text>,
    /// The slicing profile in the cloud.
    pub profile: Option<Text>,
    /// The design on the vendor's model site.
    pub design: Option<Text>,
}

/// Where a job came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobKind {
    /// The vendor's cloud.
    Cloud,
    /// The local network, or the printer's own storage.
    Local,
    /// There is none.
    Idle,
    /// The printer itself: a calibration.
    System,
}

impl JobKind {
    /// All words for it.
    pub const WORDS: [&str; 4] = ["cloud", "local", "idle", "system"];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Cloud => "cloud",
            Self::Local => "local",
            Self::Idle => "idle",
            Self::System => "system",
        }
    }
}

/// What a printer tells of its jobs; not every generation has every member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::struct_excessive_bools, reason = "a set of independent abilities")]
pub struct JobAbilities {
    /// Where a job came from.
    pub kind: bool,
    /// How far the download of its file is.
    pub download: bool,
    /// When it began.
    pub started: bool,
    /// The plate.
    pub plate: bool,
    /// Which objects are left out.
    pub skipped: bool,
    /// The place in the cloud's queue.
    pub queue: bool,
    /// Whether there is newer firmware.
    pub update: bool,
}
