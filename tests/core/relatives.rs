//! Every method and every update against steps worked on paper. The objectives have gradients of few digits, so that each
//! number below can be had by hand; hyper-parameters are tables as presets have them.

use std::num::NonZeroUsize;

use burn::tensor::{DType, Device};
use nso_tui::{
    autodiff::{Differentiable, Layout, Loss, Model, Objective, Parameters, Real, Value, read, values, vector_like},
    data::Labelled,
    optimizer::{Hyperparameters, OptimizerState, StepContext, StepInput, StepOutput, TrainingProgress},
    problem::{CrossEntropy, Examples, ImageDataset, Mode, Problem, Quadratic, SoftmaxRegression, Supervised},
};
use serde_json::{Value as Json, json};

use crate::common::{Replay, vector};

/// f = 1/2 sum_i h_i w_i^2 + sum_i s_i w_i over the weight and the bias of a layer with `rows` outputs.
struct Bowl {
    h: Vec<f64>,
    s: Vec<f64>,
    layout: Layout,
}

impl Bowl {
    fn new([rows, columns]: [usize; 2], h: &[f64], s: &[f64]) -> Self {
        let layout = Layout::new([("fc.weight", vec![rows, columns]), ("fc.bias", vec![rows])]);
        assert_eq!([h.len(), s.len()], [layout.dimension(); 2]);
        Self { h: h.to_vec(), s: s.to_vec(), layout }
    }
}

impl Model for Bowl {
    type Batch = ();

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn loss<R: Real>(&self, w: &Parameters<'_, R>, (): &()) -> Loss<R> {
        let weight = w.tensor::<2>(0).reshape([self.layout.entries()[0].len()]);
        let of_tensor = |w: Value<R, 1>, tensor: usize| {
            let entry = &self.layout.entries()[tensor];
            let like = w.detach();
            let [h, s] = [&self.h, &self.s]
                .map(|numbers| Value::constant(vector_like(&numbers[entry.offset..entry.offset + entry.len()], &like)));
            0.5 * (h * w.clone().square()).sum() + (s * w).sum()
        };
        Loss::from(of_tensor(weight, 0) + of_tensor(w.tensor(1), 1))
    }
}

/// f = 1/4 w^4, whose gradient is w^3.
struct Quartic(Layout);

impl Model for Quartic {
    type Batch = ();

    fn layout(&self) -> &Layout {
        &self.0
    }

    fn loss<R: Real>(&self, w: &Parameters<'_, R>, (): &()) -> Loss<R> {
        Loss::from(0.25 * w.tensor::<1>(0).square().square().sum())
    }
}

/// What steps are taken with besides their objective.
struct Walk<'a> {
    layout: &'a Layout,
    hyperparameters: Json,
    start: &'a [f64],
    /// The noise of all steps, draw after draw.
    xi: &'a [&'a [f64]],
    examples: Option<NonZeroUsize>,
}

impl Walk<'_> {
    /// One step on each objective: the weights after it, and its loss.
    fn take(self, objectives: &[&dyn Objective]) -> Vec<(Vec<f64>, f64)> {
        let hyperparameters: Hyperparameters = serde_json::from_value(self.hyperparameters).unwrap();
        let start = vector(self.start, DType::F64);
        let mut xi = self.xi.iter();
        let mut noise = Replay(|| xi.next().unwrap().to_vec());
        let mut context =
            StepContext { layout: self.layout, initial_weights: &start, examples: self.examples, noise: &mut noise };
        let (mut w, mut state) = (start.clone(), OptimizerState::default());
        let mut path = Vec::new();
        for (step, &f) in (0u64..).zip(objectives) {
            let progress = TrainingProgress { spent: step, cost: 1, epoch: 1, budget: objectives.len() as u64 };
            let StepOutput { w: to, state: kept, stats } =
                hyperparameters.step(f, StepInput { w, state, progress }, &mut context);
            path.push((values(&to), read(vec![stats.loss])[0]));
            (w, state) = (to, kept);
        }
        assert_eq!(xi.next(), None, "all noise is used");
        path
    }
}

