//! What leaves at most, whatever is asked for.

use std::time::Duration;

use bambu::access::CLOUD;
use bambu::session::{Budget, Input, Output, Session};
use printer::{Command, Now, Outcome, Policy, Serial, Side};
use serde_json::json;

use super::Rig;

/// A budget with so many messages left.
fn left(tokens: i64, now: Duration) -> Budget {
    let mut budget = Budget::for_printers(1);
    while budget.left(now) > tokens {
        budget.take(now);
    }
    budget
}

/// The bed targets that were sent, with their time.
fn targets(rig: &Rig) -> Vec<(f64, String)> {
    let target = |(at, output): &(f64, Output)| match output {
        Output::Request(request) => {
            let value = request.payload.split("M140 S").nth(1)?.split('\\').next()?;
            Some((*at, value.to_owned()))
        }
        _ => None,
    };
    rig.out.iter().filter_map(target).collect()
}

#[test]
fn two_hundred_moves_in_a_second_end_with_the_last_value() {
    // A printer that answers at once, one that answers slowly, and one whose budget is nearly used up.
    for (model, delay, tokens, most) in
        [("X1", 0.0, 22, 6), ("X1", 0.4, 22, 4), ("A1", 0.0, 8, 4), ("A1", 0.0, 5, 2)]
    {
        let mut rig = Rig::told(model);
        rig.lend(left(tokens, rig.now));
        let (mut answered, mut due) = (0, None);
        let mut serve = |rig: &mut Rig| {
            let now = rig.now.as_secs_f64();
            if targets(rig).len() > answered && due.is_none() {
                due = Some(now + delay);
            }
            if due.is_some_and(|due| now >= due) {
                (answered, due) = (answered + 1, None);
                rig.answer_to("gcode_line", json!({"result": "success"}));
            }
        };
        for id in 0..200 {
            rig.command(
                id,
                Command::BedTarget(if id == 199 { 77 } else { 30 + u16::try_from(id % 40).unwrap() }),
            );
            serve(&mut rig);
            rig.pass(0.005);
        }
        for _ in 0..40 {
            serve(&mut rig);
            rig.pass(0.1);
        }
        let sent = targets(&rig);
        assert!(sent.len() <= most, "{model}, {tokens} left: {sent:?}");
        assert_eq!(sent.last().unwrap().1, "77", "{model}: the last value wins");
        assert!(sent.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 0.25), "{sent:?}");
        rig.delta(json!({"bed_target_temper": 77}));
        let ends = rig.replies().into_iter().filter(|(_, outcome)| *outcome != Outcome::Accepted);
        let ends: Vec<_> = ends.collect();
        assert_eq!(ends.len(), 200, "each one is answered");
        assert_eq!(*ends.last().unwrap(), (199, Outcome::Confirmed));
        assert!(ends[..199].iter().all(|(_, outcome)| *outcome == Outcome::Superseded));
        rig.out.clear();
        rig.pass(20.0);
        assert_eq!(targets(&rig), [], "nothing is queued behind");
    }
}

#[test]
fn a_used_up_budget_holds_sliders_back_and_lets_a_stop_through() {
    let mut rig = Rig::told("A1");
    rig.lend(left(3, rig.now));
    rig.command(1, Command::NozzleTarget(Side::Right, 200));
    rig.command(2, Command::Stop);
    assert_eq!(rig.sent(), [(0.0, "stop")], "the reserve is for that");
    rig.answer_to("stop", json!({"result": "success"}));
    rig.pass(3.9);
    assert_eq!(rig.sent(), []);
    rig.pass(0.1);
    assert_eq!(rig.sent(), [(4.0, "gcode_line")], "six are left again");
}

#[test]
fn an_empty_budget_is_no_reason_to_wait_for_ever() {
    let mut rig = Rig::told("A1");
    rig.lend(left(-20, rig.now));
    rig.command(1, Command::BedTarget(70));
    rig.pass(10.0);
    let replies = rig.replies();
    assert!(matches!(&replies[..], [(1, Outcome::Failed(_))]), "{replies:?}");
    assert_eq!(rig.sent(), []);
}

#[test]
fn a_request_for_everything_waits_for_the_budget() {
    let mut rig = Rig::new("X1C");
    rig.take(Input::Disconnected);
    rig.pass(40.0);
    rig.sent();
    rig.lend(left(-1, rig.now));
    rig.take(Input::Connected);
    assert_eq!(rig.sent(), [(40.0, "get_version")], "small, counted, and never more than asked for");
    rig.hear(&rig.printer.version());
    rig.pass(5.0);
    assert_eq!(rig.sent(), [(43.0, "pushall")]);
}

#[test]
fn printers_of_one_account_share_what_there_is() {
    let mut now = Now { mono: Duration::ZERO, wall: jiff::Timestamp::UNIX_EPOCH };
    let mut budget = Budget::for_printers(10);
    let mut sent = 0;
    let mut sessions: Vec<_> = (0..10)
        .map(|n| Session::new(&Serial::new(&format!("00M00X00000000{n}")), ["", ""], &CLOUD, 40_000))
        .collect();
    let mut at_once = 0;
    for milli in (0..60_000).step_by(100) {
        now.mono = Duration::from_millis(milli);
        for session in &mut sessions {
            // Nobody answers, so everything that may be repeated is.
            let input = if milli == 0 { Input::Connected } else { Input::Tick };
            let outputs = session.handle(now, input, &Policy::default(), &mut budget);
            sent += outputs.iter().filter(|output| matches!(output, Output::Request(_))).count();
        }
        if milli == 0 {
            at_once = sent;
        }
    }
    assert_eq!(at_once, 20, "all are asked at once");
    assert!(sent <= 101, "{sent}");
}
