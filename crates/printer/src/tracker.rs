//! One printer's jobs: what its moments say goes in, what happened comes out, each once.
//!
//! A [`Tracker`] decides on jobs, not on states: it keeps one record a job in a [`Ledger`], and an event is a
//! thing that the ledger did not have before. Whoever runs it stores the ledger first and tells second; with
//! that, a program that is killed anywhere tells everything once, or again under the same id.
//! Must not know: files, the local broker, the clock.

mod clock;
mod close;
mod health;
mod holds;
mod id;
mod identity;
mod layers;
mod levels;
mod machine;
mod open;
mod pauses;
mod predicates;
mod reach;
mod reason;
mod resolve;
mod seen;
mod states;
mod telling;

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::cloud::{Names, Task};
use super::consumption::{self, Meter};
use super::event::{Event, EventSource, Kind, LATE};
use super::ledger::{CancelMark, Ledger};
use super::levels::Levels;
use super::reason::Reason;
use super::record::JobRecord;
use super::{Now, Policy, Serial, Snapshot, Status};

use health::Held;
use holds::{BEHIND, BEHIND_PERCENT, GONE, UNHEARD};
use seen::Seen;
use states::Doing;

/// What becomes of a job that is under way when a printer is seen for the first time ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FirstSight {
    /// It is recorded, and nobody is told that it began.
    #[default]
    AdoptSilently,
    /// It is told like any other.
    Tell,
}

/// What a tracker is to hold to; the defaults are those of `docs/automations.md`.
#[derive(Debug, Clone, PartialEq)]
pub struct TrackerOptions {
    /// What becomes of a job at first sight.
    pub first_sight: FirstSight,
    /// How old an event may be for its bare trigger to leave.
    pub late_window: Duration,
    /// At which temperature the bed is cool enough to take a print off, °C.
    pub bed_cool: f32,
    /// Below which a nozzle makes no trouble without its fan, °C.
    pub nozzle_safe: f32,
    /// The same for the bed, °C.
    pub bed_safe: f32,
    /// Events that wait for the broker, at most.
    pub pending: usize,
}

impl Default for TrackerOptions {
    fn default() -> Self {
        Self {
            first_sight: FirstSight::AdoptSilently,
            late_window: Duration::from_secs(15 * 60),
            bed_cool: 40.0,
            nozzle_safe: 50.0,
            bed_safe: 45.0,
            pending: 200,
        }
    }
}

/// What should be done, in this order.
#[derive(Debug, Clone, PartialEq, Default)]
#[allow(clippy::struct_excessive_bools, reason = "independent wishes")]
pub struct Effects {
    /// Store [`Tracker::ledger`], before anything below leaves.
    pub save: bool,
    /// Tell these, in their order; they wait in [`Ledger::pending`] until [`Tracker::delivered`].
    pub events: Vec<Event>,
    /// Append this to the history.
    pub closed: Option<JobRecord>,
    /// Ask the cloud for its list of tasks, and give the answer to [`Tracker::tasks`], also that there is none.
    pub ask_cloud: bool,
    /// What is told of a job waits for that answer.
    pub decides: bool,
    /// Ask the printer for everything.
    pub ask_everything: bool,
    /// [`Tracker::levels`] are not what they were.
    pub levels_changed: bool,
    /// So many waiting events were dropped, oldest first, because too many wait.
    pub dropped: u32,
}

