//! One optimizer step: a base optimizer along a method's direction, or an update of its own.

use super::{
    Hyperparameters, Rule,
    base_optimizer::BaseState,
    context::{StepContext, StepStats},
    method::{BsamInput, BsamOutput, GradientMethod},
    schedule::TrainingProgress,
    state::OptimizerState,
};
use crate::autodiff::{Objective, Vector};

/// Where a step begins.
#[derive(Debug)]
pub struct StepInput {
    /// The weights, [parameters].
    pub w: Vector,
    /// What earlier steps left.
    pub state: OptimizerState,
    /// Where in its training.
    pub progress: TrainingProgress,
}

/// Where a step ends.
#[derive(Debug)]
pub struct StepOutput {
    /// The weights, [parameters].
    pub w: Vector,
    /// What the next step needs of this one.
    pub state: OptimizerState,
    /// Loss, curvature samples and batch statistics of its evaluations.
    pub stats: StepStats,
}

impl Hyperparameters {
    /// One step on the loss `f`. All its gradients are of `f`, so of one minibatch. Cost: [`Rule::cost`] gradient evaluations.
    ///
    /// State of another kind of update is dropped.
    ///
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use nso_tui::autodiff::{Layout, Loss, Model, Parameters, Real, objective, values};
    /// use nso_tui::optimizer::{Hyperparameter, Hyperparameters, NoiseStream, StepContext, StepInput, TrainingProgress};
    ///
    /// struct Bowl(Layout);
    /// # impl Model for Bowl {
    /// #     type Batch = ();
    /// #     fn layout(&self) -> &Layout { &self.0 }
    /// #     fn loss<R: Real>(&self, w: &Parameters<'_, R>, (): &()) -> Loss<R> {
    /// #         Loss::from(w.tensor::<1>(0).square().sum())
    /// #     }
    /// # }
    /// // f(w) = w^2 from w = 1, in steps of .25.
    /// let (cpu, bowl) = (Device::flex(), Bowl(Layout::new([("w", vec![1])])));
    /// let (f, w) = (objective(&bowl, (), &cpu), Tensor::from_floats([1.0], &cpu));
    /// let step = |hyperparameters: Hyperparameters| {
    ///     let noise = &mut NoiseStream::new(1);
    ///     let mut context = StepContext { layout: &bowl.0, initial_weights: &w, examples: None, noise };
    ///     let start = StepInput { w: w.clone(), state: Default::default(), progress: TrainingProgress::UNSCHEDULED };
    ///     values(&hyperparameters.step(f.as_ref(), start, &mut context).w)
    /// };
    /// let method = |key| Hyperparameters::new(key).unwrap().with(Hyperparameter::Lr, 0.25);
    /// assert_eq!(step(method("sgd")?), [0.5]); // 1 - .25 x 2
    /// assert_eq!(step(method("sam")?.with(Hyperparameter::Rho, 0.5)?), [0.25]); // the gradient at 1 + .5 is 3
    /// # Ok::<(), nso_tui::optimizer::HyperparameterError>(())
    /// ```
    pub fn step(&self, f: &dyn Objective, from: StepInput, context: &mut StepContext<'_>) -> StepOutput {
        let StepInput { w, state, progress } = from;
        let lr = self.lr * self.schedule.factor(progress);
        let (w, next, stats) = match self.rule {
            Rule::Follow { method, base } => {
                let direction = method.at(progress).direction(f, &w, context);
                let g = self.regularizer.add_penalty_gradient(direction.vector, &w, context.initial_weights);
                let before = match state {
                    OptimizerState::Base(state) => state,
                    OptimizerState::Bsam(_) => BaseState::Empty,
                };
                let (w, state) = base.step(w, g, lr, before);
                (w, OptimizerState::Base(state), direction.stats)
            }
            Rule::Bsam(bsam) => {
                let before = match state {
                    OptimizerState::Bsam(state) => Some(*state),
                    OptimizerState::Base(_) => None,
                };
                let input = BsamInput { w, state: before, lr, regularizer: self.regularizer };
                let BsamOutput { w, state, stats } = bsam.step(f, input, context);
                (w, OptimizerState::Bsam(Box::new(state)), stats)
            }
        };
        StepOutput { w: self.regularizer.project(w, context), state: next, stats }
    }
}
