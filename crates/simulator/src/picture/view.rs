//! What a camera sees: solids as pixels, each nearer one before the others.
use super::solid::{Face, Point};

/// Where one looks from, and how large things are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Camera {
    right: Point,
    up: Point,
    towards: Point,
    /// Pixels a mm.
    scale: f64,
    /// Where the origin is in the picture, pixels from the upper left.
    middle: [f64; 2],
}

/// How much of a picture's side is used.
const FILLED: f64 = 0.97;

fn dot(one: Point, other: Point) -> f64 {
    one[0] * other[0] + one[1] * other[1] + one[2] * other[2]
}

fn minus(one: Point, other: Point) -> Point {
    [one[0] - other[0], one[1] - other[1], one[2] - other[2]]
}

/// The direction that a face looks to, of length 1; of a face without a size, nowhere.
pub(super) fn normal(face: &Face) -> Point {
    let [a, b, c] = face.corners;
    let (one, other) = (minus(b, a), minus(c, a));
    let across = [
        one[1] * other[2] - one[2] * other[1],
        one[2] * other[0] - one[0] * other[2],
        one[0] * other[1] - one[1] * other[0],
    ];
    let length = dot(across, across).sqrt().max(1e-12);
    across.map(|value| value / length)
}

/// How much of a direction comes from another one: 1 is all, 0 and less nothing.
pub(super) fn share(one: Point, other: Point) -> f64 {
    dot(one, other)
}

impl Camera {
    /// From so many degrees to the right of the front, and so many above the ground (90 is from above), so near
    /// that all points are in a picture of this side.
    pub(super) fn facing(around: f64, above: f64, side: u16, points: impl Iterator<Item = Point>) -> Self {
        let ((sin_a, cos_a), (sin_e, cos_e)) = (around.to_radians().sin_cos(), above.to_radians().sin_cos());
        let right = [cos_a, sin_a, 0.0];
        let up = [-sin_e * sin_a, sin_e * cos_a, cos_e];
        let none = [[f64::MAX, f64::MIN]; 2];
        let ends = points.fold(none, |[[left, most], [low, high]], point| {
            let [across, along] = [dot(point, right), dot(point, up)];
            [[left.min(across), most.max(across)], [low.min(along), high.max(along)]]
        });
        let widest = ends.map(|[from, to]| to - from).into_iter().fold(1.0, f64::max);
        let scale = f64::from(side) * FILLED / widest;
        let [across, along] = ends.map(|[from, to]| scale * f64::midpoint(from, to));
        let middle = f64::from(side) / 2.0;
        let towards = [cos_e * sin_a, -cos_e * cos_a, sin_e];
        Self { right, up, towards, scale, middle: [middle - across, middle + along] }
    }

    /// Pixels to the right and down, and how near it is.
    fn seen(&self, point: Point) -> Point {
        [
            self.middle[0] + self.scale * dot(point, self.right),
            self.middle[1] - self.scale * dot(point, self.up),
            dot(point, self.towards),
        ]
    }
}

/// A square picture that is being made.
pub(super) struct Canvas<T> {
    side: u16,
    /// Row by row; `None` is nothing.
    pub(super) pixels: Vec<Option<T>>,
    near: Vec<f32>,
}

/// A corner with what is known there: pixels right and down, nearness, and the point itself.
#[derive(Clone, Copy)]
struct Corner {
    seen: Point,
    point: Point,
}

impl Corner {
    /// So far on the way to another one.
    fn towards(&self, other: &Self, share: f64) -> Self {
        let between = |one: Point, other: Point| {
            [
                one[0] + (other[0] - one[0]) * share,
                one[1] + (other[1] - one[1]) * share,
                one[2] + (other[2] - one[2]) * share,
            ]
        };
        Self { seen: between(self.seen, other.seen), point: between(self.point, other.point) }
    }
}

/// The whole numbers whose middles lie between two places, within the picture.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "held within the picture")]
fn middles(from: f64, to: f64, side: u16) -> std::ops::Range<u16> {
    let within = |value: f64| (value - 0.5).ceil().clamp(0.0, f64::from(side)) as u16;
    within(from)..within(to)
}

impl<T: Copy> Canvas<T> {
    pub(super) fn new(side: u16) -> Self {
        let count = usize::from(side) * usize::from(side);
        Self { side, pixels: vec![None; count], near: vec![f32::NEG_INFINITY; count] }
    }

    /// Adds a face where nothing nearer is: `paint` gives the colour, by the number of the pixel and the point.
    pub(super) fn draw(&mut self, camera: &Camera, face: &Face, paint: impl Fn(usize, Point) -> T) {
        // What looks away is behind something.
        if dot(normal(face), camera.towards) <= 0.0 {
            return;
        }
        let corners = face.corners.map(|point| Corner { seen: camera.seen(point), point });
        let [a, b, c] = corners;
        let heights = corners.map(|corner| corner.seen[1]);
        let (top, bottom) =
            (heights.into_iter().fold(f64::MAX, f64::min), heights.into_iter().fold(f64::MIN, f64::max));
        for row in middles(top, bottom, self.side) {
            let at = f64::from(row) + 0.5;
            let crossing = |(one, other): (Corner, Corner)| {
                let share = (at - one.seen[1]) / (other.seen[1] - one.seen[1]);
                (0.0..=1.0).contains(&share).then(|| one.towards(&other, share))
            };
            let mut ends = [(a, b), (b, c), (c, a)].into_iter().filter_map(crossing);
            let Some(first) = ends.next() else { continue };
            let (left, right) = ends.fold((first, first), |(left, right), end| {
                (
                    if end.seen[0] < left.seen[0] { end } else { left },
                    if end.seen[0] > right.seen[0] { end } else { right },
                )
            });
            self.draw_row(row, left, right, &paint);
        }
    }

    #[allow(clippy::cast_possible_truncation, reason = "nearness need not be exact")]
    fn draw_row(&mut self, row: u16, left: Corner, right: Corner, paint: &impl Fn(usize, Point) -> T) {
        let columns = middles(left.seen[0], right.seen[0], self.side);
        let width = right.seen[0] - left.seen[0];
        let start = usize::from(row) * usize::from(self.side);
        for column in columns {
            let here = left.towards(&right, (f64::from(column) + 0.5 - left.seen[0]) / width);
            let number = start + usize::from(column);
            let near = here.seen[2] as f32;
            if let (Some(nearest), Some(pixel)) = (self.near.get_mut(number), self.pixels.get_mut(number))
                && near > *nearest
            {
                *nearest = near;
                *pixel = Some(paint(number, here.point));
            }
        }
    }
}
