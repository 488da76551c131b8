//! LibTorch's devices.

use std::thread::available_parallelism;

use burn::tensor::Device;

use super::{DeviceName, Offer, about};

/// Why there is no CUDA device.
pub const NO_CUDA: &str =
    "this libtorch sees no CUDA device; it takes a libtorch for CUDA or ROCm at build time, and a driver";

/// Why there is no device of Apple's Metal Performance Shaders.
const NO_MPS: &str = "this libtorch has no Metal Performance Shaders; they are part of libtorch on macOS";

/// The number of CUDA devices that LibTorch finds.
pub fn cuda_devices() -> usize {
    usize::try_from(tch::Cuda::device_count()).unwrap_or(0)
}

/// The GPU to use when none is named.
pub fn gpu() -> Option<DeviceName> {
    if cuda_devices() > 0 {
        Some(DeviceName::TorchCuda(0))
    } else {
        tch::utils::has_mps().then_some(DeviceName::TorchMps)
    }
}

/// Every device, and the families that are missing.
pub fn offers() -> Vec<Offer> {
    let there = |name: DeviceName| Offer { name: name.to_string(), about: Ok(about(name)) };
    let missing = |name: &str, reason: &str| Offer { name: name.to_owned(), about: Err(reason.to_owned()) };
    let mut offers = vec![there(DeviceName::Torch)];
    match cuda_devices() {
        0 => offers.push(missing("tch:cuda", NO_CUDA)),
        count => offers.extend((0..count).map(|index| there(DeviceName::TorchCuda(index)))),
    }
    if tch::utils::has_mps() {
        offers.push(there(DeviceName::TorchMps));
    } else {
        offers.push(missing("tch:mps", NO_MPS));
    }
    offers
}

/// Opens one of LibTorch's devices, or says why not.
pub fn open(name: DeviceName) -> Result<Device, String> {
    match name {
        DeviceName::TorchCuda(_) if cuda_devices() == 0 => Err(NO_CUDA.to_owned()),
        DeviceName::TorchCuda(index) if index >= cuda_devices() => {
            Err(format!("CUDA devices that this libtorch sees: {}, counted from 0", cuda_devices()))
        }
        DeviceName::TorchMps if !tch::utils::has_mps() => Err(NO_MPS.to_owned()),
        DeviceName::Flex
        | DeviceName::Torch
        | DeviceName::TorchCuda(_)
        | DeviceName::TorchMps
        | DeviceName::Wgpu(_) => device(name).ok_or_else(|| "it is none of LibTorch's".to_owned()),
    }
}

/// Divides the cores among so many runs on the CPU, for threads that do not compute yet: with all cores for each, LibTorch's threads
/// would wait for one another. Where `OMP_NUM_THREADS` is set, it decides.
pub fn share_cores(runs: usize) {
    if std::env::var_os("OMP_NUM_THREADS").is_none() {
        let cores = available_parallelism().map_or(1, usize::from);
        tch::set_num_threads(i32::try_from(cores / runs).unwrap_or(i32::MAX).max(1));
    }
}

/// The name of one of LibTorch's devices.
pub fn name_of(device_of_run: &Device) -> Option<DeviceName> {
    let names = [DeviceName::Torch, DeviceName::TorchMps].into_iter();
    let mut names = names.chain((0..cuda_devices()).map(DeviceName::TorchCuda));
    names.find(|name| device(*name).as_ref() == Some(device_of_run))
}

#[expect(deprecated, reason = "the backend is pinned with burn's version; nothing else gives LibTorch")]
fn device(name: DeviceName) -> Option<Device> {
    match name {
        DeviceName::Torch => Some(Device::libtorch()),
        DeviceName::TorchCuda(index) => Some(Device::libtorch_cuda(index)),
        DeviceName::TorchMps => Some(Device::libtorch_mps()),
        DeviceName::Flex | DeviceName::Wgpu(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn cores_are_divided_and_each_run_has_one() {
        let threads = |runs| {
            share_cores(runs);
            thread::spawn(tch::get_num_threads).join().unwrap()
        };
        let found = [1, 2, 10_000].map(threads);
        let cores = i32::try_from(available_parallelism().unwrap().get()).unwrap();
        if std::env::var_os("OMP_NUM_THREADS").is_none() {
            assert_eq!(found, [cores, (cores / 2).max(1), 1]);
        }
        share_cores(1);
    }
}
