//! MNIST: 4,000 + 1,000 real digits embedded in the binary, or the original files from a folder.

use std::path::{Path, PathBuf};

use super::{DataError, Labelled, idx};

/// Mean and standard deviation of MNIST's pixels, after scaling to 0..1.
const MEAN: f32 = 0.1307;
const SD: f32 = 0.3081;

/// Pixels of one digit.
pub const FEATURES: usize = 28 * 28;

/// Kinds of digits.
pub const CLASSES: usize = 10;

/// Training and test digits.
pub type Splits = (Labelled, Labelled);

/// The embedded class-balanced subset: 4,000 training and 1,000 test digits.
///
/// # Errors
/// [`DataError`] if the embedded files are damaged, which the tests rule out.
pub fn embedded() -> Result<Splits, DataError> {
    const TRAIN: [&[u8]; 2] = [
        include_bytes!("../../../assets/mnist/mnist-train-images-idx3-ubyte.gz"),
        include_bytes!("../../../assets/mnist/mnist-train-labels-idx1-ubyte.gz"),
    ];
    const TEST: [&[u8]; 2] = [
        include_bytes!("../../../assets/mnist/mnist-test-images-idx3-ubyte.gz"),
        include_bytes!("../../../assets/mnist/mnist-test-labels-idx1-ubyte.gz"),
    ];
    let split = |name: &str, [images, labels]: [&[u8]; 2]| {
        let path = |what| PathBuf::from(format!("the embedded {name} {what}"));
        labelled((&path("images"), images), (&path("labels"), labels))
    };
    Ok((split("training", TRAIN)?, split("test", TEST)?))
}

/// The original files (`train-images-idx3-ubyte`, `t10k-labels-idx1-ubyte`, ..., plain or .gz) in `folder`.
///
/// # Errors
/// [`DataError`] names the file and what is wrong with it.
pub fn from_folder(folder: &Path) -> Result<Splits, DataError> {
    let split = |images, labels| {
        let [(image_path, image_bytes), (label_path, label_bytes)] = [find(folder, images)?, find(folder, labels)?];
        labelled((&image_path, &image_bytes), (&label_path, &label_bytes))
    };
    Ok((split("train-images-idx3", "train-labels-idx1")?, split("t10k-images-idx3", "t10k-labels-idx1")?))
}

fn find(folder: &Path, name: &'static str) -> Result<(PathBuf, Vec<u8>), DataError> {
    let dotted = name.replace("-idx", ".idx");
    let found = [name, &dotted]
        .into_iter()
        .flat_map(|stem| [format!("{stem}-ubyte"), format!("{stem}-ubyte.gz")])
        .map(|file| folder.join(file))
        .find(|path| path.is_file());
    let path = found.ok_or_else(|| DataError::Missing { folder: folder.to_owned(), name })?;
    match std::fs::read(&path) {
        Ok(bytes) => Ok((path, bytes)),
        Err(source) => Err(DataError::Read { path, source }),
    }
}

/// Digits from the bytes of their two files; the paths are for errors only.
fn labelled((images, image_file): (&Path, &[u8]), (labels, label_file): (&Path, &[u8])) -> Result<Labelled, DataError> {
    let parse =
        |path: &Path, bytes| idx::parse(bytes).map_err(|source| DataError::Idx { path: path.to_owned(), source });
    let content = |path: &Path, fault| DataError::Content { path: path.to_owned(), fault };
    let pixels = parse(images, image_file)?;
    let &[count, 28, 28] = pixels.shape.as_slice() else {
        return Err(content(images, format!("expected images of 28 x 28, found shape {:?}", pixels.shape)));
    };
    if count == 0 {
        return Err(content(images, "there are no images in it".to_owned()));
    }
    let digits = parse(labels, label_file)?;
    if digits.shape != [count] {
        let fault = format!("expected one label for each of {count} images, found shape {:?}", digits.shape);
        return Err(content(labels, fault));
    }
    if let Some(at) = digits.bytes.iter().position(|&label| usize::from(label) >= CLASSES) {
        let fault = format!("label {at} (byte {}) is {}; digits are 0 to 9", at + 8, digits.bytes[at]);
        return Err(content(labels, fault));
    }
    let inputs = pixels.bytes.iter().map(|&pixel| (f32::from(pixel) / 255.0 - MEAN) / SD).collect();
    Ok(Labelled { inputs, shape: [1, 28, 28], labels: digits.bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_digits_are_balanced_and_normalised() {
        let (train, test) = embedded().unwrap();
        assert_eq!((train.labels.len(), test.labels.len()), (4000, 1000));
        for digit in 0..10 {
            assert_eq!(train.labels.iter().filter(|label| **label == digit).count(), 400);
        }
        let mean = train.inputs.iter().map(|&x| f64::from(x)).sum::<f64>() / train.inputs.len() as f64;
        assert!(mean.abs() < 0.02, "{mean}");
    }

    #[test]
    fn a_folder_of_the_original_files_is_read_and_its_faults_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let image = |count: u8| {
            [&[0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 28, 0, 0, 0, 28][..], &vec![255; usize::from(count) * 784]].concat()
        };
        let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
        let failure = || format!("{:?}", from_folder(folder.path()).unwrap_err());
        assert!(failure().contains("Missing"), "{}", failure());
        write("train-images-idx3-ubyte", &image(2));
        write("train-labels-idx1-ubyte", &[0, 0, 8, 1, 0, 0, 0, 2, 3, 9]);
        write("t10k-images-idx3-ubyte", &image(1));
        write("t10k-labels.idx1-ubyte", &[0, 0, 8, 1, 0, 0, 0, 1, 10]);
        assert!(failure().contains("label 0 (byte 8) is 10"), "{}", failure());
        write("t10k-labels.idx1-ubyte", &[0, 0, 8, 1, 0, 0, 0, 2, 1, 1]);
        assert!(failure().contains("one label for each of 1 images"), "{}", failure());
        write("t10k-images-idx3-ubyte", &image(0));
        assert!(failure().contains("there are no images in it"), "{}", failure());
        write("t10k-images-idx3-ubyte", &image(1));
        write("t10k-labels.idx1-ubyte", &[0, 0, 8, 1, 0, 0, 0, 1, 1]);
        let (train, test) = from_folder(folder.path()).unwrap();
        assert_eq!((train.labels, test.labels), (vec![3, 9], vec![1]));
        assert_eq!(train.inputs[0], (1.0 - 0.1307) / 0.3081);
    }
}
