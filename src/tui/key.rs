//! Keys as the dashboard knows them: a small closed set, read from the terminal's events and from key scripts.
//! A script (`--keys "down down enter"`) names the same keys, so that tests and users press them alike.

use std::{fmt, str::FromStr};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key {
    /// A printable character, shift already applied.
    Char(char),
    /// A letter with Ctrl held.
    Ctrl(char),
    /// Enter, also called return.
    Enter,
    Esc,
    Tab,
    /// The tabulator with shift.
    BackTab,
    Backspace,
    Up,
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
}
