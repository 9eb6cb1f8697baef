//! The vendor's error texts: fetched now and then, kept in the state directory, handed to the gateway.
//!
//! One task does it all. It never holds anything up: until a catalogue is there, and wherever one lacks
//! an entry, the texts that the program brings along are shown. Whatever an answer is that is no good
//! catalogue, the old one stays.
//! Must not know: printers' reports, entities, what becomes of the texts.

mod cache;
mod fetch;
mod reply;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tracing::{debug, info, warn};

use crate::config::DiskError;
use crate::disk::Writer;
use printer::{Now, Prefix, Texts};

pub use fetch::FetchError;
pub use reply::{Answer, Fault, parse};

/// When to fetch.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Before the first request, up to this, so that many gateways after a power cut do not come at once.
    pub first: Duration,
    /// Between two models' catalogues.
    pub between: Duration,
    /// From a good answer to the next request.
    pub refresh: Duration,
    /// From a bad answer to the next request; doubled each time.
    pub again: Duration,
    /// At most that.
    pub slowest: Duration,
    /// For one request, all of it.
    pub timeout: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(20),
            between: Duration::from_secs(3),
            refresh: Duration::from_secs(24 * 3600),
            // The vendor's hosts want no less after an error (protocol 1.8).
            again: Duration::from_secs(5 * 60),
            slowest: Duration::from_secs(12 * 3600),
            timeout: Duration::from_secs(60),
        }
    }
}

/// What to fetch, from where.
#[derive(Debug, Clone)]
pub struct TextsOptions {
    /// The vendor's code of the language.
    pub language: &'static str,
    /// The catalogue's address without a query.
    pub url: Url,
    /// When.
    pub pace: Pace,
}

/// The task, for as long as this lives.
#[derive(Debug)]
pub struct Loader {
    wanted: watch::Sender<Vec<Prefix>>,
    task: JoinHandle<()>,
}

impl Drop for Loader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Loader {
    /// Starts it; `wrap` makes an event of the gateway's inbox from new texts.
    pub fn start<E: Send + 'static>(
        options: TextsOptions,
        writer: Writer,
        clock: impl Fn() -> Now + Send + Sync + 'static,
        inbox: mpsc::Sender<E>,
        wrap: fn(Arc<Texts>) -> E,
    ) -> Self {
        let (wanted, news) = watch::channel(Vec::new());
        let texts = Arc::new(Texts::new(options.language, []));
        let work = Work { options, writer, models: BTreeMap::new(), texts, failing: false };
        let task = tokio::spawn(work.run(news, clock, inbox, wrap));
        Self { wanted, task }
    }

    /// Says which models there are; new ones are read from the disk at once.
    pub fn want(&self, mut prefixes: Vec<Prefix>) {
        prefixes.sort_unstable();
        prefixes.dedup();
        self.wanted.send_if_modified(|wanted| {
            let other = *wanted != prefixes;
            *wanted = prefixes;
            other
        });
    }
}

/// How one model's catalogue stands.
struct Model {
    version: Option<String>,
    /// When to ask again, on the steady clock.
    due: Duration,
    failures: u32,
}

struct Work {
    options: TextsOptions,
    writer: Writer,
    models: BTreeMap<Prefix, Model>,
    texts: Arc<Texts>,
    /// The last request failed, and that was said.
    failing: bool,
}

