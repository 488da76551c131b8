//! What keys ask for.

use strum::{IntoStaticStr, VariantArray};

/// What a key asks for. Whether it can be had now is [`App::offers`](crate::tui::App::offers)'s to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Action {
    /// Move the cursor of the place where the keys go.
    Move(Arrow),
    /// Something about the session being watched.
    Watch(SessionAction),
    /// Start the preset under the cursor.
    StartPreset,
    /// Narrow the list of presets.
    Filter,
    /// Write the preset's text to a file of one's own.
    EditCopy,
    /// Ask for the directory of a session to replay.
    OpenSession,
    /// Leave a finished session for the list of presets.
    ToPicker,
    /// Find a command by its name.
    Palette,
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
    /// Leave while the runs go on in the background.
    Detach,
    /// Leave as after Ctrl-C; asks once while runs are alive.
    Interrupt,
    /// Stop the process and leave the terminal to the shell.
    Suspend,
}

impl Action {
    /// Its name in the command palette.
    pub fn name(self) -> String {
        let name: &str = match self {
            Self::Watch(action) => action.into(),
            other => other.into(),
        };
        name.replace('-', " ")
    }
}

/// What a key asks for while a session is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum SessionAction {
    /// The next of charts, runs, hyperparameters.
    NextPane,
    /// The one before.
    PreviousPane,
    /// One chart on the whole screen.
    Enlarge,
    /// Back to all charts.
    Shrink,
    /// The hyperparameter under the cursor to the next greater of its usual values.
    Raise,
    /// To the next smaller one.
    Lower,
    /// Type the hyperparameter's value.
    TypeValue,
    /// Whether the next change goes to the selected run or to all that have the hyperparameter.
    ToggleScope,
    /// Pause or resume the selected run.
    Pause,
    /// Pause or resume all runs.
    PauseAll,
    /// End the selected run.
    Stop,
    /// The selected run once more, beside what there is.
    RunAgain,
    /// Another run from the initial weights, beside what there is.
    AddRun,
    /// A run that goes on from where the selected one is.
    Fork,
    /// Take the last change of the selected run back.
    Undo,
    /// Go on with a session that was cut off.
    Resume,
    /// The focused chart shows the next kind of the catalogue.
    NextKind,
    /// The kind before.
    PreviousKind,
    /// Six charts, or four again.
    ToggleGrid,
    /// Another quantity along x.
    CycleX,
    /// The later half of what the charts show along x.
    ZoomIn,
    /// Twice as much along x.
    ZoomOut,
    /// An earlier part of the x axis.
    PanLeft,
    /// A later part of the x axis.
    PanRight,
    /// Logarithmic y, or linear again.
    ToggleLogY,
    /// Logarithmic x, or linear again.
    ToggleLogX,
    /// Take the selected run out of the charts, or show it again.
    Hide,
    /// Show the selected run alone, or all again.
    Solo,
    /// Show the runs that meet a condition, and hide the others.
    FilterRuns,
    /// Compare the others with the selected run.
    SetBaseline,
    /// The table's values at the cost that all runs have spent, or the newest.
    ToggleBasis,
    /// Write the figure as a PNG.
    Export,
    /// Write the charts or their data to a file whose name is typed.
    ExportAs,
}

/// Where a cursor moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, VariantArray)]
pub enum Arrow {
    Up,
    Down,
    Left,
    Right,
}
