//! What Bambu Lab printers say and understand, without sockets and without a clock.
//!
//! Bytes go in through [`session::Session::handle`], and out come requests for the printer and
//! [`Snapshot`]s of it.
//! The protocol has no official description; public ones are
//! [OpenBambuAPI](https://github.com/Doridian/OpenBambuAPI) and the source of
//! [BambuStudio](https://github.com/bambulab/BambuStudio).
//!
//! Must not know: topics of the local broker, entities, Home Assistant, sockets.

pub mod envelope;
pub mod filaments;
pub mod models;
pub mod report;
pub mod request;
pub mod session;
pub mod snapshot;
pub mod topic;
pub mod wire;

use printer::{Capabilities, Identity, JobAbilities, Snapshot, Text};

/// What a printer of this model can do as far as the model alone tells, and a snapshot of one that is silent.
pub fn typical(model: &'static models::Model) -> (Capabilities, Snapshot) {
    let firmware = Some(Text::const_new("00.00.00.00"));
    let identity = Identity { firmware, ..Identity::new(model.serial_prefix, model.name, model.name) };
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
        ..snapshot::capabilities(&report::Print::default(), Some(model), None)
    };
    (can, Snapshot::unheard(identity.into()))
}
