//! Image files that lie: each is refused with its name, and none makes the program allocate more than its own size and
//! 64 MB. Alone in its program, because it watches every allocation.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    fs,
    io::Write,
    num::NonZeroU32,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Mutex,
};

use flate2::{
    Compression, Crc,
    write::{GzEncoder, ZlibEncoder},
};
use nso_tui::data::{
    Share,
    folder::{Cache, Corrupt, FolderOptions, load},
    idx,
};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// One test allocates at a time.
static ALONE: Mutex<()> = Mutex::new(());

const MOST: usize = 64_000_000;
const SIDE: u32 = 64;

fn fixture(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/images").join(name)).unwrap()
}

/// A PNG chunk with its length and checksum.
fn chunk(name: [u8; 4], content: &[u8]) -> Vec<u8> {
    let mut crc = Crc::new();
    crc.update(&name);
    crc.update(content);
    let length = u32::try_from(content.len()).unwrap();
    [&length.to_be_bytes()[..], &name, content, &crc.sum().to_be_bytes()].concat()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

/// A PNG of `size` (width, height) whose pixels are `data`; `kind` is its bits a channel, colour type and interlacing.
fn png((width, height): (u32, u32), [bits, colours, interlaced]: [u8; 3], data: &[u8], extra: &[u8]) -> Vec<u8> {
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[bits, colours, 0, 0, interlaced]].concat();
    [b"\x89PNG\r\n\x1a\n", &chunk(*b"IHDR", &header)[..], extra, &chunk(*b"IDAT", data), &chunk(*b"IEND", b"")].concat()
}

const RGB8: [u8; 3] = [8, 2, 0];

/// Where the frame header of a JPEG file begins: at its ff c0 to ff c2.
fn frame(file: &[u8]) -> usize {
    file.windows(2).position(|pair| pair[0] == 0xff && (0xc0..=0xc2).contains(&pair[1])).unwrap()
}

/// `file` with another width and height in its frame header.
fn sized(name: &str, width: u16, height: u16) -> Vec<u8> {
    let mut file = fixture(name);
    let at = frame(&file) + 5;
    file[at..at + 4].copy_from_slice(&[height.to_be_bytes(), width.to_be_bytes()].concat());
    file
}

/// `file` with the bytes of `range`, which counts from the frame header, replaced.
fn framed(name: &str, range: std::ops::Range<usize>, bytes: &[u8]) -> Vec<u8> {
    let mut file = fixture(name);
    let at = frame(&file);
    file.splice(at + range.start..at + range.end, bytes.iter().copied());
    file
}

/// A name, and the bytes of a file.
type Case = (String, Vec<u8>);

/// Whole files with something missing or changed.
fn damaged() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut case = |name: &str, bytes: Vec<u8>| cases.push((name.to_owned(), bytes));
    for name in ["plain.jpg", "progressive.jpg", "grey.jpg", "restarts.jpg", "cmyk.jpg", "plain.png", "palette.png"] {
        let whole = fixture(name);
        for cut in (0..whole.len()).step_by(23).chain([whole.len() - 1, whole.len() - 2]) {
            case(&format!("{cut}-of-{name}"), whole[..cut].to_vec());
        }
    }
    let whole = fixture("plain.png");
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        case(&format!("bit-{at}.png"), flipped);
    }
    cases
}

