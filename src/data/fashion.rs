//! Fashion-MNIST: 2,000 + 1,000 pictures of clothing embedded in the binary, or the original files from a folder.

use std::path::Path;

use super::{DataError, ImageSplits, idx_files};

/// The kinds of clothing, in the order of their labels.
pub const CLASSES: [&str; 10] =
    ["T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"];

/// The embedded class-balanced subset: 2,000 training and 1,000 test pictures, grey, 28 x 28.
///
/// # Errors
/// [`DataError`] if the embedded files are damaged, which the tests rule out.
pub fn embedded() -> Result<ImageSplits, DataError> {
    const TRAIN: [&[u8]; 2] = [
        include_bytes!("../../assets/fashion/fashion-train-images-idx3-ubyte.gz"),
        include_bytes!("../../assets/fashion/fashion-train-labels-idx1-ubyte.gz"),
    ];
    const TEST: [&[u8]; 2] = [
        include_bytes!("../../assets/fashion/fashion-test-images-idx3-ubyte.gz"),
        include_bytes!("../../assets/fashion/fashion-test-labels-idx1-ubyte.gz"),
    ];
    idx_files::embedded("Fashion-MNIST", [TRAIN, TEST], &CLASSES)
}

/// The original files, which are named as MNIST's (`train-images-idx3-ubyte`, ..., plain or .gz), in `folder`.
///
/// # Errors
/// [`DataError`] names the file and what is wrong with it.
pub fn from_folder(folder: &Path) -> Result<ImageSplits, DataError> {
    let ImageSplits { train, test } = idx_files::from_folder(folder, &CLASSES)?;
    if train.shape() != [1, 28, 28] {
        return Err(DataError::content(folder, format!("pictures are 28 x 28, found shape {:?}", train.shape())));
    }
    Ok(ImageSplits { train, test })
}

#[cfg(test)]
mod tests {
    use super::{super::FASHION, *};

    #[test]
    fn the_embedded_clothes_are_balanced_and_have_the_known_mean() {
        let ImageSplits { train, test } = embedded().unwrap();
        assert_eq!((train.len(), test.len(), train.shape()), (2000, 1000, [1, 28, 28]));
        for class in 0..10 {
            let count = |images: &super::super::Images| images.labels().iter().filter(|&&label| label == class).count();
            assert_eq!((count(&train), count(&test)), (200, 100));
        }
        let inputs = train.normalised(&FASHION).inputs;
        let mean = |power: i32| inputs.iter().map(|&x| f64::from(x).powi(power)).sum::<f64>() / inputs.len() as f64;
        assert!(mean(1).abs() < 0.02 && (mean(2) - 1.0).abs() < 0.02, "{} {}", mean(1), mean(2));
    }
}
