//! When an event may leave: not before the disk has the ledger that holds it, in order, and again until the
//! broker has acknowledged it.
//!
//! Pure: versions, tokens and connections are told to it. Bare triggers leave at most once: the mark that one
//! has left must be on the disk before it does. A disk that refuses it keeps them back, for whoever acts on one
//! that comes twice acts twice; events leave then, for they can be told apart.

use std::collections::VecDeque;

use jiff::Timestamp;

use printer::{Event, Text};

/// Counts what was handed to the disk; a larger one is newer.
pub type Version = u64;

/// A printer's events between ledger and broker. `T` names a message that was given to the connection.
#[derive(Debug)]
pub struct Delivery<T> {
    /// The newest version that the disk has or has refused: who waits for a refusal to heal would be told
    /// nothing on a full disk.
    settled: Version,
    /// The newest version that the disk has.
    stored: Version,
    /// Versions on their way to the disk, and the number of the last event in each.
    handed: VecDeque<(Version, u64)>,
    /// The last event that may leave.
    safe: u64,
    /// The last that left on this connection.
    sent: u64,
    /// The last that may have left before, on another connection or in an earlier life.
    old: u64,
    /// What the broker has not acknowledged.
    flying: VecDeque<(T, u64, Text)>,
    /// Triggers that may leave when their mark is on the disk.
    grants: VecDeque<Grant>,
}

#[derive(Debug)]
struct Grant {
    event: u64,
    at: Timestamp,
    names: &'static [&'static str],
    /// The version with its mark; `None` until it was handed over.
    version: Option<Version>,
}

/// Something that should leave now.
#[derive(Debug, PartialEq)]
pub enum Due<'a> {
    /// An event; `true` says that it may have been told before.
    Event(&'a Event, bool),
    /// A bare trigger.
    Trigger(&'static str),
}

impl<T: Copy + PartialEq> Delivery<T> {
    /// For a ledger as it lies on the disk; `last` is the number of the last event it knows.
    pub fn new(last: u64) -> Self {
        Self {
            settled: 0,
            stored: 0,
            handed: VecDeque::new(),
            safe: last,
            sent: 0,
            old: last,
            flying: VecDeque::new(),
            grants: VecDeque::new(),
        }
    }

    /// The triggers of an event may leave: the ledger that is handed over next has them marked.
    pub fn grant(&mut self, event: &Event, names: &'static [&'static str]) {
        if !names.is_empty() {
            self.grants.push_back(Grant { event: event.seq, at: event.earliest(), names, version: None });
        }
    }

    /// A ledger is on its way to the disk; `last` is the number of the last event it knows.
    pub fn handed(&mut self, version: Version, last: u64) {
        for grant in self.grants.iter_mut().filter(|grant| grant.version.is_none()) {
            grant.version = Some(version);
        }
        self.handed.push_back((version, last));
        // One that is there already is not answered again.
        self.settle(self.settled);
    }

    /// The disk has this version.
    pub fn stored(&mut self, version: Version) {
        self.stored = self.stored.max(version);
        self.settle(version);
    }

    /// The disk has refused this version: events leave all the same, triggers do not.
    pub fn refused(&mut self, version: Version) {
        self.settle(version);
    }

    fn settle(&mut self, version: Version) {
        self.settled = self.settled.max(version);
        while let Some((version, last)) = self.handed.front().copied()
            && version <= self.settled
        {
            self.handed.pop_front();
            self.safe = self.safe.max(last);
        }
    }

    /// What should leave over a connection that is up, in this order; each is given out once a connection.
    /// Triggers of what happened before `oldest` come too late for anybody.
    pub fn due<'a>(&mut self, pending: &'a VecDeque<Event>, oldest: Timestamp) -> Vec<Due<'a>> {
        let Self { safe, sent, old, stored, .. } = *self;
        let mut due: Vec<(u64, Due<'a>)> = pending
            .iter()
            .filter(|event| event.seq > sent && event.seq <= safe)
            .map(|event| (event.seq, Due::Event(event, event.seq <= old)))
            .collect();
        self.grants.retain(|grant| {
            let (ripe, young) = (grant.version.is_some_and(|version| version <= stored), grant.at >= oldest);
            if ripe && young {
                due.extend(grant.names.iter().map(|name| (grant.event, Due::Trigger(name))));
            }
            !ripe && young
        });
        // Behind its own event, so that who acts on a trigger finds the event told.
        due.sort_by_key(|(seq, due)| (*seq, matches!(due, Due::Trigger(_))));
        due.into_iter().map(|(_, due)| due).collect()
    }

    /// An event was given to the connection.
    pub fn left(&mut self, event: &Event, token: T) {
        self.sent = self.sent.max(event.seq);
        self.flying.push_back((token, event.seq, event.id.clone()));
    }

    /// The broker has acknowledged a message; the id of the event that it was, if it was one.
    pub fn delivered(&mut self, token: T) -> Option<Text> {
        let place = self.flying.iter().position(|(flying, ..)| *flying == token)?;
        self.flying.remove(place).map(|(.., id)| id)
    }

    /// The connection is gone: what was not acknowledged will leave again.
    pub fn disconnected(&mut self) {
        self.old = self.old.max(self.sent);
        self.sent = 0;
        self.flying.clear();
    }
}

#[cfg(test)]
mod tests;
