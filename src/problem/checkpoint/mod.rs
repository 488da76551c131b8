//! Pretrained weights: safetensors, and PyTorch's `.pth` and `.pt` of either container, distinguished by their content.
//!
//! A file is not trusted. No code in it is run: its pickle may describe tensors and nothing else. Every size it claims
//! is checked against the bytes that are there before anything is allocated, and what is allocated besides the file
//! stays below 64 MB. Files are held as they are; a tensor is turned into numbers when it is asked for.

mod archive;
mod call;
mod error;
mod pickle;
mod safetensors;
mod torch;
mod view;

use std::{borrow::Cow, collections::BTreeMap, io, path::Path};

pub use archive::ArchiveError;
pub use error::{CheckpointError, Fault};
pub use pickle::PickleError;
pub use view::ViewError;

use view::View;

use crate::file;

/// Larger files are refused; a ResNet-152 with the state of its optimizer has 720 MB.
const LARGEST_FILE: u64 = u32::MAX as u64 - 1;

/// Longer names are refused; the longest of torchvision's have 60 characters.
const LONGEST_NAME: usize = 512;

/// What wrappers put in front of every name: data parallelism, compilation.
const WRAPPERS: [&str; 2] = ["module.", "_orig_mod."];

type Tensors = BTreeMap<String, View>;

/// The named tensors of one file.
#[derive(Debug)]
pub struct Checkpoint {
    file: String,
    bytes: Cow<'static, [u8]>,
    tensors: Tensors,
}

impl Checkpoint {
    /// Reads the file at `path`, whatever its ending.
    ///
    /// Memory: the file's size, and at most 64 MB.
    ///
    /// # Errors
    /// [`CheckpointError`] names the file, and the tensor or byte where one is at fault.
    pub fn open(path: &Path) -> Result<Self, CheckpointError> {
        let name = path.display().to_string();
        match contents(path) {
            Ok(bytes) => Self::parse(&name, bytes),
            Err(source) => Err(CheckpointError::Read { file: shown(&name), source }),
        }
    }

    /// The same from memory, as for embedded weights; `file` is what errors call it.
    ///
    /// # Errors
    /// As [`Checkpoint::open`].
    pub fn parse(file: &str, bytes: impl Into<Cow<'static, [u8]>>) -> Result<Self, CheckpointError> {
        let bytes = bytes.into();
        let tensors = if torch::is_archive(&bytes) {
            torch::archived(&bytes)
        } else if torch::is_legacy(&bytes) {
            torch::legacy(&bytes)
        } else if safetensors::is_safetensors(&bytes) {
            safetensors::tensors(&bytes)
        } else {
            Err(Fault::Unknown)
        };
        let file = shown(file);
        match tensors.and_then(|tensors| if tensors.is_empty() { Err(Fault::NoStateDict) } else { Ok(tensors) }) {
            Ok(tensors) => Ok(Self { file, bytes, tensors: unwrapped(tensors) }),
            Err(fault) => Err(CheckpointError::Format { file, fault }),
        }
    }

