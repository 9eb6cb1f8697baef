//! The type of a row of the entity table, its builders, and the text of a value.
//!
//! A row is data: which words Home Assistant uses, how the value is read from its subject, and what
//! a command to it becomes.
//! The [`Subject`] is what the row is about: a printer, an AMS unit, a slot of one, an external spool,
//! the gateway itself. One row stands for all subjects of its kind, so a command is made of the place of the one
//! that is asked.

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv4Addr;
use std::time::Duration;

use compact_str::CompactString;
use jiff::Timestamp;
use serde_json::json;

use printer::command::permit::{Class, Condition};
use printer::{Ams, Capabilities, Command, ExternalSpool, FanKind, Slot, Snapshot};

use super::{AccountView, Bridge};

/// Where a row's unit is the currency of the configuration.
pub const CURRENCY: &str = "¤";

/// A value as a row reads it; `None` in its place is published as `None`, which is "unknown".
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// A whole number.
    Int(i64),
    /// A number that is shown with one decimal.
    Tenths(f32),
    /// A number that is shown with so many decimals.
    Decimal(f64, u8),
    /// Words.
    Text(Cow<'a, str>),
    /// `ON` or `OFF`.
    Flag(bool),
    /// A moment.
    Time(Timestamp),
    /// An address in the network.
    Address(Ipv4Addr),
    /// Firmware that is installed, offered, or being installed.
    Firmware(Firmware<&'a str>),
}

/// What Home Assistant asks for an `update` entity; its value is this as a JSON document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Firmware<T> {
    /// The version that runs.
    pub installed: T,
    /// The newest version; the one that runs when there is none.
    pub latest: T,
    /// What is new in the newest one, in at most 255 characters.
    pub summary: Option<T>,
    /// What it is the version of.
    pub title: &'static str,
    /// Where people can read about the versions.
    pub page: Option<&'static str>,
    /// How far an update is, while one is under way; the percentage may be missing.
    pub progress: Option<Option<u8>>,
}

impl<T> Firmware<T> {
    fn map<'a, U>(&'a self, to: impl Fn(&'a T) -> U) -> Firmware<U> {
        Firmware {
            installed: to(&self.installed),
            latest: to(&self.latest),
            summary: self.summary.as_ref().map(&to),
            title: self.title,
            page: self.page,
            progress: self.progress,
        }
    }
}

impl Firmware<&str> {
    /// Every key each time: Home Assistant keeps the old value of one that is left out.
    pub(super) fn document(&self) -> serde_json::Value {
        let mut document = json!({
            "installed_version": self.installed,
            "latest_version": self.latest,
            "title": self.title,
            "in_progress": self.progress.is_some(),
            "update_percentage": self.progress.flatten(),
            // It takes no null for this one, and keeps the old one where it is left out.
            "release_summary": self.summary.unwrap_or_default(),
        });
        // It takes no null for this one, and it never changes.
        if let (Some(page), Some(document)) = (self.page, document.as_object_mut()) {
            document.insert("release_url".into(), page.into());
        }
        document
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl Value<'_> {
    /// Degrees Celsius.
    pub fn celsius(value: f32) -> Value<'static> {
        Value::Tenths((value * 10.0).round() / 10.0)
    }

    /// A duration in minutes.
    pub fn minutes(value: Duration) -> Value<'static> {
        Value::Int(i64::try_from(value.as_secs() / 60).unwrap_or(i64::MAX))
    }
}

/// Longest state that Home Assistant takes, in characters.
const LONGEST_STATE: usize = 255;

/// A published value, kept to know whether the next one differs.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum Published {
    /// Not yet.
    #[default]
    Never,
    /// As unknown.
    Unknown,
    Int(i64),
    Tenths(f32),
    Decimal(f64, u8),
    Text(CompactString),
    Flag(bool),
    Time(Timestamp),
    Address(Ipv4Addr),
    /// Boxed, because few rows have it and every row has room for it.
    Firmware(Box<Firmware<CompactString>>),
}

