//! Units that move, come back, and have one serial number.

use super::*;
use printer::{Contact, Identity};

const X: &str = "01S00A000000001";
const Y: &str = "01S00A000000002";
const OWN: &str = "006000000000AAA";

fn at(seconds: u64) -> Now {
    Now { mono: Duration::from_secs(seconds), wall: jiff::Timestamp::UNIX_EPOCH }
}

fn place(printer: &str, unit: u8) -> UnitPlace {
    (Serial::new(printer), unit)
}

/// A printer with these units; a serial number of `""` is not known.
fn printer(serial: &str, reach: Reach, whole: bool, units: &[(u8, &str)]) -> Snapshot {
    let mut snapshot = Snapshot::unheard("Test", Identity::new(serial, "P1S"));
    let linked = true;
    snapshot.contact = Contact { linked, whole, ..Contact::default() };
    snapshot.reach = reach;
    let unit = |(id, serial): &(u8, &str)| Ams {
        id: *id,
        serial: Some(Text::from(*serial)).filter(|serial| !serial.is_empty()),
        settled: true,
        ..Ams::default()
    };
    Arc::make_mut(&mut snapshot.observed).ams = units.iter().map(unit).collect();
    snapshot
}

fn on(serial: &str, units: &[(u8, &str)]) -> Snapshot {
    printer(serial, Reach::Online, true, units)
}

fn off(serial: &str, units: &[(u8, &str)]) -> Snapshot {
    printer(serial, Reach::Offline, false, units)
}

struct Scene {
    units: Units,
    now: u64,
}

impl Scene {
    fn new(kept: &[(&str, &str, u8)]) -> Self {
        let mut units = Units::default();
        for (own, printer, unit) in kept {
            units.keep((*own).into(), place(printer, *unit));
        }
        units.add(&Serial::new(X));
        units.add(&Serial::new(Y));
        units.begin(at(0));
        Self { units, now: 0 }
    }

    fn see(&mut self, snapshot: &Snapshot) {
        self.now += 1;
        self.units.look(at(self.now), snapshot);
    }

    fn wait(&mut self, seconds: u64) {
        self.now += seconds;
        self.units.tick(at(self.now));
    }

    fn naming(&self, printer: &str, unit: u8) -> Option<Naming> {
        self.units.namings(&Serial::new(printer)).get(&unit).map(|(_, naming)| naming.clone())
    }
}

#[test]
fn a_serial_number_that_nobody_else_has_names_its_unit_at_once() {
    let mut scene = Scene::new(&[]);
    scene.see(&on(X, &[(0, OWN), (1, "006000000000BBB"), (2, "")]));
    for unit in 0..3 {
        assert_eq!(scene.naming(X, unit), Some(Naming::Serial));
    }
    assert_eq!(scene.units.deadline(), None);
}

#[test]
fn nothing_is_decided_before_it_is_known_what_home_assistant_has() {
    let mut units = Units::default();
    units.look(at(1), &on(X, &[(0, OWN)]));
    assert_eq!(units.namings(&Serial::new(X)), Namings::new());
    units.begin(at(2));
    assert_eq!(units.namings(&Serial::new(X)).len(), 1);
}

#[test]
fn clones_of_one_printer_are_told_apart_by_their_place_and_said_once() {
    for (kept, first) in [(None, 0), (Some(1), 1)] {
        let kept: Vec<_> = kept.map(|unit| (OWN, X, unit)).into_iter().collect();
        let mut scene = Scene::new(&kept);
        scene.see(&on(X, &[(0, OWN), (1, OWN)]));
        assert_eq!(scene.naming(X, first), Some(Naming::Serial), "{kept:?}");
        assert_eq!(scene.naming(X, 1 - first), Some(Naming::Held), "{kept:?}");
        scene.wait(HOLD.as_secs());
        assert_eq!(scene.naming(X, first), Some(Naming::Serial), "{kept:?}");
        assert_eq!(scene.naming(X, 1 - first), Some(Naming::Place), "{kept:?}");
        let clash = Clash { first: place(X, first), second: place(X, 1 - first) };
        assert_eq!(scene.units.clashes(), [clash]);
        scene.see(&off(X, &[(0, OWN), (1, OWN)]));
        scene.see(&on(X, &[(0, OWN), (1, OWN)]));
        scene.wait(1000);
        assert_eq!(scene.naming(X, first), Some(Naming::Serial));
        assert_eq!(scene.units.clashes(), []);
    }
}

