//! The state directory: a few small files that outlive the process, such as the login.
//!
//! Files are private (0600) and replaced as a whole, so a power cut leaves the old one or the new one; what
//! grows line by line is only added to. It does not know what is in them, but for the install id.
//!
//! Root may write here for the service's user (`sudo bambu2mqtt login`), who owns the directory and may put
//! anything into it: no symbolic link in it is followed, and nothing is given away by its path.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{self as sys, AtFlags, Mode, OFlags};
use rustix::io::Errno;
use thiserror::Error as ThisError;
use tracing::warn;

const INSTALL_ID: &str = "install_id";
const INSTALL_ID_LENGTH: usize = 16;

/// Why the state directory cannot be used.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum DiskError {
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
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, DiskError>;
    /// Replaces a file as a whole; afterwards it is on the disk.
    fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), DiskError>;
    /// Removes a file; one that is not there is no error.
    fn remove(&self, name: &str) -> Result<(), DiskError>;
    /// Adds to the end of a file, which is made where there is none; afterwards it is on the disk, whole
    /// unless there was an error.
    fn append(&self, name: &str, bytes: &[u8]) -> Result<(), DiskError>;
    /// How long a file is, and at most so many bytes of its end; nothing where there is none.
    fn tail(&self, name: &str, most: u64) -> Result<(u64, Vec<u8>), DiskError>;
    /// Cuts a file to a length.
    fn truncate(&self, name: &str, length: u64) -> Result<(), DiskError>;
    /// Gives a file another name, in place of whatever had it; one that is not there is no error.
    fn rename(&self, from: &str, to: &str) -> Result<(), DiskError>;
    /// Where a file is, for people.
    fn locate(&self, name: &str) -> PathBuf;
}

impl Disk for StateDir {
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, DiskError> {
        Self::read(self, name)
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), DiskError> {
        self.write(name, bytes)
    }

    fn remove(&self, name: &str) -> Result<(), DiskError> {
        Self::remove(self, name)
    }

    fn append(&self, name: &str, bytes: &[u8]) -> Result<(), DiskError> {
        self.writing(name, |dir, name| {
            let (mut file, new) = match open_file(dir, name, OFlags::WRONLY | OFlags::APPEND) {
                Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                    (create_file(dir, name, OFlags::APPEND)?, true)
                }
                file => (file?, false),
            };
            file.write_all(bytes)?;
            file.sync_data()?;
            if new { Ok(sys::fsync(dir)?) } else { Ok(()) }
        })
    }

    fn tail(&self, name: &str, most: u64) -> Result<(u64, Vec<u8>), DiskError> {
        let tail = self.reading(name, |mut file| {
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(most)))?;
            let mut end = Vec::new();
            file.take(most).read_to_end(&mut end)?;
            Ok((length, end))
        });
        Ok(tail?.unwrap_or_default())
    }

    fn truncate(&self, name: &str, length: u64) -> Result<(), DiskError> {
        self.writing(name, |dir, name| open_file(dir, name, OFlags::WRONLY)?.set_len(length))
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), DiskError> {
        self.writing(to, |dir, to| match sys::renameat(dir, plain(from), dir, to) {
            Err(Errno::NOENT) => Ok(()),
            renamed => Ok(renamed?),
        })
    }

    fn locate(&self, name: &str) -> PathBuf {
        self.path.join(plain(name))
    }
}

/// The directory, known to exist.
#[derive(Debug, Clone)]
pub struct StateDir {
    path: PathBuf,
}

impl StateDir {
    /// Takes the directory into use and creates it (0700) where it is missing.
    pub fn open(path: &Path) -> Result<Self, DiskError> {
        // Without a slash at the end, which would follow a link.
        let path: PathBuf = path.components().collect();
        let usable = create(&path).and_then(|()| match open_dir(&path) {
            // What can be done here each file says for itself.
            Err(cause) if cause.kind() == io::ErrorKind::PermissionDenied && !path.is_symlink() => Ok(()),
            dir => dir.map(drop),
        });
        match usable {
            Ok(()) => Ok(Self { path }),
            Err(cause) => Err(DiskError::Create { path, cause }),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The content of a file, or `None` where there is none.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, DiskError> {
        self.reading(name, |mut file| {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok(bytes)
        })
    }

    /// Replaces a file as a whole; afterwards it is on the disk.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), DiskError> {
        self.writing(name, |dir, name| {
            let temporary = format!(".{name}.{:016x}.tmp", fastrand::u64(..));
            let written = write_new(dir, &temporary, bytes)
                .and_then(|()| Ok(sys::renameat(dir, temporary.as_str(), dir, name)?));
            if written.is_err() {
                // Best effort: the first error is the one to tell.
                let _ = sys::unlinkat(dir, temporary.as_str(), AtFlags::empty());
            }
            written?;
            // Without this the rename itself may be lost with the power.
            Ok(sys::fsync(dir)?)
        })
    }

    /// Removes a file; one that is not there is no error.
    pub fn remove(&self, name: &str) -> Result<(), DiskError> {
        self.writing(name, |dir, name| match sys::unlinkat(dir, name, AtFlags::empty()) {
            Err(Errno::NOENT) => Ok(()),
            removed => Ok(removed?),
        })
    }

    /// A random id of this installation, made once; what client ids on the brokers are made from.
    ///
    /// Stable, because a broker takes each new client id for another client (protocol.md 2.1).
    pub fn install_id(&self) -> Result<String, DiskError> {
        if let Some(bytes) = self.read(INSTALL_ID)? {
            let id = String::from_utf8_lossy(&bytes).trim().to_owned();
            if id.len() == INSTALL_ID_LENGTH && id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Ok(id);
            }
            let file = self.locate(INSTALL_ID);
            warn!(file = %file.display(), "the install id is damaged; a new one takes its place");
        }
        let id = format!("{:0width$x}", fastrand::u64(..), width = INSTALL_ID_LENGTH);
        self.write(INSTALL_ID, id.as_bytes())?;
        Ok(id)
    }

