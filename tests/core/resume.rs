//! Runs that are cut off and go on: from a checkpoint between any two steps, and from what a killed process leaves on disk.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use burn::tensor::Device;
use nso_tui::{
    autodiff::values,
    optimizer::Hyperparameter,
    problem::ignore_progress,
    run::{
        Attendance, Checkpoint, Command, Engine, Event, FinalState, Inbox, Job, Listener, Plan, PublishError,
        device::DeviceName,
        first_difference,
        log::{Destination, SessionLog},
        train,
    },
};

use crate::sessions::{block_on, plan, run_to, until_over};

/// Changes a hyperparameter once, at a step.
#[derive(Clone)]
struct ChangeAt(u64, Option<Command>);

impl Inbox for ChangeAt {
    fn poll(&mut self, step: u64) -> Option<Command> {
        if step >= self.0 { self.1.take() } else { None }
    }

    fn wait(&mut self) -> Command {
        Command::Stop
    }
}

/// Keeps the events and a checkpoint at every step, each with the number of events before it.
#[derive(Default)]
struct Everything {
    events: Vec<Event>,
    checkpoints: RefCell<BTreeMap<u64, (usize, Checkpoint)>>,
}

impl Listener for Everything {
    fn publish(&mut self, event: Event) -> Result<(), PublishError> {
        self.events.push(event);
        Ok(())
    }

    fn wants_checkpoint(&self) -> bool {
        true
    }

    fn save(&mut self, checkpoint: Checkpoint) -> Result<(), PublishError> {
        self.checkpoints.borrow_mut().entry(checkpoint.at().step).or_insert((self.events.len(), checkpoint));
        Ok(())
    }
}

fn text(event: &Event) -> String {
    let mut fields = serde_json::to_value(event).unwrap();
    for time in ["seconds", "took"] {
        fields.as_object_mut().unwrap().remove(time);
    }
    fields.to_string()
}

fn bits(end: &FinalState) -> Vec<Vec<u64>> {
    let vectors = [
        Some(&end.weights),
        end.buffers.as_ref(),
        end.best.as_ref().map(|best| &best.weights),
        end.average.as_ref().map(|average| &average.weights),
    ];
    vectors.into_iter().flatten().map(|vector| values(vector).into_iter().map(f64::to_bits).collect()).collect()
}

/// Every run of the plan, from checkpoints at a third and two thirds of its steps: the same events and the same end to the bit.
fn goes_on_as_if_it_had_never_stopped(plan: &Plan, change: Option<(Hyperparameter, f64)>) {
    let problem = plan.problem.build(plan.train.seed, &Device::flex()).unwrap();
    for run in &plan.runs {
        let job = Job { run, train: &plan.train, problem: problem.as_ref(), checkpoint: None, interruption: None };
        let command = change.map(|(hyperparameter, value)| Command::Adjust { hyperparameter, value });
        let inbox =
            ChangeAt(4, command.filter(|_| change.is_some_and(|(which, _)| run.hyperparameters.get(which).is_some())));
        let mut whole = Everything::default();
        let end = train(job, &mut inbox.clone(), &mut whole).unwrap();
        let checkpoints = whole.checkpoints.into_inner();
        let last = *checkpoints.keys().last().unwrap();
        assert!(last >= 6, "{}: {last} steps", run.name);
        for step in [last / 3, 2 * last / 3] {
            let (before, checkpoint) = &checkpoints[&step];
            let mut inbox = if step <= 4 { inbox.clone() } else { ChangeAt(u64::MAX, None) };
            let mut rest = Everything::default();
            let job = Job { checkpoint: Some(checkpoint), ..job };
            let resumed = train(job, &mut inbox, &mut rest).unwrap();
            let texts = |events: &[Event]| events.iter().map(text).collect::<Vec<_>>();
            assert_eq!(texts(&rest.events), texts(&whole.events[*before..]), "{} from step {step}", run.name);
            assert!(bits(&resumed) == bits(&end), "{} from step {step}: weights", run.name);
        }
    }
}

#[test]
fn every_method_goes_on_from_a_checkpoint_as_if_it_had_never_stopped() {
    let sets = [
        "train.gradients=60",
        "train.evaluate_every=\"7 steps\"",
        "train.probe_every=\"11 steps\"",
        "train.trace_probes=2",
        "train.lanczos_products=3",
        "problem.train_samples=256",
        "problem.validation_share=0.2",
        "train.batch=32",
    ];
    goes_on_as_if_it_had_never_stopped(&plan("methods", &sets), Some((Hyperparameter::Lr, 0.02)));
}

