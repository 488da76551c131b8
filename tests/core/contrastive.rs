//! A contrastive loss over pairs of two kinds: a loss that is no mean over examples, in [`Supervised`].

use burn::tensor::{DType, Device, Tensor};
use nso_tui::{
    autodiff::{Real, Scalar, Value, Vector, read},
    problem::{
        Batch, BatchOf, Blueprint, CrossEntropy, Dataset, Examples, Linear, LossFunction, Mode, Network, Pass, Problem,
        Reduction, Split, Supervised, Tensors,
    },
};

use crate::{
    common::{scattered, vector},
    supervised::{equals_differences, floats, integers, loss},
};

/// Two descriptions of each example.
#[derive(Clone)]
struct Pairs {
    /// [n, 3].
    images: Tensor<2>,
    /// [n, 2].
    texts: Tensor<2>,
}

struct Captions(Device);

impl Dataset for Captions {
    type Input = Pairs;
    type Targets = ();

    fn count(&self, split: Split) -> Option<usize> {
        (split != Split::Validation).then_some(6)
    }

    fn batch(&self, _: Split, indices: &[usize]) -> BatchOf<Self> {
        let of = |width: usize, offset: f64| {
            let all = scattered(6 * width, offset);
            let rows = indices.iter().flat_map(|index| all[index * width..][..width].to_vec()).collect();
            floats(rows, [indices.len(), width])
        };
        Batch { input: Pairs { images: of(3, 0.2), texts: of(2, 0.7) }, targets: (), count: indices.len() }
    }

    fn parts(&self, _: &BatchOf<Self>, _: usize) -> Vec<BatchOf<Self>> {
        unreachable!("a contrastive loss is never computed in parts")
    }

    fn device(&self) -> &Device {
        &self.0
    }
}

/// Similarities of tanh embeddings, [n, n]: row i compares image i with every text.
struct TwoTowers {
    towers: [Linear; 2],
    tensors: Tensors,
}

impl TwoTowers {
    fn new() -> Self {
        let mut plan = Blueprint::default();
        let towers = [plan.linear("image", [3, 4]), plan.linear("text", [2, 4])];
        Self { towers, tensors: plan.finish() }
    }
}

impl Network for TwoTowers {
    type Input = Pairs;

    fn tensors(&self) -> &Tensors {
        &self.tensors
    }

    fn width(&self) -> usize {
        usize::MAX
    }

    fn forward<R: Real>(&self, pass: &mut Pass<'_, R>, pairs: &Pairs) -> R::T<2> {
        let [images, texts] = [(0, &pairs.images), (1, &pairs.texts)].map(|(tower, inputs)| {
            Value::<R, 2>::new(self.towers[tower].apply::<R>(pass.constant(inputs), pass)).tanh()
        });
        images.matmul(texts.transpose()).into_inner()
    }
}

/// (CE(S, i) + CE(S', i)) / 2 (Radford et al. 2021) of similarities S, whose row i belongs to column i.
struct Contrastive;

impl LossFunction for Contrastive {
    type Targets = ();

    const UNIT: Option<&'static str> = Some("nats");
    const REDUCTION: Reduction = Reduction::WholeBatch;
    const SMOOTHS_LABELS: bool = false;

    fn loss<R: Real>(&self, similarities: R::T<2>, (): &(), smoothing: f64) -> R::T<1> {
        assert_eq!(smoothing, 0.0, "there are no labels to smooth");
        let [n, _] = R::dims(&similarities);
        let diagonal = integers((0..n).collect(), [n, 1]);
        let rows = R::cross_entropy(similarities.clone(), diagonal.clone());
        R::scale(R::add(rows, R::cross_entropy(R::transpose(similarities), diagonal)), 0.5)
    }

    fn example_losses(&self, _: Tensor<2>, (): &()) -> Option<Vector> {
        None
    }

    fn correct(&self, similarities: Tensor<2>, (): &()) -> Option<Scalar> {
        let [n, _] = similarities.dims();
        CrossEntropy.correct(similarities, &integers((0..n).collect(), [n, 1]))
    }
}

/// Its loss is that of the whole batch, whatever fits into a pass: not the mean of the losses of its parts, and no example has one.
#[test]
fn a_contrastive_loss_sees_its_batch_whole() {
    let problem = Supervised::new(TwoTowers::new(), Captions(Device::flex()), Contrastive);
    equals_differences(&problem, Examples::First(6));
    let whole = loss(&problem, Examples::First(6));
    let halves = [[0, 1, 2], [3, 4, 5]].map(|half| loss(&problem, Examples::Chosen(&half)));
    assert!((whole - 0.5 * (halves[0] + halves[1])).abs() > 0.1, "{whole} {halves:?}");
    let w = vector(&scattered(problem.layout().dimension(), 0.1), DType::F64);
    let metrics = problem.evaluate(&w, None);
    assert!((metrics.train_loss.unwrap() - whole).abs() < 1e-12);
    assert!(problem.example_losses(&w, None).is_none() && problem.reduction() == Reduction::WholeBatch);
    let smoothed = Mode { smoothing: 0.1, ..Mode::default() };
    assert_eq!(read(vec![problem.objective_in(smoothed, Examples::First(6)).loss(&w)])[0], whole);
}
