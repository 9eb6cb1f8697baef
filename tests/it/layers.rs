//! Which room may know which. Between crates Cargo holds the walls, as far as the manifests stay what they are;
//! inside the program the sources are read, and arrows that point the wrong way are found.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What a crate may depend on: none of it waits, asks a clock, or opens anything.
fn may_depend(room: &str) -> Option<&'static [&'static str]> {
    Some(match room {
        "printer" => &["compact_str", "jiff", "serde", "thiserror"],
        "capture" => &["base64", "jiff", "serde", "serde_json", "thiserror"],
        "bambu" => &["printer", "compact_str", "jiff", "serde", "serde_json", "thiserror"],
        "homeassistant" => {
            &["printer", "compact_str", "deunicode", "jiff", "secrecy", "serde", "serde_json", "thiserror"]
        }
        "twin" => &["printer", "bambu", "homeassistant", "capture", "jiff", "serde_json"],
        _ => return None,
    })
}

/// What a module of the program may name of its other modules; `None` is anything.
fn may_know(module: &str) -> Option<&'static [&'static str]> {
    Some(match module {
        "tls" | "config" | "service" | "window" => &[],
        "disk" => &["config", "history"],
        "http" | "history" | "ledger" => &["config"],
        "mqtt" => &["tls", "config", "window"],
        "cloud" => &["tls", "config", "disk", "http", "window"],
        "texts" => &["tls", "config", "disk", "http"],
        "gateway" => &["mqtt", "cloud", "config", "disk", "history", "ledger", "service", "texts", "tls"],
        _ => return None,
    })
}

/// All source files, with the top-level module each belongs to, comments and tests left out.
fn sources() -> Vec<(String, PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut all = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if path.file_name().unwrap() != "tests" {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|e| e == "rs") && path.file_name().unwrap() != "tests.rs" {
                let inside = path.strip_prefix(&root).unwrap();
                let module = inside.components().next().unwrap().as_os_str().to_string_lossy();
                let code = code_of(&std::fs::read_to_string(&path).unwrap());
                all.push((module.trim_end_matches(".rs").to_owned(), path, code));
            }
        }
    }
    assert!(all.len() > 20, "the sources are not where they should be");
    all
}

fn code_of(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The modules of ours that some code names.
fn named(code: &str) -> BTreeSet<String> {
    named_by(code, "crate::")
}

/// The names that some code has behind a path's beginning.
fn named_by(code: &str, beginning: &str) -> BTreeSet<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut names = BTreeSet::new();
    for rest in code.split(beginning).skip(1) {
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut start = true;
            for (at, c) in group.char_indices() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => start = true,
                    c if start && c.is_alphabetic() => {
                        names.insert(word(&group[at..]));
                        start = false;
                    }
                    _ => {}
                }
            }
        } else {
            names.insert(word(rest));
        }
    }
    names
}

#[test]
fn no_arrow_points_the_wrong_way() {
    let modules: BTreeSet<String> = sources().into_iter().map(|(module, ..)| module).collect();
    let mut wrong = Vec::new();
    for (module, path, code) in sources() {
        let Some(allowed) = may_know(&module) else { continue };
        for name in named(&code) {
            if modules.contains(&name) && name != module && !allowed.contains(&name.as_str()) {
                wrong.push(format!("{}: {module} must not know {name}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Of the files of one module: a file below it names siblings only, and none that leads back to it.
fn circle(module: &str) -> Option<Vec<String>> {
    let mut knows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (_, path, code) in sources().into_iter().filter(|(name, ..)| name == module) {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if name != module {
            knows.insert(name, named_by(&code, "super::"));
        }
    }
    let files: BTreeSet<String> = knows.keys().cloned().collect();
    for names in knows.values_mut() {
        // What is no sibling is the parent's own, and the parent knows all its files.
        let parent = names.iter().any(|name| !files.contains(name));
        names.retain(|name| files.contains(name));
        if parent {
            names.insert(module.to_owned());
        }
    }
    knows.insert(module.to_owned(), files);
    // Who knows nobody that is left is in no circle.
    while let Some(free) = knows.keys().find(|name| knows[*name].is_empty()).cloned() {
        knows.remove(&free);
        for names in knows.values_mut() {
            names.remove(&free);
        }
    }
    (!knows.is_empty()).then(|| knows.into_keys().collect())
}

#[test]
fn no_files_know_each_other_in_a_circle() {
    for module in ["config", "disk", "history", "ledger"] {
        assert_eq!(circle(module), None, "{module}");
    }
}

/// The names in a section of a manifest.
fn section(manifest: &str, name: &str) -> Vec<String> {
    let lines = manifest.lines().skip_while(|line| *line != format!("[{name}]")).skip(1);
    let lines = lines.take_while(|line| !line.starts_with('['));
    lines.filter_map(|line| Some(line.split_once('=')?.0.trim().to_owned())).collect()
}

#[test]
fn pure_crates_depend_on_nothing_that_waits() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates");
    let mut rooms = 0;
    for entry in std::fs::read_dir(crates).unwrap() {
        let folder = entry.unwrap().path();
        let Ok(manifest) = std::fs::read_to_string(folder.join("Cargo.toml")) else { continue };
        let room = folder.file_name().unwrap().to_string_lossy().into_owned();
        let Some(allowed) = may_depend(&room) else {
            assert_eq!(room, "simulator", "{room}: say what it may depend on");
            continue;
        };
        rooms += 1;
        for name in section(&manifest, "dependencies") {
            assert!(allowed.contains(&name.as_str()), "{room} must not depend on {name}");
        }
    }
    assert!(rooms >= 5, "the crates are not where they should be");
}

#[test]
fn sections_of_a_manifest_are_understood() {
    let manifest = "[package]\nname = \"a\"\n\n[dependencies]\nb = { path = \"../b\" }\nc = \"1\"\n\n[lints]\nworkspace = true\n";
    assert_eq!(section(manifest, "dependencies"), ["b", "c"]);
}

#[test]
fn one_module_knows_the_mqtt_client() {
    for (module, path, code) in sources() {
        assert!(module == "mqtt" || !code.contains("rumqttc::"), "{} names rumqttc", path.display());
    }
}

#[test]
fn groups_of_names_are_understood() {
    let names: Vec<_> = named("use crate::{a, b::{c, d}, e};\ncrate::f::g(); crate::h").into_iter().collect();
    assert_eq!(names, ["a", "b", "e", "f", "h"]);
}
