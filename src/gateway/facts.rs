//! What the cloud knows beside what printers say: asks for it when [`plan`](crate::cloud::plan) wants it,
//! keeps it, and hands it to the printers' twins.
//!
//! REST calls run as tasks of their own and report to the gateway's inbox; nothing here waits, and nothing
//! else depends on an answer.

mod ask;
mod cache;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::cloud::plan::{Plan, Sight, Want, Watch};
use crate::cloud::{self, BoundPrinter, Page, Releases, Sliced};
use crate::disk::Writer;
use printer::cloud::{self as domain, Names, Picture, Plate, Presence, Project, ProjectKey, Task};
use printer::{Job, Now, Reach, Serial, Snapshot, Text};

use super::AccountId;
use cache::{Cache, CachedFacts, KeptAccount, KeptPrinter, Mark, Older, View};

/// The picture of the job before stays while that of a new one may come.
const COVER_GRACE: Duration = Duration::from_secs(10);
/// So long printers cannot be heard before the cloud is asked what it thinks of them.
const UNHEARD: Duration = Duration::from_secs(60);
/// Tasks that are kept on disk for each printer.
const KEPT_TASKS: usize = 20;
/// Pages of older tasks that are read of a printer whose history is empty: 500 prints.
const PAGES: u32 = 25;

/// A question that was answered, or was not.
pub(super) struct CloudAnswer {
    want: Want,
    result: Result<Found, cloud::CloudError>,
}

enum Found {
    Tasks(Page),
    /// A page after the first, and what it comes after.
    Older(Text, Page),
    Project(Sliced),
    Releases(Releases),
    /// With what it belongs to: the number of a task, or a plate.
    Picture(Text, Picture),
    Filaments(Names),
    Messages(Vec<domain::Message>),
    Presence(Vec<Presence>),
}

/// What is known of one account.
struct AccountFacts {
    /// Its place in the configuration, for people.
    place: usize,
    /// Tells it from other accounts, also when it has another place or is begun anew.
    label: String,
    plan: Plan,
    kept: KeptAccount,
    /// The kinds of questions of which it was said that the cloud does not answer them.
    down: BTreeSet<&'static str>,
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

impl Cover {
    /// As it was kept, with what it was kept for.
    fn kept(name: Option<Text>, picture: Option<Arc<Picture>>) -> Self {
        match (name, picture) {
            (Some(name), Some(picture)) => Self::Of(name, picture),
            (Some(_), None) => Self::Gone,
            (None, _) => Self::None,
        }
    }

    fn told(&self) -> domain::Cover {
        match self {
            Self::None => domain::Cover::Unknown,
            Self::Gone => domain::Cover::Gone,
            Self::Of(_, picture) => domain::Cover::Is(Arc::clone(picture)),
        }
    }
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
    /// The file of the job that is under way, or was last.
    source: Option<ProjectKey>,
    /// The plate that the printer says it prints.
    plate: Option<u16>,
    /// The file that was asked for last.
    project: Option<Arc<Project>>,
    /// Where the pictures of its objects are; secret, so they are not kept.
    picks: BTreeMap<u16, String>,
    /// The picture of the objects on the job's plate.
    pick: Cover,
    /// What is after the last page of tasks that was read, and whether anybody wants it.
    next_page: Option<Text>,
    older: Option<Older>,
    /// When a picture that is not the job's must go.
    cover_until: Option<Duration>,
    presence: Option<Arc<Presence>>,
    /// Somebody waits for its tasks.
    waited_for: bool,
    told: Arc<domain::Facts>,
}

impl Known {
    fn task(&self) -> Option<&Arc<Task>> {
        let id = self.task.as_ref()?;
        self.tasks.iter().flat_map(|tasks| tasks.iter()).find(|task| task.id == *id)
    }

    /// The plate that the job prints, where its file is known.
    fn plate(&self) -> Option<&Arc<Plate>> {
        let project = self.project.as_ref()?;
        let own = self.source.as_ref().is_some_and(|source| project.key.is_of(source));
        project.plate(self.plate, self.task().map(AsRef::as_ref)).filter(|_| own)
    }

    /// What a picture of the plate's objects belongs to.
    fn pick_name(&self) -> Option<Text> {
        let (source, plate) = (self.source.as_ref()?, self.plate()?);
        Some(format!("{}/{}/{}", source.project, source.profile, plate.index).into())
    }

