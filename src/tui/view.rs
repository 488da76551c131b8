//! The whole screen: which regions there are at this size, and where. A pure function of the app. Six charts are two rows of three
//! where there is room for the grid.
//!
//! ```text
//! 100x28 and more            60x20 and more          40x12 and more
//! top line                   top line                top line
//! ┌ chart ─┐┌ chart ──────┐  ┌ chart ─┐┌ chart ───┐  ┌ chart ──────┐
//! └────────┘└─────────────┘  └────────┘└──────────┘  └─────────────┘
//! ┌ chart ─┐┌ chart ──────┐  ┌ runs, or settings ─┐  the selected run, or a hyperparameter
//! └────────┘└─────────────┘  └────────────────────┘  keys
//! ┌ runs ──────┐┌ settings ┐ keys
//! └────────────┘└──────────┘
//! keys
//! ```

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    text::{Line, Span},
    widgets::{Block, Padding},
};

use super::{
    app::{App, Screen},
    charts, help, hyperparameters,
    keymap::Action,
    overlay::{self, Card, Overlay},
    palette, picker, runs,
    session::{Pane, WatchedSession, Zoom},
    status,
    text::scrub,
    theme::{Glyphs, Theme, sweep},
};

/// The smallest screen that shows more than its own size.
pub const SMALLEST: (u16, u16) = (40, 12);
/// The smallest screen with four charts, the table and the hyperparameters.
pub const ROOMY: (u16, u16) = (100, 28);
/// The smallest screen with two charts and the table.
const COMPACT: (u16, u16) = (60, 18);
/// Rows, frame included, that a chart keeps where the table would want more than a third of the screen.
const CHART_ROWS: u16 = 12;
/// Columns of the hyperparameter panel beside the table.
const HYPERPARAMETER_COLUMNS: u16 = 36;

pub fn render(frame: &mut Frame<'_>, app: &App) {
    let area = frame.area();
    if fits(area, SMALLEST) {
        match &app.screen {
            Screen::Picker => render_picker(frame, area, app),
            Screen::Opening(directory) => {
                let reading = format!("reading {}", scrub(&directory.display().to_string()));
                let line = Line::styled(super::text::fit(&reading, usize::from(area.width) - 8), app.theme.text());
                Card { title: "open", lines: vec![line] }.render(frame, area, app.theme);
            }
            Screen::Watch(session) => render_watch(frame, area, app, session),
        }
        render_overlay(frame, area, app);
    } else {
        render_too_small(frame, area, app.theme);
    }
    if app.theme.appearance().glyphs == Glyphs::Ascii {
        sweep(frame.buffer_mut());
    }
}

/// A region's frame; the one where the keys go stands out.
pub fn region<'a>(theme: Theme, focus: Focus) -> Block<'a> {
    let (lines, style) = match focus {
        Focus::Here => (theme.focused_border(), theme.focus()),
        Focus::Elsewhere => (theme.border(), theme.frame()),
    };
    Block::bordered().border_set(lines).border_style(style)
}

/// How many rows of a region are out of sight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfSight {
    /// Before those that it shows.
    pub above: usize,
    /// After those that it shows.
    pub below: usize,
}

impl OutOfSight {
    /// A frame that says so.
    pub fn on(self, block: Block<'_>, theme: Theme) -> Block<'_> {
        let side = |count: usize, arrow: &str| if count == 0 { String::new() } else { format!(" {count} {arrow}") };
        let text = side(self.above, theme.glyph("↑", "up")) + &side(self.below, theme.glyph("↓", "down"));
        if text.is_empty() {
            block
        } else {
            block.title_bottom(Line::styled(text + " ", theme.quiet()).right_aligned())
        }
    }
}

/// Whether the keys go to a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Focus {
    Here,
    /// They go to another region.
    Elsewhere,
}

impl Focus {
    /// The focus of `pane` while the keys go to `focused`.
    pub fn of(pane: Pane, focused: Pane) -> Self {
        if pane == focused { Self::Here } else { Self::Elsewhere }
    }
}

fn fits(area: Rect, (columns, rows): (u16, u16)) -> bool {
    area.width >= columns && area.height >= rows
}

fn render_picker(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let block = region(app.theme, Focus::Elsewhere)
        .title(Span::styled(" nso-tui ", app.theme.strong()))
        .padding(Padding::horizontal(1));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let [body, keys] = Layout::vertical([Constraint::Min(0), Constraint::Length(1)]).areas(inner);
    picker::render(frame, body, &app.picker, app.theme);
    status::render_keys(frame, keys, app);
}