#[test]
fn of_clones_of_two_printers_the_one_that_home_assistant_has_keeps_the_serial_number() {
    for (first, second) in [(X, Y), (Y, X)] {
        let mut scene = Scene::new(&[(OWN, Y, 0)]);
        scene.see(&on(first, &[(0, OWN)]));
        scene.see(&on(second, &[(0, OWN)]));
        scene.wait(HOLD.as_secs());
        assert_eq!(scene.naming(Y, 0), Some(Naming::Serial));
        assert_eq!(scene.naming(X, 0), Some(Naming::Place));
        // One of them is switched off every night.
        scene.see(&off(Y, &[(0, OWN)]));
        scene.wait(30_000);
        assert_eq!(scene.naming(X, 0), Some(Naming::Place));
        scene.see(&on(Y, &[(0, OWN)]));
        scene.wait(1000);
        assert_eq!((scene.naming(X, 0), scene.naming(Y, 0)), (Some(Naming::Place), Some(Naming::Serial)));
        assert_eq!(scene.units.clashes().len(), 1);
    }
}

#[test]
fn clones_stay_what_they_were_after_a_restart_with_one_of_them_off() {
    let mut scene = Scene::new(&[(OWN, Y, 0)]);
    scene.units.keep_place(place(X, 0));
    scene.see(&on(X, &[(0, OWN)]));
    scene.wait(1000);
    assert_eq!(scene.naming(X, 0), Some(Naming::Place));
}

#[test]
fn a_unit_that_moved_while_the_old_printer_is_off_is_the_new_ones_and_stays_so() {
    let mut scene = Scene::new(&[]);
    scene.see(&on(X, &[(0, OWN)]));
    scene.see(&on(Y, &[]));
    scene.see(&off(X, &[(0, OWN)]));
    scene.see(&on(Y, &[(0, OWN)]));
    assert_eq!(scene.naming(Y, 0), Some(Naming::Serial));
    assert_eq!(scene.naming(X, 0), Some(Naming::Held), "only remembered");
    scene.see(&printer(X, Reach::Online, false, &[(0, OWN)]));
    scene.wait(1000);
    assert_eq!(scene.naming(X, 0), Some(Naming::Held), "it has not said yet what it has");
    assert_eq!(scene.naming(Y, 0), Some(Naming::Serial));
    scene.see(&on(X, &[]));
    assert_eq!(scene.naming(Y, 0), Some(Naming::Serial));
    assert_eq!(scene.units.clashes(), []);
}

#[test]
fn a_unit_that_moves_between_two_printers_that_are_on_is_handed_over_first() {
    let mut scene = Scene::new(&[]);
    scene.see(&on(X, &[(0, OWN)]));
    scene.see(&on(Y, &[]));
    scene.units.changed();
    scene.see(&on(Y, &[(1, OWN)]));
    assert_eq!(scene.naming(Y, 1), Some(Naming::Held));
    scene.units.changed();
    scene.see(&on(X, &[]));
    let changed: Vec<_> = scene.units.changed().into_iter().map(|(serial, _)| serial).collect();
    assert_eq!(changed, [Serial::new(Y), Serial::new(X)]);
    assert_eq!(scene.naming(Y, 1), Some(Naming::Serial));
    assert_eq!(scene.units.deadline(), None);
}

#[test]
fn a_unit_that_is_said_to_be_gone_is_anothers_when_that_lists_it() {
    let mut scene = Scene::new(&[]);
    scene.see(&on(X, &[(0, OWN)]));
    let mut gone = on(X, &[(0, OWN)]);
    let unplugged = gone.observed.ams.iter().map(|unit| Ams { unplugged: true, ..unit.clone() }).collect();
    Arc::make_mut(&mut gone.observed).ams = unplugged;
    scene.see(&gone);
    assert_eq!(scene.naming(X, 0), Some(Naming::Serial), "a full report is to confirm it");
    scene.see(&on(Y, &[(0, OWN)]));
    assert_eq!((scene.naming(X, 0), scene.naming(Y, 0)), (Some(Naming::Held), Some(Naming::Serial)));
}

