//! The key table: one meaning a key and place, a key for each action, and all of it in the README's table.

use std::collections::HashSet;

use strum::VariantArray;

use crate::tui::{
    key::Key,
    keymap::{Action, Arrow, Context, SessionAction, TABLE, action, markdown},
};

/// Every action. The compiler refuses one that is missing here.
fn every_action() -> Vec<Action> {
    use Action::{
        Accept, Cancel, Detach, EditCopy, Erase, Filter, Help, Interrupt, Move, OpenSession, Palette, Quit,
        StartPreset, Suspend, ToPicker, Watch,
    };

    let others = [
        StartPreset,
        Filter,
        EditCopy,
        OpenSession,
        ToPicker,
        Palette,
        Help,
        Accept,
        Cancel,
        Erase,
        Quit,
        Detach,
        Interrupt,
        Suspend,
    ];
    let is_listed = |action: &Action| match action {
        Move(_) | Watch(_) => false,
        StartPreset | Filter | EditCopy | OpenSession | ToPicker | Palette | Help | Accept | Cancel | Erase | Quit
        | Detach | Interrupt | Suspend => true,
    };
    assert!(others.iter().all(is_listed));
    let moves = Arrow::VARIANTS.iter().copied().map(Move);
    moves.chain(SessionAction::VARIANTS.iter().copied().map(Watch)).chain(others).collect()
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
