//! Adaptive SAM: an ascent step in the metric of the weights' own magnitudes.

use strum::{EnumString, IntoStaticStr, VariantNames};

use super::{
    Direction, GradientMethod, MethodInfo, NumberSlot, Settings, WordSlot,
    ascent::{Ascent, NORM_FLOOR},
    setting::real,
};
use crate::{
    autodiff::{Layout, Objective, Vector, norm},
    optimizer::{categorical::Categorical, hyperparameter::Hyperparameter, context::{SampleKind, StepContext}},
};

/// What ASAM adds to a weight's magnitude.
const OFFSET: f64 = 0.01;

/// Adaptive SAM (Kwon 2021): g = grad f(w + e), e = rho T^2 g1 / (|T g1|_2 + 1e-12), T diagonal, g1 = grad f(w). Cost 2.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Asam {
    /// Radius of the ascent step.
    pub rho: f64,
    /// What T is.
    pub scaling: Scaling,
}

/// The diagonal scaling T of ASAM.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, EnumString, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "kebab-case")]
pub enum Scaling {
    /// |w| + 0.01 for weights, 1 for biases and shifts.
    #[default]
    Offset,
    /// |w| throughout.
    Plain,
}

impl Asam {
    /// Name, formula, cost and paper, for presets, panels and docs.
    pub const INFO: MethodInfo = MethodInfo {
        key: "asam",
        name: "adaptive SAM (ASAM)",
        formula: "g = ∇f(w + ρ T² g₁/|T g₁|), T = diag(|w| + .01)",
        cost: "2",
        source: "Kwon et al. 2021",
    };
    /// Its paper's radius and scaling.
    pub const USUAL: Self = Self { rho: 1.0, scaling: Scaling::Offset };
    /// Settings with which every step is SGD's to the last bit.
    pub const AS_SGD: &'static [(&'static str, Self)] = &[
        ("ASAM, rho 0", Self { rho: 0.0, scaling: Scaling::Offset }),
        ("ASAM plain, rho 0", Self { rho: 0.0, scaling: Scaling::Plain }),
    ];
}

impl Settings for Asam {
    fn info(&self) -> MethodInfo {
        Self::INFO
    }

    fn cost(&self) -> u64 {
        2
    }

    fn numbers(&mut self) -> Vec<NumberSlot<'_>> {
        vec![real(Hyperparameter::Rho, &mut self.rho)]
    }

    fn words(&mut self) -> Vec<WordSlot<'_>> {
        vec![WordSlot { categorical: Categorical::Scaling, value: &mut self.scaling }]
    }

    fn sampled_curvature(&self) -> Option<SampleKind> {
        Some(SampleKind::Ascent)
    }
}

impl GradientMethod for Asam {
    fn direction(&self, f: &dyn Objective, w: &Vector, context: &mut StepContext<'_>) -> Direction {
        let ascent = Ascent::from(f, w, self.rho, |g| {
            let t = self.scaling.diagonal(w, context.layout);
            let scaled = t.clone() * g.clone();
            let length = norm(&scaled) + NORM_FLOOR;
            t * scaled * (length.recip() * self.rho)
        });
        ascent.direction(|_, perturbed| perturbed)
    }
}

impl Scaling {
    /// The diagonal of T at `w`, [parameters].
    fn diagonal(self, w: &Vector, layout: &Layout) -> Vector {
        let magnitude = w.clone().abs();
        match self {
            Self::Plain => magnitude,
            Self::Offset => {
                let shifted = magnitude + OFFSET;
                layout.map([&shifted], |entry, [piece]| if entry.is_bias() { piece.ones_like() } else { piece })
            }
        }
    }
}
