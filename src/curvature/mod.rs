//! What a probe says about w: estimators that know only the action of a symmetric map.

mod eigen;
mod operator;
mod trace;

pub use eigen::{Effort, Eigenpair, largest};
pub use operator::{DenseMatrix, Hessian, LinearOperator};
pub use trace::{Rademacher, SampleMean, hutchinson};
