//! Draws a plate: as one sees it, and from above with each object in one colour.
use super::plate::Plate;
use super::png::{Colour, png};
use super::solid::{Face, Point, Solid, lifted, rectangle, scaled};
use super::view::{Camera, Canvas, normal, share};
use super::{Filament, NATURAL};

/// Pixels of a picture along a side.
const SIDE: u16 = 512;
/// Each pixel of a cover is so many by so many that are drawn, so that edges are smooth.
const FINE: u16 = 2;
/// How far the plate reaches beyond what lies on it, mm.
const MARGIN: f64 = 9.0;
/// Where one looks from, degrees: right of the front, and above the plate.
const AROUND: f64 = 28.0;
const ABOVE: f64 = 33.0;
/// Where the light comes from.
const LIGHT: Point = [-0.42, -0.52, 0.744];
/// How bright what has no light is, and what is added by it.
const SHADE: [f64; 2] = [0.58, 0.57];
/// Steps from dark to bright, so that the palette has room for all.
const STEPS: f64 = 40.0;

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "held within a byte")]
fn byte(value: f64) -> u8 {
    value.round().clamp(0.0, 255.0) as u8
}

/// A colour in some light, 1 being its own: black has a little of its own, and what is bright is almost white.
fn lit([red, green, blue]: [u8; 3], light: f64) -> Colour {
    let light = (light * STEPS).round() / STEPS;
    let shaded = |channel: u8| {
        let own = 34.0 + f64::from(channel) * (232.0 - 34.0) / 255.0;
        byte(if light > 1.0 { own + (255.0 - own) * (light - 1.0) } else { own * light })
    };
    [shaded(red), shaded(green), shaded(blue), 255]
}

fn light_on(face: &Face) -> f64 {
    (SHADE[0] + SHADE[1] * share(normal(face), LIGHT).max(0.0)) * face.tone
}

/// Draws what stands on the plate; each filament follows the one before from below.
fn draw(canvas: &mut Canvas<Colour>, camera: &Camera, solid: &Solid, filaments: &[(f64, [u8; 3])]) {
    for face in &solid.0 {
        let light = light_on(face);
        let colours: Vec<(f64, [Colour; 2])> = filaments
            .iter()
            .map(|(to, colour)| (*to, [lit(*colour, light), lit(*colour, light * 0.965)]))
            .collect();
        let last = colours.last().map_or_else(|| lit(NATURAL, light), |(_, [plain, _])| *plain);
        canvas.draw(camera, face, |_, [_, _, height]| {
            let mut of = colours.iter().filter(|(to, _)| height <= *to);
            // Layers show a little where the side is steep.
            let line = usize::from(height.rem_euclid(1.6) > 0.8);
            of.next().and_then(|(_, pair)| pair.get(line)).copied().unwrap_or(last)
        });
    }
}

/// To which height which filament goes.
fn heights(filaments: &[Filament], top: f64) -> Vec<(f64, [u8; 3])> {
    let sum: f64 = filaments.iter().map(|filament| f64::from(filament.weight)).sum();
    let mut to = 0.0;
    let mut end = |filament: &Filament| {
        to += f64::from(filament.weight) / sum.max(1.0) * top;
        (to, filament.colour)
    };
    filaments.iter().map(&mut end).collect()
}

/// Where the shadow of a point falls.
fn cast([x, y, z]: Point) -> Point {
    [x - LIGHT[0] / LIGHT[2] * z, y - LIGHT[1] / LIGHT[2] * z, 0.0]
}

/// The plate itself, as wide as deep.
fn slab(width: f64) -> Solid {
    let line = rectangle([width, width], width * 0.07);
    Solid::closed(&[lifted(&scaled(&line, 0.985), -3.0), lifted(&line, -2.0), lifted(&line, 0.0)])
}

/// Where things take the light from the plate.
fn shadow(camera: &Camera, things: &[Solid]) -> Canvas<()> {
    let mut shadow = Canvas::new(SIDE * FINE);
    for face in things.iter().flat_map(|thing| &thing.0) {
        let fallen = Face { corners: face.corners.map(cast), ..*face };
        shadow.draw(camera, &fallen, |_, _| ());
    }
    shadow
}

