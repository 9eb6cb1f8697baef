use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex};
use std::task::Poll;
use std::time::Duration;

use super::*;
use crate::history;
use printer::JobRecord;

/// A disk in memory that can be full, and can keep everybody waiting who writes a file.
#[derive(Default)]
pub(crate) struct Memory {
    files: Mutex<BTreeMap<String, Vec<u8>>>,
    full: Mutex<bool>,
    gate: Mutex<Gate>,
    moved: Condvar,
}

#[derive(Default)]
struct Gate {
    closed: bool,
    /// Who stands before it.
    writers: usize,
    /// The most that ever stood there.
    most: usize,
}

impl Memory {
    fn set_full(&self, full: bool) {
        *self.full.lock().unwrap() = full;
    }

    /// From now on nothing that is written gets done.
    pub(crate) fn hold(&self) {
        self.gate.lock().unwrap().closed = true;
    }

    pub(crate) fn release(&self) {
        self.gate.lock().unwrap().closed = false;
        self.moved.notify_all();
    }

    /// Waits until somebody waits for the disk.
    pub(crate) async fn until_held(&self) {
        while self.gate.lock().unwrap().writers == 0 {
            tokio::task::yield_now().await;
        }
    }

    fn take_time(&self) {
        let mut gate = self.gate.lock().unwrap();
        gate.writers += 1;
        gate.most = gate.most.max(gate.writers);
        let long = Duration::from_secs(60);
        let (mut gate, waited) = self.moved.wait_timeout_while(gate, long, |gate| gate.closed).unwrap();
        gate.writers -= 1;
        assert!(!waited.timed_out(), "who should open the disk again waits for it");
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
        self.take_time();
        self.check(name)?;
        self.files.lock().unwrap().insert(name.to_owned(), bytes.to_vec());
        Ok(())
    }

