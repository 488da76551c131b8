//! What a curvature measurement is: what it states of itself, its settings, and how it measures.

use std::ops::RangeInclusive;

use strum::VariantArray;

use super::{
    CurvaturePlan, MeasurementKind, MeasurementSettings, QuantityInfo,
    target::{HessianContext, MeasurementContext, MeasurementTarget, Shared},
};
use crate::run::{Event, NamedEstimate, ProblemConfig};

/// What a measurement states of itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeasurementInfo {
    /// The name in `measure` of presets and in events.
    pub key: &'static str,
    /// Its full name.
    pub name: &'static str,
    /// The numbers along training that its event has by their keys; none for one whose results are fields of their own.
    pub quantities: &'static [QuantityInfo],
}

/// A setting of a measurement and where its value is kept.
pub struct Setting<'a> {
    /// The key in the section [train] of presets.
    pub key: &'static str,
    /// Its value, with what it may be.
    pub value: SettingValue<'a>,
}

/// A value that a preset may set.
pub enum SettingValue<'a> {
    /// A whole number in a range.
    Count { value: &'a mut u32, range: RangeInclusive<u32> },
    /// A real number.
    Number {
        value: &'a mut f64,
        /// What is wrong with a number, in words.
        check: fn(f64) -> Result<(), String>,
    },
    /// A list of real numbers.
    Numbers {
        value: &'a mut Vec<f64>,
        /// What is wrong with a list, in words.
        check: fn(&[f64]) -> Result<(), String>,
    },
}

/// What all measurements have in common. A type that implements it has a constant `INFO` as well.
pub trait Declared {
    /// Its settings, in the order of presets.
    fn settings(&mut self) -> Vec<Setting<'_>> {
        Vec::new()
    }

    /// What it needs and the problem does not have, in words; `None` where it can be measured.
    fn lacks(&self, _problem: &ProblemConfig) -> Option<&'static str> {
        None
    }
}

/// A measurement of the exact Hessian whose results are fields of the `probe` event.
pub trait HessianMeasurement: Declared {
    /// What it needs of what trace and `lambda_max` find with no extra product.
    fn requires(&self) -> Option<Shared> {
        None
    }

    /// Whether it is made unasked, since it costs nothing.
    fn is_free(&self, _plan: &CurvaturePlan) -> bool {
        false
    }

    /// Writes what it finds into the event, and adds the Hessian-vector products that it took.
    fn measure(&self, target: &MeasurementTarget<'_>, context: &mut HessianContext<'_>);
}

/// A measurement with an event of its own.
pub trait Measurement: Declared {
    /// What it finds; `None` where there is nothing to find.
    fn measure(&self, target: &MeasurementTarget<'_>, context: &MeasurementContext) -> Option<Found>;
}

/// What a measurement with an event of its own finds.
pub enum Found {
    /// The numbers that it declares.
    Values {
        /// Each by the key of its quantity.
        values: Vec<NamedEstimate>,
        /// Training examples measured on; 0 where the problem has none.
        examples: u64,
        /// Losses and gradients evaluated for them, of however many examples each.
        evaluations: u64,
    },
    /// An event that no other measurement has.
    Event(Box<Event>),
}

impl CurvaturePlan {
    /// Whether a measurement that is asked for requires this.
    pub(super) fn requires(&self, shared: Shared) -> bool {
        let asked = self.settings.of_the_hessian().into_iter().filter(|(kind, _)| self.measures(*kind));
        asked.into_iter().any(|(_, measurement)| measurement.requires() == Some(shared))
    }
}

impl MeasurementSettings {
    /// Every setting of every measurement, in the order of presets.
    pub fn all(&mut self) -> impl Iterator<Item = Setting<'_>> {
        self.declared().into_iter().flat_map(Declared::settings)
    }

    /// What a measurement needs and the problem does not have, in words.
    pub fn lacks(&mut self, kind: MeasurementKind, problem: &ProblemConfig) -> Option<&'static str> {
        let place = MeasurementKind::VARIANTS.iter().position(|&one| one == kind)?;
        self.declared()[place].lacks(problem)
    }
}
