//! One image file: checked, decoded within a fixed memory, turned upright, laid on white, cropped to its central square
//! and scaled.

use std::{io::Cursor, path::Path};

use image::{
    DynamicImage, GrayImage, ImageDecoder, Limits, RgbImage, codecs::png::PngDecoder, imageops, metadata::Orientation,
};

use super::{ImageFault, jpeg, png};
use crate::file;

/// Rows or columns of an image, at most.
pub(super) const LARGEST_SIDE: u32 = 16_384;

/// Bytes that one image may take beside its file while it is decoded and scaled.
pub(super) const LARGEST_MEMORY: u64 = 64_000_000;

/// Bytes that a PNG decoder may take for rows in work.
const PNG_ROWS: u64 = 2_000_000;

/// A file of more bytes holds no image of [`LARGEST_MEMORY`].
const LARGEST_FILE: u64 = LARGEST_MEMORY;

/// A decoded image, upright or not.
enum Picture {
    Grey(GrayImage),
    Colour(RgbImage),
}

/// The central square of the image in `path`, scaled to `side` x `side`: red, green and blue planes, [3, side, side].
///
/// By content, not by ending: PNG or JPEG. Photographs are turned as their EXIF tag says, transparent pictures laid on white.
/// The square is scaled by a triangle filter with antialiasing, as torchvision's bilinear `Resize` and `CenterCrop` do,
/// but that the filter does not see beyond the square.
///
/// Memory: the file and 64 MB, however large the image claims to be.
///
/// # Errors
/// [`ImageFault`] says what is wrong; the caller names the file.
pub fn read(path: &Path, side: u32) -> Result<Vec<u8>, ImageFault> {
    let mut file = file::read(path, LARGEST_FILE)?;
    let (picture, upright) = if file.starts_with(&png::SIGNATURE) {
        (from_png(&mut file, side)?, Orientation::NoTransforms)
    } else if file.starts_with(&jpeg::SIGNATURE) {
        from_jpeg(&file, side)?
    } else {
        return Err(ImageFault::Format { found: file[..file.len().min(8)].to_vec() });
    };
    drop(file);
    let mut square = match picture {
        Picture::Grey(image) => DynamicImage::from(scaled(&image, side)),
        Picture::Colour(image) => DynamicImage::from(scaled(&image, side)),
    };
    square.apply_orientation(upright);
    Ok(planes(&square.into_rgb8()))
}

/// Refuses what would not fit: `memory` to decode, and rows of floats while the square is scaled.
fn fits((width, height): (u32, u32), memory: u64, side: u32) -> Result<(), ImageFault> {
    let scaling = u64::from(width.min(height)) * u64::from(side) * 16 + u64::from(side).pow(2) * 16;
    let fits = width.max(height) <= LARGEST_SIDE && memory.saturating_add(scaling) <= LARGEST_MEMORY;
    if fits { Ok(()) } else { Err(ImageFault::TooLarge { width, height }) }
}

fn from_png(file: &mut Vec<u8>, side: u32) -> Result<Picture, ImageFault> {
    let (width, height) = png::reduce(file)?;
    let pixels = u64::from(width) * u64::from(height);
    // Refused before the decoder sees it.
    fits((width, height), pixels, side)?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(width);
    limits.max_image_height = Some(height);
    limits.max_alloc = Some(PNG_ROWS);
    let decoder = PngDecoder::with_limits(Cursor::new(&*file), limits).map_err(|error| ImageFault::decode(&error))?;
    let converted = match decoder.color_type() {
        image::ColorType::Rgb8 | image::ColorType::L8 => 0,
        colours if colours.has_alpha() => 4 + 3,
        _ => 3,
    };
    fits((width, height), decoder.total_bytes() + converted * pixels + PNG_ROWS, side)?;
    let image = DynamicImage::from_decoder(decoder).map_err(|error| ImageFault::decode(&error))?;
    Ok(match image {
        DynamicImage::ImageLuma8(image) => Picture::Grey(image),
        image if image.color().has_alpha() => Picture::Colour(on_white(image)),
        image => Picture::Colour(image.into_rgb8()),
    })
}

fn from_jpeg(file: &[u8], side: u32) -> Result<(Picture, Orientation), ImageFault> {
    let frame = jpeg::check(file)?;
    let (width, height) = (u32::from(frame.width), u32::from(frame.height));
    fits((width, height), frame.memory, side)?;
    let (pixels, upright) = jpeg::decode(file, frame)?;
    let picture = if frame.components == 1 {
        GrayImage::from_raw(width, height, pixels).map(Picture::Grey)
    } else {
        RgbImage::from_raw(width, height, pixels).map(Picture::Colour)
    };
    let picture = picture.ok_or_else(|| ImageFault::Decode("it has fewer pixels than it claims".to_owned()))?;
    Ok((picture, upright))
}

/// What is seen where a transparent picture lies on white paper.
#[expect(clippy::cast_possible_truncation, reason = "a mean of two bytes")]
fn on_white(image: DynamicImage) -> RgbImage {
    let image = image.into_rgba8();
    let (width, height) = image.dimensions();
    RgbImage::from_fn(width, height, |x, y| {
        let [red, green, blue, alpha] = image.get_pixel(x, y).0.map(u32::from);
        image::Rgb([red, green, blue].map(|colour| ((colour * alpha + 255 * (255 - alpha) + 127) / 255) as u8))
    })
}

/// The central square, `side` x `side`.
fn scaled<P>(image: &image::ImageBuffer<P, Vec<u8>>, side: u32) -> image::ImageBuffer<P, Vec<u8>>
where
    P: image::Pixel<Subpixel = u8> + 'static,
{
    let (width, height) = image.dimensions();
    let edge = width.min(height);
    let square = imageops::crop_imm(image, (width - edge) / 2, (height - edge) / 2, edge, edge);
    imageops::resize(&*square, side, side, imageops::Triangle)
}

/// [side, side, 3] to [3, side, side].
fn planes(image: &RgbImage) -> Vec<u8> {
    (0..3).flat_map(|channel| image.pixels().map(move |pixel| pixel.0[channel])).collect()
}
