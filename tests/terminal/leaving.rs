//! Every way out of the program and back into it: terminals that close, stop reading or are suspended; signals; kills.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use portable_pty::CommandBuilder;

use super::pty::{ENDLESS, PATIENCE, Terminal};

/// Checks that each run of the session has ended in order: its end in the log, its weights, and a checkpoint to go on from.
fn assert_nothing_is_lost(session: &Path) {
    for run in ["SGD", "NSO"] {
        let folder = session.join(run);
        let log = fs::read_to_string(folder.join("events.jsonl")).unwrap();
        let last: serde_json::Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
        assert_eq!((&last["event"], &last["outcome"]), (&"finish".into(), &"stopped".into()), "{run}: {last}");
        let files: Vec<String> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        assert!(files.iter().any(|name| name == "weights.safetensors"), "{run}: {files:?}");
        assert!(files.iter().any(|name| name.starts_with("checkpoint-")), "{run}: {files:?}");
    }
}

/// Waits until something holds.
pub fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

fn has_started(session: &Path) -> bool {
    ["SGD", "NSO"].iter().all(|run| {
        fs::read_to_string(session.join(run).join("events.jsonl")).is_ok_and(|log| log.contains("\"event\":\"step\""))
    })
}

#[cfg(target_os = "linux")]
/// Whether the process is stopped, as Linux says it.
fn is_stopped(process: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    status.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('T'))
}

/// The program with these arguments in a terminal that controls it, or does not.
fn command(arguments: &[&str]) -> CommandBuilder {
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_nso-tui"));
    command.args(arguments);
    command.env("TERM", "xterm-256color");
    command
}

