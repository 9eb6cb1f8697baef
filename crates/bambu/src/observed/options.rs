//! The printer's settings: bits of `cfg` or `home_flag`, and what the camera looks for (protocol 4.8, 4.9).

use crate::report::{Detectors, Print};
use crate::wire::Hex;
use printer::options::{DoorCheck, Options, Sensitivity, Setting};

/// Every setting that the printer has, as it stands. What it does not support is left out, also where
/// its bit is set: a P2S has the one for detecting air prints, and no detector.
pub(super) fn options(report: &Print) -> Options {
    let np = report.is_newer();
    let home = |bit: u32| report.home_flag.map(|flags| flags.bit(bit));
    let has_home = |bit: u32| home(bit) == Some(true);
    let cfg = report.cfg.filter(|_| np);
    // In every recording of the newer generation the bits of `cfg` equal those of `home_flag`.
    let either = |new: u32, old: u32| cfg.map(|cfg| cfg.bit(new)).or_else(|| home(old));
    let fun = |bit: u32| report.fun.is_some_and(|fun| fun.bit(bit));
    let ams = report.ams.as_ref();
    let camera = report.ipcam.as_ref();

    let mut all = Options::default();
    all.set(Setting::AutoRecovery, either(16, 4));
    all.set(Setting::RemainingEstimate, either(17, 7));
    all.set(Setting::FilamentBackup, either(18, 10));
    all.set(Setting::SaveToStorage, either(19, 11));
    let on_insert = ams.and_then(|ams| ams.insert_flag);
    all.set(Setting::RfidOnInsert, cfg.map(|cfg| cfg.bit(0)).or(on_insert));
    let on_startup = ams.and_then(|ams| ams.power_on_flag);
    all.set(Setting::RfidOnStartup, cfg.map(|cfg| cfg.bit(1)).or(on_startup));
    if has_home(19) || fun(9) {
        all.set(Setting::TangleDetection, either(23, 20));
    }
    if has_home(25) || fun(13) {
        all.set(Setting::NozzleBlobDetection, either(24, 24));
    }
    let record = camera.and_then(|camera| camera.ipcam_record);
    all.set(Setting::Recording, record.or_else(|| cfg.map(|cfg| cfg.bit(3))));
    if np && fun(12) {
        all.door_check = cfg.and_then(|cfg| match cfg.bits(20, 2) {
            0 => Some(DoorCheck::Off),
            1 => Some(DoorCheck::Warn),
            2 => Some(DoorCheck::Pause),
            _ => None,
        });
    }
    if has_home(29) {
        all.set(Setting::AirPrintDetection, home(28));
    }
    if let Some(detectors) = &report.xcam {
        watched(&mut all, detectors, cfg, fun, report.fun2.is_some_and(|fun2| fun2.bit(2)));
    }
    all
}

/// How soon older firmware stops a print. Newer firmware leaves "medium" here for ever, whatever was chosen.
fn halt_print_sensitivity(detectors: &Detectors) -> Option<Sensitivity> {
    Some(match detectors.halt_print_sensitivity.as_deref()? {
        "never_halt" => Sensitivity::NeverHalt,
        "low" => Sensitivity::Low,
        "medium" => Sensitivity::Medium,
        "high" => Sensitivity::High,
        _ => return None,
    })
}

/// What the camera looks for.
fn watched(
    all: &mut Options,
    detectors: &Detectors,
    cfg: Option<Hex>,
    fun: impl Fn(u32) -> bool,
    plate_offset: bool,
) {
    let flat = halt_print_sensitivity(detectors);
    if let Some(on) = detectors.printing_monitor {
        all.set(Setting::PrintingMonitor, Some(cfg.map_or(on, |cfg| cfg.bit(15))));
        all.monitor_sensitivity = match cfg.map(|cfg| cfg.bits(13, 2)) {
            None => flat,
            Some(0) => Some(Sensitivity::NeverHalt),
            Some(1) => Some(Sensitivity::Low),
            Some(2) => Some(Sensitivity::Medium),
            Some(_) => Some(Sensitivity::High),
        };
    }
    if let Some(on) = detectors.first_layer_inspector {
        all.set(Setting::FirstLayerInspector, Some(cfg.map_or(on, |cfg| cfg.bit(12))));
    }
    all.set(Setting::PlateMarkerDetector, detectors.buildplate_marker_detector);
    all.set(Setting::AllowSkipParts, detectors.allow_skip_parts);

    // Each detector is a bit, and the two bits after it are its sensitivity.
    let bits = detectors.cfg.map(|cfg| Hex(cfg.cast_unsigned()));
    let sensitivity = |bit: u32| match bits?.bits(bit + 1, 2) {
        0 => Some(Sensitivity::Low),
        1 => Some(Sensitivity::Medium),
        2 => Some(Sensitivity::High),
        _ => None,
    };
    let bit = |bit: u32| bits.map(|bits| bits.bit(bit));
    if detectors.spaghetti_detector.is_some() || fun(42) {
        all.set(Setting::SpaghettiDetector, bit(7).or(detectors.spaghetti_detector));
        all.spaghetti_sensitivity = if bits.is_some() { sensitivity(7) } else { flat };
    }
    if fun(43) {
        all.set(Setting::PileupDetector, bit(10));
        all.pileup_sensitivity = sensitivity(10);
    }
    if fun(44) {
        all.set(Setting::ClumpDetector, bit(13));
        all.clump_sensitivity = sensitivity(13);
    }
    if fun(45) {
        all.set(Setting::AirPrintDetection, bit(16));
        all.air_print_sensitivity = sensitivity(16);
    }
    if plate_offset {
        all.set(Setting::PlateOffsetDetector, bit(20));
    }
}
