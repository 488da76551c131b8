//! `kind = "mnist-mlp"`: a perceptron with one hidden layer on MNIST.

use std::sync::Arc;

use strum::VariantArray;
use toml::{Table, Value};

use super::{BuildContext, Fact, Fault, Footprint, ImageSubset, ProblemSettings, Section, image_subset::classifier};
use crate::{
    data::mnist,
    problem::{Activation, CrossEntropy, LossFunction, Perceptron, Problem, ProblemError},
};

/// [`Perceptron`] on MNIST.
#[derive(Debug, Clone, PartialEq)]
pub struct MnistMlp {
    /// Hidden units.
    pub hidden: usize,
    /// The function of each hidden unit.
    pub activation: Activation,
    pub images: ImageSubset,
}

impl ProblemSettings for MnistMlp {
    fn read(section: &mut Section) -> Result<Self, Fault> {
        let hidden = section.count("hidden", 1..=65_536)?.unwrap_or(128);
        let hidden = usize::try_from(hidden).unwrap_or(usize::MAX);
        let words: Vec<&'static str> = Activation::VARIANTS.iter().map(Into::into).collect();
        let activation = section.choice("activation", &words)?.and_then(|word| word.parse().ok()).unwrap_or_default();
        Ok(Self { hidden, activation, images: ImageSubset::read_keys(section)? })
    }

    fn write(&self, table: &mut Table) {
        table.insert("hidden".into(), Value::Integer(i64::try_from(self.hidden).unwrap_or(i64::MAX)));
        table.insert("activation".into(), <&str>::from(self.activation).into());
        self.images.write_keys(table);
    }

    fn facts(&self) -> Vec<Fact> {
        vec![Fact::Examples, Fact::Labels, Fact::SeveralTensors]
    }

    fn loss_unit(&self) -> Option<&'static str> {
        CrossEntropy::UNIT
    }

    fn footprint(&self) -> Footprint {
        self.images.footprint(&Perceptron::new(mnist::FEATURES, self.hidden, mnist::CLASSES))
    }

    fn build(&self, context: BuildContext<'_>) -> Result<Arc<dyn Problem>, ProblemError> {
        let network = Perceptron::new(mnist::FEATURES, self.hidden, mnist::CLASSES).with(self.activation);
        Ok(Arc::new(classifier(network, self.images.mnist(context.seed)?, context.device)))
    }
}
