//! Vectors and plain values by name, on the host: the state of a training as it is kept on disk.

use std::collections::BTreeMap;

use burn::tensor::{DType, Device, Tensor, TensorData};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::Vector;

/// Vectors and plain values by name, on the host. Vectors keep their precision and every bit.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Archive {
    vectors: BTreeMap<String, ArchivedVector>,
    values: serde_json::Map<String, Value>,
}

/// The numbers of a vector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedVector {
    /// The precision of its numbers.
    pub precision: Precision,
    /// Its numbers, little-endian.
    pub bytes: Vec<u8>,
}

/// The precision of a vector's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// 32 bits.
    Single,
    /// 64 bits.
    Double,
}

/// What an archive lacks or has otherwise.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// There is no vector or value of that name.
    #[error("it has no {0}")]
    Missing(String),
    /// A vector has another length than its place, or a value another form.
    #[error("its {name} {fault}")]
    Unfit {
        /// Of the vector or value.
        name: String,
        /// What is wrong with it.
        fault: String,
    },
}

impl Precision {
    /// Bytes of a number.
    pub fn size(self) -> usize {
        match self {
            Self::Single => 4,
            Self::Double => 8,
        }
    }

    fn dtype(self) -> DType {
        match self {
            Self::Single => DType::F32,
            Self::Double => DType::F64,
        }
    }
}

impl Archive {
    /// Keeps a vector. Waits for the device. Numbers of other precisions than 32 and 64 bits are widened to 32.
    pub fn put(&mut self, name: &str, vector: &Vector) {
        let (precision, vector) = match vector.dtype() {
            DType::F64 => (Precision::Double, vector.clone()),
            DType::F32 => (Precision::Single, vector.clone()),
            _ => (Precision::Single, vector.clone().cast(DType::F32)),
        };
        let bytes = vector.into_data().as_bytes().to_vec();
        self.put_archived(name, ArchivedVector { precision, bytes });
    }

    /// Keeps a vector where there is one.
    pub fn put_some(&mut self, name: &str, vector: Option<&Vector>) {
        if let Some(vector) = vector {
            self.put(name, vector);
        }
    }

    /// Keeps a vector that is on the host already.
    pub fn put_archived(&mut self, name: &str, vector: ArchivedVector) {
        self.vectors.insert(name.to_owned(), vector);
    }

    /// Keeps a plain value. Floats must be finite; [`f64::to_bits`] keeps the others.
    ///
    /// # Panics
    /// If the value has no JSON: a map with keys that are no strings.
    pub fn set(&mut self, name: &str, value: impl Serialize) {
        let value = serde_json::to_value(value).unwrap_or_else(|fault| panic!("{name} is no plain value: {fault}"));
        self.values.insert(name.to_owned(), value);
    }

    /// Takes over all of another archive, its names after `prefix`.
    pub fn put_all(&mut self, prefix: &str, other: Self) {
        self.vectors.extend(other.vectors.into_iter().map(|(name, vector)| (format!("{prefix}{name}"), vector)));
        self.values.extend(other.values.into_iter().map(|(name, value)| (format!("{prefix}{name}"), value)));
    }

    /// What was kept after `prefix`.
    #[must_use]
    pub fn part(&self, prefix: &str) -> Self {
        let vectors = self
            .vectors
            .iter()
            .filter_map(|(name, vector)| name.strip_prefix(prefix).map(|name| (name.to_owned(), vector.clone())));
        let values = self
            .values
            .iter()
            .filter_map(|(name, value)| name.strip_prefix(prefix).map(|name| (name.to_owned(), value.clone())));
        Self { vectors: vectors.collect(), values: values.collect() }
    }

    /// A vector on a device.
    ///
    /// # Errors
    /// [`ArchiveError::Missing`].
    pub fn vector(&self, name: &str, device: &Device) -> Result<Vector, ArchiveError> {
        self.find(name, device).ok_or_else(|| ArchiveError::Missing(name.to_owned()))
    }

    /// A vector on a device, where it was kept.
    pub fn find(&self, name: &str, device: &Device) -> Option<Vector> {
        let ArchivedVector { precision, bytes } = self.vectors.get(name)?;
        let length = bytes.len() / precision.size();
        let data = TensorData::from_bytes_vec(bytes.clone(), [length], precision.dtype());
        Some(Tensor::from_data(data, (device, precision.dtype())))
    }

    /// A plain value.
    ///
    /// # Errors
    /// [`ArchiveError`] if it is not there or has another form.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<T, ArchiveError> {
        let value = self.values.get(name).ok_or_else(|| ArchiveError::Missing(name.to_owned()))?;
        serde_json::from_value(value.clone())
            .map_err(|fault| ArchiveError::Unfit { name: name.to_owned(), fault: fault.to_string() })
    }

    /// Every vector with its name, in the order of the names.
    pub fn vectors(&self) -> impl Iterator<Item = (&str, &ArchivedVector)> {
        self.vectors.iter().map(|(name, vector)| (name.as_str(), vector))
    }

    /// The plain values as JSON.
    pub fn values_as_json(&self) -> String {
        Value::Object(self.values.clone()).to_string()
    }

    /// An archive without vectors, of plain values as [`Archive::values_as_json`] has them.
    ///
    /// # Errors
    /// What the parser says.
    pub fn with_values(json: &str) -> Result<Self, serde_json::Error> {
        Ok(Self { vectors: BTreeMap::new(), values: serde_json::from_str(json)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::autodiff::values;

    #[test]
    fn vectors_come_back_to_the_bit_in_their_precision() {
        let device = Device::flex();
        for dtype in [DType::F32, DType::F64] {
            let numbers = vec![1.0 / 3.0, -0.0, f64::MIN_POSITIVE, f64::INFINITY, 1e30];
            let data = TensorData::new(numbers, [5]).convert_dtype(dtype);
            let vector = Vector::from_data(data, (&device, dtype));
            let mut archive = Archive::default();
            archive.put("a", &vector);
            let back = archive.vector("a", &device).unwrap();
            assert_eq!(back.dtype(), dtype);
            let bits = |vector: &Vector| values(vector).into_iter().map(f64::to_bits).collect::<Vec<_>>();
            assert_eq!(bits(&back), bits(&vector));
        }
    }

    #[test]
    fn parts_are_found_by_their_prefix_and_what_is_missing_is_named() {
        let mut inner = Archive::default();
        inner.set("steps", 3_u64);
        let mut archive = Archive::default();
        archive.put_all("optimizer.", inner.clone());
        assert_eq!(archive.part("optimizer."), inner);
        assert_eq!(archive.get::<u64>("steps"), Err(ArchiveError::Missing("steps".into())));
        assert_eq!(archive.get::<u64>("optimizer.steps"), Ok(3));
        assert_eq!(Archive::with_values(&archive.values_as_json()).unwrap(), archive);
    }
}
