//! What a preset asks to be shown: names of panels, in the order of the grid. What each panel is is told in `figure::panel`.

/// What one chart of the dashboard shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PanelKind {
    /// The clean training loss; behind it, faint, the minibatch loss of each step.
    Loss,
    /// The generalization gap.
    Gap,
    /// The loss on the validation set; behind it, faint, the one on the test set.
    ValidationLoss,
    /// The test accuracy; behind it, faint, the training accuracy.
    Accuracy,
    /// The error on held-out measurements; behind it, faint, the one on those trained on.
    ValidationError,
    /// The distance to the solution.
    Distance,
    /// The exact Hessian trace with its standard errors; behind it, faint and dashed, the smoothed one.
    Trace,
    /// The exact Hessian trace against the loss of the very examples that it was measured on: methods compared at equal loss.
    TraceByLoss,
    /// The smoothed trace that steps yield for free, two-point and one-sided, with its errors; behind it, faint, the exact one.
    FreeTrace,
    /// The largest eigenvalue, with the stability threshold of each run where that is near; behind it, faint, SAM's curvature along
    /// its ascent.
    LambdaMax,
    /// The smallest eigenvalue.
    LambdaMin,
    /// The spectral density of the newest probe.
    Density,
    /// The trace of each tensor's block at the newest probe, as bars.
    Layers,
    /// The perturbation gap against sigma, with what the exact and the smoothed Hessian predict (figure 2).
    PerturbationGap,
    /// The PAC-Bayes bound, with the loss of guessing, above which it says nothing; behind it, faint, the test loss.
    Bound,
    /// |w - w0|.
    DistanceFromInit,
    /// |w|.
    WeightNorm,
    /// |grad f| of the clean loss.
    GradientNorm,
}

impl PanelKind {
    /// Every kind, in the order in which a key walks them.
    pub const ALL: [Self; 18] = [
        Self::Loss,
        Self::Gap,
        Self::ValidationLoss,
        Self::Accuracy,
        Self::ValidationError,
        Self::Distance,
        Self::Trace,
        Self::TraceByLoss,
        Self::FreeTrace,
        Self::LambdaMax,
        Self::LambdaMin,
        Self::Density,
        Self::Layers,
        Self::PerturbationGap,
        Self::Bound,
        Self::DistanceFromInit,
        Self::WeightNorm,
        Self::GradientNorm,
    ];

    /// The name in presets and on the command line.
    pub fn key(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Gap => "gap",
            Self::ValidationLoss => "validation_loss",
            Self::Accuracy => "accuracy",
            Self::ValidationError => "validation_error",
            Self::Distance => "distance",
            Self::Trace => "trace",
            Self::TraceByLoss => "trace_by_loss",
            Self::FreeTrace => "free_trace",
            Self::LambdaMax => "lambda_max",
            Self::LambdaMin => "lambda_min",
            Self::Density => "density",
            Self::Layers => "layers",
            Self::PerturbationGap => "perturbation_gap",
            Self::Bound => "bound",
            Self::DistanceFromInit => "travel",
            Self::WeightNorm => "weight_norm",
            Self::GradientNorm => "gradient_norm",
        }
    }

    /// The kind of that name.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.key() == key)
    }
}
