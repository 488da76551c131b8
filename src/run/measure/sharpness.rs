//! SAM's sharpness: how far the clean loss rises in a ball around the weights, at worst and on average.

use super::{
    Found, Measurement, MeasurementInfo, QuantityInfo, Scale, Setting, SettingValue, Unit,
    declared::Declared,
    order::nan_above,
    target::{MeasurementContext, MeasurementTarget},
};
use crate::{
    autodiff::{Objective, Vector, norm, read},
    curvature::{Estimate, ProbeVectors},
    optimizer::Hyperparameter,
    run::{NamedEstimate, PanelKind},
};

/// Keeps the direction of a zero gradient finite, as SAM's authors have it.
const NORM_FLOOR: f64 = 1e-12;

/// The rise of the clean loss in the ball of radius rho around w, with e and z in R^p:
///
/// * worst case, max over |e|_2 <= rho of f(w + e) - f(w), never negative, on the sphere unless the loss has a maximum inside. A lower
///   bound of it: the largest value at e = 0, at `draws` random antithetic pairs, after one ascent step, and along `steps` projected
///   ascent steps from the best of these pairs and that step, e <- P(e + rho g/|g|_2), g = grad f(w + e), P the projection onto the
///   ball |e|_2 <= rho. NaN where any of these values is. Deterministic, so without an error.
/// * one ascent step, f(w + e) - f(w) at e = rho g/|g|_2, g = grad f(w) (Foret 2021, equation 2). It is never above the worst case.
/// * average case, E f(w + rho z/|z|_2) - f(w), z ~ N(0, I): the mean of [f(w + u) + f(w - u)]/2 - f(w) over the pairs. Error: the
///   standard error over pairs.
///
/// On a quadratic at a minimum they are rho^2 lambda_max/2, 0, rho^2 Tr H/(2p). Cost: 2 `draws` + `steps` + 3 evaluations of loss or
/// gradient on the sample. Source: Foret, Kleiner, Mobahi, Neyshabur 2021; the average case as in Wen, Ma, Li 2023.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sharpness {
    /// The radius rho.
    pub rho: f64,
    /// Projected ascent steps.
    pub steps: u32,
    /// Antithetic pairs of random directions.
    pub draws: u32,
}

impl Sharpness {
    /// What presets, files, charts and docs need to know.
    pub const INFO: MeasurementInfo = MeasurementInfo {
        key: "sharpness",
        name: "SAM's sharpness",
        quantities: &[
            QuantityInfo {
                key: "sharpness",
                title: "sharpness, worst case",
                unit: Unit::Loss,
                scale: Scale::Log,
                panel: PanelKind::Sharpness,
                note: "",
            },
            QuantityInfo {
                key: "sharpness_one_step",
                title: "sharpness, one ascent step",
                unit: Unit::Loss,
                scale: Scale::Log,
                panel: PanelKind::Sharpness,
                note: "dashed: one ascent step",
            },
            QuantityInfo {
                key: "sharpness_average",
                title: "sharpness, average case",
                unit: Unit::Loss,
                scale: Scale::Log,
                panel: PanelKind::Sharpness,
                note: "dotted: average over the sphere",
            },
        ],
    };

    /// The three at `w`, directions from `vectors`.
    fn of(self, f: &dyn Objective, w: &Vector, vectors: &mut ProbeVectors) -> Rise {
        let clean = f.gradient(w);
        let ascent = self.on_sphere(&clean.gradient);
        let mut losses = vec![clean.loss, f.loss(&(w.clone() + ascent.clone()))];
        let mut directions = vectors.clone();
        for _ in 0..self.draws {
            let u = self.on_sphere(&vectors.normal());
            losses.extend([f.loss(&(w.clone() + u.clone())), f.loss(&(w.clone() - u))]);
        }
        let losses = read(losses);
        let (clean, rises) = match losses.as_slice() {
            [clean, others @ ..] => (*clean, others.iter().map(|loss| loss - clean).collect::<Vec<f64>>()),
            [] => (f64::NAN, Vec::new()),
        };
        let [one_step, pairs @ ..] = rises.as_slice() else { return Rise::UNKNOWN };
        let means: Vec<f64> = pairs.chunks(2).map(|pair| pair.iter().sum::<f64>() / pair.len() as f64).collect();
        // The best start: the ascent step, or one of the random points, drawn again rather than kept.
        let best = (0..rises.len()).max_by(|&a, &b| nan_above(rises[a], rises[b])).unwrap_or(0);
        let start = if best == 0 {
            ascent
        } else {
            (1..best.div_ceil(2)).for_each(|_| drop(directions.normal()));
            let u = self.on_sphere(&directions.normal());
            if best % 2 == 1 { u } else { -u }
        };
        let along = self.ascend(f, w, start).into_iter().map(|loss| loss - clean);
        let all = rises.iter().copied().chain(along);
        let largest = all.fold(0.0, |a, b| if nan_above(a, b).is_lt() { b } else { a });
        Rise { largest, one_step: *one_step, average: Estimate::of(&means) }
    }

