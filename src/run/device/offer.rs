//! What this binary and this machine can train on, and with the reason, what they cannot.

use burn::tensor::Device;

use super::{DeviceError, DeviceName};

/// Why a name of LibTorch leads nowhere in a binary without it.
#[cfg(not(feature = "tch"))]
pub(super) const NO_TORCH: &str = "not in this build; cargo build --release --features tch";

/// Why a name of wgpu leads nowhere in a binary without it.
#[cfg(not(feature = "wgpu"))]
const NO_WGPU: &str = "not in this build; cargo build --release --features wgpu";

/// A device, or a family of which there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// As `--device` takes it.
    pub name: String,
    /// What it is, or why it cannot be had.
    pub about: Result<String, String>,
}

/// Everything that this binary could run on: what is there first, then what is not and why.
pub fn offers() -> Vec<Offer> {
    let mut offers = vec![Offer { name: DeviceName::Flex.to_string(), about: Ok(about(DeviceName::Flex)) }];
    offers.extend(torch_offers());
    offers.extend(wgpu_offers());
    offers.sort_by_key(|offer| offer.about.is_err());
    offers
}

/// The device that is used when none is asked for: the first GPU, else LibTorch on the CPU, else flex. A software
/// adapter is no GPU.
pub fn best() -> DeviceName {
    gpu().unwrap_or(if cfg!(feature = "tch") { DeviceName::Torch } else { DeviceName::Flex })
}

/// The GPU to use when none is named.
fn gpu() -> Option<DeviceName> {
    #[cfg(feature = "tch")]
    if let Some(name) = super::torch::gpu() {
        return Some(name);
    }
    #[cfg(feature = "wgpu")]
    if super::webgpu::has_gpu() {
        return Some(DeviceName::Wgpu(0));
    }
    None
}

/// What a device is, in a few words. Opens an adapter of wgpu to ask for its name.
pub fn about(name: DeviceName) -> String {
    match name {
        DeviceName::Flex => "CPU, pure Rust, built in; one thread a run".to_owned(),
        DeviceName::Torch => "CPU, LibTorch".to_owned(),
        DeviceName::TorchCuda(index) => format!("GPU {index} of CUDA or ROCm, LibTorch"),
        DeviceName::TorchMps => "Apple GPU, LibTorch".to_owned(),
        #[cfg(feature = "wgpu")]
        DeviceName::Wgpu(index) => super::webgpu::about(index),
        #[cfg(not(feature = "wgpu"))]
        DeviceName::Wgpu(_) => NO_WGPU.to_owned(),
    }
}

/// Opens a device.
///
/// # Errors
/// [`DeviceError::Unavailable`] says what this binary or machine lacks.
pub fn open(name: DeviceName) -> Result<Device, DeviceError> {
    let opened = match name {
        DeviceName::Flex => Ok(Device::flex()),
        #[cfg(feature = "tch")]
        DeviceName::Torch | DeviceName::TorchCuda(_) | DeviceName::TorchMps => super::torch::open(name),
        #[cfg(not(feature = "tch"))]
        DeviceName::Torch | DeviceName::TorchCuda(_) | DeviceName::TorchMps => Err(NO_TORCH.to_owned()),
        #[cfg(feature = "wgpu")]
        DeviceName::Wgpu(index) => super::webgpu::open(index),
        #[cfg(not(feature = "wgpu"))]
        DeviceName::Wgpu(_) => Err(NO_WGPU.to_owned()),
    };
    opened.map_err(|reason| DeviceError::unavailable(&name, reason))
}

/// Divides the cores of the CPU among runs that train at the same time, each on the device of that name. Before they begin: it holds for
/// threads that do not compute yet. On flex a run has one thread anyway.
pub fn share_cores(runs: &[DeviceName]) {
    #[cfg(feature = "tch")]
    match runs.iter().filter(|name| **name == DeviceName::Torch).count() {
        0 => {}
        count => super::torch::share_cores(count),
    }
    let _ = runs;
}

/// The name of a device that [`open`] gave; `None` for another one.
pub fn name_of(device: &Device) -> Option<DeviceName> {
    #[cfg(feature = "tch")]
    if let Some(name) = super::torch::name_of(device) {
        return Some(name);
    }
    #[cfg(feature = "wgpu")]
    if let Some(index) = super::webgpu::index_of(device) {
        return Some(DeviceName::Wgpu(index));
    }
    (*device == Device::flex()).then_some(DeviceName::Flex)
}

#[cfg(feature = "tch")]
fn torch_offers() -> Vec<Offer> {
    super::torch::offers()
}

#[cfg(not(feature = "tch"))]
fn torch_offers() -> Vec<Offer> {
    vec![Offer { name: "tch".to_owned(), about: Err(NO_TORCH.to_owned()) }]
}

#[cfg(feature = "wgpu")]
fn wgpu_offers() -> Vec<Offer> {
    super::webgpu::offers()
}

#[cfg(not(feature = "wgpu"))]
fn wgpu_offers() -> Vec<Offer> {
    vec![Offer { name: "wgpu".to_owned(), about: Err(NO_WGPU.to_owned()) }]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_offered_opens_and_keeps_its_name() {
        let offers = offers();
        assert_eq!(offers[0].name, "flex");
        for offer in offers.iter().filter(|offer| offer.about.is_ok()) {
            let name: DeviceName = offer.name.parse().unwrap();
            assert_eq!(name_of(&open(name).unwrap()), Some(name));
        }
    }

    #[test]
    fn what_cannot_be_had_says_why() {
        for name in ["tch:cuda:200", "wgpu:200"] {
            let error = open(name.parse().unwrap()).unwrap_err().to_string();
            assert!(error.starts_with(&format!("device {name} cannot be used: ")) && error.len() > 50, "{error}");
        }
    }

    #[cfg(not(any(feature = "tch", feature = "wgpu")))]
    #[test]
    fn a_plain_build_runs_on_flex_and_says_how_to_get_the_others() {
        assert_eq!(best(), DeviceName::Flex);
        let missing: Vec<String> = offers().into_iter().filter_map(|offer| offer.about.err()).collect();
        assert!(missing[0].ends_with("--features tch") && missing[1].ends_with("--features wgpu"), "{missing:?}");
    }
}
