//! The one table of colours and marks: a method looks the same in every chart, table and figure, and further runs of it are shades.
//! The first eight colours are Okabe and Ito's, distinct for any colour vision; four more, after Paul Tol's muted ones, lie
//! between them. Each has a tint for dark and one for light backgrounds, and each run of twelve a mark of its own as well.

use strum::{EnumCount, VariantArray};

/// Red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rgb(pub u8, pub u8, pub u8);

impl Rgb {
    /// The colour so far on the way to another one: 0 for itself, 1 for the other.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between two channels")]
    fn towards(self, other: Self, share: f64) -> Self {
        let mix = |from: u8, to: u8| (f64::from(from) + share * (f64::from(to) - f64::from(from))).round() as u8;
        Self(mix(self.0, other.0), mix(self.1, other.1), mix(self.2, other.2))
    }
}

/// What a dark terminal's background is taken to be.
const GROUND: Rgb = Rgb(22, 22, 22);

/// What a curve is drawn on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Background {
    /// Most terminals.
    Dark,
    /// Paper, and some terminals.
    Light,
}

/// The shape of a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EnumCount, VariantArray)]
pub enum Shape {
    Circle,
    Square,
    /// A square on its corner.
    Diamond,
    /// A triangle that points up.
    TriangleUp,
    /// A triangle that points down.
    TriangleDown,
    /// A star of five rays.
    Star,
    /// A thick cross.
    Plus,
    OpenCircle,
    /// A square with a hole.
    OpenSquare,
    /// A diamond with a hole.
    OpenDiamond,
    /// A triangle that points up, with a hole.
    OpenTriangleUp,
    /// A triangle that points down, with a hole.
    OpenTriangleDown,
}

/// How one run is distinguished from the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ink {
    /// Its colour on a dark background.
    pub on_dark: Rgb,
    /// Its colour on a light background.
    pub on_light: Rgb,
    pub shape: Shape,
}

const HUES: [(Rgb, Rgb); 12] = [
    // Sky blue, and on paper the darker blue.
    (Rgb(86, 180, 233), Rgb(0, 114, 178)),
    // Orange.
    (Rgb(230, 159, 0), Rgb(214, 140, 0)),
    // Bluish green.
    (Rgb(0, 183, 134), Rgb(0, 145, 106)),
    // Vermillion.
    (Rgb(235, 104, 30), Rgb(203, 75, 0)),
    // Reddish purple.
    (Rgb(214, 138, 178), Rgb(190, 95, 150)),
    // Yellow, darkened on paper.
    (Rgb(240, 228, 66), Rgb(150, 138, 0)),
    // Blue, lightened on dark; on paper the sky blue.
    (Rgb(90, 140, 245), Rgb(70, 165, 220)),
    // White or black.
    (Rgb(225, 225, 225), Rgb(30, 30, 30)),
    // Violet.
    (Rgb(178, 110, 240), Rgb(105, 50, 180)),
    // Rose, wine on paper.
    (Rgb(225, 95, 125), Rgb(150, 25, 80)),
    // Olive.
    (Rgb(160, 165, 60), Rgb(95, 105, 20)),
    // Tan, brown on paper.
    (Rgb(190, 150, 110), Rgb(115, 75, 35)),
];

/// Lengths of a dash and of the pause after it, in line widths.
pub const DASH: (u16, u16) = (4, 3);

/// The methods in the order of their colours.
const METHODS: [&str; 11] =
    ["sgd", "wp-sgd", "sam", "nso", "asam", "gsam", "gnp", "rsam", "usam", "label-smoothing", "bsam"];

/// How many runs of one method differ by shades of its colour.
const SHADES: usize = 3;

/// The places of runs of these methods in the palette. A method has a colour and a mark of its own, the same in every session; a second
/// and third run of it have shades of the colour and other marks. Where more are compared, every run has a colour by its place in the
/// session.
pub fn slots<'a>(methods: impl IntoIterator<Item = &'a str>) -> Vec<usize> {
    let methods: Vec<&str> = methods.into_iter().collect();
    by_method(&methods).unwrap_or_else(|| (0..methods.len()).collect())
}

