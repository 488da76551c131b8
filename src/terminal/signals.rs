//! Signals that ask the process to end: one set of listeners for its whole life, and what a second and a third request mean.

use std::{
    future::{Future, poll_fn},
    io,
    path::Path,
    pin::pin,
    task::Poll,
    time::{Duration, Instant},
};

use tokio::time::sleep_until;

use crate::text::escaped;

/// The signal of a terminal that is gone.
pub const HANG_UP: i32 = 1;

/// How long a request counts as the first one repeated. A closed terminal is an error of reading, one of writing, and a signal or
/// two; `timeout` signals the process and its group.
const SAME_REQUEST: Duration = Duration::from_secs(2);

/// How long a request counts as the second one repeated: senders that signal process and group do it within this.
const SAME_REMINDER: Duration = Duration::from_millis(250);

/// How long work may take to end before the program says that it waits for it.
const SOON: Duration = Duration::from_secs(1);

/// The requests to end that reach this process. From when this is made no request is lost, however late it is read; so it is made
/// once, before there is anything to lose.
#[derive(Debug)]
pub struct Signals {
    #[cfg(unix)]
    streams: Vec<(i32, tokio::signal::unix::Signal)>,
    #[cfg(not(unix))]
    interrupts: tokio::signal::windows::CtrlC,
}

impl Signals {
    /// Listens from here on. Needs a runtime.
    ///
    /// # Errors
    /// What the system says when it refuses a handler.
    #[cfg(unix)]
    pub fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        // SIGABRT from outside is a request like the others; `abort` in native code ends the process all the same.
        let abort = SignalKind::from_raw(rustix::process::Signal::ABORT.as_raw());
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup(), SignalKind::quit(), abort];
        let streams = kinds.into_iter().map(|kind| Ok((kind.as_raw_value(), signal(kind)?)));
        Ok(Self { streams: streams.collect::<io::Result<_>>()? })
    }

    /// Listens from here on. Needs a runtime.
    ///
    /// # Errors
    /// What the system says when it refuses a handler.
    #[cfg(not(unix))]
    pub fn listen() -> io::Result<Self> {
        Ok(Self { interrupts: tokio::signal::windows::ctrl_c()? })
    }

    /// The number of the next signal. Dropping the future loses none.
    #[cfg(unix)]
    pub async fn next(&mut self) -> i32 {
        poll_fn(|context| {
            let arrived = self.streams.iter_mut().find_map(|(number, stream)| match stream.poll_recv(context) {
                Poll::Ready(Some(())) => Some(*number),
                Poll::Ready(None) | Poll::Pending => None,
            });
            arrived.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    /// The number of the next signal. Dropping the future loses none.
    #[cfg(not(unix))]
    pub async fn next(&mut self) -> i32 {
        const INTERRUPT: i32 = 2;
        poll_fn(|context| self.interrupts.poll_recv(context)).await;
        INTERRUPT
    }
}

/// What a request means after those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Request {
    /// The same as the one before.
    Same,
    /// The user wants to know what is waited for.
    Again,
    /// The user does not want to wait.
    Now,
}

/// The end of a session, from the first request on.
#[derive(Debug, Default)]
pub struct Leaving {
    first: Option<Instant>,
    second: Option<Instant>,
    signal: Option<i32>,
}

/// How waiting for work ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Waited<T> {
    Done(T),
    /// A third request came first.
    LeftNow,
}

impl Leaving {
    /// By a key.
    pub fn begun() -> Self {
        Self { first: Some(Instant::now()), ..Self::default() }
    }

    /// By a signal, or by what amounts to one.
    pub fn begun_by(signal: i32) -> Self {
        Self { signal: Some(signal), ..Self::begun() }
    }

    /// The first signal that asked for it.
    pub fn signal(&self) -> Option<i32> {
        self.signal
    }

    fn request(&mut self, signal: i32, at: Instant) -> Request {
        self.signal.get_or_insert(signal);
        let first = *self.first.get_or_insert(at);
        match self.second {
            None if at.duration_since(first) < SAME_REQUEST => Request::Same,
            None => {
                self.second = Some(at);
                Request::Again
            }
            Some(second) if at.duration_since(second) < SAME_REMINDER => Request::Same,
            Some(_) => Request::Now,
        }
    }

