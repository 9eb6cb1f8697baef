use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::*;
use crate::config::DiskError;
use crate::config::StateDir;
use crate::history;
use printer::event::{Kind, Source};
use printer::{Event, JobRecord};
use twin::{Delivery, Due};

fn serial() -> Serial {
    Serial::new("01P00A000000001")
}

pub(super) fn event(seq: u64, kind: Kind) -> Event {
    Event {
        id: format!("id-{seq}").into(),
        seq,
        kind,
        at: "2026-03-01T00:00:00Z".parse().unwrap(),
        since: None,
        late: false,
        inferred: false,
        source: Source::Report,
        job: Some(Box::new(JobRecord { name: Some("Benchy ö".into()), ..JobRecord::default() })),
        reason: None,
    }
}

fn ledger() -> Ledger {
    Ledger {
        known: true,
        seq: 3,
        epoch: 2,
        open: Some(JobRecord { key: "17".into(), ..JobRecord::default() }),
        told: vec!["started".into()],
        pending: (2..4).map(|seq| event(seq, Kind::Progress(25))).collect(),
        ..Ledger::default()
    }
}

#[test]
fn what_is_written_is_read_again() {
    let bytes = write(&serial(), &ledger());
    assert_eq!(read(&serial(), &bytes).unwrap(), ledger());
    assert!(!file_name(&serial()).contains("01P00A"), "serial numbers are personal");
}

#[test]
fn a_file_cut_off_anywhere_is_noticed() {
    let bytes = write(&serial(), &ledger());
    for length in 0..bytes.len() {
        assert!(read(&serial(), &bytes[..length]).is_err(), "{length} of {} bytes", bytes.len());
    }
}

proptest! {
    #[test]
    fn a_file_with_any_byte_changed_is_noticed(place in 0_usize..10_000, byte in 1_u8..) {
        let mut bytes = write(&serial(), &ledger());
        let place = place % bytes.len();
        bytes[place] ^= byte;
        prop_assert!(read(&serial(), &bytes).is_err());
    }

    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>) {
        prop_assert!(read(&serial(), &bytes).is_err());
    }
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

/// A disk in memory that can be full.
#[derive(Default)]
pub(super) struct Memory {
    files: Mutex<BTreeMap<String, Vec<u8>>>,
    full: Mutex<bool>,
}

impl Memory {
    fn set_full(&self, full: bool) {
        *self.full.lock().unwrap() = full;
    }

    fn check(&self, name: &str) -> Result<(), DiskError> {
        let cause = std::io::Error::from(std::io::ErrorKind::StorageFull);
        if *self.full.lock().unwrap() { Err(DiskError::Write { path: name.into(), cause }) } else { Ok(()) }
    }
}

impl Disk for Memory {
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, DiskError> {
        Ok(self.files.lock().unwrap().get(name).cloned())
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), DiskError> {
        self.check(name)?;
        self.files.lock().unwrap().insert(name.to_owned(), bytes.to_vec());
        Ok(())
    }

    fn remove(&self, name: &str) -> Result<(), DiskError> {
        self.check(name)?;
        self.files.lock().unwrap().remove(name);
        Ok(())
    }

    fn append(&self, name: &str, bytes: &[u8]) -> Result<(), DiskError> {
        let part = if self.check(name).is_err() { bytes.len() / 2 } else { bytes.len() };
        self.files.lock().unwrap().entry(name.to_owned()).or_default().extend(&bytes[..part]);
        self.check(name)
    }

    fn tail(&self, name: &str, most: u64) -> Result<(u64, Vec<u8>), DiskError> {
        let file = self.read(name)?.unwrap_or_default();
        let most = usize::try_from(most).unwrap();
        Ok((file.len() as u64, file[file.len().saturating_sub(most)..].to_vec()))
    }

    fn truncate(&self, name: &str, length: u64) -> Result<(), DiskError> {
        let length = usize::try_from(length).unwrap();
        self.files.lock().unwrap().get_mut(name).unwrap().truncate(length);
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), DiskError> {
        let mut files = self.files.lock().unwrap();
        if let Some(file) = files.remove(from) {
            files.insert(to.to_owned(), file);
        }
        Ok(())
    }

    fn locate(&self, name: &str) -> PathBuf {
        name.into()
    }
}

struct Bench {
    disk: Arc<Memory>,
    writer: Writer,
    inbox: mpsc::Receiver<Report>,
    _tasks: JoinSet<String>,
}

fn bench() -> Bench {
    let disk = Arc::new(Memory::default());
    let (sender, inbox) = mpsc::channel(64);
    let mut tasks = JoinSet::new();
    let writer = Writer::start(&mut tasks, Arc::clone(&disk) as _, sender, |report| report);
    Bench { disk, writer, inbox, _tasks: tasks }
}

fn line(key: &str) -> Vec<u8> {
    let job = JobRecord { key: key.into(), ..JobRecord::default() };
    history::Entry { serial: "01P".into(), printer: "Garage".into(), job }.line()
}

