//! Averages of the weights against plain loops: stochastic weight averaging and the exponential moving average of a path that is
//! known, their batch-norm buffers, and that they leave the trajectory alone.

use std::fs;

use burn::tensor::Device;
use nso_tui::{
    autodiff::values,
    figure::{self, Options},
    problem::{CrossEntropy, ImageDataset, MobileNetV2, Network, Supervised},
    random::{Purpose, stream},
    run::{
        AverageEval, Averaging, Cadence, Command, Event, FinalState, Inbox, Job, Plan, log::SessionLog, preset, train,
    },
};
use rand::seq::SliceRandom;
use safetensors::SafeTensors;

use crate::{
    common::apart,
    networks::data,
    sessions::run_to,
    training::{plan, run, weights},
};

/// Sixty steps of SGD on 1/2 (w_1^2 + .1 w_2^2) from (1, 1) with lr .5, evaluated every tenth, averaged as `sets` say.
fn quadratic(sets: &[&str]) -> (Vec<Event>, FinalState) {
    let length = ["train.steps=60", "train.evaluate_every=\"10 steps\"", "train.probe_every=never"];
    run(&plan("quadratic", &[&length[..], sets].concat()), "SGD")
}

/// w_k, k = 0 to 60, of that path: each step multiplies w_i by 1 - lr h_i.
fn path() -> Vec<[f64; 2]> {
    let mut w = [1.0, 1.0];
    let mut path = vec![w];
    for _ in 0..60 {
        w = [w[0] - 0.5 * w[0], w[1] - 0.5 * 0.1 * w[1]];
        path.push(w);
    }
    path
}

fn evaluations(events: &[Event]) -> Vec<AverageEval> {
    events.iter().filter_map(|event| if let Event::AverageEval(eval) = event { Some(**eval) } else { None }).collect()
}

fn loss(w: [f64; 2]) -> f64 {
    0.5 * (w[0] * w[0] + 0.1 * w[1] * w[1])
}

#[test]
fn swa_is_the_mean_of_the_iterates_from_its_start_on() {
    let sets = ["run.SGD.average=swa", "run.SGD.average_start=0.5", "run.SGD.average_every=\"7 steps\""];
    let (events, state) = quadratic(&sets);
    // The thirtieth step is the first at half of the budget; then the multiples of seven.
    let entered = [30, 35, 42, 49, 56];
    let path = path();
    let mean = |upto: usize| {
        let (mut sum, mut count) = ([0.0, 0.0], 0.0);
        for &k in entered.iter().filter(|&&k| k <= upto) {
            sum = [sum[0] + path[k][0], sum[1] + path[k][1]];
            count += 1.0;
        }
        [sum[0] / count, sum[1] / count]
    };
    let average = state.average.unwrap();
    assert!(average.iterates == 5 && average.buffers.is_none());
    let off = apart(&values(&average.weights), &mean(60));
    assert!(off < 1e-6, "{off:e}");
    let evaluations = evaluations(&events);
    assert_eq!(evaluations.iter().map(|eval| eval.at.step).collect::<Vec<_>>(), [30, 40, 50, 60]);
    assert_eq!(evaluations.iter().map(|eval| eval.iterates).collect::<Vec<_>>(), [1, 2, 4, 5]);
    for eval in evaluations {
        let expected = loss(mean(usize::try_from(eval.at.step).unwrap()));
        assert!((eval.metrics.train_loss.unwrap() / expected - 1.0).abs() < 1e-5, "{eval:?}");
    }
}

/// (1 - d) / (1 - d^n) sum_k d^(n - k) w_k over the steps k = 1 to n, or over each second one.
#[test]
fn the_moving_average_has_exponential_weights_that_sum_to_one() {
    let path = path();
    for (every, sets) in [
        (1, &["run.SGD.average=ema", "run.SGD.average_decay=0.9"][..]),
        (2, &["run.SGD.average=ema", "run.SGD.average_decay=0.9", "run.SGD.average_every=\"2 steps\""]),
    ] {
        let (events, state) = quadratic(sets);
        let entered: Vec<[f64; 2]> = (every..=60).step_by(every).map(|k| path[k]).collect();
        let (mut sum, mut total) = ([0.0, 0.0], 0.0);
        for (age, w) in entered.iter().rev().enumerate() {
            let share = 0.9_f64.powi(i32::try_from(age).unwrap());
            sum = [sum[0] + share * w[0], sum[1] + share * w[1]];
            total += share;
        }
        let average = state.average.unwrap();
        assert_eq!(average.iterates as usize, entered.len());
        let off = apart(&values(&average.weights), &[sum[0] / total, sum[1] / total]);
        assert!(off < 1e-6, "{off:e}");
        assert_eq!(evaluations(&events).len(), 6, "none before the first step");
    }
}

