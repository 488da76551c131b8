//! Every operation of the algebra as a small loss of 24 parameters, one line each, for tests of values and derivatives.
//! `tests/torch/operations.py` has the same table in PyTorch.

use burn::tensor::{Bool, Device, Int, Tensor};
use nso_tui::autodiff::{Conv2dOptions, Layout, Loss, Model, Parameters, Real, Value, Vector, indices_on, vector_like};

use crate::common::scattered;

/// One operation inside of a loss that is nonlinear in it, so that first and second derivatives of the operation all count:
/// sum c op(w)^2 with fixed uneven weights c. A tenth of sum c w^2 makes it depend on every parameter.
pub struct Around {
    operation: Operation,
    layout: Layout,
}

/// What operations are applied to: three parameter matrices, and constants on their device in their precision.
struct Inputs<R: Real> {
    /// [3, 4].
    a: Value<R, 2>,
    /// [4, 2].
    b: Value<R, 2>,
    /// [1, 4].
    row: Value<R, 2>,
    constants: Constants,
}

/// Data in the precision and on the device of a vector.
struct Constants(Vector);

impl Constants {
    /// [3, 4], uneven.
    fn matrix<R: Real>(&self) -> Value<R, 2> {
        Value::constant(vector_like(&scattered(12, 0.7), &self.0).reshape([3, 4]))
    }

    fn device(&self) -> Device {
        self.0.device()
    }

    fn indices(&self, list: &[usize]) -> Tensor<1, Int> {
        indices_on(list, &self.device())
    }

    /// One label for each of three rows.
    fn labels(&self) -> Tensor<2, Int> {
        self.indices(&[2, 0, 3]).reshape([3, 1])
    }

    /// True where an entry is 1.
    fn mask<const D: usize>(&self, entries: &[f64], shape: [usize; D]) -> Tensor<D, Bool> {
        vector_like(entries, &self.0).greater_elem(0.5).reshape(shape)
    }

    /// Running mean and running variance of two channels.
    fn buffers(&self) -> [Tensor<1>; 2] {
        [[0.3, -0.2], [0.5, 1.7]].map(|numbers| vector_like(&numbers, &self.0))
    }
}

/// sum c x^2.
fn weigh<R: Real, const D: usize>(x: Value<R, D>) -> Value<R, 1> {
    let shape = x.dims();
    let like = x.detach().reshape([-1]);
    let weights = vector_like(&scattered(shape.iter().product(), 0.3), &like).reshape(shape);
    (Value::constant(weights) * x.square()).sum()
}

/// A matrix of four entries as scale and shift of two features.
fn halves<R: Real>(four: Value<R, 2>, constants: &Constants) -> [Value<R, 1>; 2] {
    let four = four.reshape([4]);
    [[0, 1], [2, 3]].map(|of| four.clone().select(constants.indices(&of)))
}

/// Self-attention of two heads over three tokens that do not see those after them, each token [4] split into heads of [2].
fn attention<R: Real>(tokens: Value<R, 2>, constants: &Constants) -> Value<R, 2> {
    let heads = tokens.reshape([3, 2, 2]).permute([1, 0, 2]);
    let future = constants.mask(&[0., 1., 1., 0., 0., 1., 0., 0., 0.], [1, 3, 3]);
    let scores = 0.7 * heads.clone().matmul(heads.clone().transpose());
    let shares = scores.mask_fill(future, -1e9).softmax();
    shares.matmul(heads).permute([1, 0, 2]).reshape([3, 4])
}

fn window(stride: usize, padding: usize, groups: usize) -> Conv2dOptions {
    Conv2dOptions { stride, padding, groups }
}

/// Lines of a name and the loss that it stands for.
macro_rules! operations {
    ($inputs:ident => $($name:ident: $loss:expr;)+) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Operation {
            $($name),+
        }

        impl Operation {
            pub const ALL: &[Self] = &[$(Self::$name),+];

            fn apply<R: Real>(self, $inputs: Inputs<R>) -> Value<R, 1> {
                match self {
                    $(Self::$name => $loss),+
                }
            }
        }
    };
}

