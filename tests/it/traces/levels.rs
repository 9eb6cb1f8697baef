//! What stays true until something else is: for automations that must not miss an edge.

use std::time::Duration;

use printer::levels::Activity;
use printer::record::{JobRecord, JobResult};
use printer::tracker::{Effects, FirstSight, TrackerOptions};
use printer::{Ledger, Now, Tracker};

use super::Desk;

/// Plays lines; after each the activity is as it stands beside it.
#[track_caller]
fn activities(lines: &[(&str, Activity)]) {
    let mut desk = Desk::new();
    for (line, activity) in lines {
        desk.play(line);
        assert_eq!(desk.tracker.levels().activity, Some(*activity), "{line}");
    }
}

#[test]
fn activity_knows_how_a_job_ended() {
    use Activity::*;
    activities(&[
        ("idle", Idle),
        ("+1 prepare ids=111111 name=a\n+2", Preparing),
        ("+9 running layer=1", Printing),
        ("+60 pause\n+3", Paused),
        ("+60 running", Printing),
        ("+60 error=0300400C failed", Cancelled),
        // The printer only says FAILED, until the next one.
        ("+600 error=0", Cancelled),
        ("restart=60", Cancelled),
        ("+60 idle", Idle),
        ("+1 running ids=222222 name=b layer=1", Printing),
        ("+60 failed\n+16", Failed),
        ("+1 prepare name=auto_cali file=/usr/x ids=0\n+9", Calibrating),
        ("+60 finish\n+5", Idle),
        ("+1 running ids=333333 name=c file=c layer=1\n+9", Printing),
        ("+60 finish\n+5", Finished),
        ("foo +5\n+5", Finished),
    ]);
}

#[test]
fn activity_knows_of_a_job_that_nobody_saw() {
    use Activity::*;
    activities(&[
        ("+1 running ids=111111 name=a layer=1\n+60 finish\n+5", Finished),
        ("restart=7200 failed ids=222222 name=b\n+5", Failed),
        ("restart=60", Failed),
        ("+1 running ids=333333 name=c layer=1\n+60 error=0300400C failed\n+5", Cancelled),
        ("restart=60 error=0", Cancelled),
        ("restart=7200 ids=444444 name=d", Failed),
        // The same once more, from the local network.
        ("restart=7200 finish", Finished),
        ("restart=7200 failed error=0300400C", Cancelled),
        // A calibration is no print.
        ("restart=7200 finish error=0 ids=0 name=auto_cali file=/usr/x kind=system", Idle),
        ("restart=60", Idle),
        ("+1 prepare name=auto_cali file=/usr/x kind=system\n+9 running\n+60 finish\n+5", Idle),
        ("restart=60 kind=idle", Idle),
    ]);
}

#[test]
fn activity_does_not_depend_on_the_connection() {
    use Activity::*;
    activities(&[
        ("+1 running ids=111111 name=a layer=1", Printing),
        ("+60 unlink\n+3600 off", Printing),
        ("+60 link\n+9 on", Printing),
        ("+60 off\n+600", Printing),
        ("restart=60 unlink off", Printing),
    ]);
    let mut desk = Desk::unknown(FirstSight::AdoptSilently);
    assert_eq!(desk.tracker.levels().activity, None, "nobody knows yet");
    desk.line("finish");
    assert_eq!(desk.tracker.levels().activity, Some(Finished));
}

#[test]
fn power_may_be_cut_when_nothing_would_suffer() {
    let mut desk = Desk::new();
    let mut safe = |line: &str, expected| {
        desk.play(line);
        assert_eq!(desk.tracker.levels().safe_to_power_off, expected, "{line}");
    };
    safe("idle", None);
    safe("bed=25", None);
    safe("nozzle=25", Some(true));
    safe("nozzle=60", Some(false));
    // A sensor that trembles about the limit.
    safe("nozzle=51", Some(false));
    safe("nozzle=49", Some(true));
    safe("nozzle=52", Some(true));
    safe("nozzle=25 stage=24", Some(false));
    safe("stage=255 dry=30", Some(false));
    safe("dry=0", Some(true));
    // At once, before anybody believes in the job.
    safe("+1 prepare", Some(false));
    safe("+9 running layer=1", Some(false));
    safe("+60 finish\n+5", Some(true));
    // Somebody else may begin a print while nobody listens.
    safe("unlink +1\n+30", Some(true));
    safe("+61 link", None);
    safe("full +1", Some(true));
    // Somebody heats it for what comes next.
    safe("heat=60", Some(false));
    safe("heat=0", Some(true));
    // It does not answer, so it may do anything.
    safe("stale +1", None);
    safe("fresh +1", Some(true));
    assert!(desk.events.iter().filter(|event| event.kind.word() == "safe_to_power_off").count() <= 6);
}

