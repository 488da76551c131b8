//! `kind = "valley"`: 1/2 x^2 (1 + y^2).

use std::sync::Arc;

use toml::{Table, Value};

use super::{BuildContext, Fact, Fault, Footprint, ProblemSettings, Section};
use crate::problem::{Problem, ProblemError, Valley};

/// See [`Valley`].
#[derive(Debug, Clone, PartialEq)]
pub struct ValleySettings {
    /// Initial weights (x, y).
    pub start: [f64; 2],
}

impl ProblemSettings for ValleySettings {
    fn read(section: &mut Section) -> Result<Self, Fault> {
        match section.numbers("start")?.unwrap_or_else(|| vec![1.0, 2.0])[..] {
            [x, y] => Ok(Self { start: [x, y] }),
            _ => Err(section.fault("start", "expected two numbers, [x, y]")),
        }
    }

    fn write(&self, table: &mut Table) {
        table.insert("start".into(), Value::Array(self.start.map(Value::Float).to_vec()));
    }

    fn facts(&self) -> Vec<Fact> {
        Vec::new()
    }

    fn loss_unit(&self) -> Option<&'static str> {
        None
    }

    fn footprint(&self) -> Footprint {
        Footprint { data: 0, data_key: "nothing", parameters: 2, examples: 0, width: 0, examples_per_pass: 0 }
    }

    fn build(&self, context: BuildContext<'_>) -> Result<Arc<dyn Problem>, ProblemError> {
        Ok(Arc::new(Valley::new(self.start, context.device.clone())))
    }
}
