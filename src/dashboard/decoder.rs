//! Keys from the bytes that a terminal sends. The library that draws could read them too, but never ends reading a terminal that is
//! gone, and loses a key that comes together with a change of size.

use crate::tui::key::Key;

/// Makes keys of bytes; a key may come in several reads.
#[derive(Debug, Default)]
pub struct Decoder {
    /// The beginning of a key whose end has not come.
    pending: Vec<u8>,
}

/// What stands at the beginning of some bytes.
enum Found {
    /// So many bytes, and their key if the dashboard has a use for it.
    Whole(usize, Option<Key>),
    Incomplete,
}

const ESCAPE: u8 = 0x1b;

impl Decoder {
    /// The keys that these bytes complete.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Key> {
        self.pending.extend_from_slice(bytes);
        let mut keys = Vec::new();
        let mut used = 0;
        while let Some(rest) = self.pending.get(used..).filter(|rest| !rest.is_empty()) {
            match first(rest) {
                Found::Whole(length, key) => {
                    used += length;
                    keys.extend(key);
                }
                Found::Incomplete => break,
            }
        }
        self.pending.drain(..used);
        keys
    }

    /// Whether a key has begun whose end has not come.
    pub fn is_waiting(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Nothing more came for a while: an escape alone is the key of that name, and any other beginning is dropped.
    pub fn end(&mut self) -> Option<Key> {
        let pending = std::mem::take(&mut self.pending);
        (pending == [ESCAPE]).then_some(Key::Esc)
    }
}

fn first(bytes: &[u8]) -> Found {
    match *bytes {
        [ESCAPE, ref rest @ ..] => escape_sequence(rest),
        [b'\r', ..] => Found::Whole(1, Some(Key::Enter)),
        [b'\t', ..] => Found::Whole(1, Some(Key::Tab)),
        [0x7f, ..] => Found::Whole(1, Some(Key::Backspace)),
        [control @ 1..=26, ..] => Found::Whole(1, Some(Key::Ctrl(char::from(control - 1 + b'a')))),
        _ => letter(bytes),
    }
}

/// What follows an escape.
fn escape_sequence(rest: &[u8]) -> Found {
    match *rest {
        [] | [b'O'] => Found::Incomplete,
        // The first of two escapes is the key.
        [ESCAPE, ..] => Found::Whole(1, Some(Key::Esc)),
        [b'[', ref rest @ ..] => control_sequence(rest),
        [b'O', last, ..] => Found::Whole(3, if last == b'M' { Some(Key::Enter) } else { arrow(last) }),
        // A control string (OSC, DCS) without a request: it ends with a bell, or with an escape and a backslash.
        [b']' | b'P' | b'_' | b'^', ref string @ ..] => {
            let bell = string.iter().position(|&byte| byte == 0x07).map(|at| at + 1);
            let backslash = string.windows(2).position(|pair| pair == [ESCAPE, b'\\']).map(|at| at + 2);
            bell.into_iter().chain(backslash).min().map_or(Found::Incomplete, |end| Found::Whole(2 + end, None))
        }
        // A letter with Alt.
        _ => match letter(rest) {
            Found::Whole(length, _) => Found::Whole(1 + length, None),
            Found::Incomplete => Found::Incomplete,
        },
    }
}

/// What follows an escape and a bracket: parameters, intermediate bytes, and the last byte, which names the key.
fn control_sequence(rest: &[u8]) -> Found {
    // The Linux console's function keys have a second bracket.
    if let [b'[', ..] = rest {
        return if rest.len() > 1 { Found::Whole(4, None) } else { Found::Incomplete };
    }
    let Some(end) = rest.iter().position(|byte| !(0x20..=0x3f).contains(byte)) else { return Found::Incomplete };
    if !(0x40..=0x7e).contains(&rest[end]) {
        // Broken off by what begins here.
        return Found::Whole(2 + end, None);
    }
    let parameters = String::from_utf8_lossy(&rest[..end]);
    // Of the modifiers, shift alone leaves a key what it is.
    let plain = matches!(parameters.as_ref(), "" | "1" | "1;1" | "1;2");
    let key = match rest[end] {
        b'Z' => Some(Key::BackTab),
        last if plain => arrow(last),
        _ => None,
    };
    Found::Whole(3 + end, key)
}

fn arrow(last: u8) -> Option<Key> {
    match last {
        b'A' => Some(Key::Up),
        b'B' => Some(Key::Down),
        b'C' => Some(Key::Right),
        b'D' => Some(Key::Left),
        _ => None,
    }
}

/// A letter in UTF-8; what is no text is left out, byte by byte.
fn letter(bytes: &[u8]) -> Found {
    let some = &bytes[..bytes.len().min(4)];
    let valid = match std::str::from_utf8(some) {
        Ok(text) => text,
        Err(error) if error.valid_up_to() > 0 => std::str::from_utf8(&some[..error.valid_up_to()]).unwrap_or_default(),
        Err(error) if error.error_len().is_none() => return Found::Incomplete,
        Err(_) => "",
    };
    match valid.chars().next() {
        Some(letter) => Found::Whole(letter.len_utf8(), Some(letter).filter(|c| !c.is_control()).map(Key::Char)),
        None => Found::Whole(1, None),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let mut decoder = Decoder::default();
        let mut keys = decoder.feed(bytes);
        keys.extend(decoder.end());
        keys
    }

    #[test]
    fn keys_are_known_in_each_of_their_spellings() {
        assert_eq!(
            keys(b"q\r\t\x7f\x03\x1a"),
            [Key::Char('q'), Key::Enter, Key::Tab, Key::Backspace, Key::Ctrl('c'), Key::Ctrl('z')]
        );
        assert_eq!(
            keys(b"\x1b[A\x1bOB\x1b[1;2C\x1b[D\x1b[Z"),
            [Key::Up, Key::Down, Key::Right, Key::Left, Key::BackTab]
        );
        assert_eq!(keys("σé∇".as_bytes()), ['σ', 'é', '∇'].map(Key::Char));
    }

    #[test]
    fn an_escape_alone_is_a_key_and_one_before_a_letter_is_alt() {
        assert_eq!(keys(b"\x1b"), [Key::Esc]);
        assert_eq!(keys(b"\x1b\x1b"), [Key::Esc, Key::Esc]);
        assert_eq!(keys(b"\x1bqj"), [Key::Char('j')]);
    }

    #[test]
    fn what_the_dashboard_has_no_use_for_leaves_the_next_key_whole() {
        for noise in
            ["\x1b[5~", "\x1b[1;5A", "\x1b[[A", "\x1b[12;40R", "\x1b]11;rgb:0/0/0\x07", "\x1bP1+r\x1b\\", "\u{9b}"]
        {
            assert_eq!(keys(format!("{noise}q").as_bytes()), [Key::Char('q')], "{noise:?}");
        }
        assert_eq!(keys(b"\xff\xc3q"), [Key::Char('q')], "bytes that are no text");
        assert_eq!(keys(b"\x1b[1\x1b[B"), [Key::Down], "a sequence broken off by another");
    }

    proptest! {
        #[test]
        fn keys_are_the_same_in_whatever_pieces_they_come(
            bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(ESCAPE), Just(b'[')], 0..40),
            cut in 0usize..40,
        ) {
            let cut = cut.min(bytes.len());
            let mut decoder = Decoder::default();
            let mut pieces = decoder.feed(&bytes[..cut]);
            pieces.extend(decoder.feed(&bytes[cut..]));
            pieces.extend(decoder.end());
            prop_assert_eq!(pieces, keys(&bytes));
        }
    }
}
