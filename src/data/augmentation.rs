//! Augmentation of training images: a random crop out of a padded image, and a random mirror image.
//! What was drawn is a value of its own, so that every gradient of one step can see the same pictures.

use rand::RngExt;
use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::random::Stream;

/// Which changes are drawn from. The default leaves images as they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Augmentation {
    /// Pixels of zeros on each side, out of which a window of the image's own size is cut. Inputs are normalised, so
    /// that zero is the mean colour.
    pub padding: usize,
    /// Whether half of the images are mirrored left to right.
    pub flip: Flip,
}

/// Whether images are mirrored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum Flip {
    /// Never.
    #[default]
    Never,
    /// Each with probability 1/2.
    Half,
}

/// One draw: where the window lies in the padded image, and whether what it shows is mirrored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw {
    /// Rows of the padded image above the window, 0 to 2 padding.
    pub top: usize,
    /// Columns of the padded image left of the window, 0 to 2 padding.
    pub left: usize,
    /// Whether the window's columns are reversed.
    pub mirrored: bool,
}

impl Augmentation {
    /// Whether it leaves every image as it is.
    pub fn is_none(self) -> bool {
        self == Self::default()
    }

    /// One draw: each window equally likely.
    pub fn draw(self, random: &mut Stream) -> Draw {
        let [top, left] = std::array::from_fn(|_| random.random_range(0..=2 * self.padding));
        let mirrored = random.random::<bool>() && self.flip == Flip::Half;
        Draw { top, left, mirrored }
    }

    /// Appends `example`, [channels, height, width], as `draw` shows it.
    pub fn apply(self, example: &[f32], shape: [usize; 3], draw: Draw, out: &mut Vec<f32>) {
        let [channels, height, width] = shape;
        let inside = |window: usize, at: usize, size: usize| {
            (window + at).checked_sub(self.padding).filter(|&position| position < size)
        };
        for channel in 0..channels {
            for y in 0..height {
                let row = inside(draw.top, y, height).map(|y| &example[(channel * height + y) * width..][..width]);
                out.extend((0..width).map(|x| {
                    let x = if draw.mirrored { width - 1 - x } else { x };
                    row.zip(inside(draw.left, x, width)).map_or(0.0, |(row, x)| row[x])
                }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, stream};

    const NINE: [f32; 9] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0];
    const BOTH: Augmentation = Augmentation { padding: 1, flip: Flip::Half };

    fn shown(example: &[f32], shape: [usize; 3], draw: Draw) -> Vec<f32> {
        let mut out = Vec::new();
        BOTH.apply(example, shape, draw, &mut out);
        out
    }

    #[test]
    fn a_window_moves_over_the_padded_image() {
        let shape = [1, 3, 3];
        assert_eq!(shown(&NINE, shape, Draw { top: 1, left: 1, mirrored: false }), NINE);
        assert_eq!(
            shown(&NINE, shape, Draw { top: 0, left: 0, mirrored: false }),
            [0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 0.0, 4.0, 5.0]
        );
        assert_eq!(
            shown(&NINE, shape, Draw { top: 2, left: 1, mirrored: false }),
            [4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 0.0, 0.0, 0.0]
        );
        assert_eq!(
            shown(&NINE, shape, Draw { top: 1, left: 2, mirrored: false }),
            [2.0, 3.0, 0.0, 5.0, 6.0, 0.0, 8.0, 9.0, 0.0]
        );
    }

    #[test]
    fn what_the_window_shows_is_mirrored_in_every_channel() {
        assert_eq!(
            shown(&NINE, [1, 3, 3], Draw { top: 1, left: 1, mirrored: true }),
            [3.0, 2.0, 1.0, 6.0, 5.0, 4.0, 9.0, 8.0, 7.0]
        );
        assert_eq!(
            shown(&NINE, [1, 3, 3], Draw { top: 1, left: 2, mirrored: true }),
            [0.0, 3.0, 2.0, 0.0, 6.0, 5.0, 0.0, 9.0, 8.0]
        );
        // Two channels of one row and three columns.
        assert_eq!(
            shown(&NINE[..6], [2, 1, 3], Draw { top: 1, left: 0, mirrored: true }),
            [2.0, 1.0, 0.0, 5.0, 4.0, 0.0]
        );
    }

    #[test]
    fn every_window_and_both_directions_are_equally_likely() {
        let mut random = stream(1, Purpose::Augmentation);
        let mut seen = [[0; 9]; 2];
        for _ in 0..18_000 {
            let draw = BOTH.draw(&mut random);
            seen[usize::from(draw.mirrored)][3 * draw.top + draw.left] += 1;
        }
        // 1,000 each are expected, with a standard deviation of 31.
        assert!(seen.iter().flatten().all(|&count: &i32| (count - 1000).abs() < 140), "{seen:?}");
    }

    #[test]
    fn without_settings_nothing_is_drawn_but_the_image_itself() {
        let none = Augmentation::default();
        assert!(none.is_none() && !BOTH.is_none());
        let mut random = stream(1, Purpose::Augmentation);
        for _ in 0..20 {
            assert_eq!(none.draw(&mut random), Draw { top: 0, left: 0, mirrored: false });
        }
        let mut out = vec![7.0];
        none.apply(&NINE, [1, 3, 3], none.draw(&mut random), &mut out);
        assert_eq!(out, [&[7.0], &NINE[..]].concat());
    }
}
