//! A session whose checkpoint is the input.

#![no_main]

use libfuzzer_sys::fuzz_target;
use nso_tui::run::{Engine, device::Devices};

const SESSION: &str = "
[problem]
kind = \"valley\"
[train]
steps = 2
[[run]]
name = \"a\"
method = \"sgd\"
";

fuzz_target!(|data: &[u8]| {
    let Ok(folder) = tempfile::tempdir() else { return };
    let run = folder.path().join("a");
    let written = std::fs::create_dir(&run)
        .and_then(|()| std::fs::write(folder.path().join("session.toml"), SESSION))
        .and_then(|()| std::fs::write(run.join("events.jsonl"), ""))
        .and_then(|()| std::fs::write(run.join("checkpoint-1.safetensors"), data));
    if written.is_ok() {
        let _ = nso_tui::run::log::verify(folder.path());
        // Reads the checkpoint whole before anything runs; one that is not whole is passed over.
        if let Ok(devices) = Devices::choose(Some("flex")) {
            let _ = Engine::resume(folder.path(), &devices, &|_| std::ops::ControlFlow::Break(()));
        }
    }
});
