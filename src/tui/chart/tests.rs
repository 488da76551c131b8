//! Charts as text, against a drawing of every point, and on every size of screen.

use proptest::prelude::*;
use ratatui::{buffer::Buffer, layout::Rect, widgets::Widget};
use strum::{EnumCount, VariantArray};

use super::*;
use crate::{
    figure::{History, PanelKind, PlottedRun, Scale, View, XAxis, palette::Rgb, sample},
    run::{self, Event},
    tui::theme::Appearance,
};

/// What a chart of that kind looks like on so many cells.
fn drawn(session: &crate::figure::Session, kind: PanelKind, (columns, rows): (u16, u16)) -> String {
    let runs = session.plotted_runs();
    let panel = Panel::new(kind, &runs, &View::default());
    text_of(&Chart::new(&panel, Theme::new(Appearance::default())), (columns, rows))
}

fn text_of(chart: &Chart<'_>, (columns, rows): (u16, u16)) -> String {
    let area = Rect::new(0, 0, columns, rows);
    let mut buffer = Buffer::empty(area);
    chart.render(area, &mut buffer);
    let row = |y| (0..columns).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    (0..rows).map(|y| row(y).trim_end().to_owned() + "\n").collect()
}

#[test]
fn labels_stand_at_the_ends_of_curves_and_changes_at_their_step() {
    insta::assert_snapshot!(drawn(&sample::session(), PanelKind::Gap, (58, 16)));
}

#[test]
fn a_loss_has_its_minibatch_noise_behind_it_and_a_cross_where_it_broke() {
    insta::assert_snapshot!(drawn(&sample::session(), PanelKind::Loss, (118, 30)));
}

#[test]
fn a_trace_has_error_bars() {
    insta::assert_snapshot!(drawn(&sample::session(), PanelKind::Trace, (78, 20)));
}

#[test]
fn lambda_max_stays_under_a_dotted_edge_of_stability() {
    insta::assert_snapshot!(drawn(&sample::session(), PanelKind::LambdaMax, (58, 16)));
}

#[test]
fn a_spectral_density_has_its_own_axis_and_marks_at_the_largest_eigenvalues() {
    insta::assert_snapshot!(drawn(&sample::session(), PanelKind::Density, (58, 16)));
}

#[test]
fn traces_per_tensor_are_grouped_bars() {
    insta::assert_snapshot!(drawn(&sample::session(), PanelKind::TracePerTensor, (58, 16)));
}

#[test]
fn a_perturbation_gap_has_its_predictions_dashed_and_dotted() {
    insta::assert_snapshot!(drawn(&sample::session(), PanelKind::PerturbationGap, (78, 20)));
}

#[test]
fn one_point_traces_scatter_around_two_point_ones() {
    insta::assert_snapshot!(drawn(&sample::session(), PanelKind::SmoothedTrace, (78, 20)));
}

#[test]
fn bars_in_ascii_keep_their_names() {
    let session = sample::session();
    let runs = session.plotted_runs();
    let panel = Panel::new(PanelKind::TracePerTensor, &runs, &View::default());
    let plain = Theme::new(Appearance { colours: Colours::None, glyphs: Glyphs::Ascii });
    insta::assert_snapshot!(text_of(&Chart::new(&panel, plain).x_title(XTitle::Left), (58, 14)));
}

#[test]
fn an_axis_of_its_own_has_its_name_even_where_a_neighbour_has_the_shared_one() {
    let session = sample::session();
    let runs = session.plotted_runs();
    let theme = Theme::new(Appearance::default());
    let titled = |kind, title: &str| {
        let panel = Panel::new(kind, &runs, &View::default());
        text_of(&Chart::new(&panel, theme).x_title(XTitle::Left), (58, 16)).contains(title)
    };
    assert!(titled(PanelKind::Density, "eigenvalue"));
    assert!(!titled(PanelKind::Trace, "gradient evaluations"));
}

#[test]
fn without_room_for_labels_the_ends_keep_their_marks() {
    insta::assert_snapshot!(drawn(&sample::session(), PanelKind::Gap, (34, 8)));
}

#[test]
fn what_is_not_measured_says_so() {
    let chart = drawn(&sample::session(), PanelKind::Distance, (58, 5));
    assert_eq!(chart.trim(), "this problem has no distance to the solution");
}

#[test]
fn in_ascii_and_without_colours_marks_distinguish_runs() {
    let session = sample::session();
    let runs = session.plotted_runs();
    let panel = Panel::new(PanelKind::Gap, &runs, &View::default());
    let plain = Theme::new(Appearance { colours: Colours::None, glyphs: Glyphs::Ascii });
    let chart = Chart::new(&panel, plain).x_title(XTitle::Left).mark_text(MarkText::Left);
    insta::assert_snapshot!(text_of(&chart, (78, 20)));
}