#[test]
fn a_terminal_that_closes_loses_nothing() {
    for arguments in [&["endless.toml", "--out", "s"][..], &["run", "endless.toml", "--out", "s"]] {
        for controlling in [true, false] {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("endless.toml"), ENDLESS).unwrap();
            let mut command = command(arguments);
            command.set_controlling_tty(controlling);
            let mut terminal = Terminal::start_command(command, folder);
            let session = terminal.folder.path().join("s");
            wait_until("the first steps", || has_started(&session));
            terminal.close();
            assert_eq!(terminal.exit_code(), 129, "{arguments:?}, controlling: {controlling}");
            assert_nothing_is_lost(&session);
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_that_nobody_reads_keeps_no_signal_waiting() {
    for arguments in [&["endless.toml", "--out", "s"][..], &["run", "endless.toml", "--out", "s"]] {
        let mut terminal = Terminal::start(arguments);
        let session = terminal.folder.path().join("s");
        wait_until("the first steps", || has_started(&session));
        terminal.stop_reading();
        // Until the terminal takes no more.
        let process = terminal.child.process_id().unwrap();
        wait_until("a full terminal", || is_writing_in_vain(process));
        terminal.signal("TERM");
        assert_eq!(terminal.exit_code(), 143, "{arguments:?}");
        terminal.read_on();
        assert_eq!(terminal.end(), 143);
        assert_nothing_is_lost(&session);
    }
}

#[cfg(target_os = "linux")]
/// Whether a thread of the process waits to write to a terminal, as Linux says it.
fn is_writing_in_vain(process: u32) -> bool {
    let threads = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    threads.flatten().any(|thread| {
        // The number of the call and its arguments: write is 1 on x86-64 and 64 on ARM.
        let call = fs::read_to_string(thread.path().join("syscall")).unwrap_or_default();
        call.starts_with("1 ") || call.starts_with("64 ")
    })
}

#[test]
fn two_signals_at_once_are_one() {
    for (first, second) in [("TERM", "TERM"), ("INT", "INT"), ("HUP", "TERM"), ("QUIT", "INT")] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("endless.toml"), ENDLESS).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_nso-tui"))
            .args(["run", "endless.toml", "--out", "s"])
            .current_dir(folder.path())
            .process_group(0)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let session = folder.path().join("s");
        wait_until("the first steps", || has_started(&session));
        // As `timeout` does: the process, then its group.
        let id = child.id().to_string();
        for (signal, target) in [(first, id.clone()), (second, format!("-{id}"))] {
            assert!(Command::new("kill").args(["-s", signal, "--", &target]).status().unwrap().success());
        }
        let said: Vec<String> = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap).collect();
        let number = match first {
            "HUP" => 1,
            "INT" => 2,
            "QUIT" => 3,
            _ => 15,
        };
        let code = child.wait().unwrap().code().unwrap();
        // Two different signals may be heard in either order.
        let other = [2, 15].map(|number| 128 + number);
        assert!(code == 128 + number || first != second && other.contains(&code), "{first}: {code}");
        assert!(said.iter().any(|line| line == "to go on with it: nso-tui resume s"), "{said:?}");
        assert_nothing_is_lost(&session);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_stopped_program_gives_the_terminal_back_and_takes_it_again() {
    let mut terminal = Terminal::start(&["endless.toml"]);
    terminal.wait_for("2 running");
    let process = terminal.child.process_id().unwrap();
    for _ in 0..2 {
        terminal.signal("TSTP");
        terminal.wait_until("the main screen", |screen| !screen.alternate_screen() && !screen.hide_cursor());
        wait_until("the stop", || is_stopped(process));
        assert!(terminal.has_its_modes_back());
        terminal.signal("CONT");
        terminal.wait_until("the alternate screen", vt100::Screen::alternate_screen);
        terminal.wait_for("2 running");
    }
    terminal.keys("qy");
    assert_eq!(terminal.end(), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn ctrl_z_suspends_where_a_shell_can_continue() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("endless.toml"), ENDLESS).unwrap();
    let mut shell = CommandBuilder::new("bash");
    let script = format!("set -m; '{}' endless.toml; echo in the shell; read; fg", env!("CARGO_BIN_EXE_nso-tui"));
    shell.args(["-c", &script]);
    shell.env("TERM", "xterm-256color");
    let mut terminal = Terminal::start_command(shell, folder);
    terminal.wait_for("2 running");
    terminal.keys("\u{1a}");
    terminal.wait_for("in the shell");
    terminal.keys("\n");
    terminal.wait_for("2 running");
    terminal.keys("qy");
    assert_eq!(terminal.end(), 0);
    // Without a shell with job control it could not be continued: the key does nothing.
    let mut terminal = Terminal::start(&["endless.toml"]);
    terminal.wait_for("2 running");
    terminal.keys("\u{1a}qy");
    assert_eq!(terminal.end(), 0);
}

/// In a container the leader of the session may be outside, and has the number 0 there.
#[cfg(target_os = "linux")]
#[test]
fn ctrl_z_does_nothing_where_the_session_is_led_from_outside_of_a_container() {
    let isolate = ["--user", "--map-root-user", "--pid", "--fork", "--mount-proc"];
    if !Command::new("unshare").args(isolate).arg("true").status().is_ok_and(|status| status.success()) {
        // This system makes no PID namespaces.
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("endless.toml"), ENDLESS).unwrap();
    let mut container = CommandBuilder::new("unshare");
    container.args(isolate);
    // Under a shell, so that the program is not the first process of its container.
    let script = format!("'{}' endless.toml; exit $?", env!("CARGO_BIN_EXE_nso-tui"));
    container.args(["sh", "-c", &script]);
    container.env("TERM", "xterm-256color");
    let mut terminal = Terminal::start_command(container, folder);
    terminal.wait_for("2 running");
    terminal.keys("\u{1a}");
    terminal.keys("qy");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn a_killed_session_is_interrupted_and_resumed_by_a_key() {
    let mut terminal = Terminal::start(&["run", "endless.toml", "--out", "s"]);
    let session = terminal.folder.path().join("s");
    wait_until("the first steps", || has_started(&session));
    terminal.signal("KILL");
    terminal.exit_code();
    let log = || fs::read_to_string(session.join("NSO/events.jsonl")).unwrap();
    let before = log();
    let whole_lines = before.rfind('\n').map_or("", |end| &before[..=end]);
    let mut terminal = Terminal::start(&["replay", session.to_str().unwrap()]);
    terminal.wait_for("2 interrupted");
    terminal.wait_for("R resume");
    terminal.keys("R");
    terminal.wait_for("2 running");
    terminal.keys("qy");
    terminal.wait_for("nso-tui resume");
    assert_eq!(terminal.end(), 0);
    assert!(log().starts_with(whole_lines), "it goes on where it was");
    // What was stopped in order can be resumed too; what another process writes cannot.
    let mut terminal = Terminal::start(&["replay", session.to_str().unwrap()]);
    terminal.wait_for("R resume");
    terminal.keys("q");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn a_damaged_line_is_said_in_the_dashboard() {
    let mut terminal = Terminal::start(&["run", "quadratic", "--out", "s"]);
    assert_eq!(terminal.exit_code(), 0);
    let session = terminal.folder.path().join("s");
    let path = session.join("NSO/events.jsonl");
    let log = fs::read_to_string(&path).unwrap();
    fs::write(&path, log.replacen("\"event\":\"eval\"", "\"event\":\"evil\"", 1)).unwrap();
    let mut terminal = Terminal::start(&["replay", session.to_str().unwrap()]);
    terminal.wait_for("damaged line");
    terminal.keys("q");
    assert_eq!(terminal.end(), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_size_limit_makes_a_run_wait_and_say_so() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("endless.toml"), ENDLESS).unwrap();
    let script = format!("ulimit -f 40; exec '{}' run endless.toml --out s", env!("CARGO_BIN_EXE_nso-tui"));
    let mut child = Command::new("bash")
        .args(["-c", &script])
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let waits = said.find(|line| line.contains(" waits: cannot write ")).unwrap();
    assert!(waits.contains("events.jsonl: File too large"), "{waits}");
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    said.for_each(drop);
    assert_eq!(child.wait().unwrap().code(), Some(143));
}
