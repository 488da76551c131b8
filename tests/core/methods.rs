//! The methods against closed forms: what must hold exactly, what must hold in the mean.

use std::num::NonZeroU32;

use crate::common::{relative, scattered, vector};
use burn::tensor::{DType, Device};
use nso_tui::{
    autodiff::{Counted, Objective, Vector, read, values},
    data::Labelled,
    optimizer::{
        Asam, BaseOptimizer, Gnp, GradientMethod, Gsam, Hyperparameters, LabelSmoothing, Method, Noise,
        NoiseDistribution, NoiseStream, Nso, OptimizerState, Rsam, Rule, Sam, Scaling, Settings, Sgd, StepContext,
        StepInput, StepStats, TrainingProgress, Usam, WpSgd,
    },
    problem::{CrossEntropy, Examples, ImageDataset, Perceptron, Problem, Quadratic, Supervised},
};

/// `method` over SGD.
fn sgd(method: Method, lr: f64, momentum: f64, weight_decay: f64) -> Hyperparameters {
    let base = BaseOptimizer { weight_decay, ..BaseOptimizer::sgd(momentum) };
    Hyperparameters { lr, ..Hyperparameters::of(Rule::Follow { method, base }) }
}

fn k(count: u32) -> NonZeroU32 {
    NonZeroU32::new(count).unwrap()
}

fn quadratic(h: &[f64]) -> Quadratic {
    Quadratic::new(h.to_vec(), vec![0.0; h.len()], vec![1.0; h.len()], Device::flex())
}

/// Full-batch training from `w` until `each`, which sees the weights after every step, has seen enough.
fn walk(
    problem: &dyn Problem,
    w: Vector,
    hyperparameters: Hyperparameters,
    mut each: impl FnMut(usize, &Vector) -> bool,
) {
    let f = problem.objective(Examples::First(usize::MAX));
    let start = w.clone();
    let (mut w, mut state, mut noise) = (w, OptimizerState::default(), NoiseStream::new(3));
    let mut context = StepContext {
        layout: problem.layout(),
        initial_weights: &start,
        examples: problem.examples(),
        noise: &mut noise,
    };

    for step in 1.. {
        let input = StepInput { w, state, progress: TrainingProgress::UNSCHEDULED };
        let after = hyperparameters.step(f.as_ref(), input, &mut context);
        (w, state) = (after.w, after.state);
        if !each(step, &w) {
            break;
        }
    }
}

/// The direction of one step at `w` and what else it found.
fn direction(method: Method, problem: &dyn Problem, f: &dyn Objective, w: &Vector) -> (Vector, StepStats) {
    let mut noise = NoiseStream::new(5);
    let mut context = StepContext { layout: problem.layout(), initial_weights: w, examples: None, noise: &mut noise };
    let found = method.direction(f, w, &mut context);
    (found.vector, found.stats)
}

#[test]
fn steps_sample_the_curvature_that_their_method_states() {
    let problem = quadratic(&[3.0, 0.5]);
    let f = problem.objective(Examples::First(0));
    for method in Method::all() {
        let (_, stats) = direction(method, &problem, f.as_ref(), &vector(&[0.3, -1.5], DType::F64));
        assert_eq!(stats.curvature_samples.kind, method.sampled_curvature(), "{}", method.info().key);
    }
}

#[test]
fn nso_is_exact_on_a_quadratic_whatever_the_noise() {
    let h = [3.0, 0.5, -1.0, 10.0];
    let problem = Quadratic::new(h.to_vec(), vec![1.0, -2.0, 0.0, 4.0], vec![0.0; 4], Device::flex());
    let f = problem.objective(Examples::First(0));
    let w = [0.3, -1.5, 2.0, 0.1];
    // h w + b by hand.
    let gradient = [1.9, -2.75, -2.0, 5.0];
    for distribution in NoiseDistribution::all() {
        let method = Method::Nso(Nso { noise: Noise { distribution, ..Noise::gaussian(0.7) }, k: k(3), mix: 0.25 });
        let (g, _) = direction(method, &problem, f.as_ref(), &vector(&w, DType::F64));
        let error = relative(&g, &gradient);
        assert!(error < 1e-14, "{distribution:?}: {error:.1e}");
    }
}

