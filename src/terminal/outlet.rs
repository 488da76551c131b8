//! Output that its sender never waits for: a thread writes it, and what a slow reader has not taken yet makes room for newer output.

use std::{
    collections::VecDeque,
    io::{self, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use tokio::sync::Notify;

/// Bytes that may wait; older output than that is dropped.
const MOST_WAITING: usize = 1 << 18;

/// Bytes written at a time: what was sent can be cut off between two of these.
const PIECE: usize = 1024;

/// How long a stream that takes nothing now is left alone.
const RETRY_EVERY: Duration = Duration::from_millis(10);

/// A stream that is written by a thread of its own.
#[derive(Debug)]
pub struct Outlet {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    idle: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Vec<u8>>,
    activity: Activity,
    /// Whether nothing more will be sent.
    closed: bool,
    /// How often what was sent was abandoned.
    abandoned: u64,
    fault: Option<io::Error>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Activity {
    #[default]
    Idle,
    Writing,
}

impl Outlet {
    /// Starts the thread that writes to `stream`.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn new(mut stream: impl Write + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let writer = shared.clone();
        thread::Builder::new().name("output".to_owned()).spawn(move || writer.write_to(&mut stream))?;
        Ok(Self { shared })
    }

    /// Sends bytes, which are written in one piece or dropped. What was sent last is never dropped for something older.
    pub fn send(&self, bytes: Vec<u8>) {
        let mut state = self.shared.lock();
        state.waiting.push_back(bytes);
        while state.waiting.len() > 1 && state.waiting.iter().map(Vec::len).sum::<usize>() > MOST_WAITING {
            state.waiting.pop_front();
        }
        self.shared.changed.notify_all();
    }

    /// Whether all that was sent is written.
    pub fn is_idle(&self) -> bool {
        self.shared.lock().is_idle()
    }

    /// Until all that was sent is written.
    pub async fn idle(&self) {
        loop {
            let idle = self.shared.idle.notified();
            if self.is_idle() {
                return;
            }
            idle.await;
        }
    }

    /// Waits until all that was sent is written, but no longer than `patience`: whether it is.
    pub fn wait(&self, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        let mut state = self.shared.lock();
        while !state.is_idle() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Drops what is not written yet. What is being written ends after the piece that the stream has now.
    pub fn abandon(&self) {
        let mut state = self.shared.lock();
        state.waiting.clear();
        state.abandoned += 1;
    }

    /// Why something could not be written, once.
    pub fn take_fault(&self) -> Option<io::Error> {
        self.shared.lock().fault.take()
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        // What waits is written if it can be; a thread that cannot write ends with the process.
        state.closed = true;
        self.shared.changed.notify_all();
    }
}

impl State {
    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.activity != Activity::Writing
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_to(&self, stream: &mut impl Write) {
        while let Some((bytes, abandoned)) = self.next() {
            let written = bytes.chunks(PIECE).try_for_each(|piece| {
                if self.lock().abandoned == abandoned { write_all(stream, piece) } else { Ok(()) }
            });
            let mut state = self.lock();
            if let Err(error) = written.and_then(|()| stream.flush()) {
                state.fault = Some(error);
            }
            state.activity = Activity::Idle;
            if state.is_idle() {
                self.idle.notify_waiters();
            }
            self.changed.notify_all();
        }
    }

    /// What is to be written next; `None` once nothing will be.
    fn next(&self) -> Option<(Vec<u8>, u64)> {
        let mut state = self.lock();
        loop {
            if let Some(bytes) = state.waiting.pop_front() {
                state.activity = Activity::Writing;
                return Some((bytes, state.abandoned));
            }
            if state.closed {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Writes everything, also to a stream that another process has set not to block.
fn write_all(stream: &mut impl Write, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(RETRY_EVERY),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Standard error as an outlet, past the buffers and locks of the standard library.
///
/// # Errors
/// What the system says.
pub fn standard_error() -> io::Result<Outlet> {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd as _;
        Outlet::new(std::fs::File::from(io::stderr().as_fd().try_clone_to_owned()?))
    }
    #[cfg(not(unix))]
    Outlet::new(io::stderr())
}

/// Standard output as an outlet.
///
/// # Errors
/// What the system says.
pub fn standard_output() -> io::Result<Outlet> {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd as _;
        Outlet::new(std::fs::File::from(io::stdout().as_fd().try_clone_to_owned()?))
    }
    #[cfg(not(unix))]
    Outlet::new(io::stdout())
}

/// Columns of the terminal that standard error is.
pub fn width_of_standard_error() -> u16 {
    const USUAL: u16 = 80;
    #[cfg(unix)]
    let columns = rustix::termios::tcgetwinsize(io::stderr()).map(|size| size.ws_col).ok();
    #[cfg(not(unix))]
    let columns = None;
    columns.filter(|&columns| columns > 0).unwrap_or(USUAL)
}

/// Whether an error means that the terminal is gone: it was closed, or the connection to it was lost.
pub fn is_gone(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
    }
    #[cfg(not(unix))]
    {
        error.kind() == io::ErrorKind::BrokenPipe
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Read as _, sync::mpsc};

    use super::*;

    /// Longest that anything may take on a loaded machine.
    const PATIENCE: Duration = Duration::from_secs(30);

    #[test]
    fn a_sender_never_waits_and_what_waits_is_bounded() {
        let (mut reader, writer) = io::pipe().unwrap();
        let outlet = Outlet::new(writer).unwrap();
        for number in 0..2000 {
            outlet.send(format!("{number:01000}\n").into_bytes());
        }
        assert!(!outlet.is_idle() && !outlet.wait(Duration::from_millis(1)), "nobody reads");
        assert!(outlet.shared.lock().waiting.iter().map(Vec::len).sum::<usize>() <= MOST_WAITING);
        let (sender, read) = mpsc::channel();
        thread::spawn(move || {
            let mut text = String::new();
            reader.read_to_string(&mut text).unwrap();
            sender.send(text).unwrap();
        });
        assert!(outlet.wait(PATIENCE));
        drop(outlet);
        let text = read.recv_timeout(PATIENCE).unwrap();
        let last = text.lines().last().unwrap();
        assert_eq!((last.len(), last.trim_start_matches('0')), (1000, "1999"), "the newest is never dropped");
        assert!(text.lines().count() < 1000 && text.lines().all(|line| line.len() == 1000), "whole pieces are");
    }

    #[test]
    fn what_is_abandoned_is_cut_off_and_what_follows_is_written() {
        let (mut reader, writer) = io::pipe().unwrap();
        let outlet = Outlet::new(writer).unwrap();
        outlet.send(vec![b'x'; 1 << 20]);
        let mut some = [0; 1];
        reader.read_exact(&mut some).unwrap();
        outlet.abandon();
        outlet.send(b"the end".to_vec());
        let read = thread::spawn(move || {
            let mut rest = Vec::new();
            reader.read_to_end(&mut rest).unwrap();
            rest
        });
        assert!(outlet.wait(PATIENCE));
        drop(outlet);
        let rest = read.join().unwrap();
        assert!(rest.len() < 1 << 19 && rest.ends_with(b"the end"), "{} bytes", rest.len());
    }

    #[test]
    fn a_reader_that_is_gone_is_a_fault_and_no_wait() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let outlet = Outlet::new(writer).unwrap();
        outlet.send(b"lost".to_vec());
        assert!(outlet.wait(PATIENCE));
        assert_eq!(outlet.take_fault().unwrap().kind(), io::ErrorKind::BrokenPipe);
        assert!(outlet.take_fault().is_none());
    }
}
