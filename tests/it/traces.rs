//! Jobs as printers tell them, and the events that a person would tell of them.
//!
//! A trace is a script: each line lets time pass, changes the printer and shows it to the tracker. The words of
//! the script are in [`Desk::word`].

mod beside;
mod captures;
mod holds;
mod levels;
mod property;
mod reasons;
mod table;
mod whose;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use printer::ams::{Ams, Drying};
use printer::cloud::{Task, TaskStatus};
use printer::event::{Event, Group};
use printer::tracker::{Effects, FirstSight, Tracker, TrackerOptions};
use printer::{
    Contact, Health, Hms, Identity, JobIds, JobKind, Ledger, Now, PrintError, Reach, Snapshot, Source, Stage,
    Status,
};

pub(crate) const START: &str = "2026-01-01T00:00:00Z";

/// A printer on a desk, a gateway that can be killed, and a clock to turn.
pub(crate) struct Desk {
    pub(crate) tracker: Tracker,
    pub(crate) printer: Snapshot,
    /// Since the gateway's start.
    mono: Duration,
    pub(crate) wall: Timestamp,
    /// All events, as [`told`] writes them.
    pub(crate) log: Vec<String>,
    pub(crate) events: Vec<Event>,
    pub(crate) closed: usize,
    pub(crate) saves: usize,
    /// What the cloud answers when it is asked; `None` is no answer at all.
    cloud: Option<Vec<Arc<Task>>>,
    /// It does not even say that there is none.
    silent: bool,
    asked: usize,
    /// The broker takes events.
    broker: bool,
    ids: BTreeSet<String>,
}

impl Desk {
    /// A printer that is known and rests.
    pub(crate) fn new() -> Self {
        let mut desk = Self::unknown(FirstSight::AdoptSilently);
        desk.line("idle");
        desk
    }

    /// One that is not.
    pub(crate) fn unknown(first_sight: FirstSight) -> Self {
        let mut printer = Snapshot::unheard("Test", Identity::new("01P00A000000001", "P1S"));
        let serial = printer.identity.serial.clone();
        printer.reach = Reach::Online;
        printer.contact = Contact { linked: true, whole: true, gaps: 1, ..Contact::default() };
        let options = TrackerOptions { first_sight, ..TrackerOptions::default() };
        Self {
            tracker: Tracker::new(serial, Ledger { seed: 7, ..Ledger::default() }, &printer.policy, options),
            printer,
            mono: Duration::from_secs(5),
            wall: START.parse().unwrap(),
            log: Vec::new(),
            events: Vec::new(),
            closed: 0,
            saves: 0,
            cloud: None,
            silent: false,
            asked: 0,
            broker: true,
            ids: BTreeSet::new(),
        }
    }

    pub(crate) fn now(&self) -> Now {
        Now { mono: self.mono, wall: self.wall }
    }

