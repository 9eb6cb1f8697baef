//! The state directory: a few small files that outlive the process, such as the login.
//!
//! Files are private (0600) and replaced as a whole, so a power cut leaves the old one or the new one; what
//! grows line by line is only added to. It does not know what is in them, but for the install id.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, chown};
use std::path::{Path, PathBuf};

use thiserror::Error as ThisError;
use tracing::warn;

const INSTALL_ID: &str = "install_id";
const INSTALL_ID_LENGTH: usize = 16;

/// Why the state directory cannot be used.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// It is not there and cannot be made.
    #[error("cannot create the state directory {}: {cause}; create it or set state_dir", path.display())]
    Create {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// One of its files cannot be read.
    #[error("cannot read {}: {cause}; check who owns the state directory", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// One of its files cannot be written.
    #[error("cannot write {}: {cause}; check who owns the state directory and its free space", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
}

/// What a place for small files can do; a trait, so that a test can let it fail as a full disk does.
pub trait Disk: Send + Sync {
    /// The content of a file, or `None` where there is none.
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Error>;
    /// Replaces a file as a whole; afterwards it is on the disk.
    fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), Error>;
    /// Adds to the end of a file, which is made where there is none; afterwards it is on the disk, whole
    /// unless there was an error.
    fn append(&self, name: &str, bytes: &[u8]) -> Result<(), Error>;
    /// How long a file is, and at most so many bytes of its end; nothing where there is none.
    fn tail(&self, name: &str, most: u64) -> Result<(u64, Vec<u8>), Error>;
    /// Cuts a file to a length.
    fn truncate(&self, name: &str, length: u64) -> Result<(), Error>;
    /// Gives a file another name, in place of whatever had it; one that is not there is no error.
    fn rename(&self, from: &str, to: &str) -> Result<(), Error>;
    /// Where a file is, for people.
    fn locate(&self, name: &str) -> PathBuf;
}

impl Disk for StateDir {
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        Self::read(self, name)
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.write(name, bytes)
    }

    fn append(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = self.file(name);
        let append = || {
            let new = !path.exists();
            let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path)?;
            file.write_all(bytes)?;
            file.sync_data()?;
            if new {
                keep_owner(&path, &file.metadata()?, &fs::metadata(&self.path)?)?;
                File::open(&self.path)?.sync_all()?;
            }
            Ok(())
        };
        append().map_err(|cause| Error::Write { path: path.clone(), cause })
    }

    fn tail(&self, name: &str, most: u64) -> Result<(u64, Vec<u8>), Error> {
        let path = self.file(name);
        let tail = || {
            let mut file = match File::open(&path) {
                Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok((0, Vec::new())),
                file => file?,
            };
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(most)))?;
            let mut end = Vec::new();
            file.take(most).read_to_end(&mut end)?;
            Ok((length, end))
        };
        tail().map_err(|cause| Error::Read { path: path.clone(), cause })
    }

    fn truncate(&self, name: &str, length: u64) -> Result<(), Error> {
        let path = self.file(name);
        let cut = OpenOptions::new().write(true).open(&path).and_then(|file| file.set_len(length));
        cut.map_err(|cause| Error::Write { path, cause })
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), Error> {
        let path = self.file(to);
        match fs::rename(self.file(from), &path) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(Error::Write { path, cause }),
            _ => Ok(()),
        }
    }

    fn locate(&self, name: &str) -> PathBuf {
        self.file(name)
    }
}

/// The directory, known to exist.
#[derive(Debug, Clone)]
pub struct StateDir {
    path: PathBuf,
}

impl StateDir {
    /// Takes the directory into use and creates it (0700) where it is missing.
    pub fn open(path: &Path) -> Result<Self, Error> {
        create(path).map_err(|cause| Error::Create { path: path.to_owned(), cause })?;
        Ok(Self { path: path.to_owned() })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The content of a file, or `None` where there is none.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let path = self.file(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(Error::Read { path, cause }),
        }
    }

