//! Times what `beside_torch.py` asks for, line by line: a network and a task on standard input, seconds on standard output.
//! Tasks are `gradient` (batch statistics), `trace` (20 probes, buffers, products as the program takes them)
//! and `duals` (the same by dual numbers).

use std::{
    hint::black_box,
    io::{self, BufRead, Write},
    time::Instant,
};

use burn::tensor::{Device, Tensor};
use nso_tui::{
    autodiff::{Objective, Vector, vector_like},
    curvature::{Hessian, LinearOperator, ProbeVectors, TraceEstimator},
    data::Labelled,
    problem::{
        CrossEntropy, Depth, Examples, ImageDataset, MobileNetV2, Mode, Network, Normalization, Perceptron, Problem,
        ResNet, Supervised,
    },
    random::{Purpose, stream},
    run::device::{self, DeviceName},
};
use rand::RngExt;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PROBES: u32 = 20;

/// `network` on one batch of random images.
fn problem<N: Network<Input = Tensor<4>> + 'static>(
    network: N,
    (batch, shape): (usize, [usize; 3]),
    device: &Device,
) -> (Box<dyn Problem>, Vector) {
    let mut random = stream(1, Purpose::Data);
    let numbers = batch * shape.iter().product::<usize>();
    let inputs = (0..numbers).map(|_| 2.0 * random.random::<f32>() - 1.0).collect();
    let labels = (0..batch).map(|_| random.random_range(0..10)).collect();
    let data = Labelled { inputs, shape, labels, classes: 10 };
    let problem = Supervised::new(network, ImageDataset::without_validation(&data, &data, device), CrossEntropy);
    let w = vector_like(&problem.initial(&mut stream(1, Purpose::Weights)), &Vector::zeros([1], device));
    (Box::new(problem), w)
}

/// Hessian products one by one, by dual numbers whatever the network.
struct ByDuals<'a>(&'a dyn Objective, &'a Vector);

impl LinearOperator for ByDuals<'_> {
    fn apply(&self, v: &Vector) -> Vector {
        self.0.hessian_product(self.1, v)
    }

    fn dimension(&self) -> usize {
        self.0.dimension()
    }
}

fn seconds(problem: &dyn Problem, w: &Vector, task: &str) -> f64 {
    let all = Examples::First(usize::MAX);
    let begun = Instant::now();
    if task == "gradient" {
        black_box(problem.objective(all).gradient(w));
        return begun.elapsed().as_secs_f64();
    }
    let buffers = problem.buffers().map(|found| found.values);
    let f = problem.objective_in(Mode { normalization: Normalization::by(buffers.as_ref()), ..Mode::default() }, all);
    let hessian: Box<dyn LinearOperator> =
        if task == "duals" { Box::new(ByDuals(f.as_ref(), w)) } else { Box::new(Hessian::new(f.as_ref(), w)) };
    let trace = TraceEstimator::Hutchinson.estimate(hessian.as_ref(), &mut ProbeVectors::new(1, w), PROBES);
    black_box(trace.mean.mean);
    begun.elapsed().as_secs_f64()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let device = device::open(DeviceName::Torch)?;
    let networks = [
        ("mlp", problem(Perceptron::new(784, 128, 10), (128, [1, 28, 28]), &device)),
        ("mobilenet-v2", problem(MobileNetV2::new(10, 1, 32), (32, [3, 32, 32]), &device)),
        ("resnet-18", problem(ResNet::new(Depth::Eighteen, 10, 32), (32, [3, 32, 32]), &device)),
    ];
    for line in io::stdin().lock().lines() {
        let line = line?;
        let Some((name, task)) = line.split_once(' ') else { continue };
        let Some((_, (problem, w))) = networks.iter().find(|(known, _)| *known == name) else { continue };
        let time = seconds(problem.as_ref(), w, task);
        writeln!(io::stdout(), "{time}")?;
        io::stdout().flush()?;
    }
    Ok(())
}
