//! From the bytes of an answer to a catalogue (`protocol.md` 4.10), forgiving single entries. Pure.
//!
//! `{"result":0,"ver":202511…,"data":{"device_hms":{"ver":…,"en":[{"ecode":"03000100…","intro":"…"}]},
//! "device_error":{…}}}`; 201 for a version that is still the newest (BambuStudio, `HMS.cpp`). A language
//! that the vendor lacks comes as an empty list or none at all, and an unknown model with `data: []`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::value::RawValue;
use thiserror::Error as ThisError;

use printer::Catalogue;

/// Longest text that is kept; the vendor's longest known one is a quarter of it.
const LONGEST_TEXT: usize = 1000;
/// Ten times what the vendor has.
const MOST_ENTRIES: usize = 60_000;

/// An answer that can be used.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// What we have is the newest.
    Unchanged,
    /// A catalogue.
    New {
        /// Its version, to be sent with the next request.
        version: Option<String>,
        /// Its entries.
        catalogue: Catalogue,
    },
}

/// Why an answer cannot be used.
#[derive(Debug, ThisError, PartialEq, Eq)]
pub enum Fault {
    /// A page, or half an answer.
    #[error("the answer is no data")]
    NotData,
    /// The vendor says that something is wrong.
    #[error("the vendor answered with result {0}")]
    Refused(i64),
    /// Nothing in this language.
    #[error("the vendor sent no texts in this language")]
    Empty,
}

#[derive(Deserialize)]
struct Reply<'a> {
    #[serde(default)]
    result: Option<i64>,
    #[serde(borrow, default)]
    ver: Option<&'a RawValue>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow)]
    ecode: Cow<'a, str>,
    #[serde(borrow, default)]
    intro: Option<Cow<'a, str>>,
}

type Members<'a> = BTreeMap<String, &'a RawValue>;

/// Reads an answer.
pub fn parse(body: &[u8], language: &str) -> Result<Answer, Fault> {
    let reply: Reply<'_> = serde_json::from_slice(body).map_err(|_| Fault::NotData)?;
    match reply.result {
        Some(0) => {}
        Some(201) => return Ok(Answer::Unchanged),
        Some(other) => return Err(Fault::Refused(other)),
        None => return Err(Fault::NotData),
    }
    let data: Members<'_> = members(reply.data).ok_or(Fault::Empty)?;
    let mut catalogue = Catalogue::new();
    let mut seen = BTreeSet::new();
    for (list, digits) in [("device_hms", 16), ("device_error", 8)] {
        let languages: Members<'_> = members(data.get(list).copied()).unwrap_or_default();
        let found = languages.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(language));
        let items: Vec<&RawValue> =
            found.and_then(|(_, items)| serde_json::from_str(items.get()).ok()).unwrap_or_default();
        for item in items.into_iter().take(MOST_ENTRIES) {
            let Ok(item) = serde_json::from_str::<Item<'_>>(item.get()) else { continue };
            let code = item.ecode.trim();
            let Some(code) = u64::from_str_radix(code, 16).ok().filter(|_| code.len() == digits) else {
                continue;
            };
            // An entry without the member says nothing, one with an empty text that there is nothing to say.
            if let Some(text) = item.intro
                && seen.insert(code)
            {
                catalogue.push((code, tidy(&text)));
            }
        }
    }
    if catalogue.iter().all(|(_, text)| text.is_empty()) {
        return Err(Fault::Empty);
    }
    let version = reply.ver.map(|ver| ver.get().trim_matches('"').to_owned());
    let version = version.filter(|ver| !ver.is_empty() && ver.bytes().all(|c| c.is_ascii_alphanumeric()));
    Ok(Answer::New { version, catalogue })
}

fn members(json: Option<&RawValue>) -> Option<Members<'_>> {
    serde_json::from_str(json?.get()).ok()
}

/// On one line, without characters that no screen shows.
fn tidy(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let mut tidy = String::with_capacity(text.len());
    for word in words {
        if tidy.len() + word.len() > LONGEST_TEXT {
            break;
        }
        if !tidy.is_empty() {
            tidy.push(' ');
        }
        tidy.push_str(word);
    }
    tidy
}