#[test]
fn the_plate_is_occupied_until_somebody_clears_it() {
    let mut desk = Desk::new();
    let mut plate = |line: &str, expected| {
        desk.play(line);
        assert_eq!(desk.tracker.levels().plate_occupied, expected, "{line}");
    };
    plate("finish", None);
    plate("clear", Some(false));
    plate("+1 running ids=111111 layer=1\n+9", Some(false));
    plate("+60 error=0300400C failed\n+5", Some(true));
    plate("restart +60", Some(true));
    plate("clear", Some(false));
    // Nothing was printed.
    plate("+60 error=0 idle\n+1 prepare ids=222222 layer=0\n+9 failed error=0500403F\n+60", Some(false));
    plate("+60 error=0 running ids=333333 layer=1\n+60 finish\n+5", Some(true));
    plate("+60 running ids=444444 layer=0\n+9", Some(false));
}

#[test]
fn times_results_and_totals() {
    let mut desk = Desk::new();
    desk.play("+1 running ids=111111 name=a layer=1 left=10\n+9");
    let levels = desk.tracker.levels().clone();
    assert_eq!(levels.job.as_ref().unwrap().name.as_deref(), Some("a"));
    assert!(levels.last.is_none() && levels.ends_at.is_some());
    let began = levels.started_at.unwrap();
    desk.play("+300 pause\n+100 running\n+300 finish\n+5");
    let levels = desk.tracker.levels().clone();
    let last = levels.last.clone().unwrap();
    assert_eq!((last.result, last.duration_s(), last.paused_s), (Some(JobResult::Finished), Some(609), 100));
    assert_eq!((levels.job.clone(), levels.ends_at, levels.started_at), (None, None, Some(began)));
    assert_eq!(levels.last_event.as_ref(), Some(&desk.events.last().unwrap().id));
    assert_eq!((levels.counters.finished, levels.counters.printing_s), (1, 609));
    desk.play("+1 running ids=222222\n+60 failed\n+16\n+1 running ids=333333\n+60 stop\n+1 failed\n+60");
    let counters = &desk.tracker.levels().counters;
    assert_eq!((counters.finished, counters.failed, counters.cancelled), (1, 1, 1));
    assert_eq!(desk.closed, 3);
}

#[test]
fn hours_do_not_grow_while_it_is_away() {
    let mut desk = Desk::new();
    desk.play("+1 running ids=111111 layer=1\n+600 off\n+7200 on running\n+600 finish\n+5");
    assert_eq!(desk.tracker.ledger().counters.printing_s, 1200);
}

#[test]
fn a_lost_job_that_goes_on_is_counted_once() {
    let mut desk = Desk::new();
    let lost = "cloud=111111:running:0:30 +1 running ids=111111 name=a layer=1 %=0\n+600 pause\n+100 running\n\
        +300 %=40\n+60 off\n+172810";
    desk.play(lost);
    let counters = desk.tracker.ledger().counters.clone();
    assert_eq!((counters.filament_g["unknown"], counters.printing_s), (5.0, 960), "as far as it came");
    desk.play("on\n+600 finish\n+60");
    let ledger = desk.tracker.ledger();
    assert_eq!(ledger.last.as_ref().unwrap().result, Some(JobResult::Finished));
    let counters = &ledger.counters;
    assert_eq!((counters.filament_g["unknown"], counters.printing_s), (12.5, 1560));
    assert_eq!((counters.finished, counters.failed, counters.cancelled), (1, 0, 0));
}

#[test]
fn the_last_job_of_a_new_printer_comes_from_the_cloud() {
    let mut desk = Desk::unknown(FirstSight::AdoptSilently);
    desk.play("cloud=57000002:finished:60:6000,57000001:ended:9000 finish\n+60");
    assert!(desk.events.is_empty());
    let last = desk.tracker.levels().last.clone().unwrap();
    assert_eq!((last.result, last.observed), (Some(JobResult::Finished), false));
    // The cloud does not tell a failed job from a cancelled one.
    let mut desk = Desk::unknown(FirstSight::AdoptSilently);
    desk.play("cloud=57000001:ended:9000 finish\n+60");
    assert_eq!(desk.tracker.levels().last.as_ref().unwrap().result, None);
}

