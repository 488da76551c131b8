//! Presets and sessions of version 0.1 stay readable: their keys are aliases of today's, their logs fold to the same rows.
//! The fixtures in `old/` were written by 0.1; the CSV files next to the sessions are its own exports of them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use nso_tui::run::{log::SessionLog, preset};

const SESSIONS: [&str; 3] = ["every-key", "digits", "live"];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/old").join(name)
}

/// Runs the program in a folder of its own and demands success.
fn program(arguments: &[&str]) -> String {
    let done = Command::new(env!("CARGO_BIN_EXE_nso-tui")).args(arguments).output().unwrap();
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// The rows of a CSV file as maps from column to cell.
fn rows(path: &Path) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let header = reader.headers().unwrap().clone();
    let rows = reader.records().map(|record| {
        let record = record.unwrap();
        header.iter().zip(record.iter()).map(|(column, cell)| (column.to_owned(), cell.to_owned())).collect()
    });
    rows.collect()
}

#[test]
fn a_preset_with_the_keys_of_0_1_is_the_plan_that_0_1_made_of_it() {
    for name in ["every-key", "digits"] {
        let text = fs::read_to_string(fixture(&format!("{name}.toml"))).unwrap();
        let plan = preset::parse(name, &text, &[]).unwrap();
        let session = SessionLog::open(&fixture("sessions").join(name)).unwrap();
        assert_eq!(plan.runs, session.plan.runs, "{name}");
        assert_eq!(plan.train, session.plan.train, "{name}");
        assert_eq!(plan.problem, session.plan.problem, "{name}");
    }
}

#[test]
fn every_event_of_an_old_log_is_read() {
    for name in SESSIONS {
        let directory = fixture("sessions").join(name);
        let mut session = SessionLog::open(&directory).unwrap();
        let runs = session.read_new().unwrap().runs;
        assert_eq!(runs.len(), session.plan.runs.len());
        for (run, events) in session.plan.runs.iter().zip(&runs) {
            let written = fs::read_to_string(directory.join(&run.name).join("events.jsonl")).unwrap();
            assert_eq!(events.len(), written.lines().count(), "{name}: {}", run.name);
        }
    }
}

#[test]
fn an_old_session_exports_every_cell_that_0_1_exported() {
    let folder = tempfile::tempdir().unwrap();
    for name in SESSIONS {
        let file = folder.path().join(format!("{name}.csv"));
        program(&["export", fixture("sessions").join(name).to_str().unwrap(), "-o", file.to_str().unwrap()]);
        let (before, after) = (rows(&fixture(&format!("sessions/{name}.csv"))), rows(&file));
        assert!(before.len() > 20, "{name}: {} rows", before.len());
        // Later versions may add rows and columns.
        let mut after = after.iter();
        for row in &before {
            let found = after.find(|new| row.iter().all(|(column, cell)| new.get(column) == Some(cell)));
            assert!(found.is_some(), "{name}: no row {row:?}");
        }
    }
}

#[test]
fn an_old_session_replays_on_the_screen() {
    for name in SESSIONS {
        let screen = program(&["replay", fixture("sessions").join(name).to_str().unwrap(), "--print", "120x40"]);
        assert!(screen.contains("NSO"), "{name}:\n{screen}");
    }
}
