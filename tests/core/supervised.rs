//! Networks that are not on images, defined here alone: sequences of tokens with a mask, and the nodes of a graph.
//! Each is a network, a data set and a loss in [`Supervised`]; its derivatives are held against central differences in double precision.

use std::ops::Range;

use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use nso_tui::{
    autodiff::{Real, Value, read, values},
    problem::{
        Batch, BatchOf, Blueprint, CrossEntropy, Dataset, Examples, Linear, Network, Pass, Problem, Split, Supervised,
        Tensors,
    },
};

use crate::{
    common::{apart, scattered, vector},
    derivatives::{gradient_by_differences, product_by_differences},
};

const CLASSES: usize = 3;

pub fn integers<const D: usize>(numbers: Vec<usize>, shape: [usize; D]) -> Tensor<D, Int> {
    let numbers: Vec<i64> = numbers.into_iter().map(|number| i64::try_from(number).unwrap()).collect();
    Tensor::from_data(TensorData::new(numbers, shape), &Device::flex())
}

pub fn floats<const D: usize>(numbers: Vec<f64>, shape: [usize; D]) -> Tensor<D> {
    let numbers: Vec<f32> = numbers.into_iter().map(|number| number as f32).collect();
    Tensor::from_data(TensorData::new(numbers, shape), &Device::flex())
}

fn labels(indices: &[usize]) -> Tensor<2, Int> {
    integers(indices.iter().map(|index| index * index % CLASSES).collect(), [indices.len(), 1])
}

/// Gradient and Hessian-vector product of `problem` on `examples` at scattered weights.
pub fn equals_differences(problem: &dyn Problem, examples: Examples<'_>) {
    let dimension = problem.layout().dimension();
    let [w, v] = [0.1, 0.55].map(|offset| scattered(dimension, offset));
    let f = problem.objective(examples);
    let [at, along] = [&w, &v].map(|numbers| vector(numbers, DType::F64));
    let off = apart(&values(&f.gradient(&at).gradient), &gradient_by_differences(f.as_ref(), &w, 1e-5));
    assert!(off < 1e-8, "the gradient is {off:e} off");
    let off = apart(&values(&f.hessian_product(&at, &along)), &product_by_differences(f.as_ref(), &w, &v, 1e-5));
    assert!(off < 1e-8, "the product is {off:e} off");
}

pub fn loss(problem: &dyn Problem, examples: Examples<'_>) -> f64 {
    let w = vector(&scattered(problem.layout().dimension(), 0.1), DType::F64);
    read(vec![problem.objective(examples).loss(&w)])[0]
}

/// Sequences of tokens, padded to the longest of their batch.
#[derive(Clone)]
struct Tokens {
    /// [n, length]; 0 where there is padding.
    ids: Tensor<2, Int>,
    /// [n, length, 1]: 1 where there is a token.
    mask: Tensor<3>,
}

struct Sequences {
    tokens: Vec<Vec<usize>>,
    device: Device,
}

impl Dataset for Sequences {
    type Input = Tokens;
    type Targets = Tensor<2, Int>;

    fn count(&self, split: Split) -> Option<usize> {
        (split != Split::Validation).then_some(self.tokens.len())
    }

    fn batch(&self, _: Split, indices: &[usize]) -> BatchOf<Self> {
        let chosen: Vec<&Vec<usize>> = indices.iter().map(|&index| &self.tokens[index]).collect();
        let (n, length) = (chosen.len(), chosen.iter().map(|tokens| tokens.len()).max().unwrap());
        let places = || chosen.iter().flat_map(|tokens| (0..length).map(|at| tokens.get(at).copied()));
        let ids = places().map(|token| token.unwrap_or(0)).collect();
        let mask = places().map(|token| f64::from(token.is_some())).collect();
        let input = Tokens { ids: integers(ids, [n, length]), mask: floats(mask, [n, length, 1]) };
        Batch { input, targets: labels(indices), count: n }
    }

    fn parts(&self, batch: &BatchOf<Self>, most: usize) -> Vec<BatchOf<Self>> {
        let rows = |start: usize| {
            let count = most.min(batch.count - start);
            let Tokens { ids, mask } = batch.input.clone();
            let input = Tokens { ids: ids.narrow(0, start, count), mask: mask.narrow(0, start, count) };
            Batch { input, targets: batch.targets.clone().narrow(0, start, count), count }
        };
        (0..batch.count).step_by(most).map(rows).collect()
    }

    fn device(&self) -> &Device {
        &self.device
    }
}

/// softmax(W tanh(mean of the embeddings of the tokens) + b).
struct TokenClassifier {
    embedding: usize,
    head: Linear,
    tensors: Tensors,
    most: usize,
}

