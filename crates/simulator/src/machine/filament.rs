//! Filament on its way into the nozzle and out of it.
use super::super::spool::Reel;
use super::Machine;

/// The steps of a filament change: `ams_status` and how long it lasts.
const CHANGE: [(u16, f64); 5] = [(258, 8.0), (260, 8.0), (261, 4.0), (262, 12.0), (263, 8.0)];

#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    step: usize,
    left: f64,
    /// Where to; `None` only takes the filament out.
    to: Option<usize>,
}

impl Machine {
    pub(super) fn load(&mut self, spool: usize) {
        if self.feeding != Some(spool) {
            let (nozzle, heat) = (self.model.nozzle_of(spool), self.plan().nozzle);
            self.nozzle_mut(nozzle).target = heat;
            self.begin_change(Some(spool));
        }
    }

    pub(super) fn begin_change(&mut self, to: Option<usize>) {
        self.change = CHANGE.first().map(|(_, seconds)| Change { step: 0, left: *seconds, to });
    }

    /// Someone wants another filament in the nozzle, or none, changed at this temperature.
    pub(crate) fn change_by_hand(&mut self, to: Option<usize>, heat: Option<u16>) {
        if self.can_change() && to != self.feeding {
            let wanted = to.or(self.feeding);
            let nozzle = wanted.map_or(self.active, |spool| self.model.nozzle_of(spool));
            let of_spool = || wanted.and_then(|spool| self.spools.get(spool)).map_or(220, Reel::heat);
            let heat = heat.unwrap_or_else(of_spool);
            self.active = nozzle;
            self.nozzle_mut(nozzle).target = heat;
            self.begin_change(to);
        }
    }

    /// Whether filament can be changed by hand now.
    pub(crate) fn can_change(&self) -> bool {
        let free = !self.busy() || self.paused;
        free && !self.occupied && self.change.is_none() && self.chore.is_none()
    }

    pub(crate) fn ams_status(&self) -> u16 {
        match self.change.and_then(|change| CHANGE.get(change.step)) {
            Some((status, _)) => *status,
            // Reading a tag.
            None if self.reading().is_some() => 512,
            None if self.printing() && self.closing.is_none() => 768,
            None => 0,
        }
    }

    /// The spool that will feed next: the one that feeds unless a change is on.
    pub(crate) fn target_spool(&self) -> Option<usize> {
        self.change.map_or(self.feeding, |change| change.to)
    }

    pub(super) fn wanted_spool(&self) -> Option<usize> {
        let share = self.share();
        self.job_spools().iter().rev().find(|(from, _)| *from <= share).map(|(_, spool)| *spool)
    }

    /// Goes on with a filament change, the hot end heating meanwhile.
    pub(super) fn advance_change(&mut self, seconds: f64) {
        let Some(change) = &mut self.change else { return };
        change.left -= seconds;
        if change.left > 0.0 {
            return;
        }
        change.step += 1;
        let to = change.to;
        let next = CHANGE.get(change.step).filter(|_| to.is_some() || change.step < 3);
        if let Some((_, next)) = next {
            change.left += next;
            if change.step == 2 {
                self.previous = self.feeding.take();
            }
            return;
        }
        self.change = None;
        self.feeding = to;
        let (before, nozzle) = (self.active, to.map_or(self.active, |spool| self.model.nozzle_of(spool)));
        if nozzle != before {
            self.nozzle_mut(before).target = 0;
            self.active = nozzle;
        }
        if !self.busy() || self.closing.is_some() {
            self.nozzle_mut(nozzle).target = 0;
        }
    }
}
