//! How a value of a report is read and merged: forgiving, one rule per kind of value.
//!
//! Reading never fails because of a value: a wrong type, an empty number, a `null` is "not said",
//! and the other ninety fields of the message are kept (protocol 7.2, 7.3).
//! Only broken JSON is an error.
//! Must not know what any field means.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use compact_str::CompactString;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Text of a report; most of it is short enough to need no allocation.
pub type Text = CompactString;

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

    /// Takes a newer value into what is known so far; says whether that made it another.
    fn merge(slot: &mut Option<Self>, patch: Self, kind: Kind) -> bool;
}

/// Takes a value in where there is one; says whether that made what is known another.
pub(crate) fn merge<T: Wire>(slot: &mut Option<T>, patch: Option<T>, kind: Kind) -> bool {
    patch.is_some_and(|patch| T::merge(slot, patch, kind))
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
            fn merge(slot: &mut Option<Self>, patch: Self, _: Kind) -> bool {
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
        Some(v.into())
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
    fn merge(_: &mut Option<Self>, _: Self, _: Kind) -> bool {
        false
    }
}

/// An object with known members; made by the macro `wire!`.
pub trait Object: Sized + Default {
    /// Reads the members in place, for a report is large; says how many the object had, known or not.
    fn fill<'de, A: MapAccess<'de>>(&mut self, map: A) -> Result<usize, A::Error>;

    /// Takes the members that the patch has; says whether one of them is another now.
    fn absorb(&mut self, patch: Self, kind: Kind) -> bool;
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
    fn merge(slot: &mut Option<Self>, patch: Self, kind: Kind) -> bool {
        slot.get_or_insert_default().value.absorb(*patch.value, kind)
    }
}

/// A list that the newer one replaces as a whole.
#[derive(Debug, Clone, PartialEq)]
pub struct List<T>(pub Vec<T>);

/// Reads the items of a list into a collection of them.
struct ListVisitor<T, C>(PhantomData<(T, C)>);

impl<'de, T: Wire, C: Default + Extend<T>> Visitor<'de> for ListVisitor<T, C> {
    type Value = Option<C>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut items = C::default();
        while let Some(item) = seq.next_element_seed(Seed::<T>::new())? {
            items.extend(item);
        }
        Ok(Some(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        drain_map(map).map(|()| None)
    }
    single_values_say_nothing!();
}

impl<T: Wire + PartialEq> Wire for List<T> {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Self>, D::Error> {
        Ok(from.deserialize_any(ListVisitor::<T, Vec<T>>(PhantomData))?.map(Self))
    }
    fn merge(slot: &mut Option<Self>, patch: Self, _: Kind) -> bool {
        replace(slot, patch)
    }
}

/// A member of a list that is told by its own id, never by its place (protocol 7.4).
pub trait Member: Object {
    /// What tells it from its neighbours; a member without one is dropped.
    type Id: PartialEq + Clone;
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
    /// Takes the members of `patch`; with [`Kind::Full`] those it lacks are gone. Says whether that made the
    /// list another.
    fn absorb(&mut self, patch: Self, kind: Kind) -> bool {
        let known = self.0.len();
        if kind == Kind::Full {
            self.0.retain(|known| patch.0.iter().any(|new| new.id() == known.id()));
        }
        let gone = self.0.len() != known;
        patch.0.into_iter().fold(gone, |changed, new| self.take(new, kind) | changed)
    }

    /// Takes one member; says whether that made the list another.
    fn take(&mut self, mut new: T, kind: Kind) -> bool {
        match self.0.iter_mut().find(|known| known.id() == new.id()) {
            Some(known) if new.starts_anew() => {
                let changed = *known != new;
                *known = new;
                changed
            }
            Some(known) => known.absorb(new, kind),
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
        from.deserialize_any(ListVisitor(PhantomData))
    }
    fn merge(slot: &mut Option<Self>, patch: Self, kind: Kind) -> bool {
        match slot {
            Some(known) => known.absorb(patch, kind),
            None => replace(slot, patch),
        }
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

            fn absorb(&mut self, patch: Self, kind: $crate::wire::Kind) -> bool {
                let mut changed = false;
                $( changed |= $crate::wire::merge(&mut self.$field, patch.$field, kind); )*
                changed
            }
        }

        impl $crate::wire::Wire for $name {
            fn read<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Self>, D::Error> {
                Ok($crate::wire::read_object(from)?.map(|(object, _)| object))
            }
            fn merge(slot: &mut Option<Self>, patch: Self, kind: $crate::wire::Kind) -> bool {
                let new = slot.is_none();
                $crate::wire::Object::absorb(slot.get_or_insert_default(), patch, kind) || new
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

/// Reads the first JSON document in `bytes`, mending what printers are known to break.
///
/// What follows the document is ignored (a NUL, a second document), as is a byte order mark.
/// Only when plain reading fails is the text mended and read once more (protocol 7.2):
/// bytes that are not UTF-8, control characters in strings, halves of surrogate pairs,
/// and words that are no JSON value (`NaN`).
pub(crate) fn document<T: Object>(bytes: &[u8]) -> Result<Option<(T, usize)>, serde_json::Error> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    // Looked at once as a whole: the reader would ask of each string whether it is UTF-8.
    let first = match std::str::from_utf8(bytes) {
        Ok(text) => read_object(&mut serde_json::Deserializer::from_str(text)),
        Err(error) => Err(serde::de::Error::custom(error)),
    };
    first.or_else(|error| match mend(bytes) {
        Cow::Borrowed(_) => Err(error),
        Cow::Owned(mended) => read_object(&mut serde_json::Deserializer::from_slice(&mended)),
    })
}

/// Replaces what no JSON reader accepts, and nothing else.
fn mend(bytes: &[u8]) -> Cow<'_, [u8]> {
    let text = String::from_utf8_lossy(bytes);
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text.as_ref();
    while let Some(c) = rest.chars().next() {
        if c == '"' {
            rest = mend_string(rest, &mut out);
        } else if c == '-' || c.is_ascii_alphanumeric() {
            let end = rest.find(|c: char| !matches!(c, '+' | '-' | '.') && !c.is_ascii_alphanumeric());
            let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
            let valid = serde_json::from_str::<IgnoredAny>(word).is_ok()
                && word.parse::<f64>().map_or(true, f64::is_finite);
            out.push_str(if valid { word } else { "null" });
            rest = after;
        } else {
            out.push(c);
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
        }
    }
    if out.as_bytes() == bytes { Cow::Borrowed(bytes) } else { Cow::Owned(out.into_bytes()) }
}

/// Copies one string literal, escaping control characters and replacing halves of surrogate pairs.
fn mend_string<'a>(text: &'a str, out: &mut String) -> &'a str {
    use std::fmt::Write as _;
    let mut chars = text.char_indices();
    chars.next();
    out.push('"');
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => {
                out.push('"');
                return text.get(at + 1..).unwrap_or_default();
            }
            '\\' => {
                let escape = text.get(at..).unwrap_or_default();
                let unit =
                    |s: &str| s.strip_prefix("\\u").and_then(|s| u16::from_str_radix(s.get(..4)?, 16).ok());
                match (unit(escape), escape.get(6..).and_then(unit)) {
                    (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => {
                        out.push_str(escape.get(..12).unwrap_or_default());
                        chars.nth(10);
                    }
                    (Some(0xD800..=0xDFFF), _) => {
                        out.push('\u{FFFD}');
                        chars.nth(4);
                    }
                    _ => {
                        out.push('\\');
                        out.extend(chars.next().map(|(_, c)| c));
                    }
                }
            }
            c if c < ' ' => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    ""
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self::read(from)?.unwrap_or_default())
    }
}

#[cfg(test)]
#[allow(unreachable_pub, reason = "the macro makes public types")]
mod tests;
