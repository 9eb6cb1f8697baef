//! The type of a row of the entity table; its builders are in `build`, its values and their text in `value`.
//!
//! A row is data: which words Home Assistant uses, how the value is read from its subject, and what
//! a command to it becomes.
//! The [`Subject`] is what the row is about: a printer, an AMS unit, a slot of one, an external spool,
//! the gateway itself. One row stands for all subjects of its kind, so a command is made of the place of the one
//! that is asked.

mod build;
mod value;

use std::time::Duration;

use printer::command::permit::{Class, Condition};
use printer::{Ams, Capabilities, Command, ExternalSpool, FanKind, Privacy, Slot, Snapshot};

use super::{AccountView, GatewayView};

pub use build::{binary, button, code, control, event, firmware, image, press, sensor, temperature, words};
pub use value::{Firmware, Value};
pub(crate) use value::{Published, seconds};

/// Where a row's unit is the currency of the configuration.
pub const CURRENCY: &str = "¤";

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
impl Subject for GatewayView {
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
    /// Turns the published value, which is `VALUE` in it, into one that this platform takes, where it is not that
    /// already.
    pub template: Option<&'static str>,
    /// What else it can do than to be switched on and off, with the command for it.
    pub effect: Option<Effect<T::Place>>,
    /// Decimals to show of a number that a printer with these abilities tells; `None` for what is none.
    pub decimals: Option<fn(&Capabilities) -> u8>,
    /// Icon, where the class has none that fits.
    pub icon: Option<&'static str>,
    /// Whether it is shown without being asked for.
    pub enabled: bool,
    /// The control that shows the same, where that has another key: of both only one is announced, as of a control
    /// and a row with its key.
    pub shown_by: Option<&'static str>,
    /// Whether a printer with these abilities has others that say the same: there it is not shown unasked either.
    pub repeats: fn(&Capabilities) -> bool,
    /// Which of the owner's wishes keeps it off the broker.
    pub private: Option<fn(Privacy) -> bool>,
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

impl<T: Subject> Entity<T> {
    /// Whether what it asks of a printer is taken only with the vendor's signature by firmware with
    /// authorisation control.
    pub fn needs_signature(&self) -> bool {
        self.asks.is_some_and(|class| !class.allows(Condition::Limited))
    }

    /// Whether it is available only while `printer::permit` would take it, which is told on a topic of its own
    /// (`Topics::permitted`). It is only asked of what takes no value: of a slider nobody knows before where it is
    /// moved to.
    pub fn needs_permission(&self) -> bool {
        matches!(self.platform, Platform::Button(_)) && self.asks.is_some_and(Class::is_conditional)
    }
}