/// PNG files that lie.
fn pngs() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut case = |name: &str, bytes: Vec<u8>| cases.push((name.to_owned(), bytes));
    let pixels = zlib(&[0; 1000]);
    for size in [
        (u32::MAX, u32::MAX),
        (1 << 31, 1),
        (1, u32::MAX),
        (65_535, 65_535),
        (16_385, 1),
        (16_000, 16_000),
        (5000, 5000),
    ] {
        case(&format!("claims-{}x{}.png", size.0, size.1), png(size, RGB8, &pixels, b""));
    }
    // Within the bounds, but the pixels end early: the decoder has room for them and finds none.
    case("short.png", png((3600, 3600), RGB8, &pixels, b""));
    case("short-deep.png", png((1700, 1700), [16, 6, 0], &pixels, b""));
    case("short-interlaced.png", png((3600, 3600), [8, 2, 1], &pixels, b""));
    case("short-flat.png", png((16_384, 200), RGB8, &pixels, b""));
    case("short-steep.png", png((200, 16_384), RGB8, &pixels, b""));
    case("no-pixels.png", png((10, 10), RGB8, b"", b""));
    case("not-zlib.png", png((10, 10), RGB8, &[0xa5; 100], b""));
    case("no-width.png", png((0, 10), RGB8, &pixels, b""));
    case("no-height.png", png((10, 0), RGB8, &pixels, b""));
    case("odd-depth.png", png((10, 10), [7, 2, 0], &pixels, b""));
    case("odd-colours.png", png((10, 10), [8, 5, 0], &pixels, b""));
    case("odd-interlacing.png", png((10, 10), [8, 2, 9], &pixels, b""));
    case("no-palette.png", png((10, 10), [8, 3, 0], &pixels, b""));
    case("unknown.png", png((10, 10), RGB8, &zlib(&[0; 310]), &chunk(*b"CODE", b"rm")));
    case("odd-filter.png", png((10, 10), RGB8, &zlib(&[77; 1000]), b""));
    case("profile-bomb-and-no-pixels.png", png((3600, 3600), RGB8, &pixels, &profile_bomb()));
    let header = chunk(*b"IHDR", &[0, 0, 0, 1, 0, 0, 0, 1, 8, 2, 0, 0, 0]);
    case("only-header.png", [b"\x89PNG\r\n\x1a\n", &header[..]].concat());
    case("no-data.png", [b"\x89PNG\r\n\x1a\n", &header[..], &chunk(*b"IEND", b"")].concat());
    case(
        "data-first.png",
        [b"\x89PNG\r\n\x1a\n", &chunk(*b"IDAT", &pixels)[..], &header, &chunk(*b"IEND", b"")].concat(),
    );
    case("end-first.png", [b"\x89PNG\r\n\x1a\n", &chunk(*b"IEND", b"")[..]].concat());
    case(
        "short-header.png",
        [b"\x89PNG\r\n\x1a\n", &chunk(*b"IHDR", &[0, 0, 0, 1])[..], &chunk(*b"IEND", b"")].concat(),
    );
    case("huge-chunk.png", [b"\x89PNG\r\n\x1a\n", &header[..], &[0xff; 4], b"IDAT", &pixels].concat());
    cases
}

/// JPEG files that lie.
fn jpegs() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut case = |name: &str, bytes: Vec<u8>| cases.push((name.to_owned(), bytes));
    for (width, height) in [(65_535, 65_535), (16_385, 8), (8, 65_535), (16_384, 16_384), (5000, 5000)] {
        for name in ["plain.jpg", "progressive.jpg", "cmyk.jpg"] {
            case(&format!("claims-{width}x{height}-{name}"), sized(name, width, height));
        }
    }
    // Within the bounds, as far as that goes for each kind of decoding.
    case("short-baseline.jpg", sized("plain.jpg", 4200, 4200));
    case("short-progressive.jpg", sized("progressive.jpg", 3000, 3000));
    case("short-full-colour.jpg", sized("full-colour.jpg", 4200, 4200));
    case("short-cmyk.jpg", sized("cmyk.jpg", 4200, 4200));
    case("short-restarts.jpg", sized("restarts.jpg", 4200, 4200));
    case("short-grey.jpg", sized("grey.jpg", 7200, 7200));
    case("short-grey-progressive.jpg", sized("grey-progressive.jpg", 4200, 4200));
    case("short-flat.jpg", sized("plain.jpg", 16_384, 900));
    case("no-width.jpg", sized("plain.jpg", 0, 10));
    case("no-height.jpg", sized("plain.jpg", 10, 0));
    for kind in [0xc3, 0xc5, 0xc9, 0xca, 0xcf] {
        case(&format!("frame-{kind:02x}.jpg"), framed("plain.jpg", 1..2, &[kind]));
    }
    case("sampling-0.jpg", framed("plain.jpg", 11..12, &[0x02]));
    case("sampling-44.jpg", framed("plain.jpg", 11..12, &[0x44]));
    case("sampling-ff.jpg", framed("progressive.jpg", 11..12, &[0xff]));
    case("components-2.jpg", framed("plain.jpg", 9..10, &[2]));
    case("components-255.jpg", framed("plain.jpg", 9..10, &[255]));
    case("short-frame.jpg", framed("plain.jpg", 2..4, &[0, 4]));
    case("frame-length-0.jpg", framed("plain.jpg", 2..4, &[0, 0]));
    let second = sized("plain.jpg", 65_535, 65_535);
    let second = &second[frame(&second)..][..19];
    case("two-frames.jpg", framed("plain.jpg", 0..0, second));
    // A second frame in a table that is longer than it says: the decoder that believes the table would see it first.
    let hidden = [&[0xff, 0xdb, 0, 69 + 19][..], &[0; 67], second].concat();
    case("hidden-frame.jpg", framed("plain.jpg", 0..0, &hidden));
    let plain = fixture("plain.jpg");
    case("only-ends.jpg", [&plain[..2], &[0xff, 0xd9]].concat());
    case("no-scan.jpg", [&plain[..frame(&plain) + 19], &[0xff, 0xd9]].concat());
    case("scan-first.jpg", [&plain[..2], &[0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 0xff, 0xd9]].concat());
    case("half-of-the-scan.jpg", [&plain[..plain.len() - 300], &[0xff, 0xd9]].concat());
    case(
        "noise.jpg",
        [&[0xff, 0xd8, 0xff][..], &(0..5000_u32).map(|i| (i * i).to_be_bytes()[2]).collect::<Vec<_>>()].concat(),
    );
    case("fill.jpg", [&[0xff, 0xd8][..], &[0xff; 5000]].concat());
    cases
}

