//! Growth of long columns of numbers: at most an eighth of their memory is spare, against up to a half in a vector that doubles.

/// Appends a value, O(1) amortised: a full vector grows by an eighth of its length.
pub(super) fn push<T>(column: &mut Vec<T>, value: T) {
    if column.len() == column.capacity() {
        column.reserve_exact((column.len() / 8).max(16));
    }
    column.push(value);
}

#[cfg(test)]
mod tests {
    use super::push;

    #[test]
    fn at_most_an_eighth_is_spare() {
        let mut column = Vec::new();
        let mut growths = 0;
        for value in 0..100_000 {
            let before = column.capacity();
            push(&mut column, value);
            growths += usize::from(column.capacity() != before);
            assert!(column.capacity() <= column.len() + (column.len() / 8).max(16), "at {value}");
        }
        assert!(growths < 100, "{growths} growths are not geometric");
    }
}
