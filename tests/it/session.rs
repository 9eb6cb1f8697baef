//! The protocol state machine of one printer, with time in hand.

mod air;
mod authority;
mod budget;
mod gap;
mod limits;
mod outcome;

use std::time::Duration;

use bambu::access::CLOUD;
use bambu::request::Request;
use bambu::session::{Budget, Input, Note, Output, Session};
use jiff::Timestamp;
use printer::{
    Command, Content, Control, FanKind, LightKind, Now, Outcome, Policy, Reach, Serial, Side, Speed, Status,
};
use serde_json::{Value, json};

use crate::reports::Printer;

/// A session whose clock is turned by hand; everything it put out is kept with its second.
struct Rig {
    session: Session,
    policy: Policy,
    budget: Budget,
    printer: Printer,
    now: Duration,
    out: Vec<(f64, Output)>,
    /// Every request, also those that were taken out.
    all: Vec<Request>,
}

impl Rig {
    /// A printer just turned on, connected, that has not said anything.
    fn new(model: &str) -> Self {
        Self::counting_from(model, 40_000)
    }

    /// The same, whose requests begin to count here.
    fn counting_from(model: &str, sequence: u32) -> Self {
        let printer = Printer::new(model);
        let session = Session::new(&Serial::new(&printer.serial), ["", ""], &CLOUD, sequence);
        let (policy, budget) = (Policy::default(), Budget::default());
        let mut rig =
            Self { session, policy, budget, printer, now: Duration::ZERO, out: Vec::new(), all: Vec::new() };
        rig.take(Input::Connected);
        rig
    }

    /// One that has told everything.
    fn told(model: &str) -> Self {
        let mut rig = Self::new(model);
        rig.tell_all();
        rig.out.clear();
        rig
    }

    fn tell_all(&mut self) {
        self.hear(&self.printer.version());
        self.hear(&self.printer.full());
    }

    fn at(&self) -> Now {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        Now { mono: self.now, wall: start + self.now }
    }

    fn take(&mut self, input: Input<'_>) {
        let outputs = self.session.handle(self.at(), input, &self.policy, &mut self.budget);
        let second = self.now.as_secs_f64();
        self.all.extend(outputs.iter().filter_map(|output| match output {
            Output::Request(request) => Some(request.clone()),
            _ => None,
        }));
        self.out.extend(outputs.into_iter().map(|output| (second, output)));
    }

    /// What the connection can pay for.
    fn lend(&mut self, budget: Budget) {
        self.budget = budget;
    }

    fn hear(&mut self, payload: &str) {
        self.take(Input::Message(payload.as_bytes()));
    }

    fn delta(&mut self, members: Value) {
        let mut print = json!({"command": "push_status", "msg": 1});
        crate::reports::overlay(&mut print, members);
        self.hear(&json!({ "print": print }).to_string());
    }

    /// Lets time pass, ticking whenever the session wants it.
    fn pass(&mut self, seconds: f64) {
        let end = self.now + Duration::from_secs_f64(seconds);
        while let Some(at) = self.session.deadline().filter(|at| *at <= end) {
            assert!(at >= self.now, "a deadline that lies behind was not met");
            self.now = at;
            self.take(Input::Tick);
            assert!(self.session.deadline().is_none_or(|next| next > at), "a tick must get further");
        }
        self.now = end;
    }

    /// What was sent since the last look: second and command.
    fn sent(&mut self) -> Vec<(f64, &'static str)> {
        let sent = self.out.iter().filter_map(|(at, output)| match output {
            Output::Request(request) => Some((*at, request.command)),
            _ => None,
        });
        let sent = sent.collect();
        self.out.retain(|(_, output)| !matches!(output, Output::Request(_)));
        sent
    }

    fn replies(&mut self) -> Vec<(u64, Outcome)> {
        let replies = self.out.iter().filter_map(|(_, output)| match output {
            Output::Reply(id, outcome) => Some((*id, outcome.clone())),
            _ => None,
        });
        let replies = replies.collect();
        self.out.retain(|(_, output)| !matches!(output, Output::Reply(..)));
        replies
    }

