//! What is in the pictures, read with a decoder of their own.
use super::draw::{cover, pick};
use super::*;
use crate::Model;
use std::collections::{BTreeMap, BTreeSet};

const PLATES: [Plate; 10] = [
    Plate::Boat,
    Plate::Bracket,
    Plate::Dice,
    Plate::Gears,
    Plate::Guides,
    Plate::Hook,
    Plate::Lid,
    Plate::Pot,
    Plate::Stand,
    Plate::Tag,
];

/// The pixels of a picture, row by row.
pub(crate) fn decode(file: &[u8]) -> (usize, Vec<[u8; 4]>) {
    let mut decoder = ::png::Decoder::new(std::io::Cursor::new(file));
    decoder.set_transformations(::png::Transformations::EXPAND | ::png::Transformations::ALPHA);
    let mut reader = decoder.read_info().unwrap();
    let (side, height) = reader.info().size();
    assert_eq!(side, height);
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut bytes).unwrap();
    (side as usize, bytes.chunks(4).map(|pixel| pixel.try_into().unwrap()).collect())
}

fn filaments(colours: &[&str]) -> Vec<Filament> {
    colours.iter().map(|colour| Filament::new(colour, 1000)).collect()
}

#[test]
fn a_picture_of_many_colours_has_the_nearest_of_a_palette() {
    let pixels: Vec<[u8; 4]> = (0..=255_u8).flat_map(|x| (0..=255).map(move |y| [x, y, 9, 255])).collect();
    let (side, read) = decode(&png::png(256, &pixels));
    assert_eq!((side, read.len()), (256, pixels.len()));
    let palette: BTreeSet<_> = read.iter().collect();
    assert!(palette.len() <= 256);
    let far = |one: &[u8; 4], other: &[u8; 4]| -> u32 {
        one.iter().zip(other).map(|(one, other)| u32::from(one.abs_diff(*other)).pow(2)).sum()
    };
    for at in (0..pixels.len()).step_by(997) {
        let nearest = palette.iter().map(|other| far(&pixels[at], other)).min();
        assert_eq!(Some(far(&pixels[at], &read[at])), nearest, "{:?}", pixels[at]);
    }
    let few = [[1, 2, 3, 255], [0; 4], [0; 4], [9, 9, 9, 40]];
    assert_eq!(decode(&png::png(2, &few)), (2, few.to_vec()));
}

/// Whether a colour is more red, or blue, than grey.
fn is_red([red, green, blue, opacity]: [u8; 4]) -> bool {
    opacity == 255 && i16::from(red) > 40 + i16::from(green.max(blue))
}

pub(crate) fn is_blue([red, green, blue, opacity]: [u8; 4]) -> bool {
    opacity == 255 && i16::from(blue) > 40 + i16::from(red.max(green))
}

#[test]
fn a_cover_shows_its_plate_in_the_colours_of_the_filaments_and_is_small() {
    let mut seen = BTreeSet::new();
    for plate in PLATES {
        let file = cover(plate, &filaments(&["E01010FF", "1010E0FF"]));
        assert!(file.len() < 40_000, "{plate:?}: {} bytes", file.len());
        let (side, pixels) = decode(&file);
        assert_eq!(side, 512);
        for corner in [0, side - 1, pixels.len() - side, pixels.len() - 1] {
            assert_eq!(pixels[corner], [0; 4], "{plate:?}: nothing is round it");
        }
        let rows = |of: fn([u8; 4]) -> bool| {
            let rows: Vec<usize> =
                (0..pixels.len()).filter(|at| of(pixels[*at])).map(|at| at / side).collect();
            (rows.len(), rows.iter().sum::<usize>() / rows.len().max(1))
        };
        let ((red, red_row), (blue, blue_row)) = (rows(is_red), rows(is_blue));
        assert!(red > 1000 && blue > 1000, "{plate:?}: {red} red and {blue} blue pixels");
        assert!(red_row > blue_row, "{plate:?}: what feeds first is below");
        let shades = pixels.iter().filter(|pixel| is_red(**pixel)).collect::<BTreeSet<_>>();
        assert!(shades.len() >= 5, "{plate:?} has {} shades of a colour", shades.len());
        assert!(pixels.iter().any(|[.., opacity]| (1..255).contains(opacity)), "{plate:?}: edges are smooth");
        assert!(seen.insert(file), "{plate:?} looks as another one");
    }
    let again = cover(Plate::Lid, &filaments(&["E01010FF", "1010E0FF"]));
    assert!(seen.contains(&again), "the same print looks the same");
    assert!(!seen.contains(&cover(Plate::Lid, &filaments(&["1010E0FF"]))));
}

