//! `kind = "fine-tune"`: a pretrained network with a new head on a set of images.

use std::sync::Arc;

use strum::VariantNames;
use toml::{Table, Value};

use super::{BuildContext, Fact, Fault, Footprint, ProblemSettings, Section, image_set, image_subset::of_network};
use crate::{
    data::{self, Augmentation},
    problem::{
        Backbone, BatchNormMode, CrossEntropy, Depth, FineTune, ImageSource, LossFunction, MobileNetV2, Problem, ProblemError,
        ResNet, Weights,
    },
};

impl ProblemSettings for Box<FineTune> {
    fn read(section: &mut Section) -> Result<Self, Fault> {
        let key = section.choice("network", Backbone::VARIANTS)?.unwrap_or(Backbone::VARIANTS[0]);
        let backbone = match key.parse() {
            Ok(Backbone::MobileNetV2 { stem_stride }) => {
                let stride = section.count("stem_stride", 1..=2)?.and_then(|stride| usize::try_from(stride).ok());
                Backbone::MobileNetV2 { stem_stride: stride.unwrap_or(stem_stride) }
            }
            Ok(resnet @ (Backbone::ResNet18 | Backbone::ResNet34 | Backbone::ResNet50)) => resnet,
            Err(_) => return Err(section.fault("network", format!("'{key}' is not built"))),
        };
        let weights = match section.text("weights")?.as_deref() {
            Some("none") => Weights::None,
            Some("embedded") | None if matches!(backbone, Backbone::MobileNetV2 { .. }) => Weights::Embedded,
            Some("embedded") | None => {
                let fault = format!(
                    "the binary carries no weights of {key}: give the path of a .pth or .safetensors file, or \"none\""
                );
                return Err(section.fault("weights", fault));
            }
            Some(path) => Weights::File(path.into()),
        };
        let freeze = section.texts("freeze")?.unwrap_or_default();
        if !freeze.is_empty() && weights == Weights::None {
            return Err(section.fault("freeze", "tensors can stay as they are only where their weights are given"));
        }
        let batch_norm = image_set::word(section, "batch_norm")?.unwrap_or(BatchNormMode::BatchStatistics);
        Ok(Self::new(FineTune { backbone, weights, freeze, batch_norm, images: image_set::read(section)? }))
    }

    fn write(&self, table: &mut Table) {
        let FineTune { backbone, weights, freeze, batch_norm, images } = &**self;
        let mut put = |key: &str, value: Value| table.insert(key.to_owned(), value);
        put("network", <&str>::from(backbone).into());
        match backbone {
            Backbone::MobileNetV2 { stem_stride } => {
                put("stem_stride", Value::Integer(i64::try_from(*stem_stride).unwrap_or(i64::MAX)));
            }
            Backbone::ResNet18 | Backbone::ResNet34 | Backbone::ResNet50 => {}
        }
        let weights = match weights {
            Weights::Embedded => "embedded".into(),
            Weights::None => "none".into(),
            Weights::File(path) => path.to_string_lossy().into_owned().into(),
        };
        put("weights", weights);
        put("freeze", Value::Array(freeze.iter().map(|prefix| prefix.as_str().into()).collect()));
        put("batch_norm", <&str>::from(batch_norm).into());
        image_set::write(images, table);
    }

    fn facts(&self) -> Vec<Fact> {
        let mut facts =
            vec![Fact::Examples, Fact::Labels, Fact::SeveralTensors, Fact::Convolutions, Fact::SlowOnFlex];
        match self.batch_norm {
            BatchNormMode::BatchStatistics => facts.push(Fact::BatchStatistics),
            BatchNormMode::Buffers => {}
        }
        facts
    }

    fn loss_unit(&self) -> Option<&'static str> {
        CrossEntropy::UNIT
    }

    fn read_augmentation(section: &mut Section) -> Result<Option<Augmentation>, Fault> {
        image_set::read_augmentation(section, Augmentation::default()).map(Some)
    }

    fn keep_for_augmentation(&mut self) {
        self.images.augmentable = true;
    }

    /// Nine bytes a pixel and channel while images are put on a device. Those of a folder are counted when it is read.
    fn footprint(&self) -> Footprint {
        let (examples, classes, side) = match &self.images.source {
            ImageSource::Clipart => (581, 9, 32),
            ImageSource::Cifar(..) => (60_000, 100, 32),
            ImageSource::Folder(_) => (0, 1_000, 224),
        };
        let side = self.images.size.map_or(side, |size| size.get() as usize);
        let data = examples * 3 * (side as u64).pow(2) * data::BYTES_ON_THE_WAY;
        let resnet = |depth| of_network(&ResNet::new(depth, classes, side), examples, data);
        match self.backbone {
            Backbone::MobileNetV2 { stem_stride } => {
                of_network(&MobileNetV2::new(classes, stem_stride, side), examples, data)
            }
            Backbone::ResNet18 => resnet(Depth::Eighteen),
            Backbone::ResNet34 => resnet(Depth::ThirtyFour),
            Backbone::ResNet50 => resnet(Depth::Fifty),
        }
    }

    fn build(&self, context: BuildContext<'_>) -> Result<Arc<dyn Problem>, ProblemError> {
        FineTune::build(self, context.seed, context.device, context.progress)
    }
}
