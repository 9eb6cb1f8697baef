//! Print options, the camera and what it looks for, the AMS units' settings, errors (protocol 5.4, 5.8,
//! 5.9 and 5.11).

use serde_json::{Value, json};

use printer::Observed;
use printer::options::{BlobDetection, Choice, DoorCheck, Purification, Sensitivity, Setting};

use super::{Body, Dialect, print};

pub(super) fn camera(command: &'static str, on: bool) -> Vec<Body> {
    vec![("camera", command, json!({"control": if on { "enable" } else { "disable" }}))]
}

/// One option per message (protocol 5.9).
pub(super) fn setting(dialect: &Dialect, printer: &Observed, setting: Setting, on: bool) -> Vec<Body> {
    let option = |members: Value| print("print_option", members);
    match setting {
        Setting::AutoRecovery => option(json!({"auto_recovery": on, "option": u8::from(on)})),
        Setting::TangleDetection => option(json!({"filament_tangle_detect": on})),
        Setting::NozzleBlobDetection => option(json!({"nozzle_blob_detect": on})),
        Setting::FilamentBackup => option(json!({"auto_switch_filament": on})),
        Setting::AirPrintDetection if !dialect.air_print_camera => option(json!({"air_print_detect": on})),
        Setting::Recording => camera("ipcam_record_set", on),
        Setting::SnapshotAtEnd => camera("ipcam_cap_pic_set", on),
        Setting::SaveToStorage => vec![("system", "print_cache_set", json!({"config": on}))],
        Setting::IdleHeatingProtection => print("set_against_continued_heating_mode", json!({"enable": on})),
        Setting::RfidOnInsert | Setting::RfidOnStartup | Setting::RemainingEstimate => {
            // All three always; `permit` saw that they are known.
            let value = |other: Setting| {
                if other == setting { on } else { printer.options.get(other).unwrap_or_default() }
            };
            print(
                "ams_user_setting",
                json!({
                    "ams_id": -1,
                    "startup_read_option": value(Setting::RfidOnStartup),
                    "tray_read_option": value(Setting::RfidOnInsert),
                    "calibrate_remain_flag": value(Setting::RemainingEstimate),
                }),
            )
        }
        detector_of_camera => {
            detector(detector_of_camera, on, printer.options.sensitivity(detector_of_camera))
        }
    }
}

/// A thing that the camera looks for, and how soon that stops a print.
pub(super) fn detector(detector: Setting, on: bool, sensitivity: Option<Sensitivity>) -> Vec<Body> {
    let (module, graded) = match detector {
        Setting::PrintingMonitor => ("printing_monitor", true),
        Setting::SpaghettiDetector => ("spaghetti_detector", true),
        Setting::PileupDetector => ("pileup_detector", true),
        Setting::ClumpDetector => ("clump_detector", true),
        Setting::AirPrintDetection => ("airprint_detector", true),
        Setting::FirstLayerInspector => ("first_layer_inspector", false),
        Setting::PlateMarkerDetector => ("buildplate_marker_detector", false),
        Setting::PlateOffsetDetector => ("plate_offset_switch", false),
        Setting::AllowSkipParts => ("allow_skip_parts", false),
        Setting::ForeignObjectDetector => ("fod_check", false),
        Setting::MovementDetector => ("model_movement_check", false),
        _ => return Vec::new(),
    };
    // Older firmware reads `control`, newer `enable`.
    let mut members = json!({"module_name": module, "control": on, "enable": on, "print_halt": true});
    if let (true, Some(members)) = (graded, members.as_object_mut()) {
        let word = sensitivity.unwrap_or(Sensitivity::Medium).name();
        members.insert("halt_print_sensitivity".into(), word.into());
    }
    vec![("xcam", "xcam_control_set", members)]
}

/// A setting of more than two ways.
pub(super) fn choose(choice: Choice) -> Vec<Body> {
    match choice {
        Choice::DoorCheck(way) => {
            let number = match way {
                DoorCheck::Off => 0,
                DoorCheck::Warn => 1,
                DoorCheck::Pause => 2,
            };
            vec![("system", "set_door_stat", json!({"config": number}))]
        }
        Choice::Purification(way) => {
            let number = match way {
                Purification::Off => 0,
                Purification::Inside => 1,
                Purification::Outside => 2,
            };
            print("print_option", json!({"air_purification": number}))
        }
        Choice::BlobDetection(way) => {
            let number = match way {
                BlobDetection::Off => 0,
                BlobDetection::On => 1,
                BlobDetection::Auto => 2,
            };
            print("print_option", json!({"nozzle_blob_detect_v2": number}))
        }
        Choice::Resolution(size) => {
            vec![("camera", "ipcam_resolution_set", json!({"resolution": size.name()}))]
        }
    }
}

/// Skips the check that holds the print, and goes on. The code is decimal here: printers reject others without a
/// word (protocol 5.4).
pub(super) fn ignore_error(printer: &Observed) -> Vec<Body> {
    let Some(error) = printer.error else { return Vec::new() };
    let job = printer.job.told_id.as_deref().unwrap_or_default();
    print("ignore", json!({"err": error.0.to_string(), "param": "reserve", "job_id": job}))
}

/// Answers a question at rest: not now, or never again.
pub(super) fn dismiss_error(printer: &Observed, forever: bool) -> Vec<Body> {
    let Some(error) = printer.error else { return Vec::new() };
    print("idle_ignore", json!({"err": error.0.to_string(), "type": u8::from(forever)}))
}

/// Closes the message on the printer's screen; what caused it stays (protocol 5.4).
pub(super) fn clear_error(printer: &Observed) -> Vec<Body> {
    let Some(error) = printer.error else { return Vec::new() };
    let mut requests = print("clean_print_error", json!({"subtask_id": "0", "print_error": error.0}));
    let dialog = json!({"name": "print_error", "action": "close", "source": 1, "type": "dialog",
        "err": format!("{:08X}", error.0)});
    requests.push(("system", "uiop", dialog));
    requests
}
