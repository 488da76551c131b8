//! Which backend and device, chosen at run time.

use burn::tensor::Device;

/// The devices that this binary offers, each with what it is.
pub const OFFERED: [(&str, &str); 1] = [("flex", "CPU, pure Rust, built in; one thread a run")];

/// A device that this binary does not offer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no device '{0}' in this build; `nso-tui devices` lists what there is: flex")]
pub struct UnknownDevice(String);

/// The device of that name.
///
/// # Errors
/// [`UnknownDevice`].
pub fn open(name: &str) -> Result<Device, UnknownDevice> {
    match name {
        "flex" => Ok(Device::flex()),
        other => Err(UnknownDevice(other.to_owned())),
    }
}