#[tokio::test]
async fn only_the_newest_ledger_is_written_and_it_answers_for_those_before_it() {
    let mut bench = bench();
    let mut ledger = ledger();
    let mut version = 0;
    for epoch in 0..100 {
        ledger.epoch = epoch;
        version = bench.writer.store(&serial(), &ledger);
    }
    assert_eq!(bench.inbox.recv().await, Some(Report::Stored(serial(), version)));
    assert_eq!(bench.writer.store(&serial(), &ledger), version, "the same is not written again");
    bench.writer.append(line("1"));
    bench.writer.close().await;
    assert_eq!(load(&*bench.disk, &serial()).0, Some(ledger));
    assert_eq!(history::read(&*bench.disk).unwrap().entries.len(), 1);
    let cost = bench.writer.cost();
    assert_eq!((cost.ledgers, cost.lines, cost.syncs), (1, 1, 3));
}

#[tokio::test(start_paused = true)]
async fn what_a_full_disk_refuses_is_said_and_written_when_there_is_room() {
    let mut bench = bench();
    bench.disk.set_full(true);
    bench.writer.append(line("1"));
    bench.writer.append(line("2"));
    let first = bench.writer.store(&serial(), &Ledger::default());
    let Some(Report::Refused(_, version, why)) = bench.inbox.recv().await else { panic!() };
    assert_eq!(version, first);
    assert!(why.contains("free space"), "{why}");
    let Some(Report::HistoryRefused(_)) = bench.inbox.recv().await else { panic!() };
    let second = bench.writer.store(&serial(), &ledger());
    loop {
        match bench.inbox.recv().await.unwrap() {
            Report::Refused(_, version, _) if version == second => break,
            Report::Refused(..) | Report::HistoryRefused(_) => {}
            other => panic!("{other:?}"),
        }
    }
    bench.disk.set_full(false);
    let mut healed = Vec::new();
    tokio::time::timeout(Duration::from_secs(120), async {
        while healed.last() != Some(&Report::Healed) {
            healed.push(bench.inbox.recv().await.unwrap());
        }
    })
    .await
    .unwrap();
    assert!(healed.contains(&Report::Stored(serial(), second)), "{healed:?}");
    assert_eq!(load(&*bench.disk, &serial()).0, Some(ledger()));
    let history = history::read(&*bench.disk).unwrap();
    let keys: Vec<_> = history.entries.iter().map(|entry| entry.job.key.as_str()).collect();
    assert_eq!((keys, history.damaged), (vec!["1", "2"], 0));
}

#[tokio::test]
async fn closing_writes_what_waits_whoever_listens() {
    let Bench { disk, writer, inbox, _tasks } = bench();
    drop(inbox);
    writer.store(&serial(), &ledger());
    writer.close().await;
    assert_eq!(load(&*disk, &serial()).0, Some(ledger()));
}

/// One printer's gateway, disk and broker, where anything may be lost at any time but what the disk has.
struct Life {
    disk: Ledger,
    ledger: Ledger,
    delivery: Delivery<u64>,
    version: Version,
    /// What is on its way to the disk.
    writing: VecDeque<(Version, Ledger)>,
    connected: bool,
    token: u64,
    /// What the connection carries.
    wire: VecDeque<(u64, Heard)>,
    heard: Vec<Heard>,
    made: u64,
}

#[derive(Debug, Clone, PartialEq)]
enum Heard {
    Event { seq: u64, again: bool },
    Trigger(u64),
}

#[derive(Debug, Clone)]
enum Step {
    Happen,
    Write,
    Refuse,
    Broker,
    Acknowledge,
    Lose,
    Connect,
    Crash,
}

/// What the bare trigger of an event is called in these tests.
fn names_of(seq: u64) -> &'static [&'static str] {
    vec![&*seq.to_string().leak()].leak()
}

impl Life {
    fn new() -> Self {
        Self {
            disk: Ledger::default(),
            ledger: Ledger::default(),
            delivery: Delivery::new(0),
            version: 0,
            writing: VecDeque::new(),
            connected: true,
            token: 0,
            wire: VecDeque::new(),
            heard: Vec::new(),
            made: 0,
        }
    }

    fn store(&mut self) {
        self.version += 1;
        self.delivery.handed(self.version, self.ledger.seq);
        self.writing.push_back((self.version, self.ledger.clone()));
    }

    /// As the gateway does it: whatever may be triggered is marked before the ledger is handed over.
    fn mark(&mut self) -> bool {
        let mut marked = false;
        for event in &self.ledger.pending {
            if self.connected && event.seq > self.ledger.triggered {
                self.ledger.triggered = event.seq;
                self.delivery.grant(event, names_of(event.seq));
                marked = true;
            }
        }
        marked
    }

