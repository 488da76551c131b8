//! Eigenvalues of a symmetric map: both ends of the spectrum by Lanczos, and the layerwise number of the paper's code.

use super::{
    LinearOperator,
    lanczos::{Krylov, norm, number},
};
use crate::autodiff::{self, Layout, Vector, read};

/// How much an eigenvalue may cost, and when it is good enough.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effort {
    /// Products to spend at most, the ones for residuals included; at least 2.
    pub products: u32,
    /// Stop when the residual is below this share of the eigenvalue. The eigenvalue's own relative error is
    /// then about the square of it.
    pub tolerance: f64,
}

/// An eigenvalue with its vector and how good they are.
#[derive(Debug, Clone)]
pub struct Eigenpair {
    /// The Rayleigh quotient v'A v.
    pub value: f64,
    /// The unit vector v.
    pub vector: Vector,
    /// |A v - value v|_2: some eigenvalue lies within this distance of the value.
    pub residual: f64,
    /// Products spent on it and on what was found with it.
    pub products: u32,
}

/// Which end of the spectrum is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extremal {
    /// The largest eigenvalue alone.
    Largest,
    /// The largest and the smallest, from the same space.
    Both,
}

/// The ends of a spectrum.
#[derive(Debug, Clone)]
pub struct Spectrum {
    /// The largest (most positive) eigenvalue.
    pub largest: Eigenpair,
    /// The smallest (most negative) one, where it was asked for.
    pub smallest: Option<Eigenpair>,
    /// The largest ones, from the largest down, as far as the search found them on its way: those up to the first whose residual
    /// exceeds [`KNOWN`] of it. Their vectors are orthonormal.
    pub outliers: Vec<Eigenpair>,
}

/// The residual, as a share of the eigenvalue, up to which an eigenvalue counts as found on the way to another.
pub const KNOWN: f64 = 0.05;

/// Products before the tolerance may end the search: a start close to a former top vector has a small residual at
/// once, and a larger eigenvalue takes a while to grow out of the little that the start has of it.
const FEWEST: usize = 10;

/// The ends of the spectrum of `operator`, by Lanczos from `start`. The search ends when every end that is wanted has its
/// tolerance: the largest relative to itself, the smallest relative to the larger magnitude of the two, since it may be close to 0.
///
/// `start` must not be an eigenvector itself: the space it spans would be closed, and other eigenvalues never seen.
/// Cost: at most `effort.products` products, and as many vectors of memory.
pub fn extremal_eigenpairs(operator: &dyn LinearOperator, start: &Vector, ends: Extremal, effort: Effort) -> Spectrum {
    let last = match ends {
        Extremal::Largest => 1,
        Extremal::Both => 2,
    };
    let room = effort.products.saturating_sub(last).max(1) as usize;
    let space = Krylov::grow(operator, start, room, |space| {
        if space.len() < FEWEST {
            return false;
        }
        let ritz = space.ritz();
        let top = space.len() - 1;
        let scale = ritz.values[top].abs().max(ritz.values[0].abs());
        space.residual(&ritz, top) <= effort.tolerance * ritz.values[top].abs()
            && (ends == Extremal::Largest || space.residual(&ritz, 0) <= effort.tolerance * scale)
    });
    let ritz = space.ritz();
    #[expect(clippy::cast_possible_truncation, reason = "bounded by effort.products")]
    let products = space.len() as u32 + last;
    let pair = |index| {
        let vector = space.vector(&ritz, index, start);
        let image = operator.apply(&vector);
        let value = number(image.clone().dot(vector.clone()));
        let residual = norm(&(image - vector.clone() * value));
        Eigenpair { value, vector, residual, products }
    };
    let outliers = (0..space.len()).rev().map_while(|index| {
        let (value, residual) = (ritz.values[index], space.residual(&ritz, index));
        let found = residual <= KNOWN * value;
        found.then(|| Eigenpair { value, vector: space.vector(&ritz, index, start), residual, products: 0 })
    });
    let outliers = outliers.collect();
    Spectrum { largest: pair(space.len() - 1), smallest: (ends == Extremal::Both).then(|| pair(0)), outliers }
}

/// The largest eigenvalue alone; see [`extremal_eigenpairs`].
pub fn largest(operator: &dyn LinearOperator, start: &Vector, effort: Effort) -> Eigenpair {
    extremal_eigenpairs(operator, start, Extremal::Largest, effort).largest
}