#[test]
fn the_cloud_adds_what_the_printer_does_not_know() {
    let mut desk = Desk::new();
    desk.play("cloud=111111:running:0:30\n+60 running ids=111111 name=a layer=1\n+9");
    let job = desk.tracker.ledger().open.clone().unwrap();
    assert_eq!(job.planned_g, Some(12.5));
    assert_eq!(job.name.as_deref(), Some("a"), "the printer's name for it stays");
}

#[test]
fn a_clock_that_is_set_while_a_job_runs() {
    let mut desk = Desk::new();
    desk.play("+1 running ids=111111 layer=1\n+600");
    // It was wrong by half a century until now.
    desk.wall += Duration::from_secs(3600 * 24 * 366 * 3);
    desk.play("+1 layer=2\n+599 finish\n+5");
    let last = desk.tracker.ledger().last.clone().unwrap();
    assert_eq!(last.duration_s(), Some(1200));
    assert_eq!(desk.tracker.ledger().counters.printing_s, 1200);
}

#[test]
fn a_machine_that_sleeps_while_a_job_runs() {
    let mut desk = Desk::new();
    desk.play("+1 running ids=111111 layer=1\n+600");
    // The steady clock stands still meanwhile.
    desk.wall += Duration::from_secs(8 * 3600);
    desk.play("+1 layer=2\n+599 finish\n+5");
    let last = desk.tracker.ledger().last.clone().unwrap();
    assert_eq!(last.duration_s(), Some(8 * 3600 + 1200));
    assert_eq!(desk.tracker.ledger().counters.printing_s, 8 * 3600 + 1200);
    // What ended meanwhile was not looked at, whatever the steady clock counts.
    let mut desk = Desk::new();
    desk.play("+1 running ids=111111 layer=1\n+600 unlink");
    desk.wall += Duration::from_secs(8 * 3600);
    desk.play("+20 link finish\n+3 full\n+200");
    let end = desk.events.iter().find(|event| event.kind.is_terminal()).unwrap();
    assert!(end.late, "{end:?}");
    // A clock that is set soon after a start, by as much.
    let mut desk = Desk::new();
    desk.play("+1 running ids=111111 layer=1\n+20");
    desk.wall += Duration::from_secs(8 * 3600);
    desk.play("+1 layer=2\n+579 finish\n+5");
    assert_eq!(desk.tracker.ledger().last.as_ref().unwrap().duration_s(), Some(600));
}

#[test]
fn waiting_events_are_bounded_and_ends_stay() {
    let options = TrackerOptions { pending: 10, ..TrackerOptions::default() };
    let mut desk = Desk::new();
    desk.tracker =
        Tracker::new(desk.printer.identity.serial.clone(), Ledger::default(), &desk.printer.policy, options);
    desk.play("broker=down idle\n+1");
    for job in 0..12 {
        desk.play(&format!("running ids=10000{job:02} layer=1\n+60 finish\n+5"));
    }
    let pending: Vec<_> = desk.tracker.ledger().pending.iter().map(|event| event.kind.word()).collect();
    assert_eq!(pending.len(), 10);
    assert!(pending.iter().all(|kind| *kind == "finished"), "{pending:?}");
}

#[test]
fn a_ledger_of_another_version_is_read() {
    // What is missing is what it is in an empty one.
    let ledger: Ledger = serde_json::from_str(r#"{"known":true,"seq":41,"later":{"a":1}}"#).unwrap();
    assert_eq!((ledger.known, ledger.seq, ledger.open), (true, 41, None::<JobRecord>));
}

/// A report that changes nothing that counts costs a comparison.
#[test]
fn a_report_that_changes_nothing_changes_nothing() {
    let mut desk = Desk::new();
    desk.play("+1 running ids=111111 name=a layer=1 bed=60 nozzle=219\n+90");
    let before = desk.tracker.ledger().clone();
    for degree in 0..20 {
        desk.printer.nozzles[0].actual = Some(200.0 + f32::from(degree));
        desk.printer.wifi_dbm = Some(-50 - degree);
        let now = Now { mono: desk.now().mono + Duration::from_millis(1), ..desk.now() };
        assert_eq!(desk.tracker.observe(now, &desk.printer), Effects::default());
    }
    assert_eq!(&before, desk.tracker.ledger());
}