/// On 1/2 h w^2 a step of WP-SGD is w <- (1 - eta h) w - eta h u, an AR(1) process whose stationary variance is
/// sigma^2 eta h / (2 - eta h).
#[test]
fn wp_sgd_jitters_with_its_stationary_variance() {
    let (eta, sigma, dimension) = (0.4, 0.3, 500);
    for h in [1.0, 3.0] {
        let problem = quadratic(&vec![h; dimension]);
        let method = Method::WpSgd(WpSgd { noise: Noise::gaussian(sigma), k: k(1) });
        let (mut sum, mut count) = (0.0, 0.0);
        walk(&problem, vector(&vec![0.0; dimension], DType::F64), sgd(method, eta, 0.0, 0.0), |step, w| {
            if step > 50 && step % 5 == 0 {
                sum += values(w).iter().map(|w| w * w).sum::<f64>();
                count += dimension as f64;
            }
            step < 400
        });
        let expected = sigma * sigma * eta * h / (2.0 - eta * h);
        assert!((sum / count / expected - 1.0).abs() < 0.04, "h = {h}: {} against {expected}", sum / count);
    }
}

/// On 1/2 h w^2 SAM moves w to (1 - eta h) w - eta h rho sign(w), which ends on |w| = eta h rho / (2 - eta h).
#[test]
fn sam_ends_on_its_limit_cycle() {
    let (eta, h, rho) = (0.3, 2.0, 0.5);
    let problem = quadratic(&[h]);
    let mut last = Vec::new();
    walk(&problem, vector(&[1.0], DType::F64), sgd(Method::Sam(Sam { rho }), eta, 0.0, 0.0), |step, w| {
        last.push(values(w)[0]);
        step < 200
    });
    let expected = 0.3 * 2.0 * 0.5 / (2.0 - 0.3 * 2.0);
    let [.., before, now] = last.as_slice() else { panic!("200 steps") };
    assert!((now.abs() - expected).abs() < 1e-10, "{now}");
    assert!(before * now < 0.0, "it changes sides: {before}, {now}");
}

/// f = w^2, lr .1, momentum .9, decay .5 from w = 1, worked on paper:
/// g = 2 + .5 = 2.5, buf 2.5, w .75; g = 1.875, buf 4.125, w .3375; g = .84375, buf 4.55625, w -.118125.
#[test]
fn momentum_and_decay_follow_the_hand_computed_path() {
    let problem = quadratic(&[2.0]);
    let expected = [0.75, 0.3375, -0.118_125];
    walk(&problem, vector(&[1.0], DType::F64), sgd(Method::Sgd(Sgd), 0.1, 0.9, 0.5), |step, w| {
        assert!((values(w)[0] - expected[step - 1]).abs() < 1e-15, "step {step}: {}", values(w)[0]);
        step < 3
    });
}

fn perceptron() -> (Supervised<Perceptron, ImageDataset, CrossEntropy>, Vector) {
    let labels: Vec<u32> = (0..64).map(|i| i * 3 % 10).collect();
    let data = Labelled {
        inputs: scattered(64 * 30, 0.2).into_iter().map(|x| x as f32).collect(),
        shape: [1, 1, 30],
        labels,
        classes: 10,
    };
    let problem = Supervised::new(
        Perceptron::new(30, 17, 10),
        ImageDataset::without_validation(&data, &data, &Device::flex()),
        CrossEntropy,
    );
    let w = scattered(Problem::layout(&problem).dimension(), 0.4).into_iter().map(|x| 0.4 * x).collect::<Vec<_>>();
    (problem, vector(&w, DType::F32))
}

/// The bits of the weights after each of forty steps on the perceptron.
fn path(method: Method) -> Vec<Vec<u32>> {
    let (problem, w) = perceptron();
    let mut path = Vec::new();
    walk(&problem, w, sgd(method, 0.1, 0.9, 1e-3), |step, w| {
        path.push(w.to_data().try_to_vec::<f32>().unwrap().iter().map(|x| x.to_bits()).collect());
        step < 40
    });
    path
}

#[test]
fn gnp_with_all_weight_on_the_perturbed_gradient_walks_sams_path_to_the_bit() {
    let expected = path(Method::Sam(Sam { rho: 0.1 }));
    assert!(path(Method::Gnp(Gnp { rho: 0.1, alpha: 1.0 })) == expected);
    assert!(path(Method::Gnp(Gnp { rho: 0.1, alpha: 0.99 })) != expected, "and less weight leaves it");
}

#[test]
fn gsam_without_weight_on_the_orthogonal_part_walks_sams_path_to_the_bit() {
    let expected = path(Method::Sam(Sam { rho: 0.1 }));
    assert!(path(Method::Gsam(Gsam { rho: 0.1, alpha: 0.0 })) == expected);
    assert!(path(Method::Gsam(Gsam { rho: 0.1, alpha: 0.01 })) != expected, "and a weight leaves it");
}