/// Some tensors of a layout.
#[derive(Debug, Clone, Copy)]
pub struct WeightTensors<'a> {
    /// All tensors of the parameters.
    pub layout: &'a Layout,
    /// Which of them, by their indices; [`paper_layers`] has the paper's choice.
    pub layers: &'a [usize],
}

/// The layerwise number of the paper's published code.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Layerwise {
    /// sum_l v_l'(A v)_l.
    pub value: f64,
    /// Its relative change in the last iteration.
    pub change: f64,
    /// Products spent.
    pub products: u32,
}

/// The "lambda" of the paper's tables for one minibatch, as its authors' code computes it: power iteration on some weight tensors
/// where each tensor's block of v is brought to length 1 on its own, and the blocks' quotients v_l'(A v)_l are summed. The
/// code averages it over minibatches. The tensors are those of `weights`.
///
/// It is not an eigenvalue: it is bounded by the number of layers times the mean of the minibatches' own largest eigenvalues, which is
/// not below lambda_max. It is here to be compared with the paper's tables.
/// `None` where there is no such tensor. The iteration ends when the sum changes by less than `effort.tolerance` of itself. Cost: a product an iteration.
pub fn layerwise(
    operator: &dyn LinearOperator,
    weights: WeightTensors<'_>,
    start: &Vector,
    effort: Effort,
) -> Option<Layerwise> {
    let WeightTensors { layout, layers } = weights;
    layers.first()?;
    let normalized = |v: &Vector| {
        layout.map([v], |entry, [piece]| {
            if !layers.iter().any(|&layer| layout.entries().get(layer) == Some(entry)) {
                return piece.zeros_like();
            }
            let length = autodiff::norm(&piece) + 1e-6;
            piece / length
        })
    };
    let mut v = normalized(start);
    let (mut value, mut change, mut products) = (f64::NAN, f64::NAN, 0);
    while products < effort.products.max(2) {
        let image = operator.apply(&v);
        products += 1;
        let sum: f64 = read(vec![image.clone().dot(v)]).into_iter().sum();
        change = (sum - value).abs() / (sum.abs() + 1e-6);
        value = sum;
        v = normalized(&image);
        if change < effort.tolerance || !value.is_finite() {
            break;
        }
    }
    Some(Layerwise { value, change, products })
}

/// The tensors of a layout that the paper's code measures, by their places: those of two dimensions and more that have "conv" in
/// their name, and the last one, the head's. Where no name has it, all of two dimensions and more.
pub fn paper_layers(layout: &Layout) -> Vec<usize> {
    let weights: Vec<usize> =
        (0..layout.entries().len()).filter(|&index| layout.entries()[index].shape.len() >= 2).collect();
    let is_named = |&index: &usize| layout.entries()[index].name.contains("conv");
    let mut named: Vec<usize> = weights.iter().copied().filter(is_named).collect();
    if named.is_empty() {
        return weights;
    }
    named.extend(weights.last().filter(|head| !named.contains(head)).copied().into_iter().collect::<Vec<_>>());
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a ResNet: its convolutions by name and its head, not the projections of its shortcuts. Of a perceptron: both layers. Of a
    /// MobileNetV2: its first convolution has no such name.
    #[test]
    fn the_paper_s_layers_are_convolutions_by_name_and_the_head() {
        let chosen = |entries: &[(&str, &[usize])]| {
            paper_layers(&Layout::new(entries.iter().map(|(name, shape)| (*name, shape.to_vec()))))
        };
        let resnet: [(&str, &[usize]); 6] = [
            ("conv1.weight", &[8, 3, 7, 7]),
            ("bn1.weight", &[8]),
            ("layer2.0.conv1.weight", &[8, 8, 3, 3]),
            ("layer2.0.downsample.0.weight", &[8, 8, 1, 1]),
            ("fc.weight", &[5, 8]),
            ("fc.bias", &[5]),
        ];
        assert_eq!(chosen(&resnet), [0, 2, 4]);
        assert_eq!(chosen(&[("fc1.weight", &[4, 3]), ("fc1.bias", &[4]), ("fc2.weight", &[2, 4])]), [0, 2]);
        let mobilenet: [(&str, &[usize]); 3] = [
            ("features.0.0.weight", &[8, 3, 3, 3]),
            ("features.1.conv.0.0.weight", &[8, 1, 3, 3]),
            ("classifier.1.weight", &[9, 8]),
        ];
        assert_eq!(chosen(&mobilenet), [1, 2]);
        assert!(chosen(&[("w", &[4])]).is_empty());
    }
}
