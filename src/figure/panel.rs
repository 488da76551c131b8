//! A panel: one chart as data, ready to be drawn with characters or with ink. It decides what is shown; drawing decides nothing.
//! [`PanelKind`] is the catalogue, [`View`] what the user has chosen, [`Panel`] the two applied to some runs.

mod kind;

pub use crate::run::PanelKind;
pub use kind::default_panels;

use super::{
    axis::{Axis, Bounds, Scale},
    history::{Change, History, RunState, Schedule},
    quantity::Quantity,
    series::{At, Series, XAxis},
    text,
};
use crate::run::Cadence;

/// What the user has chosen to see, in every panel alike unless it says otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct View {
    /// What runs along the bottom.
    pub x: XAxis,
    /// How it runs there.
    pub x_scale: Scale,
    /// The y scale asked for in each kind of panel; `None` for the quantity's own.
    pub y_scales: [Option<Scale>; PanelKind::ALL.len()],
}

impl View {
    /// The y scale asked for in panels of that kind: the user's, else the quantity's own.
    pub fn y_scale(&self, kind: PanelKind) -> Scale {
        self.y_scales[kind as usize].unwrap_or(kind.bright().scale())
    }

    /// Asks for a y scale in panels of that kind.
    pub fn set_y_scale(&mut self, kind: PanelKind, scale: Scale) {
        self.y_scales[kind as usize] = Some(scale);
    }

    /// Asks for the other y scale in panels of that kind.
    pub fn toggle_y_scale(&mut self, kind: PanelKind) {
        self.set_y_scale(kind, self.y_scale(kind).other());
    }
}

/// A run as panels show it.
#[derive(Debug, Clone, Copy)]
pub struct Labelled<'a> {
    /// Its place in the [palette](super::palette), the same on every screen and figure.
    pub slot: usize,
    /// Its name.
    pub name: &'a str,
    /// All that it has told.
    pub history: &'a History,
}

/// How strongly a curve is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Emphasis {
    /// What the panel is about.
    Normal,
    /// What stands behind it.
    Faint,
}

/// How a curve's line is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stroke {
    /// Without pause.
    Solid,
    /// In dashes.
    Dashed,
}

/// One curve.
#[derive(Debug, Clone, Copy)]
pub struct Curve<'a> {
    /// The run's place in the palette.
    pub slot: usize,
    /// The run's name.
    pub name: &'a str,
    /// What it shows.
    pub quantity: Quantity,
    /// How strongly.
    pub emphasis: Emphasis,
    /// How its line is drawn.
    pub stroke: Stroke,
    /// Its points.
    pub series: &'a Series,
}

/// A vertical mark where a knob was turned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mark {
    /// The run's place in the palette.
    pub slot: usize,
    /// Where along x.
    pub x: f64,
    /// What was turned.
    pub change: Change,
}

impl Mark {
    /// Its text: σ .02→.03.
    pub fn text(&self) -> String {
        let Change { knob, from, to, .. } = self.change;
        format!("{} {}→{}", knob.symbol(), text::short(from), text::short(to))
    }
}

/// A dotted horizontal line that means something.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Guide {
    /// The run it belongs to, as a place in the palette; `None` where several runs share it.
    pub slot: Option<usize>,
    /// Where along y.
    pub y: f64,
}

/// A panel with its data: what to draw, in the order in which to draw it.
#[derive(Debug, Clone)]
pub struct Panel<'a> {
    /// What it shows.
    pub kind: PanelKind,
    /// Its title.
    pub title: &'static str,
    /// What runs along the bottom.
    pub x_kind: XAxis,
    /// The x axis.
    pub x: Axis,
    /// The y axis.
    pub y: Axis,
    /// The curves: faint ones first.
    pub curves: Vec<Curve<'a>>,
    /// Where knobs were turned, from left to right.
    pub marks: Vec<Mark>,
    /// Dotted lines.
    pub guides: Vec<Guide>,
    /// Short remarks for the right end of the title, the most important first: "2 not finite", "log".
    pub notes: Vec<String>,
    /// What to say instead of curves when there is nothing to draw.
    pub empty: Option<String>,
}

