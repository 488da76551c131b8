//! What steps find on their way: losses as they were paid for, curvature that comes for free. It stays on the device until
//! somebody reads it.

use std::mem::discriminant;

use crate::{
    autodiff::{Scalar, read},
    curvature::SampleMean,
    optimizer::{SampleKind, StepStats},
    run::{
        Event, Position, Sides,
        job::{Divergence, Publish, PublishError},
    },
};

/// Losses and free curvature samples that nobody has read yet.
pub(in crate::run) struct PendingReadouts {
    record_every: u64,
    losses: Vec<(Position, Scalar)>,
    /// Samples of one kind belong together.
    windows: Vec<Window>,
}

struct Window {
    kind: SampleKind,
    until: Position,
    samples: Vec<Scalar>,
    /// Mean over the samples of the scale of their noise; equal scales give that scale to the last bit.
    sigma: f64,
}

/// The scale of the noise that samples are of.
fn scale(kind: SampleKind) -> f64 {
    match kind {
        SampleKind::TwoPoint { sigma } | SampleKind::OnePoint { sigma } => sigma,
        SampleKind::Ascent => 0.0,
    }
}

impl PendingReadouts {
    pub fn new(record_every: u64) -> Self {
        Self { record_every, losses: Vec::new(), windows: Vec::new() }
    }

    /// Keeps what a step found, without waiting for it.
    pub fn record(&mut self, at: Position, stats: StepStats) {
        self.losses.push((at, stats.loss));
        let Some(kind) = stats.free.kind else { return };
        match self.windows.last_mut() {
            Some(window) if discriminant(&window.kind) == discriminant(&kind) => {
                let share =
                    stats.free.values.len() as f64 / (window.samples.len() + stats.free.values.len()).max(1) as f64;
                window.sigma += (scale(kind) - window.sigma) * share;
                window.samples.extend(stats.free.values);
                window.until = at;
            }
            _ => {
                let samples = stats.free.values;
                self.windows.push(Window { kind, until: at, samples, sigma: scale(kind) });
            }
        }
    }

    /// Publishes the step losses gathered so far. Divergence is found here; steps past it are not told.
    pub fn read_losses(&mut self, publish: &mut Publish<'_>) -> Result<(), ReadoutError> {
        let (positions, losses): (Vec<_>, Vec<_>) = self.losses.drain(..).unzip();
        for (at, loss) in positions.into_iter().zip(read(losses)) {
            let Position { step, gradients, seconds } = at;
            let diverged = !loss.is_finite();
            if diverged || step % self.record_every == 0 {
                publish(Event::Step { step, gradients, loss, seconds })?;
            }
            if diverged {
                return Err(ReadoutError::Diverged(Divergence { at, loss }));
            }
        }
        Ok(())
    }

    /// Publishes the free curvature over the steps since the last call, where the method samples one.
    pub fn read_free(&mut self, publish: &mut Publish<'_>) -> Result<(), PublishError> {
        for Window { kind, until, samples, sigma } in self.windows.drain(..) {
            let Position { step, gradients, seconds } = until;
            let mut samples = read(samples);
            if kind == SampleKind::Ascent {
                // Where the gradient is zero there is no ascent, and no curvature along it.
                samples.retain(|sample| sample.is_finite());
            }
            if samples.is_empty() {
                continue;
            }
            let mean = SampleMean::of(&samples).into();
            let free = |sides| Event::FreeTrace { step, gradients, seconds, sigma, sides, trace: mean };
            publish(match kind {
                SampleKind::TwoPoint { .. } => free(Sides::TwoPoint),
                SampleKind::OnePoint { .. } => free(Sides::OnePoint),
                SampleKind::Ascent => Event::AscentCurvature { step, gradients, seconds, curvature: mean },
            })?;
        }
        Ok(())
    }
}

/// Why the pending readouts could not all be read.
pub(in crate::run) enum ReadoutError {
    Diverged(Divergence),
    Publish(PublishError),
}

impl From<PublishError> for ReadoutError {
    fn from(error: PublishError) -> Self {
        Self::Publish(error)
    }
}
