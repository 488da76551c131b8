//! Names of devices, as `--device`, presets and logs spell them.

use std::{fmt, str::FromStr};

use super::DeviceError;
use crate::text::{escaped, suggestion};

/// Largest index that a name may have; a backend counts fewer devices.
const LARGEST: usize = 255;

/// A backend and one of its devices, whether this machine has it or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DeviceName {
    /// `flex`: the CPU, in pure Rust.
    Flex,
    /// `tch`: LibTorch on the CPU.
    Torch,
    /// `tch:cuda:N`: LibTorch on the N-th NVIDIA GPU that it finds, or AMD GPU where LibTorch is built for ROCm.
    TorchCuda(usize),
    /// `tch:mps`: LibTorch on an Apple GPU.
    TorchMps,
    /// `wgpu:N`: the N-th adapter of Metal, DirectX 12 or Vulkan, best first; `wgpu` is the first.
    Wgpu(usize),
}

impl DeviceName {
    /// Whether it computes asynchronously to the host, so that noise drawn on the host would make each step wait for a transfer. A
    /// software adapter of wgpu counts: its noise must be that of other adapters.
    pub fn is_gpu(self) -> bool {
        matches!(self, Self::TorchCuda(_) | Self::TorchMps | Self::Wgpu(_))
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flex => f.pad("flex"),
            Self::Torch => f.pad("tch"),
            Self::TorchCuda(index) => f.pad(&format!("tch:cuda:{index}")),
            Self::TorchMps => f.pad("tch:mps"),
            Self::Wgpu(0) => f.pad("wgpu"),
            Self::Wgpu(index) => f.pad(&format!("wgpu:{index}")),
        }
    }
}

impl FromStr for DeviceName {
    type Err = DeviceError;

    /// # Errors
    /// [`DeviceError::Unknown`] with the closest name that there is.
    fn from_str(text: &str) -> Result<Self, DeviceError> {
        let index = |digits: &str| {
            let plain = digits.len() <= 3 && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse().ok().filter(|index| plain && *index <= LARGEST)
        };
        let named = match text {
            "flex" => Some(Self::Flex),
            "tch" => Some(Self::Torch),
            "tch:mps" => Some(Self::TorchMps),
            "wgpu" => Some(Self::Wgpu(0)),
            _ => match text.rsplit_once(':') {
                Some(("tch:cuda", digits)) => index(digits).map(Self::TorchCuda),
                Some(("wgpu", digits)) => index(digits).map(Self::Wgpu),
                _ => None,
            },
        };
        named.ok_or_else(|| {
            let known = ["flex", "tch", "tch:cuda:0", "tch:mps", "wgpu", "wgpu:1"];
            DeviceError::Unknown { asked: escaped(text).into_owned(), hint: suggestion(text, known) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_back_as_the_device_that_it_names() {
        let spelled = [
            ("flex", DeviceName::Flex),
            ("tch", DeviceName::Torch),
            ("tch:cuda:0", DeviceName::TorchCuda(0)),
            ("tch:cuda:12", DeviceName::TorchCuda(12)),
            ("tch:mps", DeviceName::TorchMps),
            ("wgpu", DeviceName::Wgpu(0)),
            ("wgpu:3", DeviceName::Wgpu(3)),
        ];
        for (text, name) in spelled {
            assert_eq!((text.parse(), name.to_string().as_str()), (Ok(name), text));
        }
        assert_eq!("wgpu:0".parse(), Ok(DeviceName::Wgpu(0)));
    }

    #[test]
    fn what_is_no_name_is_refused_with_the_closest_that_is_one() {
        for bad in
            ["", "cpu", "Flex", "flex:0", "tch:", "tch:cuda:", "tch:cuda:-1", "tch:cuda:+1", "wgpu:256", "wgpu:9999"]
        {
            assert!(bad.parse::<DeviceName>().is_err(), "{bad}");
        }
        let error = "tch:cuba:0".parse::<DeviceName>().unwrap_err().to_string();
        assert!(error.contains("did you mean 'tch:cuda:0'?"), "{error}");
        let error = "fl\u{1b}ex".parse::<DeviceName>().unwrap_err().to_string();
        assert!(!error.contains('\u{1b}'), "{error:?}");
    }

    /// The house's own rule: CPU backends see the same noise, which the host draws.
    #[test]
    fn only_cpus_are_no_gpus() {
        let all = ["flex", "tch", "tch:cuda:0", "tch:mps", "wgpu", "wgpu:1"];
        let gpus = all.map(|text| text.parse::<DeviceName>().unwrap().is_gpu());
        assert_eq!(gpus, [false, false, true, true, true, true]);
    }
}
