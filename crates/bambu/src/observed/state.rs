//! What the printer does, in its own word (protocol 4.4).

use printer::Status;

/// The printer's word for what it is doing; `None` for a word we do not know.
pub(crate) fn status(word: &str) -> Option<Status> {
    Some(match word.to_ascii_uppercase().as_str() {
        "FAILED" => Status::Failed,
        "FINISH" => Status::Finish,
        "IDLE" => Status::Idle,
        "INIT" => Status::Init,
        "PAUSE" => Status::Pause,
        "PREPARE" => Status::Prepare,
        "RUNNING" => Status::Running,
        "SLICING" => Status::Slicing,
        _ => return None,
    })
}

/// Before anything is printed: what layers and progress say then is of the last job, or of a calibration.
pub(super) fn prepares(status: Option<Status>) -> bool {
    matches!(status, Some(Status::Prepare | Status::Slicing))
}

pub(super) fn rests(status: Option<Status>) -> bool {
    matches!(status, Some(Status::Idle | Status::Finish | Status::Failed))
}