impl TokenClassifier {
    fn new(vocabulary: usize, width: usize, most: usize) -> Self {
        let mut plan = Blueprint::default();
        let embedding = plan.zero_matrix("embedding", [width, vocabulary]);
        let head = plan.linear("head", [width, CLASSES]);
        Self { embedding, head, tensors: plan.finish(), most }
    }
}

impl Network for TokenClassifier {
    type Input = Tokens;

    fn tensors(&self) -> &Tensors {
        &self.tensors
    }

    fn width(&self) -> usize {
        1
    }

    fn examples_per_pass(&self) -> usize {
        self.most
    }

    fn forward<R: Real>(&self, pass: &mut Pass<'_, R>, Tokens { ids, mask }: &Tokens) -> R::T<2> {
        let [n, length] = ids.dims();
        let table: Value<R, 2> = pass.tensor(self.embedding);
        let [_, width] = table.dims();
        let embedded = table.select(ids.clone().reshape([n * length])).reshape([n, length, width]);
        let counts: Value<R, 3> = Value::new(pass.constant(&mask.clone().sum_dim(1)));
        let sum = (embedded * Value::<R, 3>::new(pass.constant(mask))).sum_dim(1);
        let mean = (sum / counts).reshape([n, width]);
        self.head.apply::<R>(mean.tanh().into_inner(), pass)
    }
}

fn sequences() -> Sequences {
    let tokens = (0..7).map(|i| (0..2 + i % 4).map(|at| (3 * i + 5 * at + i * at) % 11).collect()).collect();
    Sequences { tokens, device: Device::flex() }
}

#[test]
fn a_classifier_of_tokens_has_the_derivatives_of_differences() {
    let problem = Supervised::new(TokenClassifier::new(11, 4, 100), sequences(), CrossEntropy);
    equals_differences(&problem, Examples::First(7));
    equals_differences(&problem, Examples::Chosen(&[5, 0, 3]));
}

/// What pads a batch has no part in the loss; a batch in parts of two is the batch.
#[test]
fn a_batch_of_tokens_is_the_mean_of_its_sequences_whatever_its_padding() {
    let problem = |most| Supervised::new(TokenClassifier::new(11, 4, most), sequences(), CrossEntropy);
    let alone = (0..7).map(|index| loss(&problem(100), Examples::Chosen(&[index]))).sum::<f64>() / 7.0;
    for most in [100, 2] {
        let together = loss(&problem(most), Examples::First(7));
        assert!((together - alone).abs() < 1e-12, "{most}: {together} {alone}");
        let w = vector(&scattered(problem(most).layout().dimension(), 0.1), DType::F64);
        let metrics = problem(most).evaluate(&w, None);
        assert!((metrics.train_loss.unwrap() - alone).abs() < 1e-12 && metrics.validation_loss.is_none());
        assert_eq!(values(&problem(most).example_losses(&w, None).unwrap().train).len(), 7);
    }
}

/// A whole graph, and the nodes whose classes are asked for.
#[derive(Clone)]
struct Nodes {
    /// [nodes, features].
    features: Tensor<2>,
    /// An edge from `sources[i]` to `targets[i]`, both ways and from each node to itself.
    sources: Tensor<1, Int>,
    targets: Tensor<1, Int>,
    /// [nodes, 1].
    degrees: Tensor<2>,
    asked: Tensor<1, Int>,
}

const NODES: usize = 9;
const FEATURES: usize = 4;

/// A ring with chords; even nodes are trained on, odd ones tested.
struct Ring(Device);

impl Dataset for Ring {
    type Input = Nodes;
    type Targets = Tensor<2, Int>;

    fn count(&self, split: Split) -> Option<usize> {
        match split {
            Split::Train => Some(5),
            Split::Validation => None,
            Split::Test => Some(4),
        }
    }

    fn batch(&self, split: Split, indices: &[usize]) -> BatchOf<Self> {
        let asked: Vec<usize> = indices.iter().map(|index| 2 * index + usize::from(split == Split::Test)).collect();
        let edges: Vec<(usize, usize)> =
            (0..NODES).flat_map(|i| [(i, i), (i, (i + 1) % NODES), ((i + 1) % NODES, i), (i, 3 * i % NODES)]).collect();
        let degrees = (0..NODES).map(|node| edges.iter().filter(|(_, to)| *to == node).count() as f64).collect();
        let input = Nodes {
            features: floats(scattered(NODES * FEATURES, 0.3), [NODES, FEATURES]),
            sources: integers(edges.iter().map(|edge| edge.0).collect(), [edges.len()]),
            targets: integers(edges.iter().map(|edge| edge.1).collect(), [edges.len()]),
            degrees: floats(degrees, [NODES, 1]),
            asked: integers(asked.clone(), [asked.len()]),
        };
        Batch { input, targets: labels(&asked), count: asked.len() }
    }

