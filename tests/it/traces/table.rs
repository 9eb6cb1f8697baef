//! The traces that a tracker of jobs must get right, with the bugs of others that each comes from (`ha-bambulab`
//! "HB", `bambuddy` "BB"), and each row of the table of states.

use printer::Ledger;
use printer::record::JobResult;
use printer::tracker::{FirstSight, Tracker, TrackerOptions};

use super::{Desk, check};

#[test]
fn trace_1_a_print() {
    check(
        "+1 prepare ids=111111 name=a
         +9 running stage=2
         +60 stage=0 layer=1 %=1
         +600 finish
         +60",
        "started printing finished",
    );
}

#[test]
fn trace_1_without_a_preparation() {
    check("+1 running ids=111111 name=a layer=1\n+60 finish\n+60", "started printing finished");
}

#[test]
fn trace_2_a_finish_that_is_repeated() {
    let mut desk = Desk::new();
    desk.play("+1 prepare ids=111111 name=a\n+9 running layer=1\n+60 finish");
    for _ in 0..50 {
        desk.line("+1 finish");
    }
    desk.play("+5 idle\n+60");
    assert_eq!(desk.log, ["started", "printing", "finished"]);
}

/// A print at layer 3.
pub(super) const PRINTS: &str = "+1 prepare ids=111111 name=a\n+9 running stage=0 layer=1\n+60 layer=3\n";
pub(super) const BEGAN: &str = "started printing first_layer ";

/// A script and what is told, after a print has begun.
#[track_caller]
pub(super) fn check_print(script: &str, expected: &str) {
    check(&format!("{PRINTS}{script}"), &format!("{BEGAN}{expected}"));
}

#[test]
fn trace_3_the_cancel_code_before_the_end() {
    // HB #257.
    check_print("+60 error=0300400C\n+1 failed\n+5 error=0\n+60", "cancelled(user)");
}

#[test]
fn trace_4_the_cancel_code_with_the_end() {
    check_print("+60 error=0300400C failed\n+60 error=0\n+60", "cancelled(user)");
}

#[test]
fn trace_5_the_cancel_code_after_the_end() {
    check_print("+60 failed\n+2 error=0300400C\n+60", "cancelled(user)");
    // An H2D took four seconds.
    check_print("+60 failed\n+14 error=0300400C\n+60", "cancelled(user)");
    // Too late: that is another's.
    check_print("+60 failed\n+16 error=0300400C\n+60", "failed");
}

#[test]
fn trace_6_the_cancel_code_twice() {
    // HB #234.
    check_print("+60 error=0300400C\n+1 error=0500400E\n+1 error=0300400C failed\n+60", "cancelled(user)");
}

#[test]
fn trace_7_a_cancelled_pause_with_an_error() {
    check_print(
        "+60 pause error=07008011\n+60 error=0300400C\n+1 failed\n+60",
        "error.raised paused(runout) runout(runout) error.cleared cancelled(user)",
    );
}

#[test]
fn trace_8_a_first_report_with_a_cancelled_job() {
    let mut desk = Desk::unknown(FirstSight::AdoptSilently);
    desk.play("failed error=0300400C ids=111111 name=a\n+60");
    assert!(desk.log.is_empty());
    // The same after a restart, and after a gap.
    desk.play("restart\n+60\nunlink\n+60 link full\n+60");
    assert!(desk.log.is_empty());
}

#[test]
fn trace_9_power_on_after_a_finish() {
    check("finish\n+1 foo\n+1 init\n+1 idle\n+60", "");
    check("finish\n+1 off\n+60 on foo\n+1 init\n+1 idle\n+60", "offline online");
}

#[test]
fn trace_10_to_rest_without_a_word() {
    check_print("+60 %=40\n+1 idle\n+19", "progress_25");
    check_print("+60 %=40\n+1 idle\n+21", "progress_25 cancelled~(idle_without_result)");
}

#[test]
fn trace_11_to_rest_when_all_was_done() {
    check_print("+60 %=100\n+1 idle\n+21", "progress_95 finished~");
    check_print("+60 total=3\n+1 idle\n+21", "finished~");
}

#[test]
fn trace_12_a_failed_preparation() {
    check(
        "+1 prepare ids=111111 name=a\n+9 failed error=0500403F\n+60",
        "started error.raised failed(prepare)",
    );
    // So soon that nobody believed in the job yet.
    check(
        "+1 prepare ids=111111 name=a\n+1 failed error=0500403F\n+60",
        "started error.raised failed(prepare)",
    );
}