    fn remove(&self, name: &str) -> Result<(), DiskError> {
        self.take_time();
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
    inbox: mpsc::Receiver<DiskEvent>,
    tasks: JoinSet<String>,
}

fn bench() -> Bench {
    let disk = Arc::new(Memory::default());
    let (sender, inbox) = mpsc::channel(64);
    let mut tasks = JoinSet::new();
    let writer = Writer::start(&mut tasks, Arc::clone(&disk) as _, sender, |event| event);
    Bench { disk, writer, inbox, tasks }
}

fn file() -> FileName {
    "cover-01P".into()
}

fn line(key: &str) -> Vec<u8> {
    let job = JobRecord { key: key.into(), ..JobRecord::default() };
    history::Entry { serial: "01P".into(), printer: "Garage".into(), job }.line()
}

#[tokio::test]
async fn only_the_newest_is_written_and_it_answers_for_those_before_it() {
    let mut bench = bench();
    let mut version = 0;
    for number in 0..100 {
        version = bench.writer.store(&file(), format!("{number}"));
    }
    assert_eq!(bench.inbox.recv().await, Some(DiskEvent::Stored(file(), version)));
    assert_eq!(bench.writer.store(&file(), "99"), version, "the same is not written again");
    bench.writer.append(line("1"));
    bench.writer.close().await;
    assert_eq!(bench.disk.read("cover-01P").unwrap().unwrap(), b"99");
    assert_eq!(history::read(&*bench.disk).unwrap().entries.len(), 1);
    let cost = bench.writer.cost();
    assert_eq!((cost.files, cost.lines, cost.syncs), (1, 1, 3));
}

#[tokio::test]
async fn of_what_is_handed_over_fast_the_last_wins_on_a_slow_disk() {
    let cases: [(&[Option<&str>], Option<&str>); 4] = [
        (&[Some("first"), Some("second")], Some("second")),
        (&[Some("first"), Some("second"), Some("first")], Some("first")),
        (&[Some("first"), None], None),
        (&[Some("first"), None, Some("second")], Some("second")),
    ];
    for (steps, last) in cases {
        let Bench { disk, writer, inbox: _inbox, tasks: _tasks } = bench();
        disk.hold();
        for step in steps {
            match step {
                Some(bytes) => writer.store(&file(), *bytes),
                None => writer.remove(&file()),
            };
            // The first of them is being written when the next one comes.
            disk.until_held().await;
        }
        let read = || writer.read(&file()).unwrap();
        assert_eq!(
            read().as_deref(),
            last.map(str::as_bytes),
            "what is on its way is newer than what is there"
        );
        assert_eq!(writer.last(&file()).as_deref(), last.map(str::as_bytes));
        assert_eq!(disk.read("cover-01P").unwrap(), None, "nothing is done yet");
        disk.release();
        writer.close().await;
        assert_eq!(disk.read("cover-01P").unwrap().as_deref(), last.map(str::as_bytes), "{steps:?}");
        assert_eq!(disk.gate.lock().unwrap().most, 1, "one after the other");
        assert_eq!(
            (read().as_deref(), writer.last(&file())),
            (last.map(str::as_bytes), None),
            "no copy is held"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_full_disk_refuses_is_said_and_written_when_there_is_room() {
    let mut bench = bench();
    bench.disk.set_full(true);
    bench.writer.append(line("1"));
    bench.writer.append(line("2"));
    let first = bench.writer.store(&file(), "first");
    let Some(DiskEvent::Refused(_, version, why)) = bench.inbox.recv().await else { panic!() };
    assert_eq!(version, first);
    assert!(why.contains("free space"), "{why}");
    let Some(DiskEvent::HistoryRefused(_)) = bench.inbox.recv().await else { panic!() };
    let second = bench.writer.store(&file(), "second");
    loop {
        match bench.inbox.recv().await.unwrap() {
            DiskEvent::Refused(_, version, _) if version == second => break,
            DiskEvent::Refused(..) | DiskEvent::HistoryRefused(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(bench.writer.last(&file()).as_deref(), Some(&b"second"[..]));
    bench.disk.set_full(false);
    let mut healed = Vec::new();
    tokio::time::timeout(Duration::from_secs(120), async {
        while healed.last() != Some(&DiskEvent::Healed) {
            healed.push(bench.inbox.recv().await.unwrap());
        }
    })
    .await
    .unwrap();
    assert!(healed.contains(&DiskEvent::Stored(file(), second)), "{healed:?}");
    assert!(!healed.contains(&DiskEvent::Stored(file(), first)), "{healed:?}");
    assert_eq!(bench.disk.read("cover-01P").unwrap().unwrap(), b"second");
    let history = history::read(&*bench.disk).unwrap();
    let keys: Vec<_> = history.entries.iter().map(|entry| entry.job.key.as_str()).collect();
    assert_eq!((keys, history.damaged), (vec!["1", "2"], 0));
}

#[tokio::test]
async fn closing_writes_what_waits_whoever_listens() {
    let Bench { disk, writer, inbox, tasks: _tasks } = bench();
    drop(inbox);
    writer.store(&file(), "first");
    writer.close().await;
    assert_eq!(disk.read("cover-01P").unwrap().unwrap(), b"first");
}

#[tokio::test]
async fn who_waits_is_answered_in_turn_and_holds_nobody_up() {
    let Bench { disk, writer, mut inbox, tasks: _tasks } = bench();
    disk.hold();
    writer.store(&file(), "first");
    disk.until_held().await;
    let mut read = Box::pin(writer.run(|disk| disk.read("cover-01P")));
    writer.store(&"another".into(), "second");
    assert!(futures_poll(&mut read).await.is_pending(), "the disk has not done what came before");
    disk.release();
    assert_eq!(read.await.unwrap().unwrap(), b"first");
    assert!(matches!(inbox.recv().await, Some(DiskEvent::Stored(..))));
}

async fn futures_poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    std::future::poll_fn(|context| Poll::Ready(std::pin::Pin::new(&mut *future).poll(context))).await
}

#[tokio::test]
async fn what_somebody_waits_for_is_not_done_behind_their_back() {
    let Bench { disk, writer, inbox: _inbox, tasks: _tasks } = bench();
    disk.set_full(true);
    let refused: Result<(), DiskError> = writer.run(|disk| disk.replace("a", b"1")).await;
    assert!(refused.unwrap_err().to_string().contains("free space"));
    disk.set_full(false);
    writer.close().await;
    assert_eq!(disk.read("a").unwrap(), None);
}

#[tokio::test]
async fn who_comes_when_the_task_has_ended_is_served_and_nobody_waits_for_ever() {
    let Bench { disk, writer, mut tasks, .. } = bench();
    writer.close().await;
    writer.run(|disk| disk.replace("a", b"1")).await.unwrap();
    assert_eq!(
        Writer::direct(Arc::clone(&disk) as _).run(|disk| disk.read("a")).await.unwrap().unwrap(),
        b"1"
    );
    // A program that fails drops its tasks, whatever they are doing.
    let (sender, _inbox) = mpsc::channel(64);
    let writer = Writer::start(&mut tasks, disk as _, sender, |event| event);
    let waits = writer.run(|disk| disk.read("a"));
    tasks.shutdown().await;
    assert!(waits.await.unwrap_err().to_string().contains("the program ends"));
}
