//! Whose device an AMS unit is, over all printers: named after its serial number while nobody else has that, else
//! after its place.
//!
//! Serial numbers are unique but for clones (BMCU), and a unit goes from printer to printer. So whoever lists a
//! serial number that another place has is not believed at once: the other one is given its time to say that the unit
//! is gone. What Home Assistant has decides, not who speaks first.
//! Must not know: topics, how a device is described.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use printer::{Ams, Naming, Namings, Now, Reach, Serial, Snapshot, Text};

/// How long a place that has a serial number may take to say that the unit is gone: longer than
/// the printer's own doubt about units that it does not list any more.
const HOLD: Duration = Duration::from_secs(45);

/// Clones that are heard first within this time of each other, and of the time that they are waited for, are new
/// together.
const TOGETHER: Duration = Duration::from_secs(90);

/// A place for a unit: the printer, and the printer's number of the unit.
pub type UnitPlace = (Serial, u8);

/// What a printer says of its units.
#[derive(Debug, Default)]
struct Listed {
    reach: Reach,
    /// What it lists is what it has, and not what was known of it before.
    whole: bool,
    /// Units whose boards are known, or will never be.
    units: Vec<Unit>,
}

#[derive(Debug)]
struct Unit {
    id: u8,
    serial: Option<Text>,
    /// It is gone, and that is still to be confirmed: what is known of it stays, unless another place has it.
    unplugged: bool,
}

impl Unit {
    fn of(unit: &Ams) -> Self {
        Self { id: unit.id, serial: unit.serial_number().cloned(), unplugged: unit.unplugged }
    }

    /// Whether nothing that counts of a unit is other than this.
    fn is(&self, unit: &Ams) -> bool {
        (self.id, self.serial.as_ref(), self.unplugged) == (unit.id, unit.serial_number(), unit.unplugged)
    }
}

/// Whether a place still has the unit that a serial number belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    Yes,
    No,
    /// Its printer is off.
    Away,
    /// Its printer has not said yet.
    Unknown,
}

/// Two units that have one serial number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    /// The one that the serial number stays with.
    pub first: UnitPlace,
    /// The one that is named after its place.
    pub second: UnitPlace,
}

/// All units of all printers.
#[derive(Debug, Default)]
pub struct Units {
    /// What Home Assistant has is known.
    ready: bool,
    /// All printers are known that there are.
    complete: bool,
    /// Which place Home Assistant has for a serial number, and which units it has by their place.
    kept: BTreeMap<Text, UnitPlace>,
    kept_places: BTreeSet<UnitPlace>,
    printers: BTreeMap<Serial, Listed>,
    owners: BTreeMap<Text, UnitPlace>,
    /// When each serial number was heard first.
    met: BTreeMap<Text, Duration>,
    /// Units that are named after their place, and the serial number that is another's.
    shared: BTreeMap<UnitPlace, Text>,
    /// Units that list a serial number that another place has, and since when.
    waiting: BTreeMap<UnitPlace, (Text, Duration)>,
    told: BTreeMap<Serial, Arc<Namings>>,
    /// Something was decided since the printers were told.
    news: bool,
    clashes: Vec<Clash>,
}

impl Units {
    /// Home Assistant has a device for this serial number, which stands there.
    pub fn keep(&mut self, serial: Text, place: UnitPlace) {
        self.kept.insert(serial, place);
    }

    /// Home Assistant has a device that is named after its place.
    pub fn keep_place(&mut self, place: UnitPlace) {
        self.kept_places.insert(place);
    }

    /// All that Home Assistant has is known; nothing is decided before.
    pub fn begin(&mut self, now: Now) {
        self.ready = true;
        self.decide(now);
    }

    /// Whether [`Units::begin`] was called.
    pub fn has_begun(&self) -> bool {
        self.ready
    }

    /// Whether the printers seen are all that there are: one that is not among them then is gone.
    pub fn set_complete(&mut self, now: Now, complete: bool) {
        if std::mem::replace(&mut self.complete, complete) != complete {
            self.decide(now);
        }
    }

