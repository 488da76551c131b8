//! Decoding many images on several threads.

use std::{
    iter,
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use super::{Corrupt, ImageFault, ImageProgress, Skipped, decode, image_bytes, scan::File};
use crate::data::{DataError, check_room};

/// More threads only wait for the disk, and each may take 64 MB.
const MOST_THREADS: usize = 8;

/// Larger sets do not fit most machines' memory.
const LARGEST_SET: usize = 8 << 30;

/// Images in the order of their files, [n, 3, side, side]. What stands in place of those that were skipped means nothing.
#[derive(Debug)]
pub(super) struct Decoded {
    pub pixels: Vec<u8>,
    /// In the order of files.
    pub skipped: Vec<(usize, Skipped)>,
}

/// Room for `count` images, zeroed.
///
/// # Errors
/// A text that says what to change, where there is no such room.
pub(super) fn room(count: usize, side: u32) -> Result<Vec<u8>, String> {
    check_room(count, side)?;
    let bytes = count.checked_mul(image_bytes(side)).filter(|&bytes| bytes <= LARGEST_SET);
    let mut pixels = Vec::new();
    if let Some(bytes) = bytes.filter(|&bytes| pixels.try_reserve_exact(bytes).is_ok()) {
        pixels.extend(iter::repeat_n(0, bytes));
        return Ok(pixels);
    }
    Err(format!(
        "{count} images of {side} x {side} pixels do not fit the memory; lower problem.image_size or problem.per_class"
    ))
}

/// How files are decoded.
pub(super) struct Decoding<'a> {
    /// Rows and columns that images are scaled to.
    pub side: u32,
    pub corrupt: Corrupt,
    pub progress: ImageProgress<'a>,
}

/// Decodes `files` into `pixels`, which has [`room`] for them. Threads decode; this one collects, and calls `progress`
/// after each image.
///
/// # Errors
/// [`DataError::Image`] for the first corrupt image, unless those are skipped; [`DataError::Unwanted`] once `progress`
/// says so.
pub(super) fn decode_all(
    files: &[File],
    Decoding { side, corrupt, progress }: Decoding<'_>,
    mut pixels: Vec<u8>,
) -> Result<Decoded, DataError> {
    let image = image_bytes(side);
    let threads = thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS).min(files.len());
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    // Bounded: no thread runs ahead of the one that collects.
    let (sender, results) = mpsc::sync_channel(threads);
    let mut faults: Vec<(usize, ImageFault)> = Vec::new();
    let mut wanted = ControlFlow::Continue(());
    thread::scope(|scope| {
        for _ in 0..threads {
            let (sender, next, stop) = (sender.clone(), &next, &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(file) = files.get(at) else { break };
                    if sender.send((at, guarded(file, side))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        for (done, (at, result)) in results.iter().enumerate() {
            match result {
                Ok(planes) => pixels[at * image..][..image].copy_from_slice(&planes),
                Err(fault) => {
                    // Earlier images are being decoded already: the first fault is found whatever the threads do.
                    stop.store(corrupt == Corrupt::Error, Ordering::Relaxed);
                    faults.push((at, fault));
                }
            }
            wanted = progress(done + 1, files.len());
            if wanted.is_break() {
                stop.store(true, Ordering::Relaxed);
                // A thread that is about to send an image finds the channel closed.
                break;
            }
        }
        drop(results);
    });
    if wanted.is_break() {
        return Err(DataError::Unwanted);
    }
    faults.sort_by_key(|(at, _)| *at);
    if corrupt == Corrupt::Error && !faults.is_empty() {
        let (at, source) = faults.swap_remove(0);
        return Err(DataError::Image { path: files[at].path.clone(), source });
    }
    let skipped = faults.into_iter().map(|(at, fault)| (at, Skipped::new(files[at].path.clone(), &fault))).collect();
    Ok(Decoded { pixels, skipped })
}

/// A fault of a decoder is a fault of the image that shows it.
fn guarded(file: &File, side: u32) -> Result<Vec<u8>, ImageFault> {
    catch_unwind(AssertUnwindSafe(|| decode::read(&file.path, side)))
        .unwrap_or_else(|_| Err(ImageFault::Decode("the decoder broke off".to_owned())))
}