#[test]
fn trace_13_a_glitch_of_the_beginning() {
    // HB #439: two starts within four seconds.
    check(
        "name=a +1 prepare\n+1 idle\n+2 prepare\n+2 running\n+60 layer=1\n+60 finish\n+60",
        "started printing finished",
    );
    check(
        "+1 prepare ids=111111\n+1 idle\n+2 prepare\n+2 running\n+60 layer=1\n+60 finish\n+60",
        "started printing finished",
    );
    check("name=a +1 prepare\n+1 idle\n+60", "");
}

#[test]
fn trace_14_a_restart_while_it_prints() {
    check_print("+60 restart\n+60 finish\n+60", "finished");
    check_print("+60 restart=20\n+60 finish\n+60", "finished");
}

#[test]
fn a_restart_within_a_hold() {
    check_print("+60 failed\n+5 restart\n+3 error=0300400C\n+60", "cancelled(user)");
    check_print("+60 failed\n+5 restart\n+3 idle\n+60", "failed");
    check_print("+60 error=0300400C\n+1 restart\n+1 failed\n+60", "cancelled(user)");
    check_print("+60 restart=5 error=0300400C failed\n+60", "cancelled*(user)");
    // A killed gateway does not know for how long it was.
    check_print("+60 idle\n+5 restart\n+5 finish\n+60", "finished*");
    check_print("+60 finish restart\n+60", "finished");
    check("+1 prepare ids=111111 name=a\n+1 restart\n+9 running layer=1\n+60", "started printing");
}

#[test]
fn a_restart_in_peace_is_as_long_as_it_is() {
    // The ledger alone is a minute older than the gateway's last look.
    check_print("+70 leave restart=5 finish\n+60", "finished");
    check_print("left=30 +70 leave restart=5 idle\n+21", "cancelled~(idle_without_result)");
    // Its connection was gone when it stopped.
    check_print("+70 unlink\n+20 leave restart=5 link full finish\n+60", "finished");
    check_print("+70 unlink\n+90 leave restart=5 link full finish\n+60", "finished*");
    // It stops again before it found out what it had missed.
    check_print(
        "cloud=none +70 leave restart=600 idle\n+60 leave restart=5\n+200",
        "cancelled*~(idle_without_result)",
    );
    // One that is killed cannot say.
    check_print("+70 restart=5 finish\n+60", "finished*");
}

#[test]
fn trace_15_the_end_while_the_gateway_was_down() {
    let mut desk = Desk::new();
    desk.play(PRINTS);
    // It ended an hour after the gateway did.
    desk.play("+60 restart=10800 cloud=111111:finished:7200 finish\n+60");
    assert_eq!(desk.log, ["started", "printing", "first_layer", "finished*-"]);
    let last = desk.tracker.ledger().last.clone().unwrap();
    assert_eq!(last.result, Some(JobResult::Finished));
    assert_eq!(desk.wall.as_second() - last.ended_at.unwrap().as_second(), 7260);
}

#[test]
fn trace_16_the_same_within_the_late_window() {
    check_print("+60 restart=300 cloud=111111:finished:120 finish\n+60", "finished*");
}

#[test]
fn trace_17_another_job_after_a_gap() {
    check_print(
        "+60 restart=600 cloud=111111:finished:300 running ids=222222 name=b layer=9 %=30\n+60",
        "finished* started*",
    );
    // It may have begun twenty minutes ago: too long for a trigger.
    check_print(
        "+60 restart=1200 cloud=111111:finished:600 running ids=222222 name=b layer=9 %=30\n+60",
        "finished* started*-",
    );
    // Nobody knows what became of the first.
    check_print(
        "cloud=none\n+60 restart=1200 running ids=222222 name=b layer=9 %=30\n+100 finish\n+60",
        "lost*~ started*- finished",
    );
    // The same without a restart.
    check_print(
        "cloud=111111:ended:60\n+60 unlink\n+600 link\n+9 full running ids=222222 name=b layer=1 %=0\n+60",
        "cancelled*~ started*",
    );
}

#[test]
fn trace_18_power_lost() {
    check_print("cloud=dead\n+60 off\n+600 on idle\n+89", "offline offline_while_printing online");
    check_print(
        "cloud=dead\n+60 off\n+600 on idle\n+91",
        "offline offline_while_printing online failed*~(power_loss)",
    );
}

