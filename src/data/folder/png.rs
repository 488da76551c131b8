//! The parts of a PNG file: checked to its end before it is decoded, because a decoder stops at the last pixel and does
//! not see what is missing behind it; and reduced to what the pixels need, so that no text, profile or animation beside
//! them is ever unpacked.

use flate2::Crc;

use super::ImageFault;

/// The first eight bytes of every PNG file.
pub(super) const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// Width and height of `file`, which begins with the signature, once every chunk has its length and checksum, the first
/// is IHDR and the last IEND. What remains in `file` are the chunks that pixels are made of.
pub(super) fn reduce(file: &mut Vec<u8>) -> Result<(u32, u32), ImageFault> {
    let mut at = SIGNATURE.len();
    let mut kept = at;
    let mut size = None;
    loop {
        let chunk = chunk(file, at)?;
        let end = at + chunk.len();
        let name = &chunk[4..8];
        match (name, size) {
            (b"IHDR", None) => size = Some(header(at, &chunk[8..])?),
            (_, None) => {
                return Err(ImageFault::at(at, format!("the first chunk is {}, not IHDR", name.escape_ascii())));
            }
            (b"IDAT" | b"PLTE" | b"tRNS" | b"IEND", _) => {}
            // A small first letter says that the pixels can be understood without it.
            ([b'a'..=b'z', ..], _) => {
                at = end;
                continue;
            }
            _ => return Err(ImageFault::at(at, format!("chunk {} is not known", name.escape_ascii()))),
        }
        let last = size.filter(|_| name == b"IEND");
        file.copy_within(at..end, kept);
        kept += end - at;
        at = end;
        if let Some(size) = last {
            file.truncate(kept);
            return Ok(size);
        }
    }
}

/// The chunk at `at`, from its length to its checksum, which is right.
fn chunk(file: &[u8], at: usize) -> Result<&[u8], ImageFault> {
    let rest = file.get(at..).unwrap_or_default();
    let Some(&length) = rest.first_chunk() else {
        return Err(ImageFault::at(at, "the file ends before chunk IEND"));
    };
    let length = u32::from_be_bytes(length) as usize;
    let Some(chunk) = rest.get(..length.saturating_add(12)) else {
        let fault = format!("a chunk claims {length} bytes, but the file ends after {} more", rest.len() - 4);
        return Err(ImageFault::at(at, fault));
    };
    let (content, sum) = chunk[4..].split_at(length + 4);
    let mut crc = Crc::new();
    crc.update(content);
    if crc.sum().to_be_bytes() == sum {
        Ok(chunk)
    } else {
        Err(ImageFault::at(at, format!("the checksum of chunk {} is wrong", content[..4].escape_ascii())))
    }
}

fn header(at: usize, content: &[u8]) -> Result<(u32, u32), ImageFault> {
    let number = |from: usize| content.get(from..)?.first_chunk().map(|&bytes| u32::from_be_bytes(bytes));
    number(0)
        .zip(number(4))
        .filter(|&(width, height)| width > 0 && height > 0)
        .ok_or_else(|| ImageFault::at(at, "chunk IHDR has no width and height above 0"))
}
