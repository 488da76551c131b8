//! Whole sessions: threads, directories, logs, weights, and runs that fail while others train.

use std::{fs, path::Path, sync::Arc};

use burn::tensor::Device;
use nso_tui::{
    autodiff::{Layout, Objective, Vector},
    problem::{Examples, Metrics, Mode, Problem},
    random::Stream,
    run::{
        Command, Engine, Event, Outcome, Plan,
        device::DeviceName,
        log::{Destination, LogReader, SessionLog, Verdict, run_folders, verify},
        preset,
    },
};

use crate::training::without_time;

pub fn plan(name: &str, sets: &[&str]) -> Plan {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    preset::parse(name, &preset::find(name).unwrap(), &sets).unwrap()
}

/// Waits for every run's end; all events, run by run, as the channel delivered them.
pub async fn until_over(engine: &mut Engine, runs: usize) -> Vec<Vec<Event>> {
    let mut events = vec![Vec::new(); runs];
    let over = |events: &[Vec<Event>]| events.iter().all(|run| matches!(run.last(), Some(Event::Finish { .. })));
    while !over(&events) {
        let batch = engine.next().await.unwrap();
        events[batch.run].extend(batch.events);
    }
    events
}

pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

pub fn run_to(directory: &Path, plan: &Plan) -> Vec<Vec<Event>> {
    block_on(async {
        let destination = Destination::Exactly(directory.to_owned());
        let mut engine = Engine::start(plan.clone(), &destination, &DeviceName::Flex.into()).unwrap();
        let events = until_over(&mut engine, plan.runs.len()).await;
        engine.close().await;
        events
    })
}

const SHORT: [&str; 5] = [
    "train.gradients=60",
    "train.evaluate_every=\"30 gradients\"",
    "train.probe_every=\"30 gradients\"",
    "problem.train_samples=300",
    "train.trace_probes=2",
];

fn timeless(events: Vec<Event>) -> Vec<Event> {
    events.into_iter().map(without_time).collect()
}

#[test]
fn the_log_is_what_the_screen_saw_and_reads_back_as_the_same_session() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan("mnist-mlp", &SHORT);
    let seen = run_to(folder.path(), &plan);
    let mut session = SessionLog::open(folder.path()).unwrap();
    assert_eq!(session.plan, plan);
    assert_eq!(session.read_new().unwrap().runs, seen);
    assert!(session.read_new().unwrap().runs.iter().all(Vec::is_empty), "nothing is read twice");
}

#[test]
fn one_run_alone_logs_what_it_logs_among_four() {
    let [together, alone] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let plan = plan("mnist-mlp", &SHORT);
    let four = run_to(together.path(), &plan);
    for (index, run) in plan.runs.iter().enumerate() {
        let single = Plan { runs: vec![run.clone()], ..plan.clone() };
        let folder = alone.path().join(&run.name);
        let mut one = run_to(&folder, &single);
        assert_eq!(timeless(one.remove(0)), timeless(four[index].clone()), "{}", run.name);
    }
}

#[test]
fn weights_are_stored_under_their_pytorch_names_and_shapes() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(
        "mnist-mlp",
        &["train.gradients=4", "problem.hidden=3", "train.probe_every=never", "problem.train_samples=200"],
    );
    run_to(folder.path(), &plan);
    let bytes = fs::read(folder.path().join("NSO/weights.safetensors")).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let mut shapes: Vec<(String, Vec<usize>)> =
        file.iter().map(|(name, view)| (name.to_owned(), view.shape().to_vec())).collect();
    shapes.sort();
    let expected =
        [("fc1.bias", vec![3]), ("fc1.weight", vec![3, 784]), ("fc2.bias", vec![10]), ("fc2.weight", vec![10, 3])];
    assert_eq!(shapes, expected.map(|(name, shape)| (name.to_owned(), shape)));
}