/// To 1e-12: worked by hand, the guard of that size against a norm of zero is left out.
#[track_caller]
fn same(found: &[f64], expected: &[f64]) {
    let near = found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12);
    assert!(near, "found {found:?}, by hand {expected:?}");
}

/// One step of `hyperparameters` on a bowl over a weight of one row with two columns, and a bias.
fn step_in_a_bowl(hyperparameters: Json, (h, s): (&[f64], &[f64]), (start, xi): (&[f64], &[&[f64]])) -> Vec<f64> {
    let bowl = Bowl::new([1, 2], h, s);
    let f = Differentiable::new(&bowl, ());
    Walk { layout: &bowl.layout, hyperparameters, start, xi, examples: None }.take(&[&f])[0].0.clone()
}

/// Steps from w = `start` with the given slopes: a line a step.
fn along_slopes(hyperparameters: Json, start: f64, slopes: &[f64]) -> Vec<f64> {
    let lines: Vec<_> =
        slopes.iter().map(|&slope| Quadratic::new(vec![0.0], vec![slope], vec![start], Device::flex())).collect();
    let objectives: Vec<_> = lines.iter().map(|line| line.objective(Examples::First(0))).collect();
    let objectives: Vec<&dyn Objective> = objectives.iter().map(AsRef::as_ref).collect();
    let layout = Problem::layout(&lines[0]);
    let path = Walk { layout, hyperparameters, start: &[start], xi: &[], examples: None }.take(&objectives);
    path.into_iter().map(|(w, _)| w[0]).collect()
}

/// `steps` steps on f = 1/2 sum h_i w_i^2.
fn down(hyperparameters: Json, (h, start): (&[f64], &[f64]), (xi, steps): (&[&[f64]], usize)) -> Vec<Vec<f64>> {
    let problem = Quadratic::new(h.to_vec(), vec![0.0; h.len()], start.to_vec(), Device::flex());
    let f = problem.objective(Examples::First(0));
    let walk = Walk { layout: Problem::layout(&problem), hyperparameters, start, xi, examples: NonZeroUsize::new(4) };
    walk.take(&vec![f.as_ref(); steps]).into_iter().map(|(w, _)| w).collect()
}

/// One step of `hyperparameters` on 1/4 w^4 from w = 1: the new w, and the loss.
fn step_on_the_quartic(hyperparameters: Json, xi: &[&[f64]]) -> [f64; 2] {
    let quartic = Quartic(Layout::new([("w", vec![1])]));
    let f = Differentiable::new(&quartic, ());
    let (w, loss) =
        Walk { layout: &quartic.0, hyperparameters, start: &[1.0], xi, examples: None }.take(&[&f])[0].clone();
    [w[0], loss]
}

/// sigma .25 and xi 2, 4 are u = .5, 1. The gradients w^3 there are 1.5^3 = 3.375 and 2^3 = 8, 5.6875 in the mean:
/// w = 1 - .1 x 5.6875. The losses are 1.5^4 / 4 = 1.265625 and 4, 2.6328125 in the mean.
#[test]
fn wp_sgd_takes_the_mean_of_its_perturbed_gradients() {
    let found = step_on_the_quartic(json!({"method": "wp-sgd", "sigma": 0.25, "k": 2, "lr": 0.1}), &[&[2.0], &[4.0]]);
    same(&found, &[0.431_25, 2.632_812_5]);
}

