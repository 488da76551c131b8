//! The validation split: which examples it holds, that training never sees them, and what is kept of the run at its best.

use std::{collections::BTreeSet, fs};

use burn::tensor::Device;
use nso_tui::{
    autodiff::vector_like,
    data,
    figure::{History, Options, RecordedRun, SessionRun, export},
    problem::{Examples, Metrics},
    run::{Event, Plan, preset},
    tui::{App, Recording, Setup, Writer, print},
};
use safetensors::SafeTensors;

use crate::{
    sessions::run_to,
    training::{plan, run},
};

const SMALL: [&str; 7] = [
    "problem.train_samples=400",
    "problem.validation_share=0.25",
    "train.gradients=400",
    "train.batch=20",
    "train.evaluate_every=\"20 gradients\"",
    "train.probe_every=never",
    "defaults.lr=0.2",
];

fn evaluations(events: &[Event]) -> Vec<(u64, Metrics)> {
    let told = events.iter().filter_map(|e| match e {
        Event::Eval { at, metrics, .. } => Some((at.step, *metrics)),
        _ => None,
    });
    told.collect()
}

/// Pixels of the examples of a problem, as sets of bits: those trained on, those held out.
fn images(images: &data::Images) -> BTreeSet<Vec<u8>> {
    images.pixels().chunks(784).map(<[u8]>::to_vec).collect()
}

#[test]
fn a_validation_set_is_a_share_of_every_class_and_no_part_of_training() {
    let all = data::mnist::embedded().unwrap().train;
    let share = data::Share::new(0.1).unwrap();
    let (train, validation) = all.clone().validated(share, 3).unwrap();
    let validation = validation.unwrap();
    assert_eq!((train.len(), validation.len()), (3600, 400));
    for class in 0..10 {
        assert_eq!(validation.labels().iter().filter(|&&label| label == class).count(), 40);
    }
    let (kept, held_out) = (images(&train), images(&validation));
    assert!(kept.is_disjoint(&held_out));
    assert_eq!(kept.union(&held_out).count(), images(&all).len());
    let again = all.clone().validated(share, 3).unwrap().1.unwrap();
    assert!(validation == again && validation != all.clone().validated(share, 4).unwrap().1.unwrap());
    let (same, none) = all.clone().validated(data::Share::NONE, 3).unwrap();
    assert!(none.is_none() && same == all, "nothing is moved where nothing is held out");
    let few = all.per_class(1, 1).validated(share, 3).unwrap_err().to_string();
    assert!(few.contains("problem.validation_share"), "{few}");
}

#[test]
fn training_has_fewer_examples_and_evaluations_have_three_splits() {
    let problem = plan("mnist-mlp", &SMALL).problem.build(1, &Device::flex()).unwrap();
    let train = problem.examples().unwrap().get();
    let validation = problem.evaluated_examples() - train - 1000;
    assert!(train + validation == 400 && (95..=105).contains(&validation), "{validation}");
    let (events, _) = run(&plan("mnist-mlp", &SMALL), "SGD");
    for (_, metrics) in evaluations(&events) {
        let accuracy = metrics.validation_accuracy.unwrap();
        let right = accuracy * validation as f64;
        assert!((right - right.round()).abs() < 1e-3, "of {validation} digits: {accuracy}");
        assert!(metrics.validation_loss.unwrap() > 0.0 && metrics.validation_loss != metrics.test_loss);
    }
    let none: Vec<&str> = SMALL.into_iter().filter(|set| !set.contains("validation_share")).collect();
    let (events, finished) = run(&plan("mnist-mlp", &none), "SGD");
    assert!(evaluations(&events).iter().all(|(_, metrics)| metrics.validation_loss.is_none()));
    assert!(finished.best.is_none());
}

/// The best is the evaluation of the lowest validation loss; its weights, loaded again, have that very loss.
#[test]
fn the_best_by_validation_is_kept_beside_the_last() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("session");
    let plan = plan("mnist-mlp", &SMALL);
    let events = run_to(&directory, &plan);
    let sgd = &events[0];
    let told = evaluations(sgd);
    let (step, best) =
        *told.iter().min_by(|a, b| a.1.validation_loss.unwrap().total_cmp(&b.1.validation_loss.unwrap())).unwrap();
    assert!(step > 0 && step < told.last().unwrap().0, "the test needs a best that is not the last: {step}");
    assert!(
        matches!(sgd.last(), Some(Event::Finish { best_step: Some(told), .. }) if *told == step),
        "{:?}",
        sgd.last()
    );
    let history: History = sgd.iter().collect();
    assert_eq!(history.best().map(|best| (best.at.step, best.metrics)), Some((step, best)));

    let problem = plan.problem.build(1, &Device::flex()).unwrap();
    let load = |name: &str| {
        let file = fs::read(directory.join("SGD").join(name)).unwrap();
        let file = SafeTensors::deserialize(&file).unwrap();
        let numbers: Vec<f64> = problem
            .layout()
            .entries()
            .iter()
            .flat_map(|entry| file.tensor(&entry.name).unwrap().data().to_vec())
            .collect::<Vec<u8>>()
            .chunks(4)
            .map(|b| f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]])))
            .collect();
        let like = nso_tui::autodiff::Vector::zeros([1], &Device::flex());
        problem.evaluate(&vector_like(&numbers, &like), None)
    };
    assert_eq!(load("best.safetensors"), best);
    assert_eq!(load("weights.safetensors"), told.last().unwrap().1);
}