    /// Replaces a file as a whole; afterwards it is on the disk.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = self.file(name);
        self.replace(&path, name, bytes).map_err(|cause| Error::Write { path, cause })
    }

    /// Removes a file; one that is not there is no error.
    pub fn remove(&self, name: &str) -> Result<(), Error> {
        let path = self.file(name);
        match fs::remove_file(&path) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(Error::Write { path, cause }),
            _ => Ok(()),
        }
    }

    /// A random id of this installation, made once; what client ids on the brokers are made from.
    ///
    /// Stable, because a broker takes each new client id for another client (protocol.md 2.1).
    pub fn install_id(&self) -> Result<String, Error> {
        if let Some(bytes) = self.read(INSTALL_ID)? {
            let id = String::from_utf8_lossy(&bytes).trim().to_owned();
            if id.len() == INSTALL_ID_LENGTH && id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Ok(id);
            }
            let file = self.file(INSTALL_ID);
            warn!(file = %file.display(), "the install id is damaged; a new one takes its place");
        }
        let id = format!("{:0width$x}", fastrand::u64(..), width = INSTALL_ID_LENGTH);
        self.write(INSTALL_ID, id.as_bytes())?;
        Ok(id)
    }

    fn file(&self, name: &str) -> PathBuf {
        // Names are ours; should one ever come from outside, it still cannot leave the directory.
        self.path.join(name.replace(['/', '\0'], "_"))
    }

    fn replace(&self, path: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
        let temporary = self.file(&format!(".{name}.{:016x}.tmp", fastrand::u64(..)));
        let written = write_new(&temporary, bytes, &fs::metadata(&self.path)?)
            .and_then(|()| fs::rename(&temporary, path));
        if written.is_err() {
            // Best effort: the first error is the one to tell.
            let _ = fs::remove_file(&temporary);
        }
        written?;
        // Without this the rename itself may be lost with the power.
        File::open(&self.path)?.sync_all()
    }
}

fn write_new(path: &Path, bytes: &[u8], dir: &Metadata) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    keep_owner(path, &file.metadata()?, dir)
}

/// What root makes belongs to whom the folder belongs, so that `sudo bambu2mqtt login` serves the service.
fn keep_owner(path: &Path, made: &Metadata, above: &Metadata) -> io::Result<()> {
    if made.uid() == above.uid() { Ok(()) } else { chown(path, Some(above.uid()), Some(above.gid())) }
}

fn create(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let above = match path.parent() {
        Some(above) if above != Path::new("") => above,
        _ => Path::new("."),
    };
    if path.parent().is_some() {
        create(above)?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => return Ok(()),
        made => made?,
    }
    let owner = fs::metadata(above)?;
    // In a shared folder such as /tmp the owner above is nobody we work for.
    if owner.mode() & 0o1000 != 0 {
        return Ok(());
    }
    let made = fs::metadata(path)?;
    // Only root can give files away; anyone else who could create it here uses it as it is.
    if made.uid() == 0 { keep_owner(path, &made, &owner) } else { Ok(()) }
}

/// Where the state directory is: as configured, systemd's, or the user's; `None` without a home.
pub(super) fn locate(configured: Option<PathBuf>, env: &[(String, String)]) -> Option<PathBuf> {
    let name = env!("CARGO_PKG_NAME");
    configured
        // systemd may list several, separated by colons; the first is the main one.
        .or_else(|| Some(variable(env, "STATE_DIRECTORY")?.split(':').next()?.into()))
        // The specification says to ignore a relative path here.
        .or_else(|| {
            Some(Path::new(variable(env, "XDG_STATE_HOME").filter(|path| path.starts_with('/'))?).join(name))
        })
        .or_else(|| Some(Path::new(variable(env, "HOME")?).join(".local/state").join(name)))
}

