//! Every topic we use is built or taken apart here.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeSet;

use printer::Serial;

/// Where Home Assistant says that it came up, if nobody told it otherwise.
const BIRTH: &str = "homeassistant/status";

/// The names that the configuration chooses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topics {
    /// First level of our topics.
    pub base: String,
    /// First level of Home Assistant's discovery topics.
    pub discovery: String,
    /// What our ids begin with: the base topic as a slug.
    pub id_prefix: String,
}

/// Which device below a printer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// The printer itself.
    Printer,
    /// An AMS unit, by the printer's number for it.
    Ams(u8),
    /// An external spool: 1 is the only or right one, 2 the left one.
    External(u8),
}

impl Part {
    /// An entity's key with its device, as it stands in topics below the printer: `ams/0/drying`.
    pub fn key(self, key: &str) -> Cow<'_, str> {
        match self {
            Self::Printer => key.into(),
            Self::Ams(unit) => format!("ams/{unit}/{key}").into(),
            Self::External(number) => format!("external/{number}/{key}").into(),
        }
    }
}

/// A message that came from the local broker.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// A command to an entity of a printer, or of a device below it.
    Set {
        /// The printer.
        serial: Serial,
        /// The entity's key; below the printer as in `ams/0/drying`.
        key: &'a str,
    },
    /// A command to an entity of the gateway itself.
    BridgeSet {
        /// The entity's key.
        key: &'a str,
    },
    /// A structured request.
    Action {
        /// The printer.
        serial: Serial,
        /// `action/` and the action's name: what stands for the key in the topic of its result.
        key: &'a str,
        /// The action's name.
        name: &'a str,
    },
    /// A printer's values as one document, ours or of an earlier run.
    State {
        /// The printer.
        serial: Serial,
    },
    /// Home Assistant came up or went.
    Status,
    /// A device discovery message, ours or another program's.
    Discovery {
        /// The device.
        device: &'a str,
    },
}

/// The key under which `purge` asks whether a gateway runs. No entity has it: the answer is all that matters.
pub const PURGE: &str = "purge";

/// What stands for the key in the topic of a picture.
pub fn image(name: &str) -> String {
    format!("image/{name}")
}

impl Topics {
    /// The gateway's availability.
    pub fn bridge_availability(&self) -> String {
        format!("{}/bridge/availability", self.base)
    }

    /// A value of the gateway's own device.
    pub fn bridge(&self, key: &str) -> String {
        format!("{}/bridge/{key}", self.base)
    }

    /// Where a command to the gateway itself goes.
    pub fn bridge_set(&self, key: &str) -> String {
        format!("{}/bridge/{key}/set", self.base)
    }

    /// Where the outcome of a command to the gateway itself is told.
    pub fn bridge_result(&self, key: &str) -> String {
        format!("{}/bridge/{key}/result", self.base)
    }

    /// Where it is told what happens to the gateway itself.
    pub fn bridge_event(&self, group: &str) -> String {
        format!("{}/bridge/event/{group}", self.base)
    }

    /// A printer's availability.
    pub fn availability(&self, serial: &Serial) -> String {
        format!("{}/{}/availability", self.base, serial.as_str())
    }

    /// An entity's value.
    pub fn value(&self, serial: &Serial, part: Part, key: &str) -> String {
        format!("{}/{}/{}", self.base, serial.as_str(), part.key(key))
    }

    /// Where a printer's events of a group are told.
    pub fn event(&self, serial: &Serial, group: &str) -> String {
        format!("{}/{}/event/{group}", self.base, serial.as_str())
    }

    /// Where the bare names are told that device triggers wait for.
    pub fn trigger(&self, serial: &Serial) -> String {
        self.value(serial, Part::Printer, "trigger")
    }

    /// A picture of a printer.
    pub fn image(&self, serial: &Serial, name: &str) -> String {
        self.value(serial, Part::Printer, &image(name))
    }

    /// Which buttons and actions a printer would take now.
    pub fn permitted(&self, serial: &Serial) -> String {
        self.value(serial, Part::Printer, "permitted")
    }

