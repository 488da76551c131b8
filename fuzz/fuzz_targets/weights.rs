//! Pretrained weights: safetensors, and .pth in either container.

#![no_main]

use libfuzzer_sys::fuzz_target;
use nso_tui::problem::checkpoint::Checkpoint;

fuzz_target!(|data: &[u8]| {
    let Ok(checkpoint) = Checkpoint::parse("fuzz", data.to_vec()) else { return };
    for name in checkpoint.names() {
        if let Some(shape) = checkpoint.shape(name) {
            let _ = checkpoint.tensor(name, shape);
        }
    }
});