impl Published {
    /// As it stands in a document of all values; unknown is null.
    pub(super) fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Never | Self::Unknown => serde_json::Value::Null,
            Self::Int(v) => json!(v),
            // By way of the text: 21.3 as a single is 21.299999 as a double.
            Self::Tenths(_) | Self::Decimal(..) => {
                self.to_string().parse::<f64>().map_or(serde_json::Value::Null, |v| json!(v))
            }
            Self::Flag(v) => json!(v),
            Self::Text(_) | Self::Time(_) | Self::Address(_) => json!(self.to_string()),
            Self::Firmware(v) => v.map(CompactString::as_str).document(),
        }
    }

    /// Whether `value` says something else; numbers within `deadband` of each other say the same.
    pub(super) fn differs(&self, value: Option<&Value<'_>>, deadband: f32) -> bool {
        match (self, value) {
            (Self::Unknown, None) => false,
            (Self::Int(old), Some(Value::Int(new))) => old != new && far(*old, *new, deadband),
            (Self::Tenths(old), Some(Value::Tenths(new))) => {
                // A hair of tolerance: 0.5 is 0.49999 in the binary fractions of tenths.
                (old - new).abs() > (deadband - 0.01).max(0.0)
            }
            (Self::Decimal(old, _), Some(Value::Decimal(new, places))) => {
                // What would not show is no difference.
                (old - new).abs() >= 0.5_f64.max(f64::from(deadband)) * 0.1_f64.powi(i32::from(*places))
            }
            (Self::Text(old), Some(Value::Text(new))) => old.as_str() != new.as_ref(),
            (Self::Flag(old), Some(Value::Flag(new))) => old != new,
            (Self::Time(old), Some(Value::Time(new))) => *old != seconds(*new),
            (Self::Address(old), Some(Value::Address(new))) => old != new,
            (Self::Firmware(old), Some(Value::Firmware(new))) => old.map(CompactString::as_str) != *new,
            _ => true,
        }
    }
}

/// Home Assistant shows and keeps moments to the second.
pub(super) fn seconds(moment: Timestamp) -> Timestamp {
    Timestamp::from_second(moment.as_second()).unwrap_or(moment)
}

#[allow(clippy::cast_precision_loss, reason = "the numbers of rows with a dead band are small")]
fn far(old: i64, new: i64, deadband: f32) -> bool {
    (old - new).abs() as f32 >= deadband
}

impl From<Option<&Value<'_>>> for Published {
    fn from(value: Option<&Value<'_>>) -> Self {
        match value {
            None => Self::Unknown,
            Some(Value::Int(v)) => Self::Int(*v),
            Some(Value::Tenths(v)) => Self::Tenths(*v),
            Some(Value::Decimal(v, places)) => Self::Decimal(*v, *places),
            Some(Value::Text(v)) => Self::Text(v.as_ref().into()),
            Some(Value::Flag(v)) => Self::Flag(*v),
            Some(Value::Time(v)) => Self::Time(seconds(*v)),
            Some(Value::Address(v)) => Self::Address(*v),
            Some(Value::Firmware(v)) => Self::Firmware(Box::new(v.map(|text| CompactString::from(*text)))),
        }
    }
}

impl fmt::Display for Published {
    /// The payload.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never | Self::Unknown => f.write_str("None"),
            Self::Int(v) => write!(f, "{v}"),
            // Adding zero turns a negative zero into a plain one.
            Self::Tenths(v) if v.fract() == 0.0 => write!(f, "{:.0}", v + 0.0),
            Self::Tenths(v) => write!(f, "{v:.1}"),
            Self::Decimal(v, places) => write!(f, "{:.*}", usize::from(*places), v + 0.0),
            Self::Text(v) => match v.char_indices().nth(LONGEST_STATE) {
                Some((end, _)) => f.write_str(v.get(..end).unwrap_or_default()),
                None => f.write_str(v),
            },
            Self::Flag(v) => f.write_str(if *v { "ON" } else { "OFF" }),
            Self::Time(v) => write!(f, "{v}"),
            Self::Address(v) => write!(f, "{v}"),
            Self::Firmware(v) => v.map(CompactString::as_str).document().fmt(f),
        }
    }
}

/// What a row may be about.
pub trait Subject {
    /// What tells one from the others of its kind in a command.
    type Place: Copy;
}

/// A printer: its session knows whom it asks.
impl Subject for Snapshot {
    type Place = ();
}

/// An AMS unit, by the printer's number for it.
impl Subject for Ams {
    type Place = u8;
}

