//! The one key table. Dispatch, the help overlay, the bottom line and the README's table are all read from it,
//! so that a key that works is a key that is shown.

use std::fmt::Write as _;

use super::key::Key;

/// What a key asks for. Whether it can be had now is [`App::offers`](super::app::App::offers)'s to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Move the cursor of the place where the keys go.
    Move(Direction),
    /// Start the preset under the cursor.
    StartPreset,
    /// Narrow the list of presets.
    Filter,
    /// Write the preset's text to a file of one's own.
    EditCopy,
    /// Ask for the directory of a session to replay.
    OpenSession,
    /// The next of charts, runs, knobs.
    NextPane,
    /// The one before.
    PreviousPane,
    /// One chart on the whole screen.
    Enlarge,
    /// Back to all charts.
    Shrink,
    /// Turn the knob under the cursor.
    Change(Turn),
    /// Type the knob's value.
    TypeValue,
    /// Whether the next change goes to the selected run or to all that have the knob.
    ToggleScope,
    /// Pause or resume the selected run.
    Pause,
    /// Pause or resume all runs.
    PauseAll,
    /// End the selected run.
    Stop,
    /// Begin the selected run again.
    Restart,
    /// The focused chart shows the next kind of the catalogue.
    NextKind,
    /// The kind before.
    PreviousKind,
    /// Six charts, or four again.
    ToggleGrid,
    /// Another quantity along x.
    CycleX,
    /// Logarithmic y, or linear again.
    ToggleLogY,
    /// Logarithmic x, or linear again.
    ToggleLogX,
    /// Write the figure as a PNG.
    Export,
    /// Write the charts or their data to a file whose name is typed.
    ExportAs,
    /// Leave a finished session for the list of presets.
    ToPicker,
    /// Show all keys, or hide them.
    Help,
    /// Say yes, or take what was typed.
    Accept,
    /// Say no, or leave what was typed.
    Cancel,
    /// Take back the last character typed.
    Erase,
    /// Leave; asks while runs are alive.
    Quit,
    /// Leave as after Ctrl-C; asks once while runs are alive.
    Interrupt,
}

/// Where a cursor moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Towards the top.
    Up,
    /// Towards the bottom.
    Down,
    /// Towards the left.
    Left,
    /// Towards the right.
    Right,
}

/// Which way a knob turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Turn {
    /// To the next greater value of its ladder.
    Raise,
    /// To the next smaller one.
    Lower,
}

/// Where the keys go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
    /// The knobs of the selected run.
    Knobs,
    /// A line being typed: a value or a path.
    Prompt,
    /// A question.
    Question,
    /// The help overlay.
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

use Action::{Change, Move};
use Context::{Chart, Charts, Filter, Help, Knobs, Opening, Picker, Prompt, Question, Runs};
use Direction::{Down, Left, Right, Up};

const WATCH: &[Context] = &[Charts, Chart, Runs, Knobs];
const ROWS: &[(Key, Action)] =
    &[(Key::Up, Move(Up)), (Key::Down, Move(Down)), (Key::Char('k'), Move(Up)), (Key::Char('j'), Move(Down))];
const COLUMNS: &[(Key, Action)] =
    &[(Key::Left, Move(Left)), (Key::Right, Move(Right)), (Key::Char('h'), Move(Left)), (Key::Char('l'), Move(Right))];
const ALL_WAYS: &[(Key, Action)] = &[
    (Key::Left, Move(Left)),
    (Key::Down, Move(Down)),
    (Key::Up, Move(Up)),
    (Key::Right, Move(Right)),
    (Key::Char('h'), Move(Left)),
    (Key::Char('j'), Move(Down)),
    (Key::Char('k'), Move(Up)),
    (Key::Char('l'), Move(Right)),
];

