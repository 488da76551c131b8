//! What the terminal can do for the dashboard.
//!
//! Nothing of it keeps the other commands from working, so what is missing is a note. Only a terminal that is there and
//! cannot be drawn on is a failure.

use super::check::{Check, Verdict};
use crate::tui::{Appearance, Colours, Glyphs, ROOMY, SMALLEST};

/// Where the program runs.
pub struct Environment<'a> {
    /// Whether standard input is a terminal.
    pub input: bool,
    /// Whether standard output is one.
    pub output: bool,
    /// Its columns and rows, where it reports them.
    pub size: Option<(u16, u16)>,
    /// Looks up a variable of the environment.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
}

/// The terminal's abilities.
pub fn terminal(environment: &Environment<'_>) -> Vec<Check> {
    let mut checks = vec![presence(environment)];
    if environment.output {
        checks.extend([size(environment.size), kind(environment)]);
    }
    checks.extend([colours(environment), characters(environment)]);
    checks
}

fn presence(environment: &Environment<'_>) -> Check {
    let (seen, verdict) = match (environment.input, environment.output) {
        (true, true) => ("input and output are a terminal", Verdict::Pass),
        (_, false) => ("output is not a terminal; the dashboard needs one", Verdict::Note),
        (false, true) => ("input is not a terminal; the dashboard needs one", Verdict::Note),
    };
    Check::fact("terminal", seen, verdict)
}

fn size(size: Option<(u16, u16)>) -> Check {
    let fits = |(columns, rows): (u16, u16), least: (u16, u16)| columns >= least.0 && rows >= least.1;
    let words = |(columns, rows)| format!("{columns}x{rows}");
    let (seen, verdict) = match size.filter(|&(columns, rows)| columns > 0 && rows > 0) {
        None => ("it does not report its size".to_owned(), Verdict::Fail),
        Some(size) if fits(size, ROOMY) => (words(size), Verdict::Pass),
        Some(size) if fits(size, SMALLEST) => {
            (format!("{}; the dashboard shows all from {}", words(size), words(ROOMY)), Verdict::Note)
        }
        Some(size) => (format!("{}; the dashboard needs {}", words(size), words(SMALLEST)), Verdict::Note),
    };
    Check::fact("size", seen, verdict)
}

fn kind(environment: &Environment<'_>) -> Check {
    let (seen, verdict) = match (environment.variable)("TERM").filter(|kind| !kind.is_empty()) {
        Some(kind) if kind == "dumb" => ("dumb: it cannot be drawn on".to_owned(), Verdict::Fail),
        Some(kind) => (kind, Verdict::Pass),
        None => ("not set".to_owned(), Verdict::Note),
    };
    Check::fact("TERM", seen, verdict)
}

fn colours(environment: &Environment<'_>) -> Check {
    let asked = (environment.variable)("NO_COLOR").is_some_and(|value| !value.is_empty());
    let (seen, verdict) = match Appearance::detect(Glyphs::Unicode, environment.variable).colours {
        Colours::True => ("24 bits", Verdict::Pass),
        Colours::Indexed => ("256; COLORTERM=truecolor says that there are more", Verdict::Pass),
        Colours::None if asked => ("none, as NO_COLOR asks", Verdict::Pass),
        Colours::None => ("none, since TERM is dumb", Verdict::Note),
    };
    Check::fact("colours", seen, verdict)
}

fn characters(environment: &Environment<'_>) -> Check {
    match Glyphs::detect(environment.variable) {
        Glyphs::Unicode => Check::fact("characters", "Unicode, by the locale", Verdict::Pass),
        Glyphs::Ascii => Check::fact("characters", "no Unicode by the locale; --ascii does without", Verdict::Note),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: [(&str, &str); 3] = [("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("LANG", "C.UTF-8")];

    fn verdicts(size: Option<(u16, u16)>, (input, output): (bool, bool), variables: &[(&str, &str)]) -> String {
        let variable = |name: &str| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let checks = terminal(&Environment { input, output, size, variable: &variable });
        checks.iter().map(|check| format!("{} {}", check.name, check.verdict().word())).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn a_usual_terminal_passes() {
        let found = verdicts(Some((120, 40)), (true, true), &USUAL);
        assert_eq!(found, "terminal pass, size pass, TERM pass, colours pass, characters pass");
    }

    #[test]
    fn a_missing_a_small_or_a_plain_terminal_is_a_note() {
        let piped = verdicts(None, (true, false), &USUAL);
        assert_eq!(piped, "terminal note, colours pass, characters pass");
        let fed = verdicts(Some((120, 40)), (false, true), &USUAL);
        assert_eq!(fed, "terminal note, size pass, TERM pass, colours pass, characters pass");
        for size in [(80, 24), (20, 5)] {
            let small = verdicts(Some(size), (true, true), &USUAL);
            assert_eq!(small, "terminal pass, size note, TERM pass, colours pass, characters pass");
        }
        let plain = verdicts(Some((120, 40)), (true, true), &[("LC_ALL", "C"), ("LANG", "C.UTF-8")]);
        assert_eq!(plain, "terminal pass, size pass, TERM note, colours pass, characters note");
    }

    #[test]
    fn a_terminal_that_cannot_be_drawn_on_fails() {
        let dumb = verdicts(Some((120, 40)), (true, true), &[("TERM", "dumb"), ("LANG", "C.UTF-8")]);
        assert_eq!(dumb, "terminal pass, size pass, TERM FAIL, colours note, characters pass");
        for size in [None, Some((0, 0))] {
            let silent = verdicts(size, (true, true), &USUAL);
            assert_eq!(silent, "terminal pass, size FAIL, TERM pass, colours pass, characters pass");
        }
    }

    #[test]
    fn no_color_is_respected() {
        let variables = [USUAL.as_slice(), &[("NO_COLOR", "1")]].concat();
        let found = verdicts(Some((120, 40)), (true, true), &variables);
        assert_eq!(found, "terminal pass, size pass, TERM pass, colours pass, characters pass");
        let variable = |name: &str| (name == "NO_COLOR").then(|| "1".to_owned());
        let environment = Environment { input: true, output: true, size: None, variable: &variable };
        assert_eq!(colours(&environment).seen, "none, as NO_COLOR asks");
    }
}