/// Files that are neither.
fn others() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut case = |name: &str, bytes: Vec<u8>| cases.push((name.to_owned(), bytes));
    case("empty.png", vec![]);
    case("empty.jpg", vec![]);
    case("text.png", b"this is a text".to_vec());
    case("gif.jpg", b"GIF89a\x01\x00\x01\x00\x00\x00\x00;".to_vec());
    case("bitmap.jpeg", b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0".to_vec());
    case("escape.png", b"\x1b]0;title\x07\x1b[2J".to_vec());
    case("archive.png", [&b"PK\x03\x04"[..], &[0; 60]].concat());
    case("zeros.jpg", vec![0; 100_000]);
    cases
}

/// A colour profile of 200 MB of zeros, packed.
fn profile_bomb() -> Vec<u8> {
    chunk(*b"iCCP", &[&b"p\0\0"[..], &zlib(&vec![0; 200_000_000])].concat())
}

/// What is harmless: the pixels are all there, and what is too much beside them is not unpacked.
fn harmless() -> Vec<(&'static str, Vec<u8>)> {
    let pixels = zlib(&[0; 310]);
    let text = [&b"k\0\0"[..], &zlib(&vec![b'x'; 200_000_000])].concat();
    let plain = fixture("plain.jpg");
    vec![
        ("profile-bomb.png", png((10, 10), RGB8, &pixels, &profile_bomb())),
        ("text-bomb.png", png((10, 10), RGB8, &pixels, &chunk(*b"zTXt", &text))),
        ("pixel-bomb.png", png((10, 10), RGB8, &zlib(&vec![0; 200_000_000]), b"")),
        ("animated.png", png((10, 10), RGB8, &pixels, &chunk(*b"acTL", &[0xff; 8]))),
        ("large-deep.png", png((1700, 1700), [16, 6, 0], &zlib(&vec![0; 1700 * (1 + 8 * 1700)]), b"")),
        ("large-grey-transparent.png", png((2400, 2400), [8, 4, 0], &zlib(&vec![0; 2400 * (1 + 2 * 2400)]), b"")),
        ("large-interlaced.png", png((3700, 3700), [8, 0, 1], &zlib(&vec![0; 3700 * 3750]), b"")),
        ("large-bits.png", png((3500, 3500), [1, 0, 0], &zlib(&vec![0; 3500 * 439]), b"")),
        ("tail.png", [&fixture("plain.png")[..], &[7; 1000]].concat()),
        ("tail.jpg", [&plain[..], &[7; 1000]].concat()),
        ("large.jpg", large()),
    ]
}

/// As large a JPEG file as is decoded.
fn large() -> Vec<u8> {
    let mut file = Vec::new();
    let image = image::RgbImage::from_fn(4300, 4100, |x, y| image::Rgb([(x % 251) as u8, (y % 241) as u8, 9]));
    image.write_with_encoder(image::codecs::jpeg::JpegEncoder::new(&mut file)).unwrap();
    file
}

/// `name` claiming another size, with a first scan that is long enough for it: decoded or refused, but not before the
/// decoder has made room for it.
fn stuffed(name: &str, width: u16, height: u16) -> Vec<u8> {
    let mut file = sized(name, width, height);
    let scan = file.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap();
    let data = scan + 2 + usize::from(u16::from_be_bytes([file[scan + 2], file[scan + 3]]));
    // Three components at full resolution, two bits a block of 64 pixels.
    let length = usize::from(width) * usize::from(height) * 3 * 2 / 64 / 8 + 5000;
    file.splice(data..data, std::iter::repeat_n(0, length));
    file
}

struct Scene(tempfile::TempDir);

