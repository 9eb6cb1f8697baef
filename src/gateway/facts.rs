//! What the cloud knows beside what printers say: asks for it when [`plan`](crate::cloud::plan) wants it,
//! keeps it, and hands it to the printers' sessions.
//!
//! REST calls run as tasks of their own and report to the gateway's inbox; nothing here waits, and nothing
//! else depends on an answer.

mod shelf;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::json;
use tokio::sync::mpsc;
use tracing::{debug, info, warn};

use crate::cloud::plan::{Outcome, Plan, Sight, Want, Watch};
use crate::cloud::{self, BoundPrinter, Client, Releases};
use crate::config::StateDir;
use crate::mqtt::Message;
use crate::printer::cloud::{self as domain, Hearsay, Names, Picture, Task, TaskStatus};
use crate::printer::{Job, Now, Reach, Serial, Snapshot, Text};

use super::{AccountId, Event, Gateway};
use shelf::{Kept, KeptAccount, KeptPrinter, Mark, Shelf};

/// The picture of the job before stays while that of a new one may come.
const COVER_GRACE: Duration = Duration::from_secs(10);
/// So long printers cannot be heard before the cloud is asked what it thinks of them.
const UNHEARD: Duration = Duration::from_secs(60);
/// Tasks that are kept on disk for each printer.
const KEPT_TASKS: usize = 20;

/// A question that was answered, or was not.
pub(super) struct Answer {
    want: Want,
    result: Result<Found, cloud::Error>,
}

enum Found {
    Tasks(Vec<Task>),
    Releases(Releases),
    /// With the number of the task that it belongs to.
    Picture(Text, Picture),
    Filaments(Names),
    Messages(Vec<domain::Message>),
    Hearsay(Vec<Hearsay>),
}

/// The tasks of a printer, for those who asked with [`Facts::want_tasks`].
pub(super) struct Tasks {
    pub(super) serial: Serial,
    /// Newest first; or why they are not known, for people.
    pub(super) answer: Result<Arc<[Arc<Task>]>, String>,
}

/// What is known of one account.
struct Desk {
    /// Its place in the configuration.
    place: usize,
    plan: Plan,
    kept: KeptAccount,
    /// It was said that the cloud does not answer.
    down: bool,
    /// Since when its printers cannot be heard.
    unheard: Option<Duration>,
}

/// The picture on the local broker.
#[derive(Clone, PartialEq, Default)]
pub(super) enum Cover {
    /// There is none.
    #[default]
    None,
    /// There is one that must go.
    Gone,
    /// This one, of the task with this number.
    Of(Text, Arc<Picture>),
}

/// What is known of one printer.
#[derive(Default)]
struct Known {
    account: AccountId,
    watch: Watch,
    reach: Reach,
    online: Option<bool>,
    releases: Releases,
    releases_at: Option<Timestamp>,
    tasks: Option<Arc<[Arc<Task>]>>,
    /// The job that the rest is about.
    job: Mark,
    /// Its task.
    task: Option<Text>,
    cover: Cover,
    /// When a picture that is not the job's must go.
    cover_until: Option<Duration>,
    hearsay: Option<Arc<Hearsay>>,
    /// Somebody waits for its tasks.
    waited_for: bool,
    told: Arc<domain::Facts>,
}

impl Known {
    fn task(&self) -> Option<&Arc<Task>> {
        let id = self.task.as_ref()?;
        self.tasks.iter().flat_map(|tasks| tasks.iter()).find(|task| task.id == *id)
    }

    /// Whether the picture is that of the job.
    fn cover_fits(&self) -> bool {
        match &self.cover {
            Cover::Of(task, _) => self.task.as_ref() == Some(task),
            Cover::None | Cover::Gone => true,
        }
    }

