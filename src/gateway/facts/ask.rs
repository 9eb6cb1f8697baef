//! The gateway's side of it: asks, takes answers in, and hands on what is new.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::json;
use tokio::sync::mpsc;
use tracing::{debug, info, warn};

use crate::cloud::plan::{AskOutcome, Want};
use crate::cloud::{self, Client};
use crate::gateway::account::Account;
use crate::gateway::{AccountId, Event, Gateway};
use crate::mqtt::Message;
use printer::cloud::{self as domain, Task, TaskStatus};
use printer::{Now, Serial, Text};
use twin::Input;

use super::{CloudAnswer, Found, Known, UNHEARD};

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
                    facts.cache.keep_picture(serial, None);
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
            let picture = match &want {
                Want::Picture(serial) => {
                    let task = self.facts.printers.get(serial).and_then(Known::task);
                    task.and_then(|task| Some((task.id.clone(), task.cover.clone()?)))
                }
                _ => None,
            };
            debug!(account = asked.place + 1, want = want.name(), "asking the cloud");
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
        let of_picture = matches!(want, Want::Picture(_));
        match &result {
            Ok(_) if of_picture => {}
            Ok(_) => {
                if asked.down.remove(want.name()) {
                    info!(account = asked.place + 1, "the cloud tells {} again", want.name());
                }
            }
            Err(error) if of_picture => debug!(%error, "the picture of a job could not be fetched"),
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
            (Want::Tasks(serial), Ok(Found::Tasks(tasks))) => {
                let Some(printer) = self.printers.get(&serial) else { return };
                self.facts.on_tasks(now, &serial, tasks, &printer.twin.snapshot().job);
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
            "title": message.title,
            "status": status,
        });
        let topic = self.topics.bridge_event("message");
        self.local.outbox().send(Message::new(topic, body.to_string()).at_least_once());
    }
}

fn outcome(result: &Result<Found, cloud::CloudError>) -> AskOutcome {
    let Err(error) = result else { return AskOutcome::Answered };
    match error {
        // About this question alone: another one may well be answered.
        cloud::CloudError::Forbidden { .. }
        | cloud::CloudError::Refused { .. }
        | cloud::CloudError::Unexpected { .. } => AskOutcome::Useless,
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
                None => Err(cloud::CloudError::Unexpected { missing: "address of the picture" }),
            },
            Want::Filaments => client.filaments(&token).await.map(Found::Filaments),
            Want::Messages => client.messages(&token).await.map(Found::Messages),
            Want::Presence => client.presence(&token).await.map(Found::Presence),
        };
        // Fails only when the gateway is gone, and then nobody wants to know.
        let _ = inbox.send(Event::Facts(id, CloudAnswer { want, result })).await;
    });
}
