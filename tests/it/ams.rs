//! AMS units, spools and what feeds the nozzles, as far as Home Assistant gets to see them.

use homeassistant::Kind;
use printer::{Content, Side, Slot, Source};
use serde_json::{Value, json};

use crate::homeassistant::Home;
use crate::reports::{Printer, tray};

impl Home {
    fn delta(&mut self, members: Value) {
        let mut print = json!({"command": "push_status", "msg": 1});
        crate::reports::overlay(&mut print, members);
        self.hear(&json!({ "print": print }).to_string());
    }

    /// A value below the printer's topic.
    fn value(&self, key: &str) -> Option<&str> {
        self.broker.get(&format!("bambu2mqtt/{}/{key}", self.printer.serial)).map(String::as_str)
    }

    fn attributes(&self, key: &str) -> Value {
        serde_json::from_str(self.value(&format!("{key}/attributes")).unwrap()).unwrap()
    }

    fn component(&self, device: &str, id: &str) -> Value {
        self.config(device).unwrap()["components"][id].clone()
    }
}

/// An AMS unit: number, board, and what it says of itself.
type Unit = (u32, &'static str, &'static str);
/// What the attributes `ams_index` and `tray_index` of `active_slot` say.
type Numbers = Option<(u8, u8)>;
/// The model of a printer and its units.
type Layout = (&'static str, &'static [Unit]);

/// A printer with these units and no other.
fn with_units(model: &str, units: &[Unit]) -> Home {
    let mut home = Home::new(model);
    home.printer.set(json!({"ams": {"ams": [], "ams_exist_bits": "0", "tray_exist_bits": "0"}}));
    home.printer.modules().retain(|module| !module["name"].as_str().unwrap().contains('/'));
    for (id, module, info) in units {
        home.printer.ams(*id, module, info, "25.0", "20");
    }
    home.hear(&home.printer.version());
    home.tell_all();
    home.tell_all();
    home
}

// What feeds the nozzles.

const PRO: Unit = (0, "n3f", "3");
const SECOND: Unit = (1, "ams", "1");
const HT: Unit = (128, "n3s", "4");
const LITE: Unit = (0, "ams_f1", "2");
const A2L: Unit = (16, "ams_f1", "5");

#[test]
fn what_feeds_is_right_in_every_layout_of_the_older_protocol() {
    let cases: &[(Layout, &str, &str, Numbers)] = &[
        // model, units, tray_now, active_slot, numbers of unit and tray
        (("P1S", &[PRO]), "0", "A1-1", Some((0, 0))),
        (("P1S", &[PRO]), "3", "A1-4", Some((0, 3))),
        (("P1S", &[PRO, SECOND]), "6", "A2-3", Some((1, 2))),
        (("X1", &[PRO, SECOND, HT]), "128", "HT1", Some((128, 0))),
        (("X1", &[HT]), "128", "HT1", Some((128, 0))),
        (("A1", &[LITE]), "2", "A1-3", Some((0, 2))),
        (("A1 mini", &[LITE]), "254", "Ext", None),
        (("P1S", &[]), "254", "Ext", None),
        (("P1S", &[PRO]), "255", "none", None),
        (("P1S", &[]), "255", "none", None),
        // Nobody has these.
        (("P1S", &[PRO]), "6", "None", None),
        (("P1S", &[PRO]), "130", "None", None),
        (("P1S", &[HT]), "0", "None", None),
        (("P1S", &[PRO]), "80", "None", None),
        (("P1S", &[PRO]), "-1", "None", None),
        (("P1S", &[PRO]), "70000", "None", None),
    ];
    for ((model, units), tray_now, slot, numbers) in cases {
        let mut home = with_units(model, units);
        home.delta(json!({"ams": {"tray_now": tray_now, "tray_tar": "255"}}));
        assert_eq!(home.value("active_slot"), Some(*slot), "{model} {units:?} {tray_now}");
        let told = home.attributes("active_slot");
        let number = |name: &str| told[name].as_u64().and_then(|number| u8::try_from(number).ok());
        let seen = number("ams_index").zip(number("tray_index"));
        assert_eq!(seen, *numbers, "{model} {units:?} {tray_now}");
    }
}

