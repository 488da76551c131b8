//! Runs in processes of their own, so that an abort in native code or a kill for want of memory ends one of them and leaves the
//! others alone. The child trains and writes its log as a thread of the session does; commands go down and batches of events come
//! up as lines of JSON.

use std::{
    env,
    io::{self, BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, Command as Process, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
};

use tokio::sync::mpsc as events;

use super::{
    Command, Event, EventBatch, Outcome, Position, RunStatus,
    device::DeviceName,
    log::{LogError, LogReader, SessionDirectory},
};

/// The hidden command of the program by which it trains one run of a session.
pub const CHILD_COMMAND: &str = "train-one";

/// A run in a process of its own, as its session sees it.
pub(super) struct Isolated {
    pub run: usize,
    pub directory: SessionDirectory,
    pub device: DeviceName,
    /// Whether it goes on from its log and checkpoints.
    pub beginning: ChildBeginning,
    pub channel: events::Sender<EventBatch>,
}

/// How a run in a process of its own begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::VariantNames)]
#[strum(serialize_all = "kebab-case")]
pub enum ChildBeginning {
    Fresh,
    Resumed,
}

impl Isolated {
    /// Supervises the process until it has ended and no command can come any more.
    pub fn work(self, commands: mpsc::Receiver<Command>) {
        let stdin = Arc::new(Mutex::new(None::<ChildStdin>));
        let forward = {
            let stdin = stdin.clone();
            move || forward(&commands, &stdin)
        };
        let forwarder = thread::Builder::new().name("commands".to_owned()).spawn(forward);
        let reason = self.supervise(&stdin);
        *lock(&stdin) = None;
        if let Some(reason) = reason {
            self.report_death(reason);
        }
        if let Ok(forwarder) = forwarder {
            // What it panicked of, if it did, was reported as any panic is.
            let _ = forwarder.join();
        }
    }

    /// Starts the process and hands on what it says. Why it died, where it did not come to its own end.
    fn supervise(&self, stdin: &Mutex<Option<ChildStdin>>) -> Option<String> {
        let mut child = match self.spawn() {
            Ok(child) => child,
            Err(error) => return Some(format!("its process cannot be started: {error}")),
        };
        *lock(stdin) = child.stdin.take();
        let mut over = false;
        if let Some(output) = child.stdout.take() {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let Ok(EventBatch { events, status, .. }) = serde_json::from_str(&line) else { continue };
                over = over || events.iter().any(|event| matches!(event, Event::Finish { .. }));
                let _ = self.channel.blocking_send(EventBatch { run: self.run, events, status });
            }
        }
        let status = child.wait();
        (!over).then(|| status.map_or_else(|error| error.to_string(), death))
    }

    fn spawn(&self) -> io::Result<Child> {
        let mut process = Process::new(env::current_exe()?);
        process
            .arg(CHILD_COMMAND)
            .arg(self.directory.path())
            .arg(self.run.to_string())
            .arg(Into::<&str>::into(self.beginning))
            .args(["--device", &self.device.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        // Signals of the terminal are for the session, which ends its runs in order.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut process, 0);
        process.spawn()
    }

    /// Logs and publishes the end of a run whose process is gone.
    fn report_death(&self, reason: String) {
        let (event, logged) = self.log_death(reason);
        if let Err(error) = logged {
            tracing::error!("{error}");
        }
        let _ =
            self.channel.blocking_send(EventBatch { run: self.run, events: vec![event], status: RunStatus::default() });
    }

    fn log_death(&self, reason: String) -> (Event, Result<(), LogError>) {
        let mut at = Position::default();
        let mut log = LogReader::new(self.directory.run_folder(self.run).join(super::log::EVENTS_FILE));
        let read = log.read_on(&mut |logged| at = logged.event.position().unwrap_or(at));
        let event = Event::Finish { outcome: Outcome::Failed, at, reason: Some(reason), best_step: None };
        let written = read.and_then(|_| {
            let mut writer = self.directory.log(self.run, log.offset())?;
            writer.append(&event)?;
            writer.flush()?;
            writer.sync()
        });
        (event, written)
    }
}

/// Sends commands to the process, as long as there is one.
fn forward(commands: &mpsc::Receiver<Command>, stdin: &Mutex<Option<ChildStdin>>) {
    for command in commands {
        if let (Some(stdin), Ok(line)) = (lock(stdin).as_mut(), serde_json::to_string(&command)) {
            // A process that is gone is reported by its supervisor.
            let _ = writeln!(stdin, "{line}");
        }
    }
    // The process sees the end of its input and stops.
    *lock(stdin) = None;
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How a process ended that should have gone on, in words.
fn death(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        let why = match signal {
            9 => " (the system does so when memory runs out)",
            6 => " (it aborted; see standard error)",
            _ => "",
        };
        return format!(
            "its process was ended by signal {signal}{why}; `nso-tui resume` goes on from its last checkpoint"
        );
    }
    format!("its process ended: {status}")
}

/// The child's end: reads commands from `input`, line by line, until there are no more.
pub(super) fn read_commands(input: impl io::Read, each: &mut dyn FnMut(Command)) {
    for line in BufReader::new(input).lines().map_while(Result::ok) {
        if let Ok(command) = serde_json::from_str(&line) {
            each(command);
        }
    }
}

/// Writes a batch as the parent reads it. An error means that the parent is gone.
pub(super) fn write_batch(output: &mut impl io::Write, batch: &EventBatch) -> io::Result<()> {
    serde_json::to_writer(&mut *output, batch)?;
    output.write_all(b"\n")?;
    output.flush()
}