#[test]
fn a_directory_in_use_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thesis.txt"), "precious").unwrap();
    let destination = Destination::Exactly(folder.path().to_owned());
    let error = Engine::start(plan("quadratic", &[]), &destination, &DeviceName::Flex.into()).unwrap_err().to_string();
    assert!(error.contains("exists and is not empty") && error.contains("--out"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn names_that_would_share_a_folder_get_folders_of_their_own() {
    let mut plan = plan("quadratic", &[]);
    for (run, name) in plan.runs.iter_mut().zip(["a/b", "a-b", "A-B", ".."]) {
        name.clone_into(&mut run.name);
    }
    assert_eq!(run_folders(&plan), ["a-b--1", "a-b--2", "A-B--3", "-.."]);
    for (run, name) in plan.runs.iter_mut().zip(["a/b", "a-b", "a-b--1", "session.toml"]) {
        name.clone_into(&mut run.name);
    }
    assert_eq!(run_folders(&plan), ["a-b--1", "a-b--2", "a-b--1-", "session.toml--4"]);
}

#[test]
fn a_log_cut_at_any_byte_gives_the_whole_lines_before_the_cut() {
    let folder = tempfile::tempdir().unwrap();
    run_to(folder.path(), &plan("quadratic", &["train.gradients=6", "train.evaluate_every=\"2 gradients\""]));
    let whole = fs::read(folder.path().join("NSO/events.jsonl")).unwrap();
    let lines = whole.iter().filter(|&&byte| byte == b'\n').count();
    let cut_log = folder.path().join("cut.jsonl");
    let mut growing = LogReader::new(cut_log.clone());
    let mut grown = 0;
    for cut in 0..=whole.len() {
        fs::write(&cut_log, &whole[..cut]).unwrap();
        let expected = whole[..cut].iter().filter(|&&byte| byte == b'\n').count();
        assert_eq!(LogReader::new(cut_log.clone()).read_new().unwrap().events.len(), expected, "cut at {cut}");
        grown += growing.read_new().unwrap().events.len();
        assert_eq!(grown, expected, "read on at {cut}");
    }
    assert_eq!(grown, lines);
}

#[test]
fn a_damaged_line_is_named_and_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    fs::write(&path, "{\"event\":\"pause\",\"step\":3}\n{\"event\":\"nap\"}\n{\"event\":\"resume\",\"step\":3}\n")
        .unwrap();
    let found = LogReader::new(path).read_new().unwrap();
    assert_eq!(found.events, [Event::Pause { step: 3 }, Event::Resume { step: 3 }]);
    let [damaged] = &found.damaged[..] else { panic!("{:?}", found.damaged) };
    assert_eq!((damaged.line, damaged.offset), (2, 27));
    assert!(damaged.to_string().contains("events.jsonl, line 2 (byte 27): unknown variant `nap`"), "{damaged}");
}

#[test]
fn no_flipped_bit_of_a_log_changes_a_value_or_another_line() {
    let folder = tempfile::tempdir().unwrap();
    run_to(folder.path(), &plan("quadratic", &["train.gradients=6", "train.evaluate_every=\"2 gradients\""]));
    let path = folder.path().join("NSO/events.jsonl");
    let whole = fs::read(&path).unwrap();
    let written = LogReader::new(path.clone()).read_new().unwrap().events;
    let texts: Vec<String> = written.iter().map(|event| format!("{event:?}")).collect();
    for bit in (0..8 * whole.len()).step_by(7) {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &flipped).unwrap();
        let found = LogReader::new(path.clone()).read_new().unwrap();
        let read: Vec<String> = found.events.iter().map(|event| format!("{event:?}")).collect();
        // What is read was written, in that order, and at most two lines are lost: a flipped line feed joins two.
        let mut rest = texts.iter();
        assert!(read.iter().all(|event| rest.any(|written| written == event)), "bit {bit}");
        assert!(read.len() + 2 >= texts.len(), "bit {bit}: {} of {}", read.len(), texts.len());
        let damaged =
            verify(folder.path()).unwrap().iter().filter(|file| matches!(file.verdict, Verdict::Damaged(_))).count();
        assert_eq!(damaged, 1, "bit {bit}");
    }
}

/// A problem whose gradient panics in the run of that curvature; otherwise a bowl.
struct Trap {
    bowl: nso_tui::problem::Quadratic,
}

