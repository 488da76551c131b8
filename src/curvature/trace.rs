//! The trace of a symmetric map by random probe vectors: three estimators.

mod xtrace;

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

use super::{Estimate, LinearOperator, ProbeVectors, gram_schmidt::Basis};
use crate::autodiff::{Layout, Vector, norm, read};

pub use xtrace::xtrace;

/// How a trace is estimated. All are unbiased and need nothing but products.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, EnumString, IntoStaticStr, VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum TraceEstimator {
    /// [`hutchinson`]: error ~ |A|_F / sqrt m for m products.
    #[default]
    Hutchinson,
    /// [`hutch_plus_plus`]: error ~ Tr A / m for positive semidefinite A.
    #[serde(rename = "hutch++")]
    #[strum(serialize = "hutch++")]
    HutchPlusPlus,
    /// [`xtrace`]: exponentially small error where the spectrum decays exponentially.
    Xtrace,
}

impl TraceEstimator {
    /// The name in presets and events.
    pub fn key(self) -> &'static str {
        self.into()
    }

    /// Tr A from at most `products` products, at least one. Waits for the device.
    pub fn estimate(self, operator: &dyn LinearOperator, vectors: &mut ProbeVectors, products: u32) -> Trace {
        match self {
            Self::Hutchinson => hutchinson(operator, vectors, products),
            Self::HutchPlusPlus => hutch_plus_plus(operator, vectors, products),
            Self::Xtrace => xtrace(operator, vectors, products),
        }
    }
}

/// An estimate of a trace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trace {
    /// The estimate with its error.
    pub mean: Estimate,
    /// Products spent.
    pub products: u32,
}

impl From<Trace> for Estimate {
    /// Its number of samples is that of the products spent, of which Hutch++ and XTrace make fewer samples.
    fn from(trace: Trace) -> Self {
        Self { samples: trace.products.into(), ..trace.mean }
    }
}

/// Hutchinson's estimator of Tr A: the mean of v'A v over `products` Rademacher vectors v.
///
/// Unbiased, since E v v' = I. Its variance is 2 (|A|_F^2 - sum_i A_ii^2) / products: exact for a diagonal A.
/// Source: Hutchinson 1990.
pub fn hutchinson(operator: &dyn LinearOperator, vectors: &mut ProbeVectors, products: u32) -> Trace {
    let samples = (0..products).map(|_| {
        let v = vectors.signs();
        operator.apply(&v).dot(v)
    });
    Trace { mean: Estimate::of(&read(samples.collect())), products }
}

/// One term of a map that is a weighted sum, such as the Hessian of some of the examples.
pub struct Term<'a> {
    /// Its weight; the weights of a mean sum to 1.
    pub weight: f64,
    /// Its map.
    pub operator: Box<dyn LinearOperator + 'a>,
}

/// A trace with the parts that it is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceByPart {
    /// The whole.
    pub total: Trace,
    /// The trace of each tensor's diagonal block, in the layout's order; their means sum to the whole's.
    pub tensors: Vec<Estimate>,
    /// The trace of each term, without its weight.
    pub terms: Vec<f64>,
}

/// [`hutchinson`] of A = sum_i weight_i A_i, with the trace of each tensor's diagonal block of A and of each A_i from the same
/// products. A product with A is one with each of the terms, which are asked for one after another and dropped when done.
pub fn hutchinson_by_part<'a>(
    terms: impl Iterator<Item = Term<'a>>,
    layout: &Layout,
    vectors: &mut ProbeVectors,
    products: u32,
) -> TraceByPart {
    let blocks = layout.entries().len().max(1);
    // By probe vector, then by block.
    let mut found = vec![0.0; products as usize * blocks];
    let mut traces = Vec::new();
    let first = vectors.clone();
    for Term { weight, operator } in terms {
        *vectors = first.clone();
        let dots = (0..products).flat_map(|_| {
            let v = vectors.signs();
            layout.split(&(operator.apply(&v) * v)).into_iter().map(Vector::sum)
        });
        let dots = read(dots.collect());
        traces.push(dots.iter().sum::<f64>() / f64::from(products));
        for (sum, dot) in found.iter_mut().zip(dots) {
            *sum += weight * dot;
        }
    }
    let of_block = |block| found.iter().skip(block).step_by(blocks).copied().collect::<Vec<_>>();
    let totals: Vec<f64> = found.chunks(blocks).map(|parts| parts.iter().sum()).collect();
    TraceByPart {
        total: Trace { mean: Estimate::of(&totals), products },
        tensors: (0..blocks).map(|block| Estimate::of(&of_block(block))).collect(),
        terms: traces,
    }
}

