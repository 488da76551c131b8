//! Charts as text, against a drawing of every point, and on every size of screen.

use proptest::prelude::*;
use ratatui::{buffer::Buffer, layout::Rect, widgets::Widget};

use super::*;
use crate::{
    figure::{At, History, Labelled, PanelKind, Quantity, View, XAxis, sample},
    run::Event,
    tui::theme::Appearance,
};

/// What a chart of that kind looks like on so many cells.
fn drawn(session: &crate::figure::Session, kind: PanelKind, (columns, rows): (u16, u16)) -> String {
    let runs = session.labelled();
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
fn look() {
    let session = sample::session();
    for kind in PanelKind::ALL {
        println!("{}", drawn(&session, kind, (58, 16)));
    }
    println!("{}", drawn(&sample::session_until(1300), PanelKind::Loss, (118, 34)));
    println!("{}", drawn(&session, PanelKind::Gap, (38, 8)));
    let runs = session.labelled();
    let panel = Panel::new(PanelKind::Loss, &runs, &View::default());
    let ascii = Appearance { colours: Colours::None, glyphs: Glyphs::Ascii };
    println!("{}", text_of(&Chart::new(&panel, Theme::new(ascii)), (78, 20)));
}