#[test]
fn trace_19_away_and_back() {
    check_print(
        "+60 off\n+600 on running\n+60 finish\n+60",
        "offline offline_while_printing online reconnected finished",
    );
    // It lost its power, and goes on.
    check_print(
        "+60 off\n+600 on idle\n+60 running\n+60 finish\n+60",
        "offline offline_while_printing online reconnected(power_loss_resume) finished",
    );
}

#[test]
fn trace_20_our_own_connection_comes_and_goes() {
    let mut desk = Desk::new();
    desk.play(PRINTS);
    for _ in 0..30 {
        desk.play("+60 unlink\n+5 link\n+3 full");
    }
    // Ten minutes: the snapshot says that it is away, because nobody can know.
    desk.play("+60 unlink\n+600 off\n+600 link\n+5 on\n+60 finish\n+60");
    assert_eq!(desk.log, ["started", "printing", "first_layer", "finished"]);
}

#[test]
fn trace_21_run_out() {
    check_print(
        "+60 pause stage=6\n+60 running stage=0\n+60 finish\n+60",
        "paused(runout) runout(runout) resumed finished",
    );
    // By a health message alone.
    check_print(
        "+60 pause hms=0700200000020001\n+60 running hms=-\n+60 finish\n+60",
        "hms.raised paused(runout) runout(runout) resumed hms.cleared finished",
    );
}

#[test]
fn trace_22_a_calibration() {
    let script = "+1 prepare file=/usr/etc/print/auto_cali_for_user.gcode name=auto_cali_for_user kind=system\n\
        +9 running stage=1 layer=3 %=60\n+60 pause\n+60 running\n+60 finish\n+60";
    check(script, "calibration_started calibration_finished");
    let mut desk = Desk::new();
    desk.play(script);
    let ledger = desk.tracker.ledger();
    assert!(ledger.last.is_none() && ledger.counters.finished == 0 && ledger.counters.calibrating_s > 0);
    assert_eq!(desk.closed, 0, "it is not in the history");
    check("+1 running file=/usr/x.gcode\n+60 failed\n+60", "calibration_started calibration_failed");
}

#[test]
fn trace_23_the_same_from_the_local_network() {
    check(
        "ids=0 name=a\n+1 prepare kind=local\n+9 running layer=1 %=1\n+600 finish %=100\n\
         +60 running layer=1 %=0\n+600 finish %=100\n+60",
        "started printing finished started printing finished",
    );
}

#[test]
fn keys_do_not_come_again_when_a_ledger_is_lost() {
    let keys = |seed| {
        let mut desk = Desk::new();
        let ledger = Ledger { seed, ..Ledger::default() };
        desk.tracker = Tracker::new(
            desk.printer.identity.serial.clone(),
            ledger,
            &desk.printer.policy,
            TrackerOptions::default(),
        );
        desk.play("idle\n+1 running ids=0 name=a layer=1\n+60 finish\n+60 running ids=3025/0 name=b\n+60 finish\n+60");
        let ends = desk.events.iter().filter(|event| event.kind.is_terminal());
        ends.map(|event| event.job.as_ref().unwrap().key.to_string()).collect::<Vec<_>>()
    };
    let (old, new) = (keys(7), keys(8));
    assert_eq!((old.len(), new.len()), (2, 2));
    assert!(old.iter().all(|key| !new.contains(key)), "{old:?} {new:?}");
    assert_eq!(old, keys(7));
}

#[test]
fn trace_24_names_that_come_later() {
    let mut desk = Desk::new();
    // The last job, from the cloud.
    desk.play("finish ids=111111 name=old\n+60");
    desk.play("+1 prepare\n+1\n+1\n+1 ids=222222 name=new\n+60");
    assert_eq!(desk.log, ["started"]);
    let job = desk.events[0].job.as_ref().unwrap();
    assert_eq!((job.name.as_deref(), job.task_id.as_deref()), (Some("new"), Some("222222")));
    // Later than anybody waits: the same job gets its numbers then.
    let mut desk = Desk::new();
    desk.play("finish ids=111111 name=old\n+60 prepare\n+10 running ids=222222 name=new\n+60 layer=1\n+60 finish\n+60");
    assert_eq!(desk.log, ["started", "printing", "finished"]);
    let job = desk.tracker.ledger().last.clone().unwrap();
    assert_eq!((job.name.as_deref(), job.task_id.as_deref()), (Some("new"), Some("222222")));
}

