//! A made-up session of four methods, every number from a formula, and the helpers that make a test one line:
//! a scene, keys, what follows.

use std::{path::PathBuf, time::Duration};

use crate::{
    figure::RecordedRun,
    optimizer::{Hyperparameter, Hyperparameters},
    problem::Metrics,
    run::{
        Budget, Cadence, CurvaturePlan, Eigenvalue, Estimate, Event, Outcome, Plan, Position, Probe, ProblemConfig,
        RunHeader, RunPlan, Train, WeightStats, problem::ValleySettings,
    },
    tui::{
        Appearance, Colours, Effect, EntryKind, Glyphs, Msg, PresetEntry, Recording, Setup, Writer,
        app::App,
        key::parse_script,
        message::InitialScreen,
        print::{frame, press},
    },
};

/// Gradient evaluations that each run may spend.
const BUDGET: u64 = 4_000;

/// An app under test, with all that it has asked of the world.
pub struct Scene {
    pub app: App,
    pub asked: Vec<Effect>,
}

impl Scene {
    /// The dashboard on `start`, in the look of a test.
    pub fn new(start: InitialScreen) -> Self {
        let (app, asked) = App::new(start, setup(Glyphs::Unicode));
        Self { app, asked }
    }

    /// The list of presets.
    pub fn picker() -> Self {
        Self::new(InitialScreen::Picker)
    }

    /// A session that was asked for and has not started.
    pub fn starting() -> Self {
        Self::new(InitialScreen::Plan(Box::new(plan())))
    }

    /// A session in full swing.
    pub fn watching() -> Self {
        Self::starting().running()
    }

    /// The same with nothing but seven-bit characters and no colours.
    pub fn in_ascii() -> Self {
        let (app, asked) = App::new(InitialScreen::Plan(Box::new(plan())), setup(Glyphs::Ascii));
        Self { app, asked }.running()
    }

    /// A session read from its log.
    pub fn replaying() -> Self {
        let runs = plan().runs.len();
        let events: Vec<_> = (0..runs)
            .map(|run| [events(run, BUDGET), vec![finish(BUDGET, Outcome::Completed, None)]].concat())
            .collect();
        let recording = Recording {
            plan: plan(),
            runs: RecordedRun::of(&plan(), &events),
            directory: PathBuf::from("runs/20260102T030405Z-mnist-mlp-c0de"),
            writer: Writer::Gone,
            damage: None,
        };
        Self { app: App::replay(recording, setup(Glyphs::Unicode)), asked: Vec::new() }
    }

    fn running(self) -> Self {
        let directory = Some(PathBuf::from("runs/20260102T030405Z-mnist-mlp-c0de"));
        self.receive(Msg::Started { directory })
            .run(0, events(0, 2_480))
            .run(1, events(1, 2_040))
            .run(2, events(2, 1_600))
            .run(3, events(3, 1_960))
            .receive(Msg::Tick(Duration::from_secs(42)))
    }

    /// Presses the keys of a script.
    pub fn keys(mut self, script: &str) -> Self {
        for key in parse_script(script).unwrap() {
            self = self.receive(Msg::Key(key));
        }
        self
    }

    /// Takes a message in.
    pub fn receive(mut self, message: Msg) -> Self {
        self.asked.extend(self.app.update(message));
        self
    }

    /// Events of one run.
    pub fn run(self, run: usize, events: Vec<Event>) -> Self {
        self.receive(Msg::Events(vec![(run, events)]))
    }

    /// The screen at that size.
    pub fn at(&self, size: &str) -> String {
        frame(&self.app, size.parse().unwrap())
    }

    /// What was asked since the scene was set, in words.
    pub fn asked(&self) -> Vec<String> {
        self.asked.iter().map(|effect| format!("{effect:?}")).collect()
    }
}

/// Presses keys without looking at what they ask.
pub fn pressed(mut app: App, script: &str) -> App {
    press(&mut app, &parse_script(script).unwrap());
    app
}

pub fn setup(glyphs: Glyphs) -> Setup {
    let colours = if glyphs == Glyphs::Ascii { Colours::None } else { Colours::True };
    Setup { choices: choices(), device: "flex, one thread a run".into(), appearance: Appearance { colours, glyphs } }
}

pub fn choices() -> Vec<PresetEntry> {
    let like = |name: &str, title: &str, takes: &str| Plan {
        preset: name.into(),
        title: title.into(),
        takes: takes.into(),
        about: format!("About {name}."),
        ..plan()
    };
    let plans = [
        like("valley", "Two parameters, a valley of minima: who walks to the flat end?", "2 s"),
        like("matrix-sensing-small", "Overfit or recover a low-rank matrix, small enough to watch", "20 s"),
        plan(),
    ];
    let mut choices: Vec<PresetEntry> = plans
        .into_iter()
        .map(|plan| PresetEntry { name: plan.preset.clone(), plan: Ok(plan), kind: EntryKind::Embedded })
        .collect();
    let fault = "mine.toml: run.NSO.sigma: -1 is out of range: at least 0 and at most 1000";
    choices.push(PresetEntry { name: "mine.toml".into(), plan: Err(fault.into()), kind: EntryKind::File });
    choices
}

