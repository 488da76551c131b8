//! The methods: which direction a step follows. A method is data that presets, the log and the knob panel share;
//! asked for a direction it is a pure function of the objective, the weights and the noise.

use std::num::NonZeroU32;

use burn::tensor::Tensor;

use super::{
    noise::{Noise, NoiseSource},
    schedule::TrainingProgress,
    step::{CurvatureSamples, SampleKind, StepStats},
};
use crate::autodiff::{Evaluation, Layout, Objective, Pair, Vector, norm};

/// SAM's guard against a zero gradient norm, as its authors have it.
const NORM_FLOOR: f64 = 1e-12;

/// What ASAM adds to a weight's magnitude.
const ASAM_OFFSET: f64 = 0.01;

/// An optimization method with its own knobs. Costs are gradient evaluations a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Method {
    /// Stochastic gradient descent: g = grad f(w). Cost 1.
    Sgd,
    /// Weight-perturbed SGD, also called randomized smoothing: g = 1/k sum_j grad f(w + U_j). Cost k.
    WpSgd {
        /// Law and scale of U.
        noise: Noise,
        /// Perturbations a step.
        k: NonZeroU32,
    },
    /// Noise stability optimization (arXiv 2306.08553, Algorithm 1):
    /// g = mix grad f(w) + (1 - mix) 1/(2k) sum_j [grad f(w + U_j) + grad f(w - U_j)]. Cost 2k, or 2k + 1 when mixed.
    Nso {
        /// Law and scale of U.
        noise: Noise,
        /// Pairs of perturbations a step.
        k: NonZeroU32,
        /// Share of the clean gradient, 0 to 1.
        mix: f64,
    },
    /// Sharpness-aware minimization (Foret 2021): g = grad f(w + e), e = rho g1 / (|g1|_2 + 1e-12), g1 = grad f(w),
    /// one norm over all parameters. Cost 2.
    Sam {
        /// Radius of the ascent step.
        rho: f64,
    },
    /// SAM without the norm (Andriushchenko & Flammarion 2022): g = grad f(w + rho g1). Cost 2.
    Usam {
        /// Step of the ascent.
        rho: f64,
    },
    /// Adaptive SAM (Kwon 2021): g = grad f(w + e), e = rho T^2 g1 / (|T g1|_2 + 1e-12), T diagonal. Cost 2.
    Asam {
        /// Radius of the ascent step.
        rho: f64,
        /// What T is.
        scaling: Scaling,
    },
    /// Random SAM (Liu 2022): D noise, scaled by the norms of output rows in tensors of two dimensions and more;
    /// g1 = grad f(w + D); e = rho (D + lambda g1) / (|D + lambda g1|_2 + 1e-12); g = grad f(w + e). Cost 2.
    Rsam {
        /// Radius of the ascent step.
        rho: f64,
        /// Law and scale of D.
        noise: Noise,
        /// Weight of the gradient in the ascent.
        lambda: f64,
    },
    /// SGD on smoothed labels: (1 - a) NLL + a mean_c(-log p_c), uniform over all classes. Cost 1. The objective that it is
    /// given must be the smoothed one.
    LabelSmoothing {
        /// Share a of the uniform distribution.
        smoothing: f64,
    },
}

/// The diagonal scaling T of ASAM.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Scaling {
    /// |w| + 0.01 for weights, 1 for biases and shifts.
    #[default]
    Offset,
    /// |w| throughout.
    Plain,
}

/// Where a step goes, and what its evaluations tell besides.
#[derive(Debug, Clone)]
pub struct Direction {
    /// The descent direction g.
    pub vector: Vector,
    /// What else was found. The loss is f(w) for SGD, SAM, USAM and ASAM, the mean over the perturbed points for WP-SGD and
    /// NSO, f(w + D) for RSAM, the smoothed one for label smoothing.
    pub stats: StepStats,
}

/// The mean of values that arrive one by one. Equal values give that value to the last bit, which keeps
/// sigma = 0 on SGD's path for every k.
struct RunningMean {
    mean: Option<Vector>,
    count: f64,
}

