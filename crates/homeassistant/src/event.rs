//! What happened, as it is told on the local broker: the words of each group, the JSON of an event, and the
//! bare names that device triggers wait for.
//!
//! Words and names are for ever: people's automations are made of them. `docs/automations.md` explains them.

use jiff::Timestamp;
use serde::Serialize;

use printer::Snapshot;
use printer::cloud::TaskSlot;
use printer::consumption::Share;
use printer::event::{Event, EventSource, Group, Kind};
use printer::reason::Reason;
use printer::record::{JobClass, JobRecord, JobResult};

use super::publication::{self, Publication};
use super::topic::Topics;

/// All that can happen in a group, as `event_type` says it.
pub fn words(group: Group) -> Vec<&'static str> {
    Kind::ALL.into_iter().filter(|kind| kind.group() == group).map(Kind::word).collect()
}

/// A device trigger: something that an automation may begin with.
///
/// Home Assistant shows the subject in quotation marks and then what became of it: `"Print" finished`.
#[derive(Debug, Clone, Copy)]
pub struct Trigger {
    /// The payload it waits for.
    pub name: &'static str,
    /// Who.
    pub subject: &'static str,
    /// What became of it.
    pub what: &'static str,
    needs: fn(&Snapshot) -> bool,
}

impl Trigger {
    /// Whether it can happen to this printer.
    pub fn fits(&self, snapshot: &Snapshot) -> bool {
        (self.needs)(snapshot)
    }

    const fn only(mut self, needs: fn(&Snapshot) -> bool) -> Self {
        self.needs = needs;
        self
    }
}

const fn trigger(name: &'static str, subject: &'static str, what: &'static str) -> Trigger {
    Trigger { name, subject, what, needs: |_| true }
}

fn has_door(s: &Snapshot) -> bool {
    s.capabilities.as_ref().is_some_and(|can| can.door)
}

/// All of them. Home Assistant keeps subject and what in people's automations, so they do not change either.
pub static TRIGGERS: &[Trigger] = &[
    trigger("print_started", "Print", "started"),
    trigger("print_printing", "Print", "began to lay down filament"),
    trigger("print_first_layer", "First layer", "done"),
    trigger("print_progress_25", "Print", "reached 25 %"),
    trigger("print_progress_50", "Print", "reached 50 %"),
    trigger("print_progress_75", "Print", "reached 75 %"),
    trigger("print_progress_95", "Print", "reached 95 %"),
    trigger("layer_reached", "Print", "reached a layer that was named")
        .only(|s| !s.policy.notify_layers.is_empty()),
    trigger("print_paused", "Print", "paused"),
    trigger("print_paused_wanted", "Print", "paused as wanted (by a person or the file)"),
    trigger("print_paused_unwanted", "Print", "paused by itself"),
    trigger("print_runout", "Filament", "ran out"),
    trigger("print_resumed", "Print", "resumed"),
    trigger("print_finishing", "Print", "is about to finish"),
    trigger("print_finished", "Print", "finished"),
    trigger("print_failed", "Print", "failed"),
    trigger("print_cancelled", "Print", "cancelled"),
    trigger("print_ended", "Print", "ended (finished, failed or cancelled)"),
    trigger("calibration_finished", "Calibration", "finished"),
    trigger("calibration_failed", "Calibration", "failed"),
    trigger("error_raised", "Print error", "appeared"),
    trigger("error_cleared", "Print error", "is gone"),
    trigger("hms_raised", "Health message", "appeared"),
    trigger("hms_cleared", "Health message", "is gone"),
    trigger("filament_changed", "Filament", "changed").only(|s| !s.ams.is_empty()),
    trigger("ams_drying_finished", "AMS drying", "finished").only(|s| s.ams.iter().any(|ams| ams.can.dries)),
    trigger("printer_online", "Printer", "came online"),
    trigger("printer_offline", "Printer", "went offline"),
    trigger("offline_while_printing", "Printer", "went offline while printing"),
    trigger("safe_to_power_off", "Printer", "is safe to switch off"),
    trigger("bed_cooled", "Bed", "has cooled down"),
    trigger("door_opened_while_printing", "Door", "was opened while printing").only(has_door),
    trigger("door_open_while_hot", "Door", "is open while it is hot inside").only(has_door),
    trigger("firmware_available", "Firmware", "update available"),
];

