//! The printers' jobs: each has a tracker, whose ledger is on the disk before anything that follows from it
//! leaves.

use std::sync::Arc;
use std::time::Duration;

use tracing::{debug, error, info, warn};

use crate::config::{Disk, StateDir};
use crate::history::{self, Entry, Recent};
use crate::ledger::{self, Delivery, Due, Report, Writer};
use crate::mqtt::{Message, Token};
use bambu::session::Input;
use homeassistant::event::{self, Telling};
use printer::event::Kind;
use printer::record::JobClass;
use printer::tracker::{Effects, Options, Tracker};
use printer::{Command, Event, JobRecord, Ledger, Levels, Now, Serial, Task};

use super::facts::Tasks;
use super::{Gateway, SHORTEST_TURN};

/// How many of the last jobs are shown.
const RECENT: usize = 10;
/// That the broker has an event is written with the next change, or after this: told again it says so, and a
/// memory card is spared half of the writes.
const DELIVERED_LATER: Duration = Duration::from_secs(20);

/// What the gateway keeps of all printers' jobs.
pub(super) struct Records {
    writer: Writer,
    recent: Recent,
    /// The disk takes nothing: why.
    refused: Option<String>,
    /// What was wrong with a ledger that was met since the start.
    damaged: Option<String>,
}

impl Records {
    pub(super) fn new(state: &StateDir, writer: Writer) -> Self {
        let (recent, damaged) = Recent::load(state, RECENT).unwrap_or_else(|problem| {
            warn!("the history of jobs cannot be read: {problem}; jobs that end from now on are added to it");
            Default::default()
        });
        if damaged > 0 {
            let file = state.locate(history::FILE);
            warn!(file = %file.display(), "{damaged} lines of the history of jobs cannot be read and are passed over");
        }
        Self { writer, recent, refused: None, damaged: None }
    }

    /// What a person should know of the state directory.
    pub(super) fn problem(&self) -> Option<&str> {
        self.refused.as_deref().or(self.damaged.as_deref())
    }

    /// Writes what waits.
    pub(super) async fn close(&self) {
        self.writer.close().await;
        let cost = self.writer.cost();
        debug!(ledgers = cost.ledgers, lines = cost.lines, bytes = cost.bytes, "written since the start");
    }
}

/// The jobs of one printer.
pub(super) struct Jobs {
    pub(super) tracker: Tracker,
    delivery: Delivery<Token>,
    /// The last jobs, newest first.
    recent: Arc<[Arc<JobRecord>]>,
    /// Since when the disk does not know what the broker has.
    unwritten: Option<Duration>,
    /// It was said that too many events wait.
    overflowed: bool,
    /// The history has nothing of this printer: the cloud may, once the printer was met.
    unfilled: bool,
}

impl Jobs {
    /// Goes on where the printer's ledger ends.
    pub(super) fn open(serial: &Serial, name: &str, state: &StateDir, records: &mut Records) -> Self {
        // What is on its way to the disk is newer than what is there.
        let waiting = records.writer.last(serial).and_then(|bytes| ledger::read(serial, &bytes).ok());
        let kept = waiting.or_else(|| {
            let (kept, trouble) = ledger::load(state, serial);
            if let Some(trouble) = trouble {
                error!(printer = name, "{trouble}");
                records.damaged = Some(trouble.to_string());
            }
            kept
        });
        let kept = kept.unwrap_or_else(|| Ledger { seed: fastrand::u64(..), ..Ledger::default() });
        let delivery = Delivery::new(kept.seq);
        let mut jobs = Self {
            recent: Arc::from([]),
            delivery,
            unwritten: None,
            overflowed: false,
            unfilled: !records.recent.has_any(serial),
            tracker: Tracker::new(serial.clone(), kept, Options::default()),
        };
        // A program that was killed between ledger and history lacks these there.
        let ledger = jobs.tracker.ledger();
        let ended = ledger.pending.iter().filter(|event| event.kind.is_terminal());
        let ended = ended.filter_map(|event| event.job.as_deref()).chain(ledger.last.as_ref());
        let ended: Vec<JobRecord> = ended.filter(|job| job.observed && is_print(job)).cloned().collect();
        for job in ended {
            records.add_if_new(serial, name, job);
        }
        jobs.recent = records.recent.of(serial);
        jobs
    }