#[test]
fn an_average_changes_neither_the_trajectory_nor_its_measurements() {
    let short = [
        "train.gradients=60",
        "train.evaluate_every=\"20 gradients\"",
        "train.probe_every=\"30 gradients\"",
        "problem.train_samples=300",
        "train.trace_probes=2",
    ];
    let without = run(&plan("mnist-mlp", &short), "NSO");
    for kind in ["swa", "ema"] {
        let average = format!("defaults.average={kind}");
        let with = run(&plan("mnist-mlp", &[&short[..], &[&average, "defaults.average_start=0.4"]].concat()), "NSO");
        assert!(weights(&with) == weights(&without), "{kind}");
        assert!(!evaluations(&with.0).is_empty(), "{kind}");
        let live: Vec<Event> = with
            .0
            .into_iter()
            .filter(|event| !matches!(event, Event::AverageEval(_) | Event::AverageProbe(_)))
            .collect();
        assert_eq!(live, without.0, "{kind}");
    }
}

/// Commands of a run that gets none.
struct Silent;

impl Inbox for Silent {
    fn poll(&mut self, _step: u64) -> Option<Command> {
        None
    }

    fn wait(&mut self) -> Command {
        Command::Stop
    }
}

/// The first convolution of a MobileNetV2 by loops, 3 x 3 with stride 1 and a border of zeros: all outputs of one channel.
fn stem(kernel: &[f64], image: &[f32], channel: usize) -> Vec<f64> {
    const SIDE: i64 = 32;
    let pixel = |c: i64, y: i64, x: i64| -> f64 {
        let inside = (0..SIDE).contains(&y) && (0..SIDE).contains(&x);
        if inside { f64::from(image[usize::try_from((c * SIDE + y) * SIDE + x).unwrap()]) } else { 0.0 }
    };
    let mut outputs = Vec::new();
    for y in 0..SIDE {
        for x in 0..SIDE {
            let mut sum = 0.0;
            for c in 0..3 {
                for (dy, dx) in (0..3).flat_map(|dy| (0..3).map(move |dx| (dy, dx))) {
                    let at = usize::try_from((c * 3 + dy) * 3 + dx).unwrap();
                    sum += kernel[channel * 27 + at] * pixel(c, y + dy - 1, x + dx - 1);
                }
            }
            outputs.push(sum);
        }
    }
    outputs
}

/// The buffers of the average are those of clean passes at the average: for the first normalisation of a MobileNetV2 the mean over
/// two minibatches of four images of the mean and of the unbiased variance of the convolution before it.
#[test]
fn the_buffers_of_an_average_are_those_of_a_plain_pass() {
    let network = MobileNetV2::new(7, 1, 32);
    let (layout, buffers) = (network.layout().clone(), network.buffers().clone());
    let images = data(8, 32);
    let dataset = ImageDataset::without_validation(&images, &images, &Device::flex());
    let problem = Supervised::new(network, dataset, CrossEntropy);
    let plan = plan(
        "mnist-mlp",
        &[
            "train.steps=3",
            "train.batch=4",
            "train.evaluate_every=\"1 epoch\"",
            "train.probe_every=never",
            "defaults.lr=0.5",
        ],
    );
    let mut run = plan.runs[0].clone();
    run.average = Some(Averaging::Swa { start: 0.0, every: Cadence::Steps(1) });
    let mut events = Vec::new();
    let job = Job { run: &run, train: &plan.train, problem: &problem, checkpoint: None, interruption: None };
    let exit = train(job, &mut Silent, &mut |event| {
        events.push(event);
        Ok(())
    });
    let state = exit.unwrap();
    let average = state.average.unwrap();
    let evaluated: Vec<_> = evaluations(&events).iter().map(|eval| (eval.iterates, eval.forward_passes)).collect();
    assert_eq!(evaluated, [(2, 2), (3, 4)], "an evaluation each epoch of two steps and at the end");

    let w = values(&average.weights);
    let kernel = layout.entries().iter().find(|entry| entry.name == "features.0.0.weight").unwrap();
    let kernel = &w[kernel.offset..kernel.offset + kernel.len()];
    let mut order: Vec<usize> = (0..8).collect();
    order.shuffle(&mut stream(plan.train.seed, Purpose::Batches));
    let pixels = 3 * 32 * 32;
    let of = |name: &str, found: &[f64]| {
        let entry = buffers.entries().iter().find(|entry| entry.name == name).unwrap();
        found[entry.offset..entry.offset + entry.len()].to_vec()
    };
    let (mut means, mut variances) = (Vec::new(), Vec::new());
    for channel in 0..32 {
        let (mut mean, mut variance) = (0.0, 0.0);
        for batch in order.chunks(4) {
            let outputs: Vec<f64> = batch
                .iter()
                .flat_map(|&image| stem(kernel, &images.inputs[image * pixels..(image + 1) * pixels], channel))
                .collect();
            let count = outputs.len() as f64;
            let of_batch = outputs.iter().sum::<f64>() / count;
            mean += of_batch / 2.0;
            variance += outputs.iter().map(|x| (x - of_batch).powi(2)).sum::<f64>() / (count - 1.0) / 2.0;
        }
        means.push(mean);
        variances.push(variance);
    }
    let [averaged, live] = [average.buffers, state.buffers].map(|buffers| values(&buffers.unwrap()));
    for (name, expected) in [("features.0.1.running_mean", means), ("features.0.1.running_var", variances)] {
        let off = apart(&of(name, &averaged), &expected);
        assert!(off < 1e-4, "{name}: {off:e}");
        assert!(apart(&of(name, &live), &expected) > 0.1, "{name}: the run's own buffers are others");
    }
}

