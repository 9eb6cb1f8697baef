//! Whether commands need a signature: each piece of evidence, and which one wins.

use bambu::session::{Input, Note, Output};
use printer::{Command, Control, ControlReason as Because, LightKind, Outcome, Speed};
use serde_json::json;

use super::Rig;

fn known(rig: &Rig) -> (Control, Because) {
    (rig.session.observed().control, rig.session.observed().control_reason)
}

fn notes(rig: &Rig) -> Vec<Note> {
    let note = |output: &Output| match output {
        Output::Note(note) => Some(note.clone()),
        _ => None,
    };
    rig.out.iter().filter_map(|(_, output)| note(output)).collect()
}

const OLD: (Control, Because) = (Control::Full, Because::OldFirmware);
const REFUSED: (Control, Because) = (Control::Limited, Because::Refused);

#[test]
fn before_anything_is_sent_report_and_firmware_tell() {
    for (model, verdict) in [
        ("X1", OLD),
        ("A1", OLD),
        ("P1P", OLD),
        ("P1S", (Control::Limited, Because::NewFirmware)),
        ("A1 mini", (Control::Limited, Because::NewFirmware)),
        ("H2D", (Control::Limited, Because::SignatureDemanded)),
        // Nobody knows from which firmware on an X1E demands it, nor anything of a model of tomorrow.
        ("X1E", (Control::Unknown, Because::NotKnown)),
        ("Z9", (Control::Unknown, Because::NotKnown)),
    ] {
        assert_eq!(known(&Rig::told(model)), verdict, "{model}");
    }
    let mut rig = Rig::new("P1S");
    rig.hear(&rig.printer.full());
    assert_eq!(known(&rig), (Control::Unknown, Because::NotKnown), "its firmware is not known yet");
    rig.hear(&rig.printer.version());
    assert_eq!(known(&rig), (Control::Limited, Because::NewFirmware));
    // The bit may still come with the first whole report, and say the contrary.
    let mut rig = Rig::new("P1S");
    rig.printer.set(json!({"fun": "3EC18FFF9CFF"}));
    rig.hear(&rig.printer.version());
    rig.delta(json!({"bed_temper": 20}));
    assert_eq!(known(&rig), (Control::Unknown, Because::NotKnown));
    rig.hear(&rig.printer.full());
    assert_eq!(known(&rig), (Control::Full, Because::UnsignedAllowed));
    assert_eq!(notes(&rig), []);
}

#[test]
fn the_printers_own_bit_wins_and_may_change() {
    let mut rig = Rig::told("P1S");
    rig.delta(json!({"fun": "3EC18FFF9CFF"}));
    assert_eq!(known(&rig), (Control::Full, Because::UnsignedAllowed), "Developer Mode");
    rig.delta(json!({"hms": [{"attr": 0x0500_0500, "code": 0x0001_0007}], "print_error": 0x0502_4007}));
    assert_eq!(known(&rig), (Control::Full, Because::UnsignedAllowed));
    rig.delta(json!({"bed_temper": 21}));
    assert_eq!(known(&rig).0, Control::Full, "absent is unchanged");
    rig.delta(json!({"fun": "3EC1AFFF9CFF"}));
    assert_eq!(known(&rig), (Control::Limited, Because::SignatureDemanded));
    // 59 bits, and bit 29 is not set.
    rig.delta(json!({"fun": "4023FF18FFF9CB3"}));
    assert_eq!(known(&rig), (Control::Full, Because::UnsignedAllowed));
}

#[test]
fn the_health_message_counts_while_it_is_shown() {
    let message = json!({"hms": [{"attr": 0x0500_0500, "code": 0x0001_0007}]});
    let mut rig = Rig::told("A1");
    rig.delta(message.clone());
    assert_eq!(known(&rig), (Control::Limited, Because::HealthMessage));
    rig.delta(json!({"hms": []}));
    assert_eq!(
        known(&rig),
        (Control::Unknown, Because::NotKnown),
        "what its firmware makes believe is wrong"
    );
    let mut rig = Rig::told("P1S");
    rig.delta(message);
    rig.delta(json!({"hms": []}));
    assert_eq!(known(&rig), (Control::Limited, Because::NewFirmware));
}

