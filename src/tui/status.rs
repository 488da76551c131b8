//! The top line, where the session stands, and the bottom line, the keys that do something here and now.

use std::time::Duration;

use ratatui::{
    Frame,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use super::{
    app::{App, Notice},
    help::spelled,
    keymap::{Action, Binding, SessionAction},
    overlay::Overlay,
    session::{Feed, Run, WatchedSession},
    text::{clock, fit, scrub, width},
    theme::Theme,
};
use crate::{
    figure::{
        CommonCost, RunState,
        text::{fixed, thousands},
    },
    problem::Loading,
    run::{Budget, device::Load},
};

/// Draws where the session stands: what runs, how far it is, how long it took and will take.
pub fn render_top(frame: &mut Frame<'_>, area: Rect, session: &WatchedSession, theme: Theme) {
    let columns = usize::from(area.width);
    let name = fit(&scrub(&session.plan.preset), columns / 2);
    let states = states(session);
    // What stands at the right goes from the left where there is no room for all of it.
    let mut right: Vec<String> = measuring(session).into_iter().collect();
    right.extend([spent(session), clock(elapsed(session))]);
    right.extend(left(session));
    let room = columns.saturating_sub(width(&name) + width(&states) + 6);
    while right.len() > 1 && width(&right.join("   ")) > room {
        right.remove(0);
    }
    let right = fit(&right.join("   "), room);
    let room = room.saturating_sub(width(&right) + 3);
    let busy = session.load.map(|load| busy(load) + "   ").filter(|busy| width(busy) <= room).unwrap_or_default();
    let gap = columns.saturating_sub(width(&name) + 3 + width(&states) + width(&busy) + width(&right));
    let line = Line::from(vec![
        Span::styled(name, theme.strong()),
        Span::styled(format!("   {states}"), theme.text()),
        Span::raw(" ".repeat(gap)),
        Span::styled(busy, theme.quiet()),
        Span::styled(right, theme.text()),
    ]);
    frame.render_widget(line, area);
}

/// The process's share of one processor core and its memory; the load and memory of the GPUs. Of constant width, as far as it goes.
fn busy(load: Load) -> String {
    let gigabytes = |bytes: u64| fixed(bytes as f64 / 1e9, 1);
    let memory = if load.memory < 1_000_000_000 {
        format!("{:>3} MB", load.memory / 1_000_000)
    } else {
        format!("{} GB", gigabytes(load.memory))
    };
    let process = format!("cpu {:>3.0} %  {memory}", load.cpu_percent);
    load.gpu.map_or(process.clone(), |gpu| {
        let (used, all) = (gigabytes(gpu.memory), gigabytes(gpu.memory_total));
        format!("{process}   gpu {:>3} %  {used} of {all} GB", gpu.busy_percent)
    })
}

/// How many runs are in which state.
fn states(session: &WatchedSession) -> String {
    match session.feed {
        Feed::Starting => return session.loading.as_ref().map_or("starting".into(), Loading::to_string),
        Feed::Recorded(_) if session.is_over() => return "replay".into(),
        Feed::Recorded(_) | Feed::Live | Feed::Drained => {}
    }
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for word in session.runs.iter().map(|run| session.state_word(run)) {
        match counts.iter_mut().find(|(known, _)| *known == word) {
            Some((_, count)) => *count += 1,
            None => counts.push((word, 1)),
        }
    }
    counts.into_iter().map(|(word, count)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
}

/// How far all runs are, in the budget's unit: what the slowest of those that go on has spent.
fn spent(session: &WatchedSession) -> String {
    let histories = session.runs.iter().map(|run| &run.history);
    let (Budget::Gradients(budget) | Budget::Steps(budget) | Budget::Epochs(budget)) = session.plan.train.budget;
    let what = match session.plan.train.budget {
        Budget::Gradients(_) => "gradient evaluations",
        Budget::Steps(_) => "steps",
        Budget::Epochs(_) => "epochs",
    };
    let cost = CommonCost::of(session.plan.train.budget, histories);
    let spent = cost.map_or_else(|| "–".to_owned(), |cost| thousands(cost.whole()));
    format!("{spent} of {} {what}", thousands(budget))
}

/// The share of the runs' time that went into measuring, where it is worth a word.
fn measuring(session: &WatchedSession) -> Option<String> {
    let sum = |of: fn(&Run) -> f64| session.runs.iter().map(of).sum::<f64>();
    let (measured, all) = (sum(|run| run.history.measuring_seconds()), sum(|run| run.history.now().seconds));
    let percent = 100.0 * measured / all;
    (percent >= 1.0).then(|| format!("measuring {percent:.0} % of time"))
}

fn elapsed(session: &WatchedSession) -> Duration {
    match session.feed {
        Feed::Recorded(_) => {
            let seconds = session.runs.iter().map(|run| run.history.now().seconds).fold(0.0, f64::max);
            Duration::try_from_secs_f64(seconds).unwrap_or_default()
        }
        Feed::Starting | Feed::Live | Feed::Drained => session.elapsed,
    }
}

/// How long the slowest run still takes.
fn left(session: &WatchedSession) -> Option<String> {
    if session.is_over() {
        return None;
    }
    let seconds = session.runs.iter().filter_map(|run| run.history.eta_seconds()).reduce(f64::max)?;
    Duration::try_from_secs_f64(seconds).ok().map(|left| format!("about {} left", clock(left)))
}

/// Draws the keys that do something, and at the right what was last reported, or where the log is.
pub fn render_keys(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let theme = app.theme;
    let columns = usize::from(area.width);
    let (said, style) = match &app.notice {
        Some(Notice::Done(text)) => (scrub(text), theme.strong()),
        Some(Notice::Failed(text)) => (scrub(text), theme.alert()),
        None => (String::new(), theme.quiet()),
    };
    // A report may take all but the last two keys' room.
    let said = fit(&theme.spell(&said), columns.saturating_sub(20));
    let room = if said.is_empty() { columns } else { columns.saturating_sub(width(&said) + 2) };
    let entries = fitting(shown(app), room);
    // How far the log is has what the keys leave.
    let left = columns.saturating_sub(taken(&entries) + 2);
    let (said, style) = if said.is_empty() { standing(app, left) } else { (said, style) };
    let mut spans = Vec::new();
    let mut used = 0;
    for (keys, label) in entries {
        let gap = if used == 0 { "" } else { "  " };
        used += gap.len() + width(&keys) + 1 + width(&label);
        spans.push(Span::styled(format!("{gap}{keys}"), theme.key()));
        spans.push(Span::styled(format!(" {label}"), theme.quiet()));
    }
    spans.push(Span::raw(" ".repeat(columns.saturating_sub(used + width(&said)))));
    spans.push(Span::styled(said, style));
    frame.render_widget(Line::from(spans), area);
}

/// The keys and words of the rows that work here and now.
fn shown(app: &App) -> Vec<(String, String)> {
    let offered =
        |binding: &&Binding| binding.shown > 0 && binding.keys.first().is_some_and(|(_, action)| app.offers(*action));
    let entry = |binding: &Binding| {
        let keys = binding.keys.iter().take(binding.shown).map(|(key, _)| spelled(*key, app.theme));
        let keys: Vec<String> = keys.collect();
        // Arrows and signs stand together, words apart.
        let apart = if keys.iter().all(|key| width(key) == 1) { "" } else { "/" };
        (keys.join(apart), label(app, binding))
    };
    app.context().bindings().filter(offered).map(entry).collect()
}

/// A row's word; a key that goes to and fro says where it goes now.
fn label(app: &App, binding: &Binding) -> String {
    let session = app.session();
    let paused = session.and_then(WatchedSession::run).is_some_and(|run| *run.history.state() == RunState::Paused);
    let six = session.is_some_and(|session| session.grid.len() == 6);
    let action = binding.keys.first().map(|(_, action)| *action);
    if action == Some(Action::Watch(SessionAction::Pause)) && paused {
        "resume".into()
    } else if action == Some(Action::Watch(SessionAction::ToggleGrid)) && six {
        "four charts".into()
    } else {
        binding.label.into()
    }
}

/// As many entries as `room` takes; help and quit, the last two, stay longest.
fn fitting(mut entries: Vec<(String, String)>, room: usize) -> Vec<(String, String)> {
    while taken(&entries) > room && !entries.is_empty() {
        let last_but_two = entries.len().saturating_sub(3);
        entries.remove(last_but_two);
    }
    entries
}

/// The columns that entries take.
fn taken(entries: &[(String, String)]) -> usize {
    let each = entries.iter().map(|(keys, label)| width(keys) + 1 + width(label) + 2);
    each.sum::<usize>().saturating_sub(2)
}

/// What is damaged, or how far the selected run's log is, as far as it fits.
fn standing(app: &App, room: usize) -> (String, Style) {
    if let Some(damage) = app.session().and_then(|session| session.damage.as_ref()).filter(|_| room > 20) {
        return (fit(&app.theme.spell(&scrub(damage)), room), app.theme.alert());
    }
    let text = saved(app).into_iter().find(|text| width(text) <= room);
    (text.unwrap_or_default(), app.theme.quiet())
}

/// How far the selected run's log is, the longest text first. A run flushes its log before it hands events over, so what is shown is saved; a run that
/// failed may have failed over its log.
fn saved(app: &App) -> Vec<String> {
    let session = app.session().filter(|session| matches!(session.feed, Feed::Live | Feed::Drained));
    let session = session.filter(|session| session.directory.is_some() && app.overlay == Overlay::None);
    let run = session.and_then(WatchedSession::run).filter(|run| run.history.start().is_some());
    let fine =
        |run: &&Run| !matches!(run.history.state(), RunState::Failed { .. }) && run.waits_for_the_disk().is_none();
    let Some(run) = run.filter(fine) else { return Vec::new() };
    let saved = format!("saved to step {}", thousands(run.history.now().step));
    // What would survive a power failure.
    let durable = run.status.durable_step.map(|step| format!("{saved}, durable to step {}", thousands(step)));
    durable.into_iter().chain([saved]).collect()
}