/// The same u. At w = 1 the pair's mean gradient is 1 + 3 u^2: 1.75 and 4, 2.875 in the mean; w = 1 - .2875.
/// Losses: (1.5^4 + .5^4) / 8 = .640625 and 2^4 / 8 = 2, 1.3203125 in the mean.
/// Mixed with a fifth of the clean gradient 1: .2 + .8 x 2.875 = 2.5; w = .75.
#[test]
fn nso_takes_the_mean_of_its_pairs_and_mixes_in_the_clean_gradient() {
    let mut nso = json!({"method": "nso", "sigma": 0.25, "k": 2, "lr": 0.1});
    let xi: [&[f64]; 2] = [&[2.0], &[4.0]];
    same(&step_on_the_quartic(nso.clone(), &xi), &[0.712_5, 1.320_312_5]);
    nso["mix"] = json!(0.2);
    same(&step_on_the_quartic(nso, &xi), &[0.75, 1.320_312_5]);
}

/// g1 = h w + s = (2, -2, 1) of norm 3; e = .3 g1 / 3 = (.2, -.2, .1); there g = g1 + h e = (2.2, -2.4, 1.4); w - .1 g.
#[test]
fn sam_normalises_over_weight_and_bias_together() {
    let bowl: (&[f64], &[f64]) = (&[1.0, 2.0, 4.0], &[1.5, -1.6, 0.0]);
    let found = step_in_a_bowl(json!({"method": "sam", "rho": 0.3, "lr": 0.1}), bowl, (&[0.5, -0.2, 0.25], &[]));
    same(&found, &[0.28, 0.04, 0.11]);
}

/// 1 - eta h (1 + rho h) with eta .1, rho .25 is 1 - .2 x 1.5 = .7 for h = 2 and 1 - .4 x 2 = .2 for h = 4.
#[test]
fn usam_multiplies_each_coordinate_of_a_quadratic_by_its_factor() {
    let path = down(json!({"method": "usam", "rho": 0.25, "lr": 0.1}), (&[2.0, 4.0], &[1.0, -1.0]), (&[], 2));
    same(&path[0], &[0.7, -0.2]);
    same(&path[1], &[0.49, -0.04]);
}

/// w = (.49, -.19 | .3): T = (.49 + .01, .19 + .01 | 1) = (.5, .2 | 1). h w = (.49, -.38 | .9), so g1 = (4, -10 | 1).
/// T g1 = (2, -2 | 1) of norm 3; T^2 g1 = (1, -.4 | 1); e = .6 / 3 of it = (.2, -.08 | .2);
/// g = g1 + h e = (4.2, -10.16 | 1.6); w - .1 g = (.07, .826 | .14).
#[test]
fn asam_scales_weights_by_their_offset_size_and_biases_not_at_all() {
    let asam = json!({"method": "asam", "scaling": "offset", "rho": 0.6, "lr": 0.1});
    let bowl: (&[f64], &[f64]) = (&[1.0, 2.0, 3.0], &[3.51, -9.62, 0.1]);
    same(&step_in_a_bowl(asam, bowl, (&[0.49, -0.19, 0.3], &[])), &[0.07, 0.826, 0.14]);
}

/// w = (.5, -.2 | .25): T = |w| = (.5, .2 | .25). h w = (.5, -.4 | 1), so g1 = (4, -10 | 4).
/// T g1 = (2, -2 | 1) of norm 3; T^2 g1 = (1, -.4 | .25); e = (.2, -.08 | .05); g = g1 + h e = (4.2, -10.16 | 4.2).
#[test]
fn plain_asam_scales_everything_by_its_size() {
    let asam = json!({"method": "asam", "scaling": "plain", "rho": 0.6, "lr": 0.1});
    let bowl: (&[f64], &[f64]) = (&[1.0, 2.0, 4.0], &[3.5, -9.6, 3.0]);
    same(&step_in_a_bowl(asam, bowl, (&[0.5, -0.2, 0.25], &[])), &[0.08, 0.816, -0.17]);
}

