//! What is wrong with the printer: codes, what they are made of, and what is told about them.
//!
//! [`Health`] is the codes of one moment with their texts, worst first; it is made when a code or the
//! [`Texts`] change and shared by the snapshots until then.

mod built;
mod bundled;
mod found;
mod texts;

use std::cmp::Reverse;
use std::fmt;
use std::sync::{Arc, LazyLock};

use super::{Side, Snapshot, Stage, Status};

pub use texts::{Catalogue, Prefix, Texts};

use found::Found;

/// How bad a health message is (protocol 4.10), mildest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Severity {
    /// The printer gives a number that nobody knows.
    Unknown,
    Info,
    Common,
    Serious,
    Fatal,
}

impl Severity {
    /// All words for it.
    pub const WORDS: [&'static str; 5] = ["unknown", "info", "common", "serious", "fatal"];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Info => "info",
            Self::Common => "common",
            Self::Serious => "serious",
            Self::Fatal => "fatal",
        }
    }
}

/// The part of the printer that speaks; units count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Module {
    /// Motors, heaters, fans.
    MotionController,
    /// Main board.
    Mainboard,
    /// An AMS or AMS 2 Pro.
    Ams(u8),
    /// An AMS Lite.
    AmsLite(u8),
    /// An AMS HT.
    AmsHt(u8),
    /// The spool holder of a nozzle.
    External(Side),
    /// What pushes filament through a nozzle.
    Extruder(Side),
    /// Tool head.
    Toolhead,
    /// Cameras and what looks at their pictures.
    Camera,
    /// The settings that the job was sliced with.
    Settings,
    /// The rack of hotends.
    Rack,
    /// One that nobody knows.
    Other(u8),
}

impl Module {
    /// Whether filament comes from it.
    pub(crate) fn feeds(self) -> bool {
        matches!(
            self,
            Self::Ams(_) | Self::AmsLite(_) | Self::AmsHt(_) | Self::External(_) | Self::Extruder(_)
        )
    }

    /// From the upper half of a code: kind and number.
    fn of(upper: u32) -> Self {
        let [_, _, kind, number] = upper.to_be_bytes();
        // 0xFF and 0xFE are the external spools, as in the numbers of trays (protocol 4.14).
        let unit = |of: fn(u8) -> Self| match number {
            0xFF => Self::External(Side::Right),
            0xFE => Self::External(Side::Left),
            // Some firmware gives an AMS HT its unit number, which begins at 128.
            _ => of((number & 0x7F).saturating_add(1)),
        };
        match kind {
            0x03 => Self::MotionController,
            0x05 => Self::Mainboard,
            0x07 => unit(Self::Ams),
            0x08 => Self::Toolhead,
            0x0C => Self::Camera,
            0x10 => Self::Settings,
            // An A1 with an AMS Lite says 0x12008006; see captures/a1_stream_local_multicolor_ams_error.
            0x12 => unit(Self::AmsLite),
            // A P2S with an AMS HT says 0x18002000; see captures/p2s_get_version_and_three_hms.
            0x18 => match unit(Self::AmsHt) {
                Self::External(side) => Self::Extruder(side),
                unit => unit,
            },
            0x1A => Self::Rack,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for Module {
    /// For people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MotionController => f.write_str("motion controller"),
            Self::Mainboard => f.write_str("mainboard"),
            Self::Ams(unit) => write!(f, "AMS {unit}"),
            Self::AmsLite(unit) => write!(f, "AMS Lite {unit}"),
            Self::AmsHt(unit) => write!(f, "AMS HT {unit}"),
            Self::External(Side::Right) => f.write_str("external spool"),
            Self::External(Side::Left) => f.write_str("left external spool"),
            Self::Extruder(Side::Right) => f.write_str("right extruder"),
            Self::Extruder(Side::Left) => f.write_str("left extruder"),
            Self::Toolhead => f.write_str("toolhead"),
            Self::Camera => f.write_str("camera"),
            Self::Settings => f.write_str("print settings"),
            Self::Rack => f.write_str("hotend rack"),
            Self::Other(number) => write!(f, "module {number:02X}"),
        }
    }
}

/// A health message (protocol 4.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hms {
    /// Where.
    pub attr: u32,
    /// What, with the severity in the upper half.
    pub code: u32,
}

