//! Solids out of rings: each ring is a closed line of points, and what lies between two of them is skin.
use std::f64::consts::TAU;

/// Right, back, up; mm.
pub(super) type Point = [f64; 3];
/// The same seen from above.
pub(super) type Spot = [f64; 2];
/// A closed line, anticlockwise as seen from above, or from the end of what it goes round.
pub(super) type Ring = Vec<Point>;

/// A piece of skin that is flat.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Face {
    /// Anticlockwise as seen from outside.
    pub(super) corners: [Point; 3],
    /// How bright it is beside the rest of its solid: 1 is the same.
    pub(super) tone: f64,
}

/// A body, or several that belong together.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Solid(pub(super) Vec<Face>);

/// Points of a full circle; what is round looks so.
const ROUND: u16 = 72;

/// A line round the middle, so far from it as `radius` says of each angle.
pub(super) fn outline(points: u16, radius: impl Fn(f64) -> f64) -> Vec<Spot> {
    let spot = |number: u16| {
        let angle = TAU * f64::from(number) / f64::from(points);
        [radius(angle) * angle.cos(), radius(angle) * angle.sin()]
    };
    (0..points).map(spot).collect()
}

/// A circle.
pub(super) fn circle(radius: f64) -> Vec<Spot> {
    outline(ROUND, |_| radius)
}

/// A rectangle with rounded corners, so many points as a circle has.
pub(super) fn rectangle([width, depth]: Spot, corner: f64) -> Vec<Spot> {
    let (across, along) = (width / 2.0 - corner, depth / 2.0 - corner);
    let spot = |[x, y]: Spot| {
        let (side, front) = (if x < 0.0 { -across } else { across }, if y < 0.0 { -along } else { along });
        [side + x, front + y]
    };
    // Half a step on, so that no point lies between two corners.
    let turned = |number: u16| {
        let angle = TAU * (f64::from(number) + 0.5) / f64::from(ROUND);
        spot([corner * angle.cos(), corner * angle.sin()])
    };
    (0..ROUND).map(turned).collect()
}

/// A line at a height.
pub(super) fn lifted(line: &[Spot], height: f64) -> Ring {
    line.iter().map(|[x, y]| [*x, *y, height]).collect()
}

/// A line made smaller or larger from the middle.
pub(super) fn scaled(line: &[Spot], by: f64) -> Vec<Spot> {
    line.iter().map(|[x, y]| [x * by, y * by]).collect()
}

fn middle(ring: &[Point]) -> Point {
    let count = f64::from(u32::try_from(ring.len()).unwrap_or(1).max(1));
    ring.iter()
        .fold([0.0; 3], |[x, y, z], point| [x + point[0] / count, y + point[1] / count, z + point[2] / count])
}

impl Solid {
    /// The skin from ring to ring, open at both ends.
    pub(super) fn tube(rings: &[Ring]) -> Self {
        let mut faces = Vec::new();
        for pair in rings.windows(2) {
            let [below, above] = pair else { continue };
            let below = below.iter().zip(below.iter().cycle().skip(1));
            let above = above.iter().zip(above.iter().cycle().skip(1));
            for ((a, b), (d, c)) in below.zip(above) {
                for corners in [[*a, *b, *c], [*a, *c, *d]] {
                    faces.push(Face { corners, tone: 1.0 });
                }
            }
        }
        Self(faces)
    }

    /// The same, closed at both ends.
    pub(super) fn closed(rings: &[Ring]) -> Self {
        let end = |ring: Option<&Ring>| ring.map(|ring| vec![middle(ring); ring.len()]);
        let all = end(rings.first()).into_iter().chain(rings.iter().cloned()).chain(end(rings.last()));
        Self::tube(&all.collect::<Vec<_>>())
    }

    /// What stands on a line, from one height to another, its upper edge a little broken.
    pub(super) fn prism(line: &[Spot], from: f64, to: f64) -> Self {
        let edge = 0.5;
        let reach = line.iter().map(|[x, y]| x.hypot(*y)).fold(1.0, f64::max);
        let top = scaled(line, 1.0 - edge / reach);
        Self::closed(&[lifted(line, from), lifted(line, to - edge), lifted(&top, to)])
    }