/// A slot of an AMS unit.
impl Subject for Slot {
    type Place = SlotPlace;
}

/// An external spool: 1 is the only or right one, 2 the left one.
impl Subject for ExternalSpool {
    type Place = u8;
}

/// The gateway has no commands to a printer.
impl Subject for Bridge {
    type Place = ();
}

/// Nor has an account.
impl Subject for AccountView {
    type Place = ();
}

/// Which slot of an AMS unit, as commands count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotPlace {
    /// The printer's number of the unit.
    pub unit: u8,
    /// From 0.
    pub slot: u8,
}

/// What Home Assistant makes of a row, with what is special to that; commands are made of the place `P`.
#[derive(Debug, Clone, Copy)]
pub enum Platform<P> {
    /// A value to look at.
    Sensor,
    /// One of a few words; the list must be complete.
    Enum(fn() -> Vec<&'static str>),
    /// On or off, to look at.
    BinarySensor,
    /// A picture. Its bytes are published beside the rows (`Topics::image`).
    Image,
    /// Firmware, to look at, and what installs it where the configuration lets that be offered.
    Update(Option<fn(P) -> Command>),
    /// On or off, to switch.
    Switch(fn(P, bool) -> Command),
    /// A lamp.
    Light(fn(P, bool) -> Command),
    /// A number from 0 to what the printer takes.
    Number(fn(&Capabilities) -> u16, fn(P, u16) -> Command),
    /// One of a few words, to choose.
    Select(&'static [&'static str], fn(P, usize) -> Option<Command>),
    /// A fan with a speed.
    Fan(FanKind),
    /// Something to press.
    Button(fn(P) -> Command),
    /// Something to press that concerns the gateway and no printer.
    Press,
    /// A few characters to type, up to so many and as this expression says; what was typed is never shown.
    Code(u8, &'static str),
    /// Something that makes noise, with the names of its tones; off is no tone.
    Siren(&'static [&'static str], fn(P, Option<usize>) -> Command),
    /// Things that happen, by the words for them. It has no value: what happened is told once, on a topic
    /// of its own, and never kept by the broker.
    Event(fn() -> Vec<&'static str>),
}

impl<P: Copy> Platform<P> {
    /// Home Assistant's word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sensor | Self::Enum(_) => "sensor",
            Self::BinarySensor => "binary_sensor",
            Self::Update(_) => "update",
            Self::Image => "image",
            Self::Switch(_) => "switch",
            Self::Light(_) => "light",
            Self::Number(..) => "number",
            Self::Select(..) => "select",
            Self::Fan(_) => "fan",
            Self::Button(_) | Self::Press => "button",
            Self::Code(..) => "text",
            Self::Siren(..) => "siren",
            Self::Event(_) => "event",
        }
    }

    /// The words that its value may be, where these are few.
    pub fn words(self) -> Vec<&'static str> {
        match self {
            Self::Enum(words) | Self::Event(words) => words(),
            Self::Select(options, _) => options.to_vec(),
            _ => Vec::new(),
        }
    }

    /// Whether it is something to press, which has no value.
    pub fn is_button(self) -> bool {
        matches!(self, Self::Button(_) | Self::Press)
    }

    /// Whether anything is subscribed for it: controls, and firmware that may be installed.
    pub fn takes_commands(self) -> bool {
        self.is_control() || matches!(self, Self::Update(Some(_)))
    }

    /// Whether it is there to be commanded: without commands it would show nothing.
    pub fn is_control(self) -> bool {
        !matches!(
            self,
            Self::Sensor
                | Self::Enum(_)
                | Self::BinarySensor
                | Self::Image
                | Self::Update(_)
                | Self::Event(_)
        )
    }

    /// Whether it has a value that is published as text: something to press and things that happen have none,
    /// and a picture is none.
    pub fn has_value(self) -> bool {
        !self.is_button() && !matches!(self, Self::Event(_) | Self::Image)
    }
}

/// Where Home Assistant lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    /// Among the main things.
    Main,
    /// Facts about the device.
    Diagnostic,
    /// Options.
    Config,
}

impl Category {
    /// Home Assistant's word for it.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Main => None,
            Self::Diagnostic => Some("diagnostic"),
            Self::Config => Some("config"),
        }
    }
}

