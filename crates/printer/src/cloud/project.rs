//! What the cloud knows of the file that a job is printed from, plate by plate (protocol 1.7.7).

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Task;
use crate::{Job, JobKind, Text};

/// The file of a job, by the printer's own numbers of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ProjectKey {
    /// The project, in digits.
    pub project: Text,
    /// The slicing profile in it, in digits.
    pub profile: Text,
    /// The job that prints it, where the printer names that.
    pub task: Option<Text>,
}

impl ProjectKey {
    /// That of a job; `None` for one that did not come from the cloud.
    pub fn of(job: &Job) -> Option<Self> {
        if matches!(job.kind, Some(JobKind::Local | JobKind::System)) {
            return None;
        }
        // It becomes part of an address.
        let number = |id: &Option<Text>| {
            id.clone()
                .filter(|id| (1..=20).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit()))
        };
        let project = number(&job.ids.project)?;
        Some(Self { project, profile: number(&job.ids.profile)?, task: job.ids.task.clone() })
    }

    /// Whether both are of one job: a number that was not told yet makes no other one.
    pub fn is_of(&self, other: &Self) -> bool {
        let task = !matches!((&self.task, &other.task), (Some(a), Some(b)) if a != b);
        task && self.project == other.project && self.profile == other.profile
    }
}

/// What the cloud told of a job's file; without plates when it told nothing, which is not asked again.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Project {
    /// Which one.
    pub key: ProjectKey,
    /// Its plates.
    pub plates: Vec<Arc<Plate>>,
}

impl Project {
    /// The plate that a job prints: by the cloud's task, by the printer's report, by the name of its file, or the
    /// only one that there is.
    pub fn plate(&self, told: Option<u16>, task: Option<&Task>) -> Option<&Arc<Plate>> {
        match (task.and_then(|task| task.plate).or(told), self.plates.as_slice()) {
            (Some(index), plates) => plates.iter().find(|plate| plate.index == index),
            (None, [only]) => Some(only),
            (None, _) => None,
        }
    }
}

/// The plate that a job says it prints: as its number, or in the path of the G-code that it unpacked.
pub fn plate_of(job: &Job) -> Option<u16> {
    let in_path = || job.file.as_ref()?.rsplit_once("/plate_")?.1.strip_suffix(".gcode")?.parse().ok();
    job.plate.or_else(in_path).filter(|plate| *plate > 0)
}

/// One plate as it was sliced.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Plate {
    /// Its number, from 1.
    pub index: u16,
    /// How long the slicer thought it would take.
    pub estimate: Option<Duration>,
    /// Filament, g.
    pub weight_g: Option<f32>,
    /// What each filament gives.
    pub filaments: Vec<PlateFilament>,
    /// What can be left out of the print.
    pub objects: Vec<PlateObject>,
}

impl Plate {
    /// Filament, m; `None` where the cloud tells it of none.
    pub fn length_m(&self) -> Option<f32> {
        let lengths = self.filaments.iter().filter_map(|filament| filament.length_m);
        Some(lengths.sum::<f32>()).filter(|length| *length > 0.0)
    }

    /// The name of an object.
    pub fn name(&self, id: i64) -> Option<&Text> {
        self.objects.iter().find(|object| i64::from(object.id) == id).map(|object| &object.name)
    }
}

/// What one filament gives to a plate.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PlateFilament {
    /// Its place in the project, from 1.
    pub number: Option<u8>,
    /// Its id in the vendor's table.
    pub filament_id: Option<Text>,
    /// The material, such as `PETG`.
    pub material: Option<Text>,
    /// Its colour, RRGGBB or RRGGBBAA.
    pub color: Option<Text>,
    /// g.
    pub weight_g: Option<f32>,
    /// m.
    pub length_m: Option<f32>,
}

/// An object on a plate.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PlateObject {
    /// The number that printers know it by.
    pub id: u32,
    /// Its name; several may share one.
    pub name: Text,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::JobIds;

    fn job(kind: JobKind, ids: [Option<&str>; 3]) -> Job {
        let [project, profile, task] = ids.map(|id| id.map(Text::from));
        let ids = JobIds { task, project, profile, ..JobIds::default() };
        Job { kind: Some(kind), ids: Arc::new(ids), ..Job::default() }
    }

    #[test]
    fn only_a_job_of_the_cloud_has_a_project() {
        let key = |kind, ids| ProjectKey::of(&job(kind, ids));
        let all = [Some("12"), Some("34"), Some("56")];
        let expected = ProjectKey { project: "12".into(), profile: "34".into(), task: Some("56".into()) };
        assert_eq!(key(JobKind::Cloud, all), Some(expected));
        assert_eq!(key(JobKind::Local, all), None);
        assert_eq!(key(JobKind::System, all), None);
        assert_eq!(key(JobKind::Cloud, [Some("12"), None, Some("56")]), None);
        assert_eq!(key(JobKind::Cloud, [None, Some("34"), None]), None);
        // It would lead elsewhere.
        assert_eq!(key(JobKind::Cloud, [Some("../bind"), Some("34"), None]), None);
        assert_eq!(key(JobKind::Cloud, [Some("12"), Some("3&x=4"), None]), None);
    }

    #[test]
    fn another_number_is_another_job_and_a_missing_one_is_not() {
        let key = |ids| ProjectKey::of(&job(JobKind::Cloud, ids)).unwrap();
        let first = key([Some("1"), Some("2"), Some("3")]);
        assert!(first.is_of(&key([Some("1"), Some("2"), None])));
        assert!(key([Some("1"), Some("2"), None]).is_of(&first));
        for other in [["1", "2", "4"], ["1", "9", "3"], ["9", "2", "3"]] {
            assert!(!first.is_of(&key(other.map(Some))), "{other:?}");
        }
    }

    #[test]
    fn the_plate_is_the_tasks_then_the_reports_then_the_only_one() {
        fn index(project: &Project, told: Option<u16>, task: Option<&Task>) -> Option<u16> {
            project.plate(told, task).map(|plate| plate.index)
        }
        let plate = |index| Arc::new(Plate { index, ..Plate::default() });
        let project = |plates: &[u16]| Project {
            plates: plates.iter().map(|index| plate(*index)).collect(),
            ..Project::default()
        };
        let task = Task { plate: Some(2), ..Task::default() };
        assert_eq!(index(&project(&[1, 2, 3]), Some(3), Some(&task)), Some(2));
        assert_eq!(index(&project(&[1, 2, 3]), Some(3), None), Some(3));
        assert_eq!(index(&project(&[1, 2, 3]), None, Some(&Task::default())), None, "it is not guessed");
        assert_eq!(index(&project(&[4]), None, None), Some(4));
        assert_eq!(index(&project(&[4]), Some(1), None), None, "another one is none");

        let file = |name: &str| plate_of(&Job { file: Some(name.into()), ..Job::default() });
        assert_eq!(file("/data/Metadata/plate_12.gcode"), Some(12));
        assert_eq!(file("/data/Metadata/plate_0.gcode"), None);
        assert_eq!(file("Box_plate_2.gcode.3mf"), None);
        let told =
            Job { plate: Some(3), file: Some("/data/Metadata/plate_1.gcode".into()), ..Job::default() };
        assert_eq!(plate_of(&told), Some(3));
    }
}
