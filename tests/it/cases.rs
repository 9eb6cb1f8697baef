//! Small inputs that people reported, with the right values: each stands for a kind that has tests of its own.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use crate::replay::replay;
use crate::support::shared::shared;

/// What becomes of a case: what was told in order, and what the broker keeps in the end.
struct Case {
    told: Vec<String>,
    kept: BTreeMap<String, String>,
}

impl Case {
    fn of(name: &str) -> Option<Self> {
        let text = std::fs::read_to_string(shared(&format!("cases/{name}.jsonl"))?).unwrap();
        let mut case = Self { told: Vec::new(), kept: BTreeMap::new() };
        replay(text.lines(), |_, out| {
            for publication in out {
                if publication.topic.contains("/event/") {
                    case.told.push(short(&serde_json::from_str(&publication.payload).unwrap()));
                } else if publication.payload.is_empty() {
                    case.kept.remove(&publication.topic);
                } else if publication.kind.is_retained() {
                    case.kept.insert(publication.topic, publication.payload);
                }
            }
        });
        Some(case)
    }

    /// The value of the only entity whose topic ends so.
    fn is(&self, key: &str) -> &str {
        let end = format!("/{key}");
        let mut all = self.kept.iter().filter(|(topic, _)| topic.ends_with(&end));
        let (_, value) = all.next().unwrap_or_else(|| panic!("no {key}"));
        assert!(all.next().is_none(), "more than one {key}");
        value
    }

    fn configs(&self) -> impl Iterator<Item = (&str, Value)> {
        let device = |topic: &'_ str| topic.strip_prefix("homeassistant/device/").is_some();
        self.kept.iter().filter(move |(topic, _)| device(topic)).map(|(topic, payload)| {
            let config = homeassistant::discovery::read(payload.as_bytes()).unwrap();
            (topic.split('/').nth(2).unwrap(), config)
        })
    }

    /// The AMS units that are announced: the ids of their devices, and their names.
    fn units(&self) -> Vec<(String, String)> {
        self.configs()
            .filter(|(id, _)| id.contains("_ams_"))
            .map(|(id, config)| (id.to_owned(), config["device"]["name"].as_str().unwrap().to_owned()))
            .collect()
    }
}

/// `paused@30(user)`: what was told, the second of the minute that it happened in, and why; of an end, `progress%`.
fn short(event: &Value) -> String {
    let second = event["at"].as_str().unwrap().get(17..19).unwrap();
    let mut text = format!("{}@{second}", event["event_type"].as_str().unwrap());
    if let Some(kind) = event["reason"]["kind"].as_str().filter(|kind| !kind.is_empty()) {
        write!(text, "({kind})").unwrap();
    }
    if !event["job"]["result"].is_null() {
        write!(text, " at {}%", event["job"]["progress"]).unwrap();
    }
    text
}

/// What is told of prints and errors in a case.
#[track_caller]
fn check(name: &str, wanted: &[&str]) {
    let Some(case) = Case::of(name) else { return };
    let of_heat = |told: &&String| !told.starts_with("bed_cooled") && !told.starts_with("safe_to_power_off");
    let told: Vec<_> = case.told.iter().filter(of_heat).map(String::as_str).collect();
    assert_eq!(told, wanted, "{name}");
}

#[test]
fn prints_are_told_as_they_were() {
    check(
        "36b-a1-delta-running-stale-100",
        &["started@00", "printing@00", "first_layer@00", "progress_50@00", "finished@20 at 100%"],
    );
    check(
        "44b-a1-flip-7s",
        &[
            "started@38",
            "printing@53",
            "first_layer@33",
            "progress_25@53",
            "progress_50@13",
            "progress_75@33",
            "finished@13 at 100%",
        ],
    );
    check("52-p1-auto_filament_cali", &["calibration_started@10", "calibration_finished@40 at 100%"]);
    check("71-stale-layer-at-running", &["started@10", "printing@20", "first_layer@00"]);
    check(
        "72-when-it-was-paused",
        &["started@04", "printing@04", "first_layer@04", "paused@30(user)", "resumed@50"],
    );
}

#[test]
fn the_next_job_takes_nothing_from_the_last_one() {
    check(
        "70-next-job-in-one-report",
        &[
            "started@10",
            "printing@10",
            "first_layer@10",
            "progress_95@10",
            "finishing@14",
            "finished@10 at 100%",
            "started@10",
            "printing@10",
        ],
    );
}

#[test]
fn a_pause_of_the_file_is_no_trouble_and_a_spool_that_is_used_up_is() {
    if let Some(case) = Case::of("33-gcode-pause-0300-8013") {
        assert!(case.told.contains(&"paused@40(gcode)".into()), "{:?}", case.told);
        assert!(!case.told.iter().any(|told| told.starts_with("raised")), "{:?}", case.told);
    }
    if let Some(case) = Case::of("34-external-runout-07FF-8030") {
        for told in ["paused@40(runout)", "runout@40(runout)"] {
            assert!(case.told.contains(&told.into()), "{:?}", case.told);
        }
    }
    if let Some(case) = Case::of("37-x2d-hidden-hms") {
        assert_eq!((case.is("needs_attention"), case.is("hms"), case.is("hms_count")), ("OFF", "OFF", "0"));
    }
}

#[test]
fn units_are_told_apart_and_stay_where_they_are() {
    if let Some(case) = Case::of("20-two-ams-one-serial-bmcu") {
        let [(by_place, second), (by_serial, first)] = &case.units()[..] else {
            panic!("{:?}", case.units())
        };
        assert!(by_place.ends_with("_ams_1") && !by_serial.ends_with("_ams_0"), "{by_place} {by_serial}");
        assert!(first.ends_with("AMS 1") && second.ends_with("AMS 2"));
    }
    if let Some(case) = Case::of("26-two-a1mini-one-bmcu-serial") {
        assert_eq!(case.units().len(), 2, "{:?}", case.units());
    }
    if let Some(case) = Case::of("21-a2l-lite-and-ams2pro") {
        let names: Vec<_> = case.units().into_iter().map(|(_, name)| name).collect();
        assert!(names[0].ends_with("AMS Lite 1") && names[1].ends_with(" AMS 1"), "{names:?}");
    }
    if let Some(case) = Case::of("30-ams-moves-then-old-printer-comes-back") {
        let [(_, name)] = &case.units()[..] else { panic!("{:?}", case.units()) };
        assert!(name.contains("0002"), "{name}");
    }
    if let Some(case) = Case::of("55-get_version-without-ams-first") {
        let [(id, _)] = &case.units()[..] else { panic!("{:?}", case.units()) };
        assert!(id.ends_with("_ams_006000000000AAA"), "{id}");
    }
}

#[test]
fn what_is_shown_is_within_what_is_announced_and_what_was_known_stays() {
    if let Some(case) = Case::of("43-target-above-model-max") {
        let of_bed = |(_, config): (_, Value)| config["components"]["number_bed_target"]["max"].as_u64();
        assert_eq!(case.is("bed_target"), "110");
        assert!(case.configs().find_map(of_bed).is_some_and(|max| max >= 110));
    }
    if let Some(case) = Case::of("04-ht-bare-state9") {
        let details: Value = serde_json::from_str(case.is("ams/128/tray_1/attributes")).unwrap();
        assert!(!details["type"].is_null() && details["unknown"] == false, "{details}");
        assert_eq!(details["remembered"], true);
    }
}
