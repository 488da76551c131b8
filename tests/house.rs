//! The house rules: imports point left, each library stays where it belongs, each file says what it is.
//! What README and docs must have is in `docs.rs`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "house/source.rs"]
mod source;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use sha2::{Digest, Sha256};
use source::{before_tests, has_a_long_tuple, parameter_lists, root, segments, sources, without_comments};

/// The layers, left to right. A layer may use those before it.
const LAYERS: [&str; 17] = [
    "number",
    "random",
    "text",
    "file",
    "terminal",
    "memory",
    "data",
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
    ("image", &["data"]),
    ("plotters", &["figure"]),
    ("clap", &["cli"]),
];

/// The layer that a file of `src` belongs to; none for the two roots.
fn layer(path: &Path) -> Option<String> {
    let inside = path.strip_prefix(root().join("src")).unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_string_lossy();
    Some(first.trim_end_matches(".rs").to_owned()).filter(|name| name != "lib" && name != "main")
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
        assert!(users > 0, "{library} is not used");
    }
}

/// The modules of a room that each of them uses, by name; names that the room's `mod.rs` re-exports count for their module.
fn uses_inside(room: &str) -> BTreeMap<String, BTreeSet<String>> {
    let folder = root().join("src").join(room);
    let root_text = fs::read_to_string(folder.join("mod.rs")).unwrap();
    let mut modules: BTreeSet<String> = BTreeSet::new();
    let mut owner: BTreeMap<String, String> = BTreeMap::new();
    for line in root_text.lines() {
        let line = line.trim();
        let declared =
            ["mod ", "pub mod ", "pub(crate) mod ", "pub(super) mod "].iter().find_map(|kind| line.strip_prefix(kind));
        modules.extend(declared.and_then(|rest| rest.strip_suffix(';')).map(str::to_owned));
    }
    for module in &modules {
        for re_exported in segments(&root_text, &format!("use {module}::")) {
            owner.insert(re_exported, module.clone());
        }
        owner.insert(module.clone(), module.clone());
    }
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, text) in sources(&format!("src/{room}")) {
        let inside = path.strip_prefix(&folder).unwrap().with_extension("");
        let parts: Vec<String> = inside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        let depth = parts.len() - usize::from(parts.last().is_some_and(|last| last == "mod"));
        // The room's own mod.rs, and tests in files of their own.
        if depth == 0 || parts.iter().any(|part| part == "tests") {
            continue;
        }
        let code = without_comments(before_tests(&text));
        let from_root = segments(&code, &format!("crate::{room}::"));
        let from_here = segments(&code, &"super::".repeat(depth));
        for used in from_root.into_iter().chain(from_here) {
            let Some(used) = owner.get(&used).filter(|used| **used != parts[0]) else { continue };
            graph.entry(parts[0].clone()).or_default().insert(used.clone());
        }
    }
    graph
}

/// A module that reaches itself, with the way.
fn circle(graph: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    fn walk(graph: &BTreeMap<String, BTreeSet<String>>, way: &mut Vec<String>, done: &mut BTreeSet<String>) -> bool {
        let last = way.last().cloned().unwrap();
        for next in graph.get(&last).into_iter().flatten() {
            if way.contains(next) {
                way.push(next.clone());
                return true;
            }
            if !done.contains(next) {
                way.push(next.clone());
                if walk(graph, way, done) {
                    return true;
                }
                way.pop();
            }
        }
        done.insert(last);
        false
    }
    let mut done = BTreeSet::new();
    graph.keys().find_map(|start| {
        let mut way = vec![start.clone()];
        walk(graph, &mut way, &mut done).then_some(way)
    })
}

#[test]
fn a_circle_is_found() {
    let graph = |edges: &[(&str, &str)]| {
        let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (from, to) in edges {
            graph.entry((*from).to_owned()).or_default().insert((*to).to_owned());
        }
        graph
    };
    assert_eq!(circle(&graph(&[("a", "b"), ("b", "c"), ("a", "c")])), None);
    assert!(circle(&graph(&[("a", "b"), ("b", "c"), ("c", "b")])).is_some());
}

/// Rooms whose modules must not use each other in a circle.
const ROOMS_WITHOUT_CIRCLES: [&str; 2] = ["optimizer", "run"];

#[test]
fn no_room_has_a_circle_of_modules() {
    for room in ROOMS_WITHOUT_CIRCLES {
        let graph = uses_inside(room);
        assert!(graph.len() > 4, "{room}: {graph:?}");
        assert_eq!(circle(&graph), None, "{room}: {graph:#?}");
    }
}

#[test]
fn no_function_takes_a_tuple_of_more_than_two() {
    assert!(has_a_long_tuple("a: u8, (b, c, d): (u8, u8, u8)"));
    assert!(!has_a_long_tuple("a: u8, (b, c): (u8, u8), d: impl Fn(u8, u8, u8) -> u8, Rgb(red, green, blue): Rgb"));
    for folder in ["src", "tests", "benches", "examples", "results"] {
        for (path, text) in sources(folder) {
            for parameters in parameter_lists(&text) {
                assert!(!has_a_long_tuple(parameters), "{}: ({parameters})", path.display());
            }
        }
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
            assert!(lines <= 400, "{} has {lines} lines: look for the seam", path.display());
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

/// What the dashboard's pure part must not name: files, threads, processes, clocks, the terminal's library.
const EFFECTS: [&str; 10] = [
    "std::fs",
    "std::thread",
    "std::process",
    "std::env",
    "std::net",
    "std::io",
    "tokio",
    "crossterm",
    "Instant",
    "SystemTime",
];

#[test]
fn the_dashboards_pure_part_opens_no_file_and_starts_no_thread() {
    let mut checked = 0;
    for (path, text) in sources("src/tui") {
        if path.components().any(|part| part.as_os_str() == "tests") {
            continue;
        }
        checked += 1;
        for line in before_tests(&text).lines().filter(|line| !line.trim_start().starts_with("//")) {
            for effect in EFFECTS {
                let inside_braces =
                    effect.strip_prefix("std::").filter(|_| line.trim_start().starts_with("use std::{"));
                let named = line.contains(effect)
                    || inside_braces.is_some_and(|module| {
                        line.contains(&format!("{module}::")) || line.contains(&format!("{module},"))
                    });
                assert!(!named, "{} names {effect}: {line}", path.display());
            }
        }
    }
    assert!(checked > 15, "only {checked} files found: the test looks in the wrong place");
}
