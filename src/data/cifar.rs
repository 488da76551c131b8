//! CIFAR-10 and CIFAR-100 in their binary version: records of one or two label bytes and 32 x 32 red, green and blue
//! planes. Which of the two a folder holds is known by the names of its files.

use std::path::Path;

use super::{DataError, ImageSplits, Images, class_name};
use crate::file;

const SHAPE: [usize; 3] = [3, 32, 32];
const PIXELS: usize = 3 * 32 * 32;
/// The original files have 184 MB at most.
const LARGEST: u64 = 1 << 30;

/// Which of CIFAR-100's two labels is learnt. CIFAR-10 has one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CifarLabels {
    /// 100 classes.
    #[default]
    Fine,
    /// 20 groups of five classes.
    Coarse,
}

/// How a version of the set is laid out.
struct Version {
    train: &'static [&'static str],
    test: &'static str,
    names: &'static str,
    classes: u8,
    /// Bytes before the pixels, and which of them is the label.
    labels: (usize, usize),
}

const TEN: Version = Version {
    train: &["data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"],
    test: "test_batch.bin",
    names: "batches.meta.txt",
    classes: 10,
    labels: (1, 0),
};

const FINE: Version =
    Version { train: &["train.bin"], test: "test.bin", names: "fine_label_names.txt", classes: 100, labels: (2, 1) };

const COARSE: Version = Version { names: "coarse_label_names.txt", classes: 20, labels: (2, 0), ..FINE };

/// Training and test images of the set in `folder`: `data_batch_1.bin` to `data_batch_5.bin` and `test_batch.bin`, or
/// `train.bin` and `test.bin`. Classes are named by `batches.meta.txt`, `fine_label_names.txt` or
/// `coarse_label_names.txt`; where that file is missing, by number.
///
/// # Errors
/// [`DataError`] names the file and what is wrong with it.
pub fn from_folder(folder: &Path, labels: CifarLabels) -> Result<ImageSplits, DataError> {
    let has = |name: &str| folder.join(name).exists();
    let version = match (has(TEN.train[0]) || has(TEN.test), has(FINE.train[0]) || has(FINE.test)) {
        (true, false) if labels == CifarLabels::Coarse => {
            let fault = "CIFAR-10 is there, which has no coarse labels; CIFAR-100 has";
            return Err(DataError::content(folder, fault));
        }
        (true, false) => TEN,
        (false, true) if labels == CifarLabels::Fine => FINE,
        (false, true) => COARSE,
        (both, _) => {
            let fault = format!(
                "expected the binary version of one CIFAR set, {} and {} or {} and {}; {} are there",
                TEN.train.join(", "),
                TEN.test,
                FINE.train[0],
                FINE.test,
                if both { "both" } else { "none of them" },
            );
            return Err(DataError::content(folder, fault));
        }
    };
    let classes = names(folder, &version)?;
    let read = |files: &[&str]| {
        let (mut pixels, mut labels) = (Vec::new(), Vec::new());
        for file in files {
            records(&folder.join(file), &version, &mut pixels, &mut labels)?;
        }
        Images::new(SHAPE, pixels, labels, &classes)
    };
    Ok(ImageSplits { train: read(version.train)?, test: read(&[version.test])? })
}

/// Appends the records of one file.
fn records(path: &Path, version: &Version, pixels: &mut Vec<u8>, labels: &mut Vec<u32>) -> Result<(), DataError> {
    let bytes = file::read(path, LARGEST).map_err(|source| DataError::Read { path: path.to_owned(), source })?;
    let (header, label) = version.labels;
    let record = header + PIXELS;
    if bytes.is_empty() || !bytes.len().is_multiple_of(record) {
        let fault = format!("it has {} bytes, which is not a whole number of records of {record} bytes", bytes.len());
        return Err(DataError::content(path, fault));
    }
    for (at, record_bytes) in bytes.chunks_exact(record).enumerate() {
        let class = record_bytes[label];
        if class >= version.classes {
            let byte = at * record + label;
            let fault = format!("the label at byte {byte} is {class}; there are {} classes", version.classes);
            return Err(DataError::content(path, fault));
        }
        labels.push(u32::from(class));
        pixels.extend_from_slice(&record_bytes[header..]);
    }
    Ok(())
}

