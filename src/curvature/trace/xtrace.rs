//! XTrace, the estimator in which every test vector serves twice.

use nalgebra::{DMatrix, DVector};

use super::{FEWEST_RESIDUALS, ProductBudget, Trace, deflated, fresh, hutchinson};
use crate::{
    autodiff::read,
    curvature::{Estimate, LinearOperator, ProbeVectors, gram_schmidt::Basis},
};

/// What XTrace needs of its test vectors w_1 ... w_n once they are multiplied, in coordinates of an orthonormal Q.
struct Sketch {
    /// Q'A [w_1 ... w_n]: upper triangular.
    images: DMatrix<f64>,
    /// Q'[w_1 ... w_n].
    probes: DMatrix<f64>,
    /// Q'A Q.
    within: DMatrix<f64>,
    /// |w_i|^2.
    lengths: Vec<f64>,
    /// The dimension p of the space.
    dimension: usize,
}

/// XTrace: every test vector serves both the range and the residual, each left out in its turn. With Y = A [w_1 ... w_n], n half
/// of the budget, and Q_i an orthonormal basis of the range of Y without column i, the mean over i of
///
/// Tr Q_i'A Q_i + c_i m_i'A m_i, m_i = (I - Q_i Q_i') w_i, c_i = (p - rank Q_i) / |m_i|^2.
///
/// The w_i are Gaussian, whose residual is uniform in direction, so that the scaling by c_i keeps the mean and lowers the variance. All
/// leave-one-out bases come from one QR factorization Y = Q R: Q_i Q_i' = Q (I - s_i s_i') Q' with s_i the normalized column i of the
/// inverse of R'.
///
/// The n terms share vectors and move together. Their spread over sqrt n, which its paper takes for the error, leaves that out and is
/// about a fifth too small on the spectra of this program's tests; the jackknife, the spread of the estimates from n - 1 vectors, counts
/// it twice and is too large (Efron & Stein 1981). If the part of the variance that stems from m vectors together is V_m, the first
/// is sum V_m, the second sum m^2 V_m and the truth sum m V_m, at most the root of their product. That root is the error given here; neither
/// costs a further product.
///
/// Of a map of rank below n the range is given exactly and what rounding hides is left to Hutchinson, as in Hutch++. Fewer than six products go to [`hutchinson`].
/// Source: Epperly, Tropp, Webber 2024, section 2.
pub fn xtrace(operator: &dyn LinearOperator, vectors: &mut ProbeVectors, products: u32) -> Trace {
    if products < 6 {
        return hutchinson(operator, vectors, products);
    }
    let dimension = operator.dimension();
    let n = (products as usize / 2).min(dimension);
    let (mut basis, mut probes, mut columns) = (Basis::default(), Vec::new(), Vec::<Vec<f64>>::new());
    for tried in 1..=n {
        let probe = vectors.normal();
        let image = operator.apply(&probe);
        let mut column = basis.coefficients(&image);
        if let Some(q) = fresh(&basis, &image) {
            column.extend(read(vec![image.dot(q.clone())]));
            basis.push(q);
            columns.push(column);
            probes.push(probe);
            continue;
        }
        // The range is exhausted but for what rounding hides. Q holds the rest, and what it does not is left to Hutchinson.
        #[expect(clippy::cast_possible_truncation, reason = "at most `products`")]
        let (spent, rank) = (tried as u32, basis.len() as u32);
        let left = products.saturating_sub(spent + rank).max(FEWEST_RESIDUALS.min(products));
        return deflated(operator, &basis, vectors, ProductBudget { spent, left });
    }
    let sketch = Sketch {
        images: DMatrix::from_fn(n, n, |i, j| columns[j].get(i).copied().unwrap_or(0.0)),
        probes: DMatrix::from_columns(
            &probes.iter().map(|probe| DVector::from_vec(basis.coefficients(probe))).collect::<Vec<_>>(),
        ),
        within: within(operator, &basis),
        lengths: read(probes.iter().map(|probe| probe.clone().square().sum()).collect()),
        dimension,
    };
    #[expect(clippy::cast_possible_truncation, reason = "at most `products`")]
    let products = 2 * n as u32;
    if n == dimension {
        return Trace { mean: Estimate::new(sketch.within.trace(), 0.0, n as u64), products };
    }
    let terms = Estimate::of(&sketch.terms());
    let parts: Vec<f64> = (0..n).map(|left_out| Estimate::of(&sketch.without(left_out).terms()).mean).collect();
    let jackknife = (n - 1) as f64 * Estimate::of(&parts).std_error;
    Trace { mean: Estimate { std_error: (terms.std_error * jackknife).sqrt(), ..terms }, products }
}

/// Q'A Q, symmetric up to rounding. One product a basis vector.
fn within(operator: &dyn LinearOperator, basis: &Basis) -> DMatrix<f64> {
    let images: Vec<_> = (0..basis.len())
        .filter_map(|index| basis.get(index))
        .map(|q| DVector::from_vec(basis.coefficients(&operator.apply(&q))))
        .collect();
    if images.is_empty() { DMatrix::zeros(0, 0) } else { DMatrix::from_columns(&images) }
}

impl Sketch {
    /// The leave-one-out terms.
    fn terms(&self) -> Vec<f64> {
        let Self { images, probes, within, lengths, dimension } = self;
        let n = lengths.len();
        let Some(inverse) = images.clone().try_inverse() else { return vec![f64::NAN; n] };
        let term = |i| {
            let s = inverse.row(i).transpose().normalize();
            let (w, image) = (probes.column(i), images.column(i));
            // In these coordinates m_i = w_i - Q x, and the image of w_i is Q times its column.
            let x = w - &s * s.dot(&w);
            let residual = w.dot(&image) - 2.0 * x.dot(&image) + x.dot(&(within * &x));
            let scale = (dimension - (n - 1)) as f64 / (lengths[i] - x.norm_squared());
            within.trace() - s.dot(&(within * &s)) + scale * residual
        };
        (0..n).map(term).collect()
    }

    /// The same without one of the test vectors, in coordinates of what the others span.
    fn without(&self, left_out: usize) -> Self {
        let qr = self.images.clone().remove_column(left_out).qr();
        let q = qr.q();
        let lengths = self.lengths.iter().enumerate().filter(|(i, _)| *i != left_out).map(|(_, &length)| length);
        Self {
            images: qr.r(),
            probes: q.transpose() * self.probes.clone().remove_column(left_out),
            within: q.transpose() * &self.within * &q,
            lengths: lengths.collect(),
            dimension: self.dimension,
        }
    }
}
