//! The average of a run's weights, evaluated and measured as the weights themselves are.

use super::{Evaluator, Snapshot, probe::ProbeTarget};
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

    /// Trace, eigenvalues and whatever else is part of a `probe` event, at the average under its own batch-norm buffers: on the same
    /// examples, along the same probe vectors, at the cost of the measurement of the weights. Perturbation gap and bound are not
    /// measured there. Nothing where there is no average.
    pub(super) fn probe_average(
        &mut self,
        Snapshot { average, at, .. }: Snapshot<'_>,
        publish: &mut Publish<'_>,
    ) -> Result<(), PublishError> {
        let Some(average) = average else { return Ok(()) };
        let target = ProbeTarget {
            job: self.job,
            sample: &self.sample,
            w: average.weights,
            buffers: average.buffers,
            start: &self.start,
            at,
        };
        publish(Event::AverageProbe(Box::new(target.curvature(&mut self.average_warm_start))))
    }
}
