//! A set of images as IDX files: pixels in one, labels in another, for training and for testing.

use std::path::{Path, PathBuf};

use super::{BYTES_ON_THE_WAY, DataError, ImageSplits, Images, idx};
use crate::{
    file,
    memory::{self, Shortage},
};

/// No file of such a set is larger, packed or not.
const LARGEST: u64 = 1 << 28;

/// Images and labels, as bytes of IDX files, plain or gzip.
pub(super) type Pair<'a> = [&'a [u8]; 2];

/// The set in two pairs of embedded files.
pub(super) fn embedded(set: &str, [train, test]: [Pair<'_>; 2], classes: &[&str]) -> Result<ImageSplits, DataError> {
    let images = |split: &str, [pixels, labels]: Pair<'_>| {
        let path = |what| PathBuf::from(format!("the embedded {set} {split} {what}"));
        parse((&path("images"), pixels), (&path("labels"), labels), classes)
    };
    Ok(ImageSplits { train: images("training", train)?, test: images("test", test)? })
}

/// The set in the four files of MNIST's layout (`train-images-idx3-ubyte`, `t10k-labels-idx1-ubyte`, ..., plain or .gz)
/// in `folder`.
pub(super) fn from_folder(folder: &Path, classes: &[&str]) -> Result<ImageSplits, DataError> {
    let split = |images, labels| {
        let [(images, pixels), (labels, kinds)] = [find(folder, images)?, find(folder, labels)?];
        parse((&images, &pixels), (&labels, &kinds), classes)
    };
    let (train, test) =
        (split("train-images-idx3", "train-labels-idx1")?, split("t10k-images-idx3", "t10k-labels-idx1")?);
    if train.shape() != test.shape() {
        let fault = format!("training images are {:?}, test images {:?}", train.shape(), test.shape());
        return Err(DataError::content(folder, fault));
    }
    Ok(ImageSplits { train, test })
}

fn find(folder: &Path, name: &'static str) -> Result<(PathBuf, Vec<u8>), DataError> {
    let dotted = name.replace("-idx", ".idx");
    let found = [name, &dotted]
        .into_iter()
        .flat_map(|stem| [format!("{stem}-ubyte"), format!("{stem}-ubyte.gz")])
        .map(|file| folder.join(file))
        .find(|path| path.is_file());
    let path = found.ok_or_else(|| DataError::Missing { folder: folder.to_owned(), name })?;
    match file::read(&path, LARGEST) {
        Ok(bytes) => Ok((path, bytes)),
        Err(source) => Err(DataError::Read { path, source }),
    }
}

/// Images from the bytes of their two files; the paths are for errors only. Grey images, [n, height, width], have one
/// channel.
pub(super) fn parse(
    (images, image_file): (&Path, &[u8]),
    (labels, label_file): (&Path, &[u8]),
    classes: &[&str],
) -> Result<Images, DataError> {
    let parse =
        |path: &Path, bytes| idx::parse(bytes).map_err(|source| DataError::Idx { path: path.to_owned(), source });
    let shape =
        |path: &Path, bytes| idx::shape(bytes).map_err(|source| DataError::Idx { path: path.to_owned(), source });
    check_sizes((images, &shape(images, image_file)?), (labels, &shape(labels, label_file)?))?;
    let pixels = parse(images, image_file)?;
    let (count, shape) = match *pixels.shape.as_slice() {
        [count, height, width] => (count, [1, height, width]),
        [count, channels, height, width] => (count, [channels, height, width]),
        _ => {
            let fault = format!("expected images, 3 or 4 dimensions, found shape {:?}", pixels.shape);
            return Err(DataError::content(images, fault));
        }
    };
    if pixels.bytes.is_empty() {
        return Err(DataError::content(images, "there are no images in it"));
    }
    let kinds = parse(labels, label_file)?;
    if kinds.shape != [count] {
        let fault = format!("expected one label for each of {count} images, found shape {:?}", kinds.shape);
        return Err(DataError::content(labels, fault));
    }
    if let Some(at) = kinds.bytes.iter().position(|&label| usize::from(label) >= classes.len()) {
        let fault = format!("label {at} (byte {}) is {}, above {}", at + 8, kinds.bytes[at], classes.len() - 1);
        return Err(DataError::content(labels, fault));
    }
    let kinds = kinds.bytes.into_iter().map(u32::from).collect();
    Images::new(shape, pixels.bytes, kinds, classes)
}

