//! Source text as the house rules read it: files of a folder, paths that begin with a name, parameter lists.

use std::{
    fs,
    path::{Path, PathBuf},
};

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Every Rust file below `folder`, with its text.
pub fn sources(folder: &str) -> Vec<(PathBuf, String)> {
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

/// The code of a file up to its tests.
pub fn before_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap()
}

/// Code without the lines that are comments.
pub fn without_comments(text: &str) -> String {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.collect::<Vec<_>>().join("\n")
}

/// The items between the braces that `text` begins with; braces inside of them stay whole.
fn braced_items(text: &str) -> Vec<String> {
    let (mut depth, mut items) = (0, vec![String::new()]);
    for c in text.chars() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        match (depth, c) {
            (0, _) => break,
            (1, '{') => {}
            (1, ',') => items.push(String::new()),
            _ => items.iter_mut().last().unwrap().push(c),
        }
    }
    items
}

/// The first segments of all paths that begin with `start`, which ends in `::`, also inside of braces as in
/// `use crate::{a::x, b::{y, z}}`.
pub fn segments(text: &str, start: &str) -> Vec<String> {
    let mut found = Vec::new();
    let word = |item: &str| item.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    for (at, _) in text.match_indices(start) {
        let rest = &text[at + start.len()..];
        if rest.starts_with('{') {
            found.extend(braced_items(rest).iter().map(|item| word(item)));
        } else {
            found.push(word(rest));
        }
    }
    // `crate::a::x` may be written `crate::{a::x}`.
    if let Some((outer, inner)) = start.strip_suffix("::").and_then(|path| path.rsplit_once("::")) {
        for (at, _) in text.match_indices(&format!("{outer}::{{")) {
            for item in braced_items(&text[at + outer.len() + 2..]) {
                if item.trim().starts_with(&format!("{inner}::")) {
                    found.extend(segments(item.trim(), &format!("{inner}::")));
                }
            }
        }
    }
    found.retain(|word| !word.is_empty());
    found
}

#[test]
fn paths_are_found_inside_braces() {
    let text = "use crate::{run::{Event, device::Devices}, text::escaped};\nuse crate::run::log;";
    assert_eq!(segments(text, "crate::"), ["run", "text", "run"]);
    assert_eq!(segments(text, "crate::run::"), ["log", "Event", "device"]);
}

/// The parameter lists of all functions in a text.
pub fn parameter_lists(text: &str) -> Vec<&str> {
    let starts = text
        .match_indices("fn ")
        .filter(|(at, _)| text[..*at].chars().next_back().is_none_or(|c| !c.is_alphanumeric()));
    let lists = starts.filter_map(|(at, _)| {
        let open = at + text[at..].find('(')?;
        let mut depth = 0;
        let length = text[open..].find(|c| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            depth == 0
        })?;
        Some(&text[open + 1..open + length])
    });
    lists.collect()
}

/// Whether a parameter list takes a tuple of more than two apart or names the type of one. Parentheses after a name are those of
/// a call, a tuple struct or a function's type.
pub fn has_a_long_tuple(parameters: &str) -> bool {
    let mut open: Vec<Option<usize>> = Vec::new();
    let mut before = ' ';
    for c in parameters.chars() {
        match c {
            '(' => open.push((!before.is_alphanumeric() && before != '_').then_some(0)),
            ')' if open.pop().flatten().is_some_and(|commas| commas >= 2) => return true,
            ',' => {
                if let Some(Some(commas)) = open.last_mut() {
                    *commas += 1;
                }
            }
            _ => {}
        }
        before = c;
    }
    false
}