    /// Plays a script.
    pub(crate) fn play(&mut self, script: &str) {
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            self.line(line);
        }
    }

    /// Plays a line of it.
    pub(crate) fn line(&mut self, line: &str) {
        for word in line.split_whitespace() {
            self.word(word);
        }
        self.look();
    }

    fn word(&mut self, word: &str) {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        let number = || value.parse::<u32>().unwrap();
        let hex = |text: &str| u64::from_str_radix(text, 16).unwrap();
        let some = |text: &str| (text != "-").then(|| text.into());
        let job = &mut self.printer.job;
        match name {
            _ if name.starts_with('+') => self.pass(name[1..].parse().unwrap()),
            // The printer's words.
            "idle" => self.printer.status = Some(Status::Idle),
            "prepare" => self.printer.status = Some(Status::Prepare),
            "slicing" => self.printer.status = Some(Status::Slicing),
            "running" => self.printer.status = Some(Status::Running),
            "pause" => self.printer.status = Some(Status::Pause),
            "finish" => self.printer.status = Some(Status::Finish),
            "failed" => self.printer.status = Some(Status::Failed),
            "init" => self.printer.status = Some(Status::Init),
            // Nothing, or a word that nobody knows.
            "foo" => self.printer.status = None,
            "awaits" => job.awaits_progress = value == "1",
            "%" => job.progress = Some(value.parse().unwrap()),
            "layer" => job.layer = Some(number()),
            "total" => job.total_layers = Some(number()),
            "stage" => self.printer.stage = (value != "-").then(|| Stage(value.parse().unwrap())),
            // Minutes.
            "left" => {
                let left = Duration::from_secs(60 * u64::from(number()));
                job.remaining = Some(left);
                job.ends_at = Some(self.wall + left);
            }
            "name" => job.name = some(value),
            "file" => job.file = some(value),
            "started" => job.started_at = Some(value.parse().unwrap()),
            "kind" => {
                job.kind = [JobKind::Cloud, JobKind::Local, JobKind::Idle, JobKind::System]
                    .into_iter()
                    .find(|kind| kind.word() == value);
            }
            // Task, or task and subtask.
            "ids" => {
                let (task, subtask) = value.split_once('/').unwrap_or((value, value));
                let id = |text: &str| (text != "0").then(|| text.into());
                job.ids = Arc::new(JobIds { task: id(task), subtask: id(subtask), ..JobIds::default() });
            }
            "error" => {
                let code = u32::try_from(hex(value)).unwrap();
                self.printer.error = (code != 0).then_some(PrintError(code));
                self.health();
            }
            "hms" => {
                let half = |id: u64| u32::try_from(id & 0xFFFF_FFFF).unwrap();
                let codes = value.split(',').filter(|code| *code != "-").map(hex);
                self.printer.hms = codes.map(|id| Hms { attr: half(id >> 32), code: half(id) }).collect();
                self.health();
            }
            "bed" => self.printer.bed.actual = Some(value.parse().unwrap()),
            // What a heater is to have.
            "heat" => self.printer.bed.target = Some(value.parse().unwrap()),
            "nozzle" => self.printer.nozzles[0].actual = Some(value.parse().unwrap()),
            // The slot that feeds; nothing between two.
            "tray" => {
                let source = |text: &str| Source::Ams { unit: 0, slot: text.parse().unwrap() };
                self.printer.sources[0] = Some(if value == "-" { Source::Nothing } else { source(value) });
            }
            // Minutes left of drying.
            // Whether the time of drying stands.
            "still" => {
                let mut units = self.printer.ams.to_vec();
                for unit in &mut units {
                    unit.drying.still = value == "1";
                }
                self.printer.ams = units.into();
            }
            "dry" => {
                let remaining = Some(Duration::from_secs(60 * u64::from(number())));
                let unit = Ams { drying: Drying { remaining, ..Drying::default() }, ..Ams::default() };
                self.printer.ams = vec![unit].into();
            }
            "door" => self.printer.machine.door_open = (value != "-").then_some(value == "open"),
            // Layers that somebody waits for.
            "layers" => {
                let layers = value.split(',').map(|layer| layer.parse().unwrap()).collect();
                Arc::make_mut(&mut self.printer.policy).notify_layers = layers;
            }
            "offer" => self.printer.update.latest = some(value),
            // How it is heard.
            "off" => self.printer.reach = Reach::Offline,
            "unheard" => self.printer.reach = Reach::Unheard,
            "on" => {
                self.printer.reach = Reach::Online;
                self.anew(true);
            }
            "half" => {
                self.printer.reach = Reach::Online;
                self.anew(false);
            }
            "full" => self.printer.contact.whole = true,
            "unlink" => {
                self.printer.contact.linked = false;
                self.printer.contact.whole = false;
            }
            "link" => {
                self.printer.contact.linked = true;
                self.anew(false);
            }
            // A question that was not answered, or one that was.
            "stale" => self.printer.stale = true,
            "fresh" => self.printer.stale = false,
            // What people and the cloud do.
            "stop" => self.tracker.stop_sent(self.now()),
            "stopped" => self.printer.contact.stops += 1,
            "clear" => {
                let effects = self.tracker.clear_plate(self.now());
                self.take(effects);
            }
            "cloud" => self.cloud(value),
            "broker" => {
                self.broker = value == "up";
                self.deliver(true);
            }
            "leave" => self.stop(),
            // The gateway is killed, and runs again after so many seconds.
            "restart" => self.restart(if value.is_empty() { 0 } else { number().into() }),
            _ => panic!("no such word: {word}"),
        }
    }

    fn anew(&mut self, whole: bool) {
        self.printer.contact.whole = whole;
        self.printer.contact.gaps += 1;
    }

    fn health(&mut self) {
        let printer = &mut self.printer;
        let serial = printer.identity.serial.as_str();
        let health = Health::tell(&printer.hms, printer.error, &printer.known.texts, serial);
        Arc::make_mut(&mut printer.known).health = health;
    }

    /// `none`, `dead`, `silent`, or tasks as `id:finished:SECONDS` that ended so long ago.
    fn cloud(&mut self, list: &str) {
        self.silent = list == "silent";
        self.cloud = match list {
            "dead" | "silent" => None,
            "none" => Some(Vec::new()),
            _ => Some(list.split(',').map(|task| Arc::new(self.task(task))).collect()),
        };
    }

    fn task(&self, text: &str) -> Task {
        let parts: Vec<_> = text.split(':').collect();
        let status = match parts[1] {
            "finished" => TaskStatus::Finished,
            "ended" => TaskStatus::Ended,
            _ => TaskStatus::Running,
        };
        let ago = |text: &str| self.wall - Duration::from_secs(text.parse().unwrap());
        Task {
            id: parts[0].into(),
            serial: "01P00A000000001".into(),
            title: Some("cloud title".into()),
            status: Some(status),
            ended_at: parts.get(2).map(|text| ago(text)),
            started_at: parts.get(3).map(|text| ago(text)),
            weight_g: Some(12.5),
            ..Task::default()
        }
    }

    /// The gateway stops in peace.
    pub(crate) fn stop(&mut self) {
        let effects = self.tracker.leave(self.now());
        self.take(effects);
    }

    pub(crate) fn restart(&mut self, down: u64) {
        let ledger = serde_json::to_string(self.tracker.ledger()).unwrap();
        let ledger: Ledger = serde_json::from_str(&ledger).unwrap();
        assert_eq!(&ledger, self.tracker.ledger(), "what is stored is what is read");
        let serial = self.printer.identity.serial.clone();
        self.tracker = Tracker::new(serial, ledger, &self.printer.policy, TrackerOptions::default());
        self.wall += Duration::from_secs(down);
        self.mono = Duration::from_secs(5);
        self.printer.contact.gaps = 1;
        // What was not acknowledged is told again.
        self.deliver(true);
    }

    /// Lets time pass, stopping wherever the tracker wants to look.
    pub(crate) fn pass(&mut self, seconds: f64) {
        let end = self.mono + Duration::from_secs_f64(seconds);
        let mut ticks = 0;
        while let Some(at) = self.tracker.deadline().filter(|at| *at <= end) {
            let step = at.saturating_sub(self.mono);
            self.mono += step;
            self.wall += step;
            self.look();
            ticks += 1;
            assert!(ticks < 20_000, "the tracker wants to look without end");
        }
        self.wall += end.saturating_sub(self.mono);
        self.mono = end;
        if self.printer.contact.linked && self.printer.reach == Reach::Online {
            self.look();
        }
    }

    fn look(&mut self) {
        let effects = self.tracker.observe(self.now(), &self.printer);
        self.take(effects);
    }

    fn take(&mut self, effects: Effects) {
        let Effects { save, events, closed, ask_cloud, .. } = effects;
        assert!(save || (events.is_empty() && closed.is_none()), "what is told was stored before");
        self.saves += usize::from(save);
        self.closed += usize::from(closed.is_some());
        for event in events {
            let last = self.events.last().map_or(0, |last| last.seq);
            assert_eq!(event.seq, last + 1, "events are counted without gaps");
            assert!(self.ids.insert(event.id.to_string()), "an id comes once");
            self.events.push(event);
        }
        self.deliver(false);
        if ask_cloud {
            self.asked += 1;
            if self.silent {
                return;
            }
            let answer = self.cloud.clone();
            let effects = self.tracker.tasks(self.now(), answer.as_deref().ok_or(()));
            self.take(effects);
        }
    }

    /// Gives what waits to the broker.
    fn deliver(&mut self, again: bool) {
        if !self.broker {
            return;
        }
        let pending: Vec<_> = self.tracker.ledger().pending.iter().cloned().collect();
        for event in pending {
            let triggers = self.tracker.may_trigger(self.now(), &event);
            assert!(!self.tracker.may_trigger(self.now(), &event), "a bare trigger leaves once at most");
            let mut told = told_at(&event, self.wall);
            if !triggers && !event.triggers().is_empty() {
                told.push('-');
            }
            let _ = again;
            self.log.push(told);
            self.tracker.delivered(&event.id);
        }
    }
}

/// An event in short, told when it was made.
pub(crate) fn told(event: &Event) -> String {
    told_at(event, event.at)
}

/// An event in short: `*` is late, `~` inferred, then why in brackets; `-` behind it is that no trigger left.
pub(crate) fn told_at(event: &Event, at: Timestamp) -> String {
    let group = match event.group() {
        Group::Error => "error.",
        Group::Hms => "hms.",
        _ => "",
    };
    let mut text = format!("{group}{}", event.kind.word());
    if event.is_late(at) {
        text.push('*');
    }
    if event.inferred {
        text.push('~');
    }
    if let Some(reason) = event.reason.as_ref().filter(|reason| !reason.kind.is_empty() && group.is_empty()) {
        write!(text, "({})", reason.kind).unwrap();
    }
    text
}

/// Plays a script from rest; says what was told of prints, errors and filament.
pub(crate) fn events(script: &str) -> Vec<String> {
    let mut desk = Desk::new();
    desk.play(script);
    desk.log
}

#[track_caller]
pub(crate) fn check(script: &str, expected: &str) {
    let told = events(script);
    let expected: Vec<_> = expected.split_whitespace().collect();
    assert_eq!(told, expected, "\n{script}");
}
