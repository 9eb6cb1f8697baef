//! The answer of whoever is asked what a code means.

/// What a look-up found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// A text.
    Text(String),
    /// An entry that is to be passed over.
    Hidden,
    /// Nothing.
    Nothing,
}

impl Found {
    pub(super) fn is_text(&self) -> bool {
        matches!(self, Self::Text(_))
    }

    pub(super) fn into_text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Hidden | Self::Nothing => None,
        }
    }
}
