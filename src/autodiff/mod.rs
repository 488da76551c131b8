//! What can be asked of a scalar function of w: its value, its gradient, its exact Hessian times a vector.
//! A model is written once over [`Real`], with the operators of [`Value`]; what its numbers are decides which of these comes out.

#![warn(missing_docs)]

mod archive;
mod dual;
mod interruption;
mod layout;
#[cfg(feature = "tch")]
mod libtorch;
mod native_autograd;
mod objective;
mod pair;
mod primal;
mod real;
mod value;

use burn::tensor::{Device, Int, Tensor, TensorData};

pub use archive::{Archive, ArchiveError, ArchivedVector, Precision};
pub use dual::{Dual, Forward};
pub use interruption::{Interruptible, Interruption};
pub use layout::{Entry, Layout, Parameters};
#[cfg(feature = "tch")]
pub use libtorch::{LibTorch, Native};
pub use native_autograd::{HessianProducts, NativeAutograd, Refusal};
pub use objective::{
    Counted, Differentiable, Evaluation, Loss, Losses, Model, Objective, Product, objective, objective_with,
};
pub use pair::Pair;
pub use primal::{Primal, PrimalOps};
pub use real::{BatchStats, Conv2dOptions, Real};
pub use value::Value;

/// A point or a direction in parameter space, on its device, without autodiff history.
pub type Vector = Tensor<1>;

/// One number that stays on the device until [`read`] transfers it.
pub type Scalar = Tensor<1>;

/// |v|_2 = sqrt(sum v^2).
pub fn norm(v: &Vector) -> Scalar {
    v.clone().square().sum().sqrt()
}

/// The vector of `values`, in the precision and on the device of `like`.
pub fn vector_like(values: &[f64], like: &Vector) -> Vector {
    let data = TensorData::new(values.to_vec(), [values.len()]).convert_dtype(like.dtype());
    Tensor::from_data(data, (&like.device(), like.dtype()))
}

/// Indices on a device, by an asynchronous copy: work that is queued there later finds them.
pub fn indices_on(indices: &[usize], device: &Device) -> Tensor<1, Int> {
    #[expect(clippy::cast_possible_wrap, reason = "no tensor has 2^63 entries")]
    let indices: Vec<i64> = indices.iter().map(|&index| index as i64).collect();
    #[cfg(feature = "tch")]
    if libtorch::is_libtorch(device) {
        return libtorch::indices_on(&indices, device);
    }
    let shape = [indices.len()];
    Tensor::from_data(TensorData::new(indices, shape), device)
}

/// Numbers on a device, in the same manner.
pub fn numbers_on<const D: usize>(numbers: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    #[cfg(feature = "tch")]
    if libtorch::is_libtorch(device) {
        return libtorch::numbers_on(&numbers, shape, device);
    }
    Tensor::from_data(TensorData::new(numbers, shape), device)
}

/// The numbers of a vector, read from its device. Waits for the device.
///
/// # Panics
/// If the device does not answer; a run then ends as failed, with the device's reason.
pub fn values(vector: &Vector) -> Vec<f64> {
    vector.try_to_vec_as::<f64>().unwrap_or_else(|error| panic!("the device does not give its numbers: {error}"))
}

/// The values of many device scalars in one transfer. Waits for the device.
pub fn read(scalars: Vec<Scalar>) -> Vec<f64> {
    if scalars.is_empty() { Vec::new() } else { values(&Tensor::cat(scalars, 0)) }
}
