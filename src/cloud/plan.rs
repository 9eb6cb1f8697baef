//! What is asked of the cloud, and when: when something changed, never by the clock alone, and far below the
//! limits of protocol 1.8.
//!
//! Pure: time comes in, wants go out, one at a time. It knows neither answers nor how they are got.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use printer::cloud::{Names, ProjectKey, is_private};
use printer::{Ams, ExternalSpool, JobIds, JobKind, Serial, Shared, Snapshot, Text};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// The task of a job appears seconds after its start: pauses before each look for it.
const HUNT: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(45),
    Duration::from_secs(135),
];
/// Of a job that has no number in the cloud there is hardly ever a task: this many looks are enough.
const SHORT_HUNT: usize = 2;
/// The cloud hears of the end after us.
const AFTER_END: Duration = Duration::from_secs(10);
/// Between two looks at the tasks on demand (protocol 1.8).
const TASKS_EACH: Duration = Duration::from_secs(5 * 60);
/// Looks that decide what is told of a job need not keep to that: so many at most within this time. A job whose
/// end was not seen asks at 0, 10, 30 and 120 s, and once more after ten minutes.
const PRESSING: u8 = 4;
const PRESSING_WITHIN: Duration = Duration::from_secs(10 * 60);
/// Between two looks at the firmware of a printer: at least, and without a reason.
const RELEASES_LEAST: Duration = Duration::from_secs(12 * 3600);
const RELEASES_EACH: Duration = Duration::from_secs(24 * 3600);
/// Between two looks at the names of filaments.
const FILAMENTS_LEAST: Duration = HOUR;
/// Between two looks at the inbox.
const MESSAGES_LEAST: Duration = Duration::from_secs(10 * 60);
/// Between two questions of what the printers do, when they cannot be heard.
const PRESENCE_LEAST: Duration = Duration::from_secs(30 * 60);
/// Pauses before each attempt to get a picture.
const PICTURE: [Duration; 3] = [Duration::ZERO, Duration::from_secs(10), Duration::from_secs(60)];
/// A printer tells the numbers of a job one after the other: this long they must have been the same.
const SETTLED: Duration = Duration::from_secs(5);
/// Attempts to get a job's file, as far as the cloud or the network is to blame for the failure.
const PROJECT: usize = 3;
/// Between two pages of tasks from before the first one, of all printers together: twenty printers with long
/// histories must not use up the requests of the hour, in which prints begin.
const PAGES_EACH: Duration = Duration::from_secs(20);
/// How long after a failure a page of older tasks is asked for again.
const OLDER_AGAIN: Duration = Duration::from_secs(3600);
/// After failures of any kind: the first pause, doubled up to the longest (protocol 1.8).
const AGAIN: Duration = Duration::from_secs(30);
const SLOWEST: Duration = Duration::from_secs(15 * 60);
/// The same when the cloud asked for fewer requests and did not say for how long.
const TOO_MANY: [Duration; 5] =
    [MINUTE, Duration::from_secs(2 * 60), Duration::from_secs(5 * 60), SLOWEST, HOUR];

/// One thing to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Want {
    /// The tasks of a printer.
    Tasks(Serial),
    /// The firmware that is offered for it.
    Releases(Serial),
    /// The picture of its job.
    Picture(Serial),
    /// The file of its job.
    Project(Serial, ProjectKey),
    /// The picture of the objects in it.
    Pick(Serial),
    /// The next page of its older tasks.
    Older(Serial),
    /// The names of the account's filaments.
    Filaments,
    /// Its inbox.
    Messages,
    /// What its printers are said to do.
    Presence,
}

impl Want {
    /// Whether it lies elsewhere, so that what becomes of it says nothing of the cloud.
    pub fn is_picture(&self) -> bool {
        matches!(self, Self::Picture(_) | Self::Pick(_))
    }

    /// Its name for counts and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Tasks(_) => "tasks",
            Self::Releases(_) => "firmware",
            Self::Picture(_) => "picture",
            Self::Project(..) => "objects",
            Self::Pick(_) => "picture of the objects",
            Self::Older(_) => "older tasks",
            Self::Filaments => "filament names",
            Self::Messages => "messages",
            Self::Presence => "printer states",
        }
    }
}

