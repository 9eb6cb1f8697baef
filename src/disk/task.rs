//! The task that writes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::config::{Disk, DiskError};
use crate::history;

use super::queue::{Batch, Content, Cost, DiskEvent, FileName, Queue, Version};

/// Between two attempts when the disk refuses.
const RETRY: Duration = Duration::from_secs(30);

/// What the handle and the task have in common.
#[derive(Default)]
pub(super) struct Shared {
    queue: Mutex<Queue>,
    pub(super) filled: Notify,
    pub(super) closing: CancellationToken,
    pub(super) ended: CancellationToken,
}

impl Shared {
    pub(super) fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing in here can panic half way through a change.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody writes any more, and nobody may wait for it.
    pub(super) fn end(&self) {
        self.queue().end();
        self.ended.cancel();
    }
}

/// Ends it also when the task is dropped, perhaps before it has begun, or panics.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.end();
    }
}

pub(super) struct Task<T, W> {
    shared: Arc<Shared>,
    disk: Arc<dyn Disk>,
    inbox: mpsc::Sender<T>,
    wrap: W,
    failing: bool,
    _ending: Ending,
}

/// What became of a batch.
#[derive(Default)]
struct Done {
    stored: Vec<(FileName, Version)>,
    refused: Vec<(FileName, Version, DiskError)>,
    history_refused: Option<DiskError>,
    /// Lines that the disk refused.
    lines: VecDeque<Vec<u8>>,
    cost: Cost,
}

impl<T: Send + 'static, W: Fn(DiskEvent) -> T + Send> Task<T, W> {
    pub(super) fn new(shared: Arc<Shared>, disk: Arc<dyn Disk>, inbox: mpsc::Sender<T>, wrap: W) -> Self {
        let ending = Ending(Arc::clone(&shared));
        Self { shared, disk, inbox, wrap, failing: false, _ending: ending }
    }

    pub(super) async fn run(mut self) -> String {
        loop {
            let closing = self.shared.closing.is_cancelled();
            let batch = self.shared.queue().batch();
            if !batch.is_empty() {
                let disk = Arc::clone(&self.disk);
                let Ok(done) = tokio::task::spawn_blocking(move || bring(&*disk, batch)).await else { break };
                self.settle(done).await;
            }
            if closing {
                if self.shared.queue().try_end() {
                    break;
                }
            } else if self.failing {
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
        "writer of the state directory".into()
    }

    /// Takes what is there out of the queue, and tells what became of all.
    async fn settle(&mut self, done: Done) {
        let Done { stored, refused, history_refused, lines, cost } = done;
        let failing = !refused.is_empty() || !lines.is_empty();
        {
            let mut queue = self.shared.queue();
            queue.cost.add(cost);
            queue.give_back(lines);
            for (_, version) in &stored {
                queue.stored(*version);
            }
        }
        let stored = stored.into_iter().map(|(name, version)| DiskEvent::Stored(name, version));
        let refused = refused
            .into_iter()
            .map(|(name, version, why)| DiskEvent::Refused(name, version, why.to_string()));
        let lines = history_refused.map(|why| DiskEvent::HistoryRefused(why.to_string()));
        let healed = std::mem::replace(&mut self.failing, failing) && !failing;
        for event in stored.chain(refused).chain(lines).chain(healed.then_some(DiskEvent::Healed)) {
            // A gateway that is gone wants to know nothing.
            let _ = self.inbox.send((self.wrap)(event)).await;
        }
    }
}

/// Brings a batch to the disk: files, and what somebody waits for, in their order; then lines of the history, for what
/// it lacks is found again by the ledgers.
fn bring(disk: &dyn Disk, batch: Batch) -> Done {
    let Batch { files, work, lines } = batch;
    let mut work = work.into_iter().peekable();
    let mut done = Done::default();
    for (version, (name, content)) in files {
        while let Some((_, work)) = work.next_if(|(earlier, _)| *earlier < version) {
            work(disk);
        }
        let (brought, bytes) = match content {
            Content::Bytes(bytes) => (disk.replace(&name, &bytes), bytes.len() as u64),
            Content::Gone => (disk.remove(&name), 0),
        };
        match brought {
            Ok(()) => {
                done.cost.add(Cost { files: 1, bytes, syncs: 2, lines: 0 });
                done.stored.push((name, version));
            }
            Err(why) => done.refused.push((name, version, why)),
        }
    }
    for (_, work) in work {
        work(disk);
    }
    for line in lines {
        // One that was refused keeps the others behind it: the history is in order.
        if done.lines.is_empty() {
            match history::append(disk, &line) {
                Ok(()) => {
                    done.cost.add(Cost { lines: 1, bytes: line.len() as u64, syncs: 1, files: 0 });
                    continue;
                }
                Err(why) => done.history_refused = Some(why),
            }
        }
        done.lines.push_back(line);
    }
    done
}