    fn parts(&self, _: &BatchOf<Self>, _: usize) -> Vec<BatchOf<Self>> {
        unreachable!("the network takes any batch in one pass")
    }

    fn device(&self) -> &Device {
        &self.0
    }
}

/// Two graph convolutions: logits = A tanh(A X W1' + b1) W2' + b2, where A averages over a node's neighbours and itself.
struct NodeClassifier {
    layers: [Linear; 2],
    tensors: Tensors,
}

impl NodeClassifier {
    fn new(width: usize) -> Self {
        let mut plan = Blueprint::default();
        let layers = [plan.linear("conv1", [FEATURES, width]), plan.linear("conv2", [width, CLASSES])];
        Self { layers, tensors: plan.finish() }
    }
}

impl Network for NodeClassifier {
    type Input = Nodes;

    fn tensors(&self) -> &Tensors {
        &self.tensors
    }

    fn width(&self) -> usize {
        NODES * FEATURES
    }

    fn examples_per_pass(&self) -> usize {
        usize::MAX
    }

    fn forward<R: Real>(&self, pass: &mut Pass<'_, R>, graph: &Nodes) -> R::T<2> {
        let degrees: Value<R, 2> = Value::new(pass.constant(&graph.degrees));
        let averaged = |x: Value<R, 2>| {
            let messages = x.select(graph.sources.clone());
            messages.segment_sum(graph.targets.clone(), NODES) / degrees.clone()
        };
        let [first, second] = self.layers;
        let inner = averaged(Value::new(pass.constant(&graph.features)));
        let hidden = Value::<R, 2>::new(first.apply::<R>(inner.into_inner(), pass)).tanh();
        let logits = Value::<R, 2>::new(second.apply::<R>(averaged(hidden).into_inner(), pass));
        logits.select(graph.asked.clone()).into_inner()
    }
}

#[test]
fn a_classifier_of_nodes_has_the_derivatives_of_differences() {
    let problem = Supervised::new(NodeClassifier::new(5), Ring(Device::flex()), CrossEntropy);
    equals_differences(&problem, Examples::First(5));
    equals_differences(&problem, Examples::Chosen(&[4, 1]));
    equals_differences(&problem, Examples::HeldOut(&[0, 3]));
}

/// Logits of the ring's nodes by plain loops, and from them the losses of the problem.
#[test]
fn a_classifier_of_nodes_is_its_formula() {
    let problem = Supervised::new(NodeClassifier::new(5), Ring(Device::flex()), CrossEntropy);
    let w: Vec<f64> = scattered(problem.layout().dimension(), 0.1);
    let neighbours = |node: usize| -> Vec<usize> {
        (0..NODES)
            .flat_map(|i| [(i, i), (i, (i + 1) % NODES), ((i + 1) % NODES, i), (i, 3 * i % NODES)])
            .filter(|(_, to)| *to == node)
            .map(|(from, _)| from)
            .collect()
    };
    let averaged = |x: &[Vec<f64>]| -> Vec<Vec<f64>> {
        let mean = |node: usize, feature: usize| {
            let around = neighbours(node);
            around.iter().map(|&from| x[from][feature]).sum::<f64>() / around.len() as f64
        };
        (0..NODES).map(|node| (0..x[0].len()).map(|feature| mean(node, feature)).collect()).collect()
    };
    let linear = |x: &[Vec<f64>], weight: Range<usize>, bias: Range<usize>| -> Vec<Vec<f64>> {
        let row = |x: &Vec<f64>| -> Vec<f64> {
            let rows = w[weight.clone()].chunks(x.len()).zip(&w[bias.clone()]);
            rows.map(|(row, b)| b + row.iter().zip(x).map(|(a, x)| a * x).sum::<f64>()).collect()
        };
        x.iter().map(row).collect()
    };
    let features: Vec<f64> = scattered(NODES * FEATURES, 0.3).into_iter().map(|x| f64::from(x as f32)).collect();
    let features: Vec<Vec<f64>> = features.chunks(FEATURES).map(<[f64]>::to_vec).collect();
    let mut hidden = linear(&averaged(&features), 0..20, 20..25);
    hidden.iter_mut().flatten().for_each(|x| *x = x.tanh());
    let logits = linear(&averaged(&hidden), 25..40, 40..43);
    let node_loss = |node: usize| {
        let total: f64 = logits[node].iter().map(|z| z.exp()).sum();
        total.ln() - logits[node][node * node % CLASSES]
    };
    let losses = problem.example_losses(&vector(&w, DType::F64), None).unwrap();
    let off = apart(&values(&losses.train), &[0, 2, 4, 6, 8].map(node_loss));
    assert!(off < 1e-12, "{off:e}");
    let off = apart(&values(&losses.test), &[1, 3, 5, 7].map(node_loss));
    assert!(off < 1e-12, "{off:e}");
}