    fn kept(&self) -> KeptPrinter {
        KeptPrinter {
            release: self.releases.printer.clone(),
            ams_releases: self.releases.ams.clone(),
            releases_at: self.releases_at,
            tasks: self.tasks.as_ref().map(|tasks| tasks.iter().take(KEPT_TASKS).cloned().collect()),
            job: self.job.clone(),
            task: self.task.clone(),
            cover_of: match &self.cover {
                Cover::Of(task, _) => Some(task.clone()),
                Cover::None | Cover::Gone => None,
            },
        }
    }

    fn facts(&self, names: &Arc<Names>) -> domain::Facts {
        domain::Facts {
            online: self.online,
            release: self.releases.printer.clone(),
            ams_releases: self.releases.ams.clone(),
            task: self.task().cloned(),
            recent: self.tasks.clone(),
            cover: match &self.cover {
                Cover::Of(_, picture) => Some(Arc::clone(picture)),
                Cover::None | Cover::Gone => None,
            },
            hearsay: self.hearsay.clone().filter(|_| self.reach != Reach::Online),
            names: Arc::clone(names),
        }
    }
}

/// All that the cloud told.
pub(super) struct Facts {
    shelf: Shelf,
    /// What an earlier run has left of printers and accounts that were not seen yet.
    earlier: Kept,
    desks: BTreeMap<AccountId, Desk>,
    printers: BTreeMap<Serial, Known>,
    /// Printers whose session is to hear of something.
    changed: BTreeSet<Serial>,
    /// When [`Gateway::look_at_facts`] has something to do.
    next: Duration,
}

impl Facts {
    pub(super) fn open(state: &Arc<StateDir>) -> Self {
        let (shelf, earlier) = Shelf::open(state);
        Self {
            shelf,
            earlier,
            desks: BTreeMap::new(),
            printers: BTreeMap::new(),
            changed: BTreeSet::new(),
            next: Duration::ZERO,
        }
    }

    /// Asks for a printer's tasks: [`Event::Tasks`] brings them or says why not, at the latest when five
    /// minutes have passed since the last time.
    #[allow(dead_code, reason = "the ledger of jobs asks")]
    pub(super) fn want_tasks(&mut self, now: Now, serial: &Serial) {
        let Some(known) = self.printers.get_mut(serial) else { return };
        known.waited_for = true;
        if let Some(desk) = self.desks.get_mut(&known.account) {
            desk.plan.want_tasks(now.mono, serial);
        }
        self.next = now.mono;
    }

    /// A printer that is used from now on, or is used through another account.
    pub(super) fn add(&mut self, now: Now, serial: &Serial, id: AccountId, place: usize) {
        let earlier = self.earlier.accounts.get(&place);
        let desk = self.desks.entry(id).or_insert_with(|| {
            let kept = earlier.cloned().unwrap_or_default();
            let plan = Plan::new(now.mono, age(now, kept.names_at));
            Desk { place, plan, kept, down: false, unheard: Some(now.mono) }
        });
        let known = self.printers.entry(serial.clone()).or_insert_with(|| {
            let kept = self.earlier.printers.remove(serial.as_str()).unwrap_or_default();
            let picture = self.shelf.picture(serial).filter(|_| kept.cover_of.is_some());
            let cover = match (kept.cover_of, picture) {
                (Some(task), Some(picture)) => Cover::Of(task, picture),
                (Some(_), None) => Cover::Gone,
                (None, _) => Cover::None,
            };
            Known {
                account: id,
                releases: Releases { printer: kept.release, ams: kept.ams_releases },
                releases_at: kept.releases_at,
                tasks: kept.tasks.map(Into::into),
                job: kept.job,
                task: kept.task,
                cover,
                ..Known::default()
            }
        });
        desk.plan.add(now.mono, serial, age(now, known.releases_at));
        let before = std::mem::replace(&mut known.account, id);
        if before != id
            && let Some(desk) = self.desks.get_mut(&before)
        {
            desk.plan.remove(serial);
        }
        self.changed.insert(serial.clone());
        self.next = now.mono;
    }

