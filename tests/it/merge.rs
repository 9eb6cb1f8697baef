//! What holds for merging, whatever is merged. The reports are those of `laws`.

use bambu::report::Print;
use bambu::wire::{Kind, Object as _};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::laws::{any_report, delta, full, print, print_text};
use crate::reports::overlay;

fn after(reports: &[&Value]) -> Print {
    let mut state = Print::default();
    for report in reports {
        let (report, kind) = print(report);
        state.merge(report, kind);
    }
    state
}

/// The same with every object and value handed to `change`, from the inside out.
fn each(value: &Value, change: &mut impl FnMut(&str, Value) -> Value) -> Value {
    fn walk(name: &str, value: &Value, change: &mut impl FnMut(&str, Value) -> Value) -> Value {
        let value = match value {
            Value::Object(members) => {
                members.iter().map(|(key, value)| (key.clone(), walk(key, value, change))).collect()
            }
            Value::Array(items) => items.iter().map(|item| walk(name, item, change)).collect(),
            other => other.clone(),
        };
        change(name, value)
    }
    walk("", value, change)
}

/// Another value of the same shape; what identifies something stays.
fn other(name: &str, value: Value) -> Value {
    match (name, &value) {
        ("id" | "node" | "command" | "msg" | "info" | "state", _) => value,
        (_, Value::Number(number)) => number.as_i64().map_or(value.clone(), |n| (n + 1).into()),
        (_, Value::Bool(flag)) => (!flag).into(),
        (_, Value::String(text)) => match text.as_str() {
            "enable" => "disable".into(),
            "disable" => "enable".into(),
            "on" => "off".into(),
            "RUNNING" => "PAUSE".into(),
            _ => text.parse::<u32>().map_or(value.clone(), |n| (n + 1).to_string().into()),
        },
        _ => value,
    }
}

/// A member of a report with another value, as a partial report.
fn piece((name, value): (&String, &Value)) -> Value {
    let mut report = json!({ name.as_str(): each(value, &mut other) });
    overlay(&mut report, json!({"command": "push_status", "msg": 1}));
    report
}

/// JSON with the members of each object in another order.
fn shuffled(value: &Value, random: &mut fastrand::Rng) -> String {
    match value {
        Value::Object(members) => {
            let mut texts: Vec<_> = members
                .iter()
                .map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), shuffled(value, random)))
                .collect();
            random.shuffle(&mut texts);
            format!("{{{}}}", texts.join(","))
        }
        Value::Array(items) => {
            let texts: Vec<_> = items.iter().map(|item| shuffled(item, random)).collect();
            format!("[{}]", texts.join(","))
        }
        other => other.to_string(),
    }
}

proptest! {
    #[test]
    fn a_full_report_after_partial_ones_is_a_full_report(
        full in full(),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 1..8),
        unit in 0_u32..4,
    ) {
        let members: Vec<_> = full.as_object().unwrap().iter().collect();
        let mut deltas: Vec<_> = picks.iter().map(|pick| piece(members[pick.index(members.len())])).collect();
        // A unit that the full report does not have is gone with it.
        if full["ams"]["ams"].is_array() {
            let strange = json!({"ams": [{"id": (unit + 4).to_string()}]});
            deltas.push(json!({"command": "push_status", "msg": 1, "ams": strange}));
        }
        let mut reports = vec![&full];
        reports.extend(&deltas);
        reports.push(&full);
        prop_assert_eq!(after(&reports), after(&[&full]));
    }

    #[test]
    fn partial_reports_said_again_change_nothing(before in any_report(), deltas in prop::collection::vec(delta(), 1..5)) {
        let last = deltas.last().unwrap();
        let mut reports = vec![&before];
        reports.extend(&deltas);
        let once = after(&reports);
        reports.push(last);
        prop_assert_eq!(after(&reports), once);
    }

    #[test]
    fn the_order_of_members_means_nothing(report in any_report(), seed in any::<u64>()) {
        let (wanted, kind) = print(&report);
        let text = format!(r#"{{"print":{}}}"#, shuffled(&report, &mut fastrand::Rng::with_seed(seed)));
        prop_assert_eq!(print_text(&text), (wanted, kind));
    }

    #[test]
    fn unknown_members_do_no_harm(before in any_report(), report in any_report(), what in 0_usize..4) {
        let stranger = [json!(7), json!("x"), json!(null), json!({"id": 1, "info": [[], {}]})][what].clone();
        let with = each(&report, &mut |_, mut value| {
            if let Some(members) = value.as_object_mut() {
                members.insert("of_next_year".into(), stranger.clone());
            }
            value
        });
        prop_assert_eq!(after(&[&before, &with]), after(&[&before, &report]));
    }

    #[test]
    fn numbers_may_be_strings(before in any_report(), report in any_report()) {
        // Not where a string is taken for a hexadecimal one.
        let worded = each(&report, &mut |name, value| match value {
            Value::Number(number) if !matches!(name, "attr" | "code" | "home_flag" | "msg") => number.to_string().into(),
            other => other,
        });
        prop_assert_eq!(after(&[&before, &worded]), after(&[&before, &report]));
        // And the other way round, where printers are known to differ.
        let numbers = each(&report, &mut |name, value| match (name, value.as_str()) {
            ("id" | "temp" | "humidity" | "humidity_raw" | "tray_now" | "remain" | "tray_weight"
                | "cooling_fan_speed" | "nozzle_diameter", Some(text)) => {
                serde_json::from_str(text).ok().filter(Value::is_number).unwrap_or(value)
            }
            _ => value,
        });
        prop_assert_eq!(after(&[&before, &numbers]), after(&[&before, &report]));
    }

    #[test]
    fn null_changes_nothing(before in full(), report in delta(), picks in prop::collection::vec(any::<prop::sample::Index>(), 1..10)) {
        let members: Vec<_> = before.as_object().unwrap().iter().collect();
        let mut nulls = Map::new();
        for pick in picks {
            let (name, value) = members[pick.index(members.len())];
            let null = value.as_object().map_or(Value::Null, |members| {
                members.keys().map(|key| (key.clone(), Value::Null)).collect::<Map<_, _>>().into()
            });
            nulls.insert(name.clone(), null);
        }
        let mut with = Value::from(nulls);
        overlay(&mut with, report.clone());
        prop_assert_eq!(after(&[&before, &with]), after(&[&before, &report]));
    }
}

#[test]
fn most_pieces_of_a_report_change_it() {
    let full = crate::reports::Printer::new("H2D").report;
    let whole = after(&[&full]);
    let changing =
        full.as_object().unwrap().iter().filter(|member| after(&[&full, &piece(*member)]) != whole);
    assert!(changing.count() > 20);
}

#[test]
fn a_number_is_read_as_what_it_is() {
    assert_ne!(after(&[&json!({"mc_percent": 7})]), after(&[&json!({"mc_percent": 8})]));
    assert_eq!(after(&[&json!({"mc_percent": "7"})]), after(&[&json!({"mc_percent": 7})]));
    let (_, kind) = print(&json!({"mc_percent": 7}));
    assert_eq!(kind, Kind::Delta);
}
