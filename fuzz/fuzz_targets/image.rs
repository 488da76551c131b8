//! An image file: PNG or JPEG.

#![no_main]

use libfuzzer_sys::fuzz_target;

/// The input as a file.
fn file_of(data: &[u8]) -> tempfile::NamedTempFile {
    use std::io::Write as _;

    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(data).expect("room for it");
    file
}

fuzz_target!(|data: &[u8]| {
    let file = file_of(data);
    let _ = nso_tui::data::folder::read(file.path(), 8);
});
