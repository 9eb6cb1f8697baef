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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_jobs_are_those_that_ended_last() {
        let mut recent = Recent::default();
        let ended = |day: usize| {
            let at = format!("2026-03-{day:02}T00:00:00Z").parse().unwrap();
            JobRecord { key: day.to_string().into(), ended_at: Some(at), ..JobRecord::default() }
        };
        // The cloud's list comes in any order.
        for day in [12, 1].into_iter().chain(2..12) {
            recent.add(ended(day));
        }
        let shown: Vec<_> = recent.jobs().iter().map(|job| job.key.as_str()).collect();
        assert_eq!(shown, ["12", "11", "10", "9", "8", "7", "6", "5", "4", "3"]);
        assert!(recent.has(&ended(1)), "known, though not among the last");
        assert!(!recent.has(&ended(13)));
    }
}
