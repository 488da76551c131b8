//! Folders of images on disk: what is read, what is chosen, what is kept, and what is said when something is wrong.

mod cache;

use std::{cell::RefCell, collections::BTreeMap, fs, ops::ControlFlow, sync::Arc};

use proptest::prelude::*;

use super::*;

/// Pictures that Pillow wrote, and what it reads from them: see `tests/images/fixtures.py`.
fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/images")
}

/// Waits for every image.
fn every(_: usize, _: usize) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Root, options, and a place for the cache, all temporary.
struct Scene {
    root: tempfile::TempDir,
    cache: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap(), cache: tempfile::tempdir().unwrap() }
    }

    /// Classes a, b, c of `count` images each, red by class and green by number.
    fn with_classes(count: u8) -> Self {
        let scene = Self::new();
        for (class, name) in (0..).zip(["a", "b", "c"]) {
            (0..count).for_each(|i| scene.write(&format!("{name}/{i}.png"), &flat([50 * class, 5 * i, 0])));
        }
        scene
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn options(&self) -> FolderOptions {
        FolderOptions {
            image_size: NonZeroU32::new(2).unwrap(),
            per_class: None,
            test_share: Share::new(0.25).unwrap(),
            corrupt: Corrupt::Error,
            seed: 1,
            cache: Cache::Folder(self.cache.path().join("deep/er")),
        }
    }

    fn load(&self) -> Loaded {
        load(self.root.path(), &self.options(), &every).unwrap()
    }

    fn failure(&self) -> String {
        chain(&load(self.root.path(), &self.options(), &every).unwrap_err())
    }

    fn cache_file(&self) -> PathBuf {
        let files: Vec<_> = fs::read_dir(self.cache.path().join("deep/er")).unwrap().collect();
        assert_eq!(files.len(), 1, "one set, one file, and nothing temporary");
        files[0].as_ref().unwrap().path()
    }
}

fn chain(mut error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    while let Some(cause) = error.source() {
        text = format!("{text}: {cause}");
        error = cause;
    }
    text
}

/// A PNG of 3 x 3 pixels of one colour.
fn flat(colour: [u8; 3]) -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    image::RgbImage::from_pixel(3, 3, image::Rgb(colour)).write_to(&mut file, image::ImageFormat::Png).unwrap();
    file.into_inner()
}

/// (red, green, label) of the first pixel of each image, sorted.
fn colours(images: &Images) -> Vec<(u8, u8, u32)> {
    let mut found: Vec<_> =
        images.pixels().chunks(12).zip(images.labels()).map(|(image, &label)| (image[0], image[4], label)).collect();
    found.sort_unstable();
    found
}

#[test]
fn images_of_every_kind_are_read_as_pillow_reads_them() {
    let expected = fs::read(fixtures().join("expected.json")).unwrap();
    let expected: BTreeMap<String, Vec<u8>> = serde_json::from_slice(&expected).unwrap();
    assert_eq!(expected.len(), 14);
    for (name, pillow) in expected {
        let found = read(&fixtures().join(&name), 12).unwrap();
        assert_eq!(found.len(), pillow.len());
        let largest = found.iter().zip(&pillow).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        // JPEG decoders may round and smooth colours differently.
        let bar = if name.contains(".png") { 1 } else { 4 };
        assert!(largest <= bar, "{name}: {largest}");
    }
}

/// Two black pixels, two white ones, in the middle of a row: the square is the middle two.
#[test]
fn the_central_square_is_cut_out_before_it_is_scaled() {
    let scene = Scene::new();
    let mut file = std::io::Cursor::new(Vec::new());
    let row = image::GrayImage::from_raw(6, 2, [9, 9, 0, 255, 9, 9].repeat(2)).unwrap();
    row.write_to(&mut file, image::ImageFormat::Png).unwrap();
    scene.write("wide.png", &file.into_inner());
    assert_eq!(read(&scene.root.path().join("wide.png"), 2).unwrap(), [0, 255, 0, 255].repeat(3));
}