impl RunningMean {
    fn new() -> Self {
        Self { mean: None, count: 0.0 }
    }

    fn add(&mut self, value: Vector) {
        self.count += 1.0;
        self.mean = Some(match self.mean.take() {
            None => value,
            Some(mean) => mean.clone() + (value - mean) / self.count,
        });
    }

    fn value(self, like: &Vector) -> Vector {
        self.mean.unwrap_or_else(|| like.zeros_like())
    }
}

impl Method {
    /// The same method as it is at a point of training: its noise at the scale that the schedule has.
    #[must_use]
    pub fn at(self, progress: TrainingProgress) -> Self {
        match self {
            Self::WpSgd { noise, k } => Self::WpSgd { noise: noise.at(progress), k },
            Self::Nso { noise, k, mix } => Self::Nso { noise: noise.at(progress), k, mix },
            Self::Rsam { rho, noise, lambda } => Self::Rsam { rho, noise: noise.at(progress), lambda },
            other => other,
        }
    }

    /// The direction of one step at `w`, with the noise at the scale that it says.
    pub fn direction(
        &self,
        f: &dyn Objective,
        w: &Vector,
        (layout, source): (&Layout, &mut dyn NoiseSource),
    ) -> Direction {
        match *self {
            Self::Sgd | Self::LabelSmoothing { .. } => {
                let clean = f.gradient(w);
                let stats =
                    StepStats { loss: clean.loss, free: CurvatureSamples::none(), statistics: clean.statistics };
                Direction { vector: clean.gradient, stats }
            }
            Self::WpSgd { noise, k } => one_point(f, w, (noise, k, source)),
            Self::Nso { noise, k, mix } => {
                let two_point = two_point(f, w, (noise, k, source));
                if mix == 0.0 {
                    return two_point;
                }
                let clean = f.gradient(w);
                let vector = clean.gradient * mix + two_point.vector * (1.0 - mix);
                let stats = StepStats { statistics: clean.statistics, ..two_point.stats };
                Direction { vector, stats }
            }
            Self::Sam { rho } => ascend(f, (w, rho), |g| g.clone() * ((norm(g) + NORM_FLOOR).recip() * rho)),
            Self::Usam { rho } => ascend(f, (w, rho), |g| g.clone() * rho),
            Self::Asam { rho, scaling } => ascend(f, (w, rho), |g| {
                let t = scaling.diagonal(w, layout);
                let scaled = t.clone() * g.clone();
                let length = norm(&scaled) + NORM_FLOOR;
                t * scaled * (length.recip() * rho)
            }),
            Self::Rsam { rho, noise, lambda } => {
                let d = by_rows(&source.draw(w, noise), w, layout);
                let there = f.gradient(&(w.clone() + d.clone()));
                let towards = d + there.gradient * lambda;
                let e = towards.clone() * ((norm(&towards) + NORM_FLOOR).recip() * rho);
                let stats = StepStats { loss: there.loss, free: CurvatureSamples::none(), statistics: None };
                Direction { vector: f.gradient(&(w.clone() + e)).gradient, stats }
            }
        }
    }

    /// Gradient evaluations that one step costs.
    pub fn cost(&self) -> u64 {
        match *self {
            Self::Sgd | Self::LabelSmoothing { .. } => 1,
            Self::WpSgd { k, .. } => u64::from(k.get()),
            Self::Nso { k, mix, .. } => 2 * u64::from(k.get()) + u64::from(mix != 0.0),
            Self::Sam { .. } | Self::Usam { .. } | Self::Asam { .. } | Self::Rsam { .. } => 2,
        }
    }

    /// Its noise, for the methods that have some.
    pub fn noise(&self) -> Option<Noise> {
        match *self {
            Self::WpSgd { noise, .. } | Self::Nso { noise, .. } | Self::Rsam { noise, .. } => Some(noise),
            _ => None,
        }
    }
}

/// What a method makes of one draw U.
struct Sampled {
    gradient: Vector,
    loss: Vector,
    /// A sample of U'H_sigma U.
    curvature: Vector,
}

