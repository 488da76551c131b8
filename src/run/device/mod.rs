//! Which backend and device, chosen at run time: names, what this binary and machine offer, and what runs go where.

mod list;
mod load;
mod name;
mod offer;
#[cfg(feature = "tch")]
mod torch;
#[cfg(feature = "wgpu")]
mod webgpu;

use burn::tensor::{DType, Device};

use crate::optimizer::NoiseStream;

pub use list::Devices;
pub use load::{GpuLoad, Load, Meter, Sampled};
pub use name::DeviceName;
pub use offer::{Offer, about, best, name_of, offers, open, share_cores};

/// Why a device cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// No device is called so.
    #[error("no device '{asked}' in this build{hint}; `nso-tui devices` lists what there is")]
    Unknown {
        asked: String,
        /// ", did you mean ...?", or nothing.
        hint: String,
    },
    /// This binary or machine has none.
    #[error("device {name} cannot be used: {reason}")]
    Unavailable {
        name: String,
        /// Why not, and what can be done about it.
        reason: String,
    },
}

impl DeviceError {
    fn unavailable(name: &impl ToString, reason: impl Into<String>) -> Self {
        Self::Unavailable { name: name.to_string(), reason: reason.into() }
    }
}

/// The noise stream of `seed` for a run on `device`: drawn there on a GPU, so that no step waits for the host, and on
/// the host elsewhere, so that all CPU backends see the same noise.
pub fn noise(seed: u64, device: &Device) -> NoiseStream {
    if name_of(device).is_some_and(DeviceName::is_gpu) { NoiseStream::on_device(seed) } else { NoiseStream::new(seed) }
}

/// Whether convolutions there may be computed with fewer digits than single precision has: LibTorch lets cuDNN round their inputs to
/// TF32 on NVIDIA GPUs from Ampere on, and its driver takes the variable as a veto.
pub fn rounds_convolutions(name: DeviceName) -> bool {
    let forbidden = std::env::var_os("NVIDIA_TF32_OVERRIDE").is_some_and(|value| value == "0");
    matches!(name, DeviceName::TorchCuda(_)) && !forbidden
}

/// Whether models can be computed in the format on the device. wgpu stores doubles where the adapter has them, but the languages of
/// its shaders have no exponentials and logarithms for them: losses come out as no numbers. Metal Performance Shaders have no doubles.
pub fn computes_in(device: &Device, format: DType) -> bool {
    let single = matches!(name_of(device), Some(DeviceName::Wgpu(_) | DeviceName::TorchMps));
    device.supports_dtype(format) && !(single && format == DType::F64)
}
