//! One tensor of a file: where its numbers lie and how they are spaced, checked once against the bytes that are there,
//! and read as f32 on demand.

use std::ops::Range;

use half::{bf16, f16};

/// Dimensions beyond those of every weight; what claims more lies.
pub(super) const LARGEST_RANK: usize = 8;

/// What a stored number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    F16,
    Bf16,
    F32,
    F64,
    I8,
    I16,
    I32,
    I64,
    U8,
}

impl Element {
    /// Bytes of one number.
    pub(super) const fn size(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::F16 | Self::Bf16 | Self::I16 => 2,
            Self::F32 | Self::I32 => 4,
            Self::F64 | Self::I64 => 8,
        }
    }
}

/// Why a tensor cannot be where the file says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
pub enum ViewError {
    /// No weight has so many dimensions.
    #[error("has {rank} dimensions, more than the {LARGEST_RANK} that are read")]
    Rank { rank: usize },
    /// Shape and strides are of different lengths.
    #[error("has {shape} sizes but {strides} strides")]
    Strides { shape: usize, strides: usize },
    /// It reaches past its storage, or past every number there can be.
    #[error(
        "of shape {shape:?}, strides {strides:?} and offset {offset} reaches past the {available} numbers of its storage"
    )]
    Reach { shape: Vec<usize>, strides: Vec<usize>, offset: usize, available: usize },
}

/// A tensor as the pickle or header describes it, before it is checked: sizes, strides and offset count numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spacing {
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<usize>,
    pub(super) offset: usize,
}

impl Spacing {
    /// Row-major from the first number on.
    pub(super) fn row_major(shape: &[usize]) -> Self {
        let mut strides = vec![1usize; shape.len()];
        for axis in (1..shape.len()).rev() {
            strides[axis - 1] = strides[axis].saturating_mul(shape[axis]);
        }
        Self { shape: shape.to_vec(), strides, offset: 0 }
    }

    /// Numbers that the storage must hold; `None` on overflow.
    fn reach(&self) -> Option<usize> {
        if self.shape.contains(&0) {
            return Some(self.offset);
        }
        self.shape.iter().try_fold(1usize, |count, &size| count.checked_mul(size))?;
        let last = self
            .shape
            .iter()
            .zip(&self.strides)
            .try_fold(self.offset, |last, (&size, &stride)| last.checked_add((size - 1).checked_mul(stride)?))?;
        last.checked_add(1)
    }
}

/// A tensor that is known to lie within its file.
#[derive(Debug, Clone)]
pub(super) struct View {
    element: Element,
    storage: Range<usize>,
    spacing: Spacing,
}

impl View {
    /// The tensor of `spacing` in the numbers at bytes `storage` of the file.
    ///
    /// # Errors
    /// [`ViewError`] if it has too many dimensions or reaches past its storage.
    pub(super) fn new(element: Element, storage: Range<usize>, spacing: Spacing) -> Result<Self, ViewError> {
        let Spacing { shape, strides, offset } = &spacing;
        if shape.len() > LARGEST_RANK {
            return Err(ViewError::Rank { rank: shape.len() });
        }
        if shape.len() != strides.len() {
            return Err(ViewError::Strides { shape: shape.len(), strides: strides.len() });
        }
        let available = storage.len() / element.size();
        if spacing.reach().is_none_or(|reach| reach > available) {
            let (shape, strides) = (shape.clone(), strides.clone());
            return Err(ViewError::Reach { shape, strides, offset: *offset, available });
        }
        Ok(Self { element, storage, spacing })
    }

    /// Sizes, outermost first.
    pub(super) fn shape(&self) -> &[usize] {
        &self.spacing.shape
    }