    /// A printer that is not used any more: nothing of it is kept.
    pub(super) fn remove(&mut self, now: Now, serial: &Serial) {
        if let Some(known) = self.printers.remove(serial) {
            if let Some(desk) = self.desks.get_mut(&known.account) {
                desk.plan.remove(serial);
            }
            self.shelf.keep_picture(serial, None);
            self.shelf.touch(now);
        }
    }

    /// Accounts that were given up are asked nothing more.
    pub(super) fn keep_accounts(&mut self, now: Now, used: impl Fn(AccountId) -> bool) {
        self.desks.retain(|id, _| used(*id));
        self.next = now.mono;
    }

    /// The list of an account's printers was read: it has an opinion of each, and the cloud answers.
    pub(super) fn on_list(&mut self, now: Now, id: AccountId, printers: &[BoundPrinter]) {
        for bound in printers {
            let serial = Serial::new(&bound.serial);
            if let Some(known) = self.printers.get_mut(&serial).filter(|known| known.account == id)
                && std::mem::replace(&mut known.online, bound.online) != bound.online
            {
                self.changed.insert(serial);
            }
        }
        if let Some(desk) = self.desks.get_mut(&id) {
            desk.plan.listed(now.mono);
        }
        self.next = now.mono;
    }

    /// There is another login.
    pub(super) fn resume(&mut self, now: Now, id: AccountId) {
        if let Some(desk) = self.desks.get_mut(&id) {
            desk.plan.resume(now.mono);
        }
        self.next = now.mono;
    }

    /// The connection to the cloud's broker came or went.
    pub(super) fn on_link(&mut self, now: Now, id: AccountId, up: bool) {
        if let Some(desk) = self.desks.get_mut(&id) {
            desk.unheard = if up { None } else { desk.unheard.or(Some(now.mono)) };
            self.next = now.mono;
        }
    }

    /// Looks at a printer that is not as it was.
    pub(super) fn observe(&mut self, now: Now, serial: &Serial, snapshot: &Snapshot) {
        let Some(known) = self.printers.get_mut(serial) else { return };
        let Some(desk) = self.desks.get_mut(&known.account) else { return };
        let plan = &mut desk.plan;
        let sight = known.watch.look(snapshot);
        let reach = std::mem::replace(&mut known.reach, snapshot.reach);
        if reach == snapshot.reach && sight == Sight::default() {
            return;
        }
        self.next = now.mono;
        if reach != snapshot.reach {
            if snapshot.reach == Reach::Offline && desk.unheard.is_none() {
                plan.unheard(now.mono);
            }
            if known.hearsay.is_some() {
                self.changed.insert(serial.clone());
            }
        }
        let mark = Mark::of(&snapshot.job);
        // After a start: the job that an earlier run knew, or another one.
        if sight.first && mark == known.job && known.tasks.is_some() {
            let pictured = matches!(known.cover, Cover::Of(..)) && known.cover_fits();
            if known.task().is_none() && snapshot.is_active() {
                plan.job_started(now.mono, serial, has_number(&snapshot.job));
            } else if known.task().is_some() && !pictured {
                // The address of its picture was not kept.
                plan.want_tasks(now.mono, serial);
            }
        } else if sight.first && !snapshot.is_active() {
            known.begin(now, mark);
            plan.want_tasks(now.mono, serial);
            self.changed.insert(serial.clone());
            self.shelf.touch(now);
        } else if sight.first || sight.started {
            known.begin(now, mark);
            plan.job_started(now.mono, serial, has_number(&snapshot.job));
            self.changed.insert(serial.clone());
            self.shelf.touch(now);
        }
        if sight.ended {
            plan.job_ended(now.mono, serial);
        }
        if sight.upgrade {
            plan.upgrade_changed(now.mono, serial);
        }
        if sight.unnamed {
            plan.unknown_filament(now.mono);
        }
    }

    /// All of it, for the disk; also what belongs to printers that were not seen yet.
    fn kept(&self) -> Kept {
        let mut kept = self.earlier.clone();
        kept.printers
            .extend(self.printers.iter().map(|(serial, known)| (serial.as_str().into(), known.kept())));
        kept.accounts.extend(self.desks.values().map(|desk| (desk.place, desk.kept.clone())));
        kept
    }