/// How and when an event is told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Telling {
    /// When.
    pub at: Timestamp,
    /// Whether it was perhaps told before: the program or the broker went away before it was acknowledged.
    pub again: bool,
}

/// An event's message; `QoS` 1 and never retained (protocol 21.3).
pub fn message(topics: &Topics, who: &Snapshot, event: &Event, telling: Telling) -> Publication {
    let reason = told_reason(who, event);
    let payload = Payload {
        event_type: event.kind.word(),
        event_id: &event.id,
        seq: event.seq,
        ts: exactly(telling.at),
        at: exactly(event.at),
        late: event.is_late(telling.at),
        redelivered: telling.again,
        inferred: event.inferred,
        source: event.source,
        message: sentence(who, event),
        printer: Printer {
            serial: who.identity.serial.as_str(),
            name: who.name(),
            model: &who.identity.model,
        },
        job: event.job.as_deref().map(|record| job(record, who.policy.privacy.job_names)),
        reason: reason.as_ref(),
        count: event.count,
    };
    // Cannot fail: plain words and numbers.
    let payload = serde_json::to_string(&payload).unwrap_or_default();
    let topic = topics.event(&who.identity.serial, event.group().word());
    Publication::new(publication::Kind::Moment, topic, payload)
}

/// Keys in the order in which a person reads them; Home Assistant wants `event_type` and shows the rest as
/// attributes. A key is never left out: what is not known is null.
#[derive(Serialize)]
struct Payload<'a> {
    event_type: &'a str,
    event_id: &'a str,
    seq: u64,
    ts: Timestamp,
    at: Timestamp,
    late: bool,
    redelivered: bool,
    inferred: bool,
    source: EventSource,
    message: String,
    printer: Printer<'a>,
    job: Option<Job<'a>>,
    reason: Option<&'a Reason>,
    count: Option<u32>,
}

#[derive(Serialize)]
struct Printer<'a> {
    serial: &'a str,
    name: &'a str,
    model: &'a str,
}

#[derive(Serialize)]
struct Job<'a> {
    key: &'a str,
    class: JobClass,
    name: Option<&'a str>,
    result: Option<JobResult>,
    task_id: Option<&'a str>,
    subtask_id: Option<&'a str>,
    print_type: Option<&'a str>,
    started_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    duration_s: Option<u64>,
    paused_s: u64,
    progress: Option<u8>,
    layer: Option<u32>,
    total_layers: Option<u32>,
    filament_g: Option<f64>,
    filament_m: Option<f64>,
    filament_plan_g: Option<f64>,
    per_slot: Vec<OfSlot<'a>>,
    energy_kwh: Option<f64>,
    cost: Option<f64>,
}

#[derive(Serialize)]
struct OfSlot<'a> {
    slot: printer::Text,
    filament_id: Option<&'a str>,
    material: Option<&'a str>,
    color: Option<String>,
    weight_g: Option<f64>,
    plan_g: Option<f64>,
}

