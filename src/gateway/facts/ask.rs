//! The gateway's side of it: asks, takes answers in, and hands on what is new.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::json;
use tokio::sync::mpsc;
use tracing::{debug, info, warn};

use crate::cloud::plan::{AskOutcome, Want};
use crate::cloud::{self, Client, Sliced};
use crate::gateway::account::Account;
use crate::gateway::{AccountId, Event, Gateway};
use crate::mqtt::Message;
use printer::cloud::{self as domain, Task, TaskStatus};
use printer::{Now, Serial, Text};
use twin::Input;

use super::{CloudAnswer, Found, Known, UNHEARD, View};

impl Gateway {
    /// An account's list of printers was read, by a login that works.
    pub(in crate::gateway) fn on_listed(&mut self, now: Now, id: AccountId) {
        // What an earlier run has kept is no word of the cloud's.
        if let Some(account) = self.accounts.get(&id).filter(|account| account.is_listed()) {
            self.facts.on_list(now, id, account.printers());
        }
    }

    /// Asks what is due, and hands on what is new. Cheap when there is nothing to do, which is nearly always.
    pub(in crate::gateway) fn look_at_facts(&mut self, now: Now) {
        if now.mono >= self.facts.next {
            self.ask_cloud(now);
            let facts = &mut self.facts;
            for (serial, known) in &mut facts.printers {
                if known.cover_until.take_if(|until| *until <= now.mono).is_some() && !known.cover_fits() {
                    known.drop_cover();
                    facts.cache.keep_picture(View::Cover, serial, None);
                    facts.cache.touch(now);
                    facts.changed.insert(serial.clone());
                }
            }
            for serial in std::mem::take(&mut self.facts.changed) {
                self.hand_on(now, &serial);
            }
            if self.facts.cache.deadline().is_some_and(|at| at <= now.mono) {
                let kept = self.facts.kept();
                self.facts.cache.tick(now, kept);
            }
            self.facts.next = self.next_fact();
        }
    }

    fn next_fact(&self) -> Duration {
        let facts = &self.facts;
        // One without a login has nobody to ask; a new login brings it back.
        let able = |id: &AccountId| self.accounts.get(id).is_some_and(|account| account.rest().is_some());
        let plans = facts
            .accounts
            .iter()
            .filter(|(id, _)| able(id))
            .flat_map(|(_, asked)| [asked.plan.deadline(), asked.unheard.map(|since| since + UNHEARD)]);
        let covers = facts.printers.values().map(|known| known.cover_until);
        plans.chain(covers).chain([facts.cache.deadline()]).flatten().min().unwrap_or(Duration::MAX)
    }

    fn ask_cloud(&mut self, now: Now) {
        let mut without_login = Vec::new();
        for (id, asked) in &mut self.facts.accounts {
            if asked.unheard.take_if(|since| now.mono >= *since + UNHEARD).is_some() {
                asked.plan.unheard(now.mono);
            }
            let Some((client, token)) = self.accounts.get(id).and_then(Account::rest) else {
                without_login.push(*id);
                continue;
            };
            let Some(want) = asked.plan.next(now.mono) else { continue };
            let about = About::of(&want, &self.facts.printers);
            debug!(account = asked.place + 1, want = want.name(), "asking the cloud");
            ask(*id, client, token, want, about, self.inbox.clone());
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
            self.tell_tasks(now, &serial, &Err("the account needs a login".into()));
        }
    }

