//! The catalogue of panels: what each chart of the dashboard is about, and which four suit a session.

use super::{Emphasis, Form, Stroke};
use crate::{
    figure::{
        axis::Scale,
        history::History,
        quantity::{ErrorKind, Quantity, Unit},
    },
    run::{DeclaredQuantity, MeasurementKind, PanelKind},
};

/// One quantity along training as a panel draws it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layer {
    pub quantity: Quantity,
    pub emphasis: Emphasis,
    pub form: Form,
    /// What distinguishes it from the others; empty where the title does.
    pub note: &'static str,
}

/// Where the data of a panel come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Evaluation,
    /// Samples of the trace that steps make at no extra cost, averaged between two evaluations.
    FreeTrace,
    /// Every curvature measurement.
    Curvature,
    /// Curvature measurements of a preset that asks for this.
    Measurement(MeasurementKind),
}

/// What a dotted horizontal line of a panel marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Threshold {
    /// The edge of stability of an eigenvalue.
    EdgeOfStability,
    /// The loss of guessing, above which a bound is vacuous.
    GuessingLoss,
}

impl Threshold {
    /// What the line is, for the title.
    pub(super) fn note(self) -> &'static str {
        match self {
            Self::EdgeOfStability => "dotted: edge of stability 2(1+β)/lr",
            Self::GuessingLoss => "dotted: log(classes), above it vacuous",
        }
    }

    /// Its value for a run.
    pub(super) fn of(self, history: &History) -> Option<f64> {
        match self {
            Self::EdgeOfStability => history.edge_of_stability(),
            Self::GuessingLoss => history.snapshots().bound?.guessing_loss,
        }
    }

    /// The factor by which it may lie beyond the data and still be drawn.
    pub(super) fn reach(self) -> f64 {
        match self {
            Self::EdgeOfStability => 2.0,
            Self::GuessingLoss => 10.0,
        }
    }
}

/// What the catalogue says of a kind.
struct Entry {
    title: &'static str,
    /// The name of the y axis, its unit left out.
    y_name: &'static str,
    unit: Unit,
    scale: Scale,
    /// The quantity that the chart is about; of a chart that is one measurement, the one along training nearest to it.
    quantity: Quantity,
    source: Source,
    threshold: Option<Threshold>,
}

impl PanelKind {
    fn entry(self) -> Entry {
        use Source::{Curvature, Evaluation, FreeTrace, Measurement};

        let of = |quantity: Quantity, source| Entry {
            title: quantity.title(),
            y_name: quantity.title(),
            unit: quantity.unit(),
            scale: quantity.scale(),
            quantity,
            source,
            threshold: None,
        };
        // A panel about a quantity that a measurement declares, by its place among those.
        let declared = |measurement, index| {
            of(Quantity::Declared(DeclaredQuantity { measurement, index }), Measurement(measurement))
        };
        match self {
            Self::Loss => Entry { title: "loss", y_name: "loss", ..of(Quantity::TrainLoss, Evaluation) },
            Self::Gap => Entry { y_name: "test − train loss", ..of(Quantity::Gap, Evaluation) },
            Self::ValidationLoss => of(Quantity::ValidationLoss, Evaluation),
            Self::Accuracy => of(Quantity::TestAccuracy, Evaluation),
            Self::TestError => of(Quantity::TestErrorRate, Evaluation),
            Self::ValidationError => of(Quantity::ValidationError, Evaluation),
            Self::Distance => of(Quantity::Distance, Evaluation),
            Self::Trace => of(Quantity::Trace, Curvature),
            // Near zero loss the trace falls with the loss.
            Self::TraceByLoss => {
                Entry { title: "Hessian trace at equal loss", scale: Scale::Log, ..of(Quantity::Trace, Curvature) }
            }
            Self::ErrorByTrace => {
                Entry { title: "test error by Hessian trace", ..of(Quantity::TestErrorRate, Curvature) }
            }
            Self::ErrorByLambdaMax => Entry { title: "test error by λ max", ..of(Quantity::TestErrorRate, Curvature) },
            Self::SmoothedTrace => of(Quantity::SmoothedTrace, FreeTrace),
            Self::LambdaMax => {
                Entry { threshold: Some(Threshold::EdgeOfStability), ..of(Quantity::LambdaMax, Curvature) }
            }
            Self::LambdaMin => of(Quantity::LambdaMin, Measurement(MeasurementKind::LambdaMin)),
            // The bulk of a spectrum lies at zero.
            Self::Density => Entry {
                title: "spectral density",
                y_name: "density",
                unit: Unit::None,
                scale: Scale::Log,
                ..of(Quantity::LambdaMax, Measurement(MeasurementKind::SpectralDensity))
            },
            // One tensor holds most of the trace.
            Self::TracePerTensor => Entry {
                title: "Hessian trace per parameter tensor",
                scale: Scale::Log,
                ..of(Quantity::Trace, Curvature)
            },
            // A difference of losses; its predictions may be decades apart.
            Self::PerturbationGap => Entry {
                title: "perturbation gap",
                y_name: "E f(w + U) − f(w)",
                unit: Unit::Loss,
                scale: Scale::Log,
                ..of(Quantity::Trace, Measurement(MeasurementKind::PerturbationGap))
            },
            Self::Bound => Entry {
                threshold: Some(Threshold::GuessingLoss),
                ..of(Quantity::Bound, Measurement(MeasurementKind::PacBayesBound))
            },
            Self::Sharpness => declared(MeasurementKind::Sharpness, 0),
            Self::GradientNoise => declared(MeasurementKind::GradientNoise, 0),
            Self::GradientCovariance => declared(MeasurementKind::GradientNoise, 1),
            Self::DistanceFromInit => of(Quantity::DistanceFromInit, Evaluation),
            Self::WeightNorm => of(Quantity::WeightNorm, Evaluation),
            Self::GradientNorm => of(Quantity::GradientNorm, Curvature),
        }
    }

