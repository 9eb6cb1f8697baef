//! Whose device each AMS unit is: brings what printers and Home Assistant have together, and tells the printers.

use std::time::Duration;

use tracing::warn;

use super::Gateway;
use super::account::Account;
use super::printers::Printer;
use homeassistant::Publication;
use printer::{Now, Serial, unit_label};
use twin::{Clash, Input, UnitPlace};

impl Gateway {
    /// Decides what time alone brings, and what the local broker has brought.
    pub(super) fn look_at_units(&mut self, now: Now) {
        if !self.units.has_begun() {
            if !self.local_connected || !self.orphans.all_heard(now) {
                return;
            }
            for (serial, place) in self.orphans.units() {
                match serial {
                    Some(serial) => self.units.keep(serial, place),
                    None => self.units.keep_place(place),
                }
            }
            self.units.begin(now);
        }
        self.units.set_complete(now, self.accounts.values().all(Account::is_sure));
        self.units.tick(now);
        self.name_units(now, None);
    }

    /// Tells printers how their units are named; what is for the one that is being looked at is given back.
    pub(super) fn name_units(&mut self, now: Now, looked_at: Option<&Serial>) -> Option<Input<'static>> {
        let mut own = None;
        for (serial, namings) in self.units.changed() {
            let input = Input::Namings(namings);
            if Some(&serial) == looked_at {
                own = Some(input);
            } else {
                self.give(now, &serial, input);
            }
        }
        for Clash { first, second } in self.units.clashes() {
            warn!(
                "{} and {} have the same serial number, as clones do; the second is named after its place",
                self.unit_name(&first),
                self.unit_name(&second),
            );
        }
        own
    }

    fn unit_name(&self, (serial, unit): &UnitPlace) -> String {
        let printer = self.printers.get(serial).map(|printer| printer.twin.snapshot().name().as_str());
        format!("{} of {}", unit_label(*unit), printer.unwrap_or("a printer"))
    }

    /// Publishes what a printer tells. A device that it takes back and another one has stays, and is told anew: the
    /// word of it that stands on the broker may be this printer's.
    pub(super) fn publish_of(&mut self, now: Now, publications: impl Iterator<Item = Publication>) {
        for device in self.publish(publications) {
            let announces = |(serial, printer): (&Serial, &Printer)| {
                printer.twin.announces(&device).then(|| serial.clone())
            };
            let owner = self.printers.iter().find_map(announces);
            if let Some(owner) = owner {
                self.give(now, &owner, Input::Announce(&device));
            }
        }
    }

    /// When the next printer has had its time, while something waits to be judged.
    pub(super) fn next_judgement(&self, now: Now) -> Option<Duration> {
        // Mostly nothing does, and no printer need be looked at.
        if self.orphans.is_done() {
            return None;
        }
        let times = self.printers.iter().filter_map(|(_, printer)| printer.judged_at());
        times.filter(|at| *at > now.mono).min()
    }
}
