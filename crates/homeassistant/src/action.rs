//! Actions: what Home Assistant has no entity for, asked by a JSON object on `…/action/<name>`.
//!
//! [`ACTIONS`] is the table of them; each names its members, so that one reader checks them all and one
//! page explains them. Whatever is not as the table has it is refused with what would be right.

mod table;

use std::fmt::Write as _;

use serde_json::{Map, Value as Json};

use printer::command::permit;
use printer::{Command, Snapshot, Source, Text};

use super::command::shown;

pub use table::ACTIONS;

/// Longest request that is looked at, bytes.
pub const LONGEST: usize = 16 * 1024;
/// Longest name of an object, bytes.
const LONGEST_NAME: usize = 320;
/// Objects that a refusal lists.
const NAMED: usize = 16;

/// One action.
pub struct Action {
    /// Its name, the last part of the topic, for ever.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub about: &'static str,
    /// Its members besides `id`.
    pub members: &'static [Member],
    /// A request as an example.
    pub example: &'static str,
    make: fn(&Arguments<'_>) -> Result<Command, ActionError>,
}

/// One member of an action's object.
pub struct Member {
    /// Its name.
    pub name: &'static str,
    /// What it may be.
    pub kind: ArgumentKind,
    /// Whether it must be there.
    pub required: bool,
    /// What it means.
    pub about: &'static str,
}

/// What a member may be.
#[derive(Debug, Clone, Copy)]
pub enum ArgumentKind {
    /// A whole number in a range.
    Whole(u32, u32),
    /// A number in a range, to the tenth; the range is in tenths.
    Tenths(i32, i32),
    /// True or false.
    Flag,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Some of these words.
    Words(&'static [&'static str]),
    /// Text of at most so many bytes.
    Text(usize),
    /// Several lines of text, at most so many bytes together.
    Lines(usize),
    /// Objects of the print by number or by name, at most so many.
    Objects(usize),
    /// A slot or an external spool, as `active_slot` calls it.
    Slot,
    /// Slots, `null` for none.
    Slots,
    /// `#RRGGBB` or `#RRGGBBAA`.
    Color,
}

