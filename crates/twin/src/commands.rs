//! The way of a command from the local broker: read, handed to the session that may carry it out, and answered.

use std::time::Duration;

use bambu::session::{self, CommandId};
use homeassistant::event::keeps_words;
use homeassistant::{Kind, Publication, action, command};
use printer::command::LastCommand;
use printer::{Command, Now, Outcome, Reason, Snapshot, Text, permit, text};
use serde_json::{Value as Json, json};

use super::{Ask, Budgets, Note, Output, Twin};

/// How long the outcome of a command can still come: longer than the longest wait for an effect, that of a
/// change of filament.
const COMMAND_MEMORY: Duration = Duration::from_secs(360);

/// The most characters of a refusal in its event, which the disk keeps until the broker has it.
const LONGEST_REASON: usize = 255;
/// How long the same refusal is not told again as an event, and how many are told in that time: an automation that
/// asks for ever shall fill neither the logbook nor a memory card. The last command shows each of them.
const REFUSALS_EACH: Duration = Duration::from_secs(60);
const REFUSALS: usize = 10;

/// A command that has not come to its end.
pub(super) struct Asked {
    key: String,
    /// What its results have beside the outcome: what its giver calls it, and what it is about.
    extras: Extras,
    /// It ends the job.
    stop: bool,
    /// That the printer took it is the last word on it: no report shows the effect.
    unseen: bool,
    since: Duration,
}

/// Members of a result.
struct Extras {
    id: Option<Json>,
    objects: Option<Json>,
}

impl Asked {
    /// A command, or what was to be one, that came in under a key.
    fn new(now: Now, key: &str, id: Option<Json>, command: Option<&Command>, printer: &Snapshot) -> Self {
        let plate = printer.known.facts.plate.as_deref();
        let plate = plate.filter(|_| printer.policy.privacy.job_names);
        let object = |id: &u32| json!({ "id": id, "name": plate.and_then(|plate| plate.name((*id).into())) });
        let objects = match command {
            Some(Command::SkipObjects(ids)) => Some(ids.iter().map(object).collect()),
            _ => None,
        };
        Self {
            key: key.to_owned(),
            extras: Extras { id, objects },
            stop: command == Some(&Command::Stop),
            unseen: command.is_some_and(|command| command.confirmed_within().is_none()),
            since: now.mono,
        }
    }

    /// Whether its outcome can still come.
    pub(super) fn is_awaited(&self, now: Now) -> bool {
        now.mono < self.since + COMMAND_MEMORY
    }

    /// Whether this is the last word on it. Of one whose place a newer one took that one tells.
    fn ends_with(&self, outcome: &Outcome) -> bool {
        match outcome {
            Outcome::Accepted => self.unseen,
            Outcome::Superseded => false,
            Outcome::Confirmed | Outcome::Refused(_) | Outcome::Failed(_) | Outcome::Timeout(_) => true,
        }
    }
}

/// The refusals that were told as events a short time ago.
#[derive(Default)]
pub(super) struct Refusals {
    told: Vec<(Duration, Text, String)>,
}

impl Refusals {
    /// Whether one is to be told; it is noted as told then.
    fn is_worth_telling(&mut self, now: Now, key: &Text, why: &str) -> bool {
        self.told.retain(|(at, ..)| now.mono < *at + REFUSALS_EACH);
        let again = self.told.iter().any(|(_, other, reason)| other == key && reason == why);
        let told = !again && self.told.len() < REFUSALS;
        if told {
            self.told.push((now.mono, key.clone(), why.to_owned()));
        }
        told
    }
}

