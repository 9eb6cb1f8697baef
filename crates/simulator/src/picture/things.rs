//! The things that the demo prints, standing on the middle of the plate; mm.
use super::solid::{Solid, Spot, circle, lifted, outline, rectangle, scaled};
use std::f64::consts::{PI, TAU};

/// How a thing is made.
pub(super) type Thing = fn() -> Solid;

/// What a hole or a mark is drawn in.
const DARK: f64 = 0.45;
/// What lies on a face is so much above it, to be seen.
const ABOVE: f64 = 0.08;

/// A point of a full turn on a circle.
fn on_circle(radius: f64, degrees: f64) -> Spot {
    let (sin, cos) = degrees.to_radians().sin_cos();
    [radius * cos, radius * sin]
}

/// Points of an arc, each few degrees.
fn arc(middle: Spot, radius: f64, from: f64, to: f64) -> Vec<Spot> {
    let steps = 24;
    let spot = |step: u8| {
        let [x, y] = on_circle(radius, from + (to - from) * f64::from(step) / f64::from(steps));
        [middle[0] + x, middle[1] + y]
    };
    (0..=steps).map(spot).collect()
}

/// A dark disc on something flat of this height.
fn hole(at: Spot, radius: f64, height: f64) -> Solid {
    Solid::closed(&[lifted(&circle(radius), ABOVE)]).at([at[0], at[1], height], 0.0).toned(DARK)
}

/// A tug boat, as everybody prints it first.
pub(super) fn boat() -> Solid {
    // Half of the width along the hull, from the stern to the bow.
    let line = |length: f64, width: f64, stern: f64| -> Vec<Spot> {
        let half = |step: u8| {
            let along = f64::from(step) / 32.0;
            let round = (along * 6.0).min(1.0).sqrt();
            let bow = (1.0 - ((along - 0.35).max(0.0) / 0.65).powf(2.2)).max(0.0);
            [stern + length * along, width * (0.72 + 0.28 * round) * bow]
        };
        let starboard = (0..=32).map(half).map(|[x, y]| [x, -y]);
        starboard.chain((1..32).rev().map(half)).collect()
    };
    let sheer = |line: &[Spot], height: f64| -> Vec<[f64; 3]> {
        line.iter().map(|[x, y]| [*x, *y, height + 0.0062 * (x + 8.0).max(0.0).powi(2)]).collect()
    };
    let hull = Solid::closed(&[
        lifted(&line(46.0, 8.5, -26.0), 0.0),
        sheer(&line(54.0, 12.5, -29.0), 9.0),
        sheer(&line(60.0, 14.5, -31.0), 15.0),
        sheer(&line(56.5, 12.9, -29.4), 15.0),
        lifted(&line(50.0, 11.6, -27.6), 11.0),
    ]);
    let walls = Solid::block([19.0, 19.0], 11.0, 18.0).at([-6.0, 0.0, 0.0], 0.0);
    let posts = [[-14.5, -8.5], [-14.5, 8.5], [2.5, -8.5], [2.5, 8.5]]
        .into_iter()
        .map(|[x, y]| Solid::block([2.6, 2.6], 18.0, 29.0).at([x, y, 0.0], 0.0));
    let roof = Solid::prism(&rectangle([23.0, 22.5], 2.0), 29.0, 31.5).at([-6.0, 0.0, 0.0], 0.0);
    let funnel = Solid::turned(&[
        [0.0, 31.5],
        [4.6, 31.5],
        [3.9, 34.0],
        [3.9, 39.0],
        [4.8, 40.0],
        [4.8, 42.0],
        [2.9, 42.0],
        [2.9, 38.0],
        [0.0, 38.0],
    ])
    .at([-9.0, 0.0, 0.0], 0.0);
    let box_aft = Solid::block([8.0, 13.0], 11.0, 16.5).at([-21.5, 0.0, 0.0], 0.0);
    let winch =
        Solid::turned(&[[0.0, 11.0], [3.0, 11.0], [3.0, 19.5], [3.6, 20.5], [3.6, 22.0], [0.0, 22.0]])
            .at([12.0, 0.0, 0.0], 0.0);
    posts.fold(hull.and(walls), Solid::and).and(roof).and(funnel).and(box_aft).and(winch)
}

