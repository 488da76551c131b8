//! What a plot shows, wherever it is drawn: curves, axes, scales, guides and marks, folded from a run's events.
//! The terminal draws a [`Panel`] with characters, [`bitmap`] draws the same panel as PNG or SVG.

pub mod axis;
pub mod bitmap;
mod caption;
pub mod columns;
mod comparison;
pub mod density;
pub mod export;
pub mod history;
pub mod palette;
pub mod panel;
mod pen;
mod plot;
pub mod points;
mod positions;
pub mod pyramid;
pub mod quantity;
mod rank;
mod recorded;
pub mod series;
pub mod table;
pub mod text;
mod tick;
mod tight;

pub use axis::{Axis, Bounds, Scale, Tick};
pub use bitmap::{Figure, Size};
pub use columns::{Column, columns};
pub use comparison::{
    CommonCost, Comparison, Difference, Interpolated, TracesAtEqualLoss, VerdictRun, binomial_std_error, verdict,
};
pub use export::{ExportError, ExportFormat, Options, Session, SessionRun, export, export_recorded};
pub use history::{Average, Best, Change, History, Rejection, Retention, RunState, Schedule, Snapshots};
pub use palette::{Background, Ink, ink, slots};
pub use panel::{Curve, Emphasis, Form, Guide, Panel, PanelKind, PlottedRun, Stroke, View, XDimension, default_panels};
pub use points::{Points, XyCurve, XyPoint};
pub use pyramid::Extents;
pub use quantity::{ErrorKind, Quantity, Unit};
pub use rank::kendall_tau;
pub use recorded::{Extent, RecordedRun, read};
pub use series::{Point, Series, XAxis};

#[cfg(test)]
pub(crate) mod sample;
