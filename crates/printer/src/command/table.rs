//! When which class of commands is allowed: a row for each class, a column for each condition that a printer can
//! be in.

use std::fmt::Write as _;

/// A class of commands that are allowed under the same conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "`TABLE` says what belongs to each")]
pub enum Class {
    Ask,
    Light,
    Camera,
    Option,
    HeatOff,
    Pause,
    Resume,
    Stop,
    Adjust,
    Heat,
    Skip,
    Answer,
    Filament,
    Spool,
    Dry,
    Nozzle,
    Motion,
    Gcode,
    Print,
    Firmware,
    Note,
}

/// A condition that a printer can be in; several at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Idle, finished or failed.
    AtRest,
    /// Preparing or slicing a print.
    Preparing,
    /// Printing.
    Running,
    /// Paused.
    Paused,
    /// It did not say what it is doing, or is starting.
    UnknownState,
    /// What is known of it may not be so any more.
    Stale,
    /// It installs firmware.
    Updating,
    /// Its model is not known to us.
    UnknownModel,
    /// Its firmware takes print commands only with the vendor's signature.
    Limited,
    /// Its owner wants it to be read only.
    ReadOnly,
    /// It cannot be reached.
    Offline,
}

impl Condition {
    /// Every condition, in the order of the table's columns, with its heading.
    pub const ALL: [(Self, &'static str); 11] = [
        (Self::AtRest, "at rest"),
        (Self::Preparing, "preparing"),
        (Self::Running, "printing"),
        (Self::Paused, "paused"),
        (Self::UnknownState, "state unknown"),
        (Self::Stale, "stale"),
        (Self::Updating, "updating"),
        (Self::UnknownModel, "unknown model"),
        (Self::Limited, "signed only"),
        (Self::ReadOnly, "read-only"),
        (Self::Offline, "offline"),
    ];
}

/// A row: what belongs to the class, and under which conditions it is allowed.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The class.
    pub class: Class,
    /// What belongs to it.
    pub what: &'static str,
    allowed: [bool; 11],
}

const Y: bool = true;
const N: bool = false;

const fn row(class: Class, what: &'static str, allowed: [bool; 11]) -> Row {
    Row { class, what, allowed }
}

/// When which class of commands is allowed.
///
/// Whatever could hurt wants to know the state for certain; what ends something (a heater, a print) does
/// not. Nothing moves by itself while a print is under way, and filament only while it is paused
/// (protocol 5.1). Limited: protocol 6.3.
pub static TABLE: &[Row] = &[
    //                                                      rest prep run  paus unkn stal upd  mod  lim  r-o  off
    row(Class::Ask, "asking for everything anew", /*     */ [Y, Y, Y, Y, Y, Y, Y, Y, Y, Y, Y]),
    row(Class::Light, "lamps", /*                        */ [Y, Y, Y, Y, Y, Y, N, Y, Y, N, N]),
    row(Class::Camera, "time-lapse, recording, pictures, detectors", [Y, Y, Y, Y, Y, Y, N, N, Y, N, N]),
    row(
        Class::Option,
        "print and AMS options, sound, buzzer, clearing or dismissing an error",
        [Y, Y, Y, Y, Y, Y, N, N, N, N, N],
    ),
    row(Class::HeatOff, "a heater off, drying off", /*   */ [Y, Y, Y, Y, Y, Y, N, N, N, N, N]),
    row(Class::Pause, "pause", /*                        */ [N, N, Y, N, N, Y, N, Y, N, N, N]),
    row(Class::Resume, "resume, ignoring an error", /*   */ [N, N, N, Y, N, N, N, Y, N, N, N]),
    row(Class::Stop, "stop", /*                          */ [N, Y, Y, Y, N, Y, N, Y, N, N, N]),
    row(Class::Adjust, "speed, fans, air", /*            */ [Y, Y, Y, Y, N, N, N, N, N, N, N]),
    row(Class::Heat, "nozzle, bed, chamber targets", /*  */ [Y, Y, Y, Y, N, N, N, N, N, N, N]),
    row(Class::Skip, "leaving objects out", /*           */ [N, N, Y, Y, N, N, N, N, N, N, N]),
    row(Class::Answer, "answering an AMS that waits", /* */ [Y, Y, N, Y, N, N, N, N, N, N, N]),
    row(Class::Filament, "loading, unloading, reading a tag", [Y, N, N, Y, N, N, N, N, N, N, N]),
    row(Class::Spool, "telling what is in a slot", /*    */ [Y, N, Y, Y, N, N, N, N, N, N, N]),
    row(Class::Dry, "drying", /*                         */ [Y, N, Y, Y, N, N, N, N, N, N, N]),
    row(Class::Nozzle, "telling which nozzle is mounted", [Y, N, N, N, N, N, N, N, Y, N, N]),
    row(
        Class::Motion,
        "homing, moving, extruding, calibrating, changing the nozzle, looking at the hotend rack",
        [Y, N, N, N, N, N, N, N, N, N, N],
    ),
    row(Class::Gcode, "G-code, if the configuration allows it", [Y, N, N, N, N, N, N, N, N, N, N]),
    row(Class::Print, "starting a print", /*             */ [Y, N, N, N, N, N, N, N, N, N, N]),
    row(
        Class::Firmware,
        "installing firmware, if the configuration allows it",
        [Y, N, N, N, N, N, N, N, N, N, N],
    ),
    // Asks nothing of the printer.
    row(Class::Note, "telling that the plate is empty", /**/ [Y, N, N, N, Y, Y, Y, Y, Y, Y, Y]),
];

impl Row {
    /// Whether the class is allowed under a condition.
    pub fn allows(&self, condition: Condition) -> bool {
        self.allowed.get(condition as usize) == Some(&true)
    }
}

impl Class {
    /// Its row.
    pub fn row(self) -> Option<&'static Row> {
        TABLE.iter().find(|row| row.class == self)
    }

    /// Whether it is allowed under a condition.
    pub fn allows(self, condition: Condition) -> bool {
        self.row().is_some_and(|row| row.allows(condition))
    }

    /// Whether it is refused under some condition, and not always allowed.
    pub fn is_conditional(self) -> bool {
        !Condition::ALL.iter().all(|(condition, _)| self.allows(*condition))
    }

    /// What the printer may be doing for it, in words.
    pub(super) fn states(self) -> String {
        let states = Condition::ALL.iter().take(4).filter(|(condition, _)| self.allows(*condition));
        states.map(|(_, word)| *word).collect::<Vec<_>>().join(" or ")
    }
}

/// The table for people, in Markdown.
pub fn markdown() -> String {
    let mut page = String::from("| what |");
    for (_, heading) in Condition::ALL {
        let _ = write!(page, " {heading} |");
    }
    page.push_str("\n| --- |");
    page.push_str(&" --- |".repeat(Condition::ALL.len()));
    for row in TABLE {
        let _ = write!(page, "\n| {} |", row.what);
        for (condition, _) in Condition::ALL {
            page.push_str(if row.allows(condition) { " ● |" } else { "  |" });
        }
    }
    page.push('\n');
    page
}
