//! Why a print stopped: by what a code means, wanted or not.

use printer::event::Kind;

use super::table::{PRINTS, check_print};
use super::{Desk, check};

/// The reason of the first event of a kind.
#[track_caller]
fn reason_of(desk: &Desk, kind: Kind) -> printer::reason::Reason {
    let event = desk.events.iter().find(|event| event.kind == kind);
    event.unwrap_or_else(|| panic!("{:?}", desk.log)).reason.clone().unwrap_or_default()
}

#[test]
fn filament_runs_out_of_any_unit_and_any_holder() {
    let units = (0..8).flat_map(|unit| [0x0700_8011, 0x1800_8011].map(|code| code + (unit << 16)));
    let lite = (0..4).map(|unit| 0x1200_8011 + (unit << 16));
    // The end of what the slicer named, of a holder; it holds the print, or asks.
    let holders = [0x07FF, 0x07FE, 0x12FF, 0x12FE]
        .into_iter()
        .flat_map(|holder: u32| [0x8011, 0x8030, 0xC030].map(|what| holder << 16 | what));
    let printer = [0x0300_8004, 0x0300_8015];
    for code in units.chain(lite).chain(holders).chain(printer) {
        check_print(
            &format!("+60 pause error={code:08X}\n+60 error=0 running\n+60 finish\n+60"),
            "error.raised paused(runout) runout(runout) error.cleared resumed finished",
        );
    }
}

#[test]
fn what_has_the_number_of_a_run_out_and_means_something_else() {
    // Of a unit 030 is a check of the hotend, and C011 of a holder asks to pull filament out.
    for code in ["07008030", "18018030"] {
        check_print(&format!("+60 pause error={code}\n+60"), "error.raised paused(ams)");
    }
    check_print("+60 pause error=07FFC011\n+60", "error.raised paused(ams)");
    check_print("+60 pause error=05008011\n+60", "error.raised paused(error)");
}

#[test]
fn a_pause_that_was_wanted_is_no_error() {
    for (code, kind) in [("03008001", "user"), ("03008013", "gcode")] {
        check_print(
            &format!("+60 pause error={code}\n+60 error=0 running\n+60"),
            &format!("paused({kind}) resumed"),
        );
    }
    // Firmware does not agree on which of the two is which; the stage is certain.
    check_print("+60 pause error=03008001 stage=30\n+60", "paused(gcode)");
    check_print("+60 pause error=03008013 stage=16\n+60", "paused(user)");
    // Where it fails from there, that somebody paused explains nothing.
    check_print("+60 pause error=03008013\n+60 failed\n+60", "paused(gcode) failed");
    // At first sight, too.
    check("error=03008013\n+60 error=0\n+60", "");
}

#[test]
fn wanted_and_unwanted_pauses_have_triggers_of_their_own() {
    for (script, own) in [
        ("pause error=03008001", "print_paused_wanted"),
        ("pause error=03008013", "print_paused_wanted"),
        ("pause stage=5", "print_paused_wanted"),
        ("pause stage=16", "print_paused_wanted"),
        ("pause stage=30", "print_paused_wanted"),
        ("pause stage=6", "print_paused_unwanted"),
        ("pause error=03008003", "print_paused_unwanted"),
        // Nobody knows why: somebody should have a look.
        ("pause", "print_paused_unwanted"),
    ] {
        let mut desk = Desk::new();
        desk.play(&format!("{PRINTS}+60 {script}\n+60"));
        let paused = desk.events.iter().find(|event| event.kind == Kind::Paused).unwrap();
        assert_eq!(paused.triggers(), ["print_paused", own], "{script}");
    }
}

#[test]
fn a_health_message_names_the_reason_that_the_error_does_not() {
    for error in ["03008000", "0500808F", "0"] {
        let mut desk = Desk::new();
        desk.play(&format!("{PRINTS}+60 pause error={error} hms=0C00010000020017\n+60"));
        let why = reason_of(&desk, Kind::Paused);
        assert_eq!(why.code.as_deref(), Some("HMS_0C00_0100_0002_0017"), "{error}");
        assert_eq!(why.text.as_deref(), Some("The lens of the nozzle camera is dirty"));
        assert_eq!(why.severity.as_deref(), Some("serious"));
    }
    // An error that says it itself, a wanted pause and a stage are believed.
    check_print(
        "+60 pause error=03008003 hms=0C00010000020017\n+60",
        "error.raised hms.raised paused(spaghetti)",
    );
    check_print("+60 pause error=03008001 hms=0C00010000020017\n+60", "hms.raised paused(user)");
    check_print("+60 pause stage=35 hms=0C00010000020017\n+60", "hms.raised paused(nozzle_clog)");
    // What has stood for long, or is no more than a hint, holds nothing.
    for hint in ["hms=0C00010000020017\n+130", "hms=0300960000030001"] {
        let mut desk = Desk::new();
        desk.play(&format!("{PRINTS}+60 {hint} pause error=03008000\n+60"));
        let why = reason_of(&desk, Kind::Paused);
        assert_eq!(why.code.as_deref(), Some("0300-8000"), "{hint}");
    }
}