    /// The numbers in row-major order: f16 and bf16 exactly, the others rounded to the nearest f32.
    ///
    /// Memory: four bytes a number of the shape, which may be more than the storage holds where a stride is 0.
    #[expect(clippy::cast_possible_truncation, reason = "single precision is what is asked for")]
    pub(super) fn values(&self, file: &[u8]) -> Vec<f32> {
        let storage = &file[self.storage.clone()];
        match self.element {
            Element::F16 => self.gather(storage, |bytes| f16::from_le_bytes(bytes).to_f32()),
            Element::Bf16 => self.gather(storage, |bytes| bf16::from_le_bytes(bytes).to_f32()),
            Element::F32 => self.gather(storage, f32::from_le_bytes),
            Element::F64 => self.gather(storage, |bytes| f64::from_le_bytes(bytes) as f32),
            Element::I8 => self.gather(storage, |bytes| f32::from(i8::from_le_bytes(bytes))),
            Element::I16 => self.gather(storage, |bytes| f32::from(i16::from_le_bytes(bytes))),
            Element::I32 => self.gather(storage, |bytes| i32::from_le_bytes(bytes) as f32),
            Element::I64 => self.gather(storage, |bytes| i64::from_le_bytes(bytes) as f32),
            Element::U8 => self.gather(storage, |bytes| f32::from(u8::from_le_bytes(bytes))),
        }
    }

    fn gather<const SIZE: usize>(&self, storage: &[u8], number: impl Fn([u8; SIZE]) -> f32) -> Vec<f32> {
        let Spacing { shape, strides, offset } = &self.spacing;
        let (numbers, _) = storage.as_chunks::<SIZE>();
        let count = shape.iter().product();
        let mut values = Vec::with_capacity(count);
        let mut index = [0; LARGEST_RANK];
        let mut at = *offset;
        while values.len() < count {
            values.push(number(numbers[at]));
            for axis in (0..shape.len()).rev() {
                index[axis] += 1;
                at += strides[axis];
                if index[axis] < shape[axis] {
                    break;
                }
                at -= strides[axis] * shape[axis];
                index[axis] = 0;
            }
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spacing(shape: &[usize], strides: &[usize], offset: usize) -> Spacing {
        Spacing { shape: shape.to_vec(), strides: strides.to_vec(), offset }
    }

    #[test]
    fn a_transposed_view_is_read_in_its_own_order() {
        // Rows 1 2 3 and 4 5 6 stored after one other byte; the view is the transpose without its first row.
        let file = [9, 1, 2, 3, 4, 5, 6];
        let view = View::new(Element::U8, 1..7, spacing(&[2, 2], &[1, 3], 1)).unwrap();
        assert_eq!(view.values(&file), [2.0, 5.0, 3.0, 6.0]);
    }

    #[test]
    fn what_reaches_past_its_storage_is_refused() {
        for (shape, strides, offset) in [
            (&[2, 3][..], &[3, 1][..], 1),
            (&[7], &[1], 0),
            (&[], &[], 6),
            (&[0], &[1], 7),
            (&[2, 2], &[usize::MAX, 1], 0),
            (&[2], &[1], usize::MAX),
            (&[1 << 32, 1 << 32], &[0, 0], 0),
        ] {
            let refused = View::new(Element::U8, 0..6, spacing(shape, strides, offset));
            assert!(matches!(refused, Err(ViewError::Reach { available: 6, .. })), "{shape:?} {strides:?} {offset}");
        }
        assert!(View::new(Element::U8, 0..6, spacing(&[2, 3], &[3, 1], 0)).is_ok());
        assert!(matches!(View::new(Element::U8, 0..6, spacing(&[1; 9], &[1; 9], 0)), Err(ViewError::Rank { rank: 9 })));
        assert!(matches!(View::new(Element::U8, 0..6, spacing(&[2], &[], 0)), Err(ViewError::Strides { .. })));
    }

    #[test]
    fn a_size_of_zero_has_no_numbers() {
        let view = View::new(Element::F32, 0..0, Spacing::row_major(&[3, 0])).unwrap();
        assert_eq!(view.values(&[]), [0.0; 0]);
    }
}
