//! The real binary without a terminal: what it prints, what it writes, and its exit codes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    path::Path,
    process::{Command, Output},
};

use nso_tui::optimizer::{Method, Rule};
use strum::VariantArray;

fn nso_tui(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_nso-tui")).args(arguments).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn error(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn run(preset: &str, directory: &Path, more: &[&str]) -> Output {
    nso_tui(&[&["run", preset, "--out", directory.to_str().unwrap()], more].concat())
}

#[test]
fn run_prints_its_results_and_export_writes_each_format() {
    let folder = tempfile::tempdir().unwrap();
    let session = folder.path().join("session");
    let output = run("quadratic", &session, &["--format", "json", "--set", "train.gradients=100"]);
    assert_eq!(code(&output), 0, "{}", error(&output));
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let runs = summary["runs"].as_array().unwrap();
    let names: Vec<&str> = runs.iter().map(|run| run["run"].as_str().unwrap()).collect();
    assert_eq!(names, ["SGD", "WP-SGD", "SAM", "NSO"]);
    assert!(runs.iter().all(|run| run["state"] == "completed" && run["gradients"] == 100));
    let directory = session.to_str().unwrap();
    for (name, beginning) in
        [("a.png", &b"\x89PNG"[..]), ("a.svg", b"<svg"), ("a.csv", b"run,quantity"), ("a.jsonl", b"{\"run\":")]
    {
        let file = folder.path().join(name);
        let output = nso_tui(&["export", directory, "-o", file.to_str().unwrap()]);
        assert_eq!(code(&output), 0, "{}", error(&output));
        assert!(std::fs::read(&file).unwrap().starts_with(beginning), "{name}");
    }
    let [all, one] = ["a.svg", "one.svg"].map(|name| folder.path().join(name));
    let output = nso_tui(&["export", directory, "--panel", "distance", "-o", one.to_str().unwrap()]);
    assert_eq!(code(&output), 0, "{}", error(&output));
    let traces = |file: &Path| std::fs::read_to_string(file).unwrap().matches("Hessian trace").count();
    assert!(traces(&all) > 0 && traces(&one) == 0, "one panel is one panel");
}

#[test]
fn what_a_budget_leaves_is_in_the_table_the_summary_and_the_caption() {
    let folder = tempfile::tempdir().unwrap();
    let left = "24 of 25 gradient evaluations spent; the next step would cost 2";
    for format in ["text", "json"] {
        let session = folder.path().join(format);
        let output = run("quadratic", &session, &["--set", "train.gradients=25", "--format", format]);
        assert_eq!(code(&output), 0, "{}", error(&output));
        assert_eq!(String::from_utf8(output.stdout).unwrap().matches(left).count(), 2, "SAM and NSO take two a step");
    }
    let svg = folder.path().join("a.svg");
    let output = nso_tui(&["export", folder.path().join("text").to_str().unwrap(), "-o", svg.to_str().unwrap()]);
    assert_eq!(code(&output), 0, "{}", error(&output));
    assert!(std::fs::read_to_string(&svg).unwrap().contains("(24 of 25 gradient"));
}

#[test]
fn every_panel_is_exported_by_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let session = folder.path().join("session");
    assert_eq!(code(&run("quadratic", &session, &["--set", "train.gradients=20"])), 0);
    let help = String::from_utf8(nso_tui(&["export", "--help"]).stdout).unwrap();
    for &kind in nso_tui::figure::PanelKind::VARIANTS {
        assert!(help.split_whitespace().any(|word| word == kind.key()), "no {} in {help}", kind.key());
        let file = folder.path().join(format!("{}.svg", kind.key()));
        let output =
            nso_tui(&["export", session.to_str().unwrap(), "--panel", kind.key(), "-o", file.to_str().unwrap()]);
        assert_eq!(code(&output), 0, "{}", error(&output));
        let title = kind.title().replace('\'', "&apos;");
        assert!(std::fs::read_to_string(&file).unwrap().contains(&title), "no \"{title}\" in {}", file.display());
    }
    let output = nso_tui(&["export", session.to_str().unwrap(), "--panel", "hessian", "-o", "a.svg"]);
    assert!(code(&output) == 2 && error(&output).contains("use one of loss gap"), "{}", error(&output));
}

