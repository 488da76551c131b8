//! The catalogue of panels: what each chart of the dashboard is about, and which four suit a session.

use super::{Emphasis, Form, Stroke};
use crate::{
    figure::{
        axis::Scale,
        history::History,
        quantity::{Quantity, Unit},
    },
    run::{Extra, PanelKind},
};

/// One quantity along training as a panel draws it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layer {
    pub quantity: Quantity,
    pub emphasis: Emphasis,
    pub form: Form,
    /// What tells it from the others; empty where the title does.
    pub note: &'static str,
}

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
            Self::Accuracy => "test accuracy",
            Self::TraceByLoss => "trace at equal loss",
            Self::Density => "spectral density",
            Self::Layers => "trace by tensor",
            Self::PerturbationGap => "perturbation gap",
            other => other.primary_quantity().title(),
        }
    }

    /// The quantity that the chart is about; of a chart that is one measurement, the one along training nearest to it.
    pub fn primary_quantity(self) -> Quantity {
        match self {
            Self::Loss => Quantity::TrainLoss,
            Self::Gap => Quantity::Gap,
            Self::ValidationLoss => Quantity::ValidationLoss,
            Self::Accuracy => Quantity::TestAccuracy,
            Self::ValidationError => Quantity::ValidationError,
            Self::Distance => Quantity::Distance,
            Self::Trace | Self::TraceByLoss | Self::Layers | Self::PerturbationGap => Quantity::Trace,
            Self::FreeTrace => Quantity::FreeTrace,
            Self::LambdaMax | Self::Density => Quantity::LambdaMax,
            Self::LambdaMin => Quantity::LambdaMin,
            Self::Bound => Quantity::Bound,
            Self::DistanceFromInit => Quantity::DistanceFromInit,
            Self::WeightNorm => Quantity::WeightNorm,
            Self::GradientNorm => Quantity::GradientNorm,
        }
    }

    /// What it draws along training, from back to front; nothing for a chart that is one measurement.
    pub(super) fn layers(self) -> Vec<Layer> {
        use Emphasis::{Faint, Normal};
        const SOLID: Form = Form::Line(Stroke::Solid);
        const DASHED: Form = Form::Line(Stroke::Dashed);

        let layer = |quantity, (emphasis, form), note| Layer { quantity, emphasis, form, note };
        let behind = match self {
            Self::TraceByLoss | Self::Density | Self::Layers | Self::PerturbationGap => return Vec::new(),
            Self::Loss => vec![layer(Quantity::StepLoss, (Faint, SOLID), "")],
            Self::ValidationLoss | Self::Bound => {
                vec![layer(Quantity::TestLoss, (Faint, SOLID), "faint: test loss")]
            }
            Self::Accuracy => vec![
                layer(Quantity::TrainAccuracy, (Faint, SOLID), "faint: train"),
                layer(Quantity::ValidationAccuracy, (Faint, DASHED), "dashed: validation"),
            ],
            Self::ValidationError => vec![layer(Quantity::TrainError, (Faint, SOLID), "faint: train")],
            Self::Trace => vec![layer(Quantity::FreeTrace, (Faint, DASHED), "dashed: smoothed trace")],
            Self::FreeTrace => vec![
                layer(Quantity::Trace, (Faint, SOLID), "faint: exact"),
                layer(Quantity::OneSidedTrace, (Normal, Form::Dots), "dots: one-sided"),
                layer(Quantity::FreeTrace, (Normal, SOLID), "line: two-point"),
            ],
            Self::LambdaMax => vec![
                layer(Quantity::AscentCurvature, (Faint, SOLID), "faint: along SAM's ascent"),
                layer(Quantity::Layerwise, (Faint, DASHED), "dashed: layerwise, no eigenvalue"),
            ],
            Self::Gap
            | Self::Distance
            | Self::LambdaMin
            | Self::DistanceFromInit
            | Self::WeightNorm
            | Self::GradientNorm => Vec::new(),
        };
        let front = layer(self.primary_quantity(), (Normal, SOLID), "");
        let has_front = behind.iter().any(|layer| layer.quantity == front.quantity);
        behind.into_iter().chain((!has_front).then_some(front)).collect()
    }

    /// The y scale unless the user asks for the other one.
    pub(super) fn scale(self) -> Scale {
        match self {
            // Near zero loss the trace falls with the loss, the bulk of a spectrum lies at zero, one tensor holds most of the trace, and
            // predictions of a gap may be decades apart.
            Self::TraceByLoss | Self::Density | Self::Layers | Self::PerturbationGap => Scale::Log,
            other => other.primary_quantity().scale(),
        }
    }

    /// The name of the y axis, its unit left out: "loss".
    pub(super) fn y_name(self) -> &'static str {
        match self {
            Self::Density => "density",
            Self::TraceByLoss | Self::Layers => Quantity::Trace.title(),
            Self::PerturbationGap => "E f(w + U) − f(w)",
            Self::Gap => "test − train loss",
            _ => self.title(),
        }
    }

    /// What the y axis counts in.
    pub(super) fn unit(self) -> Unit {
        match self {
            Self::Density | Self::TraceByLoss | Self::Layers => Unit::None,
            // A difference of losses.
            Self::PerturbationGap => Unit::Loss,
            _ => self.primary_quantity().unit(),
        }
    }

    /// What an x axis of its own counts in.
    pub(super) fn x_unit(self) -> Unit {
        if self == Self::TraceByLoss { Unit::Loss } else { Unit::None }
    }

    /// Whether the error bars of its curves are standard errors; those of eigenvalues are residuals.
    pub(super) fn has_std_errors(self) -> bool {
        matches!(self, Self::Trace | Self::TraceByLoss | Self::FreeTrace | Self::Layers | Self::PerturbationGap)
    }

    /// What a preset has its probes measure for it; `None` where they do anyway, or nothing can be asked.
    pub(super) fn extra(self) -> Option<Extra> {
        match self {
            Self::LambdaMin => Some(Extra::LambdaMin),
            Self::Density => Some(Extra::Density),
            Self::PerturbationGap => Some(Extra::PerturbationGap),
            Self::Bound => Some(Extra::Bound),
            _ => None,
        }
    }

    /// Whether curvature probes feed it, rather than evaluations.
    pub(super) fn is_probed(self) -> bool {
        matches!(
            self,
            Self::Trace
                | Self::TraceByLoss
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
