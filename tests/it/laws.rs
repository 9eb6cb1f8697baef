//! What holds for every message and every series of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bambu::envelope::{self, Message};
use bambu::report::Print;
use bambu::wire::{Kind, Object as _};
use homeassistant::topic::Topics;
use homeassistant::{Publication, catalog, command};
use printer::Now;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use twin::{Ask, Input};

use crate::reports::{Printer, fan, packed, tray};
use crate::support::player::{HERE, Player};

pub(crate) fn print(report: &Value) -> (Print, Kind) {
    print_text(&json!({ "print": report }).to_string())
}

pub(crate) fn print_text(message: &str) -> (Print, Kind) {
    match envelope::read(message.as_bytes()).unwrap() {
        Message::Report { print, kind } => (*print, kind),
        other => panic!("{other:?} is no report"),
    }
}

/// One of these values.
fn of(values: &[Value]) -> BoxedStrategy<Value> {
    prop::sample::select(values.to_vec()).boxed()
}

fn hex(most: u32) -> BoxedStrategy<Value> {
    prop_oneof![Just(0), 0..=most].prop_map(|bits| format!("{bits:x}").into()).boxed()
}

/// An AMS unit, a tray or several of them, whole and in part.
fn units() -> BoxedStrategy<Value> {
    let tray = (0_u32..4, prop::sample::select(vec!["PLA", "PETG", ""]), any::<bool>(), any::<bool>())
        .prop_map(|(id, material, bare, tagged)| match (bare, tagged) {
            (true, _) => json!({ "id": id.to_string() }),
            (false, true) => tray(id, material),
            (false, false) if id == 3 => json!({"id": id, "tray_type": material, "k": 0.02}),
            (false, false) => {
                json!({"id": id, "tray_type": material, "tag_uid": "0000000000000000", "remain": -1})
            }
        });
    let id = prop::sample::select(vec!["0", "1", "16", "128"]);
    let unit = (id, prop::collection::vec(tray, 0..3), 0_u32..40, any::<bool>()).prop_map(
        |(id, trays, temp, dries)| {
            let mut unit = json!({"id": id, "temp": temp.to_string(), "humidity": "3", "humidity_raw": "30"});
            if dries {
                unit["info"] = "3".into();
                unit["dry_time"] = (temp % 3).into();
            }
            if !trays.is_empty() {
                unit["tray"] = trays.into();
            }
            unit
        },
    );
    prop::collection::vec(unit, 0..3).prop_map(Value::from).boxed()
}

