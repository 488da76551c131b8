//! A number with its error, as events have it.

use serde::{Deserialize, Serialize};

use crate::{
    curvature::{SampleMean, Trace},
    number,
};

/// A mean with what is known of its error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Sample mean.
    #[serde(with = "number")]
    pub mean: f64,
    /// Standard error of the mean; NaN when there is but one sample.
    #[serde(with = "number")]
    pub std_error: f64,
    /// Number of samples; for traces by Hutch++ and XTrace, which make fewer samples of more products, the products.
    pub probes: u64,
    /// Standard error of the mean as an estimate for the whole training set, by which examples the sample happens to have; 0
    /// where the sample is the whole set, absent where it was not measured.
    #[serde(default, with = "number::option", skip_serializing_if = "Option::is_none")]
    pub examples_std_error: Option<f64>,
    /// What covers the whole training set's value in 95 % of cases, both errors taken together; absent where the second was not
    /// measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval95: Option<Interval>,
}

/// An interval that covers an unknown number with a known probability.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Its lower end.
    #[serde(with = "number")]
    pub low: f64,
    /// Its upper end.
    #[serde(with = "number")]
    pub high: f64,
}

impl Estimate {
    /// A mean of samples of one kind.
    pub const fn new(mean: f64, std_error: f64, probes: u64) -> Self {
        Self { mean, std_error, probes, examples_std_error: None, interval95: None }
    }

    /// The same with what is known of the choice of examples: the standard error that
    /// [`SampleMean::error_of_sampling`] makes of parts of the sample. The 95 % interval is that of Student's t for `samples`, the
    /// fewer of probe vectors and parts, on a logarithmic scale where the mean is positive: a few examples hold much of a trace, so
    /// that its errors are skewed.
    #[must_use]
    pub fn sampled(self, error: f64, samples: u64) -> Self {
        let known = Self { examples_std_error: Some(error), ..self };
        let (low, high) = SampleMean { mean: self.mean, std_error: known.error(), count: samples }.log_interval(0.95);
        Self { interval95: Some(Interval { low, high }), ..known }
    }

    /// The standard error by both, the samples and the examples, which are drawn independently.
    pub fn error(&self) -> f64 {
        self.std_error.hypot(self.examples_std_error.unwrap_or(0.0))
    }

    /// The same of `factor` times the quantity.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self {
            mean: factor * self.mean,
            std_error: factor.abs() * self.std_error,
            examples_std_error: self.examples_std_error.map(|error| factor.abs() * error),
            interval95: None,
            ..self
        }
    }
}

impl From<SampleMean> for Estimate {
    fn from(mean: SampleMean) -> Self {
        Self::new(mean.mean, mean.std_error, mean.count)
    }
}

impl From<Trace> for Estimate {
    /// Its samples are the products spent, whatever the estimator made of them.
    fn from(trace: Trace) -> Self {
        Self { probes: trace.products.into(), ..trace.mean.into() }
    }
}

/// An estimate with its name: of a parameter tensor, or of a quantity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NamedEstimate {
    /// What it is of.
    pub name: String,
    /// Its value with its error.
    #[serde(flatten)]
    pub estimate: Estimate,
}