/// A pot with ribs that wind round it.
pub(super) fn pot() -> Solid {
    let side: Vec<Spot> = (0..=20)
        .map(|step: u8| {
            let height = f64::from(step) * 2.1;
            [17.0 + 8.0 * (height / 42.0 * PI * 0.62).sin(), height]
        })
        .collect();
    let [rim, edge] = [25.6, 42.0];
    let inner: [Spot; 6] = [
        [rim, edge],
        [rim, edge + 3.0],
        [rim - 2.4, edge + 3.0],
        [rim - 3.2, edge - 4.0],
        [20.0, 34.0],
        [0.0, 34.0],
    ];
    let ribs = |angle: f64, height: f64| {
        let depth = if (2.0..=40.0).contains(&height) { 0.035 } else { 0.0 };
        1.0 + depth * (14.0 * angle + height * 0.09).cos()
    };
    let outside = [&[[0.0, 0.0]], side.as_slice()].concat();
    let earth = Solid::closed(&[lifted(&circle(21.5), 0.0)]).at([0.0, 0.0, 38.0], 0.0).toned(0.5);
    Solid::fluted(&outside, ribs).and(Solid::turned(&inner)).and(earth)
}

/// What stands below a pot.
pub(super) fn saucer() -> Solid {
    Solid::turned(&[[0.0, 0.0], [15.0, 0.0], [20.0, 6.0], [18.2, 6.0], [14.0, 1.8], [0.0, 1.8]])
}

/// A die.
pub(super) fn die() -> Solid {
    let (size, half) = (30.0, 15.0);
    let (flat, whole) = (rectangle([size - 2.4, size - 2.4], 3.0), rectangle([size, size], 4.0));
    let cube = Solid::closed(&[
        lifted(&flat, 0.0),
        lifted(&whole, 1.4),
        lifted(&whole, size - 1.6),
        lifted(&scaled(&flat, 1.03), size - 0.5),
        lifted(&flat, size),
    ]);
    let pip = |[x, y]: Spot| hole([x * 7.5, y * 7.5], 2.9, 0.0);
    let face = |pips: &[Spot]| pips.iter().map(|at| pip(*at)).fold(Solid::default(), Solid::and);
    let corners = [[-1.0, -1.0], [1.0, 1.0], [-1.0, 1.0], [1.0, -1.0]];
    let five = face(&[&corners[..], &[[0.0, 0.0]]].concat());
    let top = five.at([0.0, 0.0, size], 0.0);
    let front = face(&corners).mapped(|[x, y, z]| [x, -half - z, half + y]);
    let right = face(&[[-1.0, -1.0], [0.0, 0.0], [1.0, 1.0]]).mapped(|[x, y, z]| [half + z, x, half + y]);
    cube.and(top).and(front).and(right)
}

/// A wheel with this many teeth.
fn wheel(teeth: u8, radius: f64) -> Solid {
    let points = u16::from(teeth) * 8;
    let rim = outline(points, |angle| {
        let within = (angle * f64::from(teeth) / TAU).fract();
        radius
            + if (0.2..0.55).contains(&within) {
                4.2
            } else if (0.1..0.65).contains(&within) {
                2.4
            } else {
                0.0
            }
    });
    let round = |radius: f64| outline(points, |_| radius);
    let web = Solid::hollow(&round(radius - 5.0), &round(8.0), 0.0, 5.0);
    let holes = (0..6_u8).map(|number| {
        hole(on_circle(f64::midpoint(radius, 4.0), 60.0 * f64::from(number)), radius * 0.14, 5.0)
    });
    let hub = Solid::hollow(&round(8.0), &round(4.0), 0.0, 13.0);
    holes.fold(Solid::hollow(&rim, &round(radius - 5.0), 0.0, 9.0).and(web), Solid::and).and(hub)
}

/// A gear wheel.
pub(super) fn gear() -> Solid {
    wheel(20, 23.0)
}

/// A small one.
pub(super) fn pinion() -> Solid {
    wheel(11, 12.5)
}

