//! The printer's settings as they stand, to look at. Where a setting can be switched from here, the
//! switch has the same key and topic.

use serde_json::json;

use printer::options::{Sensitivity, Setting};
use printer::{Capabilities, Snapshot};

use super::super::entity::{Entity, Value, binary, words};
use super::flag;

/// A setting that is on or off.
macro_rules! setting {
    ($key:literal, $name:literal, $setting:ident, $icon:literal) => {
        binary::<Snapshot>($key, $name, |s| flag(s.options.get(Setting::$setting)))
            .icon($icon)
            .diagnostic()
            .hidden()
            .needs(|c: &Capabilities, _| c.settings.has(Setting::$setting))
    };
}

/// A detector, with how soon it stops a print among its details.
macro_rules! detector {
    ($key:literal, $name:literal, $setting:ident, $sensitivity:ident) => {
        setting!($key, $name, $setting, "mdi:cctv").with(
            |a, b| a.options.$sensitivity != b.options.$sensitivity,
            |s| json!({ "sensitivity": s.options.$sensitivity.map(Sensitivity::name) }),
        )
    };
}

pub(super) const DOOR_CHECKS: [&str; 3] = ["off", "warn", "pause"];

pub(super) fn door_check(s: &Snapshot) -> Option<Value<'_>> {
    s.options.door_check.map(|way| Value::from(way.name()))
}

pub(super) const PURIFICATIONS: [&str; 3] = ["off", "inside", "outside"];

pub(super) fn purification(s: &Snapshot) -> Option<Value<'_>> {
    s.options.purification.map(|way| Value::from(way.name()))
}

pub(super) const BLOB_DETECTIONS: [&str; 3] = ["off", "on", "auto"];

pub(super) fn blob_detection(s: &Snapshot) -> Option<Value<'_>> {
    s.options.blob_detection.map(|way| Value::from(way.name()))
}

pub(super) const RESOLUTIONS: [&str; 2] = ["720p", "1080p"];

pub(super) fn resolution(s: &Snapshot) -> Option<Value<'_>> {
    s.options.resolution.map(|size| Value::from(size.name()))
}

/// Whether nothing that these rows read is another.
pub(super) fn same(a: &Snapshot, b: &Snapshot) -> bool {
    a.options == b.options && (a.timelapse, a.prompt_sound) == (b.timelapse, b.prompt_sound)
}

pub(super) static OPTIONS: &[Entity<Snapshot>] = &[
    binary::<Snapshot>("timelapse", "Recording timelapse", |s| flag(s.timelapse))
        .class("running")
        .icon("mdi:camera")
        .hidden()
        .needs(|c, _| c.timelapse),
    binary::<Snapshot>("recording", "Record while printing", |s| flag(s.options.get(Setting::Recording)))
        .icon("mdi:video")
        .hidden()
        .needs(|c, _| c.settings.has(Setting::Recording)),
    binary::<Snapshot>("prompt_sound", "Prompt sound", |s| flag(s.prompt_sound))
        .icon("mdi:volume-high")
        .diagnostic()
        .needs(|c, _| c.prompt_sound),
    words::<Snapshot>("door_open_check", "Door open check", || DOOR_CHECKS.to_vec(), door_check)
        .icon("mdi:door-open")
        .diagnostic()
        .hidden()
        .needs(|c, _| c.door_check),
    words::<Snapshot>(
        "air_purification",
        "Air purification after prints",
        || PURIFICATIONS.to_vec(),
        purification,
    )
    .icon("mdi:air-purifier")
    .diagnostic()
    .hidden()
    .needs(|c, _| c.purification),
    words::<Snapshot>(
        "smart_blob_detection",
        "Smart blob detection",
        || BLOB_DETECTIONS.to_vec(),
        blob_detection,
    )
    .icon("mdi:water-alert")
    .diagnostic()
    .hidden()
    .needs(|c, _| c.blob_detection),
    words::<Snapshot>("camera_resolution", "Camera resolution", || RESOLUTIONS.to_vec(), resolution)
        .icon("mdi:video-high-definition")
        .diagnostic()
        .hidden()
        .needs(|c, _| c.resolution),
    setting!("idle_heating_protection", "Idle heating protection", IdleHeatingProtection, "mdi:radiator-off"),
    setting!("snapshot_at_end", "Snapshot at the end", SnapshotAtEnd, "mdi:camera-iris"),
    setting!("auto_recovery", "Auto recovery from step loss", AutoRecovery, "mdi:restore"),
    setting!("remaining_estimate", "Remaining filament estimate", RemainingEstimate, "mdi:gauge"),
    setting!("filament_backup", "AMS filament backup", FilamentBackup, "mdi:swap-horizontal"),
    setting!("rfid_on_insert", "Read RFID on insertion", RfidOnInsert, "mdi:nfc-variant"),
    setting!("rfid_on_startup", "Read RFID at power-up", RfidOnStartup, "mdi:nfc-variant"),
    setting!("tangle_detection", "Filament tangle detection", TangleDetection, "mdi:hook"),
    setting!("nozzle_blob_detection", "Nozzle blob detection", NozzleBlobDetection, "mdi:water-alert"),
    setting!("save_to_storage", "Save sent files to storage", SaveToStorage, "mdi:content-save"),
    detector!("printing_monitor", "AI print monitoring", PrintingMonitor, monitor_sensitivity),
    detector!("spaghetti_detector", "Spaghetti detection", SpaghettiDetector, spaghetti_sensitivity),
    detector!("pileup_detector", "Purge chute pile-up detection", PileupDetector, pileup_sensitivity),
    detector!("clump_detector", "Nozzle clumping detection", ClumpDetector, clump_sensitivity),
    detector!("air_print_detection", "Air printing detection", AirPrintDetection, air_print_sensitivity),
    setting!("first_layer_inspector", "First layer inspection", FirstLayerInspector, "mdi:cctv"),
    setting!("buildplate_marker_detector", "Build plate marker detection", PlateMarkerDetector, "mdi:cctv"),
    setting!("plate_offset_detector", "Build plate offset detection", PlateOffsetDetector, "mdi:cctv"),
    setting!("foreign_object_detector", "Foreign object detection", ForeignObjectDetector, "mdi:cctv"),
    setting!("movement_detector", "Displacement detection", MovementDetector, "mdi:cctv"),
    setting!("allow_skip_parts", "Skipping of parts allowed", AllowSkipParts, "mdi:skip-next"),
];
