//! One printer that is heard at two places: who speaks, and who obeys.

use std::sync::Arc;
use std::time::Duration;

use bambu::access::{Access, CLOUD};
use bambu::session::Budget;
use homeassistant::topic::Topics;
use printer::{Now, Policy, Reach, Serial};
use serde_json::{Value, json};
use twin::{Ask, Input, Output, Place, Setup, Twin};

use crate::reports::Printer;

const FAR: Place = Place(1);
const NEAR: Place = Place(2);
/// A place that is better than the cloud.
static HOUSE: Access = Access { name: "the house", developer_mode: true, rank: 1 };

struct Rig {
    twin: Twin,
    budget: Budget,
    printer: Printer,
    /// Where something was asked, and what.
    asked: Vec<(Place, &'static str)>,
}

impl Rig {
    /// One that hears the whole printer at both places.
    fn new() -> Self {
        let printer = Printer::new("P1S");
        let topics = Topics { base: "b".into(), discovery: "h".into(), id_prefix: "b".into() };
        let setup = Setup::new(Serial::new(&printer.serial), ["", ""], Policy::default(), &Arc::new(topics));
        let twin = Twin::new(setup, &mut Vec::new());
        let mut rig = Self { twin, budget: Budget::for_printers(10), printer, asked: Vec::new() };
        for (place, access) in [(FAR, &CLOUD), (NEAR, &HOUSE)] {
            rig.handle(Input::Join(place, access));
            rig.handle(Input::Connected(place));
            rig.whole(place);
        }
        rig.asked.clear();
        rig
    }

    fn handle(&mut self, input: Input<'_>) {
        let now = Now { mono: Duration::from_secs(1), wall: jiff::Timestamp::UNIX_EPOCH };
        let mut out = Vec::new();
        self.twin.handle(now, input, &mut self.budget, &mut out);
        self.asked.extend(out.into_iter().filter_map(|output| match output {
            Output::Request(place, request) => Some((place, request.command)),
            _ => None,
        }));
    }

    /// Both answers that a printer gives when it is asked for everything.
    fn whole(&mut self, place: Place) {
        for message in [self.printer.version(), self.printer.full()] {
            self.handle(Input::Message(place, message.as_bytes()));
        }
    }

    fn delta(&mut self, place: Place, members: Value) {
        let mut print = json!({"command": "push_status", "msg": 1});
        crate::reports::overlay(&mut print, members);
        self.handle(Input::Message(place, json!({ "print": print }).to_string().as_bytes()));
    }

    fn percent(&self) -> Option<u8> {
        self.twin.snapshot().job.progress
    }
}

#[test]
fn the_better_place_speaks_and_the_other_one_at_once_when_it_is_gone() {
    let mut rig = Rig::new();
    let printing = |percent: u8| json!({"gcode_state": "RUNNING", "mc_percent": percent});
    rig.delta(NEAR, printing(40));
    rig.delta(FAR, printing(39));
    assert_eq!(rig.percent(), Some(40), "the far one is late");
    rig.handle(Input::Disconnected(NEAR));
    assert_eq!(rig.percent(), Some(39), "what the other one has heard counts at once");
    let seen = rig.twin.snapshot();
    assert_eq!((seen.reach, seen.contact.linked, seen.stale), (Reach::Online, true, false));
    rig.delta(FAR, printing(41));
    assert_eq!(rig.percent(), Some(41));
    // Back, it speaks only when it knows everything.
    rig.handle(Input::Connected(NEAR));
    assert_eq!(rig.percent(), Some(41));
    rig.printer.set(printing(42));
    rig.whole(NEAR);
    assert_eq!(rig.percent(), Some(42));
}

#[test]
fn a_command_goes_where_it_works() {
    let mut rig = Rig::new();
    let light = Ask::Set { key: "chamber_light", payload: b"OFF" };
    rig.handle(Input::Ask(light));
    assert_eq!(rig.asked, [(NEAR, "ledctrl")]);
    rig.asked.clear();
    rig.handle(Input::Disconnected(NEAR));
    rig.handle(Input::Ask(light));
    assert_eq!(rig.asked, [(FAR, "ledctrl")]);
}

#[test]
fn what_is_known_goes_along_to_another_place_of_the_same_kind() {
    let mut rig = Rig::new();
    rig.handle(Input::Disconnected(NEAR));
    rig.delta(FAR, json!({"gcode_state": "RUNNING", "mc_percent": 12}));
    let other = Place(3);
    rig.handle(Input::Join(other, &CLOUD));
    assert!(!rig.twin.is_at(FAR) && rig.twin.is_at(other) && rig.twin.is_at(NEAR));
    assert_eq!((rig.percent(), rig.twin.snapshot().stale), (Some(12), true));
}
