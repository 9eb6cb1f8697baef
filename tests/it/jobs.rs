//! The job, firmware, the age of what is known, and the document of all values: messages in, values out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use capture::Capture;
use homeassistant::Publication;
use homeassistant::topic::Topics;
use printer::cloud::Release;
use printer::{Facts, Now, Policy, Serial};
use serde_json::{Value, json};
use twin::{Input, Replay, Setup};

use crate::reports::Printer;
use crate::support::player::{HERE, Player};
use crate::support::shared::shared;

/// A printer on a desk: what was published of it, and a clock to turn.
fn at(mono: Duration) -> Now {
    let start: jiff::Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    Now { mono, wall: start + mono }
}

struct Desk {
    printer: Printer,
    player: Player,
    values: BTreeMap<String, String>,
    mono: Duration,
    /// How often each topic was published.
    said: BTreeMap<String, usize>,
}

impl Desk {
    fn new(model: &str, change: Value) -> Self {
        let mut printer = Printer::new(model);
        printer.set(change);
        let topics = Topics { base: "b".into(), discovery: "h".into(), id_prefix: "b".into() };
        let policy = Policy { name: "Test".into(), ..Policy::default() };
        let setup = Setup::new(Serial::new(&printer.serial), ["", ""], policy, &Arc::new(topics));
        let player = Player::of(at(Duration::ZERO), Setup { document: true, ..setup });
        let (values, said) = (BTreeMap::new(), BTreeMap::new());
        let mut desk = Self { printer, player, values, mono: Duration::ZERO, said };
        desk.publish();
        for message in [desk.printer.version(), desk.printer.full()] {
            desk.take(Input::Message(HERE, message.as_bytes()));
        }
        desk
    }

    fn take(&mut self, input: Input<'_>) {
        self.player.handle(at(self.mono), input);
        self.publish();
    }

    /// What the cloud knows.
    fn learn(&mut self, facts: Facts) {
        self.take(Input::Facts(Arc::new(facts)));
    }

    fn publish(&mut self) {
        for Publication { topic, payload, .. } in self.player.look(at(self.mono)) {
            let Some(key) = topic.strip_prefix(&format!("b/{}/", self.printer.serial)) else { continue };
            *self.said.entry(key.to_owned()).or_default() += 1;
            self.values.insert(key.to_owned(), payload);
        }
    }

    /// A part of a report.
    fn hear(&mut self, members: Value) {
        let mut report = json!({"command": "push_status", "msg": 1});
        crate::reports::overlay(&mut report, members);
        self.take(Input::Message(HERE, json!({ "print": report }).to_string().as_bytes()));
    }

    /// Lets time pass, stopping at each deadline.
    fn pass(&mut self, seconds: u64) {
        let end = self.mono + Duration::from_secs(seconds);
        while let Some(at) = self.player.twin.deadline().filter(|at| *at <= end) {
            self.mono = self.mono.max(at);
            self.take(Input::Tick);
        }
        self.mono = end;
        self.take(Input::Tick);
    }

