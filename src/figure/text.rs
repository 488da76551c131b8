//! How numbers and symbols are written, on screens and in figures alike: aligned and short.
//! Nothing here knows what a number means; [`Quantity`](super::Quantity) chooses.

use std::borrow::Cow;

use crate::run::Bound;

/// Values with a magnitude in this range are written out; outside of it they get an exponent.
const PLAIN: std::ops::Range<f64> = 1e-4..1e6;

/// A count with separators: 1,240.
pub fn thousands(count: u64) -> String {
    grouped(&count.to_string())
}

/// `value` to so many significant digits: 0.00213, 0.288, 1,240, 2.13e-6, NaN.
pub fn significant(value: f64, digits: usize) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let digits = digits.max(1);
    let Some(exponent) = exponent_after_rounding(value, digits) else {
        return non_finite(value);
    };
    if PLAIN.contains(&value.abs()) {
        let decimals = i64::try_from(digits - 1).unwrap_or(i64::MAX).saturating_sub(i64::from(exponent));
        let decimals = usize::try_from(decimals).unwrap_or(0);
        fixed(value, decimals)
    } else {
        scientific(value, digits - 1)
    }
}

/// `value` with so many decimals and separators: 1,240.50. Not for magnitudes beyond 1e15.
pub fn fixed(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return non_finite(value);
    }
    let written = format!("{value:.decimals$}");
    let is_zero = written.bytes().all(|byte| matches!(byte, b'-' | b'.' | b'0'));
    grouped(if is_zero { written.trim_start_matches('-') } else { &written })
}

/// What a bound is worth, before its ingredients: "vacuous, ", "below the test loss, ", what an older log
/// lacks, or nothing.
pub fn worth(bound: &Bound) -> &'static str {
    match (bound.test_loss, bound.exceeded, bound.vacuous) {
        (None, ..) => "C and a of training examples alone, ",
        (_, true, _) => "below the test loss, ",
        (_, false, true) => "vacuous, ",
        (_, false, false) => "",
    }
}

/// What a bound is made of, as notes and captions have it: a 97.5, r 12.0, C 1.90, n 4,000, best σ .0123.
pub fn ingredients(bound: &Bound) -> String {
    let number = |value: f64| bare(&significant(value, 3));
    let (a, r) = (number(bound.largest_trace.mean), number(bound.distance_from_init));
    let (c, sigma) = (number(bound.largest_loss), number(bound.best_sigma));
    format!("a {a}, r {r}, C {c}, n {}, best σ {sigma}", thousands(bound.examples))
}

/// `value` as a mantissa with so many decimals and an exponent: 2.1e-6.
pub fn scientific(value: f64, decimals: usize) -> String {
    if value.is_finite() { format!("{value:.decimals$e}") } else { non_finite(value) }
}

/// A hyperparameter's value as change marks write it: .02, 1.5, 1e-5, 12; at most six significant digits.
pub fn short(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    if !value.is_finite() {
        return non_finite(value);
    }
    if PLAIN.contains(&value.abs()) {
        let rounded: f64 = format!("{value:.5e}").parse().unwrap_or(value);
        bare(&grouped(&rounded.to_string()))
    } else {
        let mantissa = format!("{value:.5e}");
        let (digits, exponent) = mantissa.split_once('e').unwrap_or((&mantissa, "0"));
        format!("{}e{exponent}", digits.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// Drops the zero before the decimal point: .05, -.3.
pub fn bare(number: &str) -> String {
    match number.strip_prefix('-') {
        Some(rest) => format!("-{}", bare(rest)),
        None => match number.strip_prefix("0.") {
            Some(decimals) => format!(".{decimals}"),
            None => number.to_owned(),
        },
    }
}

/// The text in ASCII, for terminals and files that have nothing else: sigma for σ, -> for →; `?` for what has no spelling.
pub fn ascii(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return text.into();
    }
    let mut plain = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        match letter {
            'σ' => plain.push_str("sigma"),
            'ρ' => plain.push_str("rho"),
            'Δ' => plain.push_str("diff"),
            'λ' => plain.push_str("lambda"),
            'μ' => plain.push_str("mu"),
            'η' => plain.push_str("eta"),
            '→' => plain.push_str("->"),
            '±' => plain.push_str("+-"),
            '≤' => plain.push_str("<="),
            '×' | '✕' => plain.push('x'),
            '·' | '–' | '—' | '−' => plain.push('-'),
            '∞' => plain.push_str("inf"),
            '²' => plain.push_str("^2"),
            '…' => plain.push('~'),
            letter if letter.is_ascii() => plain.push(letter),
            _ => plain.push('?'),
        }
    }
    plain.into()
}

/// The decimal exponent of `value` once rounded to `digits`; `None` if it is not finite.
fn exponent_after_rounding(value: f64, digits: usize) -> Option<i32> {
    let decimals = digits - 1;
    format!("{value:.decimals$e}").split_once('e')?.1.parse().ok()
}

fn non_finite(value: f64) -> String {
    if value.is_nan() { "NaN".into() } else { value.to_string() }
}

/// Separators between groups of three digits before the decimal point.
fn grouped(number: &str) -> String {
    let (sign, rest) = number.strip_prefix('-').map_or(("", number), |rest| ("-", rest));
    let (whole, decimals) = rest.find('.').map_or((rest, ""), |at| rest.split_at(at));
    let mut written = String::with_capacity(number.len() + 4);
    written.push_str(sign);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            written.push(',');
        }
        written.push(digit);
    }
    written.push_str(decimals);
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_short_and_plain() {
        assert_eq!(thousands(1_240), "1,240");
        assert_eq!(thousands(999), "999");
        assert_eq!(significant(0.002_134, 3), "0.00213");
        assert_eq!(significant(9.996, 3), "10.0");
        assert_eq!(significant(1240.4, 3), "1,240");
        assert_eq!(significant(2.13e-6, 2), "2.1e-6");
        assert_eq!(significant(-3.2e9, 2), "-3.2e9");
        assert_eq!(significant(f64::NAN, 3), "NaN");
        assert_eq!(significant(f64::NEG_INFINITY, 3), "-inf");
        assert_eq!(fixed(-0.0001, 2), "0.00");
        assert_eq!(short(0.02), ".02");
        assert_eq!(short(0.1 + 0.2), ".3");
        assert_eq!(short(1e-5), "1e-5");
        assert_eq!(short(12.0), "12");
        assert_eq!(short(-0.5), "-.5");
    }

    #[test]
    fn symbols_have_an_ascii_spelling() {
        assert_eq!(ascii("σ .02→.03"), "sigma .02->.03");
        assert_eq!(ascii("λ max"), "lambda max");
        assert_eq!(ascii("σ²/2 Tr H"), "sigma^2/2 Tr H");
        assert_eq!(ascii("plain"), "plain");
    }
}
