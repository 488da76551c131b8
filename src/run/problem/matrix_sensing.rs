//! `kind = "matrix-sensing"`: recovery of a low-rank matrix from random measurements.

use std::sync::Arc;

use toml::{Table, Value};

use super::{BuildContext, Fact, Fault, Footprint, ProblemSettings, Section};
use crate::problem::{MatrixSensing, MatrixSensingSize, Problem, ProblemError};

/// Most bytes that measurements may take.
const MOST_BYTES: u64 = 8 << 30;

impl ProblemSettings for MatrixSensingSize {
    fn read(section: &mut Section) -> Result<Self, Fault> {
        let [d, r, n] = [
            section.count("d", 1..=2_000)?.unwrap_or(100),
            section.count("r", 1..=2_000)?.unwrap_or(5),
            section.count("n", 1..=10_000_000)?.unwrap_or(2_500),
        ];
        if r > d {
            return Err(section.fault("r", format!("a rank of {r} does not fit dimension d = {d}")));
        }
        let bytes = 4 * n * d * (d + 1);
        if bytes > MOST_BYTES {
            return Err(section
                .fault("n", format!("{n} measurements of dimension {d} take {} GiB; at most 8", bytes >> 30)));
        }
        let [d, r, n] = [d, r, n].map(|count| usize::try_from(count).unwrap_or(usize::MAX));
        Ok(Self { d, r, n })
    }

    fn write(&self, table: &mut Table) {
        for (key, count) in [("d", self.d), ("r", self.r), ("n", self.n)] {
            table.insert(key.into(), Value::Integer(i64::try_from(count).unwrap_or(i64::MAX)));
        }
    }

    fn facts(&self) -> Vec<Fact> {
        Vec::new()
    }

    fn loss_unit(&self) -> Option<&'static str> {
        None
    }

    /// Measurements to train on and as many to validate, each the upper triangle of a matrix in single precision:
    /// 4 n d (d + 1) bytes.
    fn footprint(&self) -> Footprint {
        let [d, n] = [self.d, self.n].map(|count| count as u64);
        Footprint {
            data: 4 * n * d * (d + 1),
            data_key: "problem.n or problem.d",
            parameters: d * d,
            examples: 0,
            width: 0,
            examples_per_pass: 0,
        }
    }

    fn build(&self, context: BuildContext<'_>) -> Result<Arc<dyn Problem>, ProblemError> {
        Ok(Arc::new(MatrixSensing::new(*self, context.seed, context.device.clone())))
    }
}
