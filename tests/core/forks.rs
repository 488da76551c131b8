//! Forks: runs that go on from where another one is, while the session goes on, after it was cut off, and when it is repeated.

use std::{fs, path::Path};

use nso_tui::{
    optimizer::Hyperparameter,
    problem::ignore_progress,
    run::{
        Attendance, Command, Engine, Event, Fork, NewRun, Plan, RunPlan,
        device::DeviceName,
        first_difference,
        log::{Destination, SessionLog, Verdict, free_name, verify},
        preset,
    },
};

use crate::sessions::{block_on, plan, until_over};

/// The place of NSO, whose steps have noise and whose measurements warm-start, in the plan.
const PARENT: usize = 3;

fn small() -> Plan {
    let sets = [
        "train.gradients=400",
        "train.evaluate_every=\"50 gradients\"",
        "train.probe_every=\"100 gradients\"",
        "train.checkpoint_every=\"1 s\"",
        "problem.train_samples=300",
        "problem.hidden=16",
        "train.trace_probes=2",
        "train.lanczos_products=3",
        "run.NSO.momentum=0.8",
    ];
    plan("mnist-mlp", &sets)
}

fn adjust(hyperparameter: Hyperparameter, value: f64) -> Command {
    Command::Adjust { hyperparameter, value }
}

/// Trains the plan into `folder`, with a fork of NSO soon after its beginning. NSO is changed at the same step before and after.
fn with_a_fork(folder: &Path, changes: &[Command]) -> (Plan, Vec<Vec<Event>>) {
    let plan = small();
    block_on(async {
        let destination = Destination::Exactly(folder.to_owned());
        let mut engine = Engine::start(plan.clone(), &destination, &DeviceName::Flex.into()).unwrap();
        let mut events = vec![Vec::new(); plan.runs.len() + 1];
        engine.send(PARENT, Command::Pause);
        while !matches!(events[PARENT].last(), Some(Event::Pause { .. })) {
            let batch = engine.next().await.unwrap();
            events[batch.run].extend(batch.events);
        }
        engine.send(PARENT, adjust(Hyperparameter::Sigma, 0.02));
        let name = free_name(&plan, "NSO");
        let state = engine.branch_off(PARENT, &name).await.unwrap();
        let asked = RunPlan { name, ..plan.runs[PARENT].clone() };
        let run = engine.add(NewRun { plan: asked, like: PARENT, from: Some(state) }).unwrap();
        assert_eq!(run.name, "NSO #2");
        assert_eq!(run.hyperparameters.get(Hyperparameter::Sigma), Some(0.02));
        for change in changes {
            engine.send(PARENT + 1, change.clone());
        }
        engine.send(PARENT, adjust(Hyperparameter::Lr, 0.04));
        engine.send(PARENT, adjust(Hyperparameter::Lr, 0.05));
        engine.send(PARENT, Command::Resume);
        let rest = until_over(&mut engine, plan.runs.len() + 1).await;
        engine.close().await;
        for (all, rest) in events.iter_mut().zip(rest) {
            all.extend(rest);
        }
        let plan = SessionLog::open(folder).unwrap().plan;
        (plan, events)
    })
}

fn fork_of(plan: &Plan) -> Fork {
    plan.runs[PARENT + 1].fork.clone().unwrap()
}

/// What a run says from the first step after this one on.
fn after(events: &[Event], step: u64) -> Vec<Event> {
    events.iter().filter(|event| event.position().is_some_and(|at| at.step > step)).cloned().collect()
}

fn folder_of(session: &Path, plan: &Plan, run: usize) -> std::path::PathBuf {
    session.join(&nso_tui::run::log::run_folders(plan)[run])
}

#[test]
fn a_fork_that_changes_nothing_repeats_its_parent_to_the_bit() {
    let session = tempfile::tempdir().unwrap();
    let (plan, events) = with_a_fork(session.path(), &[]);
    let fork = fork_of(&plan);
    assert_eq!(fork.of, "NSO");
    let [parent, child] = [PARENT, PARENT + 1].map(|run| after(&events[run], fork.step));
    assert!(child.iter().filter(|event| matches!(event, Event::Step { .. })).count() > 50, "{fork:?}");
    assert!(child.iter().any(|event| matches!(event, Event::Probe(_))));
    assert_eq!(first_difference(&parent, &child), None);
    let weights = |run| fs::read(folder_of(session.path(), &plan, run).join("weights.safetensors")).unwrap();
    assert!(weights(PARENT) == weights(PARENT + 1));
    assert_eq!(SessionLog::open(session.path()).unwrap().read_new().unwrap().runs, events);
    assert!(verify(session.path()).unwrap().iter().all(|file| matches!(file.verdict, Verdict::Whole(_))));
}

#[test]
fn a_changed_fork_differs_and_a_repetition_of_the_session_is_the_same() {
    let [session, again] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let (plan, events) = with_a_fork(session.path(), &[adjust(Hyperparameter::Sigma, 0.08)]);
    let fork = fork_of(&plan);
    let [parent, child] = [PARENT, PARENT + 1].map(|run| after(&events[run], fork.step));
    assert!(first_difference(&parent, &child).is_some());
    let repeated = block_on(async {
        let destination = Destination::Exactly(again.path().to_owned());
        let mut recorded = SessionLog::open(session.path()).unwrap();
        let devices = DeviceName::Flex.into();
        let mut engine = Engine::rerun(&mut recorded, &destination, &devices, &ignore_progress).unwrap();
        let repeated = until_over(&mut engine, plan.runs.len()).await;
        engine.close().await;
        repeated
    });
    for (run, (recorded, repeated)) in plan.runs.iter().zip(events.iter().zip(&repeated)) {
        assert_eq!(first_difference(recorded, repeated), None, "{}", run.name);
    }
}