#[test]
fn what_feeds_is_right_in_every_layout_of_the_newer_protocol() {
    let dual: &[Unit] = &[PRO, SECOND, HT];
    let cases: &[(Layout, i64, &str)] = &[
        (("P2S", &[PRO]), 0x0003, "A1-4"),
        (("X1C", &[PRO, SECOND]), 0x0102, "A2-3"),
        (("H2S", &[PRO]), 0xFF00, "Ext"),
        (("H2S", &[PRO]), 0xFFFF, "none"),
        (("H2D", dual), 0x0103, "A2-4"),
        (("H2D", dual), 0x8000, "HT1"),
        (("H2D", dual), 0xFF00, "Ext"),
        (("H2D", dual), 0xFE00, "Ext2"),
        (("H2D", dual), 0xFEFF, "none"),
        // It is being unloaded: the unit is still told, the slot is not.
        (("H2D", dual), 0x00FF, "none"),
        (("X2D", &[PRO]), 0x0001, "A1-2"),
        (("A2L", &[A2L]), 0x1001, "L1-2"),
        (("A2L", &[A2L]), 0x0001, "L1-2"),
        (("A2L", &[A2L, HT]), 0x0003, "L1-4"),
        (("A2L", &[PRO, A2L]), 0x1001, "L1-2"),
        (("A2L", &[PRO, A2L]), 0x0001, "A1-2"),
        (("A2L", &[A2L]), 0xFF00, "Ext"),
        // Nobody has these.
        (("P2S", &[PRO]), 0x0203, "None"),
        (("P2S", &[PRO]), 0x0063, "None"),
        (("A2L", &[A2L]), 0x0101, "None"),
        (("H2D", &[PRO]), 0x8100, "None"),
        (("H2D", dual), 0x4000, "None"),
        (("H2D", dual), -1, "None"),
    ];
    for ((model, units), snow, slot) in cases {
        let mut home = with_units(model, units);
        // The older member counts otherwise and shows a slot while the external spool feeds (H2S).
        home.delta(
            json!({"ams": {"tray_now": "1"}, "device": {"extruder": {"info": [{"id": 0, "snow": snow}]}}}),
        );
        assert_eq!(home.value("active_slot"), Some(*slot), "{model} {units:?} {snow:#x}");
    }
}

#[test]
fn an_a2l_of_the_older_protocol_counts_the_slots_of_its_only_unit() {
    let mut home = with_units("A2L", &[A2L]);
    home.printer.report["device"]["extruder"] = Value::Null;
    let mut home = Home::of(home.printer, "A2L");
    home.hear(&home.printer.version());
    home.tell_all();
    home.delta(json!({"ams": {"tray_now": "2"}}));
    assert_eq!(home.player.snapshot().sources[0], Some(Source::Ams { unit: 16, slot: 2 }));
    assert_eq!(home.value("active_slot"), Some("L1-3"));
}

#[test]
fn each_nozzle_has_its_filament() {
    let mut home = with_units("H2D", &[PRO, SECOND, HT]);
    let feed = |home: &mut Home, state: u32, right: u32, left: u32| {
        let info = json!([{"id": 0, "snow": right}, {"id": 1, "snow": left}]);
        home.delta(json!({"device": {"extruder": {"state": state, "info": info}}}));
    };
    feed(&mut home, 0x0002, 0x0102, 0x8000);
    assert_eq!(home.value("right_active_slot"), Some("A2-3"));
    assert_eq!(home.value("left_active_slot"), Some("HT1"));
    assert_eq!(home.value("right_active_tray"), Some("Bambu ABS Basic"));
    assert_eq!(home.value("left_active_tray"), Some("Bambu PLA Basic"));
    assert_eq!(home.value("active_tray"), Some("Bambu ABS Basic"));
    assert_eq!(home.attributes("left_active_tray")["ams_index"], 128);
    assert_eq!(home.value("ams/1/active"), Some("ON"));
    assert_eq!(home.value("ams/128/active"), Some("OFF"), "it feeds the nozzle that is not in use");

    // While the nozzles change the one before stays in use.
    feed(&mut home, 0x80F2, 0x0102, 0x8000);
    assert_eq!(home.value("active_slot"), Some("A2-3"));
    feed(&mut home, 0x8112, 0x0102, 0x8000);
    assert_eq!(home.value("active_slot"), Some("HT1"));
    assert_eq!(home.value("active_tray"), Some("Bambu PLA Basic"));
    assert_eq!(home.value("ams/128/active"), Some("ON"));
    assert_eq!(home.attributes("ams/128/tray_1")["active"], true);
    assert_eq!(home.attributes("ams/1/tray_3")["active"], false);

    feed(&mut home, 0x8112, 0xFF00, 0xFE00);
    assert_eq!((home.value("external/1/active"), home.value("external/2/active")), (Some("OFF"), Some("ON")));
    assert_eq!(home.value("active_tray"), Some("ASA"));
    assert_eq!(home.player.snapshot().active_nozzle, Side::Left);
    feed(&mut home, 0x8112, 0xFFFF, 0xFEFF);
    assert_eq!((home.value("active_tray"), home.value("active_slot")), (Some("none"), Some("none")));
}

