//! Pictures are tested by decoding them: ink in each panel, no ink where paper must stay white, and SVG that nests.

use std::{fs, io::Read};

use strum::VariantArray;

use super::{super::sample, *};
use crate::figure::{Options, Session, export, text};

fn session_figure(session: &Session) -> Figure<'_> {
    Figure::new(&session.title, &session.plotted_runs(), &View::default(), &[])
}

/// A decoded picture.
struct Picture {
    width: usize,
    pixels: Vec<[u8; 3]>,
}

impl Picture {
    fn read(path: &Path) -> Self {
        let bytes = fs::read(path).unwrap();
        assert_eq!(&bytes[..8], b"\x89PNG\r\n\x1a\n");
        let (mut rest, mut header, mut packed) = (&bytes[8..], Vec::new(), Vec::new());
        while let Some((length, after)) = rest.split_first_chunk::<4>() {
            let length = u32::from_be_bytes(*length) as usize;
            match &after[..4] {
                b"IHDR" => header = after[4..4 + length].to_vec(),
                b"IDAT" => packed.extend_from_slice(&after[4..4 + length]),
                _ => {}
            }
            rest = &after[length + 8..];
        }
        assert_eq!(&header[8..], [8, 2, 0, 0, 0], "8-bit RGB, not interlaced");
        let width = u32::from_be_bytes(header[..4].try_into().unwrap()) as usize;
        let mut lines = Vec::new();
        flate2::read::ZlibDecoder::new(&packed[..]).read_to_end(&mut lines).unwrap();
        let mut before = vec![0; 3 * width];
        let mut pixels = Vec::new();
        for line in lines.chunks_exact(3 * width + 1) {
            let mut row: Vec<u8> = line[1..].to_vec();
            for at in 0..row.len() {
                let (left, corner) = if at < 3 { (0, 0) } else { (row[at - 3], before[at - 3]) };
                let predicted = match line[0] {
                    0 => 0,
                    1 => left,
                    2 => before[at],
                    3 => u8::midpoint(left, before[at]),
                    4 => paeth(left, before[at], corner),
                    filter => panic!("filter {filter}"),
                };
                row[at] = row[at].wrapping_add(predicted);
            }
            pixels.extend(row.chunks_exact(3).map(|pixel| [pixel[0], pixel[1], pixel[2]]));
            before = row;
        }
        Self { width, pixels }
    }

    fn height(&self) -> usize {
        self.pixels.len() / self.width
    }

    /// Pixels of exactly that colour in a part of the picture, given in percent.
    fn count(&self, (columns, rows): (std::ops::Range<usize>, std::ops::Range<usize>), colour: Rgb) -> usize {
        let Rgb(red, green, blue) = colour;
        let part = |range: &std::ops::Range<usize>, whole: usize| range.start * whole / 100..range.end * whole / 100;
        let line = |y: usize| &self.pixels[y * self.width..][part(&columns, self.width)];
        part(&rows, self.height()).flat_map(line).filter(|&&pixel| pixel == [red, green, blue]).count()
    }
}

fn paeth(left: u8, above: u8, corner: u8) -> u8 {
    let estimate = i16::from(left) + i16::from(above) - i16::from(corner);
    [left, above, corner].into_iter().min_by_key(|&near| (estimate - i16::from(near)).abs()).unwrap()
}

#[test]
fn every_run_has_its_ink_in_every_panel_and_the_margin_stays_white() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("session.png");
    session_figure(&sample::session()).write_png(&path, Size::suiting(4)).unwrap();
    let picture = Picture::read(&path);
    assert_eq!((picture.width, picture.height()), (1600, 1000));
    for (column, row) in [(0..50, 13..48), (50..100, 13..48), (0..50, 50..85), (50..100, 50..85)] {
        for slot in 0..4 {
            let ink = picture.count((column.clone(), row.clone()), ink(slot).on_light);
            assert!(ink > 300, "run {slot} has {ink} pixels at {column:?} x {row:?}");
        }
    }
    for edge in [(0..100, 0..1), (0..100, 99..100), (0..1, 0..100), (99..100, 0..100)] {
        let (columns, rows) = ((edge.0.end - edge.0.start) * 16, (edge.1.end - edge.1.start) * 10);
        assert_eq!(picture.count(edge.clone(), Rgb(255, 255, 255)), columns * rows, "the margin {edge:?}");
    }
}

#[test]
fn one_panel_fills_the_picture() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.png");
    let options = Options { panels: vec![PanelKind::Trace], size: Size::new(900, 700), ..Options::default() };
    export(&sample::session(), &path, &options).unwrap();
    let picture = Picture::read(&path);
    assert_eq!((picture.width, picture.height()), (900, 700));
    for column in [10..40, 40..70, 70..99] {
        assert!(picture.count((column.clone(), 15..80), ink(3).on_light) > 100, "{column:?}");
    }
}