    /// Takes in what became of a question.
    pub(in crate::gateway) fn on_answer(&mut self, now: Now, id: AccountId, answer: CloudAnswer) {
        let CloudAnswer { want, result } = answer;
        let Some(asked) = self.facts.accounts.get_mut(&id) else { return };
        let jitter = 0.8 + 0.4 * fastrand::f64();
        asked.plan.done(now.mono, &want, outcome(&result), jitter);
        self.facts.next = now.mono;
        let of_picture = want.is_picture();
        match &result {
            Ok(_) if of_picture => {}
            Ok(_) => {
                if asked.down.remove(want.name()) {
                    info!(account = asked.place + 1, "the cloud tells {} again", want.name());
                }
            }
            Err(error) if of_picture => debug!(%error, want = want.name(), "it could not be fetched"),
            Err(error) => {
                if asked.plan.is_down() && asked.down.insert(want.name()) {
                    warn!(
                        account = asked.place + 1, %error,
                        "the cloud does not tell {}; pictures, tasks and firmware notes stay as they are, all else \
                         goes on, and it is asked again from time to time", want.name()
                    );
                } else {
                    debug!(%error, want = want.name(), "the cloud did not answer");
                }
            }
        }
        if let Err(cloud::CloudError::TokenExpired | cloud::CloudError::TokenRejected { .. }) = &result
            && let Some(account) = self.accounts.get_mut(&id)
        {
            // Whoever needs the login is not to wait for the next list to learn that it has ended.
            account.judge(now, &mut self.tasks);
            self.after_account(now, id);
        }
        self.take_in(now, id, want, result);
    }

    fn take_in(&mut self, now: Now, id: AccountId, want: Want, result: Result<Found, cloud::CloudError>) {
        match (want, result) {
            (Want::Tasks(serial), Ok(Found::Tasks(page))) => {
                let Some(printer) = self.printers.get(&serial) else { return };
                self.facts.on_tasks(now, &serial, page, &printer.twin.snapshot().job);
                let tasks = self.facts.printers.get(&serial).and_then(|known| known.tasks.clone());
                self.tell_tasks(now, &serial, &Ok(tasks.unwrap_or_default()));
            }
            (Want::Tasks(serial), Err(error)) => self.tell_tasks(now, &serial, &Err(error.to_string())),
            (Want::Releases(serial), Ok(Found::Releases(releases))) => {
                self.facts.on_releases(now, serial, releases);
            }
            (Want::Picture(serial), Ok(Found::Picture(task, picture))) => {
                self.facts.on_picture(now, serial, task, picture);
            }
            (Want::Older(serial), Ok(Found::Older(after, page))) => {
                let tasks = self.facts.on_older(now, &serial, &after, page);
                self.give(now, &serial, Input::Older(&tasks));
            }
            (Want::Older(serial), Err(error)) if is_useless(&error) => self.facts.no_older(now, &serial),
            (Want::Project(serial, key), Ok(Found::Project(sliced))) => {
                self.facts.on_project(now, &serial, key, sliced);
            }
            (Want::Project(serial, key), Err(error)) if is_useless(&error) => {
                self.facts.on_project(now, &serial, key, Sliced::default());
            }
            (Want::Pick(serial), Ok(Found::Picture(name, picture))) => {
                self.facts.on_pick(now, &serial, name, picture);
            }
            (Want::Filaments, Ok(Found::Filaments(names))) => self.facts.on_filaments(now, id, names),
            (Want::Messages, Ok(Found::Messages(messages))) => {
                // What cannot be told now is new the next time, too.
                if !self.local_connected {
                    if let Some(asked) = self.facts.accounts.get_mut(&id) {
                        asked.plan.untold(now.mono);
                    }
                    return;
                }
                for message in self.facts.on_messages(now, id, messages) {
                    self.tell_message(&message);
                }
            }
            (Want::Presence, Ok(Found::Presence(all))) => self.facts.on_presence(all),
            _ => {}
        }
    }

    /// Answers those who wait for a printer's tasks.
    fn tell_tasks(&mut self, now: Now, serial: &Serial, answer: &Result<Arc<[Arc<Task>]>, String>) {
        let waits = self.facts.printers.get_mut(serial).map(|known| std::mem::take(&mut known.waited_for));
        if waits == Some(true) {
            let answer = answer.as_ref().map(AsRef::as_ref).map_err(|why| {
                debug!(why, "the cloud's list of tasks could not be had");
            });
            self.give(now, serial, Input::Tasks(answer));
        }
    }