    /// The names of all tensors, sorted, without what wrappers put in front (`module.`, `_orig_mod.`).
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// The shape of a tensor; `None` if there is none of this name.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(View::shape)
    }

    /// Checks that all of these tensors are there, in these shapes, before any is read. Others may be there too.
    ///
    /// # Errors
    /// [`CheckpointError::Missing`] with their number and the first few, [`CheckpointError::Shape`] for the first other.
    pub fn require<'a>(&self, wanted: impl IntoIterator<Item = (&'a str, &'a [usize])>) -> Result<(), CheckpointError> {
        let mut missing = Vec::new();
        let mut count = 0;
        let mut misshapen = None;
        for (name, shape) in wanted {
            count += 1;
            match self.shape(name) {
                None => missing.push(name),
                Some(found) if found != shape => {
                    misshapen.get_or_insert_with(|| self.misshapen(name, found, shape));
                }
                Some(_) => {}
            }
        }
        match (missing.is_empty(), misshapen) {
            (false, _) => Err(self.missing(&missing, count)),
            (true, Some(error)) => Err(error),
            (true, None) => Ok(()),
        }
    }

    /// The values of `name` in row-major order, rounded to f32 where they are stored in f64 or as integers.
    ///
    /// Memory: four bytes a value of `shape`.
    ///
    /// # Errors
    /// [`CheckpointError`] if there is no such tensor, it has another shape, or a value is not finite in f32 or a variance
    /// (`*.running_var`) negative.
    pub fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, CheckpointError> {
        let view = self.tensors.get(name).ok_or_else(|| self.missing(&[name], 1))?;
        if view.shape() != shape {
            return Err(self.misshapen(name, view.shape(), shape));
        }
        let values = view.values(&self.bytes);
        let is_variance = name.ends_with("running_var");
        match values.iter().position(|value| !value.is_finite() || is_variance && *value < 0.0) {
            None => Ok(values),
            Some(index) => Err(CheckpointError::Value {
                file: self.file.clone(),
                tensor: shown(name),
                index,
                value: values[index],
            }),
        }
    }

    fn misshapen(&self, name: &str, found: &[usize], wanted: &[usize]) -> CheckpointError {
        let (found, wanted) = (found.to_vec(), wanted.to_vec());
        CheckpointError::Shape { file: self.file.clone(), tensor: shown(name), found, wanted }
    }

    fn missing(&self, names: &[&str], wanted: usize) -> CheckpointError {
        let first: Vec<String> = names.iter().take(3).map(|name| shown(name)).collect();
        let there = self.names().take(3).map(shown).collect();
        let prefix = names.first().and_then(|missing| {
            self.names().find_map(|name| name.strip_suffix(missing).filter(|prefix| prefix.ends_with('.')))
        });
        CheckpointError::Missing {
            file: self.file.clone(),
            missing: names.len(),
            wanted,
            first: first.join(", "),
            hint: error::Hint { prefix: prefix.map(shown), there, count: self.tensors.len() },
        }
    }
}

/// MobileNetV2 without its classifier, trained on ImageNet: 2.26 M parameters with batch-norm statistics under
/// torchvision's names, in half precision.
///
/// # Errors
/// [`CheckpointError`] if the embedded file is damaged, which the tests rule out.
pub fn embedded_mobilenet() -> Result<Checkpoint, CheckpointError> {
    const FILE: &[u8] = include_bytes!("../../../assets/mobilenet/mobilenetv2-imagenet-backbone-f16.safetensors");
    Checkpoint::parse("the embedded MobileNetV2", FILE)
}

/// The bytes of a file.
fn contents(path: &Path) -> io::Result<Vec<u8>> {
    file::read(path, LARGEST_FILE).map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => {
            io::Error::new(error.kind(), "larger than 4 GB; save the weights alone, without the optimizer's state")
        }
        _ => error,
    })
}

/// Adds a tensor of this name.
fn insert(tensors: &mut Tensors, name: &str, view: View) -> Result<(), Fault> {
    if name.len() > LONGEST_NAME || name.is_empty() {
        return Err(Fault::Name { tensor: shown(name), longest: LONGEST_NAME });
    }
    match tensors.insert(name.to_owned(), view) {
        None => Ok(()),
        Some(_) => Err(Fault::Twice { tensor: shown(name) }),
    }
}

/// The tensors without the prefixes that wrappers give to all of them.
fn unwrapped(mut tensors: Tensors) -> Tensors {
    while let Some(wrapper) = WRAPPERS.iter().find(|wrapper| tensors.keys().all(|name| name.starts_with(**wrapper))) {
        tensors = tensors.into_iter().map(|(name, view)| (name[wrapper.len()..].to_owned(), view)).collect();
    }
    tensors
}

/// Text of a file as an error may show it: the first 200 characters, controls and what reorders text escaped.
fn shown(text: &str) -> String {
    const LONGEST: usize = 200;
    let mut shown: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push_str("...");
    }
    shown
}
