//! What has an end: numbers of requests, what is told of unknown words, what is known after a gap.

use super::*;

#[test]
fn numbers_of_requests_begin_anew_before_they_are_negative_for_some_firmware() {
    let mut rig = Rig::counting_from("P1S", 0x7FFF_FFFE);
    rig.tell_all();
    rig.command(1, Command::Light(LightKind::Chamber, true));
    rig.pass(1.0);
    let numbers: Vec<_> = rig.all.iter().map(|request| request.sequence_id).collect();
    assert_eq!(numbers, [0x7FFF_FFFE, 0x7FFF_FFFF, 40_000]);
    // The answer finds its request as ever.
    rig.answer(json!({"result": "success"}));
    assert_eq!(rig.replies().first(), Some(&(1, Outcome::Accepted)));
}

#[test]
fn a_printer_that_comes_back_is_known_as_a_whole_only_after_its_full_report() {
    let mut rig = Rig::told("X1C");
    let before = rig.session.observed().contact;
    assert!(before.whole);
    rig.pass(400.0);
    assert_eq!(rig.reach(), Reach::Offline);
    assert_eq!(rig.session.observed().contact, before, "nothing was heard that could be of another moment");
    rig.delta(json!({"bed_temper": 20}));
    let back = rig.session.observed().contact;
    assert_eq!((back.linked, back.whole, back.gaps), (true, false, before.gaps + 1));
    rig.delta(json!({"bed_temper": 21}));
    assert_eq!(rig.session.observed().contact, back, "it came back once");
    rig.tell_all();
    let known = rig.session.observed().contact;
    assert_eq!((known.whole, known.gaps), (true, back.gaps));
}

fn unknown_words(rig: &mut Rig) -> Vec<String> {
    let notes = rig.out.drain(..).filter_map(|(_, output)| match output {
        Output::Note(note @ Note::UnknownState(_)) => Some(note.to_string()),
        _ => None,
    });
    notes.collect()
}

#[test]
fn each_unknown_word_for_its_state_is_told_once() {
    let mut rig = Rig::told("X1C");
    for word in ["DANCING", "SINGING", "DANCING", "RUNNING", "SINGING", "DANCING"] {
        rig.delta(json!({ "gcode_state": word }));
    }
    let told = unknown_words(&mut rig);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].ends_with(r#": "DANCING""#), "{told:?}");
    for number in 0..100 {
        rig.delta(json!({ "gcode_state": format!("DANCING {number}") }));
    }
    assert!(unknown_words(&mut rig).len() < 10);
}

#[test]
fn an_unknown_word_for_its_state_stays_on_one_short_line() {
    let mut rig = Rig::told("X1C");
    rig.delta(json!({ "gcode_state": format!("A\nB\u{1b}[2J{}", "x".repeat(100_000)) }));
    let told = unknown_words(&mut rig);
    assert_eq!(told.len(), 1);
    assert!(told[0].len() < 150 && !told[0].contains(char::is_control), "{told:?}");
}
