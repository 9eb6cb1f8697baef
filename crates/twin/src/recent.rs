//! What the history has of one printer: its last jobs, and which ones it has at all.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use printer::JobRecord;
use printer::record::JobResult;

/// How many of the last jobs are shown.
const SHOWN: usize = 10;

/// The last jobs of a printer, and which ones the history has at all.
#[derive(Debug, Clone, Default)]
pub struct Recent {
    /// Newest first.
    jobs: Vec<Arc<JobRecord>>,
    /// Thousands of names in a few kilobytes, in memory only; two that share a number would cost a line of the
    /// history, once in many ages.
    known: HashSet<u64>,
}

impl Recent {
    /// The last jobs, newest first.
    pub fn jobs(&self) -> &[Arc<JobRecord>] {
        &self.jobs
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// Whether the history has a job.
    pub fn has(&self, job: &JobRecord) -> bool {
        self.known.contains(&number(job))
    }

    /// Takes one more; what was told of the same job before gives way.
    pub fn add(&mut self, job: JobRecord) {
        self.known.insert(number(&job));
        self.jobs.retain(|known| known.key != job.key);
        // What the cloud's list told was written when it was told.
        let ended = |job: &JobRecord| job.ended_at.or(job.started_at);
        let place = self.jobs.iter().position(|known| ended(known) <= ended(&job)).unwrap_or(self.jobs.len());
        self.jobs.insert(place, Arc::new(job));
        self.jobs.truncate(SHOWN);
    }
}

/// With the result: one that was lost and went on after all ends twice under one key.
fn number(job: &JobRecord) -> u64 {
    let mut hasher = DefaultHasher::new();
    (job.key.as_str(), job.result.map(JobResult::word)).hash(&mut hasher);
    hasher.finish()
}
