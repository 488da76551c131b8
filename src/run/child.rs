//! The process of one isolated run: it trains as a thread of the session would, hears commands on standard input, and says what
//! happens on standard output.

use std::{io, path::Path, sync::mpsc, thread};

use tokio::sync::mpsc as events;

use super::{
    Command, EngineError,
    device::{self, DeviceName},
    isolate::{ChildBeginning, read_commands, write_batch},
    log::{LogError, SessionDirectory, SessionLog},
    outbox::{Closing, Outbox},
    resume::{self, RunStart},
    worker::{Mailbox, Worker},
};
use crate::{autodiff::Interruption, problem::ignore_progress};

/// Batches that may wait to be written.
const CHANNEL: usize = 64;

/// What a process is asked to train.
#[derive(Debug)]
pub struct ChildRun<'a> {
    /// The session's folder, which another process has locked.
    pub directory: &'a Path,
    /// The run's place in the plan.
    pub run: usize,
    pub beginning: ChildBeginning,
    pub device: DeviceName,
}

/// Trains one run of a session until it is over and no command can come any more.
///
/// # Errors
/// [`EngineError`] if it cannot start.
pub fn train_one(child: &ChildRun<'_>) -> Result<(), EngineError> {
    let session = SessionLog::open(child.directory)?;
    let missing = || LogError::NoSuchRun { path: child.directory.to_owned(), run: child.run };
    let mut log = session.logs.into_iter().nth(child.run).ok_or_else(missing)?;
    let directory = SessionDirectory::borrow(child.directory, &session.plan)?;
    let start = match child.beginning {
        ChildBeginning::Fresh => {
            log.read_on(&mut |_| {})?;
            RunStart { log_length: log.offset(), ..resume::fresh(&session.plan, child.run) }
        }
        ChildBeginning::Resumed => resume::read_run(log, &directory, &session.plan, child.run)?,
    };
    let device = device::open(child.device)?;
    let problem = session.plan.problem.build_with_progress(session.plan.train.seed, &device, &ignore_progress)?;
    let (sender, mut receiver) = events::channel(CHANNEL);
    let (commands, inbox) = mpsc::channel();
    let (interruption, closing) = (Interruption::default(), Closing::default());
    let RunStart { history, beginning, catch_up, log_length } = start;
    let outbox = Outbox {
        log: Some(directory.log(child.run, log_length)?),
        directory: Some(directory),
        checkpoint_every: session.plan.train.checkpoint_every,
        catch_up,
        pending: history,
        ..Outbox::new(child.run, sender, closing.clone())
    };
    let worker = Worker { plan: session.plan.into(), problem, interruption: interruption.clone() };
    let listen = move || {
        read_commands(io::stdin(), &mut |command| {
            let ends = command == Command::Stop;
            let _ = commands.send(command);
            if ends {
                interruption.request();
            }
        });
        // The parent has closed the pipe or is gone: the run stops, as it does when its engine is dropped.
        closing.begin();
        drop(commands);
        interruption.request();
    };
    thread::Builder::new().name("commands".to_owned()).spawn(listen).map_err(EngineError::Thread)?;
    let speak = move || {
        let mut output = io::stdout();
        while let Some(batch) = receiver.blocking_recv() {
            // An error means that the parent is gone. The log has everything.
            let _ = write_batch(&mut output, &batch);
        }
    };
    let speaker = thread::Builder::new().name("events".to_owned()).spawn(speak).map_err(EngineError::Thread)?;
    worker.work(Mailbox(inbox), outbox, beginning);
    let _ = speaker.join();
    Ok(())
}
