//! Comments cite pages by the numbers of their sections. Each citation must lead somewhere that a stranger can open:
//! to a heading of `docs/protocol.md`, and to no page that the project does not have.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What cites, by folder or file.
const CITING: [&str; 10] = [
    "src",
    "crates",
    "tests",
    "benches",
    "fuzz",
    "docs",
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
];
/// What users read; the rest of it is below `docs`.
const FOR_USERS: [&str; 3] = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md"];
/// Words that a number follows where a page of no project of ours is cited; `docs/entities.md` has no numbers.
const NUMBERED: [&str; 4] = ["entities.md", "home-assistant.md", "contract", "contract.md"];
/// Pages that are not there at all.
const ABSENT: [&str; 2] = ["lan.md", "style.md"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All that may cite, with its path below the root.
fn texts() -> Vec<(PathBuf, String)> {
    let mut waiting: Vec<PathBuf> = CITING.iter().map(|name| root().join(name)).collect();
    let mut all = Vec::new();
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            // What was built is not ours, and the made-up text below cites what is not there.
            waiting.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            waiting.retain(|path| !path.ends_with("target") && !path.ends_with("it/citations.rs"));
        } else if path.extension().is_some_and(|end| end == "rs" || end == "md") {
            let text =
                std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            all.push((path.strip_prefix(root()).unwrap().to_owned(), text));
        }
    }
    assert!(all.len() > 100, "the sources are not where they should be");
    all
}

/// The numbers of a page's headings.
fn sections(page: &str) -> BTreeSet<String> {
    let headings = page.lines().filter_map(|line| line.strip_prefix('#'));
    let words = headings.filter_map(|line| line.trim_start_matches('#').split_whitespace().next());
    words.map(|word| word.trim_end_matches('.')).filter(|word| is_number(word)).map(str::to_owned).collect()
}

fn is_number(word: &str) -> bool {
    word.split('.').all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit()))
}

/// A text as one line, since a citation may run on into the next one, and where in it each line begins.
struct Flat {
    text: String,
    begins: Vec<usize>,
}

impl Flat {
    fn new(text: &str) -> Self {
        let mut flat = Self { text: String::new(), begins: Vec::new() };
        for line in text.lines() {
            flat.begins.push(flat.text.len());
            let line = line.trim_start();
            let comment =
                line.strip_prefix("//").map(|rest| rest.trim_start_matches(['/', '!']).trim_start());
            flat.text += comment.unwrap_or(line).trim_end();
            flat.text.push(' ');
        }
        flat.text.make_ascii_lowercase();
        flat
    }

    fn line(&self, at: usize) -> usize {
        self.begins.partition_point(|begin| *begin <= at)
    }

    /// Where a word stands as a word of its own, and what follows it.
    fn after<'a>(&'a self, word: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
        self.text.match_indices(word).filter_map(move |(at, _)| {
            let before = self.text[..at].chars().next_back();
            let inside = before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '-');
            (!inside).then(|| (at, &self.text[at + word.len()..]))
        })
    }
}

/// The number that a text begins with, and what follows it.
fn number(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let found = text[..end].trim_end_matches('.');
    is_number(found).then(|| (found, &text[found.len()..]))
}

/// The sections of the protocol that a text cites, with their lines.
fn citations(text: &str) -> Vec<(usize, String)> {
    let flat = Flat::new(text);
    let mut found = Vec::new();
    for (_, rest) in flat.after("protocol") {
        let rest = rest.strip_prefix(".md").unwrap_or(rest);
        let Some(rest) = rest.trim_start_matches(['`', ')']).strip_prefix(' ') else { continue };
        let mut next = number(rest);
        while let Some((cited, rest)) = next {
            let at = flat.text.len() - rest.len() - cited.len();
            found.push((flat.line(at), cited.to_owned()));
            next = listed(rest);
        }
    }
    found
}