impl<'a> Panel<'a> {
    /// The panel of that kind for these runs. A log scale that finds nothing positive gives way to a linear one, and says so.
    pub fn new(kind: PanelKind, runs: &[Labelled<'a>], view: &View) -> Self {
        let curves = curves(kind, runs);
        let asked = view.y_scale(kind);
        let totals: Vec<_> = curves.iter().map(|curve| curve.series.extents(0..curve.series.len())).collect();
        let drawable = |scale| totals.iter().filter_map(|total| Bounds::of(total, scale)).reduce(Bounds::union);
        let refused = asked == Scale::Log && drawable(asked).is_none() && drawable(Scale::Linear).is_some();
        let scale = if refused { Scale::Linear } else { asked };
        let data = drawable(scale).map(|bounds| with_bars(bounds, &curves, scale));
        let guides = guides(kind, runs, data);
        let covered = guides.iter().filter_map(|guide| Bounds::new(guide.y, guide.y)).chain(data).reduce(Bounds::union);

        let mut notes = Vec::new();
        let non_finite: usize = totals.iter().map(|total| total.non_finite).sum();
        let hidden: usize = if scale == Scale::Log { totals.iter().map(|total| total.non_positive).sum() } else { 0 };
        if non_finite > 0 {
            notes.push(format!("{} not finite", text::thousands(non_finite as u64)));
        }
        if hidden > 0 {
            notes.push(format!("{} not above 0", text::thousands(hidden as u64)));
        }
        if refused {
            notes.push("log scale needs positive values".into());
        } else if scale == Scale::Log {
            notes.push("log".into());
        }
        let shown = covered.map(|bounds| bounds.worth_showing(scale));
        if shown != covered {
            notes.push("lowest at the edge".into());
        }
        if !guides.is_empty() {
            notes.push("dotted: 2(1+μ)/lr".into());
        }
        if curves.iter().any(|curve| curve.stroke == Stroke::Dashed) {
            notes.push(format!("dashed: {}", Quantity::FreeTrace.title()));
        }
        if curves.iter().any(|curve| curve.emphasis == Emphasis::Normal && curve.series.bars().is_some())
            && kind == PanelKind::Trace
        {
            notes.push("bars: ± 1 std. error".into());
        }

        let has_data = data.is_some() || non_finite > 0;
        Self {
            kind,
            title: kind.title(),
            x_kind: view.x,
            x: x_axis(runs, view, &curves),
            y: Axis::covering(shown, scale),
            marks: marks(runs, view.x),
            guides,
            notes,
            empty: (!has_data).then(|| waiting_for(kind, runs)),
            curves,
        }
    }

    /// The name of the y axis with its unit: "train loss (nats)".
    pub fn y_title(&self) -> String {
        let quantity = self.kind.bright();
        match (self.kind, quantity.unit()) {
            (_, "") => self.title.into(),
            (PanelKind::Gap, unit) => unit.into(),
            (_, unit) => format!("{} ({unit})", self.title),
        }
    }
}

/// The curves that have points: all faint ones first, so that they lie behind.
fn curves<'a>(kind: PanelKind, runs: &[Labelled<'a>]) -> Vec<Curve<'a>> {
    let faint = kind.faint().map(|quantity| (quantity, Emphasis::Faint));
    let layers = faint.into_iter().chain([(kind.bright(), Emphasis::Normal)]);
    let curve = |run: &Labelled<'a>, quantity, emphasis| Curve {
        slot: run.slot,
        name: run.name,
        quantity,
        emphasis,
        stroke: if quantity == Quantity::FreeTrace { Stroke::Dashed } else { Stroke::Solid },
        series: run.history.series(quantity),
    };
    layers
        .flat_map(|(quantity, emphasis)| runs.iter().map(move |run| curve(run, quantity, emphasis)))
        .filter(|curve| !curve.series.is_empty())
        .collect()
}