/// Details of an entity's value, as a JSON object.
pub struct Attributes<T: 'static> {
    /// Whether they are other ones than before.
    pub differ: fn(&T, &T) -> bool,
    /// What they are.
    pub make: fn(&T) -> serde_json::Value,
}

/// What a lamp can do besides being on and off.
#[derive(Debug, Clone, Copy)]
pub struct Effect<P> {
    /// Its name.
    pub name: &'static str,
    /// What it asks of the printer.
    pub command: fn(P) -> Command,
}

/// One row of the table: an entity.
pub struct Entity<T: Subject + 'static> {
    /// Its name in topics and ids, for ever. `#` stands for the number of a slot.
    pub key: &'static str,
    /// Its name for people. `#` stands for the number of a slot.
    pub name: &'static str,
    /// What Home Assistant makes of it.
    pub platform: Platform<T::Place>,
    /// The class of the commands that it takes, which says when they are allowed.
    pub asks: Option<Class>,
    /// Its value.
    pub read: for<'a> fn(&'a T) -> Option<Value<'a>>,
    /// Details of the value.
    pub attributes: Option<Attributes<T>>,
    /// Whether a printer with these abilities has it; asked when its shape changes, not with each report.
    pub needs: fn(&Capabilities, &T) -> bool,
    /// Where it is listed.
    pub category: Category,
    /// Kind of quantity.
    pub device_class: Option<&'static str>,
    /// Unit.
    pub unit: Option<&'static str>,
    /// `measurement` or `total_increasing` for what is worth long-term statistics.
    pub state_class: Option<&'static str>,
    /// Turns the published value into one that this platform takes, where it is not that already.
    pub template: Option<&'static str>,
    /// What else it can do than to be switched on and off, with the command for it.
    pub effect: Option<Effect<T::Place>>,
    /// Decimals to show, where Home Assistant's own choice for the class is not good.
    pub decimals: Option<u8>,
    /// Icon, where the class has none that fits.
    pub icon: Option<&'static str>,
    /// Whether it is shown without being asked for.
    pub enabled: bool,
    /// Whether it stays readable while the printer is away.
    pub lasting: bool,
    /// Whether it is there before the printer ever reported.
    pub early: bool,
    /// Smaller changes of a number are not published.
    pub deadband: f32,
    /// Not published more often than this.
    pub at_most_each: Duration,
}

// By hand, because a derived one would ask the same of `T`.
impl<T: Subject> Clone for Entity<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Subject> Copy for Entity<T> {}

impl<T> Clone for Attributes<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Attributes<T> {}

/// A row that says nothing but its name.
const fn row<T: Subject>(
    key: &'static str,
    name: &'static str,
    platform: Platform<T::Place>,
    read: for<'a> fn(&'a T) -> Option<Value<'a>>,
) -> Entity<T> {
    Entity {
        key,
        name,
        platform,
        asks: None,
        read,
        attributes: None,
        needs: |_, _| true,
        category: Category::Main,
        device_class: None,
        unit: None,
        state_class: None,
        template: None,
        effect: None,
        decimals: None,
        icon: None,
        enabled: true,
        lasting: false,
        early: false,
        deadband: 0.0,
        at_most_each: Duration::ZERO,
    }
}

/// A value to look at.
pub const fn sensor<T: Subject>(
    key: &'static str,
    name: &'static str,
    read: for<'a> fn(&'a T) -> Option<Value<'a>>,
) -> Entity<T> {
    row(key, name, Platform::Sensor, read)
}

/// A temperature in °C, to half a degree.
pub const fn temperature<T: Subject>(
    key: &'static str,
    name: &'static str,
    read: for<'a> fn(&'a T) -> Option<Value<'a>>,
) -> Entity<T> {
    sensor(key, name, read).class("temperature").unit("°C").measurement().deadband(0.5)
}

/// One of a few words.
pub const fn words<T: Subject>(
    key: &'static str,
    name: &'static str,
    options: fn() -> Vec<&'static str>,
    read: for<'a> fn(&'a T) -> Option<Value<'a>>,
) -> Entity<T> {
    row(key, name, Platform::Enum(options), read).class("enum")
}

/// On or off, to look at.
pub const fn binary<T: Subject>(
    key: &'static str,
    name: &'static str,
    read: for<'a> fn(&'a T) -> Option<Value<'a>>,
) -> Entity<T> {
    row(key, name, Platform::BinarySensor, read)
}

