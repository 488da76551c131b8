//! Ticks: the round values that an axis labels, as many as there is room for, with labels that share their decimals.
//! A log axis shows decades, with 2 and 5 between them when they are few.

use super::{
    axis::{Axis, Scale, Tick, decimal, exponent, multiple, round_step},
    text,
};

/// Magnitudes from here on are labelled with exponents.
const LARGE: f64 = 1e6;
/// More decimals than this are labelled with exponents.
const DECIMALS: usize = 5;

impl Axis {
    /// The values to label, at most `room` of them and rising; none when there is no room.
    pub fn ticks(&self, room: usize) -> Vec<Tick> {
        if room == 0 {
            return Vec::new();
        }
        match self.scale() {
            Scale::Linear => self.linear_ticks(room),
            Scale::Log => self.log_ticks(room),
        }
    }

    /// The values between labelled ones that deserve a small stroke: 2 to 9 times each power of ten on a log axis of few decades.
    pub fn minor_ticks(&self) -> Vec<f64> {
        match self.scale() {
            Scale::Log if exponent(self.high()) - exponent(self.low()) <= 6 => {
                self.mantissas(&[2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0])
            }
            Scale::Linear | Scale::Log => Vec::new(),
        }
    }

    fn linear_ticks(&self, room: usize) -> Vec<Tick> {
        let (values, step) = self.multiples(room);
        let size = self.low().abs().max(self.high().abs());
        let decimals = decimals(step);
        let label = |value: f64| {
            if size < LARGE && decimals <= DECIMALS {
                text::bare(&text::fixed(value, decimals))
            } else if value == 0.0 {
                "0".into()
            } else {
                scientific(value, step)
            }
        };
        values.into_iter().map(|at| Tick { at, label: label(at) }).collect()
    }

    /// At most `room` multiples of a round step, and the step.
    #[expect(clippy::cast_precision_loss, reason = "a number of ticks")]
    fn multiples(&self, room: usize) -> (Vec<f64>, f64) {
        let mut step = round_step((self.high() / 2.0 - self.low() / 2.0) / room as f64 * 2.0);
        // Steps widen by at least a quarter each turn, so a few turns leave at most `room` multiples.
        loop {
            // A quotient is known to its last bits only.
            let quotient = |end: f64| (end / step, 1e-9 + (end / step).abs() * 4.0 * f64::EPSILON);
            let ((low, slack_low), (high, slack_high)) = (quotient(self.low()), quotient(self.high()));
            let (first, last) = ((low - slack_low).ceil(), (high + slack_high).floor());
            if !(first.is_finite() && last.is_finite() && step.is_finite()) {
                return (Vec::new(), step);
            }
            if last - first + 1.0 <= room as f64 {
                let counts = (0..room).map(|index| first + index as f64).take_while(|&count| count <= last);
                return (counts.map(|count| multiple(step, count)).collect(), step);
            }
            step = round_step(step * 1.25);
        }
    }

