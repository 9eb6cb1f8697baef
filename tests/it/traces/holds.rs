//! Every time that the tracker waits, from both sides: these fail when one is half or twice as long.

use std::time::Duration;

use jiff::Timestamp;

use super::table::{BEGAN, PRINTS, check_print};
use super::{Desk, START, check};

#[test]
fn a_new_job_waits_until_its_names_have_settled() {
    check("+1 prepare ids=111111 name=a\n+1.5", "");
    check("+1 prepare ids=111111 name=a\n+2.5", "started");
}

#[test]
fn a_new_job_whose_names_never_settle_is_believed_after_five_seconds() {
    const RENAMED: &str = "+1 prepare name=a\n+1.5 name=b\n+1.5 name=c";
    check(&format!("{RENAMED}\n+1.5 name=d"), "");
    check(&format!("{RENAMED}\n+1.5 name=d\n+1"), "started");
}

#[test]
fn a_new_job_with_the_last_ones_names_is_believed_after_fifteen() {
    check("+1 prepare\n+14", "");
    check("+1 prepare\n+16", "started");
}

#[test]
fn a_pause_is_told_after_two_seconds() {
    check_print("+60 pause\n+1.5", "");
    check_print("+60 pause\n+2.5", "paused");
}

#[test]
fn a_short_pause_ends_when_it_stays_at_work() {
    check_print("+60 pause\n+9 running\n+9", "paused");
    check_print("+60 pause\n+9 running\n+11", "paused resumed");
    // One that lasted ends at once.
    check_print("+60 pause\n+19 running\n+1", "paused");
    check_print("+60 pause\n+21 running\n+1", "paused resumed");
}

#[test]
fn another_number_is_another_job_after_two_seconds() {
    const OTHER: &str = "ids=222222 name=b layer=0 %=0 stage=2";
    check_print(&format!("+60 {OTHER}\n+1.5 ids=111111 name=a layer=3 stage=0\n+60 finish\n+60"), "finished");
    check_print(&format!("+60 cloud=111111:finished:1 {OTHER}\n+3"), "finished started");
}

#[test]
fn progress_of_the_first_minute_is_not_told() {
    const BEGINS: &str = "+1 prepare ids=111111 name=a\n+9 running stage=0 layer=1 %=30";
    check(&format!("{BEGINS}\n+40"), "started printing");
    check(&format!("{BEGINS}\n+60"), "started printing progress_25");
}

#[test]
fn a_stage_of_printing_without_a_layer_must_last() {
    const BEGINS: &str = "+1 prepare ids=111111 name=a stage=2\n+9 running stage=0";
    check(&format!("{BEGINS}\n+7"), "started");
    check(&format!("{BEGINS}\n+13"), "started printing");
}

#[test]
fn an_end_is_held() {
    check_print("+60 finish\n+0.75", "");
    check_print("+60 finish\n+1.5", "finished");
    check_print("+60 failed\n+14", "");
    check_print("+60 failed\n+16", "failed");
    check_print("+60 idle\n+19", "");
    check_print("+60 idle\n+21", "cancelled~(idle_without_result)");
}

#[test]
fn a_late_end_waits_for_a_cloud_that_does_not_answer() {
    check_print("cloud=silent +60 restart=600 finish\n+18", "");
    check_print("cloud=silent +60 restart=600 finish\n+22", "finished*");
}

#[test]
fn a_job_that_the_cloud_cannot_know_is_waited_for_at_rest() {
    const RESTS: &str = "ids=0 name=a\n+1 prepare kind=local\n+9 running layer=1 %=1\n+60 restart=600 idle";
    check(&format!("{RESTS}\n+19"), "started printing");
    check(&format!("{RESTS}\n+21"), "started printing cancelled*~(idle_without_result)");
}

#[test]
fn a_fault_explains_a_failure_for_two_minutes() {
    const FAULT: &str = "+60 error=03008016\n+1 error=0";
    check_print(&format!("{FAULT}\n+100 failed\n+60"), "error.raised error.cleared failed(nozzle_clog)");
    check_print(&format!("{FAULT}\n+140 failed\n+60"), "error.raised error.cleared failed");
}

#[test]
fn a_cancel_code_explains_an_end_for_a_minute() {
    check_print("+60 error=0300400C\n+1 error=0\n+50 failed\n+60", "cancelled(user)");
    check_print("+60 error=0300400C\n+1 error=0\n+80 failed\n+60", "failed");
}

