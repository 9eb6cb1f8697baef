//! The way of a command from the local broker: read, handed to the session that may carry it out, and answered.

use std::time::Duration;

use bambu::session::{self, CommandId};
use homeassistant::{Kind, Publication, action, command};
use printer::{Command, Now, Outcome, Snapshot};
use serde_json::{Value as Json, json};

use super::{Ask, Budgets, Note, Output, Twin};

/// How long the outcome of a command can still come: longer than the longest wait for an effect, that of a
/// change of filament.
const COMMAND_MEMORY: Duration = Duration::from_secs(360);

/// A command that has not come to its end.
pub(super) struct Asked {
    key: String,
    /// What its results have beside the outcome: what its giver calls it, and what it is about.
    extras: Extras,
    /// It ends the job.
    stop: bool,
    since: Duration,
}

/// Members of a result.
#[derive(Default)]
struct Extras {
    id: Option<Json>,
    objects: Option<Json>,
}

impl Extras {
    /// Those of a command, with the names of its objects where they are known.
    fn of(id: Option<Json>, command: &Command, printer: &Snapshot) -> Self {
        let plate = printer.known.facts.plate.as_deref();
        let object = |id: &u32| json!({ "id": id, "name": plate.and_then(|plate| plate.name((*id).into())) });
        let objects = match command {
            Command::SkipObjects(ids) => Some(ids.iter().map(object).collect()),
            _ => None,
        };
        Self { id, objects }
    }
}

impl Asked {
    /// Whether its outcome can still come.
    pub(super) fn is_awaited(&self, now: Now) -> bool {
        now.mono < self.since + COMMAND_MEMORY
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
        let extras = match &command {
            Ok(command) => Extras::of(request, command, &self.snapshot),
            Err(_) => Extras { id: request, objects: None },
        };
        match command {
            // A note for the gateway itself: the printer knows nothing of it.
            Ok(Command::ClearPlate) => {
                let effects = self.jobs.tracker.clear_plate(now);
                self.follow(now, effects, out);
                self.tell(now, out);
                self.tell_outcome(now, key, &extras, &Outcome::Confirmed, out);
            }
            Ok(command) => {
                let Some(place) = self.ways.choose().obeys else {
                    let nowhere = Outcome::Failed("the printer is not connected: try again later".into());
                    return self.tell_outcome(now, key, &extras, &nowhere, out);
                };
                self.next_command += 1;
                let id = self.next_command;
                let stop = command == Command::Stop;
                self.asked.insert(id, Asked { key: key.to_owned(), extras, stop, since: now.mono });
                self.hear(now, place, session::Input::Command(id, command), budgets, out);
            }
            Err(reason) => self.tell_outcome(now, key, &extras, &Outcome::Refused(reason), out),
        }
    }

    pub(super) fn on_outcome(&mut self, now: Now, id: CommandId, outcome: &Outcome, out: &mut Vec<Output>) {
        let Some(asked) = self.asked.remove(&id) else { return };
        if asked.stop && matches!(outcome, Outcome::Accepted | Outcome::Confirmed) {
            self.jobs.tracker.stop_sent(now);
        }
        self.tell_outcome(now, &asked.key, &asked.extras, outcome, out);
        if *outcome == Outcome::Accepted {
            // Its effect may still show, or not.
            self.asked.insert(id, asked);
        }
    }

    /// Tells the giver of a command what became of it, and the true value if that is not what was asked.
    fn tell_outcome(
        &mut self,
        now: Now,
        key: &str,
        extras: &Extras,
        outcome: &Outcome,
        out: &mut Vec<Output>,
    ) {
        let (word, reason) = match outcome {
            Outcome::Accepted => ("accepted", None),
            Outcome::Confirmed => ("confirmed", None),
            Outcome::Refused(reason) => ("refused", Some(reason.as_str())),
            Outcome::Failed(reason) => ("failed", Some(reason.as_str())),
            Outcome::Superseded => ("refused", Some("a newer value took its place")),
            Outcome::Timeout(reason) => ("timeout", Some(reason.as_str())),
        };
        // The newer value is on its way: the one before is not worth a warning, nor a jump back.
        let trouble = reason.is_some() && *outcome != Outcome::Superseded;
        out.push(Output::Log(Note::Outcome {
            key: key.to_owned(),
            word,
            reason: reason.filter(|_| trouble).map(str::to_owned),
        }));
        let mut body = json!({ "outcome": word });
        if let Some(body) = body.as_object_mut() {
            body.extend(reason.map(|reason| ("reason".into(), reason.into())));
            let Extras { id, objects } = extras;
            let members = [("id", id), ("objects", objects)].into_iter();
            body.extend(members.filter_map(|(name, value)| Some((name.into(), value.clone()?))));
        }
        let topic = self.topics.result(&self.serial, key);
        out.push(Output::Tell(Publication::new(Kind::Moment, topic, body.to_string())));
        if trouble && self.listens() {
            let mut publications = Vec::new();
            self.mirror.republish(now, key, &mut publications);
            out.extend(publications.into_iter().map(Output::Publish));
        }
    }
}
