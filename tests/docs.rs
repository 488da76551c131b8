//! README and docs have what the program has: presets, panels, hyperparameters, keys, measurements.
//! Their links lead somewhere, and the README is short.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use nso_tui::{
    curvature::TraceEstimator,
    figure::PanelKind,
    optimizer::{Categorical, Hyperparameter, Rule},
    run::{CurvaturePlan, MeasurementKind, preset},
    tui::keymap,
};
use strum::VariantArray;

/// Lines that the README may have.
const LONGEST_README: usize = 150;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// A page of the docs.
fn page(name: &str) -> String {
    fs::read_to_string(root().join("docs/src").join(name)).unwrap()
}

/// Every Markdown file that is for readers.
fn pages() -> Vec<PathBuf> {
    let mut pages: Vec<PathBuf> =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|name| root().join(name)).to_vec();
    for entry in fs::read_dir(root().join("docs/src")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "md") {
            pages.push(path);
        }
    }
    assert!(pages.len() > 12, "only {} pages found: the test looks in the wrong place", pages.len());
    pages
}

fn must_have(page_name: &str, row: &str) {
    assert!(page(page_name).contains(row), "docs/src/{page_name} lacks\n{row}");
}

/// The variable that has these tests write the tables that the program makes.
const WRITE: &str = "NSO_TUI_WRITE_DOCS";

/// What stands between `<!-- NAME -->` and `<!-- end -->` of a page must be this text.
fn generated(page_name: &str, name: &str, text: &str) {
    let path = root().join("docs/src").join(page_name);
    let written = fs::read_to_string(&path).unwrap();
    let mark = format!("<!-- {name} -->\n");
    let start = written.find(&mark).unwrap_or_else(|| panic!("{page_name} has no place {mark}")) + mark.len();
    let length = written[start..].find("<!-- end -->").unwrap_or_else(|| panic!("{name} has no end"));
    if std::env::var_os(WRITE).is_some() {
        let mut page = written;
        page.replace_range(start..start + length, text);
        fs::write(&path, page).unwrap();
        return;
    }
    let found = &written[start..start + length];
    assert_eq!(found, text, "docs/src/{page_name}, {name}: `{WRITE}=1 cargo test --test docs` regenerates it");
}

#[test]
fn the_table_of_keys_is_that_of_the_program() {
    generated("charts-and-keys.md", "keys", &keymap::markdown());
}

#[test]
fn every_preset_has_a_row() {
    for (name, _) in preset::embedded() {
        must_have("presets.md", &format!("| `{name}` |"));
    }
}

/// One page has both tables, so one test writes them.
#[test]
fn the_tables_of_hyperparameters_are_those_of_the_program() {
    let mut numbers = String::from("| key | what it is | range |\n|---|---|---|\n");
    for one in Hyperparameter::all() {
        let _ = writeln!(numbers, "| `{}` | {} | {} |", one.key(), one.meaning(), one.range());
    }
    generated("methods.md", "hyperparameters", &numbers);
    let mut choices = String::from("| choice | what it is | values, the first is the default |\n|---|---|---|\n");
    for choice in Categorical::all() {
        let _ = writeln!(choices, "| `{}` | {} | {} |", choice.key(), choice.meaning(), choice.words().join(", "));
    }
    generated("methods.md", "choices", &choices);
}

/// The README names each method by its key, the docs have a row and a section of its formula.
#[test]
fn every_method_is_explained() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    for key in Rule::KEYS {
        must_have("methods.md", &format!("| `{key}` |"));
        assert!(readme.contains(&format!("`{key}`")), "README.md lacks the method `{key}`");
    }
}

#[test]
fn every_measurement_and_every_estimator_is_explained() {
    for measurement in MeasurementKind::VARIANTS {
        must_have("measurements.md", &format!("| `{}` |", measurement.info().key));
        for quantity in measurement.info().quantities {
            must_have("measurements.md", &format!("`{}`", quantity.key));
        }
    }
    for setting in CurvaturePlan::default().settings.all() {
        must_have("presets.md", &format!("`{}`", setting.key));
    }
    for &estimator in TraceEstimator::VARIANTS {
        must_have("measurements.md", &format!("| `{}` |", estimator.key()));
    }
}

/// A panel's row begins with its names, the present one first.
#[test]
fn every_panel_has_a_row() {
    let page = page("charts-and-keys.md");
    for &panel in PanelKind::VARIANTS {
        let key = format!("`{}`", panel.key());
        let named =
            |line: &str| line.starts_with("| ") && line.split('|').nth(1).is_some_and(|cell| cell.contains(&key));
        assert!(page.lines().any(named), "docs/src/charts-and-keys.md has no row of the panel {key}");
    }
}

#[test]
fn the_readme_is_short() {
    let lines = fs::read_to_string(root().join("README.md")).unwrap().lines().count();
    assert!(lines <= LONGEST_README, "README.md has {lines} lines; details belong into docs/");
}

#[test]
fn the_summary_lists_every_page() {
    let summary = page("SUMMARY.md");
    for path in pages().iter().filter(|path| path.starts_with(root().join("docs"))) {
        let name = path.file_name().unwrap().to_string_lossy();
        assert!(name == "SUMMARY.md" || summary.contains(&format!("({name})")), "SUMMARY.md lacks {name}");
    }
}

/// The name by which a link finds a heading: lower case, spaces as hyphens, without punctuation.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect::<String>().replace(' ', "-")
}

/// The targets of the links of a page that lead to files of this project.
fn links(text: &str) -> Vec<&str> {
    let ends = text.match_indices("](").map(|(at, mark)| &text[at + mark.len()..]);
    let targets = ends.filter_map(|rest| rest.split([')', '\n', ' ']).next());
    targets.filter(|target| !target.contains("://") && !target.is_empty()).collect()
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let mut checked = 0;
    for path in pages() {
        let text = fs::read_to_string(&path).unwrap();
        for link in links(&text) {
            let (file, heading) = link.split_once('#').map_or((link, None), |(file, heading)| (file, Some(heading)));
            let target = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            assert!(target.exists(), "{}: {link} leads nowhere", path.display());
            checked += 1;
            let Some(heading) = heading else { continue };
            let text = fs::read_to_string(&target).unwrap();
            let found = text.lines().filter(|line| line.starts_with('#')).any(|line| anchor(line) == heading);
            assert!(found, "{}: {link} leads to no heading", path.display());
        }
    }
    assert!(checked > 50, "only {checked} links found: the test looks in the wrong place");
}

/// Paths in backquotes that look like files of this project must be files of it.
#[test]
fn every_file_that_architecture_and_contributing_name_exists() {
    let mut checked = 0;
    for name in ["ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let text = fs::read_to_string(root().join(name)).unwrap();
        let quoted = text.split('`').skip(1).step_by(2);
        let starts = ["src/", "tests/", "docs/", "presets/", "results/", "benches/", "examples/", ".ci/", ".github/"];
        for path in quoted.filter(|text| starts.iter().any(|start| text.starts_with(start))) {
            if path.contains(['<', '*', ' ', '{']) {
                continue;
            }
            checked += 1;
            assert!(root().join(path).exists(), "{name} names {path}, which does not exist");
        }
    }
    assert!(checked > 30, "only {checked} paths found: the test looks in the wrong place");
}
