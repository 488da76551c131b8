//! Runs that are added to the session: at once, or as soon as the run that they branch off has handed over its state.

use super::{Done, LiveEffects};
use crate::{
    run::{Checkpoint, Command, NewRun, RunPlan},
    text::error_chain,
    tui::{Msg, Origin, RunRequest, SetValue},
};

impl LiveEffects {
    pub(super) fn add_run(&mut self, request: RunRequest) {
        match request.origin {
            Origin::InitialWeights => {
                let added = self.add(request, None);
                self.ready.push_back(Msg::RunAdded(added));
            }
            Origin::Fork => {
                let Some(engine) = &self.engine else { return };
                let state = engine.branch_off(request.like, &request.plan.name);
                let session = self.session();
                self.tasks.spawn(async move {
                    let state = state.await.ok().map(Box::new);
                    Done::BranchedOff(session, Box::new(request), state)
                });
            }
        }
    }

    pub(super) fn add_fork(
        &mut self,
        request: RunRequest,
        state: Option<Box<Checkpoint>>,
    ) -> Result<Box<RunPlan>, String> {
        let state = state.ok_or("the run has no checkpoint to go on from")?;
        self.add(request, Some(*state))
    }

    fn add(&mut self, request: RunRequest, from: Option<Checkpoint>) -> Result<Box<RunPlan>, String> {
        let engine = self.engine.as_mut().ok_or("the session has ended")?;
        let RunRequest { plan, like, origin: _, changes } = request;
        let run = engine.add(NewRun { plan, like, from }).map_err(|error| error_chain(&error))?;
        for SetValue { hyperparameter, value } in changes {
            engine.send(engine.runs() - 1, Command::Adjust { hyperparameter, value });
        }
        Ok(Box::new(run))
    }
}
