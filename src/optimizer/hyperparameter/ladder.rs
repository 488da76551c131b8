//! The values that `+` and `-` step through.

const PREFERRED: [f64; 6] = [1.0, 1.5, 2.0, 3.0, 5.0, 7.0];

/// How `+` and `-` raise and lower a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Ladder {
    /// 1, 1.5, 2, 3, 5, 7, 10, ... times a power of ten; below `floor` comes zero where the range admits it.
    Preferred { floor: f64 },
    /// The values a momentum is usually given.
    Listed(&'static [f64]),
    /// Equal increments.
    Even(f64),
}

impl Ladder {
    /// The next value above `value`, or `value` itself at the end of a list.
    pub fn above(self, value: f64) -> f64 {
        match self {
            Self::Even(by) => tidy((value / by).round() * by + by),
            Self::Listed(list) => list.iter().copied().find(|&next| next > value * (1.0 + 1e-9)).unwrap_or(value),
            Self::Preferred { floor } => {
                preferred(value, floor).find(|&next| next > value * (1.0 + 1e-9)).unwrap_or(value)
            }
        }
    }

    /// The next value below `value`, or `value` itself at the end of a list.
    pub fn below(self, value: f64) -> f64 {
        match self {
            Self::Even(by) => tidy((value / by).round() * by - by),
            Self::Listed(list) => list.iter().copied().rfind(|&next| next < value * (1.0 - 1e-9)).unwrap_or(value),
            Self::Preferred { floor } => {
                preferred(value, floor).take_while(|&next| next < value * (1.0 - 1e-9)).last().unwrap_or(0.0)
            }
        }
    }
}

/// The preferred numbers from `floor` to a little beyond `value`, rising.
fn preferred(value: f64, floor: f64) -> impl Iterator<Item = f64> {
    #[expect(clippy::cast_possible_truncation, reason = "exponents of numbers within a hyperparameter's range")]
    let [lowest, highest] = [floor, value.max(floor)].map(|x| x.log10().floor() as i32);
    (lowest..=highest + 1)
        .flat_map(move |exponent| PREFERRED.into_iter().map(move |digit| tidy(digit * 10f64.powi(exponent))))
}

/// Drops the last bits, so that 0.1 + 0.2 reads 0.3.
fn tidy(value: f64) -> f64 {
    format!("{value:.10e}").parse().unwrap_or(value)
}