    /// Where the picture of the plate's objects is, and what it belongs to.
    fn pick_address(&self) -> Option<(Text, String)> {
        let address = self.picks.get(&self.plate()?.index)?.clone();
        Some((self.pick_name()?, address))
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
            project: self.project.clone(),
            pick_of: match &self.pick {
                Cover::Of(name, _) => Some(name.clone()),
                Cover::None | Cover::Gone => None,
            },
            older: self.older.clone(),
        }
    }

    fn facts(&self, names: &Arc<Names>) -> domain::Facts {
        domain::Facts {
            online: self.online,
            release: self.releases.printer.clone(),
            ams_releases: self.releases.ams.clone(),
            task: self.task().cloned(),
            recent: self.tasks.clone(),
            cover: self.cover.told(),
            plate: self.plate().cloned(),
            pick: self.pick.told(),
            presence: self.presence.clone().filter(|_| self.reach != Reach::Online),
            names: Arc::clone(names),
        }
    }
}

/// All that the cloud told.
pub(super) struct Facts {
    cache: Cache,
    /// What an earlier run has left of printers and accounts that were not seen yet.
    earlier: CachedFacts,
    accounts: BTreeMap<AccountId, AccountFacts>,
    printers: BTreeMap<Serial, Known>,
    /// Printers whose session is to hear of something.
    changed: BTreeSet<Serial>,
    /// When `Gateway::look_at_facts` has something to do.
    pub(super) next: Duration,
}

impl Facts {
    pub(super) fn open(writer: &Writer) -> Self {
        let (cache, earlier) = Cache::open(writer);
        Self {
            cache,
            earlier,
            accounts: BTreeMap::new(),
            printers: BTreeMap::new(),
            changed: BTreeSet::new(),
            next: Duration::ZERO,
        }
    }

    /// Asks for a printer's tasks: they are brought to its twin, or that there are none, at the latest when five
    /// minutes have passed since the last time; those that decide a job come at once.
    pub(super) fn want_tasks(&mut self, now: Now, serial: &Serial, decide: bool) {
        let Some(known) = self.printers.get_mut(serial) else { return };
        known.waited_for = true;
        if let Some(asked) = self.accounts.get_mut(&known.account) {
            if decide {
                asked.plan.press_tasks(now.mono, serial);
            } else {
                asked.plan.want_tasks(now.mono, serial);
            }
        }
        self.next = now.mono;
    }

    /// A printer that is used from now on, or is used through another account.
    pub(super) fn add(&mut self, now: Now, serial: &Serial, id: AccountId, (place, label): (usize, &str)) {
        let earlier = self.earlier.accounts.get(label);
        let asked = self.accounts.entry(id).or_insert_with(|| {
            let kept = earlier.cloned().unwrap_or_default();
            let plan = Plan::new(now.mono, age(now, kept.names_at));
            let label = label.to_owned();
            AccountFacts { place, label, plan, kept, down: BTreeSet::new(), unheard: Some(now.mono) }
        });
        asked.place = place;
        let known = self.printers.entry(serial.clone()).or_insert_with(|| {
            let kept = self.earlier.printers.remove(serial.as_str()).unwrap_or_default();
            let picture = |view, name: Option<Text>| {
                let picture = name.as_ref().and_then(|_| self.cache.picture(view, serial));
                Cover::kept(name, picture)
            };
            let (cover, pick) = (picture(View::Cover, kept.cover_of), picture(View::Pick, kept.pick_of));
            Known {
                account: id,
                source: kept.project.as_ref().map(|project| project.key.clone()),
                project: kept.project,
                older: kept.older,
                pick,
                releases: Releases { printer: kept.release, ams: kept.ams_releases },
                releases_at: kept.releases_at,
                tasks: kept.tasks.map(Into::into),
                job: kept.job,
                task: kept.task,
                cover,
                ..Known::default()
            }
        });
        asked.plan.add(now.mono, serial, age(now, known.releases_at));
        if known.older.is_some() {
            asked.plan.want_older(now.mono, serial);
        }
        let before = std::mem::replace(&mut known.account, id);
        if before != id
            && let Some(asked) = self.accounts.get_mut(&before)
        {
            asked.plan.remove(serial);
        }
        self.changed.insert(serial.clone());
        self.next = now.mono;
    }

    /// A printer that is not used any more: nothing of it is kept.
    pub(super) fn remove(&mut self, now: Now, serial: &Serial) {
        if let Some(known) = self.printers.remove(serial) {
            if let Some(asked) = self.accounts.get_mut(&known.account) {
                asked.plan.remove(serial);
            }
            self.cache.keep_picture(View::Cover, serial, None);
            self.cache.keep_picture(View::Pick, serial, None);
            self.cache.touch(now);
        }
    }

