//! The values that all models report, by the name a template calls them.
use super::machine::Machine;
use super::model::Place;
use super::template::{Fields, put};

/// A temperature in the steps of the printer's sensors, 1/32 °C.
pub(super) fn degrees(value: f64) -> f64 {
    (value * 32.0).round() / 32.0
}

/// The signed 32-bit switch word.
fn home_flag(m: &Machine) -> i32 {
    let homed = m.homed || m.busy() && m.step > 2;
    let bits = [(0, homed), (1, homed), (2, homed), (5, m.record && m.printing())];
    // Only the X1 family tells of its door here.
    let door = m.door_open && !m.model.has_bit_fields();
    let mut word = m.model.facts().home_flag | u32::from(door) << 23;
    for (bit, on) in bits.into_iter().chain(m.options.home_bits()) {
        word = word & !(1 << bit) | u32::from(on) << bit;
    }
    word.cast_signed()
}

/// The last part of its address.
fn host(m: &Machine) -> u8 {
    let number: u32 = m.serial.get(6..).and_then(|number| number.parse().ok()).unwrap_or_default();
    u8::try_from(30 + number % 200).unwrap_or_default()
}

/// The number of a spool's tray, counted through all units.
fn global(m: &Machine, spool: Option<usize>) -> usize {
    match spool.map(|spool| m.model.place(spool)) {
        None => 255,
        // Nobody knows the unit of an A2L by this number.
        Some(Place::Unit(kit, slot)) if kit.id < 4 => usize::from(kit.id) * 4 + slot,
        Some(Place::Unit(_, slot)) => slot,
        Some(Place::External) => 254,
    }
}

fn text(out: &mut Vec<u8>, value: &str) {
    out.extend_from_slice(value.as_bytes());
}

fn on_job<'a>(m: &Machine, value: &'a str, otherwise: &'a str) -> &'a str {
    if m.has_job() && !m.nameless() { value } else { otherwise }
}

fn switch(on: bool) -> &'static str {
    if on { "enable" } else { "disable" }
}

