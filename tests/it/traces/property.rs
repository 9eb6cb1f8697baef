//! Whatever a printer says, in whatever order, and whenever the gateway is killed.

use std::collections::BTreeMap;

use printer::event::{Event, Group, Kind};
use proptest::prelude::*;

use super::Desk;

/// What can happen, in words of a script. Time passes between two of them.
fn step() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        6 => prop::sample::select(vec!["+1", "+2", "+3", "+7", "+16", "+25", "+70", "+200", "+900"]),
        6 => prop::sample::select(vec!["idle", "prepare", "running", "pause", "finish", "failed"]),
        1 => prop::sample::select(vec!["foo", "init", "slicing"]),
        3 => prop::sample::select(vec!["layer=0", "layer=1", "layer=2", "layer=9", "total=9", "%=0", "%=30", "%=60", "%=100"]),
        2 => prop::sample::select(vec!["stage=0", "stage=2", "stage=8", "stage=255", "stage=-", "left=0", "left=9"]),
        2 => prop::sample::select(vec!["error=0300400C", "error=0", "error=07008011", "error=03008001", "error=0500400E"]),
        1 => prop::sample::select(vec!["hms=0300010000010007", "hms=-", "hms=0700200000020001"]),
        1 => prop::sample::select(vec!["stop", "stopped", "bed=25", "bed=60", "nozzle=25", "nozzle=220", "dry=9", "dry=0"]),
    ]
}

/// Without words that nobody knows: while a printer says only these, a job that is suspected stays that.
fn spoken() -> impl Strategy<Value = &'static str> {
    step().prop_filter("known words", |step| !matches!(*step, "foo" | "init"))
}

/// What concerns names; and, in `away`, contact.
fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "ids=0",
        "ids=111111",
        "ids=222222",
        "ids=3025/0",
        "ids=3026/0",
        "name=a",
        "name=b",
        "name=-",
    ])
}

fn away() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "off",
        "on",
        "half",
        "full",
        "unlink",
        "link",
        "restart",
        "restart=30",
        "restart=4000",
        "cloud=none",
        "cloud=dead",
        "cloud=111111:finished:5",
        "cloud=111111:ended:5,222222:finished:9",
        "clear",
    ])
}

/// What must hold of all events of a printer that was at rest at first sight.
fn lawful(events: &[Event]) {
    let mut open: Option<String> = None;
    let mut ended: BTreeMap<String, Kind> = BTreeMap::new();
    let mut once: Vec<Kind> = Vec::new();
    for event in events {
        let key = event.job.as_ref().map(|job| job.key.to_string());
        match event.kind {
            Kind::Started | Kind::CalibrationStarted => {
                assert_eq!(open, None, "one at a time");
                assert!(!ended.contains_key(key.as_ref().unwrap()), "a key is a job's for ever");
                open = key;
                once.clear();
            }
            kind if kind.is_terminal() => {
                assert_eq!(open.take(), key, "what ends has begun");
                let job = event.job.as_ref().unwrap();
                assert!(ended.insert(key.unwrap(), kind).is_none(), "an end comes once");
                assert!(job.result.is_some());
                let ends = job.started_at.zip(job.ended_at);
                assert!(ends.is_none_or(|(began, ended)| began <= ended), "{job:?}");
            }
            Kind::Printing | Kind::FirstLayer | Kind::Progress(_) | Kind::Finishing => {
                assert!(open.is_some() && open == key, "only while it is open");
                assert!(!once.contains(&event.kind), "{:?} once", event.kind);
                once.push(event.kind);
            }
            Kind::Paused | Kind::RunOut | Kind::Resumed | Kind::FilamentChanged | Kind::Reconnected => {
                assert!(open.is_some() && open == key, "only while it is open");
            }
            _ => {}
        }
    }
    let mut paused = false;
    for event in events.iter().filter(|e| matches!(e.kind, Kind::Paused | Kind::Resumed)) {
        assert!(event.kind != Kind::Resumed || paused, "what is resumed was paused");
        paused = event.kind == Kind::Paused;
    }
}

/// The words of events, without what a restart may add: that they are late, and so uncertain. Which of an error
/// and a start that come together is told first may differ, and the ten seconds for which a health message must be
/// gone begin anew, so these are compared by what stands in the end. A unit whose time to dry does not get less is
/// nothing that exists.
fn words(desk: &Desk) -> Vec<Vec<&'static str>> {
    let of = |group| desk.events.iter().filter(move |e| e.group() == group).map(|e| e.kind.word()).collect();
    [Group::Print, Group::Error, Group::Printer].into_iter().map(of).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_job_begins_once_and_ends_once(
        steps in prop::collection::vec(prop_oneof![8 => step(), 2 => name(), 2 => away()], 1..60)
    ) {
        let mut desk = Desk::new();
        for step in &steps {
            desk.line(step);
        }
        desk.line("+400");
        lawful(&desk.events);
    }

    #[test]
    fn a_restart_changes_nothing(
        begin in name(),
        steps in prop::collection::vec(spoken(), 1..40),
        cut in 0usize..40,
    ) {
        let play = |restart: bool| {
            let mut desk = Desk::new();
            desk.line(begin);
            for (at, step) in steps.iter().enumerate() {
                if at == cut {
                    // Not within the seconds of a hold: these begin anew (`a_restart_within_a_hold`).
                    desk.line("+21");
                    if restart {
                        desk.stop();
                        desk.line("restart");
                    }
                }
                desk.line(step);
            }
            desk.line("+400");
            lawful(&desk.events);
            desk
        };
        let (whole, cut) = (play(false), play(true));
        prop_assert_eq!(words(&whole), words(&cut));
        let counted = |desk: &Desk| {
            let counters = &desk.tracker.ledger().counters;
            (counters.finished, counters.failed, counters.cancelled)
        };
        prop_assert_eq!(counted(&whole), counted(&cut));
        let standing = |desk: &Desk| desk.tracker.ledger().told_of.hms.clone();
        prop_assert_eq!(standing(&whole), standing(&cut));
    }
}
