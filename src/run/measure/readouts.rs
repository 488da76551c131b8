//! What steps find on their way: losses as they were paid for, curvature that comes for free. It stays on the device until it is
//! read in one transfer.

use std::mem::discriminant;

use burn::tensor::{Device, Tensor};

use crate::{
    autodiff::{Archive, ArchiveError, Scalar, read},
    curvature::Estimate,
    optimizer::{SampleKind, StepStats},
    run::{Event, NonFinitePolicy, Position, Sides},
};

/// Losses and free curvature samples that are still on the device.
pub(in crate::run) struct PendingReadouts {
    record_every: u64,
    losses: Vec<(Position, Scalar)>,
    /// Samples of one kind belong together.
    windows: Vec<Window>,
    /// Whether the last loss that was read is finite.
    last_was_finite: bool,
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
        Self { record_every, losses: Vec::new(), windows: Vec::new(), last_was_finite: true }
    }

    /// The free samples that are not published yet. The losses must have been read. Waits for the device.
    pub fn to_archive(&self) -> Archive {
        let mut archive = Archive::default();
        let windows: Vec<_> = self.windows.iter().map(|window| (window.kind, window.until, window.sigma)).collect();
        archive.set("windows", windows);
        archive.set("last_was_finite", self.last_was_finite);
        for (index, window) in self.windows.iter().enumerate() {
            if !window.samples.is_empty() {
                archive.put(&format!("samples.{index}"), &Tensor::cat(window.samples.clone(), 0));
            }
        }
        archive
    }

    /// Takes back what [`PendingReadouts::to_archive`] kept.
    ///
    /// # Errors
    /// [`ArchiveError`] names what is missing.
    pub fn restore(&mut self, archive: &Archive, device: &Device) -> Result<(), ArchiveError> {
        let windows: Vec<(SampleKind, Position, f64)> = archive.get("windows")?;
        self.last_was_finite = archive.get("last_was_finite")?;
        let window = |(index, (kind, until, sigma))| {
            let samples = archive.find(&format!("samples.{index}"), device);
            let samples = samples.map_or_else(Vec::new, |samples| samples.split(1, 0));
            Window { kind, until, samples, sigma }
        };
        self.windows = windows.into_iter().enumerate().map(window).collect();
        Ok(())
    }

    /// Keeps what a step found, without waiting for it.
    pub fn record(&mut self, at: Position, stats: StepStats) {
        self.losses.push((at, stats.loss));
        let Some(kind) = stats.curvature_samples.kind else { return };
        match self.windows.last_mut() {
            Some(window) if discriminant(&window.kind) == discriminant(&kind) => {
                let share = stats.curvature_samples.values.len() as f64
                    / (window.samples.len() + stats.curvature_samples.values.len()).max(1) as f64;
                window.sigma += (scale(kind) - window.sigma) * share;
                window.samples.extend(stats.curvature_samples.values);
                window.until = at;
            }
            _ => {
                let samples = stats.curvature_samples.values;
                self.windows.push(Window { kind, until: at, samples, sigma: scale(kind) });
            }
        }
    }

    /// Publishes the step losses gathered so far, those that are not finite whatever the interval, up to the first of these where
    /// `policy` stops there: that one is what it returns.
    pub fn read_losses<E>(
        &mut self,
        policy: NonFinitePolicy,
        publish: &mut dyn FnMut(Event) -> Result<(), E>,
    ) -> Result<Option<Divergence>, E> {
        let (positions, losses): (Vec<_>, Vec<_>) = self.losses.drain(..).unzip();
        let mut first = None;
        for (at, loss) in positions.into_iter().zip(read(losses)) {
            let finite = loss.is_finite();
            if !finite || at.step % self.record_every == 0 {
                publish(Event::Step { at, loss })?;
            }
            if !finite {
                first.get_or_insert(Divergence { at, loss });
            }
            match policy {
                NonFinitePolicy::Stop if !finite => break,
                NonFinitePolicy::Pause | NonFinitePolicy::Continue if !finite && self.last_was_finite => {
                    publish(Event::NonFinite { at, loss, policy })?;
                }
                // The step that skips says so itself.
                NonFinitePolicy::Stop | NonFinitePolicy::Pause | NonFinitePolicy::Skip | NonFinitePolicy::Continue => {}
            }
            self.last_was_finite = finite;
        }
        Ok(first)
    }

    /// Publishes the curvature that the steps since the last call sampled at no extra cost, where the method samples one.
    pub fn read_curvature_samples<E>(&mut self, publish: &mut dyn FnMut(Event) -> Result<(), E>) -> Result<(), E> {
        for Window { kind, until, samples, sigma } in self.windows.drain(..) {
            let mut samples = read(samples);
            if kind == SampleKind::Ascent {
                // Where the gradient is zero there is no ascent, and no curvature along it.
                samples.retain(|sample| sample.is_finite());
            }
            if samples.is_empty() {
                continue;
            }
            let mean = Estimate::of(&samples);
            let free = |sides| Event::FreeTrace { at: until, sigma, sides, trace: mean };
            publish(match kind {
                SampleKind::TwoPoint { .. } => free(Sides::TwoPoint),
                SampleKind::OnePoint { .. } => free(Sides::OnePoint),
                SampleKind::Ascent => Event::AscentCurvature { at: until, curvature: mean },
            })?;
        }
        Ok(())
    }
}

/// A loss that is not finite.
#[derive(Debug, Clone, Copy)]
pub(in crate::run) struct Divergence {
    pub at: Position,
    pub loss: f64,
}