pub(super) const COMMON: Fields = &[
    ("serial", |m, o| text(o, &m.serial)),
    // The running number of a serial: an AMS has one of its own, as its printer has.
    ("number", |m, o| text(o, m.serial.get(6..).unwrap_or_default())),
    ("firmware", |m, o| {
        let [before, after] = m.model.facts().firmware;
        text(o, if m.signed_only { after } else { before });
    }),
    // Each printer has an address of its own; the least significant byte comes first.
    ("ip", |m, o| put(o, format_args!("{}", u32::from_le_bytes([192, 168, 7, host(m)])))),
    ("host", |m, o| put(o, format_args!("{}", host(m)))),
    ("home_flag", |m, o| put(o, format_args!("{}", home_flag(m)))),
    ("sequence", |m, o| put(o, format_args!("{}", m.sequence))),
    ("state", |m, o| text(o, m.gcode_state())),
    ("stage", |m, o| put(o, format_args!("{}", m.stage()))),
    ("stages", |m, o| {
        o.push(b'[');
        if let Some(stages) = m.calibrating().filter(|_| !m.busy()) {
            for (index, stage) in stages.iter().enumerate() {
                put(o, format_args!("{}{stage}", if index > 0 { "," } else { "" }));
            }
        }
        if m.busy() {
            for (index, step) in m.model.facts().steps.iter().skip(1).enumerate() {
                put(o, format_args!("{}{}", if index > 0 { "," } else { "" }, step.stage));
            }
        }
        o.push(b']');
    }),
    ("print_stage", |m, o| {
        text(
            o,
            match (m.busy() || m.calibrating().is_some(), m.paused) {
                (true, true) => "3",
                (true, false) => "2",
                (false, _) => "1",
            },
        );
    }),
    ("percent", |m, o| put(o, format_args!("{}", m.percent()))),
    ("minutes", |m, o| put(o, format_args!("{}", m.minutes_left()))),
    ("layer", |m, o| put(o, format_args!("{}", m.layer()))),
    ("layers", |m, o| put(o, format_args!("{}", m.total_layers()))),
    ("download", |m, o| put(o, format_args!("{}", m.downloaded()))),
    ("job", |m, o| text(o, m.told_name())),
    ("file", |m, o| text(o, on_job(m, m.job_file(), ""))),
    ("kind", |m, o| text(o, on_job(m, m.job_kind(), "idle"))),
    ("task", |m, o| put(o, format_args!("{}", m.told_ids().task))),
    ("subtask", |m, o| put(o, format_args!("{}", m.told_ids().subtask))),
    ("project", |m, o| put(o, format_args!("{}", m.told_ids().project))),
    ("profile", |m, o| put(o, format_args!("{}", m.told_ids().profile))),
    ("job_id", |m, o| put(o, format_args!("{}", m.told_ids().job))),
    ("nozzle", |m, o| put(o, format_args!("{}", degrees(m.nozzle().shown())))),
    ("nozzle_target", |m, o| put(o, format_args!("{}", m.nozzle().target))),
    ("bed", |m, o| put(o, format_args!("{}", degrees(m.bed.shown())))),
    ("bed_target", |m, o| put(o, format_args!("{}", m.bed.target))),
    ("chamber", |m, o| put(o, format_args!("{}", m.chamber.now.round()))),
    ("chamber_target", |m, o| put(o, format_args!("{}", m.chamber.target))),
    ("ams_temp", |m, o| put(o, format_args!("{:.1}", 25.0 + (m.chamber.now - 24.0) / 8.0))),
    ("part_fan", |m, o| put(o, format_args!("{}", m.part_fan.gear()))),
    ("aux_fan", |m, o| put(o, format_args!("{}", m.aux_fan.gear()))),
    ("chamber_fan", |m, o| put(o, format_args!("{}", m.chamber_fan.gear()))),
    ("heatbreak", |m, o| put(o, format_args!("{}", m.heatbreak()))),
    ("fan_gear", |m, o| {
        let [part, aux, chamber] = [&m.part_fan, &m.aux_fan, &m.chamber_fan].map(|fan| u32::from(fan.set));
        put(o, format_args!("{}", chamber << 16 | aux << 8 | part));
    }),
    ("speed", |m, o| put(o, format_args!("{}", m.speed))),
    ("speed_percent", |m, o| put(o, format_args!("{}", m.speed_percent()))),
    ("light", |m, o| text(o, m.light)),
    ("light2", |m, o| text(o, m.light2)),
    ("record", |m, o| text(o, switch(m.record))),
    ("timelapse", |m, o| text(o, switch(m.timelapse))),
    // On a cable it says something all the same.
    ("wifi", |m, o| put(o, format_args!("{}", if m.model.facts().wired { -90 } else { m.wifi }))),
    ("print_error", |m, o| put(o, format_args!("{}", m.print_error))),
    ("fail_reason", |m, o| put(o, format_args!("{}", m.fail_reason))),
    ("mc_error", |m, o| put(o, format_args!("{}", m.print_error & 0xFFFF))),
    ("hms", |m, o| {
        o.push(b'[');
        for (index, (attr, code)) in m.hms.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            put(o, format_args!(r#"{comma}{{"attr":{attr},"code":{code}}}"#));
        }
        o.push(b']');
    }),
    ("skipped", |m, o| {
        o.push(b'[');
        for (index, object) in m.skipped.iter().enumerate() {
            put(o, format_args!("{}{object}", if index > 0 { "," } else { "" }));
        }
        o.push(b']');
    }),
    ("skip_parts", |m, o| put(o, format_args!("{}", m.detectors.get("allow_skip_parts")))),
    ("plate_marker", |m, o| put(o, format_args!("{}", m.detectors.get("buildplate_marker_detector")))),
    ("first_layer", |m, o| put(o, format_args!("{}", m.detectors.get("first_layer_inspector")))),
    ("monitor", |m, o| put(o, format_args!("{}", m.detectors.get("printing_monitor")))),
    ("spaghetti", |m, o| put(o, format_args!("{}", m.detectors.get("spaghetti_detector")))),
    ("sensitivity", |m, o| text(o, m.detectors.sensitivity)),
    ("detectors", |m, o| put(o, format_args!("{}", m.detectors.cfg(m.model)))),
    ("resolution", |m, o| text(o, m.resolution)),
    ("diameter", |m, o| text(o, m.nozzle_kind.0)),
    ("nozzle_type", |m, o| text(o, m.nozzle_kind.1)),
    ("plate", |m, o| put(o, format_args!("{}", m.job_plate()))),
    ("on_insert", |m, o| put(o, format_args!("{}", m.options.read_on_insert))),
    ("on_startup", |m, o| put(o, format_args!("{}", m.options.read_on_startup))),
    // Which trays turn to have their tags read.
    ("reading", |m, o| put(o, format_args!("{:x}", m.reading().map_or(0, |spool| m.model.tray_bit(spool))))),
    ("ams_status", |m, o| put(o, format_args!("{}", m.ams_status()))),
    ("filament", |m, o| put(o, format_args!("{}", u8::from(m.feeding.is_some())))),
    ("tray_now", |m, o| put(o, format_args!("{}", global(m, m.feeding)))),
    ("tray_pre", |m, o| put(o, format_args!("{}", global(m, m.previous.or(m.feeding))))),
    ("tray_tar", |m, o| put(o, format_args!("{}", global(m, m.target_spool())))),
];