impl Hms {
    /// The air is cleaned after a print (protocol 4.10): news, and nothing wrong.
    pub const PURIFYING: Self = Self { attr: 0x0500_0400, code: 0x0003_0057 };

    /// How bad it is; in the upper half of the code, as the vendor's own program reads it.
    pub fn severity(self) -> Severity {
        match self.code >> 16 {
            1 => Severity::Fatal,
            2 => Severity::Serious,
            3 => Severity::Common,
            4 => Severity::Info,
            _ => Severity::Unknown,
        }
    }

    /// Who says it.
    pub fn module(self) -> Module {
        Module::of(self.attr >> 16)
    }

    /// Both halves in one number, as the vendor's catalogue has it.
    pub(crate) fn id(self) -> u64 {
        u64::from(self.attr) << 32 | u64::from(self.code)
    }

    /// Whether a slot of any AMS has run out, or a holder; not while its rest is purged, for then another one takes
    /// over.
    pub(crate) fn is_runout(self) -> bool {
        let part = self.attr >> 8 & 0xFF;
        let of_slot = matches!(part, 0x20..=0x23) && matches!(self.code, 0x0002_0001 | 0x0002_0005);
        let of_unit = matches!(part, 0x70..=0x73) && self.code == 0x0002_0007;
        self.module().feeds() && (of_slot || of_unit)
    }

    /// Whether it says that the memory card or stick is missing, full, slow or faulty.
    pub fn is_of_storage(self) -> bool {
        matches!(
            self.id(),
            0x0500_0100_0003_0004
                ..=0x0500_0100_0003_0007
                    | 0x0500_0300_0002_000D
                    | 0x0500_0300_0002_0020
                    | 0x0500_0300_0003_0022
        )
    }

    /// From both halves in one number.
    pub(crate) fn of(id: u64) -> Self {
        let half = |half: u64| u32::try_from(half & 0xFFFF_FFFF).unwrap_or_default();
        Self { attr: half(id >> 32), code: half(id) }
    }
}

impl fmt::Display for Hms {
    /// As the vendor writes it: `HMS_0300_0100_0001_0007`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { attr, code } = self;
        write!(f, "HMS_{:04X}_{:04X}_{:04X}_{:04X}", attr >> 16, attr & 0xFFFF, code >> 16, code & 0xFFFF)
    }
}

/// What an error does to the print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It ends it.
    Stop,
    /// It holds it until somebody helps.
    Pause,
    /// It asks something.
    Prompt,
}

impl Effect {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Pause => "pause",
            Self::Prompt => "prompt",
        }
    }
}

/// The error that stops or holds a print (protocol 4.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrintError(pub u32);

impl PrintError {
    /// The job was cancelled by a person: no fault.
    pub fn is_cancel(self) -> bool {
        matches!(self.0, 0x0300_400C | 0x0500_400E)
    }

    /// Whether it tells no more than that a pause or a cancel was wanted, by a person or by the file
    /// (protocol 4.11).
    pub fn is_wanted(self) -> bool {
        self.is_cancel() || matches!(self.0, 0x0300_8001 | 0x0300_8013)
    }

    /// Whether filament has run out: number 011 of a unit and of a holder, 030 of a holder, where what the slicer
    /// named is used up; the printer's own have numbers of their own (protocol 4.11).
    pub fn is_runout(self) -> bool {
        let number = self.0 & 0xFFF;
        match (self.module(), self.effect()) {
            (Module::Ams(_) | Module::AmsLite(_) | Module::AmsHt(_), Effect::Pause) => number == 0x011,
            (Module::External(_), Effect::Pause) => matches!(number, 0x011 | 0x030),
            (Module::External(_), Effect::Prompt) => number == 0x030,
            (Module::MotionController, Effect::Pause) => matches!(number, 0x004 | 0x015),
            _ => false,
        }
    }

