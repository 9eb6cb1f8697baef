//! Recordings of real printers, and what a person tells who reads them.
//!
//! The lists were written by hand from the messages, before the tracker was asked: `N word` is that the word is
//! told by the time of message N, a second a message. What is told by time alone (two seconds of a pause, ten
//! without a health message) is told before the message of that second.

use std::sync::Arc;
use std::time::Duration;

use capture::Capture;
use homeassistant::topic::Topics;
use printer::Now;
use printer::levels::Activity;
use twin::Input;

use super::{START, told};
use crate::support::player::{HERE, Player};
use crate::support::shared::shared;

/// A twin with time in hand.
struct Rig {
    player: Player,
    now: Now,
    number: usize,
    log: Vec<String>,
}

impl Rig {
    fn take(&mut self, input: Input<'_>) {
        self.player.handle(self.now, input);
        let events = std::mem::take(&mut self.player.events);
        self.log.extend(events.iter().map(|event| format!("{} {}", self.number, told(event))));
    }

    fn pass(&mut self, seconds: u64) {
        let end = self.now.mono + Duration::from_secs(seconds);
        while let Some(at) = self.player.twin.deadline().filter(|at| *at <= end) {
            let step = at.saturating_sub(self.now.mono);
            self.now = Now { mono: self.now.mono + step, wall: self.now.wall + step };
            self.take(Input::Tick);
        }
        let step = end.saturating_sub(self.now.mono);
        self.now = Now { mono: end, wall: self.now.wall + step };
    }
}

/// Plays a recording; a minute runs on at its end.
fn play(name: &str) -> Option<Rig> {
    let path = shared(&format!("captures/{name}.jsonl"))?;
    let text = std::fs::read_to_string(path).unwrap();
    let captures: Vec<_> = text.lines().map(|line| Capture::parse(line).unwrap()).collect();
    let serial = captures.iter().find_map(|capture| bambu::topic::reporter(&capture.topic)).unwrap();
    let now = Now { mono: Duration::ZERO, wall: START.parse().unwrap() };
    let topics = Topics { base: "b".into(), discovery: "h".into(), id_prefix: "b".into() };
    let player = Player::new(now, serial.as_str(), "Test", &Arc::new(topics));
    let mut rig = Rig { player, now, number: 0, log: Vec::new() };
    for (at, capture) in captures.iter().enumerate() {
        rig.number = at + 1;
        rig.pass(1);
        if capture.reporter().is_some() {
            rig.take(Input::Message(HERE, &capture.payload));
        }
    }
    rig.number = captures.len() + 60;
    rig.pass(60);
    Some(rig)
}

#[track_caller]
fn check(name: &str, expected: &[&str], activity: Activity) {
    let Some(rig) = play(name) else { return };
    assert_eq!(rig.log, expected, "{name}");
    assert_eq!(rig.player.snapshot().known.levels.activity, Some(activity), "{name}");
}

#[test]
fn an_a1_prints_from_the_cloud() {
    check(
        "a1_stream_cloud_single_color_fw010700",
        &[
            // PREPARE with its name and numbers in message 90, which stay.
            "92 started",
            // Until then it measured: layer 1, stage 0, and 49 percent at once.
            "228 printing",
            "228 progress_25",
            "230 progress_50",
            "231 first_layer",
            "307 progress_75",
            "363 progress_95",
            // Layer 50 of 50, no minute left.
            "366 finishing",
            // FINISH in 382.
            "383 finished",
        ],
        Activity::Finished,
    );
}

#[test]
fn an_a1_prints_from_the_local_network() {
    check(
        "a1_stream_local_single_color_fw010700",
        &[
            // Rest gets the new name in message 60, PREPARE comes in 61 with nothing new: five seconds.
            "66 started",
            "191 printing",
            "191 progress_25",
            "192 progress_50",
            "195 first_layer",
            "270 progress_75",
            "329 progress_95",
            "331 finishing",
            // FINISH in 349.
            "350 finished",
        ],
        Activity::Finished,
    );
}

#[test]
fn an_a1_has_trouble_with_its_ams() {
    check(
        "a1_stream_local_multicolor_ams_error_fw010700",
        &[
            "43 started",
            "168 printing",
            "168 progress_25",
            "171 first_layer",
            // Slot 4, which was loaded while it prepared, to slot 1.
            "204 filament_changed(filament)",
            "215 progress_50",
            "233 error.raised",
            "233 hms.raised",
            "235 paused(ams)",
            "292 error.cleared",
            "292 resumed",
            "300 filament_changed(filament)",
            // An empty list in 294.
            "304 hms.cleared",
            "324 error.raised",
            "324 hms.raised",
            "326 paused(ams)",
            "487 error.cleared",
            "487 resumed",
            "492 error.raised",
            // The message that went in 488 is back in 493: it never went.
            "494 paused(ams)",
            "503 error.cleared",
            "511 filament_changed(filament)",
            // It went on in 503; so soon after a short pause it is not certain at once.
            "513 resumed",
            "515 hms.cleared",
            "552 filament_changed(filament)",
            "558 progress_75",
            "585 error.raised",
            "585 hms.raised",
            "587 paused(ams)",
            "594 error.cleared",
            "600 filament_changed(filament)",
            "604 resumed",
            "605 hms.cleared",
            "631 progress_95",
            "638 finishing",
            "658 finished",
        ],
        Activity::Finished,
    );
}

#[test]
fn an_a1_begins_to_print() {
    check("a1_stream_kickoff_local_fw010700", &["11 started"], Activity::Preparing);
}

#[test]
fn an_a1_prints_for_long() {
    check(
        "a1_stream_long_start_hms_fw010700",
        &[
            // The health message stood when the printer was first seen.
            "39 started",
            "81 hms.cleared",
            "237 printing",
            "311 first_layer",
            "1014 progress_25",
            "1983 progress_50",
        ],
        Activity::Printing,
    );
}

#[test]
fn an_h2d_is_stopped() {
    check(
        "h2d_stream_pause_stop_failed_hms_fw010300",
        &[
            // Under way at first sight, with five health messages: no news.
            "14 error.raised",
            "16 paused(error)",
            // `stop` is answered in 21; the end comes in 29 without an error, the cancel code in 33.
            "29 error.cleared",
            "29 cancelled(user)",
        ],
        Activity::Cancelled,
    );
}

#[test]
fn an_x1_carbon_heats_up() {
    // It changes filament before anything is printed.
    check("x1c_stream_running_ams_change", &[], Activity::Preparing);
}
