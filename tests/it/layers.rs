//! Which module may know which: reads the sources and finds arrows that point the wrong way.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What a module may name besides itself; `None` is anything.
fn may_know(module: &str) -> Option<&'static [&'static str]> {
    Some(match module {
        "printer" | "tls" | "config" | "service" => &[],
        "bambu" | "homeassistant" => &["printer"],
        "replay" => &["bambu", "homeassistant", "printer"],
        "http" => &["config"],
        "mqtt" => &["tls", "config"],
        "cloud" => &["tls", "config", "http"],
        "texts" => &["tls", "config", "http", "printer"],
        "gateway" => &[
            "bambu",
            "homeassistant",
            "mqtt",
            "cloud",
            "printer",
            "config",
            "replay",
            "service",
            "texts",
            "tls",
        ],
        _ => return None,
    })
}

/// The modules that neither wait, nor look at the clock, nor at files.
const PURE: [&str; 4] = ["bambu", "printer", "homeassistant", "replay"];

/// What none of those names.
const EDGE: [&str; 10] = [
    "tokio",
    "rumqttc",
    "reqwest",
    "std::fs",
    "std::env",
    "std::net",
    "std::thread",
    "Instant::now",
    "SystemTime",
    "Timestamp::now",
];

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
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut names = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
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

#[test]
fn pure_modules_stay_pure() {
    let mut wrong = Vec::new();
    for (module, path, code) in sources() {
        if PURE.contains(&module.as_str()) {
            let found = EDGE.iter().filter(|name| code.contains(*name));
            wrong.extend(found.map(|name| format!("{}: names {name}", path.display())));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
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
