//! Estimators of curvature that know only the action of a symmetric map, and what weight noise does to a loss.

#![warn(missing_docs)]

mod bound;
mod density;
mod eigen;
mod estimate;
mod gram_schmidt;
mod lanczos;
mod operator;
mod smoothed;
mod trace;
mod vectors;

pub use bound::Ingredients;
pub use density::{Density, DensityEffort, density};
pub use eigen::{
    Effort, Eigenpair, Extremal, Layerwise, Spectrum, WeightTensors, extremal_eigenpairs, largest, layerwise,
    paper_layers,
};
pub use estimate::{Estimate, Interval};
pub use operator::{DenseMatrix, Hessian, LinearOperator};
pub use smoothed::{GapEffort, GapPoint, SmoothedHessian, Smoothing, perturbation_gaps};
pub use trace::{Term, Trace, TraceByPart, TraceEstimator, hutch_plus_plus, hutchinson, hutchinson_by_part, xtrace};
pub use vectors::ProbeVectors;
