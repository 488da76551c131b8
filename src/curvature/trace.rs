//! The trace of a symmetric map by random probes: three estimators behind one name.

use nalgebra::{DMatrix, DVector};
use serde::{Deserialize, Serialize};

use super::{LinearOperator, ProbeVectors, SampleMean, basis::Basis};
use crate::autodiff::{Layout, Vector, read};

/// How a trace is estimated. All are unbiased and need nothing but products.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TraceEstimator {
    /// [`hutchinson`]: error ~ |A|_F / sqrt m for m products.
    #[default]
    Hutchinson,
    /// [`hutch_plus_plus`]: error ~ Tr A / m for positive semidefinite A.
    #[serde(rename = "hutch++")]
    HutchPlusPlus,
    /// [`xtrace`]: exponentially small error where the spectrum decays exponentially.
    Xtrace,
}

impl TraceEstimator {
    /// Every estimator.
    pub const ALL: [Self; 3] = [Self::Hutchinson, Self::HutchPlusPlus, Self::Xtrace];

    /// The name in presets and events.
    pub fn key(self) -> &'static str {
        match self {
            Self::Hutchinson => "hutchinson",
            Self::HutchPlusPlus => "hutch++",
            Self::Xtrace => "xtrace",
        }
    }

    /// Tr A from at most `products` products, at least one. Waits for the device.
    pub fn estimate(
        self,
        operator: &dyn LinearOperator,
        (like, vectors): (&Vector, &mut ProbeVectors),
        products: u32,
    ) -> Trace {
        match self {
            Self::Hutchinson => hutchinson(operator, (like, vectors), products),
            Self::HutchPlusPlus => hutch_plus_plus(operator, (like, vectors), products),
            Self::Xtrace => xtrace(operator, (like, vectors), products),
        }
    }
}

/// An estimate of a trace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trace {
    /// The estimate with its error.
    pub mean: SampleMean,
    /// Products spent.
    pub products: u32,
}

/// Hutchinson's estimator of Tr A: the mean of v'A v over `products` Rademacher vectors v.
///
/// Unbiased, since E v v' = I. Its variance is 2 (|A|_F^2 - sum_i A_ii^2) / products: exact for a diagonal A.
/// Source: Hutchinson 1990.
pub fn hutchinson(
    operator: &dyn LinearOperator,
    (like, vectors): (&Vector, &mut ProbeVectors),
    products: u32,
) -> Trace {
    let samples = (0..products).map(|_| {
        let v = vectors.signs(like);
        operator.apply(&v).dot(v)
    });
    Trace { mean: SampleMean::of(&read(samples.collect())), products }
}

/// A trace with the part that each tensor's diagonal block of A has in it.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceByTensor {
    /// The whole.
    pub total: Trace,
    /// The parts, in the layout's order; their means sum to the whole's.
    pub tensors: Vec<SampleMean>,
}

/// [`hutchinson`], with the trace of each tensor's diagonal block of A from the same products.
pub fn hutchinson_by_tensor(
    operator: &dyn LinearOperator,
    (layout, like, vectors): (&Layout, &Vector, &mut ProbeVectors),
    products: u32,
) -> TraceByTensor {
    let blocks = layout.entries().len().max(1);
    let dots = (0..products).flat_map(|_| {
        let v = vectors.signs(like);
        layout.cut(&(operator.apply(&v) * v)).into_iter().map(Vector::sum)
    });
    let found = read(dots.collect());
    let of_block = |block| found.iter().skip(block).step_by(blocks).copied().collect::<Vec<_>>();
    let totals: Vec<f64> = found.chunks(blocks).map(|parts| parts.iter().sum()).collect();
    TraceByTensor {
        total: Trace { mean: SampleMean::of(&totals), products },
        tensors: (0..blocks).map(|block| SampleMean::of(&of_block(block))).collect(),
    }
}

/// Hutch++: the trace on the range of A S exactly, Hutchinson on what is left. With Q an orthonormal basis of the range of A S,
/// S a third of the budget's vectors:
///
/// Tr A ~ Tr Q'A Q + mean_j g_j'(I - QQ') A (I - QQ') g_j.
///
/// The error is that of the second term, which is all that is random once Q is drawn. Fewer than six products leave too little
/// for either part and go to [`hutchinson`]. Source: Meyer, Musco, Musco, Woodruff 2021, algorithm 1.
pub fn hutch_plus_plus(
    operator: &dyn LinearOperator,
    (like, vectors): (&Vector, &mut ProbeVectors),
    products: u32,
) -> Trace {
    if products < 6 {
        return hutchinson(operator, (like, vectors), products);
    }
    let sketch = products / 3;
    let mut basis = Basis::default();
    for _ in 0..sketch {
        let column = operator.apply(&vectors.signs(like));
        if let Some(q) = fresh(&basis, &column) {
            basis.push(q);
        }
    }
    let within: Vec<_> =
        (0..basis.len()).filter_map(|index| basis.get(index)).map(|q| operator.apply(&q).dot(q)).collect();
    let known: f64 = read(within).iter().sum();
    let left = products - 2 * sketch;
    let samples = (0..left).map(|_| {
        let g = basis.orthogonal(vectors.signs(like));
        operator.apply(&g).dot(g)
    });
    let mean = SampleMean::of(&read(samples.collect())).shifted(known);
    #[expect(clippy::cast_possible_truncation, reason = "at most the sketch")]
    Trace { mean, products: sketch + basis.len() as u32 + left }
}

