//! AMS units that a printer does not list right after it was heard anew: while it starts it does not know them yet
//! (protocol 3.4), so it is given its time before they count as unplugged.

use std::time::Duration;

use crate::observed;
use crate::report::{Ams, Print};
use crate::wire::{Kind, Object as _};

/// How long after it was heard anew.
const TIME: Duration = Duration::from_secs(30);

/// What it said of its units meanwhile.
#[derive(Debug, Default)]
pub(super) struct Boot {
    since: Option<Duration>,
    /// Units that were there before and that it has not listed since, as bits of `ams_exist_bits`.
    missed: u64,
    held: Option<Box<Ams>>,
}

fn exist_bits(report: &Print) -> Option<u64> {
    Some(report.ams.as_ref()?.ams_exist_bits?.0)
}

impl Boot {
    /// It is heard anew: it may have been off.
    pub(super) fn begun(&mut self, now: Duration, known: &Print) {
        *self = Self { since: Some(now), missed: exist_bits(known).unwrap_or_default(), held: None };
    }

    /// Takes the units out of a report that lacks one of those that were there before.
    pub(super) fn hold(&mut self, now: Duration, print: &mut Print) {
        let Some(bits) = exist_bits(print) else {
            // What is said of a slot meanwhile is newer than what is held.
            if let (Some(held), Some(news)) = (&mut self.held, &print.ams) {
                held.merge(news.clone(), Kind::Delta);
            }
            return;
        };
        self.missed &= !bits;
        self.held = None;
        let young = self.since.is_some_and(|since| now < since + TIME);
        if let Some(ams) = print.ams.as_mut().filter(|_| young && self.missed != 0) {
            self.held = Some(Box::new(Ams {
                ams: ams.ams.take(),
                ams_exist_bits: ams.ams_exist_bits.take(),
                tray_exist_bits: ams.tray_exist_bits.take(),
                ..Ams::default()
            }));
        }
    }

    /// Puts it into what is known when its time is over; says whether it did.
    pub(super) fn believe(&mut self, now: Duration, known: &mut Print) -> bool {
        if self.deadline().is_none_or(|at| now < at) {
            return false;
        }
        let Some(held) = self.held.take() else { return false };
        known.ams.get_or_insert_default().merge(*held, Kind::Full);
        observed::forget_unplugged(known);
        true
    }

    /// When it is believed.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.since.filter(|_| self.held.is_some()).map(|since| since + TIME)
    }
}
