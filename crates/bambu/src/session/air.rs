//! The air in AMS units: an index that flaps between two reports, and a drying whose time stands still
//! (protocol 4.13).

use std::collections::BTreeMap;
use std::time::Duration;

use crate::report::{Print, Unit};

/// How long another humidity index must last: between two of them it changes back and forth with each second or third
/// report. Chosen: air does not change faster.
const LASTS: Duration = Duration::from_secs(60);
/// A drying whose minutes do not change for so long does not run. Chosen: it is told in minutes.
const STILL: Duration = Duration::from_secs(300);

fn units(report: &Print) -> impl Iterator<Item = (i64, &Unit)> {
    let units = report.ams.as_ref().and_then(|ams| ams.ams.as_ref());
    units.into_iter().flat_map(|units| &units.0).filter_map(|unit| Some((unit.id?, unit)))
}

/// Humidity indices that are not believed yet, by unit: the index, and since when it is said.
#[derive(Debug, Default)]
pub(super) struct Humidity {
    waiting: BTreeMap<i64, (i64, Duration)>,
    /// Nothing was heard since something may have been missed.
    anew: bool,
}

impl Humidity {
    /// Something may have been missed: what is heard next counts at once.
    pub(super) fn forget(&mut self) {
        self.waiting.clear();
        self.anew = true;
    }

    /// Takes out of a report what has not lasted yet.
    pub(super) fn hold(&mut self, now: Duration, known: &Print, print: &mut Print) {
        let patch = print.ams.as_mut().and_then(|ams| ams.ams.as_mut());
        if patch.is_some() && std::mem::take(&mut self.anew) {
            return;
        }
        for unit in patch.into_iter().flat_map(|units| &mut units.0) {
            let (Some(id), Some(new)) = (unit.id, unit.humidity) else { continue };
            let old = units(known).find(|(known, _)| *known == id).and_then(|(_, unit)| unit.humidity);
            if old.is_none_or(|old| old == new) {
                self.waiting.remove(&id);
                continue;
            }
            let since =
                self.waiting.get(&id).filter(|(said, _)| *said == new).map_or(now, |(_, since)| *since);
            self.waiting.insert(id, (new, since));
            unit.humidity = None;
        }
    }

    /// Puts into what is known what has lasted; says whether there was any.
    pub(super) fn believe(&mut self, now: Duration, known: &mut Print) -> bool {
        let waiting = std::mem::take(&mut self.waiting).into_iter();
        let (lasted, waiting): (BTreeMap<_, _>, _) =
            waiting.partition(|(_, (_, since))| now >= *since + LASTS);
        self.waiting = waiting;
        let units = known.ams.as_mut().and_then(|ams| ams.ams.as_mut());
        for unit in units.into_iter().flat_map(|units| &mut units.0) {
            if let Some((index, _)) = unit.id.and_then(|id| lasted.get(&id)) {
                unit.humidity = Some(*index);
            }
        }
        !lasted.is_empty()
    }

    /// When the next one is believed.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.waiting.values().map(|(_, since)| *since + LASTS).min()
    }
}

/// How long the time of each drying unit has been the same: its minutes, and since when.
#[derive(Debug, Default)]
pub(super) struct DryingTime {
    seen: BTreeMap<i64, (i64, Duration)>,
    still: Vec<u8>,
}

impl DryingTime {
    /// Something may have been missed: what ran may have stood still meanwhile. What stood still does so until its
    /// minutes are others.
    pub(super) fn forget(&mut self, now: Duration) {
        for (id, (_, since)) in &mut self.seen {
            if !self.still.iter().any(|still| i64::from(*still) == *id) {
                *since = now;
            }
        }
    }

    /// Looks at what is known after a report; says whether another unit stands still now, or one goes on.
    pub(super) fn look(&mut self, now: Duration, known: &Print) -> bool {
        let drying =
            units(known).filter_map(|(id, unit)| Some((id, unit.dry_time.filter(|left| *left > 0)?)));
        let before = std::mem::take(&mut self.seen);
        let since = |(id, left): (i64, i64)| {
            let same = before.get(&id).filter(|(before, _)| *before == left);
            (id, (left, same.map_or(now, |(_, since)| *since)))
        };
        self.seen = drying.map(since).collect();
        let still = self.seen.iter().filter(|(_, (_, since))| now >= *since + STILL);
        let still: Vec<u8> = still.filter_map(|(id, _)| u8::try_from(*id).ok()).collect();
        let changed = self.still != still;
        self.still = still;
        changed
    }

    /// The units whose drying time stands still.
    pub(super) fn still(&self) -> &[u8] {
        &self.still
    }
}
