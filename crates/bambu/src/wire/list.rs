//! Lists of a report: replaced as a whole, or merged member by member; never longer than they may be.
//!
//! Must not know what any member means.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

use super::{Kind, Object, Seed, Wire, drain_map, drain_seq, replace, single_values_say_nothing};

/// The most items of a list that are read; the rest is passed over.
///
/// The longest list that we read is that of the skipped objects: no more than 64 of a plate can be skipped
/// (protocol 5.1). Of the boards a capture has 17 (`h2c_ams2pro_failed_drying`), of the stages 14. Health messages
/// are counted, and nobody has limited them, so there is room for four times as many.
pub const LONGEST_LIST: usize = 256;

/// A list that the newer one replaces as a whole.
#[derive(Debug, Clone, PartialEq)]
pub struct List<T>(pub Vec<T>);

/// Reads the first items of a list into a collection of them.
struct ListVisitor<T, C> {
    most: usize,
    items: PhantomData<(T, C)>,
}

impl<T, C> ListVisitor<T, C> {
    fn up_to(most: usize) -> Self {
        Self { most, items: PhantomData }
    }
}

impl<'de, T: Wire, C: Default + Extend<T>> Visitor<'de> for ListVisitor<T, C> {
    type Value = Option<C>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut items = C::default();
        // Counted as they come, also those that say nothing: a message may be a megabyte of them.
        for _ in 0..self.most {
            let Some(item) = seq.next_element_seed(Seed::<T>::new())? else { return Ok(Some(items)) };
            items.extend(item);
        }
        drain_seq(seq)?;
        Ok(Some(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        drain_map(map).map(|()| None)
    }
    single_values_say_nothing!();
}

impl<T: Wire + PartialEq> Wire for List<T> {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Self>, D::Error> {
        Ok(from.deserialize_any(ListVisitor::<T, Vec<T>>::up_to(LONGEST_LIST))?.map(Self))
    }
    fn merge_into(slot: &mut Option<Self>, patch: Self, _: Kind) -> bool {
        replace(slot, patch)
    }
}

/// A member of a list that is told by its own id, never by its place (protocol 7.4).
pub trait Member: Object {
    /// What tells it from its neighbours; a member without one is dropped.
    type Id: PartialEq + Clone;
    /// The most of them that are kept, with room above what any printer has. It is small, for each is compared
    /// with each.
    const MOST: usize;
    /// The id, when the member has one.
    fn id(&self) -> Option<Self::Id>;
    /// Whether this member forgets everything that was known of it before.
    fn starts_anew(&mut self) -> bool {
        false
    }
}

/// A list merged member by member.
#[derive(Debug, Clone, PartialEq)]
pub struct Keyed<T>(pub Vec<T>);

impl<T> Default for Keyed<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Member + PartialEq> Keyed<T> {
    /// Merges the members of `patch`; with [`Kind::Full`] those it lacks are gone. Says whether that made the
    /// list another.
    fn merge(&mut self, patch: Self, kind: Kind) -> bool {
        let known = self.0.len();
        if kind == Kind::Full {
            self.0.retain(|known| patch.0.iter().any(|new| new.id() == known.id()));
        }
        let gone = self.0.len() != known;
        patch.0.into_iter().fold(gone, |changed, new| self.take(new, kind) | changed)
    }

    /// Merges one member, if there is room for it; says whether that made the list another.
    fn take(&mut self, mut new: T, kind: Kind) -> bool {
        let full = self.0.len() >= T::MOST;
        match self.0.iter_mut().find(|known| known.id() == new.id()) {
            Some(known) if new.starts_anew() => {
                let changed = *known != new;
                *known = new;
                changed
            }
            Some(known) => known.merge(new, kind),
            None if full => false,
            None => {
                new.starts_anew();
                self.0.push(new);
                true
            }
        }
    }
}

impl<T: Member + PartialEq> Extend<T> for Keyed<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, items: I) {
        for item in items.into_iter().filter(|item| item.id().is_some()) {
            self.take(item, Kind::Delta);
        }
    }
}

impl<T: Member + Wire + PartialEq> Wire for Keyed<T> {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Self>, D::Error> {
        from.deserialize_any(ListVisitor::up_to(T::MOST))
    }
    fn merge_into(slot: &mut Option<Self>, patch: Self, kind: Kind) -> bool {
        match slot {
            Some(known) => known.merge(patch, kind),
            None => replace(slot, patch),
        }
    }
}