/// What became of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskOutcome {
    /// It was answered.
    Answered,
    /// It was not, and nothing is asked for a while.
    Failed {
        /// The least time until the next attempt that is worth it, by the error.
        least: Duration,
        /// The cloud asked for fewer requests, and for how long if it said so.
        too_many: Option<Option<Duration>>,
    },
    /// It was not made, for the limits that all share do not allow it yet.
    Held(Duration),
    /// It was refused for good reasons of its own, as a picture that is gone; the rest goes on.
    Useless,
}

/// What is due of one printer; times are those of the steady clock.
#[derive(Debug, Clone, Default)]
struct PrinterPlan {
    tasks: Option<Duration>,
    /// Looks for the task of the job that were made, and how many there may be; `None` when none is missed.
    hunt: Option<(usize, usize)>,
    demanded: Option<Duration>,
    /// Since when pressing looks are counted, and how many there were.
    pressed: Option<(Duration, u8)>,
    releases: Option<Duration>,
    releases_asked: Option<Duration>,
    picture: Option<(Duration, usize)>,
    /// When the job's file is asked for, and attempts that were made.
    project: Option<(Duration, usize, ProjectKey)>,
    pick: Option<(Duration, usize)>,
    older: Option<Duration>,
}

impl PrinterPlan {
    /// What is due of a picture.
    fn picture(&mut self, want: &Want) -> &mut Option<(Duration, usize)> {
        if matches!(want, Want::Pick(_)) { &mut self.pick } else { &mut self.picture }
    }
}

/// Something of an account that is asked for now and then.
#[derive(Debug, Clone, Default)]
struct Turn {
    due: Option<Duration>,
    asked: Option<Duration>,
}

impl Turn {
    /// Asks for it, but not before so much time has passed since it was asked last.
    fn want(&mut self, at: Duration, least: Duration) {
        let at = self.asked.map_or(at, |asked| at.max(asked + least));
        sooner(&mut self.due, at);
    }

    fn take(&mut self, now: Duration) -> bool {
        let due = self.due.take_if(|due| *due <= now).is_some();
        if due {
            self.asked = Some(now);
        }
        due
    }
}

fn sooner(due: &mut Option<Duration>, at: Duration) {
    *due = Some(due.map_or(at, |due| due.min(at)));
}

/// What is to be asked of one account's cloud.
#[derive(Debug, Default)]
pub struct Plan {
    printers: BTreeMap<Serial, PrinterPlan>,
    filaments: Turn,
    messages: Turn,
    presence: Turn,
    busy: bool,
    /// No page of older tasks is asked for before this.
    pages_from: Duration,
    /// Nothing is asked before this.
    quiet: Duration,
    failures: u32,
}

impl Plan {
    /// An account that is used from now on; `age` is how old the known names of its filaments are.
    pub fn new(now: Duration, age: Option<Duration>) -> Self {
        let mut plan = Self::default();
        let wait = age.map_or(Duration::ZERO, |age| FILAMENTS_LEAST.saturating_sub(age));
        plan.filaments.due = Some(now + wait);
        plan
    }

    /// A printer that is used from now on; `age` is how old what is known of its firmware is.
    pub fn add(&mut self, now: Duration, serial: &Serial, age: Option<Duration>) {
        let due = self.printers.entry(serial.clone()).or_default();
        if due.releases.is_none() && due.releases_asked.is_none() {
            let wait = age.map_or(Duration::ZERO, |age| RELEASES_EACH.saturating_sub(age));
            due.releases = Some(now + wait);
            due.releases_asked = age.map(|age| now.saturating_sub(age));
        }
    }

    /// A printer that is not used any more.
    pub fn remove(&mut self, serial: &Serial) {
        self.printers.remove(serial);
    }

    /// A job began: its task is looked for; only briefly where the cloud may not know the job at all.
    pub fn job_started(&mut self, now: Duration, serial: &Serial, known: bool) {
        let Some(due) = self.printers.get_mut(serial) else { return };
        due.hunt = Some((0, if known { HUNT.len() } else { SHORT_HUNT }));
        due.tasks = HUNT.first().map(|pause| now + *pause);
        due.picture = None;
    }

