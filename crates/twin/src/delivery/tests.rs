use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;
use printer::event::{EventSource, Kind};
use printer::{JobRecord, Ledger};

fn event(seq: u64, kind: Kind) -> Event {
    Event {
        id: format!("id-{seq}").into(),
        seq,
        kind,
        at: "2026-03-01T00:00:00Z".parse().unwrap(),
        since: None,
        late: false,
        inferred: false,
        source: EventSource::Report,
        job: Some(Box::new(JobRecord { name: Some("Benchy ö".into()), ..JobRecord::default() })),
        reason: None,
        count: None,
    }
}

/// One printer's gateway, disk and broker, where anything may be lost at any time but what the disk has.
struct Life {
    disk: Ledger,
    ledger: Ledger,
    delivery: Delivery<u64>,
    version: Version,
    /// What is on its way to the disk.
    writing: VecDeque<(Version, Ledger)>,
    connected: bool,
    token: u64,
    /// What the connection carries.
    wire: VecDeque<(u64, Heard)>,
    heard: Vec<Heard>,
    made: u64,
}

#[derive(Debug, Clone, PartialEq)]
enum Heard {
    Event { seq: u64, again: bool },
    Trigger(u64),
}

#[derive(Debug, Clone)]
enum Step {
    Happen,
    Write,
    Refuse,
    Broker,
    Acknowledge,
    Lose,
    Connect,
    Crash,
}

/// What the bare trigger of an event is called in these tests.
fn names_of(seq: u64) -> &'static [&'static str] {
    vec![&*seq.to_string().leak()].leak()
}

impl Life {
    fn new() -> Self {
        Self {
            disk: Ledger::default(),
            ledger: Ledger::default(),
            delivery: Delivery::new(0),
            version: 0,
            writing: VecDeque::new(),
            connected: true,
            token: 0,
            wire: VecDeque::new(),
            heard: Vec::new(),
            made: 0,
        }
    }

    fn store(&mut self) {
        self.version += 1;
        self.delivery.handed(self.version, self.ledger.seq);
        self.writing.push_back((self.version, self.ledger.clone()));
    }

    /// As the gateway does it: whatever may be triggered is marked before the ledger is handed over.
    fn mark(&mut self) -> bool {
        let mut marked = false;
        for event in &self.ledger.pending {
            if self.connected && event.seq > self.ledger.triggered {
                self.ledger.triggered = event.seq;
                self.delivery.grant(event, names_of(event.seq));
                marked = true;
            }
        }
        marked
    }

    fn tell(&mut self) {
        if !self.connected {
            return;
        }
        let due = self.delivery.due(&self.ledger.pending, jiff::Timestamp::MIN);
        for due in due {
            self.token += 1;
            match due {
                Due::Event(event, again) => {
                    self.wire.push_back((self.token, Heard::Event { seq: event.seq, again }));
                    self.delivery.left(event, self.token);
                }
                Due::Trigger(name) => {
                    self.wire.push_back((self.token, Heard::Trigger(name.parse().unwrap())));
                }
            }
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Happen if self.made < 60 => {
                self.made += 1;
                self.ledger.seq += 1;
                self.ledger.pending.push_back(event(self.ledger.seq, Kind::Started));
                self.mark();
                self.store();
            }
            Step::Happen => {}
            Step::Write => {
                if let Some((version, ledger)) = self.writing.pop_front() {
                    self.disk = ledger;
                    self.delivery.stored(version);
                    self.tell();
                }
            }
            Step::Refuse => {
                if let Some((version, _)) = self.writing.pop_front() {
                    self.delivery.refused(version);
                    self.tell();
                }
            }
            Step::Broker | Step::Acknowledge => {
                let Some((token, heard)) = self.wire.pop_front() else { return };
                self.heard.push(heard);
                if matches!(step, Step::Acknowledge)
                    && let Some(id) = self.delivery.delivered(token)
                {
                    self.ledger.pending.retain(|event| event.id != id);
                    self.store();
                }
            }
            Step::Lose => {
                self.connected = false;
                self.wire.clear();
                self.delivery.disconnected();
            }
            Step::Connect => {
                self.connected = true;
                if self.mark() {
                    self.store();
                }
                self.tell();
            }
            Step::Crash => {
                self.ledger = self.disk.clone();
                self.delivery = Delivery::new(self.ledger.seq);
                self.writing.clear();
                self.wire.clear();
                self.connected = false;
                self.version = 0;
                self.made = self.ledger.seq;
            }
        }
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => Just(Step::Happen), 8 => Just(Step::Write), 2 => Just(Step::Broker),
        8 => Just(Step::Acknowledge), 2 => Just(Step::Lose), 3 => Just(Step::Connect), 1 => Just(Step::Crash),
    ];
    prop::collection::vec(step, 0..120)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    /// Each event that the disk had is told at last; told again only with the mark, in order, and no trigger
    /// leaves twice or before its event.
    #[test]
    fn each_event_arrives_whatever_is_lost(steps in steps()) {
        let mut life = Life::new();
        for step in steps {
            life.step(&step);
        }
        // A broker that lives acknowledges.
        life.step(&Step::Lose);
        for _ in 0..400 {
            life.step(&Step::Write);
            life.step(&Step::Connect);
            life.step(&Step::Acknowledge);
        }
        prop_assert!(life.ledger.pending.is_empty(), "{:?}", life.ledger.pending);
        let mut known = std::collections::BTreeSet::new();
        let mut last = 0;
        for heard in &life.heard {
            match heard {
                Heard::Event { seq, again } => {
                    prop_assert!(known.insert(*seq) || *again, "{seq} is told again without a word");
                    prop_assert!(*again || *seq > last, "{seq} comes after {last}");
                    last = last.max(*seq);
                }
                Heard::Trigger(seq) => prop_assert!(known.contains(seq), "the trigger of {seq} comes first"),
            }
        }
        prop_assert!(known.into_iter().eq(1..=life.ledger.seq));
        for seq in 1..=life.ledger.seq {
            let times = life.heard.iter().filter(|heard| **heard == Heard::Trigger(seq)).count();
            prop_assert!(times <= 1, "the trigger of {seq} left {times} times");
        }
    }

    /// On a disk that refuses now and then, also across restarts, a trigger leaves once at most: who acts on one that
    /// comes twice acts twice.
    #[test]
    fn a_full_disk_doubles_no_trigger(steps in steps(), refuses: Vec<bool>) {
        let mut life = Life::new();
        let mut refuses = refuses.into_iter().cycle();
        for step in steps {
            match step {
                Step::Write if refuses.next().unwrap_or(true) => life.step(&Step::Refuse),
                step => life.step(&step),
            }
        }
        for heard in life.heard.iter().filter(|heard| matches!(heard, Heard::Trigger(_))) {
            prop_assert_eq!(life.heard.iter().filter(|other| *other == heard).count(), 1);
        }
    }

    /// On a disk that takes nothing all is told all the same, as long as the program lives.
    #[test]
    fn a_full_disk_keeps_nothing_back(steps in steps()) {
        let mut life = Life::new();
        for step in steps {
            match step {
                Step::Crash => {}
                Step::Write => life.step(&Step::Refuse),
                step => life.step(&step),
            }
        }
        // A broker that lives acknowledges.
        life.step(&Step::Lose);
        for _ in 0..400 {
            life.step(&Step::Refuse);
            life.step(&Step::Connect);
            life.step(&Step::Acknowledge);
        }
        prop_assert!(life.ledger.pending.is_empty());
    }
}