    /// Somebody has taken in the newest tasks of a printer and wants those from before them, too.
    pub(super) fn want_older(&mut self, now: Now, serial: &Serial) {
        let Some(known) = self.printers.get_mut(serial) else { return };
        let (Some(asked), Some(after)) = (self.accounts.get_mut(&known.account), known.next_page.clone())
        else {
            return;
        };
        known.older = Some(Older { after, pages: 1 });
        asked.plan.want_older(now.mono, serial);
        self.cache.touch_soon(now);
        self.next = now.mono;
    }

    /// Accounts that were given up are asked nothing more. What is known of them is kept: one whose configuration
    /// changed begins anew, and goes on from there.
    pub(super) fn keep_accounts(&mut self, now: Now, used: impl Fn(AccountId) -> bool) {
        let gone = self.accounts.iter().filter(|(id, _)| !used(**id));
        self.earlier.accounts.extend(gone.map(|(_, asked)| (asked.label.clone(), asked.kept.clone())));
        self.accounts.retain(|id, _| used(*id));
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
        if let Some(asked) = self.accounts.get_mut(&id) {
            asked.plan.listed(now.mono);
        }
        self.next = now.mono;
    }

    /// An account cannot say any more how its printers are: what it said before is no news.
    pub(super) fn on_silence(&mut self, now: Now, id: AccountId) {
        for (serial, known) in self.printers.iter_mut().filter(|(_, known)| known.account == id) {
            if known.online.take().is_some() | known.presence.take().is_some() {
                self.changed.insert(serial.clone());
            }
        }
        self.next = now.mono;
    }

    /// There is another login.
    pub(super) fn resume(&mut self, now: Now, id: AccountId) {
        if let Some(asked) = self.accounts.get_mut(&id) {
            asked.plan.resume(now.mono);
        }
        self.next = now.mono;
    }

    /// The connection to the cloud's broker came or went.
    pub(super) fn on_link(&mut self, now: Now, id: AccountId, up: bool) {
        if let Some(asked) = self.accounts.get_mut(&id) {
            asked.unheard = if up { None } else { asked.unheard.or(Some(now.mono)) };
            self.next = now.mono;
        }
    }