    /// A job ended: how, the cloud knows, and it may have written to us.
    pub fn job_ended(&mut self, now: Duration, serial: &Serial) {
        let Some(due) = self.printers.get_mut(serial) else { return };
        due.hunt = None;
        due.tasks = Some(now + AFTER_END);
        self.messages.want(now + AFTER_END, MESSAGES_LEAST);
    }

    /// Somebody wants the tasks. The next answer is for them, too.
    pub fn want_tasks(&mut self, now: Duration, serial: &Serial) {
        let Some(due) = self.printers.get_mut(serial) else { return };
        let at = due.demanded.map_or(now, |last| now.max(last + TASKS_EACH));
        if due.tasks.is_none_or(|planned| planned > at) {
            due.demanded = Some(at);
            due.tasks = Some(at);
        }
    }

    /// The same where what is told of a job waits for the answer: at once, a few times.
    pub fn press_tasks(&mut self, now: Duration, serial: &Serial) {
        let Some(due) = self.printers.get_mut(serial) else { return };
        let running = due.pressed.filter(|(since, _)| now < *since + PRESSING_WITHIN);
        let (since, count) = running.unwrap_or((now, 0));
        if count >= PRESSING {
            return self.want_tasks(now, serial);
        }
        due.pressed = Some((since, count + 1));
        due.demanded = Some(now);
        sooner(&mut due.tasks, now);
    }

    /// The task of the job is there, and with all that is missed.
    pub fn found(&mut self, serial: &Serial) {
        if let Some(due) = self.printers.get_mut(serial)
            && due.hunt.take().is_some()
        {
            due.tasks = None;
        }
    }

    /// Whether the task of the job may still turn up.
    pub fn hunts(&self, serial: &Serial) -> bool {
        self.printers.get(serial).is_some_and(|due| due.hunt.is_some())
    }

    /// The picture of the job is wanted.
    pub fn want_picture(&mut self, now: Duration, serial: &Serial) {
        if let Some(due) = self.printers.get_mut(serial) {
            due.picture = Some((now, 0));
        }
    }

    /// A job is under way whose file was not asked for: it is, once its numbers have settled.
    pub fn want_project(&mut self, now: Duration, serial: &Serial, key: ProjectKey) {
        if let Some(due) = self.printers.get_mut(serial) {
            due.project = Some((now + SETTLED, 0, key));
        }
    }

    /// The file that was wanted is not that of the job any more.
    pub fn forget_project(&mut self, serial: &Serial) {
        if let Some(due) = self.printers.get_mut(serial) {
            (due.project, due.pick) = (None, None);
        }
    }

    /// The picture of the job's objects is wanted.
    pub fn want_pick(&mut self, now: Duration, serial: &Serial) {
        if let Some(due) = self.printers.get_mut(serial) {
            due.pick = Some((now, 0));
        }
    }

    /// There are older tasks than those that are known.
    pub fn want_older(&mut self, now: Duration, serial: &Serial) {
        if let Some(due) = self.printers.get_mut(serial) {
            due.older = Some(now + PAGES_EACH);
        }
    }

    /// The printer's own word on its firmware is another one.
    pub fn upgrade_changed(&mut self, now: Duration, serial: &Serial) {
        let Some(due) = self.printers.get_mut(serial) else { return };
        let at = due.releases_asked.map_or(now, |asked| now.max(asked + RELEASES_LEAST));
        sooner(&mut due.releases, at);
    }

    /// A spool has a filament of the account's own whose name is not known.
    pub fn unknown_filament(&mut self, now: Duration) {
        self.filaments.want(now, FILAMENTS_LEAST);
    }

    /// The list of printers was read, as it is now and then.
    pub fn listed(&mut self, now: Duration) {
        self.messages.want(now, MESSAGES_LEAST);
    }

    /// What the inbox has could not be told: it is read again.
    pub fn untold(&mut self, now: Duration) {
        self.messages.want(now, MESSAGES_LEAST);
    }

    /// Printers cannot be heard.
    pub fn unheard(&mut self, now: Duration) {
        self.presence.want(now, PRESENCE_LEAST);
    }

