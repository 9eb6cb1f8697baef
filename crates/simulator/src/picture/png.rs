//! A picture as a PNG with a palette.
use std::collections::HashMap;

use png::{BitDepth, ColorType, Compression, Encoder, EncodingError, Filter};

/// Red, green, blue, opacity.
pub(super) type Colour = [u8; 4];

/// Most colours of a palette.
const MOST: usize = 256;

/// The colours that are there most often.
fn palette(pixels: &[Colour]) -> Vec<Colour> {
    let mut counts: HashMap<Colour, u32> = HashMap::new();
    for run in pixels.chunk_by(PartialEq::eq) {
        if let Some(colour) = run.first() {
            *counts.entry(*colour).or_default() += u32::try_from(run.len()).unwrap_or(u32::MAX);
        }
    }
    let mut colours: Vec<(Colour, u32)> = counts.into_iter().collect();
    colours.sort_unstable_by_key(|(colour, count)| (u32::MAX - count, *colour));
    colours.truncate(MOST);
    colours.into_iter().map(|(colour, _)| colour).collect()
}

fn distance(one: Colour, other: Colour) -> u32 {
    one.into_iter().zip(other).map(|(one, other)| u32::from(one.abs_diff(other)).pow(2)).sum()
}

fn nearest(palette: &[Colour], colour: Colour) -> u8 {
    let near = palette.iter().enumerate().min_by_key(|(_, other)| distance(colour, **other));
    near.and_then(|(number, _)| u8::try_from(number).ok()).unwrap_or_default()
}

/// The file of a square picture, its pixels row by row; colours beyond the palette become the nearest in it.
pub(super) fn png(side: u16, pixels: &[Colour]) -> Vec<u8> {
    let palette = palette(pixels);
    let mut known: HashMap<Colour, u8> = HashMap::new();
    let mut numbers = Vec::with_capacity(pixels.len());
    for run in pixels.chunk_by(PartialEq::eq) {
        let Some(colour) = run.first() else { continue };
        let number = *known.entry(*colour).or_insert_with(|| nearest(&palette, *colour));
        numbers.extend(std::iter::repeat_n(number, run.len()));
    }
    // A picture that cannot be written is none: the simulated cloud then has no cover.
    written(side, &palette, &numbers).unwrap_or_default()
}

fn written(side: u16, palette: &[Colour], numbers: &[u8]) -> Result<Vec<u8>, EncodingError> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, side.into(), side.into());
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_palette(
        palette.iter().flat_map(|[red, green, blue, _]| [*red, *green, *blue]).collect::<Vec<_>>(),
    );
    encoder.set_trns(palette.iter().map(|[.., opacity]| *opacity).collect::<Vec<_>>());
    encoder.set_compression(Compression::High);
    // Of numbers of a palette the next says nothing about the one before.
    encoder.set_filter(Filter::NoFilter);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(numbers)?;
    writer.finish()?;
    Ok(file)
}