    /// A block, upright.
    pub(super) fn block(size: Spot, from: f64, to: f64) -> Self {
        Self::prism(&rectangle(size, 0.6), from, to)
    }

    /// What lies between two lines with as many points, upright.
    pub(super) fn hollow(outer: &[Spot], inner: &[Spot], from: f64, to: f64) -> Self {
        let bottom = lifted(outer, from);
        let rings = [bottom.clone(), lifted(outer, to), lifted(inner, to), lifted(inner, from), bottom];
        Self::tube(&rings)
    }

    /// A turned body: radius and height along its side, from the bottom's middle to wherever it ends.
    pub(super) fn turned(side: &[Spot]) -> Self {
        Self::fluted(side, |_, _| 1.0)
    }

    /// The same with a radius that changes all round: a factor by angle and height.
    pub(super) fn fluted(side: &[Spot], factor: impl Fn(f64, f64) -> f64) -> Self {
        let ring =
            |[radius, height]: &Spot| lifted(&outline(2 * ROUND, |a| radius * factor(a, *height)), *height);
        Self::tube(&side.iter().map(ring).collect::<Vec<_>>())
    }

    /// A wall of this thickness along a line, which may bend.
    pub(super) fn wall(line: &[Spot], thickness: f64, from: f64, to: f64) -> Self {
        let half = thickness / 2.0;
        let rings = line.iter().enumerate().map(|(number, [x, y])| {
            let before = number.checked_sub(1).and_then(|before| line.get(before));
            let [across, along] = mitre(before, [*x, *y], line.get(number + 1));
            let corner = |side: f64, height: f64| [x + across * half * side, y + along * half * side, height];
            vec![corner(1.0, from), corner(1.0, to), corner(-1.0, to), corner(-1.0, from)]
        });
        Self::closed(&rings.collect::<Vec<_>>())
    }

    /// The corners of all faces.
    pub(super) fn points(&self) -> impl Iterator<Item = Point> {
        self.0.iter().flat_map(|face| face.corners)
    }

    /// The solid somewhere else, turned to the left by so many degrees before.
    #[must_use]
    pub(super) fn at(&self, [right, back, up]: Point, degrees: f64) -> Self {
        let (sin, cos) = degrees.to_radians().sin_cos();
        self.mapped(|[x, y, z]| [x * cos - y * sin + right, x * sin + y * cos + back, z + up])
    }

    /// The solid with each of its points somewhere else.
    #[must_use]
    pub(super) fn mapped(&self, to: impl Fn(Point) -> Point) -> Self {
        Self(self.0.iter().map(|face| Face { corners: face.corners.map(&to), ..*face }).collect())
    }

    /// The solid in another brightness.
    #[must_use]
    pub(super) fn toned(&self, tone: f64) -> Self {
        Self(self.0.iter().map(|face| Face { tone, ..*face }).collect())
    }

    /// Both.
    #[must_use]
    pub(super) fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }
}

/// Which way, and how far for a wall of half a thickness 1, the sides of a wall are off its line at a point of it.
fn mitre(before: Option<&Spot>, [x, y]: Spot, after: Option<&Spot>) -> Spot {
    let unit = |dx: f64, dy: f64| {
        let length = dx.hypot(dy).max(1e-9);
        [-dy / length, dx / length]
    };
    let come = before.map(|[bx, by]| unit(x - bx, y - by));
    let go = after.map(|[ax, ay]| unit(ax - x, ay - y));
    let (one, other) = (come.or(go).unwrap_or_default(), go.or(come).unwrap_or_default());
    let sum = [one[0] + other[0], one[1] + other[1]];
    // Half of what the two sides have in common; at sharp bends no more than twice the thickness.
    let stretch = 2.0 / (sum[0].powi(2) + sum[1].powi(2)).max(1.0);
    sum.map(|value| value * stretch)
}
