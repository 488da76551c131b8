//! Numbers along training as measurements declare them: name, unit, scale, and the panel that shows them.

use strum::VariantArray;

use super::MeasurementKind;
use crate::run::PanelKind;

/// What a measurement says of one of its numbers along training. Charts, tables and files follow from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuantityInfo {
    /// The name in events and files.
    pub key: &'static str,
    /// The name on screens and figures.
    pub title: &'static str,
    /// What it is counted in.
    pub unit: Unit,
    /// The scale of its y axis unless the user asks for the other one.
    pub scale: Scale,
    /// The panel that shows it. The first quantity of a panel gives it its title and a solid line, the second a dashed line, the
    /// third a dotted one.
    pub panel: PanelKind,
    /// What distinguishes it from the others of its panel; empty for the first.
    pub note: &'static str,
}

/// What a quantity is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Nothing: a pure number, or one whose unit depends on the parametrisation.
    None,
    /// The unit of the problem's loss, where that has one.
    Loss,
    /// Stored as a share of one, shown in percent.
    Percent,
    /// What the number is relative to.
    Named(&'static str),
}

/// How numbers are laid along an axis.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Scale {
    /// Equal differences, equal lengths.
    #[default]
    Linear,
    /// Equal ratios, equal lengths; positive numbers only.
    Log,
}

/// A number along training that a measurement declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeclaredQuantity {
    /// The measurement that yields it.
    pub measurement: MeasurementKind,
    /// Its place among the quantities of that measurement.
    pub index: usize,
}

impl DeclaredQuantity {
    /// All of them, in the order of the list of measurements.
    pub fn all() -> impl Iterator<Item = Self> {
        MeasurementKind::VARIANTS.iter().flat_map(|&measurement| {
            (0..measurement.info().quantities.len()).map(move |index| Self { measurement, index })
        })
    }

    /// The one of that key.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::all().find(|quantity| quantity.info().key == key)
    }

    /// Those that a panel shows, in the order of their declaration.
    pub fn shown_in(panel: PanelKind) -> impl Iterator<Item = Self> {
        Self::all().filter(move |quantity| quantity.info().panel == panel)
    }

    /// What its measurement says of it.
    ///
    /// # Panics
    /// If the measurement does not declare so many.
    pub fn info(self) -> &'static QuantityInfo {
        &self.measurement.info().quantities[self.index]
    }
}