#[test]
fn trace_25_a_print_of_thirty_hours() {
    let mut desk = Desk::new();
    desk.play("+1 prepare ids=111111 name=a total=9000\n+9 running layer=1 %=0");
    for second in 0..30 * 3600_u32 {
        if second % 1080 == 0 {
            desk.line(&format!("%={} layer={}", second / 1080, second / 12));
        }
        desk.line("+1");
    }
    desk.play("finish\n+60");
    let last = desk.tracker.ledger().last.clone().unwrap();
    assert_eq!(last.duration_s(), Some(30 * 3600 + 9));
    assert_eq!(desk.tracker.ledger().counters.printing_s, 30 * 3600 + 9);
    // An event or five minutes.
    assert!(desk.saves < 380, "{} times written", desk.saves);
}

#[test]
fn trace_26_a_part_of_a_report_after_a_gap() {
    // BB #1679.
    check_print("+60 unlink\n+60 link\n+1 finish\n+60 running\n+60 full\n+60", "");
    check_print("+60 unlink\n+20 link\n+1 finish\n+20\n+1 full\n+60", "finished");
}

#[test]
fn trace_27_killed_before_the_broker_had_it() {
    let mut desk = Desk::new();
    desk.play(PRINTS);
    desk.play("broker=down +60 finish\n+5");
    let id = desk.events.last().unwrap().id.clone();
    assert_eq!(desk.log.len(), 3);
    desk.play("restart=5 broker=up\n+60");
    assert_eq!(desk.log, ["started", "printing", "first_layer", "finished"]);
    assert_eq!(desk.events.last().unwrap().id, id);
}

/// A disk that takes nothing: after a restart the end is found once more, and must be known for the same.
#[test]
fn an_end_that_is_found_again_has_the_same_id() {
    let mut desk = Desk::new();
    desk.play(PRINTS);
    let kept = desk.tracker.ledger().clone();
    desk.play("+60 finish\n+5");
    let end = desk.events.last().unwrap().clone();
    desk.play("+600");
    let mut again = Desk::new();
    again.printer = desk.printer.clone();
    again.wall = desk.wall;
    again.tracker = Tracker::new(
        desk.printer.identity.serial.clone(),
        kept,
        &desk.printer.policy,
        TrackerOptions::default(),
    );
    again.events = desk.events[..3].to_vec();
    again.play("finish\n+60");
    let found = again.events.last().unwrap();
    assert_eq!((found.kind, &found.id), (end.kind, &end.id));
    assert_ne!(found.at, end.at);
    // That of the next job is another one.
    desk.play("prepare ids=111111 name=a\n+9 running\n+60 finish\n+5");
    assert_ne!(desk.events.last().unwrap().id, end.id);
}

#[test]
fn trace_28_the_broker_is_down_at_the_end() {
    let script = format!("{PRINTS}broker=down +60 finish\n+50\nbroker=up\n+60");
    check(&script, "started printing first_layer finished");
    let script = format!("{PRINTS}broker=down +60 finish\n+300\nbroker=up\n+60");
    check(&script, "started printing first_layer finished*");
    let script = format!("{PRINTS}broker=down +60 finish\n+1000\nbroker=up\n+60");
    check(&script, "started printing first_layer finished*-");
}

#[test]
fn trace_29_a_replay_that_nobody_began() {
    check_print(
        "+60 finish\n+60 off\n+600 on idle\n+30 prepare ids=111111/333333\n+9 running\n+60",
        "finished offline online started(unattended_replay) printing first_layer",
    );
    // Somebody did.
    check_print(
        "+60 finish\n+60 off\n+600 on idle\n+300 prepare ids=111111/333333 layer=0\n+9 running\n+60",
        "finished offline online started printing",
    );
}

#[test]
fn trace_30_a_stop_of_ours() {
    check_print("+60 stop\n+3 failed\n+60", "cancelled(gateway)");
    check_print("+60 stop\n+1 error=0300400C stopped\n+3 failed\n+60", "cancelled(gateway)");
    // Another client's.
    check_print("+60 stopped\n+3 failed\n+60", "cancelled(user)");
    // A stop that came to nothing explains no failure later.
    check_print("+60 stop\n+90 failed\n+60", "failed");
}

#[test]
fn trace_31_a_leap() {
    check_print("+60 %=10\n+600 %=80\n+60", "progress_75");
    check_print("+60 %=10\n+60 unlink\n+600 link\n+5 full %=80\n+60", "progress_75*");
    check_print("+60 %=10\n+60 unlink\n+1000 link\n+5 full %=80\n+60", "progress_75*-");
    check_print(
        "+60 %=26\n+60 %=51\n+60 %=50\n+60 %=51\n+60 %=76\n+60 %=96",
        "progress_25 progress_50 progress_75 progress_95",
    );
}