#[test]
fn the_filament_in_use_has_the_attributes_that_people_know() {
    let mut home = with_units("P1S", &[PRO, SECOND]);
    home.delta(json!({"ams": {"tray_now": "5"}}));
    let told = home.attributes("active_tray");
    assert_eq!((&told["ams_index"], &told["tray_index"]), (&json!(1), &json!(1)));
    let names = [
        "ams_index",
        "tray_index",
        "bed_temp",
        "color",
        "cols",
        "ctype",
        "dry_temp",
        "dry_time",
        "filament_id",
        "k_value",
        "tray_weight",
        "name",
        "nozzle_temp_min",
        "nozzle_temp_max",
        "remain",
        "remain_enabled",
        "tag_uid",
        "tray_uuid",
        "type",
    ];
    for name in names {
        assert!(told.get(name).is_some(), "{name} in {told}");
    }
    assert_eq!(told["color"], "#FF6A13");
    home.delta(json!({"ams": {"ams": [{"id": "1", "tray": [{"id": "1", "remain": 79}]}]}}));
    assert_eq!(home.attributes("active_tray")["remain"], 79);
    home.delta(json!({"ams": {"tray_now": "255"}}));
    let told = home.attributes("active_tray");
    assert_eq!((&told["name"], &told["ams_index"], &told["cols"]), (&Value::Null, &Value::Null, &json!([])));
}

// Slots.

fn slots(home: &Home) -> &[Slot] {
    &home.player.snapshot().ams[0].slots
}

#[test]
fn empty_and_unknown_are_two_things() {
    let mut home = with_units("P1S", &[PRO]);
    home.delta(
        json!({"ams": {"tray_exist_bits": "7", "ams": [{"id": "0", "tray": [{"id": "2"}, {"id": "3"}]}]}}),
    );
    assert_eq!(home.value("ams/0/tray_1"), Some("Bambu PLA Basic"));
    assert_eq!(home.value("ams/0/tray_3"), Some("None"), "a spool of which nothing is known");
    assert_eq!(home.value("ams/0/tray_4"), Some("Empty"));
    let flags = |n: u8| {
        let told = home.attributes(&format!("ams/0/tray_{n}"));
        (told["slot"].clone(), told["empty"].clone(), told["unknown"].clone())
    };
    assert_eq!(flags(1), (json!(1), json!(false), json!(false)));
    assert_eq!(flags(3), (json!(3), json!(false), json!(true)));
    assert_eq!(flags(4), (json!(4), json!(true), json!(false)));
    assert_eq!(home.value("ams/0/tray_4_remaining"), Some("None"));
    assert_eq!(home.value("ams/0/tray_4_type"), Some("None"));
}

#[test]
fn the_bits_say_what_is_there_and_the_state_only_without_them() {
    // state, filament known, exist bit: content
    let cases = [
        (0, false, Some(false), Content::Empty),
        (8, false, Some(false), Content::Empty),
        (10, false, Some(false), Content::Empty),
        (9, false, Some(true), Content::Unknown),
        (11, true, Some(false), Content::Empty),
        (0, false, None, Content::Empty),
        (10, false, None, Content::Empty),
        (9, false, None, Content::Unknown),
    ];
    for (state, known, bit, content) in cases {
        let mut home = Home::new("X1C");
        let slot = if known { tray(0, "PLA") } else { json!({"id": "0"}) };
        home.printer.report["ams"]["ams"][0]["tray"][0] = slot;
        home.printer.report["ams"]["ams"][0]["tray"][0]["state"] = state.into();
        home.printer.report["ams"]["tray_exist_bits"] = match bit {
            Some(true) => "1".into(),
            Some(false) => "2".into(),
            None => Value::Null,
        };
        let mut home = Home::of(home.printer, "X1C");
        home.hear(&home.printer.version());
        home.tell_all();
        assert_eq!(slots(&home)[0].content, content, "{state} {known} {bit:?}");
        assert_eq!(slots(&home)[0].state, Some(state));
    }
    // An AMS HT says 9 of a slot whose filament is known.
    let mut home = with_units("H2D", &[HT]);
    home.printer.report["ams"]["ams"][0]["tray"][0]["state"] = 9.into();
    home.tell_all();
    assert_eq!(slots(&home)[0].state, Some(9));
    assert!(slots(&home)[0].filament().is_some());
}

