use std::sync::Arc;

use printer::command::Dry;
use printer::{Ams, ExternalSpool, Fan, Identity, LightKind, Observed, Side, Source, Speed};

use super::*;

fn printer() -> Snapshot {
    let mut snapshot = Snapshot::unheard("Garage", Identity::new("01P00A000000001", "P1S"));
    snapshot.capabilities = Some(Capabilities {
        chamber_light: true,
        timelapse: true,
        nozzle_max: 300,
        bed_max: 100,
        ..Capabilities::default()
    });
    snapshot
}

fn ok(key: &str, payload: &str) -> Command {
    parse(&printer(), key, payload.as_bytes()).expect("a command")
}

fn no(key: &str, payload: &str) -> String {
    parse(&printer(), key, payload.as_bytes()).expect_err("refused").to_string()
}

#[test]
fn each_platform_takes_what_home_assistant_sends() {
    assert_eq!(ok("nozzle_target", "220"), Command::NozzleTarget(Side::Right, 220));
    assert_eq!(ok("bed_target", " 55.5 "), Command::BedTarget(56));
    assert_eq!(ok("chamber_light", "ON"), Command::Light(LightKind::Chamber, true));
    assert_eq!(ok("timelapse", "OFF"), Command::Timelapse(false));
    assert_eq!(ok("speed_profile", "sport"), Command::Speed(Speed::Sport));
    assert_eq!(ok("pause", "PRESS"), Command::Pause);
    assert_eq!(ok("part_fan", "0"), Command::Fan(FanKind::Part, 0));
    assert_eq!(ok("part_fan", "44"), Command::Fan(FanKind::Part, 40));
    assert_eq!(ok("part_fan", "45"), Command::Fan(FanKind::Part, 50));
    assert_eq!(ok("part_fan", "OFF"), Command::Fan(FanKind::Part, 0));
}

#[test]
fn a_lone_on_gives_a_fan_its_last_speed_back() {
    let mut snapshot = printer();
    assert_eq!(parse(&snapshot, "part_fan", b"ON"), Ok(Command::Fan(FanKind::Part, 100)));
    snapshot.fans.part = Fan { percent: Some(0), last_on: Some(40) };
    assert_eq!(parse(&snapshot, "part_fan", b"ON"), Ok(Command::Fan(FanKind::Part, 40)));
}

#[test]
fn the_range_is_checked_after_rounding() {
    assert_eq!(ok("bed_target", "100.4"), Command::BedTarget(100));
    assert_eq!(no("bed_target", "100.6"), "`bed_target`: 101 is outside 0 to 100");
    assert_eq!(no("bed_target", "-1"), "`bed_target`: -1 is outside 0 to 100");
    assert_eq!(no("part_fan", "101"), "`part_fan`: 101 is outside 0 to 100");
    assert_eq!(no("bed_target", "1e300"), "`bed_target`: 1000000000000 is outside 0 to 100");
}

#[test]
fn garbage_is_refused_with_what_would_be_right() {
    for garbage in ["", "NaN", "inf", "warm", "{}", "5 5", "null"] {
        assert!(no("bed_target", garbage).contains("takes a number"), "{garbage}");
    }
    assert_eq!(no("chamber_light", "on"), "`chamber_light` takes ON or OFF, not `on`");
    assert_eq!(no("pause", ""), "`pause` takes PRESS, not ``");
    assert_eq!(
        no("speed_profile", "warp"),
        "`speed_profile` takes one of silent, standard, sport, ludicrous, not `warp`"
    );
    assert!(no("part_fan", "fast").contains("ON, OFF or a percentage"));
    assert!(parse(&printer(), "bed_target", &[0xFF, 0xFE]).is_err());
    assert!(no("bed_target", &"9".repeat(100_000)).len() < 200);
}

#[test]
fn what_the_printer_lacks_has_no_control() {
    assert_eq!(no("status", "ON"), "there is no control `status` on this printer");
    assert_eq!(no("aux_fan", "50"), "there is no control `aux_fan` on this printer");
    assert_eq!(no("left_nozzle_target", "50"), "there is no control `left_nozzle_target` on this printer");
    assert_eq!(no("a\nb", "x"), "there is no control `a\\nb` on this printer");
}