#[test]
fn adam_and_averages_of_the_weights_go_on_from_a_checkpoint() {
    for (optimizer, average) in [("adam", "swa"), ("amsgrad", "ema"), ("adamw", "none")] {
        let sets = [
            "train.gradients=24".to_owned(),
            "train.evaluate_every=\"5 steps\"".to_owned(),
            "train.probe_every=\"9 steps\"".to_owned(),
            "train.trace_probes=2".to_owned(),
            "problem.train_samples=128".to_owned(),
            "train.batch=32".to_owned(),
            format!("defaults.base_optimizer=\"{optimizer}\""),
            "defaults.lr=0.001".to_owned(),
            format!("defaults.average=\"{average}\""),
            "defaults.average_every=\"2 steps\"".to_owned(),
        ];
        let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
        let mut plan = plan("mnist-mlp", &sets);
        plan.runs.truncate(2);
        goes_on_as_if_it_had_never_stopped(&plan, None);
    }
}

#[test]
fn buffers_of_batch_normalisation_go_on_from_a_checkpoint() {
    let sets = [
        "train.gradients=8",
        "train.batch=4",
        "train.evaluate_every=\"100 steps\"",
        "train.probe_every=never",
        "problem.train_samples=24",
    ];
    let mut plan = plan("fashion-cnn", &sets);
    plan.runs.truncate(1);
    goes_on_as_if_it_had_never_stopped(&plan, None);
}

fn resume(directory: &Path, runs: usize) -> Vec<Vec<Event>> {
    block_on(async {
        let mut engine =
            Engine::resume(directory, &DeviceName::Flex.into(), Attendance::Unattended, &ignore_progress).unwrap();
        let events = until_over(&mut engine, runs).await;
        engine.close().await;
        events
    })
}

/// The session as it is after a kill: the logs cut at a byte, without their ends.
fn cut(from: &Path, to: &Path, thousandths: usize) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_file() {
            fs::copy(entry.path(), target).unwrap();
            continue;
        }
        fs::create_dir(&target).unwrap();
        let log = fs::read(entry.path().join("events.jsonl")).unwrap();
        let length = log.len() * thousandths / 1000;
        fs::write(target.join("events.jsonl"), &log[..length]).unwrap();
    }
}

#[test]
fn a_session_cut_anywhere_is_resumed_to_the_log_and_weights_of_one_that_was_not() {
    let folder = tempfile::tempdir().unwrap();
    let [whole, other] = ["whole", "cut"].map(|name| folder.path().join(name));
    let sets = ["train.gradients=40", "train.evaluate_every=\"10 gradients\"", "train.probe_every=\"20 gradients\""];
    let plan = plan("valley", &sets);
    run_to(&whole, &plan);
    let expected = SessionLog::open(&whole).unwrap().read_new().unwrap().runs;
    for thousandths in [0, 20, 300, 710, 999] {
        cut(&whole, &other, thousandths);
        let seen = resume(&other, plan.runs.len());
        let found = SessionLog::open(&other).unwrap().read_new().unwrap();
        assert_eq!(found.damaged, []);
        for ((run, found), (expected, seen)) in plan.runs.iter().zip(&found.runs).zip(expected.iter().zip(&seen)) {
            assert_eq!(first_difference(expected, found), None, "{} cut at {thousandths}", run.name);
            assert_eq!(found.len(), expected.len(), "{} cut at {thousandths}", run.name);
            assert_eq!(first_difference(found, seen), None, "{}: the screen saw the log", run.name);
            let weights = |session: &Path| fs::read(session.join(&run.name).join("weights.safetensors")).unwrap();
            assert!(weights(&whole) == weights(&other), "{} cut at {thousandths}", run.name);
        }
        fs::remove_dir_all(&other).unwrap();
    }
}

