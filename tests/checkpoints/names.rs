//! How missing, misshapen and non-finite tensors are error.

use nso_tui::problem::checkpoint::{Checkpoint, CheckpointError};
use safetensors::{Dtype, tensor::TensorView};

use crate::{fixture, fixture_bytes};

/// A file of tensors with these names, each two numbers.
fn file(names: &[&str], values: [f32; 2]) -> Checkpoint {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let views = names.iter().map(|name| (*name, TensorView::new(Dtype::F32, vec![2], &bytes).unwrap()));
    Checkpoint::parse("net.safetensors", safetensors::serialize(views, None).unwrap()).unwrap()
}

#[test]
fn an_error_names_both_shapes() {
    let resnet = Checkpoint::parse("resnet18.pth", fixture_bytes("zip.pth")).unwrap();
    let error = "resnet18.pth: conv.weight has shape [3, 2, 3, 3], the model wants [64, 64, 3, 3]";
    let wanted = [64, 64, 3, 3];
    assert_eq!(resnet.tensor("conv.weight", &wanted).unwrap_err().to_string(), error);
    let all = [("fc.bias", &[2][..]), ("conv.weight", &wanted)];
    assert_eq!(resnet.require(all).unwrap_err().to_string(), error);
    assert!(resnet.require([("fc.bias", &[2][..]), ("conv.weight", &[3, 2, 3, 3])]).is_ok());
    // As many numbers in another arrangement are another tensor.
    assert!(matches!(resnet.tensor("fc.weight", &[3, 2]), Err(CheckpointError::Shape { .. })));
}

#[test]
fn missing_tensors_are_counted_and_the_first_named() {
    let weights = file(&["a", "b"], [1.0, 2.0]);
    let wanted = ["b", "c", "d", "e", "f"].map(|name| (name, &[2][..]));
    let error = "net.safetensors: 4 of 5 tensors are missing, first c, d, e; the file has 2 tensors, first a, b: are these \
                weights of this model?";
    assert_eq!(weights.require(wanted).unwrap_err().to_string(), error);
    assert!(matches!(weights.tensor("c", &[2]), Err(CheckpointError::Missing { missing: 1, wanted: 1, .. })));
}

#[test]
fn an_error_names_a_foreign_prefix_and_those_of_wrappers_are_taken_off() {
    let weights = file(&["backbone.fc.bias", "head.bias"], [1.0, 2.0]);
    let error = weights.tensor("fc.bias", &[2]).unwrap_err().to_string();
    assert!(
        error.ends_with("the file has it with 'backbone.' in front: save the inner model's state_dict()"),
        "{error}"
    );
    assert!(file(&["module.fc.bias", "module.head.bias"], [1.0, 2.0]).names().eq(["fc.bias", "head.bias"]));
    // Where one name has no such prefix, none is one of a wrapper.
    assert!(file(&["module.fc.bias", "head.bias"], [1.0, 2.0]).names().eq(["head.bias", "module.fc.bias"]));
}

#[test]
fn an_error_names_the_place_of_a_weight_that_is_not_finite() {
    for (value, word) in [(f32::NAN, "NaN"), (f32::INFINITY, "inf"), (f32::NEG_INFINITY, "-inf")] {
        let error = file(&["fc.bias"], [1.0, value]).tensor("fc.bias", &[2]).unwrap_err().to_string();
        assert!(error.starts_with(&format!("net.safetensors: fc.bias is {word} at index 1 ")), "{error}");
    }
}

#[test]
fn a_negative_variance_is_an_error_and_a_negative_mean_is_not() {
    let file = file(&["bn.running_mean", "bn.running_var"], [1.0, -0.5]);
    assert_eq!(file.tensor("bn.running_mean", &[2]).unwrap(), [1.0, -0.5]);
    let error = file.tensor("bn.running_var", &[2]).unwrap_err().to_string();
    assert!(error.starts_with("net.safetensors: bn.running_var is -0.5 at index 1 "), "{error}");
}

#[test]
fn the_format_of_a_file_is_that_of_its_content() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    std::fs::copy(fixture("legacy.pth"), &path).unwrap();
    assert_eq!(Checkpoint::open(&path).unwrap().shape("fc.weight"), Some(&[2, 3][..]));
}
