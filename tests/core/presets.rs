//! Presets: the embedded ones are sound, and every fault names its file and key.

use nso_tui::run::{Budget, Cadence, Plan, preset};
use proptest::prelude::*;

const SOUND: &str = r#"
title = "t"
[problem]
kind = "mnist-mlp"
[train]
epochs = 2
[defaults]
lr = 0.1
sigma = 0.02
[[run]]
name = "a"
method = "sgd"
[[run]]
name = "b"
method = "nso"
k = 2
"#;

fn parse(text: &str) -> Result<Plan, String> {
    preset::parse("test.toml", text, &[]).map_err(|error| error.to_string())
}

#[test]
fn every_embedded_preset_reads_and_reads_back_from_its_session_file() {
    for (name, text) in preset::embedded() {
        let plan = preset::parse(name, text, &[]).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(plan.preset, name);
        assert!(!plan.about.is_empty() && !plan.takes.is_empty(), "{name} says what to look for and how long it takes");
        let resolved = preset::to_toml(&plan);
        assert_eq!(preset::parse("session.toml", &resolved, &[]).unwrap(), plan, "{resolved}");
    }
}

#[test]
fn panels_of_earlier_versions_keep_their_places() {
    let view = |panels: &str| parse(&format!("{SOUND}[view]\npanels = [{panels}]\n"));
    let old = view(r#""loss", "free_trace", "layers", "travel""#).unwrap();
    let new = view(r#""loss", "smoothed_trace", "trace_per_tensor", "distance_from_init""#).unwrap();
    assert_eq!(old.panels, new.panels);
    assert!(preset::to_toml(&old).contains("smoothed_trace"), "session files have the new names");
    let twice = view(r#""loss", "travel", "distance_from_init", "gap""#).unwrap_err();
    assert!(twice.contains("view.panels: has \"distance_from_init\" twice"), "{twice}");
    let unknown = view(r#""loss", "traveled", "trace", "gap""#).unwrap_err();
    assert!(unknown.contains("'traveled' is none of loss, gap"), "{unknown}");
}

#[test]
fn defaults_reach_the_runs_that_have_the_hyperparameter() {
    let plan = parse(SOUND).unwrap();
    assert_eq!(plan.train.budget, Budget::Epochs(2));
    assert_eq!(plan.train.evaluate_every, Cadence::Epochs(1));
    let knobs = |run: usize| {
        plan.runs[run]
            .hyperparameters
            .numbers()
            .map(|knob| (knob.key(), plan.runs[run].hyperparameters.get(knob).unwrap()))
            .collect::<Vec<_>>()
    };
    assert_eq!(knobs(0)[..3], [("lr", 0.1), ("momentum", 0.0), ("weight_decay", 0.0)]);
    assert_eq!(knobs(1)[..3], [("sigma", 0.02), ("k", 2.0), ("mix", 0.0)]);
}

#[test]
fn set_overrides_by_dotted_path() {
    let with = |sets: &[&str]| preset::parse("t", SOUND, &sets.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>());
    let plan = with(&["run.b.sigma=0.5", "train.steps=9", "train.seed=7", "title=Other", "defaults.lr=0.2"]).unwrap();
    assert_eq!(plan.runs[1].hyperparameters.get(nso_tui::optimizer::Hyperparameter::Sigma), Some(0.5));
    assert_eq!((plan.train.budget, plan.train.seed, plan.title.as_str()), (Budget::Steps(9), 7, "Other"));
    assert_eq!(plan.runs[0].hyperparameters.lr, 0.2);
    assert_eq!(with(&["defaults.lr=.06"]).unwrap().runs[0].hyperparameters.lr, 0.06);
    let fault = |set: &str| with(&[set]).unwrap_err().to_string();
    assert_eq!(fault("run.c.sigma=1"), "--set run.c.sigma=1: no run 'c'; the runs are a, b");
    assert!(fault("sigma").contains("expected KEY=VALUE"));
    assert_eq!(fault("lr=3"), "--set lr=3: did you mean defaults.lr, for every run, or run.NAME.lr?");
    let interval = fault("train.evaluate_every=20");
    assert!(
        interval.contains("train.evaluate_every: expected a string such as \"20 steps\", found an integer 20"),
        "{interval}"
    );
    assert!(
        fault("run.b.sigmal=1").contains("run.b.sigmal: unknown key, did you mean 'sigma'?"),
        "{}",
        fault("run.b.sigmal=1")
    );
    assert!(fault("train.epochs=x").contains("train.epochs: expected a whole number"), "{}", fault("train.epochs=x"));
}

#[test]
fn a_batch_of_one_image_cannot_be_normalised_by_itself() {
    let text = preset::find("clipart-mobilenet").unwrap();
    let with = |sets: &[&str]| preset::parse("t", &text, &sets.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>());
    for one in ["train.batch=1", "run.NSO.batch=1"] {
        let fault = with(&[one]).unwrap_err().to_string();
        assert!(fault.contains("train.batch: batch normalisation has no variance of one image"), "{fault}");
        assert!(with(&[one, "problem.batch_norm=stored"]).is_ok());
    }
    assert!(with(&["train.batch=2"]).is_ok());
}

/// Each fault as (what is replaced, by what, what the error must say).
#[test]
fn every_fault_names_the_file_the_key_and_what_would_fit() {
    let faults = [
        ("lr = 0.1", "lrr = 0.1", "test.toml: defaults.lrr: unknown key, did you mean 'lr'?"),
        ("epochs = 2", "epoch = 2", "test.toml: train.epochs: missing"),
        ("epochs = 2", "epochs = 2\nsteps = 3", "test.toml: train.epochs: given twice"),
        ("epochs = 2", "epochs = \"two\"", "test.toml: train.epochs: expected a whole number"),
        ("epochs = 2", "epochs = 2\nbatch = 0", "test.toml: train.batch: 0 is out of range"),
        (
            "epochs = 2",
            "epochs = 2\nprobe_every = \"often\"",
            "test.toml: train.probe_every: 'often' is not an interval",
        ),
        (
            "sigma = 0.02",
            "sigma = -0.02",
            "sigma = -0.02 is out of range: the standard deviation of the weight noise, at least 0",
        ),
        ("sigma = 0.02", "sigma = nan", "test.toml: defaults.sigma: expected a finite number, found a float nan"),
        ("k = 2", "k = 0", "test.toml: run.b.k: k = 0 is out of range"),
        ("k = 2", "rho = 0.1", "test.toml: run.b.rho: nso has no rho"),
        (
            "k = 2",
            "distribution = \"gausian\"",
            "test.toml: run.b.distribution: 'gausian' is none of gaussian, laplace, uniform, binomial, binomial-uncentred, did you",
        ),
        ("\"nso\"", "\"nsoo\"", "test.toml: run.b.method: 'nsoo' is none of sgd, wp-sgd, nso, sam, "),
        ("\"nso\"", "\"nsoo\"", "did you mean 'nso'?"),
        ("\"mnist-mlp\"", "\"mnist-mpl\"", "test.toml: problem.kind: 'mnist-mpl' is none of"),
        ("name = \"b\"", "name = \"a\"", "test.toml: run.a.name: two runs have this name"),
        ("name = \"b\"", "name = \"\"", "expected 1 to 32 characters"),
        ("name = \"b\"", "name = \"\\u001b[31mred\"", "contains the character U+001B"),
        ("name = \"b\"", "name = \"a\\u202eb\"", "contains the character U+202E"),
        ("name = \"b\"", "nam = \"b\"", "test.toml: run[2].name: missing"),
        ("[problem]", "[problems]", "test.toml: problem: missing: the section [problem]"),
        ("title = \"t\"", "title = 3", "test.toml: title: expected a string, found an integer 3"),
        ("title = \"t\"", "title = \"t", "test.toml is not valid TOML: TOML parse error at line 2, column"),
        ("[[run]]", "[[ran]]", "test.toml: ran: unknown key, did you mean 'run'?"),
    ];
    for (old, new, expected) in faults {
        let text = SOUND.replace(old, new);
        assert_ne!(text, SOUND);
        let error = parse(&text).expect_err(new);
        assert!(error.contains(expected), "{new}\n  said     {error}\n  expected {expected}");
        assert!(!error.contains('\u{1b}'), "{new}: an escape sequence in the error");
    }
    let error = parse(&SOUND[..SOUND.find("[[run]]").unwrap()]).unwrap_err();
    assert!(error.contains("test.toml: run: there is nothing to run"), "{error}");
}

#[test]
fn methods_refuse_what_does_not_fit() {
    let with = |run: &str| parse(&SOUND.replace("method = \"nso\"\nk = 2", run)).unwrap_err();
    let refusals = [
        (
            "method = \"bsam\"\nupdate = \"adam\"",
            "run.b.base_optimizer: bsam is an update of its own and takes no base optimizer",
        ),
        (
            "method = \"nso\"\nlaw = \"uniform\"\ndistribution = \"uniform\"",
            "run.b.distribution: given twice: law is its older name",
        ),
        ("method = \"bsam\"\nmomentum = 0.9", "run.b.momentum: bsam has no momentum"),
        ("method = \"sam\"\nlaw = \"uniform\"", "run.b.distribution: sam has no distribution"),
        ("method = \"sam\"\nscaling = \"plain\"", "run.b.scaling: sam has no scaling"),
        (
            "method = \"sam\"\nbeta1 = 0.9",
            "run.b.beta1: sam has no beta1 with this base optimizer; it needs base_optimizer = \"adam\"",
        ),
        (
            "method = \"sam\"\nradius = 1",
            "run.b.radius: sam has no radius without projection = \"frobenius\" or \"rows\"",
        ),
    ];
    for (run, expected) in refusals {
        let error = with(run);
        assert!(error.contains(&format!("test.toml: {expected}")), "{run}\n  said     {error}\n  expected {expected}");
    }
}

#[test]
fn label_smoothing_is_refused_where_there_are_no_labels() {
    let smoothed = SOUND.replace("method = \"nso\"\nk = 2", "method = \"label-smoothing\"");
    assert!(parse(&smoothed).is_ok());
    for (problem, kind) in [("kind = \"quadratic\"\nh = [1]", "quadratic"), ("kind = \"valley\"", "valley")] {
        let error = parse(&smoothed.replace("kind = \"mnist-mlp\"", problem)).unwrap_err();
        let expected =
            format!("test.toml: run.b.method: label-smoothing needs examples with labels, which {kind} has not");
        assert!(error.contains(&expected), "{error}");
    }
}

#[test]
fn problems_refuse_what_does_not_fit() {
    let with = |problem: &str| parse(&SOUND.replace("kind = \"mnist-mlp\"", problem)).unwrap_err();
    assert!(
        with("kind = \"quadratic\"\nh = [1, 2]\nstart = [1]").contains("problem.start: has 1 numbers where h has 2")
    );
    assert!(with("kind = \"quadratic\"").contains("problem.h: missing"));
    assert!(with("kind = \"valley\"\nstart = [1, 2, 3]").contains("problem.start: expected two numbers"));
    assert!(with("kind = \"matrix-sensing\"\nd = 10\nr = 11").contains("problem.r: a rank of 11"));
    assert!(with("kind = \"matrix-sensing\"\nd = 2000\nn = 10000000").contains("GiB; at most 8"));
    assert!(with("kind = \"mnist-mlp\"\nhiden = 3").contains("problem.hiden: unknown key, did you mean 'hidden'?"));
}

#[test]
fn measurements_that_a_problem_cannot_have_are_refused() {
    let with = |train: &str| parse(&SOUND.replace("epochs = 2", &format!("epochs = 2\n{train}"))).unwrap_err();
    assert!(with("measure = [\"bounds\"]").contains("train.measure: 'bounds' is none of"));
    assert!(with("measure = [\"bound\", \"bound\"]").contains("train.measure: has 'bound' twice"));
    assert!(with("trace_estimator = \"xtrace\"\ntrace_probes = 5").contains("expected a whole number from 6 to 300"));
    assert!(with("gap_sigmas = [0.0]").contains("a sigma of 0 has no gap"));
    let valley = |sets: &[&str]| {
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
        preset::parse("valley", &preset::find("valley").unwrap(), &sets).unwrap_err().to_string()
    };
    assert!(
        valley(&["train.measure=[\"bound\"]"]).contains("train.measure: bound needs examples, which valley has not")
    );
    assert!(valley(&["train.measure=[\"layers\"]"]).contains("layers needs several tensors, which valley has not"));
    assert!(valley(&["run.SGD.batch=3"]).contains("run.SGD.batch: valley has no examples"));
    assert!(valley(&["view.panels=[\"loss\"]"]).contains("view.panels: has 1 panels; the grid shows four or six"));
}

#[test]
fn the_error_of_an_unknown_preset_has_the_closest_name() {
    let error = preset::find("mnist-mpl").unwrap_err().to_string();
    assert!(error.contains("no preset or file 'mnist-mpl', did you mean 'mnist-mlp'?"), "{error}");
    assert!(!preset::find("\u{1b}[2J").unwrap_err().to_string().contains('\u{1b}'));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn broken_presets_never_panic(at in 0..SOUND.len(), cut in 0usize..20, put in "[ -~\n]{0,12}", set in "[a-z.=0-9\"\\[\\]]{0,24}") {
        let end = (at + cut).min(SOUND.len());
        let text = format!("{}{put}{}", &SOUND[..at], &SOUND[end..]);
        let _ = preset::parse("t", &text, &[]);
        let _ = preset::parse("t", SOUND, &[set]);
    }
}
