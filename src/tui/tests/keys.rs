//! The key table: one meaning a key and place, a key for each action, and all of it in the README's table.

use std::collections::HashSet;

use strum::VariantArray;

use crate::tui::{
    key::Key,
    keymap::{
        Action::{self, Change, Move},
        Adjustment, Context,
        Direction::{Down, Left, Right, Up},
        TABLE, action, markdown,
    },
};

/// Every action, and a compiler's refusal when one is missing from the list.
fn every_action() -> Vec<Action> {
    fn listed(action: Action) {
        match action {
            Move(_)
            | Change(_)
            | Action::StartPreset
            | Action::Filter
            | Action::EditCopy
            | Action::OpenSession
            | Action::NextPane
            | Action::PreviousPane
            | Action::Enlarge
            | Action::Shrink
            | Action::TypeValue
            | Action::ToggleScope
            | Action::Pause
            | Action::PauseAll
            | Action::Stop
            | Action::Restart
            | Action::NextKind
            | Action::PreviousKind
            | Action::ToggleGrid
            | Action::CycleX
            | Action::ToggleLogY
            | Action::ToggleLogX
            | Action::Export
            | Action::ExportAs
            | Action::ToPicker
            | Action::Help
            | Action::Accept
            | Action::Cancel
            | Action::Erase
            | Action::Quit
            | Action::Interrupt => {}
        }
    }
    let mut all: Vec<Action> = [Up, Down, Left, Right].map(Move).into();
    all.extend([Adjustment::Raise, Adjustment::Lower].map(Change));
    all.extend([Action::StartPreset, Action::Filter, Action::EditCopy, Action::OpenSession, Action::NextPane]);
    all.extend([Action::PreviousPane, Action::Enlarge, Action::Shrink, Action::TypeValue, Action::ToggleScope]);
    all.extend([Action::Pause, Action::PauseAll, Action::Stop, Action::Restart, Action::CycleX]);
    all.extend([
        Action::ToggleLogY,
        Action::ToggleLogX,
        Action::Export,
        Action::ExportAs,
        Action::ToPicker,
        Action::Help,
    ]);
    all.extend([Action::NextKind, Action::PreviousKind, Action::ToggleGrid]);
    all.extend([Action::Accept, Action::Cancel, Action::Erase, Action::Quit, Action::Interrupt]);
    all.iter().copied().for_each(listed);
    all
}

#[test]
fn no_key_means_two_things_in_one_place() {
    for context in Context::VARIANTS {
        let mut taken = HashSet::new();
        for (key, _) in context.bindings().flat_map(|binding| binding.keys) {
            assert!(taken.insert(*key), "{key} has two meanings in {context:?}");
        }
    }
}

#[test]
fn every_action_has_a_key() {
    for wanted in every_action() {
        let bound = TABLE.iter().flat_map(|binding| binding.keys).any(|(_, action)| *action == wanted);
        assert!(bound, "{wanted:?} has no key");
    }
}

#[test]
fn every_context_can_be_left() {
    for &context in Context::VARIANTS {
        assert_eq!(action(context, Key::Ctrl('c')), Some(Action::Interrupt), "in {context:?}");
    }
}

#[test]
fn every_row_is_in_the_markdown_table() {
    let table = markdown();
    for binding in TABLE {
        assert!(table.contains(binding.description));
    }
    assert!(table.contains("| watching | `space` | pause the selected run, or resume it |"), "{table}");
}