    fn tell(&mut self) {
        if !self.connected {
            return;
        }
        let due = self.delivery.due(&self.ledger.pending, jiff::Timestamp::MIN);
        for due in due {
            self.token += 1;
            match due {
                Due::Event(event, again) => {
                    self.wire.push_back((self.token, Heard::Event { seq: event.seq, again }));
                    self.delivery.left(event, self.token);
                }
                Due::Trigger(name) => {
                    self.wire.push_back((self.token, Heard::Trigger(name.parse().unwrap())));
                }
            }
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Happen if self.made < 60 => {
                self.made += 1;
                self.ledger.seq += 1;
                self.ledger.pending.push_back(event(self.ledger.seq, Kind::Started));
                self.mark();
                self.store();
            }
            Step::Happen => {}
            Step::Write => {
                if let Some((version, ledger)) = self.writing.pop_front() {
                    self.disk = ledger;
                    self.delivery.stored(version);
                    self.tell();
                }
            }
            Step::Refuse => {
                if let Some((version, _)) = self.writing.pop_front() {
                    self.delivery.refused(version);
                    self.tell();
                }
            }
            Step::Broker | Step::Acknowledge => {
                let Some((token, heard)) = self.wire.pop_front() else { return };
                self.heard.push(heard);
                if matches!(step, Step::Acknowledge)
                    && let Some(id) = self.delivery.delivered(token)
                {
                    self.ledger.pending.retain(|event| event.id != id);
                    self.store();
                }
            }
            Step::Lose => {
                self.connected = false;
                self.wire.clear();
                self.delivery.disconnected();
            }
            Step::Connect => {
                self.connected = true;
                if self.mark() {
                    self.store();
                }
                self.tell();
            }
            Step::Crash => {
                self.ledger = self.disk.clone();
                self.delivery = Delivery::new(self.ledger.seq);
                self.writing.clear();
                self.wire.clear();
                self.connected = false;
                self.version = 0;
                self.made = self.ledger.seq;
            }
        }
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => Just(Step::Happen), 8 => Just(Step::Write), 2 => Just(Step::Broker),
        8 => Just(Step::Acknowledge), 2 => Just(Step::Lose), 3 => Just(Step::Connect), 1 => Just(Step::Crash),
    ];
    prop::collection::vec(step, 0..120)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    /// Each event that the disk had is told at last; told again only with the mark, in order, and no trigger
    /// leaves twice or before its event.
    #[test]
    fn each_event_arrives_whatever_is_lost(steps in steps()) {
        let mut life = Life::new();
        for step in steps {
            life.step(&step);
        }
        // A broker that lives acknowledges.
        life.step(&Step::Lose);
        for _ in 0..400 {
            life.step(&Step::Write);
            life.step(&Step::Connect);
            life.step(&Step::Acknowledge);
        }
        prop_assert!(life.ledger.pending.is_empty(), "{:?}", life.ledger.pending);
        let mut known = std::collections::BTreeSet::new();
        let mut last = 0;
        for heard in &life.heard {
            match heard {
                Heard::Event { seq, again } => {
                    prop_assert!(known.insert(*seq) || *again, "{seq} is told again without a word");
                    prop_assert!(*again || *seq > last, "{seq} comes after {last}");
                    last = last.max(*seq);
                }
                Heard::Trigger(seq) => prop_assert!(known.contains(seq), "the trigger of {seq} comes first"),
            }
        }
        prop_assert!(known.into_iter().eq(1..=life.ledger.seq));
        for seq in 1..=life.ledger.seq {
            let times = life.heard.iter().filter(|heard| **heard == Heard::Trigger(seq)).count();
            prop_assert!(times <= 1, "the trigger of {seq} left {times} times");
        }
    }

    /// On a disk that refuses now and then, also across restarts, a trigger leaves once at most: who acts on one that
    /// comes twice acts twice.
    #[test]
    fn a_full_disk_doubles_no_trigger(steps in steps(), refuses: Vec<bool>) {
        let mut life = Life::new();
        let mut refuses = refuses.into_iter().cycle();
        for step in steps {
            match step {
                Step::Write if refuses.next().unwrap_or(true) => life.step(&Step::Refuse),
                step => life.step(&step),
            }
        }
        for heard in life.heard.iter().filter(|heard| matches!(heard, Heard::Trigger(_))) {
            prop_assert_eq!(life.heard.iter().filter(|other| *other == heard).count(), 1);
        }
    }

    /// On a disk that takes nothing all is told all the same, as long as the program lives.
    #[test]
    fn a_full_disk_keeps_nothing_back(steps in steps()) {
        let mut life = Life::new();
        for step in steps {
            match step {
                Step::Crash => {}
                Step::Write => life.step(&Step::Refuse),
                step => life.step(&step),
            }
        }
        // A broker that lives acknowledges.
        life.step(&Step::Lose);
        for _ in 0..400 {
            life.step(&Step::Refuse);
            life.step(&Step::Connect);
            life.step(&Step::Acknowledge);
        }
        prop_assert!(life.ledger.pending.is_empty());
    }
}
