//! `purge`: takes everything of this gateway off the local broker.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::bail;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::config::{Config, StateDir};
use crate::gateway::{local_options, topics_of};
use crate::mqtt::{Event, Link, Qos};
use crate::service::Exit;

use super::{complain, say};

/// Retained messages follow one another faster than this.
const QUIET: Duration = Duration::from_secs(2);
const CONNECT: Duration = Duration::from_secs(20);

pub(super) async fn run(config: &Config) -> anyhow::Result<Exit> {
    let state = StateDir::open(&config.state_dir)?;
    let topics = topics_of(config);
    let mut options = local_options(config, &topics, &state.install_id()?)?;
    options.client_id.push_str("-purge");
    options.last_will = None;
    let (sender, mut inbox) = mpsc::channel(256);
    let mut tasks = JoinSet::new();
    let link = Link::start(&mut tasks, options, sender, |event| event);
    match timeout(CONNECT, inbox.recv()).await {
        Ok(Some(Event::Connected)) => {}
        Ok(Some(Event::Disconnected { error, .. })) => {
            complain(&error.to_string());
            return Ok(Exit::Unreachable);
        }
        _ => {
            complain(&format!("the local broker {} does not answer", config.mqtt.broker));
            return Ok(Exit::Unreachable);
        }
    }
    link.outbox().subscribe(format!("{}/#", topics.base), Qos::AtMostOnce);
    link.outbox().subscribe(topics.all_configs(), Qos::AtMostOnce);
    let mut found = BTreeSet::new();
    while let Ok(event) = timeout(QUIET, inbox.recv()).await {
        match event {
            Some(Event::Message { topic, payload, retain: true }) => {
                let below = topic.strip_prefix(&topics.base).is_some_and(|rest| rest.starts_with('/'));
                if below || topics.owns(&payload) {
                    found.insert(topic);
                }
            }
            Some(Event::Disconnected { error, .. }) => bail!("{error}"),
            Some(_) => {}
            None => break,
        }
    }
    let running = topics.bridge_availability();
    for topic in &found {
        link.outbox().set(topic.as_str(), "");
    }
    link.close(None).await;
    say(&format!("took {} topics off {}", found.len(), config.mqtt.broker))?;
    if found.contains(&running) {
        say("a gateway that is still running will publish its own again: stop it first")?;
    }
    Ok(Exit::Done)
}