/// One printer's jobs and what else happens to it.
#[allow(clippy::struct_excessive_bools, reason = "independent facts")]
pub struct Tracker {
    serial: Serial,
    options: TrackerOptions,
    ledger: Ledger,
    levels: Arc<Levels>,
    /// What the step that is being made wants done.
    effects: Effects,
    /// What filament and energy cost.
    policy: Arc<Policy>,
    /// Names of filaments that people made, to find their prices.
    names: Arc<Names>,
    /// What was evaluated last.
    seen: Option<Seen>,
    doing: Doing,
    /// Nothing was missed since [`Tracker::heard`].
    synced: bool,
    /// When it was last certain what the printer did.
    heard: Option<Now>,
    /// How long the machine has slept since, which the steady clock does not count.
    slept: Duration,
    /// Since when it is not.
    unsure_since: Option<Duration>,
    /// The last time in which nobody looked for long.
    missed: Option<Missed>,
    /// What is told now was found after it.
    finding: bool,
    /// Since when our own connection is up.
    linked: Option<Duration>,
    /// The printer came back from being away while our connection was up.
    returned: bool,
    /// When time alone changes something.
    next: Option<Duration>,
    /// Something came in by another way than a snapshot.
    awake: bool,
    /// When the ledger was last to be stored, and the progress in it.
    saved: Option<(Duration, u8)>,
    /// Wall minus steady clock, ms.
    clock: Option<i64>,
    live: Live,
}

/// What need not outlive the program.
#[derive(Debug, Default)]
struct Live {
    /// The last fault, and when it came.
    fault: Option<(Duration, Reason)>,
    /// Since when the printer says that it pauses.
    pause: Option<Now>,
    /// Since when it says that it prints, before its first layer.
    prints: Option<Now>,
    /// Since when it says that it is at its first layer or above, whichever job that is of: what is in doubt, or only
    /// suspected, may turn out to have printed meanwhile.
    first_layer: Option<Now>,
    /// The same of the second one, with which the first is done.
    second_layer: Option<Now>,
    /// The highest mark of progress that it is past, and since when.
    passed: Option<(u8, Now)>,
    /// Since when it says that its end comes.
    finishes: Option<Now>,
    /// The progress that was believed last, and since when another one waits to be.
    progress: u8,
    leap: Option<Duration>,
    /// Since when it calls its job by another number.
    renamed: Option<Now>,
    /// What fed each nozzle last.
    sources: [Option<super::Source>; 2],
    /// Until when the job's figures may be those of the one before; `None` for one that was there before us.
    young_until: Option<Duration>,
    /// Codes that are told when it is known whether there is a job.
    held: Vec<Held>,
    /// What the printer says may be about another job than the open one.
    doubt: bool,
    /// Since when a pause is said to be for want of filament.
    ran_out: Option<Now>,
    /// Since when the job has another name or file, though its figures go on.
    retitled: Option<Duration>,
    /// Health messages that came, and when.
    came: Vec<(u64, Duration)>,
    /// Health messages that are gone, and since when.
    gone: Vec<(u64, Now)>,
    /// When silence becomes absence.
    absent_at: Option<Duration>,
    /// When it came back from being away.
    back_at: Option<Duration>,
    /// It was at rest after it had been away: it lost its power in between.
    rebooted: bool,
    /// When the cancel mark was made, on the steady clock.
    cancel: Option<Duration>,
    safe: Option<bool>,
    cooled: Option<bool>,
    /// The door is open, and something behind it is hot.
    door_hot: Option<bool>,
}

impl Tracker {
    /// Goes on where a ledger ends; an empty one is a printer that was never seen.
    pub fn new(serial: Serial, ledger: Ledger, policy: &Arc<Policy>, options: TrackerOptions) -> Self {
        // What was believed before the program ended is believed again.
        let progress = ledger.progress();
        let mut tracker = Self {
            serial,
            options,
            ledger,
            levels: Arc::default(),
            effects: Effects::default(),
            policy: Arc::clone(policy),
            names: Arc::default(),
            seen: None,
            doing: Doing::Unsynced,
            synced: false,
            heard: None,
            slept: Duration::ZERO,
            unsure_since: None,
            missed: None,
            finding: false,
            linked: None,
            returned: false,
            next: None,
            awake: false,
            saved: None,
            clock: None,
            live: Live { progress, ..Live::default() },
        };
        tracker.evaluate_levels(None);
        tracker
    }

