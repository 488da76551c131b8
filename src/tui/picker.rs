//! The list of presets: what there is, how long it takes, and what exactly would run.
//!
//! ```text
//! │  Pick an experiment                                              type / to filter │
//! │  ▸ valley            Two parameters: who walks to the flat end?   4 runs      2 s │
//! │  ── valley ────────────────────────────────────────────────────────────────────── │
//! │  about                                                                            │
//! │  SGD   lr 0.05  momentum 0.9                            device   flex, 2 threads  │
//! ```

mod list;

use std::path::PathBuf;

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    text::{Line, Span},
    widgets::Paragraph,
};

use self::list::{ListColumns, ListEntry};
use super::{
    keymap::Arrow,
    settings::{method_unless_named, summary},
    text::{self, fit, pad, pad_left, scrub, wrap},
    theme::Theme,
};
use crate::{
    figure::text::thousands,
    run::{Budget, Plan, RunPlan},
};

/// Widest that the column of preset names grows.
const NAME_COLUMN: usize = 28;
/// Columns that the facts take beside the runs.
const FACTS_COLUMN: usize = 48;
/// Columns of a fact's name.
const LABEL: usize = 11;
/// Columns between two entries of a row.
const GAP: usize = 2;
/// Fewest columns at which a row has more than the name and the time.
const WIDE: usize = 60;
/// Longest filter that can be typed.
const LONGEST_FILTER: usize = 40;

/// One preset on offer.
#[derive(Debug, Clone)]
pub struct PresetEntry {
    /// The name that starts it.
    pub name: String,
    /// Its plan, or why there is none.
    pub plan: Result<Plan, String>,
    pub kind: EntryKind,
}

/// What stands in the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum EntryKind {
    /// A preset in the binary.
    #[default]
    Embedded,
    /// A preset in the working folder.
    File,
    /// A session that was logged.
    Session(PastSession),
}

/// A session that was logged, which can be seen again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastSession {
    pub directory: PathBuf,
    /// When it began.
    pub when: String,
    /// How many of its runs ended how.
    pub standing: String,
}

#[derive(Debug, Clone)]
pub struct Picker {
    choices: Vec<PresetEntry>,
    filter: String,
    cursor: usize,
    typing: Typing,
    /// The device line, as the program's edge found it.
    device: String,
}

/// Whether what is typed goes to a line of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typing {
    Here,
    Elsewhere,
}

impl Picker {
    /// A picker over `choices`; `device` says what they would run on.
    pub fn new(choices: Vec<PresetEntry>, device: &str) -> Self {
        Self { choices, filter: String::new(), cursor: 0, typing: Typing::Elsewhere, device: scrub(device) }
    }

    /// The entries whose name or title, or of sessions the date and how they ended, have every word of the filter.
    fn matching(&self) -> Vec<&PresetEntry> {
        let fits = |choice: &&PresetEntry| {
            let title = choice.plan.as_ref().map_or("", |plan| plan.title.as_str());
            let text = format!("{} {title} {}", choice.name, ListEntry::of(choice).title).to_lowercase();
            self.filter.to_lowercase().split_whitespace().all(|word| text.contains(word))
        };
        self.choices.iter().filter(fits).collect()
    }

    /// The preset under the cursor.
    pub fn chosen(&self) -> Option<&PresetEntry> {
        self.matching().get(self.cursor).copied()
    }

    /// Moves the cursor; it stays inside the list.
    pub fn go(&mut self, arrow: Arrow) {
        let last = self.matching().len().saturating_sub(1);
        self.cursor = match arrow {
            Arrow::Up => self.cursor.saturating_sub(1),
            Arrow::Down => (self.cursor + 1).min(last),
            Arrow::Left | Arrow::Right => self.cursor,
        };
    }

    /// Whether keys go to the filter.
    pub fn typing(&self) -> Typing {
        self.typing
    }

    /// Lets keys go to the filter.
    pub fn start_typing(&mut self) {
        self.typing = Typing::Here;
    }

    /// Adds a letter to the filter.
    pub fn narrow(&mut self, letter: char) {
        if self.filter.chars().count() < LONGEST_FILTER {
            self.filter.push(letter);
            self.cursor = 0;
        }
    }

    /// Takes the last letter of the filter back.
    pub fn widen(&mut self) {
        self.filter.pop();
        self.cursor = 0;
    }

    /// Shows every preset again; the cursor stays on the one it is on.
    pub fn clear_filter(&mut self) {
        let name = self.chosen().map(|choice| choice.name.clone());
        self.filter.clear();
        self.typing = Typing::Elsewhere;
        self.cursor = self.choices.iter().position(|choice| Some(&choice.name) == name.as_ref()).unwrap_or(0);
    }
}

