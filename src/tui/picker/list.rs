//! The rows of the list and the widths of their columns.

use super::{EntryKind, GAP, NAME_COLUMN, Picker, PresetEntry, WIDE, count_of_runs, listed_time, time_column};
use crate::tui::text::{self, scrub};

/// What a row of the list says.
pub(super) struct ListEntry {
    pub name: String,
    pub title: String,
    pub runs: String,
    /// How long they take.
    pub takes: String,
}

impl ListEntry {
    pub fn of(choice: &PresetEntry) -> Self {
        let name = scrub(&choice.name);
        match &choice.plan {
            Ok(plan) if let EntryKind::Session(session) = &choice.kind => Self {
                name: scrub(&plan.preset),
                title: format!("session of {}: {}", scrub(&session.when), scrub(&session.standing)),
                runs: count_of_runs(plan),
                takes: String::new(),
            },
            Ok(plan) => {
                let takes = listed_time(&scrub(&plan.takes)).to_owned();
                Self { name, title: scrub(&plan.title), runs: count_of_runs(plan), takes }
            }
            Err(_) => Self { name, title: "cannot be read".into(), runs: String::new(), takes: String::new() },
        }
    }
}

/// The widths of the list's columns, without the gap before each; 0 for a column that is left out.
pub(super) struct ListColumns {
    pub name: usize,
    pub title: usize,
    pub runs: usize,
    pub takes: usize,
}

impl ListColumns {
    /// Each column is as wide as its widest entry, the time within a quarter of the row; the title has what is left. Where there
    /// is no room for all, the name stays and the time.
    pub fn of(picker: &Picker, columns: usize) -> Self {
        const CURSOR: usize = 2;
        let entries: Vec<ListEntry> = picker.choices.iter().map(ListEntry::of).collect();
        let widest = |of: fn(&ListEntry) -> &str| entries.iter().map(|entry| text::width(of(entry))).max().unwrap_or(0);
        let (name, runs) = (widest(|entry| &entry.name).min(NAME_COLUMN), widest(|entry| &entry.runs));
        let takes = widest(|entry| &entry.takes).min(time_column(columns));
        let (title, runs) = if columns >= WIDE {
            (columns.saturating_sub(CURSOR + name + GAP + GAP + runs + GAP + takes), runs)
        } else {
            (0, 0)
        };
        let name = if columns >= WIDE { name } else { columns.saturating_sub(CURSOR + GAP + takes) };
        Self { name, title, runs, takes }
    }
}