    /// Takes the printer as it is now: after each change of its snapshot, and at [`Tracker::deadline`].
    ///
    /// ```
    /// use std::{sync::Arc, time::Duration};
    /// use printer::event::Kind;
    /// use printer::tracker::{Tracker, TrackerOptions};
    /// use printer::{Contact, Identity, Ledger, Now, Reach, Snapshot, Status};
    ///
    /// let mut printer = Snapshot::unheard("Garage", Identity::new("01P00A000000001", "P1S"));
    /// let serial = printer.identity.serial.clone();
    /// let mut tracker = Tracker::new(serial, Ledger::default(), &printer.policy, TrackerOptions::default());
    /// let says = &mut printer;
    /// says.reach = Reach::Online;
    /// says.contact = Contact { linked: true, whole: true, ..Contact::default() };
    /// let at = |second: u64| Now {
    ///     mono: Duration::from_secs(second),
    ///     wall: jiff::Timestamp::UNIX_EPOCH + Duration::from_secs(second),
    /// };
    /// printer.status = Some(Status::Idle);
    /// assert!(tracker.observe(at(0), &printer).events.is_empty());
    /// printer.status = Some(Status::Prepare);
    /// tracker.observe(at(1), &printer);
    /// let told = tracker.observe(at(16), &printer);
    /// assert!(told.save && told.events[0].kind == Kind::Started);
    /// ```
    pub fn observe(&mut self, now: Now, snapshot: &Snapshot) -> Effects {
        let due = self.awake || self.next.is_some_and(|at| now.mono >= at);
        if !due && self.seen.as_ref().is_some_and(|seen| seen.is_like(snapshot, &self.options)) {
            if self.synced && !matches!(self.doing, Doing::Unsynced) {
                (self.heard, self.slept) = (Some(now), Duration::ZERO);
            }
            return Effects::default();
        }
        let heat = self.seen.as_ref().map(|seen| seen.heat).unwrap_or_default();
        let seen = Seen::of(snapshot, &self.options, heat);
        self.step(now, &seen);
        self.seen = Some(seen);
        mem::take(&mut self.effects)
    }

    /// Takes the cloud's answer to [`Effects::ask_cloud`], newest first; an error is that there was none.
    #[allow(clippy::result_unit_err, reason = "why there was none changes nothing here")]
    pub fn tasks(&mut self, now: Now, answer: Result<&[Arc<Task>], ()>) -> Effects {
        self.learn(now, answer);
        if let Some(seen) = self.seen.clone() {
            self.step(now, &seen);
            self.seen = Some(seen);
        } else {
            self.evaluate_levels(None);
        }
        mem::take(&mut self.effects)
    }

    /// A stop of ours was acknowledged.
    pub fn stop_sent(&mut self, now: Now) {
        self.mark_cancel(now, true);
        self.awake = true;
    }

    /// The broker has acknowledged an event.
    pub fn delivered(&mut self, id: &str) -> Effects {
        let Some(at) = self.ledger.pending.iter().position(|event| event.id == id) else {
            return Effects::default();
        };
        let event = self.ledger.pending.remove(at);
        // A print in many colours changes filament hundreds of times; to repeat one of these after a crash,
        // with its id, is cheaper than to write each of them down twice.
        let save = event.is_none_or(|event| event.kind != Kind::FilamentChanged);
        Effects { save, ..Effects::default() }
    }

    /// Whether the bare triggers of an event may leave, asked when the event itself leaves; they may once,
    /// and not when it is too old. The ledger is to be stored before they do.
    pub fn may_trigger(&mut self, now: Now, event: &Event) -> bool {
        if event.seq <= self.ledger.triggered || event.triggers().is_empty() {
            return false;
        }
        self.ledger.triggered = event.seq;
        since(now.wall, event.earliest()) <= self.options.late_window
    }

    /// What the energy meter that was named shows.
    pub fn energy(&mut self, now: Now, kwh: f64) -> Effects {
        let reading = Meter { kwh, at: now.wall };
        if consumption::read(&mut self.ledger.meter, self.ledger.open.as_mut(), reading) {
            let seen = self.seen.take();
            self.evaluate_levels(seen.as_ref());
            self.seen = seen;
        }
        mem::take(&mut self.effects)
    }

