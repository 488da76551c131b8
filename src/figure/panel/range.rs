//! The y axis of a panel: what it covers, what it does not, and how it says so. Values that are not finite bound nothing,
//! a log scale shows positive ones only, and estimates that scatter without measure do not press the others into a line.

use std::collections::BTreeMap;

use super::{Curve, Emphasis, Form, Guide, PanelKind};
use crate::figure::{
    axis::{Axis, Bounds, Scale},
    points::Points,
    quantity::Quantity,
    text,
};

/// The lowest value that a log axis shows, as a share of the highest: twelve decades.
const DEEPEST: f64 = 1e-12;
/// The same for densities, which fall to nothing between eigenvalues.
const DEEPEST_DENSITY: f64 = 1e-5;
/// How far above the middle run's highest value an axis goes for the sake of another run, as a factor of it, on each scale.
const HIGHEST_LOG: f64 = 1e3;
const HIGHEST_LINEAR: f64 = 10.0;
/// Runs from which on one of them does not decide alone.
const QUORUM: usize = 3;
/// How far scattering estimates and their bars may widen an axis either way, in spans of the steady ones.
const SCATTER: f64 = 1.0;

/// What the values of a panel span on a scale.
pub(super) struct Range {
    scale: Scale,
    /// Whether a log scale was asked for and found nothing positive.
    refused: bool,
    /// What the axis has to cover; `None` where nothing can be shown.
    pub data: Option<Bounds>,
    /// Values that are not finite.
    pub non_finite: usize,
    /// Values that the log scale cannot show.
    hidden: usize,
    /// Whether some of what scatters lies beyond.
    scatters: bool,
}

