//! The catalogue of panels: what each chart of the dashboard is about, and which four suit a session.

use crate::{
    figure::{history::History, quantity::Quantity},
    run::PanelKind,
};

impl PanelKind {
    /// The next kind, the first after the last.
    #[must_use]
    pub fn next(self) -> Self {
        Self::ALL[(self as usize + 1) % Self::ALL.len()]
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
            Self::Trace | Self::Layers | Self::PerturbationGap => Quantity::Trace,
            Self::FreeTrace => Quantity::FreeTrace,
            Self::LambdaMax | Self::Density => Quantity::LambdaMax,
            Self::LambdaMin => Quantity::LambdaMin,
            Self::Bound => Quantity::BoundTheorem,
            Self::Travel => Quantity::Travel,
            Self::WeightNorm => Quantity::WeightNorm,
            Self::GradientNorm => Quantity::GradientNorm,
        }
    }

    /// The quantity that stands faint behind it.
    pub fn faint(self) -> Option<Quantity> {
        match self {
            Self::Loss => Some(Quantity::StepLoss),
            Self::Accuracy => Some(Quantity::TrainAccuracy),
            Self::ValidationError => Some(Quantity::TrainError),
            Self::Trace => Some(Quantity::FreeTrace),
            Self::FreeTrace => Some(Quantity::Trace),
            Self::LambdaMax => Some(Quantity::AscentCurvature),
            Self::Bound => Some(Quantity::BoundCode),
            _ => None,
        }
    }

    /// Whether curvature probes feed it, rather than evaluations.
    pub(super) fn is_probed(self) -> bool {
        matches!(
            self,
            Self::Trace
                | Self::LambdaMax
                | Self::LambdaMin
                | Self::Density
                | Self::Layers
                | Self::PerturbationGap
                | Self::Bound
                | Self::GradientNorm
        )
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
