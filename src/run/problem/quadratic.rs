//! `kind = "quadratic"`: 1/2 sum_i h_i w_i^2 + b'w.

use std::sync::Arc;

use toml::{Table, Value};

use super::{BuildContext, Fact, Fault, Footprint, ProblemSettings, Section};
use crate::problem::{Problem, ProblemError, Quadratic};

/// Most curvatures.
const MOST: usize = 1_000_000;

/// See [`Quadratic`].
#[derive(Debug, Clone, PartialEq)]
pub struct QuadraticSettings {
    /// Curvatures.
    pub h: Vec<f64>,
    /// Slope, of the length of `h`.
    pub b: Vec<f64>,
    /// Initial weights, of the length of `h`.
    pub start: Vec<f64>,
}

impl ProblemSettings for QuadraticSettings {
    fn read(section: &mut Section) -> Result<Self, Fault> {
        let h = section.numbers("h")?.ok_or_else(|| section.fault("h", "missing: the list of curvatures"))?;
        let b = section.numbers("b")?.unwrap_or_else(|| vec![0.0; h.len()]);
        let start = section.numbers("start")?.unwrap_or_else(|| vec![1.0; h.len()]);
        if h.is_empty() || h.len() > MOST {
            return Err(section.fault("h", "expected 1 to 1,000,000 curvatures"));
        }
        for (key, list) in [("b", &b), ("start", &start)] {
            if list.len() != h.len() {
                return Err(section.fault(key, format!("has {} numbers where h has {}", list.len(), h.len())));
            }
        }
        Ok(Self { h, b, start })
    }

    fn write(&self, table: &mut Table) {
        for (key, numbers) in [("h", &self.h), ("b", &self.b), ("start", &self.start)] {
            table.insert(key.into(), Value::Array(numbers.iter().copied().map(Value::Float).collect()));
        }
    }

    fn facts(&self) -> Vec<Fact> {
        Vec::new()
    }

    fn loss_unit(&self) -> Option<&'static str> {
        None
    }

    /// 400 bytes a curvature: most of it is the text of the preset while it is read, 350.
    fn footprint(&self) -> Footprint {
        let count = self.h.len() as u64;
        Footprint {
            data: 400 * count,
            data_key: "the length of problem.h",
            parameters: count,
            examples: 0,
            width: 0,
            examples_per_pass: 0,
        }
    }

    fn build(&self, context: BuildContext<'_>) -> Result<Arc<dyn Problem>, ProblemError> {
        let Self { h, b, start } = self.clone();
        Ok(Arc::new(Quadratic::new(h, b, start, context.device.clone())))
    }
}