    /// Reads from a file, if it is there.
    fn reading<T>(
        &self,
        name: &str,
        read: impl FnOnce(File) -> io::Result<T>,
    ) -> Result<Option<T>, DiskError> {
        let file = open_dir(&self.path).and_then(|dir| open_file(&dir, &plain(name), OFlags::RDONLY));
        match file.and_then(read) {
            Ok(found) => Ok(Some(found)),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(DiskError::Read { path: self.locate(name), cause }),
        }
    }

    /// Changes something about a file.
    fn writing(
        &self,
        name: &str,
        write: impl FnOnce(&OwnedFd, &str) -> io::Result<()>,
    ) -> Result<(), DiskError> {
        open_dir(&self.path)
            .and_then(|dir| write(&dir, &plain(name)))
            .map_err(|cause| DiskError::Write { path: self.locate(name), cause })
    }
}

/// Names are ours; should one ever come from outside, it still cannot leave the directory.
fn plain(name: &str) -> String {
    name.replace(['/', '\0'], "_")
}

/// Opens the directory, so that all that follows happens in it, whatever its path leads to by then.
fn open_dir(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match sys::open(path, flags | OFlags::NOFOLLOW, Mode::empty()) {
        Err(Errno::LOOP | Errno::NOTDIR) if path.is_symlink() => {
            let link = sys::lstat(path)?;
            if link.st_uid != 0 && link.st_uid != rustix::process::geteuid().as_raw() {
                return Err(io::Error::new(
                    io::ErrorKind::PermissionDenied,
                    "it is another user's symbolic link, which is not followed",
                ));
            }
            Ok(sys::open(path, flags, Mode::empty())?)
        }
        dir => Ok(dir?),
    }
}

/// Opens a file that is there.
fn open_file(dir: &OwnedFd, name: &str, flags: OFlags) -> io::Result<File> {
    match sys::openat(dir, name, flags | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty()) {
        Err(Errno::LOOP) => Err(io::Error::other("it is a symbolic link, which is not followed")),
        file => Ok(file?.into()),
    }
}

/// Makes a file that was not there.
fn create_file(dir: &OwnedFd, name: &str, flags: OFlags) -> io::Result<File> {
    // Neither follows a link nor takes what somebody else has put there.
    let flags = flags | OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let file = sys::openat(dir, name, flags, Mode::RUSR | Mode::WUSR)?;
    keep_owner(&file, dir)?;
    Ok(file.into())
}

fn write_new(dir: &OwnedFd, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut file = create_file(dir, name, OFlags::empty())?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// What root makes belongs to whom the folder belongs, so that `sudo bambu2mqtt login` serves the service.
///
/// What was opened is given away, never what a path leads to: whoever owns the folder can put a link to any
/// file of the system there.
fn keep_owner(made: impl AsFd, above: impl AsFd) -> io::Result<()> {
    let (made_is, above) = (sys::fstat(&made)?, sys::fstat(above)?);
    if made_is.st_uid == above.st_uid {
        return Ok(());
    }
    std::os::unix::fs::fchown(made, Some(above.st_uid), Some(above.st_gid))
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
    let Some(name) = path.file_name() else { return Ok(()) };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let above = sys::open(above, flags, Mode::empty())?;
    match sys::mkdirat(&above, name, Mode::RWXU) {
        Err(Errno::EXIST) if path.is_dir() => return Ok(()),
        made => made?,
    }
    let owner = sys::fstat(&above)?;
    // In a shared folder such as /tmp the owner above is nobody we work for.
    if owner.st_mode & Mode::SVTX.as_raw_mode() != 0 {
        return Ok(());
    }
    let made = sys::openat(&above, name, flags | OFlags::NOFOLLOW, Mode::empty())?;
    // Only root can give files away; anyone else who could create it here uses it as it is.
    if sys::fstat(&made)?.st_uid == 0 { keep_owner(&made, &above) } else { Ok(()) }
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
mod tests;
