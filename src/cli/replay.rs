//! `replay`: what would be published for recorded messages.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use serde_json::json;
use tracing::warn;

use crate::service::Exit;
use capture::Capture;
use homeassistant::Publication;
use twin::Replay;

use super::say;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Recordings, one message a line
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Only the last payload of every topic, sorted by topic
    #[arg(long = "final")]
    only_final: bool,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let mut replay = Replay::default();
    let mut last = BTreeMap::new();
    let mut published = Vec::new();
    let mut tell = |published: &mut Vec<Publication>| -> anyhow::Result<()> {
        for publication in published.drain(..) {
            let retain = publication.kind.is_retained();
            if arguments.only_final {
                if publication.payload.is_empty() {
                    last.remove(&publication.topic);
                } else if retain {
                    last.insert(publication.topic, publication.payload);
                }
            } else {
                say(&line(&publication.topic, &publication.payload, retain))?;
            }
        }
        Ok(())
    };
    for path in &arguments.files {
        let name = path.display();
        let file = File::open(path).with_context(|| format!("cannot read {name}"))?;
        for (number, text) in (1..).zip(BufReader::new(file).lines()) {
            let text = text.with_context(|| format!("cannot read {name} line {number}"))?;
            if text.trim().is_empty() {
                continue;
            }
            let capture = Capture::parse(&text).with_context(|| format!("{name} line {number}"))?;
            replay.feed(&capture, &mut published);
            tell(&mut published)?;
        }
    }
    replay.finish(&mut published);
    tell(&mut published)?;
    for (topic, payload) in &last {
        say(&line(topic, payload, true))?;
    }
    for note in replay.notes() {
        warn!("{note}");
    }
    Ok(Exit::Done)
}

fn line(topic: &str, payload: &str, retain: bool) -> String {
    // What the broker does not keep must not get lost on the way to it.
    json!({"topic": topic, "payload": payload, "retain": retain, "qos": u8::from(!retain)}).to_string()
}