#[test]
fn a_refused_signature_is_one_in_every_form_and_whoever_caused_it() {
    for sign in [
        json!({"print": {"command": "gcode_line", "sequence_id": "9", "result": "failed",
            "reason": "MQTT message verify failed"}}),
        json!({"print": {"command": "ams_filament_setting", "sequence_id": "0", "err_code": 84_033_543}}),
        json!({"print": {"command": "pause", "sequence_id": "0", "result": "fail", "err_code": 0x0502_4009}}),
        json!({"print": {"command": "push_status", "msg": 1, "print_error": 0x0502_4009}}),
        json!({"print": {"command": "push_status", "msg": 1, "print_error": 0x0502_4007}}),
    ] {
        let mut rig = Rig::told("A1");
        rig.hear(&sign.to_string());
        assert_eq!(known(&rig), REFUSED, "{sign}");
        rig.delta(json!({"print_error": 0, "wifi_signal": "-40dBm"}));
        assert_eq!(known(&rig), REFUSED, "kept");
        rig.hear(&sign.to_string());
        assert_eq!(notes(&rig), [Note::SignatureRequired], "said once");
    }
}

#[test]
fn a_refusal_is_kept_until_there_is_a_reason_to_try_again() {
    let refused = || {
        let mut rig = Rig::told("A1");
        rig.command(1, Command::Pause);
        rig.answer(json!({"err_code": 84_033_543}));
        assert_eq!(known(&rig), REFUSED);
        rig.out.clear();
        rig
    };
    let mut rig = refused();
    rig.take(Input::Disconnected);
    rig.take(Input::Connected);
    rig.delta(json!({"bed_temper": 20}));
    assert_eq!(known(&rig), OLD, "our connection is another one");
    assert_eq!(notes(&rig), []);

    let mut rig = refused();
    rig.hear(r#"{"event":{"event":"client.connected"}}"#);
    rig.delta(json!({"bed_temper": 20}));
    assert_eq!(known(&rig), OLD, "the printer's is");

    let mut rig = refused();
    rig.hear(&rig.printer.version());
    assert_eq!(known(&rig), REFUSED, "the same firmware");
    rig.hear(&rig.printer.version().replace("01.04.00.00", "01.04.01.00"));
    assert_eq!(known(&rig), OLD, "another firmware");
    rig.hear(&rig.printer.version().replace("01.04.00.00", "01.07.00.00"));
    assert_eq!(known(&rig), (Control::Limited, Because::NewFirmware));

    let mut rig = refused();
    rig.delta(json!({"fun": "3EC18FFF9CFF"}));
    assert_eq!(known(&rig), (Control::Full, Because::UnsignedAllowed));
}

#[test]
fn only_our_own_success_with_a_print_command_proves_anything() {
    let mut rig = Rig::told("X1E");
    let unknown = (Control::Unknown, Because::NotKnown);
    // The vendor's programs sign.
    rig.hear(r#"{"print":{"command":"pause","sequence_id":"20001","result":"success"}}"#);
    assert_eq!(known(&rig), unknown);
    rig.command(1, Command::Light(LightKind::Chamber, false));
    rig.answer(json!({"result": "success"}));
    assert_eq!(known(&rig), unknown, "lamps need no signature anywhere");
    rig.pass(1.0);
    rig.command(2, Command::BedTarget(70));
    rig.answer(json!({"result": "success"}));
    assert_eq!(known(&rig), (Control::Full, Because::Accepted));
    rig.delta(json!({"hms": [{"attr": 0x0500_0500, "code": 0x0001_0007}]}));
    assert_eq!(known(&rig), (Control::Limited, Because::HealthMessage), "newer than that");
}

#[test]
fn what_is_open_when_a_refusal_shows_was_refused() {
    for sign in
        [json!({"hms": [{"attr": 0x0500_0500, "code": 0x0001_0007}]}), json!({"print_error": 0x0502_4007})]
    {
        let mut rig = Rig::told("X1E");
        rig.command(1, Command::BedTarget(70));
        rig.pass(2.0);
        rig.delta(sign.clone());
        let replies = rig.replies();
        let told = matches!(&replies[..], [(1, Outcome::Refused(why))] if why.contains("Developer Mode"));
        assert!(told, "{sign}: {replies:?}");
    }
}

/// A command to which nothing comes, while the printer reports or does not.
fn unanswered(rig: &mut Rig, id: u64, reports: bool) {
    rig.command(id, Command::Speed(if id.is_multiple_of(2) { Speed::Sport } else { Speed::Silent }));
    rig.pass(5.0);
    if reports {
        rig.delta(json!({"wifi_signal": "-48dBm"}));
    }
    rig.pass(5.0);
}

#[test]
fn two_unanswered_commands_in_a_row_are_suspicious() {
    for model in ["X1E", "A1"] {
        let mut rig = Rig::told(model);
        let before = known(&rig);
        unanswered(&mut rig, 1, true);
        assert_eq!(known(&rig), before);
        unanswered(&mut rig, 2, true);
        assert_eq!(known(&rig), (Control::Unknown, Because::Unanswered));
        unanswered(&mut rig, 3, true);
        assert_eq!(rig.sent().iter().filter(|(_, name)| *name == "print_speed").count(), 3, "controls stay");
        assert_eq!(notes(&rig), [Note::Unanswered], "said once");
        rig.command(4, Command::Speed(Speed::Sport));
        rig.answer(json!({"result": "success"}));
        assert_eq!(known(&rig), (Control::Full, Because::Accepted));
    }
}

#[test]
fn silence_with_another_cause_is_not_suspicious() {
    // No reports: the connection.
    let mut rig = Rig::told("X1E");
    unanswered(&mut rig, 1, false);
    unanswered(&mut rig, 2, false);
    assert_eq!(known(&rig).1, Because::NotKnown);
    // An answer in between, if only a refusal for another reason.
    let mut rig = Rig::told("X1E");
    unanswered(&mut rig, 1, true);
    rig.command(2, Command::BedTarget(70));
    rig.answer(json!({"result": "fail", "reason": "error string"}));
    unanswered(&mut rig, 3, true);
    assert_eq!(known(&rig).1, Because::NotKnown);
    // The effect without an answer.
    let mut rig = Rig::told("X1E");
    for (id, target) in [(1, 50), (2, 55)] {
        rig.command(id, Command::BedTarget(target));
        rig.pass(5.0);
        rig.delta(json!({ "bed_target_temper": target }));
        rig.pass(5.0);
    }
    assert_eq!(known(&rig).1, Because::NotKnown);
    // Commands that need no signature.
    let mut rig = Rig::told("X1E");
    for id in 1..=3 {
        rig.command(id, Command::Light(LightKind::Chamber, false));
        rig.pass(5.0);
        rig.delta(json!({"wifi_signal": "-48dBm"}));
        rig.pass(5.0);
    }
    assert_eq!(known(&rig).1, Because::NotKnown);
    // A printer that says itself that it takes them.
    let mut rig = Rig::told("X1E");
    rig.delta(json!({"fun": "3EC18FFF9CFF"}));
    unanswered(&mut rig, 1, true);
    unanswered(&mut rig, 2, true);
    assert_eq!(known(&rig), (Control::Full, Because::UnsignedAllowed));
}

#[test]
fn a_late_answer_ends_the_suspicion() {
    let mut rig = Rig::told("X1E");
    unanswered(&mut rig, 1, true);
    unanswered(&mut rig, 2, true);
    rig.replies();
    rig.answer_to("print_speed", json!({"result": "success"}));
    assert_eq!(known(&rig), (Control::Full, Because::Accepted));
    assert_eq!(rig.replies(), [], "its outcome was told");
}
