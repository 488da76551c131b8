//! A spectral density for the eye: the weighted points of stochastic Lanczos quadrature, each widened to a small bell.
//! All runs of a chart share one width, so that their heights compare.

use super::points::{XyCurve, XyPoint};
use crate::run::Density;

/// The kernel's width as a share of the range that all spectra span together.
const SHARE: f64 = 0.01;
/// Widths that are drawn beyond the outermost points: 1 - 6e-5 of their bells.
const REACH: f64 = 4.0;
/// Points of the grid in one width.
const FINENESS: f64 = 4.0;
/// Widths beyond which a bell is nothing: e^(-32) of its top.
const CUT: f64 = 8.0;

/// The standard deviation of the Gaussian kernel: a hundredth of the range from the lowest to the highest point of all these
/// densities. Where they are one number, a hundredth of it, and .01 where that is zero.
pub fn kernel_width<'a>(densities: impl IntoIterator<Item = &'a Density>) -> f64 {
    let nodes = densities.into_iter().flat_map(|density| density.nodes.iter().copied()).filter(|node| node.is_finite());
    let (low, high) =
        nodes.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), node| (low.min(node), high.max(node)));
    [high - low, high.abs()].into_iter().find(|range| range.is_finite() && *range > 0.0).unwrap_or(1.0) * SHARE
}

/// sum_i weight_i N(x; node_i, width^2) on an even grid of x, from four widths below the lowest point to four above the highest,
/// four points a width: at most 433 where the width is a hundredth of the range. Its integral is the sum of the weights, 1.
/// Never zero, so that on a log axis emptiness lies along the edge instead of breaking the curve.
/// Cost: 64 exponentials a point of the density, however wide the range.
pub fn broadened(density: &Density, width: f64) -> XyCurve {
    let Some(grid) = Grid::of(density, width) else { return XyCurve::default() };
    grid.curve(&grid.heights(nodes(density)))
}

/// The least and the most of the [`broadened`] densities that the random starts make one by one, each with what is known beforehand;
/// `None` where there are not several starts.
pub fn spread(density: &Density, width: f64) -> Option<[XyCurve; 2]> {
    let grid = Grid::of(density, width)?;
    let starts = density.starts.iter().copied().max().filter(|&starts| starts > 1)?;
    let of_start = |start: u32| {
        // A start alone has the weight that all of them share.
        let weighted = nodes(density).filter_map(|node| match node.start {
            0 => Some(node),
            _ if node.start == start => Some(Node { weight: node.weight * f64::from(starts), ..node }),
            _ => None,
        });
        grid.heights(weighted)
    };
    let heights: Vec<Vec<f64>> = (1..=starts).map(of_start).collect();
    let edge = |pick: fn(f64, f64) -> f64| {
        let of_all = (0..=grid.last).filter_map(|index| heights.iter().map(|of_one| of_one[index]).reduce(pick));
        grid.curve(&of_all.collect::<Vec<f64>>())
    };
    Some([edge(f64::min), edge(f64::max)])
}

/// A point of a density.
#[derive(Debug, Clone, Copy)]
struct Node {
    at: f64,
    weight: f64,
    /// The random start that it is from; 0 for an eigenvalue that is known by itself, or where the log does not say.
    start: u32,
}

/// The finite points of a density.
fn nodes(density: &Density) -> impl Iterator<Item = Node> + Clone + '_ {
    let starts = density.starts.iter().copied().chain(std::iter::repeat(0));
    let all = density.nodes.iter().zip(&density.weights).zip(starts);
    let nodes = all.map(|((&at, &weight), start)| Node { at, weight, start });
    nodes.filter(|node| node.at.is_finite() && node.weight.is_finite())
}

/// The even grid along x that a density is drawn on.
struct Grid {
    start: f64,
    step: f64,
    width: f64,
    /// Index of its last place.
    last: usize,
}

impl Grid {
    /// The grid of a density widened so much; `None` where there is nothing to draw, or too much.
    fn of(density: &Density, width: f64) -> Option<Self> {
        let (low, high) = nodes(density)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), node| (low.min(node.at), high.max(node.at)));
        if low > high || !(width > 0.0 && (high - low) / width < 1e5) {
            return None;
        }
        let (start, step) = (low - REACH * width, width / FINENESS);
        Some(Self { start, step, width, last: place((high - low + 2.0 * REACH * width) / step) })
    }

    fn x(&self, index: usize) -> f64 {
        self.start + index as f64 * self.step
    }

    /// The height at each place of a bell at each node, of the area of its weight.
    fn heights(&self, nodes: impl Iterator<Item = Node>) -> Vec<f64> {
        let mut sums = vec![f64::MIN_POSITIVE; self.last + 1];
        for Node { at: node, weight, .. } in nodes {
            let height = weight / (self.width * std::f64::consts::TAU.sqrt());
            let nearest = (node - self.start) / self.step;
            let reached = place(nearest - CUT * FINENESS)..=place(nearest + CUT * FINENESS).min(self.last);
            for index in reached {
                sums[index] += height * (-0.5 * ((self.x(index) - node) / self.width).powi(2)).exp();
            }
        }
        sums
    }

    fn curve(&self, heights: &[f64]) -> XyCurve {
        let points = heights.iter().enumerate();
        points.map(|(index, &y)| XyPoint { x: self.x(index), y, error: f64::NAN }).collect()
    }
}

