//! Weights on disk: safetensors with a checksum of all tensors in their metadata.

use std::{
    collections::HashMap,
    io::{self, Write as _},
    path::Path,
};

use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use super::{LogError, io_error};
use crate::{
    autodiff::{Layout, Vector, values},
    file,
};

/// The key of the checksum in the metadata.
const CHECKSUM: &str = "crc32";

/// Bytes of the largest file that is read: a checkpoint of some hundred million parameters with its momenta and averages.
const LARGEST_FILE: u64 = 1 << 34;

/// A tensor to be written.
pub(in crate::run) struct NamedTensor {
    pub name: String,
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    /// Little-endian.
    pub bytes: Vec<u8>,
}

/// The tensors of a flat vector, in single precision under the names and shapes of `layout`. Waits for the device.
pub(super) fn named_tensors(layout: &Layout, vector: &Vector) -> Vec<NamedTensor> {
    #[expect(clippy::cast_possible_truncation, reason = "weights are trained in single precision")]
    let numbers: Vec<f32> = values(vector).iter().map(|&x| x as f32).collect();
    let tensor = |entry: &crate::autodiff::Entry| NamedTensor {
        name: entry.name.clone(),
        dtype: Dtype::F32,
        shape: entry.shape.clone(),
        bytes: numbers[entry.offset..entry.offset + entry.len()].iter().flat_map(|x| x.to_le_bytes()).collect(),
    };
    layout.entries().iter().map(tensor).collect()
}

/// Writes tensors and metadata to `path`, in one piece or not at all, with a checksum.
pub(in crate::run) fn write(
    path: &Path,
    tensors: &[NamedTensor],
    mut metadata: HashMap<String, String>,
) -> Result<(), LogError> {
    let views = tensors.iter().map(|tensor| {
        TensorView::new(tensor.dtype, tensor.shape.clone(), &tensor.bytes).map(|view| (tensor.name.as_str(), view))
    });
    let bytes = views.collect::<Result<Vec<_>, _>>().and_then(|views| {
        let checksum = checksum(views.iter().map(|(name, view)| (*name, view)), &metadata);
        metadata.insert(CHECKSUM.to_owned(), checksum);
        safetensors::serialize(views, Some(metadata))
    });
    let bytes = bytes.map_err(|fault| io_error("write", path)(io::Error::other(fault.to_string())))?;
    file::replace(path, |file| file.write_all(&bytes)).map_err(io_error("write", path))
}

/// The bytes of a file of tensors.
pub(in crate::run) fn read(path: &Path) -> Result<Vec<u8>, LogError> {
    file::read(path, LARGEST_FILE).map_err(io_error("read", path))
}

/// Whether a file that was read is as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::run) enum Integrity {
    Whole,
    /// It has no checksum, as files of earlier versions.
    Unknown,
    Damaged,
}

/// Compares tensors and metadata with their checksum.
pub(in crate::run) fn integrity(file: &SafeTensors<'_>, metadata: &HashMap<String, String>) -> Integrity {
    let Some(stated) = metadata.get(CHECKSUM) else { return Integrity::Unknown };
    let tensors = file.tensors();
    if *stated == checksum(tensors.iter().map(|(name, view)| (name.as_str(), view)), metadata) {
        Integrity::Whole
    } else {
        Integrity::Damaged
    }
}

/// The CRC-32 of names, types, shapes and values, in the order of the names, then of the rest of the metadata.
fn checksum<'a>(
    tensors: impl Iterator<Item = (&'a str, &'a TensorView<'a>)>,
    metadata: &HashMap<String, String>,
) -> String {
    let mut tensors: Vec<_> = tensors.collect();
    tensors.sort_by_key(|(name, _)| *name);
    let mut hasher = crc32fast::Hasher::new();
    for (name, view) in tensors {
        hasher.update(format!("{name} {:?} {:?}\n", view.dtype(), view.shape()).as_bytes());
        hasher.update(view.data());
    }
    let mut rest: Vec<_> = metadata.iter().filter(|(key, _)| *key != CHECKSUM).collect();
    rest.sort();
    for (key, value) in rest {
        hasher.update(format!("{key} {value}\n").as_bytes());
    }
    format!("{:08x}", hasher.finalize())
}
