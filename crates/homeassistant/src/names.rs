//! Names of entities and devices in the language of the people who look at them.
//!
//! A pack is a file of names by their English ones. Ids, keys, states and triggers are English in every language, so
//! nothing that is made of them depends on it.

use std::collections::BTreeMap;
use std::sync::Arc;

/// A pack for each language, by the code that the configuration has for it.
const PACKS: [(&str, &str); 9] = [
    ("cs", include_str!("names/cs.json")),
    ("de", include_str!("names/de.json")),
    ("es", include_str!("names/es.json")),
    ("fr", include_str!("names/fr.json")),
    ("it", include_str!("names/it.json")),
    ("nl", include_str!("names/nl.json")),
    ("pl", include_str!("names/pl.json")),
    ("pt-br", include_str!("names/pt-br.json")),
    ("zh-cn", include_str!("names/zh-cn.json")),
];

/// Names in one language; English ones by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names(Option<Arc<BTreeMap<&'static str, &'static str>>>);

impl Names {
    /// Those of a language, by its code (`de`, `pt-br`); English where there is no pack for it.
    pub fn of(language: &str) -> Self {
        let pack = PACKS.iter().find(|(code, _)| *code == language);
        // That each pack is one is tested.
        Self(pack.and_then(|(_, pack)| serde_json::from_str(pack).ok()).map(Arc::new))
    }

    /// The languages that there are names in, beside English.
    pub fn languages() -> impl Iterator<Item = &'static str> {
        PACKS.iter().map(|(code, _)| *code)
    }

    /// Whether these are the English ones.
    pub(crate) fn are_english(&self) -> bool {
        self.0.is_none()
    }

    /// The name for an English one, which is kept where the pack has none.
    pub fn get<'a>(&self, english: &'a str) -> &'a str {
        self.0.as_ref().and_then(|pack| pack.get(english).copied()).unwrap_or(english)
    }

    /// The same for a name that ends with a number: `AMS 2` is an `AMS #`.
    pub(crate) fn numbered(&self, english: &str) -> String {
        match english.rsplit_once(' ') {
            Some((kind, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.get(&format!("{kind} #")).replace('#', number)
            }
            _ => self.get(english).to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::catalog::{ACCOUNT, AMS, EXTERNAL, GATEWAY, PRINTER, SLOT};
    use crate::discovery::DEVICE_NAMES;
    use crate::entity::{Entity, Subject};

    use super::*;

    fn names<T: Subject>(table: &'static [Entity<T>]) -> BTreeSet<&'static str> {
        table.iter().map(|row| row.name).filter(|name| !name.is_empty()).collect()
    }

    /// The English names of each kind of device: two on one device must not be called the same.
    fn devices() -> [BTreeSet<&'static str>; 5] {
        [
            names(&PRINTER),
            &names(AMS) | &names(SLOT),
            names(EXTERNAL),
            &names(GATEWAY) | &names(ACCOUNT),
            DEVICE_NAMES.into_iter().collect(),
        ]
    }

    #[test]
    fn every_pack_has_every_name_and_no_other() {
        let english: BTreeSet<&str> = devices().into_iter().flatten().collect();
        for (language, pack) in PACKS {
            let pack: BTreeMap<&str, &str> = serde_json::from_str(pack).unwrap();
            let has: BTreeSet<&str> = pack.keys().copied().collect();
            assert_eq!(&english - &has, BTreeSet::new(), "{language} lacks these");
            assert_eq!(&has - &english, BTreeSet::new(), "{language} has these in vain");
            for (name, own) in pack {
                assert_eq!(name.matches('#').count(), own.matches('#').count(), "{language}: {name}");
                assert!(!own.is_empty() && own.trim() == own, "{language}: {name}");
            }
        }
    }

    #[test]
    fn no_two_entities_of_a_device_are_called_the_same() {
        for language in Names::languages() {
            let names = Names::of(language);
            for english in devices() {
                let own: BTreeSet<&str> = english.iter().map(|name| names.get(name)).collect();
                let twice = english.iter().filter(|name| {
                    english.iter().any(|other| other != *name && names.get(other) == names.get(name))
                });
                assert_eq!(own.len(), english.len(), "{language}: {:?}", twice.collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn a_name_without_a_translation_stays_english() {
        let names = Names::of("de");
        assert!(!names.are_english());
        assert_eq!(names.get("Something new"), "Something new");
        assert_eq!(names.numbered("AMS HT 2"), "AMS HT 2");
        assert_eq!(Names::of("sv").get("Bed temperature"), "Bed temperature");
    }
}
