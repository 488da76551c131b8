//! The spectral density of a symmetric map, by stochastic Lanczos quadrature.

use serde::{Deserialize, Serialize};

use super::{
    Eigenpair, Estimate, LinearOperator, ProbeVectors,
    gram_schmidt::Basis,
    lanczos::{Krylov, norm},
};
use crate::autodiff::Vector;

/// A spectral density as points with weights that sum to 1: an estimate of (1/p) sum_i delta(lambda - lambda_i).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Density {
    /// Its points on the axis of eigenvalues, rising.
    pub nodes: Vec<f64>,
    /// The share of the spectrum at each.
    pub weights: Vec<f64>,
    /// The random start that each point came from, counting from 1; 0 for an eigenvalue that was known beforehand, of weight 1/p.
    /// Empty in older logs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub starts: Vec<u32>,
    /// Tr A = p sum_i weight_i lambda_i as each start has it: their mean, and their spread as its error; absent in older logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<Estimate>,
    /// Products spent.
    pub products: u64,
}

/// A point of a density.
struct Point {
    node: f64,
    weight: f64,
    start: u32,
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
/// Eigenpairs that are known, `known`, are pinned: each is a point of weight 1/p, and the starts are drawn from what is orthogonal to
/// them, on which the map is compressed, A -> (I - QQ') A (I - QQ'), with weight (p - m)/p for m of them. A random vector in p dimensions
/// sees a single eigenvalue with a relative error of sqrt(2); pinned, the few large ones have only that of their residuals.
///
/// Without known pairs, for one start sum_i tau_i theta_i^j = v'A^j v up to j = 2 steps - 1, whose mean over v is Tr A^j / p.
/// Cost: `probes` times `steps` products. Source: Golub & Meurant 1994; Ubaru, Chen, Saad 2017; deflation as in Ghorbani, Krishnan, Xiao 2019.
pub fn density(
    operator: &dyn LinearOperator,
    vectors: &mut ProbeVectors,
    known: &[Eigenpair],
    effort: DensityEffort,
) -> Density {
    let dimension = operator.dimension() as f64;
    let mut rest = Complement { operator, known: Basis::default() };
    let mut points = Vec::new();
    for pair in known {
        rest.known.push(pair.vector.clone());
        points.push(Point { node: pair.value, weight: 1.0 / dimension, start: 0 });
    }
    let pinned: f64 = known.iter().map(|pair| pair.value).sum();
    let share = (dimension - known.len() as f64) / dimension;
    let (starts, mut traces, mut products) = (effort.probes.max(1), Vec::new(), 0);
    for start in 1..=starts {
        if known.len() >= operator.dimension() {
            traces.push(pinned);
            continue;
        }
        let mut v = rest.known.orthogonal(vectors.signs());
        // In few dimensions a draw may lie among the known vectors; what rounding leaves of it has no direction.
        while norm(&v) < 1e-3 * dimension.sqrt() {
            v = rest.known.orthogonal(vectors.normal());
        }
        let space = Krylov::grow(&rest, &v, effort.steps as usize, |_| false);
        let ritz = space.ritz();
        #[expect(clippy::cast_possible_truncation, reason = "at most effort.steps")]
        let spent = space.len() as u32;
        products += u64::from(spent);
        let tau = |i| ritz.vectors[(0, i)].powi(2);
        let mean: f64 = (0..space.len()).map(|i| tau(i) * ritz.values[i]).sum();
        traces.push(pinned + share * dimension * mean);
        points.extend((0..space.len()).map(|i| Point {
            node: ritz.values[i],
            weight: share * tau(i) / f64::from(starts),
            start,
        }));
    }
    points.sort_by(|a, b| a.node.total_cmp(&b.node));
    Density {
        nodes: points.iter().map(|point| point.node).collect(),
        weights: points.iter().map(|point| point.weight).collect(),
        starts: points.iter().map(|point| point.start).collect(),
        trace: Some(Estimate::of(&traces)),
        products,
    }
}

/// A map compressed to what is orthogonal to known vectors.
struct Complement<'a> {
    operator: &'a dyn LinearOperator,
    known: Basis,
}

impl LinearOperator for Complement<'_> {
    fn apply(&self, v: &Vector) -> Vector {
        self.known.orthogonal(self.operator.apply(v))
    }

    fn dimension(&self) -> usize {
        self.operator.dimension().saturating_sub(self.known.len())
    }
}

impl Density {
    /// The moment sum_i weight_i node_i^power: an estimate of Tr A^power / p.
    pub fn moment(&self, power: i32) -> f64 {
        self.nodes.iter().zip(&self.weights).map(|(node, weight)| weight * node.powi(power)).sum()
    }
}