/// The place on the grid that is nearest; the first for what lies before it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and the grid is short"
)]
fn place(along: f64) -> usize {
    along.round() as usize
}

#[cfg(test)]
mod tests {
    use super::{super::points::Points, *};

    fn density(nodes: &[f64], weights: &[f64]) -> Density {
        Density { nodes: nodes.to_vec(), weights: weights.to_vec(), starts: Vec::new(), trace: None, products: 0 }
    }

    fn curve(density: &Density, width: f64) -> Vec<XyPoint> {
        Points::Whole(broadened(density, width)).iter().collect()
    }

    #[test]
    fn its_integral_is_one_and_its_mean_that_of_the_points() {
        let found = density(&[-0.2, 0.0, 0.3, 7.0, 60.0], &[0.1, 0.7, 0.15, 0.04, 0.01]);
        let width = kernel_width([&found]);
        assert!((width - 0.602).abs() < 1e-12, "{width}");
        let curve = curve(&found, width);
        assert!((300..=433).contains(&curve.len()), "{} points", curve.len());
        let step = curve[1].x - curve[0].x;
        let integral: f64 = curve.iter().map(|point| point.y * step).sum();
        assert!((integral - 1.0).abs() < 1e-4, "{integral}");
        let mean: f64 = curve.iter().map(|point| point.x * point.y * step).sum();
        assert!((mean - (-0.02 + 0.045 + 0.28 + 0.6)).abs() < 1e-3, "{mean}");
    }

    /// Two starts of one node each beside a known eigenvalue: alone each has twice the weight, where the other has nothing.
    #[test]
    fn the_spread_is_what_single_starts_make_of_it() {
        let found = Density { starts: vec![1, 2, 0], ..density(&[0.0, 100.0, 200.0], &[0.3, 0.5, 0.2]) };
        let [least, most] = spread(&found, 2.0).unwrap().map(Points::Whole);
        let at =
            |edge: &Points<'_>, x: f64| edge.iter().find(|point| (point.x - x).abs() < 1e-9).unwrap().y / 0.199_471_14;
        for (x, low, high) in [(0.0, 0.0, 0.6), (100.0, 0.0, 1.0), (200.0, 0.2, 0.2)] {
            assert!((at(&least, x) - low).abs() < 1e-6 && (at(&most, x) - high).abs() < 1e-6, "{x}");
        }
        assert!(spread(&density(&[0.0], &[1.0]), 2.0).is_none(), "a log without starts");
    }

    /// A bell of width 2 has the height 1 / (2 sqrt(2 pi)) = .19947 at its middle, and e^(-1/2) of it one width away.
    #[test]
    fn one_point_is_one_bell() {
        let curve = curve(&density(&[5.0], &[1.0]), 2.0);
        let at = |x: f64| curve.iter().find(|point| (point.x - x).abs() < 1e-9).unwrap().y;
        assert!((at(5.0) - 0.199_471_14).abs() < 1e-8 && (at(7.0) - 0.120_985_36).abs() < 1e-8);
        assert_eq!((curve[0].x, curve.last().unwrap().x), (-3.0, 13.0));
    }

    #[test]
    fn the_kernel_has_a_width_whatever_the_spectra() {
        assert_eq!(kernel_width([&density(&[1.0, 3.0], &[0.5, 0.5]), &density(&[-1.0], &[1.0])]), 0.04);
        assert_eq!(kernel_width([&density(&[4.0], &[1.0])]), 0.04);
        assert_eq!(kernel_width([&density(&[0.0], &[1.0])]), 0.01);
        assert_eq!(kernel_width([]), 0.01);
        assert!(curve(&density(&[], &[]), 0.1).is_empty());
        assert!(
            curve(&density(&[0.0, 1e300], &[0.5, 0.5]), 1e-3).is_empty(),
            "a width from elsewhere cannot fill memory"
        );
    }
}
