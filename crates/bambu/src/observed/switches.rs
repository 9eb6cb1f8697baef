//! Lamps, camera, network and options (protocol 4.8 and 4.9).

use std::net::Ipv4Addr;

use crate::report::{Light, Print};

/// A lamp, if it is reported.
pub(super) fn lamp<'a>(report: &'a Print, node: &str) -> Option<&'a Light> {
    report.lights_report.as_ref()?.0.iter().find(|light| light.node.as_deref() == Some(node))
}

/// Whether it burns, if it says so.
pub(super) fn burns(light: &Light) -> Option<bool> {
    match light.mode.as_deref()? {
        "on" => Some(true),
        "off" => Some(false),
        // `work_light` flashes in every capture of every model, idle or not: it tells nothing.
        "flashing" if light.node.as_deref() != Some("work_light") => Some(true),
        _ => None,
    }
}

pub(super) fn chamber_light(report: &Print) -> Option<bool> {
    match lamp(report, "chamber_light") {
        Some(light) => burns(light),
        None => report.cfg.map(|cfg| cfg.bit(7)),
    }
}

pub(super) fn timelapse(report: &Print) -> Option<bool> {
    match report.ipcam.as_ref()?.timelapse.as_deref()? {
        "enable" => Some(true),
        "disable" => Some(false),
        _ => None,
    }
}

/// Whether it makes sounds.
pub(super) fn prompt_sound(report: &Print) -> Option<bool> {
    if report.is_newer() {
        report.cfg.map(|cfg| cfg.bit(22))
    } else {
        report.home_flag.map(|flags| flags.bit(17))
    }
}

pub(super) fn wifi(report: &Print) -> Option<i16> {
    let dbm = report.wifi_signal.filter(|_| !report.is_wired())?;
    i16::try_from(dbm.0).ok().filter(|dbm| (-120..0).contains(dbm))
}

/// Its address: the first connection that has one; the second is the cable (protocol 4.8).
pub(super) fn ip(report: &Print) -> Option<Ipv4Addr> {
    let connections = &report.net.as_ref()?.info.as_ref()?.0;
    connections.iter().filter_map(|connection| connection.ip).find_map(address)
}

/// An IPv4 address in a number, its first octet in the lowest byte; negative where firmware takes the
/// highest bit for a sign.
fn address(number: i64) -> Option<Ipv4Addr> {
    let bits = u32::try_from(number).ok().or_else(|| i32::try_from(number).ok().map(i32::cast_unsigned))?;
    (bits != 0).then(|| Ipv4Addr::from(bits.to_le_bytes()))
}
