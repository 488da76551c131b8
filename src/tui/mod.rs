//! The dashboard, in Elm's style: [`App`] is what it shows, [`App::update`] takes a message in and gives effects out,
//! `view` draws it. It starts no thread and opens no file; the room `dashboard` performs the effects.
//!
//! One file per region of the screen: `picker`, `charts` (with `chart` beneath), `runs`, `hyperparameters`,
//! `status`, `help`, `overlay`. `keymap` is the one table of keys, `settings` puts
//! a run's settings into words.

mod app;
mod chart;
mod charts;
mod help;
mod hyperparameters;
pub mod key;
pub mod keymap;
mod message;
mod overlay;
mod palette;
mod picker;
pub mod print;
mod runs;
mod session;
mod settings;
mod status;
mod text;
mod theme;
pub mod view;

#[cfg(test)]
pub(crate) mod tests;

pub use app::App;
pub use message::{
    Effect, Ending, ExportRequest, InitialScreen, LeftSession, Msg, Naming, Origin, Recording, RunRequest, SetValue,
    Setup, Suspension, Writer,
};
pub use picker::{EntryKind, PastSession, PresetEntry};
pub use theme::{Appearance, Colours, Glyphs};
pub use view::{ROOMY, SMALLEST};
