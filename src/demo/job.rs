//! A print that somebody sent, beside those that the demo repeats.
use super::machine::Machine;

/// What is told of it; texts as they stand in JSON.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Job {
    pub(super) name: String,
    pub(super) file: String,
    /// `cloud` or `local`.
    pub(super) kind: &'static str,
    pub(super) plate: u32,
    /// The number that the sender gave it.
    pub(super) task: Option<u32>,
    /// From which share of the job on which spool feeds.
    pub(super) spools: Vec<(f64, usize)>,
}

/// A text as it stands between the quotes of JSON.
pub(super) fn escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned()
}

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

    pub(super) fn job_number(&self) -> u32 {
        self.job.as_ref().and_then(|job| job.task).unwrap_or(self.jobs)
    }

    /// From which share of the job on which spool feeds.
    pub(super) fn job_spools(&self) -> &[(f64, usize)] {
        match &self.job {
            Some(job) if !job.spools.is_empty() => &job.spools,
            _ => self.plan().spools,
        }
    }
}