    /// Writes what was not written yet.
    pub(super) fn close(&self) {
        self.shelf.close(&self.kept());
    }

    fn names(&self, known: &Known) -> Arc<Names> {
        self.desks.get(&known.account).map(|desk| Arc::clone(&desk.kept.names)).unwrap_or_default()
    }

    /// Takes in the tasks of a printer.
    fn on_tasks(&mut self, now: Now, serial: &Serial, tasks: Vec<Task>, job: &Job) {
        let Some(known) = self.printers.get_mut(serial) else { return };
        let Some(desk) = self.desks.get_mut(&known.account) else { return };
        // The question was about one printer; the answer need not be.
        let own = tasks.into_iter().filter(|task| task.serial == serial.as_str());
        let tasks: Arc<[Arc<Task>]> = own.map(Arc::new).collect();
        let still = |id: &Text| tasks.iter().any(|task| task.id == *id);
        if !known.task.as_ref().is_some_and(still) {
            known.task = Task::of_job(&tasks, serial, job).map(|task| task.id.clone());
        }
        known.tasks = Some(tasks);
        let address = known.task().is_some_and(|task| task.cover.is_some());
        if known.task.is_some() && address {
            desk.plan.found(serial);
        }
        let has = matches!(&known.cover, Cover::Of(task, _) if known.task.as_ref() == Some(task));
        if address && !has {
            desk.plan.want_picture(now.mono, serial);
        } else if !known.cover_fits() {
            // The new job has no picture, as far as is known.
            known.drop_cover();
            self.shelf.keep_picture(serial, None);
        }
        self.changed.insert(serial.clone());
        self.shelf.touch(now);
    }

    /// Takes in the inbox; gives what is new in it, oldest first. The first time nothing is.
    fn on_messages(
        &mut self,
        now: Now,
        id: AccountId,
        messages: Vec<domain::Message>,
    ) -> Vec<domain::Message> {
        let Some(desk) = self.desks.get_mut(&id) else { return Vec::new() };
        let mut numbered: Vec<(u64, domain::Message)> =
            messages.into_iter().filter_map(|message| Some((message.id.parse().ok()?, message))).collect();
        numbered.sort_by_key(|(number, _)| *number);
        let highest = numbered.last().map(|(number, _)| *number);
        let seen = desk.kept.message;
        desk.kept.message = seen.max(highest).or(Some(0));
        if seen != desk.kept.message {
            self.shelf.touch(now);
        }
        let Some(seen) = seen else { return Vec::new() };
        numbered.into_iter().filter(|(number, _)| *number > seen).map(|(_, message)| message).collect()
    }
}

impl Known {
    /// Another job: nothing of the one before is said of it.
    fn begin(&mut self, now: Now, mark: Mark) {
        self.job = mark;
        self.task = None;
        self.cover_until = Some(now.mono + COVER_GRACE);
    }

    fn drop_cover(&mut self) {
        if matches!(self.cover, Cover::Of(..)) {
            self.cover = Cover::Gone;
        }
        self.cover_until = None;
    }
}

fn age(now: Now, at: Option<Timestamp>) -> Option<Duration> {
    // The clock may have been wrong then, or may be now.
    Duration::try_from(now.wall.duration_since(at?)).ok()
}

/// Whether the cloud may know the job by a number.
fn has_number(job: &Job) -> bool {
    let ids = &job.ids;
    [&ids.task, &ids.subtask, &ids.job, &ids.project].into_iter().any(Option::is_some)
}

impl Gateway {
    /// An account's list of printers was read, by a login that works.
    pub(super) fn on_listed(&mut self, now: Now, id: AccountId) {
        if let Some(account) = self.accounts.get(&id) {
            self.facts.on_list(now, id, account.printers());
        }
    }

