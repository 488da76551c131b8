//! What can be wrong with one image file.

use std::io;

/// Why a file is not an image that can be used.
#[derive(Debug, thiserror::Error)]
pub enum ImageFault {
    /// The system refuses to open or read it.
    #[error("the system does not let it be read")]
    Read(#[from] io::Error),
    /// By its first bytes it is something else.
    #[error("it begins with the bytes {found:02x?}, as neither PNG nor JPEG files do")]
    Format {
        /// The first bytes, at most eight.
        found: Vec<u8>,
    },
    /// Its parts are broken or missing.
    #[error("at byte {at}: {fault}")]
    Structure {
        /// Where, from 0.
        at: usize,
        /// What is wrong there.
        fault: String,
    },
    /// Decoding it would take too much memory.
    #[error(
        "it claims {width} x {height} pixels; images may have {} pixels a side and take {} MB while they are decoded: \
         store it smaller",
        super::decode::LARGEST_SIDE, super::decode::LARGEST_MEMORY / 1_000_000
    )]
    TooLarge {
        /// Claimed columns.
        width: u32,
        /// Claimed rows.
        height: u32,
    },
    /// The parts are there, but what they hold cannot be decoded.
    #[error("it cannot be decoded: {0}")]
    Decode(String),
}

impl ImageFault {
    pub(super) fn at(at: usize, fault: impl Into<String>) -> Self {
        Self::Structure { at, fault: fault.into() }
    }

    pub(super) fn decode(error: &impl ToString) -> Self {
        Self::Decode(error.to_string())
    }
}
