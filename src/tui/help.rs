//! The help overlay: the rows of the key table that work where the user is.

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
};

use super::{
    app::App,
    keymap::Binding,
    overlay::Card,
    text::{self, fit, pad},
    theme::Theme,
};

/// Draws the keys of the place under the overlay: one row each with its clause, or, where that is too tall or too wide,
/// in columns with the words of the bottom line.
pub fn render(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let context = app.place_context();
    let theme = app.theme;
    let bindings: Vec<&Binding> = context.bindings().collect();
    let (rows, columns) = (usize::from(area.height).saturating_sub(2), usize::from(area.width).saturating_sub(6));
    let keys = bindings.iter().map(|binding| text::width(&keys(binding, theme))).max().unwrap_or(0);
    let lines = if bindings.len() <= rows && columns >= keys + 2 + 40 {
        let row = |binding: &&Binding| {
            Line::from(vec![
                Span::styled(pad(&self::keys(binding, theme), keys + 2), theme.key()),
                Span::styled(fit(binding.description, columns - keys - 2), theme.text()),
            ])
        };
        bindings.iter().map(row).collect()
    } else {
        packed(&bindings, rows.max(1), columns, theme)
    };
    let title = format!("keys: {}", context.heading().to_lowercase());
    Card { title: &title, lines }.render(frame, area, theme);
}

/// Keys and words in as many columns as fit, read down.
fn packed(bindings: &[&Binding], rows: usize, columns: usize, theme: Theme) -> Vec<Line<'static>> {
    let entries: Vec<(String, &str)> =
        bindings.iter().map(|binding| (short_keys(binding, theme), binding.label)).collect();
    let per_column = entries.len().min(rows).max(1);
    let wide = columns / entries.len().div_ceil(per_column).max(1);
    (0..per_column)
        .map(|row| {
            let spans = entries.iter().skip(row).step_by(per_column).flat_map(|(keys, label)| {
                let label = pad(label, wide.saturating_sub(text::width(keys) + 2));
                [Span::styled(format!("{keys} "), theme.key()), Span::styled(label + " ", theme.text())]
            });
            Line::from(spans.collect::<Vec<_>>())
        })
        .collect()
}

fn keys(binding: &Binding, theme: Theme) -> String {
    binding.keys.iter().map(|(key, _)| spelled(*key, theme)).collect::<Vec<_>>().join(" ")
}

fn short_keys(binding: &Binding, theme: Theme) -> String {
    binding.keys.first().map(|(key, _)| spelled(*key, theme)).unwrap_or_default()
}

/// A key as this terminal can show it.
pub fn spelled(key: super::key::Key, theme: Theme) -> String {
    match theme.appearance().glyphs {
        super::theme::Glyphs::Unicode => key.symbol(),
        super::theme::Glyphs::Ascii => key.to_string(),
    }
}
