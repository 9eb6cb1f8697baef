//! How a value of a report is read and merged: forgiving, one rule per kind of value.
//!
//! Reading never fails because of a value: a wrong type, an empty number, a `null` is "not said",
//! and the other ninety fields of the message are kept (protocol 7.2, 7.3).
//! Only broken JSON is an error.
//! What is too long is cut where it is read: texts at [`LONGEST_TEXT`], lists at [`LONGEST_LIST`] and
//! [`Member::MOST`]. So neither the work that a message makes nor what is kept of it grows faster than the
//! message. How deep values are nested does not matter: what is not wanted is passed over without recursion.
//! Must not know what any field means.

mod document;
mod list;

use std::fmt;
use std::marker::PhantomData;

use compact_str::CompactString;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

pub(crate) use document::document;
pub use list::{Keyed, LONGEST_LIST, List, Member};

/// Text of a report; most of it is short enough to need no allocation.
pub type Text = CompactString;

/// The most bytes of a text that are kept: 255 characters of four bytes, which no file's name can exceed. The
/// longest that we read in a capture has 58 (a `gcode_file` of `a1_stream_kickoff_local`).
pub const LONGEST_TEXT: usize = 4 * 255;

/// The text, cut after a whole character where it is longer than [`LONGEST_TEXT`].
pub(crate) fn cut(text: &str) -> &str {
    let mut end = text.len().min(LONGEST_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// Whether the message is the printer's whole state or a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Everything: list members that are missing are gone.
    Full,
    /// A part: what is missing is unchanged.
    Delta,
}

/// A kind of value that reports contain.
pub trait Wire: Sized {
    /// Reads it; `None` when something else stands there. Fails only on broken JSON.
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Self>, D::Error>;

    /// Merges a newer value into what is known so far; says whether that made it another.
    fn merge_into(slot: &mut Option<Self>, patch: Self, kind: Kind) -> bool;
}

/// Merges a member where the patch has it; says whether that made what is known another.
pub(crate) fn merge_member<T: Wire>(slot: &mut Option<T>, patch: Option<T>, kind: Kind) -> bool {
    patch.is_some_and(|patch| T::merge_into(slot, patch, kind))
}

/// Puts the newer value in the place of the older one; says whether it is another.
pub(crate) fn replace<T: PartialEq>(slot: &mut Option<T>, patch: T) -> bool {
    let changed = slot.as_ref() != Some(&patch);
    if changed {
        *slot = Some(patch);
    }
    changed
}

/// Reads a `Wire` value where serde wants a seed.
pub(crate) struct Seed<T>(PhantomData<T>);

impl<T> Seed<T> {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<'de, T: Wire> DeserializeSeed<'de> for Seed<T> {
    type Value = Option<T>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Option<T>, D::Error> {
        T::read(from)
    }
}

/// A single value; each says from which JSON types it can be made.
pub(crate) trait Scalar: Sized {
    fn from_int(_: i64) -> Option<Self> {
        None
    }
    fn from_real(_: f64) -> Option<Self> {
        None
    }
    fn from_bool(_: bool) -> Option<Self> {
        None
    }
    fn from_text(_: &str) -> Option<Self> {
        None
    }
}

struct ScalarVisitor<T>(PhantomData<T>);

impl<'de, T: Scalar> Visitor<'de> for ScalarVisitor<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }
    fn visit_bool<E>(self, v: bool) -> Result<Self::Value, E> {
        Ok(T::from_bool(v))
    }
    fn visit_i64<E>(self, v: i64) -> Result<Self::Value, E> {
        Ok(T::from_int(v))
    }
    fn visit_u64<E>(self, v: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(v).ok().and_then(T::from_int))
    }
    fn visit_f64<E>(self, v: f64) -> Result<Self::Value, E> {
        Ok(T::from_real(v))
    }
    fn visit_str<E>(self, v: &str) -> Result<Self::Value, E> {
        Ok(T::from_text(v))
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        drain_map(map).map(|()| None)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        drain_seq(seq).map(|()| None)
    }
}

fn drain_map<'de, A: MapAccess<'de>>(mut map: A) -> Result<(), A::Error> {
    while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}

fn drain_seq<'de, A: SeqAccess<'de>>(mut seq: A) -> Result<(), A::Error> {
    while seq.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

/// Reads a single value.
pub(crate) fn scalar<'de, T: Scalar, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    from.deserialize_any(ScalarVisitor(PhantomData))
}

/// Makes a scalar type one that reports contain: the newer value replaces the older.
macro_rules! scalar_wire {
    ($($t:ty),*) => {$(
        impl Wire for $t {
            fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Self>, D::Error> {
                scalar(from)
            }
            fn merge_into(slot: &mut Option<Self>, patch: Self, _: Kind) -> bool {
                replace(slot, patch)
            }
        }
    )*};
}