/// Checks that tags nest and that text and attributes hold nothing that XML forbids; returns the texts.
fn texts_of(svg: &str) -> Vec<String> {
    let (mut open, mut texts) = (Vec::new(), Vec::new());
    for piece in svg.split('<').skip(1) {
        let (tag, after) = piece.split_once('>').expect("every tag is closed");
        assert_eq!(tag.matches('"').count() % 2, 0, "quotes in <{tag}>");
        let name = tag.split([' ', '/']).find(|part| !part.is_empty()).expect("a tag has a name");
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closed.trim()), "</{closed}>");
        } else if !tag.ends_with('/') {
            open.push(name);
        }
        for (at, _) in piece.match_indices('&') {
            let entity = &piece[at..piece[at..].find(';').map_or(at, |end| at + end)];
            assert!(["&lt", "&gt", "&amp", "&quot", "&apos"].contains(&entity), "{entity}");
        }
        if name == "text" && !after.trim().is_empty() {
            texts.push(after.trim().to_owned());
        }
    }
    assert!(open.is_empty(), "{open:?} is not closed");
    assert!(svg.chars().all(|letter| letter == '\n' || !letter.is_control()));
    texts
}

#[test]
fn an_svg_file_nests_and_says_everything() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("session.svg");
    let mut session = sample::session();
    session.runs[0].name = "<b>&\"\u{1b}[31m\u{202e}'".into();
    export(&session, &path, &Options::default()).unwrap();
    let svg = fs::read_to_string(&path).unwrap();
    assert!(svg.starts_with("<svg width=\"1600\" height=\"1000\" viewBox=\"0 0 16000 10000\""), "{}", &svg[..80]);
    let texts = texts_of(&svg);
    for expected in [
        "MNIST digits, two-layer perceptron",
        "loss",
        "generalization gap",
        "Hessian trace",
        "λ max",
        "gradient evaluations",
        "loss (nats)",
        "test − train loss (nats)",
        "NSO",
        "σ .02→.03",
        "&lt;b&gt;&amp;&quot;[31m&apos;",
        "1,000",
        "1 not finite  ·  log",
    ] {
        assert!(texts.iter().any(|text| text == expected), "no text \"{expected}\" in {texts:?}");
    }
    assert_eq!(texts.iter().filter(|text| *text == "σ .02→.03").count(), 1, "changes are written once");
}

