//! Brings ledgers and lines of the history to the disk, beside the gateway's loop: an SD card may take some
//! hundred milliseconds for it.
//!
//! A ledger that has not been written yet is replaced by its successor. Each write is answered in the
//! gateway's inbox, so that what a ledger holds is published when the disk has it. What the disk refuses is
//! kept and tried again.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::Disk;
use crate::history;
use printer::{Ledger, Serial};

use super::{Version, file_name, write};

/// Between two attempts when the disk refuses.
const RETRY: Duration = Duration::from_secs(30);
/// Lines of the history that are kept while the disk refuses them.
const MOST_LINES: usize = 1000;

/// What became of a printer's ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// The disk has this version, and thereby all before it.
    Stored(Serial, Version),
    /// The disk refused it: why. It is tried again.
    Refused(Serial, Version, String),
    /// The disk refused a line of the history: why. It is tried again.
    HistoryRefused(String),
    /// It takes everything again.
    Healed,
}

/// What was written since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// Ledgers.
    pub ledgers: u64,
    /// Lines of the history.
    pub lines: u64,
    /// Bytes of both.
    pub bytes: u64,
    /// How often the disk was asked to finish: twice for a ledger, its file and the directory.
    pub syncs: u64,
}

/// The handle of the task that writes.
pub struct Writer {
    shared: Arc<Shared>,
}

struct Shared {
    queue: Mutex<Queue>,
    filled: Notify,
    closing: CancellationToken,
    ended: CancellationToken,
}

#[derive(Default)]
struct Queue {
    version: Version,
    ledgers: BTreeMap<Serial, (Version, Arc<[u8]>)>,
    /// What the disk has, or is about to have.
    last: BTreeMap<Serial, (Version, Arc<[u8]>)>,
    lines: VecDeque<Vec<u8>>,
    cost: Cost,
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.ledgers.is_empty() && self.lines.is_empty()
    }
}

