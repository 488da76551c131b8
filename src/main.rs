//! nso-tui.
fn main() {}
