//! What Home Assistant (or anyone) sent to an entity, to a [`Command`]; or why not.

#[cfg(test)]
mod tests;

use printer::{Capabilities, Command, FanKind, Slot, Snapshot};

use super::catalog::{AMS, EXTERNAL, PRINTER, SLOT};
use super::entity::{Entity, Platform, SlotPlace, Subject};

/// Longest payload that is looked at; no entity takes more.
const LONGEST: usize = 64;
/// What Home Assistant sends for installing firmware.
pub const INSTALL: &str = "INSTALL";

/// Why a message to a command topic is no command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The printer has no such entity, or it takes no commands.
    #[error("there is no control `{0}` on this printer")]
    NoControl(String),
    /// Not what the entity understands.
    #[error("`{key}` takes {wanted}, not `{got}`")]
    Payload {
        /// The entity.
        key: &'static str,
        /// What it understands.
        wanted: String,
        /// What came.
        got: String,
    },
    /// Too much or too little.
    #[error("`{key}`: {value} is outside 0 to {max}")]
    Range {
        /// The entity.
        key: &'static str,
        /// What came, rounded to the step.
        value: i64,
        /// The most it takes.
        max: u16,
    },
}

/// Reads the payload of a command topic; the ranges are those of the row that told them to Home Assistant.
///
/// ```
/// use homeassistant::command::parse;
/// use printer::{Capabilities, Command, Identity, Snapshot};
///
/// let mut printer = Snapshot::unheard("Garage", Identity::new("01P", "P1S"));
/// printer.capabilities = Some(Capabilities { bed_max: 100, ..Capabilities::default() });
/// assert_eq!(parse(&printer, "bed_target", b"55.3"), Ok(Command::BedTarget(55)));
/// let error = parse(&printer, "bed_target", b"140").unwrap_err();
/// assert_eq!(error.to_string(), "`bed_target`: 140 is outside 0 to 100");
/// ```
///
/// A key may also be that of a device below the printer, as it stands in topics: `ams/0/drying`.
///
/// # Errors
/// Anything that is no command for an entity that this printer has.
pub fn parse(snapshot: &Snapshot, key: &str, payload: &[u8]) -> Result<Command, CommandError> {
    let missing = || CommandError::NoControl(shown(key));
    let Some((device, rest)) = key.split_once('/') else {
        let can = snapshot.capabilities.unwrap_or_default();
        let mut rows = PRINTER.iter().filter(|row| row.platform.takes_commands() && row.key == key);
        let row = rows.find(|row| row.early || (row.needs)(&can, snapshot)).ok_or_else(missing)?;
        return read(row, (), snapshot, payload);
    };
    let (number, key) = rest.split_once('/').ok_or_else(missing)?;
    let number: u8 = number.parse().map_err(|_| missing())?;
    match device {
        "ams" => {
            let ams = snapshot.unit(number).ok_or_else(missing)?;
            if let Some(row) = find(AMS, key, snapshot, ams) {
                return read(row, number, snapshot, payload);
            }
            let can = snapshot.capabilities.unwrap_or_default();
            let of_slot = |(at, slot): (u8, &Slot)| {
                let same = |row: &&Entity<Slot>| row.key.replace('#', &(at + 1).to_string()) == key;
                let row = SLOT.iter().filter(|row| row.platform.is_control()).find(same)?;
                (row.needs)(&can, slot).then_some((at, row))
            };
            let (slot, row) = (0..).zip(&ams.slots).find_map(of_slot).ok_or_else(missing)?;
            read(row, SlotPlace { unit: number, slot }, snapshot, payload)
        }
        "external" => {
            let spool = snapshot.external.iter().find(|spool| spool.number == number).ok_or_else(missing)?;
            let row = find(EXTERNAL, key, snapshot, spool).ok_or_else(missing)?;
            read(row, number, snapshot, payload)
        }
        _ => Err(missing()),
    }
}

/// The control with this key of a device below the printer.
fn find<T: Subject>(
    table: &'static [Entity<T>],
    key: &str,
    snapshot: &Snapshot,
    subject: &T,
) -> Option<&'static Entity<T>> {
    let mut rows = table.iter().filter(|row| row.platform.is_control() && row.key == key);
    // Whether it may be done is not asked here: `permit` says why not.
    let can = snapshot.capabilities.unwrap_or_default();
    rows.find(|row| (row.needs)(&can, subject))
}