impl Writer {
    /// Starts the task; what becomes of each ledger goes to `inbox`.
    pub fn start<T: Send + 'static>(
        tasks: &mut JoinSet<String>,
        disk: Arc<dyn Disk>,
        inbox: mpsc::Sender<T>,
        wrap: impl Fn(Report) -> T + Send + 'static,
    ) -> Self {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            filled: Notify::new(),
            closing: CancellationToken::new(),
            ended: CancellationToken::new(),
        });
        let task = Task { shared: Arc::clone(&shared), disk, inbox, wrap, failing: false };
        tasks.spawn(task.run());
        Self { shared }
    }

    /// Hands over a ledger as it is now; the answer names this version or a later one.
    pub fn store(&self, serial: &Serial, ledger: &Ledger) -> Version {
        let bytes: Arc<[u8]> = write(serial, ledger).into();
        let mut queue = self.shared.queue();
        if let Some((version, last)) = queue.last.get(serial)
            && *last == bytes
        {
            // It is there or on its way, and was answered or will be.
            return *version;
        }
        queue.version += 1;
        let version = queue.version;
        queue.ledgers.insert(serial.clone(), (version, Arc::clone(&bytes)));
        queue.last.insert(serial.clone(), (version, bytes));
        drop(queue);
        self.shared.filled.notify_one();
        version
    }

    /// Hands over a line of the history.
    pub fn append(&self, line: Vec<u8>) {
        let mut queue = self.shared.queue();
        if queue.lines.len() >= MOST_LINES {
            queue.lines.pop_front();
        }
        queue.lines.push_back(line);
        drop(queue);
        self.shared.filled.notify_one();
    }

    /// What this printer's file holds, or is about to hold, if it was handed over here.
    pub fn last(&self, serial: &Serial) -> Option<Arc<[u8]>> {
        self.shared.queue().last.get(serial).map(|(_, bytes)| Arc::clone(bytes))
    }

    /// What was written since the start.
    pub fn cost(&self) -> Cost {
        self.shared.queue().cost
    }

    /// Writes what waits and ends.
    pub async fn close(&self) {
        self.shared.closing.cancel();
        self.shared.ended.cancelled().await;
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing in here can panic half way through a change.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Task<T, W> {
    shared: Arc<Shared>,
    disk: Arc<dyn Disk>,
    inbox: mpsc::Sender<T>,
    wrap: W,
    failing: bool,
}

/// What is written in one go.
struct Batch {
    ledgers: BTreeMap<Serial, (Version, Arc<[u8]>)>,
    lines: VecDeque<Vec<u8>>,
}

/// What became of it.
struct Done {
    reports: Vec<Report>,
    /// What the disk refused.
    left: Batch,
    cost: Cost,
}

impl<T: Send + 'static, W: Fn(Report) -> T + Send> Task<T, W> {
    async fn run(mut self) -> String {
        // Also when this task is dropped or panics: nobody may wait for it then.
        let _ended = self.shared.ended.clone().drop_guard();
        loop {
            let closing = self.shared.closing.is_cancelled();
            let batch = {
                let mut queue = self.shared.queue();
                let (ledgers, lines) = (std::mem::take(&mut queue.ledgers), std::mem::take(&mut queue.lines));
                Batch { ledgers, lines }
            };
            if !batch.ledgers.is_empty() || !batch.lines.is_empty() {
                let disk = Arc::clone(&self.disk);
                let Ok(done) = tokio::task::spawn_blocking(move || bring(&*disk, batch)).await else { break };
                self.settle(done).await;
            }
            if closing {
                break;
            }
            if self.failing {
                // What arrives meanwhile is tried with the rest; it would find the disk as full as this.
                tokio::select! {
                    () = self.shared.closing.cancelled() => {}
                    () = tokio::time::sleep(RETRY) => {}
                    () = self.shared.filled.notified() => {}
                }
            } else if self.shared.queue().is_empty() {
                tokio::select! {
                    () = self.shared.closing.cancelled() => {}
                    () = self.shared.filled.notified() => {}
                }
            }
        }
        "writer of the jobs' ledgers".into()
    }

    /// Puts back what was refused, unless there is something newer, and tells what became of the rest.
    async fn settle(&mut self, done: Done) {
        let Done { reports, left, cost } = done;
        let failing = !left.ledgers.is_empty() || !left.lines.is_empty();
        {
            let mut queue = self.shared.queue();
            queue.cost.ledgers += cost.ledgers;
            queue.cost.lines += cost.lines;
            queue.cost.bytes += cost.bytes;
            queue.cost.syncs += cost.syncs;
            for (serial, kept) in left.ledgers {
                queue.ledgers.entry(serial).or_insert(kept);
            }
            for line in left.lines.into_iter().rev() {
                queue.lines.push_front(line);
            }
        }
        for report in reports {
            // A gateway that is gone wants to know nothing.
            let _ = self.inbox.send((self.wrap)(report)).await;
        }
        if std::mem::replace(&mut self.failing, failing) && !failing {
            let _ = self.inbox.send((self.wrap)(Report::Healed)).await;
        }
    }
}

/// Writes ledgers first: what the history lacks is found again by them.
fn bring(disk: &dyn Disk, batch: Batch) -> Done {
    let mut done = Done {
        reports: Vec::new(),
        left: Batch { ledgers: BTreeMap::new(), lines: VecDeque::new() },
        cost: Cost::default(),
    };
    for (serial, (version, bytes)) in batch.ledgers {
        match disk.replace(&file_name(&serial), &bytes) {
            Ok(()) => {
                done.cost.ledgers += 1;
                done.cost.bytes += bytes.len() as u64;
                done.cost.syncs += 2;
                done.reports.push(Report::Stored(serial, version));
            }
            Err(error) => {
                done.reports.push(Report::Refused(serial.clone(), version, error.to_string()));
                done.left.ledgers.insert(serial, (version, bytes));
            }
        }
    }
    for line in batch.lines {
        // One that was refused keeps the others behind it: the history is in order.
        let refused = if done.left.lines.is_empty() { history::append(disk, &line).err() } else { None };
        match refused {
            None if done.left.lines.is_empty() => {
                done.cost.lines += 1;
                done.cost.bytes += line.len() as u64;
                done.cost.syncs += 1;
            }
            refused => {
                done.reports.extend(refused.map(|error| Report::HistoryRefused(error.to_string())));
                done.left.lines.push_back(line);
            }
        }
    }
    done
}
