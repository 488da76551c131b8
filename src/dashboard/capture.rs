//! Keeps off the screen what libraries print to standard output and error while the dashboard draws: LibTorch and other C
//! code write to the descriptors themselves. One thread reads it, so that printing never waits.

use std::{
    collections::VecDeque,
    io::{BufRead, Read},
};

#[cfg(not(unix))]
pub use elsewhere::{Capture, Streams};
#[cfg(unix)]
pub use unix::{Capture, Streams};

use crate::text::printable;

/// Lines that are kept to be shown afterwards.
const KEPT: usize = 20;
/// Longest piece of a line that is kept in one.
const LONGEST: u64 = 4096;

/// What was printed, to be shown after the dashboard.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// The last lines, free of what terminals act on.
    last: VecDeque<String>,
    /// All lines.
    count: usize,
}

impl Captured {
    /// Reads to the end. Each line goes to the log as it comes.
    fn read(mut source: impl BufRead) -> Self {
        let mut captured = Self::default();
        let mut line = Vec::new();
        loop {
            line.clear();
            match (&mut source).take(LONGEST).read_until(b'\n', &mut line) {
                Ok(1..) => captured.keep(&line),
                Ok(0) | Err(_) => return captured,
            }
        }
    }

    fn keep(&mut self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        let text = printable(text.trim_end()).into_owned();
        if text.is_empty() {
            return;
        }
        tracing::info!("printed: {text}");
        self.count += 1;
        self.last.push_back(text);
        if self.last.len() > KEPT {
            self.last.pop_front();
        }
    }

    /// What is to be said once the terminal is given back; nothing where there is a log, which has it.
    pub fn report(&self) -> String {
        if self.count == 0 || tracing::dispatcher::has_been_set() {
            return String::new();
        }
        let kept = self.last.len();
        let all = if kept == self.count { String::new() } else { format!(", the last {kept} of {} lines", self.count) };
        let lines: Vec<&str> = self.last.iter().map(String::as_str).collect();
        format!("printed while the dashboard was shown{all} (--log FILE keeps all):\n  {}\n", lines.join("\n  "))
    }
}

#[cfg(unix)]
mod unix {
    use std::{
        fs::File,
        io::{self, BufReader, IsTerminal, PipeWriter, Write, pipe},
        os::fd::{AsFd, OwnedFd},
        sync::{
            Arc,
            mpsc::{Receiver, channel},
        },
        thread,
        time::Duration,
    };

    use rustix::stdio::{dup2_stderr, dup2_stdout};

    use super::Captured;

    /// Longest wait for the end of what was printed: a child process may hold the pipe open.
    const LONGEST_WAIT: Duration = Duration::from_millis(500);

    /// The terminal that standard output was.
    pub type Screen = File;

    /// What standard output and error were.
    #[derive(Debug)]
    pub struct Streams {
        output: OwnedFd,
        /// `None` where standard error is no terminal: it is redirected already.
        error: Option<OwnedFd>,
    }

    impl Streams {
        fn divert(&self, sink: &PipeWriter) -> io::Result<()> {
            dup2_stdout(sink)?;
            if self.error.is_some() {
                dup2_stderr(sink)?;
            }
            Ok(())
        }

        /// The terminal, to draw on.
        ///
        /// # Errors
        /// What the system says.
        pub fn screen(&self) -> io::Result<Screen> {
            Ok(self.output.try_clone()?.into())
        }

        /// Drops what the terminal has not taken yet.
        pub fn discard(&self) {
            let _ = rustix::termios::tcflush(&self.output, rustix::termios::QueueSelector::OFlush);
        }

        /// Makes standard output and error what they were, also a second time. Errors cannot be reported.
        pub fn restore(&self) {
            let _ = io::stdout().flush();
            let _ = dup2_stdout(&self.output);
            if let Some(error) = &self.error {
                let _ = dup2_stderr(error);
            }
        }
    }

    /// Holds standard output and error diverted.
    #[derive(Debug)]
    pub struct Capture {
        streams: Arc<Streams>,
        captured: Receiver<Captured>,
    }

    impl Capture {
        /// Diverts what is printed from here on; but not where the size of the terminal can be had from standard output alone.
        ///
        /// # Errors
        /// What the system says; nothing is diverted then.
        pub fn begin() -> io::Result<Self> {
            io::stdout().flush()?;
            let error = io::stderr();
            let error = if error.is_terminal() { Some(error.as_fd().try_clone_to_owned()?) } else { None };
            let streams = Streams { output: io::stdout().as_fd().try_clone_to_owned()?, error };
            let (sender, captured) = channel();
            if File::open("/dev/tty").is_ok() {
                let (source, sink) = pipe()?;
                let read = move || {
                    // The receiver may have stopped waiting.
                    let _ = sender.send(Captured::read(BufReader::new(source)));
                };
                thread::Builder::new().name("printed".to_owned()).spawn(read)?;
                streams.divert(&sink).inspect_err(|_| streams.restore())?;
            }
            Ok(Self { streams: Arc::new(streams), captured })
        }

        /// What standard output and error were.
        pub fn streams(&self) -> &Arc<Streams> {
            &self.streams
        }

        /// Ends the diversion: what was printed in between.
        pub fn end(&self) -> Captured {
            self.streams.restore();
            self.captured.recv_timeout(LONGEST_WAIT).unwrap_or_default()
        }
    }
}

#[cfg(not(unix))]
mod elsewhere {
    use std::{io, sync::Arc};

    use super::Captured;

    /// The terminal that standard output is.
    pub type Screen = io::Stdout;

    /// Standard output and error, which stay what they are.
    #[derive(Debug)]
    pub struct Streams;

    impl Streams {
        /// The terminal, to draw on.
        #[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
        pub fn screen(&self) -> io::Result<Screen> {
            Ok(io::stdout())
        }

        /// Does nothing.
        pub fn discard(&self) {}

        /// Does nothing.
        pub fn restore(&self) {}
    }

    /// Diverts nothing.
    #[derive(Debug)]
    pub struct Capture(Arc<Streams>);

    impl Capture {
        /// Does nothing.
        #[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
        pub fn begin() -> io::Result<Self> {
            Ok(Self(Arc::new(Streams)))
        }

        /// What standard output and error are.
        pub fn streams(&self) -> &Arc<Streams> {
            &self.0
        }

        /// Nothing was printed that the screen does not show.
        pub fn end(&self) -> Captured {
            Captured::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_without_what_terminals_act_on() {
        let printed: Vec<String> = (1..=30).map(|line| format!("\u{1b}[31mline {line}\r\n\n")).collect();
        let captured = Captured::read(printed.concat().as_bytes());
        assert_eq!((captured.count, captured.last.len()), (30, 20));
        assert_eq!((captured.last[0].as_str(), captured.last[19].as_str()), ("[31mline 11", "[31mline 30"));
    }

    #[test]
    fn a_line_without_end_is_kept_in_pieces() {
        let captured = Captured::read(vec![b'x'; 10_000].as_slice());
        assert_eq!(captured.last.iter().map(String::len).collect::<Vec<_>>(), [4096, 4096, 1808]);
        assert_eq!(Captured::read(&b"\xffno \xfetext\n"[..]).last, ["no text"], "what is no text is left out");
    }
}
