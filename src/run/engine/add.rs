//! Runs that are added to a session while it goes on, among them forks of its runs.

use std::{collections::VecDeque, sync::Arc};

use tokio::sync::oneshot;

use super::{Engine, EngineError, Site};
use crate::run::{
    Checkpoint, Command, Fork, Plan, RunPlan, device, memory, preset,
    resume::RunStart,
    retrace::ForkPoint,
    worker::{Beginning, StartingPoint},
};

/// A run that is added to a session.
#[derive(Debug)]
pub struct NewRun {
    /// Its name is no other run's. Of a fork, method and hyperparameters are those of the checkpoint.
    pub plan: RunPlan,
    /// The place of the run whose problem and device it shares.
    pub like: usize,
    /// The state that it goes on from, which that run handed over; `None` for the initial weights.
    pub from: Option<Checkpoint>,
}

impl Engine {
    /// Asks a run for its state between two steps, from which a run of this name can go on: a run that trains gives its present one, one
    /// that is over its last checkpoint. The answer is an error where there is none.
    pub fn branch_off(&self, run: usize, name: &str) -> oneshot::Receiver<Checkpoint> {
        let awaited = self.runs.get(run).map(|handle| handle.forks.wait_for(name));
        self.send(run, Command::Fork { run: name.to_owned() });
        awaited.unwrap_or_else(|| oneshot::channel().1)
    }

    /// Adds a run to the session and starts it: at the initial weights, or where another run was. A fork takes method and
    /// hyperparameters from there. Returns the run as it is in the plan.
    ///
    /// # Errors
    /// [`EngineError`]; the session is then as it was.
    pub fn add(&mut self, NewRun { plan: mut run, like, from }: NewRun) -> Result<RunPlan, EngineError> {
        let site = self.site.as_ref().ok_or(EngineError::Isolated)?;
        let beginning = match from {
            None => Beginning::default(),
            Some(checkpoint) => {
                run.hyperparameters = checkpoint.hyperparameters()?;
                let of = site.plan.runs[like].name.clone();
                run.fork = Some(Fork { of, step: checkpoint.at().step });
                let point = StartingPoint::Fork(ForkPoint::Given(Box::new(checkpoint)));
                Beginning::Training { from: point, script: VecDeque::new() }
            }
        };
        let mut plan = Plan::clone(&site.plan);
        plan.runs.push(run.clone());
        preset::check(&plan)?;
        let mut problems = site.problems.clone();
        problems.push(problems[like].clone());
        let devices: Vec<_> = problems.iter().filter_map(|problem| device::name_of(problem.device())).collect();
        memory::check(&plan, &devices)?;
        let directory = self.directory.as_mut().map(|directory| {
            directory.add_run(&plan)?;
            directory.log(plan.runs.len() - 1, 0)
        });
        let log = directory.transpose()?;
        let site = Site { plan: Arc::new(plan), problems, channel: site.channel.clone() };
        self.launch_run(&site, log, RunStart { beginning, ..RunStart::default() })?;
        self.site = Some(site);
        Ok(run)
    }
}
