//! `kind = "mnist-softmax"`: softmax regression on MNIST, a convex problem.

use std::sync::Arc;

use toml::Table;

use super::{BuildContext, Fact, Fault, Footprint, ImageSubset, ProblemSettings, Section, image_subset::classifier};
use crate::{
    data::mnist,
    problem::{CrossEntropy, LossFunction, Problem, ProblemError, SoftmaxRegression},
};

impl ProblemSettings for ImageSubset {
    fn read(section: &mut Section) -> Result<Self, Fault> {
        Self::read_keys(section)
    }

    fn write(&self, table: &mut Table) {
        self.write_keys(table);
    }

    fn facts(&self) -> Vec<Fact> {
        vec![Fact::Examples, Fact::Labels]
    }

    fn loss_unit(&self) -> Option<&'static str> {
        CrossEntropy::UNIT
    }

    fn footprint(&self) -> Footprint {
        self.footprint(&SoftmaxRegression::new(mnist::FEATURES, mnist::CLASSES))
    }

    fn build(&self, context: BuildContext<'_>) -> Result<Arc<dyn Problem>, ProblemError> {
        let network = SoftmaxRegression::new(mnist::FEATURES, mnist::CLASSES);
        Ok(Arc::new(classifier(network, self.mnist(context.seed)?, context.device)))
    }
}