    fn command(&mut self, id: u64, command: Command) {
        self.take(Input::Command(id, command));
    }

    fn reach(&self) -> Reach {
        self.session.observed().reach
    }

    /// The printer's answer to the request sent last, with these members put in.
    fn answer(&mut self, members: Value) {
        let request = self.requests().next_back().expect("a request").clone();
        self.answer_request(&request, members);
    }

    /// The same for the last request of this name, be it taken out or not.
    fn answer_to(&mut self, name: &str, members: Value) {
        let request = self.all.iter().rev().find(|request| request.command == name).expect("a request");
        let request = request.clone();
        self.answer_request(&request, members);
    }

    /// An answer that shows nothing of what it is for: the lamp is in that of a lamp.
    fn answer_silently(&mut self, members: Value) {
        let request = self.requests().next_back().expect("a request").clone();
        let head = json!({"command": request.command, "sequence_id": request.sequence_id.to_string()});
        let mut reply = json!({ request.category: head });
        crate::reports::overlay(&mut reply[request.category], members);
        self.hear(&reply.to_string());
    }

    fn requests(&self) -> impl DoubleEndedIterator<Item = &Request> {
        self.out.iter().filter_map(|(_, output)| match output {
            Output::Request(request) => Some(request),
            _ => None,
        })
    }

    fn answer_request(&mut self, request: &Request, members: Value) {
        let mut reply: Value = serde_json::from_str(&request.payload).unwrap();
        crate::reports::overlay(&mut reply[request.category], members);
        self.hear(&reply.to_string());
    }
}

// Startup.

#[test]
fn a_connect_asks_for_the_boards_and_for_everything() {
    let mut rig = Rig::new("P1S");
    assert_eq!(rig.sent(), [(0.0, "get_version"), (0.0, "pushall")]);
    rig.tell_all();
    assert_eq!(rig.reach(), Reach::Online);
    assert!(rig.session.observed().capabilities.is_some());
    rig.pass(100.0);
    assert_eq!(
        rig.sent(),
        [(45.0, "start"), (67.5, "get_version")],
        "only the watchdog, the printer is silent"
    );
}

#[test]
fn an_unanswered_pushall_is_repeated_once_and_then_at_the_pause_of_its_class() {
    for (model, pause) in [("P1S", 300.0), ("A1", 300.0), ("Z9", 300.0), ("X1C", 30.0), ("H2D", 30.0)] {
        let mut rig = Rig::new(model);
        rig.pass(10.0 + 2.0 * pause);
        let pushalls: Vec<_> =
            rig.sent().into_iter().filter(|(_, name)| *name == "pushall").map(|(at, _)| at).collect();
        assert_eq!(pushalls[..3], [0.0, 10.0, 10.0 + pause], "{model}");
    }
}

#[test]
fn without_a_version_the_model_is_taken_from_the_serial_after_fifteen_seconds() {
    let mut rig = Rig::new("A1");
    rig.hear(&rig.printer.full());
    rig.pass(14.9);
    assert!(rig.session.observed().capabilities.is_none());
    rig.pass(0.1);
    assert!(rig.session.observed().capabilities.is_some());
    assert_eq!(rig.session.observed().identity.model, "A1");
    let asked = rig.sent().iter().filter(|(_, name)| *name == "get_version").count();
    assert_eq!(asked, 3);
}

#[test]
fn an_incomplete_version_is_asked_for_again_thrice_at_most() {
    let mut rig = Rig::new("X1C");
    let complete = rig.printer.version();
    rig.printer.modules()[2]["sn"] = "".into();
    let partial = rig.printer.version();
    rig.hear(&partial);
    rig.hear(&rig.printer.full());
    assert!(!rig.session.observed().ams[0].settled, "its serial may still come");
    rig.pass(5.0);
    rig.hear(&partial);
    rig.pass(5.0);
    rig.hear(&partial);
    assert!(rig.session.observed().ams[0].settled, "it has none");
    let versions: Vec<_> = rig.sent().into_iter().filter(|(_, name)| *name == "get_version").collect();
    assert_eq!(versions, [(0.0, "get_version"), (5.0, "get_version"), (10.0, "get_version")]);
    rig.hear(&complete);
    assert!(rig.session.observed().ams[0].serial.is_some());
}

