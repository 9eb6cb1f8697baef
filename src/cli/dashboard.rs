//! `dashboard`: a view of one's own printers for Home Assistant, made of the entities that they really have.
//!
//! The broker knows them: what the gateway has announced says which entities there are, which are on, and what
//! they are called.

mod view;

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::config::{Config, StateDir};
use crate::gateway::{local_options, topics_of};
use crate::mqtt::{Event, Link, Qos};
use crate::service::Exit;
use homeassistant::topic::Topics;
use homeassistant::{Names, discovery};
use view::Device;

use super::say;

/// Retained messages follow one another faster than this.
const QUIET: Duration = Duration::from_secs(2);
const CONNECT: Duration = Duration::from_secs(20);

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only this printer, by its name
    #[arg(long, value_name = "NAME")]
    printer: Option<String>,
}

pub(super) async fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<Exit> {
    let topics = topics_of(config);
    let devices = announced(config, &topics).await?;
    let names = Names::of(config.language.of_names());
    let printers = view::printers(&devices, &topics.bridge_id());
    ensure!(
        !printers.is_empty(),
        "no printer is announced on {} yet: start the gateway, and try again when its printers are there",
        config.mqtt.broker
    );
    let wanted = |printer: &&Device| arguments.printer.as_ref().is_none_or(|name| printer.is_called(name));
    let chosen: Vec<&Device> = printers.iter().copied().filter(wanted).collect();
    if let (true, Some(name)) = (chosen.is_empty(), &arguments.printer) {
        let known: Vec<&str> = printers.iter().map(|printer| printer.name.as_str()).collect();
        bail!("no printer is called `{name}`; there are {}", known.join(", "));
    }
    let dashboard = view::dashboard(&chosen, &devices, &names);
    say(view::HEAD)?;
    say(view::written(&dashboard).context("the dashboard cannot be written")?.trim_end())?;
    Ok(Exit::Done)
}

/// The devices that are announced on the broker, in the order of their ids.
async fn announced(config: &Config, topics: &Topics) -> anyhow::Result<Vec<Device>> {
    let install = StateDir::open(&config.state_dir)?.install_id()?;
    let mut options = local_options(config, topics, &install)?;
    options.client_id.push_str("-dashboard");
    options.last_will = None;
    let (sender, mut inbox) = mpsc::channel(256);
    let mut tasks = JoinSet::new();
    let link = Link::start(&mut tasks, options, sender, |event| event);
    match timeout(CONNECT, inbox.recv()).await {
        Ok(Some(Event::Connected)) => {}
        Ok(Some(Event::Disconnected { error, .. })) => bail!("{error}"),
        _ => bail!("the local broker {} does not answer: check host, port and TLS", config.mqtt.broker),
    }
    link.outbox().subscribe(topics.all_configs(), Qos::AtMostOnce);
    let mut devices = Vec::new();
    while let Ok(event) = timeout(QUIET, inbox.recv()).await {
        match event.context("the connection to the local broker has ended")? {
            Event::Message { topic, payload, retain: true, .. } => {
                devices.extend(device(topics, &topic, &payload));
            }
            Event::SubscriptionRefused { topic } => {
                bail!("the broker does not let this user read `{topic}`: use one that may")
            }
            Event::Disconnected { error, .. } => bail!("{error}"),
            _ => {}
        }
    }
    link.close(None).await;
    devices.sort_by(|a: &Device, b| a.id.cmp(&b.id));
    Ok(devices)
}

/// A device of this gateway.
fn device(topics: &Topics, topic: &str, payload: &[u8]) -> Option<Device> {
    let homeassistant::topic::Incoming::Discovery { device } = topics.parse(topic)? else { return None };
    topics
        .owns(device, payload)
        .then(|| discovery::read(payload))
        .flatten()
        .and_then(|config| Device::read(device, &config))
}