#[test]
fn a_fork_that_was_cut_off_goes_on() {
    let session = tempfile::tempdir().unwrap();
    let (plan, events) = with_a_fork(session.path(), &[]);
    let folder = folder_of(session.path(), &plan, PARENT + 1);
    let log = folder.join("events.jsonl");
    // Once as a kill right after its first line leaves it, without any checkpoint, and once with its last.
    for kept in [0, 1] {
        // Checkpoints know the length of the very log that they were made with.
        let whole = fs::read_to_string(&log).unwrap();
        let lines: Vec<_> = whole.lines().collect();
        let part = if kept == 0 { 1 } else { lines.len() - 1 };
        fs::write(&log, lines[..part].join("\n") + "\n").unwrap();
        if kept == 0 {
            for entry in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
                if entry.extension().is_some_and(|ending| ending == "safetensors") {
                    fs::remove_file(entry).unwrap();
                }
            }
        }
        let resumed = block_on(async {
            let devices = DeviceName::Flex.into();
            let attendance = Attendance::Attended;
            let mut engine = Engine::resume(session.path(), &devices, attendance, &ignore_progress).unwrap();
            let resumed = until_over(&mut engine, plan.runs.len()).await;
            engine.close().await;
            resumed
        });
        assert_eq!(first_difference(&events[PARENT + 1], &resumed[PARENT + 1]), None, "{kept}");
        let logged = SessionLog::open(session.path()).unwrap().read_new().unwrap().runs;
        assert!(matches!(logged[PARENT + 1].last(), Some(Event::Finish { .. })));
    }
}

#[test]
fn a_run_of_another_method_joins_and_trains_as_it_would_have_from_the_start() {
    let session = tempfile::tempdir().unwrap();
    let plan = small();
    let [all, two] = [plan.clone(), Plan { runs: plan.runs[..2].to_vec(), ..plan.clone() }];
    let events = block_on(async {
        let destination = Destination::Exactly(session.path().to_owned());
        let mut engine = Engine::start(two, &destination, &DeviceName::Flex.into()).unwrap();
        let first = engine.next().await.unwrap();
        engine.add(NewRun { plan: all.runs[PARENT].clone(), like: 0, from: None }).unwrap();
        let taken = engine.add(NewRun { plan: all.runs[PARENT].clone(), like: 0, from: None });
        assert!(taken.unwrap_err().to_string().contains("two runs have this name"));
        let mut rest = until_over(&mut engine, 3).await;
        engine.close().await;
        rest[first.run].splice(..0, first.events);
        rest
    });
    let expected = crate::sessions::run_to(tempfile::tempdir().unwrap().path(), &all);
    assert_eq!(first_difference(&events[2], &expected[PARENT]), None);
    assert_eq!(SessionLog::open(session.path()).unwrap().plan.runs[2].name, "NSO");
}

#[test]
fn a_run_without_a_checkpoint_has_no_fork_once_it_is_over() {
    block_on(async {
        let plan = plan("quadratic", &["train.gradients=20"]);
        let mut engine = Engine::start(plan, &Destination::Nowhere, &DeviceName::Flex.into()).unwrap();
        until_over(&mut engine, 4).await;
        assert!(engine.branch_off(0, "SGD #2").await.is_err());
        engine.close().await;
    });
}

#[test]
fn a_preset_forks_an_earlier_run_of_the_same_method_or_none() {
    let session = tempfile::tempdir().unwrap();
    let text = preset::to_toml(&small());
    let fork = |of: &str, method: &str, step: &str| {
        let text = format!("{text}\n[[run]]\nname = \"branch\"\nmethod = \"{method}\"\nfork_of = \"{of}\"\n{step}");
        preset::parse("forked.toml", &text, &[])
    };
    for (of, method, step, fault) in [
        ("nso", "nso", "fork_step = 3", "run.branch.fork_of: there is no run 'nso' before this one"),
        ("branch", "nso", "fork_step = 3", "run.branch.fork_of: there is no run 'branch' before this one"),
        ("SGD", "nso", "fork_step = 3", "run.branch.fork_of: nso cannot go on from sgd: a fork keeps its method"),
        ("NSO", "nso", "", "run.branch.fork_step: missing"),
        ("NSO", "nso", "fork_step = -1", "run.branch.fork_step"),
    ] {
        let said = fork(of, method, step).unwrap_err().to_string();
        assert!(said.contains(fault), "{said}");
    }
    // One that is given goes its parent's way first.
    let plan = fork("NSO", "nso", "fork_step = 30\nmomentum = 0.8\nsigma = 0.03\nlr = 0.05").unwrap();
    assert_eq!(preset::parse("again.toml", &preset::to_toml(&plan), &[]).unwrap().runs, plan.runs);
    let events = crate::sessions::run_to(session.path(), &plan);
    let [parent, child] = [&events[PARENT], &events[PARENT + 1]].map(|events| after(events, 30));
    assert_eq!(first_difference(&parent, &child), None);
}
