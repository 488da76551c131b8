//! What the dashboard's first list has: the presets in the binary, those in the working folder, and past sessions.

use std::{
    fs,
    path::{Path, PathBuf},
};

use nso_tui::{
    run::{
        Event,
        log::{LogReader, SessionLog},
        preset,
    },
    tui::{EntryKind, PastSession, PresetEntry},
};

/// Where sessions are logged unless the command line says otherwise.
const SESSIONS: &str = "runs";

/// Most past sessions in the list.
const NEWEST: usize = 30;

/// All of them, in their order; `overrides` are the changes of the command line.
pub(super) fn all(overrides: &[String]) -> Vec<PresetEntry> {
    let entry = |name: String, text: &str, kind| {
        let plan = preset::parse(&name, text, overrides).map_err(|error| error.to_string());
        PresetEntry { name, plan, kind }
    };
    let embedded = preset::embedded().map(|(name, text)| entry(name.to_owned(), text, EntryKind::Embedded));
    let files = presets_in(Path::new(".")).into_iter().map(|(name, text)| entry(name, &text, EntryKind::File));
    embedded.chain(files).chain(sessions_in(Path::new(SESSIONS))).collect()
}

/// The presets in a folder by their names: its TOML files that have runs.
fn presets_in(folder: &Path) -> Vec<(String, String)> {
    let name = |path: PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let is_toml = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "toml");
    let mut names: Vec<String> = entries(folder).into_iter().filter(is_toml).filter_map(name).collect();
    names.sort();
    let text = |name: String| preset::find(&name).ok().map(|text| (name, text));
    names.into_iter().filter_map(text).filter(|(_, text)| text.contains("[[run]]")).collect()
}

/// The sessions in a folder, the newest first. Their names begin with the time.
fn sessions_in(folder: &Path) -> Vec<PresetEntry> {
    let mut directories = entries(folder);
    directories.sort();
    directories.iter().rev().filter_map(|directory| session(directory)).take(NEWEST).collect()
}

fn session(directory: &Path) -> Option<PresetEntry> {
    let log = SessionLog::open(directory).ok()?;
    let live = log.is_live();
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for word in log.logs.iter().map(|log| standing(log, live)) {
        match counts.iter_mut().find(|(known, _)| *known == word) {
            Some((_, count)) => *count += 1,
            None => counts.push((word, 1)),
        }
    }
    let standing: Vec<String> = counts.into_iter().map(|(word, count)| format!("{count} {word}")).collect();
    let name = directory.file_name()?.to_string_lossy().into_owned();
    let session = PastSession {
        directory: directory.to_owned(),
        when: when(&name).unwrap_or(name),
        standing: standing.join(", "),
    };
    let name = directory.display().to_string();
    Some(PresetEntry { name, plan: Ok(log.plan), kind: EntryKind::Session(session) })
}

/// How a run stands, in a word.
fn standing(log: &LogReader, live: bool) -> &'static str {
    match log.last_event() {
        Some(Event::Finish { outcome, .. }) => outcome.into(),
        _ if live => "running",
        _ => "interrupted",
    }
}

/// The time that the folder's name begins with, as in `20261201T035854Z-mnist-mlp-dd5e`: "2026-12-01 03:58 UTC".
fn when(name: &str) -> Option<String> {
    let stamp = name.get(..16).filter(|stamp| stamp.is_ascii() && stamp.ends_with('Z'))?;
    let time = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", stamp).ok()?;
    Some(time.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    // A folder that cannot be read has nothing to offer.
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.flatten().map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests {
    use nso_tui::run::{Engine, device::DeviceName, log::Destination};

    use super::*;

    #[test]
    fn a_folder_offers_its_presets_and_its_sessions_with_how_they_ended() {
        let folder = tempfile::tempdir().unwrap();
        let (name, text) = preset::embedded().find(|(name, _)| *name == "quadratic").unwrap();
        let session = folder.path().join("20261201T035854Z-quadratic-dd5e");
        let plan = preset::parse(name, text, &["train.gradients=40".to_owned()]).unwrap();
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
            let destination = Destination::Exactly(session.clone());
            let mut engine = Engine::start(plan, &destination, &DeviceName::Flex.into()).unwrap();
            let mut over = 0;
            while over < 4 {
                let batch = engine.next().await.unwrap();
                over += usize::from(matches!(batch.events.last(), Some(Event::Finish { .. })));
            }
            engine.close().await;
        });
        fs::create_dir(folder.path().join("20261202T000000Z-nothing")).unwrap();
        let found = sessions_in(folder.path());
        assert_eq!(found.len(), 1);
        let EntryKind::Session(past) = &found[0].kind else { panic!("{found:?}") };
        assert_eq!((past.when.as_str(), past.standing.as_str()), ("2026-12-01 03:58 UTC", "4 completed"));
        // Without its last line it was cut off.
        let log = session.join("SGD").join("events.jsonl");
        let lines = fs::read_to_string(&log).unwrap();
        let (cut, _) = lines.trim_end().rsplit_once('\n').unwrap();
        fs::write(&log, format!("{cut}\n")).unwrap();
        let found = sessions_in(folder.path());
        let EntryKind::Session(past) = &found[0].kind else { panic!("{found:?}") };
        assert_eq!(past.standing, "1 interrupted, 3 completed");
    }

    #[test]
    fn a_name_without_a_time_is_the_time() {
        for name in ["mine", "20261301T035854Z-x", "20261201T035854-mnist-mlp", "ééééééééééééééééééé"]
        {
            assert_eq!(when(name), None, "{name}");
        }
    }
}
