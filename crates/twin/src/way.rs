//! The ways in which a printer is heard and asked, one a place, and which of them counts.

use std::time::Duration;

use bambu::access::Access;
use bambu::session::Session;
use printer::{Control, Observed, Reach, Serial};

/// Where a printer is heard and asked: the broker of an account, or its own. Whoever has the connections knows which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Place(pub u32);

struct Way {
    place: Place,
    access: &'static Access,
    session: Session,
}

/// All ways of one printer.
#[derive(Default)]
pub(crate) struct Ways {
    list: Vec<Way>,
    /// The one that spoke last.
    spoke: Option<Place>,
}

/// Which way counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Choice {
    /// What is heard there is how the printer is.
    pub(crate) speaks: Option<Place>,
    /// What is asked of it is asked there.
    pub(crate) obeys: Option<Place>,
}

/// How well a printer is heard at a place, and what it does there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Standing {
    place: Place,
    rank: u8,
    linked: bool,
    whole: bool,
    online: bool,
    control: Control,
}

impl Standing {
    fn of(way: &Way) -> Self {
        let observed: &Observed = way.session.observed();
        Self {
            place: way.place,
            rank: way.access.rank,
            linked: way.session.is_connected(),
            whole: observed.contact.whole,
            online: observed.reach == Reach::Online,
            control: observed.control,
        }
    }
}

/// Chooses: who hears the whole printer speaks, and who spoke goes on where another is no better; who may do more
/// obeys.
fn choose(ways: &[Standing], spoke: Option<Place>) -> Choice {
    let hears =
        |way: &Standing| (way.linked && way.online && way.whole, way.linked && way.online, way.online);
    // Of several that hear nothing any more, the one that spoke has the newest.
    let rank = |way: &Standing| way.linked.then_some(way.rank);
    let speaks = ways.iter().max_by_key(|way| (hears(way), rank(way), spoke == Some(way.place)));
    let allows = |way: &Standing| (way.linked, way.online, way.control != Control::Limited);
    let obeys = ways.iter().max_by_key(|way| (allows(way), way.rank));
    Choice { speaks: speaks.map(|way| way.place), obeys: obeys.map(|way| way.place) }
}

impl Ways {
    pub(crate) fn add(
        &mut self,
        place: Place,
        serial: &Serial,
        cloud_names: [&str; 2],
        access: &'static Access,
        sequence: u32,
    ) {
        let session = Session::new(serial, cloud_names, access, sequence);
        self.list.push(Way { place, access, session });
    }

    /// The place where it is reached in this way.
    pub(crate) fn of(&self, access: &Access) -> Option<Place> {
        self.list.iter().find(|way| way.access == access).map(|way| way.place)
    }

    /// What was heard at one place goes on at another.
    pub(crate) fn rename(&mut self, from: Place, to: Place) {
        for way in self.list.iter_mut().filter(|way| way.place == from) {
            way.place = to;
        }
        if self.spoke == Some(from) {
            self.spoke = Some(to);
        }
    }

    pub(crate) fn get(&self, place: Place) -> Option<&Session> {
        self.list.iter().find(|way| way.place == place).map(|way| &way.session)
    }

    pub(crate) fn get_mut(&mut self, place: Place) -> Option<&mut Session> {
        self.list.iter_mut().find(|way| way.place == place).map(|way| &mut way.session)
    }

    pub(crate) fn sessions(&self) -> impl Iterator<Item = &Session> {
        self.list.iter().map(|way| &way.session)
    }

    /// Which of them counts now.
    pub(crate) fn choose(&mut self) -> Choice {
        // Mostly there is one, and nothing to choose.
        let choice = match self.list.as_slice() {
            [only] => Choice { speaks: Some(only.place), obeys: Some(only.place) },
            several => choose(&several.iter().map(Standing::of).collect::<Vec<_>>(), self.spoke),
        };
        self.spoke = choice.speaks;
        choice
    }

    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.list.iter().filter_map(|way| way.session.deadline()).min()
    }

    /// The places whose time has come.
    pub(crate) fn due(&self, now: Duration) -> Vec<Place> {
        let due = |way: &&Way| way.session.deadline().is_some_and(|at| at <= now);
        self.list.iter().filter(due).map(|way| way.place).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Place = Place(1);
    const B: Place = Place(2);

    fn well(place: Place, rank: u8) -> Standing {
        Standing { place, rank, linked: true, whole: true, online: true, control: Control::Full }
    }

    #[test]
    fn who_hears_the_whole_printer_speaks() {
        let (a, b) = (well(A, 0), well(B, 1));
        let speaks = |ways: &[Standing], spoke| choose(ways, spoke).speaks.unwrap();
        assert_eq!(speaks(&[a, b], None), B, "the better kind where both hear it");
        assert_eq!(speaks(&[a, Standing { whole: false, ..b }], None), A);
        assert_eq!(speaks(&[a, Standing { linked: false, ..b }], Some(B)), A);
        assert_eq!(speaks(&[a, Standing { online: false, ..b }], Some(B)), A);
        let lost = |way| Standing { linked: false, whole: false, ..way };
        assert_eq!(speaks(&[lost(a), lost(b)], Some(A)), A, "who spoke goes on");
        assert_eq!(speaks(&[lost(a), lost(b)], Some(B)), B);
    }

    #[test]
    fn who_may_do_more_obeys() {
        let (a, b) = (well(A, 0), well(B, 1));
        let obeys = |ways: &[Standing]| choose(ways, None).obeys.unwrap();
        assert_eq!(obeys(&[a, b]), B);
        assert_eq!(obeys(&[a, Standing { control: Control::Limited, ..b }]), A);
        let limited = |way| Standing { control: Control::Limited, ..way };
        assert_eq!(obeys(&[limited(a), limited(b)]), B);
        assert_eq!(obeys(&[limited(a), Standing { linked: false, ..b }]), A, "one that is away does nothing");
        assert_eq!(choose(&[], None), Choice::default());
    }
}
