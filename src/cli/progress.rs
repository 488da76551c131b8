//! Progress on standard error: bars on a terminal, lines elsewhere. A thread writes it, and what a slow reader cannot follow is left
//! out, so that training and signals never wait for it.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal},
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};
use nso_tui::{
    figure::{History, Quantity},
    problem::Loading,
    run::{Plan, RunStatus},
    terminal::{self, Outlet, is_gone},
    text::printable,
};

/// What indicatif draws, on its way to standard error.
#[derive(Debug)]
struct Painter {
    said: Arc<Outlet>,
    frame: Mutex<String>,
}

impl Painter {
    /// Where bars are drawn: nowhere if standard error is no terminal.
    fn target(said: &Arc<Outlet>) -> ProgressDrawTarget {
        if io::stderr().is_terminal() {
            let painter = Self { said: said.clone(), frame: Mutex::default() };
            ProgressDrawTarget::term_like(Box::new(painter))
        } else {
            ProgressDrawTarget::hidden()
        }
    }

    fn add(&self, text: std::fmt::Arguments<'_>) -> io::Result<()> {
        let mut frame = self.frame.lock().unwrap_or_else(PoisonError::into_inner);
        frame.write_fmt(text).map_err(io::Error::other)
    }

    fn move_cursor(&self, by: usize, way: char) -> io::Result<()> {
        if by == 0 { Ok(()) } else { self.add(format_args!("\u{1b}[{by}{way}")) }
    }
}

impl TermLike for Painter {
    fn width(&self) -> u16 {
        terminal::width_of_standard_error()
    }

    fn move_cursor_up(&self, by: usize) -> io::Result<()> {
        self.move_cursor(by, 'A')
    }

    fn move_cursor_down(&self, by: usize) -> io::Result<()> {
        self.move_cursor(by, 'B')
    }

    fn move_cursor_right(&self, by: usize) -> io::Result<()> {
        self.move_cursor(by, 'C')
    }

    fn move_cursor_left(&self, by: usize) -> io::Result<()> {
        self.move_cursor(by, 'D')
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.add(format_args!("{text}\n"))
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.add(format_args!("{text}"))
    }

    fn clear_line(&self) -> io::Result<()> {
        self.add(format_args!("\r\u{1b}[2K"))
    }

    fn flush(&self) -> io::Result<()> {
        let frame = mem::take(&mut *self.frame.lock().unwrap_or_else(PoisonError::into_inner));
        if !frame.is_empty() {
            self.said.send(frame.into_bytes());
        }
        Ok(())
    }
}

/// How far images are read: a bar on a terminal, once there are any. Skipped images are reported on a line of their own.
pub(super) struct Reading {
    bar: ProgressBar,
    said: Arc<Outlet>,
}

impl Reading {
    pub(super) fn new(said: &Arc<Outlet>) -> Self {
        let bar = ProgressBar::hidden();
        if let Ok(style) = ProgressStyle::with_template("reading images {bar:24} {pos} of {len}") {
            bar.set_style(style);
        }
        Self { bar, said: said.clone() }
    }

    pub(super) fn show(&self, loading: &Loading) {
        match loading {
            Loading::Images { done, of } => {
                if self.bar.length() != Some(*of as u64) {
                    self.bar.set_length(*of as u64);
                    self.bar.set_draw_target(Painter::target(&self.said));
                }
                if self.said.is_idle() {
                    self.bar.set_position(*done as u64);
                }
            }
            Loading::Done => self.bar.finish_and_clear(),
            Loading::SkippedImages { .. } => self.bar.suspend(|| say(&self.said, &loading.to_string())),
        }
    }
}

/// A line on standard error, free of what terminals act on.
pub(super) fn say(said: &Outlet, text: &str) {
    said.send(format!("{}\n", printable(text)).into_bytes());
}