/// w = (.3, .4 | .2), a row of norm .5. sigma xi = .2 (1, -2 | .5), its row times .5: D = (.1, -.2 | .1).
/// At w + D = (.4, .2 | .3): h w = (.4, .4 | 1.2), g1 = (3.8, -3.6 | 1.8). D + .5 g1 = (2, -2 | 1) of norm 3;
/// e = .3 / 3 of it = (.2, -.2 | .1). At w + e = (.5, .2 | .3): g = (.5, .4 | 1.2) + s = (3.9, -3.6 | 1.8).
#[test]
fn rsam_ascends_along_noise_and_gradient() {
    let rsam = json!({"method": "rsam", "rho": 0.3, "sigma": 0.2, "lambda": 0.5, "lr": 0.1});
    let bowl: (&[f64], &[f64]) = (&[1.0, 2.0, 4.0], &[3.4, -4.0, 0.6]);
    let found = step_in_a_bowl(rsam, bowl, (&[0.3, 0.4, 0.2], &[&[1.0, -2.0, 0.5]]));
    same(&found, &[-0.09, 0.76, 0.02]);
}

/// f + lambda |grad f| with lambda = alpha rho = .75 x .3 has on a quadratic the gradient g1 + lambda H g1 / |g1|. SAM's bowl:
/// g1 = (2, -2, 1) of norm 3, H g1 = (2, -4, 4), .225 / 3 = .075 of it (.15, -.3, .3); g = (2.15, -2.3, 1.3); w - .1 g.
#[test]
fn gnp_descends_on_the_loss_plus_its_gradients_norm() {
    let bowl: (&[f64], &[f64]) = (&[1.0, 2.0, 4.0], &[1.5, -1.6, 0.0]);
    let gnp = json!({"method": "gnp", "rho": 0.3, "alpha": 0.75, "lr": 0.1});
    same(&step_in_a_bowl(gnp, bowl, (&[0.5, -0.2, 0.25], &[])), &[0.285, 0.03, 0.12]);
}

/// h w + s = (2, -2, 1) = g1 of norm 3; e = .3 g1 / 3 = (.2, -.2, .1); there gp = g1 + h e = (4, -3, 3). g1' gp / |gp|^2 is
/// 17 / 34 = 1/2, so the orthogonal part of g1 is g1 - gp / 2 = (0, -.5, -.5); g = gp - .4 of it = (4, -2.8, 3.2); w - .1 g.
#[test]
fn gsam_climbs_along_what_is_orthogonal_to_its_descent() {
    let bowl: (&[f64], &[f64]) = (&[10.0, 5.0, 20.0], &[-3.0, -1.0, -4.0]);
    let gsam = json!({"method": "gsam", "rho": 0.3, "alpha": 0.4, "lr": 0.1});
    same(&step_in_a_bowl(gsam, bowl, (&[0.5, -0.2, 0.25], &[])), &[0.1, 0.08, -0.07]);
}

/// f = w^2 with N = 4 examples, d = 2/4 = .5, s = 4 and w = 1.
/// xi = 2: xi / sqrt 16 = .5, g1 = 2 x 1.5 = 3; rho g1 / s = 2 x 3 / 4 = 1.5, g2 = 2 x 2.5 = 5;
/// m = .5 (5 + .5) = 2.75; w = 1 - .8 x 2.75 / 4 = .45; s = .75 x 4 + .25 (2 x 3 + 6.5 + .5) = 6.25.
/// xi = -1: -1 / sqrt 25 = -.2, g1 = 2 x .25 = .5; 2 x .5 / 6.25 = .16, g2 = 2 x .61 = 1.22;
/// m = .5 x 2.75 + .5 (1.22 + .225) = 2.0975; w = .45 - .8 x 2.0975 / 6.25 = .18152.
#[test]
fn bsam_follows_its_momentum_over_its_old_precision() {
    let bsam = json!({"method": "bsam", "lr": 0.8, "rho": 2.0, "beta1": 0.5, "beta2": 0.75, "prior": 2.0,
        "damping": 6.5, "precision": 4.0});
    let path = down(bsam, (&[2.0], &[1.0]), (&[&[2.0], &[-1.0]], 2));
    same(&path[0], &[0.45]);
    same(&path[1], &[0.181_52]);
}

