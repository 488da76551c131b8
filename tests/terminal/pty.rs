//! The program in a pseudo-terminal, whose screen a terminal emulator reads.

use std::{
    fs,
    io::{Read, Write},
    num::NonZero,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use tempfile::TempDir;

/// Longest that anything may take on a loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// The exit code of a program that panicked.
const PANICKED: u32 = 101;

/// A preset that trains until it is stopped.
pub const ENDLESS: &str = r#"
title = "A valley without end"
[problem]
kind = "valley"
start = [1.0, 2.0]
[train]
steps = 1000000000
seed = 1
evaluate_every = "1000 steps"
probe_every = "10000 steps"
[defaults]
lr = 0.01
[[run]]
name = "SGD"
method = "sgd"
[[run]]
name = "NSO"
method = "nso"
sigma = 0.02
k = 1
"#;

/// A terminal emulator that a thread feeds.
pub struct Emulator {
    pub shown: Mutex<Shown>,
    fed: Condvar,
}

/// What the terminal got so far.
pub struct Shown {
    pub parser: vt100::Parser,
    /// Whether the program has let go of the terminal.
    is_over: bool,
    /// Whether what it gets is read.
    reader: Reader,
}

/// What the other side of the terminal does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    Reads,
    Stopped,
    /// It closes the terminal.
    Closes,
}

/// The program in a terminal.
pub struct Terminal {
    pub child: Box<dyn Child + Send + Sync>,
    master: Option<Box<dyn MasterPty + Send>>,
    keyboard: Option<Box<dyn Write + Send>>,
    pub emulator: Arc<Emulator>,
    pub folder: TempDir,
    /// The line discipline before the program touched it.
    before: String,
}

