//! An IDX file, plain or gzip.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = nso_tui::data::idx::parse(data);
});
