//! Axes: ranges that cover the data and grow in round steps, so that charts do not shimmer, and where a number falls on them.
//! `tick.rs` finds the round values to label.

use super::pyramid::Extents;
pub use crate::run::Scale;

impl Scale {
    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Linear => Self::Log,
            Self::Log => Self::Linear,
        }
    }
}

/// An interval of finite numbers, `low <= high`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    low: f64,
    high: f64,
}

impl Bounds {
    /// From `low` to `high`; `None` unless both are finite and in order.
    pub fn new(low: f64, high: f64) -> Option<Self> {
        (low.is_finite() && high.is_finite() && low <= high).then_some(Self { low, high })
    }

    /// What these values span, of those that `scale` can show; `None` if there are none.
    pub fn of(extents: &Extents, scale: Scale) -> Option<Self> {
        match scale {
            Scale::Linear => Self::new(extents.low, extents.high),
            Scale::Log => Self::new(extents.low_positive, extents.high),
        }
    }

    pub fn low(self) -> f64 {
        self.low
    }

    pub fn high(self) -> f64 {
        self.high
    }

    /// The part that a y axis is spent on: on a log scale only what is at least a `share` of the top, since a loss that reaches
    /// 1e-40 would press everything else into a line. What lies lower is drawn at the edge.
    #[must_use]
    pub fn worth_showing(self, scale: Scale, share: f64) -> Self {
        match scale {
            Scale::Linear => self,
            Scale::Log => Self { low: self.low.max(self.high * share), ..self },
        }
    }

    /// The part of both; where they do not meet, the nearest end of `other`.
    #[must_use]
    pub fn within(self, other: Self) -> Self {
        Self { low: self.low.clamp(other.low, other.high), high: self.high.clamp(other.low, other.high) }
    }

    /// The smallest interval that holds both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }
}

/// A value on an axis that gets a label.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    pub at: f64,
    /// Its label; the labels of one axis share their decimals.
    pub label: String,
}

/// A scale with a range; `low < high`, both finite, and positive on a log scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Axis {
    scale: Scale,
    low: f64,
    high: f64,
    /// `low` and `high` as the scale measures them.
    measured: (f64, f64),
}

/// Round numbers between 1 and 10 at which a growing linear axis may end.
const ENDS: [f64; 12] = [1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0];
/// Parts in which a linear range is rounded.
const PARTS: f64 = 8.0;
/// Sizes below this are nothing: it keeps axes clear of numbers too small to be divided.
const NOTHING: f64 = 1e-290;

impl Axis {
    /// An axis that covers `bounds` and ends at round numbers. Without bounds, or where a log scale has nothing positive,
    /// 0 to 1 on a linear and 1 to 10 on a log scale.
    pub fn covering(bounds: Option<Bounds>, scale: Scale) -> Self {
        match (scale, bounds) {
            (Scale::Linear, None) => Self::new(scale, 0.0, 1.0),
            (Scale::Linear, Some(Bounds { low, high })) => {
                let (low, high) = round_linear(low, high);
                Self::new(scale, low, high)
            }
            (Scale::Log, Some(Bounds { low, high })) if high > 0.0 => {
                let high = high.max(NOTHING);
                let (low, high) = round_log(if low > 0.0 { low.max(NOTHING) } else { high }, high);
                Self::new(scale, low, high)
            }
            (Scale::Log, _) => Self::new(scale, 1.0, 10.0),
        }
    }

    /// An x axis: from zero (or, on a log scale, from `bounds.low`) to the next round number from `bounds.high` on.
    pub fn along(bounds: Option<Bounds>, scale: Scale) -> Self {
        match (scale, bounds) {
            (Scale::Linear, Some(Bounds { high, .. })) if high > 0.0 => Self::new(scale, 0.0, round_end(high)),
            (Scale::Linear, _) => Self::new(scale, 0.0, 1.0),
            (Scale::Log, bounds) => Self::covering(bounds, Scale::Log),
        }
    }