/// A member of a report with a value that printers send, or do not.
fn member() -> impl Strategy<Value = (String, Value)> {
    let named = |name: &'static str, value: BoxedStrategy<Value>| {
        value.prop_map(move |v| (name.to_owned(), v)).boxed()
    };
    let object = |name: &'static str, key: &'static str, value: BoxedStrategy<Value>| {
        value.prop_map(move |v| (name.to_owned(), json!({ key: v }))).boxed()
    };
    let celsius = || (0_u32..3000).prop_map(|v| json!(f64::from(v) / 10.0)).boxed();
    let states = ["RUNNING", "PAUSE", "FINISH", "IDLE", "FAILED", "PREPARE", "", "DREAMING"];
    let hms = json!([{"attr": 0x0300_0100, "code": 0x0001_0007}]);
    let lamp = |node: &str, mode: &str| json!({"node": node, "mode": mode});
    let extruder = |id: u32| {
        (0_u32..300, prop::sample::select(vec![0_u32, 3, 0x0103, 0x8000, 0xFF00, 0xFEFF, 0xFFFF]))
            .prop_map(move |(t, snow)| json!({"id": id, "temp": packed(t, t), "snow": snow}))
    };
    prop_oneof![
        named("gcode_state", of(&states.map(Value::from))),
        named("stg_cur", of(&[json!(0), json!(-1), json!(255), json!(14), json!(99)])),
        named("mc_percent", of(&[json!(0), json!("50"), json!(101), json!(null), json!({})])),
        named("mc_remaining_time", of(&[json!(0), json!(61), json!(62), json!(-1), json!(100_000)])),
        named("layer_num", of(&[json!(0), json!(7), json!(90)])),
        named("total_layer_num", of(&[json!(0), json!(40)])),
        named("subtask_name", of(&[json!("bracket"), json!(""), json!("gear")])),
        named("nozzle_temper", celsius()),
        named("nozzle_target_temper", celsius()),
        named("bed_temper", celsius()),
        named("chamber_temper", celsius()),
        named("wifi_signal", (-90..-30).prop_map(|v| json!(format!("{v}dBm"))).boxed()),
        named("print_error", of(&[json!(0), json!(0x0300_400C), json!(0x0700_8006), json!(0x0502_4007)])),
        named("hms", of(&[json!([]), hms, json!([{"attr": "0x05000600", "code": 0x0002_0070}])])),
        named("spd_lvl", of(&[json!(1), json!(4), json!(253)])),
        named("cooling_fan_speed", of(&[json!("0"), json!("7"), json!(15), json!(99), json!("")])),
        named(
            "lights_report",
            of(&[
                json!([]),
                json!([lamp("chamber_light", "off")]),
                json!([lamp("chamber_light", "on"), lamp("work_light", "flashing")]),
                json!([lamp("work_light", "on")]),
                json!([lamp("chamber_light2", "on")]),
            ])
        ),
        object("ipcam", "timelapse", of(&[json!("enable"), json!("disable"), json!("?")])),
        object("net", "conf", of(&[json!(0), json!(1)])),
        object("online", "version", of(&[json!(5), json!(6)])),
        object("ams", "ams", units()),
        object("ams", "tray_now", of(&[json!("0"), json!("5"), json!("128"), json!("254"), json!("255")])),
        object("ams", "ams_exist_bits", hex(0x13)),
        object("ams", "tray_exist_bits", hex(0x1_00FF)),
        named(
            "vir_slot",
            of(&[
                json!([{"id": "255", "tray_type": "PLA"}]),
                json!([{"id": "254", "tray_type": "ABS"}, {"id": "255"}]),
            ])
        ),
        named("vt_tray", of(&[json!({"id": "254"}), json!({"id": "254", "tray_type": "TPU"}), json!(null)])),
        (extruder(0), extruder(1), prop::sample::select(vec![1, 2, 0x8112, 0x80F2])).prop_map(
            |(a, b, state)| { ("device".to_owned(), json!({"extruder": {"info": [b, a], "state": state}})) }
        ),
        of(&[
            json!([fan(16, 10)]),
            json!([fan(16, 0), fan(32, 50)]),
            json!([fan(160, 20)]),
            json!([fan(32, 70)])
        ])
        .prop_map(|parts| ("device".to_owned(), json!({"airduct": {"parts": parts}}))),
        named("fun", of(&[json!("3EC1AFFF9CFF"), json!("3EC18FFF9CFF")])),
        named("home_flag", of(&[json!(0), json!(0x80), json!(0x30C8_0098)])),
        named("cfg", of(&[json!("0"), json!("20000")])),
        named("aux", of(&[json!("0"), json!("1000")])),
        named("stat", of(&[json!("0"), json!("800000")])),
        object("upgrade_state", "ams_new_version_number", of(&[json!(""), json!("00.00.07.01")])),
        object(
            "upgrade_state",
            "new_ver_list",
            of(&[
                json!([]),
                json!([{"name": "ams/0", "new_ver": "00.00.06.96"}]),
                json!([{"name": "n3f/0", "new_ver": "03.00.21.29"}]),
            ])
        ),
        named("device", of(&[json!(null), json!("x"), json!([])])),
    ]
}

pub(crate) fn delta() -> impl Strategy<Value = Value> {
    prop::collection::vec(member(), 0..4).prop_map(|members| {
        let mut report = json!({"command": "push_status", "msg": 1});
        report.as_object_mut().unwrap().extend(members);
        report
    })
}

pub(crate) fn full() -> impl Strategy<Value = Value> {
    (printer(), prop::collection::vec(member(), 0..3)).prop_map(|(model, members)| {
        let mut report = Printer::new(model).report;
        report.as_object_mut().unwrap().extend(members.into_iter().collect::<Map<_, _>>());
        report
    })
}

fn printer() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["P1S", "X1C", "A1", "H2D", "A2L"])
}

pub(crate) fn any_report() -> impl Strategy<Value = Value> {
    prop_oneof![3 => delta(), 1 => full()]
}