    /// Asks what is due, and hands on what is new. Cheap when there is nothing to do, which is nearly always.
    pub(super) fn look_at_facts(&mut self, now: Now) {
        if now.mono >= self.facts.next {
            self.ask_cloud(now);
            let facts = &mut self.facts;
            for (serial, known) in &mut facts.printers {
                if known.cover_until.take_if(|until| *until <= now.mono).is_some() && !known.cover_fits() {
                    known.drop_cover();
                    facts.shelf.keep_picture(serial, None);
                    facts.shelf.touch(now);
                    facts.changed.insert(serial.clone());
                }
            }
            for serial in std::mem::take(&mut self.facts.changed) {
                self.hand_on(now, &serial);
            }
            let kept = |facts: &Facts| facts.kept();
            if self.facts.shelf.deadline().is_some_and(|at| at <= now.mono) {
                let kept = kept(&self.facts);
                self.facts.shelf.tick(now, || kept);
            }
            self.facts.next = self.next_fact();
        }
        self.next_turn = self.next_turn.min(self.facts.next.max(now.mono + super::SHORTEST_TURN));
    }

    fn next_fact(&self) -> Duration {
        let facts = &self.facts;
        // One without a login has nobody to ask; a new login brings it back.
        let able = |id: &AccountId| self.accounts.get(id).is_some_and(|account| account.rest().is_some());
        let plans = facts
            .desks
            .iter()
            .filter(|(id, _)| able(id))
            .flat_map(|(_, desk)| [desk.plan.deadline(), desk.unheard.map(|since| since + UNHEARD)]);
        let covers = facts.printers.values().map(|known| known.cover_until);
        plans.chain(covers).chain([facts.shelf.deadline()]).flatten().min().unwrap_or(Duration::MAX)
    }

    fn ask_cloud(&mut self, now: Now) {
        let mut without_login = Vec::new();
        for (id, desk) in &mut self.facts.desks {
            if desk.unheard.take_if(|since| now.mono >= *since + UNHEARD).is_some() {
                desk.plan.unheard(now.mono);
            }
            let Some((client, token)) = self.accounts.get(id).and_then(super::Account::rest) else {
                without_login.push(*id);
                continue;
            };
            let Some(want) = desk.plan.next(now.mono) else { continue };
            let picture = match &want {
                Want::Picture(serial) => {
                    let task = self.facts.printers.get(serial).and_then(Known::task);
                    task.and_then(|task| Some((task.id.clone(), task.cover.clone()?)))
                }
                _ => None,
            };
            debug!(account = desk.place + 1, want = want.name(), "asking the cloud");
            ask(*id, client, token, want, picture, self.inbox.clone());
        }
        // Nobody waits for what cannot be asked.
        let waiting = |known: &Known| known.waited_for && without_login.contains(&known.account);
        let serials: Vec<Serial> = self
            .facts
            .printers
            .iter()
            .filter(|(_, k)| waiting(k))
            .map(|(serial, _)| serial.clone())
            .collect();
        for serial in serials {
            self.tell_tasks(now, &serial, Err("the account needs a login".into()));
        }
    }

    /// Takes in what became of a question.
    pub(super) fn on_answer(&mut self, now: Now, id: AccountId, answer: Answer) {
        let Answer { want, result } = answer;
        let Some(desk) = self.facts.desks.get_mut(&id) else { return };
        let jitter = 0.8 + 0.4 * fastrand::f64();
        desk.plan.done(now.mono, &want, outcome(&result), jitter);
        self.facts.next = now.mono;
        let of_picture = matches!(want, Want::Picture(_));
        match &result {
            Ok(_) if of_picture => {}
            Ok(_) => {
                if std::mem::take(&mut desk.down) {
                    info!(account = desk.place + 1, "the cloud answers again");
                }
            }
            Err(error) if of_picture => debug!(%error, "the picture of a job could not be fetched"),
            Err(error) => {
                if desk.plan.is_down() && !std::mem::replace(&mut desk.down, true) {
                    warn!(
                        account = desk.place + 1, %error,
                        "the cloud does not tell {}; pictures, tasks and firmware notes stay as they are, all else \
                         goes on, and it is asked again from time to time", want.name()
                    );
                } else {
                    debug!(%error, want = want.name(), "the cloud did not answer");
                }
            }
        }
        self.take_in(now, id, want, result);
    }

