//! The one key table. Dispatch, the help overlay, the bottom line and the README's table are all read from it,
//! so that a key that works is a key that is shown.

mod action;

use std::fmt::Write as _;

use strum::{EnumCount, VariantArray};

use super::key::Key;

pub use action::{Action, Arrow, SessionAction};

/// Where the keys go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EnumCount, VariantArray)]
pub enum Context {
    /// The list of presets.
    Picker,
    /// Typing into the picker's filter.
    Filter,
    /// The grid of charts.
    Charts,
    /// One chart on the whole screen.
    Chart,
    /// The table of runs.
    Runs,
    /// The hyperparameters of the selected run.
    Hyperparameters,
    /// A line being typed: a value or a path.
    Prompt,
    /// Typing into the command palette.
    Palette,
    Question,
    Help,
    /// A session being read.
    Opening,
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Binding {
    /// Each key with what it does; the first `shown` of them stand for the row on the bottom line.
    pub keys: &'static [(Key, Action)],
    /// How many keys the bottom line shows; 0 keeps the row off it.
    pub shown: usize,
    /// Where the keys work.
    pub contexts: &'static [Context],
    /// One or two words for the bottom line.
    pub label: &'static str,
    /// A clause for help and README.
    pub description: &'static str,
}

use Action::{Move, Watch};

const WATCHING: &[Context] = &[Context::Charts, Context::Chart, Context::Runs, Context::Hyperparameters];
const ROWS: &[(Key, Action)] = {
    use Arrow::{Down, Up};

    &[(Key::Up, Move(Up)), (Key::Down, Move(Down)), (Key::Char('k'), Move(Up)), (Key::Char('j'), Move(Down))]
};
const COLUMNS: &[(Key, Action)] = {
    use Arrow::{Left, Right};

    &[(Key::Left, Move(Left)), (Key::Right, Move(Right)), (Key::Char('h'), Move(Left)), (Key::Char('l'), Move(Right))]
};
const ALL_WAYS: &[(Key, Action)] = {
    use Arrow::{Down, Left, Right, Up};

    &[
        (Key::Left, Move(Left)),
        (Key::Down, Move(Down)),
        (Key::Up, Move(Up)),
        (Key::Right, Move(Right)),
        (Key::Char('h'), Move(Left)),
        (Key::Char('j'), Move(Down)),
        (Key::Char('k'), Move(Up)),
        (Key::Char('l'), Move(Right)),
    ]
};

/// The table, in the order in which the bottom line and help show it.
pub const TABLE: &[Binding] = {
    use Context::{Chart, Charts, Filter, Help, Hyperparameters, Opening, Palette, Picker, Prompt, Question, Runs};

    &[
        keys(ROWS, 2).within(&[Picker]).words("choose", "choose a preset"),
        keys(&[(Key::Up, Move(Arrow::Up)), (Key::Down, Move(Arrow::Down))], 2)
            .within(&[Filter])
            .words("choose", "choose among what is left"),
        keys(&[(Key::Enter, Action::StartPreset)], 1)
            .within(&[Picker, Filter])
            .words("start", "start the preset under the cursor"),
        keys(&[(Key::Char('/'), Action::Filter)], 1).within(&[Picker]).words("filter", "narrow the list by typing"),
        keys(&[(Key::Char('e'), Action::EditCopy)], 1)
            .within(&[Picker])
            .words("edit a copy", "write the preset to a file here, to change it"),
        keys(&[(Key::Char('o'), Action::OpenSession)], 1)
            .within(&[Picker])
            .words("open a finished session", "replay a session from its directory"),
        keys(&[(Key::Esc, Action::Cancel)], 1).within(&[Filter]).words("clear", "clear the filter"),
        keys(ALL_WAYS, 4).within(&[Charts]).words("chart", "choose a chart"),
        keys(ROWS, 2).within(&[Chart]).words("run", "choose the run that hyperparameters and commands go to"),
        keys(COLUMNS, 2).within(&[Chart]).words("chart", "the chart before or after"),
        keys(ROWS, 2).within(&[Runs]).words("run", "choose the run that hyperparameters and commands go to"),
        keys(COLUMNS, 2).within(&[Runs]).words("hparam", "choose a hyperparameter of the selected run"),
        keys(ROWS, 2).within(&[Hyperparameters]).words("hparam", "choose a hyperparameter"),
        keys(COLUMNS, 2).within(&[Hyperparameters]).words("run", "the run before or after"),
        keys(&[(Key::Char('+'), Watch(SessionAction::Raise)), (Key::Char('-'), Watch(SessionAction::Lower))], 2)
            .within(WATCHING)
            .words("change", "raise or lower the hyperparameter under the cursor, between two steps of training"),
        keys(&[(Key::Char('f'), Watch(SessionAction::Fork))], 1).within(WATCHING).words(
            "fork",
            "start a run that goes on from where the selected one is, with another value of what you type",
        ),
        keys(&[(Key::Char('u'), Watch(SessionAction::Undo))], 1)
            .within(WATCHING)
            .words("undo", "take back the last change of the selected run"),
        keys(&[(Key::Char(' '), Watch(SessionAction::Pause))], 1)
            .within(WATCHING)
            .words("pause", "pause the selected run, or resume it"),
        keys(&[(Key::Char('p'), Watch(SessionAction::PauseAll))], 0)
            .within(WATCHING)
            .words("pause all", "pause all runs, or resume them"),
        keys(&[(Key::Char('e'), Watch(SessionAction::Export))], 1)
            .within(WATCHING)
            .words("export", "write the charts as a PNG beside the session's log"),
        keys(&[(Key::Char('R'), Watch(SessionAction::Resume))], 1)
            .within(WATCHING)
            .words("resume", "go on with a session that was cut off, from its last checkpoints"),
        keys(&[(Key::Esc, Watch(SessionAction::Shrink)), (Key::Enter, Watch(SessionAction::Shrink))], 1)
            .within(&[Chart])
            .words("back", "show all charts again"),
        keys(&[(Key::Tab, Watch(SessionAction::NextPane))], 1)
            .within(&[Charts, Runs, Hyperparameters])
            .words("pane", "go to the next of charts, runs and hyperparameters"),
        keys(&[(Key::BackTab, Watch(SessionAction::PreviousPane))], 0)
            .within(&[Charts, Runs, Hyperparameters])
            .words("pane back", "go to the pane before"),
        keys(&[(Key::Char('a'), Watch(SessionAction::ToggleScope))], 1)
            .within(WATCHING)
            .words("all", "changes go to all runs that have the hyperparameter, or to the selected run alone"),
        keys(
            &[(Key::Char('['), Watch(SessionAction::PreviousKind)), (Key::Char(']'), Watch(SessionAction::NextKind))],
            2,
        )
        .within(WATCHING)
        .words("kind", "change what the focused chart shows, one kind back or on"),
        keys(&[(Key::Enter, Watch(SessionAction::Enlarge))], 1)
            .within(&[Charts, Runs, Hyperparameters])
            .words("full screen", "show the focused chart on the whole screen"),
        keys(&[(Key::Char('x'), Watch(SessionAction::CycleX))], 1)
            .within(WATCHING)
            .words("axis", "count x in gradient evaluations, steps, epochs or seconds"),
        keys(&[(Key::Char('z'), Watch(SessionAction::ZoomIn)), (Key::Char('Z'), Watch(SessionAction::ZoomOut))], 0)
            .within(WATCHING)
            .words("zoom", "show the later half of what there is along x, or twice as much again"),
        keys(&[(Key::Char('<'), Watch(SessionAction::PanLeft)), (Key::Char('>'), Watch(SessionAction::PanRight))], 0)
            .within(WATCHING)
            .words("pan", "show an earlier or a later part of x"),
        keys(&[(Key::Char('v'), Watch(SessionAction::Hide))], 0)
            .within(WATCHING)
            .words("hide", "take the selected run out of the charts, or show it again"),
        keys(&[(Key::Char('V'), Watch(SessionAction::Solo))], 0)
            .within(WATCHING)
            .words("solo", "show the selected run alone in the charts, or all runs again"),
        keys(&[(Key::Char('/'), Watch(SessionAction::FilterRuns))], 0).within(WATCHING).words(
            "filter",
            "show the runs in the charts that are as you type: nso, method=sam, sigma>0.02 state=running",
        ),
        keys(&[(Key::Char('B'), Watch(SessionAction::SetBaseline))], 0)
            .within(WATCHING)
            .words("baseline", "compare the other runs with the selected one"),
        keys(&[(Key::Char('n'), Watch(SessionAction::ToggleBasis))], 0)
            .within(WATCHING)
            .words("newest", "the table at the cost that all runs have spent, or with the newest values"),
        keys(&[(Key::Char('y'), Watch(SessionAction::ToggleLogY))], 0)
            .within(WATCHING)
            .words("log", "logarithmic y on the focused chart, or linear again"),
        keys(&[(Key::Char('g'), Watch(SessionAction::ToggleGrid))], 1)
            .within(&[Charts, Runs, Hyperparameters])
            .words("six charts", "show six charts, or four again"),
        keys(&[(Key::Char('Y'), Watch(SessionAction::ToggleLogX))], 0)
            .within(WATCHING)
            .words("log x", "logarithmic x, or linear again"),
        keys(&[(Key::Char('E'), Watch(SessionAction::ExportAs))], 0)
            .within(WATCHING)
            .words("export as", "export to a file whose name you type: .png .svg .csv .jsonl"),
        keys(&[(Key::Char('b'), Action::ToPicker)], 1)
            .within(WATCHING)
            .words("presets", "back to the presets, once no run is alive"),
        keys(&[(Key::Char('='), Watch(SessionAction::TypeValue))], 0)
            .within(WATCHING)
            .words("type", "type the hyperparameter's value"),
        keys(&[(Key::Char('s'), Watch(SessionAction::Stop))], 1)
            .within(WATCHING)
            .words("stop", "end the selected run and keep what there is; asks"),
        keys(&[(Key::Char('A'), Watch(SessionAction::AddRun))], 0).within(WATCHING).words(
            "add a run",
            "start a run of the method and with the hyperparameters that you type, else those of the selected run",
        ),
        keys(&[(Key::Char('r'), Watch(SessionAction::RunAgain))], 1)
            .within(WATCHING)
            .words("run again", "start the selected run anew from the initial weights, as a run of its own; asks"),
        keys(&[(Key::Up, Move(Arrow::Up)), (Key::Down, Move(Arrow::Down))], 2)
            .within(&[Palette])
            .words("choose", "choose a command"),
        keys(&[(Key::Enter, Action::Accept)], 1).within(&[Palette]).words("do it", "do what the cursor is on"),
        keys(&[(Key::Enter, Action::Accept)], 1).within(&[Prompt]).words("accept", "take what was typed"),
        keys(&[(Key::Esc, Action::Cancel)], 1).within(&[Prompt, Palette]).words("cancel", "leave things as they are"),
        keys(&[(Key::Backspace, Action::Erase)], 0)
            .within(&[Prompt, Palette, Filter])
            .words("erase", "take back the last character"),
        keys(&[(Key::Char('y'), Action::Accept)], 1).within(&[Question]).words("yes", "do it"),
        keys(&[(Key::Char('n'), Action::Cancel), (Key::Esc, Action::Cancel)], 1)
            .within(&[Question])
            .words("no", "leave things as they are"),
        keys(&[(Key::Char('d'), Action::Detach)], 1)
            .within(&[Question])
            .words("detach", "leave while the runs go on in the background"),
        keys(
            &[
                (Key::Esc, Action::Help),
                (Key::Char('?'), Action::Help),
                (Key::Enter, Action::Help),
                (Key::Char('q'), Action::Help),
            ],
            1,
        )
        .within(&[Help])
        .words("close", "close this help"),
        keys(&[(Key::Char(':'), Action::Palette)], 1)
            .within(&[Picker, Charts, Chart, Runs, Hyperparameters])
            .words("commands", "find a command by some letters of its name"),
        keys(&[(Key::Char('?'), Action::Help)], 1)
            .within(&[Picker, Charts, Chart, Runs, Hyperparameters])
            .words("help", "show all keys"),
        keys(&[(Key::Char('q'), Action::Quit)], 1)
            .within(&[Picker, Charts, Chart, Runs, Hyperparameters, Opening])
            .words("quit", "leave; asks while runs are alive"),
        keys(&[(Key::Ctrl('c'), Action::Interrupt)], 0)
            .within(&[Picker, Filter, Charts, Chart, Runs, Hyperparameters, Prompt, Palette, Question, Help, Opening])
            .words(
                "interrupt",
                "leave with exit code 130; while runs are alive it asks, and a second ctrl-c means yes",
            ),
        keys(&[(Key::Ctrl('z'), Action::Suspend)], 0)
            .within(&[Picker, Filter, Charts, Chart, Runs, Hyperparameters, Prompt, Palette, Question, Help, Opening])
            .words("suspend", "stop everything and leave the terminal to the shell, whose fg goes on"),
    ]
};

/// A row of keys, the first `shown` of which stand for it on the bottom line.
const fn keys(keys: &'static [(Key, Action)], shown: usize) -> Binding {
    Binding { keys, shown, contexts: &[], label: "", description: "" }
}

impl Binding {
    /// The same row in these contexts.
    const fn within(self, contexts: &'static [Context]) -> Self {
        Self { contexts, ..self }
    }

