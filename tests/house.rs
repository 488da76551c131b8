//! The house rules: imports point left, each library stays where it belongs, each file says what it is.
//! What README and docs must have is in `docs.rs`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

/// The layers, left to right. A layer may use those before it.
const LAYERS: [&str; 13] = [
    "number",
    "random",
    "text",
    "autodiff",
    "optimizer",
    "curvature",
    "problem",
    "run",
    "figure",
    "tui",
    "dashboard",
    "doctor",
    "cli",
];

/// Layers that must not use each other although one is named before the other.
const SIBLINGS: [&str; 3] = ["optimizer", "curvature", "problem"];

/// Where each library may be used.
const LIBRARIES: [(&str, &[&str]); 10] = [
    ("burn", &["autodiff", "optimizer", "curvature", "problem", "run", "doctor"]),
    ("ratatui", &["tui", "dashboard"]),
    ("crossterm", &["dashboard"]),
    ("tch", &["autodiff", "run"]),
    ("burn_tch", &["autodiff", "run"]),
    ("nvml_wrapper", &["run"]),
    ("safetensors", &["problem", "run"]),
    ("image", &["problem"]),
    ("plotters", &["figure"]),
    ("clap", &["cli"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Every Rust file below `folder`, with its text.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut folders = vec![root().join(folder)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                files.push((path, text));
            }
        }
    }
    files
}

/// The layer that a file of `src` belongs to; none for the two roots.
fn layer(path: &Path) -> Option<String> {
    let inside = path.strip_prefix(root().join("src")).unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_string_lossy();
    Some(first.trim_end_matches(".rs").to_owned()).filter(|name| name != "lib" && name != "main")
}

/// The code of a file up to its tests.
fn before_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap()
}

/// The first segments of all paths that begin with `start`, also inside of braces as in `use crate::{a::x, b}`.
fn segments(text: &str, start: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices(start) {
        let rest = &text[at + start.len()..];
        let list = match rest.strip_prefix('{') {
            None => rest,
            Some(inside) => {
                let mut depth = 1;
                let end = inside.find(|c| {
                    depth += i32::from(c == '{') - i32::from(c == '}');
                    depth == 0
                });
                &inside[..end.unwrap()]
            }
        };
        let mut depth = 0;
        let mut word = String::new();
        let mut outermost = String::new();
        for c in list.chars() {
            depth += i32::from(c == '{');
            if depth == 0 {
                outermost.push(c);
            }
            depth -= i32::from(c == '}');
        }
        let items: Vec<&str> = if rest.starts_with('{') { outermost.split(',').collect() } else { vec![&outermost] };
        for item in items {
            word.clear();
            word.extend(item.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_'));
            if !word.is_empty() {
                found.push(word.clone());
            }
        }
    }
    found
}

#[test]
fn imports_point_left() {
    let place = |name: &str| LAYERS.iter().position(|layer| *layer == name);
    let mut checked = 0;
    for (path, text) in sources("src") {
        let Some(own) = layer(&path) else { continue };
        let own_place = place(&own).unwrap_or_else(|| panic!("{own} is not a layer"));
        let paths = [segments(before_tests(&text), "crate::"), segments(before_tests(&text), "nso_tui::")].concat();
        for used in paths {
            let Some(used_place) = place(&used) else { continue };
            checked += 1;
            let sideways = used != own && SIBLINGS.contains(&used.as_str()) && SIBLINGS.contains(&own.as_str());
            assert!(used_place <= own_place && !sideways, "{} uses {used}", path.display());
        }
    }
    assert!(checked > 100, "only {checked} imports found: the test looks in the wrong place");
}

/// Whether a line of code has a path that begins with the library's name.
fn mentions(line: &str, library: &str) -> bool {
    let begins = |at: usize| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
    let path = |(at, _): (usize, &str)| {
        let rest = &line[at + library.len()..];
        begins(at) && (rest.starts_with("::") || (line[..at].trim_start() == "use " && rest.starts_with(';')))
    };
    !line.trim_start().starts_with("//") && line.match_indices(library).any(path)
}

#[test]
fn each_library_stays_in_its_layers() {
    for (library, layers) in LIBRARIES {
        let mut users = 0;
        for (path, text) in sources("src") {
            let code = before_tests(&text);
            if code.lines().any(|line| mentions(line, library)) {
                users += 1;
                let own = layer(&path).unwrap_or_else(|| "main".to_owned());
                let allowed = layers.contains(&own.as_str()) || (library == "clap" && own == "main");
                assert!(allowed, "{} uses {library}", path.display());
            }
        }
        assert!(users > 0, "nobody uses {library}");
    }
}

#[test]
fn every_file_begins_by_saying_what_it_is() {
    for folder in ["src", "tests", "benches"] {
        for (path, text) in sources(folder) {
            assert!(text.starts_with("//! "), "{}", path.display());
        }
    }
}

#[test]
fn no_file_is_too_long_to_take_in() {
    for folder in ["src", "tests", "benches"] {
        for (path, text) in sources(folder) {
            let lines = text.lines().count();
            assert!(lines <= 480, "{} has {lines} lines: look for the seam", path.display());
        }
    }
}

#[test]
fn every_asset_has_its_source_licence_and_hash() {
    let sources = fs::read_to_string(root().join("assets/SOURCES.md")).unwrap();
    let mut seen = 0;
    for folder in fs::read_dir(root().join("assets")).unwrap() {
        let folder = folder.unwrap().path();
        // Pictures of the program itself have no source but the program.
        if !folder.is_dir() || folder.ends_with("readme") {
            continue;
        }
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root().join("assets")).unwrap().display().to_string().replace('\\', "/");
            let row = sources.lines().find(|row| row.starts_with(&format!("| {name} |")));
            let row = row.unwrap_or_else(|| panic!("SOURCES.md says nothing of {name}"));
            let hash = format!("{:x}", Sha256::digest(fs::read(&path).unwrap()));
            assert!(row.ends_with(&format!("| {hash} |")), "{name} has the hash {hash}");
            seen += 1;
        }
    }
    assert!(seen > 10, "only {seen} assets found: the test looks in the wrong place");
}
