//! What comes from the terminal's side: keys, resizes, job control, its end; and its size.

use std::io;

use futures::Stream;

use crate::tui::key::Key;

#[cfg(not(unix))]
pub use elsewhere::Keyboard;
#[cfg(unix)]
pub use unix::{Keyboard, is_in_foreground};

#[derive(Debug)]
pub enum Input {
    /// A key that the dashboard knows.
    Key(Key),
    /// The terminal has another size, or must be drawn again.
    Resize,
    /// The process was asked to end, by this signal.
    Signal(i32),
    /// The process was asked to stop, as by Ctrl-Z.
    Suspend,
    /// It goes on after it was stopped.
    Continue,
    /// The terminal is gone.
    HangUp,
    Failed(io::Error),
}

/// Columns and rows of the terminal; `None` where it does not report them.
pub fn terminal_size() -> Option<(u16, u16)> {
    crossterm::terminal::size().ok()
}

#[cfg(unix)]
mod unix {
    use std::{
        io::{PipeReader, PipeWriter, pipe},
        task::Poll,
        thread,
        time::Duration,
    };

    use futures::stream;
    use nix::unistd::{getpgrp, tcgetpgrp};
    use rustix::{
        event::{PollFd, PollFlags, Timespec, poll},
        stdio::stdin,
    };
    use tokio::{
        signal::unix::{Signal, SignalKind, signal},
        sync::mpsc,
    };

    use super::{Input, Stream, io};
    use crate::{dashboard::decoder::Decoder, terminal::is_gone};

    /// How long after an escape the rest of a key may come.
    const REST_OF_A_KEY: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

    /// How often a process in the background looks whether the terminal is its own again.
    const LOOK_EVERY: Duration = Duration::from_millis(100);

    /// Inputs that may wait for the dashboard.
    const WAITING: usize = 256;

    /// Reads the terminal that standard input is, in a thread of its own, until it is dropped; and hears what changes the terminal.
    #[derive(Debug)]
    pub struct Keyboard {
        read: mpsc::Receiver<Input>,
        resized: Signal,
        suspend: Signal,
        go_on: Signal,
        /// The thread ends when this is closed.
        _held: PipeWriter,
    }

    impl Keyboard {
        /// Begins to read. Needs a runtime.
        ///
        /// # Errors
        /// What the system says when it refuses a signal handler or a thread.
        pub fn listen() -> io::Result<Self> {
            let [resized, suspend, go_on] = [
                SignalKind::window_change(),
                SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()),
                SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()),
            ]
            .map(signal);
            let (sender, read) = mpsc::channel(WAITING);
            let (end, held) = pipe()?;
            thread::Builder::new().name("keyboard".to_owned()).spawn(move || read_keys(&sender, &end))?;
            Ok(Self { read, resized: resized?, suspend: suspend?, go_on: go_on?, _held: held })
        }

        /// What comes from it.
        pub fn inputs(&mut self) -> impl Stream<Item = Input> {
            stream::poll_fn(|context| {
                for (signal, input) in [
                    (&mut self.resized, Input::Resize),
                    (&mut self.suspend, Input::Suspend),
                    (&mut self.go_on, Input::Continue),
                ] {
                    if signal.poll_recv(context) == Poll::Ready(Some(())) {
                        return Poll::Ready(Some(input));
                    }
                }
                self.read.poll_recv(context)
            })
        }
    }

    /// Whether the terminal is this process's to use; a shell may have put it in the background.
    pub fn is_in_foreground() -> bool {
        // Without job control it always is.
        tcgetpgrp(stdin()).map_or(true, |foreground| foreground == getpgrp())
    }

    fn read_keys(sender: &mpsc::Sender<Input>, end: &PipeReader) {
        let mut decoder = Decoder::default();
        let mut bytes = [0; 1024];
        loop {
            let patience = decoder.is_waiting().then_some(&REST_OF_A_KEY);
            let keyboard = stdin();
            let mut ready = [PollFd::new(&keyboard, PollFlags::IN), PollFd::new(end, PollFlags::IN)];
            let found = poll(&mut ready, patience);
            let [typed, ended] = ready.map(|descriptor| !descriptor.revents().is_empty());
            let inputs: Vec<Input> = match found {
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => vec![Input::Failed(error.into())],
                Ok(_) if ended => return,
                Ok(_) if !typed => decoder.end().map(Input::Key).into_iter().collect(),
                // Reading would stop the process.
                Ok(_) if !is_in_foreground() => {
                    thread::sleep(LOOK_EVERY);
                    continue;
                }
                Ok(_) => match rustix::io::read(stdin(), &mut bytes).map_err(io::Error::from) {
                    Ok(0) => vec![Input::HangUp],
                    Ok(count) => decoder.feed(&bytes[..count]).into_iter().map(Input::Key).collect(),
                    Err(error) if is_gone(&error) => vec![Input::HangUp],
                    Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => {
                        continue;
                    }
                    Err(error) => vec![Input::Failed(error)],
                },
            };
            for input in inputs {
                let last = matches!(input, Input::HangUp | Input::Failed(_));
                if sender.blocking_send(input).is_err() || last {
                    return;
                }
            }
        }
    }
}

#[cfg(not(unix))]
mod elsewhere {
    use crossterm::event::{Event, EventStream, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
    use futures::StreamExt as _;

    use super::{Input, Key, Stream, io};

    /// Reads the console.
    #[derive(Debug)]
    pub struct Keyboard(EventStream);

    impl Keyboard {
        /// Begins to read.
        #[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
        pub fn listen() -> io::Result<Self> {
            Ok(Self(EventStream::new()))
        }

        /// What comes from it.
        pub fn inputs(&mut self) -> impl Stream<Item = Input> {
            (&mut self.0).filter_map(|event| async {
                match event {
                    Ok(Event::Key(event)) => key(&event).map(Input::Key),
                    Ok(Event::Resize(..) | Event::FocusGained) => Some(Input::Resize),
                    Ok(_) => None,
                    Err(error) => Some(Input::Failed(error)),
                }
            })
        }
    }

    /// The key of a console event; `None` for releases and for keys that the dashboard has no use for.
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
}