#[test]
fn a_print_soon_after_the_power_came_back_was_begun_by_nobody() {
    let begins =
        |seconds: u8| format!("+60 finish\n+60 off\n+600 on idle\n+{seconds} prepare ids=111111/333333\n+5");
    check_print(&begins(100), "finished offline online started(unattended_replay)");
    check_print(&begins(150), "finished offline online started");
}

#[test]
fn a_progress_that_leaps_almost_to_the_end_must_last_four_seconds() {
    check_print("+60 %=40\n+60 %=97\n+2 %=41\n+60", "progress_25");
    check_print("+60 %=40\n+60 %=97\n+3", "progress_25");
    check_print("+60 %=40\n+60 %=97\n+5", "progress_25 progress_95");
    check_print("+60 %=40\n+60 %=100\n+2 finish\n+60", "progress_25 progress_95 finished");
    check_print("+60 %=40\n+60 %=76\n+60 %=96", "progress_25 progress_75 progress_95");
}

#[test]
fn the_cloud_may_have_sent_a_job_ten_minutes_before_it_began() {
    let started = |ago: u32| {
        let mut desk = Desk::new();
        desk.play(&format!("cloud=111111:running:0:{ago}\n+1 running ids=111111 name=a layer=1\n+9"));
        let at = desk.tracker.ledger().open.as_ref().unwrap().started_at.unwrap();
        at.as_second() - START.parse::<Timestamp>().unwrap().as_second()
    };
    assert_eq!((started(400), started(900)), (-400, 1));
}

#[test]
fn the_cloud_is_asked_at_these_times() {
    let asked = |seconds: u8| {
        let mut desk = Desk::new();
        desk.play(PRINTS);
        let before = desk.asked;
        desk.play(&format!("cloud=none +60 restart=600 idle\n+{seconds}"));
        desk.asked - before
    };
    assert_eq!([8, 12, 25, 35, 110, 125].map(asked), [1, 2, 2, 3, 3, 4]);
}

#[test]
fn drying_may_end_five_minutes_early() {
    check("dry=10\n+360 dry=0\n+60", "drying_finished(drying)");
    check("dry=10\n+120 dry=0\n+60", "");
}

#[test]
fn a_health_message_must_be_gone_for_ten_seconds() {
    check("+1 hms=0300010000010007\n+60 hms=-\n+8", "hms.raised");
    check("+1 hms=0300010000010007\n+60 hms=-\n+12", "hms.raised hms.cleared");
}

#[test]
fn silence_means_something_some_time_after_our_own_absence() {
    check("+60 unlink\n+5 off\n+5 link\n+50", "");
    check("+60 unlink\n+5 off\n+5 link\n+70", "offline");
    // One that has not said anything since our start.
    check("+60 restart=60 unheard\n+290", "");
    check("+60 restart=60 unheard\n+310", "offline");
    check_print("+60 restart=10 unheard\n+80", "");
    check_print("+60 restart=10 unheard\n+100", "offline offline_while_printing");
}

#[test]
fn what_is_found_a_minute_later_is_late() {
    check_print("+60 unlink\n+50 link full finish\n+60", "finished");
    check_print("+60 unlink\n+70 link full finish\n+60", "finished*");
}

#[test]
fn the_ledger_is_never_far_behind() {
    let mut desk = Desk::new();
    desk.play(PRINTS);
    assert_eq!(desk.log.join(" "), BEGAN.trim());
    let before = desk.saves;
    desk.play("+280");
    assert_eq!(desk.saves, before);
    desk.play("+40");
    assert_eq!(desk.saves, before + 1);
    // In percent.
    desk.play("+1 %=7");
    assert_eq!(desk.saves, before + 1);
    desk.play("+1 %=12");
    assert_eq!(desk.saves, before + 2);
}

/// How long a job took, in seconds, beside which the wall clock leaps after so many of them.
fn duration_with_leap(after: u32, leap: Duration) -> u64 {
    let mut desk = Desk::new();
    desk.play(&format!("+1 running ids=111111 layer=1\n+{after}"));
    desk.wall += leap;
    desk.play(&format!("+1 layer=2\n+{} finish\n+5", 999 - after));
    desk.tracker.ledger().last.as_ref().unwrap().duration_s().unwrap()
}

#[test]
fn a_clock_that_leaps_was_set() {
    let leap = |seconds| duration_with_leap(20, Duration::from_secs(seconds));
    assert_eq!((leap(4), leap(8)), (1004, 1000));
}

#[test]
fn a_machine_sleeps_a_month_at_most() {
    const DAY: u64 = 24 * 3600;
    let leap = |days| duration_with_leap(600, Duration::from_secs(days * DAY));
    assert_eq!((leap(20), leap(40)), (20 * DAY + 1000, 1000));
}