    /// A printer that is used from now on.
    pub fn add(&mut self, serial: &Serial) {
        self.printers.entry(serial.clone()).or_default();
        self.told.insert(serial.clone(), Arc::default());
    }

    /// One that is not used any more.
    pub fn remove(&mut self, now: Now, serial: &Serial) {
        self.printers.remove(serial);
        self.told.remove(serial);
        self.owners.retain(|_, (printer, _)| printer != serial);
        self.kept.retain(|_, (printer, _)| printer != serial);
        self.decide(now);
    }

    /// Looks at a printer that is not as it was.
    pub fn look(&mut self, now: Now, snapshot: &Snapshot) {
        let whole = snapshot.reach == Reach::Online && snapshot.contact.linked && snapshot.contact.whole;
        let settled = || snapshot.observed.ams.iter().filter(|unit| unit.settled);
        if let Some(known) = self.printers.get(&snapshot.identity.serial)
            && (known.reach, known.whole) == (snapshot.reach, whole)
            && known.units.len() == settled().count()
            && known.units.iter().zip(settled()).all(|(known, unit)| known.is(unit))
        {
            // So it is with nearly each report.
            return;
        }
        let units = settled().map(Unit::of).collect();
        let listed = Listed { reach: snapshot.reach, whole, units };
        self.printers.insert(snapshot.identity.serial.clone(), listed);
        self.decide(now);
    }

    /// Decides what time alone brings.
    pub fn tick(&mut self, now: Now) {
        if self.deadline().is_some_and(|at| now.mono >= at) {
            self.decide(now);
        }
    }

    /// When [`Units::tick`] decides something.
    pub fn deadline(&self) -> Option<Duration> {
        self.waiting.values().map(|(_, since)| *since + HOLD).min()
    }

    /// The printers whose units are named otherwise than they were told, those first that get a name: what one takes
    /// back is then another's already.
    pub fn changed(&mut self) -> Vec<(Serial, Arc<Namings>)> {
        if !std::mem::take(&mut self.news) {
            return Vec::new();
        }
        let mut changed = Vec::new();
        for serial in self.printers.keys() {
            let new = self.namings(serial);
            let before = self.told.get(serial);
            if before.is_none_or(|before| **before != new) {
                let gains = |(unit, named): (&u8, &(Option<Text>, Naming))| {
                    named.1 == Naming::Serial && before.is_none_or(|before| before.get(unit) != Some(named))
                };
                changed.push((!new.iter().any(gains), serial.clone(), Arc::new(new)));
            }
        }
        changed.sort_by_key(|(last, ..)| *last);
        for (_, serial, namings) in &changed {
            self.told.insert(serial.clone(), Arc::clone(namings));
        }
        changed.into_iter().map(|(_, serial, namings)| (serial, namings)).collect()
    }

    /// Clones that were found since the last call, each once.
    pub fn clashes(&mut self) -> Vec<Clash> {
        std::mem::take(&mut self.clashes)
    }

    /// How the units of a printer are named.
    fn namings(&self, printer: &Serial) -> Namings {
        let Some(listed) = self.printers.get(printer).filter(|_| self.ready) else { return Namings::new() };
        let name = |Unit { id, serial, .. }: &Unit| {
            let place = (printer.clone(), *id);
            let naming = match serial {
                Some(own) if self.owner(own) == Some(&place) => Naming::Serial,
                Some(own) if self.shared.get(&place) == Some(own) => Naming::Place,
                Some(_) => Naming::Held,
                // The boards are not all told yet, and Home Assistant has the unit that stands there.
                None => self.kept_at(&place).map_or(Naming::Serial, Naming::Remembered),
            };
            (*id, (serial.clone(), naming))
        };
        listed.units.iter().map(name).collect()
    }

    /// The serial number that Home Assistant has for a place.
    fn kept_at(&self, place: &UnitPlace) -> Option<Text> {
        let (serial, _) = self.kept.iter().find(|(_, kept)| *kept == place)?;
        (self.owner(serial) == Some(place)).then(|| serial.clone())
    }

    fn owner(&self, serial: &Text) -> Option<&UnitPlace> {
        self.owners.get(serial).or_else(|| self.kept.get(serial))
    }