fn job(record: &JobRecord, named: bool) -> Job<'_> {
    let share = Share::of_job(record);
    Job {
        key: &record.key,
        class: record.class,
        name: record.name.as_deref().filter(|_| named),
        result: record.result,
        task_id: record.task_id.as_deref(),
        subtask_id: record.subtask_id.as_deref(),
        print_type: record.origin.as_deref(),
        started_at: record.started_at.map(exactly),
        ended_at: record.ended_at.map(exactly),
        duration_s: record.duration_s(),
        paused_s: record.paused_s,
        progress: record.progress,
        layer: record.layer,
        total_layers: record.total_layers,
        filament_g: taken(share, record.planned_g),
        filament_m: taken(share, record.planned_m),
        filament_plan_g: planned(record.planned_g),
        per_slot: record.slots.iter().map(|slot| of_slot(slot, share)).collect(),
        energy_kwh: record.energy_kwh.map(|v| rounded(v, 3)),
        cost: record.cost.map(|v| rounded(v, 2)),
    }
}

/// What a job took of something that was planned, or has taken so far, to the hundredth.
pub(super) fn taken(share: Option<Share>, planned: Option<f32>) -> Option<f64> {
    Some(rounded(share?.times(planned?), 2))
}

/// The slicer's figure, to the hundredth.
pub(super) fn planned(figure: Option<f32>) -> Option<f64> {
    figure.map(|figure| rounded(f64::from(figure), 2))
}

fn of_slot(slot: &TaskSlot, share: Option<Share>) -> OfSlot<'_> {
    OfSlot {
        slot: slot.source().label().unwrap_or_default(),
        filament_id: slot.filament_id.as_deref(),
        material: slot.material.as_deref(),
        color: slot.color.as_deref().map(color),
        weight_g: taken(share, slot.weight_g),
        plan_g: planned(slot.weight_g),
    }
}

/// A color in its usual form, `#RRGGBB`: the cloud's digits have no mark, and two more for the opacity.
pub(super) fn color(digits: &str) -> String {
    let digits = digits.trim_start_matches('#');
    format!("#{}", digits.get(..6).unwrap_or(digits).to_ascii_uppercase())
}

/// To the millisecond: not every program reads more decimals than that.
pub(super) fn exactly(moment: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(moment.as_millisecond()).unwrap_or(moment)
}

pub(super) fn rounded(value: f64, decimals: i32) -> f64 {
    let scale = 10_f64.powi(decimals);
    (value * scale).round() / scale
}

/// Whether what became of a command is not told in words: these have names of objects and files, which the owner keeps
/// off the broker.
pub fn keeps_words(who: &Snapshot, command: &str) -> bool {
    !who.policy.privacy.job_names && matches!(command, "action/skip_objects" | "action/print")
}

/// Why it happened, as far as that is for everybody.
fn told_reason(who: &Snapshot, event: &Event) -> Option<Reason> {
    let reason = event.reason.clone()?;
    let withheld = event.kind == Kind::CommandRefused && keeps_words(who, &reason.kind);
    Some(if withheld { Reason { text: None, ..reason } } else { reason })
}