    /// A linear axis that ends exactly where `bounds` do; from 0 to 1 where there are none or of no width.
    pub fn exactly(bounds: Option<Bounds>) -> Self {
        let wide = bounds.filter(|bounds| bounds.low < bounds.high);
        wide.map_or(Self::new(Scale::Linear, 0.0, 1.0), |Bounds { low, high }| Self::new(Scale::Linear, low, high))
    }

    /// An axis of this scale that ends exactly where `bounds` do, which are of some width and on a log scale positive.
    pub(super) fn between(Bounds { low, high }: Bounds, scale: Scale) -> Self {
        Self::new(scale, low, high)
    }

    /// The same axis for values `factor` times as large.
    pub(super) fn times(&self, factor: f64) -> Self {
        Self::new(self.scale, self.low * factor, self.high * factor)
    }

    fn new(scale: Scale, low: f64, high: f64) -> Self {
        Self { scale, low, high, measured: (measure(scale, low), measure(scale, high)) }
    }

    /// Linear or log.
    pub fn scale(&self) -> Scale {
        self.scale
    }

    pub fn low(&self) -> f64 {
        self.low
    }

    pub fn high(&self) -> f64 {
        self.high
    }

    /// Whether it has a place for `value`, be it beyond its ends: finite, and positive on a log scale.
    pub fn has(&self, value: f64) -> bool {
        value.is_finite() && (self.scale == Scale::Linear || value > 0.0)
    }

    /// Where `value` falls: 0 at the lower end, 1 at the upper, beyond them outside; never decreasing in `value`.
    /// -inf for what a log scale cannot show, NaN for NaN.
    pub fn position(&self, value: f64) -> f64 {
        let (low, high) = self.measured;
        (measure(self.scale, value) - low) / (high - low)
    }

    /// The value at a position, the inverse of [`position`](Self::position).
    pub fn value(&self, position: f64) -> f64 {
        let (low, high) = self.measured;
        let measured = low + position * (high - low);
        match self.scale {
            Scale::Linear => measured * 2.0,
            Scale::Log => measured.exp(),
        }
    }

    /// Which of `count` equal steps from the lower end (0) to the upper (`count` - 1) is nearest to `value`;
    /// `None` outside of the axis. Both ends of the axis fall on a step.
    pub fn slot(&self, value: f64, count: usize) -> Option<usize> {
        let position = self.position(value);
        // The tolerance forgives the rounding of a logarithm at the ends.
        let inside = (-1e-9..=1.0 + 1e-9).contains(&position);
        inside.then(|| slot_of(position, count))
    }

    /// As [`slot`](Self::slot), but what lies outside of the axis goes to the nearer end; NaN to the lower.
    pub fn clamped(&self, value: f64, count: usize) -> usize {
        slot_of(self.position(value), count)
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the count"
)]
fn slot_of(position: f64, count: usize) -> usize {
    let last = count.saturating_sub(1);
    // A NaN casts to zero.
    ((position.clamp(0.0, 1.0) * last as f64 + 0.5) as usize).min(last)
}

/// The number whose differences are lengths on that scale. Halved on a linear one, lest the widest range overflow.
fn measure(scale: Scale, value: f64) -> f64 {
    match scale {
        Scale::Linear => value / 2.0,
        Scale::Log if value > 0.0 => value.ln(),
        Scale::Log if value.is_nan() => f64::NAN,
        Scale::Log => f64::NEG_INFINITY,
    }
}

/// The power of ten at or below a positive `value`, as an exponent.
#[expect(clippy::cast_possible_truncation, reason = "an exponent of a double")]
pub(super) fn exponent(value: f64) -> i32 {
    value.log10().floor() as i32
}

/// `mantissa` times ten to the `exponent`, to the last bit what a reader would type.
pub(super) fn decimal(mantissa: f64, exponent: i32) -> f64 {
    format!("{mantissa}e{exponent}").parse().unwrap_or(mantissa)
}

