//! Files that the dashboard writes: figures and tables of a session, read back from its log, and copies of presets.

use std::{
    fs::OpenOptions,
    io::{self, Write as _},
    path::PathBuf,
};

use crate::{
    figure::{self, Extent},
    run::{log::SessionLog, preset},
    text::error_chain,
    tui::{ExportRequest, Naming},
};

/// Writes what the screen showed when it was asked for: the first events of each run, as many as the dashboard had received.
/// The log has them all, since a run writes an event there before it hands it over.
pub fn export(request: ExportRequest) -> Result<PathBuf, String> {
    let ExportRequest { path, naming, directory, received, options } = request;
    let path = match naming {
        Naming::AsAsked => path,
        Naming::Numbered => free_name(path),
    };
    let mut log = SessionLog::open(&directory).map_err(|error| error_chain(&error))?;
    let written = figure::export_recorded(&mut log, Extent::First(&received), &path, &options);
    written.map(|_damaged| path).map_err(|error| error_chain(&error))
}

/// The path, or where there is a file already, the first of name-2, name-3 and so on where there is none.
fn free_name(path: PathBuf) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let ending = path.extension().map_or_else(String::new, |ending| format!(".{}", ending.to_string_lossy()));
    let numbered = (2..).map(|number| path.with_file_name(format!("{stem}-{number}{ending}")));
    std::iter::once(path.clone()).chain(numbered).find(|path| !path.exists()).unwrap_or(path)
}

/// Writes the text of an embedded preset to a file of its name in the working directory, never over another.
pub fn copy_preset(name: &str) -> Result<PathBuf, String> {
    let (_, text) =
        preset::embedded().find(|(known, _)| *known == name).ok_or_else(|| format!("{name} is not built in"))?;
    let path = PathBuf::from(format!("{name}.toml"));
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    match written {
        Ok(()) => Ok(path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(format!("{} is there already", path.display()))
        }
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{
        figure::Options,
        run::log::{Destination, SessionDirectory},
        tui::tests::scene::{events, plan},
    };

    /// A session on disk whose four runs have spent so many gradient evaluations, and a request for a file beside it.
    fn session(folder: &Path, spent: u64) -> ExportRequest {
        let directory = folder.join("session");
        let plan = plan();
        let log = SessionDirectory::create(&Destination::Exactly(directory.clone()), &plan).unwrap().unwrap();
        let mut received = Vec::new();
        for run in 0..plan.runs.len() {
            let mut writer = log.log(run, 0).unwrap();
            let events = events(run, spent);
            for event in &events {
                writer.append(event).unwrap();
            }
            writer.flush().unwrap();
            received.push(events.len());
        }
        ExportRequest {
            path: folder.join("a.csv"),
            naming: Naming::AsAsked,
            directory,
            received,
            options: Options::default(),
        }
    }

    #[test]
    fn an_ending_in_capitals_has_all_events() {
        let folder = tempfile::tempdir().unwrap();
        let request = session(folder.path(), 100);
        let expected: usize = request.received.iter().sum();
        let path = export(ExportRequest { path: folder.path().join("x.JSONL"), ..request }).unwrap();
        assert_eq!(std::fs::read_to_string(path).unwrap().lines().count(), expected);
    }

    #[test]
    fn what_was_logged_after_the_key_was_pressed_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let request = session(folder.path(), 100);
        let path = export(ExportRequest { received: vec![5, 4, 1, 0], ..request }).unwrap();
        let rows = std::fs::read_to_string(path).unwrap();
        let count = |run: &str| rows.lines().filter(|row| row.starts_with(&format!("{run},step_loss,"))).count();
        assert_eq!(["SGD", "WP-SGD", "SAM", "NSO"].map(count), [4, 3, 0, 0]);
    }

    #[test]
    fn a_figure_that_is_there_is_kept_unless_its_name_was_given() {
        let folder = tempfile::tempdir().unwrap();
        let written = |naming| {
            let request = session(&tempfile::tempdir_in(folder.path()).unwrap().keep(), 100);
            let path = folder.path().join("figure-100.csv");
            export(ExportRequest { path, naming, ..request })
                .unwrap()
                .file_name()
                .unwrap()
                .to_string_lossy()
                .into_owned()
        };
        let names = [Naming::Numbered, Naming::Numbered, Naming::AsAsked, Naming::Numbered].map(written);
        assert_eq!(names, ["figure-100.csv", "figure-100-2.csv", "figure-100.csv", "figure-100-3.csv"]);
    }

    #[test]
    fn a_session_that_is_gone_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let request = session(folder.path(), 10);
        let error = export(ExportRequest { directory: folder.path().join("gone"), ..request }).unwrap_err();
        assert!(error.contains("gone is not a session"), "{error}");
    }
}