/// XTrace: every test vector serves both the range and the residual, each left out in its turn. With Y = A [w_1 ... w_n], n half
/// of the budget, and Q_i an orthonormal basis of the range of Y without column i, the mean over i of
///
/// Tr Q_i'A Q_i + c_i m_i'A m_i, m_i = (I - Q_i Q_i') w_i, c_i = (p - rank Q_i) / |m_i|^2,
///
/// with the spread of the n terms over sqrt n as its error. The w_i are Gaussian, whose residual is uniform in direction, so that
/// the scaling by c_i keeps the mean and lowers the variance. All leave-one-out bases come from one QR factorization
/// Y = Q R: Q_i Q_i' = Q (I - s_i s_i') Q' with s_i the normalized column i of the inverse of R'.
///
/// A map of rank at most n is given exactly, with error 0. Fewer than four products go to [`hutchinson`].
/// Source: Epperly, Tropp, Webber 2024, section 2.
pub fn xtrace(operator: &dyn LinearOperator, (like, vectors): (&Vector, &mut ProbeVectors), products: u32) -> Trace {
    if products < 4 {
        return hutchinson(operator, (like, vectors), products);
    }
    let p = operator.dimension();
    let n = (products as usize / 2).min(p);
    let mut basis = Basis::default();
    // Columns of R and of Q'[w_1 ... w_n], and |w_i|^2.
    let mut probes = Vec::new();
    let mut columns: Vec<Vec<f64>> = Vec::new();
    for _ in 0..n {
        let probe = vectors.normal(like);
        let image = operator.apply(&probe);
        let mut column = basis.coefficients(&image);
        match fresh(&basis, &image) {
            Some(q) => {
                column.push(read(vec![image.dot(q.clone())]).into_iter().sum());
                basis.push(q);
                columns.push(column);
                probes.push(probe);
            }
            // The range is exhausted: Q holds all of it, and the trace is that of Q'A Q.
            None if read(vec![image.sum()]).iter().all(|x| x.is_finite()) => break,
            None => {
                #[expect(clippy::cast_possible_truncation, reason = "at most half of `products`")]
                let products = columns.len() as u32 + 1;
                return Trace { mean: SampleMean { mean: f64::NAN, std_error: f64::NAN, count: 0 }, products };
            }
        }
    }
    let rank = basis.len();
    let products_spent = columns.len() + usize::from(rank < n) + rank;
    #[expect(clippy::cast_possible_truncation, reason = "at most `products` and one")]
    let products = products_spent as u32;
    let images: Vec<Vec<f64>> =
        (0..rank).filter_map(|index| basis.get(index)).map(|q| basis.coefficients(&operator.apply(&q))).collect();
    // H = Q'A Q, symmetric up to rounding.
    let h = DMatrix::from_fn(rank, rank, |i, j| f64::midpoint(images[i][j], images[j][i]));
    let r = DMatrix::from_fn(rank, rank, |i, j| columns[j].get(i).copied().unwrap_or(0.0));
    let inverse = r.clone().try_inverse();
    let (true, Some(inverse)) = (rank == n && rank < p, inverse) else {
        return Trace { mean: SampleMean { mean: h.trace(), std_error: 0.0, count: rank as u64 }, products };
    };
    let terms: Vec<f64> = probes
        .iter()
        .enumerate()
        .map(|(i, probe)| {
            let s = inverse.row(i).transpose().normalize();
            let w = DVector::from_vec(basis.coefficients(probe));
            // m_i = w_i - Q x; the image of w_i is Q r_i.
            let x = &w - &s * s.dot(&w);
            let r_i = r.column(i);
            let length: f64 = read(vec![probe.clone().square().sum()]).into_iter().sum();
            let residual = w.dot(&r_i) - 2.0 * x.dot(&r_i) + x.dot(&(&h * &x));
            let scale = (p - (rank - 1)) as f64 / (length - x.norm_squared());
            h.trace() - s.dot(&(&h * &s)) + scale * residual
        })
        .collect();
    Trace { mean: SampleMean::of(&terms), products }
}

/// The unit vector of what `v` adds to a basis; `None` where it adds nothing but rounding.
fn fresh(basis: &Basis, v: &Vector) -> Option<Vector> {
    let rest = basis.orthogonal(v.clone());
    let lengths = read(vec![rest.clone().square().sum().sqrt(), v.clone().square().sum().sqrt()]);
    let [left, all] = lengths.try_into().unwrap_or([0.0; 2]);
    let rounding = match v.dtype() {
        burn::tensor::DType::F64 => f64::EPSILON,
        _ => f64::from(f32::EPSILON),
    };
    (left > 100.0 * rounding * all && left.is_finite()).then(|| rest / left)
}
