//! What an optimizer keeps between steps, and how that is kept on disk.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::{
    base_optimizer::{AdamState, BaseState},
    method::BsamState,
};
use crate::autodiff::{Archive, ArchiveError};

/// What an optimizer keeps between steps.
#[derive(Debug, Clone)]
pub enum OptimizerState {
    /// A base optimizer's.
    Base(BaseState),
    /// bSAM's momentum and precision.
    Bsam(Box<BsamState>),
}

impl Default for OptimizerState {
    /// Before the first step.
    fn default() -> Self {
        Self::Base(BaseState::Empty)
    }
}

/// The states by name.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StateKind {
    Empty,
    Momentum,
    Adam,
    Bsam,
}

impl OptimizerState {
    /// All of it. Waits for the device.
    pub fn to_archive(&self) -> Archive {
        let mut archive = Archive::default();
        match self {
            Self::Base(BaseState::Empty) => archive.set("kind", StateKind::Empty),
            Self::Base(BaseState::Momentum(buffer)) => {
                archive.set("kind", StateKind::Momentum);
                archive.put("buffer", buffer);
            }
            Self::Base(BaseState::Adam(adam)) => {
                archive.set("kind", StateKind::Adam);
                archive.set("steps", adam.steps);
                archive.put("m", &adam.m);
                archive.put("v", &adam.v);
                archive.put_some("v_max", adam.top.as_ref());
            }
            Self::Bsam(bsam) => {
                archive.set("kind", StateKind::Bsam);
                archive.put("m", &bsam.momentum);
                archive.put("s", &bsam.s);
            }
        }
        archive
    }

    /// The state that [`OptimizerState::to_archive`] made this of, on a device.
    ///
    /// # Errors
    /// [`ArchiveError`] names what is missing.
    pub fn from_archive(archive: &Archive, device: &Device) -> Result<Self, ArchiveError> {
        let vector = |name| archive.vector(name, device);
        Ok(match archive.get("kind")? {
            StateKind::Empty => Self::Base(BaseState::Empty),
            StateKind::Momentum => Self::Base(BaseState::Momentum(Box::new(vector("buffer")?))),
            StateKind::Adam => Self::Base(BaseState::Adam(Box::new(AdamState {
                m: vector("m")?,
                v: vector("v")?,
                top: archive.find("v_max", device),
                steps: archive.get("steps")?,
            }))),
            StateKind::Bsam => Self::Bsam(Box::new(BsamState { momentum: vector("m")?, s: vector("s")? })),
        })
    }
}