#[test]
fn a_picture_that_cannot_be_written_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("taken.png")).unwrap();
    let session = sample::session_until(100);
    let error = export(&session, &folder.path().join("taken.png"), &Options::default()).unwrap_err();
    assert!(error.to_string().contains("taken.png"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_session_without_runs_is_still_a_picture() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("empty.png");
    export(&Session::default(), &path, &Options { size: Size::new(400, 300), ..Options::default() }).unwrap();
    assert_eq!(Picture::read(&path).width, 400);
    assert_eq!(Size::new(100, 100), None);
}

#[test]
fn the_caption_says_how_each_curve_came_about() {
    let session = sample::session();
    assert_eq!(
        session_figure(&session).caption,
        [
            "SGD: sgd, lr .05, momentum .9, seed 1, completed at step 4,000, 4,000 gradient evaluations",
            "WP-SGD: wp-sgd, σ .03, k 2, lr .05, momentum .9, seed 1, completed at step 2,000, 4,000 gradient evaluations",
            "SAM: sam, ρ .05, lr .05, momentum .9, seed 1, diverged at step 1,300, 2,600 gradient evaluations (the loss is NaN)",
            "NSO: nso, σ .02, k 1, lr .05, momentum .9, seed 1, completed at step 2,000, 4,000 gradient evaluations",
            "Changed while running: NSO σ .02→.03 at step 500; NSO σ .03→.02 at step 1,100",
        ]
    );
}

#[test]
fn panels_of_one_measurement_have_the_ink_of_every_run() {
    use PanelKind::{Density, PerturbationGap, SmoothedTrace, TracePerTensor};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("snapshots.png");
    let options =
        Options { panels: vec![SmoothedTrace, Density, TracePerTensor, PerturbationGap], ..Options::default() };
    export(&sample::session(), &path, &options).unwrap();
    let picture = Picture::read(&path);
    assert_eq!((picture.width, picture.height()), (1600, 1000));
    let ink = |(columns, rows), slot| picture.count((columns, rows), ink(slot).on_light);
    for slot in 0..4 {
        for part in [(50..100, 13..48), (0..50, 50..85), (50..100, 50..85)] {
            assert!(ink(part.clone(), slot) > 300, "run {slot} has {} pixels at {part:?}", ink(part.clone(), slot));
        }
    }
    let smoothed = [0, 1, 2, 3].map(|slot| ink((0..50, 13..48), slot) > 300);
    assert_eq!(smoothed, [false, true, false, true], "SGD and SAM sample no smoothed trace");
}

#[test]
fn a_picture_grows_with_its_panels() {
    let size = |panels| {
        let Size { width, height } = Size::suiting(panels);
        (width, height)
    };
    assert_eq!([0, 1, 4].map(size), [(1600, 1000); 3]);
    assert_eq!([6, 7, 16].map(size), [(2160, 1000), (2160, 1400), (2160, 2600)]);
    assert_eq!([1, 2, 4, 5, 6, 7, 16].map(grid), [(1, 1), (2, 1), (2, 2), (3, 2), (3, 2), (3, 3), (3, 6)]);
}

/// A text of an SVG file.
struct Placed {
    anchor: String,
    /// Where it begins or ends, as the anchor says.
    x: f64,
    y: f64,
    size: f64,
    letters: String,
}

fn placed(svg: &str) -> Vec<Placed> {
    let attribute = |tag: &str, name: &str| -> String {
        let at = tag.find(&format!(" {name}=\"")).map_or(0, |at| at + name.len() + 3);
        tag[at..].split('"').next().unwrap_or("").to_owned()
    };
    svg.split("<text")
        .skip(1)
        .filter(|piece| !piece.contains("rotate"))
        .map(|piece| {
            let (tag, after) = piece.split_once('>').unwrap();
            let number = |name| attribute(tag, name).parse().unwrap();
            let text = after.split('<').next().unwrap().trim().replace("&apos;", "'");
            Placed {
                anchor: attribute(tag, "text-anchor"),
                x: number("x"),
                y: number("y"),
                size: number("font-size"),
                letters: text,
            }
        })
        .collect()
}

#[test]
fn all_panels_are_titled_and_no_remark_runs_into_a_title() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("all.svg");
    export(&sample::session(), &path, &Options { panels: PanelKind::VARIANTS.to_vec(), ..Options::default() }).unwrap();
    let svg = fs::read_to_string(&path).unwrap();
    let texts = placed(&svg);
    let mut nowhere = String::new();
    let mut backend = SVGBackend::with_string(&mut nowhere, (1, 1));
    let pen = Pen::new(&mut backend, Surface::Vector, 1.0);
    let width = |size: f64, text: &str| pen.width(text, size / 1.24).unwrap();
    let mut beside = 0;
    for title in PanelKind::VARIANTS.iter().map(|kind| kind.title()) {
        let &Placed { x, y, size, .. } =
            texts.iter().find(|text| text.letters == title).unwrap_or_else(|| panic!("no \"{title}\""));
        let end = x + width(size, title);
        let remarks = texts.iter().filter(|text| text.anchor == "end" && (text.y - y).abs() < 100.0 && text.x > end);
        if let Some(remark) = remarks.min_by(|one, other| one.x.total_cmp(&other.x)) {
            beside += 1;
            let start = remark.x - width(remark.size, &remark.letters);
            assert!(start > end, "\"{}\" runs into \"{title}\"", remark.letters);
        }
    }
    assert!(beside >= 8, "only {beside} titles have a remark beside them");
    for name in ["fc1.weight", "fc2.bias", "eigenvalue", "noise scale σ"] {
        assert!(texts.iter().any(|text| text.letters == name), "{name}");
    }
}

#[test]
fn the_caption_holds_what_bounds_are_made_of_where_they_are_shown() {
    let session = sample::session();
    let figure = |kinds: &[PanelKind]| Figure::new("", &session.plotted_runs(), &View::default(), kinds).caption;
    let bounds = |caption: Vec<String>| caption.into_iter().find(|line| line.starts_with("Newest PAC-Bayes bound"));
    assert_eq!(bounds(figure(&[PanelKind::Loss])), None);
    let line = bounds(figure(&[PanelKind::Bound])).unwrap();
    let found = session.runs[0].history.snapshots().bound.unwrap();
    assert!(line.contains(&format!("; {}; a over 32 examples)", text::ingredients(&found))), "{line}");
    assert!(line.contains("not over the ball around w0") && line.contains("test loss .200"), "{line}");
    assert_eq!(line.matches("in the code's form").count(), 4);
    assert_eq!(line.matches("at e 1").count(), 4, "{line}");
}