#[test]
fn black_and_white_filament_can_be_told_from_the_plate_and_have_a_form() {
    for colour in ["000000FF", "FFFFFFFF", "00000000"] {
        let (_, pixels) = decode(&cover(Plate::Dice, &filaments(&[colour])));
        let mut counts = BTreeMap::<[u8; 4], usize>::new();
        for pixel in &pixels {
            *counts.entry(*pixel).or_default() += 1;
        }
        let faces = counts.values().filter(|count| **count > 2000).count();
        assert!(faces >= 8, "{colour}: {faces} plain areas; three sides of the dice, plate, shadow, nothing");
    }
}

#[test]
fn the_objects_from_above_are_those_that_the_cloud_names_in_the_colour_of_their_number() {
    for plate in PLATES {
        let (side, pixels) = decode(&pick(plate));
        assert_eq!(side, 512);
        let mut areas = BTreeMap::<u32, usize>::new();
        for [red, green, blue, opacity] in pixels {
            assert!(opacity == 255 || [red, green, blue, opacity] == [0; 4], "{plate:?} has edges");
            if opacity > 0 {
                *areas.entry(u32::from_le_bytes([red, green, blue, 0])).or_default() += 1;
            }
        }
        let ids: BTreeSet<u32> = plate.objects().map(|object| object.id).collect();
        assert_eq!(ids.len(), plate.objects().count());
        assert!(areas.keys().eq(ids.iter()), "{plate:?}: {areas:?} for {ids:?}");
        assert!(areas.values().all(|area| *area > 2000), "{plate:?}: {areas:?}");
    }
}

#[test]
fn what_is_printed_stands_on_the_plate() {
    for object in PLATES.into_iter().flat_map(Plate::objects) {
        let solid = object.solid();
        let heights = || solid.points().map(|[.., height]| height);
        let (low, high) = (heights().fold(f64::MAX, f64::min), heights().fold(f64::MIN, f64::max));
        assert!(low.abs() < 0.2 && high > 3.0, "{}: {low} to {high} mm", object.name);
    }
}

#[test]
fn what_the_demo_prints_looks_as_it_is_called() {
    for model in Model::ALL {
        for plan in model.facts().plans {
            let plate = Plate::of(plan.name);
            let word = match plate {
                Plate::Bracket => "bracket",
                Plate::Dice => "Würfel",
                Plate::Guides => "guide",
                Plate::Hook => "Hook",
                Plate::Lid => "Lid",
                Plate::Pot => "topf planter Planter",
                Plate::Stand => "holder",
                Plate::Tag => "tag",
                Plate::Boat | Plate::Gears => panic!("{} is printed as {plate:?}", plan.name),
            };
            assert!(word.split(' ').any(|word| plan.name.contains(word)), "{}: {plate:?}", plan.name);
        }
    }
    let others: BTreeSet<String> =
        (0..40).map(|n| format!("{:?}", Plate::of(&format!("Print {n}")))).collect();
    assert!(others.len() >= 3, "{others:?}");
}

#[test]
fn a_picture_that_was_drawn_before_is_the_same_again() {
    let picture = Picture::Cover(Plate::Tag, filaments(&["12AB34FF"]));
    let first = picture.file();
    assert!(first == picture.file() && first == picture.draw());
}