    /// Hands a printer's twin what the cloud knows.
    fn hand_on(&mut self, now: Now, serial: &Serial) {
        let Some(known) = self.facts.printers.get(serial) else { return };
        let facts = known.facts(&self.facts.names(known));
        if facts != *known.told {
            let facts = Arc::new(facts);
            if let Some(known) = self.facts.printers.get_mut(serial) {
                known.told = Arc::clone(&facts);
            }
            self.give(now, serial, Input::Facts(facts));
        }
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
            "printer": printer.map(|printer| printer.twin.snapshot().name().as_str()),
            "task_id": message.task,
            "title": message.title.as_ref().filter(|_| self.config.privacy.job_names),
            "status": status,
        });
        let topic = self.topics.bridge_event("message");
        self.local.outbox().send(Message::new(topic, body.to_string()).at_least_once());
    }
}

fn outcome(result: &Result<Found, cloud::CloudError>) -> AskOutcome {
    let Err(error) = result else { return AskOutcome::Answered };
    match error {
        error if is_useless(error) => AskOutcome::Useless,
        cloud::CloudError::Resting { wait, .. } => AskOutcome::Held(*wait),
        cloud::CloudError::RateLimited { retry_after } => {
            AskOutcome::Failed { least: Duration::ZERO, too_many: Some(*retry_after) }
        }
        // Where only a new login helps, that is what ends the pause.
        error => {
            let least = error.retry_after().unwrap_or(Duration::from_secs(3600));
            AskOutcome::Failed { least, too_many: None }
        }
    }
}

/// Whether an error is about its question alone: another one may well be answered, and the same one is not worth
/// asking again.
fn is_useless(error: &cloud::CloudError) -> bool {
    matches!(
        error,
        cloud::CloudError::Forbidden { .. }
            | cloud::CloudError::Refused { .. }
            | cloud::CloudError::Unexpected { .. }
    )
}

/// What a question is about, as it was known when it was asked.
enum About {
    /// The account, or the printer alone.
    Nothing,
    /// What a picture belongs to, and its address, which is secret.
    Picture(Text, String),
    /// The task after which the page begins.
    Page(Text),
}

impl About {
    fn of(want: &Want, printers: &BTreeMap<Serial, Known>) -> Self {
        let about = match want {
            Want::Picture(serial) => printers
                .get(serial)
                .and_then(Known::task)
                .and_then(|task| Some(Self::Picture(task.id.clone(), task.cover.clone()?))),
            Want::Pick(serial) => {
                let picture = printers.get(serial).and_then(Known::pick_address);
                picture.map(|(name, address)| Self::Picture(name, address))
            }
            Want::Older(serial) => {
                let older = printers.get(serial).and_then(|known| known.older.as_ref());
                older.map(|older| Self::Page(older.after.clone()))
            }
            _ => None,
        };
        about.unwrap_or(Self::Nothing)
    }
}

/// Asks beside the gateway.
fn ask(
    id: AccountId,
    client: Arc<Client>,
    token: SecretString,
    want: Want,
    about: About,
    inbox: mpsc::Sender<Event>,
) {
    tokio::spawn(async move {
        let gone = |missing| Err(cloud::CloudError::Unexpected { missing });
        let result = match (&want, about) {
            (Want::Tasks(serial), _) => client.tasks(&token, serial.as_str(), None).await.map(Found::Tasks),
            (Want::Older(serial), About::Page(after)) => {
                let page = client.tasks(&token, serial.as_str(), Some(&after)).await;
                page.map(|page| Found::Older(after, page))
            }
            (Want::Older(_), _) => gone("older tasks"),
            (Want::Project(_, key), _) => client.project(&token, key).await.map(Found::Project),
            (Want::Picture(_) | Want::Pick(_), About::Picture(name, address)) => {
                client.picture(&address).await.map(|picture| Found::Picture(name, picture))
            }
            (Want::Picture(_) | Want::Pick(_), _) => gone("address of the picture"),
            (Want::Releases(serial), _) => {
                client.releases(&token, serial.as_str()).await.map(Found::Releases)
            }
            (Want::Filaments, _) => client.filaments(&token).await.map(Found::Filaments),
            (Want::Messages, _) => client.messages(&token).await.map(Found::Messages),
            (Want::Presence, _) => client.presence(&token).await.map(Found::Presence),
        };
        // Fails only when the gateway is gone, and then nobody wants to know.
        let _ = inbox.send(Event::Facts(id, CloudAnswer { want, result })).await;
    });
}