impl Problem for Trap {
    fn layout(&self) -> &Layout {
        Problem::layout(&self.bowl)
    }
    fn initial(&self, random: &mut Stream) -> Vec<f64> {
        self.bowl.initial(random)
    }
    fn objective_in(&self, mode: Mode, examples: Examples<'_>) -> Box<dyn Objective + '_> {
        assert!(std::thread::current().name() != Some("SAM"), "the trap in SAM's thread");
        self.bowl.objective_in(mode, examples)
    }
    fn evaluate(&self, w: &Vector, buffers: Option<&Vector>) -> Metrics {
        self.bowl.evaluate(w, buffers)
    }
    fn device(&self) -> &Device {
        self.bowl.device()
    }
}

#[test]
fn a_panic_in_one_run_ends_that_run_alone() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan("quadratic", &["train.gradients=100"]);
    let trap = Trap { bowl: nso_tui::problem::Quadratic::new(vec![1.0], vec![0.0], vec![1.0], Device::flex()) };
    let events = block_on(async {
        let trap: Arc<dyn Problem> = Arc::new(trap);
        let destination = Destination::Exactly(folder.path().to_owned());
        let mut engine = Engine::with_problem(plan.clone(), &trap, &destination).unwrap();
        let events = until_over(&mut engine, 4).await;
        engine.close().await;
        events
    });
    for (run, events) in plan.runs.iter().zip(&events) {
        let Some(Event::Finish { outcome, reason, .. }) = events.last() else { panic!("{}", run.name) };
        if run.name == "SAM" {
            assert_eq!(*outcome, Outcome::Failed);
            assert!(reason.as_ref().unwrap().contains("the trap in SAM's thread"), "{reason:?}");
        } else {
            assert_eq!(*outcome, Outcome::Completed, "{}", run.name);
        }
    }
    assert_eq!(SessionLog::open(folder.path()).unwrap().read_new().unwrap().runs, events);
}

#[test]
fn a_receiver_that_never_reads_loses_nothing_and_delays_no_run() {
    let plan = plan("quadratic", &["train.gradients=20000", "train.evaluate_every=\"2 gradients\""]);
    let folder = tempfile::tempdir().unwrap();
    let destination = Destination::Exactly(folder.path().to_owned());
    let events = block_on(async {
        let mut engine = Engine::start(plan.clone(), &destination, &DeviceName::Flex.into()).unwrap();
        // Nothing is received until every log has its end: the runs do not wait for the receiver.
        let mut logs = SessionLog::open(folder.path()).unwrap();
        let mut over = 0;
        while over < 4 {
            over +=
                logs.read_new().unwrap().runs.iter().flatten().filter(|e| matches!(e, Event::Finish { .. })).count();
            std::thread::yield_now();
        }
        let events = until_over(&mut engine, 4).await;
        engine.close().await;
        events
    });
    // As text, since a free trace of one pair has no standard error: NaN.
    let logged = SessionLog::open(folder.path()).unwrap().read_new().unwrap().runs;
    assert!(format!("{logged:?}") == format!("{events:?}"));
    assert_eq!(events[0].iter().filter(|e| matches!(e, Event::Step { .. })).count(), 20_000);
}

#[test]
fn closing_stops_what_still_runs() {
    let plan = plan("quadratic", &["train.gradients=100000000"]);
    let last = block_on(async {
        let mut engine = Engine::start(plan, &Destination::Nowhere, &DeviceName::Flex.into()).unwrap();
        engine.next().await.unwrap();
        engine.close().await
    });
    let stopped = last
        .iter()
        .flat_map(|batch| &batch.events)
        .filter(|e| matches!(e, Event::Finish { outcome: Outcome::Stopped, .. }));
    assert_eq!(stopped.count(), 4);
}

#[test]
fn a_change_that_comes_too_late_is_refused() {
    let plan = plan("quadratic", &["train.gradients=50"]);
    let answer = block_on(async {
        let mut engine = Engine::start(plan, &Destination::Nowhere, &DeviceName::Flex.into()).unwrap();
        until_over(&mut engine, 4).await;
        engine.send(0, Command::Adjust { hyperparameter: nso_tui::optimizer::Hyperparameter::Lr, value: 0.1 });
        let answer = engine.next().await.unwrap();
        engine.close().await;
        answer
    });
    assert!(matches!(&answer.events[..], [Event::Reject { reason, .. }] if reason == "the run is over"), "{answer:?}");
}