fn render_watch(frame: &mut Frame<'_>, area: Rect, app: &App, session: &WatchedSession) {
    let theme = app.theme;
    let [top, body, keys] =
        Layout::vertical([Constraint::Length(1), Constraint::Min(0), Constraint::Length(1)]).areas(area);
    status::render_top(frame, top, session, theme);
    status::render_keys(frame, keys, app);
    if fits(area, ROOMY) {
        let wanted =
            (runs::rows(session) + 3).max(hyperparameters::rows(session, usize::from(HYPERPARAMETER_COLUMNS - 2)) + 2);
        // Charts shrink for the sake of a long table, but only down to what shows a curve well.
        let most = (body.height / 3).max(body.height.saturating_sub(2 * CHART_ROWS));
        let rows = u16::try_from(wanted).unwrap_or(u16::MAX).min(most).max(6);
        let [grid, bottom] = Layout::vertical([Constraint::Min(0), Constraint::Length(rows)]).areas(body);
        match session.zoom {
            Zoom::All => charts::render_grid(frame, grid, session, theme),
            Zoom::One => return render_alone(frame, body, session, theme),
        }
        let [table, panel] =
            Layout::horizontal([Constraint::Min(0), Constraint::Length(HYPERPARAMETER_COLUMNS)]).areas(bottom);
        runs::render(frame, table, session, theme);
        hyperparameters::render(frame, panel, session, theme);
    } else if fits(area, COMPACT) {
        if session.zoom == Zoom::One {
            return render_alone(frame, body, session, theme);
        }
        let rows = u16::try_from(runs::rows(session) + 3).unwrap_or(u16::MAX).max(6).min(body.height / 2);
        let [row, bottom] = Layout::vertical([Constraint::Min(0), Constraint::Length(rows)]).areas(body);
        charts::render_pair(frame, row, session, theme);
        match session.pane {
            Pane::Hyperparameters => hyperparameters::render(frame, bottom, session, theme),
            Pane::Runs | Pane::Charts => runs::render(frame, bottom, session, theme),
        }
    } else {
        render_alone(frame, body, session, theme);
    }
}

/// Draws a single chart with one line about the selected run below it.
fn render_alone(frame: &mut Frame<'_>, area: Rect, session: &WatchedSession, theme: Theme) {
    let [chart, line] = Layout::vertical([Constraint::Min(0), Constraint::Length(1)]).areas(area);
    charts::render_one(frame, chart, session, theme);
    match session.pane {
        Pane::Hyperparameters => hyperparameters::render_line(frame, line, session, theme),
        Pane::Runs | Pane::Charts => {
            // What a key would change stands where it can be seen.
            let cursor = hyperparameters::cursor_line(session, theme).filter(|_| session.selected_is_alive());
            let cursor = cursor.map(Line::right_aligned).unwrap_or_default();
            let wanted = u16::try_from(cursor.width()).unwrap_or(u16::MAX).min(line.width / 3);
            let [run, right] = Layout::horizontal([Constraint::Min(0), Constraint::Length(wanted)]).areas(line);
            runs::render_line(frame, run, session, theme);
            frame.render_widget(cursor, right);
        }
    }
}

fn render_overlay(frame: &mut Frame<'_>, area: Rect, app: &App) {
    match &app.overlay {
        Overlay::None => {}
        Overlay::Help => help::render(frame, area, app),
        Overlay::Ask(question) => {
            let session = app.session();
            let alive = session.map_or(0, |session| session.runs.iter().filter(|run| run.is_alive()).count());
            let run = session.and_then(WatchedSession::run).map_or("", |run| run.name.as_str());
            let asked = question.card(alive, run).with_detaching(app.offers(Action::Detach));
            overlay::ask(frame, area, &asked, app.theme);
        }
        Overlay::Type(prompt) => overlay::type_line(frame, area, prompt, app.theme),
        Overlay::Palette(palette) => palette::render(frame, area, app, palette),
    }
}

/// Says what is needed; drawn at any size, down to nothing at all.
fn render_too_small(frame: &mut Frame<'_>, area: Rect, theme: Theme) {
    let (columns, rows) = SMALLEST;
    let lines = [
        Line::styled("too small", theme.strong()),
        Line::styled(format!("need {columns}x{rows}"), theme.text()),
        Line::styled(format!("have {}x{}", area.width, area.height), theme.quiet()),
    ];
    let top = area.y + area.height.saturating_sub(3) / 2;
    for (row, line) in (top..area.bottom()).zip(lines) {
        frame.render_widget(line.centered(), Rect { y: row, height: 1, ..area });
    }
}