impl Terminal {
    /// Starts the program with these arguments in an empty folder that has the endless preset.
    pub fn start(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("endless.toml"), ENDLESS).unwrap();
        Self::start_in(folder, arguments)
    }

    pub fn start_in(folder: TempDir, arguments: &[&str]) -> Self {
        Self::start_as("xterm-256color", folder, arguments)
    }

    /// The same in a terminal that says it is of this kind.
    pub fn start_as(kind: &str, folder: TempDir, arguments: &[&str]) -> Self {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_nso-tui"));
        command.args(arguments);
        command.env("TERM", kind);
        Self::start_command(command, folder)
    }

    /// Starts a command in that folder.
    pub fn start_command(mut command: CommandBuilder, folder: TempDir) -> Self {
        let (rows, cols) = (40, 120);
        let pair = native_pty_system().openpty(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
        let before = format!("{:?}", pair.master.get_termios());
        command.cwd(folder.path());
        command.env_remove("NO_COLOR");
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let parser = vt100::Parser::new(cells(rows), cells(cols), 0);
        let emulator = Arc::new(Emulator {
            shown: Mutex::new(Shown { parser, is_over: false, reader: Reader::Reads }),
            fed: Condvar::new(),
        });
        let (feeder, mut screen) = (emulator.clone(), pair.master.try_clone_reader().unwrap());
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = screen.read(&mut bytes) {
                let mut shown = feeder.shown.lock().unwrap();
                shown.parser.process(&bytes[..count]);
                feeder.fed.notify_all();
                while shown.reader == Reader::Stopped {
                    shown = feeder.fed.wait(shown).unwrap();
                }
                if shown.reader == Reader::Closes {
                    break;
                }
            }
            drop(screen);
            feeder.shown.lock().unwrap().is_over = true;
            feeder.fed.notify_all();
        });
        let keyboard = pair.master.take_writer().unwrap();
        Self { child, master: Some(pair.master), keyboard: Some(keyboard), emulator, folder, before }
    }

    /// Types.
    pub fn keys(&mut self, text: &str) {
        let keyboard = self.keyboard.as_mut().unwrap();
        keyboard.write_all(text.as_bytes()).unwrap();
        keyboard.flush().unwrap();
    }

    /// Waits until what the terminal got is as `expected`, and says what it shows if it never is.
    fn wait(&self, what: &str, expected: impl Fn(&Shown) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let mut shown = self.emulator.shown.lock().unwrap();
        while !expected(&shown) {
            let left = deadline.saturating_duration_since(Instant::now());
            let screen = shown.parser.screen().contents();
            assert!(!left.is_zero(), "waited in vain for {what}; the screen shows\n{screen}");
            shown = self.emulator.fed.wait_timeout(shown, left).unwrap().0;
        }
    }

    /// Waits until the screen is as `expected`.
    pub fn wait_until(&self, what: &str, expected: impl Fn(&vt100::Screen) -> bool) {
        self.wait(what, |shown| expected(shown.parser.screen()));
    }

    /// Waits until the screen shows `text`.
    pub fn wait_for(&self, text: &str) {
        self.wait_until(text, |screen| screen.contents().contains(text));
    }

    /// Waits until the screen shows `text` no more.
    pub fn wait_without(&self, text: &str) {
        self.wait_until(&format!("no {text}"), |screen| !screen.contents().contains(text));
    }

    pub fn resize(&self, cols: u16, rows: u16) {
        self.emulator.shown.lock().unwrap().parser.screen_mut().set_size(cells(rows), cells(cols));
        self.master.as_ref().unwrap().resize(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    fn reader(&self, reader: Reader) {
        self.emulator.shown.lock().unwrap().reader = reader;
        self.emulator.fed.notify_all();
    }

    /// What the terminal gets is read no more, as after Ctrl-S or in a window that hangs.
    pub fn stop_reading(&self) {
        self.reader(Reader::Stopped);
    }

    pub fn read_on(&self) {
        self.reader(Reader::Reads);
    }

    /// Closes the terminal, as when its window is closed. Takes until the program writes something.
    pub fn close(&mut self) {
        self.reader(Reader::Closes);
        self.keyboard = None;
        self.master = None;
        self.wait("the end of the terminal", |shown| shown.is_over);
    }

    /// The exit code, once the program ends.
    pub fn exit_code(&mut self) -> u32 {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.exit_code();
            }
            assert!(Instant::now() < deadline, "the program does not end");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Whether the line discipline is what it was before the program.
    pub fn has_its_modes_back(&self) -> bool {
        format!("{:?}", self.master.as_ref().unwrap().get_termios()) == self.before
    }

    /// Sends a signal again and again, as an impatient user does, until the program ends.
    pub fn signal_until_over(&self, name: &str) {
        let mut shown = self.emulator.shown.lock().unwrap();
        while !shown.is_over {
            self.signal(name);
            shown = self.emulator.fed.wait_timeout(shown, Duration::from_millis(300)).unwrap().0;
        }
    }

    pub fn signal(&self, name: &str) {
        let id = self.child.process_id().unwrap().to_string();
        // It may have ended meanwhile.
        let _ = Command::new("kill").args(["-s", name, &id]).stderr(Stdio::null()).status().unwrap();
    }

    /// Waits for the end, and checks that the terminal is as it was. Returns the exit code.
    pub fn end(&mut self) -> u32 {
        self.wait("the end of the program", |shown| shown.is_over);
        let status = self.child.wait().unwrap();
        self.wait_until("the main screen", |screen| !screen.alternate_screen() && !screen.hide_cursor());
        assert!(self.has_its_modes_back(), "the line discipline is as it was");
        let screen = self.emulator.shown.lock().unwrap().parser.screen().contents();
        assert_ne!(status.exit_code(), PANICKED, "{screen}");
        status.exit_code()
    }

    /// The directory of the only session.
    pub fn session(&self) -> PathBuf {
        only(&self.folder.path().join("runs"))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

fn cells(count: u16) -> NonZero<u16> {
    NonZero::new(count).unwrap()
}

/// The only entry of a folder.
fn only(folder: &Path) -> PathBuf {
    let entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(entries.len(), 1, "{entries:?}");
    entries[0].clone()
}
