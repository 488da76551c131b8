//! Examples as a network takes them: numbers of mean 0 and standard deviation 1 over a reference set.

/// Labelled examples, normalised, on the host.
#[derive(Debug, Clone, PartialEq)]
pub struct Labelled {
    /// Row-major, [`Labelled::features`] numbers an example.
    pub inputs: Vec<f32>,
    /// Channels, height and width of one example.
    pub shape: [usize; 3],
    /// One label an example, each below `classes`.
    pub labels: Vec<u32>,
    /// Kinds of examples.
    pub classes: usize,
}

impl Labelled {
    /// Numbers in one example.
    pub fn features(&self) -> usize {
        self.shape.iter().product()
    }

    /// The first `count` examples, or all where there are fewer.
    #[must_use]
    pub fn first(mut self, count: usize) -> Self {
        self.labels.truncate(count);
        self.inputs.truncate(self.labels.len() * self.features());
        self
    }
}

/// Mean and standard deviation of one channel over a reference set, after scaling to 0..1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Channel {
    /// Mean.
    pub mean: f32,
    /// Standard deviation.
    pub sd: f32,
}

impl Channel {
    const fn new(mean: f32, sd: f32) -> Self {
        Self { mean, sd }
    }

    /// (value / 255 - mean) / sd, for every value of a byte.
    pub(super) fn table(self) -> [f32; 256] {
        let mut value = 0_u8;
        std::array::from_fn(|_| {
            let normalised = (f32::from(value) / 255.0 - self.mean) / self.sd;
            value = value.wrapping_add(1);
            normalised
        })
    }
}

/// MNIST's pixels.
pub const MNIST: [Channel; 1] = [Channel::new(0.1307, 0.3081)];
/// Fashion-MNIST's pixels.
pub const FASHION: [Channel; 1] = [Channel::new(0.2860, 0.3530)];
/// ImageNet's red, green and blue: what networks pretrained on it expect.
pub const IMAGENET: [Channel; 3] = [Channel::new(0.485, 0.229), Channel::new(0.456, 0.224), Channel::new(0.406, 0.225)];