/// So many times a round `step`, to the last bit what a reader would type.
pub(super) fn multiple(step: f64, count: f64) -> f64 {
    let written = format!("{step:e}");
    match written.split_once('e') {
        Some((mantissa, power)) => decimal(count * mantissa.parse::<f64>().unwrap_or(1.0), power.parse().unwrap_or(0)),
        None => step * count,
    }
}

/// The smallest round number at or above a positive `value` at which an axis may end.
fn round_end(value: f64) -> f64 {
    let value = value.max(NOTHING);
    let power = exponent(value);
    [power - 1, power, power + 1]
        .into_iter()
        .flat_map(|power| ENDS.into_iter().map(move |end| decimal(end, power)))
        .find(|&end| end >= value && end.is_finite())
        .unwrap_or(f64::MAX)
}

/// The smallest of 1, 2, 2.5, 5 times a power of ten that is at least `step`.
pub(super) fn round_step(step: f64) -> f64 {
    if !(step.is_finite() && step >= f64::MIN_POSITIVE) {
        return f64::MIN_POSITIVE;
    }
    let power = exponent(step);
    [power - 1, power, power + 1]
        .into_iter()
        .flat_map(|power| [1.0, 2.0, 2.5, 5.0].into_iter().map(move |mantissa| decimal(mantissa, power)))
        .find(|&round| round >= step * (1.0 - 1e-12))
        .unwrap_or(step)
}

/// The range of multiples of a round step that holds `low` to `high`, a little wider where they are one number.
fn round_linear(low: f64, high: f64) -> (f64, f64) {
    let size = low.abs().max(high.abs());
    if size < NOTHING {
        return (if low < 0.0 { -1.0 } else { 0.0 }, 1.0);
    }
    let span = high / PARTS - low / PARTS;
    // Below a few bits of the larger end values are not distinct: give such data the width of a tenth of its size.
    let step = if span > size * 1e-14 { round_step(span) } else { round_step(size / 10.0) };
    let (mut below, mut above) = (multiple(step, (low / step).floor()), multiple(step, (high / step).ceil()));
    if below > low || !below.is_finite() {
        below = low;
    }
    if above < high || !above.is_finite() {
        above = high;
    }
    if below < above { (below, above) } else { ((below - step).max(f64::MIN), (above + step).min(f64::MAX)) }
}