/// Loss, gradient norm, trace and largest eigenvalue of 1/2 x^2 (1 + y^2), whose Hessian is [[1 + y^2, 2 x y], [2 x y, x^2]].
fn valley(w: &[f64]) -> [f64; 4] {
    let [x, y] = [w[0], w[1]];
    let [across, mixed, along] = [1.0 + y * y, 2.0 * x * y, x * x];
    let trace = across + along;
    let lambda_max = trace / 2.0 + (across / 2.0 - along / 2.0).hypot(mixed);
    [0.5 * x * x * across, (x * across).hypot(x * x * y), trace, lambda_max]
}

/// The valley's Hessian is another one at the average, which lags behind, than at the weights of the last step. Hutch++ is exact in two
/// dimensions.
#[test]
fn curvature_is_measured_at_the_average_too() {
    let (events, state) = {
        let length = ["train.gradients=20", "train.evaluate_every=\"20 gradients\"", "defaults.lr=0.03"];
        let probe = ["train.probe_every=\"10 gradients\"", "train.trace_estimator=hutch++", "run.SGD.average=ema"];
        run(&plan("valley", &[length, probe].concat()), "SGD")
    };
    let steps = |at_average: bool| {
        let step = |event: &Event| match event {
            Event::Probe(probe) if !at_average => Some(probe.at.step),
            Event::AverageProbe(probe) if at_average => Some(probe.at.step),
            _ => None,
        };
        events.iter().filter_map(step).collect::<Vec<_>>()
    };
    assert_eq!((steps(false), steps(true)), (vec![0, 10, 20], vec![10, 20]));
    let last = events.iter().rev().find_map(|e| if let Event::AverageProbe(probe) = e { Some(probe) } else { None });
    let last = last.unwrap();
    let found = [last.loss.unwrap(), last.gradient_norm.unwrap(), last.trace.mean, last.lambda_max.value];
    let [averaged, live] = [state.average.unwrap().weights, state.weights].map(|w| valley(&values(&w)));
    for ((found, averaged), live) in found.into_iter().zip(averaged).zip(live) {
        assert!((found / averaged - 1.0).abs() < 1e-4, "{last:?} {averaged}");
        assert!((live / averaged - 1.0).abs() > 0.02, "{live} {averaged}");
    }
}

fn parsed(sets: &[&str]) -> Result<Plan, String> {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    preset::parse("t", &preset::find("quadratic").unwrap(), &sets).map_err(|error| error.to_string())
}