fn draw_plate(canvas: &mut Canvas<Colour>, camera: &Camera, slab: &Solid, width: f64, shadow: &Canvas<()>) {
    let on_grid = |value: f64| (value.rem_euclid(10.0) - 5.0).abs() > 4.75;
    for face in &slab.0 {
        let top = normal(face)[2] > 0.9;
        let side = lit([0xB9, 0xBF, 0xC6], light_on(face));
        canvas.draw(camera, face, |number, [x, y, _]| {
            if !top {
                return side;
            }
            let dark = shadow.pixels.get(number).is_some_and(Option::is_some);
            let inside = x.abs().max(y.abs()) < width / 2.0 - 4.0;
            match (dark, inside && (on_grid(x) || on_grid(y))) {
                (false, false) => [0xE9, 0xEC, 0xEF, 255],
                (false, true) => [0xD6, 0xDB, 0xE0, 255],
                (true, false) => [0xB4, 0xB9, 0xC0, 255],
                (true, true) => [0xA8, 0xAE, 0xB6, 255],
            }
        });
    }
}

/// What the pixels of a square have in common.
fn blend(pixels: [Colour; 4]) -> Colour {
    let opacity: u32 = pixels.iter().map(|pixel| u32::from(pixel[3])).sum();
    if opacity == 0 {
        return [0; 4];
    }
    let channel = |number: usize| {
        let of =
            |pixel: &Colour| pixel.get(number).map_or(0, |value| u32::from(*value) * u32::from(pixel[3]));
        u8::try_from(pixels.iter().map(of).sum::<u32>() / opacity).unwrap_or(u8::MAX)
    };
    [channel(0), channel(1), channel(2), u8::try_from(opacity / 4).unwrap_or(u8::MAX)]
}

/// A picture of half the width and height.
fn halved(canvas: &Canvas<Colour>) -> Vec<Colour> {
    let width = usize::from(SIDE * FINE);
    let mut out = Vec::with_capacity(usize::from(SIDE) * usize::from(SIDE));
    for pair in canvas.pixels.chunks(2 * width) {
        let (upper, lower) = pair.split_at(width.min(pair.len()));
        for (upper, lower) in upper.chunks(2).zip(lower.chunks(2)) {
            if let ([a, b], [c, d]) = (upper, lower) {
                out.push(if a == b && b == c && c == d {
                    a.unwrap_or_default()
                } else {
                    blend([a, b, c, d].map(|pixel| pixel.unwrap_or_default()))
                });
            }
        }
    }
    out
}

/// The width and depth of the plate below something.
fn plate_below(things: &[Solid]) -> f64 {
    let points = things.iter().flat_map(Solid::points);
    2.0 * (points.map(|[x, y, _]| x.abs().max(y.abs())).fold(0.0, f64::max) + MARGIN)
}

/// What is on the plate, in the colours of its filaments.
pub(super) fn cover(plate: Plate, filaments: &[Filament]) -> Vec<u8> {
    let things: Vec<Solid> = plate.objects().map(|object| object.solid()).collect();
    let width = plate_below(&things);
    let slab = slab(width);
    let all = things.iter().chain([&slab]).flat_map(Solid::points);
    let camera = Camera::facing(AROUND, ABOVE, SIDE * FINE, all);
    let top = things.iter().flat_map(Solid::points).map(|[.., height]| height).fold(0.0, f64::max);
    let filaments = heights(filaments, top);
    let mut canvas = Canvas::new(SIDE * FINE);
    draw_plate(&mut canvas, &camera, &slab, width, &shadow(&camera, &things));
    for thing in &things {
        draw(&mut canvas, &camera, thing, &filaments);
    }
    png(SIDE, &halved(&canvas))
}

/// The same from above, each object in the colour that is its number (protocol 1.7.7), the rest transparent.
pub(super) fn pick(plate: Plate) -> Vec<u8> {
    let objects: Vec<(u32, Solid)> = plate.objects().map(|object| (object.id, object.solid())).collect();
    let things: Vec<Solid> = objects.iter().map(|(_, solid)| solid.clone()).collect();
    let camera = Camera::facing(0.0, 90.0, SIDE, slab(plate_below(&things)).points());
    let mut canvas = Canvas::new(SIDE);
    for (id, thing) in &objects {
        let [red, green, blue, _] = id.to_le_bytes();
        for face in &thing.0 {
            canvas.draw(&camera, face, |_, _| [red, green, blue, 255]);
        }
    }
    let pixels: Vec<Colour> = canvas.pixels.into_iter().map(Option::unwrap_or_default).collect();
    png(SIDE, &pixels)
}
