//! What the account's cloud knows of a printer and its jobs, beside what the printer says itself.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Text;

/// What the cloud knows of one printer; everything `None` or empty while it was not asked.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Facts {
    /// The cloud's opinion whether the printer is connected to it; a second one, never the first.
    pub online: Option<bool>,
    /// The newest firmware it offers for the printer.
    pub release: Option<Release>,
    /// The same for each AMS of the printer that it lists, in its order.
    pub ams_releases: Vec<Release>,
    /// The task of the job that is under way, or was last.
    pub task: Option<Arc<Task>>,
    /// The last tasks, newest first.
    pub recent: Vec<Arc<Task>>,
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
    /// The nozzle it goes to: 0 is the only or right one, 1 the left.
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