/// Reads a payload for a row, asked of the subject at this place.
fn read<T: Subject>(
    row: &Entity<T>,
    place: T::Place,
    snapshot: &Snapshot,
    payload: &[u8],
) -> Result<Command, CommandError> {
    let can = snapshot.capabilities.unwrap_or_default();
    let wrong =
        |wanted: &str| CommandError::Payload { key: row.key, wanted: wanted.into(), got: shown(payload) };
    let text = std::str::from_utf8(payload).ok().filter(|t| t.len() <= LONGEST).map(str::trim);
    let on_off = || match text {
        Some("ON") => Ok(true),
        Some("OFF") => Ok(false),
        _ => Err(wrong("ON or OFF")),
    };
    if let Some(effect) = row.effect.filter(|effect| text == Some(effect.name)) {
        return Ok((effect.command)(place));
    }
    match row.platform {
        Platform::Button(command) if text == Some("PRESS") => Ok(command(place)),
        Platform::Button(_) => Err(wrong("PRESS")),
        Platform::Switch(to) | Platform::Light(to) => on_off().map(|on| to(place, on)),
        Platform::Number(max, to) => {
            number(row.key, text, max(&can)).ok_or_else(|| wrong("a number"))?.map(|value| to(place, value))
        }
        Platform::Select(options, to) => text
            .and_then(|text| options.iter().position(|option| *option == text))
            .and_then(|index| to(place, index))
            .ok_or_else(|| wrong(&format!("one of {}", options.join(", ")))),
        Platform::Fan(kind) => {
            fan(row.key, text, kind, snapshot).ok_or_else(|| wrong("ON, OFF or a percentage"))?
        }
        Platform::Siren(tones, to) => {
            let wanted = || wrong(&format!("ON, OFF or a tone: {}", tones.join(", ")));
            match siren(text.ok_or_else(wanted)?, tones).ok_or_else(wanted)? {
                Noise::Silence => Ok(to(place, None)),
                Noise::Tone(tone) => Ok(to(place, Some(tone))),
            }
        }
        Platform::Update(Some(install)) if text == Some(INSTALL) => Ok(install(place)),
        Platform::Update(Some(_)) => Err(wrong(INSTALL)),
        Platform::Sensor
        | Platform::Enum(_)
        | Platform::BinarySensor
        | Platform::Image
        | Platform::Update(None)
        | Platform::Press
        | Platform::Code(..)
        | Platform::Event(_) => Err(CommandError::NoControl(row.key.into())),
    }
}

/// What a siren shall do.
enum Noise {
    /// Nothing any more.
    Silence,
    /// This tone.
    Tone(usize),
}

/// Home Assistant sends a document, people a word.
fn siren(text: &str, tones: &[&str]) -> Option<Noise> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wanted<'a> {
        state: &'a str,
        tone: Option<&'a str>,
    }
    let wanted = match text {
        "ON" | "OFF" => Wanted { state: text, tone: None },
        text if tones.contains(&text) => Wanted { state: "ON", tone: Some(text) },
        text => serde_json::from_str(text).ok()?,
    };
    match (wanted.state, wanted.tone) {
        ("OFF", None) => Some(Noise::Silence),
        ("ON", None) => Some(Noise::Tone(0)),
        ("ON", Some(tone)) => tones.iter().position(|known| *known == tone).map(Noise::Tone),
        _ => None,
    }
}

/// A whole number from 0 to `max`: Home Assistant sends 55.3 for a step of 1, so it is rounded first.
fn number(key: &'static str, text: Option<&str>, max: u16) -> Option<Result<u16, CommandError>> {
    let value: f64 = text?.parse().ok().filter(|v: &f64| v.is_finite())?;
    Some(in_range(key, value.round(), max))
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "the message shows what came; anything beyond is out of range"
)]
fn in_range(key: &'static str, value: f64, max: u16) -> Result<u16, CommandError> {
    let value = value.clamp(-1e12, 1e12) as i64;
    u16::try_from(value).ok().filter(|v| *v <= max).ok_or(CommandError::Range { key, value, max })
}

/// `ON` means the last speed (all, when there was none), a number is percent in steps of ten, as the
/// printers' own apps have it.
fn fan(
    key: &'static str,
    text: Option<&str>,
    kind: FanKind,
    snapshot: &Snapshot,
) -> Option<Result<Command, CommandError>> {
    let speed = match text? {
        "ON" => snapshot.fans.get(kind).last_on.unwrap_or(100),
        "OFF" => 0,
        text => match number(key, Some(text), 100)? {
            Ok(percent) => u8::try_from((percent + 5) / 10 * 10).unwrap_or(100),
            Err(error) => return Some(Err(error)),
        },
    };
    Some(Ok(Command::Fan(kind, speed)))
}

/// What came, short and printable, to stand in backticks.
pub(super) fn shown(text: impl AsRef<[u8]>) -> String {
    let text: String = String::from_utf8_lossy(text.as_ref()).chars().take(LONGEST).collect();
    text.escape_debug().to_string()
}

/// Highest value of a number; for the discovery message.
pub(super) fn max<P: Copy>(platform: Platform<P>, can: &Capabilities) -> Option<u16> {
    match platform {
        Platform::Number(max, _) => Some(max(can)),
        _ => None,
    }
}
