//! `purge`: takes everything of this gateway off the local broker.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::bail;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::config::{Config, StateDir};
use crate::gateway::{local_options, topics_of};
use crate::mqtt::{Event, Link, Message, Qos};
use crate::service::Exit;
use homeassistant::topic::Incoming;

use super::say;

/// Retained messages follow one another faster than this.
const QUIET: Duration = Duration::from_secs(2);
const CONNECT: Duration = Duration::from_secs(20);
/// Long enough for a hundred thousand topics.
const CLEAR: Duration = Duration::from_secs(60);

pub(super) async fn run(config: &Config) -> anyhow::Result<Exit> {
    let install = StateDir::open(&config.state_dir)?.install_id()?;
    let Cleared { topics, running } = clear(config, &install, QUIET).await?;
    say(&format!("took {topics} topics off {}", config.mqtt.broker))?;
    if running {
        say("a gateway is still running and publishes its own again: stop it, then purge once more")?;
    }
    Ok(Exit::Done)
}

/// What was cleared.
pub(super) struct Cleared {
    pub(super) topics: usize,
    /// Whether a gateway said that it is there.
    pub(super) running: bool,
}

/// Empties every retained topic of this gateway, also those that only an earlier run knew. `quiet` is how long
/// nothing more must come before all are known.
pub(super) async fn clear(config: &Config, install: &str, quiet: Duration) -> anyhow::Result<Cleared> {
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
    link.outbox().subscribe(format!("{}/#", topics.base), Qos::AtMostOnce);
    link.outbox().subscribe(topics.all_configs(), Qos::AtMostOnce);
    let mut found = BTreeSet::new();
    let mut running = false;
    let silence = sleep(quiet);
    tokio::pin!(silence);
    loop {
        let event = tokio::select! {
            event = inbox.recv() => event,
            () = &mut silence => break,
        };
        match event {
            // What a running gateway says meanwhile is not retained for us, and must not keep us here.
            Some(Event::Message { topic, payload, retain: true }) => {
                silence.set(sleep(quiet));
                running |= topic == topics.bridge_availability() && payload == "online";
                let ours = match topics.parse(&topic) {
                    Some(Incoming::Discovery { device }) => topics.owns(device, &payload),
                    _ => topics.is_ours(&topic),
                };
                if ours {
                    found.insert(topic);
                }
            }
            Some(Event::SubscriptionRefused { topic }) => {
                bail!("the broker does not let this user read `{topic}`: use one that may")
            }
            Some(Event::Disconnected { error, .. }) => bail!("{error}"),
            Some(_) => {}
            None => break,
        }
    }
    // Discovery first: Home Assistant warns of values that are emptied while it still has the entity.
    let (values, configs): (Vec<_>, Vec<_>) = found.iter().partition(|topic| topic.starts_with(&topics.base));
    for topic in configs.into_iter().chain(values) {
        link.outbox().set(topic.as_str(), "");
    }
    // The acknowledgement of the last message says that all before it arrived.
    let last = Message::new(topics.bridge("purged"), "").at_least_once();
    let token = link.outbox().send(last);
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
    match timeout(CLEAR, acknowledged).await {
        Ok(result) => result?,
        Err(_) => bail!("the broker is too slow: not everything may be gone, purge once more"),
    }
    link.close(None).await;
    Ok(Cleared { topics: found.len(), running })
}
