//! What is wrong with a configuration, or without effect in it, gathered to be told at once.

use super::error::Problem;

/// What was found so far.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Problem>,
}

impl Findings {
    pub(super) fn problem(&mut self, key: &str, text: String) {
        self.problems.push(Problem { key: key.to_owned(), text });
    }

    pub(super) fn unavailable(&mut self, key: &str, what: &str) {
        let text = format!("{what} is not available in this version and is ignored");
        self.warnings.push(Problem { key: key.to_owned(), text });
    }
}
