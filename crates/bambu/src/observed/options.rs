//! The printer's settings: bits of `cfg` or `home_flag`, and what the camera looks for (protocol 4.8, 4.9).

use crate::report::{Detectors, Print};
use crate::wire::Hex;
use printer::options::{BlobDetection, DoorCheck, Options, Purification, Resolution, Sensitivity, Setting};

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
    let fun2 = |bit: u32| report.fun2.is_some_and(|fun2| fun2.bit(bit));
    let two_bits = |bit: u32| cfg.map(|cfg| cfg.bits(bit, 2));
    // The newer form takes the place of the older one.
    if fun2(15) {
        all.blob_detection = BlobDetection::ALL.into_iter().zip(0..).find_map(by_number(two_bits(43)));
    } else if has_home(25) || fun(13) {
        all.set(Setting::NozzleBlobDetection, either(24, 24));
    }
    if fun2(4) {
        all.purification = Purification::ALL.into_iter().zip(0..).find_map(by_number(two_bits(36)));
    }
    if fun(62) {
        // 2 while its heaters are serviced.
        all.set(Setting::IdleHeatingProtection, two_bits(32).filter(|state| *state < 2).map(|on| on == 1));
    }
    // 0 is not told, 3 is none.
    all.set(Setting::SnapshotAtEnd, two_bits(38).filter(|v| (1..=2).contains(v)).map(|state| state == 2));
    let record = camera.and_then(|camera| camera.ipcam_record);
    let resolution = camera.and_then(|camera| camera.resolution.as_deref());
    all.resolution = Resolution::ALL.into_iter().find(|known| resolution == Some(known.name()));
    all.set(Setting::Recording, record.or_else(|| cfg.map(|cfg| cfg.bit(3))));
    if np && fun(12) {
        all.door_check = DoorCheck::ALL.into_iter().zip(0..).find_map(by_number(two_bits(20)));
    }
    if has_home(29) {
        all.set(Setting::AirPrintDetection, home(28));
    }
    if let Some(detectors) = &report.xcam {
        watched(&mut all, detectors, cfg, fun, fun2);
    }
    all
}

/// The way of a setting that a number stands for.
fn by_number<T>(number: Option<u64>) -> impl Fn((T, u64)) -> Option<T> {
    move |(way, its)| (number == Some(its)).then_some(way)
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
    fun2: impl Fn(u32) -> bool,
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
    if fun2(2) {
        all.set(Setting::PlateOffsetDetector, bit(20));
    }
    // A P2S 01.02 has the bit of the second one set, and not the detector.
    if fun2(13) {
        all.set(Setting::ForeignObjectDetector, bit(21));
    }
    if fun2(14) {
        all.set(Setting::MovementDetector, bit(22));
    }
}
