//! A spectral density for the eye: the weighted points of stochastic Lanczos quadrature, each widened to a small bell.
//! All runs of a chart share one width, so that their heights compare.

use super::points::{Profile, Spot};
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
pub fn broadened(density: &Density, width: f64) -> Profile {
    let points =
        density.nodes.iter().zip(&density.weights).filter(|(node, weight)| node.is_finite() && weight.is_finite());
    let (low, high) = points
        .clone()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), (&node, _)| (low.min(node), high.max(node)));
    if low > high || !(width > 0.0 && (high - low) / width < 1e5) {
        return Profile::default();
    }
    let (start, step) = (low - REACH * width, width / FINENESS);
    let last = place((high - low + 2.0 * REACH * width) / step);
    let x = |index: usize| start + index as f64 * step;
    let mut sums = vec![f64::MIN_POSITIVE; last + 1];
    for (&node, &weight) in points {
        let height = weight / (width * std::f64::consts::TAU.sqrt());
        let nearest = (node - start) / step;
        let reached = place(nearest - CUT * FINENESS)..=place(nearest + CUT * FINENESS).min(last);
        for index in reached {
            sums[index] += height * (-0.5 * ((x(index) - node) / width).powi(2)).exp();
        }
    }
    sums.into_iter().enumerate().map(|(index, y)| Spot { x: x(index), y, std_error: f64::NAN }).collect()
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
        Density { nodes: nodes.to_vec(), weights: weights.to_vec(), products: 0 }
    }

    fn curve(density: &Density, width: f64) -> Vec<Spot> {
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
        let integral: f64 = curve.iter().map(|spot| spot.y * step).sum();
        assert!((integral - 1.0).abs() < 1e-4, "{integral}");
        let mean: f64 = curve.iter().map(|spot| spot.x * spot.y * step).sum();
        assert!((mean - (-0.02 + 0.045 + 0.28 + 0.6)).abs() < 1e-3, "{mean}");
    }

    /// A bell of width 2 has the height 1 / (2 sqrt(2 pi)) = .19947 at its middle, and e^(-1/2) of it one width beside.
    #[test]
    fn one_point_is_one_bell() {
        let curve = curve(&density(&[5.0], &[1.0]), 2.0);
        let at = |x: f64| curve.iter().find(|spot| (spot.x - x).abs() < 1e-9).unwrap().y;
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