    /// There is another login: what failed may work now.
    pub fn resume(&mut self, now: Duration) {
        // What waits for the end of the pause waits no longer.
        let pause = std::mem::replace(&mut self.quiet, now);
        self.failures = 0;
        let of_printers =
            self.printers.values_mut().flat_map(|due| [&mut due.tasks, &mut due.releases, &mut due.older]);
        let of_account = [&mut self.filaments.due, &mut self.messages.due];
        for due in of_printers.chain(of_account).filter(|due| **due == Some(pause)) {
            *due = Some(now);
        }
        for (at, ..) in self.printers.values_mut().filter_map(|due| due.project.as_mut()) {
            *at = if *at == pause { now } else { *at };
        }
    }

    /// What to ask now. [`Plan::done`] must follow before there is anything more.
    pub fn next(&mut self, now: Duration) -> Option<Want> {
        if self.busy || now < self.quiet {
            return None;
        }
        // One kind that fails for days must not keep the others from being asked.
        let want = if self.failures % 2 == 1 {
            self.choose_rare(now).or_else(|| self.choose_pressing(now))
        } else {
            self.choose_pressing(now).or_else(|| self.choose_rare(now))
        };
        self.busy = want.is_some();
        want
    }

    fn choose_pressing(&mut self, now: Duration) -> Option<Want> {
        for (serial, due) in &mut self.printers {
            if due.picture.is_some_and(|(at, _)| at <= now) {
                return Some(Want::Picture(serial.clone()));
            }
        }
        for (serial, due) in &self.printers {
            if due.pick.is_some_and(|(at, _)| at <= now) {
                return Some(Want::Pick(serial.clone()));
            }
        }
        for (serial, due) in &mut self.printers {
            if due.tasks.take_if(|at| *at <= now).is_some() {
                due.hunt = due.hunt.and_then(|(made, most)| {
                    let made = made + 1;
                    let next = HUNT.get(made).filter(|_| made < most);
                    due.tasks = next.map(|pause| now + *pause);
                    // The last look is still one: the answer ends the hunt.
                    Some((made, most)).filter(|_| next.is_some())
                });
                return Some(Want::Tasks(serial.clone()));
            }
        }
        for (serial, due) in &self.printers {
            if let Some((_, _, key)) = due.project.as_ref().filter(|(at, ..)| *at <= now) {
                return Some(Want::Project(serial.clone(), key.clone()));
            }
        }
        self.presence.take(now).then_some(Want::Presence)
    }

    fn choose_rare(&mut self, now: Duration) -> Option<Want> {
        for (serial, due) in &mut self.printers {
            if due.releases.is_some_and(|at| at <= now) {
                due.releases = Some(now + RELEASES_EACH);
                due.releases_asked = Some(now);
                return Some(Want::Releases(serial.clone()));
            }
        }
        if self.filaments.take(now) {
            return Some(Want::Filaments);
        }
        if self.messages.take(now) {
            return Some(Want::Messages);
        }
        self.choose_older(now)
    }

    /// The page that waits longest.
    fn choose_older(&mut self, now: Duration) -> Option<Want> {
        let waits = self.printers.iter_mut().filter_map(|(serial, due)| Some((due.older?, serial, due)));
        let (at, serial, due) = waits.min_by_key(|(at, ..)| *at)?;
        if now < at.max(self.pages_from) {
            return None;
        }
        due.older = None;
        self.pages_from = now + PAGES_EACH;
        Some(Want::Older(serial.clone()))
    }