    /// Notes until when it listened, for a program that is about to stop: so the next one knows how long nobody
    /// did, and a short gap hides nothing.
    pub fn leave(&mut self, now: Now) -> Effects {
        // Where it listens no more, until it did: the ledger may be older than that.
        let until = if self.synced { Some(now) } else { self.heard };
        if let Some(until) = until.filter(|_| !self.is_behind()) {
            self.count(until.wall);
            self.ledger.seen_at = Some(until.wall);
            self.effects.save = true;
        }
        mem::take(&mut self.effects)
    }

    /// Whether it is still at what it missed: until that is told, nobody has looked since.
    fn is_behind(&self) -> bool {
        match self.doing {
            Doing::Unsynced => self.synced,
            Doing::Ending(ending) => ending.late,
            Doing::Resolving(_) => true,
            Doing::Rest | Doing::Arming(_) | Doing::Active => false,
        }
    }

    /// The next moment at which [`Tracker::observe`] would change anything by time alone, on the steady clock.
    pub fn deadline(&self) -> Option<Duration> {
        if self.awake { Some(Duration::ZERO) } else { self.next }
    }

    /// To be stored as it is.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What follows from the jobs.
    pub fn levels(&self) -> &Arc<Levels> {
        &self.levels
    }

    /// A person took the print off.
    pub fn clear_plate(&mut self, _now: Now) -> Effects {
        if self.ledger.plate_occupied != Some(false) {
            self.ledger.plate_occupied = Some(false);
            self.effects.save = true;
            let seen = self.seen.take();
            self.evaluate_levels(seen.as_ref());
            self.seen = seen;
        }
        mem::take(&mut self.effects)
    }

    /// Somebody's command was refused. Of a printer that was never met nothing is told.
    pub fn refuse(&mut self, now: Now, reason: Reason) -> Effects {
        if self.ledger.known {
            self.tell_of_printer(now, Kind::CommandRefused, EventSource::Command, Some(reason));
        }
        mem::take(&mut self.effects)
    }

    /// Asks the cloud how a job ended.
    fn ask_to_decide(&mut self) {
        self.effects.ask_cloud = true;
        self.effects.decides = true;
    }

    /// Evaluates everything once.
    fn step(&mut self, now: Now, seen: &Seen) {
        self.awake = false;
        self.mend_clock(now);
        self.names = Arc::clone(&seen.facts.names);
        self.policy = Arc::clone(&seen.policy);
        if !self.policy.metered {
            self.ledger.meter = None;
        }
        self.linked = seen.contact.linked.then(|| self.linked.unwrap_or(now.mono));
        if seen.contact.followed && seen.is_synced() && !self.synced && self.heard.is_some() {
            // The gap was too short for anything to be missed in it, and what is said now happens now.
            (self.heard, self.slept) = (Some(now), Duration::ZERO);
        }
        self.evaluate_gap(now);
        self.evaluate_reach(now, seen);
        let before = self.seen.take();
        let gap = before.as_ref().is_some_and(|before| before.contact.gaps != seen.contact.gaps);
        if self.synced && (gap || !seen.is_synced()) {
            self.lose_sync(now);
            self.returned = false;
            self.evaluate_gap(now);
        }
        self.live.doubt = self.is_in_doubt(seen);
        // An error that comes with a job is told after the job's beginning.
        let active = seen.status.is_some_and(Status::is_active);
        let begins = self.ledger.open.is_none() && (active || matches!(self.doing, Doing::Arming(_)));
        self.unsure_since = if seen.is_synced() { None } else { self.unsure_since.or(Some(now.mono)) };
        if seen.is_synced() {
            self.synced = true;
            let stopped = before.as_ref().is_some_and(|before| before.contact.stops != seen.contact.stops);
            if stopped {
                self.mark_cancel(now, false);
            }
            self.meet(now, seen);
            self.evaluate_cancel(now, seen);
            if !begins {
                self.evaluate_health(now, seen);
            }
            self.note_layers(now, seen);
        }
        // A job that ends and another that begins are two turns; nothing needs more than a few.
        for _ in 0..8 {
            if !self.advance(now, seen, before.as_ref()) {
                break;
            }
        }
        if seen.is_synced() {
            if !matches!(self.doing, Doing::Unsynced) {
                (self.heard, self.slept) = (Some(now), Duration::ZERO);
            }
            if begins {
                self.evaluate_health(now, seen);
            }
            self.evaluate_predicates(now, seen, before.as_ref());
        } else if self.is_unsure(now) {
            (self.live.safe, self.live.cooled, self.live.door_hot) = (None, None, None);
        }
        self.finding = false;
        self.keep_up(now, seen);
        self.evaluate_offer(seen);
        self.evaluate_levels(Some(seen));
        self.next = self.find_deadline(now, seen);
    }