#[test]
fn a_spool_of_which_the_printer_says_nothing_anew_stays_what_it_was() {
    // A full report, and a part of one.
    for full in [true, false] {
        let mut home = with_units("X1C", &[PRO, HT]);
        let name = home.value("ams/128/tray_1").unwrap().to_owned();
        assert_eq!(home.attributes("ams/128/tray_1")["remembered"], false);
        let bare = json!({"id": "0", "state": 9});
        if full {
            home.printer.report["ams"]["ams"][1]["tray"][0] = bare;
            home.tell_all();
        } else {
            home.delta(json!({"ams": {"ams": [{"id": "128", "tray": [bare]}]}}));
        }
        assert_eq!(home.value("ams/128/tray_1"), Some(&*name), "full: {full}");
        let told = home.attributes("ams/128/tray_1");
        let told = (&told["remembered"], &told["unknown"], &told["state"], told["filament_id"].is_string());
        assert_eq!(told, (&json!(true), &json!(false), &json!(9), true));
        home.delta(json!({"ams": {"ams": [{"id": "128", "tray": [tray(0, "PETG")]}]}}));
        assert_eq!(home.attributes("ams/128/tray_1")["remembered"], false, "read anew");

        // Somebody takes the spool out and puts another one in.
        let bits = home.printer.report["ams"]["tray_exist_bits"].clone();
        home.delta(json!({"ams": {"tray_exist_bits": "f", "ams": [{"id": "128", "tray": [{"id": "0", "state": 8}]}]}}));
        assert_eq!(home.value("ams/128/tray_1"), Some("Empty"));
        home.delta(
            json!({"ams": {"tray_exist_bits": bits, "ams": [{"id": "128", "tray": [{"id": "0", "state": 9}]}]}}),
        );
        assert_eq!(home.value("ams/128/tray_1"), Some("None"));
    }
}

#[test]
fn another_unit_at_the_same_place_does_not_have_the_spools_of_the_one_before() {
    let mut home = with_units("X1C", &[PRO]);
    home.printer.modules().retain(|module| !module["name"].as_str().unwrap().contains('/'));
    let board = json!({"name": "n3f/0", "sn": "19C000000000777", "sw_ver": "00.00.06.49", "hw_ver": "N3F05"});
    home.printer.modules().push(board);
    home.delta(json!({"ams": {"ams": [{"id": "0", "tray": [{"id": "0", "state": 9}]}]}}));
    assert_eq!(home.attributes("ams/0/tray_1")["remembered"], true, "nobody knows of another unit yet");
    home.hear(&home.printer.version());
    assert_eq!(home.attributes("ams/0/tray_1")["unknown"], true);
}