/// `bounds` widened by the error bars of the curves that show them; on a log scale only upwards and to a tenth downwards,
/// since a bar that reaches zero has no end there.
fn with_bars(bounds: Bounds, curves: &[Curve<'_>], scale: Scale) -> Bounds {
    let shown =
        curves.iter().filter(|curve| curve.emphasis == Emphasis::Normal).filter_map(|curve| curve.series.bars());
    shown.fold(bounds, |sum, bars| {
        let low = match scale {
            Scale::Linear => bars.low(),
            Scale::Log => bars.low().max(bounds.low() / 2.0),
        };
        Bounds::new(low, bars.high()).map_or(sum, |bars| sum.union(bars))
    })
}

/// One axis for all panels of a view: it reaches to where the furthest run is.
fn x_axis(runs: &[Labelled<'_>], view: &View, curves: &[Curve<'_>]) -> Axis {
    let place = |run: &Labelled<'_>, at: At| view.x.of(at, run.history.steps_per_epoch());
    let high = runs.iter().map(|run| place(run, run.history.now())).fold(0.0, f64::max);
    let low = match view.x_scale {
        Scale::Linear => 0.0,
        Scale::Log => {
            let first_positive = |series: &Series| {
                let index = series.find((0, 0), view.x, |x| x > 0.0);
                (index < series.len()).then(|| series.x(index, view.x))
            };
            let steps = runs.iter().filter_map(|run| first_positive(run.history.series(Quantity::StepLoss)));
            steps.chain(curves.iter().filter_map(|curve| first_positive(curve.series))).fold(high, f64::min)
        }
    };
    Axis::along(Bounds::new(low, high), view.x_scale)
}

fn marks(runs: &[Labelled<'_>], x: XAxis) -> Vec<Mark> {
    let mut marks: Vec<Mark> = runs
        .iter()
        .flat_map(|run| {
            let changes = run.history.changes().iter();
            changes.map(move |&change| Mark {
                slot: run.slot,
                x: x.of(change.at, run.history.steps_per_epoch()),
                change,
            })
        })
        .collect();
    marks.sort_by(|one, other| one.x.total_cmp(&other.x));
    marks
}

/// The stability thresholds that lie among the data or within a factor of two of them; runs with the same one share it.
fn guides(kind: PanelKind, runs: &[Labelled<'_>], data: Option<Bounds>) -> Vec<Guide> {
    let (PanelKind::LambdaMax, Some(data)) = (kind, data) else { return Vec::new() };
    let mut guides: Vec<Guide> = Vec::new();
    for run in runs {
        let Some(y) = run.history.stability_threshold() else { continue };
        if y > 2.0 * data.high() || y < data.low() / 2.0 {
            continue;
        }
        match guides.iter_mut().find(|guide| (guide.y - y).abs() <= 1e-9 * y) {
            Some(shared) => shared.slot = None,
            None => guides.push(Guide { slot: Some(run.slot), y }),
        }
    }
    guides
}

/// Why there is nothing to draw, and when there will be.
fn waiting_for(kind: PanelKind, runs: &[Labelled<'_>]) -> String {
    let what = if kind.is_probed() { "probe" } else { "evaluation" };
    if runs.is_empty() {
        return "no run is shown".into();
    }
    if runs.iter().all(|run| *run.history.state() == RunState::Waiting) {
        return "waiting for the first run to start".into();
    }
    let over = runs.iter().all(|run| run.history.state().is_over());
    let measured = runs.iter().any(|run| {
        let history = run.history;
        let already = if kind.is_probed() { Quantity::Trace } else { Quantity::TrainLoss };
        !history.series(already).is_empty()
    });
    if measured {
        return format!("this problem has no {}", kind.title());
    }
    for run in runs {
        let cadence = match run.history.schedule() {
            Schedule::Unknown => continue,
            Schedule::Planned { probe: None, .. } if kind.is_probed() => return "this preset has no probes".into(),
            Schedule::Planned { evaluate, probe } => probe.filter(|_| kind.is_probed()).unwrap_or(evaluate),
        };
        if over {
            break;
        }
        let now = run.history.now();
        let next = |done: u64, every: u64| {
            text::thousands((done / every.max(1)).saturating_add(1).saturating_mul(every.max(1)))
        };
        return match cadence {
            _ if now.step == 0 => format!("waiting for the first {what}"),
            Cadence::Steps(every) => format!("first {what} at step {}", next(now.step, every)),
            Cadence::Epochs(every) => {
                format!("first {what} at step {}", next(now.step, every.saturating_mul(run.history.steps_per_epoch())))
            }
            Cadence::Gradients(every) => format!("first {what} at gradient evaluation {}", next(now.gradients, every)),
        };
    }
    "no data yet".into()
}

#[cfg(test)]
mod tests;
