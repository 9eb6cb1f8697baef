//! What the log should hear of.

use printer::Text;

/// Things that the log should hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// A message could not be read; how many so far.
    Malformed(u64, String),
    /// The printer uses a word we do not know.
    UnknownState(Text),
    /// Print commands are refused for want of a signature.
    SignatureRequired,
    /// Commands bring neither an answer nor an effect, which may be the same.
    Unanswered,
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Malformed(count, error) => {
                write!(f, "a message could not be read ({error}; {count} so far); the state stays as it was")
            }
            Self::UnknownState(word) => {
                write!(f, "the printer uses an unknown word for its state: {}", printer::quoted(word))
            }
            Self::SignatureRequired => f.write_str(
                "the printer takes print commands only from Bambu Lab's own programs (firmware with authorisation \
                 control); reading goes on, lamps and camera still work. LAN Only Mode with Developer Mode on the printer \
                 lifts it, and ends its cloud connection",
            ),
            Self::Unanswered => f.write_str(
                "two commands in a row brought neither an answer nor an effect, although the printer reports: its \
                 firmware may take them only from Bambu Lab's own programs. The controls stay; if none works, LAN \
                 Only Mode with Developer Mode on the printer is what lifts it",
            ),
        }
    }
}
