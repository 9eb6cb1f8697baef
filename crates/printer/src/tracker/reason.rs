//! Why a job is held or ended, in one word and in the vendor's.

use crate::health::{Hms, Module, PrintError, Told};
use crate::reason::{Reason, is_wanted};
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

/// Why a print is held: the error that came with it, filament that a health message misses, the stage, and where none
/// of them says it, the health message that came with it.
pub(super) fn of_pause(health: &Health, stage: Option<Stage>, news: Option<&Told<Hms>>) -> Reason {
    let by_error = health.error.as_ref().filter(|error| !error.code.is_cancel());
    let by_stage = stage.and_then(of_stage);
    if let Some((told, kind)) = by_error.and_then(|told| Some((told, of_error(told.code)?))) {
        // Firmware does not agree on which code is a person's and which the file's.
        let by_stage = by_stage.filter(|stage| is_wanted(kind) && is_wanted(stage));
        return error(told, by_stage.unwrap_or(kind));
    }
    if by_stage.is_none_or(|kind| kind == "runout")
        && let Some(told) = health.messages.iter().find(|told| told.code.is_runout())
    {
        return hms(told, "runout");
    }
    match (by_stage, by_error, news) {
        (Some(kind), Some(told), _) => error(told, kind),
        (Some(kind), None, _) => word(kind),
        (None, Some(told), _) if told.code.module().feeds() => error(told, "ams"),
        (None, _, Some(told)) => hms(told, of_message(told.code)),
        (None, Some(told), None) => error(told, "error"),
        (None, None, None) => Reason::default(),
    }
}

/// What a health message is about that holds a print.
fn of_message(code: Hms) -> &'static str {
    match code.module() {
        module if module.feeds() => "ams",
        Module::Camera => "camera",
        _ => "hms",
    }
}

/// What an error that stands says of the end of a print.
pub(super) fn of_failure(health: &Health) -> Option<Reason> {
    health.error.as_ref().filter(|error| !error.code.is_wanted()).map(of_fault)
}

/// An error that is a fault.
pub(super) fn of_fault(told: &Told<PrintError>) -> Reason {
    error(told, of_error(told.code).unwrap_or(if told.code.module().feeds() { "ams" } else { "error" }))
}

/// What the printers' common errors are about, where that decides what a person does next.
fn of_error(code: PrintError) -> Option<&'static str> {
    if code.is_runout() {
        return Some("runout");
    }
    Some(match code.0 {
        0x0300_8001 => "user",
        0x0300_8002 => "first_layer",
        0x0300_8003 => "spaghetti",
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