    /// The same row with a label for the bottom line and a description for help and README.
    const fn words(self, label: &'static str, description: &'static str) -> Self {
        Self { label, description, ..self }
    }
}

impl Context {
    /// The heading of its section in help and README.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Picker => "Presets",
            Self::Filter => "Filter",
            Self::Charts => "Charts",
            Self::Chart => "One chart",
            Self::Runs => "Runs",
            Self::Hyperparameters => "Hyperparameters",
            Self::Prompt => "Typing a value or a path",
            Self::Palette => "Commands",
            Self::Question => "A question",
            Self::Help => "Help",
            Self::Opening => "Reading a session",
        }
    }

    /// The rows that work here.
    pub fn bindings(self) -> impl Iterator<Item = &'static Binding> {
        TABLE.iter().filter(move |binding| binding.contexts.contains(&self))
    }
}

/// What `key` does in `context`.
pub fn action(context: Context, key: Key) -> Option<Action> {
    context.bindings().flat_map(|binding| binding.keys).find(|(pressed, _)| *pressed == key).map(|(_, action)| *action)
}

/// The table as Markdown, one section of rows after another; rows that work in several places say so once.
pub fn markdown() -> String {
    let mut table = String::from("| where | keys | what |\n|---|---|---|\n");
    for binding in TABLE {
        let keys = binding.keys.iter().map(|(key, _)| format!("`{key}`")).collect::<Vec<_>>().join(" ");
        // Writing to a String cannot fail.
        let _ = writeln!(table, "| {} | {keys} | {} |", places(binding.contexts), binding.description);
    }
    table
}

/// Where a row works, in words.
pub fn places(contexts: &[Context]) -> String {
    if contexts.len() >= Context::COUNT {
        return "anywhere".into();
    }
    if contexts == WATCHING {
        return "watching".into();
    }
    let here = Context::VARIANTS.iter().filter(|context| contexts.contains(context));
    let names = here.map(|context| context.heading().to_lowercase());
    names.collect::<Vec<_>>().join(", ")
}
