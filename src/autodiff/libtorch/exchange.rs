//! Zero-copy conversion between burn's and LibTorch's tensors, and copies from the host to LibTorch's devices.
#![expect(deprecated, reason = "burn calls burn-tch deprecated; nothing of it is as fast on convolutions of a CPU")]

use burn::tensor::{Device, Int, Tensor};
use burn_dispatch::{BackendTensor, DispatchAutodiffContext, DispatchDevice, DispatchTensor, DispatchTensorKind};
use burn_tch::TchTensor;

use super::sizes;

/// Whether a device is LibTorch's, and not under burn's own autodiff.
pub fn is_libtorch(device: &Device) -> bool {
    matches!(device.as_dispatch(), DispatchDevice::LibTorch(_))
}

/// A handle on the numbers of a burn tensor.
pub(super) fn handle(tensor: DispatchTensor) -> tch::Tensor {
    match tensor.kind {
        DispatchTensorKind::LibTorch(
            BackendTensor::Float(found) | BackendTensor::Int(found) | BackendTensor::Bool(found),
        ) => found.tensor,
        other => unreachable!("a tensor on LibTorch is expected, this is {other:?}"),
    }
}

pub(super) fn from_burn<const D: usize>(x: Tensor<D>) -> tch::Tensor {
    handle(x.into_dispatch())
}

/// The numbers for burn, without history.
pub(super) fn to_burn<const D: usize>(x: &tch::Tensor) -> Tensor<D> {
    Tensor::from_dispatch(DispatchTensor {
        kind: DispatchTensorKind::LibTorch(BackendTensor::Float(TchTensor::new(x.detach()))),
        autodiff: DispatchAutodiffContext::Disabled,
    })
}

/// An asynchronous, stream-ordered copy of the host's numbers to a device of LibTorch. burn's own copy waits until the device
/// has done all work queued before.
fn sent(host: &tch::Tensor, device: &Device) -> tch::Tensor {
    match device.as_dispatch() {
        DispatchDevice::LibTorch(device) => host.to_device_((*device).into(), host.kind(), true, false),
        other => unreachable!("a device of LibTorch is expected, this is {other:?}"),
    }
}

/// See [`crate::autodiff::indices_on`].
pub fn indices_on(indices: &[i64], device: &Device) -> Tensor<1, Int> {
    let tensor = TchTensor::new(sent(&tch::Tensor::from_slice(indices), device));
    Tensor::from_dispatch(DispatchTensor {
        kind: DispatchTensorKind::LibTorch(BackendTensor::Int(tensor)),
        autodiff: DispatchAutodiffContext::Disabled,
    })
}

/// See [`crate::autodiff::numbers_on`].
pub fn numbers_on<const D: usize>(numbers: &[f32], shape: [usize; D], device: &Device) -> Tensor<D> {
    to_burn(&sent(&tch::Tensor::from_slice(numbers).reshape(sizes(shape)), device))
}
