//! Keys as the dashboard knows them: a small closed set, read from crossterm's events and from key scripts.
//! A script (`--keys "down down enter"`) names the same keys, so that tests and users press them alike.

use std::{fmt, str::FromStr};

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// One key press.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key {
    /// A printable character, shift already applied.
    Char(char),
    /// A letter with Ctrl held.
    Ctrl(char),
    /// Enter, also called return.
    Enter,
    /// Escape.
    Esc,
    /// The tabulator.
    Tab,
    /// The tabulator with shift.
    BackTab,
    /// Backspace.
    Backspace,
    /// The arrow up.
    Up,
    /// The arrow down.
    Down,
    /// The arrow to the left.
    Left,
    /// The arrow to the right.
    Right,
}

/// The keys that have names, as scripts and the README spell them.
const NAMES: [(&str, Key); 10] = [
    ("enter", Key::Enter),
    ("esc", Key::Esc),
    ("tab", Key::Tab),
    ("shift-tab", Key::BackTab),
    ("backspace", Key::Backspace),
    ("up", Key::Up),
    ("down", Key::Down),
    ("left", Key::Left),
    ("right", Key::Right),
    ("space", Key::Char(' ')),
];

/// A word in a key script that names no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown key \"{word}\" in the key script: use single characters, ctrl- and a letter, or one of {names}",
    names = NAMES.map(|(name, _)| name).join(" ")
)]
pub struct UnknownKey {
    /// The word, free of control characters.
    pub word: String,
}

impl Key {
    /// The key of a terminal event; `None` for releases and for keys that the dashboard has no use for.
    pub fn from_event(event: &KeyEvent) -> Option<Self> {
        if event.kind == KeyEventKind::Release {
            return None;
        }
        let held = event.modifiers.difference(KeyModifiers::SHIFT);
        match event.code {
            KeyCode::Char(letter) if held == KeyModifiers::CONTROL => Some(Self::Ctrl(letter.to_ascii_lowercase())),
            _ if !held.is_empty() => None,
            KeyCode::Char(letter) if !letter.is_control() => Some(Self::Char(letter)),
            KeyCode::Enter => Some(Self::Enter),
            KeyCode::Esc => Some(Self::Esc),
            KeyCode::Tab if event.modifiers.contains(KeyModifiers::SHIFT) => Some(Self::BackTab),
            KeyCode::Tab => Some(Self::Tab),
            KeyCode::BackTab => Some(Self::BackTab),
            KeyCode::Backspace => Some(Self::Backspace),
            KeyCode::Up => Some(Self::Up),
            KeyCode::Down => Some(Self::Down),
            KeyCode::Left => Some(Self::Left),
            KeyCode::Right => Some(Self::Right),
            _ => None,
        }
    }

    /// How the bottom line shows the key: arrows as arrows, everything else by name.
    pub fn symbol(self) -> String {
        match self {
            Self::Up => "↑".into(),
            Self::Down => "↓".into(),
            Self::Left => "←".into(),
            Self::Right => "→".into(),
            other => other.to_string(),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (NAMES.iter().find(|(_, key)| key == self), self) {
            (Some((name, _)), _) => f.write_str(name),
            (None, Self::Ctrl(letter)) => write!(f, "ctrl-{letter}"),
            (None, Self::Char(letter)) => write!(f, "{letter}"),
            (None, _) => Err(fmt::Error),
        }
    }
}

impl FromStr for Key {
    type Err = UnknownKey;

    fn from_str(word: &str) -> Result<Self, UnknownKey> {
        if let Some((_, key)) = NAMES.iter().find(|(name, _)| *name == word) {
            return Ok(*key);
        }
        let only = |text: &str| {
            let mut letters = text.chars();
            letters.next().filter(|letter| letters.next().is_none() && !letter.is_control())
        };
        only(word)
            .map(Self::Char)
            .or_else(|| word.strip_prefix("ctrl-").and_then(only).map(Self::Ctrl))
            .ok_or_else(|| UnknownKey { word: super::text::scrub(word) })
    }
}

/// The keys of a script: words apart by white space.
///
/// # Errors
/// [`UnknownKey`] names the first word that is no key.
pub fn parse_script(script: &str) -> Result<Vec<Key>, UnknownKey> {
    script.split_whitespace().map(str::parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_key_reads_back_from_its_name() {
        for (name, key) in NAMES {
            assert_eq!(name.parse(), Ok(key));
            assert_eq!(key.to_string(), name);
        }
    }

    #[test]
    fn a_script_mixes_names_and_characters() {
        assert_eq!(
            parse_script("down  + Y ctrl-c"),
            Ok(vec![Key::Down, Key::Char('+'), Key::Char('Y'), Key::Ctrl('c')])
        );
        assert_eq!(parse_script("down dwon"), Err(UnknownKey { word: "dwon".into() }));
    }

    #[test]
    fn releases_and_alt_chords_are_not_key_presses() {
        let alt = KeyEvent::new(KeyCode::Char('q'), KeyModifiers::ALT);
        let mut release = KeyEvent::new(KeyCode::Char('q'), KeyModifiers::NONE);
        release.kind = KeyEventKind::Release;
        assert_eq!(Key::from_event(&alt), None);
        assert_eq!(Key::from_event(&release), None);
        let shifted = KeyEvent::new(KeyCode::Char('Y'), KeyModifiers::SHIFT);
        assert_eq!(Key::from_event(&shifted), Some(Key::Char('Y')));
    }
}