    fn log_ticks(&self, room: usize) -> Vec<Tick> {
        let decades = self.mantissas(&[1.0]);
        let halves = self.mantissas(&[1.0, 2.0, 5.0]);
        let all = self.mantissas(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
        let values = if halves.len() <= room && halves.len() >= 3 && decades.len() < 4 {
            halves
        } else if decades.len() >= 2 || (decades.len() == 1 && room == 1) {
            let every = decades.len().div_ceil(room);
            decades
                .into_iter()
                .filter(|&value| exponent_of_power(value).rem_euclid(i32::try_from(every).unwrap_or(i32::MAX)) == 0)
                .collect()
        } else if all.len() >= 2 && all.len() <= room {
            all
        } else if halves.len() >= 2 && halves.len() <= room {
            halves
        } else {
            // Less than a decade: the log scale is all but linear.
            return self.linear_ticks(room).into_iter().filter(|tick| tick.at > 0.0).collect();
        };
        let plain = values.iter().all(|&value| (0.01..LARGE).contains(&value));
        let label = |value: f64| if plain { text::short(value) } else { scientific(value, value) };
        values.into_iter().map(|at| Tick { at, label: label(at) }).collect()
    }

    /// Every product of a mantissa and a power of ten within the axis, rising.
    fn mantissas(&self, mantissas: &[f64]) -> Vec<f64> {
        let inside = (self.low() * (1.0 - 1e-9), self.high() * (1.0 + 1e-9));
        (exponent(self.low()) - 1..=exponent(self.high()) + 1)
            .flat_map(|power| mantissas.iter().map(move |&mantissa| decimal(mantissa, power)))
            .filter(|&value| value >= inside.0 && value <= inside.1)
            .collect()
    }
}

/// The exponent of an exact power of ten.
#[expect(clippy::cast_possible_truncation, reason = "an exponent of a double")]
fn exponent_of_power(value: f64) -> i32 {
    value.log10().round() as i32
}

/// Decimals that every multiple of a round `step` needs.
fn decimals(step: f64) -> usize {
    let written = format!("{step:e}");
    let (mantissa, power) = written.split_once('e').unwrap_or((&written, "0"));
    let digits = mantissa.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let power: i64 = power.parse().unwrap_or(0);
    usize::try_from(i64::try_from(digits).unwrap_or(0) - power).unwrap_or(0)
}

/// `value` with an exponent and only the digits in which multiples of `step` differ.
fn scientific(value: f64, step: f64) -> String {
    let digits = exponent(value.abs()) - exponent(step) + i32::from(format!("{step:e}").contains('.'));
    let written = text::scientific(value, usize::try_from(digits).unwrap_or(0).min(16));
    match written.split_once('e') {
        Some((mantissa, power)) if mantissa.contains('.') => {
            format!("{}e{power}", mantissa.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => written,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::axis::{Axis, Bounds, Scale};

    fn labels(low: f64, high: f64, scale: Scale, room: usize) -> Vec<String> {
        Axis::covering(Bounds::new(low, high), scale).ticks(room).into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn linear_labels_are_round_and_share_their_decimals() {
        assert_eq!(labels(0.013, 0.288, Scale::Linear, 4), [".0", ".1", ".2", ".3"]);
        assert_eq!(labels(0.013, 0.288, Scale::Linear, 8), [".00", ".05", ".10", ".15", ".20", ".25", ".30"]);
        assert_eq!(labels(-0.2, 0.9, Scale::Linear, 4), [".0", ".5", "1.0"]);
        assert_eq!(labels(0.0, 1900.0, Scale::Linear, 5), ["0", "500", "1,000", "1,500", "2,000"]);
        assert_eq!(labels(0.0, 4e6, Scale::Linear, 5), ["0", "1e6", "2e6", "3e6", "4e6"]);
        assert_eq!(labels(0.0, 2e-7, Scale::Linear, 5), ["0", "5e-8", "1e-7", "1.5e-7", "2e-7"]);
    }

    #[test]
    fn log_labels_are_decades_with_two_and_five_when_few() {
        assert_eq!(labels(1e-4, 2.0, Scale::Log, 6), ["1e-4", "1e-3", "1e-2", "1e-1", "1e0"]);
        assert_eq!(labels(1e-9, 1e3, Scale::Log, 4), ["1e-8", "1e-4", "1e0"]);
        assert_eq!(labels(0.1, 2.0, Scale::Log, 6), [".1", ".2", ".5", "1", "2"]);
        assert_eq!(labels(0.31, 0.52, Scale::Log, 6), [".3", ".4", ".5", ".6"]);
        assert_eq!(labels(1.0, 1e4, Scale::Log, 6), ["1", "10", "100", "1,000", "10,000"]);
    }

    proptest! {
        #[test]
        fn ticks_fit_the_room_rise_and_lie_on_the_axis(a in any::<f64>(), b in any::<f64>(), room in 0usize..12) {
            for (low, high) in [(a.min(b), a.max(b)), (a.min(b) % 10.0, a.min(b) % 10.0 + a.max(b).abs() % 10.0)] {
                prop_assume!(Bounds::new(low, high).is_some());
                for scale in [Scale::Linear, Scale::Log] {
                    let axis = Axis::covering(Bounds::new(low, high), scale);
                    let ticks = axis.ticks(room);
                    prop_assert!(ticks.len() <= room, "{} ticks in room for {room} on {axis:?}", ticks.len());
                    prop_assert!(ticks.windows(2).all(|pair| pair[0].at < pair[1].at));
                    prop_assert!(ticks.windows(2).all(|pair| pair[0].label != pair[1].label), "{ticks:?}");
                    prop_assert!(ticks.iter().all(|tick| axis.slot(tick.at, 100).is_some()), "{axis:?} {ticks:?}");
                    if room >= 4 {
                        prop_assert!(!ticks.is_empty(), "no tick on {axis:?}");
                    }
                    if let (Scale::Linear, [first, second, .., last]) = (scale, &ticks[..]) {
                        let step = second.at - first.at;
                        prop_assert!(first.at - 0.99 * step < axis.low(), "a tick is missing below {ticks:?}");
                        prop_assert!(last.at + 0.99 * step > axis.high(), "a tick is missing above {ticks:?}");
                    }
                }
            }
        }
    }
}
