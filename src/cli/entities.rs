//! `entities`: the catalogue, for people and for the documentation.

use anyhow::Context as _;
use clap::Args;
use serde_json::json;

use crate::bambu::models::{MODELS, Model};
use crate::homeassistant::catalog::{AMS, BRIDGE, EXTERNAL, PRINTER, SLOT};
use crate::homeassistant::entity::Entity;
use crate::printer::Snapshot;
use crate::service::Exit;

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
    platform: &'static str,
    key: &'static str,
    name: &'static str,
    unit: &'static str,
    category: &'static str,
    enabled: bool,
}

fn rows<T>(
    device: &'static str,
    table: &'static [Entity<T>],
    wanted: impl Fn(&Entity<T>) -> bool,
) -> Vec<Row> {
    let row = |entity: &'static Entity<T>| Row {
        device,
        platform: entity.platform.name(),
        key: entity.key,
        name: if entity.name.is_empty() { "(the device's name)" } else { entity.name },
        unit: entity.unit.unwrap_or(""),
        category: entity.category.name().unwrap_or(""),
        enabled: entity.enabled,
    };
    table.iter().filter(|entity| wanted(entity)).map(row).collect()
}

/// The models of which more is known than the name.
fn printers() -> impl Iterator<Item = &'static Model> {
    MODELS.iter().filter(|model| model.filament)
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let known = |name: &String| {
        let model = printers().find(|m| m.name.eq_ignore_ascii_case(name));
        let names = || printers().map(|m| m.name).collect::<Vec<_>>().join(", ");
        model.with_context(|| format!("`{name}` is no model we know; there are {}", names()))
    };
    let model = arguments.model.as_ref().map(known).transpose()?;
    let has = |entity: &Entity<Snapshot>| model.is_none_or(|model| of_model(entity, model));
    let mut all = rows("Printer", &PRINTER, has);
    all.extend(rows("AMS", AMS, |_| true));
    all.extend(rows("AMS", SLOT, |_| true));
    all.extend(rows("External spool", EXTERNAL, |_| true));
    all.extend(rows("Gateway", BRIDGE, |_| true));
    if arguments.json {
        let list: Vec<_> = all.iter().map(as_json).collect();
        say(&serde_json::to_string_pretty(&list)?)?;
    } else if arguments.markdown {
        say("| device | entity | platform | key | unit | category | shown at first |")?;
        say("| --- | --- | --- | --- | --- | --- | --- |")?;
        for row in &all {
            let Row { device, platform, key, name, unit, category, enabled } = row;
            let shown = if *enabled { "yes" } else { "no" };
            say(&format!("| {device} | {name} | {platform} | `{key}` | {unit} | {category} | {shown} |"))?;
        }
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

fn as_json(row: &Row) -> serde_json::Value {
    let Row { device, platform, key, name, unit, category, enabled } = row;
    json!({"device": device, "platform": platform, "key": key, "name": name, "unit": unit,
        "category": category, "enabled_by_default": enabled})
}

/// Whether the model table alone gives a printer of this model the entity; what a report adds (a fan
/// kit, a lamp) is not known here.
fn of_model(entity: &Entity<Snapshot>, model: &'static Model) -> bool {
    let (can, snapshot) = crate::bambu::typical(model);
    (entity.needs)(&can, &snapshot)
}
