//! The builders of rows: what most rows of a kind say, and a method for each thing that is special to one.

use std::time::Duration;

use printer::command::permit::Class;
use printer::{Capabilities, Command, Privacy};

use super::{Attributes, Category, Effect, Entity, Platform, Subject, Value};

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
        repeats: |_| false,
        shown_by: None,
        private: None,
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

/// A temperature in °C, to half a degree; most printers tell whole degrees.
pub const fn temperature<T: Subject>(
    key: &'static str,
    name: &'static str,
    read: for<'a> fn(&'a T) -> Option<Value<'a>>,
) -> Entity<T> {
    sensor(key, name, read).class("temperature").unit("°C").measurement().deadband(0.5).whole()
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
    /// Unit of a number, which is shown without decimals if nothing else is said.
    #[must_use]
    pub const fn unit(mut self, unit: &'static str) -> Self {
        self.unit = Some(unit);
        self.number()
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
        self.number()
    }
    /// A count that only grows, from 0 at each start.
    #[must_use]
    pub const fn counter(mut self) -> Self {
        self.state_class = Some("total_increasing");
        self.number()
    }
    /// Shown without decimals.
    #[must_use]
    pub const fn whole(self) -> Self {
        self.decimals(|_| 0)
    }
    /// Shown with so many decimals.
    #[must_use]
    pub const fn decimals(mut self, decimals: fn(&Capabilities) -> u8) -> Self {
        self.decimals = Some(decimals);
        self
    }
    const fn number(self) -> Self {
        if self.decimals.is_none() { self.whole() } else { self }
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
    /// Only for those who ask for it, where others say the same.
    #[must_use]
    pub const fn repeats(mut self, others: fn(&Capabilities) -> bool) -> Self {
        self.repeats = others;
        self
    }
    /// Only where the control with this key, which shows the same, is not offered.
    #[must_use]
    pub const fn shown_by(mut self, control: &'static str) -> Self {
        self.shown_by = Some(control);
        self
    }
    /// Only where the owner lets it be on the broker.
    #[must_use]
    pub const fn private(mut self, may_be_told: fn(Privacy) -> bool) -> Self {
        self.private = Some(may_be_told);
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
