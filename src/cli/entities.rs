//! `entities`: the catalogue, for people and for the documentation.

use std::fmt::Write as _;

use anyhow::Context as _;
use clap::Args;
use serde_json::json;

use crate::service::Exit;
use bambu::models::{MODELS, Model};
use homeassistant::catalog::{ACCOUNT, AMS, EXTERNAL, GATEWAY, GROUPS, SLOT};
use homeassistant::entity::{Entity, Subject};
use printer::Snapshot;

use super::say;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// As a Markdown table
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
    /// Only what this model has (`X1C`, `A1 mini`)
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
}

struct Row {
    device: &'static str,
    group: &'static str,
    platform: &'static str,
    key: &'static str,
    name: &'static str,
    unit: &'static str,
    /// The words that it may say.
    words: Vec<&'static str>,
    category: &'static str,
    enabled: bool,
    printers: String,
}

fn rows<T: Subject>(
    device: &'static str,
    group: &'static str,
    table: &'static [Entity<T>],
    model: Option<&'static Model>,
    printers: impl Fn(&Entity<T>) -> Option<String>,
) -> Vec<Row> {
    let can = model.map(|model| bambu::typical(model).0);
    let row = |entity: &'static Entity<T>| {
        Some(Row {
            device,
            group,
            platform: entity.platform.name(),
            key: entity.key,
            name: if entity.name.is_empty() { "(the device's name)" } else { entity.name },
            unit: entity.unit.unwrap_or(""),
            words: entity.platform.words(),
            category: entity.category.name().unwrap_or(""),
            enabled: entity.enabled && !can.as_ref().is_some_and(|can| (entity.repeats)(can)),
            printers: printers(entity)?,
        })
    };
    table.iter().filter_map(row).collect()
}

/// The models of which more is known than the name.
fn models() -> impl Iterator<Item = &'static Model> {
    MODELS.iter().filter(|model| model.filament)
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let known = |name: &String| {
        let model = models().find(|m| m.name.eq_ignore_ascii_case(name));
        let names = || models().map(|m| m.name).collect::<Vec<_>>().join(", ");
        model.with_context(|| format!("`{name}` is no model we know; there are {}", names()))
    };
    let model = arguments.model.as_ref().map(known).transpose()?;
    let mut all = Vec::new();
    for group in GROUPS {
        let printers =
            |entity: &_| model.is_none_or(|model| of_model(entity, model)).then(|| printers(entity));
        all.extend(rows("Printer", group.title, group.rows, model, printers));
    }
    all.extend(rows("AMS", "Unit", AMS, model, |_| Some(String::new())));
    all.extend(rows("AMS", "Each slot", SLOT, model, |_| Some(String::new())));
    all.extend(rows("External spool", "", EXTERNAL, model, |_| Some(String::new())));
    all.extend(rows("Gateway", "Itself", GATEWAY, model, |_| Some(String::new())));
    all.extend(rows("Gateway", "Each account", ACCOUNT, model, |_| Some(String::new())));
    if arguments.json {
        let list: Vec<_> = all.iter().map(as_json).collect();
        say(&serde_json::to_string_pretty(&list)?)?;
    } else if arguments.markdown {
        say(markdown(&all, model).trim_end())?;
    } else {
        for row in &all {
            let Row { device, platform, key, name, unit, enabled, .. } = row;
            let hidden = if *enabled { "" } else { "  (off until you enable it)" };
            let line = format!("{device:<15} {platform:<14} {key:<26} {name} {unit}{hidden}");
            say(line.trim_end())?;
        }
    }
    Ok(Exit::Done)
}

/// More words than these are not listed.
const MOST_WORDS: usize = 16;

/// The page that `docs/entities.md` is.
fn markdown(all: &[Row], model: Option<&Model>) -> String {
    let whose = model.map_or_else(String::new, |model| format!(" of a {}", model.name));
    let mut page = format!(
        "# Entities{whose}\n\n\
         Made by `bambu2mqtt entities --markdown`.\n\
         The *key* is the last part of the topic and of the entity id, and never changes. One that stands twice is\n\
         a sensor that shows the value and a control that sets it.\n\
         Entities without a ● are there too, but switched off: open the device in Home Assistant, choose the\n\
         entity and switch it on. `#` stands for the number of a slot.\n"
    );
    let (mut device, mut group) = ("", "");
    for row in all {
        let new_device = row.device != device;
        if new_device {
            let _ = write!(page, "\n## {}\n", row.device);
        }
        if !row.group.is_empty() && (new_device || row.group != group) {
            let _ = write!(page, "\n### {}\n", row.group);
        }
        let of_printer = row.device == "Printer" && model.is_none();
        if new_device || row.group != group {
            let (title, line) = if of_printer { (" printers |", " --- |") } else { ("", "") };
            let _ = write!(
                page,
                "\n| on | entity | kind | key | unit or values |{title}\n| --- | --- | --- | --- | --- |{line}\n"
            );
        }
        (device, group) = (row.device, row.group);
        let Row { platform, key, name, unit, words, category, printers, .. } = row;
        let unit = match words.len() {
            0 => (*unit).to_owned(),
            1..=MOST_WORDS => words.join(", "),
            many => format!("{many} words"),
        };
        let on = if row.enabled { "●" } else { "" };
        let kind = if category.is_empty() { (*platform).into() } else { format!("{platform}, {category}") };
        let _ = write!(page, "| {on} | {name} | {kind} | `{key}` | {unit} |");
        if of_printer {
            let _ = write!(page, " {printers} |");
        }
        page.push('\n');
    }
    page
}

/// Which models have an entity, in as few words as possible.
fn printers(entity: &Entity<Snapshot>) -> String {
    let names = |with: bool| {
        let names = models().filter(|model| of_model(entity, model) == with).map(|model| model.name);
        names.collect::<Vec<_>>()
    };
    let (with, without) = (names(true), names(false));
    match (with.len(), without.len()) {
        (_, 0) => "all".into(),
        (0, _) => "those that report it".into(),
        (_, 1..=3) => format!("all but {}", without.join(", ")),
        _ => with.join(", "),
    }
}

fn as_json(row: &Row) -> serde_json::Value {
    let Row { device, platform, key, name, unit, category, enabled, .. } = row;
    json!({"device": device, "platform": platform, "key": key, "name": name, "unit": unit,
        "category": category, "enabled_by_default": enabled})
}

/// Whether the model table alone gives a printer of this model the entity; what a report adds (a fan
/// kit, a lamp) is not known here.
fn of_model(entity: &Entity<Snapshot>, model: &'static Model) -> bool {
    let (can, snapshot) = bambu::typical(model);
    (entity.needs)(&can, &snapshot)
}
