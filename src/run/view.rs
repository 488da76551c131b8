//! What a preset asks to be shown: names of panels, in the order of the grid. `figure::panel` says what each of them shows.

use strum::{EnumCount, EnumString, IntoStaticStr, VariantArray};

/// What one chart of the dashboard shows, in the order in which a key goes through the kinds. Presets and the command line spell
/// kinds in snake case; names of earlier versions are read as well.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, EnumCount, EnumString, IntoStaticStr, VariantArray,
)]
#[strum(serialize_all = "snake_case")]
pub enum PanelKind {
    /// The clean training loss; behind it, faint, the minibatch loss of each step.
    Loss,
    Gap,
    /// The loss on the validation set; behind it, faint, the one on the test set.
    ValidationLoss,
    /// The test accuracy; behind it, faint, the training accuracy.
    #[strum(to_string = "accuracy", serialize = "test_accuracy")]
    Accuracy,
    /// The share of the test examples that is classified wrongly; behind it, faint, that of the training examples.
    TestError,
    /// The error on held-out measurements; behind it, faint, the one on those trained on.
    ValidationError,
    /// The distance to the solution.
    Distance,
    /// The trace of the exact Hessian with its standard errors; behind it, faint and dashed, that of the smoothed one.
    Trace,
    /// The test error rate against the trace of the exact Hessian: one mark a run, faint dots for its earlier measurements, and how far
    /// the two order the runs alike.
    ErrorByTrace,
    /// The same against the largest eigenvalue.
    ErrorByLambdaMax,
    /// The trace of the exact Hessian against the loss of the very examples that it was measured on: methods compared at equal loss.
    TraceByLoss,
    /// The trace of the smoothed Hessian that steps yield at no cost, two-point and one-point, with its errors; behind it, faint, that
    /// of the exact one.
    #[strum(to_string = "smoothed_trace", serialize = "free_trace")]
    SmoothedTrace,
    /// The largest eigenvalue, with the edge of stability of each run where that is near; behind it, faint, SAM's curvature along
    /// its ascent.
    LambdaMax,
    /// The smallest eigenvalue.
    LambdaMin,
    /// The spectral density of the newest curvature measurement.
    Density,
    /// The trace of each parameter tensor's block of the Hessian at the newest curvature measurement, as bars.
    #[strum(to_string = "trace_per_tensor", serialize = "layers")]
    TracePerTensor,
    /// The perturbation gap against sigma, with what the exact and the smoothed Hessian predict (figure 2).
    PerturbationGap,
    /// The PAC-Bayes bound, with the loss of guessing, above which it is vacuous; behind it, faint, the test loss.
    Bound,
    /// SAM's sharpness in the worst case; dashed, after one ascent step, and dotted, on average over the sphere.
    Sharpness,
    /// The gradient noise scale: the batch size at which a minibatch's gradient is half signal, half noise.
    GradientNoise,
    /// The trace of the gradient covariance; dashed, the squared norm of the gradient without bias.
    GradientCovariance,
    /// |w - w0|.
    #[strum(to_string = "distance_from_init", serialize = "travel")]
    DistanceFromInit,
    /// |w|.
    WeightNorm,
    /// |grad f| of the clean loss.
    GradientNorm,
}

impl PanelKind {
    /// The name in presets and on the command line.
    pub fn key(self) -> &'static str {
        self.into()
    }

    /// The kind of that name, be it one of an earlier version.
    pub fn from_key(key: &str) -> Option<Self> {
        key.parse().ok()
    }

    /// The names of all kinds.
    pub fn keys() -> Vec<&'static str> {
        Self::VARIANTS.iter().map(|kind| kind.key()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_back_from_its_name_and_from_that_of_earlier_versions() {
        for &kind in PanelKind::VARIANTS {
            assert_eq!(PanelKind::from_key(kind.key()), Some(kind));
        }
        for (old, kind) in [
            ("free_trace", PanelKind::SmoothedTrace),
            ("layers", PanelKind::TracePerTensor),
            ("travel", PanelKind::DistanceFromInit),
        ] {
            assert_eq!(PanelKind::from_key(old), Some(kind));
            assert_ne!(kind.key(), old);
        }
        assert_eq!(PanelKind::from_key("hessian"), None);
    }
}