#[test]
fn without_noise_or_radius_every_method_walks_sgds_path_to_the_bit() {
    let expected = path(Method::Sgd(Sgd));
    assert_ne!(expected[0], expected[39]);
    let silent = Noise { distribution: NoiseDistribution::Laplace, ..Noise::gaussian(0.0) };
    for count in [1, 2, 3, 5] {
        assert!(path(Method::WpSgd(WpSgd { noise: silent, k: k(count) })) == expected, "wp-sgd, k = {count}");
        assert!(path(Method::Nso(Nso { noise: silent, k: k(count), mix: 0.0 })) == expected, "nso, k = {count}");
    }
    assert!(path(Method::Nso(Nso { noise: Noise::gaussian(0.3), k: k(1), mix: 1.0 })) == expected, "nso, mix = 1");
    assert!(path(Method::Sam(Sam { rho: 0.0 })) == expected, "sam");
    assert!(path(Method::Usam(Usam { rho: 0.0 })) == expected, "usam");
    for scaling in [Scaling::Offset, Scaling::Plain] {
        assert!(path(Method::Asam(Asam { rho: 0.0, scaling })) == expected, "asam");
    }
    assert!(path(Method::Rsam(Rsam { rho: 0.0, noise: Noise::gaussian(0.1), lambda: 1.0 })) == expected, "rsam");
    assert!(path(Method::Gnp(Gnp { rho: 0.1, alpha: 0.0 })) == expected, "gnp");
    assert!(path(Method::Gsam(Gsam { rho: 0.0, alpha: 0.0 })) == expected, "gsam");
    assert!(
        path(Method::LabelSmoothing(LabelSmoothing { smoothing: 0.1 })) == expected,
        "label smoothing, on a plain objective"
    );
    assert!(path(Method::Sam(Sam { rho: 1e-3 })) != expected, "and a radius leaves it");
}

#[test]
fn a_step_costs_what_its_method_says() {
    let problem = quadratic(&[1.0, 2.0]);
    let f = problem.objective(Examples::First(0));
    let noise = Noise::gaussian(0.1);
    let costs = [
        (Method::Sgd(Sgd), 1),
        (Method::WpSgd(WpSgd { noise, k: k(3) }), 3),
        (Method::Nso(Nso { noise, k: k(3), mix: 0.0 }), 6),
        (Method::Nso(Nso { noise, k: k(3), mix: 0.5 }), 7),
        (Method::Sam(Sam { rho: 0.1 }), 2),
        (Method::Usam(Usam { rho: 0.1 }), 2),
        (Method::Asam(Asam { rho: 0.1, scaling: Scaling::Offset }), 2),
        (Method::Rsam(Rsam { rho: 0.1, noise, lambda: 1.0 }), 2),
        (Method::Gnp(Gnp { rho: 0.1, alpha: 0.5 }), 2),
        (Method::Gsam(Gsam { rho: 0.1, alpha: 0.5 }), 2),
        (Method::LabelSmoothing(LabelSmoothing { smoothing: 0.1 }), 1),
    ];
    for (method, cost) in costs {
        let counted = Counted::new(f.as_ref());
        direction(method, &problem, &counted, &vector(&[1.0, 1.0], DType::F32));
        assert_eq!((counted.spent(), method.cost()), (cost, cost), "{method:?}");
    }
}

/// Quadratic forms in noise of mean 2 are 5 Tr H and more in the mean, so that they are not samples of a trace.
#[test]
fn noise_that_is_not_centred_samples_no_trace() {
    let problem = quadratic(&[3.0, 2.0, 1.0]);
    let f = problem.objective(Examples::First(0));
    let w = vector(&[0.5, -0.2, 0.9], DType::F64);
    for distribution in NoiseDistribution::all() {
        let noise = Noise { distribution, ..Noise::gaussian(0.1) };
        for method in [Method::Nso(Nso { noise, k: k(2), mix: 0.0 }), Method::WpSgd(WpSgd { noise, k: k(2) })] {
            let (_, stats) = direction(method, &problem, f.as_ref(), &w);
            let expected = if distribution == NoiseDistribution::BinomialUncentred { 0 } else { 2 };
            assert_eq!(stats.curvature_samples.values.len(), expected, "{method:?}");
        }
    }
}

/// U'HU / sigma^2 for Gaussian U has mean Tr H and variance 2 |H|_F^2 on a quadratic: 6 and 2 (9 + 4 + 1) = 28 here.
#[test]
fn the_free_trace_of_nso_has_the_mean_and_the_variance_of_its_quadratic_form() {
    let problem = quadratic(&[3.0, 2.0, 1.0]);
    let f = problem.objective(Examples::First(0));
    let method = Method::Nso(Nso { noise: Noise::gaussian(0.05), k: k(10_000), mix: 0.0 });
    let (_, stats) = direction(method, &problem, f.as_ref(), &vector(&[0.5, -0.2, 0.9], DType::F64));
    let samples = read(stats.curvature_samples.values);
    let n = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / n;
    let variance = samples.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    assert!((mean - 6.0).abs() < 4.0 * (28.0 / n).sqrt(), "{mean}");
    assert!((variance / 28.0 - 1.0).abs() < 0.1, "{variance}");
}