#[test]
fn a_printer_that_was_not_heard_yet_is_given_its_time() {
    let mut scene = Scene::new(&[(OWN, Y, 0)]);
    scene.see(&on(X, &[(0, OWN)]));
    assert_eq!(scene.naming(X, 0), Some(Naming::Held));
    scene.wait(HOLD.as_secs() - 1);
    assert_eq!(scene.naming(X, 0), Some(Naming::Held));
    scene.wait(1);
    assert_eq!(scene.naming(X, 0), Some(Naming::Serial), "moved while nobody looked");
    // The other one is heard, and has it not.
    let mut scene = Scene::new(&[(OWN, Y, 0)]);
    scene.see(&on(X, &[(0, OWN)]));
    scene.see(&on(Y, &[(0, "006000000000BBB")]));
    assert_eq!(scene.naming(X, 0), Some(Naming::Serial));
}

#[test]
fn a_printer_that_is_in_no_account_any_more_has_nothing() {
    let gone = "01S00A000000009";
    let mut scene = Scene::new(&[(OWN, gone, 0)]);
    scene.see(&on(X, &[(0, OWN)]));
    assert_eq!(scene.naming(X, 0), Some(Naming::Held), "another account may have it");
    scene.units.set_complete(at(scene.now), true);
    assert_eq!(scene.naming(X, 0), Some(Naming::Serial));
    scene.see(&on(Y, &[(0, OWN)]));
    scene.units.remove(at(scene.now), &Serial::new(X));
    assert_eq!(scene.naming(Y, 0), Some(Naming::Serial));
}

#[test]
fn a_unit_whose_board_is_not_told_yet_is_the_one_that_home_assistant_has_there() {
    let mut scene = Scene::new(&[(OWN, X, 0)]);
    scene.see(&on(X, &[(0, ""), (1, "")]));
    assert_eq!(scene.naming(X, 0), Some(Naming::Remembered(OWN.into())));
    assert_eq!(scene.naming(X, 1), Some(Naming::Serial));
    scene.see(&on(Y, &[(0, OWN)]));
    scene.wait(10);
    assert_eq!(scene.naming(X, 0), Some(Naming::Remembered(OWN.into())));
    scene.see(&on(X, &[(0, OWN)]));
    assert_eq!(scene.naming(X, 0), Some(Naming::Serial));
}

#[test]
fn of_new_clones_the_lower_place_has_the_serial_number_whoever_speaks_first() {
    for order in [[X, Y], [Y, X]] {
        let mut scene = Scene::new(&[]);
        for printer in order {
            scene.see(&on(printer, &[(0, OWN)]));
        }
        scene.wait(60);
        let named = [X, Y].map(|printer| scene.naming(printer, 0));
        assert_eq!(named, [Some(Naming::Serial), Some(Naming::Place)], "{order:?}");
    }
    // One that comes a week later is no new one beside one that is there.
    let mut scene = Scene::new(&[]);
    scene.see(&on(Y, &[(0, OWN)]));
    scene.wait(604_800);
    scene.see(&on(X, &[(0, OWN)]));
    scene.wait(60);
    let named = [X, Y].map(|printer| scene.naming(printer, 0));
    assert_eq!(named, [Some(Naming::Place), Some(Naming::Serial)]);
}

#[test]
fn one_that_waits_and_is_not_heard_any_more_wakes_nobody() {
    for gone in [off(Y, &[(0, OWN)]), printer(Y, Reach::Online, false, &[(0, OWN)])] {
        let mut scene = Scene::new(&[]);
        scene.see(&on(X, &[(0, OWN)]));
        scene.see(&on(Y, &[(0, OWN)]));
        assert!(scene.units.deadline().is_some());
        scene.see(&gone);
        scene.wait(60);
        assert_eq!(scene.units.deadline(), None);
        // Heard again, it has its time anew.
        scene.see(&on(Y, &[(0, OWN)]));
        scene.wait(60);
        assert_eq!(scene.naming(Y, 0), Some(Naming::Place));
        assert_eq!(scene.units.deadline(), None);
    }
}