impl Scene {
    fn new() -> Self {
        let scene = Self(tempfile::tempdir().unwrap());
        for path in ["a/1.png", "a/2.png", "b/1.png"] {
            let path = scene.0.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, fixture("plain.png")).unwrap();
        }
        scene
    }

    fn place(&self, name: &str) -> PathBuf {
        self.0.path().join("b").join(name)
    }

    /// What loading says, and what it allocates at most beyond `size` bytes.
    fn load(&self, corrupt: Corrupt, size: usize) -> Result<usize, String> {
        let options = FolderOptions {
            image_size: NonZeroU32::new(SIDE).unwrap(),
            per_class: None,
            test_share: Share::new(0.5).unwrap(),
            corrupt,
            seed: 1,
            cache: Cache::Off,
        };
        let before = ALLOCATED.current_usage();
        ALLOCATED.reset_peak_usage();
        let loaded = load(self.0.path(), &options, &|_, _| ControlFlow::Continue(()));
        let peak = ALLOCATED.peak_usage() - before;
        assert!(peak <= size + MOST, "{peak} bytes for a file of {size}");
        loaded.map(|loaded| loaded.skipped.len()).map_err(|error| {
            let mut text = error.to_string();
            let mut cause = std::error::Error::source(&error);
            while let Some(error) = cause {
                text = format!("{text}: {error}");
                cause = error.source();
            }
            text
        })
    }

    /// `name` is refused by name, or skipped and counted.
    fn refuses(&self, name: &str, size: usize) -> String {
        let error = self.load(Corrupt::Error, size).err().unwrap_or_else(|| panic!("{name} is accepted"));
        assert!(error.contains(&format!("b/{name} cannot be used")), "{name}: {error}");
        assert!(!error.contains(char::is_control), "{name}: {error:?}");
        assert_eq!(self.load(Corrupt::Skip, size), Ok(1), "{name}");
        error
    }
}

/// A packed IDX file that claims 268 MB and has 100 MB.
#[test]
fn a_packed_array_that_lies_is_counted_before_it_is_kept() {
    let _alone = ALONE.lock().unwrap();
    // Stored as it is, so that the file could hold what it claims.
    let mut file = GzEncoder::new(Vec::new(), Compression::none());
    file.write_all(&[0, 0, 8, 3, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 0, 0xff]).unwrap();
    file.write_all(&vec![0; 100_000_000]).unwrap();
    let file = file.finish().unwrap();
    let before = ALLOCATED.current_usage();
    ALLOCATED.reset_peak_usage();
    let error = idx::parse(&file).unwrap_err().to_string();
    let peak = ALLOCATED.peak_usage() - before;
    assert!(error.contains("(shape [1024, 1024, 255]) but 100000000 follow from byte 16"), "{error}");
    assert!(peak <= MOST, "{peak}");
}

#[test]
fn what_lies_is_refused_by_name_within_64_mb() {
    let _alone = ALONE.lock().unwrap();
    let scene = Scene::new();
    let cases = [damaged(), pngs(), jpegs(), others()].concat();
    assert!(cases.len() > 500);
    for (name, bytes) in cases {
        fs::write(scene.place(&name), &bytes).unwrap();
        scene.refuses(&name, bytes.len());
        fs::remove_file(scene.place(&name)).unwrap();
    }
    for (name, bytes) in harmless() {
        fs::write(scene.place(name), &bytes).unwrap();
        assert_eq!(scene.load(Corrupt::Error, bytes.len()), Ok(0), "{name}");
        fs::remove_file(scene.place(name)).unwrap();
    }

    let sides = (1500..=7500).step_by(500).map(|side| (side, side));
    for (width, height) in sides.chain([(16_384, 500), (500, 16_384), (16_384, 900)]) {
        for name in ["plain", "full-colour", "progressive", "restarts", "grey", "grey-progressive", "cmyk"] {
            let bytes = stuffed(&format!("{name}.jpg"), width, height);
            fs::write(scene.place("stuffed.jpg"), &bytes).unwrap();
            let _ = scene.load(Corrupt::Skip, bytes.len());
        }
    }
    fs::remove_file(scene.place("stuffed.jpg")).unwrap();

    let place = scene.place("folder.png");
    fs::create_dir(&place).unwrap();
    assert!(scene.refuses("folder.png", 0).contains("and no file"));
    fs::remove_dir(&place).unwrap();

    // A file of 1 TB with nothing in it.
    let place = scene.place("hole.png");
    fs::File::create(&place).unwrap().set_len(1 << 40).unwrap();
    assert!(scene.refuses("hole.png", 0).contains("more than 64000000 bytes"));
    fs::remove_file(&place).unwrap();

    #[cfg(unix)]
    for (name, target) in [("loop.png", "loop.png"), ("nowhere.jpg", "not-there.jpg"), ("zeros.png", "/dev/zero")] {
        std::os::unix::fs::symlink(target, scene.place(name)).unwrap();
        scene.refuses(name, 0);
        fs::remove_file(scene.place(name)).unwrap();
    }
}