/// The table of the dashboard has the test accuracy at the lowest validation loss and when that was; CSV has its values.
#[test]
fn the_best_by_validation_is_in_the_table_and_in_files() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("session");
    let plan = plan("mnist-mlp", &SMALL);
    let events = run_to(&directory, &plan);
    let history: History = events[0].iter().collect();
    let best = history.best().unwrap();
    let runs = RecordedRun::of(&plan, &events);
    let app = App::replay(Recording { plan, runs, directory, writer: Writer::Gone, damage: None }, Setup::default());
    let screen = print::frame(&app, "120x40".parse().unwrap());
    let accuracy = best.metrics.test_accuracy.unwrap();
    assert!(screen.contains("at best val."), "{screen}");
    assert!(screen.contains(&format!("{:.1} % @ {}", 100.0 * accuracy, best.at.gradients)), "{screen}");

    let path = folder.path().join("session.csv");
    let run = SessionRun { name: "SGD".to_owned(), history, events: Vec::new() };
    let session = nso_tui::figure::Session { runs: vec![run], ..Default::default() };
    export(&session, &path, &Options::default()).unwrap();
    let csv = fs::read_to_string(&path).unwrap();
    let loss = best.metrics.validation_loss.unwrap();
    let row = csv.lines().find(|line| line.starts_with("SGD,best_validation_loss,")).unwrap();
    assert!(
        row.contains(&format!(",{},{},", best.at.step, best.at.gradients)) && row.contains(&loss.to_string()),
        "{row}"
    );
    assert!(csv.contains("SGD,validation_accuracy,"));
}

#[test]
fn a_run_without_validation_keeps_no_best() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("session");
    run_to(&directory, &plan("quadratic", &["train.gradients=20"]));
    assert!(directory.join("SGD/weights.safetensors").is_file() && !directory.join("SGD/best.safetensors").exists());
}

/// The examples that training never sees can be asked for one by one: those of the validation set, then those of the test set.
#[test]
fn held_out_examples_are_validation_then_test() {
    let plan = plan("mnist-softmax", &["problem.train_samples=40", "problem.validation_share=0.25"]);
    let problem = plan.problem.build(1, &Device::flex()).unwrap();
    let like = nso_tui::autodiff::Vector::zeros([1], &Device::flex());
    let w = vector_like(&crate::common::scattered(7850 - 10, 0.3), &like) * 0.05;
    let losses = problem.example_losses(&w, None).unwrap();
    let read = |v: &nso_tui::autodiff::Vector| nso_tui::autodiff::values(v);
    let held_out = [read(&losses.validation.unwrap()), read(&losses.test)].concat();
    let validation = 40 - read(&losses.train).len();
    assert!(held_out.len() == 1000 + validation && (8..=12).contains(&validation), "{validation}");
    let loss =
        |indices: &[usize]| nso_tui::autodiff::read(vec![problem.objective(Examples::HeldOut(indices)).loss(&w)])[0];
    for at in [0, validation - 1, validation, 500, held_out.len() - 1] {
        assert!((loss(&[at]) / held_out[at] - 1.0).abs() < 1e-5, "{at}");
    }
    let mixed = loss(&[3, 700]);
    assert!((mixed - f64::midpoint(held_out[3], held_out[700])).abs() < 1e-5, "{mixed}");
}

fn parsed(problem: &str, runs: &str) -> Result<Plan, String> {
    let text = format!("[problem]\n{problem}\n[train]\nsteps = 1\nbatch = 4\nprobe_every = \"never\"\n{runs}");
    preset::parse("t", &text, &[]).map_err(|error| error.to_string())
}

#[test]
fn shares_out_of_range_are_refused() {
    for (share, kind) in [("1", "mnist-mlp"), ("-0.1", "fine-tune"), ("0.95", "fashion-cnn")] {
        let error = parsed(
            &format!("kind = \"{kind}\"\nvalidation_share = {share}"),
            "[[run]]\nname = \"a\"\nmethod = \"sgd\"\n",
        )
        .unwrap_err();
        assert!(error.contains("problem.validation_share") && error.contains("from 0 to 0.9"), "{error}");
    }
}

/// Augmentation is a run's own: by its keys, else by the problem's. What is written reads back.
#[test]
fn augmentation_belongs_to_a_run() {
    let runs = "[[run]]\nname = \"plain\"\nmethod = \"sgd\"\nflip = \"never\"\n[[run]]\nname = \"flipped\"\nmethod = \"sgd\"\n";
    let plan = parsed("kind = \"fine-tune\"\nper_class = 2\nflip = \"half\"", runs).unwrap();
    let none = |index: usize| plan.runs[index].augmentation.unwrap().is_none();
    assert!(none(0) && !none(1));
    let written = preset::parse("t", &preset::to_toml(&plan), &[]).unwrap();
    assert_eq!(written, plan);
    let error =
        parsed("kind = \"mnist-mlp\"", "[[run]]\nname = \"a\"\nmethod = \"sgd\"\nflip = \"half\"\n").unwrap_err();
    assert!(error.contains("run.a.flip"), "{error}");
}

/// Two runs of one session that differ in augmentation alone see different pictures; two that do not, the same.
#[test]
fn augmented_and_plain_twins_train_side_by_side() {
    let runs = "[[run]]\nname = \"a\"\nmethod = \"sgd\"\n[[run]]\nname = \"b\"\nmethod = \"sgd\"\n\
                [[run]]\nname = \"c\"\nmethod = \"sgd\"\ncrop_padding = 4\nflip = \"half\"\n";
    let folder = tempfile::tempdir().unwrap();
    let plan = parsed("kind = \"fine-tune\"\nper_class = 2\nvalidation_share = 0", runs).unwrap();
    let events = run_to(&folder.path().join("session"), &plan);
    let loss = |run: usize| {
        events[run].iter().find_map(|e| if let Event::Step { loss, .. } = e { Some(*loss) } else { None }).unwrap()
    };
    assert_eq!(loss(0), loss(1));
    assert_ne!(loss(0), loss(2));
}
