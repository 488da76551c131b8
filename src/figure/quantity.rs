//! The catalogue of quantities: what a run measures, what each is called, and how its values are written.
//! Panels, tables and files all read this one table.

use super::{axis::Scale, text};

/// A quantity that a run measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Quantity {
    /// The minibatch loss as the method saw it, each step.
    StepLoss,
    /// Mean clean loss on the training set.
    TrainLoss,
    /// Mean clean loss on the validation set.
    ValidationLoss,
    /// Mean clean loss on the test set.
    TestLoss,
    /// Generalization gap: test loss - train loss.
    Gap,
    /// Share of training examples classified correctly.
    TrainAccuracy,
    /// Share of validation examples classified correctly.
    ValidationAccuracy,
    /// Share of test examples classified correctly.
    TestAccuracy,
    /// Relative squared error on the measurements trained on.
    TrainError,
    /// Relative squared error on held-out measurements.
    ValidationError,
    /// Distance to the solution.
    Distance,
    /// Trace of the exact Hessian, with its standard error over probe vectors and examples.
    Trace,
    /// The part of that standard error that is due to which examples were measured.
    TraceSamplingError,
    /// Clean loss of the very examples that the curvature is of.
    ProbeLoss,
    /// Trace of the Hessian smoothed at the scale of the noise, from the pairs of gradients that NSO's steps paid for.
    FreeTrace,
    /// The same from the single gradients of WP-SGD: it carries the first-order term as noise.
    OneSidedTrace,
    /// Largest eigenvalue of the exact Hessian; its error bar is the residual.
    LambdaMax,
    /// Smallest eigenvalue of the exact Hessian; its error bar is the residual.
    LambdaMin,
    /// The sum over weight tensors that the paper's code calls lambda; not an eigenvalue.
    Layerwise,
    /// Curvature of the minibatch losses along SAM's ascents.
    AscentCurvature,
    /// The PAC-Bayes bound: (1 + e) (train loss + excess).
    Bound,
    /// Excess of the PAC-Bayes bound, as the theorem has it.
    BoundTheorem,
    /// Excess of the PAC-Bayes bound, as the authors' code has it.
    BoundCode,
    /// |w - w0|.
    DistanceFromInit,
    /// |w|.
    WeightNorm,
    /// |grad f| of the clean loss.
    GradientNorm,
    /// The learning rate as its schedule has it.
    LrNow,
    /// The scale of the noise as its schedule has it.
    SigmaNow,
    /// Forward passes that training took besides its gradient evaluations.
    ForwardPasses,
}

/// How values of a quantity are written.
enum Written {
    /// With so many decimals while that shows something.
    Decimals(usize),
    /// To so many significant digits.
    Digits(usize),
}

impl Quantity {
    /// Every quantity, in the order of tables.
    pub const ALL: [Self; 29] = [
        Self::StepLoss,
        Self::TrainLoss,
        Self::ValidationLoss,
        Self::TestLoss,
        Self::Gap,
        Self::TrainAccuracy,
        Self::ValidationAccuracy,
        Self::TestAccuracy,
        Self::TrainError,
        Self::ValidationError,
        Self::Distance,
        Self::Trace,
        Self::TraceSamplingError,
        Self::ProbeLoss,
        Self::FreeTrace,
        Self::OneSidedTrace,
        Self::LambdaMax,
        Self::LambdaMin,
        Self::Layerwise,
        Self::AscentCurvature,
        Self::Bound,
        Self::BoundTheorem,
        Self::BoundCode,
        Self::DistanceFromInit,
        Self::WeightNorm,
        Self::GradientNorm,
        Self::LrNow,
        Self::SigmaNow,
        Self::ForwardPasses,
    ];

