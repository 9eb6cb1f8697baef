//! The one way to the disk, beside the gateway's loop: an SD card may take some hundred milliseconds for a file.
//!
//! Bytes are handed over under the name of their file, and the newest wins: what has not been written yet gives
//! way to its successor, and the files are written in the order in which they were handed over. Each is answered,
//! so that what follows from a file leaves when the disk has it; what the disk refuses is kept and tried again.
//! Who must know that something is on the disk before going on, such as an attempt to log in, waits for it
//! with [`Writer::run`].
//! Must not know: what is in the files, but for the lines of the history.

mod queue;
mod task;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::config::{Disk, DiskError};

use queue::{Content, Work};
use task::{Shared, Task};

pub use queue::{Cost, DiskEvent, FileName, Version};

/// The handle of the task that writes.
#[derive(Clone)]
pub struct Writer {
    disk: Arc<dyn Disk>,
    shared: Arc<Shared>,
}

impl fmt::Debug for Writer {
    /// Leaves out what is in the files.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

impl Writer {
    /// Starts the task; what becomes of each file goes to `inbox`.
    pub fn start<T: Send + 'static>(
        tasks: &mut JoinSet<String>,
        disk: Arc<dyn Disk>,
        inbox: mpsc::Sender<T>,
        wrap: impl Fn(DiskEvent) -> T + Send + 'static,
    ) -> Self {
        let shared = Arc::new(Shared::default());
        let task = Task::new(Arc::clone(&shared), Arc::clone(&disk), inbox, wrap);
        tasks.spawn(task.run());
        Self { disk, shared }
    }

    /// Without a task, for a command that has nothing else to do meanwhile: there is only [`run`](Self::run).
    pub fn direct(disk: Arc<dyn Disk>) -> Self {
        let shared = Arc::new(Shared::default());
        shared.end();
        Self { disk, shared }
    }

    /// Hands over a file as it is to be; the answer names this version or a later one.
    pub fn store(&self, name: &FileName, bytes: impl Into<Bytes>) -> Version {
        self.hand_over(name, Content::Bytes(bytes.into()))
    }

    /// The file is to go.
    pub fn remove(&self, name: &FileName) -> Version {
        self.hand_over(name, Content::Gone)
    }

    fn hand_over(&self, name: &FileName, content: Content) -> Version {
        let version = self.shared.queue().put(name, content);
        self.shared.filled.notify_one();
        version
    }

    /// Hands over a line of the history.
    pub fn append(&self, line: Vec<u8>) {
        self.shared.queue().append(line);
        self.shared.filled.notify_one();
    }

    /// What is on its way to this file, if anything is: newer than what is there.
    pub fn last(&self, name: &FileName) -> Option<Bytes> {
        match self.shared.queue().waiting(name) {
            Some(Content::Bytes(bytes)) => Some(bytes),
            Some(Content::Gone) | None => None,
        }
    }

    /// What a file holds, or is about to hold. It waits for the disk: only for whoever begins.
    pub fn read(&self, name: &FileName) -> Result<Option<Bytes>, DiskError> {
        let waiting = self.shared.queue().waiting(name);
        match waiting {
            Some(Content::Bytes(bytes)) => Ok(Some(bytes)),
            Some(Content::Gone) => Ok(None),
            None => Ok(self.disk.read(name)?.map(Bytes::from)),
        }
    }

    /// Does something with the disk after all that was handed over before, and waits until it is done. What fails is
    /// not tried again: who waits is told, and decides.
    ///
    /// It has its place among the rest when this returns; only the answer is waited for.
    pub fn run<T, E, W>(&self, work: W) -> impl Future<Output = Result<T, E>> + Send + use<T, E, W>
    where
        T: Send + 'static,
        E: From<DiskError> + Send + 'static,
        W: FnOnce(&dyn Disk) -> Result<T, E> + Send + 'static,
    {
        let (answer, done) = oneshot::channel();
        let work: Work = Box::new(move |disk| {
            // Who does not wait any more needs no answer.
            let _ = answer.send(work(disk));
        });
        let refused = self.shared.queue().work(work);
        if let Some(work) = refused {
            let disk = Arc::clone(&self.disk);
            // Nobody else writes now.
            tokio::task::spawn_blocking(move || work(&*disk));
        } else {
            self.shared.filled.notify_one();
        }
        let place = self.disk.locate("");
        async move {
            done.await.unwrap_or_else(|_| {
                let cause = std::io::Error::other("the program ends");
                Err(DiskError::Write { path: place, cause }.into())
            })
        }
    }

    /// What is written to, for what is done before the gateway's loop begins.
    pub fn disk(&self) -> &dyn Disk {
        &*self.disk
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

#[cfg(test)]
pub(crate) mod tests;
