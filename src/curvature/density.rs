//! The spectral density of a symmetric map, by stochastic Lanczos quadrature.

use super::{LinearOperator, ProbeVectors, lanczos::Krylov};
use crate::autodiff::Vector;

/// An estimate of (1/p) sum_i delta(lambda - lambda_i) as points with weights that sum to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Density {
    /// Places on the axis of eigenvalues, rising.
    pub nodes: Vec<f64>,
    /// The share of the spectrum at each.
    pub weights: Vec<f64>,
    /// Products spent.
    pub products: u32,
}

/// What a density may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DensityEffort {
    /// Random starts, averaged.
    pub probes: u32,
    /// Lanczos steps from each.
    pub steps: u32,
}

/// The density by stochastic Lanczos quadrature: from each random unit vector v, the nodes theta_i and weights tau_i = (e_1'y_i)^2 of
/// the Gauss quadrature that Lanczos's tridiagonal matrix is; their average over the starts.
///
/// For one start sum_i tau_i theta_i^j = v'A^j v up to j = 2 steps - 1, whose mean over v is Tr A^j / p.
/// Cost: `probes` times `steps` products. Source: Golub & Meurant 1994; Ubaru, Chen, Saad 2017.
pub fn density(
    operator: &dyn LinearOperator,
    (like, vectors): (&Vector, &mut ProbeVectors),
    effort: DensityEffort,
) -> Density {
    let mut points = Vec::new();
    let mut products = 0;
    let share = 1.0 / f64::from(effort.probes.max(1));
    for _ in 0..effort.probes.max(1) {
        let space = Krylov::grow(operator, (&vectors.signs(like), effort.steps as usize), |_| false);
        let ritz = space.ritz();
        #[expect(clippy::cast_possible_truncation, reason = "at most effort.steps")]
        let spent = space.len() as u32;
        products += spent;
        points.extend((0..space.len()).map(|i| (ritz.values[i], share * ritz.vectors[(0, i)].powi(2))));
    }
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (nodes, weights) = points.into_iter().unzip();
    Density { nodes, weights, products }
}

impl Density {
    /// The moment sum_i weight_i node_i^power: an estimate of Tr A^power / p.
    pub fn moment(&self, power: i32) -> f64 {
        self.nodes.iter().zip(&self.weights).map(|(node, weight)| weight * node.powi(power)).sum()
    }
}
