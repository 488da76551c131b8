//! A panel: one chart as data, ready to be drawn with characters or with ink. It decides what is shown; drawing decides nothing.
//! [`PanelKind`] is the catalogue, [`View`] what the user has chosen, [`Panel`] the two applied to some runs: `training` for what
//! is measured along training, `snapshot` for what has an x axis of its own.

mod kind;
mod range;
mod scatter;
mod snapshot;
mod training;
mod waiting;

use strum::EnumCount;

pub use crate::run::PanelKind;
pub use kind::default_panels;

use self::range::Range;
use super::{
    axis::{Axis, Bounds, Scale, Tick},
    history::{Change, History},
    points::Points,
    quantity::Quantity,
    series::XAxis,
    text,
};

/// What the user has chosen to see, in every panel alike unless it says otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct View {
    /// What runs along the bottom of the panels along training.
    pub x: XAxis,
    /// How it runs there.
    pub x_scale: Scale,
    /// The part of the x axis along training that is shown, in its units; `None` for all of it.
    pub window: Option<Bounds>,
    /// The y scale asked for in each kind of panel; `None` for the kind's own.
    pub y_scales: [Option<Scale>; PanelKind::COUNT],
}

impl View {
    /// The y scale asked for in panels of that kind: the user's, else the kind's own.
    pub fn y_scale(&self, kind: PanelKind) -> Scale {
        self.y_scales[kind as usize].unwrap_or(kind.scale())
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
pub struct PlottedRun<'a> {
    /// Its place in the [palette](super::palette), the same on every screen and figure.
    pub slot: usize,
    pub name: &'a str,
    /// What its events say.
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
    Solid,
    Dashed,
    Dotted,
}

/// What is drawn through or at the points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Form {
    /// A line through them.
    Line(Stroke),
    /// The points alone: of estimates so uncertain that a line from one to the next would show nothing.
    Dots,
    /// A bar at each, so wide along x: from zero to its value, or from the lower edge on a log scale.
    Bars(f64),
}

#[derive(Debug, Clone)]
pub struct Curve<'a> {
    /// The run's place in the palette.
    pub slot: usize,
    /// The run's name.
    pub name: &'a str,
    /// What it shows, if that is measured along training.
    pub quantity: Option<Quantity>,
    pub emphasis: Emphasis,
    /// As a line, dots or bars.
    pub form: Form,
    pub points: Points<'a>,
    /// Its last value in words, where that is worth a label at its end.
    pub end: Option<String>,
}

/// A vertical mark where a hyperparameter was changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mark {
    /// The run's place in the palette.
    pub slot: usize,
    pub x: f64,
    pub change: Change,
}

impl Mark {
    /// Its text: σ .02→.03.
    pub fn text(&self) -> String {
        let Change { hyperparameter, from, to, .. } = self.change;
        format!("{} {}→{}", hyperparameter.symbol(), text::short(from), text::short(to))
    }
}

/// A dotted horizontal line that means something.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Guide {
    /// The run it belongs to, as a place in the palette; `None` where several runs share it.
    pub slot: Option<usize>,
    pub y: f64,
}

/// What runs along the bottom of a panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum XDimension {
    /// Training, the same for all such panels of a view.
    Training(XAxis),
    /// Something of the panel's own, by its name; empty where the ticks' names say it.
    Own(&'static str),
}

impl XDimension {
    pub fn title(self) -> &'static str {
        match self {
            Self::Training(axis) => axis.title(),
            Self::Own(title) => title,
        }
    }
}

/// A panel with its data: what to draw, in the order in which to draw it.
#[derive(Debug, Clone)]
pub struct Panel<'a> {
    pub kind: PanelKind,
    pub title: &'static str,
    /// The unit of its problem's loss, where that has one.
    pub loss_unit: Option<&'static str>,
    /// What runs along the bottom.
    pub x_dimension: XDimension,
    pub x: Axis,
    /// The names along it, for a panel that has names instead of numbers there.
    pub x_names: Vec<Tick>,
    pub y: Axis,
    /// The curves: faint ones first.
    pub curves: Vec<Curve<'a>>,
    /// Where hyperparameters were changed, from left to right.
    pub marks: Vec<Mark>,
    pub guides: Vec<Guide>,
    /// Short remarks for the right end of the title, the most important first: "2 not finite", "log".
    pub notes: Vec<String>,
    /// What to say instead of curves when there is nothing to draw.
    pub empty: Option<String>,
}

/// What a kind of panel has to show, before its y axis is chosen.
struct Content<'a> {
    x_dimension: XDimension,
    x: Axis,
    x_names: Vec<Tick>,
    curves: Vec<Curve<'a>>,
    marks: Vec<Mark>,
    /// What distinguishes the curves.
    notes: Vec<String>,
}