/// Draws the picker inside its frame.
pub fn render(frame: &mut Frame<'_>, area: Rect, picker: &Picker, theme: Theme) {
    let inset = if area.width >= 60 { 2 } else { 0 };
    let area = Rect { x: area.x + inset, width: area.width.saturating_sub(2 * inset), ..area };
    let matching = picker.matching();
    let listed = u16::try_from(matching.len().max(1)).unwrap_or(u16::MAX);
    // The list comes first; the details have what it leaves, the gaps only where all of it fits.
    let gap = u16::from(area.height >= listed.saturating_add(12));
    let [_, heading, _, list, _, rest] = Layout::vertical([
        Constraint::Length(gap),
        Constraint::Length(1),
        Constraint::Length(gap),
        Constraint::Length(listed.min(area.height.saturating_sub(4).max(1))),
        Constraint::Length(gap),
        Constraint::Min(0),
    ])
    .areas(area);
    frame.render_widget(heading_line(picker, theme, heading.width.into()), heading);
    render_list(frame, list, picker, theme);
    let lines = picker.chosen().map_or_else(Vec::new, |choice| details(picker, choice, theme, rest.width.into()));
    frame.render_widget(Paragraph::new(lines), rest);
}

fn heading_line(picker: &Picker, theme: Theme, columns: usize) -> Line<'static> {
    let title = "Pick an experiment";
    let filter = match picker.typing {
        Typing::Here => format!("filter: {}{}", picker.filter, theme.glyph("▏", "_")),
        Typing::Elsewhere => "type / to filter".into(),
    };
    let style = if picker.typing == Typing::Here { theme.strong() } else { theme.quiet() };
    Line::from(vec![
        Span::styled(title, theme.strong()),
        Span::styled(pad_left(&filter, columns.saturating_sub(title.len())), style),
    ])
}

fn render_list(frame: &mut Frame<'_>, area: Rect, picker: &Picker, theme: Theme) {
    let matching = picker.matching();
    if matching.is_empty() {
        let nothing = format!("no preset has \"{}\" in its name or title", picker.filter);
        frame.render_widget(Line::styled(nothing, theme.quiet()), area);
        return;
    }
    let columns = ListColumns::of(picker, area.width.into());
    // The list scrolls when it is taller than its area.
    let height = usize::from(area.height).max(1);
    let first = (picker.cursor + 1).saturating_sub(height);
    let rows = matching.iter().enumerate().skip(first).take(height).map(|(place, choice)| {
        let entry = ListEntry::of(choice);
        let here = place == picker.cursor;
        let style = if here { theme.strong() } else { theme.text() };
        Line::from(vec![
            Span::styled(if here { theme.glyph("▸ ", "> ") } else { "  " }, theme.key()),
            Span::styled(pad(&entry.name, columns.name), style),
            Span::styled(apart(&entry.title, columns.title, pad), if here { theme.text() } else { theme.quiet() }),
            Span::styled(apart(&entry.runs, columns.runs, pad_left), theme.quiet()),
            Span::styled(apart(&entry.takes, columns.takes, pad_left), theme.quiet()),
        ])
    });
    frame.render_widget(Paragraph::new(rows.collect::<Vec<_>>()), area);
}

/// What the list says of how long a preset takes: "8 min on LibTorch" of "8 min on LibTorch, hours on flex".
fn listed_time(takes: &str) -> &str {
    takes.split_once(',').map_or(takes, |(first, _)| first)
}

/// The most columns that the list gives to how long a preset takes.
fn time_column(columns: usize) -> usize {
    columns / 4
}

/// `text` in a column of that width behind a gap; nothing for a column of no width.
fn apart(text: &str, columns: usize, fill: fn(&str, usize) -> String) -> String {
    if columns == 0 { String::new() } else { " ".repeat(GAP) + &fill(text, columns) }
}

