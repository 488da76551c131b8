//! Matrix sensing: recover a low-rank positive semi-definite matrix from random linear measurements
//! (section 5 and figure 6 of the paper). Full-rank U can fit the measurements without recovering X*; a flat U cannot.

use burn::tensor::{Device, Int, Tensor, TensorData};
use rand_distr::{Distribution, StandardNormal};

use super::{Examples, Metrics, Mode, Problem};
use crate::{
    autodiff::{
        Layout, Loss, Losses, Model, Objective, Parameters, Primal, Real, Scalar, Vector, indices_on, objective, read,
    },
    random::{Purpose, Stream, stream},
};

/// f(U) = 1/(4n) sum_i (<A_i, UU'> - y_i)^2 over U [d, d], with y_i = <A_i, X*>, X* = U*U*' of rank r.
///
/// A_i = (B_i + B_i')/2 with B_i iid N(0, 1). The scale is that of the authors' code, half of the paper's equation 16.
#[derive(Debug)]
pub struct MatrixSensing {
    d: usize,
    layout: Layout,
    /// Flat indices of the upper triangle of a [d, d] matrix, row by row.
    triangle: Tensor<1, Int>,
    train: Measurements,
    validation: Measurements,
    solution: Tensor<2>,
    device: Device,
}

/// Measurements and their outcomes. A symmetric A_i is held as its upper triangle, the entries off the diagonal
/// doubled, so that <A_i, X> is a plain dot product with the upper triangle of X: half the memory of A_i.
#[derive(Debug, Clone)]
pub struct Measurements {
    /// [n, d (d + 1) / 2].
    maps: Tensor<2>,
    /// [n, 1].
    outcomes: Tensor<2>,
    /// sum_i y_i^2.
    power: f64,
}

fn normals(count: usize, random: &mut Stream) -> Vec<f32> {
    StandardNormal.sample_iter(random).take(count).collect()
}

/// How large a matrix is to be recovered, and from how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MatrixSensingSize {
    /// Dimension of the matrix.
    pub d: usize,
    /// Rank of the solution.
    pub r: usize,
    /// Measurements to train on; as many more validate.
    pub n: usize,
}

impl MatrixSensing {
    /// A solution and its measurements, all drawn by `seed`.
    pub fn new(MatrixSensingSize { d, r, n }: MatrixSensingSize, seed: u64, device: Device) -> Self {
        let random = &mut stream(seed, Purpose::Data);
        let factor = Tensor::<2>::from_data(TensorData::new(normals(d * r, random), [d, r]), &device);
        let solution = factor.clone().matmul(factor.transpose());
        let entries: Vec<usize> = (0..d).flat_map(|row| (row..d).map(move |column| row * d + column)).collect();
        let triangle = indices_on(&entries, &device);
        let upper = Primal::select(solution.clone().reshape([d * d]), triangle.clone()).unsqueeze_dim(1);
        let [train, validation] = [(); 2].map(|()| Measurements::draw(d, n, random, &upper));
        Self { d, layout: Layout::new([("w", vec![d, d])]), triangle, train, validation, solution, device }
    }

    /// The upper triangle of UU' as a column: [d (d + 1) / 2, 1].
    fn upper_product<R: Real>(&self, u: R::T<2>) -> R::T<2> {
        let product = R::matmul(u.clone(), R::transpose(u));
        let flat = R::reshape(product, [self.d * self.d]);
        R::reshape(R::select(flat, self.triangle.clone()), [self.d * (self.d + 1) / 2, 1])
    }

    /// sum_i (<A_i, UU'> - y_i)^2 / sum_i y_i^2.
    fn relative_error(&self, u: &Tensor<2>, measurements: &Measurements) -> Scalar {
        let misfit = measurements.misfits::<Primal>(self.upper_product::<Primal>(u.clone()));
        misfit.square().sum() / measurements.power
    }
}

impl Measurements {
    fn draw(d: usize, n: usize, random: &mut Stream, upper: &Tensor<2>) -> Self {
        let mut packed = Vec::with_capacity(n * d * (d + 1) / 2);
        for _ in 0..n {
            let b = normals(d * d, random);
            for row in 0..d {
                packed.push(b[row * d + row]);
                // Twice (B_ij + B_ji) / 2.
                packed.extend((row + 1..d).map(|column| b[row * d + column] + b[column * d + row]));
            }
        }
        let maps = Tensor::<2>::from_data(TensorData::new(packed, [n, d * (d + 1) / 2]), &upper.device());
        let outcomes = maps.clone().matmul(upper.clone());
        let power = outcomes.clone().square().sum().into_scalar::<f64>();
        Self { maps, outcomes, power }
    }

    /// <A_i, X> - y_i for each column of upper triangles: [d (d + 1) / 2, m] -> [n, m].
    fn misfits<R: Real>(&self, uppers: R::T<2>) -> R::T<2> {
        let precision = R::dtype(&uppers);
        let [maps, outcomes] = [&self.maps, &self.outcomes].map(|t| R::constant(t.clone().cast(precision)));
        R::sub(R::matmul(maps, uppers), outcomes)
    }
}

impl Model for MatrixSensing {
    type Batch = ();

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn loss<R: Real>(&self, w: &Parameters<'_, R>, (): &()) -> Loss<R> {
        let misfits = self.train.misfits::<R>(self.upper_product::<R>(w.get(0)));
        Loss::of(R::scale(R::sum(R::square(misfits)), self.train.scale()))
    }

