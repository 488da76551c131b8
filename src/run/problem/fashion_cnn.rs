//! `kind = "fashion-cnn"`: a small convolutional network on Fashion-MNIST.

use std::sync::Arc;

use toml::{Table, Value};

use super::{BuildContext, Fact, Fault, Footprint, ImageSubset, ProblemSettings, Section, image_subset::classifier};
use crate::problem::{ConvNet, CrossEntropy, LossFunction, Problem, ProblemError};

/// [`ConvNet`] on Fashion-MNIST.
#[derive(Debug, Clone, PartialEq)]
pub struct FashionCnn {
    /// Channels after its first convolution.
    pub channels: usize,
    pub images: ImageSubset,
}

impl ProblemSettings for FashionCnn {
    fn read(section: &mut Section) -> Result<Self, Fault> {
        let channels = section.count("channels", 1..=1_024)?.unwrap_or(8);
        let channels = usize::try_from(channels).unwrap_or(usize::MAX);
        Ok(Self { channels, images: ImageSubset::read_keys(section)? })
    }

    fn write(&self, table: &mut Table) {
        table.insert("channels".into(), Value::Integer(i64::try_from(self.channels).unwrap_or(i64::MAX)));
        self.images.write_keys(table);
    }

    fn facts(&self) -> Vec<Fact> {
        vec![Fact::Examples, Fact::Labels, Fact::SeveralTensors, Fact::Convolutions]
    }

    fn loss_unit(&self) -> Option<&'static str> {
        CrossEntropy::UNIT
    }

    fn footprint(&self) -> Footprint {
        self.images.footprint(&ConvNet::new([1, 28, 28], self.channels, 10))
    }

    fn build(&self, context: BuildContext<'_>) -> Result<Arc<dyn Problem>, ProblemError> {
        let splits = self.images.fashion(context.seed)?;
        let network = ConvNet::new(splits.train.shape, self.channels, splits.train.classes);
        Ok(Arc::new(classifier(network, splits, context.device)))
    }
}