#[test]
fn a_diverged_run_gives_exit_code_3_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let output = run("quadratic", &folder.path().join("s"), &["--set", "run.SGD.lr=1000"]);
    assert_eq!(code(&output), 3);
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains("SGD: the loss is inf at step 8"), "{table}");
}

#[test]
fn bad_input_gives_exit_code_2_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("s");
    let faults = [
        (run("quadratik", &out, &[]), "did you mean 'quadratic'?"),
        (run("quadratic", &out, &["--set", "run.NSO.sigma=-1"]), "run.NSO.sigma: sigma = -1 is out of range"),
        (run("quadratic", &out, &["--device", "tpu"]), "no device 'tpu' in this build"),
        (nso_tui(&["doctor", "--device", "tpu"]), "no device 'tpu' in this build"),
        (nso_tui(&["doctor", "--device", "flex,tch"]), "doctor examines one device"),
        (run("quadratic", &out, &["--device", "wgpu:200"]), "device wgpu:200 cannot be used: "),
        (nso_tui(&["quadratic", "--device", "wgpu:200"]), "device wgpu:200 cannot be used: "),
        (nso_tui(&["quadratic", "--set", "run.NSO.device=wgpu:200"]), "device wgpu:200 cannot be used: "),
        (
            run("quadratic", &out, &["--device", "flex,flecks"]),
            "no device 'flecks' in this build, did you mean 'flex'?",
        ),
        (run("mnist-mlp", &out, &["--set", "problem.data_dir=/nowhere"]), "no train-images-idx3 in /nowhere"),
        (run("mnist-mlp", &out, &["--set", "problem.train_samples=5000"]), "the training set has 4000 examples"),
        (nso_tui(&["replay", folder.path().to_str().unwrap()]), "is not a session"),
        (nso_tui(&["--ascii", "run", "quadratic"]), "cannot be used with"),
    ];
    for (output, expected) in faults {
        assert_eq!(code(&output), 2, "{expected}");
        assert!(error(&output).contains(expected), "{}", error(&output));
    }
    assert!(!out.exists());
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let output = run("quadratic", &file.join("s"), &[]);
    assert_eq!(code(&output), 2);
    assert!(error(&output).contains("cannot create") && error(&output).lines().count() == 1, "{}", error(&output));
}

#[test]
fn no_error_carries_an_escape_sequence() {
    let folder = tempfile::tempdir().unwrap();
    let preset = folder.path().join("evil.toml");
    std::fs::write(&preset, b"title = \"\x1b[2J\n").unwrap();
    let output = nso_tui(&["run", preset.to_str().unwrap()]);
    assert_eq!(code(&output), 2);
    assert!(!error(&output).contains('\u{1b}'), "{:?}", error(&output));
    let session = folder.path().join("s");
    assert_eq!(code(&run("quadratic", &session, &["--set", "train.gradients=10"])), 0);
    std::fs::write(session.join("NSO/events.jsonl"), "{\"event\":\"\\u001b[2J\"}\n").unwrap();
    let output = nso_tui(&["export", session.to_str().unwrap(), "-o", folder.path().join("a.csv").to_str().unwrap()]);
    assert_eq!(code(&output), 0);
    assert!(error(&output).contains("line 1 (byte 0)") && !error(&output).contains('\u{1b}'), "{:?}", error(&output));
}

/// The checks that `doctor` makes of curvature in each of two precisions, in their order.
const CURVATURE: [&str; 10] = [
    "gradient",
    "Hessian products",
    "trace, hutchinson",
    "hutchinson intervals",
    "trace, hutch++",
    "hutch++ intervals",
    "trace, xtrace",
    "xtrace intervals",
    "lambda_max",
    "lambda_min",
];

/// Those that it makes after the ones of every method.
const OTHERS: [&str; 10] = [
    "gaussian",
    "laplace",
    "uniform",
    "binomial",
    "binomial-uncentred",
    "gradients",
    "Hessian products",
    "terminal",
    "colours",
    "characters",
];