/// Refuses what does not fit together or the memory, before it is unpacked.
fn check_sizes((images, pixels): (&Path, &[usize]), (labels, kinds): (&Path, &[usize])) -> Result<(), DataError> {
    let count = pixels.first().copied().unwrap_or_default();
    if kinds != [count] && pixels.len() > 2 && !pixels.contains(&0) {
        let fault = format!("expected one label for each of {count} images, found shape {kinds:?}");
        return Err(DataError::content(labels, fault));
    }
    let numbers = pixels.iter().fold(1, |product: u64, &size| product.saturating_mul(size as u64));
    memory::check(numbers.saturating_mul(BYTES_ON_THE_WAY)).map_err(|Shortage { needed, available }| {
        let [needed, available] = [needed, available].map(memory::gigabytes);
        let fault = format!("its {count} images take {needed} GB on the way, {available} are free; give fewer");
        DataError::content(images, fault)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `count` images of `sizes`, all `value`.
    fn idx(sizes: &[u8], value: u8) -> Vec<u8> {
        let header: Vec<u8> = sizes.iter().flat_map(|&size| [0, 0, 0, size]).collect();
        let count = sizes.iter().map(|&size| usize::from(size)).product();
        [&[0, 0, 8, u8::try_from(sizes.len()).unwrap()][..], &header, &vec![value; count]].concat()
    }

    #[test]
    fn three_dimensions_are_grey_and_four_have_channels() {
        let path = Path::new("x");
        let read = |sizes: &[u8]| parse((path, &idx(sizes, 7)), (path, &idx(&[2], 1)), &["a", "b"]);
        assert_eq!(read(&[2, 4, 5]).unwrap().shape(), [1, 4, 5]);
        let colour = read(&[2, 3, 4, 5]).unwrap();
        assert_eq!((colour.shape(), colour.labels(), colour.pixels().len()), ([3, 4, 5], &[1, 1][..], 120));
        assert!(read(&[2, 4]).unwrap_err().to_string().contains("found shape [2, 4]"));
        assert!(read(&[2, 0, 4]).unwrap_err().to_string().contains("there are no images"));
        assert!(read(&[3, 4, 5]).unwrap_err().to_string().contains("one label for each of 3 images, found shape [2]"));
    }

    #[test]
    fn a_folder_of_the_original_files_is_read_and_its_faults_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
        let read = || from_folder(folder.path(), &["0", "1", "2"]);
        let failure = || format!("{:?}", read().unwrap_err());
        assert!(failure().contains("Missing"), "{}", failure());
        write("train-images-idx3-ubyte", &idx(&[2, 3, 3], 255));
        write("train-labels-idx1-ubyte", &[0, 0, 8, 1, 0, 0, 0, 2, 1, 2]);
        write("t10k-images-idx3-ubyte", &idx(&[1, 3, 3], 0));
        write("t10k-labels.idx1-ubyte", &[0, 0, 8, 1, 0, 0, 0, 1, 3]);
        assert!(failure().contains("label 0 (byte 8) is 3"), "{}", failure());
        write("t10k-labels.idx1-ubyte", &[0, 0, 8, 1, 0, 0, 0, 2, 1, 1]);
        assert!(failure().contains("one label for each of 1 images"), "{}", failure());
        write("t10k-labels.idx1-ubyte", &[0, 0, 8, 1, 0, 0, 0, 1, 1]);
        write("t10k-images-idx3-ubyte", &idx(&[1, 2, 3], 0));
        assert!(failure().contains("test images [1, 2, 3]"), "{}", failure());
        write("t10k-images-idx3-ubyte", &idx(&[1, 3, 3], 0));
        let ImageSplits { train, test } = read().unwrap();
        assert_eq!((train.labels(), test.labels()), (&[1, 2][..], &[1][..]));
        assert_eq!((train.pixels()[0], test.pixels()[0]), (255, 0));
    }

    proptest! {
        #[test]
        fn no_shapes_and_no_labels_make_reading_panic(
            sizes in prop::collection::vec(0_u8..4, 1..5), labels in prop::collection::vec(0_u8..4, 0..5),
            count in 0_u8..5, cut in any::<prop::sample::Index>(),
        ) {
            let mut images = idx(&sizes, 3);
            images.truncate(images.len() - cut.index(images.len()) / 4);
            let labels = [&[0, 0, 8, 1, 0, 0, 0, count][..], &labels].concat();
            if let Ok(read) = parse((Path::new("i"), &images), (Path::new("l"), &labels), &["a", "b", "c"]) {
                prop_assert_eq!(read.len(), usize::from(sizes[0]));
            }
        }
    }
}
