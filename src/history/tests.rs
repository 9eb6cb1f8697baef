use super::*;
use crate::config::StateDir;

fn dir() -> (tempfile::TempDir, StateDir) {
    let temp = tempfile::tempdir().unwrap();
    let dir = StateDir::open(temp.path()).unwrap();
    (temp, dir)
}

fn entry(serial: &str, number: u32) -> Entry {
    let job = JobRecord {
        key: format!("{number}").into(),
        name: Some(format!("Benchy {number}").into()),
        ..JobRecord::default()
    };
    Entry { serial: serial.into(), printer: "Garage".into(), job }
}

fn keys(history: &History) -> Vec<&str> {
    history.entries.iter().map(|entry| entry.job.key.as_str()).collect()
}

#[test]
fn what_was_written_is_read_in_order() {
    let (_temp, dir) = dir();
    assert!(read(&dir).unwrap().entries.is_empty());
    for number in 0..3 {
        append(&dir, &entry("01P", number).line()).unwrap();
    }
    let history = read(&dir).unwrap();
    assert_eq!(history.entries, [entry("01P", 0), entry("01P", 1), entry("01P", 2)]);
    assert_eq!(history.damaged, 0);
}

#[test]
fn the_file_gives_way_and_three_old_ones_are_kept() {
    let (_temp, dir) = dir();
    let line = entry("01P", 1000).line().len() as u64 + 1;
    for number in 1000..1100 {
        append_up_to(&dir, &entry("01P", number).line(), 10 * line).unwrap();
    }
    let history = read(&dir).unwrap();
    let expected: Vec<String> = (1060..1100).map(|number| number.to_string()).collect();
    assert_eq!(keys(&history), expected);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 4);
}

#[test]
fn a_line_cut_off_anywhere_costs_that_line_alone() {
    let lines: Vec<u8> =
        (0..3).flat_map(|number| [entry("01P", number).line(), b"\n".to_vec()].concat()).collect();
    let start = entry("01P", 0).line().len() + entry("01P", 1).line().len() + 2;
    for length in start..=lines.len() {
        let (_temp, dir) = dir();
        dir.write(FILE, &lines[..length]).unwrap();
        let whole = length + 1 >= lines.len();
        let history = read(&dir).unwrap();
        assert_eq!(history.entries.len(), if whole { 3 } else { 2 }, "{length}");
        assert_eq!(history.damaged, usize::from(!whole && length > start), "{length}");
        append(&dir, &entry("01P", 3).line()).unwrap();
        let history = read(&dir).unwrap();
        assert_eq!(keys(&history), if whole { vec!["0", "1", "2", "3"] } else { vec!["0", "1", "3"] });
        assert_eq!(history.damaged, 0, "{length}: healed");
    }
}

#[test]
fn damage_in_the_middle_is_passed_over_and_counted() {
    let (_temp, dir) = dir();
    append(&dir, &entry("01P", 0).line()).unwrap();
    dir.append(FILE, b"\xff\xfe nonsense\n{\"serial\":1}\n").unwrap();
    append(&dir, &entry("01P", 1).line()).unwrap();
    let history = read(&dir).unwrap();
    assert_eq!((keys(&history), history.damaged), (vec!["0", "1"], 2));
}

#[test]
fn a_job_that_is_told_again_is_one_job() {
    let (_temp, dir) = dir();
    let mut late = entry("01P", 0);
    append(&dir, &late.line()).unwrap();
    append(&dir, &entry("22E", 0).line()).unwrap();
    late.job.progress = Some(100);
    append(&dir, &late.line()).unwrap();
    let history = read(&dir).unwrap();
    assert_eq!(history.entries, [late, entry("22E", 0)]);
    let (all, damaged) = recent(&dir).unwrap();
    assert_eq!(damaged, 0);
    assert_eq!(all.keys().collect::<Vec<_>>(), ["01P", "22E"]);
    assert!(all["22E"].has(&entry("22E", 0).job) && !all["22E"].has(&entry("22E", 1).job));
    let progress: Vec<_> = all["01P"].jobs().iter().map(|job| job.progress).collect();
    assert_eq!(progress, [Some(100)]);
}
