//! What the account's cloud knows of a printer and its jobs, beside what the printer says itself.

mod project;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Job, Serial, Source, Text};

pub use project::{Plate, PlateFilament, PlateObject, Project, ProjectKey, plate_of};

/// What the cloud knows of one printer; everything `None` or empty while it was not asked.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Facts {
    /// The cloud's opinion whether the printer is connected to it; a second one, never the first.
    pub online: Option<bool>,
    /// The newest firmware it offers for the printer.
    pub release: Option<Release>,
    /// The same for each AMS of the printer that it lists, in its order.
    pub ams_releases: Vec<Arc<Release>>,
    /// The task of the job that is under way, or was last.
    pub task: Option<Arc<Task>>,
    /// The last tasks, newest first; `None` while the cloud has not told them.
    pub recent: Option<Arc<[Arc<Task>]>>,
    /// The picture of the job that is under way, or was last.
    pub cover: Cover,
    /// The plate that the job prints, or printed last: its objects and its filaments.
    pub plate: Option<Arc<Plate>>,
    /// A picture of that plate in which the colour of each object is its number.
    pub pick: Cover,
    /// What the cloud says the printer does, while the printer itself cannot be heard.
    pub presence: Option<Arc<Presence>>,
    /// Names of the account's own filaments, by id.
    pub names: Arc<Names>,
}

/// The picture of a job.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Cover {
    /// Nobody knows of one.
    #[default]
    Unknown,
    /// The one that there was is none of this job.
    Gone,
    /// This one.
    Is(Arc<Picture>),
}

impl Cover {
    /// The picture, if there is one.
    pub fn picture(&self) -> Option<&Arc<Picture>> {
        match self {
            Self::Is(picture) => Some(picture),
            Self::Unknown | Self::Gone => None,
        }
    }
}

/// No number in it is ever a NaN: `cloud::data` lets none in. So that one and the same is found equal by its
/// address, with each report.
impl Eq for Facts {}

/// Names of the filaments that people made themselves, by id.
pub type Names = BTreeMap<Text, Text>;

/// Whether the id of a filament is that of one which somebody made.
pub fn is_private(id: &str) -> bool {
    id.strip_prefix('P').is_some_and(|rest| rest.len() == 7 && rest.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// A picture as it came.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    /// What its first bytes say that it is.
    pub kind: PictureKind,
    /// All of it.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Picture({:?}, {} bytes)", self.kind, self.bytes.len())
    }
}

impl Picture {
    /// Takes bytes for what they are; `None` for what no browser shows.
    pub fn new(bytes: Vec<u8>) -> Option<Self> {
        let kind = PictureKind::of(&bytes)?;
        Some(Self { kind, bytes })
    }
}

/// The kinds of pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum PictureKind {
    Png,
    Jpeg,
    Webp,
}

impl PictureKind {
    /// By the first bytes: addresses and headers are not to be relied on.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A, ..] => Some(Self::Png),
            [0xFF, 0xD8, 0xFF, ..] => Some(Self::Jpeg),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::Webp),
            _ => None,
        }
    }

    /// Its MIME type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
        }
    }
}

/// What the cloud says of a printer and its job when asked (protocol 1.7.2). It lags behind the printer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Presence {
    /// The printer's serial number, upper case.
    pub serial: Text,
    /// Whether it is connected.
    pub online: Option<bool>,
    /// Number of the task.
    pub task: Option<Text>,
    /// Name of the job.
    pub title: Option<Text>,
    /// In the cloud's words.
    pub status: Option<Text>,
    /// Percent done.
    pub progress: Option<u8>,
    /// How long the slicer thought it would take.
    pub estimate: Option<Duration>,
}

/// A message in the account's inbox (protocol 1.7.5).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message {
    /// Its number.
    pub id: Text,
    /// The vendor's number for its kind; 6 is about a task.
    pub kind: Option<i64>,
    /// When it was written.
    pub at: Option<Timestamp>,
    /// The task that it is about.
    pub task: Option<Text>,
    /// The name of that.
    pub title: Option<Text>,
    /// How that stands.
    pub status: Option<TaskStatus>,
    /// The printer, by its serial number, upper case.
    pub serial: Option<Text>,
}

/// Firmware that the cloud offers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Release {
    /// Its version.
    pub version: Text,
    /// What is new in it, as the vendor writes it.
    pub notes: Option<String>,
    /// The vendor calls it compulsory.
    pub forced: bool,
    /// The AMS unit it is for, by the printer's number; `None` for the printer itself, and where the cloud
    /// does not say.
    #[serde(default)]
    pub unit: Option<u8>,
}