fn checks() -> Vec<&'static str> {
    let as_sgd: Vec<_> = Method::as_sgd().map(|(name, _)| name).collect();
    assert!(as_sgd.len() >= 9, "{as_sgd:?}");
    [&CURVATURE[..], &CURVATURE, &as_sgd, &Rule::KEYS, &OTHERS].concat()
}

#[test]
fn doctor_makes_every_check_a_line_each_and_all_hold_here() {
    let output = nso_tui(&["doctor", "--device", "flex"]);
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(code(&output), 0, "{text}");
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("  ")).collect();
    assert_eq!(lines.len(), checks().len(), "{text}");
    for (line, name) in lines.iter().zip(checks()) {
        assert!(line.starts_with(&format!("  {name} ")), "{name}: {line}");
        assert!(line.ends_with(" pass") || line.ends_with(" note"), "{line}");
        assert_eq!(line.chars().count(), 79, "{line}");
    }
    assert!(
        lines
            .iter()
            .filter(|line| line.ends_with(" note"))
            .all(|line| line.contains("terminal") || line.contains("colours") || line.contains("characters")),
        "{text}"
    );
    assert!(text.contains("0 failed"), "{text}");
}

#[test]
fn doctor_writes_json_with_numbers_and_bars() {
    let output = nso_tui(&["doctor", "--format", "json", "--seed", "3", "--device", "flex"]);
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(code(&output), 0, "{found:#}");
    assert_eq!((&found["device"], &found["seed"], &found["failed"]), (&"flex".into(), &3.into(), &0.into()));
    let sections = found["sections"].as_array().unwrap();
    let found: Vec<&serde_json::Value> =
        sections.iter().flat_map(|section| section["checks"].as_array().unwrap()).collect();
    assert_eq!(found.iter().map(|check| check["name"].as_str().unwrap()).collect::<Vec<_>>(), checks());
    assert!(found[0]["value"].as_f64().unwrap() < 1e-5 && found[0]["bar"] == "at most 1e-5", "{}", found[0]);
}

#[test]
fn presets_and_devices_are_listed_name_first() {
    let text = |output: Output| String::from_utf8(output.stdout).unwrap();
    let list = text(nso_tui(&["presets", "list"]));
    let names: Vec<&str> = list.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(
        names[..6],
        ["valley", "quadratic", "matrix-sensing-small", "matrix-sensing", "mnist-softmax", "mnist-mlp"]
    );
    assert!(names.contains(&"methods") && names.contains(&"perturbation-gap"), "{names:?}");
    assert!(text(nso_tui(&["presets", "show", "valley"])).contains("kind = \"valley\""));
    let devices = text(nso_tui(&["devices"]));
    let first = |line: &str| line.split_whitespace().next().unwrap().to_owned();
    let names: Vec<String> = devices.lines().map(first).collect();
    assert!(devices.starts_with("flex ") && devices.matches("(the default)").count() == 1, "{devices}");
    for (backend, built) in [("tch", cfg!(feature = "tch")), ("wgpu", cfg!(feature = "wgpu"))] {
        assert!(names.iter().any(|name| name == backend), "{devices}");
        let hint = format!("cargo build --release --features {backend}");
        assert!(devices.contains(&hint) != built, "{devices}");
    }
}

#[test]
fn options_that_mean_nothing_to_a_command_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let session = folder.path().join("s");
    let session = session.to_str().unwrap();
    assert_eq!(code(&nso_tui(&["run", "quadratic", "--out", session, "--set", "train.gradients=20"])), 0);
    let csv = folder.path().join("s.csv");
    let csv = csv.to_str().unwrap();
    let with_panel = nso_tui(&["export", session, "-o", csv, "--panel", "trace"]);
    assert_eq!(code(&with_panel), 2);
    assert!(error(&with_panel).contains("--panel chooses what a figure shows"), "{}", error(&with_panel));
    let with_set = nso_tui(&["export", session, "-o", csv, "--set", "a=1"]);
    assert_eq!(code(&with_set), 2);
    assert!(error(&with_set).contains("--set changes the preset of a training"), "{}", error(&with_set));
    let nowhere = nso_tui(&["export", session, "-o", "/no/such/folder/a.png"]);
    assert!(
        error(&nowhere).contains("No such file or directory") && !error(&nowhere).contains("Os {"),
        "{}",
        error(&nowhere)
    );
}