/// What happened in a sentence for a notification: who, what, and why or how long.
fn sentence(who: &Snapshot, event: &Event) -> String {
    let printer = who.name();
    let job = event.job.as_deref();
    let name = job.and_then(|job| job.name.as_deref()).filter(|_| who.policy.privacy.job_names);
    let name = name.unwrap_or("the print");
    let took =
        job.and_then(JobRecord::duration_s).map(|s| format!(" after {}", duration(s))).unwrap_or_default();
    let reason = told_reason(who, event);
    let reason = reason.as_ref();
    // The vendor's texts end with a full stop of their own, or not.
    let text = reason.and_then(|reason| reason.text.as_deref()).map(|text| text.trim().trim_end_matches('.'));
    let code = reason.and_then(|reason| reason.code.as_deref());
    let because = match (text, reason.map(|reason| reason.kind.as_str()).unwrap_or_default(), code) {
        (Some(text), ..) => format!(": {text}"),
        (_, "user", _) => " by a person".into(),
        (_, "gateway", _) => " by a command".into(),
        // Of these only the code says anything.
        (_, "" | "error" | "hms", code) => code.map(|code| format!(" ({code})")).unwrap_or_default(),
        (_, kind, _) => format!(": {}", kind.replace('_', " ")),
    };
    let what = match event.kind {
        Kind::Started => format!("{name} started"),
        Kind::Printing => format!("{name} is being printed now"),
        Kind::FirstLayer => format!("the first layer of {name} is done"),
        Kind::Progress(percent) => format!("{name} is at {percent} %"),
        Kind::LayerReached => format!("{name} reached layer {}", text.unwrap_or("?")),
        Kind::Paused => format!("{name} is paused{because}"),
        Kind::RunOut => format!("filament ran out during {name}{because}"),
        Kind::Resumed => match event.count {
            Some(count @ 2..) => format!("{name} goes on after {count} pauses"),
            _ => format!("{name} goes on"),
        },
        Kind::Finishing => format!("{name} is about to finish"),
        Kind::Finished => format!("{name} finished{took}"),
        Kind::Failed => format!("{name} failed{took}{because}"),
        Kind::Cancelled => format!("{name} was cancelled{took}{because}"),
        Kind::Lost => format!("nobody knows what became of {name}"),
        Kind::OfflineWhilePrinting => format!("went offline during {name}"),
        Kind::Reconnected => format!("is back, {name} goes on"),
        Kind::DoorOpened => format!("the door was opened during {name}"),
        Kind::CalibrationStarted => "calibration started".into(),
        Kind::CalibrationFinished => "calibration finished".into(),
        Kind::CalibrationFailed => format!("calibration failed{because}"),
        Kind::ErrorRaised => format!("print error{because}"),
        Kind::ErrorCleared => format!("the print error is gone{because}"),
        Kind::HmsRaised => format!("health message{because}"),
        Kind::HmsCleared => format!("the health message is gone{because}"),
        Kind::DryingFinished => "drying finished".into(),
        Kind::FilamentChanged => format!("changed filament{because}"),
        Kind::Online => "came online".into(),
        Kind::Offline => "went offline".into(),
        Kind::SafeToPowerOff => "may be switched off now".into(),
        Kind::DoorOpenHot => "the door is open and it is hot inside".into(),
        Kind::BedCooled => "the bed has cooled down".into(),
        Kind::FirmwareAvailable => format!("new firmware{because}"),
        Kind::CommandRefused => {
            let command = reason.map(|reason| reason.kind.as_str()).unwrap_or_default();
            format!("`{command}` was refused: {}", text.unwrap_or("nobody knows why"))
        }
    };
    format!("{printer}: {what}")
}

/// A duration as people say it.
fn duration(seconds: u64) -> String {
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds} s"),
        (0, _) => format!("{minutes} min"),
        (_, 0) => format!("{hours} h"),
        _ => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_word_is_one_of_its_group_and_every_trigger_is_pulled() {
        let mut pulled = BTreeSet::new();
        for kind in Kind::ALL {
            assert!(words(kind.group()).contains(&kind.word()), "{kind:?}");
            pulled.extend(kind.triggers().iter().copied());
        }
        for group in Group::ALL {
            let words = words(group);
            assert_eq!(words.iter().collect::<BTreeSet<_>>().len(), words.len(), "{group:?}: a word twice");
        }
        let known: BTreeSet<_> = TRIGGERS.iter().map(|trigger| trigger.name).collect();
        assert_eq!(known.len(), TRIGGERS.len(), "a name twice");
        assert_eq!(known, pulled);
        let shown: BTreeSet<_> = TRIGGERS.iter().map(|trigger| (trigger.subject, trigger.what)).collect();
        assert_eq!(shown.len(), TRIGGERS.len(), "Home Assistant refuses a second one of the same name");
    }

    #[test]
    fn durations_are_those_of_people() {
        let all =
            [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3600, "1 h"), (108_000, "30 h"), (5025, "1 h 23 min")];
        for (seconds, words) in all {
            assert_eq!(duration(seconds), words);
        }
    }
}