    /// Whether it says that the memory card or stick is missing, full, slow or faulty.
    pub fn is_of_storage(self) -> bool {
        matches!(
            self.0,
            0x0500_4006 | 0x0500_400C | 0x0500_4015 | 0x0500_4016 | 0x0500_402E | 0x0500_402F | 0x0500_C010
        )
    }

    /// Who says it.
    pub fn module(self) -> Module {
        Module::of(self.0 >> 16)
    }

    /// What it does to the print.
    pub fn effect(self) -> Effect {
        match self.0 & 0xF000 {
            0x4000..=0x7000 => Effect::Stop,
            0x8000..=0xB000 => Effect::Pause,
            _ => Effect::Prompt,
        }
    }
}

impl fmt::Display for PrintError {
    /// As the vendor writes it: `0700-8006`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}-{:04X}", self.0 >> 16, self.0 & 0xFFFF)
    }
}

/// The code of a health message or of an error, as people write it down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(u64);

impl Code {
    /// From any usual spelling: `HMS_0500_0100_0002_000B`, `0500-0100-0002-000B`, `050001000002000B` of a health
    /// message, `0300-8013`, `0300_8013`, `03008013` of an error. `None` for what is neither.
    ///
    /// ```
    /// use printer::health::Code;
    ///
    /// assert_eq!(Code::parse("HMS_0500_0100_0002_000B"), Code::parse("0500-0100-0002-000b"));
    /// assert!(Code::parse("0300-8013").is_some());
    /// assert_eq!(Code::parse("0300"), None);
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_uppercase();
        let bare = text.strip_prefix("HMS").unwrap_or(&text);
        let digits: String = bare.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).collect();
        let known = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let code = u64::from_str_radix(&digits, 16).ok().filter(|_| known)?;
        let half = code & 0xFFFF_FFFF;
        // Neither half of a health message is 0 (protocol 4.10), nor is an error.
        let possible = match digits.len() {
            16 => code >> 32 != 0 && half != 0,
            8 => bare.len() == text.len() && half != 0,
            _ => false,
        };
        possible.then_some(Self(code))
    }
}

impl From<Hms> for Code {
    fn from(hms: Hms) -> Self {
        Self(hms.id())
    }
}

impl From<PrintError> for Code {
    fn from(error: PrintError) -> Self {
        Self(error.0.into())
    }
}

/// A code with what is told about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told<C> {
    /// The code.
    pub code: C,
    /// What it means, in the user's language where that is known.
    pub text: String,
    /// Whether somebody wrote that text for this code.
    pub known: bool,
    /// Where the vendor explains it. Names the model by three letters, never the printer.
    pub wiki: String,
}

impl Told<Hms> {
    /// Whether it makes the printer one with a problem: what nobody can explain does so only when it is
    /// bad (<https://github.com/greghesp/ha-bambulab/issues/1648>).
    pub fn counts(&self) -> bool {
        let news = self.code == Hms::PURIFYING;
        !news && (self.known || self.code.severity() >= Severity::Serious)
    }
}

/// All that is wrong at one moment, with its texts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Health {
    /// Health messages, worst first, then by code: their order on the wire says nothing.
    pub messages: Vec<Told<Hms>>,
    /// Health messages that the vendor's catalogue leaves without text on purpose, internal ones, and those that the
    /// owner does not want to hear of.
    pub hidden: Vec<Hms>,
    /// The error of the print, unless it is an internal one or the owner does not want to hear of it.
    pub error: Option<Told<PrintError>>,
    /// The codes of all health messages, hidden ones too.
    pub codes: String,
}

