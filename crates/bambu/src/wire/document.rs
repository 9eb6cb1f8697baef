//! Bytes to a JSON document, mending what printers are known to break (protocol 7.2).
//!
//! Must not know what any member means.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use super::{Object, read_object};

/// Reads the first JSON document in `bytes`, mending what printers are known to break.
///
/// What follows the document is ignored (a NUL, a second document), as is a byte order mark.
/// Only when plain reading fails is the text mended and read once more (protocol 7.2):
/// bytes that are not UTF-8, control characters in strings, halves of surrogate pairs,
/// and words that are no JSON value (`NaN`).
pub(crate) fn document<T: Object>(bytes: &[u8]) -> Result<Option<(T, usize)>, serde_json::Error> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    // Looked at once as a whole: the reader would ask of each string whether it is UTF-8.
    let first = match std::str::from_utf8(bytes) {
        Ok(text) => read_object(&mut serde_json::Deserializer::from_str(text)),
        Err(error) => Err(serde::de::Error::custom(error)),
    };
    first.or_else(|error| match mend(bytes) {
        Cow::Borrowed(_) => Err(error),
        Cow::Owned(mended) => read_object(&mut serde_json::Deserializer::from_slice(&mended)),
    })
}

/// Replaces what no JSON reader accepts, and nothing else.
fn mend(bytes: &[u8]) -> Cow<'_, [u8]> {
    let text = String::from_utf8_lossy(bytes);
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text.as_ref();
    while let Some(c) = rest.chars().next() {
        if c == '"' {
            rest = mend_string(rest, &mut out);
        } else if c == '-' || c.is_ascii_alphanumeric() {
            let end = rest.find(|c: char| !matches!(c, '+' | '-' | '.') && !c.is_ascii_alphanumeric());
            let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
            let valid = serde_json::from_str::<IgnoredAny>(word).is_ok()
                && word.parse::<f64>().map_or(true, f64::is_finite);
            out.push_str(if valid { word } else { "null" });
            rest = after;
        } else {
            out.push(c);
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
        }
    }
    if out.as_bytes() == bytes { Cow::Borrowed(bytes) } else { Cow::Owned(out.into_bytes()) }
}

/// Copies one string literal, escaping control characters and replacing halves of surrogate pairs.
fn mend_string<'a>(text: &'a str, out: &mut String) -> &'a str {
    use std::fmt::Write as _;
    let mut chars = text.char_indices();
    chars.next();
    out.push('"');
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => {
                out.push('"');
                return text.get(at + 1..).unwrap_or_default();
            }
            '\\' => {
                let escape = text.get(at..).unwrap_or_default();
                let unit =
                    |s: &str| s.strip_prefix("\\u").and_then(|s| u16::from_str_radix(s.get(..4)?, 16).ok());
                match (unit(escape), escape.get(6..).and_then(unit)) {
                    (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => {
                        out.push_str(escape.get(..12).unwrap_or_default());
                        chars.nth(10);
                    }
                    (Some(0xD800..=0xDFFF), _) => {
                        out.push('\u{FFFD}');
                        chars.nth(4);
                    }
                    _ => {
                        out.push('\\');
                        out.extend(chars.next().map(|(_, c)| c));
                    }
                }
            }
            c if c < ' ' => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    ""
}