    /// What follows from the jobs, with the last ones.
    pub(super) fn levels(&self) -> Arc<Levels> {
        let mut levels = Arc::clone(self.tracker.levels());
        if levels.recent != self.recent {
            Arc::make_mut(&mut levels).recent = Arc::clone(&self.recent);
        }
        levels
    }

    /// When something is due by time alone.
    pub(super) fn deadline(&self) -> Option<Duration> {
        let write = self.unwritten.map(|since| since + DELIVERED_LATER);
        self.tracker.deadline().into_iter().chain(write).min()
    }

    /// Hands the ledger to the disk. The triggers of its new events are marked in it, if they can leave.
    fn store(&mut self, serial: &Serial, writer: &Writer) {
        self.unwritten = None;
        let version = writer.store(serial, self.tracker.ledger());
        self.delivery.handed(version, self.tracker.ledger().seq);
    }

    /// Whether a task of the cloud's list is a job that the tracker knows: it tells of that one itself.
    fn saw(&self, task: &Task) -> bool {
        let ledger = self.tracker.ledger();
        let ids =
            |job: &JobRecord| [&job.task_id, &job.subtask_id].into_iter().flatten().any(|id| *id == task.id);
        // The list may name it by another number; but no printer prints two at a time.
        let after = |job: &JobRecord| match (job.started_at, task.ended_at) {
            (Some(began), Some(ended)) => ended > began,
            _ => job.name == task.title,
        };
        let own = ledger.open.iter().chain(&ledger.last).filter(|job| job.observed);
        own.into_iter().any(|job| ids(job) || after(job))
    }

    /// Leaves the printer, which may come back: what the disk does not know yet is handed to it, and until when
    /// the printer was looked at.
    pub(super) fn park(&mut self, now: Now, serial: &Serial, records: &Records) {
        // What was never met has nothing to keep.
        if self.tracker.ledger().known {
            // It has nothing to tell, and what is stored next holds all that it changes.
            let Effects { .. } = self.tracker.leave(now);
            self.store(serial, &records.writer);
        }
    }

    /// Marks the triggers of what waits; says whether there were any.
    fn mark_triggers(&mut self, now: Now) -> bool {
        let marked = self.tracker.ledger().triggered;
        let new: Vec<Event> =
            self.tracker.ledger().pending.iter().filter(|event| event.seq > marked).cloned().collect();
        for event in &new {
            if self.tracker.may_trigger(now, event) {
                self.delivery.grant(event, event.triggers());
            }
        }
        self.tracker.ledger().triggered != marked
    }
}

impl Records {
    /// Adds a job that ended, or what became known of it later.
    fn add(&mut self, serial: &Serial, printer: &str, job: JobRecord) {
        let entry = Entry { serial: serial.as_str().into(), printer: printer.into(), job };
        self.writer.append(entry.line());
        self.recent.add(serial.as_str(), entry.job);
    }

    /// Adds a job that ended, unless the history has it.
    fn add_if_new(&mut self, serial: &Serial, printer: &str, job: JobRecord) {
        if !self.recent.has(serial.as_str(), &job) {
            self.add(serial, printer, job);
        }
    }
}

impl Gateway {
    /// Lets the tracker see the printer as it is now; what follows is in the session's snapshot afterwards.
    pub(super) fn observe(&mut self, now: Now, serial: &Serial) {
        let Some(printer) = self.printers.get_mut(serial) else { return };
        let effects = printer.jobs.tracker.observe(now, printer.session.snapshot());
        self.take_effects(now, serial, effects);
    }

