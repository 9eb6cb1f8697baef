//! The job: hold it, go on, end it, send another one.
use super::super::job::{Job, escaped};
use super::super::machine::Machine;
use super::super::machine::trouble::CancelOrder;
use super::super::model::Model;
use super::{BUSY, Body, ERROR, Refusal, Verdict, number, reason, refused, switch, text, unseen};
use serde_json::Value;

/// The file's name or address is not one that it takes; what is in the file is not what was named.
const BAD_ADDRESS: u32 = 0x0500_4002;
const BAD_FILE: u32 = 0x0500_4003;
/// It does not know which filament to take from where.
const NO_MAPPING: u32 = 0x0700_8012;

pub(super) fn judge(m: &mut Machine, command: &str, request: &Body) -> Verdict {
    match command {
        "pause" if m.busy() && m.gcode_state() == "RUNNING" => switch(|m| m.paused = m.busy()),
        "resume" if m.paused => switch(Machine::resume),
        "stop" if m.busy() || m.calibrating().is_some() => switch(Machine::stop),
        "pause" | "resume" | "stop" => refused("invalid state"),
        "print_speed" => match text(request, "param").parse() {
            Ok(level @ 1..=4) => switch(move |m| m.speed = level),
            _ => refused("invalid param"),
        },
        // The code is decimal; anything else is passed over.
        "ignore" if m.paused && text(request, "err") == m.print_error.to_string() => switch(|m| {
            m.print_error = 0;
            m.resume();
        }),
        "idle_ignore" if !m.paused && text(request, "err") == m.print_error.to_string() => {
            switch(|m| m.print_error = 0)
        }
        "skip_objects" => skip(m, request),
        "clean_print_error" => {
            let code = number(request, "print_error");
            switch(move |m| {
                if code.is_none_or(|code| code == i64::from(m.print_error)) {
                    m.print_error = 0;
                }
            })
        }
        "project_file" => send(m, request),
        "gcode_file" if m.model.slings() => refused(ERROR),
        "gcode_file" if m.engaged() => Err(Refusal::Error(BUSY, true)),
        "gcode_file" => unseen(),
        _ => Err(Refusal::Silence),
    }
}

fn skip(m: &Machine, request: &Body) -> Verdict {
    let objects = request.get("obj_list").and_then(Value::as_array);
    let objects: Option<Vec<u64>> = objects.into_iter().flatten().map(Value::as_u64).collect();
    // Only prints of so many objects know them one by one.
    let objects = objects.filter(|objects| (1..=64).contains(&objects.len()));
    let Some(objects) = objects.filter(|_| m.busy()) else { return refused("invalid") };
    switch(move |m| {
        for object in objects {
            if !m.skipped.contains(&object) {
                m.skipped.push(object);
            }
        }
    })
}

fn send(m: &Machine, request: &Body) -> Verdict {
    // It makes room for the new print.
    let yields = m.model == Model::A1Mini && m.busy() && !m.occupied;
    if m.engaged() && !yields {
        // The small ones agree, and then complain on the screen.
        return Err(Refusal::Error(BUSY, !m.model.is_terse()));
    }
    let job = job(m.model, request)?;
    switch(move |m| {
        m.cancel(CancelOrder::Together);
        m.begin(Some(job));
    })
}

/// What a request wants printed; what is wrong with it shows when the printer tries.
fn job(model: Model, request: &Body) -> Result<Job, Refusal> {
    let late = |code| Refusal::Error(code, false);
    let url = text(request, "url");
    let cloud = url.starts_with("https://");
    // The older ones have a card, the later ones are their own file server; an A1 mini took both.
    let (card, server) = (url.starts_with("file:///sdcard/"), url.starts_with("ftp://"));
    let takes =
        cloud || if model.has_bit_fields() { server } else { card || model == Model::A1Mini && server };
    let path = url.split('?').next().unwrap_or_default();
    let file = path.rsplit('/').next().unwrap_or_default();
    if !takes || file.is_empty() {
        return Err(late(BAD_ADDRESS));
    }
    let entry = text(request, "param");
    let plate =
        entry.strip_prefix("Metadata/plate_").and_then(|rest| rest.strip_suffix(".gcode")?.parse().ok());
    let plate = plate.filter(|plate| *plate > 0).ok_or_else(|| late(BAD_FILE))?;
    let ams = request.get("use_ams").and_then(Value::as_bool).ok_or_else(|| reason(ERROR))?;
    let spools = if ams && !model.facts().units.is_empty() {
        mapping(model, request).ok_or_else(|| late(NO_MAPPING))?
    } else {
        vec![model.external()]
    };
    let part = 1.0 / f64::from(u32::try_from(spools.len()).unwrap_or(1));
    let shares = spools.iter().scan(0.0, |share, spool| {
        let from = *share;
        *share += part;
        Some((from, *spool))
    });
    let name = match text(request, "subtask_name") {
        "" => file.split('.').next().unwrap_or_default(),
        name => name,
    };
    let task = number(request, "task_id").and_then(|id| u32::try_from(id).ok()).filter(|id| *id > 0);
    Ok(Job {
        name: escaped(name),
        file: if model.is_terse() { escaped(file) } else { format!("/data/{entry}") },
        kind: if cloud { "cloud" } else { "local" },
        plate,
        task,
        spools: shares.collect(),
        size: None,
    })
}

/// The spools that are used; `None` when none is named.
fn mapping(model: Model, request: &Body) -> Option<Vec<usize>> {
    let list = |key| request.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let small =
        |value: Option<&Value>| value.and_then(Value::as_u64).and_then(|value| u16::try_from(value).ok());
    let old = || {
        list("ams_mapping").iter().filter_map(|tray| match small(Some(tray))? {
            tray @ 0..16 => model.spool_at(tray / 4, usize::from(tray % 4)),
            unit => model.spool_at(unit, 0),
        })
    };
    let new = list("ams_mapping2").iter().filter_map(|place| {
        match (small(place.get("ams_id"))?, small(place.get("slot_id"))?) {
            (255, 255) => None,
            (unit @ 254.., _) => Some(model.external_of(unit)),
            (unit, slot) => model.spool_at(unit, usize::from(slot)),
        }
    });
    let spools: Vec<usize> = if model.has_bit_fields() { new.collect() } else { old().collect() };
    (!spools.is_empty()).then_some(spools)
}
