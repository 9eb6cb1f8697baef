//! The line between the outside and the emulated broker. It passes bytes on, and can be cut, barred or slowed
//! down while clients are on it.
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// What can be done to the line while it is used.
pub(super) struct Line {
    cut: Mutex<CancellationToken>,
    barred: AtomicBool,
    delay: Arc<AtomicU64>,
    open: AtomicUsize,
}

impl Line {
    pub(super) fn new(delay: Arc<AtomicU64>) -> Self {
        Self {
            cut: Mutex::new(CancellationToken::new()),
            barred: AtomicBool::new(false),
            delay,
            open: AtomicUsize::new(0),
        }
    }

    /// Breaks all connections there are, without a word.
    pub(super) fn cut(&self) {
        let mut cut = self.cut.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *cut, CancellationToken::new()).cancel();
    }

    /// Lets nobody in from now on, or again.
    pub(super) fn bar(&self, barred: bool) {
        self.barred.store(barred, Ordering::Relaxed);
    }

    /// Connections there are.
    pub(super) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    fn token(&self) -> CancellationToken {
        self.cut.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Takes connections and passes them on until told to stop.
pub(super) async fn serve(listener: TcpListener, to: SocketAddr, line: Arc<Line>, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if !line.barred.load(Ordering::Relaxed) => {
                    connections.spawn(pass(stream, to, Arc::clone(&line)));
                }
                // Out of file descriptors, perhaps: do not spin.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                Ok(_) => {}
            }
        }
    }
}

async fn pass(outside: TcpStream, to: SocketAddr, line: Arc<Line>) {
    let cut = line.token();
    line.open.fetch_add(1, Ordering::Relaxed);
    if let Ok(inside) = TcpStream::connect(to).await {
        let _ = (outside.set_nodelay(true), inside.set_nodelay(true));
        let (outside_in, outside_out) = outside.into_split();
        let (inside_in, inside_out) = inside.into_split();
        tokio::select! {
            () = cut.cancelled() => {}
            () = copy(outside_in, inside_out, &line.delay) => {}
            () = copy(inside_in, outside_out, &line.delay) => {}
        }
    }
    line.open.fetch_sub(1, Ordering::Relaxed);
}

async fn copy(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, delay: &AtomicU64) {
    let mut buffer = vec![0; 32 << 10];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let delay = delay.load(Ordering::Relaxed);
        if delay > 0 {
            tokio::time::sleep(Duration::from_millis(delay)).await;
        }
        let Some(bytes) = buffer.get(..length) else { return };
        if to.write_all(bytes).await.is_err() {
            return;
        }
    }
    // The other side's last words must not be lost: let it close by itself.
    let _ = to.shutdown().await;
    tokio::time::sleep(Duration::from_millis(200)).await;
}