#[test]
fn trace_32_layers_of_a_calibration() {
    // BB #1837.
    check("+1 prepare ids=111111 layer=1\n+9 layer=3\n+60 running stage=8 layer=5\n+60", "started");
}

#[test]
fn trace_33_two_printers() {
    let mut desks = [Desk::new(), Desk::new()];
    for line in PRINTS.lines().chain(["+60 finish", "+60"]) {
        for (n, desk) in desks.iter_mut().enumerate() {
            desk.line(&line.replace("finish", ["finish", "failed"][n]));
        }
    }
    assert_eq!(desks[0].log.last().unwrap(), "finished");
    assert_eq!(desks[1].log.last().unwrap(), "failed");
}

#[test]
fn trace_34_an_error_of_any_module() {
    let mut desk = Desk::new();
    desk.play("+1 error=18038012\n+60 error=12008001\n+60 error=0\n+60");
    assert_eq!(desk.log, ["error.raised", "error.cleared", "error.raised", "error.cleared"]);
    let reason = desk.events[0].reason.clone().unwrap();
    assert_eq!(reason.code.as_deref(), Some("1803-8012"));
    assert!(reason.text.unwrap().contains("assignment of slots"));
    assert!(reason.url.unwrap().contains("18038012"));
}

#[test]
fn trace_35_a_word_that_nobody_knows() {
    check_print("+60 foo\n+60 running\n+60 foo\n+1 finish\n+60", "finished");
    check("+60 foo\n+60 idle\n+60", "");
}

// The table of states, where no trace has the row.

#[test]
fn first_sight_of_a_print_is_adopted() {
    let mut desk = Desk::unknown(FirstSight::AdoptSilently);
    desk.play("running ids=111111 name=a layer=30 %=60 stage=0\n+60 %=76\n+600 finish\n+60");
    assert_eq!(desk.log, ["progress_75", "finished"]);
}

#[test]
fn first_sight_of_a_print_can_be_told() {
    let mut desk = Desk::unknown(FirstSight::Tell);
    desk.play("running ids=111111 name=a layer=30 %=60 stage=0\n+60 %=76\n+600 finish\n+60");
    assert_eq!(desk.log, ["started*", "progress_75", "finished"]);
    assert_eq!(desk.events[0].job.as_ref().unwrap().started_at, None, "nobody knows");
}

#[test]
fn a_print_that_began_while_nobody_looked() {
    check("restart=600 running ids=111111 name=a layer=9 %=30\n+60", "started*");
    // A short gap hides nothing.
    check("+60 unlink\n+9 link\n+5 full prepare ids=111111 name=a\n+60", "started");
}

#[test]
fn a_pause_of_a_restart() {
    check_print("+60 pause stage=16\n+60 restart\n+60 running stage=0\n+60", "paused(user) resumed");
    check_print("+60 leave restart=10 pause stage=16\n+60", "paused(user)");
    check_print("+60 pause stage=16\n+60 leave restart=10 running stage=0\n+60", "paused(user) resumed");
}

/// The third row of the table: the same job, in another phase.
#[test]
fn what_changed_in_a_job_while_nobody_looked_is_late() {
    check_print("+60 leave restart=90 pause stage=16\n+60", "paused*(user)");
    check_print("+60 pause stage=16\n+60 leave restart=90 running stage=0\n+60", "paused(user) resumed*");
    check_print("+60 leave restart=90 pause stage=6\n+60", "paused*(runout) runout*(runout)");
    // Perhaps hours ago: nobody is woken for it.
    check_print("+60 leave restart=10800 pause stage=6\n+60", "paused*(runout)- runout*(runout)-");
    check_print(
        "+60 pause stage=16\n+60 leave restart=10800 running stage=0\n+60 pause stage=16\n+60",
        "paused(user) resumed*- paused(user)",
    );
    // The same without a restart.
    check_print("+60 unlink\n+10800 link\n+5 full pause stage=6\n+60", "paused*(runout)- runout*(runout)-");
    check_print("+60 leave restart=10800 finish\n+60", "finished*-");
}

