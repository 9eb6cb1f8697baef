//! What a printer turns out to have and to be, from its reports to the local broker.

use std::collections::{BTreeMap, BTreeSet};

use capture::Capture;
use serde_json::{Value, json};
use twin::Replay;

use crate::reports::{MODELS, Printer, fan, packed};

/// What the broker keeps once a printer has reported.
struct Kept(BTreeMap<String, String>);

impl Kept {
    fn of(lines: &[String]) -> Self {
        let mut replay = Replay::default();
        let mut out = Vec::new();
        for line in lines {
            replay.feed(&Capture::parse(line).unwrap(), &mut out);
        }
        replay.finish(&mut out);
        Self(
            out.into_iter()
                .map(|p| (p.topic, p.payload))
                .filter(|(_, payload)| !payload.is_empty())
                .collect(),
        )
    }

    /// The value of one of the printer's own entities.
    fn value(&self, printer: &Printer, key: &str) -> Option<&str> {
        self.0.get(&format!("bambu2mqtt/{}/{key}", printer.serial)).map(String::as_str)
    }

    /// The printer's own components, with whether they are shown at first.
    fn components(&self, printer: &Printer) -> BTreeMap<String, bool> {
        let topic = format!("homeassistant/device/bambu2mqtt_{}/config", printer.serial);
        let config = homeassistant::discovery::read(self.0[&topic].as_bytes()).unwrap();
        let shown = |component: &Value| component["enabled_by_default"] != json!(false);
        config["components"].as_object().unwrap().iter().map(|(id, c)| (id.clone(), shown(c))).collect()
    }
}

fn check(printer: &Printer, wanted: &[(&str, Option<&str>)]) {
    let kept = Kept::of(&printer.capture());
    for (key, value) in wanted {
        assert_eq!(kept.value(printer, key), *value, "{key}");
    }
}

#[test]
fn an_unknown_model_shows_all_that_its_report_proves_and_is_not_heated_or_moved() {
    let mut printer = Printer::new("Z9");
    printer.ams(1, "n3f", "3", "30.0", "21");
    printer.set(json!({"cfg": "4D0081", "fun": "3C0020001000", "aux": "1000", "stat": "800080", "sdcard": true,
        "hw_switch_state": 1, "home_flag": 0x0004_000F, "xcam": {"cfg": 0x80, "spaghetti_detector": true},
        "vir_slot": [{"id": "255"}, {"id": "254"}],
        "device": {"extruder": {"state": 0x02, "info": [{"id": 0, "temp": packed(220, 219), "snow": 0xFFFF, "info": 2},
                {"id": 1, "temp": packed(0, 30), "snow": 0xFFFF, "info": 0}]},
            "nozzle": {"exist": 3, "info": [{"id": 0, "diameter": 0.4, "type": "HS09"}, {"id": 1, "diameter": 0.6, "type": "HH01"}]},
            "ctc": {"info": {"temp": packed(0, 41)}, "state": 0}, "ext_tool": {"mount": 1, "type": "LB77"},
            "airduct": {"modeCur": 1, "modeList": [{"modeId": 0}, {"modeId": 1}],
                "parts": [fan(16, 60), fan(32, 20), fan(48, 10), fan(160, 5)]}}}));
    check(
        &printer,
        &[
            ("right_nozzle_temperature", Some("219")),
            ("left_nozzle_temperature", Some("30")),
            ("chamber_temperature", Some("41")),
            ("chamber_target", None),
            ("secondary_aux_fan_speed", Some("5")),
            ("door", Some("ON")),
            ("storage", Some("normal")),
            ("airduct_mode", Some("heating")),
            ("tool_module", Some("None")),
            ("right_nozzle_type", Some("None")),
            ("left_nozzle_type", Some("hardened_steel")),
            ("right_nozzle_diameter", Some("0.4")),
            ("left_filament_present", Some("empty")),
            ("right_filament_present", Some("loaded")),
            ("camera_recording", Some("ON")),
            ("spaghetti_detector", Some("ON")),
            ("pileup_detector", Some("OFF")),
            ("prompt_sound", Some("ON")),
            ("signed_commands_required", Some("ON")),
            ("developer_mode", Some("OFF")),
            ("mains_220v", Some("ON")),
            ("hotend_1", None),
        ],
    );
    let kept = Kept::of(&printer.capture());
    let details: Value =
        serde_json::from_str(kept.value(&printer, "right_nozzle_type/attributes").unwrap()).unwrap();
    assert_eq!(details["code"], "HS09", "what has no word here is told as the printer says it");
    let harmless = [
        "light_",
        "button_",
        "sensor_",
        "binary_sensor_",
        "update_",
        "image_",
        "event_",
        "device_automation_",
    ];
    for component in kept.components(&printer).keys() {
        assert!(harmless.iter().any(|kind| component.starts_with(kind)), "{component}");
    }
    let units = kept.0.keys().filter(|topic| topic.ends_with("/config") && topic.contains("_ams_")).count();
    assert_eq!(units, 2);
}

#[test]
fn an_h2c_tells_where_its_hotends_are() {
    let mut printer = Printer::new("H2C");
    check(
        &printer,
        &[
            ("holder_position", Some("centre")),
            ("holder_state", Some("idle")),
            ("hotend_1", Some("docked")),
            ("hotend_4", Some("docked")),
            ("hotend_5", Some("mounted")),
            ("hotend_6", Some("docked")),
            ("hotend_5_wear", Some("0")),
            ("chamber_heater", Some("ON")),
        ],
    );
    printer.set(json!({"device": {"nozzle": {"exist": 0x21_0003, "tar_id": 0}}}));
    check(
        &printer,
        &[("hotend_1", Some("docked")), ("hotend_2", Some("empty")), ("hotend_5", Some("empty"))],
    );
    let mut other = Printer::new("H2D");
    other.set(json!({"device": {"holder": null}}));
    check(&other, &[("hotend_1", None), ("holder_state", None)]);
}