/// Firmware, to look at.
pub const fn firmware<T: Subject>(
    key: &'static str,
    name: &'static str,
    read: for<'a> fn(&'a T) -> Option<Value<'a>>,
) -> Entity<T> {
    row(key, name, Platform::Update(None), read).class("firmware").diagnostic().lasting()
}

/// A picture.
pub const fn image<T: Subject>(key: &'static str, name: &'static str) -> Entity<T> {
    row(key, name, Platform::Image, |_| None)
}

/// Something people control, with the class of its commands and its value.
pub const fn control<T: Subject>(
    key: &'static str,
    name: &'static str,
    class: Class,
    platform: Platform<T::Place>,
    read: for<'a> fn(&'a T) -> Option<Value<'a>>,
) -> Entity<T> {
    row(key, name, platform, read).asks(class)
}

/// Something to press, with the class of its command.
pub const fn button<T: Subject>(
    key: &'static str,
    name: &'static str,
    class: Class,
    command: fn(T::Place) -> Command,
) -> Entity<T> {
    row(key, name, Platform::Button(command), |_| None).asks(class)
}

/// Things that happen, told on the topic `event/` and the key (`homeassistant::event`). It stays readable while
/// the printer is away: that it went is one of the things that happen.
pub const fn event<T: Subject>(
    key: &'static str,
    name: &'static str,
    types: fn() -> Vec<&'static str>,
) -> Entity<T> {
    row(key, name, Platform::Event(types), |_| None).lasting().early()
}

/// Something to press that concerns the gateway and no printer.
pub const fn press<T: Subject>(key: &'static str, name: &'static str) -> Entity<T> {
    row(key, name, Platform::Press, |_| None)
}

/// A code to type, of at most so many characters; Home Assistant lets nothing pass that does not fit.
pub const fn code<T: Subject>(
    key: &'static str,
    name: &'static str,
    most: u8,
    pattern: &'static str,
) -> Entity<T> {
    row(key, name, Platform::Code(most, pattern), |_| None)
}

impl<T: Subject> Entity<T> {
    /// Whether what it asks of a printer is taken only with the vendor's signature by firmware with
    /// authorisation control.
    pub fn needs_signature(&self) -> bool {
        self.asks.is_some_and(|class| !class.allows(Condition::Limited))
    }

    const fn asks(mut self, class: Class) -> Self {
        self.asks = Some(class);
        self
    }
    /// Kind of quantity.
    #[must_use]
    pub const fn class(mut self, class: &'static str) -> Self {
        self.device_class = Some(class);
        self
    }
    /// Unit.
    #[must_use]
    pub const fn unit(mut self, unit: &'static str) -> Self {
        self.unit = Some(unit);
        self
    }
    /// What installs it is this, where that is offered (firmware).
    #[must_use]
    pub const fn installs(mut self, command: fn(T::Place) -> Command) -> Self {
        self.platform = Platform::Update(Some(command));
        self
    }
    /// Worth long-term statistics.
    #[must_use]
    pub const fn measurement(mut self) -> Self {
        self.state_class = Some("measurement");
        self
    }
    /// A count that only grows, from 0 at each start.
    #[must_use]
    pub const fn counter(mut self) -> Self {
        self.state_class = Some("total_increasing");
        self
    }
    /// Shown without decimals.
    #[must_use]
    pub const fn whole(mut self) -> Self {
        self.decimals = Some(0);
        self
    }
    /// Icon.
    #[must_use]
    pub const fn icon(mut self, icon: &'static str) -> Self {
        self.icon = Some(icon);
        self
    }
    /// Only on printers like that.
    #[must_use]
    pub const fn needs(mut self, needs: fn(&Capabilities, &T) -> bool) -> Self {
        self.needs = needs;
        self
    }
    /// A fact about the device.
    #[must_use]
    pub const fn diagnostic(mut self) -> Self {
        self.category = Category::Diagnostic;
        self
    }
    /// An option of the device.
    #[must_use]
    pub const fn config(mut self) -> Self {
        self.category = Category::Config;
        self
    }
    /// Only for those who ask for it.
    #[must_use]
    pub const fn hidden(mut self) -> Self {
        self.enabled = false;
        self
    }
    /// Readable while the printer is away.
    #[must_use]
    pub const fn lasting(mut self) -> Self {
        self.lasting = true;
        self
    }
    /// There before the printer ever reported.
    #[must_use]
    pub const fn early(mut self) -> Self {
        self.early = true;
        self
    }
    /// Not published for smaller changes.
    #[must_use]
    pub const fn deadband(mut self, deadband: f32) -> Self {
        self.deadband = deadband;
        self
    }
    /// Not published more often.
    #[must_use]
    pub const fn at_most_each(mut self, pause: Duration) -> Self {
        self.at_most_each = pause;
        self
    }
    /// With a template for its value.
    #[must_use]
    pub const fn template(mut self, template: &'static str) -> Self {
        self.template = Some(template);
        self
    }
    /// With an effect.
    #[must_use]
    pub const fn effect(mut self, name: &'static str, command: fn(T::Place) -> Command) -> Self {
        self.effect = Some(Effect { name, command });
        self
    }
    /// With details.
    #[must_use]
    pub const fn with(mut self, differ: fn(&T, &T) -> bool, make: fn(&T) -> serde_json::Value) -> Self {
        self.attributes = Some(Attributes { differ, make });
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload<'a>(value: impl Into<Option<Value<'a>>>) -> String {
        Published::from(value.into().as_ref()).to_string()
    }