/// Why a message is no action.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the texts say it")]
pub enum ActionError {
    #[error("there is no action `{0}`; there are {1}")]
    NoAction(String, String),
    #[error("the request has {0} bytes, and no action takes more than {LONGEST}")]
    TooLong(usize),
    #[error("the request is no JSON object ({0}): send one such as `{1}`")]
    NoObject(String, &'static str),
    #[error("`id` is text of at most 64 characters, or a whole number")]
    Id,
    #[error("`{0}` has no member `{1}`; it takes {2}")]
    Unknown(&'static str, String, String),
    #[error("`{0}` is missing: it is {1}")]
    Missing(&'static str, String),
    #[error("`{member}` is {wanted}, not {got}")]
    Wrong { member: &'static str, wanted: String, got: String },
    #[error("there is no slot `{0}` on this printer; there are {1}")]
    NoSlot(String, String),
    #[error("the names of this print's objects are not known: give their numbers")]
    NoNames,
    #[error("this print has no object `{0}`; it has {1}")]
    NoSuchObject(String, String),
    #[error("this print has several objects `{0}`: give the numbers of those that are meant, of {1}")]
    Several(String, String),
    #[error("{0}")]
    Other(&'static str),
}

/// A request that was read: the command, if it is one, and what names the request for its sender.
#[derive(Debug, PartialEq)]
pub struct Request {
    /// The `id` that the sender gave, to be put into the results.
    pub id: Option<Json>,
    /// What shall be done, or why not.
    pub command: Result<Command, ActionError>,
}

/// Reads the payload of an action's topic.
///
/// ```
/// use homeassistant::action::read;
/// use printer::{Command, Identity, Snapshot};
///
/// let printer = Snapshot::unheard("Garage", Identity::new("01P", "P1S"));
/// let request = read(&printer, "skip_objects", br#"{"id": 7, "objects": [146, 193]}"#);
/// assert_eq!(request.id, Some(7.into()));
/// assert_eq!(request.command, Ok(Command::SkipObjects(vec![146, 193])));
///
/// let request = read(&printer, "skip_objects", br#"{"object": [146]}"#);
/// assert_eq!(request.command.unwrap_err().to_string(),
///     "`skip_objects` has no member `object`; it takes `objects`, `id`");
/// ```
pub fn read(snapshot: &Snapshot, name: &str, payload: &[u8]) -> Request {
    let refused = |error| Request { id: None, command: Err(error) };
    let Some(action) = ACTIONS.iter().find(|action| action.name == name) else {
        let names = ACTIONS.iter().map(|action| action.name).collect::<Vec<_>>().join(", ");
        return refused(ActionError::NoAction(shown(name), names));
    };
    if payload.len() > LONGEST {
        return refused(ActionError::TooLong(payload.len()));
    }
    let mut members: Map<String, Json> = match serde_json::from_slice(payload) {
        Ok(members) => members,
        Err(error) => return refused(ActionError::NoObject(shown(error.to_string()), action.example)),
    };
    let id = members.remove("id").filter(|id| !id.is_null());
    let fits = match &id {
        Some(Json::String(text)) => text.chars().count() <= 64,
        Some(Json::Number(number)) => !number.is_f64(),
        Some(_) => false,
        None => true,
    };
    if !fits {
        return refused(ActionError::Id);
    }
    let command =
        check(action, &members).and_then(|()| (action.make)(&Arguments { members: &members, snapshot }));
    Request { id, command }
}

/// Whether the members are those of the action, and what they may be.
fn check(action: &Action, members: &Map<String, Json>) -> Result<(), ActionError> {
    let known = |name: &str| action.members.iter().any(|member| member.name == name);
    if let Some(foreign) = members.keys().find(|name| !known(name)) {
        let names = action.members.iter().map(|member| member.name).chain(["id"]);
        let names = names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        return Err(ActionError::Unknown(action.name, shown(foreign), names));
    }
    for member in action.members {
        match members.get(member.name) {
            None if member.required => return Err(ActionError::Missing(member.name, member.kind.words())),
            None => {}
            Some(value) => member.kind.check(member.name, value)?,
        }
    }
    Ok(())
}

impl ArgumentKind {
    /// In words, for people.
    pub fn words(self) -> String {
        match self {
            Self::Whole(min, max) => format!("a whole number from {min} to {max}"),
            Self::Tenths(min, max) => {
                format!("a number from {} to {}", f64::from(min) / 10.0, f64::from(max) / 10.0)
            }
            Self::Flag => "true or false".into(),
            Self::Word(words) => format!("one of {}", quoted(words)),
            Self::Words(words) => format!("a list of some of {}", quoted(words)),
            Self::Text(longest) => format!("text of 1 to {longest} bytes"),
            Self::Lines(longest) => format!("a list of lines, together at most {longest} bytes"),
            Self::Objects(most) => format!("a list of 1 to {most} whole numbers or names"),
            Self::Slot => "the name of a slot (`A1-3`, `HT1`, `Ext`)".into(),
            Self::Slots => "a list of names of slots, `null` for none".into(),
            Self::Color => "a color (`#00AE42`)".into(),
        }
    }

    fn check(self, member: &'static str, value: &Json) -> Result<(), ActionError> {
        let list = |wanted: &dyn Fn(&Json) -> bool| {
            value.as_array().is_some_and(|list| !list.is_empty() && list.iter().all(wanted))
        };
        let right = match self {
            Self::Whole(min, max) => whole(value).is_some_and(|v| (min..=max).contains(&v)),
            Self::Tenths(min, max) => tenths(value).is_some_and(|v| (min..=max).contains(&v)),
            Self::Flag => value.is_boolean(),
            Self::Word(options) => value.as_str().is_some_and(|word| options.contains(&word)),
            Self::Words(options) => list(&|v| v.as_str().is_some_and(|word| options.contains(&word))),
            Self::Text(longest) => value.as_str().is_some_and(|text| is_line(text, longest)),
            Self::Lines(longest) => {
                let length: usize = value
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Json::as_str)
                    .map(|l| l.len() + 1)
                    .sum();
                length <= longest && list(&|v| v.as_str().is_some_and(|line| is_line(line, longest)))
            }
            Self::Objects(most) => {
                let object =
                    |v: &Json| whole(v).is_some() || v.as_str().is_some_and(|v| is_line(v, LONGEST_NAME));
                value.as_array().is_some_and(|list| list.len() <= most) && list(&object)
            }
            Self::Slot => value.is_string(),
            Self::Slots => list(&|v| v.is_null() || v.is_string()),
            Self::Color => value.as_str().and_then(color).is_some(),
        };
        if right {
            return Ok(());
        }
        Err(ActionError::Wrong { member, wanted: self.words(), got: shown(value.to_string()) })
    }
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// A whole number that fits into 31 bits, as printers read them.
fn whole(value: &Json) -> Option<u32> {
    value.as_u64().and_then(|v| u32::try_from(v).ok()).filter(|v| *v <= i32::MAX.cast_unsigned())
}

/// A number in tenths, rounded to one.
#[allow(clippy::cast_possible_truncation, reason = "checked to be small, and whole by then")]
fn tenths(value: &Json) -> Option<i32> {
    let tenths = (value.as_f64()? * 10.0).round();
    (tenths.abs() <= 1e6).then_some(tenths as i32)
}

/// One line, neither empty nor with anything that does not belong into one.
fn is_line(text: &str, longest: usize) -> bool {
    !text.trim().is_empty() && text.len() <= longest && !text.chars().any(char::is_control)
}

/// `#RRGGBB` or `#RRGGBBAA`, in either case, with or without the sign.
fn color(text: &str) -> Option<u32> {
    let digits = text.strip_prefix('#').unwrap_or(text);
    let value =
        digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())??;
    match digits.len() {
        6 => Some(value << 8 | 0xFF),
        8 => Some(value),
        _ => None,
    }
}

/// Every place for a spool, as `active_slot` calls it.
fn places(snapshot: &Snapshot) -> impl Iterator<Item = (Text, Source)> {
    let slots = |ams: &'_ printer::Ams| {
        let unit = ams.id;
        let places: Vec<_> = (0..).zip(&ams.slots).map(|(slot, _)| Source::Ams { unit, slot }).collect();
        places
    };
    let external = snapshot.external.iter().map(|spool| Source::External(spool.number));
    let places = snapshot.ams.iter().flat_map(slots).chain(external);
    places.filter_map(|place| Some((place.label()?, place)))
}

/// The members of a request that was checked, so that reading them finds what they are.
struct Arguments<'a> {
    members: &'a Map<String, Json>,
    snapshot: &'a Snapshot,
}

impl Arguments<'_> {
    fn whole<T: TryFrom<u32>>(&self, name: &str) -> Option<T> {
        self.members.get(name).and_then(whole).and_then(|v| T::try_from(v).ok())
    }

    fn tenths(&self, name: &str) -> Option<i16> {
        self.members.get(name).and_then(tenths).and_then(|v| i16::try_from(v).ok())
    }

    fn flag(&self, name: &str) -> Option<bool> {
        self.members.get(name).and_then(Json::as_bool)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.members.get(name).and_then(Json::as_str).map(str::trim)
    }

    fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.members.get(name).and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str)
    }

    /// The numbers of objects that are given by number or by name; none twice.
    fn objects(&self, name: &str) -> Result<Vec<u32>, ActionError> {
        let list = self.members.get(name).and_then(Json::as_array);
        let mut objects = Vec::new();
        for value in list.into_iter().flatten() {
            let id = match (whole(value), value.as_str()) {
                (Some(id), _) => id,
                (None, Some(name)) => self.object(name.trim())?,
                (None, None) => continue,
            };
            if !objects.contains(&id) {
                objects.push(id);
            }
        }
        Ok(objects)
    }

    /// The number of the object that a name means in this print.
    fn object(&self, name: &str) -> Result<u32, ActionError> {
        let plate = self.snapshot.known.facts.plate.as_deref();
        let objects = plate.map(|plate| plate.objects.as_slice()).unwrap_or_default();
        if objects.is_empty() {
            return Err(ActionError::NoNames);
        }
        let list =
            |objects: &mut dyn Iterator<Item = String>| objects.take(NAMED).collect::<Vec<_>>().join(", ");
        let mut named =
            objects.iter().filter(|object| object.name.trim().to_lowercase() == name.to_lowercase());
        match (named.next(), named.next()) {
            (Some(object), None) => Ok(object.id),
            (Some(first), Some(second)) => {
                let all = [first, second].into_iter().chain(named);
                Err(ActionError::Several(shown(name), list(&mut all.map(|object| object.id.to_string()))))
            }
            (None, _) => {
                let all = list(&mut objects.iter().map(|object| format!("`{}`", shown(&object.name))));
                Err(ActionError::NoSuchObject(shown(name), all))
            }
        }
    }

    fn color(&self, name: &str) -> Option<u32> {
        self.text(name).and_then(color)
    }

    /// The place that a name means on this printer.
    fn place(&self, name: &str) -> Result<Source, ActionError> {
        let found = places(self.snapshot).find(|(label, _)| label.eq_ignore_ascii_case(name.trim()));
        let names = || {
            let names = places(self.snapshot).map(|(label, _)| format!("`{label}`")).collect::<Vec<_>>();
            if names.is_empty() { "none yet".into() } else { names.join(", ") }
        };
        found.map(|(_, source)| source).ok_or_else(|| ActionError::NoSlot(shown(name), names()))
    }

    fn slot(&self, name: &str) -> Result<Source, ActionError> {
        self.place(self.text(name).unwrap_or_default())
    }

    fn slots(&self, name: &str) -> Result<Vec<Option<Source>>, ActionError> {
        let list = self.members.get(name).and_then(Json::as_array);
        list.into_iter().flatten().map(|v| v.as_str().map(|name| self.place(name)).transpose()).collect()
    }
}

