//! What codes mean, to look up: the vendor's catalogue in the user's language where there is one, then
//! what the program brings along.
//!
//! A catalogue has some six thousand entries and a printer has one of them now and then, so it is kept
//! small: one string for all texts of all models, and sorted numbers.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock};

use super::bundled;
use super::found::Found;

/// The first three characters of a serial number: they name the model, and the vendor has texts for each.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Prefix([u8; 3]);

impl Prefix {
    /// That of a serial number; `None` for one that is none.
    pub fn of(serial: &str) -> Option<Self> {
        let prefix: [u8; 3] = serial.as_bytes().get(..3)?.try_into().ok()?;
        prefix.iter().all(|c| c.is_ascii_digit() || c.is_ascii_uppercase()).then_some(Self(prefix))
    }

    /// As it stands in serial numbers.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One model's entries: code and text. An empty text is one that is meant to be empty.
pub type Catalogue = Vec<(u64, String)>;

/// Where an entry's text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    code: u64,
    start: u32,
    length: u32,
}

/// Texts of codes.
#[derive(Debug, PartialEq, Eq)]
pub struct Texts {
    language: String,
    pool: Box<str>,
    models: Vec<(Prefix, Box<[Entry]>)>,
}

static BUNDLED: LazyLock<Arc<Texts>> = LazyLock::new(|| Arc::new(Texts::new("en", [])));

impl Texts {
    /// Those that the program brings along, in English.
    pub fn bundled() -> Arc<Self> {
        Arc::clone(&BUNDLED)
    }

    /// Those of the vendor's catalogues in a language, with the bundled ones for what they lack.
    ///
    /// ```
    /// use printer::{Health, Hms, Prefix, Texts};
    ///
    /// let prefix = Prefix::of("01P00A000000001").expect("a serial number");
    /// let texts = Texts::new("de", [(prefix, vec![(0x0300_0100_0001_0007, "Heizbett defekt".to_owned())])]);
    /// let hms = Hms { attr: 0x0300_0100, code: 0x0001_0007 };
    /// let health = Health::tell(&[hms], None, &texts, "01P00A000000001");
    /// assert_eq!(health.messages[0].text, "Heizbett defekt");
    /// ```
    pub fn new(language: &str, catalogues: impl IntoIterator<Item = (Prefix, Catalogue)>) -> Self {
        let mut pool = String::new();
        // Most texts are the same for all models.
        let mut known: HashMap<String, (u32, u32)> = HashMap::new();
        let mut models = Vec::new();
        for (prefix, catalogue) in catalogues {
            let mut entries = Vec::with_capacity(catalogue.len());
            for (code, text) in catalogue {
                let place = known.get(text.as_str()).copied().or_else(|| {
                    let place = (u32::try_from(pool.len()).ok()?, u32::try_from(text.len()).ok()?);
                    pool.push_str(&text);
                    known.insert(text, place);
                    Some(place)
                });
                if let Some((start, length)) = place {
                    entries.push(Entry { code, start, length });
                }
            }
            entries.sort_by_key(|entry| entry.code);
            entries.dedup_by_key(|entry| entry.code);
            models.push((prefix, entries.into_boxed_slice()));
        }
        Self { language: language.to_owned(), pool: pool.into_boxed_str(), models }
    }

    /// The same with one model's catalogue added or replaced.
    #[must_use]
    pub fn with(&self, prefix: Prefix, catalogue: Catalogue) -> Self {
        let others = self.models.iter().filter(|(model, _)| *model != prefix);
        let others = others.map(|(model, entries)| {
            let text = |entry: &Entry| self.text(*entry).unwrap_or_default().to_owned();
            (*model, entries.iter().map(|entry| (entry.code, text(entry))).collect())
        });
        Self::new(&self.language, others.collect::<Vec<_>>().into_iter().chain([(prefix, catalogue)]))
    }

    /// Whether there is a catalogue for a model.
    pub fn has(&self, prefix: Prefix) -> bool {
        self.models.iter().any(|(model, _)| *model == prefix)
    }

    fn text(&self, entry: Entry) -> Option<&str> {
        let start = usize::try_from(entry.start).ok()?;
        self.pool.get(start..start.checked_add(usize::try_from(entry.length).ok()?)?)
    }

    /// The language of the catalogues.
    pub fn language(&self) -> &str {
        &self.language
    }

    /// Bytes that the catalogues take.
    pub fn size(&self) -> usize {
        let entries: usize = self.models.iter().map(|(_, entries)| size_of_val::<[Entry]>(entries)).sum();
        self.pool.len() + entries
    }

    /// What is known of a code: of a health message both halves in one number, of an error its 32 bits.
    pub(super) fn find(&self, prefix: Option<Prefix>, code: u64) -> Found {
        // The vendor's words for a refused command send people to a program that does not help here.
        if let Some(text) = bundled::ours(code) {
            return Found::Text(text.to_owned());
        }
        let model = self.models.iter().find(|(model, _)| Some(*model) == prefix);
        let entry = model.and_then(|(_, entries)| {
            entries.get(entries.binary_search_by_key(&code, |entry| entry.code).ok()?)
        });
        match entry.and_then(|entry| self.text(*entry)) {
            Some("") => Found::Hidden,
            Some(text) => Found::Text(text.to_owned()),
            None => bundled::find(code),
        }
    }

    /// The vendor's page for a code: the address that leads to the right one for every model (protocol 4.10).
    pub(super) fn link(&self, kind: &str, code: &str, prefix: Option<Prefix>) -> String {
        let prefix = prefix.as_ref().map_or("", Prefix::as_str);
        format!("https://e.bambulab.com/index.php?e={code}&d={prefix}&s={kind}&lang={}", self.language)
    }
}