fn names(folder: &Path, version: &Version) -> Result<Vec<String>, DataError> {
    let path = folder.join(version.names);
    if !path.exists() {
        return Ok((0..version.classes).map(|class| class.to_string()).collect());
    }
    let bytes = file::read(&path, 1 << 16).map_err(|source| DataError::Read { path: path.clone(), source })?;
    let text = String::from_utf8_lossy(&bytes);
    let names: Vec<String> = text.lines().map(class_name).filter(|name| !name.is_empty()).collect();
    if names.len() == usize::from(version.classes) {
        Ok(names)
    } else {
        let fault = format!("it names {} classes, one a line; the set has {}", names.len(), version.classes);
        Err(DataError::content(&path, fault))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// CifarLabels, then red, green and blue planes of one value each.
    fn record(labels: &[u8], colour: [u8; 3]) -> Vec<u8> {
        [labels, &[colour[0]; 1024], &[colour[1]; 1024], &[colour[2]; 1024]].concat()
    }

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn with(files: &[(&str, Vec<u8>)]) -> Self {
            let folder = Self(tempfile::tempdir().unwrap());
            for (name, bytes) in files {
                folder.write(name, bytes);
            }
            folder
        }

        fn ten() -> Self {
            let batches = (1..=5).map(|i| (format!("data_batch_{i}.bin"), record(&[i], [i, 0, 0])));
            let folder = Self::with(&[("test_batch.bin", record(&[9], [1, 2, 3]))]);
            batches.for_each(|(name, bytes)| folder.write(&name, &bytes));
            folder
        }

        fn write(&self, name: &str, bytes: &[u8]) {
            std::fs::write(self.0.path().join(name), bytes).unwrap();
        }

        fn failure(&self) -> String {
            from_folder(self.0.path(), CifarLabels::Fine).unwrap_err().to_string()
        }
    }

    #[test]
    fn the_five_batches_of_cifar_10_are_read_in_order() {
        let ImageSplits { train, test } = from_folder(Folder::ten().0.path(), CifarLabels::Fine).unwrap();
        assert_eq!((train.labels(), test.labels()), (&[1, 2, 3, 4, 5][..], &[9][..]));
        assert_eq!((train.shape(), train.classes()[9].as_str()), ([3, 32, 32], "9"));
        assert_eq!([0, 1023, 1024, 3072].map(|at| train.pixels()[at]), [1, 1, 0, 2]);
        assert_eq!([1023, 1024, 2047, 2048].map(|at| test.pixels()[at]), [1, 2, 2, 3]);
    }

    #[test]
    fn cifar_100_has_fine_and_coarse_labels() {
        let folder = Folder::with(&[("train.bin", [record(&[19, 99], [0; 3]), record(&[3, 7], [9; 3])].concat())]);
        folder.write("test.bin", &record(&[0, 1], [0; 3]));
        let read = |labels| from_folder(folder.0.path(), labels).unwrap().train;
        assert_eq!((read(CifarLabels::Fine).labels(), read(CifarLabels::Fine).classes().len()), (&[99, 7][..], 100));
        assert_eq!((read(CifarLabels::Coarse).labels(), read(CifarLabels::Coarse).classes().len()), (&[19, 3][..], 20));
        assert_eq!(read(CifarLabels::Fine).pixels()[3071..3073], [0, 9]);
        folder.write("test.bin", &record(&[0, 100], [0; 3]));
        assert!(folder.failure().ends_with("test.bin: the label at byte 1 is 100; there are 100 classes"));
    }

    #[test]
    fn names_come_from_the_file_beside_the_batches() {
        let folder = Folder::ten();
        folder.write(
            "batches.meta.txt",
            b"airplane\nauto\x1b[31mmobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n",
        );
        let train = from_folder(folder.0.path(), CifarLabels::Fine).unwrap().train;
        assert_eq!(train.classes()[..3], ["airplane", "auto[31mmobile", "bird"]);
        folder.write("batches.meta.txt", b"airplane\n");
        assert!(folder.failure().ends_with("batches.meta.txt: it names 1 classes, one a line; the set has 10"));
    }

    #[test]
    fn faults_name_the_file_and_the_byte() {
        let folder = Folder::ten();
        folder.write("data_batch_3.bin", &[record(&[0], [0; 3]), record(&[10], [0; 3])].concat());
        assert!(folder.failure().ends_with("data_batch_3.bin: the label at byte 3073 is 10; there are 10 classes"));
        for length in [0, 1, 3072, 3074] {
            folder.write("data_batch_3.bin", &vec![0; length]);
            let expected = format!("data_batch_3.bin: it has {length} bytes, which is not a whole number of records");
            assert!(folder.failure().contains(&expected), "{}", folder.failure());
        }
        std::fs::remove_file(folder.0.path().join("data_batch_3.bin")).unwrap();
        assert!(folder.failure().contains("cannot read") && folder.failure().contains("data_batch_3.bin"));
        folder.write("train.bin", &[]);
        assert!(folder.failure().ends_with("both are there"));
        assert!(Folder::with(&[]).failure().ends_with("none of them are there"));
        let coarse = from_folder(Folder::ten().0.path(), CifarLabels::Coarse).unwrap_err().to_string();
        assert!(coarse.ends_with("CIFAR-10 is there, which has no coarse labels; CIFAR-100 has"), "{coarse}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_bytes_make_reading_panic(
            length in prop_oneof![0_usize..10, 3070_usize..3080, 6145_usize..6150], byte: u8, names in ".{0,40}",
        ) {
            let folder = Folder::with(&[
                ("train.bin", vec![byte; length]),
                ("test.bin", vec![1; 3074]),
                ("fine_label_names.txt", names.into_bytes()),
            ]);
            prop_assert!(from_folder(folder.0.path(), CifarLabels::Fine).is_err(), "one name cannot name 100 classes");
            let coarse = from_folder(folder.0.path(), CifarLabels::Coarse);
            prop_assert_eq!(coarse.is_ok(), length > 0 && length % 3074 == 0 && byte < 20);
        }
    }
}