/// The first command that a row makes.
fn made<T: Subject>(row: &Entity<T>, place: T::Place) -> Command {
    let payload = match row.platform {
        Platform::Button(_) => "PRESS",
        Platform::Number(..) => "1",
        Platform::Select(options, _) => options[0],
        _ => "ON",
    };
    let can = Capabilities { nozzle_max: 300, bed_max: 100, chamber_max: 60, ..Capabilities::default() };
    let snapshot = {
        let mut snapshot = printer();
        snapshot.capabilities = Some(can);
        snapshot
    };
    read(row, place, &snapshot, payload.as_bytes()).expect("a command")
}

fn classes_hold<T: Subject>(table: &[Entity<T>], place: T::Place) {
    for row in table.iter().filter(|row| row.platform.is_control()) {
        assert_eq!(row.asks, Some(made(row, place).class()), "{}", row.key);
        let effect = row.effect.map(|effect| (effect.command)(place).class());
        assert!(effect.is_none_or(|class| row.asks == Some(class)), "{}", row.key);
    }
}

#[test]
fn each_control_names_the_class_of_the_commands_that_it_makes() {
    classes_hold(&PRINTER, ());
    classes_hold(AMS, 0);
    classes_hold(SLOT, SlotPlace { unit: 0, slot: 0 });
    classes_hold(EXTERNAL, 1);
}

/// A printer with two AMS, an AMS HT and two external spools, and all that these can be asked.
fn with_children() -> Snapshot {
    let unit = |id: u8, slots: u8| {
        let slots = (1..=slots).map(|number| Slot { number, ..Slot::default() }).collect();
        let mut unit = Ams { id, slots, ..Ams::default() };
        unit.can.dries = true;
        unit
    };
    let spool = |number| ExternalSpool { number, slot: Slot::default() };
    let mut snapshot = printer();
    let mut observed = Observed::clone(&snapshot.observed);
    observed.ams = vec![unit(0, 4), unit(1, 4), unit(128, 1)].into();
    observed.external = vec![spool(1), spool(2)].into();
    let can = &mut observed.capabilities.get_or_insert_default().requests;
    (can.load, can.remote_drying) = (true, true);
    snapshot.observe(&Arc::new(observed));
    snapshot
}

/// All commands that the controls of a table make, by their keys below a device.
fn commands<T: Subject>(table: &[Entity<T>], device: &str, slot: usize) -> Vec<Command> {
    let snapshot = with_children();
    let ask = |row: &Entity<T>, payload: &str| {
        let key = format!("{device}/{}", row.key.replace('#', &slot.to_string()));
        parse(&snapshot, &key, payload.as_bytes()).unwrap_or_else(|error| panic!("{key}: {error}"))
    };
    let of_row = |row: &Entity<T>| match row.platform {
        Platform::Button(_) => vec![ask(row, "PRESS")],
        Platform::Switch(_) => vec![ask(row, "ON"), ask(row, "OFF")],
        other => panic!("{} is a {}: say what it takes", row.key, other.name()),
    };
    table.iter().filter(|row| row.platform.is_control()).flat_map(of_row).collect()
}

#[test]
fn each_control_of_an_ams_unit_asks_that_unit() {
    for unit in [0, 1, 128] {
        let plain = Dry { unit, plan: None, filament: None, rotate: false };
        let wanted = [Command::Dry(Box::new(plain)), Command::StopDrying { unit }];
        assert_eq!(commands(AMS, &format!("ams/{unit}"), 0), wanted);
    }
}

#[test]
fn each_control_of_a_slot_asks_that_slot() {
    for (unit, number) in [(0, 1), (1, 2), (1, 4), (128, 1)] {
        let slot = number - 1;
        let load = Command::Load { source: Source::Ams { unit, slot }, celsius: None, side: None };
        let wanted = [load, Command::ReadRfid { unit, slot }];
        assert_eq!(commands(SLOT, &format!("ams/{unit}"), number.into()), wanted);
    }
    let none = parse(&with_children(), "ams/128/tray_2_load", b"PRESS");
    assert!(matches!(none, Err(CommandError::NoControl(_))), "an AMS HT has one slot: {none:?}");
}

#[test]
fn each_control_of_an_external_spool_asks_that_spool() {
    for number in [1, 2] {
        let wanted = [Command::Load { source: Source::External(number), celsius: None, side: None }];
        assert_eq!(commands(EXTERNAL, &format!("external/{number}"), 0), wanted);
    }
}