    /// Notes that something was missed, for as long as that is being found out.
    fn evaluate_gap(&mut self, now: Now) {
        if !self.ledger.known || (self.synced && !matches!(self.doing, Doing::Unsynced)) {
            return;
        }
        let gap = self.gap(now);
        if gap > LATE {
            let from = now.wall.checked_sub(gap).unwrap_or(now.wall);
            let before = self.missed.filter(|_| self.is_behind());
            let from = before.map_or(from, |before| before.from.min(from));
            self.missed = Some(Missed { from, found: now });
            self.finding = true;
        }
    }

    /// Somebody wants the job to end.
    fn mark_cancel(&mut self, now: Now, by_us: bool) {
        if self.ledger.open.is_none() && !matches!(self.doing, Doing::Arming(_)) {
            return;
        }
        let recent = self.live.cancel.is_some_and(|at| now.mono.saturating_sub(at) < LATE);
        let by_us = by_us || (recent && self.ledger.going.cancel.is_some_and(|mark| mark.by_us));
        self.ledger.going.cancel = Some(CancelMark { at: now.wall, by_us });
        self.live.cancel = Some(now.mono);
        self.effects.save = true;
    }

    /// Brings the ledger up to date, seldom: it is written to a card that is not a database.
    fn keep_up(&mut self, now: Now, seen: &Seen) {
        let progress = self.ledger.progress();
        let behind = self.ledger.open.is_some()
            && seen.is_synced()
            && self.saved.is_some_and(|(at, percent)| {
                now.mono >= at + BEHIND || progress >= percent.saturating_add(BEHIND_PERCENT)
            });
        if self.effects.save || behind {
            self.count(now.wall);
            if self.synced && !self.is_behind() {
                self.ledger.seen_at = Some(now.wall);
            }
            self.saved = Some((now.mono, progress));
            self.effects.save = true;
        } else if self.saved.is_none() {
            self.saved = Some((now.mono, progress));
        }
    }

    fn find_deadline(&self, now: Now, seen: &Seen) -> Option<Duration> {
        let saved = self.saved.filter(|_| self.ledger.open.is_some() && seen.is_synced());
        [
            self.doing_deadline(now, seen),
            self.live.absent_at,
            self.live.gone.iter().map(|(_, at)| at.mono + GONE).min(),
            saved.map(|(at, _)| at + BEHIND),
            self.unsure_since.map(|at| at + UNHEARD),
        ]
        .into_iter()
        .flatten()
        // What should have come and did not will not come by asking again at once.
        .filter(|at| *at > now.mono)
        .min()
    }
}

/// A time in which nobody looked.
#[derive(Debug, Clone, Copy)]
struct Missed {
    from: Timestamp,
    /// The first look after it.
    found: Now,
}

/// Time from one moment to a later one; none when the clock went back.
fn since(now: Timestamp, then: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(then)).unwrap_or_default()
}