    /// All points in one pass over the measurements, which are far larger than everything else.
    fn losses<R: Real>(&self, at: &[Parameters<'_, R>], (): &()) -> Losses<R> {
        let uppers = R::concat(at.iter().map(|w| self.upper_product::<R>(w.get(0))).collect(), 1);
        let sums = R::scale(R::sum_rows(R::square(self.train.misfits::<R>(uppers))), self.train.scale());
        Losses::InOnePass(
            (0..at.len()).map(|column| R::select(sums.clone(), indices_on(&[column], &self.device))).collect(),
        )
    }
}

impl Measurements {
    /// 1/(4n).
    fn scale(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "numbers of measurements are far below 2^52")]
        let n = self.outcomes.dims()[0] as f64;
        0.25 / n
    }
}

impl Problem for MatrixSensing {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Independent standard normals.
    fn initial(&self, random: &mut Stream) -> Vec<f64> {
        StandardNormal.sample_iter(random).take(self.d * self.d).collect()
    }

    fn evaluated_examples(&self) -> usize {
        self.train.outcomes.dims()[0] + self.validation.outcomes.dims()[0]
    }

    fn objective_in(&self, _mode: Mode, _examples: Examples<'_>) -> Box<dyn Objective + '_> {
        objective(self, (), &self.device)
    }

    fn evaluate(&self, w: &Vector, _buffers: Option<&Vector>) -> Metrics {
        let u = w.clone().reshape([self.d, self.d]);
        let off = u.clone().matmul(u.clone().transpose()) - self.solution.clone().cast(u.dtype());
        let distance = (off.square().sum() / self.solution.clone().square().sum().cast(u.dtype())).sqrt();
        let found = read(vec![
            self.relative_error(&u, &self.train) * (self.train.power * self.train.scale()),
            self.relative_error(&u, &self.train),
            self.relative_error(&u, &self.validation),
            distance,
        ]);
        let [train_loss, train_error, validation_error, distance] = std::array::from_fn(|i| found.get(i).copied());
        Metrics { train_loss, train_error, validation_error, distance, ..Metrics::default() }
    }

    fn device(&self) -> &Device {
        &self.device
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::DType;

    use super::*;
    use crate::autodiff::{values, vector_like};

    /// f and grad f = 1/n sum_i (<A_i, UU'> - y_i) A_i U in plain loops over whole matrices A_i.
    fn by_loops(problem: &MatrixSensing, u: &[f64]) -> (f64, Vec<f64>) {
        let d = problem.d;
        let [n, packed] = problem.train.maps.dims();
        let maps = values(&problem.train.maps.clone().reshape([n * packed]));
        let outcomes = values(&problem.train.outcomes.clone().reshape([n]));
        let (mut loss, mut gradient) = (0.0, vec![0.0; d * d]);
        for measurement in 0..n {
            let mut a = vec![0.0; d * d];
            let mut entries = maps[measurement * packed..].iter();
            for row in 0..d {
                for column in row..d {
                    let entry = entries.next().unwrap();
                    let share = if row == column { *entry } else { entry / 2.0 };
                    (a[row * d + column], a[column * d + row]) = (share, share);
                }
            }
            let mut misfit = -outcomes[measurement];
            for i in 0..d {
                for j in 0..d {
                    misfit += a[i * d + j] * (0..d).map(|k| u[i * d + k] * u[j * d + k]).sum::<f64>();
                }
            }
            loss += misfit * misfit / (4.0 * n as f64);
            for i in 0..d {
                for k in 0..d {
                    let product: f64 = (0..d).map(|j| a[i * d + j] * u[j * d + k]).sum();
                    gradient[i * d + k] += misfit * product / n as f64;
                }
            }
        }
        (loss, gradient)
    }

    #[test]
    fn loss_and_gradients_are_those_of_whole_matrices_also_for_a_pair_in_one_pass() {
        let problem = MatrixSensing::new(MatrixSensingSize { d: 4, r: 2, n: 6 }, 3, Device::flex());
        let like = Vector::zeros([1], (&Device::flex(), DType::F64));
        let points: Vec<Vec<f64>> = (0..2).map(|seed| problem.initial(&mut stream(seed, Purpose::Weights))).collect();
        let at: Vec<Vector> = points.iter().map(|u| vector_like(u, &like)).collect();
        let objective = problem.objective(Examples::First(0));
        let together = objective.gradients(&at);
        for ((u, w), joint) in points.iter().zip(&at).zip(together) {
            let (loss, gradient) = by_loops(&problem, u);
            for evaluation in [objective.gradient(w), joint] {
                let found = read(vec![evaluation.loss])[0];
                assert!((found / loss - 1.0).abs() < 1e-12, "{found} {loss}");
                let found = values(&evaluation.gradient);
                assert!(
                    found.iter().zip(&gradient).all(|(a, b)| (a - b).abs() < 1e-10 * loss),
                    "{found:?} {gradient:?}"
                );
            }
        }
    }

    /// The measurements of the definition have E <A, X>^2 = |X|_F^2 for symmetric X: A_ij has variance 1 on the diagonal
    /// and 1/2 off it.
    #[test]
    fn measurements_have_the_power_of_their_definition() {
        let problem = MatrixSensing::new(MatrixSensingSize { d: 6, r: 2, n: 4000 }, 1, Device::flex());
        let expected = problem.solution.clone().square().sum().into_scalar::<f64>();
        let found = problem.train.power / 4000.0;
        assert!((found / expected - 1.0).abs() < 0.1, "{found} {expected}");
    }
}