    #[test]
    fn payloads_are_what_home_assistant_reads() {
        assert_eq!(payload(None), "None");
        assert_eq!(payload(Value::Int(-53)), "-53");
        assert_eq!(payload(Value::celsius(219.84)), "219.8");
        assert_eq!(payload(Value::celsius(220.0)), "220");
        assert_eq!(payload(Value::celsius(-0.01)), "0");
        assert_eq!(payload(Value::Flag(true)), "ON");
        assert_eq!(payload(Value::minutes(Duration::from_secs(3600))), "60");
        let end = Timestamp::from_second(1_800_000_000).expect("a moment");
        assert_eq!(payload(Value::Time(end)), "2027-01-15T08:00:00Z");
        let later = end + Duration::from_millis(900);
        assert_eq!(payload(Value::Time(later)), "2027-01-15T08:00:00Z");
        assert!(!Published::from(Some(&Value::Time(end))).differs(Some(&Value::Time(later)), 0.0));
        let firmware = Firmware {
            installed: "1.0",
            latest: "1.1",
            summary: None,
            title: "F",
            page: Some("https://x"),
            progress: Some(None),
        };
        assert_eq!(
            payload(Value::Firmware(firmware)),
            r#"{"in_progress":true,"installed_version":"1.0","latest_version":"1.1","release_summary":"","release_url":"https://x","title":"F","update_percentage":null}"#
        );
        let same = Published::from(Some(&Value::Firmware(firmware)));
        assert!(!same.differs(Some(&Value::Firmware(firmware)), 0.0));
        assert!(same.differs(Some(&Value::Firmware(Firmware { progress: Some(Some(3)), ..firmware })), 0.0));
        assert_eq!(Published::from(Some(&Value::celsius(21.3))).to_json().to_string(), "21.3");
        let long = "ä".repeat(300);
        assert_eq!(payload(Value::from(long.as_str())).chars().count(), 255);
    }

    #[test]
    fn small_changes_of_numbers_are_none() {
        let at = |v: f32| Published::from(Some(&Value::celsius(v)));
        assert!(!at(20.0).differs(Some(&Value::celsius(20.4)), 0.5));
        assert!(at(20.0).differs(Some(&Value::celsius(20.5)), 0.5));
        assert!(at(20.0).differs(Some(&Value::celsius(20.1)), 0.0));
        assert!(at(20.0).differs(None, 0.5));
        let at = |v: i64| Published::from(Some(&Value::Int(v)));
        assert!(!at(-50).differs(Some(&Value::Int(-52)), 3.0));
        assert!(at(-50).differs(Some(&Value::Int(-53)), 3.0));
        assert!(at(1).differs(Some(&Value::Int(2)), 0.0));
        assert!(!at(1).differs(Some(&Value::Int(1)), 0.0));
        assert!(Published::Never.differs(None, 0.0));
        assert!(!Published::Unknown.differs(None, 0.0));
    }
}
