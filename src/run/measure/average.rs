//! The average of a run's weights, evaluated as the weights themselves are.

use super::{Evaluator, Snapshot};
use crate::{
    autodiff::{norm, read},
    run::{
        AverageEval, Event, Position, WeightStats,
        clock::Clock,
        job::{Publish, PublishError},
    },
};

impl Evaluator<'_> {
    /// Losses of the average on whole splits, under its own batch-norm buffers; nothing where there is no average.
    pub(super) fn evaluate_average(
        &self,
        Snapshot { average, at: Position { step, gradients, seconds }, .. }: Snapshot<'_>,
        publish: &mut Publish<'_>,
    ) -> Result<(), PublishError> {
        let Some(average) = average else { return Ok(()) };
        let clock = Clock::start();
        let w = average.weights;
        let metrics = self.job.problem.evaluate(w, average.buffers);
        let norms = read(vec![norm(w), norm(&(w.clone() - self.start.clone()))]);
        let weight_stats = WeightStats {
            weight_norm: norms.first().copied(),
            distance_from_init: norms.last().copied(),
            ..WeightStats::default()
        };
        publish(Event::AverageEval(Box::new(AverageEval {
            step,
            gradients,
            seconds,
            average: average.averaging.kind(),
            iterates: average.iterates,
            forward_passes: average.forward_passes,
            took: clock.seconds(),
            metrics,
            weight_stats,
        })))
    }
}
