//! What a check says: a figure, the bar that it must hold, and the verdict that follows from the two.
//! A verdict is computed from its figure and never stored, so that the two cannot disagree.

use std::fmt;

use crate::figure::text::short;

/// What a figure must hold. A figure that is not a number holds no bar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bar {
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
    /// No more than so many standard errors.
    Errors(f64),
    Zero,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Pass,
    Fail,
    /// Worth knowing; nothing is broken.
    Note,
}

/// What a verdict is computed from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Judgement {
    /// A number against a bar.
    Figure { value: f64, bar: Bar },
    /// A fact that is no number.
    Fact(Verdict),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    pub name: String,
    /// What was measured, in words.
    pub seen: String,
    /// What follows from it.
    pub judgement: Judgement,
}

/// Checks of one kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// What they are about.
    pub title: String,
    /// The checks, in the order that they were made.
    pub checks: Vec<Check>,
}

impl Bar {
    /// Whether `value` holds this bar.
    pub fn holds(self, value: f64) -> bool {
        match self {
            Self::AtMost(most) | Self::Errors(most) => value <= most,
            Self::AtLeast(least) => value >= least,
            Self::Zero => value == 0.0,
        }
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::AtMost(most) => write!(f, "at most {most:e}"),
            Self::AtLeast(least) => write!(f, "at least {}", short(least)),
            Self::Errors(most) => write!(f, "within {} errors", short(most)),
            Self::Zero => f.write_str("no difference"),
        }
    }
}

impl Verdict {
    /// The word for it. A failure is in capitals: it must be seen without colours.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "FAIL",
            Self::Note => "note",
        }
    }
}

impl Check {
    /// A figure that must hold a bar.
    pub fn figure(name: impl Into<String>, seen: impl Into<String>, value: f64, bar: Bar) -> Self {
        Self { name: name.into(), seen: seen.into(), judgement: Judgement::Figure { value, bar } }
    }

    /// Something that is no number.
    pub fn fact(name: impl Into<String>, seen: impl Into<String>, verdict: Verdict) -> Self {
        Self { name: name.into(), seen: seen.into(), judgement: Judgement::Fact(verdict) }
    }

    pub fn verdict(&self) -> Verdict {
        match self.judgement {
            Judgement::Figure { value, bar } if bar.holds(value) => Verdict::Pass,
            Judgement::Figure { .. } => Verdict::Fail,
            Judgement::Fact(verdict) => verdict,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_that_is_not_a_number_holds_no_bar() {
        for bar in [Bar::AtMost(1.0), Bar::AtLeast(1.0), Bar::Errors(1.0)] {
            assert!(bar.holds(1.0) && !bar.holds(f64::NAN), "{bar}");
        }
        assert!(Bar::Zero.holds(0.0) && !Bar::Zero.holds(1.0) && !Bar::Zero.holds(f64::NAN));
        assert!(!Bar::AtMost(1.0).holds(1.1) && !Bar::AtLeast(1.0).holds(0.9) && !Bar::Errors(5.0).holds(5.1));
    }
}
