//! The parts of a JPEG file: walked to its end before it is decoded, because a decoder fills what is missing with grey;
//! and decoding it, strictly, within the size that was found.

use image::metadata::Orientation;
use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
};

use super::ImageFault;

/// The first three bytes of every JPEG file.
pub(super) const SIGNATURE: [u8; 3] = [0xff, 0xd8, 0xff];

/// What a file says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    pub width: u16,
    pub height: u16,
    /// 1: grey; 3: colour; 4: CMYK.
    pub components: u8,
    /// What decoding allocates beyond the file, bytes, at most.
    pub memory: u64,
    /// Where the marker of the end is.
    end: usize,
    scans: Scans,
}

/// How the coefficients of an image are divided into scans, which decides what a decoder holds in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scans {
    /// One scan has all of them: rows are decoded as they come.
    Single,
    /// By component or, in a progressive image, by precision: all coefficients are held until the last scan.
    Several,
}

/// The process of a frame, by its marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Process {
    /// Baseline or extended sequential, ff c0 and ff c1.
    Sequential,
    /// ff c2.
    Progressive,
}

/// The frame, once the file is known to be whole: segments with their lengths, one frame, one scan or more, and the
/// marker of the end.
pub(super) fn check(file: &[u8]) -> Result<Frame, ImageFault> {
    let mut at = 2;
    let mut frame: Option<Header> = None;
    let (mut metadata, mut count, mut scans) = (0, 0, Scans::Single);
    let end = loop {
        let Some((marker, from)) = marker(file, at) else {
            return Err(ImageFault::at(at, "the file ends, or holds no marker, before the end of the image (ff d9)"));
        };
        if marker == 0xd9 {
            break at;
        }
        at = from;
        let content = segment(file, at)?;
        let next = at + 2 + content.len();
        match marker {
            0xc0..=0xc2 if frame.is_some() => return Err(ImageFault::at(at, "there is a second frame")),
            0xc0 | 0xc1 => frame = Some(Header::parse(at, content, Process::Sequential)?),
            0xc2 => frame = Some(Header::parse(at, content, Process::Progressive)?),
            0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                return Err(ImageFault::at(
                    at,
                    format!("frames of type ff {marker:02x} are rare and not decoded here"),
                ));
            }
            0xe0..=0xef => metadata += content.len() as u64,
            _ => {}
        }
        at = next;
        if marker == 0xda {
            let Some(header) = &frame else { return Err(ImageFault::at(at, "there is a scan before the frame")) };
            at = entropy_coded_end(file, next);
            count += 1;
            let has_all_components = content.first() == Some(&header.components());
            if count > 1 || header.process == Process::Progressive || !has_all_components {
                scans = Scans::Several;
            }
        }
    };
    match frame {
        Some(header) if count > 0 => {
            let copy = match scans {
                Scans::Single => file.len() as u64,
                Scans::Several => 0,
            };
            let memory = header.memory(scans) + 2 * metadata + copy;
            let (width, height, components) = (header.width, header.height, header.components());
            Ok(Frame { width, height, components, memory, end, scans })
        }
        _ => Err(ImageFault::at(end, "the image ends before it has begun")),
    }
}

/// The marker at `at`, which may be filled up with ff bytes, and where what follows it begins.
fn marker(file: &[u8], mut at: usize) -> Option<(u8, usize)> {
    if *file.get(at)? != 0xff {
        return None;
    }
    while *file.get(at)? == 0xff {
        at += 1;
    }
    let code = *file.get(at)?;
    (code != 0).then_some((code, at + 1))
}

/// The content of the segment whose length is at `at`.
fn segment(file: &[u8], at: usize) -> Result<&[u8], ImageFault> {
    let rest = file.get(at..).unwrap_or_default();
    let length = rest.first_chunk().map_or(0, |&length| usize::from(u16::from_be_bytes(length)));
    rest.get(2..length).ok_or_else(|| {
        ImageFault::at(at, format!("a segment claims {length} bytes, but {} follow until the end", rest.len()))
    })
}

/// Where the entropy-coded data that begin at `at` end: at the next marker other than a restart.
fn entropy_coded_end(file: &[u8], mut at: usize) -> usize {
    while let Some(&[byte, next]) = file.get(at..at + 2) {
        if byte == 0xff && !matches!(next, 0 | 0xd0..=0xd7 | 0xff) {
            return at;
        }
        at += 1;
    }
    file.len()
}

