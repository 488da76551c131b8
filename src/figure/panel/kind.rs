//! The catalogue of panels: what each chart of the dashboard is about, and which four suit a session.

use crate::figure::{history::History, quantity::Quantity};

/// What one chart of the dashboard shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PanelKind {
    /// The clean training loss; behind it, faint, the minibatch loss of each step.
    Loss,
    /// The generalization gap.
    Gap,
    /// The test accuracy; behind it, faint, the training accuracy.
    Accuracy,
    /// The error on held-out measurements; behind it, faint, the one on those trained on.
    ValidationError,
    /// The distance to the solution.
    Distance,
    /// The exact Hessian trace with its standard errors; behind it, faint and dashed, the smoothed one.
    Trace,
    /// The largest eigenvalue, with the stability threshold of each run where that is near.
    LambdaMax,
}

impl PanelKind {
    /// Every kind, in the order in which a key walks them.
    pub const ALL: [Self; 7] =
        [Self::Loss, Self::Gap, Self::Accuracy, Self::ValidationError, Self::Distance, Self::Trace, Self::LambdaMax];

    /// The next kind, the first after the last.
    #[must_use]
    pub fn next(self) -> Self {
        Self::ALL[(self as usize + 1) % Self::ALL.len()]
    }

    /// The name on the command line.
    pub fn key(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Accuracy => "accuracy",
            other => other.bright().key(),
        }
    }

    /// The kind of that name.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.key() == key)
    }

    /// The chart's title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Accuracy => "accuracy",
            other => other.bright().title(),
        }
    }

    /// The quantity that the chart is about.
    pub fn bright(self) -> Quantity {
        match self {
            Self::Loss => Quantity::TrainLoss,
            Self::Gap => Quantity::Gap,
            Self::Accuracy => Quantity::TestAccuracy,
            Self::ValidationError => Quantity::ValidationError,
            Self::Distance => Quantity::Distance,
            Self::Trace => Quantity::Trace,
            Self::LambdaMax => Quantity::LambdaMax,
        }
    }

    /// The quantity that stands faint behind it.
    pub fn faint(self) -> Option<Quantity> {
        match self {
            Self::Loss => Some(Quantity::StepLoss),
            Self::Accuracy => Some(Quantity::TrainAccuracy),
            Self::ValidationError => Some(Quantity::TrainError),
            Self::Trace => Some(Quantity::FreeTrace),
            Self::Gap | Self::Distance | Self::LambdaMax => None,
        }
    }

    /// Whether curvature probes feed it, rather than evaluations.
    pub(super) fn is_probed(self) -> bool {
        matches!(self, Self::Trace | Self::LambdaMax)
    }
}

/// The four panels that suit what these runs measure.
pub fn default_panels(histories: &[&History]) -> [PanelKind; 4] {
    let has = |quantity| histories.iter().any(|history| !history.series(quantity).is_empty());
    let second = if has(Quantity::ValidationError) {
        PanelKind::ValidationError
    } else if has(Quantity::Distance) && !has(Quantity::Gap) {
        PanelKind::Distance
    } else {
        PanelKind::Gap
    };
    [PanelKind::Loss, second, PanelKind::Trace, PanelKind::LambdaMax]
}