#[test]
fn averages_are_set_for_every_run_or_for_one_and_read_back() {
    let plan =
        parsed(&["defaults.average=ema", "defaults.average_decay=0.9", "run.NSO.average=none", "run.SAM.average=swa"]);
    let plan = plan.unwrap();
    let averages: Vec<_> = plan.runs.iter().map(|run| run.average).collect();
    let ema = Some(Averaging::Ema { decay: 0.9, every: Cadence::Steps(1) });
    assert_eq!(averages, [ema, ema, Some(Averaging::Swa { start: 0.75, every: Cadence::Epochs(1) }), None]);
    assert_eq!(preset::parse("t", &preset::to_toml(&plan), &[]).unwrap().runs, plan.runs);
    for (sets, fault) in [
        (&["run.SGD.average=sma"][..], "t: run.SGD.average: 'sma' is none of none, swa, ema, did you mean 'swa'?"),
        (&["run.SGD.average_decay=0.9"], "t: run.SGD.average_decay: is a setting of average = \"ema\""),
        (
            &["run.SGD.average=ema", "run.SGD.average_start=0.9"],
            "run.SGD.average_start: is a setting of average = \"swa\"",
        ),
        (&["run.SGD.average_every=\"1 step\""], "run.SGD.average_every: is a setting of average"),
        (&["run.SGD.average=ema", "run.SGD.average_decay=1"], "run.SGD.average_decay: 1 is out of range"),
        (&["defaults.average_start=-0.1"], "defaults.average_start: -0.1 is out of range"),
        (&["defaults.average_every=often"], "defaults.average_every: 'often' is not an interval"),
    ] {
        let found = parsed(sets).unwrap_err();
        assert!(found.contains(fault), "{sets:?}\n  said     {found}\n  expected {fault}");
    }
}

#[test]
fn a_session_keeps_the_average_and_its_log_reads_back() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan("quadratic", &["train.steps=20", "run.SGD.average=ema", "train.probe_every=never"]);
    let events = run_to(folder.path(), &plan);
    let file = fs::read(folder.path().join("SGD/average.safetensors")).unwrap();
    assert_eq!(SafeTensors::deserialize(&file).unwrap().tensor("w").unwrap().shape(), [2]);
    assert!(!folder.path().join("NSO/average.safetensors").exists());
    let log = fs::read_to_string(folder.path().join("SGD/events.jsonl")).unwrap();
    let read: Vec<Event> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(read, events[0]);
    let average = log.lines().find(|line| line.contains("average_eval")).unwrap();
    assert!(average.contains("\"average\":\"ema\",\"iterates\":") && average.contains("\"train_loss\":"), "{average}");
    let table = folder.path().join("table.csv");
    let mut session = SessionLog::open(folder.path()).unwrap();
    let read = session.read_new().unwrap().runs;
    figure::export(&figure::Session::new(&session.plan, read), &table, &Options::default()).unwrap();
    let table = fs::read_to_string(table).unwrap();
    let rows: Vec<&str> = table.lines().filter(|row| row.starts_with("SGD,average_train_loss,")).collect();
    let losses: Vec<f64> = rows.iter().map(|row| row.split(',').nth(6).unwrap().parse().unwrap()).collect();
    let expected = evaluations(&events[0]).into_iter().map(|eval| eval.metrics.train_loss.unwrap());
    assert_eq!(losses, expected.collect::<Vec<_>>());
    assert!(table.contains("SGD,average_distance,") && !table.contains("NSO,average_"));
}

/// Commands are asked for once before each step: this inbox stops the run before its 26th.
struct StopAfter(u32);

impl Inbox for StopAfter {
    fn poll(&mut self, _step: u64) -> Option<Command> {
        self.0 = self.0.checked_sub(1)?;
        (self.0 == 0).then_some(Command::Stop)
    }

    fn wait(&mut self) -> Command {
        Command::Stop
    }
}

/// The average of the first 20 iterates, not that of all 25: a newer one would need batch-norm buffers of its own, an epoch of
/// forward passes, before the run could end.
#[test]
fn a_stopped_run_keeps_the_average_that_was_evaluated_last() {
    let sets =
        ["train.steps=60", "train.evaluate_every=\"10 steps\"", "train.probe_every=never", "run.SGD.average=ema"];
    let plan = plan("quadratic", &sets);
    let problem = plan.problem.build(1, &Device::flex()).unwrap();
    let run = plan.runs.iter().find(|run| run.name == "SGD").unwrap();
    let job = Job { run, train: &plan.train, problem: problem.as_ref(), checkpoint: None, interruption: None };
    let exit = train(job, &mut StopAfter(26), &mut |_| Ok(())).unwrap();
    let state = exit;
    assert_eq!((state.at.step, state.average.unwrap().iterates), (25, 20));
}