proptest! {
    #[test]
    fn a_report_merged_twice_changes_nothing(before in any_report(), report in any_report()) {
        let mut state = print(&before).0;
        let (report, kind) = print(&report);
        state.merge(report.clone(), kind);
        let once = state.clone();
        state.merge(report, kind);
        prop_assert_eq!(state, once);
    }

    #[test]
    fn a_merge_knows_whether_it_changed_anything(before in any_report(), report in any_report()) {
        let before = print(&before).0;
        let mut state = before.clone();
        let (report, kind) = print(&report);
        prop_assert_eq!(state.merge(report.clone(), kind), state != before);
        prop_assert!(!state.merge(report, kind), "the second time it is nothing new");
    }

    // That what is kept is what would be made anew is asserted in the session with each message, in all tests.
    #[test]
    fn units_and_spools_are_kept_until_something_is_said_of_them(
        model in printer(),
        before in prop::collection::vec(any_report(), 0..6),
        delta in delta(),
    ) {
        let printer = Printer::new(model);
        let mut player = Player::new(at(Duration::ZERO), &printer.serial, "Test", &topics());
        let mut take = |message: &str| {
            player.hear(at(Duration::ZERO), message);
            Arc::clone(&player.snapshot().observed)
        };
        for message in [printer.version(), printer.full()] {
            take(&message);
        }
        for report in before {
            take(&json!({ "print": report }).to_string());
        }
        let full = printer.full();
        // The first ends what was before, the second changes nothing.
        let old = [take(&full), take(&full)].map(|snapshot| snapshot.ams.as_ptr());
        prop_assert_eq!(old[0], old[1]);
        let told = ["ams", "vt_tray", "vir_slot", "device", "upgrade_state", "cfg", "home_flag", "fun", "aux", "stat"];
        let told = told.iter().any(|name| delta.get(name).is_some());
        let new = take(&json!({ "print": delta }).to_string()).ams.as_ptr();
        prop_assert!(told || new == old[1]);
    }

    #[test]
    fn an_empty_report_changes_nothing(before in any_report()) {
        let before = print(&before).0;
        let mut state = before.clone();
        state.merge(print(&json!({})).0, Kind::Delta);
        prop_assert_eq!(state, before);
    }

    #[test]
    fn two_deltas_are_what_their_merge_is(before in any_report(), first in delta(), second in delta()) {
        let mut one_by_one = print(&before).0;
        let mut at_once = one_by_one.clone();
        let (mut first, second) = (print(&first).0, print(&second).0);
        one_by_one.merge(first.clone(), Kind::Delta);
        one_by_one.merge(second.clone(), Kind::Delta);
        first.merge(second, Kind::Delta);
        at_once.merge(first, Kind::Delta);
        prop_assert_eq!(one_by_one, at_once);
    }

    #[test]
    fn no_bytes_are_too_much(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        swallow(&bytes);
    }

    #[test]
    fn no_change_of_a_report_is_too_much(
        model in printer(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_usize..3), 1..20),
        end in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let mut bytes = Printer::new(model).full().into_bytes();
        for (at, byte, what) in changes {
            let at = at.index(bytes.len());
            match what {
                0 => bytes[at] = byte,
                1 => { bytes.remove(at); }
                _ => bytes.insert(at, byte),
            }
        }
        if cut {
            bytes.truncate(end.index(bytes.len()));
        }
        swallow(&bytes);
    }

    #[test]
    fn the_topics_built_from_differences_are_those_of_a_fresh_mirror(
        model in printer(),
        steps in prop::collection::vec(step(), 1..40),
    ) {
        differences(model, steps)?;
    }
}

/// Gives bytes to everything that takes bytes.
fn swallow(bytes: &[u8]) {
    let printer = Printer::new("H2D");
    let mut player = Player::new(at(Duration::ZERO), &printer.serial, "Test", &topics());
    for message in [printer.version().as_bytes(), bytes, printer.full().as_bytes(), bytes] {
        player.hear(at(Duration::ZERO), message);
    }
    let keys = catalog::PRINTER.iter().map(|row| row.key);
    for key in keys.chain([String::from_utf8_lossy(bytes).as_ref()]) {
        let _ = command::parse(player.snapshot(), key, bytes);
    }
}

fn at(mono: Duration) -> Now {
    let start: jiff::Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    Now { mono, wall: start + mono }
}