    /// Key, title, unit, scale, way of writing.
    fn entry(self) -> (&'static str, &'static str, &'static str, Scale, Written) {
        use Written::{Decimals, Digits};
        match self {
            Self::StepLoss => ("step_loss", "minibatch loss", "nats", Scale::Log, Digits(3)),
            Self::TrainLoss => ("train_loss", "train loss", "nats", Scale::Log, Digits(3)),
            Self::ValidationLoss => ("validation_loss", "validation loss", "nats", Scale::Log, Digits(3)),
            Self::TestLoss => ("test_loss", "test loss", "nats", Scale::Log, Digits(3)),
            Self::Gap => ("gap", "generalization gap", "test − train loss", Scale::Linear, Decimals(3)),
            Self::TrainAccuracy => ("train_accuracy", "train accuracy", "share", Scale::Linear, Decimals(3)),
            Self::ValidationAccuracy => {
                ("validation_accuracy", "validation accuracy", "share", Scale::Linear, Decimals(3))
            }
            Self::TestAccuracy => ("test_accuracy", "test accuracy", "share", Scale::Linear, Decimals(3)),
            Self::TrainError => ("train_error", "train error", "relative, squared", Scale::Log, Digits(3)),
            Self::ValidationError => {
                ("validation_error", "validation error", "relative, squared", Scale::Log, Digits(3))
            }
            Self::Distance => ("distance", "distance to the solution", "", Scale::Log, Digits(3)),
            Self::Trace => ("trace", "Hessian trace", "", Scale::Log, Digits(3)),
            Self::TraceSamplingError => {
                ("trace_examples_std_error", "Hessian trace's error over examples", "", Scale::Log, Digits(3))
            }
            Self::ProbeLoss => ("probe_loss", "loss of the measured examples", "nats", Scale::Log, Digits(3)),
            Self::FreeTrace => ("free_trace", "smoothed trace", "", Scale::Linear, Digits(3)),
            Self::OneSidedTrace => ("one_sided_trace", "smoothed trace, one-sided", "", Scale::Linear, Digits(3)),
            Self::LambdaMax => ("lambda_max", "λ max", "", Scale::Log, Digits(3)),
            Self::LambdaMin => ("lambda_min", "λ min", "", Scale::Linear, Digits(3)),
            Self::Layerwise => ("lambda_layerwise", "λ layerwise", "a sum, no eigenvalue", Scale::Log, Digits(3)),
            Self::AscentCurvature => ("ascent_curvature", "curvature along the ascent", "", Scale::Log, Digits(3)),
            Self::Bound => ("bound", "PAC-Bayes bound", "nats", Scale::Log, Digits(3)),
            Self::BoundTheorem => ("bound_theorem", "bound's excess", "nats", Scale::Log, Digits(3)),
            Self::BoundCode => ("bound_code", "bound's excess, code form", "nats", Scale::Log, Digits(3)),
            Self::DistanceFromInit => ("travel", "distance from the start", "", Scale::Linear, Digits(3)),
            Self::WeightNorm => ("weight_norm", "weight norm", "", Scale::Linear, Digits(3)),
            Self::GradientNorm => ("gradient_norm", "gradient norm", "", Scale::Log, Digits(3)),
            Self::LrNow => ("lr_now", "learning rate", "", Scale::Log, Digits(3)),
            Self::SigmaNow => ("sigma_now", "noise scale σ", "", Scale::Linear, Digits(3)),
            Self::ForwardPasses => ("forward_passes", "forward passes besides", "", Scale::Linear, Decimals(0)),
        }
    }

    /// The name in files.
    pub fn key(self) -> &'static str {
        self.entry().0
    }

    /// The name on screens and figures.
    pub fn title(self) -> &'static str {
        self.entry().1
    }

    /// The unit, or what the number is relative to; empty where there is none.
    pub fn unit(self) -> &'static str {
        self.entry().2
    }

    /// The scale of its y axis unless the user asks for the other one.
    pub fn scale(self) -> Scale {
        self.entry().3
    }

    /// A value on its own: 0.0021, 0.288, 2.90, NaN.
    pub fn format(self, value: f64) -> String {
        match self.entry().4 {
            Written::Decimals(decimals) if value.abs() < 1e4 => text::fixed(value, decimals),
            Written::Decimals(digits) | Written::Digits(digits) => text::significant(value, digits),
        }
    }

    /// An estimate with its error, the decimals chosen by the error: 2.90 ± .11. Without an error, the value alone.
    pub fn format_with_error(self, value: f64, std_error: f64) -> String {
        if !(std_error.is_finite() && std_error > 0.0 && value.is_finite()) {
            return self.format(value);
        }
        if !(1e-4..1e6).contains(&value.abs().max(std_error)) {
            return format!("{} ± {}", text::scientific(value, 2), text::scientific(std_error, 0));
        }
        // Two digits of the error are all that it is known to.
        let written = text::significant(std_error, 2);
        let decimals = written.find('.').map_or(0, |point| written.len() - point - 1).min(4);
        format!("{} ± {}", text::fixed(value, decimals), text::bare(&text::fixed(std_error, decimals)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_their_kind_needs() {
        assert_eq!(Quantity::TrainLoss.format(0.002_134), "0.00213");
        assert_eq!(Quantity::Gap.format(0.2883), "0.288");
        assert_eq!(Quantity::Gap.format(-0.0001), "0.000");
        assert_eq!(Quantity::TestAccuracy.format(0.9421), "0.942");
        assert_eq!(Quantity::LambdaMax.format(0.168), "0.168");
        assert_eq!(Quantity::Gap.format(f64::NAN), "NaN");
        assert_eq!(Quantity::Gap.format(3.2e8), "3.20e8");
    }

    #[test]
    fn an_estimate_shares_its_decimals_with_its_error() {
        assert_eq!(Quantity::Trace.format_with_error(2.9012, 0.1093), "2.90 ± .11");
        assert_eq!(Quantity::Trace.format_with_error(1240.3, 31.2), "1,240 ± 31");
        assert_eq!(Quantity::Trace.format_with_error(27.0, f64::NAN), "27.0");
        assert_eq!(Quantity::Trace.format_with_error(3.2e9, 1.1e8), "3.20e9 ± 1e8");
    }

    #[test]
    fn keys_are_unique_and_in_order() {
        let mut keys = Quantity::ALL.map(Quantity::key).to_vec();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), Quantity::ALL.len());
        assert!(Quantity::ALL.iter().enumerate().all(|(index, &quantity)| quantity as usize == index));
    }
}
