//! How things look: an [`Appearance`] says what the terminal can show, a [`Theme`] turns it into exact styles and glyphs.
//! Both are values; nothing here reads the environment.

use ratatui::{
    buffer::Buffer,
    style::{Color, Modifier, Style},
    symbols::border,
};

use crate::figure::{palette::Rgb, text::ascii};

/// How many colours there are to draw with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    /// 24 bits.
    True,
    /// The 256-colour cube.
    Indexed,
    /// None: things differ by weight and words.
    None,
}

/// Which characters there are to draw with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Glyphs {
    /// Braille, box drawing, arrows.
    Unicode,
    /// Seven bits.
    Ascii,
}

impl Glyphs {
    /// What the locale says, by the first of `LC_ALL`, `LC_CTYPE` and `LANG` that is set, each looked up through `variable`.
    pub fn detect(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set).unwrap_or_default().to_lowercase();
        if locale.contains("utf-8") || locale.contains("utf8") { Self::Unicode } else { Self::Ascii }
    }
}

/// What the terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appearance {
    pub colours: Colours,
    pub glyphs: Glyphs,
}

impl Default for Appearance {
    fn default() -> Self {
        Self { colours: Colours::True, glyphs: Glyphs::Unicode }
    }
}

impl Appearance {
    /// What the environment's conventions say: `NO_COLOR` (any value that is not empty), `TERM` and `COLORTERM`, each
    /// looked up through `variable`.
    pub fn detect(glyphs: Glyphs, variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let term = set("TERM").unwrap_or_default();
        let depth = set("COLORTERM").unwrap_or_default();
        let colours = if set("NO_COLOR").is_some() || term == "dumb" {
            Colours::None
        } else if depth == "truecolor" || depth == "24bit" || term.contains("direct") {
            Colours::True
        } else {
            Colours::Indexed
        };
        Self { colours, glyphs }
    }
}

/// Exact styles, from an appearance.
#[derive(Debug, Clone, Copy)]
pub struct Theme {
    appearance: Appearance,
}

impl Theme {
    /// The styles of an appearance.
    pub fn new(appearance: Appearance) -> Self {
        Self { appearance }
    }

    /// What this theme was made from.
    pub fn appearance(self) -> Appearance {
        self.appearance
    }

    /// A colour as far as the terminal has it.
    pub fn colour(self, Rgb(red, green, blue): Rgb) -> Color {
        match self.appearance.colours {
            Colours::True => Color::Rgb(red, green, blue),
            Colours::Indexed => Color::Indexed(cube(red, green, blue)),
            Colours::None => Color::Reset,
        }
    }

    fn tinted(self, rgb: Rgb) -> Style {
        match self.appearance.colours {
            Colours::None => Style::new(),
            Colours::True | Colours::Indexed => Style::new().fg(self.colour(rgb)),
        }
    }

    /// Text that matters.
    #[expect(clippy::unused_self, reason = "a style like the others, which depend on the appearance")]
    pub fn text(self) -> Style {
        Style::new()
    }

    /// Titles, the selected row, a newest value.
    #[expect(clippy::unused_self, reason = "a style like the others, which depend on the appearance")]
    pub fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// Labels, units, values that are old.
    pub fn quiet(self) -> Style {
        match self.appearance.colours {
            Colours::None => Style::new().add_modifier(Modifier::DIM),
            Colours::True | Colours::Indexed => self.tinted(Rgb(138, 143, 152)),
        }
    }

    pub fn frame(self) -> Style {
        match self.appearance.colours {
            Colours::None => Style::new().add_modifier(Modifier::DIM),
            Colours::True | Colours::Indexed => self.tinted(Rgb(88, 93, 102)),
        }
    }

    /// The frame of the pane where the keys go.
    pub fn focus(self) -> Style {
        self.tinted(Rgb(222, 222, 222)).add_modifier(Modifier::BOLD)
    }

    /// A key on the bottom line.
    pub fn key(self) -> Style {
        self.tinted(Rgb(240, 228, 66)).add_modifier(Modifier::BOLD)
    }

    /// A change that waits for its run.
    pub fn pending(self) -> Style {
        self.tinted(Rgb(230, 159, 0))
    }

    /// What went wrong.
    pub fn alert(self) -> Style {
        self.tinted(Rgb(255, 110, 80)).add_modifier(Modifier::BOLD)
    }

    /// A series' own colour.
    pub fn series(self, rgb: Rgb) -> Style {
        self.tinted(rgb)
    }

