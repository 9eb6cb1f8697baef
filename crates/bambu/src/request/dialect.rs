//! Which forms of requests a printer understands.

use crate::models::{Model, Series};
use crate::observed::is_np;
use crate::report::Print;
use printer::command::{Step, Steps};
use printer::{Capabilities, Requests};

/// Which forms of requests a printer understands; from its report where that tells, else from its model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "a set of independent abilities")]
pub struct Dialect {
    /// What kind of printer it is.
    pub series: Series,
    /// It is of the newer protocol generation.
    pub newer: bool,
    /// Two nozzles: targets are set by `set_nozzle_temp`.
    pub dual_nozzle: bool,
    /// `set_bed_temp` (`fun` bit 39).
    pub typed_bed: bool,
    /// `back_to_center` (`fun` bit 32).
    pub typed_home: bool,
    /// `xyz_ctrl` (`fun` bit 38).
    pub typed_axes: bool,
    /// `set_fan`: the fans are listed in `device.airduct`.
    pub airduct: bool,
    /// The air can be led in several ways.
    pub air_modes: bool,
    /// A second chamber lamp.
    pub second_light: bool,
    /// Air prints are looked for by the camera (`fun` bit 45).
    pub air_print_camera: bool,
    /// `ams_get_rfid`; older firmware takes G-code.
    pub typed_rfid: bool,
    /// `ams_change_filament`; older firmware has only `unload_filament`.
    pub change_filament: bool,
}

impl Default for Dialect {
    /// That of the first printers.
    fn default() -> Self {
        Self {
            series: Series::Unknown,
            newer: false,
            dual_nozzle: false,
            typed_bed: false,
            typed_home: false,
            typed_axes: false,
            airduct: false,
            air_modes: false,
            second_light: false,
            air_print_camera: false,
            typed_rfid: false,
            change_filament: false,
        }
    }
}

impl Dialect {
    /// What a printer with this report understands.
    pub fn of(report: &Print, model: Option<&Model>, firmware: Option<&str>, can: &Capabilities) -> Self {
        let parts = report.device.as_ref().and_then(|d| d.airduct.as_ref()?.parts.as_ref());
        let newer = is_np(report);
        let fun = |bit: u32| report.fun.is_some_and(|fun| fun.bit(bit));
        Self {
            series: series(model),
            newer,
            dual_nozzle: can.dual_nozzle,
            typed_bed: fun(39),
            typed_home: fun(32),
            typed_axes: fun(38),
            airduct: newer && parts.is_some_and(|parts| !parts.list.0.is_empty()),
            air_modes: can.airduct,
            second_light: can.chamber_light_2,
            air_print_camera: can.requests.air_print_camera,
            typed_rfid: reads_rfid(model, firmware),
            change_filament: can.requests.load,
        }
    }

    /// The bed moves along Y, and the head along Z, against what a person sees of the part (protocol 5.10).
    pub(super) fn bed_slinger(&self) -> bool {
        matches!(self.series, Series::A1 | Series::A2L)
    }
}

fn series(model: Option<&Model>) -> Series {
    model.map_or(Series::Unknown, |model| model.series)
}

/// Whether firmware is new enough; of one that is not known yet the older form is taken.
fn since(firmware: Option<&str>, from: &str) -> bool {
    firmware.is_some_and(|firmware| Model::at_least(firmware, from))
}

/// From which firmware on `ams_get_rfid` is there (protocol 4.3).
fn reads_rfid(model: Option<&Model>, firmware: Option<&str>) -> bool {
    match series(model) {
        Series::X1 => since(firmware, "01.09.00.00"),
        Series::P1 => since(firmware, "01.08.01.00"),
        Series::A1 => since(firmware, "01.06.00.00"),
        // Nobody saw one that has it.
        Series::X1E | Series::Unknown => false,
        Series::X2D | Series::P2S | Series::A2L | Series::H2 => true,
    }
}

/// From which firmware on `ams_change_filament` is there (protocol 4.3).
fn loads(model: Option<&Model>, firmware: Option<&str>) -> bool {
    match series(model) {
        Series::X1 => since(firmware, "01.05.06.01"),
        Series::P1 => since(firmware, "01.02.99.10"),
        _ => true,
    }
}

/// What can be asked of a printer, from its full report and its model.
pub fn requests(
    report: &Print,
    model: Option<&Model>,
    firmware: Option<&str>,
    dual_nozzle: bool,
) -> Requests {
    let fun = |bit: u32| report.fun.is_some_and(|fun| fun.bit(bit));
    let home = |bit: u32| report.home_flag.is_some_and(|flags| flags.bit(bit));
    let family = series(model);
    let ways = report.device.as_ref().and_then(|d| d.airduct.as_ref()?.mode_list.as_ref());
    let lidar = matches!(family, Series::X1 | Series::X1E);
    let h2 = family == Series::H2;
    Requests {
        airduct_heating: ways.is_some_and(|ways| ways.0.iter().any(|way| way.id == Some(1))),
        // Protocol 5.7 names H2D, H2D Pro and H2C; of an H2S it is disputed.
        heatbed_light: h2 && dual_nozzle,
        buzzer: h2,
        // Older printers learned it in the summer of 2023 and have no bit for it.
        skip_objects: if is_np(report) {
            fun(49)
        } else {
            matches!(family, Series::X1 | Series::X1E | Series::P1 | Series::A1)
        },
        nozzle_kind: matches!(family, Series::X1 | Series::X1E | Series::P1 | Series::A1),
        load: loads(model, firmware),
        air_print_camera: fun(45) && report.xcam.is_some(),
        lidar,
        print_vibration: family != Series::P2S,
        calibrations: Steps::only(Step::BedLeveling)
            .with(Step::Vibration)
            .with_if(Step::Lidar, lidar)
            .with_if(Step::MotorNoise, home(21) || fun(10))
            .with_if(Step::NozzleOffset, dual_nozzle)
            .with_if(Step::HotBed, h2)
            .with_if(Step::NozzleClump, h2),
    }
}