#[test]
fn a_start_while_nobody_looked_is_dated_by_what_is_known() {
    let ago = |minutes: i64| {
        let wall: jiff::Timestamp = super::START.parse().unwrap();
        (wall + std::time::Duration::from_secs(60 + 10800) - jiff::SignedDuration::from_mins(minutes))
            .to_string()
    };
    let script = |minutes| {
        format!(
            "+60 leave restart=10800 running started={} ids=111111 name=a layer=9 %=30\n+60",
            ago(minutes)
        )
    };
    check(&script(150), "started*-");
    check(&script(5), "started*");
    let mut desk = Desk::new();
    desk.play(&script(150));
    assert_eq!(desk.events[0].at.to_string(), ago(150));
    // Nobody knows when.
    check("+60 leave restart=10800 running ids=111111 name=a layer=9 %=30\n+60", "started*-");
    // What follows is news.
    check(
        "+60 leave restart=10800 running ids=111111 name=a layer=9 %=30\n+60 %=50\n+60 finish\n+60",
        "started*- progress_50 finished",
    );
}

#[test]
fn what_was_found_of_the_printer_after_a_gap_is_late() {
    const WARM: &str = "bed=25 nozzle=25 +1 running ids=111111 layer=1 bed=60\n+60 finish\n+60";
    check(
        &format!("{WARM} leave restart=86400 bed=30\n+60"),
        "started printing finished bed_cooled*- safe_to_power_off*-",
    );
    // The print itself ended in between.
    check(
        "bed=25 nozzle=25 +1 running ids=111111 layer=1 bed=60\n+60 leave restart=86400 finish bed=30\n+60",
        "started printing finished*- bed_cooled*- safe_to_power_off*-",
    );
    // It cools while we look.
    check(
        &format!("{WARM} leave restart=86400\n+60 bed=30\n+60"),
        "started printing finished bed_cooled safe_to_power_off",
    );
    check("+60 leave restart=86400 hms=0300010000010007 error=07008003\n+60", "error.raised*- hms.raised*-");
    check(
        "+60 hms=0300010000010007 error=07008003\n+60 leave restart=300 hms=- error=0\n+60",
        "error.raised hms.raised error.cleared* hms.cleared*",
    );
    check("+60 off\n+60 leave restart=86400 on\n+60", "offline online*-");
    // One that is switched on says what it could not say before: that is news.
    check(
        "+60 off\n+86400 on hms=0300010000010007 error=07008003\n+60",
        "offline online error.raised hms.raised",
    );
    // What is offered is news whenever it is found.
    check("+60 leave restart=86400 offer=01.09\n+60", "firmware_available(firmware)");
}

#[test]
fn pauses() {
    // One that does not last.
    check_print("+60 pause\n+1 running\n+60", "");
    check_print(
        "+60 pause error=03008005 stage=17\n+3 running error=0\n+60",
        "error.raised paused(cover) error.cleared resumed",
    );
    check_print(
        "+60 pause stage=30\n+60 running\n+60 pause stage=35\n+60",
        "paused(gcode) resumed paused(nozzle_clog)",
    );
    check_print("+60 pause\n+60", "paused");
    // Paused by a person: not an error.
    check_print("+60 pause error=03008001\n+60 error=0 running\n+60", "paused(user) resumed");
    // HB #452: to the end from a pause.
    let mut desk = Desk::new();
    desk.play(PRINTS);
    desk.play("+60 pause\n+100 finish\n+60");
    assert_eq!(desk.log.last().unwrap(), "finished");
    assert_eq!(desk.tracker.ledger().last.as_ref().unwrap().paused_s, 100);
}

#[test]
fn a_run_out_that_is_told_later_than_the_pause() {
    check_print(
        "+60 pause\n+10 error=07008011\n+60 hms=0700200000020001\n+60 error=0 hms=-\n+5 running\n+60",
        "paused error.raised runout(runout) hms.raised error.cleared resumed hms.cleared",
    );
    // Each pause has its own.
    check_print(
        "+60 pause stage=6\n+60 running stage=0\n+60 pause\n+10 stage=6\n+60 running stage=0\n+60",
        "paused(runout) runout(runout) resumed paused runout(runout) resumed",
    );
    // A restart does not tell it again.
    check_print(
        "+60 pause\n+10 stage=6\n+60 restart\n+60 hms=0700200000020001\n+60",
        "paused runout(runout) hms.raised",
    );
    // One that was met so is no news.
    let mut desk = Desk::unknown(FirstSight::AdoptSilently);
    desk.play("pause stage=6 ids=111111 name=a layer=3\n+60");
    assert!(desk.log.is_empty(), "{:?}", desk.log);
}

#[test]
fn a_cancel_code_from_before_the_job() {
    check(
        "error=0300400C\n+60 prepare ids=111111 name=a\n+9 running layer=1\n+60 failed\n+60",
        "started printing failed",
    );
}

