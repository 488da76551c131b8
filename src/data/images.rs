//! Images as bytes, with their labels and the names of their classes: what every reader gives.

use image::{GrayImage, imageops};

use super::{Channel, DataError, Labelled, Share, class_name, selection};
use crate::random::{Purpose, Stream, stream};

/// Labelled images of one size. Planar: [n, channels, height, width], 0 to 255.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Images {
    shape: [usize; 3],
    pixels: Vec<u8>,
    labels: Vec<u32>,
    classes: Vec<String>,
}

impl Images {
    /// Images of `shape` [channels, height, width]. Control characters are taken out of the names of classes, and 64
    /// characters kept.
    ///
    /// # Errors
    /// [`DataError::Inconsistent`] where there is no class or a size is 0, where pixels and labels differ in number, or
    /// where a label has no class.
    pub fn new(
        shape: [usize; 3],
        pixels: Vec<u8>,
        labels: Vec<u32>,
        classes: &[impl AsRef<str>],
    ) -> Result<Self, DataError> {
        let wrong = |fault: String| Err(DataError::Inconsistent { fault });
        let size = shape.iter().try_fold(1_usize, |product, &size| product.checked_mul(size));
        let Some(size @ 1..) = size else { return wrong(format!("an image cannot have the shape {shape:?}")) };
        if labels.len().checked_mul(size) != Some(pixels.len()) {
            return wrong(format!("{} labels, {} bytes of images of shape {shape:?}", labels.len(), pixels.len()));
        }
        if classes.is_empty() || u32::try_from(classes.len()).is_err() {
            return wrong(format!("{} classes", classes.len()));
        }
        if let Some(at) = labels.iter().position(|&label| label as usize >= classes.len()) {
            return wrong(format!("label {at} is {}, of {} classes", labels[at], classes.len()));
        }
        let classes = classes.iter().map(|name| class_name(name.as_ref())).collect();
        Ok(Self { shape, pixels, labels, classes })
    }

    /// Channels, height, width.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// One label an image, each the index of a class.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// The names of the classes, without control characters.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// All pixels, [n, channels, height, width].
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// Bytes of one image.
    fn size(&self) -> usize {
        self.shape.iter().product()
    }

    /// These, in this order.
    fn chosen(&self, indices: &[usize]) -> Self {
        let size = self.size();
        Self {
            shape: self.shape,
            pixels: indices.iter().flat_map(|&index| &self.pixels[index * size..][..size]).copied().collect(),
            labels: indices.iter().map(|&index| self.labels[index]).collect(),
            classes: self.classes.clone(),
        }
    }

    /// The first `count`, or all where there are fewer.
    #[must_use]
    pub fn first(mut self, count: usize) -> Self {
        self.labels.truncate(count);
        self.pixels.truncate(self.labels.len() * self.size());
        self
    }

    /// `count` of each class (all, where it has fewer), drawn by `seed`, classes mixed.
    #[must_use]
    pub fn per_class(&self, count: usize, seed: u64) -> Self {
        self.chosen(&selection::per_class(&self.labels, self.classes.len(), count, seed))
    }

    /// Training and test images: `test` of each class held out, drawn by `seed`, classes mixed. Where a share between
    /// 0 and 1 is asked, a class of two or more has at least one image on each side; a class of one is trained on.
    pub fn split(&self, test: Share, seed: u64) -> (Self, Self) {
        self.divided(test, &mut stream(seed, Purpose::Split))
    }

    /// Training and validation images: `share` of each class held out as [`Images::split`] does, by draws of their own. The
    /// same images in their order where nothing is held out.
    ///
    /// # Errors
    /// [`DataError::Inconsistent`] where a share is asked for and every class has one image, which is trained on.
    pub fn validated(self, share: Share, seed: u64) -> Result<(Self, Option<Self>), DataError> {
        if share == Share::NONE {
            return Ok((self, None));
        }
        let (train, validation) = self.divided(share, &mut stream(seed, Purpose::Validation));
        if validation.is_empty() {
            let fault = "problem.validation_share holds no image out of so few; set it to 0".to_owned();
            return Err(DataError::Inconsistent { fault });
        }
        Ok((train, Some(validation)))
    }

    fn divided(&self, share: Share, random: &mut Stream) -> (Self, Self) {
        let (kept, held_out) = selection::split(&self.labels, self.classes.len(), share, random);
        (self.chosen(&kept), self.chosen(&held_out))
    }

    /// With `share` of the labels (to the nearest whole number of them) replaced by another class each, uniformly,
    /// drawn by `seed`. Where there is one class only, nothing changes.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "checked when the images were made")]
    pub fn with_label_noise(mut self, share: Share, seed: u64) -> Self {
        selection::mislabel(&mut self.labels, self.classes.len() as u32, share, seed);
        self
    }

    /// Scaled to `height` x `width` by a triangle filter that widens as images shrink (antialiasing), as torchvision's
    /// bilinear resizing of images does.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "sizes of images fit u32")]
    pub fn resized(&self, [height, width]: [usize; 2]) -> Self {
        let [channels, from_height, from_width] = self.shape;
        let plane = |plane: &[u8]| {
            GrayImage::from_raw(from_width as u32, from_height as u32, plane.to_vec())
                .map(|image| imageops::resize(&image, width as u32, height as u32, imageops::Triangle).into_raw())
                .unwrap_or_default()
        };
        let pixels = self.pixels.chunks_exact(from_height * from_width).flat_map(plane).collect();
        Self { shape: [channels, height, width], pixels, ..self.clone() }
    }