    /// Looks at a printer that is not as it was.
    pub(super) fn observe(&mut self, now: Now, serial: &Serial, snapshot: &Snapshot) {
        let Some(known) = self.printers.get_mut(serial) else { return };
        let Some(asked) = self.accounts.get_mut(&known.account) else { return };
        let plan = &mut asked.plan;
        let sight = known.watch.look(snapshot);
        let reach = std::mem::replace(&mut known.reach, snapshot.reach);
        if reach == snapshot.reach && sight == Sight::default() {
            return;
        }
        self.next = now.mono;
        if reach != snapshot.reach {
            if snapshot.reach == Reach::Offline && asked.unheard.is_none() {
                plan.unheard(now.mono);
            }
            // It speaks for itself; when it falls silent again this is of no use.
            if snapshot.reach == Reach::Online && known.presence.take().is_some() {
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
            self.cache.touch(now);
        } else if sight.first || sight.started {
            known.begin(now, mark);
            plan.job_started(now.mono, serial, has_number(&snapshot.job));
            self.changed.insert(serial.clone());
            self.cache.touch(now);
        }
        if sight.ended {
            plan.job_ended(now.mono, serial);
        }
        if (sight.first || sight.started || sight.source)
            && known.follow_source(now, plan, serial, snapshot, sight)
        {
            self.cache.touch(now);
            self.changed.insert(serial.clone());
        }
        if known.drop_pick() {
            self.cache.keep_picture(View::Pick, serial, None);
        }
        if sight.upgrade {
            plan.upgrade_changed(now.mono, serial);
        }
        if sight.unnamed {
            plan.unknown_filament(now.mono);
        }
    }

    /// All of it, for the disk; also what belongs to printers that were not seen yet.
    fn kept(&self) -> CachedFacts {
        let mut kept = self.earlier.clone();
        kept.printers
            .extend(self.printers.iter().map(|(serial, known)| (serial.as_str().into(), known.kept())));
        kept.accounts.extend(self.accounts.values().map(|asked| (asked.label.clone(), asked.kept.clone())));
        kept
    }

    /// Writes what was not written yet.
    pub(super) fn close(&self) {
        self.cache.close(&self.kept());
    }

    fn names(&self, known: &Known) -> Arc<Names> {
        // An account that was just given up for another takes no names away.
        let asked = self.accounts.get(&known.account);
        Arc::clone(asked.map_or(&known.told.names, |asked| &asked.kept.names))
    }

    /// Takes in the tasks of a printer.
    fn on_tasks(&mut self, now: Now, serial: &Serial, page: Page, job: &Job) {
        let Some(known) = self.printers.get_mut(serial) else { return };
        let Some(asked) = self.accounts.get_mut(&known.account) else { return };
        known.next_page = page.next;
        // The question was about one printer; the answer need not be.
        let own = page.tasks.into_iter().filter(|task| task.serial == serial.as_str());
        let tasks: Arc<[Arc<Task>]> = own.map(Arc::new).collect();
        let still = |id: &Text| tasks.iter().any(|task| task.id == *id);
        if !known.task.as_ref().is_some_and(still) {
            known.task = Task::of_job(&tasks, serial, job).map(|task| task.id.clone());
        }
        known.tasks = Some(tasks);
        let address = known.task().is_some_and(|task| task.cover.is_some());
        if known.task.is_some() && address {
            asked.plan.found(serial);
        }
        let has = matches!(&known.cover, Cover::Of(task, _) if known.task.as_ref() == Some(task));
        if address && !has {
            asked.plan.want_picture(now.mono, serial);
        } else if !known.cover_fits() {
            // The new job has no picture, as far as is known.
            known.drop_cover();
            self.cache.keep_picture(View::Cover, serial, None);
        }
        // Only now the plate may be known.
        known.want_pick(now, &mut asked.plan, serial);
        if known.drop_pick() {
            self.cache.keep_picture(View::Pick, serial, None);
        }
        self.changed.insert(serial.clone());
        self.cache.touch(now);
    }

    /// Takes in a page of a printer's older tasks; gives them, and sees to the next page.
    fn on_older(&mut self, now: Now, serial: &Serial, after: &Text, page: Page) -> Vec<Arc<Task>> {
        let Some(known) = self.printers.get_mut(serial) else { return Vec::new() };
        let Some(older) = known.older.take_if(|older| older.after == *after) else { return Vec::new() };
        self.cache.touch(now);
        let pages = older.pages + 1;
        // A page that ends as the one before was asked for anew is no other page.
        let next = page.next.filter(|next| next != after && pages < PAGES);
        if let (Some(next), Some(asked)) = (next, self.accounts.get_mut(&known.account)) {
            known.older = Some(Older { after: next, pages });
            asked.plan.want_older(now.mono, serial);
        }
        page.tasks.into_iter().filter(|task| task.serial == serial.as_str()).map(Arc::new).collect()
    }

    /// The cloud does not tell a printer's older tasks.
    fn no_older(&mut self, now: Now, serial: &Serial) {
        if let Some(known) = self.printers.get_mut(serial) {
            known.older = None;
            self.cache.touch(now);
        }
    }

    /// Takes in what the cloud told of a job's file, or that it tells nothing of it, if no other job has begun in
    /// the meantime. Either is kept: it is not asked again.
    fn on_project(&mut self, now: Now, serial: &Serial, key: ProjectKey, sliced: Sliced) {
        let Some(known) = self.printers.get_mut(serial) else { return };
        let Some(asked) = self.accounts.get_mut(&known.account) else { return };
        if !known.source.as_ref().is_some_and(|source| source.is_of(&key)) {
            return;
        }
        known.project = Some(Arc::new(Project { key, plates: sliced.plates }));
        known.picks = sliced.picks;
        known.want_pick(now, &mut asked.plan, serial);
        self.changed.insert(serial.clone());
        self.cache.touch_soon(now);
    }

    /// Takes in the picture of a plate's objects, if it is still that of the job.
    fn on_pick(&mut self, now: Now, serial: &Serial, name: Text, picture: Picture) {
        let Some(known) = self.printers.get_mut(serial) else { return };
        if known.pick_name().as_ref() != Some(&name) {
            // What is wanted now was taken for answered.
            if let Some(asked) = self.accounts.get_mut(&known.account) {
                known.want_pick(now, &mut asked.plan, serial);
            }
            return;
        }
        let picture = Arc::new(picture);
        known.pick = Cover::Of(name, Arc::clone(&picture));
        self.cache.keep_picture(View::Pick, serial, Some(picture));
        self.cache.touch(now);
        self.changed.insert(serial.clone());
    }

    /// Takes in the firmware that is offered for a printer.
    fn on_releases(&mut self, now: Now, serial: Serial, releases: Releases) {
        let Some(known) = self.printers.get_mut(&serial) else { return };
        known.releases = releases;
        known.releases_at = Some(now.wall);
        self.changed.insert(serial);
        self.cache.touch(now);
    }

    /// Takes in the picture of a task, if no other job has begun in the meantime.
    fn on_picture(&mut self, now: Now, serial: Serial, task: Text, picture: Picture) {
        let Some(known) = self.printers.get_mut(&serial).filter(|known| known.task.as_ref() == Some(&task))
        else {
            return;
        };
        let picture = Arc::new(picture);
        known.cover = Cover::Of(task, Arc::clone(&picture));
        known.cover_until = None;
        self.cache.keep_picture(View::Cover, &serial, Some(picture));
        self.cache.touch(now);
        self.changed.insert(serial);
    }

    /// Takes in the names of an account's filaments.
    fn on_filaments(&mut self, now: Now, id: AccountId, names: Names) {
        let Some(asked) = self.accounts.get_mut(&id) else { return };
        asked.kept.names_at = Some(now.wall);
        self.cache.touch(now);
        if *asked.kept.names != names {
            asked.kept.names = Arc::new(names);
            let of_account = self.printers.iter().filter(|(_, known)| known.account == id);
            self.changed.extend(of_account.map(|(serial, _)| serial.clone()));
        }
    }

    /// Takes in what an account's printers are said to do.
    fn on_presence(&mut self, all: Vec<Presence>) {
        for said in all {
            let serial = Serial::new(&said.serial);
            if let Some(known) = self.printers.get_mut(&serial) {
                known.online = said.online.or(known.online);
                known.presence = Some(Arc::new(said));
                self.changed.insert(serial);
            }
        }
    }

    /// Takes in the inbox; gives what is new in it, oldest first. The first time nothing is.
    fn on_messages(
        &mut self,
        now: Now,
        id: AccountId,
        messages: Vec<domain::Message>,
    ) -> Vec<domain::Message> {
        let Some(asked) = self.accounts.get_mut(&id) else { return Vec::new() };
        let mut numbered: Vec<(u64, domain::Message)> =
            messages.into_iter().filter_map(|message| Some((message.id.parse().ok()?, message))).collect();
        numbered.sort_by_key(|(number, _)| *number);
        let highest = numbered.last().map(|(number, _)| *number);
        let seen = asked.kept.message;
        asked.kept.message = seen.max(highest).or(Some(0));
        if seen != asked.kept.message {
            self.cache.touch(now);
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

    /// Takes in what the printer says of its job's file, and has it asked for where that was not done; says whether
    /// it is another one.
    fn follow_source(
        &mut self,
        now: Now,
        plan: &mut Plan,
        serial: &Serial,
        snapshot: &Snapshot,
        sight: Sight,
    ) -> bool {
        let source = ProjectKey::of(&snapshot.job);
        let plate = domain::plate_of(&snapshot.job);
        let same = match (&self.source, &source) {
            (Some(before), Some(now)) => before.is_of(now),
            (None, None) => true,
            _ => false,
        };
        let other = !same || self.plate != plate;
        (self.source, self.plate) = (source, plate);
        if !same {
            self.picks.clear();
            plan.forget_project(serial);
        }
        let asked = self.source.as_ref().zip(self.project.as_ref()).is_some_and(|(s, p)| p.key.is_of(s));
        if let Some(source) = self.source.clone()
            && !asked
            && snapshot.is_active()
            && (!same || sight.first || sight.started)
        {
            plan.want_project(now.mono, serial, source);
        }
        self.want_pick(now, plan, serial);
        other
    }

    /// Has the picture of the plate's objects fetched, where it is not there and its address is known.
    fn want_pick(&self, now: Now, plan: &mut Plan, serial: &Serial) {
        let has = |name: &Text| matches!(&self.pick, Cover::Of(of, _) if of == name);
        if self.pick_address().is_some_and(|(name, _)| !has(&name)) {
            plan.want_pick(now.mono, serial);
        }
    }

    /// Lets go of a picture of other objects than those of the job; says whether it did.
    fn drop_pick(&mut self) -> bool {
        let name = self.pick_name();
        let foreign = matches!(&self.pick, Cover::Of(of, _) if name.as_ref() != Some(of));
        if foreign {
            self.pick = Cover::Gone;
        }
        foreign
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

#[cfg(test)]
mod tests;