scalar_wire!(i64, f32, bool, Text, Hex, Dbm);

/// A number or a trimmed numeric string, nothing else: `"22."`, `"-"` and `""` say nothing.
pub(crate) fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    if !text.ends_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    text.parse::<f64>().ok().filter(|v| v.is_finite())
}

/// A finite number as the nearest integer, if there is one.
#[allow(clippy::cast_possible_truncation, reason = "the range is checked on the line before")]
pub(crate) fn nearest(value: f64) -> Option<i64> {
    (value.abs() < 9e15).then(|| value.round() as i64)
}

impl Scalar for i64 {
    fn from_int(v: i64) -> Option<Self> {
        Some(v)
    }
    fn from_real(v: f64) -> Option<Self> {
        nearest(v)
    }
    fn from_text(v: &str) -> Option<Self> {
        v.parse().ok().or_else(|| number(v).and_then(nearest))
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a sensor's value; checked")]
impl Scalar for f32 {
    fn from_int(v: i64) -> Option<Self> {
        Some(v as f32)
    }
    fn from_real(v: f64) -> Option<Self> {
        Some(v as f32).filter(|v| v.is_finite())
    }
    fn from_text(v: &str) -> Option<Self> {
        number(v).and_then(Self::from_real)
    }
}

impl Scalar for bool {
    fn from_bool(v: bool) -> Option<Self> {
        Some(v)
    }
    fn from_int(v: i64) -> Option<Self> {
        Some(v != 0)
    }
    fn from_text(v: &str) -> Option<Self> {
        match v.trim() {
            "true" | "1" | "enable" => Some(true),
            "false" | "0" | "disable" => Some(false),
            _ => None,
        }
    }
}

impl Scalar for Text {
    fn from_text(v: &str) -> Option<Self> {
        Some(cut(v).into())
    }
    fn from_int(v: i64) -> Option<Self> {
        Some(compact_str::format_compact!("{v}"))
    }
    fn from_real(v: f64) -> Option<Self> {
        Some(compact_str::format_compact!("{v}"))
    }
    fn from_bool(v: bool) -> Option<Self> {
        Some(compact_str::format_compact!("{v}"))
    }
}

/// A bit field: a hexadecimal string without `0x` of any length, of which the lower 64 bits are kept,
/// or an integer (some firmware sends `fun` so, protocol 4.9). Signed integers are bit patterns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hex(pub u64);

impl Hex {
    /// Whether bit `n` is set.
    pub fn bit(self, n: u32) -> bool {
        self.0.checked_shr(n).unwrap_or(0) & 1 == 1
    }

    /// The `width` bits from bit `n` on.
    pub fn bits(self, n: u32, width: u32) -> u64 {
        self.0.checked_shr(n).unwrap_or(0) & 1_u64.checked_shl(width).map_or(u64::MAX, |v| v - 1)
    }
}

impl Scalar for Hex {
    fn from_int(v: i64) -> Option<Self> {
        Some(Self(v.cast_unsigned()))
    }
    fn from_text(v: &str) -> Option<Self> {
        let v = v.trim();
        let digits = v.strip_prefix("0x").unwrap_or(v);
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let low = digits.get(digits.len().saturating_sub(16)..)?;
        u64::from_str_radix(low, 16).ok().map(Self)
    }
}

/// A Wi-Fi signal: `"-53dBm"`, or a bare number. Truncated text (`"-5"`) cannot be told from a
/// number, so text must carry its unit (protocol 7.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dbm(pub i64);

impl Scalar for Dbm {
    fn from_int(v: i64) -> Option<Self> {
        Some(Self(v))
    }
    fn from_real(v: f64) -> Option<Self> {
        nearest(v).map(Self)
    }
    fn from_text(v: &str) -> Option<Self> {
        v.trim().strip_suffix("dBm")?.trim().parse().ok().map(Self)
    }
}

/// A value that belongs to its message only and is never merged (an acknowledgement's `result`).
#[derive(Debug, Clone, PartialEq)]
pub struct Once<T>(pub T);

impl<T: Wire> Wire for Once<T> {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Self>, D::Error> {
        T::read(from).map(|v| v.map(Self))
    }
    fn merge_into(_: &mut Option<Self>, _: Self, _: Kind) -> bool {
        false
    }
}

/// An object with known members; made by the macro `wire!`.
pub trait Object: Sized + Default {
    /// Reads the members in place, for a report is large; says how many the object had, known or not.
    fn fill<'de, A: MapAccess<'de>>(&mut self, map: A) -> Result<usize, A::Error>;

    /// Merges the members that the patch has; says whether one of them is another now.
    fn merge(&mut self, patch: Self, kind: Kind) -> bool;
}

/// The part of a visitor that reads single values where an object or a list is wanted.
macro_rules! single_values_say_nothing {
    () => {
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok(None)
        }
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok(None)
        }
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok(None)
        }
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok(None)
        }
        fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
            Ok(None)
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    };
}

