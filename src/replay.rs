//! What would be published for recorded messages: a pure function of them.
//!
//! One capture a line (contract: "Captures"); time comes from `at`, else it is a fixed start plus a second a
//! message, and it runs on for a minute at the end, so that everything that waits comes out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bambu::session::{Input, Note, Output, Session};
use bambu::topic;
use capture::Capture;
use homeassistant::event::{self, Telling};
use homeassistant::topic::Topics;
use homeassistant::{Mirror, Publication};
use printer::tracker::{Effects, Options, Tracker};
use printer::{Ledger, Now, Serial, default_name};

/// When a recording without times begins.
const START: &str = "2026-01-01T00:00:00Z";
/// How long time runs on after the last message.
const RUN_ON: Duration = Duration::from_secs(60);

struct Printer {
    session: Session,
    mirror: Mirror,
    tracker: Tracker,
}

impl Printer {
    /// The next moment at which time alone changes anything.
    fn deadline(&self) -> Option<Duration> {
        self.session.deadline().into_iter().chain(self.tracker.deadline()).min()
    }

    /// Shows the tracker the printer as it is now, and tells what follows: values first, so that who acts on an
    /// event finds the states behind it.
    fn observe(&mut self, topics: &Topics, now: Now, out: &mut Vec<Publication>) {
        let mut effects = self.tracker.observe(now, self.session.snapshot());
        let mut events = std::mem::take(&mut effects.events);
        // There is no cloud to ask; that it cannot be asked is an answer, too.
        if effects.ask_cloud {
            effects = self.tracker.tasks(now, Err(()));
            events.append(&mut effects.events);
        }
        self.session.set_levels(self.tracker.levels());
        self.mirror.update(now, self.session.snapshot(), out);
        for event in events {
            let who = &self.session.snapshot().identity;
            out.push(event::message(topics, who, &event, Telling { at: now.wall, again: false }));
            if self.tracker.may_trigger(now, &event) {
                out.extend(event::triggers(topics, who, &event));
            }
            let Effects { .. } = self.tracker.delivered(&event.id);
        }
    }
}

/// The gateway without its edges, fed by hand.
pub struct Replay {
    topics: Arc<Topics>,
    printers: BTreeMap<Serial, Printer>,
    now: Now,
    first: bool,
    notes: Vec<Note>,
}

impl Default for Replay {
    fn default() -> Self {
        let topics = Topics {
            base: "bambu2mqtt".into(),
            discovery: "homeassistant".into(),
            id_prefix: "bambu2mqtt".into(),
        };
        let wall = START.parse().unwrap_or_default();
        let now = Now { mono: Duration::ZERO, wall };
        Self { topics: topics.into(), printers: BTreeMap::new(), now, first: true, notes: Vec::new() }
    }
}

impl Replay {
    /// Takes the next message; says what is published by then.
    pub fn feed(&mut self, capture: &Capture, out: &mut Vec<Publication>) {
        let next = capture.at.unwrap_or_else(|| self.now.wall + Duration::from_secs(u64::from(!self.first)));
        if self.first {
            self.now.wall = next;
            self.first = false;
        }
        // Time never goes back, whatever a recording says.
        let step = Duration::try_from(next.duration_since(self.now.wall)).unwrap_or_default();
        self.pass(step, out);
        let Some(serial) = topic::reporter(&capture.topic) else { return };
        let (topics, now) = (&self.topics, self.now);
        let printer = self.printers.entry(serial).or_insert_with_key(|serial| {
            let session = Session::new(serial.clone(), "", ["", ""], 40_000);
            let name = default_name(&session.snapshot().identity.model, serial);
            let slug = homeassistant::topic::slug(&name);
            let mut session = session;
            session.rename(&name);
            session.handle(now, Input::Connected);
            // An empty ledger: the ids of events follow from what was recorded alone.
            let tracker = Tracker::new(serial.clone(), Ledger::default(), Options::default());
            let mirror = Mirror::new(Arc::clone(topics), serial.clone(), slug, true);
            Printer { session, mirror, tracker }
        });
        let outputs = printer.session.handle(now, Input::Message(&capture.payload));
        settle(printer, topics, now, outputs, &mut self.notes, out);
    }

    /// Lets the last minute pass.
    pub fn finish(&mut self, out: &mut Vec<Publication>) {
        self.pass(RUN_ON, out);
        for printer in self.printers.values_mut() {
            let snapshot = Arc::clone(printer.session.snapshot());
            printer.mirror.update(self.now, &snapshot, out);
        }
    }

    /// Whether a publication is one of those that are told once, with `QoS` 1, and never kept by the broker.
    pub fn is_moment(&self, publication: &Publication) -> bool {
        self.topics.is_moment(&publication.topic)
    }

    /// What the log would have heard.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// The printers seen.
    pub fn sessions(&self) -> impl Iterator<Item = &Session> {
        self.printers.values().map(|printer| &printer.session)
    }

    /// Lets time pass, stopping wherever a printer's deadline lies.
    fn pass(&mut self, step: Duration, out: &mut Vec<Publication>) {
        let end = Now { mono: self.now.mono + step, wall: self.now.wall + step };
        loop {
            let next = self.printers.values().filter_map(Printer::deadline).min();
            let Some(at) = next.filter(|at| *at <= end.mono) else { break };
            // A deadline in the past is due now.
            let ahead = at.saturating_sub(self.now.mono);
            self.now = Now { mono: self.now.mono + ahead, wall: self.now.wall + ahead };
            let now = self.now;
            for printer in self.printers.values_mut() {
                if printer.session.deadline().is_some_and(|at| at <= now.mono) {
                    let outputs = printer.session.handle(now, Input::Tick);
                    settle(printer, &self.topics, now, outputs, &mut self.notes, out);
                }
                if printer.tracker.deadline().is_some_and(|at| at <= now.mono) {
                    printer.observe(&self.topics, now, out);
                }
            }
        }
        self.now = end;
    }
}

fn settle(
    printer: &mut Printer,
    topics: &Topics,
    now: Now,
    outputs: Vec<Output>,
    notes: &mut Vec<Note>,
    out: &mut Vec<Publication>,
) {
    for output in outputs {
        match output {
            Output::Changed(_) => printer.observe(topics, now, out),
            Output::Note(note) => notes.push(note),
            // Nobody is there to be asked.
            Output::Send(_) | Output::Reply(..) => {}
        }
    }
}