    /// As numbers: (pixel / 255 - mean) / sd, each channel by its own entry of `channels`, by the last where it has none.
    pub fn normalised(&self, channels: &[Channel]) -> Labelled {
        let tables: Vec<[f32; 256]> = channels.iter().map(|channel| channel.table()).collect();
        let [_, height, width] = self.shape;
        let planes = self.pixels.chunks_exact(height * width).enumerate();
        let mut inputs = Vec::with_capacity(self.pixels.len());
        for (at, plane) in planes {
            let table = tables.get((at % self.shape[0]).min(tables.len().saturating_sub(1)));
            inputs.extend(plane.iter().map(|&pixel| table.map_or(f32::from(pixel) / 255.0, |t| t[usize::from(pixel)])));
        }
        Labelled { inputs, shape: self.shape, labels: self.labels.clone(), classes: self.classes.len() }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{IMAGENET, MNIST},
        *,
    };

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|class| class.to_string()).collect()
    }

    /// `count` images of one pixel, numbered, of three classes in turn.
    fn numbered(count: u8) -> Images {
        let labels = (0..u32::from(count)).map(|i| i % 3).collect();
        Images::new([1, 1, 1], (0..count).collect(), labels, &names(3)).unwrap()
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        let fault = |shape, pixels, labels: &[u32], classes| {
            Images::new(shape, vec![0; pixels], labels.to_vec(), &names(classes)).unwrap_err().to_string()
        };
        assert!(fault([3, 0, 2], 0, &[], 2).contains("shape [3, 0, 2]"));
        assert!(fault([3, usize::MAX, 2], 0, &[], 2).contains("shape"));
        assert!(fault([3, 2, 2], 23, &[0, 1], 2).contains("2 labels, 23 bytes"));
        assert!(fault([3, 2, 2], 24, &[0, 2], 2).contains("label 1 is 2, of 2 classes"));
        assert!(fault([3, 2, 2], 0, &[], 0).contains("0 classes"));
    }

    #[test]
    fn pixels_go_with_their_labels_wherever_they_go() {
        let images = numbered(30);
        let (train, test) = images.split(Share::new(0.2).unwrap(), 5);
        assert_eq!((train.len(), test.len()), (24, 6));
        let few = images.per_class(4, 5);
        assert_eq!(few.len(), 12);
        for part in [&train, &test, &few, &images.clone().first(7)] {
            assert!(part.pixels.iter().zip(&part.labels).all(|(&pixel, &label)| u32::from(pixel) % 3 == label));
        }
        assert_eq!(images.first(7).pixels, [0, 1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn noise_leaves_pixels_and_changes_the_share_of_labels() {
        let clean = numbered(30);
        let noisy = clean.clone().with_label_noise(Share::new(0.3).unwrap(), 5);
        assert_eq!(clean.pixels, noisy.pixels);
        assert_eq!(clean.labels.iter().zip(&noisy.labels).filter(|(a, b)| a != b).count(), 9);
    }

    #[test]
    fn a_constant_stays_constant_in_every_size() {
        let images = Images::new([3, 5, 7], vec![77; 2 * 105], vec![0, 1], &names(2)).unwrap();
        for size in [[1, 1], [5, 7], [3, 4], [16, 9]] {
            let resized = images.resized(size);
            assert_eq!(resized.shape, [3, size[0], size[1]]);
            assert_eq!(resized.pixels, vec![77; 2 * 3 * size[0] * size[1]]);
        }
    }

    #[test]
    fn a_ramp_stays_a_ramp_and_rows_are_not_columns() {
        // Levels 8, 16, ..., 128 across; half as wide, each pixel lies between two of them.
        let ramp: Vec<u8> = (0..4).flat_map(|_| (1..=16).map(|x| 8 * x)).collect();
        let images = Images::new([1, 4, 16], ramp, vec![0], &names(1)).unwrap();
        let halved = images.resized([4, 8]);
        for row in halved.pixels.chunks(8) {
            for (x, &pixel) in row.iter().enumerate().take(7).skip(1) {
                assert!(usize::from(pixel).abs_diff(12 + 16 * x) <= 1, "{row:?}");
            }
        }
        assert_eq!(images.resized([2, 16]).pixels, (0..2).flat_map(|_| (1..=16).map(|x| 8 * x)).collect::<Vec<u8>>());
    }

    /// Pillow 13, `Image.resize((3, 4), BILINEAR)` of the bytes (37 i + 11 i^2) mod 256 as 8 rows of 6.
    #[test]
    fn resizing_agrees_with_pillow() {
        let pixels = (0..48_u8).map(|i| i.wrapping_mul(37).wrapping_add(i.wrapping_mul(i).wrapping_mul(11))).collect();
        let images = Images::new([1, 8, 6], pixels, vec![0], &names(1)).unwrap();
        let expected: [u8; 12] = [74, 160, 170, 108, 146, 157, 108, 150, 140, 154, 156, 139];
        for (pixel, pillow) in images.resized([4, 3]).pixels.iter().zip(expected) {
            assert!(pixel.abs_diff(pillow) <= 1, "{pixel} {pillow}");
        }
    }

    #[test]
    fn each_channel_has_its_own_normalisation() {
        let images = Images::new([3, 1, 2], vec![0, 255, 0, 255, 0, 255], vec![0], &names(1)).unwrap();
        let expected = [-2.117_904, 2.248_908, -2.035_714, 2.428_571, -1.804_444, 2.64];
        for (found, expected) in images.normalised(&IMAGENET).inputs.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
        let grey = images.normalised(&MNIST);
        assert_eq!(grey.inputs[..2], grey.inputs[4..]);
        assert_eq!((grey.shape.as_slice(), grey.features(), grey.classes), (&[3, 1, 2][..], 6, 1));
        assert_eq!(images.normalised(&[]).inputs[..2], [0.0, 1.0]);
    }
}