/// An angle with a strut, for a shelf.
pub(super) fn bracket() -> Solid {
    let angle = Solid::wall(&[[-22.0, -20.0], [26.0, -20.0]], 6.0, 0.0, 20.0).and(Solid::wall(
        &[[-22.0, -23.0], [-22.0, 28.0]],
        6.0,
        0.0,
        20.0,
    ));
    let strut = Solid::wall(&[[-19.5, 20.0], [-10.0, 1.0], [0.0, -8.0], [19.0, -17.5]], 4.5, 5.0, 15.0);
    let bores =
        [-8.0, 10.0].map(|x| hole([0.0, 0.0], 2.6, 0.0).mapped(|[a, b, c]| [x + a, -23.0 - c, 10.0 + b]));
    bores.into_iter().fold(angle.and(strut), Solid::and)
}

/// A clip for a cable: a ring with a gap on a foot.
pub(super) fn clip() -> Solid {
    let foot = Solid::block([20.0, 12.0], 0.0, 3.0);
    let ring = Solid::wall(&arc([0.0, 10.5], 7.5, -235.0, 55.0), 2.6, -5.0, 5.0);
    foot.and(ring.mapped(|[x, y, z]| [x, -z, y + 0.4]))
}

/// A hook for a wall.
pub(super) fn hook() -> Solid {
    let mut line = vec![[-16.0, 30.0], [-16.0, -6.0]];
    line.extend(arc([-1.0, -6.0], 15.0, 180.0, 360.0));
    line.extend([[14.0, 2.0], [17.0, 7.0]]);
    let plate = Solid::wall(&[[-20.0, 34.0], [-20.0, -14.0]], 5.0, 0.0, 16.0);
    let bar = Solid::wall(&line, 7.0, 3.0, 13.0);
    let bores =
        [28.0, 6.0].map(|y| hole([0.0, 0.0], 2.2, 0.0).mapped(|[a, b, c]| [-17.5 + c, y + a, 8.0 + b]));
    bores.into_iter().fold(plate.and(bar), Solid::and)
}

/// A lid with a knob.
pub(super) fn lid() -> Solid {
    Solid::turned(&[
        [0.0, 0.0],
        [27.0, 0.0],
        [28.0, 1.0],
        [28.0, 6.0],
        [26.5, 7.5],
        [22.0, 8.2],
        [10.0, 9.6],
        [5.0, 10.4],
        [4.0, 13.0],
        [5.2, 16.5],
        [7.6, 19.0],
        [8.2, 21.5],
        [6.8, 24.0],
        [3.5, 25.2],
        [0.0, 25.5],
    ])
}

/// A tag with a name on it.
pub(super) fn tag() -> Solid {
    let plate = Solid::prism(&rectangle([66.0, 26.0], 8.0), 0.0, 3.0);
    let frame = Solid::hollow(&rectangle([64.4, 24.4], 7.4), &rectangle([60.4, 20.4], 5.6), 3.0, 4.8);
    let letter = |strokes: &[&[Spot]], at: f64| {
        let wall = |line: &&[Spot]| Solid::wall(line, 2.2, 3.0, 4.8).at([at, -6.0, 0.0], 0.0);
        strokes.iter().map(wall).fold(Solid::default(), Solid::and)
    };
    let a: [&[Spot]; 2] = [&[[0.0, 0.0], [4.5, 12.0], [9.0, 0.0]], &[[2.2, 4.0], [6.8, 4.0]]];
    let n: [&[Spot]; 1] = [&[[0.0, 0.0], [0.0, 12.0], [7.5, 0.0], [7.5, 12.0]]];
    let hole = hole([-27.0, 0.0], 2.6, 3.0);
    plate
        .and(frame)
        .and(hole)
        .and(letter(&a, -19.0))
        .and(letter(&n, -7.0))
        .and(letter(&n, 4.0))
        .and(letter(&a, 14.5))
}

/// A stand for drills, in three steps.
pub(super) fn stand() -> Solid {
    let steps = [(12.0, -12.0), (20.0, 0.0), (28.0, 12.0)];
    let mut all = Solid::default();
    for (number, (height, y)) in steps.into_iter().enumerate() {
        all = all.and(Solid::block([60.0, 12.0], 0.0, height).at([0.0, y, 0.0], 0.0));
        let radius = 1.8 + f64::from(u8::try_from(number).unwrap_or_default()) * 0.7;
        for x in [-23.0, -13.8, -4.6, 4.6, 13.8, 23.0] {
            all = all.and(hole([x, y], radius, height));
        }
    }
    all
}
