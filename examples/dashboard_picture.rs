//! Draws the dashboard of a finished session as a PNG: the README's picture.
//!
//! `cargo run --release --example dashboard_picture -- SESSION FILE.png [COLSxROWS] [KEYS]`

use std::{error::Error, path::PathBuf};

use nso_tui::{
    figure::{self, Extent},
    run::log::SessionLog,
    tui::{App, Appearance, Colours, Glyphs, Recording, Setup, key, print},
};
use plotters::{
    prelude::*,
    style::{Color as _, FontStyle, register_font},
};
use ratatui::{buffer::Cell, style::Color, style::Modifier};

const MONO: &[u8] = include_bytes!("../assets/fonts/DejaVuSansMono.ttf");

/// Pixels of one cell, in the proportions of the font, so that lines join; its size is its height.
const WIDTH: i32 = 14;
const HEIGHT: i32 = 27;
const FONT_SIZE: f64 = 27.0;

const GROUND: RGBColor = RGBColor(0x16, 0x18, 0x1d);
const TEXT: RGBColor = RGBColor(0xd8, 0xdb, 0xe2);

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: dashboard_picture SESSION FILE.png [COLSxROWS] [KEYS]";
    let (Some(directory), Some(file)) = (arguments.next().map(PathBuf::from), arguments.next()) else {
        return Err(usage.into());
    };
    let size: print::Size = arguments.next().unwrap_or_else(|| "120x40".to_owned()).parse()?;
    let keys = key::parse_script(&arguments.next().unwrap_or_default())?;

    let mut session = SessionLog::open(&directory)?;
    let (runs, _damaged) = figure::read(&mut session, Extent::All)?;
    let appearance = Appearance { colours: Colours::True, glyphs: Glyphs::Unicode };
    let recording = Recording { plan: session.plan, runs, directory };
    let mut app = App::replay(recording, Setup { appearance, ..Setup::default() });
    print::press(&mut app, &keys);
    let buffer = print::buffer(&app, size);

    register_font("mono", FontStyle::Normal, MONO).map_err(|_| "the font cannot be read")?;
    let pixels = (u32::from(size.columns) * WIDTH.unsigned_abs(), u32::from(size.rows) * HEIGHT.unsigned_abs());
    let picture = BitMapBackend::new(&file, pixels).into_drawing_area();
    picture.fill(&GROUND)?;
    for (index, cell) in buffer.content.iter().enumerate() {
        let (x, y) = buffer.pos_of(index);
        draw(&picture, (i32::from(x) * WIDTH, i32::from(y) * HEIGHT), cell)?;
    }
    picture.present()?;
    Ok(())
}

type Canvas<'a> = DrawingArea<BitMapBackend<'a>, plotters::coord::Shift>;

fn draw(picture: &Canvas<'_>, (x, y): (i32, i32), cell: &Cell) -> Result<(), Box<dyn Error>> {
    let mut ink = rgb(cell.fg, TEXT);
    let mut ground = rgb(cell.bg, GROUND);
    if cell.modifier.contains(Modifier::REVERSED) {
        std::mem::swap(&mut ink, &mut ground);
    }
    if cell.modifier.contains(Modifier::DIM) {
        ink = between(ink, ground);
    }
    if ground != GROUND {
        picture.draw(&Rectangle::new([(x, y), (x + WIDTH, y + HEIGHT)], ground.filled()))?;
    }
    match cell.symbol().chars().next() {
        None | Some(' ') => {}
        // Braille cells are dots, not letters: eight places, two columns of four.
        Some(c @ '\u{2800}'..='\u{28ff}') => {
            let bits = u32::from(c) - 0x2800;
            let places = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)];
            for (bit, (column, row)) in places.into_iter().enumerate() {
                if bits >> bit & 1 == 1 {
                    let centre = (x + 4 + column * 7, y + 4 + row * 27 / 4);
                    picture.draw(&Circle::new(centre, 2, ink.filled()))?;
                }
            }
        }
        Some(c) if let Some([left, right, up, down]) = arms(c) => {
            let (middle, centre) = (x + WIDTH / 2, y + HEIGHT / 2);
            for (drawn, end) in
                [(left, (x, centre)), (right, (x + WIDTH, centre)), (up, (middle, y)), (down, (middle, y + HEIGHT))]
            {
                if drawn == 1 {
                    picture.draw(&PathElement::new(vec![(middle, centre), end], ink.stroke_width(1)))?;
                }
            }
        }
        Some(_) => {
            let style = TextStyle::from(("mono", FONT_SIZE).into_font()).color(&ink);
            picture.draw(&Text::new(cell.symbol().to_owned(), (x, y + 5), style))?;
        }
    }
    Ok(())
}

/// Which arms a box-drawing character has: left, right, up, down. Fonts leave gaps between them.
fn arms(c: char) -> Option<[u8; 4]> {
    Some(match c {
        '─' | '━' => [1, 1, 0, 0],
        '│' | '┃' | '╎' => [0, 0, 1, 1],
        '╭' | '┏' | '┌' => [0, 1, 0, 1],
        '╮' | '┓' | '┐' => [1, 0, 0, 1],
        '╰' | '┗' | '└' => [0, 1, 1, 0],
        '╯' | '┛' | '┘' => [1, 0, 1, 0],
        '┤' => [1, 0, 1, 1],
        '├' => [0, 1, 1, 1],
        '┬' => [1, 1, 0, 1],
        '┴' => [1, 1, 1, 0],
        _ => return None,
    })
}

fn rgb(colour: Color, default: RGBColor) -> RGBColor {
    match colour {
        Color::Rgb(red, green, blue) => RGBColor(red, green, blue),
        Color::Black => RGBColor(0x20, 0x22, 0x28),
        Color::DarkGray => RGBColor(0x6b, 0x70, 0x7c),
        Color::Gray => RGBColor(0xa8, 0xac, 0xb6),
        Color::White => RGBColor(0xff, 0xff, 0xff),
        Color::Red | Color::LightRed => RGBColor(0xe8, 0x6a, 0x5e),
        Color::Green | Color::LightGreen => RGBColor(0x7f, 0xc9, 0x7a),
        Color::Yellow | Color::LightYellow => RGBColor(0xe6, 0xc3, 0x5c),
        Color::Blue | Color::LightBlue => RGBColor(0x6c, 0xa8, 0xe8),
        Color::Magenta | Color::LightMagenta => RGBColor(0xc6, 0x8a, 0xd8),
        Color::Cyan | Color::LightCyan => RGBColor(0x6c, 0xc8, 0xcf),
        Color::Reset | Color::Indexed(_) => default,
    }
}

fn between(one: RGBColor, other: RGBColor) -> RGBColor {
    RGBColor(one.0.midpoint(other.0), one.1.midpoint(other.1), one.2.midpoint(other.2))
}
