//! The air in AMS units: what flaps, and what stands still.

use super::*;

impl Rig {
    fn unit(&mut self, members: Value) {
        let mut unit = json!({"id": "0"});
        crate::reports::overlay(&mut unit, members);
        self.delta(json!({"ams": {"ams": [unit]}}));
    }

    fn index(&self) -> Option<u8> {
        self.session.observed().ams[0].humidity_index
    }
}

#[test]
fn a_humidity_index_that_flaps_is_not_told_each_time() {
    let mut rig = Rig::told("X1C");
    let first = rig.index();
    assert_eq!(first, Some(2));
    for second in 0..240 {
        rig.unit(json!({"humidity": if second % 3 == 0 { "3" } else { "4" }}));
        rig.pass(1.0);
        assert_eq!(rig.index(), first, "second {second}");
    }
    // One that lasts is told, also by a printer that says it once.
    rig.unit(json!({"humidity": "3"}));
    rig.pass(59.0);
    assert_eq!(rig.index(), first);
    rig.pass(1.0);
    assert_eq!(rig.index(), Some(3));
    // And one that goes on changing.
    rig.unit(json!({"humidity": "2"}));
    rig.pass(30.0);
    rig.unit(json!({"humidity": "1"}));
    rig.pass(59.0);
    assert_eq!(rig.index(), Some(3));
    rig.pass(1.0);
    assert_eq!(rig.index(), Some(5));
}

#[test]
fn the_first_humidity_index_is_told_at_once() {
    let mut rig = Rig::new("X1C");
    rig.tell_all();
    assert_eq!(rig.index(), Some(2));
    let mut rig = Rig::told("X1C");
    rig.unit(json!({"humidity": "3"}));
    rig.unit(json!({"humidity": "4"}));
    rig.pass(100.0);
    assert_eq!(rig.index(), Some(2), "what was taken back is not told later");
}

#[test]
fn a_drying_whose_time_stands_still_does_not_run() {
    let mut rig = Rig::told("X1C");
    let state = |rig: &Rig| {
        let unit = &rig.session.observed().ams[0];
        (unit.is_drying(), unit.drying.is_interrupted())
    };
    assert_eq!(state(&rig), (Some(false), false));
    rig.unit(json!({"dry_time": 100, "info": "23"}));
    for _ in 0..299 {
        rig.pass(1.0);
        rig.unit(json!({"dry_time": 100}));
    }
    assert_eq!(state(&rig), (Some(true), false));
    rig.pass(1.0);
    rig.unit(json!({"temp": "40.0"}));
    assert_eq!(state(&rig), (Some(false), true));
    rig.unit(json!({"dry_time": 99}));
    assert_eq!(state(&rig), (Some(true), false));
    rig.unit(json!({"dry_time": 0}));
    rig.pass(400.0);
    rig.delta(json!({"bed_temper": 20}));
    assert_eq!(state(&rig), (Some(false), false), "what has ended was not interrupted");
}

#[test]
fn a_drying_that_is_off_by_its_own_word_does_not_run() {
    for (info, interrupted) in [("3", true), ("53", true), ("23", false), ("33", false), ("F3", false)] {
        let mut rig = Rig::told("X1C");
        rig.unit(json!({"dry_time": 100, "info": info}));
        let unit = &rig.session.observed().ams[0];
        assert_eq!(
            (unit.is_drying(), unit.drying.is_interrupted()),
            (Some(!interrupted), interrupted),
            "{info}"
        );
    }
}