use single_values_say_nothing;

struct ObjectVisitor<'a, T>(&'a mut T);

impl<'de, T: Object> Visitor<'de> for ObjectVisitor<'_, T> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        self.0.fill(map).map(Some)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        drain_seq(seq).map(|()| None)
    }
    single_values_say_nothing!();
}

/// Reads an object and the number of its members.
pub(crate) fn read_object<'de, T: Object, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<(T, usize)>, D::Error> {
    let mut object = T::default();
    let members = from.deserialize_any(ObjectVisitor(&mut object))?;
    Ok(members.map(|members| (object, members)))
}

/// An object together with the number of members it had.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counted<T> {
    pub(crate) value: Box<T>,
    pub(crate) members: usize,
}

impl<T: Object> Wire for Counted<T> {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Self>, D::Error> {
        let mut value = Box::<T>::default();
        let members = from.deserialize_any(ObjectVisitor(&mut *value))?;
        Ok(members.map(|members| Self { value, members }))
    }
    fn merge_into(slot: &mut Option<Self>, patch: Self, kind: Kind) -> bool {
        slot.get_or_insert_default().value.merge(*patch.value, kind)
    }
}

/// Declares an object of the wire: every member optional, merged by the rule of its type.
///
/// ```ignore
/// wire! {
///     /// What it is.
///     pub struct Bed { temp: i64, three_d = "3D": Layers }
/// }
/// ```
macro_rules! wire {
    ($(
        $(#[$doc:meta])*
        pub struct $name:ident {
            $( $(#[$fdoc:meta])* $field:ident $(= $key:literal)? : $type:ty ),* $(,)?
        }
    )*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq)]
        #[allow(missing_docs, reason = "members carry the wire's own names; protocol 4 says what they mean")]
        pub struct $name { $( $(#[$fdoc])* pub $field: Option<$type>, )* }

        impl $crate::wire::Object for $name {
            fn fill<'de, A: serde::de::MapAccess<'de>>(&mut self, mut map: A) -> Result<usize, A::Error> {
                #[allow(non_camel_case_types)]
                enum Key { $($field,)* Unknown }
                impl $crate::wire::Name for Key {
                    fn of(name: &str) -> Self {
                        match name {
                            $( $crate::wire::wire_key!($field $($key)?) => Self::$field, )*
                            _ => Self::Unknown,
                        }
                    }
                }
                let mut members = 0;
                while let Some(key) = map.next_key_seed($crate::wire::KeySeed::<Key>::new())? {
                    members += 1;
                    match key {
                        $( Key::$field => self.$field =
                            map.next_value_seed($crate::wire::Seed::<$type>::new())?, )*
                        Key::Unknown => { map.next_value::<serde::de::IgnoredAny>()?; }
                    }
                }
                Ok(members)
            }

            fn merge(&mut self, patch: Self, kind: $crate::wire::Kind) -> bool {
                let mut changed = false;
                $( changed |= $crate::wire::merge_member(&mut self.$field, patch.$field, kind); )*
                changed
            }
        }

        impl $crate::wire::Wire for $name {
            fn read<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Self>, D::Error> {
                Ok($crate::wire::read_object(from)?.map(|(object, _)| object))
            }
            fn merge_into(slot: &mut Option<Self>, patch: Self, kind: $crate::wire::Kind) -> bool {
                let new = slot.is_none();
                $crate::wire::Object::merge(slot.get_or_insert_default(), patch, kind) || new
            }
        }
    )*};
}
pub(crate) use wire;

/// The name of a member on the wire: its own, unless that is no identifier.
macro_rules! wire_key {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $key:literal) => {
        $key
    };
}
pub(crate) use wire_key;

/// The names an object knows.
pub(crate) trait Name {
    fn of(name: &str) -> Self;
}

/// Reads a member's name without copying it.
pub(crate) struct KeySeed<K>(PhantomData<K>);

impl<K> KeySeed<K> {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<'de, K: Name> DeserializeSeed<'de> for KeySeed<K> {
    type Value = K;
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<K, D::Error> {
        from.deserialize_identifier(self)
    }
}

impl<K: Name> Visitor<'_> for KeySeed<K> {
    type Value = K;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }
    fn visit_str<E>(self, name: &str) -> Result<K, E> {
        Ok(K::of(name))
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self::read(from)?.unwrap_or_default())
    }
}

#[cfg(test)]
#[allow(unreachable_pub, reason = "the macro makes public types")]
mod tests;
