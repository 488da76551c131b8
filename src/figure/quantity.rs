//! The catalogue of quantities: what a run measures, what each is called, and how its values are written.
//! Panels, tables and files all read this one table.

use strum::{EnumIter, IntoEnumIterator};

use super::{axis::Scale, text};
pub use crate::run::Unit;
use crate::run::{DeclaredQuantity, QuantityInfo};

/// A quantity that a run measures, in the order of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter)]
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
    /// Share of training examples classified wrongly: 1 - accuracy. Files have the accuracy.
    #[strum(disabled)]
    TrainErrorRate,
    /// Share of validation examples classified wrongly.
    #[strum(disabled)]
    ValidationErrorRate,
    /// Share of test examples classified wrongly.
    #[strum(disabled)]
    TestErrorRate,
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
    /// The lower end of what covers the trace over the whole training set in 95 % of cases.
    TraceLow,
    /// The upper end of the same.
    TraceHigh,
    /// Clean loss of the very examples that the curvature is of.
    MeasuredLoss,
    /// Trace of the Hessian smoothed at the scale of the noise, two-point estimate from the antithetic pairs of NSO's steps.
    SmoothedTrace,
    /// The same, one-point estimate from the single gradients of WP-SGD: the first-order term is part of its noise.
    OnePointTrace,
    /// Largest eigenvalue of the exact Hessian; its error bar is the residual.
    LambdaMax,
    /// Smallest eigenvalue of the exact Hessian; its error bar is the residual.
    LambdaMin,
    /// The sum over weight tensors that the paper's code calls lambda; not an eigenvalue.
    Layerwise,
    /// Curvature of the minibatch losses along SAM's ascents.
    AscentCurvature,
    /// The PAC-Bayes bound: (1 + e) (train loss + complexity term).
    Bound,
    /// Complexity term of the PAC-Bayes bound, as in the theorem.
    ComplexityTerm,
    /// Complexity term of the PAC-Bayes bound, as in the authors' code.
    ComplexityTermInCode,
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
    /// Forward passes of training that are not part of a gradient evaluation.
    ForwardPasses,
    /// What a measurement declares.
    #[strum(disabled)]
    Declared(DeclaredQuantity),
}

/// What an error bar of a quantity is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// One standard error of the estimate, where it has one.
    StdError,
    /// The residual |H v - lambda v| of an eigenvalue.
    Residual,
}

impl ErrorKind {
    /// The name in files.
    pub fn key(self) -> &'static str {
        match self {
            Self::StdError => "std_error",
            Self::Residual => "residual",
        }
    }
}

impl Unit {
    /// The unit as axes name it, for a problem whose loss has the unit `of_loss`.
    pub fn name(self, of_loss: Option<&'static str>) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Loss => of_loss,
            Self::Percent => Some("%"),
            Self::Named(name) => Some(name),
        }
    }

    /// What stored values are multiplied by where they are shown.
    pub fn factor(self) -> f64 {
        match self {
            Self::None | Self::Loss | Self::Named(_) => 1.0,
            Self::Percent => 100.0,
        }
    }
}

/// How values of a quantity are written.
enum Written {
    /// With so many decimals while that shows something.
    Decimals(usize),
    /// To so many significant digits.
    Digits(usize),
}

/// What the catalogue says of a quantity.
struct Entry {
    key: &'static str,
    title: &'static str,
    unit: Unit,
    scale: Scale,
    written: Written,
}

