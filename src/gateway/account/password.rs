//! Tells a password from another one, across restarts and without keeping it.

use secrecy::{ExposeSecret as _, SecretString};

use printer::fnv::fnv1a;

/// The mark of a password, keyed by the id of this installation.
///
/// It says next to nothing about the password: of all that there are, one in 65536 has the same. Should a changed one
/// be among them, a person has to log in, as they are told anyhow. It is kept on disk, so it must be the same in every
/// release: FNV-1a of the key, a line feed and the password, its four parts of sixteen bits laid over each other.
pub(super) fn mark(password: &SecretString, install: &str) -> u16 {
    let keyed = SecretString::from(format!("{install}\n{}", password.expose_secret()));
    let sum = fnv1a(keyed.expose_secret().as_bytes());
    let [low, high, ..] = (sum ^ (sum >> 16) ^ (sum >> 32) ^ (sum >> 48)).to_le_bytes();
    u16::from_le_bytes([low, high])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_the_same_in_every_release_and_on_every_machine() {
        let mark = |password: &str, install| mark(&SecretString::from(password), install);
        assert_eq!(mark("hunter2", "0123abcd"), 34655);
        assert_eq!(mark("hunter3", "0123abcd"), 35340, "another password");
        assert_eq!(mark("hunter2", "0123abce"), 34115, "another installation");
    }
}