    pub fn title(self) -> &'static str {
        self.entry().title
    }

    /// The quantity that the chart is about; of a chart that is one measurement, the one along training nearest to it.
    pub fn primary_quantity(self) -> Quantity {
        self.entry().quantity
    }

    /// The y scale unless the user asks for the other one.
    pub(super) fn scale(self) -> Scale {
        self.entry().scale
    }

    /// The name of the y axis, its unit left out: "loss".
    pub(super) fn y_name(self) -> &'static str {
        self.entry().y_name
    }

    /// What the y axis counts in.
    pub(super) fn unit(self) -> Unit {
        self.entry().unit
    }

    /// What an x axis of its own counts in.
    pub(super) fn x_unit(self) -> Unit {
        if self == Self::TraceByLoss { Unit::Loss } else { Unit::None }
    }

    /// Where its data come from.
    pub(super) fn source(self) -> Source {
        self.entry().source
    }

    /// What its dotted lines mark; `None` for a panel without them.
    pub(super) fn threshold(self) -> Option<Threshold> {
        self.entry().threshold
    }

    /// What it draws along training, from back to front; nothing for a chart that is one measurement.
    pub(super) fn layers(self) -> Vec<Layer> {
        use Emphasis::{Faint, Normal};
        const SOLID: Form = Form::Line(Stroke::Solid);
        const DASHED: Form = Form::Line(Stroke::Dashed);
        const DOTTED: Form = Form::Line(Stroke::Dotted);

        let layer = |quantity, emphasis, form, note| Layer { quantity, emphasis, form, note };
        let behind = match self {
            Self::TraceByLoss
            | Self::ErrorByTrace
            | Self::ErrorByLambdaMax
            | Self::Density
            | Self::TracePerTensor
            | Self::PerturbationGap => return Vec::new(),
            Self::Loss => vec![layer(Quantity::StepLoss, Faint, SOLID, "")],
            Self::ValidationLoss | Self::Bound => {
                vec![layer(Quantity::TestLoss, Faint, SOLID, "faint: test loss")]
            }
            Self::Accuracy => vec![
                layer(Quantity::TrainAccuracy, Faint, SOLID, "faint: train"),
                layer(Quantity::ValidationAccuracy, Faint, DASHED, "dashed: validation"),
            ],
            Self::TestError => vec![
                layer(Quantity::TrainErrorRate, Faint, SOLID, "faint: train"),
                layer(Quantity::ValidationErrorRate, Faint, DASHED, "dashed: validation"),
            ],
            Self::ValidationError => vec![layer(Quantity::TrainError, Faint, SOLID, "faint: train")],
            Self::Trace => vec![layer(Quantity::SmoothedTrace, Faint, DASHED, "dashed: smoothed Hessian")],
            Self::SmoothedTrace => vec![
                layer(Quantity::Trace, Faint, SOLID, "faint: exact Hessian"),
                layer(Quantity::OnePointTrace, Normal, Form::Dots, "dots: one-point"),
                layer(Quantity::SmoothedTrace, Normal, SOLID, "line: two-point"),
            ],
            Self::LambdaMax => vec![
                layer(Quantity::AscentCurvature, Faint, SOLID, "faint: along SAM's ascent"),
                layer(Quantity::Layerwise, Faint, DASHED, "dashed: layerwise, no eigenvalue"),
            ],
            Self::Gap
            | Self::Distance
            | Self::LambdaMin
            | Self::Sharpness
            | Self::GradientNoise
            | Self::GradientCovariance
            | Self::DistanceFromInit
            | Self::WeightNorm
            | Self::GradientNorm => Vec::new(),
        };
        let front = layer(self.primary_quantity(), Normal, SOLID, "");
        let has_front = behind.iter().any(|layer| layer.quantity == front.quantity);
        let built_in = behind.into_iter().chain((!has_front).then_some(front));
        // What measurements declare for the panel besides what it is about: a line style each.
        let declared = DeclaredQuantity::shown_in(self).map(|shown| (Quantity::Declared(shown), shown.info().note));
        let others = declared.filter(|(quantity, _)| *quantity != front.quantity);
        let styles = [DASHED, DOTTED].into_iter().cycle();
        let declared = others.zip(styles).map(|((quantity, note), form)| layer(quantity, Normal, form, note));
        declared.chain(built_in).collect()
    }

    /// Whether the error bars of its curves are standard errors; those of eigenvalues are residuals.
    pub(super) fn has_std_errors(self) -> bool {
        self.primary_quantity().error_kind() == ErrorKind::StdError
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
