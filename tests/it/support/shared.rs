//! Recordings of real printers and clouds, which are not ours to keep here.
//!
//! They lie in the folder that `BAMBU2MQTT_SHARED` names, else in `shared` beside the project. A test that finds
//! nothing there says so in one line, which `./ci` collects, and passes; with `BAMBU2MQTT_REQUIRE_SHARED` it fails.

use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Where this lies, if it is there.
#[track_caller]
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let found = folder().join(path);
    if found.exists() {
        return Some(found);
    }
    let line = left_out(std::thread::current().name(), &found);
    assert!(std::env::var_os("BAMBU2MQTT_REQUIRE_SHARED").is_none(), "BAMBU2MQTT_REQUIRE_SHARED: {line}");
    // Not `eprintln!`: the test harness would swallow it. In one piece, so that lines of two tests do not mix.
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
    None
}

fn folder() -> PathBuf {
    let named = std::env::var_os("BAMBU2MQTT_SHARED").map(PathBuf::from);
    named.unwrap_or_else(|| {
        let member = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = member.ancestors().find(|folder| folder.join("Cargo.lock").is_file()).unwrap_or(member);
        root.with_file_name("shared")
    })
}

/// The harness names a test's thread after the test, but for a single thread.
#[track_caller]
fn left_out(thread: Option<&str>, missing: &Path) -> String {
    let test = thread.filter(|name| *name != "main").map_or_else(
        || {
            let place = std::panic::Location::caller();
            format!("a test in {}", place.file())
        },
        str::to_owned,
    );
    format!("left out: {test}: {} is not there", missing.display())
}

#[test]
fn what_is_left_out_is_named_in_a_line() {
    let missing = Path::new("/nowhere/captures");
    assert_eq!(left_out(Some("a::b"), missing), "left out: a::b: /nowhere/captures is not there");
    let unnamed = left_out(Some("main"), missing);
    assert!(unnamed.ends_with("shared.rs: /nowhere/captures is not there"), "{unnamed}");
}
