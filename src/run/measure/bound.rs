//! The PAC-Bayes bound as far as it can be measured: its ingredients from all examples at hand, one by one.

use super::{
    Found, Measurement, MeasurementInfo, Setting, SettingValue,
    declared::Declared,
    order::nan_above,
    target::{MeasurementContext, MeasurementTarget},
};
use crate::{
    autodiff::{norm, read, values},
    curvature::{Hessian, Ingredients, ProbeVectors, Trace, hutch_plus_plus},
    problem::Examples,
    run::{Bound, Estimate, Event, Fact, ProblemConfig, clock::Clock},
};

/// The e at which the bound is evaluated.
const EPSILON: f64 = 1.0;

/// Products for the trace of one example's Hessian by Hutch++: a third of them span what K logits make of it, rank K - 1, up to ten
/// classes.
const PRODUCTS: u32 = 30;

/// (1 + e) (L_train + sqrt(C a r^2 / n)), theorem 2.1 of the paper up to lower orders, e = 1. The theorem takes C and a over the
/// distribution of the data, so examples that training never sees count as those that it does: C is the largest loss of all of them, a
/// the largest Hessian trace of a sample of them, one by one, half of it those of largest loss and half spread evenly. A largest is not
/// below the mean, the trace of the training loss. Cost: 30 products of a single example for each example of the sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacBayesBound {
    /// Examples whose own Hessians are measured.
    pub examples: u32,
}

impl PacBayesBound {
    /// What presets, files and docs need to know.
    pub const INFO: MeasurementInfo = MeasurementInfo { key: "bound", name: "PAC-Bayes bound", quantities: &[] };
}

impl Default for PacBayesBound {
    fn default() -> Self {
        Self { examples: 32 }
    }
}

impl Declared for PacBayesBound {
    fn settings(&mut self) -> Vec<Setting<'_>> {
        let value = SettingValue::Count { value: &mut self.examples, range: 1..=10_000_000 };
        vec![Setting { key: "bound_examples", value }]
    }

    fn lacks(&self, problem: &ProblemConfig) -> Option<&'static str> {
        (!problem.has(Fact::Examples)).then_some("examples")
    }
}

impl Measurement for PacBayesBound {
    /// `None` where there are no examples, where a loss or a trace is not a number, or where no trace is positive and the bound says
    /// nothing.
    fn measure(&self, target: &MeasurementTarget<'_>, context: &MeasurementContext) -> Option<Found> {
        let clock = Clock::start();
        let losses = target.problem.example_losses(target.w, target.buffers)?;
        let average = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
        let [train, validation, test] = [Some(&losses.train), losses.validation.as_ref(), Some(&losses.test)]
            .map(|split| split.map_or_else(Vec::new, values));
        let all = [&train[..], &validation, &test].concat();
        let largest_loss = all.iter().copied().max_by(|&a, &b| nan_above(a, b)).filter(|loss| loss.is_finite())?;
        let chosen = half_by_loss(&all, self.examples as usize);
        let traces: Vec<Trace> = chosen
            .iter()
            .map(|&example| {
                let objective = match example.checked_sub(train.len()) {
                    None => target.on(Examples::Chosen(&[example])),
                    Some(held_out) => target.on(Examples::HeldOut(&[held_out])),
                };
                let hessian = Hessian::new(objective.as_ref(), target.w);
                hutch_plus_plus(&hessian, &mut ProbeVectors::new(target.seed, target.w), PRODUCTS)
            })
            .collect();
        let each = traces.iter().map(|&trace| Estimate::from(trace));
        let largest_trace = each.chain([context.trace]).max_by(|a, b| nan_above(a.mean, b.mean))?;
        if largest_trace.mean.is_nan() || largest_trace.mean <= 0.0 {
            return None;
        }
        let ingredients = Ingredients {
            trace: largest_trace.mean,
            distance: read(vec![norm(&(target.w.clone() - target.initial_weights.clone()))]).pop()?,
            largest_loss,
            examples: train.len() as u64,
        };
        let (train_loss, test_loss) = (average(&train), average(&test));
        let bound = (1.0 + EPSILON) * (train_loss + ingredients.theorem());
        let guessing_loss = target.problem.classes().map(|classes| (classes.get() as f64).ln());
        Some(Found::Event(Box::new(Event::Bound(Box::new(Bound {
            at: target.at,
            largest_trace,
            distance_from_init: ingredients.distance,
            largest_loss: ingredients.largest_loss,
            train_loss,
            test_loss: Some(test_loss),
            examples: ingredients.examples,
            held_out: (all.len() - train.len()) as u64,
            measured: chosen.len() as u64,
            theorem: ingredients.theorem(),
            code: ingredients.code(),
            epsilon: EPSILON,
            bound,
            guessing_loss,
            vacuous: guessing_loss.is_some_and(|loss| bound > loss),
            exceeded: test_loss > bound,
            best_sigma: ingredients.best_sigma(EPSILON),
            products: traces.iter().map(|trace| u64::from(trace.products)).sum(),
            took: clock.seconds(),
        })))))
    }
}

/// So many indices, or all: half of them those of the largest losses, the others spread evenly over what is left.
fn half_by_loss(losses: &[f64], count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..losses.len()).collect();
    order.sort_by(|&a, &b| losses[b].total_cmp(&losses[a]));
    let count = count.min(order.len());
    let rest = order.split_off(count.div_ceil(2));
    let spread = count - order.len();
    order.extend((0..spread).filter_map(|place| rest.get(place * rest.len() / spread)));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten losses, largest at 3, 8, 1: two by loss, two of the eight others, the first and the middle one by loss.
    #[test]
    fn a_sample_is_half_by_loss_and_half_spread() {
        let losses = [0.5, 0.8, 0.1, 1.0, 0.7, 0.2, 0.6, 0.3, 0.9, 0.4];
        assert_eq!(half_by_loss(&losses, 4), [3, 8, 1, 9]);
        assert_eq!(half_by_loss(&losses, 1), [3]);
        let mut all = half_by_loss(&losses, 99);
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
}