    fn take_in(&mut self, now: Now, id: AccountId, want: Want, result: Result<Found, cloud::Error>) {
        match (want, result) {
            (Want::Tasks(serial), Ok(Found::Tasks(tasks))) => {
                let Some(printer) = self.printers.get(&serial) else { return };
                self.facts.on_tasks(now, &serial, tasks, &printer.session.snapshot().job);
                let tasks = self.facts.printers.get(&serial).and_then(|known| known.tasks.clone());
                self.tell_tasks(now, &serial, Ok(tasks.unwrap_or_default()));
            }
            (Want::Tasks(serial), Err(error)) => self.tell_tasks(now, &serial, Err(error.to_string())),
            (Want::Releases(serial), Ok(Found::Releases(releases))) => {
                let Some(known) = self.facts.printers.get_mut(&serial) else { return };
                known.releases = releases;
                known.releases_at = Some(now.wall);
                self.facts.changed.insert(serial);
                self.facts.shelf.touch(now);
            }
            (Want::Picture(serial), Ok(Found::Picture(task, picture))) => {
                let Some(known) = self.facts.printers.get_mut(&serial) else { return };
                // In the meantime another job may have begun.
                if known.task.as_ref() == Some(&task) {
                    let picture = Arc::new(picture);
                    known.cover = Cover::Of(task, Arc::clone(&picture));
                    known.cover_until = None;
                    self.facts.shelf.keep_picture(&serial, Some(picture));
                    self.facts.shelf.touch(now);
                    self.facts.changed.insert(serial);
                }
            }
            (Want::Filaments, Ok(Found::Filaments(names))) => {
                let Some(desk) = self.facts.desks.get_mut(&id) else { return };
                desk.kept.names_at = Some(now.wall);
                self.facts.shelf.touch(now);
                if *desk.kept.names != names {
                    desk.kept.names = Arc::new(names);
                    let of_account = self.facts.printers.iter().filter(|(_, known)| known.account == id);
                    self.facts.changed.extend(of_account.map(|(serial, _)| serial.clone()));
                }
            }
            (Want::Messages, Ok(Found::Messages(messages))) => {
                // What cannot be told now is new the next time, too.
                if !self.local_connected {
                    return;
                }
                for message in self.facts.on_messages(now, id, messages) {
                    self.tell_message(&message);
                }
            }
            (Want::Hearsay, Ok(Found::Hearsay(all))) => {
                for said in all {
                    let serial = Serial::new(&said.serial);
                    if let Some(known) = self.facts.printers.get_mut(&serial) {
                        known.online = said.online.or(known.online);
                        known.hearsay = Some(Arc::new(said));
                        self.facts.changed.insert(serial);
                    }
                }
            }
            _ => {}
        }
    }

    /// Answers those who wait for a printer's tasks.
    fn tell_tasks(&mut self, now: Now, serial: &Serial, answer: Result<Arc<[Arc<Task>]>, String>) {
        let waits = self.facts.printers.get_mut(serial).map(|known| std::mem::take(&mut known.waited_for));
        if waits == Some(true) {
            self.on_event(now, Event::Tasks(Tasks { serial: serial.clone(), answer }));
        }
    }

    /// Hands a printer's session what the cloud knows, and the local broker what that changes.
    fn hand_on(&mut self, now: Now, serial: &Serial) {
        let Some(known) = self.facts.printers.get(serial) else { return };
        let facts = known.facts(&self.facts.names(known));
        if facts != *known.told {
            let facts = Arc::new(facts);
            if let Some(known) = self.facts.printers.get_mut(serial) {
                known.told = Arc::clone(&facts);
            }
            let Some(printer) = self.printers.get_mut(serial) else { return };
            let outputs = printer.session.learn(now, &facts);
            self.carry_out(now, serial, outputs);
            let Some(printer) = self.printers.get_mut(serial) else { return };
            if printer.told && self.local_connected {
                printer.mirror.update(now, printer.session.snapshot(), &mut self.out);
            }
            self.publish();
        }
        self.tell_cover(serial);
    }

