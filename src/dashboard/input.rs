//! What comes from the terminal's side: keys, resizes, signals, and the terminal's size.

use std::io;

use crossterm::event::{Event, EventStream, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use futures::{Stream, StreamExt, stream};

use crate::tui::key::Key;

#[derive(Debug)]
pub enum Input {
    /// A key that the dashboard knows.
    Key(Key),
    /// The terminal has another size, or must be drawn again.
    Resize,
    /// The process was asked to end, by this signal.
    Signal(i32),
    Failed(io::Error),
}

/// Columns and rows of the terminal; `None` where it does not report them.
pub fn terminal_size() -> Option<(u16, u16)> {
    crossterm::terminal::size().ok()
}

/// Keys, resizes and signals as one stream.
///
/// # Errors
/// What the system says when it refuses a signal handler.
pub fn inputs() -> io::Result<impl Stream<Item = Input>> {
    let keys = EventStream::new().filter_map(|event| async {
        match event {
            Ok(Event::Key(event)) => key(&event).map(Input::Key),
            Ok(Event::Resize(..) | Event::FocusGained) => Some(Input::Resize),
            Ok(_) => None,
            Err(error) => Some(Input::Failed(error)),
        }
    });
    Ok(stream::select(keys, signals()?.map(Input::Signal)))
}

/// The key of a terminal event; `None` for releases and for keys that the dashboard has no use for.
fn key(event: &KeyEvent) -> Option<Key> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    let held = event.modifiers.difference(KeyModifiers::SHIFT);
    match event.code {
        KeyCode::Char(letter) if held == KeyModifiers::CONTROL => Some(Key::Ctrl(letter.to_ascii_lowercase())),
        _ if !held.is_empty() => None,
        KeyCode::Char(letter) if !letter.is_control() => Some(Key::Char(letter)),
        KeyCode::Enter => Some(Key::Enter),
        KeyCode::Esc => Some(Key::Esc),
        KeyCode::Tab if event.modifiers.contains(KeyModifiers::SHIFT) => Some(Key::BackTab),
        KeyCode::Tab => Some(Key::Tab),
        KeyCode::BackTab => Some(Key::BackTab),
        KeyCode::Backspace => Some(Key::Backspace),
        KeyCode::Up => Some(Key::Up),
        KeyCode::Down => Some(Key::Down),
        KeyCode::Left => Some(Key::Left),
        KeyCode::Right => Some(Key::Right),
        _ => None,
    }
}

/// Signals that ask the process to end, by number.
///
/// # Errors
/// What the system says when it refuses a signal handler.
#[cfg(unix)]
pub fn signals() -> io::Result<impl Stream<Item = i32>> {
    use tokio::signal::unix::{Signal, SignalKind, signal};

    let each = |kind: SignalKind| {
        let arrivals = move |mut signal: Signal| async move {
            signal.recv().await?;
            Some((kind.as_raw_value(), signal))
        };
        signal(kind).map(|signal| stream::unfold(signal, arrivals))
    };
    let interrupts = each(SignalKind::interrupt())?;
    let requests = stream::select(each(SignalKind::terminate())?, each(SignalKind::hangup())?);
    Ok(stream::select(interrupts, requests))
}

/// Signals that ask the process to end, by number: Ctrl-C comes as a key.
#[cfg(not(unix))]
pub fn signals() -> io::Result<impl Stream<Item = i32>> {
    Ok(stream::pending())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_and_alt_chords_are_not_key_presses() {
        let alt = KeyEvent::new(KeyCode::Char('q'), KeyModifiers::ALT);
        let mut release = KeyEvent::new(KeyCode::Char('q'), KeyModifiers::NONE);
        release.kind = KeyEventKind::Release;
        assert_eq!(key(&alt), None);
        assert_eq!(key(&release), None);
        let shifted = KeyEvent::new(KeyCode::Char('Y'), KeyModifiers::SHIFT);
        assert_eq!(key(&shifted), Some(Key::Char('Y')));
    }
}
