//! What the printer would take now of what takes no value: its buttons, and those of the devices below it.

use std::sync::Arc;

use printer::command::permit::{permit_as_such, same_grounds};
use printer::{Command, Snapshot, permit};
use serde_json::{Map, Value as Json};

use crate::catalog::{AMS, EXTERNAL, PRINTER, SLOT};
use crate::discovery;
use crate::entity::{Entity, Platform, SlotPlace, Subject};
use crate::rows::hash;
use crate::topic::Part;

use super::children::numbered;

/// The action that is told of beside the buttons: nothing else says whether objects may be left out now.
const SKIP_OBJECTS: &str = "skip_objects";

/// What was told of what the printer would take.
#[derive(Default)]
pub(super) struct Permitted {
    /// The buttons of the printer's present shape, under their keys as they stand in topics, and what each asks.
    buttons: Vec<(String, Command)>,
    /// The answer for each of them, and for the action at the end.
    answer: Vec<bool>,
    /// Of what was told last only a hash; `None` when nothing was.
    told: Option<u64>,
}

impl Permitted {
    /// What is to be told, if it is not what was told last.
    pub(super) fn differs(
        &mut self,
        snapshot: &Snapshot,
        before: Option<&Snapshot>,
        reshaped: bool,
    ) -> Option<String> {
        if reshaped {
            self.buttons = buttons(snapshot);
        } else if self.told.is_some() && before.is_some_and(|before| same(before, snapshot)) {
            debug_assert!(
                self.answers(snapshot) == self.answer,
                "`same_grounds` leaves out something that a button asks for"
            );
            return None;
        }
        let answer = self.answers(snapshot);
        if !reshaped && answer == self.answer && self.told.is_some() {
            return None;
        }
        let keys = self.buttons.iter().map(|(key, _)| key.as_str()).chain([SKIP_OBJECTS]);
        let members = keys.zip(&answer).map(|(key, may)| (key.to_owned(), Json::Bool(*may)));
        let payload = Json::Object(members.collect::<Map<_, _>>()).to_string();
        self.answer = answer;
        let new = Some(hash(&payload));
        (std::mem::replace(&mut self.told, new) != new).then_some(payload)
    }

    /// What the printer says to each of them now.
    fn answers(&self, snapshot: &Snapshot) -> Vec<bool> {
        let buttons = self.buttons.iter().map(|(_, command)| permitted(snapshot, command));
        buttons.chain([may_skip(snapshot)]).collect()
    }
}

/// Whether nothing that is asked is another.
fn same(a: &Snapshot, b: &Snapshot) -> bool {
    Arc::ptr_eq(&a.policy, &b.policy) && (Arc::ptr_eq(&a.observed, &b.observed) || same_grounds(a, b))
}

fn permitted(snapshot: &Snapshot, command: &Command) -> bool {
    permit(snapshot, &snapshot.policy, command).is_ok()
}

/// Whether objects may be left out, whichever they are.
fn may_skip(snapshot: &Snapshot) -> bool {
    permit_as_such(snapshot, &snapshot.policy, &Command::SkipObjects(Vec::new())).is_ok()
}

/// Every button that waits for the printer's permission, of the printer and of the devices below it.
fn buttons(snapshot: &Snapshot) -> Vec<(String, Command)> {
    let mut all = Vec::new();
    let own = PRINTER.iter().filter(|row| discovery::has(row, snapshot));
    all.extend(own.filter_map(|row| Some((row.key.to_owned(), pressed(row, ())?))));
    for ams in snapshot.ams.iter().filter(|ams| ams.is_announced()) {
        let unit = ams.id;
        let key = |key: &str| Part::Ams(unit).key(key).into_owned();
        let of_unit = AMS.iter().filter(|row| discovery::child_has(row, snapshot, ams));
        all.extend(of_unit.filter_map(|row| Some((key(row.key), pressed(row, unit)?))));
        for (slot, of) in (0..).zip(&ams.slots) {
            let of_slot = SLOT.iter().filter(|row| discovery::child_has(row, snapshot, of));
            let key = |row: &Entity<_>| key(&numbered(row.key, usize::from(slot) + 1));
            all.extend(of_slot.filter_map(|row| Some((key(row), pressed(row, SlotPlace { unit, slot })?))));
        }
    }
    for spool in snapshot.external.iter() {
        let number = spool.number;
        let of_spool = EXTERNAL.iter().filter(|row| discovery::child_has(row, snapshot, spool));
        let key = |key: &str| Part::External(number).key(key).into_owned();
        all.extend(of_spool.filter_map(|row| Some((key(row.key), pressed(row, number)?))));
    }
    all
}

/// What a button asks of the printer, if it waits for permission.
fn pressed<T: Subject>(row: &Entity<T>, place: T::Place) -> Option<Command> {
    match row.platform {
        Platform::Button(command) if row.needs_permission() => Some(command(place)),
        _ => None,
    }
}