#[test]
fn a_curve_has_the_colour_of_its_run() {
    let session = sample::session();
    let runs = session.plotted_runs();
    let panel = Panel::new(PanelKind::LambdaMax, &runs, &View::default());
    let area = Rect::new(0, 0, 58, 16);
    let mut buffer = Buffer::empty(area);
    Chart::new(&panel, Theme::new(Appearance::default())).render(area, &mut buffer);
    for slot in 0..4 {
        let Rgb(red, green, blue) = ink(slot).on_dark;
        let colour = ratatui::style::Color::Rgb(red, green, blue);
        let curve = buffer
            .content
            .iter()
            .filter(|cell| cell.fg == colour && ('\u{2801}'..='\u{28ff}').contains(&first(cell.symbol())));
        assert!(curve.count() > 10, "run {slot}");
        assert!(
            buffer.content.iter().any(|cell| cell.fg == colour && first(cell.symbol()) == ink(slot).glyph()),
            "run {slot}"
        );
    }
}

fn first(symbol: &str) -> char {
    symbol.chars().next().unwrap()
}

/// A run whose minibatch loss takes these values, a step apart.
fn history(values: &[f64]) -> History {
    let step = |(index, &loss): (usize, &f64)| {
        let step = index as u64 + 1;
        Event::Step { at: run::Position { step, gradients: step, seconds: step as f64 }, loss }
    };
    values.iter().enumerate().map(step).collect::<Vec<_>>().iter().collect()
}

fn any_loss() -> impl Strategy<Value = f64> {
    prop_oneof![20 => 1e-3..10.0, 2 => -1.0..1.0, 1 => Just(f64::NAN), 1 => Just(f64::INFINITY), 1 => Just(0.0), 1 => Just(1e9)]
}

proptest! {
    #[test]
    fn no_value_is_missing_from_its_column(
        values in prop::collection::vec(any_loss(), 1..2_000), scale in prop::sample::select(vec![Scale::Linear, Scale::Log]),
        (columns, rows) in (1usize..70, 1usize..20)
    ) {
        let history = history(&values);
        let mut view = View::default();
        view.set_y_scale(PanelKind::Loss, scale);
        let runs = [PlottedRun { slot: 0, name: "a", history: &history }];
        let panel = Panel::new(PanelKind::Loss, &runs, &view);
        let mut canvas = Canvas::new(Glyphs::Unicode, columns, rows);
        for curve in &panel.curves {
            trace(&panel, curve, &mut canvas);
        }
        // The same by looking at every point.
        let (width, height) = canvas.size();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a dot of the canvas")]
        let nearest = |position: f64, count: usize| (position * (count - 1) as f64).round() as usize;
        let mut bounds = vec![None::<(f64, f64)>; width];
        for (index, &value) in values.iter().enumerate() {
            if value.is_finite() && (panel.y.scale() == Scale::Linear || value > 0.0) {
                let column = nearest(panel.x.position((index + 1) as f64), width);
                let (low, high) = bounds[column].unwrap_or((value, value));
                bounds[column] = Some((low.min(value), high.max(value)));
            }
        }
        for (column, bounds) in bounds.into_iter().enumerate() {
            for value in bounds.iter().flat_map(|&(low, high)| [low, high]) {
                let row = height - 1 - nearest(panel.y.position(value), height);
                prop_assert!(canvas.is_set((column, row)), "{value} is missing at column {column}, row {row}");
            }
        }
    }

    #[test]
    fn no_size_and_no_data_break_a_chart(
        values in prop::collection::vec(any_loss(), 0..300), (columns, rows) in (0u16..=250, 0u16..=80), look in 0usize..4, kind in 0usize..PanelKind::COUNT
    ) {
        let mut session = sample::session_until(400);
        session.runs[1].history = history(&values);
        let runs = session.plotted_runs();
        let view = View { x: XAxis::VARIANTS[look], x_scale: if look % 2 == 0 { Scale::Log } else { Scale::Linear }, ..View::default() };
        let panel = Panel::new(PanelKind::VARIANTS[kind], &runs, &view);
        let glyphs = if look < 2 { Glyphs::Unicode } else { Glyphs::Ascii };
        let colours = if look == 1 { Colours::None } else { Colours::True };
        let drawn = text_of(&Chart::new(&panel, Theme::new(Appearance { colours, glyphs })), (columns, rows));
        prop_assert!(glyphs == Glyphs::Unicode || drawn.is_ascii());
    }
}

#[test]
fn a_frame_does_not_depend_on_what_was_there() {
    let session = sample::session();
    let runs = session.plotted_runs();
    let panel = Panel::new(PanelKind::Trace, &runs, &View::default());
    // A field that does not begin at the corner of the buffer, and that reaches beyond it.
    let mut buffer = Buffer::empty(Rect::new(5, 3, 40, 12));
    Chart::new(&panel, Theme::new(Appearance::default())).render(Rect::new(20, 6, 60, 60), &mut buffer);
    assert!((5..20).all(|x| (3..15).all(|y| buffer[(x, y)].symbol() == " ")));
    assert!((20..45).any(|x| (6..15).any(|y| buffer[(x, y)].symbol() != " ")));
}
