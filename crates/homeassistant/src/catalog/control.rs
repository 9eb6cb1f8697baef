//! What can be done with it.

use printer::command::permit::Class;
use printer::command::{AmsAnswer, Buzzer, Step};
use printer::options::{BlobDetection, Choice, DoorCheck, Purification, Resolution, Sensitivity, Setting};
use printer::tools::AirductMode;
use printer::{Capabilities, Command, FanKind, LightKind, Side, Snapshot, Speed, Steps};

use super::super::entity::{Entity, Platform, Value, button, control};
use super::options::{
    BLOB_DETECTIONS, DOOR_CHECKS, PURIFICATIONS, RESOLUTIONS, blob_detection, door_check, purification,
    resolution,
};
use super::{SPEEDS, flag, percent, speed, target};

fn to_speed((): (), index: usize) -> Option<Command> {
    [Speed::Silent, Speed::Standard, Speed::Sport, Speed::Ludicrous].get(index).copied().map(Command::Speed)
}

const AIRDUCTS: [&str; 2] = ["cooling", "heating"];

fn to_airduct((): (), index: usize) -> Option<Command> {
    [AirductMode::Cooling, AirductMode::Heating].get(index).copied().map(Command::Airduct)
}

fn airduct(s: &Snapshot) -> Option<Value<'_>> {
    match s.machine.airduct? {
        AirductMode::Cooling => Some("cooling".into()),
        AirductMode::Heating => Some("heating".into()),
        AirductMode::Laser => None,
    }
}

const TONES: [&str; 2] = ["alarm", "beep"];

fn to_buzzer((): (), tone: Option<usize>) -> Command {
    Command::Buzzer(match tone {
        None => Buzzer::Silent,
        Some(0) => Buzzer::Alarm,
        Some(_) => Buzzer::Beep,
    })
}

/// A setting to switch, under the key and the name of the row that shows it.
macro_rules! setting {
    ($key:literal, $name:literal, $class:ident, $setting:ident, $icon:literal) => {
        control::<Snapshot>(
            $key,
            $name,
            Class::$class,
            Platform::Switch(|(), on| Command::Setting(Setting::$setting, on)),
            |s| flag(s.options.get(Setting::$setting)),
        )
        .icon($icon)
        .config()
        .hidden()
        .needs(|c: &Capabilities, _| c.settings.has(Setting::$setting))
    };
}

/// A setting of several ways to choose from, under the key and the name of the row that shows it.
macro_rules! choice {
    ($key:literal, $name:literal, $class:ident, $ways:ident, $choice:ident, $way:ident, $read:expr, $icon:literal) => {
        control::<Snapshot>(
            $key,
            $name,
            Class::$class,
            Platform::Select(&$ways, |(), index| {
                $way::ALL.get(index).copied().map(|way| Command::Choose(Choice::$choice(way)))
            }),
            $read,
        )
        .icon($icon)
        .config()
        .hidden()
    };
}

const GRADES: [&str; 3] = ["low", "medium", "high"];
const GRADES_OR_NEVER: [&str; 4] = ["low", "medium", "high", "never_halt"];

fn grade(index: usize) -> Option<Sensitivity> {
    [Sensitivity::Low, Sensitivity::Medium, Sensitivity::High, Sensitivity::NeverHalt].get(index).copied()
}

/// How soon a detector stops a print.
macro_rules! sensitivity {
    ($key:literal, $name:literal, $setting:ident, $grades:ident) => {
        control::<Snapshot>(
            $key,
            $name,
            Class::Camera,
            Platform::Select(&$grades, |(), index| {
                Some(Command::Sensitivity(Setting::$setting, grade(index)?))
            }),
            |s| {
                let grade = s.options.sensitivity(Setting::$setting)?.name();
                // Old firmware has one word for all of them.
                $grades.contains(&grade).then(|| grade.into())
            },
        )
        .icon("mdi:tune")
        .config()
        .hidden()
        .needs(|c: &Capabilities, _| c.settings.has(Setting::$setting))
    };
}

/// A step of the calibration by itself.
macro_rules! calibration {
    ($key:literal, $name:literal, $step:ident) => {
        button::<Snapshot>($key, $name, Class::Motion, |()| Command::Calibrate(Steps::only(Step::$step)))
            .icon("mdi:ruler-square")
            .config()
            .hidden()
            .needs(|c: &Capabilities, _| c.requests.calibrations.has(Step::$step))
    };
}

fn has_ams(s: &Snapshot) -> bool {
    !s.ams.is_empty()
}

