//! What the printer does, in its own word (protocol 4.4).

use printer::Status;

const WORDS: [(&str, Status); 8] = [
    ("RUNNING", Status::Running),
    ("IDLE", Status::Idle),
    ("FINISH", Status::Finish),
    ("FAILED", Status::Failed),
    ("INIT", Status::Init),
    ("PAUSE", Status::Pause),
    ("PREPARE", Status::Prepare),
    ("SLICING", Status::Slicing),
];

/// The printer's word for what it is doing; `None` for a word we do not know.
pub(crate) fn status(word: &str) -> Option<Status> {
    WORDS.iter().find(|(known, _)| word.eq_ignore_ascii_case(known)).map(|(_, status)| *status)
}

/// Before anything is printed: what layers and progress say then is of the last job, or of a calibration.
pub(super) fn prepares(status: Option<Status>) -> bool {
    matches!(status, Some(Status::Prepare | Status::Slicing))
}

pub(super) fn rests(status: Option<Status>) -> bool {
    matches!(status, Some(Status::Idle | Status::Finish | Status::Failed))
}
