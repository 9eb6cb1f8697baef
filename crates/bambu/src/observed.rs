//! A merged report to a [`Observed`], field by field; a field that makes no sense is left out alone.
//!
//! The rules and figures are those of protocol 4; comments name the captures that settle disputes.

mod abilities;
pub(crate) mod ams;
mod context;
mod figures;
mod filament;
mod health;
mod heat;
mod job;
mod options;
mod state;
mod switches;
mod tools;
mod upgrade;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use printer::{Ams, Capabilities, ExternalSpool, Heater, Observed, Shared, Side, Source};

use super::report::Print;
use super::wire::{Kind, Object as _, merge_member};

pub use abilities::capabilities;
pub(crate) use ams::{forget_unplugged, lacks_board};
pub use context::Context;
pub use figures::Inherited;
pub(crate) use state::status;
pub(crate) use upgrade::boards;

/// Merges a message into a report. Says whether anything is another now of that which AMS units and spools
/// are made of, beside what a [`Context`] has.
pub(crate) fn merge(
    report: &mut Print,
    inherited: &mut Inherited,
    mut message: Box<Print>,
    kind: Kind,
) -> bool {
    if inherited.keep(report, &message) {
        job::forget_last_job(report);
    }
    let around = ams::around(report);
    let mut changed = merge_member(&mut report.ams, message.ams.take(), kind);
    changed |= merge_member(&mut report.vt_tray, message.vt_tray.take(), kind);
    changed |= merge_member(&mut report.vir_slot, message.vir_slot.take(), kind);
    changed |= merge_member(&mut report.upgrade_state, message.upgrade_state.take(), kind);
    report.merge(*message, kind);
    inherited.compare(report);
    if kind == Kind::Full {
        changed |= ams::forget_unplugged(report);
    }
    changed || ams::around(report) != around
}

/// Whether the AMS units and spools of the moment before are, but for which of them feeds, what they would
/// be if they were made anew.
fn keeps_spools(context: &Context<'_>) -> bool {
    let before = context.previous;
    // A unit that waits for its serial is settled by time, too.
    !context.spools_anew
        && context.capabilities == before.capabilities
        && before.ams.iter().all(|unit| unit.settled)
}

/// What holds filament, and what feeds each nozzle.
struct Spools {
    ams: Shared<[Ams]>,
    external: Shared<[ExternalSpool]>,
    sources: [Option<Source>; 2],
}

/// The spools, those of the moment before where nothing of them changed.
fn spools(report: &Print, context: &Context<'_>, can: &Capabilities, active_nozzle: Side) -> Spools {
    let before = context.previous;
    let new_units = (!keeps_spools(context)).then(|| ams::ams(report, context));
    let sources = filament::sources(report, new_units.as_deref().unwrap_or(&before.ams), can);
    let (ams, external) = match new_units {
        None if sources == before.sources && active_nozzle == before.active_nozzle => {
            (before.ams.clone(), before.external.clone())
        }
        units => {
            let units = units.unwrap_or_else(|| before.ams.to_vec());
            let (ams, external) = filament::activated(units, report, can, sources, active_nozzle, before);
            // What is equal stays one and the same, which others find out at no cost.
            (
                if ams == before.ams { before.ams.clone() } else { ams },
                if external == before.external { before.external.clone() } else { external },
            )
        }
    };
    Spools { ams, external, sources }
}

/// Projects a merged report.
pub fn project(report: &Print, context: &Context<'_>) -> Observed {
    let can = context.capabilities.unwrap_or_default();
    let before = context.previous;
    let status = report.gcode_state.as_deref().and_then(state::status);
    let active_nozzle = match heat::active_nozzle(report) {
        _ if !can.dual_nozzle => Side::Right,
        Some(side) => side,
        None => before.active_nozzle,
    };
    let Spools { ams, external, sources } = spools(report, context, &can, active_nozzle);
    Observed {
        identity: Arc::clone(context.identity),
        capabilities: context.capabilities,
        reach: context.reach,
        // The session's own knowledge, as the moment's age is.
        contact: before.contact,
        control: context.control,
        control_reason: context.control_reason,
        status,
        stage: job::stage(report, status),
        job: job::job(report, status, &context.inherited, before),
        nozzles: heat::nozzles(report, &can),
        active_nozzle,
        bed: heat::bed(report),
        chamber: if can.chamber_sensor { heat::chamber(report, &can) } else { Heater::default() },
        beyond: context.capabilities.map_or(before.beyond, |can| heat::beyond(report, &can, before.beyond)),
        fans: heat::fans(report, before.fans),
        chamber_light: switches::chamber_light(report),
        work_light: switches::lamp(report, "work_light").and_then(switches::burns),
        // No report has it, only the answer to whoever switched it.
        heatbed_light: switches::lamp(report, "heatbed_light")
            .and_then(switches::burns)
            .or(before.heatbed_light),
        speed: job::speed(report).or(before.speed),
        speed_percent: report.spd_mag.and_then(|v| u16::try_from(v).ok()).filter(|v| (1..=300).contains(v)),
        wifi_dbm: switches::wifi(report),
        timelapse: switches::timelapse(report),
        prompt_sound: switches::prompt_sound(report),
        options: options::options(report),
        machine: tools::machine(report, context),
        ip: switches::ip(report),
        nozzle_kinds: tools::kinds(report, &can),
        rack: tools::rack(report, &can, before.rack.as_ref()),
        error: health::error(report),
        hms: health::hms(report),
        ams,
        external,
        sources,
        update: upgrade::update(report, context),
        // These three need the time, which the session knows.
        heater_left_on: before.heater_left_on,
        stale: before.stale,
        last_report: before.last_report,
    }
}