    /// Puts the picture of a printer's job on the local broker, where it is not that already.
    pub(super) fn tell_cover(&mut self, serial: &Serial) {
        let Some(printer) = self.printers.get_mut(serial).filter(|printer| printer.told) else { return };
        let Some(known) = self.facts.printers.get(serial).filter(|_| self.local_connected) else { return };
        let bytes = match &known.cover {
            cover if printer.cover_told == *cover => return,
            Cover::None => return,
            Cover::Gone => Vec::new(),
            Cover::Of(_, picture) => picture.bytes.clone(),
        };
        printer.cover_told = known.cover.clone();
        self.local.outbox().set(self.topics.image(serial, "cover"), bytes);
    }

    /// Tells of a message in the account's inbox.
    fn tell_message(&self, message: &domain::Message) {
        let status = message.status.map(|status| match status {
            TaskStatus::Created => "created",
            TaskStatus::Finished => "finished",
            TaskStatus::Ended => "ended",
            TaskStatus::Running => "running",
        });
        let printer = message.serial.as_ref().and_then(|serial| self.printers.get(&Serial::new(serial)));
        let body = json!({
            "event_type": "message",
            "message_id": message.id,
            "type": message.kind,
            "at": message.at.map(|at| at.to_string()),
            "serial": message.serial,
            "printer": printer.map(|printer| printer.session.snapshot().identity.name.as_str()),
            "task_id": message.task,
            "title": message.title,
            "status": status,
        });
        let topic = self.topics.bridge("event/message");
        self.local.outbox().send(Message::new(topic, body.to_string()).at_least_once());
    }
}

fn outcome(result: &Result<Found, cloud::Error>) -> Outcome {
    let Err(error) = result else { return Outcome::Answered };
    match error {
        // About this question alone: another one may well be answered.
        cloud::Error::Forbidden { .. } | cloud::Error::Refused { .. } | cloud::Error::Unexpected { .. } => {
            Outcome::Useless
        }
        cloud::Error::Resting { wait, .. } => Outcome::Held(*wait),
        cloud::Error::RateLimited { retry_after } => {
            Outcome::Failed { least: Duration::ZERO, too_many: Some(*retry_after) }
        }
        // Where only a new login helps, that is what ends the pause.
        error => {
            let least = error.retry_after().unwrap_or(Duration::from_secs(3600));
            Outcome::Failed { least, too_many: None }
        }
    }
}

/// Asks beside the gateway.
fn ask(
    id: AccountId,
    client: Arc<Client>,
    token: SecretString,
    want: Want,
    picture: Option<(Text, String)>,
    inbox: mpsc::Sender<Event>,
) {
    tokio::spawn(async move {
        let result = match &want {
            Want::Tasks(serial) => client.tasks(&token, serial.as_str()).await.map(Found::Tasks),
            Want::Releases(serial) => client.releases(&token, serial.as_str()).await.map(Found::Releases),
            Want::Picture(_) => match picture {
                Some((task, address)) => {
                    client.picture(&address).await.map(|picture| Found::Picture(task, picture))
                }
                None => Err(cloud::Error::Unexpected { missing: "address of the picture" }),
            },
            Want::Filaments => client.filaments(&token).await.map(Found::Filaments),
            Want::Messages => client.messages(&token).await.map(Found::Messages),
            Want::Hearsay => client.hearsay(&token).await.map(Found::Hearsay),
        };
        // Fails only when the gateway is gone, and then nobody wants to know.
        let _ = inbox.send(Event::Facts(id, Answer { want, result })).await;
    });
}
