//! What nobody may find in what a run wrote: passwords, tokens, codes, and who the user is.
//!
//! All that the gateway says while a test has a [`World`](super::world::World) is watched, and searched when that
//! is dropped: the log, panics, what is seen on the local broker, what a program prints, and the files it left.

use std::cell::OnceCell;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Once};

use simulator::Cloud;
use tokio::sync::watch;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::world::Seen;

/// The words.
pub(crate) struct Secrets(Vec<(&'static str, String)>);

impl Secrets {
    /// Those of a cloud, also the tokens and codes that are void by now, and others.
    pub(crate) fn of(cloud: &Cloud, others: &[(&'static str, String)]) -> Self {
        let mut words = cloud.secrets();
        words.extend_from_slice(others);
        words.retain(|(_, word)| !word.is_empty());
        Self(words)
    }

    /// Says where one is in a text.
    fn find(&self, what: &str, text: &str) -> Option<String> {
        self.0.iter().find_map(|(kind, word)| {
            let at = position(text, word)?;
            let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
            let line = text[line..].lines().next().unwrap_or_default();
            Some(format!("the {kind} is in {what}: {line}"))
        })
    }

    /// Adds all that is found in files below a folder, but for the one that keeps the token, and the configuration
    /// that the test wrote.
    pub(crate) fn in_files(&self, folder: &Path, leaks: &mut Vec<String>) {
        // Files come and go while a gateway is still there.
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
            let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if entry.is_dir() {
                self.in_files(&entry, leaks);
            } else if !name.trim_start_matches('.').starts_with("token") && name != "config.yaml" {
                let text = std::fs::read(&entry).unwrap_or_default();
                leaks.extend(self.find(&name, &format!("{name} {}", String::from_utf8_lossy(&text))));
            }
        }
    }
}

/// Numbers are short: as a part of a longer one, of an id or of a fraction they are a coincidence.
fn position(text: &str, word: &str) -> Option<usize> {
    if !word.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.find(word);
    }
    let alone = |at: &usize| {
        let mut before = text[..*at].chars().rev();
        let (last, one) = (before.next(), before.next());
        let after = text[at + word.len()..].chars().next();
        let fraction = last == Some('.') && one.is_some_and(|one| one.is_ascii_digit());
        !fraction && ![last, after].iter().flatten().any(char::is_ascii_alphanumeric)
    };
    text.match_indices(word).map(|(at, _)| at).find(alone)
}

/// Something that a test's gateway writes to.
pub(crate) enum Watched {
    /// All that was seen on a local broker.
    Seen(Arc<Mutex<Seen>>),
    /// What a program prints.
    Said(&'static str, watch::Receiver<String>),
}

/// Everything that is watched in one thread, and so in one test.
#[derive(Default)]
pub(crate) struct Witness {
    worlds: AtomicUsize,
    watched: Mutex<Vec<Watched>>,
    /// The log of the gateways in this process, and what panics say.
    log: Mutex<Vec<u8>>,
}

thread_local! {
    static WITNESS: OnceCell<Arc<Witness>> = const { OnceCell::new() };
}

fn here() -> Option<Arc<Witness>> {
    // Not when the thread is about to end.
    WITNESS.try_with(|witness| Arc::clone(witness.get_or_init(Arc::default))).ok()
}

/// Searches this too.
pub(crate) fn watch(one: Watched) {
    if let Some(witness) = here() {
        witness.watched.lock().unwrap().push(one);
    }
}

impl Witness {
    /// One more cloud has its secrets.
    pub(crate) fn enter() -> Arc<Self> {
        listen();
        let witness = here().unwrap();
        if witness.worlds.fetch_add(1, Ordering::SeqCst) == 0 {
            // What the thread's test before has left.
            witness.watched.lock().unwrap().retain(|one| match one {
                Watched::Seen(seen) => Arc::strong_count(seen) > 1,
                Watched::Said(_, said) => said.has_changed().is_ok(),
            });
            witness.log.lock().unwrap().clear();
        }
        witness
    }

    pub(crate) fn leave(&self) {
        self.worlds.fetch_sub(1, Ordering::SeqCst);
    }

    /// What of all that is there holds a secret.
    pub(crate) fn leaks(&self, secrets: &Secrets) -> Vec<String> {
        let mut leaks = Vec::new();
        for one in self.watched.lock().unwrap().iter() {
            match one {
                Watched::Seen(seen) => {
                    // What people type is there because they typed it.
                    let seen = seen.lock().unwrap();
                    for (topic, payload) in seen.messages.iter().filter(|(topic, _)| !topic.ends_with("/set"))
                    {
                        leaks.extend(secrets.find("a topic", topic));
                        leaks.extend(secrets.find(topic, payload));
                    }
                }
                Watched::Said(what, said) => leaks.extend(secrets.find(what, &said.borrow())),
            }
        }
        leaks.extend(secrets.find("the log", &String::from_utf8_lossy(&self.log.lock().unwrap())));
        leaks.dedup();
        leaks
    }

    fn note(&self, bytes: &[u8]) {
        if self.worlds.load(Ordering::SeqCst) > 0 {
            self.log.lock().unwrap().extend_from_slice(bytes);
        }
    }
}

/// Writes to the log of the thread's own test.
struct Scribe;

impl Write for Scribe {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if let Some(witness) = here() {
            witness.note(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Takes down what this process logs, with the program's own filter at its most talkative, and what panics say.
fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let filter = Targets::new()
            .with_default(LevelFilter::WARN)
            .with_target("bambu2mqtt", LevelFilter::TRACE)
            .with_target("simulator", LevelFilter::OFF)
            .with_target("mqtt5", LevelFilter::OFF);
        let lines = tracing_subscriber::fmt::layer().with_writer(|| Scribe).with_ansi(false).without_time();
        tracing_subscriber::registry().with(lines.with_filter(filter)).init();
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let _ = writeln!(Scribe, "{panic}");
            usual(panic);
        }));
    });
}