impl Work {
    /// Ends when nobody wants texts any more.
    async fn run<E: Send + 'static>(
        mut self,
        mut news: watch::Receiver<Vec<Prefix>>,
        clock: impl Fn() -> Now + Send + Sync,
        inbox: mpsc::Sender<E>,
        wrap: fn(Arc<Texts>) -> E,
    ) {
        loop {
            let wanted = news.borrow_and_update().clone();
            if self.open(&wanted, clock()).await && inbox.send(wrap(Arc::clone(&self.texts))).await.is_err() {
                return;
            }
            let next = self.models.iter().map(|(prefix, model)| (model.due, *prefix)).min();
            let Some((due, prefix)) = next else {
                if news.changed().await.is_err() {
                    return;
                }
                continue;
            };
            let pause = due.saturating_sub(clock().mono);
            if !pause.is_zero() {
                tokio::select! {
                    changed = news.changed() => if changed.is_err() { return },
                    () = sleep(pause) => {}
                }
                continue;
            }
            let found = self.refresh(prefix, &clock).await;
            if found && inbox.send(wrap(Arc::clone(&self.texts))).await.is_err() {
                return;
            }
            sleep(self.options.pace.between).await;
        }
    }

    /// Takes in models that were not there before; says whether that brought texts.
    async fn open(&mut self, wanted: &[Prefix], now: Now) -> bool {
        let mut found = false;
        self.models.retain(|prefix, _| wanted.contains(prefix));
        for &prefix in wanted {
            if self.models.contains_key(&prefix) {
                continue;
            }
            let TextsOptions { language, pace, .. } = self.options;
            let mut due = now.mono + pace.first.mul_f64(fastrand::f64());
            let mut version = None;
            let read = self.writer.run(move |disk| Ok::<_, DiskError>(cache::read(disk, language, prefix)));
            if let Some(kept) = read.await.ok().flatten() {
                debug!(model = ?prefix, entries = kept.catalogue.len(), "error texts read from the disk");
                version = kept.version;
                if !self.texts.has(prefix) {
                    self.texts = Arc::new(self.texts.with(prefix, kept.catalogue));
                    found = true;
                }
                // A clock that was wrong then or now makes no age older than a refresh.
                let age = kept.checked.and_then(|at| Duration::try_from(now.wall.duration_since(at)).ok());
                due = due.max(now.mono + age.map_or(Duration::ZERO, |age| pace.refresh.saturating_sub(age)));
            }
            self.models.insert(prefix, Model { version, due, failures: 0 });
        }
        found
    }

    /// Asks for one model's catalogue; says whether there are new texts.
    async fn refresh(&mut self, prefix: Prefix, clock: &(impl Fn() -> Now + Sync)) -> bool {
        let TextsOptions { language, pace, .. } = self.options;
        let Some(model) = self.models.get_mut(&prefix) else { return false };
        let version = model.version.as_deref().filter(|_| self.texts.has(prefix));
        let answer = fetch::fetch(&self.options.url, language, prefix, version, pace.timeout).await;
        let now = clock();
        let jitter = |pause: Duration| pause.mul_f64(0.9 + 0.2 * fastrand::f64());
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                model.failures += 1;
                let doubled = pace.again * 2_u32.saturating_pow(model.failures.saturating_sub(1).min(16));
                let pause = error.retry_after().unwrap_or_default().max(jitter(doubled.min(pace.slowest)));
                model.due = now.mono + pause;
                let again = humantime::format_duration(Duration::from_secs(pause.as_secs()));
                if std::mem::replace(&mut self.failing, true) {
                    debug!(%error, model = ?prefix, "no error texts; trying again in {again}");
                } else {
                    warn!(%error, "the vendor's error texts could not be read, going on with those that are here; trying again in {again}");
                }
                return false;
            }
        };
        self.failing = false;
        model.failures = 0;
        model.due = now.mono + jitter(pace.refresh).max(pace.refresh);
        match answer {
            Answer::Unchanged => {
                cache::touch(&self.writer, language, prefix, now.wall);
                false
            }
            Answer::New { version, catalogue } => {
                info!(model = ?prefix, language, entries = catalogue.len(), "error texts read");
                cache::write(&self.writer, language, prefix, version.as_deref(), &catalogue, now.wall);
                model.version = version;
                let texts = self.texts.with(prefix, catalogue);
                let new = texts != *self.texts;
                self.texts = Arc::new(texts);
                new
            }
        }
    }
}

#[cfg(test)]
mod tests;
