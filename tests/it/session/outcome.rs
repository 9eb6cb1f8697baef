//! What becomes of a command: each form of answer, each way to get none.

use bambu::envelope::{self, Message};
use bambu::session::{Input, Output};
use printer::command::{Place, PrintFile, SpoolFilament};
use printer::options::{Sensitivity, Setting};
use printer::{Command, LightKind, Outcome, Side, Source, Speed};
use serde_json::{Value, json};

use super::Rig;

fn refused(reason: &str) -> Outcome {
    Outcome::Refused(reason.into())
}

fn words(replies: &[(u64, Outcome)]) -> Vec<(u64, &'static str)> {
    let word = |outcome: &Outcome| match outcome {
        Outcome::Accepted => "accepted",
        Outcome::Confirmed => "confirmed",
        Outcome::Refused(_) => "refused",
        Outcome::Failed(_) => "failed",
        Outcome::Superseded => "superseded",
        Outcome::Timeout(_) => "timeout",
    };
    replies.iter().map(|(id, outcome)| (*id, word(outcome))).collect()
}

#[test]
fn every_form_of_yes_is_one() {
    for yes in [
        json!({"result": "success", "reason": ""}),
        json!({"result": "SUCCESS", "reason": "SUCCESS"}),
        json!({"result": "Success", "reason": "success", "err_code": 0}),
        json!({"err_code": 0}),
    ] {
        let mut rig = Rig::told("A1");
        rig.command(1, Command::BedTarget(70));
        rig.answer(yes.clone());
        assert_eq!(rig.replies(), [(1, Outcome::Accepted)], "{yes}");
    }
}

#[test]
fn every_form_of_no_is_one_with_its_reason() {
    let signature = "only from Bambu Lab's own programs";
    for (no, reason) in [
        (json!({"result": "fail", "reason": "error string"}), "error string"),
        (json!({"result": "FAIL", "reason": ""}), "without a reason"),
        (json!({"result": "failed", "reason": "mqtt message verify failed"}), signature),
        (json!({"result": "failed", "reason": "invalid", "err_code": 0x0500_4003}), "slice or send it again"),
        (json!({"err_code": 84_033_543}), signature),
        (json!({"err_code": 0x0502_4009}), signature),
        (json!({"err_code": 0x0500_4004}), "busy"),
        (json!({"errno": -2}), "the filament in use"),
        (json!({"result": "success", "errno": -4}), "40 °C"),
        (json!({"errno": -9}), "number -9"),
    ] {
        let mut rig = Rig::told("A1");
        rig.command(1, Command::BedTarget(70));
        rig.answer(no.clone());
        let replies = rig.replies();
        let told = matches!(&replies[..], [(1, Outcome::Refused(told))] if told.contains(reason));
        assert!(told, "{no}: {replies:?}");
        rig.pass(60.0);
        assert_eq!(rig.replies(), [], "nothing more comes of it");
    }
}

#[test]
fn an_answer_that_says_nothing_is_judged_by_the_report() {
    let mut rig = Rig::told("A1");
    rig.command(1, Command::BedTarget(70));
    rig.answer(json!({"param": null}));
    assert_eq!(rig.replies(), []);
    rig.pass(3.0);
    rig.delta(json!({"bed_target_temper": 70}));
    assert_eq!(rig.replies(), [(1, Outcome::Confirmed)]);

    let mut rig = Rig::told("X1");
    rig.command(1, Command::BedTarget(70));
    rig.answer(json!({}));
    rig.command(2, Command::Speed(Speed::Sport));
    rig.pass(0.25);
    assert_eq!(rig.sent().len(), 2, "it is answered: the next one goes");
    rig.pass(9.7);
    assert_eq!(rig.replies(), []);
    rig.pass(0.1);
    assert_eq!(words(&rig.replies()), [(1, "timeout")]);
}

