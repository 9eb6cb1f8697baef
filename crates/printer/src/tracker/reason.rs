//! Why a job is held or ended, in one word and in the vendor's.

use crate::health::{Hms, Module, PrintError, Told};
use crate::reason::Reason;
use crate::{Health, Stage};

/// Nobody knows why.
pub(super) fn word(kind: &str) -> Reason {
    Reason { kind: kind.into(), ..Reason::default() }
}

/// An error with what is told about it.
pub(super) fn error(told: &Told<PrintError>, kind: &str) -> Reason {
    Reason {
        kind: kind.into(),
        code: Some(told.code.to_string().into()),
        text: Some(told.text.clone()),
        url: Some(told.wiki.clone()),
        severity: Some(told.code.effect().word().into()),
    }
}

/// A health message with what is told about it.
pub(super) fn hms(told: &Told<Hms>, kind: &str) -> Reason {
    Reason {
        kind: kind.into(),
        code: Some(told.code.to_string().into()),
        text: Some(told.text.clone()),
        url: Some(told.wiki.clone()),
        severity: Some(told.code.severity().word().into()),
    }
}

/// Why a print is held: the error that came with it, filament that a health message misses, the stage.
pub(super) fn of_pause(health: &Health, stage: Option<Stage>) -> Reason {
    let by_error = health.error.as_ref().filter(|error| !error.code.is_cancel());
    if let Some((told, kind)) = by_error.and_then(|told| Some((told, of_error(told.code)?))) {
        return error(told, kind);
    }
    let by_stage = stage.and_then(of_stage);
    if by_stage.is_none_or(|kind| kind == "runout")
        && let Some(told) = health.messages.iter().find(|told| is_runout(told.code))
    {
        return hms(told, "runout");
    }
    match (by_stage, by_error) {
        (Some(kind), Some(told)) => error(told, kind),
        (Some(kind), None) => word(kind),
        (None, Some(told)) => error(told, if is_of_ams(told.code) { "ams" } else { "error" }),
        (None, None) => Reason::default(),
    }
}

/// What an error that stands says of the end of a print.
pub(super) fn of_failure(health: &Health) -> Option<Reason> {
    health.error.as_ref().filter(|error| !error.code.is_of_a_person()).map(of_fault)
}

/// An error that is a fault.
pub(super) fn of_fault(told: &Told<PrintError>) -> Reason {
    error(told, of_error(told.code).unwrap_or(if is_of_ams(told.code) { "ams" } else { "error" }))
}

fn is_of_ams(code: PrintError) -> bool {
    matches!(code.module(), Module::Ams(_) | Module::AmsLite(_) | Module::AmsHt(_) | Module::External(_))
}

/// What the printers' common errors are about, where that decides what a person does next.
fn of_error(code: PrintError) -> Option<&'static str> {
    if is_of_ams(code) {
        return (code.0 & 0xFFFF == 0x8011).then_some("runout");
    }
    Some(match code.0 {
        0x0300_8001 => "user",
        0x0300_8002 => "first_layer",
        0x0300_8003 => "spaghetti",
        0x0300_8004 | 0x0300_8015 => "runout",
        0x0300_8005 => "cover",
        0x0300_8007 => "power_loss",
        0x0300_8008 => "nozzle_temperature",
        0x0300_8009 => "bed_temperature",
        0x0300_800B => "cutter",
        0x0300_800C => "skipped_step",
        0x0300_800F => "door",
        0x0300_8013 => "gcode",
        0x0300_8014 => "nozzle_covered",
        0x0300_8016 => "nozzle_clog",
        _ => return None,
    })
}

/// A slot of any AMS has run out; not while its rest is purged, for then another one takes over.
fn is_runout(code: Hms) -> bool {
    let of_slot =
        matches!(code.attr >> 8 & 0xFF, 0x20..=0x23) && matches!(code.code, 0x0002_0001 | 0x0002_0005);
    let of_unit = matches!(code.attr >> 8 & 0xFF, 0x70..=0x73) && code.code == 0x0002_0007;
    matches!(code.attr >> 24, 0x07 | 0x12 | 0x18) && (of_slot || of_unit)
}

/// The stages in which a print is held (protocol 4.5).
fn of_stage(stage: Stage) -> Option<&'static str> {
    Some(match stage.0 {
        5 | 30 => "gcode",
        6 => "runout",
        16 => "user",
        17 => "cover",
        20 => "nozzle_temperature",
        21 => "bed_temperature",
        23 => "skipped_step",
        26 => "ams_lost",
        27 => "heatbreak_fan",
        28 => "chamber_temperature",
        32 => "nozzle_covered",
        33 => "cutter",
        34 => "first_layer",
        35 => "nozzle_clog",
        _ => return None,
    })
}