/// The mean gradient over w + U_j; each evaluation is also a sample U'g / sigma^2 of the smoothed trace.
fn one_point(
    f: &dyn Objective,
    w: &Vector,
    (noise, k, source): (Noise, NonZeroU32, &mut dyn NoiseSource),
) -> Direction {
    averaged(
        w,
        (noise, k, source),
        (SampleKind::OnePoint { sigma: noise.sigma }, |u| {
            let Evaluation { loss, gradient, .. } = f.gradient(&(w.clone() + u.clone()));
            Sampled { curvature: u.dot(gradient.clone()), gradient, loss }
        }),
    )
}

/// The mean gradient over w + U_j and w - U_j; each pair is also a sample U'(g+ - g-) / (2 sigma^2) of the smoothed trace.
fn two_point(
    f: &dyn Objective,
    w: &Vector,
    (noise, k, source): (Noise, NonZeroU32, &mut dyn NoiseSource),
) -> Direction {
    averaged(
        w,
        (noise, k, source),
        (SampleKind::TwoPoint { sigma: noise.sigma }, |u| {
            let pair = Pair::evaluate(f, w, u);
            Sampled { gradient: pair.mean(), loss: pair.loss(), curvature: pair.smoothed_curvature() }
        }),
    )
}

/// The mean over k draws of what `sample` makes of each.
fn averaged(
    w: &Vector,
    (noise, k, source): (Noise, NonZeroU32, &mut dyn NoiseSource),
    (kind, sample): (SampleKind, impl Fn(Vector) -> Sampled),
) -> Direction {
    let (mut direction, mut loss, mut values) = (RunningMean::new(), RunningMean::new(), Vec::new());
    for _ in 0..k.get() {
        let found = sample(source.draw(w, noise));
        if noise.samples_traces() {
            values.push(found.curvature / (noise.sigma * noise.sigma));
        }
        direction.add(found.gradient);
        loss.add(found.loss);
    }
    let free = CurvatureSamples { kind: noise.samples_traces().then_some(kind), values };
    Direction { vector: direction.value(w), stats: StepStats { loss: loss.value(w), free, statistics: None } }
}

/// The gradient at w + e, where `ascent` makes e of radius `rho` of the gradient at w; the two are also a sample of the
/// curvature along e.
fn ascend(f: &dyn Objective, (w, rho): (&Vector, f64), ascent: impl FnOnce(&Vector) -> Vector) -> Direction {
    let clean = f.gradient(w);
    let e = ascent(&clean.gradient);
    let there = f.gradient(&(w.clone() + e.clone()));
    let free = if rho > 0.0 {
        let curvature = e.clone().dot(there.gradient.clone() - clean.gradient) / e.square().sum();
        CurvatureSamples { kind: Some(SampleKind::Ascent), values: vec![curvature] }
    } else {
        CurvatureSamples::none()
    };
    Direction { vector: there.gradient, stats: StepStats { loss: clean.loss, free, statistics: clean.statistics } }
}

impl Scaling {
    /// The diagonal of T at `w`.
    fn diagonal(self, w: &Vector, layout: &Layout) -> Vector {
        let magnitude = w.clone().abs();
        match self {
            Self::Plain => magnitude,
            Self::Offset => {
                let shifted = magnitude + ASAM_OFFSET;
                layout.map([&shifted], |entry, [piece]| if entry.is_bias() { piece.ones_like() } else { piece })
            }
        }
    }
}

/// `noise` with each output row of a tensor of two dimensions and more multiplied by that row's norm in `w`.
fn by_rows(noise: &Vector, w: &Vector, layout: &Layout) -> Vector {
    layout.map([noise, w], |entry, [noise, w]| {
        if entry.shape.len() < 2 {
            return noise;
        }
        let shape = [entry.rows(), entry.len() / entry.rows().max(1)];
        let norms = w.reshape::<2, _>(shape).square().sum_dim(1).sqrt();
        let noise: Tensor<2> = noise.reshape(shape);
        (noise * norms).reshape([entry.len()])
    })
}