/// The page that explains the actions, in Markdown.
pub fn markdown() -> String {
    let mut page = String::from(
        "# Actions\n\n\
         Made by `bambu2mqtt actions --markdown`.\n\
         An action is a JSON object on `<base>/<serial>/action/<name>`; its outcome comes on\n\
         `<base>/<serial>/action/<name>/result` as a JSON object with `outcome` (`accepted`, `confirmed`,\n\
         `refused`, `failed`, `timeout`), `reason` where there is one, and the `id` that was sent.\n\
         Every action takes an `id`: text of at most 64 characters, or a whole number.\n\
         Whatever is not as this page has it is refused, and nothing is sent to the printer.\n\
         `<base>` is `mqtt.base_topic`, `bambu2mqtt` if you did not choose another; `bambu2mqtt printers` has the serials.\n\
         In Home Assistant send one with the action `mqtt.publish`.\n\
         Do not set the retain flag: what a broker keeps is ignored at the next start.\n\
         Where *Control mode* is `limited` nothing here works but `set_nozzle`, where the printer has that; see\n\
         [control.md](control.md).\n\
         Slots are called as the entity *Active slot* calls them: `A1-3` is the third slot of the first AMS,\n\
         `HT1` the first AMS HT, `Ext` the external spool (the right one of two), `Ext2` the left one.\n",
    );
    for Action { name, about, members, example, .. } in ACTIONS {
        let _ = write!(page, "\n## {name}\n\n{about}\n\n```json\n{example}\n```\n");
        if !members.is_empty() {
            page.push_str("\n| member | is | meaning |\n| --- | --- | --- |\n");
        }
        for Member { name, kind, required, about } in *members {
            let must = if *required { "" } else { " (optional)" };
            let _ = writeln!(page, "| `{name}`{must} | {} | {about} |", kind.words());
        }
    }
    let _ = write!(
        page,
        "\n## When what is allowed\n\n\
         A printer can be in several of these conditions at once; all of them must allow it.\n\
         *Stale* is a printer of which nothing was heard for longer than usual, *signed only* one whose\n\
         firmware takes print commands only from Bambu Lab's own programs.\n\n{}",
        permit::markdown()
    );
    page
}