#[test]
fn classes_are_folders_and_their_images_are_split_by_seed() {
    let scene = Scene::with_classes(8);
    scene.write("a/notes.txt", b"not an image");
    scene.write("b/UPPER.JPeG", &fs::read(fixtures().join("plain.jpg")).unwrap());
    scene.write(".hidden/x.png", b"");
    scene.write("a/.hidden.png", b"");
    scene.write("readme.png", b"beside the classes");
    let loaded = scene.load();
    assert_eq!(loaded.train.classes(), ["a", "b", "c"]);
    assert_eq!((loaded.train.len(), loaded.test.len(), loaded.train.shape()), (19, 6, [3, 2, 2]));
    let all = [colours(&loaded.train), colours(&loaded.test)].concat();
    let flat: Vec<_> =
        all.iter().filter(|(red, green, label)| u32::from(*red) == 50 * label && green % 5 == 0).collect();
    assert!(flat.len() >= 24, "a picture has lost its label: {all:?}");
    let other = load(scene.root.path(), &FolderOptions { seed: 2, ..scene.options() }, &every).unwrap();
    assert_ne!(colours(&loaded.test), colours(&other.test));
    assert_eq!(loaded.train, scene.load().train);
}

#[test]
fn train_and_test_folders_are_kept_apart() {
    for held_out in ["test", "val"] {
        let scene = Scene::new();
        for class in ["a", "b"] {
            (0..4).for_each(|i| scene.write(&format!("train/{class}/{i}.png"), &flat([0, 5 * i, 0])));
        }
        scene.write(&format!("{held_out}/b/x.png"), &flat([200, 0, 0]));
        let loaded = scene.load();
        assert_eq!((loaded.train.len(), loaded.test.len()), (8, 1));
        assert_eq!(colours(&loaded.test), [(200, 0, 1)]);
        scene.write(&format!("{held_out}/c/x.png"), &flat([200, 0, 0]));
        assert!(scene.failure().contains("c: there is no class of this name among the training images"));
    }
}

