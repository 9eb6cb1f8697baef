//! Text from outside, fit for names and for lines of the log.

use std::fmt;

use super::Text;

/// The most characters of a foreign text that a line of the log shows.
const SHOWN: usize = 60;

/// The most characters of a name. The vendor's apps take fewer.
const LONGEST_NAME: usize = 64;

/// A foreign text for a line of the log: between quotes, on one line whatever is in it, and cut where it is long.
pub fn quoted(text: &str) -> impl fmt::Display {
    Quoted(text)
}

struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = beginning(self.0);
        write!(f, "{shown:?}{}", if shown.len() < self.0.len() { "…" } else { "" })
    }
}

/// The beginning of a foreign text: as much of it as a line of the log shows.
pub fn beginning(text: &str) -> &str {
    text.char_indices().nth(SHOWN).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

/// A name that somebody else has given, as it is kept and shown: without control characters, and not endless.
pub fn name(text: &str) -> Text {
    let plain: Text = text.chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect();
    plain.trim().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_text_stays_on_its_line() {
        assert_eq!(quoted("bracket v2").to_string(), r#""bracket v2""#);
        assert_eq!(quoted("a\n\u{1b}[31mb\"\u{202e}").to_string(), r#""a\n\u{1b}[31mb\"\u{202e}""#);
        let long = quoted(&"é".repeat(100_000)).to_string();
        assert_eq!(long, format!("\"{}\"…", "é".repeat(60)));
    }

    #[test]
    fn a_name_is_plain_and_has_an_end() {
        assert_eq!(name(" Garage\r\n\u{1b}[2J"), "Garage[2J");
        assert_eq!(name("Übung 3D 🖨"), "Übung 3D 🖨");
        assert_eq!(name("\u{7f}\t"), "");
        assert_eq!(name(&"x".repeat(1 << 20)).len(), 64);
    }
}