/// Something that happens to a gateway.
#[derive(Debug, Clone)]
enum Step {
    Report(Value),
    Version,
    Gone,
    Disconnected,
    Connected,
    Pass(u64),
    Resend,
    Republish(&'static str),
    Rename(&'static str),
    ReadOnly(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let key =
        prop::sample::select(vec!["bed_target", "chamber_light", "speed_profile", "job_name", "nothing"]);
    prop_oneof![
        12 => any_report().prop_map(Step::Report),
        1 => Just(Step::Version),
        1 => Just(Step::Gone),
        1 => Just(Step::Disconnected),
        1 => Just(Step::Connected),
        4 => prop::sample::select(vec![1, 5, 11, 16, 70, 400]).prop_map(Step::Pass),
        1 => Just(Step::Resend),
        1 => key.prop_map(Step::Republish),
        1 => prop::sample::select(vec!["Garage", "Attic"]).prop_map(Step::Rename),
        1 => any::<bool>().prop_map(Step::ReadOnly),
    ]
}

/// What retained messages leave on a broker.
#[derive(Default)]
struct Broker(BTreeMap<String, String>);

impl Broker {
    fn take(&mut self, publications: Vec<Publication>) {
        for Publication { topic, payload, .. } in publications {
            if payload.is_empty() {
                self.0.remove(&topic);
            } else {
                self.0.insert(topic, payload);
            }
        }
    }
}

fn topics() -> Arc<Topics> {
    Arc::new(Topics { base: "b".into(), discovery: "h".into(), id_prefix: "b".into() })
}

fn differences(model: &str, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let printer = Printer::new(model);
    let mut now = Duration::ZERO;
    let mut player = Player::new(at(now), &printer.serial, "Test", &topics());
    let mut broker = Broker::default();
    broker.take(player.look(at(now)));
    for step in steps {
        let mut pass = 0;
        match step {
            Step::Report(report) => player.hear(at(now), json!({ "print": report }).to_string()),
            Step::Version => player.hear(at(now), printer.version()),
            Step::Gone => player.hear(at(now), r#"{"event":{"event":"client.disconnected"}}"#),
            Step::Disconnected => player.handle(at(now), Input::Disconnected(HERE)),
            Step::Connected => player.handle(at(now), Input::Connected(HERE)),
            Step::Pass(seconds) => pass = seconds,
            Step::Resend => player.tell_again(at(now)),
            // A refused command has the true value told again.
            Step::Republish(key) => player.handle(at(now), Input::Ask(Ask::Set { key, payload: b"?" })),
            Step::Rename(name) => player.policy(at(now), |policy| policy.name = name.into()),
            Step::ReadOnly(read_only) => player.policy(at(now), |policy| policy.read_only = read_only),
        }
        let end = now + Duration::from_secs(pass);
        let mut ticks = 0;
        while let Some(next) = player.twin.deadline().filter(|next| *next <= end) {
            now = next.max(now);
            player.handle(at(now), Input::Tick);
            ticks += 1;
            prop_assert!(ticks < 200, "the deadline does not get further");
        }
        now = end;
        broker.take(player.look(at(now)));
    }
    // Without news everything is told exactly, and the rows that may not be published often get their turn.
    // First it becomes stale and then away, and what must last a minute, as an AMS's humidity, is believed: all news.
    let end = now + Duration::from_secs(300);
    while let Some(next) = player.twin.deadline().filter(|next| *next <= end) {
        now = next.max(now);
        player.handle(at(now), Input::Tick);
    }
    broker.take(player.look(at(now)));

    let mut fresh = Broker::default();
    player.tell_again(at(now));
    fresh.take(player.look(at(now)));
    let keys = |broker: &Broker| broker.0.keys().cloned().collect::<Vec<_>>();
    prop_assert_eq!(keys(&broker), keys(&fresh));
    for (topic, payload) in &fresh.0 {
        let told = &broker.0[topic];
        let band = match topic.rsplit('/').next() {
            Some("wifi_signal") => 3.0,
            Some(key) if key.ends_with("temperature") => 0.5,
            _ => 0.0,
        };
        let near = |a: f64, b: f64| (a - b).abs() < band;
        let same =
            told == payload || told.parse().ok().zip(payload.parse().ok()).is_some_and(|(a, b)| near(a, b));
        prop_assert!(same, "{} is {}, not {}", topic, told, payload);
    }
    Ok(())
}
