//! Pictures of prints as the cloud has them, drawn here: the plate with what is printed, in the colours of its
//! filaments, and the same from above with each object in the colour that is its number.
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

mod draw;
mod plate;
mod png;
mod solid;
mod things;
mod view;

pub(crate) use plate::{Object, Plate};

/// A filament of a print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Filament {
    /// Red, green, blue.
    colour: [u8; 3],
    /// How much of it is in the print, mg.
    weight: u32,
}

/// What a spool without a colour looks like.
const NATURAL: [u8; 3] = [0xE8, 0xE2, 0xD2];

impl Filament {
    /// So many mg of a colour, which is RRGGBBAA; the less opaque it is, the more it looks as it is by nature.
    pub(crate) fn new(colour: &str, weight: u32) -> Self {
        let [red, green, blue, opacity] = u32::from_str_radix(colour, 16).unwrap_or_default().to_be_bytes();
        let mixed = |(own, natural): (u8, u8)| {
            let (own, natural, opacity) = (u16::from(own), u16::from(natural), u16::from(opacity));
            u8::try_from((own * opacity + natural * (255 - opacity)) / 255).unwrap_or(u8::MAX)
        };
        let [red, green, blue] = [(red, NATURAL[0]), (green, NATURAL[1]), (blue, NATURAL[2])].map(mixed);
        Self { colour: [red, green, blue], weight }
    }
}

/// What is to be drawn.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Picture {
    /// The plate as one sees it. Each filament follows the one before from below, as they feed.
    Cover(Plate, Vec<Filament>),
    /// Its objects from above.
    Pick(Plate),
}

/// So many are kept. Printers of one model print the same, so a thousand of them need no more.
const MOST: usize = 100;

impl Picture {
    fn draw(&self) -> Vec<u8> {
        match self {
            Self::Cover(plate, filaments) => draw::cover(*plate, filaments),
            Self::Pick(plate) => draw::pick(*plate),
        }
    }

    /// The file, a PNG; it takes its time when nobody has asked for this one before.
    pub(crate) fn file(&self) -> Vec<u8> {
        static DRAWN: LazyLock<Mutex<HashMap<Picture, Vec<u8>>>> = LazyLock::new(Mutex::default);
        let drawn = || DRAWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = drawn().get(self) {
            return file.clone();
        }
        let file = self.draw();
        let mut drawn = drawn();
        if drawn.len() >= MOST {
            drawn.clear();
        }
        drawn.insert(self.clone(), file.clone());
        file
    }
}

#[cfg(test)]
pub(crate) mod tests;