/// The next number of a list or a range.
fn listed(rest: &str) -> Option<(&str, &str)> {
    let joints = [", and ", ", or ", ", ", " and ", " or ", " to ", "–", "-"];
    joints.iter().find_map(|joint| number(rest.strip_prefix(joint)?))
}

/// The pages that the project does not have and a text cites, with the lines.
fn strangers(text: &str) -> Vec<(usize, &'static str)> {
    let flat = Flat::new(text);
    let mut found = Vec::new();
    for word in NUMBERED {
        let cites = |rest: &str| {
            let rest = rest.trim_start_matches(['`', ')']).strip_prefix(' ');
            rest.is_some_and(|rest| number(rest).is_some())
        };
        found.extend(flat.after(word).filter(|(_, rest)| cites(rest)).map(|(at, _)| (flat.line(at), word)));
    }
    for word in ABSENT {
        found.extend(flat.after(word).map(|(at, _)| (flat.line(at), word)));
    }
    found
}

#[test]
fn each_cited_section_of_the_protocol_is_there() {
    let sections = sections(&std::fs::read_to_string(root().join("docs/protocol.md")).unwrap());
    let (mut count, mut wrong) = (0, Vec::new());
    for (path, text) in texts() {
        for (line, cited) in citations(&text) {
            count += 1;
            if !sections.contains(&cited) {
                wrong.push(format!("{}:{line}: docs/protocol.md has no section {cited}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(count > 100, "only {count} citations were found");
}

#[test]
fn no_page_is_cited_that_the_project_does_not_have() {
    let mut wrong = Vec::new();
    for (path, text) in texts() {
        for (line, page) in strangers(&text) {
            wrong.push(format!("{}:{line}: cites {page}, which is no page of ours", path.display()));
        }
        if path.starts_with("docs") || FOR_USERS.iter().any(|page| path == Path::new(page)) {
            let lines = text.lines().enumerate().filter(|(_, line)| line.contains("../shared"));
            wrong.extend(
                lines.map(|(at, _)| format!("{}:{}: users have no ../shared", path.display(), at + 1)),
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn citations_are_found_in_all_their_forms() {
    let cited =
        |text| citations(text).into_iter().map(|(line, n)| format!("{line}: {n}")).collect::<Vec<_>>();
    assert_eq!(cited("/// One (protocol 6). Protocol 4.10; 7 of them."), ["1: 6", "1: 4.10"]);
    assert_eq!(cited("//! By protocol 3.1, 3.4 and\n//! 5.2."), ["1: 3.1", "1: 3.4", "2: 5.2"]);
    assert_eq!(cited("a\n    // protocol 5.5 to 5.7 and\n    // 5.13."), ["2: 5.5", "2: 5.7", "3: 5.13"]);
    assert_eq!(
        cited("//! `protocol.md` 1.8 and protocol.md 2.1\n//! (protocol\n//! 1.7.4)"),
        ["1: 1.8", "1: 2.1", "3: 1.7.4"]
    );
    assert_eq!(cited("(protocol 4.9, bits 26 and 27; protocol 8, question 8)"), ["1: 4.9", "1: 8"]);
    assert_eq!(cited("new_protocol(1); the protocol has 3 parts, protocols 9"), [""; 0]);
}

#[test]
fn pages_of_others_are_found() {
    let text = "// entities.md 4.7\n// [entities.md](entities.md) lists 3\n// `home-assistant.md` 6, contract 4\n\
                // docs/plan.md, but lan.md and style.md";
    let mut found = strangers(text);
    found.sort_unstable();
    assert_eq!(
        found,
        [(1, "entities.md"), (3, "contract"), (3, "home-assistant.md"), (4, "lan.md"), (4, "style.md")]
    );
}

#[test]
fn headings_with_numbers_are_sections() {
    let page = "# Page\n## 1. One\ntext 1.3\n### 1.1 Hosts\n#### 1.7.1 Printers\n## What 5 is\n";
    assert_eq!(sections(page).into_iter().collect::<Vec<_>>(), ["1", "1.1", "1.7.1"]);
}