/// One bar a run on a terminal; elsewhere a line for each tenth of a run.
pub(super) struct ProgressBars {
    screen: MultiProgress,
    bars: Vec<ProgressBar>,
    names: Vec<String>,
    tenths: Vec<u64>,
    /// Why each run waits.
    blocked: Vec<Option<String>>,
    terminal: bool,
    said: Arc<Outlet>,
    /// Whether bars were left as they were, since standard error was not ready for more.
    behind: bool,
}

/// Parts that a bar is divided into.
const PARTS: u64 = 1000;

impl ProgressBars {
    pub(super) fn new(plan: &Plan, said: &Arc<Outlet>) -> Self {
        let screen = MultiProgress::with_draw_target(Painter::target(said));
        let names: Vec<String> = plan.runs.iter().map(|run| printable(&run.name).into_owned()).collect();
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        let style = ProgressStyle::with_template("{prefix} {bar:24} {percent:>3} %  {elapsed_precise}  {wide_msg}");
        let bar = |name: &String| {
            let bar = screen.add(ProgressBar::new(PARTS)).with_prefix(format!("{name:<width$}"));
            if let Ok(style) = &style {
                bar.set_style(style.clone());
            }
            bar
        };
        let bars = names.iter().map(bar).collect();
        Self {
            bars,
            screen,
            tenths: vec![0; names.len()],
            blocked: vec![None; names.len()],
            names,
            terminal: io::stderr().is_terminal(),
            said: said.clone(),
            behind: false,
        }
    }

    /// Shows how far a run is.
    pub(super) fn show(&mut self, run: usize, history: &History) {
        let line = || {
            [Quantity::TrainLoss, Quantity::Gap, Quantity::ValidationError, Quantity::Trace, Quantity::LambdaMax]
                .into_iter()
                .filter_map(|quantity| {
                    Some(format!("{} {}", quantity.title(), quantity.format(history.last(quantity)?.value)))
                })
                .collect::<Vec<_>>()
                .join("  ")
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a thousand")]
        let part = (history.progress() * PARTS as f64) as u64;
        let over = history.state().is_over();
        if self.terminal {
            if !self.said.is_idle() {
                self.behind = true;
                return;
            }
            let bar = &self.bars[run];
            bar.set_position(part);
            bar.set_message(if over { history.state().word().to_owned() } else { line() });
            return;
        }
        let tenth = part * 10 / PARTS;
        if tenth > self.tenths[run] || over {
            self.tenths[run] = tenth;
            let name = &self.names[run];
            say(&self.said, &format!("{name}: {} {} %  {}", history.state().word(), part * 100 / PARTS, line()));
        }
    }

    /// Says when a run begins to wait for its disk, and when it goes on.
    pub(super) fn show_status(&mut self, run: usize, status: RunStatus) {
        if self.blocked[run] == status.blocked {
            return;
        }
        let name = &self.names[run];
        let text = match &status.blocked {
            Some(reason) => format!("{name} waits: {reason}; it goes on when that is over"),
            None => format!("{name} goes on"),
        };
        self.blocked[run] = status.blocked;
        self.say(&text);
    }

    /// A line above the bars.
    pub(super) fn say(&self, text: &str) {
        if self.terminal {
            // A line that cannot be written is lost.
            let _ = self.screen.println(printable(text));
        } else {
            say(&self.said, text);
        }
    }

    /// Until standard error is ready for what was left out.
    pub(super) async fn catches_up(&self) {
        if self.behind { self.said.idle().await } else { std::future::pending().await }
    }

    /// Shows what was left out.
    pub(super) fn catch_up(&mut self, histories: &[History]) {
        self.behind = false;
        for (run, history) in histories.iter().enumerate() {
            self.show(run, history);
        }
    }

    /// Whether the terminal that progress goes to is gone.
    pub(super) fn is_terminal_gone(&self) -> bool {
        self.terminal && self.said.take_fault().is_some_and(|fault| is_gone(&fault))
    }

    pub(super) fn clear(&self) {
        // A bar that cannot be cleared stays; the results follow below it.
        let _ = self.screen.clear();
    }
}