/// One example x = 1 of class 0; weights (ln 2, 0, 0) make p = (1/2, 1/4, 1/4). With a = .3 the target is (.8, .1, .1):
/// loss .8 ln 2 + .2 ln 4 = 1.2 ln 2, gradient p - target = (-.3, .15, .15).
#[test]
fn label_smoothing_pulls_towards_smoothed_labels() {
    let data = Labelled { inputs: vec![1.0], shape: [1, 1, 1], labels: vec![0], classes: 3 };
    let problem = Supervised::new(
        SoftmaxRegression::new(1, 3),
        ImageDataset::without_validation(&data, &data, &Device::flex()),
        CrossEntropy,
    );
    let hyperparameters = json!({"method": "label-smoothing", "smoothing": 0.3, "lr": 1.0});
    let smoothing = serde_json::from_value::<Hyperparameters>(hyperparameters.clone()).unwrap().rule.label_smoothing();
    let f = problem.objective_in(Mode { smoothing, ..Mode::default() }, Examples::First(1));
    let ln_2 = std::f64::consts::LN_2;
    let walk = Walk {
        layout: Problem::layout(&problem),
        hyperparameters,
        start: &[ln_2, 0.0, 0.0],
        xi: &[],
        examples: NonZeroUsize::new(1),
    };
    let (w, loss) = walk.take(&[f.as_ref()])[0].clone();
    same(&w, &[ln_2 + 0.3, -0.15, -0.15]);
    same(&[loss], &[1.2 * ln_2]);
}

/// b1 = b2 = .5, epsilon 5, lr .4, decay .5 from w = 2 along the slopes 4 and .1.
/// g = 4 + .5 x 2 = 5: m 2.5, v 12.5; m^ 5, v^ 25; w = 2 - .4 x 5 / (5 + 5) = 1.8.
/// g = .1 + .5 x 1.8 = 1: m 1.75, v 6.75; m^ = 1.75 / .75 = 7/3, v^ = 6.75 / .75 = 9; w = 1.8 - .4 (7/3) / (3 + 5) = 1.8 - 7/60.
#[test]
fn adam_has_its_decay_in_the_moments() {
    let adam = json!({"method": "sgd", "update": "adam", "lr": 0.4, "beta1": 0.5, "beta2": 0.5, "epsilon": 5.0,
        "weight_decay": 0.5});
    same(&along_slopes(adam, 2.0, &[4.0, 0.1]), &[1.8, 1.8 - 7.0 / 60.0]);
}

/// The same moments along the slopes 5 and 1, and w shrunk by 1 - .4 x .5 = .8 before each step:
/// w = 1.6 - .2 = 1.4, then 1.12 - 7/60.
#[test]
fn adamw_has_its_decay_outside_of_the_moments() {
    let adamw = json!({"method": "sgd", "update": "adamw", "lr": 0.4, "beta1": 0.5, "beta2": 0.5, "epsilon": 5.0,
        "weight_decay": 0.5});
    same(&along_slopes(adamw, 2.0, &[5.0, 1.0]), &[1.4, 1.12 - 7.0 / 60.0]);
}

/// b2 = 9/16 along the slopes 5 and 1. v = (7/16) 25 first, and then (9/16) of that + 7/16, which is less: the first counts.
/// 1 - b2^2 = (1 - b2) (1 + b2), so its v^ is 25 / (25/16) = 16: w = 1.8 as for Adam, then 1.8 - .4 (7/3) / (4 + 5) = 1.8 - 2.8/27.
#[test]
fn amsgrad_keeps_the_largest_second_moment() {
    let amsgrad =
        json!({"method": "sgd", "update": "amsgrad", "lr": 0.4, "beta1": 0.5, "beta2": 0.5625, "epsilon": 5.0});
    same(&along_slopes(amsgrad, 2.0, &[5.0, 1.0]), &[1.8, 1.8 - 2.8 / 27.0]);
}