#[test]
fn a_change_of_topology_or_the_end_of_an_update_asks_anew_and_loses_nothing() {
    // h2d_stream_pause_stop_failed_hms: `dis_state` 3, and no answer to get_version for a while.
    let mut rig = Rig::new("H2D");
    rig.hear(&rig.printer.full());
    rig.pass(20.0);
    assert!(rig.session.observed().ams.iter().all(|unit| unit.settled));
    rig.sent();
    rig.delta(json!({"upgrade_state": {"dis_state": 3}}));
    assert_eq!(rig.sent()[0].1, "get_version");
    assert!(rig.session.observed().ams.iter().all(|unit| unit.settled), "announced units stay announced");
    rig.delta(json!({"online": {"version": 6}}));
    assert_eq!(rig.sent()[0].1, "get_version");
    rig.delta(json!({"online": {"version": 6}}));
    assert_eq!(rig.sent(), []);
}

// Reachability.

#[test]
fn silence_is_probed_twice_and_then_believed() {
    for (status, limit) in [("RUNNING", 90.0), ("FINISH", 300.0)] {
        let mut rig = Rig::told("P1S");
        rig.delta(json!({ "gcode_state": status }));
        rig.pass(limit - 0.1);
        assert_eq!(rig.sent(), [(limit / 2.0, "start"), (limit * 0.75, "get_version")]);
        assert_eq!(rig.reach(), Reach::Online);
        rig.pass(0.1);
        assert_eq!(rig.reach(), Reach::Offline);
        rig.pass(1000.0);
        assert_eq!(rig.sent(), [], "nobody is there to be asked");
        rig.delta(json!({"bed_temper": 20}));
        assert_eq!(rig.reach(), Reach::Online, "a report brings it back");
    }
}

#[test]
fn any_message_of_the_printer_ends_the_suspicion_but_only_a_report_brings_it_back() {
    let mut rig = Rig::told("A1");
    let life = r#"{"liveview":{"command":"init"}}"#;
    rig.pass(80.0);
    rig.hear(life);
    rig.pass(80.0);
    assert_eq!(rig.reach(), Reach::Online);
    rig.pass(10.0);
    assert_eq!(rig.reach(), Reach::Offline);
    rig.hear(life);
    rig.pass(1.0);
    assert_eq!(rig.reach(), Reach::Offline);
}

#[test]
fn what_the_broker_sends_by_itself_proves_nothing() {
    for nothing in ["{}", "null", ""] {
        let mut rig = Rig::told("A1");
        rig.pass(80.0);
        rig.hear(nothing);
        rig.pass(10.0);
        assert_eq!(rig.reach(), Reach::Offline, "{nothing}");
    }
}

#[test]
fn a_printer_that_was_away_is_asked_for_everything() {
    let mut rig = Rig::told("X1C");
    rig.pass(400.0);
    assert_eq!(rig.reach(), Reach::Offline);
    rig.sent();
    rig.delta(json!({"bed_temper": 20}));
    assert_eq!(rig.sent(), [(400.0, "get_version"), (400.0, "pushall")]);
}

#[test]
fn what_the_cloud_says_of_a_printer_waits_ten_seconds_for_a_contradiction() {
    let gone = r#"{"event":{"event":"client.disconnected"}}"#;
    let back = r#"{"event":{"event":"client.connected"}}"#;
    let mut rig = Rig::told("P1S");
    rig.hear(gone);
    rig.pass(9.9);
    assert_eq!(rig.reach(), Reach::Online);
    rig.pass(0.1);
    assert_eq!(rig.reach(), Reach::Offline);
    rig.hear(back);
    assert_eq!(rig.sent()[0].1, "get_version", "the exchange begins anew");
    assert_eq!(rig.reach(), Reach::Offline, "until it reports");

    let mut rig = Rig::told("P1S");
    rig.hear(gone);
    rig.pass(5.0);
    rig.hear(back);
    rig.pass(20.0);
    assert_eq!(rig.reach(), Reach::Online);

    let mut rig = Rig::told("P1S");
    rig.hear(gone);
    rig.pass(5.0);
    rig.delta(json!({"bed_temper": 20}));
    rig.pass(20.0);
    assert_eq!(rig.reach(), Reach::Online);
}

