//! The parts of a PNG file: checked to its end before it is decoded, because a decoder stops at the last pixel and does
//! not see what is missing behind it.

use flate2::Crc;

use super::ImageFault;

/// The first eight bytes of every PNG file.
pub(super) const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// Width and height, once every chunk has its length and checksum, the first is IHDR and the last IEND.
pub(super) fn check(file: &[u8]) -> Result<(u32, u32), ImageFault> {
    let mut at = SIGNATURE.len();
    let mut size = None;
    loop {
        let rest = file.get(at..).unwrap_or_default();
        let Some((length, rest)) = rest.split_first_chunk() else {
            return Err(ImageFault::at(at, "the file ends before chunk IEND"));
        };
        let length = u32::from_be_bytes(*length) as usize;
        // Type, content, checksum.
        let Some((chunk, sum)) = rest.get(..length.saturating_add(8)).and_then(|chunk| chunk.split_last_chunk::<4>())
        else {
            let fault =
                format!("a chunk claims {length} bytes, but the file ends {} bytes after its length", rest.len());
            return Err(ImageFault::at(at, fault));
        };
        let name = chunk[..4].escape_ascii();
        let mut crc = Crc::new();
        crc.update(chunk);
        if crc.sum() != u32::from_be_bytes(*sum) {
            return Err(ImageFault::at(at, format!("the checksum of chunk {name} is wrong")));
        }
        match (&chunk[..4], size) {
            (b"IHDR", None) => size = Some(header(at, &chunk[4..])?),
            (b"IEND", Some(size)) => return Ok(size),
            (_, None) => return Err(ImageFault::at(at, format!("the first chunk is {name}, not IHDR"))),
            _ => {}
        }
        at += 4 + chunk.len() + 4;
    }
}

fn header(at: usize, content: &[u8]) -> Result<(u32, u32), ImageFault> {
    let number =
        |from: usize| content.get(from..).and_then(<[u8]>::first_chunk).map(|&bytes| u32::from_be_bytes(bytes));
    number(0)
        .zip(number(4))
        .filter(|&(width, height)| width > 0 && height > 0)
        .ok_or_else(|| ImageFault::at(at, "chunk IHDR has no width and height above 0"))
}