    /// What became of it; `jitter` is from 0.8 to 1.2, so that many gateways do not ask together.
    pub fn done(&mut self, now: Duration, want: &Want, outcome: AskOutcome, jitter: f64) {
        self.busy = false;
        match outcome {
            AskOutcome::Answered => {
                self.failures = 0;
                self.settle(want);
            }
            AskOutcome::Held(pause) if !want.is_picture() => {
                self.quiet = now + pause.max(Duration::from_secs(1));
                self.put_back(want);
            }
            _ if want.is_picture() => {
                // It lies elsewhere, so it says nothing of the rest.
                if let Want::Picture(serial) | Want::Pick(serial) = want
                    && let Some(due) = self.printers.get_mut(serial)
                {
                    let due = due.picture(want);
                    *due = due.and_then(|(_, made)| {
                        let pause = PICTURE.get(made + 1)?;
                        Some((now + *pause, made + 1))
                    });
                }
            }
            AskOutcome::Useless | AskOutcome::Held(_) => {
                self.failures = 0;
                self.settle(want);
            }
            AskOutcome::Failed { least, too_many } => {
                let pause = match too_many {
                    Some(Some(told)) => told.max(AGAIN),
                    Some(None) => {
                        let step = usize::try_from(self.failures).unwrap_or(usize::MAX);
                        TOO_MANY.get(step).or(TOO_MANY.last()).copied().unwrap_or(HOUR).mul_f64(jitter)
                    }
                    None => {
                        let doubled = AGAIN * 2_u32.saturating_pow(self.failures.min(5));
                        doubled.min(SLOWEST).max(least).mul_f64(jitter).max(least)
                    }
                };
                self.failures = self.failures.saturating_add(1);
                self.quiet = now + pause;
                self.put_back(want);
                if let Some(project) = self.project(want) {
                    *project = project
                        .take()
                        .map(|(at, made, key)| (at, made + 1, key))
                        .filter(|(_, made, _)| *made < PROJECT);
                }
            }
        }
    }

    /// What stays due until there is an answer has one.
    fn settle(&mut self, want: &Want) {
        if let Some(project) = self.project(want) {
            *project = None;
        }
        if let Want::Picture(serial) | Want::Pick(serial) = want
            && let Some(due) = self.printers.get_mut(serial)
        {
            *due.picture(want) = None;
        }
    }

    /// What is due of a job's file, if that is still the one that was asked for.
    fn project(&mut self, want: &Want) -> Option<&mut Option<(Duration, usize, ProjectKey)>> {
        let Want::Project(serial, key) = want else { return None };
        let project = &mut self.printers.get_mut(serial)?.project;
        project.as_ref().is_some_and(|(_, _, due)| due == key).then_some(project)
    }

    /// What was not answered is asked again after the pause.
    fn put_back(&mut self, want: &Want) {
        let at = self.quiet;
        match want {
            Want::Tasks(serial) => {
                if let Some(due) = self.printers.get_mut(serial) {
                    sooner(&mut due.tasks, at);
                    due.tasks = due.tasks.map(|planned| planned.max(at));
                }
            }
            Want::Releases(serial) => {
                if let Some(due) = self.printers.get_mut(serial) {
                    due.releases = Some(at);
                }
            }
            Want::Filaments => self.filaments.due = Some(at),
            Want::Messages => self.messages.due = Some(at),
            Want::Project(..) => {
                if let Some(Some((planned, ..))) = self.project(want) {
                    *planned = at.max(*planned);
                }
            }
            // Nobody waits for them, and what goes wrong with a page may do so for long.
            Want::Older(serial) => {
                if let Some(due) = self.printers.get_mut(serial) {
                    due.older = Some(at + OLDER_AGAIN);
                }
            }
            // By then the printers may be heard again; else it is wanted again.
            Want::Presence | Want::Picture(_) | Want::Pick(_) => {}
        }
    }

    /// Whether the last question failed.
    pub fn is_down(&self) -> bool {
        self.failures > 0
    }

    /// When [`Plan::next`] will have something.
    pub fn deadline(&self) -> Option<Duration> {
        if self.busy {
            return None;
        }
        let at = |due: Option<(Duration, usize)>| due.map(|(at, _)| at);
        let of = |due: &PrinterPlan| {
            let project = due.project.as_ref().map(|(at, ..)| *at);
            let older = due.older.map(|at| at.max(self.pages_from));
            [due.tasks, due.releases, older, project, at(due.picture), at(due.pick)]
        };
        let printers = self.printers.values().flat_map(of);
        let account = [self.filaments.due, self.messages.due, self.presence.due];
        printers.chain(account).flatten().min().map(|at| at.max(self.quiet))
    }
}