/// A device that is always full.
#[cfg(target_os = "linux")]
fn to_a_full_disk(arguments: &[&str]) -> Output {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    Command::new(env!("CARGO_BIN_EXE_nso-tui")).args(arguments).stdout(full).output().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_written_to_standard_output_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let session = folder.path().join("s");
    let session = session.to_str().unwrap();
    let short = ["--set", "train.gradients=20"];
    for arguments in [
        &["presets", "show", "valley"][..],
        &["presets", "list"],
        &["devices"],
        &["--print", "80x24"],
        &[&["run", "quadratic", "--format", "json", "--out", session], &short[..]].concat(),
        &["verify", session],
        &["resume", session],
    ] {
        let output = to_a_full_disk(arguments);
        assert_eq!(code(&output), 2, "{arguments:?}");
        let said = error(&output);
        assert!(said.contains("cannot write to standard output: No space left on device"), "{arguments:?}: {said}");
    }
    // A closed pipe is none: `head` closes it.
    let mut child = Command::new(env!("CARGO_BIN_EXE_nso-tui"))
        .args(["presets", "list"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn nothing_that_a_terminal_acts_on_comes_out_of_a_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let evil = "a\u{1b}[2J\u{202e}\u{9b}b";
    let session = folder.path().join(evil);
    let session = session.to_str().unwrap();
    let csv = folder.path().join("a.csv");
    let csv = csv.to_str().unwrap();
    let outputs = [
        nso_tui(&["run", "quadratic", "--out", session, "--set", "train.gradients=20"]),
        nso_tui(&["resume", session, "--format", "json"]),
        nso_tui(&["verify", session]),
        nso_tui(&["export", session, "-o", csv]),
        nso_tui(&["run", "quadratic", "--out", session]),
        nso_tui(&["run", evil]),
        nso_tui(&["export", session, "-o", csv, evil]),
        nso_tui(&["presets", evil]),
    ];
    let acts = |text: &str| text.chars().any(|c| c != '\n' && !nso_tui::text::is_printable(c));
    for output in &outputs {
        let (said, printed) = (error(output), String::from_utf8(output.stdout.clone()).unwrap());
        assert!(!acts(&said) && !acts(&printed), "{said:?} {printed:?}");
    }
    assert_eq!(outputs.each_ref().map(code), [0, 0, 0, 0, 2, 2, 2, 2]);
    let summary: serde_json::Value = serde_json::from_slice(&outputs[1].stdout).unwrap();
    assert_eq!(summary["directory"], session, "what JSON means is the same");
}

#[test]
fn shells_complete_every_command_and_the_manual_names_them() {
    let out = |arguments: &[&str]| {
        let output = nso_tui(arguments);
        assert_eq!(code(&output), 0);
        String::from_utf8(output.stdout).unwrap()
    };
    let scripts = ["bash", "zsh", "fish"].map(|shell| out(&["completions", shell]));
    let manual = out(&["man"]);
    assert!(manual.starts_with(".ie"), "{manual}");
    for command in ["run", "resume", "rerun", "verify", "replay", "export", "presets", "devices", "doctor"] {
        assert!(scripts.iter().all(|script| script.contains(command)), "{command}");
        assert!(manual.contains(&format!("nso\\-tui\\-{command}")), "{command}");
    }
    // Hidden commands stay hidden.
    assert!(!manual.contains("train\\-one"));
    let mut bash = Command::new("bash").args(["-n"]).stdin(std::process::Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(bash.stdin.as_mut().unwrap(), scripts[0].as_bytes()).unwrap();
    assert!(bash.wait().unwrap().success(), "bash refuses the script");
}