impl Twin {
    /// Hands a command to the session that may carry it out, or tells at once why there is none.
    pub(super) fn ask(&mut self, now: Now, ask: Ask<'_>, budgets: &mut dyn Budgets, out: &mut Vec<Output>) {
        let (key, request, command) = match ask {
            Ask::Set { key, payload } => {
                let command = command::parse(&self.snapshot, key, payload);
                (key, None, command.map_err(|error| error.to_string()))
            }
            Ask::Action { key, name, payload } => {
                let action::Request { id, command } = action::read(&self.snapshot, name, payload);
                (key, id, command.map_err(|error| error.to_string()))
            }
        };
        let asked = Asked::new(now, key, request, command.as_ref().ok(), &self.snapshot);
        match command {
            // A note for the gateway itself: the printer knows nothing of it.
            Ok(note @ Command::ClearPlate) => {
                let outcome = match permit(&self.snapshot, &self.snapshot.policy, &note) {
                    Ok(()) => Outcome::Confirmed,
                    Err(refusal) => Outcome::Refused(refusal.to_string()),
                };
                if outcome == Outcome::Confirmed {
                    let effects = self.jobs.tracker.clear_plate(now);
                    self.follow(now, effects, out);
                }
                self.tell_outcome(now, &asked, &outcome, out);
            }
            Ok(command) => {
                let Some(place) = self.ways.choose().obeys else {
                    let nowhere = Outcome::Failed("the printer is not connected: try again later".into());
                    return self.tell_outcome(now, &asked, &nowhere, out);
                };
                self.next_command += 1;
                let id = self.next_command;
                self.asked.insert(id, asked);
                self.hear(now, place, session::Input::Command(id, command), budgets, out);
            }
            Err(reason) => self.tell_outcome(now, &asked, &Outcome::Refused(reason), out),
        }
    }

    pub(super) fn on_outcome(&mut self, now: Now, id: CommandId, outcome: &Outcome, out: &mut Vec<Output>) {
        let Some(asked) = self.asked.remove(&id) else { return };
        if asked.stop && matches!(outcome, Outcome::Accepted | Outcome::Confirmed) {
            self.jobs.tracker.stop_sent(now);
        }
        self.tell_outcome(now, &asked, outcome, out);
        if *outcome == Outcome::Accepted {
            // Its effect may still show, or not.
            self.asked.insert(id, asked);
        }
    }

    /// Tells the giver of a command what became of it, and the true value if that is not what was asked; and people
    /// where they look.
    fn tell_outcome(&mut self, now: Now, asked: &Asked, outcome: &Outcome, out: &mut Vec<Output>) {
        let Asked { key, extras: Extras { id, objects }, .. } = asked;
        let (word, reason) = (outcome.word(), outcome.reason());
        // The newer value is on its way: the one before is not worth a warning, nor a jump back.
        let trouble = reason.is_some() && *outcome != Outcome::Superseded;
        out.push(Output::Log(Note::Outcome {
            key: key.clone(),
            word,
            reason: reason.filter(|_| trouble).map(str::to_owned),
        }));
        let mut body = json!({ "outcome": word });
        if let Some(body) = body.as_object_mut() {
            let told = reason.filter(|_| !keeps_words(&self.snapshot, key));
            body.extend(told.map(|reason| ("reason".into(), reason.into())));
            let members = [("id", id), ("objects", objects)].into_iter();
            body.extend(members.filter_map(|(name, value)| Some((name.into(), value.clone()?))));
        }
        let topic = self.topics.result(&self.serial, key);
        out.push(Output::Tell(Publication::new(Kind::Moment, topic, body.to_string())));
        if asked.ends_with(outcome) {
            self.end_command(now, key, outcome, out);
        }
        if trouble && self.listens() {
            let mut publications = Vec::new();
            self.mirror.republish(now, key, &mut publications);
            out.extend(publications.into_iter().map(Output::Publish));
        }
    }

    /// Shows the end of a command where people look: as the last one, and as an event when it was refused.
    fn end_command(&mut self, now: Now, key: &str, outcome: &Outcome, out: &mut Vec<Output>) {
        let key = text::name(key);
        self.snapshot.end_command(LastCommand { key: key.clone(), outcome: outcome.clone(), at: now.wall });
        out.push(Output::Changed);
        if let Outcome::Refused(why) = outcome
            && self.refusals.is_worth_telling(now, &key, why)
        {
            let why = why.chars().take(LONGEST_REASON).collect();
            let reason = Reason { kind: key, text: Some(why), ..Reason::default() };
            let effects = self.jobs.tracker.refuse(now, reason);
            self.follow(now, effects, out);
        }
        self.tell(now, out);
    }
}