    /// Waits for `work`, which is to end in order, and hears signals meanwhile. `say` tells the user what is waited for: once it
    /// takes long after the first request, and again at the second. A third request ends the wait.
    pub async fn wait_for<T>(
        &mut self,
        work: impl Future<Output = T>,
        signals: &mut Signals,
        say: impl Fn(&str),
    ) -> Waited<T> {
        let mut work = pin!(work);
        let mut said = false;
        loop {
            let soon = self.first.filter(|_| !said).map(|first| first + SOON);
            tokio::select! {
                biased;
                done = &mut work => return Waited::Done(done),
                signal = signals.next() => match self.request(signal, Instant::now()) {
                    Request::Same => {}
                    Request::Again => {
                        said = true;
                        say("still waiting for the runs to end; once more Ctrl-C leaves at once and loses what came after the last checkpoint");
                    }
                    Request::Now => return Waited::LeftNow,
                },
                () = sleep_until(soon.unwrap_or_else(Instant::now).into()), if soon.is_some() => {
                    said = true;
                    say("waiting for the runs to end: each finishes its step and writes a checkpoint; Ctrl-C twice leaves at once");
                }
            }
        }
    }
}

/// Where a session is and how it goes on, for the user who left it.
pub fn how_to_resume(session: &Path) -> String {
    let path = session.display().to_string();
    format!("the session is in {}\nto go on with it: nso-tui resume {}\n", escaped(&path), quoted(session))
}

/// A path as it can be pasted into a shell.
pub fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+:@%,".contains(letter);
    let quoted =
        if !path.is_empty() && path.chars().all(plain) { path } else { format!("'{}'", path.replace('\'', r"'\''")) };
    escaped(&quoted).into_owned()
}

/// Lets a write beyond `ulimit -f` fail instead of ending the process: its handler does nothing.
///
/// # Errors
/// What the system says when it refuses a handler.
#[cfg(unix)]
pub fn survive_file_size_limit() -> io::Result<()> {
    let limit = rustix::process::Signal::XFSZ.as_raw();
    signal_hook::flag::register(limit, std::sync::Arc::default()).map(|_| ())
}

/// Whether a shell may continue this process once it is stopped.
#[cfg(unix)]
pub fn has_job_control() -> bool {
    use nix::unistd::{getppid, getsid};

    // In a container, parent and session leader may be outside of it, where the number of either is 0.
    let session = |process| getsid(process).ok().filter(|leader| leader.as_raw() > 0);
    let parent = getppid();
    parent.as_raw() > 0 && session(Some(parent)).is_some_and(|of_parent| Some(of_parent) == session(None))
}

/// Whether a shell may continue this process once it is stopped.
#[cfg(not(unix))]
pub fn has_job_control() -> bool {
    false
}

/// Stops the process, as Ctrl-Z does, until it gets SIGCONT.
#[cfg(unix)]
pub fn suspend() {
    use rustix::process::{Signal, getpid, kill_process};

    // A process that may not signal itself goes on.
    let _ = kill_process(getpid(), Signal::STOP);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What requests at these seconds after the first mean.
    fn meanings(seconds: &[f64]) -> Vec<Request> {
        let mut leaving = Leaving::begun_by(HANG_UP);
        let first = leaving.first.unwrap();
        seconds.iter().map(|&after| leaving.request(15, first + Duration::from_secs_f64(after))).collect()
    }

    #[test]
    fn within_two_seconds_all_requests_are_the_first_then_comes_a_reminder_and_then_the_end() {
        use Request::{Again, Now, Same};
        assert_eq!(meanings(&[0.0, 0.001, 1.0, 1.9]), [Same, Same, Same, Same]);
        assert_eq!(meanings(&[2.0, 2.001, 2.3]), [Again, Same, Now]);
        assert_eq!(meanings(&[0.5, 60.0, 61.0]), [Same, Again, Now]);
    }

    #[test]
    fn the_first_signal_is_the_one_that_counts() {
        let mut leaving = Leaving::default();
        assert_eq!(leaving.request(15, Instant::now()), Request::Same);
        leaving.request(2, Instant::now());
        assert_eq!(leaving.signal(), Some(15));
    }

    #[test]
    fn a_path_can_be_pasted_into_a_shell() {
        assert!(how_to_resume(Path::new("runs/a-b")).ends_with("nso-tui resume runs/a-b\n"));
        let text = how_to_resume(Path::new("a b's \u{1b}[2J"));
        assert!(text.ends_with("nso-tui resume 'a b'\\''s \\u{1b}[2J'\n") && !text.contains('\u{1b}'), "{text}");
    }
}