#[test]
fn what_a_delta_leaves_out_stays_as_it_was() {
    let printer = Printer::new("H2D");
    let [version, full] = printer.capture();
    let delta = |print: Value| printer.line(&json!({ "print": print }).to_string());
    let deltas = [
        json!({"command": "push_status", "msg": 1, "device": null, "xcam": null, "net": null}),
        json!({"command": "push_status", "msg": 1, "device": {"nozzle": null, "ext_tool": null, "airduct": {}}}),
        json!({"command": "push_status", "msg": 1, "device": {"nozzle": {"info": [{"id": 1, "diameter": 0.8}]}}}),
    ];
    let mut lines = vec![version, full];
    lines.extend(deltas.map(delta));
    let kept = Kept::of(&lines);
    for (key, value) in [
        ("left_nozzle_diameter", "0.8"),
        ("left_nozzle_type", "tungsten_carbide"),
        ("right_nozzle_type", "hardened_steel"),
        ("tool_module", "none"),
        ("airduct_mode", "cooling"),
        ("spaghetti_detector", "ON"),
        ("ip_address", "1.1.1.1"),
    ] {
        assert_eq!(kept.value(&printer, key), Some(value), "{key}");
    }
}

#[test]
fn an_active_tray_that_nobody_knows_is_unknown() {
    // Only an AMS HT, and no tray of it was told yet.
    let mut printer = Printer::new("P1S");
    printer.set(
        json!({"ams": {"ams": [{"id": "128", "tray": []}], "ams_exist_bits": "10", "tray_exist_bits": "0",
        "tray_now": "255"}}),
    );
    check(&printer, &[("active_slot", Some("none"))]);
    // A tray of a unit that is not there.
    let mut printer = Printer::new("P1S");
    printer.set(json!({"ams": {"tray_now": "6"}}));
    check(&printer, &[("active_slot", Some("None"))]);
    // A nozzle without a kind.
    printer.set(json!({"nozzle_type": "", "nozzle_diameter": ""}));
    check(&printer, &[("nozzle_type", Some("None")), ("nozzle_diameter", Some("None"))]);
}

#[test]
fn no_printer_shows_more_than_people_read() {
    let mut counts = BTreeSet::new();
    for model in MODELS {
        let printer = Printer::new(model);
        let mut components = Kept::of(&printer.capture()).components(&printer);
        // They are in the editor of automations alone.
        components.retain(|id, _| !id.starts_with("device_automation_"));
        let shown = components.values().filter(|shown| **shown).count();
        counts.insert((shown, model));
        // What people look at, and no two that say the same. The rack of an H2C is six more.
        let most = if matches!(model, "H2C") { 68 } else { 62 };
        assert!(shown <= most, "{model}: {shown} of {}", components.len());
    }
    println!("{counts:?}");
}

#[test]
fn a_cable_leaves_the_entity_of_the_wifi_and_makes_it_unknown() {
    let mut printer = Printer::new("P2S");
    check(&printer, &[("wifi_signal", Some("-52")), ("wired", Some("OFF"))]);
    printer.set(json!({"net": {"conf": 1}, "wifi_signal": "-90dBm"}));
    check(&printer, &[("wifi_signal", Some("None")), ("wired", Some("ON"))]);
}

#[test]
fn a_memory_card_that_is_missing_faulty_or_full_is_a_problem() {
    let full = json!([{"attr": 0x0500_0100, "code": 0x0003_0004}]);
    let bed = json!([{"attr": 0x0300_0100, "code": 0x0001_0007}]);
    for (members, state, reasons) in [
        (json!({"sdcard": true, "home_flag": 0x100}), "OFF", json!([])),
        (json!({"sdcard": false, "home_flag": 0}), "ON", json!(["missing"])),
        (json!({"sdcard": true, "home_flag": 0x200}), "ON", json!(["abnormal"])),
        (json!({"sdcard": true, "home_flag": 0x300}), "ON", json!(["read_only"])),
        (
            json!({"sdcard": true, "home_flag": 0x100, "hms": full}),
            "ON",
            json!(["The printer's storage is full"]),
        ),
        (
            json!({"sdcard": true, "home_flag": 0x100, "print_error": 0x0500_C010}),
            "ON",
            json!(["The printer's storage cannot be read or written: put it in again or replace it"]),
        ),
        (json!({"sdcard": true, "home_flag": 0x100, "hms": bed}), "OFF", json!([])),
        (json!({"sdcard": "maybe"}), "None", json!([])),
    ] {
        let mut printer = Printer::new("P1S");
        printer.set(members.clone());
        let kept = Kept::of(&printer.capture());
        assert_eq!(kept.value(&printer, "storage_problem"), Some(state), "{members}");
        let value = Some(state).filter(|state| *state != "None");
        let details = kept.value(&printer, "storage_problem/attributes").unwrap();
        assert_eq!(
            serde_json::from_str::<Value>(details).unwrap(),
            json!({"value": value, "reasons": reasons}),
            "{members}"
        );
    }
}

#[test]
fn no_stick_is_no_problem_for_a_printer_with_a_storage_of_its_own() {
    for (model, aux, state) in [
        ("X2D", "0", "OFF"),
        ("H2D", "0", "OFF"),
        ("H2D", "2000", "ON"),
        ("P2S", "3000", "ON"),
        ("H2C", "1000", "OFF"),
    ] {
        let mut printer = Printer::new(model);
        printer.set(json!({"aux": aux}));
        check(&printer, &[("storage_problem", Some(state))]);
    }
}