pub fn plan() -> Plan {
    let run = |name: &str, method, hyperparameters: &[(Hyperparameter, f64)]| {
        let usual = [(Hyperparameter::Lr, 0.05), (Hyperparameter::Momentum, 0.9)];
        let plain = Hyperparameters::new(method).unwrap();
        let hyperparameters = usual
            .iter()
            .chain(hyperparameters)
            .fold(plain, |sum, &(hyperparameter, value)| sum.with(hyperparameter, value).unwrap());
        RunPlan {
            name: name.into(),
            hyperparameters,
            batch: None,
            augmentation: None,
            device: None,
            average: None,
            fork: None,
        }
    };
    Plan {
        preset: "mnist-mlp".into(),
        title: "Real digits, a two-layer perceptron, four methods".into(),
        about:
            "784-128-10 ReLU on 4,000 real digits. Equal gradient evaluations for each method. Watch the trace: NSO \
                should end at half of SGD's or less; the gap may or may not follow."
                .into(),
        takes: "1 min".into(),
        problem: ProblemConfig::Valley(ValleySettings { start: [1.0, 2.0] }),
        train: Train {
            budget: Budget::Gradients(BUDGET),
            batch: 128,
            seed: 1,
            evaluate_every: Cadence::Steps(40),
            probe_every: Some(Cadence::Steps(160)),
            curvature: CurvaturePlan {
                examples: 1_000,
                trace_probes: 20,
                lanczos_products: 10,
                ..CurvaturePlan::default()
            },
            record_every: 1,
            checkpoint_every: None,
            non_finite: None,
        },
        panels: Vec::new(),
        runs: vec![
            run("SGD", "sgd", &[]),
            run("WP-SGD", "wp-sgd", &[(Hyperparameter::Sigma, 0.03), (Hyperparameter::K, 2.0)]),
            run("SAM", "sam", &[(Hyperparameter::Rho, 0.05)]),
            run("NSO", "nso", &[(Hyperparameter::Sigma, 0.02)]),
        ],
    }
}

/// The beginning of a run.
pub fn start(run: usize) -> Event {
    let plan = plan();
    Event::Start(RunHeader {
        run: plan.runs[run].name.clone(),
        hyperparameters: plan.runs[run].hyperparameters,
        seed: 1,
        device: "flex".into(),
        parameters: 101_770,
        budget: plan.train.budget,
        steps_per_epoch: 32,
        probe_examples: 1_000,
        test_examples: 1_000,
        fork: None,
    })
}

/// The events of a run until it has spent so many gradient evaluations. NSO's sigma is raised after 1,000.
pub fn events(run: usize, spent: u64) -> Vec<Event> {
    let cost = [1, 2, 2, 2][run];
    let gap = [0.288, 0.257, 0.243, 0.259][run];
    let trace = [2.9, 0.48, 2.7, 1.66][run];
    let lambda = [0.168, 0.028, 0.129, 0.099][run];
    let mut events = vec![start(run)];
    for step in 1..=spent / cost {
        let gradients = step * cost;
        let at = Position { step, gradients, seconds: gradients as f64 / 60.0 };
        let progress = gradients as f64 / BUDGET as f64;
        let loss = 2.3 * (-6.5 * progress.sqrt()).exp() * (1.0 + 0.1 * run as f64);
        let wiggle = 1.0 + 0.3 * (step as f64 * 2.399).sin();
        events.push(Event::Step { at, loss: loss * wiggle });
        if run == 3 && gradients == 1_000 {
            events.push(adjust((step, gradients), Hyperparameter::Sigma, (0.02, 0.03)));
        }
        if step % 40 == 0 {
            let gap = gap * progress.sqrt();
            let metrics = Metrics {
                train_loss: Some(loss),
                test_loss: Some(loss + gap),
                gap: Some(gap),
                train_accuracy: Some(1.0 - 0.9 * (-9.0 * progress).exp()),
                test_accuracy: Some(0.94 - 0.84 * (-9.0 * progress).exp()),
                ..Metrics::default()
            };
            events.push(Event::Eval {
                at,
                examples: 5000,
                forward_passes: 0,
                took: 0.01,
                metrics,
                weight_stats: WeightStats::default(),
            });
        }
        if step % 160 == 0 {
            let decay = 1.0 + 4.0 * (-5.0 * progress).exp();
            let trace = Estimate::new(trace * decay, 0.04 * trace * decay, 20);
            let lambda_max = Eigenvalue { value: lambda * decay, residual: 1e-4, products: 10 };
            let probe = Probe::new(at, trace, lambda_max);
            events.push(Event::Probe(Box::new(Probe { examples: 1_000, took: 0.2, ..probe })));
        }
    }
    events
}

pub fn adjust((step, gradients): (u64, u64), setting: Hyperparameter, (from, to): (f64, f64)) -> Event {
    Event::Adjust { at: Position { step, gradients, seconds: gradients as f64 / 60.0 }, setting, from, to }
}

pub fn finish(step: u64, outcome: Outcome, reason: Option<&str>) -> Event {
    Event::Finish {
        outcome,
        at: Position { step, gradients: step, seconds: step as f64 / 60.0 },
        reason: reason.map(str::to_owned),
        best_step: None,
    }
}
