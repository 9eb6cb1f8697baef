//! Recorded messages in, the full list of publications out; one file per story.

use std::fmt::Write as _;
use std::path::Path;

use bambu::session::Note;
use capture::Capture;
use homeassistant::{Kind, Publication};
use twin::Replay;

use crate::homeassistant::snapshot;
use crate::reports::{MODELS, Printer};
use crate::support::shared::shared;

/// Replays lines of a recording; `each` gets what is published with each of them, then what the end brings.
pub(crate) fn replay<'a>(
    lines: impl IntoIterator<Item = &'a str>,
    mut each: impl FnMut(usize, Vec<Publication>),
) -> Replay {
    let mut replay = Replay::default();
    let mut number = 0;
    for line in lines.into_iter().filter(|line| !line.trim().is_empty()) {
        number += 1;
        let capture = Capture::parse(line).unwrap_or_else(|error| panic!("line {number}: {error}"));
        let mut out = Vec::new();
        replay.feed(&capture, &mut out);
        each(number, out);
    }
    let mut out = Vec::new();
    replay.finish(&mut out);
    each(0, out);
    replay
}

/// Keeps what a story publishes; of a discovery message only its components.
fn check(story: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/captures/{story}.jsonl"));
    let text = std::fs::read_to_string(path).unwrap();
    let mut list = String::new();
    let replayed = replay(text.lines(), |number, out| {
        let title = if number == 0 { "the end".into() } else { format!("message {number}") };
        writeln!(list, "# {title}").unwrap();
        for Publication { topic, payload, .. } in out {
            match topic.strip_prefix("homeassistant/device/") {
                Some(device) if !payload.is_empty() => {
                    let config = homeassistant::discovery::read(payload.as_bytes()).unwrap();
                    let ids: Vec<_> = config["components"].as_object().unwrap().keys().cloned().collect();
                    writeln!(list, "{device} with {}", ids.join(" ")).unwrap();
                }
                _ => writeln!(list, "{topic} = {payload}").unwrap(),
            }
        }
    });
    for note in replayed.notes() {
        writeln!(list, "! {note:?}").unwrap();
    }
    snapshot(&format!("replay of {story}"), &list);
}

#[test]
fn an_x1_carbon_changes_filament() {
    check("x1c_ams_change");
}

#[test]
fn an_a1_prints_pauses_and_is_cancelled() {
    check("a1_partial_deltas");
}

#[test]
fn an_h2d_switches_nozzles() {
    check("h2d_two_nozzles");
}

#[test]
fn a_p1s_without_ams_finishes_goes_and_comes_back() {
    check("p1s_without_ams");
}

#[test]
fn ams_units_are_unplugged() {
    check("ams_unplugged");
}

#[test]
fn odd_payloads_do_no_harm() {
    check("odd_payloads");
}

#[test]
fn replaying_twice_gives_the_same() {
    for model in MODELS {
        let lines = Printer::new(model).capture();
        let run = || {
            let mut all = Vec::new();
            replay(lines.iter().map(String::as_str), |_, out| all.extend(out));
            all
        };
        assert_eq!(run(), run(), "{model}");
        assert!(run().len() > 50, "{model}");
    }
}

#[test]
fn the_end_of_the_calendar_is_not_the_end_of_a_replay() {
    let printer = Printer::new("X1C");
    let topic = format!("device/{}/report", printer.serial);
    let line = |at: &str, payload: &str| format!(r#"{{"topic":"{topic}","at":"{at}","payload":{payload}}}"#);
    let progress =
        |percent: u8| format!(r#"{{"print":{{"command":"push_status","msg":1,"mc_percent":{percent}}}}}"#);
    for first in [printer.full(), progress(40)] {
        let lines = [
            line("2026-01-01T00:00:00Z", &first),
            // The last second that there is, and what comes after it.
            line("9999-12-30T21:59:59Z", &progress(41)),
            format!(r#"{{"topic":"{topic}","payload":{}}}"#, progress(42)),
            line("2026-01-01T00:00:00Z", &progress(43)),
        ];
        let replayed = replay(lines.iter().map(String::as_str), |_, _| {});
        let seen: Vec<_> = replayed.printers().map(|printer| printer.job.progress).collect();
        assert_eq!(seen, [Some(43)]);
    }
}

#[test]
fn recordings_of_real_printers_are_read_to_the_last_line() {
    let Some(folder) = shared("captures") else { return };
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e.to_string_lossy().ends_with("jsonl")));
    files.sort();
    assert!(files.len() > 30, "{} is not complete", folder.display());
    let mut noted = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let mut lines = 0;
        let replayed = replay(text.lines(), |number, out| {
            lines = lines.max(number);
            for Publication { kind, topic, payload } in out {
                let value = kind == Kind::Value;
                // The value of an `update` entity is a document.
                let document = topic.ends_with("/firmware")
                    && serde_json::from_str::<serde_json::Value>(&payload).is_ok();
                let fits =
                    !value || document || payload.chars().count() <= 255 && !payload.contains(['\n', '{']);
                assert!(fits, "{}: {topic} = {payload}", path.display());
            }
        });
        assert_eq!(lines, text.lines().filter(|line| !line.trim().is_empty()).count(), "{}", path.display());
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // Refused signatures are in some of them; that is nothing wrong with the reading.
        let of_interest = replayed.notes().filter(|note| **note != Note::SignatureRequired);
        noted.extend(of_interest.map(|note| (name.clone(), note.clone())));
    }
    for (name, note) in &noted {
        let broken = matches!(note, Note::Malformed(..)) && name == "odd_payloads_composed.rawjsonl";
        assert!(broken, "{name}: {note:?}");
    }
    assert!((1..=2).contains(&noted.len()), "{noted:?}");
}