/// The table, in the order in which the bottom line and help show it.
pub const TABLE: &[Binding] = &[
    row(ROWS, 2, &[Picker], ("choose", "choose a preset")),
    row(&[(Key::Up, Move(Up)), (Key::Down, Move(Down))], 2, &[Filter], ("choose", "choose among what is left")),
    row(&[(Key::Enter, Action::StartPreset)], 1, &[Picker, Filter], ("start", "start the preset under the cursor")),
    row(&[(Key::Char('/'), Action::Filter)], 1, &[Picker], ("filter", "narrow the list by typing")),
    row(
        &[(Key::Char('e'), Action::EditCopy)],
        1,
        &[Picker],
        ("edit a copy", "write the preset to a file here, to change it"),
    ),
    row(
        &[(Key::Char('o'), Action::OpenSession)],
        1,
        &[Picker],
        ("open a finished session", "replay a session from its directory"),
    ),
    row(&[(Key::Esc, Action::Cancel)], 1, &[Filter], ("clear", "clear the filter")),
    row(ALL_WAYS, 4, &[Charts], ("chart", "choose a chart")),
    row(ROWS, 2, &[Chart], ("run", "choose the run that knobs and commands go to")),
    row(COLUMNS, 2, &[Chart], ("chart", "the chart before or after")),
    row(ROWS, 2, &[Runs], ("run", "choose the run that knobs and commands go to")),
    row(COLUMNS, 2, &[Runs], ("knob", "choose a knob of the selected run")),
    row(ROWS, 2, &[Knobs], ("knob", "choose a knob")),
    row(COLUMNS, 2, &[Knobs], ("run", "the run before or after")),
    row(
        &[(Key::Char('+'), Change(Turn::Raise)), (Key::Char('-'), Change(Turn::Lower))],
        2,
        WATCH,
        ("change", "turn the knob under the cursor one notch up or down, between two steps of training"),
    ),
    row(&[(Key::Esc, Action::Shrink), (Key::Enter, Action::Shrink)], 1, &[Chart], ("back", "show all charts again")),
    row(
        &[(Key::Tab, Action::NextPane)],
        1,
        &[Charts, Runs, Knobs],
        ("pane", "go to the next of charts, runs and knobs"),
    ),
    row(&[(Key::BackTab, Action::PreviousPane)], 0, &[Charts, Runs, Knobs], ("pane back", "go to the pane before")),
    row(
        &[(Key::Char('a'), Action::ToggleScope)],
        1,
        WATCH,
        ("all", "changes go to all runs that have the knob, or to the selected run alone"),
    ),
    row(&[(Key::Char(' '), Action::Pause)], 1, WATCH, ("pause", "pause the selected run, or resume it")),
    row(&[(Key::Char('p'), Action::PauseAll)], 0, WATCH, ("pause all", "pause all runs, or resume them")),
    row(
        &[(Key::Char('['), Action::PreviousKind), (Key::Char(']'), Action::NextKind)],
        2,
        WATCH,
        ("kind", "change what the focused chart shows, one kind back or on"),
    ),
    row(
        &[(Key::Enter, Action::Enlarge)],
        1,
        &[Charts, Runs, Knobs],
        ("full screen", "show the focused chart on the whole screen"),
    ),
    row(
        &[(Key::Char('x'), Action::CycleX)],
        1,
        WATCH,
        ("axis", "count x in gradient evaluations, steps, epochs or seconds"),
    ),
    row(
        &[(Key::Char('e'), Action::Export)],
        1,
        WATCH,
        ("export", "write the charts as a PNG beside the session's log"),
    ),
    row(
        &[(Key::Char('y'), Action::ToggleLogY)],
        1,
        WATCH,
        ("log", "logarithmic y on the focused chart, or linear again"),
    ),
    row(
        &[(Key::Char('g'), Action::ToggleGrid)],
        1,
        &[Charts, Runs, Knobs],
        ("six charts", "show six charts, or four again"),
    ),
    row(&[(Key::Char('Y'), Action::ToggleLogX)], 0, WATCH, ("log x", "logarithmic x, or linear again")),
    row(
        &[(Key::Char('E'), Action::ExportAs)],
        0,
        WATCH,
        ("export as", "export to a file whose name you type: .png .svg .csv .jsonl"),
    ),
    row(&[(Key::Char('b'), Action::ToPicker)], 1, WATCH, ("presets", "back to the presets, once no run is alive")),
    row(&[(Key::Char('='), Action::TypeValue)], 1, WATCH, ("type", "type the knob's value")),
    row(&[(Key::Char('s'), Action::Stop)], 1, WATCH, ("stop", "end the selected run and keep what there is; asks")),
    row(
        &[(Key::Char('r'), Action::Restart)],
        1,
        WATCH,
        ("restart", "begin the selected run again from its initial weights"),
    ),
    row(&[(Key::Enter, Action::Accept)], 1, &[Prompt], ("accept", "take what was typed")),
    row(&[(Key::Esc, Action::Cancel)], 1, &[Prompt], ("cancel", "leave things as they are")),
    row(&[(Key::Backspace, Action::Erase)], 0, &[Prompt, Filter], ("erase", "take back the last character")),
    row(&[(Key::Char('y'), Action::Accept)], 1, &[Question], ("yes", "do it")),
    row(
        &[(Key::Char('n'), Action::Cancel), (Key::Esc, Action::Cancel)],
        1,
        &[Question],
        ("no", "leave things as they are"),
    ),
    row(
        &[
            (Key::Esc, Action::Help),
            (Key::Char('?'), Action::Help),
            (Key::Enter, Action::Help),
            (Key::Char('q'), Action::Help),
        ],
        1,
        &[Help],
        ("close", "close this help"),
    ),
    row(&[(Key::Char('?'), Action::Help)], 1, &[Picker, Charts, Chart, Runs, Knobs], ("help", "show all keys")),
    row(
        &[(Key::Char('q'), Action::Quit)],
        1,
        &[Picker, Charts, Chart, Runs, Knobs, Opening],
        ("quit", "leave; asks while runs are alive"),
    ),
    row(
        &[(Key::Ctrl('c'), Action::Interrupt)],
        0,
        &[Picker, Filter, Charts, Chart, Runs, Knobs, Prompt, Question, Help, Opening],
        ("interrupt", "leave with exit code 130; while runs are alive it asks, and a second ctrl-c means yes"),
    ),
];

const fn row(
    keys: &'static [(Key, Action)],
    shown: usize,
    contexts: &'static [Context],
    (label, description): (&'static str, &'static str),
) -> Binding {
    Binding { keys, shown, contexts, label, description }
}

impl Context {
    /// Every context, with the heading of its section in help and README.
    pub const ALL: [(Self, &'static str); 10] = [
        (Picker, "Presets"),
        (Filter, "Filter"),
        (Charts, "Charts"),
        (Chart, "One chart"),
        (Runs, "Runs"),
        (Knobs, "Knobs"),
        (Prompt, "Typing a value or a path"),
        (Question, "A question"),
        (Help, "Help"),
        (Opening, "Reading a session"),
    ];

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
    if contexts.len() >= Context::ALL.len() {
        return "anywhere".into();
    }
    if contexts == WATCH {
        return "watching".into();
    }
    let names =
        Context::ALL.iter().filter(|(context, _)| contexts.contains(context)).map(|(_, name)| name.to_lowercase());
    names.collect::<Vec<_>>().join(", ")
}