    /// Does what a tracker wants done.
    pub(super) fn take_effects(&mut self, now: Now, serial: &Serial, effects: Effects) {
        let Some(printer) = self.printers.get_mut(serial) else { return };
        let Effects {
            mut save,
            events,
            closed,
            mut ask_cloud,
            decides,
            ask_everything,
            mut levels_changed,
            dropped,
        } = effects;
        let (name, jobs) = (&printer.session.snapshot().identity.name, &mut printer.jobs);
        for event in &events {
            log_event(name, event);
        }
        if dropped > 0 && !std::mem::replace(&mut jobs.overflowed, true) {
            warn!(
                printer = %name,
                "too many events wait for the local broker; the oldest are dropped, ends of jobs last of all. Is the \
                 broker running? The history of jobs is complete all the same"
            );
        }
        if jobs.tracker.ledger().known && std::mem::take(&mut jobs.unfilled) {
            ask_cloud = true;
        }
        // A step may end two jobs: one that was missed, and one that was over before it was seen.
        let mut ended: Vec<JobRecord> = events
            .iter()
            .filter(|event| event.kind.is_terminal())
            .filter_map(|event| event.job.as_deref().cloned())
            .filter(is_print)
            .collect();
        if let Some(job) = &closed {
            ended.retain(|other| other.key != job.key);
        }
        ended.extend(closed);
        for job in ended {
            self.records.add(serial, name, job);
            jobs.recent = self.records.recent.of(serial);
            levels_changed = true;
        }
        if self.local_connected && !events.is_empty() {
            save |= jobs.mark_triggers(now);
        }
        if save {
            jobs.store(serial, &self.records.writer);
        }
        if levels_changed {
            printer.session.set_levels(&printer.jobs.levels());
        }
        if let Some(at) = printer.jobs.deadline() {
            self.next_turn = self.next_turn.min(at.max(now.mono + SHORTEST_TURN));
        }
        if ask_everything {
            self.next_command += 1;
            let id = self.next_command;
            self.handle(now, serial, Input::Command(id, Command::Refresh));
        }
        if ask_cloud {
            self.facts.want_tasks(now, serial, decides);
        }
    }

    /// The cloud's list of a printer's tasks, newest first, or why it could not be had.
    pub(super) fn on_tasks(&mut self, now: Now, tasks: &Tasks) {
        let serial = &tasks.serial;
        let answer = tasks.answer.as_ref().map(AsRef::as_ref).map_err(|why| {
            debug!(why, "the cloud's list of tasks could not be had");
        });
        let Some(printer) = self.printers.get_mut(serial) else { return };
        let first = answer.is_ok() && !self.records.recent.has_any(serial);
        if let (true, Ok(tasks)) = (first, answer) {
            let name = &printer.session.snapshot().identity.name;
            let before_us = |task: &&Arc<Task>| task.serial == serial.as_str() && !printer.jobs.saw(task);
            for job in tasks.iter().rev().filter(before_us).map(|task| JobRecord::from_task(task)) {
                if job.ended_at.is_some() {
                    self.records.add_if_new(serial, name, job);
                }
            }
            printer.jobs.recent = self.records.recent.of(serial);
            printer.session.set_levels(&printer.jobs.levels());
        }
        let effects = printer.jobs.tracker.tasks(now, answer);
        self.take_effects(now, serial, effects);
        self.tell_printer(now, serial);
    }

    /// A person took the print off the plate.
    pub(super) fn clear_plate(&mut self, now: Now, serial: &Serial) {
        let Some(printer) = self.printers.get_mut(serial) else { return };
        let effects = printer.jobs.tracker.clear_plate(now);
        self.take_effects(now, serial, effects);
        self.tell_printer(now, serial);
    }

    /// Tells the local broker what is different about a printer.
    pub(super) fn tell_printer(&mut self, now: Now, serial: &Serial) {
        let Some(printer) = self.printers.get_mut(serial) else { return };
        if printer.told && self.local_connected {
            printer.mirror.update(now, printer.session.snapshot(), &mut self.out);
            self.publish();
        }
    }

    /// What became of something that was to be written.
    pub(super) fn on_written(&mut self, now: Now, report: Report) {
        let (serial, version, stored) = match report {
            Report::Stored(serial, version) => (serial, version, true),
            Report::Refused(serial, version, why) => {
                self.disk_refuses(&why);
                (serial, version, false)
            }
            Report::HistoryRefused(why) => return self.disk_refuses(&why),
            Report::Healed => {
                if self.records.refused.take().is_some() {
                    info!("the state directory takes files again; what waited is written");
                    self.bridge_changed = true;
                }
                return;
            }
        };
        if let Some(printer) = self.printers.get_mut(&serial) {
            if stored {
                printer.jobs.delivery.stored(version);
            } else {
                printer.jobs.delivery.refused(version);
            }
            self.tell_events(now, &serial);
        }
    }

