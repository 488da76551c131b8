//! What lies over the screen, one at a time: help, a question, a line being typed. And the cards that say one thing.

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
    widgets::{Block, Clear, Padding, Paragraph},
};

use super::{
    keymap::SessionAction,
    palette::Palette,
    session::WatchedSession,
    text::{self, fit, scrub, value, wrap},
    theme::Theme,
};
use crate::optimizer::Hyperparameter;

/// Longest line that can be typed.
pub const LONGEST: usize = 200;

/// What lies over the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Overlay {
    None,
    Help,
    /// A question to be answered yes or no.
    Ask(Question),
    /// A line being typed.
    Type(Prompt),
    /// Finding a command.
    Palette(Palette),
}

/// A question; each is asked because yes loses something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Quit while runs are alive.
    Quit,
    /// The same after Ctrl-C, where a second one means yes.
    Interrupt,
    /// Train a run once more.
    RunAgain,
    /// End a run before its budget is spent.
    Stop,
}

/// What a typed line is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The value of a hyperparameter.
    Value(Hyperparameter),
    /// The directory of a session to open.
    Session,
    /// The file to export to.
    File,
    /// How a fork of the selected run differs from it.
    Fork,
    /// How a new run differs from the selected one.
    NewRun,
    /// Which runs are shown.
    Filter,
}

/// A line being typed, and what was wrong when it was last accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    purpose: Purpose,
    text: String,
    refused: Option<String>,
}

impl Prompt {
    /// A line for the value of a hyperparameter.
    pub fn value(hyperparameter: Hyperparameter) -> Self {
        Self { purpose: Purpose::Value(hyperparameter), text: String::new(), refused: None }
    }

    /// A line for the directory of a session.
    pub fn session() -> Self {
        Self { purpose: Purpose::Session, text: String::new(), refused: None }
    }

    /// A line for the file to export to.
    pub fn file() -> Self {
        Self { purpose: Purpose::File, text: String::new(), refused: None }
    }

    /// A line for what a fork changes, which begins with this text.
    pub fn fork(draft: String) -> Self {
        Self { purpose: Purpose::Fork, text: draft, refused: None }
    }

    /// A line for the method and the hyperparameters of a new run.
    pub fn new_run() -> Self {
        Self { purpose: Purpose::NewRun, text: "method=".to_owned(), refused: None }
    }

    /// A line for which runs are shown.
    pub fn filter() -> Self {
        Self { purpose: Purpose::Filter, text: String::new(), refused: None }
    }

    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Adds a letter.
    pub fn push(&mut self, letter: char) {
        if self.text.chars().count() < LONGEST {
            self.text.push(letter);
            self.refused = None;
        }
    }

    /// Takes the last letter back.
    pub fn erase(&mut self) {
        self.text.pop();
        self.refused = None;
    }

    /// Says why what was typed cannot be had.
    pub fn refuse(&mut self, reason: String) {
        self.refused = Some(reason);
    }

    /// What was typed, as a value of the hyperparameter that it is for.
    ///
    /// # Errors
    /// Why it is none, in words.
    pub fn number(&self) -> Result<f64, String> {
        let number: f64 = self.text.trim().parse().map_err(|_| format!("\"{}\" is not a number", scrub(&self.text)))?;
        match self.purpose {
            Purpose::Value(hyperparameter) => hyperparameter
                .check(number)
                .map_err(|_| format!("{} is refused: {}", value(number), hyperparameter.range())),
            Purpose::Session | Purpose::File | Purpose::Fork | Purpose::NewRun | Purpose::Filter => Ok(number),
        }
    }
}

/// What is asked before an action is done: a value, a file, or whether it is meant; `None` for what is done at once.
pub fn asked_before(action: SessionAction, session: &WatchedSession) -> Option<Overlay> {
    match action {
        SessionAction::ExportAs => Some(Overlay::Type(Prompt::file())),
        SessionAction::TypeValue => session.cursor().map(|hyperparameter| Overlay::Type(Prompt::value(hyperparameter))),
        SessionAction::Fork => Some(Overlay::Type(Prompt::fork(session.fork_draft()))),
        SessionAction::FilterRuns => Some(Overlay::Type(Prompt::filter())),
        SessionAction::AddRun => Some(Overlay::Type(Prompt::new_run())),
        SessionAction::RunAgain => Some(Overlay::Ask(Question::RunAgain)),
        SessionAction::Stop => Some(Overlay::Ask(Question::Stop)),
        SessionAction::NextPane
        | SessionAction::PreviousPane
        | SessionAction::Enlarge
        | SessionAction::Shrink
        | SessionAction::Raise
        | SessionAction::Lower
        | SessionAction::ToggleScope
        | SessionAction::Undo
        | SessionAction::Pause
        | SessionAction::PauseAll
        | SessionAction::Resume
        | SessionAction::Hide
        | SessionAction::Solo
        | SessionAction::SetBaseline
        | SessionAction::ToggleBasis
        | SessionAction::NextKind
        | SessionAction::PreviousKind
        | SessionAction::ToggleGrid
        | SessionAction::CycleX
        | SessionAction::ZoomIn
        | SessionAction::ZoomOut
        | SessionAction::PanLeft
        | SessionAction::PanRight
        | SessionAction::ToggleLogY
        | SessionAction::ToggleLogX
        | SessionAction::Export => None,
    }
}

/// A box in the middle of the screen.
pub struct Card<'a> {
    pub title: &'a str,
    pub lines: Vec<Line<'a>>,
}

