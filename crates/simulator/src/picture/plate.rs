//! What lies on the plate of a print, by what the print is called.
use super::solid::Solid;
use super::things::{self, Thing};

/// A plate that the demo prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Plate {
    Boat,
    Bracket,
    Dice,
    Gears,
    Guides,
    Hook,
    Lid,
    Pot,
    Stand,
    Tag,
}

/// A thing on a plate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Object {
    /// `identify_id`.
    pub(crate) id: u32,
    pub(crate) name: &'static str,
    thing: Thing,
    at: Spot,
}

/// To the right and to the back of the middle, mm, and turned to the left by so many degrees.
type Spot = [f64; 3];
type Row = (&'static str, Thing, Spot);

/// Numbers of the objects of a plate. Each is a colour, too (protocol 1.7.7): red, orange, green, yellow.
const IDS: [u32; 4] = [0x28E6, 0x82F5, 0xB43C, 0xDCFF];

/// Words of a title, and what is printed then.
const WORDS: [(Plate, &[&str]); 10] = [
    (Plate::Boat, &["boat", "bench"]),
    (Plate::Bracket, &["bracket", "hinge"]),
    (Plate::Guides, &["guide", "clip"]),
    (Plate::Pot, &["planter", "topf", "pot", "vase", "lamp"]),
    (Plate::Gears, &["gear"]),
    (Plate::Tag, &["tag"]),
    (Plate::Dice, &["würfel", "cube", "box"]),
    (Plate::Hook, &["hook"]),
    (Plate::Lid, &["lid"]),
    (Plate::Stand, &["drill", "holder"]),
];
/// What is printed under any other title.
const OTHERS: [Plate; 4] = [Plate::Boat, Plate::Pot, Plate::Gears, Plate::Dice];

impl Plate {
    /// The plate of a print of this title.
    pub(crate) fn of(title: &str) -> Self {
        let title = title.to_lowercase();
        let told = WORDS.iter().find(|(_, words)| words.iter().any(|word| title.contains(word)));
        let sum: usize = title.bytes().map(usize::from).sum();
        told.map(|(plate, _)| *plate)
            .or_else(|| OTHERS.get(sum % OTHERS.len()).copied())
            .unwrap_or(Self::Boat)
    }

    fn rows(self) -> &'static [Row] {
        match self {
            Self::Boat => &[("Boat.stl", things::boat, [0.0, 0.0, 0.0])],
            Self::Bracket => &[
                ("Bracket.stl", things::bracket, [-6.0, 4.0, -90.0]),
                ("Pinion.stl", things::pinion, [14.0, -8.0, 0.0]),
                ("Clip.stl", things::clip, [-24.0, -33.0, 0.0]),
                ("Clip.stl", things::clip, [4.0, -33.0, 0.0]),
            ],
            Self::Dice => {
                &[("Die.stl", things::die, [-17.0, 6.0, 12.0]), ("Die.stl", things::die, [18.0, -8.0, -25.0])]
            }
            Self::Gears => &[
                ("Gear.stl", things::gear, [-13.0, 6.0, 0.0]),
                ("Pinion.stl", things::pinion, [26.0, -18.0, 9.0]),
            ],
            Self::Guides => &[
                ("Guide.stl", things::clip, [-20.0, 16.0, 0.0]),
                ("Guide.stl", things::clip, [20.0, 16.0, 0.0]),
                ("Guide.stl", things::clip, [-20.0, -18.0, 0.0]),
                ("Guide.stl", things::clip, [20.0, -18.0, 0.0]),
            ],
            Self::Hook => &[("Hook.stl", things::hook, [0.0, 0.0, 0.0])],
            Self::Lid => &[("Lid.stl", things::lid, [0.0, 0.0, 0.0])],
            Self::Pot => &[
                ("Pot.stl", things::pot, [-15.0, 10.0, 0.0]),
                ("Saucer.stl", things::saucer, [20.0, -24.0, 0.0]),
            ],
            Self::Stand => &[("Stand.stl", things::stand, [0.0, 0.0, 0.0])],
            Self::Tag => &[("Tag.stl", things::tag, [0.0, 0.0, 0.0])],
        }
    }

    /// What lies on it.
    pub(crate) fn objects(self) -> impl Iterator<Item = Object> {
        let object = |(id, (name, thing, at)): (u32, &Row)| Object { id, name, thing: *thing, at: *at };
        IDS.into_iter().zip(self.rows()).map(object)
    }
}

impl Object {
    /// The object in its place.
    pub(super) fn solid(&self) -> Solid {
        let [right, back, turned] = self.at;
        (self.thing)().at([right, back, 0.0], turned)
    }
}
