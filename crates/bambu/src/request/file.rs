//! Printing a file (protocol 5.12).

use serde_json::{Value, json};

use printer::command::{Place, PrintFile};
use printer::{Observed, Source};

use super::filament::place;
use super::{Body, Dialect, print};

/// A slot in the flat list: over all slots of the first units; an AMS HT by its unit, the Lite of an A2L by the slot.
fn number(unit: u8, slot: u8) -> i16 {
    match unit {
        0..16 => i16::from(unit) * 4 + i16::from(slot),
        16 => slot.into(),
        _ => unit.into(),
    }
}

pub(super) fn print_file(dialect: &Dialect, printer: &Observed, file: &PrintFile) -> Vec<Body> {
    let url = match &file.place {
        Place::Web(url) => url.to_string(),
        Place::Storage(path) => format!("{}{path}", dialect.model.storage),
    };
    let vibration = file
        .vibration_calibration
        .unwrap_or_else(|| printer.capabilities.is_some_and(|can| can.requests.print_vibration));
    // External spools have no number here: minus one, and their place in the newer list.
    let numbers: Vec<i16> = file
        .mapping
        .iter()
        .map(|source| match source {
            Some(Source::Ams { unit, slot }) => number(*unit, *slot),
            _ => -1,
        })
        .collect();
    let places: Vec<Value> = file
        .mapping
        .iter()
        .map(|source| {
            let (unit, slot) = source.map_or((255, 255), |source| place(printer, source));
            json!({"ams_id": unit, "slot_id": slot})
        })
        .collect();
    let mut members = json!({
        "param": format!("Metadata/plate_{}.gcode", file.plate),
        "url": url,
        "file": "",
        "md5": file.md5.as_deref().unwrap_or_default(),
        "project_id": "0",
        "profile_id": "0",
        "task_id": "0",
        "subtask_id": "0",
        "subtask_name": file.name.as_str(),
        "bed_type": file.bed_type.as_str(),
        "timelapse": file.timelapse,
        // The vendor's slicer and its published notes spell it differently.
        "bed_leveling": file.bed_leveling,
        "bed_levelling": file.bed_leveling,
        "flow_cali": file.flow_calibration,
        "vibration_cali": vibration,
        "layer_inspect": file.layer_inspect,
        "use_ams": file.use_ams,
        "ams_mapping": numbers,
        "ams_mapping2": places,
    });
    if let (true, Some(members)) = (dialect.newer, members.as_object_mut()) {
        members.insert("auto_bed_leveling".into(), u8::from(file.bed_leveling).into());
        members.insert("extrude_cali_flag".into(), u8::from(file.flow_calibration).into());
        if dialect.dual_nozzle {
            members.insert("nozzle_offset_cali".into(), u8::from(file.nozzle_offset_calibration).into());
        }
    }
    print("project_file", members)
}
