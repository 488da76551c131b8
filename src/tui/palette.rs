//! The command palette: every action that would do something here, by its name, found by typing some of its letters.

use nucleo_matcher::{
    Config, Matcher,
    pattern::{AtomKind, CaseMatching, Normalization, Pattern},
};
use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
};

use super::{
    app::App,
    help::spelled,
    key::Key,
    keymap::{Action, Arrow},
    overlay::{Card, LONGEST},
    text::{self, fit, pad},
};

/// Most commands that are shown at once.
const SHOWN: usize = 12;

/// What is typed, and which of the commands that are left the cursor is on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Palette {
    text: String,
    cursor: usize,
}

/// A command.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    pub action: Action,
    key: Key,
    description: &'static str,
}

impl Palette {
    /// Adds a letter.
    pub fn push(&mut self, letter: char) {
        if self.text.chars().count() < LONGEST {
            self.text.push(letter);
            self.cursor = 0;
        }
    }

    /// Takes the last letter back.
    pub fn erase(&mut self) {
        self.text.pop();
        self.cursor = 0;
    }

    /// Moves the cursor, as far as there are commands.
    pub fn go(&mut self, arrow: Arrow, entries: usize) {
        self.cursor = match arrow {
            Arrow::Up | Arrow::Left => self.cursor.saturating_sub(1),
            Arrow::Down | Arrow::Right => (self.cursor + 1).min(entries.saturating_sub(1)),
        };
    }

    /// The command under the cursor.
    pub fn chosen(&self, app: &App) -> Option<Action> {
        entries(app, &self.text).get(self.cursor).map(|entry| entry.action)
    }

    /// How many commands match what is typed.
    pub fn matches(&self, app: &App) -> usize {
        entries(app, &self.text).len()
    }
}

/// The commands that would do something where the user is and whose names match what is typed, else whose descriptions do, the best match
/// first; all, in the order of the key table, where nothing is typed.
fn entries(app: &App, typed: &str) -> Vec<Entry> {
    let bindings = app.place_context().bindings();
    let mut all: Vec<Entry> = Vec::new();
    for binding in bindings {
        for &(key, action) in binding.keys {
            let is_command = !matches!(action, Action::Move(_) | Action::Palette) && app.offers_here(action);
            if is_command && all.iter().all(|entry| entry.action != action) {
                all.push(Entry { action, key, description: binding.description });
            }
        }
    }
    if typed.trim().is_empty() {
        return all;
    }
    let pattern = Pattern::new(typed, CaseMatching::Ignore, Normalization::Smart, AtomKind::Fuzzy);
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut matching = |text: fn(&Entry) -> String| {
        let texts = all.iter().map(|entry| Searched(*entry, text(entry)));
        let found = pattern.match_list(texts, &mut matcher);
        found.into_iter().map(|(Searched(entry, _), _)| entry).collect::<Vec<_>>()
    };
    let by_name = matching(|entry| entry.action.name());
    if by_name.is_empty() { matching(|entry| entry.description.to_owned()) } else { by_name }
}

/// A command with the text that is searched.
struct Searched(Entry, String);

impl AsRef<str> for Searched {
    fn as_ref(&self) -> &str {
        &self.1
    }
}

/// Draws the line that is typed and the commands that are left, each with its key.
pub fn render(frame: &mut Frame<'_>, area: Rect, app: &App, palette: &Palette) {
    let theme = app.theme;
    let columns = usize::from(area.width).saturating_sub(8).min(90);
    let rows = usize::from(area.height).saturating_sub(4).min(SHOWN);
    let found = entries(app, &palette.text);
    let mut lines = vec![Line::styled(
        pad(&format!(":{}{}", text::scrub(&palette.text), theme.glyph("▏", "_")), columns),
        theme.strong(),
    )];
    if found.is_empty() {
        lines.push(Line::styled(fit("no command has these letters", columns), theme.quiet()));
    }
    let names = found.iter().map(|entry| text::width(&entry.action.name())).max().unwrap_or(0) + 2;
    let hidden = (palette.cursor + 1).saturating_sub(rows.max(1));
    for (place, entry) in found.iter().enumerate().skip(hidden).take(rows) {
        let key = spelled(entry.key, theme);
        let room = columns.saturating_sub(names + 2 + text::width(&key) + 2);
        let (mark, style) =
            if place == palette.cursor { (theme.glyph("▸", ">"), theme.strong()) } else { (" ", theme.text()) };
        lines.push(Line::from(vec![
            Span::styled(format!("{mark} "), theme.focus()),
            Span::styled(pad(&entry.action.name(), names), style),
            Span::styled(pad(&fit(entry.description, room), room + 2), theme.quiet()),
            Span::styled(key, theme.key()),
        ]));
    }
    let title =
        if found.len() > rows { format!("commands: {} of {}", rows, found.len()) } else { "commands".to_owned() };
    Card { title: &title, lines }.render(frame, area, theme);
}