#[test]
fn what_is_gone_has_the_words_with_which_it_came() {
    for restart in ["", "restart\n"] {
        let mut desk = Desk::new();
        desk.play("+1 hms=0300010000010007 error=07008003\n+60");
        desk.play(restart);
        desk.play("+60 hms=- error=0\n+60");
        for (came, went) in [(Kind::ErrorRaised, Kind::ErrorCleared), (Kind::HmsRaised, Kind::HmsCleared)] {
            assert_eq!(reason_of(&desk, went), reason_of(&desk, came));
            assert!(reason_of(&desk, went).text.is_some() && reason_of(&desk, went).url.is_some());
        }
    }
    // Of what was met there are words, too.
    let mut desk = Desk::unknown(printer::tracker::FirstSight::AdoptSilently);
    desk.play("idle hms=0300010000010007 error=07008003\n+60 hms=- error=0\n+60");
    assert!(reason_of(&desk, Kind::HmsCleared).text.is_some());
    assert!(reason_of(&desk, Kind::ErrorCleared).text.is_some());
    assert!(desk.tracker.ledger().told_of.words.is_empty(), "what is gone is not kept");
}

/// Pauses and goes on every few seconds, so many times.
fn flap(times: usize, paused: u32, runs: u32) -> String {
    format!("+{runs} pause stage=16\n+{paused} running stage=0\n").repeat(times)
}

#[test]
fn pauses_in_a_row_are_told_once_and_then_how_many_there_were() {
    let mut desk = Desk::new();
    desk.play(PRINTS);
    desk.play(&flap(20, 5, 4));
    let last = desk.wall;
    desk.play("+60");
    assert_eq!(desk.log, ["started", "printing", "first_layer", "paused(user)", "resumed"]);
    let resumed = desk.events.last().unwrap();
    assert_eq!((resumed.count, resumed.at), (Some(20), last), "when it went on, not when that was certain");
    desk.play("+60 finish\n+60");
    assert_eq!(
        desk.tracker.ledger().last.as_ref().unwrap().paused_s,
        100,
        "what ran in between is not paused"
    );
    // The next one is told again, and is one.
    let mut desk = Desk::new();
    desk.play(&format!("{PRINTS}{}+60 pause\n+60 running\n+60", flap(3, 5, 4)));
    let counts: Vec<_> = desk.events.iter().filter_map(|event| event.count).collect();
    assert_eq!(counts, [3, 1]);
    // To the end while it is not certain yet.
    check_print(&format!("{}+3 finish\n+60", flap(3, 5, 4)), "paused(user) resumed finished");
    check_print(
        &format!("{}+3 idle\n+60", flap(3, 5, 4)),
        "paused(user) resumed cancelled~(idle_without_result)",
    );
    // A restart in the middle.
    let mut desk = Desk::new();
    desk.play(&format!("{PRINTS}{}+2 restart\n+60", flap(3, 5, 4)));
    assert_eq!(desk.events.last().unwrap().count, Some(3), "{:?}", desk.log);
}

#[test]
fn the_level_says_at_once_that_a_single_short_pause_is_over() {
    let activity = |desk: &Desk| desk.tracker.levels().activity.unwrap().word();
    for restart in ["", "+1 restart\n"] {
        let mut desk = Desk::new();
        desk.play(&format!("{PRINTS}+60 pause stage=16\n+8"));
        assert_eq!(activity(&desk), "paused");
        desk.play(&format!("{restart}+1 running stage=0\n"));
        assert_eq!(activity(&desk), "printing");
        desk.play("+60");
        assert_eq!(desk.log.last().unwrap(), "resumed");
    }
    // In a row it does not come and go.
    let mut desk = Desk::new();
    desk.play(&format!("{PRINTS}{}+4 pause\n+1", flap(2, 5, 4)));
    assert_eq!(activity(&desk), "paused");
    desk.play("+3 running\n+1");
    assert_eq!(activity(&desk), "paused");
    desk.play("+10");
    assert_eq!(activity(&desk), "printing");
}
