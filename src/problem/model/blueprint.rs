//! What a network is built of: its layers are declared one by one under PyTorch's names, and know their tensors by index.

use rand_distr::{Distribution, Normal};

use crate::{
    autodiff::{Conv2dOptions, Layout},
    problem::layer::{BatchNorm, Conv, Linear, Stage, initial_linear},
    random::Stream,
};

/// Layers declared so far.
#[derive(Debug, Default)]
pub struct Blueprint {
    parameters: Vec<(String, Vec<usize>)>,
    buffers: Vec<(String, Vec<usize>)>,
    initializers: Vec<Initializer>,
    has_grouped_convolutions: bool,
}

/// How a layer's tensors begin.
#[derive(Debug, Clone, Copy)]
enum Initializer {
    /// Kernels: normal with variance 2 / fan-out (He 2015), as torchvision's networks have them.
    Kernels { numbers: usize, fan_out: usize },
    /// A fully connected layer, or a convolution with a bias: uniform on +-1/sqrt(fan-in), PyTorch's default.
    Affine { inputs: usize, outputs: usize },
    /// Scale 1, shift 0.
    Norm { channels: usize },
    /// Zeros.
    Zeros { numbers: usize },
}

/// The tensors of a finished network.
#[derive(Debug, Clone)]
pub struct Tensors {
    /// The parameters, in the order of their declaration.
    pub layout: Layout,
    /// The running means and variances of its batch normalisations.
    pub buffers: Layout,
    /// Whether a convolution has more than one group.
    pub has_grouped_convolutions: bool,
    initializers: Vec<Initializer>,
}

/// Channels in and out of a convolution, the size of its square kernels, and how they move.
#[derive(Debug, Clone, Copy)]
pub struct ConvShape {
    /// Channels that come in and that go out.
    pub channels: [usize; 2],
    /// Pixels of a kernel's side, odd.
    pub size: usize,
    /// Pixels from one place to the next.
    pub stride: usize,
    /// Groups of channels that do not see each other.
    pub groups: usize,
}

impl ConvShape {
    fn window(self) -> Conv2dOptions {
        Conv2dOptions { stride: self.stride, padding: self.size / 2, groups: self.groups }
    }

    fn kernels(self) -> Vec<usize> {
        let [inputs, outputs] = self.channels;
        vec![outputs, inputs / self.groups, self.size, self.size]
    }
}

impl Blueprint {
    /// A convolution without a bias, padded to keep the size at stride 1: `{name}.weight`.
    pub fn conv(&mut self, name: &str, shape: ConvShape) -> Conv {
        let parameters = self.parameters.len();
        let kernels = shape.kernels();
        self.has_grouped_convolutions |= shape.groups > 1;
        // PyTorch counts the outputs of all groups.
        let fan_out = shape.channels[1] * shape.size * shape.size;
        self.initializers.push(Initializer::Kernels { numbers: kernels.iter().product(), fan_out });
        self.parameters.push((format!("{name}.weight"), kernels));
        Conv { parameters, biased: false, window: shape.window() }
    }

    /// The same with a bias: `{name}.weight`, `{name}.bias`.
    pub fn conv_with_bias(&mut self, name: &str, shape: ConvShape) -> Conv {
        let parameters = self.parameters.len();
        let kernels = shape.kernels();
        self.has_grouped_convolutions |= shape.groups > 1;
        self.initializers.push(Initializer::Affine { inputs: kernels[1..].iter().product(), outputs: kernels[0] });
        self.parameters.push((format!("{name}.weight"), kernels));
        self.parameters.push((format!("{name}.bias"), vec![shape.channels[1]]));
        Conv { parameters, biased: true, window: shape.window() }
    }

    /// A batch normalisation: `{name}.weight`, `{name}.bias`, and the buffers `{name}.running_mean`, `{name}.running_var`.
    pub fn batch_norm(&mut self, name: &str, channels: usize) -> BatchNorm {
        let norm = BatchNorm { parameters: self.parameters.len(), buffers: self.buffers.len() };
        self.initializers.push(Initializer::Norm { channels });
        self.parameters.extend(["weight", "bias"].map(|what| (format!("{name}.{what}"), vec![channels])));
        self.buffers.extend(["running_mean", "running_var"].map(|what| (format!("{name}.{what}"), vec![channels])));
        norm
    }

    /// A convolution and its normalisation, by their names.
    pub fn stage(&mut self, [conv, norm]: [&str; 2], shape: ConvShape) -> Stage {
        Stage { conv: self.conv(conv, shape), norm: self.batch_norm(norm, shape.channels[1]) }
    }

    /// A fully connected layer: `{name}.weight`, `{name}.bias`.
    pub fn linear(&mut self, name: &str, [inputs, outputs]: [usize; 2]) -> Linear {
        let parameters = self.parameters.len();
        self.initializers.push(Initializer::Affine { inputs, outputs });
        self.parameters.push((format!("{name}.weight"), vec![outputs, inputs]));
        self.parameters.push((format!("{name}.bias"), vec![outputs]));
        Linear { parameters }
    }

    /// A matrix without a bias that begins at zero: `{name}.weight`. Its index.
    pub fn zero_matrix(&mut self, name: &str, [inputs, outputs]: [usize; 2]) -> usize {
        self.initializers.push(Initializer::Zeros { numbers: inputs * outputs });
        self.parameters.push((format!("{name}.weight"), vec![outputs, inputs]));
        self.parameters.len() - 1
    }

    /// The tensors of all layers, in the order of their declaration.
    pub fn finish(self) -> Tensors {
        let layout = |tensors: Vec<(String, Vec<usize>)>| {
            Layout::new(tensors.iter().map(|(name, shape)| (name.as_str(), shape.clone())))
        };
        Tensors {
            layout: layout(self.parameters),
            buffers: layout(self.buffers),
            has_grouped_convolutions: self.has_grouped_convolutions,
            initializers: self.initializers,
        }
    }
}

impl Tensors {
    /// Initial values of all parameters, flat, [parameters].
    pub fn initial(&self, random: &mut Stream) -> Vec<f64> {
        let mut values = Vec::with_capacity(self.layout.dimension());
        for initializer in &self.initializers {
            match *initializer {
                Initializer::Kernels { numbers, fan_out } => {
                    let deviation = (2.0 / fan_out as f64).sqrt();
                    let Ok(distribution) = Normal::new(0.0, deviation) else { unreachable!("a fan-out is positive") };
                    values.extend(distribution.sample_iter(&mut *random).take(numbers));
                }
                Initializer::Affine { inputs, outputs } => values.extend(initial_linear(inputs, outputs, random)),
                Initializer::Zeros { numbers } => values.extend(std::iter::repeat_n(0.0, numbers)),
                Initializer::Norm { channels } => {
                    values.extend(std::iter::repeat_n(1.0, channels).chain(std::iter::repeat_n(0.0, channels)));
                }
            }
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::{Depth, MobileNetV2, Network, ResNet};

    /// LibTorch's double backward is slow for depthwise convolutions: they, and they alone, ask for dual numbers.
    #[test]
    fn a_convolution_in_groups_is_remembered() {
        use crate::autodiff::HessianProducts::{DoubleBackward, DualNumbers};
        assert_eq!(MobileNetV2::new(10, 2, 32).hessian_products(), DualNumbers);
        assert_eq!(ResNet::new(Depth::Eighteen, 10, 32).hessian_products(), DoubleBackward);
        let mut plan = Blueprint::default();
        plan.conv_with_bias("conv", ConvShape { channels: [4, 4], size: 3, stride: 1, groups: 2 });
        assert!(plan.finish().has_grouped_convolutions);
    }
}