/// One print as the cloud keeps it (protocol 1.7.4). Weights and lengths are the slicer's estimates for the
/// whole of it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Task {
    /// Its number.
    pub id: Text,
    /// The printer's serial number, upper case.
    pub serial: Text,
    /// The name of the job.
    pub title: Option<Text>,
    /// The name of the design on the vendor's model site, and its number there.
    pub design: Option<(Text, Text)>,
    /// Where its picture is; the address is signed, so it is secret and ends some day.
    #[serde(skip)]
    pub cover: Option<String>,
    /// How it stands.
    pub status: Option<TaskStatus>,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended; a time near the beginning while it runs.
    pub ended_at: Option<Timestamp>,
    /// How long the slicer thought it would take.
    pub estimate: Option<Duration>,
    /// Filament, g.
    pub weight_g: Option<f32>,
    /// Filament, m.
    pub length_m: Option<f32>,
    /// The plate of the file, from 1.
    pub plate: Option<u16>,
    /// The name of the plate.
    pub plate_name: Option<Text>,
    /// The kind of build plate, in the cloud's words.
    pub bed_type: Option<Text>,
    /// Where it came from, in the cloud's words (`cloud_file`, `lan_file`).
    pub mode: Option<Text>,
    /// What each slot gives to it.
    pub slots: Vec<TaskSlot>,
}

impl Task {
    /// Which of these tasks a job of this printer is: the one with one of its numbers, else the newest that
    /// runs under its name. Never another printer's.
    pub fn of_job<'a>(tasks: &'a [Arc<Self>], serial: &Serial, job: &Job) -> Option<&'a Arc<Self>> {
        let mut own = tasks.iter().filter(|task| task.serial == serial.as_str());
        let ids = [&job.ids.task, &job.ids.job, &job.ids.subtask, &job.ids.project];
        let named = |task: &&Arc<Self>| ids.into_iter().flatten().any(|id| *id == task.id);
        own.clone().find(named).or_else(|| {
            let name = job.name.as_ref()?.trim();
            own.find(|task| {
                task.status == Some(TaskStatus::Running)
                    && task.title.as_ref().is_some_and(|title| title.trim() == name)
            })
        })
    }
}

/// What becomes of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
    /// Made, or on its way to the printer.
    Created,
    /// Done.
    Finished,
    /// Failed or cancelled: the cloud does not tell these apart.
    Ended,
    /// Under way.
    Running,
}

/// The filament that one slot gives to a task.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TaskSlot {
    /// The AMS unit, by the printer's number; `None` for the external spool.
    pub unit: Option<u8>,
    /// The slot in it, from 0.
    pub slot: u8,
    /// The nozzle it goes to: 0 is the only or right one, 1 the left. Not known from the cloud, whose number is
    /// 1 for an A1, too, which has one nozzle (capture `my_tasks_2026_new_fields`).
    pub nozzle: Option<u8>,
    /// The filament's id in the vendor's table.
    pub filament_id: Option<Text>,
    /// The material, such as `PETG`.
    pub material: Option<Text>,
    /// Its colour, RRGGBBAA.
    pub color: Option<Text>,
    /// How much of it, g.
    pub weight_g: Option<f32>,
}

impl TaskSlot {
    /// The place for a spool that it is.
    pub fn source(&self) -> Source {
        match self.unit {
            Some(unit) => Source::Ams { unit, slot: self.slot },
            // The left one of two: the second in the cloud's count, or that of the second nozzle.
            None if self.nozzle == Some(1) || self.slot == 1 => Source::External(2),
            None => Source::External(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::JobIds;

    fn task(id: &str, serial: &str, title: &str, status: TaskStatus) -> Arc<Task> {
        Arc::new(Task {
            id: id.into(),
            serial: serial.into(),
            title: Some(title.into()),
            status: Some(status),
            ..Task::default()
        })
    }

    #[test]
    fn a_job_has_the_task_with_its_number_and_never_another_printers() {
        let (own, other) = (Serial::new("01P00A1"), "01P00A2");
        let tasks = [
            task("9", other, "Box", TaskStatus::Running),
            task("8", "01P00A1", "Lid", TaskStatus::Running),
            task("7", "01P00A1", "Box", TaskStatus::Running),
            task("6", "01P00A1", "Box", TaskStatus::Finished),
        ];
        let job =
            |name: &str, ids: JobIds| Job { name: Some(name.into()), ids: Arc::new(ids), ..Job::default() };
        let found = |job: &Job| Task::of_job(&tasks, &own, job).map(|task| task.id.as_str());
        let id = |text: &str| Some(Text::from(text));
        assert_eq!(found(&job("Box", JobIds { task: id("6"), ..JobIds::default() })), Some("6"));
        assert_eq!(
            found(&job("Any", JobIds { job: id("8"), task: id("3"), ..JobIds::default() })),
            Some("8")
        );
        assert_eq!(found(&job("Any", JobIds { subtask: id("7"), ..JobIds::default() })), Some("7"));
        assert_eq!(found(&job("Box", JobIds::default())), Some("7"), "the newest that runs under the name");
        assert_eq!(found(&job("Box", JobIds { task: id("9"), ..JobIds::default() })), Some("7"));
        assert_eq!(found(&job("Any", JobIds { task: id("9"), ..JobIds::default() })), None);
        assert_eq!(found(&job("", JobIds::default())), None);
        assert_eq!(found(&Job::default()), None);
    }
}
