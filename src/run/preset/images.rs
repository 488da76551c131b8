//! What the section [problem] says of fine-tuning: a network, its weights, and images.

use std::{
    num::{NonZeroU32, NonZeroUsize},
    path::PathBuf,
};

use strum::VariantArray;
use toml::{Table, Value};

use super::Fault;
use crate::{
    data::{Augmentation, Flip, Share, cifar::Labels, folder::Corrupt},
    problem::{Backbone, BatchNormMode, FineTune, ImageSet, Source, Weights},
    run::section::Section,
};

const SOURCES: [&str; 4] = ["clipart", "cifar", "cifar-coarse", "folder"];

/// The share that a folder without a division of its own holds out, unless said otherwise.
const USUAL_TEST_SHARE: f64 = 0.2;

/// The share of the training set that fine-tuning holds out for validation, unless said otherwise.
const USUAL_VALIDATION_SHARE: f64 = 0.1;

/// What is left must be enough to train on.
const LARGEST_VALIDATION_SHARE: f64 = 0.9;

/// The keys of `kind = "fine-tune"`, and the augmentation of the runs that say nothing of it.
pub(super) fn fine_tune(section: &mut Section) -> Result<(FineTune, Augmentation), Fault> {
    let key = section.choice("network", &Backbone::KEYS)?.unwrap_or(Backbone::KEYS[0]);
    let backbone = match Backbone::from_key(key) {
        Some(Backbone::MobileNetV2 { stem_stride }) => {
            let stride = section.count("stem_stride", 1..=2)?;
            Backbone::MobileNetV2 { stem_stride: stride.map_or(stem_stride, |stride| if stride == 1 { 1 } else { 2 }) }
        }
        Some(other) => other,
        None => return Err(section.fault("network", format!("'{key}' is not built"))),
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
    let modes: Vec<&'static str> = BatchNormMode::VARIANTS.iter().map(Into::into).collect();
    let batch_norm = section.choice("batch_norm", &modes)?.and_then(|word| word.parse().ok());
    let batch_norm = batch_norm.unwrap_or(BatchNormMode::BatchStatistics);
    let augmentation = augmentation(section, Augmentation::default())?;
    Ok((FineTune { backbone, weights, freeze, batch_norm, images: images(section)? }, augmentation))
}

/// The keys that say how training images are augmented, each as `usual` has it where it is absent.
pub(super) fn augmentation(section: &mut Section, usual: Augmentation) -> Result<Augmentation, Fault> {
    let padding = section.count("crop_padding", 0..=64)?.and_then(|count| usize::try_from(count).ok());
    let flip = section.choice("flip", &["never", "half"])?;
    Ok(Augmentation {
        padding: padding.unwrap_or(usual.padding),
        flip: flip.map_or(usual.flip, |flip| if flip == "half" { Flip::Half } else { Flip::Never }),
    })
}

/// The same keys as a table.
pub(super) fn write_augmentation(augmentation: Augmentation, table: &mut Table) {
    let padding = i64::try_from(augmentation.padding).unwrap_or(i64::MAX);
    table.insert("crop_padding".into(), Value::Integer(padding));
    table.insert("flip".into(), if augmentation.flip == Flip::Half { "half".into() } else { "never".into() });
}

fn images(section: &mut Section) -> Result<ImageSet, Fault> {
    let source = section.choice("data", &SOURCES)?.unwrap_or(SOURCES[0]);
    let folder = section.text("data_dir")?.map(PathBuf::from);
    let source = match (source, folder) {
        ("clipart", None) => Source::Clipart,
        ("clipart", Some(_)) => return Err(section.fault("data_dir", "clip art is in the binary and takes no folder")),
        (other, None) => return Err(section.fault("data_dir", format!("missing: the folder of the {other} images"))),
        ("cifar", Some(path)) => Source::Cifar(path, Labels::Fine),
        ("cifar-coarse", Some(path)) => Source::Cifar(path, Labels::Coarse),
        (_, Some(path)) => Source::Folder(path),
    };
    let small = |count: Option<u64>| count.and_then(|count| u32::try_from(count).ok());
    let size = small(section.count("image_size", 8..=1_024)?).and_then(NonZeroU32::new);
    let per_class = section.count("per_class", 1..=1_000_000)?;
    let per_class = per_class.and_then(|count| NonZeroUsize::new(usize::try_from(count).ok()?));
    let label_noise = share(section, "label_noise", 0.0)?;
    let (test_share, corrupt) = if matches!(source, Source::Folder(_)) {
        let corrupt = section.choice("corrupt", &["error", "skip"])?;
        let corrupt = if corrupt == Some("skip") { Corrupt::Skip } else { Corrupt::Error };
        (share(section, "test_share", USUAL_TEST_SHARE)?, corrupt)
    } else {
        (Share::NONE, Corrupt::Error)
    };
    let validation_share = validation_share(section, USUAL_VALIDATION_SHARE)?;
    Ok(ImageSet { source, size, per_class, validation_share, label_noise, test_share, corrupt, augmentable: false })
}

/// The share of the training set that is held out for validation.
pub(super) fn validation_share(section: &mut Section, usual: f64) -> Result<Share, Fault> {
    let number = section.number("validation_share")?.unwrap_or(usual);
    Share::new(number).filter(|share| share.get() <= LARGEST_VALIDATION_SHARE).ok_or_else(|| {
        let expected = format!("expected a share from 0 to {LARGEST_VALIDATION_SHARE}");
        section.fault("validation_share", format!("{number} is out of range: {expected}"))
    })
}

fn share(section: &mut Section, key: &str, usual: f64) -> Result<Share, Fault> {
    let number = section.number(key)?.unwrap_or(usual);
    Share::new(number)
        .ok_or_else(|| section.fault(key, format!("{number} is out of range: expected a share from 0 to 1")))
}

/// The same keys as a table.
pub(super) fn write(config: &FineTune, table: &mut Table) {
    let mut put = |key: &str, value: Value| table.insert(key.to_owned(), value);
    let count = |count: usize| Value::Integer(i64::try_from(count).unwrap_or(i64::MAX));
    let FineTune { backbone, weights, freeze, batch_norm, images } = config;
    put("network", backbone.key().into());
    if let Backbone::MobileNetV2 { stem_stride } = backbone {
        put("stem_stride", count(*stem_stride));
    }
    put(
        "weights",
        match weights {
            Weights::Embedded => "embedded".into(),
            Weights::None => "none".into(),
            Weights::File(path) => path.to_string_lossy().into_owned().into(),
        },
    );
    put("freeze", Value::Array(freeze.iter().map(|prefix| prefix.as_str().into()).collect()));
    put("batch_norm", <&str>::from(batch_norm).into());
    put("data", images.source.key().into());
    if let Source::Cifar(path, _) | Source::Folder(path) = &images.source {
        put("data_dir", path.to_string_lossy().into_owned().into());
    }
    if let Some(size) = images.size {
        put("image_size", Value::Integer(size.get().into()));
    }
    if let Some(per_class) = images.per_class {
        put("per_class", count(per_class.get()));
    }
    put("validation_share", Value::Float(images.validation_share.get()));
    put("label_noise", Value::Float(images.label_noise.get()));
    if matches!(images.source, Source::Folder(_)) {
        put("test_share", Value::Float(images.test_share.get()));
        put("corrupt", if images.corrupt == Corrupt::Skip { "skip".into() } else { "error".into() });
    }
}