/// The range of round numbers that holds the positive `low` to `high`: finer ones where the two are close.
fn round_log(low: f64, high: f64) -> (f64, f64) {
    let ratio = high / low;
    if ratio < 1.5 && ratio > 1.0 + 1e-9 {
        let (below, above) = round_linear(low, high);
        if below > 0.0 {
            return (below, above);
        }
    }
    let mantissas: &[f64] =
        if ratio < 10.0 { &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0] } else { &[1.0, 2.0, 5.0, 10.0] };
    let around = |value: f64| {
        let power = exponent(value);
        [power - 1, power, power + 1]
            .into_iter()
            .flat_map(|power| mantissas.iter().map(move |&mantissa| decimal(mantissa, power)))
    };
    let below = around(low).filter(|&round| round <= low && round > 0.0).fold(0.0, f64::max);
    let below = if below > 0.0 { below } else { low };
    let above = around(high).find(|&round| round >= high && round.is_finite()).unwrap_or(high);
    if below < above {
        (below, above)
    } else {
        // One round number only: a factor of two to either side.
        (below / 2.0, (above * 2.0).min(f64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn linear(low: f64, high: f64) -> (f64, f64) {
        let axis = Axis::covering(Bounds::new(low, high), Scale::Linear);
        (axis.low(), axis.high())
    }

    fn log(low: f64, high: f64) -> (f64, f64) {
        let axis = Axis::covering(Bounds::new(low, high), Scale::Log);
        (axis.low(), axis.high())
    }

    #[test]
    fn ranges_end_at_round_numbers() {
        assert_eq!(linear(0.013, 0.288), (0.0, 0.3));
        assert_eq!(linear(-0.2, 0.9), (-0.2, 1.0));
        assert_eq!(linear(97.0, 99.5), (97.0, 99.5));
        assert_eq!(log(0.0031, 2.3), (0.002, 5.0));
        assert_eq!(log(0.31, 0.52), (0.3, 0.6));
        assert_eq!(log(1.0, 1000.0), (1.0, 1000.0));
        for (last, end) in [(1.0, 1.0), (1240.0, 1500.0), (4000.0, 4000.0), (4690.0, 5000.0), (0.3, 0.3), (9.9e7, 1e8)]
        {
            let axis = Axis::along(Bounds::new(0.0, last), Scale::Linear);
            assert_eq!((axis.low(), axis.high()), (0.0, end));
        }
    }

    #[test]
    fn degenerate_data_still_get_a_range() {
        for value in [0.0, 1.0, -3.0, 1e-300, 1e300, f64::MAX, f64::MIN, 5e-324, 0.1] {
            let (low, high) = linear(value, value);
            assert!(low < high && low <= value && value <= high, "{value}: {low} to {high}");
            assert!(high / 2.0 - low / 2.0 < value.abs().max(1.0), "{value} is a speck in {low} to {high}");
            if value > NOTHING {
                let (low, high) = log(value, value);
                assert!(low < high && low <= value && value <= high && low > 0.0, "{value}: {low} to {high}");
            }
        }
        assert_eq!(linear(f64::MIN, f64::MAX), (f64::MIN, f64::MAX));
        assert_eq!(Axis::covering(None, Scale::Log), Axis::covering(Bounds::new(-2.0, -1.0), Scale::Log));
    }

    #[test]
    fn a_log_axis_is_not_spent_on_what_vanishes() {
        let bounds = |low| Bounds::new(low, 10.0).unwrap();
        assert_eq!(bounds(1e-40).worth_showing(Scale::Log, 1e-12), bounds(1e-11));
        assert_eq!(bounds(1e-9).worth_showing(Scale::Log, 1e-12), bounds(1e-9));
        assert_eq!(bounds(1e-40).worth_showing(Scale::Linear, 1e-12), bounds(1e-40));
    }

    #[test]
    fn a_growing_run_changes_its_axis_a_few_times_a_decade() {
        let ends = |last: u32| Axis::along(Bounds::new(0.0, f64::from(last)), Scale::Linear).high();
        let changes = (1000..10_000).filter(|&last| ends(last) < ends(last + 1)).count();
        assert_eq!(changes, 11);
    }

    proptest! {
        #[test]
        fn an_axis_covers_its_data_in_order(a in any::<f64>(), b in any::<f64>(), c in 0.0..1.0f64) {
            let (low, high) = (a.min(b), a.max(b));
            prop_assume!(Bounds::new(low, high).is_some());
            let inner = low + c * (high / 2.0 - low / 2.0);
            for scale in [Scale::Linear, Scale::Log] {
                let axis = Axis::covering(Bounds::new(low, high), scale);
                prop_assert!(axis.low() < axis.high() && axis.low().is_finite() && axis.high().is_finite());
                prop_assert!(axis.low() <= low || (scale == Scale::Log && low <= NOTHING), "{low} to {high}: {axis:?}");
                prop_assert!(axis.high() >= high || (scale == Scale::Log && high <= 0.0), "{low} to {high}: {axis:?}");
                prop_assert!(axis.position(low) <= axis.position(inner) && axis.position(inner) <= axis.position(high));
                prop_assert_eq!(axis.slot(axis.low(), 7), Some(0));
                prop_assert_eq!(axis.slot(axis.high(), 7), Some(6));
                if low > NOTHING {
                    prop_assert!(axis.slot(low, 100).is_some() && axis.slot(high, 100).is_some());
                }
            }
        }
    }
}
