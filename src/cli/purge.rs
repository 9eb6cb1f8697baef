//! `purge`: takes everything of this gateway off the local broker, and nothing else.
//!
//! Never beside a gateway that runs: what it has published it does not publish again, so Home Assistant would
//! stay empty. The retained availability alone proves little (a broker that lost power with the gateway still
//! keeps `online`), so purge asks: a running gateway answers a command that it does not know.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::config::{Config, StateDir};
use crate::gateway::orphans::earlier_topics;
use crate::gateway::{local_options, topics_of};
use crate::mqtt::{Event, Link, Message, Outbox, Qos};
use crate::service::Exit;
use homeassistant::topic::{Incoming, PURGE, Topics};

use super::say;

/// Retained messages follow one another faster than this.
const QUIET: Duration = Duration::from_secs(2);
/// How long a gateway that is said to be online may take to answer: it may have hundreds of printers to tell of.
const PATIENCE: Duration = Duration::from_secs(10);
const CONNECT: Duration = Duration::from_secs(20);
/// Long enough for a hundred thousand topics.
const CLEAR: Duration = Duration::from_secs(60);

pub(super) async fn run(config: &Config) -> anyhow::Result<Exit> {
    let state = StateDir::open(&config.state_dir)?;
    let earlier = earlier_topics(&state, &topics_of(config));
    let topics = clear(config, earlier, &state.install_id()?, QUIET).await?;
    say(&format!("took {topics} topics off {}", config.mqtt.broker))?;
    Ok(Exit::Done)
}

/// Empties every retained topic of this gateway, also those that only an earlier run knew, and counts them.
/// `quiet` is how long nothing more must come before all are known.
pub(super) async fn clear(
    config: &Config,
    earlier: Option<Topics>,
    install: &str,
    quiet: Duration,
) -> anyhow::Result<usize> {
    let topics = topics_of(config);
    let mut options = local_options(config, &topics, install)?;
    options.client_id.push_str("-purge");
    options.last_will = None;
    let (sender, mut inbox) = mpsc::channel(256);
    let mut tasks = JoinSet::new();
    let link = Link::start(&mut tasks, options, sender, |event| event);
    match timeout(CONNECT, inbox.recv()).await {
        Ok(Some(Event::Connected)) => {}
        Ok(Some(Event::Disconnected { error, .. })) => bail!("{error}"),
        _ => bail!("the local broker {} does not answer: check host, port and TLS", config.mqtt.broker),
    }
    let found = find(&topics, earlier, link.outbox(), &mut inbox, quiet).await?;
    let count = found.len();
    empty(&topics, found, link.outbox(), &mut inbox).await?;
    link.close(None).await;
    Ok(count)
}

/// What the broker keeps of ours, and what it says of a gateway that runs.
#[derive(Default)]
struct Found {
    /// The topics of an earlier run with another discovery prefix.
    earlier: Option<Topics>,
    configs: BTreeSet<String>,
    values: BTreeSet<String>,
    /// It was online when it last said something.
    online: bool,
    /// The question went round.
    asked: bool,
}

/// Finds what is ours, unless a gateway runs.
async fn find(
    topics: &Topics,
    earlier: Option<Topics>,
    outbox: &Outbox,
    inbox: &mut mpsc::Receiver<Event>,
    quiet: Duration,
) -> anyhow::Result<Found> {
    outbox.subscribe(format!("{}/#", topics.base), Qos::AtMostOnce);
    outbox.subscribe(topics.all_configs(), Qos::AtMostOnce);
    if let Some(earlier) = &earlier {
        outbox.subscribe(earlier.all_configs(), Qos::AtMostOnce);
    }
    outbox.send(Message::new(topics.bridge_set(PURGE), ""));
    let mut found = Found { earlier, ..Found::default() };
    while let Ok(event) = timeout(quiet, next_kept(topics, inbox, &mut found)).await {
        event?;
    }
    if found.online {
        let answer = async {
            loop {
                next_kept(topics, inbox, &mut found).await?;
            }
        };
        if let Ok(refused) = timeout(PATIENCE, answer).await {
            return refused;
        }
        if !found.asked {
            bail!(
                "{} says that a gateway runs, and the broker does not let this user ask it on {}: stop it first \
                 (`systemctl stop bambu2mqtt`), or allow this user to write there",
                topics.bridge_availability(),
                topics.bridge_set(PURGE),
            );
        }
    }
    Ok(found)
}

/// Takes in what comes until one of the retained messages did.
async fn next_kept(
    topics: &Topics,
    inbox: &mut mpsc::Receiver<Event>,
    found: &mut Found,
) -> anyhow::Result<()> {
    loop {
        match inbox.recv().await.context("the connection to the local broker has ended")? {
            Event::Message { topic, payload, retain, .. } => {
                found.take(topics, topic, &payload, retain)?;
                // What a gateway or somebody else says meanwhile must not keep us here.
                if retain {
                    return Ok(());
                }
            }
            Event::SubscriptionRefused { topic } => {
                bail!("the broker does not let this user read `{topic}`: use one that may")
            }
            Event::Disconnected { error, .. } => bail!("{error}"),
            _ => {}
        }
    }
}

impl Found {
    /// Takes in a message. Refuses it when only a gateway that runs can have sent it.
    fn take(&mut self, topics: &Topics, topic: String, payload: &[u8], retain: bool) -> anyhow::Result<()> {
        if topic == topics.bridge_availability() {
            self.online = payload == b"online";
        }
        let answered =
            topic == topics.bridge_result(PURGE) || (self.online && topic == topics.bridge_availability());
        if answered && !retain {
            bail!(
                "a gateway runs with this broker and this base topic, and Home Assistant would lose what it \
                 published: stop it first (`systemctl stop bambu2mqtt`), then purge"
            );
        }
        self.asked |= topic == topics.bridge_set(PURGE);
        if !retain {
            return Ok(());
        }
        let names = [Some(topics), self.earlier.as_ref()].into_iter().flatten();
        let device = names.filter_map(|names| match names.parse(&topic) {
            Some(Incoming::Discovery { device }) => Some(device),
            _ => None,
        });
        if let Some(device) = device.into_iter().next() {
            if topics.owns(device, payload) {
                self.configs.insert(topic);
            }
        } else if topics.is_ours(&topic) {
            self.values.insert(topic);
        }
        Ok(())
    }

    fn len(&self) -> usize {
        self.configs.len() + self.values.len()
    }
}

/// Empties what was found and waits until the broker has it all.
async fn empty(
    topics: &Topics,
    found: Found,
    outbox: &Outbox,
    inbox: &mut mpsc::Receiver<Event>,
) -> anyhow::Result<()> {
    // Discovery first: Home Assistant warns of values that are emptied while it still has the entity.
    for topic in found.configs.into_iter().chain(found.values) {
        outbox.set(topic, "");
    }
    // The acknowledgement of the last message says that all before it arrived.
    let token = outbox.send(Message::new(topics.bridge("purged"), "").at_least_once());
    let acknowledged = async {
        while let Some(event) = inbox.recv().await {
            match event {
                Event::Delivered(delivered) if Some(delivered) == token => return Ok(()),
                Event::Disconnected { error, .. } => bail!("{error}"),
                _ => {}
            }
        }
        Ok(())
    };
    timeout(CLEAR, acknowledged)
        .await
        .context("the broker is too slow: not everything may be gone, purge once more")?
}
