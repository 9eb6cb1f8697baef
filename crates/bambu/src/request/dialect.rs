//! Which forms of requests a printer understands.

use crate::models::{Model, UNKNOWN};
use crate::observed::ams;
use crate::report::Print;
use printer::command::Step;
use printer::options::Resolution;
use printer::{Capabilities, Requests};

/// Which forms of requests a printer understands; from its report where that tells, else from its model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "a set of independent abilities")]
pub struct Dialect {
    /// What a report does not tell, from the printer's row in the model table.
    pub model: &'static Model,
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
            model: &UNKNOWN,
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
    pub fn of(
        report: &Print,
        model: Option<&'static Model>,
        firmware: Option<&str>,
        can: &Capabilities,
    ) -> Self {
        let model = model.unwrap_or(&UNKNOWN);
        let parts = report.device.as_ref().and_then(|d| d.airduct.as_ref()?.parts.as_ref());
        let newer = report.is_newer();
        let fun = |bit: u32| report.fun.is_some_and(|fun| fun.bit(bit));
        Self {
            model,
            newer,
            dual_nozzle: can.dual_nozzle,
            typed_bed: fun(39),
            typed_home: fun(32),
            typed_axes: fun(38),
            airduct: newer && parts.is_some_and(|parts| !parts.list.0.is_empty()),
            air_modes: can.airduct,
            second_light: can.chamber_light_2,
            air_print_camera: can.requests.air_print_camera,
            typed_rfid: model.reads_rfid(firmware),
            change_filament: can.requests.load,
        }
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
    let model = model.unwrap_or(&UNKNOWN);
    let ways = report.device.as_ref().and_then(|d| d.airduct.as_ref()?.mode_list.as_ref());
    Requests {
        airduct_heating: ways.is_some_and(|ways| ways.0.iter().any(|way| way.id == Some(1))),
        heatbed_light: model.heatbed_light,
        buzzer: model.buzzer,
        skip_objects: if report.is_newer() { fun(49) } else { model.skips_objects },
        nozzle_kind: model.told_of_nozzles,
        load: model.loads(firmware),
        air_print_camera: fun(45) && report.xcam.is_some(),
        lidar: model.lidar,
        print_vibration: model.print_vibration,
        save_to_storage: report.is_newer(),
        // No recording has the list; what is not in it may not be asked for.
        resolution: report.ipcam.as_ref().is_some_and(|camera| {
            let offered = camera.resolution_supported.as_ref();
            Resolution::ALL
                .iter()
                .all(|way| offered.is_some_and(|list| list.0.iter().any(|l| l == way.name())))
        }),
        cooling_filter: fun(46) && ways.is_some_and(|ways| !ways.0.is_empty()),
        remote_drying: ams::dries_remotely(report),
        calibrations: model
            .calibrations
            .with_if(Step::MotorNoise, home(21) || fun(10))
            .with_if(Step::NozzleOffset, dual_nozzle),
    }
}