    /// A value; nothing where there is no such entity.
    fn is(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    fn document(&self, key: &str) -> Value {
        serde_json::from_str(&self.values[key]).unwrap()
    }
}

/// As an A1 says it: name, id and state at once, the figures later.
fn begins(name: &str) -> Value {
    json!({"gcode_state": "PREPARE", "subtask_name": name, "task_id": "99", "gcode_file_prepare_percent": "0"})
}

#[test]
fn a_new_job_does_not_begin_with_the_figures_of_the_last_one() {
    let mut desk = Desk::new(
        "A1",
        json!({"gcode_state": "FINISH", "mc_percent": 100, "mc_remaining_time": 0, "layer_num": 751,
            "total_layer_num": 751, "s_obj": [3, 4], "print_type": "idle"}),
    );
    assert_eq!((desk.is("layer"), desk.is("skipped_objects")), (Some("751"), Some("2")));
    assert_eq!(desk.document("skipped_objects/attributes"), json!({"value": 2, "objects": [3, 4]}));
    desk.hear(begins("gear"));
    assert_eq!((desk.is("progress"), desk.is("layer")), (Some("0"), Some("0")));
    assert_eq!((desk.is("total_layers"), desk.is("remaining_time")), (Some("None"), Some("None")));
    assert_eq!((desk.is("skipped_objects"), desk.is("end_time")), (Some("0"), Some("None")));
    desk.hear(json!({"gcode_state": "RUNNING", "mc_percent": 0, "layer_num": 0, "total_layer_num": 50}));
    desk.hear(json!({"mc_remaining_time": 14}));
    assert_eq!((desk.is("total_layers"), desk.is("remaining_time")), (Some("50"), Some("14")));
    // A job that is only held goes on where it was.
    desk.hear(json!({"mc_percent": 40, "layer_num": 20}));
    desk.hear(json!({"gcode_state": "PAUSE"}));
    desk.hear(json!({"gcode_state": "RUNNING"}));
    assert_eq!((desk.is("progress"), desk.is("layer")), (Some("40"), Some("20")));
}

#[test]
fn a_job_that_begins_with_running_waits_for_its_own_figures() {
    let rest = json!({"gcode_state": "FINISH", "mc_percent": 100, "mc_remaining_time": 0, "layer_num": 751,
        "total_layer_num": 751, "print_type": "idle"});
    let mut desk = Desk::new("A1", rest);
    desk.hear(json!({"gcode_state": "RUNNING"}));
    assert_eq!((desk.is("progress"), desk.is("layer")), (Some("0"), Some("0")));
    assert_eq!((desk.is("remaining_time"), desk.is("end_time")), (Some("None"), Some("None")));
    desk.hear(json!({"mc_percent": 0, "layer_num": 0, "mc_remaining_time": 45}));
    assert_eq!(desk.is("remaining_time"), Some("45"));
    // The end of the last one is the end of this one when it is there.
    desk.hear(json!({"gcode_state": "FINISH", "mc_percent": 100, "layer_num": 751, "mc_remaining_time": 0}));
    assert_eq!((desk.is("progress"), desk.is("layer")), (Some("100"), Some("751")));
}

#[test]
fn the_time_left_of_a_cancelled_job_is_not_that_of_the_next_one() {
    // A P1 keeps the estimate, and the next one comes a message after the progress.
    for percent in [0, 30] {
        let rest = json!({"gcode_state": "FAILED", "mc_percent": percent, "mc_remaining_time": 165,
            "layer_num": percent, "total_layer_num": 127, "print_type": "idle"});
        let mut desk = Desk::new("P1S", rest);
        desk.hear(json!({"gcode_state": "PREPARE"}));
        assert_eq!(
            (desk.is("remaining_time"), desk.is("end_time")),
            (Some("None"), Some("None")),
            "{percent}"
        );
        desk.hear(json!({"gcode_state": "RUNNING", "mc_percent": 0, "layer_num": 0}));
        assert_eq!(
            (desk.is("remaining_time"), desk.is("end_time")),
            (Some("None"), Some("None")),
            "{percent}"
        );
        // The same file again: its layers are as many, and known from the first one on at the latest.
        assert_eq!(desk.is("total_layers"), Some("127"));
        desk.hear(json!({"mc_remaining_time": 90}));
        assert_eq!(desk.is("remaining_time"), Some("90"));
    }
}

#[test]
fn no_job_is_beyond_its_last_layer_when_it_begins() {
    let of_94 = json!({"gcode_state": "RUNNING", "mc_percent": 0, "layer_num": 750, "total_layer_num": 94,
        "stg_cur": -1, "task_id": "98", "subtask_id": "98"});
    let rest = json!({"gcode_state": "FINISH", "layer_num": 100, "total_layer_num": 100});
    for mut desk in [Desk::new("P2S", rest), Desk::new("P2S", of_94.clone())] {
        desk.hear(of_94.clone());
        assert_eq!((desk.is("layer"), desk.is("total_layers")), (Some("0"), Some("94")));
        desk.hear(json!({"mc_percent": 2, "layer_num": 2}));
        assert_eq!(desk.is("layer"), Some("2"));
    }
}

#[test]
fn a_rest_that_is_none_keeps_the_figures() {
    let at_45 = json!({"gcode_state": "RUNNING", "mc_percent": 45, "layer_num": 90, "total_layer_num": 200,
        "s_obj": [3]});
    let mut desk = Desk::new("P1S", at_45);
    for state in ["IDLE", "RUNNING"] {
        desk.hear(json!({ "gcode_state": state }));
    }
    assert_eq!((desk.is("progress"), desk.is("layer")), (Some("45"), Some("90")));
    assert_eq!((desk.is("total_layers"), desk.is("skipped_objects")), (Some("200"), Some("1")));
}

#[test]
fn the_next_plate_without_a_number_has_not_the_figures_of_the_last_one() {
    let at_99 = json!({"gcode_state": "RUNNING", "mc_percent": 99, "layer_num": 90, "total_layer_num": 90,
        "task_id": "0", "subtask_id": "0", "gcode_file": "/data/Metadata/plate_1.gcode"});
    let mut desk = Desk::new("P1S", at_99);
    desk.hear(json!({"gcode_state": "PREPARE"}));
    desk.hear(json!({"gcode_file": "/data/Metadata/plate_2.gcode"}));
    desk.hear(json!({"gcode_state": "RUNNING"}));
    assert_eq!((desk.is("progress"), desk.is("layer")), (Some("0"), Some("0")));
    desk.hear(json!({"mc_percent": 1, "layer_num": 1}));
    assert_eq!((desk.is("progress"), desk.is("layer")), (Some("1"), Some("1")));
}

#[test]
fn the_total_of_layers_outlasts_the_end_and_not_the_job() {
    let mut desk = Desk::new("P1S", json!({}));
    assert_eq!(desk.is("total_layers"), Some("40"));
    desk.hear(json!({"total_layer_num": 0}));
    desk.hear(json!({"gcode_state": "FINISH", "layer_num": 41}));
    assert_eq!((desk.is("total_layers"), desk.is("layer")), (Some("40"), Some("40")), "P1 takes it back");
    desk.hear(begins("bracket"));
    assert_eq!(desk.is("total_layers"), Some("None"), "the same name may be another slicing");
}

#[test]
fn layers_counted_while_preparing_are_none_of_the_job() {
    let mut desk = Desk::new("X1C", json!({"gcode_state": "PREPARE", "layer_num": 5, "total_layer_num": 40}));
    assert_eq!((desk.is("layer"), desk.is("total_layers")), (Some("0"), Some("None")));
    desk.hear(json!({"layer_num": 0}));
    assert_eq!(desk.is("total_layers"), Some("40"));
    // The same file again: the printer does not say again what stays as it was.
    let mut desk = Desk::new("A1", json!({"gcode_state": "FINISH", "layer_num": 50, "total_layer_num": 50}));
    desk.hear(begins("bracket"));
    assert_eq!((desk.is("layer"), desk.is("total_layers")), (Some("0"), Some("None")));
    desk.hear(json!({"gcode_state": "RUNNING", "layer_num": 0}));
    assert_eq!((desk.is("layer"), desk.is("total_layers")), (Some("0"), Some("50")));
}

#[test]
fn a_download_is_shown_while_the_printer_prepares() {
    let mut desk = Desk::new("P1S", json!({"gcode_state": "IDLE", "gcode_file_prepare_percent": "99"}));
    assert_eq!(desk.is("download_progress"), Some("None"), "P1 sticks at 99");
    desk.hear(begins("gear"));
    assert_eq!(desk.is("download_progress"), Some("0"));
    desk.hear(json!({"gcode_file_prepare_percent": "61"}));
    assert_eq!(desk.is("download_progress"), Some("61"));
    desk.hear(json!({"gcode_state": "RUNNING"}));
    assert_eq!(desk.is("download_progress"), Some("None"));
    let np = json!({"gcode_state": "PREPARE", "gcode_file_prepare_percent": "", "prepare_per": 12});
    assert_eq!(Desk::new("H2D", np).is("download_progress"), Some("12"));
    let nonsense = json!({"gcode_state": "PREPARE", "gcode_file_prepare_percent": "250"});
    assert_eq!(Desk::new("P1S", nonsense).is("download_progress"), Some("None"));
}

#[test]
fn only_what_the_printer_tells_of_its_jobs_is_an_entity() {
    for (members, start) in [
        (json!({}), Some("None")),
        (json!({"gcode_start_time": "0"}), Some("None")),
        (json!({"gcode_start_time": ""}), Some("None")),
        (json!({"gcode_start_time": "86400"}), Some("None")),
        (json!({"gcode_start_time": "1767225600"}), Some("2026-01-01T00:00:00Z")),
    ] {
        assert_eq!(Desk::new("X1", members.clone()).is("start_time"), start, "{members}");
    }
    for (members, plate) in
        [(json!({}), None), (json!({"plate_idx": 0}), Some("None")), (json!({"plate_idx": "3"}), Some("3"))]
    {
        assert_eq!(Desk::new("X1C", members.clone()).is("plate"), plate, "{members}");
    }
    assert_eq!(Desk::new("P1S", json!({})).is("queue_position"), None);
    assert_eq!(Desk::new("P1S", json!({"queue_number": 2})).is("queue_position"), Some("2"));
}

#[test]
fn the_kind_of_a_job_is_a_word_or_unknown() {
    for (word, state, kind) in [
        ("cloud", "RUNNING", "cloud"),
        ("local", "RUNNING", "local"),
        ("system", "RUNNING", "system"),
        ("idle", "IDLE", "idle"),
        ("", "IDLE", "idle"),
        ("", "RUNNING", "None"),
        ("dream", "RUNNING", "None"),
    ] {
        let desk = Desk::new("X1C", json!({"print_type": word, "gcode_state": state}));
        assert_eq!(desk.is("print_type"), Some(kind), "{word} {state}");
    }
}

#[test]
fn a_stage_that_nobody_knows_keeps_its_number() {
    let mut desk = Desk::new("H2D", json!({"stg_cur": 99, "stg": [2, 14, 99]}));
    assert_eq!(desk.is("stage"), Some("None"));
    let planned = json!(["heatbed preheating", "cleaning nozzle tip", 99]);
    assert_eq!(
        desk.document("stage/attributes"),
        json!({"value": null, "stage_id": 99, "slug": null, "planned": planned})
    );
    desk.hear(json!({"stg_cur": -5}));
    assert_eq!(desk.document("stage/attributes")["stage_id"], Value::Null);
    desk.hear(json!({"stg_cur": -1}));
    assert_eq!(desk.is("stage"), Some("idle"));
    desk.hear(json!({"stg_cur": 1}));
    let told = desk.document("stage/attributes");
    assert_eq!((&told["value"], &told["slug"]), (&json!("auto bed leveling"), &json!("auto_bed_leveling")));
}

#[test]
fn an_end_that_jitters_is_told_once() {
    let mut desk = Desk::new("P1S", json!({"mc_remaining_time": 60}));
    assert_eq!(desk.is("end_time"), Some("2026-01-01T01:00:00Z"));
    for minutes in [61, 60, 59, 60] {
        desk.hear(json!({"mc_remaining_time": minutes}));
    }
    assert_eq!(desk.said["end_time"], 1);
    desk.hear(json!({"mc_remaining_time": 63}));
    assert_eq!(desk.is("end_time"), Some("2026-01-01T01:03:00Z"));
}

#[test]
fn firmware_is_offered_in_either_form() {
    let listed = json!({"upgrade_state": {"dis_state": 1, "new_version_state": 1, "progress": "", "new_ver_list": [
        {"name": "ota", "cur_ver": "01.04.00.00", "new_ver": "01.05.00.00"},
        {"name": "ams_f1/0", "cur_ver": "00.00.06.40", "new_ver": "00.00.07.89"}]}});
    let mut desk = Desk::new("A1", listed);
    let wanted = json!({"installed_version": "01.04.00.00", "latest_version": "01.05.00.00",
        "title": "Bambu Lab firmware", "in_progress": false, "update_percentage": null, "release_summary": "",
        "release_url": "https://bambulab.com/en/support/firmware-download/a1"});
    assert_eq!(desk.document("firmware"), wanted);
    assert_eq!(desk.document("ams/0/firmware")["latest_version"], "00.00.07.89");
    assert_eq!(desk.is("firmware_update"), Some("ON"));
    desk.hear(json!({"upgrade_state": {"dis_state": 2, "progress": "37"}}));
    let under_way = desk.document("firmware");
    assert_eq!((&under_way["in_progress"], &under_way["update_percentage"]), (&json!(true), &json!(37)));
    desk.hear(json!({"upgrade_state": {"progress": ""}}));
    desk.hear(json!({"upgrade_state": {"dis_state": 3, "progress": "100", "new_version_state": 2, "new_ver_list": []}}));
    let done = desk.document("firmware");
    assert_eq!((&done["in_progress"], &done["update_percentage"]), (&json!(false), &Value::Null));
    assert_eq!(
        (&done["latest_version"], desk.is("firmware_update")),
        (&done["installed_version"], Some("OFF"))
    );

    let number = |ams: &str| {
        json!({"upgrade_state": {"new_version_state": 1, "ota_new_version_number": "01.10.00.00",
            "ams_new_version_number": ams}})
    };
    let x1c = Desk::new("X1C", number("00.00.07.00"));
    assert_eq!(x1c.document("firmware")["latest_version"], "01.10.00.00");
    assert_eq!(x1c.document("ams/0/firmware")["latest_version"], "00.00.07.00");
    // An AMS 2 Pro and an AMS HT: one number cannot be of both.
    let h2d = Desk::new("H2D", number("00.00.07.00"));
    let page = "https://wiki.bambulab.com/en/h2d/manual/h2d-firmware-release-history";
    assert_eq!(h2d.document("firmware")["release_url"], page);
    for unit in [0, 128] {
        assert_eq!(h2d.document(&format!("ams/{unit}/firmware"))["latest_version"], "00.00.06.40");
    }
    // An X1C says that there is nothing new, and keeps the number of what once was (capture `x1c_misc`).
    let old = json!({"upgrade_state": {"new_version_state": 2, "ota_new_version_number": "01.10.00.00"}});
    let x1c = Desk::new("X1C", old);
    assert_eq!(x1c.document("firmware")["latest_version"], "01.09.00.01");
    assert_eq!(x1c.is("firmware_update"), Some("OFF"));
    let none = Desk::new("X1C", number(""));
    assert_eq!(none.document("ams/0/firmware")["latest_version"], "00.00.06.40");
}

#[test]
fn an_ams_has_notes_of_its_firmware() {
    let mut desk = Desk::new("X1C", json!({}));
    assert_eq!(desk.document("ams/0/firmware/attributes")["notes"], Value::Null);
    let release = |version: &str, notes: &str| {
        let (version, notes, unit) = (version.into(), Some(notes.to_owned()), Some(0));
        Facts {
            ams_releases: vec![Arc::new(Release { version, notes, unit, forced: true })],
            ..Facts::default()
        }
    };
    desk.learn(release("00.00.07.00", "Dries at night."));
    let firmware = desk.document("ams/0/firmware");
    assert_eq!(
        (&firmware["latest_version"], &firmware["release_summary"]),
        (&json!("00.00.07.00"), &json!("Dries at night."))
    );
    assert_eq!(
        desk.document("ams/0/firmware/attributes"),
        json!({"value": firmware, "notes": "Dries at night.", "compulsory": true})
    );
    // Other notes alone are news, too; those of a version that is not the one in sight are not shown.
    desk.learn(release("00.00.07.00", "Dries by day."));
    assert_eq!(desk.document("ams/0/firmware/attributes")["notes"], "Dries by day.");
    desk.learn(release("00.00.05.00", "Dries."));
    assert_eq!(desk.document("ams/0/firmware/attributes")["notes"], Value::Null);
    assert_eq!(desk.document("ams/0/firmware")["release_summary"], "");
}

#[test]
fn the_boards_are_told_without_their_serials() {
    let desk = Desk::new("A1", json!({}));
    let boards =
        json!({"value": "01.04.00.00", "ota": "01.04.00.00", "ap": "00.00.30.10", "ams_f1/0": "00.00.06.40"});
    assert_eq!(desk.document("firmware_version/attributes"), boards);
}

#[test]
fn the_last_report_is_no_news_each_time() {
    let mut desk = Desk::new("P1S", json!({}));
    assert_eq!(desk.is("last_report"), Some("2026-01-01T00:00:00Z"));
    for _ in 0..60 {
        desk.pass(1);
        let same = json!({"print": {"command": "push_status", "msg": 1, "mc_percent": 42}}).to_string();
        let changes = desk.player.changes;
        desk.take(Input::Message(HERE, same.as_bytes()));
        assert_eq!(desk.player.changes, changes);
    }
    for _ in 0..10 {
        desk.pass(60);
        desk.hear(json!({}));
    }
    assert_eq!((desk.said["last_report"], desk.is("stale")), (3, Some("OFF")));
}

#[test]
fn what_nobody_confirms_is_stale() {
    let mut desk = Desk::new("P1S", json!({}));
    desk.pass(7);
    desk.hear(json!({}));
    desk.take(Input::Disconnected(HERE));
    assert_eq!((desk.is("stale"), desk.is("last_report")), (Some("ON"), Some("2026-01-01T00:00:07Z")));
    desk.take(Input::Connected(HERE));
    assert_eq!(desk.is("stale"), Some("ON"), "a connection is no report");
    desk.hear(json!({}));
    assert_eq!(desk.is("stale"), Some("ON"), "a part of a report does not tell what was missed");
    let full = desk.printer.full();
    desk.take(Input::Message(HERE, full.as_bytes()));
    assert_eq!(desk.is("stale"), Some("OFF"));
    // A printer at work is asked after 45 s, again after 68 s, and is away after 90 s.
    desk.pass(50);
    assert_eq!(desk.is("stale"), Some("OFF"), "the question may still be answered");
    desk.pass(20);
    assert_eq!((desk.is("stale"), desk.is("availability")), (Some("ON"), Some("online")));
    desk.pass(30);
    assert_eq!((desk.is("stale"), desk.is("availability")), (Some("OFF"), Some("offline")));
}

#[test]
fn a_print_that_ends_after_a_short_gap_is_told_at_once_and_its_other_values_stay_in_doubt() {
    for model in ["P1S", "A1"] {
        let running =
            json!({"gcode_state": "RUNNING", "mc_percent": 90, "subtask_name": "gear", "task_id": "99"});
        let mut desk = Desk::new(model, running);
        desk.pass(70);
        desk.hear(json!({"mc_percent": 95}));
        desk.take(Input::Disconnected(HERE));
        desk.pass(10);
        desk.take(Input::Connected(HERE));
        desk.pass(5);
        let events = desk.player.events.len();
        desk.hear(json!({"gcode_state": "FINISH"}));
        assert_eq!((desk.is("status"), desk.is("stale")), (Some("finish"), Some("ON")), "{model}");
        desk.pass(2);
        let told: Vec<_> = desk.player.events[events..].iter().map(|event| event.kind.word()).collect();
        assert!(told.contains(&"finished"), "{model}: {told:?}");
        assert_eq!(desk.is("stale"), Some("ON"), "{model}: the bed may be cold or hot");
        assert_eq!(desk.is("safe_to_power_off"), Some("None"), "{model}");
        desk.printer.set(json!({"gcode_state": "FINISH", "mc_percent": 100}));
        let full = desk.printer.full();
        desk.take(Input::Message(HERE, full.as_bytes()));
        desk.pass(60);
        assert_eq!(desk.is("stale"), Some("OFF"), "{model}");
        let again = desk.player.events[events..].iter().filter(|event| event.kind.word() == "finished");
        assert_eq!(again.count(), 1, "{model}");
    }
}

#[test]
fn a_target_above_what_the_model_takes_is_within_the_range_that_is_announced() {
    let mut desk = Desk::new("X1E", json!({"bed_target_temper": 130, "nozzle_target_temper": 340}));
    let range = |desk: &Desk, id: &str| {
        let snapshot = desk.player.snapshot();
        let topics = Topics { base: "b".into(), discovery: "h".into(), id_prefix: "b".into() };
        let message =
            homeassistant::discovery::printer(&topics, &homeassistant::Names::default(), "test", snapshot)
                .payload();
        let message = homeassistant::discovery::read(message.as_bytes()).unwrap();
        message["components"][id]["max"].as_u64().unwrap()
    };
    assert_eq!((desk.is("bed_target"), range(&desk, "number_bed_target")), (Some("130"), 130));
    assert_eq!((desk.is("nozzle_target"), range(&desk, "number_nozzle_target")), (Some("340"), 340));
    // A range that shrinks would be too small for the value that is still there.
    desk.hear(json!({"bed_target_temper": 0}));
    assert_eq!(range(&desk, "number_bed_target"), 130);
    // It is shown, and still not asked for.
    let refused = homeassistant::command::parse(desk.player.snapshot(), "bed_target", b"125");
    let permitted = refused.map(|command| {
        printer::command::permit::permit(desk.player.snapshot(), &Policy::default(), &command).is_ok()
    });
    assert!(!matches!(permitted, Ok(true)), "{permitted:?}");
}

#[test]
fn a_heater_with_nothing_to_do_is_told_after_a_while() {
    let mut desk = Desk::new("P1S", json!({}));
    let heard = |desk: &mut Desk, members: Value| {
        for _ in 0..12 {
            desk.hear(members.clone());
            desk.pass(100);
        }
        desk.is("heater_left_on").unwrap().to_owned()
    };
    assert_eq!(heard(&mut desk, json!({})), "OFF", "a job needs it");
    assert_eq!(
        heard(&mut desk, json!({"gcode_state": "FINISH", "stg_cur": 24})),
        "OFF",
        "filament is loaded"
    );
    let idle = json!({"gcode_state": "FINISH", "stg_cur": 255});
    desk.hear(idle.clone());
    desk.pass(100);
    assert_eq!(desk.is("heater_left_on"), Some("OFF"), "somebody preheats");
    assert_eq!(heard(&mut desk, idle.clone()), "ON");
    desk.hear(json!({"bed_target_temper": 0, "nozzle_target_temper": 0}));
    assert_eq!(desk.is("heater_left_on"), Some("OFF"));

    // Nothing heats in a printer that is switched off, and it heats anew when it is back.
    desk.hear(json!({"bed_target_temper": 60}));
    for _ in 0..12 {
        desk.pass(100);
    }
    assert_eq!((desk.is("availability"), desk.is("heater_left_on")), (Some("offline"), Some("OFF")));
    desk.hear(idle);
    assert_eq!((desk.is("availability"), desk.is("heater_left_on")), (Some("online"), Some("OFF")));
}

#[test]
fn the_document_holds_what_the_topics_hold() {
    let mut desk = Desk::new("H2D", json!({}));
    desk.pass(5);
    let document = desk.document("state");
    let mut leaves = 0;
    for (topic, value) in desk.values.iter().filter(|(topic, _)| !topic.ends_with("/attributes")) {
        if topic == "state" || topic == "permitted" {
            continue;
        }
        let pointed = document.pointer(&format!("/{topic}")).unwrap_or_else(|| panic!("{topic} is missing"));
        let text = match pointed {
            Value::Null => "None".into(),
            Value::Bool(on) => if *on { "ON" } else { "OFF" }.into(),
            Value::String(text) => text.clone(),
            Value::Number(number) => {
                let text = number.to_string();
                text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
            }
            other => other.to_string(),
        };
        assert_eq!(text, *value, "{topic}");
        leaves += 1;
    }
    assert!(leaves > 80, "{leaves}");
    assert!(document.pointer("/ams/128/tray_1").is_some() && document.pointer("/external/2/spool").is_some());
}

#[test]
fn the_document_comes_at_most_once_a_second_and_never_without_news() {
    let mut desk = Desk::new("A1", json!({}));
    desk.pass(2);
    let before = desk.said["state"];
    desk.pass(10);
    assert_eq!(desk.said["state"], before, "nothing is new");
    for percent in 50..60 {
        desk.hear(json!({"mc_percent": percent}));
    }
    assert_eq!(desk.said["state"], before + 1);
    assert_eq!(desk.player.twin.deadline(), Some(desk.mono + Duration::from_secs(1)));
    desk.pass(1);
    assert_eq!(desk.said["state"], before + 2);
    assert_eq!(desk.document("state")["progress"], 59);
    let out = desk.player.removed();
    assert!(out.iter().any(|p| p.topic.ends_with("/state") && p.payload.is_empty()));
}

/// Rows of a job that only ever grow while it lasts.
const GROWING: [&str; 2] = ["progress", "layer"];
/// Rows of a job that stay what they are while it lasts.
const STEADY: [&str; 8] = [
    "total_layers",
    "job_name",
    "gcode_file",
    "print_type",
    "skipped_objects",
    "firmware",
    "firmware_update",
    "heater_left_on",
];

/// Plays a recording; counts the times that a row of the job went wrong in between, and all publications.
fn flicker(text: &str) -> (Vec<String>, usize, usize) {
    let mut replay = Replay::default();
    let mut last: BTreeMap<String, String> = BTreeMap::new();
    let (mut faults, mut reports, mut published) = (Vec::new(), 0, 0);
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let mut out = Vec::new();
        replay.feed(&Capture::parse(line).unwrap(), &mut out);
        reports += 1;
        let status = |p: &Publication| p.topic.ends_with("/status");
        let anew = out.iter().any(status);
        for Publication { topic, payload, .. } in out {
            published += 1;
            let key = topic.rsplit('/').next().unwrap_or_default().to_owned();
            let old = last.insert(topic.clone(), payload.clone());
            // A unit whose serial came late is announced anew, as another device.
            let known = |old: &String| !matches!(old.as_str(), "" | "None");
            let Some(old) = old.filter(|old| known(old) && !anew) else { continue };
            let number = |text: &str| text.parse::<f64>().unwrap_or(f64::NAN);
            let shrank = GROWING.contains(&key.as_str()) && number(&payload) < number(&old);
            let vanished = GROWING.iter().chain(&STEADY).any(|row| *row == key) && payload == "None";
            let changed = STEADY.contains(&key.as_str()) && payload != old;
            if shrank || vanished || changed {
                faults.push(format!("message {reports}: {topic}: {old} to {payload}"));
            }
        }
    }
    (faults, reports, published)
}

