//! What happens beside the job: heat, drying, spools, firmware.

use crate::event::{EventSource, Kind};
use crate::ledger::Phase;
use crate::{Now, Stage, Status};

use super::holds::{EARLY, UNHEARD};
use super::seen::Seen;
use super::states::Doing;
use super::telling::Telling;
use super::{Tracker, reason, since};

impl Tracker {
    pub(super) fn evaluate_predicates(&mut self, now: Now, seen: &Seen, before: Option<&Seen>) {
        if before.is_none_or(|before| !before.ams.is(&seen.ams)) {
            self.evaluate_drying(now, seen);
        }
        self.evaluate_sources(now, seen);
        self.evaluate_door(now, seen, before);
        if seen.stale || !seen.contact.whole {
            // It does not answer, or what is known of its heat is of before a gap.
            (self.live.safe, self.live.cooled, self.live.door_hot) = (None, None, None);
        } else {
            self.evaluate_heat(now, seen);
        }
        if let Some(offered) = seen.offered.as_ref()
            && self.ledger.told_of.firmware.as_ref() != Some(offered)
        {
            self.ledger.told_of.firmware = Some(offered.clone());
            let mut why = reason::word("firmware");
            why.text = Some(offered.to_string());
            self.tell_of_printer(now, Kind::FirmwareAvailable, EventSource::Report, Some(why));
        }
    }

    fn evaluate_drying(&mut self, now: Now, seen: &Seen) {
        for unit in &*seen.ams {
            let Some(left) = unit.drying.remaining else { continue };
            if unit.drying.is_interrupted() {
                // It has no end that could be waited for, and who stops it then does not let it finish.
                self.effects.save |= self.ledger.told_of.drying.remove(&unit.id).is_some();
                continue;
            }
            let known = self.ledger.told_of.drying.get(&unit.id).copied();
            if left.is_zero() {
                if let Some(end) = known {
                    self.ledger.told_of.drying.remove(&unit.id);
                    self.effects.save = true;
                    if since(end, now.wall) <= EARLY {
                        let mut why = reason::word("drying");
                        why.text = Some(unit.label().into());
                        // Nobody needs to have looked to know when it ended.
                        let at = if self.finding { end.min(now.wall) } else { now.wall };
                        let what = Telling {
                            dated: true,
                            reason: Some(why),
                            ..Telling::new(Kind::DryingFinished, at)
                        };
                        self.tell(now, what);
                    }
                }
                continue;
            }
            let Ok(end) = now.wall.checked_add(left) else { continue };
            let moved = known.map(|known| known.duration_since(end).abs().unsigned_abs());
            if moved.is_none_or(|moved| moved > EARLY) {
                self.ledger.told_of.drying.insert(unit.id, end);
                self.effects.save = true;
            }
        }
        // One that was unplugged is not done.
        self.ledger.told_of.drying.retain(|id, _| seen.ams.iter().any(|unit| unit.id == *id));
    }

    /// Another spool feeds a nozzle while it prints. Between two of them nothing does.
    fn evaluate_sources(&mut self, now: Now, seen: &Seen) {
        let printing = matches!(self.doing, Doing::Active) && self.ledger.going.phase != Phase::Prepare;
        let print = self.is_print();
        for (side, new) in seen.sources.into_iter().enumerate() {
            let Some(new) = new.filter(|source| *source != crate::Source::Nothing) else { continue };
            let Some(old) = self.live.sources.get_mut(side) else { continue };
            if let Some(old) = old.replace(new)
                && old != new
                && printing
                && print
                && !self.live.doubt
            {
                let mut why = reason::word("filament");
                why.text = seen.spool(new);
                self.tell_of_job(now, Kind::FilamentChanged, Some(why));
            }
        }
    }

    /// That the door is opened while something moves and heats behind it, and that it stands open while it is hot.
    fn evaluate_door(&mut self, now: Now, seen: &Seen, before: Option<&Seen>) {
        let opened =
            seen.door_open == Some(true) && before.is_some_and(|before| before.door_open == Some(false));
        // Whoever opens it in a pause is there to help.
        let works = matches!(self.doing, Doing::Active) && seen.status != Some(Status::Pause);
        if opened && works && self.is_print() {
            self.tell_of_job(now, Kind::DoorOpened, None);
        }
        let hot = match seen.door_open {
            Some(true) => seen.heat.hot(),
            closed => closed,
        };
        let was = self.live.door_hot;
        self.live.door_hot = hot.or(was.filter(|_| seen.door_open.is_some()));
        if hot == Some(true) && was == Some(false) {
            self.tell_of_printer(now, Kind::DoorOpenHot, EventSource::Report, None);
        }
    }

    fn evaluate_heat(&mut self, now: Now, seen: &Seen) {
        let resting = matches!(self.doing, Doing::Rest)
            && matches!(seen.status, Some(Status::Idle | Status::Finish | Status::Failed));
        let drying = seen.ams.iter().any(|unit| unit.is_drying() == Some(true));
        let filament = seen.stage.is_some_and(Stage::changes_filament);
        // Whoever heats it at rest is about to use it, however cold it still is.
        let busy = !resting || drying || seen.updating || filament || seen.heat.heated;
        let hot = seen.heat.hot();
        let safe = if busy { Some(false) } else { hot.map(|hot| !hot) };
        let cooled = if resting { seen.heat.bed_warm.map(|warm| !warm) } else { Some(false) };
        self.live.safe = safe;
        self.live.cooled = cooled;
        // Perhaps a job, or nothing that is known yet: no edge, in case that it is nothing.
        if matches!(self.doing, Doing::Arming(_) | Doing::Unsynced) {
            return;
        }
        // Only a bed that was warm cools: many prints do not heat it.
        let cooled = match seen.heat.bed_warm {
            Some(true) => Some(false),
            _ => cooled.filter(|cool| *cool),
        };
        let told = &mut self.ledger.told_of;
        let was = (
            safe.and_then(|safe| told.safe.replace(safe)),
            cooled.and_then(|cool| told.cooled.replace(cool)),
        );
        if was.1 == Some(false) && cooled == Some(true) {
            self.tell_of_printer(now, Kind::BedCooled, EventSource::Report, None);
        }
        if was.0 == Some(false) && safe == Some(true) {
            self.tell_of_printer(now, Kind::SafeToPowerOff, EventSource::Report, None);
        }
    }

    /// Whether so much time passed since it was heard that nobody should switch anything by what is known.
    pub(super) fn is_unsure(&self, now: Now) -> bool {
        self.unsure_since.is_some_and(|at| now.mono >= at + UNHEARD)
    }
}

impl Seen {
    /// What a spool is called: its slot, and what is on it.
    fn spool(&self, source: crate::Source) -> Option<String> {
        use crate::Source;
        match source {
            Source::Ams { unit, slot } => {
                let unit = self.ams.iter().find(|ams| ams.id == unit)?;
                let label = source.label()?;
                let filament = unit.slots.get(usize::from(slot)).and_then(|slot| slot.filament());
                Some(match filament {
                    Some(filament) if !filament.name.is_empty() => format!("{label}: {}", filament.name),
                    _ => label.into(),
                })
            }
            Source::External(_) => Some("external spool".to_owned()),
            Source::Nothing => None,
        }
    }
}
