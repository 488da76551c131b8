//! The operators of values: between two of as many axes, with a number, and with one number an entry of the last axis.
//! Each is the operation of [`Real`] that it is named for.

use std::ops::{Add, Div, Mul, Neg, Sub};

use super::Value;
use crate::autodiff::{Real, real::last_axis};

impl<R: Real, const D: usize> Add for Value<R, D> {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(R::add(self.0, other.0))
    }
}

impl<R: Real, const D: usize> Sub for Value<R, D> {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(R::sub(self.0, other.0))
    }
}

impl<R: Real, const D: usize> Mul for Value<R, D> {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        Self(R::mul(self.0, other.0))
    }
}

impl<R: Real, const D: usize> Div for Value<R, D> {
    type Output = Self;

    fn div(self, other: Self) -> Self {
        Self(R::div(self.0, other.0))
    }
}

impl<R: Real, const D: usize> Neg for Value<R, D> {
    type Output = Self;

    fn neg(self) -> Self {
        Self(R::scale(self.0, -1.0))
    }
}

impl<R: Real, const D: usize> Add<f64> for Value<R, D> {
    type Output = Self;

    fn add(self, offset: f64) -> Self {
        Self(R::add_scalar(self.0, offset))
    }
}

impl<R: Real, const D: usize> Sub<f64> for Value<R, D> {
    type Output = Self;

    fn sub(self, offset: f64) -> Self {
        Self(R::add_scalar(self.0, -offset))
    }
}

impl<R: Real, const D: usize> Mul<f64> for Value<R, D> {
    type Output = Self;

    fn mul(self, factor: f64) -> Self {
        Self(R::scale(self.0, factor))
    }
}

impl<R: Real, const D: usize> Add<Value<R, D>> for f64 {
    type Output = Value<R, D>;

    fn add(self, value: Value<R, D>) -> Value<R, D> {
        value + self
    }
}

impl<R: Real, const D: usize> Sub<Value<R, D>> for f64 {
    type Output = Value<R, D>;

    fn sub(self, value: Value<R, D>) -> Value<R, D> {
        -value + self
    }
}

impl<R: Real, const D: usize> Mul<Value<R, D>> for f64 {
    type Output = Value<R, D>;

    fn mul(self, value: Value<R, D>) -> Value<R, D> {
        value * self
    }
}

/// Operators of a value of so many axes with one number an entry of its last axis: [.., d] and [d] -> [.., d].
macro_rules! with_last_axis {
    ($($axes:literal: $($operator:ident $method:ident),+;)+) => {$($(
        impl<R: Real> $operator<Value<R, 1>> for Value<R, $axes> {
            type Output = Self;

            fn $method(self, numbers: Value<R, 1>) -> Self {
                Self(R::$method(self.0, last_axis::<R, $axes>(numbers.0)))
            }
        }
    )+)+};
}

with_last_axis! {
    2: Add add, Sub sub, Mul mul;
    3: Add add, Sub sub, Mul mul;
    4: Add add, Sub sub, Mul mul;
}