/// f = w^2 from w0 = 1 with lambda .5, lr .1: g = 2 + 0, w .8; g = 1.6 - .2, w .66; g = 1.32 - .34, w .562.
#[test]
fn the_penalty_pulls_back_by_twice_its_weight() {
    let path = down(json!({"method": "sgd", "lr": 0.1, "penalty": 0.5}), (&[2.0], &[1.0]), (&[], 3));
    same(&path.concat(), &[0.8, 0.66, 0.562]);
}

/// One step of 1 along the slopes moves the weight by (3, 4), of norm 5, back to norm 1, and leaves the bias at .5 from its start.
#[test]
fn the_frobenius_projection_moves_each_tensor_back_into_its_own_ball() {
    let sgd = json!({"method": "sgd", "lr": 1.0, "projection": "frobenius", "radius": 1.0});
    let found = step_in_a_bowl(sgd, (&[0.0; 3], &[-3.0, -4.0, 0.5]), (&[1.0, 2.0, 3.0], &[]));
    same(&found, &[1.6, 2.8, 2.5]);
}

/// The rows of D are (3, -1), of sum 4, halved to the radius 2; (.5, -1), which stays; and each bias is a row: 4 -> 2, .25 stays.
#[test]
fn the_row_projection_moves_each_row_back_by_its_absolute_sum() {
    let bowl = Bowl::new([2, 2], &[0.0; 6], &[-3.0, 1.0, -0.5, 1.0, -4.0, -0.25]);
    let f = Differentiable::new(&bowl, ());
    let hyperparameters = json!({"method": "sgd", "lr": 1.0, "projection": "rows", "radius": 2.0});
    let start = [1.0, 1.0, 2.0, 2.0, 3.0, 3.0];
    let walk = Walk { layout: &bowl.layout, hyperparameters, start: &start, xi: &[], examples: None };
    same(&walk.take(&[&f])[0].0, &[2.5, 0.5, 2.5, 1.0, 5.0, 3.25]);
}

/// WP-SGD on 1/2 w^2 with xi = 1 over three epochs of a step each, lr .5. Linear: sigma 0, .2, .4, so
/// g = 1, w .5; g = .5 + .2, w .15; g = .15 + .4, w -.125. Exponential to .1: sigma 1e-5, 1e-3, 1e-1, so
/// g = 1.00001, w .499995; g = .500995, w .2494975; g = .3494975, w .07474875.
#[test]
fn a_schedule_of_sigma_is_in_the_steps() {
    let xi: [&[f64]; 3] = [&[1.0]; 3];
    let path = |schedule, sigma| {
        let wp_sgd = json!({"method": "wp-sgd", "sigma": sigma, "sigma_schedule": schedule, "lr": 0.5});
        down(wp_sgd, (&[1.0], &[1.0]), (&xi, 3)).concat()
    };
    same(&path("linear", 0.4), &[0.5, 0.15, -0.125]);
    same(&path("exponential", 0.1), &[0.499_995, 0.249_497_5, 0.074_748_75]);
}

/// Slope 1 throughout, lr .8 over four steps of an epoch each. Halved every two: .8, .8, .4, .4. A warm-up of two with a linear
/// fall after it: .4, .8, .8, .4.
#[test]
fn a_schedule_of_the_learning_rate_is_in_the_steps() {
    let step = json!({"method": "sgd", "lr": 0.8, "lr_schedule": "step", "drop_every": 2.0, "gamma": 0.5});
    same(&along_slopes(step, 2.4, &[1.0; 4]), &[1.6, 0.8, 0.4, 0.0]);
    let warm = json!({"method": "sgd", "lr": 0.8, "lr_schedule": "linear", "warmup": 2.0});
    same(&along_slopes(warm, 2.4, &[1.0; 4]), &[2.0, 1.2, 0.4, 0.0]);
}
