//! Rank correlation: how far two quantities order the same runs alike.

/// Kendall's tau-b of pairs (x, y), -1 to 1. With C pairs of runs that both quantities order alike, D that they order oppositely, and
/// T_x and T_y pairs that are equal in x or in y among all n0 = n (n - 1) / 2,
///
/// tau = (C - D) / sqrt((n0 - T_x) (n0 - T_y)).
///
/// `None` with fewer than two pairs, where all are equal in one of the two, or where one is not a number. O(n^2).
/// Source: Kendall 1945, "The treatment of ties in ranking problems".
pub fn kendall_tau(pairs: &[[f64; 2]]) -> Option<f64> {
    let (mut agreement, mut untied) = (0_i64, [0_i64; 2]);
    for (index, one) in pairs.iter().enumerate() {
        for other in &pairs[..index] {
            let [x, y] = [0, 1].map(|axis| one[axis].partial_cmp(&other[axis]).map(|order| order as i64));
            let (x, y) = (x?, y?);
            agreement += x * y;
            untied[0] += x.abs();
            untied[1] += y.abs();
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "counts of pairs of runs")]
    let [agreement, x, y] = [agreement, untied[0], untied[1]].map(|count| count as f64);
    (x > 0.0 && y > 0.0).then(|| agreement / (x * y).sqrt())
}

#[cfg(test)]
mod tests {
    use super::kendall_tau;

    #[test]
    fn it_is_what_scipy_finds() {
        // scipy.stats.kendalltau, variant b, of the example in its documentation and of two orders of five.
        let pairs = [[12.0, 1.0], [2.0, 4.0], [1.0, 7.0], [12.0, 1.0], [2.0, 0.0]];
        assert!((kendall_tau(&pairs).unwrap() + 0.471_404_520_791_031_73).abs() < 1e-12);
        let orders = [[1.0, 2.0], [2.0, 1.0], [3.0, 4.0], [4.0, 3.0], [5.0, 5.0]];
        assert!((kendall_tau(&orders).unwrap() - 0.6).abs() < 1e-12);
    }

    #[test]
    fn what_has_no_order_has_no_correlation() {
        for pairs in [&[][..], &[[1.0, 2.0]], &[[1.0, 2.0], [1.0, 3.0]], &[[1.0, f64::NAN], [2.0, 3.0]]] {
            assert_eq!(kendall_tau(pairs), None);
        }
    }
}
