//! Files that PyTorch wrote, against the numbers that PyTorch reads from them.

use std::collections::BTreeMap;

use nso_tui::problem::checkpoint::{Checkpoint, CheckpointError, embedded_mobilenet};
use serde::Deserialize;

use crate::{fixture, fixture_bytes};

#[derive(Deserialize)]
struct Expected {
    shape: Vec<usize>,
    values: Vec<f64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum File {
    Tensors(BTreeMap<String, Expected>),
    Same(String),
}

#[test]
fn every_container_and_type_has_pytorchs_numbers_to_the_bit() {
    let files: BTreeMap<String, File> = serde_json::from_slice(&fixture_bytes("expected.json")).unwrap();
    assert_eq!(files.len(), 11);
    for (name, mut file) in &files {
        while let File::Same(other) = file {
            file = &files[other];
        }
        let File::Tensors(expected) = file else { unreachable!() };
        let checkpoint = Checkpoint::open(&fixture(name)).unwrap();
        assert!(checkpoint.names().eq(expected.keys()), "{name}: {:?}", checkpoint.names().collect::<Vec<_>>());
        for (tensor, Expected { shape, values }) in expected {
            let read = checkpoint.tensor(tensor, shape).unwrap();
            let bits = |value: f64| value.to_bits();
            assert!(
                read.iter().map(|&value| bits(value.into())).eq(values.iter().copied().map(bits)),
                "{name}: {tensor}"
            );
        }
    }
}

#[test]
fn a_file_in_memory_is_read_like_one_on_disk() {
    let checkpoint = Checkpoint::parse("weights", fixture_bytes("zip.pth")).unwrap();
    assert_eq!(checkpoint.shape("conv.weight"), Some(&[3, 2, 3, 3][..]));
    assert_eq!(checkpoint.tensor("bn.num_batches_tracked", &[]).unwrap(), [2.0]);
}

#[test]
fn the_embedded_mobilenet_is_whole() {
    let weights = embedded_mobilenet().unwrap();
    // torchvision's mobilenet_v2: 52 convolutions, each with a batch norm of four tensors; its step counts are left out.
    assert_eq!(weights.names().count(), 52 * 5);
    let mut numbers = 0;
    for name in weights.names() {
        let shape = weights.shape(name).unwrap();
        let values = weights.tensor(name, shape).unwrap();
        let statistic = name.contains(".running_");
        numbers += if statistic { 0 } else { values.len() };
        assert!(!name.ends_with("running_var") || values.iter().all(|&variance| variance >= 0.0), "{name}");
    }
    // torchvision's count of 3,504,872 without the classifier's 1280 x 1000 + 1000.
    assert_eq!(numbers, 3_504_872 - 1_281_000);
    assert_eq!(weights.shape("features.0.0.weight"), Some(&[32, 3, 3, 3][..]));
}

#[test]
fn what_is_no_regular_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().to_owned(), folder.path().join("absent.pth"), "/dev/null".into()] {
        let error = Checkpoint::open(&path).unwrap_err();
        assert!(matches!(error, CheckpointError::Read { .. }));
        assert!(error.to_string().contains(&path.display().to_string()));
    }
}
