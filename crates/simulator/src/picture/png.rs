//! A picture as a PNG with a palette (PNG, 3rd edition).
use super::deflate::zlib;
use std::collections::HashMap;

/// Red, green, blue, opacity.
pub(super) type Colour = [u8; 4];

/// Most colours of a palette.
const MOST: usize = 256;

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ if sum & 1 == 1 { 0xEDB8_8320 } else { 0 })
    })
}

fn chunk(out: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    out.extend(u32::try_from(data.len()).unwrap_or_default().to_be_bytes());
    let start = out.len();
    out.extend_from_slice(&kind);
    out.extend_from_slice(data);
    let sum = crc(out.get(start..).unwrap_or_default());
    out.extend(sum.to_be_bytes());
}

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
    let mut rows = Vec::with_capacity(pixels.len() + usize::from(side));
    for row in pixels.chunks(usize::from(side)) {
        // No filter.
        rows.push(0);
        for run in row.chunk_by(PartialEq::eq) {
            let Some(colour) = run.first() else { continue };
            let number = *known.entry(*colour).or_insert_with(|| nearest(&palette, *colour));
            rows.extend(std::iter::repeat_n(number, run.len()));
        }
    }
    let mut out = vec![0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A];
    let length = u32::from(side).to_be_bytes();
    // Eight bits a pixel, which are numbers of the palette.
    chunk(&mut out, *b"IHDR", &[&length[..], &length, &[8, 3, 0, 0, 0]].concat());
    let colours: Vec<u8> = palette.iter().flat_map(|[red, green, blue, _]| [*red, *green, *blue]).collect();
    chunk(&mut out, *b"PLTE", &colours);
    let opacities: Vec<u8> = palette.iter().map(|[.., opacity]| *opacity).collect();
    chunk(&mut out, *b"tRNS", &opacities);
    chunk(&mut out, *b"IDAT", &zlib(&rows));
    chunk(&mut out, *b"IEND", &[]);
    out
}