/// What stands below the list: a rule with the name, the about text, the runs, and the facts.
fn details(picker: &Picker, choice: &PresetEntry, theme: Theme, columns: usize) -> Vec<Line<'static>> {
    let dash = theme.glyph("─", "-");
    let name = fit(&scrub(&choice.name), columns.saturating_sub(8));
    let rule = columns.saturating_sub(4 + text::width(&name));
    let mut lines = vec![Line::from(vec![
        Span::styled(dash.repeat(2.min(columns)) + " ", theme.frame()),
        Span::styled(name, theme.strong()),
        Span::styled(format!(" {}", dash.repeat(rule)), theme.frame()),
    ])];
    let plan = match &choice.plan {
        Ok(plan) => plan,
        Err(reason) => {
            let reason = theme.spell(&scrub(reason));
            lines.extend(wrap(&reason, columns).into_iter().map(|line| Line::styled(line, theme.alert())));
            return lines;
        }
    };
    lines.extend(wrap(&theme.spell(&scrub(&plan.about)), columns.min(100)).into_iter().map(Line::from));
    lines.push(Line::default());
    let runs = run_lines(plan, theme);
    let facts = facts(picker, plan, columns);
    let widest = runs.iter().map(|line| text::width(line)).max().unwrap_or(0).max(50) + 4;
    let label = |label: &str| Span::styled(pad(label, LABEL), theme.quiet());
    if columns >= widest + FACTS_COLUMN {
        for row in 0..runs.len().max(facts.len()) {
            let run = runs.get(row).map_or("", String::as_str);
            let mut line = Line::raw(pad(run, if row < facts.len() { widest } else { text::width(run) }));
            if let Some((name, text)) = facts.get(row) {
                line.push_span(label(name));
                line.push_span(Span::raw(fit(text, columns.saturating_sub(widest + LABEL))));
            }
            lines.push(line);
        }
        return lines;
    }
    lines.extend(runs.into_iter().map(|run| Line::raw(fit(&run, columns))));
    lines.push(Line::default());
    lines.extend(facts.into_iter().map(|(name, text)| Line::from(vec![label(name), Span::raw(text)])));
    lines
}

/// One line a run: its name, the method where that says something new, and the settings that it starts with.
fn run_lines(plan: &Plan, theme: Theme) -> Vec<String> {
    let names = plan.runs.iter().map(|run| text::width(&scrub(&run.name))).max().unwrap_or(0);
    let line = |run: &RunPlan| {
        let method = method_unless_named(&run.name, &run.hyperparameters).map(|key| format!("{key}  "));
        let settings = format!("{}{}", method.unwrap_or_default(), summary(&run.hyperparameters));
        format!("{}  {}", pad(&scrub(&run.name), names), theme.spell(&settings))
    };
    plan.runs.iter().map(line).collect()
}

fn facts(picker: &Picker, plan: &Plan, columns: usize) -> Vec<(&'static str, String)> {
    let curvature = match plan.train.probe_every {
        None => "not measured".to_owned(),
        Some(cadence) => {
            let products = plan.train.curvature.trace_probes + plan.train.curvature.lanczos_products;
            format!("every {cadence}, up to {products} HVPs each")
        }
    };
    let mut facts = vec![("device", picker.device.clone()), ("length", length(plan.train.budget))];
    // What the list has no room for.
    let takes = scrub(&plan.takes);
    if text::width(listed_time(&takes)) > time_column(columns) || listed_time(&takes) != takes {
        facts.push(("time", takes));
    }
    facts.push(("curvature", curvature));
    facts
}

fn count_of_runs(plan: &Plan) -> String {
    let count = plan.runs.len();
    format!("{count} {}", if count == 1 { "run" } else { "runs" })
}

fn length(budget: Budget) -> String {
    let (count, unit) = match budget {
        Budget::Epochs(count) => (count, "epochs"),
        Budget::Steps(count) => (count, "steps"),
        Budget::Gradients(count) => (count, "gradient evaluations"),
    };
    format!("{} {unit} a run", thousands(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picker(names: &[&str]) -> Picker {
        let choices = names.iter().map(|name| PresetEntry {
            name: (*name).into(),
            plan: Err("unreadable".into()),
            kind: EntryKind::Embedded,
        });
        Picker::new(choices.collect(), "flex")
    }

    #[test]
    fn the_cursor_stays_inside_the_list() {
        let mut picker = picker(&["valley", "mnist-mlp"]);
        picker.go(Arrow::Up);
        assert_eq!(picker.chosen().map(|choice| choice.name.as_str()), Some("valley"));
        for _ in 0..5 {
            picker.go(Arrow::Down);
        }
        assert_eq!(picker.chosen().map(|choice| choice.name.as_str()), Some("mnist-mlp"));
    }

    #[test]
    fn every_word_of_the_filter_must_match() {
        let mut picker = picker(&["valley", "mnist-softmax", "mnist-mlp"]);
        "ml mni".chars().for_each(|letter| picker.narrow(letter));
        assert_eq!(picker.matching().len(), 1);
        "z".chars().for_each(|letter| picker.narrow(letter));
        assert!(picker.chosen().is_none());
        picker.widen();
        picker.clear_filter();
        assert_eq!(picker.chosen().map(|choice| choice.name.as_str()), Some("mnist-mlp"));
    }

    #[test]
    fn an_empty_list_has_nothing_under_the_cursor() {
        let mut picker = picker(&[]);
        picker.go(Arrow::Down);
        assert!(picker.chosen().is_none());
    }
}