/// What most printers have.
static NOTHING: LazyLock<Arc<Health>> = LazyLock::new(Arc::default);

impl Health {
    /// Nothing wrong.
    pub fn nothing() -> Arc<Self> {
        Arc::clone(&NOTHING)
    }

    /// The same without what its owner does not want to hear of: that counts as hidden.
    pub(crate) fn heeding(
        hms: &[Hms],
        error: Option<PrintError>,
        texts: &Texts,
        serial: &str,
        ignored: &[Code],
    ) -> Arc<Self> {
        let health = Self::tell(hms, error, texts, serial);
        let is_ignored = |code| ignored.contains(&code);
        let unheard = |error: &Told<PrintError>| is_ignored(Code::from(error.code));
        if !health.error.as_ref().is_some_and(unheard)
            && !health.messages.iter().any(|told| is_ignored(told.code.into()))
        {
            return health;
        }
        let mut health = Arc::unwrap_or_clone(health);
        health.error = health.error.filter(|error| !unheard(error));
        health.hidden.extend(
            health.messages.extract_if(.., |told| is_ignored(told.code.into())).map(|told| told.code),
        );
        Arc::new(health)
    }

    /// Finds the texts for codes.
    pub fn tell(hms: &[Hms], error: Option<PrintError>, texts: &Texts, serial: &str) -> Arc<Self> {
        if hms.is_empty() && error.is_none() {
            return Self::nothing();
        }
        let prefix = Prefix::of(serial);
        let mut health = Self::default();
        for &code in hms {
            match texts.find(prefix, code.id()) {
                Found::Hidden => health.hidden.push(code),
                found => health.messages.push(Told {
                    code,
                    known: found.is_text(),
                    text: found.into_text().unwrap_or_else(|| built::message(code)),
                    wiki: texts.link("device_hms", &format!("{:016X}", code.id()), prefix),
                }),
            }
        }
        health.codes = hms.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        health.messages.sort_by_key(|message| (Reverse(message.code.severity()), message.code));
        health.error = error.and_then(|code| match texts.find(prefix, code.0.into()) {
            Found::Hidden => None,
            found => Some(Told {
                code,
                known: found.is_text(),
                text: found.into_text().unwrap_or_else(|| built::error(code)),
                wiki: texts.link("device_error", &format!("{:08X}", code.0), prefix),
            }),
        });
        Arc::new(health)
    }

    /// The worst of the health messages.
    pub fn worst(&self) -> Option<Severity> {
        self.messages.first().map(|message| message.code.severity())
    }

    /// The error of the print, unless it only says that a pause or a cancel was wanted.
    pub fn fault(&self) -> Option<&Told<PrintError>> {
        self.error.as_ref().filter(|error| !error.code.is_wanted())
    }
}

/// Why a person should go and look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attention {
    /// An error of the print.
    PrintError,
    /// A health message that is serious or fatal.
    Hms,
    /// The print is held by something that broke or ran out.
    Paused,
    /// The printer went away with a job under way.
    OfflineWhilePrinting,
}

impl Attention {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::PrintError => "print_error",
            Self::Hms => "hms",
            Self::Paused => "paused",
            Self::OfflineWhilePrinting => "offline_while_printing",
        }
    }
}

impl Snapshot {
    /// Why a person should go and look; nothing when there is no need.
    pub fn reasons(&self) -> impl Iterator<Item = Attention> {
        let paused = self.status == Some(Status::Pause) && self.stage.is_some_and(Stage::is_fault);
        [
            (self.known.health.fault().is_some(), Attention::PrintError),
            (self.known.health.worst() >= Some(Severity::Serious), Attention::Hms),
            (paused, Attention::Paused),
            (self.known.levels.offline_while_printing, Attention::OfflineWhilePrinting),
        ]
        .into_iter()
        .filter_map(|(so, reason)| so.then_some(reason))
    }
}

#[cfg(test)]
mod tests;
