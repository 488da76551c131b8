//! The IDX format of the MNIST files: two zero bytes, a type, a number of dimensions, the sizes as big-endian u32,
//! then the numbers. Only unsigned bytes (type 8) are read. Plain or gzip, distinguished by the first two bytes.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use flate2::bufread::MultiGzDecoder;

/// An array of bytes with its shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Array {
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// Row-major.
    pub bytes: Vec<u8>,
}

/// No data set that this program reads is larger: EMNIST's digits have 188 MB. A header that claims more lies.
const LARGEST: usize = 1 << 28;

/// A byte of gzip holds at most so many.
const MOST_PACKED: usize = 1_032;

/// What is wrong with an IDX file.
#[derive(Debug, thiserror::Error)]
pub enum IdxError {
    /// Reading or unpacking failed.
    #[error("the file could not be unpacked or ends within its header")]
    Read(#[from] io::Error),
    /// Not an IDX header.
    #[error("bytes 0 to 3 are {found:02x?}; expected 00 00 08 and a number of dimensions from 1 to 4")]
    Magic {
        /// The first four bytes.
        found: [u8; 4],
    },
    /// The shape is beyond every real file.
    #[error(
        "the header, bytes 4 to {end}, claims a shape of {shape:?}, more than {LARGEST} numbers or than the file can hold"
    )]
    TooLarge {
        /// Last byte of the header.
        end: usize,
        /// The claimed sizes.
        shape: Vec<usize>,
    },
    /// Fewer or more numbers than the header says.
    #[error("the header claims {claimed} numbers (shape {shape:?}) but {found} follow from byte {start} on")]
    Length {
        /// The claimed sizes.
        shape: Vec<usize>,
        /// Their product.
        claimed: usize,
        /// Numbers that are there ("more than" is cut off one past the claim).
        found: String,
        /// Where the numbers begin, in the unpacked file.
        start: usize,
    },
}

/// What is allocated before it is known to be there.
const ON_TRUST: usize = 60_000_000;

/// The shape that the header of an IDX file held in memory claims. Nothing else is unpacked.
///
/// # Errors
/// [`IdxError`] says which bytes of the header are wrong.
pub fn shape(file: &[u8]) -> Result<Vec<usize>, IdxError> {
    let (shape, claimed) = if is_packed(file) {
        header(&mut MultiGzDecoder::new(Cursor::new(file)))?
    } else {
        header(&mut Cursor::new(file))?
    };
    let room = if is_packed(file) { file.len().saturating_mul(MOST_PACKED) } else { usize::MAX };
    if claimed > room { Err(IdxError::TooLarge { end: 3 + 4 * shape.len(), shape }) } else { Ok(shape) }
}

fn is_packed(file: &[u8]) -> bool {
    file.starts_with(&[0x1f, 0x8b])
}

/// Parses an IDX file held in memory.
///
/// Memory: what is there; at most 60 MB where the header claims more than that.
///
/// # Errors
/// [`IdxError`] says which bytes are wrong.
pub fn parse(file: &[u8]) -> Result<Array, IdxError> {
    shape(file)?;
    if is_packed(file) {
        read(|| BufReader::new(MultiGzDecoder::new(Cursor::new(file))))
    } else {
        read(|| Cursor::new(file))
    }
}

/// Reads what `open` opens, twice where it claims much: once to count, and once to keep.
fn read<R: BufRead>(open: impl Fn() -> R) -> Result<Array, IdxError> {
    let mut reader = open();
    let (shape, claimed) = header(&mut reader)?;
    let start = 4 + 4 * shape.len();
    let length = |found: usize, shape| {
        let found = if found > claimed { "more".to_owned() } else { found.to_string() };
        IdxError::Length { shape, claimed, found, start }
    };
    if claimed > ON_TRUST {
        let found = io::copy(&mut reader.take(claimed as u64 + 1), &mut io::sink())?;
        if found != claimed as u64 {
            return Err(length(usize::try_from(found).unwrap_or(usize::MAX), shape));
        }
        reader = open();
        header(&mut reader)?;
    }
    let mut bytes = Vec::with_capacity(claimed + 1);
    reader.take(claimed as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() == claimed { Ok(Array { shape, bytes }) } else { Err(length(bytes.len(), shape)) }
}

/// The shape, and how many numbers that is.
fn header(reader: &mut impl Read) -> Result<(Vec<usize>, usize), IdxError> {
    let mut magic = [0; 4];
    reader.read_exact(&mut magic)?;
    let [0, 0, 8, dimensions @ 1..=4] = magic else { return Err(IdxError::Magic { found: magic }) };
    let mut shape = Vec::new();
    for _ in 0..dimensions {
        let mut size = [0; 4];
        reader.read_exact(&mut size)?;
        shape.push(u32::from_be_bytes(size) as usize);
    }
    let claimed = shape.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
    match claimed {
        Some(claimed @ ..=LARGEST) => Ok((shape, claimed)),
        _ => Err(IdxError::TooLarge { end: 3 + 4 * shape.len(), shape }),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};
    use proptest::prelude::*;

    use super::*;

    const TWO_BY_THREE: [u8; 18] = [0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6];

    #[test]
    fn reads_plain_and_gzip_alike() {
        let array = Array { shape: vec![2, 3], bytes: vec![1, 2, 3, 4, 5, 6] };
        assert_eq!(parse(&TWO_BY_THREE).unwrap(), array);
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(&TWO_BY_THREE).unwrap();
        assert_eq!(parse(&packed.finish().unwrap()).unwrap(), array);
    }

    #[test]
    fn every_truncation_is_an_error() {
        for cut in 0..TWO_BY_THREE.len() {
            assert!(parse(&TWO_BY_THREE[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn an_error_names_what_a_header_claims() {
        let mut lying = TWO_BY_THREE;
        lying[7] = 200;
        let error = parse(&lying).unwrap_err().to_string();
        assert_eq!(error, "the header claims 600 numbers (shape [200, 3]) but 6 follow from byte 12 on");
        lying[4..12].fill(0xff);
        assert!(matches!(parse(&lying), Err(IdxError::TooLarge { end: 11, .. })));
        let longer = [&TWO_BY_THREE[..], &[7]].concat();
        assert!(parse(&longer).unwrap_err().to_string().contains("but more follow from byte 12"));
    }

    /// A megabyte of gzip that unpacks to a gigabyte.
    #[test]
    fn a_file_that_unpacks_to_more_than_it_may_is_refused_unread() {
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        packed.write_all(&[0, 0, 8, 1, 64, 0, 0, 0]).unwrap();
        let zeros = vec![0; 1 << 20];
        (0..64).for_each(|_| packed.write_all(&zeros).unwrap());
        let packed = packed.finish().unwrap();
        assert!(matches!(parse(&packed), Err(IdxError::TooLarge { .. })));
        // Ten thousand numbers in thirty bytes are as impossible.
        let mut short = GzEncoder::new(Vec::new(), Compression::best());
        short.write_all(&[0, 0, 8, 1, 0, 255, 255, 255]).unwrap();
        assert!(matches!(parse(&short.finish().unwrap()), Err(IdxError::TooLarge { .. })));
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..64), gzip in any::<bool>(), idx in any::<bool>()) {
            let mut bytes = bytes;
            if gzip && bytes.len() > 2 { bytes[..2].copy_from_slice(&[0x1f, 0x8b]); }
            if idx && bytes.len() > 4 { bytes[..4].copy_from_slice(&[0, 0, 8, 1]); }
            let _ = parse(&bytes);
        }
    }
}
