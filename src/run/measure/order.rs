//! Which of two numbers is the larger where either may be NaN.

use std::cmp::Ordering;

/// The order of [`f64::total_cmp`], but that a NaN of either sign is above every number: the largest of several is NaN where any of them
/// is. The sign of the NaN that a division yields depends on the processor, and `total_cmp` has a negative one below all.
pub fn nan_above(a: f64, b: f64) -> Ordering {
    a.is_nan().cmp(&b.is_nan()).then(a.total_cmp(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nan_of_either_sign_is_the_largest() {
        let largest = |values: &[f64]| values.iter().copied().max_by(|&a, &b| nan_above(a, b)).unwrap();
        for nan in [f64::NAN, -f64::NAN] {
            assert!(largest(&[1.0, nan, f64::INFINITY]).is_nan());
            assert!(largest(&[nan, f64::NEG_INFINITY]).is_nan());
        }
        assert_eq!(largest(&[-2.0, 3.0, f64::NEG_INFINITY, 1.0]), 3.0);
    }
}