impl Range {
    /// What `curves` span within a part of the x axis on the scale that is asked for, or on a linear one where that shows nothing.
    pub fn of(kind: PanelKind, curves: &[Curve<'_>], asked: Scale, window: Option<Bounds>) -> Self {
        let totals: Vec<_> =
            curves.iter().map(|curve| curve.points.extents(shown_points(&curve.points, window))).collect();
        let drawable = |scale| totals.iter().filter_map(|total| Bounds::of(total, scale)).reduce(Bounds::union);
        let refused = asked == Scale::Log && drawable(asked).is_none() && drawable(Scale::Linear).is_some();
        let scale = if refused { Scale::Linear } else { asked };
        let whole = drawable(scale);
        // Bars of what is not shown bound nothing.
        let whole = if window.is_some() { whole } else { whole.map(|bounds| with_bars(bounds, curves, scale)) };
        let data = if kind == PanelKind::SmoothedTrace && scale == Scale::Linear {
            readable(curves, whole)
        } else {
            whole.map(|whole| without_explosions(curves, scale, whole))
        };
        Self {
            scale,
            refused,
            data,
            non_finite: totals.iter().map(|total| total.non_finite).sum(),
            // A bound of weights that have not moved is zero by its formula.
            hidden: if scale == Scale::Log && kind != PanelKind::Bound {
                totals.iter().map(|total| total.non_positive).sum()
            } else {
                0
            },
            scatters: data != whole,
        }
    }

    /// The axis that covers it and the guides.
    pub fn axis(&self, kind: PanelKind, guides: &[Guide]) -> Axis {
        Axis::covering(self.covered(guides).map(|bounds| self.shown(kind, bounds)), self.scale)
    }

    /// What was wrong with the values, the worst first.
    pub fn warnings(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.non_finite > 0 {
            notes.push(format!("{} not finite", text::thousands(self.non_finite as u64)));
        }
        if self.hidden > 0 {
            notes.push(format!("{} values ≤ 0 not shown", text::thousands(self.hidden as u64)));
        }
        if self.refused {
            notes.push("log scale needs positive values".into());
        }
        notes
    }

    /// What the axis cuts off.
    pub fn cuts(&self, kind: PanelKind, guides: &[Guide]) -> Option<String> {
        let covered = self.covered(guides)?;
        (self.scatters || self.shown(kind, covered) != covered).then(|| "clipped".into())
    }

    fn covered(&self, guides: &[Guide]) -> Option<Bounds> {
        guides.iter().filter_map(|guide| Bounds::new(guide.y, guide.y)).chain(self.data).reduce(Bounds::union)
    }

    fn shown(&self, kind: PanelKind, bounds: Bounds) -> Bounds {
        let share = if kind == PanelKind::Density { DEEPEST_DENSITY } else { DEEPEST };
        bounds.worth_showing(self.scale, share)
    }
}

/// The indices of the points within a part of the x axis.
fn shown_points(points: &Points<'_>, window: Option<Bounds>) -> std::ops::Range<usize> {
    let Some(window) = window else { return 0..points.len() };
    let first = points.find(0, 0, |x| x >= window.low());
    first..points.find(first, points.len(), |x| x > window.high())
}

/// `bounds` widened by the error bars of the curves that show them, on a log scale only upwards and to a half downwards,
/// since a bar that reaches zero has no end there; and by the zero that columns stand on, or a half below the shortest.
fn with_bars(bounds: Bounds, curves: &[Curve<'_>], scale: Scale) -> Bounds {
    let normal = || curves.iter().filter(|curve| curve.emphasis == Emphasis::Normal);
    let widened = normal().filter_map(|curve| curve.points.bars()).fold(bounds, |sum, bars| {
        let low = match scale {
            Scale::Linear => bars.low(),
            Scale::Log => bars.low().max(bounds.low() / 2.0),
        };
        Bounds::new(low, bars.high()).map_or(sum, |bars| sum.union(bars))
    });
    let foot = match scale {
        Scale::Linear => 0.0,
        Scale::Log => bounds.low() / 2.0,
    };
    let stands = normal().any(|curve| matches!(curve.form, Form::Bars(_)));
    Bounds::new(foot, foot).filter(|_| stands).map_or(widened, |foot| widened.union(foot))
}

/// `bounds` up to a factor above the highest value of the middle run: one that explodes does not press the others into a line. What lies
/// beyond is drawn at the edge, with a mark of its own.
fn without_explosions(curves: &[Curve<'_>], scale: Scale, bounds: Bounds) -> Bounds {
    let mut by_run: BTreeMap<usize, f64> = BTreeMap::new();
    for curve in curves.iter().filter(|curve| matches!(curve.form, Form::Line(_))) {
        if let Some(shown) = Bounds::of(&curve.points.extents(0..curve.points.len()), scale) {
            let high = by_run.entry(curve.slot).or_insert(shown.high());
            *high = high.max(shown.high());
        }
    }
    let mut highs: Vec<f64> = by_run.into_values().collect();
    highs.sort_by(f64::total_cmp);
    let factor = match scale {
        Scale::Linear => HIGHEST_LINEAR,
        Scale::Log => HIGHEST_LOG,
    };
    let middle = highs.get((highs.len().max(1) - 1) / 2).copied().filter(|high| *high > 0.0 && highs.len() >= QUORUM);
    let limit = middle.and_then(|middle| Bounds::new(bounds.low(), (factor * middle).max(bounds.low())));
    limit.map_or(bounds, |limit| bounds.within(limit))
}

/// What of `whole` is worth an axis where one-point estimates scatter: the values of the exact and the two-point traces, and one
/// span of these to either side for whatever else there is, error bars included. The span is at least the largest of the values,
/// so that a trace which stands still is not all there is. Without steady values, everything.
fn readable(curves: &[Curve<'_>], whole: Option<Bounds>) -> Option<Bounds> {
    let steady = curves.iter().filter(|curve| curve.quantity != Some(Quantity::OnePointTrace));
    let steady = steady
        .filter_map(|curve| Bounds::of(&curve.points.extents(0..curve.points.len()), Scale::Linear))
        .reduce(Bounds::union);
    let Some(steady) = steady else { return whole };
    let room = SCATTER * (steady.high() - steady.low()).max(steady.high().abs());
    let limit = Bounds::new(steady.low() - room, steady.high() + room)?;
    Some(whole?.within(limit))
}