#[test]
fn our_own_lost_connection_is_not_the_printers_for_ten_minutes() {
    let mut rig = Rig::told("X1C");
    rig.take(Input::Disconnected);
    rig.pass(599.0);
    assert_eq!(rig.reach(), Reach::Online);
    rig.pass(1.0);
    assert_eq!(rig.reach(), Reach::Offline);
    rig.take(Input::Connected);
    assert_eq!(rig.reach(), Reach::Offline, "until it reports");
    rig.hear(&rig.printer.full());
    assert_eq!(rig.reach(), Reach::Online);

    let mut rig = Rig::told("X1C");
    rig.take(Input::Disconnected);
    rig.pass(500.0);
    rig.take(Input::Connected);
    rig.pass(20.0);
    assert_eq!(rig.reach(), Reach::Online, "its silence counts from the reconnect");
}

#[test]
fn time_alone_never_brings_a_printer_back() {
    let mut rig = Rig::new("P1S");
    rig.hear(&rig.printer.full());
    rig.hear(r#"{"event":{"event":"client.disconnected"}}"#);
    rig.pass(12.0);
    assert_eq!(rig.reach(), Reach::Offline);
    rig.pass(10.0);
    assert!(rig.session.observed().capabilities.is_some(), "the wait for the version is over");
    assert_eq!(rig.reach(), Reach::Offline);
}

// Commands.

#[test]
fn a_command_is_sent_accepted_and_confirmed() {
    let mut rig = Rig::told("A1");
    rig.command(7, Command::BedTarget(70));
    rig.answer(json!({"result": "success", "reason": ""}));
    assert_eq!(rig.replies(), [(7, Outcome::Accepted)]);
    rig.delta(json!({"bed_target_temper": 70}));
    assert_eq!(rig.replies(), [(7, Outcome::Confirmed)]);
}

#[test]
fn an_answer_without_a_command_is_told_by_its_number() {
    let mut rig = Rig::told("A1");
    rig.command(1, Command::Pause);
    let number = rig.out.iter().find_map(|(_, output)| match output {
        Output::Request(request) => Some(request.sequence_id),
        _ => None,
    });
    let number = number.unwrap();
    rig.hear(&json!({"print": {"sequence_id": (number + 1).to_string(), "result": "success"}}).to_string());
    assert_eq!(rig.replies(), [], "another client's");
    rig.hear(&json!({"print": {"sequence_id": number.to_string(), "result": "success"}}).to_string());
    assert_eq!(rig.replies(), [(1, Outcome::Accepted)]);
}

#[test]
fn a_refusal_is_told_with_its_reason() {
    let mut rig = Rig::told("A1");
    rig.command(1, Command::Pause);
    rig.answer(json!({"result": "fail", "reason": "error string"}));
    assert_eq!(rig.replies(), [(1, Outcome::Refused("the printer refused: error string".into()))]);
    rig.pass(1.0);
    rig.command(2, Command::Pause);
    rig.answer(json!({"err_code": 0x0500_4004}));
    assert_eq!(rig.replies(), [(2, Outcome::Refused("the printer refused: it is busy with a print".into()))]);
}

#[test]
fn without_an_answer_a_command_times_out() {
    let mut rig = Rig::told("A1");
    rig.command(1, Command::Pause);
    rig.pass(9.9);
    assert_eq!(rig.replies(), []);
    rig.pass(0.1);
    assert!(matches!(&rig.replies()[..], [(1, Outcome::Timeout(_))]));
}

#[test]
fn commands_wait_for_each_other_and_eight_at_most() {
    let mut rig = Rig::told("A1");
    rig.delta(json!({"gcode_state": "PAUSE"}));
    rig.command(0, Command::Fan(FanKind::Part, 10));
    rig.sent();
    for id in 1..=9 {
        // It is never superseded, so it fills the queue.
        rig.command(id, Command::Resume);
    }
    let refused: Vec<_> = rig.replies().into_iter().map(|(id, _)| id).collect();
    assert_eq!(refused, [9]);
    assert_eq!(rig.sent(), [], "one at a time");
    rig.pass(10.0);
    let timeouts = rig.replies();
    assert_eq!(timeouts.len(), 9, "{timeouts:?}");
    let unanswered: Vec<_> =
        timeouts.iter().filter(|(_, o)| matches!(o, Outcome::Timeout(_))).map(|(id, _)| *id).collect();
    assert_eq!(unanswered, [0], "the others were not sent");
    assert!(rig.sent().iter().all(|(_, name)| *name == "start"), "too old to be sent");
}

#[test]
fn two_commands_are_a_quarter_of_a_second_apart() {
    let mut rig = Rig::told("A1");
    rig.command(1, Command::BedTarget(50));
    rig.command(2, Command::Speed(Speed::Sport));
    rig.answer(json!({"result": "success"}));
    assert_eq!(rig.sent(), [(0.0, "gcode_line")]);
    rig.pass(1.0);
    assert_eq!(rig.sent(), [(0.25, "print_speed")]);
}

#[test]
fn a_slider_that_moved_on_sends_its_last_value_only() {
    let mut rig = Rig::told("A1");
    rig.command(1, Command::Pause);
    for (id, target) in [(2, 50), (3, 55), (4, 60)] {
        rig.command(id, Command::BedTarget(target));
    }
    rig.command(5, Command::NozzleTarget(Side::Right, 200));
    let superseded: Vec<_> = rig.replies().into_iter().map(|(id, _)| id).collect();
    assert_eq!(superseded, [2, 3]);
    rig.answer(json!({"result": "success"}));
    rig.out.clear();
    rig.pass(0.25);
    let payload = rig.out.iter().find_map(|(_, output)| match output {
        Output::Request(request) => Some(request.payload.clone()),
        _ => None,
    });
    assert!(payload.unwrap().contains("M140 S60"));
}

#[test]
fn nothing_is_replayed_after_a_reconnect() {
    let mut rig = Rig::told("A1");
    rig.command(1, Command::Pause);
    rig.command(2, Command::BedTarget(50));
    rig.take(Input::Disconnected);
    let failed = rig.replies();
    assert!(matches!(&failed[..], [(1, Outcome::Timeout(_)), (2, Outcome::Failed(_))]), "{failed:?}");
    rig.command(3, Command::Stop);
    assert!(matches!(&rig.replies()[..], [(3, Outcome::Failed(_))]));
    rig.sent();
    rig.take(Input::Connected);
    rig.pass(5.0);
    assert!(rig.sent().iter().all(|(_, name)| matches!(*name, "get_version" | "pushall")));
}

#[test]
fn a_command_that_the_state_no_longer_allows_is_not_sent() {
    let mut rig = Rig::told("A1");
    rig.command(1, Command::BedTarget(50));
    rig.command(2, Command::Pause);
    rig.delta(json!({"gcode_state": "FINISH"}));
    rig.answer(json!({"result": "success"}));
    rig.sent();
    rig.pass(1.0);
    assert_eq!(rig.sent(), []);
    assert!(rig.replies().iter().any(|(id, outcome)| *id == 2 && matches!(outcome, Outcome::Refused(_))));
}

#[test]
fn a_missing_signature_limits_the_control_and_keeps_the_lamps() {
    let mut rig = Rig::told("A1");
    assert_eq!(rig.session.observed().control, Control::Full);
    rig.command(1, Command::Pause);
    rig.answer(json!({"err_code": 84_033_543}));
    assert!(
        matches!(&rig.replies()[..], [(1, Outcome::Refused(reason))] if reason.contains("Developer Mode"))
    );
    assert!(rig.out.iter().any(|(_, output)| *output == Output::Note(Note::SignatureRequired)));
    assert_eq!(rig.session.observed().control, Control::Limited);
    rig.command(2, Command::Stop);
    assert!(matches!(&rig.replies()[..], [(2, Outcome::Refused(_))]));
    rig.pass(1.0);
    rig.sent();
    rig.command(3, Command::Light(LightKind::Chamber, false));
    assert_eq!(rig.sent(), [(1.0, "ledctrl")]);
    rig.take(Input::Disconnected);
    rig.take(Input::Connected);
    rig.delta(json!({"bed_temper": 20}));
    assert_eq!(rig.session.observed().control, Control::Full, "a new connection, a new try");
}

#[test]
fn the_error_of_a_missing_signature_says_the_same() {
    let mut rig = Rig::told("A1");
    rig.delta(json!({"print_error": 0x0502_4007}));
    assert_eq!(rig.session.observed().control, Control::Limited);
    rig.delta(json!({"print_error": 0, "hms": [{"attr": 0x0500_0500, "code": 0x0001_0007}]}));
    assert_eq!(rig.session.observed().control, Control::Limited);
}

#[test]
fn the_printers_own_bit_wins_over_everything() {
    let mut rig = Rig::told("H2D");
    assert_eq!(rig.session.observed().control, Control::Limited);
    rig.delta(json!({"fun": "3EC18FFF9CFF"}));
    assert_eq!(rig.session.observed().control, Control::Full);
    rig.hear(r#"{"print":{"command":"pause","sequence_id":"1","result":"fail","reason":"mqtt message verify failed"}}"#);
    assert_eq!(rig.session.observed().control, Control::Full);
}

#[test]
fn a_refresh_keeps_the_printers_limits() {
    let mut rig = Rig::told("P1S");
    for pause in [60.0, 60.0, 60.0, 60.0, 59.0] {
        rig.pass(pause);
        rig.delta(json!({}));
    }
    rig.sent();
    rig.command(1, Command::Refresh);
    assert!(matches!(&rig.replies()[..], [(1, Outcome::Refused(reason))] if reason.contains("2 s")));
    rig.pass(1.0);
    rig.command(2, Command::Refresh);
    assert_eq!(rig.replies(), [(2, Outcome::Accepted)]);
    assert_eq!(rig.sent(), [(300.0, "get_version"), (300.0, "pushall")]);
}

// Odd messages.

#[test]
fn three_broken_messages_in_a_row_ask_for_everything() {
    let mut rig = Rig::told("X1C");
    rig.pass(40.0);
    rig.sent();
    for _ in 0..2 {
        rig.hear(r#"{"print":{"gcode_state":"RUNN"#);
    }
    assert_eq!(rig.sent(), []);
    rig.hear("{");
    assert_eq!(rig.sent(), [(40.0, "pushall")]);
    let malformed = rig.out.iter().filter(|(_, o)| matches!(o, Output::Note(Note::Malformed(..)))).count();
    assert_eq!(malformed, 3);
    assert_eq!(rig.session.observed().status, Some(Status::Running), "the state stays");
}

#[test]
fn an_unknown_word_for_the_state_is_told_once() {
    let mut rig = Rig::told("X1C");
    for _ in 0..3 {
        rig.delta(json!({"gcode_state": "DREAMING"}));
    }
    let notes: Vec<_> = rig.out.iter().filter(|(_, o)| matches!(o, Output::Note(_))).collect();
    assert_eq!(notes.len(), 1);
    assert_eq!(rig.session.observed().status, None);
}

#[test]
fn one_report_without_any_tray_is_not_believed() {
    let zero = || json!({"ams": {"ams": [], "ams_exist_bits": "0", "tray_exist_bits": "0"}});
    let loaded =
        |rig: &Rig| rig.session.observed().ams[0].slots.iter().filter(|s| s.filament().is_some()).count();

    let mut rig = Rig::told("X1C");
    rig.delta(zero());
    assert_eq!(loaded(&rig), 4);
    rig.hear(&rig.printer.full());
    rig.pass(20.0);
    assert_eq!(loaded(&rig), 4, "the next report contradicts");

    let mut rig = Rig::told("X1C");
    rig.delta(zero());
    rig.pass(9.9);
    assert_eq!(loaded(&rig), 4);
    rig.pass(0.1);
    assert!(
        rig.session.observed().ams[0].slots.iter().all(|slot| slot.content == Content::Unknown),
        "ten seconds at most, and what is in a unit that is gone nobody knows"
    );

    let mut rig = Rig::told("X1C");
    rig.delta(json!({"ams": {"tray_exist_bits": "0"}}));
    rig.pass(10.0);
    assert!(
        rig.session.observed().ams[0].slots.iter().all(|slot| slot.content == Content::Empty),
        "a unit that is there is empty"
    );
}

#[test]
fn an_ams_that_was_unplugged_goes_with_the_next_full_report() {
    let mut rig = Rig::told("P1S");
    let unplugged = json!({"ams": {"ams": [], "ams_exist_bits": "0", "tray_exist_bits": "0"}});
    rig.delta(unplugged.clone());
    rig.sent();
    rig.delta(unplugged.clone());
    assert_eq!(rig.sent()[0].1, "get_version", "the boards are other ones");
    let unit = &rig.session.observed().ams[0];
    assert_eq!((unit.humidity, unit.temperature), (None, None));
    assert!(unit.slots.iter().all(|slot| slot.content == Content::Unknown));
    rig.printer.set(unplugged);
    rig.hear(&rig.printer.full());
    assert!(rig.session.observed().ams.is_empty());
}

#[test]
fn a_second_ams_that_is_unplugged_takes_nothing_with_it() {
    let mut rig = Rig::new("X1C");
    rig.printer.ams(1, "ams", "1", "25.0", "30");
    rig.tell_all();
    rig.delta(json!({"ams": {"ams_exist_bits": "1", "tray_exist_bits": "f"}}));
    let humidity: Vec<_> = rig.session.observed().ams.iter().map(|unit| unit.humidity).collect();
    assert_eq!(humidity, [Some(24), None]);
    rig.delta(json!({"ams": {"ams_exist_bits": "3", "tray_exist_bits": "ff"}}));
    let humidity: Vec<_> = rig.session.observed().ams.iter().map(|unit| unit.humidity).collect();
    assert_eq!(humidity, [Some(24), Some(30)], "plugged in again");
}

// Values that only several reports or odd ones make.

#[test]
fn codes_that_the_vendor_hides_are_hidden() {
    // x2d_ams2pro_running_hms: HMS_0500_0600_0002_0070 is internal.
    let mut rig = Rig::told("X2D");
    rig.delta(json!({"hms": [{"attr": 0x0500_0600, "code": 0x0002_0070}, {"attr": 0x0300_0100, "code": 0x0001_0007}]}));
    let codes: Vec<_> = rig.session.observed().hms.iter().map(ToString::to_string).collect();
    assert_eq!(codes, ["HMS_0300_0100_0001_0007"]);
    rig.delta(json!({"bed_temper": 20}));
    assert_eq!(rig.session.observed().hms.len(), 1, "absent is unchanged");
    rig.delta(json!({"hms": []}));
    assert_eq!(rig.session.observed().hms, []);
}

#[test]
fn a_packed_target_in_a_flat_field_is_unpacked() {
    let mut rig = Rig::told("P1S");
    rig.delta(json!({"nozzle_target_temper": 16_056_565, "bed_target_temper": 60.9}));
    let snapshot = rig.session.observed();
    assert_eq!((snapshot.nozzles[0].target, snapshot.bed.target), (Some(245.0), Some(60.0)));
}

#[test]
fn a_slot_nobody_has_is_not_active() {
    let mut rig = Rig::told("P1S");
    for (number, known) in [("0", true), ("3", true), ("6", false), ("130", false), ("255", true)] {
        rig.delta(json!({"ams": {"tray_now": number}}));
        assert_eq!(rig.session.observed().sources[0].is_some(), known, "{number}");
    }
    let mut rig = Rig::told("H2D");
    rig.delta(json!({"device": {"extruder": {"info": [{"id": 0, "snow": 0x0063}]}}}));
    assert_eq!(rig.session.observed().sources[0], None);
}

#[test]
fn slots_are_told_by_their_numbers() {
    let mut rig = Rig::new("P1S");
    let trays = rig.printer.report["ams"]["ams"][0]["tray"].as_array_mut().unwrap();
    trays.remove(1);
    trays.reverse();
    rig.tell_all();
    let slots = &rig.session.observed().ams[0].slots;
    let materials: Vec<_> = slots.iter().map(|s| s.filament().map(|f| f.material.as_str())).collect();
    assert_eq!(materials, [Some("PLA"), None, Some("ABS"), Some("TPU")]);
}

#[test]
fn a_switch_of_nozzles_keeps_the_last_one() {
    let mut rig = Rig::told("H2D");
    rig.delta(json!({"device": {"extruder": {"state": 0x8112}}}));
    assert_eq!(rig.session.observed().active_nozzle, Side::Left);
    rig.delta(json!({"device": {"extruder": {"state": 0x80F2}}}));
    assert_eq!(rig.session.observed().active_nozzle, Side::Left);
    rig.delta(json!({"device": {"extruder": {"state": 0x8002}}}));
    assert_eq!(rig.session.observed().active_nozzle, Side::Right);
    let mut rig = Rig::told("P2S");
    rig.delta(json!({"device": {"extruder": {"state": 0x11}}}));
    assert_eq!(rig.session.observed().active_nozzle, Side::Right, "there is one only");
}

#[test]
fn a_periodic_update_without_a_tag_keeps_the_known_one() {
    let mut rig = Rig::told("A1");
    let tag = |rig: &Rig| rig.session.observed().ams[0].slots[1].filament().and_then(|f| f.tag.clone());
    let good = tag(&rig);
    assert!(good.is_some());
    let zeros = || json!({"ams": {"ams": [{"id": "0", "tray": [{"id": "1", "tag_uid": "0000000000000000", "tray_type": "PETG"}]}]}});
    rig.delta(zeros());
    assert_eq!(tag(&rig), good);
    rig.delta(json!({"ams": {"ams": [{"id": "0", "tray": [{"id": "1"}]}]}}));
    rig.delta(zeros());
    assert_eq!(tag(&rig), None, "another spool");
}

#[test]
fn the_total_of_layers_outlives_its_reset_at_the_end_of_the_job() {
    let mut rig = Rig::told("P1S");
    rig.delta(json!({"gcode_state": "FINISH", "total_layer_num": 0, "layer_num": 41}));
    assert_eq!(rig.session.observed().job.total_layers, Some(40));
    assert_eq!(rig.session.observed().job.layer, Some(40), "never beyond it");
    rig.delta(json!({"subtask_name": "another"}));
    assert_eq!(rig.session.observed().job.total_layers, None);
}

#[test]
fn the_end_does_not_jump_with_the_estimate() {
    let mut rig = Rig::told("P1S");
    let end = rig.session.observed().job.ends_at;
    assert!(end.is_some());
    for minutes in [62, 63, 62, 61] {
        rig.pass(30.0);
        rig.delta(json!({ "mc_remaining_time": minutes }));
        assert_eq!(rig.session.observed().job.ends_at, end, "{minutes}");
    }
    rig.delta(json!({"mc_remaining_time": 90}));
    assert_ne!(rig.session.observed().job.ends_at, end);
}

#[test]
fn a_unit_that_goes_before_it_was_announced_is_not_waited_for() {
    let mut rig = Rig::new("P1S");
    rig.hear(&rig.printer.full());
    rig.delta(json!({"ams": {"ams_exist_bits": "0"}}));
    rig.pass(20.0);
    assert!(rig.session.observed().ams.is_empty());
}