/// `None` where a method has more runs than shades, or is not known.
fn by_method(methods: &[&str]) -> Option<Vec<usize>> {
    let hues = methods.iter().map(|method| METHODS.iter().position(|known| known == method));
    let hues = hues.collect::<Option<Vec<usize>>>()?;
    let mut slots: Vec<usize> = Vec::new();
    for (index, &hue) in hues.iter().enumerate() {
        let shade = hues[..index].iter().filter(|other| **other == hue).count();
        // A mark that no other run has, if there is one with this shade.
        let is_taken = |slot: &usize| hues.iter().chain(&slots).any(|&other| ink(other).shape == ink(*slot).shape);
        let candidates = || (shade..HUES.len()).step_by(SHADES).map(|turn| hue + HUES.len() * turn);
        let slot = if shade == 0 { hue } else { candidates().find(|slot| !is_taken(slot)).or(candidates().next())? };
        slots.push(slot);
        if shade >= SHADES {
            return None;
        }
    }
    Some(slots)
}

/// How the run at `slot` is drawn. From the thirteenth on colours repeat in other shades, each time with other marks.
pub fn ink(slot: usize) -> Ink {
    let (on_dark, on_light) = HUES[slot % HUES.len()];
    let (on_dark, on_light) = match slot / HUES.len() % SHADES {
        0 => (on_dark, on_light),
        1 => (on_dark.towards(Rgb(255, 255, 255), 0.45), on_light.towards(Rgb(0, 0, 0), 0.4)),
        _ => (on_dark.towards(GROUND, 0.3), on_light.towards(Rgb(255, 255, 255), 0.25)),
    };
    let shape = Shape::VARIANTS[(slot + 5 * (slot / HUES.len())) % Shape::COUNT];
    Ink { on_dark, on_light, shape }
}

impl Ink {
    pub fn on(self, background: Background) -> Rgb {
        match background {
            Background::Dark => self.on_dark,
            Background::Light => self.on_light,
        }
    }

    /// Its colour there, three fifths faded into the background: for what stands behind the curves.
    pub fn faint_on(self, background: Background) -> Rgb {
        self.faded(background, 0.6)
    }

    /// Its colour there, a third faded into the background: for the runs beside the selected one.
    pub fn dim_on(self, background: Background) -> Rgb {
        self.faded(background, 0.35)
    }

    fn faded(self, background: Background, share: f64) -> Rgb {
        let ground = match background {
            Background::Dark => GROUND,
            Background::Light => Rgb(255, 255, 255),
        };
        self.on(background).towards(ground, share)
    }

    /// Its mark as a character.
    pub fn glyph(self) -> char {
        self.shape.glyph()
    }

    /// Its mark in ASCII.
    pub fn ascii(self) -> char {
        self.shape.ascii()
    }
}

impl Shape {
    /// The filled shape of the same outline, where this one has a hole.
    pub fn filled(self) -> Option<Self> {
        match self {
            Self::OpenCircle => Some(Self::Circle),
            Self::OpenSquare => Some(Self::Square),
            Self::OpenDiamond => Some(Self::Diamond),
            Self::OpenTriangleUp => Some(Self::TriangleUp),
            Self::OpenTriangleDown => Some(Self::TriangleDown),
            Self::Circle
            | Self::Square
            | Self::Diamond
            | Self::TriangleUp
            | Self::TriangleDown
            | Self::Star
            | Self::Plus => None,
        }
    }

    /// The shape as one character, one column wide.
    pub fn glyph(self) -> char {
        match self {
            Self::Circle => '●',
            Self::Square => '■',
            Self::Diamond => '◆',
            Self::TriangleUp => '▲',
            Self::TriangleDown => '▼',
            Self::Star => '★',
            Self::Plus => '✚',
            Self::OpenCircle => '○',
            Self::OpenSquare => '□',
            Self::OpenDiamond => '◇',
            Self::OpenTriangleUp => '△',
            Self::OpenTriangleDown => '▽',
        }
    }