/// Whether nothing that these rows publish is another; most of them share the value of a row that only shows it.
pub(super) fn same(a: &Snapshot, b: &Snapshot) -> bool {
    a.fans == b.fans
        && a.options == b.options
        && (a.chamber_light, a.heatbed_light, a.work_light)
            == (b.chamber_light, b.heatbed_light, b.work_light)
}

pub(super) static CONTROL: &[Entity<Snapshot>] = &[
    control::<Snapshot>(
        "nozzle_target",
        "Nozzle target temperature",
        Class::Heat,
        Platform::Number(|c| c.nozzle_max, |(), v| Command::NozzleTarget(Side::Right, v)),
        |s| target(s.nozzle(Side::Right)),
    )
    .heat()
    .needs(|c, _| !c.dual_nozzle),
    control::<Snapshot>(
        "left_nozzle_target",
        "Left nozzle target temperature",
        Class::Heat,
        Platform::Number(|c| c.nozzle_max, |(), v| Command::NozzleTarget(Side::Left, v)),
        |s| target(s.nozzle(Side::Left)),
    )
    .heat()
    .needs(|c, _| c.dual_nozzle),
    control::<Snapshot>(
        "right_nozzle_target",
        "Right nozzle target temperature",
        Class::Heat,
        Platform::Number(|c| c.nozzle_max, |(), v| Command::NozzleTarget(Side::Right, v)),
        |s| target(s.nozzle(Side::Right)),
    )
    .heat()
    .needs(|c, _| c.dual_nozzle),
    control::<Snapshot>(
        "bed_target",
        "Bed target temperature",
        Class::Heat,
        Platform::Number(|c| c.bed_max, |(), v| Command::BedTarget(v)),
        |s| target(s.bed),
    )
    .heat(),
    control::<Snapshot>(
        "chamber_target",
        "Chamber target temperature",
        Class::Heat,
        Platform::Number(|c| c.chamber_max, |(), v| Command::ChamberTarget(v)),
        |s| target(s.chamber),
    )
    .heat()
    .needs(|c, _| c.chamber_heater),
    control::<Snapshot>(
        "airduct_mode",
        "Airduct mode",
        Class::Adjust,
        Platform::Select(&AIRDUCTS, to_airduct),
        airduct,
    )
    .icon("mdi:air-filter")
    .config()
    // Shared with the sensor, which may also say `laser`; that is nobody's choice.
    .template("{{ VALUE if VALUE in ['cooling', 'heating'] else 'None' }}")
    .needs(|c, _| c.airduct && c.requests.airduct_heating),
    control::<Snapshot>("part_fan", "Cooling fan", Class::Adjust, Platform::Fan(FanKind::Part), |s| {
        percent(s.fans.part.percent)
    }),
    control::<Snapshot>("aux_fan", "Aux fan", Class::Adjust, Platform::Fan(FanKind::Aux), |s| {
        percent(s.fans.aux.percent)
    })
    .needs(|c, _| c.aux_fan),
    control::<Snapshot>("chamber_fan", "Chamber fan", Class::Adjust, Platform::Fan(FanKind::Chamber), |s| {
        percent(s.fans.chamber.percent)
    })
    .needs(|c, _| c.chamber_fan),
    control::<Snapshot>(
        "secondary_aux_fan",
        "Secondary aux fan",
        Class::Adjust,
        Platform::Fan(FanKind::SecondAux),
        |s| percent(s.fans.second_aux.percent),
    )
    .needs(|c, _| c.second_aux_fan),
    control::<Snapshot>(
        "chamber_light",
        "Chamber light",
        Class::Light,
        Platform::Light(|(), on| Command::Light(LightKind::Chamber, on)),
        |s| flag(s.chamber_light),
    )
    .effect("flash", |()| Command::FlashLight)
    .needs(|c, _| c.chamber_light),
    control::<Snapshot>(
        "heatbed_light",
        "Heatbed light",
        Class::Light,
        Platform::Light(|(), on| Command::Light(LightKind::Heatbed, on)),
        |s| flag(s.heatbed_light),
    )
    .hidden()
    .needs(|c, _| c.requests.heatbed_light),
    control::<Snapshot>(
        "work_light",
        "Work light",
        Class::Light,
        Platform::Light(|(), on| Command::Light(LightKind::Work, on)),
        |s| flag(s.work_light),
    )
    .needs(|c, _| c.work_light)
    .hidden(),
    control::<Snapshot>(
        "speed_profile",
        "Printing speed",
        Class::Adjust,
        Platform::Select(&SPEEDS, to_speed),
        speed,
    )
    .icon("mdi:speedometer"),
    control::<Snapshot>(
        "timelapse",
        "Timelapse",
        Class::Camera,
        Platform::Switch(|(), on| Command::Timelapse(on)),
        |s| flag(s.timelapse),
    )
    .icon("mdi:camera")
    .config()
    .needs(|c, _| c.timelapse),
    control::<Snapshot>(
        "prompt_sound",
        "Prompt sound",
        Class::Option,
        Platform::Switch(|(), on| Command::PromptSound(on)),
        |s| flag(s.prompt_sound),
    )
    .icon("mdi:volume-high")
    .config()
    .needs(|c, _| c.prompt_sound),
    control::<Snapshot>(
        "recording",
        "Record while printing",
        Class::Camera,
        Platform::Switch(|(), on| Command::Setting(Setting::Recording, on)),
        |s| flag(s.options.get(Setting::Recording)),
    )
    .icon("mdi:video")
    .config()
    .needs(|c, _| c.settings.has(Setting::Recording)),
    choice!(
        "door_open_check",
        "Door open check",
        Option,
        DOOR_CHECKS,
        DoorCheck,
        DoorCheck,
        door_check,
        "mdi:door-open"
    )
    .needs(|c, _| c.door_check),
    choice!(
        "air_purification",
        "Air purification after prints",
        Option,
        PURIFICATIONS,
        Purification,
        Purification,
        purification,
        "mdi:air-purifier"
    )
    .needs(|c, _| c.purification),
    choice!(
        "smart_blob_detection",
        "Smart blob detection",
        Option,
        BLOB_DETECTIONS,
        BlobDetection,
        BlobDetection,
        blob_detection,
        "mdi:water-alert"
    )
    .needs(|c, _| c.blob_detection),
    choice!(
        "camera_resolution",
        "Camera resolution",
        Camera,
        RESOLUTIONS,
        Resolution,
        Resolution,
        resolution,
        "mdi:video-high-definition"
    )
    .needs(|c, _| c.requests.resolution),
    control::<Snapshot>(
        "cooling_filter",
        "Cooling filter",
        Class::Adjust,
        Platform::Switch(|(), on| Command::CoolingFilter(on)),
        |s| flag(s.machine.filtering),
    )
    .icon("mdi:air-filter")
    .config()
    .hidden()
    .needs(|c, _| c.requests.cooling_filter),
    setting!(
        "idle_heating_protection",
        "Idle heating protection",
        Option,
        IdleHeatingProtection,
        "mdi:radiator-off"
    ),
    setting!("snapshot_at_end", "Snapshot at the end", Camera, SnapshotAtEnd, "mdi:camera-iris"),
    setting!("save_to_storage", "Save sent files to storage", Option, SaveToStorage, "mdi:content-save")
        .needs(|c, _| c.settings.has(Setting::SaveToStorage) && c.requests.save_to_storage),
    setting!("auto_recovery", "Auto recovery from step loss", Option, AutoRecovery, "mdi:restore"),
    setting!("filament_backup", "AMS filament backup", Option, FilamentBackup, "mdi:swap-horizontal"),
    setting!("rfid_on_insert", "Read RFID on insertion", Option, RfidOnInsert, "mdi:nfc-variant"),
    setting!("rfid_on_startup", "Read RFID at power-up", Option, RfidOnStartup, "mdi:nfc-variant"),
    setting!("remaining_estimate", "Remaining filament estimate", Option, RemainingEstimate, "mdi:gauge"),
    setting!("tangle_detection", "Filament tangle detection", Option, TangleDetection, "mdi:hook"),
    setting!(
        "nozzle_blob_detection",
        "Nozzle blob detection",
        Option,
        NozzleBlobDetection,
        "mdi:water-alert"
    ),
    setting!("printing_monitor", "AI print monitoring", Camera, PrintingMonitor, "mdi:cctv"),
    setting!("spaghetti_detector", "Spaghetti detection", Camera, SpaghettiDetector, "mdi:cctv"),
    setting!("pileup_detector", "Purge chute pile-up detection", Camera, PileupDetector, "mdi:cctv"),
    setting!("clump_detector", "Nozzle clumping detection", Camera, ClumpDetector, "mdi:cctv"),
    setting!("air_print_detection", "Air printing detection", Option, AirPrintDetection, "mdi:cctv"),
    setting!("first_layer_inspector", "First layer inspection", Camera, FirstLayerInspector, "mdi:cctv"),
    setting!(
        "buildplate_marker_detector",
        "Build plate marker detection",
        Camera,
        PlateMarkerDetector,
        "mdi:cctv"
    ),
    setting!(
        "plate_offset_detector",
        "Build plate offset detection",
        Camera,
        PlateOffsetDetector,
        "mdi:cctv"
    ),
    setting!(
        "foreign_object_detector",
        "Foreign object detection",
        Camera,
        ForeignObjectDetector,
        "mdi:cctv"
    ),
    setting!("movement_detector", "Displacement detection", Camera, MovementDetector, "mdi:cctv"),
    setting!("allow_skip_parts", "Skipping of parts allowed", Camera, AllowSkipParts, "mdi:skip-next"),
    sensitivity!(
        "printing_monitor_sensitivity",
        "AI print monitoring sensitivity",
        PrintingMonitor,
        GRADES_OR_NEVER
    ),
    sensitivity!("spaghetti_sensitivity", "Spaghetti detection sensitivity", SpaghettiDetector, GRADES),
    sensitivity!("pileup_sensitivity", "Purge chute pile-up sensitivity", PileupDetector, GRADES),
    sensitivity!("clump_sensitivity", "Nozzle clumping sensitivity", ClumpDetector, GRADES),
    sensitivity!("air_print_sensitivity", "Air printing sensitivity", AirPrintDetection, GRADES)
        .needs(|c, _| c.requests.air_print_camera),
    // The printer does not tell whether it sounds, so its state stays unknown.
    control::<Snapshot>("buzzer", "Buzzer", Class::Option, Platform::Siren(&TONES, to_buzzer), |_| None)
        .icon("mdi:alarm-light")
        .config()
        // A fire alarm is nothing to press by mistake.
        .hidden()
        .needs(|c, _| c.requests.buzzer),
    button::<Snapshot>("pause", "Pause printing", Class::Pause, |()| Command::Pause).icon("mdi:pause"),
    button::<Snapshot>("resume", "Resume printing", Class::Resume, |()| Command::Resume).icon("mdi:play"),
    button::<Snapshot>("stop", "Stop printing", Class::Stop, |()| Command::Stop).icon("mdi:stop"),
    button::<Snapshot>("unload_filament", "Unload filament", Class::Filament, |()| Command::Unload {
        side: None,
        celsius: None,
    })
    .icon("mdi:tray-arrow-up")
    .hidden(),
    button::<Snapshot>("retry_filament", "Retry filament loading", Class::Answer, |()| {
        Command::AmsControl(AmsAnswer::Resume)
    })
    .icon("mdi:autorenew")
    .needs(|_, s| has_ams(s)),
    button::<Snapshot>("done_filament", "Filament loading done", Class::Answer, |()| {
        Command::AmsControl(AmsAnswer::Done)
    })
    .icon("mdi:check")
    .needs(|_, s| has_ams(s)),
    button::<Snapshot>("clear_error", "Clear error", Class::Option, |()| Command::ClearError)
        .icon("mdi:alert-remove-outline")
        .diagnostic(),
    button::<Snapshot>("ignore_error", "Ignore error and go on", Class::Resume, |()| Command::IgnoreError)
        .icon("mdi:alert-minus-outline")
        .hidden(),
    button::<Snapshot>("end_purification", "End air purification", Class::Option, |()| {
        Command::EndPurification
    })
    .icon("mdi:air-purifier-off")
    .hidden()
    .needs(|c, _| c.purification),
    button::<Snapshot>("refresh_rack", "Look at hotend rack", Class::Motion, |()| Command::ReadRack)
        .icon("mdi:printer-3d-nozzle")
        .config()
        .hidden()
        .needs(|c, _| c.hotend_rack),
    button::<Snapshot>("home", "Home all axes", Class::Motion, |()| Command::Home)
        .icon("mdi:home-import-outline")
        .config()
        .hidden(),
    calibration!("calibrate_bed_leveling", "Calibrate bed leveling", BedLeveling),
    calibration!("calibrate_vibration", "Calibrate vibration compensation", Vibration),
    calibration!("calibrate_motor_noise", "Calibrate motor noise", MotorNoise),
    calibration!("calibrate_lidar", "Calibrate lidar", Lidar),
    calibration!("calibrate_nozzle_offset", "Calibrate nozzle offset", NozzleOffset),
    button::<Snapshot>("refresh", "Force refresh data", Class::Ask, |()| Command::Refresh)
        .icon("mdi:refresh")
        .diagnostic()
        .lasting()
        .early(),
];
