//! The keys of a set of colour images: where they come from, how they are scaled and divided, how training images are augmented.

use std::{
    num::{NonZeroU32, NonZeroUsize},
    path::PathBuf,
};

use strum::{EnumString, IntoStaticStr, VariantArray};
use toml::{Table, Value};

use super::{Fault, Section};
use crate::{
    data::{Augmentation, Share, cifar::CifarLabels, folder::Corrupt},
    problem::{ImageSet, ImageSource},
};

/// The share that a folder without a division of its own holds out, unless said otherwise.
const USUAL_TEST_SHARE: f64 = 0.2;

/// The share of the training set that is held out for validation, unless said otherwise.
const USUAL_VALIDATION_SHARE: f64 = 0.1;

/// What is left must be enough to train on.
const LARGEST_VALIDATION_SHARE: f64 = 0.9;

/// The words of the key `data`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "kebab-case")]
enum SourceKind {
    Clipart,
    Cifar,
    CifarCoarse,
    Folder,
}

/// The word of one of these in presets, as the section has it.
pub(super) fn word<T>(section: &mut Section, key: &str) -> Result<Option<T>, Fault>
where
    T: VariantArray + std::str::FromStr,
    &'static str: From<&'static T>,
{
    let words: Vec<&'static str> = T::VARIANTS.iter().map(Into::into).collect();
    Ok(section.choice(key, &words)?.and_then(|word| word.parse().ok()))
}

/// The keys that say how training images are augmented, each as `usual` has it where it is absent.
pub fn read_augmentation(section: &mut Section, usual: Augmentation) -> Result<Augmentation, Fault> {
    let padding = section.count("crop_padding", 0..=64)?.and_then(|count| usize::try_from(count).ok());
    let flip = word(section, "flip")?.unwrap_or(usual.flip);
    Ok(Augmentation { padding: padding.unwrap_or(usual.padding), flip })
}

/// The same keys as a table.
pub fn write_augmentation(augmentation: Augmentation, table: &mut Table) {
    let padding = i64::try_from(augmentation.padding).unwrap_or(i64::MAX);
    table.insert("crop_padding".into(), Value::Integer(padding));
    table.insert("flip".into(), <&str>::from(augmentation.flip).into());
}

/// The keys of a set of images.
pub(super) fn read(section: &mut Section) -> Result<ImageSet, Fault> {
    let kind = word(section, "data")?.unwrap_or(SourceKind::Clipart);
    let folder = section.text("data_dir")?.map(PathBuf::from);
    let needs_folder = |section: &Section| {
        let name: &str = kind.into();
        section.fault("data_dir", format!("missing: the folder of the {name} images"))
    };
    let source = match (kind, folder) {
        (SourceKind::Clipart, None) => ImageSource::Clipart,
        (SourceKind::Clipart, Some(_)) => {
            return Err(section.fault("data_dir", "clip art is in the binary and takes no folder"));
        }
        (SourceKind::Cifar | SourceKind::CifarCoarse | SourceKind::Folder, None) => return Err(needs_folder(section)),
        (SourceKind::Cifar, Some(path)) => ImageSource::Cifar(path, CifarLabels::Fine),
        (SourceKind::CifarCoarse, Some(path)) => ImageSource::Cifar(path, CifarLabels::Coarse),
        (SourceKind::Folder, Some(path)) => ImageSource::Folder(path),
    };
    let small = |count: Option<u64>| count.and_then(|count| u32::try_from(count).ok());
    let size = small(section.count("image_size", 8..=1_024)?).and_then(NonZeroU32::new);
    let per_class = section.count("per_class", 1..=1_000_000)?;
    let per_class = per_class.and_then(|count| NonZeroUsize::new(usize::try_from(count).ok()?));
    let label_noise = read_share(section, "label_noise", 0.0)?;
    let (test_share, corrupt) = if kind == SourceKind::Folder {
        let corrupt = word(section, "corrupt")?.unwrap_or(Corrupt::Error);
        (read_share(section, "test_share", USUAL_TEST_SHARE)?, corrupt)
    } else {
        (Share::NONE, Corrupt::Error)
    };
    let validation_share = read_validation_share(section, USUAL_VALIDATION_SHARE)?;
    Ok(ImageSet { source, size, per_class, validation_share, label_noise, test_share, corrupt, augmentable: false })
}

/// The share of the training set that is held out for validation.
pub(super) fn read_validation_share(section: &mut Section, usual: f64) -> Result<Share, Fault> {
    let number = section.number("validation_share")?.unwrap_or(usual);
    Share::new(number).filter(|share| share.get() <= LARGEST_VALIDATION_SHARE).ok_or_else(|| {
        let expected = format!("expected a share from 0 to {LARGEST_VALIDATION_SHARE}");
        section.fault("validation_share", format!("{number} is out of range: {expected}"))
    })
}

fn read_share(section: &mut Section, key: &str, usual: f64) -> Result<Share, Fault> {
    let number = section.number(key)?.unwrap_or(usual);
    Share::new(number)
        .ok_or_else(|| section.fault(key, format!("{number} is out of range: expected a share from 0 to 1")))
}

/// The same keys as a table.
pub(super) fn write(images: &ImageSet, table: &mut Table) {
    let mut put = |key: &str, value: Value| table.insert(key.to_owned(), value);
    let kind = match images.source {
        ImageSource::Clipart => SourceKind::Clipart,
        ImageSource::Cifar(_, CifarLabels::Fine) => SourceKind::Cifar,
        ImageSource::Cifar(_, CifarLabels::Coarse) => SourceKind::CifarCoarse,
        ImageSource::Folder(_) => SourceKind::Folder,
    };
    put("data", <&str>::from(kind).into());
    match &images.source {
        ImageSource::Clipart => {}
        ImageSource::Cifar(path, _) | ImageSource::Folder(path) => {
            put("data_dir", path.to_string_lossy().into_owned().into());
        }
    }
    if let Some(size) = images.size {
        put("image_size", Value::Integer(size.get().into()));
    }
    if let Some(per_class) = images.per_class {
        put("per_class", Value::Integer(i64::try_from(per_class.get()).unwrap_or(i64::MAX)));
    }
    put("validation_share", Value::Float(images.validation_share.get()));
    put("label_noise", Value::Float(images.label_noise.get()));
    if kind == SourceKind::Folder {
        put("test_share", Value::Float(images.test_share.get()));
        put("corrupt", <&str>::from(images.corrupt).into());
    }
}
