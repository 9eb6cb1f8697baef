use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, lchown, symlink};

use super::*;

fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_first_place_that_is_said_wins() {
    let all = env(&[("HOME", "/home/me"), ("XDG_STATE_HOME", "/xdg"), ("STATE_DIRECTORY", "/var/lib/a:/b")]);
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
    if !is_root() {
        println!("left out: only root can give files away");
        return;
    }
    chown(&home, Some(4321), Some(4322)).unwrap();
    let dir = StateDir::open(&home.join("state")).unwrap();
    dir.write("token", b"x").unwrap();
    dir.append("jobs", b"x").unwrap();
    for path in [dir.path().to_owned(), dir.path().join("token"), dir.path().join("jobs")] {
        let made = fs::metadata(path).unwrap();
        assert_eq!((made.uid(), made.gid()), (4321, 4322));
    }
}

/// Something of the system's that a link leads to.
struct Victim {
    temp: tempfile::TempDir,
    path: PathBuf,
}

impl Victim {
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("shadow");
        fs::write(&path, "secret\n").unwrap();
        Self { temp, path }
    }

    /// The state directory, which belongs to the service.
    fn state(&self) -> PathBuf {
        let path = self.temp.path().join("state");
        fs::create_dir(&path).unwrap();
        if is_root() {
            chown(&path, Some(4321), Some(4322)).unwrap();
        }
        path
    }

    fn is_as_it_was(&self) {
        let own = fs::metadata(self.temp.path()).unwrap();
        let found = fs::metadata(&self.path).unwrap();
        assert_eq!((found.uid(), found.gid()), (own.uid(), own.gid()), "it was given away");
        assert_eq!(fs::read(&self.path).unwrap(), b"secret\n", "it was written to");
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn a_link_in_place_of_a_file_is_neither_read_nor_written_nor_given_away() {
    let victim = Victim::new();
    let dir = StateDir::open(&victim.state()).unwrap();
    symlink(&victim.path, dir.locate("a")).unwrap();
    symlink(victim.temp.path().join("not there"), dir.locate("b")).unwrap();
    assert!(dir.read("a").unwrap_err().to_string().contains("symbolic link"));
    assert!(dir.tail("a", 10).is_err() && dir.truncate("a", 0).is_err());
    let error = dir.append("a", b"x").unwrap_err().to_string();
    assert!(error.contains("symbolic link"), "{error}");
    dir.append("b", b"x").unwrap_err();
    victim.is_as_it_was();
    assert!(!victim.temp.path().join("not there").exists());
    // What is replaced is the link.
    dir.write("a", b"new").unwrap();
    assert!(!dir.locate("a").is_symlink());
    victim.is_as_it_was();
    symlink(&victim.path, dir.locate("c")).unwrap();
    dir.remove("c").unwrap();
    victim.is_as_it_was();
}

#[test]
fn a_link_in_place_of_a_temporary_file_is_not_followed() {
    let victim = Victim::new();
    let dir = StateDir::open(&victim.state()).unwrap();
    let name = |number: u64| format!(".a.{number:016x}.tmp");
    fastrand::seed(7);
    symlink(&victim.path, dir.locate(&name(fastrand::u64(..)))).unwrap();
    fastrand::seed(7);
    dir.write("a", b"new").unwrap_err();
    victim.is_as_it_was();
    // Nor one that takes its place while it is written.
    let opened = open_dir(dir.path()).unwrap();
    let file = create_file_and(&opened, "b", || {
        fs::remove_file(dir.locate("b")).unwrap();
        symlink(&victim.path, dir.locate("b")).unwrap();
    });
    victim.is_as_it_was();
    if is_root() {
        assert_eq!(file.metadata().unwrap().uid(), 4321, "the file that was made is given away");
    }
}

/// Makes a file, and lets somebody do something before it is given away.
fn create_file_and(dir: &OwnedFd, name: &str, meanwhile: impl FnOnce()) -> File {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
    let file = sys::openat(dir, name, flags, Mode::RUSR | Mode::WUSR).unwrap();
    meanwhile();
    keep_owner(&file, dir).unwrap();
    file.into()
}

#[test]
fn a_directory_that_is_a_link_of_somebody_else_is_not_used() {
    let victim = Victim::new();
    let elsewhere = victim.temp.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let link = victim.temp.path().join("link");
    symlink(&elsewhere, &link).unwrap();
    // One's own, or root's, may be: people put the state on another disk.
    StateDir::open(&link).unwrap().write("a", b"1").unwrap();
    assert!(elsewhere.join("a").is_file());
    if !is_root() {
        println!("left out: only root can make a link of somebody else");
        return;
    }
    lchown(&link, Some(4321), Some(4322)).unwrap();
    for path in [link.clone(), link.join("")] {
        let error = StateDir::open(&path).unwrap_err().to_string();
        assert!(error.contains("another user's symbolic link"), "{error}");
    }
    // Also when it takes the place of the directory later.
    let state = victim.state();
    let dir = StateDir::open(&state).unwrap();
    fs::remove_dir(&state).unwrap();
    fs::rename(&link, &state).unwrap();
    assert!(dir.write("b", b"1").is_err() && dir.append("b", b"1").is_err() && dir.read("a").is_err());
    assert!(!elsewhere.join("b").exists());
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