#[test]
fn finish_wins_over_a_cancel_code() {
    check_print("+60 error=0300400C\n+1 finish\n+60", "finished");
}

#[test]
fn a_failure_has_its_reason() {
    check_print("+60 error=03008016\n+1 failed\n+60", "error.raised failed(nozzle_clog)");
    check_print(
        "+60 error=03008016\n+1 failed error=0\n+60",
        "error.raised error.cleared failed(nozzle_clog)",
    );
}

#[test]
fn a_rest_that_is_none() {
    check_print("+60 idle\n+5 running\n+60 finish\n+60", "finished");
    check_print("+60 idle\n+5 failed\n+60", "failed");
    check_print("+60 idle\n+5 finish\n+60", "finished");
}

#[test]
fn a_job_in_place_of_another() {
    // HB, H6: nobody compares the numbers.
    check_print("cloud=none\n+60 ids=222222 name=b layer=0 %=0 stage=2\n+151", "lost*~ started*");
    check_print(
        "+60 %=50\n+1 cloud=111111:finished:1 ids=222222 name=b layer=0 %=0 stage=2\n+60",
        "progress_50 finished started",
    );
    // From the local network, where they have none.
    check(
        "ids=0 name=a +1 prepare\n+9 running layer=1 %=1\n+90 %=40 layer=20\n+1 name=b %=0 layer=0 stage=2\n+60",
        "started printing first_layer progress_25 lost~ started",
    );
    // A name that changes is no other job.
    check_print("+90 name=b\n+60 finish\n+60", "finished");
}

#[test]
fn two_days_away() {
    check_print("+60 off\n+172790", "offline offline_while_printing");
    check_print("+60 off\n+172810", "offline offline_while_printing lost~");
    // It was not lost after all: the record is mended, and nothing told.
    let mut desk = Desk::new();
    desk.play(PRINTS);
    desk.play("+60 off\n+172810 on running\n+60 finish\n+60");
    assert_eq!(desk.log.last().unwrap(), "online");
    assert_eq!(desk.tracker.ledger().last.as_ref().unwrap().result, Some(JobResult::Finished));
    // The gateway was killed while it waited.
    check_print("+60 off\n+60 restart=172000 off\n+900", "offline offline_while_printing lost~");
}

#[test]
fn away_and_the_end_in_between() {
    check_print(
        "+60 off\n+600 cloud=111111:finished:300 on finish\n+60",
        "offline offline_while_printing online finished*",
    );
    check_print(
        "+60 off\n+700 cloud=111111:finished:600 on idle\n+60",
        "offline offline_while_printing online finished*",
    );
    check_print(
        "cloud=none\n+60 off\n+600 on failed error=0300400C\n+60",
        "offline offline_while_printing online cancelled*(user)",
    );
}

#[test]
fn at_rest_after_the_gateway_was_down() {
    check_print("cloud=none left=60 +60 restart=600 idle\n+200", "cancelled*~(idle_without_result)");
    check_print("cloud=none left=5 +60 restart=600 idle\n+200", "finished*~");
    check_print("+60 restart=600 cloud=111111:ended:300 idle\n+60", "cancelled*~");
    check_print(
        "+60 error=07008003 +60 restart=600 cloud=111111:ended:300 idle\n+60",
        "error.raised failed*~",
    );
}

#[test]
fn only_the_row_of_this_run_decides() {
    // The same task was printed before: its row says nothing of this run.
    check_print(
        "cloud=none +60 restart=600 cloud=111111:finished:9000:12000 idle\n+200",
        "cancelled*~(idle_without_result)",
    );
    let prints = "+1 prepare ids=111111/333333 name=a\n+9 running stage=0 layer=1\n+60 layer=3\n";
    let rows = |rows: &str, expected: &str| {
        let script = format!("{prints}cloud=none +60 restart=600 cloud={rows} idle\n+200");
        check(&script, &format!("{BEGAN}{expected}"));
    };
    rows("111111:finished:9000:12000,333333:ended:300", "cancelled*~");
    // The number of the run says more than that of the task.
    rows("111111:finished:300:9000,333333:ended:300:660", "cancelled*~");
    rows("333333:finished:300:660,111111:ended:300:9000", "finished*");
    // Of one that was met under way nobody knows when it began, and an earlier run does not tell.
    let mut desk = Desk::new();
    desk.play("restart=600 cloud=111111:finished:9000:12000 running ids=111111/333333 layer=9 %=30\n+60");
    let open = desk.tracker.ledger().open.clone().unwrap();
    assert_eq!((open.started_at, open.planned_g), (None, Some(12.5)), "the same was sliced");
    desk.play("cloud=none\n+60 restart=600 cloud=111111:finished:9720:12720 idle\n+200");
    assert_eq!(desk.log.last().unwrap(), "cancelled*~(idle_without_result)");
}