    /// The losses along projected gradient ascent from `e`, the last point included.
    fn ascend(self, f: &dyn Objective, w: &Vector, mut e: Vector) -> Vec<f64> {
        let mut losses = Vec::new();
        for _ in 0..self.steps {
            let here = f.gradient(&(w.clone() + e.clone()));
            losses.push(here.loss);
            let moved = e + self.on_sphere(&here.gradient);
            let shrink = (norm(&moved) / self.rho).clamp_min(1.0).recip();
            e = moved * shrink;
        }
        losses.push(f.loss(&(w.clone() + e)));
        read(losses)
    }

    /// rho v/(|v|_2 + 1e-12).
    fn on_sphere(self, v: &Vector) -> Vector {
        v.clone() * ((norm(v) + NORM_FLOOR).recip() * self.rho)
    }
}

/// How far a loss rises in a ball and on its sphere.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Rise {
    /// The largest rise found in the ball, its center included.
    largest: f64,
    /// After one ascent step.
    one_step: f64,
    /// On average.
    average: Estimate,
}

impl Rise {
    const UNKNOWN: Self = Self { largest: f64::NAN, one_step: f64::NAN, average: Estimate::new(f64::NAN, f64::NAN, 0) };
}

impl Default for Sharpness {
    fn default() -> Self {
        Self { rho: 0.05, steps: 10, draws: 20 }
    }
}

fn check_rho(rho: f64) -> Result<(), String> {
    if rho <= 0.0 {
        return Err(format!("{rho} is out of range: expected a radius above 0"));
    }
    Hyperparameter::Rho.check(rho).map(drop).map_err(|error| error.to_string())
}

impl Declared for Sharpness {
    fn settings(&mut self) -> Vec<Setting<'_>> {
        vec![
            Setting { key: "sharpness_rho", value: SettingValue::Number { value: &mut self.rho, check: check_rho } },
            Setting { key: "sharpness_steps", value: SettingValue::Count { value: &mut self.steps, range: 1..=1_000 } },
            Setting {
                key: "sharpness_draws",
                value: SettingValue::Count { value: &mut self.draws, range: 2..=100_000 },
            },
        ]
    }
}

