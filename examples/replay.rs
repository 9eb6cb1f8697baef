//! Prints what would be published for recorded messages, as JSON lines; a stand-in for the subcommand.
//!
//! `cargo run --example replay -- FILE... [--final]`
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::collections::BTreeMap;
use std::io::Write as _;

use anyhow::Context as _;
use bambu2mqtt::homeassistant::Publication;
use bambu2mqtt::replay::{Capture, Replay};

fn main() -> anyhow::Result<()> {
    let (options, files): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|arg| arg.starts_with("--"));
    let only_final = options.iter().any(|option| option == "--final");
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut last = BTreeMap::new();
    let mut replay = Replay::default();
    let mut publications = Vec::new();
    let (mut messages, mut count) = (0_u64, 0);
    let mut take = |publications: &mut Vec<Publication>| -> anyhow::Result<()> {
        count += publications.len();
        for Publication { topic, payload } in publications.drain(..) {
            if only_final {
                last.insert(topic, payload);
            } else {
                let line = serde_json::json!({"topic": topic, "payload": payload, "retain": true, "qos": 0});
                writeln!(out, "{line}")?;
            }
        }
        Ok(())
    };
    for file in &files {
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {file}"))?;
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
            let capture = Capture::parse(line).with_context(|| format!("{file}, line {number}"))?;
            messages += 1;
            replay.feed(&capture, &mut publications);
            take(&mut publications)?;
        }
    }
    replay.finish(&mut publications);
    take(&mut publications)?;
    for (topic, payload) in last.into_iter().filter(|(_, payload)| !payload.is_empty()) {
        let line = serde_json::json!({"topic": topic, "payload": payload, "retain": true, "qos": 0});
        writeln!(out, "{line}")?;
    }
    out.flush()?;
    eprintln!("{messages} messages, {count} publications, notes: {:?}", replay.notes());
    Ok(())
}
