//! Firmware: what is installed on which board, what is offered, how far an update is.

use super::{Shared, Text};

/// The boards of a printer and the version of each, as the printer lists them.
pub type Boards = Shared<[(Text, Text)]>;

/// Newer firmware, and an update that is under way.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Update {
    /// Whether the printer says that there is newer firmware.
    pub offered: Option<bool>,
    /// The version offered for the printer; `None` when none is.
    pub latest: Option<Text>,
    /// How far the update is, while one is under way; the percentage may be missing.
    pub progress: Option<Progress>,
    /// Where the vendor tells of the versions of this model.
    pub page: Option<&'static str>,
    /// What runs on the boards.
    pub boards: Boards,
}

/// How far an update is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Percent done.
    pub percent: Option<u8>,
}

/// Whether a version such as `01.09.00.00` is above another; `None` where that cannot be told.
pub fn is_newer(version: &str, than: &str) -> Option<bool> {
    let parts =
        |text: &str| text.trim().split('.').map(|part| part.parse().ok()).collect::<Option<Vec<u32>>>();
    Some(parts(version)? > parts(than)?)
}

#[cfg(test)]
mod tests {
    use super::is_newer;

    #[test]
    fn versions_compare_as_numbers() {
        assert_eq!(is_newer("01.10.00.00", "01.9.0.0"), Some(true));
        assert_eq!(is_newer("01.09.00.00", "01.09.00.00"), Some(false));
        assert_eq!(is_newer("00.00.06.49", "00.00.06.50"), Some(false));
        assert_eq!((is_newer("beta", "1.0"), is_newer("1.0", "")), (None, None));
    }
}
