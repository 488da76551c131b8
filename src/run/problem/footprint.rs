//! What is known of a problem's size before it is built.

/// What is known of a problem's size before it is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Footprint {
    /// Bytes that all runs share.
    pub data: u64,
    /// What to change for `data` to be less.
    pub data_key: &'static str,
    /// Numbers in the vector of weights.
    pub parameters: u64,
    /// Training examples; 0 where there are none, or their number is not known yet.
    pub examples: u64,
    /// Numbers in the widest tensor of a pass, an example.
    pub width: u64,
    /// Examples of a measurement that are passed through at a time.
    pub examples_per_pass: u64,
}
