//! What a probe says about w: estimators that know only the action of a symmetric map, and what noise does to a loss.

#![warn(missing_docs)]

mod bound;
mod density;
mod eigen;
mod gram_schmidt;
mod lanczos;
mod operator;
mod sample;
mod smoothed;
mod trace;
mod vectors;

pub use bound::Ingredients;
pub use density::{Density, DensityEffort, DensityPoint, Origin, density};
pub use eigen::{
    Effort, Eigenpair, Extremal, Layerwise, Spectrum, extremal_eigenpairs, largest, layerwise, paper_layers,
};
pub use operator::{DenseMatrix, Hessian, LinearOperator};
pub use sample::SampleMean;
pub use smoothed::{PerturbationGap, SmoothedHessian, perturbation_gaps};
pub use trace::{Term, Trace, TraceByPart, TraceEstimator, hutch_plus_plus, hutchinson, hutchinson_by_part, xtrace};
pub use vectors::ProbeVectors;
