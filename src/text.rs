//! Text for people: free of what a terminal acts on, or with it spelled out; the closest of known words; an error with its causes
//! as one line.

use std::{borrow::Cow, error::Error, io};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// Whether a character only shows itself. Others could move a cursor, start an escape sequence, reorder what follows or break a
/// file: controls, bidirectional overrides, zero-width marks and XML's non-characters.
pub fn is_printable(letter: char) -> bool {
    !letter.is_control()
        && !matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{61c}' | '\u{feff}' | '\u{fff9}'..='\u{ffff}')
}

/// The text without the characters that are not [printable](is_printable).
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_printable) { text.into() } else { text.chars().filter(|&c| is_printable(c)).collect() }
}

/// The text with the characters that are not [printable](is_printable) written as escapes, as in `\u{1b}[2J`, so that an error
/// shows what it is about.
pub fn escaped(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_printable) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        if is_printable(letter) {
            shown.push(letter);
        } else {
            shown.extend(letter.escape_default());
        }
    }
    shown.into()
}

/// Writes a value as JSON on one line, its text with the characters that are not [printable](is_printable) as escapes, which read
/// back to the same text.
///
/// # Errors
/// Whatever the writer says.
pub fn write_json(writer: impl io::Write, value: &impl Serialize) -> Result<(), serde_json::Error> {
    value.serialize(&mut Serializer::with_formatter(writer, Escaping))
}

/// JSON as the library writes it, but for what a terminal would act on.
struct Escaping;

impl Formatter for Escaping {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(|letter| !is_printable(letter)) {
            let (shown, hidden) = rest.split_at(at);
            writer.write_all(shown.as_bytes())?;
            let mut letters = hidden.chars();
            if let Some(letter) = letters.next() {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
            rest = letters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}

/// ", did you mean 'x'?" for the closest of `known`, if one is close.
pub fn suggestion<'a>(asked: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let closest =
        known.into_iter().map(|name| (strsim::jaro_winkler(asked, name), name)).max_by(|a, b| a.0.total_cmp(&b.0));
    match closest {
        Some((likeness, name)) if likeness > 0.75 => format!(", did you mean '{name}'?"),
        _ => String::new(),
    }
}

/// An error and its causes, the outermost first: "cannot write a.png: No such file or directory".
pub fn error_chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_survives() {
        assert_eq!(printable("a\u{1b}[31mb\u{202e}c\u{9b}d\n"), "a[31mbcd");
        assert!(matches!(printable("NSO σ"), Cow::Borrowed("NSO σ")));
    }

    #[test]
    fn what_is_not_printable_can_be_seen_when_it_is_escaped() {
        assert_eq!(escaped("fl\u{1b}[2Jex\n"), "fl\\u{1b}[2Jex\\n");
        assert!(matches!(escaped("it's σ"), Cow::Borrowed("it's σ")));
    }

    #[test]
    fn json_escapes_what_is_not_printable_and_reads_back() {
        let text = "σ \u{1b}[2J\u{202e}\u{9b}\u{7f}\n\"\u{feff}";
        let mut json = Vec::new();
        write_json(&mut json, &text).unwrap();
        let json = String::from_utf8(json).unwrap();
        assert_eq!(json, r#""σ \u001b[2J\u202e\u009b\u007f\n\"\ufeff""#);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }

    #[test]
    fn an_error_is_followed_by_its_causes() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot write {path}")]
        struct Outer {
            path: &'static str,
            source: io::Error,
        }
        let error = Outer { path: "a.png", source: io::Error::other("the disk is full") };
        assert_eq!(error_chain(&error), "cannot write a.png: the disk is full");
    }
}
