//! A preset: text to a plan.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = str::from_utf8(data) {
        let _ = nso_tui::run::preset::parse("fuzz", text, &[]);
    }
});