/// Hutch++: the trace on the range of A S exactly, Hutchinson on what is left. With Q an orthonormal basis of the range of A S,
/// S a third of the budget's vectors:
///
/// Tr A ~ Tr Q'A Q + mean_j g_j'(I - QQ') A (I - QQ') g_j.
///
/// The error is that of the second term, which is all that is random once Q is drawn. Fewer than six products leave too little
/// for either part and go to [`hutchinson`]. Source: Meyer, Musco, Musco, Woodruff 2021, algorithm 1.
pub fn hutch_plus_plus(operator: &dyn LinearOperator, vectors: &mut ProbeVectors, products: u32) -> Trace {
    if products < 6 {
        return hutchinson(operator, vectors, products);
    }
    let sketch = (products / 3).min((products - FEWEST_RESIDUALS) / 2);
    let mut basis = Basis::default();
    for _ in 0..sketch {
        let column = operator.apply(&vectors.signs());
        if let Some(q) = fresh(&basis, &column) {
            basis.push(q);
        }
    }
    deflated(operator, &basis, vectors, ProductBudget { spent: sketch, left: products - 2 * sketch })
}

/// Products of a trace that is deflated by a basis.
struct ProductBudget {
    /// Products that went into the basis.
    spent: u32,
    /// Products for what is orthogonal to it.
    left: u32,
}

/// The trace on a basis exactly, and Hutchinson's estimate on what is orthogonal to it:
/// Tr Q'A Q + mean_j g_j'(I - QQ') A (I - QQ') g_j. Costs a product a basis vector besides the budget.
fn deflated(
    operator: &dyn LinearOperator,
    basis: &Basis,
    vectors: &mut ProbeVectors,
    ProductBudget { spent, left }: ProductBudget,
) -> Trace {
    let basis_vectors = (0..basis.len()).filter_map(|index| basis.get(index));
    let known: f64 = read(basis_vectors.map(|q| operator.apply(&q).dot(q)).collect()).iter().sum();
    let samples = (0..left).map(|_| {
        let g = basis.orthogonal(vectors.signs());
        operator.apply(&g).dot(g)
    });
    let mean = Estimate::of(&read(samples.collect())).shifted(known);
    #[expect(clippy::cast_possible_truncation, reason = "at most the products spent on it")]
    Trace { mean, products: spent + basis.len() as u32 + left }
}

/// The fewest samples of the residual that an error is estimated from.
const FEWEST_RESIDUALS: u32 = 4;

/// The unit vector of what `v` adds to a basis; `None` where it adds nothing but rounding.
fn fresh(basis: &Basis, v: &Vector) -> Option<Vector> {
    let rest = basis.orthogonal(v.clone());
    let lengths = read(vec![norm(&rest), norm(v)]);
    let [left, all] = lengths.try_into().unwrap_or([0.0; 2]);
    let rounding = match v.dtype() {
        burn::tensor::DType::F64 => f64::EPSILON,
        _ => f64::from(f32::EPSILON),
    };
    (left > 100.0 * rounding * all && left.is_finite()).then(|| rest / left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_and_events_have_the_same_names() {
        for &estimator in TraceEstimator::VARIANTS {
            assert_eq!(serde_json::to_value(estimator).unwrap(), estimator.key());
            assert_eq!(estimator.key().parse(), Ok(estimator));
        }
    }
}
