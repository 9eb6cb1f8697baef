//! Files for the time of one run.
use anyhow::{Context as _, Result};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use tempfile::TempDir;

/// A temporary folder for this user alone, under a name that nobody can make before; gone with the value.
pub fn private_folder() -> Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    let builder = builder.prefix("bambu2mqtt-demo-").permissions(Permissions::from_mode(0o700));
    builder.tempdir().with_context(|| format!("cannot make a folder in {}", std::env::temp_dir().display()))
}