operations! { x =>
    Add: weigh(x.a + x.row);
    Sub: weigh(x.row - x.a);
    AddConstant: weigh(x.constants.matrix() + x.row);
    SubFromConstant: weigh(x.constants.matrix() - x.row);
    Mul: weigh(x.a * x.row);
    Div: weigh(x.a / (x.row.square() + 0.5));
    DivOfConstant: weigh(x.constants.matrix() / (x.row.square() + 0.5));
    Scale: weigh(x.a * -1.7);
    Neg: weigh(-x.a.clone() + x.a.square());
    AddScalar: weigh((x.a.clone() + 0.3) * (0.9 - x.a.clone()) + (0.2 + x.a.clone()) * (x.a - 0.4));
    AddToLastAxis: weigh(
        x.a.reshape([3, 2, 2]) * x.b.reshape([8]).select(x.constants.indices(&[1, 6]))
            + x.row.clone().reshape([4]).select(x.constants.indices(&[3, 0]))
            - x.row.reshape([4]).select(x.constants.indices(&[1, 1]))
    );
    Square: weigh(x.a.square());
    Sqrt: weigh((x.a.square() + 0.5).sqrt());
    Exp: weigh(x.a.exp());
    Log: weigh((x.a.square() + 0.5).log());
    Relu: weigh(x.a.relu());
    Relu6: weigh((9.0 * x.a).relu6());
    Tanh: weigh(x.a.tanh());
    Sigmoid: weigh((3.0 * x.a).sigmoid());
    Silu: weigh((3.0 * x.a).silu());
    Gelu: weigh((3.0 * x.a).gelu());
    GeluTanh: weigh((3.0 * x.a).gelu_tanh());
    Matmul: weigh(x.a.matmul(x.b));
    MatmulOfConstant: weigh(x.constants.matrix().matmul(x.b));
    MatmulOfBatches: weigh(x.a.reshape([2, 3, 2]).matmul(x.b.reshape([2, 2, 2])));
    MatmulOfBatchAndOne: weigh(x.a.reshape([2, 3, 2]).matmul(x.row.reshape([1, 2, 2])));
    MatmulOfConstantBatch: weigh(x.constants.matrix().reshape([2, 3, 2]).matmul(x.b.reshape([2, 2, 2])));
    MatmulOfHeads: weigh(x.a.reshape([2, 1, 3, 2]).matmul(x.b.reshape([1, 2, 2, 2])));
    Transpose: weigh(x.b.transpose().matmul(x.a.transpose()));
    TransposeOfBatch: weigh(x.a.reshape([2, 3, 2]).transpose());
    Reshape: weigh(x.a.reshape([2, 6]) * x.constants.matrix().reshape([2, 6]));
    Permute: weigh(x.a.reshape([1, 3, 2, 2]).permute([2, 0, 3, 1]));
    SwapDims: weigh(x.a.reshape([3, 2, 2]).swap_dims(0, 2));
    Expand: weigh(x.row.expand([3, 4]));
    ConcatRows: weigh(Value::concat(vec![x.row, x.constants.matrix(), x.a], 0).matmul(x.b));
    ConcatColumns: weigh(Value::concat(vec![x.a.clone().matmul(x.b), x.constants.matrix(), x.a], 1));
    ConcatOfBatches: weigh(Value::concat(vec![x.a.reshape([2, 3, 2]), x.b.reshape([2, 2, 2])], 1));
    Select: weigh(x.a.reshape([12]).select(x.constants.indices(&[3, 0, 3, 11, 7])));
    SelectRows: weigh(x.a.select(x.constants.indices(&[2, 0, 2, 1, 2])));
    SegmentSum: weigh(x.b.segment_sum(x.constants.indices(&[2, 0, 2, 2]), 4));
    MaskFill: weigh(
        x.a.mask_fill(x.constants.mask(&[1., 0., 0., 1., 0., 1., 0., 0., 0., 0., 1., 0.], [3, 4]), -2.0) * x.row
    );
    MaskFillOfColumns: weigh(x.a.mask_fill(x.constants.mask(&[1., 0., 1., 0.], [1, 4]), 0.4) * x.row);
    Sum: weigh(x.a.square().sum());
    SumRows: weigh(x.a.square().sum_rows());
    SumDim: weigh(x.a.reshape([3, 2, 2]).square().sum_dim(1));
    MeanDim: weigh(x.a.square().mean_dim(0));
    Softmax: weigh((2.0 * x.a).softmax());
    SoftmaxOfBatch: weigh((2.0 * x.a).reshape([2, 2, 3]).softmax());
    LogSoftmax: weigh(x.a.log_softmax());
    LogSoftmaxOfBatch: weigh(x.a.reshape([2, 2, 3]).log_softmax());
    LayerNorm: weigh(
        x.a.layer_norm([x.row.reshape([4]), x.b.reshape([8]).select(x.constants.indices(&[0, 3, 5, 6]))], 1e-5)
    );
    LayerNormOfBatch: weigh(x.a.reshape([2, 3, 2]).layer_norm(halves(x.row, &x.constants), 0.1));
    LayerNormOfConstant: weigh(x.constants.matrix().reshape([2, 3, 2]).layer_norm(halves(x.row, &x.constants), 0.1));
    Linear: weigh(x.a.linear(x.b.transpose(), x.row.reshape([4]).select(x.constants.indices(&[2, 0]))));
    Gather: weigh(x.a.log_softmax().gather(x.constants.labels()));
    CrossEntropy: weigh(x.a.cross_entropy(x.constants.labels()));
    Conv: weigh(x.a.reshape([1, 2, 2, 3]).conv2d(x.b.reshape([1, 2, 2, 2]), window(2, 1, 1)));
    GroupedConv: weigh(x.a.reshape([1, 2, 2, 3]).conv2d(x.b.reshape([2, 1, 2, 2]), window(1, 1, 2)));
    ConvOfConstant: weigh(
        x.constants.matrix().reshape([1, 1, 3, 4]).conv2d(x.b.reshape([2, 1, 2, 2]), window(1, 0, 1))
    );
    MaxPool: weigh(x.a.reshape([1, 1, 3, 4]).max_pool2d(3, window(2, 1, 1)));
    MeanPixels: weigh(x.a.square().reshape([2, 1, 2, 3]).mean_pixels());
    BatchNorm: weigh(x.a.reshape([3, 2, 1, 2]).batch_norm(halves(x.row, &x.constants), 1e-5).0);
    BatchNormEval: weigh(
        x.a.reshape([3, 2, 1, 2]).batch_norm_eval(halves(x.row, &x.constants), x.constants.buffers(), 1e-5)
    );
    BatchNormEvalOfConstant: weigh(
        x.constants.matrix().reshape([3, 2, 1, 2])
            .batch_norm_eval(halves(x.row, &x.constants), x.constants.buffers(), 1e-5)
    );
    Attention: weigh(attention(x.a * x.row, &x.constants).matmul(x.b).gelu());
    GraphConvolution: weigh(
        x.a.select(x.constants.indices(&[0, 1, 2, 2]))
            .segment_sum(x.constants.indices(&[1, 0, 0, 2]), 3).matmul(x.b).silu()
    );
}

impl Around {
    pub fn new(operation: Operation) -> Self {
        let layout = Layout::new([("a", vec![3, 4]), ("b", vec![4, 2]), ("row", vec![1, 4])]);
        Self { operation, layout }
    }
}

impl Model for Around {
    type Batch = ();

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn loss<R: Real>(&self, w: &Parameters<'_, R>, (): &()) -> Loss<R> {
        let (a, b, row): (Value<R, 2>, Value<R, 2>, Value<R, 2>) = (w.tensor(0), w.tensor(1), w.tensor(2));
        let every = weigh(a.clone()) + weigh(b.clone()) + weigh(row.clone());
        let constants = Constants(row.detach().reshape([4]));
        Loss::from(self.operation.apply(Inputs { a, b, row, constants }) + 0.1 * every)
    }
}