    fn holds(&self, (printer, unit): &UnitPlace, serial: &Text) -> Holds {
        let Some(listed) = self.printers.get(printer) else {
            return if self.complete { Holds::No } else { Holds::Unknown };
        };
        let here = listed.units.iter().find(|here| here.id == *unit && !here.unplugged);
        match here {
            _ if !listed.whole && listed.reach == Reach::Offline => Holds::Away,
            _ if !listed.whole => Holds::Unknown,
            // One whose board is not told yet may be the one.
            Some(here) if here.serial.as_ref().is_none_or(|known| known == serial) => Holds::Yes,
            _ => Holds::No,
        }
    }

    /// Who lists each serial number: those of whom that is certain first.
    fn claims(&self) -> BTreeMap<Text, Vec<(UnitPlace, bool)>> {
        let mut claims: BTreeMap<Text, Vec<(UnitPlace, bool)>> = BTreeMap::new();
        for certain in [true, false] {
            for (printer, listed) in self.printers.iter().filter(|(_, listed)| listed.whole == certain) {
                for unit in listed.units.iter().filter(|unit| !unit.unplugged) {
                    let Some(serial) = unit.serial.clone() else { continue };
                    claims.entry(serial).or_default().push(((printer.clone(), unit.id), certain));
                }
            }
        }
        claims
    }

    fn decide(&mut self, now: Now) {
        if !self.ready {
            return;
        }
        self.news = true;
        let claims = self.claims();
        let claimed = |place: &UnitPlace, serial: &Text| {
            claims.get(serial).is_some_and(|units| units.iter().any(|(known, _)| known == place))
        };
        self.shared.retain(|place, serial| claimed(place, serial));
        // One of which nothing is certain waits for nothing: its time begins when it is heard again.
        let certain = |place: &UnitPlace, serial: &Text| {
            claims.get(serial).is_some_and(|units| units.iter().any(|(known, sure)| known == place && *sure))
        };
        self.waiting.retain(|place, (serial, _)| certain(place, serial));
        for (serial, units) in &claims {
            self.decide_serial(now, serial, units);
        }
    }

    fn decide_serial(&mut self, now: Now, serial: &Text, units: &[(UnitPlace, bool)]) {
        let owner = self.owner(serial).cloned();
        let holds = owner.as_ref().map_or(Holds::No, |owner| self.holds(owner, serial));
        let mut owner = match (owner, units.first()) {
            (Some(owner), _) if holds != Holds::No => owner,
            (_, Some((first, _))) => first.clone(),
            (_, None) => return,
        };
        for (place, _) in units.iter().filter(|(_, certain)| *certain) {
            if *place == owner || self.shared.contains_key(place) {
                continue;
            }
            if self.kept_places.contains(place) && holds != Holds::No {
                self.waiting.remove(place);
                self.shared.insert(place.clone(), serial.clone());
                continue;
            }
            let (_, since) = *self.waiting.entry(place.clone()).or_insert((serial.clone(), now.mono));
            let over = now.mono >= since + HOLD;
            match holds {
                // It was moved while the printer that it left is off.
                Holds::Away => owner = place.clone(),
                Holds::Unknown if over => owner = place.clone(),
                Holds::Yes | Holds::No if over => {
                    self.waiting.remove(place);
                    // Of new ones the lower place has it; what Home Assistant has had for longer stays.
                    let new = self.met.get(serial).is_some_and(|met| now.mono <= *met + TOGETHER);
                    let swaps = new && !self.kept.contains_key(serial) && *place < owner;
                    let first = if swaps { place.clone() } else { owner.clone() };
                    let second = if swaps { owner } else { place.clone() };
                    self.shared.remove(&first);
                    self.shared.insert(second.clone(), serial.clone());
                    self.kept_places.insert(second.clone());
                    self.clashes.push(Clash { first: first.clone(), second });
                    owner = first;
                }
                Holds::Yes | Holds::No | Holds::Unknown => {}
            }
        }
        self.waiting.remove(&owner);
        self.shared.remove(&owner);
        self.met.entry(serial.clone()).or_insert(now.mono);
        self.owners.insert(serial.clone(), owner);
    }
}

#[cfg(test)]
mod tests;
