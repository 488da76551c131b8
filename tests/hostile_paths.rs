//! The real binary and paths that lead elsewhere: pipes and devices that never end, links, files that belong to a session.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    fs,
    io::Read as _,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Long after anything that reads only what it should.
const DEADLINE: Duration = Duration::from_secs(30);

/// The exit code and the standard error of the binary, which is killed at the deadline.
fn nso_tui(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_nso-tui"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let begin = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begin.elapsed() > DEADLINE {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{arguments:?} does not end");
        }
        thread::sleep(Duration::from_millis(5));
    }
    let mut error = String::new();
    child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
    (child.wait().unwrap().code(), error)
}

fn pipe(path: &Path) {
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
}

/// A folder with a short session in it.
struct Scene(tempfile::TempDir);

impl Scene {
    fn new() -> Self {
        let scene = Self(tempfile::tempdir().unwrap());
        let (code, error) = scene.run(&["run", "valley", "--out", "s", "--set", "train.gradients=20"]);
        assert_eq!(code, Some(0), "{error}");
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        nso_tui(self.0.path(), arguments)
    }

    /// The command must end with an error that says this.
    fn refuses(&self, arguments: &[&str], reason: &str) {
        let (code, error) = self.run(arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {error}");
        assert!(error.contains(reason), "{arguments:?}: {error}");
    }
}

#[test]
fn a_pipe_a_device_or_a_folder_is_refused_wherever_a_file_is_read() {
    let scene = Scene::new();
    let fault = "a pipe, a device or a folder, and no file";
    pipe(&scene.path("pipe"));
    fs::create_dir(scene.path("folder")).unwrap();
    for preset in ["pipe", "folder", "/dev/zero"] {
        scene.refuses(&["run", preset, "--out", "t"], fault);
        let weights = format!("problem.weights={preset}");
        scene.refuses(&["run", "clipart-mobilenet", "--out", "t", "--set", &weights], fault);
    }
    for name in ["session.toml", "SGD/events.jsonl"] {
        let place = scene.path("s").join(name);
        let kept = scene.path("kept");
        fs::rename(&place, &kept).unwrap();
        for target in ["pipe", "folder", "/dev/zero"] {
            symlink(scene.path(target), &place).unwrap();
            scene.refuses(&["export", "s", "-o", "a.csv"], fault);
            fs::remove_file(&place).unwrap();
        }
        fs::rename(&kept, &place).unwrap();
    }
    let data = scene.path("data");
    fs::create_dir(&data).unwrap();
    pipe(&data.join("data_batch_1.bin"));
    let sets = ["--set", "problem.data=cifar", "--set", "problem.data_dir=data"];
    scene.refuses(&[&["run", "clipart-mobilenet", "--out", "t"][..], &sets].concat(), fault);
    assert!(!scene.path("t").exists());
}

#[test]
fn a_preset_is_read_up_to_its_limit() {
    let scene = Scene::new();
    fs::File::create(scene.path("sparse.toml")).unwrap().set_len(1 << 40).unwrap();
    scene.refuses(&["run", "sparse.toml", "--out", "t"], "too many for what it should be");
    // 300,000 numbers that may be written with 300 digits each.
    let numbers = vec!["1e308"; 100_000].join(",");
    let preset = format!(
        "[problem]\nkind = \"quadratic\"\nh = [{numbers}]\n\
        b = [{numbers}]\nstart = [{numbers}]\n[train]\nsteps = 1\n[[run]]\nname = \"a\"\nmethod = \"sgd\"\n"
    );
    fs::write(scene.path("long.toml"), preset).unwrap();
    let (code, error) = scene.run(&["run", "long.toml", "--out", "t"]);
    // Either it is kept and can be read, or it is refused.
    match code {
        Some(2) => assert!(error.contains("a session keeps at most"), "{error}"),
        _ => assert_eq!(scene.run(&["export", "t", "-o", "a.csv"]).0, Some(0)),
    }
}

#[test]
fn an_export_never_touches_a_file_of_a_session() {
    let scene = Scene::new();
    let log = scene.path("s/SGD/events.jsonl");
    let before = fs::read(&log).unwrap();
    fs::create_dir(scene.path("elsewhere")).unwrap();
    symlink(scene.path("s/SGD"), scene.path("shortcut")).unwrap();
    for path in ["s/SGD/events.jsonl", "s/NSO/../SGD/events.jsonl", "shortcut/events.jsonl"] {
        scene.refuses(&["export", "s", "-o", path], "is a file of a session");
    }
    assert_eq!(fs::read(&log).unwrap(), before);
    // A file of that name elsewhere, and a figure beside the log, are what they seem.
    for path in ["elsewhere/events.jsonl", "s/figure.svg", "s/SGD/table.csv"] {
        let (code, error) = scene.run(&["export", "s", "-o", path]);
        assert_eq!(code, Some(0), "{error}");
    }
    assert_eq!(scene.run(&["verify", "s"]).0, Some(0));
}

#[test]
fn no_figure_table_weights_or_log_is_written_through_a_link() {
    let scene = Scene::new();
    fs::write(scene.path("precious"), "precious").unwrap();
    for name in ["a.png", "a.svg", "a.csv", "a.jsonl"] {
        symlink(scene.path("precious"), scene.path(name)).unwrap();
        scene.refuses(&["export", "s", "-o", name], "it is a link, which is not followed");
        assert!(fs::symlink_metadata(scene.path(name)).unwrap().is_symlink());
    }
    symlink(scene.path("precious"), scene.path("log.txt")).unwrap();
    scene.refuses(&["presets", "list", "--log", "log.txt"], "it is a link, which is not followed");
    // A session that goes on.
    let log = scene.path("s/SGD/events.jsonl");
    let text = fs::read_to_string(&log).unwrap();
    let cut = text.split_inclusive('\n').take(3).collect::<String>();
    fs::write(scene.path("cut.jsonl"), &cut).unwrap();
    fs::remove_file(&log).unwrap();
    symlink(scene.path("cut.jsonl"), &log).unwrap();
    scene.refuses(&["resume", "s"], "it is a link, which is not followed");
    assert_eq!(fs::read_to_string(scene.path("cut.jsonl")).unwrap(), cut);
    assert_eq!(fs::read_to_string(scene.path("precious")).unwrap(), "precious");
}

#[test]
fn diagnostics_never_destroy_what_is_there() {
    let scene = Scene::new();
    let log = scene.path("s/SGD/events.jsonl");
    let before = fs::read(&log).unwrap();
    scene.refuses(&["presets", "list", "--log", "s/SGD/events.jsonl"], "holds no diagnostics of this program");
    assert_eq!(fs::read(&log).unwrap(), before);
    pipe(&scene.path("pipe"));
    scene.refuses(&["presets", "list", "--log", "pipe"], "and no file");
    for _ in 0..2 {
        assert_eq!(scene.run(&["presets", "list", "--log", "new.txt"]).0, Some(0));
    }
    assert_eq!(scene.run(&["verify", "s"]).0, Some(0));
}
