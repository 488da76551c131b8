//! Valid files with bytes flipped, cut out and moved: each reader gives an error or a value, in bounded time and memory. The targets in
//! `fuzz/` look for more of the same with the help of coverage.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use nso_tui::{
    data::{folder, idx},
    problem::checkpoint::Checkpoint,
    run::{
        log::{LogReader, verify},
        preset,
    },
};
use peak_alloc::PeakAlloc;
use proptest::prelude::*;

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// One test allocates at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// Bytes beside 64 times the file's own.
const ALLOWANCE: usize = 70_000_000;

const DEADLINE: Duration = Duration::from_secs(10);

/// What is done to a file.
#[derive(Debug, Clone)]
enum Change {
    Flip {
        at: prop::sample::Index,
        bits: u8,
    },
    Cut {
        at: prop::sample::Index,
    },
    Remove {
        at: prop::sample::Index,
        length: usize,
    },
    Copy {
        from: prop::sample::Index,
        to: prop::sample::Index,
        length: usize,
    },
    /// A number that sizes are read from.
    Number {
        at: prop::sample::Index,
        number: u32,
    },
}

impl Change {
    fn apply(&self, file: &mut Vec<u8>) {
        if file.is_empty() {
            return;
        }
        let end = |at: usize, length: usize, file: &[u8]| at.saturating_add(length).min(file.len());
        match self {
            Self::Flip { at, bits } => {
                let at = at.index(file.len());
                file[at] ^= bits;
            }
            Self::Cut { at } => file.truncate(at.index(file.len())),
            Self::Remove { at, length } => {
                let at = at.index(file.len());
                file.drain(at..end(at, *length, file));
            }
            Self::Copy { from, to, length } => {
                let (from, to) = (from.index(file.len()), to.index(file.len()));
                let piece = file[from..end(from, *length, file)].to_vec();
                file.splice(to..to, piece);
            }
            Self::Number { at, number } => {
                let at = at.index(file.len());
                let end = end(at, 4, file);
                file[at..end].copy_from_slice(&number.to_be_bytes()[..end - at]);
            }
        }
    }
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    use prop::sample::Index;

    let number = prop_oneof![Just(0), Just(u32::MAX), Just(1 << 31), any::<u32>()];
    let change = prop_oneof![
        4 => (any::<Index>(), any::<u8>()).prop_map(|(at, bits)| Change::Flip { at, bits }),
        1 => any::<Index>().prop_map(|at| Change::Cut { at }),
        1 => (any::<Index>(), 1_usize..64).prop_map(|(at, length)| Change::Remove { at, length }),
        1 => (any::<Index>(), any::<Index>(), 1_usize..200)
            .prop_map(|(from, to, length)| Change::Copy { from, to, length }),
        1 => (any::<Index>(), number).prop_map(|(at, number)| Change::Number { at, number }),
    ];
    prop::collection::vec(change, 1..6)
}

/// Gives `read` ten thousand changed forms of these files.
fn changed(files: &[Vec<u8>], mut read: impl FnMut(Vec<u8>)) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        failure_persistence: None,
        max_shrink_iters: 200,
        ..ProptestConfig::with_cases(10_000)
    });
    let read = std::cell::RefCell::new(&mut read);
    runner
        .run(&(0..files.len(), changes()), |(which, changes)| {
            let mut file = files[which].clone();
            for change in changes {
                change.apply(&mut file);
            }
            let most = 64 * file.len() + ALLOWANCE;
            let (before, begin) = (ALLOCATED.current_usage(), Instant::now());
            ALLOCATED.reset_peak_usage();
            read.borrow_mut()(file);
            let used = ALLOCATED.peak_usage().saturating_sub(before);
            prop_assert!(used <= most, "{used} bytes");
            prop_assert!(begin.elapsed() < DEADLINE, "{:?}", begin.elapsed());
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
}

fn fixtures(folder: &str, ending: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.retain(|path| path.extension().is_some_and(|found| found == ending));
    let files: Vec<Vec<u8>> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
    // Small ones: every byte of them is changed some time.
    let small: Vec<Vec<u8>> = files.into_iter().filter(|file| file.len() < 20_000).collect();
    assert!(!small.is_empty(), "{ending}");
    small
}

#[test]
fn presets() {
    let small = preset::embedded().map(|(_, text)| text.as_bytes().to_vec()).filter(|text| text.len() < 2_500);
    changed(&small.collect::<Vec<_>>(), |file| {
        let _ = preset::parse("changed", &String::from_utf8_lossy(&file), &[]);
    });
}

#[test]
fn idx_files() {
    let plain = [&[0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 6][..], &[7; 120]].concat();
    let packed = {
        use std::io::Write as _;
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(&plain).unwrap();
        packed.finish().unwrap()
    };
    changed(&[plain, packed], |file| {
        let _ = idx::parse(&file);
    });
}

#[test]
fn pretrained_weights() {
    let files = [fixtures("checkpoints/fixtures", "pth"), fixtures("checkpoints/fixtures", "safetensors")].concat();
    changed(&files, |file| {
        if let Ok(checkpoint) = Checkpoint::parse("changed", file) {
            for name in checkpoint.names() {
                let _ = checkpoint.tensor(name, checkpoint.shape(name).unwrap());
            }
        }
    });
}

#[test]
fn images() {
    let place = tempfile::NamedTempFile::new().unwrap();
    changed(&[fixtures("images", "png"), fixtures("images", "jpg")].concat(), |file| {
        fs::write(place.path(), file).unwrap();
        let _ = folder::read(place.path(), 8);
    });
}

/// A log as it is read, and a whole session as `verify` reads it, weights included.
#[test]
fn sessions() {
    let place = tempfile::tempdir().unwrap();
    let session = place.path().join("s");
    let arguments = ["run", "valley", "--set", "train.gradients=12", "--out", session.to_str().unwrap()];
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_nso-tui")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let log = session.join("SGD/events.jsonl");
    let weights = session.join("SGD/weights.safetensors");
    let [whole_log, whole_weights] = [&log, &weights].map(|path| fs::read(path).unwrap());
    let begins_as_a_log = |file: &[u8]| file.first() == Some(&b'{');
    changed(&[whole_log, whole_weights], |file| {
        if begins_as_a_log(&file) {
            fs::write(&log, &file).unwrap();
            LogReader::new(log.clone()).read_new().unwrap();
        } else {
            fs::write(&weights, &file).unwrap();
        }
        let _ = verify(&session);
    });
}