#[test]
fn a_job_never_flickers_on_real_printers() {
    let Some(folder) = shared("captures") else { return };
    for name in [
        "a1_stream_cloud_single_color_fw010700",
        "a1_stream_local_single_color_fw010700",
        "a1_stream_long_start_hms_fw010700",
        "a1_stream_local_multicolor_ams_error_fw010700",
        "x1c_stream_running_ams_change",
        "h2d_stream_pause_stop_failed_hms_fw010300",
    ] {
        let text = std::fs::read_to_string(folder.join(format!("{name}.jsonl"))).unwrap();
        let (faults, reports, published) = flicker(&text);
        assert!(reports > 30 && published > 100, "{name}: {reports} {published}");
        assert_eq!(faults, Vec::<String>::new(), "{name}");
    }
}

#[test]
fn a_flicker_would_be_seen() {
    let printer = Printer::new("A1");
    let delta = |members: Value| {
        let mut report = json!({"command": "push_status", "msg": 1});
        crate::reports::overlay(&mut report, members);
        printer.line(&json!({ "print": report }).to_string())
    };
    let [version, full] = printer.capture();
    let text =
        [version, full, delta(json!({"mc_percent": 10})), delta(json!({"subtask_name": "gear"}))].join("\n");
    assert_eq!(flicker(&text).0.len(), 2, "progress fell, and the name changed");
}