    /// The shape in ASCII.
    pub fn ascii(self) -> char {
        match self {
            Self::Circle => 'o',
            Self::Square => '#',
            Self::Diamond => '*',
            Self::TriangleUp => '^',
            Self::TriangleDown => 'v',
            Self::Star => '+',
            Self::Plus => 'x',
            Self::OpenCircle => '@',
            Self::OpenSquare => '%',
            Self::OpenDiamond => '&',
            Self::OpenTriangleUp => 'A',
            Self::OpenTriangleDown => 'V',
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use unicode_width::UnicodeWidthChar;

    use super::*;
    use crate::optimizer::Rule;

    #[test]
    fn sixty_four_runs_all_look_different() {
        let looks: HashSet<_> = (0..64).map(ink).map(|ink| (ink.on_dark, ink.shape)).collect();
        assert_eq!(looks.len(), 64);
    }

    #[test]
    fn a_method_has_its_place_in_every_session() {
        assert_eq!(slots(["sgd", "wp-sgd", "sam", "nso"]), [0, 1, 2, 3]);
        assert_eq!(slots(["nso", "sgd", "nso", "nso"]), [3, 0, 15, 27]);
        // The second NSO would have USAM's mark.
        let marks: HashSet<_> =
            slots(["usam", "nso", "nso", "sgd", "sgd"]).into_iter().map(|slot| ink(slot).shape).collect();
        assert_eq!(marks.len(), 5);
        assert_eq!(slots(["nso"; 4]), [0, 1, 2, 3], "the runs of a sweep differ by colour");
        assert_eq!(slots(["sgd", "a later method"]), [0, 1]);
        assert!(METHODS.iter().all(|method| Rule::KEYS.contains(method)) && Rule::KEYS.len() == METHODS.len());
    }

    #[test]
    fn twelve_runs_differ_in_mark_and_in_letter() {
        let marks: HashSet<_> = (0..12).map(|slot| ink(slot).glyph()).collect();
        let letters: HashSet<_> = (0..12).map(|slot| ink(slot).ascii()).collect();
        assert_eq!((marks.len(), letters.len()), (12, 12));
    }

    /// Distances in Oklab, where .02 is about what is just seen side by side (Ottosson 2020).
    #[test]
    fn twelve_colours_are_far_apart() {
        let linear = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        let product = |rows: [[f64; 3]; 3], vector: [f64; 3]| {
            rows.map(|row| row.iter().zip(vector).map(|(one, other)| one * other).sum::<f64>())
        };
        let cones = [
            [0.412_221_470_8, 0.536_332_536_3, 0.051_445_992_9],
            [0.211_903_498_2, 0.680_699_545_1, 0.107_396_956_6],
            [0.088_302_461_9, 0.281_718_837_6, 0.629_978_700_5],
        ];
        let opponents = [
            [0.210_454_255_3, 0.793_617_785_0, -0.004_072_046_8],
            [1.977_998_495_1, -2.428_592_205_0, 0.450_593_709_9],
            [0.025_904_037_1, 0.782_771_766_2, -0.808_675_766_0],
        ];
        let oklab = |Rgb(red, green, blue): Rgb| {
            product(opponents, product(cones, [red, green, blue].map(linear)).map(f64::cbrt))
        };
        for background in [Background::Dark, Background::Light] {
            for one in 0..12 {
                for other in 0..one {
                    let [a, b] = [one, other].map(|slot| oklab(ink(slot).on(background)));
                    let distance = (0..3).map(|axis| (a[axis] - b[axis]).powi(2)).sum::<f64>().sqrt();
                    assert!(distance > 0.08, "runs {other} and {one} on {background:?}: {distance:.3}");
                }
            }
        }
    }

    #[test]
    fn marks_are_one_column_wide() {
        for shape in Shape::VARIANTS {
            assert_eq!(shape.glyph().width(), Some(1), "{}", shape.glyph());
            assert!(shape.ascii().is_ascii());
        }
    }

    #[test]
    fn colours_stand_out_from_their_background() {
        let channel = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        let luminance =
            |Rgb(red, green, blue): Rgb| 0.2126 * channel(red) + 0.7152 * channel(green) + 0.0722 * channel(blue);
        let contrast = |one: f64, other: f64| (one.max(other) + 0.05) / (one.min(other) + 0.05);
        for slot in 0..12 {
            assert!(contrast(luminance(ink(slot).on_dark), luminance(Rgb(22, 22, 22))) > 4.5, "run {slot} on dark");
            assert!(contrast(luminance(ink(slot).on_light), 1.0) > 2.4, "run {slot} on paper");
        }
    }
}
