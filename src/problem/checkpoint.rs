//! Stand-in until the reader is merged.
#![allow(missing_docs, clippy::all)]
use std::path::Path;
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CheckpointError(pub String);
pub struct Checkpoint(Vec<u8>);
impl Checkpoint {
    pub fn open(path: &Path) -> Result<Self, CheckpointError> {
        std::fs::read(path).map(Self).map_err(|e| CheckpointError(e.to_string()))
    }
    pub fn tensor(&self, name: &str, _shape: &[usize]) -> Result<Vec<f32>, CheckpointError> {
        let all = safetensors::SafeTensors::deserialize(&self.0).map_err(|e| CheckpointError(e.to_string()))?;
        let view = all.tensor(name).map_err(|e| CheckpointError(e.to_string()))?;
        Ok(view.data().chunks(2).map(|b| half::f16::from_le_bytes([b[0], b[1]]).to_f32()).collect())
    }
}
pub fn embedded_mobilenet() -> Result<Checkpoint, CheckpointError> {
    Ok(Checkpoint(include_bytes!("../../../shared/data/mobilenetv2-imagenet-backbone-f16.safetensors").to_vec()))
}