/// What the watch over a printer saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::struct_excessive_bools, reason = "independent sightings")]
pub struct Sight {
    /// A job began, or another one is under way than before.
    pub started: bool,
    /// This is the first sight of the printer's job, whether it is under way or not.
    pub first: bool,
    /// The job ended.
    pub ended: bool,
    /// What the printer says of its firmware is another thing.
    pub upgrade: bool,
    /// A spool has a filament of the account's own that has no name.
    pub unnamed: bool,
    /// What is said of the job's origin, of its plate or its numbers is another thing.
    pub source: bool,
}

/// Looks at each moment of a printer for what makes a question worth it. Most moments cost it a few
/// comparisons of addresses.
#[derive(Debug, Default)]
pub struct Watch {
    active: Option<bool>,
    ids: Arc<JobIds>,
    name: Option<Text>,
    /// What the job is said to come from: its numbers, its kind, its plate, its file.
    source: (Arc<JobIds>, Option<JobKind>, Option<u16>, Option<Text>),
    firmware: [Option<Text>; 2],
    ams: Shared<[Ams]>,
    external: Shared<[ExternalSpool]>,
}

impl Watch {
    /// Looks.
    pub fn look(&mut self, snapshot: &Snapshot) -> Sight {
        let mut sight = Sight::default();
        if snapshot.capabilities.is_none() {
            return sight;
        }
        self.look_at_job(snapshot, &mut sight);
        let job = &snapshot.job;
        let (ids, kind, plate, file) = &self.source;
        // The same address is the same numbers, and the usual case.
        let same = Arc::ptr_eq(ids, &job.ids) || **ids == *job.ids;
        if !same || (kind, plate, file) != (&job.kind, &job.plate, &job.file) {
            sight.source = true;
            self.source = (Arc::clone(&job.ids), job.kind, job.plate, job.file.clone());
        }
        let firmware = [&snapshot.identity.firmware, &snapshot.update.latest];
        if self.firmware.each_ref() != firmware {
            // The first sight is the start, which asks anyway.
            sight.upgrade = self.firmware.iter().any(Option::is_some);
            self.firmware = firmware.map(Clone::clone);
        }
        if self.ams != snapshot.ams || self.external != snapshot.external {
            (self.ams, self.external) = (snapshot.ams.clone(), snapshot.external.clone());
            sight.unnamed = unnamed(snapshot, &snapshot.known.facts.names);
        }
        sight
    }

    fn look_at_job(&mut self, snapshot: &Snapshot, sight: &mut Sight) {
        let Some(status) = snapshot.status else { return };
        // A calibration is nobody's task.
        let active = status.is_active() && snapshot.job.kind != Some(JobKind::System);
        let (ids, name) = (&snapshot.job.ids, &snapshot.job.name);
        let before = self.active.replace(active);
        sight.first = before.is_none();
        if active {
            let other = !Arc::ptr_eq(&self.ids, ids) && differs(&self.ids, ids)
                || matches!((&self.name, name), (Some(old), Some(new)) if old != new);
            match before {
                Some(true) => sight.started = other,
                Some(false) => sight.started = true,
                None => {}
            }
            self.ids = Arc::clone(ids);
            if self.name != *name && name.is_some() {
                self.name.clone_from(name);
            }
        } else if before == Some(true) {
            sight.ended = true;
        }
    }
}

/// Whether these are numbers of another job: one that was not told yet is none.
fn differs(old: &JobIds, new: &JobIds) -> bool {
    let pairs = [(&old.task, &new.task), (&old.subtask, &new.subtask), (&old.job, &new.job)];
    pairs.into_iter().any(|pair| matches!(pair, (Some(old), Some(new)) if old != new))
}

/// Whether a spool shows a filament of the account's own that has no name.
fn unnamed(snapshot: &Snapshot, names: &Names) -> bool {
    let units = snapshot.ams.iter().flat_map(|unit| &unit.slots);
    let external = snapshot.external.iter().map(|spool| &spool.slot);
    let mut ids = units.chain(external).filter_map(|slot| slot.filament()?.id.as_ref());
    ids.any(|id| is_private(id) && !names.contains_key(id))
}

#[cfg(test)]
mod tests;
