//! `demo` of the lean program: it runs the demo's own program, which is installed beside it.
//!
//! The emulated cloud and the embedded broker are as large as half the gateway, and a service needs neither. The
//! demo's program is this one, built with the feature `demo`.

use std::ffi::OsString;
use std::fs::canonicalize;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use clap::Args;

use crate::service::Exit;

/// What it is called where it is installed.
const NAME: &str = "bambu2mqtt-demo";

/// Understood by the demo's program alone, `--help` too.
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub(super) struct Arguments {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    all: Vec<OsString>,
}

/// Becomes the demo's program, which gets the whole command line; comes back only if that cannot be.
pub(super) fn run() -> anyhow::Result<Exit> {
    let own = std::env::current_exe().context("cannot find out where this program is")?;
    let program = find(&own)?;
    // It goes by the name that was typed, so that its help says what to type.
    let error = Command::new(&program).arg0("bambu2mqtt").args(std::env::args_os().skip(1)).exec();
    Err(error).with_context(|| format!("cannot run {}", program.display()))
}

#[derive(Debug, thiserror::Error)]
#[error(
    "the demo is a program of its own, and there is no {NAME} in {beside} or {library}; \
     build it with `cargo build --release` in the project's folder, then copy target/release/bambu2mqtt \
     to {beside}/{NAME}"
)]
struct Missing {
    beside: String,
    library: String,
}

/// Looks beside this program, then where programs lie that nobody calls by name.
fn find(own: &Path) -> Result<PathBuf, Missing> {
    let beside = own.parent().unwrap_or(Path::new("/"));
    let library = beside.with_file_name("lib").join("bambu2mqtt");
    // A lean program under this name would run itself for ever.
    let is_own = |path: &Path| canonicalize(path).ok() == canonicalize(own).ok();
    let mut places = [beside, &library].map(|folder| folder.join(NAME)).into_iter();
    places.find(|path| path.is_file() && !is_own(path)).ok_or_else(|| Missing {
        beside: beside.display().to_string(),
        library: library.display().to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An installation with these files; gives its folder and what the program in `bin` finds.
    fn installed(own: &str, files: &[&str]) -> (PathBuf, Result<PathBuf, Missing>) {
        let root = tempfile::tempdir().unwrap();
        for file in [own].iter().chain(files) {
            let path = root.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        (root.path().to_owned(), find(&root.path().join(own)))
    }

    #[test]
    fn the_demos_program_is_found_beside_this_one_or_in_the_library() {
        let (root, found) = installed("bin/bambu2mqtt", &["bin/bambu2mqtt-demo"]);
        assert_eq!(found.unwrap(), root.join("bin/bambu2mqtt-demo"));
        let (root, found) = installed("bin/bambu2mqtt", &["lib/bambu2mqtt/bambu2mqtt-demo"]);
        assert_eq!(found.unwrap(), root.join("lib/bambu2mqtt/bambu2mqtt-demo"));
        let both = ["bin/bambu2mqtt-demo", "lib/bambu2mqtt/bambu2mqtt-demo"];
        let (root, found) = installed("bin/bambu2mqtt", &both);
        assert_eq!(found.unwrap(), root.join("bin/bambu2mqtt-demo"));
    }

    #[test]
    fn where_it_is_missing_the_error_says_how_to_get_it() {
        let (root, found) = installed("bin/bambu2mqtt", &[]);
        let said = found.unwrap_err().to_string();
        for part in ["bin", "lib/bambu2mqtt"].map(|folder| root.join(folder).display().to_string()) {
            assert!(said.contains(&part), "{part} is missing in {said}");
        }
        assert!(said.contains("cargo build --release") && said.contains("bin/bambu2mqtt-demo"), "{said}");
    }

    #[test]
    fn a_lean_program_in_its_place_does_not_run_itself() {
        assert!(installed("bin/bambu2mqtt-demo", &[]).1.is_err());
        assert!(installed("lib/bambu2mqtt/bambu2mqtt-demo", &[]).1.is_err());
    }
}