impl Quantity {
    /// All that files hold, in the order of tables: those of every run, then those that measurements declare.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::iter().chain(DeclaredQuantity::all().map(Self::Declared))
    }

    /// What its error bars are.
    pub fn error_kind(self) -> ErrorKind {
        if matches!(self, Self::LambdaMax | Self::LambdaMin) { ErrorKind::Residual } else { ErrorKind::StdError }
    }

    fn entry(self) -> Entry {
        use Scale::{Linear, Log};
        use Unit::{Loss, None, Percent};
        use Written::{Decimals, Digits};
        const SQUARED: Unit = Unit::Named("relative, squared");

        let entry = |key, title, unit, scale| Entry { key, title, unit, scale, written: Digits(3) };
        let with = |decimals, entry: Entry| Entry { written: Decimals(decimals), ..entry };
        match self {
            Self::StepLoss => entry("step_loss", "minibatch loss", Loss, Log),
            Self::TrainLoss => entry("train_loss", "train loss", Loss, Log),
            Self::ValidationLoss => entry("validation_loss", "validation loss", Loss, Log),
            Self::TestLoss => entry("test_loss", "test loss", Loss, Log),
            Self::Gap => with(3, entry("gap", "generalization gap", Loss, Linear)),
            Self::TrainAccuracy => with(1, entry("train_accuracy", "train accuracy", Percent, Linear)),
            Self::ValidationAccuracy => with(1, entry("validation_accuracy", "validation accuracy", Percent, Linear)),
            Self::TestAccuracy => with(1, entry("test_accuracy", "test accuracy", Percent, Linear)),
            Self::TrainErrorRate => with(1, entry("train_error_rate", "train error rate", Percent, Log)),
            Self::ValidationErrorRate => with(1, entry("validation_error_rate", "validation error rate", Percent, Log)),
            Self::TestErrorRate => with(1, entry("test_error_rate", "test error rate", Percent, Log)),
            Self::TrainError => entry("train_error", "train error", SQUARED, Log),
            Self::ValidationError => entry("validation_error", "validation error", SQUARED, Log),
            Self::Distance => entry("distance", "distance to the solution", None, Log),
            Self::Trace => entry("trace", "Hessian trace", None, Log),
            Self::TraceSamplingError => {
                entry("trace_examples_std_error", "Hessian trace, standard error over examples", None, Log)
            }
            Self::TraceLow => entry("trace_interval95_low", "Hessian trace, 95 % interval, low", None, Log),
            Self::TraceHigh => entry("trace_interval95_high", "Hessian trace, 95 % interval, high", None, Log),
            Self::MeasuredLoss => entry("probe_loss", "loss of the measured examples", Loss, Log),
            Self::SmoothedTrace => entry("free_trace", "trace of the smoothed Hessian", None, Linear),
            Self::OnePointTrace => entry("one_sided_trace", "trace of the smoothed Hessian, one-point", None, Linear),
            Self::LambdaMax => entry("lambda_max", "λ max", None, Log),
            Self::LambdaMin => entry("lambda_min", "λ min", None, Linear),
            Self::Layerwise => entry("lambda_layerwise", "λ layerwise", Unit::Named("a sum, no eigenvalue"), Log),
            Self::AscentCurvature => entry("ascent_curvature", "curvature along the ascent", None, Log),
            Self::Bound => entry("bound", "PAC-Bayes bound", Loss, Log),
            Self::ComplexityTerm => entry("bound_theorem", "PAC-Bayes complexity term", Loss, Log),
            Self::ComplexityTermInCode => entry("bound_code", "PAC-Bayes complexity term, code form", Loss, Log),
            Self::DistanceFromInit => entry("travel", "distance from the initial weights", None, Linear),
            Self::WeightNorm => entry("weight_norm", "weight norm", None, Linear),
            Self::GradientNorm => entry("gradient_norm", "gradient norm", None, Log),
            Self::LrNow => entry("lr_now", "learning rate", None, Log),
            Self::SigmaNow => entry("sigma_now", "noise scale σ", None, Linear),
            Self::ForwardPasses => with(0, entry("forward_passes", "extra forward passes", None, Linear)),
            Self::Declared(declared) => {
                let QuantityInfo { key, title, unit, scale, .. } = *declared.info();
                entry(key, title, unit, scale)
            }
        }
    }

    /// The name in files.
    pub fn key(self) -> &'static str {
        self.entry().key
    }

    /// The name on screens and figures.
    pub fn title(self) -> &'static str {
        self.entry().title
    }

    /// What it is counted in.
    pub fn unit(self) -> Unit {
        self.entry().unit
    }

    /// The scale of its y axis unless the user asks for the other one.
    pub fn scale(self) -> Scale {
        self.entry().scale
    }

    /// A value on its own: 0.0021, 0.288, 2.90, 94.2 %, NaN.
    pub fn format(self, value: f64) -> String {
        let Entry { unit, written, .. } = self.entry();
        let shown = value * unit.factor();
        let number = match written {
            Written::Decimals(decimals) if shown.abs() < 1e4 => text::fixed(shown, decimals),
            Written::Decimals(digits) | Written::Digits(digits) => text::significant(shown, digits),
        };
        if unit == Unit::Percent && shown.is_finite() { format!("{number} %") } else { number }
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
        assert_eq!(Quantity::TestAccuracy.format(0.9421), "94.2 %");
        assert_eq!(Quantity::TestAccuracy.format(f64::NAN), "NaN");
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
    fn keys_are_unique() {
        let mut keys: Vec<&str> = Quantity::all().map(Quantity::key).collect();
        let count = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), count);
    }
}