    /// A printer's values as one document.
    pub fn state(&self, serial: &Serial) -> String {
        self.value(serial, Part::Printer, "state")
    }

    /// The mirror of what a printer says.
    pub fn raw_report(&self, serial: &Serial) -> String {
        self.value(serial, Part::Printer, "raw/report")
    }

    /// The mirror of what is said to a printer.
    pub fn raw_request(&self, serial: &Serial) -> String {
        self.value(serial, Part::Printer, "raw/request")
    }

    /// The documents of all printers, also of those that only an earlier run knew.
    pub fn all_states(&self) -> String {
        format!("{}/+/state", self.base)
    }

    /// Where the outcome of a command is told.
    pub fn result(&self, serial: &Serial, key: &str) -> String {
        format!("{}/{}/{key}/result", self.base, serial.as_str())
    }

    /// A device's discovery message.
    pub fn config(&self, device: &str) -> String {
        format!("{}/device/{device}/config", self.discovery)
    }

    /// The id of a printer's device.
    pub fn printer_id(&self, serial: &Serial) -> String {
        format!("{}_{}", self.id_prefix, serial.as_str())
    }

    /// The serial number in the id of an AMS unit's device, where it is named after that.
    pub fn unit_serial<'a>(&self, device: &'a str) -> Option<&'a str> {
        device.strip_prefix(&self.id_prefix)?.strip_prefix("_ams_").filter(|serial| !serial.is_empty())
    }

    /// The printer and the number of the AMS unit that a topic is of.
    pub fn unit_place(&self, topic: &str) -> Option<(Serial, u8)> {
        let rest = topic.strip_prefix(&self.base)?.strip_prefix('/')?;
        let mut levels = rest.split('/');
        let serial = levels.next().filter(|level| is_serial(level))?;
        levels.next().filter(|level| *level == "ams")?;
        Some((Serial::new(serial), levels.next()?.parse().ok()?))
    }

    /// The printer whose availability is told on a topic.
    pub fn available(&self, topic: &str) -> Option<Serial> {
        let rest = topic.strip_prefix(&self.base)?.strip_prefix('/')?;
        serial_of(rest.strip_suffix("/availability")?)
    }

    /// The id of the gateway's own device.
    pub fn bridge_id(&self) -> String {
        format!("{}_bridge", self.id_prefix)
    }

    /// Where commands to the gateway, to printers and to devices below them come from.
    pub fn commands(&self) -> [String; 4] {
        ["+/set", "ams/+/+/set", "external/+/+/set", "action/+"].map(|rest| format!("{}/+/{rest}", self.base))
    }

    /// Where Home Assistant says that it came up: below the discovery prefix, or where it does of itself, which
    /// another prefix alone does not change.
    pub fn statuses(&self) -> BTreeSet<String> {
        [format!("{}/status", self.discovery), BIRTH.to_owned()].into()
    }

    /// The same names with another discovery prefix.
    #[must_use]
    pub fn announced_below(&self, discovery: &str) -> Self {
        Self { discovery: discovery.to_owned(), ..self.clone() }
    }

    /// All device discovery messages.
    pub fn all_configs(&self) -> String {
        self.config("+")
    }

    /// Whether a topic is below our base and of a form that we build. Keys come and go with versions, so any
    /// key is taken; what else somebody keeps below our base is theirs.
    pub fn is_ours(&self, topic: &str) -> bool {
        let rest = topic.strip_prefix(&self.base).and_then(|rest| rest.strip_prefix('/'));
        let levels: Vec<&str> = rest.into_iter().flat_map(|rest| rest.split('/')).collect();
        match *levels.as_slice() {
            ["bridge", "event", group] => is_key(group),
            ["bridge", ref entity @ ..] => is_entity(entity),
            [serial, ref rest @ ..] if is_serial(serial) => match *rest {
                ["event" | "image" | "action", name] | ["action", name, "result"] => is_key(name),
                ["raw", direction] => matches!(direction, "report" | "request"),
                ["ams" | "external", number, ref entity @ ..] => is_number(number) && is_entity(entity),
                ref entity => is_entity(entity),
            },
            _ => false,
        }
    }

    /// Whether a device discovery message is ours: the device has an id of a form that we build, and its first
    /// availability topic is the gateway's. Others may name that topic too, for a device of their own.
    pub fn owns(&self, device: &str, config: &[u8]) -> bool {
        let root = crate::discovery::read(config).unwrap_or_default();
        let first = root.pointer("/availability/0/topic").and_then(serde_json::Value::as_str);
        self.is_our_device(device) && first == Some(&self.bridge_availability())
    }

    fn is_our_device(&self, id: &str) -> bool {
        let rest = id.strip_prefix(&self.id_prefix).and_then(|rest| rest.strip_prefix('_'));
        let parts: Vec<&str> = rest.into_iter().flat_map(|rest| rest.split('_')).collect();
        match *parts.as_slice() {
            // An AMS may call its serial number anything: some send a garbled one.
            ["bridge"] | ["ams", _, ..] => true,
            [serial] => is_serial(serial),
            [serial, "ams" | "external", number] => is_serial(serial) && is_number(number),
            _ => false,
        }
    }

    /// Takes a topic apart; `None` for one that is not for us.
    pub fn parse<'a>(&self, topic: &'a str) -> Option<Incoming<'a>> {
        if topic == BIRTH {
            return Some(Incoming::Status);
        }
        if let Some(rest) = topic.strip_prefix(&self.discovery).and_then(|rest| rest.strip_prefix('/')) {
            if rest == "status" {
                return Some(Incoming::Status);
            }
            let device = rest.strip_prefix("device/").and_then(|rest| rest.strip_suffix("/config"));
            if let Some(device) = device.filter(|d| !d.contains('/')) {
                return Some(Incoming::Discovery { device });
            }
        }
        let rest = topic.strip_prefix(&self.base)?.strip_prefix('/')?;
        if let Some(serial) = rest.strip_suffix("/state").and_then(serial_of) {
            return Some(Incoming::State { serial });
        }
        let (serial, rest) = rest.split_once('/')?;
        let plain = |name: &str| !name.is_empty() && !name.contains('/');
        // No serial number: the level is the gateway's own.
        if serial == "bridge" {
            return Some(Incoming::BridgeSet { key: rest.strip_suffix("/set").filter(|key| plain(key))? });
        }
        if let Some(name) = rest.strip_prefix("action/").filter(|name| plain(name)) {
            return Some(Incoming::Action { serial: Serial::new(serial), key: rest, name });
        }
        let key = rest.strip_suffix("/set")?;
        let child = key.strip_prefix("ams/").or_else(|| key.strip_prefix("external/"));
        let known = match child.map(|child| child.split_once('/')) {
            Some(child) => child.is_some_and(|(number, key)| plain(number) && plain(key)),
            None => plain(key),
        };
        known.then(|| Incoming::Set { serial: Serial::new(serial), key })
    }
}

/// The levels of an entity: its key, and perhaps what hangs on that.
fn is_entity(levels: &[&str]) -> bool {
    match *levels {
        [key] | [key, "attributes" | "set" | "result"] => is_key(key),
        _ => false,
    }
}

fn is_key(level: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    !level.is_empty() && level.bytes().all(fits)
}

fn is_number(level: &str) -> bool {
    level.parse::<u8>().is_ok()
}

/// A level that is a serial number as we put it into topics, in upper case.
fn serial_of(level: &str) -> Option<Serial> {
    Serial::parse(level).filter(|serial| serial.as_str() == level)
}

fn is_serial(level: &str) -> bool {
    serial_of(level).is_some()
}

/// Text as Home Assistant puts it into entity ids: lower-case letters, digits and underscores.
pub fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in deunicode::deunicode(text).chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('_') {
            slug.push('_');
        }
    }
    slug.truncate(slug.trim_end_matches('_').len());
    slug
}
