//! Words and numbers for the screen: user text without anything that a terminal acts on, numbers in a
//! column sharing their decimals, clocks and counts.

use std::time::Duration;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::text::printable;

/// Longest user text that any region shows; what is beyond never reaches a buffer.
const LONGEST: usize = 2_000;

/// User text made safe to draw: [`printable`], nothing of zero width, and white space of any kind as one space.
pub fn scrub(text: &str) -> String {
    let start: String =
        text.chars().take(LONGEST).map(|letter| if letter.is_whitespace() { ' ' } else { letter }).collect();
    let visible: String = printable(&start).chars().filter(|letter| letter.width().unwrap_or(0) > 0).collect();
    visible.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The columns that `text` takes on the screen.
pub fn width(text: &str) -> usize {
    text.width()
}

/// `text` cut to `columns`, its end marked where something is missing.
pub fn fit(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 1;
    for letter in text.chars() {
        used += letter.width().unwrap_or(0);
        if used > columns {
            break;
        }
        kept.push(letter);
    }
    if columns > 0 {
        kept.push('…');
    }
    kept
}

/// `text` cut or filled with spaces to exactly `columns`.
pub fn pad(text: &str, columns: usize) -> String {
    let cut = fit(text, columns);
    let missing = columns.saturating_sub(cut.width());
    cut + &" ".repeat(missing)
}

/// The same, filled from the left, as numbers are.
pub fn pad_left(text: &str, columns: usize) -> String {
    let cut = fit(text, columns);
    " ".repeat(columns.saturating_sub(cut.width())) + &cut
}

/// `text` in lines of at most `columns`, broken at spaces where it can be.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(fit(word, columns)),
        }
    }
    lines
}

/// A duration as a clock: 0:42, 12:05, 1:00:07.
pub fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// A hyperparameter's value: the shortest decimal that reads back as the same number, scientific where that is shorter.
pub fn value(number: f64) -> String {
    let plain = format!("{number}");
    let scientific = format!("{number:e}");
    if scientific.len() + 1 < plain.len() { scientific } else { plain }
}

/// How the numbers of one column are written, so that they compare by eye.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notation {
    /// So many decimals.
    Fixed(usize),
    /// One digit, two decimals and an exponent.
    Scientific,
}

impl Notation {
    /// Three digits of the largest number, two of the smallest, within five digits or six decimals in all;
    /// scientific where the column spans more than that can show.
    pub fn of(numbers: impl IntoIterator<Item = f64>) -> Self {
        let sizes = numbers.into_iter().map(f64::abs).filter(|size| size.is_finite() && *size > 0.0);
        let (least, most) =
            sizes.fold((f64::INFINITY, 0.0_f64), |(least, most), size| (least.min(size), most.max(size)));
        if most == 0.0 {
            return Self::Fixed(2);
        }
        if !(1e-4..1e6).contains(&most) || least < 1e-4 * most {
            return Self::Scientific;
        }
        let useful = (2 - exponent(most)).min(4).max(1 - exponent(least));
        let affordable = if most < 1.0 { 6 } else { 4 - exponent(most) };
        Self::Fixed(usize::try_from(useful.min(affordable)).unwrap_or(0))
    }

    /// One digit of the smallest standard error: what a column of estimates is known to; `None` without any error.
    pub fn of_errors(errors: impl IntoIterator<Item = f64>) -> Option<Self> {
        let least = errors.into_iter().filter(|error| error.is_finite() && *error > 0.0).reduce(f64::min)?;
        let decimals = -exponent(least);
        (-6..=5).contains(&decimals).then(|| Self::Fixed(usize::try_from(decimals).unwrap_or(0)))
    }

    /// `number` in this notation; infinities and NaN as words.
    pub fn write(self, number: f64) -> String {
        match self {
            _ if number.is_nan() => "NaN".into(),
            _ if number.is_infinite() => if number > 0.0 { "inf" } else { "-inf" }.into(),
            Self::Fixed(decimals) => format!("{number:.decimals$}"),
            Self::Scientific => format!("{number:.2e}"),
        }
    }
}

/// The decimal exponent of a positive finite number.
#[expect(clippy::cast_possible_truncation, reason = "exponents of floats lie within -324..=308")]
fn exponent(size: f64) -> i32 {
    size.log10().floor() as i32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_in_a_column_share_their_decimals() {
        assert_eq!(Notation::of([0.0021, 0.0014, 0.0031]), Notation::Fixed(4));
        assert_eq!(Notation::of([2.9, 0.48, 1.66]), Notation::Fixed(2));
        assert_eq!(Notation::of([0.288, 0.257]), Notation::Fixed(3));
        assert_eq!(Notation::of_errors([0.11, 0.03, f64::NAN]), Some(Notation::Fixed(2)));
        assert_eq!(Notation::of_errors([f64::NAN]), None);
        assert_eq!(Notation::of([0.000_272, 0.000_113]), Notation::Fixed(5));
        assert_eq!(Notation::of([12_345.6, 4.1]), Notation::Fixed(0));
        assert_eq!(Notation::of([0.000_341, 2e-8]), Notation::Scientific);
        assert_eq!(Notation::of([3e7, 1.0]), Notation::Scientific);
        assert_eq!(Notation::of([f64::NAN, 0.0]), Notation::Fixed(2));
        assert_eq!(Notation::Fixed(3).write(f64::NEG_INFINITY), "-inf");
    }

    #[test]
    fn clocks_and_values_read_at_a_glance() {
        assert_eq!(clock(Duration::from_secs(42)), "0:42");
        assert_eq!(clock(Duration::from_secs(3_607)), "1:00:07");
        assert_eq!(value(0.00015), "0.00015");
        assert_eq!(value(1e-8), "1e-8");
        assert_eq!(value(0.95), "0.95");
    }

    #[test]
    fn escape_sequences_are_removed() {
        assert_eq!(scrub("a\u{1b}[31mb\u{9b}2J\u{202e}c\u{7}\n d"), "a[31mb2Jc d");
    }

    proptest! {
        #[test]
        fn scrubbed_text_has_no_control_character(text in any::<String>()) {
            prop_assert!(!scrub(&text).chars().any(char::is_control));
        }

        #[test]
        fn padded_text_has_the_width_asked_for(text in any::<String>(), columns in 0usize..60) {
            prop_assert_eq!(width(&pad(&scrub(&text), columns)), columns);
            prop_assert_eq!(width(&pad_left(&scrub(&text), columns)), columns);
        }
    }
}
