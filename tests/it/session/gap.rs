//! What is asked and known after the connection was lost, or the printer was off.

use super::*;

impl Rig {
    fn reconnect(&mut self, gap: f64) {
        self.take(Input::Disconnected);
        self.pass(gap);
        self.take(Input::Connected);
    }

    /// Lets time pass with a printer that goes on talking.
    fn talk(&mut self, seconds: u32) {
        for _ in 0..seconds / 10 {
            self.pass(10.0);
            self.delta(json!({"bed_temper": 20}));
        }
    }

    fn pushalls(&mut self) -> Vec<f64> {
        self.sent().into_iter().filter(|(_, name)| *name == "pushall").map(|(at, _)| at).collect()
    }
}

#[test]
fn everything_is_asked_for_a_minute_after_the_last_time_when_something_may_have_been_missed() {
    for model in ["P1S", "A1", "Z9"] {
        let mut rig = Rig::told(model);
        rig.pass(20.0);
        rig.reconnect(5.0);
        assert!(rig.pushalls().is_empty(), "{model}");
        rig.pass(34.0);
        assert!(rig.pushalls().is_empty(), "{model}");
        rig.pass(1.0);
        assert_eq!(rig.pushalls(), [60.0], "{model}");
        rig.tell_all();
        // One that is later comes at once.
        rig.pass(90.0);
        rig.reconnect(5.0);
        assert_eq!(rig.pushalls(), [155.0], "{model}");
    }
}

#[test]
fn a_printer_without_a_gap_is_asked_after_its_pause_only() {
    let mut rig = Rig::told("P1S");
    rig.talk(100);
    rig.delta(json!({"online": {"version": 7}}));
    rig.delta(json!({"online": {"version": 8}}));
    rig.talk(190);
    assert!(rig.pushalls().is_empty());
    rig.talk(10);
    assert_eq!(rig.pushalls(), [300.0]);
}

#[test]
fn a_connection_that_is_lost_each_other_minute_does_not_make_the_printer_slow() {
    let mut rig = Rig::told("P1S");
    let (mut asked, mut early) = (vec![0.0], 0);
    for _ in 0..12 * 60 {
        rig.reconnect(0.0);
        for _ in 0..60 {
            rig.pass(2.0);
            for at in rig.pushalls() {
                early += i32::from(at - asked.last().unwrap() < 300.0);
                asked.push(at);
                rig.tell_all();
            }
        }
    }
    // A day: as often as without gaps, and some more.
    assert!((20..=25).contains(&early), "{early}");
    assert!(asked.len() < 24 * 12 + 30, "{}", asked.len());
    let closest = asked.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::MAX, f64::min);
    assert!(closest >= 60.0, "{closest}");
}

#[test]
fn what_the_printer_does_is_followed_over_a_short_gap_once_it_says_it() {
    let followed = |rig: &Rig| {
        let contact = rig.session.observed().contact;
        (contact.whole, contact.followed)
    };
    for (gap, follows) in [(59.0, true), (61.0, false)] {
        let mut rig = Rig::told("P1S");
        rig.pass(10.0);
        rig.reconnect(gap);
        rig.delta(json!({"bed_temper": 60}));
        assert_eq!(followed(&rig), (false, false), "{gap}: not a word of what it does");
        rig.delta(json!({"gcode_state": "FINISH"}));
        assert_eq!(followed(&rig), (false, follows), "{gap}");
        rig.tell_all();
        assert_eq!(followed(&rig), (true, false), "{gap}");
    }
    // Two gaps in a row: what was done between them is known.
    let mut rig = Rig::told("P1S");
    rig.reconnect(5.0);
    rig.delta(json!({"gcode_state": "RUNNING"}));
    rig.reconnect(5.0);
    rig.delta(json!({"gcode_state": "FINISH"}));
    assert_eq!(followed(&rig), (false, true));
    // It is not known here.
    rig.reconnect(5.0);
    rig.reconnect(5.0);
    rig.delta(json!({"gcode_state": "FINISH"}));
    assert_eq!(followed(&rig), (false, false));
    // The printer was off.
    let mut rig = Rig::told("P1S");
    rig.hear(r#"{"event":{"event":"client.connected"}}"#);
    rig.delta(json!({"gcode_state": "FINISH"}));
    assert_eq!(followed(&rig), (false, false));
}

#[test]
fn a_unit_that_a_printer_does_not_list_right_after_its_start_is_given_time() {
    for slow in [true, false] {
        let mut rig = Rig::told("X1C");
        let units = |rig: &Rig| rig.session.observed().ams.len();
        let all = units(&rig);
        assert!(all > 0);
        rig.pass(60.0);
        rig.hear(r#"{"event":{"event":"client.connected"}}"#);
        let whole = rig.printer.full();
        rig.printer.set(json!({"ams": {"ams": [], "ams_exist_bits": "0", "tray_exist_bits": "0"}}));
        for _ in 0..29 {
            rig.hear(&rig.printer.full());
            assert_eq!(units(&rig), all);
            rig.pass(1.0);
        }
        if slow {
            rig.hear(&whole);
            rig.pass(60.0);
            assert_eq!(units(&rig), all);
        } else {
            rig.pass(1.0);
            assert_eq!(units(&rig), 0, "it is really gone");
        }
    }
}

#[test]
fn the_boards_are_asked_for_again_while_a_listed_unit_is_not_among_them() {
    let mut rig = Rig::new("P1S");
    let version = rig.printer.version();
    rig.printer.modules().retain(|module| !module["name"].as_str().unwrap().contains('/'));
    let versions = |rig: &mut Rig| {
        let sent = rig.sent().into_iter().filter(|(_, name)| *name == "get_version");
        sent.map(|(at, _)| at).collect::<Vec<_>>()
    };
    let incomplete = rig.printer.version();
    rig.hear(&incomplete);
    rig.hear(&rig.printer.full());
    assert!(
        rig.session.observed().capabilities.is_some(),
        "what the printer can do does not wait for its AMS"
    );
    assert!(!rig.session.observed().ams[0].settled);
    let mut asked = versions(&mut rig);
    for _ in 0..20 {
        rig.pass(1.0);
        rig.delta(json!({"bed_temper": 20}));
        let new = versions(&mut rig);
        for _ in &new {
            rig.hear(&incomplete);
        }
        asked.extend(new);
    }
    assert_eq!(asked, [0.0, 5.0, 10.0]);
    assert!(rig.session.observed().ams[0].settled, "it is named after its place now");
    for _ in 0..80 {
        rig.pass(1.0);
        rig.delta(json!({"bed_temper": 20}));
        asked.extend(versions(&mut rig));
    }
    assert_eq!(asked, [0.0, 5.0, 10.0, 70.0], "an AMS may start later");
    rig.hear(&version);
    assert!(rig.session.observed().ams[0].serial.is_some());
    for _ in 0..120 {
        rig.pass(1.0);
        rig.delta(json!({"bed_temper": 20}));
        assert!(versions(&mut rig).is_empty());
    }
}
