//! What is read off a run, and what is made of several seeds.

use nso_tui::figure::{History, Quantity};

/// The mean of some numbers and their standard deviation, n - 1 in its denominator; NaN for a single one.
pub fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, variance.sqrt())
}

/// The middle of some numbers, with the least and the greatest.
pub fn median_and_range(values: &[f64]) -> (f64, f64, f64) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let median = if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) };
    (median, sorted[0], sorted[sorted.len() - 1])
}

/// The trace where the training loss first falls to `loss`: log-linear between the two measurements around it. Trace and loss are
/// of the same examples. `None` where no measurement lies on either side.
pub fn trace_at(history: &History, loss: f64) -> Option<f64> {
    let losses: Vec<_> = history.series(Quantity::MeasuredLoss).points().collect();
    let traces: Vec<_> = history.series(Quantity::Trace).points().collect();
    let pairs: Vec<(f64, f64)> = losses
        .iter()
        .filter_map(|l| Some((l.value, traces.iter().find(|t| t.at.step == l.at.step)?.value)))
        .filter(|&(loss, trace)| loss > 0.0 && trace > 0.0)
        .collect();
    let around = pairs.windows(2).find(|pair| pair[0].0 >= loss && pair[1].0 < loss)?;
    let [(before, high), (after, low)] = [around[0], around[1]];
    let share = (before / loss).ln() / (before / after).ln();
    Some((high.ln() + share * (low.ln() - high.ln())).exp())
}

/// The last value of a quantity.
pub fn last(history: &History, quantity: Quantity) -> Option<f64> {
    history.last(quantity).map(|point| point.value)
}