    /// One of two spellings, by what the terminal can show.
    pub fn glyph(self, unicode: &'static str, ascii: &'static str) -> &'static str {
        match self.appearance.glyphs {
            Glyphs::Unicode => unicode,
            Glyphs::Ascii => ascii,
        }
    }

    /// `text` in the characters that there are.
    pub fn spell(self, text: &str) -> String {
        match self.appearance.glyphs {
            Glyphs::Unicode => text.to_owned(),
            Glyphs::Ascii => ascii(text).into_owned(),
        }
    }

    /// The lines of a frame.
    pub fn border(self) -> border::Set<'static> {
        match self.appearance.glyphs {
            Glyphs::Unicode => border::ROUNDED,
            Glyphs::Ascii => PLAIN,
        }
    }

    /// The lines of the frame where the keys go: heavier where no colour can say so.
    pub fn focused_border(self) -> border::Set<'static> {
        match (self.appearance.glyphs, self.appearance.colours) {
            (Glyphs::Ascii, _) => border::Set { horizontal_top: "=", horizontal_bottom: "=", ..PLAIN },
            (Glyphs::Unicode, Colours::None) => border::THICK,
            (Glyphs::Unicode, Colours::True | Colours::Indexed) => border::ROUNDED,
        }
    }
}

/// A frame in seven bits.
const PLAIN: border::Set<'static> = border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};

/// The nearest entry of the 6 x 6 x 6 colour cube.
fn cube(red: u8, green: u8, blue: u8) -> u8 {
    const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let nearest = |part: u8| (0u8..6).min_by_key(|&level| LEVELS[usize::from(level)].abs_diff(part)).unwrap_or(0);
    16 + 36 * nearest(red) + 6 * nearest(green) + nearest(blue)
}

/// Replaces what is still not ASCII in a drawn buffer, cell by cell, so that seven bits are a promise.
pub fn sweep(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        if !cell.symbol().is_ascii() {
            let letter = if cell.symbol() == "…" { '~' } else { ascii(cell.symbol()).chars().next().unwrap_or('?') };
            cell.set_char(letter);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::ink;

    #[test]
    fn no_color_wins_over_a_terminal_that_has_colours() {
        let variables = |name: &str| match name {
            "NO_COLOR" => Some("1".to_owned()),
            "COLORTERM" => Some("truecolor".to_owned()),
            _ => None,
        };
        assert_eq!(Appearance::detect(Glyphs::Unicode, variables).colours, Colours::None);
        let without = |name: &str| variables(name).filter(|_| name != "NO_COLOR");
        assert_eq!(Appearance::detect(Glyphs::Unicode, without).colours, Colours::True);
        assert_eq!(Appearance::detect(Glyphs::Unicode, |_| None).colours, Colours::Indexed);
    }

    #[test]
    fn the_first_locale_that_is_set_says_whether_there_is_unicode() {
        let of = |set: [&str; 3]| {
            Glyphs::detect(|name| {
                let index = ["LC_ALL", "LC_CTYPE", "LANG"].iter().position(|known| *known == name)?;
                Some(set[index].to_owned())
            })
        };
        assert_eq!(of(["", "", "de_DE.UTF-8"]), Glyphs::Unicode);
        assert_eq!(of(["C", "", "de_DE.UTF-8"]), Glyphs::Ascii);
        assert_eq!(of(["", "en_US.utf8", "C"]), Glyphs::Unicode);
        assert_eq!(Glyphs::detect(|_| None), Glyphs::Ascii);
    }

    #[test]
    fn a_monochrome_theme_names_no_colour() {
        let theme = Theme::new(Appearance { colours: Colours::None, glyphs: Glyphs::Unicode });
        for style in
            [theme.text(), theme.strong(), theme.quiet(), theme.frame(), theme.focus(), theme.key(), theme.alert()]
        {
            assert_eq!((style.fg, style.bg), (None, None));
        }
    }

    #[test]
    fn ascii_spells_greek_and_arrows() {
        let theme = Theme::new(Appearance { colours: Colours::None, glyphs: Glyphs::Ascii });
        assert_eq!(theme.spell("σ 0.02 → 0.03 ± ⣿"), "sigma 0.02 -> 0.03 +- ?");
    }

    #[test]
    fn twelve_runs_have_twelve_colours_of_the_cube() {
        let indices: std::collections::HashSet<u8> =
            (0..12).map(|slot| ink(slot).on_dark).map(|Rgb(red, green, blue)| cube(red, green, blue)).collect();
        assert_eq!(indices.len(), 12);
    }

    #[test]
    fn the_cube_keeps_pure_colours_pure() {
        assert_eq!(cube(255, 0, 0), 196);
        assert_eq!(cube(0, 0, 0), 16);
        assert_eq!(cube(255, 255, 255), 231);
    }
}