impl Card<'_> {
    /// Draws it as wide as its lines and its title need.
    pub fn render(self, frame: &mut Frame<'_>, area: Rect, theme: Theme) {
        let Self { title, lines } = self;
        let widest = lines.iter().map(Line::width).max().unwrap_or(0).max(text::width(title) + 2);
        let size = |wanted: usize, most: u16| u16::try_from(wanted).unwrap_or(u16::MAX).min(most);
        let (width, height) = (size(widest + 6, area.width), size(lines.len() + 2, area.height));
        let place =
            Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
        let block = Block::bordered()
            .border_set(theme.border())
            .border_style(theme.focus())
            .title(Span::styled(format!(" {title} "), theme.strong()))
            .padding(Padding::horizontal(if width > 10 { 2 } else { 0 }));
        frame.render_widget(Clear, place);
        frame.render_widget(Paragraph::new(lines).block(block), place);
    }
}

/// A question in words.
pub struct Asked {
    title: &'static str,
    text: String,
    /// Whether the runs can go on without the dashboard.
    can_detach: bool,
}

impl Asked {
    /// The same; whether leaving the runs to go on without the dashboard is an answer.
    #[must_use]
    pub fn with_detaching(self, can_detach: bool) -> Self {
        Self { can_detach, ..self }
    }
}

impl Question {
    /// The question while so many runs are alive, `run` being the selected one.
    pub fn card(self, alive: usize, run: &str) -> Asked {
        let runs = if alive == 1 { "one run is".to_owned() } else { format!("{alive} runs are") };
        let run = scrub(run);
        let (title, text) = match self {
            Self::Quit => ("quit?", format!("{runs} still training. Quitting ends them; their logs are kept.")),
            Self::Interrupt => {
                ("quit?", format!("{runs} still training. Press ctrl-c again to end them; their logs are kept."))
            }
            Self::Stop => ("stop?", format!("{run} is still training. It would end here; what there is is kept.")),
            Self::RunAgain => (
                "run again?",
                format!(
                    "{run} would be trained once more from the initial weights, with its present hyperparameters, as a run of its own. What there is stays as it is."
                ),
            ),
        };
        Asked { title, text, can_detach: false }
    }
}

/// A question with its answers.
pub fn ask(frame: &mut Frame<'_>, area: Rect, question: &Asked, theme: Theme) {
    let columns = usize::from(area.width).saturating_sub(8).min(58);
    let mut lines: Vec<Line<'_>> = wrap(&question.text, columns).into_iter().map(Line::from).collect();
    lines.push(Line::default());
    let answers = [("y", " yes   "), ("n", " no   "), ("d", " leave them running")];
    let shown = if question.can_detach { 3 } else { 2 };
    let spans = |(key, word)| [Span::styled(key, theme.key()), Span::styled(word, theme.quiet())];
    lines.push(answers.into_iter().take(shown).flat_map(spans).collect::<Line<'_>>());
    Card { title: question.title, lines }.render(frame, area, theme);
}

/// The line being typed, with what is allowed or what was wrong beneath.
pub fn type_line(frame: &mut Frame<'_>, area: Rect, prompt: &Prompt, theme: Theme) {
    let columns = usize::from(area.width).saturating_sub(8).min(58);
    let (title, hint) = match prompt.purpose {
        Purpose::Value(hyperparameter) => {
            (format!("new value of {}", theme.spell(hyperparameter.symbol())), hyperparameter.range())
        }
        Purpose::Session => {
            ("open a session".to_owned(), "the directory of a session, such as runs/...-mnist-mlp-...".to_owned())
        }
        Purpose::Fork => (
            "go on from here as another run".to_owned(),
            "what differs, such as sigma=0.05 lr=0.01; nothing for the same run".to_owned(),
        ),
        Purpose::NewRun => (
            "another run from the initial weights".to_owned(),
            "such as method=sam rho=0.1; else as the selected run".to_owned(),
        ),
        Purpose::Filter => {
            ("show the runs that are so".to_owned(), "such as nso, method=sam, sigma>0.02; nothing for all".to_owned())
        }
        Purpose::File => ("export to".to_owned(), "a file; its ending is the format: .png .svg .csv .jsonl".to_owned()),
    };
    let typed = scrub(&prompt.text);
    // The end of what is typed stays in sight.
    let hidden = text::width(&typed).saturating_sub(columns.saturating_sub(2));
    let shown: String = typed.chars().skip(hidden).collect();
    let mut lines =
        vec![Line::styled(text::pad(&format!("{shown}{}", theme.glyph("▏", "_")), columns), theme.strong())];
    match &prompt.refused {
        Some(reason) => {
            lines.extend(wrap(&theme.spell(reason), columns).into_iter().map(|line| Line::styled(line, theme.alert())));
        }
        None => lines.push(Line::styled(fit(&hint, columns), theme.quiet())),
    }
    Card { title: &title, lines }.render(frame, area, theme);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(hyperparameter: Hyperparameter, text: &str) -> Prompt {
        let mut prompt = Prompt::value(hyperparameter);
        text.chars().for_each(|letter| prompt.push(letter));
        prompt
    }

    #[test]
    fn a_typed_value_must_be_a_number_within_the_range() {
        assert_eq!(typed(Hyperparameter::Sigma, " 0.025").number(), Ok(0.025));
        assert_eq!(typed(Hyperparameter::Sigma, "two").number(), Err("\"two\" is not a number".into()));
        assert_eq!(typed(Hyperparameter::Sigma, "").number(), Err("\"\" is not a number".into()));
        let refused = typed(Hyperparameter::K, "1.5").number();
        assert_eq!(refused, Err("1.5 is refused: a whole number at least 1 and at most 64".into()));
        assert!(typed(Hyperparameter::Lr, "nan").number().is_err());
    }

    #[test]
    fn typing_clears_the_error() {
        let mut prompt = typed(Hyperparameter::Lr, "0");
        prompt.refuse("no".into());
        prompt.erase();
        assert_eq!(prompt.refused, None);
    }
}