#[test]
fn the_cloud_is_asked_a_few_times() {
    let mut desk = Desk::new();
    desk.play(PRINTS);
    let before = desk.asked;
    desk.play("cloud=none +60 restart=600 idle\n+149");
    assert_eq!((desk.log.len(), desk.asked - before), (3, 4));
    desk.play("+60");
    assert_eq!((desk.log.len(), desk.asked - before), (4, 4));
}

#[test]
fn finishing_is_the_moment_for_a_picture() {
    check_print("total=50 +60 layer=50 left=0\n+9 finish\n+60", "finishing finished");
    check_print("total=50 +60 layer=50 left=3\n+9 stage=22\n+9 finish\n+60", "finishing finished");
}

#[test]
fn health_messages_one_by_one() {
    check(
        "+1 hms=0300010000010007\n+1 hms=0300010000010007,0700200000020001\n+60 hms=0700200000020001\n+5\n\
         +1 hms=0300010000010007,0700200000020001\n+60 hms=-\n+9\n+60",
        "hms.raised hms.raised hms.cleared hms.cleared",
    );
    // What stood at first sight is no news, that it goes is.
    let mut desk = Desk::unknown(FirstSight::AdoptSilently);
    desk.play("idle hms=0300010000010007 error=07008003\n+60\nrestart\n+60 hms=- error=0\n+60");
    assert_eq!(desk.log, ["error.cleared", "hms.cleared"]);
}

#[test]
fn spools_that_change_while_it_prints() {
    check(
        "+1 prepare ids=111111 tray=-\n+9 running stage=4 tray=0\n+60 tray=1\n+60 stage=0 layer=1\n+60 tray=-\n+9 tray=2\n\
         +60 tray=2\n+60 finish tray=-\n+60 tray=0\n+60",
        "started printing filament_changed(filament) finished",
    );
}

#[test]
fn drying_that_ends() {
    check("dry=2\n+60 dry=1\n+60 dry=0\n+60", "drying_finished(drying)");
    // Somebody ended it.
    check("dry=120\n+60 dry=0\n+60", "");
    // Its heater was off for the last ten minutes, and somebody ended that.
    check("dry=10\n+60 still=1\n+500 dry=0 still=0\n+60", "");
    // The gateway did not run.
    check("dry=10\n+60 restart=1200 dry=0\n+60", "drying_finished*(drying)");
    let mut desk = Desk::new();
    desk.play("dry=10\n+60 restart=7200 dry=0\n+60");
    assert_eq!(desk.log, ["drying_finished*(drying)-"]);
    assert_eq!(desk.wall.as_second() - desk.events[0].at.as_second(), 7200 + 60 + 60 - 600);
}

#[test]
fn a_bed_that_cools() {
    check(
        "bed=25 nozzle=25 +1 prepare ids=111111\n+9 running layer=1 bed=60 nozzle=220\n+60 finish\n+60 nozzle=48\n+60 bed=44\n\
         +60 bed=41\n+9 bed=40\n+1 bed=41\n+1 bed=39\n+60",
        "started printing finished safe_to_power_off bed_cooled",
    );
    // A glitch is no job.
    check("bed=25 nozzle=25 name=a +1 prepare\n+1 idle\n+60", "");
    // Power-on.
    check("bed=25 nozzle=25 +60 off\n+60 on init\n+9 idle\n+60", "offline online");
    // A restart in between.
    check(
        "bed=25 nozzle=25 +1 running ids=111111 layer=1 bed=60\n+60 finish\n+60 restart=600 bed=30\n+60 restart\n+60",
        "started printing finished bed_cooled* safe_to_power_off*",
    );
}

#[test]
fn firmware_that_is_offered() {
    check(
        "+1 offer=01.09\n+60 restart\n+60 offer=-\n+60 offer=01.09\n+60 offer=01.10\n+60",
        "firmware_available(firmware) firmware_available(firmware)",
    );
}

#[test]
fn a_printer_that_goes_and_comes() {
    check("+60 off\n+600 restart=60 off\n+600 on\n+60", "offline online");
    check("+60 restart=60 off\n+400", "offline");
}