#[test]
fn a_stopped_run_goes_on_and_its_changes_are_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let [stopped, again] = ["stopped", "again"].map(|name| folder.path().join(name));
    let sets = ["train.gradients=3000000", "train.evaluate_every=\"5000 gradients\"", "train.probe_every=never"];
    let plan = plan("quadratic", &sets);
    block_on(async {
        let destination = Destination::Exactly(stopped.clone());
        let mut engine = Engine::start(plan.clone(), &destination, &DeviceName::Flex.into()).unwrap();
        let change = Command::Adjust { hyperparameter: Hyperparameter::Lr, value: 0.001 };
        engine.send(0, change);
        let mut changed = false;
        while !changed {
            let batch = engine.next().await.unwrap();
            changed = batch.events.iter().any(|event| matches!(event, Event::Adjust { .. }));
        }
        engine.close().await;
    });
    let before = SessionLog::open(&stopped).unwrap().read_new().unwrap().runs;
    assert!(before.iter().all(|run| matches!(run.last(), Some(Event::Finish { .. }))));
    // Shorter, so that it comes to its end.
    let steps = before.iter().flatten().filter_map(Event::position).map(|at| at.gradients).max().unwrap();
    let text = fs::read_to_string(stopped.join("session.toml")).unwrap();
    fs::write(stopped.join("session.toml"), text.replace("3000000", &(steps + 1000).to_string())).unwrap();
    resume(&stopped, plan.runs.len());
    let resumed = SessionLog::open(&stopped).unwrap().read_new().unwrap().runs;
    // Repeated from its log, it is the same: the change was made once, at its step.
    block_on(async {
        let mut session = SessionLog::open(&stopped).unwrap();
        let destination = Destination::Exactly(again.clone());
        let mut engine = Engine::rerun(&mut session, &destination, &DeviceName::Flex.into(), &ignore_progress).unwrap();
        until_over(&mut engine, plan.runs.len()).await;
        engine.close().await;
    });
    let repeated = SessionLog::open(&again).unwrap().read_new().unwrap().runs;
    for ((run, resumed), repeated) in plan.runs.iter().zip(&resumed).zip(&repeated) {
        let mut whole = repeated.clone();
        // The budget was shortened in between, and is in the first event.
        whole[0] = resumed[0].clone();
        assert_eq!(first_difference(resumed, &whole), None, "{}", run.name);
    }
    assert_eq!(resumed[0].iter().filter(|event| matches!(event, Event::Adjust { .. })).count(), 1);
}

#[test]
fn a_session_that_is_written_is_not_written_by_a_second_process() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("session");
    let plan = plan("quadratic", &["train.gradients=3000000", "train.probe_every=never"]);
    block_on(async {
        let destination = Destination::Exactly(directory.clone());
        let engine = Engine::start(plan.clone(), &destination, &DeviceName::Flex.into()).unwrap();
        assert!(SessionLog::open(&directory).unwrap().is_live());
        let second =
            Engine::resume(&directory, &DeviceName::Flex.into(), Attendance::Unattended, &ignore_progress).unwrap_err();
        let expected = format!("is being written by process {}", std::process::id());
        assert!(second.to_string().contains(&expected), "{second}");
        let again = Engine::start(plan, &destination, &DeviceName::Flex.into()).unwrap_err().to_string();
        assert!(again.contains("exists and is not empty"), "{again}");
        engine.close().await;
    });
    assert!(!SessionLog::open(&directory).unwrap().is_live(), "the lock is gone with the engine");
}

/// The checkpoints of a run, the newest first.
fn checkpoints(run: &Path) -> Vec<PathBuf> {
    let step = |path: &Path| -> Option<u64> { path.file_stem()?.to_str()?.strip_prefix("checkpoint-")?.parse().ok() };
    let mut found: Vec<_> = fs::read_dir(run).unwrap().flatten().map(|entry| entry.path()).collect();
    found.retain(|path| step(path).is_some());
    found.sort_by_key(|path| std::cmp::Reverse(step(path)));
    found
}

#[test]
fn a_damaged_checkpoint_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let [whole, other] = ["whole", "cut"].map(|name| folder.path().join(name));
    let plan = plan("valley", &["train.gradients=40", "train.probe_every=\"20 gradients\""]);
    run_to(&whole, &plan);
    let expected = SessionLog::open(&whole).unwrap().read_new().unwrap().runs;
    cut(&whole, &other, 600);
    for run in &plan.runs {
        let [newest] = &checkpoints(&whole.join(&run.name))[..] else { panic!("one at the end") };
        let mut bytes = fs::read(newest).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 4;
        fs::write(other.join(&run.name).join(newest.file_name().unwrap()), bytes).unwrap();
    }
    resume(&other, plan.runs.len());
    let found = SessionLog::open(&other).unwrap().read_new().unwrap().runs;
    for (expected, found) in expected.iter().zip(&found) {
        assert_eq!(first_difference(expected, found), None);
    }
}