#[test]
fn another_clients_answer_is_none_of_ours() {
    let mut rig = Rig::told("A1");
    rig.command(1, Command::BedTarget(70));
    for other in [
        json!({"print": {"command": "gcode_line", "sequence_id": "20001", "result": "success"}}),
        json!({"print": {"command": "pause", "sequence_id": "40002", "result": "success"}}),
        json!({"system": {"command": "gcode_line", "sequence_id": "40002", "result": "success"}}),
        json!({"print": {"command": "gcode_line", "result": "fail"}}),
    ] {
        rig.hear(&other.to_string());
        assert_eq!(rig.replies(), [], "{other}");
    }
    rig.hear(r#"{"print":{"command":"gcode_line","sequence_id":40002,"result":"success"}}"#);
    assert_eq!(words(&rig.replies()), [(1, "accepted")], "its number may be one");
}

#[test]
fn what_was_accepted_is_seen_in_time_or_not() {
    for (model, command, seconds) in [
        ("X1", Command::BedTarget(70), 10.0),
        ("X1", Command::NozzleTarget(Side::Right, 200), 10.0),
        ("P1P", Command::BedTarget(70), 15.0),
        ("A1", Command::Speed(Speed::Sport), 15.0),
        ("X1", Command::Light(LightKind::Chamber, false), 10.0),
        ("X1", Command::Pause, 30.0),
        ("P1P", Command::Stop, 30.0),
    ] {
        let mut rig = Rig::told(model);
        rig.command(1, command.clone());
        rig.pass(1.0);
        let was = rig.session.observed().clone();
        rig.answer_silently(json!({"result": "success"}));
        assert_eq!(words(&rig.replies()), [(1, "accepted")], "{model} {command:?}");
        assert_eq!(was.bed.target, rig.session.observed().bed.target, "nothing is shown before it is so");
        rig.pass(seconds - 0.1);
        assert_eq!(rig.replies(), [], "{model} {command:?}");
        rig.pass(0.1);
        let replies = rig.replies();
        let told = matches!(&replies[..], [(1, Outcome::Timeout(why))] if why.contains("took it"));
        assert!(told, "{model} {command:?}: {replies:?}");
    }
}

#[test]
fn a_late_report_of_a_p1_still_confirms() {
    let mut rig = Rig::told("P1P");
    rig.command(1, Command::NozzleTarget(Side::Right, 190));
    rig.answer(json!({"result": "success"}));
    rig.pass(14.0);
    rig.delta(json!({"nozzle_target_temper": 190}));
    assert_eq!(words(&rig.replies()), [(1, "accepted"), (1, "confirmed")]);
}

#[test]
fn an_effect_without_an_answer_confirms_and_lets_the_next_one_go() {
    let mut rig = Rig::told("X1");
    rig.command(1, Command::BedTarget(70));
    rig.command(2, Command::Speed(Speed::Sport));
    rig.pass(2.0);
    assert_eq!(rig.sent().len(), 1);
    rig.delta(json!({"bed_target_temper": 70}));
    assert_eq!(words(&rig.replies()), [(1, "confirmed")]);
    assert_eq!(rig.sent(), [(2.0, "print_speed")]);
}

#[test]
fn what_was_so_before_proves_nothing_until_a_report_says_it_again() {
    let mut rig = Rig::told("X1");
    let target = rig.session.observed().bed.target;
    assert_eq!(target, Some(60.0));
    rig.command(1, Command::BedTarget(60));
    rig.pass(1.0);
    rig.delta(json!({"wifi_signal": "-50dBm", "bed_temper": 41.0}));
    assert_eq!(rig.replies(), []);
    rig.pass(9.0);
    assert_eq!(words(&rig.replies()), [(1, "confirmed")]);
}

#[test]
fn an_error_right_after_a_command_is_a_p1s_way_to_say_no() {
    let error = |code: u32| json!({ "print_error": code });
    for (model, after, code, outcome) in [
        ("P1P", 4.0, 0x0500_4004, Some(refused("the printer refused: it is busy with a print"))),
        ("A1", 4.0, 0x0300_8003, Some(refused("the printer answered with error 0300-8003"))),
        // Later it is something else, on other models it is anything, and a cancelled job is no fault.
        ("P1P", 6.0, 0x0500_4004, None),
        ("X1", 4.0, 0x0500_4004, None),
        ("P1P", 4.0, 0x0500_400E, None),
    ] {
        for answered in [false, true] {
            let mut rig = Rig::told(model);
            rig.command(1, Command::BedTarget(70));
            if answered {
                rig.answer(json!({"result": "success"}));
                rig.replies();
            }
            rig.pass(after);
            rig.delta(error(code));
            let expected: Vec<_> = outcome.iter().map(|outcome| (1, outcome.clone())).collect();
            assert_eq!(rig.replies(), expected, "{model} after {after} s, answered: {answered}");
        }
    }
    // Shown before, it is no answer.
    let mut rig = Rig::told("P1P");
    rig.delta(error(0x0500_4004));
    rig.command(1, Command::BedTarget(70));
    rig.pass(1.0);
    rig.delta(json!({"print_error": 0x0500_4004, "wifi_signal": "-40dBm"}));
    assert_eq!(rig.replies(), []);
}

#[test]
fn a_cut_connection_ends_everything_and_nothing_is_sent_again() {
    let mut rig = Rig::told("A1");
    rig.command(1, Command::Speed(Speed::Sport));
    rig.answer(json!({"result": "success"}));
    rig.pass(1.0);
    rig.command(2, Command::BedTarget(70));
    rig.command(3, Command::NozzleTarget(Side::Right, 200));
    rig.replies();
    rig.take(Input::Disconnected);
    assert_eq!(words(&rig.replies()), [(1, "timeout"), (2, "timeout"), (3, "failed")]);
    rig.sent();
    rig.take(Input::Connected);
    rig.hear(&rig.printer.full());
    rig.delta(json!({"bed_target_temper": 70, "spd_lvl": 3}));
    rig.pass(60.0);
    assert!(rig.sent().iter().all(|(_, name)| ["get_version", "pushall", "start"].contains(name)));
    assert_eq!(rig.replies(), [], "their outcome was told");
}

#[test]
fn a_newer_value_takes_the_place_of_one_that_is_still_awaited() {
    let mut rig = Rig::told("A1");
    rig.command(1, Command::BedTarget(50));
    rig.answer(json!({"result": "success"}));
    rig.command(2, Command::BedTarget(55));
    rig.pass(0.25);
    rig.answer(json!({"result": "success"}));
    assert_eq!(words(&rig.replies()), [(1, "accepted"), (1, "superseded"), (2, "accepted")]);
    rig.delta(json!({"bed_target_temper": 55}));
    assert_eq!(words(&rig.replies()), [(2, "confirmed")]);
}

#[test]
fn pause_and_stop_go_first() {
    let mut rig = Rig::told("A1");
    rig.command(1, Command::BedTarget(50));
    rig.command(2, Command::NozzleTarget(Side::Right, 200));
    rig.command(3, Command::Stop);
    rig.command(4, Command::Speed(Speed::Sport));
    rig.sent();
    // The slider's answer is missing, and nobody waits ten seconds for it to stop a print.
    rig.pass(1.0);
    assert_eq!(rig.sent(), [(0.25, "stop")]);
    rig.answer_to("stop", json!({"result": "success"}));
    rig.delta(json!({"gcode_state": "FAILED"}));
    assert_eq!(words(&rig.replies()), [(3, "accepted"), (3, "confirmed")]);
    rig.pass(1.0);
    assert_eq!(rig.sent(), [], "the others wait for their turn");
}

#[test]
fn a_stop_does_not_wait_for_the_answer_to_a_pause() {
    let mut rig = Rig::told("X1");
    rig.command(1, Command::Pause);
    rig.command(2, Command::Stop);
    rig.pass(1.0);
    let sent = rig.sent();
    assert_eq!(sent.iter().map(|(_, name)| *name).collect::<Vec<_>>(), ["pause", "stop"], "{sent:?}");
}

#[test]
fn a_second_stop_or_a_late_pause_waits_for_the_answer_to_a_stop() {
    let mut rig = Rig::told("X1");
    rig.command(1, Command::Stop);
    rig.command(2, Command::Stop);
    rig.command(3, Command::Pause);
    rig.pass(1.0);
    assert_eq!(rig.sent().len(), 1);
}

#[test]
fn ams_settings_that_follow_each_other_do_not_undo_each_other() {
    let mut rig = Rig::told("X1");
    rig.printer.set(json!({"home_flag": 0x0000_0007, "ams": {"insert_flag": false, "power_on_flag": false}}));
    rig.tell_all();
    rig.out.clear();
    rig.command(1, Command::Setting(Setting::RfidOnInsert, true));
    rig.answer_to("ams_user_setting", json!({"result": "success"}));
    rig.command(2, Command::Setting(Setting::RfidOnStartup, true));
    rig.pass(0.25);
    let last = &rig.all.last().unwrap().payload;
    assert!(last.contains(r#""startup_read_option":true"#), "{last}");
    assert!(last.contains(r#""tray_read_option":true"#), "the first is not in a report yet: {last}");
}

#[test]
fn a_sensitivity_does_not_switch_a_detector_on_again() {
    let mut rig = Rig::told("X1");
    rig.delta(json!({"xcam": {"printing_monitor": true, "halt_print_sensitivity": "low"}}));
    rig.sent();
    rig.command(1, Command::Setting(Setting::PrintingMonitor, false));
    rig.answer_to("xcam_control_set", json!({"result": "success"}));
    rig.command(2, Command::Sensitivity(Setting::PrintingMonitor, Sensitivity::High));
    rig.pass(0.25);
    let last = &rig.all.last().unwrap().payload;
    assert!(
        last.contains(r#""halt_print_sensitivity":"high""#) && last.contains(r#""enable":false"#),
        "{last}"
    );
    rig.answer_to("xcam_control_set", json!({"result": "success"}));
    rig.command(3, Command::Setting(Setting::PrintingMonitor, true));
    rig.pass(0.25);
    let last = &rig.all.last().unwrap().payload;
    assert!(
        last.contains(r#""halt_print_sensitivity":"high""#) && last.contains(r#""enable":true"#),
        "{last}"
    );
}

#[test]
fn a_new_color_is_confirmed_only_when_it_is_reported() {
    let mut rig = Rig::told("X1");
    let spool = |color: &str| {
        json!({"vt_tray": {"id": "254", "tray_type": "PLA", "tray_info_idx": "GFL99",
        "tray_color": color, "nozzle_temp_min": "190", "nozzle_temp_max": "240", "tag_uid": "0000000000000000"}})
    };
    rig.delta(spool("FF0000FF"));
    let filament = SpoolFilament {
        id: "GFL99".into(),
        material: "PLA".into(),
        color: 0x00FF_00FF,
        nozzle_min: 190,
        nozzle_max: 240,
    };
    rig.command(1, Command::SetFilament(Source::External(1), Box::new(filament)));
    rig.answer_silently(json!({"result": "success"}));
    assert_eq!(words(&rig.replies()), [(1, "accepted")], "it is still red");
    rig.delta(spool("00FF00FF"));
    assert_eq!(words(&rig.replies()), [(1, "confirmed")]);
}

#[test]
fn nothing_moves_and_nothing_else_is_printed_while_a_print_is_fetched() {
    // A P1 fetches for up to 135 s and is at rest meanwhile; an A1 mini drops one print for the next.
    let print = || {
        Command::Print(Box::new(PrintFile {
            place: Place::Storage("box.3mf".into()),
            plate: 1,
            name: "box".into(),
            bed_type: "auto".into(),
            md5: None,
            timelapse: false,
            bed_leveling: true,
            flow_calibration: false,
            vibration_calibration: None,
            layer_inspect: false,
            nozzle_offset_calibration: false,
            use_ams: false,
            mapping: Vec::new(),
        }))
    };
    let mut rig = Rig::told("A1");
    rig.delta(json!({"gcode_state": "IDLE"}));
    rig.sent();
    rig.command(1, print());
    rig.command(2, print());
    rig.answer_to("project_file", json!({"result": "success"}));
    rig.command(3, print());
    rig.command(4, Command::Home);
    rig.pass(5.0);
    assert_eq!(rig.sent().iter().map(|(_, name)| *name).collect::<Vec<_>>(), ["project_file"]);
    assert_eq!(words(&rig.replies()), [(2, "refused"), (1, "accepted"), (3, "refused"), (4, "refused")]);
    rig.command(5, Command::BedTarget(70));
    rig.pass(1.0);
    assert_eq!(rig.sent().len(), 1, "what does not move goes on");
}

#[test]
fn a_pause_by_a_person_is_no_answer_to_what_went_before() {
    let mut rig = Rig::told("P1P");
    rig.command(1, Command::Pause);
    rig.answer(json!({"result": "success"}));
    rig.replies();
    rig.pass(1.0);
    rig.delta(json!({"print_error": 0x0300_8001}));
    assert_eq!(rig.replies(), []);
    rig.delta(json!({"gcode_state": "PAUSE"}));
    assert_eq!(words(&rig.replies()), [(1, "confirmed")]);
}

#[test]
fn a_lamp_that_burns_does_not_prove_that_it_flashes() {
    let mut rig = Rig::told("X1");
    rig.delta(json!({"lights_report": [{"node": "chamber_light", "mode": "on"}]}));
    rig.command(1, Command::FlashLight);
    rig.pass(1.0);
    rig.delta(json!({"wifi_signal": "-50dBm", "bed_temper": 41.0}));
    rig.pass(9.0);
    assert_eq!(words(&rig.replies()), [(1, "timeout")]);
    rig.command(2, Command::FlashLight);
    rig.answer(json!({"result": "success"}));
    assert_eq!(words(&rig.replies()), [(2, "accepted")]);
}

#[test]
fn a_full_queue_makes_room_for_a_stop() {
    let mut rig = Rig::told("A1");
    rig.delta(json!({"gcode_state": "PAUSE"}));
    for id in 0..9 {
        rig.command(id, Command::Resume);
    }
    assert_eq!(rig.replies(), []);
    rig.command(9, Command::Stop);
    assert_eq!(words(&rig.replies()), [(8, "failed")]);
    rig.pass(0.25);
    assert!(rig.sent().iter().any(|(at, name)| (*at, *name) == (0.25, "stop")));
}

/// What an answer says, from its members alone.
fn expected(reply: &Value) -> Option<bool> {
    match (reply["err_code"].as_i64(), reply["result"].as_str()) {
        (Some(1..), _) => Some(false),
        (_, Some(word)) => Some(word.eq_ignore_ascii_case("success")),
        _ => None,
    }
}

#[test]
fn recorded_answers_are_understood() {
    let Some(folder) = crate::support::shared::shared("captures") else { return };
    let mut seen = [0; 3];
    for file in ["acks_real_from_client_logs.jsonl", "docs_requests_and_acks.jsonl"] {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        for line in text.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let payload = &line["payload"];
            let Some((category, reply)) = payload.as_object().and_then(|p| p.iter().next()) else { continue };
            let to_printer = line["topic"].as_str().unwrap().ends_with("/request");
            if to_printer || !["print", "system"].contains(&category.as_str()) {
                continue;
            }
            let Message::Reply(read) = envelope::read(payload.to_string().as_bytes()).unwrap() else {
                panic!("{payload} is a reply")
            };
            assert_eq!((read.category, read.accepted), (category.as_str(), expected(reply)), "{payload}");
            seen[match read.accepted {
                Some(true) => 0,
                Some(false) => 1,
                None => 2,
            }] += 1;

            // On a printer whose firmware is no reason to refuse, only a missing signature is held against it.
            let mut rig = Rig::told("A1");
            rig.hear(&payload.to_string());
            let unsigned = reply["err_code"] == 84_033_543
                || reply["reason"].as_str().is_some_and(|r| r.contains("verify failed"));
            let limited = rig.session.observed().control == printer::Control::Limited;
            assert_eq!(limited, unsigned, "{payload}");
            assert!(!rig.out.iter().any(|(_, output)| matches!(output, Output::Reply(..))));
        }
    }
    assert_eq!(seen, [36, 7, 1], "yes, no, unclear");
}