/// A variable that is set and not empty.
pub(super) fn variable<'a>(env: &'a [(String, String)], name: &str) -> Option<&'a str> {
    env.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn the_first_place_that_is_said_wins() {
        let all =
            env(&[("HOME", "/home/me"), ("XDG_STATE_HOME", "/xdg"), ("STATE_DIRECTORY", "/var/lib/a:/b")]);
        let found = |configured: Option<&str>, env: &[(String, String)]| {
            locate(configured.map(PathBuf::from), env).map(|path| path.display().to_string())
        };
        assert_eq!(found(Some("/mine"), &all).unwrap(), "/mine");
        assert_eq!(found(None, &all).unwrap(), "/var/lib/a");
        assert_eq!(found(None, &all[..2]).unwrap(), "/xdg/bambu2mqtt");
        assert_eq!(found(None, &all[..1]).unwrap(), "/home/me/.local/state/bambu2mqtt");
        let relative = env(&[("HOME", "/h"), ("XDG_STATE_HOME", "state")]);
        assert_eq!(found(None, &relative).unwrap(), "/h/.local/state/bambu2mqtt");
        assert_eq!(found(None, &[]), None);
    }

    #[test]
    fn files_are_private_and_replaced_whole() {
        let temp = tempfile::tempdir().unwrap();
        let dir = StateDir::open(&temp.path().join("deep/state")).unwrap();
        assert_eq!(mode(dir.path()), 0o700);
        assert_eq!(dir.read("a.json").unwrap(), None);
        dir.write("a.json", b"one").unwrap();
        dir.write("a.json", b"two").unwrap();
        assert_eq!(dir.read("a.json").unwrap().unwrap(), b"two");
        assert_eq!(mode(&dir.path().join("a.json")), 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file stays behind");
        dir.remove("a.json").unwrap();
        dir.remove("a.json").unwrap();
        assert_eq!(dir.read("a.json").unwrap(), None);
    }

    #[test]
    fn a_file_grows_at_its_end_and_can_be_cut() {
        let temp = tempfile::tempdir().unwrap();
        let dir = StateDir::open(temp.path()).unwrap();
        assert_eq!(dir.tail("a", 10).unwrap(), (0, Vec::new()));
        dir.append("a", b"one\n").unwrap();
        dir.append("a", b"two\n").unwrap();
        assert_eq!(dir.tail("a", 3).unwrap(), (8, b"wo\n".to_vec()));
        assert_eq!(dir.tail("a", 100).unwrap(), (8, b"one\ntwo\n".to_vec()));
        assert_eq!(mode(&dir.locate("a")), 0o600);
        dir.truncate("a", 4).unwrap();
        dir.rename("a", "b").unwrap();
        dir.rename("a", "b").unwrap();
        assert_eq!(dir.read("b").unwrap().unwrap(), b"one\n");
        assert_eq!(dir.read("a").unwrap(), None);
    }

    #[test]
    fn what_root_writes_belongs_to_the_owner_of_the_directory() {
        let temp = tempfile::tempdir().unwrap();
        let home = temp.path().join("home");
        fs::create_dir(&home).unwrap();
        if fs::metadata(&home).unwrap().uid() != 0 {
            println!("not root here: nothing to see");
            return;
        }
        chown(&home, Some(4321), Some(4322)).unwrap();
        let dir = StateDir::open(&home.join("state")).unwrap();
        dir.write("token", b"x").unwrap();
        for path in [dir.path().to_owned(), dir.path().join("token")] {
            let made = fs::metadata(path).unwrap();
            assert_eq!((made.uid(), made.gid()), (4321, 4322));
        }
    }

    #[test]
    fn the_install_id_stays_and_a_damaged_one_is_replaced() {
        let temp = tempfile::tempdir().unwrap();
        let dir = StateDir::open(temp.path()).unwrap();
        let id = dir.install_id().unwrap();
        assert_eq!(id.len(), INSTALL_ID_LENGTH);
        assert_eq!(dir.install_id().unwrap(), id);
        dir.write(INSTALL_ID, b"\xff\0nonsense").unwrap();
        let healed = dir.install_id().unwrap();
        assert_eq!(healed.len(), INSTALL_ID_LENGTH);
        assert_eq!(dir.install_id().unwrap(), healed);
    }

    #[test]
    fn a_directory_that_cannot_be_is_told_with_its_path() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("file");
        fs::write(&file, "").unwrap();
        let error = StateDir::open(&file.join("state")).unwrap_err();
        assert!(error.to_string().contains("file"), "{error}");
    }
}
