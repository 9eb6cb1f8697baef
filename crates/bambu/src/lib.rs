//! What Bambu Lab printers say and understand, without sockets and without a clock.
//!
//! Bytes go in through [`session::Session::handle`], and out come requests for the printer and
//! what is [`observed`](printer::Observed) of it.
//! The protocol has no official description; public ones are
//! [OpenBambuAPI](https://github.com/Doridian/OpenBambuAPI) and the source of
//! [BambuStudio](https://github.com/bambulab/BambuStudio).
//!
//! Must not know: topics of the local broker, entities, Home Assistant, sockets.

pub mod access;
pub mod envelope;
pub mod filaments;
pub mod models;
pub mod observed;
pub mod report;
pub mod request;
pub mod session;
pub mod topic;
pub mod wire;

use printer::{Capabilities, Identity, JobAbilities, Serial, Snapshot, Text};

/// Who a printer is before it said anything: by what the cloud calls its model, else by its serial.
pub fn identity(serial: &Serial, cloud_names: [&str; 2]) -> Identity {
    let model = models::identify(&[], &cloud_names, serial.as_str());
    let called = || cloud_names.iter().find(|name| !name.is_empty()).map_or("unknown model", |name| name);
    Identity {
        serial: serial.clone(),
        model: model.map_or_else(|| printer::text::name(called()), |m| m.name.into()),
        model_code: model.and_then(|m| m.codes.first()).map(|code| Text::from(*code)),
        firmware: None,
        hardware: None,
    }
}

/// What a printer of this model can do as far as the model alone tells, and a snapshot of one that is silent.
pub fn typical(model: &'static models::Model) -> (Capabilities, Snapshot) {
    let firmware = Some(Text::const_new("00.00.00.00"));
    let identity = Identity { firmware, ..Identity::new(model.serial_prefix, model.name) };
    let can = Capabilities {
        // What every report of these models has, with newer firmware.
        timelapse: true,
        heatbreak_fan: true,
        work_light: model.chamber_sensor,
        job: JobAbilities {
            kind: true,
            download: true,
            skipped: true,
            queue: true,
            update: true,
            ..JobAbilities::default()
        },
        door: model.chamber_sensor,
        airduct: model.chamber_sensor && model.door == models::Door::Stat,
        tool_module: model.tool_module,
        chamber_heating: model.chamber_heater,
        storage: true,
        filament_sensor: true,
        nozzle_kind: true,
        home_flags: true,
        camera: true,
        ip: true,
        network: true,
        ..observed::capabilities(&report::Print::default(), Some(model), None)
    };
    (can, Snapshot::unheard(model.name, identity))
}