/// A frame header.
struct Header {
    width: u16,
    height: u16,
    process: Process,
    /// Horizontal and vertical sampling of each component, 1 to 4.
    sampling: Vec<(u8, u8)>,
}

impl Header {
    fn parse(at: usize, content: &[u8], process: Process) -> Result<Self, ImageFault> {
        let &[_, y1, y0, x1, x0, components, ref table @ ..] = content else {
            return Err(ImageFault::at(at, "the frame header is too short"));
        };
        let (height, width) = (u16::from_be_bytes([y1, y0]), u16::from_be_bytes([x1, x0]));
        if width == 0 || height == 0 {
            return Err(ImageFault::at(at, format!("the frame claims {width} x {height} pixels")));
        }
        if !matches!(components, 1 | 3 | 4) || table.len() != 3 * usize::from(components) {
            return Err(ImageFault::at(at, format!("the frame has {components} components; 1, 3 and 4 are decoded")));
        }
        let sampling: Vec<(u8, u8)> = table.chunks_exact(3).map(|entry| (entry[1] >> 4, entry[1] & 15)).collect();
        let product = |pick: fn(&(u8, u8)) -> u8| sampling.iter().map(pick).max().unwrap_or(0);
        let possible = sampling.iter().all(|&(h, v)| (1..=4).contains(&h) && (1..=4).contains(&v));
        if !possible || product(|s| s.0) * product(|s| s.1) > 4 {
            return Err(ImageFault::at(at, format!("samplings of {sampling:?} are not decoded")));
        }
        Ok(Self { width, height, process, sampling })
    }

    #[expect(clippy::cast_possible_truncation, reason = "checked to be 1, 3 or 4")]
    fn components(&self) -> u8 {
        self.sampling.len() as u8
    }

    /// Blocks of 8 x 8 coefficients, all components together.
    fn blocks(&self) -> u64 {
        let most = |pick: fn(&(u8, u8)) -> u8| self.sampling.iter().map(pick).max().map_or(1, u64::from);
        let [width, height] = [self.width, self.height].map(u64::from);
        let units = width.div_ceil(8 * most(|s| s.0)) * height.div_ceil(8 * most(|s| s.1));
        self.sampling.iter().map(|&(h, v)| units * u64::from(h) * u64::from(v)).sum()
    }

    /// Bytes that decoding takes: pixels, rows in work, and all coefficients where no single scan has them.
    fn memory(&self, scans: Scans) -> u64 {
        let (width, height) = (u64::from(self.width), u64::from(self.height));
        let pixels = width * height * if self.sampling.len() == 1 { 1 } else { 3 };
        let rows = 1024 * (width + 32);
        let coefficients = match scans {
            Scans::Single => 0,
            Scans::Several => 2 * 64 * self.blocks(),
        };
        pixels + rows + coefficients
    }
}

/// Grey or RGB bytes, and how to turn them upright. `frame` is what [`check`] found.
///
/// Memory: at most `frame.memory`.
pub(super) fn decode(file: &[u8], frame: Frame) -> Result<(Vec<u8>, Orientation), ImageFault> {
    let colours = if frame.components == 1 { ColorSpace::Luma } else { ColorSpace::RGB };
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(usize::from(frame.width))
        .set_max_height(usize::from(frame.height))
        .jpeg_set_out_colorspace(colours);
    let padded;
    let file = match frame.scans {
        Scans::Single => {
            // The decoder goes on with zeros where data end too early. No code consists of ones alone: with those behind
            // the data, which end in up to seven of them, it stops instead.
            padded = [&file[..frame.end], &[0xff, 0].repeat(8), &[0xff, 0xd9]].concat();
            &padded
        }
        Scans::Several => file,
    };
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(file), options);
    decoder.decode_headers().map_err(|error| ImageFault::decode(&error))?;
    let seen = decoder.info().map(|info| (info.width, info.height, info.components));
    let expected = usize::from(frame.width) * usize::from(frame.height) * colours.num_components();
    if seen != Some((frame.width, frame.height, frame.components)) || decoder.output_buffer_size() != Some(expected) {
        return Err(ImageFault::Decode("it has a second frame header in disguise".to_owned()));
    }
    let upright =
        decoder.exif().and_then(|exif| Orientation::from_exif_chunk(exif)).unwrap_or(Orientation::NoTransforms);
    let mut pixels = vec![0; expected];
    decoder.decode_into(&mut pixels).map_err(|error| ImageFault::decode(&error))?;
    Ok((pixels, upright))
}