impl<'a> Panel<'a> {
    /// The panel of that kind for these runs. A log scale that finds nothing positive gives way to a linear one, and says so.
    pub fn new(kind: PanelKind, runs: &[PlottedRun<'a>], view: &View) -> Self {
        let Content { x_dimension, x, x_names, curves, marks, notes: legend } = match kind {
            PanelKind::TraceByLoss => snapshot::trace_by_loss(runs),
            PanelKind::ErrorByTrace => scatter::error_by(Quantity::Trace, runs),
            PanelKind::ErrorByLambdaMax => scatter::error_by(Quantity::LambdaMax, runs),
            PanelKind::Density => snapshot::density(runs),
            PanelKind::TracePerTensor => snapshot::layers(runs),
            PanelKind::PerturbationGap => snapshot::perturbation_gap(runs),
            PanelKind::Loss
            | PanelKind::Gap
            | PanelKind::ValidationLoss
            | PanelKind::Accuracy
            | PanelKind::TestError
            | PanelKind::ValidationError
            | PanelKind::Distance
            | PanelKind::Trace
            | PanelKind::SmoothedTrace
            | PanelKind::LambdaMax
            | PanelKind::LambdaMin
            | PanelKind::Bound
            | PanelKind::Sharpness
            | PanelKind::GradientNoise
            | PanelKind::GradientCovariance
            | PanelKind::DistanceFromInit
            | PanelKind::WeightNorm
            | PanelKind::GradientNorm => training::content(kind, runs, view),
        };
        let window = view.window.filter(|_| matches!(x_dimension, XDimension::Training(_)));
        let range = Range::of(kind, &curves, view.y_scale(kind), window);
        let guides = training::guides(kind, runs, range.data);
        let y = range.axis(kind, &guides);

        let mut notes = range.warnings();
        // What a bound is worth comes before how it is drawn.
        let first = legend.iter().take_while(|note| kind == PanelKind::Bound && !note.starts_with("faint")).count();
        let (verdict, legend) = legend.split_at(first);
        notes.extend(verdict.iter().cloned());
        if y.scale() == Scale::Log {
            notes.push("log".into());
        }
        notes.extend(range.cuts(kind, &guides));
        if !curves.is_empty() {
            notes.extend(legend.iter().cloned());
        }
        if !guides.is_empty() {
            notes.extend(kind.threshold().map(|threshold| threshold.note().to_owned()));
        }
        let has_bars = |curve: &Curve<'_>| curve.emphasis == Emphasis::Normal && curve.points.bars().is_some();
        if kind.has_std_errors() && curves.iter().any(has_bars) {
            notes.push("bars: ± 1 std. error".into());
        }
        let has_data = range.data.is_some() || range.non_finite > 0;
        Self {
            kind,
            title: kind.title(),
            loss_unit: runs.iter().find_map(|run| run.history.loss_unit()),
            x_dimension,
            x,
            x_names,
            y,
            marks,
            guides,
            notes,
            empty: (!has_data).then(|| waiting::reason(kind, runs)),
            curves,
        }
    }

    /// Its title with the unit of its values, where that has a name: "loss (nats)".
    pub fn heading(&self) -> String {
        with_unit(self.title, self.kind.unit().name(self.loss_unit))
    }

    /// The name of the y axis with its unit: "test − train loss (nats)".
    pub fn y_title(&self) -> String {
        with_unit(self.kind.y_name(), self.kind.unit().name(self.loss_unit))
    }

    /// The name of the x axis with its unit.
    pub fn x_title(&self) -> String {
        with_unit(self.x_dimension.title(), self.kind.x_unit().name(self.loss_unit))
    }

    /// The values to label along the y axis, at most `room` of them, in the unit that they are shown in.
    pub fn y_ticks(&self, room: usize) -> Vec<Tick> {
        let factor = self.kind.unit().factor();
        let shown = self.y.times(factor).ticks(room).into_iter();
        shown.map(|tick| Tick { at: tick.at / factor, ..tick }).collect()
    }

    /// The values or names to label along the bottom, at most `room` of them: names stay evenly spaced.
    pub fn x_ticks(&self, room: usize) -> Vec<Tick> {
        if self.x_names.is_empty() {
            return self.x.ticks(room);
        }
        let every = self.x_names.len().div_ceil(room.max(1));
        self.x_names.iter().step_by(every).cloned().collect()
    }

    /// The remarks in one line for each of `rooms`, whole ones only, joined by `between`: the most important first, each in the
    /// first line that still has room for it, left out where none has. `width` measures a line in the unit of the rooms.
    pub fn notes_within(&self, rooms: &[f64], between: &str, width: impl Fn(&str) -> f64) -> Vec<String> {
        let mut lines = vec![String::new(); rooms.len()];
        for note in &self.notes {
            for (line, &room) in lines.iter_mut().zip(rooms) {
                let longer = if line.is_empty() { note.clone() } else { format!("{line}{between}{note}") };
                if width(&longer) <= room {
                    *line = longer;
                    break;
                }
            }
        }
        lines
    }
}

fn with_unit(name: &str, unit: Option<&str>) -> String {
    unit.map_or_else(|| name.to_owned(), |unit| format!("{name} ({unit})"))
}

#[cfg(test)]
mod tests;