#[test]
fn only_what_is_used_is_decoded_and_progress_ends_at_the_end() {
    let scene = Scene::with_classes(8);
    let options = FolderOptions { per_class: NonZeroUsize::new(2), ..scene.options() };
    let seen = RefCell::new(Vec::new());
    let loaded = load(scene.root.path(), &options, &|done, total| {
        seen.borrow_mut().push((done, total));
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!((loaded.train.len(), loaded.test.len()), (6, 6));
    assert_eq!(*seen.borrow(), (1..=12).map(|done| (done, 12)).collect::<Vec<_>>());
    let wrong = |images: &Images| colours(images).iter().filter(|(red, _, l)| u32::from(*red) != 50 * l).count();
    assert_eq!((wrong(&loaded.train), wrong(&loaded.test)), (0, 0));
}

#[test]
fn a_corrupt_image_is_an_error_or_is_skipped_and_counted() {
    let scene = Scene::with_classes(4);
    scene.write("b/1.png", b"GIF89a?");
    scene.write("c/0.png", b"");
    let error = scene.failure();
    assert!(error.contains("b/1.png cannot be used") || error.contains("c/0.png cannot be used"), "{error}");
    assert!(error.contains("problem.corrupt = \"skip\""), "{error}");
    let skipping = FolderOptions { corrupt: Corrupt::Skip, ..scene.options() };
    let fresh = load(scene.root.path(), &skipping, &every).unwrap();
    let cached = load(scene.root.path(), &skipping, &every).unwrap();
    for loaded in [&fresh, &cached] {
        assert_eq!(loaded.train.len() + loaded.test.len(), 10);
        let mut names: Vec<_> = loaded.skipped.iter().map(|skipped| skipped.path.clone()).collect();
        names.sort();
        assert_eq!(names, ["b/1.png", "c/0.png"].map(|name| scene.root.path().join(name)));
        assert!(loaded.skipped.iter().any(|skipped| skipped.reason.contains("begins with the bytes [47, 49, 46")));
        let all = [colours(&loaded.train), colours(&loaded.test)].concat();
        assert!(all.iter().all(|(red, _, label)| u32::from(*red) == 50 * label), "{all:?}");
    }
    assert_eq!((fresh.train, fresh.test, fresh.skipped), (cached.train, cached.test, cached.skipped));
    // What was skipped once is an error again where that is asked.
    assert!(scene.failure().contains("cannot be used"));
}

#[test]
fn reading_ends_where_it_is_cancelled() {
    let scene = Scene::with_classes(40);
    let calls = RefCell::new(0);
    let error = load(scene.root.path(), &scene.options(), &|done, _| {
        *calls.borrow_mut() += 1;
        if done == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(matches!(error, Err(DataError::Unwanted)));
    assert_eq!(calls.into_inner(), 3);
    // Nothing half read is kept for the next time.
    assert_eq!(scene.load().train.len() + scene.load().test.len(), 120);
}

#[test]
fn a_set_is_decoded_once_and_again_when_a_file_changes() {
    let scene = Scene::with_classes(4);
    let steps = |options: &FolderOptions| {
        let calls = RefCell::new(0);
        let loaded = load(scene.root.path(), options, &|_, _| {
            *calls.borrow_mut() += 1;
            ControlFlow::Continue(())
        })
        .unwrap();
        (calls.into_inner(), loaded)
    };
    let (calls, fresh) = steps(&scene.options());
    assert_eq!(calls, 12);
    let (calls, cached) = steps(&scene.options());
    assert_eq!((calls, &cached.train, &cached.test), (1, &fresh.train, &fresh.test));
    // Another seed splits the same images.
    let (calls, other) = steps(&FolderOptions { seed: 2, ..scene.options() });
    assert_eq!(calls, 1);
    let (_, uncached) = steps(&FolderOptions { seed: 2, cache: Cache::Off, ..scene.options() });
    assert_eq!((other.train, other.test), (uncached.train, uncached.test));
    scene.cache_file();
    scene.write("a/0.png", &[flat([0, 250, 0]), vec![0]].concat());
    let (calls, changed) = steps(&scene.options());
    assert_eq!(calls, 12);
    assert_ne!(colours(&changed.train), colours(&fresh.train));
    assert_eq!(steps(&FolderOptions { image_size: NonZeroU32::new(3).unwrap(), ..scene.options() }).0, 12);
}

#[test]
fn folders_that_hold_no_set_say_what_is_missing() {
    let scene = Scene::new();
    assert!(scene.failure().contains("two or more, or train and test with such folders in them; found none"));
    scene.write("only/x.png", &flat([0; 3]));
    assert!(scene.failure().ends_with("found one"));
    scene.write("empty/readme.txt", b"");
    assert!(scene.failure().contains("empty: there is no file in it that ends in .jpg, .jpeg or .png"));
    scene.write("empty/y.png", &flat([0; 3]));
    assert!(scene.failure().ends_with("it has no usable test image"), "{}", scene.failure());
    let nowhere = chain(&load(&scene.root.path().join("no\u{1b}where"), &scene.options(), &every).unwrap_err());
    assert!(nowhere.contains("cannot read"), "{nowhere}");
    let many = workers::room(usize::MAX / 4, 1000).unwrap_err();
    assert!(many.contains("lower problem.image_size or problem.per_class"), "{many}");
}

#[test]
fn names_of_classes_cannot_act_on_a_terminal() {
    let scene = Scene::new();
    for class in ["\u{1b}[31mred", "plain"] {
        (0..4).for_each(|i| scene.write(&format!("{class}/{i}.png"), &flat([0; 3])));
    }
    assert_eq!(scene.load().train.classes(), ["[31mred", "plain"]);
}

#[test]
fn the_first_of_several_faults_is_named_whatever_the_threads_do() {
    let scene = Scene::with_classes(20);
    (5..20).for_each(|i| scene.write(&format!("b/{i}.png"), &[u8::try_from(i).unwrap(); 30]));
    let scene = Arc::new(scene);
    let named: Vec<String> = (0..8).map(|_| scene.failure()).collect();
    assert!(named.iter().all(|error| *error == named[0]), "{named:?}");
}

/// Gives the chunks of a PNG file the checksums of what they hold, so that changes reach the decoder.
fn mend_checksums(file: &mut [u8]) {
    let mut at = png::SIGNATURE.len();
    while let Some(&length) = file.get(at..).and_then(<[u8]>::first_chunk) {
        let end = at.saturating_add(8).saturating_add(u32::from_be_bytes(length) as usize);
        let Some(content) = file.get(at + 4..end) else { break };
        let mut crc = flate2::Crc::new();
        crc.update(content);
        let sum = crc.sum().to_be_bytes();
        let Some(place) = file.get_mut(end..end + 4) else { break };
        place.copy_from_slice(&sum);
        at = end + 4;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whole files with a few bytes changed, and any bytes behind a signature.
    #[test]
    fn no_bytes_make_reading_panic(
        seed in 0_usize..4, changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        noise in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut bytes = match seed {
            0 => fs::read(fixtures().join("progressive.jpg")).unwrap(),
            1 => fs::read(fixtures().join("palette.png")).unwrap(),
            2 => fs::read(fixtures().join("plain.jpg")).unwrap(),
            _ => [&jpeg::SIGNATURE[..], &noise].concat(),
        };
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if seed == 1 {
            mend_checksums(&mut bytes);
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), &bytes).unwrap();
        let _ = read(file.path(), 8);
    }
}
