//! The fuzz target's check over this repository's own stories and changes of them, always the same ones: what
//! `cargo fuzz` finds at length must not come back here.

#[path = "../../fuzz/harness.rs"]
pub(crate) mod harness;

use std::path::{Path, PathBuf};

use capture::Capture;
use homeassistant::{Kind, Publication};

/// How many changes are tried with each story; `./ci full` asks for more.
fn changes() -> usize {
    std::env::var("BAMBU2MQTT_FUZZ_CHANGES").map_or(25, |number| number.parse().expect("a number"))
}

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// The messages of stories, without what surrounds them.
fn seeds() -> Vec<Vec<u8>> {
    let stories = files("tests/captures").into_iter().map(|path| {
        let text = std::fs::read_to_string(path).unwrap();
        let messages = text.lines().map(|line| Capture::parse(line).unwrap().payload);
        messages.collect::<Vec<_>>().join(&b'\n')
    });
    stories.chain(files("fuzz/seeds").into_iter().map(|path| std::fs::read(path).unwrap())).collect()
}

/// One story with a few changes: bytes, and pieces of itself in other places.
fn changed(story: &[u8], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = story.to_vec();
    for _ in 0..random.usize(1..8) {
        let at = random.usize(0..bytes.len().max(1));
        match random.u8(0..5) {
            0 => bytes[at] = random.u8(..),
            1 => bytes.insert(at, b"\"{}[],:-019.e\\ \n"[random.usize(0..16)]),
            2 => drop(bytes.remove(at)),
            3 => bytes.truncate(at.max(1)),
            _ => {
                let from = random.usize(0..bytes.len());
                let piece = bytes[from..(from + 40).min(bytes.len())].to_vec();
                bytes.splice(at..at, piece);
            }
        }
        if bytes.is_empty() {
            bytes.push(b'{');
        }
    }
    bytes
}

#[test]
fn no_story_and_no_change_of_one_does_what_no_bytes_may_do() {
    // Each story on its own, so that all cores work on them.
    std::thread::scope(|scope| {
        for (story, seed) in seeds().into_iter().zip(3..) {
            scope.spawn(move || {
                let mut random = fastrand::Rng::with_seed(seed);
                harness::check(&story);
                for _ in 0..changes() {
                    harness::check(&changed(&story, &mut random));
                }
            });
        }
    });
}

/// A story with a long value where another one began, which goes on under another name.
fn lengthened(story: &[u8], at: usize, mark: u8) -> Vec<u8> {
    [story.get(..=at).unwrap(), &[mark], br#","x":"#, story.get(at + 1..).unwrap()].concat()
}

/// Where values of members begin.
fn values(story: &[u8]) -> Vec<usize> {
    story.windows(2).enumerate().filter(|(_, pair)| *pair == b"\":").map(|(at, _)| at + 1).collect()
}

#[test]
fn no_length_does_what_no_bytes_may_do() {
    let mut random = fastrand::Rng::with_seed(5);
    for story in seeds() {
        let values = values(&story);
        for mark in harness::MARKS {
            for _ in 0..(changes() / 10).clamp(2, 20) {
                harness::check(&lengthened(&story, values[random.usize(..values.len())], mark));
            }
        }
    }
}

#[test]
fn each_list_of_a_report_may_be_ten_thousand_long() {
    let story = std::fs::read(files("fuzz/seeds")[0].clone()).unwrap();
    let lists: Vec<_> = values(&story).into_iter().filter(|at| story[at + 1] == b'[').collect();
    assert!(lists.len() > 15);
    for at in lists {
        for mark in [2, 3] {
            harness::check(&lengthened(&story, at, mark));
        }
    }
}

#[test]
fn each_text_of_a_report_may_be_a_hundred_thousand_long() {
    let story = std::fs::read(files("fuzz/seeds")[0].clone()).unwrap();
    let texts: Vec<_> = values(&story).into_iter().filter(|at| story[at + 1] == b'"').collect();
    assert!(texts.len() > 60);
    for some in texts.chunks(harness::LONG) {
        // From the end, for what is put in moves what follows it.
        let long = some.iter().rev().fold(story.clone(), |story, at| lengthened(&story, *at, 1));
        harness::check(&long);
    }
}

#[test]
fn a_garbled_serial_of_an_ams_gets_into_no_topic() {
    let seed = String::from_utf8(std::fs::read(files("fuzz/seeds")[0].clone()).unwrap()).unwrap();
    for garbled in ["19C0#0", "19C/+/0", "19C\\u0000", "19C\u{fffd}"] {
        harness::check(seed.replace("19C00000000000", garbled).as_bytes());
    }
}

#[test]
#[should_panic(expected = "characters")]
fn a_state_that_is_too_long_is_seen() {
    harness::sound(&Publication::new(Kind::Value, "bambu2mqtt/1/job_name", "x".repeat(256)));
}

#[test]
#[should_panic(expected = "the topic")]
fn a_topic_with_a_wildcard_is_seen() {
    harness::sound(&Publication::new(Kind::Value, "bambu2mqtt/1/#", "1"));
}

#[test]
#[should_panic(expected = "Attributes")]
fn attributes_that_are_no_object_are_seen() {
    harness::sound(&Publication::new(Kind::Attributes, "bambu2mqtt/1/hms/attributes", "[]"));
}