    fn disk_refuses(&mut self, why: &str) {
        if self.records.refused.is_none() {
            error!(
                "{why}; until then events are told from memory alone, device triggers wait, and a restart may tell \
                 some events again or lose them. It is tried again each half minute"
            );
        }
        self.records.refused = Some(why.to_owned());
        self.bridge_changed = true;
    }

    /// Gives what may leave to the local broker.
    pub(super) fn tell_events(&mut self, now: Now, serial: &Serial) {
        if !self.local_connected {
            return;
        }
        let Some(printer) = self.printers.get_mut(serial).filter(|printer| printer.told) else { return };
        let Jobs { tracker, delivery, .. } = &mut printer.jobs;
        let oldest = now.wall.checked_sub(Options::default().late_window).unwrap_or(now.wall);
        let outbox = self.local.outbox();
        let who = &printer.session.snapshot().identity;
        let mut left = Vec::new();
        for due in delivery.due(&tracker.ledger().pending, oldest) {
            match due {
                Due::Event(event, again) => {
                    let told = event::message(&self.topics, who, event, Telling { at: now.wall, again });
                    let message = Message::new(told.topic, told.payload).at_least_once();
                    left.push((event, outbox.send(message)));
                }
                Due::Trigger(name) => {
                    outbox.send(Message::new(self.topics.trigger(serial), name).at_least_once());
                }
            }
        }
        for (event, token) in left {
            if let Some(token) = token {
                delivery.left(event, token);
            }
        }
    }

    /// The local broker has just been told everything of a printer: what waits for it follows, so that who
    /// acts on an event finds the states behind it.
    pub(super) fn tell_waiting_events(&mut self, now: Now, serial: &Serial) {
        let Some(printer) = self.printers.get_mut(serial) else { return };
        printer.jobs.overflowed = false;
        if printer.jobs.mark_triggers(now) {
            printer.jobs.store(serial, &self.records.writer);
        }
        self.tell_events(now, serial);
    }

    pub(super) fn events_lost_their_connection(&mut self) {
        for printer in self.printers.values_mut() {
            printer.jobs.delivery.disconnected();
        }
    }

    /// The local broker has acknowledged a message.
    pub(super) fn on_delivered(&mut self, now: Now, token: Token) {
        let found = self.printers.values_mut().find_map(|p| Some((p.jobs.delivery.delivered(token)?, p)));
        let Some((id, printer)) = found else { return };
        if printer.jobs.tracker.delivered(&id).save {
            let since = *printer.jobs.unwritten.get_or_insert(now.mono);
            self.next_turn = self.next_turn.min(since + DELIVERED_LATER);
        }
    }

    /// What time brings to a printer's jobs.
    pub(super) fn look_at_jobs(&mut self, now: Now, serial: &Serial) {
        let Some(printer) = self.printers.get_mut(serial) else { return };
        let jobs = &mut printer.jobs;
        if jobs.unwritten.is_some_and(|since| since + DELIVERED_LATER <= now.mono) {
            jobs.store(serial, &self.records.writer);
        }
        if jobs.tracker.deadline().is_some_and(|at| at <= now.mono) {
            self.observe(now, serial);
        }
        let deadline = self.printers.get(serial).and_then(|printer| printer.jobs.deadline());
        if let Some(at) = deadline {
            self.next_turn = self.next_turn.min(at.max(now.mono + SHORTEST_TURN));
        }
    }

    /// Hands everything that is not on the disk to the writer: the program ends.
    pub(super) fn store_all(&mut self) {
        let now = self.clock.now();
        for (serial, printer) in &mut self.printers {
            printer.jobs.park(now, serial, &self.records);
        }
    }
}

/// The history is a list of prints: what a printer does to itself is told by events alone.
fn is_print(job: &JobRecord) -> bool {
    job.class == JobClass::Print
}

/// A handful of lines a day; the rest is for those who look closer.
fn log_event(printer: &str, event: &Event) {
    let job = event.job.as_ref().and_then(|job| job.name.as_deref()).unwrap_or_default();
    let what = event.kind.word();
    if event.kind == Kind::Started || event.kind.is_terminal() {
        info!(printer, job, late = event.late, "print {what}");
    } else {
        debug!(printer, job, "{what}");
    }
}