impl Measurement for Sharpness {
    fn measure(&self, target: &MeasurementTarget<'_>, _context: &MeasurementContext) -> Option<Found> {
        let objective = target.objective();
        let mut vectors = target.probe_vectors(Self::INFO.key);
        let Rise { largest, one_step, average } = self.of(objective.as_ref(), target.w, &mut vectors);
        let evaluations = 2 * u64::from(self.draws) + u64::from(self.steps) + 3;
        let exact = |value| Estimate::new(value, f64::NAN, 1);
        let values = [("sharpness", exact(largest)), ("sharpness_one_step", exact(one_step))];
        let values = values.into_iter().chain([("sharpness_average", average)]);
        let values = values.map(|(name, estimate)| NamedEstimate { name: name.to_owned(), estimate });
        let examples = target.sample.len() as u64;
        Some(Found::Values { values: values.collect(), examples, evaluations })
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{DType, Device, Tensor, TensorData};

    use super::*;
    use crate::{
        autodiff::values,
        problem::{Examples, Problem, Quadratic},
        random::{Purpose, stream},
    };

    const H: [f64; 4] = [3.0, 1.5, -0.5, 0.25];

    /// Of f(e) = b'e + 1/2 e'He at 0, with H as above.
    fn rises(sharpness: Sharpness, b: [f64; 4]) -> Rise {
        rises_of(sharpness, H, b, 5)
    }

    fn rises_of(sharpness: Sharpness, h: [f64; 4], b: [f64; 4], seed: u64) -> Rise {
        let problem = Quadratic::new(h.to_vec(), b.to_vec(), vec![0.0; 4], Device::flex());
        let f = problem.objective(Examples::First(0));
        sharpness.of(f.as_ref(), &origin(), &mut vectors(seed))
    }

    fn origin() -> Vector {
        Tensor::from_data(TensorData::new(vec![0.0f64; 4], [4]), (&Device::flex(), DType::F64))
    }

    fn vectors(seed: u64) -> ProbeVectors {
        ProbeVectors::of(stream(seed, Purpose::Measurement("sharpness")), &origin())
    }

    /// f(e) = 1/2 e'He with gradient 0 at w = 0: the worst case is rho^2 lambda_max/2, and one step from a zero gradient goes nowhere.
    #[test]
    fn at_a_minimum_the_worst_case_is_half_the_largest_eigenvalue() {
        let found = rises(Sharpness { rho: 0.1, steps: 200, draws: 5 }, [0.0; 4]);
        assert!((found.largest / (0.01 * 3.0 / 2.0) - 1.0).abs() < 1e-9, "{found:?}");
        assert_eq!(found.one_step, 0.0);
    }

    /// f(e) = g'e + 1/2 e'He: one step is rho |g| + rho^2 g'Hg/(2|g|^2). The worst case is the trust-region problem: e = (mu - H)^-1 g with
    /// mu >= lambda_max such that |e| = rho, found by bisection.
    #[test]
    fn with_a_gradient_the_worst_case_solves_the_trust_region_problem() {
        let (g, rho) = ([0.3, -0.2, 0.1, 0.4], 0.5);
        let found = rises(Sharpness { rho, steps: 300, draws: 5 }, g);
        let squares: f64 = g.iter().map(|g| g * g).sum();
        let form: f64 = g.iter().zip(H).map(|(g, h)| h * g * g).sum();
        let one_step = rho * squares.sqrt() + rho * rho * form / (2.0 * squares);
        assert!((found.one_step / one_step - 1.0).abs() < 1e-9, "{found:?} {one_step}");
        let at = |mu: f64| g.iter().zip(H).map(move |(g, h)| g / (mu - h));
        let (mut low, mut high) = (3.0 + 1e-9, 100.0);
        for _ in 0..200 {
            let mu = f64::midpoint(low, high);
            let long = at(mu).map(|e| e * e).sum::<f64>() > rho * rho;
            *(if long { &mut low } else { &mut high }) = mu;
        }
        let worst: f64 = at(low).zip(g).zip(H).map(|((e, g), h)| g * e + 0.5 * h * e * e).sum();
        assert!((found.largest / worst - 1.0).abs() < 1e-6, "{found:?} {worst}");
        assert!(found.largest > found.one_step * 1.01, "several steps find more than one: {found:?}");
    }

    /// E (u'Hu)/2 over |u| = rho is rho^2 Tr H/(2p), whatever the gradient: it cancels in each pair.
    #[test]
    fn the_average_case_is_the_trace_over_the_dimension() {
        for g in [[0.0; 4], [3.0, -2.0, 1.0, 4.0]] {
            let found = rises(Sharpness { rho: 0.1, steps: 1, draws: 4_000 }, g).average;
            let expected = 0.01 * H.iter().sum::<f64>() / 8.0;
            assert!((found.mean - expected).abs() < 4.0 * found.std_error, "{found:?} {expected}");
            assert!(found.std_error < 0.02 * expected && found.samples == 4_000, "{found:?} {expected}");
        }
    }

    /// Ascent starts at the largest point found, so that it is never below what one step or a random direction finds.
    #[test]
    fn the_worst_case_is_never_below_what_was_seen() {
        for g in [[0.0; 4], [0.01, 0.0, 0.0, 1.0]] {
            let found = rises(Sharpness { rho: 0.3, steps: 1, draws: 50 }, g);
            assert!(found.largest >= found.one_step && found.largest >= found.average.mean, "{found:?}");
        }
    }

    /// e scaled to the length rho; zero remains zero.
    fn scaled(e: [f64; 4], rho: f64) -> [f64; 4] {
        let length = e.iter().map(|e| e * e).sum::<f64>().sqrt();
        e.map(|e| if length > 0.0 { rho * e / length } else { 0.0 })
    }

    /// The candidates by plain loops, in their order: one ascent step, then u and -u of each pair.
    fn candidates(Sharpness { rho, draws, .. }: Sharpness, g: [f64; 4], seed: u64) -> Vec<[f64; 4]> {
        let mut vectors = vectors(seed);
        let mut all = vec![scaled(g, rho)];
        for _ in 0..draws {
            let z = values(&vectors.normal());
            let u = scaled([z[0], z[1], z[2], z[3]], rho);
            all.extend([u, u.map(|u| -u)]);
        }
        all
    }

    fn rise(g: [f64; 4], e: [f64; 4]) -> f64 {
        (0..4).map(|i| g[i] * e[i] + 0.5 * H[i] * e[i] * e[i]).sum()
    }

    /// Without ascent the best candidate counts. With one step the value is that of one projected step from this very candidate, by plain
    /// loops: be it the ascent step, u or -u of some pair.
    #[test]
    fn ascent_starts_from_the_best_candidate() {
        let mut won = [0; 3];
        for g in [[0.01, 0.02, -0.03, 0.01], [0.02, -0.2, 0.1, 0.2], [3.0, -2.0, 1.0, 4.0]] {
            for seed in 0..10 {
                let only = Sharpness { rho: 0.5, steps: 0, draws: 6 };
                let all = candidates(only, g, seed);
                let best = (0..all.len()).max_by(|&a, &b| rise(g, all[a]).total_cmp(&rise(g, all[b]))).unwrap();
                won[if best == 0 { 0 } else { 1 + best % 2 }] += 1;
                let found = rises_of(only, H, g, seed).largest;
                let highest = rise(g, all[best]);
                assert!((found / highest - 1.0).abs() < 1e-9, "{g:?} {seed}: {found} {highest}");
                let e = all[best];
                let slope = scaled([0, 1, 2, 3].map(|i| g[i] + H[i] * e[i]), 0.5);
                let moved = [0, 1, 2, 3].map(|i| e[i] + slope[i]);
                let length = moved.iter().map(|e| e * e).sum::<f64>().sqrt();
                let expected = rise(g, scaled(moved, length.min(0.5)));
                assert!(expected > 1.000_001 * highest || best == 0, "a step rises: {g:?} {seed} {expected} {highest}");
                let found = rises_of(Sharpness { steps: 1, ..only }, H, g, seed).largest;
                assert!((found / expected.max(highest) - 1.0).abs() < 1e-9, "{g:?} {seed}: {found} {expected}");
            }
        }
        assert!(won.iter().all(|&times| times > 2), "each kind of candidate is the best at times: {won:?}");
    }

    /// At a stationary point the ascent step goes nowhere and a random point is the best: from there ascent rises further.
    #[test]
    fn at_a_stationary_point_ascent_starts_from_a_random_point() {
        for seed in 0..10 {
            let only = Sharpness { rho: 0.5, steps: 0, draws: 3 };
            let highest = candidates(only, [0.0; 4], seed).into_iter().map(|e| rise([0.0; 4], e)).fold(0.0, f64::max);
            let [still, moved] =
                [only, Sharpness { steps: 1, ..only }].map(|sharpness| rises_of(sharpness, H, [0.0; 4], seed));
            assert_eq!(still.one_step, 0.0);
            assert!((still.largest / highest - 1.0).abs() < 1e-9, "{seed}: {still:?} {highest}");
            assert!(moved.largest > 1.000_001 * highest, "{seed}: {moved:?} {highest}");
        }
    }

    /// On a peak every point of the sphere lies below, and so does the step over the top; the center is in the ball.
    #[test]
    fn the_worst_case_is_never_negative() {
        let found = rises_of(Sharpness { rho: 0.5, steps: 0, draws: 5 }, [-3.0; 4], [0.1, 0.0, 0.0, 0.0], 5);
        assert!(found.one_step < 0.0 && found.average.mean < 0.0, "{found:?}");
        assert_eq!(found.largest, 0.0);
    }

    /// inf - inf at the random points, a NaN of either sign by the processor; the ascent step from a zero gradient is a number.
    #[test]
    fn a_point_without_a_value_leaves_the_worst_case_without_one() {
        let found = rises_of(Sharpness { rho: 1e10, steps: 1, draws: 2 }, [1e300, -1e300, 0.0, 0.0], [0.0; 4], 5);
        assert_eq!(found.one_step, 0.0);
        assert!(found.largest.is_nan(), "{found:?}");
    }
}
