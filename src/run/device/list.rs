//! The devices of one session, and which run goes to which.

use std::fmt;

use super::{DeviceError, DeviceName, best};

/// One or more devices that the runs of a session are spread over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Devices {
    first: DeviceName,
    others: Vec<DeviceName>,
}

impl Devices {
    /// The devices that `--device` names, separated by commas; `tch:cuda` is every CUDA device. Without it the best GPU there is,
    /// else LibTorch on the CPU, else flex. None is opened.
    ///
    /// # Errors
    /// [`DeviceError`] for a name that there is not, for one named twice, and for `tch:cuda` without a CUDA device.
    pub fn choose(asked: Option<&str>) -> Result<Self, DeviceError> {
        let Some(asked) = asked else { return Ok(best().into()) };
        let mut names = Vec::new();
        for word in asked.split(',').map(str::trim) {
            if word == "tch:cuda" {
                names.extend(all_cuda()?);
            } else {
                names.push(word.parse()?);
            }
        }
        for (index, name) in names.iter().enumerate() {
            if names[..index].contains(name) {
                return Err(DeviceError::unavailable(name, "it is named twice; name each device once"));
            }
        }
        let mut names = names.into_iter();
        match names.next() {
            Some(first) => Ok(Self { first, others: names.collect() }),
            None => Err(DeviceError::unavailable(&asked, "no device is named")),
        }
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = DeviceName> {
        std::iter::once(self.first).chain(self.others.iter().copied())
    }

    /// The only one, if there is just one.
    pub fn only(&self) -> Option<DeviceName> {
        self.others.is_empty().then_some(self.first)
    }

    /// The device of each run, given the devices that runs ask for: its own where it has one; the others take turns.
    pub fn assign(&self, own: impl IntoIterator<Item = Option<DeviceName>>) -> Vec<DeviceName> {
        let names: Vec<DeviceName> = self.iter().collect();
        let mut turn = names.iter().copied().cycle();
        let next = |own: Option<DeviceName>| own.or_else(|| turn.next()).unwrap_or(self.first);
        own.into_iter().map(next).collect()
    }
}

impl From<DeviceName> for Devices {
    fn from(first: DeviceName) -> Self {
        Self { first, others: Vec::new() }
    }
}

impl fmt::Display for Devices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.iter().map(|name| name.to_string()).collect();
        f.write_str(&names.join(","))
    }
}

#[cfg(feature = "tch")]
fn all_cuda() -> Result<Vec<DeviceName>, DeviceError> {
    match super::torch::cuda_devices() {
        0 => Err(DeviceError::unavailable(&"tch:cuda", super::torch::NO_CUDA)),
        count => Ok((0..count).map(DeviceName::TorchCuda).collect()),
    }
}

#[cfg(not(feature = "tch"))]
fn all_cuda() -> Result<Vec<DeviceName>, DeviceError> {
    Err(DeviceError::unavailable(&"tch:cuda", super::offer::NO_TORCH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_go_round_the_devices_unless_they_have_their_own() {
        let devices = Devices::choose(Some("tch:cuda:0, tch:cuda:1")).unwrap();
        let spread = |own: &[Option<&str>]| {
            let own = own.iter().map(|name| name.map(|name| name.parse().unwrap()));
            devices.assign(own).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(spread(&[None; 5]), "tch:cuda:0 tch:cuda:1 tch:cuda:0 tch:cuda:1 tch:cuda:0");
        // A run of its own takes no turn.
        assert_eq!(spread(&[None, Some("flex"), None, Some("wgpu:1")]), "tch:cuda:0 flex tch:cuda:1 wgpu:1");
    }

    #[test]
    fn lists_that_name_nothing_or_one_thing_twice_are_refused() {
        for bad in ["", ",", "flex,", "flex,flex", "wgpu,wgpu:0", "flex,gpu"] {
            assert!(Devices::choose(Some(bad)).is_err(), "{bad}");
        }
        assert_eq!(Devices::choose(Some("tch,flex")).unwrap().to_string(), "tch,flex");
    }
}
