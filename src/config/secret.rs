//! Secrets: where each may come from, and the one place where they are picked up.
//!
//! The value itself, a file (`x_file`), or a systemd credential; the environment has by then been laid
//! over the first two. Nothing here knows what a secret is good for.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};

use super::findings::Findings;

/// A secret is a line of text; anything longer is a wrong file, and need not be read to its end.
const LONGEST: u64 = 64 * 1024;

/// Where one secret was said to be.
pub(super) struct Given<'a> {
    /// Its key path, such as `mqtt.password`.
    pub(super) key: &'a str,
    pub(super) value: Option<SecretString>,
    pub(super) file: Option<PathBuf>,
    /// The systemd credential, already joined to `$CREDENTIALS_DIRECTORY`.
    pub(super) credential: Option<PathBuf>,
}

/// Finds the secret, or notes why it cannot be had.
pub(super) fn resolve(given: Given<'_>, findings: &mut Findings) -> Option<SecretString> {
    let Given { key, value, file, credential } = given;
    let file_key = format!("{key}_file");
    let (found, whence) = match (value, file) {
        (Some(_), Some(_)) => {
            findings.problem(&file_key, format!("given together with {key}; keep one of the two"));
            return None;
        }
        (Some(value), None) => (trimmed(value.expose_secret()), key.to_owned()),
        (None, Some(path)) => (read(&path, &file_key, findings)?, file_key),
        (None, None) => {
            // A credential that is not there is the usual case, not a problem.
            let path = credential.filter(|path| path.exists())?;
            let whence = format!("{key} (systemd credential)");
            (read(&path, &whence, findings)?, whence)
        }
    };
    if found.expose_secret().is_empty() {
        findings.problem(&whence, "is empty; fill it or leave it out".to_owned());
        return None;
    }
    Some(found)
}

/// Whether two optional secrets are the same, for telling what a reload changed.
pub(super) fn same(a: Option<&SecretString>, b: Option<&SecretString>) -> bool {
    a.map(SecretString::expose_secret) == b.map(SecretString::expose_secret)
}

/// The secret in a file that was fine before; a file that is gone or empty by now holds none.
pub(super) fn read_again(path: &Path) -> Option<SecretString> {
    let secret = read(path, "", &mut Findings::default())?;
    Some(secret).filter(|secret| !secret.expose_secret().is_empty())
}

fn read(path: &Path, key: &str, findings: &mut Findings) -> Option<SecretString> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(LONGEST).read_to_string(&mut text));
    let secret = SecretString::from(text);
    match read {
        Ok(_) => Some(trimmed(secret.expose_secret())),
        Err(cause) => {
            findings.problem(key, format!("cannot read {}: {cause}", path.display()));
            None
        }
    }
}

/// Editors and `echo` end a file with a line break that is not part of the secret.
fn trimmed(text: &str) -> SecretString {
    SecretString::from(text.trim_end_matches(['\r', '\n']))
}
