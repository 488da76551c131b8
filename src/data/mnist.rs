//! MNIST: 4,000 + 1,000 real digits embedded in the binary, or the original files from a folder.

use std::path::Path;

use super::{DataError, ImageSplits, idx_files};

/// Pixels of one digit.
pub const FEATURES: usize = 28 * 28;

/// Kinds of digits.
pub const CLASSES: usize = 10;

const NAMES: [&str; CLASSES] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

/// The embedded class-balanced subset: 4,000 training and 1,000 test digits, grey, 28 x 28.
///
/// # Errors
/// [`DataError`] if the embedded files are damaged, which the tests rule out.
pub fn embedded() -> Result<ImageSplits, DataError> {
    const TRAIN: [&[u8]; 2] = [
        include_bytes!("../../assets/mnist/mnist-train-images-idx3-ubyte.gz"),
        include_bytes!("../../assets/mnist/mnist-train-labels-idx1-ubyte.gz"),
    ];
    const TEST: [&[u8]; 2] = [
        include_bytes!("../../assets/mnist/mnist-test-images-idx3-ubyte.gz"),
        include_bytes!("../../assets/mnist/mnist-test-labels-idx1-ubyte.gz"),
    ];
    idx_files::embedded("MNIST", [TRAIN, TEST], &NAMES)
}

/// The original files (`train-images-idx3-ubyte`, `t10k-labels-idx1-ubyte`, ..., plain or .gz) in `folder`.
///
/// # Errors
/// [`DataError`] names the file and what is wrong with it.
pub fn from_folder(folder: &Path) -> Result<ImageSplits, DataError> {
    let ImageSplits { train, test } = idx_files::from_folder(folder, &NAMES)?;
    if train.shape() != [1, 28, 28] {
        return Err(DataError::content(folder, format!("digits are 28 x 28, found shape {:?}", train.shape())));
    }
    Ok(ImageSplits { train, test })
}

#[cfg(test)]
mod tests {
    use super::{super::MNIST, *};

    #[test]
    fn the_embedded_digits_are_balanced_and_normalised() {
        let ImageSplits { train, test } = embedded().unwrap();
        let [train, test] = [train, test].map(|images| images.normalised(&MNIST));
        assert_eq!((train.labels.len(), test.labels.len()), (4000, 1000));
        assert_eq!((train.shape.as_slice(), train.features(), train.classes), (&[1, 28, 28][..], FEATURES, CLASSES));
        for digit in 0..10 {
            assert_eq!(train.labels.iter().filter(|label| **label == digit).count(), 400);
        }
        let mean = train.inputs.iter().map(|&x| f64::from(x)).sum::<f64>() / train.inputs.len() as f64;
        assert!(mean.abs() < 0.02, "{mean}");
    }

    #[test]
    fn a_folder_of_other_images_is_refused_and_white_is_normalised() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
        let image = |size: u8| {
            [&[0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, size, 0, 0, 0, size][..], &vec![255; usize::from(size).pow(2)]].concat()
        };
        for (split, size) in [("train", 20), ("t10k", 20), ("train", 28), ("t10k", 28)] {
            write(&format!("{split}-images-idx3-ubyte"), &image(size));
            write(&format!("{split}-labels-idx1-ubyte"), &[0, 0, 8, 1, 0, 0, 0, 1, 9]);
            if (split, size) == ("t10k", 20) {
                let error = from_folder(folder.path()).unwrap_err().to_string();
                assert!(error.contains("28 x 28, found shape [1, 20, 20]"), "{error}");
            }
        }
        let ImageSplits { train, test } = from_folder(folder.path()).unwrap();
        let [train, test] = [train, test].map(|images| images.normalised(&MNIST));
        assert_eq!((train.labels, test.labels), (vec![9], vec![9]));
        assert_eq!(train.inputs[0], (1.0 - 0.1307) / 0.3081);
    }
}
