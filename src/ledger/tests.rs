use super::*;
use crate::config::StateDir;

fn serial() -> Serial {
    Serial::new("01P00A000000001")
}

fn ledger() -> Ledger {
    Ledger { known: true, seq: 3, epoch: 2, told: vec!["started".into()], ..Ledger::default() }
}

#[test]
fn a_ledger_that_cannot_be_used_is_moved_aside_once_and_said() {
    let temp = tempfile::tempdir().unwrap();
    let dir = StateDir::open(temp.path()).unwrap();
    let name = file_name(&serial());
    let good = write(&serial(), &ledger());
    let foreign = String::from_utf8(good.clone()).unwrap().replace("ledger 1 ", "ledger 2 ");
    let cases: [(&[u8], &str); 5] = [
        (&[], "no first line"),
        (&good[..100], "end is missing"),
        (b"\xff\xff", "not text"),
        (foreign.as_bytes(), "another version"),
        (&write(&Serial::new("22E"), &ledger()), "another printer's"),
    ];
    for (bytes, why) in cases {
        dir.write(&name, bytes).unwrap();
        let (loaded, trouble) = load(&dir, &serial());
        assert_eq!(loaded, None);
        let said = trouble.unwrap().to_string();
        assert!(said.contains(why), "{said}");
        assert!(
            said.contains(&dir.path().join(&name).display().to_string()) && said.contains(".bad"),
            "{said}"
        );
        let (loaded, trouble) = load(&dir, &serial());
        assert!(loaded.is_none() && trouble.is_none(), "it is said once");
    }
    // A directory in its place cannot even be read.
    std::fs::create_dir(dir.path().join(&name)).unwrap();
    std::fs::remove_file(dir.path().join(format!("{name}.bad"))).unwrap();
    let (loaded, trouble) = load(&dir, &serial());
    assert!(loaded.is_none() && trouble.is_some());
    dir.write(&name, &good).unwrap();
    assert_eq!(load(&dir, &serial()).0, Some(ledger()));
}