#[test]
fn a_unit_may_have_more_slots_than_four() {
    let mut home = with_units("X1C", &[PRO, SECOND]);
    // The fifth bit belongs to the next unit, which has no spool at all.
    let trays: Vec<_> = (0..9).map(|n| tray(n, if n == 8 { "PETG" } else { "PLA" })).collect();
    home.printer.report["ams"]["ams"][0]["tray"] = trays.into();
    home.printer.report["ams"]["tray_exist_bits"] = "f".into();
    home.tell_all();
    home.delta(json!({"device": {"extruder": {"info": [{"id": 0, "snow": 8}]}}}));
    assert_eq!(home.value("active_slot"), Some("A1-9"));
    assert_eq!(home.value("ams/0/tray_9_type"), Some("PETG"));
    assert_eq!(home.value("ams/1/tray_1"), Some("Empty"));
    let config = home.config("bambu2mqtt_ams_19C000000000000").unwrap();
    assert!(config["components"]["sensor_tray_9"].is_object());
    let snapshot = home.player.snapshot();
    let asked = homeassistant::command::parse(snapshot, "ams/0/tray_9_read_rfid", b"PRESS").unwrap();
    assert_eq!(asked, printer::Command::ReadRfid { unit: 0, slot: 8 });
    let asked = homeassistant::action::read(snapshot, "read_rfid", br#"{"slot": "A1-9"}"#);
    assert!(format!("{asked:?}").contains("ReadRfid { unit: 0, slot: 8 }"), "{asked:?}");
}

#[test]
fn two_units_of_an_a2l_are_two_devices_with_names_of_their_own() {
    let home = with_units("A2L", &[PRO, A2L]);
    let of = |serial: &str| home.config(&format!("bambu2mqtt_ams_{serial}")).unwrap();
    let (pro, lite) = (of("19C000000000000"), of("19C000000000016"));
    let names = [&pro, &lite].map(|config| config["device"]["name"].as_str().unwrap().to_owned());
    assert!(names[0].ends_with(" AMS 1") && names[1].ends_with(" AMS Lite 1"), "{names:?}");
    let ids = |config: &Value| -> Vec<Value> {
        config["components"].as_object().unwrap().values().map(|c| c["default_entity_id"].clone()).collect()
    };
    assert!(ids(&pro).iter().all(|id| !ids(&lite).contains(id)));
}

#[test]
fn a_unit_has_its_slots_before_it_tells_of_them() {
    let mut home = with_units("X1", &[HT]);
    home.printer.report["ams"]["ams"][0].as_object_mut().unwrap().remove("tray");
    let mut home = Home::of(home.printer, "X1");
    home.hear(&home.printer.version());
    home.tell_all();
    home.delta(json!({"ams": {"tray_now": "128"}}));
    let unit = home.player.snapshot().ams.iter().find(|unit| unit.id == 128).unwrap();
    assert_eq!(unit.slots.len(), 1);
    assert_eq!((home.value("active_slot"), home.value("active_tray")), (Some("HT1"), Some("None")));
    home.delta(json!({"ams": {"tray_now": "255"}}));
    assert_eq!((home.value("active_slot"), home.value("active_tray")), (Some("none"), Some("none")));
}

#[test]
fn what_is_left_is_told_of_spools_that_somebody_counts() {
    let mut home = with_units("X1C", &[PRO]);
    assert_eq!(home.value("ams/0/tray_1_remaining"), Some("80"));
    assert_eq!(home.value("ams/0/tray_1_remaining_weight"), Some("800"));
    let mut say = |tray: Value| {
        home.delta(json!({"ams": {"ams": [{"id": "0", "tray": [tray]}]}}));
        let keys = ["ams/0/tray_1_remaining", "ams/0/tray_1_remaining_weight"];
        keys.map(|key| home.value(key).unwrap().to_owned())
    };
    assert_eq!(say(json!({"id": "0", "remain": -1})), ["None", "None"]);
    assert_eq!(say(json!({"id": "0", "remain": 120})), ["100", "1000"]);
    assert_eq!(say(json!({"id": "0", "remain": 0})), ["0", "0"]);
    assert_eq!(say(json!({"id": "0", "remain": 37, "tray_weight": "250"})), ["37", "92"]);
    assert_eq!(say(json!({"id": "0", "tray_weight": "0"})), ["37", "None"]);
    // The estimate is turned off.
    home.delta(json!({"cfg": "400080"}));
    assert_eq!(home.value("ams/0/tray_1_remaining"), Some("None"));
    assert_eq!(home.attributes("ams/0/tray_1")["remain_enabled"], false);

    // Without a tag: A1 01.05 says 100 of it, X1C of 2023 says 0.
    let mut home = with_units("P1S", &[PRO]);
    home.delta(json!({"ams": {"ams": [{"id": "0", "tray": [{"id": "0"}]}]}}));
    home.delta(
        json!({"ams": {"ams": [{"id": "0", "tray": [{"id": "0", "tray_type": "PLA", "remain": 100}]}]}}),
    );
    assert_eq!(home.value("ams/0/tray_1_remaining"), Some("None"));

    // A Lite says 0 of every spool.
    let mut home = with_units("A1", &[LITE]);
    home.delta(json!({"ams": {"ams": [{"id": "0", "tray": [{"id": "0", "remain": 0}]}]}}));
    assert_eq!(home.value("ams/0/tray_1_remaining"), Some("None"));
}

#[test]
fn pressure_advance_is_there_where_the_printer_has_one() {
    let mut home = with_units("P1S", &[PRO]);
    assert_eq!(home.value("ams/0/tray_1_k_value"), None);
    home.delta(json!({"vt_tray": {"k": 0.03}}));
    assert_eq!(home.value("ams/0/tray_1_k_value"), Some("None"));
    assert_eq!(home.value("external/1/k_value"), Some("0.030"));
    home.delta(json!({"ams": {"ams": [{"id": "0", "tray": [{"id": "0", "k": 0.019_999_999_552_965_164_f64, "cali_idx": 7}]}]}}));
    assert_eq!(home.value("ams/0/tray_1_k_value"), Some("0.020"));
    let told = home.attributes("ams/0/tray_1");
    assert_eq!((&told["k_value"], &told["cali_idx"]), (&json!(0.02), &json!(7)));
    assert_eq!(
        home.component("bambu2mqtt_ams_19C000000000000", "sensor_tray_1_k_value")["enabled_by_default"],
        false
    );
    home.delta(json!({"ams": {"ams": [{"id": "0", "tray": [{"id": "0", "k": 0.0, "cali_idx": -1}]}]}}));
    assert_eq!(home.value("ams/0/tray_1_k_value"), Some("None"));
    assert_eq!(home.attributes("ams/0/tray_1")["cali_idx"], Value::Null);
    // With the last spool goes its value, not the entity.
    home.delta(json!({"ams": {"ams": [{"id": "0", "tray": [{"id": "0"}]}]}}));
    assert_eq!(home.value("ams/0/tray_1_k_value"), Some("None"));
}

#[test]
fn all_colours_of_a_spool_are_told() {
    let mut home = with_units("X1C", &[PRO]);
    home.delta(json!({"ams": {"ams": [{"id": "0", "tray": [
        {"id": "0", "tray_color": "EC984C80", "cols": ["EC984CFF", "6CD4BCFF", "nonsense"], "ctype": 1}]}]}}));
    assert_eq!(home.value("ams/0/tray_1_color"), Some("#EC984C"));
    let told = home.attributes("ams/0/tray_1");
    assert_eq!((&told["color"], &told["alpha"], &told["ctype"]), (&json!("#EC984C"), &json!(128), &json!(1)));
    assert_eq!(told["cols"], json!(["#EC984C", "#6CD4BC"]));
    home.delta(json!({"ams": {"ams": [{"id": "0", "tray": [{"id": "0", "tray_color": ""}]}]}}));
    assert_eq!(home.value("ams/0/tray_1_color"), Some("None"));
}

#[test]
fn drying_figures_have_two_names_on_the_wire() {
    for names in [["drying_temp", "drying_time"], ["tray_temp", "tray_time"]] {
        let mut home = with_units("P1S", &[PRO]);
        home.delta(json!({"ams": {"ams": [{"id": "0", "tray": [{"id": "0", names[0]: "55", names[1]: "8", "bed_temp": "35"}]}]}}));
        let told = home.attributes("ams/0/tray_1");
        assert_eq!(
            (&told["dry_temp"], &told["dry_time"], &told["bed_temp"]),
            (&json!(55), &json!(8), &json!(35))
        );
        home.delta(json!({"ams": {"ams": [{"id": "0", "tray": [{"id": "0", names[0]: "0", names[1]: "0", "bed_temp": "0"}]}]}}));
        let told = home.attributes("ams/0/tray_1");
        assert_eq!(
            (&told["dry_temp"], &told["dry_time"], &told["bed_temp"]),
            (&Value::Null, &Value::Null, &Value::Null)
        );
    }
}

#[test]
fn an_external_spool_is_not_empty_because_it_does_not_feed() {
    let mut home = with_units("P1S", &[PRO]);
    home.delta(json!({"ams": {"tray_now": "0"}}));
    let told = home.attributes("external/1/spool");
    assert_eq!(
        (&told["empty"], &told["unknown"], &told["active"]),
        (&json!(false), &json!(false), &json!(false))
    );
    assert_eq!((&told["type"], &told["remain"], told.get("slot")), (&json!("PETG"), &Value::Null, None));
    home.delta(json!({"ams": {"tray_now": "254"}}));
    assert_eq!(home.attributes("external/1/spool")["active"], true);
    home.delta(json!({"vt_tray": {"tray_type": "", "tray_info_idx": ""}}));
    assert_eq!(home.value("external/1/spool"), Some("None"));
    assert_eq!(home.attributes("external/1/spool")["unknown"], true);
}

// Drying.

#[test]
fn drying_is_told_and_its_end_is_not_made_up() {
    let mut home = with_units("H2D", &[PRO, SECOND]);
    let unit = |home: &mut Home, members: Value| {
        let mut one = json!({"id": "0"});
        crate::reports::overlay(&mut one, members);
        home.delta(json!({"ams": {"ams": [one]}}));
    };
    assert_eq!(home.value("ams/0/drying"), Some("OFF"));
    assert_eq!(home.value("ams/0/drying_temperature"), Some("None"), "nothing is dried");
    let older = with_units("P2S", &[PRO]);
    assert_eq!(
        older.value("ams/0/drying_temperature"),
        None,
        "its firmware does not say that it can be told to"
    );
    assert_eq!(home.value("ams/1/drying"), None, "the first AMS cannot dry");
    unit(
        &mut home,
        json!({"dry_time": 716, "info": "1123", "dry_sf_reason": [1, 9],
        "dry_setting": {"dry_filament": "GFA00", "dry_temperature": 55, "dry_duration": 12}}),
    );
    let values = [
        "drying",
        "drying_remaining",
        "drying_status",
        "drying_temperature",
        "drying_duration",
        "drying_filament",
    ]
    .map(|key| home.value(&format!("ams/0/{key}")).unwrap().to_owned());
    assert_eq!(values, ["ON", "716", "drying", "55", "12", "Bambu PLA Basic"]);
    assert_eq!(home.value("ams/0/extruder"), Some("left"));
    assert_eq!(home.attributes("ams/0/drying")["cannot_dry"], json!(["power_insufficient", "unassigned"]));
    unit(&mut home, json!({"temp": "50.0"}));
    assert_eq!(home.value("ams/0/drying"), Some("ON"), "absent is unchanged");
    unit(
        &mut home,
        json!({"dry_time": 0, "info": "E0F3", "dry_sf_reason": [],
        "dry_setting": {"dry_filament": "", "dry_temperature": -1, "dry_duration": -1}}),
    );
    let values = [
        "drying",
        "drying_remaining",
        "drying_status",
        "drying_temperature",
        "drying_duration",
        "drying_filament",
    ]
    .map(|key| home.value(&format!("ams/0/{key}")).unwrap().to_owned());
    assert_eq!(values, ["OFF", "0", "None", "None", "None", "None"]);
    assert_eq!(home.attributes("ams/0/drying_status")["code"], 15);
    unit(&mut home, json!({"info": "E03"}));
    assert_eq!(
        (home.value("ams/0/extruder"), home.value("ams/0/drying_status")),
        (Some("None"), Some("off"))
    );
    // A million years: no time that anybody dries, and more seconds than there are numbers.
    unit(&mut home, json!({"dry_time": i64::MAX}));
    assert_eq!(home.value("ams/0/drying_remaining"), Some("None"));
}

#[test]
fn a_lite_does_not_dry_whatever_it_has_settings_for() {
    let mut home = with_units("A2L", &[A2L]);
    home.delta(json!({"ams": {"ams": [{"id": "16", "dry_time": 0, "dry_setting": {"dry_filament": "",
        "dry_temperature": -1, "dry_duration": -1}, "dry_sf_reason": []}]}}));
    let config = home.config("bambu2mqtt_ams_19C000000000016").unwrap();
    let ids: Vec<_> = config["components"].as_object().unwrap().keys().collect();
    assert!(
        !ids.iter().any(|id| id.contains("drying") || id.contains("temperature") || id.contains("extruder")),
        "{ids:?}"
    );
}

// Plugging.

#[test]
fn an_ams_that_is_plugged_in_comes_with_its_boards() {
    let mut home = with_units("P1S", &[PRO]);
    let second = "bambu2mqtt_ams_19C000000000001";
    home.printer.ams(1, "ams", "1", "25.0", "30");
    home.tell_all();
    assert_eq!(home.config(second), None, "its serial is not known yet");
    assert_eq!(home.value("ams/1/tray_1"), None);
    home.hear(&home.printer.version());
    assert!(home.config(second).is_some(), "{:?}", home.devices());
    assert_eq!(home.value("ams/1/tray_1"), Some("Bambu PLA Basic"));
}

#[test]
fn an_ams_that_moves_to_another_printer_keeps_its_history() {
    let device = "bambu2mqtt_ams_19C000000000000";
    let mut from = with_units("P1S", &[PRO]);
    let mut to = with_units("X1C", &[]);
    let before = from.config(device).unwrap();

    from.printer.set(json!({"ams": {"ams": [], "ams_exist_bits": "0", "tray_exist_bits": "0"}}));
    from.tell_all();
    from.tell_all();
    assert_eq!(from.config(device), None);
    to.printer.ams(0, "n3f", "3", "25.0", "20");
    to.hear(&to.printer.version());
    to.tell_all();
    let after = to.config(device).unwrap();

    let ids = |config: &Value| -> Vec<Value> {
        config["components"].as_object().unwrap().values().map(|c| c["unique_id"].clone()).collect()
    };
    assert_eq!(ids(&after), ids(&before));
    assert_eq!(after["device"]["identifiers"], before["device"]["identifiers"]);
    assert_eq!(after["device"]["via_device"], to.own());
    assert!(
        !after.to_string().contains(&from.printer.serial),
        "nothing of it is on the old printer's topics"
    );
}

/// What a broker holds of a device after each of these messages, by the printer that it hangs on.
fn owners(lines: &[String], device: &str) -> Vec<Option<String>> {
    let mut replay = twin::Replay::default();
    let mut owners: Vec<Option<String>> = Vec::new();
    let mut note = |published: Vec<homeassistant::Publication>| {
        for publication in published {
            if publication.topic == format!("homeassistant/device/{device}/config") {
                let config =
                    homeassistant::discovery::read(publication.payload.as_bytes()).unwrap_or_default();
                let owner = config["device"]["via_device"].as_str().map(str::to_owned);
                if owners.last() != Some(&owner) {
                    owners.push(owner);
                }
            }
        }
    };
    for line in lines {
        let mut published = Vec::new();
        replay.feed(&capture::Capture::parse(line).unwrap(), &mut published);
        note(published);
    }
    let mut published = Vec::new();
    replay.finish(&mut published);
    note(published);
    owners
}

/// A recorded message of a printer, and the same without its unit.
fn with_and_without(model: &str) -> (Printer, Printer) {
    let with = with_units(model, &[PRO]).printer;
    let without = with_units(model, &[]).printer;
    (with, without)
}

#[test]
fn units_of_two_printers_with_one_serial_number_are_two_devices() {
    let (one, two) = (with_units("P1S", &[PRO]).printer, with_units("X1C", &[PRO]).printer);
    let own = |printer: &Printer| format!("bambu2mqtt_{}", printer.serial);
    // The lower one has the serial number, whoever speaks first.
    let (lower, upper) = if one.serial < two.serial { (&one, &two) } else { (&two, &one) };
    for (first, second) in [(lower, upper), (upper, lower)] {
        let lines: Vec<_> = first.capture().into_iter().chain(second.capture()).collect();
        assert_eq!(owners(&lines, "bambu2mqtt_ams_19C000000000000").last(), Some(&Some(own(lower))));
        assert_eq!(owners(&lines, &format!("{}_ams_0", own(upper))), [Some(own(upper))]);
        assert_eq!(owners(&lines, &format!("{}_ams_0", own(lower))), []);
    }
}

#[test]
fn two_units_of_one_printer_with_one_serial_number_are_two_devices() {
    let mut printer = with_units("P1S", &[PRO, SECOND]).printer;
    for module in printer.modules().iter_mut().filter(|module| module["name"].as_str().unwrap().contains('/'))
    {
        module["sn"] = "006000000000123".into();
    }
    let own = format!("bambu2mqtt_{}", printer.serial);
    let lines = printer.capture();
    assert_eq!(owners(&lines, "bambu2mqtt_ams_006000000000123"), [Some(own.clone())]);
    assert_eq!(owners(&lines, &format!("{own}_ams_1")), [Some(own)]);
}

#[test]
fn a_unit_that_moved_is_never_taken_back_whatever_the_old_printer_says_first() {
    let device = "bambu2mqtt_ams_19C000000000000";
    let (x_with, x_without) = with_and_without("P1S");
    let (y_with, y_without) = with_and_without("X1C");
    let own = |printer: &Printer| Some(format!("bambu2mqtt_{}", printer.serial));
    let before = x_with.capture().into_iter().chain(y_without.capture()).chain(y_with.capture());
    let before: Vec<_> = before.collect();
    let [version, full] = [x_without.version(), x_without.full()].map(|payload| x_without.line(&payload));
    for last in [[&version, &full, &full], [&full, &version, &full], [&full, &full, &version]] {
        let lines: Vec<_> = before.iter().chain(last).cloned().collect();
        assert_eq!(owners(&lines, device), [own(&x_with), own(&y_with)]);
    }
}

#[test]
fn a_unit_whose_board_comes_late_is_one_device_all_the_time() {
    let printer = with_units("P1S", &[PRO]).printer;
    let mut early = with_units("P1S", &[PRO]).printer;
    early.modules().retain(|module| !module["name"].as_str().unwrap().contains('/'));
    let own = format!("bambu2mqtt_{}", printer.serial);
    let full = printer.line(&printer.full());
    let lines =
        [printer.line(&early.version()), full.clone(), full.clone(), printer.line(&printer.version()), full];
    assert_eq!(owners(&lines, &format!("{own}_ams_0")), []);
    assert_eq!(owners(&lines, "bambu2mqtt_ams_19C000000000000"), [Some(own)]);
}

#[test]
fn two_units_that_change_places_stay_who_they_are() {
    let mut home = with_units("P1S", &[PRO, SECOND]);
    let place = |home: &Home, device: &str| {
        let component = home.component(device, "sensor_tray_1");
        component["state_topic"].as_str().unwrap().split('/').nth(3).unwrap().to_owned()
    };
    let devices = ["bambu2mqtt_ams_19C000000000000", "bambu2mqtt_ams_19C000000000001"];
    assert_eq!(devices.map(|device| place(&home, device)), ["0", "1"]);
    for module in home.printer.modules() {
        let name = match module["name"].as_str().unwrap() {
            "n3f/0" => "n3f/1",
            "ams/1" => "ams/0",
            _ => continue,
        };
        module["name"] = name.into();
    }
    for unit in home.printer.report["ams"]["ams"].as_array_mut().unwrap() {
        unit["id"] = if unit["id"] == "0" { "1" } else { "0" }.into();
    }
    let mut out = home.hear(&home.printer.version());
    out.extend(home.tell_all());
    let withdrawn = out.iter().find(|p| p.kind == Kind::Withdrawn);
    assert_eq!(withdrawn, None, "never taken back in between");
    assert_eq!(devices.map(|device| place(&home, device)), ["1", "0"]);
    assert_eq!(home.config(devices[0]).unwrap()["device"]["model"], "AMS 2 Pro");
}
