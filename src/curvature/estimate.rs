//! A number with its error: the mean of samples, how far it may be off, and what covers the truth.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::number;

/// A number with what is known of its error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Sample mean.
    #[serde(with = "number")]
    pub mean: f64,
    /// Standard error of the mean; NaN when there is but one sample.
    #[serde(with = "number")]
    pub std_error: f64,
    /// Number of samples; for traces by Hutch++ and XTrace, which make fewer samples of more products, the products.
    #[serde(rename = "probes")]
    pub samples: u64,
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
    /// Of these samples; a mean of NaN if there are none.
    pub fn of(samples: &[f64]) -> Self {
        let n = samples.len() as f64;
        let mean = samples.iter().sum::<f64>() / n;
        let variance = samples.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let std_error = if samples.len() < 2 { f64::NAN } else { (variance / n).sqrt() };
        Self::new(mean, std_error, samples.len() as u64)
    }

    /// The interval that covers the truth with this probability, 0 to 1, if the samples are normal: mean -+ t s / sqrt n with
    /// Student's t for n - 1 degrees of freedom. Infinite where there are fewer than two samples.
    pub fn interval(&self, probability: f64) -> (f64, f64) {
        let student = StudentsT::new(0.0, 1.0, self.samples.saturating_sub(1) as f64);
        let reach = match student {
            Ok(student) => student.inverse_cdf(f64::midpoint(1.0, probability)) * self.std_error,
            Err(_) => f64::INFINITY,
        };
        (self.mean - reach, self.mean + reach)
    }

    /// The same interval on a logarithmic scale, mean exp(-+ t s / (mean sqrt n)), for a mean of samples that are positive and skewed;
    /// [`interval`](Self::interval) where the mean is not positive.
    pub fn log_interval(&self, probability: f64) -> (f64, f64) {
        let (_, high) = self.interval(probability);
        let reach = (high - self.mean) / self.mean;
        if self.mean > 0.0 { (self.mean * (-reach).exp(), self.mean * reach.exp()) } else { self.interval(probability) }
    }

    /// The standard error of a mean over a sample as an estimate for all it was drawn from: `parts` are the means over equal parts of
    /// the sample, each a sample of the same kind, and `share` of all is in it. s / sqrt n sqrt(1 - share), s^2 the
    /// unbiased variance of the n parts; NaN for fewer than two parts of less than everything.
    pub fn error_of_sampling(parts: &[f64], share: f64) -> f64 {
        if share >= 1.0 { 0.0 } else { Self::of(parts).std_error * (1.0 - share).sqrt() }
    }

    /// The same shifted by a number that is known exactly.
    #[must_use]
    pub fn shifted(self, by: f64) -> Self {
        Self { mean: self.mean + by, ..self }
    }

    /// A mean of samples of one kind.
    pub const fn new(mean: f64, std_error: f64, samples: u64) -> Self {
        Self { mean, std_error, samples, examples_std_error: None, interval95: None }
    }

    /// The same with what is known of the choice of examples: the standard error that
    /// [`error_of_sampling`](Self::error_of_sampling) makes of parts of the sample. The 95 % interval is that of Student's t for `samples`, the
    /// fewer of probe vectors and parts, on a logarithmic scale where the mean is positive: a few examples hold much of a trace, so
    /// that its errors are skewed.
    #[must_use]
    pub fn sampled(self, error: f64, samples: u64) -> Self {
        let known = Self { examples_std_error: Some(error), ..self };
        let (low, high) = Self::new(self.mean, known.error(), samples).log_interval(0.95);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Tables of Student's t distribution: t(.975, 9) = 2.262157, t(.975, 1) = 12.7062.
    #[test]
    fn intervals_have_students_quantiles() {
        let of = |count| Estimate::new(1.0, 1.0, count).interval(0.95);
        assert!((of(10).1 - 3.262_157).abs() < 1e-5, "{:?}", of(10));
        assert!((of(2).0 + 11.7062).abs() < 1e-3, "{:?}", of(2));
        assert_eq!(of(1).1, f64::INFINITY);
    }

    /// t(.975, 9) of 2.262157 and an error of a tenth: a factor of exp(.2262157) = 1.253846 either way.
    #[test]
    fn a_logarithmic_interval_is_a_factor_either_way() {
        let (low, high) = Estimate::new(10.0, 1.0, 10).log_interval(0.95);
        assert!((high - 12.538_46).abs() < 1e-4 && (low * high - 100.0).abs() < 1e-9, "{low} {high}");
        let negative = Estimate::new(-10.0, 1.0, 10);
        assert_eq!(negative.log_interval(0.95), negative.interval(0.95));
    }

    /// Parts 1, 2, 3, 6 have a standard error of sqrt(14 / 12); with a quarter of all in the sample, sqrt(3/4) of it.
    #[test]
    fn what_is_all_there_has_no_error_of_sampling() {
        let error = |share| Estimate::error_of_sampling(&[1.0, 2.0, 3.0, 6.0], share);
        assert!((error(0.25) - (14.0f64 / 12.0 * 0.75).sqrt()).abs() < 1e-15);
        assert_eq!(error(1.0), 0.0);
        assert!(Estimate::error_of_sampling(&[1.0], 0.5).is_nan());
    }

    /// 1, 2, 3, 6: mean 3, variance (4 + 1 + 0 + 9) / 3, standard error sqrt(14 / 12).
    #[test]
    fn a_mean_has_its_standard_error() {
        let mean = Estimate::of(&[1.0, 2.0, 3.0, 6.0]);
        assert_eq!((mean.mean, mean.samples), (3.0, 4));
        assert!((mean.std_error - (14.0f64 / 12.0).sqrt()).abs() < 1e-15);
    }
}
